using System.Text.Json;
using Selvedge.Orders;
using Selvedge.Platform;
using Fields = Selvedge.Channels.Shopify.ShopifyFields;

namespace Selvedge.Channels.Mirakl;

/// <summary>What OR30 is to be told of one line: units, and the money that goes with them, in cents so that many parts of a line add up to its whole.</summary>
/// <param name="Line">Its id.</param>
/// <param name="Units">Units to cancel now.</param>
/// <param name="All">Nothing of the line is left then, and nothing was cancelled of it before.</param>
/// <param name="Amount">Goods; ten-thousandths.</param>
/// <param name="Shipping">Shipping; ten-thousandths.</param>
/// <param name="Taxes">By code.</param>
/// <param name="ShippingTaxes">By code.</param>
public sealed record MiraklCancelation(string Line, long Units, bool All, long Amount, long Shipping, IReadOnlyList<(string Code, long Amount)> Taxes, IReadOnlyList<(string Code, long Amount)> ShippingTaxes)
{
    const long Cent = Money.Scale / 100;

    /// <summary>What is still to be cancelled so that of each line as many units as asked are.</summary>
    public static List<MiraklCancelation> Plan(JsonElement order, IReadOnlyList<LineUnits> asked, MiraklWords words)
    {
        var plan = new List<MiraklCancelation>();
        foreach (var line in new Fields(order, "", []).Objects("order_lines", Draft.MostLines))
        {
            var id = line.Text("order_line_id", Draft.LongestId) ?? "";
            var (done, stated) = (MiraklOrder.Cancelled(line), line.Whole("quantity", 0, Draft.MostUnits) ?? 0);
            if (line.Text("order_line_state", 60) is "CANCELED" or "REFUSED") continue;
            var ordered = words.QuantityIsLeft ? stated + done : stated;
            var units = Math.Min(ordered, asked.Where(one => one.Line == id).Sum(one => one.Units)) - done;
            if (units <= 0) continue;
            long Part(long? whole) => whole is not { } sum ? 0 : words.QuantityIsLeft ? Of(sum, 0, units, stated) : Of(sum, done, units, ordered);
            List<(string, long)> Parts(string list) => [.. line.Objects(list, 100).Select(tax => (tax.Text("code", 100) ?? "", Part(tax.Money("amount"))))];
            plan.Add(new(id, units, done == 0 && units == ordered, Part(line.Money("price")), Part(line.Money("shipping_price")), Parts("taxes"), Parts("shipping_taxes")));
        }
        return plan;
    }

    /// <summary>The body of OR30.</summary>
    public static object Body(IReadOnlyList<MiraklCancelation> plan, string reason, string currency) => new
    {
        cancelations = plan.Select(line => new
        {
            order_line_id = line.Line, quantity = line.Units, reason_code = reason, currency_iso_code = currency, amount = Number(line.Amount), shipping_amount = Number(line.Shipping),
            taxes = line.Taxes.Select(tax => new { code = tax.Code, amount = Number(tax.Amount) }), shipping_taxes = line.ShippingTaxes.Select(tax => new { code = tax.Code, amount = Number(tax.Amount) }),
        }),
    };

    static long Of(long sum, long done, long units, long all) => (Int128)sum / Cent is var cents && all > 0 ? (long)(cents * (done + units) / all - cents * done / all) * Cent : 0;
    static decimal Number(long tenThousandths) => tenThousandths / (decimal)Money.Scale;
}
