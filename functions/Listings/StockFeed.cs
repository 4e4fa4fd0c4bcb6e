using System.Text.Json;
using Selvedge.Listings;

namespace Selvedge.Functions.Listings;

/// <summary>From every change of stock to the numbers that channels are to show.</summary>
public sealed class StockFeed(DesiredNumbers desired)
{
    /// <summary>Works on a batch. A store that is away fails it: it comes again until it is done. What nobody can work on is set aside by itself.</summary>
    [Function("StockFeed"), ExponentialBackoffRetry(-1, "00:00:01", "00:01:00")]
    public Task Run([CosmosDBTrigger("selvedge", "skus", Connection = "Cosmos", LeaseContainerName = "leases", LeaseContainerPrefix = "listings", StartFromBeginning = true, FeedPollDelay = 150)] IReadOnlyList<JsonElement> changes, FunctionContext context) =>
        desired.HandleAsync(changes, context.CancellationToken);
}
