using System.Net;
using System.Text.Json;
using Microsoft.Azure.Cosmos;

namespace Selvedge.Platform;

/// <summary>A document of container <c>settings</c>: the partition key <c>kind</c> says what it configures.</summary>
public interface ISetting
{
    string Id { get; }
    string Kind { get; }
    string? ETag { get; }
}

/// <summary>What must hold of a document when it is written (RFC 9110, section 13.1): nothing, when default.</summary>
/// <param name="Match">The ETag it must have; <c>*</c>: it must exist.</param>
/// <param name="Absent">It must not exist.</param>
public readonly record struct Precondition(string? Match, bool Absent = false)
{
    /// <param name="etag">The document's ETag; null where there is none.</param>
    public bool Holds(string? etag) => (!Absent || etag is null) && (Match is null || (etag is not null && (Match == "*" || Match == etag)));

    /// <summary>Nothing has to hold.</summary>
    public bool IsNone => Match is null && !Absent;
    public static implicit operator Precondition(string? match) => new(match);
}

/// <summary>
/// The configured things of one kind (locations, channels): few, read all the time, so kept in memory for 30 s. Nothing's correctness depends
/// on that: one that is not known here is looked up in the store, and an edit made by another instance is seen within 30 s.
/// </summary>
public sealed class SettingsOf<T>(Store store, TimeProvider time, string kind) where T : class, ISetting
{
    static readonly TimeSpan Fresh = TimeSpan.FromSeconds(30);
    readonly PartitionKey partition = new(kind);
    readonly Lock gate = new();
    Task<IReadOnlyDictionary<string, T>>? known;
    long askedAt;

    /// <summary>The setting, or null. With <paramref name="fresh"/> from the store, whatever is in memory.</summary>
    public async Task<T?> FindAsync(string id, bool fresh = false, CancellationToken cancel = default)
    {
        if (!fresh && (await KnownAsync(cancel)).TryGetValue(id, out var found)) return found;
        if (!Ids.IsPlain(id)) return null;
        using var response = await store.Settings.ReadItemStreamAsync(id, partition, cancellationToken: cancel);
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        response.EnsureSuccessStatusCode();
        if (!fresh) Forget();
        return await JsonSerializer.DeserializeAsync<T>(response.Content, Json.Options, cancel);
    }

    /// <summary>All of them, by id.</summary>
    public async Task<IReadOnlyList<T>> ListAsync(CancellationToken cancel = default) =>
        [.. (await KnownAsync(cancel)).Values.OrderBy(setting => setting.Id, StringComparer.Ordinal)];

    /// <summary>The setting as it is in the store, before it is written.</summary>
    /// <exception cref="ProblemException">412 when <paramref name="when"/> does not hold.</exception>
    public async Task<T?> RequireAsync(string id, Precondition when, CancellationToken cancel = default)
    {
        var before = await FindAsync(id, fresh: true, cancel);
        return when.Holds(before?.ETag) ? before : throw Changed(id);
    }

    /// <summary>Writes <paramref name="setting"/> over <paramref name="before"/> (null: creates it).</summary>
    /// <exception cref="ProblemException">412 when it was changed or created by someone else meanwhile; 409 when another one's id differs in capitals only.</exception>
    public async Task<T> WriteAsync(T setting, T? before, CancellationToken cancel = default)
    {
        // Two that only a careful reader tells apart are one, mistyped.
        if (before is null && (await LoadAsync()).Keys.FirstOrDefault(id => id.Equals(setting.Id, StringComparison.OrdinalIgnoreCase) && id != setting.Id) is { } other)
            throw ProblemException.Conflict("id-taken", "There is one of almost this id", $"There is the {kind} '{other}' already; '{setting.Id}' differs in capitals only. Use '{other}', or choose another id.");
        try
        {
            var options = new ItemRequestOptions { IfMatchEtag = before?.ETag, EnableContentResponseOnWrite = true };
            var response = before is null
                ? await store.Settings.CreateItemAsync(setting, partition, options, cancel)
                : await store.Settings.ReplaceItemAsync(setting, setting.Id, partition, options, cancel);
            return response.Resource;
        }
        catch (CosmosException error) when (error.StatusCode is HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed or HttpStatusCode.NotFound)
        {
            throw Changed(setting.Id);
        }
        finally
        {
            Forget();
        }
    }

    async Task<IReadOnlyDictionary<string, T>> KnownAsync(CancellationToken cancel)
    {
        Task<IReadOnlyDictionary<string, T>> task;
        lock (gate)
        {
            // A load that failed is not kept; one that is under way is shared by all who ask.
            if (known is null || known.IsFaulted || known.IsCanceled || time.GetElapsedTime(askedAt) >= Fresh)
            {
                askedAt = time.GetTimestamp();
                known = LoadAsync();
            }
            task = known;
        }
        return await task.WaitAsync(cancel);
    }

    async Task<IReadOnlyDictionary<string, T>> LoadAsync()
    {
        var all = new Dictionary<string, T>(StringComparer.Ordinal);
        using var pages = store.Settings.GetItemQueryIterator<T>("SELECT * FROM c", requestOptions: new() { PartitionKey = partition });
        while (pages.HasMoreResults)
            foreach (var setting in await pages.ReadNextAsync()) all[setting.Id] = setting;
        return all;
    }

    void Forget()
    {
        lock (gate) known = null;
    }

    ProblemException Changed(string id) => new(412, "changed-meanwhile", "It was changed meanwhile", $"The {kind} '{id}' does not have this ETag (any more). Read it and try again.");
}
