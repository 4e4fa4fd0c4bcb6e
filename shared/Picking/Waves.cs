using Microsoft.Azure.Cosmos;
using Selvedge.Catalogue;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Picking;

/// <summary>
/// Plans waves from the head of the queue and distributes what is scanned to their tickets. A wave's document is there before it takes its tickets, each by its ETag, so two
/// planners never have the same one; a scan's placing is on the wave before the ledger is told.
/// </summary>
public sealed class Waves(WorkDocuments documents, PickTickets tickets, PickQueue queue, Scanning scanning, ProductCatalogue catalogue, LedgerReads ledger)
{
    const int Tries = 4, Width = 8, MostRead = 3_000;
    static readonly TimeSpan Kept = TimeSpan.FromDays(90), CutOff = TimeSpan.FromMinutes(1);

    /// <summary>Plans the next wave of a location and takes its tickets.</summary>
    /// <param name="passedOver">Gets the tickets whose units are in no free bin: they are picked one by one.</param>
    /// <exception cref="ProblemException">404: nothing waits that fits.</exception>
    public async Task<Wave> PlanAsync(string location, WaveRequest request, string actor, ICollection<PickTicket>? passedOver = null)
    {
        var most = Math.Min(MostRead, 40 + 2 * request.MaxTickets);
        for (var attempt = 1; attempt <= Tries;)
        {
            var head = await queue.HeadAsync(location, most, request.Channel, request.ShipBefore);
            var plan = WaveRules.Plan(head, await FreeAsync(location, head), request);
            // Most of what waits first is elsewhere: look further down.
            if (plan.Tickets.Count < request.MaxTickets && plan.PassedOver.Count > most / 2 && head.Count == most && most < MostRead)
            {
                most = Math.Min(MostRead, 4 * most);
                continue;
            }
            attempt++;
            if (plan.Tickets.Count == 0) break;
            if (await TakeAsync(location, request, plan, actor) is not { } wave) continue;
            foreach (var ticket in plan.PassedOver) passedOver?.Add(ticket);
            return wave;
        }
        throw PickProblems.NothingWaits($"No pick waits at {location} that fits: GET api/picks?location={Uri.EscapeDataString(location)} shows what waits, and where its units are.");
    }

    /// <summary>The wave as its tickets are now; null where there is none.</summary>
    public async Task<Wave?> ReadAsync(string id)
    {
        while (id.EndsWith(".W", StringComparison.Ordinal) && await documents.ReadAsync(id, PickingJson.Default.Wave) is { } wave)
        {
            if (wave.Status != WaveStatus.Open) return wave;
            var now = (await tickets.ReadAsync([.. wave.Tickets.Select(slot => slot.Ticket)])).ToDictionary(ticket => ticket.Id, StringComparer.Ordinal);
            var next = WaveRules.Follow(wave, now);
            if (next.Left == 0) return await CloseAsync(next);
            if (ReferenceEquals(next, wave)) return wave;
            if (await WriteAsync(next) is { } written) return written;
        }
        return null;
    }

    /// <summary>Open waves of a location, or of all.</summary>
    public Task<Page<Wave>> ListAsync(IReadOnlyList<string>? locations, int limit, string? continuation)
    {
        var query = new QueryDefinition($"SELECT * FROM c WHERE c.kind = @kind AND c.status = 'open'{(locations is null ? "" : " AND ARRAY_CONTAINS(@locations, c.location)")}").WithParameter("@kind", Wave.KindName);
        if (locations is not null) query = query.WithParameter("@locations", locations);
        return documents.PageAsync(query, limit, continuation, PickingJson.Default.Wave);
    }

    /// <summary>Gives the units of a scan to the tickets that lack them, in the slots' order; the same scan again gives them to the same.</summary>
    /// <exception cref="ProblemException">409 wrong item, more than asked, the wave is done; another order's units; 422 the scan's id was used for something else.</exception>
    public async Task<(Wave Wave, WaveScan Scan, bool Repeat)> ScanAsync(Wave wave, ScanInput input, string? bin, int? slot, string actor)
    {
        var sku = await catalogue.ResolveAsync(input.Code) ?? throw Wrong(wave, input.Code);
        while (true)
        {
            var known = wave.Scans?.FirstOrDefault(scan => scan.Id == input.ScanId);
            if (known is not null && (known.Sku, known.Quantity) != (sku, input.Quantity)) throw ProblemException.Reused(input.ScanId);
            if (known is not null) return await PerformAsync(wave, known, repeat: true, actor);
            if (wave.Status != WaveStatus.Open) throw ProblemException.Conflict("wave-closed", "The wave is done", $"Wave {wave.Id} is {(wave.Status == WaveStatus.Closed ? "picked" : "given up")}.");
            var placed = WaveRules.Place(wave, sku, input.Quantity, bin, slot);
            if (placed.Sum(placing => placing.Quantity) is var fits && fits < input.Quantity)
            {
                var there = wave.Stops.Where(stop => stop.Sku == sku).ToList();
                throw there.Count == 0 ? Wrong(wave, sku) : ProblemException.Conflict("over-pick", "More than the wave asks for",
                    $"Wave {wave.Id} needs {fits} more of {sku}{(bin is null ? "" : $" from bin {bin}")}{(slot is null ? "" : $" for slot {slot}")}, not {input.Quantity}. Leave the rest on the shelf.");
            }
            var scan = new WaveScan(input.ScanId, sku, input.Quantity, placed);
            if (await WriteAsync(WaveRules.Apply(wave, scan)) is { } meant) return await PerformAsync(meant, scan, repeat: false, actor);
            wave = await documents.ReadAsync(wave.Id, PickingJson.Default.Wave) ?? throw Unknown(wave.Id);
        }
    }

