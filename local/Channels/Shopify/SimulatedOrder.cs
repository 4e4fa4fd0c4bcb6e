using System.Globalization;
using System.Text.Json.Nodes;

namespace Selvedge.Local.Channels.Shopify;

/// <summary>A webhook that is to be delivered.</summary>
/// <param name="Topic">e.g. <c>orders/create</c>.</param>
/// <param name="Body">The payload.</param>
/// <param name="TriggeredAt">When it was caused: header <c>X-Shopify-Triggered-At</c>.</param>
public sealed record Delivery(string Topic, JsonObject Body, DateTimeOffset TriggeredAt);

/// <summary>One order at the simulated shop, as it truly goes: every event changes it and causes the webhooks that Shopify sends, each with the state of that
/// moment. Only the fields that an order's stock and money follow from; made from the published documentation, not a copy of Shopify.</summary>
/// <param name="id">Its id; ids of its lines and refunds begin with it.</param>
/// <param name="till">Sold over the counter, at place <see cref="Place"/>.</param>
/// <param name="start">When it was placed.</param>
public sealed class SimulatedOrder(long id, bool till = false, DateTimeOffset? start = null)
{
    /// <summary>The shop's id of its only place.</summary>
    public const long Place = 655441491;

    /// <summary>Lines of a refund that the API answers at once, as the app asks for them.</summary>
    const int RefundPage = 50;
    static readonly DateTimeOffset Morning = new(2026, 11, 23, 9, 0, 0, TimeSpan.Zero);
    readonly List<Line> lines = [];
    readonly JsonArray refunds = [];
    DateTimeOffset now = start ?? Morning, updated = Second(start ?? Morning);
    DateTimeOffset? cancelledAt;
    long next = id * 1000;

    sealed class Line(long id, string sku)
    {
        public readonly long Id = id;
        public readonly string Sku = sku;
        public int Quantity, Current, Sent, Back, Dropped;
    }

    public long Id => id;

    /// <summary>When it was last changed, in whole seconds.</summary>
    public DateTimeOffset UpdatedAt => updated;

    /// <summary>Units it has now.</summary>
    public int Units => lines.Sum(line => line.Current);

    /// <summary>The webhooks it caused, in order.</summary>
    public List<Delivery> Sent { get; } = [];
    public bool IsCancelled => cancelledAt is not null;
    public bool IsEdited { get; private set; }

    /// <summary>Units each SKU's lines are to hold in the end: neither removed nor cancelled. Units that were sent and came back still count, as those that were sent.</summary>
    public IReadOnlyDictionary<string, int> Wanted => lines.GroupBy(line => line.Sku).ToDictionary(group => group.Key, group => IsCancelled ? 0 : group.Sum(line => line.Quantity - line.Dropped));

    /// <summary>Units each SKU lost at the till.</summary>
    public IReadOnlyDictionary<string, int> Gone => lines.GroupBy(line => line.Sku).ToDictionary(group => group.Key, group => group.Sum(line => line.Quantity - line.Dropped - line.Back));

    /// <summary>The order is placed.</summary>
    public void Create(params (string Sku, int Quantity)[] wanted)
    {
        foreach (var (sku, quantity) in wanted) lines.Add(new(++next, sku) { Quantity = quantity, Current = quantity, Sent = till ? quantity : 0 });
        Send("orders/create", Snapshot());
        Send("orders/updated", Snapshot());
    }

    /// <summary>An edit adds a line.</summary>
    public void Add(string sku, int quantity)
    {
        Tick();
        lines.Add(new(++next, sku) { Quantity = quantity, Current = quantity, Sent = till ? quantity : 0 });
        Edited();
    }

    /// <summary>An edit asks for more units of a line.</summary>
    public void Raise(int line, int by)
    {
        if (cancelledAt is not null) return;
        Tick();
        var at = lines[line % lines.Count];
        (at.Quantity, at.Current, at.Sent) = (at.Quantity + by, at.Current + by, at.Sent + (till ? by : 0));
        Edited();
    }

