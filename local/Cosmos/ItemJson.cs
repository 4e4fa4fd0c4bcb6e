using System.Buffers;
using System.Buffers.Text;
using System.Globalization;

namespace Selvedge.Local.Cosmos;

/// <summary>
/// An item as Cosmos returns it. The stored body is the caller's JSON object without system properties; they are columns
/// and are added here: <c>_rid</c> from the creation number, <c>_etag</c> and <c>_lsn</c> from the row's LSN, <c>_ts</c> in seconds.
/// </summary>
internal static class ItemJson
{
    private static readonly StandardFormat Hex16 = new('x', 16);

    /// <summary>Writes the whole item; <paramref name="withLsn"/> adds <c>_lsn</c>, as the change feed does.</summary>
    public static void Write(IBufferWriter<byte> output, Container container, long lsn, long rid, long ts, ReadOnlySpan<byte> body, bool withLsn = false)
    {
        var span = output.GetSpan(body.Length + container.SelfPrefix.Length + 256);
        body.CopyTo(span);
        var at = body.Length - 1; // over the closing brace; a stored body always has an id, so a comma may follow
        Append(span, ref at, ",\"_rid\":\""u8);
        container.WriteItemRid(rid, span[at..]);
        at += Container.ItemRidLength;
        Append(span, ref at, "\",\"_self\":\""u8);
        Append(span, ref at, container.SelfPrefix);
        container.WriteItemRid(rid, span[at..]);
        at += Container.ItemRidLength;
        Append(span, ref at, "/\",\"_etag\":\"\\\""u8);
        Utf8Formatter.TryFormat(lsn, span[at..], out _, Hex16);
        at += 16;
        Append(span, ref at, "\\\"\",\"_attachments\":\"attachments/\",\"_ts\":"u8);
        Utf8Formatter.TryFormat(ts, span[at..], out var digits);
        at += digits;
        if (withLsn)
        {
            Append(span, ref at, ",\"_lsn\":"u8);
            Utf8Formatter.TryFormat(lsn, span[at..], out digits);
            at += digits;
        }

        span[at++] = (byte)'}';
        output.Advance(at);
    }

    /// <summary>The ETag of a row, with its quotes, as in the header and in <c>_etag</c>.</summary>
    public static string ETag(long lsn) =>
        string.Create(CultureInfo.InvariantCulture, $"\"{lsn:x16}\"");

    /// <summary>The LSN an ETag stands for; -1 for anything this store has not made, which then never matches.</summary>
    public static long Lsn(ReadOnlySpan<char> etag)
    {
        etag = etag.Trim();
        if (etag.Length == 18 && etag[0] == '"' && etag[^1] == '"')
        {
            etag = etag[1..^1];
        }

        return etag.Length == 16 && long.TryParse(etag, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var lsn) ? lsn : -1;
    }

    private static void Append(Span<byte> span, ref int at, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(span[at..]);
        at += bytes.Length;
    }
}
