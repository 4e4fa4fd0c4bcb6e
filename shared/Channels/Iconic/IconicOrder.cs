using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Selvedge.Orders;
using Selvedge.Platform;
using Fields = Selvedge.Channels.Shopify.ShopifyFields;

namespace Selvedge.Channels.Iconic;

/// <summary>
/// Reads an order of THE ICONIC's seller API v2: the order, and its items, of which each is one unit with a status of its own and a line here. Ids are whole numbers. What the platform sends from
/// its own warehouse (<c>shipmentType</c> <c>warehouse</c>) needs none of our stock. Unconfirmed: that prices have tax in them, and that a time without a zone is UTC.
/// </summary>
public static class IconicOrder
{
    /// <param name="order">The order.</param>
    /// <param name="items">All its items.</param>
    /// <param name="channel">The channel's id.</param>
    /// <param name="seenAt">When they were asked for.</param>
    /// <exception cref="ProblemException">400 with the JSON pointer of what is wrong.</exception>
    public static ChannelOrder Parse(JsonElement order, IReadOnlyList<JsonElement> items, string channel, DateTimeOffset seenAt)
    {
        var faults = new List<Fault>();
        var fields = new Fields(order, "", faults);
        var (changed, actor) = (Instant(fields, "updatedAt") ?? Instant(fields, "createdAt") ?? default, "channel:" + channel);
        if (items.Count is 0 or > Draft.MostLines) fields.Fault("items", $"Expected 1 to {Draft.MostLines} items.", 0);
        var (lines, off, theirs, waits) = (new DraftLine[items.Count], 0, 0, false);
        for (var i = 0; i < lines.Length; i++)
        {
            var item = new Fields(items[i], $"/items/{i}", faults);
            var status = item.Text("status", 60) ?? item.Fault("status", "Expected the item's status.", "");
            var (unit, paid) = (item.Money("unitPrice") ?? 0, item.Money("paidPrice"));
            var marketplace = IsWarehouse(item);
            if (status == "canceled") off++;
            if (marketplace) theirs++;
            waits |= status == "payment_pending" || (status == "pending" && item.Flag("isProcessable") == false);
            lines[i] = new()
            {
                Id = item.Id("id"), Code = item.Object("product")?.Text("sellerSku", Draft.LongestCode) ?? item.Text("sellerSku", Draft.LongestCode), Ordered = 1, Quantity = status == "canceled" ? 0 : 1,
                UnitPrice = unit, Discount = paid is { } less ? Math.Max(0, unit - less) : 0, Tax = item.Money("taxAmount") ?? 0, TaxIncluded = true, NeedsStock = !marketplace,
            };
            if (Instant(item, "updatedAt") is { } later && later > changed) changed = later;
        }
        if (changed == default) fields.Fault("updatedAt", "Expected an instant.", 0);
        if (lines.DistinctBy(line => line.Id).Count() < lines.Length) fields.Fault("items", "Two items have one id.", 0);
        var all = lines.Length > 0 && off == lines.Length;
        // An order that the platform sends as a whole is theirs; where it sends a part, that part takes nothing of ours.
        if (theirs == lines.Length) lines = [.. lines.Select(line => line with { NeedsStock = true })];
        if (all) lines = [.. lines.Select(line => line with { Quantity = 1 })];
        var draft = new Draft
        {
            ExternalId = fields.Id("id"), Name = fields.Text("number", 100), PlacedAt = Instant(fields, "createdAt"), Currency = Payload.Currency(fields, "currency"), Lines = lines, Person = PersonOf(fields), Actor = actor,
            References = Payload.References(("uuid", fields.Text("uuid", 60)), ("number", fields.Text("number", 100)), ("updatedAt", InstantConverter.Text(changed))),
            Cancel = all ? new(CancelState.Done, changed, "canceled", actor) : null, Version = new(changed, seenAt),
        };
        Payload.ThrowIfFaulty(faults);
        return new(draft, changed, Raw(order, items), ShipBy: Instant(fields, "promisedShippingTime") ?? Earliest(items), ByMarketplace: theirs == lines.Length, Waits: waits);
    }

    /// <summary>An instant with its zone; without one it is taken for UTC.</summary>
    internal static DateTimeOffset? Instant(Fields fields, string name) => fields.Text(name, 40) is not { } text ? null
        : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at) && at.Year is >= 1990 and < 9999 ? InstantConverter.Cut(at)
        : fields.Fault<DateTimeOffset?>(name, "Expected an instant, e.g. 2026-11-23T09:15:00Z.", null);

    static DateTimeOffset? Earliest(IReadOnlyList<JsonElement> items) => items.Select(item => Instant(new Fields(item, "", []), "promisedShippingTime")).Where(at => at is not null).Min();

    internal static bool IsWarehouse(Fields item) => (item.Text("shipmentType", 60) ?? item.Object("shipment")?.Text("type", 60)) is { } type && type.Equals("warehouse", StringComparison.OrdinalIgnoreCase);

    static byte[] Raw(JsonElement order, IReadOnlyList<JsonElement> items)
    {
        var raw = new List<byte>(2048);
        raw.AddRange("{\"order\":"u8);
        raw.AddRange(JsonMarshal.GetRawUtf8Value(order));
        raw.AddRange(",\"items\":["u8);
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0) raw.Add((byte)',');
            raw.AddRange(JsonMarshal.GetRawUtf8Value(items[i]));
        }
        raw.AddRange("]}"u8);
        return [.. raw];
    }

    static Person? PersonOf(Fields order)
    {
        var (address, customer) = (order.Object("address"), order.Object("customer"));
        var person = new Person
        {
            Id = "", Email = customer?.Text("email", 320), Phone = address?.Text("phone", 40),
            // One address, or one for shipping and one for billing: both are met.
            ShipTo = AddressOf(address?.Object("shipping") ?? address), BillTo = AddressOf(address?.Object("billing")),
        };
        return person.IsNobody ? null : person;
    }

    static PostalAddress? AddressOf(Fields? address)
    {
        if (address is not { } a) return null;
        var known = new PostalAddress
        {
            Name = Payload.Name(a.Text("firstName", 100), a.Text("lastName", 100)), Line1 = a.Text("address1", 200), Line2 = a.Text("address2", 200), City = a.Text("city", 100), Region = a.Text("region", 100),
            Postcode = a.Text("postcode", 20) ?? a.Text("postCode", 20), Country = Payload.Country(a.Text("countryCode", 3) ?? a.Text("country", 3)), Phone = a.Text("phone", 40),
        };
        return known == new PostalAddress() ? null : known;
    }
}
