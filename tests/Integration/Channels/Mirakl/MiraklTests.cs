using Selvedge.Channels;
using Selvedge.Channels.Mirakl;
using Selvedge.Local.Channels;
using Selvedge.Local.Channels.Mirakl;
using Selvedge.Orders;
using static Selvedge.Tests.Integration.Channels.Market;

namespace Selvedge.Tests.Integration.Channels.Mirakl;

public sealed class MiraklTests : IAsyncLifetime
{
    readonly MarketClock clock = new();
    readonly MiraklAdapter adapter = new(new(new()));
    MiraklSimulator shop = null!;
    ChannelAccount account = null!;
    static readonly CancellationToken None = CancellationToken.None;

    public async ValueTask InitializeAsync()
    {
        shop = await MiraklSimulator.StartAsync(clock);
        foreach (var sku in new[] { "A", "B", "C" }) shop.Stock.Add(sku, units: 10);
        account = Account(shop, "mirakl", new() { ["cancelReason"] = "OUT_OF_STOCK", ["carrier.DHL"] = "dhl-fr" }, _ => shop.Key);
    }

    public ValueTask DisposeAsync() => shop.DisposeAsync();

    async Task<ChannelOrder> SoldAsync(params (string, int)[] lines)
    {
        var id = shop.Sell(lines)!.Id;
        clock.Pass(60);
        return (await adapter.OrdersAsync(account, DateTimeOffset.MinValue.AddYears(2000))).Single(order => order.Draft.ExternalId == id);
    }

    [Fact]
    public async Task Numbers_are_queued_worked_off_and_judged_line_by_line()
    {
        shop.ImportTakes = TimeSpan.FromSeconds(20);
        Push[] pushes = [Set("A", 3), Set("nobody's", 5), Set("B", 7, paused: true)];
        var answer = await adapter.PushAsync(account, pushes, None);
        Assert.All(answer.Items, item => Assert.Equal(PushResult.Queued, item.Result));
        Assert.Null(await adapter.CheckAsync(account, answer.Submission!, pushes, None));
        Assert.Equal(10, shop.Stock.Units("A"));
        clock.Pass(30);
        var results = (await adapter.CheckAsync(account, answer.Submission!, pushes, None))!;
        Assert.Equal([PushResult.Applied, PushResult.Refused, PushResult.Applied], results.Select(item => item.Result));
        Assert.Equal("The offer does not exist.", results[1].Error);
        var shown = await adapter.ReadAsync(account, "A", "B");
        Assert.Equal((3, 0), (shown["A"].Units, shown["B"].Units));
    }

    [Fact]
    public async Task Offers_that_are_missing_are_made_and_those_that_are_there_are_not_emptied()
    {
        shop.Products.UnionWith(["9312345678907", "OP-1"]);
        shop.ImportTakes = TimeSpan.FromSeconds(90);
        ChannelItem Item(string sku, string? gtin, string? code = null) => new(sku, gtin, ["Red", sku], 399_000, "EUR", Code: code);
        var shirt = new ChannelProduct { Style = "shirt", Title = "Shirt", Options = ["Colour", "Size"], Items = [Item("A", "9312345678907"), Item("N1", "9312345678907"), Item("N2", null, "OP-1"), Item("N3", "9399999999991"), Item("N4", null)] };
        shop.Faults.Next(Fault.HangUpAfter, "OF24");
        await adapter.PublishAsync(account, shirt, None).FailsAsync(CallFailure.Unanswered);
        clock.Pass(60);
        var answer = await adapter.PublishAsync(account, shirt, None);
        Assert.Equal(["A:", "N4:It has neither a code of this channel nor a GTIN, by which the operator would know the product."], answer.Items.Select(item => $"{item.Sku}:{item.Error}"));
        var open = shirt with { Items = [.. shirt.Items.Where(item => item.Sku is "N1" or "N2" or "N3")] };
        Assert.Null(await adapter.PublishedAsync(account, open, answer.Submission!, None));
        clock.Pass(120);
        var made = (await adapter.PublishedAsync(account, open, answer.Submission!, None))!;
        Assert.Equal(["N1:", "N2:", "N3:The product 9399999999991 does not exist."], made.Items.OrderBy(item => item.Sku).Select(item => $"{item.Sku}:{item.Error}"));
        Assert.Equal((10, 0, 39.9m), (shop.Stock.Units("A"), shop.Stock.Units("N1"), shop.Prices["N2"]));
        // Each by its own id: what is mapped is not sent, seen or not.
        clock.Pass(60);
        await adapter.PublishAsync(account, shirt with { Items = [Item("N1", "9312345678907") with { ExternalId = "N1" }] }, None);
        Assert.DoesNotContain("A", shop.Emptied);
        Assert.Equal(2, shop.Done["OF24"]);
    }

