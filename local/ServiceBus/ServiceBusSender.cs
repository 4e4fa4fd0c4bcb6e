// The official package is not annotated for null.
#nullable disable
using Selvedge.Local.ServiceBus.Storage;

namespace Selvedge.Local.ServiceBus;

/// <summary>Sends to one queue (official: Azure.Messaging.ServiceBus.ServiceBusSender). What a call returned from is on the disk.</summary>
public class ServiceBusSender : IAsyncDisposable
{
    /// <summary>Bytes of a message, or of messages sent together, in the standard tier.</summary>
    internal const int LargestBytes = 256 * 1024;

    private readonly ServiceBusClient client;

    /// <summary>For tests that replace the sender.</summary>
    protected ServiceBusSender() { }

    /// <summary>A sender of <paramref name="client"/>.</summary>
    protected ServiceBusSender(ServiceBusClient client, string queueOrTopicName)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentException.ThrowIfNullOrWhiteSpace(queueOrTopicName);
        (this.client, EntityPath) = (client, queueOrTopicName);
    }

    /// <summary>The queue.</summary>
    public virtual string EntityPath { get; }

    /// <summary>The namespace.</summary>
    public virtual string FullyQualifiedNamespace => client.FullyQualifiedNamespace;

    /// <summary>Names the sender in logs.</summary>
    public virtual string Identifier { get; } = Guid.NewGuid().ToString("N");

    /// <summary>It was closed.</summary>
    public virtual bool IsClosed { get; private set; }

    /// <summary>Takes a scheduled message back.</summary>
    /// <exception cref="ServiceBusException">MessageNotFound.</exception>
    public virtual Task CancelScheduledMessageAsync(long sequenceNumber, CancellationToken cancellationToken = default) => CancelScheduledMessagesAsync([sequenceNumber], cancellationToken);

    /// <summary>Takes scheduled messages back, all or none.</summary>
    /// <exception cref="ServiceBusException">MessageNotFound.</exception>
    public virtual Task CancelScheduledMessagesAsync(IEnumerable<long> sequenceNumbers, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sequenceNumbers);
        cancellationToken.ThrowIfCancellationRequested();
        var (broker, queue) = Reach();
        var numbers = sequenceNumbers.Distinct().ToList();
        return broker.RunAsync(0, (db, _) => Sending.Cancel(db, queue, numbers));
    }

    /// <summary>Closes the sender.</summary>
    public virtual Task CloseAsync(CancellationToken cancellationToken = default)
    {
        IsClosed = true;
        return Task.CompletedTask;
    }

    /// <summary>A batch to fill.</summary>
    public virtual ValueTask<ServiceBusMessageBatch> CreateMessageBatchAsync(CreateMessageBatchOptions options, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var most = options?.MaxSizeInBytes ?? LargestBytes;
        return most is > 0 and <= LargestBytes
            ? ValueTask.FromResult(new ServiceBusMessageBatch(Reach().Queue, most))
            : throw new ArgumentOutOfRangeException(nameof(options), most, $"A batch has 1 to {LargestBytes} bytes.");
    }

    /// <summary>A batch as large as the service takes.</summary>
    public virtual ValueTask<ServiceBusMessageBatch> CreateMessageBatchAsync(CancellationToken cancellationToken = default) => CreateMessageBatchAsync(null, cancellationToken);

    /// <summary>Closes the sender.</summary>
    public virtual async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Sends a message that is received from <paramref name="scheduledEnqueueTime"/> on; yields the number to cancel it by.</summary>
    public virtual async Task<long> ScheduleMessageAsync(ServiceBusMessage message, DateTimeOffset scheduledEnqueueTime, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        return (await ScheduleMessagesAsync([message], scheduledEnqueueTime, cancellationToken))[0];
    }

    /// <summary>Sends messages that are received from <paramref name="scheduledEnqueueTime"/> on; yields the numbers to cancel them by.</summary>
    public virtual async Task<IReadOnlyList<long>> ScheduleMessagesAsync(IEnumerable<ServiceBusMessage> messages, DateTimeOffset scheduledEnqueueTime, CancellationToken cancellationToken = default)
    {
        var list = (messages ?? throw new ArgumentNullException(nameof(messages))).ToList();
        foreach (var message in list) { message.ScheduledEnqueueTime = scheduledEnqueueTime.ToUniversalTime(); }
        return await SendAsync(list, cancellationToken);
    }

    /// <summary>Sends a message.</summary>
    /// <exception cref="ServiceBusException">MessageSizeExceeded, MessagingEntityNotFound, ServiceBusy.</exception>
    public virtual Task SendMessageAsync(ServiceBusMessage message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        return SendAsync([message], cancellationToken);
    }

    /// <summary>Sends a batch, all or nothing.</summary>
    public virtual Task SendMessagesAsync(ServiceBusMessageBatch messageBatch, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messageBatch);
        return SendAsync(messageBatch.Messages, cancellationToken);
    }

    /// <summary>Sends messages together, all or nothing.</summary>
    /// <exception cref="ServiceBusException">MessageSizeExceeded: together they are too large; use batches.</exception>
    public virtual Task SendMessagesAsync(IEnumerable<ServiceBusMessage> messages, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return SendAsync([.. messages], cancellationToken);
    }

    internal static ServiceBusSender Create(ServiceBusClient client, string queue) => new(client, queue);

    /// <summary>Bytes a message takes, its properties included.</summary>
    internal static int SizeOf(Outgoing message) => message.Head.Length + message.Body.Length;

    private async Task<long[]> SendAsync(IReadOnlyList<ServiceBusMessage> messages, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (messages.Count == 0) { return []; }
        var (broker, queue) = Reach();
        var outgoing = new Outgoing[messages.Count];
        var bytes = 0;
        for (var i = 0; i < outgoing.Length; i++)
        {
            outgoing[i] = messages[i].ToSend(queue);
            bytes += SizeOf(outgoing[i]);
            if (queue.HasSessions && string.IsNullOrEmpty(outgoing[i].SessionId))
            {
                throw new InvalidOperationException("The SessionId was not set on a message, and it cannot be sent to the entity. Entities that have session support enabled can only receive messages that have the SessionId set to a valid value.");
            }
        }
        return bytes <= LargestBytes
            ? await broker.RunAsync(bytes, (db, now) => Sending.Send(db, now, queue, outgoing))
            : throw new ServiceBusException($"The message of {bytes} bytes is larger than the {LargestBytes} bytes the service takes.", ServiceBusFailureReason.MessageSizeExceeded, EntityPath);
    }

    private (ServiceBusBroker Broker, BusQueue Queue) Reach()
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        var broker = client.Broker;
        return (broker, broker.Queue(EntityPath));
    }
}

/// <summary>Messages that fit into one send (official: Azure.Messaging.ServiceBus.ServiceBusMessageBatch).</summary>
public sealed class ServiceBusMessageBatch : IDisposable
{
    private readonly BusQueue queue;
    private readonly List<ServiceBusMessage> messages = [];

    internal ServiceBusMessageBatch(BusQueue queue, long most) => (this.queue, MaxSizeInBytes) = (queue, most);

    /// <summary>Messages in it.</summary>
    public int Count => messages.Count;

    /// <summary>Bytes it may have.</summary>
    public long MaxSizeInBytes { get; }

    /// <summary>Bytes it has.</summary>
    public long SizeInBytes { get; private set; }

    internal IReadOnlyList<ServiceBusMessage> Messages => messages;

    /// <summary>Empties it.</summary>
    public void Dispose() => messages.Clear();

    /// <summary>False: it does not fit any more.</summary>
    public bool TryAddMessage(ServiceBusMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var bytes = ServiceBusSender.SizeOf(message.ToSend(queue));
        if (SizeInBytes + bytes > MaxSizeInBytes) { return false; }
        SizeInBytes += bytes;
        messages.Add(message);
        return true;
    }
}
