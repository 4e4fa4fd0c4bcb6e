using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Selvedge.Orders;
using Fields = Selvedge.Channels.Shopify.ShopifyFields;

namespace Selvedge.Channels.Amazon;

/// <summary>
/// A seller on Amazon by the Selling Partner API. A few quantities go as patches of their listings, many as one JSON_LISTINGS_FEED for each marketplace; both are queued there. A pause is the
/// quantity 0. A listing's place is the marketplace's id, its item the seller SKU, its extra the product type (<c>PRODUCT</c>). Numbers are read back twenty SKUs at a time. Orders come by searchOrders (v2026-01-01)
/// and are sent by confirmShipment. Of product data the offers that are missing are made, on goods that Amazon's catalogue has (<see cref="AmazonOffer"/>), in the marketplaces with the channel's currency; what is there is mapped and left as it is, its
/// price too, for to replace an offer would wipe what stands beside our price. Each operation has its own rate, and the one that Amazon tells (<c>x-amzn-RateLimit-Limit</c>) holds.
/// <c>api.shop</c> is the region's host. Settings: <c>sellerId</c>, <c>marketplaces</c> (ids, by comma), <c>clientId</c>, <c>clientSecret</c> and <c>refreshToken</c> (names of secrets); optional <c>productType</c>, <c>productType.&lt;category&gt;</c>, <c>auth</c>, the token's address
/// (<c>https://api.amazon.com/auth/o2/token</c>), <c>patches</c> (most that go one by one, 5), <c>taxIncluded</c>, <c>carrier.&lt;name&gt;</c> (Amazon's code of a carrier of ours), <c>limit.&lt;operation&gt;</c>. Amazon takes sold units off. Unconfirmed:
/// how long a patch takes to be live, that a token's end is told by 401 or by 403 with "expired", the agent's name, the limits of 2.5 % cancelled and 4 % late. There is no call to cancel an order: a person does that in Seller Central. Of FBA the listing
/// tells a number only where Amazon puts one there.
/// </summary>
public sealed class AmazonAdapter(ChannelCalls calls, AccessTokens tokens) : ChannelAdapter
{
    const string Listings = "/listings/2021-08-01/items/", Feeds = "/feeds/2021-06-30/";

    public override string System => "amazon";
    public override ChannelTraits Traits { get; } = new()
    {
        MostAtOnce = AmazonFeed.Most, Decrements = true, PollEvery = TimeSpan.FromMinutes(3), OrdersVisibleAfter = TimeSpan.FromMinutes(2), VisibleAfter = TimeSpan.FromMinutes(2), Ships = true, Publishes = true, CancelRateLimit = 2.5, LateRateLimit = 4,
        Needs = ["sellerId", "marketplaces", "clientId", "clientSecret", "refreshToken"], Secrets = ["clientSecret", "refreshToken"],
    };

    public override async Task<PushAnswer> PushAsync(ChannelAccount account, IReadOnlyList<Push> pushes, CancellationToken cancel)
    {
        var alone = int.TryParse(account.OptionalSetting("patches"), NumberStyles.None, CultureInfo.InvariantCulture, out var told) ? told : 5;
        var (done, submissions) = (new List<Pushed>(), new List<string>());
        var parts = pushes.Count <= alone ? pushes.Select(push => new[] { push }) : pushes.GroupBy(push => push.Listing.Place).Select(group => group.ToArray());
        foreach (var part in parts)
        {
            try
            {
                if (pushes.Count <= alone) done.Add(await PatchAsync(account, part[0], cancel));
                else
                {
                    submissions.Add(await SubmitAsync(account, part, cancel));
                    done.AddRange(part.Select(push => new Pushed(push.Listing.Id, PushResult.Queued)));
                }
            }
            catch (ChannelCallException failed) when (done.Count > 0)
            {
                // Some of several calls were made: what they did is said, and what is not known of this one.
                done.AddRange(part.Select(push => new Pushed(push.Listing.Id, failed.Failure is CallFailure.Unanswered ? PushResult.Unanswered : PushResult.Failed, failed.Message)));
                done.AddRange(pushes.ExceptBy(done.Select(one => one.Listing), push => push.Listing.Id).Select(push => new Pushed(push.Listing.Id, PushResult.Failed, "Not asked: " + failed.Message)));
                break;
            }
        }
        return submissions.Count > 0 ? new(done, string.Join(',', submissions), TimeSpan.FromMinutes(1)) : new(done, LookAfter: Traits.VisibleAfter);
    }

