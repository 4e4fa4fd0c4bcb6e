using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Cosmos;
using Selvedge.Platform;

namespace Selvedge.Functions.Api;

/// <summary>An answer that a repeat gets again.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Value">What is stored and repeated: no secrets.</param>
/// <param name="Location">Where the thing made is.</param>
public sealed record Answered(int Status, object Value, string? Location = null)
{
    /// <summary>What the first answer shows instead, where that is more than may be stored.</summary>
    public object? Shown { get; init; }
}

/// <summary>
/// The header <c>Idempotency-Key</c>, for writes whose content has no key of its own, and for orders, whose key could be mistyped (movements and limits
/// have an <c>id</c> for it and ignore the header). A key counts for one caller and one path, for a week: container <c>inbox</c>, with TTL. Without the header the work is simply done.
/// </summary>
public sealed class Idempotency(Store store, TimeProvider time)
{
    const int Longest = 200;
    static readonly TimeSpan Kept = TimeSpan.FromDays(7);

    /// <summary>After this, work that has left no answer died with its instance; a repeat does it again.</summary>
    static readonly TimeSpan Longlived = TimeSpan.FromMinutes(2);

    sealed record Seen(string Id, string Content, DateTimeOffset StartedAt, int Ttl, int? Status = null, JsonElement? Value = null, string? Location = null);

    /// <summary>Does the work once per key, and repeats its answer. Work that is <paramref name="repeatable"/> may be done side by side: what it writes has a key of its own.</summary>
    /// <exception cref="ProblemException">400 malformed key; 409 the first request is still at work; 422 the key was used for another content.</exception>
    public async Task<IResult> OnceAsync(HttpRequest request, Caller caller, ReadOnlyMemory<byte> content, Func<Task<Answered>> work, bool repeatable = false)
    {
        var header = request.Headers["Idempotency-Key"];
        if (header.Count == 0) return Send(request, await work());
        var key = header.ToString();
        if (header.Count > 1 || key.Length is 0 or > Longest || key.Any(c => c is < ' ' or > '~')) throw ProblemException.Invalid($"The header Idempotency-Key must be 1 to {Longest} visible ASCII characters.");

        var id = Ids.Join(["once", caller.KeyId, request.Path.Value ?? "", key]);
        var seen = new Seen(id, Base64Url.EncodeToString(SHA256.HashData(content.Span)), time.GetUtcNow(), (int)Kept.TotalSeconds);
        if (await BeginAsync(seen, key, repeatable) is { } before)
        {
            request.MarkReplayed();
            return Send(request, new(before.Status!.Value, before.Value!.Value, before.Location));
        }
        Answered answer;
        try
        {
            answer = await work();
        }
        catch
        {
            // Refused or failed: the same request may do it later, and need not wait until this one counts as dead.
            using var forgotten = await store.Inbox.DeleteItemStreamAsync(id, new PartitionKey(id));
            throw;
        }
        await store.Inbox.UpsertItemAsync(seen with { Status = answer.Status, Value = JsonSerializer.SerializeToElement(answer.Value, Json.Options), Location = answer.Location }, new PartitionKey(id));
        return Send(request, answer);
    }

    // Null: this request does the work. Otherwise the answer of the one that did.
    async Task<Seen?> BeginAsync(Seen mine, string key, bool repeatable)
    {
        var partition = new PartitionKey(mine.Id);
        try
        {
            await store.Inbox.CreateItemAsync(mine, partition);
            return null;
        }
        catch (CosmosException exists) when (exists.StatusCode == HttpStatusCode.Conflict) { }
        var read = await store.Inbox.ReadItemAsync<Seen>(mine.Id, partition);
        var before = read.Resource;
        if (before.Content != mine.Content) throw ProblemException.Reused(key);
        if (before.Status is not null) return before;
        if (repeatable) return null;
        if (mine.StartedAt - before.StartedAt < Longlived) throw ProblemException.Conflict("in-progress", "The first request is still at work", $"The request with key '{key}' has no answer yet. Ask again shortly.");
        try { await store.Inbox.ReplaceItemAsync(mine, mine.Id, partition, new() { IfMatchEtag = read.ETag }); }
        catch (CosmosException taken) when (taken.StatusCode == HttpStatusCode.PreconditionFailed) { throw ProblemException.Conflict("in-progress", "Another request is at work", $"The request with key '{key}' was taken up by another. Ask again shortly."); }
        return null;
    }

    static IResult Send(HttpRequest request, Answered answer)
    {
        if (answer.Location is { } location) request.HttpContext.Response.Headers.Location = location;
        return Request.Answer(answer.Shown ?? answer.Value, answer.Status);
    }
}
