namespace Selvedge.Ledger.Rules;

/// <summary>Something of the SKU's partition that a rule must know before it can decide, and the store has not been asked for yet.</summary>
/// <param name="Kind">line: history and claims of an order line; claim: one claim; waiting: <c>short</c> claims servable at a location;
/// pegged: claims on a supply; holders: claims held at a location; supply: the revisions stated of a supply; owned: an owner's holds.</param>
/// <param name="A">Order, claim id, location, supply or owner.</param>
/// <param name="B">Line.</param>
internal readonly record struct Need(NeedKind Kind, string A, string B = "");

internal enum NeedKind { Line, Claim, Waiting, Pegged, Holders, Supply, Owned }

/// <summary>What is known of an order line: the highest revision seen, whether revision 1 has its entry, units shipped.</summary>
internal sealed class LineHistory
{
    public long Revision;
    public bool HasFirst;
    public long Shipped;
    /// <summary>Taken for new without looking.</summary>
    public bool Blind { get; init; }
    public List<string> Claims { get; } = [];
}

/// <summary>
/// One batch in the making: a working copy of the balance and of the claims that are known, and the entries decided so far. Pure: no clock,
/// no I/O. A rule that lacks knowledge says so in <see cref="Missing"/>; then the whole batch is decided again with it.
/// </summary>
internal sealed class Session
{
    /// <summary>How many claims one entry may serve or uncover; the rest follows in further entries.</summary>
    public const int Window = 30;

    /// <summary>Operations of one transactional batch (Cosmos DB: 100).</summary>
    public const int BatchLimit = 100;

    /// <summary>How many of the most, and of the least, urgent claims at a place have to be known: one batch serves or uncovers fewer, as each takes two operations.</summary>
    public const int Urgent = 60;

    readonly Dictionary<string, Claim> baseline;
    readonly HashSet<string> known;
    readonly HashSet<Need> loaded;
    readonly Dictionary<(string, string), LineHistory> lines = [];
    readonly Dictionary<string, long> supplies;
    readonly HashSet<string> changed = [];

    // The entry in the making.
    readonly List<Move> moves = [];
    readonly List<string> touched = [];
    readonly SortedSet<string> accounts = new(StringComparer.Ordinal);
    readonly Dictionary<string, long> availableBefore = [];
    readonly List<Contradiction> contradictions = [];
    readonly Dictionary<string, Claim> latest = [];
    SupplyAfter? supply;
    LimitAfter? limit;
    bool rebalancing;

    public Session(Knowledge knowledge)
    {
        Balance = knowledge.CopyBalance();
        rebalancing = Balance.Rebalancing;
        baseline = knowledge.Claims;
        known = knowledge.KnownClaims;
        loaded = knowledge.Loaded;
        supplies = knowledge.Supplies.Count > 0 ? new(knowledge.Supplies) : [];
        Claims = new(baseline);
        foreach (var (key, line) in knowledge.Lines)
        {
            var copy = new LineHistory { Revision = line.Revision, HasFirst = line.HasFirst, Shipped = line.Shipped };
            copy.Claims.AddRange(line.Claims);
            lines[key] = copy;
        }
    }

    public Balance Balance { get; }
    public Dictionary<string, Claim> Claims { get; }
    public List<Entry> Entries { get; } = [];
    public List<Need> Missing { get; } = [];
    public IReadOnlyList<Contradiction> Contradictions => contradictions;
    public DateTimeOffset Now { get; private set; }

    /// <summary>The command in hand may wait for the outcome of tentative claims.</summary>
    public bool MayWait { get; set; }

    /// <summary>Units that are promised and not yet served, because the entries that serve them are still to come: nobody may pass them.</summary>
    public long Owed => Balance.Rebalancing || rebalancing ? Balance.Short + Unserved : 0;

    /// <summary>Units pegged to supply beyond what is still to come on it: they have arrived, or never will, and the entries that say so are still to come.</summary>
    public long Unserved => Balance.Supply.Values.Sum(s => Math.Max(0, s.Claimed - s.Quantity));

    /// <summary>Operations so far: the balance, the entries, the claims they changed.</summary>
    public int Operations => 1 + Entries.Count + changed.Count;

