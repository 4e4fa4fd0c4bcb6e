using System.Text.Json;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Listings;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Listings;

/// <summary>Product data out, by the lane: what is wanted, what goes wrong, and what follows from it.</summary>
public sealed class ProductTests : IAsyncLifetime
{
    static readonly CancellationToken None = CancellationToken.None;
    LaneRig rig = null!;

    public async ValueTask InitializeAsync()
    {
        rig = await LaneRig.StartAsync(LaneRig.Traits() with { Publishes = true });
        await PutAsync(("RED-M", true), ("RED-L", true));
    }

    public ValueTask DisposeAsync() => rig.DisposeAsync();

    // A style whose SKUs lack nothing; of others the price is missing.
    async Task PutAsync(params (string Sku, bool Whole)[] skus)
    {
        await PutAsync("Shirt", skus);
        foreach (var (sku, _) in skus)
            if ((await rig.Get<Selvedge.Ledger.LedgerReads>().BalanceAsync(sku)) is null) await rig.MoveAsync(sku, 10);
    }

    Task<StylePlan> PutAsync(string name, params (string Sku, bool Whole)[] skus) => rig.Get<ProductCatalogue>().PutStyleAsync(StyleRequest.Parse("shirt", RequestFields.Parse(JsonSerializer.SerializeToUtf8Bytes(new
    {
        name, images = new[] { new { url = "https://images.example/shirt.jpg" } },
        matrix = new Dictionary<string, object> { ["Red"] = skus.ToDictionary(sku => sku.Sku[4..], sku => sku.Whole ? (object)new { sku = sku.Sku, barcode = Gtin13(sku.Sku), price = "49.90", attributes = new { fit = "Regular" } } : new { sku = sku.Sku, barcode = Gtin13(sku.Sku), attributes = new { fit = "Regular" } }) },
    }))), default, "test");

    internal static string Gtin13(string sku)
    {
        var digits = "93" + (sku.Aggregate(7L, (sum, c) => (sum * 31 + c) % 9_999_999_967) % 10_000_000_000).ToString("D10", System.Globalization.CultureInfo.InvariantCulture);
        return digits + Gtin.CheckDigit("0" + digits);
    }

    Task<(ListedStyle Listed, bool Created, bool Changed)> AskAsync() => ListAsync(rig.Get<ListedStyles>());
    async Task<(ListedStyle Listed, bool Created, bool Changed)> ListAsync(ListedStyles styles) => await styles.PutAsync(await rig.ChannelAsync(), "shirt", null, "anna", None);
    async Task<ListedStyle> ShirtAsync() => (await rig.Get<ListedStyles>().FindAsync("fake", "shirt"))!;
    Task RunAsync() => rig.RunAsync();
    async Task HearAsync()
    {
        var style = await rig.Get<ProductCatalogue>().GetStyleOnlyAsync("shirt");
        await rig.Get<ListedStyles>().HandleAsync([JsonSerializer.SerializeToElement(style, Json.Options)], None);
    }

    async Task<IReadOnlyList<ExceptionCase>> CasesAsync(string kind = "productRefused") => (await rig.Get<ExceptionCases>().ListAsync(ExceptionStatus.Open, kind, 10, null)).Items;

    async Task SettleAsync()
    {
        for (var i = 0; i < 5; i++)
        {
            await rig.FeedAsync();
            await RunAsync();
            // What is paused has a guard, which alone resumes it.
            foreach (var item in (string[])["i-RED-M", "i-RED-L"])
                if (await rig.Get<ListingStore>().FindAsync("fake", Listing.IdOf("", item)) is { Guard: { } guard } paused) await rig.Get<ListingGuards>().LookAsync(new("fake", paused.Id, guard.Run));
            rig.Time.Pass(TimeSpan.FromSeconds(35));
        }
    }

    [Fact]
    public async Task What_a_channel_is_to_list_becomes_listings_and_stock_follows()
    {
        Assert.True((await AskAsync()).Created);
        Assert.False((await AskAsync()).Changed);
        await SettleAsync();
        var product = Assert.Single(rig.Fake.Products);
        Assert.Equal(("Shirt", "Colour Size", "https://images.example/shirt.jpg", 499_000L), (product.Title, string.Join(' ', product.Options), product.Images.Single(), product.Items[0].Price!.Value));
        Assert.Equal((Gtin13("RED-M"), "Regular"), (product.Items.Single(item => item.Sku == "RED-M").Gtin, product.Attributes["fit"]));
        Assert.Equal((10, 10), (rig.Fake["i-RED-M"], rig.Fake["i-RED-L"]));
        var shirt = await ShirtAsync();
        Assert.Equal((ListedState.Listed, "p-shirt", null), (shirt.State, shirt.ExternalId, shirt.Due));
        await HearAsync();
        Assert.False((await AskAsync()).Changed);
        await SettleAsync();
        Assert.Single(rig.Fake.Products);
    }

