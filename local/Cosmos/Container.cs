using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Selvedge.Local.Cosmos;

/// <summary>A database: a name and a number that makes its resource id.</summary>
internal sealed record Database(long Number, string Id, long Ts)
{
    public string Rid { get; } = ResourceId.Text(ResourceId.Database(Number));
}

/// <summary>
/// A container and the table it is kept in. Table <see cref="Table"/> is
/// <c>(lsn INTEGER PRIMARY KEY, key BLOB, rid INTEGER, ts INTEGER, expires INTEGER, indexed INTEGER, body TEXT)</c>: <c>key</c> is the effective partition
/// key (16 bytes per component for hierarchical keys, 16 for a plain one) and then the id's UTF-8; every write of an item gives
/// its row a new, highest <c>lsn</c>, so that the change feed is the table in its own order.
/// </summary>
internal sealed class Container
{
    /// <summary>Characters of an item's <c>_rid</c>: 16 bytes in base64.</summary>
    public const int ItemRidLength = 24;

    private readonly byte[] _rid;
    private long _lsn;
    private volatile Shape _shape;

    public Container(long number, Database database, ContainerDefinition definition, long ts, long lsn)
    {
        Number = number;
        Database = database;
        _shape = new Shape(definition, ts);
        _lsn = lsn;
        PendingLsn = lsn;
        _rid = ResourceId.Container(database.Number, number);
        Rid = ResourceId.Text(_rid);
        Self = $"dbs/{database.Rid}/colls/{Rid}/";
        SelfPrefix = Encoding.UTF8.GetBytes(Self + "docs/");
        Table = string.Create(CultureInfo.InvariantCulture, $"items_{number}");
        Statements = new TableStatements(Table);
    }

    public long Number { get; }

    public Database Database { get; }

    public ContainerDefinition Definition => _shape.Definition;

    public string Id => Definition.Id;

    /// <summary>Seconds since 1970 of the last change of the definition.</summary>
    public long Ts => _shape.Ts;

    /// <summary>The container was deleted; work that still waits for it is answered 404.</summary>
    public bool Dropped { get; set; }

    public string Rid { get; }

    public string Self { get; }

    /// <summary><c>dbs/{rid}/colls/{rid}/docs/</c></summary>
    public byte[] SelfPrefix { get; }

    /// <summary>Name of the SQLite table of the items.</summary>
    public string Table { get; }

    /// <summary>The statements of point operations on <see cref="Table"/>.</summary>
    public TableStatements Statements { get; }

    /// <summary>The highest LSN a committed write used. Only the writer moves it, after its commit.</summary>
    public long Lsn
    {
        get => Volatile.Read(ref _lsn);
        set => Volatile.Write(ref _lsn, value);
    }

    /// <summary>The highest LSN used by the transaction under way. The writer's own.</summary>
    public long PendingLsn { get; set; }

    /// <summary>Takes a changed definition (time to live, indexing policy), after its commit.</summary>
    public void Redefine(ContainerDefinition definition, long ts) => _shape = new Shape(definition, ts);

    /// <summary>The <c>_rid</c> of the item whose creation number is <paramref name="rid"/>: 24 characters.</summary>
    public void WriteItemRid(long rid, Span<byte> output)
    {
        Span<byte> bytes = stackalloc byte[16];
        _rid.CopyTo(bytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], rid);
        Base64.EncodeToUtf8(bytes, output, out _, out _);
        output[..ItemRidLength].Replace((byte)'/', (byte)'-');
    }

    public string ItemRid(long rid)
    {
        Span<byte> text = stackalloc byte[ItemRidLength];
        WriteItemRid(rid, text);
        return Encoding.ASCII.GetString(text);
    }

    /// <summary>The creation number inside a <c>_rid</c>; false when it is not one of this container.</summary>
    public bool TryParseItemRid(string text, out long rid)
    {
        Span<byte> bytes = stackalloc byte[18];
        var ok = Convert.TryFromBase64String(text.Replace('-', '/'), bytes, out var written) && written == 16 && bytes[..8].SequenceEqual(_rid);
        rid = ok ? BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]) : 0;
        return ok;
    }

    /// <summary>The container as the REST API shows it.</summary>
    public byte[] ToJson()
    {
        using var output = new MemoryStream();
        using (var writer = new Utf8JsonWriter(output))
        {
            writer.WriteStartObject();
            Definition.WriteMembers(writer);
            writer.WriteString("_rid", Rid);
            writer.WriteNumber("_ts", Ts);
            writer.WriteString("_self", Self);
            writer.WriteString("_etag", ItemJson.ETag(Ts));
            writer.WriteString("_docs", "docs/");
            writer.WriteString("_sprocs", "sprocs/");
            writer.WriteString("_triggers", "triggers/");
            writer.WriteString("_udfs", "udfs/");
            writer.WriteString("_conflicts", "conflicts/");
            writer.WriteEndObject();
        }

        return output.ToArray();
    }

    private sealed record Shape(ContainerDefinition Definition, long Ts);
}

/// <summary>SQL of the operations on one container's table, made once so that prepared statements are found by it.</summary>
internal sealed class TableStatements(string table)
{
    public string Find { get; } = $"SELECT lsn, rid, ts, expires FROM {table} WHERE key=?1";

    public string Body { get; } = $"SELECT body FROM {table} WHERE lsn=?1";

    public string Get { get; } = $"SELECT lsn, rid, ts, expires, body FROM {table} WHERE key=?1";

    public string Insert { get; } = $"INSERT INTO {table}(lsn, key, rid, ts, expires, indexed, body) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)";

    public string Delete { get; } = $"DELETE FROM {table} WHERE lsn=?1";

    /// <summary>Removes at most 200 expired rows.</summary>
    public string Sweep { get; } = $"DELETE FROM {table} WHERE lsn IN (SELECT lsn FROM {table} WHERE expires<=?1 LIMIT 200)";

    public string AnyExpired { get; } = $"SELECT 1 FROM {table} WHERE expires<=?1 LIMIT 1";

    /// <summary>Keeps the highest LSN where the highest row may be gone.</summary>
    public static string SaveLsn => "UPDATE containers SET lsn=?2 WHERE number=?1";

    /// <summary>Creates the table: one unique index serves point reads, partitions, id prefixes and feed ranges.</summary>
    public IEnumerable<string> Create { get; } =
    [
        $"CREATE TABLE {table}(lsn INTEGER PRIMARY KEY, key BLOB NOT NULL, rid INTEGER NOT NULL, ts INTEGER NOT NULL, expires INTEGER, indexed INTEGER NOT NULL, body TEXT NOT NULL)",
        $"CREATE UNIQUE INDEX {table}_key ON {table}(key)",
        $"CREATE INDEX {table}_expires ON {table}(expires) WHERE expires IS NOT NULL",
    ];
}

/// <summary>Resource ids: base64 with '-' for '/', 4 bytes for a database, 8 for a container, 16 for an item.</summary>
internal static class ResourceId
{
    public static byte[] Database(long number)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)number);
        return bytes;
    }

    /// <summary>Bit 0x80 of the fifth byte is what tells a container from a user.</summary>
    public static byte[] Container(long database, long number)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)database);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), (uint)number | 0x80000000);
        return bytes;
    }

    public static string Text(byte[] bytes) => Convert.ToBase64String(bytes).Replace('/', '-');
}
