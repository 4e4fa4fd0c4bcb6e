using System.Globalization;
using System.Runtime.CompilerServices;
using Selvedge.Local.Cosmos.Storage;
using Selvedge.Local.Functions;

namespace Selvedge.Local.Durable;

/// <summary>The client of the orchestrations in this process's data folder.</summary>
internal sealed class LocalDurableClient(LocalData data, DurableSettings settings, TimeProvider time) : DurableTaskClient(settings.HubName)
{
    private const int PurgedAtOnce = 100;

    private static readonly string[] Open = [nameof(OrchestrationRuntimeStatus.Pending), nameof(OrchestrationRuntimeStatus.Running), nameof(OrchestrationRuntimeStatus.Suspended), nameof(OrchestrationRuntimeStatus.ContinuedAsNew)];

    private DurableStore Store => data.Durable;

    private DateTime Now => time.GetUtcNow().UtcDateTime;

    public override async Task<string> ScheduleNewOrchestrationInstanceAsync(TaskName orchestratorName, object? input = null, StartOrchestrationOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(orchestratorName.Name);
        cancellation.ThrowIfCancellationRequested();
        string? version = options?.Version;
        var started = new Started(options?.InstanceId ?? Guid.NewGuid().ToString("N"), orchestratorName, version ?? settings.DefaultVersion, JsonText.Converter.Serialize(input), null);
        if (started.Id.Length is 0 or > 100 || started.Id.StartsWith('@') || started.Id.AsSpan().IndexOfAny("/\\#?") >= 0 || started.Id.Any(char.IsControl))
        {
            throw new ArgumentException($"'{started.Id}' is not an instance id: 1 to 100 characters, none of / \\ # ? or a control character, not beginning with @.", nameof(options));
        }
        var kept = options?.DedupeStatuses ?? Open;
        var now = Now;
        var existing = await Store.WriteAsync((connection, effects) =>
        {
            if (Instance.Find(connection, started.Id) is { } there)
            {
                if (kept.Contains(there.Status.ToString(), StringComparer.OrdinalIgnoreCase)) { return there.Status; }
                Instance.Delete(connection, there.Number);
                effects.Changed.Add(there.Number);
            }
            TurnCommit.Insert(connection, effects, started, null, options?.Tags, options?.StartAt?.UtcDateTime, now);
            return (OrchestrationRuntimeStatus?)null;
        });
        return existing is null ? started.Id : throw new OrchestrationAlreadyExistsException($"An orchestration with the instance id {started.Id} exists already and is {existing}.");
    }

    public override Task RaiseEventAsync(string instanceId, string eventName, object? eventPayload = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(eventName);
        return SendAsync(instanceId, new(EventKind.EventRaised) { Name = eventName, Data = JsonText.Converter.Serialize(eventPayload) }, cancellation);
    }

    public override Task TerminateInstanceAsync(string instanceId, TerminateInstanceOptions? options = null, CancellationToken cancellation = default) =>
        SendAsync(instanceId, new(EventKind.Terminated) { Data = JsonText.Converter.Serialize(options?.Output), Final = options?.Recursive ?? false }, cancellation);

    public override Task SuspendInstanceAsync(string instanceId, string? reason = null, CancellationToken cancellation = default) => SendAsync(instanceId, new(EventKind.Suspended) { Data = reason }, cancellation);

    public override Task ResumeInstanceAsync(string instanceId, string? reason = null, CancellationToken cancellation = default) => SendAsync(instanceId, new(EventKind.Resumed) { Data = reason }, cancellation);

    public override Task<OrchestrationMetadata> WaitForInstanceStartAsync(string instanceId, bool getInputsAndOutputs = false, CancellationToken cancellation = default) =>
        WaitAsync(instanceId, getInputsAndOutputs, status => status != OrchestrationRuntimeStatus.Pending, cancellation);

    public override Task<OrchestrationMetadata> WaitForInstanceCompletionAsync(string instanceId, bool getInputsAndOutputs = false, CancellationToken cancellation = default) =>
        WaitAsync(instanceId, getInputsAndOutputs, Instance.HasEnded, cancellation);

