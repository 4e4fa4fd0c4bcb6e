using System.Net;
using Microsoft.Azure.Cosmos;

namespace Selvedge.Platform;

/// <summary>A document of container <c>work</c> that people know by its id alone (a purchase order, a transfer, a count): the first part of its partition key,
/// <c>location</c>, is its kind, and <c>at</c> says where it is.</summary>
public interface IWork
{
    string Id { get; }
    string Kind { get; }
    string? ETag { get; }
}

/// <summary>
/// The documents of one kind in container <c>work</c>. Whoever has written down what is to be done and not done all of it leaves <c>attention</c> on the
/// document: after that time anybody goes on with it (<see cref="DueAsync"/>). Every step has a key of its own, so it is done once.
/// </summary>
public sealed class WorkOf<T>(Store store, TimeProvider time, string kind) where T : class, IWork
{
    /// <summary>How long whoever began has to finish before another goes on.</summary>
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    const int Tries = 12, Together = 200;

    public DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    /// <summary>When another may go on with what is begun now.</summary>
    public DateTimeOffset Later => Now + Patience;

    public async Task<T?> FindAsync(string id)
    {
        if (!Ids.IsPlain(id)) return null;
        try { return (await store.Work.ReadItemAsync<T>(id, Key(id))).Resource; }
        catch (CosmosException missing) when (missing.StatusCode == HttpStatusCode.NotFound) { return null; }
    }

    /// <summary>Writes a new document; the one that is there already where there is one, which may be this very one whose answer was lost.</summary>
    public async Task<(T Document, bool Created)> CreateAsync(T wanted)
    {
        try { return ((await store.Work.CreateItemAsync(wanted, Key(wanted.Id), new() { EnableContentResponseOnWrite = true })).Resource, true); }
        catch (CosmosException there) when (there.StatusCode == HttpStatusCode.Conflict)
        {
            return (await FindAsync(wanted.Id) ?? throw ProblemException.Busy($"'{wanted.Id}' was there and is gone. Send it again."), false);
        }
    }

    /// <summary>Writes by ETag; null: it was changed meanwhile.</summary>
    public async Task<T?> ReplaceAsync(T next)
    {
        try { return (await store.Work.ReplaceItemAsync(next, next.Id, Key(next.Id), new() { IfMatchEtag = next.ETag, EnableContentResponseOnWrite = true })).Resource; }
        catch (CosmosException changed) when (changed.StatusCode is HttpStatusCode.PreconditionFailed or HttpStatusCode.NotFound) { return null; }
    }

    /// <summary>Reads, decides and writes until nobody came in between. <paramref name="change"/> is run again then, and answers null, or the same, where nothing is to be changed.</summary>
    /// <exception cref="ProblemException">404, as <paramref name="unknown"/> says; 503: others keep changing it.</exception>
    public async Task<(T Document, bool Changed)> ChangeAsync(string id, Func<T, T?> change, Func<string, ProblemException> unknown)
    {
        for (var tries = 0; tries < Tries; tries++)
        {
            var found = await FindAsync(id) ?? throw unknown(id);
            if (change(found) is not { } next || ReferenceEquals(next, found)) return (found, false);
            if (await ReplaceAsync(next) is { } written) return (written, true);
        }
        throw ProblemException.Busy($"'{id}' is being changed by others.");
    }

    /// <summary>A page of those for which all of <paramref name="where"/> holds: a member, how it is compared, and with what; a null value asks for nothing.</summary>
    /// <param name="locations">Null: wherever they are; else only those whose <c>at</c> (or <paramref name="or"/>) is one of these.</param>
    public Task<Page<T>> ListAsync(IEnumerable<(string Member, string Compares, object? Value)> where, IReadOnlyList<string>? locations, int limit, string? continuation, string or = "at")
    {
        var terms = where.Where(term => term.Value is not null).ToList();
        var text = "SELECT * FROM c WHERE c.location = @kind" + string.Concat(terms.Select((term, i) => $" AND c[\"{term.Member}\"] {term.Compares} @p{i}"))
            + (locations is null ? "" : $" AND (ARRAY_CONTAINS(@locations, c.at) OR ARRAY_CONTAINS(@locations, c.{or}))");
        var query = new QueryDefinition(text).WithParameter("@kind", kind);
        for (var i = 0; i < terms.Count; i++) query = query.WithParameter($"@p{i}", terms[i].Value);
        return store.Work.PageAsync<T>(locations is null ? query : query.WithParameter("@locations", locations), limit, continuation);
    }

    /// <summary>Goes on with each that was begun and left, whatever has waited longest first. One that cannot be done now holds up no other, and so does one that goes on waiting
    /// (all that are due are looked at in each run); the run says in the end what failed. Answers how many there were.</summary>
    public async Task<int> DueAsync(Func<T, Task> goOn, CancellationToken cancel)
    {
        var (due, failed) = (0, new List<Exception>());
        // One path is compared and ordered by: its range index serves both.
        using var pages = store.Work.GetItemQueryIterator<T>(new QueryDefinition("SELECT * FROM c WHERE c.location = @kind AND c.attention < @now ORDER BY c.attention")
            .WithParameter("@kind", kind).WithParameter("@now", InstantConverter.Text(time.GetUtcNow())), requestOptions: new() { MaxItemCount = Together });
        while (pages.HasMoreResults)
            foreach (var left in await pages.ReadNextAsync(cancel))
            {
                due++;
                cancel.ThrowIfCancellationRequested();
                try { await goOn(left); }
                catch (Exception later) when (later is not OperationCanceledException || !cancel.IsCancellationRequested)
                {
                    failed.Add(new InvalidOperationException($"The {kind} '{left.Id}' was left for the next run, in half a minute. Nothing is lost; if it goes on failing, read it and correct what the inner error names.", later));
                }
            }
        return failed.Count == 0 ? due : throw new AggregateException(failed);
    }

    PartitionKey Key(string id) => new PartitionKeyBuilder().Add(kind).Add(id).Build();
}
