using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>
/// Values as bytes whose order, byte by byte, is the order of ORDER BY: undefined, null, false, true, numbers, strings (UTF-8),
/// arrays, objects. No encoding is the beginning of another. Arrays and objects are ordered by a hash, as the service does:
/// equal ones meet, and nothing else is promised about them.
/// </summary>
internal static class SqlSortKey
{
    public static byte Tag(SqlType type) => (byte)((byte)type + 1);

    public static byte[] Encode(in SqlValue value)
    {
        var output = new ArrayBufferWriter<byte>(32);
        Append(output, value, descending: false);
        return output.WrittenSpan.ToArray();
    }

    public static void Append(ArrayBufferWriter<byte> output, in SqlValue value, bool descending)
    {
        var start = output.WrittenCount;
        Span<byte> fixedBytes = stackalloc byte[9];
        fixedBytes[0] = Tag(value.Type);
        switch (value.Type)
        {
            case SqlType.Boolean:
                fixedBytes[1] = value.IsTrue ? (byte)1 : (byte)0;
                output.Write(fixedBytes[..2]);
                break;
            case SqlType.Number:
                var bits = BitConverter.DoubleToInt64Bits(value.Number);
                BinaryPrimitives.WriteInt64BigEndian(fixedBytes[1..], bits < 0 ? ~bits : bits ^ long.MinValue);
                output.Write(fixedBytes);
                break;
            case SqlType.String:
                output.Write(fixedBytes[..1]);
                AppendText(output, value.Text);
                output.Write("\0\0"u8);
                break;
            case SqlType.Array or SqlType.Object:
                output.Write(fixedBytes[..1]);
                output.Write(Hash(value.Json));
                break;
            default:
                output.Write(fixedBytes[..1]);
                break;
        }

        if (descending)
        {
            Invert(output, start);
        }
    }

    /// <summary>The bytes with which every string that starts with <paramref name="text"/> begins.</summary>
    public static byte[] TextPrefix(string text)
    {
        var output = new ArrayBufferWriter<byte>(32);
        output.Write<byte>([Tag(SqlType.String)]);
        AppendText(output, text);
        return output.WrittenSpan.ToArray();
    }

    public static void AppendLong(ArrayBufferWriter<byte> output, long value, bool descending)
    {
        BinaryPrimitives.WriteInt64BigEndian(output.GetSpan(8), descending ? ~value : value);
        output.Advance(8);
    }

    /// <summary>16 bytes that are equal for equal values, whatever the order of their properties.</summary>
    public static byte[] Hash(JsonElement json)
    {
        var output = new ArrayBufferWriter<byte>();
        Canonical(output, json);
        return SHA256.HashData(output.WrittenSpan)[..16];
    }

    /// <summary>A zero byte within text becomes 00 FF, so that 00 00 can end it.</summary>
    private static void AppendText(ArrayBufferWriter<byte> output, string text)
    {
        var from = 0;
        for (var zero = text.IndexOf('\0', StringComparison.Ordinal); zero >= 0; zero = text.IndexOf('\0', from))
        {
            Encoding.UTF8.GetBytes(text.AsSpan(from, zero - from), output);
            output.Write<byte>([0, 0xFF]);
            from = zero + 1;
        }

        Encoding.UTF8.GetBytes(text.AsSpan(from), output);
    }

    private static void Canonical(ArrayBufferWriter<byte> output, JsonElement json)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Array:
                output.Write("["u8);
                foreach (var item in json.EnumerateArray())
                {
                    Canonical(output, item);
                }

                output.Write("]"u8);
                break;
            case JsonValueKind.Object:
                output.Write("{"u8);
                foreach (var property in json.EnumerateObject().OrderBy(property => property.Name, StringComparer.Ordinal))
                {
                    Append(output, SqlValue.Of(property.Name), descending: false);
                    Canonical(output, property.Value);
                }

                output.Write("}"u8);
                break;
            default:
                Append(output, SqlValue.Of(json), descending: false);
                break;
        }
    }

    private static void Invert(ArrayBufferWriter<byte> output, int start)
    {
        var written = System.Runtime.InteropServices.MemoryMarshal.AsMemory(output.WrittenMemory).Span[start..];
        foreach (ref var b in written)
        {
            b = (byte)~b;
        }
    }
}
