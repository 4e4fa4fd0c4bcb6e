using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Selvedge.Channels;
using Selvedge.Channels.Amazon;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Tests.Unit.Channels.Amazon;

public class AmazonTests
{
    const string Sample = """
        {"orderId":"902-0000001-0000001","createdTime":"2026-11-24T07:00:00Z","lastUpdatedTime":"2026-11-24T08:00:00Z","salesChannel":{"channelName":"AMAZON","marketplaceId":"A39IBJ37TRP1C6"},
         "recipient":{"deliveryAddress":{"name":"Kim Ng","addressLine1":"2 Bay Rd","city":"Perth","stateOrRegion":"WA","postalCode":"6000","countryCode":"AU"}},
         "proceeds":{"grandTotal":{"amount":"75.45","currencyCode":"AUD"}},
         "fulfillment":{"fulfillmentStatus":"UNSHIPPED","fulfilledBy":"MERCHANT","fulfillmentServiceLevel":"STANDARD","shipByWindow":{"latestDateTime":"2026-11-26T12:59:59Z"}},
         "orderItems":[
          {"orderItemId":"111","quantityOrdered":3,"product":{"sellerSku":"TEE-NVY-M","price":{"unitPrice":{"amount":"19.99","currencyCode":"AUD"}}},
           "proceeds":{"breakdowns":[{"type":"ITEM","subtotal":{"amount":"59.97","currencyCode":"AUD"}},{"type":"DISCOUNT","subtotal":{"amount":"-5.00","currencyCode":"AUD"}},{"type":"SHIPPING","subtotal":{"amount":"9.99","currencyCode":"AUD"}},
             {"type":"TAX","subtotal":{"amount":"6.36","currencyCode":"AUD"},"detailedBreakdowns":[{"subtype":"ITEM","value":{"amount":"5.45","currencyCode":"AUD"}},{"subtype":"SHIPPING","value":{"amount":"0.91","currencyCode":"AUD"}}]},{"type":"NEW_KIND","subtotal":{"amount":"1.00"}}]},
           "fulfillment":{"quantityFulfilled":1,"quantityUnfulfilled":1}},
          {"orderItemId":"112","quantityOrdered":1,"product":{"sellerSku":"CAP"},"cancellation":{"cancellationRequest":{"requester":"BUYER"},"cancellationExecution":{"cancelledBy":"MERCHANT"}},"fulfillment":{"quantityFulfilled":0,"quantityUnfulfilled":0}}]}
        """;

    static ChannelOrder With(Action<JsonObject>? change = null, bool taxIncluded = false)
    {
        var order = JsonNode.Parse(Sample)!.AsObject();
        change?.Invoke(order);
        using var document = JsonDocument.Parse(order.ToJsonString());
        return AmazonOrder.Parse(document.RootElement, "amz", taxIncluded, new(2026, 11, 24, 9, 0, 0, TimeSpan.Zero));
    }

    [Fact]
    public void Money_of_a_line_is_that_of_all_its_units_and_cancelled_units_are_not_wanted()
    {
        var order = With();
        Assert.Equal(("902-0000001-0000001", "AUD", "A39IBJ37TRP1C6"), (order.Draft.ExternalId, order.Draft.Currency, order.Draft.References!["marketplaceId"]));
        var line = order.Draft.Lines[0];
        Assert.Equal(("111", "TEE-NVY-M", 2, 3), (line.Id, line.Code, line.Quantity, line.Ordered));
        Assert.Equal((199_900, 50_000, 54_500, 99_900, 9_100, false), (line.UnitPrice, line.Discount, line.Tax, line.ShippingShare, line.ShippingTax, line.TaxIncluded));
        Assert.Equal((0, 1), (order.Draft.Lines[1].Quantity, order.Draft.Lines[1].Ordered));
        Assert.Equal(new DateTimeOffset(2026, 11, 26, 12, 59, 59, TimeSpan.Zero), order.ShipBy);
        Assert.Equal(("Kim Ng", "AU"), (order.Draft.Person!.ShipTo!.Name, order.Draft.Person.ShipTo.Country));
        Assert.Equal((false, false, false), (order.ByMarketplace, order.Waits, order.CancelAsked));
    }

    [Fact]
    public void A_pending_order_holds_its_units_without_prices_and_waits()
    {
        var order = With(o =>
        {
            o["fulfillment"]!["fulfillmentStatus"] = "PENDING";
            o.Remove("proceeds");
            foreach (var item in o["orderItems"]!.AsArray()) { item!.AsObject().Remove("proceeds"); item["product"]!.AsObject().Remove("price"); item["fulfillment"] = new JsonObject { ["quantityFulfilled"] = 0, ["quantityUnfulfilled"] = 0 }; }
        });
        Assert.True(order.Waits);
        Assert.Equal(("AUD", 4), (order.Draft.Currency, order.Draft.Lines.Sum(line => line.Quantity)));
    }

