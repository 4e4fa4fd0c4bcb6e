using System.Globalization;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Exceptions;

/// <summary>Turns what an entry found contradictory into exceptions: pure. Ids come from the entry's key, so an audit that reports the entry again doubles nothing.</summary>
public static class LedgerContradictions
{
    public static IEnumerable<ExceptionCase> Of(Entry entry)
    {
        for (var i = 0; i < (entry.Outcome.Exceptions?.Count ?? 0); i++)
        {
            var contradiction = entry.Outcome.Exceptions![i];
            var (expected, found) = Sides(entry, contradiction);
            yield return new()
            {
                Id = Ids.Join(["ledger", entry.Sku, entry.Key, i.ToString(CultureInfo.InvariantCulture)]), Kind = contradiction.Kind, Sku = entry.Sku,
                Order = contradiction.Order, Line = contradiction.Line, Channel = Ids.ChannelOf(contradiction.Order) ?? entry.Channel, Location = LocationOf(entry),
                Quantity = contradiction.Quantity, Detail = contradiction.Detail, Expected = expected, Found = found,
            };
        }
    }

    static (Side Expected, Side Found) Sides(Entry entry, Contradiction c)
    {
        var fact = $"entry {entry.Sequence}: {entry.Kind} by {entry.Actor}";
        var line = $"ledger: claim of {c.Order} line {c.Line}";
        var units = c.Quantity.ToString(CultureInfo.InvariantCulture);
        var account = BelowZero(entry);
        return c.Kind switch
        {
            "belowZero" => (new($"ledger: {account ?? "onHand"}", "at least 0"), new(fact, account is null ? $"{units} more than there were" : entry.After[account].ToString(CultureInfo.InvariantCulture))),
            "claimUncovered" => (new(line, $"{units} held"), new(fact, $"{units} of them are not there")),
            "claimReassigned" => (new(line, $"{units} held"), new(fact, $"{units} given to another order")),
            "supplyCut" => (new(line, $"{units} to come"), new(fact, $"{units} no longer to come")),
            "shippedUnclaimed" => (new(line, "nothing held for what was sent"), new(fact, $"{units} shipped beyond it")),
            "binMismatch" => (new("ledger: the named bin", $"without the {units} taken"), new(fact, $"{units} taken from another")),
            "unknownSupply" => (new("ledger: open supply", "none of that name"), new(fact, $"{units} arrived on it")),
            "overReceipt" => (new("ledger: open supply", $"{units} fewer"), new(fact, $"{units} too many arrived")),
            _ => (new("ledger", "as recorded"), new(fact, units)),
        };
    }

    static string? BelowZero(Entry entry) => entry.After.Where(after => after is { Value: < 0, Key: not Accounts.Inventory } && Accounts.IsOurs(after.Key)).Select(after => after.Key).FirstOrDefault();

    // The one location whose stock the entry moved; null where there are several.
    static string? LocationOf(Entry entry)
    {
        var locations = (entry.Moves ?? []).SelectMany(move => (string[])[move.From, move.To]).Where(account => Accounts.Class(account) is "onHand" or "staged" or "quarantine").Select(Accounts.Location).Distinct().ToList();
        return locations.Count == 1 ? locations[0] : null;
    }
}
