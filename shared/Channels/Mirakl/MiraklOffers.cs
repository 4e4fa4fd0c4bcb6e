namespace Selvedge.Channels.Mirakl;

/// <summary>Offers as OF24 makes them: with nothing to sell, for their numbers follow by STO01. Of an offer that is there OF24 would empty what is left out of it, and it is not sent.</summary>
public static class MiraklOffers
{
    /// <summary>Why an item cannot be offered; null: it can.</summary>
    public static string? Fault(ChannelItem item) => item.Price is null ? "It has no price." : item.Code is null && item.Gtin is null ? "It has neither a code of this channel nor a GTIN, by which the operator would know the product." : null;

    /// <summary>The body of OF24.</summary>
    public static object Body(ChannelAccount account, IReadOnlyList<ChannelItem> items) => new
    {
        offers = items.Select(item => new
        {
            shop_sku = item.Sku, product_id = item.Code ?? item.Gtin, product_id_type = item.Code is not null ? "SKU" : account.OptionalSetting("productIdType") ?? "EAN",
            price = item.Price!.Value / 10_000m, quantity = 0, state_code = account.OptionalSetting("offerState") ?? "11", update_delete = "",
        }),
    };
}
