using System.Net;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using static Selvedge.Tests.Integration.Cosmos.ItemTests;

namespace Selvedge.Tests.Integration.Cosmos;

public sealed class ChangeFeedTests(CosmosFixture cosmos) : IClassFixture<CosmosFixture>
{
    [Fact]
    public async Task From_the_beginning_each_item_comes_once_in_its_latest_version_over_all_ranges()
    {
        var container = await cosmos.NewContainerAsync();
        for (var i = 0; i < 20; i++)
        {
            await container.CreateItemAsync(new Thing($"i{i}", $"p{i}", 1), new PartitionKey($"p{i}"));
        }

        await container.ReplaceItemAsync(new Thing("i3", "p3", 2), "i3", new PartitionKey("p3"));
        await container.DeleteItemAsync<Thing>("i4", new PartitionKey("p4"));
        var (things, _) = await DrainAsync(container, ChangeFeedStartFrom.Beginning(), pageSize: 3);
        Assert.Equal(Enumerable.Range(0, 20).Where(i => i != 4).Select(i => $"i{i}").Order(), things.Select(thing => thing.Id).Order());
        Assert.Equal(2, things.Single(thing => thing.Id == "i3").N);
    }

    [Fact]
    public async Task Within_a_partition_changes_come_in_the_order_they_were_made()
    {
        var container = await cosmos.NewContainerAsync();
        var key = new PartitionKey("P");
        for (var i = 0; i < 10; i++)
        {
            await container.CreateItemAsync(new Thing($"i{i}", "P"), key);
            await container.CreateItemAsync(new Thing($"i{i}", "other"), new PartitionKey("other"));
        }

        await container.ReplaceItemAsync(new Thing("i0", "P"), "i0", key);
        var (things, _) = await DrainAsync(container, ChangeFeedStartFrom.Beginning(FeedRange.FromPartitionKey(key)), pageSize: 4);
        Assert.Equal(["i1", "i2", "i3", "i4", "i5", "i6", "i7", "i8", "i9", "i0"], things.Select(thing => thing.Id));
        Assert.All(things, thing => Assert.Equal("P", thing.Pk));
    }

    [Fact]
    public async Task A_continuation_resumes_after_the_last_page_and_sees_later_changes()
    {
        var container = await cosmos.NewContainerAsync();
        await container.CreateItemAsync(new Thing("a", "1"), new PartitionKey("1"));
        await container.CreateItemAsync(new Thing("b", "2"), new PartitionKey("2"));
        var (first, continuation) = await DrainAsync(container, ChangeFeedStartFrom.Beginning(), pageSize: 1);
        Assert.Equal(["a", "b"], first.Select(thing => thing.Id).Order());
        Assert.Empty((await DrainAsync(container, ChangeFeedStartFrom.ContinuationToken(continuation), 1)).Things);

        await container.CreateItemAsync(new Thing("c", "3"), new PartitionKey("3"));
        await container.ReplaceItemAsync(new Thing("a", "1", 5), "a", new PartitionKey("1"));
        var (second, _) = await DrainAsync(container, ChangeFeedStartFrom.ContinuationToken(continuation), pageSize: 1);
        Assert.Equal(["a", "c"], second.Select(thing => thing.Id).Order());
    }

    [Fact]
    public async Task From_now_only_what_comes_later_is_seen()
    {
        var container = await cosmos.NewContainerAsync();
        await container.CreateItemAsync(new Thing("old", "1"), new PartitionKey("1"));
        var (none, continuation) = await DrainAsync(container, ChangeFeedStartFrom.Now(), pageSize: 10);
        Assert.Empty(none);
        await container.CreateItemAsync(new Thing("new", "1"), new PartitionKey("1"));
        var (things, _) = await DrainAsync(container, ChangeFeedStartFrom.ContinuationToken(continuation), pageSize: 10);
        Assert.Equal(["new"], things.Select(thing => thing.Id));
    }

