// The official package is not annotated for null.
#nullable disable
namespace Selvedge.Local.ServiceBus;

/// <summary>Whether a message received is locked or gone.</summary>
public enum ServiceBusReceiveMode
{
    /// <summary>Locked until it is settled or the lock ends.</summary>
    PeekLock = 0,

    /// <summary>Removed as it is received.</summary>
    ReceiveAndDelete = 1,
}

/// <summary>A queue beside the queue.</summary>
public enum SubQueue
{
    /// <summary>The queue itself.</summary>
    None = 0,

    /// <summary>Its dead letters.</summary>
    DeadLetter = 1,

    /// <summary>Dead letters of forwarding, which is not done here: refused.</summary>
    TransferDeadLetter = 2,
}

/// <summary>What state a message is in.</summary>
public enum ServiceBusMessageState
{
    /// <summary>To be received, or locked.</summary>
    Active = 0,

    /// <summary>Put aside: received by its sequence number only.</summary>
    Deferred = 1,

    /// <summary>Not enqueued yet.</summary>
    Scheduled = 2,
}

/// <summary>How a receiver receives.</summary>
public class ServiceBusReceiverOptions
{
    /// <summary>Names the receiver in logs.</summary>
    public string Identifier { get; set; }

    /// <summary>Messages fetched ahead; the local broker is in this process and fetches none.</summary>
    public int PrefetchCount { get; set; }

    /// <summary>Locked or gone.</summary>
    public ServiceBusReceiveMode ReceiveMode { get; set; }

    /// <summary>The queue or its dead letters.</summary>
    public SubQueue SubQueue { get; set; }
}

/// <summary>How a session's receiver receives.</summary>
public class ServiceBusSessionReceiverOptions
{
    /// <summary>Names the receiver in logs.</summary>
    public string Identifier { get; set; }

    /// <summary>Messages fetched ahead; the local broker is in this process and fetches none.</summary>
    public int PrefetchCount { get; set; }

    /// <summary>Locked or gone.</summary>
    public ServiceBusReceiveMode ReceiveMode { get; set; }
}

/// <summary>How large a batch may grow.</summary>
public class CreateMessageBatchOptions
{
    /// <summary>Bytes at most; null: as many as the service takes.</summary>
    public long? MaxSizeInBytes { get; set; }
}
