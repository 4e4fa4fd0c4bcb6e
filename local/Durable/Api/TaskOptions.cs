namespace Selvedge.Local.Durable;

/// <summary>The name of an orchestration or activity; text converts to it (official: Microsoft.DurableTask.TaskName).</summary>
public readonly struct TaskName : IEquatable<TaskName>
{
    /// <param name="name">The function's name; null or empty is taken for "".</param>
    public TaskName(string name) => Name = name ?? "";

    /// <summary>The name.</summary>
    public string Name { get; }

    /// <summary>The name as text.</summary>
    public static implicit operator string(TaskName value) => value.Name;

    /// <summary>A name of a text.</summary>
    public static implicit operator TaskName(string value) => string.IsNullOrEmpty(value) ? default : new(value);

    /// <summary>Equal whatever the case, as function names are.</summary>
    public static bool operator ==(TaskName a, TaskName b) => a.Equals(b);

    /// <summary>Not equal whatever the case.</summary>
    public static bool operator !=(TaskName a, TaskName b) => !a.Equals(b);

    /// <inheritdoc/>
    public bool Equals(TaskName other) => string.Equals(Name, other.Name, StringComparison.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is TaskName other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.OrdinalIgnoreCase.GetHashCode(Name ?? "");

    /// <inheritdoc/>
    public override string ToString() => Name ?? "";
}

/// <summary>The version of an orchestration, such as <c>1.2</c>.</summary>
public readonly struct TaskVersion : IEquatable<TaskVersion>
{
    /// <summary>No version.</summary>
    public static readonly TaskVersion Unversioned;

    /// <param name="version">The version; null for none.</param>
    public TaskVersion(string? version) => Version = string.IsNullOrEmpty(version) ? null! : version;

    /// <summary>The version; null for none.</summary>
    public string Version { get; }

    /// <summary>The version as text.</summary>
    public static implicit operator string(TaskVersion value) => value.Version;

    /// <summary>A version of a text.</summary>
    public static implicit operator TaskVersion(string? value) => new(value);

    /// <summary>Equal whatever the case.</summary>
    public static bool operator ==(TaskVersion a, TaskVersion b) => a.Equals(b);

    /// <summary>Not equal whatever the case.</summary>
    public static bool operator !=(TaskVersion a, TaskVersion b) => !a.Equals(b);

    /// <inheritdoc/>
    public bool Equals(TaskVersion other) => string.Equals(Version, other.Version, StringComparison.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is TaskVersion other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Version is null ? 0 : StringComparer.OrdinalIgnoreCase.GetHashCode(Version);
}

/// <summary>How an activity or sub-orchestration is called.</summary>
public record TaskOptions
{
    /// <param name="retry">How a failure is tried again; null: not at all.</param>
    public TaskOptions(TaskRetryOptions? retry) : this(retry, null) { }

    /// <param name="retry">How a failure is tried again; null: not at all.</param>
    /// <param name="tags">Notes kept with the call.</param>
    public TaskOptions(TaskRetryOptions? retry = null, IDictionary<string, string>? tags = null) => (Retry, Tags) = (retry, tags);

    /// <summary>A copy.</summary>
    public TaskOptions(TaskOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        (Retry, Tags, Version) = (options.Retry, options.Tags, options.Version);
    }

    /// <summary>How a failure is tried again.</summary>
    public TaskRetryOptions? Retry { get; init; }

    /// <summary>Notes kept with the call.</summary>
    public IDictionary<string, string>? Tags { get; init; }

    /// <summary>The version called; null: the default one.</summary>
    public TaskVersion? Version { get; init; }

    /// <summary>Tries again by <paramref name="policy"/>.</summary>
    public static TaskOptions FromRetryPolicy(RetryPolicy policy) => new(policy);

    /// <summary>Tries again as long as <paramref name="handler"/> says so.</summary>
    public static TaskOptions FromRetryHandler(AsyncRetryHandler handler) => new(handler);

    /// <summary>Tries again as long as <paramref name="handler"/> says so.</summary>
    public static TaskOptions FromRetryHandler(RetryHandler handler) => new(handler);

    /// <summary>The same for a sub-orchestration of this instance id.</summary>
    public SubOrchestrationOptions WithInstanceId(string instanceId) => new(this, instanceId);
}

/// <summary>How a sub-orchestration is called.</summary>
public record SubOrchestrationOptions : TaskOptions
{
    /// <param name="retry">How a failure is tried again; null: not at all.</param>
    /// <param name="instanceId">The instance's id; null: one that the history decides.</param>
    public SubOrchestrationOptions(TaskRetryOptions? retry = null, string? instanceId = null) : base(retry) => InstanceId = instanceId;

    /// <param name="options">What else is wanted.</param>
    /// <param name="instanceId">The instance's id; null: that of <paramref name="options"/>.</param>
    public SubOrchestrationOptions(TaskOptions options, string? instanceId = null) : base(options)
    {
        InstanceId = instanceId ?? (options as SubOrchestrationOptions)?.InstanceId;
        Version = options is SubOrchestrationOptions { Version: { } own } ? own : options.Version;
    }

    /// <summary>A copy.</summary>
    public SubOrchestrationOptions(SubOrchestrationOptions options) : base(options)
    {
        ArgumentNullException.ThrowIfNull(options);
        (InstanceId, Version) = (options.InstanceId, options.Version);
    }

    /// <summary>The instance's id.</summary>
    public string? InstanceId { get; init; }

    /// <summary>The version called; null: the default one.</summary>
    public new TaskVersion? Version { get; init; }
}

/// <summary>How a new orchestration is started.</summary>
public record StartOrchestrationOptions
{
    /// <param name="InstanceId">The instance's id; null: a new GUID.</param>
    /// <param name="StartAt">When it starts; null: now.</param>
    public StartOrchestrationOptions(string? InstanceId = null, DateTimeOffset? StartAt = null) => (this.InstanceId, this.StartAt) = (InstanceId, StartAt);

    /// <summary>A copy.</summary>
    public StartOrchestrationOptions(StartOrchestrationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        (InstanceId, StartAt, Tags, Version, DedupeStatuses) = (options.InstanceId, options.StartAt, options.Tags, options.Version, options.DedupeStatuses);
    }

    /// <summary>The instance's id; null: a new GUID.</summary>
    public string? InstanceId { get; init; }

    /// <summary>When it starts; null: now.</summary>
    public DateTimeOffset? StartAt { get; init; }

    /// <summary>Notes kept with the instance.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = System.Collections.Immutable.ImmutableDictionary<string, string>.Empty;

    /// <summary>The version started; null: host.json's <c>defaultVersion</c>.</summary>
    public TaskVersion? Version { get; init; }

    /// <summary>An existing instance in one of these statuses is not replaced; null: in one that is not ended.</summary>
    public IReadOnlyList<string>? DedupeStatuses { get; init; }
}

/// <summary>Which existing instances a new one of the same id does not replace.</summary>
public static class StartOrchestrationOptionsExtensions
{
    /// <summary>The statuses that can be named.</summary>
    public static readonly IReadOnlyList<OrchestrationRuntimeStatus> ValidDedupeStatuses =
    [
        OrchestrationRuntimeStatus.Completed, OrchestrationRuntimeStatus.Failed, OrchestrationRuntimeStatus.Terminated, OrchestrationRuntimeStatus.Canceled,
        OrchestrationRuntimeStatus.Pending, OrchestrationRuntimeStatus.Running, OrchestrationRuntimeStatus.Suspended,
    ];

    /// <summary>Starting fails where an instance of the id exists in one of <paramref name="dedupeStatuses"/>.</summary>
    public static StartOrchestrationOptions WithDedupeStatuses(this StartOrchestrationOptions options, params OrchestrationRuntimeStatus[] dedupeStatuses)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(dedupeStatuses);
        return options with { DedupeStatuses = [.. dedupeStatuses.Select(status => status.ToString())] };
    }
}

/// <summary>How an orchestration begins anew.</summary>
public class ContinueAsNewOptions
{
    /// <summary>Keeps the version and the events not taken.</summary>
    public ContinueAsNewOptions() { }

    /// <summary>The input of the new execution.</summary>
    public object? NewInput { get; set; }

    /// <summary>Whether events not taken go over to the new execution.</summary>
    public bool PreserveUnprocessedEvents { get; set; } = true;

    /// <summary>The version of the new execution; null: the same.</summary>
    public string? NewVersion { get; set; }
}