    public override async Task<OrchestrationMetadata?> GetInstancesAsync(string instanceId, bool getInputsAndOutputs = false, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        cancellation.ThrowIfCancellationRequested();
        return await Store.ReadAsync((instanceId, getInputsAndOutputs), static (connection, asked) => InstanceQuery.One(connection, asked.instanceId, asked.getInputsAndOutputs));
    }

    public override AsyncPageable<OrchestrationMetadata> GetAllInstancesAsync(OrchestrationQuery? filter = null) => new Pages(Store, filter ?? new OrchestrationQuery());

    public override async Task<PurgeResult> PurgeInstanceAsync(string instanceId, PurgeInstanceOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        cancellation.ThrowIfCancellationRequested();
        return new PurgeResult(await Store.WriteAsync((connection, _) => Instance.Find(connection, instanceId) is { } found && Instance.HasEnded(found.Status)
            ? InstanceQuery.Purge(connection, found.Number, options?.Recursive ?? false) : 0));
    }

    public override async Task<PurgeResult> PurgeAllInstancesAsync(PurgeInstancesFilter filter, PurgeInstanceOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        var statuses = (filter.Statuses ?? []).Where(Instance.HasEnded).ToList();
        if (filter.Statuses is null || !filter.Statuses.Any()) { statuses = [OrchestrationRuntimeStatus.Completed, OrchestrationRuntimeStatus.Failed, OrchestrationRuntimeStatus.Terminated]; }
        if (statuses.Count == 0) { return new PurgeResult(0, true); }
        var query = new OrchestrationQuery(filter.CreatedFrom, filter.CreatedTo, statuses, PageSize: PurgedAtOnce);
        for (var purged = 0; ;)
        {
            cancellation.ThrowIfCancellationRequested();
            var (found, count) = await Store.WriteAsync((connection, _) =>
            {
                var numbers = InstanceQuery.Numbers(connection, query);
                return (numbers.Count, numbers.Sum(number => InstanceQuery.Purge(connection, number, options?.Recursive ?? false)));
            });
            purged += count;
            if (found < PurgedAtOnce) { return new PurgeResult(purged, true); }
        }
    }

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private Task<bool> SendAsync(string instanceId, HistoryEvent message, CancellationToken cancellation)
    {
        ArgumentException.ThrowIfNullOrEmpty(instanceId);
        cancellation.ThrowIfCancellationRequested();
        return Store.WriteAsync((connection, effects) =>
        {
            if (Instance.Find(connection, instanceId) is { } found && !Instance.HasEnded(found.Status)) { effects.Post(connection, found.Number, null, message); }
            return true;
        });
    }

    private async Task<OrchestrationMetadata> WaitAsync(string instanceId, bool values, Func<OrchestrationRuntimeStatus, bool> reached, CancellationToken cancellation)
    {
        while (true)
        {
            var found = await Store.ReadAsync(instanceId, static (connection, id) => Instance.Find(connection, id)) ?? throw new InvalidOperationException($"There is no orchestration with the instance id {instanceId}.");
            var changed = Store.Dispatcher.WatchAsync(found.Number);
            // Read again: it may have changed before the watch began.
            if (await GetInstancesAsync(instanceId, values, cancellation) is { } now && reached(now.RuntimeStatus)) { return now; }
            await changed.WaitAsync(cancellation);
        }
    }

    private sealed class Pages(DurableStore store, OrchestrationQuery query) : AsyncPageable<OrchestrationMetadata>
    {
        public override IAsyncEnumerable<Page<OrchestrationMetadata>> AsPages(string? continuationToken = null, int? pageSizeHint = null) =>
            ReadAsync(query with { ContinuationToken = continuationToken ?? query.ContinuationToken, PageSize = pageSizeHint ?? query.PageSize });

        private async IAsyncEnumerable<Page<OrchestrationMetadata>> ReadAsync(OrchestrationQuery next, [EnumeratorCancellation] CancellationToken cancellation = default)
        {
            while (true)
            {
                cancellation.ThrowIfCancellationRequested();
                var (found, last) = await store.ReadAsync(next, static (connection, asked) => InstanceQuery.Page(connection, asked));
                var token = found.Count < next.PageSize ? null : last.ToString(CultureInfo.InvariantCulture);
                yield return new Page<OrchestrationMetadata>(found, token);
                if (token is null) { yield break; }
                next = next with { ContinuationToken = token };
            }
        }
    }
}
