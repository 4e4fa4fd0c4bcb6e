using System.Diagnostics;
using Selvedge.Local.Functions;
using Selvedge.Local.ServiceBus;

namespace Selvedge.Tests.Benchmarks;

/// <summary>Messages through the local Service Bus, each sent, received under a lock and completed, each of the three on the disk before its caller goes on; and what a backlog costs.</summary>
internal static class Queues
{
    private const int Callers = 64;

    public static async Task RunAsync(int seconds, int backlog)
    {
        var folder = Directory.CreateTempSubdirectory("selvedge-queues-").FullName;
        try
        {
            using (var data = LocalData.Open(folder))
            {
                data.ServiceBus.Declare(new QueueDefinition("orders") { RequiresDuplicateDetection = true });
                data.ServiceBus.Declare(new QueueDefinition("backlog"));
                await ThroughAsync(data, 2, report: false);
                await ThroughAsync(data, seconds, report: true);
                await FillAsync(data, backlog);
            }
            var opening = Stopwatch.StartNew();
            using (var again = LocalData.Open(folder))
            {
                var receiver = Connect(again).CreateReceiver("backlog");
                var first = await receiver.ReceiveMessageAsync(TimeSpan.Zero);
                Console.WriteLine($"  opened again with {backlog:N0} waiting, first received after {opening.ElapsedMilliseconds:N0} ms (message {first?.Body})");
            }
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    private static ServiceBusClient Connect(LocalData data) => new($"Endpoint=sb://{data.ServiceBus.FullyQualifiedNamespace}/");

    private static async Task ThroughAsync(LocalData data, int seconds, bool report)
    {
        await using var client = Connect(data);
        using var over = new CancellationTokenSource();
        var (sent, done) = (0L, 0L);
        var times = new List<double>();
        var clock = Stopwatch.StartNew();
        var senders = Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var sender = client.CreateSender("orders");
            for (var i = 0; clock.Elapsed.TotalSeconds < seconds; i++)
            {
                var started = Stopwatch.GetTimestamp();
                await sender.SendMessageAsync(new ServiceBusMessage($"{{\"orderId\":\"shopify-au:{caller}-{i}\"}}") { MessageId = $"shopify-au:{seconds}-{caller}-{i}:1" });
                Interlocked.Increment(ref sent);
                if (i % 16 == 0) { lock (times) { times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds); } }
            }
        })).ToList();
        var receivers = Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
        {
            var receiver = client.CreateReceiver("orders");
            try
            {
                while (await receiver.ReceiveMessageAsync(TimeSpan.FromMinutes(1), over.Token) is { } message)
                {
                    await receiver.CompleteMessageAsync(message, CancellationToken.None);
                    Interlocked.Increment(ref done);
                }
            }
            catch (OperationCanceledException) { }
        })).ToList();
        await Task.WhenAll(senders);
        while (Interlocked.Read(ref done) < Interlocked.Read(ref sent)) { await Task.Delay(1); }
        var elapsed = clock.Elapsed.TotalSeconds;
        await over.CancelAsync();
        await Task.WhenAll(receivers);
        if (!report) { return; }
        times.Sort();
        Console.WriteLine($"  sent, received and completed, {Callers} senders, {Callers} receivers: {done / elapsed:N0} messages/s ({done:N0} in {elapsed:N1} s); a send took {times[times.Count / 2]:N1} ms, 99 % within {times[times.Count * 99 / 100]:N1} ms");
    }

    private static async Task FillAsync(LocalData data, int backlog)
    {
        await using var client = Connect(data);
        var before = Memory();
        var clock = Stopwatch.StartNew();
        var sender = client.CreateSender("backlog");
        for (var i = 0; i < backlog; i += 100) { await sender.SendMessagesAsync(Enumerable.Range(i, 100).Select(n => new ServiceBusMessage($"{{\"orderId\":\"shopify-au:{n}\"}}"))); }
        Console.WriteLine($"  {backlog:N0} sent in batches of 100 by one: {backlog / clock.Elapsed.TotalSeconds:N0} messages/s; they hold {(Memory() - before) / 1048576.0:N1} MB of memory");
    }

    private static long Memory() => GC.GetTotalMemory(forceFullCollection: true);
}
