using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Selvedge.Platform;

namespace Selvedge.Ledger;

/// <summary>
/// Our own canonical encoding of named fields, hashed with SHA-256 (design, section 3, "Audit"). Every field is a type byte, a length and
/// its bytes, so no two different sequences of fields encode alike; it does not depend on any JSON serializer.
/// </summary>
public sealed class Canonical
{
    [ThreadStatic] static Canonical? cached;
    readonly ArrayBufferWriter<byte> bytes = new(1024);

    /// <summary>An empty encoder of this thread. It is valid until the next call.</summary>
    public static Canonical Start()
    {
        var canonical = cached ??= new Canonical();
        canonical.bytes.ResetWrittenCount();
        return canonical;
    }

    /// <summary>Starts a named group of fields.</summary>
    public Canonical Name(string name) => Text((byte)'n', name);

    public Canonical Add(string? value) => value is null ? Null() : Text((byte)'s', value);

    public Canonical Add(long value)
    {
        var span = bytes.GetSpan(9);
        span[0] = (byte)'i';
        BinaryPrimitives.WriteInt64LittleEndian(span[1..], value);
        bytes.Advance(9);
        return this;
    }

    public Canonical Add(long? value) => value is { } number ? Add(number) : Null();
    public Canonical Add(bool value) => Add(value ? 1 : 0);
    public Canonical Add(DateTimeOffset? value) => value is { } at ? Add(InstantConverter.Cut(at).UtcTicks) : Null();

    public Canonical Add(IReadOnlyList<string>? values)
    {
        if (values is null) return Null();
        Add(values.Count);
        foreach (var value in values) Add(value);
        return this;
    }

    /// <summary>SHA-256 of what was added, base64url without padding (43 characters).</summary>
    public string Hash()
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(bytes.WrittenSpan, hash);
        return Base64Url.EncodeToString(hash);
    }

    /// <summary>The first 16 bytes of the hash (22 characters): enough to tell one content from another.</summary>
    public string ShortHash()
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(bytes.WrittenSpan, hash);
        return Base64Url.EncodeToString(hash[..16]);
    }

    Canonical Null()
    {
        bytes.GetSpan(1)[0] = (byte)'0';
        bytes.Advance(1);
        return this;
    }

    Canonical Text(byte type, string value)
    {
        var span = bytes.GetSpan(5 + Encoding.UTF8.GetMaxByteCount(value.Length));
        span[0] = type;
        var length = Encoding.UTF8.GetBytes(value, span[5..]);
        BinaryPrimitives.WriteInt32LittleEndian(span[1..], length);
        bytes.Advance(5 + length);
        return this;
    }
}
