using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Container = Microsoft.Azure.Cosmos.Container;

namespace Selvedge.Tests.Integration.Cosmos;

/// <summary>Filters, parameters, projections and ReadMany, within a partition and across.</summary>
public sealed class BasicQueryTests(CosmosFixture cosmos) : IClassFixture<CosmosFixture>
{
    [Fact]
    public async Task Everything_comes_once_from_all_partitions_whatever_the_page_size()
    {
        var container = await cosmos.NewContainerAsync();
        await Queries.FillAsync(container, 25);
        foreach (var size in new[] { 1, 3, 7, 100, -1 })
        {
            var ids = await Queries.AllAsync<JsonElement>(container, "SELECT * FROM c", size: size);
            Assert.Equal(25, ids.Select(item => item.GetProperty("id").GetString()).Distinct().Count());
            Assert.Equal(25, ids.Count);
        }
    }

    [Fact]
    public async Task A_partition_key_confines_a_query_to_its_partition()
    {
        var container = await cosmos.NewContainerAsync();
        await Queries.FillAsync(container, 25);
        var ids = await Queries.AllAsync<string>(container, "SELECT VALUE c.id FROM c WHERE c.n >= @from", "p1", ("@from", 10));
        Assert.Equal(["i11", "i16", "i21"], ids.Order());
    }

    [Fact]
    public async Task Parameters_of_every_type_match_their_own_type_only()
    {
        var container = await cosmos.NewContainerAsync();
        await container.CreateItemAsync(new { id = "text", pk = "a", v = "1" });
        await container.CreateItemAsync(new { id = "number", pk = "a", v = 1 });
        await container.CreateItemAsync(new { id = "yes", pk = "a", v = true });
        await container.CreateItemAsync(new { id = "null", pk = "a", v = (string?)null });
        await container.CreateItemAsync(new { id = "list", pk = "a", v = new[] { 1, 2 } });
        await container.CreateItemAsync(new { id = "object", pk = "a", v = new { x = 1 } });
        await container.CreateItemAsync(new { id = "missing", pk = "a" });
        var given = new (object? Value, string Id)[]
        {
            ("1", "text"), (1, "number"), (1.0, "number"), (true, "yes"), (null, "null"), (new[] { 1, 2 }, "list"), (new { x = 1 }, "object"),
        };
        foreach (var (value, id) in given)
        {
            Assert.Equal([id], await Queries.AllAsync<string>(container, "SELECT VALUE c.id FROM c WHERE c.v = @v", "a", ("@v", value)));
        }
    }

    [Fact]
    public async Task Text_in_a_parameter_is_data()
    {
        var container = await cosmos.NewContainerAsync();
        const string evil = "x' OR 1=1 -- \"; DROP TABLE items_1; \\' ) UNION SELECT * FROM c /*";
        await container.CreateItemAsync(new { id = "1", pk = "a", v = evil });
        await container.CreateItemAsync(new { id = "2", pk = "a", v = "other" });
        Assert.Equal(["1"], await Queries.AllAsync<string>(container, "SELECT VALUE c.id FROM c WHERE c.v = @v", null, ("@v", evil)));
        Assert.Equal([evil], await Queries.AllAsync<string>(container, "SELECT VALUE c.v FROM c WHERE CONTAINS(c.v, @v)", null, ("@v", "DROP TABLE")));
    }

    [Fact]
    public async Task Unicode_passes_through_literals_parameters_and_results()
    {
        var container = await cosmos.NewContainerAsync();
        const string text = "Größe 👗 東京 \u0001 \u2028";
        await container.CreateItemAsync(new { id = "ünï-👗", pk = "東", v = text });
        Assert.Equal([text], await Queries.AllAsync<string>(container, "SELECT VALUE c.v FROM c WHERE c.id = 'ünï-👗'"));
        Assert.Equal([text], await Queries.AllAsync<string>(container, "SELECT VALUE c.v FROM c WHERE c.v = @v", "東", ("@v", text)));
        Assert.Equal(["ünï-👗"], await Queries.AllAsync<string>(container, "SELECT VALUE c.id FROM c WHERE STARTSWITH(c.id, '\\u00fcn')", "東"));
        Assert.Equal(["GRÖSSE".Length], await Queries.AllAsync<int>(container, "SELECT VALUE LENGTH('GRÖSSE') FROM c"));
    }

    [Fact]
    public async Task Read_many_gives_the_items_that_exist()
    {
        var container = await cosmos.NewContainerAsync();
        await Queries.FillAsync(container, 30);
        var wanted = Enumerable.Range(0, 40).Select(i => ($"i{i}", new PartitionKey($"p{i % 5}"))).ToList();
        var response = await container.ReadManyItemsAsync<JsonElement>(wanted);
        Assert.Equal(Enumerable.Range(0, 30).Select(i => $"i{i}").Order(), response.Select(item => item.GetProperty("id").GetString()).Order());
    }

    [Fact]
    public async Task Properties_without_a_value_vanish_from_a_projection()
    {
        var container = await cosmos.NewContainerAsync();
        await container.CreateItemAsync(new { id = "1", pk = "a", name = "x", size = new { eu = 38, us = (int?)null } });
        var row = Assert.Single(await Queries.AllAsync<JsonElement>(container,
            "SELECT c.id, c.nope, c.size.eu, c[\"size\"][\"us\"] AS us, {\"a\": c.nope, \"b\": [c.name, c.nope, 1]} AS made, c.size.eu + 1 FROM c"));
        Assert.Equal("""{"id":"1","eu":38,"us":null,"made":{"b":["x",1]},"$1":39}""", row.GetRawText());
    }

