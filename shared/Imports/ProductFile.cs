using System.Globalization;
using Selvedge.Catalogue;
using Selvedge.Platform;

namespace Selvedge.Imports;

/// <summary>
/// Products in a CSV file, one SKU a line: <c>style,name,colour,size,sku</c> and, as wanted, <c>barcode,codes,price,compareAt,cost,weight,season,category,
/// status,kind,components,images,materials</c>, <c>price:&lt;currency&gt;</c>, <c>compareAt:&lt;currency&gt;</c> and <c>attribute:&lt;name&gt;</c>. Images and materials are
/// the style's: they stand on one of its lines, or on several alike. Fields with several values are as in <see cref="CellList"/>.
/// </summary>
public sealed class ProductFile : ProductSource
{
    static readonly string[] Known =
    [
        "*style", "*name", "*colour|color", "*size", "*sku", "barcode|gtin|ean|upc", "codes", "price", "compareAt", "cost", "weight", "season", "category", "status",
        "kind", "components", "images", "materials",
    ];
    readonly List<StyleLines> styles = [];
    readonly CsvFile file;
    readonly Columns columns;
    readonly ImportErrors errors;
    readonly Stated stated;

    /// <summary>Opens and checks a file; null when its heading is wrong (<paramref name="errors"/> says how).</summary>
    public static ProductFile? Open(ReadOnlyMemory<byte> bytes, ImportErrors errors)
    {
        if (CsvFile.Open(bytes, errors) is not { } file) return null;
        var columns = new Columns(file, Known, attributes: true, errors);
        return errors.Count > 0 ? null : new(file, columns, errors);
    }

    ProductFile(CsvFile file, Columns columns, ImportErrors errors)
    {
        (this.file, this.columns, this.errors) = (file, columns, errors);
        foreach (var (column, fact) in new[]
        {
            ("barcode", Stated.Barcode), ("codes", Stated.Codes), ("price", Stated.Price), ("compareAt", Stated.CompareAt), ("cost", Stated.Cost), ("weight", Stated.Weight), ("season", Stated.Season),
            ("category", Stated.Category), ("status", Stated.Status), ("kind", Stated.Composition), ("components", Stated.Composition), ("images", Stated.Images), ("materials", Stated.Materials),
        })
            if (columns.Has(column)) stated |= fact;
        var byId = new Dictionary<string, StyleLines>(StringComparer.Ordinal);
        while (Rows < MostRows && file.Next(out var row)) Check(row, byId);
        if (Rows == MostRows && file.Next(out var next)) errors.Add(next.Line, 0, null, null, $"The file has more than {MostRows:N0} lines with a SKU. Send it in parts, each with its heading.");
        if (Rows == 0 && errors.Count == 0) errors.Add(file.HeaderLine, 0, null, null, "The file has a heading but no lines.");
        styles.ForEach(style => style.Checked());
        Checked();
    }

    public override int Styles => styles.Count;
    public override int RowsOf(int style) => styles[style].Lines.Count;
    public override void Note(Objection objection) => columns.Note(objection);

    public override StyleDraft Draft(int style)
    {
        var lines = styles[style];
        var skus = new List<SkuDraft>(lines.Lines.Count);
        errors.Muted = true;
        foreach (var (at, line) in lines.Lines) skus.Add(ReadSku(file.Again(at, line)));
        errors.Muted = false;
        return lines.First with { Skus = skus };
    }

    void Check(CsvRow row, Dictionary<string, StyleLines> byId)
    {
        Rows++;
        var id = columns[row, "style"];
        var wrong = Sku.Problem(id, Sku.Longest);
        if (wrong is not null) columns.Fault(row, "style", wrong);
        var draft = new StyleDraft(id, columns.Words(row, "name", 200, required: true) ?? "", stated, [])
        {
            Season = columns.Words(row, "season", 60), Category = columns.Words(row, "category", 60), Images = CellFields.Images(columns, row), Materials = CellFields.Materials(columns, row),
        };
        var sku = ReadSku(row);
        Parts.UnionWith(sku.Components.Select(part => part.Sku));
        if (wrong is not null || !Sku.TryParse(sku.Sku, out _)) return;
        if (!byId.TryGetValue(id, out var lines))
        {
            byId[id] = lines = new(draft, row.Line);
            styles.Add(lines);
        }
        lines.Check(draft, sku, row, columns);
        var repeated = Unique(new(sku.Sku), "sku");
        if (sku.Barcode is { } barcode) Unique(new(barcode), "barcode");
        foreach (var code in sku.Codes) Unique(code, "codes");
        if (!repeated) lines.Lines.Add((row.At, row.Line));

        bool Unique(ProductCode code, string column)
        {
            if (Taken(code, sku.Sku, row.Line) is not var (other, line)) return false;
            columns.Fault(row, column, other == sku.Sku ? $"SKU '{other}' is on line {line} already." : $"'{code.Code}' is a code of SKU '{other}' on line {line}; it cannot be one of SKU '{sku.Sku}' too.");
            return other == sku.Sku;
        }
    }

