using System.Text.Json;
using System.Text.Json.Serialization;
using Selvedge.Platform;

namespace Selvedge.Catalogue;

/// <summary>Which SKU a code means, and meant: document of container <c>aliases</c>. Its id is the code and its spans do not overlap, so a code means one SKU
/// at an instant. Pure: what it becomes is decided here, written in <see cref="Aliases"/>.</summary>
public sealed record Alias
{
    /// <summary>Most spans that are kept; the oldest that have ended go first.</summary>
    public const int MostSpans = 50;

    public required string Id { get; init; }

    /// <summary>In the order of time.</summary>
    public required IReadOnlyList<AliasSpan> Spans { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>The one spelling of a code: <c>gtin:&lt;14 digits&gt;</c> for what is a valid GTIN, otherwise <c>code:</c> and the code in upper
    /// case, so that <c>ls-nvy-s</c> finds LS-NVY-S and two SKUs never differ by case alone.</summary>
    public static string IdOf(string code) => Gtin.TryParse(code, out var gtin) ? Ids.Join(["gtin", gtin.Digits]) : Ids.Join(["code", code.Trim().ToUpperInvariant()]);

    /// <summary>A code that means one SKU, from the first day.</summary>
    public static AliasClaim First(string code, string sku, DateTimeOffset at) =>
        new(new() { Id = IdOf(code), Spans = [new(sku, at)] }, null, sku);

    /// <summary>What the code means at that instant, or null.</summary>
    public AliasSpan? Holder(DateTimeOffset at)
    {
        foreach (var span in Spans)
            if (span.Covers(at)) return span;
        return null;
    }

    /// <summary>The code as it is when <paramref name="sku"/> has it, from and to as stated; null when that is what it says already. Spans of
    /// others that yield end where this begins, or never were.</summary>
    /// <param name="before">As it is; null: nobody has had it.</param>
    /// <param name="code">The code with its dates.</param>
    /// <param name="sku">Whose it shall be.</param>
    /// <param name="isVirtual">Whether that SKU is a virtual bundle.</param>
    /// <param name="now">When it is taken.</param>
    /// <param name="yields">Whether another's span makes way.</param>
    /// <param name="clash">The SKU that has it at one of these instants, where one does.</param>
    public static Alias? Wanted(Alias? before, ProductCode code, string sku, bool isVirtual, DateTimeOffset now, Func<AliasSpan, Yield> yields, out string? clash)
    {
        clash = null;
        var others = before?.Spans.Where(span => span.Sku != sku && yields(span) != Yield.Never).ToList() ?? [];
        var mine = before?.Spans.Where(span => span.Sku == sku).ToList() ?? [];
        // Without a date of its own a code begins where it began, else now; the first there ever is, from the first day.
        var open = mine.LastOrDefault(span => span.To is null || span.To > now);
        var span = new AliasSpan(sku, open?.At ?? now, code.From ?? (open is not null ? open.From : others.Count + mine.Count == 0 ? null : now), code.To, isVirtual);
        if (span.From >= span.To) span = span with { From = null };
        var past = mine.Where(old => old != open && !old.Overlaps(span)).ToList();
        var kept = new List<AliasSpan>();
        foreach (var other in others)
        {
            if (!other.Overlaps(span)) kept.Add(other);
            else if (yields(other) == Yield.No) clash = other.Sku;
            else if (other.From is null || other.From < (span.From ?? now)) kept.Add(other with { To = span.From ?? now });
        }
        if (clash is not null) return null;
        // One that made way keeps its past, so this begins there at the earliest.
        if (span.From is null && kept.Exists(other => other.Overlaps(span))) span = span with { From = now };
        var spans = kept.Concat(past).Append(span).OrderBy(each => each.From ?? DateTimeOffset.MinValue).ToList();
        var next = new Alias { Id = IdOf(code.Code), Spans = spans.Count > MostSpans ? spans[^MostSpans..] : spans, ETag = before?.ETag };
        return before is not null && next.SaysTheSameAs(before) ? null : next;
    }

    /// <summary>The code after <paramref name="sku"/> has given it up; its past stays. What never began is gone.</summary>
    public Alias Ended(string sku, DateTimeOffset now) => this with
    {
        Spans = [.. Spans.Where(span => span.Sku != sku || span.From is null || span.From < now).Select(span => span.Sku == sku && (span.To is null || span.To > now) ? span with { To = now } : span)],
    };

    public bool SaysTheSameAs(Alias other) => Id == other.Id && Spans.SequenceEqual(other.Spans);
}

/// <summary>Whether what a code means to one SKU makes way for another.</summary>
public enum Yield
{
    No,
    /// <summary>It has been given up: it ends.</summary>
    Ends,
    /// <summary>Its writer died before the SKU had it: it never meant anything.</summary>
    Never,
}

/// <summary>A time in which a code means a SKU.</summary>
/// <param name="Sku">The SKU.</param>
/// <param name="At">When this was written: a code whose SKU does not (yet) know of it may be taken over after a while.</param>
/// <param name="From">Since when; null: from the first day.</param>
/// <param name="To">Until when, exclusive; null: for good.</param>
/// <param name="Virtual">The SKU is a virtual bundle: to be exploded. Kept here, where every code passes, so that other SKUs cost no second read.</param>
public sealed record AliasSpan(string Sku, DateTimeOffset At, DateTimeOffset? From = null, DateTimeOffset? To = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Virtual = false)
{
    public bool Covers(DateTimeOffset at) => (From is null || From <= at) && (To is null || at < To);
    public bool Overlaps(AliasSpan other) => (From is null || other.To is null || From < other.To) && (other.From is null || To is null || other.From < To);
}

/// <summary>Writes a code without dates and channel as text, others as <c>{code, from?, to?, channel?}</c>, and reads both.</summary>
public sealed class ProductCodeConverter : JsonConverter<ProductCode>
{
    sealed record Written(string Code, DateTimeOffset? From, DateTimeOffset? To, string? Channel);

    public override ProductCode Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String) return new(reader.GetString()!);
        var code = JsonSerializer.Deserialize<Written>(ref reader, Json.Options)!;
        return new(code.Code, code.From, code.To, code.Channel);
    }

    public override void Write(Utf8JsonWriter writer, ProductCode value, JsonSerializerOptions options)
    {
        if (value.IsPlain) writer.WriteStringValue(value.Code);
        else JsonSerializer.Serialize(writer, new Written(value.Code, value.From, value.To, value.Channel), Json.Options);
    }
}

/// <summary>Source-generated (de)serialization of the catalogue's documents: one pass, no reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(InstantConverter), typeof(CamelCaseEnum<ProductKind>)])]
[JsonSerializable(typeof(Alias))]
[JsonSerializable(typeof(Product))]
[JsonSerializable(typeof(Style))]
internal sealed partial class CatalogueJson : JsonSerializerContext;
