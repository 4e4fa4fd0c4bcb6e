using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Selvedge.Local.Cosmos;
using Selvedge.Local.Durable;
using Selvedge.Local.ServiceBus;

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

/// <summary>The host <see cref="FunctionsApplicationBuilder.Build"/> makes. Opens the data folder and binds the address, then starts
/// the app's hosted services, the timers, and HTTP last; stops in the reverse order, and the data folder closes at the end.</summary>
internal sealed class FunctionsHost : IHost, IAsyncDisposable
{
    // Azure's host takes 100 MB at most; a function may lower it per request (IHttpMaxRequestBodySizeFeature).
    private const long MaxRequestBodyBytes = 100 * 1024 * 1024;

    private readonly WebApplication app;
    private readonly LocalSettings settings;
    private readonly Listeners listeners;
    private CosmosEndpoint? cosmosEndpoint;
    private CosmosStore? watched;
    private DurableStore? watchedDurable;
    private ServiceBusBroker? watchedBus;
    private string? storeFault;
    private volatile bool starting;

    private FunctionsHost(WebApplication app, LocalSettings settings, Listeners listeners) =>
        (this.app, this.settings, this.listeners) = (app, settings, listeners);

    /// <inheritdoc/>
    public IServiceProvider Services => app.Services;

    /// <summary>Builds the web application around <paramref name="functions"/>.</summary>
    public static FunctionsHost Create(WebApplicationBuilder builder, LocalSettings settings, IReadOnlyList<HostedFunction> functions, FunctionExecutionDelegate pipeline)
    {
        var listeners = new Listeners();
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel => (kestrel.AddServerHeader, kestrel.Limits.MaxRequestBodySize) = (false, MaxRequestBodyBytes));
        builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = listeners.Take);
        builder.Services.AddHostedService(services => ActivatorUtilities.CreateInstance<TimerRunner>(services, functions, pipeline));
        builder.Services.AddSingleton(services => ActivatorUtilities.CreateInstance<DurableFunctions>(services, functions, pipeline));
        builder.Services.AddHostedService<DurableWorker>();
        builder.Services.AddHostedService(services => ActivatorUtilities.CreateInstance<ServiceBusRunner>(services, functions, pipeline, settings.ServiceBus));
        builder.Services.AddHostedService(services => ActivatorUtilities.CreateInstance<CosmosFeedRunner>(services, functions, pipeline));
        if (functions.Any(function => typeof(IActionResult).IsAssignableFrom(function.Http?.Result))) { builder.Services.AddMvcCore(); }
        FunctionsHost? host = null;
        // The generic host logs a start that a signal cut short as a failure.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", level => level >= LogLevel.Warning && host?.IsCutShort != true);
        var app = builder.Build();
        new HttpFunctions(pipeline, app.Services.GetRequiredService<ILogger<HttpFunctions>>()).Map(app, functions);
        return host = new FunctionsHost(app, settings, listeners);
    }

    // Someone asked it to stop before it was up.
    private bool IsCutShort => starting && app.Lifetime.ApplicationStopping.IsCancellationRequested;

    /// <inheritdoc/>
    /// <exception cref="LocalHostException">The data folder, the store or the address cannot be had, or the app failed to start.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        var data = app.Services.GetRequiredService<LocalData>();
        var port = listeners.Bind(settings);
        app.Services.GetRequiredService<LocalAddress>().Url = $"http://{Listeners.UrlHost(settings.Host)}:{port}";
        var kestrel = app.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value;
        foreach (var endPoint in listeners.EndPoints) { kestrel.Listen(endPoint); }
        if (settings.CosmosPort is { } cosmosPort) { cosmosEndpoint = await StartCosmosEndpointAsync(data.Cosmos, cosmosPort); }
        if (settings.Queues.Count > 0) { DeclareQueues(data); }
        try
        {
            starting = true;
            await app.StartAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (IsCutShort)
        {
            // Whoever runs the host sees that it is stopping, and stops it in order.
            return;
        }
        catch (Exception failure) when (failure is not (LocalHostException or OperationCanceledException))
        {
            throw new LocalHostException(ExitCode.App, $"The app could not start: {failure.Message.ReplaceLineEndings(" ")}", failure);
        }
        finally
        {
            starting = false;
        }
        watched = data.Cosmos;
        watched.Faulted += StopOnFault;
        if (!app.Services.GetRequiredService<DurableFunctions>().Any) { return; }
        watchedDurable = data.Durable;
        watchedDurable.Faulted += StopOnFault;
    }

    /// <inheritdoc/>
    /// <exception cref="LocalHostException">The host was stopped by a fault of the store.</exception>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        await app.StopAsync(cancellationToken);
        if (Interlocked.Exchange(ref storeFault, null) is { } message) { throw new LocalHostException(ExitCode.StoreFault, message); }
    }

    /// <inheritdoc/>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (watched is not null) { watched.Faulted -= StopOnFault; }
        if (watchedDurable is not null) { watchedDurable.Faulted -= StopOnFault; }
        if (watchedBus is not null) { watchedBus.Faulted -= StopOnFault; }
        if (cosmosEndpoint is not null) { await cosmosEndpoint.DisposeAsync(); }
        await app.DisposeAsync();
        listeners.Dispose();
    }

    private void DeclareQueues(LocalData data)
    {
        try
        {
            foreach (var queue in settings.Queues) { data.ServiceBus.Declare(queue); }
        }
        catch (ServiceBusException refused)
        {
            throw new LocalHostException(ExitCode.Settings, $"servicebus.json: {refused.Message}", refused);
        }
        watchedBus = data.ServiceBus;
        watchedBus.Faulted += StopOnFault;
    }

    // The store's writer calls this; the stop must not run on its thread, which the requests being drained wait for.
    private void StopOnFault(string message)
    {
        storeFault = message;
        _ = Task.Run(app.Lifetime.StopApplication);
    }

    private static async Task<CosmosEndpoint> StartCosmosEndpointAsync(CosmosStore store, int port)
    {
        try
        {
            return await CosmosEndpoint.StartAsync(store, port);
        }
        catch (CosmosStoreException taken)
        {
            throw new LocalHostException(ExitCode.Address, taken.Message, taken);
        }
    }
}
