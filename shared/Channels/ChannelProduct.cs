namespace Selvedge.Channels;

/// <summary>A product as it is to be shown: a style with its SKUs.</summary>
public sealed record ChannelProduct
{
    public required string Style { get; init; }
    public required string Title { get; init; }
    public string? Description { get; init; }
    public string? Category { get; init; }
    public IReadOnlyList<string> Images { get; init; } = [];

    /// <summary>What all of its SKUs have in common.</summary>
    public IReadOnlyDictionary<string, string> Attributes { get; init; } = new Dictionary<string, string>();

    /// <summary>Names of what its SKUs differ in, in order, e.g. Colour, Size.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];

    /// <summary>Those that are to be shown and have no answer yet.</summary>
    public required IReadOnlyList<ChannelItem> Items { get; init; }

    /// <summary>SKUs that were of the style and are archived: what stands for them there stays, and is never deleted; one that takes the colour and size of such a one may take its place.</summary>
    public IReadOnlyList<string> Former { get; init; } = [];

    /// <summary>The channel's id of the product, once it has one.</summary>
    public string? ExternalId { get; init; }
}

/// <summary>One SKU of a product.</summary>
/// <param name="Sku">Ours.</param>
/// <param name="Gtin">Its GTIN, where it has one.</param>
/// <param name="Options">One for each of the product's options.</param>
/// <param name="Price">In ten-thousandths of <paramref name="Currency"/>.</param>
/// <param name="Currency">ISO 4217; null: the base currency.</param>
/// <param name="ExternalId">The channel's id of it, once it has one.</param>
/// <param name="Code">The channel's own code of the goods (an ASIN, a product's SKU there), where the product master has one.</param>
public sealed record ChannelItem(string Sku, string? Gtin, IReadOnlyList<string> Options, long? Price, string? Currency, string? ExternalId = null, string? Code = null);

/// <summary>What came of publishing a product. An item that is not answered is asked about, or sent, again.</summary>
/// <param name="Items">What is known of items.</param>
public sealed record PublishAnswer(IReadOnlyList<PublishedItem> Items)
{
    /// <summary>The channel's id of the product, where it has one.</summary>
    public string? ExternalId { get; init; }

    /// <summary>What <see cref="ChannelAdapter.PublishedAsync"/> asks about, where the channel decides of the other items later; and when it may first be asked.</summary>
    public string? Submission { get; init; }
    public TimeSpan? LookAfter { get; init; }

    /// <summary>When the other items may be sent, where a limit came in between.</summary>
    public DateTimeOffset? Until { get; init; }
}

/// <summary>One item's answer: what stands for it in the channel now, by which stock is set; or why it was not taken.</summary>
public sealed record PublishedItem(string Sku, IReadOnlyList<ListingKey> Listings, string? Error = null);
