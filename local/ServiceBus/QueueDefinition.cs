using System.Text.Json;
using System.Xml;

namespace Selvedge.Local.ServiceBus;

/// <summary>
/// A queue as it is declared, with Azure's defaults. The declarations of an app are one JSON file, <c>servicebus.json</c>, whose members are the properties
/// of the resource Microsoft.ServiceBus/namespaces/queues, so that the deployment's Bicep loads the same file (<c>loadJsonContent</c>):
/// <c>{ "orders": { "requiresDuplicateDetection": true, "maxDeliveryCount": 10 }, "lanes": { "requiresSession": true } }</c>.
/// </summary>
/// <param name="Name">The queue's name; case does not count.</param>
public sealed record QueueDefinition(string Name)
{
    /// <summary>Deliveries after which a message that was never settled is dead-lettered, from 1.</summary>
    public int MaxDeliveryCount { get; init; } = 10;

    /// <summary>How long a message or session is one receiver's; 5 seconds to 5 minutes.</summary>
    public TimeSpan LockDuration { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Messages carry a session id and are received in order by whoever holds the session. Cannot be changed while the queue holds something.</summary>
    public bool RequiresSession { get; init; }

    /// <summary>A message id that was sent within <see cref="DuplicateDetectionHistoryTimeWindow"/> is accepted and dropped. Cannot be changed while the queue holds something.</summary>
    public bool RequiresDuplicateDetection { get; init; }

    /// <summary>How long a message id is remembered; 20 seconds to 7 days.</summary>
    public TimeSpan DuplicateDetectionHistoryTimeWindow { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The longest a message waits for a receiver; <see cref="TimeSpan.MaxValue"/>: for ever.</summary>
    public TimeSpan DefaultMessageTimeToLive { get; init; } = TimeSpan.MaxValue;

    /// <summary>What waited too long is dead-lettered instead of dropped.</summary>
    public bool DeadLetteringOnMessageExpiration { get; init; }

    /// <summary>Reads a file of declarations. Durations are ISO 8601, as in Azure.</summary>
    /// <exception cref="FormatException">Something in it is not understood; the message names it.</exception>
    public static IReadOnlyList<QueueDefinition> Parse(JsonElement file) => file.ValueKind == JsonValueKind.Object
        ? [.. file.EnumerateObject().Select(queue => Parse(queue.Name, queue.Value))]
        : throw new FormatException("one object is expected, whose members are the queues' names.");

    /// <summary>The definition as it is stored, in the file's own form.</summary>
    internal string ToJson() => JsonSerializer.Serialize(new Dictionary<string, object>
    {
        ["maxDeliveryCount"] = MaxDeliveryCount,
        ["lockDuration"] = XmlConvert.ToString(LockDuration),
        ["requiresSession"] = RequiresSession,
        ["requiresDuplicateDetection"] = RequiresDuplicateDetection,
        ["duplicateDetectionHistoryTimeWindow"] = XmlConvert.ToString(DuplicateDetectionHistoryTimeWindow),
        ["defaultMessageTimeToLive"] = XmlConvert.ToString(DefaultMessageTimeToLive),
        ["deadLetteringOnMessageExpiration"] = DeadLetteringOnMessageExpiration,
    });

    internal static QueueDefinition Parse(string name, JsonElement properties)
    {
        var queue = new QueueDefinition(name);
        if (properties.ValueKind != JsonValueKind.Object) { throw new FormatException($"{name} must be an object of properties."); }
        foreach (var property in properties.EnumerateObject())
        {
            try
            {
                queue = property.Name switch
                {
                    "maxDeliveryCount" => queue with { MaxDeliveryCount = property.Value.GetInt32() },
                    "lockDuration" => queue with { LockDuration = Duration(property.Value) },
                    "requiresSession" => queue with { RequiresSession = property.Value.GetBoolean() },
                    "requiresDuplicateDetection" => queue with { RequiresDuplicateDetection = property.Value.GetBoolean() },
                    "duplicateDetectionHistoryTimeWindow" => queue with { DuplicateDetectionHistoryTimeWindow = Duration(property.Value) },
                    "defaultMessageTimeToLive" => queue with { DefaultMessageTimeToLive = Duration(property.Value) },
                    "deadLetteringOnMessageExpiration" => queue with { DeadLetteringOnMessageExpiration = property.Value.GetBoolean() },
                    _ => throw new FormatException("no such property is known here"),
                };
            }
            catch (Exception malformed) when (malformed is FormatException or InvalidOperationException)
            {
                throw new FormatException($"{name}.{property.Name}: {malformed.Message}", malformed);
            }
        }
        return queue.Checked();
    }

    /// <summary>This definition, where Azure would take it.</summary>
    /// <exception cref="FormatException">A value is outside of what Azure takes.</exception>
    internal QueueDefinition Checked() =>
        Name.Length is 0 or > 260 || Name.Contains('$', StringComparison.Ordinal) ? throw new FormatException($"'{Name}' cannot be a queue's name.")
        : MaxDeliveryCount is < 1 or > 2000 ? throw new FormatException($"{Name}.maxDeliveryCount must be 1 to 2000.")
        : LockDuration < TimeSpan.FromSeconds(5) || LockDuration > TimeSpan.FromMinutes(5) ? throw new FormatException($"{Name}.lockDuration must be PT5S to PT5M.")
        : DuplicateDetectionHistoryTimeWindow < TimeSpan.FromSeconds(20) || DuplicateDetectionHistoryTimeWindow > TimeSpan.FromDays(7) ? throw new FormatException($"{Name}.duplicateDetectionHistoryTimeWindow must be PT20S to P7D.")
        : DefaultMessageTimeToLive < TimeSpan.FromSeconds(1) ? throw new FormatException($"{Name}.defaultMessageTimeToLive must be PT1S at least.")
        : this;

    private static TimeSpan Duration(JsonElement value)
    {
        try
        {
            return XmlConvert.ToTimeSpan(value.GetString() ?? "");
        }
        catch (OverflowException)
        {
            return TimeSpan.MaxValue;
        }
    }
}
