using System.Globalization;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Microsoft.Azure.Cosmos.Linq;

namespace Selvedge.Tests.Integration.Cosmos;

/// <summary>ORDER BY within and across partitions, its continuation tokens, TOP, OFFSET LIMIT, LINQ.</summary>
public sealed class OrderedQueryTests(CosmosFixture cosmos) : IClassFixture<CosmosFixture>
{
    [Theory]
    [InlineData("ASC", 1)]
    [InlineData("ASC", 3)]
    [InlineData("DESC", 1)]
    [InlineData("DESC", 2)]
    public async Task Order_holds_across_partitions_and_through_tokens_with_many_ties(string direction, int size)
    {
        var container = await cosmos.NewContainerAsync();
        for (var i = 0; i < 24; i++)
        {
            await container.CreateItemAsync(new { id = $"i{i}", pk = $"p{i % 7}", n = i % 5 });
        }

        var sql = $"SELECT c.id, c.n FROM c ORDER BY c.n {direction}";
        foreach (var rows in new[] { await Queries.AllAsync<Numbered>(container, sql, size), await Queries.ResumedAsync<Numbered>(container, sql, size) })
        {
            var values = rows.Select(row => row.N).ToList();
            Assert.Equal(24, rows.Select(row => row.Id).Distinct().Count());
            Assert.Equal(direction == "ASC" ? values.Order() : values.OrderDescending(), values);
            Assert.Equal(24, values.Count);
        }
    }

    [Theory]
    [InlineData("ASC")]
    [InlineData("DESC")]
    public async Task Order_in_one_partition_resumes_from_tokens(string direction)
    {
        var container = await cosmos.NewContainerAsync();
        await Queries.FillAsync(container, 30);
        var rows = await Queries.ResumedAsync<Numbered>(container, $"SELECT * FROM c ORDER BY c.kind {direction}, c.n DESC", 2, "p2");
        var expected = new[] { 27, 22, 17, 12, 7, 2 }.OrderBy(n => direction == "ASC" ? n % 2 : -(n % 2)).ThenByDescending(n => n);
        Assert.Equal(expected, rows.Select(row => row.N));
    }

    [Fact]
    public async Task Rows_written_between_pages_neither_repeat_nor_hide_others()
    {
        var container = await cosmos.NewContainerAsync();
        for (var i = 0; i < 12; i++)
        {
            await container.CreateItemAsync(new { id = $"i{i}", pk = "p", n = i * 10 });
        }

        var written = 0;
        var rows = await Queries.ResumedAsync<Numbered>(container, "SELECT * FROM c ORDER BY c.n", 3, "p", async () =>
        {
            await container.CreateItemAsync(new { id = $"early{written}", pk = "p", n = -1 - written++ });
            await container.UpsertItemAsync(new { id = "i11", pk = "p", n = 110, again = written });
        });
        Assert.Equal(Enumerable.Range(0, 12).Select(i => $"i{i}"), rows.Select(row => row.Id));
    }

    [Fact]
    public async Task Values_of_different_types_are_ordered_by_type()
    {
        // The documented order: undefined, null, boolean, number, string. The service gives rows without the property as well
        // (learn.microsoft.com, ORDER BY, remarks), the older emulator does not.
        var container = await cosmos.NewContainerAsync();
        var items = new (string Id, object? Value)[] { ("text", "a"), ("ten", 10), ("two", 2), ("true", true), ("false", false), ("null", null), ("Text", "B"), ("minus", -1.5) };
        foreach (var (id, value) in items)
        {
            await container.CreateItemAsync(new { id, pk = id, v = value });
        }

        string[] expected = ["null", "false", "true", "minus", "two", "ten", "Text", "text"];
        Assert.Equal(expected, await Queries.AllAsync<string>(container, "SELECT VALUE c.id FROM c ORDER BY c.v", 3));
        Assert.Equal(expected.Reverse(), await Queries.AllAsync<string>(container, "SELECT VALUE c.id FROM c ORDER BY c.v DESC", 3));
        await container.CreateItemAsync(new { id = "missing", pk = "missing" });
        Assert.Equal(["missing", .. expected], await Queries.AllAsync<string>(container, "SELECT VALUE c.id FROM c ORDER BY c.v", 2));
        Assert.Equal(["missing", .. expected], await Queries.ResumedAsync<string>(container, "SELECT VALUE c.id FROM c ORDER BY c.v", 1));
    }

