using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Ledger;
using Selvedge.Listings;
using Selvedge.Orders;

namespace Selvedge.Tests.Integration.Listings;

/// <summary>How numbers reach a channel and its orders come back.</summary>
public sealed class LaneTests
{
    [Fact]
    public async Task A_listing_is_read_back_first_and_raised_once_orders_are_read()
    {
        await using var rig = await LaneRig.StartAsync();
        await rig.RunAsync();
        Assert.Equal(["read", "orders"], rig.Fake.Calls.Take(2));
        Assert.Equal(100, rig.Fake["A"]);
        Assert.Contains("100 on hand", (await rig.ListingAsync()).Desired!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_drop_goes_at_once_and_a_raise_waits_until_orders_are_read_past_it()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false));
        await rig.SettleAsync(2);
        await rig.SellElsewhereAsync("A", 30);
        await rig.FeedAsync();
        await rig.RunAsync();
        Assert.Equal(70, rig.Fake["A"]);
        await rig.MoveAsync("A", 50);
        await rig.FeedAsync();
        await rig.RunAsync();
        Assert.Equal(70, rig.Fake["A"]);
        rig.Time.Pass(TimeSpan.FromSeconds(31));
        await rig.RunAsync();
        Assert.Equal(120, rig.Fake["A"]);
    }

    [Fact]
    public async Task A_wake_up_that_could_not_be_scheduled_is_scheduled_by_the_next_run_and_one_is_enough()
    {
        await using var rig = await LaneRig.StartAsync();
        var woken = new List<DateTimeOffset>();
        await Assert.ThrowsAsync<TimeoutException>(() => rig.Get<Lane>().RunAsync("fake", _ => throw new TimeoutException("stopping"), default));
        for (var run = 0; run < 2; run++)
            await rig.Get<Lane>().RunAsync("fake", at =>
            {
                woken.Add(at);
                return Task.CompletedTask;
            }, default);
        Assert.InRange(Assert.Single(woken), rig.Time.GetUtcNow() + TimeSpan.FromSeconds(20), rig.Time.GetUtcNow() + TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task What_the_channel_sold_itself_is_not_sent_to_it()
    {
        await using var rig = await LaneRig.StartAsync();
        await rig.SettleAsync(2);
        var sets = rig.Fake.Sets.Count;
        Assert.NotNull(rig.Fake.Sell("A", 3, "A"));
        await rig.SettleAsync(3);
        Assert.Equal(97, rig.Fake["A"]);
        Assert.Equal((97, sets), (await rig.AtsAsync(), rig.Fake.Sets.Count));
        Assert.Equal(0, (await rig.ListingAsync()).Drifts);
    }

    [Fact]
    public async Task A_raise_never_covers_units_that_the_channel_sold_unheard()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false), "A");
        await rig.SettleAsync(2);
        await rig.SellElsewhereAsync("A", 90);
        await rig.FeedAsync();
        await rig.RunAsync();
        Assert.Equal(10, rig.Fake["A"]);
        Assert.NotNull(rig.Fake.Sell("A", 8, "A"));
        await rig.MoveAsync("A", 5);
        await rig.SettleAsync(3);
        Assert.Equal(7, rig.Fake["A"]);
        Assert.DoesNotContain(rig.Fake.Sets, set => set.Units == 15);
    }

    [Fact]
    public async Task Below_its_threshold_a_listing_is_paused_and_its_guard_resumes_it_above_the_hysteresis()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false));
        await rig.Get<ListingDesk>().PutAsync(await rig.ChannelAsync(), new("", "A", null, null, null, new() { Threshold = 10, Hysteresis = 5 }, null, false), "test", default, default);
        await rig.SettleAsync(2);
        await rig.SellElsewhereAsync("A", 95);
        await rig.FeedAsync();
        await rig.RunAsync();
        Assert.Equal(("A", 0, true), rig.Fake.Sets.Last());
        var run = new GuardRun("fake", (await rig.ListingAsync()).Id, (await rig.ListingAsync()).Guard!.Run);
        Assert.False((await rig.Get<ListingGuards>().LookAsync(run)).End);
        rig.Time.Pass(TimeSpan.FromSeconds(2));
        await rig.RunAsync();
        Assert.NotNull((await rig.ListingAsync()).Guard!.VerifiedAt);

        await rig.MoveAsync("A", 8);
        await rig.SettleAsync(2);
        Assert.Equal(0, rig.Fake["A"]);
        Assert.False((await rig.Get<ListingGuards>().LookAsync(run)).End);
        await rig.MoveAsync("A", 4);
        await rig.SettleAsync(2);
        Assert.Equal(0, rig.Fake["A"]);
        Assert.True((await rig.Get<ListingGuards>().LookAsync(run)).End);
        await rig.SettleAsync(3);
        Assert.Equal(17, rig.Fake["A"]);
        Assert.Null((await rig.ListingAsync()).Guard);
        Assert.True((await rig.Get<ListingGuards>().LookAsync(run)).End);
    }

    [Fact]
    public async Task A_persons_pause_wins_over_the_guard_and_a_person_ends_it()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false));
        await rig.SettleAsync(2);
        async Task SayAsync(ManualState? manual) => await rig.Get<ListingDesk>().PutAsync(await rig.ChannelAsync(), new("", "A", null, null, null, null, manual, manual is null), "ann", default, default);
        await SayAsync(ManualState.Pause);
        await rig.RunAsync();
        Assert.Equal(0, rig.Fake["A"]);
        var run = new GuardRun("fake", (await rig.ListingAsync()).Id, 1);
        Assert.False((await rig.Get<ListingGuards>().LookAsync(run)).End);
        await SayAsync(null);
        Assert.True((await rig.Get<ListingGuards>().LookAsync(run)).End);
        await rig.SettleAsync(2);
        Assert.Equal(100, rig.Fake["A"]);
    }

    [Fact]
    public async Task Somebodys_edit_at_the_channel_is_overwritten_counted_and_shown()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false));
        await rig.SettleAsync(6);
        Assert.Equal(0, (await rig.ListingAsync()).Drifts);
        var edited = rig.Time.GetUtcNow();
        rig.Fake["A"] = 500;
        await rig.SettleAsync(6);
        Assert.Equal(100, rig.Fake["A"]);
        Assert.Equal(1, (await rig.ListingAsync()).Drifts);
        Assert.Equal("listingDrift", Assert.Single((await rig.Get<ExceptionCases>().ListAsync(null, null, 10, null)).Items).Kind);
        Assert.True(edited < rig.Time.GetUtcNow());
    }

    [Fact]
    public async Task A_channel_whose_numbers_cannot_be_read_is_taken_at_its_word_and_told_again_what_it_did_not_answer()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false) with { ReadsBack = false });
        await rig.RunAsync();
        Assert.Equal(100, rig.Fake["A"]);
        rig.Fake.Faults = (kind, n) => kind is "push" && n == 1 ? CallFault.LostBefore : CallFault.None;
        await rig.SellElsewhereAsync("A", 30);
        await rig.FeedAsync();
        await rig.RunAsync();
        Assert.Equal(100, rig.Fake["A"]);
        await rig.SettleAsync(6);
        Assert.Equal(70, rig.Fake["A"]);
        await rig.CheckAsync();
        Assert.Empty((await rig.Get<ExceptionCases>().ListAsync(null, null, 10, null)).Items);
    }

    [Fact]
    public async Task What_the_channel_holds_itself_is_at_its_location_and_is_never_sent()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false));
        await rig.Get<Locations>().PutAsync(new Location { Id = "FBA", Is = LocationKind.Marketplace, Name = "FBA" }, null, "test");
        await rig.PutChannelAsync(new { kind = "fake", locations = new[] { "WH1", "FBA" }, api = new { shop = "fake.example" } });
        rig.Fake.Holds["A"] = 12;
        await rig.SettleAsync(6);
        Assert.Equal(0, rig.Fake["A"]);
        Assert.Empty(rig.Fake.Sets);
        Assert.Equal(12, (await rig.Get<LedgerReads>().BalanceAsync("A"))!.Locations["FBA"].OnHand);
        Assert.Equal(100, await rig.AtsAsync());
    }

    [Fact]
    public async Task An_order_that_the_channel_does_not_want_sent_yet_is_held_and_not_begun()
    {
        await using var rig = await LaneRig.StartAsync();
        await rig.SettleAsync(1);
        rig.Fake.Waits = true;
        var id = rig.Fake.Sell("A", 2, "A")!;
        await rig.SettleAsync(2);
        var order = (await rig.Get<OrderStore>().ReadAsync("fake:" + id))!;
        Assert.Equal((OrderStatus.Committed, true, null), (order.Status, order.IsBlocked, order.FulfilDue));
        rig.Fake.Release(id);
        await rig.SettleAsync(2);
        order = (await rig.Get<OrderStore>().ReadAsync("fake:" + id))!;
        Assert.False(order.IsBlocked);
        Assert.NotNull(order.FulfilDue);
    }

    [Fact]
    public async Task Why_answers_for_any_moment()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false));
        await rig.SettleAsync(2);
        var first = rig.Time.GetUtcNow();
        rig.Time.Pass(TimeSpan.FromMinutes(5));
        await rig.SellElsewhereAsync("A", 40);
        await rig.SettleAsync(2);
        var (_, wanted, shown) = Assert.Single(await rig.Get<ListingDesk>().WhyAsync("fake", "A", first, default));
        Assert.Equal((100, 100), (wanted!.Units, shown!.Sent));
        (_, wanted, shown) = Assert.Single(await rig.Get<ListingDesk>().WhyAsync("fake", "A", rig.Time.GetUtcNow(), default));
        Assert.Equal((60, 60), (wanted!.Units, shown!.Sent));
        Assert.Contains("40 committed", shown.Reason, StringComparison.Ordinal);
        Assert.NotNull(shown.ConfirmedAt);
    }

    [Fact]
    public async Task An_order_is_accepted_after_its_claim_and_its_cancel_is_told()
    {
        await using var rig = await LaneRig.StartAsync();
        await rig.SettleAsync(1);
        var id = rig.Fake.Sell("A", 2, "A", rig.Time.GetUtcNow().AddHours(24))!;
        rig.Fake.Before = async kind =>
        {
            if (kind is "accept") Assert.Equal(OrderStatus.Committed, (await rig.Get<OrderStore>().ReadAsync("fake:" + id))!.Status);
        };
        await rig.SettleAsync(2);
        Assert.True(Assert.Single(rig.Fake.Accepted[id]).Accepted);
        Assert.NotNull((await rig.Get<OrderStore>().ReadAsync("fake:" + id))!.Told!.AcceptedAt);
        await rig.Get<Intake>().CancelAsync("fake:" + id, new(CancelState.Asked, rig.Time.GetUtcNow(), "damaged", "ann"), TimeSpan.FromSeconds(10));
        await rig.SettleAsync(1);
        Assert.Equal(new LineUnits("1", 2), Assert.Single(rig.Fake.Cancelled[id]));
        Assert.Null((await rig.Get<OrderStore>().ReadAsync("fake:" + id))!.TellDue);
        Assert.Equal(1, rig.Fake.Calls.Count(call => call == "accept"));
    }

    [Fact]
    public async Task What_nobody_has_is_declined_at_half_time_and_not_before()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false));
        await rig.SettleAsync(1);
        await rig.SellElsewhereAsync("A", 100);
        var id = rig.Fake.Sell("A", 1, "A", rig.Time.GetUtcNow().AddHours(10))!;
        await rig.SettleAsync(2);
        Assert.Empty(rig.Fake.Accepted);
        rig.Time.Pass(TimeSpan.FromHours(5));
        await rig.SettleAsync(1);
        Assert.False(Assert.Single(rig.Fake.Accepted[id]).Accepted);
    }
}
