using System.Net;
using System.Text;
using Microsoft.Azure.Cosmos;
using static Selvedge.Tests.Integration.Cosmos.ItemTests;

namespace Selvedge.Tests.Integration.Cosmos;

/// <summary>What goes in comes out: numbers as IEEE doubles, everything else to the letter.</summary>
public sealed class TextTests(CosmosFixture cosmos) : IClassFixture<CosmosFixture>
{
    private static readonly PartitionKey P = new("P");

    [Theory]
    [InlineData("0", "0")]
    [InlineData("-7", "-7")]
    [InlineData("1.0", "1")]
    [InlineData("-0", "0")]
    [InlineData("1.50", "1.5")]
    [InlineData("1e3", "1000")]
    [InlineData("0.1", "0.1")]
    [InlineData("999999999999999", "999999999999999")]
    [InlineData("9007199254740992", "9007199254740992")]
    [InlineData("9007199254740993", "9007199254740992")]
    [InlineData("0.10000000000000000001", "0.1")]
    public async Task A_number_comes_back_as_the_double_it_is(string sent, string returned)
    {
        var container = await cosmos.NewContainerAsync();
        using var created = await container.CreateItemStreamAsync(Json($$"""{"id":"a","n":{{sent}},"list":[{{sent}}, {"n":{{sent}}}],"pk":"P"}"""), P);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        using var read = await container.ReadItemStreamAsync("a", P);
        var item = await ReadAsync(read);
        Assert.Equal(returned, item.GetProperty("n").GetRawText());
        Assert.Equal(returned, item.GetProperty("list")[0].GetRawText());
        Assert.Equal(returned, item.GetProperty("list")[1].GetProperty("n").GetRawText());
    }

    [Theory]
    [InlineData("12345678901234567890")]
    [InlineData("1e300")]
    [InlineData("5e-324")]
    [InlineData("3.141592653589793238")]
    public async Task A_number_without_a_short_form_keeps_its_value(string sent)
    {
        var container = await cosmos.NewContainerAsync();
        using var created = await container.CreateItemStreamAsync(Json($$"""{"id":"a","pk":"P","n":{{sent}}}"""), P);
        var expected = double.Parse(sent, System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(expected, (await ReadAsync(created)).GetProperty("n").GetDouble());
    }

    [Theory]
    [InlineData("\"2026-11-23T20:18:09.1234567Z\"")]
    [InlineData("\"2026-11-23T20:18:09+00:00\"")]
    [InlineData("\"2026-11-23\"")]
    [InlineData("\"1.0\"")]
    [InlineData("\"\"")]
    [InlineData("\"tab\\tnul\\u0000 quote\\\" back\\\\ 🧵\"")]
    public async Task Text_is_untouched_dates_too(string text)
    {
        var container = await cosmos.NewContainerAsync();
        using var created = await container.CreateItemStreamAsync(Json($$"""{"id":"a","pk":"P","t":{{text}}}"""), P);
        using var read = await container.ReadItemStreamAsync("a", P);
        using var expected = System.Text.Json.JsonDocument.Parse(text);
        Assert.Equal(expected.RootElement.GetString(), (await ReadAsync(read)).GetProperty("t").GetString());
    }

    [Theory]
    [InlineData("""{"id":"a","pk":"P","n":1e400}""")]
    [InlineData("""{"id":"a","pk":"P","n":01}""")]
    [InlineData("""{"id":"a","pk":"P",}""")]
    [InlineData("""{"id":"a","pk":"P"} x""")]
    [InlineData("""{"id":"a","pk":"P" """)]
    [InlineData("""["id","a"]""")]
    [InlineData("""{"id":5,"pk":"P"}""")]
    [InlineData("""{"pk":"P"}""")]
    [InlineData("not json")]
    [InlineData("{}")]
    public async Task What_is_not_an_item_is_refused(string json)
    {
        var container = await cosmos.NewContainerAsync();
        using var refused = await container.CreateItemStreamAsync(Json(json), P);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.False(string.IsNullOrEmpty(refused.ErrorMessage));
    }

    [Fact]
    public async Task Bytes_that_are_not_utf8_are_refused()
    {
        var container = await cosmos.NewContainerAsync();
        var bytes = Encoding.UTF8.GetBytes("""{"id":"a","pk":"P","t":"?"}""");
        bytes[Array.IndexOf(bytes, (byte)'?')] = 0xFF;
        using var refused = await container.CreateItemStreamAsync(new MemoryStream(bytes), P);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
    }
}
