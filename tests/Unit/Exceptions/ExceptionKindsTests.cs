using System.Text.RegularExpressions;
using Selvedge.Exceptions;

namespace Selvedge.Tests.Unit.Exceptions;

/// <summary>The table of kinds, the code that opens them and the page that describes them say the same.</summary>
public sealed partial class ExceptionKindsTests
{
    static readonly DirectoryInfo Root = FindRoot();

    static DirectoryInfo FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Serverless.sln"))) folder = folder.Parent;
        return folder ?? throw new InvalidOperationException("The test does not run inside the repository.");
    }

    [GeneratedRegex(@"Contradict\(""(\w+)""|OpenAsync\(order, line, ""(\w+)""|new ExceptionCase\b[^;]{0,300}?\bKind = ""(\w+)""", RegexOptions.Singleline)]
    private static partial Regex Opens();

    static IEnumerable<string> OpenedInCode() =>
        from folder in new[] { "shared", "functions" }
        from file in Directory.EnumerateFiles(Path.Combine(Root.FullName, folder), "*.cs", SearchOption.AllDirectories)
        where !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
        from Match match in Opens().Matches(File.ReadAllText(file))
        select match.Groups.Values.Skip(1).First(found => found.Success).Value;

    [Fact]
    public void Every_kind_that_code_opens_is_in_the_table()
    {
        var opened = OpenedInCode().Distinct().Order().ToList();
        Assert.Contains("belowZero", opened);
        Assert.Contains("oversell", opened);
        Assert.Contains("intakeStuck", opened);
        Assert.Empty(opened.Except(ExceptionKinds.All.Select(kind => kind.Kind)));
    }

    [Fact]
    public void Every_kind_in_the_table_is_opened_somewhere() => Assert.Empty(ExceptionKinds.All.Select(kind => kind.Kind).Except(OpenedInCode()));

    [Fact]
    public void The_page_describes_every_kind_as_the_table_does()
    {
        var page = File.ReadAllText(Path.Combine(Root.FullName, "docs", "exceptions.md")).ReplaceLineEndings("\n");
        foreach (var kind in ExceptionKinds.All)
        {
            var closes = kind.ClosesItself is { } when ? $"Closed by the app when {when}." : "Closed by a person only.";
            Assert.Contains($"""
                ## {kind.Kind}

                {kind.Title}. Severity {kind.Severity.ToString().ToLowerInvariant()}, due within {kind.DueHours} h.

                - Expected: {kind.Expected}.
                - Found: {kind.Found}.
                - {kind.Resolves}
                - {closes}

                """.ReplaceLineEndings("\n"), page, StringComparison.Ordinal);
        }
        Assert.Equal(ExceptionKinds.All.Count, page.Split("\n## ").Length - 1);
    }
}
