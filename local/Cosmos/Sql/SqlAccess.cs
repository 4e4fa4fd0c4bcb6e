using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>
/// How a query reaches its rows: along the key column, or along the index of one property (<paramref name="Index"/>), within
/// <paramref name="Ranges"/> of that. <paramref name="GivesOrder"/>: the rows come in the order the query asks for.
/// <paramref name="Ids"/>: ranges of ids to look up in each logical partition of the key ranges, leaping over all others.
/// </summary>
internal sealed record SqlAccess(SqlIndex? Index, SqlRanges Ranges, bool Descending, bool GivesOrder, SqlRanges? Ids = null)
{
    /// <summary>With so many rows for an equality, an index that gives the order is the better way.</summary>
    private const int Many = 1_000;

    /// <summary>Every sort key an index holds.</summary>
    private static readonly SqlRanges Defined = SqlRanges.Between([SqlSortKey.Tag(SqlType.Null)], KeyRange.End);

    /// <summary>What stands for rows without the property, which the index leaves out: they come first in its order.</summary>
    public static readonly byte[] UndefinedKey = [SqlSortKey.Tag(SqlType.Undefined)];

    /// <summary>
    /// One logical partition, or a condition that fixes keys, is read by key. Else an equality on an indexed property decides, unless it leaves many
    /// rows and an index gives the order; else an index that gives the order; else any index the condition bounds; else ids; else all keys of the scope.
    /// </summary>
    public static SqlAccess Choose(SqlQuery query, QueryRequest request, Connection connection)
    {
        var definition = request.Container.Definition;
        var partition = Partition(request);
        var bounds = SqlBounds.OfKey(query.Where, query.Root!, definition, partition);
        var byKey = new SqlAccess(null, SqlRanges.Intersect(SqlRanges.Between(request.From, request.To), bounds)!, false, query.OrderBy.Count == 0);
        if (partition is not null || bounds is not null)
        {
            return byKey;
        }

        SqlAccess? equal = null, ordered = null, bounded = null;
        foreach (var index in SqlIndexes.Of(request.Container))
        {
            var ranges = SqlBounds.OfProperty(query.Where, query.Root!, index.Path);
            if (query.OrderBy is [var order] && query.Joins.Count == 0 && SqlBounds.IsPath(order.Value, query.Root!, index.Path))
            {
                ordered = new SqlAccess(index, ranges ?? SqlRanges.Union([SqlRanges.Point(UndefinedKey), Defined]), order.Descending, true);
                ranges = null;
            }

            if (ranges is not null)
            {
                var access = new SqlAccess(index, ranges, false, query.OrderBy.Count == 0);
                (equal, bounded) = ranges.ArePoints ? (equal ?? access, bounded) : (equal, bounded ?? access);
            }
        }

        if (equal is not null && (ordered is null || IsFew(equal, request.Container, connection)))
        {
            return equal;
        }

        var ids = definition.Paths.Contains("/id") ? null : SqlBounds.OfKey(query.Where, query.Root!, definition, []);
        return ordered ?? bounded ?? (ids is null ? byKey : byKey with { Ids = ids });
    }

    private static bool IsFew(SqlAccess access, Container container, Connection connection)
    {
        var left = Many;
        foreach (var (from, to) in access.Ranges.List)
        {
            var statement = connection.Kept($"SELECT count(*) FROM (SELECT 1 FROM {container.Table} INDEXED BY {access.Index!.Name} "
                + $"WHERE {SqlIndexes.Condition(access.Index)} AND {access.Index.Expression} >= ?1 AND {access.Index.Expression} < ?2 LIMIT ?3)");
            statement.Bind(1, from).Bind(2, to).Bind(3, left).Step();
            left -= (int)statement.Long(0);
            statement.Reset();
            if (left <= 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Bytes of the key column before the id.</summary>
    public static int PartitionLength(ContainerDefinition definition) => 16 * (definition.Hierarchical ? definition.Paths.Length : 1);

    /// <summary>The effective key when the request's scope is exactly one logical partition.</summary>
    private static byte[]? Partition(QueryRequest request)
    {
        var length = PartitionLength(request.Container.Definition);
        if (request.From.Length < length)
        {
            return null;
        }

        var key = request.From[..length];
        return request.To.AsSpan().StartsWith(key) || request.To.AsSpan().SequenceEqual(KeyRange.After(key)) ? key : null;
    }
}
