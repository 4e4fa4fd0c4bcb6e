using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Local.Functions;
using Selvedge.Tests.Integration.Functions;

namespace Selvedge.Tests.Integration.ServiceBus;

/// <summary>What the host does with a queue function, as Azure's does.</summary>
public class TriggerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public sealed record Due(string OrderId, int Delivery);

    /// <summary>What the functions below share with a test.</summary>
    public sealed class Runs
    {
        private readonly Channel<string> seen = Channel.CreateUnbounded<string>();

        public Func<string, ServiceBusReceivedMessage?, CancellationToken, Task> Body { get; set; } = (_, _, _) => Task.CompletedTask;

        private int atWork;

        public int MostAtWork { get; private set; }

        public int Waiting => seen.Reader.Count;

        public async Task AddAsync(string what, ServiceBusReceivedMessage? message = null, CancellationToken stopping = default)
        {
            lock (seen) { MostAtWork = Math.Max(MostAtWork, ++atWork); }
            seen.Writer.TryWrite(what);
            try { await Body(what, message, stopping); }
            finally { lock (seen) { atWork--; } }
        }

        public ValueTask<string> NextAsync() => seen.Reader.ReadAsync(Token);
    }

    public class Bound(Runs runs)
    {
        [Function("Poco")]
        public Task Poco([ServiceBusTrigger("pocos", Connection = "ServiceBus")] Due due) => runs.AddAsync($"{due.OrderId}/{due.Delivery}");

        [Function("Text")]
        public Task Text([ServiceBusTrigger("%TextQueue%")] string text) => runs.AddAsync(text);

        [Function("Bytes")]
        public Task Bytes([ServiceBusTrigger("bytes")] byte[] bytes, FunctionContext context) => runs.AddAsync($"{bytes.Length} {context.FunctionDefinition.Name}");
    }

    public class One(Runs runs)
    {
        [Function("One")]
        public Task Go([ServiceBusTrigger("orders")] ServiceBusReceivedMessage message, CancellationToken stopping) => runs.AddAsync($"{message.Body}#{message.DeliveryCount}", message, stopping);
    }

    public class ByHand(Runs runs)
    {
        [Function("ByHand")]
        public async Task Go([ServiceBusTrigger("orders", AutoCompleteMessages = false)] ServiceBusReceivedMessage message, ServiceBusMessageActions actions)
        {
            if (message.Body.ToString() == "bad") { await actions.DeadLetterMessageAsync(message, deadLetterReason: "NoSuchOrder"); }
            else if (message.DeliveryCount == 1) { await actions.AbandonMessageAsync(message); }
            else { await actions.CompleteMessageAsync(message); }
            await runs.AddAsync($"{message.Body}#{message.DeliveryCount}");
        }
    }

    public class Lane(Runs runs)
    {
        [Function("Lane")]
        public async Task Go([ServiceBusTrigger("lanes", IsSessionsEnabled = true)] ServiceBusReceivedMessage message, ServiceBusSessionMessageActions session)
        {
            await session.SetSessionStateAsync(new BinaryData($"{message.Body}"));
            await runs.AddAsync($"{message.SessionId}:{message.Body}", message);
        }
    }

    public class Batched
    {
        [Function("Batched")]
        public void Go([ServiceBusTrigger("orders", IsBatched = true)] string[] messages) { }
    }

    public class WithoutSessions
    {
        [Function("WithoutSessions")]
        public void Go([ServiceBusTrigger("lanes")] string message) { }
    }

    private static async Task<RunningHost> StartAsync(Type function, Runs runs, TempFolder folder, Action<FunctionsApplicationBuilder>? configure = null)
    {
        folder.Write("servicebus.json", """
            { "orders": { "maxDeliveryCount": 3, "lockDuration": "PT10S" }, "lanes": { "requiresSession": true, "lockDuration": "PT10S" }, "pocos": {}, "texts": {}, "bytes": {} }
            """);
        return await RunningHost.StartAsync([function], builder =>
        {
            builder.Services.AddSingleton(runs);
            builder.Configuration.AddInMemoryCollection([new("TextQueue", "texts")]);
            configure?.Invoke(builder);
        }, folder);
    }

    private static Task SendAsync(RunningHost host, string queue, params ServiceBusMessage[] messages) =>
        host.Services.GetRequiredService<ServiceBusClient>().CreateSender(queue).SendMessagesAsync(messages);

    private static async Task EmptyAsync(RunningHost host, string queue)
    {
        var receiver = host.Services.GetRequiredService<ServiceBusClient>().CreateReceiver(queue);
        while (await receiver.PeekMessageAsync(1, Token) is not null) { await Task.Delay(1, Token); }
    }

    private static async Task<ServiceBusReceivedMessage> LetterAsync(RunningHost host, string queue)
    {
        var letters = host.Services.GetRequiredService<ServiceBusClient>().CreateReceiver($"{queue}/$deadletterqueue");
        return await letters.ReceiveMessageAsync(TimeSpan.FromMinutes(1), Token);
    }

    [Fact]
    public async Task A_message_is_bound_as_the_parameter_asks_and_completed_when_the_function_succeeds()
    {
        using var folder = new TempFolder();
        var runs = new Runs();
        await using var host = await StartAsync(typeof(Bound), runs, folder);
        await SendAsync(host, "pocos", new ServiceBusMessage("""{"orderId":"web:1","delivery":2}"""));
        Assert.Equal("web:1/2", await runs.NextAsync());
        await SendAsync(host, "texts", new ServiceBusMessage("é"));
        Assert.Equal("é", await runs.NextAsync());
        await SendAsync(host, "bytes", new ServiceBusMessage(new byte[3]));
        Assert.Equal("3 Bytes", await runs.NextAsync());
        foreach (var queue in (string[])["pocos", "texts", "bytes"]) { await EmptyAsync(host, queue); }
    }

    [Fact]
    public async Task A_function_that_throws_gets_its_message_again_until_it_is_dead_lettered()
    {
        using var folder = new TempFolder();
        var runs = new Runs { Body = (what, _, _) => what.StartsWith("bad", StringComparison.Ordinal) ? throw new InvalidOperationException("never") : Task.CompletedTask };
        await using var host = await StartAsync(typeof(One), runs, folder);
        await SendAsync(host, "orders", new ServiceBusMessage("bad"));
        for (var i = 1; i <= 3; i++) { Assert.Equal($"bad#{i}", await runs.NextAsync()); }
        Assert.Equal("MaxDeliveryCountExceeded", (await LetterAsync(host, "orders")).DeadLetterReason);
        await SendAsync(host, "orders", new ServiceBusMessage("good"));
        Assert.Equal("good#1", await runs.NextAsync());
        await EmptyAsync(host, "orders");
    }

    [Fact]
    public async Task A_message_that_cannot_be_read_is_dead_lettered_like_one_whose_function_throws()
    {
        using var folder = new TempFolder();
        await using var host = await StartAsync(typeof(Bound), new Runs(), folder);
        await SendAsync(host, "pocos", new ServiceBusMessage("{ half"));
        Assert.Equal(("MaxDeliveryCountExceeded", 10), await LetterAsync(host, "pocos") is var letter ? (letter.DeadLetterReason, letter.DeliveryCount - 1) : default);
    }

    [Fact]
    public async Task A_function_that_settles_for_itself_is_not_settled_for()
    {
        using var folder = new TempFolder();
        var runs = new Runs();
        await using var host = await StartAsync(typeof(ByHand), runs, folder);
        await SendAsync(host, "orders", new ServiceBusMessage("bad"));
        Assert.Equal("bad#1", await runs.NextAsync());
        Assert.Equal("NoSuchOrder", (await LetterAsync(host, "orders")).DeadLetterReason);
        await SendAsync(host, "orders", new ServiceBusMessage("good"));
        Assert.Equal(["good#1", "good#2"], [await runs.NextAsync(), await runs.NextAsync()]);
        await EmptyAsync(host, "orders");
    }

    [Fact]
    public async Task No_more_run_at_once_than_host_json_says_and_a_stop_waits_for_them()
    {
        using var folder = new TempFolder();
        folder.Write("host.json", """{ "version": "2.0", "extensions": { "http": { "routePrefix": "" }, "serviceBus": { "maxConcurrentCalls": 2 } } }""");
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var ended = new ConcurrentQueue<string>();
        var runs = new Runs
        {
            Body = async (what, _, stopping) =>
            {
                await Task.WhenAny(go.Task, Task.Delay(Timeout.Infinite, stopping));
                ended.Enqueue(what);
            },
        };
        using var data = LocalData.Open(folder.File("data"));
        await using var host = await StartAsync(typeof(One), runs, folder, builder => builder.UseData(data));
        await SendAsync(host, "orders", [.. Enumerable.Range(0, 6).Select(i => new ServiceBusMessage($"{i}"))]);
        await runs.NextAsync();
        await runs.NextAsync();
        await host.StopAsync();
        Assert.Equal((2, 0, 2), (runs.MostAtWork, runs.Waiting, ended.Count));
        await using var client = data.ServiceBus.Connect();
        Assert.Equal(["2#0", "3#0", "4#0", "5#0"], (await client.CreateReceiver("orders").PeekMessagesAsync(10)).Select(message => $"{message.Body}#{message.DeliveryCount}"));
    }

    [Fact]
    public async Task A_functions_lock_is_kept_while_it_runs()
    {
        using var folder = new TempFolder();
        var time = new ManualTime(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        var held = new TaskCompletionSource<ServiceBusReceivedMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var runs = new Runs
        {
            Body = (_, message, _) =>
            {
                held.TrySetResult(message!);
                return go.Task;
            },
        };
        await using var host = await StartAsync(typeof(One), runs, folder, builder => builder.Services.AddSingleton<TimeProvider>(time));
        await SendAsync(host, "orders", new ServiceBusMessage("long"));
        var message = await held.Task.WaitAsync(Token);
        for (var i = 0; i < 4; i++)
        {
            var until = message.LockedUntil;
            time.Advance(TimeSpan.FromSeconds(5));
            while (message.LockedUntil == until) { await Task.Delay(1, Token); }
        }
        go.SetResult();
        await EmptyAsync(host, "orders");
        Assert.Equal("long#1", await runs.NextAsync());
        Assert.Equal(0, runs.Waiting);
    }

    [Fact]
    public async Task Two_instances_share_the_lanes_and_each_lane_stays_in_order()
    {
        using var folder = new TempFolder();
        using var data = LocalData.Open(folder.File("data"));
        var atWork = new ConcurrentDictionary<string, int>();
        var runs = new Runs
        {
            Body = async (_, message, _) =>
            {
                Assert.True(atWork.TryAdd(message!.SessionId, 1), "two runs in one lane");
                await Task.Yield();
                atWork.TryRemove(message.SessionId, out var _);
            },
        };
        await using var one = await StartAsync(typeof(Lane), runs, folder, builder => builder.UseData(data));
        await using var two = await StartAsync(typeof(Lane), runs, folder, builder => builder.UseData(data));
        for (var i = 0; i < 10; i++)
        {
            await SendAsync(i % 2 == 0 ? one : two, "lanes", [.. Enumerable.Range(0, 3).Select(lane => new ServiceBusMessage($"{i}") { SessionId = $"lane{lane}" })]);
        }
        var seen = new List<string>();
        for (var i = 0; i < 30; i++) { seen.Add(await runs.NextAsync()); }
        for (var lane = 0; lane < 3; lane++)
        {
            Assert.Equal(Enumerable.Range(0, 10).Select(i => $"lane{lane}:{i}"), seen.Where(what => what.StartsWith($"lane{lane}:", StringComparison.Ordinal)));
        }
        await EmptyAsync(one, "lanes");
    }

    [Fact]
    public async Task Two_instances_compete_and_each_message_is_run_once()
    {
        using var folder = new TempFolder();
        using var data = LocalData.Open(folder.File("data"));
        var runs = new Runs();
        await using var one = await StartAsync(typeof(One), runs, folder, builder => builder.UseData(data));
        await using var two = await StartAsync(typeof(One), runs, folder, builder => builder.UseData(data));
        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => SendAsync(i % 2 == 0 ? one : two, "orders", new ServiceBusMessage($"{i:000}"))));
        var seen = new List<string>();
        for (var i = 0; i < 100; i++) { seen.Add(await runs.NextAsync()); }
        await EmptyAsync(one, "orders");
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i:000}#1"), seen.Order());
        Assert.Equal(0, runs.Waiting);
    }

    [Fact]
    public async Task A_function_switched_off_leaves_its_messages_where_they_are()
    {
        using var folder = new TempFolder();
        await using var host = await StartAsync(typeof(One), new Runs(), folder, builder => builder.Configuration["AzureWebJobs.One.Disabled"] = "true");
        await SendAsync(host, "orders", new ServiceBusMessage("x"));
        Assert.NotNull(await host.Services.GetRequiredService<ServiceBusClient>().CreateReceiver("orders").ReceiveMessageAsync(TimeSpan.Zero));
    }

    [Fact]
    public async Task What_cannot_be_hosted_is_refused_at_the_start_and_says_what_to_do()
    {
        using var folder = new TempFolder();
        Assert.Contains("IsBatched is not hosted here", RunningHost.Refusal(typeof(Batched)).Message, StringComparison.Ordinal);
        Assert.Contains("queue lanes requires sessions", (await Assert.ThrowsAsync<LocalHostException>(() => StartAsync(typeof(WithoutSessions), new Runs(), folder))).Message, StringComparison.Ordinal);
        using var other = new TempFolder();
        var undeclared = await Assert.ThrowsAsync<LocalHostException>(() => RunningHost.StartAsync([typeof(One)], builder => builder.Services.AddSingleton(new Runs()), other));
        Assert.Contains("there is no queue orders. Declare it in servicebus.json", undeclared.Message, StringComparison.Ordinal);
        other.Write("servicebus.json", """{ "orders": { "lockDuration": "PT1H" } }""");
        var wrong = Assert.Throws<LocalHostException>(() => { using var host = RunningHost.Build(other, [], _ => { }); });
        Assert.Contains("orders.lockDuration must be PT5S to PT5M", wrong.Message, StringComparison.Ordinal);
    }
}
