using Selvedge.Orders;

namespace Selvedge.Returns;

/// <summary>What a return's facts come to, whatever order they came in: pure.</summary>
public static class ReturnRules
{
    /// <summary>Units of an expected line that have not come.</summary>
    public static long Open(ReturnCase found, ExpectedLine line) => found.Ended ? 0 : Math.Max(0, line.Units - Came(found, line));

    /// <summary>Units that came for an expected line.</summary>
    public static long Came(ReturnCase found, ExpectedLine line) => found.Receipts.SelectMany(receipt => receipt.Lines).Where(came => came.Line == line.Line && came.Sku == line.Sku).Sum(came => came.Units);

    /// <summary>Where the goods stand.</summary>
    public static ReturnStatus StatusOf(ReturnCase found)
    {
        var came = found.Receipts.SelectMany(receipt => receipt.Lines).Sum(line => line.Units);
        var graded = found.Gradings.Where(grading => grading.Done).Sum(grading => grading.Moved ?? grading.Units);
        if (found.Ended) return graded >= came ? ReturnStatus.Closed : ReturnStatus.Received;
        if (came == 0) return ReturnStatus.Expected;
        if (found.Lines.Any(line => Open(found, line) > 0)) return ReturnStatus.Partial;
        return graded >= came ? ReturnStatus.Graded : ReturnStatus.Received;
    }

    /// <summary>What the goods of a return cost the buyer, in ten-thousandths of the order's currency: of each line its units' share of price, discount, tax and shipping; of a
    /// bundle's part the whole line, since parts have no price of their own. Units that came beyond what was expected count where their line is known.</summary>
    public static long Cost(ReturnCase found, Order order)
    {
        var sum = 0L;
        foreach (var group in found.Lines.GroupBy(line => order.Lines.FirstOrDefault(of => of.Id == line.Line || (of.Bundle is not null && line.Line.StartsWith(of.Id + ":part", StringComparison.Ordinal)))))
            if (group.Key is { } of && (of.Ordered ?? of.Quantity) is var ordered and > 0)
            {
                var paid = of.UnitPrice * ordered - of.Discount + (of.TaxIncluded ? 0 : of.Tax) + of.ShippingShare + of.ShippingTax;
                sum += of.Bundle is not null ? paid : Ledger.Rules.Costing.Share(paid, Math.Min(ordered, group.Sum(line => Math.Max(line.Units, Came(found, line)))), ordered);
            }
        return sum;
    }

    /// <summary>
    /// Units of a SKU that may be graded at a location: those received there and not graded, and, ahead of their receipt, as many as are still to come of what is expected.
    /// </summary>
    public static long Gradable(ReturnCase found, string location, string sku)
    {
        var places = found.Receipts.Select(receipt => receipt.Location).Concat(found.Gradings.Select(grading => grading.Location)).Append(location).Distinct(StringComparer.Ordinal);
        var ahead = found.Lines.Where(line => line.Sku == sku).Sum(line => Open(found, line)) - places.Sum(place => Math.Max(0, -Ungraded(found, place, sku, _ => true)));
        return Math.Max(0, Ungraded(found, location, sku, _ => true)) + Math.Max(0, ahead);
    }

    /// <summary>True while fewer units are received there than the grading is for: the ledger is told of it after the receipt.</summary>
    public static bool WaitsForReceipt(ReturnCase found, Grading grading) => grading is { Done: false, Refusal: null, Approval: null }
        && Ungraded(found, grading.Location, grading.Sku, other => other.Id != grading.Id && (other.Done || other.Approval is not null)) < grading.Units;

    // Received less graded: below zero where gradings are ahead of their receipt.
    static long Ungraded(ReturnCase found, string location, string sku, Func<Grading, bool> counts) =>
        found.Receipts.Where(receipt => receipt.Location == location).SelectMany(receipt => receipt.Lines).Where(came => came.Sku == sku).Sum(came => came.Units)
        - found.Gradings.Where(grading => grading.Location == location && grading.Sku == sku && grading.Refusal is null && counts(grading)).Sum(grading => grading.Moved ?? grading.Units);

    /// <summary>
    /// Which expected line what came is taken for: the one that is named, or those of its SKU that are open, in their order. What is more than was expected, or of
    /// another SKU, is for none; it came all the same.
    /// </summary>
    public static IReadOnlyList<CameBack> Match(ReturnCase found, IReadOnlyList<(string Sku, long Units, string? Line)> came)
    {
        var left = found.Lines.ToDictionary(line => (line.Line, line.Sku), line => Open(found, line));
        var matched = new List<CameBack>();
        foreach (var (sku, units, named) in came)
        {
            var rest = units;
            foreach (var line in found.Lines.Where(line => line.Sku == sku && (named is null || line.Line == named)))
            {
                var taken = Math.Min(rest, left[(line.Line, line.Sku)]);
                if (taken <= 0) continue;
                left[(line.Line, line.Sku)] -= taken;
                matched.Add(new(sku, taken, line.Line));
                rest -= taken;
            }
            if (rest > 0) matched.Add(new(sku, rest, null));
        }
        return matched;
    }

    /// <summary>What units re-enter at: their share of what the line's shipments left at, in ten-thousandths of the base currency; null, the average, where no shipment says.</summary>
    public static long? Value(long units, (long Units, long Value) shipped) => shipped.Units > 0 && units <= shipped.Units ? Ledger.Rules.Costing.Share(shipped.Value, units, shipped.Units) : null;
}
