namespace Selvedge.Ledger.Rules;

/// <summary>Claims state a target, are filled from their places in order, and are refused only when the sum is short (design, section 3).</summary>
internal static class ClaimRules
{
    public static Decision Set(Session s, SetClaim c)
    {
        if (s.Line(c.Order, c.Line, first: c.Revision == 1) is not { } line) return Decision.Unknown;
        if (c.Revision <= line.Revision) return s.Seal(c, "superseded", Outcome(s, line, Verdict.Superseded));

        var mine = s.ClaimsOf(line).ToList();
        if (Given(s, c) is not { } given) return Decision.Unknown;
        var near = given.Count == 0 ? mine : [.. mine, .. given];
        var wanted = Math.Max(0, c.Quantity - line.Shipped - mine.Sum(m => m.Staged));
        if (!WithinLimit(s, c, near, mine, ref wanted, out var permitted)) return Decision.Unknown;
        if (wanted > permitted)
        {
            if (line is { Blind: true, Revision: 0 }) s.Forget(c.Order, c.Line);
            return Decision.Refuse($"{c.Owner} may hold {c.OwnerLimit} of {c.Sku} in all, {permitted} more for this line, not {wanted}.", permitted);
        }
        var fence = FenceFor(s, c, near, wanted);
        var fill = Fill(s, c, near, wanted, fence);
        if (fill.Missing > 0)
        {
            var tentative = c.Places.Where(Accounts.IsLocation).Distinct().Sum(p => s.Balance.Locations.TryGetValue(p, out var stock) ? stock.Tentative : 0)
                - mine.Where(m => m.Tentative && Accounts.IsLocation(m.Place)).Sum(m => m.Held) - c.Beside;
            var waits = s.MayWait && (c.Shortage == Shortage.Refuse ? tentative >= fill.Missing : tentative > 0);
            if (waits || c.Shortage == Shortage.Refuse)
            {
                if (line is { Blind: true, Revision: 0 }) s.Forget(c.Order, c.Line);
                return Decision.Refuse($"{wanted} wanted, {wanted - fill.Missing} available to this channel at {string.Join(", ", c.Places)}.", wanted - fill.Missing, waits);
            }
        }
        // Rebalancing what this frees may need more knowledge; it is asked for before anything is changed.
        foreach (var claim in given)
        {
            var place = claim.Place;
            var before = s.Claims[claim.Id];
            var units = Math.Min(claim.Held, fill.Taken.GetValueOrDefault(place) - Held(mine, place) - given.TakeWhile(other => other != claim).Where(other => other.Place == place).Sum(other => other.Held));
            if (units > 0) s.Put(before with { Held = before.Held - units });
        }
        var at = mine.Count > 0 ? mine.Min(m => m.At) : s.Now;
        foreach (var place in mine.Select(m => m.Place).Union(fill.Taken.Keys).ToList())
        {
            var before = mine.Find(m => m.Place == place);
            s.Put(Make(s, c, place, fill.Taken.GetValueOrDefault(place), before, at, fence));
        }
        if (c.Shortage == Shortage.Short && (fill.Missing > 0 || mine.Exists(m => m.Place == Accounts.Short)))
            s.Put(Make(s, c, Accounts.Short, fill.Missing, mine.Find(m => m.Place == Accounts.Short), at, fence));
        line.Revision = c.Revision;
        if (!Rebalancing.Run(s)) return Decision.Unknown;
        var sealing = s.Seal(c, "setClaim", Outcome(s, line, Verdict.Applied));
        if (c.Revision == 1) line.HasFirst = true;
        else if (!line.HasFirst) FillFirst(s, c, line);
        return sealing;
    }

