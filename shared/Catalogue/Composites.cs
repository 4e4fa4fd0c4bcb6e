using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Catalogue;

/// <summary>
/// Rules of composite SKUs. A virtual bundle is sold as its components and has no stock: what can be sold of it is the fewest whole ones that its
/// components make at a location, computed when it is read. A packed SKU has its own stock. A component is a simple or a packed SKU, never a
/// virtual one, and a packed one never holds itself, however deep.
/// </summary>
public static class Composites
{
    const int Deepest = 10;

    /// <summary>Objects to components that are not there, are virtual, or lead back to the SKU itself.</summary>
    /// <param name="plans">What is about to be written.</param>
    /// <param name="places">Where each SKU is drafted.</param>
    /// <param name="beside">What else is made with it.</param>
    /// <param name="find">Reads products by SKU.</param>
    /// <param name="objections">Where objections go.</param>
    public static async Task CheckAsync(IReadOnlyList<StylePlan> plans, IReadOnlyDictionary<string, string> places, IReadOnlyDictionary<string, Product>? beside, Func<IEnumerable<string>, Task<IReadOnlyDictionary<string, Product>>> find, List<Objection> objections)
    {
        var composites = plans.SelectMany(plan => plan.Changed.Where(product => product.Components.Count > 0 && plan.Existing.GetValueOrDefault(product.Sku)?.ComponentsVersion != product.ComponentsVersion)).ToList();
        if (composites.Count == 0) return;
        var known = new Dictionary<string, Product>(StringComparer.Ordinal);
        foreach (var plan in plans)
        {
            foreach (var (sku, product) in plan.Existing) known.TryAdd(sku, product);
            foreach (var product in plan.Changed) known[product.Sku] = product;
        }
        foreach (var (sku, product) in beside ?? new Dictionary<string, Product>()) known.TryAdd(sku, product);
        var next = composites.SelectMany(product => product.Components).Select(part => part.Sku).Where(sku => !known.ContainsKey(sku)).Distinct(StringComparer.Ordinal).ToList();
        for (var depth = 0; depth < Deepest && next.Count > 0; depth++)
        {
            var found = await find(next);
            foreach (var (sku, product) in found) known[sku] = product;
            next = [.. found.Values.SelectMany(product => product.Components).Select(part => part.Sku).Where(sku => !known.ContainsKey(sku)).Distinct(StringComparer.Ordinal)];
        }
        foreach (var product in composites)
            for (var i = 0; i < product.Components.Count; i++)
            {
                var part = product.Components[i].Sku;
                if (!known.TryGetValue(part, out var component)) Object($"There is no SKU '{part}'. Make it first.");
                else if (component.Kind == ProductKind.Virtual) Object($"SKU '{part}' is virtual itself. Name its components instead.");
                else if (Leads(part, product.Sku, known, 0)) Object($"SKU '{part}' is made of '{product.Sku}': a SKU cannot be part of itself.");

                void Object(string detail) => objections.Add(new(places.GetValueOrDefault(product.Sku) ?? "", $"components/{i}/sku", detail, IsInvalid: true));
            }
    }

    static bool Leads(string from, string to, Dictionary<string, Product> known, int depth) => from == to
        || depth >= Deepest || (known.TryGetValue(from, out var product) && product.Components.Any(part => Leads(part.Sku, to, known, depth + 1)));

    /// <summary>What can be sold of a bundle, as the inventory of a SKU: whole bundles per location, and in all the sum over the locations.</summary>
    /// <param name="bundle">The virtual SKU.</param>
    /// <param name="balances">Its components' balances.</param>
    /// <param name="caller">Who asks: a key with a location scope sees those.</param>
    public static SkuInventory Inventory(Product bundle, IReadOnlyDictionary<string, Balance> balances, Caller caller)
    {
        var locations = new SortedDictionary<string, LocationInventory>(StringComparer.Ordinal);
        foreach (var location in balances.Values.SelectMany(balance => balance.Locations.Keys).Distinct(StringComparer.Ordinal).Where(caller.ReachesLocation))
        {
            var whole = Whole(bundle, part => balances.GetValueOrDefault(part)?.Locations.GetValueOrDefault(location)?.Available ?? 0);
            if (whole > 0) locations[location] = new(0, 0, whole, 0, 0, 0, []);
        }
        // What waits anywhere for a component is not there for a bundle.
        var unpromised = Whole(bundle, part => balances.GetValueOrDefault(part) is { } balance ? balance.Locations.Values.Sum(stock => Math.Max(0, stock.Available)) - balance.Short : 0);
        return new(bundle.Sku, 0, 0, Math.Min(unpromised, locations.Values.Sum(location => location.Available)), 0, 0, 0, 0, balances.Values.Sum(balance => balance.Sequence), null, locations, []);
    }

    /// <summary>The fewest whole bundles that so many of each component make.</summary>
    public static long Whole(Product bundle, Func<string, long> units)
    {
        var whole = bundle.Components.Count == 0 ? 0 : long.MaxValue;
        foreach (var part in bundle.Components) whole = Math.Min(whole, Math.Max(0, units(part.Sku)) / part.Quantity);
        return whole;
    }
}

/// <summary>Who may change what a SKU costs. The one place for it: every way in (a style, an import, a cost by itself) asks here before it writes.</summary>
public static class CostChanges
{
    /// <param name="plan">What is about to be written.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="alone">The caller needs no second person to change what something costs; the first cost of a SKU never takes one.</param>
    /// <exception cref="ProblemException">403: the caller does not keep the books, or may not change them alone.</exception>
    public static void Approve(StylePlan plan, Caller caller, bool alone = true)
    {
        if (caller.SeesValue)
        {
            if (!alone && plan.Changed.FirstOrDefault(product => plan.Existing.GetValueOrDefault(product.Sku) is { Cost: { } known } && product.Cost != known) is { } second)
                throw ProblemException.Forbidden($"Another cost of SKU '{second.Sku}' takes a second person: send the style without it, and ask by PUT api/skus/{{sku}}/cost.");
            return;
        }
        if (plan.Changed.FirstOrDefault(product => product.Cost != plan.Existing.GetValueOrDefault(product.Sku)?.Cost) is { } changed)
            throw ProblemException.Forbidden($"The cost of SKU '{changed.Sku}' is changed by the roles finance and admin only. Send it without, or ask them.");
    }
}
