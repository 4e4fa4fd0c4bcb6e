using System.Buffers.Text;
using System.Globalization;
using System.Buffers.Binary;
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
/// <c>(lsn INTEGER PRIMARY KEY, key BLOB, rid INTEGER, ts INTEGER, expires INTEGER, body TEXT)</c>: <c>key</c> is the effective partition
/// key (16 bytes per component for hierarchical keys, 16 for a plain one) and then the id's UTF-8; every write of an item gives
/// its row a new, highest <c>lsn</c>, so that the change feed is the table in its own order.
/// </summary>
internal sealed class Container
{
    /// <summary>Characters of an item's <c>_rid</c>: 16 bytes in base64.</summary>
    public const int ItemRidLength = 24;

    private readonly byte[] _rid;
    private long _lsn;

    public Container(long number, Database database, ContainerDefinition definition, long ts, long lsn)
    {
        Number = number;
        Database = database;
        Definition = definition;
        Ts = ts;
        _lsn = lsn;
        _rid = ResourceId.Container(database.Number, number);
        Rid = ResourceId.Text(_rid);
        Self = $"dbs/{database.Rid}/colls/{Rid}/";
        SelfPrefix = Encoding.UTF8.GetBytes(Self + "docs/");
        Table = string.Create(CultureInfo.InvariantCulture, $"items_{number}");
    }

    public long Number { get; }

    public Database Database { get; }

    public ContainerDefinition Definition { get; }

    public string Id => Definition.Id;

    /// <summary>Seconds since 1970 of the last change of the definition.</summary>
    public long Ts { get; }

    public string Rid { get; }

    public string Self { get; }

    /// <summary><c>dbs/{rid}/colls/{rid}/docs/</c></summary>
    public byte[] SelfPrefix { get; }

    /// <summary>Name of the SQLite table of the items.</summary>
    public string Table { get; }

    /// <summary>The highest LSN a committed write used. Only the writer moves it, after its commit.</summary>
    public long Lsn
    {
        get => Volatile.Read(ref _lsn);
        set => Volatile.Write(ref _lsn, value);
    }

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
