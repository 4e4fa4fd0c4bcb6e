using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Selvedge.Platform;

namespace Selvedge.Catalogue;

/// <summary>A code that shall lead to another SKU than before: the document as it is wanted, created (<paramref name="Before"/> is null) or replaced by its ETag.</summary>
public sealed record AliasClaim(Alias Wanted, Alias? Before, string Sku)
{
    public string Id => Wanted.Id;
}

/// <summary>
/// Container <c>aliases</c>: which SKU a code means at an instant, in one place. A SKU's own text, its GTIN and every other code of it are
/// documents here, so two SKUs can never share one at the same time. Codes are taken before the product says so and end after it no longer does.
/// </summary>
public sealed class Aliases(Store store, TimeProvider time)
{
    /// <summary>A code taken longer ago than this by a SKU that does not know of it was left by a writer that died.</summary>
    static readonly TimeSpan Abandoned = TimeSpan.FromMinutes(10);
    static readonly TimeSpan Fresh = TimeSpan.FromSeconds(30);
    const int MostKnown = 100_000, LongestCode = 200, Width = 8;
    readonly ConcurrentDictionary<string, (AliasSpan Span, long At)> known = new(StringComparer.Ordinal);

    /// <summary>The SKU that a SKU, GTIN or other code means, or null. At most 30 s old; what is unknown is always asked of the store.</summary>
    /// <param name="code">The code.</param>
    /// <param name="asOf">The instant it was read at; null: now. Codes may have meant another SKU earlier.</param>
    /// <param name="cancel">Cancels.</param>
    public async ValueTask<string?> ResolveAsync(string? code, DateTimeOffset? asOf = null, CancellationToken cancel = default) => (await MeaningAsync(code, asOf, cancel))?.Sku;

    /// <summary>As <see cref="ResolveAsync(string?, DateTimeOffset?, CancellationToken)"/>, with what is known of the SKU without reading it.</summary>
    public async ValueTask<AliasSpan?> MeaningAsync(string? code, DateTimeOffset? asOf = null, CancellationToken cancel = default)
    {
        if (!IsCode(code)) return null;
        var (id, now) = (Alias.IdOf(code!), time.GetUtcNow());
        if (asOf is null && known.TryGetValue(id, out var hit) && time.GetElapsedTime(hit.At) < Fresh && hit.Span.Covers(now)) return hit.Span;
        var at = time.GetTimestamp();
        if ((await ReadAsync(id, cancel))?.Holder(asOf ?? now) is not { } span) return null;
        if (asOf is null) Remember(id, span, at);
        return span;
    }

    /// <summary>The SKUs that <paramref name="codes"/> mean now; unknown ones are left out. Read from the store.</summary>
    public async Task<IReadOnlyDictionary<string, string>> ResolveAsync(IReadOnlyCollection<string> codes, CancellationToken cancel = default)
    {
        var ids = codes.Where(IsCode).Distinct(StringComparer.Ordinal).ToDictionary(code => code, Alias.IdOf, StringComparer.Ordinal);
        var (found, now) = (await FindAsync(ids.Values, cancel), time.GetUtcNow());
        var meanings = ids.Select(pair => (pair.Key, found.GetValueOrDefault(pair.Value)?.Holder(now)?.Sku)).Where(pair => pair.Sku is not null);
        return meanings.ToDictionary(pair => pair.Key, pair => pair.Sku!, StringComparer.Ordinal);
    }

    /// <summary>The documents there are of these ids.</summary>
    public async Task<IReadOnlyDictionary<string, Alias>> FindAsync(IEnumerable<string> ids, CancellationToken cancel = default) =>
        await store.Aliases.ReadEachAsync(ids.Distinct(StringComparer.Ordinal).Select(id => (id, id)), alias => alias.Id, CatalogueJson.Default.Alias, cancel);

    /// <summary>True when another SKU may take the code: its owner's product does not have it, and has not had the time to be written.</summary>
    internal bool IsAbandoned(string id, AliasSpan span, Product? owner) =>
        owner?.AliasIds.Contains(id, StringComparer.Ordinal) != true && time.GetUtcNow() - span.At > Abandoned;

