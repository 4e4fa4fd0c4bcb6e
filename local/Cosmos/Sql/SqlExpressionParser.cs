using System.Globalization;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>
/// Expressions by recursive descent. From loose to tight: <c>? :</c>, <c>??</c>, OR, AND, NOT, comparisons with IN, BETWEEN and LIKE,
/// <c>||</c>, <c>+ -</c>, <c>* / %</c>, unary, member access.
/// </summary>
internal sealed class SqlExpressionParser(SqlTokens tokens, IReadOnlyDictionary<string, SqlValue> parameters, Func<SqlNameScope, SqlQuery> subquery)
{
    private static readonly Dictionary<string, SqlOperator> Comparisons = new()
    {
        ["="] = SqlOperator.Equal,
        ["!="] = SqlOperator.NotEqual,
        ["<>"] = SqlOperator.NotEqual,
        ["<"] = SqlOperator.Less,
        ["<="] = SqlOperator.LessOrEqual,
        [">"] = SqlOperator.Greater,
        [">="] = SqlOperator.GreaterOrEqual,
    };

    private static readonly Dictionary<string, SqlOperator> Sums = new() { ["+"] = SqlOperator.Add, ["-"] = SqlOperator.Subtract };

    private static readonly Dictionary<string, SqlOperator> Products = new()
    {
        ["*"] = SqlOperator.Multiply,
        ["/"] = SqlOperator.Divide,
        ["%"] = SqlOperator.Modulo,
    };

    private static readonly Dictionary<string, SqlOperator> Concatenation = new() { ["||"] = SqlOperator.Concat };

    /// <summary>Levels of nesting in an expression; all walks over one are recursive.</summary>
    public const int MostDepth = 250;

    private SqlNameScope _scope = new(null);
    private List<SqlAggregate>? _aggregates;
    private int _depth;

    public static CosmosError TooDeep() => CosmosError.BadRequest($"The query is nested too deeply: more than {MostDepth} levels.");

    /// <summary>A whole expression; aggregates in it are added to <paramref name="aggregates"/>, or refused where that is null.</summary>
    public SqlExpression Whole(SqlNameScope scope, List<SqlAggregate>? aggregates)
    {
        var (outerScope, outerAggregates) = (_scope, _aggregates);
        (_scope, _aggregates) = (scope, aggregates);
        var expression = Conditional();
        (_scope, _aggregates) = (outerScope, outerAggregates);
        return expression;
    }

    /// <summary>A path such as <c>c.lines</c>, as JOIN and IN take it.</summary>
    public SqlExpression Path(SqlNameScope scope)
    {
        var outerScope = _scope;
        _scope = scope;
        var path = tokens.Current.Kind == TokenKind.Name ? Members() : throw tokens.Unexpected("a path to an array");
        _scope = outerScope;
        return path;
    }

    private SqlExpression Conditional() => Deeper(() =>
    {
        var condition = Coalesce();
        if (!tokens.TakeSymbol("?"))
        {
            return condition;
        }

        var then = Conditional();
        tokens.Expect(":");
        return new SqlConditional(condition, then, Conditional());
    });

    private SqlExpression Deeper(Func<SqlExpression> parse)
    {
        if (++_depth > MostDepth)
        {
            throw TooDeep();
        }

        var expression = parse();
        _depth--;
        return expression;
    }

    private SqlExpression Coalesce()
    {
        var left = Or();
        return tokens.TakeSymbol("??") ? new SqlBinary(SqlOperator.Coalesce, left, Deeper(Coalesce)) : left;
    }

    private SqlExpression Or() => Logic("OR", And);

    private SqlExpression And() => Logic("AND", Not);

    private SqlExpression Logic(string word, Func<SqlExpression> term)
    {
        var first = term();
        if (!tokens.IsWord(word))
        {
            return first;
        }

        var terms = new List<SqlExpression> { first };
        while (tokens.TakeWord(word))
        {
            terms.Add(term());
        }

        return new SqlLogic(word == "AND", new SqlTerms(terms));
    }

