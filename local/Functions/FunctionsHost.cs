using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Selvedge.Local.Functions;

/// <summary>Where a started host listens.</summary>
public sealed class LocalAddress
{
    private string? url;

    /// <summary>The base address without a slash at its end, such as <c>http://localhost:7071</c>.</summary>
    /// <exception cref="InvalidOperationException">The host has not been started.</exception>
    public string Url
    {
        get => url ?? throw new InvalidOperationException("The host has no address before it is started.");
        internal set => url = value;
    }
}

/// <summary>The host <see cref="FunctionsApplicationBuilder.Build"/> makes: opens the data folder, binds the address, then starts
/// the app's services, HTTP and last the timers; stops in the reverse order.</summary>
internal sealed class FunctionsHost : IHost, IAsyncDisposable
{
    // Azure's host takes 100 MB at most; a function may lower it per request (IHttpMaxRequestBodySizeFeature).
    private const long MaxRequestBodyBytes = 100 * 1024 * 1024;

    private readonly WebApplication app;
    private readonly LocalSettings settings;
    private readonly Listeners listeners;
    private readonly Func<TimerRunner> makeTimers;
    private TimerRunner? timers;

    private FunctionsHost(WebApplication app, LocalSettings settings, Listeners listeners, Func<TimerRunner> makeTimers) =>
        (this.app, this.settings, this.listeners, this.makeTimers) = (app, settings, listeners, makeTimers);

    /// <inheritdoc/>
    public IServiceProvider Services => app.Services;

    /// <summary>Builds the web application around <paramref name="functions"/>.</summary>
    public static FunctionsHost Create(WebApplicationBuilder builder, LocalSettings settings, IReadOnlyList<HostedFunction> functions, FunctionExecutionDelegate pipeline)
    {
        var listeners = new Listeners();
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaxRequestBodyBytes;
        });
        builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = listeners.Take);
        if (functions.Any(function => typeof(IActionResult).IsAssignableFrom(function.Http?.Result))) { builder.Services.AddMvcCore(); }
        var app = builder.Build();
        new HttpFunctions(pipeline, app.Services.GetRequiredService<ILogger<HttpFunctions>>()).Map(app, functions);
        return new FunctionsHost(app, settings, listeners, () =>
            ActivatorUtilities.CreateInstance<TimerRunner>(app.Services, functions, pipeline, app.Services));
    }

    /// <inheritdoc/>
    /// <exception cref="StartupException">The data folder, the store or the address cannot be had.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        app.Services.GetRequiredService<LocalData>();
        var port = listeners.Bind(settings);
        var kestrel = app.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value;
        foreach (var endPoint in listeners.EndPoints) { kestrel.Listen(endPoint); }
        app.Services.GetRequiredService<LocalAddress>().Url = $"http://{Listeners.UrlHost(settings.Host)}:{port}";
        await app.StartAsync(cancellationToken);
        timers = makeTimers();
        timers.Start();
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        if (timers is not null) { await timers.StopAsync(cancellationToken); }
        await app.StopAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        timers?.Dispose();
        await app.DisposeAsync();
        listeners.Dispose();
    }
}
