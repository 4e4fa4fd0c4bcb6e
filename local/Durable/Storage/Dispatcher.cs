using System.Threading.Channels;
using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.Durable;

/// <summary>
/// Who does what next. An instance that something has come for is given to one host and to no other until its turn is over: that is its lease.
/// Activities go to whichever host has room. Nothing is kept here of an instance that waits.
/// </summary>
internal sealed class Dispatcher
{
    private readonly Lock gate = new();
    private readonly Dictionary<long, bool> leased = [];
    private readonly HashSet<long> homeless = [];
    private readonly List<Seat> seats = [];
    private readonly Dictionary<long, TaskCompletionSource> watched = [];
    private readonly Channel<long> activities = Channel.CreateUnbounded<long>();
    private TaskCompletionSource dueChanged = New();
    private long due = long.MaxValue;

    /// <summary>Activities to be run.</summary>
    public ChannelReader<long> Activities => activities.Reader;

    /// <summary>One host's place.</summary>
    /// <param name="Runs">Whether it runs this orchestration in this version.</param>
    internal sealed record Seat(Func<string, string, bool> Runs)
    {
        /// <summary>Instances whose turn it is to run.</summary>
        public Channel<long> Ready { get; } = Channel.CreateUnbounded<long>();
    }

    /// <summary>What was left by the process before.</summary>
    public void Load(Connection connection)
    {
        var rows = connection.Kept("SELECT DISTINCT instance FROM inbox");
        while (rows.Step()) { Ready(rows.Long(0)); }
        rows = connection.Kept("SELECT number FROM activities ORDER BY number");
        while (rows.Step()) { activities.Writer.TryWrite(rows.Long(0)); }
        rows = connection.Kept("SELECT min(due) FROM timers");
        if (rows.Step() && !rows.IsNull(0)) { due = rows.Long(0); }
        rows.Reset();
    }

    /// <summary>A host begins to work.</summary>
    public Seat Attach(Func<string, string, bool> runs)
    {
        var seat = new Seat(runs);
        lock (gate)
        {
            seats.Add(seat);
            long[] waiting = [.. homeless];
            homeless.Clear();
            foreach (var number in waiting) { Give(number); }
        }
        return seat;
    }

    /// <summary>A host ends; what it has not begun goes to others.</summary>
    public void Detach(Seat seat)
    {
        lock (gate)
        {
            if (!seats.Remove(seat)) { return; }
            seat.Ready.Writer.TryComplete();
            while (seat.Ready.Reader.TryRead(out var number)) { Give(number); }
        }
    }

    /// <summary>A commit has happened.</summary>
    public void Publish(Effects effects)
    {
        foreach (var number in effects.Ready) { Ready(number); }
        foreach (var number in effects.Activities) { activities.Writer.TryWrite(number); }
        lock (gate)
        {
            var next = Math.Min(effects.Left ?? due, effects.Due);
            if (next < due || effects.Left is not null)
            {
                due = next;
                dueChanged.TrySetResult();
                dueChanged = New();
            }
            foreach (var number in effects.Changed)
            {
                if (watched.Remove(number, out var watcher)) { watcher.TrySetResult(); }
            }
        }
    }

    /// <summary>The turn is over: the lease is given back, and taken again where more has come meanwhile.</summary>
    public void Done(long number, bool again = false)
    {
        lock (gate)
        {
            if (leased.Remove(number, out var more) && (more || again)) { Lease(number); }
        }
    }

    /// <summary>Gives a leased instance to another host that runs it.</summary>
    /// <returns>False: there is none.</returns>
    public bool PassOn(long number, string name, string version)
    {
        lock (gate)
        {
            if (seats.Find(seat => seat.Runs(name, version)) is not { } other) { return false; }
            return other.Ready.Writer.TryWrite(number);
        }
    }

    /// <summary>Keeps a leased instance until another host begins to work.</summary>
    public void Park(long number)
    {
        lock (gate) { homeless.Add(number); }
    }

    /// <summary>An activity is not finished by the host that began it.</summary>
    public void Return(long activity) => activities.Writer.TryWrite(activity);

    /// <summary>When the next timer is due, in UTC ticks, and what ends when that changes.</summary>
    public (long Ticks, Task Changed) NextDue()
    {
        lock (gate) { return (due, dueChanged.Task); }
    }

    /// <summary>Ends when the instance's status changes after this call.</summary>
    public Task WatchAsync(long number)
    {
        lock (gate)
        {
            if (!watched.TryGetValue(number, out var watcher)) { watched[number] = watcher = New(); }
            return watcher.Task;
        }
    }

    private void Ready(long number)
    {
        lock (gate)
        {
            if (leased.ContainsKey(number)) { leased[number] = true; }
            else { Lease(number); }
        }
    }

    private void Lease(long number)
    {
        leased[number] = false;
        Give(number);
    }

    // By number, so that each host sees the same instances again.
    private void Give(long number)
    {
        if (seats.Count == 0) { homeless.Add(number); }
        else { seats[(int)(number % seats.Count)].Ready.Writer.TryWrite(number); }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
