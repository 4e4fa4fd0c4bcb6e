using Selvedge.Channels;
using Selvedge.Channels.Zalando;
using Selvedge.Local.Channels;
using Selvedge.Local.Channels.Zalando;
using static Selvedge.Tests.Integration.Channels.Market;

namespace Selvedge.Tests.Integration.Channels.Zalando;

public sealed class ZalandoTests : IAsyncLifetime
{
    const string A = "4000000000013", B = "4000000000020", De = "sc-de", At = "sc-at";
    static readonly CancellationToken None = CancellationToken.None;
    readonly MarketClock clock = new();
    readonly ZalandoAdapter adapter;
    ZalandoSimulator zalando = null!;
    ChannelAccount account = null!;

    public ZalandoTests()
    {
        var calls = new ChannelCalls(new());
        adapter = new(calls, new(calls));
    }

    public async ValueTask InitializeAsync()
    {
        zalando = await ZalandoSimulator.StartAsync(clock);
        foreach (var ean in new[] { A, B }) foreach (var place in new[] { De, At }) zalando.Stock.Add(ean, place, 10);
        account = Account(zalando, "zalando", new() { ["merchantId"] = ZalandoSimulator.Merchant, ["clientId"] = "client", ["clientSecret"] = "zal", ["zfs"] = "true" }, name => name == "zal" ? zalando.ClientSecret : null);
    }

    public ValueTask DisposeAsync() => zalando.DisposeAsync();

