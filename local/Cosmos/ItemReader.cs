using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;

namespace Selvedge.Local.Cosmos;

/// <summary>An item ready to be stored: its body without system properties, the row's key, its own <c>ttl</c> in seconds, and whether it has a
/// property that the container indexes.</summary>
internal readonly record struct ParsedItem(ReadOnlyMemory<byte> Body, byte[] Key, int? Ttl, bool Indexed);

/// <summary>
/// Reads an item in one pass over its JSON: checks it, finds id, partition key and ttl, and turns number texts into what Cosmos
/// gives back, which keeps numbers as IEEE 754 doubles (1.0 becomes 1). Text that needs no change is stored as it came.
/// </summary>
internal static class ItemReader
{
    /// <summary>Bytes of JSON an item may have (https://learn.microsoft.com/azure/cosmos-db/concepts-limits).</summary>
    public const int MaxBytes = 2 * 1024 * 1024;

    private static readonly JsonReaderOptions Options = new() { MaxDepth = 128 };

    /// <param name="json">The item as sent.</param>
    /// <param name="definition">The container's keys.</param>
    /// <param name="key">The partition key from the header, which the item's own must equal.</param>
    /// <param name="expectedId">The id in the path, null when the body alone says it.</param>
    /// <exception cref="CosmosError">400 with the reason, 413 when it is too large.</exception>
    public static ParsedItem Read(ReadOnlyMemory<byte> json, ContainerDefinition definition, PartitionKey key, string? expectedId)
    {
        if (json.Length > MaxBytes)
        {
            throw new CosmosError(413, $"The item has {json.Length} bytes; the limit is {MaxBytes}.");
        }

        if (!Utf8.IsValid(json.Span))
        {
            throw CosmosError.BadRequest("The item is not valid UTF-8.");
        }

        try
        {
            var item = Pass(json, definition, key, expectedId, out var systemProperties);
            return systemProperties ? Pass(WithoutSystemProperties(json), definition, key, expectedId, out _) : item;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw CosmosError.BadRequest($"The item is not valid JSON: {e.Message}");
        }
    }

    private static ParsedItem Pass(ReadOnlyMemory<byte> json, ContainerDefinition definition, PartitionKey key, string? expectedId, out bool systemProperties)
    {
        systemProperties = false;
        var span = json.Span;
        var reader = new Utf8JsonReader(span, Options);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw CosmosError.BadRequest("An item must be a JSON object.");
        }

        var begin = (int)reader.TokenStartIndex;
        var copied = begin;
        ArrayBufferWriter<byte>? output = null;
        byte[]? id = null;
        int? ttl = null;
        var indexed = false;
        var heads = Sql.SqlIndexes.Heads(definition);
        var keys = new KeyFinder(definition);
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName:
                    keys.Enter(ref reader);
                    if (reader.CurrentDepth != 1)
                    {
                        break;
                    }

                    systemProperties |= IsSystemProperty(ref reader);
                    foreach (var head in heads)
                    {
                        indexed = indexed || reader.ValueTextEquals(head);
                    }

                    if (reader.ValueTextEquals("id"u8))
                    {
                        if (id is not null)
                        {
                            throw CosmosError.BadRequest("The item has more than one 'id'.");
                        }

                        reader.Read();
                        id = ReadId(ref reader);
                        keys.Take(ref reader);
                    }
                    else if (reader.ValueTextEquals("ttl"u8))
                    {
                        reader.Read();
                        ttl = ReadTtl(ref reader);
                        keys.Take(ref reader);
                        Number(ref reader, span, ref output, ref copied);
                    }