    /// <summary>Claims whose stored document differs from the working one: (id, before, after); after is null when gone.</summary>
    public IEnumerable<(string Id, Claim? Before, Claim? After)> ChangedClaims()
    {
        foreach (var id in changed)
        {
            baseline.TryGetValue(id, out var before);
            Claims.TryGetValue(id, out var after);
            if (before is not null || after is not null) yield return (id, before, after);
        }
    }

    public void Begin(DateTimeOffset now)
    {
        Now = Platform.InstantConverter.Cut(now);
        moves.Clear();
        touched.Clear();
        accounts.Clear();
        availableBefore.Clear();
        contradictions.Clear();
        (supply, limit) = (null, null);
    }

    /// <summary>The line's history, or null when it has to be asked for. <paramref name="first"/>: the command is the line's first revision,
    /// which needs none: if another came before it, the entry of revision 1 exists and the batch is refused by the store.</summary>
    public LineHistory? Line(string order, string line, bool first = false)
    {
        if (lines.TryGetValue((order, line), out var history)) return history;
        if (first) return lines[(order, line)] = new() { Blind = true };
        Missing.Add(new(NeedKind.Line, order, line));
        return null;
    }

    /// <summary>Forgets a line that was taken for new, when its command changed nothing.</summary>
    public void Forget(string order, string line) => lines.Remove((order, line));

    /// <summary>The line's history if it is known.</summary>
    public LineHistory? Seen(string order, string line) => lines.GetValueOrDefault((order, line));

    /// <summary>True when it is known what the line holds at <paramref name="place"/> (<paramref name="claim"/> null: nothing); false when the store has to be asked.</summary>
    public bool TryClaim(string order, string line, string place, out Claim? claim)
    {
        var id = Platform.Ids.Claim(order, line, place);
        if (Claims.TryGetValue(id, out claim) || known.Contains(id) || lines.ContainsKey((order, line))) return true;
        Missing.Add(new(NeedKind.Claim, id));
        return false;
    }

    /// <summary>Claims at <paramref name="place"/> with something held; false when more of them have to be asked for.</summary>
    public bool TryHolders(string place, long sum, Need need, Func<Claim, bool> which, out List<Claim> claims)
    {
        claims = Claims.Values.Where(c => c.Place == place && c.Held > 0).ToList();
        if (!loaded.Contains(need) && claims.Sum(c => c.Held) < sum)
        {
            Missing.Add(need);
            return false;
        }
        claims.RemoveAll(c => !which(c));
        return true;
    }

    /// <summary>The highest revision stated of a supply so far, 0 when none was; null when the store has to be asked, because a closed one is in its entries only.</summary>
    public long? SupplyRevision(string supply)
    {
        if (Balance.Supply.TryGetValue(supply, out var open)) return open.Revision;
        if (supplies.TryGetValue(supply, out var revision)) return revision;
        Missing.Add(new(NeedKind.Supply, supply));
        return null;
    }

    /// <summary>Units an owner's holds have, staged and waiting ones included; false when the store has to be asked.</summary>
    public bool TryOwned(string owner, out long units)
    {
        units = 0;
        var need = new Need(NeedKind.Owned, owner);
        if (!loaded.Contains(need))
        {
            Missing.Add(need);
            return false;
        }
        foreach (var claim in Claims.Values) if (claim.Kind == ClaimKind.Hold && claim.Owner == owner) units += claim.Held + claim.Staged;
        return true;
    }

    /// <summary>Asks at once for what the lines of the first <paramref name="claims"/> hold at <paramref name="place"/>; false when something is missing.</summary>
    public bool Know(IEnumerable<Claim> claims, string place)
    {
        var all = true;
        foreach (var claim in claims.Take(Window)) all &= TryClaim(claim.Order, claim.Line, place, out _);
        return all;
    }

    public void Move(string from, string to, long units, long value = 0)
    {
        if (units == 0 && value == 0) return;
        Watch(from);
        Watch(to);
        var move = new Move(from, to, units, value);
        Journal.Apply(Balance, move);
        moves.Add(move);
        accounts.Add(from);
        accounts.Add(to);
    }

