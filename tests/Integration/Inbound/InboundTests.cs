using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Inbound;
using Selvedge.Platform;
using Selvedge.Tests.Integration.Survival;

namespace Selvedge.Tests.Integration.Inbound;

/// <summary>What arrives is kept as received, found again, and taken in again.</summary>
public sealed class InboundTests : IAsyncLifetime
{
    AppFixture app = null!;

    public async ValueTask InitializeAsync()
    {
        app = await AppFixture.StartAsync(args: ["--Secrets:shop", ShopifySender.Secret]);
        await app.SeedAsync("TEE", 10);
        foreach (var shop in (string[])["shop", "other"])
            await app.Client.PutAsync($"/api/channels/{shop}", new { kind = "shopify", locations = new[] { "WH1" }, shortage = "oversold", secret = "shop" }.AsJson()).OkAsync();
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    async Task<List<JsonElement>> ListAsync(string query = "") =>
        [.. (await app.Client.GetAsync($"/api/inbound?{query}").OkAsync()).GetProperty("items").EnumerateArray()];

    async Task<JsonElement> ReplayAsync(object body) => await app.Client.PostAsync("/api/inbound/replay", body.AsJson()).OkAsync();

    static string Text(JsonElement element, string name) => element.GetProperty(name).ToString();

    [Fact]
    public async Task A_webhook_is_kept_byte_for_byte_with_its_headers_its_verdict_and_its_order()
    {
        byte[] body = [.. ShopifySender.Order(1, ("TEE", 2)), .. " \r\n\t"u8];
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/webhooks/shop/orders/create") { Content = new ByteArrayContent(body) };
        request.Headers.TryAddWithoutValidation("X-Shopify-Hmac-SHA256", ShopifySender.Sign(body));
        request.Headers.TryAddWithoutValidation("X-Shopify-Triggered-At", "2026-11-23T09:14:59.5+11:00");
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer of-something");
        request.Headers.TryAddWithoutValidation("Cookie", "a=b");
        using var client = app.ClientWith(null);
        await client.SendAsync(request).OkAsync();

        var listed = Assert.Single(await ListAsync());
        Assert.Equal(("shop", "orders/create", "accepted", "200", "shop:1", "committed", "webhook"),
            (Text(listed, "channel"), Text(listed, "topic"), Text(listed, "verdict"), Text(listed, "status"), Text(listed, "order"), Text(listed, "outcome"), Text(listed, "kind")));
        Assert.Equal("2026-11-22T22:14:59.500Z", Text(listed, "sentAt"));
        Assert.False(listed.TryGetProperty("body", out _) || listed.TryGetProperty("headers", out _));

        var message = await app.Client.GetAsync($"/api/inbound/{Text(listed, "id")}").OkAsync();
        Assert.Equal(body, Encoding.UTF8.GetBytes(Text(message, "body")));
        var headers = message.GetProperty("headers").EnumerateObject().ToDictionary(header => header.Name, header => header.Value.GetString(), StringComparer.OrdinalIgnoreCase);
        Assert.Equal(ShopifySender.Sign(body), headers["X-Shopify-Hmac-SHA256"]);
        Assert.False(headers.ContainsKey("Authorization") || headers.ContainsKey("Cookie"));
    }

    [Fact]
    public async Task Each_verdict_is_told_and_what_was_not_signed_is_not_kept()
    {
        using var client = app.ClientWith(null);
        await ShopifySender.SendAsync(client, ShopifySender.Order(1, ("TEE", 1))).OkAsync();
        await ShopifySender.SendAsync(client, ShopifySender.Order(1, ("TEE", 1))).OkAsync();
        await ShopifySender.SendAsync(client, "{\"id\":-1}"u8.ToArray()).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        await ShopifySender.SendAsync(client, "{}"u8.ToArray(), topic: "app/uninstalled").OkAsync();
        await ShopifySender.SendAsync(client, ShopifySender.Order(2, ("TEE", 1)), signature: "wrong").ProblemAsync(HttpStatusCode.Unauthorized, "bad-signature");
        await ShopifySender.SendAsync(client, ShopifySender.Order(2, ("TEE", 1)), channel: "nobody").ProblemAsync(HttpStatusCode.Unauthorized, "bad-signature");

        // Two of one millisecond stand in either order.
        Assert.Equal(["accepted", "ignored", "refused", "repeated"], (await ListAsync()).Select(item => Text(item, "verdict")).Order());
        var refused = Assert.Single(await ListAsync("verdict=refused"));
        Assert.Equal(("400", "invalid-request"), (Text(refused, "status"), Text(refused, "outcome")));
        Assert.DoesNotContain(Directory.EnumerateDirectories(Path.Combine(app.Folder, "inbound")), folder => folder.EndsWith("nobody", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Who_was_erased_does_not_come_back_with_a_later_message()
    {
        using var client = app.ClientWith(null);
        await ShopifySender.SendAsync(client, ShopifySender.Order(1, ("TEE", 1))).OkAsync();
        await app.Client.PostAsync("/api/people/erase", new { order = "shop:1" }.AsJson()).OkAsync();
        await ShopifySender.SendAsync(client, ShopifySender.Order(1, ("TEE", 1))).OkAsync();
        await ShopifySender.SendAsync(client, ShopifySender.Order(1, ("TEE", 2)), topic: "orders/updated").OkAsync();
        var kept = await ListAsync("order=shop:1");
        Assert.Equal(3, kept.Count);
        foreach (var item in kept)
        {
            Assert.True(item.TryGetProperty("erasedAt", out _));
            var message = await app.Client.GetAsync($"/api/inbound/{Text(item, "id")}").OkAsync();
            Assert.False(message.TryGetProperty("body", out _) || message.TryGetProperty("base64", out _));
        }
    }

    [Fact]
    public async Task A_file_is_kept_as_it_came_with_what_came_of_it_and_is_taken_in_again()
    {
        const string good = "\uFEFFsku,location,quantity\r\nFILE-1,WH1,5\r\n", products = "style,name,colour,size,sku\nFILE,File,Navy,M,FILE-1\n";
        await PostAsync("stock", good).ProblemAsync(HttpStatusCode.BadRequest, "import-invalid");
        await PostAsync("products?dryRun=true", products).OkAsync();
        await PostAsync("products", products).OkAsync();

        var items = await ListAsync("channel=imports");
        var (failed, said) = (items.Single(item => Text(item, "topic") == "stock" && Text(item, "verdict") == "received"), items.Single(item => Text(item, "verdict") == "refused"));
        Assert.Equal((4, Text(failed, "id"), "400", "import-invalid"), (items.Count, Text(said, "of"), Text(said, "status"), Text(said, "outcome")));
        Assert.Equal(good, Text(await app.Client.GetAsync($"/api/inbound/{Text(failed, "id")}").OkAsync(), "body"));
        Assert.Contains("\"created\":1", Text(items.Single(item => Text(item, "verdict") == "accepted"), "detail"), StringComparison.Ordinal);

        // What was refused then can be taken in now: the product is there.
        var dry = Assert.Single((await ReplayAsync(new { ids = new[] { Text(failed, "id") }, dryRun = true })).GetProperty("items").EnumerateArray());
        Assert.Equal(("changed", "1"), (Text(dry, "result"), Text(dry.GetProperty("import"), "posted")));
        Assert.Equal("0", Text(await app.Client.GetAsync("/api/inventory/FILE-1").OkAsync(), "onHand"));
        foreach (var result in (string[])["changed", "unchanged"])
        {
            Assert.Equal(result, Text(Assert.Single((await ReplayAsync(new { ids = new[] { Text(failed, "id") } })).GetProperty("items").EnumerateArray()), "result"));
            Assert.Equal("5", Text(await app.Client.GetAsync("/api/inventory/FILE-1").OkAsync(), "onHand"));
        }
        Assert.Equal("unusable", Text(Assert.Single((await ReplayAsync(new { ids = new[] { Text(said, "id") } })).GetProperty("items").EnumerateArray()), "result"));

        Task<HttpResponseMessage> PostAsync(string what, string csv) =>
            app.Client.PostAsync("/api/imports/" + what, new ByteArrayContent(Encoding.UTF8.GetBytes(csv)) { Headers = { ContentType = new MediaTypeHeaderValue("text/csv") } });
    }

    [Fact]
    public async Task Messages_are_found_by_channel_topic_order_and_time_and_pages_join_to_the_whole_list()
    {
        using var client = app.ClientWith(null);
        for (var i = 1; i <= 5; i++)
            foreach (var shop in (string[])["shop", "other"]) await ShopifySender.SendAsync(client, ShopifySender.Order(i, ("TEE", 1)), channel: shop).OkAsync();
        await ShopifySender.SendAsync(client, "{}"u8.ToArray(), topic: "themes/publish").OkAsync();

        var all = await ListAsync();
        Assert.Equal(11, all.Count);
        Assert.Equal(all.Select(item => Text(item, "at")).OrderDescending(), all.Select(item => Text(item, "at")));
        Assert.Equal(5, (await ListAsync("channel=other")).Count);
        Assert.Equal("themes/publish", Text(Assert.Single(await ListAsync("topic=themes/publish")), "topic"));
        Assert.Equal("other:3", Text(Assert.Single(await ListAsync("order=other:3")), "order"));
        var middle = Text(all[5], "at");
        Assert.Equal(all.Where(item => string.CompareOrdinal(Text(item, "at"), middle) >= 0).Count(), (await ListAsync($"from={middle}")).Count);
        Assert.Equal(all.Where(item => string.CompareOrdinal(Text(item, "at"), middle) < 0).Count(), (await ListAsync($"to={middle}")).Count);

        var (joined, continuation) = (new List<string>(), "");
        do
        {
            var page = await app.Client.GetAsync($"/api/inbound?limit=2{continuation}").OkAsync();
            joined.AddRange(page.GetProperty("items").EnumerateArray().Select(item => Text(item, "id")));
            continuation = page.TryGetProperty("continuation", out var next) ? "&continuation=" + next : "";
        }
        while (continuation.Length > 0);
        Assert.Equal(all.Select(item => Text(item, "id")), joined);
    }

    [Fact]
    public async Task A_dry_run_shows_what_a_lost_order_would_become_and_writes_nothing_and_the_replay_does_it_once()
    {
        var id = await KeptAsync("shop", ShopifySender.Order(7, ("TEE", 3)));
        var dry = Assert.Single((await ReplayAsync(new { ids = new[] { id }, dryRun = true })).GetProperty("items").EnumerateArray());
        Assert.Equal(("created", "shop:7", "committed"), (Text(dry, "result"), Text(dry, "order"), Text(dry, "status")));
        var claim = Assert.Single(dry.GetProperty("claims").EnumerateArray());
        Assert.Equal(("TEE", "WH1", "0", "3"), (Text(claim, "sku"), Text(claim, "place"), Text(claim, "before"), Text(claim, "after")));
        await app.Client.GetAsync("/api/orders/shop:7").ProblemAsync(HttpStatusCode.NotFound, "not-found");
        Assert.Equal("0", Text(await app.Client.GetAsync("/api/inventory/TEE").OkAsync(), "committed"));

        var real = Assert.Single((await ReplayAsync(new { ids = new[] { id } })).GetProperty("items").EnumerateArray());
        Assert.Equal("created", Text(real, "result"));
        Assert.Equal("3", Text(await app.Client.GetAsync("/api/inventory/TEE").OkAsync(), "committed"));
        await ReplayAsync(new { ids = new[] { id } });
        Assert.Equal("3", Text(await app.Client.GetAsync("/api/inventory/TEE").OkAsync(), "committed"));
    }

    [Fact]
    public async Task A_dry_run_over_a_range_shows_each_message_after_those_before_it()
    {
        var begun = app.Services.GetRequiredService<TimeProvider>().GetUtcNow().AddMinutes(-1);
        await KeptAsync("shop", ShopifySender.Order(8, ("TEE", 6)));
        await KeptAsync("shop", ShopifySender.Order(9, ("TEE", 6)));
        await KeptAsync("other", ShopifySender.Order(10, ("TEE", 1)));
        var range = new { channel = "shop", from = begun, to = begun.AddHours(1), dryRun = true };
        var items = (await ReplayAsync(range)).GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(["shop:8 committed", "shop:9 oversold"], items.Select(item => $"{Text(item, "order")} {Text(item, "status")}"));
        Assert.Equal("10", Text(await app.Client.GetAsync("/api/inventory/TEE").OkAsync(), "available"));
        Assert.Empty((await app.Client.GetAsync("/api/exceptions").OkAsync()).GetProperty("items").EnumerateArray());
    }

    [Fact]
    public async Task A_dry_run_of_a_cancel_shows_the_difference_of_the_order()
    {
        using var client = app.ClientWith(null);
        await ShopifySender.SendAsync(client, ShopifySender.Order(11, ("TEE", 2))).OkAsync();
        var cancel = JsonSerializer.SerializeToNode(JsonSerializer.Deserialize<JsonElement>(ShopifySender.Order(11, ("TEE", 2))))!;
        cancel["cancelled_at"] = "2026-11-24T09:15:00+11:00";
        cancel["updated_at"] = "2026-11-24T09:15:00+11:00";
        var id = await KeptAsync("shop", Encoding.UTF8.GetBytes(cancel.ToJsonString()), "orders/cancelled", order: "shop:11");
        var dry = Assert.Single((await ReplayAsync(new { ids = new[] { id }, dryRun = true })).GetProperty("items").EnumerateArray());
        Assert.Equal("changed", Text(dry, "result"));
        var status = Assert.Single(dry.GetProperty("changes").EnumerateArray(), change => Text(change, "path") == "/status");
        Assert.Equal(("committed", "cancelled"), (Text(status, "before"), Text(status, "after")));
        Assert.Equal(("2", "0"), (Text(dry.GetProperty("claims")[0], "before"), Text(dry.GetProperty("claims")[0], "after")));
        Assert.Equal("committed", Text(await app.Client.GetAsync("/api/orders/shop:11").OkAsync(), "status"));
        Assert.Equal("2", Text(await app.Client.GetAsync("/api/inventory/TEE").OkAsync(), "committed"));
    }

    [Fact]
    public async Task A_channel_with_archiveDays_0_keeps_nothing()
    {
        await app.Client.PutAsync("/api/channels/silent", new { kind = "shopify", locations = new[] { "WH1" }, secret = "shop", archiveDays = 0 }.AsJson()).OkAsync();
        using var client = app.ClientWith(null);
        await ShopifySender.SendAsync(client, ShopifySender.Order(1, ("TEE", 1)), channel: "silent").OkAsync();
        Assert.Empty(await ListAsync());
    }

    [Fact]
    public async Task What_is_no_message_is_not_found_and_a_bad_request_says_what_is_wrong()
    {
        await app.Client.GetAsync("/api/inbound/shop.20261123.091500000-0000abcd.0.0").ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await app.Client.GetAsync("/api/inbound?from=yesterday").ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        await app.Client.GetAsync("/api/inbound?continuation=x").ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        await app.Client.PostAsync("/api/inbound/replay", new { channel = "shop" }.AsJson()).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        await app.Client.PostAsync("/api/inbound/replay", new { ids = new[] { "x" } }.AsJson()).ProblemAsync(HttpStatusCode.NotFound, "not-found");
    }

    // A message that was signed and could not be taken in at the time.
    async Task<string> KeptAsync(string channel, byte[] body, string topic = "orders/create", string? order = null)
    {
        var record = new InboundRecord
        {
            At = InstantConverter.Cut(app.Services.GetRequiredService<TimeProvider>().GetUtcNow()), Channel = channel, Topic = topic, Verdict = InboundVerdict.Failed, Status = 503, Order = order,
            Headers = new Dictionary<string, string> { ["X-Shopify-Topic"] = topic },
        };
        return (await app.Services.GetRequiredService<InboundArchive>().KeepAsync(record, body, null))!;
    }
}
