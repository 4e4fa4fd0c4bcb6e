namespace Selvedge.Ledger.Rules;

/// <summary>
/// What an entry does to a balance and its claims. The rules that decide and the audit that replays both go through here,
/// so the journal explains the balance by construction (design, section 3, "Audit").
/// </summary>
internal static class Journal
{
    /// <summary>Applies a whole entry; <paramref name="claims"/> are the SKU's claims by id.</summary>
    public static void Apply(Balance balance, Dictionary<string, Claim> claims, Entry entry)
    {
        foreach (var move in entry.Moves ?? []) Apply(balance, move);
        if (entry.Supply is { } supply) Apply(balance, supply);
        if (entry.Limit is { } limit) Apply(balance, limit);
        foreach (var after in entry.Claims ?? [])
        {
            var claim = ToClaim(balance.Sku, after);
            claims.TryGetValue(claim.Id, out var before);
            Apply(balance, before, claim);
            if (claim.IsGone) claims.Remove(claim.Id); else claims[claim.Id] = claim;
        }
        Close(balance, entry);
    }

    /// <summary>Moves units and value. Value moves where the boundary of what we own is crossed, or between two outside accounts.</summary>
    public static void Apply(Balance balance, Move move)
    {
        Units(balance, move.From, -move.Units);
        Units(balance, move.To, move.Units);
        var fromOurs = Accounts.IsOurs(move.From);
        var toOurs = Accounts.IsOurs(move.To);
        if (fromOurs) balance.Value -= move.Value; else Outside(balance, move.From).Value -= move.Value;
        if (toOurs) balance.Value += move.Value; else Outside(balance, move.To).Value += move.Value;
        if (toOurs && move.Units > 0 && Accounts.Class(move.From) is Accounts.Supplier or "conversion") balance.LastCost = move.Value / move.Units;
    }

    /// <summary>Changes one claim from <paramref name="before"/> to <paramref name="after"/>, and every sum it counts in.</summary>
    public static void Apply(Balance balance, Claim? before, Claim after)
    {
        var held = after.Held - (before?.Held ?? 0);
        if (after.Place == Accounts.Short) balance.Short += held;
        else if (!Accounts.IsLocation(after.Place))
        {
            if (balance.Supply.TryGetValue(after.Place["supply/".Length..], out var supply)) supply.Claimed += held;
        }
        else
        {
            var stock = At(balance, after.Place);
            stock.Held += held;
            stock.Tentative += (after.Tentative ? after.Held : 0) - (before is { Tentative: true } ? before.Held : 0);
            if (before?.Fence is { } old && balance.Fences.TryGetValue(old, out var left)) left.Held -= before.Held + before.Staged;
            if (after.Fence is { } now && balance.Fences.TryGetValue(now, out var drawn)) drawn.Held += after.Held + after.Staged;
        }
    }

    public static void Apply(Balance balance, SupplyAfter after)
    {
        var claimed = balance.Supply.TryGetValue(after.Id, out var before) ? before.Claimed : 0;
        balance.Supply[after.Id] = new()
        {
            Location = after.Location, Quantity = after.Quantity, Due = after.Due, Status = after.Status, Revision = after.Revision, Claimed = claimed,
        };
    }

    public static void Apply(Balance balance, LimitAfter after)
    {
        if (after.Location is { } location) At(balance, location).Floor = after.Quantity;
        if (after.Fence is not { } key) return;
        if (!balance.Fences.TryGetValue(key, out var fence)) balance.Fences[key] = fence = new();
        fence.Quantity = after.Quantity;
    }

    /// <summary>Ends an entry: drops what is empty and moves the head of the chain.</summary>
    public static void Close(Balance balance, Entry entry)
    {
        if (entry.Supply is not null || entry.Claims is not null)
            foreach (var empty in balance.Supply.Where(s => s.Value is { Quantity: 0, Claimed: 0 }).Select(s => s.Key).ToArray()) balance.Supply.Remove(empty);
        if (entry.Limit is not null || entry.Claims is not null)
            foreach (var empty in balance.Fences.Where(f => f.Value is { Quantity: 0, Held: 0 }).Select(f => f.Key).ToArray()) balance.Fences.Remove(empty);
        if (entry.Counted is { } account)
        {
            var (stock, bin, at) = (At(balance, Accounts.Location(account)), Accounts.Bin(account), entry.EffectiveAt ?? entry.At);
            stock.Counted ??= new(StringComparer.Ordinal);
            if (!stock.Counted.TryGetValue(bin, out var before) || before < at) stock.Counted[bin] = at;
        }
        balance.Rebalancing = entry.Rebalancing;
        balance.Sequence = entry.Sequence;
        balance.LastHash = entry.Hash;
    }

