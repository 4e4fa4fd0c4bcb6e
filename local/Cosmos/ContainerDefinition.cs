using System.Text.Json;

namespace Selvedge.Local.Cosmos;

/// <summary>What a caller said a container should be: key paths, time to live, indexing policy.</summary>
internal sealed class ContainerDefinition
{
    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        "id", "partitionKey", "indexingPolicy", "defaultTtl", "uniqueKeyPolicy", "conflictResolutionPolicy", "geospatialConfig",
        "changeFeedPolicy", "computedProperties", "analyticalStorageTtl", "_rid", "_ts", "_self", "_etag", "_docs", "_sprocs",
        "_triggers", "_udfs", "_conflicts", "allVersionsAndDeletesMode",
    };

    private ContainerDefinition(string id, string[] paths, byte[][][] segments, bool hierarchical, int? defaultTtl, JsonElement? indexingPolicy)
    {
        Id = id;
        Paths = paths;
        KeySegments = segments;
        Hierarchical = hierarchical;
        DefaultTtl = defaultTtl;
        IndexingPolicy = indexingPolicy;
    }

    public string Id { get; }

    /// <summary>Partition key paths as written, e.g. <c>/tenant</c>.</summary>
    public string[] Paths { get; }

    /// <summary>Per path its property names as UTF-8.</summary>
    public byte[][][] KeySegments { get; }

    /// <summary>Kind MultiHash: one hash per path.</summary>
    public bool Hierarchical { get; }

    /// <summary>Seconds; -1: items expire only by their own <c>ttl</c>; null: nothing expires.</summary>
    public int? DefaultTtl { get; }

    /// <summary>As sent; null: the default policy, which indexes nothing but the key here.</summary>
    public JsonElement? IndexingPolicy { get; }

    /// <summary>Reads a definition as sent to <c>POST /dbs/{db}/colls</c>, or as stored by <see cref="ToJson"/>.</summary>
    /// <exception cref="CosmosError">400, naming what is wrong or not supported.</exception>
    public static ContainerDefinition Parse(ReadOnlyMemory<byte> json)
    {
        JsonElement root;
        try
        {
            using var document = JsonDocument.Parse(json);
            root = document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw CosmosError.BadRequest($"The container definition is not valid JSON: {e.Message}");
        }

        if (root.ValueKind != JsonValueKind.Object)
        {
            throw CosmosError.BadRequest("The container definition must be a JSON object.");
        }

        foreach (var property in root.EnumerateObject())
        {
            if (!Known.Contains(property.Name))
            {
                throw CosmosError.BadRequest($"The container property '{property.Name}' is not supported here.");
            }
        }

        var id = root.TryGetProperty("id", out var idElement) && idElement.ValueKind == JsonValueKind.String ? idElement.GetString()! : "";
        ItemId.CheckResourceName(id);
        RefuseNonEmpty(root, "uniqueKeyPolicy", "uniqueKeys");
        if (root.TryGetProperty("computedProperties", out var computed) && computed.ValueKind == JsonValueKind.Array && computed.GetArrayLength() > 0)
        {
            throw CosmosError.BadRequest("Computed properties are not supported here.");
        }

        var (paths, segments, hierarchical) = ParseKey(root);
        int? ttl = null;
        if (root.TryGetProperty("defaultTtl", out var ttlElement) && ttlElement.ValueKind != JsonValueKind.Null)
        {
            ttl = ttlElement.TryGetInt32(out var seconds) && seconds is -1 or > 0
                ? seconds
                : throw CosmosError.BadRequest("defaultTtl must be -1 or a positive number of seconds.");
        }

        return new ContainerDefinition(id, paths, segments, hierarchical, ttl,
            root.TryGetProperty("indexingPolicy", out var policy) && policy.ValueKind == JsonValueKind.Object ? policy : null);
    }

    public byte[] ToJson()
    {
        using var output = new MemoryStream();
        using (var writer = new Utf8JsonWriter(output))
        {
            writer.WriteStartObject();
            WriteMembers(writer);
            writer.WriteEndObject();
        }

        return output.ToArray();
    }

    public void WriteMembers(Utf8JsonWriter writer)
    {
        writer.WriteString("id", Id);
        writer.WritePropertyName("indexingPolicy");
        if (IndexingPolicy is { } policy)
        {
            policy.WriteTo(writer);
        }
        else
        {
            writer.WriteRawValue("""{"indexingMode":"consistent","automatic":true,"includedPaths":[{"path":"/*"}],"excludedPaths":[{"path":"/\"_etag\"/?"}]}"""u8);
        }

        writer.WriteStartObject("partitionKey");
        writer.WriteStartArray("paths");
        foreach (var path in Paths)
        {
            writer.WriteStringValue(path);
        }

        writer.WriteEndArray();
        writer.WriteString("kind", Hierarchical ? "MultiHash" : "Hash");
        writer.WriteNumber("version", 2);
        writer.WriteEndObject();
        if (DefaultTtl is { } ttl)
        {
            writer.WriteNumber("defaultTtl", ttl);
        }
    }

    private static (string[] Paths, byte[][][] Segments, bool Hierarchical) ParseKey(JsonElement root)
    {
        if (!root.TryGetProperty("partitionKey", out var key) || key.ValueKind != JsonValueKind.Object
            || !key.TryGetProperty("paths", out var list) || list.ValueKind != JsonValueKind.Array || list.GetArrayLength() == 0)
        {
            throw CosmosError.BadRequest("A container needs a partition key: {\"paths\":[\"/property\"]}.");
        }

        var kind = key.TryGetProperty("kind", out var kindElement) ? kindElement.GetString() : "Hash";
        var hierarchical = kind switch
        {
            "Hash" => false,
            "MultiHash" => true,
            _ => throw CosmosError.BadRequest($"Partition key kind '{kind}' is not supported; use Hash or MultiHash."),
        };
        if (key.TryGetProperty("version", out var version) && version.ValueKind == JsonValueKind.Number && version.GetInt32() != 2)
        {
            throw CosmosError.BadRequest("Only partition key definition version 2 is supported.");
        }

        var paths = list.EnumerateArray().Select(path => path.GetString() ?? "").ToArray();
        if (paths.Length > (hierarchical ? 3 : 1))
        {
            throw CosmosError.BadRequest($"A partition key of kind {kind} has at most {(hierarchical ? 3 : 1)} path(s); {paths.Length} were given.");
        }

        foreach (var path in paths)
        {
            if (path.Length < 2 || path[0] != '/' || path.EndsWith('/') || path.AsSpan().IndexOfAny("\"*[]") >= 0)
            {
                throw CosmosError.BadRequest($"Partition key path '{path}' is not supported; write it as /property or /outer/inner.");
            }
        }

        return (paths, [.. paths.Select(path => path[1..].Split('/').Select(System.Text.Encoding.UTF8.GetBytes).ToArray())], hierarchical);
    }

    private static void RefuseNonEmpty(JsonElement root, string property, string array)
    {
        if (root.TryGetProperty(property, out var outer) && outer.ValueKind == JsonValueKind.Object
            && outer.TryGetProperty(array, out var inner) && inner.ValueKind == JsonValueKind.Array && inner.GetArrayLength() > 0)
        {
            throw CosmosError.BadRequest($"{property} is not supported here.");
        }
    }
}
