using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Container = Microsoft.Azure.Cosmos.Container;

namespace Selvedge.Local.Functions;

/// <summary>
/// Runs the functions with a <see cref="CosmosDBTriggerAttribute"/> by the SDK's own change feed processor, as Azure's listener does: batches in order, leases shared by the
/// instances, a failed batch tried again by the function's retry attribute and otherwise passed over.
/// </summary>
internal sealed partial class CosmosFeedRunner(
    IReadOnlyList<HostedFunction> functions, FunctionExecutionDelegate pipeline, IServiceProvider services, LocalData data, TimeProvider time,
    IHostApplicationLifetime lifetime, ILogger<CosmosFeedRunner> logger) : IHostedService, IDisposable
{
    // The worker's serializer: web names, whatever case the item has.
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web);

    private readonly CancellationToken stopping = lifetime.ApplicationStopping;
    private readonly List<ChangeFeedProcessor> processors = [];
    private CosmosClient? client;
    private LocalData.InstanceName? instance;

    /// <summary>Checks a function with this trigger.</summary>
    /// <exception cref="LocalHostException">It cannot be hosted.</exception>
    public static HostedFunction Host(HostedFunction.Identity identity, MethodInfo method, ParameterInfo trigger, CosmosDBTriggerAttribute feed)
    {
        if (feed.ChangeFeedMode != CosmosDBChangeFeedMode.LatestVersion) { throw FunctionCatalogue.Refuse(identity.Name, "ChangeFeedMode.AllVersionsAndDeletes needs continuous backup, which exists only in Azure."); }
        if (FunctionInvoker.ResultOf(method) != typeof(void)) { throw FunctionCatalogue.Refuse(identity.Name, "a change feed function's result goes nowhere. Return Task or void."); }
        var type = trigger.ParameterType;
        if (type != typeof(string) && !(type.IsGenericType && type.IsAssignableFrom(typeof(List<>).MakeGenericType(type.GetGenericArguments()[0]))))
        {
            throw FunctionCatalogue.Refuse(identity.Name, $"its [CosmosDBTrigger] parameter is {type.Name}; it must be IReadOnlyList<T> or string.");
        }
        if (feed.StartFromTime is { } from && !DateTime.TryParse(from, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal, out _)) { throw FunctionCatalogue.Refuse(identity.Name, $"StartFromTime '{from}' is no time in ISO 8601."); }
        return new HostedFunction(identity, FunctionInvoker.Compile(identity.Name, method, trigger, route: null)) { Feed = new(feed, type, HostedFunction.RetryPolicy.Of(identity.Name, method)) };
    }

    /// <summary>Starts to read; the app's own hosted services have started by then.</summary>
    /// <exception cref="LocalHostException">A container is missing.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var hosted = functions.Where(function => function.Feed is not null).ToList();
        if (hosted.Count == 0) { return; }
        client = data.Connect();
        instance = data.TakeName();
        foreach (var function in hosted)
        {
            var trigger = function.Feed!.Trigger;
            try
            {
                var watched = (await client.GetContainer(trigger.DatabaseName, trigger.ContainerName).ReadContainerAsync(cancellationToken: cancellationToken)).Container;
                var database = client.GetDatabase(trigger.LeaseDatabaseName ?? trigger.DatabaseName);
                var leases = trigger.CreateLeaseContainerIfNotExists
                    ? (await database.CreateContainerIfNotExistsAsync(trigger.LeaseContainerName ?? "leases", "/id", cancellationToken: cancellationToken)).Container
                    : (await database.GetContainer(trigger.LeaseContainerName ?? "leases").ReadContainerAsync(cancellationToken: cancellationToken)).Container;
                processors.Add(Build(function, trigger, watched, leases));
            }
            catch (CosmosException missing) when (missing.StatusCode == System.Net.HttpStatusCode.NotFound)
            {
                throw new LocalHostException(ExitCode.Functions, $"Function {function.Name}: container {trigger.DatabaseName}/{trigger.ContainerName}, or its leases' ({trigger.LeaseContainerName ?? "leases"}), is not there.", missing);
            }
        }
        await Task.WhenAll(processors.Select(processor => processor.StartAsync()));
    }

    /// <summary>Gives the leases free; what runs is waited for until <paramref name="cancellationToken"/>.</summary>
    public async Task StopAsync(CancellationToken cancellationToken) =>
        await Task.WhenAll(processors.Select(processor => processor.StopAsync())).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <inheritdoc/>
    public void Dispose()
    {
        client?.Dispose();
        instance?.Dispose();
    }

    private ChangeFeedProcessor Build(HostedFunction function, CosmosDBTriggerAttribute trigger, Container watched, Container leases)
    {
        static TimeSpan Time(int milliseconds, int otherwise) => TimeSpan.FromMilliseconds(milliseconds > 0 ? milliseconds : otherwise);
        var builder = watched.GetChangeFeedProcessorBuilder((trigger.LeaseContainerPrefix ?? "") + function.Name, (_, changes, cancel) => RunAsync(function, changes, cancel))
            .WithInstanceName(instance!.Name)
            .WithLeaseContainer(leases)
            .WithPollInterval(Time(trigger.FeedPollDelay, 5_000))
            .WithLeaseConfiguration(Time(trigger.LeaseAcquireInterval, 13_000), Time(trigger.LeaseExpirationInterval, 60_000), Time(trigger.LeaseRenewInterval, 17_000))
            .WithErrorNotification((_, failure) =>
            {
                if (!stopping.IsCancellationRequested) { LogReading(failure, function.Name); }
                return Task.CompletedTask;
            });
        if (trigger.MaxItemsPerInvocation > 0) { builder.WithMaxItems(trigger.MaxItemsPerInvocation); }
        if (trigger.StartFromTime is { } from) { builder.WithStartTime(DateTime.Parse(from, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal)); }
        else if (trigger.StartFromBeginning) { builder.WithStartTime(DateTime.MinValue.ToUniversalTime()); }
        return builder.Build();
    }

    // What throws here keeps the lease where it is: only a stop does.
    private async Task RunAsync(HostedFunction function, Stream changes, CancellationToken lost)
    {
        var plan = function.Feed!;
        var items = await ReadAsync(changes, plan.Items);
        for (var retry = 0; ; retry++)
        {
            await using var scope = services.CreateAsyncScope();
            var invocation = new Invocation(function) { TriggerInput = items, Stopping = stopping, InstanceServices = scope.ServiceProvider, Retry = new(retry, plan.Retry.MaxRetryCount) };
            try
            {
                await pipeline(invocation);
                return;
            }
            catch (Exception failure)
            {
                stopping.ThrowIfCancellationRequested();
                lost.ThrowIfCancellationRequested();
                LogFailed(failure, function.Name, invocation.InvocationId, retry + 1);
            }
            if (plan.Retry.MaxRetryCount >= 0 && retry >= plan.Retry.MaxRetryCount) { return; }
            await Task.Delay(plan.Retry.DelayBefore(retry + 1), time, stopping);
        }
    }

    private static async Task<object?> ReadAsync(Stream changes, Type items)
    {
        var json = await JsonDocument.ParseAsync(changes);
        var documents = json.RootElement.GetProperty("Documents");
        // They are of the document, which is let go of with them: read once, whatever they are then used for.
        if (items.IsAssignableFrom(typeof(List<JsonElement>))) { return documents.EnumerateArray().ToList(); }
        using (json) { return items == typeof(string) ? documents.GetRawText() : documents.Deserialize(items, Format); }
    }

    [LoggerMessage(EventId = 130, Level = LogLevel.Error, Message = "Change feed function {Function} failed, invocation {InvocationId}, try {Try}")]
    private partial void LogFailed(Exception failure, string function, string invocationId, int @try);

    [LoggerMessage(EventId = 131, Level = LogLevel.Warning, Message = "{Function} cannot read its change feed at the moment; it tries again")]
    private partial void LogReading(Exception failure, string function);
}
