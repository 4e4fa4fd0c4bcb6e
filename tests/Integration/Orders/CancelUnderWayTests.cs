using System.Net;
using Selvedge.Channels;
using Selvedge.Ledger;
using Selvedge.Orders;
using Selvedge.Picking;
using Selvedge.Returns;

namespace Selvedge.Tests.Integration.Orders;

/// <summary>Cancels and edits of orders that are on their way through the warehouse, at every stage, in the real app.</summary>
public sealed class CancelUnderWayTests : IAsyncLifetime
{
    static readonly DateTimeOffset Monday = new(2026, 11, 23, 9, 0, 0, TimeSpan.Zero);
    AppFixture app = null!;
    Floor floor = null!;
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        app = await AppFixture.StartAsync(args: "--Fulfilment:Paused=false");
        floor = new(app.Instances[0]);
        foreach (var place in new[] { "WH1", "WH2" }) await app.Client.PutAsync("/api/locations/" + place, new { kind = "warehouse", name = place }.AsJson(), Cancel).OkAsync();
        await app.Client.PutAsync("/api/channels/shop", new { kind = "shopify", locations = new[] { "WH1", "WH2" }, shortage = "oversold", secret = "shop" }.AsJson(), Cancel).OkAsync();
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    /// <summary>A state of the shop's order, so many seconds after the first.</summary>
    async Task<Order> TellAsync(string id, int second, CancelState? cancelled, params (string Id, string Sku, long Units)[] lines)
    {
        var channel = await floor.Get<SalesChannels>().GetAsync("shop");
        var at = Monday.AddSeconds(second);
        return (await floor.Get<Intake>().UpdateAsync(channel, new Draft
        {
            ExternalId = id, Currency = "AUD", Actor = "channel:shop", Version = new(at, at.AddSeconds(1)), Cancel = cancelled is { } state ? new(state, at, "changed their mind", "channel:shop") : null,
            Lines = [.. lines.Select(line => new DraftLine { Id = line.Id, Code = line.Sku, Quantity = line.Units, UnitPrice = 100_000 })],
        }, TimeSpan.FromSeconds(10))).Order;
    }

    Task<HttpResponseMessage> CancelAsync(string id) => app.Client.PostAsync($"/api/orders/{id}/cancel", new { reason = "ordered twice" }.AsJson(), Cancel);

