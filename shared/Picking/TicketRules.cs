namespace Selvedge.Picking;

/// <summary>How a pick ticket follows the claims it is the paper of. Pure.</summary>
public static class TicketRules
{
    /// <summary>
    /// The ticket as it is to be when the claims at its location say <paramref name="claimed"/>: lines are raised, lowered, added and dropped; without a wanted unit it is called
    /// off. The same again changes nothing (the same instance is returned), and one that is on its way out or over is left as it is.
    /// </summary>
    /// <param name="ticket">The ticket.</param>
    /// <param name="demand">Whose it is: run, channel, priority and day to ship by.</param>
    /// <param name="claimed">What the claims have at this location. May be a moment old: picks since then moved units from held to staged, not their sum.</param>
    /// <param name="now">When.</param>
    public static PickTicket Align(PickTicket ticket, TicketDemand demand, IReadOnlyList<TicketDemandLine> claimed, DateTimeOffset now)
    {
        if (ticket.IsOver || ticket.HasLeft) return ticket;
        var lines = new List<TicketLine>(ticket.Lines.Count);
        foreach (var line in ticket.Lines)
        {
            var aligned = Align(line, claimed.FirstOrDefault(claim => claim.Line == line.Line));
            if (aligned.Quantity + aligned.Picked + aligned.Short > 0) lines.Add(aligned);
        }
        foreach (var claim in claimed)
            if (claim.Wanted > 0 && !ticket.Lines.Any(line => line.Line == claim.Line)) lines.Add(Make(claim));

        var next = ticket with { Run = Math.Max(ticket.Run, demand.Run), Channel = demand.Channel ?? ticket.Channel, Priority = demand.Priority, ShipBy = demand.ShipBy, OnHold = demand.OnHold, Lines = lines };
        if (claimed.All(claim => claim.Wanted == 0)) next = next with { Status = TicketStatus.Cancelled, Wave = null, Slot = null, Lines = ticket.Lines };
        else next = Offer(ticket, Restate(next));
        return Same(ticket, next) ? ticket : next with { UpdatedAt = now };
    }

    /// <summary>A new ticket for what the claims have at one location.</summary>
    public static PickTicket Make(TicketDemand demand, string location, int number, IReadOnlyList<TicketDemandLine> claimed, DateTimeOffset now) => Restate(new()
    {
        Id = WorkIds.Ticket(location, demand.Order, demand.Delivery, number), Location = location, Status = TicketStatus.Open,
        Order = demand.Order, Delivery = demand.Delivery, Run = demand.Run, Transfer = demand.Transfer, Channel = demand.Channel, Priority = demand.Priority, ShipBy = demand.ShipBy,
        CreatedAt = now, UpdatedAt = now, Lines = [.. claimed.Where(claim => claim.Wanted > 0).Select(Make)],
    });

    /// <summary>The ticket with what the ledger has staged for its lines: where both differ, the ledger is right.</summary>
    /// <param name="ticket">The ticket.</param>
    /// <param name="staged">Staged units by line, without those that wait to be put back.</param>
    public static PickTicket Reconcile(PickTicket ticket, IReadOnlyDictionary<string, long> staged)
    {
        if (ticket.IsOver || ticket.HasLeft || ticket.Lines.All(line => staged.GetValueOrDefault(line.Line) == line.Picked)) return ticket;
        return Restate(ticket with { Lines = [.. ticket.Lines.Select(line => line with { Picked = staged.GetValueOrDefault(line.Line) })] });
    }

    /// <summary>The ticket as its own claims say, where nobody else states its demand at the moment.</summary>
    public static PickTicket Follow(PickTicket ticket, IReadOnlyList<TicketDemandLine> claimed, DateTimeOffset now) =>
        Align(ticket, new(ticket.Order, ticket.Delivery, ticket.Run, [], []) { Channel = ticket.Channel, Priority = ticket.Priority, ShipBy = ticket.ShipBy, OnHold = ticket.OnHold }, claimed, now);

    /// <summary>Spreads units of one SKU over the lines that still lack some, in their order; fewer than <paramref name="quantity"/> where they lack fewer.</summary>
    /// <param name="lines">The ticket's lines.</param>
    /// <param name="sku">What was scanned.</param>
    /// <param name="quantity">Units.</param>
    /// <param name="room">Units a line takes: what is left to pick of it, or what was picked.</param>
    public static List<ScanPart> Spread(IEnumerable<TicketLine> lines, string sku, long quantity, Func<TicketLine, long> room)
    {
        var parts = new List<ScanPart>();
        foreach (var line in lines)
        {
            if (quantity == 0) break;
            if (line.Sku != sku || Math.Min(quantity, room(line)) is not (> 0 and var units)) continue;
            parts.Add(new(line.Line, units));
            quantity -= units;
        }
        return parts;
    }

