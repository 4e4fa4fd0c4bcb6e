using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selvedge.Local.Cosmos.Storage;
using Selvedge.Local.Functions;
using SQLitePCL;

namespace Selvedge.Local.Durable;

/// <summary>One host's work on the stored orchestrations: turns, activities, timers. What it was at when it stops is done again by another host,
/// or after a restart.</summary>
internal sealed partial class DurableWorker(DurableFunctions functions, LocalData data, DurableSettings settings, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<DurableWorker> logger) : IHostedService, IDisposable
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(1);

    private readonly CancellationToken stopping = lifetime.ApplicationStopping;
    private readonly SemaphoreSlim turns = new(settings.MaxConcurrentOrchestratorFunctions);
    private readonly SemaphoreSlim activities = new(settings.MaxConcurrentActivityFunctions);
    private readonly ConcurrentDictionary<long, Task> running = new();
    private Dispatcher.Seat? seat;
    private Task[] loops = [];
    private DurableStore? opened;

    private DurableStore Store => opened ??= data.Durable;

    private DateTime Now => time.GetUtcNow().UtcDateTime;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (!functions.Any) { return Task.CompletedTask; }
        seat = Store.Dispatcher.Attach((name, version) => functions.Has(name) && OrchestrationVersions.Runs(settings.VersionMatchStrategy, settings.DefaultVersion, version));
        loops = [Task.Run(TakeTurnsAsync, CancellationToken.None), Task.Run(TakeActivitiesAsync, CancellationToken.None), Task.Run(FireTimersAsync, CancellationToken.None)];
        return Task.CompletedTask;
    }

    /// <summary>Takes nothing new and waits for what is running until <paramref name="cancellationToken"/>; what is left then is given to others.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (seat is null) { return; }
        Store.Dispatcher.Detach(seat);
        await Task.WhenAll(loops).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(running.Values).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var activity in running.Keys)
        {
            LogAbandoned(activity);
            Store.Dispatcher.Return(activity);
        }
    }

    public void Dispose()
    {
        turns.Dispose();
        activities.Dispose();
    }

    private async Task TakeTurnsAsync()
    {
        // Detaching completes the channel; what it still held has gone to others.
        await foreach (var number in seat!.Ready.Reader.ReadAllAsync(CancellationToken.None))
        {
            await turns.WaitAsync(CancellationToken.None);
            _ = Task.Run(async () =>
            {
                try { await TurnAsync(number); }
                finally { turns.Release(); }
            }, CancellationToken.None);
        }
        for (var all = 0; all < settings.MaxConcurrentOrchestratorFunctions; all++) { await turns.WaitAsync(CancellationToken.None); }
    }

    private async Task TurnAsync(long number)
    {
        var (leased, again) = (true, false);
        try
        {
            var kept = Store.Cache.Take(number);
            var (instance, history, messages) = await Store.ReadAsync((number, kept), static (connection, asked) =>
                asked.kept is { } cached ? (cached.Instance, cached.History, Instance.ReadInbox(connection, asked.number))
                : (Instance.Read(connection, asked.number), Instance.ReadHistory(connection, asked.number), Instance.ReadInbox(connection, asked.number)));
            if (messages.Count == 0) { return; }
            if (instance is null || Instance.HasEnded(instance.Status))
            {
                await Store.WriteAsync((connection, _) => Discard(connection, number, messages[^1].Number));
                return;
            }
            // An instance that is to end needs no code that runs it.
            var mine = seat!.Runs(instance.Started.Name, instance.Started.Version) || messages.Exists(message => message.Event.Kind is EventKind.Terminated or EventKind.Faulted);
            if (!mine && GivenAway(instance))
            {
                leased = false;
                return;
            }
            var now = Now;
            var turn = mine ? functions.RunTurn(instance, history, messages, settings, now) : Refuse(instance, messages, now);
            if (turn is null) { return; }
            if (await TurnCommit.CommitAsync(Store, instance, turn, now) is not { } after)
            {
                again = true;
                return;
            }
            turn.Thread?.WhenFound(what => Report(after, what));
            if (turn.Status == OrchestrationRuntimeStatus.Failed) { LogFailed(instance.Started.Name, instance.Started.Id, turn.Failure!.ErrorType, turn.Failure.ErrorMessage); }
            if (Instance.HasEnded(turn.Status)) { return; }
            if (turn.Next is not null) { history = []; }
            else { history.AddRange(turn.Added); }
            Store.Cache.Put(after, history);
        }
        catch (Exception failure)
        {
            LogTurnFailed(failure, number);
            await Task.Delay(AfterFailure, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            again = true;
        }
        finally
        {
            if (leased) { Store.Dispatcher.Done(number, again); }
        }
    }

    private TurnResult Refuse(Instance instance, List<Message> messages, DateTime now) => functions.Has(instance.Started.Name)
        ? Turn.Refuse(instance, messages, "VersionMismatch", $"Orchestration {instance.Started.Id} is of version '{instance.Started.Version}', which a host of version '{settings.DefaultVersion}' does not run ({settings.VersionMatchStrategy}).", now)
        : Turn.Refuse(instance, messages, "OrchestratorNotFound", $"The function '{instance.Started.Name}' doesn't exist, is disabled, or is not an orchestrator function.", now);

    // With its lease: to a host that runs it, or kept until one comes. One whose code is nowhere, or that is to fail, is not.
    private bool GivenAway(Instance instance)
    {
        if (Store.Dispatcher.PassOn(instance.Number, instance.Started.Name, instance.Started.Version)) { return true; }
        if (!functions.Has(instance.Started.Name) || settings.FailsOnVersionMismatch) { return false; }
        LogVersion(instance.Started.Id, instance.Started.Version, settings.DefaultVersion);
        Store.Dispatcher.Park(instance.Number);
        return true;
    }

    private static bool Discard(Connection connection, long number, long last)
    {
        connection.Kept("DELETE FROM inbox WHERE instance=?1 AND number<=?2").Bind(1, number).Bind(2, last).Run();
        return true;
    }

    // Found after the turn was committed: a foreign task came back. The instance could never be replayed the same, so it fails now.
    private void Report(Instance instance, string what)
    {
        var failure = new TaskFailureDetails(typeof(NonDeterministicOrchestrationException).FullName!, what, null, null, null);
        _ = Store.WriteAsync((connection, effects) =>
        {
            effects.Post(connection, instance.Number, instance.Generation, new(EventKind.Faulted) { Failure = failure });
            return true;
        });
    }

    private async Task TakeActivitiesAsync()
    {
        try
        {
            while (true)
            {
                await activities.WaitAsync(stopping);
                var number = await Store.Dispatcher.Activities.ReadAsync(stopping);
                running[number] = Task.Run(async () =>
                {
                    try { await ActivityAsync(number); }
                    finally
                    {
                        running.TryRemove(number, out _);
                        activities.Release();
                    }
                }, CancellationToken.None);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested) { }
    }

    private async Task ActivityAsync(long number)
    {
        try
        {
            var found = await Store.ReadAsync(number, static (connection, asked) =>
            {
                var row = connection.Kept("SELECT instance, generation, task, id, name, input FROM activities WHERE number=?1").Bind(1, asked);
                if (!row.Step()) { return null; }
                var read = new Dispatched(row.Long(0), (int)row.Long(1), (int)row.Long(2), row.String(3), row.String(4), row.Text(5));
                row.Reset();
                return read;
            });
            if (found is null) { return; }
            var answer = await AnswerAsync(found);
            if (answer is null)
            {
                Store.Dispatcher.Return(number);
                return;
            }
            await Store.WriteAsync((connection, effects) =>
            {
                // Gone: another run of it has answered, or nobody asks any more.
                connection.Kept("DELETE FROM activities WHERE number=?1").Bind(1, number).Run();
                if (raw.sqlite3_changes(connection.Handle) > 0) { effects.Post(connection, found.Instance, found.Generation, answer); }
                return true;
            });
        }
        catch (Exception failure)
        {
            LogActivityLost(failure, number);
            await Task.Delay(AfterFailure, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Store.Dispatcher.Return(number);
        }
    }

    // Null: the host stops, and the activity with it.
    private async Task<HistoryEvent?> AnswerAsync(Dispatched activity)
    {
        if (!functions.HasActivity(activity.Name))
        {
            var missing = new TaskFailureDetails("ActivityNotFound", $"The function '{activity.Name}' doesn't exist, is disabled, or is not an activity function.", null, null, null);
            return new(EventKind.TaskFailed) { Task = activity.Task, Failure = missing, Final = true };
        }
        try
        {
            return new(EventKind.TaskCompleted) { Task = activity.Task, Data = await functions.RunActivityAsync(activity.Name, activity.Id, activity.Input, stopping) };
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception failure)
        {
            LogActivityFailed(failure, activity.Name, activity.Id);
            return new(EventKind.TaskFailed) { Task = activity.Task, Failure = TaskFailureDetails.FromException(failure) };
        }
    }

    private async Task FireTimersAsync()
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                var (due, changed) = Store.Dispatcher.NextDue();
                var now = Now;
                if (due <= now.Ticks)
                {
                    await Store.WriteAsync((connection, effects) => Timers.Fire(connection, effects, now));
                    continue;
                }
                using var waiting = CancellationTokenSource.CreateLinkedTokenSource(stopping);
                var left = due == long.MaxValue ? LongestWait : TimeSpan.FromMilliseconds(Math.Ceiling(new TimeSpan(due - now.Ticks).TotalMilliseconds));
                await Task.WhenAny(changed, Task.Delay(left < LongestWait ? left : LongestWait, time, waiting.Token));
                await waiting.CancelAsync();
            }
            catch (Exception failure)
            {
                LogTimersFailed(failure);
                await Task.Delay(AfterFailure, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private sealed record Dispatched(long Instance, int Generation, int Task, string Id, string Name, string? Input);

    [LoggerMessage(EventId = 120, Level = LogLevel.Warning, Message = "Orchestration {Name}, instance {Instance}, failed: {Type}: {Reason}")]
    private partial void LogFailed(string name, string instance, string type, string reason);

    [LoggerMessage(EventId = 121, Level = LogLevel.Error, Message = "A turn of instance number {Number} could not be made; it is tried again")]
    private partial void LogTurnFailed(Exception failure, long number);

    [LoggerMessage(EventId = 122, Level = LogLevel.Warning, Message = "Activity {Name} of instance {Instance} failed")]
    private partial void LogActivityFailed(Exception failure, string name, string instance);

    [LoggerMessage(EventId = 123, Level = LogLevel.Error, Message = "The answer of activity number {Number} could not be stored; it is run again")]
    private partial void LogActivityLost(Exception failure, long number);

    [LoggerMessage(EventId = 124, Level = LogLevel.Warning, Message = "Activity number {Number} did not end in the time there is for stopping; it is run again elsewhere, or at the next start")]
    private partial void LogAbandoned(long number);

    [LoggerMessage(EventId = 125, Level = LogLevel.Warning, Message = "Instance {Instance} is of version '{Version}', which this host of version '{Own}' does not run; it waits for a host that does")]
    private partial void LogVersion(string instance, string version, string own);

    [LoggerMessage(EventId = 126, Level = LogLevel.Error, Message = "Durable timers could not be fired; it is tried again")]
    private partial void LogTimersFailed(Exception failure);
}
