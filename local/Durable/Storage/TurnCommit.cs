using Selvedge.Local.Cosmos.Storage;
using SQLitePCL;

namespace Selvedge.Local.Durable;

/// <summary>Writes a turn: history, inbox, actions, status and the caller's answer, all or nothing.</summary>
internal static class TurnCommit
{
    /// <summary>Commits, where the instance is as the turn found it.</summary>
    /// <returns>The instance after; null: it had changed, and nothing of the turn has happened.</returns>
    public static Task<Instance?> CommitAsync(DurableStore store, Instance before, TurnResult turn, DateTime now)
    {
        var after = before with
        {
            Turn = before.Turn + 1, Status = turn.Status, CustomStatus = turn.CustomStatus,
            Generation = before.Generation + (turn.Next is null ? 0 : 1),
            Started = turn.Next is null ? before.Started : before.Started with { Input = turn.NextInput, Version = turn.Next.NewVersion ?? before.Started.Version },
        };
        return store.WriteAsync((connection, effects) => Write(connection, effects, before, after, turn, now) ? after : null);
    }

    private static bool Write(Connection connection, Effects effects, Instance before, Instance after, TurnResult turn, DateTime now)
    {
        connection.Kept("UPDATE instances SET status=?1, generation=?2, turn=?3, updated=?4, input=?5, version=?6, output=?7, custom=?8, failure=?9 WHERE number=?10 AND turn=?11")
            .Bind(1, (long)after.Status).Bind(2, after.Generation).Bind(3, after.Turn).Bind(4, now.Ticks).BindTextOrNull(5, after.Started.Input).BindText(6, after.Started.Version)
            .BindTextOrNull(7, turn.Output).BindTextOrNull(8, after.CustomStatus).BindJsonOrNull(9, turn.Failure).Bind(10, before.Number).Bind(11, before.Turn).Run();
        if (raw.sqlite3_changes(connection.Handle) == 0) { return false; }
        foreach (var number in turn.Consumed)
        {
            connection.Kept("DELETE FROM inbox WHERE instance=?1 AND number=?2").Bind(1, before.Number).Bind(2, number).Run();
        }
        var ended = Instance.HasEnded(after.Status);
        foreach (var action in turn.Actions) { CarryOut(connection, effects, before, turn, action, ended, now); }
        if (ended || turn.Next is not null)
        {
            connection.Kept("DELETE FROM timers WHERE instance=?1").Bind(1, before.Number).Run();
        }
        else
        {
            foreach (var task in turn.CancelledTimers) { connection.Kept("DELETE FROM timers WHERE instance=?1 AND task=?2").Bind(1, before.Number).Bind(2, task).Run(); }
        }
        if (turn.Next is null)
        {
            connection.Kept("INSERT INTO history(instance, turn, events) VALUES (?1, ?2, ?3)").Bind(1, before.Number).Bind(2, after.Turn).Bind(3, HistoryEvent.Write(turn.Added)).Run();
        }
        else
        {
            connection.Kept("DELETE FROM history WHERE instance=?1").Bind(1, before.Number).Run();
            effects.Post(connection, before.Number, after.Generation, new(EventKind.ExecutionStarted));
            foreach (var carried in turn.CarriedOver) { effects.Post(connection, before.Number, null, carried); }
        }
        if (ended) { TellOthers(connection, effects, after, turn); }
        if (after.Status != before.Status) { effects.Changed.Add(before.Number); }
        return true;
    }

    private static void CarryOut(Connection connection, Effects effects, Instance instance, TurnResult turn, HistoryEvent action, bool ended, DateTime now)
    {
        switch (action.Kind)
        {
            case EventKind.TaskScheduled:
                effects.Run(connection, instance, action);
                break;
            case EventKind.TimerCreated when !ended && turn.Next is null && !turn.CancelledTimers.Contains(action.Task!.Value):
                effects.Set(connection, instance.Number, instance.Generation, action.Task!.Value, action.At!.Value);
                break;
            case EventKind.EventSent when Instance.Find(connection, action.Instance!) is { } to && !Instance.HasEnded(to.Status):
                effects.Post(connection, to.Number, null, new(EventKind.EventRaised) { Name = action.Name, Data = action.Data });
                break;
            case EventKind.SubOrchestrationCreated:
                Call(connection, effects, instance, action, now);
                break;
        }
    }

