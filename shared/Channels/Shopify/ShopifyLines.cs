using Selvedge.Orders;

namespace Selvedge.Channels.Shopify;

/// <summary>
/// The lines of a Shopify order. A line asks for what is left of it after edits and cancelled units: <c>current_quantity</c> is less by every refunded
/// unit, so those that were not cancelled (sent and returned, or refunded only) are added again; a refund is not a return. Payloads from before API
/// 2024-01 have only <c>quantity</c>, as ordered. Gift cards, tips and what needs no shipping need no stock. Every sum is exact: discounts and shipping
/// of the order are shared out over the lines, and the shares add up.
/// </summary>
internal static class ShopifyLines
{
    public static DraftLine[] Read(ShopifyFields order, bool cancelled, bool shown, IReadOnlyList<Refund> refunds)
    {
        if (!order.Has("line_items")) return order.Fault<DraftLine[]>("line_items", "Expected a list; it is missing.", []);
        var items = order.Objects("line_items", Draft.MostLines);
        var lines = new DraftLine[items.Count];
        var (weights, discounts) = (new long[items.Count], new long[items.Count]);
        var ids = new HashSet<string>(items.Count, StringComparer.Ordinal);
        var included = order.Flag("taxes_included") ?? false;
        for (var i = 0; i < lines.Length; i++)
        {
            var item = items[i];
            var id = item.Id("id");
            if (id.Length > 0 && !ids.Add(id)) item.Fault("id", $"Line {id} is there twice.", 0);
            var quantity = item.Whole("quantity", 0, Draft.MostUnits) ?? item.Fault("quantity", $"Expected a whole number from 0 to {Draft.MostUnits}.", 0L);
            var line = lines[i] = new DraftLine
            {
                Id = id, Code = item.Text("sku", Draft.LongestCode), Quantity = cancelled ? quantity : Wanted(item, id, quantity, refunds), Ordered = quantity,
                UnitPrice = item.Money("price") ?? 0, Tax = Sum(item, "tax_lines", "price", shown: false), TaxIncluded = included,
                NeedsStock = item.Flag("gift_card") != true && item.Flag("requires_shipping") != false,
            };
            discounts[i] = item.Has("discount_allocations") && item.Objects("discount_allocations", 100).Count > 0 ? Sum(item, "discount_allocations", "amount", shown: false) : item.Money("total_discount") ?? 0;
            // At most 10^13 × 10^6 ten-thousandths: weighed in cents, it fits.
            weights[i] = Math.Max(0, line.UnitPrice / 100 * quantity);
        }
        AddOrderDiscount(order, items, discounts, weights);
        var goods = new long[lines.Length];
        for (var i = 0; i < goods.Length; i++) goods[i] = lines[i].NeedsStock ? weights[i] : 0;
        var (shipping, tax) = (Shares.Split(Shipping(order, shown: false), goods), Shares.Split(ShippingTax(order, shown: false), goods));
        for (var i = 0; i < lines.Length; i++)
            if ((shipping[i] | tax[i] | discounts[i]) != 0) lines[i] = lines[i] with { ShippingShare = shipping[i], ShippingTax = tax[i], Discount = discounts[i] };
        if (shown) AddShown(order, items, lines, goods);
        return lines;
    }

    static long Wanted(ShopifyFields item, string id, long quantity, IReadOnlyList<Refund> refunds)
    {
        var (cancelled, others) = (0L, 0L);
        foreach (var refund in refunds)
            foreach (var line in refund.Lines)
                if (line.Line != id) continue;
                else if (line.Restock is Restock.Cancel) cancelled += line.Units;
                else others += line.Units;
        return item.Whole("current_quantity", 0, Draft.MostUnits) is { } current ? Math.Min(quantity, current + others) : Math.Max(0, quantity - cancelled);
    }

    // Payloads that allocate nothing to lines (old ones) say only what the whole order's discount was.
    static void AddOrderDiscount(ShopifyFields order, List<ShopifyFields> items, long[] discounts, long[] weights)
    {
        if (!order.Has("total_discounts") || items.Exists(item => item.Objects("discount_allocations", 100).Count > 0)) return;
        var onShipping = order.Objects("shipping_lines", 100).Sum(line => line.Money("discounted_price") is { } reduced ? Math.Max(0, (line.Money("price") ?? 0) - reduced) : 0);
        var left = (order.Money("total_discounts") ?? 0) - discounts.Sum() - onShipping;
        if (left <= 0) return;
        var shares = Shares.Split(left, weights);
        for (var i = 0; i < discounts.Length; i++) discounts[i] += shares[i];
    }

    static void AddShown(ShopifyFields order, List<ShopifyFields> items, DraftLine[] lines, long[] goods)
    {
        var (shipping, tax) = (Shares.Split(Shipping(order, shown: true), goods), Shares.Split(ShippingTax(order, shown: true), goods));
        for (var i = 0; i < lines.Length; i++)
        {
            var discount = items[i].Objects("discount_allocations", 100).Count > 0 ? Sum(items[i], "discount_allocations", "amount", shown: true) : Shown(items[i], "total_discount");
            lines[i] = lines[i] with { Shown = new(Shown(items[i], "price"), discount, Sum(items[i], "tax_lines", "price", shown: true), shipping[i], tax[i]) };
        }
    }

    static long Shipping(ShopifyFields order, bool shown) => order.Objects("shipping_lines", 100).Sum(line => shown
        ? (line.Has("discounted_price_set") ? Shown(line, "discounted_price") : Shown(line, "price"))
        : line.Money("discounted_price") ?? line.Money("price") ?? 0);

    static long ShippingTax(ShopifyFields order, bool shown) => order.Objects("shipping_lines", 100).Sum(line => Sum(line, "tax_lines", "price", shown));

    static long Sum(ShopifyFields item, string list, string member, bool shown) => item.Objects(list, 100).Sum(part => shown ? Shown(part, member) : part.Money(member) ?? 0);

    static long Shown(ShopifyFields item, string member) => item.Object(member + "_set")?.Object("presentment_money")?.Money("amount") ?? 0;
}
