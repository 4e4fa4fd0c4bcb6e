using Selvedge.Channels;
using Selvedge.Ledger;
using Selvedge.Picking;
using Selvedge.Returns;

namespace Selvedge.Orders;

/// <summary>How tickets and claims are summed up on the order: pure functions from document to document. Every ticket counts once, by its id.</summary>
public static class Shipments
{
    /// <summary>Units that left, of a line as the ledger names it.</summary>
    public static long UnitsOf(Order order, string ledgerLine)
    {
        long units = 0;
        foreach (var delivery in order.Deliveries ?? [])
            foreach (var shipment in delivery.Shipments ?? [])
                foreach (var line in shipment.Lines)
                    if (line.Line == ledgerLine) units += line.Units;
        return units;
    }

    /// <summary>The order with what its tickets shipped, its lines as the ledger holds them, and the delivery closed where nothing of it is left to do; the same
    /// order when nothing is different.</summary>
    public static Order Settle(FulfilmentState state)
    {
        if (state.Mine is not { } mine) return state.Order;
        var left = state.Tickets.Where(ticket => ticket.Status is TicketStatus.Shipped && !FulfilmentRules.IsSettled(mine, ticket)).Select(Of).ToList();
        var known = (mine.Tickets ?? []).Concat(state.Tickets.Select(ticket => ticket.Id)).Distinct(StringComparer.Ordinal).ToList();
        var next = Deliveries.With(state.Order, mine with { Begun = true, Tickets = known.Count > 0 ? known : null, Shipments = left.Count > 0 ? [.. mine.Shipments ?? [], .. left] : mine.Shipments });
        var lines = next.Lines.Select(line => Line(next, line, state.Claims)).ToArray();
        next = next with { Lines = lines, FulfilDue = state.Now + Deliveries.Watch, UpdatedAt = state.Now };
        if (state.Tickets.Any(ticket => FulfilmentRules.IsLive(ticket) || ticket.Status is TicketStatus.Shipping)) return next;
        // What is to be called off is looked at before the delivery is let go of.
        if (FulfilmentRules.IsToBeCancelled(state with { Order = next })) return next;
        return FulfilmentRules.Stopped(state, FulfilmentRules.Demand(state)) is not null || FulfilmentRules.Demand(state with { Order = next }).All(line => line.Wanted == 0) ? Close(next, next.UnderWay!, state.Now) : next;
    }

    /// <summary>The order with what a ticket shipped after its delivery was over; the same order where it is written there already.</summary>
    public static Order Late(Order order, PickTicket ticket, IReadOnlyList<Claim> claims, DateTimeOffset now)
    {
        if (order.Deliveries!.FirstOrDefault(delivery => delivery.Id == ticket.Delivery) is not { } mine || order.Deliveries!.Any(delivery => FulfilmentRules.IsSettled(delivery, ticket))) return order;
        var next = Deliveries.With(order, mine with { Shipments = [.. mine.Shipments ?? [], Of(ticket)], Tickets = [.. (mine.Tickets ?? []).Union([ticket.Id], StringComparer.Ordinal)] });
        var lines = next.Lines.Select(line => Line(next, line, claims)).ToArray();
        next = next with { Lines = lines, UpdatedAt = now, Status = order.UnderWay is null && order.Cancel is not { State: CancelState.Done } ? Deciding.StatusOf(next, lines) : order.Status };
        return Deliveries.Schedule(next, now);
    }

    // What is still held, or waits, is for a delivery that comes later: the next one, or where nothing was sent of this one, this.
    static Order Close(Order order, Delivery mine, DateTimeOffset now)
    {
        var left = order.Lines.Any(line => line.TakesStock && line.Committed + line.Backordered + line.Oversold > 0);
        var over = mine.Shipments is null && left ? mine with { Status = DeliveryStatus.Waiting, DueAt = null, StartedAt = null, Begun = false }
            : mine with { Status = mine.Shipments is null ? DeliveryStatus.Cancelled : DeliveryStatus.Closed, ClosedAt = now };
        order = Deliveries.With(order, over) with { FulfilDue = null };
        return Deliveries.Schedule(order with { Status = Deciding.StatusOf(order, order.Lines) }, now);
    }

    /// <summary>What had left when its channel cancelled the order is expected back.</summary>
    public static async Task ExpectBackAsync(this ExpectedReturns returns, Order order)
    {
        if (order.Cancel is not { State: CancelState.Done, Actor: not ShipWindow.Clock } cancel) return;
        foreach (var line in (order.Deliveries ?? []).SelectMany(delivery => delivery.Shipments ?? []).SelectMany(shipment => shipment.Lines).GroupBy(line => (line.Line, line.Sku)))
            await returns.ExpectAsync(order.Id, line.Key.Line, line.Key.Sku, line.Sum(one => one.Units), "cancel", reason: cancel.Reason ?? "The channel cancelled the order when it had left.");
    }

    /// <summary>What a refund says is to come back is expected, each part of a bundle; what a till took back is there already.</summary>
    public static async Task ExpectBackAsync(this ExpectedReturns returns, Order order, Refund refund)
    {
        foreach (var back in refund.Lines)
            if (OrderView.IsExpected(order, refund, back))
                foreach (var (line, sku, each) in FulfilmentRules.Units(order.Lines.First(one => one.Id == back.Line)))
                    await returns.ExpectAsync(order.Id, line, sku, back.Units * each, "refund:" + refund.Id, refunded: true);
    }

    static Shipment Of(PickTicket ticket) => new(ticket.Id, ticket.Location, ticket.Consignment?.At ?? ticket.UpdatedAt, ticket.Consignment?.Carrier, ticket.Consignment?.Tracking,
        [.. ticket.Lines.Where(line => line.Shipped > 0).Select(line => new ShippedLine(line.Line, line.Sku, line.Shipped))]);

    static OrderLine Line(Order order, OrderLine line, IReadOnlyList<Claim> claims)
    {
        if (!line.TakesStock) return line;
        // What is pegged to supply waits as well.
        long ShortOf(string id) => claims.Where(claim => claim.Line == id && !Accounts.IsLocation(claim.Place)).Sum(claim => claim.Held);
        long HeldOf(string id) => claims.Where(claim => claim.Line == id && Accounts.IsLocation(claim.Place)).Sum(claim => claim.Held + claim.Staged);
        line = line with { Shipped = FulfilmentRules.Units(line).Min(unit => UnitsOf(order, unit.Line) / unit.Each) };
        line = Deciding.Waiting(line with { Missing = 0 }, order.Shortage, line.Bundle is null ? ShortOf(line.Id) : Bundles.Waits(line, ShortOf));
        // What the ledger neither holds nor lets wait for the line is nobody's: it was dropped when the order was filled in part.
        var held = FulfilmentRules.Units(line).Min(unit => (HeldOf(unit.Line) + UnitsOf(order, unit.Line)) / unit.Each) - line.Shipped;
        return line.Committed <= held ? line : line with { Committed = held, Missing = line.Committed - held };
    }
}
