using CsCheck;
using Selvedge.Ledger;
using Selvedge.Ledger.Rules;
using Selvedge.Platform;

namespace Selvedge.Tests.Unit.Ledger;

/// <summary>Random histories of every command, in random batches: whatever happens, the journal explains the balance and nothing is promised twice.</summary>
public class LedgerPropertyTests
{
    static readonly string[] Locations = ["WH1", "WH2", "STORE"];
    static readonly Gen<string> Location = Among(Locations);
    static readonly Gen<string> Order = Among("shop:1", "shop:2", "ama:3", "b2b:4", "pos:5", "t:6");
    static readonly Gen<string> Line = Among("1", "2");
    static readonly Gen<long> Units = Gen.Long[1, 6];
    static readonly Gen<string> Bin = Among("", "", "A-01", "B-02");
    static readonly Gen<int> Id = Gen.Int[1, 400];
    static readonly Gen<string[]> Places = Gen.Select(Location, Location, Gen.Int[0, 3]).Select((a, b, n) => n switch
    {
        0 => [a], 1 => new[] { a, b }, 2 => [.. Locations], _ => ["supply/PO1", a],
    });

    static readonly (PostKind Kind, string From, string To)[] Legal =
    [
        (PostKind.Adjust, "onHand", Accounts.Damage), (PostKind.Adjust, Accounts.Unexplained, "onHand"), (PostKind.PosSale, "onHand", Accounts.Customer),
        (PostKind.Return, Accounts.Customer, "onHand"), (PostKind.Return, Accounts.Customer, "quarantine"), (PostKind.Return, Accounts.Customer, Accounts.Damage),
        (PostKind.Grade, "quarantine", "onHand"), (PostKind.Grade, "quarantine", Accounts.Damage), (PostKind.Relocate, "onHand", "onHand"),
        (PostKind.Transfer, "onHand", "onHand"), (PostKind.Arrive, "transit/TR1", "onHand"), (PostKind.Arrive, "transit/TR1", Accounts.Shrink),
        (PostKind.Consign, "onHand", "consigned/C1"), (PostKind.Consign, "consigned/C1", Accounts.Customer), (PostKind.Consume, "onHand", "conversion/W1"), (PostKind.Produce, "conversion/W1", "onHand"),
    ];

    static Gen<T> Among<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    static readonly Gen<Command> Commands = Gen.Frequency<Command>(
        (6, Gen.Select(Order, Line, Gen.Long[0, 6], Places, Gen.Long[1, 5], Gen.Enum<Shortage>(), Gen.Bool, Gen.Int[0, 9]).Select((o, l, q, p, r, s, t, n) => (Command)new SetClaim
        {
            Sku = Say.Sku, Actor = "x", Order = o, Line = l, Quantity = q, Places = p, Revision = r, Shortage = s, Tentative = t && s == Shortage.Refuse,
            AsksFirst = s != Shortage.Short, Buffer = n == 0 ? 2 : 0, Priority = n, Fences = n % 2 == 0 ? ["channel:shop"] : [],
            Givers = n is 1 or 4 ? [new(l == "1" ? "2" : "1", q / 2)] : [],
            Kind = n == 3 ? ClaimKind.Hold : ClaimKind.Commit, ExpiresAt = n == 3 ? new DateTimeOffset(2026, 11, 23, 9, 0, 30, TimeSpan.Zero) : null,
        })),
        (2, Gen.Select(Order, Line, Gen.Long[1, 5], Gen.Bool, Gen.Bool).Select((o, l, r, k, x) => (Command)new Settle { Sku = Say.Sku, Actor = "x", Order = o, Line = l, Revision = r, Keep = k, Lapsed = x && !k })),
        (4, Gen.Select(Id, Units, Location, Bin, Gen.Long[0, 90_000], Gen.Int[0, 3]).Select((i, q, loc, b, cost, n) => (Command)(Say.Receive($"rc{i}", q, n == 0 ? null : cost, loc, n == 1 ? "PO1" : null, b) with { To = n == 2 ? Accounts.OnHand(loc, b, "B") : n == 3 && cost % 2 == 0 ? Accounts.Quarantine(loc) : Accounts.OnHand(loc, b) }))),
        (3, Gen.Select(Order, Line, Location, Bin, Gen.Long[1, 3], Id).Select((o, l, loc, b, q, i) => (Command)Say.Pick(o, q, $"s{i}", l, loc, b))),
        (1, Gen.Select(Order, Line, Location, Gen.Long[1, 3], Id, Gen.Bool).Select((o, l, loc, q, i, k) => (Command)new Unpick { Sku = Say.Sku, Actor = "x", Order = o, Line = l, Location = loc, Quantity = q, Keep = k, Task = "U", Scan = $"u{i}" })),
        (2, Gen.Select(Order, Line, Location, Gen.Long[1, 3], Id, Gen.Int[0, 4]).Select((o, l, loc, q, i, n) => (Command)Say.Ship(o, q, $"sh{i}", l, loc, n == 0 ? "TR1" : null))),
        (5, Gen.Select(Among(Legal), Location, Location, Bin, Units, Id, Gen.Int[0, 2]).Select((k, a, b, bin, q, i, v) => (Command)(Say.Post(k.Kind, Account(k.From, a, bin), Account(k.To, k.Kind == PostKind.Relocate ? a : b, k.Kind == PostKind.Relocate ? "C-03" : bin), $"p{i}", q, v == 0 ? q * 777 : null)))),
        (1, Gen.Select(Id, Gen.Long[0, 12], Location, Bin, Gen.Int[0, 3]).Select((i, q, loc, b, n) => (Command)(Say.Count($"c{i}", q, loc, n == 0 ? 3 : null) with { Bin = b, Condition = n == 1 ? "B" : "" }))),
        (1, Gen.Select(Id, Gen.Long[-5_000, 5_000]).Select((i, v) => (Command)new Revalue { Sku = Say.Sku, Actor = "x", Id = $"v{i}", Value = v })),
        (2, Gen.Select(Gen.Long[0, 12], Gen.Long[1, 6], Location).Select((q, r, loc) => (Command)new SetSupply { Sku = Say.Sku, Actor = "x", Supply = "PO1", Location = loc, Quantity = q, Revision = r })),
        (1, Gen.Select(Id, Gen.Long[0, 4], Location, Gen.Bool).Select((i, q, loc, f) => (Command)new SetLimit { Sku = Say.Sku, Actor = "x", Id = $"l{i}", Quantity = q, Fence = f ? "channel:shop" : null, Location = f ? null : loc })));

