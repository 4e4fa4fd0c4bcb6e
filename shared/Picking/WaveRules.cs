namespace Selvedge.Picking;

/// <summary>A planned wave: which tickets in which slots, where to walk, and which tickets were passed over because their units are in no bin that is free.</summary>
public sealed record WavePlan(IReadOnlyList<(PickTicket Ticket, int Slot)> Tickets, IReadOnlyList<WaveStop> Stops, IReadOnlyList<PickTicket> PassedOver);

/// <summary>How a wave is planned and followed. Pure.</summary>
public static class WaveRules
{
    /// <summary>
    /// Takes tickets by rank until the wave is full; one that does not fit is passed over, later ones may. Each bin's units are given out once: a line is taken from bins that
    /// the walk visits for its SKU anyway, then from the one that has the fewest but enough, else from the fullest. A ticket whose units are not all in free bins is passed over whole.
    /// </summary>
    /// <param name="ranked">Tickets in the queue's order.</param>
    /// <param name="free">Units by SKU and bin that no other wave is on its way to.</param>
    /// <param name="request">Limits.</param>
    public static WavePlan Plan(IReadOnlyList<PickTicket> ranked, IReadOnlyDictionary<string, Dictionary<string, long>> free, WaveRequest request)
    {
        var stops = new Dictionary<(string Bin, string Sku), List<WavePart>>();
        var (tickets, passedOver) = (new List<(PickTicket, int)>(), new List<PickTicket>());
        var (lines, units) = (0, 0L);
        foreach (var ticket in ranked)
        {
            if (tickets.Count == request.MaxTickets) break;
            var (count, sum) = (ticket.Lines.Count(line => line.Left > 0), ticket.Left);
            if (sum == 0 || lines + count > request.MaxLines || units + sum > request.MaxUnits) continue;
            if (Allot(ticket, tickets.Count + 1, free, request.Zone, stops) is not { } allotted)
            {
                passedOver.Add(ticket);
                continue;
            }
            foreach (var (bin, sku, part) in allotted)
            {
                free[sku][bin] -= part.Quantity;
                (stops.TryGetValue((bin, sku), out var parts) ? parts : stops[(bin, sku)] = []).Add(part);
            }
            tickets.Add((ticket, tickets.Count + 1));
            (lines, units) = (lines + count, units + sum);
        }
        return new(tickets, Ordered(stops.Select(stop => new WaveStop(stop.Key.Bin, stop.Key.Sku, stop.Value))), passedOver);
    }

    /// <summary>The stops without the tickets that another planner took first.</summary>
    public static IReadOnlyList<WaveStop> Without(IReadOnlyList<WaveStop> stops, IReadOnlySet<string> lost) =>
        Ordered(stops.Select(stop => stop with { Parts = [.. stop.Parts.Where(part => !lost.Contains(part.Ticket))] }).Where(stop => stop.Parts.Count > 0));

    /// <summary>Which slots get the units of a scan: at the bin where it was, or at the first stop that still lacks the SKU, in the slots' order. Fewer where the wave lacks fewer.</summary>
    public static IReadOnlyList<WavePlacing> Place(Wave wave, string sku, long quantity, string? bin, int? slot)
    {
        var placed = new List<WavePlacing>();
        for (var at = 0; at < wave.Stops.Count && quantity > 0; at++)
        {
            var stop = wave.Stops[at];
            if (stop.Sku != sku || (bin is not null && stop.Bin != bin)) continue;
            foreach (var part in stop.Parts.Where(part => slot is null || part.Slot == slot))
            {
                if (Math.Min(quantity, part.Left) is not (> 0 and var units)) continue;
                placed.Add(new(at, part.Slot, part.Ticket, part.Line, stop.Bin, units));
                quantity -= units;
            }
        }
        return placed;
    }

    /// <summary>The wave with a scan's units placed.</summary>
    public static Wave Apply(Wave wave, WaveScan scan) => wave with
    {
        Stops = [.. wave.Stops.Select((stop, at) => scan.Placed.Any(placing => placing.Stop == at)
            ? stop with { Parts = [.. stop.Parts.Select(part => part with { Done = part.Done + scan.Placed.Where(placing => placing.Stop == at && placing.Ticket == part.Ticket && placing.Line == part.Line).Sum(placing => placing.Quantity) })] }
            : stop)],
        Scans = [.. wave.Scans ?? [], scan],
    };

