using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Channels;
using Selvedge.Channels.Shopify;
using Selvedge.Exceptions;
using Selvedge.Ledger;
using Selvedge.Local.Channels.Shopify;
using Selvedge.Orders;
using Delivery = Selvedge.Local.Channels.Shopify.Delivery;

namespace Selvedge.Tests.Integration.Channels;

/// <summary>The real app against a simulated shop: webhooks over HTTP that are lost, doubled and out of order, and the shop's API.</summary>
public sealed class ShopifyShopTests : IAsyncLifetime
{
    AppFixture app = null!;
    ShopifySimulator shop = null!;
    Channel channel = null!;

    public async ValueTask InitializeAsync()
    {
        shop = await ShopifySimulator.StartAsync(seed: 7);
        app = await AppFixture.StartAsync(args: ["--Secrets:shop", shop.Secret, "--Secrets:shop-token", shop.Token,
            // The tests poll; the app's own timers would do it for them where a minute turns.
            "--AzureWebJobs.ShopifyPoll.Disabled", "true", "--AzureWebJobs.LaneSweep.Disabled", "true", "--AzureWebJobs.ShopifySubscriptions.Disabled", "true"]);
        foreach (var sku in new[] { "A", "B", "C" }) await app.SeedAsync(sku, 1000);
        foreach (var (id, kind) in new[] { ("WH2", "warehouse"), ("STORE", "store") })
            await app.Client.PutAsync($"/api/locations/{id}", new { kind, name = id, priority = 5 }.AsJson()).OkAsync();
        channel = await PutAsync(app.Client.BaseAddress!.ToString());
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        await shop.DisposeAsync();
    }

    async Task<Channel> PutAsync(string? callback)
    {
        await app.Client.PutAsync("/api/channels/shop", new
        {
            kind = "shopify", locations = new[] { "WH1", "WH2" }, secret = "shop", places = new Dictionary<string, string> { ["655441491"] = "STORE", ["2"] = "WH2" },
            api = callback is null ? null : new { shop = shop.Address.ToString(), version = "2026-07", token = "shop-token", callback },
        }.AsJson()).OkAsync();
        return await app.Services.GetRequiredService<SalesChannels>().GetAsync("shop");
    }

    T Get<T>() where T : notnull => app.Services.GetRequiredService<T>();

    Task<int> PollAsync() => Get<ShopifyPoll>().RunAsync(channel, CancellationToken.None);

    async Task<Watermark> WatermarkAsync() => (await Get<Selvedge.Platform.Store>().Settings.ReadItemAsync<Watermark>("shop", new("watermark"))).Resource;

    async Task<long> HeldAsync(string sku)
    {
        // A webhook is answered once its order is durable; on a slow machine the claims come after that.
        while ((await Get<OrderStore>().DueAsync(DateTimeOffset.MaxValue, 1)).Count > 0) await Task.Delay(50, TestContext.Current.CancellationToken);
        return (await app.Client.GetAsync($"/api/inventory/{sku}").OkAsync()).GetProperty("committed").GetInt64();
    }

