using System.Text.Json;

namespace Selvedge.Local.Cosmos.Gateway;

/// <summary>
/// The REST interface of an account (https://learn.microsoft.com/rest/api/cosmos-db/) as far as the .NET SDK's gateway mode uses it.
/// What is not known here is answered 400 with its name, never ignored where ignoring could make an answer wrong.
/// </summary>
internal sealed class CosmosGateway(CosmosStore store)
{
    private static readonly string[] Refused =
    [
        "x-ms-documentdb-pre-trigger-include", "x-ms-documentdb-post-trigger-include",
    ];

    private readonly ItemRoutes _items = new(store);
    private readonly BatchRoute _batches = new(store);
    private readonly FeedRoutes _feeds = new(store);
    private readonly ContainerRoutes _containers = new(store);

    public async ValueTask<CosmosResponse> AnswerAsync(CosmosRequest request)
    {
        try
        {
            return await RouteAsync(request).ConfigureAwait(false);
        }
        catch (CosmosError error)
        {
            return CosmosResponse.Error(error.Status, error.SubStatus, error.Message);
        }
        catch (JsonException error)
        {
            return CosmosResponse.Error(400, 0, $"The request body is not valid JSON: {error.Message}");
        }
        catch (Exception error)
        {
            // A defect here must reach the caller as the failure of this one request, with enough to find it.
            return CosmosResponse.Error(500, 0, $"Unexpected {error.GetType().Name} in {error.TargetSite?.DeclaringType?.Name}.{error.TargetSite?.Name}: {error.Message}");
        }
    }

    private ValueTask<CosmosResponse> RouteAsync(CosmosRequest request)
    {
        foreach (var name in Refused)
        {
            if (request.Header(name) is not null)
            {
                throw CosmosError.BadRequest($"The header '{name}' is not supported here.");
            }
        }

        var parts = request.Segments;
        return (request.Method, parts) switch
        {
            ("GET", []) => new(Account(request.Endpoint)),
            (_, ["dbs"] or ["dbs", _] or ["dbs", _, "colls"] or ["dbs", _, "colls", _] or ["dbs", _, "colls", _, "pkranges"]) => _containers.AnswerAsync(request, parts),
            (_, ["dbs", var database, "colls", var name, "docs", var id]) => _items.AnswerAsync(request, store.Catalog.Container(database, name), id),
            ("POST", ["dbs", var database, "colls", var name, "docs"]) => PostAsync(request, store.Catalog.Container(database, name)),
            ("GET", ["dbs", var database, "colls", var name, "docs"]) => _feeds.ReadAsync(request, store.Catalog.Container(database, name)),
            _ => throw CosmosError.BadRequest($"{request.Method} /{string.Join('/', parts)} is not supported here."),
        };
    }

    private ValueTask<CosmosResponse> PostAsync(CosmosRequest request, Container container) =>
        request.Flag("x-ms-cosmos-is-batch-request") ? _batches.AnswerAsync(request, container)
        : request.Flag("x-ms-cosmos-is-query-plan-request")
            ? throw CosmosError.BadRequest("The client asked the gateway for a query plan. Call CosmosEnvironment.Apply() (or set AZURE_COSMOS_USE_QUERY_PLAN_INTEROP_LINUX=true) before the client is made, so that the SDK plans with its own library.")
        : request.Flag("x-ms-documentdb-isquery") || request.Header("Content-Type")?.StartsWith("application/query+json", StringComparison.Ordinal) == true
            ? _feeds.QueryAsync(request, container)
        : _items.CreateAsync(request, container);

    private static CosmosResponse Account(Uri endpoint)
    {
        using var output = new MemoryStream();
        using (var writer = new Utf8JsonWriter(output))
        {
            writer.WriteStartObject();
            writer.WriteString("id", "local");
            writer.WriteString("_rid", "local");
            foreach (var property in new[] { "writableLocations", "readableLocations" })
            {
                writer.WriteStartArray(property);
                writer.WriteStartObject();
                writer.WriteString("name", "local");
                writer.WriteString("databaseAccountEndpoint", endpoint.GetLeftPart(UriPartial.Authority) + "/");
                writer.WriteEndObject();
                writer.WriteEndArray();
            }

            writer.WriteStartObject("userConsistencyPolicy");
            writer.WriteString("defaultConsistencyLevel", "Strong");
            writer.WriteEndObject();
            writer.WriteBoolean("enableMultipleWriteLocations", false);
            writer.WriteString("queryEngineConfiguration", """{"maxSqlQueryInputLength":262144}""");
            writer.WriteEndObject();
        }

        return new CosmosResponse(200, output.ToArray());
    }
}
