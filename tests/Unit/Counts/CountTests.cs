using CsCheck;
using Selvedge.Counts;
using Selvedge.Ledger;
using Selvedge.Platform;
using Selvedge.Tests.Unit.Ledger;

namespace Selvedge.Tests.Unit.Counts;

/// <summary>Counts are compared with the ledger as of their window, whatever is told when.</summary>
public sealed class CountTests
{
    const string Place = "WH1", Account = "onHand/WH1";
    static readonly DateTimeOffset Day = new(2026, 11, 20, 8, 0, 0, TimeSpan.Zero);
    static readonly Counter Ana = new("Ana", "k1", Role.Warehouse);

    sealed record Event(int At, long Delta, bool IsTold, bool IsCount);

    static readonly Gen<(Event[] Events, int[] Order)> GenHistory =
        from events in Gen.Select(Gen.Long[-4, 4].Where(delta => delta != 0), Gen.Bool, Gen.Int[0, 3]).Array[1, 14]
        from order in Gen.Shuffle(Enumerable.Range(0, events.Length).ToArray())
        select (events.Select((e, i) => new Event(i + 1, e.Item1, e.Item2, e.Item3 == 0)).ToArray(), order);

    static DateTimeOffset Instant(int at) => Day.AddMinutes(10 * at);

    static Post Fact(Event e) => new()
    {
        Sku = "TEE-NVY-M", Actor = "test", Kind = PostKind.Adjust, Quantity = Math.Abs(e.Delta), Id = $"f{e.At}", EffectiveAt = Instant(e.At),
        From = e.Delta < 0 ? Account : Accounts.Unexplained, To = e.Delta < 0 ? Accounts.Unexplained : Account,
    };

    [Fact]
    public void In_whatever_order_facts_and_counts_are_told_the_shelf_says_what_was_counted_last_and_what_happened_since() => GenHistory.Sample((events, order) =>
    {
        var sku = new MemorySku();
        sku.Execute(new Post { Sku = "TEE-NVY-M", Actor = "test", Kind = PostKind.Receive, From = Accounts.Supplier, To = Account, Quantity = 1_000, UnitCost = 10_000, Id = "first", EffectiveAt = Day });
        // What nobody tells (theft, a misplaced unit) is real all the same.
        long Physical(int before) => 1_000 + events.Where(e => !e.IsCount && e.At < before).Sum(e => e.Delta);
        foreach (var e in order.Select(i => events[i]).Where(e => e.IsTold || e.IsCount))
        {
            if (!e.IsCount)
            {
                sku.Execute(Fact(e));
                continue;
            }
            var view = CountWindow.Of(Account, sku.Balance.Locations[Place].OnHand, sku.Entries.Values, Instant(e.At), Instant(e.At));
            Assert.False(view.Moved);
            sku.Execute(new Count { Sku = "TEE-NVY-M", Actor = "test", Location = Place, Counted = Physical(e.At), Expected = view.Expected, EffectiveAt = Instant(e.At), Id = $"c{e.At}" });
        }
        var last = events.LastOrDefault(e => e.IsCount);
        var expected = (last is null ? 1_000 : Physical(last.At)) + events.Where(e => e is { IsCount: false, IsTold: true } && e.At > (last?.At ?? 0)).Sum(e => e.Delta);
        Assert.Equal(expected, sku.Balance.Locations[Place].OnHand);
        Assert.Empty(sku.Audit());
    });

    [Fact]
    public void A_late_sale_and_its_correction_are_one_entry_that_leaves_the_counted_bin_alone()
    {
        var sku = new MemorySku();
        sku.Execute(new Post { Sku = "TEE-NVY-M", Actor = "t", Kind = PostKind.Receive, From = Accounts.Supplier, To = "onHand/WH1/A-01", Quantity = 10, UnitCost = 50_000, Id = "in", EffectiveAt = Day });
        sku.Execute(new Count { Sku = "TEE-NVY-M", Actor = "t", Location = Place, Bin = "A-01", Counted = 9, Expected = 10, EffectiveAt = Instant(2), Id = "c" });
        var sale = new Post { Sku = "TEE-NVY-M", Actor = "t", Kind = PostKind.PosSale, From = "onHand/WH1/A-01", To = Accounts.Customer, Quantity = 1, Id = "s", EffectiveAt = Instant(1) };
        var told = sku.Execute(sale);
        Assert.Equal((9L, 50_000L), (sku.Balance.Locations[Place].Bins["A-01"], told.Value));
        Assert.Equal((0L, 0L), (sku.Balance.Outside[Accounts.Shrink].Units, sku.Balance.Outside[Accounts.Shrink].Value));
        Assert.Equal(450_000, sku.Balance.Value);
        Assert.Equal(2, sku.Entries[Ids.Entry("s")].Moves!.Count);
        sku.Execute(sale with { Id = "later", EffectiveAt = Instant(3) });
        Assert.Equal(8, sku.Balance.Locations[Place].OnHand);
        Assert.Empty(sku.Audit());
    }

