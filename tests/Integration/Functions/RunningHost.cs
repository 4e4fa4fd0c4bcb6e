using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Functions;

/// <summary>A host on a free port with the functions of the given types, its own folder, and a client for it.</summary>
internal sealed class RunningHost : IAsyncDisposable
{
    private readonly IHost host;
    private readonly TempFolder? folder;

    private RunningHost(IHost host, TempFolder? folder)
    {
        (this.host, this.folder) = (host, folder);
        Url = host.Services.GetRequiredService<LocalAddress>().Url;
        Client = new HttpClient { BaseAddress = new Uri(Url) };
    }

    public string Url { get; }

    public HttpClient Client { get; }

    public IServiceProvider Services => host.Services;

    public static Task<RunningHost> StartAsync(params Type[] functions) => StartAsync(functions, _ => { });

    public static async Task<RunningHost> StartAsync(Type[] functions, Action<FunctionsApplicationBuilder> configure, TempFolder? shared = null)
    {
        var folder = shared ?? new TempFolder();
        try
        {
            var host = Build(folder, functions, configure);
            await host.StartAsync(TestContext.Current.CancellationToken);
            return new RunningHost(host, shared is null ? folder : null);
        }
        catch
        {
            if (shared is null) { folder.Dispose(); }
            throw;
        }
    }

    /// <summary>A host that is not started yet, configured by the files in <paramref name="folder"/>.</summary>
    public static IHost Build(TempFolder folder, Type[] functions, Action<FunctionsApplicationBuilder> configure, params string[] args)
    {
        if (!File.Exists(folder.File("host.json"))) { folder.Write("host.json", """{ "version": "2.0", "extensions": { "http": { "routePrefix": "" } } }"""); }
        var builder = FunctionsApplication.CreateBuilder(["--port", "0", "--data", folder.File("data"), .. args], [folder.Path]);
        builder.Logging.ClearProviders();
        builder.ConfigureFunctionsWebApplication();
        builder.UseFunctions(functions);
        configure(builder);
        return builder.Build();
    }

    /// <summary>The message with which a host of these functions refuses to be built.</summary>
    public static LocalHostException Refusal(params Type[] functions)
    {
        using var folder = new TempFolder();
        return Assert.Throws<LocalHostException>(() => { using var host = Build(folder, functions, _ => { }); });
    }

    public async Task<(HttpStatusCode Status, string Body)> GetAsync(string path)
    {
        using var response = await Client.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    public Task StopAsync() => host.StopAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await host.StopAsync(CancellationToken.None);
        await ((IAsyncDisposable)host).DisposeAsync();
        folder?.Dispose();
    }
}

/// <summary>A new folder below the system's temporary one, deleted with its content.</summary>
internal sealed class TempFolder : IDisposable
{
    public TempFolder() => Directory.CreateDirectory(Path);

    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"functions-{Guid.NewGuid():N}");

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Write(string name, string content) => System.IO.File.WriteAllText(File(name), content);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>Keeps what the host logs.</summary>
internal sealed class LogLines : ILoggerProvider, ILogger
{
    private readonly List<string> lines = [];

    public IReadOnlyList<string> All
    {
        get { lock (lines) { return [.. lines]; } }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (lines) { lines.Add($"{logLevel} {formatter(state, exception)} {exception?.Message}"); }
    }

    public void Dispose() { }
}
