using System.Text.Json.Nodes;
using System.Text.Json;
using Selvedge.Channels;
using Selvedge.Imports;
using Selvedge.Ledger;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Inbound;

/// <summary>What a message came to when it was taken in again, or would come to.</summary>
public enum Replayed
{
    /// <summary>Everything it says is known: nothing changes.</summary>
    Unchanged,
    /// <summary>An order that was not there.</summary>
    Created,
    Changed,
    /// <summary>Of a topic nobody needs.</summary>
    Ignored,
    /// <summary>It cannot be taken: <see cref="ReplayedMessage.Detail"/> says why.</summary>
    Refused,
    /// <summary>It failed here; the rest goes on.</summary>
    Failed,
    /// <summary>Its body was erased, or it is a page that was polled or the end of another message, which are not replayed; or its channel is gone.</summary>
    Unusable,
}

/// <summary>A difference of the order document: JSON pointer, and the value before and after (absent: not there).</summary>
public sealed record Difference(string Path, JsonNode? Before, JsonNode? After);

/// <summary>One message taken in again.</summary>
public sealed record ReplayedMessage(
    string Id, DateTimeOffset At, string Channel, string Topic, Replayed Result, string? Order = null, string? Status = null, string? Detail = null,
    IReadOnlyList<Difference>? Changes = null, IReadOnlyList<ClaimChange>? Claims = null, object? Import = null);

