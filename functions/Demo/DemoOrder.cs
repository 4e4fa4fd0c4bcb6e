using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Selvedge.Functions.Demo;

/// <summary>An order of the demo's shop, written as Shopify writes its order resource (shopify.dev, REST Order), as far as anyone here reads it.</summary>
/// <param name="Id">The shop's order id.</param>
/// <param name="Number">What people call it, <c>#1001</c>.</param>
/// <param name="PlacedAt">When.</param>
/// <param name="Lines">What is bought: one or two articles.</param>
internal sealed record DemoOrder(long Id, long Number, DateTimeOffset PlacedAt, IReadOnlyList<(Article Article, int Quantity)> Lines)
{
    static readonly (string First, string Last, string Street, string City, string Region, string Postcode)[] People =
    [
        ("Mia", "Nguyen", "14 Smith Street", "Fitzroy", "VIC", "3065"), ("Oliver", "Papadopoulos", "3/88 Crown Street", "Surry Hills", "NSW", "2010"),
        ("Charlotte", "Williams", "27 Vulture Street", "West End", "QLD", "4101"), ("Noah", "Singh", "5 Rundle Street", "Kent Town", "SA", "5067"),
        ("Isla", "O'Brien", "61 South Terrace", "Fremantle", "WA", "6160"), ("Hamish", "Taufa", "9 Salamanca Place", "Hobart", "TAS", "7004"),
    ];

    public long Units => Lines.Sum(line => line.Quantity);

    /// <summary>The order of this number: a tenth of the demand falls on three articles, a quarter on one style, the rest is spread over the range, so that
    /// the first sell out within a minute and the others do not.</summary>
    public static DemoOrder Make(long id, long number, DateTimeOffset at, Random random)
    {
        var count = random.Next(100) < 30 ? 2 : 1;
        var lines = new List<(Article, int)>(count);
        while (lines.Count < count)
        {
            var article = Choose(random);
            if (lines.All(line => line.Item1 != article)) lines.Add((article, random.Next(100) < 12 ? 2 : 1));
        }
        return new(id, number, at, lines);
    }

    static readonly Article[] Drop = [.. DemoBrand.Articles.Where(article => article.Sku.StartsWith("JKT602-FRE", StringComparison.Ordinal)).Skip(1).Take(3)];
    static readonly Article[] Favourite = [.. DemoBrand.Articles.Where(article => article.Style == "TEE201")];

    static Article Choose(Random random)
    {
        var from = random.Next(100) switch { < 10 => Drop, < 35 => Favourite, _ => DemoBrand.Articles };
        return from[random.Next(from.Count)];
    }

    /// <summary>The webhook's body; with <paramref name="cancelledAt"/> that of <c>orders/cancelled</c>.</summary>
    public byte[] Body(DateTimeOffset? cancelledAt = null)
    {
        var buffer = new ArrayBufferWriter<byte>(2048);
        using (var json = new Utf8JsonWriter(buffer))
        {
            var total = Lines.Sum(line => decimal.Parse(line.Article.Price, CultureInfo.InvariantCulture) * line.Quantity);
            json.WriteStartObject();
            json.WriteNumber("id", Id);
            json.WriteString("admin_graphql_api_id", $"gid://shopify/Order/{Id}");
            json.WriteString("name", $"#{Number}");
            json.WriteString("created_at", PlacedAt);
            json.WriteString("processed_at", PlacedAt);
            json.WriteString("updated_at", cancelledAt ?? PlacedAt);
            if (cancelledAt is { } at)
            {
                json.WriteString("cancelled_at", at);
                json.WriteString("cancel_reason", "customer");
            }
            else json.WriteNull("cancelled_at");
            json.WriteString("currency", "AUD");
            json.WriteString("source_name", "web");
            json.WriteString("financial_status", "paid");
            json.WriteBoolean("taxes_included", true);
            json.WriteBoolean("test", false);
            json.WriteString("total_price", total.ToString("0.00", CultureInfo.InvariantCulture));
            WritePerson(json);
            WriteLines(json, cancelledAt is not null);
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    void WritePerson(Utf8JsonWriter json)
    {
        var person = People[(int)(Id % People.Length)];
        json.WriteString("email", $"{person.First.ToLowerInvariant()}.{Id % 10_000}@customers.example");
        json.WriteStartObject("shipping_address");
        json.WriteString("first_name", person.First);
        json.WriteString("last_name", person.Last);
        json.WriteString("address1", person.Street);
        json.WriteString("city", person.City);
        json.WriteString("province_code", person.Region);
        json.WriteString("zip", person.Postcode);
        json.WriteString("country_code", "AU");
        json.WriteEndObject();
    }

    void WriteLines(Utf8JsonWriter json, bool cancelled)
    {
        json.WriteStartArray("line_items");
        for (var i = 0; i < Lines.Count; i++)
        {
            var (article, quantity) = Lines[i];
            json.WriteStartObject();
            json.WriteNumber("id", Id * 10 + i + 1);
            json.WriteString("sku", article.Sku);
            json.WriteString("name", article.Name);
            json.WriteNumber("quantity", quantity);
            json.WriteNumber("current_quantity", cancelled ? 0 : quantity);
            json.WriteString("price", article.Price);
            json.WriteBoolean("requires_shipping", true);
            json.WriteBoolean("gift_card", false);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
