using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>What stands for a SKU in a channel, or why nothing does.</summary>
/// <param name="Sku">Ours.</param>
/// <param name="Content">What it was answered for (<see cref="StyleProduct.Content"/>); null: it is to be said again.</param>
/// <param name="At">Where stock is set for it.</param>
/// <param name="Error">What the channel says of it, where it was not taken.</param>
public sealed record ListedItem(string Sku, string? Content, IReadOnlyList<ListedAt> At, string? Error = null);

/// <summary>An item of the channel, by its words (<see cref="ListingKey"/>).</summary>
public sealed record ListedAt(string Place, string Item);

/// <summary>A SKU that is not shown, because something is missing.</summary>
public sealed record HeldSku(string Sku, IReadOnlyList<ListingGap> Why);

/// <summary>The channel took it and decides later.</summary>
public sealed record Submitted(string Id, string Content, DateTimeOffset At, DateTimeOffset LookAt);

/// <summary>Where a style stands in a channel.</summary>
public enum ListedState
{
    /// <summary>It is to be sent.</summary>
    Waiting,
    /// <summary>It was sent, and the channel has not decided.</summary>
    Submitted,
    /// <summary>The channel shows it as the product master has it.</summary>
    Listed,
    /// <summary>The channel does not take it, or not all of it, or nothing of it can be listed: a person must look. It is tried again after a day, when it changes, or when it is asked for again.</summary>
    Refused,
    /// <summary>It is not to be listed any more.</summary>
    Stopped,
}

/// <summary>A style that a channel is to list: document <c>~p:&lt;style&gt;</c> of the channel's partition of container <c>listings</c>.</summary>
public sealed record ListedStyle
{
    public const string Prefix = "~p:";

    /// <summary>Behind everything that is done about numbers and orders (<see cref="Urgency"/>).</summary>
    const int AfterAll = 6;
    public required string Id { get; init; }
    public required string Channel { get; init; }
    public string Type { get; init; } = "style";
    public required string Style { get; init; }

    /// <summary>A person wants it listed no longer; and since when its listings are paused for that.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Ended { get; init; }
    public DateTimeOffset? PausedAt { get; init; }

    /// <summary>Who asked for it last.</summary>
    public required string Actor { get; init; }

    /// <summary>What is to be shown, and since when (<see cref="StampOf"/>); what was last.</summary>
    public required string Wanted { get; init; }
    public required DateTimeOffset WantedAt { get; init; }
    public string? Published { get; init; }
    public DateTimeOffset? PublishedAt { get; init; }

