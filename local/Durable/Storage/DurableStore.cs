using Selvedge.Local.Cosmos;
using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.Durable;

/// <summary>
/// Orchestrations on the disk: one SQLite file, written by one thread that group-commits (<see cref="Writer"/>). The file is the truth;
/// memory holds which instances have something to do (<see cref="Dispatcher"/>), the next timer's time, and some histories.
/// Several hosts of one process share it.
/// </summary>
internal sealed class DurableStore : IDisposable
{
    private static readonly FileFormat Format = new(0x53564455, 1, """
        CREATE TABLE instances(number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, version TEXT NOT NULL,
            status INTEGER NOT NULL, generation INTEGER NOT NULL, turn INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
            input TEXT, output TEXT, custom TEXT, failure BLOB, tags BLOB,
            parent INTEGER, parent_generation INTEGER, parent_task INTEGER, parent_id TEXT, parent_name TEXT);
        CREATE INDEX instances_parent ON instances(parent) WHERE parent IS NOT NULL;
        CREATE INDEX instances_open ON instances(number) WHERE status IN (0, 6, 7);
        CREATE TABLE history(instance INTEGER NOT NULL, turn INTEGER NOT NULL, events BLOB NOT NULL, PRIMARY KEY(instance, turn)) WITHOUT ROWID;
        CREATE TABLE inbox(instance INTEGER NOT NULL, number INTEGER NOT NULL, generation INTEGER, event BLOB NOT NULL, PRIMARY KEY(instance, number)) WITHOUT ROWID;
        CREATE TABLE activities(number INTEGER PRIMARY KEY, instance INTEGER NOT NULL, generation INTEGER NOT NULL, task INTEGER NOT NULL,
            id TEXT NOT NULL, name TEXT NOT NULL, input TEXT);
        CREATE INDEX activities_instance ON activities(instance);
        CREATE TABLE timers(instance INTEGER NOT NULL, task INTEGER NOT NULL, generation INTEGER, due INTEGER NOT NULL, PRIMARY KEY(instance, task)) WITHOUT ROWID;
        CREATE INDEX timers_due ON timers(due);
        """);

    private readonly Writer writer;
    private readonly ReaderPool readers;
    private readonly Action<bool>? atCommit;
    private long lastNumber;
    private volatile bool cut;
    private readonly Lock faultGate = new();
    private Action<string>? faulted;
    private string? fault;

    private DurableStore(Connection connection, string path, CosmosStoreOptions options, Action<bool>? atCommit)
    {
        this.atCommit = atCommit;
        Path = path;
        lastNumber = connection.Scalar("SELECT max(coalesce((SELECT max(number) FROM inbox), 0), coalesce((SELECT max(number) FROM activities), 0))") is { } last ? long.Parse(last, System.Globalization.CultureInfo.InvariantCulture) : 0;
        Dispatcher.Load(connection);
        writer = new Writer(connection, options.Clock, Fail);
        readers = new ReaderPool(path, options, Fail);
    }

