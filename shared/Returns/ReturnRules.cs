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
        var graded = found.Gradings.Where(grading => grading.Done).Sum(grading => grading.Units);
        if (found.Ended) return graded >= came ? ReturnStatus.Closed : ReturnStatus.Received;
        if (came == 0) return ReturnStatus.Expected;
        if (found.Lines.Any(line => Open(found, line) > 0)) return ReturnStatus.Partial;
        return graded >= came ? ReturnStatus.Graded : ReturnStatus.Received;
    }

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
