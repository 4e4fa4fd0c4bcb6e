using CsCheck;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Ledger;
using Selvedge.Orders;
using Selvedge.Platform;
using static Selvedge.Tests.Integration.Orders.OrderRig;

namespace Selvedge.Tests.Integration.Orders;

public class BundleTests
{
    /// <summary>A bundle of one A and two B, with so many of each at WH1.</summary>
    static async Task<OrderRig> StartAsync(long a, long b)
    {
        var rig = await OrderRig.StartAsync(2);
        var catalogue = rig[0].Get<ProductCatalogue>();
        await catalogue.PutStyleAsync(new("PART", "Part", Stated.Whole, [new("A", "Navy", "M", "/a") { Price = 300_000 }, new("B", "Navy", "L", "/b") { Price = 100_000 }]), null, "test");
        await catalogue.PutStyleAsync(new("SET", "Set", Stated.Whole, [new("SET", "Navy", "M", "/s") { Kind = ProductKind.Virtual, Components = [new("B", 2), new("A", 1)] }]), null, "test");
        foreach (var (sku, units) in new[] { ("A", a), ("B", b) }) await ReceiveAsync(rig, sku, units, "open");
        return rig;
    }

    static async Task ReceiveAsync(OrderRig rig, string sku, long units, string id)
    {
        if (units > 0) await rig[0].Get<InventoryLedger>().ExecuteAsync(new Post { Sku = sku, Actor = "test", Kind = PostKind.Receive, From = Accounts.Supplier, To = Accounts.OnHand("WH1"), Quantity = units, UnitCost = 100_000, Id = $"{id}-{sku}" });
    }

    static async Task<(long A, long B)> HeldAsync(OrderRig rig) => (await rig.HeldAsync("A"), await rig.HeldAsync("B"));

    [Theory]
    [InlineData(ShortagePolicy.Oversold, OrderStatus.Oversold)]
    [InlineData(ShortagePolicy.Backorder, OrderStatus.Backordered)]
    [InlineData(ShortagePolicy.Partial, OrderStatus.Partial)]
    public async Task Three_bundles_with_parts_for_two_hold_two_whole_ones_and_no_part_of_the_third(ShortagePolicy policy, OrderStatus status)
    {
        await using var rig = await StartAsync(a: 2, b: 7);
        var order = (await rig[0].TakeAsync(Channel(policy), Draft("1", ("SET", 3)))).Order;
        var line = order.Lines[0];
        Assert.Equal((status, 2L, 1L), (order.Status, line.Committed, line.Backordered + line.Oversold + line.Missing));
        Assert.Equal((2, 4), await HeldAsync(rig));
        Assert.Equal((1L, "A B"), (line.Bundle!.Version, string.Join(' ', line.Bundle.Parts.Select(part => part.Sku))));
        Assert.Equal(499_000, line.Bundle.PriceShares(line.UnitPrice).Sum());
        Assert.Equal([299_400, 199_600], line.Bundle.PriceShares(line.UnitPrice));
        Assert.Empty(await rig.AuditAsync("A"));
        Assert.Empty(await rig.AuditAsync("B"));
    }

    [Fact]
    public async Task All_or_nothing_holds_nothing_when_a_part_is_short_and_names_the_bundle()
    {
        await using var rig = await StartAsync(a: 2, b: 7);
        var refused = (await rig[0].TakeAsync(Channel(ShortagePolicy.Refuse), Draft("1", ("SET", 3), ("B", 1)))).Order;
        await rig.RecoverAsync();
        Assert.Equal((OrderStatus.Refused, 1L), (refused.Status, refused.Lines[0].Missing));
        Assert.Equal((0, 0), await HeldAsync(rig));
        // A line that is short does not make a bundle short that was not asked for any more.
        var other = (await rig[0].TakeAsync(Channel(ShortagePolicy.Refuse), Draft("3", ("SET", 1), (await rig.StockAsync("0", 0), 1)))).Order;
        Assert.Equal((OrderStatus.Refused, "0 1"), (other.Status, string.Join(" ", other.Lines.Select(line => line.Missing))));
        var had = (await rig[0].TakeAsync(Channel(ShortagePolicy.Refuse), Draft("2", ("SET", 2), ("B", 3)))).Order;
        await rig.RecoverAsync();
        Assert.Equal((OrderStatus.Committed, (2L, 7L)), (had.Status, await HeldAsync(rig)));
    }

