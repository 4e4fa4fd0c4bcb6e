namespace Selvedge.Local.Cosmos.Sql;

/// <summary>An expression of Cosmos SQL. Two expressions written alike are equal, which is how GROUP BY is matched with SELECT.</summary>
internal abstract record SqlExpression
{
    /// <summary>The expressions it is made of, those of its subqueries too.</summary>
    public IEnumerable<SqlExpression> Parts => this switch
    {
        SqlMember member => [member.Source, member.Key],
        SqlUnary unary => [unary.Operand],
        SqlBinary binary => [binary.Left, binary.Right],
        SqlLogic logic => logic.Terms,
        SqlIn list => [list.Needle, .. list.Items],
        SqlBetween between => [between.Value, between.Low, between.High],
        SqlLike like => like.Escape is null ? [like.Value, like.Pattern] : [like.Value, like.Pattern, like.Escape],
        SqlConditional conditional => [conditional.Condition, conditional.Then, conditional.Else],
        SqlCall call => call.Arguments,
        SqlAggregate aggregate => [aggregate.Argument],
        SqlArray array => array.Items,
        SqlObject members => members.Values,
        SqlExists exists => exists.Query.Expressions,
        SqlArrayOf array => array.Query.Expressions,
        _ => [],
    };
}

/// <summary>A constant, or a parameter's value.</summary>
internal sealed record SqlConstant(SqlValue Value) : SqlExpression;

/// <summary>What FROM or JOIN bound to a name: the item itself, or one element of an array.</summary>
internal sealed record SqlBinding(string Name) : SqlExpression;

/// <summary><c>source.key</c>, <c>source["key"]</c> or <c>source[0]</c>.</summary>
internal sealed record SqlMember(SqlExpression Source, SqlExpression Key) : SqlExpression;

internal enum SqlOperator
{
    Not, Minus, Plus,
    Add, Subtract, Multiply, Divide, Modulo, Concat, Coalesce,
    Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual,
}

internal sealed record SqlUnary(SqlOperator Operator, SqlExpression Operand) : SqlExpression;

internal sealed record SqlBinary(SqlOperator Operator, SqlExpression Left, SqlExpression Right) : SqlExpression;

/// <summary>AND or OR of two or more terms; flat, because ReadMany sends hundreds of them.</summary>
internal sealed record SqlLogic(bool And, SqlTerms Terms) : SqlExpression;

internal sealed record SqlIn(SqlExpression Needle, SqlTerms Items) : SqlExpression;

internal sealed record SqlBetween(SqlExpression Value, SqlExpression Low, SqlExpression High) : SqlExpression;

/// <summary><paramref name="Escape"/> is null when the pattern has no escape character.</summary>
internal sealed record SqlLike(SqlExpression Value, SqlExpression Pattern, SqlExpression? Escape) : SqlExpression;

internal sealed record SqlConditional(SqlExpression Condition, SqlExpression Then, SqlExpression Else) : SqlExpression;

internal sealed record SqlCall(SqlFunction Function, SqlTerms Arguments) : SqlExpression;

internal enum SqlAggregateKind
{
    Count, Sum, Min, Max, Avg,
}

internal sealed record SqlAggregate(SqlAggregateKind Kind, SqlExpression Argument) : SqlExpression;

internal sealed record SqlArray(SqlTerms Items) : SqlExpression;

internal sealed record SqlObject(SqlNames Names, SqlTerms Values) : SqlExpression;

/// <summary><c>EXISTS(SELECT ...)</c>.</summary>
internal sealed record SqlExists(SqlQuery Query) : SqlExpression;

/// <summary><c>ARRAY(SELECT VALUE ...)</c>.</summary>
internal sealed record SqlArrayOf(SqlQuery Query) : SqlExpression;

/// <summary>Expressions in order, compared one by one.</summary>
internal sealed class SqlTerms(IEnumerable<SqlExpression> items) : List<SqlExpression>(items), IEquatable<SqlTerms>
{
    public bool Equals(SqlTerms? other) => other is not null && this.SequenceEqual(other);

    public override bool Equals(object? obj) => Equals(obj as SqlTerms);

    public override int GetHashCode() => Count;
}

/// <summary>Property names in order, compared one by one.</summary>
internal sealed class SqlNames(IEnumerable<string> items) : List<string>(items), IEquatable<SqlNames>
{
    public bool Equals(SqlNames? other) => other is not null && this.SequenceEqual(other);

    public override bool Equals(object? obj) => Equals(obj as SqlNames);

    public override int GetHashCode() => Count;
}

/// <summary><c>JOIN name IN source</c>; also <c>FROM name IN source</c> of a subquery.</summary>
internal sealed record SqlJoin(string Name, SqlExpression Source);

internal sealed record SqlOrder(SqlExpression Value, bool Descending);

/// <summary>
/// A query. <paramref name="Root"/> is the name of the item, null in a subquery, which begins with its first join.
/// <paramref name="Select"/> gives the row as one value; null is <c>SELECT *</c>. <paramref name="Most"/> comes from TOP or LIMIT.
/// </summary>
internal sealed record SqlQuery(
    string? Root, IReadOnlyList<SqlJoin> Joins, SqlExpression? Select, bool Distinct, SqlExpression? Where,
    IReadOnlyList<SqlExpression> GroupBy, IReadOnlyList<SqlAggregate> Aggregates, IReadOnlyList<SqlOrder> OrderBy, long Skip, long? Most)
{
    public IEnumerable<SqlExpression> Expressions =>
        [.. Joins.Select(join => join.Source), .. Select is null ? [] : new[] { Select }, .. Where is null ? [] : new[] { Where }, .. GroupBy, .. OrderBy.Select(order => order.Value)];
}
