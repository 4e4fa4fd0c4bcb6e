using System.Globalization;
using System.Text.Json;

namespace Selvedge.Local.Cosmos.Gateway;

/// <summary>Databases, containers and their partition key ranges.</summary>
internal sealed class ContainerRoutes(CosmosStore store)
{
    private Catalog Catalog => store.Catalog;

    public async ValueTask<CosmosResponse> AnswerAsync(CosmosRequest request, string[] parts)
    {
        if (request.Flag("x-ms-documentdb-isquery"))
        {
            throw CosmosError.BadRequest("Queries over databases and containers are not supported here; list them without a query text.");
        }

        switch (request.Method, parts)
        {
            case ("GET", ["dbs"]):
                return Listing("", "Databases", Catalog.Databases.Select(Json));
            case ("POST", ["dbs"]):
                return new CosmosResponse(201, Json(await Catalog.CreateDatabaseAsync(Name(request.Body)).ConfigureAwait(false))).With("x-ms-request-charge", ItemRoutes.Charge);
            case ("GET", ["dbs", var database]):
                return new CosmosResponse(200, Json(Catalog.Database(database))).With("x-ms-request-charge", ItemRoutes.Charge);
            case ("DELETE", ["dbs", var database]):
                await Catalog.DeleteDatabaseAsync(Catalog.Database(database)).ConfigureAwait(false);
                return new CosmosResponse(204);
            case ("GET", ["dbs", var database, "colls"]):
                var owner = Catalog.Database(database);
                return Listing(owner.Rid, "DocumentCollections", Catalog.Containers.Where(one => one.Database == owner).Select(one => one.ToJson()));
            case ("POST", ["dbs", var database, "colls"]):
                return Answer(201, await Catalog.CreateContainerAsync(database, ContainerDefinition.Parse(request.Body)).ConfigureAwait(false));
            case ("GET", ["dbs", var database, "colls", var name]):
                return Answer(200, Catalog.Container(database, name));
            case ("PUT", ["dbs", var database, "colls", var name]):
                return Answer(200, await Catalog.ReplaceContainerAsync(Catalog.Container(database, name), ContainerDefinition.Parse(request.Body)).ConfigureAwait(false));
            case ("DELETE", ["dbs", var database, "colls", var name]):
                await Catalog.DeleteContainerAsync(Catalog.Container(database, name)).ConfigureAwait(false);
                return new CosmosResponse(204);
            case ("GET", ["dbs", var database, "colls", var name, "pkranges"]):
                return Ranges(request, Catalog.Container(database, name));
            default:
                throw CosmosError.BadRequest($"{request.Method} /{string.Join('/', parts)} is not supported here.");
        }
    }

    private static string Name(ReadOnlyMemory<byte> body)
    {
        using var document = JsonDocument.Parse(body);
        return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("id", out var id) && id.ValueKind == JsonValueKind.String
            ? id.GetString()!
            : throw CosmosError.BadRequest("A database needs an 'id'.");
    }

    private static CosmosResponse Answer(int status, Container container) =>
        new CosmosResponse(status, container.ToJson()) { ETag = ItemJson.ETag(container.Ts) }.With("x-ms-request-charge", ItemRoutes.Charge);

    private static byte[] Json(Database database) => JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
    {
        ["id"] = database.Id,
        ["_rid"] = database.Rid,
        ["_self"] = $"dbs/{database.Rid}/",
        ["_etag"] = ItemJson.ETag(database.Ts),
        ["_ts"] = database.Ts,
        ["_colls"] = "colls/",
        ["_users"] = "users/",
    });

    /// <summary>The SDK asks again with the ETag until it is answered 304.</summary>
    private CosmosResponse Ranges(CosmosRequest request, Container container)
    {
        var ranges = store.Options.PartitionRanges;
        var etag = string.Create(CultureInfo.InvariantCulture, $"\"{ranges}\"");
        if (request.Header("If-None-Match") == etag)
        {
            return new CosmosResponse(304) { ETag = etag }.With("x-ms-item-count", "0");
        }

        using var output = new MemoryStream();
        using (var writer = new Utf8JsonWriter(output))
        {
            writer.WriteStartObject();
            writer.WriteString("_rid", container.Rid);
            writer.WriteStartArray("PartitionKeyRanges");
            for (var range = 0; range < ranges; range++)
            {
                writer.WriteStartObject();
                writer.WriteString("_rid", container.ItemRid(range + 1));
                writer.WriteString("id", range.ToString(CultureInfo.InvariantCulture));
                writer.WriteString("minInclusive", Convert.ToHexString(Scope.Start(range, ranges)));
                writer.WriteString("maxExclusive", range == ranges - 1 ? "FF" : Convert.ToHexString(Scope.Start(range + 1, ranges)));
                writer.WriteStartArray("parents");
                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteNumber("_count", ranges);
            writer.WriteEndObject();
        }

        return new CosmosResponse(200, output.ToArray()) { ETag = etag }.With("x-ms-item-count", ranges.ToString(CultureInfo.InvariantCulture));
    }

    private static CosmosResponse Listing(string rid, string property, IEnumerable<byte[]> items)
    {
        using var output = new MemoryStream();
        using (var writer = new Utf8JsonWriter(output))
        {
            var count = 0;
            writer.WriteStartObject();
            writer.WriteString("_rid", rid);
            writer.WriteStartArray(property);
            foreach (var item in items)
            {
                writer.WriteRawValue(item);
                count++;
            }

            writer.WriteEndArray();
            writer.WriteNumber("_count", count);
            writer.WriteEndObject();
        }

        return new CosmosResponse(200, output.ToArray()).With("x-ms-request-charge", ItemRoutes.Charge);
    }
}
