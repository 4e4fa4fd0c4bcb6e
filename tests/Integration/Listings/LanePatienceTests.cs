using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Listings;
using Selvedge.Orders;

namespace Selvedge.Tests.Integration.Listings;

/// <summary>What has to wait at a channel, and that nothing else waits for it.</summary>
public sealed class LanePatienceTests
{
    static async Task<IReadOnlyList<string>> ExceptionsAsync(LaneRig rig) => [.. (await rig.Get<ExceptionCases>().ListAsync(null, null, 10, null)).Items.Select(one => one.Kind)];

    [Fact]
    public async Task A_refused_number_does_not_hold_back_the_next_one()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false));
        await rig.SettleAsync(2);
        rig.Fake.Faults = (kind, _) => kind is "push" ? CallFault.ItemRefused : CallFault.None;
        await rig.MoveAsync("A", 50);
        await rig.FeedAsync();
        rig.Time.Pass(TimeSpan.FromSeconds(31));
        await rig.RunAsync();
        Assert.Equal(["listingRefused"], await ExceptionsAsync(rig));
        rig.Fake.Faults = (_, _) => CallFault.None;
        await rig.SellElsewhereAsync("A", 150);
        await rig.FeedAsync();
        await rig.RunAsync();
        Assert.Equal(0, rig.Fake["A"]);
    }

    [Fact]
    public async Task A_listing_that_waits_for_orders_hides_no_other()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(comparesAndSets: true) with { MostAtOnce = 1 }, "A", "B");
        await rig.SettleAsync(2);
        rig.Time.Pass(TimeSpan.FromSeconds(31));
        await rig.RunAsync();
        Assert.NotNull(rig.Fake.Sell("A", 3, "A"));
        await rig.SellElsewhereAsync("A", 10);
        await rig.FeedAsync();
        await rig.RunAsync();
        Assert.Equal((97, true), (rig.Fake["A"], (await rig.ListingAsync()).Next is { What: Urgency.Stale }));
        await rig.SellElsewhereAsync("B", 20);
        await rig.FeedAsync();
        await rig.RunAsync();
        Assert.Equal((97, 80), (rig.Fake["A"], rig.Fake["B"]));
        rig.Time.Pass(TimeSpan.FromSeconds(31));
        await rig.RunAsync();
        await rig.FeedAsync();
        await rig.RunAsync();
        Assert.Equal(87, rig.Fake["A"]);
        Assert.Empty(await ExceptionsAsync(rig));
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_refresh_repairs_what_was_edited_and_tells_what_is_not_there_in_one_go_or_page_by_page(bool inOneGo)
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false) with { ReadsAll = inOneGo, ReadsAtOnce = 2 }, "A", "B", "C", "D");
        await rig.SettleAsync(6);
        await rig.Get<ListingDesk>().PutAsync(await rig.ChannelAsync(), new("", "gone", "B", null, null, null, null, false), "test", default, default);
        rig.Fake["A"] = 500;
        await rig.SettleAsync(6);
        Assert.Equal((100, 100), (rig.Fake["A"], rig.Fake["D"]));
        Assert.Equal(["listingDrift", "listingMissing"], (await ExceptionsAsync(rig)).Order(StringComparer.Ordinal));
        Assert.True((await rig.Get<LaneHealth>().SinceAsync("fake", "h", rig.Time.GetUtcNow().AddHours(-1), default)).Counts["refreshed"] >= 9);
        await rig.CheckAsync();
    }

    [Fact]
    public async Task A_limit_on_reading_keeps_no_drop_waiting()
    {
        await using var rig = await LaneRig.StartAsync();
        await rig.SettleAsync(6);
        rig.Fake.Faults = (kind, _) => kind is "read" ? CallFault.Limited : CallFault.None;
        await rig.SellElsewhereAsync("A", 60);
        await rig.FeedAsync();
        await rig.RunAsync();
        Assert.Equal(40, rig.Fake["A"]);
        rig.Fake.Faults = (_, _) => CallFault.None;
        await rig.SettleAsync(6);
        await rig.CheckAsync();
    }

    [Fact]
    public async Task Where_orders_are_seen_late_a_raise_waits_so_much_longer()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false) with { OrdersVisibleAfter = TimeSpan.FromSeconds(60) });
        await rig.SettleAsync(3);
        Assert.Equal(100, rig.Fake["A"]);
        await rig.MoveAsync("A", 50);
        await rig.FeedAsync();
        rig.Time.Pass(TimeSpan.FromSeconds(31));
        await rig.RunAsync();
        Assert.Equal(100, rig.Fake["A"]);
        rig.Time.Pass(TimeSpan.FromSeconds(61));
        await rig.RunAsync();
        Assert.Equal(150, rig.Fake["A"]);
    }

    [Fact]
    public async Task A_place_with_stock_of_its_own_that_is_none_of_ours_shows_nothing()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits() with { PlacesHoldStock = true });
        var channel = await rig.ChannelAsync();
        async Task<long> UnitsAsync(string place) => (await rig.Get<ListingDesk>().PutAsync(await rig.ChannelAsync(), new(place, "A", "A", null, null, null, null, false), "test", default, default)).Listing.Desired!.Units;
        Assert.Equal(0, await UnitsAsync("gid://shopify/Location/7"));
        await rig.PutChannelAsync(new { kind = "fake", locations = new[] { "WH1" }, places = new Dictionary<string, string> { ["8"] = "WH1" }, api = new { shop = "fake.example" } });
        Assert.Equal(100, await UnitsAsync("gid://shopify/Location/8"));
        Assert.Equal(100, await UnitsAsync("8"));
        Assert.Null(channel.PlaceOf("8"));
    }

    [Fact]
    public async Task A_person_hears_of_deadlines_though_the_channel_takes_no_calls()
    {
        await using var rig = await LaneRig.StartAsync();
        await rig.SettleAsync(1);
        rig.Fake.Faults = (kind, _) => kind is "accept" ? CallFault.LostBefore : CallFault.None;
        rig.Fake.Sell("A", 2, "A", rig.Time.GetUtcNow().AddHours(10));
        await rig.SettleAsync(2);
        await rig.Get<Telling>().AlarmsAsync("fake", default);
        Assert.Empty(await ExceptionsAsync(rig));
        rig.Time.Pass(TimeSpan.FromHours(8));
        await rig.Get<Telling>().AlarmsAsync("fake", default);
        await rig.Get<Telling>().AlarmsAsync("fake", default);
        Assert.Equal(["acceptOverdue"], await ExceptionsAsync(rig));
        Assert.Empty(rig.Fake.Accepted);
    }

    [Fact]
    public async Task A_cancel_that_the_channel_takes_from_nobody_is_a_persons_to_make()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits() with { Cancels = false });
        await rig.SettleAsync(1);
        var id = rig.Fake.Sell("A", 2, "A")!;
        await rig.SettleAsync(2);
        await rig.Get<Intake>().CancelAsync("fake:" + id, new(CancelState.Asked, rig.Time.GetUtcNow(), "damaged", "ann"), TimeSpan.FromSeconds(10));
        await rig.SettleAsync(1);
        Assert.Equal(["channelUntold"], await ExceptionsAsync(rig));
        Assert.Null((await rig.Get<OrderStore>().ReadAsync("fake:" + id))!.TellDue);
    }

    [Fact]
    public async Task Health_tells_since_when_a_listing_differs_however_often_it_was_put_off()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false));
        await rig.SettleAsync(2);
        rig.Fake.Faults = (kind, _) => kind is "push" ? CallFault.ItemFails : CallFault.None;
        await rig.SellElsewhereAsync("A", 5);
        var since = rig.Time.GetUtcNow();
        await rig.SettleAsync(4);
        var (all, differing, oldest) = await rig.Get<LaneHealth>().CountAsync("fake", default);
        Assert.Equal((1, 1), (all, differing));
        Assert.InRange(oldest!.Value, since.AddSeconds(-1), since.AddSeconds(20));
    }
}
