using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Survival;

/// <summary>What anybody can send to a webhook's address: a clear 4xx that says what and where, and not one document more in the store.</summary>
public sealed class BadWebhookTests : IAsyncLifetime
{
    AppFixture app = null!;

    public async ValueTask InitializeAsync()
    {
        app = await AppFixture.StartAsync(args: ["--Secrets:shop", ShopifySender.Secret]);
        await app.SeedAsync("TEE", 10);
        await app.Client.PutAsync("/api/channels/shop", new { kind = "shopify", locations = new[] { "WH1" }, shortage = "oversold", secret = "shop" }.AsJson()).OkAsync();
        await app.Client.PutAsync("/api/channels/secretless", new { kind = "shopify", locations = new[] { "WH1" } }.AsJson()).OkAsync();
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    static readonly byte[] Good = ShopifySender.Order(1, ("TEE", 1));

    public static TheoryData<string> WrongSignatures => new(
        "", "x", ShopifySender.Sign(Good, "another secret"), ShopifySender.Sign(Good)[..43], ShopifySender.Sign(Good) + "=", ShopifySender.Sign(Good).ToUpperInvariant(),
        "not base64 at all, but forty-four characters", Convert.ToHexString(Convert.FromBase64String(ShopifySender.Sign(Good))), ShopifySender.Sign(Encoding.UTF8.GetBytes("{}")));

    [Theory, MemberData(nameof(WrongSignatures))]
    public async Task A_wrong_missing_or_malformed_signature_is_401(string signature) =>
        await NothingIsWrittenAsync(() => ShopifySender.SendAsync(app.ClientWith(null), Good, signature).ProblemAsync(HttpStatusCode.Unauthorized, "bad-signature"));

    [Theory, InlineData("nobody"), InlineData("secretless"), InlineData("%27%20OR%201=1"), InlineData("🧵")]
    public async Task A_channel_that_is_unknown_or_has_no_secret_is_401(string channel) =>
        await NothingIsWrittenAsync(() => ShopifySender.SendAsync(app.ClientWith(null), Good, channel: channel).ProblemAsync(HttpStatusCode.Unauthorized, "bad-signature"));

    [Fact]
    public async Task A_body_that_was_cut_off_no_longer_fits_its_signature() =>
        await NothingIsWrittenAsync(() => ShopifySender.SendAsync(app.ClientWith(null), Good[..^10], ShopifySender.Sign(Good)).ProblemAsync(HttpStatusCode.Unauthorized, "bad-signature"));

    [Fact]
    public async Task An_oversized_body_is_413() =>
        await NothingIsWrittenAsync(async () =>
        {
            using var answer = await ShopifySender.SendAsync(app.ClientWith(null), new byte[3 * 1024 * 1024]);
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
            return JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsStringAsync());
        });

    public static TheoryData<string, string> Signed => new()
    {
        { "", "" }, { "{", "" }, { "[]", "" }, { "null", "" }, { "{\"id\":1", "" }, { "{}", "/" }, { new string('[', 5_000), "" },
        { With(order => order["id"] = -1), "/id" },
        { With(order => order["id"] = 1.5), "/id" },
        { With(order => order["id"] = "a/b"), "/id" },
        { With(order => order["id"] = null), "/id" },
        { With(order => order["currency"] = "dollars"), "/currency" },
        { With(order => order["line_items"] = "none"), "/line_items" },
        { With(order => Line(order)["quantity"] = -1), "/line_items/0/quantity" },
        { With(order => Line(order)["quantity"] = 1.5), "/line_items/0/quantity" },
        { With(order => Line(order)["quantity"] = "two"), "/line_items/0/quantity" },
        { With(order => Line(order)["quantity"] = 1_000_001), "/line_items/0/quantity" },
        { With(order => Line(order)["quantity"] = null), "/line_items/0/quantity" },
        { With(order => Line(order)["price"] = "1e99"), "/line_items/0/price" },
        { With(order => Line(order)["price"] = "99999999999999999999.00"), "/line_items/0/price" },
        { With(order => order["created_at"] = "yesterday"), "/created_at" },
        { With(order => order["line_items"] = new JsonArray([.. Enumerable.Range(0, 10_000).Select(i => JsonNode.Parse($$"""{"id":{{i + 1}},"sku":"TEE","quantity":1}"""))])), "/line_items" },
        { Encoding.UTF8.GetString(Good).Replace("\"quantity\":1", "\"quantity\":99999999999999999999999999", StringComparison.Ordinal), "/line_items/0/quantity" },
        { Encoding.UTF8.GetString(Good).Replace("\"id\":1,", "\"id\":1,\"id\":2,", StringComparison.Ordinal), "" },
    };

