using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Selvedge.Orders;
using Selvedge.Platform;
using Fields = Selvedge.Channels.Shopify.ShopifyFields;

namespace Selvedge.Channels.Mirakl;

/// <summary>What differs from operator to operator and that Mirakl's seller API does not say: settings of the account.</summary>
/// <param name="OwnCenter">Code of the fulfilment centre that is the seller's own (<c>ownCenter</c>); others are the operator's. Unconfirmed default: <c>DEFAULT</c>.</param>
/// <param name="AcceptWithin">How long the operator waits for an acceptance (<c>acceptHours</c>). Unconfirmed default: 24 h.</param>
/// <param name="QuantityIsLeft">A line's <c>quantity</c> is already less by its cancelations (<c>quantity</c> = <c>left</c>). Unconfirmed default: it is as ordered.</param>
public sealed record MiraklWords(string OwnCenter, TimeSpan AcceptWithin, bool QuantityIsLeft)
{
    public static MiraklWords Default { get; } = new("DEFAULT", TimeSpan.FromHours(24), false);

    /// <exception cref="ChannelCallException">A setting cannot be read.</exception>
    public static MiraklWords Of(ChannelAccount account)
    {
        var hours = account.OptionalSetting("acceptHours") ?? "24";
        if (!double.TryParse(hours, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var within) || within is not (> 0 and <= 8760))
            throw new ChannelCallException(CallFailure.Refused, $"Channel '{account.Channel.Id}': its setting acceptHours is '{hours}'. Write hours, e.g. 24.");
        return new(account.OptionalSetting("ownCenter") ?? Default.OwnCenter, TimeSpan.FromHours(within), account.OptionalSetting("quantity") == "left");
    }
}

/// <summary>
/// Reads one order as OR11 lists it (Mirakl Marketplace Platform, seller API): its <c>order_id</c> is the order's id, <c>commercial_id</c> the customer's, which several
/// may share. New members and new words are to be expected and are passed over. A line asks for what was not cancelled or refused. Money is JSON decimals, read as written.
/// </summary>
public static class MiraklOrder
{
    static readonly string[] Gone = ["REFUSED", "CANCELED"];

    /// <param name="order">One of <c>orders</c>.</param>
    /// <param name="channel">The channel's id.</param>
    /// <param name="words">The account's words.</param>
    /// <param name="seenAt">When it was asked for.</param>
    /// <exception cref="ProblemException">400 with the JSON pointer of what is wrong.</exception>
    public static ChannelOrder Parse(JsonElement order, string channel, MiraklWords words, DateTimeOffset seenAt)
    {
        var faults = new List<Fault>();
        var fields = new Fields(order, "", faults);
        var state = fields.Text("order_state", 60) ?? fields.Fault("order_state", "Expected the order's state.", "");
        var changed = fields.Instant("last_updated_date") ?? fields.Instant("created_date") ?? fields.Fault("last_updated_date", "Expected an instant.", default(DateTimeOffset));
        var actor = "channel:" + channel;
        var lines = LinesOf(fields, Gone.Contains(state), words, out var allGone);
        var draft = new Draft
        {
            ExternalId = fields.Text("order_id", Draft.LongestId) ?? fields.Fault("order_id", "Expected the order's id.", ""), Name = fields.Text("commercial_id", 100),
            PlacedAt = fields.Instant("created_date"), Currency = Payload.Currency(fields, "currency_iso_code"), Lines = lines, Person = PersonOf(fields), Actor = actor,
            References = Payload.References(("state", state), ("commercialId", fields.Text("commercial_id", 100)), ("updatedAt", InstantConverter.Text(changed))),
            Cancel = Gone.Contains(state) || allGone ? new(CancelState.Done, changed, state, actor) : null, Refunds = RefundsOf(fields), Version = new(changed, seenAt, ListsRefunds: true),
        };
        Payload.ThrowIfFaulty(faults);
        var center = fields.Object("fulfillment")?.Object("center")?.Text("code", 100);
        return new(draft, changed, JsonMarshal.GetRawUtf8Value(order).ToArray(), state == "WAITING_ACCEPTANCE" ? (draft.PlacedAt ?? changed) + words.AcceptWithin : null,
            fields.Instant("shipping_deadline"), ByMarketplace: center is not null && center != words.OwnCenter,
            Waits: state is "STAGING" or "WAITING_ACCEPTANCE" or "WAITING_DEBIT" or "WAITING_DEBIT_PAYMENT");
    }

