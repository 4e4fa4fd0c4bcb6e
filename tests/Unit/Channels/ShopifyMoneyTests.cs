using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Selvedge.Channels.Shopify;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Tests.Unit.Channels;

/// <summary>Money of an order: every share adds up to what the shop said, in the shop's currency and in the buyer's.</summary>
public class ShopifyMoneyTests
{
    static string Text(int cents) => (cents / 100m).ToString("0.00", CultureInfo.InvariantCulture);

    static JsonObject Priced(string name, int shop, int shown) => new()
    {
        [name] = Text(shop), [name + "_set"] = new JsonObject { ["shop_money"] = new JsonObject { ["amount"] = Text(shop) }, ["presentment_money"] = new JsonObject { ["amount"] = Text(shown) } },
    };

    sealed record Item(int Price, int Quantity, int LineDiscount, int OrderDiscount, int Tax, bool Goods);

    static readonly Gen<Item> Items = Gen.Select(Gen.Int[0, 50_000], Gen.Int[0, 9], Gen.Int[0, 900], Gen.Int[0, 900], Gen.Int[0, 5_000], Gen.Bool, (price, quantity, line, order, tax, goods) => new Item(price, quantity, line, order, tax, goods));

    [Fact]
    public void Shares_of_discount_tax_and_shipping_add_up_in_both_currencies() =>
        Gen.Select(Items.Array[1, 12], Gen.Int[0, 3_000], Gen.Int[0, 300], Gen.Int[50, 250]).Sample((items, shipping, tax, rate) =>
        {
            int Shown(int cents) => cents * rate / 100;
            var order = new JsonObject
            {
                ["id"] = 1, ["created_at"] = "2026-11-23T09:15:00Z", ["currency"] = "AUD", ["presentment_currency"] = "USD", ["taxes_included"] = true,
                ["line_items"] = new JsonArray([.. items.Select((item, i) =>
                {
                    var line = Priced("price", item.Price, Shown(item.Price));
                    (line["id"], line["sku"], line["quantity"], line["requires_shipping"]) = (i + 1, $"S{i}", item.Quantity, item.Goods);
                    line["discount_allocations"] = new JsonArray(Priced("amount", item.LineDiscount, Shown(item.LineDiscount)), Priced("amount", item.OrderDiscount, Shown(item.OrderDiscount)));
                    line["tax_lines"] = new JsonArray(Priced("price", item.Tax, Shown(item.Tax)));
                    return line;
                })]),
                ["shipping_lines"] = new JsonArray(new Func<JsonObject>(() =>
                {
                    var line = Priced("discounted_price", shipping, Shown(shipping));
                    (line["price"], line["tax_lines"]) = (Text(shipping + 100), new JsonArray(Priced("price", tax, Shown(tax))));
                    return line;
                })()),
            };
            var draft = ShopifyOrder.Parse(JsonSerializer.SerializeToUtf8Bytes(order), "shop", null);
            const long Cent = Money.Scale / 100;
            Assert.Equal(items.Sum(item => item.LineDiscount + item.OrderDiscount) * Cent, draft.Lines.Sum(line => line.Discount));
            Assert.Equal(items.Sum(item => item.Tax) * Cent, draft.Lines.Sum(line => line.Tax));
            Assert.Equal(shipping * Cent, draft.Lines.Sum(line => line.ShippingShare));
            Assert.Equal(tax * Cent, draft.Lines.Sum(line => line.ShippingTax));
            Assert.Equal(items.Sum(item => Shown(item.LineDiscount) + Shown(item.OrderDiscount)) * Cent, draft.Lines.Sum(line => line.Shown!.Discount));
            Assert.Equal(Shown(shipping) * Cent, draft.Lines.Sum(line => line.Shown!.ShippingShare));
            Assert.Equal(Shown(tax) * Cent, draft.Lines.Sum(line => line.Shown!.ShippingTax));
            if (items.Any(item => item.Goods && item.Price * item.Quantity >= 1))
                Assert.All(draft.Lines.Where((_, i) => !items[i].Goods), line => Assert.Equal(0, line.ShippingShare));
            Assert.Equal("USD", draft.Presentment!.Currency);
        }, iter: 1_000);

