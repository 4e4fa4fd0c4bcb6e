using Selvedge.Catalogue;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Picking;

/// <summary>What was scanned: the device's id of the scan, a GTIN, SKU or other code, units, and the bin where it is known.</summary>
public sealed record ScanInput(string ScanId, string Code, long Quantity, string Bin);

/// <summary>What became of a scan: the ticket afterwards, and whether the scan had been there before.</summary>
public sealed record Scanned(PickTicket Ticket, TicketScan Scan, bool Repeat);

/// <summary>
/// Scans at the shelf. The ledger is asked first (<c>&lt;ticket&gt;:&lt;scan&gt;</c>), the ticket follows; a scan whose answer was lost is found in either and brings the
/// other up to it. A scan whose ticket was called off in the same moment ends as a put-back.
/// </summary>
public sealed class Scanning(PickTickets tickets, ProductCatalogue catalogue, InventoryLedger ledger, LedgerReads reads)
{
    /// <summary>Picks units: from the shelf to the ticket.</summary>
    /// <exception cref="ProblemException">409 wrong item, more than asked, called off, done, in a wave, another order's unit, none on hand; 422 the scan's id was used for something else.</exception>
    public async Task<Scanned> PickAsync(PickTicket ticket, ScanInput input, string actor)
    {
        var sku = await catalogue.ResolveAsync(input.Code) ?? throw PickProblems.WrongItem(ticket, input.Code);
        return await MoveAsync(ticket, ScanKind.Pick, sku, input, actor);
    }

    /// <summary>Puts picked units back on the shelf, before the ticket ships; its order still holds them.</summary>
    /// <exception cref="ProblemException">409 not on the ticket, fewer picked, called off, gone; 422.</exception>
    public async Task<Scanned> UnpickAsync(PickTicket ticket, ScanInput input, string actor)
    {
        var sku = await catalogue.ResolveAsync(input.Code) ?? throw PickProblems.WrongItem(ticket, input.Code);
        return await MoveAsync(ticket, ScanKind.Unpick, sku, input, actor);
    }

    /// <summary>Picks units of one line of a ticket in a wave, whoever has the ticket. False: its claim does not hold them (any more).</summary>
    internal async Task<bool> PlaceAsync(string id, string line, string sku, long units, string bin, string scan, string actor)
    {
        if (await tickets.ReadAsync(id) is not { OnHold: null } ticket) return false;
        var scanned = new TicketScan(scan, ScanKind.Pick, sku, units, [new(line, units)]);
        if (ticket.Scans?.Any(known => known.Id == scan) == true) return true;
        var command = Command(ticket, scanned, scanned.Parts[0], 1, bin, actor);
        // Not for it any more: short meanwhile, or picked otherwise; unless the journal has this very scan.
        if (ticket.Lines.FirstOrDefault(one => one.Line == line)?.Left < units && await reads.EntryAsync(sku, command.Key) is null) return false;
        var outcome = await ledger.ExecuteAsync(command);
        if (outcome.Verdict == Verdict.Refused) return false;
        await FollowAsync(ticket, scanned, outcome.Repeated, actor);
        return true;
    }

    async Task<Scanned> MoveAsync(PickTicket ticket, ScanKind kind, string sku, ScanInput input, string actor)
    {
        if (ticket.Scans?.FirstOrDefault(known => known.Id == input.ScanId) is { } known)
            return (known.Kind, known.Sku, known.Quantity) == (kind, sku, input.Quantity) ? Answer(ticket, known, repeat: true) : throw ProblemException.Reused(input.ScanId);
        var (posted, repeat, asked, view) = (new List<ScanPart>(), false, false, ticket);
        while (posted.Sum(part => part.Quantity) is var done && done < input.Quantity)
        {
            var problem = Judge(view, kind, sku, input.Quantity - done);
            if (problem is null)
            {
                var part = TicketRules.Spread(view.Lines, sku, input.Quantity - done, line => kind == ScanKind.Pick ? line.Left : line.Picked)[0];
                try
                {
                    var outcome = await ledger.ExecuteAsync(Command(ticket, new(input.ScanId, kind, sku, input.Quantity, []), part, posted.Count + 1, input.Bin, actor));
                    if (outcome.Verdict != Verdict.Refused)
                    {
                        repeat |= outcome.Repeated;
                        posted.Add(part);
                        view = TicketRules.Apply(view with { Scans = null }, new TicketScan(input.ScanId, kind, sku, part.Quantity, [part]));
                        continue;
                    }
                    problem = await RefusedAsync(ticket, kind, sku, part, outcome.Refusal!);
                }
                catch (ProblemException reused) when (reused.Status == 422 && !asked)
                {
                    problem = reused;
                }
            }
            // No refusal before the journal was asked: the scan may have been done, and its answer lost.
            if (!asked && await PostedAsync(ticket, kind, sku, input.ScanId) is { Count: > 0 } before)
            {
                if (before.Sum(part => part.Quantity) > input.Quantity) throw ProblemException.Reused(input.ScanId);
                (posted, repeat, asked) = (before, true, true);
                view = ticket = await tickets.ReconcileAsync(ticket) ?? throw PickProblems.Unknown(ticket.Id);
                continue;
            }
            if (posted.Count == 0) throw problem;
            break;
        }
        var scan = new TicketScan(input.ScanId, kind, sku, input.Quantity, posted);
        return Answer(await FollowAsync(ticket, scan, repeat, actor), scan, repeat);
    }

