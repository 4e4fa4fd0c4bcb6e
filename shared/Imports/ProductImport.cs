using System.Globalization;
using Selvedge.Catalogue;
using Selvedge.Platform;

namespace Selvedge.Imports;

/// <summary>How many were made, changed, and as the file says already.</summary>
public sealed record Tally(int Created, int Updated, int Unchanged);

/// <summary>What a product import did, or with <paramref name="DryRun"/> would do.</summary>
public sealed record ProductImportResult(string Import, bool DryRun, int Rows, Tally Styles, Tally Skus);

/// <summary>
/// Products from a CSV file, one SKU a line: <c>style,name,colour,size,sku</c> and, as wanted, <c>barcode,price,cost,weight,season,category,status</c>
/// and <c>attribute:&lt;name&gt;</c> columns. What has no column stays as it is; an empty field clears. SKUs that are not in the file are left alone.
/// The whole file is checked, against itself and the catalogue, before anything is written; the same file again changes nothing and completes
/// an import that died.
/// </summary>
public sealed class ProductImport(ProductCatalogue catalogue)
{
    const int Width = 16, MostAttempts = 20;
    static readonly string[] Known = ["*style", "*name", "*colour|color", "*size", "*sku", "barcode|gtin|ean|upc", "price", "cost", "weight", "season", "category", "status"];

    /// <param name="file">The file's bytes.</param>
    /// <param name="import">Names the import in the answer.</param>
    /// <param name="dryRun">Checks and counts only.</param>
    /// <param name="actor">Who.</param>
    /// <param name="cancel">Cancels before writing begins.</param>
    /// <exception cref="ProblemException">400 <c>import-invalid</c> with every error; 409 or 503 when others changed the same styles meanwhile.</exception>
    public async Task<ProductImportResult> RunAsync(ReadOnlyMemory<byte> file, string import, bool dryRun, string actor, CancellationToken cancel = default)
    {
        var errors = new ImportErrors();
        var (drafts, columns) = Read(file.Span, errors);
        if (columns is null) errors.ThrowIfAny();
        // Errors against the catalogue are told together with those of the file itself.
        var plan = await catalogue.PlanAsync(drafts, actor, cancel);
        foreach (var objection in plan.Objections) columns!.Note(objection);
        errors.ThrowIfAny();

        if (!dryRun)
        {
            await Parallel.ForEachAsync(plan.Styles.Where(style => !style.IsUnchanged), new ParallelOptions { MaxDegreeOfParallelism = Width },
                async (style, _) => await WriteAsync(style, plan.Claims[style.Style.Id], drafts, actor));
        }
        var skus = drafts.Sum(draft => draft.Skus.Count);
        var created = plan.Styles.Sum(style => style.Created);
        var changed = plan.Styles.Sum(style => style.Changed.Count);
        var (made, same) = (plan.Styles.Count(style => style.Before is null), plan.Styles.Count(style => style.IsUnchanged));
        return new(import, dryRun, skus, new(made, plan.Styles.Count - made - same, same), new(created, changed - created, Math.Max(0, skus - changed)));
    }

    async Task WriteAsync(StylePlan style, IReadOnlyList<AliasClaim> claims, IReadOnlyList<StyleDraft> drafts, string actor)
    {
        for (var attempt = 1; !await catalogue.WriteAsync(style, claims); attempt++)
        {
            if (attempt == MostAttempts) throw ProblemException.Busy($"Style '{style.Style.Id}' is being written by others. Send the same file again: what is done is not done twice.");
            await catalogue.PauseAsync(attempt, CancellationToken.None);
            var again = await catalogue.PlanAsync([drafts.First(draft => draft.Id == style.Style.Id)], actor);
            if (again.Objections.Count > 0) throw ProblemException.Conflict("catalogue-conflict", "It contradicts the catalogue", $"{again.Objections[0].Detail} Part of the file is written; correct it and send it again.");
            (style, claims) = (again.Styles[0], again.Claims[style.Style.Id]);
        }
    }

