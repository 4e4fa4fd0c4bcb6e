using Microsoft.Extensions.Logging;

namespace Selvedge.Local.Durable;

/// <summary>A message that waits for an instance.</summary>
/// <param name="Number">Its place in the queue.</param>
/// <param name="Generation">The execution it is meant for; null: whichever is there.</param>
/// <param name="Event">What has come.</param>
internal sealed record Message(long Number, int? Generation, HistoryEvent Event);

/// <summary>What code runs, and with what.</summary>
/// <param name="Code">The orchestrator.</param>
/// <param name="Converter">How values become text.</param>
/// <param name="Loggers">The loggers.</param>
/// <param name="DefaultVersion">The version of sub-orchestrations where none is named.</param>
internal sealed record Orchestrator(Func<TaskOrchestrationContext, Task<object?>> Code, DataConverter Converter, ILoggerFactory Loggers, string DefaultVersion);

/// <summary>What a turn came to; it has happened once it is committed.</summary>
internal sealed record TurnResult(OrchestrationRuntimeStatus Status, OrchestratorThread? Thread)
{
    /// <summary>What is added to the history, from <see cref="EventKind.TurnStarted"/> on.</summary>
    public IReadOnlyList<HistoryEvent> Added { get; init; } = [];

    /// <summary>What the code did that is to be carried out.</summary>
    public IReadOnlyList<HistoryEvent> Actions { get; init; } = [];

    /// <summary>Timers no longer wanted.</summary>
    public IReadOnlySet<int> CancelledTimers { get; init; } = new HashSet<int>();

    /// <summary>Messages that are dealt with.</summary>
    public required IReadOnlyList<long> Consumed { get; init; }

    public string? CustomStatus { get; init; }

    public string? Output { get; init; }

    public TaskFailureDetails? Failure { get; init; }

    /// <summary>How it begins anew, where it does.</summary>
    public ContinueAsNewOptions? Next { get; init; }

    /// <summary>The input of the next execution.</summary>
    public string? NextInput { get; init; }

    /// <summary>Events that go over to the next execution.</summary>
    public IReadOnlyList<HistoryEvent> CarriedOver { get; init; } = [];

    /// <summary>Whether the sub-orchestrations are to be terminated too.</summary>
    public bool TerminateChildren { get; init; }
}

/// <summary>One turn of an orchestration: the past is replayed, then what has come is given to the code, and what the code does is collected.
/// Nothing is written here.</summary>
internal static class Turn
{
    /// <summary>Runs one.</summary>
    /// <param name="instance">The instance before the turn.</param>
    /// <param name="history">Its execution so far.</param>
    /// <param name="messages">What has come, in order; not empty.</param>
    /// <param name="orchestrator">The code.</param>
    /// <param name="now">The turn's time, UTC.</param>
    /// <returns>Null: nothing of it can be dealt with while the instance is suspended.</returns>
    public static TurnResult? Run(Instance instance, IReadOnlyList<HistoryEvent> history, IReadOnlyList<Message> messages, Orchestrator orchestrator, DateTime now)
    {
        var sorted = Sort(instance, messages);
        if (sorted.End is { } end)
        {
            return new TurnResult(end.Kind == EventKind.Terminated ? OrchestrationRuntimeStatus.Terminated : OrchestrationRuntimeStatus.Failed, null)
            {
                Consumed = sorted.Consumed, Added = [new(EventKind.TurnStarted) { At = now }, end], CustomStatus = instance.CustomStatus,
                Output = end.Data, Failure = end.Failure, TerminateChildren = end.Kind == EventKind.Terminated && end.Final,
            };
        }
        if (sorted.Consumed.Count == 0) { return null; }
        var replay = new Replay(instance.Started, orchestrator);
        try
        {
            replay.Past(history);
            return replay.Present(instance, sorted, now);
        }
        catch (NonDeterministicOrchestrationException different)
        {
            return Fail(instance, sorted, different.Message, now, replay.Thread);
        }
    }

