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

/// <summary>A style's stock as a colour × size matrix, read from the ledger's balances. Totals leave out bundles, whose units are their components'.</summary>
public sealed record StyleInventory(string Id, string Name, IReadOnlyList<string> Colours, IReadOnlyList<string> Sizes,
    Dictionary<string, Dictionary<string, CellInventory>> Matrix, Units Total, SortedDictionary<string, Units> Locations);

/// <summary>Reads the stock of SKUs and styles, virtual bundles included: theirs is computed from their components as they are now.</summary>
public sealed class StyleInventories(ProductCatalogue catalogue, LedgerReads ledger)
{
    /// <summary>Balances of all the style's SKUs (archived ones too in the totals) at the locations that the caller reaches.</summary>
    public async Task<StyleInventory> ReadAsync(Style style, Caller caller, CancellationToken cancel = default)
    {
        var balances = await ledger.BalancesAsync(style.Cells.Select(cell => cell.Sku), cancel);
        var bundles = await BundlesAsync(style, caller, cancel);
        var matrix = StyleRequest.Matrix(style, cell => bundles.TryGetValue(cell.Sku, out var bundle) ? Of(bundle) : Of(cell.Sku, balances.GetValueOrDefault(cell.Sku), caller));
        var locations = new SortedDictionary<string, Units>(StringComparer.Ordinal);
        foreach (var balance in balances.Values)
            foreach (var (location, stock) in balance.Locations)
                if (caller.ReachesLocation(location)) locations[location] = locations.GetValueOrDefault(location, new(0, 0, 0)) + Of(stock);
        return new(style.Id, style.Name, style.Colours, style.Sizes, matrix, Sum(locations.Values), locations);
    }

    /// <summary>What can be sold of a virtual bundle.</summary>
    public async Task<SkuInventory> OfBundleAsync(Product bundle, Caller caller, CancellationToken cancel = default) =>
        Composites.Inventory(bundle, await ledger.BalancesAsync(bundle.Components.Select(part => part.Sku), cancel), caller);

    async Task<Dictionary<string, SkuInventory>> BundlesAsync(Style style, Caller caller, CancellationToken cancel)
    {
        var bundles = new Dictionary<string, SkuInventory>(StringComparer.Ordinal);
        if (!style.Cells.Any(cell => cell.Virtual)) return bundles;
        var products = await catalogue.FindProductsAsync(style.Cells.Where(cell => cell.Virtual).Select(cell => cell.Sku), cancel);
        foreach (var (sku, product) in products) bundles[sku] = await OfBundleAsync(product, caller, cancel);
        return bundles;
    }

    static CellInventory Of(SkuInventory bundle)
    {
        var locations = new SortedDictionary<string, Units>(StringComparer.Ordinal);
        foreach (var (location, units) in bundle.Locations) locations[location] = new(0, 0, units.Available);
        return new(bundle.Sku, 0, 0, bundle.Available, 0, locations);
    }

    static CellInventory Of(string sku, Balance? balance, Caller caller)
    {
        var locations = new SortedDictionary<string, Units>(StringComparer.Ordinal);
        foreach (var (location, stock) in balance?.Locations ?? [])
            if (caller.ReachesLocation(location)) locations[location] = Of(stock);
        var all = Sum(locations.Values);
        return new(sku, all.OnHand, all.Committed, all.Available, balance?.Short ?? 0, locations);
    }

    static Units Of(Stock stock) => new(stock.OnHand, stock.Held, stock.Available);

    static Units Sum(IEnumerable<Units> units)
    {
        var sum = new Units(0, 0, 0);
        foreach (var each in units) sum += each;
        return sum;
    }
}
