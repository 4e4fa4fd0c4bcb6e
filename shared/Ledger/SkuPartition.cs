using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Azure.Cosmos;
using Selvedge.Ledger.Rules;
using Selvedge.Platform;

namespace Selvedge.Ledger;

/// <summary>How a batch ended: written, or which of its operations the store refused and with what status.</summary>
internal readonly record struct Committed(HttpStatusCode Status, string? ETag, int FailedAt);

/// <summary>One SKU's logical partition of container <c>skus</c>, read and written through the SDK's stream calls: no document passes a serializer twice.</summary>
internal sealed class SkuPartition(Container skus, string sku)
{
    /// <summary>Bytes of a batch's documents that are sent together; Cosmos DB takes 2 MB of request.</summary>
    const int LargestBatch = 1_500_000;

    readonly PartitionKey key = new(sku);

    /// <summary>The balance as stored, or a new one (without ETag) where the SKU has none.</summary>
    public async Task<Balance> BalanceAsync(CancellationToken cancel = default) =>
        await ReadAsync(Balance.DocumentId, LedgerJson.Default.Balance, cancel) ?? new Balance { Sku = sku };

    public Task<Entry?> EntryAsync(string id, CancellationToken cancel = default) => ReadAsync(id, LedgerJson.Default.Entry, cancel);

    /// <summary>All claims of the SKU.</summary>
    public Task<List<Claim>> ClaimsAsync() => QueryAsync(new QueryDefinition("SELECT * FROM c WHERE STARTSWITH(c.id, 'c:')"), LedgerJson.Default.Claim, default);

    /// <summary>The entries in an answer of the store, whatever else is in it.</summary>
    public static IEnumerable<Entry> Entries(Stream answer)
    {
        using var body = JsonDocument.Parse(answer);
        foreach (var item in body.RootElement.GetProperty("Documents").EnumerateArray())
            if (item.TryGetProperty("type", out var type) && type.ValueEquals("entry")) yield return item.Deserialize(LedgerJson.Default.Entry)!;
    }

    /// <summary>Learns what the rules asked for.</summary>
    public Task LearnAsync(Knowledge knowledge, IEnumerable<Need> needs, CancellationToken cancel) => Task.WhenAll(needs.Distinct().Select(need => need.Kind switch
    {
        NeedKind.Claim => LearnClaimAsync(knowledge, need, cancel),
        NeedKind.Line => LearnLineAsync(knowledge, need, cancel),
        NeedKind.Supply => LearnSupplyAsync(knowledge, need, cancel),
        NeedKind.Owned => LearnClaimsAsync(knowledge, need, new QueryDefinition(
            "SELECT * FROM c WHERE STARTSWITH(c.id, 'c:') AND c.owner = @owner").WithParameter("@owner", need.A), null, cancel),
        NeedKind.Waiting => LearnClaimsAsync(knowledge, need, new QueryDefinition(
            "SELECT TOP 60 * FROM c WHERE STARTSWITH(c.id, 'c:') AND c.place = 'short' AND ARRAY_CONTAINS(c.places, @place) ORDER BY c.rank").WithParameter("@place", need.A), null, cancel),
        NeedKind.Pegged => LearnClaimsAsync(knowledge, need, new QueryDefinition(
            "SELECT * FROM c WHERE STARTSWITH(c.id, 'c:') AND c.place = @place").WithParameter("@place", Accounts.Supply(need.A)), Session.Urgent, cancel),
        _ => LearnClaimsAsync(knowledge, need, new QueryDefinition(
            "SELECT * FROM c WHERE STARTSWITH(c.id, 'c:') AND c.place = @place AND c.held > 0").WithParameter("@place", need.A), Session.Urgent, cancel),
    }));

    /// <summary>Writes the session as one transactional batch: the balance with If-Match, then entries and claims.</summary>
    public async Task<Committed> CommitAsync(Session session, string? etag, CancellationToken cancel)
    {
        var bytes = 0L;
        var batch = skus.CreateTransactionalBatch(key);
        var quiet = new TransactionalBatchItemRequestOptions { EnableContentResponseOnWrite = false };
        var balance = Body(session.Balance, LedgerJson.Default.Balance, ref bytes);
        if (etag is null) batch.CreateItemStream(balance, quiet);
        else batch.ReplaceItemStream(Balance.DocumentId, balance, new() { EnableContentResponseOnWrite = false, IfMatchEtag = etag });
        foreach (var entry in session.Entries) batch.CreateItemStream(Body(entry, LedgerJson.Default.Entry, ref bytes), quiet);
        foreach (var (id, before, after) in session.ChangedClaims())
        {
            if (after is null) batch.DeleteItem(id, quiet);
            else if (before is null) batch.CreateItemStream(Body(after, LedgerJson.Default.Claim, ref bytes), quiet);
            else batch.ReplaceItemStream(id, Body(after, LedgerJson.Default.Claim, ref bytes), quiet);
        }
        if (bytes > LargestBatch && session.Entries.Count > 1) return new(HttpStatusCode.RequestEntityTooLarge, null, -1);
        using var response = await batch.ExecuteAsync(cancel).WaitAsync(cancel);
        if (response.IsSuccessStatusCode) return new(response.StatusCode, response[0].ETag, -1);
        for (var i = 0; i < response.Count; i++)
            if (response[i].StatusCode != HttpStatusCode.FailedDependency && !response[i].IsSuccessStatusCode) return new(response[i].StatusCode, null, i);
        return new(response.StatusCode, null, -1);
    }

