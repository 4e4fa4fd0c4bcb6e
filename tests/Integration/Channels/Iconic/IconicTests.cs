using Selvedge.Channels;
using Selvedge.Channels.Iconic;
using Selvedge.Local.Channels;
using Selvedge.Local.Channels.Iconic;
using static Selvedge.Tests.Integration.Channels.Market;

namespace Selvedge.Tests.Integration.Channels.Iconic;

public sealed class IconicTests : IAsyncLifetime
{
    static readonly CancellationToken None = CancellationToken.None;
    readonly MarketClock clock = new();
    readonly IconicAdapter adapter;
    IconicSimulator iconic = null!;
    ChannelAccount account = null!;

    public IconicTests()
    {
        var calls = new ChannelCalls(new());
        adapter = new(calls, new(calls));
    }

    public async ValueTask InitializeAsync()
    {
        iconic = await IconicSimulator.StartAsync(clock);
        foreach (var product in new[] { "700001", "700002", "700003" }) iconic.Stock.Add(product, units: 10);
        account = Account(iconic, "iconic", new() { ["clientId"] = "client", ["clientSecret"] = "s", ["cancelReason"] = "Out of stock", ["provider.AusPost"] = "Australia Post" }, _ => iconic.ClientSecret);
    }

    public ValueTask DisposeAsync() => iconic.DisposeAsync();

    async Task<Selvedge.Orders.Order> SoldAsync(params (long, int)[] lines)
    {
        var id = $"{iconic.Sell(lines)}";
        return Kept((await adapter.OrdersAsync(account, clock.Now.AddHours(-1))).Single(order => order.Draft.ExternalId == id));
    }

    [Fact]
    public async Task What_the_answer_lists_was_not_taken_and_all_else_was()
    {
        iconic.InWarehouse.Add("700003");
        var answer = await adapter.PushAsync(account, [Set("700001", 3), Set("700002", 9, paused: true), Set("700003", 4), Set("799999", 1), Set("TEE", 1)], None);
        Assert.Equal([("700001", PushResult.Applied), ("700002", PushResult.Applied), ("700003", PushResult.Refused), ("799999", PushResult.Refused), ("TEE", PushResult.Refused)], answer.Items.Select(item => (item.Listing[1..], item.Result)));
        var shown = await adapter.ReadAsync(account);
        Assert.Equal((3, 0), (shown["700001"].Units, shown["700002"].Units));
        Assert.Equal((0, 10), (shown["700003"].Units, shown["700003"].Marketplace));
        Assert.Equal(["700002"], (await adapter.ReadAsync(account, "700002", "799999")).Keys);
    }

    [Fact]
    public async Task What_was_set_is_seen_when_the_channel_shows_it()
    {
        iconic.Stock.VisibleAfter = TimeSpan.FromSeconds(3);
        await adapter.PushAsync(account, [Set("700001", 3)], None);
        Assert.Equal(10, (await adapter.ReadAsync(account, "700001"))["700001"].Units);
        clock.Pass(3);
        Assert.Equal(3, (await adapter.ReadAsync(account, "700001"))["700001"].Units);
    }

    [Theory]
    [InlineData(Fault.ServerError, CallFailure.Unanswered, 10)]
    [InlineData(Fault.HangUpBefore, CallFailure.Unanswered, 10)]
    [InlineData(Fault.HangUpAfter, CallFailure.Unanswered, 3)]
    [InlineData(Fault.Limited, CallFailure.Limited, 10)]
    public async Task What_was_not_answered_is_read_back(Fault fault, CallFailure failure, long there)
    {
        iconic.Faults.Next(fault, "stock");
        var failed = await adapter.PushAsync(account, [Set("700001", 3)], None).FailsAsync(failure);
        Assert.Equal(there, (await adapter.ReadAsync(account, "700001"))["700001"].Units);
        if (failure is CallFailure.Limited) Assert.Equal(clock.Now.AddSeconds(2), failed.Until);
    }

    [Fact]
    public async Task A_token_refused_in_mid_batch_is_replaced_and_a_wrong_secret_is_for_a_person()
    {
        await adapter.PushAsync(account, [Set("700001", 3)], None);
        clock.Pass(3600 - 30);
        await adapter.PushAsync(account, [Set("700001", 4)], None);
        iconic.Faults.Next(Fault.TokenExpired, "stock");
        Assert.Equal(clock.Now, (await adapter.PushAsync(account, [Set("700001", 5)], None).FailsAsync(CallFailure.Limited)).Until);
        await adapter.PushAsync(account, [Set("700001", 5)], None);
        Assert.Equal((3, 5), (iconic.TokensGiven, iconic.Stock.Units("700001")));
        iconic.ClientSecret = "other";
        var wrong = Account(iconic, "iconic", new() { ["clientId"] = "client", ["clientSecret"] = "s" }, _ => "old");
        clock.Pass(3600);
        await adapter.PushAsync(wrong, [Set("700001", 6)], None).FailsAsync(CallFailure.Refused);
    }