    SkuDraft ReadSku(CsvRow row)
    {
        var sku = columns[row, "sku"];
        if (!Sku.TryParse(sku, out var problem)) columns.Fault(row, "sku", problem!);
        string? barcode = null;
        if (columns[row, "barcode"] is { Length: > 0 } digits)
        {
            if (Gtin.TryParse(digits, out var gtin, out var wrong)) barcode = gtin.Digits;
            else columns.Fault(row, "barcode", wrong!);
        }
        var status = columns[row, "status"];
        if (status is not ("" or "active" or "archived")) columns.Fault(row, "status", "It is neither 'active' nor 'archived'.");
        var draft = new SkuDraft(sku, columns.Words(row, "colour", 60, required: true) ?? "", columns.Words(row, "size", 60, required: true) ?? "", row.Line.ToString(CultureInfo.InvariantCulture))
        {
            Barcode = barcode, Codes = CellFields.Codes(columns, row), Price = columns.Amount(row, "price"), CompareAt = columns.Amount(row, "compareAt"), Cost = columns.Amount(row, "cost"),
            Weight = columns.Whole(row, "weight", 1_000_000), Active = status != "archived", Kind = CellFields.Kind(columns, row), Components = CellFields.Components(columns, row, sku),
        };
        if (columns.Currencies.Count > 0) draft = draft with { Prices = CellFields.Prices(columns, row) };
        if (columns.Attributes.Count == 0) return draft;
        var attributes = new Dictionary<string, string?>(columns.Attributes.Count, StringComparer.Ordinal);
        foreach (var column in columns.Attributes) attributes[column.Name] = columns.Attribute(row, column);
        return draft with { Attributes = attributes };
    }

    /// <summary>The lines of one style, which must agree about it.</summary>
    sealed class StyleLines(StyleDraft first, int line)
    {
        Dictionary<string, string>? spellings = new(StringComparer.OrdinalIgnoreCase);

        public StyleDraft First { get; private set; } = first;
        public List<(int At, int Line)> Lines { get; } = [];

        public void Checked() => spellings = null;

        public void Check(StyleDraft draft, SkuDraft sku, CsvRow row, Columns columns)
        {
            Agree("name", First.Name, draft.Name);
            Agree("season", First.Season, draft.Season);
            Agree("category", First.Category, draft.Category);
            // Images and materials are long: they may stand on one line only.
            if (draft.Images.Count > 0 && First.Images.Count == 0) First = First with { Images = draft.Images };
            else if (draft.Images.Count > 0 && !draft.Images.SequenceEqual(First.Images)) columns.Fault(row, "images", $"Style '{First.Id}' has other images on an earlier line.");
            if (draft.Materials.Count > 0 && First.Materials.Count == 0) First = First with { Materials = draft.Materials };
            else if (draft.Materials.Count > 0 && !draft.Materials.SequenceEqual(First.Materials)) columns.Fault(row, "materials", $"Style '{First.Id}' has other materials on an earlier line.");
            Spelling("colour", sku.Colour);
            Spelling("size", sku.Size);

            void Agree(string column, string? there, string? here)
            {
                // A name that is empty was told already.
                if (there != here && there != "" && here != "") columns.Fault(row, column, $"Style '{First.Id}' has the {column} '{there}' on line {line}.");
            }
            void Spelling(string column, string text)
            {
                if (!spellings!.TryAdd(column + text, text) && spellings[column + text] != text) columns.Fault(row, column, $"Style '{First.Id}' has '{spellings[column + text]}' on an earlier line. Spell it alike.");
            }
        }
    }
}
