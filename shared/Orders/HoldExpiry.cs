using System.Text.Json.Serialization;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Logging;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>Releases holds and tentative claims whose time is up.</summary>
public sealed partial class HoldExpiry(Store store, InventoryLedger ledger, TimeProvider time, ILogger<HoldExpiry> log)
{
    /// <summary>Most claims of one run; the next run goes on.</summary>
    const int Most = 5_000;
    const int Width = 16;

    /// <summary>A claim that still holds something and whose time is up, as it was seen: the same revision may hold again, when what was staged is put back.</summary>
    sealed record Lapsing(string Sku, string Order, string Line, long Revision, [property: JsonPropertyName("_etag")] string ETag);

    /// <summary>One pass. Answers how many claims were released.</summary>
    public async Task<int> RunAsync(CancellationToken cancel)
    {
        var query = new QueryDefinition("SELECT * FROM c WHERE c.expiresAt < @now AND c.held > 0").WithParameter("@now", InstantConverter.Text(time.GetUtcNow()));
        var (seen, released) = (0, 0);
        using var pages = store.Skus.GetItemQueryIterator<Lapsing>(query, requestOptions: new() { MaxItemCount = 200 });
        while (pages.HasMoreResults && seen < Most)
        {
            var page = await pages.ReadNextAsync(cancel);
            seen += page.Count;
            // One line's claims at several places lapse together.
            var lines = page.DistinctBy(claim => (claim.Order, claim.Line, claim.Revision));
            await Parallel.ForEachAsync(lines, new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = cancel }, async (claim, _) =>
            {
                if (await LapseAsync(claim)) Interlocked.Increment(ref released);
            });
        }
        return released;
    }

    async Task<bool> LapseAsync(Lapsing claim)
    {
        try
        {
            var outcome = await ledger.ExecuteAsync(new Settle
            {
                Sku = claim.Sku, Order = claim.Order, Line = claim.Line, Revision = claim.Revision, Keep = false, Lapsed = true, Seen = claim.ETag, Actor = "system:hold-expiry", Reason = "its time was up",
            });
            return outcome is { Verdict: Verdict.Applied, Repeated: false };
        }
        // One that the store will not have lapsed must not keep the others from lapsing.
        catch (Exception later) when (later is not OperationCanceledException)
        {
            LogLeft(later, claim.Sku, claim.Order, claim.Line);
            return false;
        }
    }

    [LoggerMessage(EventId = 3011, Level = LogLevel.Warning, Message = "The hold on {Sku} by order {Order} line {Line} is left for the next run")]
    partial void LogLeft(Exception failure, string sku, string order, string line);
}
