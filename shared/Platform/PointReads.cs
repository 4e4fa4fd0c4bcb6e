using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Azure.Cosmos;

namespace Selvedge.Platform;

public static class PointReads
{
    const int Width = 4, Together = 8;

    /// <summary>Reads many items by id and partition key, each by a point read, 32 at once; what does not exist is left out. Items of different
    /// partitions cost the same RU this way as by ReadMany, and a fraction of its CPU: there is no query to plan. They are begun eight by eight: a store
    /// in this process answers as it is asked, so it is not 32 threads' turns that wait for its readers, but four.</summary>
    public static async Task<Dictionary<string, T>> ReadEachAsync<T>(
        this Container container, IEnumerable<(string Id, string Partition)> items, Func<T, string> key, JsonTypeInfo<T> type, CancellationToken cancel = default) where T : class
    {
        var found = new Dictionary<string, T>(StringComparer.Ordinal);
        await Parallel.ForEachAsync(items.Chunk(Together), new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = cancel }, async (some, token) =>
        {
            var read = await Task.WhenAll(Array.ConvertAll(some, item => container.ReadAsync(item.Id, new(item.Partition), type, token)));
            lock (found)
                foreach (var item in read)
                    if (item is not null) found[key(item)] = item;
        });
        return found;
    }

    static async Task<T?> ReadAsync<T>(this Container container, string id, PartitionKey partition, JsonTypeInfo<T> type, CancellationToken cancel) where T : class
    {
        using var response = await container.ReadItemStreamAsync(id, partition, cancellationToken: cancel);
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        response.EnsureSuccessStatusCode();
        return await JsonSerializer.DeserializeAsync(response.Content, type, cancel);
    }
}
