using System.Net;
using Microsoft.Azure.Cosmos;
using Selvedge.Ledger;
using Selvedge.Orders;
using Selvedge.Picking;
using Selvedge.Platform;
using Selvedge.Returns;

namespace Selvedge.Tests.Integration.Orders;

/// <summary>What may not leave although somebody has begun it, and what left although nobody expected it, in the real app.</summary>
public sealed class HeldBackTests : IAsyncLifetime
{
    AppFixture app = null!;
    Floor floor = null!;
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        app = await AppFixture.StartAsync(args: "--Fulfilment:Paused=false");
        floor = new(app.Instances[0]);
        foreach (var (id, kind) in new[] { ("WH1", "warehouse"), ("WH2", "warehouse"), ("3PL", "partner") })
            await app.Client.PutAsync("/api/locations/" + id, new { kind, name = id }.AsJson(), Cancel).OkAsync();
        await app.Client.PutAsync("/api/channels/shop", new { kind = "b2b", locations = new[] { "WH1", "WH2" }, shortage = "backorder" }.AsJson(), Cancel).OkAsync();
        await app.Client.PutAsync("/api/channels/out", new { kind = "b2b", locations = new[] { "3PL" }, shortage = "backorder" }.AsJson(), Cancel).OkAsync();
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    Task<System.Text.Json.JsonElement> OrderAsync(string id, bool complete, params (string Sku, long Units)[] lines) => app.Client.PostAsync("/api/orders", new
    {
        channel = id.Split(':')[0], externalId = id.Split(':')[1], shipComplete = complete, lines = lines.Select(line => new { sku = line.Sku, quantity = line.Units, price = "10.00" }),
    }.AsJson(), Cancel).OkAsync();

    Task<System.Text.Json.JsonElement> BlockAsync(string id) => app.Client.PostAsync($"/api/orders/{id}/blocks", new { kind = "payment" }.AsJson(), Cancel).OkAsync();
    Task<System.Text.Json.JsonElement> LiftAsync(string id) => app.Client.PostAsync($"/api/orders/{id}/blocks/payment/lift", null, Cancel).OkAsync();
    Task<HttpResponseMessage> ShipAsync(PickTicket ticket) => app.Client.PostAsync($"/api/picks/{ticket.Id}/ship", new { carrier = "AusPost", tracking = "T1" }.AsJson(), Cancel);

    async Task<PickTicket> WhenAsync(string order, Func<PickTicket, bool> wanted) => (await floor.WhenTicketsAsync(order, all => all.Any(wanted))).First(wanted);

    [Fact]
    public async Task A_block_keeps_a_picked_ticket_from_leaving_until_it_is_lifted()
    {
        await app.SeedAsync("A", 5);
        await OrderAsync("shop:1", false, ("A", 2));
        var picked = await floor.PickAsync(Assert.Single(await floor.LiveAsync("shop:1")), 1);
        await BlockAsync("shop:1");
        var held = await WhenAsync("shop:1", ticket => ticket.OnHold is not null);
        Assert.Equal((picked.Id, "its order is blocked (payment)."), (held.Id, held.OnHold));
        foreach (var refused in new[]
        {
            ShipAsync(held), app.Client.PostAsync($"/api/picks/{held.Id}/pack", new { }.AsJson(), Cancel),
            app.Client.PostAsync($"/api/picks/{held.Id}/scan", new { scanId = "late", sku = "A", quantity = 1 }.AsJson(), Cancel),
        }) Assert.Contains("blocked (payment)", (await refused.ProblemAsync(HttpStatusCode.Conflict, "pick-on-hold")).GetProperty("detail").GetString(), StringComparison.Ordinal);
        await LiftAsync("shop:1");
        await WhenAsync("shop:1", ticket => ticket.Id == held.Id && ticket.OnHold is null);
        Assert.Equal(2, (await floor.SendAsync("shop:1")).Lines[0].Shipped);
        Assert.Equal((0, 0, 0), await floor.ClaimedAsync("A"));
    }

