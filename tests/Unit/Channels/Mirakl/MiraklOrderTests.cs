using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Selvedge.Channels;
using Selvedge.Channels.Mirakl;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Tests.Unit.Channels.Mirakl;

public class MiraklOrderTests
{
    static readonly DateTimeOffset SeenAt = new(2026, 11, 24, 9, 0, 0, TimeSpan.Zero);

    const string Sample = """
        {"order_id":"C-77-B","commercial_id":"C-77","order_state":"WAITING_ACCEPTANCE","created_date":"2026-11-24T08:00:00Z","last_updated_date":"2026-11-24T08:01:30Z",
         "currency_iso_code":"EUR","order_tax_mode":"TAX_INCLUDED","shipping_deadline":"2026-11-26T22:59:59Z","fulfillment":{"center":{"code":"DEFAULT"}},"a_new_member":[1],
         "customer":{"shipping_address":{"firstname":"Ana","lastname":"Núñez","street_1":"Calle 1","city":"Madrid","zip_code":"28001","country_iso_code":"ESP"}},
         "order_lines":[
          {"order_line_id":"C-77-B-1","order_line_state":"WAITING_ACCEPTANCE","offer_id":9007199254740993,"offer_sku":"TEE-NVY-M","quantity":3,"price_unit":19.99,"price":54.97,"shipping_price":4.5,
           "taxes":[{"code":"VAT","amount":9.54}],"shipping_taxes":[{"code":"VAT","amount":0.78}],"cancelations":[{"id":"x","quantity":1}],"refunds":[]},
          {"order_line_id":"C-77-B-2","order_line_state":"REFUSED","offer_sku":"CAP","quantity":1,"price_unit":10.0,"price":10.0,"refunds":[{"id":"r-1","quantity":1,"amount":10.0}]}]}
        """;

    static ChannelOrder With(Action<JsonObject>? change = null, MiraklWords? words = null)
    {
        var order = JsonNode.Parse(Sample)!.AsObject();
        change?.Invoke(order);
        using var document = JsonDocument.Parse(order.ToJsonString());
        return MiraklOrder.Parse(document.RootElement, "bloom", words ?? MiraklWords.Default, SeenAt);
    }

    [Fact]
    public void Reads_lines_and_money_as_written_and_who_is_to_wait_until_when()
    {
        var order = With();
        Assert.Equal(("C-77-B", "C-77", "EUR"), (order.Draft.ExternalId, order.Draft.Name, order.Draft.Currency));
        Assert.Equal(new(2026, 11, 24, 8, 1, 30, TimeSpan.Zero), order.ChangedAt);
        Assert.Equal(new ChannelVersion(order.ChangedAt, SeenAt, true), order.Draft.Version);
        Assert.Equal(new DateTimeOffset(2026, 11, 25, 8, 0, 0, TimeSpan.Zero), order.AcceptBy);
        Assert.Equal(new DateTimeOffset(2026, 11, 26, 22, 59, 59, TimeSpan.Zero), order.ShipBy);
        var line = order.Draft.Lines[0];
        Assert.Equal(("C-77-B-1", "TEE-NVY-M", 2, 3), (line.Id, line.Code, line.Quantity, line.Ordered));
        // 3 × 19.99 = 59.97, of which 54.97 are asked.
        Assert.Equal((199_900, 50_000, 95_400, 45_000, 7_800, true), (line.UnitPrice, line.Discount, line.Tax, line.ShippingShare, line.ShippingTax, line.TaxIncluded));
        Assert.Equal((0, 1), (order.Draft.Lines[1].Quantity, order.Draft.Lines[1].Ordered));
        Assert.Equal(new RefundLine("C-77-B-2", Restock.None, 1), order.Draft.Refunds!.Single().Lines.Single());
        Assert.Equal(("Ana Núñez", "ES"), (order.Draft.Person!.ShipTo!.Name, order.Draft.Person.ShipTo.Country));
        Assert.Null(order.Draft.Cancel);
        Assert.False(order.ByMarketplace);
        Assert.True(order.Waits);
    }

    [Fact]
    public void A_quantity_that_is_already_less_by_what_was_cancelled_is_not_reduced_twice() =>
        Assert.Equal((3, 4), With(words: MiraklWords.Default with { QuantityIsLeft = true }).Draft.Lines[0] is var line ? (line.Quantity, line.Ordered) : default);

