using System.Globalization;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>
/// Reads the part of Cosmos SQL that is supported: one query over the items, with JOIN over their arrays, and EXISTS and ARRAY
/// subqueries over them. Parameters become constants here, so their text is never read as SQL.
/// </summary>
internal sealed class SqlParser
{
    private const int MostSubqueries = 16;

    private static readonly string[] ClauseWords = ["WHERE", "ORDER", "GROUP", "OFFSET", "JOIN", "HAVING", "LIMIT"];

    private readonly SqlTokens _tokens;
    private readonly SqlExpressionParser _expressions;
    private readonly IReadOnlyDictionary<string, SqlValue> _parameters;

    private SqlParser(string text, IReadOnlyDictionary<string, SqlValue> parameters)
    {
        _tokens = new SqlTokens(text);
        _parameters = parameters;
        _expressions = new SqlExpressionParser(_tokens, parameters, Subquery);
    }

    /// <exception cref="CosmosError">400: what is wrong or not supported, and where.</exception>
    public static SqlQuery Query(string text, IReadOnlyDictionary<string, SqlValue> parameters)
    {
        var parser = new SqlParser(text, parameters);
        return parser.Whole(parser.Select(null));
    }

    /// <summary>A patch condition: <c>FROM c WHERE ...</c>.</summary>
    /// <exception cref="CosmosError">400: what is wrong or not supported, and where.</exception>
    public static SqlQuery Condition(string text)
    {
        var parser = new SqlParser(text, new Dictionary<string, SqlValue>());
        var scope = new SqlNameScope(null);
        var (root, joins) = parser.From(scope, top: true);
        parser._tokens.ExpectWord("WHERE");
        var where = parser._expressions.Whole(scope, aggregates: null);
        return parser.Whole(new SqlQuery(root, joins, null, false, where, [], [], [], 0, null));
    }

    /// <summary>Checks that nothing follows, and that the tree is not too deep to be walked.</summary>
    private SqlQuery Whole(SqlQuery query)
    {
        if (_tokens.Current.Kind != TokenKind.End)
        {
            throw _tokens.Unexpected("the end of the query");
        }

        var level = query.Expressions.ToList();
        for (var depth = 0; level.Count > 0; depth++)
        {
            level = depth < SqlExpressionParser.MostDepth ? level.SelectMany(expression => expression.Parts).ToList() : throw SqlExpressionParser.TooDeep();
        }

        return query;
    }

    private SqlQuery Subquery(SqlNameScope outer) => Select(outer);

    /// <summary>
    /// SELECT names what FROM binds, so FROM is read first: the parser remembers where the list began and comes back to it.
    /// </summary>
    private SqlQuery Select(SqlNameScope? outer)
    {
        _tokens.ExpectWord("SELECT");
        var distinct = _tokens.TakeWord("DISTINCT");
        var most = _tokens.TakeWord("TOP") ? Count("TOP") : null;
        var isValue = _tokens.TakeWord("VALUE");
        var list = _tokens.Mark();
        _tokens.SkipTo("FROM");
        var scope = new SqlNameScope(outer);
        if (scope.Depth > MostSubqueries)
        {
            throw SqlTokens.Unsupported($"A subquery more than {MostSubqueries} levels deep", _tokens.Current.Position);
        }

        var hasFrom = outer is null || _tokens.IsWord("FROM");
        var (root, joins) = hasFrom ? From(scope, top: outer is null) : (null, []);
        var rest = _tokens.Mark();

        _tokens.Return(list);
        var aggregates = new List<SqlAggregate>();
        var select = List(scope, isValue, aggregates);
        if (hasFrom ? !_tokens.IsWord("FROM") : _tokens.Mark() != rest)
        {
            throw _tokens.Unexpected("',' or FROM");
        }

        _tokens.Return(rest);
        var where = _tokens.TakeWord("WHERE") ? _expressions.Whole(scope, null) : null;
        var groups = new List<SqlExpression>();
        var orders = new List<SqlOrder>();
        if (_tokens.TakeWord("GROUP"))
        {
            _tokens.ExpectWord("BY");
            do
            {
                groups.Add(_expressions.Whole(scope, null));
            }
            while (_tokens.TakeSymbol(","));
        }

        if (_tokens.TakeWord("ORDER"))
        {
            if (_tokens.Following.Text.Equals("RANK", StringComparison.OrdinalIgnoreCase))
            {
                throw SqlTokens.Unsupported("ORDER BY RANK", _tokens.Current.Position);
            }

            _tokens.ExpectWord("BY");
            do
            {
                var value = _expressions.Whole(scope, null);
                orders.Add(new SqlOrder(value, _tokens.TakeWord("DESC") || (_tokens.TakeWord("ASC") && false)));
            }
            while (_tokens.TakeSymbol(","));
        }

        var skip = 0L;
        if (_tokens.TakeWord("OFFSET"))
        {
            var position = _tokens.Current.Position;
            skip = Count("OFFSET") ?? 0;
            _tokens.ExpectWord("LIMIT");
            most = most is null ? Count("LIMIT") : throw SqlTokens.Unsupported("TOP together with OFFSET LIMIT", position);
        }

        if (_tokens.IsWord("HAVING") || _tokens.IsWord("LIMIT"))
        {
            throw SqlTokens.Unsupported(_tokens.Current.Text.ToUpperInvariant(), _tokens.Current.Position);
        }

        return Checked(new SqlQuery(root, joins, select, distinct, where, groups, aggregates, orders, skip, most), outer is not null);
    }

