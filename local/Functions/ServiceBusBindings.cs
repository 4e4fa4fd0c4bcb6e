using Selvedge.Local.ServiceBus;

namespace Selvedge.Local.Functions;

/// <summary>Whether a trigger's parameter takes one or many.</summary>
public enum Cardinality
{
    /// <summary>An array of messages.</summary>
    Many = 0,

    /// <summary>One message.</summary>
    One = 1,
}

/// <summary>A trigger that can hand over one or many.</summary>
public interface ISupportCardinality
{
    /// <summary>One or many.</summary>
    Cardinality Cardinality { get; set; }
}

/// <summary>Runs the function for a message of a queue: completed when it succeeds, delivered again when it throws, until the queue's maxDeliveryCount
/// (official: Microsoft.Azure.Functions.Worker.ServiceBusTriggerAttribute). Topics and batches are not hosted here.</summary>
public sealed class ServiceBusTriggerAttribute : TriggerBindingAttribute, ISupportCardinality
{
    /// <param name="queueName">The queue; <c>%Name%</c> reads it from the setting <c>Name</c>. <c>/$deadletterqueue</c> at its end means its dead letters.</param>
    public ServiceBusTriggerAttribute(string queueName) => QueueName = queueName;

    /// <summary>The setting with the namespace; locally it is always the data folder's.</summary>
    public string? Connection { get; set; }

    /// <summary>The queue as written.</summary>
    public string? QueueName { get; }

    /// <summary>The queue has sessions: each is received in order, by one instance at a time.</summary>
    public bool IsSessionsEnabled { get; set; }

    /// <summary>Many messages in one run; refused here.</summary>
    public bool IsBatched { get; set; }

    /// <summary>Complete the message when the function succeeds and has not settled it.</summary>
    public bool AutoCompleteMessages { get; set; } = true;

    Cardinality ISupportCardinality.Cardinality
    {
        get => IsBatched ? Cardinality.Many : Cardinality.One;
        set => IsBatched = value == Cardinality.Many;
    }
}

/// <summary>Settles a message in the function itself (official: Microsoft.Azure.Functions.Worker.ServiceBusMessageActions).</summary>
public class ServiceBusMessageActions
{
    private readonly ServiceBusReceiver? receiver;

    internal ServiceBusMessageActions(ServiceBusReceiver receiver) => this.receiver = receiver;

    /// <summary>For tests that replace it.</summary>
    protected ServiceBusMessageActions() { }

    private ServiceBusReceiver Receiver => receiver ?? throw new NotImplementedException("A replacement overrides what it is asked for.");

    /// <summary>Removes the message: its work is done.</summary>
    public virtual Task CompleteMessageAsync(ServiceBusReceivedMessage message, CancellationToken cancellationToken = default) => Receiver.CompleteMessageAsync(message, cancellationToken);

    /// <summary>Gives the message back, to be delivered again at once.</summary>
    public virtual Task AbandonMessageAsync(ServiceBusReceivedMessage message, IDictionary<string, object>? propertiesToModify = null, CancellationToken cancellationToken = default) =>
        Receiver.AbandonMessageAsync(message, propertiesToModify, cancellationToken);

    /// <summary>Moves the message to the dead letters, saying why.</summary>
    public virtual Task DeadLetterMessageAsync(ServiceBusReceivedMessage message, Dictionary<string, object>? propertiesToModify = null, string? deadLetterReason = null, string? deadLetterErrorDescription = null, CancellationToken cancellationToken = default) =>
        Receiver.DeadLetterMessageAsync(message, propertiesToModify, deadLetterReason, deadLetterErrorDescription, cancellationToken);

    /// <summary>Puts the message aside: it is received by its sequence number only.</summary>
    public virtual Task DeferMessageAsync(ServiceBusReceivedMessage message, IDictionary<string, object>? propertiesToModify = null, CancellationToken cancellationToken = default) =>
        Receiver.DeferMessageAsync(message, propertiesToModify, cancellationToken);

    /// <summary>Keeps the message's lock for another lock duration.</summary>
    public virtual Task RenewMessageLockAsync(ServiceBusReceivedMessage message, CancellationToken cancellationToken = default) => Receiver.RenewMessageLockAsync(message, cancellationToken);
}

/// <summary>Steers the session whose message the function runs for (official: Microsoft.Azure.Functions.Worker.ServiceBusSessionMessageActions).</summary>
public class ServiceBusSessionMessageActions
{
    private readonly ServiceBusSessionReceiver? receiver;
    private DateTimeOffset lockedUntil;

    internal ServiceBusSessionMessageActions(ServiceBusSessionReceiver receiver) => this.receiver = receiver;

    /// <summary>For tests that replace it.</summary>
    protected ServiceBusSessionMessageActions() { }

    /// <summary>When the session's lock ends.</summary>
    public virtual DateTimeOffset SessionLockedUntil
    {
        get => receiver?.SessionLockedUntil ?? lockedUntil;
        protected set => lockedUntil = value;
    }

    /// <summary>The function asked to let the session go after this message.</summary>
    internal bool IsReleaseAsked { get; private set; }

    private ServiceBusSessionReceiver Receiver => receiver ?? throw new NotImplementedException("A replacement overrides what it is asked for.");

    /// <summary>What was stored with the session.</summary>
    public virtual Task<BinaryData> GetSessionStateAsync(CancellationToken cancellationToken = default) => Receiver.GetSessionStateAsync(cancellationToken);

    /// <summary>Stores something with the session.</summary>
    public virtual Task SetSessionStateAsync(BinaryData sessionState, CancellationToken cancellationToken = default) => Receiver.SetSessionStateAsync(sessionState, cancellationToken);

    /// <summary>Lets the session go after this message, for another instance or session to have its turn.</summary>
    public virtual Task ReleaseSession(CancellationToken cancellationToken = default)
    {
        IsReleaseAsked = true;
        return Task.CompletedTask;
    }

    /// <summary>Keeps the session for another lock duration.</summary>
    public virtual Task RenewSessionLockAsync(CancellationToken cancellationToken = default) => Receiver.RenewSessionLockAsync(cancellationToken);
}
