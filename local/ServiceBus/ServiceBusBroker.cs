using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Selvedge.Local.Cosmos;
using Selvedge.Local.Cosmos.Storage;
using Selvedge.Local.ServiceBus.Storage;

namespace Selvedge.Local.ServiceBus;

/// <summary>
/// A Service Bus namespace in one file of the data folder. What was acknowledged is on the disk; after a crash every message that was not settled is there again,
/// the locks of the process that died are gone, and its deliveries count. Clients reach it by <see cref="FullyQualifiedNamespace"/>, as they reach Azure's.
/// </summary>
public sealed class ServiceBusBroker : IDisposable
{
    private const string FileName = "servicebus.db";

    private static readonly ConcurrentDictionary<string, ServiceBusBroker> Opened = new(StringComparer.OrdinalIgnoreCase);

    private readonly ConcurrentDictionary<string, BusQueue> queues = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<int, BusQueue> byNumber = new();
    private readonly string path;
    private readonly Writer writer;
    private readonly Lock declaring = new();

    private ServiceBusBroker(string path, Connection connection, TimeProvider clock)
    {
        (this.path, Clock) = (path, clock);
        FullyQualifiedNamespace = NameOf(System.IO.Path.GetDirectoryName(path)!);
        Due = new DueTimes(number => byNumber[number]);
        Recover(connection);
        writer = new Writer(connection, clock, Fail);
        Due.Start(clock, Ring);
        Ring();
    }

    /// <summary>Raised once, with a message for a person, when the broker can no longer write: the disk is full or the file damaged.</summary>
    public event Action<string>? Faulted;

    /// <summary>What a <see cref="ServiceBusClient"/> is given to reach this broker.</summary>
    public string FullyQualifiedNamespace { get; }

    /// <summary>The queues declared, now or by an earlier run.</summary>
    public IReadOnlyCollection<QueueDefinition> Queues => [.. queues.Values.Where(queue => !queue.IsDeadLetters).Select(queue => queue.Definition)];

    internal TimeProvider Clock { get; }

    internal DueTimes Due { get; }

