using System.Globalization;
using System.Net;
using Microsoft.Azure.Cosmos;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Exceptions;

/// <summary>Whether a person still has to look at it.</summary>
[System.Text.Json.Serialization.JsonConverter(typeof(CamelCaseEnum<ExceptionStatus>))]
public enum ExceptionStatus
{
    Open,
    Resolved,
}

/// <summary>Something a person must look at: a fact that contradicts the record, an oversell, drift (design, section 3, "Requests and facts").
/// Document of container <c>exceptions</c>. Quantities are units.</summary>
public sealed record ExceptionCase
{
    /// <summary>What it is about; the same thing found twice is one exception.</summary>
    public required string Id { get; init; }

    /// <summary>e.g. <c>belowZero</c>, <c>claimUncovered</c>, <c>oversold</c>.</summary>
    public required string Kind { get; init; }
    public string? Sku { get; init; }
    public string? Order { get; init; }
    public string? Line { get; init; }
    public string? Channel { get; init; }
    public long Quantity { get; init; }

    /// <summary>Both sides, for a person. No personal data.</summary>
    public required string Detail { get; init; }
    public ExceptionStatus Status { get; init; }

    /// <summary>Who looks after it.</summary>
    public string? Owner { get; init; }
    public DateTimeOffset OpenedAt { get; init; }
    public DateTimeOffset? ResolvedAt { get; init; }
    public string? Resolution { get; init; }

    /// <summary>Who resolved it.</summary>
    public string? Actor { get; init; }
}

/// <summary>The exceptions there are: opened once each, listed, resolved by a person.</summary>
public sealed class ExceptionCases(Store store, TimeProvider time)
{
    /// <summary>Opens an exception; one with the same id is left as it is, resolved or not.</summary>
    public async Task OpenAsync(ExceptionCase opened)
    {
        try
        {
            await store.Exceptions.CreateItemAsync(opened with { Status = ExceptionStatus.Open, OpenedAt = InstantConverter.Cut(time.GetUtcNow()) }, new PartitionKey(opened.Id));
        }
        catch (CosmosException known) when (known.StatusCode == HttpStatusCode.Conflict) { }
    }

    /// <summary>Opens what the ledger found contradictory. Ids come from the entry's key, so an audit that reports the entry again completes what a
    /// crash left undone and doubles nothing.</summary>
    public async Task OpenAsync(Entry entry)
    {
        for (var i = 0; i < (entry.Outcome.Exceptions?.Count ?? 0); i++)
        {
            var contradiction = entry.Outcome.Exceptions![i];
            await OpenAsync(new ExceptionCase
            {
                Id = Ids.Join(["ledger", entry.Sku, entry.Key, i.ToString(CultureInfo.InvariantCulture)]),
                Kind = contradiction.Kind,
                Sku = entry.Sku,
                Order = contradiction.Order,
                Line = contradiction.Line,
                Channel = entry.Channel,
                Quantity = contradiction.Quantity,
                Detail = contradiction.Detail,
            });
        }
    }

    /// <summary>Exceptions by when they were opened, the newest first.</summary>
    public Task<Page<ExceptionCase>> ListAsync(ExceptionStatus? status, string? kind, int limit, string? continuation)
    {
        var conditions = new List<string>();
        if (status is not null) conditions.Add("c.status = @status");
        if (kind is not null) conditions.Add("c.kind = @kind");
        var query = new QueryDefinition($"SELECT * FROM c{(conditions.Count > 0 ? " WHERE " + string.Join(" AND ", conditions) : "")} ORDER BY c.openedAt DESC");
        if (status is { } wanted) query.WithParameter("@status", wanted == ExceptionStatus.Open ? "open" : "resolved");
        if (kind is not null) query.WithParameter("@kind", kind);
        return store.Exceptions.PageAsync<ExceptionCase>(query, limit, continuation);
    }

    /// <summary>Resolves an exception; the same again changes nothing.</summary>
    /// <returns>The exception, and whether it had been resolved with these words before.</returns>
    /// <exception cref="ProblemException">404 unknown; 409 resolved otherwise already.</exception>
    public async Task<(ExceptionCase Case, bool Repeated)> ResolveAsync(string id, string resolution, string? owner, string actor)
    {
        for (var tries = 0; tries < 5; tries++)
        {
            ItemResponse<ExceptionCase> read;
            try { read = await store.Exceptions.ReadItemAsync<ExceptionCase>(id, new PartitionKey(id)); }
            catch (CosmosException unknown) when (unknown.StatusCode == HttpStatusCode.NotFound) { throw ProblemException.NotFound($"There is no exception '{id}'."); }
            var found = read.Resource;
            if (found.Status == ExceptionStatus.Resolved)
            {
                return found.Resolution == resolution ? (found, true)
                    : throw ProblemException.Conflict("already-resolved", "The exception is resolved already", $"Exception '{id}' was resolved by {found.Actor} with: {found.Resolution}");
            }
            var resolved = found with { Status = ExceptionStatus.Resolved, Resolution = resolution, Owner = owner ?? found.Owner, Actor = actor, ResolvedAt = InstantConverter.Cut(time.GetUtcNow()) };
            try
            {
                await store.Exceptions.ReplaceItemAsync(resolved, id, new PartitionKey(id), new() { IfMatchEtag = read.ETag });
                return (resolved, false);
            }
            catch (CosmosException changed) when (changed.StatusCode == HttpStatusCode.PreconditionFailed) { }
        }
        throw ProblemException.Busy($"Exception '{id}' is being changed by others.");
    }
}
