using System.Net;
using System.Text.Json;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Api;

/// <summary>Ring-fences and floors over HTTP: who asks first must leave them, who has sold already need not.</summary>
public sealed class LimitTests(AppFixture app) : IClassFixture<AppFixture>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    Task<HttpResponseMessage> LimitAsync(object limit) => app.Client.PostAsync("/api/limits", limit.AsJson(), Cancel);

    async Task ChannelAsync(string id, string shortage) => await app.Client.PutAsync("/api/channels/" + id, new { kind = "b2b", locations = (string[])["WH1"], shortage }.AsJson(), Cancel).OkAsync();

    async Task<HttpStatusCode> OrderAsync(string channel, string id, string sku, long quantity)
    {
        using var answer = await app.Client.PostAsync("/api/orders", new { channel, externalId = id, lines = (object[])[new { sku, quantity }] }.AsJson(), Cancel);
        return answer.StatusCode;
    }

    async Task<JsonElement> StockAsync(string sku) => await app.Client.GetAsync("/api/inventory/" + sku, Cancel).OkAsync();

    [Fact]
    public async Task Units_fenced_for_one_channel_are_left_by_the_others_and_given_back_when_it_is_lifted()
    {
        await app.SeedAsync("FENCE-1", 10);
        await ChannelAsync("portal", "refuse");
        await ChannelAsync("vips", "refuse");
        await LimitAsync(new { id = "launch", sku = "FENCE-1", fence = "channel:vips", quantity = 6 }).OkAsync();
        Assert.Equal(HttpStatusCode.Conflict, await OrderAsync("portal", "1", "FENCE-1", 5));
        Assert.Equal(HttpStatusCode.Created, await OrderAsync("portal", "2", "FENCE-1", 4));
        Assert.Equal(HttpStatusCode.Created, await OrderAsync("vips", "3", "FENCE-1", 4));
        var fence = (await StockAsync("FENCE-1")).GetProperty("fences").GetProperty("channel:vips");
        Assert.Equal((6, 2), (fence.GetProperty("quantity").GetInt64(), fence.GetProperty("open").GetInt64()));
        Assert.Equal(HttpStatusCode.Conflict, await OrderAsync("portal", "4", "FENCE-1", 1));
        await LimitAsync(new { id = "over", sku = "FENCE-1", fence = "channel:vips", quantity = 0 }).OkAsync();
        Assert.Equal(HttpStatusCode.Created, await OrderAsync("portal", "5", "FENCE-1", 2));
        Assert.Empty((await StockAsync("FENCE-1")).GetProperty("fences").EnumerateObject());
    }

    [Fact]
    public async Task A_bundle_has_no_units_to_set_apart()
    {
        await app.SeedAsync("PART-1", 6);
        await app.Client.PutAsync("/api/styles/SET", new { name = "Set", matrix = new { Navy = new { M = new { sku = "SET-1", kind = "virtual", components = new[] { new { sku = "PART-1", quantity = 2 } } } } } }.AsJson(), Cancel).OkAsync();
        await LimitAsync(new { id = "set", sku = "SET-1", fence = "group:vips", quantity = 1 }).ProblemAsync(HttpStatusCode.UnprocessableEntity, "unknown-reference");
        Assert.Equal(3, (await StockAsync("SET-1")).GetProperty("available").GetInt64());
    }

    [Fact]
    public async Task A_floor_is_left_by_who_asks_first_and_not_by_what_is_sold_already()
    {
        await app.SeedAsync("FLOOR-1", 5);
        await ChannelAsync("portal2", "refuse");
        await ChannelAsync("shop2", "oversold");
        await LimitAsync(new { id = "window", sku = "FLOOR-1", location = "WH1", quantity = 3 }).OkAsync();
        Assert.Equal(HttpStatusCode.Conflict, await OrderAsync("portal2", "1", "FLOOR-1", 3));
        Assert.Equal(HttpStatusCode.Created, await OrderAsync("portal2", "2", "FLOOR-1", 2));
        Assert.Equal(HttpStatusCode.Created, await OrderAsync("shop2", "3", "FLOOR-1", 3));
        Assert.Equal(0, (await StockAsync("FLOOR-1")).GetProperty("short").GetInt64());
    }

    [Fact]
    public async Task A_limit_is_stated_once_and_says_what_is_wrong_with_it()
    {
        await app.SeedAsync("FENCE-2", 1);
        var limit = new { id = "l", sku = "FENCE-2", fence = "group:vip", quantity = 1 };
        await LimitAsync(limit).OkAsync();
        using var again = await LimitAsync(limit);
        Assert.Equal("true", again.Headers.GetValues("Idempotent-Replayed").Single());
        await LimitAsync(new { limit.id, limit.sku, limit.fence, quantity = 2 }).ProblemAsync(HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
        await LimitAsync(new { id = "a", limit.sku, limit.fence, location = "WH1", quantity = 2 }).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        await LimitAsync(new { id = "b", limit.sku, fence = "vip", quantity = 2 }).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        await LimitAsync(new { id = "c", limit.sku, fence = "channel:none", quantity = 2 }).ProblemAsync(HttpStatusCode.UnprocessableEntity, "unknown-reference");
        await LimitAsync(new { id = "d", limit.sku, location = "NONE", quantity = 2 }).ProblemAsync(HttpStatusCode.UnprocessableEntity, "unknown-reference");
        using var bounded = await app.ClientAsAsync(Role.Sales, new Scope(Channels: ["portal"]));
        await bounded.PostAsync("/api/limits", new { id = "e", limit.sku, limit.fence, quantity = 9 }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
    }
}
