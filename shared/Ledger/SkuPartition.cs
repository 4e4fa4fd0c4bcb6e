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
    readonly PartitionKey key = new(sku);

    /// <summary>The balance as stored, or a new one (without ETag) where the SKU has none.</summary>
    public async Task<Balance> BalanceAsync() =>
        await ReadAsync(Balance.DocumentId, LedgerJson.Default.Balance) ?? new Balance { Sku = sku };

    public Task<Entry?> EntryAsync(string id) => ReadAsync(id, LedgerJson.Default.Entry);

    /// <summary>All claims of the SKU.</summary>
    public Task<List<Claim>> ClaimsAsync() => QueryAsync(new QueryDefinition("SELECT * FROM c WHERE STARTSWITH(c.id, 'c:')"), LedgerJson.Default.Claim);

    /// <summary>The entries in an answer of the store, whatever else is in it.</summary>
    public static IEnumerable<Entry> Entries(Stream answer)
    {
        using var body = JsonDocument.Parse(answer);
        foreach (var item in body.RootElement.GetProperty("Documents").EnumerateArray())
            if (item.TryGetProperty("type", out var type) && type.ValueEquals("entry")) yield return item.Deserialize(LedgerJson.Default.Entry)!;
    }

    /// <summary>Learns what the rules asked for.</summary>
    public Task LearnAsync(Knowledge knowledge, IEnumerable<Need> needs) => Task.WhenAll(needs.Distinct().Select(need => need.Kind switch
    {
        NeedKind.Claim => LearnClaimAsync(knowledge, need),
        NeedKind.Line => LearnLineAsync(knowledge, need),
        NeedKind.Waiting => LearnClaimsAsync(knowledge, need, new QueryDefinition(
            "SELECT TOP 60 * FROM c WHERE STARTSWITH(c.id, 'c:') AND c.place = 'short' AND ARRAY_CONTAINS(c.places, @place) ORDER BY c.rank").WithParameter("@place", need.A)),
        NeedKind.Pegged => LearnClaimsAsync(knowledge, need, new QueryDefinition(
            "SELECT * FROM c WHERE STARTSWITH(c.id, 'c:') AND c.place = @place").WithParameter("@place", Accounts.Supply(need.A))),
        _ => LearnClaimsAsync(knowledge, need, new QueryDefinition(
            "SELECT * FROM c WHERE STARTSWITH(c.id, 'c:') AND c.place = @place AND c.held > 0").WithParameter("@place", need.A)),
    }));

    /// <summary>Writes the session as one transactional batch: the balance with If-Match, then entries and claims.</summary>
    public async Task<Committed> CommitAsync(Session session, string? etag)
    {
        var batch = skus.CreateTransactionalBatch(key);
        var quiet = new TransactionalBatchItemRequestOptions { EnableContentResponseOnWrite = false };
        var balance = Body(session.Balance, LedgerJson.Default.Balance);
        if (etag is null) batch.CreateItemStream(balance, quiet);
        else batch.ReplaceItemStream(Balance.DocumentId, balance, new() { EnableContentResponseOnWrite = false, IfMatchEtag = etag });
        foreach (var entry in session.Entries) batch.CreateItemStream(Body(entry, LedgerJson.Default.Entry), quiet);
        foreach (var (id, before, after) in session.ChangedClaims())
        {
            if (after is null) batch.DeleteItem(id, quiet);
            else if (before is null) batch.CreateItemStream(Body(after, LedgerJson.Default.Claim), quiet);
            else batch.ReplaceItemStream(id, Body(after, LedgerJson.Default.Claim), quiet);
        }
        using var response = await batch.ExecuteAsync();
        if (response.IsSuccessStatusCode) return new(response.StatusCode, response[0].ETag, -1);
        for (var i = 0; i < response.Count; i++)
            if (response[i].StatusCode != HttpStatusCode.FailedDependency && !response[i].IsSuccessStatusCode) return new(response[i].StatusCode, null, i);
        return new(response.StatusCode, null, -1);
    }

    async Task LearnClaimAsync(Knowledge knowledge, Need need)
    {
        var claim = await ReadAsync(need.A, LedgerJson.Default.Claim);
        lock (knowledge)
        {
            knowledge.KnownClaims.Add(need.A);
            if (claim is not null) knowledge.Claims[claim.Id] = claim;
        }
    }

    async Task LearnLineAsync(Knowledge knowledge, Need need)
    {
        var claims = QueryAsync(new QueryDefinition("SELECT * FROM c WHERE STARTSWITH(c.id, @prefix)").WithParameter("@prefix", Ids.ClaimPrefix(need.A, need.B)), LedgerJson.Default.Claim);
        var entries = QueryAsync(new QueryDefinition("SELECT * FROM c WHERE STARTSWITH(c.id, @prefix)").WithParameter("@prefix", Ids.LinePrefix(need.A, need.B)), LedgerJson.Default.Entry);
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

    async Task LearnClaimsAsync(Knowledge knowledge, Need need, QueryDefinition query)
    {
        var claims = await QueryAsync(query, LedgerJson.Default.Claim);
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

    async Task<T?> ReadAsync<T>(string id, JsonTypeInfo<T> type) where T : class
    {
        using var response = await skus.ReadItemStreamAsync(id, key);
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        response.EnsureSuccessStatusCode();
        return JsonSerializer.Deserialize(response.Content, type);
    }

    async Task<List<T>> QueryAsync<T>(QueryDefinition query, JsonTypeInfo<T> type)
    {
        var found = new List<T>();
        using var pages = skus.GetItemQueryStreamIterator(query, requestOptions: new() { PartitionKey = key });
        while (pages.HasMoreResults)
        {
            using var page = await pages.ReadNextAsync();
            page.EnsureSuccessStatusCode();
            using var body = JsonDocument.Parse(page.Content);
            foreach (var item in body.RootElement.GetProperty("Documents").EnumerateArray()) found.Add(item.Deserialize(type)!);
        }
        return found;
    }

    static MemoryStream Body<T>(T document, JsonTypeInfo<T> type)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(document, type);
        return new(bytes, 0, bytes.Length, writable: false, publiclyVisible: true);
    }
}
