using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Selvedge.Local.Durable;

/// <summary>What an instance was started with.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">The orchestration.</param>
/// <param name="Version">The version; "" for none.</param>
/// <param name="Input">As JSON text.</param>
/// <param name="Parent">Who called it.</param>
internal sealed record Started(string Id, string Name, string Version, string? Input, ParentOrchestrationInstance? Parent);

/// <summary>The code does something else than its history says.</summary>
internal sealed class NonDeterministicOrchestrationException(string message) : Exception(message);

/// <summary>The context an orchestrator is given: turns its calls into numbered actions, checks them against the history while replaying, and
/// completes its tasks as the events come. Used on one <see cref="OrchestratorThread"/>.</summary>
internal sealed partial class ReplayContext(Started started, OrchestratorThread thread, DataConverter converter, ILoggerFactory loggers, string defaultVersion) : TaskOrchestrationContext
{
    private static readonly byte[] GuidNamespace = Guid.Parse("9e952958-5e33-4daf-827f-2fa12937b875").ToByteArray(bigEndian: true);

    private readonly Dictionary<int, Waiting> waiting = [];
    private readonly SortedDictionary<int, HistoryEvent> unconfirmed = [];
    private readonly HashSet<int> cancelledTimers = [];
    private DateTime now;
    private int nextTask;
    private int nextGuid;

    private delegate void Waiting(HistoryEvent answer);

    public override TaskName Name => started.Name;

    public override string InstanceId => started.Id;

    public override string Version => started.Version;

    public override ParentOrchestrationInstance? Parent => started.Parent;

    public override DateTime CurrentUtcDateTime => now;

    public override bool IsReplaying => Replaying;

    protected override ILoggerFactory LoggerFactory => loggers;

    /// <summary>The thread the code runs on.</summary>
    public OrchestratorThread Thread => thread;

    /// <summary>Set while the past is replayed.</summary>
    public bool Replaying { get; set; }

    /// <summary>Actions the code made that no history event stands for yet, by number.</summary>
    public IReadOnlyCollection<HistoryEvent> Unconfirmed => unconfirmed.Values;

    /// <summary>Timers cancelled in the turn that is new.</summary>
    public IReadOnlySet<int> CancelledTimers => cancelledTimers;

    /// <summary>The last status set; null when none was.</summary>
    public string? CustomStatus { get; private set; }

    /// <summary>Whether <see cref="CustomStatus"/> was set at all in this execution.</summary>
    public bool CustomStatusSet { get; private set; }

    /// <summary>What the next execution is to begin with.</summary>
    public ContinueAsNewOptions? Next { get; private set; }

    /// <summary>Whether something in the history can still wake the code.</summary>
    public bool CanBeWoken => waiting.Count > 0 || eventWaiters.Count > 0;

    public override T? GetInput<T>() where T : default => converter.Deserialize<T>(started.Input);

    public override Task<TResult> CallActivityAsync<TResult>(TaskName name, object? input = null, TaskOptions? options = null)
    {
        if (input is TaskOptions && options is null)
        {
            throw new ArgumentException($"A {nameof(TaskOptions)} was given as the input of activity {name}. Name the argument: options: …", nameof(input));
        }
        return Retried(name, options, () => Act<TResult>(new HistoryEvent(EventKind.TaskScheduled) { Name = name, Data = converter.Serialize(input) }));
    }

    public override Task<TResult> CallSubOrchestratorAsync<TResult>(TaskName orchestratorName, object? input = null, TaskOptions? options = null)
    {
        var sub = options as SubOrchestrationOptions;
        var instance = sub?.InstanceId ?? NewGuid().ToString("N");
        string? version = sub?.Version ?? options?.Version;
        return Retried(orchestratorName, options, () => Act<TResult>(new HistoryEvent(EventKind.SubOrchestrationCreated)
        {
            Name = orchestratorName, Data = converter.Serialize(input), Instance = instance, Version = version ?? defaultVersion,
        }));
    }

    public override Task CreateTimer(DateTime fireAt, CancellationToken cancellationToken)
    {
        OnThread();
        var due = fireAt.ToUniversalTime();
        var source = new TaskCompletionSource();
        if (cancellationToken.IsCancellationRequested) { return Task.FromCanceled(cancellationToken); }
        var number = Made(new HistoryEvent(EventKind.TimerCreated) { At = due });
        waiting[number] = _ => source.TrySetResult();
        cancellationToken.Register(() =>
        {
            if (IsElsewhere() || !waiting.Remove(number)) { return; }
            if (!Replaying) { cancelledTimers.Add(number); }
            source.TrySetCanceled(cancellationToken);
        });
        return source.Task;
    }

    public override void SendEvent(string instanceId, string eventName, object payload)
    {
        OnThread();
        Made(new HistoryEvent(EventKind.EventSent) { Instance = instanceId, Name = eventName, Data = converter.Serialize(payload) });
    }

    public override void SetCustomStatus(object? customStatus)
    {
        OnThread();
        (CustomStatus, CustomStatusSet) = (converter.Serialize(customStatus), true);
    }

