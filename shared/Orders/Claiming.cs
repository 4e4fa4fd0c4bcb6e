using Selvedge.Channels;
using Selvedge.Ledger;

namespace Selvedge.Orders;

/// <summary>What claiming an order's lines came to.</summary>
/// <param name="Outcomes">By the line's place in the order; null for lines that claim nothing.</param>
/// <param name="Overtaken">A later revision had been seen: the order document says what holds now.</param>
/// <param name="Refused">All or nothing, and it is nothing.</param>
public sealed record Claimed(Outcome?[] Outcomes, bool Overtaken = false, bool Refused = false);

/// <summary>
/// Turns an order document into the ledger's commands. Each command follows from the document alone, so that whoever executes a plan, and
/// however often, sends the same command under the same key.
/// </summary>
public sealed class Claiming(Func<Command, Task<Outcome>> execute)
{
    /// <summary>How long a tentative claim of an order stands before it lapses: well beyond the time that claiming all its lines and the lease take,
    /// so that the sweeper finishes the order first.</summary>
    public static TimeSpan Tentative(Order order) => TimeSpan.FromSeconds(120) + order.Lines.Count * TimeSpan.FromMilliseconds(150);

    /// <summary>SKUs claimed at the same time for one order.</summary>
    const int Width = 32;

    /// <summary>True when the order's claims are tentative until all of them are taken: all or nothing, over more than one line, and not an edit.</summary>
    public static bool IsTentative(Order order) => order.Shortage == ShortagePolicy.Refuse && !IsEdit(order) && order.Lines.Sum(line => !line.Claims ? 0 : line.Bundle?.Parts.Count ?? 1) > 1;

    /// <summary>True while the order changes from what it held before.</summary>
    public static bool IsEdit(Order order) => order.Intake is { Since: > 0 };

    /// <summary>Claims the lines that are to be claimed by the order's plan. Those that shall hold more come before those that shall hold less: an exchange
    /// has its new unit before it gives up the old one, and does not give it up where the new one is refused. All-or-nothing orders claim one SKU after
    /// another in ascending order and stop at the first that is refused; what they took until then is for the caller to settle.</summary>
    /// <param name="order">The order.</param>
    /// <param name="renew">Asked between claims of an all-or-nothing order, which may take long: false when it is another's by now.</param>
    public async Task<Claimed> ClaimAsync(Order order, Func<Task<bool>> renew)
    {
        var outcomes = new Outcome?[order.Lines.Count];
        if (order.Shortage != ShortagePolicy.Refuse)
        {
            await BySkuAsync(order, Grows, at => ClaimAsync(at));
            if (order.Revision > 1) await BySkuAsync(order, Shrinks, at => ClaimAsync(at));
            return new(outcomes, Overtaken: outcomes.Any(outcome => outcome?.Verdict == Verdict.Superseded));
        }
        var turns = Enumerable.Range(0, outcomes.Length).Where(i => IsOpen(order, order.Lines[i])).SelectMany(i => Bundles.Units(order.Lines[i]).Select(unit => (At: i, unit.Part, unit.Sku)))
            .OrderBy(turn => Shrinks(order, order.Lines[turn.At])).ThenBy(turn => turn.Sku, StringComparer.Ordinal);
        foreach (var (at, part, _) in turns)
        {
            if (!await renew()) return new(outcomes, Overtaken: true);
            if (part > 0 && IsKept(order, order.Lines[at])) continue;
            if (part < 0 || IsKept(order, order.Lines[at])) await ClaimAsync(at);
            else await PartAsync(at, part);
            if (outcomes[at]!.Verdict != Verdict.Applied) return new(outcomes, Overtaken: outcomes[at]!.Verdict == Verdict.Superseded, Refused: outcomes[at]!.Verdict == Verdict.Refused);
        }
        return new(outcomes);

        async Task ClaimAsync(int at)
        {
            var (line, claim) = (order.Lines[at], Claim(order, order.Lines[at]));
            outcomes[at] = line.Bundle is null ? await execute(claim) : await Bundles.ClaimAsync(execute, order, claim, line, IsEdit(order) ? null : order.Plan!.RoutedAt + Tentative(order));
        }

        // All or nothing over the whole order: a part that is refused refuses it.
        async Task PartAsync(int at, int part)
        {
            var (line, claim) = (order.Lines[at], Claim(order, order.Lines[at]));
            claim = Bundles.Part(claim, line, part, line.Quantity, 2 * claim.Revision - 1);
            var outcome = await execute(claim with { Beside = IsTentative(order) ? Beside(order, at, part, claim.Sku) : 0, Givers = Givers(order, line, claim.Sku) });
            outcomes[at] = outcome.Verdict switch
            {
                Verdict.Applied => new(Verdict.Applied, new Dictionary<string, long> { ["*"] = line.Quantity - line.Shipped }, (outcome.Short + line.Bundle!.Parts[part].Quantity - 1) / line.Bundle.Parts[part].Quantity),
                _ => outcome with { Available = outcome.Available / line.Bundle!.Parts[part].Quantity },
            };
        }
    }

