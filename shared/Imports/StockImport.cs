using System.Globalization;
using Selvedge.Catalogue;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Imports;

/// <summary>What a stock import did, or with <paramref name="DryRun"/> would do: lines posted, posted before, and without units; and the units of the
/// lines posted.</summary>
public sealed record StockImportResult(string Import, bool DryRun, int Rows, int Posted, int Repeated, int Empty, long Units);

/// <summary>
/// Opening stock from a CSV file: <c>sku,location,quantity</c> and <c>unitCost</c> (else the product's cost). The SKU may be a GTIN or another code. The
/// whole file is checked before anything is posted. A SKU has one opening stock at a location, with the key <c>opening:&lt;location&gt;</c>: an import
/// that died is completed by the same file, a file that was saved again or put in another order posts nothing twice, and another quantity than was
/// posted is an error. What changes later is counted, received or adjusted.
/// </summary>
public sealed class StockImport(ProductCatalogue catalogue, Aliases aliases, Locations locations, InventoryLedger ledger, LedgerReads reads)
{
    const long MostUnits = 10_000_000;
    const int Width = 64;
    static readonly string[] Known = ["*sku|barcode|gtin|ean|upc", "*location", "*quantity|qty", "unitCost|cost"];

    internal sealed record Line(CsvRow Row, string Code, string Location, long Quantity, long? UnitCost);

