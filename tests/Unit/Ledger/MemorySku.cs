using Selvedge.Ledger;
using Selvedge.Ledger.Rules;
using Selvedge.Platform;

namespace Selvedge.Tests.Unit.Ledger;

/// <summary>One SKU's partition in memory: knows what the store would tell, decides batches with the real rules, and proves itself by replay.</summary>
internal sealed class MemorySku(string sku = "TEE-NVY-M")
{
    static readonly DateTimeOffset Start = new(2026, 11, 23, 9, 0, 0, TimeSpan.Zero);
    int ticks;

    public Balance Balance { get; private set; } = new() { Sku = sku };
    public Dictionary<string, Claim> Claims { get; private set; } = [];
    public Dictionary<string, Entry> Entries { get; } = [];

    /// <summary>Executes commands as one batch, as the writer would, and then the ledger's own follow-ups.</summary>
    public Outcome[] Execute(params Command[] commands)
    {
        var outcomes = Batch(commands);
        for (var follow = 0; Balance.Rebalancing; follow++)
        {
            Assert.True(follow < 1000, "rebalancing does not end");
            Batch([new Rebalance { Sku = sku, Actor = "ledger", After = Balance.Sequence }]);
        }
        return outcomes;
    }

    public Outcome Execute(Command command) => Execute([command])[0];

    public Outcome[] Batch(Command[] commands)
    {
        var knowledge = new Knowledge(Balance);
        Learn(knowledge, commands.Select(Deciding.Needs).OfType<Need>());
        var now = Start.AddSeconds(++ticks);
        for (var round = 0; round < 50; round++)
        {
            var session = new Session(knowledge);
            var outcomes = new List<Outcome>();
            foreach (var command in commands)
            {
                if (Entries.TryGetValue(Ids.Entry(command.Key), out var before) || (before = session.Entries.Find(e => e.Key == command.Key)) is not null)
                {
                    outcomes.Add(before.Outcome with { Sequence = before.Sequence, Repeated = true });
                    continue;
                }
                var decision = Deciding.Decide(session, command, now);
                if (decision.IsUnknown) break;
                outcomes.Add(decision.Entry is { } entry ? entry.Outcome with { Sequence = entry.Sequence } : decision.Refusal!);
            }
            if (outcomes.Count == commands.Length)
            {
                Assert.True(session.Operations <= Session.BatchLimit || commands.Length > 1, $"{session.Operations} operations");
                foreach (var entry in session.Entries) Entries.Add(entry.Id, entry);
                foreach (var (id, stored, after) in session.ChangedClaims())
                {
                    Assert.Equal(stored is not null, Claims.ContainsKey(id));
                    if (after is null) Claims.Remove(id); else Claims[id] = after;
                }
                Balance = session.Balance;
                return [.. outcomes];
            }
            Assert.NotEmpty(session.Missing);
            Learn(knowledge, session.Missing);
        }
        throw new InvalidOperationException("The rules never had enough knowledge.");
    }

    /// <summary>Everything an audit proves, from nothing.</summary>
    public IReadOnlyList<string> Audit()
    {
        var replay = new Replay(sku);
        foreach (var entry in Entries.Values.OrderBy(e => e.Sequence)) replay.Add(entry);
        replay.Compare(Balance, Claims.Values);
        return replay.Differences;
    }

    // As the partition does: of many, the most and the least urgent.
    static IEnumerable<Claim> Ends(IEnumerable<Claim> claims)
    {
        var order = claims.OrderBy(c => c.Urgency, StringComparer.Ordinal).ThenBy(c => c.Id, StringComparer.Ordinal).ToList();
        return order.Count <= 2 * Session.Urgent ? order : order.Take(Session.Urgent).Concat(order.TakeLast(Session.Urgent));
    }

