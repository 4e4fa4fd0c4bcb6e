using Selvedge.Channels;
using Selvedge.Channels.Amazon;
using Selvedge.Local.Channels;
using Selvedge.Local.Channels.Amazon;
using static Selvedge.Tests.Integration.Channels.Market;

namespace Selvedge.Tests.Integration.Channels.Amazon;

public sealed class AmazonTests : IAsyncLifetime
{
    const string Us = "ATVPDKIKX0DER", Ca = "A2EUQ1WTGCTBG2";
    static readonly CancellationToken None = CancellationToken.None;
    readonly MarketClock clock = new();
    readonly AmazonAdapter adapter;
    AmazonSimulator amazon = null!;
    ChannelAccount account = null!;

    public AmazonTests()
    {
        var calls = new ChannelCalls(new());
        adapter = new(calls, new(calls));
    }

    public async ValueTask InitializeAsync()
    {
        amazon = await AmazonSimulator.StartAsync(clock);
        foreach (var sku in new[] { "A", "B", "C/1", "D,2" }) foreach (var place in new[] { Us, Ca }) amazon.Stock.Add(sku, place, 10);
        account = Account(amazon, "amazon", new()
        {
            ["sellerId"] = "SELLER", ["marketplaces"] = $"{Us},{Ca}", ["clientId"] = "client", ["clientSecret"] = "lwa", ["refreshToken"] = "refresh", ["auth"] = new Uri(amazon.Address, "/auth/o2/token").ToString(), ["carrier.UPS"] = "UPS",
        }, name => name == "refresh" ? amazon.RefreshToken : "secret");
    }

    public ValueTask DisposeAsync() => amazon.DisposeAsync();

    async Task<Dictionary<(string, string), Shown>> ShownAsync(params ListingKey[] which)
    {
        var shown = new Dictionary<(string, string), Shown>();
        await foreach (var one in adapter.ReadAsync(account, which.Length == 0 ? null : which, None)) shown[(one.Place, one.Item)] = one;
        return shown;
    }

    [Fact]
    public async Task A_few_go_as_patches_that_are_queued_and_seen_later()
    {
        amazon.Stock.VisibleAfter = TimeSpan.FromSeconds(60);
        amazon.Broken.Add("B");
        var answer = await adapter.PushAsync(account, [Set("A", 3, Us), Set("B", 4, Us), Set("C/1", 5, Us, paused: true), Set("none", 1, Us)], None);
        Assert.Equal([PushResult.Queued, PushResult.Refused, PushResult.Queued, PushResult.Refused], answer.Items.Select(item => item.Result));
        Assert.Equal((null, "90220: An attribute is missing."), (answer.Submission, answer.Items[1].Error));
        Assert.Equal((3, 10), (amazon.Stock.Units("A", Us), amazon.Stock.Units("A", Ca)));
        Assert.Equal(10, (await ShownAsync(Listing("A", Us)))[(Us, "A")].Units);
        clock.Pass(60);
        var shown = await ShownAsync(Listing("A", Us), Listing("C/1", Us), Listing("D,2", Us));
        Assert.Equal((3, 0), (shown[(Us, "A")].Units, shown[(Us, "C/1")].Units));
    }