    async Task<long> ToPutBackAsync(string location, string order, string line) => (await floor.Get<PutBacks>().OpenOfAsync(location, order, 1))?.Open(line) ?? 0;

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(3, false)]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(3, true)]
    public async Task Cancelled_before_it_leaves_nothing_is_held_and_what_was_picked_is_put_back(long picked, bool byChannel)
    {
        await app.SeedAsync("A", 5);
        await TellAsync("1", 0, null, ("1", "A", 3));
        var ticket = Assert.Single(await floor.LiveAsync("shop:1"));
        if (picked > 0) await floor.PickAsync(ticket, picked);
        if (byChannel) await TellAsync("1", 60, CancelState.Done, ("1", "A", 3));
        else Assert.Equal(HttpStatusCode.Accepted, (await CancelAsync("shop:1")).StatusCode);
        var order = await floor.WhenAsync("shop:1", order => order.Status is OrderStatus.Cancelled && order.Intake is null);
        Assert.Equal((true, 0, 3, DeliveryStatus.Cancelled, null), (order.Cancel!.Settled, order.Lines[0].Committed, order.Lines[0].Cancelled, order.Deliveries![0].Status, order.FulfilDue));
        Assert.Equal(TicketStatus.Cancelled, (await floor.Get<PickTickets>().ReadAsync(ticket.Id))!.Status);
        Assert.Equal((0, picked, 0), await floor.ClaimedAsync("A"));
        Assert.Equal(picked, await ToPutBackAsync("WH1", "shop:1", "1"));
        // The same again changes nothing.
        Assert.Equal(order.ETag, (await TellAsync("1", 60, byChannel ? CancelState.Done : null, ("1", "A", 3))) is var again && byChannel ? again.ETag : order.ETag);
        Assert.Equal(HttpStatusCode.OK, (await CancelAsync("shop:1")).StatusCode);
    }

    [Fact]
    public async Task Of_what_has_left_an_asked_cancel_is_refused_and_a_done_one_expects_it_back()
    {
        await app.SeedAsync("A", 5);
        await TellAsync("1", 0, null, ("1", "A", 2));
        var leaving = await floor.HandOverAsync(await floor.PickAsync(Assert.Single(await floor.LiveAsync("shop:1"))));
        await CancelAsync("shop:1").ProblemAsync(HttpStatusCode.Conflict, "not-cancellable");
        await TellAsync("1", 60, CancelState.Done, ("1", "A", 2));
        await floor.WhenAsync("shop:1", order => order.Cancel is { Settled: true });
        await floor.LeaveAsync(leaving);
        var order = await floor.WhenAsync("shop:1", OrderStatus.Shipped);
        Assert.Equal((2, CancelState.Done), (order.Lines[0].Shipped, order.Cancel!.State));
        Assert.Equal((0, 0, 0), await floor.ClaimedAsync("A"));
        await ExpectedAsync("shop:1", 2);
        await CancelAsync("shop:1").ProblemAsync(HttpStatusCode.Conflict, "not-cancellable");
    }

    [Fact]
    public async Task Shipped_first_and_cancelled_by_the_channel_afterwards_it_is_expected_back()
    {
        await app.SeedAsync("A", 5);
        await TellAsync("1", 0, null, ("1", "A", 2));
        await floor.SendAsync("shop:1");
        await TellAsync("1", 60, CancelState.Done, ("1", "A", 2));
        var order = await floor.WhenAsync("shop:1", order => order.Cancel is { Settled: true });
        Assert.Equal((OrderStatus.Shipped, null), (order.Status, order.FulfilDue));
        await ExpectedAsync("shop:1", 2);
    }

    async Task ExpectedAsync(string order, long units)
    {
        var expected = await floor.Get<Platform.Store>().Work.ReadItemAsync<ReturnCase>("rt-" + WorkIds.Tag(Platform.Ids.Join([order, "cancel"], 1000)),
            new Microsoft.Azure.Cosmos.PartitionKeyBuilder().Add(ReturnCase.KindName).Add("rt-" + WorkIds.Tag(Platform.Ids.Join([order, "cancel"], 1000))).Build(), cancellationToken: Cancel);
        Assert.Equal(units, expected.Resource.Lines.Sum(line => line.Units));
    }

    [Fact]
    public async Task Of_two_places_one_has_left_and_the_other_is_called_off()
    {
        await app.SeedAsync("A", 1);
        await app.SeedAsync("B", 5, "WH2");
        await TellAsync("1", 0, null, ("1", "A", 1), ("2", "B", 2));
        var tickets = await floor.WhenTicketsAsync("shop:1", all => all.Count == 2);
        await floor.ShipAsync(await floor.PickAsync(tickets.Single(ticket => ticket.Location == "WH1")));
        await CancelAsync("shop:1").OkAsync();
        var order = await floor.WhenAsync("shop:1", OrderStatus.Shipped);
        Assert.Equal((1, 0, 0, 2), (order.Lines[0].Shipped, order.Lines[1].Shipped, order.Lines[1].Quantity, order.Lines[1].Cancelled));
        Assert.Equal((0, 0, 0), await floor.ClaimedAsync("B"));
        // What the shop still says it wants is not begun again.
        await TellAsync("1", 90, null, ("1", "A", 1), ("2", "B", 2));
        Assert.Equal((0, 0, 0), await floor.ClaimedAsync("B"));
    }

    [Fact]
    public async Task An_edit_before_the_pick_changes_the_ticket_and_one_after_it_puts_units_back()
    {
        await app.SeedAsync("A", 5);
        await app.SeedAsync("B", 5);
        await TellAsync("1", 0, null, ("1", "A", 2));
        var first = Assert.Single(await floor.LiveAsync("shop:1"));
        var edited = await TellAsync("1", 60, null, ("1", "A", 3), ("2", "B", 1));
        Assert.Equal(OrderStatus.Fulfilling, edited.Status);
        var ticket = Assert.Single(await floor.WhenTicketsAsync("shop:1", all => all.Sum(each => each.Left) == 4));
        Assert.Equal(first.Id, ticket.Id);
        await floor.PickAsync(ticket);
        await TellAsync("1", 120, null, ("1", "A", 1), ("2", "B", 1));
        await floor.WhenAsync("shop:1", _ => ToPutBackAsync("WH1", "shop:1", "1").GetAwaiter().GetResult() == 2);
        var order = await floor.SendAsync("shop:1");
        Assert.Equal((1, 1), (order.Lines[0].Shipped, order.Lines[1].Shipped));
        Assert.Equal((0, 2, 0), await floor.ClaimedAsync("A"));
    }

    [Fact]
    public async Task Two_cancels_and_a_pick_at_once_leave_nothing_held_and_no_unit_lost()
    {
        for (var round = 0; round < 10; round++)
        {
            var (sku, id) = ($"S{round}", $"shop:{round}");
            await app.SeedAsync(sku, 3);
            await TellAsync($"{round}", 0, null, ("1", sku, 2));
            var ticket = Assert.Single(await floor.LiveAsync(id));
            var picking = PickAsync(ticket);
            await Task.WhenAll(picking, CancelAsync(id), CancelAsync(id), TellAsync($"{round}", 60, CancelState.Done, ("1", sku, 2)));
            var order = await floor.WhenAsync(id, order => order.Status is OrderStatus.Cancelled && order.Intake is null);
            var (held, staged, waits) = await floor.ClaimedAsync(sku);
            Assert.Equal((0, await picking ? 2 : 0, 0, 0), (held, staged, waits, order.Lines[0].Committed));
            // What the scan got before the cancel did is on its way back.
            Assert.Equal(staged, await ToPutBackAsync("WH1", id, "1"));
            Assert.Equal(3, (await floor.Get<LedgerReads>().BalanceAsync(sku, Cancel))!.Locations.Values.Sum(at => at.OnHand + at.Staged));
        }

        async Task<bool> PickAsync(PickTicket ticket)
        {
            try
            {
                await floor.PickAsync(ticket);
                return true;
            }
            catch (Platform.ProblemException refused) when (refused.Status == 409)
            {
                return false;
            }
        }
    }
}
