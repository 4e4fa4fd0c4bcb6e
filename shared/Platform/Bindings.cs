using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Azure.Cosmos;

namespace Selvedge.Platform;

/// <summary>What an administrator gave an account of Microsoft Entra ID: container <c>settings</c>, partition <c>binding</c>. It holds no secret; who signs in
/// as the account acts with this role and scope, whatever app roles its token names (docs/decisions/0014).</summary>
public sealed record Binding
{
    public const string Partition = "binding";

    /// <summary><c>entra-&lt;principal&gt;</c>.</summary>
    public required string Id { get; init; }
    public string Kind { get; init; } = Partition;

    /// <summary>The object id (claim <c>oid</c>) of the user or the service principal, in lower case.</summary>
    public required string Principal { get; init; }

    /// <summary>What the account is for; the actor of what an application does.</summary>
    public required string Name { get; init; }

    /// <summary>Whose account it is: the actor of what a user does. The same person may have keys as well.</summary>
    public string? Person { get; init; }
    public required Role Role { get; init; }
    public Scope Scope { get; init; } = Scope.Everything;

    /// <summary>After this the account is not let in.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required string CreatedBy { get; init; }

    /// <summary>Since when the account is not let in. The document stays: were it gone, an app role would let the account in again, without bounds.</summary>
    public DateTimeOffset? RevokedAt { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }
}

/// <summary>Accounts of Entra ID and what they may do here.</summary>
public sealed class Bindings(Store store, TimeProvider time)
{
    /// <summary>How long a change may stay unseen by another instance (design, section 6, "Caches").</summary>
    static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);
    static readonly PartitionKey Partition = new(Binding.Partition);
    const string Prefix = "entra-";
    const int Tries = 5;
    readonly ConcurrentDictionary<string, (Binding? Binding, DateTimeOffset Until)> cache = new();

    /// <summary>The id of a principal's binding, and of the caller that signs in as the principal, bound or not.</summary>
    public static string IdOf(string principal) => Prefix + principal;

    /// <summary>True for ids that <see cref="IdOf"/> made; API keys have others.</summary>
    public static bool IsId(string id) => id.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>The principal's binding, ended ones included; null when it never had one.</summary>
    /// <exception cref="CosmosException">The store cannot be asked.</exception>
    public async ValueTask<Binding?> FindAsync(string principal)
    {
        var now = time.GetUtcNow();
        if (cache.TryGetValue(principal, out var known) && now < known.Until) return known.Binding;
        // Only principals of the tenant get here, with a token it signed: their number bounds the cache.
        var read = await ReadAsync(IdOf(principal));
        cache[principal] = (read, now + Fresh);
        return read;
    }

    /// <summary>Binds a principal that is not bound, or no longer. Bound already to the very same: that binding, as a repeat.</summary>
    /// <exception cref="ProblemException">409: it is bound to something else.</exception>
    public async Task<(Binding Binding, bool Repeated)> BindAsync(Binding wanted)
    {
        wanted = wanted with { Id = IdOf(wanted.Principal), CreatedAt = InstantConverter.Cut(time.GetUtcNow()) };
        try
        {
            for (var tries = 0; tries < Tries; tries++)
            {
                var before = await ReadAsync(wanted.Id);
                if (before is { RevokedAt: null })
                {
                    return Same(before, wanted) ? (before, true)
                        : throw ProblemException.Conflict("principal-bound", "The principal is bound already", $"Principal '{wanted.Principal}' is bound as '{before.Name}'. Delete the key '{before.Id}' first; until it is bound again the account is not let in.");
                }
                try
                {
                    if (before is null) await store.Settings.CreateItemAsync(wanted, Partition);
                    else await store.Settings.ReplaceItemAsync(wanted, wanted.Id, Partition, new() { IfMatchEtag = before.ETag });
                    return (wanted, false);
                }
                catch (CosmosException changed) when (changed.StatusCode is HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed) { }
            }
            throw ProblemException.Busy($"The binding of principal '{wanted.Principal}' is being changed by others.");
        }
        finally
        {
            cache.TryRemove(wanted.Principal, out _);
        }
    }

    /// <summary>Ends a binding: the account is not let in until it is bound again. Another instance may let it in for 5 s more.</summary>
    /// <exception cref="ProblemException">404 unknown.</exception>
    public async Task RevokeAsync(string id)
    {
        for (var tries = 0; tries < Tries; tries++)
        {
            var before = await ReadAsync(id) ?? throw ProblemException.NotFound($"There is no key '{id}'.");
            if (before.RevokedAt is not null) return;
            try
            {
                await store.Settings.ReplaceItemAsync(before with { RevokedAt = InstantConverter.Cut(time.GetUtcNow()) }, id, Partition, new() { IfMatchEtag = before.ETag });
                return;
            }
            catch (CosmosException changed) when (changed.StatusCode == HttpStatusCode.PreconditionFailed) { }
            finally
            {
                cache.TryRemove(before.Principal, out _);
            }
        }
        throw ProblemException.Busy($"Key '{id}' is being changed by others.");
    }

    /// <summary>All bindings, ended ones included, by name.</summary>
    public async Task<IReadOnlyList<Binding>> AllAsync()
    {
        var all = new List<Binding>();
        using var pages = store.Settings.GetItemQueryIterator<Binding>("SELECT * FROM c", requestOptions: new() { PartitionKey = Partition });
        while (pages.HasMoreResults) all.AddRange(await pages.ReadNextAsync());
        return [.. all.OrderBy(binding => binding.Name, StringComparer.Ordinal).ThenBy(binding => binding.Id, StringComparer.Ordinal)];
    }

    async Task<Binding?> ReadAsync(string id)
    {
        try { return (await store.Settings.ReadItemAsync<Binding>(id, Partition)).Resource; }
        catch (CosmosException missing) when (missing.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.BadRequest) { return null; }
    }

    // Lists compare by what is in them only as JSON.
    static bool Same(Binding one, Binding other) => Text(one) == Text(other);

    static string Text(Binding binding) => JsonSerializer.Serialize(binding with { CreatedAt = default, CreatedBy = "", ETag = null }, Json.Options);
}