    [Theory, MemberData(nameof(Signed))]
    public async Task A_signed_body_that_is_no_order_is_400_and_says_where(string body, string pointer) =>
        await NothingIsWrittenAsync(async () =>
        {
            var problem = await ShopifySender.SendAsync(app.ClientWith(null), Encoding.UTF8.GetBytes(body)).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
            Assert.Contains(pointer, problem.GetProperty("detail").GetString()!, StringComparison.Ordinal);
            return problem;
        });

    [Fact]
    public async Task Invalid_utf8_is_400() =>
        await NothingIsWrittenAsync(() => ShopifySender.SendAsync(app.ClientWith(null), [.. "{\"id\":1,\"name\":\""u8, 0xC3, 0x28, .. "\"}"u8]).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request"));

    [Theory]
    [InlineData("a/b\\c?d#e:f%g")]
    [InlineData("'; DROP TABLE items; --")]
    [InlineData("\") OR 1=1 --")]
    [InlineData("🧵 %2F%3A 🪡")]
    public async Task Odd_codes_of_lines_are_only_text_and_no_sku_of_ours(string sku)
    {
        var id = (long)sku.GetHashCode(StringComparison.Ordinal) & 0xFFFF_FFFF | 0x1_0000_0000;
        var answer = await ShopifySender.SendAsync(app.ClientWith(null), ShopifySender.Order(id, (sku, 1), ("TEE", 1))).OkAsync();
        var order = await app.Client.GetAsync($"/api/orders/{Uri.EscapeDataString(answer.GetProperty("order").GetString()!)}").OkAsync();
        Assert.Equal((sku, "unknown"), (order.GetProperty("lines")[0].GetProperty("sku").GetString(), order.GetProperty("lines")[0].GetProperty("kind").GetString()));
        Assert.Equal(1, order.GetProperty("lines")[1].GetProperty("committed").GetInt64());
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("a\\b?c#d")]
    [InlineData("x:1%3Ay%2Fz")]
    [InlineData("O'Neill\"; DROP TABLE orders;--")]
    [InlineData("🧵-💶")]
    public async Task Odd_ids_of_orders_stay_apart_and_are_found_again(string externalId)
    {
        await app.Client.PutAsync("/api/channels/api", new { kind = "api", locations = new[] { "WH1" }, shortage = "oversold" }.AsJson()).OkAsync();
        var body = new { channel = "api", externalId, lines = new[] { new { sku = "TEE", quantity = 1, price = "1.00" } } };
        var order = await app.Client.PostAsync("/api/orders", body.AsJson()).OkAsync();
        Assert.Equal(externalId, order.GetProperty("externalId").GetString());
        using var again = await app.Client.PostAsync("/api/orders", body.AsJson());
        Assert.Equal("true", again.Headers.GetValues("Idempotent-Replayed").Single());
        var found = await app.Client.GetAsync($"/api/orders/{Uri.EscapeDataString(order.GetProperty("id").GetString()!)}").OkAsync();
        Assert.Equal((externalId, 1), (found.GetProperty("externalId").GetString(), found.GetProperty("lines")[0].GetProperty("committed").GetInt32()));
        var cancelled = await app.Client.PostAsync($"/api/orders/{Uri.EscapeDataString(order.GetProperty("id").GetString()!)}/cancel", null).OkAsync();
        Assert.Equal("cancelled", cancelled.GetProperty("status").GetString());
        Assert.Equal(0, (await app.Client.GetAsync("/api/inventory/TEE").OkAsync()).GetProperty("committed").GetInt64());
    }

    static JsonNode Line(JsonObject order) => order["line_items"]![0]!;

    static string With(Action<JsonObject> change)
    {
        var order = JsonNode.Parse(Good)!.AsObject();
        change(order);
        return order.ToJsonString();
    }

    async Task NothingIsWrittenAsync(Func<Task<JsonElement>> act)
    {
        var before = await CountsAsync();
        await act();
        Assert.Equal(before, await CountsAsync());
    }

    /// <summary>Documents of every container.</summary>
    async Task<string> CountsAsync()
    {
        var client = app.Services.GetRequiredService<Store>().Client;
        var counts = new List<string>();
        foreach (var spec in Store.Containers)
        {
            using var pages = client.GetContainer(Store.DatabaseId, spec.Name).GetItemQueryIterator<int>("SELECT VALUE COUNT(1) FROM c");
            var count = 0;
            while (pages.HasMoreResults) count += (await pages.ReadNextAsync()).Sum();
            counts.Add($"{spec.Name} {count}");
        }
        return string.Join(", ", counts);
    }
}
