namespace Selvedge.Ledger.Rules;

/// <summary>Open supply and the limits set on stock.</summary>
internal static class SupplyRules
{
    public static Decision Set(Session s, SetSupply c)
    {
        if (c.Quantity < 0) return Decision.Refuse($"{c.Quantity} units cannot be to come on {c.Supply}.");
        if (s.SupplyRevision(c.Supply) is not { } seen) return Decision.Unknown;
        if (c.Revision <= seen) return s.Seal(c, "superseded", new(Verdict.Superseded));
        return State(s, c.Supply, c.Location, c.Quantity, c.Due, c.Status, c.Revision, c.Onto) && Rebalancing.Run(s)
            ? s.Seal(c, "setSupply", new(Verdict.Applied)) : Decision.Unknown;
    }

    public static Decision Limit(Session s, SetLimit c)
    {
        if (c.Quantity < 0 || c.Fence is null == c.Location is null) return Decision.Refuse("A limit is a number of units, from 0, for one ring-fence or one location.");
        if (c.Leeway is not null && c.Fence is { } fence && s.Balance.Fences.GetValueOrDefault(fence)?.Quantity is { } apart && apart > c.Quantity)
            return Decision.NeedsApproval($"Lowering the ring-fence {fence} from {apart} to {c.Quantity} takes a second person.", apart, 0);
        s.State(new LimitAfter(c.Fence, c.Location, c.Quantity));
        return s.Seal(c, "setLimit", new(Verdict.Applied));
    }

    /// <summary>States what is still open; what is pegged beyond it turns <c>short</c>, the least urgent first.</summary>
    public static bool State(Session s, string supply, string location, long quantity, DateTimeOffset? due, string status, long revision, string? onto = null)
    {
        s.State(new SupplyAfter(supply, location, quantity, due is { } at ? Platform.InstantConverter.Cut(at) : null, status, revision));
        return Cut(s, supply, s.Balance.Supply[supply], onto);
    }

    /// <summary>Turns what is pegged to a supply beyond its quantity <c>short</c>, or gives it to the supply <paramref name="onto"/>, the most urgent first, as far as that has room.</summary>
    public static bool Cut(Session s, string id, OpenSupply supply, string? onto = null)
    {
        var excess = supply.Claimed - supply.Quantity;
        if (excess <= 0) return true;
        if (!s.TryHolders(Accounts.Supply(id), supply.Claimed, new(NeedKind.Pegged, id), _ => true, out var pegged)) return false;
        var order = pegged.OrderByDescending(p => p.Urgency, StringComparer.Ordinal).ThenByDescending(p => p.Id, StringComparer.Ordinal).ToList();
        if (!s.Know(order, Accounts.Short)) return false;
        if (onto is not null && onto != id && s.Balance.Supply.TryGetValue(onto, out var other) && other.Quantity > other.Claimed)
        {
            if (!s.Know(order, Accounts.Supply(onto))) return false;
            foreach (var claim in order.AsEnumerable().Reverse())
            {
                var units = Math.Min(Math.Min(excess, claim.Held), other.Quantity - other.Claimed);
                if (units <= 0 || s.Room <= 1) break;
                if (!Rebalancing.Assign(s, claim, Accounts.Supply(onto), units)) return false;
                excess -= units;
            }
            order = [.. order.Select(claim => s.Claims.GetValueOrDefault(claim.Id)).OfType<Claim>()];
        }
        foreach (var claim in order)
        {
            if (excess <= 0) break;
            if (s.Room <= 1) { s.Rebalancing = true; break; }
            var units = Math.Min(excess, claim.Held);
            var places = claim.Places?.Any(Accounts.IsLocation) == true ? claim : claim with { Places = [claim.Place, supply.Location] };
            if (!Rebalancing.Shorten(s, places, units)) return false;
            s.Contradict("supplyCut", $"{units} of {claim.Held} pegged to {id} are no longer to come.", units, claim.Order, claim.Line);
            excess -= units;
        }
        return true;
    }
}