    async Task<Pushed> PatchAsync(ChannelAccount account, Push push, CancellationToken cancel)
    {
        var path = $"{Listings}{Uri.EscapeDataString(account.Setting("sellerId"))}/{Uri.EscapeDataString(push.Listing.Item)}?marketplaceIds={Uri.EscapeDataString(push.Listing.Place)}&includedData=issues";
        var reply = await SendAsync(account, "patchListingsItem", HttpMethod.Patch, path, Json(AmazonFeed.Patch(push)), new(5, 5), cancel);
        // 400 and 404 are of this SKU; 401 and 403 are of the account.
        if (reply.Status is 400 or 404 or 413) return new(push.Listing.Id, PushResult.Refused, Said(reply));
        using var body = reply.Ok().Json();
        return AmazonFeed.Result(body.RootElement, push);
    }

    async Task<string> SubmitAsync(ChannelAccount account, Push[] pushes, CancellationToken cancel)
    {
        using var document = (await SendAsync(account, "createFeedDocument", HttpMethod.Post, Feeds + "documents", Json(new { contentType = "application/json; charset=UTF-8" }), new(0.5, 15), cancel)).Ok().Json();
        var (id, url) = (Need(account, document.RootElement, "feedDocumentId"), Need(account, document.RootElement, "url"));
        // A place made for this upload alone, open for five minutes: no credentials go there.
        var content = new ByteArrayContent(AmazonFeed.Body(account.Setting("sellerId"), pushes));
        content.Headers.TryAddWithoutValidation("Content-Type", "application/json; charset=UTF-8");
        (await calls.SendAsync(account, "upload", new(HttpMethod.Put, url) { Content = content }, [], cancel)).Ok();
        using var feed = (await SendAsync(account, "createFeed", HttpMethod.Post, Feeds + "feeds", Json(new { feedType = "JSON_LISTINGS_FEED", marketplaceIds = new[] { pushes[0].Listing.Place }, inputFeedDocumentId = id }), new(0.0083, 15), cancel)).Ok().Json();
        return Need(account, feed.RootElement, "feedId");
    }

    public override async Task<IReadOnlyList<Pushed>?> CheckAsync(ChannelAccount account, string submission, IReadOnlyList<Push> pushes, CancellationToken cancel)
    {
        var (results, feeds) = (new List<Pushed>(), submission.Split(','));
        for (var i = 0; i < feeds.Length; i++)
        {
            using var feed = (await SendAsync(account, "getFeed", HttpMethod.Get, Feeds + "feeds/" + Uri.EscapeDataString(feeds[i]), null, new(2, 15), cancel)).Ok().Json();
            // Of several feeds each tells its marketplace.
            var mine = pushes.Where(push => feeds.Length == 1 || Places(feed.RootElement).Contains(push.Listing.Place)).ToList();
            switch (Text(feed.RootElement, "processingStatus"))
            {
                case "CANCELLED" or "FATAL":
                    results.AddRange(mine.Select(push => new Pushed(push.Listing.Id, PushResult.Failed, $"Feed {feeds[i]} was not processed.")));
                    break;
                case "DONE" when Text(feed.RootElement, "resultFeedDocumentId") is { } report:
                    results.AddRange(await ReportAsync(account, report, mine, cancel));
                    break;
                case "DONE":
                    results.AddRange(mine.Select(push => new Pushed(push.Listing.Id, PushResult.Unanswered, $"Feed {feeds[i]} has no report.")));
                    break;
                default:
                    return null;
            }
        }
        return results;
    }

    async Task<IReadOnlyList<Pushed>> ReportAsync(ChannelAccount account, string id, IReadOnlyList<Push> pushes, CancellationToken cancel)
    {
        using var document = (await SendAsync(account, "getFeedDocument", HttpMethod.Get, Feeds + "documents/" + Uri.EscapeDataString(id), null, new(0.0222, 10), cancel)).Ok().Json();
        var reply = (await calls.SendAsync(account, "download", new(HttpMethod.Get, Need(account, document.RootElement, "url")), [], cancel)).Ok();
        try
        {
            using var report = JsonDocument.Parse(AmazonFeed.Unpacked(reply.Body, Text(document.RootElement, "compressionAlgorithm")));
            return AmazonFeed.Report(report.RootElement, pushes);
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidDataException)
        {
            throw new ChannelCallException(CallFailure.Unanswered, $"amazon's report {id} of channel '{account.Channel.Id}' cannot be read: {unreadable.Message}", inner: unreadable);
        }
    }

