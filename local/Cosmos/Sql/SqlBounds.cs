using System.Text;
using System.Text.Json;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>
/// What a WHERE says about where its rows can be: ranges outside of which no row fulfils it. Null: anywhere. The condition is still
/// evaluated for every row found, so a bound may be too wide, never too narrow.
/// </summary>
internal static class SqlBounds
{
    /// <summary>Bounds of an indexed property's sort key.</summary>
    public static SqlRanges? OfProperty(SqlExpression? where, string root, string[] path) => where switch
    {
        SqlLogic { And: true } all => all.Terms.Select(term => OfProperty(term, root, path)).Aggregate((SqlRanges?)null, SqlRanges.Intersect),
        SqlLogic any => Either(any.Terms.Select(term => OfProperty(term, root, path))),
        SqlCall { Function.Name: "IS_DEFINED" } call when IsPath(call.Arguments[0], root, path) => SqlRanges.Between([SqlSortKey.Tag(SqlType.Null)], KeyRange.End),
        null => null,
        _ => OfTerm(where, expression => IsPath(expression, root, path), value => SqlSortKey.Encode(value), SqlSortKey.TextPrefix,
            type => SqlRanges.StartingWith([SqlSortKey.Tag(type)])),
    };

    /// <summary>
    /// Bounds of the key column. <paramref name="partition"/> is the effective key of the one logical partition asked, or null: then
    /// a condition that fixes the partition key finds it.
    /// </summary>
    public static SqlRanges? OfKey(SqlExpression? where, string root, ContainerDefinition definition, byte[]? partition) => where switch
    {
        null => null,
        SqlLogic { And: false } any => Either(any.Terms.Select(term => OfKey(term, root, definition, partition))),
        SqlLogic all => OfAll(all.Terms, root, definition, partition),
        SqlIn list when partition is null && list.Items.TrueForAll(item => item is SqlConstant) =>
            Either(list.Items.Select(item => OfAll([new SqlBinary(SqlOperator.Equal, list.Needle, item)], root, definition, null))),
        _ => OfAll([where], root, definition, partition),
    };

    private static SqlRanges? OfAll(List<SqlExpression> terms, string root, ContainerDefinition definition, byte[]? partition)
    {
        SqlRanges? bounds = null;
        if (partition is null && Partition(terms, root, definition) is { } found)
        {
            bounds = SqlRanges.StartingWith(found.Effective);
            partition = found.Count == definition.Paths.Length ? found.Effective : null;
        }

        foreach (var term in terms)
        {
            var bound = term is SqlLogic || (partition is null && terms.Count > 1 && term is SqlIn) ? OfKey(term, root, definition, partition) : partition is null ? null : OfTerm(
                term,
                expression => IsPath(expression, root, ["id"]),
                id => id.Type == SqlType.String ? [.. partition, .. Encoding.UTF8.GetBytes(id.Text)] : null,
                prefix => [.. partition, .. Encoding.UTF8.GetBytes(prefix)],
                type => type == SqlType.String ? SqlRanges.StartingWith(partition) : SqlRanges.None);
            bounds = SqlRanges.Intersect(bounds, bound);
        }

        return bounds;
    }

    /// <summary>The partition key that equalities among <paramref name="terms"/> fix, whole or for its first paths.</summary>
    private static PartitionKey? Partition(List<SqlExpression> terms, string root, ContainerDefinition definition)
    {
        using var header = new MemoryStream();
        var count = 0;
        using (var writer = new Utf8JsonWriter(header))
        {
            writer.WriteStartArray();
            foreach (var segments in definition.KeySegments)
            {
                var path = segments.Select(Encoding.UTF8.GetString).ToArray();
                var value = terms.Select(term => Equality(term, root, path)).FirstOrDefault(constant => constant is not null);
                if (value is not { } known || known.Type is SqlType.Undefined or SqlType.Array or SqlType.Object)
                {
                    break;
                }

                known.WriteTo(writer);
                count++;
            }

            writer.WriteEndArray();
        }

        return count == 0 ? null : PartitionKey.Parse(Encoding.UTF8.GetString(header.ToArray()), definition);
    }

    private static SqlValue? Equality(SqlExpression term, string root, string[] path) => term switch
    {
        SqlBinary { Operator: SqlOperator.Equal, Right: SqlConstant constant } equal when IsPath(equal.Left, root, path) => constant.Value,
        SqlBinary { Operator: SqlOperator.Equal, Left: SqlConstant constant } equal when IsPath(equal.Right, root, path) => constant.Value,
        _ => null,
    };

