using System.Globalization;
using System.Text.Json.Nodes;

namespace Selvedge.Tests.Integration.Orders;

/// <summary>A webhook that is to be delivered.</summary>
public sealed record Delivery(string Topic, JsonObject Body, DateTimeOffset TriggeredAt);

/// <summary>One order at the shop, as it truly goes: every event changes it and sends the webhooks that Shopify would send, each with the state of that moment.</summary>
public sealed class ShopifyHistory(long id, bool till, bool listsRefunds = true)
{
    static readonly DateTimeOffset Start = new(2026, 11, 23, 9, 0, 0, TimeSpan.Zero);
    readonly List<Line> lines = [];
    readonly JsonArray refunds = [];
    DateTimeOffset now = Start, updated = Start;
    DateTimeOffset? cancelledAt;
    long next = id * 1000;

    sealed class Line(long id, string sku)
    {
        public readonly long Id = id;
        public readonly string Sku = sku;
        public int Quantity, Current, Sent, Back, Dropped;
    }

    public List<Delivery> Sent { get; } = [];
    public bool IsCancelled => cancelledAt is not null;

    /// <summary>Units each SKU's lines are to hold in the end: neither removed nor cancelled. Units that were sent and came back still count, as those that were sent.</summary>
    public IReadOnlyDictionary<string, int> Wanted => lines.GroupBy(line => line.Sku).ToDictionary(group => group.Key, group => IsCancelled ? 0 : group.Sum(line => line.Quantity - line.Dropped));

    /// <summary>Units each SKU lost at the till.</summary>
    public IReadOnlyDictionary<string, int> Gone => lines.GroupBy(line => line.Sku).ToDictionary(group => group.Key, group => group.Sum(line => line.Quantity - line.Dropped - line.Back));

    public void Create(params (string Sku, int Quantity)[] wanted)
    {
        foreach (var (sku, quantity) in wanted) lines.Add(new(++next, sku) { Quantity = quantity, Current = quantity, Sent = till ? quantity : 0 });
        Send("orders/create", Snapshot());
        Send("orders/updated", Snapshot());
    }

    public void Add(string sku, int quantity)
    {
        Tick();
        lines.Add(new(++next, sku) { Quantity = quantity, Current = quantity, Sent = till ? quantity : 0 });
        Edited();
    }

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
                ["id"] = ++next, ["line_item_id"] = line.Id, ["quantity"] = units, ["restock_type"] = restock, ["location_id"] = restock == "no_restock" ? null : 655441491, ["subtotal"] = 49.9, ["total_tax"] = 0,
                ["line_item"] = new JsonObject { ["id"] = line.Id, ["fulfillment_status"] = line.Sent >= line.Quantity ? "fulfilled" : null },
            });
        }
        var refund = new JsonObject { ["id"] = ++next, ["order_id"] = id, ["created_at"] = Text(now), ["refund_line_items"] = items, ["transactions"] = new JsonArray() };
        refunds.Add(refund.DeepClone());
        return refund;
    }

    void Edited()
    {
        Send("orders/edited", new JsonObject { ["order_edit"] = new JsonObject { ["id"] = ++next, ["order_id"] = id, ["created_at"] = Text(now), ["line_items"] = new JsonObject { ["additions"] = new JsonArray(), ["removals"] = new JsonArray() } } });
        Send("orders/updated", Snapshot());
    }

    // The shop's clock shows seconds; several changes may come in one.
    void Tick()
    {
        now += TimeSpan.FromMilliseconds(400);
        updated = new(now.Ticks - now.Ticks % TimeSpan.TicksPerSecond, TimeSpan.Zero);
    }

    void Send(string topic, JsonObject body) => Sent.Add(new(topic, body, now + TimeSpan.FromMilliseconds(Sent.Count % 7)));

    JsonObject Snapshot()
    {
        var order = new JsonObject
        {
            ["id"] = id, ["name"] = "#" + id, ["created_at"] = Text(Start), ["updated_at"] = Text(updated), ["currency"] = "AUD", ["source_name"] = till ? "pos" : "web",
            ["location_id"] = till ? 655441491 : null, ["cancelled_at"] = cancelledAt is { } at ? Text(at) : null, ["email"] = "zoe@example.com",
            ["line_items"] = new JsonArray([.. lines.Select(line => new JsonObject
            {
                ["id"] = line.Id, ["sku"] = line.Sku, ["quantity"] = line.Quantity, ["current_quantity"] = line.Current, ["price"] = "49.90", ["requires_shipping"] = true,
            })]),
        };
        if (listsRefunds) order["refunds"] = refunds.DeepClone();
        return order;
    }

    static string Text(DateTimeOffset at) => at.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
