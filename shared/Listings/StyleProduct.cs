using System.Security.Cryptography;
using System.Text.Json;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>A style as a channel is to show it: a pure function of the product master and the channel. SKUs to which something is missing (<see cref="Listability"/>) are held back with the reason; archived ones
/// are named, so that what stands for them is left there.</summary>
/// <param name="Product">With every SKU that can be shown.</param>
/// <param name="Held">Those that cannot.</param>
/// <param name="Content">A digest: the same says the same.</param>
public sealed record StyleProduct(ChannelProduct Product, IReadOnlyList<HeldSku> Held, string Content)
{
    static readonly string[] Words = ["description", "longDescription"];

    public static StyleProduct Of(Style style, IReadOnlyDictionary<string, Product> products, Channel channel, CategoryRules rules)
    {
        var (items, held, shown) = (new List<ChannelItem>(), new List<HeldSku>(), new List<Product>());
        foreach (var cell in style.Cells.Where(cell => !cell.Archived))
        {
            if (!products.TryGetValue(cell.Sku, out var product) || !product.Active) continue;
            // To publish it is to map it.
            var gaps = Listability.Of(product, style, channel, rules).Why.Where(gap => gap.Reason != "not-mapped").ToList();
            if (gaps.Count > 0) { held.Add(new(product.Sku, gaps)); continue; }
            shown.Add(product);
            items.Add(new(product.Sku, product.Barcode is { } barcode ? Plain(barcode) : null, [product.Colour, product.Size], channel.Currency is { } currency ? product.Prices[currency].Price : product.Price, channel.Currency,
                Code: product.Codes.FirstOrDefault(code => code.Channel == channel.Id && code.To is null)?.Code));
        }
        var common = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in shown.FirstOrDefault()?.Attributes ?? [])
            if (shown.TrueForAll(product => product.Attributes.GetValueOrDefault(name) == value)) common[name] = value;
        var told = new ChannelProduct
        {
            Style = style.Id, Title = style.Name, Category = style.Category, Images = [.. style.Images.Select(image => image.Url)], Attributes = common, Options = ["Colour", "Size"], Items = items,
            Description = Words.Select(word => common.FirstOrDefault(attribute => attribute.Key.Equals(word, StringComparison.OrdinalIgnoreCase)).Value).FirstOrDefault(text => text is not null),
            Former = [.. style.Cells.Where(cell => cell.Archived).Select(cell => cell.Sku).Order(StringComparer.Ordinal)],
        };
        var content = SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(new { told, settings = ListedStyle.SettingsOf(channel) }, Json.Options));
        return new(told, held, Convert.ToHexStringLower(content.AsSpan(0, 12)));
    }

    public bool Has(string sku) => Product.Items.Any(item => item.Sku == sku);

    /// <summary>The items that have no answer for what they are now, with what the channel calls them where that is known.</summary>
    public IReadOnlyList<ChannelItem> Open(ListedStyle known)
    {
        var told = known.Items.ToDictionary(item => item.Sku, StringComparer.Ordinal);
        return [.. Product.Items.Where(item => told.GetValueOrDefault(item.Sku)?.Content != Content)
            .Select(item => told.GetValueOrDefault(item.Sku) is { At: [var at, ..] } ? item with { ExternalId = at.Item } : item)];
    }

    // A GTIN is kept with 14 digits; a barcode is printed, and known elsewhere, without the zeros before it: 13 digits, or 12 or 8 where it is so short.
    static string Plain(string gtin) => gtin is not { Length: 14 } || gtin[0] != '0' ? gtin : gtin.StartsWith("000000", StringComparison.Ordinal) ? gtin[6..] : gtin.StartsWith("00", StringComparison.Ordinal) ? gtin[2..] : gtin[1..];
}
