using Selvedge.Ledger;
using Selvedge.Ledger.Rules;
using Selvedge.Platform;

namespace Selvedge.Tests.Unit.Ledger;

/// <summary>The sentences of the design's section 3, one by one.</summary>
public class LedgerRulesTests
{
    readonly MemorySku ledger = new();

    long Available(string location = "WH1") => ledger.Balance.Locations.GetValueOrDefault(location)?.Available ?? 0;
    Claim? ClaimOf(string order, string place = "WH1", string line = "1") => ledger.Claims.GetValueOrDefault(Ids.Claim(order, line, place));
    void Clean() => Assert.Empty(ledger.Audit());

    [Fact]
    public void SetClaim_FillsItsPlacesInOrder_AndIsRefusedOnlyWhenTheirSumIsShort()
    {
        ledger.Execute(Say.Receive("a", 3), Say.Receive("b", 2, location: "WH2"));
        var filled = ledger.Execute(Say.Claim("o1", 4, places: ["WH1", "WH2"]));
        Assert.Equal(new Dictionary<string, long> { ["WH1"] = 3, ["WH2"] = 1 }, filled.Held!);
        var refused = ledger.Execute(Say.Claim("o2", 2, places: ["WH1", "WH2"]));
        Assert.Equal((Verdict.Refused, 1L), (refused.Verdict, refused.Available));
        Assert.Null(ClaimOf("o2", "WH2"));
        Clean();
    }

    [Fact]
    public void SetClaim_StatesATarget_EveryEditIsANewRevision()
    {
        ledger.Execute(Say.Receive("a", 10));
        ledger.Execute(Say.Claim("o1", 4), Say.Claim("o1", 6, revision: 2), Say.Claim("o1", 1, revision: 3));
        Assert.Equal(1, ClaimOf("o1")!.Held);
        var late = ledger.Execute(Say.Claim("o1", 5, revision: 2) with { Reason = "again" });
        Assert.True(late.Repeated);
        Assert.Equal(9, Available());
        Clean();
    }

    [Fact]
    public void SetClaim_TakesOverWhatItsOrdersOtherLineGivesUp_BeforeAnyoneWhoWaits()
    {
        ledger.Execute(Say.Receive("a", 2), new SetLimit { Sku = Say.Sku, Actor = "x", Id = "f", Fence = "channel:shop", Quantity = 2 });
        ledger.Execute(Say.Claim("o1", 2) with { AsksFirst = true, Fences = ["channel:shop"] }, Say.Claim("o2", 1, shortage: Shortage.Short));
        var swap = Say.Claim("o1", 2, revision: 2, line: "2") with { AsksFirst = true, Fences = ["channel:shop"], Givers = [new("1", 0)] };
        Assert.Equal(Verdict.Refused, ledger.Execute(swap with { Quantity = 3 }).Verdict);
        Assert.Equal(2, ClaimOf("o1")!.Held);
        Assert.Equal(Verdict.Applied, ledger.Execute(swap).Verdict);
        ledger.Execute(Say.Claim("o1", 0, revision: 2));
        Assert.Equal((null, 2, 1), (ClaimOf("o1"), ClaimOf("o1", line: "2")!.Held, ledger.Balance.Short));
        // Only what the other line holds beyond its own target, and what nobody needs here stays with it.
        ledger.Execute(Say.Claim("o1", 1, revision: 3, line: "3") with { AsksFirst = true, Fences = ["channel:shop"], Givers = [new("2", 1)] });
        Assert.Equal((1, 1), (ClaimOf("o1", line: "2")!.Held, ClaimOf("o1", line: "3")!.Held));
        Clean();
    }

    [Fact]
    public void SetClaim_RevisionOneThatComesAfterACancel_ClaimsNothing()
    {
        ledger.Execute(Say.Receive("a", 10));
        Assert.Equal(Verdict.Applied, ledger.Execute(Say.Claim("o1", 0, revision: 2)).Verdict);
        var late = ledger.Execute(Say.Claim("o1", 4));
        Assert.Equal(Verdict.Superseded, late.Verdict);
        Assert.Equal(10, Available());
        Clean();
    }

    [Fact]
    public void SetClaim_OfAShippedLine_CountsWhatWasShipped()
    {
        ledger.Execute(Say.Receive("a", 10));
        ledger.Execute(Say.Claim("o1", 3));
        ledger.Execute(Say.Pick("o1", 3, "s1"));
        ledger.Execute(Say.Ship("o1", 3, "sh1"));
        Assert.Null(ClaimOf("o1"));
        ledger.Execute(Say.Claim("o1", 4, revision: 2));
        Assert.Equal(1, ClaimOf("o1")!.Held);
        Clean();
    }

