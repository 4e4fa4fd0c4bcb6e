using System.Text.Json.Nodes;
using Selvedge.Channels;
using Selvedge.Channels.Shopify;

namespace Selvedge.Tests.Unit.Channels.Shopify;

public sealed class ShopifyProductsTests
{
    static readonly ChannelAccount Account = new(new Channel { Id = "shop", Is = "shopify", Name = "shop", Currency = "AUD" }, new HttpClient(), TimeProvider.System, _ => null);

    internal static ChannelProduct Shirt { get; } = new()
    {
        Style = "Shirt 01", Title = "Shirt", Description = "<p>Cotton</p>", Images = ["https://images.example/shirt.jpg"], Options = ["Colour", "Size"],
        Items = [new("S-RED-M", "9312345678907", ["Red", "M"], 499_000, "AUD"), new("S-RED-L", null, ["Red", "L"], 499_000, "USD")],
    };

    static ShopifyProducts.Product There(params ShopifyProducts.Variant[] variants) => new("gid://shopify/Product/1", true, [.. variants]);
    static ShopifyProducts.Variant Variant(int id, string? sku, params (string, string)[] options) => new($"v{id}", sku, options, $"i{id}");

    [Fact]
    public void A_new_product_is_a_draft_with_options_barcodes_prices_of_its_currency_and_images()
    {
        var input = ShopifyProducts.Input(Account, Shirt, null);
        Assert.Equal(("shirt-01", "DRAFT", 1), ($"{input["handle"]}", $"{input["status"]}", input["files"]!.AsArray().Count));
        Assert.Equal(["Colour:Red", "Size:M,L"], input["productOptions"]!.AsArray().Select(option => $"{option!["name"]}:{string.Join(',', option["values"]!.AsArray().Select(value => $"{value!["name"]}"))}"));
        var variants = input["variants"]!.AsArray();
        Assert.Equal(("9312345678907", "49.90", "DENY"), ($"{variants[0]!["barcode"]}", $"{variants[0]!["price"]}", $"{variants[0]!["inventoryPolicy"]}"));
        Assert.False(variants[1]!.AsObject().ContainsKey("price") || variants[1]!.AsObject().ContainsKey("barcode"));
    }

    [Fact]
    public void What_is_there_and_not_ours_is_sent_as_it_is_so_that_nothing_is_deleted()
    {
        var input = ShopifyProducts.Input(Account, Shirt, There(Variant(1, "S-RED-M", ("Colour", "Red"), ("Size", "M")), Variant(2, "THEIRS", ("Colour", "Blue"), ("Size", "XS"))));
        var variants = input["variants"]!.AsArray();
        Assert.Equal(["v1", "", "v2"], variants.Select(variant => $"{variant!["id"]}"));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""{"id":"v2","optionValues":[{"optionName":"Colour","name":"Blue"},{"optionName":"Size","name":"XS"}]}"""), variants[2]));
        Assert.Equal("Red,Blue", string.Join(',', input["productOptions"]![0]!["values"]!.AsArray().Select(value => $"{value!["name"]}")));
        foreach (var list in new[] { "files", "collections", "tags", "metafields", "handle", "status" }) Assert.False(input.ContainsKey(list), list);
    }

    [Fact]
    public void What_would_be_deleted_or_stands_in_the_way_is_refused()
    {
        Assert.Contains("would be deleted", Refused(There(Variant(2, "THEIRS", ("Title", "Default Title")))));
        Assert.Contains("of one that is", Refused(There(Variant(2, "THEIRS", ("Colour", "Red"), ("Size", "M")))));
        Assert.Contains("2 variants with SKU S-RED-M", Refused(There(Variant(1, "S-RED-M", ("Colour", "Red"), ("Size", "M")), Variant(2, "S-RED-M", ("Colour", "Red"), ("Size", "S")))));
        Assert.Contains("has not one value", Assert.Throws<ChannelCallException>(() => ShopifyProducts.Input(Account, Shirt with { Options = ["Colour"] }, null)).Message);

        string Refused(ShopifyProducts.Product before) => Assert.Throws<ChannelCallException>(() => ShopifyProducts.Input(Account, Shirt, before)).Message;
    }

    [Fact]
    public void A_variant_without_a_sku_is_taken_by_its_options()
    {
        var input = ShopifyProducts.Input(Account, Shirt, There(Variant(7, null, ("Colour", "Red"), ("Size", "M"))));
        Assert.Equal(["v7:S-RED-M", ":S-RED-L"], input["variants"]!.AsArray().Select(variant => $"{variant!["id"]}:{variant["sku"]}"));
    }
}
