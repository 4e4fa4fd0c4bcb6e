using System.Text.Json.Nodes;

namespace Selvedge.Channels.Amazon;

/// <summary>
/// An offer of ours on goods that Amazon's catalogue has already (Listings Items API 2021-08-01, <c>putListingsItem</c> with the requirements LISTING_OFFER_ONLY): found by its ASIN, where the product master has one as the channel's
/// code, else by its GTIN; new, at our price, and with nothing to sell, for its number follows when it is there. What the API calls a full listing (title, pictures, sizes) has other attributes for each product type and marketplace, which
/// only the Product Type Definitions say; it is not sent. A PUT replaces all of a listing, its quantity too: it is made only for what is not there.
/// </summary>
public static class AmazonOffer
{
    /// <summary>Longest seller SKU.</summary>
    public const int LongestSku = 40;

    /// <summary>Why an item cannot be offered; null: it can.</summary>
    public static string? Fault(ChannelItem item) => item.Sku.Length > LongestSku ? $"Amazon takes SKUs of {LongestSku} characters at most."
        : item.Price is null ? "It has no price." : item.Code is null && item.Gtin is not { Length: 8 or 12 or 13 or 14 } ? "It has neither an ASIN (a code of this channel) nor a GTIN." : null;

    /// <summary>The product type that the settings name for its category (<c>productType.&lt;category&gt;</c>, else <c>productType</c>); <c>PRODUCT</c> does for offers.</summary>
    public static string TypeOf(ChannelAccount account, ChannelProduct product) =>
        (product.Category is { } category ? account.OptionalSetting("productType." + category) : null) ?? account.OptionalSetting("productType") ?? "PRODUCT";

    /// <summary>The body of the PUT for one marketplace.</summary>
    public static JsonObject Body(string type, ChannelItem item, string place, string currency)
    {
        JsonArray Of(JsonObject value)
        {
            value["marketplace_id"] = place;
            return [value];
        }
        var attributes = new JsonObject
        {
            ["condition_type"] = Of(new() { ["value"] = "new_new" }),
            ["purchasable_offer"] = Of(new() { ["currency"] = currency, ["our_price"] = new JsonArray(new JsonObject { ["schedule"] = new JsonArray(new JsonObject { ["value_with_tax"] = item.Price!.Value / 10_000m }) }) }),
            ["fulfillment_availability"] = Of(new() { ["fulfillment_channel_code"] = "DEFAULT", ["quantity"] = 0 }),
        };
        if (item.Code is { } asin) attributes["merchant_suggested_asin"] = Of(new() { ["value"] = asin });
        else attributes["externally_assigned_product_identifier"] = Of(new() { ["type"] = item.Gtin!.Length switch { 12 => "upc", 14 => "gtin", _ => "ean" }, ["value"] = item.Gtin });
        return new() { ["productType"] = type, ["requirements"] = "LISTING_OFFER_ONLY", ["attributes"] = attributes };
    }
}