    [Fact]
    public async Task Offers_that_are_missing_are_made_with_nothing_to_sell_and_are_there_once_they_are_seen()
    {
        amazon.Catalogue.UnionWith(["B0SHIRT", "9312345678907"]);
        amazon.OffersTake = TimeSpan.FromMinutes(5);
        var dollars = new ChannelAccount(account.Channel with { Currency = "USD" }, account.Http, clock, name => name == "refresh" ? amazon.RefreshToken : "secret");
        ChannelItem Item(string sku, string? gtin, string? code = null) => new(sku, gtin, ["Red", sku], 199_900, "USD", Code: code);
        var shirt = new ChannelProduct { Style = "shirt", Title = "Shirt", Options = ["Colour", "Size"], Items = [Item("A", "9312345678907"), Item("N1", "9312345678907"), Item("N2", null, "B0SHIRT"), Item("N3", "9399999999991"), Item("N4", null)] };
        amazon.Faults.Next(Fault.HangUpAfter, "putListingsItem", skip: 1);
        await adapter.PublishAsync(dollars, shirt, None).FailsAsync(CallFailure.Unanswered);
        var answer = await adapter.PublishAsync(dollars, shirt, None);
        // Of its two marketplaces one sells in dollars of the United States. What was there is mapped as it is.
        Assert.Equal((Us, "A"), (answer.Items[0].Listings.Single().Place, answer.Items[0].Listings.Single().Item));
        Assert.Equal(["A:", "N3:8560: The catalogue does not have 9399999999991.", "N4:It has neither an ASIN (a code of this channel) nor a GTIN."], answer.Items.Select(item => $"{item.Sku}:{item.Error}"));
        var open = shirt with { Items = [.. shirt.Items.Where(item => item.Sku is "N1" or "N2")] };
        Assert.Null(await adapter.PublishedAsync(dollars, open, answer.Submission!, None));
        clock.Pass(300);
        var seen = (await adapter.PublishedAsync(dollars, open, answer.Submission!, None))!;
        Assert.Equal(["N1 SHIRT", "N2 SHIRT"], seen.Items.Select(item => $"{item.Sku} {item.Listings.Single().Extra}"));
        Assert.Equal((19.99m, 0, 10), (amazon.Prices[("N1", Us)], amazon.Stock.Units("N1", Us), amazon.Stock.Units("A", Us)));
        Assert.False(amazon.Stock.Has("N1", Ca));
        // Seen or not, what is mapped is never made anew: that would take its number away.
        await adapter.PublishAsync(dollars, open with { Items = [open.Items[0] with { ExternalId = "N1" }] }, None);
        Assert.Empty(amazon.Replaced);
        Assert.True((await adapter.PublishAsync(account, shirt, None).FailsAsync(CallFailure.Refused)).IsOfProduct);
    }

    [Fact]
    public async Task A_limit_in_the_middle_of_a_product_keeps_what_was_said_and_goes_on_later()
    {
        amazon.Catalogue.Add("9312345678907");
        var dollars = new ChannelAccount(account.Channel with { Currency = "USD" }, account.Http, clock, name => name == "refresh" ? amazon.RefreshToken : "secret");
        var shirt = new ChannelProduct { Style = "shirt", Title = "Shirt", Options = ["Colour", "Size"], Items = [.. Enumerable.Range(1, 8).Select(i => new ChannelItem($"N{i}", "9312345678907", ["Red", $"{i}"], 199_900, "USD"))] };
        var answer = await adapter.PublishAsync(dollars, shirt, None);
        Assert.Equal((0, 5), (answer.Items.Count, amazon.Done["putListingsItem"]));
        clock.Pass(120);
        var seen = (await adapter.PublishedAsync(dollars, shirt, answer.Submission!, None))!;
        Assert.Equal((5, true), (seen.Items.Count, seen.Submission is null && seen.Until is not null));
        clock.Pass(5);
        await adapter.PublishAsync(dollars, shirt with { Items = [.. shirt.Items.Skip(5)] }, None);
        Assert.Equal(8, amazon.Done["putListingsItem"]);
        Assert.Empty(amazon.Replaced);
    }

