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
    public long Version { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public string Actor { get; init; } = "";
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>Reads <c>{kind, name, priority?, address?}</c>.</summary>
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
        };
        if (location.Address?.Country is { } country && (country.Length != 2 || !country.All(char.IsAsciiLetterUpper))) address!.Add("country", "Expected two capital letters (ISO 3166-1), e.g. \"AU\".");
        body.Ignoring("id", "version", "updatedAt", "actor").ThrowIfFaulty();
        return location;
    }

    /// <summary>As the API shows it.</summary>
    public object View() => new { Id, Kind = Is, Name, Priority, Address, Version, UpdatedAt, Actor };

    internal bool SaysTheSameAs(Location? other) => other is not null && this with { Version = other.Version, UpdatedAt = other.UpdatedAt, Actor = other.Actor, ETag = other.ETag } == other;
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
