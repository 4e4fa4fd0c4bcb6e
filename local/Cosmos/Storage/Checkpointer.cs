using SQLitePCL;

namespace Selvedge.Local.Cosmos.Storage;

/// <summary>
/// Moves the write-ahead log into the database file. Copying, and waiting until the copy has reached the disk, is done on a thread and connection of its own
/// while the writer goes on; the writer only finishes the last pages and starts the log anew, which it does between two transactions.
/// </summary>
internal sealed class Checkpointer : IDisposable
{
    /// <summary>Pages in the log from which copying starts (64 MiB) and from which the writer waits for readers to let the log be restarted (256 MiB).</summary>
    private const int StartPages = 16_384;
    private const int MostPages = 65_536;

    /// <summary>SQLITE_DBSTATUS_CACHE_WRITE (https://sqlite.org/c3ref/c_dbstatus_options.html).</summary>
    private const int CacheWrites = 9;

    private readonly string _path;
    private readonly Action<SqliteFailure> _fatal;
    private readonly Thread _thread;
    private readonly AutoResetEvent _start = new(false);
    private volatile int _state;
    private int _startAt = StartPages;
    private volatile bool _stopping;

    public Checkpointer(string path, Action<SqliteFailure> fatal)
    {
        _path = path;
        _fatal = fatal;
        _thread = new Thread(Loop) { IsBackground = true, Name = "cosmos-checkpoint" };
        _thread.Start();
    }

    private enum State
    {
        Idle,
        Copying,
        Copied,
    }

    /// <summary>Called by the writer after each commit.</summary>
    public void Committed(Connection writer)
    {
        switch ((State)_state)
        {
            case State.Idle when LogPages(writer) > _startAt:
                _state = (int)State.Copying;
                _start.Set();
                break;
            case State.Copied:
                Restart(writer);
                _state = (int)State.Idle;
                break;
        }
    }

    public void Dispose()
    {
        _stopping = true;
        _start.Set();
        _thread.Join();
        _start.Dispose();
    }

    private void Restart(Connection writer)
    {
        // The busy time bounds how long a commit can be held up by a reader that still needs the log.
        var pages = LogPages(writer);
        raw.sqlite3_busy_timeout(writer.Handle, pages > MostPages ? 2_000 : 20);
        var code = raw.sqlite3_wal_checkpoint_v2(writer.Handle, null, raw.SQLITE_CHECKPOINT_RESTART, out _, out _);
        raw.sqlite3_busy_timeout(writer.Handle, 5_000);
        Report(writer, code);
        if (code == raw.SQLITE_OK)
        {
            raw.sqlite3_db_status(writer.Handle, CacheWrites, out _, out _, 1);
            _startAt = StartPages;
        }
        else
        {
            _startAt = pages + (StartPages / 4);
        }
    }

    private void Loop()
    {
        try
        {
            // Closed after SQLite's last connection: closing any handle of a file ends all POSIX locks the process has on it.
            using var file = File.OpenHandle(_path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            using var connection = Connection.Open(_path, readOnly: false);
            connection.Execute("PRAGMA synchronous=FULL; PRAGMA cache_size=-1024; PRAGMA wal_autocheckpoint=0");
            while (true)
            {
                _start.WaitOne();
                if (_stopping)
                {
                    return;
                }

                Report(connection, raw.sqlite3_wal_checkpoint_v2(connection.Handle, null, raw.SQLITE_CHECKPOINT_PASSIVE, out _, out _));

                // SQLite leaves this to whoever copies the last page, which is the writer (walCheckpoint in https://sqlite.org/src/file/src/wal.c): 20 ms of every second at 900 orders/s.
                RandomAccess.FlushToDisk(file);
                _state = (int)State.Copied;
            }
        }
        catch (SqliteFailure failure)
        {
            _fatal(failure);
        }
        catch (IOException flush)
        {
            _fatal(new SqliteFailure(raw.SQLITE_IOERR_FSYNC, flush.Message));
        }
    }

    private void Report(Connection connection, int code)
    {
        if (code != raw.SQLITE_OK && connection.Failure(code) is var failure && StoreFile.IsFatal(failure))
        {
            _fatal(failure);
        }
    }

    /// <summary>Pages the writer put into the log since it last began anew.</summary>
    private static int LogPages(Connection writer)
    {
        raw.sqlite3_db_status(writer.Handle, CacheWrites, out var pages, out _, 0);
        return pages;
    }
}
