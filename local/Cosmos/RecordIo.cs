using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Selvedge.Local.Cosmos;

/// <summary>An operation as the batch stream holds it; <see cref="Body"/> is a slice of the request.</summary>
internal readonly record struct BatchOperation(int Kind, string? Id, ReadOnlyMemory<byte> Body, string? IfMatch, string? IfNoneMatch, bool Minimal);

/// <summary>
/// The batch wire format: HybridRow rows in RecordIO framing, little-endian (github.com/Azure/azure-cosmos-dotnet-v3,
/// Microsoft.Azure.Cosmos/src/Batch and HybridRow). A segment header, then per record a header with length and CRC-32.
/// </summary>
internal static class RecordIo
{
    private const byte V1 = 0x81;
    private const int OperationSchema = 2145473648;
    private const int ResultSchema = 2145473649;
    private const int RecordSchema = 2147473649;

    private static ReadOnlySpan<byte> Segment => [0x81, 0xF0, 0xD8, 0xFF, 0x7F, 0x01, 0x0A, 0x00, 0x00, 0x00];

    /// <exception cref="CosmosError">400 when the stream is not what the SDK writes.</exception>
    public static List<BatchOperation> Read(ReadOnlyMemory<byte> stream)
    {
        try
        {
            if (!stream.Span.StartsWith(Segment[..6]))
            {
                throw CosmosError.BadRequest("The batch is not a RecordIO stream.");
            }

            var operations = new List<BatchOperation>();
            var at = BinaryPrimitives.ReadInt32LittleEndian(stream.Span[6..]);
            while (at < stream.Length)
            {
                var header = stream.Span.Slice(at, 13);
                if (header[0] != V1 || BinaryPrimitives.ReadInt32LittleEndian(header[1..]) != RecordSchema)
                {
                    throw CosmosError.BadRequest("The batch has a record of an unknown kind.");
                }

                var body = stream.Slice(at + 13, BinaryPrimitives.ReadInt32LittleEndian(header[5..]));
                if (Crc32.Of(body.Span) != BinaryPrimitives.ReadUInt32LittleEndian(header[9..]))
                {
                    throw CosmosError.BadRequest($"Operation {operations.Count} of the batch has a wrong checksum.");
                }

                operations.Add(ReadOperation(body));
                at += 13 + body.Length;
            }

            return operations;
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or IndexOutOfRangeException)
        {
            throw CosmosError.BadRequest("The batch is cut short.");
        }
    }

    private static BatchOperation ReadOperation(ReadOnlyMemory<byte> row)
    {
        var span = row.Span;
        if (span[0] != V1 || BinaryPrimitives.ReadInt32LittleEndian(span[1..]) != OperationSchema)
        {
            throw CosmosError.BadRequest("The batch has a row that is not a batch operation.");
        }

        var present = span[5];
        var kind = BinaryPrimitives.ReadInt32LittleEndian(span[6..]);
        var resource = BinaryPrimitives.ReadInt32LittleEndian(span[10..]);
        if (resource != 2)
        {
            throw CosmosError.BadRequest($"Batches hold operations on items (resource type 2) only; this one has resource type {resource}.");
        }

        var at = 14;
        Skip(present, 2, span, ref at); // partitionKey
        Skip(present, 3, span, ref at); // effectivePartitionKey
        var id = (present & 16) != 0 ? Encoding.UTF8.GetString(Take(row, ref at).Span) : null;
        Skip(present, 5, span, ref at); // binaryId
        var body = (present & 64) != 0 ? Take(row, ref at) : default;
        string? ifMatch = null, ifNoneMatch = null;
        var minimal = false;
        while (at < span.Length)
        {
            var type = span[at++];
            var token = VarInt(span, ref at);
            switch (type)
            {
                case 0x14 or 0x15:
                    var value = Take(row, ref at);
                    ifMatch = token == 9 ? Encoding.UTF8.GetString(value.Span) : ifMatch;
                    ifNoneMatch = token == 10 ? Encoding.UTF8.GetString(value.Span) : ifNoneMatch;
                    break;
                case 0x02 or 0x03:
                    minimal |= token == 12 && type == 0x03;
                    break;
                case 0x07:
                    throw CosmosError.BadRequest("timeToLiveInSeconds in a batch operation is not supported; set the item's own ttl.");
                default:
                    throw CosmosError.BadRequest($"A batch operation has a property of type {type:X2} (token {token}) that is not supported here.");
            }
        }

        return new BatchOperation(kind, id, body, ifMatch, ifNoneMatch, minimal);
    }

