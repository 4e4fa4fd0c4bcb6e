using System.Net;
using System.Text.Json.Serialization;
using Microsoft.Azure.Cosmos;
using Selvedge.Platform;

namespace Selvedge.People;

/// <summary>What was done with personal data.</summary>
[JsonConverter(typeof(CamelCaseEnum<AccessKind>))]
public enum AccessKind
{
    /// <summary>An order's names and addresses were read.</summary>
    Read,
    /// <summary>A message was read as it had been received.</summary>
    Message,
    Erase,
}

/// <summary>Who read or erased whom, and when: document of container <c>access</c>, partition <c>/order</c>, kept for two years. It says whose data it was by the
/// order's id, never by name.</summary>
public sealed record AccessNote(string Id, string Order, AccessKind Kind, string Actor, string Key, DateTimeOffset At, int Ttl);

/// <summary>The access log. A note is durable before the data is shown: what nobody noted, nobody saw.</summary>
public sealed class AccessLog(Store store, TimeProvider time)
{
    static readonly TimeSpan Kept = TimeSpan.FromDays(730);

    /// <summary>Notes one access; the same request noted again is one note.</summary>
    public async Task NoteAsync(string order, AccessKind kind, Caller caller, string request)
    {
        var note = new AccessNote(Ids.Join([request, kind.ToString()]), order, kind, caller.Actor, caller.KeyId, InstantConverter.Cut(time.GetUtcNow()), (int)Kept.TotalSeconds);
        try { await store.Access.CreateItemAsync(note, new PartitionKey(order)); }
        catch (CosmosException there) when (there.StatusCode == HttpStatusCode.Conflict) { }
    }

    /// <summary>Notes, the newest first; of one order, or by one actor, where asked.</summary>
    public Task<Page<AccessNote>> ListAsync(string? order, string? actor, int limit, string? continuation)
    {
        var query = new QueryDefinition($"SELECT * FROM c{(actor is null ? "" : " WHERE c.actor = @actor")} ORDER BY c.at DESC");
        if (actor is not null) query = query.WithParameter("@actor", actor);
        return store.Access.PageAsync<AccessNote>(query, limit, continuation, order is null ? null : new PartitionKey(order));
    }
}
