using System.Text.Json;
using Microsoft.Azure.Cosmos;

namespace Selvedge.Tests.Integration.Cosmos;

/// <summary>Aggregates, GROUP BY and DISTINCT, which the SDK puts together from each partition's part.</summary>
public sealed class AggregateQueryTests(CosmosFixture cosmos) : IClassFixture<CosmosFixture>
{
    [Theory]
    [InlineData(null)]
    [InlineData("p1")]
    public async Task Aggregates_of_numbers(string? key)
    {
        var container = await cosmos.NewContainerAsync();
        await Queries.FillAsync(container, 25);
        var values = Enumerable.Range(0, 25).Where(i => key is null || i % 5 == 1).ToList();
        Assert.Equal([values.Count], await Queries.AllAsync<int>(container, "SELECT VALUE COUNT(1) FROM c", key));
        Assert.Equal([values.Sum()], await Queries.AllAsync<int>(container, "SELECT VALUE SUM(c.n) FROM c", key));
        Assert.Equal([values.Min()], await Queries.AllAsync<int>(container, "SELECT VALUE MIN(c.n) FROM c", key));
        Assert.Equal([values.Max() / 4.0], await Queries.AllAsync<double>(container, "SELECT VALUE MAX(c.price) FROM c", key));
        Assert.Equal([values.Average()], await Queries.AllAsync<double>(container, "SELECT VALUE AVG(c.n) FROM c", key));
        Assert.Equal([values.Count(n => n % 2 == 0)], await Queries.AllAsync<int>(container, "SELECT VALUE COUNT(1) FROM c WHERE c.kind = 'even'", key));
        var row = Assert.Single(await Queries.AllAsync<JsonElement>(container, "SELECT COUNT(1) AS cnt, MAX(c.n) AS most FROM c", key));
        Assert.Equal(values.Count, row.GetProperty("cnt").GetInt32());
        Assert.Equal(values.Max(), row.GetProperty("most").GetInt32());
    }

    [Fact]
    public async Task Aggregates_leave_undefined_out_and_give_nothing_for_no_values()
    {
        var container = await cosmos.NewContainerAsync();
        Assert.Equal([0], await Queries.AllAsync<int>(container, "SELECT VALUE COUNT(1) FROM c"));
        Assert.Equal([0], await Queries.AllAsync<int>(container, "SELECT VALUE SUM(c.n) FROM c"));
        await container.CreateItemAsync(new { id = "1", pk = "a", n = 4, s = "b" });
        await container.CreateItemAsync(new { id = "2", pk = "b", n = 2, s = "a" });
        await container.CreateItemAsync(new { id = "3", pk = "c" });
        Assert.Equal([2], await Queries.AllAsync<int>(container, "SELECT VALUE COUNT(c.n) FROM c"));
        Assert.Equal([3.0], await Queries.AllAsync<double>(container, "SELECT VALUE AVG(c.n) FROM c"));
        Assert.Equal([2], await Queries.AllAsync<int>(container, "SELECT VALUE MIN(c.n) FROM c"));
        Assert.Equal(["b"], await Queries.AllAsync<string>(container, "SELECT VALUE MAX(c.s) FROM c"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("p3")]
    public async Task Group_by_counts_each_group_once(string? key)
    {
        var container = await cosmos.NewContainerAsync();
        await Queries.FillAsync(container, 30);
        var rows = await Queries.AllAsync<JsonElement>(container, "SELECT c.kind, COUNT(1) AS cnt, SUM(c.n) AS total, MIN(c.n) AS least FROM c GROUP BY c.kind", 2, key);
        var expected = Enumerable.Range(0, 30).Where(i => key is null || i % 5 == 3).GroupBy(i => i % 2 == 0 ? "even" : "odd")
            .Select(group => $$"""{"kind":"{{group.Key}}","cnt":{{group.Count()}},"total":{{group.Sum()}},"least":{{group.Min()}}}""");
        Assert.Equal(expected.Order(), rows.Select(row => row.GetRawText()).Order());
    }

    [Fact]
    public async Task Group_by_several_expressions()
    {
        var container = await cosmos.NewContainerAsync();
        await Queries.FillAsync(container, 20);
        var rows = await Queries.AllAsync<JsonElement>(container, "SELECT UPPER(c.kind) AS kind, ARRAY_LENGTH(c.tags) AS tags, COUNT(1) AS cnt FROM c GROUP BY UPPER(c.kind), ARRAY_LENGTH(c.tags)");
        Assert.Equal(
            ["""{"kind":"EVEN","tags":0,"cnt":5}""", """{"kind":"EVEN","tags":2,"cnt":5}""", """{"kind":"ODD","tags":1,"cnt":5}""", """{"kind":"ODD","tags":3,"cnt":5}"""],
            rows.Select(row => row.GetRawText()).Order());
    }

    [Fact]
    public async Task Distinct_gives_each_value_once()
    {
        var container = await cosmos.NewContainerAsync();
        await Queries.FillAsync(container, 20);
        Assert.Equal(["even", "odd"], (await Queries.AllAsync<string>(container, "SELECT DISTINCT VALUE c.kind FROM c", 3)).Order());
        Assert.Equal(["even", "odd"], await Queries.AllAsync<string>(container, "SELECT DISTINCT VALUE c.kind FROM c ORDER BY c.kind", 3));
        Assert.Equal(8, (await Queries.AllAsync<JsonElement>(container, "SELECT DISTINCT c.kind, c.tags[0] AS a, c.pk FROM c WHERE c.n < 8")).Count);
        Assert.Equal(2, (await Queries.AllAsync<string>(container, "SELECT DISTINCT TOP 2 VALUE c.pk FROM c", 1)).Distinct().Count());
        Assert.Equal(4, (await Queries.AllAsync<string>(container, "SELECT DISTINCT VALUE c.pk FROM c OFFSET 1 LIMIT 9", 2)).Distinct().Count());
    }
}
