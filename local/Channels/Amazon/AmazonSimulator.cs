using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Selvedge.Local.Channels.Amazon;

/// <summary>A simulated order.</summary>
public sealed class AmazonSimulatedOrder(string id, string place, DateTimeOffset at, IReadOnlyList<(string Item, string Sku, int Units)> items)
{
    public string Id => id;
    public string Place => place;
    public IReadOnlyList<(string Item, string Sku, int Units)> Items => items;
    public DateTimeOffset CreatedAt { get; } = at;
    public DateTimeOffset UpdatedAt { get; set; } = at;
    public string Status { get; set; } = "PENDING";
    public string By { get; set; } = "MERCHANT";
    public bool CancelAsked { get; set; }
    public string Currency { get; set; } = "USD";

    /// <summary>Packages by their reference: what was told last of each.</summary>
    public Dictionary<string, JsonNode> Packages { get; } = [];
}

/// <summary>
/// Amazon's Selling Partner API for one seller on loopback: tokens of an hour, a rate for each operation with its header, patches and feeds that are accepted first and shown later, reports with errors by
/// SKU, orders in pages, packages by reference. It is not Amazon. Unconfirmed and chosen here: that an ended token is told by 403, how long anything takes.
/// </summary>
public sealed class AmazonSimulator : SimulatedChannel
{
    sealed record Feed(string Id, DateTimeOffset At, string Place, string Document)
    {
        public string? Report { get; set; }
    }

    readonly List<AmazonSimulatedOrder> orders = [];
    readonly Dictionary<string, byte[]> documents = [];
    readonly List<Feed> feeds = [];
    readonly HashSet<string> valid = [];
    int made;

    AmazonSimulator(TimeProvider time, int seed) : base(time, seed)
    {
        const string items = "/listings/2021-08-01/items/{seller}", feed = "/feeds/2021-06-30/";
        Map("POST", "/auth/o2/token", "token", Token, open: true);
        Rated("PATCH", items + "/{sku}", "patchListingsItem", 5, 5, Patch);
        Rated("PUT", items + "/{sku}", "putListingsItem", 5, 5, Put);
        Rated("GET", items, "searchListingsItems", 5, 5, Search);
        Rated("POST", feed + "documents", "createFeedDocument", 0.5, 15, _ => Reply.Json(new JsonObject { ["feedDocumentId"] = $"doc-{++made}", ["url"] = new Uri(Address, $"/upload/doc-{made}").ToString() }, 201));
        Map("PUT", "/upload/{id}", "upload", call => { documents[call.Route("id")] = call.Body; return new(200); }, open: true);
        Map("GET", "/upload/{id}", "download", call => documents.TryGetValue(call.Route("id"), out var bytes) ? new(200, bytes) : Refusal(404, "NotFound", "No such document."), open: true);
        Rated("POST", feed + "feeds", "createFeed", 0.0083, 15, Create);
        Rated("GET", feed + "feeds/{id}", "getFeed", 2, 15, Status);
        Rated("GET", feed + "documents/{id}", "getFeedDocument", 0.0222, 10, call => Reply.Json(new JsonObject { ["feedDocumentId"] = call.Route("id"), ["url"] = new Uri(Address, "/upload/" + call.Route("id")).ToString(), ["compressionAlgorithm"] = "GZIP" }));
        Rated("GET", "/orders/2026-01-01/orders", "searchOrders", 0.0056, 20, Orders);
        Rated("POST", "/orders/v0/orders/{id}/shipmentConfirmation", "confirmShipment", 2, 10, Confirm);
    }

    public string RefreshToken { get; set; } = "refresh";
    public int TokensGiven { get; private set; }

    /// <summary>How long a feed waits until it is worked off.</summary>
    public TimeSpan FeedTakes { get; set; }
    public int MostOnPage { get; set; } = 100;

    /// <summary>SKUs whose listings are not valid.</summary>
    public HashSet<string> Broken { get; } = [];

    /// <summary>ASINs and GTINs that its catalogue has; and how long a new offer is not shown.</summary>
    public HashSet<string> Catalogue { get; } = [];
    public TimeSpan OffersTake { get; set; }
    readonly List<(string Sku, string Place, DateTimeOffset At)> offered = [];

    /// <summary>Prices of offers, by SKU and marketplace; and offers that a PUT made anew, with what stood there.</summary>
    public Dictionary<(string Sku, string Place), decimal> Prices { get; } = [];
    public List<string> Replaced { get; } = [];

    /// <summary>Units that lie at Amazon, by SKU.</summary>
    public Dictionary<string, long> InFba { get; } = [];
    public IReadOnlyList<AmazonSimulatedOrder> AllOrders => orders;

