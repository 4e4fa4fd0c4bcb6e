namespace Selvedge.Local.Cosmos.Storage;

/// <summary>
/// The one thread that writes. It takes all work that waits into one transaction and answers when the commit reached the disk,
/// so the cost of reaching the disk is shared by all who wait. A second thread moves the log into the file.
/// </summary>
internal sealed class Writer : IDisposable
{
    /// <summary>Bytes of work taken into one transaction at most.</summary>
    private const int GroupBytes = 8 << 20;

    /// <summary>Bytes that may wait; what comes above is answered 429, as Cosmos does.</summary>
    private const int WaitingBytes = 128 << 20;

    private readonly Connection _connection;
    private readonly TimeProvider _clock;
    private readonly Action<SqliteFailure> _fatal;
    private readonly Checkpointer _checkpointer;
    private readonly Thread _thread;
    private readonly Lock _gate = new();

    // An event of the system's: a writer that spins before it sleeps takes the processor from those it waits for.
    private readonly AutoResetEvent _wake = new(false);
    private List<Work> _waiting = [];
    private List<Work> _taken = [];
    private long _waitingBytes;
    private bool _asleep;
    private bool _stopping;
    private long _lastNow;
    private CosmosStoreException? _fault;

    public Writer(Connection connection, TimeProvider clock, Action<SqliteFailure> fatal)
    {
        _connection = connection;
        _clock = clock;
        _fatal = fatal;
        _checkpointer = new Checkpointer(connection.Path, fatal);
        _thread = new Thread(Loop) { IsBackground = true, Name = "cosmos-writer" };
        _thread.Start();
    }

    /// <summary>Takes <paramref name="second"/> for the earliest time: the largest <c>_ts</c> that is stored, so that a clock set back between two runs does
    /// not make <c>_ts</c> fall while the LSN grows. Call it before any work is handed in.</summary>
    public void NotBefore(long second) => Volatile.Write(ref _lastNow, Math.Max(Volatile.Read(ref _lastNow), second));

    /// <summary>Hands work to the writer; its own completion tells the rest.</summary>
    /// <exception cref="CosmosError">429 when too much waits, 503 when the store can no longer write.</exception>
    public void Enqueue(Work work)
    {
        lock (_gate)
        {
            if (_fault is not null || _stopping)
            {
                throw new CosmosError(503, _fault?.Message ?? "The store is closed.");
            }

            if (_waitingBytes > WaitingBytes)
            {
                throw new CosmosError(429, "Too much work is waiting for the disk; try again shortly.");
            }

            _waitingBytes += work.Weight;
            _waiting.Add(work);
            if (_asleep)
            {
                _asleep = false;
                _wake.Set();
            }
        }
    }

    /// <summary>Writes what waits, moves the log into the file and stops.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_stopping)
            {
                return;
            }

            _stopping = true;
            _wake.Set();
        }

        _thread.Join();
        _connection.Dispose();
        _checkpointer.Dispose();
        _wake.Dispose();
    }

    /// <summary>Refuses all further writes; set from any thread when a read meets damage.</summary>
    public void Stop(CosmosStoreException fault)
    {
        lock (_gate)
        {
            _fault ??= fault;
        }
    }

    private void Loop()
    {
        while (Take())
        {
            var start = 0;
            while (start < _taken.Count)
            {
                var end = start;
                for (var bytes = 0; end < _taken.Count && bytes < GroupBytes && (end == start || !_taken[end - 1].EndsGroup); end++)
                {
                    bytes += _taken[end].Weight;
                }

                RunGroup(_taken[start..end]);
                start = end;
            }

            _taken.Clear();
        }
    }

    private bool Take()
    {
        while (true)
        {
            lock (_gate)
            {
                if (_waiting.Count > 0)
                {
                    (_waiting, _taken) = (_taken, _waiting);
                    _waitingBytes = 0;
                    return true;
                }

                if (_stopping)
                {
                    return false;
                }

                _asleep = true;
            }

            _wake.WaitOne();
        }
    }

    private void RunGroup(List<Work> group)
    {
        if (_fault is { } fault)
        {
            group.ForEach(work => work.Failed(new CosmosError(503, fault.Message)));
            return;
        }

        try
        {
            Commit(group);
        }
        catch (SqliteFailure failure) when (!StoreFile.IsFatal(failure) && group.Count > 1)
        {
            // One of them is at fault; alone, each succeeds or fails for itself.
            group.ForEach(work => RunGroup([work]));
            return;
        }
        catch (SqliteFailure failure)
        {
            if (StoreFile.IsFatal(failure))
            {
                Stop(StoreFile.Explain(failure, _connection.Path));
                _fatal(failure);
            }

            var status = StoreFile.IsFatal(failure) ? 503 : 500;
            group.ForEach(work => work.Failed(new CosmosError(status, StoreFile.Explain(failure, _connection.Path).Message)));
            return;
        }
        catch (Exception) when (group.Count > 1)
        {
            group.ForEach(work => RunGroup([work]));
            return;
        }
        catch (Exception unexpected)
        {
            group[0].Failed(unexpected);
            return;
        }

        foreach (var work in group)
        {
            work.Committed();
        }

        _checkpointer.Committed(_connection);
    }

    private void Commit(List<Work> group)
    {
        // Never backwards, so that _ts grows with the LSN even where the clock is set back.
        _lastNow = Math.Max(_lastNow, _clock.GetUtcNow().ToUnixTimeSeconds());
        _connection.Kept("BEGIN IMMEDIATE").Run();
        try
        {
            foreach (var work in group)
            {
                work.Execute(_connection, _lastNow);
            }

            _connection.Kept("COMMIT").Run();
        }
        catch
        {
            if (_connection.InTransaction)
            {
                _connection.ForgetStatements();
                _connection.Execute("ROLLBACK");
            }

            throw;
        }
    }
}
