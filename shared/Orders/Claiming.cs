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
    /// <summary>How long a tentative claim stands before it lapses: well beyond <see cref="Intake.Lease"/>, so that the sweeper finishes the order first.</summary>
    public static readonly TimeSpan Tentative = TimeSpan.FromSeconds(120);

    /// <summary>SKUs claimed at the same time for one order.</summary>
    const int Width = 32;

    /// <summary>True when the order's claims are tentative until all of them are taken: all or nothing, over more than one line.</summary>
    public static bool IsTentative(Order order) => order.Shortage == ShortagePolicy.Refuse && order.Lines.Count(line => line.Claims) > 1;

    /// <summary>Claims every line by the order's plan. All-or-nothing orders claim one SKU after another in ascending order and stop at the
    /// first that is refused; what they took until then stays tentative for the caller to settle.</summary>
    public async Task<Claimed> ClaimAsync(Order order)
    {
        var outcomes = new Outcome?[order.Lines.Count];
        if (order.Shortage != ShortagePolicy.Refuse)
        {
            await BySkuAsync(order, async at => outcomes[at] = await execute(Claim(order, order.Lines[at])));
            return new(outcomes, Overtaken: outcomes.Any(outcome => outcome?.Verdict == Verdict.Superseded));
        }
        foreach (var at in Enumerable.Range(0, outcomes.Length).Where(i => order.Lines[i].Claims).OrderBy(i => order.Lines[i].Sku, StringComparer.Ordinal))
        {
            var outcome = outcomes[at] = await execute(Claim(order, order.Lines[at]));
            if (outcome.Verdict != Verdict.Applied) return new(outcomes, Overtaken: outcome.Verdict == Verdict.Superseded, Refused: outcome.Verdict == Verdict.Refused);
        }
        return new(outcomes);
    }

    /// <summary>Makes the order's tentative claims firm. False when one of them is gone.</summary>
    public async Task<bool> KeepAsync(Order order)
    {
        var kept = true;
        await BySkuAsync(order, async at =>
        {
            if ((await execute(Settlement(order, order.Lines[at], keep: true))).Verdict == Verdict.Refused) kept = false;
        });
        return kept;
    }

    /// <summary>Lets go of the tentative claims that were taken. One that is gone already is as good.</summary>
    public async Task LetGoAsync(Order order, Claimed claimed)
    {
        for (var at = 0; at < order.Lines.Count; at++)
            if (claimed.Outcomes[at]?.Verdict == Verdict.Applied) await execute(Settlement(order, order.Lines[at], keep: false));
    }

    /// <summary>Sets every line's claim to nothing at <paramref name="revision"/>: what lower revisions hold is released, and what they still
    /// send is out of date from then on.</summary>
    public Task ReleaseAsync(Order order, long revision) => BySkuAsync(order, at => execute(new SetClaim
    {
        Sku = order.Lines[at].Sku, Order = order.Id, Line = order.Lines[at].Id, Quantity = 0, Places = [], Revision = revision, Shortage = Shortage.Short,
        Channel = order.Channel, Actor = Actor(order), Reason = order.Cancel?.Reason,
    }));

    static SetClaim Claim(Order order, OrderLine line)
    {
        var tentative = IsTentative(order);
        return new()
        {
            Sku = line.Sku, Order = order.Id, Line = line.Id, Quantity = line.Quantity, Places = line.Places ?? [], Revision = order.Revision,
            Shortage = order.Shortage switch { ShortagePolicy.Refuse => Shortage.Refuse, ShortagePolicy.Partial => Shortage.Partial, _ => Shortage.Short },
            AsksFirst = order.Shortage is ShortagePolicy.Refuse or ShortagePolicy.Partial, Buffer = order.Plan?.Buffer ?? 0,
            Channel = order.Channel, Fences = Fences(order), Priority = order.Priority, RequiredBy = order.RequiredBy,
            Tentative = tentative, Beside = tentative ? order.Lines.TakeWhile(other => other != line).Where(other => other.Claims && other.Sku == line.Sku).Sum(other => other.Quantity) : 0,
            ExpiresAt = tentative ? order.Plan!.RoutedAt + Tentative : null, Actor = Actor(order),
        };
    }

    static Settle Settlement(Order order, OrderLine line, bool keep) =>
        new() { Sku = line.Sku, Order = order.Id, Line = line.Id, Revision = order.Revision, Keep = keep, Actor = Actor(order) };

    static string[] Fences(Order order) => order.Customer is { } customer ? ["customer:" + customer, "channel:" + order.Channel] : ["channel:" + order.Channel];

    static string Actor(Order order) => "channel:" + order.Channel;

    // Lines of one SKU one after another, so that the first of them is served first; SKUs side by side. All are awaited, whatever fails.
    static async Task BySkuAsync(Order order, Func<int, Task> act)
    {
        var groups = new List<List<int>>(order.Lines.Count);
        var bySku = new Dictionary<string, List<int>>(order.Lines.Count, StringComparer.Ordinal);
        for (var at = 0; at < order.Lines.Count; at++)
        {
            if (!order.Lines[at].Claims) continue;
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
