using CsCheck;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Tests.Unit.Ledger;

/// <summary>Ring-fences, floors and the limits of those who hold: what is set apart for some is there for them, and for nobody else who asks first.</summary>
public class LimitTests
{
    static readonly string[] Buyers = ["channel:shop", "channel:ama", "group:vip"];
    static readonly DateTimeOffset Friday = new(2026, 11, 27, 17, 0, 0, TimeSpan.Zero);
    readonly MemorySku ledger = new();

    static SetLimit Fence(string key, long quantity, string id) => new() { Sku = Say.Sku, Actor = "ops", Id = id, Fence = key, Quantity = quantity };
    static SetClaim Ask(string order, long quantity, params string[] fences) => Say.Claim(order, quantity) with { AsksFirst = true, Fences = fences };
    static SetClaim Hold(string order, long quantity, long? limit, string owner = "rep:ann") => Say.Claim(order, quantity) with
    {
        AsksFirst = true, Kind = ClaimKind.Hold, Owner = owner, OwnerLimit = limit, ExpiresAt = Friday,
    };

    long Available => ledger.Balance.Locations.GetValueOrDefault("WH1")?.Available ?? 0;
    void Clean() => Assert.Empty(ledger.Audit());

    [Fact]
    public void OfAnyHistory_NobodyWhoAsksFirstTakesWhatIsSetApartForOthers_AndLiftingGivesAllBack() =>
        Gen.Select(Gen.Long[1, 40], Gen.Select(Gen.Int[0, 5], Gen.Int[0, 3], Gen.Long[1, 8]).Array[1, 50]).Sample((stock, steps) =>
        {
            var ledger = new MemorySku();
            ledger.Execute(Say.Receive("open", stock));
            var claims = new List<(string Order, long Units)>();
            for (var n = 0; n < steps.Length; n++)
            {
                var (what, who, units) = steps[n];
                var buyer = who < Buyers.Length ? Buyers[who] : null;
                var before = ledger.Balance;
                var (free, apart) = (Free(before), before.Fences.ToDictionary(f => f.Key, f => f.Value.Open));
                switch (what)
                {
                    case 0 when buyer is not null: ledger.Execute(Fence(buyer, units, $"f{n}")); break;
                    case 1 when claims.Count > 0:
                        var (picked, held) = claims[n % claims.Count];
                        ledger.Execute(Say.Pick(picked, held, $"s{n}"));
                        ledger.Execute(Say.Ship(picked, held, $"sh{n}"));
                        claims.RemoveAt(n % claims.Count);
                        break;
                    case 2 when claims.Count > 0:
                        ledger.Execute(Say.Settle(claims[n % claims.Count].Order, keep: false));
                        claims.RemoveAt(n % claims.Count);
                        break;
                    default:
                        var outcome = ledger.Execute(Ask($"o{n}", units, buyer is null ? [] : [buyer]));
                        var others = apart.Where(f => f.Key != buyer).Sum(f => f.Value);
                        var mine = buyer is null ? 0 : apart.GetValueOrDefault(buyer);
                        // Exactly what is free of others' units, and never less than one's own while it is there.
                        var most = Math.Max(0, Math.Max(free - others, Math.Min(mine, free)));
                        Assert.Equal(units <= most, outcome.Verdict == Verdict.Applied);
                        if (outcome.Verdict != Verdict.Applied) { Assert.Equal(most, outcome.Available); break; }
                        claims.Add(($"o{n}", units));
                        // It ate its own first, and left the others' alone.
                        var after = ledger.Balance.Fences;
                        if (buyer is not null && apart.ContainsKey(buyer)) Assert.Equal(Math.Max(0, mine - units), after[buyer].Open);
                        foreach (var (key, open) in apart.Where(f => f.Key != buyer)) Assert.Equal(open, after[key].Open);
                        if (free >= apart.Values.Sum()) Assert.True(Free(ledger.Balance) >= after.Values.Sum(f => f.Open));
                        break;
                }
                Assert.All(ledger.Balance.Fences.Values, fence => Assert.True(fence.Held >= 0 && fence.Quantity >= 0));
                // Shipping what was held never sets more apart than before.
                if (what == 1) Assert.All(ledger.Balance.Fences, fence => Assert.True(fence.Value.Open <= apart.GetValueOrDefault(fence.Key)));
            }
            foreach (var key in ledger.Balance.Fences.Keys.ToList()) ledger.Execute(Fence(key, 0, $"lift:{key}"));
            var left = Free(ledger.Balance);
            if (left > 0) Assert.Equal(Verdict.Applied, ledger.Execute(Ask("last", left)).Verdict);
            Assert.Empty(ledger.Audit());
        }, iter: 2_000);

    static long Free(Balance balance) => balance.Locations.GetValueOrDefault("WH1")?.Available ?? 0;

