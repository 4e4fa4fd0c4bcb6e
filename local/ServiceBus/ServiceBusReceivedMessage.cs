// The official package is not annotated for null: whatever a message does not carry is null.
#nullable disable
using Selvedge.Local.ServiceBus.Storage;

namespace Selvedge.Local.ServiceBus;

/// <summary>A message received or looked at (official: Azure.Messaging.ServiceBus.ServiceBusReceivedMessage).</summary>
public class ServiceBusReceivedMessage
{
    internal ServiceBusReceivedMessage(Envelope envelope) => Envelope = envelope;

    /// <summary>The app's own properties.</summary>
    public IReadOnlyDictionary<string, object> ApplicationProperties => Envelope.Properties;

    /// <summary>The body.</summary>
    public BinaryData Body { get; internal init; } = new([]);

    /// <summary>The body's media type.</summary>
    public string ContentType => Envelope.ContentType;

    /// <summary>What it belongs to.</summary>
    public string CorrelationId => Envelope.CorrelationId;

    /// <summary>What was said when it was dead-lettered.</summary>
    public string DeadLetterErrorDescription => Envelope.Properties.GetValueOrDefault(Envelope.DeadLetterErrorDescription) as string;

    /// <summary>Why it was dead-lettered.</summary>
    public string DeadLetterReason => Envelope.Properties.GetValueOrDefault(Envelope.DeadLetterReason) as string;

    /// <summary>Set only on dead letters that were forwarded, which is not done here.</summary>
    public string DeadLetterSource { get; internal init; }

    /// <summary>Which delivery this is, from 1.</summary>
    public int DeliveryCount { get; internal init; }

    /// <summary>The number it had before it was moved to where it is.</summary>
    public long EnqueuedSequenceNumber { get; internal init; }

    /// <summary>When it was enqueued.</summary>
    public DateTimeOffset EnqueuedTime { get; internal init; }

    /// <summary>When it expires.</summary>
    public DateTimeOffset ExpiresAt => TimeToLive >= DateTimeOffset.MaxValue - EnqueuedTime ? DateTimeOffset.MaxValue : EnqueuedTime + TimeToLive;

    /// <summary>When its lock ends. Renewing moves it.</summary>
    public DateTimeOffset LockedUntil { get; internal set; }

    /// <summary>Its lock; an empty Guid where it is not locked.</summary>
    public string LockToken => LockTokenGuid.ToString();

    /// <summary>Identifies the message.</summary>
    public string MessageId => Envelope.MessageId;

    /// <summary>As sent.</summary>
    public string PartitionKey => Envelope.PartitionKey;

    /// <summary>Where an answer is wanted.</summary>
    public string ReplyTo => Envelope.ReplyTo;

    /// <summary>In which session an answer is wanted.</summary>
    public string ReplyToSessionId => Envelope.ReplyToSessionId;

    /// <summary>When it was to be enqueued.</summary>
    public DateTimeOffset ScheduledEnqueueTime => Envelope.ScheduledEnqueueTime;

    /// <summary>Its place in the queue.</summary>
    public long SequenceNumber { get; internal init; }

    /// <summary>The session it is ordered in.</summary>
    public string SessionId => Envelope.SessionId;

    /// <summary>Active, put aside, or scheduled.</summary>
    public ServiceBusMessageState State { get; internal init; }

    /// <summary>What it is about.</summary>
    public string Subject => Envelope.Subject;

    /// <summary>How long it waits for a receiver.</summary>
    public TimeSpan TimeToLive => Envelope.TimeToLive;

    /// <summary>For whom it is.</summary>
    public string To => Envelope.To;

    /// <summary>As sent.</summary>
    public string TransactionPartitionKey => Envelope.TransactionPartitionKey;

    internal Envelope Envelope { get; }

    internal Guid LockTokenGuid { get; init; }

    /// <summary>The queue it was received from; null for one a test made.</summary>
    internal BusQueue From { get; init; }

    /// <summary>A receiver has decided what becomes of it.</summary>
    internal bool IsSettled { get; set; }
}

/// <summary>Makes what only the service makes, for tests (official: Azure.Messaging.ServiceBus.ServiceBusModelFactory).</summary>
public static class ServiceBusModelFactory
{
    /// <summary>A message as if it had been received.</summary>
    public static ServiceBusReceivedMessage ServiceBusReceivedMessage(BinaryData body = null, string messageId = null, string partitionKey = null, string viaPartitionKey = null,
        string sessionId = null, string replyToSessionId = null, TimeSpan timeToLive = default, string correlationId = null, string subject = null, string to = null,
        string contentType = null, string replyTo = null, DateTimeOffset scheduledEnqueueTime = default, IDictionary<string, object> properties = null,
        Guid lockTokenGuid = default, int deliveryCount = 0, DateTimeOffset lockedUntil = default, long sequenceNumber = -1, string deadLetterSource = null,
        long enqueuedSequenceNumber = 0, DateTimeOffset enqueuedTime = default, ServiceBusMessageState serviceBusMessageState = ServiceBusMessageState.Active) =>
        new(new Envelope
        {
            MessageId = messageId, PartitionKey = partitionKey, TransactionPartitionKey = viaPartitionKey, SessionId = sessionId, ReplyToSessionId = replyToSessionId,
            TimeToLive = timeToLive == default ? TimeSpan.MaxValue : timeToLive, CorrelationId = correlationId, Subject = subject, To = to, ContentType = contentType,
            ReplyTo = replyTo, ScheduledEnqueueTime = scheduledEnqueueTime, Properties = new(properties ?? new Dictionary<string, object>()),
        })
        {
            Body = body ?? new BinaryData([]), LockTokenGuid = lockTokenGuid, DeliveryCount = deliveryCount, LockedUntil = lockedUntil, SequenceNumber = sequenceNumber,
            DeadLetterSource = deadLetterSource, EnqueuedSequenceNumber = enqueuedSequenceNumber, EnqueuedTime = enqueuedTime, State = serviceBusMessageState,
        };
}
