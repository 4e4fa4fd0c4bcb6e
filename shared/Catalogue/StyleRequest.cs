using Selvedge.Platform;

namespace Selvedge.Catalogue;

/// <summary>
/// A style over HTTP: <c>{name, season?, category?, colours?[], sizes?[], images?[], materials?[], matrix: {&lt;colour&gt;: {&lt;size&gt;: {sku, barcode?,
/// price?, …}}}}</c>. Blanks around texts are left out. What <c>GET</c> answers can be <c>PUT</c> back as it is.
/// </summary>
public static class StyleRequest
{
    public const int MostSkus = 2000;

    /// <exception cref="ProblemException">400 with the JSON pointer of every fault.</exception>
    public static StyleDraft Parse(string id, RequestFields body)
    {
        Sku.Require("style", id);
        var name = Bare(body, "name", 200, required: true) ?? "";
        var colours = body.Texts("colours", 200, 60).Select(text => text.Trim()).ToList();
        var sizes = body.Texts("sizes", 200, 60).Select(text => text.Trim()).ToList();
        var skus = new List<SkuDraft>();
        var seen = new Dictionary<string, List<(string Sku, ProductCode Code)>>(StringComparer.Ordinal);
        var now = DateTimeOffset.UtcNow;
        if (body.Object("matrix") is { } matrix)
        {
            foreach (var (colourText, row) in matrix.Members(60))
            {
                var colour = colourText.Trim();
                if (colour.Length == 0) row.Add("", "A colour's name is blank.");
                if (colours.Count > 0 && !colours.Contains(colour)) row.Add("", $"The colour '{colour}' is not among /colours.");
                foreach (var (sizeText, cell) in row.Members(60))
                {
                    var size = sizeText.Trim();
                    if (size.Length == 0) cell.Add("", "A size's name is blank.");
                    if (sizes.Count > 0 && !sizes.Contains(size)) cell.Add("", $"The size '{size}' is not among /sizes.");
                    Add(SkuOf(cell, colour, size), cell);
                }
            }
        }
        else if (!body.Has("matrix")) body.Add("matrix", "Expected an object of colours, each an object of sizes, each {sku, …}; it is missing.");
        foreach (var cell in body.Objects("archived", MostSkus)) Add(SkuOf(cell, Bare(cell, "colour", 60, required: true) ?? "", Bare(cell, "size", 60, required: true) ?? "") with { Active = false }, cell);
        if (skus.Count > MostSkus) body.Add("matrix", $"Expected at most {MostSkus} SKUs, got {skus.Count}.");
        var draft = new StyleDraft(id, name, Stated.Whole, skus)
        {
            Season = Bare(body, "season", 60), Category = Bare(body, "category", 60), Colours = colours, Sizes = sizes,
            Images = [.. body.Objects("images", 100).Select(image => (Place: image.Whole("position", 1, 1000, 1000), Image: ImageOf(image))).OrderBy(image => image.Place).Select(image => image.Image)],
            Materials = [.. body.Objects("materials", 100).Select(MaterialOf)],
        };
        body.Ignoring("id", "version", "updatedAt", "actor").ThrowIfFaulty();
        return draft;

        void Add(SkuDraft sku, RequestFields cell)
        {
            skus.Add(sku);
            foreach (var code in sku.Codes.Prepend(new(sku.Sku)).Concat(sku.Barcode is null ? [] : [new(sku.Barcode)]).Where(code => code.Code.Length > 0).DistinctBy(code => Alias.IdOf(code.Code)))
            {
                var id = Alias.IdOf(code.Code);
                if (!seen.TryGetValue(id, out var held)) seen[id] = held = [];
                if (held.Find(other => other.Code.Overlaps(code, now)) is { Sku: { } owner }) cell.Add("", sku.Sku == owner ? $"SKU '{sku.Sku}' is there twice." : Aliases.Clash(id, sku.Sku, owner));
                held.Add((sku.Sku, code));
            }
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
            Images = style.Images.Select((image, index) => new { image.Url, Position = index + 1, image.Colour, image.Alt }),
            Materials = style.Materials.Select(material => new { Material = material.Name, Quantity = Money.Text(material.Quantity), material.Unit }),
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
        Price = Amount(product.Price), CompareAt = Amount(product.CompareAt),
        Prices = product.Prices.Count == 0 ? null : product.Prices.ToDictionary(pair => pair.Key, pair => new { Price = Amount(pair.Value.Price), CompareAt = Amount(pair.Value.CompareAt) }),
        Cost = product.Cost is { } cost && caller.SeesValue ? Money.Text(cost) : null,
        product.Weight, product.Attributes, product.Kind, product.Components,
        ComponentsVersion = product.ComponentsVersion == 0 ? (long?)null : product.ComponentsVersion, product.Active, product.Version, product.UpdatedAt, product.Actor,
    };

    /// <summary>Colour → size → what <paramref name="cellOf"/> shows of the active SKU there, in the style's order.</summary>
    public static Dictionary<string, Dictionary<string, T>> Matrix<T>(Style style, Func<Cell, T> cellOf) => style.Colours
        .Select(colour => (Colour: colour, Row: style.Cells.Where(cell => !cell.Archived && cell.Colour == colour).ToDictionary(cell => cell.Size, StringComparer.Ordinal)))
        .Where(row => row.Row.Count > 0)
        .ToDictionary(row => row.Colour, row => style.Sizes.Where(row.Row.ContainsKey).ToDictionary(size => size, size => cellOf(row.Row[size])));

    static SkuDraft SkuOf(RequestFields cell, string colour, string size)
    {
        cell.Ignoring("style", "name", "season", "category", "colour", "size", "componentsVersion", "version", "updatedAt", "actor");
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
        var prices = cell.Object("prices")?.Members(3).ToDictionary(pair => pair.Name, pair => PriceOf(pair.Name, pair.Value), StringComparer.Ordinal) ?? [];
        return new SkuDraft(sku, colour, size, cell.Pointer)
        {
            Barcode = barcode, Codes = CodesOf(cell), Price = cell.OptionalMoney("price"), CompareAt = cell.OptionalMoney("compareAt"), Prices = prices, Cost = cell.OptionalMoney("cost"), Weight = cell.OptionalWhole("weight", 0, 1_000_000),
            Active = cell.Flag("active", true), Kind = kind, Components = parts,
            Attributes = AttributesOf(cell),
        };
    }

    static Dictionary<string, string?> AttributesOf(RequestFields cell)
    {
        var attributes = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (var (name, value) in cell.Object("attributes")?.TextMembers(60, 500) ?? [])
        {
            if (name.Trim().Length == 0 || value.Trim().Length == 0) cell.Add("attributes", $"The attribute '{name}' is blank. Leave it out instead.");
            else if (!attributes.TryAdd(name.Trim(), value.Trim())) cell.Add("attributes", $"The attribute '{name.Trim()}' is there twice.");
        }
        return attributes;
    }

    static List<ProductCode> CodesOf(RequestFields cell)
    {
        var codes = new List<ProductCode>();
        foreach (var (index, text, members) in cell.TextsOrObjects("codes", 50, 200))
        {
            var code = members is null ? new ProductCode(text!) : new(members.Text("code", 200), members.Instant("from"), members.Instant("to"), members.OptionalText("channel", 40));
            if (code.From >= code.To) members!.Add("to", "It ends before it begins.");
            if (code.Code.Length > 0 && !Aliases.IsCode(code.Code)) cell.Add("codes", $"{index}", "It is blank or not well-formed text.");
            code = code with { Code = code.Code.Trim() };
            if (codes.Exists(other => Alias.IdOf(other.Code) == Alias.IdOf(code.Code))) cell.Add("codes", $"{index}", $"'{code.Code}' is there twice.");
            codes.Add(code);
        }
        return codes;
    }

    static PriceTag? PriceOf(string currency, RequestFields tag)
    {
        if (!IsCurrency(currency)) tag.Add("", "Expected three capital letters (ISO 4217), e.g. \"USD\".");
        var price = tag.OptionalMoney("price");
        if (!tag.Has("price")) tag.Add("price", "Expected an amount, e.g. \"49.90\"; it is missing.");
        return new(price ?? 0, tag.OptionalMoney("compareAt"));
    }

    static StyleImage ImageOf(RequestFields image)
    {
        var url = image.Text("url", 2000);
        if (url.Length > 0 && !IsUrl(url)) image.Add("url", "Expected an absolute http or https address.");
        return new(url, Bare(image, "colour", 60), Bare(image, "alt", 300));
    }

    static Material MaterialOf(RequestFields material)
    {
        if (!material.Has("quantity")) material.Add("quantity", "Expected a quantity, e.g. \"1.35\"; it is missing.");
        return new(Bare(material, "material", 100, required: true) ?? "", material.OptionalMoney("quantity") ?? 0, Bare(material, "unit", 20, required: true) ?? "");
    }

    internal static bool IsUrl(string text) => !text.Any(char.IsWhiteSpace) && Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https";
    internal static bool IsCurrency(string text) => text.Length == 3 && text.All(char.IsAsciiLetterUpper);

    static string? Amount(long? amount) => amount is { } value ? Money.Text(value) : null;

    // The text without blanks at its ends, so that it comes back the same from a file.
    static string? Bare(RequestFields fields, string name, int longest, bool required = false)
    {
        var text = required ? fields.Text(name, longest) : fields.OptionalText(name, longest);
        if (text is not { Length: > 0 }) return text;
        if (text.Trim() is { Length: > 0 } bare) return bare;
        fields.Add(name, "It is blank.");
        return null;
    }
}