    [Fact]
    public async Task System_properties_can_be_selected_and_compared()
    {
        var container = await cosmos.NewContainerAsync();
        var created = await container.CreateItemAsync(new { id = "1", pk = "a" });
        var row = Assert.Single(await Queries.AllAsync<JsonElement>(container,
            "SELECT c._etag, c._ts, c._rid FROM c WHERE c._etag = @etag AND c._ts > 1500000000 AND IS_STRING(c._self)", "a", ("@etag", created.ETag)));
        Assert.Equal(created.ETag, row.GetProperty("_etag").GetString());
        Assert.Equal(24, row.GetProperty("_rid").GetString()!.Length);
        var whole = Assert.Single(await Queries.AllAsync<JsonElement>(container, "SELECT VALUE c FROM c"));
        Assert.Equal(created.ETag, whole.GetProperty("_etag").GetString());
    }

    [Fact]
    public async Task An_indexing_policy_changes_no_answer()
    {
        var properties = new ContainerProperties("c" + Guid.NewGuid().ToString("N"), "/pk");
        properties.IndexingPolicy.IncludedPaths.Add(new IncludedPath { Path = "/kind/?" });
        properties.IndexingPolicy.IncludedPaths.Add(new IncludedPath { Path = "/n/?" });
        properties.IndexingPolicy.ExcludedPaths.Add(new ExcludedPath { Path = "/*" });
        Container container = await cosmos.Database.CreateContainerAsync(properties);
        await Queries.FillAsync(container, 20);
        await container.UpsertItemAsync(new { id = "i3", pk = "p3", n = 3, kind = "even" });
        await container.DeleteItemAsync<object>("i4", new PartitionKey("p4"));
        await CheckAsync();
        properties.IndexingPolicy.IncludedPaths.RemoveAt(0);
        properties.IndexingPolicy.IncludedPaths.Add(new IncludedPath { Path = "/price/?" });
        await container.ReplaceContainerAsync(properties);
        await CheckAsync();

        async Task CheckAsync()
        {
            Assert.Equal([18, 16, 14, 12, 10, 8, 6, 3, 2, 0], await Queries.AllAsync<int>(container, "SELECT VALUE c.n FROM c WHERE c.kind = 'even' AND c.n >= 0 ORDER BY c.n DESC", 3));
            Assert.Equal([0, 1, 2, 3], await Queries.ResumedAsync<int>(container, "SELECT TOP 4 VALUE c.n FROM c ORDER BY c.n", 1));
        }
    }

    [Theory]
    [InlineData("SELECT * FROM c WHERE c.x = nope", "nope")]
    [InlineData("SELECT * FROM c WHERE ST_DISTANCE(c.a, c.b) < 1", "ST_DISTANCE")]
    [InlineData("SELECT * FROM c WHERE udf.f(c.a)", "user-defined")]
    [InlineData("SELECT * FROM c WHERE c.a & 1 = 1", "'&'")]
    [InlineData("SELECT * FROM c WHERE c.a = @p", "@p")]
    [InlineData("SELECT * FROM c WHERE c.a = 'x", "string")]
    public async Task What_is_not_understood_is_a_400_that_names_it(string sql, string named)
    {
        var container = await cosmos.NewContainerAsync();
        var error = await Assert.ThrowsAsync<CosmosException>(() => Queries.AllAsync<JsonElement>(container, sql, "a"));
        Assert.Equal(System.Net.HttpStatusCode.BadRequest, error.StatusCode);
        if (cosmos.IsLocal)
        {
            Assert.Contains(named, error.Message, StringComparison.Ordinal);
        }
    }
}

/// <summary>What the query tests share: items and draining a query.</summary>
internal static class Queries
{
    /// <summary>Items i0.. in partitions p0..p4, with n, kind (even/odd), tags and a price in quarters.</summary>
    public static async Task FillAsync(Container container, int count)
    {
        for (var i = 0; i < count; i++)
        {
            await container.CreateItemAsync(new
            {
                id = $"i{i}", pk = $"p{i % 5}", n = i, kind = i % 2 == 0 ? "even" : "odd", price = i / 4.0, tags = Enumerable.Range(0, i % 4).Select(t => $"t{t}"),
            });
        }
    }

    public static Task<List<T>> AllAsync<T>(Container container, string sql, string? key = null, params (string Name, object? Value)[] parameters) =>
        AllAsync<T>(container, sql, -1, key, parameters);

    public static async Task<List<T>> AllAsync<T>(Container container, string sql, int size, string? key = null, params (string Name, object? Value)[] parameters)
    {
        var query = new QueryDefinition(sql);
        foreach (var (name, value) in parameters)
        {
            query.WithParameter(name, value);
        }

        var all = new List<T>();
        using var pages = container.GetItemQueryIterator<T>(query, requestOptions: new QueryRequestOptions
        {
            MaxItemCount = size,
            PartitionKey = key is null ? null : new PartitionKey(key),
        });
        while (pages.HasMoreResults)
        {
            all.AddRange(await pages.ReadNextAsync());
        }

        return all;
    }

    /// <summary>Drains a query with a new iterator for every page, each begun with the token of the page before.</summary>
    public static async Task<List<T>> ResumedAsync<T>(Container container, string sql, int size, string? key = null, Func<Task>? between = null)
    {
        var all = new List<T>();
        string? token = null;
        do
        {
            using var pages = container.GetItemQueryIterator<T>(sql, token, new QueryRequestOptions
            {
                MaxItemCount = size,
                PartitionKey = key is null ? null : new PartitionKey(key),
            });
            var page = await pages.ReadNextAsync();
            all.AddRange(page);
            token = page.ContinuationToken;
            await (between?.Invoke() ?? Task.CompletedTask);
        }
        while (token is not null);
        return all;
    }
}
