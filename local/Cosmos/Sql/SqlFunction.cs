using System.Text.Json;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>
/// A built-in function (https://learn.microsoft.com/azure/cosmos-db/nosql/query/system-functions). Arguments of a type it does
/// not take make the result undefined, never an error.
/// </summary>
internal sealed class SqlFunction
{
    private static readonly Dictionary<string, SqlFunction> All = new(StringComparer.Ordinal);

    static SqlFunction()
    {
        Test("IS_DEFINED", value => value.IsDefined);
        Test("IS_NULL", value => value.Type == SqlType.Null);
        Test("IS_BOOL", value => value.Type == SqlType.Boolean);
        Test("IS_NUMBER", value => value.Type == SqlType.Number);
        Test("IS_STRING", value => value.Type == SqlType.String);
        Test("IS_ARRAY", value => value.Type == SqlType.Array);
        Test("IS_OBJECT", value => value.Type == SqlType.Object);
        Test("IS_PRIMITIVE", value => value.Type is SqlType.Null or SqlType.Boolean or SqlType.Number or SqlType.String);

        Text("LOWER", text => SqlValue.Of(text.ToLowerInvariant()));
        Text("UPPER", text => SqlValue.Of(text.ToUpperInvariant()));
        Text("LENGTH", text => SqlValue.Of(text.Length));
        Text("TRIM", text => SqlValue.Of(text.Trim()));
        Text("LTRIM", text => SqlValue.Of(text.TrimStart()));
        Text("RTRIM", text => SqlValue.Of(text.TrimEnd()));
        Search("STARTSWITH", (text, part, comparison) => text.StartsWith(part, comparison));
        Search("ENDSWITH", (text, part, comparison) => text.EndsWith(part, comparison));
        Search("CONTAINS", (text, part, comparison) => text.Contains(part, comparison));
        Search("STRINGEQUALS", string.Equals);
        Add("CONCAT", 2, 200, values => values.All(IsText) ? SqlValue.Of(string.Concat(values.Select(value => value.Text))) : SqlValue.Undefined);
        Add("INDEX_OF", 2, 2, values => values.All(IsText) ? SqlValue.Of(values[0].Text.IndexOf(values[1].Text, StringComparison.Ordinal)) : SqlValue.Undefined);
        Add("REPLACE", 3, 3, values => values.All(IsText) && values[1].Text.Length > 0
            ? SqlValue.Of(values[0].Text.Replace(values[1].Text, values[2].Text, StringComparison.Ordinal))
            : SqlValue.Undefined);
        Add("LEFT", 2, 2, values => Part(values[0], SqlValue.Of(0), values[1]));
        Add("SUBSTRING", 3, 3, values => Part(values[0], values[1], values[2]));

        Arithmetic("ABS", Math.Abs);
        Arithmetic("CEILING", Math.Ceiling);
        Arithmetic("FLOOR", Math.Floor);
        Arithmetic("SQRT", Math.Sqrt);

        Add("ARRAY_LENGTH", 1, 1, values => values[0].Type == SqlType.Array ? SqlValue.Of(values[0].Json.GetArrayLength()) : SqlValue.Undefined);
        Add("ARRAY_CONTAINS", 2, 3, values => ArrayContains(values[0], values[1], values.Length == 3 ? values[2] : SqlValue.False));
    }

    private SqlFunction(string name, int least, int most, Func<SqlValue[], SqlValue> apply)
    {
        Name = name;
        Least = least;
        Most = most;
        Apply = apply;
    }

    public string Name { get; }

    /// <summary>Fewest arguments.</summary>
    public int Least { get; }

    /// <summary>Most arguments.</summary>
    public int Most { get; }

    public Func<SqlValue[], SqlValue> Apply { get; }

    /// <summary>The function of that name in capitals; null when there is none here.</summary>
    public static SqlFunction? Find(string name) => All.GetValueOrDefault(name);

    private static bool IsText(SqlValue value) => value.Type == SqlType.String;

    private static void Add(string name, int least, int most, Func<SqlValue[], SqlValue> apply) => All[name] = new SqlFunction(name, least, most, apply);

    private static void Test(string name, Predicate<SqlValue> test) => Add(name, 1, 1, values => SqlValue.Of(test(values[0])));

    private static void Text(string name, Func<string, SqlValue> apply) =>
        Add(name, 1, 1, values => IsText(values[0]) ? apply(values[0].Text) : SqlValue.Undefined);

    private static void Arithmetic(string name, Func<double, double> apply) =>
        Add(name, 1, 1, values => values[0].Type == SqlType.Number ? SqlValue.Of(apply(values[0].Number)) : SqlValue.Undefined);

    /// <summary>The third argument, true, ignores case.</summary>
    private static void Search(string name, Func<string, string, StringComparison, bool> found) => Add(name, 2, 3, values =>
        !IsText(values[0]) || !IsText(values[1]) || (values.Length == 3 && values[2].Type != SqlType.Boolean)
            ? SqlValue.Undefined
            : SqlValue.Of(found(values[0].Text, values[1].Text, values.Length == 3 && values[2].IsTrue ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal)));

    private static SqlValue Part(SqlValue text, SqlValue start, SqlValue length)
    {
        if (!IsText(text) || start.Type != SqlType.Number || length.Type != SqlType.Number)
        {
            return SqlValue.Undefined;
        }

        var from = (int)Math.Clamp(start.Number, 0, text.Text.Length);
        return SqlValue.Of(text.Text.Substring(from, (int)Math.Clamp(length.Number, 0, text.Text.Length - from)));
    }

    private static SqlValue ArrayContains(SqlValue array, SqlValue wanted, SqlValue partial)
    {
        if (array.Type != SqlType.Array || !wanted.IsDefined || partial.Type != SqlType.Boolean)
        {
            return SqlValue.Undefined;
        }

        foreach (var element in array.Json.EnumerateArray())
        {
            if (SqlValue.Of(element).Same(wanted) || (partial.IsTrue && Holds(element, wanted)))
            {
                return SqlValue.True;
            }
        }

        return SqlValue.False;
    }

    /// <summary>Partial match: every property of <paramref name="wanted"/> is in <paramref name="element"/> with an equal value.</summary>
    private static bool Holds(JsonElement element, SqlValue wanted) =>
        element.ValueKind == JsonValueKind.Object && wanted.Type == SqlType.Object
        && wanted.Json.EnumerateObject().All(property => element.TryGetProperty(property.Name, out var value) && SqlValue.Of(value).Same(SqlValue.Of(property.Value)));
}