    [Fact]
    public void Cancels_and_who_sends_it_are_told()
    {
        var cancelled = With(o => o["fulfillment"]!["fulfillmentStatus"] = "CANCELLED");
        Assert.Equal((CancelState.Done, 4), (cancelled.Draft.Cancel!.State, cancelled.Draft.Lines.Sum(line => line.Quantity)));
        Assert.True(With(o => o["orderItems"]![1]!["cancellation"]!.AsObject().Remove("cancellationExecution")).CancelAsked);
        Assert.True(With(o => o["fulfillment"]!["fulfilledBy"] = "AMAZON").ByMarketplace);
        Assert.True(With(taxIncluded: true).Draft.Lines[0].TaxIncluded);
    }

    [Theory]
    [InlineData("/orderId", "orderId")]
    [InlineData("/orderItems", "orderItems")]
    [InlineData("/fulfillment", "fulfillment")]
    public void What_cannot_be_read_is_named(string pointer, string member) =>
        Assert.Contains(pointer, Assert.Throws<ProblemException>(() => With(o => o.Remove(member))).Message);

    static Push Push(string sku, long units, bool paused = false, string? type = null) => new(new("L-" + sku, "ATVPDKIKX0DER", sku, sku, type), units, null, paused, "k");

    [Fact]
    public void The_quantity_alone_is_merged_into_the_merchants_own_availability()
    {
        Assert.Equal("""{"productType":"SHIRT","patches":[{"op":"merge","path":"/attributes/fulfillment_availability","value":[{"fulfillment_channel_code":"DEFAULT","quantity":12}]}]}""", JsonSerializer.Serialize(AmazonFeed.Patch(Push("A", 12, type: "SHIRT"))));
        using var feed = JsonDocument.Parse(AmazonFeed.Body("SELLER", [Push("A", 12), Push("B", 9, paused: true)]));
        Assert.Equal(("SELLER", "2.0"), (feed.RootElement.GetProperty("header").GetProperty("sellerId").GetString(), feed.RootElement.GetProperty("header").GetProperty("version").GetString()));
        var second = feed.RootElement.GetProperty("messages")[1];
        Assert.Equal((2, "B", "PATCH", "PRODUCT", 0), (second.GetProperty("messageId").GetInt32(), second.GetProperty("sku").GetString(), second.GetProperty("operationType").GetString(), second.GetProperty("productType").GetString(),
            second.GetProperty("patches")[0].GetProperty("value")[0].GetProperty("quantity").GetInt32()));
    }

    [Theory]
    [InlineData("""{"status":"ACCEPTED","issues":[]}""", PushResult.Queued, null)]
    [InlineData("""{"status":"INVALID","issues":[{"code":"1","message":"No","severity":"ERROR"},{"code":"2","message":"Hm","severity":"WARNING"}]}""", PushResult.Refused, "1: No")]
    [InlineData("""{"status":"VALID"}""", PushResult.Failed, "It was only looked at.")]
    [InlineData("""{}""", PushResult.Refused, "Amazon answered .")]
    public void Accepted_is_queued_and_not_live(string json, PushResult result, string? error)
    {
        using var document = JsonDocument.Parse(json);
        Assert.Equal(new Pushed("L-A", result, error), AmazonFeed.Result(document.RootElement, Push("A", 1)));
    }

    [Fact]
    public void A_report_is_read_by_SKU_packed_or_not()
    {
        var bytes = Encoding.UTF8.GetBytes("""{"issues":[{"messageId":1,"sku":"A","code":"9","severity":"ERROR","message":"No"},{"messageId":2,"sku":"B","code":"8","severity":"WARNING","message":"Hm"}],"summary":{"messagesInvalid":1}}""");
        using var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionMode.Compress, leaveOpen: true)) zip.Write(bytes);
        foreach (var plain in new[] { AmazonFeed.Unpacked(packed.ToArray(), "GZIP"), AmazonFeed.Unpacked(bytes, null) })
        {
            using var report = JsonDocument.Parse(plain);
            Assert.Equal([new("L-A", PushResult.Refused, "9: No"), new("L-B", PushResult.Applied)], AmazonFeed.Report(report.RootElement, [Push("A", 1), Push("B", 1)]));
        }
    }

    [Fact]
    public void A_package_has_a_number_that_stays_the_same()
    {
        Assert.Equal(AmazonAdapter.Package("s-1"), AmazonAdapter.Package("s-1"));
        Assert.NotEqual(AmazonAdapter.Package("s-1"), AmazonAdapter.Package("s-2"));
        Assert.All(Enumerable.Range(0, 100), i => Assert.InRange(long.Parse(AmazonAdapter.Package($"{i}"), System.Globalization.CultureInfo.InvariantCulture), 1, 1L << 31));
    }
}
