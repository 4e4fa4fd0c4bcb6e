using System.Buffers.Text;
using System.Reflection;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Selvedge.Functions.Api;

/// <summary>The OpenAPI 3.1 document. Each slice describes its own paths in the <c>openapi.json</c> beside its code; they are joined here with
/// <c>Api/openapi.json</c>, and every operation gets the answers that <see cref="ApiMiddleware"/> gives for all of them, and tokens for the roles of its keys.</summary>
public static class OpenApi
{
    const string Resource = "openapi/";
    static readonly Lazy<(byte[] Json, string ETag)> Served = new(() =>
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(Document());
        return (json, Base64Url.EncodeToString(SHA256.HashData(json).AsSpan(0, 12)));
    });

    /// <summary>The description of this API.</summary>
    [Function("OpenApi"), Anonymous]
    public static IResult Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/openapi.json")] HttpRequest request) =>
        request.IsUnchanged(Served.Value.ETag) ? Results.StatusCode(StatusCodes.Status304NotModified) : Results.Bytes(Served.Value.Json, "application/json");

    /// <summary>The whole document.</summary>
    /// <exception cref="InvalidOperationException">Two slices describe the same path or component.</exception>
    public static JsonObject Document()
    {
        var assembly = typeof(OpenApi).Assembly;
        var slices = assembly.GetManifestResourceNames().Where(name => name.StartsWith(Resource, StringComparison.Ordinal))
            .ToDictionary(name => name[Resource.Length..].TrimEnd('/', '\\'), name => Read(assembly, name), StringComparer.Ordinal);
        var document = slices["Api"];
        slices.Remove("Api");
        foreach (var (tag, slice) in slices.OrderBy(slice => slice.Key, StringComparer.Ordinal))
        {
            Join((JsonObject)document["paths"]!, slice["paths"], tag);
            foreach (var (kind, members) in slice["components"] as JsonObject ?? [])
                Join((JsonObject)(document["components"]![kind] ??= new JsonObject()), members, tag);
        }
        foreach (var operation in Operations(document))
        {
            if (operation["security"] is JsonArray { Count: > 0 } security) security.Add(new JsonObject { ["entra"] = security[0]!["key"]!.DeepClone() });
            AddSharedAnswers(operation);
        }
        return document;
    }

    /// <summary>The operations of all paths.</summary>
    public static IEnumerable<JsonObject> Operations(JsonObject document) =>
        from path in (JsonObject)document["paths"]!
        from operation in (JsonObject)path.Value!
        where operation.Key is not "parameters"
        select (JsonObject)operation.Value!;

    static void Join(JsonObject into, JsonNode? members, string tag)
    {
        foreach (var (name, value) in members as JsonObject ?? [])
        {
            if (into.ContainsKey(name)) throw new InvalidOperationException($"{tag}/openapi.json describes {name}, which another slice describes too.");
            into[name] = value!.DeepClone();
        }
    }

    static void AddSharedAnswers(JsonObject operation)
    {
        var answers = (JsonObject)operation["responses"]!;
        if (operation["security"] is JsonArray { Count: > 0 }) Add("401", "Unauthorized", "403", "Forbidden", "500", "Internal", "503", "Busy");
        if (operation["requestBody"] is not null) Add("400", "Invalid", "413", "TooLarge");
        else if (operation["parameters"]?.AsArray().Any(parameter => parameter!["in"]?.GetValue<string>() == "query" || parameter["$ref"] is not null) == true) Add("400", "Invalid");

        void Add(params string[] pairs)
        {
            for (var i = 0; i < pairs.Length; i += 2)
                if (!answers.ContainsKey(pairs[i])) answers[pairs[i]] = new JsonObject { ["$ref"] = "#/components/responses/" + pairs[i + 1] };
        }
    }

    static JsonObject Read(Assembly assembly, string name)
    {
        using var stream = assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"{name} is not in the assembly.");
        return JsonNode.Parse(stream, documentOptions: new() { AllowDuplicateProperties = false })!.AsObject();
    }
}
