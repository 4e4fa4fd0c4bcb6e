namespace Selvedge.Local.Cosmos.Sql;

/// <summary>LIKE: <c>%</c> any text, <c>_</c> any one character, <c>[a-f]</c> and <c>[^a-f]</c> one of or none of a set.</summary>
internal static class SqlPattern
{
    public static SqlValue Like(SqlValue value, SqlValue pattern, SqlValue? escape)
    {
        if (value.Type != SqlType.String || pattern.Type != SqlType.String)
        {
            return SqlValue.Undefined;
        }

        if (escape is { } given && (given.Type != SqlType.String || given.Text.Length != 1))
        {
            throw CosmosError.BadRequest("ESCAPE of LIKE needs one character.");
        }

        return SqlValue.Of(Matches(value.Text, Compile(pattern.Text, escape?.Text[0])));
    }

    /// <summary>One step of a pattern: null stands for <c>%</c>.</summary>
    private static List<Predicate<char>?> Compile(string pattern, char? escape)
    {
        var steps = new List<Predicate<char>?>();
        for (var at = 0; at < pattern.Length; at++)
        {
            var c = pattern[at];
            if (c == escape && at + 1 < pattern.Length)
            {
                var literal = pattern[++at];
                steps.Add(other => other == literal);
            }
            else if (c == '[' && pattern.IndexOf(']', at) is > 0 and var end)
            {
                steps.Add(Set(pattern[(at + 1)..end]));
                at = end;
            }
            else
            {
                steps.Add(c switch { '%' => null, '_' => _ => true, _ => other => other == c });
            }
        }

        return steps;
    }

    private static Predicate<char> Set(string set)
    {
        var none = set.StartsWith('^');
        var members = none ? set[1..] : set;
        return c =>
        {
            var within = false;
            for (var at = 0; at < members.Length; at++)
            {
                if (at + 2 < members.Length && members[at + 1] == '-')
                {
                    within |= c >= members[at] && c <= members[at + 2];
                    at += 2;
                }
                else
                {
                    within |= c == members[at];
                }
            }

            return within != none;
        };
    }

    /// <summary>Greedy with one point of return, the latest <c>%</c>: time is at most text times pattern.</summary>
    private static bool Matches(string text, List<Predicate<char>?> steps)
    {
        var (at, step, backAt, backStep) = (0, 0, 0, -1);
        while (at < text.Length)
        {
            if (step < steps.Count && steps[step] is null)
            {
                (backAt, backStep) = (at, ++step);
            }
            else if (step < steps.Count && steps[step]!(text[at]))
            {
                at++;
                step++;
            }
            else if (backStep >= 0)
            {
                (at, step) = (++backAt, backStep);
            }
            else
            {
                return false;
            }
        }

        while (step < steps.Count && steps[step] is null)
        {
            step++;
        }

        return step == steps.Count;
    }
}
