using System.Text.Json;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Channels.Shopify;

/// <summary>
/// Reads the order resource that <c>orders/create</c>, <c>orders/updated</c> and <c>orders/cancelled</c> carry (shopify.dev, REST Order; the body has no
/// root key): one state of the order, told apart from others by <c>updated_at</c>. Money is the shop's (<c>currency</c>); what the buyer saw
/// (<c>presentment_currency</c>) is kept beside it where it is another.
/// </summary>
public static class ShopifyOrder
{
    /// <param name="body">The webhook's body.</param>
    /// <param name="channel">The channel's id.</param>
    /// <param name="webhookId">The delivery's id, kept for people.</param>
    /// <param name="seenAt">When this state was sent or read.</param>
    /// <exception cref="ProblemException">400 with the JSON pointer of what is wrong.</exception>
    public static Draft Parse(ReadOnlyMemory<byte> body, string channel, string? webhookId, DateTimeOffset? seenAt = null)
    {
        using var document = ShopifyFields.Document(body);
        return Parse(document.RootElement, channel, webhookId, seenAt);
    }

    /// <inheritdoc cref="Parse(ReadOnlyMemory{byte}, string, string?, DateTimeOffset?)"/>
    public static Draft Parse(JsonElement body, string channel, string? webhookId, DateTimeOffset? seenAt)
    {
        var faults = new List<Fault>();
        var order = new ShopifyFields(body, "", faults);
        var cancelledAt = order.Instant("cancelled_at");
        var actor = "channel:" + channel;
        var currency = Currency(order, "currency");
        var shown = order.Has("presentment_currency") ? Currency(order, "presentment_currency") : currency;
        var refunds = ShopifyRefund.ListOf(order);
        var draft = new Draft
        {
            ExternalId = order.Id("id"),
            Name = order.Text("name", 100),
            PlacedAt = order.Instant("processed_at") ?? order.Instant("created_at"),
            Currency = currency,
            Lines = ShopifyLines.Read(order, cancelledAt is not null, shown != currency, refunds),
            Person = PersonOf(order),
            Test = order.Flag("test") ?? false,
            References = References(order, webhookId),
            Cancel = cancelledAt is { } at ? new(CancelState.Done, at, order.Text("cancel_reason", 100), actor) : null,
            Version = (order.Instant("updated_at") ?? order.Instant("created_at")) is { } updated ? new(updated, seenAt, order.Has("refunds")) : null,
            Refunds = refunds.Count > 0 ? [.. refunds.Select(refund => refund with { Counted = true })] : null,
            Presentment = shown != currency ? PresentmentOf(order, shown) : null,
            Till = TillOf(order),
            // shopify.dev, OrderDisplayFinancialStatus: authorized and partially paid are the merchant's to capture; what the others say of money is settled.
            Unpaid = order.Text("financial_status", 40)?.ToLowerInvariant() switch { null => null, "pending" or "voided" or "expired" => true, _ => false },
            Actor = actor,
        };
        if (faults.Count > 0) throw ProblemException.Invalid($"{faults[0].Pointer}: {faults[0].Detail}{(faults.Count > 1 ? $" And {faults.Count - 1} more." : "")}", faults);
        return draft;
    }

    static string Currency(ShopifyFields order, string name) => order.Text(name, 10) is { Length: 3 } code && code.All(char.IsAsciiLetterUpper)
        ? code : order.Fault(name, "Expected three capital letters (ISO 4217).", "");

    // What was sold over the counter. A till's order that is to be sent is one like any other; other sources have a location too.
    static string? TillOf(ShopifyFields order) =>
        order.Text("source_name", 60) == "pos" && order.Has("location_id") && order.Objects("shipping_lines", 100).Count == 0 ? order.Id("location_id") : null;

    static Presentment PresentmentOf(ShopifyFields order, string currency)
    {
        var total = order.Object("total_price_set");
        var (shop, shown) = (total?.Object("shop_money")?.Money("amount") ?? 0, total?.Object("presentment_money")?.Money("amount") ?? 0);
        return new(currency, shown, shown > 0 ? Math.Round((decimal)shop / shown, 8).ToString("0.########", System.Globalization.CultureInfo.InvariantCulture) : null);
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
