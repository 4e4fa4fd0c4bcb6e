using System.Net;
using Azure.Core;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Selvedge.Platform;

/// <summary>A container as the app needs it: the one source of truth for its partition key, its indexes and its TTL.</summary>
/// <param name="Name">Container id.</param>
/// <param name="Keys">Partition key paths; more than one is hierarchical.</param>
/// <param name="Indexed">Paths to index beside id and partition key; everything else is left out to keep writes cheap.</param>
/// <param name="Ttl">Null: off. -1: on, items say for themselves (<c>ttl</c>, seconds).</param>
public sealed record ContainerSpec(string Name, string[] Keys, string[] Indexed, int? Ttl = null);

/// <summary>The account's containers (design, sections 3 to 5). Azure gets them from infrastructure; locally they are created at start.</summary>
public sealed class Store(CosmosClient client)
{
    public const string DatabaseId = "selvedge";

    public static IReadOnlyList<ContainerSpec> Containers { get; } =
    [
        new("skus", ["/sku"], ["/expiresAt/?", "/rank/?", "/first/?"]),
        new("orders", ["/id"], ["/status/?", "/channel/?", "/createdAt/?", "/intakeDue/?", "/fulfilDue/?", "/tellDue/?"]),
        new("people", ["/id"], [], Ttl: -1),
        new("work", ["/location", "/id"], ["/kind/?", "/status/?", "/queue/?", "/attention/?", "/about/?"], Ttl: -1),
        new("listings", ["/channel"], ["/sku/?", "/status/?", "/due/?"], Ttl: -1),
        new("leases", ["/id"], []),
        new("deadletters", ["/id"], []),
        new("styles", ["/id"], ["/season/?"]),
        new("history", ["/style"], []),
        new("aliases", ["/id"], ["/sku/?"]),
        new("settings", ["/kind"], []),
        new("inbox", ["/id"], [], Ttl: -1),
        new("exceptions", ["/id"], ["/status/?", "/kind/?", "/openedAt/?"]),
        new("approvals", ["/id"], ["/state/?", "/askedAt/?"]),
        new("access", ["/order"], ["/at/?"], Ttl: -1),
        new("audits", ["/id"], ["/startedAt/?"], Ttl: -1),
    ];

    readonly Database database = client.GetDatabase(DatabaseId);

    public CosmosClient Client { get; } = client;
    public Container Skus => database.GetContainer("skus");
    public Container Orders => database.GetContainer("orders");
    public Container People => database.GetContainer("people");
    public Container Work => database.GetContainer("work");
    public Container Listings => database.GetContainer("listings");
    public Container DeadLetters => database.GetContainer("deadletters");
    public Container Styles => database.GetContainer("styles");
    public Container History => database.GetContainer("history");
    public Container Aliases => database.GetContainer("aliases");
    public Container Settings => database.GetContainer("settings");
    public Container Inbox => database.GetContainer("inbox");
    public Container Exceptions => database.GetContainer("exceptions");
    public Container Approvals => database.GetContainer("approvals");
    public Container Access => database.GetContainer("access");
    public Container Audits => database.GetContainer("audits");

    /// <summary>Creates what is missing, and brings up what is of an earlier version. For local hosting and tests; in Azure the app creates nothing.</summary>
    public async Task CreateMissingAsync(CancellationToken cancel = default)
    {
        var created = await Client.CreateDatabaseIfNotExistsAsync(DatabaseId, cancellationToken: cancel);
        foreach (var spec in Containers)
        {
            var there = await created.Database.CreateContainerIfNotExistsAsync(Properties(spec), cancellationToken: cancel);
            // Of an earlier version: it gets the indexes and the TTL of this one. Its keys cannot be changed.
            if (there.StatusCode == HttpStatusCode.OK && !IsAs(spec, there.Resource)) await there.Container.ReplaceContainerAsync(Properties(spec), cancellationToken: cancel);
        }
    }

