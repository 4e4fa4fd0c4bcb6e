using Selvedge.Platform;

namespace Selvedge.Catalogue;

/// <summary>
/// A style over HTTP: <c>{name, season?, category?, colours?[], sizes?[], matrix: {&lt;colour&gt;: {&lt;size&gt;: {sku, barcode?, price?, …}}}}</c>.
/// What <c>GET</c> answers can be <c>PUT</c> back as it is.
/// </summary>
public static class StyleRequest
{
    public const int MostSkus = 2000;

    /// <exception cref="ProblemException">400 with the JSON pointer of every fault.</exception>
    public static StyleDraft Parse(string id, RequestFields body)
    {
        Sku.Require("style", id);
        var name = body.Text("name", 200);
        var colours = body.Texts("colours", 200, 60);
        var sizes = body.Texts("sizes", 200, 60);
        var skus = new List<SkuDraft>();
        var seen = new Dictionary<string, string>(StringComparer.Ordinal);
        if (body.Object("matrix") is { } matrix)
        {
            foreach (var (colour, row) in matrix.Members(60))
            {
                if (colours.Count > 0 && !colours.Contains(colour)) row.Add("", $"The colour '{colour}' is not among /colours.");
                foreach (var (size, cell) in row.Members(60))
                {
                    if (sizes.Count > 0 && !sizes.Contains(size)) cell.Add("", $"The size '{size}' is not among /sizes.");
                    Add(SkuOf(cell, colour, size), cell);
                }
            }
        }
        else if (!body.Has("matrix")) body.Add("matrix", "Expected an object of colours, each an object of sizes, each {sku, …}; it is missing.");
        foreach (var cell in body.Objects("archived", MostSkus)) Add(SkuOf(cell, cell.Text("colour", 60), cell.Text("size", 60)) with { Active = false }, cell);
        if (skus.Count > MostSkus) body.Add("matrix", $"Expected at most {MostSkus} SKUs, got {skus.Count}.");
        var draft = new StyleDraft(id, name, Stated.Whole, skus) { Season = body.OptionalText("season", 60), Category = body.OptionalText("category", 60), Colours = colours, Sizes = sizes };
        body.ThrowIfFaulty();
        return draft;

        void Add(SkuDraft sku, RequestFields cell)
        {
            skus.Add(sku);
            foreach (var code in sku.Codes.Prepend(sku.Sku).Concat(sku.Barcode is null ? [] : [sku.Barcode]).Where(code => code.Length > 0).Select(Alias.IdOf).Distinct())
                if (!seen.TryAdd(code, sku.Sku)) cell.Add("", sku.Sku == seen[code] ? $"SKU '{sku.Sku}' is there twice." : Aliases.Clash(code, sku.Sku, seen[code]));
        }
    }

    /// <summary>A style as the API shows it: active SKUs in the matrix, archived ones in a list, amounts as decimal strings.
    /// Costs only to callers who see value.</summary>
    public static object View(StyleAndProducts found, Caller caller)
    {
        var style = found.Style;
        return new
        {
            style.Id, style.Name, style.Season, style.Category, style.Colours, style.Sizes,
            Matrix = Matrix(style, cell => View(found.Products.GetValueOrDefault(cell.Sku), caller) ?? new { cell.Sku }),
            Archived = style.Cells.Where(cell => cell.Archived).Select(cell => View(found.Products.GetValueOrDefault(cell.Sku), caller) ?? new { cell.Sku, cell.Colour, cell.Size, Active = false }).ToList(),
            style.Version, style.UpdatedAt, style.Actor,
        };
    }

    /// <summary>A style in a list.</summary>
    public static object Summary(Style style) => new
    {
        style.Id, style.Name, style.Season, style.Category, style.Colours, style.Sizes, Skus = style.Cells.Count(cell => !cell.Archived), style.Version, style.UpdatedAt,
    };

    /// <summary>A product as the API shows it.</summary>
    public static object? View(Product? product, Caller caller) => product is null ? null : new
    {
        product.Sku, product.Style, product.Name, product.Season, product.Category, product.Colour, product.Size, product.Barcode, product.Codes,
        Price = product.Price is { } price ? Money.Text(price) : null, Cost = product.Cost is { } cost && caller.SeesValue ? Money.Text(cost) : null,
        product.Weight, product.Attributes, product.Kind, product.Components, product.Active, product.Version, product.UpdatedAt, product.Actor,
    };

    /// <summary>Colour → size → what <paramref name="cellOf"/> shows of the active SKU there, in the style's order.</summary>
    public static Dictionary<string, Dictionary<string, T>> Matrix<T>(Style style, Func<Cell, T> cellOf) => style.Colours
        .Select(colour => (Colour: colour, Row: style.Cells.Where(cell => !cell.Archived && cell.Colour == colour).ToDictionary(cell => cell.Size, StringComparer.Ordinal)))
        .Where(row => row.Row.Count > 0)
        .ToDictionary(row => row.Colour, row => style.Sizes.Where(row.Row.ContainsKey).ToDictionary(size => size, size => cellOf(row.Row[size])));

    static SkuDraft SkuOf(RequestFields cell, string colour, string size)
    {
        var sku = cell.Text("sku", 200);
        if (sku.Length > 0 && !Sku.TryParse(sku, out var problem)) cell.Add("sku", problem!);
        var barcode = cell.OptionalText("barcode", 30);
        if (barcode is not null)
        {
            if (Gtin.TryParse(barcode, out var gtin, out var wrong)) barcode = gtin.Digits;
            else cell.Add("barcode", wrong!);
        }
        var kind = cell.Word<ProductKind>("kind", ProductKind.Simple);
        var parts = cell.Objects("components", 50).Select(part => new Component(part.Text("sku", Sku.Longest), part.Whole("quantity", 1, 10_000, 1))).ToList();
        if (kind == ProductKind.Simple && parts.Count > 0) cell.Add("components", "Only a virtual or packed SKU has components. Say \"kind\": \"virtual\" or \"packed\".");
        if (kind != ProductKind.Simple && parts.Count == 0) cell.Add("components", $"A {kind.ToString().ToLowerInvariant()} SKU needs components.");
        if (parts.GroupBy(part => part.Sku).Any(group => group.Count() > 1)) cell.Add("components", "A component is there twice. Say its quantity instead.");
        if (parts.Any(part => part.Sku == sku)) cell.Add("components", "A SKU is not a component of itself.");
        var codes = cell.Texts("codes", 20, 200);
        return new SkuDraft(sku, colour, size, cell.Pointer)
        {
            Barcode = barcode, Codes = codes, Price = cell.OptionalMoney("price"), Cost = cell.OptionalMoney("cost"), Weight = cell.OptionalWhole("weight", 0, 1_000_000),
            Active = cell.Flag("active", true), Kind = kind, Components = parts,
            Attributes = cell.Object("attributes")?.TextMembers(60, 500).ToDictionary(pair => pair.Name, pair => (string?)pair.Value, StringComparer.Ordinal) ?? [],
        };
    }
}