    async Task LearnClaimAsync(Knowledge knowledge, Need need, CancellationToken cancel)
    {
        var claim = await ReadAsync(need.A, LedgerJson.Default.Claim, cancel);
        lock (knowledge)
        {
            knowledge.KnownClaims.Add(need.A);
            if (claim is not null) knowledge.Claims[claim.Id] = claim;
        }
    }

    async Task LearnLineAsync(Knowledge knowledge, Need need, CancellationToken cancel)
    {
        var claims = QueryAsync(new QueryDefinition("SELECT * FROM c WHERE STARTSWITH(c.id, @prefix)").WithParameter("@prefix", Ids.ClaimPrefix(need.A, need.B)), LedgerJson.Default.Claim, cancel);
        var entries = QueryAsync(new QueryDefinition("SELECT * FROM c WHERE STARTSWITH(c.id, @prefix)").WithParameter("@prefix", Ids.LinePrefix(need.A, need.B)), LedgerJson.Default.Entry, cancel);
        await Task.WhenAll(claims, entries);
        var line = new LineHistory();
        foreach (var entry in entries.Result)
        {
            var tail = entry.Id.AsSpan(Ids.LinePrefix(need.A, need.B).Length);
            if (tail.Length > 1 && tail[0] == 'r' && long.TryParse(tail[1..], out var revision))
            {
                line.HasFirst |= revision == 1;
                // A stand-in for a revision that had not come says nothing of its own.
                if (entry.Content is not null) line.Revision = Math.Max(line.Revision, revision);
            }
            if (entry.Kind is "ship" or "dispatch") line.Shipped += entry.Moves?.Sum(m => m.Units) ?? 0;
        }
        lock (knowledge)
        {
            foreach (var claim in claims.Result)
            {
                knowledge.Claims[claim.Id] = claim;
                line.Claims.Add(claim.Id);
            }
            knowledge.Lines[(need.A, need.B)] = line;
        }
    }

    async Task LearnSupplyAsync(Knowledge knowledge, Need need, CancellationToken cancel)
    {
        var prefix = Ids.SupplyPrefix(need.A);
        var ids = await QueryAsync(new QueryDefinition("SELECT VALUE c.id FROM c WHERE STARTSWITH(c.id, @prefix)").WithParameter("@prefix", prefix), LedgerJson.Default.String, cancel);
        lock (knowledge) knowledge.Supplies[need.A] = ids.Select(id => long.TryParse(id.AsSpan(prefix.Length), out var revision) ? revision : 0).DefaultIfEmpty().Max();
    }

    async Task LearnClaimsAsync(Knowledge knowledge, Need need, QueryDefinition query, int? ends, CancellationToken cancel)
    {
        var claims = await QueryAsync(query, LedgerJson.Default.Claim, cancel, ends);
        lock (knowledge)
        {
            foreach (var claim in claims)
            {
                knowledge.Claims[claim.Id] = claim;
                knowledge.KnownClaims.Add(claim.Id);
            }
            knowledge.Loaded.Add(need);
        }
    }

    // A call that outlives its time is let go, whether the SDK and what is under it listen or not.
    async Task<T?> ReadAsync<T>(string id, JsonTypeInfo<T> type, CancellationToken cancel) where T : class
    {
        using var response = await skus.ReadItemStreamAsync(id, key, cancellationToken: cancel).WaitAsync(cancel);
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        response.EnsureSuccessStatusCode();
        return JsonSerializer.Deserialize(response.Content, type);
    }

    /// <param name="ends">Of claims, keep as many of the most urgent and as many of the least urgent, and forget those between them.</param>
    async Task<List<T>> QueryAsync<T>(QueryDefinition query, JsonTypeInfo<T> type, CancellationToken cancel, int? ends = null)
    {
        var found = new List<T>();
        using var pages = skus.GetItemQueryStreamIterator(query, requestOptions: new() { PartitionKey = key });
        while (pages.HasMoreResults)
        {
            using var page = await pages.ReadNextAsync(cancel).WaitAsync(cancel);
            page.EnsureSuccessStatusCode();
            using var body = JsonDocument.Parse(page.Content);
            foreach (var item in body.RootElement.GetProperty("Documents").EnumerateArray()) found.Add(item.Deserialize(type)!);
            if (ends is { } kept && found is List<Claim> claims && claims.Count > 2 * kept)
            {
                claims.Sort(static (a, b) => string.CompareOrdinal(a.Urgency, b.Urgency) is not 0 and var order ? order : string.CompareOrdinal(a.Id, b.Id));
                claims.RemoveRange(kept, claims.Count - 2 * kept);
            }
        }
        return found;
    }

    static MemoryStream Body<T>(T document, JsonTypeInfo<T> type, ref long total)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(document, type);
        total += bytes.Length;
        return new(bytes, 0, bytes.Length, writable: false, publiclyVisible: true);
    }
}
