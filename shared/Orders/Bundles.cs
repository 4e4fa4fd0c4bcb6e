using Selvedge.Catalogue;
using Selvedge.Ledger;

namespace Selvedge.Orders;

/// <summary>What a virtual bundle was when the line was read: the order keeps it, whatever becomes of the bundle.</summary>
/// <param name="Version">The components' version (<see cref="Product.ComponentsVersion"/>).</param>
/// <param name="Parts">In ascending order of their SKUs: so they are claimed.</param>
public sealed record LineBundle(long Version, IReadOnlyList<BundlePart> Parts)
{
    /// <summary>A bundle as it is now.</summary>
    public static LineBundle Of(Product bundle, IReadOnlyDictionary<string, Product> components) => new(bundle.ComponentsVersion,
        [.. bundle.Components.OrderBy(part => part.Sku, StringComparer.Ordinal).Select(part => new BundlePart(part.Sku, part.Quantity, (components.GetValueOrDefault(part.Sku)?.Price ?? 0) * part.Quantity))]);

    /// <summary>What each part, all its units of one bundle, is of the bundle's price: by their own prices, to the last ten-thousandth.</summary>
    public long[] PriceShares(long unitPrice) => Shares.Split(unitPrice, [.. Parts.Select(part => part.Weight)]);
}

/// <summary>A component of a bundle that was sold.</summary>
/// <param name="Sku">The SKU that is claimed and sent.</param>
/// <param name="Quantity">Units in one bundle.</param>
/// <param name="Weight">Its price times the quantity, then: its weight in the bundle's price.</param>
/// <param name="Places">Where its units may come from, in order.</param>
public sealed record BundlePart(string Sku, long Quantity, long Weight, IReadOnlyList<string>? Places = null);

/// <summary>
/// Claims a bundle as its parts, all or nothing for each bundle: what one part lacks is held of no other, whatever the channel's policy. A line of the
/// ledger per part; at revision R of the order line they are asked at 2R − 1, tentatively and one after another, each only for as many bundles as
/// those before it left; what came of it is written at 2R, for as many as are whole. Bundles that wait are <c>short</c> at no place: their parts are out of
/// every ats, and held nowhere until <see cref="OrderProgress"/> finds that one more can be whole. Every command follows from the document and from
/// answers that the ledger keeps, so whoever repeats this sends the same.
/// </summary>
public static class Bundles
{
    /// <summary>The ledger's name of a part's line, and of what of it waits.</summary>
    public static string PartId(string line, int part) => $"{line}:part{part + 1}";
    public static string WaitId(string line, int part) => PartId(line, part) + ":wait";

    /// <summary>Claims that follow one another: what the ledger is asked for a whole order or edit, plain lines as they are and bundles by part.</summary>
    public static IEnumerable<(OrderLine Line, int Part, string Sku)> Units(OrderLine line) =>
        line.Bundle is null ? [(line, -1, line.Sku)] : line.Bundle.Parts.Select((part, i) => (line, i, part.Sku));

    /// <summary>The command for one part, made of the command that the line would be if it were no bundle.</summary>
    public static SetClaim Part(SetClaim line, OrderLine of, int part, long bundles, long revision) => line with
    {
        Sku = of.Bundle!.Parts[part].Sku, Line = PartId(of.Id, part), Quantity = bundles * of.Bundle.Parts[part].Quantity, Places = PlacesOf(of, part), Revision = revision,
    };

    /// <summary>Claims a bundle line that is not all-or-nothing as a whole order.</summary>
    /// <param name="execute">The ledger.</param>
    /// <param name="order">The line's order.</param>
    /// <param name="claim">The command that the line would be if it were no bundle; its revision is the line's.</param>
    /// <param name="line">The line.</param>
    /// <param name="tentativeUntil">When what is asked first lapses; null in an edit, where firm units are held already.</param>
    /// <returns>As for a plain line, in bundles.</returns>
    public static async Task<Outcome> ClaimAsync(Func<Command, Task<Outcome>> execute, Order order, SetClaim claim, OrderLine line, DateTimeOffset? tentativeUntil)
    {
        var (parts, whole) = (line.Bundle!.Parts, line.Quantity);
        var asked = claim with { Shortage = Shortage.Partial, Tentative = tentativeUntil is not null, ExpiresAt = tentativeUntil };
        for (var i = 0; i < parts.Count; i++)
        {
            var outcome = await execute(Part(asked, line, i, whole, 2 * claim.Revision - 1) with { Givers = Claiming.Givers(order, line, parts[i].Sku) });
            if (outcome.Verdict == Verdict.Superseded) return outcome;
            whole = Math.Min(whole, (Held(outcome) + Shipments.UnitsOf(order, PartId(line.Id, i))) / parts[i].Quantity);
        }
        for (var i = 0; i < parts.Count; i++)
        {
            var firm = await execute(Part(claim with { Shortage = claim.Shortage == Shortage.Short ? Shortage.Short : Shortage.Partial, AsksFirst = false }, line, i, whole, 2 * claim.Revision));
            if (firm.Verdict == Verdict.Superseded) return firm;
            var waits = claim.Shortage == Shortage.Short ? line.Quantity - whole : 0;
            if (waits > 0 || claim.Revision > 1)
                await execute(Part(claim with { Shortage = Shortage.Short, AsksFirst = false }, line, i, waits, 2 * claim.Revision) with { Line = WaitId(line.Id, i), Places = [] });
        }
        var held = Math.Max(0, whole - line.Shipped);
        return new(Verdict.Applied, held > 0 ? new Dictionary<string, long> { ["*"] = held } : null, claim.Shortage == Shortage.Short ? line.Quantity - whole : 0);
    }