    /// <summary>The chained hash of an entry: SHA-256 over our own encoding of its named fields.</summary>
    public static string Hash(Entry entry)
    {
        var c = Canonical.Start().Name("entry").Add(entry.Sku).Add(entry.Sequence).Add(entry.Kind).Add(entry.Key).Add(entry.Content)
            .Add(entry.Actor).Add(entry.Reason).Add(entry.Order).Add(entry.Line).Add(entry.Channel).Add(entry.At).Add(entry.EffectiveAt);
        c.Name("moves");
        foreach (var move in entry.Moves ?? []) c.Add(move.From).Add(move.To).Add(move.Units).Add(move.Value);
        c.Name("claims");
        foreach (var claim in entry.Claims ?? [])
            c.Add(claim.Order).Add(claim.Line).Add(claim.Place).Add(claim.Held).Add(claim.Staged).Add(claim.Shipped).Add(claim.Revision)
                .Add((int)claim.Kind).Add(claim.Priority).Add(claim.At).Add(claim.RequiredBy).Add(claim.ExpiresAt).Add(claim.Owner)
                .Add(claim.Channel).Add(claim.Fence).Add(claim.Tentative).Add(claim.Places);
        if (entry.Supply is { } s) c.Name("supply").Add(s.Id).Add(s.Location).Add(s.Quantity).Add(s.Due).Add(s.Status).Add(s.Revision);
        if (entry.Limit is { } l) c.Name("limit").Add(l.Fence).Add(l.Location).Add(l.Quantity);
        c.Name("after");
        foreach (var (account, units) in entry.After) c.Add(account).Add(units);
        c.Name("outcome").Add((int)entry.Outcome.Verdict).Add(entry.Outcome.Short).Add(entry.Outcome.Value).Add(entry.Rebalancing);
        foreach (var (place, units) in entry.Outcome.Held ?? new Dictionary<string, long>()) c.Add(place).Add(units);
        foreach (var x in entry.Outcome.Exceptions ?? []) c.Name("exception").Add(x.Kind).Add(x.Detail).Add(x.Order).Add(x.Line).Add(x.Quantity);
        if (entry.Approval is { } approval) c.Name("approval").Add(approval);
        if (entry.Counted is { } counted) c.Name("counted").Add(counted);
        return c.Name("previous").Add(entry.Previous).Hash();
    }

    /// <summary>Units of any account, as the balance shows them.</summary>
    public static long UnitsOf(Balance balance, string account) => Accounts.Class(account) switch
    {
        "onHand" => balance.Locations.TryGetValue(Accounts.Location(account), out var s) && s.Bins.TryGetValue(Accounts.Bin(account), out var units) ? units : 0,
        "staged" => balance.Locations.TryGetValue(Accounts.Location(account), out var s) ? s.Staged : 0,
        "quarantine" => balance.Locations.TryGetValue(Accounts.Location(account), out var s) ? s.Quarantine : 0,
        "transit" or "consigned" => balance.Away.GetValueOrDefault(account),
        _ => balance.Outside.TryGetValue(Side(account), out var side) ? side.Units : 0,
    };

    // Work orders come and go: the balance keeps their sum, the entries say which.
    static string Side(string account) => Accounts.Class(account) is "conversion" ? "conversion" : account;

    /// <summary>All units we own: on hand, staged, in quarantine, in transit and consigned.</summary>
    public static long Owned(Balance balance)
    {
        long sum = 0;
        foreach (var stock in balance.Locations.Values) sum += stock.OnHand + stock.Staged + stock.Quarantine;
        foreach (var units in balance.Away.Values) sum += units;
        return sum;
    }

    public static Stock At(Balance balance, string location)
    {
        if (!balance.Locations.TryGetValue(location, out var stock)) balance.Locations[location] = stock = new();
        return stock;
    }

    public static ClaimAfter ToAfter(Claim c) => new(c.Order, c.Line, c.Place, c.Held, c.Staged, c.Shipped, c.Revision, c.Kind, c.Priority,
        c.At, c.RequiredBy, c.ExpiresAt, c.Owner, c.Channel, c.Fence, c.Tentative, c.Places);

    static Claim ToClaim(string sku, ClaimAfter a) => new()
    {
        Id = Platform.Ids.Claim(a.Order, a.Line, a.Place), Sku = sku, Order = a.Order, Line = a.Line, Place = a.Place, Held = a.Held, Staged = a.Staged,
        Shipped = a.Shipped, Revision = a.Revision, Kind = a.Kind, Priority = a.Priority, At = a.At, RequiredBy = a.RequiredBy, ExpiresAt = a.ExpiresAt,
        Owner = a.Owner, Channel = a.Channel, Fence = a.Fence, Tentative = a.Tentative, Places = a.Places,
    };

    static Side Outside(Balance balance, string account)
    {
        account = Side(account);
        if (!balance.Outside.TryGetValue(account, out var side)) balance.Outside[account] = side = new();
        return side;
    }

    static void Units(Balance balance, string account, long units)
    {
        if (units == 0) return;
        switch (Accounts.Class(account))
        {
            case "onHand":
                var bins = At(balance, Accounts.Location(account)).Bins;
                var bin = Accounts.Bin(account);
                var left = bins.GetValueOrDefault(bin) + units;
                if (left == 0) bins.Remove(bin); else bins[bin] = left;
                break;
            case "staged": At(balance, Accounts.Location(account)).Staged += units; break;
            case "quarantine": At(balance, Accounts.Location(account)).Quarantine += units; break;
            case "transit" or "consigned":
                var away = balance.Away.GetValueOrDefault(account) + units;
                if (away == 0) balance.Away.Remove(account); else balance.Away[account] = away;
                break;
            default: Outside(balance, account).Units += units; break;
        }
    }
}
