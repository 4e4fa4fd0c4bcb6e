using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Channels.Shopify;

/// <summary>Where a fulfilment order of the shop's was moved to.</summary>
/// <param name="Order">The shop's id of its order.</param>
/// <param name="Lines">Its lines.</param>
/// <param name="Place">The shop's id of the place.</param>
/// <param name="At">When.</param>
public sealed record ShopifyMove(string Order, IReadOnlyList<string> Lines, string Place, DateTimeOffset At);

/// <summary>What the list of changed orders tells of one.</summary>
/// <param name="Id">The shop's id.</param>
/// <param name="UpdatedAt">When it was last changed, in whole seconds.</param>
/// <param name="Units">Units it has now.</param>
/// <param name="Edited">It was edited once or more: units may have been added.</param>
/// <param name="Cancelled">It is cancelled.</param>
public sealed record ShopifyGlance(string Id, DateTimeOffset UpdatedAt, long Units, bool Edited, bool Cancelled);

/// <summary>
/// What is read from the shop (GraphQL Admin API 2025-10 and later). An order is read by itself, its lines page by page, and turned into the resource that
/// webhooks carry, so that one parser says what an order means.
/// </summary>
public sealed class ShopifyReads(ShopifyApi api, TimeProvider time)
{
    const string Money = "{ shopMoney { amount } presentmentMoney { amount } }";
    const string Address = "{ firstName lastName company address1 address2 city province provinceCode zip countryCodeV2 phone }";
    const string ChangedOrders = """
        query ChangedOrders($query: String!, $first: Int!, $after: String) {
          orders(query: $query, first: $first, after: $after, sortKey: UPDATED_AT) { nodes { legacyResourceId updatedAt cancelledAt edited currentSubtotalLineItemsQuantity } pageInfo { hasNextPage endCursor } } }
        """;
    const string ReadOrder = $$"""
        query ReadOrder($id: ID!, $after: String) {
          order(id: $id) {
            legacyResourceId id name createdAt processedAt updatedAt cancelledAt cancelReason displayFinancialStatus currencyCode presentmentCurrencyCode test taxesIncluded sourceName email phone
            retailLocation { legacyResourceId } shippingAddress {{Address}} billingAddress {{Address}} totalPriceSet {{Money}}
            lineItems(first: 50, after: $after) { nodes {
              id sku quantity currentQuantity requiresShipping isGiftCard originalUnitPriceSet {{Money}}
              discountAllocations { allocatedAmountSet {{Money}} } taxLines { priceSet {{Money}} } } pageInfo { hasNextPage endCursor } }
            shippingLines(first: 10) { nodes { originalPriceSet {{Money}} discountedPriceSet {{Money}} taxLines { priceSet {{Money}} } } }
            refunds { legacyResourceId createdAt refundLineItems(first: 50) { nodes { quantity restockType location { legacyResourceId } lineItem { id } } pageInfo { hasNextPage } } } } }
        """;
    const string ReadMove = """
        query ReadMove($id: ID!) {
          fulfillmentOrder(id: $id) { orderId updatedAt assignedLocation { location { legacyResourceId } } lineItems(first: 100) { nodes { lineItem { id } } } } }
        """;

    /// <summary>The orders that changed at <paramref name="since"/> or later, by the shop's clock, the earliest change first.</summary>
    /// <exception cref="ShopifyApiException">While enumerating: the rest is for the next run.</exception>
    public IAsyncEnumerable<ShopifyGlance> ChangedAsync(Channel channel, DateTimeOffset since, CancellationToken cancel = default) => ChangedAsync(Of(channel), since, cancel);

    /// <inheritdoc cref="ChangedAsync(Channel, DateTimeOffset, CancellationToken)"/>
    internal static async IAsyncEnumerable<ShopifyGlance> ChangedAsync(ShopifyAsk ask, DateTimeOffset since, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        for (string? after = null; ;)
        {
            var data = await ask("ChangedOrders", ChangedOrders, new { query = $"updated_at:>='{since.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}'", first = 100, after }, ShopifyApi.Orders, cancel);
            var orders = data.GetProperty("orders");
            foreach (var node in orders.GetProperty("nodes").EnumerateArray())
                yield return new(node.GetProperty("legacyResourceId").ToString(), node.GetProperty("updatedAt").GetDateTimeOffset(), node.GetProperty("currentSubtotalLineItemsQuantity").GetInt64(),
                    node.GetProperty("edited").GetBoolean(), node.GetProperty("cancelledAt").ValueKind is not JsonValueKind.Null);
            var page = orders.GetProperty("pageInfo");
            if (!page.GetProperty("hasNextPage").GetBoolean()) yield break;
            after = page.GetProperty("endCursor").GetString();
        }
    }

