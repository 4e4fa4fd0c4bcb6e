namespace Selvedge.Ledger.Rules;

/// <summary>Gives units that one line holds to another that waits for them: what is held and what is short stays the same in all, so nobody else gains or loses.</summary>
internal static class Reassigning
{
    /// <summary>Places that one reassignment takes units from.</summary>
    public const int MostPlaces = 6;

    public static Decision Decide(Session s, Reassign c)
    {
        if (c.Quantity <= 0 || (c.FromOrder, c.FromLine) == (c.Order, c.Line)) return Decision.Refuse("Units are given from one order line to another, at least one.");
        var (from, to) = (s.Line(c.FromOrder, c.FromLine), s.Line(c.Order, c.Line));
        if (from is null || to is null) return Decision.Unknown;
        if (Waiting(s, to) is not { } waiting || waiting.Held < c.Quantity)
            return Decision.Refuse($"Order {c.Order} line {c.Line} waits for {Waiting(s, to)?.Held ?? 0}, not {c.Quantity}.", Waiting(s, to)?.Held ?? 0);
        var giving = s.ClaimsOf(from).Where(claim => claim is { Held: > 0, Tentative: false } && Accounts.IsLocation(claim.Place) && waiting.Places?.Contains(claim.Place) != false)
            .OrderByDescending(claim => claim.Held).ThenBy(claim => claim.Id, StringComparer.Ordinal).Take(MostPlaces).ToList();
        var there = giving.Sum(claim => claim.Held);
        if (there < c.Quantity) return Decision.Refuse($"Order {c.FromOrder} line {c.FromLine} holds {there} that order {c.Order} can be served with, not {c.Quantity}.", there);
        var left = c.Quantity;
        foreach (var claim in giving)
        {
            var units = Math.Min(left, claim.Held);
            if (units == 0) break;
            if (!Rebalancing.Shorten(s, claim, units) || !Rebalancing.Assign(s, Waiting(s, to)!, claim.Place, units)) return Decision.Unknown;
            left -= units;
        }
        s.Contradict("claimReassigned", $"{c.Quantity} were given to order {c.Order} line {c.Line}: this line waits for them now.", c.Quantity, c.FromOrder, c.FromLine);
        return Rebalancing.Run(s) ? s.Seal(c, "reassign", new(Verdict.Applied)) : Decision.Unknown;
    }

    static Claim? Waiting(Session s, LineHistory line) => s.ClaimsOf(line).FirstOrDefault(claim => claim.Place == Accounts.Short && claim.Held > 0);
}
