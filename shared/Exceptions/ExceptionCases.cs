using System.Net;
using Microsoft.Azure.Cosmos;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Exceptions;

/// <summary>How many exceptions of one kind are open, and since when the oldest is.</summary>
public sealed record KindCount(string Kind, long Open, long Resolved);

/// <summary>The exceptions there are: opened once each, listed, given to someone, resolved. Every change is written by ETag.</summary>
public sealed class ExceptionCases(Store store, TimeProvider time)
{
    const int Tries = 8, MostComments = 200;

    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    /// <summary>Opens an exception. One with the same id is left as it is, resolved or not, unless it comes up again (<see cref="ExceptionCase.Occurrence"/>).</summary>
    public async Task OpenAsync(ExceptionCase opened)
    {
        var now = Now;
        try
        {
            await store.Exceptions.CreateItemAsync(opened with { Status = ExceptionStatus.Open, OpenedAt = now }, new PartitionKey(opened.Id));
        }
        catch (CosmosException known) when (known.StatusCode == HttpStatusCode.Conflict)
        {
            if (opened.Occurrence is null) return;
            await ChangeAsync(opened.Id, caller: null, found => found.Occurrence == opened.Occurrence ? null : found with
            {
                Occurrence = opened.Occurrence, Occurrences = found.Occurrences + 1, Detail = opened.Detail, Quantity = opened.Quantity, Expected = opened.Expected, Found = opened.Found,
                Status = ExceptionStatus.Open, ReopenedAt = now, ResolvedAt = null, Resolution = null, Actor = null,
            });
        }
    }

    /// <summary>Opens what the ledger found contradictory; an audit that reports the entry again completes what a crash left undone.</summary>
    public async Task OpenAsync(Entry entry)
    {
        foreach (var contradiction in LedgerContradictions.Of(entry)) await OpenAsync(contradiction);
    }

    /// <inheritdoc cref="ListAsync(ExceptionFilter, int, string?)"/>
    public Task<Page<ExceptionCase>> ListAsync(ExceptionStatus? status, string? kind, int limit, string? continuation) => ListAsync(new(status, kind), limit, continuation);

    /// <summary>Exceptions by when they were opened, the newest first.</summary>
    public Task<Page<ExceptionCase>> ListAsync(ExceptionFilter filter, int limit, string? continuation) =>
        store.Exceptions.PageAsync<ExceptionCase>(Query("SELECT * FROM c", filter, " ORDER BY c.openedAt DESC"), limit, continuation);

    /// <summary>How many of each kind are open and resolved, of those the filter leaves.</summary>
    public async Task<IReadOnlyList<KindCount>> CountAsync(ExceptionFilter filter)
    {
        var counts = new SortedDictionary<string, KindCount>(StringComparer.Ordinal);
        using var pages = store.Exceptions.GetItemQueryIterator<Counted>(Query("SELECT c.kind, c.status, COUNT(1) AS number FROM c", filter, " GROUP BY c.kind, c.status"));
        while (pages.HasMoreResults)
            foreach (var group in await pages.ReadNextAsync())
            {
                var known = counts.GetValueOrDefault(group.Kind) ?? new(group.Kind, 0, 0);
                counts[group.Kind] = group.Status == ExceptionStatus.Open ? known with { Open = known.Open + group.Number } : known with { Resolved = known.Resolved + group.Number };
            }
        return [.. counts.Values];
    }

    sealed record Counted(string Kind, ExceptionStatus Status, long Number);

    /// <summary>Resolves an exception; the same again changes nothing.</summary>
    /// <returns>The exception, and whether it had been resolved with these words before.</returns>
    /// <exception cref="ProblemException">404 unknown, or out of the caller's reach; 409 resolved otherwise already.</exception>
    public async Task<(ExceptionCase Case, bool Repeated)> ResolveAsync(string id, string resolution, string? owner, string actor, Caller? caller = null)
    {
        var (resolved, changed) = await ChangeAsync(id, caller, found => found.Status == ExceptionStatus.Open
            ? found with { Status = ExceptionStatus.Resolved, Resolution = resolution, Owner = owner ?? found.Owner, Actor = actor, ResolvedAt = Now }
            : found.Resolution == resolution ? null
            : throw ProblemException.Conflict("already-resolved", "The exception is resolved already", $"Exception '{id}' was resolved by {found.Actor} with: {found.Resolution}"));
        return (resolved, !changed);
    }

