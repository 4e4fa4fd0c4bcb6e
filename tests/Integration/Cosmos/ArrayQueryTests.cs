using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Microsoft.Azure.Cosmos.Linq;
using Container = Microsoft.Azure.Cosmos.Container;

namespace Selvedge.Tests.Integration.Cosmos;

/// <summary>Arrays and functions: ARRAY_CONTAINS, JOIN, EXISTS, LIKE, hierarchical prefixes, patch conditions.</summary>
public sealed class ArrayQueryTests(CosmosFixture cosmos) : IClassFixture<CosmosFixture>
{
    private static async Task<Container> OrdersAsync(CosmosFixture cosmos)
    {
        var container = await cosmos.NewContainerAsync();
        for (var i = 0; i < 6; i++)
        {
            await container.CreateItemAsync(new
            {
                id = $"o{i}", pk = $"p{i % 3}", n = i, lines = Enumerable.Range(0, i).Select(line => new { sku = $"S{line}", quantity = line + 1, place = new { bin = $"B{line % 2}" } }),
            });
        }

        return container;
    }

    [Theory]
    [InlineData("""ARRAY_CONTAINS(c.lines, {"sku": "S3"}, true)""", "o4,o5")]
    [InlineData("""ARRAY_CONTAINS(c.lines, {"sku": "S3"})""", "")]
    [InlineData("""ARRAY_CONTAINS(c.lines, {"sku": "S4", "quantity": 5, "place": {"bin": "B0"}})""", "o5")]
    [InlineData("ARRAY_CONTAINS(['o1', 'o3'], c.id)", "o1,o3")]
    [InlineData("ARRAY_CONTAINS(@ids, c.id)", "o2,o5")]
    [InlineData("ARRAY_LENGTH(c.lines) >= 4", "o4,o5")]
    [InlineData("c.lines[2].sku = 'S2' AND c.lines[3].sku != 'S3'", "")]
    [InlineData("EXISTS(SELECT VALUE l FROM l IN c.lines WHERE l.sku = 'S4' AND l.quantity > 4)", "o5")]
    [InlineData("STARTSWITH(c.id, 'O', true) AND ENDSWITH(c.id, '2') AND CONTAINS(c.pk, 'p')", "o2")]
    [InlineData("c.id LIKE '%[45]' AND c.id NOT LIKE '_5'", "o4")]
    [InlineData("(c.nope ?? c.n) = 3 OR (IS_DEFINED(c.nope) ? 1 : 2) = 1", "o3")]
    [InlineData("c.n * 2 + 1 = 7 OR -c.n = -5 OR c.n % 4 = 2 AND NOT (c.n < 1)", "o2,o3,o5")]
    [InlineData("UPPER(c.id) || CONCAT('-', LOWER('X')) = 'O1-x'", "o1")]
    [InlineData("c.n IN (1, 2, '3') AND c.n NOT IN (2) AND (c.n BETWEEN 0 AND 9)", "o1")]
    [InlineData("c.n != null AND c.nope != 1 OR c.n = 0 AND c.n != 'text'", "o0")]
    public async Task Conditions(string condition, string ids)
    {
        var container = await OrdersAsync(cosmos);
        var found = await Queries.AllAsync<string>(container, $"SELECT VALUE c.id FROM c WHERE {condition}", null, ("@ids", new[] { "o2", "o5" }));
        Assert.Equal(ids, string.Join(',', found.Order()));
    }

    [Fact]
    public async Task Join_gives_a_row_for_every_element()
    {
        var container = await OrdersAsync(cosmos);
        var rows = await Queries.AllAsync<JsonElement>(container, "SELECT c.id, l.sku FROM c JOIN l IN c.lines WHERE l.quantity = 2", 2);
        Assert.Equal(["o2:S1", "o3:S1", "o4:S1", "o5:S1"], rows.Select(row => row.GetProperty("id") + ":" + row.GetProperty("sku")).Order());
        Assert.Equal([15], await Queries.AllAsync<int>(container, "SELECT VALUE COUNT(1) FROM c JOIN l IN c.lines"));
        Assert.Equal([1, 2, 3, 1, 2, 3, 4], await Queries.AllAsync<int>(container, "SELECT VALUE l.quantity FROM c JOIN l IN c.lines WHERE c.n IN (3, 4) ORDER BY c.n", 2));
        Assert.Equal(5, (await Queries.AllAsync<int>(container, "SELECT VALUE l.quantity FROM l IN c.lines WHERE l.place.bin = 'B0' AND l.quantity = 1")).Count);
    }

