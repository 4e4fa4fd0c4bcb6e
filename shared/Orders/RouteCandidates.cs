using System.Collections.Concurrent;
using System.Text.Json.Serialization;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Configuration;
using Selvedge.Catalogue;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>A location as routing judges it for one order, kept on the order's plan so that anyone can be told why.</summary>
/// <param name="Id">The location.</param>
/// <param name="Priority">1 is taken first.</param>
/// <param name="Distance">How far the customer is, by postal codes: 0 is nearest (<see cref="RouteCandidates.Distance"/>); null where nobody knows where one of both is.</param>
/// <param name="ShipsOn">The day on which what is ordered now leaves, by the cut-off and the working days of the location.</param>
/// <param name="Full">It has as many pick tickets waiting as it can take (<see cref="Location.Capacity"/>).</param>
/// <param name="Units">Units of the order that it had free.</param>
/// <param name="Chosen">The order was planned to ship from it.</param>
public sealed record Candidate(
    string Id, int Priority, int? Distance, DateOnly ShipsOn, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Full = false,
    long Units = 0, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Chosen = false);

/// <summary>Ranks the locations an order may come from: pure functions of the location, the customer's country and postal code, and the time.</summary>
public static class RouteCandidates
{
    /// <summary>Between two countries; more than between any two postal codes of one.</summary>
    public const int Abroad = 100;

    /// <summary>The candidates, the preferred first: those that can take more work, then location priority, then the nearest, then the one that ships
    /// first; among equals as the channel lists them.</summary>
    public static IReadOnlyList<Candidate> Rank(IEnumerable<Location> locations, PostalAddress? shipTo, DateTimeOffset now, Func<Location, bool> isFull, TimeZoneInfo zone) =>
        [.. locations.Select(location => new Candidate(location.Id, location.Priority, Distance(location, shipTo), ShipsOn(location, now, zone), isFull(location)))
            .OrderBy(candidate => candidate.Full).ThenBy(candidate => candidate.Priority).ThenBy(candidate => candidate.Distance ?? int.MaxValue).ThenBy(candidate => candidate.ShipsOn)];

    /// <summary>How far the customer is from the location, by what is known without a map. A region the location serves (<see cref="Location.Serves"/>) that the
    /// customer is in: 0. The same country: how many characters of the postal codes follow the last that both begin with (0 to 10; 10 where one has none). Another country: 100.</summary>
    public static int? Distance(Location location, PostalAddress? shipTo)
    {
        if (shipTo?.Country is not { } country) return null;
        var code = Plain(shipTo.Postcode);
        foreach (var region in location.Serves ?? [])
            if (region.StartsWith(country, StringComparison.OrdinalIgnoreCase) && (region.Length == 2 || code.StartsWith(Plain(region[3..]), StringComparison.Ordinal))) return 0;
        if (location.Address?.Country is not { } here) return null;
        if (!here.Equals(country, StringComparison.OrdinalIgnoreCase)) return Abroad;
        var ours = Plain(location.Address.Postcode);
        if (ours.Length == 0 || code.Length == 0) return 10;
        var same = ours.AsSpan().CommonPrefixLength(code);
        return Math.Min(10, Math.Max(ours.Length, code.Length) - same);
    }

    /// <summary>The day on which what is ordered at <paramref name="now"/> leaves: that day before the cut-off, else the next on which the location works.</summary>
    public static DateOnly ShipsOn(Location location, DateTimeOffset now, TimeZoneInfo zone)
    {
        var local = TimeZoneInfo.ConvertTime(now, location.TimeZone is { } own ? TimeZoneInfo.FindSystemTimeZoneById(own) : zone);
        var day = DateOnly.FromDateTime(local.DateTime);
        if (location.CutOff is { } cutOff && TimeOnly.FromDateTime(local.DateTime) >= cutOff) day = day.AddDays(1);
        for (var tries = 0; tries < 7 && location.Closed?.Contains(day.DayOfWeek) == true; tries++) day = day.AddDays(1);
        return day;
    }

    static string Plain(string? postcode) => postcode is null ? "" : string.Concat(postcode.Where(char.IsAsciiLetterOrDigit)).ToUpperInvariant();
}

/// <summary>How much waits to be picked at locations that say how much they can take: counted at most every 30 s, and what this instance has routed since added. It only
/// orders preferences.</summary>
public sealed class LocationLoad(Store store, IConfiguration configuration, TimeProvider time)
{
    static readonly TimeSpan Fresh = TimeSpan.FromSeconds(30);
    readonly ConcurrentDictionary<string, Counted> known = new(StringComparer.Ordinal);

    sealed class Counted(long waiting, long at)
    {
        public long Waiting = waiting;
        public readonly long At = at;
    }

    /// <summary>The brand's time zone (setting <c>TimeZone</c>, IANA; UTC without it): business days of locations that name none of their own.</summary>
    public TimeZoneInfo Zone { get; } = TimeZoneInfo.FindSystemTimeZoneById(configuration["TimeZone"] is { Length: > 0 } id ? id : "UTC");

    /// <summary>True when as many pick tickets wait there as it can take.</summary>
    public async ValueTask<bool> IsFullAsync(Location location) => location.Capacity is { } most && await WaitingAsync(location.Id) >= most;

    /// <summary>One more order goes there.</summary>
    public void Add(string location)
    {
        if (known.TryGetValue(location, out var counted)) Interlocked.Increment(ref counted.Waiting);
    }

    async ValueTask<long> WaitingAsync(string location)
    {
        if (known.TryGetValue(location, out var counted) && time.GetElapsedTime(counted.At) < Fresh) return Interlocked.Read(ref counted.Waiting);
        var at = time.GetTimestamp();
        try
        {
            var query = new QueryDefinition("SELECT VALUE COUNT(1) FROM c WHERE c.queue > @from AND c.queue < @to").WithParameter("@from", location + "|").WithParameter("@to", location + "|~");
            using var pages = store.Work.GetItemQueryIterator<long>(query);
            long waiting = 0;
            while (pages.HasMoreResults)
                foreach (var count in await pages.ReadNextAsync()) waiting += count;
            known[location] = counted = new(waiting, at);
        }
        catch (CosmosException)
        {
            // Not knowing only costs a better route.
        }
        return counted?.Waiting ?? 0;
    }
}
