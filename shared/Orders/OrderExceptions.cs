using System.Diagnostics.Metrics;
using Selvedge.Exceptions;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>What a person must know of an order. Ids follow from order, line and kind, so the same thing is opened once.</summary>
public sealed class OrderExceptions(ExceptionCases exceptions)
{
    /// <summary>Opens <c>oversell</c> for units sold that nobody has, <c>unknownSku</c> for lines the catalogue does not know, and <c>unknownPlace</c>
    /// for a till whose location nobody has told us.</summary>
    public async Task OpenAsync(Order order)
    {
        foreach (var line in order.Lines)
        {
            if (line.Oversold > 0)
                await OpenAsync(order, line, "oversell", line.Oversold, $"{line.Oversold} of {line.Quantity} {line.Sku} were sold by {order.Channel} and nobody has them. Find stock, or tell the customer.");
            if (line.Kind == LineKind.Unknown)
                await OpenAsync(order, line, "unknownSku", line.Quantity, line.Sku.Length > 0
                    ? $"{order.Channel} sold '{line.Sku}', which is no SKU, barcode or code of ours: it is not claimed. Add the code to a SKU."
                    : $"{order.Channel} sold a line without a SKU: it is not claimed. Give the item its SKU in the channel.");
        }
        if (TillFacts.IsLost(order)) await exceptions.OpenAsync(new ExceptionCase
        {
            Id = Ids.Join(["order", "unknownPlace", order.Id]), Kind = "unknownPlace", Order = order.Id, Channel = order.Channel, Customer = order.Customer, Quantity = order.Lines.Sum(line => line.Quantity),
            Expected = new($"{order.Channel}: places", "a location of ours"), Found = new($"order {order.Id}", $"place '{order.Till}'"),
            Detail = $"{order.Channel} sold over the counter at its place '{order.Till}', which is no location of ours: nothing is posted. Add it to the channel's 'places'.",
        });
    }

    /// <summary>Opens <c>refundNotRestocked</c> for refunded units that were not sent and not put back: they stay held until a person decides.</summary>
    public async Task RefundedAsync(Order order, Refund refund)
    {
        foreach (var back in refund.Lines.Where(back => back is { Restock: Restock.None, Unsent: true }))
            if (order.Cancel is null && order.Lines.FirstOrDefault(line => line.Id == back.Line) is { Claims: true } line)
                await OpenAsync(order, line, "refundNotRestocked", back.Units,
                    $"{back.Units} of {line.Quantity} {line.Sku} were refunded without being restocked, and are still held for the order. Send them, or cancel them in {order.Channel}.", refund.Id);
    }

