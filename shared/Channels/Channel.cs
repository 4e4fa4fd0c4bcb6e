using System.Text.Json.Serialization;
using Selvedge.Catalogue;
using Selvedge.Platform;

namespace Selvedge.Channels;

/// <summary>What happens when a channel's order wants more than there is (design, section 6).</summary>
public enum ShortagePolicy
{
    /// <summary>The channel has sold it already: recorded, counted, an exception.</summary>
    Oversold,
    /// <summary>The rest waits for the next stock.</summary>
    Backorder,
    /// <summary>The channel asks first: all or nothing.</summary>
    Refuse,
    /// <summary>The channel asks first and takes what there is.</summary>
    Partial,
}

/// <summary>A sales channel (one account of one system): document of container <c>settings</c>, kind <c>channel</c>.</summary>
public sealed record Channel : ISetting
{
    public required string Id { get; init; }
    public string Kind { get; init; } = "channel";

    /// <summary>The system behind it, e.g. <c>shopify</c>; <c>kind</c> is the document's partition.</summary>
    [JsonPropertyName("is")] public required string Is { get; init; }
    public required string Name { get; init; }

    /// <summary>Where its orders are filled from, in order.</summary>
    public IReadOnlyList<string> Locations { get; init; } = [];
    public ShortagePolicy Shortage { get; init; }

    /// <summary>Names of configuration values (<c>Secrets:&lt;name&gt;</c>), never the secrets: the one in force, and during a rotation the one before.</summary>
    public string? Secret { get; init; }
    public string? SecretPrevious { get; init; }

    /// <summary>Units of every SKU that this channel leaves to the others.</summary>
    public long Buffer { get; init; }

    /// <summary>0 to 9: whose waiting orders are served first; 9 before 0.</summary>
    public int Priority { get; init; }
    public long Version { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public string Actor { get; init; } = "";
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>True when an order of this channel is a request that may be refused.</summary>
    [JsonIgnore] public bool AsksFirst => Shortage is ShortagePolicy.Refuse or ShortagePolicy.Partial;

    /// <summary>Reads <c>{kind, name?, locations[], shortage?, secret?, secretPrevious?, buffer?, priority?}</c>; shortage is <c>oversold</c> when left out.</summary>
    /// <exception cref="ProblemException">400 with the JSON pointer of every fault; no fault repeats text that stands in <c>secret</c>.</exception>
    public static Channel Parse(string id, RequestFields body, Func<string, bool> isLocation)
    {
        Sku.Require("channel", id, 40);
        var channel = new Channel
        {
            Id = id, Is = body.Text("kind", 40), Name = body.OptionalText("name", 100) ?? id, Locations = body.Texts("locations", 200, 40),
            Shortage = body.Word<ShortagePolicy>("shortage", ShortagePolicy.Oversold), Secret = SecretName(body, "secret"), SecretPrevious = SecretName(body, "secretPrevious"),
            Buffer = body.Whole("buffer", 0, 1_000_000, 0), Priority = (int)body.Whole("priority", 0, 9, 0),
        };
        if (channel.Is.Any(c => !char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c != '-')) body.Add("kind", "Expected the system's name in lower case, e.g. \"shopify\".");
        if (channel.Locations.Count == 0) body.Add("locations", "Expected at least one location id.");
        for (var i = 0; i < channel.Locations.Count; i++)
            if (!isLocation(channel.Locations[i])) body.Add($"locations/{i}", $"There is no location '{channel.Locations[i]}'. PUT api/locations/{{id}} makes one.");
        body.ThrowIfFaulty();
        return channel;
    }

    static string? SecretName(RequestFields body, string member)
    {
        var name = body.OptionalText(member, 100);
        if (name?.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') == false) body.Add(member, "Expected the name of a configuration value Secrets:<name> (letters, digits, - _ .), not the secret itself.");
        return name;
    }

    internal bool SaysTheSameAs(Channel? other) => other is not null && Locations.SequenceEqual(other.Locations)
        && this with { Locations = other.Locations, Version = other.Version, UpdatedAt = other.UpdatedAt, Actor = other.Actor, ETag = other.ETag } == other;
}
