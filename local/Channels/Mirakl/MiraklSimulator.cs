using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;

namespace Selvedge.Local.Channels.Mirakl;

/// <summary>A line of a simulated order.</summary>
public sealed class MiraklLine(string id, string sku, int quantity, decimal price)
{
    public string Id => id;
    public string Sku => sku;
    public int Quantity => quantity;
    public decimal Price => price;
    public string State { get; set; } = "WAITING_ACCEPTANCE";
    public int Cancelled { get; set; }
    public int Sent { get; set; }
}

/// <summary>A simulated order.</summary>
public sealed class MiraklSimulatedOrder(string id, DateTimeOffset createdAt, IReadOnlyList<MiraklLine> lines)
{
    public string Id => id;
    public string State { get; set; } = "WAITING_ACCEPTANCE";
    public DateTimeOffset CreatedAt { get; } = createdAt;
    public DateTimeOffset UpdatedAt { get; set; } = createdAt;
    public IReadOnlyList<MiraklLine> Lines => lines;
    public string? Tracking { get; set; }
    public string Center { get; set; } = "DEFAULT";
    public string Currency { get; set; } = "EUR";
}

/// <summary>
/// One shop on a simulated Mirakl operator: the calls of the seller API that the app makes, with their states, their limits and imports that take a while. It is not Mirakl.
/// Unconfirmed and chosen here: that sold units are taken off, the columns of the error report, the error's members, debit at once after acceptance, the limit of OF21.
/// </summary>
public sealed partial class MiraklSimulator : SimulatedChannel
{
    sealed class Import(string id, DateTimeOffset at)
    {
        public string Id => id;
        public DateTimeOffset At => at;
        public List<(string Sku, string Units, string Place)> Lines = [];
        public List<(string Sku, string Message)>? Errors;
    }

    readonly SortedDictionary<string, MiraklSimulatedOrder> orders = new(StringComparer.Ordinal);
    readonly List<Import> imports = [];
    readonly List<(string Order, string Reference, Dictionary<string, int> Units)> shipments = [];

    MiraklSimulator(TimeProvider time, int seed) : base(time, seed)
    {
        var minute = new Limit(1 / 60d);
        Map("POST", "/api/offers/stock/imports", "STO01", Take, minute);
        Map("GET", "/api/offers/stock/imports/{id}/status", "STO02", Status, new(1 / 15d));
        Map("GET", "/api/offers/stock/imports/{id}/error_report", "STO03", Report, new(1 / 15d));
        Map("POST", "/api/offers", "OF24", Offer, minute);
        Map("GET", "/api/offers/imports/{id}", "OF02", OfferStatus, minute);
        Map("GET", "/api/offers/imports/{id}/error_report", "OF03", OfferReport, minute);
        Map("GET", "/api/offers", "OF21", Offers, minute, counts: request => !request.Query.ContainsKey("sku") && request.Query["offset"] == "0");
        Map("GET", "/api/orders", "OR11", Orders, minute, counts: request => !request.Query.ContainsKey("order_ids") && request.Query["offset"] == "0");
        Map("PUT", "/api/orders/{id}/accept", "OR21", Accept);
        Map("PUT", "/api/orders/{id}/tracking", "OR23", call => Sending(call, order => { order.Tracking = $"{call.Json!["tracking_number"]}"; return null; }));
        Map("PUT", "/api/orders/{id}/ship", "OR24", call => Sending(call, order => { foreach (var line in order.Lines) line.Sent = line.Quantity - line.Cancelled; Move(order, "SHIPPED"); return null; }));
        Map("PUT", "/api/orders/{id}/cancel", "OR29", call => Sending(call, order => { foreach (var line in order.Lines) Cancel(line, line.Quantity - line.Cancelled); Move(order, "CANCELED"); return null; }));
        Map("PUT", "/api/orders/cancel", "OR30", CancelLines);
        Map("POST", "/api/shipments", "ST01", Ship);
        Map("GET", "/api/shipments", "ST11", Shipments);
    }

