using System.Net;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Selvedge.Platform;

namespace Selvedge.Ledger;

/// <summary>Reads of the ledger that settle nothing: balances, claims and the journal as they are in the store.</summary>
public sealed class LedgerReads(Store store)
{
    /// <summary>The balance; null where the ledger never heard of the SKU.</summary>
    public async Task<Balance?> BalanceAsync(string sku, CancellationToken cancel = default)
    {
        using var answer = await store.Skus.ReadItemStreamAsync(Balance.DocumentId, new PartitionKey(sku), cancellationToken: cancel);
        if (answer.StatusCode == HttpStatusCode.NotFound) return null;
        answer.EnsureSuccessStatusCode();
        return await JsonSerializer.DeserializeAsync(answer.Content, LedgerJson.Default.Balance, cancel);
    }

    /// <summary>The entry that a command with <paramref name="key"/> wrote; null when it was never executed.</summary>
    public async Task<Entry?> EntryAsync(string sku, string key, CancellationToken cancel = default)
    {
        using var answer = await store.Skus.ReadItemStreamAsync(Ids.Entry(key), new PartitionKey(sku), cancellationToken: cancel);
        if (answer.StatusCode == HttpStatusCode.NotFound) return null;
        answer.EnsureSuccessStatusCode();
        return await JsonSerializer.DeserializeAsync(answer.Content, LedgerJson.Default.Entry, cancel);
    }

    /// <summary>The balances there are of these SKUs.</summary>
    public async Task<IReadOnlyDictionary<string, Balance>> BalancesAsync(IEnumerable<string> skus, CancellationToken cancel = default) =>
        await store.Skus.ReadEachAsync(skus.Distinct(StringComparer.Ordinal).Select(sku => (Balance.DocumentId, sku)), balance => balance.Sku, LedgerJson.Default.Balance, cancel);

    /// <summary>The claims there are of these ids (<see cref="Ids.Claim"/>), each in its SKU's partition; by id.</summary>
    public async Task<IReadOnlyDictionary<string, Claim>> ClaimsAsync(IEnumerable<(string Id, string Sku)> claims, CancellationToken cancel = default) =>
        await store.Skus.ReadEachAsync(claims, claim => claim.Id, LedgerJson.Default.Claim, cancel);

    /// <summary>The journal of a SKU, the newest entry first or last. Entries are never changed, so the time of writing (<c>_ts</c>, which needs no
    /// index of its own) and then the order of creation is the order of their numbers.</summary>
    public Task<Page<Entry>> EntriesAsync(string sku, bool newestFirst, int limit, string? continuation) =>
        store.Skus.PageAsync(new($"SELECT * FROM c WHERE STARTSWITH(c.id, 'e:') ORDER BY c._ts {(newestFirst ? "DESC" : "ASC")}"), limit, continuation,
            new PartitionKey(sku), item => item.Deserialize(LedgerJson.Default.Entry)!);

    /// <summary>The entries that were written at <paramref name="from"/> or later, the newest first.</summary>
    public async Task<IReadOnlyList<Entry>> EntriesSinceAsync(string sku, DateTimeOffset from, CancellationToken cancel = default)
    {
        var since = new List<Entry>();
        string? continuation = null;
        do
        {
            cancel.ThrowIfCancellationRequested();
            var page = await EntriesAsync(sku, newestFirst: true, 200, continuation);
            foreach (var entry in page.Items)
            {
                if (entry.At < from) return since;
                since.Add(entry);
            }
            continuation = page.Continuation;
        }
        while (continuation is not null);
        return since;
    }

    /// <summary>What an order line's shipments were: units, and the cost they left at, in ten-thousandths of the base currency.</summary>
    public async Task<(long Units, long Value)> ShippedAsync(string sku, string order, string line, CancellationToken cancel = default)
    {
        var (units, value) = (0L, 0L);
        var query = new QueryDefinition("SELECT * FROM c WHERE STARTSWITH(c.id, @prefix)").WithParameter("@prefix", Ids.LinePrefix(order, line));
        using var pages = store.Skus.GetItemQueryStreamIterator(query, requestOptions: new() { PartitionKey = new PartitionKey(sku) });
        while (pages.HasMoreResults)
        {
            using var page = await pages.ReadNextAsync(cancel);
            page.EnsureSuccessStatusCode();
            using var body = await JsonDocument.ParseAsync(page.Content, cancellationToken: cancel);
            foreach (var item in body.RootElement.GetProperty("Documents").EnumerateArray())
                if (item.Deserialize(LedgerJson.Default.Entry) is { Kind: "ship" } shipped)
                    (units, value) = (units + (shipped.Moves?.Where(move => move.To == Accounts.Customer).Sum(move => move.Units) ?? 0), value + shipped.Outcome.Value);
        }
        return (units, value);
    }

    /// <summary>Who holds units of a SKU now, by order and line.</summary>
    public Task<Page<Claim>> ClaimsAsync(string sku, int limit, string? continuation) =>
        store.Skus.PageAsync(new("SELECT * FROM c WHERE STARTSWITH(c.id, 'c:') ORDER BY c.id ASC"), limit, continuation,
            new PartitionKey(sku), item => item.Deserialize(LedgerJson.Default.Claim)!);
}