    [Fact]
    public async Task A_style_that_changes_is_sent_again_and_one_that_changes_in_what_is_not_shown_is_not()
    {
        await AskAsync();
        await SettleAsync();
        await PutAsync("Shirt, red", ("RED-M", true), ("RED-L", true));
        await HearAsync();
        Assert.Equal(ListedState.Waiting, (await ShirtAsync()).State);
        await SettleAsync();
        Assert.Equal(("Shirt, red", "p-shirt", "i-RED-M"), (rig.Fake.Products.Last().Title, rig.Fake.Products.Last().ExternalId, rig.Fake.Products.Last().Items.Single(item => item.Sku == "RED-M").ExternalId));
        await rig.Get<ProductCatalogue>().SetCostAsync("RED-M", 7, "test", _ => { }, None);
        await HearAsync();
        await SettleAsync();
        Assert.Equal((2, ListedState.Listed), (rig.Fake.Products.Count, (await ShirtAsync()).State));
    }

    [Fact]
    public async Task What_the_change_feed_lost_and_what_a_channels_settings_change_is_found_by_the_sweep()
    {
        await AskAsync();
        await SettleAsync();
        var channel = await rig.ChannelAsync();
        await rig.Get<ListedStyles>().AlignAsync(channel, None);
        Assert.Null((await ShirtAsync()).Due);
        await PutAsync("Shirt, red", ("RED-M", true), ("RED-L", true));
        await rig.Get<ListedStyles>().AlignAsync(channel, None);
        await SettleAsync();
        Assert.Equal(2, rig.Fake.Products.Count);
        await rig.PutChannelAsync(new { kind = "fake", locations = new[] { "WH1" }, api = new { shop = "fake.example", settings = new { brand = "Other" } } });
        rig.Time.Pass(TimeSpan.FromMinutes(2));
        await rig.Get<ListedStyles>().AlignAsync(await rig.ChannelAsync(), None);
        await SettleAsync();
        Assert.Equal(3, rig.Fake.Products.Count);
    }

    [Theory]
    [InlineData(CallFault.LostAfter, 2)]
    [InlineData(CallFault.LostBefore, 1)]
    [InlineData(CallFault.Limited, 1)]
    public async Task An_answer_that_was_lost_or_a_limit_is_followed_by_the_same_again(CallFault fault, int heard)
    {
        rig.Fake.Faults = (kind, times) => kind == "publish" && times == 0 ? fault : CallFault.None;
        await AskAsync();
        await RunAsync();
        Assert.NotEqual(ListedState.Listed, (await ShirtAsync()).State);
        Assert.True((await rig.Get<ListingStore>().ReadAsync<LaneState>("fake", LaneState.DocumentId, None))!.Blocked.ContainsKey(LaneCall.Products));
        await SettleAsync();
        Assert.Equal((heard, ListedState.Listed, null), (rig.Fake.Products.Count, (await ShirtAsync()).State, (await ShirtAsync()).LastError));
        Assert.Equal(10, rig.Fake["i-RED-M"]);
        Assert.Empty(await CasesAsync());
    }

    [Fact]
    public async Task A_process_that_dies_anywhere_on_the_way_leaves_it_to_the_next()
    {
        await AskAsync();
        for (var at = 0; at < 8; at++)
        {
            var (die, n) = (at, 0);
            rig.Dies = _ => n++ == die;
            await rig.LiveAsync(RunAsync);
        }
        Assert.True(rig.Deaths > 2);
        rig.Dies = _ => false;
        await SettleAsync();
        Assert.Equal((ListedState.Listed, 10, 10), ((await ShirtAsync()).State, rig.Fake["i-RED-M"], rig.Fake["i-RED-L"]));
    }

    [Fact]
    public async Task What_the_channel_will_not_take_is_for_a_person_and_holds_up_no_other()
    {
        rig.Fake.Faults = (kind, times) => kind == "publish" && times == 0 ? CallFault.ItemRefused : CallFault.None;
        await AskAsync();
        await rig.Get<ProductCatalogue>().PutStyleAsync(StyleRequest.Parse("cap", RequestFields.Parse(JsonSerializer.SerializeToUtf8Bytes(new { name = "Cap", category = "Accessories", images = new[] { new { url = "https://images.example/cap.jpg" } }, matrix = new { Navy = new { OS = new { sku = "CAP", barcode = Gtin13("CAP"), price = "20.00" } } } }))), default, "test");
        await rig.Get<ListedStyles>().PutAsync(await rig.ChannelAsync(), "cap", null, "anna", None);
        await SettleAsync();
        var shirt = await ShirtAsync();
        Assert.Equal((ListedState.Refused, "not a product of ours"), (shirt.State, shirt.LastError!.Message));
        Assert.Equal("cap", Assert.Single(rig.Fake.Products).Style);
        Assert.Contains("not a product of ours", Assert.Single(await CasesAsync()).Detail, StringComparison.Ordinal);
        Assert.Empty(await CasesAsync("channelRefused"));
        // It is left alone until somebody says that it is right, and then that is over.
        await SettleAsync();
        Assert.Single(rig.Fake.Products);
        Assert.True((await AskAsync()).Changed);
        await SettleAsync();
        Assert.Equal(ListedState.Listed, (await ShirtAsync()).State);
        Assert.Empty(await CasesAsync());
    }