    /// <summary>Opens <c>editRefused</c>: the channel's order asks for more than a channel that asks first may have; the order holds what it held before.</summary>
    public async Task EditRefusedAsync(Order order)
    {
        foreach (var line in order.Lines.Where(line => line.Was < line.Quantity))
            await OpenAsync(order, line, "editRefused", line.Quantity - line.Was!.Value,
                $"{order.Channel} changed the order to {line.Quantity} {line.Sku} and there are not as many: it goes on holding {line.Was}. Correct the order there, or find stock.", order.Revision.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>Opens <c>cancelledUnderWay</c>: the channel cancelled what is being sent or was.</summary>
    public Task CancelledUnderWayAsync(Order order) => exceptions.OpenAsync(new ExceptionCase
    {
        Id = Ids.Join(["order", "cancelledUnderWay", order.Id]), Kind = "cancelledUnderWay", Order = order.Id, Channel = order.Channel, Customer = order.Customer,
        Expected = new($"order {order.Id}", order.Status is OrderStatus.Shipped ? "shipped" : "fulfilling"), Found = new(order.Channel, "cancelled"),
        Detail = $"{order.Channel} cancelled this order and it is {(order.Status is OrderStatus.Shipped ? "shipped" : "being fulfilled")} here. Stop it, or expect it back.",
    });

    /// <summary>Opens <c>fulfilmentParked</c>: a step of a delivery failed for good, and stands still until a person lets it go on.</summary>
    public Task ParkedAsync(Order order, int delivery, Parked parked) => exceptions.OpenAsync(new ExceptionCase
    {
        Id = Ids.Join(["order", "fulfilmentParked", order.Id, delivery.ToString(System.Globalization.CultureInfo.InvariantCulture)]), Kind = "fulfilmentParked", Order = order.Id, Channel = order.Channel, Customer = order.Customer,
        Occurrence = InstantConverter.Text(parked.At), Expected = new($"order {order.Id}, delivery {delivery}", $"step '{parked.Step}' done"), Found = new("its last attempt", parked.Error.Length > 300 ? parked.Error[..300] : parked.Error),
        Detail = $"Step '{parked.Step}' of delivery {delivery} failed and is not tried any more. Put right what it says, then POST api/orders/{{id}}/deliveries/{delivery}/resume.",
    });

    /// <summary>Opens <c>shipWindowMissed</c>: units had not left when the order's ship window ended, and were cancelled.</summary>
    public Task ShipWindowAsync(Order order) => exceptions.OpenAsync(new ExceptionCase
    {
        Id = Ids.Join(["order", "shipWindowMissed", order.Id]), Kind = "shipWindowMissed", Order = order.Id, Channel = order.Channel, Customer = order.Customer, Quantity = order.Lines.Sum(line => line.TakesStock ? Math.Max(0, line.Quantity - line.Shipped) : 0),
        Expected = new($"order {order.Id}", $"sent by {(order.ShipWindow?.CancelAfter is { } late ? InstantConverter.Text(late) : "its date")}"), Found = new("its deliveries", "not all had left"),
        Detail = "The order's cancel date has passed: what had not left is cancelled, and available again. Tell the customer, or take it in again with another window.",
    });

    /// <summary>Opens <c>intakeStuck</c>: the order is durable, and its claims could not be decided for hours.</summary>
    public Task StuckAsync(Order order) => exceptions.OpenAsync(new ExceptionCase
    {
        Id = Ids.Join(["order", "intakeStuck", order.Id]), Kind = "intakeStuck", Order = order.Id, Channel = order.Channel, Customer = order.Customer,
        Expected = new($"order {order.Id}", "decided"), Found = new($"intake step {order.Intake?.Step}", $"failed {order.Intake?.Attempts} times"),
        Detail = $"The intake of this order failed {order.Intake?.Attempts} times at step {order.Intake?.Step}. The log says why; it goes on being tried.",
    });

    Task OpenAsync(Order order, OrderLine line, string kind, long quantity, string detail, string? cause = null)
    {
        var (expected, found) = Sides(order, line, kind, quantity);
        return exceptions.OpenAsync(new ExceptionCase
        {
            // What an edit brings up again is another exception than the first one.
            Id = Ids.Join((cause ?? (line.Revision > 1 ? line.Revision.ToString(System.Globalization.CultureInfo.InvariantCulture) : null)) is { } which
                ? ["order", kind, order.Id, line.Id, which] : ["order", kind, order.Id, line.Id]), Kind = kind, Sku = line.Kind == LineKind.Unknown ? null : line.Sku, Order = order.Id, Line = line.Id,
            Channel = order.Channel, Customer = order.Customer, Quantity = quantity, Detail = detail,
            Expected = expected, Found = found,
        });
    }

    static (Side Expected, Side Found) Sides(Order order, OrderLine line, string kind, long units)
    {
        var sold = new Side($"{order.Channel}: {order.ExternalId} line {line.Id}", $"{line.Quantity} {(line.Sku.Length > 0 ? line.Sku : "without a SKU")}");
        return kind switch
        {
            "unknownSku" => (new("catalogue", "a SKU, barcode or code of ours"), sold),
            "refundNotRestocked" => (new($"ledger: claim of {order.Id} line {line.Id}", $"{units} still held"), new($"{order.Channel}: refund", $"{units} refunded, not restocked")),
            _ => (sold, new($"ledger: claim of {order.Id} line {line.Id}", $"{line.Quantity - units} held, {units} not")),
        };
    }
}

/// <summary>Counts of orders, for OpenTelemetry: meter <c>Selvedge.Orders</c>.</summary>
public static class OrderMetrics
{
    static readonly Meter Meter = new("Selvedge.Orders");
    static readonly Counter<long> Orders = Meter.CreateCounter<long>("selvedge.orders.received", "{order}", "Orders taken in for the first time");
    static readonly Counter<long> Units = Meter.CreateCounter<long>("selvedge.orders.units", "{unit}", "Units by what became of them");

    internal static void Received(Order order) => Orders.Add(1, new KeyValuePair<string, object?>("channel", order.Channel));

    internal static void Decided(Order order)
    {
        if (!Units.Enabled) return;
        Add("committed", order.Lines.Sum(line => line.Committed));
        Add("backordered", order.Lines.Sum(line => line.Backordered));
        Add("oversold", order.Lines.Sum(line => line.Oversold));
        Add("missing", order.Lines.Sum(line => line.Missing));

        void Add(string outcome, long units)
        {
            if (units > 0) Units.Add(units, new("channel", order.Channel), new("outcome", outcome));
        }
    }
}
