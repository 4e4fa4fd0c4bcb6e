using System.Buffers.Text;
using System.Net;
using System.Text;
using Microsoft.Azure.Cosmos;

namespace Selvedge.Platform;

/// <summary>A part of a list, and how to ask for the next one. Without a continuation it was the last.</summary>
public sealed record Page<T>(IReadOnlyList<T> Items, string? Continuation)
{
    /// <summary>The same page with each item as <paramref name="view"/> shows it.</summary>
    public Page<TView> As<TView>(Func<T, TView> view) => new([.. Items.Select(view)], Continuation);
}

/// <summary>Paged queries with an opaque continuation.</summary>
public static class Paging
{
    /// <summary>One page of <paramref name="query"/>, at most <paramref name="limit"/> items. Cosmos may end a page early: fewer items with a
    /// continuation are not the end.</summary>
    /// <param name="container">Where.</param>
    /// <param name="query">The query; the same one for every page.</param>
    /// <param name="limit">Most items.</param>
    /// <param name="continuation">What the page before gave; null for the first.</param>
    /// <param name="partition">The partition to ask; null asks all.</param>
    /// <param name="read">Reads the items from the answer's <c>Documents</c>, where the client's serializer is not the right one.</param>
    /// <exception cref="ProblemException">400: the continuation is not one that was given for this query.</exception>
    public static async Task<Page<T>> PageAsync<T>(
        this Container container, QueryDefinition query, int limit, string? continuation, PartitionKey? partition = null, Func<System.Text.Json.JsonElement, T>? read = null)
    {
        var token = continuation is null ? null : Decode(continuation);
        var options = new QueryRequestOptions { MaxItemCount = limit, PartitionKey = partition };
        try
        {
            if (read is null)
            {
                using var pages = container.GetItemQueryIterator<T>(query, token, options);
                if (!pages.HasMoreResults) return new([], null);
                var page = await pages.ReadNextAsync();
                return new([.. page], Encode(page.ContinuationToken));
            }
            using var streams = container.GetItemQueryStreamIterator(query, token, options);
            if (!streams.HasMoreResults) return new([], null);
            using var answer = await streams.ReadNextAsync();
            answer.EnsureSuccessStatusCode();
            using var json = await System.Text.Json.JsonDocument.ParseAsync(answer.Content);
            return new([.. json.RootElement.GetProperty("Documents").EnumerateArray().Select(read)], Encode(answer.ContinuationToken));
        }
        catch (CosmosException malformed) when (malformed.StatusCode == HttpStatusCode.BadRequest && continuation is not null)
        {
            throw NotOurs();
        }
    }

    static string? Encode(string? token) => string.IsNullOrEmpty(token) ? null : Base64Url.EncodeToString(Encoding.UTF8.GetBytes(token));

    static string Decode(string continuation)
    {
        try { return Encoding.UTF8.GetString(Base64Url.DecodeFromChars(continuation)); }
        catch (FormatException) { throw NotOurs(); }
    }

    static ProblemException NotOurs() => ProblemException.Invalid("'continuation' is not one that this list gave. Leave it out to start over.", [new { parameter = "continuation", detail = "not a continuation of this list" }]);
}