    [Fact]
    public async Task From_a_time_what_was_written_before_it_is_left_out()
    {
        var container = await cosmos.NewContainerAsync();
        for (var i = 0; i < 5; i++)
        {
            await container.CreateItemAsync(new Thing($"old{i}", "1"), new PartitionKey("1"));
        }

        using var last = await container.ReadItemStreamAsync("old4", new PartitionKey("1"));
        var written = DateTimeOffset.FromUnixTimeSeconds((await ReadAsync(last)).GetProperty("_ts").GetInt64());
        await Task.Delay(2100);
        await container.CreateItemAsync(new Thing("new", "1"), new PartitionKey("1"));
        var (things, _) = await DrainAsync(container, ChangeFeedStartFrom.Time(written.AddSeconds(2).UtcDateTime), pageSize: 10);
        Assert.Equal(["new"], things.Select(thing => thing.Id));
        var (all, _) = await DrainAsync(container, ChangeFeedStartFrom.Time(written.AddMinutes(-1).UtcDateTime), pageSize: 10);
        Assert.Equal(6, all.Count);
    }

    [Fact]
    public async Task Feed_ranges_together_hold_every_item_once()
    {
        var container = await cosmos.NewContainerAsync();
        for (var i = 0; i < 40; i++)
        {
            await container.CreateItemAsync(new Thing("i", $"p{i}"), new PartitionKey($"p{i}"));
        }

        var ranges = await container.GetFeedRangesAsync();
        Assert.Equal(cosmos.IsLocal ? 2 : ranges.Count, ranges.Count);
        var seen = new List<Thing>();
        foreach (var range in ranges)
        {
            var (things, _) = await DrainAsync(container, ChangeFeedStartFrom.Beginning(range), pageSize: 7);
            Assert.NotEmpty(things);
            seen.AddRange(things);
        }

        Assert.Equal(Enumerable.Range(0, 40).Select(i => $"p{i}").Order(), seen.Select(thing => thing.Pk).Order());
    }

    [Fact]
    public async Task The_change_feed_of_a_key_prefix_holds_that_prefix_only()
    {
        var container = await cosmos.NewContainerAsync("/tenant", "/user");
        foreach (var (tenant, user) in new[] { ("t1", "u1"), ("t1", "u2"), ("t2", "u1") })
        {
            using var created = await container.CreateItemStreamAsync(Json($$"""{"id":"a","tenant":"{{tenant}}","user":"{{user}}"}"""),
                new PartitionKeyBuilder().Add(tenant).Add(user).Build());
            Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        }

        var prefix = FeedRange.FromPartitionKey(new PartitionKeyBuilder().Add("t1").Build());
        using var feed = container.GetChangeFeedIterator<JsonElement>(ChangeFeedStartFrom.Beginning(prefix), ChangeFeedMode.Incremental);
        var page = await feed.ReadNextAsync();
        Assert.Equal(["u1", "u2"], page.Select(item => item.GetProperty("user").GetString()));
    }

    [Fact]
    public async Task An_unbroken_feed_loses_nothing_while_many_write()
    {
        var container = await cosmos.NewContainerAsync();
        var writers = Task.WhenAll(Enumerable.Range(0, 16).Select(async writer =>
        {
            for (var i = 0; i < 25; i++)
            {
                await container.CreateItemAsync(new Thing($"{writer}-{i}", $"p{i % 5}"), new PartitionKey($"p{i % 5}"));
            }
        }));
        var seen = new HashSet<string>();
        var from = ChangeFeedStartFrom.Beginning();
        for (var finished = false; ;)
        {
            finished = writers.IsCompleted;
            var (things, continuation) = await DrainAsync(container, from, pageSize: 20);
            Assert.All(things, thing => Assert.True(seen.Add(thing.Id), $"{thing.Id} came twice"));
            from = ChangeFeedStartFrom.ContinuationToken(continuation);
            if (finished)
            {
                break;
            }
        }

        await writers;
        Assert.Equal(400, seen.Count);
    }

    private static async Task<(List<Thing> Things, string Continuation)> DrainAsync(Container container, ChangeFeedStartFrom from, int pageSize)
    {
        using var feed = container.GetChangeFeedIterator<Thing>(from, ChangeFeedMode.Incremental, new ChangeFeedRequestOptions { PageSizeHint = pageSize });
        var things = new List<Thing>();
        while (true)
        {
            var page = await feed.ReadNextAsync();
            if (page.StatusCode == HttpStatusCode.NotModified)
            {
                return (things, page.ContinuationToken);
            }

            Assert.InRange(page.Count, 1, pageSize);
            things.AddRange(page);
        }
    }
}
