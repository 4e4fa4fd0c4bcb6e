using CsCheck;
using Selvedge.Ledger;
using Selvedge.Listings;

namespace Selvedge.Tests.Unit.Listings;

/// <summary>What a channel is to show follows from balances by the formula, and says how.</summary>
public sealed class AvailabilityTests
{
    static readonly string[] Places = ["WH1", "WH2", "STORE"];

    static Balance Stock(params (string Place, long OnHand, long Held, long Floor)[] stock)
    {
        var balance = new Balance { Sku = "A" };
        foreach (var (place, onHand, held, floor) in stock) balance.Locations[place] = new Stock { Bins = new(StringComparer.Ordinal) { [""] = onHand }, Held = held, Floor = floor };
        return balance;
    }

    static Available Of(Balance? balance, ListingBounds? bounds = null, bool wasPaused = false, ManualState? manual = null, string? place = null, params string[] places) =>
        Availability.Of("shop", places.Length > 0 ? places : ["WH1"], place, [(balance, 1)], bounds ?? new(), wasPaused, manual);

    [Fact]
    public void The_number_is_said_with_everything_it_consists_of()
    {
        var balance = Stock(("WH1", 1000, 40, 10));
        balance.Short = 5;
        balance.Fences["channel:other"] = new() { Quantity = 20, Held = 8 };
        balance.Fences["channel:shop"] = new() { Quantity = 500 };
        var number = Of(balance, new(Buffer: 25, Allocation: 300, Threshold: 5));
        Assert.Equal((300, false, 908), (number.Units, number.Paused, number.Ats));
        Assert.Equal("1000 on hand − 40 committed − 10 floor − 5 waiting for stock − 12 ring-fenced for others − 25 buffer = 908; capped at 300", number.Reason);
    }

    [Fact]
    public void Damaged_units_and_other_places_are_nobodys_to_sell()
    {
        var balance = Stock(("WH1", 3, 0, 0), ("WH2", 50, 0, 0));
        balance.Locations["WH1"].Bins["A-01#B"] = 7;
        Assert.Equal(3, Of(balance).Units);
        Assert.Equal(0, Of(null).Units);
    }

    [Theory]
    [InlineData(4, false, true)]
    [InlineData(5, false, false)]
    [InlineData(5, true, true)]
    [InlineData(7, true, true)]
    [InlineData(8, true, false)]
    public void A_threshold_pauses_below_it_and_resumes_above_its_hysteresis(long units, bool wasPaused, bool paused) =>
        Assert.Equal(paused, Of(Stock(("WH1", units, 0, 0)), new(Threshold: 5, Hysteresis: 3), wasPaused).Paused);

    [Fact]
    public void The_threshold_is_compared_with_the_number_before_the_cap()
    {
        Assert.False(Of(Stock(("WH1", 9, 0, 0)), new(Allocation: 2, Threshold: 5)).Paused);
        Assert.Equal(0, Of(Stock(("WH1", 4, 0, 0)), new(Allocation: 2, Threshold: 5)).Sent);
    }

    [Fact]
    public void A_persons_word_wins_both_ways()
    {
        Assert.True(Of(Stock(("WH1", 100, 0, 0)), manual: ManualState.Pause).Paused);
        Assert.False(Of(Stock(("WH1", 1, 0, 0)), new(Threshold: 5), wasPaused: true, manual: ManualState.Live).Paused);
    }

    [Fact]
    public void The_nearest_level_that_says_something_says_it()
    {
        var bounds = ListingRules.Bounds([new() { Threshold = 3 }, null, new() { Threshold = 9, Buffer = 2 }, new() { Allocation = 70, Hysteresis = 4 }], null);
        Assert.Equal(new ListingBounds(2, 70, 3, 4), bounds);
    }

    [Fact]
    public void A_bundle_is_as_many_as_its_scarcest_part_gives()
    {
        var (shirt, tie) = (Stock(("WH1", 10, 0, 0)), Stock(("WH1", 7, 0, 0)));
        Assert.Equal(2, Availability.Of("shop", ["WH1"], null, [(shirt, 1), (tie, 3)], new(), false, null).Units);
        Assert.Equal(1, Availability.Of("shop", ["WH1"], null, [(shirt, 1), (tie, 3)], new(Buffer: 1), false, null).Units);
        Assert.Equal(0, Availability.Of("shop", ["WH1"], null, [(shirt, 1), (null, 1)], new(), false, null).Units);
    }

    static readonly Gen<Balance> AnyBalance =
        from stock in Gen.Select(Gen.Long[0, 60], Gen.Long[0, 70], Gen.Long[0, 9]).Array[3]
        from shortage in Gen.Long[0, 12]
        from fence in Gen.Select(Gen.Long[0, 20], Gen.Long[0, 20])
        select Made(stock, shortage, fence);

    static Balance Made((long, long, long)[] stock, long shortage, (long, long) fence)
    {
        var balance = Stock([.. stock.Select((one, i) => (Places[i], one.Item1, one.Item2, one.Item3))]);
        balance.Short = shortage;
        balance.Fences["group:vip"] = new() { Quantity = fence.Item1, Held = fence.Item2 };
        return balance;
    }

    [Fact]
    public void Places_that_are_shown_each_for_itself_never_show_more_than_there_is_together() =>
        Gen.Select(AnyBalance, Gen.Long[0, 15], Gen.Long[0, 100]).Sample((balance, buffer, cap) =>
        {
            var bounds = new ListingBounds(buffer, cap);
            var whole = Of(balance, bounds, places: Places).Units;
            Assert.Equal(whole, Places.Sum(place => Of(balance, bounds, place: place, places: Places).Units));
        });

    [Fact]
    public void It_is_the_formula() =>
        Gen.Select(AnyBalance, Gen.Long[0, 15], Gen.Long[0, 100]).Sample((balance, buffer, cap) =>
        {
            var ats = Math.Max(0, Places.Sum(place => Math.Max(0, balance.Locations[place].Available - balance.Locations[place].Floor)) - balance.Short - balance.Fences["group:vip"].Open - buffer);
            var number = Of(balance, new(buffer, cap), places: Places);
            Assert.Equal((Math.Min(ats, cap), ats), (number.Units, number.Ats));
            Assert.Contains($"= {ats}", number.Reason, StringComparison.Ordinal);
        });

    [Fact]
    public void More_stock_never_shows_less() =>
        Gen.Select(AnyBalance, Gen.Long[1, 9], Gen.Long[0, 20], Gen.Bool).Sample((balance, more, threshold, paused) =>
        {
            var bounds = new ListingBounds(Threshold: threshold, Hysteresis: 2);
            var before = Of(balance, bounds, paused, places: Places).Sent;
            balance.Locations["WH2"].Bins[""] += more;
            Assert.True(Of(balance, bounds, paused, places: Places).Sent >= before);
        });
}
