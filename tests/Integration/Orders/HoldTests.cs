using Selvedge.Channels;
using Selvedge.Ledger;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Orders;

/// <summary>Orders that are held and not sold: quotes, carts, payments that are not there yet.</summary>
public sealed class HoldTests
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    static Draft Quote(string id, TimeSpan lasts, params (string Sku, long Quantity)[] lines) =>
        OrderRig.Draft(id, lines) with { Hold = new(HoldKind.Quote, "rep:anna", InstantConverter.Cut(TimeProvider.System.GetUtcNow() + lasts)) };

    static async Task<Order> TakeAsync(Instance at, Channel channel, Draft draft) => (await at.Get<Intake>().TakeAsync(channel, draft, Patience)).Order;

    static async Task<List<string>> KindsAsync(Instance at, string sku) => [.. (await at.Get<LedgerReads>().EntriesAsync(sku, newestFirst: false, 100, null)).Items.Select(entry => entry.Kind)];

    static async Task SweepAsync(OrderRig rig, TimeSpan after)
    {
        rig.Pass(after);
        var (orders, intake) = (rig[0].Get<OrderStore>(), rig[0].Get<Intake>());
        foreach (var id in await orders.DueAsync(TimeProvider.System.GetUtcNow() + after, 100)) await intake.FinishAsync(id);
    }

    [Theory]
    [InlineData(ShortagePolicy.Refuse)]
    [InlineData(ShortagePolicy.Partial)]
    [InlineData(ShortagePolicy.Backorder)]
    public async Task A_quote_keeps_its_units_from_others_and_is_sold_when_it_is_confirmed(ShortagePolicy policy)
    {
        await using var rig = await OrderRig.StartAsync();
        var (a, b, channel) = (await rig.StockAsync("A", 3), await rig.StockAsync("B", 5), OrderRig.Channel(policy));
        var quote = await TakeAsync(rig[0], channel, Quote("q1", TimeSpan.FromDays(3), (a, 3), (b, 2)));
        Assert.Equal(OrderStatus.Held, quote.Status);
        Assert.Equal([3, 2], quote.Lines.Select(line => line.Committed));
        Assert.All((await rig[0].Get<LedgerReads>().ClaimsAsync(a, 10, null)).Items, claim => Assert.Equal((ClaimKind.Hold, "rep:anna", quote.Hold!.ExpiresAt, false), (claim.Kind, claim.Owner, claim.ExpiresAt, claim.Tentative)));
        Assert.Equal(OrderStatus.Refused, (await TakeAsync(rig[0], OrderRig.Channel(ShortagePolicy.Refuse), OrderRig.Draft("other", (a, 1)))).Status);

        var sold = (await rig[0].Get<Intake>().ConfirmAsync(quote.Id, "rep:anna", Patience))!;
        Assert.Equal((OrderStatus.Committed, HoldEnd.Confirmed, false), (sold.Order.Status, sold.Order.Hold!.Ended, sold.Repeat));
        Assert.True((await rig[0].Get<Intake>().ConfirmAsync(quote.Id, "rep:anna", Patience))!.Repeat);
        Assert.All((await rig[0].Get<LedgerReads>().ClaimsAsync(b, 10, null)).Items, claim => Assert.Equal((ClaimKind.Commit, null), (claim.Kind, claim.ExpiresAt)));
        Assert.Contains("confirm", await KindsAsync(rig[0], a));

        await rig.RecoverAsync();
        Assert.Equal(OrderStatus.Committed, (await rig[0].Get<OrderStore>().ReadAsync(quote.Id))!.Status);
        Assert.Equal((3, 2), (await rig.HeldAsync(a), await rig.HeldAsync(b)));
        Assert.Empty(await rig.AuditAsync(a));
    }

    [Theory]
    [InlineData(ShortagePolicy.Refuse, true)]
    [InlineData(ShortagePolicy.Refuse, false)]
    [InlineData(ShortagePolicy.Oversold, true)]
    public async Task A_hold_whose_time_is_up_gives_its_units_back_and_the_order_says_so(ShortagePolicy policy, bool ledgerFirst)
    {
        await using var rig = await OrderRig.StartAsync();
        var (a, b, channel) = (await rig.StockAsync("A", 3), await rig.StockAsync("B", 5), OrderRig.Channel(policy));
        var quote = await TakeAsync(rig[0], channel, Quote("q1", TimeSpan.FromHours(1), (a, 3), (b, 2)));
        await SweepAsync(rig, TimeSpan.FromMinutes(30));
        Assert.Equal(OrderStatus.Held, (await rig[0].Get<OrderStore>().ReadAsync(quote.Id))!.Status);
        rig.Pass(TimeSpan.FromMinutes(31));
        if (ledgerFirst) Assert.Equal(2, await rig[0].Get<HoldExpiry>().RunAsync(CancellationToken.None));
        foreach (var id in await rig[0].Get<OrderStore>().DueAsync(DateTimeOffset.MaxValue, 100)) await rig[0].Get<Intake>().FinishAsync(id);

        var over = (await rig[0].Get<OrderStore>().ReadAsync(quote.Id))!;
        Assert.Equal((OrderStatus.Expired, HoldEnd.Expired, null), (over.Status, over.Hold!.Ended, over.Intake));
        Assert.Equal((0, 0), (await rig.HeldAsync(a), await rig.HeldAsync(b)));
        Assert.Contains("expire", await KindsAsync(rig[0], a));
        Assert.Empty(await rig.AuditAsync(a));
        Assert.Empty(await rig[0].Get<OrderStore>().DueAsync(DateTimeOffset.MaxValue, 100));

        if (policy is ShortagePolicy.Refuse)
        {
            Assert.Equal("hold-expired", (await Assert.ThrowsAsync<ProblemException>(() => rig[0].Get<Intake>().ConfirmAsync(quote.Id, "rep", Patience))).Type);
            return;
        }
        // The channel has sold it all the same: what there is now is committed, the rest waits.
        await TakeAsync(rig[0], channel, OrderRig.Draft("between", (a, 2)));
        var sold = (await rig[0].Get<Intake>().ConfirmAsync(quote.Id, "channel", Patience))!.Order;
        Assert.Equal((OrderStatus.Oversold, 1, 2, 2), (sold.Status, sold.Lines[0].Committed, sold.Lines[0].Oversold, sold.Lines[1].Committed));
        Assert.Empty(await rig.AuditAsync(a));
    }

    [Fact]
    public async Task A_hold_that_is_extended_stands_until_its_new_day_and_one_that_is_let_go_is_free_at_once()
    {
        await using var rig = await OrderRig.StartAsync();
        var (a, b, channel) = (await rig.StockAsync("A", 3), await rig.StockAsync("B", 2), OrderRig.Channel(ShortagePolicy.Refuse));
        var quote = await TakeAsync(rig[0], channel, Quote("q1", TimeSpan.FromHours(1), (a, 3), (b, 1)));
        var until = quote.Hold!.ExpiresAt.AddHours(2);
        var longer = (await rig[0].Get<Intake>().ExtendAsync(quote.Id, until, Patience))!;
        Assert.Equal((OrderStatus.Held, until, 3, false), (longer.Order.Status, longer.Order.Hold!.ExpiresAt, longer.Order.Lines[0].Committed, longer.Repeat));
        Assert.True((await rig[0].Get<Intake>().ExtendAsync(quote.Id, until, Patience))!.Repeat);
        rig.Pass(TimeSpan.FromMinutes(90));
        Assert.Equal(0, await rig[0].Get<HoldExpiry>().RunAsync(CancellationToken.None));
        Assert.Equal(3, await rig.HeldAsync(a));

        await rig[0].Get<Intake>().CancelAsync(quote.Id, OrderRig.Cancelled, Patience);
        var gone = (await rig[0].Get<OrderStore>().ReadAsync(quote.Id))!;
        Assert.Equal((OrderStatus.Cancelled, HoldEnd.Released, null), (gone.Status, gone.Hold!.Ended, gone.Intake));
        Assert.Equal(0, await rig.HeldAsync(a));
        Assert.Contains("release", await KindsAsync(rig[0], a));
        Assert.Equal("not-held", (await Assert.ThrowsAsync<ProblemException>(() => rig[0].Get<Intake>().ConfirmAsync(quote.Id, "rep", Patience))).Type);
        Assert.Equal("not-held", (await Assert.ThrowsAsync<ProblemException>(() => rig[0].Get<Intake>().ExtendAsync(quote.Id, until.AddDays(1), Patience))).Type);
        Assert.Empty(await rig.AuditAsync(a));
    }

    [Fact]
    public async Task An_owner_holds_no_more_of_a_sku_than_the_channel_lets_and_sells_as_much_as_there_is()
    {
        await using var rig = await OrderRig.StartAsync();
        var (a, channel) = (await rig.StockAsync("A", 20), OrderRig.Channel(ShortagePolicy.Refuse) with { HoldLimit = 5 });
        Assert.Equal(OrderStatus.Held, (await TakeAsync(rig[0], channel, Quote("q1", TimeSpan.FromDays(1), (a, 3)))).Status);
        Assert.Equal(OrderStatus.Refused, (await TakeAsync(rig[0], channel, Quote("q2", TimeSpan.FromDays(1), (a, 3)))).Status);
        Assert.Equal(OrderStatus.Held, (await TakeAsync(rig[0], channel, Quote("q3", TimeSpan.FromDays(1), (a, 2)))).Status);
        Assert.Equal(OrderStatus.Committed, (await TakeAsync(rig[0], channel, OrderRig.Draft("o1", (a, 15)))).Status);
        await rig[0].Get<Intake>().ConfirmAsync("test:q1", "rep", Patience);
        Assert.Equal(20, await rig.HeldAsync(a));
    }

    [Fact]
    public async Task Confirming_while_the_clock_lets_go_has_one_outcome_that_order_and_ledger_share()
    {
        await using var rig = await OrderRig.StartAsync(2);
        for (var round = 0; round < 12; round++)
        {
            var (a, b) = (await rig.StockAsync($"A{round}", 3), await rig.StockAsync($"B{round}", 3));
            var quote = await TakeAsync(rig[0], OrderRig.Channel(ShortagePolicy.Refuse), Quote($"q{round}", TimeSpan.FromHours(1 + round * 3), (a, 2), (b, 2)));
            var confirming = Task.Run(async () => { try { await rig[0].Get<Intake>().ConfirmAsync(quote.Id, "rep", Patience); } catch (ProblemException over) when (over.Type == "hold-expired") { } }, TestContext.Current.CancellationToken);
            rig.Pass(TimeSpan.FromHours(2));
            await Task.WhenAll(confirming, rig[1].Get<HoldExpiry>().RunAsync(CancellationToken.None), rig[1].Get<Intake>().FinishAsync(quote.Id));
            await rig.RecoverAsync();
            var order = (await rig[0].Get<OrderStore>().ReadAsync(quote.Id))!;
            Assert.Null(order.Intake);
            var held = (await rig.HeldAsync(a), await rig.HeldAsync(b));
            if (order.Status is OrderStatus.Committed) Assert.Equal((2, 2), held);
            else
            {
                Assert.Equal(OrderStatus.Expired, order.Status);
                Assert.Equal((0, 0), held);
            }
            Assert.Empty(await rig.AuditAsync(a));
        }
    }

    [Theory]
    [InlineData(ShortagePolicy.Backorder)]
    [InlineData(ShortagePolicy.Partial)]
    public async Task A_hold_that_is_sold_before_it_was_decided_is_a_commitment_and_does_not_lapse(ShortagePolicy policy)
    {
        await using var rig = await OrderRig.StartAsync();
        var (a, channel) = (await rig.StockAsync("A", 3), OrderRig.Channel(policy));
        var stuck = new TaskCompletionSource<Outcome>();
        var intake = Microsoft.Extensions.DependencyInjection.ActivatorUtilities.CreateInstance<Intake>(rig[0].Services, new Claiming(_ => stuck.Task));
        var quote = (await intake.TakeAsync(channel, Quote("q1", TimeSpan.FromHours(1), (a, 3)), TimeSpan.FromMilliseconds(50))).Order;
        Assert.Equal(IntakeStep.Claim, quote.Intake!.Step);
        var sold = (await rig[0].Get<Intake>().ConfirmAsync(quote.Id, "rep:anna", Patience))!.Order;
        Assert.Equal((OrderStatus.Committed, 3), (sold.Status, sold.Lines[0].Committed));
        await rig.RecoverAsync();
        Assert.Equal((OrderStatus.Committed, 3), ((await rig[0].ReadAsync(quote.Id))!.Status, await rig.HeldAsync(a)));
        Assert.Equal((ClaimKind.Commit, null), (await rig[0].Get<LedgerReads>().ClaimsAsync(a, 10, null)).Items.Select(claim => (claim.Kind, claim.ExpiresAt)).Single());
        stuck.SetException(new InvalidOperationException("the instance is gone"));
    }
}