    /// <summary>Takes all of these codes or none.</summary>
    /// <exception cref="ProblemException">409 when another SKU has taken one meanwhile.</exception>
    public async Task TakeAsync(IReadOnlyCollection<AliasClaim> claims, CancellationToken cancel)
    {
        var taken = new ConcurrentBag<AliasClaim>();
        ProblemException? clash = null;
        await Parallel.ForEachAsync(claims, new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = cancel }, async (claim, token) =>
        {
            if (await TakeAsync(claim, token) is { } owner) clash = ProblemException.Conflict("code-taken", "The code belongs to another SKU", Clash(claim.Id, claim.Sku, owner));
            else taken.Add(claim);
        });
        if (clash is null) return;
        await Task.WhenAll(taken.Select(claim => ChangeAsync(claim.Id, alias => alias.SaysTheSameAs(claim.Wanted) ? claim.Before ?? alias with { Spans = [] } : alias, cancel)));
        throw clash;
    }

    /// <summary>Ends what these codes mean for a SKU that no longer has them: from now on another may have them, and what they meant is kept.</summary>
    public async Task EndAsync(IEnumerable<(string Id, string Sku)> codes, CancellationToken cancel)
    {
        foreach (var (id, sku) in codes) await ChangeAsync(id, alias => alias.Ended(sku, InstantConverter.Cut(time.GetUtcNow())), cancel);
    }

    /// <summary>Names both SKUs and the code.</summary>
    public static string Clash(string id, string sku, string owner) =>
        $"'{id[(id.IndexOf(':', StringComparison.Ordinal) + 1)..]}' cannot be {(id.StartsWith("gtin:", StringComparison.Ordinal) ? "a barcode" : "a code")} of SKU '{sku}': it belongs to SKU '{owner}'. Correct one of them.";

    async Task<string?> TakeAsync(AliasClaim claim, CancellationToken cancel)
    {
        var (wanted, etag) = (claim.Wanted, claim.Before?.ETag);
        var mine = wanted.Spans.First(span => span.Sku == claim.Sku);
        while (await WriteAsync(wanted, etag, cancel) is HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed or HttpStatusCode.NotFound)
        {
            // Ours too when the answer to our own write was lost. One that is gone again is nobody's: the caller plans anew.
            var there = await ReadAsync(claim.Id, cancel);
            if (there?.SaysTheSameAs(wanted) == true) return null;
            var other = there?.Spans.FirstOrDefault(span => span.Overlaps(mine));
            if (other?.Sku == claim.Sku) return null;
            if (there is null || other is not null) return other?.Sku ?? "(given back just now)";
            // Another SKU has it at other times, since we looked: both do.
            (wanted, etag) = (there with { Spans = [.. there.Spans.Where(span => span.Sku != claim.Sku).Append(mine).OrderBy(span => span.From ?? DateTimeOffset.MinValue)] }, there.ETag);
        }
        return null;
    }

    // Changes a code's document by its ETag until it took; one that means nothing any more is deleted.
    async Task ChangeAsync(string id, Func<Alias, Alias> change, CancellationToken cancel)
    {
        while (await ReadAsync(id, cancel) is { } there)
        {
            var next = change(there);
            if (next.SaysTheSameAs(there)) return;
            known.TryRemove(id, out _);
            if (next.Spans.Count > 0)
            {
                if (await WriteAsync(next, there.ETag, cancel) is not (HttpStatusCode.PreconditionFailed or HttpStatusCode.NotFound)) return;
                continue;
            }
            using var response = await store.Aliases.DeleteItemStreamAsync(id, new(id), new() { IfMatchEtag = there.ETag }, cancel);
            if (response.StatusCode == HttpStatusCode.PreconditionFailed) continue;
            if (response.StatusCode != HttpStatusCode.NotFound) response.EnsureSuccessStatusCode();
            return;
        }
    }

    async Task<HttpStatusCode> WriteAsync(Alias alias, string? etag, CancellationToken cancel)
    {
        using var body = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(alias with { ETag = null }, CatalogueJson.Default.Alias));
        var partition = new PartitionKey(alias.Id);
        using var response = etag is null
            ? await store.Aliases.CreateItemStreamAsync(body, partition, cancellationToken: cancel)
            : await store.Aliases.ReplaceItemStreamAsync(body, alias.Id, partition, new() { IfMatchEtag = etag }, cancel);
        known.TryRemove(alias.Id, out _);
        if (response.StatusCode is not (HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed or HttpStatusCode.NotFound)) response.EnsureSuccessStatusCode();
        return response.StatusCode;
    }

    async Task<Alias?> ReadAsync(string id, CancellationToken cancel)
    {
        using var response = await store.Aliases.ReadItemStreamAsync(id, new(id), cancellationToken: cancel);
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        response.EnsureSuccessStatusCode();
        return await JsonSerializer.DeserializeAsync(response.Content, CatalogueJson.Default.Alias, cancel);
    }

    void Remember(string id, AliasSpan span, long at)
    {
        if (known.Count >= MostKnown) known.Clear();
        known[id] = (span, at);
    }

    internal static bool IsCode(string? code) => !string.IsNullOrWhiteSpace(code) && code.Length <= LongestCode && code.EnumerateRunes().All(rune => rune.Value != 0xFFFD);
}
