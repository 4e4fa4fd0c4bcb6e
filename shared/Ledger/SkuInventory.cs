using Selvedge.Platform;

namespace Selvedge.Ledger;

/// <summary>A SKU's stock as people and channels read it, in units. <see cref="Committed"/> are the claims that are not staged yet; <see cref="Available"/>
/// is what a location's sellable stock leaves after them; <see cref="Short"/> is claimed but nowhere yet; <see cref="Incoming"/> is open supply and transit.</summary>
/// <param name="Value">What our units are worth, for those who may see it.</param>
/// <param name="Sequence">Number of the last journal entry: a higher one is a later state.</param>
public sealed record SkuInventory(string Sku, long OnHand, long Committed, long Available, long Staged, long Quarantine, long Short, long Incoming,
    long Sequence, string? Value, SortedDictionary<string, LocationInventory> Locations, SortedDictionary<string, FenceInventory> Fences)
{
    /// <summary>What <paramref name="balance"/> shows to <paramref name="caller"/>: a key with a location scope sees those, and totals over them; all zero without a balance.</summary>
    public static SkuInventory Of(string sku, Balance? balance, Caller caller)
    {
        var locations = new SortedDictionary<string, LocationInventory>(StringComparer.Ordinal);
        foreach (var (id, stock) in balance?.Locations ?? [])
            if (caller.ReachesLocation(id)) locations[id] = new(stock.OnHand, stock.Held, stock.Available, stock.Staged, stock.Quarantine, stock.Floor, stock.Bins);
        var all = locations.Values;
        var incoming = (balance?.Supply.Values.Where(supply => caller.ReachesLocation(supply.Location)).Sum(supply => supply.Quantity) ?? 0)
            + (balance?.Away.Where(away => away.Key.StartsWith(Accounts.Transit(""), StringComparison.Ordinal)).Sum(away => away.Value) ?? 0);
        var fences = new SortedDictionary<string, FenceInventory>(StringComparer.Ordinal);
        foreach (var (buyer, fence) in balance?.Fences ?? [])
            if (fence.Quantity > 0 && caller.ReachesBuyer(buyer)) fences[buyer] = new(fence.Quantity, fence.Open);
        return new(sku, all.Sum(l => l.OnHand), all.Sum(l => l.Committed), all.Sum(l => l.Available), all.Sum(l => l.Staged), all.Sum(l => l.Quarantine),
            balance?.Short ?? 0, incoming, balance?.Sequence ?? 0, caller.SeesValue ? Money.Text(balance?.Value ?? 0) : null, locations, fences);
    }
}

/// <summary>One location's part, in units.</summary>
/// <param name="Floor">Units that channels which ask first must leave here.</param>
/// <param name="Bins">On-hand units by bin and condition: <c>""</c> is no bin, <c>A-01#B</c> condition B in bin A-01.</param>
public sealed record LocationInventory(long OnHand, long Committed, long Available, long Staged, long Quarantine, long Floor, SortedDictionary<string, long> Bins);

/// <summary>Units set apart for one channel, customer or customer group.</summary>
/// <param name="Quantity">What was set apart.</param>
/// <param name="Open">What of it the buyers it is for do not hold yet: others that ask first must leave so many.</param>
public sealed record FenceInventory(long Quantity, long Open);