    [Fact]
    public async Task Linq_over_arrays_becomes_subqueries_and_joins()
    {
        var container = await OrdersAsync(cosmos);
        var orders = container.GetItemLinqQueryable<Order>();
        Assert.Equal(["o5"], await DrainAsync(orders.Where(order => order.Lines.Any(line => line.Sku == "S4")).Select(order => order.Id)));
        Assert.Equal(["S3", "S3"], await DrainAsync(orders.SelectMany(order => order.Lines.Where(line => line.Sku == "S3").Select(line => line.Sku))));
        Assert.Equal([3], await DrainAsync(orders.Where(order => order.Lines.Count(line => line.Quantity > 2) == 1).Select(order => order.Lines.Max(line => line.Quantity))));
    }

    [Fact]
    public async Task A_prefix_of_a_hierarchical_key_confines_a_query()
    {
        var container = await cosmos.NewContainerAsync("/tenant", "/id");
        for (var i = 0; i < 12; i++)
        {
            await container.CreateItemAsync(new { id = $"i{i}", tenant = $"t{i % 3}", n = i });
        }

        var options = new QueryRequestOptions { PartitionKey = new PartitionKeyBuilder().Add("t1").Build(), MaxItemCount = 2 };
        using var pages = container.GetItemQueryIterator<int>("SELECT VALUE c.n FROM c WHERE c.n > 1 ORDER BY c.n DESC", requestOptions: options);
        var found = new List<int>();
        while (pages.HasMoreResults)
        {
            found.AddRange(await pages.ReadNextAsync());
        }

        Assert.Equal([10, 7, 4], found);
        Assert.Equal([7], await Queries.AllAsync<int>(container, "SELECT VALUE c.n FROM c WHERE c.tenant = 't1' AND c.id = 'i7'"));
        Assert.Equal(4, (await Queries.AllAsync<int>(container, "SELECT VALUE c.n FROM c WHERE c.tenant = 't2'")).Count);
    }

    [Theory]
    [InlineData("FROM c WHERE c.n = 1", true)]
    [InlineData("from c where c.n > 1 or not is_defined(c.status)", true)]
    [InlineData("FROM c WHERE c.n = '1'", false)]
    [InlineData("FROM c WHERE c._ts > 1500000000 AND c.tags[1] = 'b'", true)]
    [InlineData("FROM c WHERE c.nope != 1", false)]
    public async Task A_patch_is_applied_when_its_condition_holds(string condition, bool holds)
    {
        var container = await cosmos.NewContainerAsync();
        await container.CreateItemAsync(new { id = "1", pk = "a", n = 1, tags = new[] { "a", "b" } });
        using var response = await container.PatchItemStreamAsync("1", new PartitionKey("a"), [PatchOperation.Set("/n", 7)], new PatchItemRequestOptions { FilterPredicate = condition });
        Assert.Equal(holds ? System.Net.HttpStatusCode.OK : System.Net.HttpStatusCode.PreconditionFailed, response.StatusCode);
        Assert.Equal([holds ? 7 : 1], await Queries.AllAsync<int>(container, "SELECT VALUE c.n FROM c"));
    }

    private static async Task<List<T>> DrainAsync<T>(IQueryable<T> query)
    {
        using var pages = query.ToFeedIterator();
        var rows = new List<T>();
        while (pages.HasMoreResults)
        {
            rows.AddRange(await pages.ReadNextAsync());
        }

        return rows;
    }

    internal sealed record Line(string Sku, int Quantity);

    internal sealed record Order(string Id, List<Line> Lines);
}