    [Fact]
    public async Task Many_go_as_one_feed_for_each_marketplace_and_each_is_judged()
    {
        (amazon.FeedTakes, _) = (TimeSpan.FromMinutes(2), amazon.Broken.Add("B"));
        Push[] pushes = [Set("A", 3, Us), Set("B", 4, Us), Set("C/1", 5, Us), Set("A", 6, Ca), Set("none", 7, Ca), Set("D,2", 8, Ca)];
        var answer = await adapter.PushAsync(account, pushes, None);
        Assert.All(answer.Items, item => Assert.Equal(PushResult.Queued, item.Result));
        Assert.Equal((2, 0), (amazon.Done["createFeed"], amazon.Done.GetValueOrDefault("patchListingsItem")));
        Assert.Null(await adapter.CheckAsync(account, answer.Submission!, pushes, None));
        clock.Pass(120);
        var results = (await adapter.CheckAsync(account, answer.Submission!, pushes, None))!.ToDictionary(item => item.Listing, item => item.Result);
        Assert.Equal((PushResult.Applied, PushResult.Refused, PushResult.Applied, PushResult.Applied, PushResult.Refused, PushResult.Applied),
            (results[$"{Us}:A"], results[$"{Us}:B"], results[$"{Us}:C/1"], results[$"{Ca}:A"], results[$"{Ca}:none"], results[$"{Ca}:D,2"]));
        Assert.Equal((3, 6), (amazon.Stock.Units("A", Us), amazon.Stock.Units("A", Ca)));
    }

    [Fact]
    public async Task In_the_middle_of_several_calls_what_was_done_is_said_and_what_is_not_known()
    {
        await adapter.PushAsync(account, [Set("A", 9, Us)], None);
        amazon.Faults.Next(Fault.HangUpAfter, "patchListingsItem", skip: 1);
        var answer = await adapter.PushAsync(account, [Set("A", 3, Us), Set("B", 4, Us), Set("C/1", 5, Us)], None);
        Assert.Equal([PushResult.Queued, PushResult.Unanswered, PushResult.Failed], answer.Items.Select(item => item.Result));
        Assert.Equal((3, 4, 10), (amazon.Stock.Units("A", Us), amazon.Stock.Units("B", Us), amazon.Stock.Units("C/1", Us)));
        clock.Pass(5);
        amazon.Faults.Next(Fault.HangUpBefore, "patchListingsItem");
        await adapter.PushAsync(account, [Set("A", 2, Us)], None).FailsAsync(CallFailure.Unanswered);
    }

    [Fact]
    public async Task A_token_that_ends_in_mid_batch_is_replaced()
    {
        await adapter.PushAsync(account, [Set("A", 9, Us)], None);
        amazon.Faults.Next(Fault.TokenExpired, "patchListingsItem", skip: 1);
        var answer = await adapter.PushAsync(account, [Set("A", 3, Us), Set("B", 4, Us)], None);
        Assert.Equal([PushResult.Queued, PushResult.Failed], answer.Items.Select(item => item.Result));
        Assert.Equal(PushResult.Queued, (await adapter.PushAsync(account, [Set("B", 4, Us)], None)).Items.Single().Result);
        Assert.Equal((4, 2), (amazon.Stock.Units("B", Us), amazon.TokensGiven));
        amazon.RefreshToken = "rotated";
        clock.Pass(3600);
        var wrong = Account(amazon, "amazon", new(account.Channel.Api!.Settings!), name => name == "refresh" ? "old" : "secret");
        Assert.DoesNotContain("old", (await adapter.PushAsync(wrong, [Set("A", 1, Us)], None).FailsAsync(CallFailure.Refused)).Message);
    }

