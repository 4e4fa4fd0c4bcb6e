using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Selvedge.Platform;

namespace Selvedge.Catalogue;

/// <summary>What a location is.</summary>
public enum LocationKind
{
    Warehouse,
    Store,
    Showroom,
    /// <summary>A third party's warehouse: it tells us what it did.</summary>
    Partner,
    /// <summary>Stock that a marketplace holds and ships (FBA, ZFS): never picked, routed to or pushed.</summary>
    Marketplace,
}

/// <summary>A postal address of ours. Country is ISO 3166-1 alpha-2.</summary>
public sealed record Address(string? Line1, string? Line2, string? City, string? Region, string? Postcode, string? Country);

/// <summary>Where stock is: document of container <c>settings</c>, kind <c>location</c>.</summary>
public sealed record Location : ISetting
{
    public required string Id { get; init; }
    public string Kind { get; init; } = "location";

    /// <summary>What it is; <c>kind</c> is the document's partition.</summary>
    [JsonPropertyName("is")] public required LocationKind Is { get; init; }
    public required string Name { get; init; }

    /// <summary>1 is taken first, 1000 last.</summary>
    public int Priority { get; init; } = 100;
    public Address? Address { get; init; }

    /// <summary>Where its customers are: countries (<c>NZ</c>) and beginnings of postal codes in them (<c>AU-3</c>). Orders from there count as nearest.</summary>
    public IReadOnlyList<string>? Serves { get; init; }

    /// <summary>Local time from which what is ordered leaves on its next working day; null: what is ordered on a day leaves on it.</summary>
    public TimeOnly? CutOff { get; init; }

    /// <summary>Its own time zone (IANA); null: the brand's. And the days on which it does not work.</summary>
    public string? TimeZone { get; init; }
    public IReadOnlyList<DayOfWeek>? Closed { get; init; }

    /// <summary>Pick tickets that may wait there before orders go elsewhere; null: no limit.</summary>
    public int? Capacity { get; init; }
    public long Version { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public string Actor { get; init; } = "";
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>Reads <c>{kind, name, priority?, address?, serves?, cutOff?, timeZone?, closed?, capacity?}</c>.</summary>
    /// <exception cref="ProblemException">400 with the JSON pointer of every fault.</exception>
    public static Location Parse(string id, RequestFields body)
    {
        Sku.Require("location", id, 40);
        if (id == Ledger.Accounts.Short) throw ProblemException.Invalid($"A location cannot be called '{id}': it is the ledger's word for units that are nowhere yet.");
        var address = body.Object("address");
        var location = new Location
        {
            Id = id, Is = body.Word<LocationKind>("kind"), Name = body.OptionalText("name", 100) ?? id, Priority = (int)body.Whole("priority", 1, 1000, 100),
            Address = address is null ? null : new(address.OptionalText("line1", 200), address.OptionalText("line2", 200), address.OptionalText("city", 100),
                address.OptionalText("region", 100), address.OptionalText("postcode", 20), address.OptionalText("country", 2)),
            Serves = body.Texts("serves", 500, 13) is { Count: > 0 } serves ? serves : null, CutOff = CutOffOf(body), TimeZone = ZoneOf(body), Closed = ClosedOf(body),
            Capacity = (int?)body.OptionalWhole("capacity", 1, 1_000_000),
        };
        foreach (var region in location.Serves ?? [])
            if (region.Length is 1 or 3 || !region.AsSpan(0, 2).ToString().All(char.IsAsciiLetterUpper) || (region.Length > 3 && region[2] != '-'))
                body.Add("serves", $"Expected a country, or one and the beginning of a postal code, e.g. \"NZ\" or \"AU-3\"; got '{region}'.");
        if (location.Address?.Country is { } country && (country.Length != 2 || !country.All(char.IsAsciiLetterUpper))) address!.Add("country", "Expected two capital letters (ISO 3166-1), e.g. \"AU\".");
        body.Ignoring("id", "version", "updatedAt", "actor").ThrowIfFaulty();
        return location;
    }

    /// <summary>As the API shows it.</summary>
    public object View() => new
    {
        Id, Kind = Is, Name, Priority, Address, Serves, CutOff = CutOff?.ToString("HH:mm", CultureInfo.InvariantCulture), TimeZone, Closed = Closed?.Select(Word), Capacity, Version, UpdatedAt, Actor,
    };

    internal bool SaysTheSameAs(Location? other) => other is not null && (Serves ?? []).SequenceEqual(other.Serves ?? []) && (Closed ?? []).SequenceEqual(other.Closed ?? [])
        && this with { Serves = other.Serves, Closed = other.Closed, Version = other.Version, UpdatedAt = other.UpdatedAt, Actor = other.Actor, ETag = other.ETag } == other;

    static string Word(DayOfWeek day) => JsonNamingPolicy.CamelCase.ConvertName(day.ToString());

    static TimeOnly? CutOffOf(RequestFields body)
    {
        if (body.OptionalText("cutOff", 5) is not { } text) return null;
        if (TimeOnly.TryParseExact(text, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var time)) return time;
        body.Add("cutOff", $"Expected a local time of day, e.g. \"14:00\"; got '{text}'.");
        return null;
    }

    static string? ZoneOf(RequestFields body)
    {
        var zone = body.OptionalText("timeZone", 60);
        if (zone is not null && !TimeZoneInfo.TryFindSystemTimeZoneById(zone, out _)) body.Add("timeZone", $"Expected an IANA time zone, e.g. \"Australia/Sydney\"; got '{zone}'.");
        return zone;
    }

    static List<DayOfWeek>? ClosedOf(RequestFields body)
    {
        var days = new SortedSet<DayOfWeek>();
        foreach (var word in body.Texts("closed", 6, 10))
            if (word.All(char.IsAsciiLetterLower) && Enum.TryParse<DayOfWeek>(word, ignoreCase: true, out var day)) days.Add(day); else body.Add("closed", $"Expected days of the week, e.g. \"sunday\"; got '{word}'.");
        return days.Count > 0 ? [.. days] : null;
    }
}

/// <summary>The locations there are.</summary>
public sealed class Locations(Store store, TimeProvider time)
{
    readonly SettingsOf<Location> settings = new(store, time, "location");

    public Task<Location?> FindAsync(string id, CancellationToken cancel = default) => settings.FindAsync(id, cancel: cancel);
    public Task<IReadOnlyList<Location>> ListAsync(CancellationToken cancel = default) => settings.ListAsync(cancel);

    /// <exception cref="ProblemException">404.</exception>
    public async Task<Location> GetAsync(string id, CancellationToken cancel = default) =>
        await settings.FindAsync(id, fresh: true, cancel) ?? throw Unknown(id);

    /// <summary>404.</summary>
    public static ProblemException Unknown(string id) => ProblemException.NotFound($"There is no location '{id}'. PUT api/locations/{{id}} makes one.");

    /// <summary>Creates or changes a location; the same again changes nothing. Says whether it is new.</summary>
    /// <exception cref="ProblemException">412 when <paramref name="when"/> does not hold or was changed meanwhile.</exception>
    public async Task<(Location Location, bool Created)> PutAsync(Location location, Precondition when, string actor, CancellationToken cancel = default)
    {
        var before = await settings.RequireAsync(location.Id, when, cancel);
        if (location.SaysTheSameAs(before)) return (before!, false);
        var next = location with { Version = (before?.Version ?? 0) + 1, UpdatedAt = time.GetUtcNow(), Actor = actor };
        return (await settings.WriteAsync(next, before, cancel), before is null);
    }
}
