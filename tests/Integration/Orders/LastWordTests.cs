using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Ledger;
using Selvedge.Orders;
using static Selvedge.Tests.Integration.Orders.HistoryTests;
using static Selvedge.Tests.Integration.Orders.OrderRig;

namespace Selvedge.Tests.Integration.Orders;

/// <summary>What an order says after the ledger, the channel or a crash had the last word.</summary>
public class LastWordTests
{
    static readonly DateTimeOffset Monday = new(2026, 11, 23, 9, 0, 0, TimeSpan.Zero);

    static Draft State(string id, int second, params (string Line, string Sku, long Quantity)[] lines) => Draft(id) with
    {
        Version = new(Monday.AddSeconds(second)), Lines = [.. lines.Select(line => new DraftLine { Id = line.Line, Code = line.Sku, Quantity = line.Quantity, UnitPrice = 499_000 })],
    };

    static Task<Taken> ChangeAsync(OrderRig rig, Channel channel, Draft draft) => rig[0].Get<Intake>().UpdateAsync(channel, draft, TimeSpan.FromSeconds(20));

    static async Task<IReadOnlyList<ExceptionCase>> OpenAsync(OrderRig rig, string kind) => (await rig[0].Get<ExceptionCases>().ListAsync(ExceptionStatus.Open, kind, 50, null)).Items;

    [Theory]
    [InlineData(ShortagePolicy.Refuse)]
    [InlineData(ShortagePolicy.Partial)]
    public async Task An_order_that_asked_first_says_what_was_taken_of_it_and_what_came_back(ShortagePolicy policy)
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 2);
        await rig[0].TakeAsync(Channel(policy), Draft("1", ("A", 2)));
        Task<Outcome> AdjustAsync(string id, string from, string to) => rig[0].Get<InventoryLedger>().ExecuteAsync(new Post { Sku = "A", Actor = "test", Kind = PostKind.Adjust, From = from, To = to, Quantity = 1, Id = id });
        await AdjustAsync("gone", Accounts.OnHand("WH1"), Accounts.Shrink);
        Assert.Equal(1, await rig[0].Get<OrderProgress>().RunAsync(CancellationToken.None));
        var order = (await rig[0].ReadAsync("test:1"))!;
        Assert.Equal((OrderStatus.Oversold, 1, 1), (order.Status, order.Lines[0].Committed, order.Lines[0].Oversold));
        await AdjustAsync("found", Accounts.Shrink, Accounts.OnHand("WH1"));
        Assert.Equal(1, await rig[0].Get<OrderProgress>().RunAsync(CancellationToken.None));
        order = (await rig[0].ReadAsync("test:1"))!;
        Assert.Equal((OrderStatus.Committed, 2, 0), (order.Status, order.Lines[0].Committed, order.Lines[0].Oversold));
    }

    [Fact]
    public async Task What_a_person_must_know_is_told_though_the_first_message_died_once_it_was_durable()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 5);
        foreach (var (id, under) in new[] { ("1", true), ("2", false) })
        {
            var order = (await ChangeAsync(rig, Shop, State(id, 0, ("1", "A", 2)))).Order;
            if (under) order = (await rig[0].Get<OrderStore>().ReplaceAsync(order with { Status = OrderStatus.Fulfilling }))!;
            var told = State(id, 1, ("1", "A", 2)) with { Refunds = [new("9", Monday, [new("1", Restock.None, 1, Unsent: true)], Counted: true)], Cancel = under ? Cancelled : null };
            var said = await rig[0].Get<Planning>().ReadAsync(Shop, told);
            Assert.NotNull(await rig[0].Get<OrderStore>().ReplaceAsync(OrderChanges.Follow(order, said, "dead", rig.Now, _ => null)));
            // The shop had no answer and sends it again.
            Assert.Equal(Heard.Repeat, (await ChangeAsync(rig, Shop, told)).Heard);
            Assert.Equal("shop:" + id, Assert.Single(await OpenAsync(rig, under ? "cancelledUnderWay" : "refundNotRestocked")).Order);
        }
    }

    [Fact]
    public async Task Whether_an_order_is_a_test_follows_from_its_latest_state_and_not_from_what_came_first()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 5);
        Draft Trial(int second, bool test) => State("1", second, ("1", "A", 2)) with { Test = test };
        await ChangeAsync(rig, Shop, Trial(0, true));
        Assert.Equal(0, await rig.HeldAsync("A"));
        Assert.Equal((OrderStatus.Committed, 2), ((await ChangeAsync(rig, Shop, Trial(2, false))).Order.Status, await rig.HeldAsync("A")));
        Assert.Equal(Heard.Older, (await ChangeAsync(rig, Shop, Trial(1, true))).Heard);
        Assert.Equal(2, await rig.HeldAsync("A"));
        var trial = (await ChangeAsync(rig, Shop, Trial(3, true))).Order;
        Assert.Equal((true, null, 0, 0), (trial.Test, trial.Intake, trial.Lines[0].Committed, await rig.HeldAsync("A")));
        await ChangeAsync(rig, Shop, Trial(4, false));
        Assert.Equal(2, await rig.HeldAsync("A"));
        Assert.Empty(await rig.AuditAsync("A"));
    }

    [Fact]
    public async Task A_cancel_that_was_asked_for_here_is_done_when_the_channel_says_so()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 5);
        await ChangeAsync(rig, Shop, State("1", 0, ("1", "A", 2)));
        await rig[0].Get<Intake>().CancelAsync("shop:1", Cancelled with { State = CancelState.Asked, Actor = "Ana" }, TimeSpan.FromSeconds(5));
        var done = (await ChangeAsync(rig, Shop, State("1", 1, ("1", "A", 2)) with { Cancel = Cancelled })).Order;
        Assert.Equal((OrderStatus.Cancelled, CancelState.Done, null), (done.Status, done.Cancel!.State, done.Intake));
        Assert.Equal(CancelState.Done, (await ChangeAsync(rig, Shop, State("1", 2, ("1", "A", 2)))).Order.Cancel!.State);
        Assert.Equal(0, await rig.HeldAsync("A"));
    }

    [Fact]
    public async Task An_order_by_api_does_not_become_one_that_the_channel_told()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 5);
        await ChangeAsync(rig, Shop, State("1", 0, ("1", "A", 2)) with { Person = null });
        var other = Draft("1", ("A", 1));
        Assert.Equal(422, (await Assert.ThrowsAsync<Platform.ProblemException>(() => rig[0].Get<Intake>().TakeAsync(Shop, other, TimeSpan.FromSeconds(10), other.ContentHash()))).Status);
        Assert.Null(await rig[0].Get<OrderStore>().ReadPersonAsync("shop:1"));
    }
}