    /// <summary>Reads and checks the file by itself: a draft per style, in the file's order. Knows no store.</summary>
    internal static (IReadOnlyList<StyleDraft> Drafts, Columns? Columns) Read(ReadOnlySpan<byte> bytes, ImportErrors errors)
    {
        if (CsvFile.Open(bytes, errors) is not { } file) return ([], null);
        var columns = new Columns(file, Known, attributes: true, errors);
        if (errors.Count > 0) return ([], null);
        var stated = Stated.None;
        foreach (var (column, fact) in new[] { ("barcode", Stated.Barcode), ("price", Stated.Price), ("cost", Stated.Cost), ("weight", Stated.Weight), ("season", Stated.Season), ("category", Stated.Category), ("status", Stated.Status) })
            if (columns.Has(column)) stated |= fact;

        var styles = new Dictionary<string, StyleLines>(StringComparer.Ordinal);
        var codes = new Dictionary<string, (string Sku, int Line)>(StringComparer.Ordinal);
        var rows = 0;
        while (file.Next(out var row))
        {
            rows++;
            var style = columns[row, "style"];
            var wrong = Sku.Problem(style, Sku.Longest);
            if (wrong is not null) columns.Fault(row, "style", wrong);
            var draft = new StyleDraft(style, columns.Words(row, "name", 200, required: true) ?? "", stated, []) { Season = columns.Words(row, "season", 60), Category = columns.Words(row, "category", 60) };
            var sku = ReadSku(columns, row);
            if (wrong is not null || !Sku.TryParse(sku.Sku, out _)) continue;
            if (!styles.TryGetValue(style, out var lines)) styles[style] = lines = new(draft, row.Line);
            lines.Add(draft, sku, row, columns);
            Unique(sku.Sku, "sku");
            if (sku.Barcode is { } barcode) Unique(barcode, "barcode");

            void Unique(string code, string column)
            {
                if (codes.TryAdd(Alias.IdOf(code), (sku.Sku, row.Line))) return;
                var (other, line) = codes[Alias.IdOf(code)];
                if (line == row.Line) return;
                columns.Fault(row, column, other == sku.Sku ? $"SKU '{other}' is on line {line} already." : $"'{code}' is a code of SKU '{other}' on line {line}; it cannot be one of SKU '{sku.Sku}' too.");
            }
        }
        if (rows == 0 && errors.Count == 0) errors.Add(file.HeaderLine, 0, null, null, "The file has a heading but no lines.");
        return ([.. styles.Values.Select(lines => lines.Draft)], columns);
    }

    static SkuDraft ReadSku(Columns columns, CsvRow row)
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
        Dictionary<string, string?>? attributes = null;
        foreach (var column in columns.Attributes) (attributes ??= new(StringComparer.Ordinal))[column.Name] = columns.Attribute(row, column);
        var draft = new SkuDraft(sku, columns.Words(row, "colour", 60, required: true) ?? "", columns.Words(row, "size", 60, required: true) ?? "", row.Line.ToString(CultureInfo.InvariantCulture))
        {
            Barcode = barcode, Price = columns.Amount(row, "price"), Cost = columns.Amount(row, "cost"), Weight = columns.Whole(row, "weight", 1_000_000), Active = status != "archived",
        };
        return attributes is null ? draft : draft with { Attributes = attributes };
    }

    /// <summary>The lines of one style, which must agree about it.</summary>
    sealed class StyleLines(StyleDraft first, int line)
    {
        readonly List<SkuDraft> skus = [];
        readonly HashSet<string> seen = new(StringComparer.Ordinal);
        readonly Dictionary<string, string> spellings = new(StringComparer.OrdinalIgnoreCase);

        public StyleDraft Draft => first with { Skus = skus };

        public void Add(StyleDraft draft, SkuDraft sku, CsvRow row, Columns columns)
        {
            Agree("name", first.Name, draft.Name);
            Agree("season", first.Season, draft.Season);
            Agree("category", first.Category, draft.Category);
            Spelling("colour", sku.Colour);
            Spelling("size", sku.Size);
            if (seen.Add(sku.Sku)) skus.Add(sku);

            void Agree(string column, string? there, string? here)
            {
                // A name that is empty was told already.
                if (there != here && there != "" && here != "") columns.Fault(row, column, $"Style '{first.Id}' has the {column} '{there}' on line {line}.");
            }
            void Spelling(string column, string text)
            {
                if (!spellings.TryAdd(column + text, text) && spellings[column + text] != text) columns.Fault(row, column, $"Style '{first.Id}' has '{spellings[column + text]}' on an earlier line. Spell it alike.");
            }
        }
    }
}