/// <summary>Takes archived webhooks and files in again, by the code that takes them in: what they say is taken once, whatever comes how often. A dry run
/// shows the order document as it is and as it would become, and the claims that would change; of a file, what its import would do as things stand.</summary>
public sealed class InboundReplay(
    InboundSearch search, SalesChannels channels, IEnumerable<WebhookSystem> systems, OrderStore orders, ProductImport products, StockImport stock, Func<Rehearsal> rehearse)
{
    // What differs each time, and says nothing.
    static readonly string[] Passing = ["_etag", "updatedAt", "intake", "intakeDue"];
    readonly Dictionary<string, WebhookSystem> systems = systems.ToDictionary(system => system.Kind, StringComparer.Ordinal);

    /// <summary>Takes the messages in again, in this order. In a dry run each sees what those before it would have done.</summary>
    public async Task<IReadOnlyList<ReplayedMessage>> RunAsync(IReadOnlyList<InboundRecord> messages, bool dryRun, Caller caller)
    {
        var results = new List<ReplayedMessage>(messages.Count);
        if (dryRun)
        {
            await using var rehearsal = rehearse();
            var rehearsed = rehearsal.Systems.ToDictionary(system => system.Kind, StringComparer.Ordinal);
            foreach (var message in messages)
            {
                var result = message.Kind == InboundKind.File ? await FileAsync(message, true, caller) : await OneAsync(message, rehearsed, rehearsal.Orders);
                results.Add(result with { Claims = rehearsal.Ledger.TakeChanges() is { Count: > 0 } claims ? claims : null });
            }
        }
        else
            foreach (var message in messages) results.Add(message.Kind == InboundKind.File ? await FileAsync(message, false, caller) : await OneAsync(message, systems, orders));
        return results;
    }

    async Task<ReplayedMessage> OneAsync(InboundRecord message, Dictionary<string, WebhookSystem> handlers, OrderStore store)
    {
        var result = new ReplayedMessage(message.Id, message.At, message.Channel, message.Topic, Replayed.Unusable, message.Order);
        // A page of one moment, perhaps one of several: what its order is now is read by the poll, and told by its webhooks.
        if (message.Kind == InboundKind.Poll) return result with { Detail = "It was read by a poll, which reads the order again whenever it changes. Replay the order's webhooks." };
        if (await search.BytesAsync(message) is not { } body) return result with { Detail = "Its body was erased." };
        if (await channels.FindAsync(message.Channel) is not { } channel || !handlers.TryGetValue(channel.Is, out var system)) return result with { Detail = "Its channel is gone, or is of a system that sends no webhooks." };
        try
        {
            // For a message that caused no order yet there is none to compare with: the answer names it.
            var before = message.Order is { } known ? await store.ReadAsync(known) : null;
            var answer = await system.Handle(new(channel, message.Topic, name => Header(message, name), body));
            if (answer.Order is null) return result with { Result = Replayed.Ignored, Status = answer.Status };
            var after = await store.ReadAsync(answer.Order);
            if (message.Order is null && answer.Repeat) return result with { Result = answer.Heard == "changed" ? Replayed.Changed : Replayed.Unchanged, Order = answer.Order, Status = answer.Status };
            var changes = Compare(before, after);
            return result with
            {
                Result = before is null && after is not null ? Replayed.Created : changes.Count > 0 ? Replayed.Changed : Replayed.Unchanged,
                Order = answer.Order, Status = answer.Status, Changes = changes.Count > 0 ? changes : null,
            };
        }
        catch (ProblemException refused)
        {
            return result with { Result = refused.Status < 500 ? Replayed.Refused : Replayed.Failed, Detail = refused.Message };
        }
        catch (Exception failed) when (failed is not OutOfMemoryException)
        {
            return result with { Result = Replayed.Failed, Detail = failed.Message };
        }
    }

    async Task<ReplayedMessage> FileAsync(InboundRecord message, bool dryRun, Caller caller)
    {
        var result = new ReplayedMessage(message.Id, message.At, message.Channel, message.Topic, Replayed.Unusable);
        if (message.Of is { } file) return result with { Detail = $"It tells what came of the file {file}. Replay that." };
        if (await search.BytesAsync(message) is not { } body) return result with { Detail = "Its body was erased." };
        try
        {
            var name = ImportRecords.HashOf(body);
            if (message.Topic == "stock")
            {
                var posted = await stock.RunAsync(body, name, dryRun, caller.Actor, caller.ReachesLocation);
                return result with { Result = posted.Posted > 0 ? Replayed.Changed : Replayed.Unchanged, Import = posted };
            }
            var isJson = Header(message, "Content-Type")?.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) == true;
            var made = await products.RunAsync(body, isJson, name, dryRun, caller);
            return result with { Result = made.Styles.Created + made.Styles.Updated + made.Skus.Created + made.Skus.Updated > 0 ? Replayed.Changed : Replayed.Unchanged, Import = made };
        }
        catch (ProblemException refused)
        {
            return result with { Result = refused.Status < 500 ? Replayed.Refused : Replayed.Failed, Detail = refused.Message };
        }
    }

    static string? Header(InboundRecord message, string name)
    {
        foreach (var (kept, value) in message.Headers ?? new Dictionary<string, string>(0))
            if (kept.Equals(name, StringComparison.OrdinalIgnoreCase)) return value;
        return null;
    }

    static List<Difference> Compare(Order? before, Order? after)
    {
        var differences = new List<Difference>();
        Walk("", Node(before), Node(after));
        return differences;

        void Walk(string path, JsonNode? a, JsonNode? b)
        {
            if (JsonNode.DeepEquals(a, b)) return;
            if (a is JsonObject left && b is JsonObject right)
                foreach (var name in left.Select(member => member.Key).Union(right.Select(member => member.Key)).Except(path.Length == 0 ? Passing : [])) Walk($"{path}/{name}", left[name], right[name]);
            else if (a is JsonArray first && b is JsonArray second)
                for (var i = 0; i < Math.Max(first.Count, second.Count); i++) Walk($"{path}/{i}", i < first.Count ? first[i] : null, i < second.Count ? second[i] : null);
            else differences.Add(new(path.Length == 0 ? "/" : path, a?.DeepClone(), b?.DeepClone()));
        }

        static JsonNode? Node(Order? order)
        {
            if (order is null) return null;
            var node = JsonSerializer.SerializeToNode(order, OrdersJson.Default.Order)!.AsObject();
            foreach (var name in Passing) node.Remove(name);
            return node;
        }
    }
}