    [Fact]
    public async Task A_call_too_many_is_not_made_and_a_429_is_believed()
    {
        await adapter.PushAsync(account, [Set("A", 3)], None);
        Assert.Equal(clock.Now.AddSeconds(60), (await adapter.PushAsync(account, [Set("A", 2)], None).FailsAsync(CallFailure.Limited)).Until);
        Assert.Equal(1, shop.Done["STO01"]);
        clock.Pass(60);
        shop.Faults.RetryAfter = TimeSpan.FromSeconds(90);
        shop.Faults.Next(Fault.Limited, "STO01");
        Assert.Equal(clock.Now.AddSeconds(90), (await adapter.PushAsync(account, [Set("A", 2)], None).FailsAsync(CallFailure.Limited)).Until);
        clock.Pass(89);
        await adapter.PushAsync(account, [Set("A", 2)], None).FailsAsync(CallFailure.Limited);
        clock.Pass(1);
        await adapter.PushAsync(account, [Set("A", 2)], None);
        Assert.Equal(2, shop.Stock.Units("A"));
    }

    [Theory]
    [InlineData(Fault.ServerError, 10)]
    [InlineData(Fault.HangUpBefore, 10)]
    [InlineData(Fault.HangUpAfter, 3)]
    public async Task What_was_not_answered_is_not_known_and_reading_back_tells(Fault fault, long shown)
    {
        shop.Faults.Next(fault, "STO01");
        await adapter.PushAsync(account, [Set("A", 3)], None).FailsAsync(CallFailure.Unanswered);
        Assert.Equal(shown, (await adapter.ReadAsync(account, "A"))["A"].Units);
    }

    [Fact]
    public async Task A_wrong_key_is_for_a_person()
    {
        shop.Key = "changed";
        var wrong = Account(shop, "mirakl", [], _ => "old");
        Assert.DoesNotContain("old", (await adapter.PushAsync(wrong, [Set("A", 3)], None).FailsAsync(CallFailure.Refused)).Message);
    }

    [Fact]
    public async Task All_pages_are_read_and_orders_come_by_when_they_changed_however_often_they_are_read()
    {
        shop.Stock.Add("M", units: 1000);
        shop.MostOnPage = 100;
        for (var i = 0; i < 130; i++)
        {
            shop.Sell(("M", 1));
            clock.Pass(1);
        }
        shop.Touch("ORD-000002-A");
        var orders = await adapter.OrdersAsync(account, clock.Now.AddDays(-1));
        Assert.Equal(130, orders.DistinctBy(order => order.Draft.ExternalId).Count());
        Assert.Equal(orders.Select(order => order.ChangedAt).Order(), orders.Select(order => order.ChangedAt));
        Assert.Equal("ORD-000002-A", orders[^1].Draft.ExternalId);
        clock.Pass(60);
        Assert.Equal(orders.Select(order => order.Draft.ContentHash()), (await adapter.OrdersAsync(account, clock.Now.AddDays(-1))).Select(order => order.Draft.ContentHash()));
        Assert.True((await adapter.ReadAsync(account)).Count == 4);
    }

    [Fact]
    public async Task Acceptance_whose_answer_was_lost_is_said_again_without_harm()
    {
        var read = await SoldAsync(("A", 2), ("B", 1));
        Assert.NotNull(read.AcceptBy);
        var order = Kept(read);
        LineAnswer[] answers = [new(order.Lines[0].Id, true), new(order.Lines[1].Id, false)];
        shop.Faults.Next(Fault.HangUpAfter, "OR21");
        await adapter.AcceptAsync(account, order, answers, None).FailsAsync(CallFailure.Unanswered);
        await adapter.AcceptAsync(account, order, answers, None);
        Assert.Equal(("SHIPPING", "REFUSED"), (shop.AllOrders[order.ExternalId].State, shop.AllOrders[order.ExternalId].Lines[1].State));
        clock.Pass(60);
        var next = (await adapter.OrdersAsync(account, clock.Now.AddHours(-1))).Single();
        Assert.Null(next.AcceptBy);
        Assert.Equal([2, 0], next.Draft.Lines.Select(line => line.Quantity));
        await adapter.AcceptAsync(account, order, [answers[0]], None);
    }

    [Fact]
    public async Task An_acceptance_that_leaves_a_line_out_is_refused()
    {
        var order = Kept(await SoldAsync(("A", 2), ("B", 1)));
        Assert.Contains("DECISION_MISSING", (await adapter.AcceptAsync(account, order, [new(order.Lines[0].Id, true)], None).FailsAsync(CallFailure.Refused)).Message);
    }

