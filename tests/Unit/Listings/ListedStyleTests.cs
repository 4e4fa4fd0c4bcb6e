using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Listings;

namespace Selvedge.Tests.Unit.Listings;

/// <summary>Which product a channel is shown, and what happens to a style that it is to list: pure rules.</summary>
public sealed class ListedStyleTests
{
    static readonly DateTimeOffset Noon = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);
    static readonly Channel Shop = new() { Id = "shop", Is = "shopify", Name = "shop", Locations = ["WH1"], Currency = "AUD" };

    static Product Product(string sku, string size, bool active = true, string? barcode = "09312345678907") => new()
    {
        Sku = sku, Style = "tee", Name = "Tee", Colour = "White", Size = size, Barcode = barcode, Active = active, Prices = { ["AUD"] = new(299_000) }, Attributes = { ["fit"] = size == "M" ? "Slim" : "Wide", ["description"] = "Soft." },
    };

    static StyleProduct Of(Channel? channel = null, params Product[] products) => StyleProduct.Of(
        new Style { Id = "tee", Name = "Tee", Images = [new("https://images.example/tee.jpg")], Cells = [.. products.Select(product => new Cell(product.Colour, product.Size, product.Sku, !product.Active))] },
        products.ToDictionary(product => product.Sku), channel ?? Shop, CategoryRules.Shipped);

    static ListedStyle Asked() => ListedStyle.Asked(null, "shop", "tee", "1|x", null, "anna", Noon);
    static PublishAnswer Taken(params string[] skus) => new([.. skus.Select(sku => new PublishedItem(sku, [new(sku, "", "i" + sku, sku)]))]);

    [Fact]
    public void A_product_has_what_its_skus_share_and_says_what_is_held_back_and_what_is_gone()
    {
        var tee = Of(null, Product("M", "M"), Product("L", "L"), Product("S", "S", barcode: null), Product("XS", "XS", active: false));
        Assert.Equal(("M L", "9312345678907", 299_000L, "AUD"), (string.Join(' ', tee.Product.Items.Select(item => item.Sku)), tee.Product.Items[0].Gtin, tee.Product.Items[0].Price, tee.Product.Items[0].Currency));
        Assert.Equal(("Soft.", "description", "XS", "S no-gtin"), (tee.Product.Description, string.Join(' ', tee.Product.Attributes.Keys), Assert.Single(tee.Product.Former), $"{Assert.Single(tee.Held).Sku} {tee.Held[0].Why.Single().Reason}"));
    }

    [Theory]
    [InlineData("09312345678907", "9312345678907")]
    [InlineData("00036000291452", "036000291452")]
    [InlineData("00000096385074", "96385074")]
    [InlineData("10614141000415", "10614141000415")]
    public void A_barcode_goes_as_it_is_printed(string kept, string sent) => Assert.Equal(sent, Of(null, Product("M", "M", barcode: kept)).Product.Items[0].Gtin);

    [Fact]
    public void The_same_product_for_the_same_channel_is_the_same_content_and_any_other_is_another()
    {
        var tee = Of(null, Product("M", "M"));
        Assert.Equal(tee.Content, Of(null, Product("M", "M") with { Cost = 7 }).Content);
        Assert.NotEqual(tee.Content, Of(null, Product("M", "M") with { Colour = "Ecru" }).Content);
        Assert.NotEqual(tee.Content, Of(Shop with { Places = new Dictionary<string, string> { ["7"] = "WH1" } }, Product("M", "M")).Content);
    }

    [Fact]
    public void What_is_asked_for_is_due_until_all_of_it_is_answered()
    {
        var tee = Of(null, Product("M", "M"), Product("L", "L"));
        var asked = Asked();
        Assert.Equal(("shop|6|2026-11-24T12:00:00.000Z", ListedState.Waiting), (asked.Due, asked.State));
        Assert.Same(asked, ListedStyle.Asked(asked, "shop", "tee", "1|x", null, "ben", Noon.AddHours(1)));
        var part = ListedStyle.Answered(asked, tee, "1|x", Taken("M") with { Until = Noon.AddMinutes(3) }, Noon);
        Assert.Equal((Noon.AddMinutes(3), "L"), (part.DueAt, Assert.Single(tee.Open(part)).Sku));
        var all = ListedStyle.Answered(part, tee, "1|x", Taken("L"), Noon.AddMinutes(3));
        Assert.Equal((null, ListedState.Listed, 0), (all.Due, all.State, tee.Open(all).Count));
        // Changed meanwhile: what was answered is not what is wanted now.
        Assert.NotNull(ListedStyle.Answered(ListedStyle.Changed(part, "2|x", Noon), tee, "1|x", Taken("L"), Noon).Due);
    }

    [Fact]
    public void What_is_submitted_is_looked_at_ever_more_seldom_and_for_a_day()
    {
        var tee = Of(null, Product("M", "M"));
        var sent = ListedStyle.Answered(Asked(), tee, "1|x", new([]) { Submission = "s1", LookAfter = TimeSpan.FromMinutes(2) }, Noon);
        Assert.Equal((ListedState.Submitted, Noon.AddMinutes(2)), (sent.State, sent.DueAt));
        var later = ListedStyle.Undecided(sent, Noon.AddMinutes(10));
        Assert.Equal(Noon.AddMinutes(15), later.DueAt);
        Assert.Equal(ListedState.Refused, ListedStyle.Undecided(later, Noon.AddHours(25)).State);
        Assert.Equal(ListedState.Listed, ListedStyle.Answered(later, tee, "1|x", Taken("M"), Noon.AddMinutes(15)).State);
    }

    [Fact]
    public void What_is_refused_waits_a_day_for_a_person_and_a_change_ends_that()
    {
        var tee = Of(null, Product("M", "M"));
        var refused = ListedStyle.Answered(Asked(), tee, "1|x", new([new("M", [], "No.")]), Noon);
        Assert.Equal((ListedState.Refused, Noon.AddDays(1), "1 of 1 SKUs were not taken: M: No."), (refused.State, refused.DueAt, refused.LastError!.Message));
        Assert.Equal(Noon, ListedStyle.Changed(refused, "2|x", Noon.AddHours(1)).DueAt);
        Assert.Equal((ListedState.Waiting, Noon.AddHours(1)), (ListedStyle.Asked(refused, "shop", "tee", "1|x", null, "anna", Noon.AddHours(1)).State, ListedStyle.Asked(refused, "shop", "tee", "1|x", null, "anna", Noon.AddHours(1)).DueAt));
        var failed = ListedStyle.Failed(ListedStyle.Failed(Asked(), "x", Noon), "x", Noon);
        Assert.Equal(Noon.AddSeconds(4), failed.DueAt);
    }

    [Fact]
    public void What_is_stopped_is_due_until_it_is_paused_and_nothing_else_moves_it()
    {
        var stopped = ListedStyle.Stopped(Asked(), "anna", Noon);
        Assert.Same(stopped, ListedStyle.Changed(stopped, "9|x", Noon));
        Assert.Same(stopped, ListedStyle.Stopped(stopped, "anna", Noon));
        Assert.NotNull(stopped.Due);
        Assert.Null(ListedStyle.Paused(stopped, Noon).Due);
        Assert.NotNull(ListedStyle.Asked(ListedStyle.Paused(stopped, Noon), "shop", "tee", "1|x", null, "anna", Noon).Due);
    }
}
