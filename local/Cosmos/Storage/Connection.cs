using SQLitePCL;

namespace Selvedge.Local.Cosmos.Storage;

/// <summary>One SQLite connection, used by one thread at a time. Statements are prepared once and kept.</summary>
internal sealed class Connection : IDisposable
{
    private const int KeptStatements = 200;
    private readonly sqlite3 _handle;
    private readonly Dictionary<string, Statement> _statements = new(StringComparer.Ordinal);

    static Connection() => Batteries_V2.Init();

    private Connection(sqlite3 handle, string path)
    {
        _handle = handle;
        Path = path;
    }

    /// <summary>The file this connection is open on.</summary>
    public string Path { get; }

    internal sqlite3 Handle => _handle;

    /// <summary>Opens <paramref name="path"/>; a read-only connection never creates the file.</summary>
    /// <exception cref="SqliteFailure">The file cannot be opened.</exception>
    public static Connection Open(string path, bool readOnly)
    {
        var flags = raw.SQLITE_OPEN_NOMUTEX | raw.SQLITE_OPEN_PRIVATECACHE
            | (readOnly ? raw.SQLITE_OPEN_READONLY : raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE);
        var code = raw.sqlite3_open_v2(path, out var handle, flags, null);
        if (code != raw.SQLITE_OK)
        {
            var message = raw.sqlite3_errmsg(handle).utf8_to_string();
            handle.Dispose();
            throw new SqliteFailure(code, message);
        }

        raw.sqlite3_extended_result_codes(handle, 1);
        raw.sqlite3_busy_timeout(handle, 5_000);
        var connection = new Connection(handle, path);
        Sql.SqlIndexes.Register(connection);
        return connection;
    }

    /// <summary>A statement the caller owns and disposes.</summary>
    public Statement Prepare(string sql)
    {
        var code = raw.sqlite3_prepare_v3(_handle, sql, raw.SQLITE_PREPARE_PERSISTENT, out var statement);
        return code == raw.SQLITE_OK ? new Statement(this, statement) : throw Failure(code);
    }

    /// <summary>A statement kept by this connection; it is handed out reset, without old bindings of blobs and text.</summary>
    public Statement Kept(string sql)
    {
        if (_statements.TryGetValue(sql, out var known))
        {
            known.Reset();
            return known;
        }

        if (_statements.Count >= KeptStatements)
        {
            ForgetStatements();
        }

        return _statements[sql] = Prepare(sql);
    }

    /// <summary>Runs statements that return nothing of interest.</summary>
    public void Execute(string sql)
    {
        var code = raw.sqlite3_exec(_handle, sql);
        if (code != raw.SQLITE_OK)
        {
            throw Failure(code);
        }
    }

    /// <summary>The first column of the first row, or null when there is no row.</summary>
    public string? Scalar(string sql)
    {
        using var statement = Prepare(sql);
        return statement.Step() ? statement.String(0) : null;
    }

    /// <summary>True between BEGIN and COMMIT or ROLLBACK; SQLite itself rolls back after some errors.</summary>
    public bool InTransaction => raw.sqlite3_get_autocommit(_handle) == 0;

    public SqliteFailure Failure(int code) => new(code, raw.sqlite3_errmsg(_handle).utf8_to_string());

    public void ForgetStatements()
    {
        foreach (var statement in _statements.Values)
        {
            statement.Dispose();
        }

        _statements.Clear();
    }

    public void Dispose()
    {
        ForgetStatements();
        _handle.Dispose();
    }
}

/// <summary>SQLite refused: <see cref="Code"/> is the extended result code (https://sqlite.org/rescode.html).</summary>
internal sealed class SqliteFailure(int code, string message) : Exception($"SQLite {code}: {message}")
{
    public int Code { get; } = code;

    /// <summary>The primary result code: FULL, CORRUPT, IOERR, ...</summary>
    public int Primary => Code & 0xFF;

    public string Reason { get; } = message;
}
