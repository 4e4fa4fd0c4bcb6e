using Selvedge.Approvals;
using Selvedge.Catalogue;
using Selvedge.Platform;

namespace Selvedge.Imports;

/// <summary>How many were made, changed, and as the file says already.</summary>
public sealed record Tally(int Created, int Updated, int Unchanged);

/// <summary>What a product import did, or with <paramref name="DryRun"/> would do.</summary>
public sealed record ProductImportResult(string Import, bool DryRun, int Rows, Tally Styles, Tally Skus);

/// <summary>How far an import is, in rows.</summary>
public sealed class ImportProgress
{
    int read, total, written, errors;

    /// <summary>Rows in the file, once it was read by itself; rows compared with the catalogue; rows written or found as they should be; errors so far.</summary>
    public int Total { get => Volatile.Read(ref total); set => Volatile.Write(ref total, value); }
    public int Read => Volatile.Read(ref read);
    public int Written => Volatile.Read(ref written);
    public int Errors { get => Volatile.Read(ref errors); set => Volatile.Write(ref errors, value); }

    public void AddRead(int rows) => Interlocked.Add(ref read, rows);
    public void AddWritten(int rows) => Interlocked.Add(ref written, rows);
}

/// <summary>
/// Products from a file (<see cref="ProductFile"/>, <see cref="ProductJson"/>). What has no column stays as it is; an empty field clears. SKUs that are not in a
/// CSV file are left alone. The whole file is checked, against itself and the catalogue, before anything is written; then styles are
/// written one by one, each whole. The same file again changes nothing and completes an import that died.
/// </summary>
public sealed class ProductImport(ProductCatalogue catalogue, ApprovalDesk approvals)
{
    /// <summary>SKUs that are planned together, styles written side by side, and most times a style is planned anew because others wrote it.</summary>
    const int Chunk = 500, Width = 16, MostAttempts = 20;

    /// <param name="file">The file's bytes.</param>
    /// <param name="isJson">JSON and not CSV.</param>
    /// <param name="import">Names the import in the answer.</param>
    /// <param name="dryRun">Checks and counts only.</param>
    /// <param name="caller">Who.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancel">Cancels before writing begins.</param>
    /// <exception cref="ProblemException">400 <c>import-invalid</c> with every error; 403 a cost the caller may not change, or not alone; 409 or 503 when others changed the
    /// same styles meanwhile.</exception>
    public async Task<ProductImportResult> RunAsync(ReadOnlyMemory<byte> file, bool isJson, string import, bool dryRun, Caller caller, ImportProgress? progress = null, CancellationToken cancel = default)
    {
        progress ??= new();
        var errors = new ImportErrors();
        ProductSource? source = isJson ? ProductJson.Open(file, errors) : ProductFile.Open(file, errors);
        progress.Errors = errors.Count;
        if (source is null) errors.ThrowIfAny();
        progress.Total = source!.Rows;

        var terms = new Terms(caller, await approvals.LeewayAsync(caller, ApprovalKind.Cost) is null, await PartsAsync(source, caller.Actor, cancel), progress);
        // Errors against the catalogue are told together with those of the file itself.
        var outcomes = new Outcome[source.Styles];
        foreach (var styles in Chunks(source, _ => true))
        {
            var drafts = styles.ConvertAll(source.Draft);
            var plan = await catalogue.PlanAsync(drafts, caller.Actor, terms.Parts, cancel: cancel);
            foreach (var objection in plan.Objections) source.Note(objection);
            for (var i = 0; i < styles.Count; i++)
            {
                if (errors.Count == 0) terms.Approve(plan.Styles[i]);
                outcomes[styles[i]] = Outcome.Of(plan.Styles[i], drafts[i].Skus.Count);
            }
            progress.AddRead(styles.Sum(source.RowsOf));
            progress.Errors = errors.Count;
        }
        errors.ThrowIfAny();

        if (!dryRun)
        {
            progress.AddWritten(Enumerable.Range(0, outcomes.Length).Where(style => outcomes[style].Same).Sum(source.RowsOf));
            // Of what the check found nowhere nothing is read again: creating it meets what came since.
            await Parallel.ForEachAsync(Enumerable.Range(0, outcomes.Length).Where(style => outcomes[style].Untouched).Select(source.Draft), new ParallelOptions { MaxDegreeOfParallelism = Width }, async (draft, _) =>
            {
                var plan = await catalogue.PlanAsync([draft], caller.Actor, terms.Parts, isNew: true, CancellationToken.None);
                await WriteAsync(plan.Styles[0], plan.Claims[draft.Id], draft, terms);
            });
            foreach (var styles in Chunks(source, style => outcomes[style] is { Same: false, Untouched: false })) await WriteAsync(source, styles, terms);
        }
        return new(import, dryRun, source.Rows,
            new(outcomes.Count(one => one.New), outcomes.Count(one => !one.New && !one.Same), outcomes.Count(one => one.Same)),
            new(outcomes.Sum(one => one.Created), outcomes.Sum(one => one.Updated), outcomes.Sum(one => one.Unchanged)));
    }