    [Fact]
    public async Task From_the_moment_a_cancel_is_answered_nothing_more_of_it_is_picked_or_leaves()
    {
        await app.SeedAsync("A", 90);
        for (var i = 1; i <= 12; i++)
        {
            await OrderAsync($"shop:{i}", false, ("A", 2));
            var ticket = Assert.Single(await floor.LiveAsync($"shop:{i}"));
            var scanned = i % 3 is var picked && picked > 0 ? await floor.PickAsync(ticket, picked) : ticket;
            Assert.Equal(HttpStatusCode.Accepted, (await app.Client.PostAsync($"/api/orders/shop:{i}/cancel", new { reason = "twice" }.AsJson(), Cancel)).StatusCode);
            var shipped = await ShipAsync(scanned);
            Assert.Equal(HttpStatusCode.Conflict, shipped.StatusCode);
            var order = await floor.WhenAsync($"shop:{i}", order => order.Status is OrderStatus.Cancelled && order.Intake is null && order.UnderWay is null);
            Assert.Equal((true, 0), (order.Cancel!.Settled, order.Lines[0].Shipped));
            Assert.Equal("done", (await app.Client.GetAsync($"/api/orders/shop:{i}", Cancel).OkAsync()).GetProperty("cancel").GetProperty("state").GetString());
        }
        Assert.Equal((0, 12, 0), await floor.ClaimedAsync("A"));
    }

    [Fact]
    public async Task A_cancel_that_meets_what_is_leaving_is_settled_and_not_forgotten()
    {
        await app.SeedAsync("A", 5);
        await app.SeedAsync("B", 5);
        await OrderAsync("shop:1", false, ("A", 2));
        var leaving = await floor.HandOverAsync(await floor.PickAsync(Assert.Single(await floor.LiveAsync("shop:1"))));
        // As when both come in one moment: the cancel is written when the ticket is in the carrier's hands.
        await floor.Get<Intake>().CancelAsync("shop:1", new(CancelState.Asked, DateTimeOffset.UtcNow, "twice", "test"), TimeSpan.FromSeconds(5));
        await floor.LeaveAsync(leaving);
        var order = await floor.WhenAsync("shop:1", OrderStatus.Shipped);
        Assert.Equal((CancelState.Refused, 2), (order.Cancel!.State, order.Lines[0].Shipped));
        Assert.Equal("cancelledUnderWay", (await app.Client.GetAsync("/api/exceptions?order=shop:1", Cancel).OkAsync()).GetProperty("items")[0].GetProperty("kind").GetString());
    }

    [Fact]
    public async Task An_edit_of_ours_before_it_leaves_changes_the_pick_and_what_is_too_many_goes_back()
    {
        await app.SeedAsync("A", 9);
        await OrderAsync("shop:1", false, ("A", 3));
        await floor.PickAsync(Assert.Single(await floor.LiveAsync("shop:1")));
        Task<HttpResponseMessage> EditAsync(string line, long quantity) => app.Client.PostAsync("/api/orders/shop:1/edit", new { lines = new[] { new { line, quantity } } }.AsJson(), Cancel);
        var edited = await EditAsync("1", 1).OkAsync();
        Assert.Equal((1, 2, 3), (edited.GetProperty("lines")[0].GetProperty("quantity").GetInt64(), edited.GetProperty("lines")[0].GetProperty("cancelled").GetInt64(), edited.GetProperty("lines")[0].GetProperty("ordered").GetInt64()));
        Assert.True((await EditAsync("1", 1)).Headers.Contains("Idempotent-Replayed"));
        await EditAsync("7", 1).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        var order = await floor.SendAsync("shop:1");
        Assert.Equal(1, order.Lines[0].Shipped);
        Assert.Equal(2, (await floor.Get<PutBacks>().OpenOfAsync("WH1", "shop:1", 1))!.Open("1"));
        await EditAsync("1", 2).ProblemAsync(HttpStatusCode.Conflict, "not-editable");
        await OrderAsync("shop:2", false, ("A", 1));
        await app.Client.PostAsync("/api/orders/shop:2/edit", new { lines = new[] { new { line = "1", quantity = 4 } } }.AsJson(), Cancel).OkAsync();
        Assert.Equal(4, (await floor.SendAsync("shop:2")).Lines[0].Shipped);
    }