    private SqlQuery Checked(SqlQuery query, bool isSubquery)
    {
        var grouped = query.GroupBy.Count > 0 || query.Aggregates.Count > 0;
        var position = _tokens.Current.Position;
        if (isSubquery && (query.GroupBy.Count > 0 || query.OrderBy.Count > 0 || query.Skip > 0 || query.Most is not null || query.Distinct))
        {
            throw SqlTokens.Unsupported("A subquery with DISTINCT, GROUP BY, ORDER BY, TOP or OFFSET LIMIT", position);
        }

        if (query.GroupBy.Count > 0 && query.OrderBy.Count > 0)
        {
            throw SqlTokens.Unsupported("ORDER BY together with GROUP BY", position);
        }

        if (query.Aggregates.Count > 0 && query.OrderBy.Count > 0)
        {
            throw SqlTokens.Unsupported("ORDER BY together with an aggregate", position);
        }

        if (query.Distinct && query.OrderBy.Count > 0 && (query.Most is not null || query.Skip > 0))
        {
            throw SqlTokens.Unsupported("DISTINCT together with ORDER BY and TOP or OFFSET LIMIT", position);
        }

        if (grouped)
        {
            SqlGrouping.Check(query);
        }

        return query;
    }

    private (string? Root, List<SqlJoin> Joins) From(SqlNameScope scope, bool top)
    {
        _tokens.ExpectWord("FROM");
        var joins = new List<SqlJoin>();
        string? root = null;
        var first = _tokens.Current;
        var name = Name("a container or a name");
        if (_tokens.TakeWord("IN"))
        {
            if (top)
            {
                // FROM x IN c.array, at the top: c is the container, and has no other name.
                scope.Add(_tokens.Current.Text, first.Position);
                root = _tokens.Current.Text;
            }

            joins.Add(Join(scope, name, first.Position));
        }
        else if (top)
        {
            if (_tokens.IsSymbol(".") || _tokens.IsSymbol("["))
            {
                throw SqlTokens.Unsupported("FROM over a path (use FROM x IN c.array)", first.Position);
            }

            root = _tokens.TakeWord("AS") ? Name("a name")
                : _tokens.Current.Kind == TokenKind.Name && !ClauseWords.Contains(_tokens.Current.Text, StringComparer.OrdinalIgnoreCase) ? _tokens.Take().Text
                : name;
            scope.Add(root, first.Position);
        }
        else if (!scope.Knows(name) || _tokens.Current.Kind == TokenKind.Name && !ClauseWords.Contains(_tokens.Current.Text, StringComparer.OrdinalIgnoreCase))
        {
            // FROM c JOIN x IN c.array, as LINQ writes it, names what is bound already and adds nothing.
            throw SqlTokens.Unsupported("A subquery whose FROM is neither 'name IN array' nor a name of the query around it", first.Position);
        }

        while (_tokens.TakeWord("JOIN"))
        {
            var at = _tokens.Current;
            if (_tokens.TakeSymbol("("))
            {
                var subquery = Select(scope);
                _tokens.Expect(")");
                _tokens.TakeWord("AS");
                name = Name("a name for the subquery");
                scope.Add(name, at.Position);
                joins.Add(new SqlJoin(name, new SqlArrayOf(subquery)));
                continue;
            }

            name = Name("a name");
            _tokens.ExpectWord("IN");
            joins.Add(Join(scope, name, at.Position));
        }

        if (_tokens.IsSymbol(","))
        {
            throw SqlTokens.Unsupported("More than one source in FROM", _tokens.Current.Position);
        }

        return (root, joins);
    }

