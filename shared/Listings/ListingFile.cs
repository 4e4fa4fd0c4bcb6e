using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Imports;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>What a file of listings came to.</summary>
public sealed record ListingImportResult(bool DryRun, int Rows, int Created, int Changed, int Unchanged);

/// <summary>
/// Which item of a channel shows which SKU, as a CSV file: <c>item,sku</c>, and where they are wanted <c>place,extra,threshold,hysteresis,buffer,allocation,status</c>. The SKU may be
/// a GTIN or another code. The whole file is checked before anything is written; the same file again changes nothing.
/// </summary>
public sealed class ListingFile(ListingDesk desk, Aliases aliases)
{
    const int Width = 8, LongestItem = 100;
    const long Most = 1_000_000;
    static readonly string[] Known = ["*item|externalId|offerSku|sellerSku|ean", "*sku|code", "place|location", "extra|productType", "threshold", "hysteresis", "buffer", "allocation", "status"];

    /// <exception cref="ProblemException">400 <c>import-invalid</c> with every error.</exception>
    public async Task<ListingImportResult> RunAsync(Channel channel, ReadOnlyMemory<byte> file, bool dryRun, string actor, CancellationToken cancel)
    {
        var errors = new ImportErrors();
        var rows = Read(file, errors, out var columns);
        if (columns is null) errors.ThrowIfAny();
        var skus = await aliases.ResolveAsync(rows.Select(row => row.Draft.Sku!).Distinct(StringComparer.Ordinal).ToList(), cancel);
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (row, draft) in rows)
        {
            if (draft.Sku!.Length > 0 && !skus.ContainsKey(draft.Sku)) columns!.Fault(row, "sku", $"There is no SKU '{draft.Sku}'. Import the products first.");
            if (!seen.TryAdd(Listing.IdOf(draft.Place, draft.Item), row.Line)) columns!.Fault(row, "item", $"The item '{draft.Item}'{(draft.Place.Length > 0 ? $" at '{draft.Place}'" : "")} is on line {seen[Listing.IdOf(draft.Place, draft.Item)]} already.");
        }
        errors.ThrowIfAny();
        if (dryRun) return new(true, rows.Count, 0, 0, 0);
        var (created, changed, same) = (0, 0, 0);
        await Parallel.ForEachAsync(rows, new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = cancel }, async (row, token) =>
        {
            var put = await desk.PutAsync(channel, row.Draft with { Sku = skus[row.Draft.Sku!] }, actor, default, token);
            if (put.Created) Interlocked.Increment(ref created);
            else if (put.Changed) Interlocked.Increment(ref changed);
            else Interlocked.Increment(ref same);
        });
        return new(false, rows.Count, created, changed, same);
    }

    static List<(CsvRow Row, ListingDraft Draft)> Read(ReadOnlyMemory<byte> bytes, ImportErrors errors, out Columns? columns)
    {
        var rows = new List<(CsvRow, ListingDraft)>();
        columns = null;
        if (CsvFile.Open(bytes, errors) is not { } file) return rows;
        var known = new Columns(file, Known, attributes: false, errors);
        if (errors.Count > 0) return rows;
        columns = known;
        while (file.Next(out var row))
        {
            if (rows.Count == ProductSource.MostRows)
            {
                errors.Add(row.Line, 0, null, null, $"The file has more than {ProductSource.MostRows:N0} lines. Send it in parts, each with its heading.");
                break;
            }
            var status = known.Words(row, "status", 10);
            if (status is not (null or "live" or "ended")) known.Fault(row, "status", $"Expected live or ended, got '{status}'.");
            var own = new ListingSettings { Threshold = known.Whole(row, "threshold", Most), Hysteresis = known.Whole(row, "hysteresis", Most), Buffer = known.Whole(row, "buffer", Most), Allocation = known.Whole(row, "allocation", Most) };
            rows.Add((row, new(known.Words(row, "place", 80) ?? "", known.Words(row, "item", LongestItem, required: true) ?? "", known.Words(row, "sku", 200, required: true) ?? "", known.Words(row, "extra", 200),
                status is null ? null : status == "ended", own.IsEmpty ? null : own, null, false)));
        }
        if (rows.Count == 0 && errors.Count == 0) errors.Add(file.HeaderLine, 0, null, null, "The file has a heading but no lines.");
        return rows;
    }
}
