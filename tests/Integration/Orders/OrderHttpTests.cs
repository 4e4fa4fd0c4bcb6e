using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CsCheck;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Orders;

/// <summary>Webhooks and orders through the real app over HTTP.</summary>
public sealed class OrderHttpTests : IAsyncLifetime
{
    const string Secret = "hush", Old = "hush-before";
    AppFixture app = null!;

    public async ValueTask InitializeAsync()
    {
        app = await AppFixture.StartAsync(args: ["--Secrets:shop", Secret, "--Secrets:shop-old", Old]);
        await app.SeedAsync("TEE-M", 100);
        await ChannelAsync("shop", new { kind = "shopify", locations = new[] { "WH1" }, secret = "shop", secretPrevious = "shop-old" });
        await ChannelAsync("bare", new { kind = "shopify", locations = new[] { "WH1" } });
        await ChannelAsync("portal", new { kind = "b2b", locations = new[] { "WH1" }, shortage = "refuse" });
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    Task<JsonElement> ChannelAsync(string id, object channel) => app.Client.PutAsync($"/api/channels/{id}", channel.AsJson()).OkAsync();

    static byte[] Order(long id, long quantity = 1, string? cancelledAt = null, string sku = "TEE-M") => JsonSerializer.SerializeToUtf8Bytes(new
    {
        id, name = "#" + id, created_at = "2026-11-23T09:15:00-05:00", currency = "AUD", cancelled_at = cancelledAt, email = "zoe@example.com",
        line_items = new[] { new { id = 1, sku, quantity, price = "49.90" } },
    });

    static string Sign(byte[] body, string secret) => Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body));

    Task<HttpResponseMessage> SendAsync(byte[] body, string? signature, string topic = "orders/create", string channel = "shop", string header = "X-Shopify-Hmac-Sha256")
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"/api/webhooks/{channel}/{topic}") { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new("application/json");
        if (signature is not null) request.Headers.TryAddWithoutValidation(header, signature);
        return app.ClientWith(null).SendAsync(request);
    }

    async Task<long> CommittedAsync() => (await app.Client.GetAsync("/api/inventory/TEE-M").OkAsync()).GetProperty("committed").GetInt64();

    [Fact]
    public async Task An_idempotency_key_stands_for_one_order()
    {
        var first = await PostAsync("k1", 2).OkAsync();
        using (var again = await PostAsync("k1", 2))
        {
            Assert.Equal((HttpStatusCode.Created, "true"), (again.StatusCode, again.Headers.GetValues("Idempotent-Replayed").Single()));
            Assert.Equal(first.GetRawText(), (await Task.FromResult(again).OkAsync()).GetRawText());
        }
        await PostAsync("k2", 2).ProblemAsync(HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
        Assert.Equal(2, await CommittedAsync());
        // Refused: the key is free again.
        await PostAsync("k3", 200, "another").ProblemAsync(HttpStatusCode.Conflict, "insufficient-stock");
        await PostAsync("k4", 1, "another").OkAsync();
        Assert.Equal(3, await CommittedAsync());

        Task<HttpResponseMessage> PostAsync(string externalId, long quantity, string key = "checkout-1") => app.Client.SendAsync(new(HttpMethod.Post, "/api/orders")
        {
            Content = new { channel = "portal", externalId, lines = new[] { new { sku = "TEE-M", quantity } } }.AsJson(), Headers = { { "Idempotency-Key", key } },
        });
    }

    [Fact]
    public async Task A_signed_order_becomes_a_claim_and_its_cancel_gives_it_back()
    {
        var body = Order(5512345678901234567, 2);
        var first = await SendAsync(body, Sign(body, Secret)).OkAsync();
        Assert.Equal(("committed", "shop:5512345678901234567", false), (first.GetProperty("status").GetString(), first.GetProperty("order").GetString(), first.GetProperty("repeat").GetBoolean()));
        // During the rotation the old secret counts too, and the header may come without its prefix.
        Assert.True((await SendAsync(body, Sign(body, Old), header: "shopify-hmac-sha256").OkAsync()).GetProperty("repeat").GetBoolean());
        Assert.Equal(2, await CommittedAsync());

        var order = await app.Client.GetAsync("/api/orders/shop:5512345678901234567").OkAsync();
        Assert.Equal(("49.90", 2L), (order.GetProperty("lines")[0].GetProperty("price").GetString(), order.GetProperty("lines")[0].GetProperty("committed").GetInt64()));
        Assert.Equal("zoe@example.com", order.GetProperty("people").GetProperty("email").GetString());
        Assert.DoesNotContain("zoe", JsonSerializer.Serialize(await app.Services.GetRequiredService<OrderStore>().ReadAsync("shop:5512345678901234567"), Json.Options), StringComparison.OrdinalIgnoreCase);

        var cancelled = Order(5512345678901234567, 2, "2026-11-23T10:00:00Z");
        Assert.Equal("cancelled", (await SendAsync(cancelled, Sign(cancelled, Secret), "orders/cancelled").OkAsync()).GetProperty("status").GetString());
        Assert.Equal(0, await CommittedAsync());
    }

    [Fact]
    public async Task Without_a_right_signature_nothing_is_written()
    {
        var body = Order(7);
        string?[] wrong = [null, "", "x", Sign(body, "other"), Sign(Order(8), Secret), Sign(body, Secret)[..43], Sign(body, Secret) + "="];
        foreach (var signature in wrong) await SendAsync(body, signature).ProblemAsync(HttpStatusCode.Unauthorized, "bad-signature");
        // A channel nobody knows, and one without a secret, look no different.
        foreach (var channel in new[] { "nobody", "bare", "portal", "a%2Fb" })
            await SendAsync(body, Sign(body, Secret), channel: channel).ProblemAsync(HttpStatusCode.Unauthorized, "bad-signature");
        Assert.Equal(0, (await app.Client.GetAsync("/api/orders").OkAsync()).GetProperty("items").GetArrayLength());
        Assert.Null(await app.Services.GetRequiredService<OrderStore>().ReadPersonAsync("shop:7"));
        Assert.Equal(0, await CommittedAsync());
    }

    [Fact]
    public async Task What_is_signed_and_wrong_says_what_and_where()
    {
        async Task<JsonElement> Refused(byte[] body, HttpStatusCode status = HttpStatusCode.BadRequest, string type = "invalid-request", string topic = "orders/create") =>
            await SendAsync(body, Sign(body, Secret), topic).ProblemAsync(status, type);
        Assert.Equal("/line_items/0/quantity", (await Refused(Order(1, -1))).GetProperty("errors")[0].GetProperty("pointer").GetString());
        Assert.Equal("/cancelled_at", (await Refused(Order(1), topic: "orders/cancelled")).GetProperty("errors")[0].GetProperty("pointer").GetString());
        await Refused("{\"id\":"u8.ToArray());
        await Refused([0x7B, 0xFF, 0x7D]);
        await Refused(new byte[2 * 1024 * 1024 + 1], HttpStatusCode.RequestEntityTooLarge, "too-large");
        Assert.Equal(0, (await app.Client.GetAsync("/api/orders").OkAsync()).GetProperty("items").GetArrayLength());
        var other = Order(1);
        Assert.Equal("ignored", (await SendAsync(other, Sign(other, Secret), "orders/paid").OkAsync()).GetProperty("status").GetString());
    }

    [Fact]
    public async Task Whatever_is_signed_is_taken_or_refused_and_never_a_failure()
    {
        var sample = Order(9, 1);
        var bodies = new List<byte[]>();
        Gen.Select(Gen.Int[0, sample.Length - 1], Gen.Int[0, 30], Gen.Byte.Array[0, 6]).Sample((at, drop, put) =>
        {
            lock (bodies) bodies.Add([.. sample[..at], .. put, .. sample[Math.Min(sample.Length, at + drop)..]]);
        }, iter: 150);
        foreach (var body in bodies)
        {
            using var answer = await SendAsync(body, Sign(body, Secret));
            Assert.True((int)answer.StatusCode is 200 or 400, $"{(int)answer.StatusCode} for {Convert.ToHexString(body)}");
        }
    }

    [Fact]
    public async Task An_order_by_api_is_taken_once_and_refused_whole()
    {
        var asked = new { channel = "portal", externalId = "PO/7 #1?", lines = new[] { new { sku = "tee-m", quantity = 60, price = "24.50" } }, shipTo = new { company = "Boutique" } };
        using var first = await app.Client.PostAsync("/api/orders", asked.AsJson());
        Assert.Equal(HttpStatusCode.Created, first.StatusCode);
        using var again = await app.Client.PostAsync("/api/orders", asked.AsJson());
        Assert.Equal((HttpStatusCode.OK, "true"), (again.StatusCode, again.Headers.GetValues("Idempotent-Replayed").Single()));
        var order = await app.Client.GetAsync(first.Headers.Location).OkAsync();
        Assert.Equal("PO/7 #1?", order.GetProperty("externalId").GetString());
        Assert.Equal("TEE-M", order.GetProperty("lines")[0].GetProperty("sku").GetString());

        await app.Client.PostAsync("/api/orders", new { asked.channel, asked.externalId, lines = new[] { new { sku = "TEE-M", quantity = 61 } } }.AsJson())
            .ProblemAsync(HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
        var refused = await app.Client.PostAsync("/api/orders", new { asked.channel, externalId = "2", lines = new[] { new { sku = "TEE-M", quantity = 41 } } }.AsJson())
            .ProblemAsync(HttpStatusCode.Conflict, "insufficient-stock");
        Assert.Equal(40, refused.GetProperty("lines")[0].GetProperty("available").GetInt64());
        Assert.Equal(60, await CommittedAsync());

        var cancelled = await app.Client.PostAsync(first.Headers.Location + "/cancel", new { reason = "twice" }.AsJson()).OkAsync();
        Assert.Equal(("cancelled", "done"), (cancelled.GetProperty("status").GetString(), cancelled.GetProperty("cancel").GetProperty("state").GetString()));
        Assert.Equal(0, await CommittedAsync());
        await app.Client.PostAsync("/api/orders/portal:never/cancel", null).ProblemAsync(HttpStatusCode.NotFound, "not-found");
    }

    [Fact]
    public async Task A_wrong_order_says_what_and_where()
    {
        (string Pointer, string Body)[] wrong =
        [
            ("/channel", """{"externalId":"1","lines":[{"sku":"TEE-M","quantity":1}]}"""),
            ("/channel", """{"channel":"nobody","externalId":"1","lines":[{"sku":"TEE-M","quantity":1}]}"""),
            ("/lines", """{"channel":"portal","externalId":"1"}"""),
            ("/lines", """{"channel":"portal","externalId":"1","lines":[]}"""),
            ("/lines/0/quantity", """{"channel":"portal","externalId":"1","lines":[{"sku":"TEE-M","quantity":-1}]}"""),
            ("/lines/0/quantity", """{"channel":"portal","externalId":"1","lines":[{"sku":"TEE-M","quantity":1.5}]}"""),
            ("/lines/0/quantity", """{"channel":"portal","externalId":"1","lines":[{"sku":"TEE-M"}]}"""),
            ("/lines/0/sku", """{"channel":"portal","externalId":"1","lines":[{"sku":"x' OR 1=1 --","quantity":1}]}"""),
            ("/lines/1/id", """{"channel":"portal","externalId":"1","lines":[{"id":"a","sku":"TEE-M","quantity":1},{"id":"a","sku":"TEE-M","quantity":1}]}"""),
            ("/lines/0/price", """{"channel":"portal","externalId":"1","lines":[{"sku":"TEE-M","quantity":1,"price":"1,50"}]}"""),
            ("/requiredBy", """{"channel":"portal","externalId":"1","requiredBy":"2026-13-01T00:00:00Z","lines":[{"sku":"TEE-M","quantity":1}]}"""),
        ];
        foreach (var (pointer, body) in wrong)
        {
            var problem = await app.Client.PostAsync("/api/orders", new StringContent(body, Encoding.UTF8, "application/json")).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
            Assert.Equal(pointer, problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
        }
        Assert.Equal(0, (await app.Client.GetAsync("/api/orders").OkAsync()).GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task Ten_thousand_lines_are_refused_and_hundreds_are_held()
    {
        object Lines(int count) => new { channel = "portal", externalId = $"big{count}", lines = Enumerable.Repeat(new { sku = "TEE-M", quantity = 1 }, count) };
        await ChannelAsync("portal", new { kind = "b2b", locations = new[] { "WH1" }, shortage = "backorder" });
        await app.Client.PostAsync("/api/orders", Lines(10_000).AsJson()).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        Assert.Equal("backordered", (await app.Client.PostAsync("/api/orders", Lines(300).AsJson()).OkAsync()).GetProperty("status").GetString());
        Assert.Equal(100, await CommittedAsync());
    }

    [Fact]
    public async Task Lists_are_filtered_paged_and_bound_to_the_key_s_channels()
    {
        for (var i = 1; i <= 3; i++)
        {
            var body = Order(i);
            await SendAsync(body, Sign(body, Secret)).OkAsync();
        }
        await app.Client.PostAsync("/api/orders", new { channel = "portal", externalId = "1", lines = new[] { new { sku = "TEE-M", quantity = 1 } } }.AsJson()).OkAsync();
        var page = await app.Client.GetAsync("/api/orders?channel=shop&status=committed&limit=2").OkAsync();
        Assert.Equal(2, page.GetProperty("items").GetArrayLength());
        var next = await app.Client.GetAsync("/api/orders?channel=shop&status=committed&limit=2&continuation=" + Uri.EscapeDataString(page.GetProperty("continuation").GetString()!)).OkAsync();
        Assert.Single(next.GetProperty("items").EnumerateArray());
        using var narrow = await app.ClientAsAsync(Role.Sales, new Scope(Channels: ["portal"]));
        Assert.Equal("portal:1", (await narrow.GetAsync("/api/orders").OkAsync()).GetProperty("items").EnumerateArray().Single().GetProperty("id").GetString());
        await narrow.GetAsync("/api/orders/shop:1").ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await app.Client.GetAsync("/api/orders?status=odd").ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
    }
}
