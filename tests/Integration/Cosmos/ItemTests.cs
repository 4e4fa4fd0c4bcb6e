using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Azure.Cosmos;

namespace Selvedge.Tests.Integration.Cosmos;

public sealed class ItemTests(CosmosFixture cosmos) : IClassFixture<CosmosFixture>
{
    internal sealed record Thing(string Id, string Pk, int N = 0, string? Text = null);

    internal static Stream Json(string json) => new MemoryStream(Encoding.UTF8.GetBytes(json));

    internal static async Task<JsonElement> ReadAsync(ResponseMessage response)
    {
        using var document = await JsonDocument.ParseAsync(response.Content);
        return document.RootElement.Clone();
    }

    [Fact]
    public async Task An_item_is_created_read_replaced_and_deleted()
    {
        var container = await cosmos.NewContainerAsync();
        var created = await container.CreateItemAsync(new Thing("a", "P", 1), new PartitionKey("P"));
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        Assert.Equal(1, created.Resource.N);

        var read = await container.ReadItemAsync<Thing>("a", new PartitionKey("P"));
        Assert.Equal(HttpStatusCode.OK, read.StatusCode);
        Assert.Equal(created.ETag, read.ETag);

        var replaced = await container.ReplaceItemAsync(new Thing("a", "P", 2), "a", new PartitionKey("P"));
        Assert.Equal(HttpStatusCode.OK, replaced.StatusCode);
        Assert.NotEqual(created.ETag, replaced.ETag);
        Assert.Equal(2, (await container.ReadItemAsync<Thing>("a", new PartitionKey("P"))).Resource.N);

        Assert.Equal(HttpStatusCode.NoContent, (await container.DeleteItemAsync<Thing>("a", new PartitionKey("P"))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await container.ReadItemStreamAsync("a", new PartitionKey("P"))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await container.DeleteItemStreamAsync("a", new PartitionKey("P"))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await container.ReplaceItemStreamAsync(Json("""{"id":"a","pk":"P"}"""), "a", new PartitionKey("P"))).StatusCode);
    }

    [Fact]
    public async Task Creating_an_existing_id_in_a_partition_is_a_conflict_and_in_another_is_not()
    {
        var container = await cosmos.NewContainerAsync();
        await container.CreateItemAsync(new Thing("a", "P"), new PartitionKey("P"));
        var conflict = await Assert.ThrowsAsync<CosmosException>(() => container.CreateItemAsync(new Thing("a", "P"), new PartitionKey("P")));
        Assert.Equal(HttpStatusCode.Conflict, conflict.StatusCode);
        Assert.Equal(HttpStatusCode.Created, (await container.CreateItemAsync(new Thing("a", "Q"), new PartitionKey("Q"))).StatusCode);
    }

    [Fact]
    public async Task Upsert_says_whether_it_created_or_replaced()
    {
        var container = await cosmos.NewContainerAsync();
        Assert.Equal(HttpStatusCode.Created, (await container.UpsertItemAsync(new Thing("a", "P", 1), new PartitionKey("P"))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await container.UpsertItemAsync(new Thing("a", "P", 2), new PartitionKey("P"))).StatusCode);
    }

    [Fact]
    public async Task A_stale_etag_refuses_replace_upsert_delete_and_patch_and_writes_nothing()
    {
        var container = await cosmos.NewContainerAsync();
        var key = new PartitionKey("P");
        var stale = (await container.CreateItemAsync(new Thing("a", "P", 1), key)).ETag;
        await container.ReplaceItemAsync(new Thing("a", "P", 2), "a", key);
        var options = new ItemRequestOptions { IfMatchEtag = stale };

        Assert.Equal(HttpStatusCode.PreconditionFailed, (await container.ReplaceItemStreamAsync(Json("""{"id":"a","pk":"P","n":3}"""), "a", key, options)).StatusCode);
        Assert.Equal(HttpStatusCode.PreconditionFailed, (await container.UpsertItemStreamAsync(Json("""{"id":"a","pk":"P","n":3}"""), key, options)).StatusCode);
        Assert.Equal(HttpStatusCode.PreconditionFailed, (await container.DeleteItemStreamAsync("a", key, options)).StatusCode);
        Assert.Equal(HttpStatusCode.PreconditionFailed,
            (await container.PatchItemStreamAsync("a", key, [PatchOperation.Set("/n", 3)], new PatchItemRequestOptions { IfMatchEtag = stale })).StatusCode);
        Assert.Equal(2, (await container.ReadItemAsync<Thing>("a", key)).Resource.N);
    }

    [Fact]
    public async Task Reading_with_the_current_etag_answers_not_modified()
    {
        var container = await cosmos.NewContainerAsync();
        var etag = (await container.CreateItemAsync(new Thing("a", "P"), new PartitionKey("P"))).ETag;
        using var same = await container.ReadItemStreamAsync("a", new PartitionKey("P"), new ItemRequestOptions { IfNoneMatchEtag = etag });
        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
    }

    [Fact]
    public async Task System_properties_are_returned_and_what_a_caller_sends_of_them_is_ignored()
    {
        var container = await cosmos.NewContainerAsync();
        var before = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        using var created = await container.CreateItemStreamAsync(
            Json("""{ "_etag":"mine", "id":"a" , "_ts" : 5, "pk":"P","_rid":"x","in":{"_etag":"kept"},"_self":null }"""), new PartitionKey("P"));
        var item = await ReadAsync(created);
        Assert.Equal(created.Headers.ETag, item.GetProperty("_etag").GetString());
        Assert.InRange(item.GetProperty("_ts").GetInt64(), before - 60, before + 60);
        Assert.Equal(24, item.GetProperty("_rid").GetString()!.Length);
        Assert.EndsWith("/docs/" + item.GetProperty("_rid").GetString() + "/", item.GetProperty("_self").GetString());
        Assert.Equal("kept", item.GetProperty("in").GetProperty("_etag").GetString());
        Assert.Equal(1, item.EnumerateObject().Count(property => property.Name == "_etag"));
    }

    [Fact]
    public async Task Without_content_response_only_the_etag_comes_back()
    {
        var container = await cosmos.NewContainerAsync();
        var answer = await container.CreateItemAsync(new Thing("a", "P"), new PartitionKey("P"), new ItemRequestOptions { EnableContentResponseOnWrite = false });
        Assert.Null(answer.Resource);
        Assert.Equal((await container.ReadItemAsync<Thing>("a", new PartitionKey("P"))).ETag, answer.ETag);
    }

    [Fact]
    public async Task Of_many_replaces_with_one_etag_exactly_one_wins()
    {
        var container = await cosmos.NewContainerAsync();
        var key = new PartitionKey("P");
        var etag = (await container.CreateItemAsync(new Thing("a", "P", -1), key)).ETag;
        var answers = await Task.WhenAll(Enumerable.Range(0, 32).Select(n => container.ReplaceItemStreamAsync(
            Json($$"""{"id":"a","pk":"P","n":{{n}}}"""), "a", key, new ItemRequestOptions { IfMatchEtag = etag })));
        var winner = Assert.Single(answers.Index(), answer => answer.Item.IsSuccessStatusCode);
        Assert.All(answers, answer => Assert.True(answer.IsSuccessStatusCode || answer.StatusCode == HttpStatusCode.PreconditionFailed));
        Assert.Equal(winner.Index, (await container.ReadItemAsync<Thing>("a", key)).Resource.N);
    }
}
