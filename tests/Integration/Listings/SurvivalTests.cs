using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Listings;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Listings;

/// <summary>Whatever happens to calls and processes: within one refresh the channel's number is ats again, no order is there twice, and nothing is ever set above what is available.</summary>
public sealed class SurvivalTests
{
    public enum Storm { Limits, NotApplied, AppliedUnheard, ItemsFail, OrdersUnread, Everything }

    public static TheoryData<Storm, bool, bool> Storms()
    {
        var all = new TheoryData<Storm, bool, bool>();
        foreach (var storm in Enum.GetValues<Storm>())
            foreach (var (decrements, compares) in ((bool, bool)[])[(false, false), (true, false), (true, true)])
                if (decrements || storm is Storm.Everything or Storm.AppliedUnheard) all.Add(storm, decrements, compares);
        return all;
    }

    [Theory, MemberData(nameof(Storms))]
    public async Task After_a_storm_the_channel_shows_ats(Storm storm, bool decrements, bool compares)
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements, compares), "A", "B");
        var die = new Random((int)storm + (decrements ? 10 : 0) + (compares ? 20 : 0));
        await rig.SettleAsync(1);
        rig.Fake.Faults = (kind, _) => die.Next(100) >= 45 ? CallFault.None : storm switch
        {
            Storm.Limits => CallFault.Limited,
            Storm.NotApplied => kind is "push" ? CallFault.LostBefore : CallFault.None,
            Storm.AppliedUnheard => kind is "push" ? CallFault.LostAfter : CallFault.None,
            Storm.ItemsFail => kind is "push" ? CallFault.ItemFails : CallFault.None,
            Storm.OrdersUnread => kind is "orders" ? CallFault.LostBefore : CallFault.None,
            _ => (CallFault)die.Next(1, 5),
        };
        for (var step = 0; step < 9; step++)
        {
            foreach (var item in rig.Items)
            {
                if (die.Next(3) == 0) rig.Fake.Sell(item, die.Next(1, 4), item);
                if (die.Next(3) == 0) await rig.SellElsewhereAsync(item, die.Next(1, 8));
                if (die.Next(6) == 0) await rig.MoveAsync(item, die.Next(1, 20));
            }
            await rig.FeedAsync();
            await rig.RunAsync();
            rig.Time.Pass(TimeSpan.FromSeconds(die.Next(1, 40)));
        }
        rig.Fake.Faults = (_, _) => CallFault.None;
        await rig.SettleAsync(6);
        await rig.CheckAsync();
        Assert.Empty(rig.Fake.Above);
        if (storm is not (Storm.Everything or Storm.OrdersUnread)) Assert.DoesNotContain((await rig.Get<ExceptionCases>().ListAsync(null, "listingDrift", 10, null)).Items, _ => true);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Killed_at_any_write_between_asking_and_recording_it_goes_on_where_it_was(bool decrements, bool compares)
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements, compares), "A", "B");
        await rig.SettleAsync(1);
        for (var write = 0; write < 8; write++)
        {
            foreach (var item in rig.Items) await rig.SellElsewhereAsync(item, 2);
            rig.Fake.Sell("A", 1, "A");
            var fatal = write;
            rig.Boot();
            rig.Dies = n => n == fatal;
            await rig.LiveAsync(rig.FeedAsync);
            await rig.LiveAsync(rig.RunAsync);
            rig.Dies = _ => false;
            rig.Time.Pass(TimeSpan.FromSeconds(20));
            await rig.FeedAsync();
            await rig.RunAsync();
        }
        Assert.True(rig.Deaths >= 3, $"{rig.Deaths} deaths");
        await rig.SettleAsync(6);
        Assert.Equal(8, await rig.CheckAsync());
        Assert.Empty(rig.Fake.Above);
    }

    [Fact]
    public async Task A_channel_that_is_down_for_an_hour_is_asked_seldom_and_is_right_after()
    {
        await using var rig = await LaneRig.StartAsync();
        await rig.SettleAsync(1);
        rig.Fake.Faults = (_, _) => CallFault.LostBefore;
        var before = rig.Fake.Calls.Count;
        for (var second = 0; second < 3600; second += 10)
        {
            if (second % 600 == 0) await rig.SellElsewhereAsync("A", 5);
            await rig.FeedAsync();
            await rig.RunAsync();
            rig.Time.Pass(TimeSpan.FromSeconds(10));
        }
        Assert.InRange(rig.Fake.Calls.Count - before, 5, 60);
        rig.Fake.Faults = (_, _) => CallFault.None;
        await rig.SettleAsync(6);
        Assert.Equal(70, rig.Fake["A"]);
        await rig.CheckAsync();
    }

    [Fact]
    public async Task Orders_that_come_twice_and_in_no_order_and_by_webhook_too_are_taken_once()
    {
        await using var rig = await LaneRig.StartAsync();
        await rig.SettleAsync(1);
        rig.Fake.Shuffles = true;
        for (var i = 0; i < 12; i++)
        {
            var id = rig.Fake.Sell("A", 1, "A")!;
            rig.Time.Pass(TimeSpan.FromSeconds(1));
            // Told at once by another way, and again by the poll.
            if (i % 3 == 0) await rig.Get<Intake>().TakeAsync(await rig.ChannelAsync(), (await OrderAsync(id)).Draft, TimeSpan.FromSeconds(10));
            if (i % 4 == 0) rig.Fake.Cancel(id, "A");
            rig.Time.Pass(TimeSpan.FromSeconds(1));
        }
        await rig.SettleAsync(6);
        Assert.Equal(12, await rig.CheckAsync());
        Assert.Equal(91, await rig.AtsAsync());

        async Task<ChannelOrder> OrderAsync(string id)
        {
            await foreach (var order in rig.Fake.OrdersAsync(null!, default, default)) if (order.Draft.ExternalId == id) return order;
            throw new InvalidOperationException(id);
        }
    }

    [Fact]
    public async Task What_is_decided_later_is_asked_about_and_a_drop_does_not_wait_for_it()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false));
        await rig.SettleAsync(1);
        rig.Fake.Queues = true;
        await rig.SellElsewhereAsync("A", 10);
        await rig.FeedAsync();
        await rig.RunAsync();
        Assert.Equal(100, rig.Fake["A"]);
        Assert.NotNull((await rig.ListingAsync()).Asked!.Submission);
        await rig.SellElsewhereAsync("A", 10);
        await rig.FeedAsync();
        await rig.RunAsync();
        Assert.Equal(2, rig.Fake.Calls.Count(call => call == "push") - 1);
        rig.Time.Pass(TimeSpan.FromSeconds(2));
        await rig.RunAsync();
        Assert.Equal(80, rig.Fake["A"]);
        await rig.SettleAsync(2);
        await rig.CheckAsync();
    }

    [Fact]
    public async Task A_listing_that_the_channel_refuses_holds_up_no_other_and_a_person_is_told()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false), "A", "B");
        await rig.SettleAsync(1);
        rig.Fake.Faults = (kind, n) => kind is "push" ? CallFault.ItemRefused : CallFault.None;
        await rig.SellElsewhereAsync("A", 10);
        await rig.SellElsewhereAsync("B", 10);
        await rig.FeedAsync();
        await rig.RunAsync();
        Assert.Contains(90, (long[])[rig.Fake["A"], rig.Fake["B"]]);
        Assert.Equal("listingRefused", Assert.Single((await rig.Get<ExceptionCases>().ListAsync(null, null, 10, null)).Items).Kind);
        var pushes = rig.Fake.Calls.Count(call => call == "push");
        await rig.RunAsync();
        Assert.Equal(pushes, rig.Fake.Calls.Count(call => call == "push"));
        rig.Fake.Faults = (_, _) => CallFault.None;
        await rig.SettleAsync(6);
        await rig.CheckAsync();
    }

    [Fact]
    public async Task Refused_credentials_are_an_exception_that_closes_itself()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false));
        rig.Fake.Faults = (_, _) => CallFault.Refused;
        await rig.RunAsync();
        Assert.All((await rig.Get<ExceptionCases>().ListAsync(ExceptionStatus.Open, null, 10, null)).Items, found => Assert.Equal("channelRefused", found.Kind));
        rig.Fake.Faults = (_, _) => CallFault.None;
        await rig.SettleAsync(7);
        Assert.Empty((await rig.Get<ExceptionCases>().ListAsync(ExceptionStatus.Open, null, 10, null)).Items);
        Assert.Equal(100, rig.Fake["A"]);
    }

    [Fact]
    public async Task What_an_adapter_does_not_understand_stops_neither_the_lane_nor_its_other_calls()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false));
        await rig.SettleAsync(1);
        rig.Fake.Before = kind => kind is "orders" ? throw new FormatException("not a date") : Task.CompletedTask;
        rig.Time.Pass(TimeSpan.FromSeconds(40));
        await rig.SellElsewhereAsync("A", 10);
        await rig.FeedAsync();
        await rig.RunAsync();
        Assert.Equal(90, rig.Fake["A"]);
        Assert.Contains("not a date", (await rig.Get<ListingStore>().ReadAsync<LaneState>("fake", LaneState.DocumentId, default))!.Errors[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_change_that_nobody_can_work_on_is_set_aside_and_the_rest_goes_on()
    {
        await using var rig = await LaneRig.StartAsync(LaneRig.Traits(decrements: false), "A", "B");
        await rig.SettleAsync(1);
        var store = rig.Get<Store>();
        // A listing that a person broke by hand: its own bounds are nonsense.
        var broken = await rig.ListingAsync("A");
        await store.Listings.UpsertItemAsync(broken with { Parts = [new("B", 0)] }, new("fake"));
        await rig.SellElsewhereAsync("A", 10);
        await rig.SellElsewhereAsync("B", 10);
        await rig.FeedAsync();
        await rig.RunAsync();
        Assert.Equal(90, rig.Fake["B"]);
        var dead = (await store.DeadLetters.GetItemQueryIterator<DeadChange>("SELECT * FROM c").ReadNextAsync()).Single();
        Assert.Equal("A", dead.Sku);
        await store.Listings.UpsertItemAsync((await rig.ListingAsync("A")) with { Parts = null }, new("fake"));
        Assert.Equal(1, await rig.Get<DesiredNumbers>().AgainAsync(default));
        await rig.RunAsync();
        Assert.Equal(90, rig.Fake["A"]);
    }
}
