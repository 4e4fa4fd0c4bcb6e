using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>Container <c>listings</c>. What is written is decided by ETag: whoever repeats a call whose answer was lost reads what is there and decides again.</summary>
public sealed class ListingStore(Store store)
{
    const int Tries = 30, Together = 200, Batch = 30;
    static readonly TransactionalBatchItemRequestOptions Quiet = new() { EnableContentResponseOnWrite = false };

    public async Task<Listing?> FindAsync(string channel, string id, CancellationToken cancel = default)
    {
        using var response = await store.Listings.ReadItemStreamAsync(id, new PartitionKey(channel), cancellationToken: cancel);
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        Passing(response).EnsureSuccessStatusCode();
        return await JsonSerializer.DeserializeAsync<Listing>(response.Content, Json.Options, cancel);
    }

    /// <summary>Writes a listing over what was read (a new one: creates it) and the number's history with it, in one batch. Null: it was changed meanwhile, or is there already.</summary>
    public async Task<Listing?> WriteAsync(Listing next, IReadOnlyList<Why> why, CancellationToken cancel = default)
    {
        var batch = store.Listings.CreateTransactionalBatch(new PartitionKey(next.Channel));
        var etag = next.ETag;
        next = next with { ETag = null };
        if (etag is null) batch.CreateItemStream(Body(next), Quiet);
        else batch.ReplaceItemStream(next.Id, Body(next), new() { IfMatchEtag = etag, EnableContentResponseOnWrite = false });
        foreach (var one in why) batch.UpsertItemStream(Body(one), Quiet);
        using var response = await batch.ExecuteAsync(cancel);
        if (response.IsSuccessStatusCode) return next with { ETag = response[0].ETag };
        var status = response.Count > 0 ? response[0].StatusCode : response.StatusCode;
        return status is HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict or HttpStatusCode.NotFound ? null
            : throw new CosmosException($"Listing '{next.Id}' of '{next.Channel}' was not written: {response.ErrorMessage}", response.StatusCode, 0, response.ActivityId, response.RequestCharge);
    }