    /// <summary>The ticket with a scan's units picked, or put back to the shelf. A scan that it has already changes nothing.</summary>
    public static PickTicket Apply(PickTicket ticket, TicketScan scan)
    {
        if (ticket.IsOver || ticket.HasLeft || ticket.Scans?.Any(known => known.Id == scan.Id) == true) return ticket;
        var sign = scan.Kind == ScanKind.Pick ? 1 : -1;
        return Restate(ticket with
        {
            Lines = [.. ticket.Lines.Select(line => scan.Parts.Where(part => part.Line == line.Line).Sum(part => part.Quantity) is > 0 and var units ? line with { Picked = Math.Max(0, line.Picked + sign * units) } : line)],
            Scans = [.. (ticket.Scans ?? []).TakeLast(PickTicket.MostScans - 1), scan],
            Status = ticket.Status == TicketStatus.Open ? TicketStatus.Picking : ticket.Status,
        });
    }

    /// <summary>The ticket with a scan that the ledger had before: noted, not counted again.</summary>
    public static PickTicket Note(PickTicket ticket, TicketScan scan) => ticket.IsOver || ticket.HasLeft || ticket.Scans?.Any(known => known.Id == scan.Id) == true ? ticket
        : ticket with { Scans = [.. (ticket.Scans ?? []).TakeLast(PickTicket.MostScans - 1), scan] };

    /// <summary>The ticket with a short pick. One that it has already changes nothing.</summary>
    public static PickTicket Apply(PickTicket ticket, ShortPick missing)
    {
        if (ticket.IsOver || ticket.HasLeft || ticket.Shorts?.Any(known => known.Scan == missing.Scan && known.Line == missing.Line) == true) return ticket;
        return Restate(ticket with
        {
            Lines = [.. ticket.Lines.Select(line => line.Line == missing.Line ? line with { Short = line.Short + missing.Quantity } : line)],
            Shorts = [.. ticket.Shorts ?? [], missing],
            Status = ticket.Status == TicketStatus.Open ? TicketStatus.Picking : ticket.Status,
        });
    }

    // One that was done, and whose order wants more, is in nobody's hands: it waits in the queue again.
    static PickTicket Offer(PickTicket before, PickTicket after) => before.Status is TicketStatus.Picked or TicketStatus.Packed && after.Status is TicketStatus.Picking
        ? after with { Status = TicketStatus.Open, Picker = null, Wave = null, Slot = null } : after;

    // What its lines make of it. Cartons hold what was picked when they were closed: they are opened again when that changes.
    static PickTicket Restate(PickTicket ticket)
    {
        var (left, done) = (ticket.Left, ticket.Lines.Any(line => line.Picked + line.Short > 0));
        if (ticket.Cartons is { } cartons && ticket.Lines.Any(line => line.Picked != cartons.Sum(carton => carton.Lines.Where(packed => packed.Line == line.Line).Sum(packed => packed.Quantity)))) ticket = ticket with { Cartons = null };
        var status = left == 0 && done ? (ticket.Cartons is null ? TicketStatus.Picked : TicketStatus.Packed)
            : ticket.Status is TicketStatus.Picked or TicketStatus.Packed ? TicketStatus.Picking : ticket.Status;
        return status == ticket.Status ? ticket : ticket with { Status = status };
    }

    static TicketLine Make(TicketDemandLine claim) => new() { Line = claim.Line, Sku = claim.Sku, Quantity = claim.Wanted, Picked = Math.Max(0, claim.Staged - claim.Surplus) };

    // What a claim lost since is taken for its short units first: they were the ones to go. (A claim that was cut by an edit meanwhile wants the short ones no more either.)
    static TicketLine Align(TicketLine line, TicketDemandLine? claim)
    {
        var (wanted, held) = (claim?.Wanted ?? 0, claim?.Held ?? 0);
        var lost = Math.Max(0, line.Quantity - line.Settled - wanted);
        var settled = Math.Min(line.Short, Math.Max(line.Settled + lost, line.Short - held));
        var picked = Math.Min(line.Picked, claim is { Surplus: > 0 } ? Math.Max(0, claim.Staged - claim.Surplus) : wanted);
        return line with { Quantity = wanted + settled, Settled = settled, Picked = picked };
    }

    static bool Same(PickTicket one, PickTicket other) => one.Lines.SequenceEqual(other.Lines) && one with { Lines = other.Lines } == other;
}