    public override async Task<PublishAnswer> PublishAsync(ChannelAccount account, ChannelProduct product, CancellationToken cancel)
    {
        var currency = account.Channel.Currency ?? throw Refused(account, product, "the channel has no 'currency', and prices have one at Amazon");
        var places = account.Setting("marketplaces").Split(',').Where(place => AmazonOrder.CurrencyAt(place) is not { } usual || usual == currency).ToList();
        if (places.Count == 0) throw Refused(account, product, $"none of its marketplaces sells in {currency}");
        var (there, type, answered, submitted) = (await ThereAsync(account, places, product.Items, cancel), AmazonOffer.TypeOf(account, product), new List<PublishedItem>(), false);
        foreach (var item in product.Items)
        {
            // What is mapped is there, though a search may not show it for a moment: a PUT would take its number away.
            var missing = item.ExternalId is not null ? [] : places.FindAll(place => !there.ContainsKey((place, item.Sku)));
            var error = missing.Count == 0 ? null : AmazonOffer.Fault(item);
            try
            {
                foreach (var place in missing)
                    if (error is null) error = await OfferAsync(account, type, item, place, currency, cancel);
            }
            catch (ChannelCallException limited) when (limited.Failure is CallFailure.Limited && (submitted || answered.Count > 0))
            {
                return submitted ? new(answered) { Submission = Looked, LookAfter = Traits.VisibleAfter } : new(answered) { Until = limited.Until };
            }
            if (error is not null || missing.Count == 0) answered.Add(new(item.Sku, Keys(places, item, there), error));
            else submitted = true;
        }
        return submitted ? new(answered) { Submission = Looked, LookAfter = Traits.VisibleAfter } : new(answered);
    }

    /// <summary><inheritdoc/> An offer is there once a search shows it; until then nobody knows.</summary>
    public override async Task<PublishAnswer?> PublishedAsync(ChannelAccount account, ChannelProduct product, string submission, CancellationToken cancel)
    {
        var places = account.Setting("marketplaces").Split(',').Where(place => AmazonOrder.CurrencyAt(place) is not { } usual || usual == account.Channel.Currency).ToList();
        var there = await ThereAsync(account, places, product.Items, cancel);
        var answered = product.Items.Where(item => places.TrueForAll(place => there.ContainsKey((place, item.Sku))))
            .Select(item => new PublishedItem(item.Sku, Keys(places, item, there), places.Select(place => there[(place, item.Sku)].Error).FirstOrDefault(error => error is not null))).ToList();
        // Those that are not seen yet, or were never sent for a limit, are sent (again): nothing is mapped to them, so there is no number to take away.
        return answered.Count == 0 ? null : answered.Count == product.Items.Count ? new(answered) : new(answered) { Until = account.Time.GetUtcNow() + TimeSpan.FromSeconds(5) };
    }

    const string Looked = "search";

    // Why it was not taken; null: it was, and is there in a while.
    async Task<string?> OfferAsync(ChannelAccount account, string type, ChannelItem item, string place, string currency, CancellationToken cancel)
    {
        var path = $"{Listings}{Uri.EscapeDataString(account.Setting("sellerId"))}/{Uri.EscapeDataString(item.Sku)}?marketplaceIds={Uri.EscapeDataString(place)}&includedData=issues";
        var reply = await SendAsync(account, "putListingsItem", HttpMethod.Put, path, Json(AmazonOffer.Body(type, item, place, currency)), new(5, 5), cancel);
        if (reply.Status is 400 or 413) return Said(reply);
        using var body = reply.Ok().Json();
        return Text(body.RootElement, "status") is "ACCEPTED" ? null : AmazonFeed.Errors(body.RootElement) ?? $"Amazon answered {Text(body.RootElement, "status")}.";
    }

    async Task<Dictionary<(string Place, string Sku), (string? Type, string? Error)>> ThereAsync(ChannelAccount account, List<string> places, IReadOnlyList<ChannelItem> items, CancellationToken cancel)
    {
        var (there, seller) = (new Dictionary<(string, string), (string?, string?)>(), Uri.EscapeDataString(account.Setting("sellerId")));
        foreach (var place in places)
            foreach (var skus in items.Select(item => item.Sku).GroupBy(sku => sku.Contains(',', StringComparison.Ordinal)).SelectMany(skus => skus.Chunk(skus.Key ? 1 : 20)))
            {
                var path = $"{Listings}{seller}?marketplaceIds={Uri.EscapeDataString(place)}&includedData=summaries,issues&pageSize=20&identifiersType=SKU&identifiers={string.Join(',', skus.Select(Uri.EscapeDataString))}";
                using var body = (await SendAsync(account, "searchListingsItems", HttpMethod.Get, path, null, new(5, 5), cancel)).Ok().Json();
                foreach (var item in new Fields(body.RootElement, "", []).Objects("items", 1000))
                    if (item.Text("sku", 200) is { } sku) there[(place, sku)] = (item.Objects("summaries", 10).Select(summary => summary.Text("productType", 100)).FirstOrDefault(), AmazonFeed.Errors(item));
            }
        return there;
    }

