using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Selvedge.Local.Cosmos.Storage;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>
/// One page of a query. <paramref name="From"/> (inclusive) and <paramref name="To"/> (exclusive) bound the <c>key</c> column;
/// <paramref name="Parameters"/> is the array <c>[{"name":"@p","value":..}]</c> or Undefined; <paramref name="ResumeFilter"/> the body's
/// <c>resumeFilter</c> or Undefined; <paramref name="Now"/> is in seconds since 1970: rows with <c>expires &lt;= Now</c> do not exist.
/// </summary>
internal sealed record QueryRequest(
    Container Container, string Text, JsonElement Parameters, JsonElement ResumeFilter, byte[] From, byte[] To,
    int PageSize, string? Continuation, long Now);

/// <summary>
/// Rows as UTF-8 JSON values; <paramref name="Continuation"/> is null when there is no more. <paramref name="Visited"/>: stored rows read for it.
/// </summary>
internal sealed record QueryPage(IReadOnlyList<ReadOnlyMemory<byte>> Rows, string? Continuation, int Visited);

/// <summary>
/// Runs Cosmos SQL. SQLite finds the rows (by key range or by an index over the JSON) and nothing else: conditions, order
/// and projection are evaluated here on the item's JSON, so that there is one meaning of every construct, Cosmos's.
/// </summary>
internal static class SqlExecutor
{
    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <exception cref="CosmosError">400, naming the construct that is not supported or the syntax error, and its position.</exception>
    public static QueryPage Run(Connection connection, QueryRequest request)
    {
        var query = SqlParser.Query(request.Text, ReadParameters(request.Parameters));
        var access = SqlAccess.Choose(query, request, connection);
        using var row = new SqlRow(request.Container);
        var page = new SqlPage(connection, request, query, access, row);
        return query.GroupBy.Count > 0 || query.Aggregates.Count > 0 ? page.Grouped()
            : access.GivesOrder ? page.Streamed()
            : page.Sorted();
    }

    /// <summary>
    /// Whether a patch condition (<c>FROM c WHERE ...</c>) holds for one document, given whole, with its system properties.
    /// </summary>
    /// <exception cref="CosmosError">400, naming the construct that is not supported or the syntax error, and its position.</exception>
    public static bool Holds(string condition, ReadOnlySpan<byte> document)
    {
        var query = SqlParser.Condition(condition);
        using var row = new SqlRow(null);
        row.Move(0, 0, 0, default, document);
        var scope = new SqlScope(row, query.Root);
        var holds = false;
        scope.Each(query.Joins, () => !(holds = SqlEvaluator.Evaluate(query.Where!, scope).IsTrue));
        return holds;
    }

    /// <summary>Writes what SELECT makes of the row; false when that is undefined and there is no row to give.</summary>
    public static bool Project(SqlQuery query, SqlScope scope, IBufferWriter<byte> output)
    {
        if (query.Select is null)
        {
            scope.Row.WriteTo(output);
            return true;
        }

        using var writer = new Utf8JsonWriter(output, WriterOptions);
        return SqlEvaluator.Write(query.Select, scope, writer);
    }

    private static Dictionary<string, SqlValue> ReadParameters(JsonElement parameters)
    {
        var values = new Dictionary<string, SqlValue>(StringComparer.Ordinal);
        if (parameters.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null)
        {
            return values;
        }

        if (parameters.ValueKind != JsonValueKind.Array)
        {
            throw CosmosError.BadRequest("The query's parameters must be an array of {\"name\":\"@..\",\"value\":..}.");
        }

        foreach (var parameter in parameters.EnumerateArray())
        {
            if (parameter.ValueKind != JsonValueKind.Object || !parameter.TryGetProperty("name", out var name) || name.ValueKind != JsonValueKind.String)
            {
                throw CosmosError.BadRequest("A query parameter has no name.");
            }

            values[name.GetString()!] = parameter.TryGetProperty("value", out var value) ? SqlValue.Of(value) : SqlValue.Undefined;
        }

        return values;
    }
}