    [Fact]
    public void MoreSetApartThanIsThere_IsSoldToThoseItIsFor_WhoeverComesFirst_AndToNobodyElse()
    {
        ledger.Execute(Say.Receive("a", 5));
        ledger.Execute(Fence("channel:shop", 4, "f1"), Fence("channel:ama", 4, "f2"));
        Assert.Equal((Verdict.Refused, 0L), (ledger.Execute(Ask("o1", 1)).Verdict, ledger.Execute(Ask("o1", 1)).Available));
        Assert.Equal(Verdict.Applied, ledger.Execute(Ask("o2", 4, "channel:shop")).Verdict);
        Assert.Equal(Verdict.Applied, ledger.Execute(Ask("o3", 1, "channel:ama")).Verdict);
        Assert.Equal(0, Available);
        Clean();
    }

    [Fact]
    public void Bug_ShippedUnitsWereSetApartASecondTime()
    {
        ledger.Execute(Say.Receive("a", 10));
        ledger.Execute(Fence("channel:ama", 5, "f1"));
        ledger.Execute(Ask("o1", 3, "channel:ama"));
        ledger.Execute(Say.Pick("o1", 3, "s1"));
        ledger.Execute(Say.Ship("o1", 3, "sh1"));
        Assert.Equal((2L, 2L), (ledger.Balance.Fences["channel:ama"].Quantity, ledger.Balance.Fences["channel:ama"].Open));
        Assert.Equal(Verdict.Applied, ledger.Execute(Ask("o2", 5)).Verdict);
        Assert.Equal(Verdict.Refused, ledger.Execute(Ask("o3", 1)).Verdict);
        Clean();
    }

    [Fact]
    public void Bug_ARingFenceLiftedWhileAClaimWaited_KeptMoreFromOthersTheNextTime()
    {
        ledger.Execute(Fence("channel:ama", 5, "f1"));
        ledger.Execute(Say.Claim("o1", 3, shortage: Shortage.Short) with { Fences = ["channel:ama"] });
        ledger.Execute(Fence("channel:ama", 0, "f2"));
        ledger.Execute(Say.Receive("a", 10));
        ledger.Execute(Fence("channel:ama", 2, "f3"));
        ledger.Execute(Say.Settle("o1", keep: false));
        Assert.Equal((0L, 2L), (ledger.Balance.Fences["channel:ama"].Held, ledger.Balance.Fences["channel:ama"].Open));
        Assert.Equal(Verdict.Applied, ledger.Execute(Ask("o2", 8)).Verdict);
        Clean();
    }

    [Fact]
    public void Bug_ABuyerWithTwoRingFences_WasRefusedWhatTheLargerOneHad()
    {
        ledger.Execute(Say.Receive("a", 52));
        ledger.Execute(Fence("customer:c1", 2, "f1"), Fence("channel:b2b", 50, "f2"));
        Assert.Equal(Verdict.Applied, ledger.Execute(Ask("o1", 2, "customer:c1", "channel:b2b")).Verdict);
        Assert.Equal(Verdict.Applied, ledger.Execute(Ask("o2", 5, "customer:c1", "channel:b2b")).Verdict);
        Assert.Equal((0L, 45L), (ledger.Balance.Fences["customer:c1"].Open, ledger.Balance.Fences["channel:b2b"].Open));
        Clean();
    }

    [Theory]
    [InlineData(null, "WH1", -1)]
    [InlineData("channel:ama", null, -1)]
    [InlineData("channel:ama", "WH1", 1)]
    [InlineData(null, null, 1)]
    public void Bug_ALimitBelowZero_LetMoreBeClaimedThanThereIs(string? fence, string? location, long quantity)
    {
        ledger.Execute(Say.Receive("a", 5));
        var limit = new SetLimit { Sku = Say.Sku, Actor = "ops", Id = "l", Fence = fence, Location = location, Quantity = quantity };
        Assert.Equal(Verdict.Refused, ledger.Execute(limit).Verdict);
        Assert.Equal(Verdict.Refused, ledger.Execute(Ask("o1", 6)).Verdict);
    }

    [Fact]
    public void AnOwner_HoldsNoMoreOfASkuThanTheLimit_OverAllOrders_AndOthersAreNotCounted()
    {
        ledger.Execute(Say.Receive("a", 100), Hold("q1", 6, limit: 10), Hold("q2", 3, limit: 10), Hold("other", 9, limit: 10, owner: "rep:bob"));
        var refused = ledger.Execute(Hold("q3", 2, limit: 10));
        Assert.Equal((Verdict.Refused, 1L), (refused.Verdict, refused.Available));
        Assert.Equal(1, ledger.Execute(Hold("q3", 2, limit: 10) with { Shortage = Shortage.Partial }).Held!["WH1"]);
        // A confirmed hold is an order and counts no more; less is always possible, even above a limit that was lowered since.
        ledger.Execute(Say.Settle("q1", keep: true));
        Assert.Equal(Verdict.Applied, ledger.Execute(Hold("q4", 6, limit: 10)).Verdict);
        Assert.Equal(Verdict.Applied, ledger.Execute(Hold("q4", 5, limit: 1) with { Revision = 2 }).Verdict);
        Assert.Equal(Verdict.Refused, ledger.Execute(Hold("q4", 6, limit: 1) with { Revision = 3 }).Verdict);
        Clean();
    }

