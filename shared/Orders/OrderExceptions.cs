using System.Diagnostics.Metrics;
using Selvedge.Exceptions;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>What a person must know of an order. Ids follow from order, line and kind, so the same thing is opened once.</summary>
public sealed class OrderExceptions(ExceptionCases exceptions)
{
    /// <summary>Opens <c>oversell</c> for units sold that nobody has, and <c>unknownSku</c> for lines the catalogue does not know.</summary>
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
    }

    /// <summary>Opens <c>intakeStuck</c>: the order is durable, and its claims could not be decided for hours.</summary>
    public Task StuckAsync(Order order) => exceptions.OpenAsync(new ExceptionCase
    {
        Id = Ids.Join(["order", "intakeStuck", order.Id]), Kind = "intakeStuck", Order = order.Id, Channel = order.Channel,
        Detail = $"The intake of this order failed {order.Intake?.Attempts} times at step {order.Intake?.Step}. The log says why; it goes on being tried.",
    });

    Task OpenAsync(Order order, OrderLine line, string kind, long quantity, string detail) => exceptions.OpenAsync(new ExceptionCase
    {
        Id = Ids.Join(["order", kind, order.Id, line.Id]), Kind = kind, Sku = line.Kind == LineKind.Unknown ? null : line.Sku, Order = order.Id, Line = line.Id,
        Channel = order.Channel, Quantity = quantity, Detail = detail,
    });
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