    [Fact]
    public void ArrivingStock_ServesThePeggedFirst_ThenTheShortByPriorityAndTime()
    {
        ledger.Execute(new SetSupply { Sku = Say.Sku, Actor = "buyer", Supply = "PO1", Location = "WH1", Quantity = 10, Revision = 1 });
        ledger.Execute(Say.Claim("early", 2, shortage: Shortage.Short));
        ledger.Execute(Say.Claim("urgent", 2, shortage: Shortage.Short) with { Priority = 9 });
        ledger.Execute(Say.Claim("pegged", 3, places: ["supply/PO1"]));
        ledger.Execute(Say.Receive("r1", 6, supply: "PO1"));
        Assert.Equal((3, 2, 1), (ClaimOf("pegged")!.Held, ClaimOf("urgent")!.Held, ClaimOf("early")!.Held));
        Assert.Equal((0, 1), (Available(), ledger.Balance.Short));
        Assert.Equal(4, ledger.Balance.Supply["PO1"].Quantity);
        Clean();
    }

    [Fact]
    public void ArrivingStock_ServesHundredsWhoWait_InOrder_OverSeveralBatches()
    {
        for (var i = 0; i < 200; i++) ledger.Execute(Say.Claim($"o{i:000}", 1, shortage: Shortage.Short) with { Priority = i % 3 });
        ledger.Execute(Say.Receive("r", 150));
        var served = ledger.Claims.Values.Where(c => c.Place == "WH1").ToList();
        var waiting = ledger.Claims.Values.Where(c => c.Place == Accounts.Short).ToList();
        Assert.Equal((150, 50, 0L), (served.Count, waiting.Count, Available()));
        Assert.True(string.CompareOrdinal(served.Max(c => c.Urgency), waiting.Min(c => c.Urgency)) < 0, "someone was passed");
        Clean();
    }

    [Fact]
    public void AFactThatUncoversClaims_TurnsTheLeastUrgentShort_InTheSameBatch()
    {
        ledger.Execute(Say.Receive("a", 5));
        ledger.Execute(Say.Claim("vip", 2) with { Priority = 9 }, Say.Claim("late", 3));
        var sale = ledger.Execute(Say.Post(PostKind.PosSale, Accounts.OnHand("WH1"), Accounts.Customer, "till:1", 2));
        Assert.Equal(Verdict.Applied, sale.Verdict);
        Assert.Equal("claimUncovered", Assert.Single(sale.Exceptions!).Kind);
        Assert.Equal((2, 1, 2), (ClaimOf("vip")!.Held, ClaimOf("late")!.Held, ClaimOf("late", Accounts.Short)!.Held));
        Clean();
    }

    [Fact]
    public void APosSaleOfAUnitTheRecordLacks_IsPosted_AndALateReceiptHealsIt()
    {
        ledger.Execute(Say.Receive("a", 1, 50_000));
        var sale = ledger.Execute(Say.Post(PostKind.PosSale, Accounts.OnHand("WH1"), Accounts.Customer, "till:1", 2));
        Assert.Equal("belowZero", Assert.Single(sale.Exceptions!).Kind);
        Assert.Equal(-1, Available());
        ledger.Execute(Say.Receive("b", 1, 70_000));
        Assert.Equal((0L, 0L), (Available(), ledger.Balance.Value));
        Assert.Equal(20_000, ledger.Balance.Outside[Accounts.Variance].Value);
        Clean();
    }

    [Fact]
    public void Pick_NamesTheLineWhoseClaimItConsumes_AnotherOrdersUnitCannotBePicked()
    {
        ledger.Execute(Say.Receive("a", 5));
        ledger.Execute(Say.Claim("o1", 2), Say.Claim("o2", 3));
        Assert.Equal(Verdict.Refused, ledger.Execute(Say.Pick("o1", 3, "s1")).Verdict);
        Assert.Equal(Verdict.Refused, ledger.Execute(Say.Pick("nobody", 1, "s2")).Verdict);
        Assert.Equal(Verdict.Applied, ledger.Execute(Say.Pick("o1", 2, "s3")).Verdict);
        Assert.Equal((3L, 2L, 0L), (ledger.Balance.Locations["WH1"].OnHand, ledger.Balance.Locations["WH1"].Staged, Available()));
        Clean();
    }

