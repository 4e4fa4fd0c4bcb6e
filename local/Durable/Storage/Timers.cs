using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.Durable;

/// <summary>Turns timers that are due into messages, some at a time.</summary>
internal static class Timers
{
    private const int AtOnce = 500;

    /// <summary>Fires those due at <paramref name="now"/>, the earliest first; firing what has been fired does nothing.</summary>
    public static bool Fire(Connection connection, Effects effects, DateTime now)
    {
        var due = new List<(long Instance, int Task, int? Generation)>();
        var row = connection.Kept("SELECT instance, task, generation FROM timers WHERE due<=?1 ORDER BY due LIMIT ?2").Bind(1, now.Ticks).Bind(2, AtOnce);
        while (row.Step()) { due.Add((row.Long(0), (int)row.Long(1), row.IsNull(2) ? null : (int)row.Long(2))); }
        foreach (var (instance, task, generation) in due)
        {
            connection.Kept("DELETE FROM timers WHERE instance=?1 AND task=?2").Bind(1, instance).Bind(2, task).Run();
            effects.Post(connection, instance, generation, task < 0 ? new(EventKind.ExecutionStarted) : new(EventKind.TimerFired) { Task = task });
        }
        row = connection.Kept("SELECT min(due) FROM timers");
        effects.Left = row.Step() && !row.IsNull(0) ? row.Long(0) : long.MaxValue;
        row.Reset();
        return true;
    }
}
