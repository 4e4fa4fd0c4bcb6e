using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Azure.Cosmos;
using Selvedge.Platform;

namespace Selvedge.Imports;

/// <summary>Where an import stands.</summary>
[JsonConverter(typeof(CamelCaseEnum<ImportState>))]
public enum ImportState
{
    Running,
    Done,
    /// <summary>Refused or given up; <see cref="ImportRecord.Problem"/> says why. Nothing, or part of it, is written.</summary>
    Failed,
    /// <summary>Its instance ended in the middle. The same file sent again finishes it.</summary>
    Interrupted,
}

/// <summary>An import: document <c>import:&lt;kind&gt;:&lt;key&gt;</c> of container <c>inbox</c>, kept as long as the ledger's keys: for ever.</summary>
public sealed record ImportRecord
{
    public required string Id { get; init; }
    public required string Kind { get; init; }

    /// <summary>SHA-256 of the file.</summary>
    public required string Hash { get; init; }
    public ImportState State { get; init; }
    public DateTimeOffset StartedAt { get; init; }
    public DateTimeOffset At { get; init; }
    public string? Actor { get; init; }
    public int? Rows { get; init; }
    public int? Read { get; init; }
    public int? Written { get; init; }
    public int? Errors { get; init; }

    /// <summary>What came of it; or what stood against it (RFC 9457).</summary>
    public JsonElement? Result { get; init; }
    public JsonElement? Problem { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>The id that the API shows: <c>&lt;kind&gt;:&lt;key&gt;</c>.</summary>
    [JsonIgnore] public string PublicId => Id["import:".Length..];
    [JsonIgnore] public string Address => $"/api/imports/{Uri.EscapeDataString(PublicId)}";
}

/// <summary>
/// Which file an idempotency key stands for, how far its import is and what came of it. Without a key the file's hash names the import, and the same
/// file is the same import.
/// </summary>
public sealed class ImportRecords(Store store, TimeProvider time)
{
    /// <summary>A running import says that it lives at least this often; one that is silent for longer than <see cref="Silent"/> has died with its instance.</summary>
    public static readonly TimeSpan Beat = TimeSpan.FromSeconds(1), Silent = TimeSpan.FromSeconds(30);

    /// <summary>The hash that names a file: SHA-256, 43 characters.</summary>
    public static string HashOf(ReadOnlySpan<byte> file) => Base64Url.EncodeToString(SHA256.HashData(file));

    /// <summary>Binds <paramref name="key"/> to the file and begins.</summary>
    /// <returns>The record, and whether it is this caller's to run: not when it runs elsewhere, and not when it is done and <paramref name="again"/> is false.</returns>
    /// <exception cref="ProblemException">422 the key stands for another file.</exception>
    public async Task<(ImportRecord Record, bool Mine)> BeginAsync(string kind, string key, string hash, string actor, bool again, CancellationToken cancel = default)
    {
        var id = Ids.Join(["import", kind, key]);
        while (true)
        {
            var record = new ImportRecord { Id = id, Kind = kind, Hash = hash, StartedAt = time.GetUtcNow(), At = time.GetUtcNow(), Actor = actor };
            if (await FindAsync(id, cancel) is not { } there)
            {
                if (await WriteAsync(record) is { } created) return (created, true);
                continue;
            }
            if (there.Hash != hash) throw ProblemException.Reused(key);
            if (there.State == ImportState.Running || (there.State == ImportState.Done && !again)) return (there, false);
            if (await WriteAsync(record with { ETag = there.ETag }) is { } taken) return (taken, true);
        }
    }

    /// <summary>Writes how it stands; null when another has the record meanwhile (or it is gone).</summary>
    public async Task<ImportRecord?> WriteAsync(ImportRecord record)
    {
        try
        {
            var (partition, options) = (new PartitionKey(record.Id), new ItemRequestOptions { IfMatchEtag = record.ETag });
            var response = record.ETag is null
                ? await store.Inbox.CreateItemAsync(record, partition)
                : await store.Inbox.ReplaceItemAsync(record with { At = time.GetUtcNow() }, record.Id, partition, options);
            return record with { ETag = response.ETag };
        }
        catch (CosmosException error) when (error.StatusCode is HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed or HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <summary>The import that the API calls <paramref name="publicId"/>, as it stands.</summary>
    /// <exception cref="ProblemException">404.</exception>
    public async Task<ImportRecord> GetAsync(string publicId, CancellationToken cancel = default) =>
        (publicId.Length <= Ids.CosmosLimit - 7 && publicId.AsSpan().IndexOfAny("/\\?#") < 0 ? await FindAsync("import:" + publicId, cancel) : null)
        ?? throw ProblemException.NotFound($"There is no import '{publicId}'.");

    /// <summary>Frees the key of an import that was refused.</summary>
    public async Task ForgetAsync(ImportRecord record)
    {
        using var response = await store.Inbox.DeleteItemStreamAsync(record.Id, new(record.Id));
    }

    async Task<ImportRecord?> FindAsync(string id, CancellationToken cancel)
    {
        using var response = await store.Inbox.ReadItemStreamAsync(id, new(id), cancellationToken: cancel);
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        response.EnsureSuccessStatusCode();
        var record = (await JsonSerializer.DeserializeAsync<ImportRecord>(response.Content, Json.Options, cancel))!;
        return record.State == ImportState.Running && time.GetUtcNow() - record.At > Silent ? record with { State = ImportState.Interrupted } : record;
    }
}
