using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Ledger;
using Selvedge.Orders;
using static Selvedge.Tests.Integration.Orders.OrderRig;

namespace Selvedge.Tests.Integration.Orders;

/// <summary>An edit that takes a unit off one line and puts one of the same SKU on another: the order keeps the unit it has, whoever waits for one.</summary>
public class LineSwapTests
{
    static readonly DateTimeOffset Monday = new(2026, 11, 23, 9, 0, 0, TimeSpan.Zero);

    static Draft State(string id, int second, params (string Line, string Sku, long Quantity)[] lines) => Draft(id) with
    {
        Version = new(Monday.AddSeconds(second)), Lines = [.. lines.Select(line => new DraftLine { Id = line.Line, Code = line.Sku, Quantity = line.Quantity, UnitPrice = 499_000 })],
    };

    static async Task<Order> ChangeAsync(OrderRig rig, Channel channel, Draft draft) => (await rig[0].Get<Intake>().UpdateAsync(channel, draft, TimeSpan.FromSeconds(20))).Order;

    static string Held(Order order) => $"{order.Status} " + string.Join(' ', order.Lines.Select(line => $"{line.Id}:{line.Committed}/{line.Quantity}"));

    [Theory]
    [InlineData(ShortagePolicy.Oversold)]
    [InlineData(ShortagePolicy.Backorder)]
    [InlineData(ShortagePolicy.Partial)]
    [InlineData(ShortagePolicy.Refuse)]
    public async Task The_last_unit_goes_with_the_order_to_its_new_line_and_not_to_who_waits(ShortagePolicy policy)
    {
        await using var rig = await StartAsync();
        var (a, channel, others) = (await rig.StockAsync("A", 1), Channel(policy, "shop"), Channel(ShortagePolicy.Backorder, "others") with { Priority = 9 });
        await ChangeAsync(rig, channel, State("1", 0, ("1", a, 1)));
        await ChangeAsync(rig, others, State("2", 0, ("1", a, 1)));
        var swapped = await ChangeAsync(rig, channel, State("1", 1, ("1", a, 0), ("2", a, 1)));
        Assert.Equal("Committed 1:0/0 2:1/1", Held(swapped));
        Assert.Equal("Backordered 1:0/1", Held((await rig[0].ReadAsync("others:2"))!));
        Assert.Equal((1L, 1L), (await rig.HeldAsync(a), (await rig[0].Get<LedgerReads>().BalanceAsync(a))!.Short));
        Assert.Empty((await rig[0].Get<ExceptionCases>().ListAsync(ExceptionStatus.Open, null, 50, null)).Items);
        // And back, with one more unit than there is: what it has stays, and no more.
        var back = await ChangeAsync(rig, channel, State("1", 2, ("1", a, 2), ("2", a, 0)));
        Assert.Equal(policy switch { ShortagePolicy.Refuse => "Committed 1:0/0 2:1/1", ShortagePolicy.Partial => "Partial 1:1/2 2:0/0", _ => $"{(policy is ShortagePolicy.Oversold ? "Oversold" : "Backordered")} 1:1/2 2:0/0" }, Held(back));
        Assert.Equal(1, await rig.HeldAsync(a));
        Assert.Empty(await rig.AuditAsync(a));
    }

    [Fact]
    public async Task Units_of_one_line_are_shared_out_over_several_new_ones_in_their_order()
    {
        await using var rig = await StartAsync();
        var (a, channel) = (await rig.StockAsync("A", 2, 1), Channel(ShortagePolicy.Oversold, "shop", "WH1", "WH2"));
        await ChangeAsync(rig, channel, State("1", 0, ("1", a, 3)));
        await ChangeAsync(rig, Channel(ShortagePolicy.Backorder, "others", "WH1", "WH2"), State("2", 0, ("1", a, 5)));
        Assert.Equal("Oversold 1:1/1 2:1/1 3:1/2", Held(await ChangeAsync(rig, channel, State("1", 1, ("1", a, 1), ("2", a, 1), ("3", a, 2)))));
        Assert.Equal(3, await rig.HeldAsync(a));
        Assert.Empty(await rig.AuditAsync(a));
    }

    [Theory]
    [InlineData(ShortagePolicy.Oversold)]
    [InlineData(ShortagePolicy.Partial)]
    [InlineData(ShortagePolicy.Refuse)]
    public async Task A_bundle_that_is_put_on_another_line_keeps_its_parts_and_one_that_is_taken_apart_gives_them_to_its_order(ShortagePolicy policy)
    {
        await using var rig = await BundleLifeTests.StartAsync(a: 1, b: 2);
        var (channel, others) = (Channel(policy, "shop"), Channel(ShortagePolicy.Backorder, "others"));
        await ChangeAsync(rig, channel, State("1", 0, ("1", "SET", 1)));
        await ChangeAsync(rig, others, State("2", 0, ("1", "A", 1), ("2", "B", 2)));
        Assert.Equal("Committed 1:0/0 2:1/1", Held(await ChangeAsync(rig, channel, State("1", 1, ("1", "SET", 0), ("2", "SET", 1)))));
        Assert.Equal("Committed 1:0/0 2:0/0 3:1/1 4:2/2", Held(await ChangeAsync(rig, channel, State("1", 2, ("1", "SET", 0), ("2", "SET", 0), ("3", "A", 1), ("4", "B", 2)))));
        Assert.Equal("Backordered 1:0/1 2:0/2", Held((await rig[0].ReadAsync("others:2"))!));
        Assert.Equal((1, 2), (await rig.HeldAsync("A"), await rig.HeldAsync("B")));
        Assert.Empty((await rig.AuditAsync("A")).Concat(await rig.AuditAsync("B")));
    }
}