    public override void ContinueAsNew(object? newInput = null, bool preserveUnprocessedEvents = true) =>
        ContinueAsNew(new ContinueAsNewOptions { NewInput = newInput, PreserveUnprocessedEvents = preserveUnprocessedEvents });

    public override void ContinueAsNew(ContinueAsNewOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        OnThread();
        Next = options;
        if (!options.PreserveUnprocessedEvents) { buffered.Clear(); }
    }

    public override Guid NewGuid()
    {
        OnThread();
        var name = string.Create(CultureInfo.InvariantCulture, $"{InstanceId}_{now:o}_{nextGuid++}");
        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
#pragma warning disable CA5350 // What a version 5 GUID is made with; nothing is kept secret by it.
        SHA1.HashData([.. GuidNamespace, .. Encoding.UTF8.GetBytes(name)], hash);
#pragma warning restore CA5350
        hash[6] = (byte)((hash[6] & 0x0F) | 0x50);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }

    /// <summary>A turn begins.</summary>
    public void Begin(DateTime at) => now = at;

    /// <summary>The history says the code did this: it must have.</summary>
    public void Confirm(HistoryEvent recorded, int position)
    {
        if (!unconfirmed.Remove(recorded.Task!.Value, out var made))
        {
            throw Differs($"event {position} of its history is {recorded.Describe()}, but the code now {(unconfirmed.Count > 0 ? $"goes on with {unconfirmed.Values.First().Describe()}" : "does nothing there")}");
        }
        if (made.Kind != recorded.Kind || !string.Equals(made.Name, recorded.Name, StringComparison.OrdinalIgnoreCase) || made.Instance != recorded.Instance)
        {
            throw Differs($"event {position} of its history is {recorded.Describe()}, but the code now does {made.Describe()}");
        }
    }

    /// <summary>A turn of the past is over: the code must have done no more than the history says.</summary>
    public void ConfirmAll(int position)
    {
        if (unconfirmed.Count > 0) { throw Differs($"before event {position} of its history the code now does {unconfirmed.Values.First().Describe()}, which was not done then"); }
    }

    /// <summary>An action is answered; an answer that comes twice, or to a cancelled timer, means nothing.</summary>
    public void Answer(HistoryEvent answer, int position)
    {
        var number = answer.Task!.Value;
        if (number >= nextTask) { throw Differs($"event {position} of its history is {answer.Describe()}, but the code now has not come that far"); }
        if (waiting.Remove(number, out var complete)) { complete(answer); }
    }

    /// <summary>Whether an answer to this action is still awaited.</summary>
    public bool Awaits(int number) => waiting.ContainsKey(number);

    /// <summary>The code does something else than the history says.</summary>
    public NonDeterministicOrchestrationException Differs(string how) => new(
        $"Orchestration {InstanceId} ({Name}{(Version.Length > 0 ? $", version {Version}" : "")}) is not deterministic: {how}. Orchestrator code must do the same on every replay; a change of released code needs a new version.");

    private void OnThread()
    {
        if (IsElsewhere()) { throw new InvalidOperationException(thread.Violation); }
    }

    private bool IsElsewhere()
    {
        if (thread.IsCurrent) { return false; }
        thread.Report($"Orchestration {InstanceId} used its context on another thread than the orchestrator's: no Task.Run, no ConfigureAwait(false), no CancelAsync and no awaiting of I/O in orchestrator code.");
        return true;
    }

    private int Made(HistoryEvent action)
    {
        unconfirmed.Add(nextTask, action with { Task = nextTask });
        return nextTask++;
    }

    private Task<TResult> Act<TResult>(HistoryEvent action)
    {
        OnThread();
        var source = new TaskCompletionSource<TResult>();
        var number = Made(action);
        waiting[number] = answer =>
        {
            if (answer.Kind is EventKind.TaskFailed or EventKind.SubOrchestrationFailed)
            {
                source.TrySetException(new TaskFailedException(action.Name!, number, answer.Failure!) { Data = { ["final"] = answer.Final } });
                return;
            }
            try { source.TrySetResult(converter.Deserialize<TResult>(answer.Data)!); }
            catch (Exception unreadable) { source.TrySetException(unreadable); }
        };
        return source.Task;
    }

    private async Task<TResult> Retried<TResult>(string name, TaskOptions? options, Func<Task<TResult>> attempt)
    {
        if (options?.Retry is not { } retry) { return await attempt(); }
        var first = now;
        for (var number = 1; ; number++)
        {
            try
            {
                return await attempt();
            }
            catch (TaskFailedException failure) when (failure.Data["final"] is not true)
            {
                if (retry.Policy is { } policy)
                {
                    if (policy.DelayAfter(number, now - first, failure) is not { } delay) { throw; }
                    await CreateTimer(now + delay, CancellationToken.None);
                }
                else if (!await retry.Handler!(new RetryContext(this, number, failure.FailureDetails, now - first, CancellationToken.None))) { throw; }
            }
        }
    }
}
