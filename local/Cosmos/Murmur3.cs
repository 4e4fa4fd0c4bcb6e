using System.Buffers.Binary;
using System.Numerics;

namespace Selvedge.Local.Cosmos;

/// <summary>MurmurHash3 x64 128 (Austin Appleby, public domain), seed 0: the hash Cosmos places partition keys by.</summary>
internal static class Murmur3
{
    private const ulong C1 = 0x87c37b91114253d5;
    private const ulong C2 = 0x4cf5ad432745937f;

    /// <summary>The effective partition key of one component sequence: the hash reversed, its first two bits cleared (16 bytes).</summary>
    public static void EffectiveKey(ReadOnlySpan<byte> data, Span<byte> output)
    {
        var (h1, h2) = Hash(data);
        BinaryPrimitives.WriteUInt64BigEndian(output, h2);
        BinaryPrimitives.WriteUInt64BigEndian(output[8..], h1);
        output[0] &= 0x3F;
    }

    private static (ulong H1, ulong H2) Hash(ReadOnlySpan<byte> data)
    {
        ulong h1 = 0, h2 = 0;
        var length = (ulong)data.Length;
        while (data.Length >= 16)
        {
            h1 ^= Mix1(BinaryPrimitives.ReadUInt64LittleEndian(data));
            h1 = ((BitOperations.RotateLeft(h1, 27) + h2) * 5) + 0x52dce729;
            h2 ^= Mix2(BinaryPrimitives.ReadUInt64LittleEndian(data[8..]));
            h2 = ((BitOperations.RotateLeft(h2, 31) + h1) * 5) + 0x38495ab5;
            data = data[16..];
        }

        Span<byte> tail = stackalloc byte[16];
        tail.Clear();
        data.CopyTo(tail);
        h2 ^= Mix2(BinaryPrimitives.ReadUInt64LittleEndian(tail[8..]));
        h1 ^= Mix1(BinaryPrimitives.ReadUInt64LittleEndian(tail));
        h1 ^= length;
        h2 ^= length;
        h1 += h2;
        h2 += h1;
        h1 = Finish(h1);
        h2 = Finish(h2);
        h1 += h2;
        h2 += h1;
        return (h1, h2);
    }

    private static ulong Mix1(ulong k) => BitOperations.RotateLeft(k * C1, 31) * C2;

    private static ulong Mix2(ulong k) => BitOperations.RotateLeft(k * C2, 33) * C1;

    private static ulong Finish(ulong k)
    {
        k = (k ^ (k >> 33)) * 0xff51afd7ed558ccd;
        k = (k ^ (k >> 33)) * 0xc4ceb9fe1a85ec53;
        return k ^ (k >> 33);
    }
}