    [Theory]
    [InlineData("CANCELED")]
    [InlineData("REFUSED")]
    public void An_order_that_is_off_says_so_and_keeps_what_was_ordered(string state)
    {
        var order = With(o => o["order_state"] = state);
        Assert.Equal((CancelState.Done, state), (order.Draft.Cancel!.State, order.Draft.Cancel.Reason));
        Assert.Equal([3, 1], order.Draft.Lines.Select(line => line.Quantity));
        Assert.Null(order.AcceptBy);
    }

    [Fact]
    public void An_order_whose_every_line_is_off_is_cancelled() =>
        Assert.Equal(CancelState.Done, With(o => o["order_lines"]![0]!["order_line_state"] = "CANCELED").Draft.Cancel!.State);

    [Fact]
    public void An_unknown_state_is_an_order_like_any_other_and_another_centre_is_the_operators()
    {
        var order = With(o => (o["order_state"], o["fulfillment"]!["center"]!["code"]) = ("SOMETHING_NEW", "FBM-PARIS"));
        Assert.Null(order.AcceptBy);
        Assert.False(order.Waits);
        Assert.True(order.ByMarketplace);
    }

    [Theory]
    [InlineData("/order_id", "order_id")]
    [InlineData("/currency_iso_code", "currency_iso_code")]
    [InlineData("/order_lines", "order_lines")]
    public void What_cannot_be_read_is_named(string pointer, string member) =>
        Assert.Contains(pointer, Assert.Throws<ProblemException>(() => With(o => o.Remove(member))).Message);

    [Fact]
    public void The_stock_file_is_the_documented_one_and_a_paused_offer_shows_nothing()
    {
        static Push Push(string item, long units, string place = "", bool paused = false) => new(new(item, place, item, item), units, null, paused, "k");
        Assert.Equal("\"offer-sku\";\"quantity\";\"warehouse-code\";\"update-delete\"\n\"A\";\"14\";\"\";\"\"\n\"B \"\"x\"\"\";\"0\";\"W1\";\"\"\n\"B \"\"x\"\"\";\"3\";\"W2\";\"\"\n",
            Encoding.UTF8.GetString(MiraklStock.File([Push("B \"x\"", 3, "W2"), Push("A", 14), Push("B \"x\"", 7, "W1", paused: true)])));
    }

    [Fact]
    public void Errors_are_found_by_offer_and_warehouse_whatever_columns_there_are_besides()
    {
        var errors = MiraklStock.Errors("offer-sku;quantity;warehouse-code;error-line;error-message\r\nA;1;;2;\"Not; there\"\r\nB;2;W1;3;No\r\n"u8.ToArray())!;
        Assert.Equal("Not; there", errors[("A", "")]);
        Assert.Equal("No", errors[("B", "W1")]);
        Assert.Null(MiraklStock.Errors("something else\n1\n"u8.ToArray()));
    }

    [Fact]
    public void Parts_of_a_line_that_are_cancelled_one_after_another_add_up_to_its_price()
    {
        var total = 0L;
        for (var done = 0; done < 3; done++)
        {
            var order = JsonNode.Parse(Sample)!.AsObject();
            order["order_lines"]![0]!["cancelations"] = new JsonArray(new JsonObject { ["quantity"] = done });
            using var document = JsonDocument.Parse(order.ToJsonString());
            var part = MiraklCancelation.Plan(document.RootElement, [new("C-77-B-1", done + 1)], MiraklWords.Default).Single();
            Assert.Equal((1, false), (part.Units, part.All));
            total += part.Amount;
        }
        Assert.Equal(549_700, total);
        using var again = JsonDocument.Parse(Sample);
        Assert.Empty(MiraklCancelation.Plan(again.RootElement, [new("C-77-B-1", 1)], MiraklWords.Default));
    }

    [Theory]
    [InlineData("FRA", "FR")]
    [InlineData("gbr", "GB")]
    [InlineData("AU", "AU")]
    [InlineData("ZWE", "ZW")]
    [InlineData("XXX", null)]
    [InlineData("RAF", null)]
    public void Countries_are_told_in_two_letters(string said, string? country) => Assert.Equal(country, Payload.Country(said));
}