    static List<ListingKey> Keys(List<string> places, ChannelItem item, Dictionary<(string Place, string Sku), (string? Type, string? Error)> there) =>
        [.. places.Where(place => there.ContainsKey((place, item.Sku))).Select(place => new ListingKey(Platform.Ids.Join([place, item.Sku], 200), place, item.Sku, item.Sku, there[(place, item.Sku)].Type))];

    static ChannelCallException Refused(ChannelAccount account, ChannelProduct product, string why) => new(CallFailure.Refused, $"Style {product.Style} is not offered by channel '{account.Channel.Id}': {why}.") { IsOfProduct = true };

    public override async IAsyncEnumerable<Shown> ReadAsync(ChannelAccount account, IReadOnlyList<ListingKey>? which, [EnumeratorCancellation] CancellationToken cancel)
    {
        var seller = Uri.EscapeDataString(account.Setting("sellerId"));
        var asked = which is null ? account.Setting("marketplaces").Split(',').Select(place => (Place: place, Skus: (string[]?)null))
            // A SKU with a comma in it cannot stand in a list.
            : which.GroupBy(listing => listing.Place).SelectMany(group => group.Select(listing => listing.Item).Distinct().GroupBy(sku => sku.Contains(',', StringComparison.Ordinal)).SelectMany(skus => skus.Chunk(skus.Key ? 1 : 20)).Select(skus => (Place: group.Key, Skus: (string[]?)skus)));
        foreach (var (place, skus) in asked)
        {
            string? next = null;
            do
            {
                var path = $"{Listings}{seller}?marketplaceIds={Uri.EscapeDataString(place)}&includedData=summaries,fulfillmentAvailability&pageSize=20"
                    + (skus is null ? "" : $"&identifiersType=SKU&identifiers={string.Join(',', skus.Select(Uri.EscapeDataString))}") + (next is null ? "" : "&pageToken=" + Uri.EscapeDataString(next));
                using var body = (await SendAsync(account, "searchListingsItems", HttpMethod.Get, path, null, new(5, 5), cancel)).Ok().Json();
                foreach (var item in new Fields(body.RootElement, "", []).Objects("items", 1000))
                    if (item.Text("sku", 200) is { } sku) yield return ShownBy(place, sku, item);
                next = new Fields(body.RootElement, "", []).Object("pagination")?.Text("nextToken", 2000);
            } while (next is not null);
        }
    }

    static Shown ShownBy(string place, string sku, Fields item)
    {
        var (own, theirs) = (0L, (long?)null);
        foreach (var one in item.Objects("fulfillmentAvailability", 100))
            if (one.Text("fulfillmentChannelCode", 40) == "DEFAULT") own += one.Whole("quantity", 0, long.MaxValue) ?? 0;
            else theirs = (theirs ?? 0) + (one.Whole("quantity", 0, long.MaxValue) ?? 0);
        return new(place, sku, own, Marketplace: theirs);
    }

    public override async IAsyncEnumerable<ChannelOrder> OrdersAsync(ChannelAccount account, DateTimeOffset from, [EnumeratorCancellation] CancellationToken cancel)
    {
        var (found, next, seenAt) = (new Dictionary<string, ChannelOrder>(StringComparer.Ordinal), (string?)null, account.Time.GetUtcNow());
        var included = account.OptionalSetting("taxIncluded") == "true";
        do
        {
            var path = $"/orders/2026-01-01/orders?lastUpdatedAfter={Uri.EscapeDataString(from.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture))}&marketplaceIds={Uri.EscapeDataString(account.Setting("marketplaces"))}"
                + "&maxResultsPerPage=100&includedData=BUYER,RECIPIENT,PROCEEDS,FULFILLMENT,CANCELLATION" + (next is null ? "" : "&paginationToken=" + Uri.EscapeDataString(next));
            using var body = (await SendAsync(account, "searchOrders", HttpMethod.Get, path, null, new(0.0056, 20), cancel)).Ok().Json();
            if (body.RootElement.TryGetProperty("orders", out var orders) && orders.ValueKind is JsonValueKind.Array)
                foreach (var order in orders.EnumerateArray())
                {
                    var read = Payload.Read(order, account.Channel.Id, Text(order, "orderId"), seenAt, one => AmazonOrder.Parse(one, account.Channel.Id, included, seenAt));
                    if (!found.TryGetValue(read.Draft.ExternalId, out var before) || read.ChangedAt >= before.ChangedAt) found[read.Draft.ExternalId] = read;
                }
            next = new Fields(body.RootElement, "", []).Object("pagination")?.Text("nextToken", 4000);
        } while (next is not null);
        // In what order they come is not told.
        foreach (var order in found.Values.OrderBy(order => order.ChangedAt)) yield return order;
    }