    private SqlJoin Join(SqlNameScope scope, string name, int position)
    {
        var source = _expressions.Path(scope);
        scope.Add(name, position);
        return new SqlJoin(name, source);
    }

    private string Name(string wanted) => _tokens.Current.Kind == TokenKind.Name ? _tokens.Take().Text : throw _tokens.Unexpected(wanted);

    /// <summary>The selected value as one expression; null for <c>*</c>.</summary>
    private SqlExpression? List(SqlNameScope scope, bool isValue, List<SqlAggregate> aggregates)
    {
        if (_tokens.IsSymbol("*"))
        {
            return isValue || scope.Count != 1 ? throw SqlTokens.Unsupported(isValue ? "SELECT VALUE *" : "SELECT * with JOIN", _tokens.Current.Position) : TakeStar();
        }

        if (isValue)
        {
            return _expressions.Whole(scope, aggregates);
        }

        var names = new List<string>();
        var values = new List<SqlExpression>();
        do
        {
            var at = _tokens.Current;
            var value = _expressions.Whole(scope, aggregates);
            string name;
            if (_tokens.TakeWord("AS") || (_tokens.Current.Kind == TokenKind.Name && !_tokens.IsWord("FROM")))
            {
                name = _tokens.Current.Kind is TokenKind.Name or TokenKind.String ? _tokens.Take().Text : throw _tokens.Unexpected("a name");
            }
            else
            {
                name = value switch
                {
                    SqlMember { Key: SqlConstant { Value.Type: SqlType.String } key } => key.Value.Text,
                    SqlBinding binding => binding.Name,
                    _ => string.Create(CultureInfo.InvariantCulture, $"${names.Count(known => known.StartsWith('$')) + 1}"),
                };
            }

            if (names.Contains(name))
            {
                throw SqlTokens.Syntax($"SELECT has two values named '{name}'; give one another name with AS", at.Position);
            }

            names.Add(name);
            values.Add(value);
        }
        while (_tokens.TakeSymbol(","));
        return new SqlObject(new SqlNames(names), new SqlTerms(values));
    }

    private SqlExpression? TakeStar()
    {
        _tokens.Take();
        return null;
    }

    private long? Count(string word)
    {
        var token = _tokens.Take();
        var value = token.Kind switch
        {
            TokenKind.Number => double.Parse(token.Text, CultureInfo.InvariantCulture),
            TokenKind.Parameter when _parameters.TryGetValue(token.Text, out var parameter) && parameter.Type == SqlType.Number => parameter.Number,
            _ => -1,
        };
        return value is >= 0 and <= int.MaxValue && value == Math.Floor(value)
            ? (long)value
            : throw SqlTokens.Syntax($"{word} needs a whole number from 0 to {int.MaxValue}, or a parameter with one", token.Position);
    }
}

/// <summary>The names that FROM and JOIN have bound, and those of the query around.</summary>
internal sealed class SqlNameScope(SqlNameScope? outer)
{
    private readonly List<string> _names = [];

    /// <summary>How many queries this one is inside of.</summary>
    public int Depth { get; } = outer is null ? 0 : outer.Depth + 1;

    public int Count => _names.Count;

    public void Add(string name, int position)
    {
        if (Knows(name))
        {
            throw SqlTokens.Syntax($"the name '{name}' is bound twice", position);
        }

        _names.Add(name);
    }

    public bool Knows(string name) => _names.Contains(name) || (outer?.Knows(name) ?? false);
}
