using System.Text.Json;
using Selvedge.Tests.Integration.Survival;

namespace Selvedge.Tests.Integration.Returns;

/// <summary>What a shop's refund says about goods: money is one thing, what is to come back another.</summary>
public sealed class RefundTests
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_refund_of_goods_that_were_sent_expects_them_back_once()
    {
        await using var app = await AppFixture.StartAsync(1, null, null, "--Secrets:shop", ShopifySender.Secret);
        await app.SeedAsync("REFUND-1", 5);
        await app.Client.PutAsync("/api/channels/shop", new { kind = "shopify", locations = new[] { "WH1" }, secret = "shop" }.AsJson(), Cancel).OkAsync();
        await ShopifySender.SendAsync(app.Client, ShopifySender.Order(70, ("REFUND-1", 2))).OkAsync();
        var refund = JsonSerializer.SerializeToUtf8Bytes(new
        {
            id = 900, order_id = 70, created_at = "2026-11-24T09:00:00Z",
            refund_line_items = new object[] { new { id = 1, line_item_id = 7000, quantity = 1, restock_type = "return", location_id = (long?)null } },
        });
        for (var sent = 0; sent < 2; sent++) await ShopifySender.SendAsync(app.Client, refund, topic: "refunds/create").OkAsync();

        var returns = (await app.Client.GetAsync("/api/returns", Cancel).OkAsync()).GetProperty("items").EnumerateArray().ToList();
        var expected = Assert.Single(returns);
        Assert.Equal("expected", expected.GetProperty("status").GetString());
        Assert.Equal("shop:70", expected.GetProperty("order").GetString());
        var line = Assert.Single(expected.GetProperty("lines").EnumerateArray());
        Assert.Equal(("7000", "REFUND-1"), (line.GetProperty("line").GetString(), line.GetProperty("sku").GetString()));
    }
}
