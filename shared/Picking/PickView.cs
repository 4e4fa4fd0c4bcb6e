using Selvedge.Catalogue;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Picking;

/// <summary>Warehouse documents as the API shows them. Costs are for those who keep the books.</summary>
public static class PickView
{
    /// <summary>A pick ticket.</summary>
    /// <param name="ticket">The ticket.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="products">Names and GTINs by SKU, where they were looked up.</param>
    /// <param name="balances">Where the units are, by SKU: bins in walking order, and the lines in the order of their first one.</param>
    public static object Of(PickTicket ticket, Caller caller, IReadOnlyDictionary<string, Product>? products = null, IReadOnlyDictionary<string, Balance>? balances = null)
    {
        var bins = ticket.Lines.ToDictionary(line => line.Line, line => Bins(balances?.GetValueOrDefault(line.Sku), ticket.Location), StringComparer.Ordinal);
        var walk = Walk.Order(bins.Values.SelectMany(there => there.Keys)).Select((bin, at) => (bin, at)).ToDictionary(pair => pair.bin, pair => pair.at, StringComparer.Ordinal);
        return new
        {
            ticket.Id, ticket.Location, ticket.Status, ticket.Order, ticket.Delivery, ticket.Transfer, ticket.Channel, ticket.Priority, ticket.ShipBy, ticket.CreatedAt, ticket.UpdatedAt, ticket.Picker, ticket.Wave, ticket.Slot, ticket.Left, ticket.OnHold,
            Lines = ticket.Lines.OrderBy(line => bins[line.Line].Keys.Select(bin => walk[bin]).DefaultIfEmpty(int.MaxValue).Min()).Select(line => new
            {
                line.Line, line.Sku, products?.GetValueOrDefault(line.Sku)?.Name, products?.GetValueOrDefault(line.Sku)?.Colour, products?.GetValueOrDefault(line.Sku)?.Size, Gtin = products?.GetValueOrDefault(line.Sku)?.Barcode,
                line.Quantity, line.Picked, line.Short, line.Shipped, line.Left, Cost = line.Cost is { } cost && caller.SeesValue ? Money.Text(cost) : null,
                Bins = balances is null ? null : bins[line.Line].OrderBy(bin => walk[bin.Key]).Select(bin => new { Bin = bin.Key, Quantity = bin.Value }),
            }),
            Shorts = ticket.Shorts?.Select(one => new { one.Line, one.Sku, one.Quantity, one.Reason, one.Bin, one.At, one.Actor }),
            Cartons = ticket.Cartons?.Select(carton => new { carton.Number, carton.Code, Numbering = carton.Sscc ? "sscc" : "internal", carton.WeightGrams, carton.Lines }),
            Shipment = ticket.Consignment,
        };
    }

    /// <summary>A put-back task.</summary>
    public static object Of(PutBack task) => new
    {
        task.Id, task.Location, task.Status, task.Order, task.Delivery, task.CreatedAt, task.UpdatedAt, Lines = task.Lines.Select(line => new { line.Line, line.Sku, line.Quantity, line.Done, line.Left }),
    };

    /// <summary>A wave; its stops in walking order.</summary>
    /// <param name="wave">The wave.</param>
    /// <param name="passedOver">When it was planned: tickets that waited before others which it took.</param>
    public static object Of(Wave wave, IEnumerable<PickTicket>? passedOver = null) => new
    {
        wave.Id, wave.Location, Kind = wave.Is, wave.Status, wave.CreatedAt, wave.UpdatedAt, wave.Actor, wave.Left,
        Picks = wave.Tickets.Select(slot => new { slot.Slot, Pick = slot.Ticket, slot.Order }),
        Stops = wave.Stops.Select(stop => new
        {
            stop.Bin, stop.Sku, Quantity = stop.Parts.Sum(part => part.Quantity - part.Dropped), Left = stop.Parts.Sum(part => part.Left),
            Slots = stop.Parts.GroupBy(part => part.Slot).Select(slot => new { Slot = slot.Key, Quantity = slot.Sum(part => part.Quantity - part.Dropped), Left = slot.Sum(part => part.Left) }),
        }),
        PassedOver = passedOver?.Select(ticket => ticket.Id),
    };

    static SortedDictionary<string, long> Bins(Balance? balance, string location)
    {
        var bins = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var (bin, units) in balance?.Locations.GetValueOrDefault(location)?.Bins ?? [])
            if (units > 0 && !bin.Contains('#', StringComparison.Ordinal)) bins[bin] = units;
        return bins;
    }
}
