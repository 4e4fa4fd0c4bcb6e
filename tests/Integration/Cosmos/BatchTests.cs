using System.Net;
using Microsoft.Azure.Cosmos;
using static Selvedge.Tests.Integration.Cosmos.ItemTests;

namespace Selvedge.Tests.Integration.Cosmos;

public sealed class BatchTests(CosmosFixture cosmos) : IClassFixture<CosmosFixture>
{
    private static readonly PartitionKey P = new("P");

    [Fact]
    public async Task A_batch_of_every_operation_is_applied_in_order()
    {
        var container = await cosmos.NewContainerAsync();
        await container.CreateItemAsync(new Thing("gone", "P"), P);
        await container.CreateItemAsync(new Thing("patched", "P", 1), P);
        using var answer = await container.CreateTransactionalBatch(P)
            .CreateItem(new Thing("a", "P", 1))
            .ReplaceItem("a", new Thing("a", "P", 2))
            .ReadItem("a")
            .UpsertItem(new Thing("b", "P", 7))
            .PatchItem("patched", [PatchOperation.Increment("/n", 4)])
            .DeleteItem("gone")
            .ExecuteAsync();
        Assert.True(answer.IsSuccessStatusCode, answer.ErrorMessage);
        Assert.Equal([201, 200, 200, 201, 200, 204], answer.Select(one => (int)one.StatusCode));
        Assert.Equal(2, answer.GetOperationResultAtIndex<Thing>(2).Resource.N);
        Assert.Equal(answer[1].ETag, answer[2].ETag);
        Assert.Equal(5, (await container.ReadItemAsync<Thing>("patched", P)).Resource.N);
        Assert.Equal(2, (await container.ReadItemAsync<Thing>("a", P)).Resource.N);
        Assert.Equal(HttpStatusCode.NotFound, (await container.ReadItemStreamAsync("gone", P)).StatusCode);
    }

    [Theory]
    [InlineData("conflict", HttpStatusCode.Conflict)]
    [InlineData("etag", HttpStatusCode.PreconditionFailed)]
    [InlineData("missing", HttpStatusCode.NotFound)]
    public async Task A_failing_operation_fails_the_batch_the_others_are_424_and_nothing_is_written(string kind, HttpStatusCode expected)
    {
        var container = await cosmos.NewContainerAsync();
        var stale = (await container.CreateItemAsync(new Thing("a", "P", 1), P)).ETag;
        await container.ReplaceItemAsync(new Thing("a", "P", 2), "a", P);
        var batch = container.CreateTransactionalBatch(P).CreateItem(new Thing("new1", "P")).UpsertItem(new Thing("a", "P", 9));
        batch = kind switch
        {
            "conflict" => batch.CreateItem(new Thing("a", "P")),
            "etag" => batch.ReplaceItem("a", new Thing("a", "P", 3), new TransactionalBatchItemRequestOptions { IfMatchEtag = stale }),
            _ => batch.ReplaceItem("nowhere", new Thing("nowhere", "P")),
        };
        using var answer = await batch.CreateItem(new Thing("new2", "P")).ExecuteAsync();
        Assert.Equal(expected, answer.StatusCode);
        Assert.Equal([HttpStatusCode.FailedDependency, HttpStatusCode.FailedDependency, expected, HttpStatusCode.FailedDependency], answer.Select(one => one.StatusCode));
        Assert.Equal(HttpStatusCode.NotFound, (await container.ReadItemStreamAsync("new1", P)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await container.ReadItemStreamAsync("new2", P)).StatusCode);
        Assert.Equal(2, (await container.ReadItemAsync<Thing>("a", P)).Resource.N);
    }

    [Fact]
    public async Task A_hundred_operations_fit_and_one_more_does_not()
    {
        var container = await cosmos.NewContainerAsync();
        var hundred = container.CreateTransactionalBatch(P);
        var more = container.CreateTransactionalBatch(P);
        for (var i = 0; i < 100; i++)
        {
            hundred.CreateItem(new Thing($"a{i}", "P", i));
            more.CreateItem(new Thing($"b{i}", "P", i));
        }

        using var fits = await hundred.ExecuteAsync();
        Assert.True(fits.IsSuccessStatusCode, fits.ErrorMessage);
        Assert.Equal(100, fits.Count);
        using var refused = await more.CreateItem(new Thing("b100", "P")).ExecuteAsync();
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await container.ReadItemStreamAsync("b0", P)).StatusCode);
    }

    [Fact]
    public async Task A_batch_over_two_megabytes_is_refused_and_nothing_is_written()
    {
        var container = await cosmos.NewContainerAsync();
        var batch = container.CreateTransactionalBatch(P);
        for (var i = 0; i < 3; i++)
        {
            batch.CreateItem(new Thing($"big{i}", "P", Text: new string('x', 900_000)));
        }

        using var refused = await batch.ExecuteAsync();
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, refused.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await container.ReadItemStreamAsync("big0", P)).StatusCode);
    }

    [Fact]
    public async Task An_item_of_another_partition_spoils_the_batch()
    {
        var container = await cosmos.NewContainerAsync();
        using var refused = await container.CreateTransactionalBatch(P).CreateItem(new Thing("a", "P")).CreateItem(new Thing("b", "Q")).ExecuteAsync();
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await container.ReadItemStreamAsync("a", P)).StatusCode);
    }

    [Fact]
    public async Task Concurrent_batches_that_read_decide_and_write_lose_no_update()
    {
        var container = await cosmos.NewContainerAsync();
        await container.CreateItemAsync(new Thing("sum", "P"), P);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async caller =>
        {
            for (var i = 0; i < 10;)
            {
                var sum = await container.ReadItemAsync<Thing>("sum", P);
                using var answer = await container.CreateTransactionalBatch(P)
                    .ReplaceItem("sum", sum.Resource with { N = sum.Resource.N + 1 }, new TransactionalBatchItemRequestOptions { IfMatchEtag = sum.ETag })
                    .CreateItem(new Thing($"e{caller}-{i}", "P"))
                    .ExecuteAsync();
                i += answer.IsSuccessStatusCode ? 1 : 0;
                Assert.True(answer.IsSuccessStatusCode || answer.StatusCode == HttpStatusCode.PreconditionFailed);
            }
        }));
        Assert.Equal(80, (await container.ReadItemAsync<Thing>("sum", P)).Resource.N);
    }
}
