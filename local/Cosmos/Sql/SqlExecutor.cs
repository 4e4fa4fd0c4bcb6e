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

/// <summary>Rows as UTF-8 JSON values; <paramref name="Continuation"/> is null when there is no more.</summary>
internal sealed record QueryPage(IReadOnlyList<ReadOnlyMemory<byte>> Rows, string? Continuation);

/// <summary>Runs Cosmos SQL on a read connection.</summary>
internal static class SqlExecutor
{
    /// <exception cref="CosmosError">400, naming the construct that is not supported or the syntax error.</exception>
    public static QueryPage Run(Connection connection, QueryRequest request) =>
        throw CosmosError.BadRequest($"The query is not supported here: {request.Text}");

    /// <summary>
    /// Whether a patch condition (<c>FROM c WHERE ...</c>) holds for one document, given whole, with its system properties.
    /// </summary>
    /// <exception cref="CosmosError">400, naming the construct that is not supported or the syntax error.</exception>
    public static bool Holds(Connection connection, string condition, ReadOnlySpan<byte> document) =>
        throw CosmosError.BadRequest($"The condition is not supported here: {condition}");
}

/// <summary>SQLite indexes for a container's indexing policy.</summary>
internal static class SqlIndexes
{
    /// <summary>CREATE INDEX statements for <paramref name="container"/>'s <c>includedPaths</c>; none for the default policy.</summary>
    public static IReadOnlyList<string> For(Container container) =>
        container.Definition.IndexingPolicy is null ? [] : [];
}
