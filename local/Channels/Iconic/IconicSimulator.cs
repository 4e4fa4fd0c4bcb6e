using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Selvedge.Local.Channels.Iconic;

/// <summary>One unit of a simulated order.</summary>
public sealed class IconicItem(long id, long order, long product, DateTimeOffset at)
{
    public long Id => id;
    public long Order => order;
    public long Product => product;
    public DateTimeOffset UpdatedAt { get; set; } = at;
    public string Status { get; set; } = "pending";
    public string Type { get; set; } = "dropshipping";
    public string? Tracking { get; set; }
}

/// <summary>
/// THE ICONIC's seller API v2 for one seller on loopback: tokens of an hour, stock by product id with the ignored ones in the answer, orders as items that each have a status, statuses that are set for
/// items of one order. It is not THE ICONIC. Unconfirmed and chosen here: the filters' names, that sold units are taken off, the limit of 25 calls a second.
/// </summary>
public sealed class IconicSimulator : SimulatedChannel
{
    readonly List<IconicItem> items = [];
    readonly HashSet<string> valid = [];
    long orders = 5000;

    IconicSimulator(TimeProvider time, int seed) : base(time, seed)
    {
        var usual = new Limit(25, 25);
        Map("POST", "/oauth/client-credentials", "token", Token, open: true);
        Map("PUT", "/v2/stock/product", "stock", Set, usual);
        Map("GET", "/v2/stock/product/{id}", "stock.read", call => Stock.Has(call.Route("id")) ? Reply.Json(new JsonObject { ["sellerSku"] = "S" + call.Route("id"), ["quantity"] = Stock.Shown(call.Route("id")), ["shipmentType"] = InWarehouse.Contains(call.Route("id")) ? "warehouse" : "dropshipping" }) : Refusal(404, "not_found", "No such product."));
        Map("GET", "/v2/products", "products", call => Paged(call, [.. Stock.Keys.Select(key => new JsonObject { ["id"] = long.Parse(key.Item, CultureInfo.InvariantCulture), ["sellerSku"] = "S" + key.Item })]));
        Map("GET", "/v2/order-items", "order-items", call => Paged(call, [.. Filtered(call).Select(Node)]));
        Map("GET", "/v2/orders", "orders", call => Paged(call, [.. Filtered(call).Select(item => item.Order).Distinct().Select(Head)]));
        Map("POST", "/v2/orders/statuses/set-to-ready-to-ship", "set-to-ready-to-ship", call => Change(call, call.Json!["orderItems"]!.AsArray().Select(item => item!["id"]!.GetValue<long>()), ["pending"], "ready_to_ship"));
        Map("POST", "/v2/orders/statuses/set-to-shipped", "set-to-shipped", call => Change(call, Ids(call), ["ready_to_ship"], "shipped"));
        Map("POST", "/v2/orders/statuses/set-to-cancelled", "set-to-cancelled", call => call.Json!["reason"] is null ? Refusal(422, "validation", "A reason is needed.") : Change(call, Ids(call), ["pending", "ready_to_ship"], "canceled"));
    }

    public string ClientId { get; init; } = "client";
    public string ClientSecret { get; set; } = "secret";
    public int TokensGiven { get; private set; }

    /// <summary>Most rows of a page, whatever was asked for.</summary>
    public int MostOnPage { get; set; } = 100;

    /// <summary>Products whose stock lies with the platform: they cannot be set.</summary>
    public HashSet<string> InWarehouse { get; } = [];

    /// <summary>Lists come without their envelope.</summary>
    public bool Bare { get; set; }

    /// <summary>The currency that orders say.</summary>
    public string Currency { get; set; } = "AUD";
    public IReadOnlyList<IconicItem> Items => items;

    public static async Task<IconicSimulator> StartAsync(TimeProvider? time = null, int seed = 1)
    {
        var iconic = new IconicSimulator(time ?? TimeProvider.System, seed);
        await iconic.ListenAsync();
        return iconic;
    }

    /// <summary>A customer orders: the order's id, or null when not as many are shown.</summary>
    public long? Sell(params (long Product, int Units)[] wanted)
    {
        lock (Gate)
        {
            static string Key(long product) => product.ToString(CultureInfo.InvariantCulture);
            if (wanted.Any(line => Stock.Units(Key(line.Product)) < line.Units)) return null;
            var order = ++orders;
            foreach (var (product, units) in wanted)
            {
                Stock.Sell(Key(product), units);
                for (var i = 0; i < units; i++) items.Add(new(80_000 + items.Count, order, product, Time.GetUtcNow()) { Type = InWarehouse.Contains(Key(product)) ? "warehouse" : "dropshipping" });
            }
            return order;
        }
    }