    [Fact]
    public async Task Top_and_offset_limit_cut_the_ordered_rows()
    {
        var container = await cosmos.NewContainerAsync();
        await Queries.FillAsync(container, 20);
        Assert.Equal([19, 18, 17], await Queries.AllAsync<int>(container, "SELECT TOP 3 VALUE c.n FROM c ORDER BY c.n DESC", 2));
        Assert.Equal([4, 5, 6, 7], await Queries.AllAsync<int>(container, "SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 4 LIMIT 4", 3));
        Assert.Equal([6, 11], await Queries.AllAsync<int>(container, "SELECT VALUE c.n FROM c ORDER BY c.n OFFSET @o LIMIT @l", 1, "p1", ("@o", 1), ("@l", 2)));
        Assert.Equal(5, (await Queries.AllAsync<int>(container, "SELECT TOP @t VALUE c.n FROM c", 2, null, ("@t", 5))).Count);
        Assert.Equal(7, (await Queries.AllAsync<int>(container, "SELECT VALUE c.n FROM c OFFSET 13 LIMIT 10", 4)).Distinct().Count());
        Assert.Empty(await Queries.AllAsync<int>(container, "SELECT VALUE c.n FROM c OFFSET 20 LIMIT 10"));
        Assert.Empty(await Queries.AllAsync<int>(container, "SELECT TOP 0 VALUE c.n FROM c"));
    }

    [Fact]
    public async Task Order_by_several_properties_in_their_own_directions()
    {
        // An account needs a composite index for this; the local store does not.
        Assert.SkipUnless(cosmos.IsLocal, "needs a composite index");
        var container = await cosmos.NewContainerAsync();
        await Queries.FillAsync(container, 20);
        var rows = await Queries.ResumedAsync<Numbered>(container, "SELECT c.id, c.n FROM c ORDER BY c.kind DESC, c.n ASC", 3);
        Assert.Equal(Enumerable.Range(0, 20).OrderByDescending(n => n % 2).ThenBy(n => n), rows.Select(row => row.N));
    }

    [Fact]
    public async Task Linq_filters_orders_and_projects()
    {
        var container = await cosmos.NewContainerAsync();
        await Queries.FillAsync(container, 20);
        var query = container.GetItemLinqQueryable<Numbered>()
            .Where(item => item.N > 3 && item.Kind == "even" && item.Tags.Contains("t1"))
            .OrderByDescending(item => item.N)
            .Select(item => new { item.Id, Double = item.N * 2 });
        using var pages = query.ToFeedIterator();
        var rows = new List<string>();
        while (pages.HasMoreResults)
        {
            rows.AddRange((await pages.ReadNextAsync()).Select(row => string.Create(CultureInfo.InvariantCulture, $"{row.Id}:{row.Double}")));
        }

        Assert.Equal(["i18:36", "i14:28", "i10:20", "i6:12"], rows);
        Assert.Equal(20, (await container.GetItemLinqQueryable<Numbered>().CountAsync()).Resource);
    }

    [Fact]
    public async Task A_token_of_another_query_is_refused()
    {
        Assert.SkipUnless(cosmos.IsLocal, "tokens are the store's own");
        var container = await cosmos.NewContainerAsync();
        await Queries.FillAsync(container, 10);
        var options = new QueryRequestOptions { MaxItemCount = 1, PartitionKey = new PartitionKey("p1") };
        using var first = container.GetItemQueryIterator<JsonElement>("SELECT * FROM c", null, options);
        var token = (await first.ReadNextAsync()).ContinuationToken;
        using var other = container.GetItemQueryIterator<JsonElement>("SELECT * FROM c WHERE c.n > 0", token, options);
        var error = await Assert.ThrowsAsync<CosmosException>(() => other.ReadNextAsync());
        Assert.Equal(System.Net.HttpStatusCode.BadRequest, error.StatusCode);
    }

    public sealed record Numbered(string Id, int N, string Kind, List<string> Tags);
}
