using Selvedge.Channels;
using Selvedge.Imports;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>Which styles a channel is to list, as a CSV file: <c>style</c>, and where they are wanted <c>externalId</c> and <c>status</c> (<c>listed</c> or <c>stopped</c>). The whole file is checked before anything is
/// written; the same file again changes nothing.</summary>
public sealed class ListedStyleFile(ListedStyles styles)
{
    const int Width = 8;
    static readonly string[] Known = ["*style", "externalId", "status"];

    /// <exception cref="ProblemException">400 <c>import-invalid</c> with every error.</exception>
    public async Task<ListingImportResult> RunAsync(Channel channel, ReadOnlyMemory<byte> bytes, bool dryRun, string actor, CancellationToken cancel)
    {
        styles.Require(channel);
        var (errors, rows, seen) = (new ImportErrors(), new List<(string Style, string? ExternalId, bool Stopped)>(), new Dictionary<string, int>(StringComparer.Ordinal));
        if (CsvFile.Open(bytes, errors) is { } file)
        {
            var known = new Columns(file, Known, attributes: false, errors);
            if (errors.Count > 0) errors.ThrowIfAny();
            while (file.Next(out var row))
            {
                if (rows.Count == ProductSource.MostRows)
                {
                    errors.Add(row.Line, 0, null, null, $"The file has more than {ProductSource.MostRows:N0} lines. Send it in parts, each with its heading.");
                    break;
                }
                var (style, status) = (known.Words(row, "style", 200, required: true) ?? "", known.Words(row, "status", 10));
                if (status is not (null or "listed" or "stopped")) known.Fault(row, "status", $"Expected listed or stopped, got '{status}'.");
                if (!seen.TryAdd(style, row.Line)) known.Fault(row, "style", $"The style '{style}' is on line {seen[style]} already.");
                else if (style.Length > 0 && !await styles.IsStyleAsync(style, cancel)) known.Fault(row, "style", $"There is no style '{style}'. Import the products first.");
                rows.Add((style, known.Words(row, "externalId", 100), status == "stopped"));
            }
            if (rows.Count == 0 && errors.Count == 0) errors.Add(file.HeaderLine, 0, null, null, "The file has a heading but no lines.");
        }
        errors.ThrowIfAny();
        if (dryRun) return new(true, rows.Count, 0, 0, 0);
        var (created, changed) = (0, 0);
        await Parallel.ForEachAsync(rows, new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = cancel }, async (row, token) =>
        {
            var (isNew, isOther) = row.Stopped ? (false, await styles.StopAsync(channel, row.Style, actor, token) is { Changed: true }) : await styles.PutAsync(channel, row.Style, row.ExternalId, actor, token) is var put ? (put.Created, put.Changed) : default;
            if (isNew) Interlocked.Increment(ref created);
            else if (isOther) Interlocked.Increment(ref changed);
        });
        return new(false, rows.Count, created, changed, rows.Count - created - changed);
    }
}