    internal long Now => Clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The name under which the broker of <paramref name="folder"/> is reached.</summary>
    public static string NameOf(string folder) =>
        $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(System.IO.Path.GetFullPath(folder))))[..16]}.servicebus.localhost";

    /// <summary>Opens the broker's file in <paramref name="folder"/>, which this process holds already.</summary>
    /// <exception cref="CosmosStoreException">The file is damaged, not ours, or cannot be written.</exception>
    internal static ServiceBusBroker Open(string folder, TimeProvider? clock = null)
    {
        var path = System.IO.Path.Combine(folder, FileName);
        Connection? connection = null;
        try
        {
            connection = StoreFile.OpenWriter(path, new CosmosStoreOptions { CacheMebibytes = 8 }, BusFile.Format);
            connection.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
            var broker = new ServiceBusBroker(path, connection, clock ?? TimeProvider.System);
            Opened[broker.FullyQualifiedNamespace] = broker;
            return broker;
        }
        catch (Exception unusable) when (unusable is SqliteFailure or FormatException or JsonException)
        {
            connection?.Dispose();
            throw unusable is SqliteFailure failure ? StoreFile.Explain(failure, path)
                : new CosmosStoreException($"The database file {path} is damaged: its list of queues cannot be read ({unusable.Message}). Restore it from a backup.", unusable);
        }
    }

    /// <summary>Makes a queue, or changes it to the new definition. What an app no longer declares stays.</summary>
    /// <exception cref="FormatException">Azure would not take the definition.</exception>
    /// <exception cref="ServiceBusException">Sessions or duplicate detection would change under messages that are there.</exception>
    public void Declare(QueueDefinition definition)
    {
        ArgumentNullException.ThrowIfNull(definition);
        definition.Checked();
        lock (declaring)
        {
            var known = queues.GetValueOrDefault(definition.Name);
            if (known?.Definition == definition with { Name = known?.Definition.Name ?? "" }) { return; }
            var number = known?.Number ?? (byNumber.Keys.DefaultIfEmpty(0).Max() / 2 * 2) + 2;
            var stored = RunAsync(0, (db, _) => Store(db, number, known, definition)).GetAwaiter().GetResult();
            if (known is null) { Add(number, stored); }
            else { known.Definition = stored; }
        }
    }

    /// <summary>Finishes what was handed in and lets the file go; what is locked is free at the next opening.</summary>
    public void Dispose()
    {
        Opened.TryRemove(KeyValuePair.Create(FullyQualifiedNamespace, this));
        Due.Dispose();
        writer.Dispose();

        // Who still waits is told, by what it tries next.
        foreach (var queue in byNumber.Values) { queue.WakeAll(); }
    }

    /// <summary>A client of this broker.</summary>
    internal ServiceBusClient Connect() => new($"Endpoint=sb://{FullyQualifiedNamespace}/");

    /// <summary>The open broker a client means.</summary>
    /// <exception cref="ServiceBusException">There is none of this name in this process.</exception>
    internal static ServiceBusBroker Reach(string fullyQualifiedNamespace) => Opened.TryGetValue(fullyQualifiedNamespace, out var broker)
        ? broker
        : throw new ServiceBusException($"No Service Bus namespace answers at {fullyQualifiedNamespace}. Locally it is the one of this process's open data folder (setting ServiceBus:fullyQualifiedNamespace).", ServiceBusFailureReason.ServiceCommunicationProblem);

    /// <summary>The queue at <paramref name="name"/>, which may end in <c>/$deadletterqueue</c>.</summary>
    /// <exception cref="ServiceBusException">MessagingEntityNotFound.</exception>
    internal BusQueue Queue(string name) => queues.TryGetValue(name, out var queue)
        ? queue
        : throw new ServiceBusException($"The messaging entity '{name}' could not be found. Declare the queue in servicebus.json.", ServiceBusFailureReason.MessagingEntityNotFound, name);

    /// <summary>Runs <paramref name="work"/> on the writer's thread; ends when its outcome is on the disk.</summary>
    internal Task<T> RunAsync<T>(int weight, Func<Connection, long, T> work)
    {
        var queued = new BusWork<T>(this, weight, work);
        try
        {
            writer.Enqueue(queued);
        }
        catch (CosmosError refused)
        {
            return Task.FromException<T>(Translate(refused));
        }
        return queued.Completion;
    }

    internal void Publish() => Due.Publish(Now);

    /// <summary>What the shared writer says, in Service Bus's words.</summary>
    internal static Exception Translate(Exception reason) => reason is CosmosError error
        ? new ServiceBusException(error.Message, error.Status == 429 ? ServiceBusFailureReason.ServiceBusy : ServiceBusFailureReason.ServiceCommunicationProblem, null, error)
        : reason;

    private static QueueDefinition Store(Connection db, int number, BusQueue? known, QueueDefinition definition)
    {
        if (known is not null && (known.Definition.RequiresSession, known.Definition.RequiresDuplicateDetection) != (definition.RequiresSession, definition.RequiresDuplicateDetection))
        {
            var any = db.Kept("SELECT 1 FROM messages WHERE queue BETWEEN ?1 AND ?1 + 1 LIMIT 1").Bind(1, number);
            var holds = any.Step();
            any.Reset();
            if (holds) { throw new ServiceBusException($"Queue {definition.Name} holds messages: requiresSession and requiresDuplicateDetection cannot be changed. Declare a queue of another name.", ServiceBusFailureReason.GeneralError, definition.Name); }
        }
        db.Kept("INSERT INTO queues(number, name, definition) VALUES(?1, ?2, ?3) ON CONFLICT(number) DO UPDATE SET definition = excluded.definition")
            .Bind(1, number).BindText(2, definition.Name).BindText(3, definition.ToJson()).Run();
        return definition;
    }

    private void Add(int number, QueueDefinition definition)
    {
        var letters = new BusQueue(number + 1, definition, null, Due);
        var queue = new BusQueue(number, definition, letters, Due);
        (byNumber[number], byNumber[number + 1]) = (queue, letters);
        (queues[queue.Path], queues[letters.Path]) = (queue, letters);
    }

    // Before the writer starts: who held a lock is gone, and what was locked counts as delivered.
    private void Recover(Connection db)
    {
        var list = db.Kept("SELECT number, name, definition FROM queues ORDER BY number");
        while (list.Step())
        {
            using var definition = JsonDocument.Parse(list.String(2));
            Add((int)list.Long(0), QueueDefinition.Parse(list.String(1), definition.RootElement));
        }
        db.Execute("BEGIN IMMEDIATE");
        var locked = new List<(BusQueue Queue, Settling.Held Held)>();
        foreach (var queue in byNumber.Values)
        {
            foreach (var state in (int[])[BusFile.Locked, BusFile.DeferredLocked])
            {
                var select = db.Kept("SELECT sequence, lane, deliveries FROM messages WHERE queue = ?1 AND state = ?2").Bind(1, queue.Number).Bind(2, state);
                while (select.Step()) { locked.Add((queue, new(select.Long(0), state, select.IsNull(1) ? null : select.String(1), select.Long(2)))); }
            }
        }
        foreach (var (queue, held) in locked) { Settling.Release(db, Now, queue, held); }
        db.Kept("UPDATE sessions SET token = NULL, until = NULL, ready = 1 WHERE token IS NOT NULL").Run();
        db.Execute("COMMIT");
    }

    private void Ring() => _ = RingAsync();

    // The work itself is what BusWork does first.
    private async Task RingAsync()
    {
        try
        {
            await RunAsync(0, (_, _) => { Due.Rearm(); return true; });
        }
        catch (ServiceBusException)
        {
            // Closing, faulted or overloaded: whoever comes next does what is due.
        }
    }

    private void Fail(SqliteFailure failure)
    {
        var reason = StoreFile.Explain(failure, path);
        writer.Stop(reason);
        ThreadPool.QueueUserWorkItem(_ => Faulted?.Invoke(reason.Message));
    }
}
