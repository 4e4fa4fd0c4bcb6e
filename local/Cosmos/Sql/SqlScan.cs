using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>
/// Reads the rows of an access, one by one, from after a position. A position is the row's key, or along an index the sort key and the
/// row's creation number; rows written meanwhile do not move it.
/// </summary>
internal sealed class SqlScan : IDisposable
{
    private readonly Connection _connection;
    private readonly QueryRequest _request;
    private readonly SqlAccess _access;
    private readonly int _partition;
    private readonly IEnumerator<(byte[] From, byte[] To)> _ranges;
    private Statement? _statement;

    public SqlScan(Connection connection, QueryRequest request, SqlAccess access, byte[]? after)
    {
        _connection = connection;
        _request = request;
        _access = access;
        _partition = SqlAccess.PartitionLength(request.Container.Definition);
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

        _ranges = (access.Ids is { } ids ? Leaps(ranges, ids) : access.Descending ? ranges.List.Reverse() : ranges.List).GetEnumerator();
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
                row.Move(_statement.Long(0), _statement.Long(1), _statement.Long(2), _statement.Bytes(3)[_partition..], _statement.Bytes(4));
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
    public byte[] Position() => _access.Index is null ? _statement!.Bytes(3).ToArray() : SqlPosition.Join(_statement!.Bytes(5), _statement.Long(1));

    public void Dispose()
    {
        _statement?.Reset();
        _ranges.Dispose();
    }

    /// <summary>The SELECT for one range; the tests look at its query plan.</summary>
    public static string Sql(Container container, SqlAccess access, bool undefined, bool afterRid)
    {
        const string alive = "(expires IS NULL OR expires > ?3)";
        if (access.Index is not { } index)
        {
            return $"SELECT lsn, rid, ts, key, body FROM {container.Table} WHERE key >= ?1 AND key < ?2 AND {alive} ORDER BY key";
        }

        var direction = access.Descending ? "DESC" : "ASC";
        var rest = $"{alive} AND key >= ?4 AND key < ?5" + (afterRid ? $" AND rid {(access.Descending ? "<" : ">")} ?6" : "");
        if (undefined)
        {
            return $"SELECT lsn, rid, ts, key, body, ?1 FROM {container.Table} WHERE {index.Expression} IS NULL AND ?2 IS NOT NULL AND {rest} ORDER BY rid {direction}";
        }

        return $"SELECT lsn, rid, ts, key, body, {index.Expression} FROM {container.Table} INDEXED BY {index.Name} WHERE {SqlIndexes.Condition(index)} AND {rest} AND "
            + (afterRid
                ? $"{index.Expression} = ?1 AND ?2 IS NOT NULL ORDER BY rid {direction}"
                : $"{index.Expression} >= ?1 AND {index.Expression} < ?2 ORDER BY {index.Expression} {direction}, rid {direction}");
    }

    private Statement Open(byte[] from, byte[] to, long? afterRid)
    {
        var undefined = _access.Index is not null && from.AsSpan().SequenceEqual(SqlAccess.UndefinedKey);
        var statement = _connection.Kept(Sql(_request.Container, _access, undefined, afterRid is not null))
            .Bind(1, from).Bind(2, to).Bind(3, _request.Now);
        if (_access.Index is not null)
        {
            statement.Bind(4, _request.From).Bind(5, _request.To);
        }

        return afterRid is { } rid ? statement.Bind(6, rid) : statement;
    }

    /// <summary>For each logical partition there is, the ranges of the ids wanted in it: a search for each, whatever else is in there.</summary>
    private IEnumerable<(byte[] From, byte[] To)> Leaps(SqlRanges ranges, SqlRanges ids)
    {
        foreach (var (start, end) in ranges.List)
        {
            for (var at = start; ;)
            {
                var next = _connection.Kept($"SELECT key FROM {_request.Container.Table} WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT 1").Bind(1, at).Bind(2, end);
                if (!next.Step())
                {
                    break;
                }

                Visited++;
                var partition = next.Bytes(0)[.._partition].ToArray();
                next.Reset();
                var rest = SqlRanges.Between(at, end);
                foreach (var (from, to) in ids.List)
                {
                    foreach (var range in SqlRanges.Intersect(rest, SqlRanges.Between([.. partition, .. from], [.. partition, .. to]))!.List)
                    {
                        yield return range;
                    }
                }

                at = KeyRange.After(partition);
            }
        }
    }
}