    /// <summary><inheritdoc/> A package is known by its number: told again it is the same package.</summary>
    public override async Task ShipAsync(ChannelAccount account, Order order, ChannelShipment shipment, CancellationToken cancel)
    {
        var code = shipment.Carrier is { } carrier ? account.OptionalSetting("carrier." + carrier) : null;
        var package = new Dictionary<string, object?>
        {
            ["packageReferenceId"] = Package(shipment.Id), ["carrierCode"] = code ?? "Other", ["trackingNumber"] = shipment.Tracking ?? "", ["shipDate"] = shipment.At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
            ["orderItems"] = shipment.Lines.Select(line => new { orderItemId = line.Line, quantity = line.Units }),
        };
        if (code is null) package["carrierName"] = shipment.Carrier ?? "Other";
        if (order.References?.GetValueOrDefault("service") is { } service) package["shippingMethod"] = service;
        var place = order.References?.GetValueOrDefault("marketplaceId") ?? account.Setting("marketplaces").Split(',')[0];
        (await SendAsync(account, "confirmShipment", HttpMethod.Post, $"/orders/v0/orders/{Uri.EscapeDataString(order.ExternalId)}/shipmentConfirmation", Json(new { marketplaceId = place, packageDetail = package }), new(2, 10), cancel)).Ok();
    }

    /// <summary>A package's number of a shipment: digits alone, the same for the same shipment.</summary>
    public static string Package(string shipment) => ((BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(shipment))) & 0x7FFF_FFFF) + 1L).ToString(CultureInfo.InvariantCulture);

    async Task<ChannelReply> SendAsync(ChannelAccount account, string operation, HttpMethod method, string path, HttpContent? content, CallRate rate, CancellationToken cancel)
    {
        var request = new HttpRequestMessage(method, new Uri(account.Address, path)) { Content = content };
        request.Headers.TryAddWithoutValidation("User-Agent", "Selvedge/1.0 (Language=C#)");
        var reply = await tokens.SendAsync(account, operation, request, [new(operation, rate.For(account, operation))], TokenAsync, static (request, token) => request.Headers.TryAddWithoutValidation("x-amz-access-token", token),
            static reply => reply.Status == 401 || (reply.Status == 403 && reply.Text.Contains("expired", StringComparison.OrdinalIgnoreCase)), cancel);
        if (account.OptionalSetting("limit." + operation) is null && double.TryParse(reply.Header("x-amzn-RateLimit-Limit"), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var told)) calls.Budget.Learn(account, operation, told);
        return reply;
    }

    async Task<(string, TimeSpan)> TokenAsync(ChannelAccount account, CancellationToken cancel)
    {
        var form = new FormUrlEncodedContent([new("grant_type", "refresh_token"), new("refresh_token", account.Secret("refreshToken")), new("client_id", account.Setting("clientId")), new("client_secret", account.Secret("clientSecret"))]);
        var request = new HttpRequestMessage(HttpMethod.Post, account.OptionalSetting("auth") ?? "https://api.amazon.com/auth/o2/token") { Content = form };
        return AccessTokens.Read(account, await calls.SendAsync(account, "token", request, [new("token", new CallRate(0.2, 10).For(account, "token"))], cancel), TimeSpan.FromHours(1));
    }

    static string Said(ChannelReply reply)
    {
        using var body = reply.Json();
        return new Fields(body.RootElement, "", []).Objects("errors", 100) is [var error, ..] ? $"{error.Text("code", 60)}: {error.Text("message", 300)}" : $"Amazon answered {reply.Status}.";
    }

    static HashSet<string> Places(JsonElement feed) => feed.TryGetProperty("marketplaceIds", out var ids) && ids.ValueKind is JsonValueKind.Array ? [.. ids.EnumerateArray().Select(id => id.ToString())] : [];
    static string Need(ChannelAccount account, JsonElement of, string name) => Text(of, name) ?? throw new ChannelCallException(CallFailure.Unanswered, $"amazon answered channel '{account.Channel.Id}' without {name}.");
    static string? Text(JsonElement of, string name) => new Fields(of, "", []).Text(name, 4000);
    static ByteArrayContent Json(object body) => new(JsonSerializer.SerializeToUtf8Bytes(body)) { Headers = { ContentType = new("application/json") } };
}
