using Microsoft.Azure.Cosmos;

namespace Selvedge.Platform;

public static class ReadChunks
{
    /// <summary>Reads many items by id and partition key: <paramref name="chunk"/> in one request, <paramref name="width"/> requests at once.
    /// What does not exist is left out.</summary>
    public static async Task<Dictionary<string, T>> ReadChunksAsync<T>(
        this Container container, IEnumerable<(string Id, PartitionKey Partition)> items, Func<T, string> key, int chunk = 100, int width = 8, CancellationToken cancel = default)
    {
        var found = new Dictionary<string, T>(StringComparer.Ordinal);
        await Parallel.ForEachAsync(items.Chunk(chunk), new ParallelOptions { MaxDegreeOfParallelism = width, CancellationToken = cancel }, async (some, token) =>
        {
            var page = await container.ReadManyItemsAsync<T>(some, cancellationToken: token);
            lock (found)
                foreach (var item in page) found[key(item)] = item;
        });
        return found;
    }
}
