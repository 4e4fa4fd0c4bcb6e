namespace Selvedge.Local.Durable;

/// <summary>Instances that had a turn lately, so that the next one need not read them. Whoever holds an instance's lease takes it out and puts it
/// back after the commit; a commit checks the turn's number, so a stale one does no harm.</summary>
internal sealed class HistoryCache
{
    private const long MostBytes = 8 << 20;

    private readonly Lock gate = new();
    private readonly Dictionary<long, LinkedListNode<Entry>> entries = [];
    private readonly LinkedList<Entry> byAge = new();
    private long bytes;

    /// <summary>An instance with its history.</summary>
    internal sealed record Entry(Instance Instance, List<HistoryEvent> History, long Bytes);

    /// <summary>Takes an instance out; null: it is not here.</summary>
    public Entry? Take(long number)
    {
        lock (gate)
        {
            if (!entries.Remove(number, out var node)) { return null; }
            byAge.Remove(node);
            bytes -= node.Value.Bytes;
            return node.Value;
        }
    }

    /// <summary>Puts one in; the oldest make room.</summary>
    public void Put(Instance instance, List<HistoryEvent> history)
    {
        var entry = new Entry(instance, history, 500 + Size(instance.Started.Input) + Size(instance.CustomStatus) + history.Sum(happened => 200L + Size(happened.Data) + Size(happened.Name)));
        lock (gate)
        {
            entries[instance.Number] = byAge.AddLast(entry);
            bytes += entry.Bytes;
            while (bytes > MostBytes && byAge.First is { } oldest)
            {
                byAge.RemoveFirst();
                entries.Remove(oldest.Value.Instance.Number);
                bytes -= oldest.Value.Bytes;
            }
        }
    }

    private static long Size(string? text) => 2L * (text?.Length ?? 0);
}