    /// <summary>Takes units off by an edit, which Shopify keeps as a refund without money.</summary>
    public void Remove(int line, int by) => Refund(line, by, "cancel", edited: true);

    /// <summary>Some units of a line were sent by the shop.</summary>
    public void Fulfil(int line, int units)
    {
        var at = lines[line % lines.Count];
        if (cancelledAt is not null || till || (units = Math.Min(units, at.Current - (at.Sent - at.Back))) <= 0) return;
        Tick();
        at.Sent += units;
        Send("orders/updated", Snapshot());
    }

    /// <summary>Units of a line are refunded, as far as it has such units; <paramref name="restock"/> is <c>cancel</c>, <c>return</c> or <c>no_restock</c>.</summary>
    public void Refund(int line, int units, string restock, bool edited = false)
    {
        var at = lines[line % lines.Count];
        var most = restock switch { "cancel" => at.Current - (at.Sent - at.Back), "return" => at.Sent - at.Back, _ => at.Current };
        if (cancelledAt is not null || (units = Math.Min(Math.Min(units, most), at.Current)) <= 0) return;
        Tick();
        var refund = Refunded([(at, units, restock)]);
        if (edited) Edited();
        else
        {
            Send("refunds/create", refund);
            Send("orders/updated", Snapshot());
        }
    }

    /// <summary>The order is cancelled, and what was not sent is put back.</summary>
    public void Cancel()
    {
        if (cancelledAt is not null) return;
        Tick();
        cancelledAt = now;
        if (lines.Where(line => line.Current > line.Sent - line.Back).Select(line => (line, line.Current - (line.Sent - line.Back), "cancel")).ToList() is { Count: > 0 } left) Send("refunds/create", Refunded(left));
        Send("orders/cancelled", Snapshot());
        Send("orders/updated", Snapshot());
    }

    JsonObject Refunded(List<(Line Line, int Units, string Restock)> parts)
    {
        var items = new JsonArray();
        foreach (var (line, units, restock) in parts)
        {
            line.Current -= units;
            if (restock == "return") line.Back += units;
            if (restock == "cancel") line.Dropped += units;
            items.Add(new JsonObject
            {
                ["id"] = ++next, ["line_item_id"] = line.Id, ["quantity"] = units, ["restock_type"] = restock, ["location_id"] = restock == "no_restock" ? null : Place, ["subtotal"] = 49.9, ["total_tax"] = 0,
                ["line_item"] = new JsonObject { ["id"] = line.Id, ["fulfillment_status"] = line.Sent >= line.Quantity ? "fulfilled" : null },
            });
        }
        var refund = new JsonObject { ["id"] = ++next, ["order_id"] = id, ["created_at"] = Text(now), ["refund_line_items"] = items, ["transactions"] = new JsonArray() };
        refunds.Add(refund.DeepClone());
        return refund;
    }

    void Edited()
    {
        IsEdited = true;
        Send("orders/edited", new JsonObject { ["order_edit"] = new JsonObject { ["id"] = ++next, ["order_id"] = id, ["created_at"] = Text(now), ["line_items"] = new JsonObject { ["additions"] = new JsonArray(), ["removals"] = new JsonArray() } } });
        Send("orders/updated", Snapshot());
    }

    // The shop's clock shows seconds; several changes may come in one.
    void Tick()
    {
        now += TimeSpan.FromMilliseconds(400);
        updated = Second(now);
    }

    static DateTimeOffset Second(DateTimeOffset at) => new(at.UtcTicks - at.UtcTicks % TimeSpan.TicksPerSecond, TimeSpan.Zero);

    void Send(string topic, JsonObject body) => Sent.Add(new(topic, body, now + TimeSpan.FromMilliseconds(Sent.Count % 7)));