    /// <summary>The channel's id of the product.</summary>
    public string? ExternalId { get; init; }
    public IReadOnlyList<ListedItem> Items { get; init; } = [];
    public IReadOnlyList<HeldSku> Held { get; init; } = [];
    public Submitted? Submission { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Refused { get; init; }
    public ListingError? LastError { get; init; }

    /// <summary>Nothing is tried before.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>As <see cref="Listing.Due"/>, so that one index gives a lane all its work.</summary>
    public string? Due { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    [JsonIgnore] public ListedState State => Ended ? ListedState.Stopped : Submission is not null ? ListedState.Submitted : Refused ? ListedState.Refused : Published == Wanted ? ListedState.Listed : ListedState.Waiting;

    /// <summary>When something is to be done; null: nothing is.</summary>
    [JsonIgnore] public DateTimeOffset? DueAt => Due?.Split('|') is [_, _, var at] && InstantConverter.TryParse(at, out var instant) ? instant : null;

    public static string IdOf(string style) => Prefix + Ids.Join([style], 200);

    /// <summary>What stands between a channel's documents of this kind and those with later urgencies.</summary>
    public static (string From, string To) DueRange(string channel) => (string.Create(null, $"{channel}|{AfterAll}|"), string.Create(null, $"{channel}|{AfterAll}}}"));

    /// <summary>Says of which style and channel a product is: whatever changes either makes another one. A style whose products are still being written is another than the whole one.</summary>
    public static string StampOf(long version, bool writing, Channel channel) => string.Create(CultureInfo.InvariantCulture, $"{version}{(writing ? "w" : "")}|{SettingsOf(channel)}");

    /// <summary>A digest of what of a channel's settings decides how products are sent.</summary>
    public static string SettingsOf(Channel channel)
    {
        var text = new StringBuilder(channel.Currency).Append('\n').AppendJoin(',', channel.Locations).Append('\n').Append(channel.Api?.Shop);
        foreach (var (name, value) in (channel.Places ?? new Dictionary<string, string>()).Concat(channel.Api?.Settings ?? new Dictionary<string, string>()).OrderBy(pair => pair.Key, StringComparer.Ordinal).ThenBy(pair => pair.Value, StringComparer.Ordinal))
            text.Append('\n').Append(name).Append('=').Append(value);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())).AsSpan(0, 6));
    }

    // ---- what happens to it: pure, and each ends by saying what is due.

    /// <summary>A person wants it listed. One that is listed, or waits without trouble, stays as it is; what was stopped or refused is sent anew.</summary>
    public static ListedStyle Asked(ListedStyle? known, string channel, string style, string stamp, string? externalId, string actor, DateTimeOffset now)
    {
        if (known is { Ended: false, LastError: null } && (externalId is null || externalId == known.ExternalId)) return Changed(known, stamp, now);
        known ??= new() { Id = IdOf(style), Channel = channel, Style = style, Actor = actor, Wanted = stamp, WantedAt = now, CreatedAt = now };
        return Dued(known with
        {
            Ended = false, PausedAt = null, Actor = actor, Wanted = stamp, WantedAt = now, Published = null, ExternalId = externalId ?? known.ExternalId, Items = [.. known.Items.Select(item => item with { Content = null })],
            Submission = null, Refused = false, LastError = null, NotBefore = null, UpdatedAt = now,
        });
    }

    /// <summary>A person wants it listed no longer.</summary>
    public static ListedStyle Stopped(ListedStyle known, string actor, DateTimeOffset now) => known.Ended ? known
        : Dued(known with { Ended = true, Actor = actor, WantedAt = now, Submission = null, Refused = false, LastError = null, NotBefore = null, UpdatedAt = now });

    /// <summary>Its listings are paused.</summary>
    public static ListedStyle Paused(ListedStyle known, DateTimeOffset now) => !known.Ended ? known : Dued(known with { PausedAt = now, UpdatedAt = now });

    /// <summary>The style, or the channel, is another one now.</summary>
    public static ListedStyle Changed(ListedStyle known, string stamp, DateTimeOffset now) => known.Ended || known.Wanted == stamp ? known
        : Dued(known with { Wanted = stamp, WantedAt = known.Published == known.Wanted ? now : known.WantedAt, Refused = false, NotBefore = known.Refused ? null : known.NotBefore, UpdatedAt = now });

    /// <summary>What came of it.</summary>
    /// <param name="known">As it is now.</param>
    /// <param name="product">What was to be shown.</param>
    /// <param name="stamp">Of which style and channel that was.</param>
    /// <param name="answer">The channel's; of a product of which nothing was left to be said, one without items.</param>
    /// <param name="now">The time.</param>
    public static ListedStyle Answered(ListedStyle known, StyleProduct product, string stamp, PublishAnswer answer, DateTimeOffset now)
    {
        var told = answer.Items.ToDictionary(item => item.Sku, item => new ListedItem(item.Sku, item.Error is null ? product.Content : null, [.. item.Listings.Select(key => new ListedAt(key.Place, key.Item))], item.Error), StringComparer.Ordinal);
        var next = known with
        {
            ExternalId = answer.ExternalId ?? known.ExternalId, Held = product.Held, Submission = null, UpdatedAt = now,
            // What is not of the product now is said anew when it is again, even where everything is as it once was.
            Items = [.. known.Items.Where(item => !told.ContainsKey(item.Sku) && (product.Has(item.Sku) || item.At.Count > 0)).Select(item => product.Has(item.Sku) ? item : item with { Content = null }), .. told.Values.OrderBy(item => item.Sku, StringComparer.Ordinal)],
        };
        if (known.Ended) return Dued(next);
        var errors = told.Values.Where(item => item.Error is not null).ToList();
        var open = product.Open(next).Count(item => !told.ContainsKey(item.Sku));
        if (open > 0 && answer.Submission is { } submission) return Dued(next with { Submission = new(submission, product.Content, known.Submission is { } before && before.Id == submission && before.Content == product.Content ? before.At : now, now + (answer.LookAfter ?? TimeSpan.FromMinutes(1))), LastError = null, NotBefore = null });
        if (open > 0) return Dued(next with { NotBefore = answer.Until ?? now + TimeSpan.FromSeconds(5) });
        if (errors.Count > 0) return Refuse(next, $"{errors.Count} of {product.Product.Items.Count} SKUs were not taken: {string.Join("; ", errors.Take(5).Select(item => $"{item.Sku}: {item.Error}"))}", now);
        return Dued(next with { Published = stamp, PublishedAt = now, Refused = false, LastError = null, NotBefore = null });
    }

    /// <summary>It will not be taken as it is: a person must look.</summary>
    public static ListedStyle Refuse(ListedStyle known, string why, DateTimeOffset now) => known.Ended ? known
        : Dued(known with { Submission = null, Refused = true, LastError = Error(known, why, now), NotBefore = now + TimeSpan.FromDays(1), UpdatedAt = now });

    /// <summary>The channel has not decided yet.</summary>
    public static ListedStyle Undecided(ListedStyle known, DateTimeOffset now) => known.Submission is not { } submission ? known
        : now - submission.At > TimeSpan.FromDays(1) ? Refuse(known, "The channel took it a day ago and has not decided.", now)
        : Dued(known with { Submission = submission with { LookAt = now + TimeSpan.FromSeconds(Math.Clamp((now - submission.At).TotalSeconds / 2, 30, 900)) }, UpdatedAt = now });

    /// <summary>There was no answer: what became of it is not known, and it is said again.</summary>
    public static ListedStyle Failed(ListedStyle known, string why, DateTimeOffset now) =>
        Dued(known with { LastError = Error(known, why, now), NotBefore = now + ListingTurns.Backoff(known.LastError?.Times ?? 0), UpdatedAt = now });

    static ListingError Error(ListedStyle known, string why, DateTimeOffset now) => new(why.Length > 600 ? why[..600] : why, now, (known.LastError?.Times ?? 0) + 1);

    static ListedStyle Dued(ListedStyle known)
    {
        var at = known.Ended ? (known.PausedAt is null ? known.WantedAt : (DateTimeOffset?)null) : known.Submission is { } submission ? submission.LookAt : known.Published == known.Wanted ? null : known.WantedAt;
        if (at is not null && known.NotBefore > at) at = known.NotBefore;
        return known with { Due = at is { } when ? DueRange(known.Channel).From + InstantConverter.Text(when) : null };
    }
}
