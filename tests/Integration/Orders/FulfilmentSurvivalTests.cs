using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Functions.Orders;
using Selvedge.Ledger;
using Selvedge.Local.Durable;
using Selvedge.Local.Functions;
using Selvedge.Local.ServiceBus;
using Selvedge.Orders;
using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Orders;

/// <summary>What an order on its way must survive: messages and events that come twice, late or never, instances that die at any step, several at once.</summary>
public sealed class FulfilmentSurvivalTests
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static async Task<(AppFixture App, Floor Floor)> StartAsync(int instances = 1, Func<HttpMessageHandler, HttpMessageHandler>? store = null, Action<FunctionsApplicationBuilder>? configure = null)
    {
        var app = await AppFixture.StartAsync(instances, store, configure, "--Fulfilment:Paused=false");
        await SetUpAsync(app.Client);
        return (app, new(app.Instances[0]));
    }

    static async Task SetUpAsync(HttpClient client)
    {
        await client.PutAsync("/api/locations/WH1", new { kind = "warehouse", name = "WH1" }.AsJson(), Cancel).OkAsync();
        await client.PutAsync("/api/channels/shop", new { kind = "b2b", locations = new[] { "WH1" }, shortage = "backorder" }.AsJson(), Cancel).OkAsync();
        await client.PutAsync("/api/styles/A", new { name = "A", matrix = new { Navy = new { M = new { sku = "A" } } } }.AsJson(), Cancel).OkAsync();
        await client.PostAsync("/api/movements", new { id = "seed", kind = "receive", sku = "A", location = "WH1", quantity = 1000, unitCost = "10.00" }.AsJson(), Cancel).OkAsync();
    }

    static Task<System.Text.Json.JsonElement> OrderAsync(HttpClient client, string id, long units = 2) =>
        client.PostAsync("/api/orders", new { channel = "shop", externalId = id, lines = new[] { new { sku = "A", quantity = units } } }.AsJson(), Cancel).OkAsync();

    static ServiceBusMessage Message(string order, long attempt) => new($$"""{"orderId":"{{order}}"}""") { MessageId = OrderQueue.MessageId(order, attempt) };

    static async Task DrainedAsync(Floor floor)
    {
        var receiver = floor.Bus.CreateReceiver(OrderQueue.Name);
        while (await receiver.PeekMessageAsync(0, Cancel) is not null) await Task.Delay(5, Cancel);
    }

    [Fact]
    public async Task A_message_that_comes_again_after_the_instance_completed_and_was_purged_does_nothing()
    {
        var (app, floor) = await StartAsync();
        await using var owned = app;
        await OrderAsync(app.Client, "1");
        var order = await floor.SendAsync("shop:1");
        var run = new FulfilmentRun("shop:1", 1, 1);
        await floor.Durable.WaitForInstanceCompletionAsync(run.Instance(), Cancel);
        await floor.Durable.PurgeInstanceAsync(run.Instance(), Cancel);
        await floor.Bus.CreateSender(OrderQueue.Name).SendMessageAsync(Message("shop:1", 99), Cancel);
        await DrainedAsync(floor);
        Assert.Null(await floor.Durable.GetInstanceAsync(run.Instance(), Cancel));
        Assert.Equal(order.ETag, (await floor.OrderAsync("shop:1")).ETag);
        // One who was stopped before he started it and goes on only now: the run is over, and it ends without having done anything.
        await floor.Durable.ScheduleNewOrchestrationInstanceAsync(FulfilmentOrchestration.Name, run, new StartOrchestrationOptions(run.Instance()), Cancel);
        var late = await floor.Durable.WaitForInstanceCompletionAsync(run.Instance(), Cancel);
        Assert.Equal((OrchestrationRuntimeStatus.Completed, order.ETag), (late.RuntimeStatus, (await floor.OrderAsync("shop:1")).ETag));
        Assert.Single(await floor.TicketsAsync("shop:1"));
    }

    [Fact]
    public async Task A_message_whose_lock_ended_at_work_and_one_that_was_lost_begin_the_delivery_once()
    {
        var (app, floor) = await StartAsync();
        await using var owned = app;
        var start = floor.Get<FulfilmentStart>();
        await OrderAsync(app.Client, "1");
        await floor.LiveAsync("shop:1");
        // The same message at three receivers at once, while the first is still at work.
        var looks = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => start.LookAsync("shop:1", hurried: true)));
        Assert.DoesNotContain(looks, look => look!.Value.What is Beginning.Start or Beginning.Check);
        Assert.Equal(1, (await floor.SendAsync("shop:1")).Deliveries![0].Run);

        // Moved to fulfilling, and the one who did it is gone before he started anything.
        await OrderAsync(app.Client, "2");
        await floor.LiveAsync("shop:2");
        await DrainedAsync(floor);
        var begun = await floor.OrderAsync("shop:2");
        await floor.Durable.TerminateInstanceAsync(Delivery.Instance("shop:2", 1, 1), (object?)null, Cancel);
        await floor.Durable.WaitForInstanceCompletionAsync(Delivery.Instance("shop:2", 1, 1), Cancel);
        await floor.Durable.PurgeInstanceAsync(Delivery.Instance("shop:2", 1, 1), Cancel);
        Assert.NotNull(await floor.Get<OrderStore>().ReplaceAsync(begun with { FulfilDue = DateTimeOffset.UtcNow.AddMinutes(-1) }));
        await floor.SweepAsync();
        var order = await floor.SendAsync("shop:2");
        Assert.Equal((2, 2, 1), (order.Deliveries![0].Run, order.Lines[0].Shipped, order.Deliveries[0].Tickets!.Count));
        Assert.Equal((0, 0, 0), await floor.ClaimedAsync("A"));
    }

    [Fact]
    public async Task Who_says_that_an_order_changed_is_heard_although_nobody_said_yet_that_its_delivery_has_begun()
    {
        var (app, floor) = await StartAsync();
        await using var owned = app;
        await OrderAsync(app.Client, "1");
        await floor.LiveAsync("shop:1");
        await DrainedAsync(floor);
        var order = await floor.OrderAsync("shop:1");
        Assert.NotNull(await floor.Get<OrderStore>().ReplaceAsync(Deliveries.With(order, order.UnderWay! with { Begun = false }) with { FulfilDue = DateTimeOffset.UtcNow.AddSeconds(30) }));
        // Its first look met an edit under way and waits: without this nobody would tell it for a minute.
        Assert.Equal(Beginning.Tell, (await floor.Get<FulfilmentStart>().LookAsync("shop:1", hurried: true))!.Value.What);
        Assert.Equal(Beginning.Nothing, (await floor.Get<FulfilmentStart>().LookAsync("shop:1", hurried: false))!.Value.What);
    }

    [Fact]
    public async Task Events_that_come_early_twice_late_and_in_any_order_change_nothing_but_the_time()
    {
        var (app, floor) = await StartAsync();
        await using var owned = app;
        var instance = Delivery.Instance("shop:1", 1, 1);
        await floor.Durable.RaiseEventAsync(instance, FulfilmentOrchestration.Changed, Cancel);
        await OrderAsync(app.Client, "1");
        var ticket = Assert.Single(await floor.LiveAsync("shop:1"));
        await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => floor.TellAsync(ticket)));
        await floor.PickAsync(ticket, 1);
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => floor.TellAsync(ticket)));
        var picked = await floor.PickAsync((await floor.TicketsAsync("shop:1"))[0]);
        await Task.WhenAll(floor.ShipAsync(picked), floor.TellAsync(ticket), floor.TellAsync(ticket));
        var order = await floor.WhenAsync("shop:1", OrderStatus.Shipped);
        await floor.TellAsync(ticket);
        Assert.Equal((2, 1, 1), (order.Lines[0].Shipped, order.Deliveries![0].Shipments!.Count, order.Deliveries[0].Tickets!.Count));
        Assert.Equal(OrchestrationRuntimeStatus.Completed, (await floor.Durable.WaitForInstanceCompletionAsync(instance, Cancel)).RuntimeStatus);
    }

    [Fact]
    public async Task An_event_that_was_lost_is_made_up_for_by_the_tickets_date()
    {
        var (app, floor) = await StartAsync();
        await using var owned = app;
        await OrderAsync(app.Client, "1");
        var leaving = await floor.HandOverAsync(await floor.PickAsync(Assert.Single(await floor.LiveAsync("shop:1"))));
        await floor.Get<InventoryLedger>().ExecuteAsync(new Ship { Sku = "A", Order = "shop:1", Line = "1", Location = "WH1", Quantity = 2, Shipment = leaving.Id, Actor = "packer" });
        await floor.Get<PickTickets>().ChangeAsync(leaving.Id, now => now with { Status = TicketStatus.Shipped, Attention = DateTimeOffset.UtcNow.AddSeconds(-1) });
        await floor.SweepAsync();
        Assert.Equal(2, (await floor.WhenAsync("shop:1", OrderStatus.Shipped)).Lines[0].Shipped);
        await floor.WhenTicketsAsync("shop:1", all => all is [{ Attention: null }]);
    }

    [Fact]
    public async Task A_message_that_nobody_can_work_on_is_seen_with_its_reason_and_replayed()
    {
        var (app, floor) = await StartAsync();
        await using var owned = app;
        var sender = floor.Bus.CreateSender(OrderQueue.Name);
        await sender.SendMessageAsync(new ServiceBusMessage("not json") { MessageId = "odd" }, Cancel);
        await sender.SendMessageAsync(Message("shop:none", 1), Cancel);
        await DrainedAsync(floor);
        var letters = (await app.Client.GetAsync("/api/queues/orders/deadletters", Cancel).OkAsync()).GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(["unknown-order", "unreadable"], letters.Select(letter => letter.GetProperty("reason").GetString()!).Order());
        await ActivatorUtilities.CreateInstance<DeadLetterFunctions>(app.Services).WatchAsync(Cancel);
        Assert.Equal(2, (await app.Client.GetAsync("/api/exceptions?kind=deadLetter", Cancel).OkAsync()).GetProperty("items").GetArrayLength());

        // The order comes; its message is sent again under its next number and finds it.
        await app.Client.PostAsync("/api/orders", new { channel = "shop", externalId = "none", shipWindow = new { from = DateTimeOffset.UtcNow.AddSeconds(1) }, lines = new[] { new { sku = "A", quantity = 1 } } }.AsJson(), Cancel).OkAsync();
        var unknown = letters.Single(letter => letter.GetProperty("reason").GetString() == "unknown-order").GetProperty("sequence").GetInt64();
        var again = await app.Client.PostAsync($"/api/queues/orders/deadletters/{unknown}/replay", null, Cancel).OkAsync();
        Assert.Equal("shop~3Anone:2", again.GetProperty("messageId").GetString());
        await DrainedAsync(floor);
        Assert.Equal("unreadable", Assert.Single((await app.Client.GetAsync("/api/queues/orders/deadletters", Cancel).OkAsync()).GetProperty("items").EnumerateArray()).GetProperty("reason").GetString());
        await app.Client.PostAsync($"/api/queues/orders/deadletters/{unknown}/replay", null, Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
    }

    [Fact]
    public async Task Three_instances_at_once_send_every_order_once()
    {
        var (app, floor) = await StartAsync(3);
        await using var owned = app;
        var ids = Enumerable.Range(0, 30).Select(n => $"{n}").ToList();
        await Parallel.ForEachAsync(ids, Cancel, async (id, _) => await OrderAsync(app.Instances[int.Parse(id, null) % 3].Client, id));
        await Parallel.ForEachAsync(ids, new ParallelOptions { MaxDegreeOfParallelism = 6, CancellationToken = Cancel }, async (id, _) => await new Floor(app.Instances[(int.Parse(id, null) + 1) % 3]).SendAsync("shop:" + id));
        foreach (var id in ids)
        {
            var order = await floor.OrderAsync("shop:" + id);
            Assert.Equal((2, 1, 1, 1), (order.Lines[0].Shipped, order.Deliveries!.Count, order.Deliveries[0].Run, order.Deliveries[0].Shipments!.Count));
        }
        Assert.Equal((0, 0, 0), await floor.ClaimedAsync("A"));
        Assert.Equal(940, (await floor.Get<LedgerReads>().BalanceAsync("A", Cancel))!.Locations["WH1"].OnHand);
    }

    [Fact]
    public async Task A_step_that_keeps_failing_parks_the_delivery_and_a_person_lets_it_go_on()
    {
        var broken = new Breakable();
        var (app, floor) = await StartAsync(store: broken.Wrap, configure: builder => builder.Services.AddSingleton<TimeProvider>(new FastTime(40)));
        await using var owned = app;
        broken.Refuses = request => request.Method == HttpMethod.Post && request.RequestUri!.AbsolutePath.Contains("/colls/work/docs", StringComparison.Ordinal) && !request.Headers.Contains("x-ms-documentdb-isquery");
        await OrderAsync(app.Client, "1");
        var parked = await floor.WhenAsync("shop:1", order => order.Deliveries?[0].Parked is not null);
        Assert.Equal("align", parked.Deliveries![0].Parked!.Step);
        Assert.Equal("fulfilmentParked", (await app.Client.GetAsync("/api/exceptions?order=shop:1", Cancel).OkAsync()).GetProperty("items")[0].GetProperty("kind").GetString());
        Assert.Contains("align", (await app.Client.GetAsync("/api/orders/shop:1", Cancel).OkAsync()).GetProperty("deliveries")[0].GetProperty("parked").GetRawText(), StringComparison.Ordinal);
        broken.Refuses = _ => false;
        await app.Client.PostAsync("/api/orders/shop:1/deliveries/1/resume", null, Cancel).OkAsync();
        Assert.Equal((2, null), ((await floor.SendAsync("shop:1")).Lines[0].Shipped, (await floor.OrderAsync("shop:1")).Deliveries![0].Parked));
        await app.Client.PostAsync("/api/orders/shop:1/deliveries/1/resume", null, Cancel).ProblemAsync(HttpStatusCode.Conflict, "delivery-over");
        await app.Client.PostAsync("/api/orders/shop:1/deliveries/7/resume", null, Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
    }

    /// <summary>The plug is pulled at every commit of the orchestrations, and at every write to the store, in turn; the app starts again on the same folder.</summary>
    [Theory]
    [InlineData(Plug.Orchestration)]
    [InlineData(Plug.BeforeWrite)]
    [InlineData(Plug.AfterWrite)]
    public async Task Cut_off_at_any_point_the_order_is_sent_once(Plug plug)
    {
        var folder = Directory.CreateTempSubdirectory("selvedge-").FullName;
        var time = new LeapTime();
        try
        {
            var (orders, cut) = (0, true);
            for (; cut; orders++)
            {
                Assert.True(orders < 80, "There are more points than were tried.");
                var (points, armed, pulled, at) = (0, false, false, orders + 1);
                bool Pull()
                {
                    if (Volatile.Read(ref armed) && Interlocked.Increment(ref points) == at) Volatile.Write(ref pulled, true);
                    return Volatile.Read(ref pulled);
                }
                using var data = LocalData.Open(folder);
                if (plug is Plug.Orchestration) data.AtDurableCommit = _ => { if (Pull()) throw new IOException("the plug is pulled"); };
                var store = new Breakable { Cut = plug is Plug.Orchestration ? null : (Pull, plug is Plug.AfterWrite) };
                await using var app = await AppInstance.StartAsync(folder, data, store.Wrap, builder => builder.Services.AddSingleton<TimeProvider>(time), ["--Fulfilment:Paused=false"]);
                var floor = new Floor(app);
                if (orders == 0) await SetUpAsync(app.Client);
                else
                {
                    time.Leap += TimeSpan.FromMinutes(10);
                    await floor.SweepAsync();
                    Assert.Equal((2, 1), (await floor.SendAsync($"shop:{orders - 1}")) is var order ? (order.Lines[0].Shipped, order.Deliveries!.Sum(delivery => delivery.Shipments?.Count ?? 0)) : default);
                }
                await OrderAsync(app.Client, $"{orders}");
                Volatile.Write(ref armed, true);
                try { await floor.SendAsync($"shop:{orders}").WaitAsync(UntilAsync(() => Volatile.Read(ref pulled))); }
                catch (Exception) when (Volatile.Read(ref pulled)) { }
                cut = Volatile.Read(ref pulled);
                store.Cut = null;
                if (cut) store.Dead = true;
            }
            Assert.True(orders > 8, $"Only {orders} points were found.");
            using var last = LocalData.Open(folder);
            await using var survivor = await AppInstance.StartAsync(folder, last, handler => handler, null, []);
            Assert.Equal((0, 0, 0), await new Floor(survivor).ClaimedAsync("A"));
            Assert.Equal(1000 - 2 * orders, (await survivor.Services.GetRequiredService<LedgerReads>().BalanceAsync("A", Cancel))!.Locations["WH1"].OnHand);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    static CancellationToken UntilAsync(Func<bool> done)
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        _ = Task.Run(async () =>
        {
            while (!done() && !source.IsCancellationRequested) await Task.Delay(5);
            await source.CancelAsync();
        }, Cancel);
        return source.Token;
    }

    /// <summary>Where the app is cut off.</summary>
    public enum Plug { Orchestration, BeforeWrite, AfterWrite }

    /// <summary>A clock that is set forward.</summary>
    sealed class LeapTime : TimeProvider
    {
        public TimeSpan Leap { get; set; }
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Leap;
    }

    /// <summary>A clock that runs so many times as fast.</summary>
    sealed class FastTime(int factor) : TimeProvider
    {
        readonly DateTimeOffset start = System.GetUtcNow();
        readonly long from = System.GetTimestamp();
        public override DateTimeOffset GetUtcNow() => start + System.GetElapsedTime(from) * factor;
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            System.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? dueTime / factor : dueTime, period > TimeSpan.Zero ? period / factor : period);
    }

    /// <summary>A way to the store that refuses calls, or is cut at one of them: then nothing reaches it any more.</summary>
    sealed class Breakable
    {
        public Func<HttpRequestMessage, bool> Refuses { get; set; } = _ => false;
        public (Func<bool> Pull, bool After)? Cut { get; set; }
        public bool Dead { get; set; }

        public HttpMessageHandler Wrap(HttpMessageHandler store) => new Way(this, store);

        sealed class Way(Breakable broken, HttpMessageHandler store) : DelegatingHandler(store)
        {
            protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
            {
                if (broken.Dead) throw new HttpRequestException("the plug is pulled");
                if (broken.Refuses(request)) return new(HttpStatusCode.Forbidden) { RequestMessage = request, Content = new StringContent("{\"message\":\"injected\"}") };
                var writes = request.Method != HttpMethod.Get && !request.Headers.Contains("x-ms-documentdb-isquery") && !request.Headers.Contains("x-ms-documentdb-query") && request.RequestUri!.AbsolutePath.Contains("/docs", StringComparison.Ordinal);
                if (!writes || broken.Cut is not { } cut) return await base.SendAsync(request, cancellationToken);
                if (!cut.After)
                {
                    if (!cut.Pull()) return await base.SendAsync(request, cancellationToken);
                    broken.Dead = true;
                    throw new HttpRequestException("the plug is pulled");
                }
                var answer = await base.SendAsync(request, CancellationToken.None);
                if (!cut.Pull()) return answer;
                broken.Dead = true;
                answer.Dispose();
                throw new HttpRequestException("the plug is pulled");
            }
        }
    }
}
