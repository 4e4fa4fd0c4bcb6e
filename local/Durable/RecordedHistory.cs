using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Selvedge.Local.Functions;

namespace Selvedge.Local.Durable;

/// <summary>
/// The history of one instance as a JSON file, so that a test can replay what a released version did against the code of today: instances that
/// are under way when an app is updated go through just this. Record one with <see cref="ReadAsync"/>, check it in, and let a test call
/// <see cref="Replay"/>.
/// </summary>
public sealed class RecordedHistory
{
    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault };

    private readonly File content;

    private RecordedHistory(File content) => this.content = content;

    /// <summary>The orchestration.</summary>
    public string Name => content.Name;

    /// <summary>The version it was started with; "" for none.</summary>
    public string Version => content.Version;

    /// <summary>Reads the last execution of an instance from a data folder.</summary>
    /// <exception cref="InvalidOperationException">There is no such instance.</exception>
    public static async Task<RecordedHistory> ReadAsync(LocalData data, string instanceId)
    {
        ArgumentNullException.ThrowIfNull(data);
        var found = await data.Durable.ReadAsync(instanceId, static (connection, id) =>
            Instance.Find(connection, id) is { } row && Instance.Read(connection, row.Number) is { } instance
                ? new File(instance.Started.Id, instance.Started.Name, instance.Started.Version, instance.Started.Input, instance.Started.Parent?.Name, instance.Started.Parent?.InstanceId, Instance.ReadHistory(connection, row.Number))
                : null);
        return new(found ?? throw new InvalidOperationException($"There is no orchestration with the instance id {instanceId}."));
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="JsonException">It is something else.</exception>
    public static RecordedHistory Parse(string json) => new(JsonSerializer.Deserialize<File>(json, Format) ?? throw new JsonException("A recorded history is an object."));

    /// <summary>The text to check in.</summary>
    public string ToJson() => JsonSerializer.Serialize(content, Format);

    /// <summary>Replays it against <paramref name="orchestrator"/>.</summary>
    /// <param name="orchestrator">The orchestrator function, such as <c>context => new Fulfilment().Run(context)</c>.</param>
    /// <param name="loggers">The loggers; null: none.</param>
    /// <returns>Null where the code does what was recorded; else what it does instead, and where.</returns>
    public string? Replay(Func<TaskOrchestrationContext, Task<object?>> orchestrator, ILoggerFactory? loggers = null)
    {
        ArgumentNullException.ThrowIfNull(orchestrator);
        var parent = content.ParentName is null ? null : new ParentOrchestrationInstance(content.ParentName, content.ParentInstance!);
        var replay = new Turn.Replay(new Started(content.Instance, content.Name, content.Version, content.Input, parent), new Orchestrator(orchestrator, JsonText.Converter, loggers ?? NullLoggerFactory.Instance, content.Version));
        try
        {
            replay.Past(content.Events);
            return replay.Thread.Violation ?? replay.DiffersInResult(content.Events);
        }
        catch (NonDeterministicOrchestrationException different)
        {
            return different.Message;
        }
    }

    internal sealed record File(string Instance, string Name, string Version, string? Input, string? ParentName, string? ParentInstance, IReadOnlyList<HistoryEvent> Events);
}
