using System.Net;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Selvedge.Platform;

namespace Selvedge.Channels;

/// <summary>How far a channel account's orders were read (design, section 5): document of container <c>settings</c>, kind <c>watermark</c>. Only polling moves it.</summary>
/// <param name="Id">The channel.</param>
/// <param name="Until">Every change until then, by the channel's clock, was read.</param>
/// <param name="PolledAt">When a poll last came to its end.</param>
/// <param name="ReadAt">When that poll began, by our clock: what the channel had sold by then is taken in.</param>
public sealed record Watermark(string Id, DateTimeOffset Until, DateTimeOffset? PolledAt = null, DateTimeOffset? ReadAt = null)
{
    public string Kind { get; init; } = "watermark";
}

/// <summary>The watermarks there are.</summary>
public sealed class Watermarks(Store store, TimeProvider time)
{
    static readonly PartitionKey Kind = new("watermark");

    /// <summary>A channel's watermark and its ETag. Of one that was never polled it is now: what was sold before is for an import.</summary>
    public async Task<(Watermark Watermark, string? ETag)> ReadAsync(string channel)
    {
        using var response = await store.Settings.ReadItemStreamAsync(channel, Kind);
        if (response.StatusCode == HttpStatusCode.NotFound) return (new(channel, InstantConverter.Cut(time.GetUtcNow())), null);
        response.EnsureSuccessStatusCode();
        return ((await JsonSerializer.DeserializeAsync<Watermark>(response.Content, Json.Options))!, response.Headers.ETag);
    }

    /// <summary>Moves it. Another instance that moved it has read the same.</summary>
    public async Task MoveAsync(Watermark next, string? etag)
    {
        using var body = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(next, Json.Options));
        using var response = etag is null ? await store.Settings.CreateItemStreamAsync(body, Kind) : await store.Settings.ReplaceItemStreamAsync(body, next.Id, Kind, new() { IfMatchEtag = etag });
        if (response.StatusCode is not (HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed)) response.EnsureSuccessStatusCode();
    }
}
