using System.Buffers;
using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Microsoft.Azure.Cosmos;

namespace Selvedge.Platform;

/// <summary>An API key as stored: container <c>settings</c>, partition <c>key</c>. Only the token's hash is kept.</summary>
public sealed record ApiKey
{
    public const string Partition = "key";
    public required string Id { get; init; }
    public string Kind { get; init; } = Partition;

    /// <summary>What the key is for; the actor of what it does, where it names no person.</summary>
    public required string Name { get; init; }

    /// <summary>Whose it is: the actor of what it does. Only people decide on what others asked for.</summary>
    public string? Person { get; init; }
    public required Role Role { get; init; }
    public Scope Scope { get; init; } = Scope.Everything;

    /// <summary>SHA-256 of the token, base64url. The token carries 256 random bits, so a slow hash would add nothing.</summary>
    public required string Hash { get; init; }

    /// <summary>After this it lets nobody in.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>The tokens before, which are still good for a while after a rotation.</summary>
    public IReadOnlyList<RetiringToken> Retiring { get; init; } = [];
    public DateTimeOffset? RotatedAt { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required string CreatedBy { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }
}

/// <summary>A token that was replaced: its hash, and until when it still lets in.</summary>
public sealed record RetiringToken(string Hash, DateTimeOffset Until);

/// <summary>Makes, finds and removes API keys. A token is <c>slv_&lt;id&gt;_&lt;secret&gt;</c>; it is shown once and never stored or logged.</summary>
public sealed class ApiKeys(Store store, TimeProvider time)
{
    /// <summary>How long a removed key may still be let in by another instance (design, section 6, "Caches").</summary>
    static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);
    static readonly PartitionKey Partition = new(ApiKey.Partition);
    const string Prefix = "slv_";
    const string Alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
    const int IdLength = 12, MostRetiring = 5;
    static readonly SearchValues<char> Letters = SearchValues.Create(Alphabet);
    readonly ConcurrentDictionary<string, (ApiKey Key, DateTimeOffset Until)> cache = new();

