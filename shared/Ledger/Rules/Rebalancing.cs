namespace Selvedge.Ledger.Rules;

/// <summary>
/// Whatever adds stock first serves those who wait, by priority and time; whatever takes stock that was promised turns the least urgent claims
/// <c>short</c>; both in the batch of the entry that caused it. Where one entry has no room for all, the balance says so
/// (<see cref="Balance.Rebalancing"/>) and further entries go on; meanwhile nobody passes those who wait.
/// </summary>
internal static class Rebalancing
{
    /// <summary>Rebalances the locations the entry touched. False: knowledge is missing, nothing further was changed that counts.</summary>
    public static bool Run(Session s)
    {
        var grown = new List<string>();
        foreach (var (location, before) in s.Watched.ToList())
        {
            var now = s.AvailableAt(location);
            if (now < 0 && !Uncover(s, location, -now, grown)) return false;
            if (now > 0 && (now > before || s.Rebalancing)) grown.Add(location);
        }
        foreach (var location in grown.Distinct().ToList()) if (!Serve(s, location)) return false;
        return true;
    }

    /// <summary>The ledger's own follow-up entry.</summary>
    public static Decision Continue(Session s, Rebalance c)
    {
        s.Rebalancing = false;
        foreach (var (id, supply) in s.Balance.Supply.Where(x => x.Value.Claimed > x.Value.Quantity).ToList())
            if (!SupplyRules.Cut(s, id, supply)) return Decision.Unknown;
        foreach (var location in s.Balance.Locations.Keys.ToList())
        {
            var available = s.AvailableAt(location);
            var grown = new List<string>();
            if (available < 0 && !Uncover(s, location, -available, grown)) return Decision.Unknown;
            if (available > 0) grown.Add(location);
            foreach (var served in grown) if (!Serve(s, served)) return Decision.Unknown;
        }
        return s.Seal(c, "rebalance", new Outcome(Verdict.Applied));
    }

    static bool Serve(Session s, string location)
    {
        if (s.Balance.Short <= 0 || s.AvailableAt(location) <= 0) return true;
        if (!s.TryHolders(Accounts.Short, s.Balance.Short, new(NeedKind.Waiting, location), c => c.Places is { } p && p.Contains(location), out var waiting)) return false;
        var order = waiting.OrderBy(c => c.Urgency, StringComparer.Ordinal).ThenBy(c => c.Id, StringComparer.Ordinal).ToList();
        if (!s.Know(order, location)) return false;
        foreach (var claim in order)
        {
            var available = s.AvailableAt(location);
            if (available <= 0) return true;
            if (s.Room <= 1) { s.Rebalancing = true; return true; }
            if (!Assign(s, claim, location, Math.Min(available, claim.Held))) return false;
        }
        return true;
    }

    /// <summary>Gives units of <paramref name="waiting"/> (short or pegged) to the same line at a location.</summary>
    public static bool Assign(Session s, Claim waiting, string location, long units)
    {
        if (!s.TryClaim(waiting.Order, waiting.Line, location, out var here)) return false;
        s.Put(waiting with { Held = waiting.Held - units });
        s.Put(here is null
            ? waiting with { Id = Platform.Ids.Claim(waiting.Order, waiting.Line, location), Place = location, Held = units, Staged = 0, Shipped = 0 }
            : here with { Held = here.Held + units });
        return true;
    }

    static bool Uncover(Session s, string location, long deficit, List<string> grown)
    {
        var held = s.Balance.Locations[location].Held;
        if (held <= 0) return true;
        if (!s.TryHolders(location, held, new(NeedKind.Holders, location), _ => true, out var holders)) return false;
        var order = holders.OrderByDescending(c => c.Urgency, StringComparer.Ordinal).ThenByDescending(c => c.Id, StringComparer.Ordinal).ToList();
        if (!s.Know(order, Accounts.Short)) return false;
        foreach (var claim in order)
        {
            if (deficit <= 0) return true;
            if (s.Room <= 1) { s.Rebalancing = true; return true; }
            var units = Math.Min(deficit, claim.Held);
            if (!Shorten(s, claim, units)) return false;
            s.Contradict("claimUncovered", $"{units} of {claim.Held} claimed at {location} are not there.", units, claim.Order, claim.Line);
            deficit -= units;
            foreach (var other in claim.Places ?? []) if (other != location && Accounts.IsLocation(other)) grown.Add(other);
        }
        return true;
    }

    /// <summary>Turns units of a claim at a location or on a supply <c>short</c>.</summary>
    public static bool Shorten(Session s, Claim claim, long units)
    {
        if (!s.TryClaim(claim.Order, claim.Line, Accounts.Short, out var waiting)) return false;
        var places = (claim.Places ?? [claim.Place]).Where(Accounts.IsLocation).ToList();
        s.Put(claim with { Held = claim.Held - units });
        s.Put(waiting is null
            ? claim with { Id = Platform.Ids.Claim(claim.Order, claim.Line, Accounts.Short), Place = Accounts.Short, Held = units, Staged = 0, Shipped = 0, Places = places }
            : waiting with { Held = waiting.Held + units });
        return true;
    }
}
