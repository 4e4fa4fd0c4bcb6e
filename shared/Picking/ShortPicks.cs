using Selvedge.Counts;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Picking;

/// <summary>
/// Units that a picker did not find, or found damaged: a fact. The ledger has them as <c>#missing</c> or <c>#damaged</c> at once (still ours, sold to nobody), a count of the bin
/// is asked for, and the order is told by the ticket.
/// </summary>
public sealed class ShortPicks(PickTickets tickets, InventoryLedger ledger, LedgerReads reads, CountTasks counts)
{
    const int Tries = 5;

    /// <summary>Notes a short pick.</summary>
    /// <param name="ticket">The ticket.</param>
    /// <param name="scanId">The device's id of it: the same again is the same.</param>
    /// <param name="sku">Which SKU, where the line is not named.</param>
    /// <param name="line">Which line; null: the first of the SKU that lacks as many.</param>
    /// <param name="quantity">Units.</param>
    /// <param name="reason">Why.</param>
    /// <param name="bin">Where; null: where the record has the most.</param>
    /// <param name="actor">Who.</param>
    /// <exception cref="ProblemException">409 not on the ticket, more than it lacks, called off, done; 422 the id was used for something else.</exception>
    public async Task<(PickTicket Ticket, ShortPick Short, bool Repeat)> TakeAsync(PickTicket ticket, string scanId, string? sku, string? line, long quantity, ShortReason reason, string? bin, string actor)
    {
        if (ticket.Shorts?.FirstOrDefault(known => known.Scan == scanId) is { } known)
            return known.Quantity == quantity && known.Reason == reason && (line ?? known.Line) == known.Line && (sku ?? known.Sku) == known.Sku ? (ticket, known, true) : throw ProblemException.Reused(scanId);
        if (PickProblems.Shut(ticket) is { } shut) throw shut;
        var on = ticket.Lines.Where(one => line is null ? one.Sku == sku : one.Line == line && (sku ?? one.Sku) == one.Sku).ToList();
        if (on.Count == 0) throw PickProblems.WrongItem(ticket, line is null ? sku! : $"line {line}");
        // What the journal has of it was done, and its answer lost.
        var lacking = on.Find(one => one.Left >= quantity) ?? (await reads.EntryAsync(on[0].Sku, KeyOf(ticket, scanId)) is { Kind: "relocate" } before ? on.Find(one => one.Line == before.Line) : null) ?? throw PickProblems.OverPick(ticket, on[0].Sku, quantity, on.Max(one => one.Left));

        var where = await SetAsideAsync(ticket, lacking, scanId, quantity, reason, bin, actor);
        var shorted = new ShortPick(scanId, lacking.Line, lacking.Sku, quantity, reason, where, tickets.Now, actor);
        await counts.OpenAsync(ticket.Location, where, lacking.Sku, $"{quantity} {(reason == ShortReason.Damaged ? "damaged" : "not found")} for pick {ticket.Id}", $"{ticket.Id}:{scanId}");
        var after = await tickets.ChangeAsync(ticket.Id, found => TicketRules.Apply(found, shorted) is var next && ReferenceEquals(next, found) ? found
            : next with { Attention = tickets.Now + PickTickets.Patience, Picker = actor }, ticket) ?? throw PickProblems.Unknown(ticket.Id);
        return (after, shorted, false);
    }

    // Only as many as the record has in that bin: what it has elsewhere was not looked for.
    async Task<string> SetAsideAsync(PickTicket ticket, TicketLine line, string scanId, long quantity, ShortReason reason, string? bin, string actor)
    {
        for (var attempt = 1; ; attempt++)
        {
            var bins = (await reads.BalanceAsync(line.Sku))?.Locations.GetValueOrDefault(ticket.Location)?.Bins.Where(one => one.Value > 0 && !one.Key.Contains('#', StringComparison.Ordinal)).ToDictionary() ?? [];
            var where = bin ?? bins.OrderByDescending(one => one.Value).ThenBy(one => one.Key, StringComparer.Ordinal).Select(one => one.Key).FirstOrDefault("");
            var units = Math.Min(quantity, bins.GetValueOrDefault(where));
            var post = new Post
            {
                Sku = line.Sku, Actor = actor, Reason = $"Short pick {ticket.Id}", Kind = PostKind.Relocate, From = Accounts.OnHand(ticket.Location, where),
                To = Accounts.OnHand(ticket.Location, where, reason == ShortReason.Damaged ? "damaged" : "missing"), Quantity = units, Order = ticket.Order, Line = line.Line,
                Id = KeyOf(ticket, scanId), IfShown = true,
            };
            if (await reads.EntryAsync(line.Sku, post.Key) is { } before)
            {
                // Done before, and its answer lost; where to is in the entry.
                return before is { Kind: "relocate", Moves: [{ From: var from }, ..] } && before.Line == line.Line ? Accounts.Bin(from) : throw ProblemException.Reused(scanId);
            }
            if (units == 0 || attempt == Tries || (await ledger.ExecuteAsync(post)).Verdict != Verdict.Refused) return where;
        }
    }

    static string KeyOf(PickTicket ticket, string scanId) => Ids.Join([ticket.Id, scanId], Ids.CosmosLimit - 2);
}
