using System.Text.Json.Serialization;
using Selvedge.Platform;

namespace Selvedge.Catalogue;

/// <summary>What a SKU is made of.</summary>
public enum ProductKind
{
    /// <summary>One thing with its own stock.</summary>
    Simple,
    /// <summary>Components sold together; no stock of its own.</summary>
    Virtual,
    /// <summary>Components packed beforehand: own stock, assembled and broken by work order.</summary>
    Packed,
}

/// <summary>A part of a composite SKU: which SKU, and how many of it (≥ 1).</summary>
public sealed record Component(string Sku, long Quantity);

/// <summary>What one SKU is: document <c>product</c> in the SKU's own partition of container <c>skus</c>. Written only as part of its style.</summary>
public sealed record Product
{
    public const string DocumentId = "product";
    public string Id { get; init; } = DocumentId;
    public required string Sku { get; init; }
    public string Type { get; init; } = "product";
    public required string Style { get; init; }

    /// <summary>The style's name, category and season, so that a label or an order line needs no second read.</summary>
    public required string Name { get; init; }
    public string? Category { get; init; }
    public string? Season { get; init; }
    public required string Colour { get; init; }
    public required string Size { get; init; }

    /// <summary>GTIN, 14 digits.</summary>
    public string? Barcode { get; init; }

    /// <summary>Other codes that name this SKU (a supplier's, a channel's).</summary>
    public IReadOnlyList<string> Codes { get; init; } = [];

    /// <summary>Price and cost of one unit, in ten-thousandths of the base currency.</summary>
    public long? Price { get; init; }
    public long? Cost { get; init; }

    /// <summary>Grams.</summary>
    public long? Weight { get; init; }
    public SortedDictionary<string, string> Attributes { get; init; } = new(StringComparer.Ordinal);
    [JsonPropertyName("kind")] public ProductKind Kind { get; init; }
    public IReadOnlyList<Component> Components { get; init; } = [];

    /// <summary>Still in the range. An archived SKU keeps its stock, its history and its codes.</summary>
    public bool Active { get; init; } = true;

    /// <summary>Counts changes, from 1: orders keep the version they were exploded by.</summary>
    public long Version { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public string Actor { get; init; } = "";
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>Every id in container <c>aliases</c> that leads to this SKU.</summary>
    [JsonIgnore]
    public IEnumerable<string> AliasIds => Codes.Prepend(Sku).Concat(Barcode is null ? [] : [Barcode]).Select(Alias.IdOf).Distinct(StringComparer.Ordinal);

    /// <summary>True when both say the same of the SKU, whoever wrote it when.</summary>
    public bool SaysTheSameAs(Product? other) => other is not null
        && (this with { Codes = other.Codes, Attributes = other.Attributes, Components = other.Components, Version = other.Version, UpdatedAt = other.UpdatedAt, Actor = other.Actor, ETag = other.ETag }).Equals(other)
        && Codes.SequenceEqual(other.Codes) && Components.SequenceEqual(other.Components) && Attributes.SequenceEqual(other.Attributes);
}

/// <summary>A style: what its SKUs have in common, and which SKU each colour and size is. Document <c>/id</c> of container <c>styles</c>.</summary>
public sealed record Style
{
    public required string Id { get; init; }
    public string Type { get; init; } = "style";
    public required string Name { get; init; }
    public string? Season { get; init; }
    public string? Category { get; init; }

    /// <summary>In the order in which a matrix shows them.</summary>
    public IReadOnlyList<string> Colours { get; init; } = [];
    public IReadOnlyList<string> Sizes { get; init; } = [];
    public IReadOnlyList<Cell> Cells { get; init; } = [];

    /// <summary>Counts writes of the style or any of its SKUs, from 1.</summary>
    public long Version { get; init; }

    /// <summary>True from before its products are written until after: a writer that died left products behind this style, and the next
    /// write of the style completes them.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Writing { get; init; }

    /// <summary>Names the write that made this version: so a writer whose answer was lost knows its own from another's.</summary>
    public string? Write { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public string Actor { get; init; } = "";
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>True when both say the same, whoever wrote it when.</summary>
    public bool SaysTheSameAs(Style? other) => other is not null
        && (this with { Write = other.Write, Colours = other.Colours, Sizes = other.Sizes, Cells = other.Cells, Version = other.Version, UpdatedAt = other.UpdatedAt, Actor = other.Actor, ETag = other.ETag }).Equals(other)
        && Colours.SequenceEqual(other.Colours) && Sizes.SequenceEqual(other.Sizes) && Cells.SequenceEqual(other.Cells);
}

/// <summary>One SKU of a style's matrix. Several archived SKUs may have been what an active one is now.</summary>
public sealed record Cell(string Colour, string Size, string Sku, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Archived = false);

/// <summary>Which SKU a code means: document of container <c>aliases</c>. Its id is the code, so a code can mean one SKU only.</summary>
public sealed record Alias
{
    public required string Id { get; init; }
    public required string Sku { get; init; }

    /// <summary>When it was taken: a code whose SKU does not (yet) know of it may be taken over after a while.</summary>
    public DateTimeOffset At { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>The one spelling of a code: <c>gtin:&lt;14 digits&gt;</c> for what is a valid GTIN, otherwise <c>code:</c> and the code in upper
    /// case, so that <c>ls-nvy-s</c> finds LS-NVY-S and two SKUs never differ by case alone.</summary>
    public static string IdOf(string code) => Gtin.TryParse(code, out var gtin) ? Ids.Join(["gtin", gtin.Digits]) : Ids.Join(["code", code.Trim().ToUpperInvariant()]);
}
