using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.ServiceBus.Storage;

/// <summary>
/// What happens by itself: locks end, scheduled messages are enqueued, old ones expire. Done at the head of every transaction, so that nothing is decided on what
/// should have happened before; a timer only makes it happen when nobody asks.
/// </summary>
internal sealed class DueTimes(Func<int, BusQueue> queueOf) : IDisposable
{
    /// <summary>Rows of a kind done in one transaction at most; the rest in the next.</summary>
    private const int Portion = 500;

    /// <summary>Waits are cut into pieces so that a stepped clock or a machine that slept is noticed.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private readonly HashSet<BusQueue> touched = [];
    private ITimer? timer;
    private long next;
    private bool moved;

    /// <summary>Starts the timer; <paramref name="ring"/> hands any work to the writer, then calls <see cref="Rearm"/> on its thread.</summary>
    public void Start(TimeProvider clock, Action ring) => timer = clock.CreateTimer(_ => ring(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    /// <summary>Something falls due at <paramref name="time"/> (Unix milliseconds).</summary>
    public void Note(long time)
    {
        if (time >= next) { return; }
        next = time;
        moved = true;
    }

    /// <summary>Messages of <paramref name="queue"/> became available in this transaction.</summary>
    public void Touched(BusQueue queue) => touched.Add(queue);

    /// <summary>The timer has rung and must be set again.</summary>
    public void Rearm() => moved = true;

    /// <summary>After the commit, on the writer's thread: tells those who wait, and sets the timer.</summary>
    public void Publish(long now)
    {
        foreach (var queue in touched) { queue.Publish(); }
        touched.Clear();
        if (!moved || timer is null) { return; }
        moved = false;
        if (next == long.MaxValue) { return; }
        var wait = TimeSpan.FromMilliseconds(Math.Clamp(next - now, 1, (long)LongestWait.TotalMilliseconds));
        timer.Change(wait, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Does what is due by <paramref name="now"/>, in portions.</summary>
    public void DoneBy(Connection db, long now)
    {
        if (now < next) { return; }
        var full = EndLocks(db, now) | EndSessions(db, now) | Expire(db, now);
        next = full ? now : Earliest(db);
        moved = true;
    }

    public void Dispose() => timer?.Dispose();

    private bool EndLocks(Connection db, long now)
    {
        var select = db.Kept("SELECT sequence, state, lane, deliveries, queue FROM messages WHERE due <= ?1 ORDER BY due, sequence LIMIT ?2").Bind(1, now).Bind(2, Portion);
        var due = new List<(Settling.Held Held, BusQueue Queue)>();
        while (select.Step()) { due.Add((new(select.Long(0), (int)select.Long(1), select.IsNull(2) ? null : select.String(2), select.Long(3)), queueOf((int)select.Long(4)))); }
        foreach (var (held, queue) in due)
        {
            if (held.State == BusFile.Scheduled) { Sending.Enqueue(db, now, queue, held.Sequence, held.Lane); }
            else { Settling.Release(db, now, queue, held); }
        }
        return due.Count == Portion;
    }

    private bool EndSessions(Connection db, long now)
    {
        var select = db.Kept("SELECT queue, id FROM sessions WHERE until <= ?1 LIMIT ?2").Bind(1, now).Bind(2, Portion);
        var ended = new List<(BusQueue Queue, string Id)>();
        while (select.Step()) { ended.Add((queueOf((int)select.Long(0)), select.String(1))); }
        foreach (var (queue, id) in ended) { Sessions.Release(db, now, queue, id, ended: true); }
        return ended.Count == Portion;
    }

    private bool Expire(Connection db, long now)
    {
        var select = db.Kept("SELECT sequence, queue FROM messages WHERE expires <= ?1 AND state IN (0, 2) ORDER BY expires LIMIT ?2").Bind(1, now).Bind(2, Portion);
        var expired = new List<(long Sequence, BusQueue Queue)>();
        while (select.Step()) { expired.Add((select.Long(0), queueOf((int)select.Long(1)))); }
        foreach (var (sequence, queue) in expired)
        {
            if (queue.Definition.DeadLetteringOnMessageExpiration) { Settling.DeadLetter(db, queue, sequence, null, Settling.Expired, "The message expired and was dead lettered."); }
            else { Settling.Remove(db, sequence); }
        }
        return expired.Count == Portion;
    }

    private static long Earliest(Connection db)
    {
        var select = db.Kept("""
            SELECT min(coalesce((SELECT min(due) FROM messages WHERE due IS NOT NULL), ?1), coalesce((SELECT min(until) FROM sessions WHERE until IS NOT NULL), ?1),
                coalesce((SELECT min(expires) FROM messages WHERE expires IS NOT NULL AND state IN (0, 2)), ?1))
            """).Bind(1, long.MaxValue);
        select.Step();
        var earliest = select.Long(0);
        select.Reset();
        return earliest;
    }
}