    /// <summary>The shop's API key.</summary>
    public string Key { get; set; } = "mirakl-key";

    /// <summary>How long an import waits until it is worked off.</summary>
    public TimeSpan ImportTakes { get; set; }

    /// <summary>The operator has many rows on each page, at the most.</summary>
    public int MostOnPage { get; set; } = 100;

    public IReadOnlyDictionary<string, MiraklSimulatedOrder> AllOrders => orders;

    public static async Task<MiraklSimulator> StartAsync(TimeProvider? time = null, int seed = 1)
    {
        var operatorsShop = new MiraklSimulator(time ?? TimeProvider.System, seed);
        await operatorsShop.ListenAsync();
        return operatorsShop;
    }

    /// <summary>A buyer orders; null when the shop does not show as many.</summary>
    public MiraklSimulatedOrder? Sell(params (string Sku, int Units)[] wanted)
    {
        lock (Gate)
        {
            WorkOff();
            if (wanted.Any(line => Stock.Units(line.Sku) < line.Units)) return null;
            foreach (var (sku, units) in wanted) Stock.Sell(sku, units);
            var id = string.Create(CultureInfo.InvariantCulture, $"ORD-{orders.Count + 1:D6}-A");
            return orders[id] = new(id, Time.GetUtcNow(), [.. wanted.Select((line, at) => new MiraklLine($"{id}-{at + 1}", line.Sku, line.Units, 39.90m))]);
        }
    }

    /// <summary>The operator or the buyer cancels.</summary>
    public void CancelByOperator(string id)
    {
        lock (Gate)
        {
            foreach (var line in orders[id].Lines) Cancel(line, line.Quantity - line.Cancelled);
            Move(orders[id], "CANCELED");
        }
    }

    /// <summary>Something else about the order changed.</summary>
    public void Touch(string id)
    {
        lock (Gate) Move(orders[id], orders[id].State);
    }

    protected override bool IsAuthorized(HttpRequest request) => request.Headers.Authorization == Key;

    void Cancel(MiraklLine line, int units)
    {
        line.Cancelled += units;
        if (line.Cancelled >= line.Quantity) line.State = "CANCELED";
        if (Stock.Decrements) Stock.Set(line.Sku, Stock.Units(line.Sku) + units);
    }

    void Move(MiraklSimulatedOrder order, string state)
    {
        (order.State, order.UpdatedAt) = (state, Time.GetUtcNow());
        foreach (var line in order.Lines.Where(line => line.State is not ("CANCELED" or "REFUSED"))) line.State = state;
    }

    // ---- stock
    Reply Take(Call call)
    {
        var import = new Import($"import-{imports.Count + 1}", Time.GetUtcNow());
        // The file is a part of a multipart form: its lines are those with four quoted cells.
        foreach (Match line in Line().Matches(call.Text))
            if (line.Groups[1].Value != "offer-sku") import.Lines.Add((line.Groups[1].Value, line.Groups[2].Value, line.Groups[3].Value));
        if (import.Lines.Count == 0) return Refusal(400, "VALIDATION_ERROR", "The file has no lines.");
        imports.Add(import);
        WorkOff();
        return Reply.Json(new JsonObject { ["import_id"] = import.Id }, 201).With("Location", $"/api/offers/stock/imports/{import.Id}/status");
    }

    void WorkOff()
    {
        foreach (var import in imports.Where(import => import.Errors is null && Time.GetUtcNow() >= import.At + ImportTakes))
        {
            import.Errors = [];
            foreach (var (sku, units, place) in import.Lines)
                if (!long.TryParse(units, CultureInfo.InvariantCulture, out var number) || number < 0) import.Errors.Add((sku, "The quantity is not valid."));
                else if (place.Length > 0) import.Errors.Add((sku, $"There is no warehouse {place}."));
                else if (!Stock.Set(sku, number)) import.Errors.Add((sku, "The offer does not exist."));
        }
    }

