using System.Globalization;
using System.Text.Json.Serialization;
using Microsoft.Azure.Cosmos;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>Kinds of calls, which are held back each for itself: a limit on numbers does not stop orders.</summary>
public static class LaneCall
{
    public const string Stock = "stock", Read = "read", Orders = "orders", Tell = "tell", Products = "products";
}

/// <summary>Calls of a kind that are not made before a time, and why.</summary>
public sealed record Blocked(DateTimeOffset Until, int Failures, string Why);

/// <summary>A lane's own memory: document <c>~lane</c> of its channel's partition. Only the lane writes it; it settles nothing about numbers.</summary>
public sealed record LaneState
{
    public const string DocumentId = "~lane";
    public string Id { get; init; } = DocumentId;
    public required string Channel { get; init; }
    public string Type { get; init; } = "lane";
    public SortedDictionary<string, Blocked> Blocked { get; init; } = new(StringComparer.Ordinal);

    /// <summary>The wake-up that was scheduled last.</summary>
    public DateTimeOffset? WakeAt { get; init; }
    public DateTimeOffset? RanAt { get; init; }

    /// <summary>When all numbers were last read back, when that was begun, and how far it is.</summary>
    public DateTimeOffset? RefreshedAt { get; init; }
    public DateTimeOffset? RefreshingSince { get; init; }
    public string? RefreshFrom { get; init; }

    /// <summary>The settings by which its listings were computed.</summary>
    public string? Stamp { get; init; }
    public IReadOnlyList<ListingError> Errors { get; init; } = [];

    public LaneState With(ListingError error) => this with { Errors = [error, .. Errors.Where(other => other.Message != error.Message).Take(9)] };
}

/// <summary>What a person asked of a lane: document <c>~ask</c>.</summary>
public sealed record LaneAsk(string Channel, DateTimeOffset RefreshAt)
{
    public const string DocumentId = "~ask";
    public string Id { get; init; } = DocumentId;
    public string Type { get; init; } = "ask";
}

/// <summary>What a lane did in an hour: document <c>~h:&lt;hour&gt;</c>. Times are counted in buckets of a quarter of an octave of milliseconds, so that percentiles are right to 19 %.</summary>
public sealed record LaneHour
{
    public required string Id { get; init; }
    public required string Channel { get; init; }
    public string Type { get; init; } = "hour";
    public SortedDictionary<string, SortedDictionary<int, long>> Times { get; init; } = new(StringComparer.Ordinal);
    public SortedDictionary<string, long> Counts { get; init; } = new(StringComparer.Ordinal);

    /// <summary>By the minute: age of the oldest difference in seconds, listings that differ, listings in all.</summary>
    public List<Staleness> Samples { get; init; } = [];
    public int Ttl { get; init; } = 8 * 24 * 3600;

    public static string IdOf(string kind, DateTimeOffset at) => $"~{kind}:" + at.UtcDateTime.ToString("yyyyMMddHH", CultureInfo.InvariantCulture);

    public static int Bucket(TimeSpan time) => (int)Math.Ceiling(Math.Log2(Math.Max(1, time.TotalMilliseconds)) * 4);

    /// <summary>The upper end of a bucket, in milliseconds.</summary>
    public static double Milliseconds(int bucket) => Math.Pow(2, bucket / 4.0);

    public void Add(string kind, TimeSpan time, long times = 1) => AddTo(Times.TryGetValue(kind, out var known) ? known : Times[kind] = [], Bucket(time), times);
    public void Count(string what, long times = 1) => Counts[what] = Counts.GetValueOrDefault(what) + times;

    public void Add(LaneHour other)
    {
        foreach (var (kind, buckets) in other.Times)
            foreach (var (bucket, times) in buckets) AddTo(Times.TryGetValue(kind, out var known) ? known : Times[kind] = [], bucket, times);
        foreach (var (what, times) in other.Counts) Count(what, times);
        Samples.AddRange(other.Samples);
    }

    static void AddTo(SortedDictionary<int, long> buckets, int bucket, long times) => buckets[bucket] = buckets.GetValueOrDefault(bucket) + times;
}

/// <summary>How far a channel's listings were from what they are to show, at a moment.</summary>
public sealed record Staleness(DateTimeOffset At, double OldestSeconds, long Differing, long Listings);

/// <summary>Times in milliseconds.</summary>
/// <param name="Count">How many were measured.</param>
/// <param name="P50">Half of them took no longer; and so on, each the upper end of its bucket.</param>
/// <param name="P95"><inheritdoc cref="Percentiles" path="/param[@name='P50']"/></param>
/// <param name="P99"><inheritdoc cref="Percentiles" path="/param[@name='P50']"/></param>
/// <param name="Buckets">How many took up to so long, and longer than the one before: what two readings differ by was measured between them.</param>
public sealed record Percentiles(long Count, double P50, double P95, double P99, IReadOnlyDictionary<string, long> Buckets);

