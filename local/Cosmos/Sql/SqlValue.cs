using System.Text.Json;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>The types of Cosmos SQL, in the order in which ORDER BY sorts values of different types.</summary>
internal enum SqlType : byte
{
    Undefined,
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

/// <summary>
/// A value of Cosmos SQL. What a comparison of two of them gives follows the query engine in the tests of Microsoft's own SDK
/// (azure-cosmos-dotnet-v3, Query/OfflineEngine), which is checked against the service: <c>=</c> and <c>!=</c> of different types are
/// false and true, <c>&lt;</c> and its kin of different types, of arrays and of objects are undefined, and so is anything with undefined.
/// </summary>
internal readonly struct SqlValue : IEquatable<SqlValue>
{
    private readonly string? _text;
    private readonly double _number;
    private readonly JsonElement _json;

    private SqlValue(SqlType type, double number = 0, string? text = null, JsonElement json = default)
    {
        Type = type;
        _number = number;
        _text = text;
        _json = json;
    }

    public static SqlValue Undefined => default;

    public static SqlValue Null { get; } = new(SqlType.Null);

    public static SqlValue True { get; } = new(SqlType.Boolean, 1);

    public static SqlValue False { get; } = new(SqlType.Boolean);

    public SqlType Type { get; }

    public bool IsDefined => Type != SqlType.Undefined;

    /// <summary>Exactly the boolean true: what WHERE asks for.</summary>
    public bool IsTrue => Type == SqlType.Boolean && _number != 0;

    public bool IsFalse => Type == SqlType.Boolean && _number == 0;

    public double Number => _number;

    public string Text => _text!;

    /// <summary>An array or object.</summary>
    public JsonElement Json => _json;

    public static SqlValue Of(bool value) => value ? True : False;

    /// <summary>A number; undefined when it is none that JSON can write.</summary>
    public static SqlValue Of(double value) => double.IsFinite(value) ? new SqlValue(SqlType.Number, value + 0.0) : Undefined;

    public static SqlValue Of(string value) => new(SqlType.String, text: value);

    public static SqlValue Of(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Null => Null,
        JsonValueKind.False => False,
        JsonValueKind.True => True,
        JsonValueKind.Number => Of(json.GetDouble()),
        JsonValueKind.String => Of(SqlText.Read(json)),
        JsonValueKind.Array => new SqlValue(SqlType.Array, json: json),
        JsonValueKind.Object => new SqlValue(SqlType.Object, json: json),
        _ => Undefined,
    };

    /// <summary>The same value, independent of the document it was read from.</summary>
    public SqlValue Detached() => Type >= SqlType.Array ? new SqlValue(Type, json: _json.Clone()) : this;

    /// <summary>The member named or numbered by <paramref name="key"/>; undefined when there is none.</summary>
    public SqlValue Member(in SqlValue key)
    {
        if (Type == SqlType.Object && key.Type == SqlType.String)
        {
            return _json.TryGetProperty(key._text!, out var member) ? Of(member) : Undefined;
        }

        return Type == SqlType.Array && key.Type == SqlType.Number && key._number >= 0 && key._number < _json.GetArrayLength() && key._number == Math.Floor(key._number)
            ? Of(_json[(int)key._number])
            : Undefined;
    }

    /// <summary>Equality as <c>=</c> has it; undefined equals nothing, not even itself, but see <see cref="Same"/>.</summary>
    public bool Equals(SqlValue other) => IsDefined && Same(other);

    /// <summary>Whether the values are alike, undefined with undefined too: for GROUP BY and DISTINCT.</summary>
    public bool Same(in SqlValue other) => Type == other.Type && Type switch
    {
        SqlType.Boolean or SqlType.Number => _number == other._number,
        SqlType.String => string.Equals(_text, other._text, StringComparison.Ordinal),
        SqlType.Array or SqlType.Object => Alike(_json, other._json),
        _ => true,
    };

    /// <summary>Order of two values of one scalar type; null when they have no order.</summary>
    public int? Compare(in SqlValue other) => Type != other.Type ? null : Type switch
    {
        SqlType.Null => 0,
        SqlType.Boolean or SqlType.Number => _number.CompareTo(other._number),
        SqlType.String => CompareText(_text!, other._text!),
        _ => null,
    };

    public override bool Equals(object? obj) => obj is SqlValue other && Same(other);

    public override int GetHashCode() => HashCode.Combine(Type, _number, _text);

    /// <summary>Writes the value; the caller has dealt with undefined.</summary>
    public void WriteTo(Utf8JsonWriter writer)
    {
        switch (Type)
        {
            case SqlType.Null:
                writer.WriteNullValue();
                break;
            case SqlType.Boolean:
                writer.WriteBooleanValue(_number != 0);
                break;
            case SqlType.Number:
                writer.WriteNumberValue(_number);
                break;
            case SqlType.String:
                writer.WriteStringValue(_text);
                break;
            case SqlType.Array or SqlType.Object:
                _json.WriteTo(writer);
                break;
            default:
                throw new InvalidOperationException("Undefined has no JSON.");
        }
    }

    /// <summary>Order of the UTF-8 bytes: differs from that of UTF-16 units only where surrogates meet U+E000..U+FFFF.</summary>
    private static int CompareText(string left, string right)
    {
        var same = left.AsSpan().CommonPrefixLength(right);
        if (same == left.Length || same == right.Length)
        {
            return left.Length.CompareTo(right.Length);
        }

        return Rank(left[same]).CompareTo(Rank(right[same]));

        static int Rank(char unit) => char.IsSurrogate(unit) ? unit + 0x10000 : unit;
    }

    private static bool Alike(JsonElement left, JsonElement right)
    {
        if (left.ValueKind != right.ValueKind)
        {
            return false;
        }

        switch (left.ValueKind)
        {
            case JsonValueKind.Array:
                return left.GetArrayLength() == right.GetArrayLength() && left.EnumerateArray().Zip(right.EnumerateArray()).All(pair => Alike(pair.First, pair.Second));
            case JsonValueKind.Object:
                return left.EnumerateObject().Count() == right.EnumerateObject().Count()
                    && left.EnumerateObject().All(property => right.TryGetProperty(property.Name, out var other) && Alike(property.Value, other));
            default:
                return Of(left).Same(Of(right));
        }
    }
}