    [Fact]
    public void A_discount_of_the_whole_order_that_no_line_says_is_shared_out()
    {
        var draft = ShopifyOrder.Parse("""
            {"id":1,"created_at":"2026-11-23T09:15:00Z","currency":"AUD","total_discounts":"10.00","shipping_lines":[{"price":"8.00","discounted_price":"5.00"}],
             "line_items":[{"id":1,"sku":"A","quantity":2,"price":"10.00","total_discount":"1.00"},{"id":2,"sku":"B","quantity":1,"price":"10.01","total_discount":"0.00"}]}
            """u8.ToArray(), "shop", null);
        // 10.00 less 1.00 on the line and 3.00 on shipping leave 6.00, shared by 20.00 and 10.01.
        Assert.Equal([10_000 + 39_987, 20_013], draft.Lines.Select(line => line.Discount));
        Assert.Equal(50_000, draft.Lines.Sum(line => line.ShippingShare));
    }

    [Fact]
    public void What_the_buyer_paid_in_is_kept_with_the_rate_of_the_shop()
    {
        var draft = ShopifyOrder.Parse("""
            {"id":1,"created_at":"2026-11-23T09:15:00Z","currency":"AUD","presentment_currency":"USD","line_items":[{"id":1,"sku":"A","quantity":1,"price":"30.00","price_set":{"shop_money":{"amount":"30.00"},"presentment_money":{"amount":"20.00"}}}],
             "total_price_set":{"shop_money":{"amount":"30.00","currency_code":"AUD"},"presentment_money":{"amount":"20.00","currency_code":"USD"}}}
            """u8.ToArray(), "shop", null);
        Assert.Equal(("AUD", 300_000, 200_000), (draft.Currency, draft.Lines[0].UnitPrice, draft.Lines[0].Shown!.UnitPrice));
        Assert.Equal(new Presentment("USD", 200_000, "1.5"), draft.Presentment);
    }

    [Theory]
    [InlineData("""{"id":1,"sku":"GIFT","quantity":1,"price":"50.00","gift_card":true}""", false)]
    [InlineData("""{"id":1,"sku":null,"title":"Tip","quantity":1,"price":"5.00","requires_shipping":false,"product_exists":false}""", false)]
    [InlineData("""{"id":1,"sku":"TEE","quantity":1,"price":"5.00","requires_shipping":true}""", true)]
    public void Gift_cards_and_tips_need_no_stock(string line, bool needs) => Assert.Equal(needs, ShopifyOrder.Parse(
        System.Text.Encoding.UTF8.GetBytes($$"""{"id":1,"created_at":"2026-11-23T09:15:00Z","currency":"AUD","line_items":[{{line}}]}"""), "shop", null).Lines[0].NeedsStock);

    [Theory]
    [InlineData("pos", "655441491", false, "655441491")]
    [InlineData("pos", "655441491", true, null)]
    [InlineData("pos", null, false, null)]
    [InlineData("shopify_draft_order", "655441491", false, null)]
    public void Sold_at_a_till_is_what_the_till_hands_over(string source, string? location, bool sent, string? till) => Assert.Equal(till, ShopifyOrder.Parse(
        System.Text.Encoding.UTF8.GetBytes($$"""{"id":1,"created_at":"2026-11-23T09:15:00Z","currency":"AUD","source_name":"{{source}}","location_id":{{location ?? "null"}},"line_items":[],"shipping_lines":[{{(sent ? """{"price":"5.00"}""" : "")}}]}"""), "shop", null).Till);

    [Theory]
    [InlineData("cancel", 3)]
    [InlineData("return", 4)]
    [InlineData("no_restock", 4)]
    [InlineData("legacy_restock", 4)]
    public void Only_a_cancelled_unit_is_no_longer_asked_for(string restock, int wanted)
    {
        // Four units, one refunded: with the quantity of today, and without, as before API 2024-01.
        foreach (var current in new[] { "\"current_quantity\":3,", "" })
            Assert.Equal(wanted, ShopifyOrder.Parse(System.Text.Encoding.UTF8.GetBytes($$"""
                {"id":1,"created_at":"2026-11-23T09:15:00Z","currency":"AUD","line_items":[{"id":5,"sku":"A","quantity":4,{{current}}"price":"1.00"}],
                 "refunds":[{"id":9,"created_at":"2026-11-23T10:00:00Z","refund_line_items":[{"id":1,"line_item_id":5,"quantity":1,"restock_type":"{{restock}}"}]}]}
                """), "shop", null).Lines[0].Quantity);
    }
}
