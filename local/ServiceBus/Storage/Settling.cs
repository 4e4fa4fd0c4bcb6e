using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.ServiceBus.Storage;

/// <summary>What becomes of a message that was received. Only who holds its lock decides; a lock that ended decides like one who gave it back.</summary>
internal static class Settling
{
    /// <summary>Why the service dead-letters by itself, in its own words.</summary>
    public const string MaxDeliveryCountExceeded = "MaxDeliveryCountExceeded", Expired = "TTLExpiredException";

    /// <summary>A message as it lies locked.</summary>
    internal readonly record struct Held(long Sequence, int State, string? Lane, long Deliveries);

    /// <summary>The message, if <paramref name="token"/> is its lock and has not ended.</summary>
    /// <exception cref="ServiceBusException">MessageLockLost, SessionLockLost.</exception>
    public static Held Find(Connection db, long now, BusQueue queue, long sequence, Guid token, SessionLock? session)
    {
        if (session is not null) { Sessions.HeldUntil(db, now, queue, session); }
        var find = db.Kept("SELECT state, lane, deliveries, due FROM messages WHERE sequence = ?1 AND queue = ?2 AND token = ?3 AND state IN (1, 4)")
            .Bind(1, sequence).Bind(2, queue.Number).Bind(3, token.ToByteArray());
        if (!find.Step()) { throw Lost(queue); }
        var held = new Held(sequence, (int)find.Long(0), find.IsNull(1) ? null : find.String(1), find.Long(2));
        var ended = !find.IsNull(3) && find.Long(3) <= now;
        find.Reset();
        return ended ? throw Lost(queue) : held;
    }

    /// <summary>Done with it.</summary>
    public static void Remove(Connection db, long sequence) => db.Kept("DELETE FROM messages WHERE sequence = ?1").Bind(1, sequence).Run();

    /// <summary>Gives it back, to be delivered again in its old place, or dead-letters it where it was delivered often enough. Deferred messages stay deferred.</summary>
    public static void Release(Connection db, long now, BusQueue queue, Held held)
    {
        if (!queue.IsDeadLetters && held.Deliveries >= queue.Definition.MaxDeliveryCount)
        {
            DeadLetter(db, queue, held.Sequence, null, MaxDeliveryCountExceeded, $"Message could not be consumed after {queue.Definition.MaxDeliveryCount} delivery attempts.");
            return;
        }
        var deferred = held.State == BusFile.DeferredLocked;
        Unlock(db, queue, held.Sequence, deferred ? BusFile.Deferred : BusFile.Available);
        if (deferred) { return; }
        Sessions.MakeReady(db, now, queue, held.Lane);
        queue.MadeAvailable(held.Lane);
    }

    /// <summary>Puts it aside, to be received by its sequence number alone.</summary>
    public static void Defer(Connection db, BusQueue queue, long sequence) => Unlock(db, queue, sequence, BusFile.Deferred);

    /// <summary>Moves it to the dead letters, where it stays until someone takes it. Its properties say why.</summary>
    public static void DeadLetter(Connection db, BusQueue queue, long sequence, IDictionary<string, object>? changes, string? reason, string? description)
    {
        var because = new Dictionary<string, object>(changes ?? new Dictionary<string, object>());
        if (reason is not null) { because[Envelope.DeadLetterReason] = reason; }
        if (description is not null) { because[Envelope.DeadLetterErrorDescription] = description; }
        Change(db, sequence, because);
        var letters = queue.DeadLetters ?? queue;
        db.Kept("UPDATE messages SET queue = ?2, state = 0, lane = NULL, token = NULL, due = NULL, expires = NULL WHERE sequence = ?1").Bind(1, sequence).Bind(2, letters.Number).Run();
        letters.MadeAvailable(null);
    }

    /// <summary>Sets application properties of a stored message.</summary>
    public static void Change(Connection db, long sequence, IDictionary<string, object>? changes)
    {
        if (changes is null or { Count: 0 }) { return; }
        var read = db.Kept("SELECT head FROM messages WHERE sequence = ?1").Bind(1, sequence);
        read.Step();
        var envelope = Envelope.Decode(read.Bytes(0));
        read.Reset();
        foreach (var (name, value) in changes) { envelope.Properties[name] = value; }
        db.Kept("UPDATE messages SET head = ?2 WHERE sequence = ?1").Bind(1, sequence).Bind(2, envelope.Encode()).Run();
    }

    private static void Unlock(Connection db, BusQueue queue, long sequence, int state)
    {
        var update = db.Kept("UPDATE messages SET state = ?2, token = NULL, due = NULL WHERE sequence = ?1 RETURNING expires").Bind(1, sequence).Bind(2, state);
        if (update.Step() && !update.IsNull(0)) { queue.Due.Note(update.Long(0)); }
        update.Reset();
    }

    private static ServiceBusException Lost(BusQueue queue) => new(
        "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue.", ServiceBusFailureReason.MessageLockLost, queue.Path);
}
