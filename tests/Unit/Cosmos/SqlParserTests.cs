using System.Text;
using System.Text.Json.Nodes;
using Selvedge.Local.Cosmos;

namespace Selvedge.Tests.Unit.Cosmos;

/// <summary>What the grammar takes, what it refuses, and with which words.</summary>
public sealed class SqlParserTests
{
    [Theory]
    [InlineData("SELECT * FROM c WHERE c.a >", "position 28", "the end of the query")]
    [InlineData("SELECT * FROM c WHERE c.a = 1 1", "position 31", "'1'")]
    [InlineData("SELECT * FROM c WHERE (c.a = 1", "')' was expected")]
    [InlineData("SELECT * FROM c WHERE a = 1", "'a' could not be resolved")]
    [InlineData("SELECT * FROM c WHERE c.a = 'x", "the string has no end", "position 29")]
    [InlineData("SELECT * FROM c WHERE c.a = '\\q'", "unknown escape")]
    [InlineData("SELECT * FROM c WHERE c.a = 1e999", "'1e999' is not a number")]
    [InlineData("SELECT * FROM c WHERE c.a ; DROP TABLE x", "';' has no meaning")]
    [InlineData("SELECT * FROM c WHERE c.a | 1", "bitwise operator '|'")]
    [InlineData("SELECT * FROM c WHERE c.a = @nope", "the parameter '@nope' has no value")]
    [InlineData("SELECT * FROM c WHERE RegexMatch(c.a, 'x')", "The function RegexMatch")]
    [InlineData("SELECT * FROM c WHERE LOWER(c.a, c.b)", "LOWER does not take 2")]
    [InlineData("SELECT * FROM c WHERE COUNT(1) > 1", "COUNT is an aggregate")]
    [InlineData("SELECT VALUE SUM(MAX(c.a)) FROM c", "MAX is an aggregate")]
    [InlineData("SELECT c.a, COUNT(1) FROM c", "'c' that is neither")]
    [InlineData("SELECT c.b FROM c GROUP BY c.a", "'c' that is neither")]
    [InlineData("SELECT c.a FROM c GROUP BY c.a ORDER BY c.a", "ORDER BY together with GROUP BY")]
    [InlineData("SELECT c.a FROM c GROUP BY c.a HAVING c.a > 1", "HAVING")]
    [InlineData("SELECT * FROM c ORDER BY RANK f(c.a)", "ORDER BY RANK")]
    [InlineData("SELECT * FROM c JOIN l IN c.lines", "SELECT * with JOIN")]
    [InlineData("SELECT * FROM c, d", "More than one source")]
    [InlineData("SELECT * FROM c.lines", "FROM over a path")]
    [InlineData("SELECT TOP -1 * FROM c", "TOP needs a whole number")]
    [InlineData("SELECT VALUE c.id FROM c OFFSET 1", "LIMIT was expected")]
    [InlineData("SELECT c.a, c.b AS a FROM c", "two values named 'a'")]
    [InlineData("SELECT VALUE (SELECT VALUE l FROM l IN c.lines) FROM c", "A scalar subquery")]
    [InlineData("SELECT 1", "FROM was expected")]
    [InlineData("", "SELECT was expected")]
    [InlineData("UPDATE c SET c.a = 1", "SELECT was expected")]
    public void What_is_refused_is_named(string sql, params string[] named)
    {
        using var table = new SqlTable();
        var error = Assert.Throws<CosmosError>(() => table.Page(sql));
        Assert.Equal(400, error.Status);
        Assert.All(named, word => Assert.Contains(word, error.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("SELECT VALUE c.n + 1 FROM c", "4")]
    [InlineData("select value C['n'] /* a comment */ from Things as C -- another", "3")]
    [InlineData("SELECT VALUE root[\"o\"].list[1] FROM root", "\"b\"")]
    [InlineData("SELECT VALUE 2 + 3 * -2 - 10 / 4 % 2 FROM c", "-4.5")]
    [InlineData("SELECT VALUE [c.n, 'it\\'s', \"\\u00e9\", null, undefined, true, {a: c.nope, \"b c\": c.n}] FROM c", """[3,"it's","é",null,true,{"b c":3}]""")]
    [InlineData("SELECT VALUE c.n > 2 AND NOT c.n = 4 ? 'yes' : 'no' FROM c", "\"yes\"")]
    [InlineData("SELECT VALUE c.nope ?? c.o.x ?? 'none' FROM c", "\"none\"")]
    [InlineData("SELECT VALUE 1 / 0 FROM c", null)]
    [InlineData("SELECT VALUE c.value FROM c", "7")]
    [InlineData("SELECT VALUE c['from'] FROM c WHERE c.from = 'here'", "\"here\"")]
    [InlineData("SELECT VALUE ARRAY(SELECT VALUE UPPER(x) FROM x IN c.o.list WHERE x != 'a') FROM c", "[\"B\",\"C\"]")]
    [InlineData("SELECT VALUE (SELECT VALUE COUNT(1) FROM x IN c.o.list) FROM c", "3")]
    [InlineData("SELECT x AS letter FROM c JOIN x IN c.o.list WHERE x > 'b'", """{"letter":"c"}""")]
    [InlineData("SELECT VALUE SUBSTRING('abcdef', 2, 3) || LEFT('xyz', 2) || REPLACE('aa', 'a', 'b') FROM c", "\"cdexybb\"")]
    [InlineData("SELECT VALUE [INDEX_OF('abc', 'c'), LENGTH('ab'), ABS(-2), FLOOR(1.5), CEILING(1.5), TRIM(' a ')] FROM c", "[2,2,2,1,2,\"a\"]")]
    [InlineData("SELECT VALUE 'a[b]%' LIKE 'a[[]b]!%' ESCAPE '!' FROM c", "true")]
    [InlineData("SELECT VALUE {} = {} FROM c", "true")]
    [InlineData("SELECT VALUE {a: 1, b: [1.0]} = {b: [1], a: 1} FROM c", "true")]
    public void What_is_taken_means(string sql, string? row)
    {
        using var table = new SqlTable();
        table.Put((JsonObject)JsonNode.Parse("""{"id":"1","pk":"p","n":3,"value":7,"from":"here","o":{"list":["a","b","c"]}}""")!);
        Assert.Equal(row is null ? [] : [row], table.All(sql));
    }

    [Fact]
    public void Half_a_surrogate_pair_spoils_neither_index_nor_query()
    {
        using var table = new SqlTable("/pk", "/v/?");
        table.Put("""{"id":"1","pk":"p","v":"a\\\ud83d\ud83d\udc57\n\udc00"}""", table.Key("p"), "1");
        table.Put("""{"id":"2","pk":"p","v":"b"}""", table.Key("p"), "2");
        Assert.Equal(["\"2\""], table.All("SELECT VALUE c.id FROM c WHERE c.v = 'b'"));
        Assert.Equal(["\"1\""], table.All("SELECT VALUE c.id FROM c WHERE c.v = 'a\\\\\\ufffd\\ud83d\\udc57\\n\\ufffd'"));
        Assert.Equal(["\"1\"", "\"2\""], table.All("SELECT VALUE c.id FROM c ORDER BY c.v", 1));
    }

    [Fact]
    public void Depth_is_bounded_and_breadth_is_not()
    {
        using var table = new SqlTable();
        table.Put(new JsonObject { ["id"] = "i7", ["pk"] = "p" });
        var wide = string.Join(" OR ", Enumerable.Range(0, 5_000).Select(i => $"(c.id = 'i{i}' AND c.pk = 'p')"));
        Assert.Single(table.All($"SELECT * FROM c WHERE {wide}"));
        foreach (var deep in new[] { new string('(', 100_000) + "1", string.Concat(Enumerable.Repeat("NOT ", 100_000)) + "true", "1" + string.Concat(Enumerable.Repeat(" + 1", 100_000)) })
        {
            var error = Assert.Throws<CosmosError>(() => table.All($"SELECT * FROM c WHERE {deep}"));
            Assert.Contains("nested too deeply", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("""{"value":[2],"exclude":true}""", "3,4")]
    [InlineData("""{"value":[2],"exclude":false}""", "2,2b,3,4")]
    [InlineData("""{"value":[2],"rid":"%3","exclude":false}""", "2b,3,4")]
    [InlineData("""{"value":[2],"rid":"%3","exclude":true}""", "3,4")]
    [InlineData("""{"value":[[]],"exclude":true}""", "1,2,2b,3,4")]
    [InlineData("""{"value":["x"],"exclude":true}""", "")]
    public void A_resume_filter_goes_on_where_it_says_with_and_without_an_index(string filter, string ids)
    {
        foreach (var indexed in new[] { Array.Empty<string>(), ["/n/?"] })
        {
            using var table = new SqlTable("/pk", indexed);
            var items = new (string Id, double? N)[] { ("1", 1), ("2", 2), ("2b", 2), ("3", 3), ("4", 4), ("none", null) };
            foreach (var (id, n) in items)
            {
                table.Put(new JsonObject { ["id"] = id, ["pk"] = "p" + id, ["n"] = n is null ? "gone" : n });
            }

            table.Connection.Execute("UPDATE items_1 SET body = '{\"id\":\"none\"}' WHERE body LIKE '%gone%'");
            filter = filter.Replace("%3", table.Container.ItemRid(3), StringComparison.Ordinal);
            foreach (var (direction, where) in new[] { ("ASC", ""), ("ASC", "WHERE IS_DEFINED(c.n)") })
            {
                var page = table.Page($"SELECT VALUE c.id FROM c {where} ORDER BY c.n {direction}", resume: filter);
                Assert.Equal(ids, string.Join(',', page.Rows.Select(row => Encoding.UTF8.GetString(row.Span).Trim('"'))));
            }
        }
    }

    [Fact]
    public void A_descending_resume_filter_counts_ties_downwards()
    {
        foreach (var indexed in new[] { Array.Empty<string>(), ["/n/?"] })
        {
            using var table = new SqlTable("/pk", indexed);
            for (var i = 1; i <= 6; i++)
            {
                table.Put(new JsonObject { ["id"] = $"{i}", ["pk"] = "p", ["n"] = i / 3 });
            }

            var filter = $$"""{"value":[1],"rid":"{{table.Container.ItemRid(4)}}","exclude":false}""";
            Assert.Equal(["\"4\"", "\"3\"", "\"2\"", "\"1\""], table.Page("SELECT VALUE c.id FROM c WHERE c.n >= 0 ORDER BY c.n DESC", resume: filter).Rows.Select(row => Encoding.UTF8.GetString(row.Span)));
            Assert.Equal(["\"2\"", "\"1\""], table.Page("SELECT VALUE c.id FROM c WHERE c.n >= 0 ORDER BY c.n DESC", resume: """{"value":[1],"exclude":true}""").Rows.Select(row => Encoding.UTF8.GetString(row.Span)));
        }
    }
}
