using System.Net;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using static Selvedge.Tests.Integration.Cosmos.ItemTests;

namespace Selvedge.Tests.Integration.Cosmos;

public sealed class KeyTests(CosmosFixture cosmos) : IClassFixture<CosmosFixture>
{
    [Fact]
    public async Task A_partition_key_other_than_the_items_own_is_refused_with_substatus_1001()
    {
        var container = await cosmos.NewContainerAsync();
        var refused = await Assert.ThrowsAsync<CosmosException>(() => container.CreateItemAsync(new Thing("a", "P"), new PartitionKey("Q")));
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Equal(1001, refused.SubStatusCode);
        await container.CreateItemAsync(new Thing("a", "P"), new PartitionKey("P"));
        using var elsewhere = await container.ReadItemStreamAsync("a", new PartitionKey("Q"));
        Assert.Equal(HttpStatusCode.NotFound, elsewhere.StatusCode);
        using var moved = await container.ReplaceItemStreamAsync(Json("""{"id":"a","pk":"Q"}"""), "a", new PartitionKey("P"));
        Assert.Equal(HttpStatusCode.BadRequest, moved.StatusCode);
    }

    [Fact]
    public async Task Keys_of_every_type_are_partitions_of_their_own()
    {
        var container = await cosmos.NewContainerAsync();
        (string Json, PartitionKey Key)[] items =
        [
            ("\"1\"", new PartitionKey("1")), ("1", new PartitionKey(1)), ("1.5", new PartitionKey(1.5)), ("true", new PartitionKey(true)),
            ("false", new PartitionKey(false)), ("null", PartitionKey.Null), ("\"\"", new PartitionKey("")), ("\"naïve 🧵\"", new PartitionKey("naïve 🧵")),
        ];
        foreach (var (json, key) in items)
        {
            using var created = await container.CreateItemStreamAsync(Json($$"""{"id":"a","pk":{{json}}}"""), key);
            Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        }

        using var undefined = await container.CreateItemStreamAsync(Json("""{"id":"a","none":1}"""), PartitionKey.None);
        Assert.Equal(HttpStatusCode.Created, undefined.StatusCode);
        foreach (var (json, key) in items)
        {
            using var read = await container.ReadItemStreamAsync("a", key);
            Assert.Equal(json, (await ReadAsync(read)).GetProperty("pk").GetRawText());
        }

        using var none = await container.ReadItemStreamAsync("a", PartitionKey.None);
        Assert.Equal(1, (await ReadAsync(none)).GetProperty("none").GetInt32());
    }

    [Fact]
    public async Task A_key_may_lie_deeper_in_the_item()
    {
        var container = await cosmos.NewContainerAsync("/where/site");
        using var created = await container.CreateItemStreamAsync(Json("""{"site":"wrong","id":"a","x":{"site":"wrong"},"where":{"a":{"site":"wrong"},"site":"S"}}"""), new PartitionKey("S"));
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        using var missing = await container.CreateItemStreamAsync(Json("""{"site":"S","id":"b","where":[{"site":"S"}]}"""), new PartitionKey("S"));
        Assert.Equal(HttpStatusCode.BadRequest, missing.StatusCode);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("c:shopify:1001:1")]
    [InlineData("100%")]
    [InlineData("c:a%2Fb:1")]
    [InlineData("%41")]
    [InlineData("with space")]
    [InlineData("plus+and&=")]
    [InlineData("unicode-ß-漢字-🧵")]
    [InlineData("'; DROP TABLE items_1; --")]
    [InlineData("quote\"d")]
    public async Task An_id_is_kept_exactly(string id)
    {
        var container = await cosmos.NewContainerAsync();
        await container.CreateItemAsync(new Thing(id, "P", 1), new PartitionKey("P"));
        Assert.Equal(id, (await container.ReadItemAsync<Thing>(id, new PartitionKey("P"))).Resource.Id);
        await container.ReplaceItemAsync(new Thing(id, "P", 2), id, new PartitionKey("P"));
        using var batch = await container.CreateTransactionalBatch(new PartitionKey("P")).ReadItem(id).DeleteItem(id).ExecuteAsync();
        Assert.Equal(2, batch.GetOperationResultAtIndex<Thing>(0).Resource.N);
        Assert.Equal(HttpStatusCode.NoContent, batch[1].StatusCode);
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("a\\b")]
    [InlineData("a?b")]
    [InlineData("a#b")]
    [InlineData("")]
    [InlineData("..")]
    public async Task An_id_with_a_forbidden_character_is_refused(string id)
    {
        var container = await cosmos.NewContainerAsync();
        using var refused = await container.CreateItemStreamAsync(Json($$"""{"id":{{JsonSerializer.Serialize(id)}},"pk":"P"}"""), new PartitionKey("P"));
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
    }

    [Fact]
    public async Task Limits_of_id_key_and_item_hold()
    {
        var container = await cosmos.NewContainerAsync();
        Assert.Equal(HttpStatusCode.Created, await CreateAsync(new string('i', 1023), "P", 0));
        Assert.Equal(HttpStatusCode.BadRequest, await CreateAsync(new string('i', 1024), "P", 0));
        Assert.Equal(HttpStatusCode.Created, await CreateAsync("long key", new string('k', 2048), 0));
        Assert.Equal(HttpStatusCode.BadRequest, await CreateAsync("too long key", new string('k', 2049), 0));
        Assert.Equal(HttpStatusCode.Created, await CreateAsync("large", "P", 1_900_000));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await CreateAsync("too large", "P", 2_200_000));

        async Task<HttpStatusCode> CreateAsync(string id, string key, int size)
        {
            using var answer = await container.CreateItemStreamAsync(Json($$"""{"id":"{{id}}","pk":"{{key}}","text":"{{new string('x', size)}}"}"""), new PartitionKey(key));
            return answer.StatusCode;
        }
    }

    [Fact]
    public async Task Hierarchical_keys_separate_and_need_every_component()
    {
        var container = await cosmos.NewContainerAsync("/tenant", "/user", "/session");
        var key = new PartitionKeyBuilder().Add("t").Add("u").Add(3).Build();
        using var created = await container.CreateItemStreamAsync(Json("""{"id":"a","tenant":"t","user":"u","session":3}"""), key);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        using var read = await container.ReadItemStreamAsync("a", key);
        Assert.Equal(HttpStatusCode.OK, read.StatusCode);
        using var other = await container.ReadItemStreamAsync("a", new PartitionKeyBuilder().Add("t").Add("u").Add(4).Build());
        Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);
        using var partial = await container.CreateItemStreamAsync(Json("""{"id":"b","tenant":"t","user":"u","session":3}"""), new PartitionKeyBuilder().Add("t").Add("u").Build());
        Assert.Equal(HttpStatusCode.BadRequest, partial.StatusCode);
        using var batch = await container.CreateTransactionalBatch(key).ReadItem("a").ExecuteAsync();
        Assert.True(batch.IsSuccessStatusCode);
    }
}