    [Theory]
    [InlineData(100, false)]
    [InlineData(7, true)]
    [InlineData(1, false)]
    public async Task Every_order_is_read_whole_whatever_fits_on_a_page(int onPage, bool bare)
    {
        (iconic.MostOnPage, iconic.Bare, iconic.HoldsToLimits) = (onPage, bare, false);
        iconic.Stock.Set("700001", 100);
        for (var i = 0; i < 12; i++)
        {
            iconic.Sell((700001, 2), (700002, i == 3 ? 1 : 0));
            if (i % 3 == 0) clock.Pass(1);
        }
        var orders = await adapter.OrdersAsync(account, clock.Now.AddHours(-1));
        Assert.Equal(iconic.Items.Select(item => $"{item.Order}").Distinct().Order(), orders.Select(order => order.Draft.ExternalId).Order());
        Assert.Equal(iconic.Items.Count, orders.Sum(order => order.Draft.Lines.Count));
        Assert.Equal(orders.Select(order => order.ChangedAt).Order(), orders.Select(order => order.ChangedAt));
        Assert.Equal(orders.Select(order => order.Draft.ContentHash()), (await adapter.OrdersAsync(account, clock.Now.AddHours(-1))).Select(order => order.Draft.ContentHash()));
    }

    [Fact]
    public async Task One_item_that_changes_brings_the_whole_order_and_one_that_cannot_be_read_holds_up_no_other()
    {
        var first = await SoldAsync((700001, 2));
        clock.Pass(10);
        var since = clock.Now;
        iconic.Items[1].Status = "canceled";
        iconic.Items[1].UpdatedAt = clock.Now;
        var order = (await adapter.OrdersAsync(account, since)).Single();
        Assert.Equal([1, 0], order.Draft.Lines.Select(line => line.Quantity));
        iconic.Currency = "dollars";
        Assert.Equal(first.ExternalId, (await adapter.OrdersAsync(account, since)).Single(read => read.Unreadable is not null).Draft.ExternalId);
    }

    [Fact]
    public async Task Items_are_cancelled_once_whatever_was_lost_and_the_number_goes_up_there()
    {
        var order = await SoldAsync((700001, 3));
        iconic.Faults.Next(Fault.HangUpAfter, "set-to-cancelled");
        LineUnits[] two = [new(order.Lines[0].Id, 1), new(order.Lines[2].Id, 1)];
        await adapter.CancelAsync(account, order, two, "short", None).FailsAsync(CallFailure.Unanswered);
        await adapter.CancelAsync(account, order, two, "short", None);
        Assert.Equal(["canceled", "pending", "canceled"], iconic.Items.Select(item => item.Status));
        Assert.Equal((1, 9), (iconic.Done["set-to-cancelled"], iconic.Stock.Units("700001")));
    }

    [Theory]
    [InlineData("set-to-ready-to-ship")]
    [InlineData("set-to-shipped")]
    public async Task Items_are_sent_once_with_their_tracking_whatever_was_lost(string lost)
    {
        var order = await SoldAsync((700001, 2), (700002, 1));
        var shipment = new ChannelShipment("s-1", "WH1", null, clock.Now, "AusPost", "AP1", [new(order.Lines[0].Id, 1), new(order.Lines[1].Id, 1)]);
        iconic.Faults.Next(Fault.HangUpAfter, lost);
        await adapter.ShipAsync(account, order, shipment, None).FailsAsync(CallFailure.Unanswered);
        await adapter.ShipAsync(account, order, shipment, None);
        await adapter.ShipAsync(account, order, shipment, None);
        Assert.Equal([("shipped", "AP1"), ("shipped", "AP1"), ("pending", null)], iconic.Items.Select(item => (item.Status, item.Tracking)));
        Assert.Equal((1, 1), (iconic.Done["set-to-ready-to-ship"], iconic.Done["set-to-shipped"]));
        Assert.Contains("\"shippingProvider\":\"Australia Post\"", iconic.Bodies["set-to-ready-to-ship"]);
    }

    [Fact]
    public async Task What_cannot_be_set_any_more_is_refused_for_a_person()
    {
        var order = await SoldAsync((700001, 1));
        var without = Account(iconic, "iconic", new() { ["clientId"] = "client", ["clientSecret"] = "s" }, _ => iconic.ClientSecret);
        Assert.Contains("cancelReason", (await adapter.CancelAsync(without, order, [new(order.Lines[0].Id, 1)], "short", None).FailsAsync(CallFailure.Refused)).Message);
        iconic.Move(long.Parse(order.ExternalId, System.Globalization.CultureInfo.InvariantCulture), "shipped");
        await adapter.CancelAsync(account, order, [new(order.Lines[0].Id, 1)], "short", None);
        Assert.Equal("shipped", iconic.Items.Single().Status);
    }
}
