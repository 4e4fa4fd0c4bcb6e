namespace Selvedge.Orders;

/// <summary>Demand of one order for one SKU, in units.</summary>
public readonly record struct Demand(string Sku, long Units);

/// <summary>Where an order's units come from.</summary>
/// <param name="Shipments">Locations it ships from, by what is known; at least 1.</param>
/// <param name="Places">Per SKU: every location it may come from, the chosen ones first.</param>
/// <param name="Candidates">The locations with what each had, and which were chosen; null where there was no choice.</param>
public sealed record Route(int Shipments, IReadOnlyDictionary<string, IReadOnlyList<string>> Places, IReadOnlyList<Candidate>? Candidates);

/// <summary>
/// Chooses where a whole order is sent from: as many units as can be had, if it can be from locations that have room for more work, then the fewest
/// shipments, then location priority, distance and cut-off, which is the order of the candidates (design, section 4). A pure function. What it knows of stock may be out of date: it only orders the places, the ledger decides.
/// </summary>
public static class Routing
{
    /// <summary>Up to this many locations all combinations are tried; beyond, the location that adds most is taken next.</summary>
    const int MostExact = 10;

    /// <param name="demands">What the order wants, one per SKU.</param>
    /// <param name="candidates">Where it may come from, the preferred first; those that are full last.</param>
    /// <param name="available">Units of a SKU that are free at a location.</param>
    public static Route Choose(IReadOnlyList<Demand> demands, IReadOnlyList<Candidate> candidates, Func<string, string, long> available)
    {
        string[] locations = [.. candidates.Select(candidate => candidate.Id)];
        var places = new Dictionary<string, IReadOnlyList<string>>(demands.Count, StringComparer.Ordinal);
        if (locations.Length <= 1)
        {
            foreach (var demand in demands) places[demand.Sku] = locations;
            return new(1, places, null);
        }
        var stock = new long[demands.Count, locations.Length];
        for (var d = 0; d < demands.Count; d++)
            for (var l = 0; l < locations.Length; l++) stock[d, l] = Math.Max(0, available(demands[d].Sku, locations[l]));
        var chosen = Fewest(demands, stock, candidates.Count(candidate => !candidate.Full));
        for (var d = 0; d < demands.Count; d++) places[demands[d].Sku] = Order(demands[d].Units, d, stock, chosen, locations);
        return new(Math.Max(1, chosen.Length), places, [.. candidates.Select((candidate, l) => candidate with { Chosen = chosen.Contains(l) || (chosen.Length == 0 && l == 0), Units = Covered(demands, stock, [l]) })]);
    }

    /// <summary>The indexes, ascending, of the smallest set of locations that covers as much as all of them do; among equals the one whose
    /// first location has priority, then the second, and so on. Full locations are among them only where the others have less.</summary>
    static int[] Fewest(IReadOnlyList<Demand> demands, long[,] stock, int free)
    {
        var count = stock.GetLength(1);
        var all = Enumerable.Range(0, count).ToArray();
        var goal = Covered(demands, stock, all);
        if (goal == 0) return [];
        if (free > 0 && free < count && Covered(demands, stock, all[..free]) == goal) all = all[..(count = free)];
        if (count > MostExact || (long)demands.Count << count > 1_000_000) return Greedy(demands, stock, goal, count);
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

    static int[] Greedy(IReadOnlyList<Demand> demands, long[,] stock, long goal, int count)
    {
        var set = new SortedSet<int>();
        while (Covered(demands, stock, [.. set]) < goal)
            set.Add(Enumerable.Range(0, count).Where(l => !set.Contains(l)).MaxBy(l => Covered(demands, stock, [.. set, l])));
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
    static string[] Order(long units, int demand, long[,] stock, int[] chosen, string[] locations) =>
        [.. Enumerable.Range(0, locations.Length).OrderBy(l => chosen.Contains(l) ? stock[demand, l] >= units ? 0 : stock[demand, l] > 0 ? 1 : 2 : 3).Select(l => locations[l])];
}