    // The ticket as it is once the ledger has the scan.
    async Task<PickTicket> FollowAsync(PickTicket ticket, TicketScan scan, bool repeat, string actor)
    {
        var after = repeat
            ? await tickets.ReconcileAsync(ticket, found => TicketRules.Note(found, scan))
            : await tickets.ChangeAsync(ticket.Id, found => TicketRules.Apply(found, scan) is var next && ReferenceEquals(next, found) ? found : next with { Picker = actor }, ticket);
        if (after is null) throw PickProblems.Unknown(ticket.Id);
        if (scan.Kind == ScanKind.Pick && (after.IsOver || after.HasLeft) && after.Scans?.Any(known => known.Id == scan.Id) != true) await StrandedAsync(after, scan);
        return after;
    }

    // Picked in the moment in which the ticket was called off, or left: the units are staged and nobody's.
    async Task StrandedAsync(PickTicket ticket, TicketScan scan)
    {
        if (ticket.Status == TicketStatus.Cancelled)
        {
            await tickets.OpenPutBackAsync(ticket.Location, ticket.Order, ticket.Delivery, async () =>
            {
                var next = await tickets.ReadAsync(WorkIds.Ticket(ticket.Location, ticket.Order, ticket.Delivery, WorkIds.NumberOf(ticket.Id) + 1));
                var claimed = await tickets.ClaimedAsync(ticket);
                return [.. scan.Parts.Select(part => new PutBackDemand(part.Line, scan.Sku,
                    Math.Max(0, claimed.First(line => line.Line == part.Line).Staged - (next is { IsOver: false } ? next.Lines.Where(line => line.Line == part.Line).Sum(line => line.Picked) : 0))))];
            });
        }
        throw ticket.Status == TicketStatus.Cancelled ? PickProblems.Cancelled(ticket) : PickProblems.Closed(ticket);
    }

    static Scanned Answer(PickTicket ticket, TicketScan scan, bool repeat) => scan.Parts.Sum(part => part.Quantity) is var taken && taken == scan.Quantity
        ? new(ticket, scan, repeat) : throw PickProblems.InPart("pick " + ticket.Id, scan.Sku, scan.Quantity, taken);

    static ProblemException? Judge(PickTicket ticket, ScanKind kind, string sku, long quantity)
    {
        if (kind == ScanKind.Unpick) return ticket.Status == TicketStatus.Cancelled ? PickProblems.Cancelled(ticket) : ticket.HasLeft ? PickProblems.Closed(ticket)
            : !ticket.Lines.Any(line => line.Sku == sku) ? PickProblems.WrongItem(ticket, sku)
            : ticket.Lines.Where(line => line.Sku == sku).Sum(line => line.Picked) is var picked && picked < quantity ? PickProblems.NotPicked(ticket, sku, quantity, picked) : null;
        if (PickProblems.Shut(ticket) is { } shut) return shut;
        if (!ticket.Lines.Any(line => line.Sku == sku)) return PickProblems.WrongItem(ticket, sku);
        if (ticket.Wave is not null) return PickProblems.InWave(ticket);
        var left = ticket.Lines.Where(line => line.Sku == sku).Sum(line => line.Left);
        return left < quantity ? PickProblems.OverPick(ticket, sku, quantity, left) : null;
    }

    // The ledger said no: the ticket is behind its claims, or the record behind the shelf.
    async Task<ProblemException> RefusedAsync(PickTicket ticket, ScanKind kind, string sku, ScanPart part, string refusal)
    {
        var claimed = await tickets.ClaimedAsync(ticket);
        var claim = claimed.First(line => line.Line == part.Line);
        if (kind == ScanKind.Pick && claim.Held >= part.Quantity) return PickProblems.NoneOnHand(ticket, sku, refusal);
        var after = await tickets.ChangeAsync(ticket.Id, found => TicketRules.Follow(found, claimed, tickets.Now) is var next && ReferenceEquals(next, found) ? found
            : next with { Attention = tickets.Now + PickTickets.Patience }, ticket) ?? ticket;
        if (kind == ScanKind.Unpick) return PickProblems.NotPicked(ticket, sku, part.Quantity, claim.Staged);
        return after.Status == TicketStatus.Cancelled ? PickProblems.Cancelled(after) : PickProblems.HeldByOthers(ticket, sku, part.Quantity, claim.Held);
    }

    // What the journal has of the scan: one entry for each line it went to.
    async Task<List<ScanPart>> PostedAsync(PickTicket ticket, ScanKind kind, string sku, string scan)
    {
        var parts = new List<ScanPart>();
        var word = kind == ScanKind.Pick ? "pick" : "unpick";
        while (await reads.EntryAsync(sku, Ids.Join([ticket.Id, PartOf(scan, parts.Count + 1)], Ids.CosmosLimit - 2)) is { Line: { } line, Moves: { } moves } entry && entry.Kind == word)
            parts.Add(new(line, moves.Where(move => move.From == Accounts.Staged(ticket.Location) || move.To == Accounts.Staged(ticket.Location)).Sum(move => move.Units)));
        return parts;
    }

    static Command Command(PickTicket ticket, TicketScan scan, ScanPart part, int number, string bin, string actor) => scan.Kind == ScanKind.Pick
        ? new Pick { Sku = scan.Sku, Actor = actor, Order = ticket.Order, Line = part.Line, Location = ticket.Location, Bin = bin, Quantity = part.Quantity, Ticket = ticket.Id, Scan = PartOf(scan.Id, number) }
        : new Unpick { Sku = scan.Sku, Actor = actor, Order = ticket.Order, Line = part.Line, Location = ticket.Location, Bin = bin, Quantity = part.Quantity, Keep = true, Task = ticket.Id, Scan = PartOf(scan.Id, number) };

    // A scan's id has no slash of its own.
    static string PartOf(string scan, int number) => number == 1 ? scan : string.Create(null, $"{scan}/{number}");
}