    [Fact]
    public void HoldsOfOneBatch_AreCountedTogether()
    {
        ledger.Execute(Say.Receive("a", 100));
        var outcomes = ledger.Execute([.. Enumerable.Range(0, 20).Select(i => (Command)Hold($"q{i}", 1, limit: 7))]);
        Assert.Equal(7, outcomes.Count(o => o.Verdict == Verdict.Applied));
        Assert.Equal(93, Available);
        Clean();
    }

    [Fact]
    public void AHold_IsConfirmedReleasedOrExpired_EachByAnEntryThatSaysSo()
    {
        var past = new DateTimeOffset(2026, 11, 23, 8, 0, 0, TimeSpan.Zero);
        ledger.Execute(Say.Receive("a", 10));
        foreach (var order in new[] { "q1", "q2", "q3" }) ledger.Execute(Hold(order, 2, null) with { ExpiresAt = past });
        ledger.Execute(Say.Settle("q1", keep: true), Say.Settle("q2", keep: false), Say.Settle("q3", keep: false) with { Lapsed = true, Seen = "\"1\"" });
        Assert.Equal(["confirm", "release", "expire"], ledger.Entries.Values.OrderBy(e => e.Sequence).TakeLast(3).Select(e => e.Kind));
        var firm = ledger.Claims[Ids.Claim("q1", "1", "WH1")];
        Assert.Equal((ClaimKind.Commit, (DateTimeOffset?)null, 2L), (firm.Kind, firm.ExpiresAt, firm.Held));
        Assert.Equal(8, Available);
        Clean();
    }

    [Fact]
    public void Bug_AHoldThatWasPutBack_CouldNotExpireAgain()
    {
        var past = new DateTimeOffset(2026, 11, 23, 8, 0, 0, TimeSpan.Zero);
        ledger.Execute(Say.Receive("a", 10));
        ledger.Execute(Hold("q", 3, null) with { ExpiresAt = past });
        ledger.Execute(Say.Pick("q", 1, "s1"));
        Settle Lapse(string seen) => Say.Settle("q", keep: false) with { Lapsed = true, Seen = seen };
        Assert.Equal(Verdict.Applied, ledger.Execute(Lapse("\"10\"")).Verdict);
        ledger.Execute(new Unpick { Sku = Say.Sku, Actor = "x", Order = "q", Line = "1", Location = "WH1", Quantity = 1, Keep = true, Task = "U", Scan = "u1" });
        Assert.Equal(9, Available);
        Assert.True(ledger.Execute(Lapse("\"10\"")).Repeated);
        Assert.Equal(Verdict.Applied, ledger.Execute(Lapse("\"12\"")).Verdict);
        Assert.Equal(10, Available);
        Clean();
    }

    [Fact]
    public void Bug_ALateRevisionOfASupplyThatWasClosed_OpenedItAgain()
    {
        SetSupply State(long quantity, long revision) => new() { Sku = Say.Sku, Actor = "buyer", Supply = "PO/1", Location = "WH1", Quantity = quantity, Revision = revision };
        ledger.Execute(State(5, 2));
        ledger.Execute(Say.Receive("r", 5, supply: "PO/1"));
        Assert.Empty(ledger.Balance.Supply);
        Assert.Equal(Verdict.Superseded, ledger.Execute(State(9, 1)).Verdict);
        // Opened, closed and late, all in one batch.
        Assert.Equal([Verdict.Applied, Verdict.Applied, Verdict.Superseded], ledger.Execute(State(4, 4), State(0, 5), State(9, 3)).Select(o => o.Verdict));
        Assert.Empty(ledger.Balance.Supply);
        Assert.Equal(Verdict.Applied, ledger.Execute(State(7, 6)).Verdict);
        Assert.Equal(7, ledger.Balance.Supply["PO/1"].Quantity);
        Clean();
    }

    [Fact]
    public void AFactThatUncoversHundreds_TurnsTheLeastUrgentShort_OverSeveralBatches()
    {
        ledger.Execute(Say.Receive("a", 300));
        for (var i = 0; i < 300; i++) ledger.Execute(Say.Claim($"o{i:000}", 1) with { Priority = i % 3 });
        ledger.Execute(Say.Count("c", 70));
        var (kept, waiting) = (ledger.Claims.Values.Where(c => c.Place == "WH1").ToList(), ledger.Claims.Values.Where(c => c.Place == Accounts.Short).ToList());
        Assert.Equal((70, 230, 0L), (kept.Count, waiting.Count, Available));
        Assert.True(string.CompareOrdinal(kept.Max(c => c.Urgency), waiting.Min(c => c.Urgency)) < 0, "a less urgent claim was kept");
        Clean();
    }
}
