using System.Text.Json;
using Selvedge.Orders;

namespace Selvedge.Channels.Shopify;

/// <summary>
/// What left, as fulfilments of the shop's fulfilment orders, one for each of its locations. <c>fulfillmentCreate</c> knows no key, so the order is read first: units that are
/// fulfilled there beyond the shipments it was told of before are this shipment's, told by a call whose answer was lost (or by a person), and are not told again.
/// </summary>
internal static class ShopifyFulfilment
{
    public const string ReadFulfilment = """
        query ReadFulfilment($id: ID!, $after: String) {
          order(id: $id) { cancelledAt
            fulfillmentOrders(first: 50) { nodes { id status supportedActions { action } assignedLocation { location { id } } } }
            lineItems(first: 100, after: $after) { nodes { id currentQuantity unfulfilledQuantity } pageInfo { hasNextPage endCursor } } } }
        """;
    public const string ReadFulfilmentLines = """
        query ReadFulfilmentLines($id: ID!, $after: String) {
          fulfillmentOrder(id: $id) { lineItems(first: 100, after: $after) { nodes { id remainingQuantity lineItem { id } } pageInfo { hasNextPage endCursor } } } }
        """;
    public const string Fulfil = """
        mutation Fulfil($fulfillment: FulfillmentInput!) {
          fulfillmentCreate(fulfillment: $fulfillment) { fulfillment { id status } userErrors { field message } } }
        """;
    public const string CancelOrder = """
        mutation CancelOrder($orderId: ID!, $reason: OrderCancelReason!, $restock: Boolean!, $notifyCustomer: Boolean, $refundMethod: OrderCancelRefundMethodInput, $staffNote: String) {
          orderCancel(orderId: $orderId, reason: $reason, restock: $restock, notifyCustomer: $notifyCustomer, refundMethod: $refundMethod, staffNote: $staffNote) {
            job { id } orderCancelUserErrors { field code message } } }
        """;

    /// <summary>A line as the shop has it: units that are its own, and those of them that have not left.</summary>
    sealed record Line(long Current, long Unfulfilled);

    /// <summary>A part of a line that one fulfilment order has to send.</summary>
    sealed record Part(string Order, string Id, string Line, string? Place, bool Open, long Left);

    public static async Task ShipAsync(ShopifyCalls calls, ChannelAccount account, Order order, ChannelShipment shipment, CancellationToken cancel)
    {
        var (lines, orders, _) = await ReadAsync(calls, account, order, cancel);
        var needed = Needed(order, shipment, lines);
        if (needed.Values.All(units => units == 0)) return;
        var parts = new List<Part>();
        foreach (var one in orders.Where(one => one.Status is not ("CLOSED" or "CANCELLED"))) parts.AddRange(await PartsAsync(calls, account, one, cancel));
        var place = ShopifyJson.Place(shipment.Place);
        var plan = new List<(Part Part, long Units)>();
        foreach (var (line, units) in needed)
        {
            var left = units;
            foreach (var part in parts.Where(part => part.Line == line && part.Open).OrderByDescending(part => part.Place == place))
            {
                var some = Math.Min(left, part.Left);
                if (some > 0) plan.Add((part, some));
                left -= some;
            }
            if (left > 0) throw new ChannelCallException(CallFailure.Refused, $"Order {order.ExternalId} of channel '{account.Channel.Id}': {left} units of line {line} left by shipment {shipment.Id} and cannot be fulfilled in the shop ({Why(parts, line)}).");
        }
        foreach (var there in plan.GroupBy(step => step.Part.Place, StringComparer.Ordinal))
        {
            var data = await calls.AskAsync(account, "Fulfil", Fulfil, new { fulfillment = Input(account, shipment, there) }, cancel);
            if (ShopifyJson.FirstError(data.GetProperty("fulfillmentCreate")) is { } refused)
                throw new ChannelCallException(CallFailure.Refused, $"Shopify will not fulfil shipment {shipment.Id} of order {order.ExternalId}: {refused}");
        }
    }

