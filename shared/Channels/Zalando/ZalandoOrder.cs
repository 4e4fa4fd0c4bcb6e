using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Selvedge.Orders;
using Selvedge.Platform;
using Fields = Selvedge.Channels.Shopify.ShopifyFields;

namespace Selvedge.Channels.Zalando;

/// <summary>
/// Reads partner orders as the zDirect orders API answers them (JSON:API: orders in <c>data</c>, their items and lines in <c>included</c>). The order's id is its uuid, for one
/// <c>order_number</c> may stand for several. An order line is one unit and a line here; what it is of stands on its item: the merchant's own id of the product, or Zalando's. Cancels are
/// of lines; an order is cancelled when all of them are. Prices are what the customer pays; that tax is in them is unconfirmed, its amount is not told.
/// </summary>
public static class ZalandoOrder
{
    /// <summary>An order claimed within this time of its approval is ours (vendor page "Exporting orders"); when it was approved is not told, so this counts from when it last changed.</summary>
    public static readonly TimeSpan ExportWithin = TimeSpan.FromHours(3);

    /// <summary>Within this time of its approval everything is to be sent or cancelled.</summary>
    public static readonly TimeSpan UpdateWithin = TimeSpan.FromDays(7);

    /// <summary>Reads a page, or the answer to a call for one order.</summary>
    /// <param name="document">The answer.</param>
    /// <param name="channel">The channel's id.</param>
    /// <param name="seenAt">When it was asked for.</param>
    public static IReadOnlyList<ChannelOrder> Page(JsonElement document, string channel, DateTimeOffset seenAt)
    {
        var (items, lines) = (new Dictionary<string, JsonElement>(StringComparer.Ordinal), new Dictionary<string, List<JsonElement>>(StringComparer.Ordinal));
        foreach (var one in ZalandoJson.List(document, "included"))
        {
            if (!one.TryGetProperty("attributes", out var attributes) || ZalandoJson.Text(one, "id") is not { } id) continue;
            if (ZalandoJson.Text(one, "type") == "OrderItem") items[id] = one;
            else if (ZalandoJson.Text(one, "type") == "OrderLine" && ZalandoJson.Text(attributes, "order_item_id") is { } item)
                (lines.TryGetValue(item, out var known) ? known : lines[item] = []).Add(one);
        }
        var orders = !document.TryGetProperty("data", out var data) ? [] : data.ValueKind is JsonValueKind.Array ? data.EnumerateArray().ToList() : [data];
        var ofOrder = items.GroupBy(item => Of(item.Value, "order_id") ?? "").ToDictionary(group => group.Key, group => group.Select(item => item.Key).ToList());
        return [.. orders.Select(order => Payload.Read(order, channel, ZalandoJson.Text(order, "id"), seenAt, one =>
        {
            var mine = ItemsOf(one) is { Count: > 0 } related ? related : ofOrder.GetValueOrDefault(ZalandoJson.Text(one, "id") ?? "") ?? [];
            return Parse(one, [.. mine.SelectMany(item => lines.GetValueOrDefault(item, []).Select(line => (items.GetValueOrDefault(item), line)))], channel, seenAt);
        }))];
    }

