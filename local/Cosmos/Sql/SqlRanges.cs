namespace Selvedge.Local.Cosmos.Sql;

/// <summary>Half-open ranges of byte strings, in order and apart from each other.</summary>
internal sealed class SqlRanges
{
    private SqlRanges(IReadOnlyList<(byte[] From, byte[] To)> list) => List = list;

    public static SqlRanges None { get; } = new([]);

    public IReadOnlyList<(byte[] From, byte[] To)> List { get; }

    /// <summary>Whether each range holds one byte string only.</summary>
    public bool ArePoints => List.All(range => range.To.Length == range.From.Length + 1 && range.To[^1] == 0 && range.To.AsSpan().StartsWith(range.From));

    public static SqlRanges Between(byte[] from, byte[] to) => Compare(from, to) < 0 ? new([(from, to)]) : None;

    public static SqlRanges Point(byte[] bytes) => new([(bytes, Next(bytes))]);

    public static SqlRanges StartingWith(byte[] prefix) => Between(prefix, KeyRange.After(prefix));

    /// <summary>The least byte string greater than <paramref name="bytes"/>.</summary>
    public static byte[] Next(byte[] bytes) => [.. bytes, 0];

    public static int Compare(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) => left.SequenceCompareTo(right);

    public static SqlRanges Union(IEnumerable<SqlRanges> sets)
    {
        var all = sets.SelectMany(set => set.List).ToList();
        all.Sort((left, right) => Compare(left.From, right.From));
        var merged = new List<(byte[] From, byte[] To)>(all.Count);
        foreach (var range in all)
        {
            if (merged.Count > 0 && Compare(range.From, merged[^1].To) <= 0)
            {
                if (Compare(range.To, merged[^1].To) > 0)
                {
                    merged[^1] = (merged[^1].From, range.To);
                }
            }
            else
            {
                merged.Add(range);
            }
        }

        return new SqlRanges(merged);
    }

    /// <summary>What both have in common; null on either side is no bound at all.</summary>
    public static SqlRanges? Intersect(SqlRanges? left, SqlRanges? right)
    {
        if (left is null || right is null)
        {
            return left ?? right;
        }

        var common = new List<(byte[] From, byte[] To)>();
        var (l, r) = (0, 0);
        while (l < left.List.Count && r < right.List.Count)
        {
            var (a, b) = (left.List[l], right.List[r]);
            var from = Compare(a.From, b.From) > 0 ? a.From : b.From;
            var to = Compare(a.To, b.To) < 0 ? a.To : b.To;
            if (Compare(from, to) < 0)
            {
                common.Add((from, to));
            }

            if (Compare(a.To, b.To) < 0)
            {
                l++;
            }
            else
            {
                r++;
            }
        }

        return new SqlRanges(common);
    }
}
