using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Selvedge.Platform;

namespace Selvedge.Catalogue;

/// <summary>A code that leads to another SKU than before: created (no <paramref name="ETag"/>) or pointed elsewhere.</summary>
public sealed record AliasClaim(string Id, string Sku, string? ETag);

/// <summary>
/// Container <c>aliases</c>: which SKU a code means, in one place. A SKU's own text, its GTIN and every other code of it are documents here,
/// so two SKUs can never share one. Codes are taken before the product says so and given back after it no longer does.
/// </summary>
public sealed class Aliases(Store store, TimeProvider time)
{
    /// <summary>A code taken longer ago than this by a SKU that does not know of it was left by a writer that died.</summary>
    static readonly TimeSpan Abandoned = TimeSpan.FromMinutes(10);
    static readonly TimeSpan Fresh = TimeSpan.FromSeconds(30);
    const int MostKnown = 100_000, LongestCode = 200, Width = 8;
    readonly ConcurrentDictionary<string, (string Sku, long At)> known = new(StringComparer.Ordinal);

    /// <summary>The SKU that a SKU, GTIN or other code means, or null. At most 30 s old; what is unknown is always asked of the store.</summary>
    public async ValueTask<string?> ResolveAsync(string? code, CancellationToken cancel = default)
    {
        if (!IsCode(code)) return null;
        var id = Alias.IdOf(code!);
        if (known.TryGetValue(id, out var hit) && time.GetElapsedTime(hit.At) < Fresh) return hit.Sku;
        var at = time.GetTimestamp();
        if (await ReadAsync(id, cancel) is not { } alias) return null;
        Remember(alias, at);
        return alias.Sku;
    }

    /// <summary>The SKUs that <paramref name="codes"/> mean; unknown ones are left out. Read from the store.</summary>
    public async Task<IReadOnlyDictionary<string, string>> ResolveAsync(IReadOnlyCollection<string> codes, CancellationToken cancel = default)
    {
        var ids = codes.Where(IsCode).Distinct(StringComparer.Ordinal).ToDictionary(code => code, Alias.IdOf, StringComparer.Ordinal);
        var found = await FindAsync(ids.Values, cancel);
        return ids.Where(pair => found.ContainsKey(pair.Value)).ToDictionary(pair => pair.Key, pair => found[pair.Value].Sku, StringComparer.Ordinal);
    }

    /// <summary>The documents there are of these ids.</summary>
    public async Task<IReadOnlyDictionary<string, Alias>> FindAsync(IEnumerable<string> ids, CancellationToken cancel = default) =>
        await store.Aliases.ReadEachAsync<Alias>(ids.Distinct(StringComparer.Ordinal).Select(id => (id, id)), alias => alias.Id, cancel);

    /// <summary>True when another SKU may take the code: its owner's product does not have it, and has not had the time to be written.</summary>
    internal bool IsAbandoned(Alias alias, Product? owner) =>
        owner?.AliasIds.Contains(alias.Id, StringComparer.Ordinal) != true && time.GetUtcNow() - alias.At > Abandoned;

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
        await ReleaseAsync(taken.Where(claim => claim.ETag is null), cancel);
        throw clash;
    }

    /// <summary>Gives codes back that still lead to the SKU named.</summary>
    public async Task ReleaseAsync(IEnumerable<AliasClaim> claims, CancellationToken cancel)
    {
        foreach (var claim in claims)
        {
            known.TryRemove(claim.Id, out _);
            if (await ReadAsync(claim.Id, cancel) is not { } alias || alias.Sku != claim.Sku) continue;
            using var response = await store.Aliases.DeleteItemStreamAsync(claim.Id, new(claim.Id), new() { IfMatchEtag = alias.ETag }, cancel);
            if (response.StatusCode is not (HttpStatusCode.NotFound or HttpStatusCode.PreconditionFailed)) response.EnsureSuccessStatusCode();
        }
    }

    /// <summary>Names both SKUs and the code.</summary>
    public static string Clash(string id, string sku, string owner) =>
        $"'{id[(id.IndexOf(':', StringComparison.Ordinal) + 1)..]}' cannot be {(id.StartsWith("gtin:", StringComparison.Ordinal) ? "a barcode" : "a code")} of SKU '{sku}': it belongs to SKU '{owner}'. Correct one of them.";

    async Task<string?> TakeAsync(AliasClaim claim, CancellationToken cancel)
    {
        var alias = new Alias { Id = claim.Id, Sku = claim.Sku, At = time.GetUtcNow() };
        using var body = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(alias, Json.Options));
        var partition = new PartitionKey(claim.Id);
        using var response = claim.ETag is null
            ? await store.Aliases.CreateItemStreamAsync(body, partition, cancellationToken: cancel)
            : await store.Aliases.ReplaceItemStreamAsync(body, claim.Id, partition, new() { IfMatchEtag = claim.ETag }, cancel);
        known.TryRemove(claim.Id, out _);
        if (response.StatusCode is HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed or HttpStatusCode.NotFound)
        {
            // Ours too when the answer to our own write was lost. One that is gone again is nobody's: the caller plans anew.
            var owner = (await ReadAsync(claim.Id, cancel))?.Sku;
            return owner == claim.Sku ? null : owner ?? "(given back just now)";
        }
        response.EnsureSuccessStatusCode();
        return null;
    }

    async Task<Alias?> ReadAsync(string id, CancellationToken cancel)
    {
        using var response = await store.Aliases.ReadItemStreamAsync(id, new(id), cancellationToken: cancel);
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        response.EnsureSuccessStatusCode();
        return await JsonSerializer.DeserializeAsync<Alias>(response.Content, Json.Options, cancel);
    }

    void Remember(Alias alias, long at)
    {
        if (known.Count >= MostKnown) known.Clear();
        known[alias.Id] = (alias.Sku, at);
    }

    static bool IsCode(string? code) => !string.IsNullOrWhiteSpace(code) && code.Length <= LongestCode && code.EnumerateRunes().All(rune => rune.Value != 0xFFFD);
}
