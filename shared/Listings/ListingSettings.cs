using System.Globalization;
using System.Text.Json.Serialization;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>What bounds listings' numbers, as far as it is said at one level; members left null are as the next level says: listing, style, channel, everybody.</summary>
public sealed record ListingSettings
{
    /// <summary>Units left to others. A channel's own <c>buffer</c> stands where neither listing nor style says one.</summary>
    public long? Buffer { get; init; }
    public long? Allocation { get; init; }
    public long? Threshold { get; init; }
    public long? Hysteresis { get; init; }

    /// <summary>Above 0: the threshold is the smallest that keeps the chance of an oversell during the measured refresh latency at or under this, and at least <see cref="Threshold"/>.</summary>
    public double? Risk { get; init; }

    [JsonIgnore] public bool IsEmpty => this == new ListingSettings();

    /// <summary>Reads <c>{buffer?, allocation?, threshold?, hysteresis?, risk?}</c>.</summary>
    public static ListingSettings Parse(RequestFields body) => new()
    {
        Buffer = body.OptionalWhole("buffer", 0, 1_000_000), Allocation = body.OptionalWhole("allocation", 0, 1_000_000), Threshold = body.OptionalWhole("threshold", 0, 1_000_000),
        Hysteresis = body.OptionalWhole("hysteresis", 0, 1_000_000), Risk = RiskOf(body),
    };

    static double? RiskOf(RequestFields body)
    {
        if (body.OptionalText("risk", 12) is not { } text) return null;
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var risk) && risk is >= 0 and <= 0.5) return risk;
        body.Add("risk", "Expected a chance from \"0\" to \"0.5\" as decimal text, e.g. \"0.005\"; \"0\" turns it off.");
        return null;
    }

    /// <summary>As the API shows it; what can be read back.</summary>
    public object View() => new { Buffer, Allocation, Threshold, Hysteresis, Risk = Risk?.ToString("0.######", CultureInfo.InvariantCulture) };
}

/// <summary>Settings for everybody (<c>all</c>), a channel (<c>channel.&lt;id&gt;</c>) or a style (<c>style.&lt;id&gt;</c>): document of container <c>settings</c>, kind <c>listing</c>.</summary>
public sealed record ListingRule : ISetting
{
    public const string All = "all";
    public required string Id { get; init; }
    public string Kind { get; init; } = "listing";
    public required ListingSettings Settings { get; init; }
    public long Version { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public string Actor { get; init; } = "";
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    public static string OfStyle(string style) => "style." + style;
    public static string OfChannel(string channel) => "channel." + channel;

    public object View() => new { Id, Settings.Buffer, Settings.Allocation, Settings.Threshold, Settings.Hysteresis, Risk = Settings.Risk?.ToString("0.######", CultureInfo.InvariantCulture), Version, UpdatedAt, Actor };
}

/// <summary>The settings there are, and what they come to for a listing.</summary>
public sealed class ListingRules(Store store, TimeProvider time)
{
    readonly SettingsOf<ListingRule> settings = new(store, time, "listing");

    public Task<ListingRule?> FindAsync(string id, CancellationToken cancel = default) => settings.FindAsync(id, fresh: true, cancel);
    public Task<IReadOnlyList<ListingRule>> ListAsync(CancellationToken cancel = default) => settings.ListAsync(cancel);

    /// <exception cref="ProblemException">412.</exception>
    public async Task<ListingRule> PutAsync(string id, ListingSettings said, Precondition when, string actor, CancellationToken cancel = default)
    {
        var before = await settings.RequireAsync(id, when, cancel);
        if (before?.Settings == said) return before;
        return await settings.WriteAsync(new ListingRule { Id = id, Settings = said, Version = (before?.Version ?? 0) + 1, UpdatedAt = time.GetUtcNow(), Actor = actor }, before, cancel);
    }

    /// <summary>What changes when any of them does.</summary>
    public async Task<long> StampAsync(CancellationToken cancel) => (await settings.ListAsync(cancel)).Sum(rule => rule.Version);

    /// <summary>The bounds of a listing; the nearest level that says something says it. Adaptive thresholds need <paramref name="demand"/>.</summary>
    public async Task<ListingBounds> BoundsAsync(Listing listing, long channelBuffer, Demand? demand, CancellationToken cancel)
    {
        var all = await settings.ListAsync(cancel);
        ListingSettings? Level(string id) => all.FirstOrDefault(rule => rule.Id == id)?.Settings;
        return Bounds([listing.Own, listing.Style is { } style ? Level(ListingRule.OfStyle(style)) : null, Level(ListingRule.OfChannel(listing.Channel)), new() { Buffer = channelBuffer > 0 ? channelBuffer : null }, Level(ListingRule.All)], demand);
    }

    /// <summary>The first level that says something says it.</summary>
    public static ListingBounds Bounds(IReadOnlyList<ListingSettings?> levels, Demand? demand)
    {
        long? First(Func<ListingSettings, long?> member) => levels.Select(level => level is null ? null : member(level)).FirstOrDefault(value => value is not null);
        var (threshold, risk) = (First(level => level.Threshold) ?? 0, levels.Select(level => level?.Risk).FirstOrDefault(value => value is not null) ?? 0);
        string? why = null;
        if (risk > 0 && demand is { } measured && Adaptive.Threshold(measured, risk) is var adaptive && adaptive > threshold)
            (threshold, why) = (adaptive, string.Create(CultureInfo.InvariantCulture, $"threshold {adaptive} keeps the chance of an oversell within {measured.Latency.TotalSeconds:0.#} s of refresh latency at {measured.PerHour:0.##} sold an hour under {risk:P2}"));
        return new(First(level => level.Buffer) ?? 0, First(level => level.Allocation), threshold, First(level => level.Hysteresis) ?? (why is null ? 0 : Math.Max(1, threshold / 4)), why, risk > 0);
    }
}
