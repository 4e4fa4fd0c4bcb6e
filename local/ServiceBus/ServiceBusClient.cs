// The official package is not annotated for null.
#nullable disable
using Azure.Core;

namespace Selvedge.Local.ServiceBus;

/// <summary>Makes senders and receivers of one namespace (official: Azure.Messaging.ServiceBus.ServiceBusClient). Nothing is reached before the first call.</summary>
public class ServiceBusClient : IAsyncDisposable
{
    /// <summary>How long one call waits where no time is given, as the official client's default TryTimeout.</summary>
    internal static readonly TimeSpan TryTimeout = TimeSpan.FromSeconds(60);

    /// <summary>For tests that replace the client.</summary>
    protected ServiceBusClient() { }

    /// <summary>By <c>Endpoint=sb://NAMESPACE/;…</c>.</summary>
    /// <exception cref="FormatException">There is no endpoint in it.</exception>
    public ServiceBusClient(string connectionString)
    {
        ArgumentException.ThrowIfNullOrEmpty(connectionString);
        var endpoint = connectionString.Split(';').Select(part => part.Split('=', 2)).FirstOrDefault(part => part[0].Trim().Equals("Endpoint", StringComparison.OrdinalIgnoreCase) && part.Length == 2);
        FullyQualifiedNamespace = endpoint is not null && Uri.TryCreate(endpoint[1].Trim(), UriKind.Absolute, out var uri)
            ? uri.Host
            : throw new FormatException("The connection string has no Endpoint=sb://…/.");
    }

    /// <summary>By the namespace's name; the local broker asks for no credential.</summary>
    public ServiceBusClient(string fullyQualifiedNamespace, TokenCredential credential)
    {
        ArgumentException.ThrowIfNullOrEmpty(fullyQualifiedNamespace);
        ArgumentNullException.ThrowIfNull(credential);
        FullyQualifiedNamespace = fullyQualifiedNamespace;
    }

    /// <summary>The namespace.</summary>
    public virtual string FullyQualifiedNamespace { get; }

    /// <summary>Names the client in logs.</summary>
    public virtual string Identifier { get; } = Guid.NewGuid().ToString("N");

    /// <summary>It was disposed.</summary>
    public virtual bool IsClosed { get; private set; }

    /// <summary>Waits for a session that has messages and is free.</summary>
    /// <exception cref="ServiceBusException">ServiceTimeout: there was none within a minute.</exception>
    public virtual async Task<ServiceBusSessionReceiver> AcceptNextSessionAsync(string queueName, ServiceBusSessionReceiverOptions options = null, CancellationToken cancellationToken = default) =>
        await ServiceBusSessionReceiver.AcceptAsync(this, queueName, null, options, TryTimeout, cancellationToken)
            ?? throw new ServiceBusException($"The operation did not complete within {TryTimeout}: no session of '{queueName}' has messages and is free.", ServiceBusFailureReason.ServiceTimeout, queueName);

    /// <summary>Takes the session named, whether or not it has messages.</summary>
    /// <exception cref="ServiceBusException">SessionCannotBeLocked: another receiver holds it.</exception>
    public virtual Task<ServiceBusSessionReceiver> AcceptSessionAsync(string queueName, string sessionId, ServiceBusSessionReceiverOptions options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sessionId);
        return ServiceBusSessionReceiver.AcceptAsync(this, queueName, sessionId, options, TryTimeout, cancellationToken);
    }

    /// <summary>A receiver of a queue, or with <c>/$deadletterqueue</c> of its dead letters.</summary>
    public virtual ServiceBusReceiver CreateReceiver(string queueName) => CreateReceiver(queueName, null);

    /// <summary>A receiver of a queue or of its dead letters.</summary>
    public virtual ServiceBusReceiver CreateReceiver(string queueName, ServiceBusReceiverOptions options)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        return ServiceBusReceiver.Create(this, queueName, options);
    }

    /// <summary>A sender to a queue.</summary>
    public virtual ServiceBusSender CreateSender(string queueOrTopicName)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        return ServiceBusSender.Create(this, queueOrTopicName);
    }

    /// <summary>Closes the client. Its senders and receivers cannot be used any more.</summary>
    public virtual ValueTask DisposeAsync()
    {
        IsClosed = true;
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>The broker this client means.</summary>
    internal ServiceBusBroker Broker
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return ServiceBusBroker.Reach(FullyQualifiedNamespace);
        }
    }
}
