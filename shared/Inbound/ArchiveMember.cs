using System.Buffers.Binary;
using System.IO.Compression;

namespace Selvedge.Inbound;

/// <summary>
/// What one append writes: lines, compressed as a gzip member (RFC 1952) that names its own length in the extra field <c>SV</c>. A segment is such members
/// one after another, so <c>zcat</c> reads it whole, a single one can be read at its offset, and one that a crash cut off is seen and passed over.
/// </summary>
internal static class ArchiveMember
{
    /// <summary>Bytes of a member before its compressed data, at least.</summary>
    public const int Head = 20;
    const int GzipHead = 10, MostFill = 65_000;

    /// <summary>Compresses <paramref name="lines"/>, each followed by a line feed. With <paramref name="length"/> the result has exactly that length: the rest
    /// is filled with what a reader passes over.</summary>
    /// <returns>Null when it cannot be made that short.</returns>
    public static byte[]? Pack(IEnumerable<ReadOnlyMemory<byte>> lines, int? length = null)
    {
        var buffer = new MemoryStream(4096);
        buffer.Write(stackalloc byte[Head - GzipHead]);
        using (var gzip = new GZipStream(buffer, length is null ? CompressionLevel.Fastest : CompressionLevel.SmallestSize, leaveOpen: true))
        {
            foreach (var line in lines)
            {
                gzip.Write(line.Span);
                gzip.WriteByte((byte)'\n');
            }
        }
        // The stream writes nothing at all for nothing.
        if (buffer.Length == Head - GzipHead) buffer.Write([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        var packed = buffer.ToArray();
        var gap = length - packed.Length ?? 0;
        if (gap < 0) return null;
        // A field holds 65,535 bytes; what is left over becomes members without lines.
        var (fill, rest) = gap <= MostFill ? (gap, 0) : (0, gap);
        packed = WithHead(packed, fill);
        if (rest == 0) return packed;
        var all = new MemoryStream(length!.Value);
        all.Write(packed);
        var empty = Pack([])!.Length;
        while (rest > 0)
        {
            // No remainder that is too short for a member of its own.
            var take = rest <= MostFill ? rest : Math.Min(MostFill, rest - empty);
            if (Pack([], take) is not { } filler) return null;
            all.Write(filler);
            rest -= take;
        }
        return all.ToArray();
    }

    /// <summary>How long the member is that starts with <paramref name="head"/>; 0 when there is none.</summary>
    public static int LengthOf(ReadOnlySpan<byte> head) =>
        head.Length >= Head && head[0] == 0x1f && head[1] == 0x8b && head[2] == 8 && head[3] == 4 && head[12] == 'S' && head[13] == 'V'
            ? (int)Math.Min(int.MaxValue, BinaryPrimitives.ReadUInt32LittleEndian(head[16..])) : 0;

    /// <summary>The lines of a whole member; null when it is damaged.</summary>
    public static List<byte[]>? Unpack(byte[] segment, int at, int length)
    {
        try
        {
            using var gzip = new GZipStream(new MemoryStream(segment, at, length), CompressionMode.Decompress);
            using var all = new MemoryStream(length * 3);
            gzip.CopyTo(all);
            var bytes = all.GetBuffer().AsSpan(0, (int)all.Length);
            var lines = new List<byte[]>();
            while (bytes.IndexOf((byte)'\n') is >= 0 and var end)
            {
                lines.Add(bytes[..end].ToArray());
                bytes = bytes[(end + 1)..];
            }
            return bytes.IsEmpty ? lines : null;
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>Gzip over all of <paramref name="bytes"/>, for an object of its own.</summary>
    public static byte[] Compress(ReadOnlySpan<byte> bytes)
    {
        var buffer = new MemoryStream(bytes.Length / 4);
        using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(bytes);
        return buffer.ToArray();
    }

    public static byte[] Decompress(byte[] bytes)
    {
        using var gzip = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
        var all = new MemoryStream(bytes.Length * 4);
        gzip.CopyTo(all);
        return all.ToArray();
    }

    // The stream wrote its ten bytes behind the room that was left for them and the extra field together.
    static byte[] WithHead(byte[] packed, int fill)
    {
        packed.AsSpan(Head - GzipHead, GzipHead).CopyTo(packed);
        packed[3] |= 4;
        var whole = packed;
        if (fill > 0)
        {
            whole = new byte[packed.Length + fill];
            packed.AsSpan(0, GzipHead).CopyTo(whole);
            packed.AsSpan(Head).CopyTo(whole.AsSpan(Head + fill));
        }
        var extra = whole.AsSpan(GzipHead);
        BinaryPrimitives.WriteUInt16LittleEndian(extra, (ushort)(8 + fill));
        extra[2] = (byte)'S';
        extra[3] = (byte)'V';
        BinaryPrimitives.WriteUInt16LittleEndian(extra[4..], (ushort)(4 + fill));
        BinaryPrimitives.WriteUInt32LittleEndian(extra[6..], (uint)whole.Length);
        return whole;
    }
}