    /// <summary>Tentative claims and holds become firm, or are released.</summary>
    public static Decision Settle(Session s, Settle c)
    {
        if (s.Line(c.Order, c.Line) is not { } line) return Decision.Unknown;
        var mine = s.ClaimsOf(line).Where(m => m.Revision == c.Revision && m.Held > 0).ToList();
        if (mine.Count == 0) return Decision.Refuse($"Order {c.Order} line {c.Line} holds nothing from revision {c.Revision}: it was released, has lapsed, or a later revision holds it.");
        if (c.Lapsed && !mine.Exists(m => m.ExpiresAt <= s.Now)) return Decision.Refuse("It has not lapsed.");
        foreach (var claim in mine)
            s.Put(!c.Keep ? claim with { Held = 0 } : c.Until is null ? claim with { Kind = ClaimKind.Commit, Tentative = false, ExpiresAt = null } : claim with { Tentative = false, ExpiresAt = Cut(c.Until) });
        return Rebalancing.Run(s) ? s.Seal(c, c.Until is not null ? "hold" : c.Keep ? "confirm" : c.Lapsed ? "expire" : "release", Outcome(s, line, Verdict.Applied)) : Decision.Unknown;
    }

    /// <summary>Judges a request that asks first against the channel's own ats (section 5), one that has sold already against what is available.</summary>
    static (Dictionary<string, long> Taken, long Missing) Fill(Session s, SetClaim c, List<Claim> mine, long wanted, string? fence)
    {
        var taken = new Dictionary<string, long>(c.Places.Count);
        var ceiling = Ceiling(s, c, mine, fence);
        var missing = wanted;
        foreach (var place in c.Places)
        {
            if (missing == 0) break;
            if (taken.ContainsKey(place) || place == Accounts.Short) continue;
            var own = Held(mine, place);
            var take = Math.Min(missing, Math.Min(ceiling, Room(s, c, place) + own));
            if (take <= 0) continue;
            taken[place] = take;
            missing -= take;
            ceiling -= take;
        }
        return (taken, missing);
    }

    /// <summary>What lines of the same order are about to give up at the places asked for, as claims of so many units; what they wait for they give up first.
    /// Null: their history has to be asked for.</summary>
    static List<Claim>? Given(Session s, SetClaim c)
    {
        if (c.Givers.Count == 0) return Nothing;
        var given = new List<Claim>();
        var known = true;
        foreach (var giver in c.Givers.Take(Giver.Most))
        {
            if (s.Line(c.Order, giver.Line) is not { } line)
            {
                known = false;
                continue;
            }
            var claims = s.ClaimsOf(line).ToList();
            var left = claims.Sum(claim => claim.Staged) + claims.Where(claim => claim.Place != Accounts.Short).Sum(claim => claim.Held) - Math.Max(0, giver.Quantity - line.Shipped);
            foreach (var claim in claims.Where(claim => claim is { Held: > 0, Tentative: false } && Accounts.IsLocation(claim.Place) && c.Places.Contains(claim.Place)))
            {
                var units = Math.Min(left, claim.Held);
                if (units <= 0) break;
                given.Add(claim with { Held = units, Staged = 0 });
                left -= units;
            }
        }
        return known ? given : null;
    }

    static readonly List<Claim> Nothing = [];

    static long Held(List<Claim> claims, string place) => claims.Where(claim => claim.Place == place).Sum(claim => claim.Held);

    static long Room(Session s, SetClaim c, string place)
    {
        if (!Accounts.IsLocation(place)) return s.Balance.Supply.TryGetValue(place["supply/".Length..], out var supply) ? Math.Max(0, supply.Quantity - supply.Claimed) : 0;
        if (!s.Balance.Locations.TryGetValue(place, out var stock)) return 0;
        return Math.Max(0, stock.Available - (c.AsksFirst ? stock.Floor : 0));
    }

    /// <summary>Judges a hold against what its owner may have of the SKU: <paramref name="permitted"/> units for this line, and never fewer than it has.
    /// A request that takes part of it is cut. False: the owner's holds have to be asked for.</summary>
    static bool WithinLimit(Session s, SetClaim c, List<Claim> near, List<Claim> mine, ref long wanted, out long permitted)
    {
        permitted = long.MaxValue;
        if (c is not { Kind: ClaimKind.Hold, Owner: { } owner, OwnerLimit: { } limit } || wanted == 0) return true;
        if (!s.TryOwned(owner, out var owned)) return false;
        foreach (var claim in near) if (claim.Kind == ClaimKind.Hold && claim.Owner == owner) owned -= claim.Held;
        permitted = Math.Max(limit - owned, mine.Sum(m => m.Held));
        if (c.Shortage == Shortage.Partial) wanted = Math.Min(wanted, permitted);
        return true;
    }