    public static async Task CancelAsync(ShopifyCalls calls, ChannelAccount account, Order order, IReadOnlyList<LineUnits> cancels, string reason, CancellationToken cancel)
    {
        var (lines, _, cancelled) = await ReadAsync(calls, account, order, cancel);
        if (cancelled) return;
        var units = cancels.GroupBy(line => line.Line, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Sum(line => line.Units), StringComparer.Ordinal);
        if (lines.Any(line => line.Value.Current != line.Value.Unfulfilled))
            throw new ChannelCallException(CallFailure.Refused, $"Order {order.ExternalId} of channel '{account.Channel.Id}' has left in part: Shopify cancels only what is whole. Refund the units that will not come in the shop.");
        // What the shop took out itself is not asked for any more.
        if (lines.FirstOrDefault(line => line.Value.Current > units.GetValueOrDefault(line.Key)) is { Key: { } kept })
            throw new ChannelCallException(CallFailure.Refused, $"Order {order.ExternalId} of channel '{account.Channel.Id}' is to keep units of line {kept}: Shopify cancels whole orders only. Edit the order in the shop.");
        var data = await calls.AskAsync(account, "CancelOrder", CancelOrder, new
        {
            orderId = Gid(order), reason = "INVENTORY", restock = false, notifyCustomer = IsSet(account, "notifyCustomer"),
            refundMethod = IsSet(account, "cancelRefund") ? new { originalPaymentMethodsRefund = true } : null, staffNote = reason.Length > 255 ? reason[..255] : reason,
        }, cancel);
        if (ShopifyJson.FirstError(data.GetProperty("orderCancel"), "orderCancelUserErrors") is not { } refused) return;
        // Another cancellation of it may be under way.
        if (!(await ReadAsync(calls, account, order, cancel)).Cancelled)
            throw new ChannelCallException(CallFailure.Refused, $"Shopify will not cancel order {order.ExternalId} of channel '{account.Channel.Id}': {refused}");
    }

