using System.Text;
using System.Text.Json.Nodes;
using Selvedge.Local.Cosmos.Sql;

namespace Selvedge.Tests.Unit.Cosmos;

/// <summary>Which rows a query touches: by key range, by index, never more than it needs.</summary>
public sealed class SqlAccessTests
{
    [Fact]
    public void Few_ids_with_a_prefix_are_found_among_100_000_others_without_reading_them()
    {
        using var table = Journal(100_000);
        var partition = table.Key(JsonValue.Create("S1"));
        foreach (var sql in new[]
        {
            "SELECT * FROM c WHERE STARTSWITH(c.id, 'c:')",
            "SELECT * FROM c WHERE c.id >= 'c:' AND c.id < 'c;'",
            "SELECT * FROM c WHERE c.id LIKE 'c:%' AND STARTSWITH(c.id, @p)",
            "SELECT * FROM c WHERE STARTSWITH(c.id, 'c:') ORDER BY c.n DESC",
        })
        {
            var page = table.Page(sql, partition: partition, parameters: """[{"name":"@p","value":"c:"}]""");
            Assert.Equal(20, page.Rows.Count);
            Assert.Equal(20, page.Visited);
        }

        var point = table.Page("SELECT * FROM c WHERE c.id IN ('balance', 'e:00077', 'c:3', 'nope')", partition: partition);
        Assert.Equal((3, 3), (point.Rows.Count, point.Visited));
        var many = table.Page("SELECT * FROM c WHERE ( ( c.id = 'e:00001' AND c[\"pk\"] = 'S1' ) OR ( c.id = 'c:7' AND c[\"pk\"] = 'S1' ) OR ( c.id = 'c:7' AND c[\"pk\"] = 'S2' ) )");
        Assert.Equal((2, 2), (many.Rows.Count, many.Visited));
        var whole = table.Page("SELECT VALUE COUNT(1) FROM c WHERE c.pk = 'S2'");
        Assert.Equal(1, whole.Visited);
    }

    [Fact]
    public void One_id_in_every_partition_is_found_without_reading_the_others()
    {
        using var table = new SqlTable();
        for (var i = 0; i < 3_000; i++)
        {
            table.Put(new JsonObject { ["id"] = i < 30 ? "balance" : $"e:{i}", ["pk"] = $"S{i % 30}" });
        }

        var page = table.Page("SELECT VALUE c.pk FROM c WHERE c.id = 'balance'", 20);
        Assert.Equal(20, page.Rows.Count);
        Assert.InRange(page.Visited, 40, 42);
        var rest = table.Page("SELECT VALUE c.pk FROM c WHERE c.id = 'balance'", 20, page.Continuation);
        Assert.Equal(30, page.Rows.Concat(rest.Rows).Select(row => Encoding.UTF8.GetString(row.Span)).Distinct().Count());
        Assert.Null(rest.Continuation);
    }