    // A whole second: what follows within a second of the shop's clock has the same time as what was before, always.
    static DateTimeOffset Now => DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());

    // What is read while a second lasts may not be all of it.
    static async Task OverAsync(DateTimeOffset second)
    {
        while (DateTimeOffset.UtcNow < second.AddSeconds(1)) await Task.Delay(50, TestContext.Current.CancellationToken);
    }

    SimulatedOrder Place(long id, DateTimeOffset at)
    {
        var order = shop.Order(id, start: at);
        order.Create(("A", 2), ("B", 1));
        return order;
    }

    [Fact]
    public async Task Whatever_webhooks_are_lost_the_poll_makes_good()
    {
        Assert.Equal(ShopifySubscriptions.Topics.Count, await Get<ShopifySubscriptions>().CheckAsync(channel, CancellationToken.None));
        await PollAsync();
        var now = Now;
        var orders = Enumerable.Range(1, 12).Select(i => Place(i, now)).ToList();
        Assert.All(await shop.DeliverAsync(lost: 0.5, doubled: 0.3, shuffled: true), status => Assert.Equal(HttpStatusCode.OK, status));
        for (var i = 0; i < orders.Count; i++)
        {
            if (i % 2 == 0) orders[i].Raise(0, 1);
            if (i % 3 == 0) orders[i].Refund(1, 1, "cancel");
            if (i % 4 == 0) orders[i].Add("C", 2);
            if (i % 5 == 4) orders[i].Cancel();
        }
        Assert.All(await shop.DeliverAsync(lost: 0.5, doubled: 0.3, shuffled: true), status => Assert.Equal(HttpStatusCode.OK, status));
        await OverAsync(orders.Max(order => order.UpdatedAt));
        Assert.True(await PollAsync() > 0);
        foreach (var sku in new[] { "A", "B", "C" })
            Assert.Equal(orders.Sum(order => order.Wanted.GetValueOrDefault(sku)), await HeldAsync(sku));
        // What is known is not read again.
        Assert.Equal(0, await PollAsync());
        // What the shop answered is kept as it came: the pages of the list, and each order that was read.
        var kept = (await app.Client.GetAsync("/api/inbound?channel=shop&limit=1000").OkAsync()).GetProperty("items").EnumerateArray().Where(item => item.GetProperty("kind").GetString() == "poll").ToList();
        Assert.Equal([("ChangedOrders", shop.Answered["ChangedOrders"]), ("ReadOrder", shop.Answered["ReadOrder"])], kept.CountBy(item => item.GetProperty("topic").GetString()!).Select(topic => (topic.Key, topic.Value)).Order());
        var page = await app.Client.GetAsync("/api/inbound/" + Uri.EscapeDataString(kept[0].GetProperty("id").GetString()!)).OkAsync();
        Assert.Contains("extensions", page.GetProperty("body").GetString(), StringComparison.Ordinal);
        Assert.StartsWith("application/json", page.GetProperty("headers").GetProperty("Content-Type").GetString(), StringComparison.Ordinal);
        Assert.Equal(orders.Max(order => order.UpdatedAt), (await WatermarkAsync()).Until, TimeSpan.FromSeconds(2));
        Assert.Equal(1, shop.Answered["Subscriptions"]);
    }

    [Fact]
    public async Task A_poll_whose_points_are_used_up_goes_on_the_next_time()
    {
        await PollAsync();
        var now = DateTimeOffset.UtcNow;
        foreach (var i in Enumerable.Range(0, 10)) Place(100 + i, now.AddSeconds(i));
        // One operation lists, four read; then a wait longer than any run.
        (shop.Available, shop.RestoreRate) = (50, 0.1);
        var first = await PollAsync();
        Assert.InRange(first, 1, 9);
        Assert.Equal(now.AddSeconds(first - 1), (await WatermarkAsync()).Until, TimeSpan.FromSeconds(2));
        Assert.Equal(0, await PollAsync());
        (shop.Available, shop.RestoreRate) = (1000, 50);
        // Another instance does not know of the wait.
        var api = new ShopifyApi(Get<SalesChannels>(), TimeProvider.System);
        var other = ActivatorUtilities.CreateInstance<ShopifyPoll>(app.Services, api, new ShopifyReads(api, TimeProvider.System));
        Assert.Equal(10 - first, await other.RunAsync(channel, CancellationToken.None));
        Assert.Equal(20, await HeldAsync("A"));
    }

    [Fact]
    public async Task While_the_shop_does_not_answer_nothing_moves()
    {
        await PollAsync();
        var before = await WatermarkAsync();
        Place(200, DateTimeOffset.UtcNow);
        foreach (var status in new[] { HttpStatusCode.ServiceUnavailable, HttpStatusCode.TooManyRequests, HttpStatusCode.Unauthorized })
        {
            shop.Fault = status;
            Assert.Equal(0, await PollAsync());
            Assert.Equal(before, await WatermarkAsync());
        }
        shop.Fault = null;
        Assert.Equal(1, await PollAsync());
    }

    [Fact]
    public async Task A_channel_without_an_api_is_left_alone()
    {
        channel = await PutAsync(null);
        Assert.Equal((0, 0), (await PollAsync(), await Get<ShopifySubscriptions>().CheckAsync(channel, CancellationToken.None)));
        Assert.Empty(shop.Answered);
    }

    [Fact]
    public async Task Subscriptions_that_go_elsewhere_are_led_here_and_what_is_refused_is_excepted()
    {
        shop.Subscribe("ORDERS_CREATE", "https://old.example/hook");
        Assert.Equal(ShopifySubscriptions.Topics.Count, await Get<ShopifySubscriptions>().CheckAsync(channel, CancellationToken.None));
        Assert.Equal(1, shop.Answered["Resubscribe"]);
        Assert.All(shop.Subscriptions, subscription => Assert.StartsWith(app.Client.BaseAddress!.ToString(), subscription.Uri, StringComparison.Ordinal));
        Assert.Equal(0, await Get<ShopifySubscriptions>().CheckAsync(channel, CancellationToken.None));

        var elsewhere = channel with { Api = channel.Api! with { Callback = "ftp://nowhere" } };
        await Get<ShopifySubscriptions>().CheckAsync(elsewhere, CancellationToken.None);
        var open = await Get<ExceptionCases>().ListAsync(ExceptionStatus.Open, "webhookSubscription", 50, null);
        Assert.Equal(ShopifySubscriptions.Topics.Count, open.Items.Count);
        Assert.Contains(open.Items, item => item.Detail.Contains("Address is not allowed", StringComparison.Ordinal));
        await Get<ShopifySubscriptions>().CheckAsync(channel, CancellationToken.None);
        Assert.Empty((await Get<ExceptionCases>().ListAsync(ExceptionStatus.Open, "webhookSubscription", 50, null)).Items);
    }

    [Fact]
    public async Task An_edit_that_says_little_makes_the_order_stale_until_it_is_read()
    {
        await PollAsync();
        await Get<ShopifySubscriptions>().CheckAsync(channel, CancellationToken.None);
        var order = Place(300, Now);
        await shop.DeliverAsync();
        order.Add("C", 3);
        var edited = order.Sent.First(delivery => delivery.Topic == "orders/edited");
        Assert.Equal(HttpStatusCode.OK, await shop.SendAsync(app.Client.BaseAddress + "api/webhooks/shop/orders/edited", edited));
        Assert.True((await app.Client.GetAsync("/api/orders/shop:300").OkAsync()).GetProperty("stale").GetBoolean());
        await OverAsync(order.UpdatedAt);
        Assert.Equal(1, await PollAsync());
        Assert.False((await app.Client.GetAsync("/api/orders/shop:300").OkAsync()).TryGetProperty("stale", out _));
        Assert.Equal(3, await HeldAsync("C"));
    }

    [Fact]
    public async Task A_line_that_a_person_moved_is_held_at_the_other_place()
    {
        await app.Client.PostAsync("/api/movements", new { id = "wh2", kind = "receive", sku = "A", location = "WH2", quantity = 5, unitCost = "1" }.AsJson()).OkAsync();
        await Get<ShopifySubscriptions>().CheckAsync(channel, CancellationToken.None);
        var order = Place(400, DateTimeOffset.UtcNow);
        await shop.DeliverAsync();
        shop.Moves[77] = (400, 400_001, 2, DateTimeOffset.UtcNow);
        var moved = new Delivery("fulfillment_orders/moved", new JsonObject { ["moved_fulfillment_order"] = new JsonObject { ["id"] = "gid://shopify/FulfillmentOrder/77" } }, DateTimeOffset.UtcNow);
        for (var times = 0; times < 2; times++)
        {
            Assert.Equal(HttpStatusCode.OK, await shop.SendAsync(app.Client.BaseAddress + "api/webhooks/shop/fulfillment_orders/moved", moved));
            var stock = (await app.Client.GetAsync("/api/inventory/A").OkAsync()).GetProperty("locations");
            Assert.Equal((0, 2), (stock.GetProperty("WH1").GetProperty("committed").GetInt64(), stock.GetProperty("WH2").GetProperty("committed").GetInt64()));
        }
        // A later state of the order does not undo it.
        order.Raise(0, 1);
        await shop.DeliverAsync();
        Assert.Equal(3, (await app.Client.GetAsync("/api/inventory/A").OkAsync()).GetProperty("locations").GetProperty("WH2").GetProperty("committed").GetInt64());
        shop.Fault = HttpStatusCode.BadGateway;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await shop.SendAsync(app.Client.BaseAddress + "api/webhooks/shop/fulfillment_orders/moved", moved));
    }

    [Fact]
    public async Task An_order_that_cannot_be_read_is_excepted_and_holds_up_no_other()
    {
        await PollAsync();
        var order = shop.Order(500, start: Now);
        order.Create([.. Enumerable.Repeat(("A", 1), 60)]);
        // One refund of more lines than are read at once.
        order.Cancel();
        await OverAsync(order.UpdatedAt);
        Place(501, Now);
        Assert.Equal(1, await PollAsync());
        Assert.Equal("shop:500", Assert.Single((await Get<ExceptionCases>().ListAsync(ExceptionStatus.Open, "orderUnreadable", 10, null)).Items).Order);
        Assert.Equal(2, await HeldAsync("A"));
    }

    [Fact]
    public async Task What_is_sold_while_the_first_polls_fail_is_read_when_the_shop_answers()
    {
        shop.Fault = HttpStatusCode.Unauthorized;
        Assert.Equal(0, await PollAsync());
        Place(600, Now.AddMinutes(-4));
        shop.Fault = null;
        // A later run begins where the first one would have, less the overlap, and not with its own time.
        var late = ActivatorUtilities.CreateInstance<ShopifyPoll>(app.Services, new LaterTime());
        Assert.Equal(1, await late.RunAsync(channel, CancellationToken.None));
        Assert.Equal(2, await HeldAsync("A"));
        // What was read is in the archive, and is not taken in again from there: a page is of its moment.
        var page = Assert.Single((await app.Client.GetAsync("/api/inbound?topic=ReadOrder").OkAsync()).GetProperty("items").EnumerateArray());
        Assert.Equal(("poll", "shop:600"), (page.GetProperty("kind").GetString(), page.GetProperty("order").GetString()));
        var again = await app.Client.PostAsync("/api/inbound/replay", new { ids = new[] { page.GetProperty("id").GetString() } }.AsJson()).OkAsync();
        Assert.Equal("unusable", again.GetProperty("items")[0].GetProperty("result").GetString());
    }

    sealed class LaterTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + TimeSpan.FromHours(6);
    }
}