    async Task<(ZalandoSimulatedOrder There, Selvedge.Orders.Order Here)> ApprovedAsync(params (string, int)[] lines)
    {
        var order = zalando.Sell(De, lines)!;
        clock.Pass(2);
        zalando.Approve(order);
        return (order, Kept((await adapter.OrdersAsync(account, clock.Now.AddHours(-1))).Single(read => read.Draft.ExternalId == order.Id)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Levels_are_set_by_place_and_each_is_answered(bool asOnThePage)
    {
        (zalando.AnswersAsOnThePage, _) = (asOnThePage, zalando.Broken.Add(B));
        var answer = await adapter.PushAsync(account, [Set(A, 3, De), Set(A, 4, At), Set(B, 5, De), Set("4099999999999", 6, De), Set("TEE", 1, De)], None);
        var results = answer.Items.ToDictionary(item => item.Listing);
        Assert.Equal((PushResult.Applied, PushResult.Applied, PushResult.Failed, PushResult.Applied, PushResult.Refused),
            (results[$"{De}:{A}"].Result, results[$"{At}:{A}"].Result, results[$"{De}:{B}"].Result, results[$"{De}:4099999999999"].Result, results[$"{De}:TEE"].Result));
        Assert.Equal((3, 4, 10), (zalando.Stock.Units(A, De), zalando.Stock.Units(A, At), zalando.Stock.Units(B, De)));
        Assert.Null(answer.Submission);
    }

    [Fact]
    public async Task Two_thousand_levels_a_minute_go_and_not_one_call_is_refused_there()
    {
        Push[] many = [.. Enumerable.Range(0, 1000).Select(i => Set($"40{i:D11}", i, De))];
        await adapter.PushAsync(account, many, None);
        await adapter.PushAsync(account, many, None);
        var limited = await adapter.PushAsync(account, many, None).FailsAsync(CallFailure.Limited);
        Assert.Equal(clock.Now.AddSeconds(30), limited.Until!.Value, TimeSpan.FromMilliseconds(50));
        clock.Now = limited.Until.Value.AddMilliseconds(50);
        await adapter.PushAsync(account, many, None);
        Assert.Empty(zalando.Faults.Met);
        Assert.Equal(3, zalando.Done["stocks"]);
    }

    [Fact]
    public async Task A_token_that_ends_is_renewed_before_and_one_that_is_refused_in_mid_batch_is_replaced()
    {
        await adapter.PushAsync(account, [Set(A, 3, De)], None);
        clock.Pass(7200 - 59);
        await adapter.PushAsync(account, [Set(A, 4, De)], None);
        Assert.Equal(2, zalando.TokensGiven);
        zalando.Faults.Next(Fault.TokenExpired, "stocks");
        Assert.Equal(clock.Now, (await adapter.PushAsync(account, [Set(A, 5, De)], None).FailsAsync(CallFailure.Limited)).Until);
        Assert.Equal(4, zalando.Stock.Units(A, De));
        await adapter.PushAsync(account, [Set(A, 5, De)], None);
        Assert.Equal((5, 3), (zalando.Stock.Units(A, De), zalando.TokensGiven));
    }

    [Fact]
    public async Task Wrong_credentials_are_for_a_person_and_are_not_repeated()
    {
        zalando.ClientSecret = "new";
        var wrong = Account(zalando, "zalando", new() { ["merchantId"] = ZalandoSimulator.Merchant, ["clientId"] = "client", ["clientSecret"] = "zal" }, _ => "outworn");
        Assert.DoesNotContain("outworn", (await adapter.PushAsync(wrong, [Set(A, 3, De)], None).FailsAsync(CallFailure.Refused)).Message);
        var lacking = Account(zalando, "zalando", new() { ["clientId"] = "client" }, _ => null);
        Assert.Contains("merchantId", (await adapter.PushAsync(lacking, [Set(A, 3, De)], None).FailsAsync(CallFailure.Refused)).Message);
    }

    [Theory]
    [InlineData(Fault.ServerError, CallFailure.Unanswered, 10)]
    [InlineData(Fault.HangUpBefore, CallFailure.Unanswered, 10)]
    [InlineData(Fault.HangUpAfter, CallFailure.Unanswered, 3)]
    [InlineData(Fault.Limited, CallFailure.Limited, 10)]
    public async Task A_level_that_was_not_answered_is_said_again_to_the_same_end(Fault fault, CallFailure failure, long there)
    {
        zalando.Faults.Next(fault, "stocks");
        var failed = await adapter.PushAsync(account, [Set(A, 3, De)], None).FailsAsync(failure);
        Assert.Equal(there, zalando.Stock.Units(A, De));
        if (failed.Until is { } until) clock.Now = until;
        await adapter.PushAsync(account, [Set(A, 3, De)], None);
        Assert.Equal(3, zalando.Stock.Units(A, De));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(1000)]
    public async Task Every_order_is_read_once_whatever_fits_on_a_page_and_many_of_one_moment_too(int onPage)
    {
        zalando.MostOnPage = onPage;
        zalando.Stock.Set(A, 100, De);
        for (var i = 0; i < 20; i++)
        {
            zalando.Sell(De, (A, 1));
            if (i % 5 == 0) clock.Pass(1);
        }
        var from = zalando.Orders[0].ModifiedAt;
        var orders = await adapter.OrdersAsync(account, from);
        Assert.Equal(zalando.Orders.Select(order => order.Id).Order(), orders.Select(order => order.Draft.ExternalId).Order());
        Assert.Equal(orders.Select(order => order.ChangedAt).Order(), orders.Select(order => order.ChangedAt));
        Assert.Equal(orders.Select(order => order.Draft.ContentHash()), (await adapter.OrdersAsync(account, from)).Select(order => order.Draft.ContentHash()));
    }

    [Fact]
    public async Task An_order_holds_its_units_from_the_start_and_is_claimed_once_it_is_approved()
    {
        var order = zalando.Sell(De, (A, 2))!;
        clock.Pass(1);
        var first = (await adapter.OrdersAsync(account, clock.Now.AddHours(-1))).Single();
        Assert.Equal((true, (DateTimeOffset?)null, 2), (first.Waits, first.AcceptBy, first.Draft.Lines.Sum(line => line.Quantity)));
        zalando.Approve(order);
        var approved = (await adapter.OrdersAsync(account, clock.Now)).Single();
        Assert.False(approved.Waits);
        Assert.Equal(clock.Now.AddHours(3), approved.AcceptBy);
        zalando.Faults.Next(Fault.HangUpAfter, "export");
        var kept = Kept(approved);
        LineAnswer[] answers = [new(kept.Lines[0].Id, true), new(kept.Lines[1].Id, false)];
        await adapter.AcceptAsync(account, kept, answers, None).FailsAsync(CallFailure.Unanswered);
        await adapter.AcceptAsync(account, kept, answers, None);
        await adapter.AcceptAsync(account, kept, answers, None);
        Assert.Equal((true, "reserved", "canceled"), (order.Exported, order.Units[0].Status, order.Units[1].Status));
        Assert.True(order.MerchantOrderId!.All(char.IsAsciiLetterOrDigit));
    }

    [Fact]
    public async Task Lines_are_cancelled_each_once_also_when_the_second_was_not_answered()
    {
        var (there, here) = await ApprovedAsync((A, 2), (B, 1));
        zalando.Faults.Next(Fault.HangUpBefore, "line", skip: 1);
        Selvedge.Channels.LineUnits[] lines = [new(there.Units[0].Id, 1), new(there.Units[2].Id, 1)];
        await adapter.CancelAsync(account, here, lines, "short", None).FailsAsync(CallFailure.Unanswered);
        await adapter.CancelAsync(account, here, lines, "short", None);
        Assert.Equal(["canceled", "reserved", "canceled"], there.Units.Select(unit => unit.Status));
        Assert.Equal(2, zalando.Done["line"]);
    }

    [Theory]
    [InlineData("ship")]
    [InlineData("shipped")]
    public async Task A_shipment_is_made_and_sent_once_whatever_was_lost(string lost)
    {
        var (there, here) = await ApprovedAsync((A, 2));
        var part = new ChannelShipment("s-1", "WH1", null, clock.Now, "DHL", "JD01", [new(there.Units[0].Id, 1)]);
        zalando.Faults.Next(Fault.HangUpAfter, lost);
        await adapter.ShipAsync(account, here, part, None).FailsAsync(CallFailure.Unanswered);
        await adapter.ShipAsync(account, here, part, None);
        Assert.Equal(["shipped", "reserved"], there.Units.Select(unit => unit.Status));
        await adapter.ShipAsync(account, here, part with { Id = "s-2", Lines = [new(there.Units[1].Id, 1)] }, None);
        Assert.Equal(("fulfilled", 2, "JD01"), (there.Status, there.Shipments.Count, there.Shipments[0].Tracking));
    }

    [Fact]
    public async Task What_lies_at_Zalando_is_theirs_and_no_level_of_ours()
    {
        zalando.InWarehouse[A] = 12;
        var order = zalando.Sell(De, (A, 1))!;
        order.Type = "ZalandoFulfilled";
        Assert.True((await adapter.OrdersAsync(account, clock.Now)).Single().ByMarketplace);
        Assert.Equal(new Shown("zfs", A, 0, Marketplace: 12), (await adapter.ReadAsync(account, A, B)).Values.Single());
        Assert.False(adapter.Traits.ReadsBack);
    }
}
