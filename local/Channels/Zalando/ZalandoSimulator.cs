using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Selvedge.Local.Channels.Zalando;

/// <summary>One unit of a simulated order.</summary>
public sealed class ZalandoUnit(string id, string item, string ean)
{
    public string Id => id;
    public string Item => item;
    public string Ean => ean;
    public string Status { get; set; } = "initial";
}

/// <summary>A simulated partner order.</summary>
public sealed class ZalandoSimulatedOrder(string id, string salesChannel, DateTimeOffset at, IReadOnlyList<ZalandoUnit> units)
{
    public string Id => id;
    public string SalesChannel => salesChannel;
    public IReadOnlyList<ZalandoUnit> Units => units;
    public DateTimeOffset PlacedAt { get; } = at;
    public DateTimeOffset ModifiedAt { get; set; } = at;
    public string Status { get; set; } = "initial";
    public bool Exported => MerchantOrderId is not null;
    public string? MerchantOrderId { get; set; }
    public string Type { get; set; } = "PartnerFulfilled";
    public List<(string Id, string Theirs, string[] Lines, string Tracking, string Status)> Shipments { get; } = [];
}

/// <summary>
/// Zalando's zDirect for one merchant on loopback: tokens that end, levels by sales channel and EAN with an answer for each, orders in JSON:API with pages, claims,
/// cancels by line and shipments. It is not Zalando. Unconfirmed and chosen here: that levels are not taken off by sales, the limits of the orders API, the shape of the ZFS answer.
/// </summary>
public sealed class ZalandoSimulator : SimulatedChannel
{
    public const string Merchant = "26caa95a-174f-41be-8585-0ce49055874d";
    readonly List<ZalandoSimulatedOrder> orders = [];
    readonly HashSet<string> valid = [];
    double levels = 2000;
    DateTimeOffset levelsAt;
    int made;

    ZalandoSimulator(TimeProvider time, int seed) : base(time, seed)
    {
        Stock.Decrements = false;
        levelsAt = time.GetUtcNow();
        const string merchant = "/merchants/{merchant}";
        Map("POST", "/auth/token", "token", Token, open: true);
        Map("POST", merchant + "/stocks", "stocks", Stocks, new(1, 60));
        Map("GET", "/zfs/item-quantities/{merchant}", "item-quantities", call => Reply.Json(new JsonObject { ["items"] = new JsonArray([.. call.Query("eans")!.Split(',').Where(InWarehouse.ContainsKey).Select(ean => new JsonObject { ["ean"] = ean, ["offerable_quantity"] = InWarehouse[ean] })]) }));
        Map("GET", merchant + "/orders", "orders", Page);
        Map("GET", merchant + "/orders/{id}", "order", call => With(call, order => Reply.Json(new JsonObject { ["data"] = Node(order), ["included"] = Included([order]) })));
        Map("PATCH", merchant + "/orders/{id}", "export", call => With(call, order => { order.MerchantOrderId = $"{call.Json!["data"]!["attributes"]!["merchant_order_id"]}"; order.ModifiedAt = Time.GetUtcNow(); return new(204); }));
        Map("PATCH", merchant + "/orders/{id}/items/{item}/lines/{line}", "line", call => With(call, order => Change(call, order)));
        Map("GET", merchant + "/orders/{id}/shipments", "shipments", call => With(call, order => Reply.Json(new JsonObject { ["shipments"] = new JsonArray([.. order.Shipments.Select(one => new JsonObject { ["shipment_id"] = one.Id, ["merchant_specified_shipment_id"] = one.Theirs, ["tracking_number"] = one.Tracking, ["status"] = one.Status })]) })));
        Map("POST", merchant + "/orders/{id}/shipments", "ship", call => With(call, order => Ship(call, order)));
        Map("PATCH", merchant + "/orders/{id}/shipments/{shipment}", "shipped", call => With(call, order => Send(call, order)));
    }

    public string ClientId { get; init; } = "client";
    public string ClientSecret { get; set; } = "secret";
    public int TokensGiven { get; private set; }

    /// <summary>The answer's list is <c>items</c> and its codes are texts, as on the vendor's page; false: as in the specification.</summary>
    public bool AnswersAsOnThePage { get; set; }

    /// <summary>Most orders on a page, whatever was asked for.</summary>
    public int MostOnPage { get; set; } = 1000;

    /// <summary>Units in Zalando's own warehouses, by EAN.</summary>
    public Dictionary<string, long> InWarehouse { get; } = [];
    public IReadOnlyList<ZalandoSimulatedOrder> Orders => orders;

    public static async Task<ZalandoSimulator> StartAsync(TimeProvider? time = null, int seed = 1)
    {
        var zalando = new ZalandoSimulator(time ?? TimeProvider.System, seed);
        await zalando.ListenAsync();
        return zalando;
    }