    /// <summary>Gives a wave up: tickets that are not picked whole go back to the queue, with what was picked.</summary>
    public async Task<(Wave Wave, bool Repeat)> ReleaseAsync(Wave wave)
    {
        if (wave.Status is WaveStatus.Released or WaveStatus.Closed) return (wave, true);
        while (true)
        {
            if (await WriteAsync(wave with { Status = WaveStatus.Released }) is { } released) wave = released;
            else wave = await documents.ReadAsync(wave.Id, PickingJson.Default.Wave) ?? throw Unknown(wave.Id);
            if (wave.Status is not (WaveStatus.Released or WaveStatus.Closed)) continue;
            await LetGoAsync(wave);
            return (wave, false);
        }
    }

    /// <summary>Lets go of tickets that waves took whose planning was cut off, and closes waves that were cut off before they were closed.</summary>
    public async Task SweepAsync(CancellationToken cancel)
    {
        var query = new QueryDefinition("SELECT * FROM c WHERE c.kind = @kind AND c.status = 'planning'").WithParameter("@kind", Wave.KindName);
        foreach (var wave in await documents.FirstAsync(query, 100, PickingJson.Default.Wave, cancel: cancel))
            if (tickets.Now - wave.UpdatedAt > CutOff) await ReleaseAsync(wave);
        query = new QueryDefinition("SELECT * FROM c WHERE c.kind = @kind AND c.status = 'open'").WithParameter("@kind", Wave.KindName);
        foreach (var wave in await documents.FirstAsync(query, 1_000, PickingJson.Default.Wave, cancel: cancel))
            if (wave.Left == 0 && tickets.Now - wave.UpdatedAt > CutOff) await CloseAsync(wave);
    }

    /// <summary>Gives up waves in which nothing was scanned for <paramref name="idle"/>: their pickers walked away.</summary>
    public async Task<int> ReleaseIdleAsync(TimeSpan idle, int most, CancellationToken cancel)
    {
        var query = new QueryDefinition("SELECT * FROM c WHERE c.kind = @kind AND c.status = 'open' AND c.updatedAt < @before").WithParameter("@kind", Wave.KindName).WithParameter("@before", InstantConverter.Text(tickets.Now - idle));
        var left = await documents.FirstAsync(query, most, PickingJson.Default.Wave, cancel: cancel);
        foreach (var wave in left) await ReleaseAsync(wave);
        return left.Count;
    }

    /// <summary>404.</summary>
    public static ProblemException Unknown(string id) => ProblemException.NotFound($"There is no wave '{id}'. POST api/waves plans one.");

    // Units in sellable bins that no open wave is on its way to.
    async Task<Dictionary<string, Dictionary<string, long>>> FreeAsync(string location, IReadOnlyList<PickTicket> head)
    {
        var balances = await ledger.BalancesAsync(head.SelectMany(ticket => ticket.Lines).Where(line => line.Left > 0).Select(line => line.Sku));
        var free = balances.ToDictionary(pair => pair.Key, pair => (pair.Value.Locations.GetValueOrDefault(location)?.Bins ?? []).Where(bin => bin.Value > 0 && !bin.Key.Contains('#', StringComparison.Ordinal)).ToDictionary(), StringComparer.Ordinal);
        string? continuation = null;
        do
        {
            var page = await ListAsync([location], 100, continuation);
            foreach (var stop in page.Items.SelectMany(wave => wave.Stops))
                if (free.GetValueOrDefault(stop.Sku) is { } bins && bins.ContainsKey(stop.Bin)) bins[stop.Bin] -= stop.Parts.Sum(part => part.Left);
            continuation = page.Continuation;
        }
        while (continuation is not null);
        return free;
    }

