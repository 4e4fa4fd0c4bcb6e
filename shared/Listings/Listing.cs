using System.Globalization;
using System.Text.Json.Serialization;
using Selvedge.Channels;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>Where a listing stands.</summary>
[JsonConverter(typeof(CamelCaseEnum<ListingStatus>))]
public enum ListingStatus
{
    /// <summary>It shows its number.</summary>
    Live,
    /// <summary>It sells nothing, for want of stock or by a person's word.</summary>
    Paused,
    /// <summary>It has no SKU of ours: nothing is sent.</summary>
    Unmapped,
    /// <summary>It is over: nothing is sent any more.</summary>
    Ended,
}

/// <summary>What is to be done about a listing: the first first.</summary>
public enum Urgency
{
    Pause = 0,
    Drop = 1,
    /// <summary>The channel's number was another than believed: whatever is to be shown waits until orders are read.</summary>
    Stale = 2,
    /// <summary>More is to be shown: waits until orders are read.</summary>
    Raise = 3,
    /// <summary>It is to be looked at what the channel shows.</summary>
    Verify = 5,
}

/// <summary>The number a listing is to show.</summary>
/// <param name="Version">Counts up with every change of number or pause.</param>
/// <param name="Units">The number after caps, whether paused or not.</param>
/// <param name="Paused">It is to sell nothing.</param>
/// <param name="Ats">The number before the cap.</param>
/// <param name="At">When it was computed.</param>
/// <param name="Since">Since when what is to be shown and what was sent differ: the start of the oldest difference not yet sent.</param>
/// <param name="CommittedAt">When the ledger wrote what brought it about; and when that happened.</param>
/// <param name="EventAt"><inheritdoc cref="Wanted" path="/param[@name='CommittedAt']"/></param>
/// <param name="Reason">How it came about, for a person.</param>
public sealed record Wanted(long Version, long Units, bool Paused, long Ats, DateTimeOffset At, DateTimeOffset Since, DateTimeOffset? CommittedAt, DateTimeOffset? EventAt, string Reason)
{
    /// <summary>What is sent.</summary>
    [JsonIgnore] public long Sent => Paused ? 0 : Units;
}

/// <summary>A number that may be gone up to once orders are read past <paramref name="At"/>.</summary>
public sealed record Raise(long Units, DateTimeOffset At);

/// <summary>A call that was about to be made: written before it, so that whoever finds it reads back before deciding anything.</summary>
/// <param name="Of">What was to be shown.</param>
/// <param name="Units">The number that is sent, which may be less.</param>
/// <param name="At">When.</param>
/// <param name="Key">The idempotency key that goes with it.</param>
/// <param name="Run">Who asked.</param>
/// <param name="Submission">The channel took it and decides later.</param>
public sealed record Asked(Wanted Of, long Units, DateTimeOffset At, string Key, string Run, string? Submission = null);

/// <summary>What was sent last and taken.</summary>
/// <param name="Version">Of <see cref="Wanted"/>.</param>
/// <param name="Units">The number.</param>
/// <param name="Paused">Whether it paused.</param>
/// <param name="At">When the call was made.</param>
/// <param name="ConfirmedAt">When the channel said yes, or it was read back.</param>
public sealed record Published(long Version, long Units, bool Paused, DateTimeOffset At, DateTimeOffset? ConfirmedAt = null);

/// <summary>The channel's number by its own word, as of when: after a call that it confirmed, or read back.</summary>
public sealed record Known(long Units, DateTimeOffset At);

/// <summary>Units of one order of this channel that its own number was taken down by since <see cref="Known"/>; below zero: units that its cancel gave back.</summary>
public sealed record Sale(string Order, long Units, DateTimeOffset PlacedAt);

/// <summary>The channel shows another number than believed. Whether somebody changed it there is known once orders are read past <paramref name="At"/>.</summary>
/// <param name="Expected">What was believed, less the sales before <paramref name="At"/> that were heard of since.</param>
/// <param name="Units">What it shows.</param>
/// <param name="At">When that was read.</param>
/// <param name="From">As of when the belief was.</param>
/// <param name="Sales">Those sales.</param>
/// <param name="ReadAt">Since when orders are read past it.</param>
public sealed record Suspect(long Expected, long Units, DateTimeOffset At, DateTimeOffset From, IReadOnlyList<Sale>? Sales = null, DateTimeOffset? ReadAt = null)
{
    /// <summary>Sales that were not known then account for all of it.</summary>
    [JsonIgnore] public bool IsExplained => Expected - (Sales?.Sum(sale => sale.Units) ?? 0) == Units;
}

/// <summary>How the SKU sells over all channels, as heard: units, and their squares by order, per hour, weighted by age (a day).</summary>
/// <param name="Sequence">The last journal entry that is counted.</param>
public sealed record Pace(long Sequence, double PerHour, double Squares, DateTimeOffset At);

/// <summary>The orchestration that has a paused listing in hand.</summary>
/// <param name="Run">Its number.</param>
/// <param name="At">When it was begun.</param>
/// <param name="VerifiedAt">When the pause was read back at the channel.</param>
/// <param name="SeenAt">When it last looked.</param>
public sealed record Guarded(int Run, DateTimeOffset At, DateTimeOffset? VerifiedAt = null, DateTimeOffset? SeenAt = null);

/// <summary>What went wrong last.</summary>
public sealed record ListingError(string Message, DateTimeOffset At, int Times = 1);

