using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Azure.Cosmos;
using static Selvedge.Tests.Integration.Cosmos.ItemTests;

namespace Selvedge.Tests.Integration.Cosmos;

public sealed class ChangeFeedProcessorTests(CosmosFixture cosmos) : IClassFixture<CosmosFixture>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_processor_sees_all_from_the_beginning_and_a_new_one_resumes_from_the_leases()
    {
        var monitored = await cosmos.NewContainerAsync();
        var leases = await cosmos.NewContainerAsync("/id");
        await CreateAsync(monitored, 0, 12);
        var first = new Sink();
        var processor = Build(monitored, leases, "host-1", first.HandleAsync);
        await processor.StartAsync();
        await first.WaitForAsync(12);
        await CreateAsync(monitored, 12, 3);
        await first.WaitForAsync(15);
        await processor.StopAsync();

        await CreateAsync(monitored, 15, 4);
        var second = new Sink();
        processor = Build(monitored, leases, "host-2", second.HandleAsync);
        await processor.StartAsync();
        await second.WaitForAsync(4);
        await processor.StopAsync();
        Assert.Subset(Enumerable.Range(0, 19).Select(i => $"i{i}").ToHashSet(), second.Seen.ToHashSet());
        Assert.Superset(Enumerable.Range(15, 4).Select(i => $"i{i}").ToHashSet(), second.Seen.ToHashSet());
        Assert.DoesNotContain("i0", second.Seen);
    }

    [Fact]
    public async Task Changes_whose_handler_fails_are_delivered_again()
    {
        var monitored = await cosmos.NewContainerAsync();
        var leases = await cosmos.NewContainerAsync("/id");
        await CreateAsync(monitored, 0, 3);
        var sink = new Sink();
        var failures = 0;
        var processor = Build(monitored, leases, "host", async changes =>
        {
            if (Interlocked.Increment(ref failures) <= 2)
            {
                throw new InvalidOperationException("on purpose");
            }

            await sink.HandleAsync(changes);
        });
        await processor.StartAsync();
        await sink.WaitForAsync(3);
        await processor.StopAsync();
        Assert.True(failures > 2);
    }

    [Fact]
    public async Task The_estimator_tells_how_far_behind_a_processor_is()
    {
        var monitored = await cosmos.NewContainerAsync();
        var leases = await cosmos.NewContainerAsync("/id");
        var sink = new Sink();
        var processor = Build(monitored, leases, "host", sink.HandleAsync);
        await CreateAsync(monitored, 0, 6);
        await processor.StartAsync();
        await sink.WaitForAsync(6);
        await processor.StopAsync();
        await CreateAsync(monitored, 6, 6);

        using var states = monitored.GetChangeFeedEstimator("test", leases).GetCurrentStateIterator();
        var lag = 0L;
        while (states.HasMoreResults)
        {
            lag += (await states.ReadNextAsync()).Sum(state => state.EstimatedLag);
        }

        Assert.InRange(lag, 6, 24); // an estimate: it counts versions up to the newest of the container in each range
    }

    private static ChangeFeedProcessor Build(Container monitored, Container leases, string instance, Func<IReadOnlyCollection<Thing>, Task> handle) =>
        monitored.GetChangeFeedProcessorBuilder<Thing>("test", (_, changes, _) => handle(changes))
            .WithInstanceName(instance)
            .WithLeaseContainer(leases)
            .WithStartTime(DateTime.MinValue.ToUniversalTime())
            .WithPollInterval(TimeSpan.FromMilliseconds(50))
            .WithLeaseConfiguration(acquireInterval: TimeSpan.FromMilliseconds(300), expirationInterval: TimeSpan.FromSeconds(3), renewInterval: TimeSpan.FromSeconds(1))
            .Build();

    private static async Task CreateAsync(Container container, int from, int count)
    {
        for (var i = from; i < from + count; i++)
        {
            await container.CreateItemAsync(new Thing($"i{i}", $"p{i}"), new PartitionKey($"p{i}"));
        }
    }

    private sealed class Sink
    {
        private readonly Channel<int> _arrived = Channel.CreateUnbounded<int>();

        public ConcurrentBag<string> Seen { get; } = [];

        public Task HandleAsync(IReadOnlyCollection<Thing> changes)
        {
            foreach (var change in changes)
            {
                Seen.Add(change.Id);
            }

            _arrived.Writer.TryWrite(changes.Count);
            return Task.CompletedTask;
        }

        public async Task WaitForAsync(int distinct)
        {
            using var patience = new CancellationTokenSource(Patience);
            while (Seen.Distinct().Count() < distinct)
            {
                await _arrived.Reader.ReadAsync(patience.Token);
            }
        }
    }
}
