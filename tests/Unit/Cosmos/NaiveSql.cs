using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using CsCheck;

namespace Selvedge.Tests.Unit.Cosmos;

/// <summary>
/// A second, naive reading of Cosmos SQL, independent of the parser and the evaluator: random conditions that can print themselves
/// as SQL and say for a document whether they are true, false or (null) undefined.
/// </summary>
internal abstract record Naive
{
    public static readonly string[] Paths = ["a", "b", "o.x", "id"];

    private static readonly object Missing = new();

    /// <summary>Values worth meeting: every type, numbers around zero, strings that sort oddly.</summary>
    public static readonly Gen<JsonNode?> GenValue = Gen.OneOf<string>(
        "null", "true", "false", "0", "1", "2", "-1.5", "1e300", "\"\"", "\"a\"", "\"ab\"", "\"B\"", "\"1\"", "\"é\"", "\"\\uffee\"", "\"\\ud83d\\udc57\"",
        "\"x' OR '1'='1\"", "[]", "[1,\"a\"]", "[{\"x\":1,\"y\":2}]", "{}", "{\"x\":1}", "{\"x\":\"a\",\"y\":[1]}").Select(json => JsonNode.Parse(json));

    public static readonly Gen<JsonObject> GenDocument = Gen.Select(GenValue, GenValue, GenValue, Gen.Int[0, 7], Gen.Int[0, 2], (a, b, x, has, pk) =>
    {
        var document = new JsonObject { ["pk"] = $"p{pk}" };
        Add(document, "a", has, 1, a);
        Add(document, "b", has, 2, b);
        if ((has & 4) != 0)
        {
            document["o"] = new JsonObject { ["x"] = x?.DeepClone() };
        }

        return document;
    });

    private static readonly Gen<Naive> GenLeaf = Gen.Select(Gen.Int[0, 8], Gen.OneOf<string>(Paths), Gen.OneOf<string>(Paths), GenValue, GenValue, Gen.Int[0, 5], (kind, path, other, one, two, n) => (Naive)(kind switch
    {
        0 or 1 => new Compare(path, n, one, null),
        2 => new Compare(path, n, null, other),
        3 => new In(path, [one, two], n > 2),
        4 => new Between(path, one, two),
        5 => new IsType(path, n),
        6 => new Search(path, n % 3, Text(one), n % 2 == 0),
        7 => new Contains(path, one, n % 2 == 0),
        _ => new Compare("pk", n % 2, JsonValue.Create($"p{n % 3}"), null),
    }));

    public static readonly Gen<Naive> Gen1 = Gen.Recursive<Naive>((depth, self) => depth > 3
        ? GenLeaf
        : Gen.Frequency((2, GenLeaf), (1, self.Array[2, 3].Select(terms => (Naive)new Logic(true, terms))), (1, self.Array[2, 3].Select(terms => (Naive)new Logic(false, terms))), (1, self.Select(term => (Naive)new Not(term)))));

    public abstract string Sql { get; }

    public abstract bool? Holds(JsonObject document);

    public static object? At(JsonObject document, string path)
    {
        object? at = document;
        foreach (var name in path.Split('.'))
        {
            at = at is JsonObject here && here.TryGetPropertyValue(name, out var value) ? value : Missing;
        }

        return at;
    }

    public static bool IsMissing(object? value) => ReferenceEquals(value, Missing);

    /// <summary>Missing, null, boolean, number, string, array, object: the order of ORDER BY.</summary>
    public static int Rank(object? value) => value switch
    {
        null => 1,
        JsonArray => 5,
        JsonObject => 6,
        JsonValue scalar => scalar.GetValueKind() switch { System.Text.Json.JsonValueKind.String => 4, System.Text.Json.JsonValueKind.Number => 3, _ => 2 },
        _ => 0,
    };