    [Fact]
    public async Task An_item_that_is_refused_leaves_the_others_listed_and_is_alone_sent_again()
    {
        rig.Fake.Objects = item => item.Sku == "RED-L" ? "Too large." : null;
        await AskAsync();
        await SettleAsync();
        var shirt = await ShirtAsync();
        Assert.Equal((ListedState.Refused, "Too large.", 10), (shirt.State, shirt.Items.Single(item => item.Sku == "RED-L").Error, rig.Fake["i-RED-M"]));
        Assert.Contains("RED-L: Too large.", Assert.Single(await CasesAsync()).Detail, StringComparison.Ordinal);
        rig.Fake.Objects = _ => null;
        rig.Time.Pass(TimeSpan.FromDays(1));
        await SettleAsync();
        Assert.Equal((ListedState.Listed, 10, "RED-L"), ((await ShirtAsync()).State, rig.Fake["i-RED-L"], Assert.Single(rig.Fake.Products.Last().Items).Sku));
        Assert.Empty(await CasesAsync());
    }

    [Fact]
    public async Task Credentials_that_are_refused_are_the_accounts_trouble_and_another_style_goes_first_afterwards()
    {
        rig.Fake.Faults = (kind, times) => kind == "publish" && times == 0 ? CallFault.Refused : CallFault.None;
        await AskAsync();
        await RunAsync();
        Assert.Single(await CasesAsync("channelRefused"));
        Assert.Empty(await CasesAsync());
        Assert.NotNull((await ShirtAsync()).NotBefore);
        rig.Time.Pass(TimeSpan.FromMinutes(6));
        await SettleAsync();
        Assert.Equal(ListedState.Listed, (await ShirtAsync()).State);
    }

    [Fact]
    public async Task A_sku_that_lacks_something_is_held_back_with_the_reason_until_it_is_there()
    {
        await PutAsync(("RED-M", true), ("RED-L", false));
        await AskAsync();
        await SettleAsync();
        var shirt = await ShirtAsync();
        Assert.Equal(("RED-L", "no-price"), (Assert.Single(shirt.Held).Sku, shirt.Held[0].Why.Single().Reason));
        Assert.Equal("RED-M", Assert.Single(Assert.Single(rig.Fake.Products).Items).Sku);
        Assert.Contains("has no price", Assert.Single(await CasesAsync()).Detail, StringComparison.Ordinal);
        await PutAsync(("RED-M", true), ("RED-L", true));
        await HearAsync();
        await SettleAsync();
        Assert.Equal((0, 10), ((await ShirtAsync()).Held.Count, rig.Fake["i-RED-L"]));
        Assert.Empty(await CasesAsync());
    }

    [Fact]
    public async Task What_is_archived_or_stopped_sells_nothing_and_is_never_deleted()
    {
        await AskAsync();
        await SettleAsync();
        await PutAsync(("RED-M", true));
        await HearAsync();
        await SettleAsync();
        Assert.Equal((10, 0), (rig.Fake["i-RED-M"], rig.Fake["i-RED-L"]));
        Assert.Equal(["RED-L"], rig.Fake.Products.Last().Former);
        await PutAsync(("RED-M", true), ("RED-L", true));
        await HearAsync();
        await SettleAsync();
        Assert.Equal((10, 10), (rig.Fake["i-RED-M"], rig.Fake["i-RED-L"]));

        // A person's own pause is not taken back.
        await rig.Get<ListingDesk>().PutAsync(await rig.ChannelAsync(), new("", "i-RED-M", null, null, null, null, ManualState.Pause, false), "anna", default, None);
        Assert.True((await rig.Get<ListedStyles>().StopAsync(await rig.ChannelAsync(), "shirt", "anna", None))!.Value.Changed);
        await SettleAsync();
        Assert.Equal((0, 0, ListedState.Stopped, null), (rig.Fake["i-RED-M"], rig.Fake["i-RED-L"], (await ShirtAsync()).State, (await ShirtAsync()).Due));
        await HearAsync();
        await AskAsync();
        await SettleAsync();
        Assert.Equal((0, 10, ListedState.Listed), (rig.Fake["i-RED-M"], rig.Fake["i-RED-L"], (await ShirtAsync()).State));
    }

    [Fact]
    public async Task An_item_that_somebody_gave_to_another_style_stays_with_it()
    {
        await rig.Get<ListingDesk>().PutAsync(await rig.ChannelAsync(), new("", "i-RED-L", "A", null, null, null, null, false), "anna", default, None);
        await AskAsync();
        await SettleAsync();
        Assert.Equal("A", (await rig.ListingAsync("i-RED-L")).Sku);
        Assert.Contains("is mapped to SKU A", (await ShirtAsync()).Items.Single(item => item.Sku == "RED-L").Error, StringComparison.Ordinal);
    }
}