    [Fact]
    public void An_entry_inside_the_window_spoils_the_look_and_those_around_it_do_not()
    {
        Entry Move(int minute, long units, string account = Account) => new()
        {
            Id = "e", Sku = "S", Sequence = 1, Kind = "adjust", Key = "k", Actor = "t", At = Day.AddMinutes(minute), After = [], Outcome = new(Verdict.Applied), Moves = [new(Accounts.Supplier, account, units)],
        };
        var (from, to) = (Day.AddMinutes(10), Day.AddMinutes(20));
        Assert.Equal(new(100, false), CountWindow.Of(Account, 100, [Move(9, 5)], from, to));
        Assert.Equal(new(95, false), CountWindow.Of(Account, 100, [Move(21, 5)], from, to));
        Assert.Equal(new(95, true), CountWindow.Of(Account, 100, [Move(10, 5)], from, to));
        Assert.Equal(new(95, true), CountWindow.Of(Account, 100, [Move(20, 5)], from, to));
        Assert.Equal(new(100, false), CountWindow.Of(Account, 100, [Move(15, 5, "onHand/WH1/A-01")], from, to));
        Assert.Equal(new(100, false), CountWindow.Of(Account, 100, [Move(15, 5) with { EffectiveAt = Day.AddMinutes(5) }], from, to));
    }

    static CountLook Look(long counted, long expected, long missing = 0, bool moved = false) => new(Ana, Day, Day.AddMinutes(1), counted, expected, missing, moved);

    [Fact]
    public void A_difference_is_believed_when_it_is_small_seen_twice_or_seen_often_enough()
    {
        Assert.Null(CountRules.Recount([Look(10, 10)], 0));
        Assert.Equal(CountRules.BeyondTolerance, CountRules.Recount([Look(8, 10)], 1));
        Assert.Null(CountRules.Recount([Look(9, 10)], 1));
        Assert.Equal(CountRules.Moved, CountRules.Recount([Look(10, 10, moved: true)], 5));
        // Between the two looks five were sold: both say that two are gone.
        Assert.Null(CountRules.Recount([Look(8, 10), Look(3, 5)], 0));
        Assert.Equal(CountRules.BeyondTolerance, CountRules.Recount([Look(8, 10), Look(7, 10)], 0));
        Assert.Equal(CountRules.BeyondTolerance, CountRules.Recount([Look(8, 10, moved: true), Look(8, 10)], 0));
        Assert.Null(CountRules.Recount([Look(8, 10), Look(7, 10), Look(6, 10)], 0));
        // A picker had missed two: either they are gone, as the picker says, or they are there.
        Assert.Null(CountRules.Recount([Look(8, 8, missing: 2)], 0));
        Assert.Null(CountRules.Recount([Look(10, 8, missing: 2)], 0));
        Assert.Equal(CountRules.BeyondTolerance, CountRules.Recount([Look(9, 8, missing: 2)], 0));
    }

    [Fact]
    public void What_a_result_posts_adds_up_to_what_was_counted() => Gen.Select(Gen.Long[0, 40], Gen.Long[-5, 40], Gen.Long[0, 10]).Sample((counted, expected, missing) =>
    {
        var result = CountRules.Result(Look(counted, expected, missing), 1);
        Assert.Equal(missing, result.Found + result.Lost);
        Assert.True(result.Found >= 0 && result.Lost >= 0);
        // Sellable before, found units back on the shelf, and the difference the count posts.
        Assert.Equal(counted, expected + result.Found + (result.Counted - result.Expected));
        Assert.Equal(counted - expected - missing, result.Units);
        Assert.Equal(result.Units, result.Counted - result.Expected - result.Lost);
    });
}
