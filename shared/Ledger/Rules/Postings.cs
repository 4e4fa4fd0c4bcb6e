namespace Selvedge.Ledger.Rules;

/// <summary>Average cost, in whole ten-thousandths (design, section 3): value ÷ units over all we own at that moment.</summary>
internal static class Costing
{
    /// <summary>The largest value of a SKU, in ten-thousandths: numbers are stored as IEEE doubles, which are exact up to 2^53.</summary>
    public const long Most = 9_000_000_000_000_000;

    /// <summary>What <paramref name="units"/> leaving are worth: their share of the value; the last unit takes what is left; units below zero go at the last cost.</summary>
    public static long Out(Balance balance, long units)
    {
        var owned = Journal.Owned(balance);
        if (owned <= 0) return AtLastCost(balance, units);
        return units >= owned ? balance.Value + AtLastCost(balance, units - owned) : Share(balance.Value, units, owned);
    }

    /// <summary>What units coming in without a stated cost are worth: the average, or the last cost where there is none.</summary>
    public static long In(Balance balance, long units, long? unitCost, long? value)
    {
        if (value is { } stated) return stated;
        if (unitCost is { } cost) return units * cost;
        var owned = Journal.Owned(balance);
        return owned > 0 ? Share(balance.Value, units, owned) : AtLastCost(balance, units);
    }

    static long AtLastCost(Balance balance, long units) => (long)Int128.Clamp((Int128)units * balance.LastCost, -Most, Most);

    /// <summary>value × part ÷ whole, rounded half away from zero, exact in between.</summary>
    public static long Share(long value, long part, long whole)
    {
        var product = (Int128)value * part;
        var half = (Int128)(whole / 2);
        return (long)((product + (product >= 0 ? half : -half)) / whole);
    }
}

/// <summary>Moves between accounts that carry no claim of their own, and the one table of which are legal.</summary>
internal static class Postings
{
    static readonly HashSet<(PostKind, string From, string To)> Legal =
    [
        (PostKind.Receive, "supplier", "onHand"), (PostKind.Receive, "supplier", "quarantine"),
        (PostKind.Adjust, "onHand", "loss"), (PostKind.Adjust, "onHand", "use"), (PostKind.Adjust, "onHand", "customer"), (PostKind.Adjust, "onHand", "supplier"),
        (PostKind.Adjust, "loss", "onHand"), (PostKind.Adjust, "use", "onHand"), (PostKind.Adjust, "customer", "onHand"), (PostKind.Adjust, "supplier", "onHand"),
        (PostKind.Adjust, "quarantine", "supplier"), (PostKind.Adjust, "staged", "loss"), (PostKind.Adjust, "quarantine", "loss"),
        (PostKind.PosSale, "onHand", "customer"),
        (PostKind.Return, "customer", "onHand"), (PostKind.Return, "customer", "quarantine"), (PostKind.Return, "customer", "loss"),
        (PostKind.Grade, "quarantine", "onHand"), (PostKind.Grade, "quarantine", "loss"),
        (PostKind.Relocate, "onHand", "onHand"), (PostKind.Transfer, "onHand", "onHand"),
        (PostKind.Arrive, "transit", "onHand"), (PostKind.Arrive, "transit", "quarantine"), (PostKind.Arrive, "transit", "loss"),
        (PostKind.Consign, "onHand", "consigned"), (PostKind.Consign, "consigned", "onHand"), (PostKind.Consign, "consigned", "customer"),
        (PostKind.Consume, "onHand", "conversion"), (PostKind.Produce, "conversion", "onHand"),
    ];

    /// <summary>True when this kind may move units from one account to the other.</summary>
    public static bool IsLegal(PostKind kind, string from, string to) =>
        from != to && Legal.Contains((kind, Accounts.Class(from).ToString(), Accounts.Class(to).ToString()))
        && kind switch
        {
            PostKind.Relocate => Accounts.Location(from) == Accounts.Location(to),
            PostKind.Transfer => Accounts.Location(from) != Accounts.Location(to),
            _ => true,
        };

