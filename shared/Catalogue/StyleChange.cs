using System.Globalization;
using System.Text.Json.Serialization;
using Microsoft.Azure.Cosmos;
using Selvedge.Platform;

namespace Selvedge.Catalogue;

/// <summary>One thing that changed: where (<c>name</c>, <c>LS-NVY-S/price</c>), and from what to what; null where there was nothing.</summary>
public sealed record FieldChange(string What, string? From, string? To);

/// <summary>What one version of a style changed, who, and when. Bounded: values are cut, and beyond <see cref="Most"/> changes are only counted.</summary>
public sealed record StyleChange(long Version, DateTimeOffset At, string Actor, IReadOnlyList<FieldChange> Changes, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] int Omitted = 0)
{
    public const int Most = 200, LongestValue = 200;

    /// <summary>What a caller may see of it: costs only who sees value.</summary>
    public StyleChange For(Caller caller) => caller.SeesValue ? this : this with { Changes = [.. Changes.Where(change => !change.What.EndsWith("/cost", StringComparison.Ordinal))] };

    /// <summary>What is different between a style with its products before and after.</summary>
    public static StyleChange Between(Style? before, Style after, IReadOnlyDictionary<string, Product> existing, IReadOnlyList<Product> changed)
    {
        var changes = new List<FieldChange>();
        var count = 0;
        Note("name", before?.Name, after.Name);
        Note("season", before?.Season, after.Season);
        Note("category", before?.Category, after.Category);
        Note("colours", List(before?.Colours), List(after.Colours));
        Note("sizes", List(before?.Sizes), List(after.Sizes));
        Note("images", List(before?.Images.Select(image => image.Url)), List(after.Images.Select(image => image.Url)));
        Note("materials", List(before?.Materials.Select(Text)), List(after.Materials.Select(Text)));
        foreach (var product in changed)
        {
            var old = existing.GetValueOrDefault(product.Sku);
            if (old is null) Add(product.Sku, null, $"{product.Colour}, {product.Size}");
            foreach (var (what, of) in old is null ? Fields.AsSpan(2) : Fields) Note($"{product.Sku}/{what}", old is null ? null : of(old), of(product));
            foreach (var name in product.Attributes.Keys.Union(old?.Attributes.Keys ?? Enumerable.Empty<string>(), StringComparer.Ordinal))
                Note($"{product.Sku}/attributes/{name}", old?.Attributes.GetValueOrDefault(name), product.Attributes.GetValueOrDefault(name));
            foreach (var currency in product.Prices.Keys.Union(old?.Prices.Keys ?? Enumerable.Empty<string>(), StringComparer.Ordinal))
                Note($"{product.Sku}/prices/{currency}", Text(old?.Prices.GetValueOrDefault(currency)), Text(product.Prices.GetValueOrDefault(currency)));
        }
        return new(after.Version, after.UpdatedAt, after.Actor, changes, count - changes.Count);

        void Note(string what, string? from, string? to)
        {
            if (from != to) Add(what, from, to);
        }
        void Add(string what, string? from, string? to)
        {
            if (count++ < Most) changes.Add(new(what, Cut(from), Cut(to)));
        }
    }

    // Names, categories and seasons are the style's. Colour and size, the first two, are part of the news that there is a SKU.
    static readonly (string What, Func<Product, string?> Of)[] Fields =
    [
        ("colour", product => product.Colour), ("size", product => product.Size),
        ("barcode", product => product.Barcode), ("codes", product => product.Codes.Count == 0 ? null : List(product.Codes.Select(Text))),
        ("price", product => Amount(product.Price)), ("compareAt", product => Amount(product.CompareAt)), ("cost", product => Amount(product.Cost)),
        ("weight", product => product.Weight?.ToString(CultureInfo.InvariantCulture)), ("kind", product => product.Kind == ProductKind.Simple ? null : product.Kind.ToString()),
        ("components", product => product.Components.Count == 0 ? null : List(product.Components.Select(part => $"{part.Quantity} {part.Sku}"))),
        ("active", product => product.Active ? null : "archived"),
    ];

