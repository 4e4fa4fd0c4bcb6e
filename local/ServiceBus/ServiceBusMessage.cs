// The official package is not annotated for null: whatever a message does not carry is null.
#nullable disable
using System.Text;
using Selvedge.Local.ServiceBus.Storage;

namespace Selvedge.Local.ServiceBus;

/// <summary>A message to send (official: Azure.Messaging.ServiceBus.ServiceBusMessage).</summary>
public class ServiceBusMessage
{
    private const int LongestId = 128;
    private readonly Envelope envelope;

    /// <summary>Without a body.</summary>
    public ServiceBusMessage() : this(default(ReadOnlyMemory<byte>)) { }

    /// <summary>With a text as UTF-8.</summary>
    public ServiceBusMessage(string body) : this(Encoding.UTF8.GetBytes(body ?? throw new ArgumentNullException(nameof(body)))) { }

    /// <summary>With these bytes.</summary>
    public ServiceBusMessage(ReadOnlyMemory<byte> body) : this(BinaryData.FromBytes(body)) { }

    /// <summary>With this body.</summary>
    public ServiceBusMessage(BinaryData body) => (Body, envelope) = (body ?? throw new ArgumentNullException(nameof(body)), new Envelope());

    /// <summary>A copy of a message received, to send it again: with its properties, but not why it was dead-lettered, nor when it was scheduled for.</summary>
    public ServiceBusMessage(ServiceBusReceivedMessage receivedMessage)
    {
        ArgumentNullException.ThrowIfNull(receivedMessage);
        (Body, envelope) = (receivedMessage.Body, receivedMessage.Envelope.Copy());
        envelope.ScheduledEnqueueTime = default;
        envelope.Properties.Remove(Envelope.DeadLetterReason);
        envelope.Properties.Remove(Envelope.DeadLetterErrorDescription);
    }

    /// <summary>The app's own properties: texts, numbers, bools, Guids, times, Uris.</summary>
    public IDictionary<string, object> ApplicationProperties => envelope.Properties;

    /// <summary>The body.</summary>
    public BinaryData Body { get; set; }

    /// <summary>The body's media type.</summary>
    public string ContentType { get => envelope.ContentType; set => envelope.ContentType = value; }

    /// <summary>What it belongs to.</summary>
    public string CorrelationId { get => envelope.CorrelationId; set => envelope.CorrelationId = value; }

    /// <summary>Identifies the message, also for duplicate detection; 1 to 128 characters. Made up when not set.</summary>
    public string MessageId
    {
        get => envelope.MessageId;
        set => envelope.MessageId = string.IsNullOrEmpty(value) || value.Length > LongestId
            ? throw new ArgumentException($"'{nameof(MessageId)}' cannot be null, empty, or longer than {LongestId} characters.", nameof(value)) : value;
    }

    /// <summary>Of use with partitioned entities only; with a session it must be the session's id.</summary>
    public string PartitionKey
    {
        get => envelope.PartitionKey;
        set
        {
            Short(value, nameof(PartitionKey));
            if (value is not null && envelope.SessionId is { } session && session != value) { throw new ArgumentOutOfRangeException(nameof(PartitionKey), value, "It must be the SessionId, which is set."); }
            envelope.PartitionKey = value;
        }
    }

    /// <summary>Where an answer is wanted.</summary>
    public string ReplyTo { get => envelope.ReplyTo; set => envelope.ReplyTo = value; }

    /// <summary>In which session an answer is wanted; 128 characters at most.</summary>
    public string ReplyToSessionId { get => envelope.ReplyToSessionId; set => envelope.ReplyToSessionId = Short(value, nameof(ReplyToSessionId)); }

    /// <summary>Not received before; the past means at once.</summary>
    public DateTimeOffset ScheduledEnqueueTime { get => envelope.ScheduledEnqueueTime; set => envelope.ScheduledEnqueueTime = value; }

    /// <summary>The session it is ordered in; 128 characters at most.</summary>
    public string SessionId
    {
        get => envelope.SessionId;
        set
        {
            envelope.SessionId = Short(value, nameof(SessionId));
            if (envelope.PartitionKey is not null) { envelope.PartitionKey = value; }
        }
    }

    /// <summary>What it is about.</summary>
    public string Subject { get => envelope.Subject; set => envelope.Subject = value; }

    /// <summary>How long it waits for a receiver; more than zero.</summary>
    public TimeSpan TimeToLive
    {
        get => envelope.TimeToLive;
        set => envelope.TimeToLive = value > TimeSpan.Zero ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "TimeToLive must be more than zero.");
    }

    /// <summary>For whom it is.</summary>
    public string To { get => envelope.To; set => envelope.To = value; }

    /// <summary>Of use with partitioned entities only.</summary>
    public string TransactionPartitionKey { get => envelope.TransactionPartitionKey; set => envelope.TransactionPartitionKey = Short(value, nameof(TransactionPartitionKey)); }

    /// <summary>As it enters <paramref name="queue"/>.</summary>
    internal Outgoing ToSend(BusQueue queue)
    {
        var sent = envelope.Copy();
        sent.MessageId ??= Guid.NewGuid().ToString("N");
        if (sent.TimeToLive > queue.Definition.DefaultMessageTimeToLive) { sent.TimeToLive = queue.Definition.DefaultMessageTimeToLive; }
        var scheduled = sent.ScheduledEnqueueTime == default ? 0 : sent.ScheduledEnqueueTime.ToUnixTimeMilliseconds();
        return new(sent.Encode(), Body.ToMemory(), sent.MessageId, sent.SessionId, sent.TimeToLive, scheduled);
    }

    private static string Short(string value, string name) => value is { Length: > LongestId }
        ? throw new ArgumentOutOfRangeException(name, value, $"{name} cannot be longer than {LongestId} characters.") : value;
}
