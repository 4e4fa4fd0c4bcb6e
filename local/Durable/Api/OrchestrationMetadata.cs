using System.Diagnostics.CodeAnalysis;

namespace Selvedge.Local.Durable;

/// <summary>How values become text (official: Microsoft.DurableTask.DataConverter).</summary>
public abstract class DataConverter
{
    /// <summary>The text of a value; null of null.</summary>
    [return: NotNullIfNotNull(nameof(value))]
    public abstract string? Serialize(object? value);

    /// <summary>The value of a text.</summary>
    [return: NotNullIfNotNull(nameof(data))]
    public abstract object? Deserialize(string? data, Type targetType);

    /// <summary>The value of a text.</summary>
    [return: NotNullIfNotNull(nameof(data))]
    public virtual T? Deserialize<T>(string? data) => (T?)(Deserialize(data, typeof(T)) ?? default(T));
}

/// <summary>Where an instance is in its life (official: Microsoft.DurableTask.Client.OrchestrationRuntimeStatus).</summary>
public enum OrchestrationRuntimeStatus
{
    /// <summary>Started and not ended.</summary>
    Running = 0,

    /// <summary>Ended with a result.</summary>
    Completed = 1,

    /// <summary>Not seen: an instance that began anew is running.</summary>
    ContinuedAsNew = 2,

    /// <summary>Ended by an exception.</summary>
    Failed = 3,

    /// <summary>Not used here.</summary>
    Canceled = 4,

    /// <summary>Ended by a client.</summary>
    Terminated = 5,

    /// <summary>Not started.</summary>
    Pending = 6,

    /// <summary>Held by a client.</summary>
    Suspended = 7,
}

/// <summary>What is known of an instance.</summary>
public sealed class OrchestrationMetadata
{
    /// <param name="name">The orchestration's name.</param>
    /// <param name="instanceId">The instance's id.</param>
    public OrchestrationMetadata(string name, string instanceId) => (Name, InstanceId) = (name, instanceId);

    /// <summary>The orchestration's name.</summary>
    public string Name { get; }

    /// <summary>The instance's id.</summary>
    public string InstanceId { get; }

    /// <summary>Reads the texts below.</summary>
    public DataConverter? DataConverter { get; init; }

    /// <summary>Where it is in its life.</summary>
    public OrchestrationRuntimeStatus RuntimeStatus { get; init; }

    /// <summary>When it was scheduled.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>When its last turn ended.</summary>
    public DateTimeOffset LastUpdatedAt { get; init; }

    /// <summary>The input, where asked for.</summary>
    public string? SerializedInput { get; init; }

    /// <summary>The result, where asked for.</summary>
    public string? SerializedOutput { get; init; }

    /// <summary>The custom status, where asked for.</summary>
    public string? SerializedCustomStatus { get; init; }

    /// <summary>The notes it was started with.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = System.Collections.Immutable.ImmutableDictionary<string, string>.Empty;

    /// <summary>Why it failed, where asked for.</summary>
    public TaskFailureDetails? FailureDetails { get; init; }

    /// <summary>Whether it is running.</summary>
    public bool IsRunning => RuntimeStatus == OrchestrationRuntimeStatus.Running;

    /// <summary>Whether it has ended, however.</summary>
    public bool IsCompleted => RuntimeStatus is OrchestrationRuntimeStatus.Completed or OrchestrationRuntimeStatus.Failed or OrchestrationRuntimeStatus.Terminated;

    /// <summary>The input.</summary>
    public T? ReadInputAs<T>() => Read<T>(SerializedInput);

    /// <summary>The result.</summary>
    public T? ReadOutputAs<T>() => Read<T>(SerializedOutput);

    /// <summary>The custom status.</summary>
    public T? ReadCustomStatusAs<T>() => Read<T>(SerializedCustomStatus);

    private T? Read<T>(string? data) => DataConverter is null
        ? throw new InvalidOperationException($"The inputs and outputs of {InstanceId} were not fetched; ask with getInputsAndOutputs or FetchInputsAndOutputs.")
        : DataConverter.Deserialize<T>(data);
}

