namespace Selvedge.Local.Cosmos.Sql;

/// <summary>The rows with the smallest sort keys: at most <paramref name="rows"/> of them, and about <paramref name="bytes"/> bytes.</summary>
internal sealed class SqlHeap(int rows, int bytes)
{
    private static readonly Comparer<byte[]> Largest = Comparer<byte[]>.Create((left, right) => SqlRanges.Compare(right, left));

    private readonly PriorityQueue<ReadOnlyMemory<byte>, byte[]> _queue = new(Largest);
    private long _bytes;

    /// <summary>Whether a row was left out: there is another page.</summary>
    public bool Refused { get; private set; }

    /// <summary>Whether a row with this key belongs to the page as it is now.</summary>
    public bool Admits(ReadOnlySpan<byte> key)
    {
        if (!Full || (_queue.TryPeek(out _, out var largest) && SqlRanges.Compare(key, largest) < 0))
        {
            return true;
        }

        Refused = true;
        return false;
    }

    public void Add(byte[] key, ReadOnlyMemory<byte> row)
    {
        _queue.Enqueue(row, key);
        _bytes += row.Length;
        while (_queue.Count > rows || (_bytes > bytes && _queue.Count > 1))
        {
            _bytes -= _queue.Dequeue().Length;
            Refused = true;
        }
    }

    public IEnumerable<(byte[] Key, ReadOnlyMemory<byte> Row)> Ascending() => Enumerable.Reverse(Take());

    /// <summary>Once a row was left out for its bytes, no larger key may enter, or the page would have a gap.</summary>
    private bool Full => _queue.Count >= rows || (Refused && _queue.Count > 0);

    private List<(byte[] Key, ReadOnlyMemory<byte> Row)> Take()
    {
        var taken = new List<(byte[], ReadOnlyMemory<byte>)>(_queue.Count);
        while (_queue.TryDequeue(out var row, out var key))
        {
            taken.Add((key, row));
        }

        return taken;
    }
}
