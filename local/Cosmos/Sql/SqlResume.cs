using System.Buffers;
using System.Text.Json;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>
/// The SDK's <c>resumeFilter</c>, with which it goes on with an ORDER BY: <c>{"value":[4],"exclude":true}</c> means rows after that
/// value, <c>{"value":[4],"rid":"..","exclude":false}</c> from that row on, the row included.
/// </summary>
internal sealed class SqlResume
{
    private readonly SqlValue[] _values;
    private readonly long? _rid;
    private readonly bool _exclude;

    private SqlResume(SqlValue[] values, long? rid, bool exclude)
    {
        _values = values;
        _rid = rid;
        _exclude = exclude;
    }

    /// <exception cref="CosmosError">400: not a filter for this ORDER BY.</exception>
    public static SqlResume Parse(JsonElement filter, SqlQuery query, Container container)
    {
        if (!filter.TryGetProperty("value", out var list) || list.ValueKind != JsonValueKind.Array || list.GetArrayLength() != query.OrderBy.Count || query.OrderBy.Count == 0)
        {
            throw CosmosError.BadRequest("resumeFilter needs one value for each item of ORDER BY.");
        }

        var values = list.EnumerateArray().Select(Value).ToArray();
        long? rid = null;
        if (filter.TryGetProperty("rid", out var text) && text.ValueKind == JsonValueKind.String)
        {
            rid = container.TryParseItemRid(text.GetString()!, out var number)
                ? number
                : throw CosmosError.BadRequest($"resumeFilter names the item '{text.GetString()}', which is not one of container '{container.Id}'.");
        }

        return new SqlResume(values, rid, filter.TryGetProperty("exclude", out var exclude) && exclude.ValueKind == JsonValueKind.True);
    }

    /// <summary>The least sort key of a row that comes.</summary>
    public byte[] SortedFrom(SqlQuery query)
    {
        var key = new ArrayBufferWriter<byte>();
        for (var i = 0; i < _values.Length; i++)
        {
            SqlSortKey.Append(key, _values[i], query.OrderBy[i].Descending);
        }

        if (_rid is { } rid)
        {
            SqlSortKey.AppendLong(key, rid, query.OrderBy[0].Descending);
        }

        var bytes = key.WrittenSpan.ToArray();
        return _exclude ? KeyRange.After(bytes) : bytes;
    }

    /// <summary>The ranges of an index that gives the order, without what lies before.</summary>
    public SqlRanges Clip(SqlAccess access)
    {
        if (access.Index is null)
        {
            return access.Ranges;
        }

        var value = SqlSortKey.Encode(_values[0]);
        var withValue = !_exclude || _rid is not null;
        return SqlRanges.Intersect(access.Ranges, access.Descending
            ? SqlRanges.Between([], withValue ? SqlRanges.Next(value) : value)
            : SqlRanges.Between(withValue ? value : SqlRanges.Next(value), KeyRange.End))!;
    }

    /// <summary>With a row named: the position just before it (or at it, when it is excluded) along the index.</summary>
    public byte[]? ExclusivePosition(SqlAccess access) => access.Index is not null && _rid is { } rid
        ? SqlPosition.Join(SqlSortKey.Encode(_values[0]), _exclude ? rid : access.Descending ? rid + 1 : rid - 1)
        : null;

    /// <summary>Undefined is sent as <c>[]</c>; arrays and objects as a hash that only the service can compare with.</summary>
    private static SqlValue Value(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Array when json.GetArrayLength() == 0 => SqlValue.Undefined,
        JsonValueKind.Array or JsonValueKind.Object => throw CosmosError.BadRequest("Resuming an ORDER BY at an array or object is not supported here."),
        _ => SqlValue.Of(json),
    };
}