    private SqlExpression Not() => tokens.TakeWord("NOT") ? new SqlUnary(SqlOperator.Not, Deeper(Not)) : Comparison();

    private SqlExpression Comparison()
    {
        var left = Concat();
        if (tokens.Current.Kind == TokenKind.Symbol && Comparisons.TryGetValue(tokens.Current.Text, out var comparison))
        {
            tokens.Take();
            left = new SqlBinary(comparison, left, Concat());
            return tokens.Current.Kind == TokenKind.Symbol && Comparisons.ContainsKey(tokens.Current.Text)
                ? throw SqlTokens.Syntax("a comparison of a comparison needs parentheses", tokens.Current.Position)
                : left;
        }

        var not = tokens.TakeWord("NOT");
        SqlExpression? result = null;
        if (tokens.TakeWord("IN"))
        {
            tokens.Expect("(");
            result = new SqlIn(left, Terms(")"));
        }
        else if (tokens.TakeWord("BETWEEN"))
        {
            var low = Concat();
            tokens.ExpectWord("AND");
            result = new SqlBetween(left, low, Concat());
        }
        else if (tokens.TakeWord("LIKE"))
        {
            var pattern = Concat();
            result = new SqlLike(left, pattern, tokens.TakeWord("ESCAPE") ? Primary() : null);
        }

        return result is null ? (not ? throw tokens.Unexpected("IN, BETWEEN or LIKE") : left)
            : not ? new SqlUnary(SqlOperator.Not, result)
            : result;
    }

    private SqlExpression Concat() => Chain(Concatenation, Sum);

    private SqlExpression Sum() => Chain(Sums, Product);

    private SqlExpression Product() => Chain(Products, Unary);

    private SqlExpression Chain(Dictionary<string, SqlOperator> operators, Func<SqlExpression> operand)
    {
        var left = operand();
        while (tokens.Current.Kind == TokenKind.Symbol && operators.TryGetValue(tokens.Current.Text, out var found))
        {
            tokens.Take();
            left = new SqlBinary(found, left, operand());
        }

        return left;
    }

    private SqlExpression Unary()
    {
        if (tokens.TakeSymbol("-"))
        {
            var operand = Deeper(Unary);
            return operand is SqlConstant { Value.Type: SqlType.Number } number
                ? new SqlConstant(SqlValue.Of(-number.Value.Number))
                : new SqlUnary(SqlOperator.Minus, operand);
        }

        return tokens.TakeSymbol("+") ? new SqlUnary(SqlOperator.Plus, Deeper(Unary)) : Members();
    }

    private SqlExpression Members()
    {
        var source = Primary();
        while (true)
        {
            if (tokens.TakeSymbol("."))
            {
                source = tokens.Current.Kind == TokenKind.Name
                    ? new SqlMember(source, new SqlConstant(SqlValue.Of(tokens.Take().Text)))
                    : throw tokens.Unexpected("a property name");
            }
            else if (tokens.TakeSymbol("["))
            {
                source = new SqlMember(source, Conditional());
                tokens.Expect("]");
            }
            else
            {
                return source;
            }
        }
    }

    private SqlExpression Primary()
    {
        var token = tokens.Current;
        switch (token.Kind)
        {
            case TokenKind.Number:
                tokens.Take();
                return new SqlConstant(SqlValue.Of(double.Parse(token.Text, CultureInfo.InvariantCulture)));
            case TokenKind.String:
                tokens.Take();
                return new SqlConstant(SqlValue.Of(token.Text));
            case TokenKind.Parameter:
                tokens.Take();
                return parameters.TryGetValue(token.Text, out var value)
                    ? new SqlConstant(value)
                    : throw SqlTokens.Syntax($"the parameter '{token.Text}' has no value", token.Position);
            case TokenKind.Name:
                return Word(tokens.Take());
            case TokenKind.Symbol when token.Text == "(":
                tokens.Take();
                var inner = tokens.IsWord("SELECT") ? Scalar(token.Position) : Conditional();
                tokens.Expect(")");
                return inner;
            case TokenKind.Symbol when token.Text == "[":
                tokens.Take();
                return new SqlArray(Terms("]"));
            case TokenKind.Symbol when token.Text == "{":
                tokens.Take();
                return Object();
            default:
                throw tokens.Unexpected("an expression");
        }
    }