    public static Decision Post(Session s, Post asked)
    {
        var c = asked.UpTo ? asked with { Quantity = Math.Min(asked.Quantity, Shown(s, asked)) } : asked;
        if (asked.Quantity > 0 && c.Quantity == 0 && IsLegal(c.Kind, c.From, c.To)) return s.Seal(asked, Name(asked.Kind), new(Verdict.Applied));
        if (c.Quantity <= 0 || !IsLegal(c.Kind, c.From, c.To)) return Decision.Refuse($"{c.Kind} does not move {c.Quantity} from {c.From} to {c.To}.");
        if (c.Kind is PostKind.Transfer or PostKind.Consume && Free(s, c.From) is var available && available < c.Quantity)
            return Decision.Refuse($"{c.Quantity} wanted, {available} available at {Accounts.Location(c.From)}.", available);
        if (c.IfShown && Shown(s, c) is var shown && shown < c.Quantity)
            return Decision.Refuse($"{c.From} shows {shown}, not {c.Quantity}. Where more is there, or less was, post a count of what is seen.", shown);
        if (Int128.Abs((Int128)c.Quantity * (c.UnitCost ?? 0)) + Int128.Abs(c.Value ?? 0) + Int128.Abs(s.Balance.Value) > Costing.Most)
            return Decision.Refuse($"The value of {c.Quantity} at {c.UnitCost ?? c.Value} is too large to be kept exactly.");
        List<Claim> pegged = [];
        OpenSupply? open = null;
        if (c.Supply is { } supply && s.Balance.Supply.TryGetValue(supply, out open) && open.Claimed > 0
            && !s.TryHolders(Accounts.Supply(supply), open.Claimed, new(NeedKind.Pegged, supply), _ => true, out pegged)) return Decision.Unknown;

        var (fromOurs, toOurs) = (Accounts.IsOurs(c.From), Accounts.IsOurs(c.To));
        var value = fromOurs == toOurs ? (fromOurs ? 0 : Costing.In(s.Balance, c.Quantity, c.UnitCost, c.Value))
            : fromOurs ? Costing.Out(s.Balance, c.Quantity) : Costing.In(s.Balance, c.Quantity, c.UnitCost, c.Value);
        if (c is { Leeway: { } leeway, Kind: PostKind.Adjust or PostKind.Grade or PostKind.Arrive } && fromOurs && !toOurs && !leeway.Covers(c.Quantity, value))
            return Decision.NeedsApproval($"Writing off {c.Quantity} from {c.From} to {c.To} takes a second person.", Journal.UnitsOf(s.Balance, c.From), value);
        if (c is { Leeway: { } alone, Kind: PostKind.Adjust } && toOurs && !fromOurs && !alone.Covers(c.Quantity, value))
            return Decision.NeedsApproval($"Finding {c.Quantity} at {c.To} takes a second person.", Journal.UnitsOf(s.Balance, c.To), value);
        if (Accounts.Class(c.From) is "onHand") TakeFrom(s, c.From, c.Quantity, c.To, value);
        else
        {
            s.Move(c.From, c.To, c.Quantity, value);
            if (fromOurs && Journal.UnitsOf(s.Balance, c.From) < 0) s.Contradict("belowZero", $"{c.From} shows {Journal.UnitsOf(s.Balance, c.From)} after {c.Kind} of {c.Quantity}.", c.Quantity, c.Order, c.Line);
        }
        if (c.Supply is not null && !Arrived(s, c, open, pegged)) return Decision.Unknown;
        KeepCounts(s, c);
        SettleVariance(s);
        return Rebalancing.Run(s) ? s.Seal(asked, Name(c.Kind), new(Verdict.Applied, Value: value)) : Decision.Unknown;
    }

    public static Decision Count(Session s, Count c)
    {
        var account = Accounts.OnHand(c.Location, c.Bin, c.Condition);
        var difference = c.Counted - (c.Expected ?? Journal.UnitsOf(s.Balance, account));
        if (c.Leeway is { } leeway && difference != 0)
        {
            var value = difference > 0 ? Costing.In(s.Balance, difference, null, null) : Costing.Out(s.Balance, -difference);
            if (!leeway.Covers(Math.Abs(difference), value))
                return Decision.NeedsApproval($"{c.Counted} counted at {account}, {c.Counted - difference} expected: a difference of {difference} takes a second person.", c.Counted - difference, value);
        }
        if (difference > 0) s.Move(Accounts.Shrink, account, difference, Costing.In(s.Balance, difference, null, null));
        if (difference < 0) s.Move(account, Accounts.Shrink, -difference, Costing.Out(s.Balance, -difference));
        var worth = s.Crossed;
        KeepCounts(s, c);
        if (Journal.UnitsOf(s.Balance, account) is var left and < 0) s.Contradict("belowZero", $"{account} shows {left} after a count of {c.Counted}.", -left);
        SettleVariance(s);
        return Rebalancing.Run(s) ? s.Seal(c, "count", new(Verdict.Applied, Value: worth)) : Decision.Unknown;
    }

    public static Decision Revalue(Session s, Revalue c)
    {
        if (Int128.Abs(c.Value) + Int128.Abs(s.Balance.Value) > Costing.Most) return Decision.Refuse($"The value {c.Value} is too large to be kept exactly.");
        s.Move(Accounts.Supplier, Accounts.Inventory, 0, c.Value);
        s.Move(Accounts.Supplier, Accounts.Variance, 0, c.Expensed);
        SettleVariance(s);
        return s.Seal(c, "revalue", new(Verdict.Applied, Value: c.Value));
    }

    /// <summary>A fact that happened before a bin was counted and is told after it was in what was counted: the count found its units gone, or there. It is
    /// posted with its correction, so that the bin still says what was counted (docs/decisions/0019).</summary>
    public static void KeepCounts(Session s, Command c)
    {
        if (c.EffectiveAt is not { } happened) return;
        foreach (var (account, units, value) in s.CountedSince(happened))
        {
            if (units < 0) s.Move(Accounts.Shrink, account, -units, value != 0 ? -value : Costing.In(s.Balance, -units, null, null));
            else s.Move(account, Accounts.Shrink, units, value != 0 ? value : Costing.Out(s.Balance, units));
        }
    }

