using System.Runtime.InteropServices;
using System.Text.Json;
using Selvedge.Orders;
using Selvedge.Platform;
using Fields = Selvedge.Channels.Shopify.ShopifyFields;

namespace Selvedge.Channels.Amazon;

/// <summary>
/// Reads one order of Amazon's Orders API v2026-01-01 (v0's reads end on 2027-03-27). Its own money is of whole lines (<c>proceeds</c>); the price of a unit stands beside it. A <c>PENDING</c>
/// order holds its units, may lack prices and address, and is not to be sent yet. Tax is beside the prices: in Amazon's own examples, of the UK too, the grand total is that of items, shipping and tax together.
/// Unconfirmed: that this holds in every marketplace (setting <c>taxIncluded</c>), and how a line that was cancelled in part is told (taken here: what is neither sent nor still to be sent).
/// </summary>
public static class AmazonOrder
{
    static readonly Dictionary<string, string> Currencies = new(StringComparer.Ordinal)
    {
        ["ATVPDKIKX0DER"] = "USD", ["A2EUQ1WTGCTBG2"] = "CAD", ["A1AM78C64UM0Y8"] = "MXN", ["A2Q3Y263D00KWC"] = "BRL", ["A1F83G8C2ARO7P"] = "GBP", ["A1PA6795UKMFR9"] = "EUR", ["A13V1IB3VIYZZH"] = "EUR",
        ["APJ6JRA9NG5V4"] = "EUR", ["A1RKKUPIHCS9HS"] = "EUR", ["A1805IZSGTT6HS"] = "EUR", ["A39IBJ37TRP1C6"] = "AUD", ["A1VC38T7YXB528"] = "JPY", ["A19VAU5U5O7RUS"] = "SGD",
    };

    /// <summary>What a marketplace sells in; null: not known.</summary>
    public static string? CurrencyAt(string place) => Currencies.GetValueOrDefault(place);

    /// <param name="order">One of <c>orders</c>.</param>
    /// <param name="channel">The channel's id.</param>
    /// <param name="taxIncluded">Prices have tax in them.</param>
    /// <param name="seenAt">When it was asked for.</param>
    /// <exception cref="ProblemException">400 with the JSON pointer of what is wrong.</exception>
    public static ChannelOrder Parse(JsonElement order, string channel, bool taxIncluded, DateTimeOffset seenAt)
    {
        var faults = new List<Fault>();
        var fields = new Fields(order, "", faults);
        var (place, fulfilment) = (fields.Object("salesChannel")?.Text("marketplaceId", 30), fields.Object("fulfillment"));
        var status = fulfilment?.Text("fulfillmentStatus", 40) ?? fields.Fault("fulfillment", "Expected fulfillmentStatus.", "");
        var changed = fields.Instant("lastUpdatedTime") ?? fields.Instant("createdTime") ?? fields.Fault("lastUpdatedTime", "Expected an instant.", default(DateTimeOffset));
        var items = fields.Objects("orderItems", Draft.MostLines);
        var currency = CurrencyOf(fields, items, place);
        var (cancelled, waits, actor) = (status == "CANCELLED", status is "PENDING" or "PENDING_AVAILABILITY", "channel:" + channel);
        if (items.Count == 0) fields.Fault("orderItems", "Expected at least one item.", 0);
        var lines = items.Select(item => Line(item, cancelled, waits, taxIncluded)).ToArray();
        if (lines.DistinctBy(line => line.Id).Count() < lines.Length) fields.Fault("orderItems", "Two items have one id.", 0);
        var draft = new Draft
        {
            ExternalId = fields.Text("orderId", Draft.LongestId) ?? fields.Fault("orderId", "Expected the order's id.", ""), Name = fields.Text("orderId", 100), PlacedAt = fields.Instant("createdTime"), Currency = currency, Lines = lines,
            Person = PersonOf(fields), Actor = actor, Version = new(changed, seenAt), Cancel = cancelled ? new(CancelState.Done, changed, "CANCELLED", actor) : null,
            References = Payload.References(("marketplaceId", place), ("state", status), ("service", fulfilment?.Text("fulfillmentServiceLevel", 60)), ("updatedAt", InstantConverter.Text(changed))),
        };
        Payload.ThrowIfFaulty(faults);
        var asked = !cancelled && items.Exists(item => item.Object("cancellation") is { } said && said.Object("cancellationRequest")?.Text("requester", 40) == "BUYER" && said.Object("cancellationExecution") is null);
        return new(draft, changed, JsonMarshal.GetRawUtf8Value(order).ToArray(), ShipBy: fulfilment?.Object("shipByWindow")?.Instant("latestDateTime"), CancelAsked: asked, ByMarketplace: fulfilment?.Text("fulfilledBy", 40) == "AMAZON", Waits: waits);
    }