/// <summary>How channels do: kept by the hour, told for the last day.</summary>
public sealed class LaneHealth(Store store, ListingStore listings, TimeProvider time)
{
    static readonly TimeSpan Fresh = TimeSpan.FromMinutes(1);
    readonly System.Collections.Concurrent.ConcurrentDictionary<string, (TimeSpan? Latency, long At)> latencies = new(StringComparer.Ordinal);

    /// <summary>Adds what a run did.</summary>
    public async Task AddAsync(LaneHour done, CancellationToken cancel)
    {
        if (done.Times.Count + done.Counts.Count + done.Samples.Count == 0) return;
        var known = await listings.ReadAsync<LaneHour>(done.Channel, done.Id, cancel) ?? done with { Times = [], Counts = [], Samples = [] };
        known.Add(done);
        await listings.UpsertAsync(done.Channel, known, cancel);
    }

    /// <summary>All hours of a kind since <paramref name="from"/>, added up.</summary>
    public async Task<LaneHour> SinceAsync(string channel, string kind, DateTimeOffset from, CancellationToken cancel)
    {
        var sum = new LaneHour { Id = "", Channel = channel };
        using var pages = store.Listings.GetItemQueryIterator<LaneHour>(new QueryDefinition("SELECT * FROM c WHERE c.id >= @from AND c.id < @to").WithParameter("@from", LaneHour.IdOf(kind, from)).WithParameter("@to", $"~{kind};"),
            requestOptions: new() { PartitionKey = new PartitionKey(channel) });
        while (pages.HasMoreResults)
            foreach (var hour in await pages.ReadNextAsync(cancel)) sum.Add(hour);
        return sum;
    }

    /// <summary>From a commit of the ledger until the channel's number follows, downwards: the 95th percentile of the last day. Null: not measured yet. Kept for a minute.</summary>
    public async ValueTask<TimeSpan?> LatencyAsync(string channel, CancellationToken cancel)
    {
        if (latencies.TryGetValue(channel, out var known) && time.GetElapsedTime(known.At) < Fresh) return known.Latency;
        var day = await SinceAsync(channel, "h", time.GetUtcNow() - TimeSpan.FromDays(1), cancel);
        TimeSpan? latency = PercentilesOf(day, "drop.commitToCall") is { } call ? TimeSpan.FromMilliseconds(call.P95 + (PercentilesOf(day, "drop.callToConfirmed")?.P95 ?? 0)) : null;
        latencies[channel] = (latency, time.GetTimestamp());
        return latency;
    }

    /// <summary>Null: nothing was measured.</summary>
    public static Percentiles? PercentilesOf(LaneHour hour, string kind)
    {
        if (!hour.Times.TryGetValue(kind, out var buckets) || buckets.Values.Sum() is not (> 0 and var all)) return null;
        return new(all, At(0.5), At(0.95), At(0.99), buckets.ToDictionary(bucket => Math.Round(LaneHour.Milliseconds(bucket.Key), 1).ToString(CultureInfo.InvariantCulture), bucket => bucket.Value));

        double At(double share)
        {
            long seen = 0;
            foreach (var (bucket, times) in buckets)
                if ((seen += times) >= share * all) return Math.Round(LaneHour.Milliseconds(bucket), 1);
            return 0;
        }
    }

    /// <summary>How many listings a channel has, and how many have something to be sent, and since when the oldest of these is due.</summary>
    public async Task<(long All, long Differing, DateTimeOffset? Oldest)> CountAsync(string channel, CancellationToken cancel)
    {
        var all = await CountAsync(new("SELECT VALUE COUNT(1) FROM c WHERE c.id < '~a'"), channel, cancel);
        // Not yet asked for, or submitted and not decided.
        QueryDefinition Differing(string what) => new QueryDefinition($"SELECT VALUE {what} FROM c WHERE (c.due >= @from AND c.due < @to) OR (c.due >= @verify AND c.due < @end AND IS_DEFINED(c.asked))")
            .WithParameter("@from", $"{channel}|0|").WithParameter("@to", $"{channel}|4|").WithParameter("@verify", $"{channel}|5|").WithParameter("@end", $"{channel}|6|");
        var differing = await CountAsync(Differing("COUNT(1)"), null, cancel);
        DateTimeOffset? oldest = null;
        using var pages = store.Listings.GetItemQueryIterator<string?>(Differing("MIN(c.desired.since)"));
        while (pages.HasMoreResults)
            foreach (var since in await pages.ReadNextAsync(cancel))
                if (since is not null && InstantConverter.TryParse(since, out var at) && !(oldest < at)) oldest = at;
        return (all, differing, oldest);
    }

    async Task<long> CountAsync(QueryDefinition query, string? channel, CancellationToken cancel)
    {
        long count = 0;
        using var pages = store.Listings.GetItemQueryIterator<long>(query, requestOptions: new() { PartitionKey = channel is null ? null : new PartitionKey(channel) });
        while (pages.HasMoreResults) count += (await pages.ReadNextAsync(cancel)).Sum();
        return count;
    }
}