    [Fact]
    public void A_page_of_ids_with_a_prefix_resumes_at_its_key()
    {
        using var table = Journal(1_000);
        var partition = table.Key(JsonValue.Create("S1"));
        var first = table.Page("SELECT * FROM c WHERE STARTSWITH(c.id, 'e:')", 100, null, partition);
        var second = table.Page("SELECT * FROM c WHERE STARTSWITH(c.id, 'e:')", 100, first.Continuation, partition);
        Assert.Equal(100, second.Rows.Count);
        Assert.InRange(second.Visited, 100, 101);
        Assert.Equal("e:00100", JsonNode.Parse(second.Rows[0].Span)!["id"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("SELECT * FROM c WHERE c.status = 'open'", 10)]
    [InlineData("SELECT * FROM c WHERE c.status IN ('open', 'nothing') AND c.n >= 0", 10)]
    [InlineData("SELECT * FROM c WHERE ARRAY_CONTAINS(['open', 'nothing', 7], c.status)", 10)]
    [InlineData("SELECT * FROM c WHERE ARRAY_CONTAINS([], c.status)", 0)]
    [InlineData("SELECT * FROM c WHERE c.due < 5", 5)]
    [InlineData("SELECT * FROM c WHERE c.due BETWEEN 2 AND 4 ORDER BY c.due DESC", 3)]
    [InlineData("SELECT * FROM c WHERE IS_DEFINED(c.due) ORDER BY c.due", 1000)]
    [InlineData("SELECT TOP 4 * FROM c WHERE IS_DEFINED(c.due) ORDER BY c.due DESC", 4)]
    [InlineData("SELECT TOP 4 * FROM c ORDER BY c.due DESC", 4)]
    [InlineData("SELECT TOP 4 * FROM c WHERE c.status = 'open' ORDER BY c.due DESC", 10)]
    [InlineData("SELECT TOP 4 * FROM c WHERE c.status = 'closed' AND c.due != 997 ORDER BY c.due DESC", 5)]
    [InlineData("SELECT VALUE COUNT(1) FROM c WHERE STARTSWITH(c.status, 'ope')", 10)]
    public void An_indexed_property_is_read_from_its_index(string sql, int visited)
    {
        using var table = new SqlTable("/pk", "/status/?", "/due/?");
        for (var i = 0; i < 2_000; i++)
        {
            var item = new JsonObject { ["id"] = $"i{i}", ["pk"] = $"p{i % 100}", ["n"] = i, ["status"] = i % 200 == 0 ? "open" : "closed" };
            if (i % 2 == 0)
            {
                item["due"] = i / 2;
            }

            table.Put(item);
        }

        Assert.Equal(visited, table.Page(sql).Visited);
    }

    [Fact]
    public void Sqlite_searches_the_index_and_sorts_nothing()
    {
        using var table = new SqlTable("/pk", "/status/?");
        var query = SqlParser.Query("SELECT * FROM c WHERE c.status > 'a' ORDER BY c.status DESC", new Dictionary<string, SqlValue>());
        var access = SqlAccess.Choose(query, new QueryRequest(table.Container, "", default, default, [], [0xFF], 10, null, 0), table.Connection);
        foreach (var afterRid in new[] { false, true })
        {
            var plan = Plan(table, SqlScan.Sql(table.Container, access, false, afterRid));
            Assert.Contains($"USING INDEX {access.Index!.Name}", plan, StringComparison.Ordinal);
            Assert.DoesNotContain("TEMP B-TREE", plan, StringComparison.Ordinal);
        }

        var byKey = Plan(table, SqlScan.Sql(table.Container, access with { Index = null }, false, false));
        Assert.Contains("SEARCH items_1 USING INDEX items_1_key (key>? AND key<?)", byKey, StringComparison.Ordinal);
        Assert.DoesNotContain("TEMP B-TREE", byKey, StringComparison.Ordinal);
    }

    [Fact]
    public void Pages_over_an_index_with_a_thousand_equal_values_do_not_read_them_again()
    {
        using var table = new SqlTable("/pk", "/status/?");
        for (var i = 0; i < 1_000; i++)
        {
            table.Put(new JsonObject { ["id"] = $"i{i}", ["pk"] = "p", ["status"] = "open" });
        }

        var ids = new HashSet<string>();
        string? continuation = null;
        do
        {
            var page = table.Page("SELECT VALUE c.id FROM c WHERE c.status = 'open'", 100, continuation);
            Assert.InRange(page.Visited, 1, 101);
            ids.UnionWith(page.Rows.Select(row => Encoding.UTF8.GetString(row.Span)));
            continuation = page.Continuation;
        }
        while (continuation is not null);
        Assert.Equal(1_000, ids.Count);
    }

    [Fact]
    public void Expired_rows_do_not_exist()
    {
        using var table = new SqlTable("/pk", "/n/?");
        table.Put(new JsonObject { ["id"] = "1", ["pk"] = "p", ["n"] = 1 }, expires: 100);
        table.Put(new JsonObject { ["id"] = "2", ["pk"] = "p", ["n"] = 1 }, expires: 101);
        Assert.Equal("\"2\"", Assert.Single(table.Page("SELECT VALUE c.id FROM c", now: 100).Rows.Select(row => Encoding.UTF8.GetString(row.Span))));
        Assert.Single(table.Page("SELECT VALUE c.id FROM c WHERE c.n = 1", now: 100).Rows);
    }

    private static SqlTable Journal(int entries)
    {
        var table = new SqlTable();
        var partition = table.Key(JsonValue.Create("S1"));
        table.Connection.Execute("BEGIN");
        for (var i = 0; i < entries; i++)
        {
            table.Put($$"""{"id":"e:{{i:00000}}","pk":"S1","n":{{i}}}""", partition, $"e:{i:00000}");
        }

        for (var i = 0; i < 20; i++)
        {
            table.Put(new JsonObject { ["id"] = $"c:{i}", ["pk"] = "S1", ["n"] = i });
        }

        table.Put(new JsonObject { ["id"] = "balance", ["pk"] = "S1" });
        table.Put(new JsonObject { ["id"] = "balance", ["pk"] = "S2" });
        table.Connection.Execute("COMMIT");
        return table;
    }

    private static string Plan(SqlTable table, string sql)
    {
        using var statement = table.Connection.Prepare("EXPLAIN QUERY PLAN " + sql);
        var lines = new StringBuilder();
        while (statement.Step())
        {
            lines.AppendLine(statement.String(3));
        }

        return lines.ToString();
    }
}
