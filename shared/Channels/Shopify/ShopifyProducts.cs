using System.Text.Json;
using System.Text.Json.Nodes;
using Selvedge.Platform;

namespace Selvedge.Channels.Shopify;

/// <summary>
/// Products by <c>productSet</c>, which makes each list that it is sent into what is there: entries left out are deleted. So the product is read first, with all its variants, and
/// of lists only these are sent: options and variants, with everything that is there and what is to be there. A variant that we do not know is sent as it is, by its id, and stays;
/// where it would not fit the options the product is refused, for a person to look at. Images are sent only where the product has no media: those that people put there stay
/// theirs. Collections, tags, metafields and channels are never sent. A new product gets a handle from its style, by which it is found again where the answer was lost.
/// </summary>
internal static class ShopifyProducts
{
    public const string ReadProduct = """
        query ReadProduct($identifier: ProductIdentifierInput!, $after: String) {
          productByIdentifier(identifier: $identifier) { id mediaCount { count }
            variants(first: 100, after: $after) { nodes { id sku selectedOptions { name value } inventoryItem { id } } pageInfo { hasNextPage endCursor } } } }
        """;
    public const string SetProduct = """
        mutation SetProduct($identifier: ProductSetIdentifiers, $input: ProductSetInput!) {
          productSet(identifier: $identifier, input: $input, synchronous: true) { product { id } userErrors { field code message } } }
        """;

    /// <summary>Most variants and options of one product.</summary>
    const int MostVariants = 2048, MostOptions = 3;

    /// <summary>A variant as it is there.</summary>
    public sealed record Variant(string Id, string? Sku, IReadOnlyList<(string Name, string Value)> Options, string Item);

    /// <summary>A product as it is there.</summary>
    public sealed record Product(string Id, bool HasMedia, List<Variant> Variants);

    public static async Task<PublishAnswer> PublishAsync(ShopifyCalls calls, ChannelAccount account, ChannelProduct product, CancellationToken cancel)
    {
        var identifier = product.ExternalId is { } id ? new JsonObject { ["id"] = id } : new JsonObject { ["handle"] = Handle(product.Style) };
        var places = PlacesOf(account, product);
        var before = await ReadAsync(calls, account, identifier, cancel);
        if (before is null && product.ExternalId is not null) throw Refused(account, product, $"the shop has no product {product.ExternalId} (any more)");
        var input = Input(account, product, before);
        var data = await calls.AskAsync(account, "SetProduct", SetProduct, new { identifier = before is null ? null : new JsonObject { ["id"] = before.Id }, input }, cancel);
        if (ShopifyJson.FirstError(data.GetProperty("productSet")) is { } refused) throw Refused(account, product, refused);
        var after = await ReadAsync(calls, account, new() { ["id"] = ShopifyJson.IdOf(data.GetProperty("productSet").GetProperty("product")) }, cancel)
            ?? throw new ChannelCallException(CallFailure.Unanswered, $"Style {product.Style} was set in the shop of channel '{account.Channel.Id}' and is not there.");
        var byItem = after.Variants.Where(variant => variant.Sku is not null).ToLookup(variant => variant.Sku, StringComparer.Ordinal);
        return new([.. product.Items.Select(item => byItem[item.Sku].Select(variant => variant.Item).FirstOrDefault() is { } there
            ? new PublishedItem(item.Sku, [.. places.Select(place => new ListingKey(Ids.Join([place, there], 200), place, there, item.Sku, after.Id))])
            : new PublishedItem(item.Sku, [], "The shop took the product and has no such variant."))]) { ExternalId = after.Id };
    }

    /// <summary>Where its stock is shown: the shop's locations that are mapped to those the channel sells from.</summary>
    static List<string> PlacesOf(ChannelAccount account, ChannelProduct product)
    {
        var mapped = (account.Channel.Places ?? new Dictionary<string, string>()).Where(place => account.Channel.Locations.Contains(place.Value)).Select(place => ShopifyJson.Place(place.Key)).OfType<string>().Distinct(StringComparer.Ordinal).ToList();
        return mapped.Count > 0 ? mapped : throw Refused(account, product, "none of the shop's locations is mapped to one that the channel sells from. Name them in the channel's 'places'");
    }

