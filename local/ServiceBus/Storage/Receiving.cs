using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.ServiceBus.Storage;

/// <summary>A session as one receiver holds it.</summary>
internal sealed record SessionLock(string Id, Guid Token);

/// <summary>Messages leaving a queue: received under a lock, or looked at.</summary>
internal static class Receiving
{
    private const string Columns = "SELECT sequence, state, token, due, expires, deliveries, enqueued, origin, head, body FROM messages ";

    /// <summary>Bytes of bodies handed out at once, more only where one message is larger.</summary>
    private const int MostBytes = 4 << 20;

    /// <summary>Locks up to <paramref name="most"/> messages in order, or removes them where <paramref name="delete"/>.</summary>
    public static List<ServiceBusReceivedMessage> Receive(Connection db, long now, BusQueue queue, SessionLock? session, int most, bool delete)
    {
        if (session is null && queue.HasSessions) { throw new InvalidOperationException("It is not possible for an entity that requires sessions to create a non-sessionful message receiver."); }
        var until = session is null ? BusFile.After(now, queue.Definition.LockDuration)!.Value : Sessions.HeldUntil(db, now, queue, session);
        var select = db.Kept(Columns + "WHERE queue = ?1 AND state = 0 AND lane IS ?2 AND (expires IS NULL OR expires > ?3) ORDER BY sequence LIMIT ?4").Bind(1, queue.Number).Bind(3, now).Bind(4, most);
        _ = session is null ? select.BindNull(2) : select.BindText(2, session.Id);
        var received = new List<ServiceBusReceivedMessage>();
        for (var bytes = 0L; bytes < MostBytes && select.Step(); bytes += received[^1].Body.ToMemory().Length)
        {
            received.Add(Read(select, queue, delete ? Guid.Empty : Guid.NewGuid(), until, select.Long(5) + 1));
        }
        select.Reset();
        foreach (var message in received)
        {
            if (delete) { Settling.Remove(db, message.SequenceNumber); }
            else { Lock(db, queue, message, BusFile.Locked, session is null ? until : null); }
        }
        return received;
    }

    /// <summary>Locks messages that were put aside, all or none.</summary>
    public static List<ServiceBusReceivedMessage> ReceiveDeferred(Connection db, long now, BusQueue queue, SessionLock? session, IReadOnlyList<long> sequences, bool delete)
    {
        var until = session is null ? BusFile.After(now, queue.Definition.LockDuration)!.Value : Sessions.HeldUntil(db, now, queue, session);
        var received = new List<ServiceBusReceivedMessage>();
        foreach (var sequence in sequences)
        {
            var select = db.Kept(Columns + "WHERE sequence = ?1 AND queue = ?2 AND state = 2 AND (?3 IS NULL OR lane = ?3)").Bind(1, sequence).Bind(2, queue.Number);
            _ = session is null ? select.BindNull(3) : select.BindText(3, session.Id);
            if (!select.Step()) { throw new ServiceBusException($"There is no deferred message {sequence}, or another receiver has it.", ServiceBusFailureReason.MessageNotFound, queue.Path); }
            received.Add(Read(select, queue, delete ? Guid.Empty : Guid.NewGuid(), until, select.Long(5) + 1));
            select.Reset();
        }
        foreach (var message in received)
        {
            if (delete) { Settling.Remove(db, message.SequenceNumber); }
            else { Lock(db, queue, message, BusFile.DeferredLocked, session is null ? until : null); }
        }
        return received;
    }

    /// <summary>Messages in any state from <paramref name="from"/> on, without a lock.</summary>
    public static List<ServiceBusReceivedMessage> Peek(Connection db, BusQueue queue, string? session, long from, int most)
    {
        // One walk per state, each in order, merged: no index is kept for looking alone. A look over all sessions of a queue sorts what it finds.
        var place = session is not null || !queue.HasSessions ? "lane IS ?3 AND " : "";
        var seen = new List<ServiceBusReceivedMessage>();
        for (var state = BusFile.Available; state <= BusFile.DeferredLocked; state++)
        {
            var select = db.Kept(Columns + $"WHERE queue = ?1 AND state = ?2 AND {place}sequence >= ?4 ORDER BY sequence LIMIT ?5").Bind(1, queue.Number).Bind(2, state).Bind(4, from).Bind(5, most);
            if (place.Length > 0) { _ = session is null ? select.BindNull(3) : select.BindText(3, session); }
            for (var bytes = 0L; bytes < MostBytes && select.Step(); bytes += seen[^1].Body.ToMemory().Length)
            {
                seen.Add(Read(select, queue, Guid.Empty, null, select.Long(5)));
            }
            select.Reset();
        }
        return [.. seen.OrderBy(message => message.SequenceNumber).Take(most)];
    }

    /// <summary>Keeps a lock for another lock duration; yields its new end.</summary>
    public static long Renew(Connection db, long now, BusQueue queue, long sequence, Guid token)
    {
        Settling.Find(db, now, queue, sequence, token, session: null);
        var until = BusFile.After(now, queue.Definition.LockDuration)!.Value;
        db.Kept("UPDATE messages SET due = ?2 WHERE sequence = ?1").Bind(1, sequence).Bind(2, until).Run();
        queue.Due.Note(until);
        return until;
    }

    private static void Lock(Connection db, BusQueue queue, ServiceBusReceivedMessage message, int state, long? due)
    {
        db.Kept("UPDATE messages SET state = ?2, token = ?3, due = ?4, deliveries = deliveries + 1 WHERE sequence = ?1")
            .Bind(1, message.SequenceNumber).Bind(2, state).Bind(3, message.LockTokenGuid.ToByteArray()).Bind(4, due).Run();
        if (due is { } ends) { queue.Due.Note(ends); }
    }

    private static ServiceBusReceivedMessage Read(Statement row, BusQueue queue, Guid token, long? until, long deliveries) => new(Envelope.Decode(row.Bytes(8)))
    {
        Body = new BinaryData(row.Bytes(9).ToArray()),
        SequenceNumber = row.Long(0),
        EnqueuedSequenceNumber = row.IsNull(7) ? row.Long(0) : row.Long(7),
        EnqueuedTime = DateTimeOffset.FromUnixTimeMilliseconds(row.Long(6)),
        DeliveryCount = (int)deliveries,
        LockTokenGuid = token,
        LockedUntil = until is { } ends ? DateTimeOffset.FromUnixTimeMilliseconds(ends) : default,
        State = (int)row.Long(1) switch
        {
            BusFile.Scheduled => ServiceBusMessageState.Scheduled,
            BusFile.Deferred or BusFile.DeferredLocked => ServiceBusMessageState.Deferred,
            _ => ServiceBusMessageState.Active,
        },
        From = queue,
    };
}
