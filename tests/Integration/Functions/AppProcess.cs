using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Selvedge.Tests.Integration.Functions;

/// <summary>The real function app as a process of its own, as a person starts it.</summary>
internal sealed partial class AppProcess : IAsyncDisposable
{
    private readonly Process process;
    private readonly List<string> output = [];
    private readonly TaskCompletionSource<Uri> address = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task<string> errors;

    private AppProcess(Process process)
    {
        this.process = process;
        process.OutputDataReceived += (_, line) => Note(line.Data);
        process.BeginOutputReadLine();
        errors = process.StandardError.ReadToEndAsync();
    }

    public int Id => process.Id;

    /// <summary>What it wrote last.</summary>
    public string Said => string.Join('\n', output.TakeLast(40));

    /// <summary>It has ended.</summary>
    public bool IsOver => process.HasExited;

    /// <summary>Where it answers, once it has printed that; fails when it exits before.</summary>
    public Task<Uri> Address => address.Task;

    /// <summary>Starts it in <paramref name="folder"/>, on a free port unless <paramref name="args"/> name one.</summary>
    public static AppProcess Start(TempFolder folder, params string[] args)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet")
        {
            WorkingDirectory = folder.Path, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.ArgumentList.Add(typeof(Selvedge.Functions.App).Assembly.Location);
        foreach (var argument in args.Contains("--port") ? args : ["--port", "0", .. args]) { start.ArgumentList.Add(argument); }
        return new AppProcess(Process.Start(start)!);
    }

    public async Task SignalAsync(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", $"{Id}"]);
        await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Waits for its end; yields the exit code and what it wrote to stderr.</summary>
    public async Task<(int Code, string Errors)> ExitAsync()
    {
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await errors);
    }

    /// <summary>kill -9: no handler of its own runs.</summary>
    public async Task KillAsync()
    {
        if (!process.HasExited) { process.Kill(entireProcessTree: true); }
        await process.WaitForExitAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        process.Dispose();
    }

    private void Note(string? line)
    {
        if (line is null) { address.TrySetException(new InvalidOperationException("The app ended before it was up:\n" + string.Join('\n', output))); }
        else
        {
            output.Add(line);
            if (Url().Match(line) is { Success: true } url) { address.TrySetResult(new Uri(url.Value)); }
        }
    }

    [GeneratedRegex("http://localhost:\\d+(?=/api$)")]
    private static partial Regex Url();
}
