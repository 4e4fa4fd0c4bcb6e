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

    /// <summary>Our locations by the channel's own ids of its places: tills, and where a person there moves an order to.</summary>
    public IReadOnlyDictionary<string, string>? Places { get; init; }

    /// <summary>The way to the system's own API; without it nothing is asked there.</summary>
    public ChannelApi? Api { get; init; }

    /// <summary>The currency it sells in (ISO 4217); null: the base currency, a SKU's <c>price</c>.</summary>
    public string? Currency { get; init; }

    /// <summary>Units of every SKU that this channel leaves to the others.</summary>
    public long Buffer { get; init; }

    /// <summary>Most units of one SKU that one owner may hold in all by this channel's orders; null: no limit. And for how many days anything is held.</summary>
    public long? HoldLimit { get; init; }
    public int HoldDays { get; init; } = 30;

    /// <summary>0 to 9: whose waiting orders are served first; 9 before 0.</summary>
    public int Priority { get; init; }

    /// <summary>Nothing of its orders leaves before everything is held; false: what is there goes, the rest follows.</summary>
    public bool ShipComplete { get; init; }

    /// <summary>It takes units off its own number when it sells; null: as its system does.</summary>
    public bool? Decrements { get; init; }

    /// <summary>Whether it does.</summary>
    public bool Takes(ChannelTraits traits) => Decrements ?? traits.Decrements;

    /// <summary>Orders that the channel waits for the money of are sent all the same (cash on delivery, invoice); false: they are blocked until it came.</summary>
    public bool ShipUnpaid { get; init; }

    /// <summary>Days for which its messages are kept as received; null: by surface; 0: not at all (<see cref="Inbound.InboundRetention"/>).</summary>
    public int? ArchiveDays { get; init; }
    public long Version { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public string Actor { get; init; } = "";
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>True when an order of this channel is a request that may be refused.</summary>
    [JsonIgnore] public bool AsksFirst => Shortage is ShortagePolicy.Refuse or ShortagePolicy.Partial;

    /// <summary>Our location by the channel's id of a place; null when nobody said which it is. A global id (<c>gid://shopify/Location/7</c>) and its number are one place.</summary>
    public string? PlaceOf(string id) => Places?.GetValueOrDefault(id) ?? Places?.FirstOrDefault(place => NumberOf(place.Key) == NumberOf(id)).Value;

    static string NumberOf(string place) => place.StartsWith("gid://", StringComparison.Ordinal) ? place[(place.LastIndexOf('/') + 1)..] : place;

    /// <summary>Reads <c>{kind, name?, locations[], shortage?, secret?, secretPrevious?, places?, api?, currency?, buffer?, holdLimit?, holdDays?, priority?, shipComplete?, decrements?, archiveDays?}</c>; shortage is <c>oversold</c> when left out.</summary>
    /// <exception cref="ProblemException">400 with the JSON pointer of every fault; no fault repeats text that stands in <c>secret</c>.</exception>
    public static Channel Parse(string id, RequestFields body, Func<string, bool> isLocation)
    {
        Sku.Require("channel", id, 40);
        var channel = new Channel
        {
            Id = id, Is = body.Text("kind", 40), Name = body.OptionalText("name", 100) ?? id, Locations = body.Texts("locations", 200, 40),
            Shortage = body.Word<ShortagePolicy>("shortage", ShortagePolicy.Oversold), Secret = SecretName(body, "secret"), SecretPrevious = SecretName(body, "secretPrevious"),
            Places = body.Object("places")?.TextMembers(60, 40).ToDictionary(place => place.Name, place => place.Value, StringComparer.Ordinal) is { Count: > 0 } places ? places : null,
            HoldLimit = body.OptionalWhole("holdLimit", 0, 1_000_000), HoldDays = (int)body.Whole("holdDays", 1, 366, 30),
            Currency = body.OptionalText("currency", 3), Buffer = body.Whole("buffer", 0, 1_000_000, 0), Priority = (int)body.Whole("priority", 0, 9, 0),
            ShipComplete = body.Flag("shipComplete", false), ShipUnpaid = body.Flag("shipUnpaid", false), ArchiveDays = (int?)body.OptionalWhole("archiveDays", 0, 3650),
            Decrements = body.Has("decrements") ? body.Flag("decrements", false) : null,
        };
        channel = channel with { Api = ChannelApi.Parse(body.Object("api"), channel.Is) };
        if (channel.Is.Any(c => !char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c != '-')) body.Add("kind", "Expected the system's name in lower case, e.g. \"shopify\".");
        if (channel.Currency is { } currency && !StyleRequest.IsCurrency(currency)) body.Add("currency", "Expected three capital letters (ISO 4217), e.g. \"AUD\".");
        if (channel.Locations.Count == 0) body.Add("locations", "Expected at least one location id.");
        for (var i = 0; i < channel.Locations.Count; i++)
            if (!isLocation(channel.Locations[i])) body.Add("locations", $"{i}", $"There is no location '{channel.Locations[i]}'. PUT api/locations/{{id}} makes one.");
        foreach (var (place, location) in channel.Places ?? new Dictionary<string, string>())
            if (!isLocation(location)) body.Add("places", place, $"There is no location '{location}'. PUT api/locations/{{id}} makes one.");
        body.Ignoring("id", "secretPresent", "secretPreviousPresent", "version", "updatedAt", "actor").ThrowIfFaulty();
        return channel;
    }

    internal static string? SecretName(RequestFields body, string member)
    {
        var name = body.OptionalText(member, 100);
        if (name?.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') == false) body.Add(member, "Expected the name of a configuration value Secrets:<name> (letters, digits, - _ .), not the secret itself.");
        return name;
    }

    internal bool SaysTheSameAs(Channel? other) => other is not null && Locations.SequenceEqual(other.Locations)
        && (Places ?? None).OrderBy(place => place.Key, StringComparer.Ordinal).SequenceEqual((other.Places ?? None).OrderBy(place => place.Key, StringComparer.Ordinal))
        && (Api?.Settings ?? None).OrderBy(setting => setting.Key, StringComparer.Ordinal).SequenceEqual((other.Api?.Settings ?? None).OrderBy(setting => setting.Key, StringComparer.Ordinal))
        && this with { Locations = other.Locations, Places = other.Places, Api = Api is null || other.Api is null ? Api : Api with { Settings = other.Api.Settings }, Version = other.Version, UpdatedAt = other.UpdatedAt, Actor = other.Actor, ETag = other.ETag } == other;

    static readonly IReadOnlyDictionary<string, string> None = new Dictionary<string, string>();
}

/// <summary>The way to a channel's own API.</summary>
/// <param name="Shop">Its address: a host such as <c>brand.myshopify.com</c> (https), or a whole address.</param>
/// <param name="Version">The API's version, e.g. <c>2026-07</c>.</param>
/// <param name="Token">Name of the configuration value <c>Secrets:&lt;name&gt;</c> that holds the access token.</param>
/// <param name="Callback">Where the channel is to send its webhooks, e.g. <c>https://selvedge.brand.example</c>; null: its subscriptions are left alone.</param>
/// <param name="Settings">What else its system needs, by the names that its adapter states (<see cref="ChannelTraits.Needs"/>); for secrets the name of a configuration value <c>Secrets:&lt;name&gt;</c>, never the secret.</param>
public sealed record ChannelApi(string Shop, string Version, string Token, string? Callback = null, IReadOnlyDictionary<string, string>? Settings = null)
{
    /// <summary>The base address of the shop.</summary>
    [JsonIgnore] public Uri Address => new(Shop.Contains("://", StringComparison.Ordinal) ? Shop : "https://" + Shop);

    internal static ChannelApi? Parse(RequestFields? api, string system)
    {
        if (api is null) return null;
        api.Ignoring("tokenPresent");
        var parsed = new ChannelApi(api.Text("shop", 200), api.OptionalText("version", 20) ?? "", Channel.SecretName(api, "token") ?? "", api.OptionalText("callback", 300),
            api.Object("settings")?.TextMembers(40, 200).ToDictionary(setting => setting.Name, setting => setting.Value, StringComparer.Ordinal) is { Count: > 0 } settings ? settings : null);
        if (system == "shopify" && parsed.Version.Length == 0) api.Add("version", "Expected a version, e.g. \"2026-07\".");
        if (system == "shopify" && parsed.Token.Length == 0 && !api.Has("token")) api.Add("token", "Expected the name of a configuration value Secrets:<name>; it is missing.");
        if (parsed.Shop.Length > 0 && !Uri.TryCreate(parsed.Shop.Contains("://", StringComparison.Ordinal) ? parsed.Shop : "https://" + parsed.Shop, UriKind.Absolute, out _)) api.Add("shop", "Expected a host, e.g. \"brand.myshopify.com\".");
        if (parsed.Version.Any(c => !char.IsAsciiLetterOrDigit(c) && c != '-')) api.Add("version", "Expected a version, e.g. \"2026-07\".");
        if (parsed.Callback is { } callback && !(Uri.TryCreate(callback, UriKind.Absolute, out var uri) && uri.Scheme is "https" or "http")) api.Add("callback", "Expected an address, e.g. \"https://selvedge.brand.example\".");
        return parsed;
    }
}