    Reply Status(Call call)
    {
        WorkOff();
        if (imports.Find(import => import.Id == call.Route("id")) is not { } found) return Refusal(404, "IMPORT_NOT_FOUND", "No such import.");
        return Reply.Json(new JsonObject
        {
            ["import_id"] = found.Id, ["shop_id"] = 2001, ["status"] = found.Errors is null ? "WAITING" : "COMPLETE", ["date_created"] = Text(found.At),
            ["has_error_report"] = found.Errors is { Count: > 0 }, ["lines_in_success"] = found.Errors is { } errors ? found.Lines.Count - errors.Count : 0, ["lines_in_error"] = found.Errors?.Count ?? 0,
        });
    }

    Reply Report(Call call) => imports.Find(import => import.Id == call.Route("id"))?.Errors is not { } errors ? Refusal(404, "IMPORT_NOT_FOUND", "No such report.")
        : new(200, Encoding.UTF8.GetBytes("\"offer-sku\";\"quantity\";\"warehouse-code\";\"update-delete\";\"error-line\";\"error-message\"\n" + string.Concat(errors.Select((error, at) => $"\"{error.Sku}\";\"\";\"\";\"\";\"{at + 2}\";\"{error.Message}\"\n"))), "text/csv");

    Reply Offers(Call call)
    {
        WorkOff();
        MakeOffers();
        var all = Stock.Keys.Where(key => call.Query("sku") is not { } sku || key.Item == sku).ToList();
        var page = all.Skip(call.Whole("offset", 0)).Take(Math.Min(MostOnPage, call.Whole("max", 10))).Select(key => (JsonNode)new JsonObject { ["offer_id"] = 1, ["shop_sku"] = key.Item, ["quantity"] = Stock.Shown(key.Item), ["active"] = true });
        return Reply.Json(new JsonObject { ["offers"] = new JsonArray([.. page]), ["total_count"] = all.Count });
    }

    /// <summary>Products that the operator has, by GTIN or its own SKU; prices of offers; offers that OF24 emptied because they were there.</summary>
    public HashSet<string> Products { get; } = [];
    public Dictionary<string, decimal> Prices { get; } = [];
    public List<string> Emptied { get; } = [];
    readonly List<(string Id, DateTimeOffset At, JsonArray Offers, List<(string Sku, string Message)>? Errors)> offerImports = [];

    Reply Offer(Call call)
    {
        if (call.Json?["offers"] is not JsonArray { Count: > 0 } offers) return Refusal(400, "VALIDATION_ERROR", "There are no offers.");
        offerImports.Add(($"{offerImports.Count + 2000}", Time.GetUtcNow(), offers, null));
        return Reply.Json(new JsonObject { ["import_id"] = long.Parse(offerImports[^1].Id, CultureInfo.InvariantCulture) }, 201);
    }

    void MakeOffers()
    {
        for (var i = 0; i < offerImports.Count; i++)
        {
            var import = offerImports[i];
            if (import.Errors is not null || Time.GetUtcNow() < import.At + ImportTakes) continue;
            import.Errors = [];
            foreach (var offer in import.Offers)
            {
                var sku = $"{offer!["shop_sku"]}";
                if (!Products.Contains($"{offer["product_id"]}")) { import.Errors.Add((sku, $"The product {offer["product_id"]} does not exist.")); continue; }
                if (Stock.Has(sku)) Emptied.Add(sku);
                Stock.Add(sku, units: offer["quantity"]?.GetValue<long>() ?? 0);
                Prices[sku] = offer["price"]!.GetValue<decimal>();
            }
            offerImports[i] = import;
        }
    }

    Reply OfferStatus(Call call)
    {
        MakeOffers();
        var found = offerImports.Find(import => import.Id == call.Route("id"));
        return found.Id is null ? Refusal(404, "IMPORT_NOT_FOUND", "No such import.") : Reply.Json(new JsonObject { ["import_id"] = long.Parse(found.Id, CultureInfo.InvariantCulture), ["status"] = found.Errors is null ? "WAITING_SYNCHRONIZATION_PRODUCT" : "COMPLETE", ["lines_in_error"] = found.Errors?.Count ?? 0, ["has_error_report"] = found.Errors is { Count: > 0 } });
    }

