using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Selvedge.Channels;
using Selvedge.Channels.Zalando;
using Selvedge.Orders;

namespace Selvedge.Tests.Unit.Channels.Zalando;

public class ZalandoTests
{
    static readonly DateTimeOffset SeenAt = new(2026, 11, 24, 9, 0, 0, TimeSpan.Zero);

    const string Sample = """
        {"data":[{"type":"Order","id":"o-1","attributes":{"order_number":"10403001","order_date":"2026-11-24T07:00:00+01:00","status":"approved","exported":false,"order_type":"PartnerFulfilled","sales_channel_id":"sc-de",
           "order_lines_price_amount":109.90,"order_lines_price_currency":"EUR","modified_at":"2026-11-24T06:30:00.5Z","shipping_costs":{"amount":4.99,"currency":"EUR"},"customer_email":"k@example.com",
           "shipping_address":{"first_name":"Ada","last_name":"Weber","address_line_1":"Weg 2","zip_code":"10115","city":"Berlin","country_code":"DE"}},
          "relationships":{"order_items":{"data":[{"type":"OrderItem","id":"i-1"},{"type":"OrderItem","id":"i-2"}]}}},
         {"type":"Order","id":"o-2","attributes":{"order_number":"10403001","order_date":"2026-11-24T06:00:00Z","status":"initial","order_type":"ZalandoFulfilled","modified_at":"2026-11-24T06:31:00Z"}},
         {"type":"Order","id":"o-3","attributes":{"status":"approved","modified_at":"2026-11-24T06:32:00Z"}}],
         "included":[
          {"type":"OrderItem","id":"i-1","attributes":{"order_id":"o-1","article_id":"ZA1","external_id":"TEE-NVY-M"}},
          {"type":"OrderLine","id":"l-1","attributes":{"order_item_id":"i-1","status":"reserved","price":{"amount":29.95,"currency":"EUR"},"modified_at":"2026-11-24T06:30:02Z"}},
          {"type":"OrderLine","id":"l-2","attributes":{"order_item_id":"i-1","status":"canceled","price":{"amount":29.95,"currency":"EUR"}}},
          {"type":"OrderItem","id":"i-2","attributes":{"order_id":"o-1","article_id":"ZA2"}},
          {"type":"OrderLine","id":"l-3","attributes":{"order_item_id":"i-2","status":"reserved","price":{"amount":50.0,"currency":"EUR"}}},
          {"type":"OrderItem","id":"i-9","attributes":{"order_id":"o-2","article_id":"ZA9"}},
          {"type":"OrderLine","id":"l-9","attributes":{"order_item_id":"i-9","status":"canceled","price":{"amount":5,"currency":"PLN"}}}]}
        """;

    static IReadOnlyList<ChannelOrder> Page(string json)
    {
        using var document = JsonDocument.Parse(json);
        return ZalandoOrder.Page(document.RootElement, "zal", SeenAt);
    }

    [Fact]
    public void A_line_is_a_unit_of_its_item_and_money_adds_up()
    {
        var order = Page(Sample)[0];
        Assert.Equal(("o-1", "10403001", "EUR"), (order.Draft.ExternalId, order.Draft.Name, order.Draft.Currency));
        Assert.Equal([("l-1", "TEE-NVY-M", 1L), ("l-2", "TEE-NVY-M", 0L), ("l-3", "ZA2", 1L)], order.Draft.Lines.Select(line => (line.Id, line.Code!, line.Quantity)));
        Assert.Equal([299_500, 299_500, 500_000], order.Draft.Lines.Select(line => line.UnitPrice));
        Assert.Equal(49_900, order.Draft.Lines.Sum(line => line.ShippingShare));
        Assert.Equal("Ada Weber", order.Draft.Person!.ShipTo!.Name);
        Assert.Equal(new DateTimeOffset(2026, 11, 24, 6, 0, 0, TimeSpan.Zero), order.Draft.PlacedAt);
        // Its own time is where reading goes on; its state is as late as the latest of its lines.
        Assert.Equal(new DateTimeOffset(2026, 11, 24, 6, 30, 0, 500, TimeSpan.Zero), order.ChangedAt);
        Assert.Equal(new DateTimeOffset(2026, 11, 24, 6, 30, 2, TimeSpan.Zero), order.Draft.Version!.UpdatedAt);
        Assert.Equal(order.ChangedAt.AddHours(3), order.AcceptBy);
        Assert.Equal(order.Draft.PlacedAt!.Value.AddDays(7), order.ShipBy);
        Assert.Equal((false, false, (string?)null), (order.ByMarketplace, order.Waits, order.Unreadable));
    }

