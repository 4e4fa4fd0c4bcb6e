using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.ServiceBus.Storage;

/// <summary>
/// What the broker's database file holds. All that is decided is decided from these rows, on the writer's thread: a broker that opens the file after a crash
/// knows as much as the one that wrote it, except who held a lock. Times are Unix milliseconds.
/// </summary>
internal static class BusFile
{
    /// <summary>A message's <c>state</c>. What is locked in a session has no <c>due</c> of its own: the session's lock is its lock.</summary>
    public const int Available = 0, Locked = 1, Deferred = 2, Scheduled = 3, DeferredLocked = 4;

    /// <summary>"SVSB". <c>lane</c>: the session a message is ordered in. <c>due</c>: when a lock ends or a scheduled message is enqueued. <c>seen</c>: ids for
    /// duplicate detection. A queue's dead letters are the queue with the number after its own.</summary>
    public static readonly FileFormat Format = new(0x53565342, 1, """
        CREATE TABLE queues(number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, definition TEXT NOT NULL);
        CREATE TABLE messages(sequence INTEGER PRIMARY KEY AUTOINCREMENT, queue INTEGER NOT NULL, state INTEGER NOT NULL, lane TEXT, token BLOB, due INTEGER,
            expires INTEGER, deliveries INTEGER NOT NULL, enqueued INTEGER NOT NULL, origin INTEGER, head BLOB NOT NULL, body BLOB);
        CREATE INDEX place ON messages(queue, state, lane);
        CREATE INDEX due ON messages(due) WHERE due IS NOT NULL;
        CREATE INDEX expiry ON messages(expires) WHERE expires IS NOT NULL AND state IN (0, 2);
        CREATE TABLE sessions(queue INTEGER NOT NULL, id TEXT NOT NULL, token BLOB, until INTEGER, state BLOB, ready INTEGER NOT NULL, since INTEGER NOT NULL,
            PRIMARY KEY(queue, id)) WITHOUT ROWID;
        CREATE INDEX free ON sessions(queue, since) WHERE ready = 1 AND token IS NULL;
        CREATE INDEX held ON sessions(until) WHERE until IS NOT NULL;
        CREATE TABLE seen(queue INTEGER NOT NULL, id TEXT NOT NULL, until INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY(queue, id)) WITHOUT ROWID;
        CREATE INDEX forget ON seen(until);
        """);

    /// <summary>Unix milliseconds after <paramref name="now"/>; null where that is for ever.</summary>
    public static long? After(long now, TimeSpan time) => time >= TimeSpan.FromDays(36_500) ? null : now + (long)time.TotalMilliseconds;
}

/// <summary>Work for the writer: what is due is done first, then <paramref name="execute"/>, which refuses with a <see cref="ServiceBusException"/> or an
/// <see cref="InvalidOperationException"/> before it writes anything.</summary>
internal sealed class BusWork<T>(ServiceBusBroker broker, int weight, Func<Connection, long, T> execute) : Work
{
    private readonly TaskCompletionSource<T> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T result = default!;
    private Exception? refused;

    public Task<T> Completion => completion.Task;

    public override int Weight => 512 + weight;

    public override void Execute(Connection connection, long now)
    {
        refused = null;
        var time = broker.Now;
        broker.Due.DoneBy(connection, time);
        try
        {
            result = execute(connection, time);
        }
        catch (Exception refusal) when (refusal is ServiceBusException or InvalidOperationException)
        {
            refused = refusal;
        }
    }

    public override void Committed()
    {
        broker.Publish();
        if (refused is not null) { completion.TrySetException(refused); }
        else { completion.TrySetResult(result); }
    }

    public override void Failed(Exception reason)
    {
        // What was done because it was due is undone with the rest.
        broker.Due.Note(0);
        completion.TrySetException(ServiceBusBroker.Translate(reason));
    }
}