    Reply OfferReport(Call call) => offerImports.Find(import => import.Id == call.Route("id")).Errors is not { } errors ? Refusal(404, "IMPORT_NOT_FOUND", "No such report.")
        : new(200, Encoding.UTF8.GetBytes("\"shop-sku\";\"error-line\";\"error-message\"\n" + string.Concat(errors.Select((error, at) => $"\"{error.Sku}\";\"{at + 2}\";\"{error.Message}\"\n"))), "text/csv");

    // ---- orders
    Reply Orders(Call call)
    {
        // A little before what was asked for, as Mirakl does.
        var since = call.Query("start_update_date") is { } text ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture).AddSeconds(-5) : DateTimeOffset.MinValue;
        var ids = call.Query("order_ids")?.Split(',');
        var all = orders.Values.Where(order => order.UpdatedAt >= since && ids?.Contains(order.Id) != false).OrderBy(order => order.CreatedAt).ThenBy(order => order.Id, StringComparer.Ordinal).ToList();
        return Reply.Json(new JsonObject { ["orders"] = new JsonArray([.. all.Skip(call.Whole("offset", 0)).Take(Math.Min(MostOnPage, call.Whole("max", 10))).Select(Node)]), ["total_count"] = all.Count });
    }

    static JsonObject Node(MiraklSimulatedOrder order) => new()
    {
        ["order_id"] = order.Id, ["commercial_id"] = order.Id[..^2], ["order_state"] = order.State, ["created_date"] = Text(order.CreatedAt), ["last_updated_date"] = Text(order.UpdatedAt),
        ["currency_iso_code"] = order.Currency, ["order_tax_mode"] = "TAX_INCLUDED", ["shipping_deadline"] = Text(order.CreatedAt.AddDays(2)), ["fulfillment"] = new JsonObject { ["center"] = new JsonObject { ["code"] = order.Center } },
        ["customer"] = new JsonObject { ["shipping_address"] = order.State is "WAITING_ACCEPTANCE" ? null : new JsonObject { ["firstname"] = "Test", ["lastname"] = "Buyer", ["street_1"] = "1 rue Exemple", ["city"] = "Paris", ["zip_code"] = "75001", ["country_iso_code"] = "FRA" } },
        ["order_lines"] = new JsonArray([.. order.Lines.Select(line => new JsonObject
        {
            ["order_line_id"] = line.Id, ["order_line_state"] = line.State, ["offer_sku"] = line.Sku, ["quantity"] = line.Quantity, ["price_unit"] = line.Price, ["price"] = line.Price * line.Quantity, ["shipping_price"] = 0.0,
            ["cancelations"] = line.Cancelled == 0 ? [] : new JsonArray(new JsonObject { ["id"] = "c-" + line.Id, ["quantity"] = line.Cancelled }), ["refunds"] = new JsonArray(), ["taxes"] = new JsonArray(), ["shipping_taxes"] = new JsonArray(),
        })]),
    };

    Reply Accept(Call call)
    {
        if (!orders.TryGetValue(call.Route("id"), out var order)) return Refusal(404, "ORDER_NOT_FOUND", "No such order.");
        if (order.State != "WAITING_ACCEPTANCE") return Refusal(400, "ORDER_INVALID_STATE", $"The order is {order.State}.");
        var said = call.Json!["order_lines"]!.AsArray().ToDictionary(line => $"{line!["id"]}", line => line!["accepted"]!.GetValue<bool>());
        if (order.Lines.Any(line => !said.ContainsKey(line.Id))) return Refusal(400, "ORDER_LINE_ACCEPTANCE_DECISION_MISSING", "A line is missing.");
        foreach (var line in order.Lines.Where(line => !said[line.Id]))
        {
            line.State = "REFUSED";
            if (Stock.Decrements) Stock.Set(line.Sku, Stock.Units(line.Sku) + line.Quantity);
        }
        Move(order, said.ContainsValue(true) ? "SHIPPING" : "REFUSED");
        return new(204);
    }

    Reply Sending(Call call, Func<MiraklSimulatedOrder, Reply?> does) => !orders.TryGetValue(call.Route("id"), out var order) ? Refusal(404, "ORDER_NOT_FOUND", "No such order.")
        : order.State != "SHIPPING" ? Refusal(400, "ORDER_INVALID_STATE", $"The order is {order.State}.") : does(order) ?? new Reply(204);

    Reply CancelLines(Call call)
    {
        foreach (var asked in call.Json!["cancelations"]!.AsArray())
        {
            var order = orders.Values.FirstOrDefault(order => order.Lines.Any(line => line.Id == $"{asked!["order_line_id"]}"));
            if (order?.Lines.First(line => line.Id == $"{asked!["order_line_id"]}") is not { } found) return Refusal(404, "ORDER_LINE_NOT_FOUND", "No such line.");
            var units = asked!["quantity"]!.GetValue<int>();
            if (asked["reason_code"] is null || order.State != "SHIPPING" || units > found.Quantity - found.Cancelled - found.Sent) return Refusal(400, "VALIDATION_ERROR", "The line cannot be cancelled so.");
            Cancel(found, units);
            Move(order, order.Lines.All(line => line.State == "CANCELED") ? "CANCELED" : order.State);
        }
        return Reply.Json(new JsonObject { ["cancelations"] = new JsonArray() });
    }

    Reply Ship(Call call)
    {
        var (done, wrong) = (new JsonArray(), new JsonArray());
        foreach (var asked in call.Json!["shipments"]!.AsArray())
        {
            var id = $"{asked!["order_id"]}";
            var order = orders.GetValueOrDefault(id);
            var units = asked["shipment_lines"]!.AsArray().ToDictionary(line => $"{line!["order_line_id"]}", line => line!["quantity"]!.GetValue<int>());
            if (order?.State != "SHIPPING") { wrong.Add(new JsonObject { ["order_id"] = id, ["message"] = $"The order status must be 'SHIPPING' but it is '{order?.State}'." }); continue; }
            if (units.Any(line => order.Lines.FirstOrDefault(known => known.Id == line.Key) is not { } known || line.Value > known.Quantity - known.Cancelled - known.Sent)) { wrong.Add(new JsonObject { ["order_id"] = id, ["message"] = "Shipment quantity is invalid." }); continue; }
            foreach (var line in order.Lines) line.Sent += units.GetValueOrDefault(line.Id);
            shipments.Add((id, $"{asked["shipment_lines"]![0]!["package_reference"]}", units));
            order.Tracking = $"{asked["tracking"]?["tracking_number"]}";
            Move(order, order.Lines.All(line => line.Sent + line.Cancelled >= line.Quantity) ? "SHIPPED" : "SHIPPING");
            done.Add(new JsonObject { ["id"] = $"s-{shipments.Count}", ["order_id"] = id, ["status"] = "SHIPPED" });
        }
        return Reply.Json(new JsonObject { ["shipment_success"] = done, ["shipment_errors"] = wrong }, 201);
    }

    Reply Shipments(Call call) => Reply.Json(new JsonObject
    {
        ["data"] = new JsonArray([.. shipments.Where(shipment => shipment.Order == call.Query("order_id")).Select(shipment => new JsonObject
        {
            ["order_id"] = shipment.Order, ["status"] = "SHIPPED",
            ["shipment_lines"] = new JsonArray([.. shipment.Units.Select(line => new JsonObject { ["order_line_id"] = line.Key, ["quantity"] = line.Value, ["package_reference"] = shipment.Reference })]),
        })]),
    });

    [GeneratedRegex("^\"([^\"]*)\";\"([^\"]*)\";\"([^\"]*)\";\"([^\"]*)\"\r?$", RegexOptions.Multiline)]
    private static partial Regex Line();
}