    [Fact]
    public async Task An_order_may_come_blocked_and_one_that_is_not_paid_waits_until_its_channel_says_that_it_is()
    {
        await app.SeedAsync("A", 9);
        var born = await app.Client.PostAsync("/api/orders", new { channel = "shop", externalId = "born", lines = new[] { new { sku = "A", quantity = 1 } }, blocks = new[] { new { kind = "address", reason = "no street" } } }.AsJson(), Cancel).OkAsync();
        Assert.Equal("no street", born.GetProperty("blocks")[0].GetProperty("reason").GetString());
        Assert.Null((await floor.OrderAsync("shop:born")).FulfilDue);
        await app.Client.PutAsync("/api/channels/web", new { kind = "shopify", locations = new[] { "WH1" }, secret = "web" }.AsJson(), Cancel).OkAsync();
        var channel = await floor.Get<Selvedge.Channels.SalesChannels>().GetAsync("web");
        var at = DateTimeOffset.UtcNow;
        Task<Taken> SayAsync(string status, int second) => floor.Get<Intake>().UpdateAsync(channel, Selvedge.Channels.Shopify.ShopifyOrder.Parse(System.Text.Encoding.UTF8.GetBytes(
            $$"""{"id":77,"currency":"AUD","financial_status":"{{status}}","updated_at":"{{at.AddSeconds(second):O}}","line_items":[{"id":1,"sku":"A","quantity":2,"current_quantity":2,"price":"10.00","requires_shipping":true}]}"""), "web", null), TimeSpan.FromSeconds(10));
        Assert.Equal(BlockKind.Payment, Assert.Single((await SayAsync("pending", 0)).Order.Blocks!).Kind);
        Assert.Null((await floor.OrderAsync("web:77")).FulfilDue);
        var paid = (await SayAsync("paid", 1)).Order;
        Assert.Equal(("channel:web", false), (paid.Blocks![0].LiftedBy, paid.IsBlocked));
        Assert.Equal(2, (await floor.SendAsync("web:77")).Lines[0].Shipped);
    }