    /// <summary>The commands that make what a bundle line holds firm, or let it go; made of the command that it would be if it were no bundle.</summary>
    /// <param name="line">That command.</param>
    /// <param name="of">The line.</param>
    /// <param name="wholeOrder">Claimed with its whole order, all or nothing: then nothing waits.</param>
    public static IEnumerable<Settle> Settle(Settle line, OrderLine of, bool wholeOrder)
    {
        for (var i = 0; i < of.Bundle!.Parts.Count; i++)
        {
            var part = line with { Sku = of.Bundle.Parts[i].Sku, Line = PartId(of.Id, i), Revision = 2 * line.Revision - (wholeOrder ? 1 : 0) };
            if (!line.Keep || of.Committed > 0) yield return part;
            if (!wholeOrder && (!line.Keep || of.Backordered + of.Oversold > 0)) yield return part with { Line = WaitId(of.Id, i) };
        }
    }

    /// <summary>The commands that set a bundle line to nothing at the order's <paramref name="revision"/>.</summary>
    public static IEnumerable<SetClaim> Release(SetClaim nothing, OrderLine line, long revision)
    {
        for (var i = 0; i < line.Bundle!.Parts.Count; i++)
        {
            yield return Part(nothing, line, i, 0, 2 * revision) with { Places = [] };
            yield return Part(nothing, line, i, 0, 2 * revision) with { Places = [], Line = WaitId(line.Id, i) };
        }
    }

    /// <summary>Bundles that wait, by the units that the ledger holds short for the line's parts: those that never were whole, and those of which a fact took a part.</summary>
    public static long Waits(OrderLine line, Func<string, long> shortOf)
    {
        var (never, broken) = (0L, 0L);
        for (var i = 0; i < line.Bundle!.Parts.Count; i++)
        {
            never = Math.Max(never, Up(shortOf(WaitId(line.Id, i)), line.Bundle.Parts[i].Quantity));
            broken = Math.Max(broken, Up(shortOf(PartId(line.Id, i)), line.Bundle.Parts[i].Quantity));
        }
        return Math.Min(line.Quantity, never + broken);
    }

    /// <summary>The order with bundles that wait to be claimed once more, where stock that looks free makes one more of them whole; else null.</summary>
    public static Order? Again(Order order, IReadOnlyDictionary<string, Balance> balances, string owner, DateTimeOffset now)
    {
        if (!order.Lines.Any(CanBeWhole)) return null;
        var revision = order.Revision + 1;
        return order with
        {
            Revision = revision, UpdatedAt = now, Intake = new(IntakeStep.Claim, 1, owner, revision), IntakeDue = now,
            Lines = [.. order.Lines.Select(line => CanBeWhole(line) ? line with { Revision = revision, Was = line.Quantity } : line)],
        };

        bool CanBeWhole(OrderLine line) => line is { Bundle: { } bundle, Claims: true } && line.Backordered + line.Oversold > 0 && Enumerable.Range(0, bundle.Parts.Count).All(i =>
            balances.GetValueOrDefault(bundle.Parts[i].Sku) is { } balance && PlacesOf(line, i).Sum(place => Math.Max(0, balance.Locations.GetValueOrDefault(place)?.Available ?? 0)) >= bundle.Parts[i].Quantity);
    }

    static long Up(long units, long each) => (units + each - 1) / each;

    static long Held(Outcome outcome)
    {
        long held = 0;
        foreach (var (place, units) in outcome.Held ?? new Dictionary<string, long>(0))
            if (place != Accounts.Short) held += units;
        return held;
    }

    // A place that a person chose at the channel comes before those we would choose.
    static IReadOnlyList<string> PlacesOf(OrderLine line, int part)
    {
        var places = line.Bundle!.Parts[part].Places ?? line.Places ?? [];
        return line.Moved is { } moved ? [moved.Place, .. places.Where(place => place != moved.Place)] : places;
    }
}
