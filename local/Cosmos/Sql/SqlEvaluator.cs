using System.Buffers;
using System.Text.Json;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>The value of an expression for one row.</summary>
internal static class SqlEvaluator
{
    public static SqlValue Evaluate(SqlExpression expression, SqlScope scope)
    {
        if (scope.Known is { } known && known.TryGetValue(expression, out var value))
        {
            return value;
        }

        switch (expression)
        {
            case SqlConstant constant:
                return constant.Value;
            case SqlMember { Source: SqlBinding binding, Key: SqlConstant { Value.Type: SqlType.String } key } when scope.IsRoot(binding.Name):
                return scope.Row.Property(key.Value.Text);
            case SqlMember member:
                return Evaluate(member.Source, scope).Member(Evaluate(member.Key, scope));
            case SqlBinding binding:
                return scope.Value(binding.Name);
            case SqlLogic logic:
                return Logic(logic, scope);
            case SqlBinary binary:
                return Binary(binary, scope);
            case SqlUnary unary:
                return Unary(unary.Operator, Evaluate(unary.Operand, scope));
            case SqlIn list:
                var needle = Evaluate(list.Needle, scope);
                return needle.IsDefined ? SqlValue.Of(list.Items.Exists(item => needle.Equals(Evaluate(item, scope)))) : needle;
            case SqlBetween between:
                var middle = Evaluate(between.Value, scope);
                return And(Apply(SqlOperator.GreaterOrEqual, middle, Evaluate(between.Low, scope)), Apply(SqlOperator.LessOrEqual, middle, Evaluate(between.High, scope)));
            case SqlLike like:
                return SqlPattern.Like(Evaluate(like.Value, scope), Evaluate(like.Pattern, scope), like.Escape is null ? null : Evaluate(like.Escape, scope));
            case SqlConditional conditional:
                return Evaluate(Evaluate(conditional.Condition, scope).IsTrue ? conditional.Then : conditional.Else, scope);
            case SqlCall call:
                var arguments = new SqlValue[call.Arguments.Count];
                for (var i = 0; i < arguments.Length; i++)
                {
                    arguments[i] = Evaluate(call.Arguments[i], scope);
                }

                return call.Function.Apply(arguments);
            case SqlExists exists:
                var found = false;
                Rows(exists.Query, scope, _ => !(found = true));
                return SqlValue.Of(found);
            case SqlArray or SqlObject or SqlArrayOf:
                return Built(expression, scope);
            default:
                throw new InvalidOperationException($"{expression.GetType().Name} has no value outside SELECT.");
        }
    }

    /// <summary>Writes the value of an expression as JSON; false, and nothing written, when it is undefined.</summary>
    public static bool Write(SqlExpression expression, SqlScope scope, Utf8JsonWriter writer, string? property = null)
    {
        switch (expression)
        {
            case SqlObject members:
                Name(writer, property);
                writer.WriteStartObject();
                for (var i = 0; i < members.Names.Count; i++)
                {
                    Write(members.Values[i], scope, writer, members.Names[i]);
                }

                writer.WriteEndObject();
                return true;
            case SqlArray array:
                Name(writer, property);
                writer.WriteStartArray();
                foreach (var item in array.Items)
                {
                    Write(item, scope, writer);
                }

                writer.WriteEndArray();
                return true;
            case SqlArrayOf array:
                Name(writer, property);
                writer.WriteStartArray();
                Rows(array.Query, scope, inner =>
                {
                    Write(array.Query.Select!, inner, writer);
                    return true;
                });
                writer.WriteEndArray();
                return true;
            case SqlBinding binding when scope.IsRoot(binding.Name):
                Name(writer, property);
                var whole = new ArrayBufferWriter<byte>(scope.Row.Body.Length + 256);
                scope.Row.WriteTo(whole);
                writer.WriteRawValue(whole.WrittenSpan, skipInputValidation: true);
                return true;
            default:
                var value = Evaluate(expression, scope);
                if (value.IsDefined)
                {
                    Name(writer, property);
                    value.WriteTo(writer);
                }

                return value.IsDefined;
        }
    }