    [Fact]
    public async Task A_ship_window_that_is_over_is_refused()
    {
        await app.SeedAsync("A", 9);
        var problem = await app.Client.PostAsync("/api/orders", new { channel = "shop", externalId = "late", lines = new[] { new { sku = "A", quantity = 1 } }, shipWindow = new { cancelAfter = DateTimeOffset.UtcNow.AddDays(-1) } }.AsJson(), Cancel)
            .ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        Assert.Equal("/shipWindow/cancelAfter", problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
    }

    [Fact]
    public async Task Cancelled_while_it_is_blocked_what_was_picked_is_put_back()
    {
        await app.SeedAsync("A", 5);
        await OrderAsync("shop:1", false, ("A", 3));
        await floor.PickAsync(Assert.Single(await floor.LiveAsync("shop:1")), 2);
        await BlockAsync("shop:1");
        await WhenAsync("shop:1", ticket => ticket.OnHold is not null);
        await app.Client.PostAsync("/api/orders/shop:1/cancel", new { reason = "fraud" }.AsJson(), Cancel);
        await floor.WhenAsync("shop:1", order => order.Status is OrderStatus.Cancelled && order.Intake is null && order.UnderWay is null);
        var back = (await floor.Get<PutBacks>().OpenOfAsync("WH1", "shop:1", 1))!;
        Assert.Equal(2, back.Open("1"));
        await floor.Get<PuttingBack>().ScanAsync(back, new("b1", "A", 2, ""), "picker");
        Assert.Equal((0, 0, 0), await floor.ClaimedAsync("A"));
    }

    [Fact]
    public async Task What_ships_complete_waits_when_a_picker_does_not_find_one_of_it_and_leaves_whole()
    {
        await app.SeedAsync("A", 5);
        await app.SeedAsync("B", 1);
        await OrderAsync("shop:1", true, ("A", 1), ("B", 1));
        var ticket = Assert.Single(await floor.LiveAsync("shop:1"));
        var scanned = (await floor.Get<Scanning>().PickAsync(ticket, new("s1", "A", 1, ""), "picker")).Ticket;
        await floor.TellAsync((await floor.Get<ShortPicks>().TakeAsync(scanned, "gone", "B", "2", 1, ShortReason.NotFound, null, "picker")).Ticket);
        var held = await WhenAsync("shop:1", one => one.OnHold is not null);
        await ShipAsync(held).ProblemAsync(HttpStatusCode.Conflict, "pick-on-hold");
        await app.Client.PostAsync("/api/movements", new { id = "more", kind = "receive", sku = "B", location = "WH1", quantity = 1, unitCost = "10.00" }.AsJson(), Cancel).OkAsync();
        await floor.TellAsync(held);
        var order = await floor.SendAsync("shop:1");
        Assert.Equal((1, 1, 1), (order.Lines[0].Shipped, order.Lines[1].Shipped, order.Deliveries!.Count));
        Assert.Equal((0, 0, 0), await floor.ClaimedAsync("A"));
        Assert.Equal((0, 0, 0), await floor.ClaimedAsync("B"));
    }

    [Fact]
    public async Task What_a_partner_sent_after_it_was_called_off_is_on_the_order_and_expected_back()
    {
        await app.SeedAsync("A", 5, "3PL");
        await app.Client.PutAsync("/api/locations/3PL", new { kind = "partner", name = "3PL" }.AsJson(), Cancel).OkAsync();
        await OrderAsync("out:1", false, ("A", 2));
        var ticket = Assert.Single(await floor.LiveAsync("out:1"));
        await app.Client.PostAsync("/api/orders/out:1/cancel", new { reason = "changed their mind" }.AsJson(), Cancel);
        await floor.WhenAsync("out:1", order => order.Status is OrderStatus.Cancelled && order.Intake is null && order.UnderWay is null);
        await ShipAsync(ticket).OkAsync();
        var sent = (await floor.Get<PickTickets>().ReadAsync(ticket.Id))!;
        for (var again = 0; again < 2; again++) Assert.Null(await floor.Get<Fulfilment>().WaitsForAsync(sent));
        var order = await floor.OrderAsync("out:1");
        Assert.Equal((1, 2), (order.Deliveries![0].Shipments!.Count, order.Deliveries[0].Shipments![0].Lines.Single().Units));
        Assert.Equal(2, (await floor.Get<ReturnDesk>().ListAsync(null, "out:1", 10, null)).Items.SelectMany(one => one.Lines).Sum(line => line.Units));
        Assert.NotNull((await floor.Get<PickTickets>().ReadAsync(ticket.Id))!.Ttl);
    }

    [Fact]
    public async Task A_ticket_that_its_order_does_not_name_is_called_off_with_the_order()
    {
        await app.SeedAsync("A", 5);
        await OrderAsync("shop:1", false, ("A", 2));
        var ticket = Assert.Single(await floor.LiveAsync("shop:1"));
        await floor.WhenAsync("shop:1", order => order.UnderWay is { Begun: true, Tickets: not null });
        // As a crash between the making of a ticket and its naming leaves it.
        for (Order? unnamed = null; unnamed is null;)
        {
            var order = await floor.OrderAsync("shop:1");
            unnamed = await floor.Get<OrderStore>().ReplaceAsync(Deliveries.With(order, order.UnderWay! with { Tickets = null }));
        }
        await app.Client.PostAsync("/api/orders/shop:1/cancel", new { reason = "twice" }.AsJson(), Cancel);
        await floor.WhenAsync("shop:1", order => order.Status is OrderStatus.Cancelled && order.Intake is null && order.UnderWay is null);
        Assert.Equal(TicketStatus.Cancelled, (await floor.Get<PickTickets>().ReadAsync(ticket.Id))!.Status);
        Assert.Equal((0, 0, 0), await floor.ClaimedAsync("A"));
    }

    [Fact]
    public async Task A_cancel_lets_a_parked_delivery_go_on()
    {
        await app.SeedAsync("A", 5);
        await OrderAsync("shop:1", false, ("A", 2));
        await floor.LiveAsync("shop:1");
        var mine = (await floor.OrderAsync("shop:1")).UnderWay!;
        await floor.Get<Fulfilment>().ParkAsync(new("shop:1", mine.Id, mine.Run), FulfilmentDo.Align, "a shelf fell");
        Assert.NotNull((await floor.OrderAsync("shop:1")).UnderWay!.Parked);
        await app.Client.PostAsync("/api/orders/shop:1/cancel", new { reason = "twice" }.AsJson(), Cancel);
        await floor.WhenAsync("shop:1", order => order.Status is OrderStatus.Cancelled && order.Intake is null && order.UnderWay is null);
        Assert.Equal((0, 0, 0), await floor.ClaimedAsync("A"));
    }

    [Fact]
    public async Task A_ticket_that_cannot_be_finished_holds_up_no_other()
    {
        await app.SeedAsync("A", 5);
        await OrderAsync("shop:1", false, ("A", 1));
        await OrderAsync("shop:2", false, ("A", 1));
        var (bad, good) = (await floor.HandOverAsync(await floor.PickAsync(Assert.Single(await floor.LiveAsync("shop:1")))), await floor.HandOverAsync(await floor.PickAsync(Assert.Single(await floor.LiveAsync("shop:2")))));
        var work = floor.Get<Store>().Work;
        async Task AgeAsync(PickTicket ticket, string sku) => await work.PatchItemAsync<object>(ticket.Id, new PartitionKeyBuilder().Add(ticket.Location).Add(ticket.Id).Build(),
            [PatchOperation.Set("/updatedAt", "2026-01-01T00:00:00.000Z"), PatchOperation.Set("/lines/0/sku", sku)], cancellationToken: Cancel);
        await AgeAsync(bad, new string('x', 3_000));
        await AgeAsync(good, "A");
        Assert.Equal([good.Id], (await floor.Get<Shipping>().SweepAsync(100, Cancel)).Select(ticket => ticket.Id));
        Assert.Equal(TicketStatus.Shipped, (await floor.Get<PickTickets>().ReadAsync(good.Id))!.Status);
    }
}
