using System.Globalization;
using Selvedge.Catalogue;
using Selvedge.Platform;

namespace Selvedge.Imports;

/// <summary>Reads the fields that hold several values, and writes them.</summary>
static class CellFields
{
    public static List<ProductCode> Codes(Columns columns, CsvRow row)
    {
        var codes = new List<ProductCode>();
        foreach (var parts in Split(columns, row, "codes", 4, 50))
        {
            var code = new ProductCode(parts[0], Instant(parts.ElementAtOrDefault(2)), Instant(parts.ElementAtOrDefault(3)), parts.ElementAtOrDefault(1) is { Length: > 0 } channel ? channel : null);
            if (!Aliases.IsCode(code.Code)) columns.Fault(row, "codes", $"'{code.Code}' is no code: it has 1 to 200 characters.");
            else if (code.From >= code.To) columns.Fault(row, "codes", $"'{code.Code}' ends before it begins.");
            else if (codes.Exists(other => Alias.IdOf(other.Code) == Alias.IdOf(code.Code))) columns.Fault(row, "codes", $"'{code.Code}' is there twice.");
            else codes.Add(code);
        }
        return codes;

        DateTimeOffset? Instant(string? text)
        {
            if (text is not { Length: > 0 }) return null;
            if (InstantConverter.TryParse(text, out var at)) return at;
            columns.Fault(row, "codes", $"'{text}' is no date. Write code|channel|from|to with dates like 2026-11-23.");
            return null;
        }
    }

    public static ProductKind Kind(Columns columns, CsvRow row)
    {
        var text = columns[row, "kind"];
        if (text.Length == 0) return ProductKind.Simple;
        if (!char.IsAsciiDigit(text[0]) && Enum.TryParse<ProductKind>(text, ignoreCase: true, out var kind)) return kind;
        columns.Fault(row, "kind", "It is none of simple, virtual, packed.");
        return ProductKind.Simple;
    }

    public static List<Component> Components(Columns columns, CsvRow row, string sku)
    {
        var components = new List<Component>();
        foreach (var parts in Split(columns, row, "components", 2, 50))
        {
            var quantity = 1L;
            if (parts.Length > 1 && (!long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out quantity) || quantity is < 1 or > 10_000)) columns.Fault(row, "components", $"'{parts[1]}' is no whole number from 1 to 10000. Write sku|quantity.");
            else if (parts[0] == sku) columns.Fault(row, "components", "A SKU is not a component of itself.");
            else if (components.Exists(part => part.Sku == parts[0])) columns.Fault(row, "components", $"'{parts[0]}' is there twice. Say its quantity instead.");
            else components.Add(new(parts[0], quantity));
        }
        if (columns[row, "kind"].Length > 0 || components.Count > 0)
        {
            var kind = Kind(columns, row);
            if (kind == ProductKind.Simple && components.Count > 0) columns.Fault(row, "components", "Only a virtual or packed SKU has components. Say so in the column 'kind'.");
            if (kind != ProductKind.Simple && components.Count == 0) columns.Fault(row, "components", "A virtual or packed SKU needs components: sku|quantity, one a line.");
        }
        return components;
    }

    public static List<StyleImage> Images(Columns columns, CsvRow row)
    {
        var images = new List<StyleImage>();
        foreach (var parts in Split(columns, row, "images", 3, 100))
        {
            if (!StyleRequest.IsUrl(parts[0]) || parts[0].Length > 2000) columns.Fault(row, "images", $"'{(parts[0].Length > 60 ? parts[0][..60] : parts[0])}' is no absolute http or https address. Write address|colour|description.");
            else images.Add(new(parts[0], Text(parts, 1), Text(parts, 2)));
        }
        return images;
    }

    public static List<Material> Materials(Columns columns, CsvRow row)
    {
        var materials = new List<Material>();
        foreach (var parts in Split(columns, row, "materials", 3, 100))
        {
            if (parts.Length == 3 && parts[0].Length > 0 && parts[2].Length > 0 && Money.TryParse(parts[1], out var quantity) && quantity >= 0) materials.Add(new(parts[0], quantity, parts[2]));
            else columns.Fault(row, "materials", $"'{string.Join('|', parts)}' is no line of a bill of materials. Write material|quantity|unit, e.g. Linen 180 g|1.35|m.");
        }
        return materials;
    }

    public static Dictionary<string, PriceTag?> Prices(Columns columns, CsvRow row)
    {
        var prices = new Dictionary<string, PriceTag?>(StringComparer.Ordinal);
        foreach (var currency in columns.Currencies)
        {
            var (price, compare) = (columns.Amount(row, "price:" + currency), columns.Amount(row, "compareat:" + currency));
            if (price is null && compare is not null) columns.Fault(row, "compareat:" + currency, $"There is no price:{currency} to compare it with.");
            prices[currency] = price is { } amount ? new(amount, compare) : null;
        }
        return prices;
    }

    public static string Text(IReadOnlyList<ProductCode> codes) => CellList.Join(codes.Select(code => new[] { code.Code, code.Channel, Text(code.From), Text(code.To) }));
    public static string Text(IReadOnlyList<Component> components) => CellList.Join(components.Select(part => new[] { part.Sku, part.Quantity.ToString(CultureInfo.InvariantCulture) }));
    public static string Text(IReadOnlyList<StyleImage> images) => CellList.Join(images.Select(image => new[] { image.Url, image.Colour, image.Alt }));
    public static string Text(IReadOnlyList<Material> materials) => CellList.Join(materials.Select(material => new[] { material.Name, Money.Text(material.Quantity), material.Unit }));

    static string? Text(DateTimeOffset? at) => at is { } instant ? InstantConverter.Text(instant) : null;
    static string? Text(string[] parts, int at) => parts.ElementAtOrDefault(at) is { Length: > 0 } text ? text : null;

    static IReadOnlyList<string[]> Split(Columns columns, CsvRow row, string column, int mostParts, int mostItems)
    {
        if (columns[row, column] is not { Length: > 0 } text) return [];
        var items = CellList.Split(text);
        if (items.Count <= mostItems && items.All(parts => parts.Length <= mostParts)) return items;
        columns.Fault(row, column, items.Count > mostItems ? $"It has {items.Count} lines; at most {mostItems} are allowed." : $"A line has more than {mostParts} parts. Write \\| for a | that belongs to the text.");
        return [];
    }
}