    /// <summary>Items of an order become something else.</summary>
    public void Move(long order, string status)
    {
        lock (Gate)
            foreach (var item in items.Where(item => item.Order == order)) (item.Status, item.UpdatedAt) = (status, Time.GetUtcNow());
    }

    protected override bool IsAuthorized(HttpRequest request) => $"{request.Headers.Authorization}" is var header && header.StartsWith("Bearer ", StringComparison.Ordinal) && valid.Contains(header[7..]);
    protected override void ExpireTokens() => valid.Clear();

    Reply Token(Call call)
    {
        if (!call.Text.Contains($"client_id={ClientId}", StringComparison.Ordinal) || !call.Text.Contains($"client_secret={ClientSecret}", StringComparison.Ordinal)) return Refusal(401, "invalid_client", "Unknown client.");
        valid.Add($"token-{++TokensGiven}");
        return Reply.Json(new JsonObject { ["access_token"] = $"token-{TokensGiven}", ["token_type"] = "Bearer", ["expires_in"] = 3600 });
    }

    Reply Set(Call call)
    {
        var rows = call.Json!.AsArray();
        if (rows.Count > 100) return Refusal(422, "validation", "At most 100.");
        var ignored = new JsonArray();
        foreach (var row in rows)
        {
            var product = $"{row!["productId"]!.GetValue<long>()}";
            if (InWarehouse.Contains(product) || !Stock.Set(product, row["quantity"]!.GetValue<long>())) ignored.Add(row.DeepClone());
        }
        return Reply.Json(ignored);
    }

    IEnumerable<IconicItem> Filtered(Call call)
    {
        var since = call.Query("updatedAtStart") is { } text ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture) : DateTimeOffset.MinValue;
        var ids = call.Query("orderIds[]")?.Split(',').ToHashSet();
        return items.Where(item => item.UpdatedAt >= since && ids?.Contains($"{item.Order}") != false).OrderBy(item => item.UpdatedAt).ThenBy(item => item.Id);
    }

    Reply Paged(Call call, IReadOnlyList<JsonObject> all)
    {
        var page = new JsonArray([.. all.Skip(call.Whole("offset", 0)).Take(Math.Min(MostOnPage, call.Whole("limit", 100)))]);
        return Reply.Json(Bare ? page : new JsonObject { ["items"] = page, ["pagination"] = new JsonObject { ["totalCount"] = all.Count } });
    }

    JsonObject Head(long order)
    {
        var mine = items.Where(item => item.Order == order).ToList();
        return new()
        {
            ["id"] = order, ["number"] = "N" + order, ["createdAt"] = Text(mine.Min(item => item.UpdatedAt)), ["updatedAt"] = Text(mine.Max(item => item.UpdatedAt)), ["currency"] = Currency, ["itemCount"] = mine.Count,
            ["address"] = new JsonObject { ["shipping"] = new JsonObject { ["firstName"] = "Test", ["lastName"] = "Buyer", ["address1"] = "1 Quay St", ["city"] = "Sydney", ["postcode"] = "2000", ["country"] = "AU" } },
        };
    }

    static JsonObject Node(IconicItem item) => new()
    {
        ["id"] = item.Id, ["orderId"] = item.Order, ["status"] = item.Status, ["shipmentType"] = item.Type, ["product"] = new JsonObject { ["sellerSku"] = "S" + item.Product }, ["unitPrice"] = 49.95, ["paidPrice"] = 44.95, ["taxAmount"] = 4.09,
        ["isProcessable"] = item.Status == "pending", ["updatedAt"] = Text(item.UpdatedAt), ["shipment"] = new JsonObject { ["trackingCode"] = item.Tracking },
    };

    static IEnumerable<long> Ids(Call call) => call.Json!["orderItemIds"]!.AsArray().Select(id => id!.GetValue<long>());

    Reply Change(Call call, IEnumerable<long> ids, string[] from, string to)
    {
        var chosen = items.Where(item => ids.Contains(item.Id)).ToList();
        if (chosen.Count == 0 || chosen.Select(item => item.Order).Distinct().Count() != 1 || chosen.Exists(item => !from.Contains(item.Status))) return Refusal(422, "validation", "The items cannot be set so.");
        foreach (var item in chosen)
        {
            (item.Status, item.UpdatedAt, item.Tracking) = (to, Time.GetUtcNow(), call.Json!["trackingNumber"]?.ToString() ?? item.Tracking);
            if (to == "canceled" && Stock.Decrements) Stock.Set($"{item.Product}", Stock.Units($"{item.Product}") + 1);
        }
        return Reply.Json(new JsonObject { ["orderItemIds"] = new JsonArray([.. chosen.Select(item => (JsonNode)item.Id)]) });
    }
}
