using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Selvedge.Local.Cosmos.Storage;
using SQLitePCL;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>A SQLite index over one property of the items' JSON.</summary>
/// <param name="Name">Of the index.</param>
/// <param name="Path">The property's name, or names from the outside in.</param>
/// <param name="Expression">What the index is over: a sort key (<see cref="SqlSortKey"/>), NULL where the property is undefined.</param>
internal sealed record SqlIndex(string Name, string[] Path, string Expression);

/// <summary>
/// SQLite indexes for a container's indexing policy: one for every included path that names a property (<c>/status/?</c>).
/// <c>/*</c> makes none: what is not indexed is found by a scan, which is slower but right. (The service refuses to ORDER BY
/// a path its policy leaves out; here that is a scan too.) Rows without the property are not in its index: whether an item has any
/// indexed property is found while it is read (<see cref="Heads"/>) and kept beside it as <c>indexed</c>, so that for those which
/// have none nothing is computed on the writer's thread.
/// </summary>
internal static class SqlIndexes
{
    /// <summary>The SQL function behind the indexes: <c>sort_key(body, '/path')</c>.</summary>
    private const string Function = "sort_key";

    private static readonly ConditionalWeakTable<ContainerDefinition, List<SqlIndex>> Known = [];

    private static readonly ConditionalWeakTable<ContainerDefinition, byte[][]> KnownHeads = [];

    /// <summary>CREATE INDEX statements for <paramref name="container"/>'s policy; none for the default one.</summary>
    public static IReadOnlyList<string> For(Container container) =>
        [.. Of(container).Select(index => $"CREATE INDEX {index.Name} ON {container.Table} ({index.Expression}, rid) WHERE {Condition(index)}")];

    /// <summary>What a query must say for SQLite to use the index.</summary>
    public static string Condition(SqlIndex index) => $"indexed = 1 AND {index.Expression} IS NOT NULL";

    /// <summary>The first names of the indexed paths, in UTF-8: an item without any of them is in no index.</summary>
    public static byte[][] Heads(ContainerDefinition definition) =>
        KnownHeads.GetValue(definition, d => [.. Of(d, "").Select(index => index.Path[0]).Distinct().Select(Encoding.UTF8.GetBytes)]);

    public static IReadOnlyList<SqlIndex> Of(Container container) => Known.GetValue(container.Definition, definition => Of(definition, container.Table));

    private static List<SqlIndex> Of(ContainerDefinition definition, string table)
    {
        var indexes = new List<SqlIndex>();
        if (definition.IndexingPolicy is not { } policy || !policy.TryGetProperty("includedPaths", out var included))
        {
            return indexes;
        }

        foreach (var item in included.EnumerateArray())
        {
            var text = item.GetProperty("path").GetString()!;
            if (!text.EndsWith("/?", StringComparison.Ordinal) || Segments(text[1..^2]) is not { } path)
            {
                continue;
            }

            var pointer = "/" + string.Join('/', path);
            if (indexes.Exists(index => index.Path.SequenceEqual(path)) || path[0] == "id" || path[0].StartsWith('_'))
            {
                continue;
            }

            indexes.Add(new SqlIndex(
                string.Create(CultureInfo.InvariantCulture, $"{table}_{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(pointer)))[..16]}"),
                path,
                $"{Function}(body, '{pointer.Replace("'", "''", StringComparison.Ordinal)}')"));
        }

        return indexes;
    }

    /// <summary>Makes the indexes' function known to a connection; every connection on a store needs it.</summary>
    public static void Register(Connection connection)
    {
        const int flags = raw.SQLITE_UTF8 | raw.SQLITE_DETERMINISTIC;
        var paths = new List<IndexedPath>();
        var code = raw.sqlite3_create_function(connection.Handle, Function, 2, flags, null, (context, _, arguments) =>
        {
            var path = IndexedPath.Of(raw.sqlite3_value_blob(arguments[1]), paths);
            var value = path.In(raw.sqlite3_value_blob(arguments[0]));
            if (value.IsDefined)
            {
                raw.sqlite3_result_blob(context, SqlSortKey.Encode(value));
            }
            else
            {
                raw.sqlite3_result_null(context);
            }
        });
        if (code != raw.SQLITE_OK)
        {
            throw connection.Failure(code);
        }
    }

    /// <summary>The names of a policy path without its slash in front and <c>/?</c> behind; null for one over array elements or with a slash in a name.</summary>
    private static string[]? Segments(string path)
    {
        var segments = path.Split('/').Select(segment => segment.Length > 1 && segment[0] == '"' && segment[^1] == '"' ? segment[1..^1] : segment).ToArray();
        return Array.Exists(segments, segment => segment.Length == 0 || segment is "[]" or "*" || segment.Contains('"')) ? null : segments;
    }
}

/// <summary>Finds the value of an indexed path in the text of an item.</summary>
internal sealed class IndexedPath
{
    private readonly byte[] _pointer;
    private readonly byte[][] _names;
    private readonly byte[] _quoted;

    private IndexedPath(byte[] pointer)
    {
        _pointer = pointer;
        _names = [.. Encoding.UTF8.GetString(pointer)[1..].Split('/').Select(Encoding.UTF8.GetBytes)];
        _quoted = [(byte)'"', .. _names[^1], (byte)'"'];
    }

    /// <summary>The path written <c>/outer/inner</c>, kept in <paramref name="known"/>.</summary>
    public static IndexedPath Of(ReadOnlySpan<byte> pointer, List<IndexedPath> known)
    {
        foreach (var path in known)
        {
            if (pointer.SequenceEqual(path._pointer))
            {
                return path;
            }
        }

        known.Add(new IndexedPath(pointer.ToArray()));
        return known[^1];
    }

    /// <summary>Most items of a container lack most of what is indexed: text without the name, and without escapes, need not be parsed.</summary>
    public SqlValue In(ReadOnlySpan<byte> body)
    {
        if (body.IndexOf(_quoted) < 0 && !body.Contains((byte)'\\'))
        {
            return SqlValue.Undefined;
        }

        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = 128 });
        reader.Read();
        return Find(ref reader, _names);
    }

    private static SqlValue Find(ref Utf8JsonReader reader, ReadOnlySpan<byte[]> path)
    {
        // The last property of a name counts, as everywhere.
        var found = SqlValue.Undefined;
        if (path.IsEmpty)
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject or JsonTokenType.StartArray:
                    return SqlValue.Of(JsonElement.ParseValue(ref reader));
                case JsonTokenType.String:
                    return SqlValue.Of(SqlText.Read(ref reader));
                case JsonTokenType.Number:
                    return SqlValue.Of(reader.GetDouble());
                default:
                    return reader.TokenType == JsonTokenType.Null ? SqlValue.Null : SqlValue.Of(reader.TokenType == JsonTokenType.True);
            }
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return found;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var here = reader.ValueTextEquals(path[0]);
            reader.Read();
            if (here)
            {
                found = Find(ref reader, path[1..]);
            }
            else
            {
                reader.Skip();
            }
        }

        return found;
    }
}
