using System.Net;
using Microsoft.Azure.Cosmos;
using static Selvedge.Tests.Integration.Cosmos.ItemTests;

namespace Selvedge.Tests.Integration.Cosmos;

public sealed class TtlTests(CosmosFixture cosmos) : IClassFixture<CosmosFixture>
{
    private static readonly PartitionKey P = new("P");

    [Fact]
    public async Task An_expired_item_is_gone_for_reads_feed_and_a_new_create_and_the_others_stay()
    {
        var container = await cosmos.NewContainerAsync(defaultTtl: -1, "/pk");
        await CreateAsync("""{"id":"short","pk":"P","ttl":1,"n":1}""");
        await CreateAsync("""{"id":"long","pk":"P","ttl":3600}""");
        await CreateAsync("""{"id":"never","pk":"P"}""");
        while ((await container.ReadItemStreamAsync("short", P)).StatusCode != HttpStatusCode.NotFound)
        {
            await Task.Delay(100);
        }

        using var feed = container.GetChangeFeedIterator<Thing>(ChangeFeedStartFrom.Beginning(FeedRange.FromPartitionKey(P)), ChangeFeedMode.Incremental);
        Assert.Equal(["long", "never"], (await feed.ReadNextAsync()).Select(thing => thing.Id));
        Assert.Equal(HttpStatusCode.NotFound, (await container.DeleteItemStreamAsync("short", P)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await container.PatchItemStreamAsync("short", P, [PatchOperation.Set("/n", 2)])).StatusCode);
        await CreateAsync("""{"id":"short","pk":"P","n":3}""");
        Assert.Equal(3, (await container.ReadItemAsync<Thing>("short", P)).Resource.N);

        async Task CreateAsync(string json)
        {
            using var created = await container.CreateItemStreamAsync(Json(json), P);
            Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        }
    }

    [Fact]
    public async Task A_containers_default_applies_unless_the_item_says_otherwise()
    {
        var container = await cosmos.NewContainerAsync(defaultTtl: 1, "/pk");
        using var inherits = await container.CreateItemStreamAsync(Json("""{"id":"inherits","pk":"P"}"""), P);
        using var stays = await container.CreateItemStreamAsync(Json("""{"id":"stays","pk":"P","ttl":-1}"""), P);
        while ((await container.ReadItemStreamAsync("inherits", P)).StatusCode != HttpStatusCode.NotFound)
        {
            await Task.Delay(100);
        }

        Assert.Equal(HttpStatusCode.OK, (await container.ReadItemStreamAsync("stays", P)).StatusCode);
    }

    [Fact]
    public async Task Bug_a_changed_default_left_the_items_that_were_there_as_they_were()
    {
        var container = await cosmos.NewContainerAsync();
        foreach (var item in new[] { """{"id":"inherits","pk":"P"}""", """{"id":"stays","pk":"P","ttl":-1}""", """{"id":"long","pk":"P","ttl":3600}""", """{"id":"null","pk":"P","ttl":null}""" })
        {
            using var created = await container.CreateItemStreamAsync(Json(item), P);
            Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        }

        await SetAsync(1);
        while ((await container.ReadItemStreamAsync("inherits", P)).StatusCode != HttpStatusCode.NotFound)
        {
            await Task.Delay(100);
        }

        Assert.Equal(HttpStatusCode.NotFound, (await container.ReadItemStreamAsync("null", P)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await container.ReadItemStreamAsync("stays", P)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await container.ReadItemStreamAsync("long", P)).StatusCode);

        // Without the setting nothing expires, and what was gone does not come back; an item written next goes by the new setting.
        await SetAsync(null);
        Assert.Equal(HttpStatusCode.NotFound, (await container.ReadItemStreamAsync("inherits", P)).StatusCode);
        using var last = await container.CreateItemStreamAsync(Json("""{"id":"last","pk":"P","ttl":1}"""), P);
        await Task.Delay(2100);
        Assert.Equal(HttpStatusCode.OK, (await container.ReadItemStreamAsync("last", P)).StatusCode);

        async Task SetAsync(int? seconds)
        {
            var properties = (await container.ReadContainerAsync()).Resource;
            properties.DefaultTimeToLive = seconds;
            await container.ReplaceContainerAsync(properties);
        }
    }

    [Fact]
    public async Task Without_a_container_setting_an_items_ttl_does_nothing()
    {
        var container = await cosmos.NewContainerAsync();
        using var created = await container.CreateItemStreamAsync(Json("""{"id":"a","pk":"P","ttl":1}"""), P);
        await Task.Delay(2100);
        Assert.Equal(HttpStatusCode.OK, (await container.ReadItemStreamAsync("a", P)).StatusCode);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-2")]
    [InlineData("1.5")]
    [InlineData("\"60\"")]
    public async Task An_impossible_ttl_is_refused(string ttl)
    {
        var container = await cosmos.NewContainerAsync(defaultTtl: -1, "/pk");
        using var refused = await container.CreateItemStreamAsync(Json($$"""{"id":"a","pk":"P","ttl":{{ttl}}}"""), P);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
    }
}