    /// <summary>The rate that it tells and holds to, by operation, where it is not the usual one.</summary>
    public Dictionary<string, double> Rates { get; } = [];

    public static async Task<AmazonSimulator> StartAsync(TimeProvider? time = null, int seed = 1)
    {
        var amazon = new AmazonSimulator(time ?? TimeProvider.System, seed);
        await amazon.ListenAsync();
        return amazon;
    }

    /// <summary>A buyer orders; null when not as many are shown.</summary>
    public AmazonSimulatedOrder? Sell(string place, params (string Sku, int Units)[] wanted)
    {
        lock (Gate)
        {
            WorkOff();
            if (wanted.Any(line => Stock.Units(line.Sku, place) < line.Units)) return null;
            foreach (var (sku, units) in wanted) Stock.Sell(sku, units, place);
            var id = string.Create(CultureInfo.InvariantCulture, $"123-{orders.Count + 1:D7}-1234567");
            orders.Add(new(id, place, Time.GetUtcNow(), [.. wanted.Select((line, at) => ($"{orders.Count + 1}00{at}", line.Sku, line.Units))]));
            return orders[^1];
        }
    }

    /// <summary>The order becomes something else, e.g. <c>UNSHIPPED</c>, <c>CANCELLED</c>.</summary>
    public void Move(AmazonSimulatedOrder order, string status)
    {
        lock (Gate) (order.Status, order.UpdatedAt) = (status, Time.GetUtcNow());
    }

    protected override bool IsAuthorized(HttpRequest request) => valid.Contains($"{request.Headers["x-amz-access-token"]}");
    protected override void ExpireTokens() => valid.Clear();

    // What is said of a token that is not valid is said with 403 there.
    protected override Reply Refusal(int status, string code, string message) => status is 401
        ? Reply.Json(new JsonObject { ["errors"] = new JsonArray(new JsonObject { ["code"] = "Unauthorized", ["message"] = "The access token you provided has expired.", ["details"] = "" }) }, 403)
        : Reply.Json(new JsonObject { ["errors"] = new JsonArray(new JsonObject { ["code"] = code, ["message"] = message, ["details"] = "" }) }, status);

    void Rated(string method, string pattern, string operation, double rate, double burst, Func<Call, Reply> answer) =>
        Map(method, pattern, operation, call => answer(call).With("x-amzn-RateLimit-Limit", Rates.GetValueOrDefault(operation, rate).ToString(CultureInfo.InvariantCulture)), new(rate, burst));

    Reply Token(Call call)
    {
        if (!call.Text.Contains("refresh_token=" + Uri.EscapeDataString(RefreshToken), StringComparison.Ordinal)) return Reply.Json(new JsonObject { ["error"] = "invalid_grant" }, 400);
        valid.Add($"Atza|{++TokensGiven}");
        return Reply.Json(new JsonObject { ["access_token"] = $"Atza|{TokensGiven}", ["token_type"] = "bearer", ["expires_in"] = 3600 });
    }

    JsonArray? Apply(string sku, string place, JsonNode body)
    {
        if (Broken.Contains(sku)) return [new JsonObject { ["sku"] = sku, ["code"] = "90220", ["severity"] = "ERROR", ["message"] = "An attribute is missing." }, new JsonObject { ["sku"] = sku, ["code"] = "1", ["severity"] = "WARNING", ["message"] = "Look here." }];
        var value = body["patches"]![0]!["value"]![0]!;
        if ($"{value["fulfillment_channel_code"]}" != "DEFAULT" || $"{body["patches"]![0]!["op"]}" != "merge" || InFba.ContainsKey(sku)) return [new JsonObject { ["sku"] = sku, ["code"] = "5665", ["severity"] = "ERROR", ["message"] = "It cannot be changed so." }];
        return Stock.Set(sku, value["quantity"]!.GetValue<long>(), place) ? null : [new JsonObject { ["sku"] = sku, ["code"] = "8541", ["severity"] = "ERROR", ["message"] = "There is no such SKU." }];
    }

    Reply Patch(Call call)
    {
        var (sku, place) = (call.Route("sku"), call.Query("marketplaceIds")!);
        if (!Stock.Has(sku, place)) return Refusal(404, "NOT_FOUND", $"SKU '{sku}' not found in marketplace {place}.");
        var issues = Apply(sku, place, call.Json!);
        return Reply.Json(new JsonObject { ["sku"] = sku, ["status"] = issues is null ? "ACCEPTED" : "INVALID", ["submissionId"] = $"sub-{++made}", ["issues"] = issues ?? [] });
    }

