using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Logging;
using Selvedge.Catalogue;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Picking;

/// <summary>What left: carrier, tracking number and service where there are any; and, of a partner's confirmation, units by line or SKU.</summary>
public sealed record ShipInput(string Carrier, string? Tracking, string? Service, IReadOnlyList<CartonInputLine>? Lines);

/// <summary>
/// Hands tickets over to carriers. What is meant is written on the ticket first (<see cref="TicketStatus.Shipping"/>), then the ledger is told line by line under keys of the
/// ticket, then the ticket says that it was; a sweeper finishes what was cut off in between. A partner's ticket needs no scans: what it says it sent is a fact.
/// </summary>
public sealed partial class Shipping(WorkDocuments documents, PickTickets tickets, Locations locations, InventoryLedger ledger, ILogger<Shipping> log)
{
    /// <summary>Who tells the ledger what someone was cut off from telling it.</summary>
    const string System = "system:picking";
    static readonly TimeSpan Due = TimeSpan.FromSeconds(30);

    /// <summary>Ships a ticket.</summary>
    /// <exception cref="ProblemException">400 quantities for a place that scans; 409 not picked whole, nothing picked, on hold, called off, or gone with another consignment.</exception>
    public async Task<(PickTicket Ticket, bool Repeat)> ShipAsync(PickTicket ticket, ShipInput input, string actor)
    {
        var partner = (await locations.FindAsync(ticket.Location))?.Is == LocationKind.Partner;
        if (!partner && input.Lines is not null) throw ProblemException.Invalid("Quantities are for a partner's confirmation; here what was scanned is shipped.", [new Fault("/lines", "Leave it out: what was scanned is shipped.")]);
        while (true)
        {
            if (ticket.HasLeft)
            {
                if (ticket.Consignment is not { } sent || (sent.Carrier, sent.Tracking, sent.Service) != (input.Carrier, input.Tracking, input.Service)) throw Gone(ticket);
                return (await FinishAsync(ticket, actor), true);
            }
            if (ticket.Status == TicketStatus.Cancelled && !partner) throw PickProblems.Cancelled(ticket);
            var leaving = partner ? Confirmed(ticket, input.Lines) : Scanned(ticket = await tickets.ReconcileAsync(ticket) ?? throw PickProblems.Unknown(ticket.Id));
            if (leaving.Lines.All(line => line.Shipped == 0)) throw PickProblems.NothingPicked(ticket);
            var meant = leaving with { Status = TicketStatus.Shipping, Consignment = new(input.Carrier, input.Tracking, input.Service, tickets.Now, actor) };
            if (await tickets.ReplaceAsync(meant) is { } written) return (await FinishAsync(written, actor), false);
            ticket = await tickets.ReadAsync(ticket.Id) ?? throw PickProblems.Unknown(ticket.Id);
        }
    }

    /// <summary>Tells the ledger what a ticket on its way out took along, and notes on the ticket that it was told. May be repeated, by several at once.</summary>
    public async Task<PickTicket> FinishAsync(PickTicket ticket, string actor = System)
    {
        if (ticket.Status != TicketStatus.Shipping) return ticket;
        var costs = new Dictionary<string, long>(StringComparer.Ordinal);
        var told = ticket.Lines.Where(line => line.Shipped > 0).Select(async line => (line.Line, (await ledger.ExecuteAsync(new Ship
        {
            Sku = line.Sku, Actor = ticket.Consignment?.Actor ?? actor, Order = ticket.Order, Line = line.Line, Location = ticket.Location, Quantity = line.Shipped, Shipment = ticket.Id, Transfer = ticket.Transfer,
        })).Value));
        foreach (var (line, cost) in await Task.WhenAll(told)) costs[line] = cost;
        return await tickets.ChangeAsync(ticket.Id, found => found.Status != TicketStatus.Shipping ? found : found with
        {
            Status = TicketStatus.Shipped, Attention = tickets.Now + PickTickets.Patience,
            Lines = [.. found.Lines.Select(line => costs.TryGetValue(line.Line, out var cost) ? line with { Cost = cost } : line)],
        }, ticket) ?? ticket;
    }

    /// <summary>Finishes tickets that were left on their way out; those it finished.</summary>
    public async Task<IReadOnlyList<PickTicket>> SweepAsync(int most, CancellationToken cancel)
    {
        var left = await documents.FirstAsync(new QueryDefinition("SELECT * FROM c WHERE c.status = 'shipping' AND c.kind = @kind").WithParameter("@kind", PickTicket.KindName), most, PickingJson.Default.PickTicket, cancel: cancel);
        var finished = new List<PickTicket>();
        foreach (var ticket in left.Where(ticket => tickets.Now - ticket.UpdatedAt > Due))
            try
            {
                finished.Add(await FinishAsync(ticket));
            }
            catch (Exception later) when (later is not OperationCanceledException || !cancel.IsCancellationRequested)
            {
                // One that cannot be told now holds up no other.
                LogLeft(later, ticket.Id);
            }
        return finished;
    }

    static PickTicket Scanned(PickTicket ticket)
    {
        if (ticket.Status == TicketStatus.Cancelled) throw PickProblems.Cancelled(ticket);
        if (ticket.OnHold is not null) throw PickProblems.OnHold(ticket);
        if (ticket.Left > 0) throw PickProblems.StillToPick(ticket);
        return ticket with { Lines = [.. ticket.Lines.Select(line => line with { Shipped = Math.Min(line.Picked, line.Quantity - line.Settled) })] };
    }

    // What a partner says it sent is so, whatever was asked for.
    static PickTicket Confirmed(PickTicket ticket, IReadOnlyList<CartonInputLine>? lines)
    {
        if (lines is null) return ticket with { Lines = [.. ticket.Lines.Select(line => line with { Shipped = Math.Max(line.Picked, line.Quantity - line.Short) })] };
        var sent = ticket.Lines.ToDictionary(line => line.Line, _ => 0L, StringComparer.Ordinal);
        foreach (var asked in lines)
        {
            var (units, last) = (asked.Quantity, (string?)null);
            foreach (var line in ticket.Lines.Where(line => asked.Line is null ? line.Sku == asked.Sku : line.Line == asked.Line))
            {
                last = line.Line;
                var part = Math.Clamp(line.Quantity - sent[last], 0, units);
                (sent[last], units) = (sent[last] + part, units - part);
            }
            if (last is null) throw PickProblems.WrongItem(ticket, asked.Line ?? asked.Sku!);
            sent[last] += units;
        }
        return ticket with { Lines = [.. ticket.Lines.Select(line => line with { Shipped = sent[line.Line] })] };
    }

    [LoggerMessage(EventId = 4011, Level = LogLevel.Warning, Message = "Pick {Pick} left and the ledger could not be told; it is told again later")]
    partial void LogLeft(Exception failure, string pick);

    static ProblemException Gone(PickTicket ticket) => ProblemException.Conflict("already-shipped", "It has left already",
        $"Pick {ticket.Id} left with {ticket.Consignment?.Carrier} {ticket.Consignment?.Tracking} at {ticket.Consignment?.At:u}.");
}
