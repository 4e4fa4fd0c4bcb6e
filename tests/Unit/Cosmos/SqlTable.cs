using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Selvedge.Local.Cosmos;
using Selvedge.Local.Cosmos.Sql;
using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Tests.Unit.Cosmos;

/// <summary>A container's table in memory, filled directly, and queries on it without the wire.</summary>
internal sealed class SqlTable : IDisposable
{
    private long _lsn;

    public SqlTable(string path = "/pk", params string[] indexed)
    {
        var policy = new JsonObject { ["includedPaths"] = new JsonArray([.. indexed.Select(one => new JsonObject { ["path"] = one })]) };
        var definition = new JsonObject
        {
            ["id"] = "c",
            ["partitionKey"] = new JsonObject { ["paths"] = new JsonArray(path), ["kind"] = "Hash" },
            ["indexingPolicy"] = policy,
        };
        Container = new Container(1, new Database(1, "d", 0), ContainerDefinition.Parse(Encoding.UTF8.GetBytes(definition.ToJsonString())), 0, 0);
        Connection = Connection.Open(":memory:", readOnly: false);
        foreach (var sql in Container.Statements.Create.Concat(SqlIndexes.For(Container)))
        {
            Connection.Execute(sql);
        }
    }

    public Container Container { get; }

    public Connection Connection { get; }

    /// <summary>Puts an item, which must have an id and the partition key property.</summary>
    public void Put(JsonObject item, long? expires = null) => Put(item.ToJsonString(), Key(item[Container.Definition.Paths[0][1..]]), item["id"]!.GetValue<string>(), expires);

    public void Put(string body, byte[] partition, string id, long? expires = null)
    {
        byte[] key = [.. partition, .. Encoding.UTF8.GetBytes(id)];
        var rid = ++_lsn;
        Connection.Kept($"INSERT OR REPLACE INTO {Container.Table}(lsn, key, rid, ts, expires, indexed, body) VALUES(?1, ?2, ?3, 0, ?4, 1, ?5)")
            .Bind(1, _lsn).Bind(2, key).Bind(3, rid).Bind(4, expires).BindText(5, body).Run();
    }

    public byte[] Key(JsonNode? value) => PartitionKey.Parse(new JsonArray(value?.DeepClone()).ToJsonString(), Container.Definition).Effective;

    public QueryPage Page(string sql, int size = 1000, string? continuation = null, byte[]? partition = null, string? parameters = null, string? resume = null, long now = 0) =>
        SqlExecutor.Run(Connection, new QueryRequest(
            Container, sql, Json(parameters), Json(resume), partition ?? [], partition is null ? KeyRange.End : KeyRange.After(partition), size, continuation, now));

    /// <summary>All rows as text, drained page by page.</summary>
    public List<string> All(string sql, int size = 1000, byte[]? partition = null, string? parameters = null)
    {
        var rows = new List<string>();
        string? continuation = null;
        do
        {
            var page = Page(sql, size, continuation, partition, parameters);
            rows.AddRange(page.Rows.Select(row => Encoding.UTF8.GetString(row.Span)));
            continuation = page.Continuation;
        }
        while (continuation is not null);
        return rows;
    }

    public void Dispose() => Connection.Dispose();

    private static JsonElement Json(string? text) => text is null ? default : JsonDocument.Parse(text).RootElement;
}
