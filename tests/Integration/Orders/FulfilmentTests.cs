using System.Net;
using Selvedge.Ledger;
using Selvedge.Orders;
using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Orders;

/// <summary>Orders on their way through the warehouse, in the real app: from the webhook's or the API's order to what has left.</summary>
public sealed class FulfilmentTests : IAsyncLifetime
{
    AppFixture app = null!;
    Floor floor = null!;
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        app = await AppFixture.StartAsync(args: "--Fulfilment:Paused=false");
        floor = new(app.Instances[0]);
        foreach (var (id, shortage) in new[] { ("shop", "backorder"), ("portal", "refuse"), ("part", "partial") })
        {
            foreach (var (place, priority) in new[] { ("WH1", 1), ("WH2", 2) }) await app.Client.PutAsync("/api/locations/" + place, new { kind = "warehouse", name = place, priority }.AsJson(), Cancel).OkAsync();
            await app.Client.PutAsync("/api/channels/" + id, new { kind = "b2b", locations = new[] { "WH1", "WH2" }, shortage }.AsJson(), Cancel).OkAsync();
        }
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    Task<System.Text.Json.JsonElement> OrderAsync(string id, params (string Sku, long Units)[] lines) => OrderAsync(id, new { }, lines);

    async Task<System.Text.Json.JsonElement> OrderAsync(string id, object more, params (string Sku, long Units)[] lines)
    {
        var order = System.Text.Json.JsonSerializer.SerializeToNode(more, Json.Options)!.AsObject();
        var (channel, external) = (id.Split(':')[0], id.Split(':')[1]);
        order["channel"] = channel;
        order["externalId"] = external;
        order["lines"] = System.Text.Json.JsonSerializer.SerializeToNode(lines.Select(line => new { sku = line.Sku, quantity = line.Units, price = "10.00" }), Json.Options);
        return await app.Client.PostAsync("/api/orders", order.AsJson(), Cancel).OkAsync();
    }

    Task<System.Text.Json.JsonElement> GetAsync(string id) => app.Client.GetAsync("/api/orders/" + id, Cancel).OkAsync();

    [Fact]
    public async Task An_order_becomes_a_ticket_is_picked_shipped_and_closed_and_a_person_can_follow_it()
    {
        await app.SeedAsync("A", 5, "WH1");
        await app.SeedAsync("B", 5, "WH1");
        await OrderAsync("shop:1", ("A", 2), ("B", 1));
        var ticket = Assert.Single(await floor.LiveAsync("shop:1"));
        Assert.Equal(("WH1", 3, OrderStatus.Fulfilling), (ticket.Location, ticket.Left, (await floor.OrderAsync("shop:1")).Status));
        var picked = await floor.PickAsync(ticket);
        Assert.Equal((0, 2, 0), await floor.ClaimedAsync("A"));
        await floor.ShipAsync(picked);
        var order = await floor.WhenAsync("shop:1", OrderStatus.Shipped);
        Assert.Equal((2, 0, 1, 0, null), (order.Lines[0].Shipped, order.Lines[0].Committed, order.Lines[1].Shipped, order.Lines[1].Committed, order.FulfilDue));
        Assert.Equal((0, 0, 0), await floor.ClaimedAsync("A"));
        var delivery = (await GetAsync("shop:1")).GetProperty("deliveries")[0];
        Assert.Equal(("closed", "shipped", "WH1", "AusPost", "T-" + ticket.Id), (delivery.GetProperty("status").GetString(), delivery.GetProperty("tickets")[0].GetProperty("status").GetString(),
            delivery.GetProperty("tickets")[0].GetProperty("location").GetString(), delivery.GetProperty("tickets")[0].GetProperty("carrier").GetString(), delivery.GetProperty("tickets")[0].GetProperty("tracking").GetString()));
        Assert.NotNull((await floor.Get<PickTickets>().ReadAsync(ticket.Id))!.Ttl);
    }

    [Fact]
    public async Task What_is_short_waits_for_a_next_delivery_and_is_sent_when_the_ledger_has_it()
    {
        await app.SeedAsync("A", 2, "WH1");
        await OrderAsync("shop:1", ("A", 3));
        var order = await floor.SendAsync("shop:1", OrderStatus.Backordered);
        Assert.Equal((2, 1, 0), (order.Lines[0].Shipped, order.Lines[0].Backordered, order.Lines[0].Committed));
        Assert.Equal([DeliveryStatus.Closed, DeliveryStatus.Waiting], order.Deliveries!.Select(delivery => delivery.Status));
        Assert.Null(order.Deliveries![1].DueAt);
        await app.Client.PostAsync("/api/movements", new { id = "more", kind = "receive", sku = "A", location = "WH1", quantity = 5, unitCost = "10.00" }.AsJson(), Cancel).OkAsync();
        await floor.Get<OrderProgress>().RunAsync(Cancel);
        order = await floor.SendAsync("shop:1");
        Assert.Equal((3, 0, 2), (order.Lines[0].Shipped, order.Lines[0].Backordered, order.Deliveries!.Count(delivery => delivery.Status is DeliveryStatus.Closed)));
        Assert.Equal((0, 0, 0), await floor.ClaimedAsync("A"));
    }