    static ChannelOrder Parse(JsonElement order, IReadOnlyList<(JsonElement Item, JsonElement Line)> units, string channel, DateTimeOffset seenAt)
    {
        var faults = new List<Fault>();
        var top = new Fields(order, "", faults);
        var fields = top.Object("attributes") ?? new Fields(order, "", faults);
        var status = fields.Text("status", 40) ?? fields.Fault("status", "Expected the order's status.", "");
        var changed = fields.Instant("modified_at") ?? fields.Instant("created_at") ?? fields.Instant("order_date") ?? fields.Fault("modified_at", "Expected an instant.", default(DateTimeOffset));
        var latest = changed;
        if (units.Count == 0) fields.Fault("order_lines", "Expected its lines in 'included'.", 0);
        var (lines, currency, off) = (new DraftLine[units.Count], fields.Text("order_lines_price_currency", 3), 0);
        var states = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < lines.Length; i++)
        {
            var (item, line) = (units[i].Item.ValueKind is JsonValueKind.Object ? new Fields(units[i].Item, $"/included/item/{i}", faults).Object("attributes") : null, new Fields(units[i].Line, $"/included/line/{i}", faults));
            var about = line.Object("attributes");
            var state = about?.Text("status", 40) ?? "";
            states.Add(state);
            if (state == "canceled") off++;
            currency ??= about?.Object("price")?.Text("currency", 3);
            lines[i] = new()
            {
                Id = line.Text("id", Draft.LongestId) ?? line.Fault("id", "Expected the line's id.", ""), Code = item?.Text("external_id", Draft.LongestCode) ?? item?.Text("article_id", Draft.LongestCode),
                Ordered = 1, Quantity = state == "canceled" ? 0 : 1, UnitPrice = about?.Object("price")?.Money("amount") ?? 0, TaxIncluded = true,
            };
            if (about?.Instant("modified_at") is { } later && later > latest) latest = later;
        }
        if (currency is not { Length: 3 } || !currency.All(char.IsAsciiLetterUpper)) currency = fields.Fault("order_lines_price_currency", "Expected three capital letters (ISO 4217).", "");
        var all = lines.Length > 0 && off == lines.Length;
        if (all) lines = [.. lines.Select(line => line with { Quantity = 1 })];
        if (fields.Object("shipping_costs")?.Money("amount") is { } shipping && Shares.Split(shipping, [.. lines.Select(line => line.UnitPrice)]) is var shares)
            for (var i = 0; i < lines.Length; i++) lines[i] = lines[i] with { ShippingShare = shares[i] };
        var actor = "channel:" + channel;
        var exported = fields.Flag("exported") ?? false;
        var draft = new Draft
        {
            ExternalId = top.Text("id", Draft.LongestId) ?? top.Fault("id", "Expected the order's id.", ""), Name = fields.Text("order_number", 100), PlacedAt = fields.Instant("order_date"), Currency = currency, Lines = lines,
            Person = PersonOf(fields), Actor = actor, Version = new(latest, seenAt), Cancel = all ? new(CancelState.Done, latest, "canceled", actor) : null,
            References = Payload.References(("state", status), ("orderNumber", fields.Text("order_number", 100)), ("salesChannel", fields.Text("sales_channel_id", 60)), ("updatedAt", InstantConverter.Text(latest))),
        };
        Payload.ThrowIfFaulty(faults);
        var ours = fields.Text("order_type", 60) != "ZalandoFulfilled";
        var open = status == "approved" && states.Overlaps(["initial", "reserved"]);
        return new(draft, changed, Raw(order, units), ours && status == "approved" && !exported && !all ? changed + ExportWithin : null,
            !ours || !open ? null : (draft.PlacedAt ?? changed) + UpdateWithin, ByMarketplace: !ours, Waits: status == "initial");
    }

    static string? Of(JsonElement one, string name) => one.TryGetProperty("attributes", out var attributes) ? ZalandoJson.Text(attributes, name) : null;

    static List<string>? ItemsOf(JsonElement order) => order.TryGetProperty("relationships", out var all) && all.ValueKind is JsonValueKind.Object && all.TryGetProperty("order_items", out var items) && items.ValueKind is JsonValueKind.Object
        ? [.. ZalandoJson.List(items, "data").Select(item => ZalandoJson.Text(item, "id")).OfType<string>()] : null;

    // The order alone says nothing of its lines: what belongs to it is kept with it.
    static byte[] Raw(JsonElement order, IReadOnlyList<(JsonElement Item, JsonElement Line)> units)
    {
        var raw = new List<byte>(2048);
        raw.AddRange("{\"data\":"u8);
        raw.AddRange(JsonMarshal.GetRawUtf8Value(order));
        raw.AddRange(",\"included\":["u8);
        var parts = units.Select(unit => unit.Item).Where(item => item.ValueKind is JsonValueKind.Object).DistinctBy(item => ZalandoJson.Text(item, "id")).Concat(units.Select(unit => unit.Line)).ToList();
        for (var i = 0; i < parts.Count; i++)
        {
            if (i > 0) raw.Add((byte)',');
            raw.AddRange(JsonMarshal.GetRawUtf8Value(parts[i]));
        }
        raw.AddRange("]}"u8);
        return [.. raw];
    }

    static Person? PersonOf(Fields order)
    {
        var person = new Person { Id = "", Email = order.Text("customer_email", 320), Phone = order.Object("customer_phone")?.Text("number", 40), ShipTo = AddressOf(order.Object("shipping_address")), BillTo = AddressOf(order.Object("billing_address")) };
        return person.IsNobody ? null : person;
    }

    static PostalAddress? AddressOf(Fields? address) => address is not { } a ? null : new()
    {
        Name = Payload.Name(a.Text("first_name", 100), a.Text("last_name", 100)), Company = a.Object("service_point_details")?.Text("service_point_name", 200), Line1 = a.Text("address_line_1", 200),
        Line2 = Payload.Name(a.Text("address_line_2", 100), a.Text("address_line_3", 100)), City = a.Text("city", 100), Postcode = a.Text("zip_code", 20), Country = Payload.Country(a.Text("country_code", 3)),
    };
}

/// <summary>What is read of Zalando's JSON without judging it.</summary>
internal static class ZalandoJson
{
    public static List<JsonElement> List(JsonElement of, string name) => of.ValueKind is JsonValueKind.Object && of.TryGetProperty(name, out var list) && list.ValueKind is JsonValueKind.Array ? [.. list.EnumerateArray()] : [];
    public static string? Text(JsonElement of, string name) => of.ValueKind is not JsonValueKind.Object || !of.TryGetProperty(name, out var value) ? null : value.ValueKind is JsonValueKind.String ? value.GetString() : value.ValueKind is JsonValueKind.Number ? value.GetRawText() : null;
}
