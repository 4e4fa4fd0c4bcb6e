using System.Net;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using static Selvedge.Tests.Integration.Cosmos.ItemTests;

namespace Selvedge.Tests.Integration.Cosmos;

public sealed class PatchTests(CosmosFixture cosmos) : IClassFixture<CosmosFixture>
{
    private static readonly PartitionKey P = new("P");

    [Fact]
    public async Task Every_kind_of_operation_changes_the_item_as_documented()
    {
        var container = await cosmos.NewContainerAsync();
        using var created = await container.CreateItemStreamAsync(
            Json("""{"id":"a","pk":"P","n":1,"list":[1,2,3],"in":{"x":1,"gone":true},"from":"here"}"""), P);
        var answer = await container.PatchItemAsync<JsonElement>("a", P,
        [
            PatchOperation.Add("/list/1", 9),
            PatchOperation.Add("/list/-", 4),
            PatchOperation.Set("/in/y", "new"),
            PatchOperation.Replace("/in/x", 2),
            PatchOperation.Remove("/in/gone"),
            PatchOperation.Increment("/n", 2.5),
            PatchOperation.Increment("/fresh", 7),
            PatchOperation.Move("/from", "/in/to"),
        ]);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var item = answer.Resource;
        Assert.Equal("[1,9,2,3,4]", item.GetProperty("list").GetRawText());
        Assert.Equal("""{"x":2,"y":"new","to":"here"}""", item.GetProperty("in").GetRawText());
        Assert.Equal("3.5", item.GetProperty("n").GetRawText());
        Assert.Equal("7", item.GetProperty("fresh").GetRawText());
        Assert.False(item.TryGetProperty("from", out _));
        Assert.Equal(answer.ETag, item.GetProperty("_etag").GetString());
    }

    [Fact]
    public async Task A_patch_that_does_not_fit_the_item_is_refused_whole()
    {
        var container = await cosmos.NewContainerAsync();
        await container.CreateItemAsync(new Thing("a", "P", 1, "text"), P);
        foreach (var wrong in new[]
        {
            PatchOperation.Replace("/missing", 1), PatchOperation.Remove("/missing"), PatchOperation.Increment("/text", 1),
            PatchOperation.Set("/no/where", 1), PatchOperation.Set("/id", "b"), PatchOperation.Set("/pk", "Q"),
        })
        {
            using var refused = await container.PatchItemStreamAsync("a", P, [PatchOperation.Set("/n", 5), wrong]);
            Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        }

        Assert.Equal(1, (await container.ReadItemAsync<Thing>("a", P)).Resource.N);
    }

    [Fact]
    public async Task More_than_ten_operations_are_refused()
    {
        var container = await cosmos.NewContainerAsync();
        await container.CreateItemAsync(new Thing("a", "P"), P);
        var eleven = Enumerable.Range(0, 11).Select(i => PatchOperation.Set($"/p{i}", i)).ToList();
        using var refused = await container.PatchItemStreamAsync("a", P, eleven);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
    }

    [Fact]
    public async Task A_condition_that_does_not_hold_is_a_failed_precondition()
    {
        var container = await cosmos.NewContainerAsync();
        await container.CreateItemAsync(new Thing("a", "P", 1), P);
        var operations = new[] { PatchOperation.Increment("/n", 1) };
        using var holds = await container.PatchItemStreamAsync("a", P, operations, new PatchItemRequestOptions { FilterPredicate = "FROM c WHERE c.n = 1" });
        Assert.Equal(HttpStatusCode.OK, holds.StatusCode);
        using var fails = await container.PatchItemStreamAsync("a", P, operations, new PatchItemRequestOptions { FilterPredicate = "FROM c WHERE c.n = 1" });
        Assert.Equal(HttpStatusCode.PreconditionFailed, fails.StatusCode);
        Assert.Equal(2, (await container.ReadItemAsync<Thing>("a", P)).Resource.N);
    }

    [Fact]
    public async Task Concurrent_increments_all_count()
    {
        var container = await cosmos.NewContainerAsync();
        await container.CreateItemAsync(new Thing("a", "P"), P);
        await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => container.PatchItemStreamAsync("a", P, [PatchOperation.Increment("/n", 1)])));
        Assert.Equal(64, (await container.ReadItemAsync<Thing>("a", P)).Resource.N);
    }
}