    private static SqlRanges? Either(IEnumerable<SqlRanges?> sets)
    {
        var all = sets.ToList();
        return all.Contains(null) ? null : SqlRanges.Union(all!);
    }

    /// <param name="term">A single condition.</param>
    /// <param name="isPath">Whether an expression is the property in question.</param>
    /// <param name="encode">A value as the bytes looked for; null when no row can have it.</param>
    /// <param name="encodePrefix">What the bytes of all strings with a prefix begin with.</param>
    /// <param name="all">All values of a type.</param>
    private static SqlRanges? OfTerm(
        SqlExpression term, Predicate<SqlExpression> isPath, Func<SqlValue, byte[]?> encode, Func<string, byte[]> encodePrefix, Func<SqlType, SqlRanges> all)
    {
        switch (term)
        {
            case SqlIn list when isPath(list.Needle) && list.Items.TrueForAll(item => item is SqlConstant):
                return SqlRanges.Union(list.Items.Select(item => Compared(SqlOperator.Equal, ((SqlConstant)item).Value)!));
            case SqlCall { Function.Name: "ARRAY_CONTAINS", Arguments: [SqlArray array, var needle] } when isPath(needle) && array.Items.TrueForAll(item => item is SqlConstant):
                return SqlRanges.Union(array.Items.Select(item => Compared(SqlOperator.Equal, ((SqlConstant)item).Value)!));
            case SqlCall { Function.Name: "ARRAY_CONTAINS", Arguments: [SqlConstant { Value.Type: SqlType.Array } given, var needle] } when isPath(needle):
                return SqlRanges.Union(given.Value.Json.EnumerateArray().Select(item => Compared(SqlOperator.Equal, SqlValue.Of(item))!));
            case SqlBetween { Low: SqlConstant low, High: SqlConstant high } between when isPath(between.Value):
                return SqlRanges.Intersect(Compared(SqlOperator.GreaterOrEqual, low.Value), Compared(SqlOperator.LessOrEqual, high.Value));
            case SqlCall { Function.Name: "STARTSWITH", Arguments: [var text, SqlConstant { Value.Type: SqlType.String } prefix] } when isPath(text):
                return SqlRanges.Intersect(all(SqlType.String), SqlRanges.StartingWith(encodePrefix(prefix.Value.Text)));
            case SqlBinary { Right: SqlConstant right } binary when isPath(binary.Left):
                return Compared(binary.Operator, right.Value);
            case SqlBinary { Left: SqlConstant left } binary when isPath(binary.Right):
                return Compared(Mirrored(binary.Operator), left.Value);
            default:
                return null;
        }

        SqlRanges? Compared(SqlOperator comparison, in SqlValue value)
        {
            if (comparison is not (SqlOperator.Equal or SqlOperator.Less or SqlOperator.LessOrEqual or SqlOperator.Greater or SqlOperator.GreaterOrEqual))
            {
                return null;
            }

            if (!value.IsDefined || (comparison != SqlOperator.Equal && value.Type >= SqlType.Array) || encode(value) is not { } bytes)
            {
                return SqlRanges.None;
            }

            var whole = all(value.Type);
            return comparison switch
            {
                SqlOperator.Equal => SqlRanges.Point(bytes),
                SqlOperator.Less => SqlRanges.Intersect(whole, SqlRanges.Between([], bytes)),
                SqlOperator.LessOrEqual => SqlRanges.Intersect(whole, SqlRanges.Between([], SqlRanges.Next(bytes))),
                SqlOperator.Greater => SqlRanges.Intersect(whole, SqlRanges.Between(SqlRanges.Next(bytes), KeyRange.End)),
                _ => SqlRanges.Intersect(whole, SqlRanges.Between(bytes, KeyRange.End)),
            };
        }
    }

    private static SqlOperator Mirrored(SqlOperator comparison) => comparison switch
    {
        SqlOperator.Less => SqlOperator.Greater,
        SqlOperator.LessOrEqual => SqlOperator.GreaterOrEqual,
        SqlOperator.Greater => SqlOperator.Less,
        SqlOperator.GreaterOrEqual => SqlOperator.LessOrEqual,
        _ => comparison,
    };

    /// <summary>Whether the expression is the property at <paramref name="path"/> of the item.</summary>
    public static bool IsPath(SqlExpression expression, string root, ReadOnlySpan<string> path) => expression switch
    {
        SqlBinding binding => path.IsEmpty && binding.Name == root,
        SqlMember { Key: SqlConstant { Value.Type: SqlType.String } key } member =>
            !path.IsEmpty && key.Value.Text == path[^1] && IsPath(member.Source, root, path[..^1]),
        _ => false,
    };
}