    /// <summary>An order as it is now; null when the shop has none of this id.</summary>
    /// <exception cref="ShopifyApiException">It could not be read.</exception>
    /// <exception cref="ProblemException">400: it says something we cannot take.</exception>
    public Task<Draft?> OrderAsync(Channel channel, string id, CancellationToken cancel = default) =>
        // What is read shows at least what had happened when it was asked for.
        OrderAsync(Of(channel), channel.Id, id, InstantConverter.Cut(time.GetUtcNow()), [], cancel);

    /// <summary>An order as it is now; null when the shop has none of this id. Answers are added to <paramref name="raw"/> as they came.</summary>
    internal static async Task<Draft?> OrderAsync(ShopifyAsk ask, string channel, string id, DateTimeOffset seenAt, List<string> raw, CancellationToken cancel)
    {
        JsonObject? order = null;
        for (string? after = null; ;)
        {
            var data = await ask("ReadOrder", ReadOrder, new { id = "gid://shopify/Order/" + id, after }, Ids.Order(channel, id), cancel);
            raw.Add(data.GetRawText());
            if (data.GetProperty("order") is not { ValueKind: JsonValueKind.Object } node) return null;
            var read = JsonObject.Create(node)!;
            if (order is null) order = Resource(read);
            else if ($"{order["updated_at"]}" != $"{read["updatedAt"]}") throw new ShopifyApiException($"Order {id} of channel '{channel}' changed while it was read.");
            foreach (var line in Nodes(read["lineItems"])) order["line_items"]!.AsArray().Add(Line(line));
            var page = read["lineItems"]!["pageInfo"]!;
            if (!page["hasNextPage"]!.GetValue<bool>()) break;
            after = page["endCursor"]!.GetValue<string>();
        }
        return ShopifyOrder.Parse(JsonSerializer.SerializeToElement(order), channel, null, seenAt);
    }

    /// <summary>Where a fulfilment order is assigned to now; null when the shop has none of this id, or no place.</summary>
    /// <exception cref="ShopifyApiException">It could not be read.</exception>
    public async Task<ShopifyMove?> MoveAsync(Channel channel, string id, CancellationToken cancel = default)
    {
        var data = await api.AskAsync(channel, "ReadMove", ReadMove, new { id = "gid://shopify/FulfillmentOrder/" + id }, cancel);
        if (JsonObject.Create(data.GetProperty("fulfillmentOrder")) is not { } read || read["assignedLocation"]?["location"]?["legacyResourceId"] is not { } place) return null;
        return new(IdOf(read["orderId"]), [.. Nodes(read["lineItems"]).Select(line => IdOf(line["lineItem"]!["id"]))], $"{place}", InstantConverter.Cut(read["updatedAt"]!.GetValue<DateTimeOffset>()));
    }

    ShopifyAsk Of(Channel channel) => (operation, query, variables, about, cancel) => api.AskAsync(channel, operation, query, variables, about, cancel);