    /// <summary>Units of a line that were cancelled, by its <c>cancelations</c>.</summary>
    internal static long Cancelled(Fields line) => line.Objects("cancelations", 1000).Sum(cancelation => cancelation.Whole("quantity", 0, Draft.MostUnits) ?? 0);

    static DraftLine[] LinesOf(Fields order, bool cancelled, MiraklWords words, out bool allGone)
    {
        var items = order.Objects("order_lines", Draft.MostLines);
        if (items.Count == 0) order.Fault("order_lines", "Expected at least one line.", 0);
        var included = order.Text("order_tax_mode", 40) != "TAX_EXCLUDED";
        var lines = new DraftLine[items.Count];
        allGone = items.Count > 0;
        for (var i = 0; i < lines.Length; i++)
        {
            var item = items[i];
            var gone = item.Text("order_line_state", 60) is { } state && Gone.Contains(state);
            allGone &= gone;
            var (stated, taken) = (item.Whole("quantity", 0, Draft.MostUnits) ?? item.Fault("quantity", "Expected the line's units.", 0L), Cancelled(item));
            var ordered = words.QuantityIsLeft ? stated + taken : stated;
            var (unit, discount) = Price(item, ordered);
            lines[i] = new()
            {
                Id = item.Text("order_line_id", Draft.LongestId) ?? item.Fault("order_line_id", "Expected the line's id.", ""), Code = item.Text("offer_sku", Draft.LongestCode), Ordered = ordered,
                Quantity = cancelled ? ordered : gone ? 0 : Math.Max(0, ordered - taken), UnitPrice = unit, Discount = discount, TaxIncluded = included, Tax = Sum(item, "taxes"),
                ShippingShare = item.Money("shipping_price") ?? 0, ShippingTax = Sum(item, "shipping_taxes"),
            };
        }
        if (lines.Length > 0 && allGone && !cancelled) lines = [.. lines.Select(line => line with { Quantity = line.Ordered ?? 0 })];
        if (lines.DistinctBy(line => line.Id).Count() < lines.Length) order.Fault("order_lines", "Two lines have one id.", 0);
        return lines;
    }

    // The line's price is what counts; the price of one unit times units may be more (promotions), and where it is not told a part of a ten-thousandth is made good.
    static (long Unit, long Discount) Price(Fields item, long units)
    {
        var price = item.Money("price");
        var unit = item.Money("price_unit") ?? (units > 0 && price is { } all ? (all + units - 1) / units : 0);
        return (unit, price is { } line ? Math.Max(0, unit * units - line) : 0);
    }

    static long Sum(Fields item, string list) => item.Objects(list, 100).Sum(tax => tax.Money("amount") ?? 0);

    // A refund is money; what comes back is a return and is told elsewhere.
    static List<Refund>? RefundsOf(Fields order)
    {
        var refunds = new List<Refund>();
        foreach (var line in order.Objects("order_lines", Draft.MostLines))
            foreach (var refund in line.Objects("refunds", 1000))
                if (refund.Text("id", 100) is { } id && line.Text("order_line_id", Draft.LongestId) is { } of)
                    refunds.Add(new(id, refund.Instant("created_date"), [new(of, Restock.None, refund.Whole("quantity", 0, Draft.MostUnits) ?? 0)], Counted: true));
        return refunds.Count > 0 ? refunds : null;
    }

    static Person? PersonOf(Fields order)
    {
        if (order.Object("customer") is not { } customer) return null;
        var person = new Person
        {
            Id = "", Email = order.Text("customer_notification_email", 320), ShipTo = AddressOf(customer.Object("shipping_address")), BillTo = AddressOf(customer.Object("billing_address")),
        };
        return person.IsNobody ? null : person;
    }

    static PostalAddress? AddressOf(Fields? address) => address is not { } a ? null : new()
    {
        Name = Payload.Name(a.Text("firstname", 100), a.Text("lastname", 100)), Company = a.Text("company", 200), Line1 = a.Text("street_1", 200), Line2 = a.Text("street_2", 200), City = a.Text("city", 100),
        Region = a.Text("state", 100), Postcode = a.Text("zip_code", 20), Country = Payload.Country(a.Text("country_iso_code", 3)), Phone = a.Text("phone", 40),
    };
}