    /// <summary>The wave after the ledger refused a placing of a scan: its units were not placed and are not for it any more.</summary>
    public static Wave Refuse(Wave wave, string scan, WavePlacing refused) => wave.Scans?.Any(known => known.Id == scan && known.Placed.Contains(refused)) != true ? wave : wave with
    {
        Stops = [.. wave.Stops.Select((stop, at) => at != refused.Stop ? stop : stop with
        {
            Parts = [.. stop.Parts.Select(part => part.Ticket == refused.Ticket && part.Line == refused.Line ? part with { Done = part.Done - refused.Quantity, Dropped = part.Dropped + refused.Quantity } : part)],
        })],
        Scans = [.. wave.Scans.Select(known => known.Id != scan ? known : known with { Placed = [.. known.Placed.Select(placing => placing == refused ? placing with { Refused = true } : placing)] })],
    };

    /// <summary>The wave as its tickets are now: what a ticket no longer lacks, or no longer picks here, is dropped. The same instance where nothing changes.</summary>
    public static Wave Follow(Wave wave, IReadOnlyDictionary<string, PickTicket> tickets)
    {
        var room = new Dictionary<(string, string), long>();
        foreach (var slot in wave.Tickets)
            if (tickets.TryGetValue(slot.Ticket, out var ticket) && ticket.Wave == wave.Id)
                foreach (var line in ticket.Lines) room[(ticket.Id, line.Line)] = line.Left;
        var dropped = false;
        var stops = wave.Stops.Select(stop => stop with
        {
            Parts = [.. stop.Parts.Select(part =>
            {
                if (part.Left == 0) return part;
                var keeps = Math.Min(part.Left, room.GetValueOrDefault((part.Ticket, part.Line)));
                room[(part.Ticket, part.Line)] = room.GetValueOrDefault((part.Ticket, part.Line)) - keeps;
                dropped |= keeps < part.Left;
                return part with { Dropped = part.Quantity - part.Done - keeps };
            })],
        }).ToList();
        return dropped ? wave with { Stops = stops } : wave;
    }

    static List<(string Bin, string Sku, WavePart Part)>? Allot(PickTicket ticket, int slot, IReadOnlyDictionary<string, Dictionary<string, long>> free, string? zone, Dictionary<(string, string), List<WavePart>> stops)
    {
        var allotted = new List<(string Bin, string Sku, WavePart Part)>();
        foreach (var line in ticket.Lines)
        {
            var left = line.Left;
            if (left == 0) continue;
            var bins = (free.GetValueOrDefault(line.Sku) ?? []).Where(bin => zone is null || bin.Key.StartsWith(zone, StringComparison.OrdinalIgnoreCase))
                .Select(bin => (Bin: bin.Key, Units: bin.Value - allotted.Where(other => other.Bin == bin.Key && other.Sku == line.Sku).Sum(other => other.Part.Quantity))).Where(bin => bin.Units > 0)
                .OrderBy(bin => stops.ContainsKey((bin.Bin, line.Sku)) ? 0 : 1).ThenBy(bin => bin.Units >= left ? bin.Units : long.MaxValue - bin.Units).ThenBy(bin => bin.Bin, StringComparer.Ordinal);
            foreach (var (bin, units) in bins.ToList())
            {
                if (left == 0) break;
                var part = Math.Min(left, units);
                allotted.Add((bin, line.Sku, new(slot, ticket.Id, line.Line, part)));
                left -= part;
            }
            if (left > 0) return null;
        }
        return allotted;
    }

    static List<WaveStop> Ordered(IEnumerable<WaveStop> stops)
    {
        var all = stops.ToList();
        var order = Walk.Order(all.Select(stop => stop.Bin)).Select((bin, at) => (bin, at)).ToDictionary(pair => pair.bin, pair => pair.at, StringComparer.Ordinal);
        return [.. all.OrderBy(stop => order[stop.Bin]).ThenBy(stop => stop.Sku, StringComparer.Ordinal)];
    }
}