    /// <summary>Units by line that the shop is not told of yet.</summary>
    static Dictionary<string, long> Needed(Order order, ChannelShipment shipment, Dictionary<string, Line> lines)
    {
        var before = (order.Deliveries ?? []).SelectMany(delivery => delivery.Shipments ?? []).Where(told => told.Ticket != shipment.Id && order.Told?.Shipments?.Contains(told.Ticket) == true).SelectMany(told => told.Lines).ToList();
        var needed = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var group in shipment.Lines.GroupBy(line => line.Line, StringComparer.Ordinal))
        {
            if (!lines.TryGetValue(group.Key, out var line)) throw new ChannelCallException(CallFailure.Refused, $"The shop's order {order.ExternalId} has no line {group.Key}.");
            // The shop counts its own lines: of a bundle, as many as its first part says.
            var unit = order.Lines.FirstOrDefault(known => known.Id == group.Key) is { } ours ? FulfilmentRules.Units(ours).FirstOrDefault() : (group.Key, "", 1L);
            var told = unit.Item3 == 0 ? 0 : before.Where(left => left.Line == unit.Item1).Sum(left => left.Units) / unit.Item3;
            needed[group.Key] = Math.Max(0, group.Sum(some => some.Units) - Math.Max(0, line.Current - line.Unfulfilled - told));
        }
        return needed;
    }

    static async Task<(Dictionary<string, Line> Lines, List<(string Id, string Status, bool Open, string? Place)> Orders, bool Cancelled)> ReadAsync(ShopifyCalls calls, ChannelAccount account, Order order, CancellationToken cancel)
    {
        var (lines, orders) = (new Dictionary<string, Line>(StringComparer.Ordinal), new List<(string, string, bool, string?)>());
        for (string? after = null; ;)
        {
            var data = await calls.AskAsync(account, "ReadFulfilment", ReadFulfilment, new { id = Gid(order), after }, cancel);
            if (data.GetProperty("order") is not { ValueKind: JsonValueKind.Object } read) throw new ChannelCallException(CallFailure.Refused, $"The shop of channel '{account.Channel.Id}' has no order {order.ExternalId}.");
            foreach (var line in read.GetProperty("lineItems").GetProperty("nodes").EnumerateArray())
                lines[Tail(ShopifyJson.IdOf(line))] = new(line.GetProperty("currentQuantity").GetInt64(), line.GetProperty("unfulfilledQuantity").GetInt64());
            if (after is null)
                foreach (var one in read.GetProperty("fulfillmentOrders").GetProperty("nodes").EnumerateArray())
                    orders.Add((ShopifyJson.IdOf(one), one.GetProperty("status").GetString()!, one.GetProperty("supportedActions").EnumerateArray().Any(action => action.GetProperty("action").GetString() == "CREATE_FULFILLMENT"),
                        one.GetProperty("assignedLocation").GetProperty("location") is { ValueKind: JsonValueKind.Object } place ? ShopifyJson.IdOf(place) : null));
            if ((after = ShopifyJson.Next(read.GetProperty("lineItems"))) is null) return (lines, orders, read.GetProperty("cancelledAt").ValueKind is not JsonValueKind.Null);
        }
    }

    static async Task<List<Part>> PartsAsync(ShopifyCalls calls, ChannelAccount account, (string Id, string Status, bool Open, string? Place) of, CancellationToken cancel)
    {
        var parts = new List<Part>();
        for (string? after = null; ;)
        {
            var data = await calls.AskAsync(account, "ReadFulfilmentLines", ReadFulfilmentLines, new { id = of.Id, after }, cancel);
            if (data.GetProperty("fulfillmentOrder") is not { ValueKind: JsonValueKind.Object } read) return parts;
            var items = read.GetProperty("lineItems");
            foreach (var item in items.GetProperty("nodes").EnumerateArray())
                parts.Add(new(of.Id, ShopifyJson.IdOf(item), Tail(ShopifyJson.IdOf(item.GetProperty("lineItem"))), of.Place, of.Open, item.GetProperty("remainingQuantity").GetInt64()));
            if ((after = ShopifyJson.Next(items)) is null) return parts;
        }
    }

    static Dictionary<string, object> Input(ChannelAccount account, ChannelShipment shipment, IEnumerable<(Part Part, long Units)> steps)
    {
        var input = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            // Lines are always named: a fulfilment order without them would be sent whole.
            ["lineItemsByFulfillmentOrder"] = steps.GroupBy(step => step.Part.Order, StringComparer.Ordinal).Select(group => new
            {
                fulfillmentOrderId = group.Key, fulfillmentOrderLineItems = group.Select(step => new { id = step.Part.Id, quantity = step.Units }),
            }),
            ["notifyCustomer"] = IsSet(account, "notifyCustomer"),
        };
        var tracking = new Dictionary<string, string>(StringComparer.Ordinal);
        if (shipment.Carrier is { Length: > 0 } carrier) tracking["company"] = carrier;
        if (shipment.Tracking is { Length: > 0 } number) tracking["number"] = number;
        if (tracking.Count > 0) input["trackingInfo"] = tracking;
        return input;
    }

    static string Why(List<Part> parts, string line) => parts.Where(part => part.Line == line && part.Left > 0).ToList() is { Count: > 0 } left
        ? $"{left.Sum(part => part.Left)} are in fulfilment orders that are on hold, scheduled or another service's" : "no fulfilment order has them";

    static bool IsSet(ChannelAccount account, string setting) => account.OptionalSetting(setting) == "true";
    static string Gid(Order order) => "gid://shopify/Order/" + order.ExternalId;
    static string Tail(string gid) => gid[(gid.LastIndexOf('/') + 1)..];
}
