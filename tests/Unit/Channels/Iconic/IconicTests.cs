using System.Text.Json;
using System.Text.Json.Nodes;
using Selvedge.Channels;
using Selvedge.Channels.Iconic;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Tests.Unit.Channels.Iconic;

public class IconicTests
{
    const string Order = """
        {"id":9007199254740993,"number":"20261124001","uuid":"u-1","createdAt":"2026-11-24 19:00:00","updatedAt":"2026-11-24T08:05:00Z","currency":"AUD","grandTotal":"94.90","statusList":{"pending":2},
         "customer":{"email":"b@example.com"},"address":{"shipping":{"firstName":"Bo","lastName":"Lee","address1":"1 Quay St","city":"Sydney","postcode":"2000","country":"AU"}}}
        """;
    const string Items = """
        [{"id":701,"orderId":9007199254740993,"status":"pending","isProcessable":true,"product":{"sellerSku":"TEE-NVY-M"},"unitPrice":49.95,"paidPrice":"44.95","taxAmount":4.09,"updatedAt":"2026-11-24T08:04:00+00:00"},
         {"id":702,"orderId":9007199254740993,"status":"canceled","product":{"sellerSku":"TEE-NVY-M"},"unitPrice":49.95,"paidPrice":49.95,"taxAmount":0,"updatedAt":"2026-11-24T08:06:00Z"}]
        """;

    static ChannelOrder Parse(Action<JsonObject>? order = null, Action<JsonArray>? items = null)
    {
        var (head, rows) = (JsonNode.Parse(Order)!.AsObject(), JsonNode.Parse(Items)!.AsArray());
        order?.Invoke(head);
        items?.Invoke(rows);
        using var first = JsonDocument.Parse(head.ToJsonString());
        using var second = JsonDocument.Parse(rows.ToJsonString());
        return IconicOrder.Parse(first.RootElement, [.. second.RootElement.EnumerateArray()], "iconic", new(2026, 11, 24, 9, 0, 0, TimeSpan.Zero));
    }

    [Fact]
    public void An_item_is_a_unit_and_its_state_is_as_late_as_its_latest_item()
    {
        var order = Parse();
        Assert.Equal(("9007199254740993", "20261124001", "AUD"), (order.Draft.ExternalId, order.Draft.Name, order.Draft.Currency));
        Assert.Equal([("701", "TEE-NVY-M", 1L), ("702", "TEE-NVY-M", 0L)], order.Draft.Lines.Select(line => (line.Id, line.Code!, line.Quantity)));
        Assert.Equal((499_500, 50_000, 40_900), (order.Draft.Lines[0].UnitPrice, order.Draft.Lines[0].Discount, order.Draft.Lines[0].Tax));
        Assert.Equal(new DateTimeOffset(2026, 11, 24, 8, 6, 0, TimeSpan.Zero), order.ChangedAt);
        Assert.Equal(new DateTimeOffset(2026, 11, 24, 19, 0, 0, TimeSpan.Zero), order.Draft.PlacedAt);
        Assert.Equal(("Bo Lee", "AU"), (order.Draft.Person!.ShipTo!.Name, order.Draft.Person.ShipTo.Country));
        Assert.Null(order.Draft.Cancel);
        Assert.False(order.Waits);
    }

    [Fact]
    public void An_order_is_cancelled_when_each_item_is_and_waits_while_it_is_not_paid()
    {
        var cancelled = Parse(items: rows => rows[0]!["status"] = "canceled");
        Assert.Equal((CancelState.Done, 2), (cancelled.Draft.Cancel!.State, cancelled.Draft.Lines.Sum(line => line.Quantity)));
        Assert.True(Parse(items: rows => rows[0]!["status"] = "payment_pending").Waits);
        Assert.True(Parse(items: rows => rows[0]!["isProcessable"] = false).Waits);
        Assert.False(Parse(items: rows => rows[0]!["status"] = "a_new_status").Waits);
    }

    [Fact]
    public void What_lies_in_their_warehouse_takes_no_stock_of_ours_be_it_the_whole_order_or_a_part()
    {
        var part = Parse(items: rows => rows[0]!["shipmentType"] = "Warehouse");
        Assert.Equal((false, false, true), (part.ByMarketplace, part.Draft.Lines[0].NeedsStock, part.Draft.Lines[1].NeedsStock));
        Assert.True(Parse(items: rows => { foreach (var row in rows) row!["shipmentType"] = "warehouse"; }).ByMarketplace);
    }

    [Fact]
    public void What_cannot_be_read_is_named()
    {
        Assert.Contains("/currency", Assert.Throws<ProblemException>(() => Parse(order => order["currency"] = "dollars")).Message);
        Assert.Contains("/items", Assert.Throws<ProblemException>(() => Parse(items: rows => rows.Clear())).Message);
        Assert.Contains("/items/0/id", Assert.Throws<ProblemException>(() => Parse(items: rows => rows[0]!["id"] = "x1")).Message);
        Assert.Contains("/items", Assert.Throws<ProblemException>(() => Parse(items: rows => rows[1]!["id"] = 701)).Message);
    }

    [Fact]
    public void Stock_is_a_bare_list_and_a_paused_product_shows_nothing() =>
        Assert.Equal("""[{"productId":700001,"quantity":14},{"productId":700002,"quantity":0}]""",
            JsonSerializer.Serialize(IconicAdapter.StockBody([new(new("a", "", "700001", "S"), 14, null, false, "k"), new(new("b", "", "700002", "T"), 9, null, true, "k")])));
}
