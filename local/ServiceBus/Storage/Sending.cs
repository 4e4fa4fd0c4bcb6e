using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.ServiceBus.Storage;

/// <summary>A message on its way into a queue.</summary>
/// <param name="Head">Its properties, encoded.</param>
/// <param name="Body">Its body.</param>
/// <param name="MessageId">For duplicate detection.</param>
/// <param name="SessionId">Its session.</param>
/// <param name="TimeToLive">How long it waits at most.</param>
/// <param name="ScheduledFor">Unix milliseconds before which it is not received; 0: at once.</param>
internal sealed record Outgoing(byte[] Head, ReadOnlyMemory<byte> Body, string MessageId, string? SessionId, TimeSpan TimeToLive, long ScheduledFor);

/// <summary>Messages entering a queue, and scheduled ones taken back.</summary>
internal static class Sending
{
    /// <summary>One of this many sends forgets message ids whose window is over.</summary>
    private const int ForgetEvery = 256;

    /// <summary>Stores all of <paramref name="messages"/>; yields their sequence numbers, a duplicate's being its original's.</summary>
    public static long[] Send(Connection db, long now, BusQueue queue, IReadOnlyList<Outgoing> messages)
    {
        var sequences = new long[messages.Count];
        for (var i = 0; i < sequences.Length; i++)
        {
            sequences[i] = queue.Definition.RequiresDuplicateDetection && Seen(db, now, queue, messages[i].MessageId) is { } original
                ? original
                : Insert(db, now, queue, messages[i]);
        }
        return sequences;
    }

    /// <summary>Removes scheduled messages, all or none.</summary>
    public static bool Cancel(Connection db, BusQueue queue, IReadOnlyList<long> sequences)
    {
        foreach (var sequence in sequences)
        {
            var find = db.Kept("SELECT 1 FROM messages WHERE sequence = ?1 AND queue = ?2 AND state = 3").Bind(1, sequence).Bind(2, queue.Number);
            if (!find.Step()) { throw new ServiceBusException($"There is no scheduled message {sequence}: it was cancelled or enqueued before.", ServiceBusFailureReason.MessageNotFound, queue.Path); }
            find.Reset();
        }
        foreach (var sequence in sequences) { db.Kept("DELETE FROM messages WHERE sequence = ?1").Bind(1, sequence).Run(); }
        return true;
    }

    /// <summary>Puts a scheduled message at the queue's end, under a new sequence number, as the service does.</summary>
    public static void Enqueue(Connection db, long now, BusQueue queue, long sequence, string? lane)
    {
        db.Kept("""
            INSERT INTO messages(queue, state, lane, expires, deliveries, enqueued, origin, head, body)
            SELECT queue, 0, lane, expires, 0, ?2, sequence, head, body FROM messages WHERE sequence = ?1
            """).Bind(1, sequence).Bind(2, now).Run();
        db.Kept("DELETE FROM messages WHERE sequence = ?1").Bind(1, sequence).Run();
        Sessions.MakeReady(db, now, queue, lane);
        queue.MadeAvailable(lane);
    }

    private static long? Seen(Connection db, long now, BusQueue queue, string messageId)
    {
        var find = db.Kept("SELECT sequence FROM seen WHERE queue = ?1 AND id = ?2 AND until > ?3").Bind(1, queue.Number).BindText(2, messageId).Bind(3, now);
        if (!find.Step()) { return null; }
        var sequence = find.Long(0);
        find.Reset();
        return sequence;
    }

    private static long Insert(Connection db, long now, BusQueue queue, Outgoing message)
    {
        var lane = queue.HasSessions ? message.SessionId : null;
        var waits = message.ScheduledFor > now;
        var enqueued = waits ? message.ScheduledFor : now;
        var insert = db.Kept("INSERT INTO messages(queue, state, lane, due, expires, deliveries, enqueued, head, body) VALUES(?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8) RETURNING sequence")
            .Bind(1, queue.Number).Bind(2, waits ? BusFile.Scheduled : BusFile.Available);
        _ = lane is null ? insert.BindNull(3) : insert.BindText(3, lane);
        var expires = BusFile.After(enqueued, message.TimeToLive);
        insert.Bind(4, waits ? enqueued : null).Bind(5, expires).Bind(6, enqueued).Bind(7, message.Head).Bind(8, message.Body.Span).Step();
        var sequence = insert.Long(0);
        insert.Reset();
        if (queue.Definition.RequiresDuplicateDetection) { Remember(db, now, queue, message.MessageId, sequence); }
        queue.Due.Note(waits ? enqueued : expires ?? long.MaxValue);
        if (!waits)
        {
            Sessions.MakeReady(db, now, queue, lane);
            queue.MadeAvailable(lane);
        }
        return sequence;
    }

    private static void Remember(Connection db, long now, BusQueue queue, string messageId, long sequence)
    {
        db.Kept("INSERT OR REPLACE INTO seen(queue, id, until, sequence) VALUES(?1, ?2, ?3, ?4)").Bind(1, queue.Number).BindText(2, messageId)
            .Bind(3, now + (long)queue.Definition.DuplicateDetectionHistoryTimeWindow.TotalMilliseconds).Bind(4, sequence).Run();
        if (sequence % ForgetEvery == 0)
        {
            db.Kept("DELETE FROM seen WHERE (queue, id) IN (SELECT queue, id FROM seen WHERE until <= ?1 ORDER BY until LIMIT ?2)").Bind(1, now).Bind(2, 2 * ForgetEvery).Run();
        }
    }
}
