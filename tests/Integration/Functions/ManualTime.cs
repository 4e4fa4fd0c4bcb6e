namespace Selvedge.Tests.Integration.Functions;

/// <summary>A clock that moves only when told to.</summary>
internal sealed class ManualTime(DateTimeOffset start) : TimeProvider
{
    private readonly Lock gate = new();
    private readonly List<Alarm> alarms = [];
    private DateTimeOffset now = start;

    public override DateTimeOffset GetUtcNow()
    {
        lock (gate) { return now; }
    }

    public override long GetTimestamp() => GetUtcNow().Ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var alarm = new Alarm(this, callback, state);
        alarm.Change(dueTime, period);
        return alarm;
    }

    /// <summary>Moves the clock and rings what is due.</summary>
    public void Advance(TimeSpan by)
    {
        List<Alarm> due;
        lock (gate)
        {
            now += by;
            due = alarms.Where(alarm => alarm.Due <= now).ToList();
            alarms.RemoveAll(due.Contains);
        }
        foreach (var alarm in due) { alarm.Ring(); }
    }

    /// <summary>Returns once something waits for the clock: what ran before has come to rest.</summary>
    public async Task RestAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            lock (gate)
            {
                if (alarms.Count > 0) { return; }
            }
            await Task.Delay(1, cancellationToken);
        }
    }

    private sealed class Alarm(ManualTime time, TimerCallback callback, object? state) : ITimer
    {
        public DateTimeOffset Due { get; private set; }

        public void Ring() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time.gate)
            {
                time.alarms.Remove(this);
                if (dueTime == Timeout.InfiniteTimeSpan) { return true; }
                Due = time.now + dueTime;
                time.alarms.Add(this);
            }
            return true;
        }

        public void Dispose()
        {
            lock (time.gate) { time.alarms.Remove(this); }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