    /// <summary>The turn that ends an instance no host can run.</summary>
    public static TurnResult Refuse(Instance instance, IReadOnlyList<Message> messages, string type, string why, DateTime now) =>
        new(OrchestrationRuntimeStatus.Failed, null)
        {
            Consumed = [.. messages.Select(message => message.Number)], CustomStatus = instance.CustomStatus, Failure = new(type, why, null, null, null),
            Added = [new(EventKind.TurnStarted) { At = now }],
        };

    private static TurnResult Fail(Instance instance, Sorted sorted, string why, DateTime now, OrchestratorThread thread)
    {
        var failure = new TaskFailureDetails(typeof(NonDeterministicOrchestrationException).FullName!, why, null, null, null);
        return new TurnResult(OrchestrationRuntimeStatus.Failed, thread)
        {
            Consumed = sorted.Consumed, CustomStatus = instance.CustomStatus, Failure = failure,
            Added = [new(EventKind.TurnStarted) { At = now }, .. sorted.Deliver, new(EventKind.ExecutionCompleted) { Failure = failure }],
        };
    }

    private static Sorted Sort(Instance instance, IReadOnlyList<Message> messages)
    {
        var sorted = new Sorted { Suspended = instance.Status == OrchestrationRuntimeStatus.Suspended };
        var held = new List<Message>();
        foreach (var message in messages)
        {
            var stale = message.Generation is { } generation && generation != instance.Generation;
            switch (message.Event.Kind)
            {
                case EventKind.Terminated or EventKind.Faulted when !stale:
                    return new Sorted { End = message.Event, Consumed = [.. messages.Select(all => all.Number)] };
                case EventKind.Suspended when !sorted.Suspended:
                    sorted.Suspended = true;
                    sorted.Take(message);
                    break;
                case EventKind.Resumed when sorted.Suspended:
                    sorted.Suspended = false;
                    sorted.Take(message);
                    held.ForEach(sorted.Take);
                    held.Clear();
                    break;
                case EventKind.Suspended or EventKind.Resumed:
                case var _ when stale:
                    sorted.Consumed.Add(message.Number);
                    break;
                default:
                    if (sorted.Suspended) { held.Add(message); }
                    else { sorted.Take(message); }
                    break;
            }
        }
        return sorted;
    }

    internal sealed class Sorted
    {
        public HistoryEvent? End { get; init; }

        public List<long> Consumed { get; init; } = [];

        public List<HistoryEvent> Deliver { get; } = [];

        public bool Suspended { get; set; }

        public void Take(Message message)
        {
            Consumed.Add(message.Number);
            Deliver.Add(message.Event);
        }
    }

    /// <summary>The code of one execution, run over its history.</summary>
    internal sealed class Replay(Started started, Orchestrator orchestrator)
    {
        private readonly ReplayContext context = new(started, new OrchestratorThread(started.Id), orchestrator.Converter, orchestrator.Loggers, orchestrator.DefaultVersion);
        private Task<object?>? running;
        private int position;

        public OrchestratorThread Thread => context.Thread;

        /// <summary>The code over what has happened; the code must do the same.</summary>
        /// <exception cref="NonDeterministicOrchestrationException">It does not.</exception>
        public void Past(IReadOnlyList<HistoryEvent> history)
        {
            context.Replaying = true;
            foreach (var happened in history)
            {
                if (happened.Kind is EventKind.TurnStarted or EventKind.ExecutionCompleted) { context.ConfirmAll(position); }
                if (running?.IsCompleted == true && (happened.IsAction || happened.Kind == EventKind.TurnStarted)) { throw context.Differs($"event {position} of its history is {happened.Describe()}, but the code now has ended before it"); }
                if (happened.IsAction) { context.Confirm(happened, position); }
                else { Apply(happened); }
                position++;
            }
            context.ConfirmAll(position);
            var ended = history.Count > 0 && history[^1].Kind == EventKind.ExecutionCompleted;
            if (!ended && running?.IsCompleted == true) { throw context.Differs($"the code now has ended after event {position - 1} of its history, where it went on"); }
            if (ended && running?.IsCompleted != true) { throw context.Differs($"event {position - 1} of its history is its end, but the code now goes on"); }
            context.Replaying = false;
        }