    [Fact]
    public async Task A_whole_order_is_sent_with_its_tracking_once_whatever_is_lost()
    {
        var order = Kept(await SoldAsync(("A", 2)));
        await adapter.AcceptAsync(account, order, [new(order.Lines[0].Id, true)], None);
        var shipment = new ChannelShipment("s1", "WH1", null, clock.Now, "DHL", "JD01", [new(order.Lines[0].Id, 2)]);
        shop.Faults.Next(Fault.HangUpAfter, "OR24");
        await adapter.ShipAsync(account, order, shipment, None).FailsAsync(CallFailure.Unanswered);
        await adapter.ShipAsync(account, order, shipment, None);
        Assert.Contains("\"carrier_code\":\"dhl-fr\"", shop.Bodies["OR23"]);
        Assert.Equal(("SHIPPED", "JD01"), (shop.AllOrders[order.ExternalId].State, shop.AllOrders[order.ExternalId].Tracking));
    }

    [Fact]
    public async Task A_part_is_a_shipment_of_its_own_and_not_made_twice()
    {
        var order = Kept(await SoldAsync(("A", 3)));
        await adapter.AcceptAsync(account, order, [new(order.Lines[0].Id, true)], None);
        var part = new ChannelShipment("s1", "WH1", null, clock.Now, "Own van", null, [new(order.Lines[0].Id, 1)]);
        shop.Faults.Next(Fault.HangUpAfter, "ST01");
        await adapter.ShipAsync(account, order, part, None).FailsAsync(CallFailure.Unanswered);
        await adapter.ShipAsync(account, order, part, None);
        Assert.Equal(1, shop.AllOrders[order.ExternalId].Lines[0].Sent);
        await adapter.ShipAsync(account, order, part with { Id = "s2", Lines = [new(order.Lines[0].Id, 2)] }, None);
        Assert.Equal("SHIPPED", shop.AllOrders[order.ExternalId].State);
        await adapter.ShipAsync(account, order, part with { Id = "s3", Lines = [new(order.Lines[0].Id, 1)] }, None).FailsAsync(CallFailure.Refused);
    }

    [Fact]
    public async Task Units_that_will_not_come_are_cancelled_once_and_a_whole_order_as_a_whole()
    {
        var order = Kept(await SoldAsync(("A", 3)));
        await adapter.CancelAsync(account, order, [new(order.Lines[0].Id, 1)], "short", None).FailsAsync(CallFailure.Refused);
        await adapter.AcceptAsync(account, order, [new(order.Lines[0].Id, true)], None);
        shop.Faults.Next(Fault.HangUpAfter, "OR30");
        await adapter.CancelAsync(account, order, [new(order.Lines[0].Id, 1)], "short", None).FailsAsync(CallFailure.Unanswered);
        await adapter.CancelAsync(account, order, [new(order.Lines[0].Id, 1)], "short", None);
        Assert.Equal(1, shop.AllOrders[order.ExternalId].Lines[0].Cancelled);
        var other = Kept(await SoldAsync(("B", 2)));
        await adapter.AcceptAsync(account, other, [new(other.Lines[0].Id, true)], None);
        await adapter.CancelAsync(account, other, [new(other.Lines[0].Id, 2)], "short", None);
        await adapter.CancelAsync(account, other, [new(other.Lines[0].Id, 2)], "short", None);
        Assert.Equal(("CANCELED", 1), (shop.AllOrders[other.ExternalId].State, shop.Done["OR29"]));
        var unaccepted = Kept(await SoldAsync(("C", 2)));
        await adapter.CancelAsync(account, unaccepted, [new(unaccepted.Lines[0].Id, 2)], "short", None);
        Assert.Equal("REFUSED", shop.AllOrders[unaccepted.ExternalId].State);
        Assert.Equal((8, 10, 10), (shop.Stock.Units("A"), shop.Stock.Units("B"), shop.Stock.Units("C")));
    }

    [Fact]
    public async Task The_operators_own_orders_are_not_ours_to_send_and_one_that_cannot_be_read_holds_up_no_other()
    {
        shop.Sell(("A", 1))!.Center = "FBM";
        shop.Sell(("A", 1))!.Currency = "?";
        shop.Sell(("A", 1));
        clock.Pass(1);
        var orders = await adapter.OrdersAsync(account, clock.Now.AddHours(-1));
        Assert.Equal([true, false, false], orders.OrderBy(order => order.Draft.ExternalId).Select(order => order.ByMarketplace));
        var unread = Assert.Single(orders, order => order.Unreadable is not null);
        Assert.Equal("ORD-000002-A", unread.Draft.ExternalId);
        Assert.Contains("/currency_iso_code", unread.Unreadable);
    }
}