    /// <summary>A customer orders in a sales channel; null when not as many are shown.</summary>
    public ZalandoSimulatedOrder? Sell(string salesChannel, params (string Ean, int Units)[] wanted)
    {
        lock (Gate)
        {
            if (wanted.Any(line => Stock.Units(line.Ean, salesChannel) < line.Units)) return null;
            foreach (var (ean, units) in wanted) Stock.Sell(ean, units, salesChannel);
            var id = Uuid(orders.Count + 1);
            var parts = wanted.SelectMany(line => Enumerable.Range(0, line.Units).Select(_ => new ZalandoUnit(Uuid(1_000_000 + ++made), $"{id}-{line.Ean}", line.Ean))).ToList();
            orders.Add(new(id, salesChannel, Time.GetUtcNow(), parts));
            return orders[^1];
        }
    }

    /// <summary>Payment is confirmed.</summary>
    public void Approve(ZalandoSimulatedOrder order)
    {
        lock (Gate)
        {
            (order.Status, order.ModifiedAt) = ("approved", Time.GetUtcNow());
            foreach (var unit in order.Units.Where(unit => unit.Status == "initial")) unit.Status = "reserved";
        }
    }

    /// <summary>The customer cancels.</summary>
    public void CancelByCustomer(ZalandoSimulatedOrder order)
    {
        lock (Gate)
        {
            foreach (var unit in order.Units) unit.Status = "canceled";
            order.ModifiedAt = Time.GetUtcNow();
        }
    }

    protected override bool IsAuthorized(HttpRequest request) => $"{request.Headers.Authorization}" is var header && header.StartsWith("Bearer ", StringComparison.Ordinal) && valid.Contains(header[7..]);
    protected override void ExpireTokens() => valid.Clear();
    protected override Reply Refusal(int status, string code, string message) => Reply.Json(new JsonObject { ["errors"] = new JsonArray(new JsonObject { ["status"] = $"{status}", ["code"] = code, ["detail"] = message }) }, status);

