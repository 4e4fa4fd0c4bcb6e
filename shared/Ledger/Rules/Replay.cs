using System.Text.Json;

namespace Selvedge.Ledger.Rules;

/// <summary>
/// Proves one SKU: its entries, applied in order from nothing (or from what was proven before), give its balance and claims exactly; every hash
/// is right and chained; all accounts sum to zero, in units and in value.
/// </summary>
internal sealed class Replay(string sku, Balance? proven = null, IEnumerable<Claim>? claims = null)
{
    const int MostDifferences = 20;
    readonly Dictionary<string, Claim> open = (claims ?? []).ToDictionary(c => c.Id);

    public Balance Balance { get; } = proven ?? new() { Sku = sku };
    public IReadOnlyCollection<Claim> Claims => open.Values;
    public List<string> Differences { get; } = [];
    public long Entries { get; private set; }

    /// <summary>The next entry, in the order of their numbers.</summary>
    public void Add(Entry entry)
    {
        Entries++;
        if (entry.Sequence != Balance.Sequence + 1) Differ($"entry {entry.Sequence} follows {Balance.Sequence}");
        if (entry.Previous != Balance.LastHash) Differ($"entry {entry.Sequence} ({entry.Key}) is not chained to the one before it");
        if (entry.Hash != Journal.Hash(entry)) Differ($"entry {entry.Sequence} ({entry.Key}) was changed after it was written: its hash does not fit");
        Journal.Apply(Balance, open, entry);
        foreach (var (account, units) in entry.After)
            if (Shown(account) is var shown && shown != units) Differ($"entry {entry.Sequence} ({entry.Key}) says {account} was {units} afterwards; replayed it is {shown}");
    }

    /// <summary>Compares with what is stored. Claims in <paramref name="moved"/> changed while they were being read and are not compared.</summary>
    public void Compare(Balance stored, IEnumerable<Claim> storedClaims, IReadOnlySet<string>? moved = null)
    {
        if (Balance.Sequence > stored.Sequence) Differ($"the balance is at {stored.Sequence}, what was proven before at {Balance.Sequence}: the record was turned back");
        var (mine, theirs) = (Text(Balance), Text(stored));
        if (mine != theirs) Differ($"the balance differs: replayed {mine}, stored {theirs}");
        var left = new Dictionary<string, Claim>(open);
        foreach (var claim in storedClaims)
        {
            if (moved?.Contains(claim.Id) == true) left.Remove(claim.Id);
            else if (!left.Remove(claim.Id, out var replayed)) Differ($"claim {claim.Id} is stored and not in the journal");
            else if (Text(replayed) is var expected && expected != Text(claim)) Differ($"claim {claim.Id} differs: replayed {expected}, stored {Text(claim)}");
        }
        foreach (var missing in left.Keys.Where(id => moved?.Contains(id) != true)) Differ($"claim {missing} is in the journal and not stored");
        Check();
    }

    void Check()
    {
        var (units, value) = (Journal.Owned(Balance), Balance.Value);
        foreach (var side in Balance.Outside.Values) (units, value) = (units + side.Units, value + side.Value);
        if (units != 0) Differ($"units do not sum to zero: {units}");
        if (value != 0) Differ($"value does not sum to zero: {value}");
        if (Balance.Short != open.Values.Where(c => c.Place == Accounts.Short).Sum(c => c.Held)) Differ("the sum of short claims is wrong");
        foreach (var (location, stock) in Balance.Locations)
        {
            if (stock.Held != open.Values.Where(c => c.Place == location).Sum(c => c.Held)) Differ($"the sum of claims at {location} is wrong");
            if (stock.Available < 0 && stock.Held > 0 && !Balance.Rebalancing) Differ($"more is claimed at {location} than is there: {stock.Held} of {stock.Sellable}");
        }
    }

    long Shown(string account) => account switch
    {
        Accounts.Short => Balance.Short,
        Accounts.Inventory => Balance.Value,
        _ when account.StartsWith("held/supply/", StringComparison.Ordinal) => Balance.Supply.TryGetValue(account["held/supply/".Length..], out var s) ? s.Claimed : 0,
        _ when account.StartsWith("held/", StringComparison.Ordinal) => Balance.Locations.TryGetValue(account["held/".Length..], out var s) ? s.Held : 0,
        _ => Journal.UnitsOf(Balance, account),
    };

    static string Text(Balance balance) => JsonSerializer.Serialize(balance with { ETag = null }, LedgerJson.Default.Balance);
    static string Text(Claim claim) => JsonSerializer.Serialize(claim, LedgerJson.Default.Claim);

    void Differ(string what)
    {
        if (Differences.Count < MostDifferences) Differences.Add($"{sku}: {what}");
    }
}