    static DraftLine Line(Fields item, bool cancelled, bool waits, bool included)
    {
        var ordered = item.Whole("quantityOrdered", 0, Draft.MostUnits) ?? item.Fault("quantityOrdered", "Expected the item's units.", 0L);
        var (product, done, off) = (item.Object("product"), item.Object("fulfillment"), item.Object("cancellation")?.Object("cancellationExecution") is not null);
        var (sent, open) = (done?.Whole("quantityFulfilled", 0, Draft.MostUnits) ?? 0, done?.Whole("quantityUnfulfilled", 0, Draft.MostUnits) ?? 0);
        var wanted = cancelled || waits || (sent + open == 0 && !off) ? ordered : Math.Min(ordered, sent + open);
        var unit = product?.Object("price")?.Object("unitPrice")?.Money("amount");
        var (goods, shipping, tax, shippingTax, discount) = (0L, 0L, 0L, 0L, 0L);
        foreach (var part in item.Object("proceeds")?.Objects("breakdowns", 100) ?? [])
        {
            var amount = Amount(part.Object("subtotal"));
            switch (part.Text("type", 40))
            {
                case "ITEM": goods += amount; break;
                case "SHIPPING": shipping += amount; break;
                case "DISCOUNT": discount += Math.Abs(amount); break;
                case "TAX":
                    tax += amount;
                    shippingTax += part.Objects("detailedBreakdowns", 100).Where(detail => detail.Text("subtype", 40) == "SHIPPING").Sum(detail => Amount(detail.Object("value")));
                    break;
                default: break;
            }
        }
        var price = unit ?? (ordered > 0 ? (goods + ordered - 1) / ordered : 0);
        return new()
        {
            Id = item.Text("orderItemId", Draft.LongestId) ?? item.Fault("orderItemId", "Expected the item's id.", ""), Code = product?.Text("sellerSku", Draft.LongestCode), Ordered = ordered, Quantity = wanted, UnitPrice = price,
            Discount = discount + (goods > 0 ? Math.Max(0, price * ordered - goods) : 0), Tax = tax - shippingTax, TaxIncluded = included, ShippingShare = shipping, ShippingTax = shippingTax,
        };
    }

    static string CurrencyOf(Fields order, List<Fields> items, string? place) => order.Object("proceeds")?.Object("grandTotal")?.Text("currencyCode", 3)
        ?? items.Select(item => item.Object("product")?.Object("price")?.Object("unitPrice")?.Text("currencyCode", 3)).FirstOrDefault(code => code is not null)
        ?? (place is not null && Currencies.TryGetValue(place, out var usual) ? usual : order.Fault("proceeds", "Expected a currency, or a marketplace whose currency is known.", ""));

    // Discounts are below zero.
    static long Amount(Fields? money) => money is { } known && Money.TryParse(known.Text("amount", 30), out var amount) ? amount : 0;

    static Person? PersonOf(Fields order)
    {
        var (buyer, address) = (order.Object("buyer"), order.Object("recipient")?.Object("deliveryAddress"));
        var person = new Person { Id = "", Email = buyer?.Text("buyerEmail", 320), Phone = address?.Text("phone", 40), ShipTo = AddressOf(address) };
        return person.IsNobody ? null : person;
    }

    static PostalAddress? AddressOf(Fields? address) => address is not { } a ? null : new()
    {
        Name = a.Text("name", 200), Company = a.Text("companyName", 200), Line1 = a.Text("addressLine1", 200), Line2 = Payload.Name(a.Text("addressLine2", 100), a.Text("addressLine3", 100)), City = a.Text("city", 100),
        Region = a.Text("stateOrRegion", 100), Postcode = a.Text("postalCode", 20), Country = Payload.Country(a.Text("countryCode", 3)), Phone = a.Text("phone", 40),
    };
}