    private static void Call(Connection connection, Effects effects, Instance instance, HistoryEvent action, DateTime now)
    {
        var caller = new Instance.Call(instance.Number, instance.Generation, action.Task!.Value);
        var child = new Started(action.Instance!, action.Name!, action.Version ?? "", action.Data, new ParentOrchestrationInstance(instance.Started.Name, instance.Started.Id));
        if (Instance.Find(connection, child.Id) is { } existing)
        {
            if (!Instance.HasEnded(existing.Status))
            {
                var failure = new TaskFailureDetails(typeof(OrchestrationAlreadyExistsException).FullName!, $"An orchestration with the instance id {child.Id} exists already and is {existing.Status}.", null, null, null);
                effects.Post(connection, instance.Number, instance.Generation, new(EventKind.SubOrchestrationFailed) { Task = action.Task, Failure = failure });
                return;
            }
            Instance.Delete(connection, existing.Number);
        }
        Insert(connection, effects, child, caller, tags: null, startAt: null, now);
    }

    /// <summary>Adds a pending instance and its start.</summary>
    public static void Insert(Connection connection, Effects effects, Started started, Instance.Call? caller, IReadOnlyDictionary<string, string>? tags, DateTime? startAt, DateTime now)
    {
        connection.Kept("""
            INSERT INTO instances(id, name, version, status, generation, turn, created, updated, input, tags, parent, parent_generation, parent_task, parent_id, parent_name)
            VALUES (?1, ?2, ?3, ?4, 0, 0, ?5, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
            """)
            .BindText(1, started.Id).BindText(2, started.Name).BindText(3, started.Version).Bind(4, (long)OrchestrationRuntimeStatus.Pending).Bind(5, now.Ticks)
            .BindTextOrNull(6, started.Input).BindJsonOrNull(7, tags is { Count: > 0 } ? tags : null)
            .Bind(8, caller?.Instance).Bind(9, (long?)caller?.Generation).Bind(10, (long?)caller?.Task)
            .BindTextOrNull(11, started.Parent?.InstanceId).BindTextOrNull(12, started.Parent?.Name.Name).Run();
        var number = raw.sqlite3_last_insert_rowid(connection.Handle);
        if (startAt is { } later && later > now) { effects.Set(connection, number, 0, -1, later); }
        else { effects.Post(connection, number, 0, new(EventKind.ExecutionStarted)); }
    }

    private static void TellOthers(Connection connection, Effects effects, Instance ended, TurnResult turn)
    {
        if (ended.Caller is { } caller)
        {
            effects.Post(connection, caller.Instance, caller.Generation, ended.Status == OrchestrationRuntimeStatus.Completed
                ? new(EventKind.SubOrchestrationCompleted) { Task = caller.Task, Data = turn.Output }
                : new(EventKind.SubOrchestrationFailed) { Task = caller.Task, Failure = turn.Failure ?? new TaskFailureDetails("Terminated", $"Sub-orchestration {ended.Started.Id} was terminated: {turn.Output}", null, null, null) });
        }
        if (!turn.TerminateChildren) { return; }
        var children = new List<long>();
        var row = connection.Kept("SELECT number FROM instances WHERE parent=?1 AND status IN (0, 6, 7)").Bind(1, ended.Number);
        while (row.Step()) { children.Add(row.Long(0)); }
        foreach (var child in children) { effects.Post(connection, child, null, new(EventKind.Terminated) { Data = turn.Output, Final = true }); }
    }

    private static Statement BindJsonOrNull<T>(this Statement statement, int index, T? value) => value is null ? statement.BindNull(index) : statement.Bind(index, HistoryEvent.Write(value));
}
