using System.Text.Json;
using Selvedge.Channels;
using Selvedge.Channels.Shopify;

namespace Selvedge.Tests.Unit.Channels.Shopify;

public sealed class ShopifyStockTests
{
    static Push Row(long item, long units, long? believed = null, bool paused = false, string key = "k") =>
        new(new($"l{item}", "gid://shopify/Location/1", $"gid://shopify/InventoryItem/{item}", "S"), units, believed, paused, key);

    static List<Pushed> Read(string payload, params Push[] rows)
    {
        using var json = JsonDocument.Parse(payload);
        return ShopifyStock.Read(json.RootElement, rows, "shop").Rows;
    }

    [Fact]
    public void The_number_it_changes_from_is_always_sent_also_where_it_is_not_known()
    {
        var sent = JsonSerializer.SerializeToElement(ShopifyStock.Variables([Row(1, 5, 7), Row(2, 5), Row(3, 5, 2, paused: true)], "correction"));
        Assert.Equal("""[{"inventoryItemId":"gid://shopify/InventoryItem/1","locationId":"gid://shopify/Location/1","quantity":5,"changeFromQuantity":7},{"inventoryItemId":"gid://shopify/InventoryItem/2","locationId":"gid://shopify/Location/1","quantity":5,"changeFromQuantity":null},{"inventoryItemId":"gid://shopify/InventoryItem/3","locationId":"gid://shopify/Location/1","quantity":0,"changeFromQuantity":2}]""",
            sent.GetProperty("input").GetProperty("quantities").GetRawText());
    }

    [Fact]
    public void The_same_said_again_has_the_same_key_and_nothing_else_has_it()
    {
        string Key(params Push[] rows) => JsonSerializer.SerializeToElement(ShopifyStock.Variables(rows, "correction")).GetProperty("key").GetString()!;
        Assert.Equal(Key(Row(1, 5, 7)), Key(Row(1, 5, 7)));
        Assert.Equal(5, new HashSet<string> { Key(Row(1, 5, 7)), Key(Row(1, 5, 8)), Key(Row(1, 5)), Key(Row(1, 5, 7, key: "other")), Key(Row(1, 5, 7), Row(2, 1)) }.Count);
    }

    [Theory]
    [InlineData("CHANGE_FROM_QUANTITY_STALE", PushResult.Stale)]
    [InlineData("ITEM_NOT_STOCKED_AT_LOCATION", PushResult.Failed)]
    [InlineData("INVALID_INVENTORY_ITEM", PushResult.Refused)]
    [InlineData("NON_MUTABLE_INVENTORY_ITEM", PushResult.Refused)]
    [InlineData("IDEMPOTENCY_CONCURRENT_REQUEST", PushResult.Unanswered)]
    [InlineData("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", PushResult.Failed)]
    [InlineData("SOMETHING_NEW", PushResult.Failed)]
    public void What_is_said_of_a_row_is_that_rows(string code, PushResult result)
    {
        var error = $$"""{"field":["input","quantities","1","changeFromQuantity"],"code":"{{code}}","message":"so"}""";
        var kept = Read($$"""{"inventoryAdjustmentGroup":null,"userErrors":[{{error}}]}""", Row(1, 5), Row(2, 5), Row(3, 5));
        Assert.Equal([PushResult.Failed, result, PushResult.Failed], kept.Select(row => row.Result));
        Assert.Equal($"{code}: so", kept[1].Error);
        // Something was changed: which of the others is for a read to say.
        Assert.Equal([PushResult.Unanswered, result], Read($$"""{"inventoryAdjustmentGroup":{"id":"g"},"userErrors":[{{error}}]}""", Row(1, 5), Row(2, 5)).Select(row => row.Result));
    }

    [Fact]
    public void What_is_said_of_no_row_is_of_all_and_a_wrong_setting_is_for_a_person()
    {
        Assert.All(Read("""{"inventoryAdjustmentGroup":null,"userErrors":[{"field":null,"code":"IDEMPOTENCY_CONCURRENT_REQUEST","message":"so"}]}""", Row(1, 5), Row(2, 5)), row => Assert.Equal(PushResult.Unanswered, row.Result));
        Assert.Equal(CallFailure.Refused, Assert.Throws<ChannelCallException>(() => Read("""{"userErrors":[{"field":["input","reason"],"code":"INVALID_REASON","message":"so"}]}""", Row(1, 5))).Failure);
        Assert.Equal(CallFailure.Unanswered, Assert.Throws<ChannelCallException>(() => Read("null", Row(1, 5))).Failure);
        Assert.Equal([PushResult.Applied], Read("""{"inventoryAdjustmentGroup":null,"userErrors":[]}""", Row(1, 5)).Select(row => row.Result));
    }

    [Theory]
    [InlineData("gid://shopify/InventoryItem/12", true)]
    [InlineData("gid://shopify/InventoryItem/", false)]
    [InlineData("gid://shopify/ProductVariant/12", false)]
    [InlineData("gid://shopify/InventoryItem/12?x", false)]
    [InlineData("12", false)]
    public void Ids_that_the_shop_would_refuse_the_whole_call_for_are_known(string item, bool right) =>
        Assert.Equal(right, ShopifyStock.Fault(new("l", "gid://shopify/Location/1", item, "S")) is null);
}