    /// <summary>What all styles of one import are written under: who, whether a cost takes a second person, and the components that the file makes.</summary>
    sealed record Terms(Caller Caller, bool Alone, Dictionary<string, Product> Parts, ImportProgress Progress)
    {
        public void Approve(StylePlan plan) => CostChanges.Approve(plan, Caller, Alone);
    }

    /// <summary>What the check found of a style. Only this is kept, and the draft is read again when it is written.</summary>
    readonly record struct Outcome(bool New, bool Untouched, bool Same, int Created, int Updated, int Unchanged)
    {
        public static Outcome Of(StylePlan plan, int skus) => new(
            plan.Before is null, plan.Before is null && plan.Existing.Count == 0, plan.IsUnchanged, plan.Created, plan.Changed.Count - plan.Created, Math.Max(0, skus - plan.Changed.Count));
    }

    /// <summary>The components that the file names and makes itself, as they will be: a bundle may stand anywhere in the file, before what it is made of or after.</summary>
    async Task<Dictionary<string, Product>> PartsAsync(ProductSource source, string actor, CancellationToken cancel)
    {
        var parts = new Dictionary<string, Product>(StringComparer.Ordinal);
        if (source.Parts.Count == 0) return parts;
        foreach (var styles in Chunks(source, style => source.Draft(style).Skus.Any(sku => source.Parts.Contains(sku.Sku))))
        {
            var plan = await catalogue.PlanAsync(styles.ConvertAll(source.Draft), actor, cancel: cancel);
            foreach (var product in plan.Styles.SelectMany(style => style.Changed.Concat(style.Existing.Values)))
                if (source.Parts.Contains(product.Sku)) parts.TryAdd(product.Sku, product);
        }
        return parts;
    }

    async Task WriteAsync(ProductSource source, List<int> styles, Terms terms)
    {
        var drafts = styles.Select(source.Draft).ToDictionary(draft => draft.Id, StringComparer.Ordinal);
        var plan = await catalogue.PlanAsync([.. drafts.Values], terms.Caller.Actor, terms.Parts);
        if (plan.Objections.Count > 0) throw Contradicted(plan.Objections[0]);
        await Parallel.ForEachAsync(plan.Styles, new ParallelOptions { MaxDegreeOfParallelism = Width }, async (style, _) => await WriteAsync(style, plan.Claims[style.Style.Id], drafts[style.Style.Id], terms));
    }

    async Task WriteAsync(StylePlan style, IReadOnlyList<AliasClaim> claims, StyleDraft draft, Terms terms)
    {
        for (var attempt = 1; !await catalogue.WriteAsync(style, claims); attempt++)
        {
            if (attempt == MostAttempts) throw ProblemException.Busy($"Style '{style.Style.Id}' is being written by others. Send the same file again: what is done is not done twice.");
            await catalogue.PauseAsync(attempt, CancellationToken.None);
            var again = await catalogue.PlanAsync([draft], terms.Caller.Actor, terms.Parts);
            if (again.Objections.Count > 0) throw Contradicted(again.Objections[0]);
            terms.Approve(again.Styles[0]);
            (style, claims) = (again.Styles[0], again.Claims[style.Style.Id]);
        }
        terms.Progress.AddWritten(draft.Skus.Count);
    }

    static ProblemException Contradicted(Objection objection) =>
        ProblemException.Conflict("catalogue-conflict", "It contradicts the catalogue", $"{objection.Detail} Part of the file is written; correct it and send it again.");

    static IEnumerable<List<int>> Chunks(ProductSource source, Func<int, bool> wanted)
    {
        var (chunk, rows) = (new List<int>(), 0);
        for (var style = 0; style < source.Styles; style++)
        {
            if (!wanted(style)) continue;
            if (chunk.Count > 0 && rows + source.RowsOf(style) > Chunk)
            {
                yield return chunk;
                (chunk, rows) = ([], 0);
            }
            chunk.Add(style);
            rows += source.RowsOf(style);
        }
        if (chunk.Count > 0) yield return chunk;
    }
}
