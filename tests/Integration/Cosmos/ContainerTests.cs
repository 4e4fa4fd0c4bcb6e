using System.Net;
using Microsoft.Azure.Cosmos;
using Selvedge.Local.Cosmos;
using static Selvedge.Tests.Integration.Cosmos.ItemTests;
using Container = Microsoft.Azure.Cosmos.Container;
using PartitionKey = Microsoft.Azure.Cosmos.PartitionKey;

namespace Selvedge.Tests.Integration.Cosmos;

public sealed class ContainerTests(CosmosFixture cosmos) : IClassFixture<CosmosFixture>
{
    private static readonly PartitionKey P = new("P");

    [Fact]
    public async Task Databases_and_containers_are_created_once_listed_and_deleted()
    {
        var id = "db-" + Guid.NewGuid().ToString("N");
        Assert.Equal(HttpStatusCode.Created, (await cosmos.Client.CreateDatabaseIfNotExistsAsync(id)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await cosmos.Client.CreateDatabaseIfNotExistsAsync(id)).StatusCode);
        var conflict = await Assert.ThrowsAsync<CosmosException>(() => cosmos.Client.CreateDatabaseAsync(id));
        Assert.Equal(HttpStatusCode.Conflict, conflict.StatusCode);

        var database = cosmos.Client.GetDatabase(id);
        Assert.Equal(HttpStatusCode.Created, (await database.CreateContainerIfNotExistsAsync("one", "/pk")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await database.CreateContainerIfNotExistsAsync("one", "/pk")).StatusCode);
        await database.CreateContainerAsync("two", "/pk");
        using var containers = database.GetContainerQueryIterator<ContainerProperties>();
        Assert.Equal(["one", "two"], (await containers.ReadNextAsync()).Select(container => container.Id).Order());

        await database.GetContainer("one").DeleteContainerAsync();
        Assert.Equal(HttpStatusCode.NotFound, (await database.GetContainer("one").ReadContainerStreamAsync()).StatusCode);
        await database.DeleteAsync();
        Assert.Equal(HttpStatusCode.NotFound, (await database.ReadStreamAsync()).StatusCode);
    }

    [Fact]
    public async Task A_container_made_again_under_its_name_is_empty()
    {
        Container container = await cosmos.Database.CreateContainerAsync("again", "/pk");
        await container.CreateItemAsync(new Thing("a", "P"), P);
        await container.DeleteContainerAsync();
        container = await cosmos.Database.CreateContainerAsync("again", "/pk");
        using var read = await container.ReadItemStreamAsync("a", P);
        Assert.Equal(HttpStatusCode.NotFound, read.StatusCode);
        await container.DeleteContainerAsync();
    }

    [Fact]
    public async Task Time_to_live_can_be_switched_on_later()
    {
        var container = await cosmos.NewContainerAsync();
        ContainerProperties properties = await container.ReadContainerAsync();
        Assert.Equal(["/pk"], properties.PartitionKeyPaths);
        Assert.Null(properties.DefaultTimeToLive);
        properties.DefaultTimeToLive = 1;
        await container.ReplaceContainerAsync(properties);
        await container.CreateItemAsync(new Thing("a", "P"), P);
        while ((await container.ReadItemStreamAsync("a", P)).StatusCode != HttpStatusCode.NotFound)
        {
            await Task.Delay(100);
        }

        Assert.Equal(1, ((ContainerProperties)await container.ReadContainerAsync()).DefaultTimeToLive);
    }

    [Fact]
    public async Task The_indexing_policy_can_be_changed_and_kept_apart_from_what_is_stored()
    {
        var container = await cosmos.NewContainerAsync();
        await container.CreateItemAsync(new Thing("a", "P", 1), P);
        ContainerProperties properties = await container.ReadContainerAsync();
        properties.IndexingPolicy = new IndexingPolicy { IncludedPaths = { new IncludedPath { Path = "/n/?" } }, ExcludedPaths = { new ExcludedPath { Path = "/*" } } };
        await container.ReplaceContainerAsync(properties);
        await container.CreateItemAsync(new Thing("b", "P", 2), P);
        properties = await container.ReadContainerAsync();
        Assert.Contains(properties.IndexingPolicy.IncludedPaths, path => path.Path == "/n/?");
        properties.IndexingPolicy = new IndexingPolicy { IncludedPaths = { new IncludedPath { Path = "/text/?" } }, ExcludedPaths = { new ExcludedPath { Path = "/*" } } };
        await container.ReplaceContainerAsync(properties);
        await container.CreateItemAsync(new Thing("c", "P", 3), P);
        using var feed = container.GetItemQueryIterator<int>("SELECT VALUE c.n FROM c ORDER BY c.n", requestOptions: new QueryRequestOptions { PartitionKey = P });
        Assert.Equal([1, 2, 3], await feed.ReadNextAsync());
    }