    /// <summary>What is sent, or why nothing is.</summary>
    /// <exception cref="ChannelCallException">Refused: it would delete what we do not know, or Shopify would not take it.</exception>
    public static JsonObject Input(ChannelAccount account, ChannelProduct product, Product? before)
    {
        if (product.Items.Count == 0 || product.Options.Count is 0 or > MostOptions) throw Refused(account, product, $"it has {product.Items.Count} items and {product.Options.Count} options; Shopify takes 1 to {MostOptions} options");
        if (product.Items.Any(item => item.Options.Count != product.Options.Count)) throw Refused(account, product, "an item has not one value for each option");
        var (variants, matched) = (new JsonArray(), new HashSet<string>(StringComparer.Ordinal));
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in product.Items)
        {
            var mine = Match(account, product, before, item);
            if (mine is not null && !matched.Add(mine.Id)) throw Refused(account, product, $"variant {mine.Id} stands for two SKUs");
            if (!taken.Add(string.Join('\n', item.Options))) throw Refused(account, product, $"two items have the options {string.Join(" / ", item.Options)}");
            variants.Add(Ours(account, product, item, mine));
        }
        var unknown = (before?.Variants ?? []).Where(variant => !matched.Contains(variant.Id)).ToList();
        foreach (var variant in unknown)
        {
            var values = product.Options.Select(option => variant.Options.Where(known => known.Name == option).Select(known => known.Value).FirstOrDefault() ?? "").ToList();
            if (variant.Options.Count != values.Count || values.Contains("")) throw Refused(account, product, $"variant {variant.Id} ('{variant.Sku}') is not ours and has other options ({string.Join(", ", variant.Options.Select(option => option.Name))}); it would be deleted");
            if (!taken.Add(string.Join('\n', values))) throw Refused(account, product, $"variant {variant.Id} ('{variant.Sku}') is not ours and has the options {string.Join(" / ", values)} of one that is");
            variants.Add(new JsonObject { ["id"] = variant.Id, ["optionValues"] = Values(variant.Options) });
        }
        if (variants.Count > MostVariants) throw Refused(account, product, $"it would have {variants.Count} variants; Shopify takes {MostVariants}");
        var input = new JsonObject
        {
            ["title"] = product.Title, ["variants"] = variants,
            ["productOptions"] = new JsonArray([.. product.Options.Select((name, at) => new JsonObject
            {
                ["name"] = name, ["position"] = at + 1,
                ["values"] = new JsonArray([.. product.Items.Select(item => item.Options[at]).Concat(unknown.SelectMany(variant => variant.Options).Where(option => option.Name == name).Select(option => option.Value))
                    .Distinct(StringComparer.Ordinal).Select(value => new JsonObject { ["name"] = value })]),
            })]),
        };
        if (product.Description is { } description) input["descriptionHtml"] = description;
        if (before is null) (input["handle"], input["status"]) = (Handle(product.Style), account.OptionalSetting("productStatus") ?? "DRAFT");
        if (before is not { HasMedia: true } && product.Images.Count > 0)
            input["files"] = new JsonArray([.. product.Images.Select(image => new JsonObject { ["originalSource"] = image, ["contentType"] = "IMAGE", ["alt"] = product.Title })]);
        return input;
    }

    static JsonObject Ours(ChannelAccount account, ChannelProduct product, ChannelItem item, Variant? mine)
    {
        var variant = new JsonObject { ["optionValues"] = Values([.. product.Options.Select((name, at) => (name, item.Options[at]))]), ["sku"] = item.Sku, ["inventoryItem"] = new JsonObject { ["tracked"] = true } };
        if (mine is not null) variant["id"] = mine.Id;
        // What is there keeps its policy; what is new sells no more than it has.
        else variant["inventoryPolicy"] = "DENY";
        if (item.Gtin is { } gtin) variant["barcode"] = gtin;
        if (item.Price is { } price && (item.Currency is null || account.Channel.Currency is null || item.Currency == account.Channel.Currency)) variant["price"] = Money.Text(price);
        return variant;
    }

    // By its SKU; where that is nowhere, by its id there; then one with the same options and no SKU of its own, or one that is archived.
    static Variant? Match(ChannelAccount account, ChannelProduct product, Product? before, ChannelItem item)
    {
        if (before is null) return null;
        var named = before.Variants.FindAll(variant => variant.Sku == item.Sku);
        if (named.Count > 1) throw Refused(account, product, $"the shop has {named.Count} variants with SKU {item.Sku}");
        return named.FirstOrDefault() ?? before.Variants.Find(variant => item.ExternalId is { } id && (variant.Id == id || variant.Item == id))
            ?? before.Variants.Find(variant => (string.IsNullOrEmpty(variant.Sku) || product.Former.Contains(variant.Sku)) && variant.Options.Select(option => option.Value).SequenceEqual(item.Options));
    }

    static JsonArray Values(IEnumerable<(string Name, string Value)> options) => new([.. options.Select(option => new JsonObject { ["optionName"] = option.Name, ["name"] = option.Value })]);

    static async Task<Product?> ReadAsync(ShopifyCalls calls, ChannelAccount account, JsonObject identifier, CancellationToken cancel)
    {
        Product? product = null;
        for (string? after = null; ;)
        {
            var data = await calls.AskAsync(account, "ReadProduct", ReadProduct, new { identifier, after }, cancel);
            if (data.GetProperty("productByIdentifier") is not { ValueKind: JsonValueKind.Object } read) return null;
            product ??= new(ShopifyJson.IdOf(read), read.GetProperty("mediaCount") is { ValueKind: JsonValueKind.Object } media && media.GetProperty("count").GetInt64() > 0, []);
            var variants = read.GetProperty("variants");
            foreach (var node in variants.GetProperty("nodes").EnumerateArray())
                product.Variants.Add(new(ShopifyJson.IdOf(node), node.GetProperty("sku").GetString(),
                    [.. node.GetProperty("selectedOptions").EnumerateArray().Select(option => (option.GetProperty("name").GetString()!, option.GetProperty("value").GetString()!))], ShopifyJson.IdOf(node.GetProperty("inventoryItem"))));
            if ((after = ShopifyJson.Next(variants)) is null) return product;
        }
    }

    /// <summary>Small letters, digits and hyphens.</summary>
    public static string Handle(string style)
    {
        var handle = string.Concat(style.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-'));
        while (handle.Contains("--", StringComparison.Ordinal)) handle = handle.Replace("--", "-", StringComparison.Ordinal);
        return handle.Trim('-');
    }

    static ChannelCallException Refused(ChannelAccount account, ChannelProduct product, string why) =>
        new(CallFailure.Refused, $"Style {product.Style} is not published to channel '{account.Channel.Id}': {why}.") { IsOfProduct = true };
}
