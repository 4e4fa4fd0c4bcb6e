using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Ledger;
using Selvedge.Local.Channels.Shopify;
using Selvedge.Orders;
using static Selvedge.Tests.Integration.Orders.HistoryTests;
using static Selvedge.Tests.Integration.Orders.OrderRig;

namespace Selvedge.Tests.Integration.Orders;

/// <summary>What becomes of an order after it came: edits, exchanges, refunds, tills, and what the ledger and the catalogue learn later.</summary>
public class EditTests
{
    static readonly DateTimeOffset Monday = new(2026, 11, 23, 9, 0, 0, TimeSpan.Zero);

    static Draft State(string id, int second, params (string Line, string Sku, long Quantity)[] lines) => Draft(id) with
    {
        Version = new(Monday.AddSeconds(second)), Lines = [.. lines.Select(line => new DraftLine { Id = line.Line, Code = line.Sku, Quantity = line.Quantity, UnitPrice = 499_000 })],
    };

    static Task<Taken> ChangeAsync(OrderRig rig, Channel channel, Draft draft) => rig[0].Get<Intake>().UpdateAsync(channel, draft, TimeSpan.FromSeconds(20));

    static async Task<IReadOnlyList<ExceptionCase>> OpenAsync(OrderRig rig, string kind) => (await rig[0].Get<ExceptionCases>().ListAsync(ExceptionStatus.Open, kind, 50, null)).Items;

