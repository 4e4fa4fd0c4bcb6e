namespace Selvedge.Orders;

/// <summary>Demand of one order for one SKU, in units.</summary>
public readonly record struct Demand(string Sku, long Units);

/// <summary>Where an order's units come from.</summary>
/// <param name="Shipments">Locations it ships from, by what is known; at least 1.</param>
/// <param name="Places">Per SKU: every location it may come from, the chosen ones first.</param>
public sealed record Route(int Shipments, IReadOnlyDictionary<string, IReadOnlyList<string>> Places);

/// <summary>
/// Chooses where a whole order is sent from: as many units as can be had, then the fewest shipments, then location priority (design,
/// section 4). A pure function. What it knows of stock may be out of date: it only orders the places, the ledger decides.
/// </summary>
public static class Routing
{
    /// <summary>Up to this many locations all combinations are tried; beyond, the location that adds most is taken next.</summary>
    const int MostExact = 10;

    /// <param name="demands">What the order wants, one per SKU.</param>
    /// <param name="locations">Where it may come from, by priority.</param>
    /// <param name="available">Units of a SKU that are free at a location.</param>
    public static Route Choose(IReadOnlyList<Demand> demands, IReadOnlyList<string> locations, Func<string, string, long> available)
    {
        var places = new Dictionary<string, IReadOnlyList<string>>(demands.Count, StringComparer.Ordinal);
        if (locations.Count <= 1)
        {
            foreach (var demand in demands) places[demand.Sku] = locations;
            return new(1, places);
        }
        var stock = new long[demands.Count, locations.Count];
        for (var d = 0; d < demands.Count; d++)
            for (var l = 0; l < locations.Count; l++) stock[d, l] = Math.Max(0, available(demands[d].Sku, locations[l]));
        var chosen = Fewest(demands, stock);
        for (var d = 0; d < demands.Count; d++) places[demands[d].Sku] = Order(demands[d].Units, d, stock, chosen, locations);
        return new(Math.Max(1, chosen.Length), places);
    }

    /// <summary>The indexes, ascending, of the smallest set of locations that covers as much as all of them do; among equals the one whose
    /// first location has priority, then the second, and so on.</summary>
    static int[] Fewest(IReadOnlyList<Demand> demands, long[,] stock)
    {
        var count = stock.GetLength(1);
        var all = Enumerable.Range(0, count).ToArray();
        var goal = Covered(demands, stock, all);
        if (goal == 0) return [];
        if (count > MostExact || (long)demands.Count << count > 1_000_000) return Greedy(demands, stock, goal);
        for (var size = 1; size < count; size++)
        {
            var set = Enumerable.Range(0, size).ToArray();
            do
            {
                if (Covered(demands, stock, set) == goal) return set;
            }
            while (Next(set, count));
        }
        return all;
    }

    static int[] Greedy(IReadOnlyList<Demand> demands, long[,] stock, long goal)
    {
        var set = new SortedSet<int>();
        while (Covered(demands, stock, [.. set]) < goal)
            set.Add(Enumerable.Range(0, stock.GetLength(1)).Where(l => !set.Contains(l)).MaxBy(l => Covered(demands, stock, [.. set, l])));
        return [.. set];
    }

    static long Covered(IReadOnlyList<Demand> demands, long[,] stock, int[] set)
    {
        long covered = 0;
        for (var d = 0; d < demands.Count; d++)
        {
            long here = 0;
            foreach (var l in set) here += stock[d, l];
            covered += Math.Min(demands[d].Units, here);
        }
        return covered;
    }

    // The next combination of as many indexes below count, in lexicographic order.
    static bool Next(int[] set, int count)
    {
        var i = set.Length - 1;
        while (i >= 0 && set[i] == count - set.Length + i) i--;
        if (i < 0) return false;
        set[i]++;
        for (var j = i + 1; j < set.Length; j++) set[j] = set[j - 1] + 1;
        return true;
    }

    // Chosen locations that have all of it, chosen ones that have some, the other chosen ones, then the rest: a SKU is split only when it must be.
    static string[] Order(long units, int demand, long[,] stock, int[] chosen, IReadOnlyList<string> locations) =>
        [.. Enumerable.Range(0, locations.Count).OrderBy(l => chosen.Contains(l) ? stock[demand, l] >= units ? 0 : stock[demand, l] > 0 ? 1 : 2 : 3).Select(l => locations[l])];
}