    // Null: others took all of its tickets first.
    async Task<Wave?> TakeAsync(string location, WaveRequest request, WavePlan plan, string actor)
    {
        var wave = new Wave
        {
            Id = WorkIds.Wave(location, Guid.NewGuid().ToString("N")), Location = location, Is = request.Kind, Status = WaveStatus.Planning, CreatedAt = tickets.Now, UpdatedAt = tickets.Now, Actor = actor,
            Tickets = [.. plan.Tickets.Select(one => new WaveTicket(one.Slot, one.Ticket.Id, one.Ticket.Order))], Stops = [],
        };
        wave = wave with { ETag = await documents.CreateAsync(wave.Id, wave, PickingJson.Default.Wave) ?? throw ProblemException.Busy("The wave could not be written. Plan it again.") };
        var lost = new HashSet<string>(StringComparer.Ordinal);
        await Parallel.ForEachAsync(plan.Tickets, new ParallelOptions { MaxDegreeOfParallelism = Width }, async (one, _) =>
        {
            var taken = await tickets.ReplaceAsync(one.Ticket with { Status = TicketStatus.Picking, Picker = actor, Wave = wave.Id, Slot = one.Slot });
            // Ours all the same when the answer to our own write was lost.
            if (taken is null && (await tickets.ReadAsync(one.Ticket.Id))?.Wave != wave.Id) lock (lost) lost.Add(one.Ticket.Id);
        });
        var open = wave with { Status = lost.Count < plan.Tickets.Count ? WaveStatus.Open : WaveStatus.Released, Tickets = [.. wave.Tickets.Where(slot => !lost.Contains(slot.Ticket))], Stops = WaveRules.Without(plan.Stops, lost) };
        // The sweeper took it for cut off, or the write's answer was lost.
        var written = await WriteAsync(open) ?? await documents.ReadAsync(wave.Id, PickingJson.Default.Wave);
        if (written is { Status: WaveStatus.Open }) return written;
        await LetGoAsync(wave);
        return null;
    }

    async Task<(Wave, WaveScan, bool)> PerformAsync(Wave wave, WaveScan scan, bool repeat, string actor)
    {
        foreach (var placing in scan.Placed.Where(placing => !placing.Refused))
        {
            if (await scanning.PlaceAsync(placing.Ticket, placing.Line, scan.Sku, placing.Quantity, placing.Bin, string.Create(null, $"{wave.Id}/{scan.Id}/{placing.Stop}/{placing.Line}"), actor)) continue;
            while (await documents.ReadAsync(wave.Id, PickingJson.Default.Wave) is { } now)
            {
                var refused = WaveRules.Refuse(now, scan.Id, placing);
                if (ReferenceEquals(refused, now)) break;
                if (await WriteAsync(refused) is { } written)
                {
                    wave = written;
                    break;
                }
            }
        }
        scan = wave.Scans?.FirstOrDefault(known => known.Id == scan.Id) ?? scan;
        if (wave is { Status: WaveStatus.Open, Left: 0 }) wave = await CloseAsync(wave);
        if (scan.Placed.All(placing => placing.Refused)) throw ProblemException.Conflict("held-by-others", "The unit is another order's", $"No pick of wave {wave.Id} holds {scan.Sku} any more: their orders were changed. Put it back.");
        return (wave, scan, repeat);
    }

    async Task<Wave?> WriteAsync(Wave wave)
    {
        var next = Stated(wave);
        return await documents.ReplaceAsync(wave.Id, wave.ETag, next, PickingJson.Default.Wave) is { } etag ? next with { ETag = etag } : null;
    }

    // Nothing is left. Its tickets first: once it is closed nobody looks at them any more.
    async Task<Wave> CloseAsync(Wave wave)
    {
        await LetGoAsync(wave);
        while (wave.Status == WaveStatus.Open)
            wave = await WriteAsync(wave with { Status = WaveStatus.Closed }) ?? await documents.ReadAsync(wave.Id, PickingJson.Default.Wave) ?? throw Unknown(wave.Id);
        return wave;
    }

    Wave Stated(Wave wave) => wave with { ETag = null, UpdatedAt = tickets.Now, Ttl = wave.Status is WaveStatus.Closed or WaveStatus.Released ? (int)Kept.TotalSeconds : null };

    // What a wave did not pick of its tickets (their orders asked for more meanwhile) goes back to the queue.
    Task LetGoAsync(Wave wave) => Parallel.ForEachAsync(wave.Tickets, new ParallelOptions { MaxDegreeOfParallelism = Width }, async (slot, _) =>
        await tickets.ChangeAsync(slot.Ticket, ticket => ticket.Wave != wave.Id || ticket.Status is not TicketStatus.Picking ? ticket : ticket with { Status = TicketStatus.Open, Picker = null, Wave = null, Slot = null }));

    static ProblemException Wrong(Wave wave, string said) => ProblemException.Conflict("wrong-item", "This item is not in the wave", $"'{said}' is not in wave {wave.Id}. GET api/waves/{wave.Id} shows where to go next.");
}
