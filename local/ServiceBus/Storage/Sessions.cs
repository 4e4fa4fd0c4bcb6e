using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.ServiceBus.Storage;

/// <summary>Sessions: one receiver at a time holds one, and receives its messages in order. <c>ready</c> says that there may be messages; who finds none clears it.</summary>
internal static class Sessions
{
    /// <summary>A message of <paramref name="lane"/> can be received.</summary>
    public static void MakeReady(Connection db, long now, BusQueue queue, string? lane)
    {
        if (lane is null) { return; }
        db.Kept("INSERT INTO sessions(queue, id, ready, since) VALUES(?1, ?2, 1, ?3) ON CONFLICT DO UPDATE SET ready = 1, since = excluded.since WHERE ready = 0")
            .Bind(1, queue.Number).BindText(2, lane).Bind(3, now).Run();
    }

    /// <summary>Takes the session that has waited longest with a message, or the one named; null when none is free with one.</summary>
    /// <exception cref="ServiceBusException">SessionCannotBeLocked: another receiver holds the one named.</exception>
    public static (SessionLock Lock, long Until)? Accept(Connection db, long now, BusQueue queue, string? id)
    {
        if (!queue.HasSessions) { throw new InvalidOperationException($"{queue.Path} does not require sessions: a session cannot be accepted on it. Use CreateReceiver."); }
        if (id is not null && IsHeld(db, queue, id)) { throw new ServiceBusException($"The requested session '{id}' cannot be accepted. It may be locked by another receiver.", ServiceBusFailureReason.SessionCannotBeLocked, queue.Path); }
        id ??= LongestWaiting(db, now, queue);
        if (id is null) { return null; }
        var until = BusFile.After(now, queue.Definition.LockDuration)!.Value;
        var taken = new SessionLock(id, Guid.NewGuid());
        db.Kept("INSERT INTO sessions(queue, id, token, until, ready, since) VALUES(?1, ?2, ?3, ?4, 1, ?5) ON CONFLICT DO UPDATE SET token = excluded.token, until = excluded.until")
            .Bind(1, queue.Number).BindText(2, id).Bind(3, taken.Token.ToByteArray()).Bind(4, until).Bind(5, now).Run();
        queue.Due.Note(until);
        return (taken, until);
    }

    /// <summary>When <paramref name="session"/>'s lock ends.</summary>
    /// <exception cref="ServiceBusException">SessionLockLost.</exception>
    public static long HeldUntil(Connection db, long now, BusQueue queue, SessionLock session)
    {
        var find = db.Kept("SELECT until FROM sessions WHERE queue = ?1 AND id = ?2 AND token = ?3").Bind(1, queue.Number).BindText(2, session.Id).Bind(3, session.Token.ToByteArray());
        var until = find.Step() ? find.Long(0) : 0;
        find.Reset();
        return until > now ? until : throw new ServiceBusException($"The session lock of '{session.Id}' has expired. Accept the session again.", ServiceBusFailureReason.SessionLockLost, queue.Path);
    }

    /// <summary>Keeps the session for another lock duration; yields its new end.</summary>
    public static long Renew(Connection db, long now, BusQueue queue, SessionLock session)
    {
        HeldUntil(db, now, queue, session);
        var until = BusFile.After(now, queue.Definition.LockDuration)!.Value;
        db.Kept("UPDATE sessions SET until = ?3 WHERE queue = ?1 AND id = ?2").Bind(1, queue.Number).BindText(2, session.Id).Bind(3, until).Run();
        queue.Due.Note(until);
        return until;
    }

    /// <summary>What was stored with the session; null: nothing.</summary>
    public static byte[]? State(Connection db, long now, BusQueue queue, SessionLock session)
    {
        HeldUntil(db, now, queue, session);
        var read = db.Kept("SELECT state FROM sessions WHERE queue = ?1 AND id = ?2").Bind(1, queue.Number).BindText(2, session.Id);
        var state = read.Step() && !read.IsNull(0) ? read.Bytes(0).ToArray() : null;
        read.Reset();
        return state;
    }

    /// <summary>Stores something with the session; null: nothing.</summary>
    public static bool SetState(Connection db, long now, BusQueue queue, SessionLock session, byte[]? state)
    {
        HeldUntil(db, now, queue, session);
        var write = db.Kept("UPDATE sessions SET state = ?3 WHERE queue = ?1 AND id = ?2").Bind(1, queue.Number).BindText(2, session.Id);
        (state is null ? write.BindNull(3) : write.Bind(3, state)).Run();
        return true;
    }

    /// <summary>Gives the session back. Its receiver's messages are available again: counted as deliveries where the lock ended, not where the receiver let go.</summary>
    public static void Release(Connection db, long now, BusQueue queue, string id, bool ended)
    {
        foreach (var held in LockedIn(db, queue, id))
        {
            if (!ended) { db.Kept("UPDATE messages SET deliveries = deliveries - 1 WHERE sequence = ?1").Bind(1, held.Sequence).Run(); }
            Settling.Release(db, now, queue, ended ? held : held with { Deliveries = 0 });
        }
        db.Kept("UPDATE sessions SET token = NULL, until = NULL, ready = 1, since = ?3 WHERE queue = ?1 AND id = ?2").Bind(1, queue.Number).BindText(2, id).Bind(3, now).Run();
        queue.MadeAvailable(null);
    }

    private static List<Settling.Held> LockedIn(Connection db, BusQueue queue, string id)
    {
        var held = new List<Settling.Held>();
        foreach (var state in (int[])[BusFile.Locked, BusFile.DeferredLocked])
        {
            var select = db.Kept("SELECT sequence, deliveries FROM messages WHERE queue = ?1 AND state = ?2 AND lane = ?3").Bind(1, queue.Number).Bind(2, state).BindText(3, id);
            while (select.Step()) { held.Add(new(select.Long(0), state, id, select.Long(1))); }
        }
        return held;
    }

    private static bool IsHeld(Connection db, BusQueue queue, string id)
    {
        var find = db.Kept("SELECT 1 FROM sessions WHERE queue = ?1 AND id = ?2 AND token IS NOT NULL").Bind(1, queue.Number).BindText(2, id);
        var held = find.Step();
        find.Reset();
        return held;
    }

    private static string? LongestWaiting(Connection db, long now, BusQueue queue)
    {
        while (true)
        {
            var next = db.Kept("SELECT id FROM sessions WHERE queue = ?1 AND ready = 1 AND token IS NULL ORDER BY since LIMIT 1").Bind(1, queue.Number);
            if (!next.Step()) { return null; }
            var id = next.String(0);
            next.Reset();
            var message = db.Kept("SELECT 1 FROM messages WHERE queue = ?1 AND state = 0 AND lane = ?2 AND (expires IS NULL OR expires > ?3) LIMIT 1").Bind(1, queue.Number).BindText(2, id).Bind(3, now);
            if (message.Step())
            {
                message.Reset();
                return id;
            }
            db.Kept("UPDATE sessions SET ready = 0 WHERE queue = ?1 AND id = ?2").Bind(1, queue.Number).BindText(2, id).Run();
            db.Kept("DELETE FROM sessions WHERE queue = ?1 AND id = ?2 AND state IS NULL").Bind(1, queue.Number).BindText(2, id).Run();
        }
    }
}