    void Learn(Knowledge knowledge, IEnumerable<Need> needs)
    {
        foreach (var need in needs.ToList())
            switch (need.Kind)
            {
                case NeedKind.Claim:
                    knowledge.KnownClaims.Add(need.A);
                    if (Claims.TryGetValue(need.A, out var claim)) knowledge.Claims[need.A] = claim;
                    break;
                case NeedKind.Line:
                    var line = new LineHistory();
                    foreach (var c in Claims.Values.Where(c => c.Order == need.A && c.Line == need.B)) { knowledge.Claims[c.Id] = c; line.Claims.Add(c.Id); }
                    foreach (var e in Entries.Values.Where(e => e.Id.StartsWith(Ids.LinePrefix(need.A, need.B), StringComparison.Ordinal)))
                    {
                        if (long.TryParse(e.Id[(e.Id.LastIndexOf(':') + 2)..], out var revision) && e.Id[e.Id.LastIndexOf(':') + 1] == 'r')
                        {
                            line.HasFirst |= revision == 1;
                            if (e.Content is not null) line.Revision = Math.Max(line.Revision, revision);
                        }
                        if (e.Kind is "ship" or "dispatch") line.Shipped += e.Moves?.Sum(m => m.Units) ?? 0;
                    }
                    knowledge.Lines[(need.A, need.B)] = line;
                    break;
                case NeedKind.Supply:
                    knowledge.Supplies[need.A] = Entries.Keys.Where(id => id.StartsWith(Ids.SupplyPrefix(need.A), StringComparison.Ordinal))
                        .Select(id => long.Parse(id[Ids.SupplyPrefix(need.A).Length..])).DefaultIfEmpty().Max();
                    break;
                default:
                    var found = Claims.Values.Where(c => need.Kind switch
                    {
                        NeedKind.Waiting => c.Place == Accounts.Short && c.Places!.Contains(need.A),
                        NeedKind.Pegged => c.Place == Accounts.Supply(need.A),
                        NeedKind.Owned => c.Owner == need.A,
                        _ => c.Place == need.A && c.Held > 0,
                    });
                    found = need.Kind switch
                    {
                        NeedKind.Waiting => found.OrderBy(c => c.Urgency, StringComparer.Ordinal).Take(Session.Urgent),
                        NeedKind.Owned => found,
                        _ => Ends(found),
                    };
                    foreach (var c in found) { knowledge.Claims[c.Id] = c; knowledge.KnownClaims.Add(c.Id); }
                    knowledge.Loaded.Add(need);
                    break;
            }
    }
}

/// <summary>Short ways to say commands in tests.</summary>
internal static class Say
{
    public const string Sku = "TEE-NVY-M";
    public static SetClaim Claim(string order, long quantity, long revision = 1, string line = "1", Shortage shortage = Shortage.Refuse, string[]? places = null, bool tentative = false) => new()
    {
        Sku = Sku, Actor = "test", Order = order, Line = line, Quantity = quantity, Revision = revision, Shortage = shortage, Places = places ?? ["WH1"], Tentative = tentative,
    };
    public static Post Receive(string id, long quantity, long? unitCost = null, string location = "WH1", string? supply = null, string bin = "") => new()
    {
        Sku = Sku, Actor = "test", Kind = PostKind.Receive, From = Accounts.Supplier, To = Accounts.OnHand(location, bin), Quantity = quantity, UnitCost = unitCost, Id = id, Supply = supply,
    };
    public static Post Post(PostKind kind, string from, string to, string id, long quantity, long? value = null) =>
        new() { Sku = Sku, Actor = "test", Kind = kind, From = from, To = to, Quantity = quantity, Id = id, Value = value };
    public static Pick Pick(string order, long quantity, string scan, string line = "1", string location = "WH1", string bin = "") =>
        new() { Sku = Sku, Actor = "picker", Order = order, Line = line, Location = location, Quantity = quantity, Ticket = "P1", Scan = scan, Bin = bin };
    public static Ship Ship(string order, long quantity, string shipment, string line = "1", string location = "WH1", string? transfer = null) =>
        new() { Sku = Sku, Actor = "packer", Order = order, Line = line, Location = location, Quantity = quantity, Shipment = shipment, Transfer = transfer };
    public static Settle Settle(string order, bool keep, long revision = 1, string line = "1") =>
        new() { Sku = Sku, Actor = "test", Order = order, Line = line, Revision = revision, Keep = keep };
    public static Count Count(string id, long counted, string location = "WH1", long? expected = null) =>
        new() { Sku = Sku, Actor = "counter", Id = id, Counted = counted, Location = location, Expected = expected };
}
