using Selvedge.Channels;
using Selvedge.Channels.Shopify;
using Selvedge.Local.Channels;
using Selvedge.Local.Channels.Shopify;
using Selvedge.Orders;
using static Selvedge.Tests.Integration.Channels.Market;

namespace Selvedge.Tests.Integration.Channels.Shopify;

/// <summary>The adapter before the simulated shop.</summary>
public sealed class ShopifyAdapterTests : IAsyncLifetime
{
    static readonly CancellationToken None = CancellationToken.None;
    static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(20) };
    const long Here = SimulatedOrder.Place, There = 2;
    readonly MarketClock clock = new();
    readonly ShopifyAdapter adapter = new(new(new(new())));
    ShopifySimulator shop = null!;
    ChannelAccount account = null!;

    public async ValueTask InitializeAsync()
    {
        shop = await ShopifySimulator.StartAsync(time: clock);
        foreach (var (sku, item) in new[] { ("A", 1), ("B", 2), ("C", 3) }) shop.Inventory.Add(sku, item, Here, 10);
        account = Account();
    }

    public ValueTask DisposeAsync() => shop.DisposeAsync();

    ChannelAccount Account(string version = "2026-07", Dictionary<string, string>? settings = null) => new(new Channel
    {
        Id = "shop", Is = "shopify", Name = "shop", Locations = ["WH1", "WH2"], Api = new(shop.Address.ToString(), version, "token", Settings: settings), Places = new Dictionary<string, string> { [$"{Here}"] = "WH1", [$"{There}"] = "WH2" },
    }, Http, clock, _ => shop.Token);

    static Push Set(long item, long units, long? believed = 10, long place = Here, string key = "k") => new(Listing(SimulatedInventory.ItemGid(item), SimulatedInventory.PlaceGid(place)), units, believed, false, key);
    long Units(long item, long place = Here) => shop.Inventory.Stock.Units(SimulatedInventory.ItemGid(item), SimulatedInventory.PlaceGid(place));
    async Task<PushResult[]> PushAsync(params Push[] pushes) => [.. (await adapter.PushAsync(account, pushes, None)).Items.Select(item => item.Result)];

    async Task<Dictionary<(string, string), long>> ShownAsync(IReadOnlyList<ListingKey>? which)
    {
        var shown = new Dictionary<(string, string), long>();
        await foreach (var one in adapter.ReadAsync(account, which, None)) shown.Add((one.Place, one.Item), one.Units);
        return shown;
    }

    [Fact]
    public async Task Numbers_are_set_where_they_are_as_believed_and_stale_ones_stay()
    {
        Assert.Equal([PushResult.Applied, PushResult.Applied], await PushAsync(Set(1, 4), Set(2, 0, null)));
        shop.Sell(1, clock.Now, ("A", 1));
        Assert.Equal([PushResult.Stale, PushResult.Failed], await PushAsync(Set(1, 9, 4), Set(3, 5)));
        Assert.Equal((3, 0, 10), (Units(1), Units(2), Units(3)));
        // Without the stale one the others go.
        Assert.Equal([PushResult.Applied], await PushAsync(Set(3, 5)));
    }

    [Fact]
    public async Task Wrong_rows_are_told_apart_and_a_wrong_id_is_not_even_sent()
    {
        shop.Inventory.AllOrNothing = false;
        shop.Inventory.Refuses[SimulatedInventory.ItemGid(2)] = "NON_MUTABLE_INVENTORY_ITEM";
        Assert.Equal([PushResult.Refused, PushResult.Unanswered, PushResult.Refused, PushResult.Refused], await PushAsync(Set(1, 4), Set(2, 4), Set(99, 4), Set(3, 1) with { Listing = Listing("3", "here") }));
        Assert.Equal(4, Units(1));
        Assert.Equal(4, (await ShownAsync([Set(1, 0).Listing])).Values.Single());
        Assert.Equal([PushResult.Refused], await PushAsync(Set(1, 4) with { Listing = Listing("3", "here") }));
        Assert.Equal(1, shop.Answered["SetQuantities"]);
    }

    [Fact]
    public async Task An_item_that_is_not_stocked_at_a_place_is_from_then_on_and_takes_its_number_the_next_time()
    {
        shop.Inventory.Add("D", 4, There, null);
        Assert.Equal(0, (await ShownAsync([Set(4, 0, place: There).Listing])).Values.Single());
        Assert.Equal([PushResult.Failed], await PushAsync(Set(4, 6, 0, There, "first")));
        Assert.Equal([PushResult.Applied], await PushAsync(Set(4, 6, 0, There, "second")));
        Assert.Equal((6, 1), (Units(4, There), shop.Answered["Activate"]));
    }

    [Theory]
    [InlineData(Fault.ServerError, 10)]
    [InlineData(Fault.HangUpBefore, 10)]
    [InlineData(Fault.HangUpAfter, 4)]
    public async Task What_was_not_answered_is_not_known_and_the_same_again_is_done_once(Fault fault, long shown)
    {
        shop.Faults.Next(fault, "SetQuantities");
        await adapter.PushAsync(account, [Set(1, 4)], None).FailsAsync(CallFailure.Unanswered);
        Assert.Equal(shown, (await ShownAsync([Set(1, 0).Listing])).Values.Single());
        // The answer that was lost is given again; without its key the number would be stale.
        Assert.Equal([PushResult.Applied], await PushAsync(Set(1, 4)));
        Assert.Equal([PushResult.Applied], await PushAsync(Set(1, 4)));
        Assert.Equal((4, 1), (Units(1), shop.Inventory.Stock.Sets));
        Assert.Equal([PushResult.Stale], await PushAsync(Set(1, 4, key: "another")));
        Assert.Equal([PushResult.Failed], await PushAsync(Set(1, 4, key: "another")));
    }

    [Theory]
    [InlineData(true, 5)]
    [InlineData(false, 1)]
    public async Task Throttled_is_not_done_whatever_its_status_and_says_when_it_may_be_asked_again(bool as429, double seconds)
    {
        shop.ThrottlesWith429 = as429;
        shop.Faults.Next(Fault.Limited, "SetQuantities");
        var failure = await adapter.PushAsync(account, [Set(1, 4)], None).FailsAsync(CallFailure.Limited);
        Assert.Equal((clock.Now.AddSeconds(seconds), 10), (failure.Until, Units(1)));
        clock.Pass(seconds);
        Assert.Equal([PushResult.Applied], await PushAsync(Set(1, 4)));
    }

    [Fact]
    public async Task In_a_storm_what_cannot_be_paid_for_is_not_asked_and_reading_leaves_points_to_numbers()
    {
        (shop.Cost, shop.RestoreRate) = (200, 50);
        await ShownAsync(null);
        await ShownAsync([Set(1, 0).Listing]);
        // Three of five are spent: what can wait leaves a quarter of a thousand.
        var waits = await ShownAsync(null).FailsAsync(CallFailure.Limited);
        Assert.Equal(clock.Now.AddSeconds(1), waits.Until);
        Assert.Equal([PushResult.Applied], await PushAsync(Set(1, 9)));
        Assert.Equal([PushResult.Applied], await PushAsync(Set(2, 9)));
        var asked = shop.Answered.Values.Sum();
        var limited = await adapter.PushAsync(account, [Set(3, 9)], None).FailsAsync(CallFailure.Limited);
        Assert.Equal((clock.Now.AddSeconds(4), asked), (limited.Until, shop.Answered.Values.Sum()));
        clock.Pass(4);
        Assert.Equal([PushResult.Applied], await PushAsync(Set(3, 9)));
    }

    [Fact]
    public async Task All_levels_of_the_mapped_places_are_read_page_by_page()
    {
        for (var i = 100; i < 350; i++) shop.Inventory.Add($"M{i}", i, i % 2 == 0 ? Here : There, i);
        shop.Inventory.Add("elsewhere", 500, 77, 5);
        var all = await ShownAsync(null);
        Assert.Equal(253, all.Count);
        Assert.Equal(349, all[(SimulatedInventory.PlaceGid(There), SimulatedInventory.ItemGid(349))]);
        var some = Enumerable.Range(100, 250).Select(i => Set(i, 0, place: i % 2 == 0 ? Here : There).Listing).ToList();
        Assert.Equal(250, (await ShownAsync(some)).Count);
        Assert.Equal(4, shop.Answered["Levels"]);
    }

    [Fact]
    public async Task A_version_without_this_form_and_wrong_credentials_are_for_a_person()
    {
        await adapter.PushAsync(Account("2026-01"), [Set(1, 4)], None).FailsAsync(CallFailure.Refused);
        shop.Faults.Next(Fault.TokenExpired, "SetQuantities");
        Assert.DoesNotContain(shop.Token + "'", (await adapter.PushAsync(account, [Set(1, 4)], None).FailsAsync(CallFailure.Refused)).Message);
    }

    async Task<(Order Order, SimulatedOrder There)> SoldAsync(long id, params (string, int)[] lines)
    {
        var sold = shop.Sell(id, clock.Now, lines)!;
        return (Kept((await adapter.OrdersAsync(account, clock.Now.AddHours(-1))).Last(order => order.Draft.ExternalId == $"{id}")), sold);
    }

    static ChannelShipment Shipment(string id, string? tracking, params (Order Order, int Line, long Units)[] lines) =>
        new(id, "WH1", $"{Here}", DateTimeOffset.UnixEpoch, "AusPost", tracking, [.. lines.Select(line => new LineUnits(line.Order.Lines[line.Line].Id, line.Units))]);

    [Fact]
    public async Task Orders_come_by_when_they_changed_with_the_meaning_that_their_webhooks_have()
    {
        var (order, there) = await SoldAsync(10, ("A", 2), ("B", 1));
        shop.Sell(11, clock.Now.AddSeconds(5), ("C", 1));
        var read = await adapter.OrdersAsync(account, clock.Now.AddHours(-1));
        Assert.Equal(["10", "11"], read.Select(one => one.Draft.ExternalId));
        var told = ShopifyOrder.Parse(global::System.Text.Encoding.UTF8.GetBytes(there.Snapshot().ToJsonString()), "shop", null);
        Assert.Equal(told.Lines.Select(line => (line.Id, line.Code, line.Quantity, line.UnitPrice)), read[0].Draft.Lines.Select(line => (line.Id, line.Code, line.Quantity, line.UnitPrice)));
        Assert.NotEqual(0, read[0].Raw.Length);
        Assert.Equal(2, order.Lines.Count);
    }

    [Theory]
    [InlineData("T1")]
    [InlineData(null)]
    public async Task What_left_is_told_once_whatever_is_lost(string? tracking)
    {
        var (order, _) = await SoldAsync(20, ("A", 3), ("B", 1));
        var shipment = Shipment("s1", tracking, (order, 0, 1), (order, 1, 1));
        shop.Faults.Next(Fault.HangUpAfter, "Fulfil");
        await adapter.ShipAsync(account, order, shipment, None).FailsAsync(CallFailure.Unanswered);
        await adapter.ShipAsync(account, order, shipment, None);
        var made = Assert.Single(shop.Fulfilment.Made);
        Assert.Equal((Here, tracking, 2), (made.Place, made.Tracking, made.Units.Values.Sum()));
        // A second one with as many units is another: the first was told.
        order = Told(order, shipment);
        var second = Shipment("s2", null, (order, 0, 1));
        await adapter.ShipAsync(account, order, second, None);
        order = Told(order, shipment, second);
        Assert.Equal([2, 1], shop.Fulfilment.Made.Select(one => one.Units.Values.Sum()));
        shop.Faults.Next(Fault.HangUpBefore, "Fulfil");
        await adapter.ShipAsync(account, order, Shipment("s3", "T3", (order, 0, 1)), None).FailsAsync(CallFailure.Unanswered);
        Assert.Equal(2, shop.Fulfilment.Made.Count);
        await adapter.ShipAsync(account, order, Shipment("s3", "T3", (order, 0, 1)), None);
        Assert.Equal(3, shop.Fulfilment.Made.Count);
    }

    // As the app notes it after each.
    static Order Told(Order order, params ChannelShipment[] shipments) => order with
    {
        Told = new() { Shipments = [.. shipments.Select(shipment => shipment.Id)] },
        Deliveries = [new() { Id = 1, Status = DeliveryStatus.Waiting, Shipments = [.. shipments.Select(shipment => new Shipment(shipment.Id, "WH1", shipment.At, null, shipment.Tracking, [.. shipment.Lines.Select(line => new ShippedLine(line.Line, "", line.Units))]))] }],
    };

    [Fact]
    public async Task What_lies_in_two_places_is_a_fulfilment_each_and_the_second_follows_where_the_first_was_made()
    {
        var (order, there) = await SoldAsync(30, ("A", 3));
        var line = SimulatedFulfilment.Lines(there)[0];
        shop.Fulfilment.Divide(30, (There, line, 1), (Here, line, 2));
        shop.Faults.Next(Fault.HangUpBefore, "Fulfil", skip: 1);
        var shipment = Shipment("s1", "T1", (order, 0, 3));
        await adapter.ShipAsync(account, order, shipment, None).FailsAsync(CallFailure.Unanswered);
        await adapter.ShipAsync(account, order, shipment, None);
        Assert.Equal([(Here, 2L), (There, 1L)], shop.Fulfilment.Made.Select(made => (made.Place, made.Units.Values.Sum())));
        await adapter.ShipAsync(account, order, shipment, None);
        Assert.Equal(2, shop.Fulfilment.Made.Count);
    }

    [Fact]
    public async Task What_is_on_hold_there_is_for_a_person()
    {
        var (order, there) = await SoldAsync(40, ("A", 3));
        shop.Fulfilment.Divide(40, (Here, SimulatedFulfilment.Lines(there)[0], 3))[0].OnHold = true;
        Assert.Contains("on hold", (await adapter.ShipAsync(account, order, Shipment("s1", "T1", (order, 0, 3)), None).FailsAsync(CallFailure.Refused)).Message);
        Assert.Empty(shop.Fulfilment.Made);
    }

    [Fact]
    public async Task A_whole_order_is_cancelled_once_and_a_part_is_for_a_person()
    {
        var (order, there) = await SoldAsync(50, ("A", 2), ("B", 1));
        LineUnits[] all = [.. order.Lines.Select(line => new LineUnits(line.Id, line.Quantity))];
        await adapter.CancelAsync(account, order, [all[0]], "short", None).FailsAsync(CallFailure.Refused);
        Assert.False(there.IsCancelled);
        shop.Faults.Next(Fault.HangUpAfter, "CancelOrder");
        await adapter.CancelAsync(account, order, all, "short", None).FailsAsync(CallFailure.Unanswered);
        Assert.True(there.IsCancelled);
        await adapter.CancelAsync(account, order, all, "short", None);
        Assert.Equal(1, shop.Answered["CancelOrder"]);
        var (sent, _) = await SoldAsync(51, ("C", 2));
        await adapter.ShipAsync(account, sent, Shipment("s1", "T1", (sent, 0, 1)), None);
        await adapter.CancelAsync(account, sent, [new(sent.Lines[0].Id, 2)], "short", None).FailsAsync(CallFailure.Refused);
    }

    [Fact]
    public async Task A_product_is_made_once_and_what_others_put_there_stays()
    {
        var shirt = new ChannelProduct
        {
            Style = "Shirt 01", Title = "Shirt", Images = ["https://images.example/1.jpg"], Options = ["Colour", "Size"],
            Items = [new("S-RED-M", "9312345678907", ["Red", "M"], 499_000, "AUD"), new("S-RED-L", null, ["Red", "L"], 499_000, "AUD")],
        };
        shop.Faults.Next(Fault.HangUpAfter, "SetProduct");
        await adapter.PublishAsync(account, shirt, None).FailsAsync(CallFailure.Unanswered);
        var listed = (await adapter.PublishAsync(account, shirt, None)).Items.SelectMany(item => item.Listings).ToList();
        var product = Assert.Single(shop.Products.All);
        Assert.Equal(("DRAFT", 1, 4), (product.Status, product.Files.Count, listed.Count));
        Assert.Equal("9312345678907", product.Variants[0].Barcode);
        // A person adds a variant and an image, and changes nothing of ours.
        product.Variants.Add(new("gid://shopify/ProductVariant/777", "THEIRS", null, "9.00", [("Colour", "Blue"), ("Size", "M")], SimulatedInventory.ItemGid(777)));
        product.Files.Add("theirs.jpg");
        var again = (await adapter.PublishAsync(account, shirt with { Title = "Shirt, red", ExternalId = product.Id, Items = [.. shirt.Items, new("S-RED-S", null, ["Red", "S"], 499_000, "AUD")] }, None)).Items.SelectMany(item => item.Listings).ToList();
        Assert.Empty(shop.Products.Deleted);
        Assert.Equal(("Shirt, red", 4, 2, 6), (product.Title, product.Variants.Count, product.Files.Count, again.Count));
        Assert.Contains(product.Variants, variant => variant is { Sku: "THEIRS", Price: "9.00" });
        // The ids are those that numbers are set by.
        Assert.Equal(listed.Select(one => one.Item).Distinct(), again.Where(one => one.Sku != "S-RED-S").Select(one => one.Item).Distinct());
        // What would be deleted is not.
        await adapter.PublishAsync(account, shirt with { ExternalId = product.Id, Options = ["Shade", "Size"] }, None).FailsAsync(CallFailure.Refused);
        Assert.Empty(shop.Products.Deleted);
    }
}