    static string? Amount(long? amount) => amount is { } value ? Money.Text(value) : null;
    static string? Text(PriceTag? tag) => tag is null ? null : Money.Text(tag.Price) + (tag.CompareAt is { } compare ? $" (was {Money.Text(compare)})" : "");
    static string Text(Material material) => $"{Money.Text(material.Quantity)} {material.Unit} {material.Name}";
    static string Text(ProductCode code) => code.Code + (code.Channel is null ? "" : $" ({code.Channel})") + (code.From is null && code.To is null ? "" : $" {code.From:yyyy-MM-dd}–{code.To:yyyy-MM-dd}");
    static string? List(IEnumerable<string>? texts) => string.Join(", ", texts ?? []) is { Length: > 0 } list ? list : null;
    static string? Cut(string? text) => text is { Length: > LongestValue } ? text[..(char.IsHighSurrogate(text[LongestValue - 1]) ? LongestValue - 1 : LongestValue)] + "…" : text;
}

/// <summary>
/// Earlier versions' changes: container <c>history</c>, one document a version. A style carries its last change itself, so a change and its record are one
/// write; who writes the next version first puts that one here, where it is never changed again.
/// </summary>
public sealed class StyleHistory(Store store)
{
    sealed record Document(string Id, string Style, long Version, DateTimeOffset At, string Actor, IReadOnlyList<FieldChange> Changes, int Omitted = 0);

    static string IdOf(long version) => "v" + version.ToString("D10", CultureInfo.InvariantCulture);

    /// <summary>Keeps the change that <paramref name="style"/> carries. Done before is as good.</summary>
    internal async Task KeepAsync(Style style, CancellationToken cancel)
    {
        if (style.Change is not { } change) return;
        try
        {
            await store.History.CreateItemAsync(new Document(IdOf(change.Version), style.Id, change.Version, change.At, change.Actor, change.Changes, change.Omitted), new PartitionKey(style.Id), cancellationToken: cancel);
        }
        catch (CosmosException exists) when (exists.StatusCode == System.Net.HttpStatusCode.Conflict) { }
    }

    /// <summary>Changes, the newest first, below the version in <paramref name="continuation"/>.</summary>
    public async Task<Page<StyleChange>> ReadAsync(Style style, int limit, string? continuation, CancellationToken cancel = default)
    {
        var next = style.Version;
        if (continuation is not null && !long.TryParse(continuation, NumberStyles.None, CultureInfo.InvariantCulture, out next)) throw ProblemException.Invalid("'continuation' is not one that this list gave. Leave it out to start over.");
        next = Math.Min(next, style.Version);
        var versions = Enumerable.Range(0, (int)Math.Min(limit, next)).Select(i => next - i).ToList();
        var found = new Dictionary<long, StyleChange>();
        await Parallel.ForEachAsync(versions.Where(version => version != style.Change?.Version), new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancel }, async (version, token) =>
        {
            using var response = await store.History.ReadItemStreamAsync(IdOf(version), new(style.Id), cancellationToken: token);
            if (response.StatusCode == System.Net.HttpStatusCode.NotFound) return;
            response.EnsureSuccessStatusCode();
            var read = (await System.Text.Json.JsonSerializer.DeserializeAsync<Document>(response.Content, Json.Options, token))!;
            lock (found) found[version] = new(read.Version, read.At, read.Actor, read.Changes, read.Omitted);
        });
        if (style.Change is { } last && versions.Contains(last.Version)) found[last.Version] = last;
        var rest = next - versions.Count;
        return new([.. versions.Where(found.ContainsKey).Select(version => found[version])], rest > 0 ? rest.ToString(CultureInfo.InvariantCulture) : null);
    }
}