    /// <param name="file">The file's bytes.</param>
    /// <param name="import">What it is called: the hash of the file, or the caller's idempotency key.</param>
    /// <param name="dryRun">Checks and counts only.</param>
    /// <param name="actor">Who.</param>
    /// <param name="reaches">Which locations the caller may post to.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancel">Cancels before posting begins.</param>
    /// <exception cref="ProblemException">400 <c>import-invalid</c> with every error; 503 when the ledger could not be reached: send the same file again.</exception>
    public async Task<StockImportResult> RunAsync(ReadOnlyMemory<byte> file, string import, bool dryRun, string actor, Func<string, bool> reaches, ImportProgress? progress = null, CancellationToken cancel = default)
    {
        progress ??= new();
        var errors = new ImportErrors();
        var (lines, columns) = Read(file, errors);
        if (columns is null) errors.ThrowIfAny();
        var products = await CheckAsync(lines, columns!, reaches, cancel);
        var known = await KnownAsync(lines, products, columns!, reaches, cancel);
        (progress.Total, progress.Errors) = (lines.Count, errors.Count);
        progress.AddRead(lines.Count);
        errors.ThrowIfAny();

        var filled = lines.Where(line => line.Quantity > 0).ToList();
        var due = filled.Where(line => !known.Contains(line)).ToList();
        var (posted, repeated, units) = (0, filled.Count - due.Count, 0L);
        if (dryRun) (posted, units) = (due.Count, due.Sum(line => line.Quantity));
        else
        {
            progress.AddWritten(repeated);
            await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = Width }, async (line, _) =>
            {
                if (await PostAsync(line, products[line.Code], actor))
                {
                    Interlocked.Increment(ref posted);
                    Interlocked.Add(ref units, line.Quantity);
                }
                else Interlocked.Increment(ref repeated);
                progress.AddWritten(1);
            });
        }
        return new(import, dryRun, lines.Count, posted, repeated, lines.Count - filled.Count, units);
    }

    static string KeyOf(string location) => Ids.Join(["opening", location], Ids.CosmosLimit - 2);

    async Task<bool> PostAsync(Line line, Product product, string actor)
    {
        try
        {
            var outcome = await ledger.ExecuteAsync(new Post
            {
                Sku = product.Sku, Kind = PostKind.Receive, From = Accounts.Supplier, To = Accounts.OnHand(line.Location), Quantity = line.Quantity,
                UnitCost = line.UnitCost ?? product.Cost, Actor = actor, Reason = "Opening stock", Id = KeyOf(line.Location),
            });
            return !outcome.Repeated;
        }
        catch (ProblemException reused) when (reused.Status == 422)
        {
            // Another import posted it since this one looked.
            throw ProblemException.Conflict("opening-stock", "Another import posts the same", $"SKU '{product.Sku}' has another opening stock at '{line.Location}' by now (line {line.Row.Line}). Send the file again with dryRun=true to see what differs.");
        }
    }

    // The lines whose opening stock is posted; those that say another are errors.
    async Task<HashSet<Line>> KnownAsync(IReadOnlyList<Line> lines, IReadOnlyDictionary<string, Product> products, Columns columns, Func<string, bool> reaches, CancellationToken cancel)
    {
        var known = new HashSet<Line>(ReferenceEqualityComparer.Instance);
        var differing = new List<(Line Line, string Detail)>();
        await Parallel.ForEachAsync(lines.Where(line => products.ContainsKey(line.Code) && line.Location.Length > 0 && reaches(line.Location)), new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = cancel }, async (line, token) =>
        {
            if (await reads.EntryAsync(products[line.Code].Sku, KeyOf(line.Location), token) is not { Moves: { } moves } entry) return;
            var (units, value) = (moves.Sum(move => move.Units), moves.Sum(move => move.Value));
            var same = units == line.Quantity && (line.UnitCost is not { } cost || value == cost * units);
            lock (known)
            {
                if (same) known.Add(line);
                else differing.Add((line, $"SKU '{products[line.Code].Sku}' has its opening stock at '{line.Location}': {units}{(units == line.Quantity ? " at another cost" : "")}, posted {InstantConverter.Text(entry.At)} by {entry.Actor}. Post a count, a receipt or an adjustment of what is different."));
            }
        });
        foreach (var (line, detail) in differing.OrderBy(each => each.Line.Row.Line)) columns.Fault(line.Row, "quantity", detail);
        return known;
    }

    async Task<IReadOnlyDictionary<string, Product>> CheckAsync(IReadOnlyList<Line> lines, Columns columns, Func<string, bool> reaches, CancellationToken cancel)
    {
        var skus = await aliases.ResolveAsync(lines.Select(line => line.Code).Distinct(StringComparer.Ordinal).ToList(), cancel);
        var products = await catalogue.FindProductsAsync(skus.Values, cancel);
        var places = new Dictionary<string, bool>(StringComparer.Ordinal);
        var seen = new Dictionary<(string, string), int>();
        foreach (var line in lines)
        {
            var product = skus.TryGetValue(line.Code, out var sku) ? products.GetValueOrDefault(sku) : null;
            if (line.Code.Length == 0) { /* noted by Read */ }
            else if (product is null) columns.Fault(line.Row, "sku", $"There is no SKU '{line.Code}'. Import the products first.");
            else if (product.Kind == ProductKind.Virtual) columns.Fault(line.Row, "sku", $"SKU '{product.Sku}' is virtual and has no stock. Import its components' stock.");
            if (line.Location.Length > 0)
            {
                if (!places.TryGetValue(line.Location, out var exists)) places[line.Location] = exists = await locations.FindAsync(line.Location, cancel) is not null;
                if (!exists) columns.Fault(line.Row, "location", $"There is no location '{line.Location}'. PUT api/locations/{{id}} makes one.");
                else if (!reaches(line.Location)) columns.Fault(line.Row, "location", $"You do not reach the location '{line.Location}'.");
            }
            if (product is null || line.Location.Length == 0 || seen.TryAdd((product.Sku, line.Location), line.Row.Line)) continue;
            columns.Fault(line.Row, "sku", $"SKU '{product.Sku}' at '{line.Location}' is on line {seen[(product.Sku, line.Location)]} already. Add them up.");
        }
        return lines.Where(line => skus.ContainsKey(line.Code) && products.ContainsKey(skus[line.Code])).Select(line => line.Code).Distinct(StringComparer.Ordinal)
            .ToDictionary(code => code, code => products[skus[code]], StringComparer.Ordinal);
    }

    /// <summary>Reads and checks the file by itself. Knows no store.</summary>
    internal static (IReadOnlyList<Line> Lines, Columns? Columns) Read(ReadOnlyMemory<byte> bytes, ImportErrors errors)
    {
        if (CsvFile.Open(bytes, errors) is not { } file) return ([], null);
        var columns = new Columns(file, Known, attributes: false, errors);
        if (errors.Count > 0) return ([], null);
        var lines = new List<Line>();
        while (file.Next(out var row))
        {
            if (lines.Count == ProductSource.MostRows)
            {
                errors.Add(row.Line, 0, null, null, $"The file has more than {ProductSource.MostRows:N0} lines. Send it in parts, each with its heading, and each with its own Idempotency-Key.");
                break;
            }
            var (code, location) = (columns[row, "sku"], columns[row, "location"]);
            var damaged = Gtin.LooksLikeExcel(code);
            if (damaged || code.Length == 0)
            {
                columns.Fault(row, "sku", damaged ? $"'{code}' was rounded by a spreadsheet. Format the column as text and export again." : "It is empty.");
                code = "";
            }
            if (Sku.Problem(location, 40) is { } wrong)
            {
                columns.Fault(row, "location", wrong);
                location = "";
            }
            if (columns[row, "quantity"].Length == 0) columns.Fault(row, "quantity", "It is empty. Write 0 for none.");
            lines.Add(new(row, code, location, columns.Whole(row, "quantity", MostUnits) ?? 0, columns.Amount(row, "unitCost")));
        }
        if (lines.Count == 0 && errors.Count == 0) errors.Add(file.HeaderLine, 0, null, null, "The file has a heading but no lines.");
        return (lines, columns);
    }
}
