using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Azure.Cosmos;
using Selvedge.Platform;

namespace Selvedge.Picking;

/// <summary>Documents of container <c>work</c> that <see cref="WorkIds"/> names. Every call is right when it is made twice: a write whose answer was lost may be
/// refused when it is repeated, so who writes reads again and sees its own mark.</summary>
public sealed class WorkDocuments(Store store, TimeProvider time)
{
    const int Tries = 4;
    static readonly ItemRequestOptions Quiet = new() { EnableContentResponseOnWrite = false };

    /// <summary>The document; null where there is none, or the id names none.</summary>
    public async Task<T?> ReadAsync<T>(string id, JsonTypeInfo<T> type, CancellationToken cancel = default) where T : class
    {
        if (!Ids.IsPlain(id, Ids.CosmosLimit) || WorkIds.LocationOf(id) is not { } location) return null;
        using var response = await CallAsync(() => store.Work.ReadItemStreamAsync(id, Key(location, id), cancellationToken: cancel));
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        if (response.StatusCode != HttpStatusCode.OK) throw Failed(response);
        return await JsonSerializer.DeserializeAsync(response.Content, type, cancel);
    }

    /// <summary>Creates the document; its ETag, or null when there is one of this id.</summary>
    public async Task<string?> CreateAsync<T>(string id, T document, JsonTypeInfo<T> type)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(document, type);
        using var response = await CallAsync(() => store.Work.CreateItemStreamAsync(new MemoryStream(body), Key(WorkIds.LocationOf(id)!, id), Quiet));
        return response.StatusCode switch
        {
            HttpStatusCode.Created => response.Headers.ETag,
            HttpStatusCode.Conflict => null,
            _ => throw Failed(response),
        };
    }

    /// <summary>Replaces the document if it still has this ETag; its new one, or null when it was changed or is gone.</summary>
    public async Task<string?> ReplaceAsync<T>(string id, string? etag, T document, JsonTypeInfo<T> type)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(document, type);
        var options = new ItemRequestOptions { IfMatchEtag = etag, EnableContentResponseOnWrite = false };
        using var response = await CallAsync(() => store.Work.ReplaceItemStreamAsync(new MemoryStream(body), id, Key(WorkIds.LocationOf(id)!, id), options));
        return response.StatusCode switch
        {
            HttpStatusCode.OK => response.Headers.ETag,
            HttpStatusCode.PreconditionFailed or HttpStatusCode.NotFound => null,
            _ => throw Failed(response),
        };
    }

    /// <summary>A page of a query, at one location or at all.</summary>
    public Task<Page<T>> PageAsync<T>(QueryDefinition query, int limit, string? continuation, JsonTypeInfo<T> type, string? location = null) =>
        store.Work.PageAsync(query, limit, continuation, At(location), item => item.Deserialize(type)!);

    /// <summary>The first <paramref name="most"/> documents of a query, in its order, at one location or at all.</summary>
    public async Task<List<T>> FirstAsync<T>(QueryDefinition query, int most, JsonTypeInfo<T> type, string? location = null, CancellationToken cancel = default)
    {
        var found = new List<T>();
        using var pages = store.Work.GetItemQueryStreamIterator(query, null, new() { MaxItemCount = Math.Min(most, 500), PartitionKey = At(location) });
        while (pages.HasMoreResults && found.Count < most)
        {
            using var page = await CallAsync(() => pages.ReadNextAsync(cancel));
            if (!page.IsSuccessStatusCode) throw Failed(page);
            using var json = await JsonDocument.ParseAsync(page.Content, cancellationToken: cancel);
            foreach (var item in json.RootElement.GetProperty("Documents").EnumerateArray())
                if (found.Count < most) found.Add(item.Deserialize(type)!);
        }
        return found;
    }

    // The first part of the key: the store need not look elsewhere.
    static PartitionKey? At(string? location) => location is null ? null : new PartitionKeyBuilder().Add(location).Build();

    static PartitionKey Key(string location, string id) => new PartitionKeyBuilder().Add(location).Add(id).Build();

    // What passes (throttled, timed out, unavailable) is tried again with growing pauses.
    async Task<ResponseMessage> CallAsync(Func<Task<ResponseMessage>> call)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var response = await call();
                if (!response.StatusCode.IsPassing()) return response;
                response.Dispose();
            }
            catch (CosmosException error) when (error.StatusCode.IsPassing()) { }
            catch (Exception error) when (error is HttpRequestException or OperationCanceledException or TimeoutException) { }
            if (attempt == Tries) throw ProblemException.Busy("The store did not answer in time. Send the same again: what was done already is done once.");
            await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(10, 40 << attempt)), time);
        }
    }

    static InvalidOperationException Failed(ResponseMessage response) => new($"The store answered {(int)response.StatusCode}: {response.ErrorMessage}");
}
