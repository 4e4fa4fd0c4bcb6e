using System.Globalization;
using Selvedge.Orders;

namespace Selvedge.Receiving;

/// <summary>Units of one SKU as somebody counted them in.</summary>
/// <param name="Units">In all, ≥ 1.</param>
/// <param name="Damaged">Of them, 0 to all.</param>
/// <param name="Line">The line they are for; null: whichever of that SKU is open.</param>
public sealed record ReceivedLine(string Sku, long Units, long Damaged, string Bin, string? Line);

/// <summary>A line that goods may arrive on, and what is open of it.</summary>
public sealed record OpenLine(string Line, string Sku, long Open, string Supply, long? UnitCost);

/// <summary>What becomes of goods that came, and of what they cost: pure.</summary>
public static class ReceivingRules
{
    /// <summary>
    /// Turns what was counted in into postings. The good units of a SKU fill its open lines in their order, then the damaged ones do: so whoever waits is
    /// served by good units before the supply is used up. What is more than was open is posted all the same, without a supply.
    /// </summary>
    /// <param name="lines">What came.</param>
    /// <param name="open">What it may be for.</param>
    /// <param name="rate">Base currency for one unit of the lines' currency.</param>
    public static IReadOnlyList<ReceiptPosting> Plan(IReadOnlyList<ReceivedLine> lines, IReadOnlyList<OpenLine> open, decimal rate)
    {
        var left = open.ToDictionary(line => line.Line, line => line.Open, StringComparer.Ordinal);
        var postings = new List<ReceiptPosting>();
        foreach (var damaged in (bool[])[false, true])
            foreach (var came in lines)
            {
                var units = damaged ? came.Damaged : came.Units - came.Damaged;
                var candidates = open.Where(line => line.Sku == came.Sku && (came.Line is null || line.Line == came.Line)).ToList();
                foreach (var line in candidates)
                {
                    var taken = Math.Min(units, left[line.Line]);
                    if (taken <= 0) continue;
                    Post(came, line, taken, damaged, over: false);
                    left[line.Line] -= taken;
                    units -= taken;
                }
                if (units > 0) Post(came, candidates.LastOrDefault(), units, damaged, over: true);
            }
        return postings;

        void Post(ReceivedLine came, OpenLine? line, long units, bool damaged, bool over) => postings.Add(
            new(came.Sku, units, damaged ? "" : came.Bin, line?.Line, over ? null : line?.Supply, line?.UnitCost is { } cost ? Convert(cost * (decimal)units, rate) : null) { Damaged = damaged, Over = over });
    }

    /// <summary>An amount in base currency, rounded half away from zero to whole ten-thousandths.</summary>
    public static long Convert(decimal amount, decimal rate) => (long)decimal.Round(amount * rate, 0, MidpointRounding.AwayFromZero);

    /// <summary>Reads a rate: above 0, at most ten thousand million, at most ten decimals.</summary>
    public static bool TryRate(string text, out decimal rate) =>
        decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out rate) && rate is > 0 and <= 10_000_000 && decimal.Round(rate, 10) == rate;

    /// <summary>
    /// Spreads an amount over SKUs to the last ten-thousandth, and parts each share: of the units that came, as many as we own now at most are taken to be still
    /// here (the latest in are the last out), and their part is capitalised.
    /// </summary>
    /// <param name="amount">In ten-thousandths of the base currency; below zero for a credit.</param>
    /// <param name="parts">By SKU: what it weighs in the spreading, the units that came, and the units we own now.</param>
    public static IReadOnlyList<LandedShare> Spread(long amount, IReadOnlyList<(string Sku, long Weight, long Came, long Owned)> parts)
    {
        var shares = Shares.Split(amount, [.. parts.Select(part => part.Weight)]);
        return [.. parts.Select((part, i) =>
        {
            var here = Math.Clamp(part.Owned, 0, part.Came);
            var capitalized = part.Came == 0 ? 0 : Ledger.Rules.Costing.Share(shares[i], here, part.Came);
            return new LandedShare(part.Sku, capitalized, shares[i] - capitalized);
        })];
    }
}
