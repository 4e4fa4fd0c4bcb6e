using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Functions;

/// <summary>Functions that watch a container, on the change feed of the local store.</summary>
public sealed class CosmosTriggerTests
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public sealed record Thing(string Id, int Number);

    /// <summary>What the functions saw, and what they are to fail at.</summary>
    public sealed class Seen
    {
        public ConcurrentQueue<string> Ids { get; } = [];
        public Func<string, bool> Fails { get; set; } = _ => false;

        public void Take(IEnumerable<string> ids)
        {
            foreach (var id in ids)
            {
                if (Fails(id)) { throw new InvalidOperationException("on purpose"); }
                Ids.Enqueue(id);
            }
        }

        public async Task WhenAsync(params string[] ids)
        {
            var from = TimeProvider.System.GetTimestamp();
            while (!ids.All(Ids.Contains))
            {
                if (TimeProvider.System.GetElapsedTime(from) > Patience) { Assert.Fail($"seen: {string.Join(' ', Ids)}; wanted: {string.Join(' ', ids)}"); }
                await Task.Delay(10, Cancel);
            }
        }
    }

    public sealed class Lists(Seen seen)
    {
        [Function("Lists")]
        public void Run([CosmosDBTrigger("db", "things", StartFromBeginning = true, FeedPollDelay = 20, CreateLeaseContainerIfNotExists = true)] IReadOnlyList<Thing> things) => seen.Take(things.Select(thing => $"{thing.Id}={thing.Number}"));
    }

    public sealed class Texts(Seen seen)
    {
        [Function("Texts"), FixedDelayRetry(-1, "00:00:00")]
        public Task Run([CosmosDBTrigger("db", "things", StartFromBeginning = true, FeedPollDelay = 20, CreateLeaseContainerIfNotExists = true, LeaseContainerPrefix = "t", MaxItemsPerInvocation = 1)] string things, FunctionContext context)
        {
            seen.Take(JsonSerializer.Deserialize<JsonElement>(things).EnumerateArray().Select(thing => $"{thing.GetProperty("id")} after {context.RetryContext!.RetryCount}"));
            return Task.CompletedTask;
        }
    }

    public sealed class NoList
    {
        [Function("NoList")]
        public void Run([CosmosDBTrigger("db", "things")] Thing thing) => Assert.Fail(thing.Id);
    }

    public sealed class AllVersions
    {
        [Function("AllVersions")]
        public void Run([CosmosDBTrigger("db", "things", ChangeFeedMode = CosmosDBChangeFeedMode.AllVersionsAndDeletes)] IReadOnlyList<Thing> things) => Assert.Fail($"{things.Count}");
    }

    sealed class Things(IServiceProvider services) : IHostedService
    {
        public async Task StartAsync(CancellationToken cancellationToken)
        {
            using var client = services.GetRequiredService<LocalData>().Connect();
            var database = await client.CreateDatabaseIfNotExistsAsync("db", cancellationToken: cancellationToken);
            await database.Database.CreateContainerIfNotExistsAsync("things", "/id", cancellationToken: cancellationToken);
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    static Task<RunningHost> StartAsync(Seen seen, TempFolder? folder, params Type[] functions) => RunningHost.StartAsync(functions, builder => builder.Services.AddSingleton(seen).AddHostedService<Things>(), folder);

    static async Task PutAsync(RunningHost host, params (string Id, int Number)[] things)
    {
        using var client = host.Services.GetRequiredService<LocalData>().Connect();
        foreach (var (id, number) in things) { await client.GetContainer("db", "things").UpsertItemAsync(new { id, number }, new PartitionKey(id), cancellationToken: Cancel); }
    }

    [Fact]
    public async Task Changed_items_arrive_and_after_a_restart_only_what_changed_since()
    {
        using var folder = new TempFolder();
        var first = new Seen();
        await using (var host = await StartAsync(first, folder, typeof(Lists)))
        {
            await PutAsync(host, ("a", 1), ("b", 2));
            await first.WhenAsync("a=1", "b=2");
            await PutAsync(host, ("a", 3));
            await first.WhenAsync("a=3");
        }
        var second = new Seen();
        await using (var host = await StartAsync(second, folder, typeof(Lists)))
        {
            await PutAsync(host, ("c", 4));
            await second.WhenAsync("c=4");
        }
        Assert.DoesNotContain("b=2", second.Ids);
    }

    [Fact]
    public async Task A_failed_batch_is_passed_over_and_with_a_retry_attribute_tried_until_it_succeeds()
    {
        var seen = new Seen { Fails = id => id is "bad=1" or "bad after 0" or "bad after 1" };
        await using var host = await StartAsync(seen, null, typeof(Lists), typeof(Texts));
        await PutAsync(host, ("good", 1));
        await seen.WhenAsync("good=1", "good after 0");
        await PutAsync(host, ("bad", 1));
        await seen.WhenAsync("bad after 2");
        await PutAsync(host, ("next", 1));
        await seen.WhenAsync("next=1", "next after 0");
        Assert.DoesNotContain("bad=1", seen.Ids);
    }

    [Fact]
    public async Task Two_hosts_on_one_folder_share_the_feed_and_one_goes_on_when_the_other_stops()
    {
        using var folder = new TempFolder();
        using var data = LocalData.Open(folder.File("data"));
        var (one, two) = (new Seen(), new Seen());
        Task<RunningHost> JoinAsync(Seen seen) => RunningHost.StartAsync([typeof(Short)], builder => builder.UseData(data).Services.AddSingleton(seen).AddHostedService<Things>(), folder);
        var first = await JoinAsync(one);
        await using var second = await JoinAsync(two);
        await PutAsync(second, ("a", 1));
        var from = TimeProvider.System.GetTimestamp();
        while (one.Ids.IsEmpty && two.Ids.IsEmpty && TimeProvider.System.GetElapsedTime(from) < Patience) { await Task.Delay(10, Cancel); }
        Assert.Single(one.Ids.Concat(two.Ids));
        await first.DisposeAsync();
        await PutAsync(second, ("b", 2));
        await two.WhenAsync("b=2");
    }

    public sealed class Short(Seen seen)
    {
        [Function("Short")]
        public void Run([CosmosDBTrigger("db", "things", StartFromBeginning = true, FeedPollDelay = 20, CreateLeaseContainerIfNotExists = true, LeaseAcquireInterval = 200, LeaseRenewInterval = 500, LeaseExpirationInterval = 1_500)] IReadOnlyList<Thing> things) =>
            seen.Take(things.Select(thing => $"{thing.Id}={thing.Number}"));
    }

    [Fact]
    public void What_azure_would_not_run_is_refused()
    {
        Assert.Contains("must be IReadOnlyList<T> or string", RunningHost.Refusal(typeof(NoList)).Message, StringComparison.Ordinal);
        Assert.Contains("exists only in Azure", RunningHost.Refusal(typeof(AllVersions)).Message, StringComparison.Ordinal);
    }
}
