using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Azure.Cosmos;

namespace Selvedge.Platform;

public static class PointReads
{
    const int Width = 32;

    /// <summary>Reads many items by id and partition key, each by a point read, 32 at once; what does not exist is left out. Items of different
    /// partitions cost the same RU this way as by ReadMany, and a fraction of its CPU: there is no query to plan.</summary>
    public static async Task<Dictionary<string, T>> ReadEachAsync<T>(
        this Container container, IEnumerable<(string Id, string Partition)> items, Func<T, string> key, JsonTypeInfo<T> type, CancellationToken cancel = default)
    {
        var found = new Dictionary<string, T>(StringComparer.Ordinal);
        await Parallel.ForEachAsync(items, new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = cancel }, async (item, token) =>
        {
            using var response = await container.ReadItemStreamAsync(item.Id, new(item.Partition), cancellationToken: token);
            if (response.StatusCode == HttpStatusCode.NotFound) return;
            response.EnsureSuccessStatusCode();
            var read = (await JsonSerializer.DeserializeAsync(response.Content, type, token))!;
            lock (found) found[key(read)] = read;
        });
        return found;
    }
}