    [Fact]
    public void Pick_FromABinThatShowsLess_TakesTheRestFromOthersWithAnException()
    {
        ledger.Execute(Say.Receive("a", 1, bin: "A-01"), Say.Receive("b", 4, bin: "B-02"));
        ledger.Execute(Say.Claim("o1", 3));
        var pick = ledger.Execute(Say.Pick("o1", 3, "s1", bin: "A-01"));
        Assert.Equal("binMismatch", Assert.Single(pick.Exceptions!).Kind);
        Assert.Equal(2, ledger.Balance.Locations["WH1"].Bins["B-02"]);
        Clean();
    }

    [Fact]
    public void CostOfGoods_IsRecognisedAtShip_AtTheAverageOfThatMoment()
    {
        ledger.Execute(Say.Receive("a", 2, 10_000));
        ledger.Execute(Say.Claim("o1", 1));
        ledger.Execute(Say.Pick("o1", 1, "s1"));
        Assert.Equal(20_000, ledger.Balance.Value);
        ledger.Execute(Say.Receive("b", 2, 20_000));
        Assert.Equal(15_000, ledger.Execute(Say.Ship("o1", 1, "sh")).Value);
        Assert.Equal(45_000, ledger.Balance.Value);
        var back = ledger.Execute(Say.Post(PostKind.Return, Accounts.Customer, Accounts.OnHand("WH1"), "ret:1", 1, value: 15_000));
        Assert.Equal((15_000L, 60_000L), (back.Value, ledger.Balance.Value));
        Clean();
    }

    [Fact]
    public void TheLastUnit_TakesWhatValueIsLeft()
    {
        ledger.Execute(Say.Post(PostKind.Receive, Accounts.Supplier, Accounts.OnHand("WH1"), "a", 3, value: 10_000));
        var costs = Enumerable.Range(0, 3).Select(i => ledger.Execute(Say.Post(PostKind.PosSale, Accounts.OnHand("WH1"), Accounts.Customer, $"t{i}", 1)).Value);
        Assert.Equal([3_333L, 3_334L, 3_333L], costs);
        Assert.Equal(0, ledger.Balance.Value);
        Clean();
    }

    [Fact]
    public void LateLandedCost_IsARevalueWithoutUnits()
    {
        ledger.Execute(Say.Receive("a", 4, 10_000));
        ledger.Execute(new Revalue { Sku = Say.Sku, Actor = "finance", Id = "freight:1", Value = 2_000 });
        Assert.Equal((4L, 42_000L), (ledger.Balance.Locations["WH1"].OnHand, ledger.Balance.Value));
        Clean();
    }

    [Theory]
    [InlineData("onHand/WH1", 2, 0, 0)]
    [InlineData("quarantine/WH1", 0, 2, 0)]
    [InlineData("onHand/WH1#B", 0, 0, 2)]
    public void Return_ByGrade_GoesWhereItBelongs(string to, long sellable, long quarantine, long seconds)
    {
        ledger.Execute(Say.Post(PostKind.Return, Accounts.Customer, to, "ret", 2, value: 20_000));
        var stock = ledger.Balance.Locations["WH1"];
        Assert.Equal((sellable, quarantine, seconds), (stock.Sellable, stock.Quarantine, stock.Bins.GetValueOrDefault("#B")));
        Clean();
    }

    [Fact]
    public void ATransfer_IsClaimedPickedDispatched_AndReceivedForWhatWasCounted()
    {
        ledger.Execute(Say.Receive("a", 5, 10_000));
        ledger.Execute(Say.Claim("tr:9", 5));
        ledger.Execute(Say.Pick("tr:9", 5, "s1"));
        ledger.Execute(Say.Ship("tr:9", 5, "out", transfer: "T9"));
        Assert.Equal((5L, 50_000L), (ledger.Balance.Away["transit/T9"], ledger.Balance.Value));
        ledger.Execute(Say.Post(PostKind.Arrive, Accounts.Transit("T9"), Accounts.OnHand("STORE"), "in:1", 4));
        ledger.Execute(Say.Post(PostKind.Arrive, Accounts.Transit("T9"), Accounts.Shrink, "close", 1));
        Assert.Equal((4L, 40_000L), (Available("STORE"), ledger.Balance.Value));
        Assert.Empty(ledger.Balance.Away);
        Clean();
    }