    /// <summary>A subquery as a value: only where it can have but one row.</summary>
    private SqlMember Scalar(int position)
    {
        var query = subquery(_scope);
        return query.Aggregates.Count > 0 || query.Joins.Count == 0
            ? new SqlMember(new SqlArrayOf(query), new SqlConstant(SqlValue.Of(0)))
            : throw SqlTokens.Unsupported("A scalar subquery without an aggregate (use EXISTS or ARRAY)", position);
    }

    private SqlExpression Word(Token token)
    {
        if (tokens.IsSymbol(".") && token.Text.Equals("udf", StringComparison.OrdinalIgnoreCase) && !_scope.Knows(token.Text))
        {
            throw SqlTokens.Unsupported("A user-defined function", token.Position);
        }

        if (tokens.TakeSymbol("("))
        {
            return Call(token);
        }

        if (_scope.Knows(token.Text))
        {
            return new SqlBinding(token.Text);
        }

        return token.Text.ToUpperInvariant() switch
        {
            "TRUE" => new SqlConstant(SqlValue.True),
            "FALSE" => new SqlConstant(SqlValue.False),
            "NULL" => new SqlConstant(SqlValue.Null),
            "UNDEFINED" => new SqlConstant(SqlValue.Undefined),
            _ => throw SqlTokens.Syntax($"the identifier '{token.Text}' could not be resolved; properties are written c.{token.Text} after FROM c", token.Position),
        };
    }

    private SqlExpression Call(Token name)
    {
        var word = name.Text.ToUpperInvariant();
        if (word is "EXISTS" or "ARRAY" && tokens.IsWord("SELECT"))
        {
            var query = subquery(_scope);
            tokens.Expect(")");
            return word == "EXISTS" ? new SqlExists(query) : new SqlArrayOf(query);
        }

        if (Enum.TryParse<SqlAggregateKind>(word, ignoreCase: true, out var kind) && Enum.IsDefined(kind))
        {
            var aggregates = _aggregates ?? throw SqlTokens.Syntax($"{word} is an aggregate and may stand only in SELECT, not inside another one", name.Position);
            _aggregates = null;
            var aggregate = new SqlAggregate(kind, Conditional());
            _aggregates = aggregates;
            tokens.Expect(")");
            aggregates.Add(aggregate);
            return aggregate;
        }

        var function = SqlFunction.Find(word) ?? throw SqlTokens.Unsupported($"The function {name.Text}", name.Position);
        var arguments = Terms(")");
        return arguments.Count >= function.Least && arguments.Count <= function.Most
            ? new SqlCall(function, arguments)
            : throw SqlTokens.Syntax($"{function.Name} does not take {arguments.Count} argument(s)", name.Position);
    }

    private SqlTerms Terms(string end)
    {
        var terms = new List<SqlExpression>();
        if (tokens.TakeSymbol(end))
        {
            return new SqlTerms(terms);
        }

        do
        {
            terms.Add(Conditional());
        }
        while (tokens.TakeSymbol(","));
        tokens.Expect(end);
        return new SqlTerms(terms);
    }

    private SqlObject Object()
    {
        var names = new List<string>();
        var values = new List<SqlExpression>();
        if (!tokens.TakeSymbol("}"))
        {
            do
            {
                var name = tokens.Current.Kind is TokenKind.Name or TokenKind.String ? tokens.Take() : throw tokens.Unexpected("a property name");
                if (names.Contains(name.Text))
                {
                    throw SqlTokens.Syntax($"the object has two properties named '{name.Text}'", name.Position);
                }

                names.Add(name.Text);
                tokens.Expect(":");
                values.Add(Conditional());
            }
            while (tokens.TakeSymbol(","));
            tokens.Expect("}");
        }

        return new SqlObject(new SqlNames(names), new SqlTerms(values));
    }
}
