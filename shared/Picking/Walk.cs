namespace Selvedge.Picking;

/// <summary>
/// The walking order through a location's bins. A bin's code says where it is: <c>aisle-bay-level</c>, e.g. <c>A-07-2</c> (any of <c>- . _</c> or a blank between the parts; without,
/// letters and digits alternate: <c>A07</c> is aisle A, bay 07). It is a serpentine: of the aisles that are visited, the first is walked from its lowest bay up, the next one down,
/// and so on; within a bay from the lowest level up. Digits count as numbers. What has no bin comes last.
/// </summary>
public static class Walk
{
    /// <summary>The bins in walking order, each once.</summary>
    public static IReadOnlyList<string> Order(IEnumerable<string> bins)
    {
        var order = new List<string>();
        var down = false;
        foreach (var aisle in bins.Distinct(StringComparer.Ordinal).Where(bin => bin.Length > 0).GroupBy(AisleOf, StringComparer.OrdinalIgnoreCase).OrderBy(aisle => aisle.Key, Natural).ThenBy(aisle => aisle.Key, StringComparer.OrdinalIgnoreCase))
        {
            var bays = aisle.GroupBy(BayOf, StringComparer.OrdinalIgnoreCase).OrderBy(bay => bay.Key, Natural).ThenBy(bay => bay.Key, StringComparer.OrdinalIgnoreCase);
            foreach (var bay in down ? bays.Reverse() : bays) order.AddRange(bay.OrderBy(bin => bin, Natural).ThenBy(bin => bin, StringComparer.Ordinal));
            down = !down;
        }
        if (bins.Contains("")) order.Add("");
        return order;
    }

    /// <summary>The aisle of a bin's code: its first part.</summary>
    public static string AisleOf(string bin) => Part(bin, 0);

    static string BayOf(string bin) => Part(bin, 1);

    static string Part(string bin, int number)
    {
        var parts = bin.Split(['-', '.', '_', ' '], StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length > 1) return number < parts.Length ? parts[number] : "";
        var at = 0;
        for (; number > 0 && at < bin.Length; number--) at = Run(bin, at);
        return at < bin.Length ? bin[at..Run(bin, at)] : "";
    }

    // Where the run of digits, or of other characters, that begins here ends.
    static int Run(string text, int at)
    {
        var digit = char.IsAsciiDigit(text[at]);
        while (at < text.Length && char.IsAsciiDigit(text[at]) == digit) at++;
        return at;
    }

    static readonly Comparer<string> Natural = Comparer<string>.Create(static (one, other) =>
    {
        int a = 0, b = 0;
        while (a < one.Length && b < other.Length)
        {
            var (x, y) = (one[a..Run(one, a)], other[b..Run(other, b)]);
            (a, b) = (a + x.Length, b + y.Length);
            var (p, q) = (x.TrimStart('0'), y.TrimStart('0'));
            var order = char.IsAsciiDigit(x[0]) && char.IsAsciiDigit(y[0])
                ? p.Length != q.Length ? p.Length.CompareTo(q.Length) : string.CompareOrdinal(p, q)
                : string.Compare(x, y, StringComparison.OrdinalIgnoreCase);
            if (order != 0) return order;
        }
        return (one.Length - a).CompareTo(other.Length - b);
    });
}
