using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Catalogue;

/// <summary>Units of a SKU: on hand, promised to claims, and free for the next one.</summary>
public sealed record Units(long OnHand, long Committed, long Available)
{
    public static Units operator +(Units a, Units b) => new(a.OnHand + b.OnHand, a.Committed + b.Committed, a.Available + b.Available);
}

/// <summary>One place of the matrix: the SKU's units in all and by location, and those that are owed but nowhere yet.</summary>
public sealed record CellInventory(string Sku, long OnHand, long Committed, long Available, long Short, SortedDictionary<string, Units> Locations);

/// <summary>A style's stock as a colour × size matrix, read from the ledger's balances.</summary>
public sealed record StyleInventory(string Id, string Name, IReadOnlyList<string> Colours, IReadOnlyList<string> Sizes,
    Dictionary<string, Dictionary<string, CellInventory>> Matrix, Units Total, SortedDictionary<string, Units> Locations)
{
    /// <summary>Reads the balances of all the style's SKUs (archived ones too in the totals) at the locations that the caller <paramref name="reaches"/>.</summary>
    public static async Task<StyleInventory> ReadAsync(Store store, Style style, Func<string, bool> reaches, CancellationToken cancel = default)
    {
        var balances = await store.Skus.ReadEachAsync<Balance>(style.Cells.Select(cell => (Balance.DocumentId, cell.Sku)), balance => balance.Sku, cancel);
        var matrix = StyleRequest.Matrix(style, cell => Of(cell.Sku, balances.GetValueOrDefault(cell.Sku), reaches));
        var locations = new SortedDictionary<string, Units>(StringComparer.Ordinal);
        foreach (var (location, stock) in balances.Values.SelectMany(balance => balance.Locations).Where(place => reaches(place.Key)))
            locations[location] = locations.GetValueOrDefault(location, new(0, 0, 0)) + Of(stock);
        return new(style.Id, style.Name, style.Colours, style.Sizes, matrix, Sum(locations.Values), locations);
    }

    static CellInventory Of(string sku, Balance? balance, Func<string, bool> reaches)
    {
        var locations = new SortedDictionary<string, Units>(StringComparer.Ordinal);
        foreach (var (location, stock) in balance?.Locations ?? [])
            if (reaches(location)) locations[location] = Of(stock);
        var all = Sum(locations.Values);
        return new(sku, all.OnHand, all.Committed, all.Available, balance?.Short ?? 0, locations);
    }

    static Units Of(Stock stock) => new(stock.OnHand, stock.Held, stock.Available);
    static Units Sum(IEnumerable<Units> units) => units.Aggregate(new Units(0, 0, 0), (a, b) => a + b);
}
