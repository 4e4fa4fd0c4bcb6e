using System.Globalization;

namespace Selvedge.Local.Cosmos.Storage;

/// <summary>The database file: its place, its settings, and what is said when it cannot be used.</summary>
internal static class StoreFile
{
    /// <summary>Opens the one connection that writes, making the file if it is not there.</summary>
    /// <exception cref="CosmosStoreException">The file is not usable; the message says why and what to do.</exception>
    public static Connection OpenWriter(string path, CosmosStoreOptions options, FileFormat format)
    {
        Connection? connection = null;
        try
        {
            var torn = IsShorterThanItsHeaderSays(path);
            connection = Connection.Open(path, readOnly: false);
            connection.Execute(string.Create(CultureInfo.InvariantCulture,
                $"PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA temp_store=MEMORY; PRAGMA cache_size={-1024 * options.CacheMebibytes}; PRAGMA cell_size_check=ON"));
            if (options.MaxPageCount is { } pages)
            {
                connection.Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA max_page_count={pages}"));
            }

            CheckFormat(connection, path, format);
            return torn && connection.Scalar("PRAGMA wal_checkpoint(PASSIVE)") is not null && IsShorterThanItsHeaderSays(path)
                ? throw new CosmosStoreException($"The database file {path} is shorter than its own header says: it was cut off. Restore it from a backup.")
                : connection;
        }
        catch (SqliteFailure failure)
        {
            connection?.Dispose();
            throw Explain(failure, path);
        }
        catch
        {
            connection?.Dispose();
            throw;
        }
    }

    /// <exception cref="CosmosStoreException">The file is not usable.</exception>
    public static Connection OpenReader(string path, CosmosStoreOptions options)
    {
        var connection = Connection.Open(path, readOnly: true);
        connection.Execute(string.Create(CultureInfo.InvariantCulture,
            $"PRAGMA query_only=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size={-128 * options.CacheMebibytes}; PRAGMA cell_size_check=ON"));
        return connection;
    }

    /// <summary>What an SQLite failure means for the person who runs this.</summary>
    public static CosmosStoreException Explain(SqliteFailure failure, string path) => new(failure.Primary switch
    {
        13 => $"The disk that holds {path} is full. Nothing that was acknowledged is lost. Free some space and start again.",
        11 => $"The database file {path} is damaged ({failure.Reason}). Restore the folder from a backup, or recover what is readable with 'sqlite3 {System.IO.Path.GetFileName(path)} .recover'.",
        26 => $"The file {path} is not a database, or its first page is damaged. Restore it from a backup, or move it away to start empty.",
        8 => $"The database file {path} is read-only. Give this user write access to it and its folder.",
        14 => $"The database file {path} cannot be opened ({failure.Reason}). Check that the folder exists and that this user may write to it.",
        10 => $"Reading or writing {path} failed ({failure.Reason}). Check the disk.",
        5 or 6 => $"The database file {path} is in use by another process. Stop it, or use another folder.",
        _ => $"The database {path} cannot go on: {failure.Message}.",
    }, failure);

    /// <summary>Failures after which no further write is tried.</summary>
    public static bool IsFatal(SqliteFailure failure) => failure.Primary is 7 or 8 or 10 or 11 or 13 or 14 or 26;

    private static void CheckFormat(Connection connection, string path, FileFormat expected)
    {
        var application = int.Parse(connection.Scalar("PRAGMA application_id")!, CultureInfo.InvariantCulture);
        var format = int.Parse(connection.Scalar("PRAGMA user_version")!, CultureInfo.InvariantCulture);
        if (application == 0 && format == 0 && connection.Scalar("SELECT count(*) FROM sqlite_schema") == "0")
        {
            connection.Execute(string.Create(CultureInfo.InvariantCulture, $"""
                BEGIN IMMEDIATE;
                {expected.Schema}
                PRAGMA application_id={expected.ApplicationId};
                PRAGMA user_version={expected.Version};
                COMMIT
                """));
        }
        else if (application != expected.ApplicationId)
        {
            throw new CosmosStoreException($"The file {path} is an SQLite database of another program. Use another folder.");
        }
        else if (format != expected.Version)
        {
            throw new CosmosStoreException($"The database {path} has format {format}; this version reads format {expected.Version}. Use the version that wrote it.");
        }
    }

    /// <summary>A cut-off file that SQLite would only notice when it reaches for a missing page. In WAL mode the rest may still be in the log.</summary>
    private static bool IsShorterThanItsHeaderSays(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists || file.Length < 100)
        {
            return false;
        }

        Span<byte> header = stackalloc byte[100];
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        stream.ReadExactly(header);
        var pageSize = System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(header[16..]);
        var pages = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(header[28..]);
        return header.StartsWith("SQLite format 3\0"u8) && file.Length < (pageSize == 1 ? 65536L : pageSize) * pages;
    }
}

/// <summary>What a database file holds, told from other SQLite databases by its application id.</summary>
/// <param name="ApplicationId">Four letters as SQLite's application_id.</param>
/// <param name="Version">SQLite's user_version; a file of another one is refused.</param>
/// <param name="Schema">The statements that make a new file, each ended by a semicolon.</param>
internal sealed record FileFormat(int ApplicationId, int Version, string Schema)
{
    /// <summary>"SVCS": databases and containers; each container adds its own tables.</summary>
    public static readonly FileFormat Cosmos = new(0x53564353, 1, """
        CREATE TABLE databases(number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, ts INTEGER NOT NULL);
        CREATE TABLE containers(number INTEGER PRIMARY KEY AUTOINCREMENT, database INTEGER NOT NULL, id TEXT NOT NULL,
            definition TEXT NOT NULL, ts INTEGER NOT NULL, lsn INTEGER NOT NULL DEFAULT 0, UNIQUE(database, id));
        """);
}