    Reply Put(Call call)
    {
        var (sku, place, body) = (call.Route("sku"), call.Query("marketplaceIds")!, call.Json!);
        var attributes = body["attributes"]!;
        if ($"{body["requirements"]}" != "LISTING_OFFER_ONLY" || attributes["condition_type"] is null || attributes["purchasable_offer"]?[0]?["our_price"]?[0]?["schedule"]?[0]?["value_with_tax"] is not { } price) return Refusal(400, "InvalidInput", "The body is not as its requirements say.");
        var known = attributes["merchant_suggested_asin"]?[0]?["value"] ?? attributes["externally_assigned_product_identifier"]?[0]?["value"];
        var issues = Broken.Contains(sku) ? "An attribute is missing." : !Catalogue.Contains($"{known}") ? $"The catalogue does not have {known}." : null;
        if (issues is null)
        {
            if (Stock.Has(sku, place)) Replaced.Add(sku);
            offered.Add((sku, place, Time.GetUtcNow()));
            Prices[(sku, place)] = price.GetValue<decimal>();
        }
        return Reply.Json(new JsonObject { ["sku"] = sku, ["status"] = issues is null ? "ACCEPTED" : "INVALID", ["submissionId"] = $"sub-{++made}", ["issues"] = issues is null ? [] : new JsonArray(new JsonObject { ["code"] = "8560", ["severity"] = "ERROR", ["message"] = issues }) });
    }

    Reply Search(Call call)
    {
        WorkOff();
        var (place, skus) = (call.Query("marketplaceIds")!, call.Query("identifiers")?.Split(','));
        if (skus is { Length: > 20 }) return Refusal(400, "InvalidInput", "At most 20.");
        var all = Stock.Keys.Where(key => key.Place == place && skus?.Contains(key.Item) != false).ToList();
        var from = int.Parse(call.Query("pageToken") ?? "0", CultureInfo.InvariantCulture);
        var page = all.Skip(from).Take(call.Whole("pageSize", 10)).Select(key =>
        {
            var held = new JsonArray(new JsonObject { ["fulfillmentChannelCode"] = "DEFAULT", ["quantity"] = Stock.Shown(key.Item, place) });
            if (InFba.TryGetValue(key.Item, out var fba)) held = [new JsonObject { ["fulfillmentChannelCode"] = "AMAZON_NA", ["quantity"] = fba }];
            return (JsonNode)new JsonObject { ["sku"] = key.Item, ["summaries"] = new JsonArray(new JsonObject { ["marketplaceId"] = place, ["productType"] = "SHIRT" }), ["fulfillmentAvailability"] = held };
        }).ToList();
        return Reply.Json(new JsonObject { ["numberOfResults"] = all.Count, ["items"] = new JsonArray([.. page]), ["pagination"] = from + page.Count < all.Count ? new JsonObject { ["nextToken"] = $"{from + page.Count}" } : [] });
    }

    Reply Create(Call call)
    {
        var document = $"{call.Json!["inputFeedDocumentId"]}";
        if (!documents.ContainsKey(document) || $"{call.Json["feedType"]}" != "JSON_LISTINGS_FEED") return Refusal(400, "InvalidInput", "No such document.");
        feeds.Add(new($"feed-{++made}", Time.GetUtcNow(), $"{call.Json["marketplaceIds"]![0]}", document));
        return Reply.Json(new JsonObject { ["feedId"] = feeds[^1].Id }, 202);
    }

    void WorkOff()
    {
        foreach (var (sku, place, _) in offered.Where(offer => Time.GetUtcNow() >= offer.At + OffersTake).ToList()) Stock.Add(sku, place);
        offered.RemoveAll(offer => Time.GetUtcNow() >= offer.At + OffersTake);
        foreach (var feed in feeds.Where(feed => feed.Report is null && Time.GetUtcNow() >= feed.At + FeedTakes))
        {
            var (issues, messages) = (new JsonArray(), JsonNode.Parse(documents[feed.Document])!["messages"]!.AsArray());
            foreach (var message in messages)
                foreach (var issue in Apply($"{message!["sku"]}", feed.Place, message) ?? [])
                {
                    var said = issue!.DeepClone();
                    said["messageId"] = message["messageId"]!.DeepClone();
                    issues.Add(said);
                }
            var report = new JsonObject { ["header"] = new JsonObject { ["feedId"] = feed.Id, ["version"] = "2.0" }, ["issues"] = issues, ["summary"] = new JsonObject { ["messagesProcessed"] = messages.Count } };
            using var packed = new MemoryStream();
            using (var zip = new GZipStream(packed, CompressionMode.Compress)) zip.Write(Encoding.UTF8.GetBytes(report.ToJsonString()));
            documents[feed.Report = $"report-{feed.Id}"] = packed.ToArray();
        }
    }

