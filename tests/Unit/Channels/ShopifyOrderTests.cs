using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Selvedge.Channels.Shopify;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Tests.Unit.Channels;

public class ShopifyOrderTests
{
    internal const string Sample = """
        {"id":5512345678901234567,"admin_graphql_api_id":"gid://shopify/Order/5512345678901234567","name":"#1001","order_number":1001,
         "created_at":"2026-11-23T09:15:00-05:00","processed_at":"2026-11-23T09:14:58-05:00","updated_at":"2026-11-23T09:15:01-05:00",
         "cancelled_at":null,"cancel_reason":null,"currency":"AUD","total_price":"131.85","taxes_included":true,"source_name":"web","test":false,
         "email":"zoe@example.com","phone":null,
         "shipping_address":{"first_name":"Zoë","last_name":"Müller","address1":"1 Quay St","address2":null,"city":"Sydney","zip":"2000","province_code":"NSW","country_code":"AU","phone":null},
         "line_items":[
          {"id":9007199254740993,"variant_id":1,"sku":"TEE-NVY-M","quantity":2,"current_quantity":2,"price":"49.90","total_discount":"0.00","requires_shipping":true,"gift_card":false,
           "tax_lines":[{"price":"9.07","rate":0.1,"title":"GST"}],"discount_allocations":[{"amount":"5.00","discount_application_index":0}]},
          {"id":9007199254740994,"variant_id":2,"sku":"CAP-BLK","quantity":1,"price":"32.05","total_discount":"1.00","requires_shipping":true,"gift_card":false,"tax_lines":[]},
          {"id":9007199254740995,"variant_id":null,"sku":null,"quantity":1,"price":"10.00","requires_shipping":false,"gift_card":true,"tax_lines":[]}],
         "shipping_lines":[{"price":"10.01","discounted_price":"10.00"}]}
        """;

    static Draft Parse(string json) => ShopifyOrder.Parse(Encoding.UTF8.GetBytes(json), "shopify-au", "w-1");

    static Draft With(Action<JsonObject> change)
    {
        var order = JsonNode.Parse(Sample)!.AsObject();
        change(order);
        return Parse(order.ToJsonString());
    }

    static string FaultOf(Action<JsonObject> change)
    {
        var problem = Assert.Throws<ProblemException>(() => With(change));
        Assert.Equal(400, problem.Status);
        return ((IEnumerable<Fault>)problem.Members["errors"]!).First().Pointer;
    }

    [Fact]
    public void Reads_ids_beyond_what_a_double_holds_and_money_to_the_cent()
    {
        var order = Parse(Sample);
        Assert.Equal(("5512345678901234567", "#1001", "AUD", false), (order.ExternalId, order.Name, order.Currency, order.Test));
        Assert.Equal(new(2026, 11, 23, 14, 14, 58, TimeSpan.Zero), order.PlacedAt);
        Assert.Equal(["9007199254740993", "9007199254740994", "9007199254740995"], order.Lines.Select(line => line.Id));
        Assert.Equal([499_000, 320_500, 100_000], order.Lines.Select(line => line.UnitPrice));
        Assert.Equal([50_000, 10_000, 0], order.Lines.Select(line => line.Discount));
        Assert.Equal([90_700, 0, 0], order.Lines.Select(line => line.Tax));
        Assert.Equal([true, true, false], order.Lines.Select(line => line.NeedsStock));
        Assert.Equal(100_000, order.Lines.Sum(line => line.ShippingShare));
        Assert.Equal(0, order.Lines[2].ShippingShare);
        Assert.Equal("gid://shopify/Order/5512345678901234567", order.References!["gid"]);
        Assert.Equal("w-1", order.References["webhookId"]);
        Assert.Equal(("Zoë Müller", "AU"), (order.Person!.ShipTo!.Name, order.Person.ShipTo.Country));
        Assert.Null(order.Cancel);
    }