    /// <summary>AND and OR of Cosmos: anything that is no boolean counts as undefined; false decides an AND and true an OR, whatever else is undefined.</summary>
    private static SqlValue Logic(SqlLogic logic, SqlScope scope)
    {
        var result = SqlValue.Of(logic.And);
        foreach (var term in logic.Terms)
        {
            var value = Evaluate(term, scope);
            if (logic.And ? value.IsFalse : value.IsTrue)
            {
                return value;
            }

            if (value.Type != SqlType.Boolean)
            {
                result = SqlValue.Undefined;
            }
        }

        return result;
    }

    private static SqlValue And(SqlValue left, SqlValue right) =>
        left.IsFalse || right.IsFalse ? SqlValue.False : left.IsTrue && right.IsTrue ? SqlValue.True : SqlValue.Undefined;

    private static SqlValue Unary(SqlOperator kind, SqlValue operand) => kind switch
    {
        SqlOperator.Not when operand.Type == SqlType.Boolean => SqlValue.Of(!operand.IsTrue),
        SqlOperator.Minus when operand.Type == SqlType.Number => SqlValue.Of(-operand.Number),
        SqlOperator.Plus when operand.Type == SqlType.Number => operand,
        _ => SqlValue.Undefined,
    };

    private static SqlValue Binary(SqlBinary binary, SqlScope scope)
    {
        var left = Evaluate(binary.Left, scope);
        return binary.Operator == SqlOperator.Coalesce && left.IsDefined ? left : Apply(binary.Operator, left, Evaluate(binary.Right, scope));
    }

    private static SqlValue Apply(SqlOperator kind, in SqlValue left, in SqlValue right)
    {
        if (kind == SqlOperator.Coalesce)
        {
            return right;
        }

        if (!left.IsDefined || !right.IsDefined)
        {
            return SqlValue.Undefined;
        }

        if (kind is SqlOperator.Equal or SqlOperator.NotEqual)
        {
            return SqlValue.Of(left.Same(right) == (kind == SqlOperator.Equal));
        }

        if (kind == SqlOperator.Concat)
        {
            return left.Type == SqlType.String && right.Type == SqlType.String ? SqlValue.Of(left.Text + right.Text) : SqlValue.Undefined;
        }

        if (kind < SqlOperator.Concat)
        {
            return left.Type == SqlType.Number && right.Type == SqlType.Number ? SqlValue.Of(kind switch
            {
                SqlOperator.Add => left.Number + right.Number,
                SqlOperator.Subtract => left.Number - right.Number,
                SqlOperator.Multiply => left.Number * right.Number,
                SqlOperator.Divide => left.Number / right.Number,
                _ => left.Number % right.Number,
            }) : SqlValue.Undefined;
        }

        return left.Compare(right) is { } order ? SqlValue.Of(kind switch
        {
            SqlOperator.Less => order < 0,
            SqlOperator.LessOrEqual => order <= 0,
            SqlOperator.Greater => order > 0,
            _ => order >= 0,
        }) : SqlValue.Undefined;
    }

    /// <summary>The rows of a subquery, until <paramref name="each"/> says false.</summary>
    private static void Rows(SqlQuery query, SqlScope outer, Func<SqlScope, bool> each)
    {
        var scope = new SqlScope(outer.Row, null, outer);
        var groups = query.Aggregates.Count > 0 ? new SqlGrouping(query) : null;
        scope.Each(query.Joins, () =>
        {
            if (query.Where is not null && !Evaluate(query.Where, scope).IsTrue)
            {
                return true;
            }

            if (groups is null)
            {
                return each(scope);
            }

            groups.Add(scope);
            return true;
        });
        groups?.Each(scope, () => each(scope));
    }

    private static SqlValue Built(SqlExpression expression, SqlScope scope)
    {
        var output = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(output))
        {
            Write(expression, scope, writer);
        }

        var reader = new Utf8JsonReader(output.WrittenSpan, new JsonReaderOptions { MaxDepth = 256 });
        return SqlValue.Of(JsonElement.ParseValue(ref reader));
    }

    private static void Name(Utf8JsonWriter writer, string? property)
    {
        if (property is not null)
        {
            writer.WritePropertyName(property);
        }
    }
}
