using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Selvedge.Local.Cosmos;

/// <summary>
/// A partition key value: its components in the form they are hashed in (string 08 utf8 FF, number 05 double, true 03, false 02,
/// null 01, undefined 00), and the effective partition key made of them.
/// </summary>
internal sealed class PartitionKey
{
    /// <summary>Bytes a key may have (https://learn.microsoft.com/azure/cosmos-db/concepts-limits).</summary>
    public const int MaxBytes = 2048;

    private PartitionKey(byte[] components, byte[] effective, int count)
    {
        Components = components;
        Effective = effective;
        Count = count;
    }

    /// <summary>The encoded components, one after the other; self-delimiting, so equal bytes mean equal keys.</summary>
    public byte[] Components { get; }

    /// <summary>16 bytes, or for hierarchical keys 16 per component.</summary>
    public byte[] Effective { get; }

    public int Count { get; }

    /// <summary>Reads <c>x-ms-documentdb-partitionkey</c>: a JSON array with one element per path, fewer for a prefix.</summary>
    /// <exception cref="CosmosError">400 when it is no such array, or has more elements than the container has paths.</exception>
    public static PartitionKey Parse(string header, ContainerDefinition definition)
    {
        var builder = new PartitionKeyBuilder();
        var count = 0;
        try
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(header));
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartArray)
            {
                throw CosmosError.BadRequest($"The partition key header is not a JSON array: {header}");
            }

            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (reader.TokenType == JsonTokenType.StartObject)
                {
                    reader.Read();
                    if (reader.TokenType != JsonTokenType.EndObject)
                    {
                        throw CosmosError.BadRequest($"The partition key header has an object in it: {header}");
                    }

                    builder.AddUndefined();
                }
                else
                {
                    builder.Add(ref reader);
                }

                count++;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw CosmosError.BadRequest($"The partition key header is not valid JSON: {header}");
        }

        if (count == 0)
        {
            builder.AddUndefined();
            count = 1;
        }

        return count <= definition.Paths.Length
            ? builder.Build(definition.Hierarchical)
            : throw CosmosError.KeyMismatch($"The partition key has {count} components; container '{definition.Id}' has {definition.Paths.Length}.");
    }

    internal static PartitionKey Create(PartitionKeyBuilder builder, bool hierarchical)
    {
        var count = builder.Ends.Count;
        var effective = new byte[hierarchical ? 16 * count : 16];
        if (hierarchical)
        {
            var start = 0;
            for (var i = 0; i < count; i++)
            {
                Murmur3.EffectiveKey(builder.Written[start..builder.Ends[i]], effective.AsSpan(16 * i));
                start = builder.Ends[i];
            }
        }
        else
        {
            Murmur3.EffectiveKey(builder.Written, effective);
        }

        return new PartitionKey(builder.Written.ToArray(), effective, count);
    }
}

/// <summary>Collects the components of a key from JSON tokens.</summary>
internal sealed class PartitionKeyBuilder
{
    private byte[] _bytes = new byte[96];
    private int _length;

    /// <summary>Where each component ends.</summary>
    public List<int> Ends { get; } = new(3);

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    public void AddUndefined() => AddTag(0x00);

    /// <summary>Adds the scalar the reader stands on.</summary>
    /// <exception cref="CosmosError">400 for an array or object, or for text longer than the limit.</exception>
    public void Add(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                AddTag(0x01);
                break;
            case JsonTokenType.False:
                AddTag(0x02);
                break;
            case JsonTokenType.True:
                AddTag(0x03);
                break;
            case JsonTokenType.Number:
                var span = Reserve(9);
                span[0] = 0x05;
                BinaryPrimitives.WriteDoubleLittleEndian(span[1..], reader.GetDouble() + 0.0);
                Advance(9);
                break;
            case JsonTokenType.String:
                var text = Reserve(reader.ValueSpan.Length + 2);
                text[0] = 0x08;
                var length = reader.CopyString(text[1..]);
                if (length > PartitionKey.MaxBytes)
                {
                    throw CosmosError.BadRequest($"The partition key is {length} bytes long; the limit is {PartitionKey.MaxBytes}.");
                }

                text[length + 1] = 0xFF;
                Advance(length + 2);
                break;
            default:
                throw CosmosError.BadRequest("A partition key value must be a string, number, boolean or null.");
        }
    }

    public PartitionKey Build(bool hierarchical) => PartitionKey.Create(this, hierarchical);

    private void AddTag(byte tag)
    {
        Reserve(1)[0] = tag;
        Advance(1);
    }

    private Span<byte> Reserve(int size)
    {
        if (_bytes.Length - _length < size)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + size));
        }

        return _bytes.AsSpan(_length);
    }

    private void Advance(int size)
    {
        _length += size;
        Ends.Add(_length);
    }
}

/// <summary>Bounds of the <c>key</c> column.</summary>
internal static class KeyRange
{
    /// <summary>Greater than every key: their first byte is at most 3F.</summary>
    public static readonly byte[] End = [0xFF];

    /// <summary>The least byte string greater than everything that starts with <paramref name="prefix"/>.</summary>
    public static byte[] After(ReadOnlySpan<byte> prefix)
    {
        var last = prefix.LastIndexOfAnyExcept((byte)0xFF);
        if (last < 0)
        {
            return End;
        }

        var next = prefix[..(last + 1)].ToArray();
        next[last]++;
        return next;
    }
}
