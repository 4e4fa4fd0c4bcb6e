namespace Selvedge.Ledger.Rules;

/// <summary>What happens on the floor: pick (the decrement happens here, not at ship), put back, ship.</summary>
internal static class FloorRules
{
    public static Decision Pick(Session s, Pick c)
    {
        if (!s.TryClaim(c.Order, c.Line, c.Location, out var claim)) return Decision.Unknown;
        if (claim is null || claim.Held < c.Quantity)
            return Decision.Refuse($"Order {c.Order} line {c.Line} holds {claim?.Held ?? 0} at {c.Location}, not {c.Quantity}.", claim?.Held ?? 0);
        var sellable = s.Balance.Locations.TryGetValue(c.Location, out var stock) ? stock.Sellable : 0;
        if (sellable < c.Quantity) return Decision.Refuse($"Only {sellable} are on hand at {c.Location}.", sellable);
        s.Put(claim with { Held = claim.Held - c.Quantity, Staged = claim.Staged + c.Quantity });
        Postings.Take(s, c.Location, c.Bin, c.Quantity, Accounts.Staged(c.Location), value: 0);
        return Rebalancing.Run(s) ? s.Seal(c, "pick", new(Verdict.Applied)) : Decision.Unknown;
    }

    public static Decision Unpick(Session s, Unpick c)
    {
        if (!s.TryClaim(c.Order, c.Line, c.Location, out var claim)) return Decision.Unknown;
        if (claim is null || claim.Staged < c.Quantity)
            return Decision.Refuse($"Order {c.Order} line {c.Line} has {claim?.Staged ?? 0} staged at {c.Location}, not {c.Quantity}.", claim?.Staged ?? 0);
        s.Put(claim with { Staged = claim.Staged - c.Quantity, Held = claim.Held + (c.Keep ? c.Quantity : 0) });
        s.Move(Accounts.Staged(c.Location), Accounts.OnHand(c.Location, c.Bin), c.Quantity);
        return Rebalancing.Run(s) ? s.Seal(c, "unpick", new(Verdict.Applied)) : Decision.Unknown;
    }

    public static Decision Ship(Session s, Ship c)
    {
        if (!s.TryClaim(c.Order, c.Line, c.Location, out var claim)) return Decision.Unknown;
        var to = c.Transfer is { } transfer ? Accounts.Transit(transfer) : Accounts.Customer;
        var staged = Math.Min(c.Quantity, claim?.Staged ?? 0);
        var shelved = c.Quantity - staged;
        var held = Math.Min(shelved, claim?.Held ?? 0);
        var elsewhere = shelved - held;

        // A line that ships from where it held nothing gives up what it held elsewhere, waiting units first: the customer has them.
        List<Claim> others = [];
        if (elsewhere > 0)
        {
            if (s.Line(c.Order, c.Line) is not { } line) return Decision.Unknown;
            others = s.ClaimsOf(line).Where(m => m.Place != c.Location && m.Held > 0).OrderBy(m => m.Place == Accounts.Short ? 0 : 1).ThenBy(m => m.Place, StringComparer.Ordinal).ToList();
        }
        if (claim is not null) s.Put(claim with { Staged = claim.Staged - staged, Held = claim.Held - held, Shipped = claim.Shipped + c.Quantity });
        var unclaimed = elsewhere;
        foreach (var other in others)
        {
            var given = Math.Min(unclaimed, other.Held);
            if (given > 0) s.Put(other with { Held = other.Held - given });
            unclaimed -= given;
        }
        if ((claim?.Fence ?? others.Find(o => o.Fence is not null)?.Fence) is { } fence) Consume(s, fence, claim?.Fence == fence ? staged + held : 0, others.Where(o => o.Fence == fence));
        var value = c.Transfer is null ? Costing.Out(s.Balance, c.Quantity) : 0;
        var stagedValue = c.Quantity == 0 ? 0 : Costing.Share(value, staged, c.Quantity);
        s.Move(Accounts.Staged(c.Location), to, staged, stagedValue);
        if (shelved > 0) Postings.Take(s, c.Location, "", shelved, to, value - stagedValue);
        Postings.KeepCounts(s, c);
        if (unclaimed > 0) s.Contradict("shippedUnclaimed", $"{c.Quantity} shipped from {c.Location}, {c.Quantity - unclaimed} claimed by the line.", unclaimed, c.Order, c.Line);
        if (s.Seen(c.Order, c.Line) is { } history) history.Shipped += c.Quantity;
        return Rebalancing.Run(s) ? s.Seal(c, c.Transfer is null ? "ship" : "dispatch", new(Verdict.Applied, Value: value)) : Decision.Unknown;
    }

    /// <summary>Units that were set apart and have left are no longer set apart: without this, the ring-fence would take as many again from everybody else.</summary>
    static void Consume(Session s, string key, long units, IEnumerable<Claim> others)
    {
        foreach (var other in others)
            if (Accounts.IsLocation(other.Place)) units += other.Held - (s.Claims.TryGetValue(other.Id, out var left) ? left.Held : 0);
        if (units > 0 && s.Balance.Fences.TryGetValue(key, out var fence) && fence.Quantity > 0)
            s.State(new LimitAfter(key, null, Math.Max(0, fence.Quantity - units)));
    }
}