    [Fact]
    public async Task Writes_that_meet_the_deletion_of_their_container_are_not_found_and_others_go_on()
    {
        var doomed = await cosmos.NewContainerAsync();
        var other = await cosmos.NewContainerAsync();
        var writes = Enumerable.Range(0, 40).Select(i => doomed.CreateItemStreamAsync(Json($$"""{"id":"i{{i}}","pk":"P"}"""), P)).ToList();
        var kept = Enumerable.Range(0, 40).Select(i => other.CreateItemStreamAsync(Json($$"""{"id":"i{{i}}","pk":"P"}"""), P)).ToList();
        await doomed.DeleteContainerAsync();
        Assert.All(await Task.WhenAll(writes), answer => Assert.Contains(answer.StatusCode, new[] { HttpStatusCode.Created, HttpStatusCode.NotFound }));
        Assert.All(await Task.WhenAll(kept), answer => Assert.Equal(HttpStatusCode.Created, answer.StatusCode));
    }

    [Fact]
    public async Task What_is_not_supported_is_refused_by_name()
    {
        Assert.SkipUnless(cosmos.IsLocal, "an account supports these");
        var unique = new ContainerProperties("u", "/pk");
        unique.UniqueKeyPolicy.UniqueKeys.Add(new UniqueKey { Paths = { "/email" } });
        var refused = await Assert.ThrowsAsync<CosmosException>(() => cosmos.Database.CreateContainerAsync(unique));
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("uniqueKeyPolicy", refused.Message, StringComparison.Ordinal);

        var container = await cosmos.NewContainerAsync();
        using var triggered = await container.CreateItemStreamAsync(Json("""{"id":"a","pk":"P"}"""), P, new ItemRequestOptions { PreTriggers = ["t"] });
        Assert.Equal(HttpStatusCode.BadRequest, triggered.StatusCode);
        Assert.Contains("pre-trigger", triggered.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_query_text_the_items_are_listed_page_by_page_over_all_ranges()
    {
        var container = await cosmos.NewContainerAsync();
        for (var i = 0; i < 25; i++)
        {
            await container.CreateItemAsync(new Thing($"i{i}", $"p{i}"), new PartitionKey($"p{i}"));
        }

        using var feed = container.GetItemQueryIterator<Thing>(requestOptions: new QueryRequestOptions { MaxItemCount = 4 });
        var seen = new List<string>();
        while (feed.HasMoreResults)
        {
            var page = await feed.ReadNextAsync();
            Assert.InRange(page.Count, 0, 4);
            seen.AddRange(page.Select(thing => thing.Id));
        }

        Assert.Equal(Enumerable.Range(0, 25).Select(i => $"i{i}").Order(), seen.Order());
    }

    [Fact]
    public async Task The_same_answers_come_through_a_port()
    {
        var folder = CosmosFixture.NewFolder();
        try
        {
            CosmosEnvironment.Apply();
            using var store = CosmosStore.Open(folder);
            await using var endpoint = await CosmosEndpoint.StartAsync(store, 0);
            await Assert.ThrowsAsync<CosmosStoreException>(() => CosmosEndpoint.StartAsync(store, endpoint.Address.Port));
            using var client = new CosmosClient(endpoint.Address.ToString(), Convert.ToBase64String(new byte[64]),
                new CosmosClientOptions { ConnectionMode = ConnectionMode.Gateway, LimitToEndpoint = true, UseSystemTextJsonSerializerWithOptions = System.Text.Json.JsonSerializerOptions.Web });
            Microsoft.Azure.Cosmos.Database database = await client.CreateDatabaseAsync("d");
            Container container = await database.CreateContainerAsync("c", "/pk");
            await container.CreateItemAsync(new Thing("naïve 🧵", "P", 1), P);
            Assert.Equal(1, (await container.ReadItemAsync<Thing>("naïve 🧵", P)).Resource.N);
            using var missing = await container.ReadItemStreamAsync("b", P);
            Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
            using var batch = await container.CreateTransactionalBatch(P).CreateItem(new Thing("c%2Fd", "P")).ReadItem("c%2Fd").ExecuteAsync();
            Assert.True(batch.IsSuccessStatusCode);
            using var ambiguous = await container.ReadItemStreamAsync("c%2Fd", P);
            Assert.Equal(HttpStatusCode.BadRequest, ambiguous.StatusCode);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
