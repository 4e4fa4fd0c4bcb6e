using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.Durable;

/// <summary>An instance as it is stored, without its result.</summary>
/// <param name="Number">Its row; one that replaces another of the same id has a new one.</param>
/// <param name="Started">What it was started with.</param>
/// <param name="Generation">How often it began anew.</param>
/// <param name="Turn">Turns committed; a commit that expects another number does not happen.</param>
/// <param name="Status">Where it is in its life.</param>
/// <param name="CustomStatus">As JSON text.</param>
/// <param name="Caller">Whom its end is told.</param>
internal sealed record Instance(long Number, Started Started, int Generation, long Turn, OrchestrationRuntimeStatus Status, string? CustomStatus, Instance.Call? Caller)
{
    private const string Columns = "number, id, name, version, input, generation, turn, status, custom, parent, parent_generation, parent_task, parent_id, parent_name";

    /// <summary>The action of another instance that this one answers.</summary>
    internal sealed record Call(long Instance, int Generation, int Task);

    /// <summary>Whether an instance of this status has ended.</summary>
    public static bool HasEnded(OrchestrationRuntimeStatus status) =>
        status is OrchestrationRuntimeStatus.Completed or OrchestrationRuntimeStatus.Failed or OrchestrationRuntimeStatus.Terminated or OrchestrationRuntimeStatus.Canceled;

    /// <summary>The instance of this row; null: it is gone.</summary>
    public static Instance? Read(Connection connection, long number)
    {
        var row = connection.Kept($"SELECT {Columns} FROM instances WHERE number=?1").Bind(1, number);
        if (!row.Step()) { return null; }
        var parent = row.IsNull(9) ? null : new Call(row.Long(9), (int)row.Long(10), (int)row.Long(11));
        var instance = new Instance(
            row.Long(0),
            new Started(row.String(1), row.String(2), row.String(3), row.Text(4), parent is null ? null : new ParentOrchestrationInstance(row.String(13), row.String(12))),
            (int)row.Long(5), row.Long(6), (OrchestrationRuntimeStatus)row.Long(7), row.Text(8), parent);
        row.Reset();
        return instance;
    }

    /// <summary>The row and status of this id; null: there is none.</summary>
    public static (long Number, OrchestrationRuntimeStatus Status)? Find(Connection connection, string id)
    {
        var row = connection.Kept("SELECT number, status FROM instances WHERE id=?1").BindText(1, id);
        if (!row.Step()) { return null; }
        var found = (row.Long(0), (OrchestrationRuntimeStatus)row.Long(1));
        row.Reset();
        return found;
    }

    /// <summary>The execution's events so far.</summary>
    public static List<HistoryEvent> ReadHistory(Connection connection, long number)
    {
        var events = new List<HistoryEvent>();
        var row = connection.Kept("SELECT events FROM history WHERE instance=?1 ORDER BY turn").Bind(1, number);
        while (row.Step()) { events.AddRange(HistoryEvent.Read<HistoryEvent[]>(row.Bytes(0))); }
        return events;
    }

    /// <summary>What waits for it, in order.</summary>
    public static List<Message> ReadInbox(Connection connection, long number)
    {
        var messages = new List<Message>();
        var row = connection.Kept("SELECT number, generation, event FROM inbox WHERE instance=?1 ORDER BY number").Bind(1, number);
        while (row.Step()) { messages.Add(new Message(row.Long(0), row.IsNull(1) ? null : (int)row.Long(1), HistoryEvent.Read<HistoryEvent>(row.Bytes(2)))); }
        return messages;
    }

    /// <summary>Forgets a row and all that belongs to it.</summary>
    public static void Delete(Connection connection, long number)
    {
        foreach (var table in (string[])["history", "inbox", "timers", "activities"])
        {
            connection.Kept($"DELETE FROM {table} WHERE instance=?1").Bind(1, number).Run();
        }
        connection.Kept("DELETE FROM instances WHERE number=?1").Bind(1, number).Run();
    }
}

/// <summary>Columns that may be NULL.</summary>
internal static class NullableColumns
{
    /// <summary>The text, or null.</summary>
    public static string? Text(this Statement row, int column) => row.IsNull(column) ? null : row.String(column);

    /// <summary>Binds the text, or NULL.</summary>
    public static Statement BindTextOrNull(this Statement statement, int index, string? text) => text is null ? statement.BindNull(index) : statement.BindText(index, text);
}
