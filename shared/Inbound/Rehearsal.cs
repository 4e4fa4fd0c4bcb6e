using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Counts;
using Selvedge.Exceptions;
using Selvedge.Ledger;
using Selvedge.Orders;
using Selvedge.Picking;
using Selvedge.Platform;
using Selvedge.Returns;

namespace Selvedge.Inbound;

/// <summary>
/// The app's own intake over a store that takes writes and keeps them to itself: what would happen, without anything happening. Made of the same
/// services as the app, so a topic or a rule that is added there is rehearsed here.
/// </summary>
public sealed class Rehearsal : IAsyncDisposable
{
    readonly ServiceProvider services;

    /// <param name="store">The app's store.</param>
    /// <param name="configuration">The app's settings.</param>
    /// <param name="handler">The way to the store in local hosting.</param>
    /// <param name="time">The app's clock.</param>
    public Rehearsal(Store store, IConfiguration configuration, HttpMessageHandler? handler, TimeProvider time)
    {
        Writes = new RehearsedWrites(store);
        services = new ServiceCollection()
            .AddSingleton(time).AddSingleton(configuration).AddLogging()
            .AddSingleton(_ => StoreSetup.Connect(configuration, handler, Writes)).AddSingleton<Store>()
            .AddSingleton<RehearsedLedger>().AddSingleton<InventoryLedger>(provider => provider.GetRequiredService<RehearsedLedger>())
            .AddSingleton<LedgerReads>().AddCatalogue().AddChannels().AddSingleton<ExceptionCases>().AddOrders().AddPicking().AddCounts().AddReturns()
            .BuildServiceProvider();
    }

    /// <summary>What was written to it.</summary>
    public RehearsedWrites Writes { get; }
    public RehearsedLedger Ledger => services.GetRequiredService<RehearsedLedger>();
    public OrderStore Orders => services.GetRequiredService<OrderStore>();
    public IEnumerable<WebhookSystem> Systems => services.GetServices<WebhookSystem>();

    public ValueTask DisposeAsync() => services.DisposeAsync();
}

/// <summary>
/// Stands before every call of a client to the store: reads see what was written here, writes stay here. Creates, replaces, upserts, deletes
/// and reads of single documents by ETag are as in the store; anything else that would write is refused, so that nothing is ever written by mistake.
/// Queries do not see what was written here.
/// </summary>
public sealed class RehearsedWrites(Store real) : RequestHandler
{
    sealed record Kept(byte[]? Body, string ETag);

    readonly ConcurrentDictionary<(string Container, string Id), Kept> kept = new();
    int version;

    /// <summary>The documents that would be written, by container and id.</summary>
    public IReadOnlyList<(string Container, string Id)> Documents => [.. kept.Keys.Order()];

    public override async Task<ResponseMessage> SendAsync(RequestMessage request, CancellationToken cancellationToken)
    {
        var path = request.RequestUri.OriginalString.Trim('/').Split('/');
        var document = path.Length == 6 && path[4] == "docs" ? Uri.UnescapeDataString(path[5]) : null;
        if (request.Method == HttpMethod.Get && (document is null || !kept.ContainsKey((path[3], document)))) return await base.SendAsync(request, cancellationToken);
        if (request.Method == HttpMethod.Post && IsQuery(request)) return await base.SendAsync(request, cancellationToken);
        if (path.Length < 4 || request.Headers["x-ms-cosmos-is-batch-request"] is not null) throw Refused(request);
        var container = path[3];
        if (document is not null)
        {
            var before = await FindAsync(container, document, request.Headers["x-ms-documentdb-partitionkey"]);
            if (request.Method == HttpMethod.Get) return before?.Body is { } body ? Answer(request, HttpStatusCode.OK, before.ETag, body) : Answer(request, HttpStatusCode.NotFound);
            if (request.Method != HttpMethod.Put && request.Method != HttpMethod.Delete) throw Refused(request);
            if (before?.Body is null) return Answer(request, HttpStatusCode.NotFound);
            if (request.Headers["If-Match"] is { Length: > 0 } wanted && wanted != "*" && wanted != before.ETag) return Answer(request, HttpStatusCode.PreconditionFailed);
            var after = Keep(container, document, request.Method == HttpMethod.Delete ? null : await BodyAsync(request));
            return Answer(request, request.Method == HttpMethod.Delete ? HttpStatusCode.NoContent : HttpStatusCode.OK, after.ETag);
        }
        if (request.Method != HttpMethod.Post) throw Refused(request);
        var created = await BodyAsync(request);
        using var json = JsonDocument.Parse(created);
        var id = json.RootElement.GetProperty("id").GetString()!;
        var there = (await FindAsync(container, id, request.Headers["x-ms-documentdb-partitionkey"]))?.Body is not null;
        var upsert = string.Equals(request.Headers["x-ms-documentdb-is-upsert"], "true", StringComparison.OrdinalIgnoreCase);
        if (there && !upsert) return Answer(request, HttpStatusCode.Conflict);
        return Answer(request, there ? HttpStatusCode.OK : HttpStatusCode.Created, Keep(container, id, created).ETag);
    }

    Kept Keep(string container, string id, byte[]? body) => kept[(container, id)] = new(body, $"\"rehearsed-{Interlocked.Increment(ref version)}\"");

    async Task<Kept?> FindAsync(string container, string id, string? partition)
    {
        if (kept.TryGetValue((container, id), out var mine)) return mine;
        var key = new PartitionKeyBuilder();
        foreach (var part in JsonSerializer.Deserialize<string[]>(partition ?? "[]")!) key.Add(part);
        using var answer = await real.Client.GetContainer(Store.DatabaseId, container).ReadItemStreamAsync(id, key.Build());
        if (answer.StatusCode == HttpStatusCode.NotFound) return null;
        answer.EnsureSuccessStatusCode();
        using var body = new MemoryStream();
        await answer.Content.CopyToAsync(body);
        return new(body.ToArray(), answer.Headers.ETag);
    }

    static bool IsQuery(RequestMessage request) => request.Headers["x-ms-documentdb-isquery"] is not null || request.Headers["x-ms-cosmos-is-query-plan-request"] is not null
        || request.Headers["Content-Type"]?.StartsWith("application/query+json", StringComparison.Ordinal) == true;

    static async Task<byte[]> BodyAsync(RequestMessage request)
    {
        using var copy = new MemoryStream();
        await request.Content.CopyToAsync(copy);
        return copy.ToArray();
    }

    static ResponseMessage Answer(RequestMessage request, HttpStatusCode status, string? etag = null, byte[]? body = null)
    {
        var answer = new ResponseMessage(status, request) { Content = body is null ? null : new MemoryStream(body, writable: false) };
        if (etag is not null) answer.Headers.Set("etag", etag);
        return answer;
    }

    static InvalidOperationException Refused(RequestMessage request) => new($"A rehearsal does not do {request.Method} {request.RequestUri}: it cannot be shown without being done.");
}
