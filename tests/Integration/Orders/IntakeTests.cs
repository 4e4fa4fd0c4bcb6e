using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Orders;
using Selvedge.Platform;
using static Selvedge.Tests.Integration.Orders.OrderRig;

namespace Selvedge.Tests.Integration.Orders;

public class IntakeTests
{
    static readonly Channel Shopify = Channel(ShortagePolicy.Oversold, "shopify-au", "WH1", "WH2"), Portal = Channel(ShortagePolicy.Refuse, "portal"),
        Waits = Channel(ShortagePolicy.Backorder, "waits"), Some = Channel(ShortagePolicy.Partial, "some");

    [Fact]
    public async Task An_order_holds_its_units_where_one_shipment_has_them_all()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 5, 5);
        await rig.StockAsync("B", 0, 5);
        var taken = await rig[0].TakeAsync(Shopify, Draft("1", ("A", 2), ("B", 1)));

        Assert.False(taken.Repeat);
        Assert.Equal(OrderStatus.Committed, taken.Order.Status);
        Assert.Null(taken.Order.Intake);
        Assert.Equal([2, 1], taken.Order.Lines.Select(line => line.Committed));
        Assert.Equal(["WH2", "WH1"], taken.Order.Lines[0].Places);
        var stored = await rig[0].ReadAsync("shopify-au:1");
        Assert.Equal((OrderStatus.Committed, 1L, null), (stored!.Status, stored.Revision, stored.IntakeDue));
        Assert.Equal((2, 1), (await rig.HeldAsync("A"), await rig.HeldAsync("B")));
        Assert.Equal("a@example.com", (await rig[0].Get<OrderStore>().ReadPersonAsync("shopify-au:1"))!.Email);
    }

    [Fact]
    public async Task The_same_order_from_everywhere_at_once_is_taken_once()
    {
        await using var rig = await StartAsync(3);
        await rig.StockAsync("A", 10);
        var all = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => rig[i % 3].TakeAsync(i % 2 == 0 ? Shopify : Shopify with { Name = "same" }, Draft("1", ("A", 2), ("A", 1)))));
        Assert.Single(all, taken => !taken.Repeat);
        Assert.All(all, taken => Assert.Equal(OrderStatus.Committed, taken.Order.Status));
        Assert.Equal(3, await rig.HeldAsync("A"));
        Assert.Empty(await rig.AuditAsync("A"));
    }

    [Fact]
    public async Task What_a_channel_sold_and_nobody_has_is_recorded_and_excepted()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 3);
        var order = (await rig[0].TakeAsync(Shopify, Draft("1", ("A", 2), ("A", 2)))).Order;
        Assert.Equal(OrderStatus.Oversold, order.Status);
        Assert.Equal([(2, 0), (1, 1)], order.Lines.Select(line => ((int)line.Committed, (int)line.Oversold)));
        var opened = Assert.Single((await rig[0].Get<ExceptionCases>().ListAsync(null, "oversell", 10, null)).Items);
        Assert.Equal(("shopify-au:1", "2", "A", 1L), (opened.Order, opened.Line, opened.Sku, opened.Quantity));
    }

    [Fact]
    public async Task Lines_nobody_knows_are_excepted_and_the_rest_goes_on()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 3);
        var order = (await rig[0].TakeAsync(Shopify, Draft("1", ("A", 1), ("NEVER-HEARD", 1)) with { Name = "#1" })).Order;
        Assert.Equal((OrderStatus.Partial, 1, LineKind.Unknown), (order.Status, order.Lines[0].Committed, order.Lines[1].Kind));
        Assert.Single((await rig[0].Get<ExceptionCases>().ListAsync(null, "unknownSku", 10, null)).Items);
    }

    [Fact]
    public async Task Trials_and_services_claim_nothing()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 3);
        await rig[0].TakeAsync(Shopify, Draft("1", ("A", 1)) with { Test = true });
        var gift = Draft("2", ("A", 1));
        var order = (await rig[0].TakeAsync(Shopify, gift with { Lines = [gift.Lines[0] with { NeedsStock = false }] })).Order;
        Assert.Equal((OrderStatus.Committed, LineKind.Service), (order.Status, order.Lines[0].Kind));
        Assert.Equal(0, await rig.HeldAsync("A"));
    }

    [Fact]
    public async Task All_or_nothing_holds_nothing_when_it_is_short_and_names_every_short_line()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 5);
        await rig.StockAsync("B", 1);
        await rig.StockAsync("C", 0);
        var refused = (await rig[0].TakeAsync(Portal, Draft("1", ("A", 2), ("B", 2), ("C", 1)))).Order;
        Assert.Equal((OrderStatus.Refused, null), (refused.Status, refused.Intake));
        Assert.Equal([0, 1, 1], refused.Lines.Select(line => line.Missing));
        Assert.Equal((0, 0), (await rig.HeldAsync("A"), await rig.HeldAsync("B")));
        Assert.Equal(409, OrderView.Refusal(refused).Status);
        Assert.Contains("2 B (1 available)", OrderView.Refusal(refused).Message, StringComparison.Ordinal);
        // It stays refused: the same id is the same order.
        Assert.Equal(OrderStatus.Refused, (await rig[0].TakeAsync(Portal, Draft("1", ("A", 2), ("B", 2), ("C", 1)))).Order.Status);
        var taken = (await rig[0].TakeAsync(Portal, Draft("2", ("A", 5), ("B", 1)))).Order;
        Assert.Equal((OrderStatus.Committed, null), (taken.Status, taken.Intake));
        Assert.Equal((5, 1), (await rig.HeldAsync("A"), await rig.HeldAsync("B")));
        Assert.Empty((await rig.AuditAsync("A")).Concat(await rig.AuditAsync("B")));
    }

    [Fact]
    public async Task A_channel_may_wait_for_the_rest_or_take_what_there_is()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 3);
        await rig.StockAsync("B", 3);
        var waits = (await rig[0].TakeAsync(Waits, Draft("1", ("A", 5)))).Order;
        Assert.Equal((OrderStatus.Backordered, 3, 2), (waits.Status, waits.Lines[0].Committed, waits.Lines[0].Backordered));
        var some = (await rig[0].TakeAsync(Some, Draft("1", ("B", 5)))).Order;
        Assert.Equal((OrderStatus.Partial, 3, 2), (some.Status, some.Lines[0].Committed, some.Lines[0].Missing));
    }

    [Fact]
    public async Task The_same_id_with_another_content_is_refused()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 3);
        var (one, other) = (Draft("1", ("A", 1)), Draft("1", ("A", 2)));
        var intake = rig[0].Get<Intake>();
        await intake.TakeAsync(Portal, one, TimeSpan.FromSeconds(10), one.ContentHash());
        Assert.True((await intake.TakeAsync(Portal, one, TimeSpan.FromSeconds(10), one.ContentHash())).Repeat);
        Assert.Equal(422, (await Assert.ThrowsAsync<ProblemException>(() => intake.TakeAsync(Portal, other, TimeSpan.FromSeconds(10), other.ContentHash()))).Status);
    }

    [Fact]
    public async Task Crossed_baskets_for_the_last_of_each_always_fill_one()
    {
        await using var rig = await StartAsync(2);
        for (var round = 0; round < 15; round++)
        {
            var (a, b) = (await rig.StockAsync($"A{round}", 1), await rig.StockAsync($"B{round}", 1));
            var both = await Task.WhenAll(rig[0].TakeAsync(Portal, Draft($"ab{round}", (a, 1), (b, 1))), rig[1].TakeAsync(Portal, Draft($"ba{round}", (b, 1), (a, 1))));
            Assert.Equal([OrderStatus.Committed, OrderStatus.Refused], both.Select(taken => taken.Order.Status).Order());
            Assert.Equal((1, 1), (await rig.HeldAsync(a), await rig.HeldAsync(b)));
        }
    }

    [Fact]
    public async Task A_cancel_that_comes_first_leaves_nothing_for_the_create_to_claim()
    {
        await using var rig = await StartAsync(2);
        await rig.StockAsync("A", 3);
        var cancelled = (await rig[0].TakeAsync(Shopify, Draft("1", ("A", 2)) with { Cancel = Cancelled })).Order;
        Assert.Equal((OrderStatus.Cancelled, 2), (cancelled.Status, cancelled.Lines[0].Cancelled));
        var created = await rig[1].TakeAsync(Shopify, Draft("1", ("A", 2)));
        Assert.True(created.Repeat);
        Assert.Equal(OrderStatus.Cancelled, created.Order.Status);
        Assert.Equal(0, await rig.HeldAsync("A"));
    }

    [Fact]
    public async Task Create_and_cancel_at_once_on_different_instances_end_with_nothing_held()
    {
        await using var rig = await StartAsync(3);
        await rig.StockAsync("A", 100);
        await rig.StockAsync("B", 0);
        await Task.WhenAll(Enumerable.Range(0, 40).Select(async i =>
        {
            var draft = Draft($"{i}", ("A", 1), ("B", 1));
            var channel = i % 3 == 0 ? Portal with { Shortage = ShortagePolicy.Backorder } : Shopify;
            var create = rig[i % 3].TakeAsync(channel, draft);
            if (i % 4 == 0) await create;
            var cancel = rig[(i + 1) % 3].TakeAsync(channel, draft with { Cancel = Cancelled });
            await Task.WhenAll(create, cancel, rig[(i + 2) % 3].TakeAsync(channel, draft));
            Assert.Equal(OrderStatus.Cancelled, (await cancel).Order.Status);
        }));
        await rig.RecoverAsync();
        Assert.Equal((0, 0), (await rig.HeldAsync("A"), await rig.HeldAsync("B")));
        Assert.Empty(await rig[0].Get<OrderStore>().DueAsync(DateTimeOffset.MaxValue, 10));
        Assert.Empty((await rig.AuditAsync("A")).Concat(await rig.AuditAsync("B")));
    }

    [Fact]
    public async Task Units_of_a_cancelled_order_go_to_the_next_one()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 2);
        await rig[0].TakeAsync(Portal, Draft("1", ("A", 2)));
        Assert.Equal(OrderStatus.Refused, (await rig[0].TakeAsync(Portal, Draft("2", ("A", 2)))).Order.Status);
        var cancelled = await rig[0].Get<Intake>().CancelAsync("portal:1", Cancelled with { State = CancelState.Asked }, TimeSpan.FromSeconds(10));
        Assert.Equal((OrderStatus.Cancelled, 0L, 2L), (cancelled!.Order.Status, cancelled.Order.Lines[0].Committed, cancelled.Order.Lines[0].Cancelled));
        Assert.Null(await rig[0].Get<Intake>().CancelAsync("portal:9", Cancelled, TimeSpan.FromSeconds(10)));
        Assert.Equal(OrderStatus.Committed, (await rig[0].TakeAsync(Portal, Draft("3", ("A", 2)))).Order.Status);
    }
}