    static JsonObject Resource(JsonObject node) => new()
    {
        ["id"] = $"{node["legacyResourceId"]}", ["admin_graphql_api_id"] = Of(node["id"]), ["name"] = Of(node["name"]), ["created_at"] = Of(node["createdAt"]), ["processed_at"] = Of(node["processedAt"]),
        ["updated_at"] = Of(node["updatedAt"]), ["cancelled_at"] = Of(node["cancelledAt"]), ["financial_status"] = node["displayFinancialStatus"] is { } paid ? $"{paid}" : null, ["cancel_reason"] = node["cancelReason"] is { } why ? $"{why}".ToLowerInvariant() : null,
        ["currency"] = Of(node["currencyCode"]), ["presentment_currency"] = Of(node["presentmentCurrencyCode"]), ["test"] = Of(node["test"]), ["taxes_included"] = Of(node["taxesIncluded"]),
        ["source_name"] = Of(node["sourceName"]), ["location_id"] = Of(node["retailLocation"]?["legacyResourceId"]), ["email"] = Of(node["email"]), ["phone"] = Of(node["phone"]),
        ["shipping_address"] = PostalAddress(node["shippingAddress"]), ["billing_address"] = PostalAddress(node["billingAddress"]), ["total_price_set"] = Bag(node["totalPriceSet"]),
        ["line_items"] = new JsonArray(),
        ["shipping_lines"] = new JsonArray([.. Nodes(node["shippingLines"]).Select(line => Priced(new JsonObject { ["tax_lines"] = Taxes(line) }, ("price", line["originalPriceSet"]), ("discounted_price", line["discountedPriceSet"])))]),
        ["refunds"] = new JsonArray([.. (node["refunds"]?.AsArray() ?? []).Select(Refund)]),
    };

    static JsonObject Line(JsonNode line) => Priced(new JsonObject
    {
        ["id"] = IdOf(line["id"]), ["sku"] = Of(line["sku"]), ["quantity"] = Of(line["quantity"]), ["current_quantity"] = Of(line["currentQuantity"]), ["requires_shipping"] = Of(line["requiresShipping"]),
        ["gift_card"] = Of(line["isGiftCard"]), ["tax_lines"] = Taxes(line),
        ["discount_allocations"] = new JsonArray([.. (line["discountAllocations"]?.AsArray() ?? []).Select(allocation => Priced([], ("amount", allocation!["allocatedAmountSet"])))]),
    }, ("price", line["originalUnitPriceSet"]));

    static JsonObject Refund(JsonNode? refund)
    {
        if (refund!["refundLineItems"]?["pageInfo"]?["hasNextPage"]?.GetValue<bool>() == true) throw ProblemException.Invalid($"Refund {refund["legacyResourceId"]} has more lines than are read at once.");
        return new()
        {
            ["id"] = $"{refund["legacyResourceId"]}", ["created_at"] = Of(refund["createdAt"]),
            ["refund_line_items"] = new JsonArray([.. Nodes(refund["refundLineItems"]).Select(item => new JsonObject
            {
                ["line_item_id"] = IdOf(item["lineItem"]!["id"]), ["quantity"] = Of(item["quantity"]), ["restock_type"] = $"{item["restockType"]}".ToLowerInvariant(), ["location_id"] = Of(item["location"]?["legacyResourceId"]),
            })]),
        };
    }

    static JsonArray Taxes(JsonNode line) => new([.. (line["taxLines"]?.AsArray() ?? []).Select(tax => Priced([], ("price", tax!["priceSet"])))]);

    static JsonObject Priced(JsonObject to, params (string Name, JsonNode? Bag)[] prices)
    {
        foreach (var (name, bag) in prices)
            (to[name], to[name + "_set"]) = (Of(bag?["shopMoney"]?["amount"]), Bag(bag));
        return to;
    }

    static JsonObject? Bag(JsonNode? bag) => bag is null ? null : new()
    {
        ["shop_money"] = new JsonObject { ["amount"] = Of(bag["shopMoney"]?["amount"]) }, ["presentment_money"] = new JsonObject { ["amount"] = Of(bag["presentmentMoney"]?["amount"]) },
    };

    static JsonObject? PostalAddress(JsonNode? address) => address is null ? null : new()
    {
        ["first_name"] = Of(address["firstName"]), ["last_name"] = Of(address["lastName"]), ["company"] = Of(address["company"]), ["address1"] = Of(address["address1"]), ["address2"] = Of(address["address2"]),
        ["city"] = Of(address["city"]), ["province"] = Of(address["province"]), ["province_code"] = Of(address["provinceCode"]), ["zip"] = Of(address["zip"]), ["country_code"] = Of(address["countryCodeV2"]), ["phone"] = Of(address["phone"]),
    };

    static IEnumerable<JsonNode> Nodes(JsonNode? connection) => connection?["nodes"]?.AsArray().OfType<JsonNode>() ?? [];

    static JsonNode? Of(JsonNode? value) => value?.DeepClone();

    static string IdOf(JsonNode? gid) => $"{gid}".Split('/')[^1].Split('?')[0];
}