/// <summary>A part of the bundle that is listed.</summary>
public sealed record ListingPart(string Sku, long Units);

/// <summary>What one channel account shows for one item at one of its places: document of container <c>listings</c>, id = place and item.</summary>
public sealed record Listing
{
    public required string Id { get; init; }
    public required string Channel { get; init; }
    public string Type { get; init; } = "listing";

    /// <summary>Ours; empty while it is unmapped.</summary>
    public string Sku { get; init; } = "";
    public string? Style { get; init; }

    /// <summary>The channel's words (<see cref="ListingKey"/>).</summary>
    public string Place { get; init; } = "";
    public required string Item { get; init; }
    public string? Extra { get; init; }

    /// <summary>What the SKU, a virtual bundle, consists of.</summary>
    public IReadOnlyList<ListingPart>? Parts { get; init; }
    public ListingStatus Status { get; init; }

    /// <summary>Its own bounds; null: as style, channel or everybody.</summary>
    public ListingSettings? Own { get; init; }
    public ManualState? Manual { get; init; }
    public string? ManualBy { get; init; }
    public Wanted? Desired { get; init; }
    public Raise? Raise { get; init; }
    public Asked? Asked { get; init; }
    public Published? Published { get; init; }
    public Known? Known { get; init; }
    public IReadOnlyList<Sale>? Sales { get; init; }
    public Suspect? Suspect { get; init; }
    public Pace? Pace { get; init; }
    public Guarded? Guard { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public int GuardRuns { get; init; }

    /// <summary>The channel's number was another than believed: nothing is sent before orders are read past this.</summary>
    public DateTimeOffset? StaleAt { get; init; }

    /// <summary>Nothing is tried before; after a failure.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>It is to be read back then.</summary>
    public DateTimeOffset? VerifyAt { get; init; }

    /// <summary>Units that the channel holds in its own warehouse for it: the number is the channel's, nothing is sent.</summary>
    public long? Theirs { get; init; }

    /// <summary>How often somebody changed the number at the channel, and when last.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public int Drifts { get; init; }
    public DateTimeOffset? DriftedAt { get; init; }
    public ListingError? LastError { get; init; }

    /// <summary>The version that the channel will not take, however often it is sent.</summary>
    public long? Refused { get; init; }

    /// <summary>What is to be done and when: <c>&lt;channel&gt;|&lt;urgency&gt;|&lt;instant&gt;</c>; exists only while there is something. The channel comes first, so that one
    /// index over all partitions gives a lane its work.</summary>
    public string? Due { get; init; }

    /// <summary><see cref="Due"/>, read.</summary>
    [JsonIgnore] public (Urgency What, DateTimeOffset At)? Next => Due?.Split('|') is [_, [var word], var at] && InstantConverter.TryParse(at, out var instant) ? ((Urgency)(word - '0'), instant) : null;
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>What the channel shows by what is known: its last word less its own sales since, plus its cancels. Null: not known.</summary>
    [JsonIgnore] public long? Believed => Known is not { } known ? null : Math.Max(0, known.Units - (Sales?.Where(sale => sale.PlacedAt > known.At).Sum(sale => sale.Units) ?? 0));

    /// <summary>As adapters know it.</summary>
    [JsonIgnore] public ListingKey Key => new(Id, Place, Item, Sku, Extra);

    /// <summary>True while numbers are sent for it.</summary>
    [JsonIgnore] public bool IsSent => Status is ListingStatus.Live or ListingStatus.Paused && Sku.Length > 0;

    /// <summary>Its id, by the channel's words.</summary>
    public static string IdOf(string place, string item) => Ids.Join([place, item], 200);
}

/// <summary>A number that a listing was to show, and when it did: document <c>~w:&lt;listing&gt;:&lt;version&gt;</c> of its channel's partition. Kept 90 days.</summary>
public sealed record Why
{
    public const int KeptSeconds = 90 * 24 * 3600;
    public required string Id { get; init; }
    public required string Channel { get; init; }
    public string Type { get; init; } = "why";
    public required string Listing { get; init; }
    public required long Version { get; init; }
    public required long Units { get; init; }
    public bool Paused { get; init; }
    public required string Reason { get; init; }

    /// <summary>When it was computed.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>What the channel was given, when, and when it said yes. Of a number that was changed there (<see cref="Drift"/>): what was read, and when.</summary>
    public long? Sent { get; init; }
    public DateTimeOffset? SentAt { get; init; }
    public DateTimeOffset? ConfirmedAt { get; init; }
    public DateTimeOffset? EventAt { get; init; }
    public DateTimeOffset? CommittedAt { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Drift { get; init; }
    public int Ttl { get; init; } = KeptSeconds;

    /// <summary>What all of a listing's begin with. Listings' own ids never begin with '~' and a small letter (<see cref="Ids"/>).</summary>
    public static string Prefix(string listing) => "~w:" + listing + ":";
    public static string IdOf(string listing, long version) => Prefix(listing) + version.ToString("D12", CultureInfo.InvariantCulture);
}

/// <summary>Says that a listing's number follows from this SKU too: one for each part of a bundle, found by <c>sku</c> as listings are.</summary>
public sealed record Draw
{
    public required string Id { get; init; }
    public required string Channel { get; init; }
    public string Type { get; init; } = "draw";
    public required string Sku { get; init; }
    public required string Listing { get; init; }
    public static string IdOf(string listing, string sku) => "~d:" + listing + ":" + Ids.Join([sku], 40);
}