    [Fact]
    public async Task An_exchange_takes_the_new_unit_before_it_lets_go_of_the_old_one()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("OLD", 1);
        await rig.StockAsync("NEW", 1);
        await ChangeAsync(rig, Shop, State("1", 0, ("1", "OLD", 1)));
        var calls = new List<string>();
        var claiming = new Claiming(async command =>
        {
            lock (calls) calls.Add(command.Key);
            return await rig[0].Get<InventoryLedger>().ExecuteAsync(command);
        });
        var order = await rig[0].ReadAsync("shop:1");
        var exchanged = await rig[0].Get<Planning>().CompleteAsync(OrderChanges.Follow(order!,
            await rig[0].Get<Planning>().ReadAsync(Shop, State("1", 1, ("1", "OLD", 0), ("2", "NEW", 1))), "test", Monday, _ => null), Shop);
        await claiming.ClaimAsync(exchanged, () => Task.FromResult(true));
        Assert.Equal(["shop~3A1:2:r2", "shop~3A1:1:r2"], calls);
        Assert.Equal((0, 1), (await rig.HeldAsync("OLD"), await rig.HeldAsync("NEW")));
    }

    [Fact]
    public async Task An_exchange_for_what_nobody_has_is_an_oversell_of_the_new_unit_alone()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("OLD", 1);
        await rig.StockAsync("NEW", 0);
        await ChangeAsync(rig, Shop, State("1", 0, ("1", "OLD", 1)));
        var order = (await ChangeAsync(rig, Shop, State("1", 1, ("1", "OLD", 0), ("2", "NEW", 1)))).Order;
        Assert.Equal((OrderStatus.Oversold, 1, 2), (order.Status, order.Lines[1].Oversold, order.Revision));
        Assert.Equal(0, await rig.HeldAsync("OLD"));
        Assert.Equal("2", Assert.Single(await OpenAsync(rig, "oversell")).Line);
    }

    [Fact]
    public async Task An_edit_that_asks_first_and_is_refused_loses_nothing_of_what_was_held()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("OLD", 5);
        await rig.StockAsync("NEW", 1);
        var asks = Channel(ShortagePolicy.Refuse, "asks");
        await ChangeAsync(rig, asks, State("1", 0, ("1", "OLD", 2), ("3", "OLD", 1)));
        var order = (await ChangeAsync(rig, asks, State("1", 1, ("1", "OLD", 1), ("3", "OLD", 2), ("2", "NEW", 2)))).Order;
        Assert.Null(order.Intake);
        Assert.Equal([(2, 2), (1, 1), (0, 0)], order.Lines.Select(line => ((int)line.Quantity, (int)line.Committed)));
        Assert.Equal((3, 0), (await rig.HeldAsync("OLD"), await rig.HeldAsync("NEW")));
        Assert.NotEmpty(await OpenAsync(rig, "editRefused"));
        // What can be had is taken.
        order = (await ChangeAsync(rig, asks, State("1", 2, ("1", "OLD", 1), ("3", "OLD", 2), ("2", "NEW", 1)))).Order;
        Assert.Equal((3, 1), (await rig.HeldAsync("OLD"), await rig.HeldAsync("NEW")));
        Assert.Equal([1, 2, 1], order.Lines.Select(line => line.Committed));
        Assert.Empty((await rig.AuditAsync("OLD")).Concat(await rig.AuditAsync("NEW")));
    }

    [Fact]
    public async Task A_refund_lets_go_only_of_what_was_cancelled_and_expects_what_was_returned()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 10);
        var history = new SimulatedOrder(1);
        history.Create(("A", 5));
        history.Fulfil(0, 2);
        foreach (var delivery in history.Sent) await DeliverAsync(rig[0], delivery);
        foreach (var (restock, held) in new[] { ("return", 5), ("cancel", 4), ("no_restock", 4) })
        {
            history.Sent.Clear();
            history.Refund(0, 1, restock);
            // The refund alone, then with the order's state: the same.
            foreach (var delivery in history.Sent)
            {
                await DeliverAsync(rig[0], delivery);
                Assert.Equal(held, await rig.HeldAsync("A"));
            }
        }
        var view = OrderView.Of((await rig[0].ReadAsync("shop:1"))!);
        Assert.Equal([(Restock.Return, true), (Restock.Cancel, false), (Restock.None, false)], view.Refunds!.SelectMany(refund => refund.Lines).Select(line => (line.Restock, line.Expected)));
        Assert.Equal((5, 4, 1), (view.Lines[0].Ordered, view.Lines[0].Quantity, view.Lines[0].Cancelled));
        Assert.Single(await OpenAsync(rig, "refundNotRestocked"));
        Assert.Equal(10, (await rig[0].Get<LedgerReads>().BalanceAsync("A"))!.Locations["WH1"].OnHand);
    }

    [Fact]
    public async Task A_refund_that_comes_before_its_order_is_kept_for_it()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 10);
        var history = new SimulatedOrder(1);
        history.Create(("A", 3));
        history.Refund(0, 2, "cancel");
        var refund = history.Sent.Single(delivery => delivery.Topic == "refunds/create");
        var kept = await DeliverAsync(rig[0], refund);
        Assert.Equal(("announced", "kept"), (kept.Status, kept.Heard));
        Assert.True((await DeliverAsync(rig[0], refund)).Repeat);
        Assert.Equal(OrderStatus.Announced, (await rig[0].ReadAsync("shop:1"))!.Status);
        var created = await DeliverAsync(rig[0], history.Sent.First(delivery => delivery.Topic == "orders/create"));
        Assert.Equal(("committed", "changed"), (created.Status, created.Heard));
        Assert.Equal(1, await rig.HeldAsync("A"));
        Assert.Equal("changed", (await DeliverAsync(rig[0], history.Sent.Last())).Heard);
        Assert.Equal("older", (await DeliverAsync(rig[0], history.Sent.First())).Heard);
        Assert.Equal(1, await rig.HeldAsync("A"));
    }

    [Fact]
    public async Task A_code_that_becomes_known_is_claimed_and_its_exception_closed()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 3);
        await rig[0].Get<SalesChannels>().PutAsync("shop", Platform.RequestFields.Parse("{\"kind\":\"shopify\",\"locations\":[\"WH1\"]}"u8.ToArray()), null, "test");
        await ChangeAsync(rig, Shop, State("1", 0, ("1", "A", 1), ("2", "LATER", 2)));
        Assert.Single(await OpenAsync(rig, "unknownSku"));
        await rig.StockAsync("LATER", 5);
        Assert.Equal(1, await rig.Add().Get<OrderProgress>().ReviewAsync(CancellationToken.None));
        var order = await rig[0].ReadAsync("shop:1");
        Assert.Equal((OrderStatus.Committed, 2, LineKind.Stock), (order!.Status, order.Lines[1].Committed, order.Lines[1].Kind));
        Assert.Equal(2, await rig.HeldAsync("LATER"));
        Assert.Empty(await OpenAsync(rig, "unknownSku"));
    }

    [Fact]
    public async Task A_sale_at_a_till_is_a_fact_where_it_was_sold_and_never_a_claim()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 3);
        var history = new SimulatedOrder(1, till: true);
        history.Create(("A", 2));
        // Nobody said which place it is: the sale is kept, and a person is asked.
        var lost = Shop with { Places = null };
        await rig[0].Get<Intake>().UpdateAsync(lost, Read(history), TimeSpan.FromSeconds(20));
        Assert.Equal(OrderStatus.Partial, (await rig[0].ReadAsync("shop:1"))!.Status);
        Assert.Single(await OpenAsync(rig, "unknownPlace"));
        await rig[0].Get<Locations>().PutAsync(new Location { Id = "STORE", Is = LocationKind.Store, Name = "Store" }, null, "test");
        var resolved = await rig[0].Get<Intake>().ResolveAsync(Shop, "shop:1", TimeSpan.FromSeconds(20));
        Assert.Equal((OrderStatus.Shipped, 2), (resolved!.Order.Status, resolved.Order.Lines[0].Shipped));
        var balance = await rig[0].Get<LedgerReads>().BalanceAsync("A");
        Assert.Equal((-2, 0, 3), (balance!.Locations["STORE"].OnHand, balance.Locations["STORE"].Held, balance.Locations["WH1"].OnHand));
        Assert.Empty(await rig.AuditAsync("A"));

        // What the till takes back is there at once.
        history.Refund(0, 1, "return");
        foreach (var delivery in history.Sent.Concat(history.Sent)) await DeliverAsync(rig[0], delivery);
        Assert.Equal(-1, (await rig[0].Get<LedgerReads>().BalanceAsync("A"))!.Locations["STORE"].OnHand);
        Assert.Equal(1, (await rig[0].ReadAsync("shop:1"))!.Lines[0].Shipped);
    }

    static Draft Read(SimulatedOrder history) => Selvedge.Channels.Shopify.ShopifyOrder.Parse(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(history.Snapshot()), "shop", null);

    [Fact]
    public async Task What_a_till_takes_back_of_an_order_that_was_sent_is_there_at_once()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 3);
        await rig[0].Get<Locations>().PutAsync(new Location { Id = "STORE", Is = LocationKind.Store, Name = "Store" }, null, "test");
        await ChangeAsync(rig, Shop, State("1", 0, ("1", "A", 2)));
        var refund = new Refund("9", Monday, [new("1", Restock.Return, 1, "655441491")]);
        var intake = rig[0].Get<Intake>();
        await intake.RefundAsync(Shop, "1", refund, TimeSpan.FromSeconds(20));
        Assert.False((await rig[0].Get<LedgerReads>().BalanceAsync("A"))!.Locations.ContainsKey("STORE"));
        // The same refund, from a payload that says it was made at a till; and again.
        for (var times = 0; times < 2; times++) await intake.RefundAsync(Shop, "1", refund with { Till = true }, TimeSpan.FromSeconds(20));
        var balance = await rig[0].Get<LedgerReads>().BalanceAsync("A");
        Assert.Equal((1, 2), (balance!.Locations["STORE"].OnHand, balance.Locations["WH1"].Held));
        Assert.Empty(await rig.AuditAsync("A"));
    }

    [Fact]
    public async Task Edits_and_refunds_are_answered_once_they_are_durable_whatever_the_ledger_takes()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 9);
        await ChangeAsync(rig, Shop, State("1", 0, ("1", "A", 5)));
        var stuck = new TaskCompletionSource<Outcome>();
        var intake = Microsoft.Extensions.DependencyInjection.ActivatorUtilities.CreateInstance<Intake>(rig[0].Services, new Claiming(_ => stuck.Task));
        var edited = await intake.UpdateAsync(Shop, State("1", 1, ("1", "A", 4)), TimeSpan.FromMilliseconds(50));
        Assert.Equal((4, IntakeStep.Claim), (edited.Order.Lines[0].Quantity, edited.Order.Intake!.Step));
        var refunded = await intake.RefundAsync(Shop, "1", new("9", Monday.AddSeconds(2), [new("1", Restock.Cancel, 1)]), TimeSpan.FromMilliseconds(50));
        Assert.Equal(3, refunded.Order.Lines[0].Quantity);
        var cancelled = await intake.UpdateAsync(Shop, State("1", 3, ("1", "A", 5)) with { Cancel = Cancelled }, TimeSpan.FromMilliseconds(50));
        Assert.Equal((OrderStatus.Cancelled, IntakeStep.Release), (cancelled.Order.Status, cancelled.Order.Intake!.Step));
        Assert.False(stuck.Task.IsCompleted);
        // The sweeper of an instance that works finishes it.
        await rig.RecoverAsync();
        Assert.Equal((0, null), (await rig.HeldAsync("A"), (await rig[0].ReadAsync("shop:1"))!.Intake));
        stuck.SetException(new InvalidOperationException("the instance is gone"));
    }

    [Fact]
    public async Task A_cancel_of_what_is_being_sent_is_kept_and_a_person_told()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 5);
        var order = (await ChangeAsync(rig, Shop, State("1", 0, ("1", "A", 2)))).Order;
        Assert.NotNull(await rig[0].Get<OrderStore>().ReplaceAsync(order with { Status = OrderStatus.Fulfilling }));
        var cancelled = (await ChangeAsync(rig, Shop, State("1", 1, ("1", "A", 2)) with { Cancel = Cancelled })).Order;
        Assert.Equal((OrderStatus.Fulfilling, CancelState.Done), (cancelled.Status, cancelled.Cancel!.State));
        Assert.Equal(2, await rig.HeldAsync("A"));
        Assert.Single(await OpenAsync(rig, "cancelledUnderWay"));
    }

    [Fact]
    public async Task An_order_follows_what_the_ledger_serves_and_takes_later()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 1);
        await ChangeAsync(rig, Shop, State("1", 0, ("1", "A", 3)));
        await ChangeAsync(rig, Channel(ShortagePolicy.Backorder, "waits"), State("1", 0, ("1", "A", 1)));
        var progress = rig.Add().Get<OrderProgress>();
        Assert.Equal(0, await progress.RunAsync(CancellationToken.None));

        Task<Outcome> PostAsync(string id, PostKind kind, string from, string to, long units) => rig[0].Get<InventoryLedger>().ExecuteAsync(new Post { Sku = "A", Actor = "test", Kind = kind, From = from, To = to, Quantity = units, Id = id });
        await PostAsync("more", PostKind.Receive, Accounts.Supplier, Accounts.OnHand("WH1"), 3);
        Assert.Equal(2, await progress.RunAsync(CancellationToken.None));
        var (sold, waited) = (await rig[0].ReadAsync("shop:1"), await rig[0].ReadAsync("waits:1"));
        Assert.Equal((OrderStatus.Committed, 3, 0), (sold!.Status, sold.Lines[0].Committed, sold.Lines[0].Oversold));
        Assert.Equal((OrderStatus.Committed, 1, 0), (waited!.Status, waited.Lines[0].Committed, waited.Lines[0].Backordered));
        Assert.Equal(1, await progress.ReviewAsync(CancellationToken.None));
        Assert.Empty(await OpenAsync(rig, "oversell"));

        await PostAsync("gone", PostKind.Adjust, Accounts.OnHand("WH1"), Accounts.Shrink, 1);
        Assert.Equal(1, await progress.RunAsync(CancellationToken.None));
        Assert.Equal(1, (await rig[0].ReadAsync("shop:1"))!.Lines[0].Oversold + (await rig[0].ReadAsync("waits:1"))!.Lines[0].Backordered);
        Assert.Equal(0, await progress.RunAsync(CancellationToken.None));
    }

    [Fact]
    public async Task An_oversell_that_a_cancel_overtook_is_closed()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 1);
        await ChangeAsync(rig, Shop, State("1", 0, ("1", "A", 2)));
        await ChangeAsync(rig, Shop, State("1", 1, ("1", "A", 2)) with { Cancel = Cancelled });
        await rig[0].Get<OrderProgress>().ReviewAsync(CancellationToken.None);
        Assert.Empty(await OpenAsync(rig, "oversell"));
    }

    [Fact]
    public async Task Orders_of_stock_that_only_a_marketplace_holds_claim_nothing_of_ours()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 1);
        await rig[0].Get<Locations>().PutAsync(new Location { Id = "FBA", Is = LocationKind.Marketplace, Name = "FBA" }, null, "test");
        var order = (await rig[0].TakeAsync(Channel(ShortagePolicy.Oversold, "amazon", "FBA"), Draft("1", ("A", 2)))).Order;
        Assert.Equal((OrderStatus.Committed, FulfilledBy.Marketplace, 0), (order.Status, order.Lines[0].FulfilledBy, order.Lines[0].Oversold));
        Assert.Equal(["FBA"], order.Lines[0].Places);
        Assert.Equal(0, await rig.HeldAsync("A"));
    }

    [Fact]
    public async Task A_person_follows_a_later_state_and_not_an_earlier_one_and_stays_erased()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 5);
        Draft With(int second, string email) => State("1", second, ("1", "A", 1)) with { Person = new() { Id = "", Email = email } };
        await ChangeAsync(rig, Shop, With(1, "first@example.com"));
        await ChangeAsync(rig, Shop, With(3, "third@example.com"));
        await ChangeAsync(rig, Shop, With(2, "second@example.com"));
        Assert.Equal("third@example.com", (await rig[0].Get<OrderStore>().ReadPersonAsync("shop:1"))!.Email);
        await rig[0].Get<Platform.Store>().People.DeleteItemStreamAsync("shop:1", new("shop:1"));
        await ChangeAsync(rig, Shop, With(4, "fourth@example.com"));
        Assert.Null(await rig[0].Get<OrderStore>().ReadPersonAsync("shop:1"));
    }

    [Fact]
    public async Task Of_an_order_that_is_refused_as_another_content_nobody_is_kept()
    {
        await using var rig = await StartAsync();
        await rig.StockAsync("A", 5);
        var (one, other) = (Draft("1", ("A", 1)) with { Person = null }, Draft("1", ("A", 2)));
        await rig[0].Get<Intake>().TakeAsync(Shop, one, TimeSpan.FromSeconds(10), one.ContentHash());
        await Assert.ThrowsAsync<Platform.ProblemException>(() => rig[0].Get<Intake>().TakeAsync(Shop, other, TimeSpan.FromSeconds(10), other.ContentHash()));
        Assert.Null(await rig[0].Get<OrderStore>().ReadPersonAsync("shop:1"));
    }

    [Fact]
    public async Task Hundreds_of_slow_lines_all_or_nothing_outlast_their_lease_and_are_held()
    {
        await using var rig = await StartAsync();
        var skus = Enumerable.Range(0, 20).Select(i => $"S{i:00}").ToArray();
        foreach (var sku in skus) await rig.StockAsync(sku, 200);
        // Every claim takes 0.4 s by the wall clock: 120 s in all. The sweeper and the hold expiry of another instance look in all the time.
        var (portal, other, claims) = (Channel(ShortagePolicy.Refuse, "portal"), rig.Add(), 0);
        var slow = new Claiming(async command =>
        {
            rig.Pass(TimeSpan.FromMilliseconds(400));
            if (++claims % 20 == 0 && claims <= 300)
            {
                foreach (var id in await other.Get<OrderStore>().DueAsync(rig.Now, 10)) await other.Get<Intake>().FinishAsync(id);
                await other.Get<HoldExpiry>().RunAsync(CancellationToken.None);
            }
            return await rig[0].Get<InventoryLedger>().ExecuteAsync(command);
        });
        var intake = Microsoft.Extensions.DependencyInjection.ActivatorUtilities.CreateInstance<Intake>(rig[0].Services, slow);
        var taken = await intake.TakeAsync(portal, Draft("1", [.. Enumerable.Range(0, 300).Select(i => (skus[i % 20], 1L))]), TimeSpan.FromMinutes(5));
        Assert.Equal((OrderStatus.Committed, null, 1), (taken.Order.Status, taken.Order.Intake, taken.Order.Revision));
        foreach (var sku in skus) Assert.Equal(15, await rig.HeldAsync(sku));
    }

    [Fact]
    public async Task The_largest_order_there_may_be_keeps_its_owner_while_it_is_claimed_line_by_line()
    {
        await using var rig = await StartAsync(2);
        await rig.StockAsync("A", 1);
        // The ledger takes a tenth of a second for each: 200 s for the claims alone.
        var claims = 0;
        var slow = new Claiming(async command =>
        {
            if (command is not SetClaim claim) return new(Verdict.Applied);
            rig.Pass(TimeSpan.FromMilliseconds(100));
            if (++claims % 200 == 0) foreach (var id in await rig[1].Get<OrderStore>().DueAsync(rig.Now, 10)) await rig[1].Get<Intake>().FinishAsync(id);
            Assert.True(claim.ExpiresAt > rig.Now);
            return new(Verdict.Applied, new Dictionary<string, long> { ["WH1"] = claim.Quantity });
        });
        var intake = Microsoft.Extensions.DependencyInjection.ActivatorUtilities.CreateInstance<Intake>(rig[0].Services, slow);
        var taken = await intake.TakeAsync(Channel(ShortagePolicy.Refuse, "portal"), Draft("1", [.. Enumerable.Repeat(("A", 1L), 2_000)]), TimeSpan.FromMinutes(5));
        Assert.Equal((OrderStatus.Committed, null, 1, 2_000), (taken.Order.Status, taken.Order.Intake, taken.Order.Revision, claims));
    }
}
