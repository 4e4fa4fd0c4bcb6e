using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Selvedge.Tools.Cli;

/// <summary>One run of the command: where it speaks to, with which key, and how it answers. Results go to stdout; errors and progress to stderr.</summary>
internal sealed class Session : IDisposable
{
    public static readonly Option<bool> Json = new("--json") { Description = "Print what the API answered, for programs", Recursive = true };
    public static readonly Option<string?> Url = new("--url") { Description = "Where the app is (SELVEDGE_URL, http://localhost:7071)", Recursive = true, HelpName = "address" };
    public static readonly Option<string?> Key = new("--key") { Description = "The API key (SELVEDGE_KEY, or the content of ./.data/admin.key)", Recursive = true, HelpName = "key" };

    static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    Session(ParseResult parsed)
    {
        AsJson = parsed.GetValue(Json);
        var address = parsed.GetValue(Url) ?? Environment.GetEnvironmentVariable("SELVEDGE_URL") ?? "http://localhost:7071";
        if (!Uri.TryCreate(address.TrimEnd('/') + "/", UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https")) throw new UsageException($"'{address}' is no address. Expected e.g. http://localhost:7071.");
        (KeyText, KeySource, KeyFault) = FindKey(parsed.GetValue(Key));
        Api = new(url, KeyText);
        Out = Console(System.Console.Out, System.Console.IsOutputRedirected);
        Progress = Console(System.Console.Error, System.Console.IsErrorRedirected);
        ShowsProgress = !AsJson && !System.Console.IsErrorRedirected;
    }

    public Api Api { get; }
    public bool AsJson { get; }
    public IAnsiConsole Out { get; }
    public IAnsiConsole Progress { get; }
    public bool ShowsProgress { get; }

    /// <summary>The key, where it was found, and why it could not be read.</summary>
    public string? KeyText { get; }
    public string KeySource { get; }
    public string? KeyFault { get; }

    /// <summary>The data folder of an app on this machine, as far as this command can know it.</summary>
    public static string DataFolder => Environment.GetEnvironmentVariable("SELVEDGE_DATA") ?? Path.Combine(".", ".data");

    /// <summary>Runs a command's work; what stands against it becomes a message and an exit code.</summary>
    public static async Task<int> RunAsync(ParseResult parsed, Func<Session, ParseResult, CancellationToken, Task<int>> work, CancellationToken cancel)
    {
        var json = parsed.GetValue(Json);
        try
        {
            using var session = new Session(parsed);
            return await work(session, parsed, cancel);
        }
        catch (UsageException wrong)
        {
            return Fail(json, Exit.Usage, "Wrong usage", wrong.Message);
        }
        catch (UnreachableException unreachable)
        {
            return Fail(json, Exit.Unreachable, "Not reachable", unreachable.Message);
        }
        catch (RefusedException refused)
        {
            var hint = refused.Status == 401 ? " Give a key with --key or SELVEDGE_KEY, or run this in the folder that holds .data/admin.key." : "";
            return Fail(json, Exit.Refused, refused.Title, refused.Message + hint, refused.Problem);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return Fail(json, Exit.Interrupted, "Interrupted", "What was begun goes on in the app.");
        }
    }

    /// <summary>Prints the API's answer (<c>--json</c>) or what <paramref name="show"/> makes of it.</summary>
    public void Show(JsonNode answer, Action<IAnsiConsole> show)
    {
        if (AsJson) System.Console.Out.WriteLine(answer.ToJsonString(Indented));
        else show(Out);
    }

    /// <summary>A table with these columns; a name that ends with '#' is a number.</summary>
    public static Table Table(params string[] columns)
    {
        var table = new Table { Border = TableBorder.Simple, ShowRowSeparators = false };
        foreach (var column in columns) table.AddColumn(new TableColumn(Markup.Escape(column.TrimEnd('#'))) { Alignment = column.EndsWith('#') ? Justify.Right : Justify.Left });
        return table;
    }

    /// <summary>A cell: text from outside may not steer the terminal.</summary>
    public static Text Cell(JsonNode? value) => new(Plain(value?.ToString() ?? ""));

    public static string Plain(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '·' : c));

    public void Dispose() => Api.Dispose();

    static int Fail(bool json, int code, string title, string detail, JsonObject? problem = null)
    {
        if (json)
        {
            System.Console.Error.WriteLine((problem?.DeepClone() ?? new JsonObject { ["title"] = title, ["detail"] = detail }).ToJsonString(Indented));
            return code;
        }
        System.Console.Error.WriteLine($"{Plain(title)}: {Plain(detail)}");
        foreach (var error in (problem?["errors"] as JsonArray ?? []).Take(20))
            System.Console.Error.WriteLine("  " + Plain(string.Join(' ', new[] { (string?)error?["pointer"] ?? (string?)error?["parameter"], (string?)error?["detail"] }.Where(part => !string.IsNullOrEmpty(part)))));
        return code;
    }

    static (string? Key, string Source, string? Fault) FindKey(string? given)
    {
        if (given is not null) return (given.Trim(), "--key", null);
        if (Environment.GetEnvironmentVariable("SELVEDGE_KEY") is { Length: > 0 } variable) return (variable.Trim(), "SELVEDGE_KEY", null);
        var file = Path.Combine(DataFolder, "admin.key");
        try
        {
            return File.Exists(file) ? (File.ReadAllText(file).Trim(), file, null) : (null, file, "there is no such file");
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return (null, file, unreadable.Message);
        }
    }

    static IAnsiConsole Console(TextWriter writer, bool redirected)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer), Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect });
        // A file or a pipe has no width to keep to.
        if (redirected) console.Profile.Width = 1000;
        return console;
    }
}

/// <summary>What a command does.</summary>
internal static class CommandWork
{
    /// <summary>Gives a command its work.</summary>
    public static void Does(this Command command, Func<Session, ParseResult, CancellationToken, Task<int>> work) => command.SetAction((parsed, cancel) => Session.RunAsync(parsed, work, cancel));
}
