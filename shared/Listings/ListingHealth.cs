using Microsoft.Azure.Cosmos;
using Selvedge.Channels;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>What a channel's health is made of. Times in milliseconds, over the last day.</summary>
public sealed record ChannelHealth(string Channel, DateTimeOffset At, long Listings, long Differing, double OldestSeconds, IReadOnlyDictionary<string, Percentiles> Latency, IReadOnlyDictionary<string, long> Counts,
    IReadOnlyList<Staleness> Staleness, IReadOnlyDictionary<string, HeldBack> HeldBack, IReadOnlyList<ListingError> Errors, DateTimeOffset? PolledAt, DateTimeOffset? ReadAt, DateTimeOffset? RefreshedAt, DateTimeOffset? RanAt, SellerHealth Seller);

/// <summary>Calls of a kind that wait, until when and why.</summary>
public sealed record HeldBack(DateTimeOffset Until, int Failures, string Why);

/// <summary>How the channel judges us as a seller, by our own count of the last 30 days, in percent of orders, against its own limits.</summary>
public sealed record SellerHealth(long Orders, long CancelledByUs, long Late, double? CancelRate, double? CancelRateLimit, double? LateRate, double? LateRateLimit);

/// <summary>How a channel does, for people: read from what its lane kept.</summary>
public sealed class ListingHealth(Store store, ListingStore listings, LaneHealth health, Watermarks watermarks, ChannelAdapters adapters, TimeProvider time)
{
    /// <summary>Seconds between samples that are shown.</summary>
    const int MostSamples = 60;

    public async Task<ChannelHealth> OfAsync(Channel channel, CancellationToken cancel)
    {
        var now = InstantConverter.Cut(time.GetUtcNow());
        var day = await health.SinceAsync(channel.Id, "h", now - TimeSpan.FromDays(1), cancel);
        var samples = await health.SinceAsync(channel.Id, "s", now - TimeSpan.FromHours(1), cancel);
        var (all, differing, oldest) = await health.CountAsync(channel.Id, cancel);
        var state = await listings.ReadAsync<LaneState>(channel.Id, LaneState.DocumentId, cancel);
        var (watermark, _) = await watermarks.ReadAsync(channel.Id);
        var latency = new SortedDictionary<string, Percentiles>(StringComparer.Ordinal);
        foreach (var kind in day.Times.Keys) if (LaneHealth.PercentilesOf(day, kind) is { } measured) latency[kind] = measured;
        return new(channel.Id, now, all, differing, oldest is { } since && since < now ? Math.Round((now - since).TotalSeconds, 1) : 0, latency, day.Counts, [.. samples.Samples.OrderByDescending(sample => sample.At).Take(MostSamples)],
            (state?.Blocked ?? []).Where(blocked => blocked.Value.Until > now).ToDictionary(blocked => blocked.Key, blocked => new HeldBack(blocked.Value.Until, blocked.Value.Failures, blocked.Value.Why)),
            state?.Errors ?? [], watermark.PolledAt, watermark.ReadAt, state?.RefreshedAt, state?.RanAt, await SellerAsync(channel, now, cancel));
    }

    async Task<SellerHealth> SellerAsync(Channel channel, DateTimeOffset now, CancellationToken cancel)
    {
        var traits = adapters.Find(channel)?.Traits;
        var from = InstantConverter.Text(now - TimeSpan.FromDays(30));
        var orders = await CountAsync("c.status != 'announced'");
        var cancelled = await CountAsync("(c.cancel.state = 'asked' OR IS_DEFINED(c.told.cancels) OR IS_DEFINED(c.told.declined))");
        var late = await CountAsync("ARRAY_CONTAINS(c.told.alarms, 'ship')");
        return new(orders, cancelled, late, Rate(cancelled), traits?.CancelRateLimit, Rate(late), traits?.LateRateLimit);

        double? Rate(long some) => orders == 0 ? null : Math.Round(100.0 * some / orders, 2);

        async Task<long> CountAsync(string what)
        {
            long count = 0;
            using var pages = store.Orders.GetItemQueryIterator<long>(new QueryDefinition($"SELECT VALUE COUNT(1) FROM c WHERE c.channel = @channel AND c.createdAt > @from AND {what}").WithParameter("@channel", channel.Id).WithParameter("@from", from));
            while (pages.HasMoreResults) count += (await pages.ReadNextAsync(cancel)).Sum();
            return count;
        }
    }
}
