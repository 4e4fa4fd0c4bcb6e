using System.Text.Json;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Channels.Shopify;

/// <summary>
/// Reads the order resource that <c>orders/create</c> and <c>orders/cancelled</c> carry (shopify.dev, REST Order; the body has no root key).
/// A line claims its <c>current_quantity</c>, where the payload has one: what was edited away before we heard of the order is not wanted;
/// otherwise its <c>quantity</c>. Gift cards and what needs no shipping claim nothing. Money is the shop's currency.
/// </summary>
public static class ShopifyOrder
{
    /// <exception cref="ProblemException">400 with the JSON pointer of what is wrong.</exception>
    public static Draft Parse(ReadOnlyMemory<byte> body, string channel, string? webhookId)
    {
        using var document = ShopifyFields.Document(body);
        var faults = new List<Fault>();
        var order = new ShopifyFields(document.RootElement, "", faults);
        var cancelledAt = order.Instant("cancelled_at");
        var actor = "channel:" + channel;
        var draft = new Draft
        {
            ExternalId = order.Id("id"),
            Name = order.Text("name", 100),
            PlacedAt = order.Instant("processed_at") ?? order.Instant("created_at"),
            Currency = Currency(order),
            Lines = Lines(order, cancelledAt is not null),
            Person = PersonOf(order),
            Test = order.Flag("test") ?? false,
            References = References(order, webhookId),
            Cancel = cancelledAt is { } at ? new(CancelState.Done, at, order.Text("cancel_reason", 100), actor) : null,
            Actor = actor,
        };
        if (faults.Count > 0) throw ProblemException.Invalid($"{faults[0].Pointer}: {faults[0].Detail}{(faults.Count > 1 ? $" And {faults.Count - 1} more." : "")}", faults);
        return draft;
    }

    static string Currency(ShopifyFields order) => order.Text("currency", 10) is { Length: 3 } code && code.All(char.IsAsciiLetterUpper)
        ? code : order.Fault("currency", "Expected three capital letters (ISO 4217).", "");

    static DraftLine[] Lines(ShopifyFields order, bool cancelled)
    {
        if (!order.Has("line_items")) return order.Fault<DraftLine[]>("line_items", "Expected a list; it is missing.", []);
        var items = order.Objects("line_items", Draft.MostLines);
        var lines = new DraftLine[items.Count];
        var weights = new long[items.Count];
        var ids = new HashSet<string>(items.Count, StringComparer.Ordinal);
        var included = order.Flag("taxes_included") ?? false;
        for (var i = 0; i < lines.Length; i++)
        {
            var item = items[i];
            var id = item.Id("id");
            if (id.Length > 0 && !ids.Add(id)) item.Fault("id", $"Line {id} is there twice.", 0);
            var quantity = item.Whole("quantity", 0, Draft.MostUnits) ?? item.Fault("quantity", $"Expected a whole number from 0 to {Draft.MostUnits}.", 0L);
            var current = item.Whole("current_quantity", 0, Draft.MostUnits);
            var discount = item.Objects("discount_allocations", 100) is { Count: > 0 } allocations ? allocations.Sum(a => a.Money("amount") ?? 0) : item.Money("total_discount") ?? 0;
            var line = lines[i] = new DraftLine
            {
                Id = id, Code = item.Text("sku", Draft.LongestCode), Quantity = cancelled || current is null ? quantity : Math.Min(quantity, current.Value),
                UnitPrice = item.Money("price") ?? 0, Discount = discount, Tax = item.Objects("tax_lines", 100).Sum(tax => tax.Money("price") ?? 0), TaxIncluded = included,
                NeedsStock = item.Flag("gift_card") != true && item.Flag("requires_shipping") != false,
            };
            // At most 10^13 × 10^6 ten-thousandths: weighed in cents, it fits.
            weights[i] = line.NeedsStock ? Math.Max(0, line.UnitPrice / 100 * quantity) : 0;
        }
        var shipping = order.Objects("shipping_lines", 100).Sum(s => s.Money("discounted_price") ?? s.Money("price") ?? 0);
        var shares = Shares.Split(shipping, weights);
        for (var i = 0; i < lines.Length; i++)
            if (shares[i] != 0) lines[i] = lines[i] with { ShippingShare = shares[i] };
        return lines;
    }

    static Dictionary<string, string> References(ShopifyFields order, string? webhookId)
    {
        var references = new Dictionary<string, string>(4, StringComparer.Ordinal);
        Add("gid", order.Text("admin_graphql_api_id", 100));
        Add("source", order.Text("source_name", 60));
        Add("updatedAt", order.Instant("updated_at") is { } at ? InstantConverter.Text(at) : null);
        Add("webhookId", webhookId is { Length: <= 100 } && !webhookId.Any(char.IsControl) ? webhookId : null);
        return references;

        void Add(string name, string? value)
        {
            if (value is not null) references[name] = value;
        }
    }

    // The id is the order's and is set when it is stored.
    static Person PersonOf(ShopifyFields order) => new()
    {
        Id = "", Email = order.Text("email", 320) ?? order.Text("contact_email", 320), Phone = order.Text("phone", 40),
        ShipTo = AddressOf(order.Object("shipping_address")), BillTo = AddressOf(order.Object("billing_address")),
    };

    static PostalAddress? AddressOf(ShopifyFields? address) => address is not { } a ? null : new()
    {
        Name = a.Text("name", 200) ?? Full(a.Text("first_name", 100), a.Text("last_name", 100)), Company = a.Text("company", 200),
        Line1 = a.Text("address1", 200), Line2 = a.Text("address2", 200), City = a.Text("city", 100), Region = a.Text("province_code", 20) ?? a.Text("province", 100),
        Postcode = a.Text("zip", 20), Country = a.Text("country_code", 2), Phone = a.Text("phone", 40),
    };

    static string? Full(string? first, string? last) => first is null || last is null ? first ?? last : $"{first} {last}";
}