    static long Ceiling(Session s, SetClaim c, List<Claim> mine, string? fence)
    {
        var othersShort = s.Balance.Short - mine.Where(m => m.Place == Accounts.Short).Sum(m => m.Held);
        // While those who wait are still being served, nobody passes them.
        if (!c.AsksFirst && !s.Rebalancing) return long.MaxValue;
        var places = c.Places.Where(p => p != Accounts.Short).Distinct().ToList();
        var room = places.Sum(p => Room(s, c, p));
        var held = mine.Where(m => m.Place != Accounts.Short && places.Contains(m.Place)).Sum(m => m.Held);
        var free = room - othersShort - s.Unserved;
        if (c.AsksFirst)
        {
            free -= c.Buffer;
            var others = s.Balance.Fences.Where(f => f.Key != fence).Sum(f => Open(f.Key, f.Value, mine));
            // Where more is set apart than is there, whoever comes first draws on their own: nothing stays unsold for being promised twice.
            var own = fence is null ? 0 : s.Balance.Fences[fence].Open;
            free = Math.Max(free - others, Math.Min(own, free));
        }
        return Math.Max(0, free) + held;
    }

    static string? FenceFor(Session s, SetClaim c, List<Claim> mine, long wanted)
    {
        if (s.Balance.Fences.Count == 0) return null;
        var keys = c.Fences.Where(s.Balance.Fences.ContainsKey).ToList();
        return keys.Find(key => Open(key, s.Balance.Fences[key], mine) >= wanted) ?? keys.MaxBy(key => Open(key, s.Balance.Fences[key], mine));
    }

    /// <summary>What a ring-fence would still keep from others if the line had drawn nothing from it.</summary>
    static long Open(string key, RingFence fence, List<Claim> mine)
    {
        var drawn = 0L;
        foreach (var claim in mine) if (claim.Fence == key && Accounts.IsLocation(claim.Place)) drawn += claim.Held + claim.Staged;
        return Math.Max(0, fence.Quantity - (fence.Held - drawn));
    }

    static Claim Make(Session s, SetClaim c, string place, long held, Claim? before, DateTimeOffset at, string? fence) => new()
    {
        Id = before?.Id ?? Platform.Ids.Claim(c.Order, c.Line, place), Sku = s.Balance.Sku, Order = c.Order, Line = c.Line, Place = place,
        Held = held, Staged = before?.Staged ?? 0, Shipped = before?.Shipped ?? 0, Revision = c.Revision, Kind = c.Kind, Priority = c.Priority, At = at,
        RequiredBy = Cut(c.RequiredBy), ExpiresAt = Cut(c.ExpiresAt), Owner = c.Owner, Channel = c.Channel, Fence = fence, Tentative = c.Tentative,
        Places = place == Accounts.Short || c.Places.Count > 1 ? c.Places : null,
    };

    static DateTimeOffset? Cut(DateTimeOffset? at) => at is { } value ? Platform.InstantConverter.Cut(value) : null;

    /// <summary>Revision 1 is written without looking. So whoever comes first with a later revision also writes revision 1's entry, and a late
    /// revision 1 finds it: superseded.</summary>
    static void FillFirst(Session s, SetClaim c, LineHistory line)
    {
        s.Begin(s.Now);
        s.Seal(c, "superseded", new Outcome(Verdict.Superseded), Platform.Ids.Revision(c.Order, c.Line, 1));
        line.HasFirst = true;
    }

    static Outcome Outcome(Session s, LineHistory line, Verdict verdict)
    {
        var held = new SortedDictionary<string, long>(StringComparer.Ordinal);
        long waiting = 0;
        foreach (var claim in s.ClaimsOf(line))
        {
            if (claim.Place == Accounts.Short) waiting += claim.Held;
            held[claim.Place] = claim.Held + claim.Staged;
        }
        return new(verdict, held.Count > 0 ? held : null, waiting);
    }
}