    // What a request may take: sellable units that nobody holds or waits for; of a condition, what is there of it.
    static long Free(Session s, string account) => account.Contains('#', StringComparison.Ordinal)
        ? Math.Max(0, Journal.UnitsOf(s.Balance, account)) : Math.Max(0, s.AvailableAt(Accounts.Location(account)) - s.Owed);

    // Units that are gone from a location may have been in any of its bins; those that moved were in theirs.
    static long Shown(Session s, Post c) => Math.Max(0, c.Kind == PostKind.Adjust && c.From == Accounts.OnHand(Accounts.Location(c.From))
        ? s.Balance.Locations.TryGetValue(Accounts.Location(c.From), out var stock) ? stock.Sellable : 0 : Journal.UnitsOf(s.Balance, c.From));

    /// <summary>Takes units off the shelf: from the named bin, then, with an exception, from the other sellable bins; below zero where the record has none.</summary>
    public static void Take(Session s, string location, string bin, long units, string to, long value) =>
        TakeFrom(s, Accounts.OnHand(location, bin), units, to, value);

    static void TakeFrom(Session s, string account, long units, string to, long value)
    {
        var (location, bin) = (Accounts.Location(account), Accounts.Bin(account));
        var stock = Journal.At(s.Balance, location);
        var named = Math.Min(units, Math.Max(0, stock.Bins.GetValueOrDefault(bin)));
        var parts = new List<(string Bin, long Units)> { (bin, named) };
        var left = units - named;
        if (left > 0 && !bin.Contains('#', StringComparison.Ordinal))
            foreach (var (other, there) in stock.Bins.Where(b => b.Key != bin && b.Value > 0 && !b.Key.Contains('#', StringComparison.Ordinal)).OrderByDescending(b => b.Value).ToList())
            {
                if (left == 0) break;
                var part = Math.Min(left, there);
                parts.Add((other, part));
                left -= part;
                if (bin.Length > 0) s.Contradict("binMismatch", $"{bin} shows {named}, {part} were taken from {(other.Length > 0 ? other : "no bin")}.", part);
            }
        parts[0] = (bin, named + left);
        if (left > 0) s.Contradict("belowZero", $"{account} lacks {left} of {units}.", left);
        var (done, spent) = (0L, 0L);
        foreach (var (from, part) in parts.Where(p => p.Units > 0))
        {
            done += part;
            var worth = Costing.Share(value, done, units) - spent;
            spent += worth;
            var split = from.IndexOf('#', StringComparison.Ordinal);
            s.Move(split < 0 ? Accounts.OnHand(location, from) : Accounts.OnHand(location, from[..split], from[(split + 1)..]), to, part, worth);
        }
    }

    /// <summary>Units that went out below zero went at an assumed cost; when the real one comes and no unit is left, the difference is a variance.</summary>
    static void SettleVariance(Session s)
    {
        if (s.Balance.Value != 0 && Journal.Owned(s.Balance) == 0) s.Move(Accounts.Inventory, Accounts.Variance, 0, s.Balance.Value);
    }

    static bool Arrived(Session s, Post c, OpenSupply? open, List<Claim> pegged)
    {
        if (open is null)
        {
            // One that all of came is no longer on the balance: others were faster.
            if (s.SupplyRevision(c.Supply!) is not { } stated) return false;
            if (stated > 0) s.Contradict("overReceipt", $"{c.Quantity} arrived on {c.Supply}, 0 were open.", c.Quantity);
            else s.Contradict("unknownSupply", $"{c.Quantity} arrived on {c.Supply}, which is not open.", c.Quantity);
            return true;
        }
        if (c.Quantity > open.Quantity) s.Contradict("overReceipt", $"{c.Quantity} arrived on {c.Supply}, {open.Quantity} were open.", c.Quantity - open.Quantity);
        var location = Accounts.Location(c.To);
        var units = Accounts.Class(c.To) is "onHand" && !c.To.Contains('#', StringComparison.Ordinal) ? c.Quantity : 0;
        var order = pegged.OrderBy(p => p.Urgency, StringComparer.Ordinal).ThenBy(p => p.Id, StringComparer.Ordinal).ToList();
        if (!s.Know(order, location)) return false;
        foreach (var claim in order)
        {
            var given = Math.Min(units, claim.Held);
            if (given <= 0) break;
            if (s.Room <= 1) { s.Rebalancing = true; break; }
            if (!Rebalancing.Assign(s, claim, location, given)) return false;
            units -= given;
        }
        return SupplyRules.State(s, c.Supply!, open.Location, Math.Max(0, open.Quantity - c.Quantity), open.Due, open.Status, open.Revision);
    }

    static string Name(PostKind kind) => char.ToLowerInvariant(kind.ToString()[0]) + kind.ToString()[1..];
}
