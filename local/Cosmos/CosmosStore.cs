using System.Diagnostics.CodeAnalysis;
using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.Cosmos;

/// <summary>
/// What stands for a Cosmos DB account on one machine: one SQLite file, <c>cosmos.db</c>, in a folder. Durable (a write is answered
/// after it reached the disk), safe against a crash, bounded in memory. Reach it through <see cref="CosmosHandler"/> or
/// <see cref="CosmosEndpoint"/>.
/// </summary>
public sealed class CosmosStore : IDisposable
{
    private readonly FileStream _lock;
    private readonly Writer _writer;
    private readonly ReaderPool _readers;
    private readonly Timer _sweeper;
    private readonly Lock _faultGate = new();
    private string? _fault;
    private bool _sweeping;
    private Action<string>? _faulted;

    private CosmosStore(string path, FileStream held, Connection connection, CosmosStoreOptions options)
    {
        Options = options;
        Path = path;
        _lock = held;
        _writer = new Writer(connection, options.Clock, Fail);
        Catalog = new Catalog(_writer);
        _readers = new ReaderPool(path, options, Fail);
        _sweeper = new Timer(_ => StartSweep(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Raised once, with a message for a person, when the store can no longer write: the disk is full or the file damaged.
    /// Whoever subscribes late is told at once. Writes are answered 503 from then on; the host should print the message and exit.</summary>
    public event Action<string> Faulted
    {
        add
        {
            lock (_faultGate)
            {
                _faulted += value;
                if (_fault is { } message)
                {
                    value(message);
                }
            }
        }

        remove
        {
            lock (_faultGate)
            {
                _faulted -= value;
            }
        }
    }

    /// <summary>Why the store can no longer write; null while it can.</summary>
    public string? Fault => Volatile.Read(ref _fault);

    internal CosmosStoreOptions Options { get; }

    internal string Path { get; }

    internal Catalog Catalog { get; }

    internal long Now => Options.Clock.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>Opens the store in <paramref name="folder"/>, making both when they are not there.</summary>
    /// <exception cref="CosmosStoreException">The folder is not writable or in use, the disk is full, or the file is damaged or not ours.</exception>
    public static CosmosStore Open(string folder, CosmosStoreOptions? options = null)
    {
        options ??= new CosmosStoreOptions();
        if (options.PartitionRanges is < 1 or > 64)
        {
            throw new ArgumentOutOfRangeException(nameof(options), "PartitionRanges must be 1 to 64.");
        }

        var held = Lock(folder);
        Connection? connection = null;
        CosmosStore? store = null;
        var path = System.IO.Path.Combine(folder, "cosmos.db");
        try
        {
            connection = StoreFile.OpenWriter(path, options, FileFormat.Cosmos);
            connection.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
            store = new CosmosStore(path, held, connection, options);
            store.Catalog.Load(connection);
            store._sweeper.Change(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
            return store;
        }
        catch (Exception e) when (e is SqliteFailure or CosmosStoreException or CosmosError or KeyNotFoundException)
        {
            if (store is null)
            {
                connection?.Dispose();
                held.Dispose();
            }
            else
            {
                store.Dispose();
            }

            throw e switch
            {
                SqliteFailure failure => StoreFile.Explain(failure, path),
                CosmosStoreException => e,
                _ => new CosmosStoreException($"The database file {path} is damaged: its list of containers does not hold together ({e.Message}). Restore it from a backup.", e),
            };
        }
    }

    /// <summary>Finishes what was handed in, moves the log into the file and lets the folder go.</summary>
    public void Dispose()
    {
        _sweeper.Dispose();
        _readers.Dispose();
        _writer.Dispose();
        _lock.Dispose();
    }

    /// <summary>Decides and writes operations on one partition, all or none; ends when their outcome is durable.</summary>
    internal Task ExecuteAsync(Container container, Operation[] operations)
    {
        var work = new ItemWork(container, operations);
        _writer.Enqueue(work);
        return work.Completion;
    }

    internal ValueTask<TResult> ReadAsync<TState, TResult>(TState state, Func<Connection, TState, TResult> read) => _readers.ReadAsync(state, read);

    [SuppressMessage("Reliability", "CA2000", Justification = "The stream is the lock; the store holds it.")]
    private static FileStream Lock(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            return new FileStream(System.IO.Path.Combine(folder, "cosmos.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new CosmosStoreException($"The folder {folder} cannot be written. Give this user write access to it, or choose another data folder.", e);
        }
        catch (IOException e) when (File.Exists(System.IO.Path.Combine(folder, "cosmos.lock")) && (e.HResult & 0xFFFF) is 11 or 32 or 35)
        {
            throw new CosmosStoreException($"The folder {folder} is in use by another process. Stop it, or choose another data folder.", e);
        }
        catch (IOException e)
        {
            throw new CosmosStoreException($"The folder {folder} cannot be used ({e.Message}). Choose another data folder, or free some disk space.", e);
        }
    }

    private void Fail(SqliteFailure failure)
    {
        var reason = StoreFile.Explain(failure, Path);
        lock (_faultGate)
        {
            if (_fault is not null)
            {
                return;
            }

            _fault = reason.Message;
        }

        _writer.Stop(reason);

        // Not on this thread: it may be the writer's, and a handler may want to close the store.
        ThreadPool.QueueUserWorkItem(_ => _faulted?.Invoke(reason.Message));
    }

    private void StartSweep()
    {
        if (!Interlocked.Exchange(ref _sweeping, true))
        {
            _ = SweepAsync();
        }
    }

    /// <summary>Removes expired items in small portions, so that other work gets its turn between them.</summary>
    private async Task SweepAsync()
    {
        try
        {
            foreach (var container in Catalog.Containers.Where(container => container.Definition.DefaultTtl is not null))
            {
                bool more;
                do
                {
                    var work = new AdminWork<bool>((connection, now) => SweepOne(connection, container, now));
                    _writer.Enqueue(work);
                    more = await work.Completion.ConfigureAwait(false);
                }
                while (more);
            }
        }
        catch (CosmosError)
        {
            // Closing, faulted or overloaded. Expired items are invisible anyway, and the next second tries again.
        }
        finally
        {
            Volatile.Write(ref _sweeping, false);
        }
    }

    /// <summary>True when a portion was removed and there may be more.</summary>
    private static bool SweepOne(Connection connection, Container container, long now)
    {
        if (container.Dropped)
        {
            return false;
        }

        var any = connection.Kept(container.Statements.AnyExpired).Bind(1, now);
        if (!any.Step())
        {
            return false;
        }

        any.Reset();
        connection.Kept(container.Statements.Sweep).Bind(1, now).Run();
        connection.Kept(TableStatements.SaveLsn).Bind(1, container.Number).Bind(2, container.PendingLsn).Run();
        return true;
    }
}
