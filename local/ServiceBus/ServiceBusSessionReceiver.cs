// The official package is not annotated for null.
#nullable disable
using Selvedge.Local.ServiceBus.Storage;

namespace Selvedge.Local.ServiceBus;

/// <summary>Receives one session's messages in order, which nobody else receives meanwhile (official: Azure.Messaging.ServiceBus.ServiceBusSessionReceiver).</summary>
public class ServiceBusSessionReceiver : ServiceBusReceiver
{
    /// <summary>For tests that replace the receiver.</summary>
    protected ServiceBusSessionReceiver() { }

    private ServiceBusSessionReceiver(ServiceBusClient client, string queueName, ServiceBusReceiverOptions options) : base(client, queueName, options) { }

    /// <summary>It was closed.</summary>
    public override bool IsClosed => base.IsClosed;

    /// <summary>The session.</summary>
    public virtual string SessionId => Session.Id;

    /// <summary>When the session's lock ends. Renewing moves it.</summary>
    public virtual DateTimeOffset SessionLockedUntil { get; private set; }

    /// <summary>What was stored with the session; null: nothing.</summary>
    /// <exception cref="ServiceBusException">SessionLockLost.</exception>
    public virtual async Task<BinaryData> GetSessionStateAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return await Reach().RunAsync(0, (db, now) => Sessions.State(db, now, Queue, Session)) is { } state ? new BinaryData(state) : null;
    }

    /// <summary>Keeps the session for another lock duration.</summary>
    /// <exception cref="ServiceBusException">SessionLockLost.</exception>
    public virtual async Task RenewSessionLockAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        SessionLockedUntil = DateTimeOffset.FromUnixTimeMilliseconds(await Reach().RunAsync(0, (db, now) => Sessions.Renew(db, now, Queue, Session)));
    }

    /// <summary>Stores something with the session, to be found by whoever holds it next; null clears it.</summary>
    /// <exception cref="ServiceBusException">SessionLockLost.</exception>
    public virtual Task SetSessionStateAsync(BinaryData sessionState, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var state = sessionState?.ToArray();
        return Reach().RunAsync(state?.Length ?? 0, (db, now) => Sessions.SetState(db, now, Queue, Session, state));
    }

    private protected override async Task LetGoAsync()
    {
        try
        {
            await Reach().RunAsync(0, (db, now) =>
            {
                Sessions.HeldUntil(db, now, Queue, Session);
                Sessions.Release(db, now, Queue, Session.Id, ended: false);
                return true;
            });
        }
        catch (ServiceBusException gone) when (gone.Reason is ServiceBusFailureReason.SessionLockLost or ServiceBusFailureReason.ServiceCommunicationProblem)
        {
            // It is not ours any more.
        }
        Queue.Lanes.TryRemove(KeyValuePair.Create(Session.Id, Lane));
    }

    /// <summary>Takes a session of <paramref name="queueName"/>, the one named or the next; null when there was none in <paramref name="wait"/>.</summary>
    internal static async Task<ServiceBusSessionReceiver> AcceptAsync(
        ServiceBusClient client, string queueName, string sessionId, ServiceBusSessionReceiverOptions options, TimeSpan wait, CancellationToken cancellationToken)
    {
        var broker = client.Broker;
        var queue = broker.Queue(queueName);
        var started = broker.Clock.GetTimestamp();
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var version = queue.Ready.Version;
            if (await broker.RunAsync(0, (db, now) => Sessions.Accept(db, now, queue, sessionId)) is { } taken)
            {
                var lane = new Waiters();
                queue.Lanes[taken.Lock.Id] = lane;
                var receiver = new ServiceBusSessionReceiver(client, queueName, new ServiceBusReceiverOptions { ReceiveMode = options?.ReceiveMode ?? default, PrefetchCount = options?.PrefetchCount ?? 0, Identifier = options?.Identifier })
                {
                    Session = taken.Lock, Lane = lane, SessionLockedUntil = DateTimeOffset.FromUnixTimeMilliseconds(taken.Until),
                };
                receiver.Reach();
                return receiver;
            }
            if (!await queue.Ready.WaitAsync(version, wait - broker.Clock.GetElapsedTime(started), broker.Clock, cancellationToken)) { return null; }
        }
    }
}