    public static void WriteSegment(IBufferWriter<byte> output) => output.Write(Segment);

    /// <summary>Writes one result row; an empty <paramref name="body"/> is left out.</summary>
    public static void WriteResult(IBufferWriter<byte> output, int status, int subStatus, string? etag, ReadOnlySpan<byte> body, double charge)
    {
        var most = 13 + 14 + (etag is null ? 0 : etag.Length + 5) + body.Length + 5 + 10;
        var span = output.GetSpan(most);
        var row = span[13..];
        row[0] = V1;
        BinaryPrimitives.WriteInt32LittleEndian(row[1..], ResultSchema);
        row[5] = (byte)(3 | (etag is null ? 0 : 4) | (body.IsEmpty ? 0 : 8));
        BinaryPrimitives.WriteInt32LittleEndian(row[6..], status);
        BinaryPrimitives.WriteInt32LittleEndian(row[10..], subStatus);
        var at = 14;
        if (etag is not null)
        {
            WriteVarInt(row, ref at, etag.Length);
            at += Encoding.ASCII.GetBytes(etag, row[at..]);
        }

        if (!body.IsEmpty)
        {
            WriteVarInt(row, ref at, body.Length);
            body.CopyTo(row[at..]);
            at += body.Length;
        }

        row[at++] = 0x10;
        row[at++] = 6;
        BinaryPrimitives.WriteDoubleLittleEndian(row[at..], charge);
        at += 8;
        span[0] = V1;
        BinaryPrimitives.WriteInt32LittleEndian(span[1..], RecordSchema);
        BinaryPrimitives.WriteInt32LittleEndian(span[5..], at);
        BinaryPrimitives.WriteUInt32LittleEndian(span[9..], Crc32.Of(row[..at]));
        output.Advance(13 + at);
    }

    private static void Skip(byte present, int bit, ReadOnlySpan<byte> span, ref int at)
    {
        if ((present & (1 << bit)) != 0)
        {
            var length = VarInt(span, ref at);
            at += length;
        }
    }

    private static ReadOnlyMemory<byte> Take(ReadOnlyMemory<byte> row, ref int at)
    {
        var length = VarInt(row.Span, ref at);
        var value = row.Slice(at, length);
        at += length;
        return value;
    }

    private static int VarInt(ReadOnlySpan<byte> span, ref int at)
    {
        var value = 0;
        for (var shift = 0; shift < 35; shift += 7)
        {
            var next = span[at++];
            value |= (next & 0x7F) << shift;
            if (next < 0x80)
            {
                break;
            }
        }

        return value;
    }

    private static void WriteVarInt(Span<byte> span, ref int at, int value)
    {
        while (value >= 0x80)
        {
            span[at++] = (byte)(value | 0x80);
            value >>= 7;
        }

        span[at++] = (byte)value;
    }
}

/// <summary>CRC-32 with zlib's polynomial, eight bytes a step (slicing-by-8).</summary>
internal static class Crc32
{
    private static readonly uint[][] Tables = MakeTables();

    public static uint Of(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        while (data.Length >= 8)
        {
            var low = BinaryPrimitives.ReadUInt32LittleEndian(data) ^ crc;
            var high = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
            crc = Tables[7][(byte)low] ^ Tables[6][(byte)(low >> 8)] ^ Tables[5][(byte)(low >> 16)] ^ Tables[4][low >> 24]
                ^ Tables[3][(byte)high] ^ Tables[2][(byte)(high >> 8)] ^ Tables[1][(byte)(high >> 16)] ^ Tables[0][high >> 24];
            data = data[8..];
        }

        foreach (var value in data)
        {
            crc = Tables[0][(byte)(crc ^ value)] ^ (crc >> 8);
        }

        return ~crc;
    }

    private static uint[][] MakeTables()
    {
        var tables = Enumerable.Range(0, 8).Select(_ => new uint[256]).ToArray();
        for (uint i = 0; i < 256; i++)
        {
            var crc = i;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
            }

            tables[0][i] = crc;
        }

        for (var table = 1; table < 8; table++)
        {
            for (var i = 0; i < 256; i++)
            {
                var crc = tables[table - 1][i];
                tables[table][i] = tables[0][(byte)crc] ^ (crc >> 8);
            }
        }

        return tables;
    }
}