/// <summary>Which instances are listed, and how.</summary>
/// <param name="CreatedFrom">Scheduled then or later.</param>
/// <param name="CreatedTo">Scheduled then or earlier.</param>
/// <param name="Statuses">In one of these.</param>
/// <param name="TaskHubNames">Not used here: there is one hub.</param>
/// <param name="InstanceIdPrefix">Whose id begins so.</param>
/// <param name="PageSize">How many on a page.</param>
/// <param name="FetchInputsAndOutputs">With input, output, custom status and failure.</param>
/// <param name="ContinuationToken">Where the page before ended.</param>
public record OrchestrationQuery(
    DateTimeOffset? CreatedFrom = null, DateTimeOffset? CreatedTo = null, IEnumerable<OrchestrationRuntimeStatus>? Statuses = null,
    IEnumerable<string>? TaskHubNames = null, string? InstanceIdPrefix = null, int PageSize = OrchestrationQuery.DefaultPageSize,
    bool FetchInputsAndOutputs = false, string? ContinuationToken = null)
{
    /// <summary>How many on a page where nothing is said.</summary>
    public const int DefaultPageSize = 100;
}

/// <summary>How an instance is terminated.</summary>
/// <param name="Output">Its output.</param>
/// <param name="Recursive">Its sub-orchestrations too.</param>
public record TerminateInstanceOptions(object? Output = null, bool Recursive = false);

/// <summary>How an instance is purged.</summary>
/// <param name="Recursive">Its sub-orchestrations too.</param>
public record PurgeInstanceOptions(bool Recursive = false);

/// <summary>Which instances are purged; only ended ones are.</summary>
/// <param name="CreatedFrom">Scheduled then or later.</param>
/// <param name="CreatedTo">Scheduled then or earlier.</param>
/// <param name="Statuses">In one of these; null: ended ones.</param>
public record PurgeInstancesFilter(DateTimeOffset? CreatedFrom = null, DateTimeOffset? CreatedTo = null, IEnumerable<OrchestrationRuntimeStatus>? Statuses = null)
{
    /// <summary>Not needed here: a purge is one commit for each hundred instances.</summary>
    public TimeSpan? Timeout { get; init; }
}

/// <summary>What a purge did.</summary>
public class PurgeResult
{
    /// <param name="count">Instances purged.</param>
    public PurgeResult(int count) : this(count, null) { }

    /// <param name="count">Instances purged.</param>
    /// <param name="isComplete">Whether none is left.</param>
    public PurgeResult(int count, bool? isComplete) => (PurgedInstanceCount, IsComplete) = (count, isComplete);

    /// <summary>Instances purged.</summary>
    public int PurgedInstanceCount { get; }

    /// <summary>Whether none is left.</summary>
    public bool? IsComplete { get; }
}

/// <summary>Values that come page by page.</summary>
public abstract class AsyncPageable<T> : IAsyncEnumerable<T> where T : notnull
{
    /// <summary>Called by the one derived.</summary>
    protected AsyncPageable() { }

    /// <summary>The pages from a place on.</summary>
    public abstract IAsyncEnumerable<Page<T>> AsPages(string? continuationToken = null, int? pageSizeHint = null);

    /// <summary>The values one by one.</summary>
    public async IAsyncEnumerator<T> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        await foreach (var page in AsPages().WithCancellation(cancellationToken))
        {
            foreach (var value in page.Values) { yield return value; }
        }
    }
}

/// <summary>Some values, and where the next ones begin.</summary>
public sealed class Page<T> where T : notnull
{
    /// <param name="values">The values.</param>
    /// <param name="continuationToken">Where the next ones begin; null: there are none.</param>
    public Page(IReadOnlyList<T> values, string? continuationToken = null) => (Values, ContinuationToken) = (values, continuationToken);

    /// <summary>The values.</summary>
    public IReadOnlyList<T> Values { get; }

    /// <summary>Where the next ones begin; null: there are none.</summary>
    public string? ContinuationToken { get; }
}