    [Fact]
    public async Task An_order_is_not_begun_before_its_ship_window_or_while_it_is_blocked()
    {
        await app.SeedAsync("A", 9, "WH1");
        await OrderAsync("portal:later", new { shipWindow = new { from = DateTimeOffset.UtcNow.AddDays(3), cancelAfter = DateTimeOffset.UtcNow.AddDays(9) } }, ("A", 1));
        var later = await floor.OrderAsync("portal:later");
        Assert.Equal((DeliveryStatus.Waiting, later.ShipWindow!.From, later.ShipWindow.From), (later.Deliveries![0].Status, later.Deliveries[0].DueAt, later.FulfilDue));
        Assert.Equal(Beginning.Nothing, (await floor.Get<FulfilmentStart>().LookAsync("portal:later", hurried: true))!.Value.What);

        await OrderAsync("portal:blocked", new { shipWindow = new { from = DateTimeOffset.UtcNow.AddDays(3) } }, ("A", 1));
        var blocked = await app.Client.PostAsync("/api/orders/portal:blocked/blocks", new { kind = "credit", reason = "over the limit" }.AsJson(), Cancel).OkAsync();
        Assert.Equal("over the limit", blocked.GetProperty("blocks")[0].GetProperty("reason").GetString());
        Assert.Null((await floor.OrderAsync("portal:blocked")).FulfilDue);
        await app.Client.PostAsync("/api/orders/portal:blocked/blocks/credit/lift", null, Cancel).OkAsync();
        Assert.NotNull((await floor.OrderAsync("portal:blocked")).FulfilDue);
        await app.Client.PostAsync("/api/orders/portal:blocked/blocks/fraud/lift", null, Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
    }

    [Fact]
    public async Task A_block_calls_off_what_nobody_has_begun_and_lifting_it_begins_the_delivery_again()
    {
        await app.SeedAsync("A", 9, "WH1");
        await OrderAsync("shop:1", ("A", 2));
        var first = Assert.Single(await floor.LiveAsync("shop:1"));
        await app.Client.PostAsync("/api/orders/shop:1/blocks", new { kind = "fraud" }.AsJson(), Cancel).OkAsync();
        var order = await floor.WhenAsync("shop:1", OrderStatus.Committed);
        Assert.Equal((DeliveryStatus.Waiting, null, TicketStatus.Cancelled), (order.Deliveries![0].Status, order.FulfilDue, (await floor.Get<PickTickets>().ReadAsync(first.Id))!.Status));
        Assert.Equal((2, 0, 0), await floor.ClaimedAsync("A"));
        await app.Client.PostAsync("/api/orders/shop:1/blocks/fraud/lift", null, Cancel).OkAsync();
        order = await floor.SendAsync("shop:1");
        Assert.Equal((2, 2), (order.Lines[0].Shipped, order.Deliveries![0].Run));
    }

    [Fact]
    public async Task A_short_pick_is_looked_for_at_another_place_and_waits_where_nobody_has_it()
    {
        await app.SeedAsync("A", 2, "WH1");
        await app.SeedAsync("A", 1, "WH2");
        await OrderAsync("shop:1", ("A", 2));
        var ticket = Assert.Single(await floor.LiveAsync("shop:1"));
        await floor.ShortAsync(ticket, 2);
        // One is at WH2; the other nobody has.
        var there = (await floor.WhenTicketsAsync("shop:1", all => all.Any(other => other.Location == "WH2"))).Single(other => other.Location == "WH2");
        Assert.Equal(1, there.Left);
        var order = await floor.SendAsync("shop:1", OrderStatus.Backordered);
        Assert.Equal((1, 1, 0), (order.Lines[0].Shipped, order.Lines[0].Backordered, order.Lines[0].Committed));
        Assert.Equal((0, 0, 1), await floor.ClaimedAsync("A"));
        Assert.Equal(["WH2", "WH1"], order.Lines[0].Places!.OrderDescending());
    }

    [Fact]
    public async Task A_short_pick_is_looked_for_again_where_the_ledger_shows_more()
    {
        await app.SeedAsync("A", 3, "WH1");
        await OrderAsync("shop:1", ("A", 1));
        await floor.ShortAsync(Assert.Single(await floor.LiveAsync("shop:1")));
        var again = Assert.Single(await floor.LiveAsync("shop:1"));
        Assert.Equal(("WH1", 1), (again.Location, again.Left));
        Assert.Equal(1, (await floor.SendAsync("shop:1")).Lines[0].Shipped);
        Assert.Equal((0, 0, 0), await floor.ClaimedAsync("A"));
    }

    [Fact]
    public async Task A_short_pick_on_the_last_unit_of_three_orders_leaves_each_with_what_there_is()
    {
        await app.SeedAsync("A", 3, "WH1");
        foreach (var n in new[] { "1", "2", "3" }) await OrderAsync("shop:" + n, ("A", 1));
        await floor.ShortAsync(Assert.Single(await floor.LiveAsync("shop:1")));
        // One unit less than was promised: whoever is least urgent waits, the others are sent.
        foreach (var n in new[] { "1", "2", "3" }) await floor.SendAsync("shop:" + n, order => order.UnderWay is null && order.Status is OrderStatus.Shipped or OrderStatus.Backordered);
        var orders = new List<Order>();
        foreach (var n in new[] { "1", "2", "3" }) orders.Add(await floor.WhenAsync("shop:" + n, order => order.UnderWay is null));
        Assert.Equal((2, 1), (orders.Count(order => order.Status is OrderStatus.Shipped), orders.Count(order => order.Status is OrderStatus.Backordered)));
        Assert.Equal((0, 0, 1), await floor.ClaimedAsync("A"));
    }

    [Fact]
    public async Task A_bundle_is_sent_whole_and_what_one_part_lacks_is_put_back_of_the_others()
    {
        await app.SeedAsync("A", 8);
        await app.SeedAsync("B", 9);
        var twin = new { sku = "TWIN", kind = "virtual", components = new[] { new { sku = "A", quantity = 2 }, new { sku = "B", quantity = 1 } } };
        await app.Client.PutAsync("/api/styles/twin", new { name = "Twin", matrix = new { Navy = new { M = twin } } }.AsJson(), Cancel).OkAsync();
        await OrderAsync("shop:1", ("TWIN", 2));
        Assert.Equal((2, 0), (await floor.SendAsync("shop:1")) is var sent ? (sent.Lines[0].Shipped, sent.Lines[0].Committed) : default);

        await OrderAsync("shop:2", ("TWIN", 2));
        var ticket = Assert.Single(await floor.LiveAsync("shop:2"));
        ticket = (await floor.Get<Scanning>().PickAsync(ticket, new("three", "A", 3, ""), "picker")).Ticket;
        await floor.ShortAsync((await floor.Get<Scanning>().PickAsync(ticket, new("two", "B", 2, ""), "picker")).Ticket);
        // Three of A were found: one bundle is whole, and the third A and the second B go back.
        await floor.WhenAsync("shop:2", order => order.Deliveries![0].Surplus == 2);
        var order = await floor.SendAsync("shop:2", OrderStatus.Backordered);
        Assert.Equal((1, 1, 0), (order.Lines[0].Shipped, order.Lines[0].Backordered, order.Lines[0].Committed));
        var back = await floor.Get<PutBacks>().OpenOfAsync("WH1", "shop:2", 1);
        Assert.Equal((1, 1), (back!.Open("1:part1"), back.Open("1:part2")));
    }

    [Fact]
    public async Task What_has_not_left_by_the_cancel_date_is_cancelled()
    {
        await app.SeedAsync("A", 9, "WH1");
        await OrderAsync("portal:1", new { shipWindow = new { cancelAfter = DateTimeOffset.UtcNow.AddSeconds(2) } }, ("A", 2));
        // The order waits for it by itself: its orchestration has a timer.
        var order = await floor.WhenAsync("portal:1", order => order.Status is OrderStatus.Cancelled && order.Intake is null);
        Assert.Equal((ShipWindow.Clock, 2), (order.Cancel!.Actor, order.Lines[0].Cancelled));
        Assert.Equal((0, 0, 0), await floor.ClaimedAsync("A"));
        Assert.Equal("shipWindowMissed", (await app.Client.GetAsync("/api/exceptions?order=portal:1", Cancel).OkAsync()).GetProperty("items")[0].GetProperty("kind").GetString());
    }
}
