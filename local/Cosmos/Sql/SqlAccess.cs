using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>
/// How a query reaches its rows: along the key column, or along the index of one property (<paramref name="Index"/>), within
/// <paramref name="Ranges"/> of that. <paramref name="GivesOrder"/>: the rows come in the order the query asks for.
/// </summary>
internal sealed record SqlAccess(SqlIndex? Index, SqlRanges Ranges, bool Descending, bool GivesOrder)
{
    /// <summary>
    /// One logical partition, or a condition that fixes keys, is read by key. Else an equality on an indexed property decides, else an index that
    /// gives the order, else any index the condition bounds, else all keys of the scope.
    /// </summary>
    public static SqlAccess Choose(SqlQuery query, QueryRequest request)
    {
        var definition = request.Container.Definition;
        var partition = Partition(request);
        var bounds = SqlBounds.OfKey(query.Where, query.Root!, definition, partition);
        var keys = SqlRanges.Intersect(SqlRanges.Between(request.From, request.To), bounds)!;
        var byKey = new SqlAccess(null, keys, false, query.OrderBy.Count == 0);
        if (partition is not null || bounds is not null)
        {
            return byKey;
        }

        SqlAccess? best = null;
        foreach (var index in SqlIndexes.Of(request.Container))
        {
            if (SqlBounds.OfProperty(query.Where, query.Root!, index.Path) is not { } ranges)
            {
                continue;
            }

            var ordered = query.OrderBy is [var order] && SqlBounds.IsPath(order.Value, query.Root!, index.Path);
            var candidate = new SqlAccess(index, ranges, ordered && query.OrderBy[0].Descending, ordered || query.OrderBy.Count == 0);
            if (best is null || Rank(candidate, ordered) > Rank(best, best.GivesOrder && query.OrderBy.Count > 0))
            {
                best = candidate;
            }
        }

        return best ?? byKey;
    }

    private static int Rank(SqlAccess access, bool ordered) => access.Ranges.ArePoints ? 2 : ordered ? 1 : 0;

    /// <summary>The effective key when the request's scope is exactly one logical partition.</summary>
    private static byte[]? Partition(QueryRequest request)
    {
        var length = 16 * (request.Container.Definition.Hierarchical ? request.Container.Definition.Paths.Length : 1);
        if (request.From.Length < length)
        {
            return null;
        }

        var key = request.From[..length];
        return request.To.AsSpan().StartsWith(key) || request.To.AsSpan().SequenceEqual(KeyRange.After(key)) ? key : null;
    }
}

/// <summary>
/// Reads the rows of an access, one by one, from after a position. A position is the row's key, or along an index the sort key and the
/// row's creation number; rows written meanwhile do not move it.
/// </summary>
internal sealed class SqlScan : IDisposable
{
    private readonly Connection _connection;
    private readonly QueryRequest _request;
    private readonly SqlAccess _access;
    private readonly IEnumerator<(byte[] From, byte[] To)> _ranges;
    private Statement? _statement;

    public SqlScan(Connection connection, QueryRequest request, SqlAccess access, byte[]? after)
    {
        _connection = connection;
        _request = request;
        _access = access;
        var ranges = access.Ranges;
        if (after is not null && access.Index is null)
        {
            ranges = SqlRanges.Intersect(ranges, SqlRanges.Between(SqlRanges.Next(after), KeyRange.End))!;
        }
        else if (after is not null)
        {
            var (key, rid) = SqlPosition.Split(after);
            ranges = SqlRanges.Intersect(ranges, access.Descending ? SqlRanges.Between([], key) : SqlRanges.Between(SqlRanges.Next(key), KeyRange.End))!;
            if (SqlRanges.Intersect(access.Ranges, SqlRanges.Point(key))!.List.Count > 0)
            {
                _statement = Open(key, SqlRanges.Next(key), rid);
            }
        }

        _ranges = (access.Descending ? ranges.List.Reverse() : ranges.List).GetEnumerator();
    }

    /// <summary>Rows read so far: the work done.</summary>
    public int Visited { get; private set; }

    /// <summary>Moves <paramref name="row"/> to the next item; false at the end.</summary>
    public bool Next(SqlRow row)
    {
        while (true)
        {
            if (_statement is not null && _statement.Step())
            {
                Visited++;
                row.Move(_statement.Long(0), _statement.Long(1), _statement.Long(2), _statement.Bytes(4));
                return true;
            }

            _statement = null;
            if (!_ranges.MoveNext())
            {
                return false;
            }

            _statement = Open(_ranges.Current.From, _ranges.Current.To, null);
        }
    }

    /// <summary>The position of the current row.</summary>
    public byte[] Position() => _access.Index is null ? _statement!.Bytes(3).ToArray() : SqlPosition.Join(_statement!.Bytes(3), _statement.Long(1));

    public void Dispose()
    {
        _statement?.Reset();
        _ranges.Dispose();
    }

    /// <summary>The SELECT for one range; the tests look at its query plan.</summary>
    public static string Sql(Container container, SqlAccess access, bool afterRid)
    {
        const string alive = "(expires IS NULL OR expires > ?3)";
        if (access.Index is not { } index)
        {
            return $"SELECT lsn, rid, ts, key, body FROM {container.Table} WHERE key >= ?1 AND key < ?2 AND {alive} ORDER BY key";
        }

        var direction = access.Descending ? "DESC" : "ASC";
        var range = afterRid ? $"{index.Expression} = ?1 AND rid {(access.Descending ? "<" : ">")} ?6 AND ?2 IS NOT NULL" : $"{index.Expression} >= ?1 AND {index.Expression} < ?2";
        return $"SELECT lsn, rid, ts, {index.Expression}, body FROM {container.Table} INDEXED BY {index.Name} "
            + $"WHERE {index.Expression} IS NOT NULL AND {range} AND {alive} AND key >= ?4 AND key < ?5 "
            + (afterRid ? $"ORDER BY rid {direction}" : $"ORDER BY {index.Expression} {direction}, rid {direction}");
    }

    private Statement Open(byte[] from, byte[] to, long? afterRid)
    {
        var statement = _connection.Kept(Sql(_request.Container, _access, afterRid is not null))
            .Bind(1, from).Bind(2, to).Bind(3, _request.Now);
        if (_access.Index is not null)
        {
            statement.Bind(4, _request.From).Bind(5, _request.To);
        }

        return afterRid is { } rid ? statement.Bind(6, rid) : statement;
    }
}
