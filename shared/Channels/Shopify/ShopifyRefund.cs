using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Channels.Shopify;

/// <summary>
/// Reads Shopify's refund resource, alone (<c>refunds/create</c>) or within its order (<c>refunds[]</c>). <c>restock_type</c>: <c>cancel</c> are units that
/// were not sent, <c>return</c> units that were; <c>no_restock</c>, and the retired <c>legacy_restock</c> that does not say which, move nothing.
/// A refund was made at a till when one of its transactions was.
/// </summary>
internal static class ShopifyRefund
{
    const int Most = 500;

    /// <summary>The body of <c>refunds/create</c>: the order's id, and the refund.</summary>
    /// <exception cref="ProblemException">400 with the JSON pointer of what is wrong.</exception>
    public static (string Order, Refund Refund) Parse(ReadOnlyMemory<byte> body)
    {
        using var document = ShopifyFields.Document(body);
        var faults = new List<Fault>();
        var fields = new ShopifyFields(document.RootElement, "", faults);
        var (order, refund) = (fields.Id("order_id"), Read(fields));
        if (faults.Count > 0) throw ProblemException.Invalid($"{faults[0].Pointer}: {faults[0].Detail}{(faults.Count > 1 ? $" And {faults.Count - 1} more." : "")}", faults);
        return (order, refund);
    }

    /// <summary>The refunds an order lists, by id.</summary>
    public static IReadOnlyList<Refund> ListOf(ShopifyFields order)
    {
        if (!order.Has("refunds") || order.Objects("refunds", Most) is not { Count: > 0 } refunds) return [];
        var sent = Sent(order);
        return [.. refunds.Select(refund => Read(refund, sent)).DistinctBy(refund => refund.Id).OrderBy(refund => refund.Id, StringComparer.Ordinal)];
    }

    // Which lines the order says were wholly sent, and which not; of what it says nothing there is nothing.
    static Dictionary<string, bool> Sent(ShopifyFields order) => order.Objects("line_items", Draft.MostLines).Where(line => line.Has("fulfillment_status") || line.Has("fulfillable_quantity"))
        .DistinctBy(line => line.Id("id")).ToDictionary(line => line.Id("id"), line => line.Text("fulfillment_status", 40) == "fulfilled", StringComparer.Ordinal);

    static Refund Read(ShopifyFields refund, Dictionary<string, bool>? sent = null)
    {
        var lines = new SortedDictionary<(string, Restock, string), RefundLine>();
        foreach (var item in refund.Objects("refund_line_items", Draft.MostLines))
        {
            var (line, units) = (item.Id("line_item_id"), item.Whole("quantity", 0, Draft.MostUnits) ?? 0);
            if (units == 0) continue;
            var restock = item.Text("restock_type", 40) switch { "cancel" => Restock.Cancel, "return" => Restock.Return, _ => Restock.None };
            var location = item.Has("location_id") ? item.Id("location_id") : null;
            var key = (line, restock, location ?? "");
            lines[key] = new(line, restock, units + (lines.GetValueOrDefault(key)?.Units ?? 0), location,
                item.Object("line_item") is { } sold && sold.Has("id") ? sold.Text("fulfillment_status", 40) != "fulfilled" : sent?.TryGetValue(line, out var wholly) == true && !wholly);
        }
        var till = refund.Objects("transactions", Most).Exists(transaction => transaction.Text("source_name", 60) == "pos");
        return new(refund.Id("id"), refund.Instant("created_at") ?? refund.Instant("processed_at"), [.. lines.Values], till);
    }
}