    /// <summary>Raised once, with a message for a person, when the store can no longer write; whoever subscribes late is told at once.</summary>
    public event Action<string> Faulted
    {
        add
        {
            lock (faultGate)
            {
                faulted += value;
                if (fault is not null) { value(fault); }
            }
        }

        remove
        {
            lock (faultGate) { faulted -= value; }
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Who has something to do.</summary>
    public Dispatcher Dispatcher { get; } = new();

    /// <summary>Histories of instances that are at work.</summary>
    public HistoryCache Cache { get; } = new();

    /// <summary>Opens the file in <paramref name="folder"/>, making it where it is missing.</summary>
    /// <param name="folder">The data folder.</param>
    /// <param name="atCommit">Called before (false) and after (true) each commit; what it throws is the end of the store, as a power cut is. For tests.</param>
    /// <exception cref="CosmosStoreException">The file cannot be used; the message says why.</exception>
    public static DurableStore Open(string folder, Action<bool>? atCommit = null)
    {
        var options = new CosmosStoreOptions { CacheMebibytes = 8, Readers = 4 };
        var path = System.IO.Path.Combine(folder, "durable.db");
        var connection = StoreFile.OpenWriter(path, options, Format);
        try
        {
            connection.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
            return new DurableStore(connection, path, options, atCommit);
        }
        catch (SqliteFailure failure)
        {
            connection.Dispose();
            throw StoreFile.Explain(failure, path);
        }
    }

    /// <summary>A number no message or activity has had; for the writer's thread.</summary>
    public long NextNumber() => ++lastNumber;

    /// <summary>Writes, and returns when it has reached the disk; then whoever has something to do by it is told.</summary>
    /// <exception cref="CosmosError">The store cannot write now.</exception>
    public Task<T> WriteAsync<T>(Func<Connection, Effects, T> write)
    {
        var change = new Change<T>(this, write);
        writer.Enqueue(change);
        return change.Completion;
    }

    /// <summary>Reads what is committed.</summary>
    public ValueTask<TResult> ReadAsync<TState, TResult>(TState state, Func<Connection, TState, TResult> read) => readers.ReadAsync(state, read);

    /// <summary>Writes what waits and closes the file.</summary>
    public void Dispose()
    {
        writer.Dispose();
        readers.Dispose();
    }

    private void Fail(SqliteFailure failure)
    {
        var why = StoreFile.Explain(failure, Path);
        writer.Stop(why);
        lock (faultGate)
        {
            if (fault is not null) { return; }
            fault = why.Message;
            faulted?.Invoke(fault);
        }
    }

    private void Boundary(bool after)
    {
        if (cut) { throw new IOException("The store was cut off."); }
        try
        {
            atCommit?.Invoke(after);
        }
        catch
        {
            cut = true;
            throw;
        }
    }

    /// <summary>One write among those of a group.</summary>
    private sealed class Change<T>(DurableStore store, Func<Connection, Effects, T> write) : Work
    {
        private readonly TaskCompletionSource<T> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private Effects effects = new(store);
        private T result = default!;

        public Task<T> Completion => completion.Task;

        public override int Weight => 1024;

        public override void Execute(Connection connection, long now)
        {
            store.Boundary(after: false);
            effects = new Effects(store);
            result = write(connection, effects);
        }

        public override void Committed()
        {
            try
            {
                store.Boundary(after: true);
                store.Dispatcher.Publish(effects);
                completion.TrySetResult(result);
            }
            catch (Exception end)
            {
                completion.TrySetException(end);
            }
        }

        public override void Failed(Exception reason) => completion.TrySetException(reason);
    }
}

/// <summary>What a write will have set in motion once it is committed.</summary>
internal sealed class Effects(DurableStore store)
{
    /// <summary>Instances for which something has come.</summary>
    public List<long> Ready { get; } = [];

    /// <summary>Activities to be run.</summary>
    public List<long> Activities { get; } = [];

    /// <summary>Instances whose status has changed so that someone may wait for it.</summary>
    public List<long> Changed { get; } = [];

    /// <summary>The earliest new timer, in UTC ticks.</summary>
    public long Due { get; private set; } = long.MaxValue;

    /// <summary>The earliest timer left, where timers have been fired.</summary>
    public long? Left { get; set; }

    /// <summary>Puts a message into an instance's inbox.</summary>
    public void Post(Connection connection, long instance, int? generation, HistoryEvent message)
    {
        connection.Kept("INSERT INTO inbox(instance, number, generation, event) VALUES (?1, ?2, ?3, ?4)")
            .Bind(1, instance).Bind(2, store.NextNumber()).Bind(3, (long?)generation).Bind(4, HistoryEvent.Write(message)).Run();
        Ready.Add(instance);
    }

    /// <summary>Hands an activity out.</summary>
    public void Run(Connection connection, Instance instance, HistoryEvent scheduled)
    {
        var number = store.NextNumber();
        connection.Kept("INSERT INTO activities(number, instance, generation, task, id, name, input) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
            .Bind(1, number).Bind(2, instance.Number).Bind(3, instance.Generation).Bind(4, scheduled.Task!.Value)
            .BindText(5, instance.Started.Id).BindText(6, scheduled.Name!).BindTextOrNull(7, scheduled.Data).Run();
        Activities.Add(number);
    }

    /// <summary>Sets a timer; task −1 is the instance's start.</summary>
    public void Set(Connection connection, long instance, int? generation, int task, DateTime due)
    {
        connection.Kept("INSERT INTO timers(instance, task, generation, due) VALUES (?1, ?2, ?3, ?4)")
            .Bind(1, instance).Bind(2, task).Bind(3, (long?)generation).Bind(4, due.Ticks).Run();
        Due = Math.Min(Due, due.Ticks);
    }
}
