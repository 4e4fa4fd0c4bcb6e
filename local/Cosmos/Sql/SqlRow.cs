using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>
/// The item an expression is evaluated on. Its JSON is parsed only when something asks for a property, and system properties
/// come from the row's columns. One instance serves a whole scan: <see cref="Move"/> forgets the item before.
/// </summary>
internal sealed class SqlRow(Container? container) : IDisposable
{
    private readonly ArrayBufferWriter<byte> _body = new();
    private readonly ArrayBufferWriter<byte> _id = new();
    private JsonDocument? _parsed;
    private JsonDocument? _whole;

    public long Lsn { get; private set; }

    public long Rid { get; private set; }

    public long Ts { get; private set; }

    public ReadOnlySpan<byte> Body => _body.WrittenSpan;

    /// <summary>Takes a stored row: id as in its key, body without system properties.</summary>
    public void Move(long lsn, long rid, long ts, ReadOnlySpan<byte> id, ReadOnlySpan<byte> body)
    {
        Dispose();
        _id.ResetWrittenCount();
        _id.Write(id);
        _body.ResetWrittenCount();
        _body.Write(body);
        (Lsn, Rid, Ts) = (lsn, rid, ts);
    }

    /// <summary>The item as a value, system properties and all.</summary>
    public SqlValue Whole()
    {
        if (container is null)
        {
            return SqlValue.Of(Parsed());
        }

        if (_whole is null)
        {
            var output = new ArrayBufferWriter<byte>(_body.WrittenCount + 256);
            ItemJson.Write(output, container, Lsn, Rid, Ts, Body);
            _whole = JsonDocument.Parse(output.WrittenMemory, ParseOptions);
        }

        return SqlValue.Of(_whole.RootElement);
    }

    /// <summary>A property of the item.</summary>
    public SqlValue Property(string name)
    {
        if (container is not null && (name == "id" || name.StartsWith('_')))
        {
            switch (name)
            {
                case "id":
                    return SqlValue.Of(Encoding.UTF8.GetString(_id.WrittenSpan));
                case "_ts":
                    return SqlValue.Of(Ts);
                case "_etag":
                    return SqlValue.Of(ItemJson.ETag(Lsn));
                case "_rid":
                    return SqlValue.Of(container.ItemRid(Rid));
                case "_self":
                    return SqlValue.Of(string.Create(CultureInfo.InvariantCulture, $"{container.Self}docs/{container.ItemRid(Rid)}/"));
                case "_attachments":
                    return SqlValue.Of("attachments/");
            }
        }

        return Parsed().TryGetProperty(name, out var value) ? SqlValue.Of(value) : SqlValue.Undefined;
    }

    /// <summary>Writes the item as Cosmos returns it.</summary>
    public void WriteTo(IBufferWriter<byte> output)
    {
        if (container is null)
        {
            output.Write(Body);
        }
        else
        {
            ItemJson.Write(output, container, Lsn, Rid, Ts, Body);
        }
    }

    public void Dispose()
    {
        _parsed?.Dispose();
        _whole?.Dispose();
        _parsed = _whole = null;
    }

    private static readonly JsonDocumentOptions ParseOptions = new() { MaxDepth = 128 };

    private JsonElement Parsed() => (_parsed ??= JsonDocument.Parse(_body.WrittenMemory, ParseOptions)).RootElement;
}

/// <summary>What the names of a query stand for while one row is looked at.</summary>
internal sealed class SqlScope(SqlRow row, string? root, SqlScope? outer = null)
{
    private readonly List<(string Name, SqlValue Value)> _bound = [];

    public SqlRow Row { get; } = row;

    /// <summary>The name of the item in FROM.</summary>
    public string? Root { get; } = root;

    /// <summary>Values of aggregates and of GROUP BY expressions, once they are known.</summary>
    public IReadOnlyDictionary<SqlExpression, SqlValue>? Known { get; set; }

    /// <summary>Calls <paramref name="each"/> for every combination of the joined arrays' elements, until it says false.</summary>
    public bool Each(IReadOnlyList<SqlJoin> joins, Func<bool> each, int from = 0)
    {
        if (from == joins.Count)
        {
            return each();
        }

        var array = SqlEvaluator.Evaluate(joins[from].Source, this);
        if (array.Type != SqlType.Array)
        {
            return true;
        }

        foreach (var element in array.Json.EnumerateArray())
        {
            _bound.Add((joins[from].Name, SqlValue.Of(element)));
            var goOn = Each(joins, each, from + 1);
            _bound.RemoveAt(_bound.Count - 1);
            if (!goOn)
            {
                return false;
            }
        }

        return true;
    }

    public bool IsRoot(string name) => Root == name && !_bound.Exists(bound => bound.Name == name) || (Root is null && !_bound.Exists(bound => bound.Name == name) && (outer?.IsRoot(name) ?? false));

    public SqlValue Value(string name)
    {
        foreach (var bound in _bound)
        {
            if (bound.Name == name)
            {
                return bound.Value;
            }
        }

        return outer is not null ? outer.Value(name) : Row.Whole();
    }
}
