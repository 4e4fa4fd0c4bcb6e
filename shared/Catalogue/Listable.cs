using Selvedge.Channels;

namespace Selvedge.Catalogue;

/// <summary>Why a SKU cannot be listed on a channel: a stable word, and for a person what is missing and what to do.</summary>
public sealed record ListingGap(string Reason, string Detail);

/// <summary>Whether a SKU can be listed on a channel, and if not, why: everything that is missing at once.</summary>
public sealed record Listability(string Sku, string Channel, bool Listable, IReadOnlyList<ListingGap> Why)
{
    /// <summary>Systems that know an item by a code of their own (an ASIN, a partner's variant), and ask for a GTIN to find it.</summary>
    static readonly HashSet<string> Marketplaces = ["amazon", "mirakl", "zalando", "iconic", "sellercenter", "marketplace"];

    /// <summary>A pure function of what is known of the SKU.</summary>
    public static Listability Of(Product product, Style style, Channel channel, CategoryRules rules)
    {
        var why = new List<ListingGap>();
        if (!product.Active) why.Add(new("archived", $"SKU '{product.Sku}' is archived. Make it active to list it."));
        if (channel.Currency is { } currency ? !product.Prices.ContainsKey(currency) : product.Price is null)
            why.Add(new("no-price", channel.Currency is null ? $"SKU '{product.Sku}' has no price." : $"SKU '{product.Sku}' has no price in {channel.Currency}."));
        if (product.Barcode is null) why.Add(new("no-gtin", $"SKU '{product.Sku}' has no barcode (GTIN)."));
        else if (Marketplaces.Contains(channel.Is) && Gtin.TryParse(product.Barcode, out var gtin) && gtin.IsRestricted)
            why.Add(new("no-gtin", $"The barcode {product.Barcode} is for use within one company only. Give SKU '{product.Sku}' a number from your GS1 range."));
        if (!style.Images.Any(image => image.Colour is null || image.Colour == product.Colour)) why.Add(new("no-image", $"Style '{style.Id}' has no image of {product.Colour}."));
        if (Marketplaces.Contains(channel.Is) && !product.Codes.Any(code => code.Channel == channel.Id))
            why.Add(new("not-mapped", $"SKU '{product.Sku}' has no code of channel '{channel.Id}'. Add {{\"code\": …, \"channel\": \"{channel.Id}\"}} to its codes."));
        foreach (var (name, detail) in rules.Lacking(product, channel.Id, channel.Is)) why.Add(new("attribute:" + name, detail));
        return new(product.Sku, channel.Id, why.Count == 0, why);
    }
}
