using System.Text.Json;
using Selvedge.Listings;

namespace Selvedge.Functions.Listings;

/// <summary>From every change of stock to the numbers that channels are to show.</summary>
public sealed class StockFeed(DesiredNumbers desired, LaneQueue queue)
{
    /// <summary>Works on a batch and tells the lanes of it. A store that is away fails it: it comes again until it is done. What nobody can work on is set aside by itself.</summary>
    [Function("StockFeed"), ExponentialBackoffRetry(-1, "00:00:01", "00:01:00")]
    public async Task Run([CosmosDBTrigger("selvedge", "skus", Connection = "Cosmos", LeaseContainerName = "leases", LeaseContainerPrefix = "listings", StartFromBeginning = true, FeedPollDelay = 150, MaxItemsPerInvocation = 1000)] IReadOnlyList<JsonElement> changes, FunctionContext context)
    {
        await desired.HandleAsync(changes, context.CancellationToken);
        await queue.SendAsync(context.CancellationToken);
    }
}
