using System.Diagnostics;
using System.Net.Sockets;
using Selvedge.Tests.Integration.Functions;

namespace Selvedge.Tests.Integration.Inbound;

/// <summary>Azurite (npm), Microsoft's stand-in for Azure Storage, in memory on a free port. The setting AZURITE names its <c>azurite-blob</c>; otherwise it is
/// looked for in PATH. .ci/run installs it where there is npm.</summary>
internal sealed class Azurite : IAsyncDisposable
{
    readonly Process process;
    readonly TempFolder folder;

    Azurite(Process process, TempFolder folder, int port)
    {
        (this.process, this.folder) = (process, folder);
        // The account and key that Azurite documents for everybody.
        Connection = $"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;";
    }

    public string Connection { get; }

    /// <summary>Null where it is not installed.</summary>
    public static async Task<Azurite?> StartAsync()
    {
        var path = Environment.GetEnvironmentVariable("AZURITE") is { Length: > 0 } named ? named
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(entry => Path.Combine(entry, "azurite-blob")).FirstOrDefault(File.Exists);
        if (path is null || !File.Exists(path)) return null;
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        var port = ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        var folder = new TempFolder();
        var start = new ProcessStartInfo(path) { WorkingDirectory = folder.Path, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["--blobHost", "127.0.0.1", "--blobPort", $"{port}", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"]) start.ArgumentList.Add(argument);
        var azurite = new Azurite(Process.Start(start)!, folder, port);
        _ = azurite.process.StandardError.ReadToEndAsync();
        while (await azurite.process.StandardOutput.ReadLineAsync() is { } line)
            if (line.Contains("successfully listens", StringComparison.OrdinalIgnoreCase)) { _ = azurite.process.StandardOutput.ReadToEndAsync(); return azurite; }
        await azurite.DisposeAsync();
        throw new InvalidOperationException($"{path} ended before it listened.");
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited) process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
        folder.Dispose();
    }
}