    [Fact]
    public void Claims_what_is_wanted_now_and_remembers_what_was_cancelled()
    {
        Assert.Equal(1, With(o => o["line_items"]![0]!["current_quantity"] = 1).Lines[0].Quantity);
        Assert.Equal(0, With(o => o["line_items"]![0]!["current_quantity"] = 0).Lines[0].Quantity);
        Assert.Equal(2, With(o => o["line_items"]![0]!["current_quantity"] = 7).Lines[0].Quantity);
        var cancelled = With(o =>
        {
            (o["cancelled_at"], o["cancel_reason"]) = ("2026-11-23T10:00:00Z", "customer");
            o["line_items"]![0]!["current_quantity"] = 0;
        });
        Assert.Equal(2, cancelled.Lines[0].Quantity);
        Assert.Equal(new Cancel(CancelState.Done, new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero), "customer", "channel:shopify-au"), cancelled.Cancel);
    }

    [Theory]
    [InlineData("/id", "id", "1.5")]
    [InlineData("/id", "id", "0")]
    [InlineData("/id", "id", "\"12x\"")]
    [InlineData("/id", "id", "9223372036854775808")]
    [InlineData("/currency", "currency", "\"aud\"")]
    [InlineData("/created_at", "created_at", "\"yesterday\"")]
    [InlineData("/line_items", "line_items", "null")]
    [InlineData("/line_items", "line_items", "{}")]
    [InlineData("/line_items/0", "line_items", "[1]")]
    public void A_wrong_member_is_named(string pointer, string member, string json) =>
        Assert.Equal(pointer, FaultOf(o =>
        {
            o[member] = JsonNode.Parse(json);
            if (member == "created_at") o["processed_at"] = null;
        }));

    [Theory]
    [InlineData("quantity", "-1")]
    [InlineData("quantity", "1.5")]
    [InlineData("quantity", "1e3000")]
    [InlineData("quantity", "1000001")]
    [InlineData("quantity", "null")]
    [InlineData("quantity", "\"2\"")]
    [InlineData("price", "\"-1.00\"")]
    [InlineData("price", "\"1.00001\"")]
    [InlineData("price", "\"1,00\"")]
    [InlineData("price", "\"99999999999999999999999\"")]
    [InlineData("id", "null")]
    public void A_wrong_line_is_named(string member, string json) =>
        Assert.Equal($"/line_items/1/{member}", FaultOf(o => o["line_items"]![1]![member] = JsonNode.Parse(json)));

    [Fact]
    public void A_line_that_is_there_twice_is_named() =>
        Assert.Equal("/line_items/1/id", FaultOf(o => o["line_items"]![1]!["id"] = 9007199254740993));

    [Fact]
    public void More_lines_than_an_order_may_have_are_refused_with_their_number()
    {
        var problem = Assert.Throws<ProblemException>(() => With(o => o["line_items"] = new JsonArray([.. Enumerable.Range(1, 10_000).Select(i => (JsonNode)new JsonObject { ["id"] = i, ["quantity"] = 1 })])));
        Assert.Equal(400, problem.Status);
        Assert.Equal("/line_items: Expected at most 2000, got 10000.", problem.Message);
    }

    [Fact]
    public void People_s_names_are_cut_and_never_refused()
    {
        var order = With(o => o["shipping_address"]!["name"] = string.Concat(Enumerable.Repeat("🧵", 150)));
        Assert.Equal(200, order.Person!.ShipTo!.Name!.Length);
        Assert.Null(With(o => o["shipping_address"] = 5).Person!.ShipTo);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"id\":1")]
    [InlineData("{\"id\":1}}")]
    public void What_is_no_object_is_refused_with_its_place(string body) => Assert.Equal(400, Assert.Throws<ProblemException>(() => Parse(body)).Status);

    [Fact]
    public void Invalid_utf8_and_lone_surrogates_are_refused()
    {
        byte[] invalid = [.. "{\"id\":1,\"name\":\""u8, 0xC3, 0x28, .. "\"}"u8];
        Assert.Equal(400, Assert.Throws<ProblemException>(() => ShopifyOrder.Parse(invalid, "shopify-au", null)).Status);
        Assert.Equal(400, Assert.Throws<ProblemException>(() => Parse(Sample.Replace("TEE-NVY-M", "\\ud800", StringComparison.Ordinal))).Status);
    }

    // Truncated, flipped, spliced: a draft or a 400, never anything else.
    [Fact]
    public void Whatever_the_body_is_it_is_read_or_refused()
    {
        var sample = Encoding.UTF8.GetBytes(Sample);
        string[] splices = ["null", "-1", "1e999", "\"\\ud800\"", "[[[[", "{}", "\"", "\u0000", "9223372036854775808", "true", "\"2026-13-45T00:00:00Z\""];
        var mutated = Gen.Select(Gen.Int[0, sample.Length - 1], Gen.Int[0, 60], Gen.OneOf(Gen.Int[0, splices.Length - 1].Select(i => Encoding.UTF8.GetBytes(splices[i])), Gen.Byte.Array[0, 8]))
            .Select((at, drop, put) => (byte[])[.. sample[..at], .. put, .. sample[Math.Min(sample.Length, at + drop)..]]);
        Gen.Frequency((6, mutated), (1, Gen.Int[0, sample.Length].Select(length => sample[..length])), (1, Gen.Byte.Array[0, 300])).Sample(body =>
        {
            try
            {
                var draft = ShopifyOrder.Parse(body, "shopify-au", null);
                Assert.All(draft.Lines, line => Assert.InRange(line.Quantity, 0, Draft.MostUnits));
                Assert.Matches("^[1-9][0-9]*$", draft.ExternalId);
            }
            catch (ProblemException refused)
            {
                Assert.Equal(400, refused.Status);
                JsonSerializer.Serialize(refused.Members, Json.Options);
            }
        }, iter: 4_000);
    }
}