    /// <summary>Value that crossed the boundary in the entry in hand so far.</summary>
    public long Crossed { get { long sum = 0; foreach (var move in moves) sum += move.Value; return sum; } }

    /// <summary>What the entry in hand did so far to each account that was counted as of later than <paramref name="happened"/>: units, and the value that crossed
    /// the boundary with them.</summary>
    public List<(string Account, long Units, long Value)> CountedSince(DateTimeOffset happened)
    {
        var told = new Dictionary<string, (long Units, long Value)>(StringComparer.Ordinal);
        foreach (var move in moves)
        {
            if (move.Units == 0) continue;
            Note(move.From, -move.Units, -move.Value);
            Note(move.To, move.Units, move.Value);
        }
        return [.. told.Where(each => each.Value.Units != 0).OrderBy(each => each.Key, StringComparer.Ordinal).Select(each => (each.Key, each.Value.Units, each.Value.Value))];

        void Note(string account, long units, long value)
        {
            if (Accounts.Class(account) is not "onHand" || !Balance.Locations.TryGetValue(Accounts.Location(account), out var stock)) return;
            if (stock.Counted is null || !stock.Counted.TryGetValue(Accounts.Bin(account), out var counted) || happened >= counted) return;
            var (before, worth) = told.GetValueOrDefault(account);
            told[account] = (before + units, worth + value);
        }
    }

    public void Put(Claim claim)
    {
        Claims.TryGetValue(claim.Id, out var before);
        if (before is null && claim.IsGone) return;
        // A ring-fence that was lifted while the claim waited elsewhere: a later one of the same name never counted these units.
        if (claim.Fence is { } fence && Accounts.IsLocation(claim.Place) && !Balance.Fences.ContainsKey(fence)) claim = claim with { Fence = null };
        if (Accounts.IsLocation(claim.Place)) WatchLocation(claim.Place);
        Journal.Apply(Balance, before, claim);
        if (claim.IsGone) Claims.Remove(claim.Id); else Claims[claim.Id] = claim;
        if (!touched.Contains(claim.Id)) touched.Add(claim.Id);
        changed.Add(claim.Id);
        latest[claim.Id] = claim;
        if (lines.TryGetValue((claim.Order, claim.Line), out var line) && !line.Claims.Contains(claim.Id)) line.Claims.Add(claim.Id);
        accounts.Add(claim.Place == Accounts.Short ? Accounts.Short : "held/" + claim.Place);
    }

    public IEnumerable<Claim> ClaimsOf(LineHistory line)
    {
        foreach (var id in line.Claims) if (Claims.TryGetValue(id, out var claim)) yield return claim;
    }

    public void State(SupplyAfter after)
    {
        supply = after;
        supplies[after.Id] = after.Revision;
        Journal.Apply(Balance, after);
    }

    public void State(LimitAfter after) { limit = after; Journal.Apply(Balance, after); }
    public void Contradict(string kind, string detail, long quantity, string? order = null, string? line = null) =>
        contradictions.Add(new(kind, detail, order, line, quantity));

    /// <summary>Locations this entry touched, with what was available there before it.</summary>
    public IReadOnlyDictionary<string, long> Watched => availableBefore;
    public bool Rebalancing { get => rebalancing; set => rebalancing = value; }

    /// <summary>How many more claims this entry may touch.</summary>
    public int Room => Math.Min(Window - touched.Count, BatchLimit - 4 - Operations);