    /// <summary>The revision at which the line's claim is set: the plan's, or that of the edit which changed it.</summary>
    static long RevisionOf(Order order, OrderLine line) => Math.Max(line.Revision, order.Plan?.Revision ?? 1);

    static bool IsOpen(Order order, OrderLine line) => line.MayHold && (line.Claims || line.Was is not null) && RevisionOf(order, line) >= (order.Intake?.Since ?? 0);

    static bool Shrinks(Order order, OrderLine line) => IsOpen(order, line) && line.Was > line.Quantity;

    static bool Grows(Order order, OrderLine line) => IsOpen(order, line) && !(line.Was > line.Quantity);

    /// <summary>The lines, as the ledger names them, that an edit takes units of this SKU off: they go to the line that is to have more, and not to who waits.</summary>
    internal static IReadOnlyList<Giver> Givers(Order order, OrderLine line, string sku) => order.Revision == 1 || Shrinks(order, line) ? [] :
    [
        .. order.Lines.Where(other => Shrinks(order, other)).SelectMany(Bundles.Units).Where(unit => unit.Sku == sku).Take(Giver.Most)
            .Select(unit => unit.Part < 0 ? new Giver(unit.Line.Id, unit.Line.Quantity) : new(Bundles.PartId(unit.Line.Id, unit.Part), unit.Line.Quantity * unit.Line.Bundle!.Parts[unit.Part].Quantity)),
    ];

    /// <summary>Makes what the order holds tentatively, or on hold, firm; while the order is on hold, a hold. False when one of its claims is gone.</summary>
    public async Task<bool> KeepAsync(Order order)
    {
        var kept = true;
        await BySkuAsync(order, (_, line) => line.Claims && line.Committed + line.Backordered + line.Oversold > 0, async at =>
        {
            foreach (var settlement in Settlements(order, order.Lines[at], keep: true))
                if ((await execute(settlement)).Verdict == Verdict.Refused) kept = false;
        });
        return kept;
    }

    /// <summary>Lets go of the tentative claims that were taken. One that is gone already is as good.</summary>
    public async Task LetGoAsync(Order order, Claimed claimed)
    {
        for (var at = 0; at < order.Lines.Count; at++)
            if (claimed.Outcomes[at] is { } outcome && (outcome.Verdict == Verdict.Applied || order.Lines[at].Bundle is not null))
                foreach (var settlement in Settlements(order, order.Lines[at], keep: false)) await execute(settlement);
    }

    /// <summary>Sets every line's claim to nothing at <paramref name="revision"/>: what lower revisions hold is released, and what they still
    /// send is out of date from then on. The journal says of a hold whether it was let go or its time was up.</summary>
    public Task ReleaseAsync(Order order, long revision) => BySkuAsync(order, (_, line) => line.MayHold, async at =>
    {
        var line = order.Lines[at];
        if (order.Hold?.Ended is HoldEnd.Released or HoldEnd.Expired)
            foreach (var settlement in Settlements(order, line, keep: false))
                await execute(settlement with { Lapsed = order.Hold.Ended is HoldEnd.Expired, Actor = order.Hold.EndedBy ?? Actor(order), Reason = order.Cancel?.Reason });
        var nothing = new SetClaim
        {
            Sku = line.Sku, Order = order.Id, Line = line.Id, Quantity = 0, Places = [], Revision = revision, Shortage = Shortage.Short,
            Channel = order.Channel, Actor = Actor(order), Reason = order.Cancel?.Reason,
        };
        if (line.Bundle is null) await execute(nothing);
        else foreach (var part in Bundles.Release(nothing, line, revision)) await execute(part);
    });

    // What an order under way holds is promised for good: where it is to hold no more than it did, what is short waits, and nothing is refused.
    static bool IsKept(Order order, OrderLine line) => order.UnderWay is not null && IsEdit(order) && !(line.Was < line.Quantity);

