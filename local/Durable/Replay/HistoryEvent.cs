using System.Text.Json;
using System.Text.Json.Serialization;

namespace Selvedge.Local.Durable;

/// <summary>What can stand in a history, and what can come for an instance.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<EventKind>))]
internal enum EventKind
{
    /// <summary>The execution begins; its input is the instance's.</summary>
    ExecutionStarted,

    /// <summary>A turn begins, at <see cref="HistoryEvent.At"/>.</summary>
    TurnStarted,

    /// <summary>The orchestrator called an activity.</summary>
    TaskScheduled,
    TaskCompleted,
    TaskFailed,

    /// <summary>The orchestrator made a timer that is due at <see cref="HistoryEvent.At"/>.</summary>
    TimerCreated,
    TimerFired,
    SubOrchestrationCreated,
    SubOrchestrationCompleted,
    SubOrchestrationFailed,

    /// <summary>The orchestrator sent an event to <see cref="HistoryEvent.Instance"/>.</summary>
    EventSent,
    EventRaised,
    Suspended,
    Resumed,
    Terminated,

    /// <summary>The orchestrator was found out after its turn: see <see cref="HistoryEvent.Failure"/>.</summary>
    Faulted,

    /// <summary>The orchestrator returned or threw.</summary>
    ExecutionCompleted,
}

/// <summary>One fact of an instance's history, or a message that will become one.</summary>
/// <param name="Kind">What happened.</param>
internal sealed record HistoryEvent(EventKind Kind)
{
    private static readonly JsonSerializerOptions Written = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault };

    /// <summary>The number of the orchestrator's action, from 0, that was done or is answered.</summary>
    public int? Task { get; init; }

    /// <summary>The activity, orchestration or event.</summary>
    public string? Name { get; init; }

    /// <summary>Input, result or payload, as JSON text.</summary>
    public string? Data { get; init; }

    /// <summary>The version of a sub-orchestration.</summary>
    public string? Version { get; init; }

    /// <summary>The instance of a sub-orchestration, or whom an event is sent to.</summary>
    public string? Instance { get; init; }

    /// <summary>UTC; see the kinds.</summary>
    public DateTime? At { get; init; }

    /// <summary>Why it failed.</summary>
    public TaskFailureDetails? Failure { get; init; }

    /// <summary>A termination goes on to the sub-orchestrations; a failure is not to be tried again.</summary>
    public bool Final { get; init; }

    /// <summary>Whether the orchestrator did this, rather than being told it.</summary>
    [JsonIgnore]
    public bool IsAction => Kind is EventKind.TaskScheduled or EventKind.TimerCreated or EventKind.SubOrchestrationCreated or EventKind.EventSent;

    public static byte[] Write<T>(T events) => JsonSerializer.SerializeToUtf8Bytes(events, Written);

    public static T Read<T>(ReadOnlySpan<byte> json) => JsonSerializer.Deserialize<T>(json, Written)!;

    /// <summary>The event in a few words, for messages.</summary>
    public string Describe() => Kind switch
    {
        EventKind.TaskScheduled => $"activity '{Name}' (#{Task})",
        EventKind.TimerCreated => $"a timer (#{Task})",
        EventKind.SubOrchestrationCreated => $"sub-orchestration '{Name}' (#{Task})",
        EventKind.EventSent => $"event '{Name}' sent to {Instance} (#{Task})",
        EventKind.ExecutionCompleted => "its end",
        _ => Task is { } number ? $"{Kind} (#{number})" : Kind.ToString(),
    };
}