    static string Account(string account, string location, string bin) => account switch
    {
        "onHand" => Accounts.OnHand(location, bin), "quarantine" => Accounts.Quarantine(location), _ => account,
    };

    [Fact]
    public void AnyHistory_ReplaysToTheBalanceAndItsClaims() =>
        Gen.Select(Commands.Array[1, 60], Gen.Int[1, 6].Array[60]).Sample((commands, sizes) =>
        {
            var ledger = new MemorySku();
            var done = new List<(Command, Outcome)>();
            for (int at = 0, n = 0; at < commands.Length; n++)
            {
                var batch = commands.Skip(at).Take(sizes[n]).DistinctBy(c => c.Key).ToArray();
                at += sizes[n];
                var before = ledger.Balance;
                done.AddRange(batch.Zip(ledger.Execute(batch)));
                var audit = ledger.Audit();
                Assert.True(audit.Count == 0, string.Join("\n", audit));
                NothingServableWaits(ledger);
            }
            foreach (var (command, outcome) in done.Where(d => d.Item2.Verdict != Verdict.Refused))
            {
                var again = ledger.Execute(command);
                Assert.True(again.Repeated);
                Assert.Equal(outcome.Sequence, again.Sequence);
            }
        }, iter: 3_000);

    [Fact]
    public void Requests_NeverMakeAvailableNegative_AndRefusalsChangeNothing() =>
        Commands.Array[1, 40].Sample(commands =>
        {
            var ledger = new MemorySku();
            foreach (var command in commands)
            {
                var before = (ledger.Balance.Sequence, Available: Locations.ToDictionary(l => l, l => ledger.Balance.Locations.GetValueOrDefault(l)?.Available ?? 0));
                var outcome = ledger.Execute(command);
                if (outcome.Verdict == Verdict.Refused) Assert.Equal(before.Sequence, ledger.Balance.Sequence);
                if (command is SetClaim or Pick or Post { Kind: PostKind.Transfer or PostKind.Consume })
                    foreach (var (location, stock) in ledger.Balance.Locations) Assert.True(stock.Available >= Math.Min(0, before.Available.GetValueOrDefault(location)));
            }
        }, iter: 2_000);

    [Fact]
    public void Sold_IsTheMinimumOfDemandAndStock() =>
        Gen.Select(Gen.Long[0, 60], Gen.Long[1, 4].Array[1, 60], Gen.Int[1, 40]).Sample((stock, wants, size) =>
        {
            var ledger = new MemorySku();
            if (stock > 0) ledger.Execute(Say.Receive("open", stock, 10_000));
            var claims = wants.Select((q, i) => (Command)Say.Claim($"shop:{i}", q, shortage: Shortage.Short)).ToArray();
            foreach (var batch in claims.Chunk(size)) ledger.Execute(batch);
            Assert.Equal(Math.Min(wants.Sum(), stock), ledger.Balance.Locations.GetValueOrDefault("WH1")?.Held ?? 0);
            Assert.Equal(Math.Max(0, wants.Sum() - stock), ledger.Balance.Short);
            // Whatever comes later goes to those who wait, down to the last unit.
            if (ledger.Balance.Short > 0)
            {
                ledger.Execute(Say.Receive("late", ledger.Balance.Short, 10_000));
                Assert.Equal(0, ledger.Balance.Short);
                Assert.Equal(wants.Sum(), ledger.Balance.Locations["WH1"].Held);
            }
            Assert.Empty(ledger.Audit());
        }, iter: 1_000);

    static void NothingServableWaits(MemorySku ledger)
    {
        // Floors, fences and buffers hold units back from those who ask first; those who wait are served by stock that comes, so a unit may lie
        // free only where no waiting claim came after it. Commits of channels that have sold leave none behind.
        Assert.False(ledger.Balance.Rebalancing);
        foreach (var (_, stock) in ledger.Balance.Locations) Assert.True(stock.Available >= 0 || stock.Held == 0);
    }
}