    static SetClaim Claim(Order order, OrderLine line)
    {
        var kept = IsKept(order, line);
        var (tentative, hold) = (IsTentative(order), order.Hold is { Ended: null } held ? held : null);
        return new()
        {
            Sku = line.Sku, Order = order.Id, Line = line.Id, Quantity = line.Quantity, Places = line.Places ?? [], Revision = RevisionOf(order, line),
            Shortage = kept ? Shortage.Short : order.Shortage switch { ShortagePolicy.Refuse => Shortage.Refuse, ShortagePolicy.Partial => Shortage.Partial, _ => Shortage.Short },
            AsksFirst = !kept && (order.Shortage is ShortagePolicy.Refuse or ShortagePolicy.Partial), Buffer = order.Plan?.Buffer ?? 0,
            Channel = order.Channel, Fences = Fences(order), Priority = order.Priority, RequiredBy = order.RequiredBy,
            Tentative = tentative, Beside = tentative && line.Bundle is null ? Beside(order, line) : 0,
            Givers = line.Bundle is null ? Givers(order, line, line.Sku) : [],
            ExpiresAt = tentative ? order.Plan!.RoutedAt + Tentative(order) : hold?.ExpiresAt, Actor = Actor(order),
            Kind = hold is null ? ClaimKind.Commit : ClaimKind.Hold, Owner = hold?.Owner, OwnerLimit = order.Shortage is ShortagePolicy.Refuse or ShortagePolicy.Partial ? hold?.Limit : null,
        };
    }

    static IEnumerable<Settle> Settlements(Order order, OrderLine line, bool keep)
    {
        var settle = new Settle
        {
            Sku = line.Sku, Order = order.Id, Line = line.Id, Revision = RevisionOf(order, line), Keep = keep, Until = keep && order.Hold is { Ended: null } hold ? hold.ExpiresAt : null,
            Actor = Actor(order),
        };
        return line.Bundle is null ? [settle] : Bundles.Settle(settle, line, wholeOrder: order.Shortage == ShortagePolicy.Refuse);
    }

    // Units of the SKU that the order's other claims hold tentatively by now: those of lines before, and with bundles of all that may come before.
    static long Beside(Order order, OrderLine line) => order.Lines.TakeWhile(other => other != line).Where(other => other.Claims && other.Bundle is null && other.Sku == line.Sku).Sum(other => other.Quantity)
        + order.Lines.Where(other => other.Claims && other.Bundle is not null).Sum(other => other.Bundle!.Parts.Where(part => part.Sku == line.Sku).Sum(part => part.Quantity * other.Quantity));

    static long Beside(Order order, int at, int part, string sku)
    {
        long units = 0;
        for (var i = 0; i < order.Lines.Count; i++)
            if (order.Lines[i] is { Claims: true } other)
                units += other.Bundle is null ? (other.Sku == sku && i < at ? other.Quantity : 0) : other.Bundle.Parts.Where((each, n) => each.Sku == sku && (i, n) != (at, part) && i <= at).Sum(each => each.Quantity * other.Quantity);
        return units;
    }

    static string[] Fences(Order order) => (order.Customer, order.CustomerGroup) switch
    {
        (null, null) => [RingFence.Channel(order.Channel)],
        ({ } customer, null) => [RingFence.Customer(customer), RingFence.Channel(order.Channel)],
        (null, { } group) => [RingFence.Group(group), RingFence.Channel(order.Channel)],
        ({ } customer, { } group) => [RingFence.Customer(customer), RingFence.Group(group), RingFence.Channel(order.Channel)],
    };

    static string Actor(Order order) => "channel:" + order.Channel;

    // Lines of one SKU one after another, so that the first of them is served first; SKUs side by side. All are awaited, whatever fails.
    static async Task BySkuAsync(Order order, Func<Order, OrderLine, bool> which, Func<int, Task> act)
    {
        var groups = new List<List<int>>(order.Lines.Count);
        var bySku = new Dictionary<string, List<int>>(order.Lines.Count, StringComparer.Ordinal);
        for (var at = 0; at < order.Lines.Count; at++)
        {
            if (!which(order, order.Lines[at])) continue;
            if (!bySku.TryGetValue(order.Lines[at].Sku, out var group)) groups.Add(bySku[order.Lines[at].Sku] = group = new(1));
            group.Add(at);
        }
        foreach (var chunk in groups.Chunk(Width)) await Task.WhenAll(chunk.Select(InTurnAsync));

        async Task InTurnAsync(List<int> group)
        {
            foreach (var at in group) await act(at);
        }
    }
}