    [Fact]
    public async Task The_rate_that_Amazon_tells_holds()
    {
        amazon.Rates["patchListingsItem"] = 0.5;
        for (var i = 0; i < 5; i++) await adapter.PushAsync(account, [Set("A", i, Us)], None);
        Assert.Equal(clock.Now.AddSeconds(2), (await adapter.PushAsync(account, [Set("A", 9, Us)], None).FailsAsync(CallFailure.Limited)).Until!.Value, TimeSpan.FromMilliseconds(50));
        Assert.Empty(amazon.Faults.Met);
        clock.Pass(10);
        amazon.Faults.RetryAfter = TimeSpan.FromSeconds(30);
        amazon.Faults.Next(Fault.Limited, "patchListingsItem");
        Assert.Equal(clock.Now.AddSeconds(30), (await adapter.PushAsync(account, [Set("A", 9, Us)], None).FailsAsync(CallFailure.Limited)).Until);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(3)]
    public async Task Orders_of_all_marketplaces_are_read_by_when_they_changed_page_after_page(int onPage)
    {
        amazon.MostOnPage = onPage;
        for (var i = 0; i < 8; i++)
        {
            amazon.Sell(i % 2 == 0 ? Us : Ca, ("A", 1));
            clock.Pass(1);
        }
        amazon.Move(amazon.AllOrders[1], "UNSHIPPED");
        var orders = await adapter.OrdersAsync(account, clock.Now.AddHours(-1));
        Assert.Equal(8, orders.DistinctBy(order => order.Draft.ExternalId).Count());
        Assert.Equal(orders.Select(order => order.ChangedAt).Order(), orders.Select(order => order.ChangedAt));
        Assert.Equal((amazon.AllOrders[1].Id, false), (orders[^1].Draft.ExternalId, orders[^1].Waits));
        clock.Pass(3600);
        Assert.Equal(orders.Select(order => order.Draft.ContentHash()), (await adapter.OrdersAsync(account, clock.Now.AddHours(-2))).Select(order => order.Draft.ContentHash()));
    }

    [Fact]
    public async Task What_Amazon_sends_is_Amazons_and_what_the_buyer_asks_is_told()
    {
        (amazon.InFba["B"], amazon.Sell(Us, ("A", 1))!.By) = (25, "AMAZON");
        var asked = amazon.Sell(Us, ("A", 2))!;
        (asked.CancelAsked, asked.Status) = (true, "UNSHIPPED");
        (amazon.Sell(Us, ("A", 1))!.Currency, amazon.AllOrders[2].Status) = ("?", "UNSHIPPED");
        var orders = (await adapter.OrdersAsync(account, clock.Now.AddHours(-1))).ToDictionary(order => order.Draft.ExternalId);
        Assert.True(orders[amazon.AllOrders[0].Id].ByMarketplace);
        Assert.Equal((true, false), (orders[asked.Id].CancelAsked, orders[asked.Id].ByMarketplace));
        var shown = await ShownAsync();
        Assert.Equal((8, 0, 25L), (shown.Count, shown[(Us, "B")].Units, shown[(Us, "B")].Marketplace));
    }

    [Fact]
    public async Task A_package_is_confirmed_once_whatever_was_lost_and_parts_are_packages_of_their_own()
    {
        var order = amazon.Sell(Us, ("A", 3))!;
        amazon.Move(order, "UNSHIPPED");
        var here = Kept((await adapter.OrdersAsync(account, clock.Now.AddHours(-1))).Single());
        var part = new ChannelShipment("s-1", "WH1", null, clock.Now, "UPS", "1Z1", [new(here.Lines[0].Id, 1)]);
        amazon.Faults.Next(Fault.HangUpAfter, "confirmShipment");
        await adapter.ShipAsync(account, here, part, None).FailsAsync(CallFailure.Unanswered);
        await adapter.ShipAsync(account, here, part, None);
        Assert.Equal(("PARTIALLY_SHIPPED", 1), (order.Status, order.Packages.Count));
        await adapter.ShipAsync(account, here, part with { Id = "s-2", Carrier = "Own van", Tracking = null, Lines = [new(here.Lines[0].Id, 2)] }, None);
        Assert.Equal(("SHIPPED", 2), (order.Status, order.Packages.Count));
        Assert.Contains("\"carrierName\":\"Own van\"", amazon.Bodies["confirmShipment"]);
        await Assert.ThrowsAsync<NotSupportedException>(() => adapter.CancelAsync(account, here, [new(here.Lines[0].Id, 1)], "short", None));
    }
}