    [Fact]
    public async Task A_bundle_that_waits_is_whole_when_its_part_has_come()
    {
        await using var rig = await StartAsync(a: 0, b: 4);
        var waits = Channel(ShortagePolicy.Backorder);
        Assert.Equal(2, (await rig[0].TakeAsync(waits, Draft("1", ("SET", 2)))).Order.Lines[0].Backordered);
        Assert.Equal((0, 0), await HeldAsync(rig));
        await ReceiveAsync(rig, "A", 1, "late");
        rig.Pass(TimeSpan.FromSeconds(5));
        await Task.Delay(1100, TestContext.Current.CancellationToken);
        await rig[0].Get<OrderProgress>().RunAsync(CancellationToken.None);
        await rig.RecoverAsync();
        var order = (await rig[0].ReadAsync("test:1"))!;
        Assert.Equal((1L, 1L), (order.Lines[0].Committed, order.Lines[0].Backordered));
        Assert.Equal((1, 2), await HeldAsync(rig));
    }

    [Fact]
    public async Task A_cancel_gives_every_part_back_and_a_change_of_the_bundle_leaves_orders_as_they_are()
    {
        await using var rig = await StartAsync(a: 2, b: 7);
        var channel = Channel(ShortagePolicy.Oversold);
        await rig[0].TakeAsync(channel, Draft("1", ("SET", 3)));
        await rig[0].Get<ProductCatalogue>().PutStyleAsync(new("SET", "Set", Stated.Whole, [new("SET", "Navy", "M", "/s") { Kind = ProductKind.Virtual, Components = [new("B", 1)] }]), null, "test");
        var later = (await rig[1].TakeAsync(channel, Draft("2", ("SET", 1)))).Order;
        Assert.Equal((2L, 1, 1L), (later.Lines[0].Bundle!.Version, later.Lines[0].Bundle!.Parts.Count, (await rig[0].ReadAsync("test:1"))!.Lines[0].Bundle!.Version));
        await rig[0].Get<Intake>().CancelAsync("test:1", Cancelled, TimeSpan.FromSeconds(5));
        await rig.RecoverAsync();
        Assert.Equal((0, 1), await HeldAsync(rig));
        Assert.Equal((0L, 0L), ((await rig[0].Get<LedgerReads>().BalanceAsync("A"))!.Short, (await rig[0].Get<LedgerReads>().BalanceAsync("B"))!.Short));
    }

    [Fact]
    public async Task Orders_for_bundles_and_their_parts_at_once_sell_every_whole_one()
    {
        await using var rig = await StartAsync(a: 6, b: 12);
        var channel = Channel(ShortagePolicy.Oversold);
        var all = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => rig[i % 2].TakeAsync(channel, Draft($"{i}", ("SET", 1)))));
        await rig.RecoverAsync();
        Assert.Equal(6, all.Sum(taken => taken.Order.Lines[0].Committed));
        Assert.Equal((6, 12), await HeldAsync(rig));
    }

    [Fact]
    public async Task What_a_bundle_can_sell_is_counted_per_location_and_it_never_holds_stock()
    {
        await using var rig = await StartAsync(a: 3, b: 5);
        await rig[0].Get<InventoryLedger>().ExecuteAsync(new Post { Sku = "B", Actor = "test", Kind = PostKind.Receive, From = Accounts.Supplier, To = Accounts.OnHand("WH2"), Quantity = 9, Id = "wh2" });
        var bundle = (await rig[0].Get<ProductCatalogue>().FindProductAsync("SET"))!;
        var ats = await rig[0].Get<StyleInventories>().OfBundleAsync(bundle, new("k", "ana", Role.Admin, Scope.Everything));
        Assert.Equal((2, 2, 1), (ats.Available, ats.Locations["WH1"].Available, ats.Locations.Count));
        Assert.Null(await rig[0].Get<LedgerReads>().BalanceAsync("SET"));
    }

    [Fact]
    public async Task An_archived_sku_is_refused_to_those_who_ask_and_taken_from_those_who_sold_it()
    {
        await using var rig = await StartAsync(a: 3, b: 5);
        await rig[0].Get<ProductCatalogue>().PutStyleAsync(new("PART", "Part", Stated.Whole, [new("A", "Navy", "M", "/a"), new("B", "Navy", "L", "/b") { Active = false }]), null, "test");
        Assert.Equal(OrderStatus.Refused, (await rig[0].TakeAsync(Channel(ShortagePolicy.Refuse), Draft("1", ("A", 1), ("B", 1)))).Order.Status);
        var some = (await rig[0].TakeAsync(Channel(ShortagePolicy.Partial), Draft("2", ("A", 1), ("B", 1)))).Order;
        Assert.Equal((OrderStatus.Partial, 1L, 1L), (some.Status, some.Lines[0].Committed, some.Lines[1].Missing));
        Assert.Equal(OrderStatus.Committed, (await rig[0].TakeAsync(Channel(ShortagePolicy.Oversold), Draft("3", ("B", 1)))).Order.Status);
        Assert.Equal((1, 1), await HeldAsync(rig));
    }
}
