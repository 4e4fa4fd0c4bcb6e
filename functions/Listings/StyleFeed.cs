using System.Text.Json;
using Selvedge.Listings;

namespace Selvedge.Functions.Listings;

/// <summary>From every change in the product master to the styles that channels are to show.</summary>
public sealed class StyleFeed(ListedStyles styles)
{
    /// <summary>Works on a batch. A store that is away fails it: it comes again until it is done.</summary>
    [Function("StyleFeed"), ExponentialBackoffRetry(-1, "00:00:01", "00:01:00")]
    public Task Run([CosmosDBTrigger("selvedge", "styles", Connection = "Cosmos", LeaseContainerName = "leases", LeaseContainerPrefix = "products", StartFromBeginning = true, FeedPollDelay = 1000)] IReadOnlyList<JsonElement> changes, FunctionContext context) =>
        styles.HandleAsync(changes, context.CancellationToken);
}
