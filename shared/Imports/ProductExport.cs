using System.Buffers;
using System.Text;
using System.Text.Json;
using Selvedge.Catalogue;
using Selvedge.Platform;

namespace Selvedge.Imports;

/// <summary>
/// The catalogue as a file that <see cref="ProductImport"/> takes and finds nothing to change. Written style by style, so that a catalogue of any size
/// takes little memory. It is no snapshot: a style written meanwhile is there as it was or as it is.
/// </summary>
public sealed class ProductExport(ProductCatalogue catalogue)
{
    const int Page = 50;
    static readonly SearchValues<char> Quoted = SearchValues.Create(",;\t\"\r\n");
    static readonly string[] Columns =
    [
        "style", "name", "season", "category", "colour", "size", "sku", "barcode", "codes", "price", "compareAt", "cost", "weight", "status", "kind", "components", "images", "materials",
    ];

    /// <summary>Writes UTF-8 CSV with a byte order mark, which spreadsheets need to read it right. Attributes and currencies have a column each; formulas are made safe
    /// (<see cref="CsvFile.Safe"/>).</summary>
    public async Task WriteCsvAsync(Stream to, string? season, CancellationToken cancel)
    {
        // Which columns there are is known only when all products were seen: they are read twice.
        var (attributes, currencies) = (new SortedSet<string>(StringComparer.Ordinal), new SortedSet<string>(StringComparer.Ordinal));
        await foreach (var style in StylesAsync(season, cancel))
            foreach (var product in style.Products.Values)
            {
                attributes.UnionWith(product.Attributes.Keys);
                currencies.UnionWith(product.Prices.Keys);
            }
        await using var writer = new StreamWriter(to, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true), leaveOpen: true);
        var lines = new StringBuilder();
        Line(lines, [.. Columns, .. currencies.SelectMany(currency => new[] { "price:" + currency, "compareAt:" + currency }), .. attributes.Select(name => "attribute:" + name)]);
        await foreach (var (style, products) in StylesAsync(season, cancel))
        {
            var first = true;
            foreach (var cell in InOrder(style))
            {
                if (!products.TryGetValue(cell.Sku, out var product)) continue;
                Line(lines, [.. Fields(style, product, cell, first), .. currencies.SelectMany(currency => new[] { Amount(product.Prices.GetValueOrDefault(currency)?.Price), Amount(product.Prices.GetValueOrDefault(currency)?.CompareAt) }),
                    .. attributes.Select(name => product.Attributes.GetValueOrDefault(name) ?? "")]);
                first = false;
            }
            await FlushAsync();
        }
        await FlushAsync();

        async Task FlushAsync()
        {
            await writer.WriteAsync(lines, cancel);
            await writer.FlushAsync(cancel);
            lines.Clear();
        }
    }

    /// <summary>Writes a JSON list of styles, one a line, each as <c>GET api/styles/{id}</c> shows it to <paramref name="caller"/>.</summary>
    public async Task WriteJsonAsync(Stream to, string? season, Caller caller, CancellationToken cancel)
    {
        var separator = "[\n"u8.ToArray();
        await foreach (var style in StylesAsync(season, cancel))
        {
            await to.WriteAsync(separator, cancel);
            await JsonSerializer.SerializeAsync(to, StyleRequest.View(style, caller), Json.Options, cancel);
            separator = ",\n"u8.ToArray();
        }
        await to.WriteAsync(separator[0] == '[' ? "[]\n"u8.ToArray() : "\n]\n"u8.ToArray(), cancel);
    }

    async IAsyncEnumerable<StyleAndProducts> StylesAsync(string? season, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        string? continuation = null;
        do
        {
            (var styles, continuation) = await catalogue.ListStylesAsync(Page, continuation, season, cancel);
            var products = await catalogue.FindProductsAsync(styles.SelectMany(style => style.Cells).Select(cell => cell.Sku), cancel);
            foreach (var style in styles)
                yield return new(style, style.Cells.Where(cell => products.ContainsKey(cell.Sku)).ToDictionary(cell => cell.Sku, cell => products[cell.Sku], StringComparer.Ordinal));
        }
        while (continuation is not null);
    }

    // Colours and sizes in the style's order, so that a new catalogue has them in that order too.
    static IEnumerable<Cell> InOrder(Style style)
    {
        var (colours, sizes) = (style.Colours.ToList(), style.Sizes.ToList());
        return style.Cells.OrderBy(cell => colours.IndexOf(cell.Colour)).ThenBy(cell => sizes.IndexOf(cell.Size));
    }

    static string[] Fields(Style style, Product product, Cell cell, bool first) =>
    [
        style.Id, style.Name, style.Season ?? "", style.Category ?? "", cell.Colour, cell.Size, product.Sku, product.Barcode ?? "", CellFields.Text(product.Codes),
        Amount(product.Price), Amount(product.CompareAt), Amount(product.Cost), product.Weight?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "",
        product.Active ? "active" : "archived", product.Kind.ToString().ToLowerInvariant(), CellFields.Text(product.Components),
        first ? CellFields.Text(style.Images) : "", first ? CellFields.Text(style.Materials) : "",
    ];

    static string Amount(long? amount) => amount is { } value ? Money.Text(value) : "";

    static void Line(StringBuilder lines, string[] fields)
    {
        for (var i = 0; i < fields.Length; i++)
        {
            if (i > 0) lines.Append(',');
            var text = CsvFile.Safe(fields[i]);
            if (text.AsSpan().IndexOfAny(Quoted) < 0) lines.Append(text);
            else lines.Append('"').Append(text.Replace("\"", "\"\"", StringComparison.Ordinal)).Append('"');
        }
        lines.Append("\r\n");
    }
}