    /// <summary>Resolves an exception whose cause is gone, where there is one and it is open.</summary>
    public async Task ResolveIfOpenAsync(string id, string resolution, string actor)
    {
        try
        {
            await ChangeAsync(id, caller: null, found => found.Status == ExceptionStatus.Open ? found with { Status = ExceptionStatus.Resolved, Resolution = resolution, Actor = actor, ResolvedAt = Now } : null);
        }
        catch (ProblemException unknown) when (unknown.Status == 404) { }
    }

    /// <summary>Gives an exception to someone, or with null to nobody.</summary>
    /// <exception cref="ProblemException">404.</exception>
    public async Task<ExceptionCase> AssignAsync(string id, string? owner, Caller caller) =>
        (await ChangeAsync(id, caller, found => found.Owner == owner ? null : found with { Owner = owner })).Case;

    /// <summary>Adds a person's words.</summary>
    /// <exception cref="ProblemException">404; 409 it has as many comments as there may be.</exception>
    public async Task<ExceptionCase> CommentAsync(string id, string text, Caller caller) => (await ChangeAsync(id, caller, found => (found.Comments?.Count ?? 0) >= MostComments
        ? throw ProblemException.Conflict("too-many-comments", "It has too many comments", $"Exception '{id}' has {MostComments} comments. Resolve it, or write elsewhere.")
        : found with { Comments = [.. found.Comments ?? [], new(Now, caller.Actor, text)] })).Case;

    /// <summary>Reads, decides and writes by ETag until nobody came in between. <paramref name="change"/> answers null where nothing is to be changed.</summary>
    async Task<(ExceptionCase Case, bool Changed)> ChangeAsync(string id, Caller? caller, Func<ExceptionCase, ExceptionCase?> change)
    {
        for (var tries = 0; tries < Tries; tries++)
        {
            ItemResponse<ExceptionCase> read;
            try { read = await store.Exceptions.ReadItemAsync<ExceptionCase>(id, new PartitionKey(id)); }
            catch (CosmosException unknown) when (unknown.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.BadRequest) { throw Unknown(id); }
            if (caller?.Reaches(read.Resource) == false) throw Unknown(id);
            if (change(read.Resource) is not { } next) return (read.Resource, false);
            try
            {
                await store.Exceptions.ReplaceItemAsync(next, id, new PartitionKey(id), new() { IfMatchEtag = read.ETag });
                return (next, true);
            }
            catch (CosmosException changed) when (changed.StatusCode == HttpStatusCode.PreconditionFailed) { }
        }
        throw ProblemException.Busy($"Exception '{id}' is being changed by others.");
    }

    static ProblemException Unknown(string id) => ProblemException.NotFound($"There is no exception '{id}'.");

    static QueryDefinition Query(string select, ExceptionFilter filter, string rest)
    {
        var terms = new List<(string Term, string Name, object Value)>();
        Equal("kind", filter.Kind);
        Equal("owner", filter.Owner);
        Equal("sku", filter.Sku);
        Equal("channel", filter.Channel);
        Equal("order", filter.Order);
        Equal("id", filter.Id);
        Equal("status", filter.Status switch { ExceptionStatus.Open => "open", ExceptionStatus.Resolved => "resolved", _ => null });
        Within("channel", filter.Caller?.Scope.Channels);
        Within("customer", filter.Caller?.Scope.Customers);
        Within("location", filter.Caller?.Scope.Locations);
        var query = new QueryDefinition(select + (terms.Count > 0 ? " WHERE " + string.Join(" AND ", terms.Select(term => term.Term)) : "") + rest);
        foreach (var (_, name, value) in terms) query = query.WithParameter(name, value);
        return query;

        // 'order' is a word of the query language, so members are named in brackets.
        void Equal(string member, string? value)
        {
            if (value is not null) terms.Add(($"c[\"{member}\"] = @{member}", "@" + member, value));
        }

        void Within(string member, IReadOnlyList<string>? bound)
        {
            if (bound is not null) terms.Add(($"ARRAY_CONTAINS(@{member}s, c.{member})", $"@{member}s", bound));
        }
    }
}
