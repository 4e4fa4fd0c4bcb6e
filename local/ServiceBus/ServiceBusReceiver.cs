// The official package is not annotated for null.
#nullable disable
using System.Runtime.CompilerServices;
using Selvedge.Local.Cosmos.Storage;
using Selvedge.Local.ServiceBus.Storage;

namespace Selvedge.Local.ServiceBus;

/// <summary>Receives from one queue and settles what it received (official: Azure.Messaging.ServiceBus.ServiceBusReceiver).</summary>
public class ServiceBusReceiver : IAsyncDisposable
{
    private readonly ServiceBusClient client;
    private BusQueue queue;
    private long lastPeeked;

    /// <summary>For tests that replace the receiver.</summary>
    protected ServiceBusReceiver() { }

    /// <summary>A receiver of <paramref name="client"/>.</summary>
    protected ServiceBusReceiver(ServiceBusClient client, string queueName, ServiceBusReceiverOptions options)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentException.ThrowIfNullOrWhiteSpace(queueName);
        if (options?.SubQueue == SubQueue.TransferDeadLetter) { throw new ArgumentException("There is no forwarding here, and no dead letters of it.", nameof(options)); }
        this.client = client;
        EntityPath = options?.SubQueue == SubQueue.DeadLetter ? $"{queueName}/$deadletterqueue" : queueName;
        ReceiveMode = options?.ReceiveMode ?? ServiceBusReceiveMode.PeekLock;
        PrefetchCount = options?.PrefetchCount ?? 0;
        Identifier = options?.Identifier ?? Guid.NewGuid().ToString("N");
    }

    /// <summary>The queue.</summary>
    public virtual string EntityPath { get; }

    /// <summary>The namespace.</summary>
    public virtual string FullyQualifiedNamespace => client.FullyQualifiedNamespace;

    /// <summary>Names the receiver in logs.</summary>
    public virtual string Identifier { get; }

    /// <summary>It was closed.</summary>
    public virtual bool IsClosed { get; private set; }

    /// <summary>As asked for.</summary>
    public virtual int PrefetchCount { get; }

    /// <summary>Locked or gone.</summary>
    public virtual ServiceBusReceiveMode ReceiveMode { get; }

    /// <summary>The session whose receiver this is.</summary>
    internal SessionLock Session { get; init; }

    /// <summary>Gives the message back, to be delivered again at once.</summary>
    /// <exception cref="ServiceBusException">MessageLockLost, SessionLockLost.</exception>
    public virtual Task AbandonMessageAsync(ServiceBusReceivedMessage message, IDictionary<string, object> propertiesToModify = null, CancellationToken cancellationToken = default) =>
        SettleAsync(message, (db, now, held) =>
        {
            Settling.Change(db, held.Sequence, propertiesToModify);
            Settling.Release(db, now, queue, held);
        }, cancellationToken);

    /// <summary>Closes the receiver. The messages it holds are free when their locks end; a session is given back at once, what was received and not settled in it
    /// available again and not counted as delivered.</summary>
    public virtual async Task CloseAsync(CancellationToken cancellationToken = default)
    {
        if (IsClosed) { return; }
        await LetGoAsync();
        IsClosed = true;
    }

    /// <summary>Removes the message: its work is done.</summary>
    /// <exception cref="ServiceBusException">MessageLockLost, SessionLockLost.</exception>
    public virtual Task CompleteMessageAsync(ServiceBusReceivedMessage message, CancellationToken cancellationToken = default) =>
        SettleAsync(message, static (db, _, held) => Settling.Remove(db, held.Sequence), cancellationToken);

    /// <summary>Moves the message to the dead letters, saying why.</summary>
    /// <exception cref="ServiceBusException">MessageLockLost, SessionLockLost.</exception>
    public virtual Task DeadLetterMessageAsync(ServiceBusReceivedMessage message, IDictionary<string, object> propertiesToModify, string deadLetterReason, string deadLetterErrorDescription = null, CancellationToken cancellationToken = default)
    {
        const int longest = 4096;
        if (deadLetterReason?.Length > longest || deadLetterErrorDescription?.Length > longest) { throw new ArgumentOutOfRangeException(nameof(deadLetterReason), $"Reason and description have {longest} characters at most."); }
        return SettleAsync(message, (db, _, held) => Settling.DeadLetter(db, queue, held.Sequence, propertiesToModify, deadLetterReason, deadLetterErrorDescription), cancellationToken);
    }

    /// <summary>Moves the message to the dead letters.</summary>
    /// <exception cref="ServiceBusException">MessageLockLost, SessionLockLost.</exception>
    public virtual Task DeadLetterMessageAsync(ServiceBusReceivedMessage message, IDictionary<string, object> propertiesToModify = null, CancellationToken cancellationToken = default) =>
        DeadLetterMessageAsync(message, propertiesToModify, null, null, cancellationToken);

    /// <summary>Moves the message to the dead letters, saying why.</summary>
    /// <exception cref="ServiceBusException">MessageLockLost, SessionLockLost.</exception>
    public virtual Task DeadLetterMessageAsync(ServiceBusReceivedMessage message, string deadLetterReason, string deadLetterErrorDescription = null, CancellationToken cancellationToken = default) =>
        DeadLetterMessageAsync(message, null, deadLetterReason, deadLetterErrorDescription, cancellationToken);

    /// <summary>Puts the message aside: it is received by its sequence number only.</summary>
    /// <exception cref="ServiceBusException">MessageLockLost, SessionLockLost.</exception>
    public virtual Task DeferMessageAsync(ServiceBusReceivedMessage message, IDictionary<string, object> propertiesToModify = null, CancellationToken cancellationToken = default) =>
        SettleAsync(message, (db, _, held) =>
        {
            Settling.Change(db, held.Sequence, propertiesToModify);
            Settling.Defer(db, queue, held.Sequence);
        }, cancellationToken);

    /// <summary>Closes the receiver.</summary>
    public virtual async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Looks at the first message from <paramref name="fromSequenceNumber"/> on, whatever its state; null: there is none.</summary>
    public virtual async Task<ServiceBusReceivedMessage> PeekMessageAsync(long? fromSequenceNumber = default, CancellationToken cancellationToken = default) =>
        await PeekMessagesAsync(1, fromSequenceNumber, cancellationToken) is [var first, ..] ? first : null;

    /// <summary>Looks at messages from <paramref name="fromSequenceNumber"/> on, whatever their state; else from where it looked last.</summary>
    public virtual async Task<IReadOnlyList<ServiceBusReceivedMessage>> PeekMessagesAsync(int maxMessages, long? fromSequenceNumber = default, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxMessages, 1);
        cancellationToken.ThrowIfCancellationRequested();
        var broker = Reach();
        var from = fromSequenceNumber ?? lastPeeked + 1;
        var seen = await broker.RunAsync(0, (db, _) => Receiving.Peek(db, queue, Session?.Id, from, maxMessages));
        if (seen.Count > 0) { lastPeeked = seen[^1].SequenceNumber; }
        return seen;
    }

    /// <summary>Receives a message that was put aside.</summary>
    /// <exception cref="ServiceBusException">MessageNotFound.</exception>
    public virtual async Task<ServiceBusReceivedMessage> ReceiveDeferredMessageAsync(long sequenceNumber, CancellationToken cancellationToken = default) =>
        (await ReceiveDeferredMessagesAsync([sequenceNumber], cancellationToken))[0];

    /// <summary>Receives messages that were put aside, all or none.</summary>
    /// <exception cref="ServiceBusException">MessageNotFound.</exception>
    public virtual async Task<IReadOnlyList<ServiceBusReceivedMessage>> ReceiveDeferredMessagesAsync(IEnumerable<long> sequenceNumbers, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sequenceNumbers);
        cancellationToken.ThrowIfCancellationRequested();
        var broker = Reach();
        var numbers = sequenceNumbers.Distinct().ToList();
        return await broker.RunAsync(0, (db, now) => Receiving.ReceiveDeferred(db, now, queue, Session, numbers, ReceiveMode == ServiceBusReceiveMode.ReceiveAndDelete));
    }

    /// <summary>Waits for a message; null: there was none in <paramref name="maxWaitTime"/> (one minute).</summary>
    public virtual async Task<ServiceBusReceivedMessage> ReceiveMessageAsync(TimeSpan? maxWaitTime = default, CancellationToken cancellationToken = default) =>
        await ReceiveMessagesAsync(1, maxWaitTime, cancellationToken) is [var first, ..] ? first : null;

    /// <summary>Waits for a message, and receives what more is there, up to <paramref name="maxMessages"/>.</summary>
    public virtual async Task<IReadOnlyList<ServiceBusReceivedMessage>> ReceiveMessagesAsync(int maxMessages, TimeSpan? maxWaitTime = default, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxMessages, 1);
        if (maxWaitTime < TimeSpan.Zero) { throw new ArgumentOutOfRangeException(nameof(maxWaitTime), maxWaitTime, "The wait cannot be negative."); }
        var broker = Reach();
        var until = broker.Clock.GetTimestamp();
        var wait = maxWaitTime ?? ServiceBusClient.TryTimeout;
        var waiters = Session is null ? queue.Ready : Lane;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var version = waiters.Version;
            var received = await broker.RunAsync(0, (db, now) => Receiving.Receive(db, now, queue, Session, maxMessages, ReceiveMode == ServiceBusReceiveMode.ReceiveAndDelete));
            if (received.Count > 0) { return received; }
            if (!await waiters.WaitAsync(version, wait - broker.Clock.GetElapsedTime(until), broker.Clock, cancellationToken)) { return []; }
        }
    }

    /// <summary>Receives one after another until cancelled.</summary>
    public virtual async IAsyncEnumerable<ServiceBusReceivedMessage> ReceiveMessagesAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            if (await ReceiveMessageAsync(null, cancellationToken) is { } message) { yield return message; }
        }
    }

    /// <summary>Keeps the message's lock for another lock duration.</summary>
    /// <exception cref="ServiceBusException">MessageLockLost.</exception>
    public virtual async Task RenewMessageLockAsync(ServiceBusReceivedMessage message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        cancellationToken.ThrowIfCancellationRequested();
        if (Session is not null) { throw new InvalidOperationException("A session's messages have no locks of their own. Renew the session's lock."); }
        var broker = Reach();
        ThrowIfNotLocked(message);
        var until = await broker.RunAsync(0, (db, now) => Receiving.Renew(db, now, queue, message.SequenceNumber, message.LockTokenGuid));
        message.LockedUntil = DateTimeOffset.FromUnixTimeMilliseconds(until);
    }

    internal static ServiceBusReceiver Create(ServiceBusClient client, string queue, ServiceBusReceiverOptions options) => new(client, queue, options);

    /// <summary>Who waits in the session this receiver holds.</summary>
    internal Waiters Lane { get; init; }

    /// <summary>The broker, once the queue is known to be there.</summary>
    internal ServiceBusBroker Reach()
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        var broker = client.Broker;
        queue ??= broker.Queue(EntityPath);
        return broker;
    }

    /// <summary>The queue, once <see cref="Reach"/> was called.</summary>
    internal BusQueue Queue => queue;

    /// <summary>Gives back what the receiver holds beside its messages.</summary>
    private protected virtual Task LetGoAsync() => Task.CompletedTask;

    private async Task SettleAsync(ServiceBusReceivedMessage message, Action<Connection, long, Settling.Held> settle, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        cancellationToken.ThrowIfCancellationRequested();
        var broker = Reach();
        ThrowIfNotLocked(message);
        await broker.RunAsync(0, (db, now) =>
        {
            settle(db, now, Settling.Find(db, now, queue, message.SequenceNumber, message.LockTokenGuid, Session));
            return true;
        });
        message.IsSettled = true;
    }

    private void ThrowIfNotLocked(ServiceBusReceivedMessage message)
    {
        if (ReceiveMode != ServiceBusReceiveMode.PeekLock) { throw new InvalidOperationException("The operation is only supported in 'PeekLock' receive mode."); }
        if (message.LockTokenGuid == Guid.Empty) { throw new InvalidOperationException("This operation cannot be performed because the message was not received with a lock: peeked messages cannot be settled."); }
    }
}
