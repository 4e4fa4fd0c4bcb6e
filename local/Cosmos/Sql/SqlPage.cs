using System.Buffers;
using System.Text.Json;
using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>
/// Makes one page in bounded memory. Rows come either in the order wanted and are given as they come, or are sorted: then the
/// page is the smallest of all rows after the position, kept in a heap. A position is made of the row's own values, never of
/// a count of rows, so pages stay right while rows are written between them.
/// </summary>
internal sealed class SqlPage(Connection connection, QueryRequest request, SqlQuery query, SqlAccess access, SqlRow row)
{
    /// <summary>A page ends when it has this many bytes (the service's limit is 4 MB).</summary>
    private const int MostBytes = 4 * 1024 * 1024;

    /// <summary>A page ends when this many rows were read for it, even when it is empty, as the service's pages do.</summary>
    private const int MostVisited = 100_000;

    private const string Ordered = "ordered";

    private readonly ArrayBufferWriter<byte> _output = new(4096);
    private readonly List<(int Start, int Length)> _rows = [];
    private readonly HashSet<string>? _seen = query.Distinct ? new(StringComparer.Ordinal) : null;
    private readonly int _size = request.PageSize is > 0 and <= 10_000 ? request.PageSize : 1000;
    private long _skip = query.Skip;
    private long? _most = query.Most;

    private bool Done => _most <= 0;

    /// <summary>DISTINCT with TOP must know all rows it gave, so it gives them in one page.</summary>
    private bool InOnePage => query.Distinct && (query.Most is not null || query.Skip > 0);

    public QueryPage Streamed()
    {
        var order = query.OrderBy.Count > 0 ? Ordered : access.Index?.Name ?? "key";
        var position = SqlPosition.Parse(request.Continuation, new SqlPosition(null, _skip, _most), request, order);
        (_skip, _most) = (position.Skip, position.Most);
        var resume = Resume();
        var after = Turned(position.After);
        if (resume is { } filter)
        {
            after ??= filter.ExclusivePosition(access);
        }

        using var scan = new SqlScan(connection, request, resume is null ? access : access with { Ranges = resume.Clip(access) }, after);
        var scope = new SqlScope(row, query.Root);
        var each = () => !Fulfils(scope) || Give(scope);
        byte[]? last = null;
        while (!Done && scan.Next(row))
        {
            if (last is not null)
            {
                return Page(new SqlPosition(Turned(last), _skip, _most).ToText(request, order), scan.Visited);
            }

            scope.Each(query.Joins, each);
            var full = _rows.Count >= _size || _output.WrittenCount >= MostBytes || scan.Visited >= MostVisited;
            last = full && !InOnePage ? scan.Position() : null;
        }

        return Page(null, scan.Visited);
    }

    public QueryPage Sorted()
    {
        var position = SqlPosition.Parse(request.Continuation, new SqlPosition(null, _skip, _most), request, Ordered);
        (_skip, _most) = (position.Skip, position.Most);
        var from = position.After is { } after ? SqlRanges.Next(after) : Resume()?.SortedFrom(query) ?? [];
        var heap = new SqlHeap(_size, MostBytes);
        using var scan = new SqlScan(connection, request, access, null);
        var scope = new SqlScope(row, query.Root);
        var key = new ArrayBufferWriter<byte>();
        var joined = 0L;
        var each = () =>
        {
            if (!Fulfils(scope))
            {
                return true;
            }

            key.ResetWrittenCount();
            foreach (var item in query.OrderBy)
            {
                SqlSortKey.Append(key, SqlEvaluator.Evaluate(item.Value, scope), item.Descending);
            }

            SqlSortKey.AppendLong(key, row.Rid, query.OrderBy[0].Descending);
            if (query.Joins.Count > 0)
            {
                SqlSortKey.AppendLong(key, joined++, descending: false);
            }

            if (key.WrittenSpan.SequenceCompareTo(from) >= 0 && heap.Admits(key.WrittenSpan))
            {
                var output = new ArrayBufferWriter<byte>(row.Body.Length + 256);
                if (SqlExecutor.Project(query, scope, output))
                {
                    heap.Add(key.WrittenSpan.ToArray(), output.WrittenMemory);
                }
            }

            return true;
        };
        while (!Done && scan.Next(row))
        {
            joined = 0;
            scope.Each(query.Joins, each);
        }

        byte[]? last = null;
        foreach (var (sortKey, projected) in heap.Ascending())
        {
            last = sortKey;
            if (!Keep(projected.Span))
            {
                break;
            }
        }

        return Page(last is not null && heap.Refused && !Done ? new SqlPosition(last, _skip, _most).ToText(request, Ordered) : null, scan.Visited);
    }

    public QueryPage Grouped()
    {
        var groups = new SqlGrouping(query);
        using var scan = new SqlScan(connection, request, access, null);
        var scope = new SqlScope(row, query.Root);
        var each = () =>
        {
            if (Fulfils(scope))
            {
                groups.Add(scope);
            }

            return true;
        };
        while (scan.Next(row))
        {
            scope.Each(query.Joins, each);
        }

        groups.Each(scope, () => !Done && Give(scope));
        return Page(null, scan.Visited);
    }

    /// <summary>
    /// A position along an index read backwards, as a sort key and back. So a position is the same whether an index gives the order or a
    /// sort does, which may change from one page to the next.
    /// </summary>
    private byte[]? Turned(byte[]? position) => position is null || !access.Descending ? position : Array.ConvertAll(position, b => (byte)~b);

    private bool Fulfils(SqlScope scope) => query.Where is null || SqlEvaluator.Evaluate(query.Where, scope).IsTrue;

    private SqlResume? Resume() => request.ResumeFilter.ValueKind == JsonValueKind.Object
        ? SqlResume.Parse(request.ResumeFilter, query, request.Container)
        : null;

    /// <summary>Adds the row to the page; false when no more are wanted.</summary>
    private bool Give(SqlScope scope)
    {
        var start = _output.WrittenCount;
        if (!SqlExecutor.Project(query, scope, _output) || !Counts(_output.WrittenSpan[start..]))
        {
            return !Done;
        }

        _rows.Add((start, _output.WrittenCount - start));
        return !Done;
    }

    private bool Keep(ReadOnlySpan<byte> projected)
    {
        if (Counts(projected))
        {
            _rows.Add((_output.WrittenCount, projected.Length));
            _output.Write(projected);
        }

        return !Done;
    }

    /// <summary>Whether the row is new (DISTINCT) and neither skipped (OFFSET) nor beyond LIMIT.</summary>
    private bool Counts(ReadOnlySpan<byte> projected)
    {
        if (_seen is not null)
        {
            var reader = new Utf8JsonReader(projected, new JsonReaderOptions { MaxDepth = 256 });
            if (!_seen.Add(Convert.ToBase64String(SqlSortKey.Encode(SqlValue.Of(JsonElement.ParseValue(ref reader))))))
            {
                return false;
            }
        }

        if (_skip > 0)
        {
            _skip--;
            return false;
        }

        _most--;
        return true;
    }

    private QueryPage Page(string? continuation, int visited) =>
        new([.. _rows.Select(at => _output.WrittenMemory.Slice(at.Start, at.Length))], continuation, visited);
}