    Reply Status(Call call)
    {
        WorkOff();
        return feeds.Find(feed => feed.Id == call.Route("id")) is not { } found ? Refusal(404, "NotFound", "No such feed.")
            : Reply.Json(new JsonObject { ["feedId"] = found.Id, ["feedType"] = "JSON_LISTINGS_FEED", ["marketplaceIds"] = new JsonArray(found.Place), ["processingStatus"] = found.Report is null ? "IN_PROGRESS" : "DONE", ["resultFeedDocumentId"] = found.Report });
    }

    Reply Orders(Call call)
    {
        var (after, places) = (DateTimeOffset.Parse(call.Query("lastUpdatedAfter")!, CultureInfo.InvariantCulture), call.Query("marketplaceIds")!.Split(','));
        var all = orders.Where(order => order.UpdatedAt >= after && places.Contains(order.Place)).OrderByDescending(order => order.UpdatedAt).ToList();
        var from = int.Parse(call.Query("paginationToken") ?? "0", CultureInfo.InvariantCulture);
        var page = all.Skip(from).Take(Math.Min(MostOnPage, call.Whole("maxResultsPerPage", 100))).ToList();
        return Reply.Json(new JsonObject { ["orders"] = new JsonArray([.. page.Select(Node)]), ["pagination"] = from + page.Count < all.Count ? new JsonObject { ["nextToken"] = $"{from + page.Count}" } : [] });
    }

    static JsonObject Node(AmazonSimulatedOrder order)
    {
        JsonObject Money(decimal amount) => new() { ["amount"] = amount.ToString("0.00", CultureInfo.InvariantCulture), ["currencyCode"] = order.Currency };
        var pending = order.Status is "PENDING";
        return new()
        {
            ["orderId"] = order.Id, ["createdTime"] = Text(order.CreatedAt), ["lastUpdatedTime"] = Text(order.UpdatedAt), ["salesChannel"] = new JsonObject { ["channelName"] = "AMAZON", ["marketplaceId"] = order.Place },
            ["fulfillment"] = new JsonObject { ["fulfillmentStatus"] = order.Status, ["fulfilledBy"] = order.By, ["fulfillmentServiceLevel"] = "STANDARD", ["shipByWindow"] = new JsonObject { ["latestDateTime"] = Text(order.CreatedAt.AddDays(2)) } },
            ["recipient"] = pending ? null : new JsonObject { ["deliveryAddress"] = new JsonObject { ["name"] = "Test Buyer", ["addressLine1"] = "1 Main St", ["city"] = "Seattle", ["stateOrRegion"] = "WA", ["postalCode"] = "98101", ["countryCode"] = "US" } },
            ["orderItems"] = new JsonArray([.. order.Items.Select(item => new JsonObject
            {
                ["orderItemId"] = item.Item, ["quantityOrdered"] = item.Units, ["product"] = pending ? new JsonObject { ["sellerSku"] = item.Sku } : new JsonObject { ["sellerSku"] = item.Sku, ["price"] = new JsonObject { ["unitPrice"] = Money(19.99m) } },
                ["proceeds"] = pending ? null : new JsonObject { ["breakdowns"] = new JsonArray(new JsonObject { ["type"] = "ITEM", ["subtotal"] = Money(19.99m * item.Units) }) },
                ["fulfillment"] = new JsonObject { ["quantityFulfilled"] = order.Status is "SHIPPED" ? item.Units : 0, ["quantityUnfulfilled"] = order.Status is "UNSHIPPED" ? item.Units : 0 },
                ["cancellation"] = order.CancelAsked ? new JsonObject { ["cancellationRequest"] = new JsonObject { ["requester"] = "BUYER", ["cancelReason"] = "Found cheaper." } } : null,
            })]),
        };
    }

    Reply Confirm(Call call)
    {
        if (orders.Find(order => order.Id == call.Route("id")) is not { } order) return Refusal(404, "NotFound", "No such order.");
        var package = call.Json!["packageDetail"]!;
        if (!long.TryParse($"{package["packageReferenceId"]}", CultureInfo.InvariantCulture, out var number) || number <= 0 || package["carrierCode"] is null || order.Status is not ("UNSHIPPED" or "PARTIALLY_SHIPPED" or "SHIPPED")) return Refusal(400, "InvalidInput", "It cannot be confirmed so.");
        order.Packages[$"{number}"] = package.DeepClone();
        var sent = order.Packages.Values.SelectMany(one => one["orderItems"]!.AsArray()).Sum(item => item!["quantity"]!.GetValue<long>());
        (order.Status, order.UpdatedAt) = (sent >= order.Items.Sum(item => item.Units) ? "SHIPPED" : "PARTIALLY_SHIPPED", Time.GetUtcNow());
        return new(204);
    }
}