                    break;
                case JsonTokenType.Number:
                    keys.Take(ref reader);
                    Number(ref reader, span, ref output, ref copied);
                    break;
                case JsonTokenType.EndObject:
                    keys.Leave(reader.CurrentDepth);
                    break;
                default:
                    keys.Take(ref reader);
                    break;
            }
        }

        var end = span.LastIndexOf((byte)'}') + 1;
        ReadOnlyMemory<byte> body;
        if (output is null)
        {
            body = json[begin..end];
        }
        else
        {
            output.Write(span[copied..end]);
            body = output.WrittenMemory;
        }

        if (id is null)
        {
            throw CosmosError.BadRequest("The input content is invalid because the required property 'id' is missing.");
        }

        if (expectedId is not null && !System.Text.Encoding.UTF8.GetString(id).Equals(expectedId, StringComparison.Ordinal))
        {
            throw CosmosError.BadRequest("The id in the item differs from the id in the request.");
        }

        keys.Check(key, definition);
        var rowKey = new byte[key.Effective.Length + id.Length];
        key.Effective.CopyTo(rowKey, 0);
        id.CopyTo(rowKey, key.Effective.Length);
        return new ParsedItem(body, rowKey, ttl, indexed);
    }

    private static byte[] ReadId(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            throw CosmosError.BadRequest("The item's 'id' must be a string.");
        }

        var id = new byte[reader.ValueSpan.Length];
        var length = reader.CopyString(id);
        if (length < id.Length)
        {
            Array.Resize(ref id, length);
        }

        if (length is 0 or > ItemId.MaxBytes || id.AsSpan().IndexOfAny(@"/\?#"u8) >= 0 || id[^1] == ' ' || id[0] == '.')
        {
            ItemId.Check(System.Text.Encoding.UTF8.GetString(id));
        }

        return id;
    }

    private static int? ReadTtl(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.Null ? null
        : reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out var seconds) && seconds is -1 or (>= 1 and <= int.MaxValue)
            && seconds == Math.Floor(seconds) ? (int)seconds
        : throw CosmosError.BadRequest("The item's 'ttl' must be -1 or a positive whole number of seconds.");

    private static void Number(ref Utf8JsonReader reader, ReadOnlySpan<byte> span, ref ArrayBufferWriter<byte>? output, ref int copied)
    {
        if (reader.TokenType != JsonTokenType.Number)
        {
            return;
        }

        var text = reader.ValueSpan;
        var digits = text[0] == (byte)'-' ? text[1..] : text;
        if (digits.Length <= 15 && digits.IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0 && (digits[0] != (byte)'0' || text.Length == 1))
        {
            return;
        }

        Span<byte> canonical = stackalloc byte[32];
        var length = Canonical(reader.GetDouble(), canonical);
        if (text.SequenceEqual(canonical[..length]))
        {
            return;
        }

        output ??= new ArrayBufferWriter<byte>(span.Length + 32);
        output.Write(span[copied..(int)reader.TokenStartIndex]);
        output.Write(canonical[..length]);
        copied = (int)reader.BytesConsumed;
    }

    /// <summary>A number's text as Cosmos gives it: whole numbers without point or exponent, others in the shortest form that reads back.</summary>
    /// <exception cref="CosmosError">400 when the number is beyond a double's range.</exception>
    public static int Canonical(double value, Span<byte> output)
    {
        int length;
        if (!double.IsFinite(value))
        {
            throw CosmosError.BadRequest("The item has a number beyond the range of an IEEE 754 double.");
        }

        if (Math.Abs(value) < 9.2e18 && value == Math.Floor(value))
        {
            ((long)value).TryFormat(output, out length, default, CultureInfo.InvariantCulture);
            return length;
        }

        value.TryFormat(output, out length, "R", CultureInfo.InvariantCulture);
        return length;
    }

    private static bool IsSystemProperty(ref Utf8JsonReader reader) =>
        reader.ValueSpan.Length > 0 && reader.ValueSpan[0] == (byte)'_'
        && (reader.ValueTextEquals("_etag"u8) || reader.ValueTextEquals("_ts"u8) || reader.ValueTextEquals("_rid"u8)
            || reader.ValueTextEquals("_self"u8) || reader.ValueTextEquals("_attachments"u8) || reader.ValueTextEquals("_lsn"u8));

    private static ReadOnlyMemory<byte> WithoutSystemProperties(ReadOnlyMemory<byte> json)
    {
        var span = json.Span;
        var output = new ArrayBufferWriter<byte>(span.Length);
        var reader = new Utf8JsonReader(span, Options);
        var separator = "{"u8;
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var start = (int)reader.TokenStartIndex;
            var dropped = IsSystemProperty(ref reader);
            reader.Skip();
            if (!dropped)
            {
                output.Write(separator);
                output.Write(span[start..(int)reader.BytesConsumed]);
                separator = ","u8;
            }
        }

        output.Write(separator is [(byte)'{'] ? "{}"u8 : "}"u8);
        return output.WrittenMemory;
    }

    /// <summary>Follows the partition key paths through the pass.</summary>
    private struct KeyFinder(ContainerDefinition definition)
    {
        private readonly byte[][][] _paths = definition.KeySegments;
        private readonly PartitionKeyBuilder?[] _found = new PartitionKeyBuilder?[definition.KeySegments.Length];
        private PathDepths _matched;
        private int _awaited = -1;

        public void Enter(ref Utf8JsonReader reader)
        {
            _awaited = -1;
            var depth = reader.CurrentDepth;
            for (var i = 0; i < _paths.Length; i++)
            {
                var path = _paths[i];
                _matched[i] = Math.Min(_matched[i], depth - 1);
                if (depth <= path.Length && _matched[i] == depth - 1 && reader.ValueTextEquals(path[depth - 1]))
                {
                    if (depth == path.Length)
                    {
                        _awaited = i;
                    }
                    else
                    {
                        _matched[i] = depth;
                    }
                }
            }
        }

        public void Take(ref Utf8JsonReader reader)
        {
            if (_awaited >= 0)
            {
                var component = new PartitionKeyBuilder();
                component.Add(ref reader);
                _found[_awaited] = component;
                _awaited = -1;
            }
        }

        public void Leave(int depth)
        {
            for (var i = 0; i < _paths.Length; i++)
            {
                if (_matched[i] >= depth)
                {
                    _matched[i] = Math.Max(0, depth - 1);
                }
            }
        }

        public readonly void Check(PartitionKey key, ContainerDefinition definition)
        {
            var rest = key.Components.AsSpan();
            var equal = key.Count == _paths.Length;
            for (var i = 0; equal && i < _found.Length; i++)
            {
                var own = _found[i] is { } found ? found.Written : [0x00];
                equal = rest.StartsWith(own);
                rest = equal ? rest[own.Length..] : rest;
            }

            if (!equal || rest.Length > 0)
            {
                throw CosmosError.KeyMismatch("Partition key provided either doesn't correspond to definition in the collection or doesn't match "
                    + $"partition key field values specified in the document ({string.Join(", ", definition.Paths)}).");
            }
        }
    }

    [System.Runtime.CompilerServices.InlineArray(3)]
    private struct PathDepths
    {
        private int _first;
    }
}