    public static int Order(object? left, object? right) => Rank(left) != Rank(right) ? Rank(left).CompareTo(Rank(right)) : Rank(left) switch
    {
        2 => ((JsonValue)left!).GetValue<bool>().CompareTo(((JsonValue)right!).GetValue<bool>()),
        3 => Number(left).CompareTo(Number(right)),
        4 => Encoding.UTF8.GetBytes(Text(left)).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(Text(right))),
        _ => 0,
    };

    protected static bool Same(object? left, object? right) => Rank(left) == Rank(right) && Rank(left) switch
    {
        5 => ((JsonArray)left!).Count == ((JsonArray)right!).Count && ((JsonArray)left).Zip((JsonArray)right!).All(pair => Same(pair.First, pair.Second)),
        6 => ((JsonObject)left!).Count == ((JsonObject)right!).Count && ((JsonObject)left).All(one => ((JsonObject)right!).TryGetPropertyValue(one.Key, out var other) && Same(one.Value, other)),
        _ => Order(left, right) == 0,
    };

    /// <summary>A path as SQL, both ways of writing one.</summary>
    protected static string Path(string path) => path == "o.x" ? "c[\"o\"].x" : "c." + path;

    protected static string Literal(JsonNode? value) => value is JsonValue text && text.GetValueKind() == System.Text.Json.JsonValueKind.String
        ? "'" + text.GetValue<string>().Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal) + "'"
        : value?.ToJsonString() ?? "null";

    private static string Text(object? value) => value is JsonValue scalar && scalar.GetValueKind() == System.Text.Json.JsonValueKind.String ? scalar.GetValue<string>() : "a";

    private static double Number(object? value) => double.Parse(((JsonValue)value!).ToJsonString(), CultureInfo.InvariantCulture);

    private static void Add(JsonObject document, string name, int has, int bit, JsonNode? value)
    {
        if ((has & bit) != 0)
        {
            document[name] = value?.DeepClone();
        }
    }

    private sealed record Compare(string Path1, int Operator, JsonNode? Value, string? Other) : Naive
    {
        private static readonly string[] Operators = ["=", "!=", "<", "<=", ">", ">="];

        public override string Sql => $"{Path(Path1)} {Operators[Operator]} {(Other is null ? Literal(Value) : Path(Other))}";

        public override bool? Holds(JsonObject document)
        {
            var left = At(document, Path1);
            var right = Other is null ? Value : At(document, Other);
            if (IsMissing(left) || IsMissing(right))
            {
                return null;
            }

            if (Operator < 2)
            {
                return Same(left, right) == (Operator == 0);
            }

            if (Rank(left) != Rank(right) || Rank(left) > 4)
            {
                return null;
            }

            var order = Order(left, right);
            return Operator switch { 2 => order < 0, 3 => order <= 0, 4 => order > 0, _ => order >= 0 };
        }
    }

    private sealed record In(string Path1, JsonNode?[] Values, bool Called) : Naive
    {
        public override string Sql => Called ? $"ARRAY_CONTAINS([{string.Join(", ", Values.Select(Literal))}], {Path(Path1)})" : $"{Path(Path1)} IN ({string.Join(", ", Values.Select(Literal))})";

        public override bool? Holds(JsonObject document)
        {
            var value = At(document, Path1);
            return IsMissing(value) ? null : Values.Any(one => Same(value, one));
        }
    }

    private sealed record Between(string Path1, JsonNode? Low, JsonNode? High) : Naive
    {
        public override string Sql => $"({Path(Path1)} BETWEEN {Literal(Low)} AND {Literal(High)})";

        public override bool? Holds(JsonObject document) =>
            new Logic(true, [new Compare(Path1, 5, Low, null), new Compare(Path1, 3, High, null)]).Holds(document);
    }

    private sealed record IsType(string Path1, int Kind) : Naive
    {
        private static readonly string[] Names = ["IS_DEFINED", "IS_NULL", "IS_BOOL", "IS_NUMBER", "IS_STRING", "IS_ARRAY"];

        public override string Sql => $"{Names[Kind]}({Path(Path1)})";

        public override bool? Holds(JsonObject document) => Kind == 0 ? !IsMissing(At(document, Path1)) : Rank(At(document, Path1)) == Kind;
    }

    private sealed record Search(string Path1, int Kind, string Part, bool IgnoreCase) : Naive
    {
        private static readonly string[] Names = ["STARTSWITH", "ENDSWITH", "CONTAINS"];

        public override string Sql => $"{Names[Kind]}({Path(Path1)}, {Literal(JsonValue.Create(Part))}{(IgnoreCase ? ", true" : "")})";

        public override bool? Holds(JsonObject document)
        {
            var value = At(document, Path1);
            var comparison = IgnoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
            return Rank(value) != 4 ? null : Kind switch
            {
                0 => Text(value).StartsWith(Part, comparison),
                1 => Text(value).EndsWith(Part, comparison),
                _ => Text(value).Contains(Part, comparison),
            };
        }
    }

    private sealed record Contains(string Path1, JsonNode? Value, bool Partial) : Naive
    {
        public override string Sql => $"ARRAY_CONTAINS({Path(Path1)}, {Literal(Value)}{(Partial ? ", true" : "")})";

        public override bool? Holds(JsonObject document) => At(document, Path1) is JsonArray array
            ? array.Any(item => Same(item, Value) || (Partial && item is JsonObject has && Value is JsonObject wanted
                && wanted.All(one => has.TryGetPropertyValue(one.Key, out var other) && Same(one.Value, other))))
            : null;
    }

    private sealed record Logic(bool And, Naive[] Terms) : Naive
    {
        public override string Sql => $"({string.Join(And ? " AND " : " OR ", Terms.Select(term => term.Sql))})";

        public override bool? Holds(JsonObject document)
        {
            var values = Terms.Select(term => term.Holds(document)).ToList();
            return values.Contains(!And) ? !And : values.Contains(null) ? null : And;
        }
    }

    private sealed record Not(Naive Term) : Naive
    {
        public override string Sql => $"NOT ({Term.Sql})";

        public override bool? Holds(JsonObject document) => !Term.Holds(document);
    }
}