    [Fact]
    public void AssembleAndBreak_BalanceInValueOverTheirSkus()
    {
        var (tee, pack) = (new MemorySku("TEE"), new MemorySku("PACK"));
        tee.Execute(Say.Receive("a", 6, 10_000) with { Sku = "TEE" });
        var used = tee.Execute(Say.Post(PostKind.Consume, Accounts.OnHand("WH1"), Accounts.Conversion("W1"), "w1:in", 3) with { Sku = "TEE" });
        pack.Execute(Say.Post(PostKind.Produce, Accounts.Conversion("W1"), Accounts.OnHand("WH1"), "w1:out", 1, used.Value) with { Sku = "PACK" });
        Assert.Equal((30_000L, 30_000L), (tee.Balance.Value, pack.Balance.Value));
        Assert.Equal(0, tee.Balance.Outside["conversion"].Value + pack.Balance.Outside["conversion"].Value);
        Assert.Equal(Verdict.Refused, tee.Execute(Say.Post(PostKind.Consume, Accounts.OnHand("WH1"), Accounts.Conversion("W2"), "w2", 4) with { Sku = "TEE" }).Verdict);
        Assert.Empty(tee.Audit());
        Assert.Empty(pack.Audit());
    }

    [Fact]
    public void ACount_PostsTheDifference_AgainstWhatTheLedgerShowedThen()
    {
        ledger.Execute(Say.Receive("a", 10, 10_000));
        ledger.Execute(Say.Count("c1", 8));
        Assert.Equal((8L, 2L), (Available(), ledger.Balance.Outside[Accounts.Shrink].Units));
        ledger.Execute(Say.Receive("b", 5, 10_000));
        ledger.Execute(Say.Count("c2", 9, expected: 8));
        Assert.Equal(14, Available());
        Clean();
    }

    [Fact]
    public void AMarketplaceAdjustment_IsAFactAgainstUnexplained()
    {
        ledger.Execute(Say.Receive("a", 5, location: "FBA"));
        ledger.Execute(Say.Post(PostKind.Adjust, Accounts.OnHand("FBA"), Accounts.Unexplained, "ama:adj:1", 2));
        Assert.Equal((3L, 2L), (Available("FBA"), ledger.Balance.Outside[Accounts.Unexplained].Units));
        Clean();
    }

    [Fact]
    public void AHold_LapsesOnlyWhenItsTimeHasCome_AndServesWhoWaits()
    {
        ledger.Execute(Say.Receive("a", 2));
        ledger.Execute(Say.Claim("quote", 2) with { Kind = ClaimKind.Hold, Owner = "rep:ann", ExpiresAt = new DateTimeOffset(2026, 11, 23, 9, 0, 5, TimeSpan.Zero) });
        ledger.Execute(Say.Claim("o1", 1, shortage: Shortage.Short));
        Assert.Equal(Verdict.Refused, ledger.Execute(Say.Settle("quote", keep: false) with { Lapsed = true }).Verdict);
        ledger.Execute(Say.Count("tick", 2));
        Assert.Equal(Verdict.Applied, ledger.Execute(Say.Settle("quote", keep: false) with { Lapsed = true }).Verdict);
        Assert.Equal((1L, 1L), (ClaimOf("o1")!.Held, Available()));
        Assert.Equal(Verdict.Refused, ledger.Execute(Say.Settle("quote", keep: true)).Verdict);
        Clean();
    }

    [Fact]
    public void ARequestShortOnlyBecauseOfTentativeClaims_Waits()
    {
        ledger.Execute(Say.Receive("a", 1));
        ledger.Execute(Say.Claim("basket1", 1, tentative: true));
        var session = new Session(new Knowledge(ledger.Balance)) { MayWait = true };
        var decision = Deciding.Decide(session, Say.Claim("basket2", 1), DateTimeOffset.UnixEpoch);
        Assert.True(decision.Waits);
        Assert.False(Deciding.Decide(session, Say.Claim("basket3", 2), DateTimeOffset.UnixEpoch).Waits);
        ledger.Execute(Say.Settle("basket1", keep: false));
        Assert.Equal(Verdict.Applied, ledger.Execute(Say.Claim("basket2", 1)).Verdict);
        Clean();
    }

    [Fact]
    public void ALine_DoesNotWaitForTheTentativeClaimsOfItsOwnOrder()
    {
        ledger.Execute(Say.Receive("a", 1));
        ledger.Execute(Say.Claim("basket", 1, tentative: true));
        var session = new Session(new Knowledge(ledger.Balance)) { MayWait = true };
        Assert.False(Deciding.Decide(session, Say.Claim("basket", 1, line: "2", tentative: true) with { Beside = 1 }, DateTimeOffset.UnixEpoch).Waits);
    }