        /// <summary>Where a replayed execution has ended: how its end differs from the recorded one; null: it does not.</summary>
        public string? DiffersInResult(IReadOnlyList<HistoryEvent> history)
        {
            if (history.Count == 0 || history[^1] is not { Kind: EventKind.ExecutionCompleted } end || running is not { IsCompleted: true }) { return null; }
            var now = running.IsCompletedSuccessfully ? orchestrator.Converter.Serialize(running.Result) : null;
            return running.IsCompletedSuccessfully == end.Failure is null && now == end.Data ? null
                : $"Orchestration {started.Id} ended with {end.Failure?.ToString() ?? end.Data ?? "nothing"}; the code now ends with {running.Exception?.InnerException?.Message ?? now ?? "nothing"}.";
        }

        public TurnResult Present(Instance instance, Sorted sorted, DateTime now)
        {
            var added = new List<HistoryEvent> { new(EventKind.TurnStarted) { At = now } };
            var left = new List<HistoryEvent>();
            context.Begin(now);
            foreach (var come in sorted.Deliver)
            {
                if (running?.IsCompleted == true)
                {
                    if (come.Kind == EventKind.EventRaised) { left.Add(come); }
                    continue;
                }
                if (come.Task is { } number && !context.Awaits(number)) { continue; }
                added.Add(come);
                Apply(come);
            }
            if (context.Thread.Violation is null && running is { IsCompleted: false } && !context.CanBeWoken)
            {
                context.Thread.Report($"Orchestration {started.Id} awaits a task that is not its context's (I/O, Task.Delay, Task.Run, …), so nothing in its history can wake it. Do such work in an activity; wait with context.CreateTimer.");
            }
            if (context.Thread.Violation is { } violation) { return Fail(instance, sorted, violation, now, context.Thread); }

            IReadOnlyList<HistoryEvent> actions = [.. context.Unconfirmed];
            added.AddRange(actions);
            var result = new TurnResult(sorted.Suspended ? OrchestrationRuntimeStatus.Suspended : running is null ? OrchestrationRuntimeStatus.Pending : OrchestrationRuntimeStatus.Running, context.Thread)
            {
                Consumed = sorted.Consumed, Added = added, Actions = actions, CancelledTimers = context.CancelledTimers,
                CustomStatus = context.CustomStatusSet ? context.CustomStatus : instance.CustomStatus,
            };
            return running is { IsCompleted: true } ? Ended(result, added, left) : result;
        }

        private TurnResult Ended(TurnResult result, List<HistoryEvent> added, List<HistoryEvent> left)
        {
            try
            {
                if (!running!.IsCompletedSuccessfully) { throw running.Exception?.InnerException ?? new TaskCanceledException(running); }
                if (context.Next is { } next)
                {
                    return result with { Next = next, NextInput = orchestrator.Converter.Serialize(next.NewInput), CarriedOver = [.. context.Buffered, .. left] };
                }
                var output = orchestrator.Converter.Serialize(running.Result);
                added.Add(new(EventKind.ExecutionCompleted) { Data = output });
                return result with { Status = OrchestrationRuntimeStatus.Completed, Output = output };
            }
            catch (Exception thrown)
            {
                var failure = TaskFailureDetails.FromException(thrown);
                added.Add(new(EventKind.ExecutionCompleted) { Failure = failure });
                return result with { Status = OrchestrationRuntimeStatus.Failed, Failure = failure };
            }
        }

        private void Apply(HistoryEvent come)
        {
            switch (come.Kind)
            {
                case EventKind.TurnStarted:
                    context.Begin(come.At!.Value);
                    break;
                case EventKind.ExecutionStarted:
                    context.Thread.Run(() => running = StartAsync());
                    break;
                case EventKind.EventRaised:
                    context.Thread.Run(() => context.Raise(come));
                    break;
                case EventKind.TaskCompleted or EventKind.TaskFailed or EventKind.TimerFired or EventKind.SubOrchestrationCompleted or EventKind.SubOrchestrationFailed:
                    context.Thread.Run(() => context.Answer(come, position));
                    break;
            }
        }

        private async Task<object?> StartAsync() => await orchestrator.Code(context);
    }
}