    /// <summary>Compares what is there with <see cref="Containers"/>: partition keys and TTL, which cannot be wrong without losing or misplacing data.</summary>
    /// <exception cref="InvalidOperationException">Something is missing or differs; the message names all of it.</exception>
    public async Task VerifyAsync(CancellationToken cancel = default)
    {
        var differences = new List<string>();
        foreach (var spec in Containers)
        {
            ContainerProperties found;
            try { found = (await database.GetContainer(spec.Name).ReadContainerAsync(cancellationToken: cancel)).Resource; }
            catch (CosmosException missing) when (missing.StatusCode == HttpStatusCode.NotFound)
            {
                differences.Add($"container '{spec.Name}' is missing");
                continue;
            }
            if (!found.PartitionKeyPaths.SequenceEqual(spec.Keys)) differences.Add($"container '{spec.Name}' has the partition key {string.Join(", ", found.PartitionKeyPaths)} instead of {string.Join(", ", spec.Keys)}");
            if (found.DefaultTimeToLive != spec.Ttl) differences.Add($"container '{spec.Name}' has the default TTL {found.DefaultTimeToLive?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "off"} instead of {spec.Ttl?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "off"}");
        }
        if (differences.Count > 0) throw new InvalidOperationException($"Database '{DatabaseId}' is not as this version needs it: {string.Join("; ", differences)}. Deploy the infrastructure first.");
    }

    static bool IsAs(ContainerSpec spec, ContainerProperties found) => found.DefaultTimeToLive == spec.Ttl && found.IndexingPolicy.IncludedPaths.Select(path => path.Path).ToHashSet(StringComparer.Ordinal).SetEquals(spec.Indexed);

    static ContainerProperties Properties(ContainerSpec spec)
    {
        var properties = new ContainerProperties(spec.Name, spec.Keys) { DefaultTimeToLive = spec.Ttl };
        foreach (var path in spec.Indexed) properties.IndexingPolicy.IncludedPaths.Add(new IncludedPath { Path = path });
        properties.IndexingPolicy.ExcludedPaths.Add(new ExcludedPath { Path = "/*" });
        return properties;
    }
}

public static class StoreSetup
{
    /// <summary>Registers <see cref="CosmosClient"/> and <see cref="Store"/>. A keyed <see cref="HttpMessageHandler"/> "cosmos" (local hosting)
    /// is used as the way to the store; otherwise the settings are that the triggers read as well: <c>Cosmos</c>, a connection string, or <c>Cosmos:accountEndpoint</c>, an address that is
    /// reached with the app's identity.</summary>
    public static IServiceCollection AddStore(this IServiceCollection services) => services
        .AddSingleton(provider => Connect(provider.GetRequiredService<IConfiguration>(), provider.GetKeyedService<HttpMessageHandler>("cosmos"), credential: provider.GetService<TokenCredential>()))
        .AddSingleton<Store>();

    /// <summary>A client with the app's settings. With <paramref name="handler"/> every call goes through it, in Gateway mode; <paramref name="before"/> sees each
    /// call first.</summary>
    public static CosmosClient Connect(IConfiguration? configuration, HttpMessageHandler? handler, RequestHandler? before = null, TokenCredential? credential = null)
    {
        var options = new CosmosClientOptions
        {
            ApplicationName = "selvedge",
            UseSystemTextJsonSerializerWithOptions = Json.Options,
            EnableContentResponseOnWrite = false,
            MaxRetryAttemptsOnRateLimitedRequests = 3,
            MaxRetryWaitTimeOnRateLimitedRequests = TimeSpan.FromSeconds(3),
            RequestTimeout = TimeSpan.FromSeconds(6),
        };
        if (before is not null) options.CustomHandlers.Add(before);
        if (handler is not null || configuration?["Cosmos:Gateway"] == "true")
        {
            options.ConnectionMode = ConnectionMode.Gateway;
            options.LimitToEndpoint = true;
            options.CosmosClientTelemetryOptions = new() { DisableDistributedTracing = true, DisableSendingMetricsToService = true };
        }
        if (handler is not null)
        {
            options.HttpClientFactory = () => new HttpClient(handler, disposeHandler: false);
            // The key is the well-known one of Microsoft's emulator: the in-process store asks for none, the SDK wants one.
            return new CosmosClient("http://localhost:8081/", "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==", options);
        }
        if (configuration?["Cosmos"] is { Length: > 0 } connection) return new CosmosClient(connection, options);
        if (configuration?["Cosmos:accountEndpoint"] is not { Length: > 0 } endpoint) throw new InvalidOperationException("The setting 'Cosmos' is missing: a connection string. Set it, or set 'Cosmos:accountEndpoint' to use the app's identity.");
        return new CosmosClient(endpoint, credential ?? throw new InvalidOperationException("'Cosmos:accountEndpoint' is an address: register the app's TokenCredential, or set 'Cosmos' to a connection string."), options);
    }

    /// <summary>True for answers after which the same call may simply be made again: throttled, try-again, timed out, unavailable, gone.</summary>
    public static bool IsPassing(this HttpStatusCode status) =>
        (int)status is 408 or 410 or 429 or 449 or 500 or 503;
}
