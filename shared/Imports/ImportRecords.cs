using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Platform;

namespace Selvedge.Imports;

/// <summary>
/// Which file an idempotency key stands for, and what came of it: document <c>import:&lt;kind&gt;:&lt;key&gt;</c> of container <c>inbox</c>, kept as
/// long as the ledger's keys: for ever. Without a key the file's hash names the import, and the same file is the same import.
/// </summary>
public sealed class ImportRecords(Store store, TimeProvider time)
{
    sealed record Record(string Id, string Hash, DateTimeOffset At, JsonElement? Result);

    /// <summary>The hash that names a file: SHA-256, 43 characters.</summary>
    public static string HashOf(ReadOnlySpan<byte> file) => Base64Url.EncodeToString(SHA256.HashData(file));

    /// <summary>Binds <paramref name="key"/> to the file. The result of the import when it has been finished before, else null.</summary>
    /// <exception cref="ProblemException">422 the key stands for another file.</exception>
    public async Task<JsonElement?> BeginAsync(string kind, string key, string hash, CancellationToken cancel = default)
    {
        var id = Id(kind, key);
        try
        {
            await store.Inbox.CreateItemAsync(new Record(id, hash, time.GetUtcNow(), null), new(id), cancellationToken: cancel);
            return null;
        }
        catch (CosmosException error) when (error.StatusCode == HttpStatusCode.Conflict)
        {
            Record there = await store.Inbox.ReadItemAsync<Record>(id, new(id), cancellationToken: cancel);
            return there.Hash == hash ? there.Result : throw ProblemException.Reused(key);
        }
    }

    /// <summary>Keeps the result for whoever sends the key again.</summary>
    public Task FinishAsync(string kind, string key, string hash, object result) =>
        store.Inbox.UpsertItemAsync(new Record(Id(kind, key), hash, time.GetUtcNow(), JsonSerializer.SerializeToElement(result, Json.Options)), new(Id(kind, key)));

    /// <summary>Frees the key of an import that was refused.</summary>
    public async Task ForgetAsync(string kind, string key)
    {
        using var response = await store.Inbox.DeleteItemStreamAsync(Id(kind, key), new(Id(kind, key)));
    }

    static string Id(string kind, string key) => Ids.Join(["import", kind, key]);
}

public static class ImportServices
{
    /// <summary>Product and stock imports. Needs the catalogue and the ledger.</summary>
    public static IServiceCollection AddImports(this IServiceCollection services) => services
        .AddSingleton<ImportRecords>().AddSingleton<ProductImport>().AddSingleton<StockImport>();
}