    /// <summary>Ends the entry: numbers, chains and hashes it.</summary>
    public Entry Seal(Command command, string kind, Outcome outcome, string? key = null)
    {
        if (contradictions.Count > 0) outcome = outcome with { Exceptions = [.. contradictions] };
        long value = 0;
        foreach (var move in moves) value += move.Value;
        if (value != 0 && outcome.Value == 0) outcome = outcome with { Value = value };
        var after = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var account in accounts) after[account] = account switch
        {
            Accounts.Short => Balance.Short,
            Accounts.Inventory => Balance.Value,
            _ when account.StartsWith("held/", StringComparison.Ordinal) => HeldAt(account["held/".Length..]),
            _ => Journal.UnitsOf(Balance, account),
        };
        if (value != 0) after[Accounts.Inventory] = Balance.Value;
        var (order, line, channel) = command switch
        {
            SetClaim c => (c.Order, c.Line, c.Channel), Settle c => (c.Order, c.Line, null), Pick c => (c.Order, c.Line, null),
            Unpick c => (c.Order, c.Line, null), Ship c => (c.Order, c.Line, null), Post c => (c.Order, c.Line, c.Channel), Reassign c => (c.Order, c.Line, null),
            _ => ((string?)null, (string?)null, (string?)null),
        };
        var content = Canonical.Start().Add(command.Sku);
        command.Describe(content);
        var entry = new Entry
        {
            Id = Platform.Ids.Entry(key ?? command.Key), Sku = Balance.Sku, Sequence = Balance.Sequence + 1, Kind = kind, Key = key ?? command.Key,
            Content = key is null ? content.Add(command.EffectiveAt).ShortHash() : null, Actor = command.Actor, Reason = command.Reason, Approval = command.Approval,
            Order = order, Line = line, Channel = channel, At = Now,
            EffectiveAt = command.EffectiveAt is { } effective ? Platform.InstantConverter.Cut(effective) : null,
            Moves = moves.Count > 0 ? [.. moves] : null,
            Claims = touched.Count > 0 ? [.. touched.Select(id => Journal.ToAfter(Claims.TryGetValue(id, out var claim) ? claim : latest[id]))] : null,
            Supply = supply, Limit = limit, Counted = command is Count count ? Accounts.OnHand(count.Location, count.Bin, count.Condition) : null, After = after, Outcome = outcome, Rebalancing = rebalancing, Previous = Balance.LastHash,
        };
        entry = entry with { Hash = Journal.Hash(entry) };
        Journal.Close(Balance, entry);
        Entries.Add(entry);
        return entry;
    }

    /// <summary>onHand (sellable) − claims at a location; 0 where there is nothing.</summary>
    public long AvailableAt(string location) => Balance.Locations.TryGetValue(location, out var stock) ? stock.Available : 0;

    long HeldAt(string place) => Accounts.IsLocation(place) ? Balance.Locations[place].Held
        : Balance.Supply.TryGetValue(place["supply/".Length..], out var s) ? s.Claimed : 0;

    void Watch(string account)
    {
        if (Accounts.Class(account) is "onHand" or "staged" or "quarantine") WatchLocation(Accounts.Location(account));
    }

    void WatchLocation(string location)
    {
        if (!availableBefore.ContainsKey(location)) availableBefore[location] = AvailableAt(location);
    }
}

/// <summary>What the store has told about a SKU so far: the balance it will be written against, and the claims and lines that were asked for.</summary>
internal sealed class Knowledge(Balance balance)
{
    public Balance Balance { get; } = balance;
    public Dictionary<string, Claim> Claims { get; } = [];
    public HashSet<string> KnownClaims { get; } = [];
    public HashSet<Need> Loaded { get; } = [];
    public Dictionary<(string, string), LineHistory> Lines { get; } = [];

    /// <summary>The highest revision there is an entry of, by supply.</summary>
    public Dictionary<string, long> Supplies { get; } = [];

    /// <summary>A deep copy of the balance, to decide on.</summary>
    public Balance CopyBalance()
    {
        var copy = Balance with
        {
            Locations = new(StringComparer.Ordinal), Away = new(Balance.Away, StringComparer.Ordinal), Outside = new(StringComparer.Ordinal),
            Supply = new(StringComparer.Ordinal), Fences = new(StringComparer.Ordinal),
        };
        foreach (var (id, stock) in Balance.Locations)
            copy.Locations[id] = stock with { Bins = new(stock.Bins, StringComparer.Ordinal), Counted = stock.Counted is null ? null : new(stock.Counted, StringComparer.Ordinal) };
        foreach (var (id, side) in Balance.Outside) copy.Outside[id] = side with { };
        foreach (var (id, supply) in Balance.Supply) copy.Supply[id] = supply with { };
        foreach (var (id, fence) in Balance.Fences) copy.Fences[id] = fence with { };
        return copy;
    }
}