    [Fact]
    public void What_is_kept_of_an_order_reads_as_the_same_order()
    {
        var order = Page(Sample)[0];
        Assert.Equal(order.Draft.ContentHash(), Page(Encoding.UTF8.GetString(order.Raw.Span)).Single().Draft.ContentHash());
    }

    [Fact]
    public void One_that_Zalando_sends_is_theirs_and_one_whose_every_line_is_off_is_cancelled()
    {
        var order = Page(Sample)[1];
        Assert.True(order.ByMarketplace);
        Assert.True(order.Waits);
        Assert.Equal((CancelState.Done, 1), (order.Draft.Cancel!.State, order.Draft.Lines.Single().Quantity));
        Assert.Null(order.AcceptBy);
        Assert.Equal("PLN", order.Draft.Currency);
    }

    [Fact]
    public void One_without_lines_is_named_and_the_others_are_read()
    {
        var unread = Page(Sample)[2];
        Assert.Equal("o-3", unread.Draft.ExternalId);
        Assert.Contains("order_lines", unread.Unreadable);
    }

    [Fact]
    public void A_claimed_order_waits_for_no_acceptance()
    {
        var document = JsonNode.Parse(Sample)!;
        document["data"]![0]!["attributes"]!["exported"] = true;
        Assert.Null(Page(document.ToJsonString())[0].AcceptBy);
    }

    static Push Push(string ean, long units, bool paused = false) => new(new("L-" + ean, "sc-de", ean, "S"), units, null, paused, "k");

    [Fact]
    public void Levels_are_told_by_sales_channel_and_thirteen_digits()
    {
        Assert.Equal("""{"items":[{"sales_channel_id":"sc-de","ean":"4000000000013","quantity":5},{"sales_channel_id":"sc-de","ean":"0123456789012","quantity":0}]}""",
            Encoding.UTF8.GetString(ZalandoStock.Body([Push("4000000000013", 5), Push("123456789012", 9, paused: true)])));
        Assert.Null(ZalandoStock.Ean("TEE-NVY-M"));
        Assert.Null(ZalandoStock.Ean("40000000000130"));
    }

    [Theory]
    [InlineData("""{"results":[{"item":{"sales_channel_id":"sc-de","ean":"4000000000013"},"result":{"status":"ACCEPTED","code":0}}]}""", PushResult.Applied, null)]
    [InlineData("""{"items":[{"item":{"sales_channel_id":"sc-de","ean":"4000000000013"},"result":{"status":"ACCEPTED","code":"0"}}]}""", PushResult.Applied, null)]
    [InlineData("""{"items":[{"item":{"sales_channel_id":"sc-de","ean":"4000000000013"},"result":{"status":"ACCEPTED","code":"104"}}]}""", PushResult.Applied, "Waits until the article is onboarded.")]
    [InlineData("""{"results":[{"item":{"sales_channel_id":"sc-de","ean":"4000000000013"},"result":{"status":"REJECTED","code":101,"description":"No"}}]}""", PushResult.Refused, "101: No")]
    [InlineData("""{"results":[{"item":{"sales_channel_id":"sc-de","ean":"4000000000013"},"result":{"status":"FAILED","code":102}}]}""", PushResult.Failed, "FAILED 102: ")]
    [InlineData("""{"results":[{"item":{"sales_channel_id":"sc-de","ean":"4000000000013"},"result":{"status":"ODD","code":7}}]}""", PushResult.Failed, "ODD 7: ")]
    [InlineData("""{"results":[]}""", PushResult.Failed, "The answer does not name it.")]
    public void An_answer_is_read_in_both_its_shapes_and_what_is_not_named_was_not_taken(string json, PushResult result, string? error)
    {
        using var document = JsonDocument.Parse(json);
        Assert.Equal(new Pushed("L-4000000000013", result, error), ZalandoStock.Results(document.RootElement, [Push("4000000000013", 5)]).Single());
    }
}