    /// <summary>Writes listings of one channel over what was read, many in a batch. Where somebody changed one of a batch meanwhile, each of it is written by itself.</summary>
    /// <returns>Those that were written, as they are now.</returns>
    public async Task<IReadOnlyList<Listing>> WriteAllAsync(IEnumerable<(Listing Next, IReadOnlyList<Why> Why)> all, CancellationToken cancel = default)
    {
        var written = new ConcurrentBag<Listing>();
        await Parallel.ForEachAsync(all.Chunk(Batch), new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = cancel }, async (some, token) =>
        {
            if (some.Length > 1 && await TryAsync(some, token) is { } together)
                foreach (var listing in together) written.Add(listing);
            else
                foreach (var (next, why) in some)
                    if (await WriteAsync(next, why, token) is { } alone) written.Add(alone);
        });
        return [.. written];
    }

    // Null: somebody changed one of them, and none was written.
    async Task<List<Listing>?> TryAsync((Listing Next, IReadOnlyList<Why> Why)[] some, CancellationToken cancel)
    {
        var batch = store.Listings.CreateTransactionalBatch(new PartitionKey(some[0].Next.Channel));
        foreach (var (next, _) in some) batch.ReplaceItemStream(next.Id, Body(next with { ETag = null }), new() { IfMatchEtag = next.ETag, EnableContentResponseOnWrite = false });
        foreach (var one in some.SelectMany(one => one.Why)) batch.UpsertItemStream(Body(one), Quiet);
        using var response = await batch.ExecuteAsync(cancel);
        if (response.IsSuccessStatusCode) return [.. some.Select((one, i) => one.Next with { ETag = response[i].ETag })];
        var statuses = response.Select(one => one.StatusCode).Append(response.StatusCode).Where(status => (int)status is not (207 or 424)).ToList();
        return statuses.Any(status => status is HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict or HttpStatusCode.NotFound) ? null
            : throw new CosmosException($"{some.Length} listings of '{some[0].Next.Channel}' were not written: {response.ErrorMessage}", statuses.FirstOrDefault(response.StatusCode), 0, response.ActivityId, response.RequestCharge);
    }

    /// <summary>Reads, decides and writes until nobody came in between. <paramref name="change"/> answers null, or the same, where nothing is to be changed. Null: there is no such listing.</summary>
    public async Task<Listing?> ChangeAsync(string channel, string id, Func<Listing, Listing?> change, Func<Listing, Listing, IReadOnlyList<Why>>? why = null, Listing? known = null, CancellationToken cancel = default)
    {
        for (var tries = 0; tries < Tries; tries++)
        {
            if ((known ?? await FindAsync(channel, id, cancel)) is not { } found) return null;
            known = null;
            if (change(found) is not { } next || ReferenceEquals(next, found) || next == found) return found;
            if (await WriteAsync(next, why?.Invoke(found, next) ?? [], cancel) is { } written) return written;
        }
        throw ProblemException.Busy($"Listing '{id}' of '{channel}' is being changed by others.");
    }

    /// <summary>The listings whose numbers follow from these SKUs, bundles included, of all channels.</summary>
    public async Task<IReadOnlyList<Listing>> OfSkusAsync(IEnumerable<string> skus, CancellationToken cancel)
    {
        var (listings, draws) = (new Dictionary<(string, string), Listing>(), new List<(string Channel, string Id)>());
        foreach (var some in skus.Distinct(StringComparer.Ordinal).Chunk(Together))
        {
            // One text for any number of them, so that it need not be planned anew; it is found by the index, as IN is.
            await foreach (var item in QueryAsync(new QueryDefinition("SELECT * FROM c WHERE ARRAY_CONTAINS(@skus, c.sku)").WithParameter("@skus", some), null, cancel))
                if (item.GetProperty("type").ValueEquals("draw")) draws.Add((item.GetProperty("channel").GetString()!, item.GetProperty("listing").GetString()!));
                else if (item.Deserialize<Listing>(Json.Options) is { } listing) listings[(listing.Channel, listing.Id)] = listing;
        }
        foreach (var (channel, id) in draws)
            if (!listings.ContainsKey((channel, id)) && await FindAsync(channel, id, cancel) is { } bundle) listings[(channel, id)] = bundle;
        return [.. listings.Values];
    }

    /// <summary>What of one urgency is due by <paramref name="until"/>, the oldest first.</summary>
    public async Task<IReadOnlyList<Listing>> DueAsync(string channel, Urgency urgency, DateTimeOffset until, int most, CancellationToken cancel)
    {
        // Not by partition: the index gives these in their order, whatever else the channel has.
        var query = new QueryDefinition($"SELECT TOP {most} * FROM c WHERE c.due >= @from AND c.due <= @until ORDER BY c.due")
            .WithParameter("@from", $"{channel}|{(int)urgency}|").WithParameter("@until", ListingTurns.DueOf(channel, urgency, until));
        var due = new List<Listing>();
        await foreach (var item in QueryAsync(query, null, cancel)) due.Add(item.Deserialize<Listing>(Json.Options)!);
        return due;
    }

    /// <summary>When what is most urgent, of each urgency, is due: <c>(urgency, instant)</c>.</summary>
    public async Task<IReadOnlyList<(Urgency What, DateTimeOffset At)>> NextAsync(string channel, CancellationToken cancel)
    {
        var next = new List<(Urgency, DateTimeOffset)>();
        foreach (var urgency in Enum.GetValues<Urgency>())
            await foreach (var item in QueryAsync(new QueryDefinition("SELECT TOP 1 c.due FROM c WHERE c.due >= @from AND c.due < @to ORDER BY c.due")
                .WithParameter("@from", $"{channel}|{(int)urgency}|").WithParameter("@to", $"{channel}|{(int)urgency}}}"), null, cancel))
                if (InstantConverter.TryParse(item.GetProperty("due").GetString()!.Split('|')[2], out var at)) next.Add((urgency, at));
        return next;
    }

    /// <summary>Channels that have something due since before <paramref name="before"/>.</summary>
    public async Task<bool> IsLateAsync(string channel, DateTimeOffset before, CancellationToken cancel) => (await NextAsync(channel, cancel)).Any(next => next.At < before);

    /// <summary>A page of listings.</summary>
    public Task<Page<Listing>> ListAsync(string? channel, string? sku, ListingStatus? status, Caller? caller, int limit, string? continuation)
    {
        var terms = new List<string> { "c.type = 'listing'" };
        if (channel is not null) terms.AddRange(["c.channel = @channel", "c.id < '~a'"]);
        if (sku is not null) terms.Add("c.sku = @sku");
        if (status is not null) terms.Add("c.status = @status");
        if (caller?.Scope.Channels is not null) terms.Add("ARRAY_CONTAINS(@channels, c.channel)");
        var query = new QueryDefinition("SELECT * FROM c WHERE " + string.Join(" AND ", terms)).WithParameter("@channel", channel).WithParameter("@sku", sku)
            .WithParameter("@status", status is { } word ? JsonNamingPolicy.CamelCase.ConvertName(word.ToString()) : null).WithParameter("@channels", caller?.Scope.Channels);
        return store.Listings.PageAsync(query, limit, continuation, read: item => item.Deserialize<Listing>(Json.Options)!);
    }

    /// <summary>All listings of a channel, page by page.</summary>
    public async IAsyncEnumerable<Listing> AllAsync(string channel, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        // Ids that begin with '~' and a small letter are of other documents.
        await foreach (var item in QueryAsync(new("SELECT * FROM c WHERE c.id < '~a'"), channel, cancel)) yield return item.Deserialize<Listing>(Json.Options)!;
    }

    /// <summary>The listings there are of these ids.</summary>
    public async Task<IReadOnlyDictionary<string, Listing>> FindAsync(string channel, IEnumerable<string> ids, CancellationToken cancel)
    {
        var found = new Dictionary<string, Listing>(StringComparer.Ordinal);
        await Parallel.ForEachAsync(ids.Distinct(StringComparer.Ordinal), new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = cancel }, async (id, token) =>
        {
            if (await FindAsync(channel, id, token) is { } listing) lock (found) found[id] = listing;
        });
        return found;
    }

    /// <summary>What says that a bundle's listing follows from its parts.</summary>
    public async Task DrawAsync(Listing bundle, CancellationToken cancel)
    {
        foreach (var part in bundle.Parts ?? [])
            await store.Listings.UpsertItemAsync(new Draw { Id = Draw.IdOf(bundle.Id, part.Sku), Channel = bundle.Channel, Sku = part.Sku, Listing = bundle.Id }, new PartitionKey(bundle.Channel), cancellationToken: cancel);
    }

    /// <summary>The number that a listing was to show at a moment, and what the channel had been given last.</summary>
    public async Task<(Why? Wanted, Why? Shown)> WhyAsync(string channel, string listing, DateTimeOffset at, CancellationToken cancel)
    {
        return (await LastAsync("c.at <= @at AND NOT IS_DEFINED(c.drift)", "c.at"), await LastAsync("c.sentAt <= @at", "c.sentAt"));

        async Task<Why?> LastAsync(string which, string order)
        {
            await foreach (var item in QueryAsync(new QueryDefinition($"SELECT TOP 1 * FROM c WHERE STARTSWITH(c.id, @prefix) AND {which} ORDER BY {order} DESC")
                .WithParameter("@prefix", Why.Prefix(listing)).WithParameter("@at", InstantConverter.Text(at)), channel, cancel)) return item.Deserialize<Why>(Json.Options);
            return null;
        }
    }

    /// <summary>A document of the channel's own (<see cref="LaneState"/>); null: there is none.</summary>
    public async Task<T?> ReadAsync<T>(string channel, string id, CancellationToken cancel) where T : class
    {
        using var response = await store.Listings.ReadItemStreamAsync(id, new PartitionKey(channel), cancellationToken: cancel);
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        Passing(response).EnsureSuccessStatusCode();
        return await JsonSerializer.DeserializeAsync<T>(response.Content, Json.Options, cancel);
    }

    public async Task UpsertAsync<T>(string channel, T document, CancellationToken cancel) => await store.Listings.UpsertItemAsync(document, new PartitionKey(channel), new() { EnableContentResponseOnWrite = false }, cancel);

    async IAsyncEnumerable<JsonElement> QueryAsync(QueryDefinition query, string? channel, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        using var pages = store.Listings.GetItemQueryStreamIterator(query, null, new() { PartitionKey = channel is null ? null : new PartitionKey(channel), MaxItemCount = 500 });
        while (pages.HasMoreResults)
        {
            using var page = Passing(await pages.ReadNextAsync(cancel));
            page.EnsureSuccessStatusCode();
            using var json = await JsonDocument.ParseAsync(page.Content, cancellationToken: cancel);
            foreach (var item in json.RootElement.GetProperty("Documents").EnumerateArray()) yield return item;
        }
    }

    // Told as what it is, so that who calls can tell a store that is away from what no repetition heals.
    static ResponseMessage Passing(ResponseMessage response) => !response.StatusCode.IsPassing() ? response
        : throw new CosmosException($"The store answered {(int)response.StatusCode}: {response.ErrorMessage}", response.StatusCode, 0, response.Headers.ActivityId, response.Headers.RequestCharge);

    static MemoryStream Body<T>(T document) => new(JsonSerializer.SerializeToUtf8Bytes(document, Json.Options));
}