    /// <summary>The order as a webhook carries it now.</summary>
    public JsonObject Snapshot()
    {
        var order = new JsonObject
        {
            ["id"] = id, ["name"] = "#" + id, ["created_at"] = Text(start ?? Morning), ["updated_at"] = Text(updated), ["currency"] = "AUD", ["source_name"] = till ? "pos" : "web",
            ["location_id"] = till ? Place : null, ["cancelled_at"] = cancelledAt is { } at ? Text(at) : null, ["email"] = "zoe@example.com",
            ["line_items"] = new JsonArray([.. lines.Select(line => new JsonObject
            {
                ["id"] = line.Id, ["sku"] = line.Sku, ["quantity"] = line.Quantity, ["current_quantity"] = line.Current, ["price"] = "49.90", ["requires_shipping"] = true,
            })]),
        };
        order["refunds"] = refunds.DeepClone();
        return order;
    }

    /// <summary>The order as the GraphQL Admin API shows it now.</summary>
    public JsonObject Node() => new()
    {
        ["legacyResourceId"] = $"{id}", ["id"] = $"gid://shopify/Order/{id}", ["name"] = "#" + id, ["createdAt"] = Text(start ?? Morning), ["processedAt"] = Text(start ?? Morning), ["updatedAt"] = Text(updated),
        ["cancelledAt"] = cancelledAt is { } at ? Text(at) : null, ["cancelReason"] = cancelledAt is null ? null : "CUSTOMER", ["currencyCode"] = "AUD", ["presentmentCurrencyCode"] = "AUD",
        ["test"] = false, ["taxesIncluded"] = true, ["sourceName"] = till ? "pos" : "web", ["email"] = "zoe@example.com", ["phone"] = null, ["shippingAddress"] = null, ["billingAddress"] = null,
        ["totalPriceSet"] = Bag("0.00"), ["retailLocation"] = till ? new JsonObject { ["legacyResourceId"] = $"{Place}" } : null,
        ["lineItems"] = Nodes(lines.Select(line => new JsonObject
        {
            ["id"] = $"gid://shopify/LineItem/{line.Id}", ["sku"] = line.Sku, ["quantity"] = line.Quantity, ["currentQuantity"] = line.Current, ["requiresShipping"] = true, ["isGiftCard"] = false,
            ["originalUnitPriceSet"] = Bag("49.90"), ["discountAllocations"] = new JsonArray(), ["taxLines"] = new JsonArray(),
        })),
        ["shippingLines"] = Nodes([]),
        ["refunds"] = new JsonArray([.. refunds.Select(refund => new JsonObject
        {
            ["legacyResourceId"] = $"{refund!["id"]}", ["createdAt"] = refund["created_at"]!.DeepClone(),
            ["refundLineItems"] = Nodes(refund["refund_line_items"]!.AsArray().Select(item => new JsonObject
            {
                ["quantity"] = item!["quantity"]!.DeepClone(), ["restockType"] = item["restock_type"]!.GetValue<string>().ToUpperInvariant(),
                ["location"] = item["location_id"] is { } place ? new JsonObject { ["legacyResourceId"] = $"{place}" } : null,
                ["lineItem"] = new JsonObject { ["id"] = $"gid://shopify/LineItem/{item["line_item_id"]}" },
            }), RefundPage),
        })]),
    };

    static JsonObject Nodes(IEnumerable<JsonObject> nodes, int first = int.MaxValue)
    {
        var all = nodes.ToList();
        return new() { ["nodes"] = new JsonArray([.. all.Take(first)]), ["pageInfo"] = new JsonObject { ["hasNextPage"] = all.Count > first, ["endCursor"] = null } };
    }

    static JsonObject Bag(string amount) => new() { ["shopMoney"] = new JsonObject { ["amount"] = amount }, ["presentmentMoney"] = new JsonObject { ["amount"] = amount } };

    static string Text(DateTimeOffset at) => at.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