    [Fact]
    public void PeggedUnitsThatArrived_ArePassedByNobody_WhileTheyAreBeingServed()
    {
        ledger.Execute(new SetSupply { Sku = Say.Sku, Actor = "buyer", Supply = "PO1", Location = "WH1", Quantity = 40, Revision = 1 });
        for (var i = 0; i < 40; i++) ledger.Execute(Say.Claim($"peg{i:00}", 1, places: ["supply/PO1"]));
        var outcomes = ledger.Execute(Say.Receive("r", 40, supply: "PO1"), Say.Claim("newcomer", 5, shortage: Shortage.Short),
            Say.Post(PostKind.Transfer, Accounts.OnHand("WH1"), Accounts.OnHand("WH2"), "move", 1));
        Assert.Equal((5L, Verdict.Refused), (outcomes[1].Short, outcomes[2].Verdict));
        Assert.Equal(40, ledger.Claims.Values.Count(c => c.Place == "WH1" && c.Order.StartsWith("peg", StringComparison.Ordinal)));
        Clean();
    }

    [Fact]
    public void AValueTooLargeToBeKeptExactly_IsRefused()
    {
        Assert.Equal(Verdict.Refused, ledger.Execute(Say.Receive("a", 10_000_000, 9_999_999_999_999)).Verdict);
        Assert.Equal(Verdict.Applied, ledger.Execute(Say.Receive("b", 1_000, 9_000_000_000_000 - 1)).Verdict);
        Assert.Equal(Verdict.Refused, ledger.Execute(new Revalue { Sku = Say.Sku, Actor = "x", Id = "v", Value = 1_001 }).Verdict);
        Clean();
    }

    [Fact]
    public void WhoAsksFirst_IsJudgedAgainstItsOwnAts()
    {
        ledger.Execute(Say.Receive("a", 20));
        ledger.Execute(new SetLimit { Sku = Say.Sku, Actor = "ops", Id = "f1", Location = "WH1", Quantity = 3 }, new SetLimit { Sku = Say.Sku, Actor = "ops", Id = "f2", Fence = "group:vip", Quantity = 5 });
        var portal = Say.Claim("b2b:1", 11) with { AsksFirst = true, Buffer = 2 };
        Assert.Equal((Verdict.Refused, 10L), (ledger.Execute(portal).Verdict, ledger.Execute(portal).Available));
        Assert.Equal(Verdict.Applied, ledger.Execute(portal with { Quantity = 10 }).Verdict);
        Assert.Equal(Verdict.Applied, ledger.Execute(Say.Claim("vip:1", 5) with { AsksFirst = true, Buffer = 2, Fences = ["group:vip"] }).Verdict);
        Assert.Equal(5, ledger.Balance.Fences["group:vip"].Held);
        Assert.Equal(Verdict.Applied, ledger.Execute(Say.Claim("shop:1", 5)).Verdict);
        Clean();
    }

    [Fact]
    public void ACutSupply_TurnsItsPeggedClaimsShort()
    {
        var supply = new SetSupply { Sku = Say.Sku, Actor = "buyer", Supply = "PO1", Location = "WH1", Quantity = 5, Revision = 1 };
        ledger.Execute(supply);
        ledger.Execute(Say.Claim("o1", 3, places: ["supply/PO1"]), Say.Claim("o2", 2, places: ["supply/PO1"]));
        ledger.Execute(supply with { Quantity = 0, Revision = 2 });
        Assert.Equal(5, ledger.Balance.Short);
        ledger.Execute(Say.Receive("r", 5));
        Assert.Equal((3L, 2L), (ClaimOf("o1")!.Held, ClaimOf("o2")!.Held));
        Clean();
    }

    [Fact]
    public void AnAudit_FindsAChangedEntry_AMissingOne_AndATouchedBalance()
    {
        ledger.Execute(Say.Receive("a", 5, 10_000));
        ledger.Execute(Say.Claim("o1", 2));
        ledger.Execute(Say.Claim("o2", 2));
        Clean();
        var entry = ledger.Entries["e:a"];
        ledger.Entries["e:a"] = entry with { Actor = "someone else" };
        Assert.Contains(ledger.Audit(), d => d.Contains("was changed after it was written", StringComparison.Ordinal));
        ledger.Entries.Remove("e:a");
        Assert.Contains(ledger.Audit(), d => d.Contains("entry 2 follows 0", StringComparison.Ordinal));
        ledger.Entries["e:a"] = entry;
        ledger.Balance.Locations["WH1"].Held = 1;
        Assert.Contains(ledger.Audit(), d => d.Contains("the balance differs", StringComparison.Ordinal));
    }
}
