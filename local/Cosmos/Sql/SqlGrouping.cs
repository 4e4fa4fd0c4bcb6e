using System.Buffers;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>Groups and aggregates of one query, filled row by row.</summary>
internal sealed class SqlGrouping(SqlQuery query)
{
    /// <summary>More groups than this are refused: they are all kept in memory.</summary>
    public const int MostGroups = 100_000;

    private readonly Dictionary<string, (SqlValue[] Values, Accumulator[] Aggregates)> _groups = new(StringComparer.Ordinal);
    private readonly ArrayBufferWriter<byte> _key = new();

    /// <summary>Refuses a SELECT that names something neither grouped by nor aggregated.</summary>
    /// <exception cref="CosmosError">400.</exception>
    public static void Check(SqlQuery query)
    {
        if (query.Select is null)
        {
            throw CosmosError.BadRequest("SELECT * cannot be used with GROUP BY.");
        }

        Check(query.Select, query);
    }

    public void Add(SqlScope scope)
    {
        var values = new SqlValue[query.GroupBy.Count];
        _key.ResetWrittenCount();
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = SqlEvaluator.Evaluate(query.GroupBy[i], scope);
            SqlSortKey.Append(_key, values[i], descending: false);
        }

        var key = Convert.ToBase64String(_key.WrittenSpan);
        if (!_groups.TryGetValue(key, out var group))
        {
            if (_groups.Count == MostGroups)
            {
                throw CosmosError.BadRequest($"GROUP BY makes more than {MostGroups} groups; narrow it with WHERE.");
            }

            group = (Array.ConvertAll(values, value => value.Detached()), New());
            _groups.Add(key, group);
        }

        for (var i = 0; i < group.Aggregates.Length; i++)
        {
            group.Aggregates[i].Add(SqlEvaluator.Evaluate(query.Aggregates[i].Argument, scope));
        }
    }

    /// <summary>Calls <paramref name="each"/> with a scope for every group; without GROUP BY there is always one.</summary>
    public void Each(SqlScope scope, Func<bool> each)
    {
        if (query.GroupBy.Count == 0 && _groups.Count == 0)
        {
            _groups.Add("", ([], New()));
        }

        foreach (var (values, aggregates) in _groups.Values)
        {
            var known = new Dictionary<SqlExpression, SqlValue>();
            for (var i = 0; i < values.Length; i++)
            {
                known[query.GroupBy[i]] = values[i];
            }

            for (var i = 0; i < aggregates.Length; i++)
            {
                known[query.Aggregates[i]] = aggregates[i].Result;
            }

            scope.Known = known;
            if (!each())
            {
                return;
            }
        }
    }

    private Accumulator[] New() => [.. query.Aggregates.Select(aggregate => new Accumulator(aggregate.Kind))];

    private static void Check(SqlExpression expression, SqlQuery query)
    {
        if (expression is SqlAggregate || query.GroupBy.Contains(expression))
        {
            return;
        }

        if (expression is SqlBinding or SqlExists or SqlArrayOf)
        {
            throw CosmosError.BadRequest("SELECT with GROUP BY or an aggregate may use only aggregates and what GROUP BY names"
                + (expression is SqlBinding binding ? $"; it uses a property of '{binding.Name}' that is neither." : "; it uses a subquery."));
        }

        foreach (var part in expression.Parts)
        {
            Check(part, query);
        }
    }

    /// <summary>
    /// Undefined values are left out. SUM and AVG are undefined as soon as one value is no number, MIN and MAX as soon as one is an array
    /// or object; SUM of nothing is 0, the others but COUNT undefined.
    /// </summary>
    private sealed class Accumulator(SqlAggregateKind kind)
    {
        private long _count;
        private double _sum;
        private bool _spoilt;
        private SqlValue _extreme;

        public SqlValue Result => kind switch
        {
            SqlAggregateKind.Count => SqlValue.Of(_count),
            _ when _spoilt => SqlValue.Undefined,
            SqlAggregateKind.Sum => SqlValue.Of(_sum),
            SqlAggregateKind.Avg => _count == 0 ? SqlValue.Undefined : SqlValue.Of(_sum / _count),
            _ => _extreme,
        };

        public void Add(in SqlValue value)
        {
            if (!value.IsDefined)
            {
                return;
            }

            _count++;
            switch (kind)
            {
                case SqlAggregateKind.Sum or SqlAggregateKind.Avg:
                    _spoilt |= value.Type != SqlType.Number;
                    _sum += value.Number;
                    break;
                case SqlAggregateKind.Min or SqlAggregateKind.Max:
                    _spoilt |= value.Type >= SqlType.Array;
                    var order = value.Type != _extreme.Type ? value.Type.CompareTo(_extreme.Type) : value.Compare(_extreme) ?? 0;
                    if (!_extreme.IsDefined || (kind == SqlAggregateKind.Min ? order < 0 : order > 0))
                    {
                        _extreme = value.Type >= SqlType.Array ? SqlValue.Undefined : value;
                    }

                    break;
            }
        }
    }
}
