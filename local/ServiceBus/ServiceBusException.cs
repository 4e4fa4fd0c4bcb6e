// The official package is not annotated for null.
#nullable disable
namespace Selvedge.Local.ServiceBus;

/// <summary>Why Service Bus refused or failed (official: Azure.Messaging.ServiceBus.ServiceBusFailureReason).</summary>
public enum ServiceBusFailureReason
{
    /// <summary>Not one of the others.</summary>
    GeneralError = 0,

    /// <summary>There is no such queue.</summary>
    MessagingEntityNotFound = 1,

    /// <summary>The lock ended or was another's.</summary>
    MessageLockLost = 2,

    /// <summary>There is no such message.</summary>
    MessageNotFound = 3,

    /// <summary>A message, or those sent together, are larger than the service takes.</summary>
    MessageSizeExceeded = 4,

    /// <summary>The entity is switched off.</summary>
    MessagingEntityDisabled = 5,

    /// <summary>The queue is full.</summary>
    QuotaExceeded = 6,

    /// <summary>Try again shortly.</summary>
    ServiceBusy = 7,

    /// <summary>It took too long.</summary>
    ServiceTimeout = 8,

    /// <summary>The service cannot be reached, or cannot go on.</summary>
    ServiceCommunicationProblem = 9,

    /// <summary>Another receiver holds the session.</summary>
    SessionCannotBeLocked = 10,

    /// <summary>The session's lock ended.</summary>
    SessionLockLost = 11,

    /// <summary>There is one of that name.</summary>
    MessagingEntityAlreadyExists = 12,
}

/// <summary>Service Bus refused or failed (official: Azure.Messaging.ServiceBus.ServiceBusException).</summary>
public class ServiceBusException : Exception
{
    /// <summary>Without a reason.</summary>
    public ServiceBusException() { }

    /// <summary>With whether trying again may help.</summary>
    public ServiceBusException(bool isTransient, string message, string entityName = null, ServiceBusFailureReason reason = ServiceBusFailureReason.GeneralError, Exception innerException = null)
        : base(message, innerException) => (IsTransient, EntityPath, Reason) = (isTransient, entityName, reason);

    /// <summary>Transient where the reason says so.</summary>
    public ServiceBusException(string message, ServiceBusFailureReason reason, string entityPath = null, Exception innerException = null)
        : this(reason is ServiceBusFailureReason.ServiceCommunicationProblem or ServiceBusFailureReason.ServiceTimeout or ServiceBusFailureReason.ServiceBusy, message, entityPath, reason, innerException) { }

    /// <summary>The queue.</summary>
    public string EntityPath { get; }

    /// <summary>Trying again may help.</summary>
    public bool IsTransient { get; }

    /// <summary>Why.</summary>
    public ServiceBusFailureReason Reason { get; }

    /// <summary>The message with queue and reason.</summary>
    public override string Message => EntityPath is null ? $"{base.Message} ({Reason})" : $"{base.Message} ({Reason}, {EntityPath})";
}