    Reply Token(Call call)
    {
        if (call.Header("Authorization") != "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{ClientId}:{ClientSecret}")) || !call.Text.Contains("grant_type=client_credentials", StringComparison.Ordinal)) return Refusal(401, "invalid_client", "Unknown client.");
        var token = $"token-{++TokensGiven}";
        valid.Add(token);
        return Reply.Json(new JsonObject { ["access_token"] = token, ["token_type"] = "Bearer", ["expires_in"] = 7200 });
    }

    Reply Stocks(Call call)
    {
        var items = call.Json!["items"]!.AsArray();
        if (items.Count > 1000 || items.DistinctBy(item => ($"{item!["sales_channel_id"]}", $"{item["ean"]}")).Count() < items.Count) return Refusal(400, "bad_request", "Not unique, or more than 1000.");
        var now = Time.GetUtcNow();
        (levels, levelsAt) = (Math.Min(2000, levels + (now - levelsAt).TotalSeconds * 2000 / 60), now);
        if (HoldsToLimits && levels < items.Count - 0.01) return Refusal(429, "rate_limit", "Too many updates.").With("Retry-After", Math.Ceiling((items.Count - levels) * 60 / 2000).ToString(CultureInfo.InvariantCulture)).With("X-Rate-Limit", "2000");
        levels -= items.Count;
        var results = items.Select(item =>
        {
            var (place, ean, units) = ($"{item!["sales_channel_id"]}", $"{item["ean"]}", item["quantity"]!.GetValue<long>());
            var (status, code) = ean.Length != 13 || place.Length == 0 ? ("REJECTED", 101) : Broken.Contains(ean) ? ("FAILED", 102) : Stock.Set(ean, units, place) ? ("ACCEPTED", 0) : ("ACCEPTED", 104);
            return (JsonNode)new JsonObject { ["item"] = item.DeepClone(), ["result"] = new JsonObject { ["status"] = status, ["code"] = AnswersAsOnThePage ? $"{code}" : code, ["description"] = status } };
        });
        return Reply.Json(new JsonObject { [AnswersAsOnThePage ? "items" : "results"] = new JsonArray([.. results]) }, 207);
    }

    /// <summary>EANs whose levels fail there.</summary>
    public HashSet<string> Broken { get; } = [];

    Reply Page(Call call)
    {
        var after = DateTimeOffset.Parse(call.Query("last_updated_after")!, CultureInfo.InvariantCulture);
        var all = orders.Where(order => order.ModifiedAt > after).OrderBy(order => order.ModifiedAt).ThenBy(order => order.Id, StringComparer.Ordinal).ToList();
        var size = Math.Min(MostOnPage, call.Whole("page[size]", 50));
        var page = all.Skip(call.Whole("page[number]", 0) * size).Take(size).ToList();
        return Reply.Json(new JsonObject { ["data"] = new JsonArray([.. page.Select(Node)]), ["included"] = Included(page) });
    }

    JsonObject Node(ZalandoSimulatedOrder order) => new()
    {
        ["type"] = "Order", ["id"] = order.Id,
        ["attributes"] = new JsonObject
        {
            ["order_id"] = order.Id, ["order_number"] = "10" + order.Id[^6..], ["order_date"] = Text(order.PlacedAt), ["sales_channel_id"] = order.SalesChannel, ["order_type"] = order.Type, ["status"] = order.Status, ["exported"] = order.Exported,
            ["order_lines_count"] = order.Units.Count, ["order_lines_price_amount"] = order.Units.Count * 39.95m, ["order_lines_price_currency"] = "EUR", ["created_at"] = Text(order.PlacedAt), ["modified_at"] = Text(order.ModifiedAt),
            ["shipping_address"] = new JsonObject { ["first_name"] = "Test", ["last_name"] = "Kundin", ["address_line_1"] = "Weg 1", ["zip_code"] = "10115", ["city"] = "Berlin", ["country_code"] = "DE" },
        },
        ["relationships"] = new JsonObject { ["order_items"] = new JsonObject { ["data"] = new JsonArray([.. order.Units.Select(unit => unit.Item).Distinct().Select(item => new JsonObject { ["type"] = "OrderItem", ["id"] = item })]) } },
    };

    static JsonArray Included(IEnumerable<ZalandoSimulatedOrder> all) => new([.. all.SelectMany(order =>
        order.Units.DistinctBy(unit => unit.Item).Select(unit => new JsonObject { ["type"] = "OrderItem", ["id"] = unit.Item, ["attributes"] = new JsonObject { ["order_id"] = order.Id, ["article_id"] = "ZA-" + unit.Ean, ["external_id"] = unit.Ean } })
        .Concat(order.Units.Select(unit => new JsonObject { ["type"] = "OrderLine", ["id"] = unit.Id, ["attributes"] = new JsonObject { ["order_item_id"] = unit.Item, ["status"] = unit.Status, ["price"] = new JsonObject { ["amount"] = 39.95m, ["currency"] = "EUR" } } })))]);

    Reply With(Call call, Func<ZalandoSimulatedOrder, Reply> does) => orders.Find(order => order.Id == call.Route("id")) is { } order && call.Route("merchant") == Merchant ? does(order) : Refusal(404, "not_found", "No such order.");

    Reply Change(Call call, ZalandoSimulatedOrder order)
    {
        var status = $"{call.Json!["data"]!["attributes"]!["status"]}";
        if (order.Units.FirstOrDefault(unit => unit.Id == call.Route("line") && unit.Item == call.Route("item")) is not { } found) return Refusal(404, "not_found", "No such line.");
        if (found.Status is "canceled" or "shipped") return Refusal(403, "transition", $"From {found.Status} to {status} there is no way.");
        found.Status = status;
        return Settled(order);
    }

    Reply Ship(Call call, ZalandoSimulatedOrder order)
    {
        if (call.Json!["weight"]?["value"] is null) return Refusal(400, "bad_request", "The weight is missing.");
        var id = Uuid(2_000_000 + ++made);
        order.Shipments.Add((id, $"{call.Json["merchant_specified_shipment_id"]}", [.. call.Json["order_lines"]!.AsArray().Select(line => $"{line!["order_line_id"]}")], $"{call.Json["tracking_number"]}", "initial"));
        return Reply.Json(new JsonObject { ["shipment_id"] = id }, 201);
    }

    Reply Send(Call call, ZalandoSimulatedOrder order)
    {
        var at = order.Shipments.FindIndex(one => one.Id == call.Route("shipment"));
        if (at < 0 || order.Status != "approved") return Refusal(403, "transition", "It cannot be sent.");
        order.Shipments[at] = order.Shipments[at] with { Status = $"{call.Json!["status"]}" };
        foreach (var unit in order.Units.Where(unit => order.Shipments[at].Lines.Contains(unit.Id))) unit.Status = "shipped";
        return Settled(order);
    }

    Reply Settled(ZalandoSimulatedOrder order)
    {
        order.ModifiedAt = Time.GetUtcNow();
        if (order.Units.All(unit => unit.Status is "shipped" or "canceled")) order.Status = "fulfilled";
        return new(204);
    }

    static string Uuid(int number) => string.Create(CultureInfo.InvariantCulture, $"00000000-0000-4000-8000-{number:D12}");
}
