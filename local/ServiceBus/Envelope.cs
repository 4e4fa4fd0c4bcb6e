using System.Runtime.Serialization;
using System.Text;

namespace Selvedge.Local.ServiceBus;

/// <summary>A message's properties, as a sender set them and as they are stored beside its body.</summary>
internal sealed class Envelope
{
    /// <summary>The application properties in which a dead letter says why.</summary>
    public const string DeadLetterReason = "DeadLetterReason", DeadLetterErrorDescription = "DeadLetterErrorDescription";

    private const byte Version = 1;

    public string? MessageId { get; set; }

    public string? PartitionKey { get; set; }

    public string? TransactionPartitionKey { get; set; }

    public string? SessionId { get; set; }

    public string? ReplyToSessionId { get; set; }

    public string? CorrelationId { get; set; }

    public string? Subject { get; set; }

    public string? To { get; set; }

    public string? ContentType { get; set; }

    public string? ReplyTo { get; set; }

    public TimeSpan TimeToLive { get; set; } = TimeSpan.MaxValue;

    public DateTimeOffset ScheduledEnqueueTime { get; set; }

    public Dictionary<string, object> Properties { get; init; } = [];

    /// <summary>A copy that can be changed without this one.</summary>
    public Envelope Copy() => Decode(Encode());

    /// <exception cref="SerializationException">An application property has a type that Service Bus does not carry.</exception>
    public byte[] Encode()
    {
        var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        writer.Write(Version);
        foreach (var text in (string?[])[MessageId, PartitionKey, TransactionPartitionKey, SessionId, ReplyToSessionId, CorrelationId, Subject, To, ContentType, ReplyTo])
        {
            writer.Write(text is not null);
            if (text is not null) { writer.Write(text); }
        }
        writer.Write(TimeToLive.Ticks);
        writer.Write(ScheduledEnqueueTime.UtcTicks);
        writer.Write7BitEncodedInt(Properties.Count);
        foreach (var (name, value) in Properties)
        {
            writer.Write(name);
            Encode(writer, name, value);
        }
        return stream.ToArray();
    }

    public static Envelope Decode(ReadOnlySpan<byte> encoded)
    {
        using var reader = new BinaryReader(new MemoryStream(encoded.ToArray()), Encoding.UTF8);
        if (reader.ReadByte() != Version) { throw new InvalidDataException("A stored message has another format than this version writes."); }
        string? Text() => reader.ReadBoolean() ? reader.ReadString() : null;
        var envelope = new Envelope
        {
            MessageId = Text(), PartitionKey = Text(), TransactionPartitionKey = Text(), SessionId = Text(), ReplyToSessionId = Text(),
            CorrelationId = Text(), Subject = Text(), To = Text(), ContentType = Text(), ReplyTo = Text(),
            TimeToLive = TimeSpan.FromTicks(reader.ReadInt64()), ScheduledEnqueueTime = new DateTimeOffset(reader.ReadInt64(), TimeSpan.Zero),
        };
        for (var count = reader.Read7BitEncodedInt(); count > 0; count--) { envelope.Properties[reader.ReadString()] = DecodeValue(reader); }
        return envelope;
    }

    private static void Encode(BinaryWriter writer, string name, object? value)
    {
        switch (value)
        {
            case null: writer.Write((byte)0); break;
            case string text: writer.Write((byte)1); writer.Write(text); break;
            case bool yes: writer.Write((byte)2); writer.Write(yes); break;
            case byte number: writer.Write((byte)3); writer.Write(number); break;
            case sbyte number: writer.Write((byte)4); writer.Write(number); break;
            case short number: writer.Write((byte)5); writer.Write(number); break;
            case ushort number: writer.Write((byte)6); writer.Write(number); break;
            case int number: writer.Write((byte)7); writer.Write(number); break;
            case uint number: writer.Write((byte)8); writer.Write(number); break;
            case long number: writer.Write((byte)9); writer.Write(number); break;
            case ulong number: writer.Write((byte)10); writer.Write(number); break;
            case float number: writer.Write((byte)11); writer.Write(number); break;
            case double number: writer.Write((byte)12); writer.Write(number); break;
            case decimal number: writer.Write((byte)13); writer.Write(number); break;
            case char letter: writer.Write((byte)14); writer.Write((ushort)letter); break;
            case Guid id: writer.Write((byte)15); writer.Write(id.ToByteArray()); break;
            case DateTime time: writer.Write((byte)16); writer.Write(time.ToUniversalTime().Ticks); break;
            case DateTimeOffset time: writer.Write((byte)17); writer.Write(time.UtcTicks); break;
            case TimeSpan time: writer.Write((byte)18); writer.Write(time.Ticks); break;
            case Uri uri: writer.Write((byte)19); writer.Write(uri.OriginalString); break;
            case byte[] bytes: writer.Write((byte)20); writer.Write7BitEncodedInt(bytes.Length); writer.Write(bytes); break;
            default: throw new SerializationException($"The application property '{name}' is {value.GetType().Name}, which Service Bus does not carry. Use a text, number, bool, Guid, time, Uri or bytes.");
        }
    }

    private static object DecodeValue(BinaryReader reader) => reader.ReadByte() switch
    {
        0 => null!,
        1 => reader.ReadString(),
        2 => reader.ReadBoolean(),
        3 => reader.ReadByte(),
        4 => reader.ReadSByte(),
        5 => reader.ReadInt16(),
        6 => reader.ReadUInt16(),
        7 => reader.ReadInt32(),
        8 => reader.ReadUInt32(),
        9 => reader.ReadInt64(),
        10 => reader.ReadUInt64(),
        11 => reader.ReadSingle(),
        12 => reader.ReadDouble(),
        13 => reader.ReadDecimal(),
        14 => (char)reader.ReadUInt16(),
        15 => new Guid(reader.ReadBytes(16)),
        16 => new DateTime(reader.ReadInt64(), DateTimeKind.Utc),
        17 => new DateTimeOffset(reader.ReadInt64(), TimeSpan.Zero),
        18 => TimeSpan.FromTicks(reader.ReadInt64()),
        19 => new Uri(reader.ReadString(), UriKind.RelativeOrAbsolute),
        20 => reader.ReadBytes(reader.Read7BitEncodedInt()),
        var type => throw new InvalidDataException($"A stored application property has the unknown type {type}."),
    };
}
