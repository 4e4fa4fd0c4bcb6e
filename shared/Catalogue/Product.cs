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

    /// <summary>Other codes that name this SKU (a supplier's, a channel's, an old one).</summary>
    public IReadOnlyList<ProductCode> Codes { get; init; } = [];

    /// <summary>Price, the price it is compared with (struck through), and cost of one unit, in ten-thousandths of the base currency.</summary>
    public long? Price { get; init; }
    public long? CompareAt { get; init; }
    public long? Cost { get; init; }

    /// <summary>Prices in other currencies, by ISO 4217 code.</summary>
    public SortedDictionary<string, PriceTag> Prices { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Grams.</summary>
    public long? Weight { get; init; }
    public SortedDictionary<string, string> Attributes { get; init; } = new(StringComparer.Ordinal);
    [JsonPropertyName("kind")] public ProductKind Kind { get; init; }
    public IReadOnlyList<Component> Components { get; init; } = [];

    /// <summary>Counts changes of <see cref="Components"/>, from 1; 0 without any. Orders keep the one they were exploded by.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long ComponentsVersion { get; init; }

    /// <summary>Still in the range. An archived SKU keeps its stock, its history and its codes.</summary>
    public bool Active { get; init; } = true;

    /// <summary>Counts changes, from 1.</summary>
    public long Version { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public string Actor { get; init; } = "";
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>Every id in container <c>aliases</c> that leads to this SKU.</summary>
    [JsonIgnore] public IEnumerable<string> AliasIds => AliasCodes.Select(code => Alias.IdOf(code.Code)).Distinct(StringComparer.Ordinal);

    /// <summary>Everything that names this SKU: its own text and its GTIN always, the other codes within their dates.</summary>
    [JsonIgnore] public IEnumerable<ProductCode> AliasCodes => Codes.Prepend(new(Sku)).Concat(Barcode is null ? [] : [new(Barcode)]);

    /// <summary>True when both say the same of the SKU, whoever wrote it when.</summary>
    public bool SaysTheSameAs(Product? other) => other is not null
        && (this with { Codes = other.Codes, Prices = other.Prices, Attributes = other.Attributes, Components = other.Components, Version = other.Version, UpdatedAt = other.UpdatedAt, Actor = other.Actor, ETag = other.ETag }).Equals(other)
        && Codes.SequenceEqual(other.Codes) && Components.SequenceEqual(other.Components) && Attributes.SequenceEqual(other.Attributes) && Prices.SequenceEqual(other.Prices);
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

    /// <summary>Pictures in the order in which they are shown.</summary>
    public IReadOnlyList<StyleImage> Images { get; init; } = [];

    /// <summary>What one unit is made of: the bill of materials.</summary>
    public IReadOnlyList<Material> Materials { get; init; } = [];

    /// <summary>What this version changed; earlier ones are in container <c>history</c>.</summary>
    public StyleChange? Change { get; init; }

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
        && (this with { Write = other.Write, Change = other.Change, Images = other.Images, Materials = other.Materials, Colours = other.Colours, Sizes = other.Sizes, Cells = other.Cells, Version = other.Version, UpdatedAt = other.UpdatedAt, Actor = other.Actor, ETag = other.ETag }).Equals(other)
        && Colours.SequenceEqual(other.Colours) && Sizes.SequenceEqual(other.Sizes) && Cells.SequenceEqual(other.Cells)
        && Images.SequenceEqual(other.Images) && Materials.SequenceEqual(other.Materials);
}

/// <summary>One SKU of a style's matrix. Several archived SKUs may have been what an active one is now. <paramref name="Version"/> is the product's,
/// <paramref name="Virtual"/> that it is a bundle without stock.</summary>
public sealed record Cell(string Colour, string Size, string Sku, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Archived = false, long Version = 0,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Virtual = false);

/// <summary>A price in one currency and the price it is compared with, in ten-thousandths of it.</summary>
public sealed record PriceTag(long Price, long? CompareAt = null);

/// <summary>A picture: an absolute http(s) address, the colour it shows (all, when null), and what a screen reader says.</summary>
public sealed record StyleImage(string Url, string? Colour = null, string? Alt = null);

/// <summary>A line of the bill of materials: e.g. 1.35 <c>m</c> of <c>Linen 180 g</c>. The quantity is in ten-thousandths of its unit.</summary>
public sealed record Material(string Name, long Quantity, string Unit);

/// <summary>Another code of a SKU: since when (from the first day, when null) and until when (exclusive; for good, when null) it means it, and
/// the channel whose code it is. Written as plain text where it has none of these.</summary>
[JsonConverter(typeof(ProductCodeConverter))]
public sealed record ProductCode(string Code, DateTimeOffset? From = null, DateTimeOffset? To = null, string? Channel = null)
{
    [JsonIgnore] public bool IsPlain => From is null && To is null && Channel is null;

    /// <summary>Whether both mean something at one instant; a code without dates does from <paramref name="now"/> on.</summary>
    public bool Overlaps(ProductCode other, DateTimeOffset now) => Begins(now) < (other.To ?? DateTimeOffset.MaxValue) && other.Begins(now) < (To ?? DateTimeOffset.MaxValue);

    DateTimeOffset Begins(DateTimeOffset now) => From ?? (To is null ? now : DateTimeOffset.MinValue);
}
