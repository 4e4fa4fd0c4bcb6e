using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>
/// Where the next page begins: after <paramref name="After"/> (null: at the start), with <paramref name="Skip"/> rows still to leave
/// out and at most <paramref name="Most"/> to give. As text it carries a mark of the query, so that no other query can take it.
/// </summary>
internal sealed record SqlPosition(byte[]? After, long Skip, long? Most)
{
    private const int Head = 8 + 8 + 8;

    /// <exception cref="CosmosError">400: not a continuation of this query.</exception>
    public static SqlPosition Parse(string? text, SqlPosition start, QueryRequest request, string order)
    {
        if (string.IsNullOrEmpty(text))
        {
            return start;
        }

        var bytes = new byte[text.Length];
        if (!Base64Url.IsValid(text) || !Base64Url.TryDecodeFromChars(text, bytes, out var length) || length <= Head || !bytes.AsSpan(0, 8).SequenceEqual(Mark(request, order)))
        {
            throw CosmosError.BadRequest("The continuation token is not one of this query.");
        }

        var most = BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(16));
        return new SqlPosition(bytes[Head..length], BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(8)), most < 0 ? null : most);
    }

    public string ToText(QueryRequest request, string order)
    {
        var bytes = new byte[Head + After!.Length];
        Mark(request, order).CopyTo(bytes, 0);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(8), Skip);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(16), Most ?? -1);
        After.CopyTo(bytes, Head);
        return Base64Url.EncodeToString(bytes);
    }

    /// <summary>A position along an index: sort key and creation number.</summary>
    public static byte[] Join(ReadOnlySpan<byte> key, long rid)
    {
        var bytes = new byte[key.Length + 8];
        key.CopyTo(bytes);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(key.Length), rid);
        return bytes;
    }

    public static (byte[] Key, long Rid) Split(byte[] position) => position.Length > 8
        ? (position[..^8], BinaryPrimitives.ReadInt64BigEndian(position.AsSpan(position.Length - 8)))
        : throw CosmosError.BadRequest("The continuation token is not one of this query.");

    private static byte[] Mark(QueryRequest request, string order) =>
        SHA256.HashData(Encoding.UTF8.GetBytes($"{request.Container.Table}\n{order}\n{request.Text}"))[..8];
}