    /// <summary>Who a token belongs to; null when it is malformed, unknown, expired, replaced or removed.</summary>
    /// <exception cref="CosmosException">The store cannot be asked.</exception>
    public async ValueTask<Caller?> FindAsync(string token)
    {
        if (IdOf(token) is not { } id) return null;
        var now = time.GetUtcNow();
        if (!cache.TryGetValue(id, out var known) || known.Until <= now)
        {
            if (await ReadAsync(id) is not { } read)
            {
                cache.TryRemove(id, out _);
                return null;
            }
            cache[id] = known = (read, now + Fresh);
        }
        var key = known.Key;
        if (key.ExpiresAt <= now) return null;
        Span<byte> given = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes(token), given);
        var lets = Matches(given, key.Hash);
        foreach (var before in key.Retiring) lets |= now < before.Until && Matches(given, before.Hash);
        return lets ? new(id, key.Person ?? key.Name, key.Role, key.Scope, key.Person is not null) : null;
    }

    static bool Matches(ReadOnlySpan<byte> given, string hash)
    {
        Span<byte> stored = stackalloc byte[32];
        return Base64Url.TryDecodeFromChars(hash, stored, out var length) && length == 32 && CryptographicOperations.FixedTimeEquals(given, stored);
    }

    /// <summary>A new token and the key document that lets it in; nothing is stored yet.</summary>
    public (string Token, ApiKey Key) Make(string name, Role role, Scope scope, string createdBy, string? person = null, DateTimeOffset? expiresAt = null)
    {
        var id = RandomNumberGenerator.GetString(Alphabet, IdLength);
        var token = TokenOf(id);
        return (token, Describe(token, name, role, scope, createdBy) with { Person = person, ExpiresAt = expiresAt });
    }

    /// <summary>Stores a key that <see cref="Make"/> made.</summary>
    public Task AddAsync(ApiKey key) => store.Settings.CreateItemAsync(key, Partition);

    /// <summary>Gives a key another token; the one it has is good for <paramref name="grace"/> more. Rotating again, after an answer was lost, keeps those
    /// before good for the time they had.</summary>
    /// <exception cref="ProblemException">404 unknown; 409 too many tokens of it are still good.</exception>
    public async Task<(string Token, ApiKey Key)> RotateAsync(string id, TimeSpan grace)
    {
        for (var tries = 0; tries < 5; tries++)
        {
            var key = await ReadAsync(id) ?? throw ProblemException.NotFound($"There is no key '{id}'.");
            var now = InstantConverter.Cut(time.GetUtcNow());
            var retiring = key.Retiring.Where(before => before.Until > now).ToList();
            if (grace > TimeSpan.Zero) retiring.Add(new(key.Hash, now + grace));
            if (retiring.Count > MostRetiring) throw ProblemException.Conflict("too-many-tokens", "Too many tokens of the key are still good", $"Key '{id}' was rotated {MostRetiring} times and the tokens before are still good. Delete it, or wait.");
            var token = TokenOf(id);
            var next = key with { Hash = HashOf(token), Retiring = retiring, RotatedAt = now };
            try
            {
                await store.Settings.ReplaceItemAsync(next, id, Partition, new() { IfMatchEtag = key.ETag });
                cache.TryRemove(id, out _);
                return (token, next);
            }
            catch (CosmosException changed) when (changed.StatusCode is HttpStatusCode.PreconditionFailed or HttpStatusCode.NotFound) { }
        }
        throw ProblemException.Busy($"Key '{id}' is being changed by others.");
    }

    /// <summary>All keys, by name.</summary>
    public async Task<IReadOnlyList<ApiKey>> AllAsync()
    {
        var keys = new List<ApiKey>();
        using var pages = store.Settings.GetItemQueryIterator<ApiKey>("SELECT * FROM c", requestOptions: new() { PartitionKey = Partition });
        while (pages.HasMoreResults) keys.AddRange(await pages.ReadNextAsync());
        return [.. keys.OrderBy(key => key.Name, StringComparer.Ordinal).ThenBy(key => key.Id, StringComparer.Ordinal)];
    }

    /// <summary>Removes a key. Another instance may let it in for 5 s more.</summary>
    /// <exception cref="ProblemException">404 unknown; 409 it is the last administrator's.</exception>
    public async Task RemoveAsync(string id)
    {
        for (var tries = 0; tries < 5; tries++)
        {
            var keys = await AllAsync();
            var key = keys.FirstOrDefault(key => key.Id == id) ?? throw ProblemException.NotFound($"There is no key '{id}'.");
            var batch = store.Settings.CreateTransactionalBatch(Partition).DeleteItem(id);
            if (key.Role == Role.Admin)
            {
                var other = keys.FirstOrDefault(other => other.Role == Role.Admin && other.Id != id && other.ExpiresAt is null)
                    ?? throw ProblemException.Conflict("last-admin-key", "The last administrator's key cannot be deleted", $"Key '{id}' is the only one with the role admin that does not expire. Create another first.");
                // Rewriting the one that stays, in the same transaction, makes two administrators' keys that delete each other exclude one another.
                batch = store.Settings.CreateTransactionalBatch(Partition).ReplaceItem(other.Id, other).DeleteItem(id);
            }
            using var answer = await batch.ExecuteAsync();
            cache.TryRemove(id, out _);
            if (answer.IsSuccessStatusCode) return;
            if (answer.StatusCode is not (HttpStatusCode.NotFound or HttpStatusCode.PreconditionFailed)) throw new CosmosException("Deleting a key failed.", answer.StatusCode, 0, answer.ActivityId, answer.RequestCharge);
        }
        throw ProblemException.Busy("Keys are being changed by others.");
    }

    /// <summary>Local hosting's start: makes sure that <paramref name="folder"/><c>/admin.key</c> (readable by its owner only) holds the token of an
    /// administrator's key. Where the file was removed a new key is made: who owns the folder owns the data. A key that was deleted on purpose
    /// stays deleted, although the file still holds its token.</summary>
    /// <returns>The file.</returns>
    /// <exception cref="InvalidOperationException">The file does not hold a token.</exception>
    public async Task<string> EnsureAdminAsync(string folder)
    {
        var file = Path.Combine(folder, "admin.key");
        if (!File.Exists(file)) await MakeAdminAsync(file);
        var token = (await File.ReadAllTextAsync(file)).Trim();
        if (IdOf(token) is not { } id) throw new InvalidOperationException($"{file} does not hold a key (slv_…). Delete it; the next start makes a new one.");
        // One point read on most starts: the first query of a process costs more than all the rest of the start.
        if (await ReadAsync(id) is { Role: Role.Admin }) return file;
        if (!(await AllAsync()).Any(key => key.Role == Role.Admin)) await AddMissingAsync(Describe(token, "admin", Role.Admin, Scope.Everything, "first start"));
        return file;
    }

    // The key is stored before its token is in place, so a file that is there always holds a key that was stored.
    async Task MakeAdminAsync(string file)
    {
        var (token, key) = Make("admin", Role.Admin, Scope.Everything, "first start");
        var fresh = $"{file}.{key.Id}";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using (var stream = new FileStream(fresh, options))
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(token + "\n"));
            stream.Flush(flushToDisk: true);
        }
        await AddAsync(key);
        try { File.Move(fresh, file, overwrite: false); }
        catch (IOException) when (File.Exists(file))
        {
            // Another instance on the same folder was first: its key is the one.
            File.Delete(fresh);
            await store.Settings.DeleteItemAsync<ApiKey>(key.Id, Partition);
        }
    }

    async Task AddMissingAsync(ApiKey key)
    {
        try { await AddAsync(key); }
        catch (CosmosException exists) when (exists.StatusCode == HttpStatusCode.Conflict) { }
    }

    ApiKey Describe(string token, string name, Role role, Scope scope, string createdBy) => new()
    {
        Id = IdOf(token)!,
        Name = name,
        Role = role,
        Scope = scope,
        Hash = HashOf(token),
        CreatedAt = InstantConverter.Cut(time.GetUtcNow()),
        CreatedBy = createdBy,
    };

    static string TokenOf(string id) => Prefix + id + "_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    static string HashOf(string token) => Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    async Task<ApiKey?> ReadAsync(string id)
    {
        try { return (await store.Settings.ReadItemAsync<ApiKey>(id, Partition)).Resource; }
        catch (CosmosException missing) when (missing.StatusCode == HttpStatusCode.NotFound) { return null; }
    }

    static string? IdOf(string token) =>
        token.Length == Prefix.Length + IdLength + 1 + 43 && token.StartsWith(Prefix, StringComparison.Ordinal) && token[Prefix.Length + IdLength] == '_'
            && token.AsSpan(Prefix.Length, IdLength).IndexOfAnyExcept(Letters) < 0
            ? token.Substring(Prefix.Length, IdLength)
            : null;
}
