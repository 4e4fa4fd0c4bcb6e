using System.Text.Json;
using System.Text.Json.Nodes;

namespace Selvedge.Local.Cosmos;

/// <summary>
/// A partial update (https://learn.microsoft.com/azure/cosmos-db/partial-document-update): up to ten operations applied in
/// order to the stored item, all or none, under an optional condition.
/// </summary>
internal sealed class PatchRequest
{
    private const int MaxOperations = 10;
    private static readonly JsonNodeOptions NodeOptions = new() { PropertyNameCaseInsensitive = false };
    private readonly List<Step> _steps = [];

    private PatchRequest()
    {
    }

    /// <summary><c>FROM c WHERE ...</c>, null when there is none.</summary>
    public string? Condition { get; private init; }

    /// <exception cref="CosmosError">400, naming what is wrong.</exception>
    public static PatchRequest Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            var operations = root.ValueKind == JsonValueKind.Array ? root
                : root.ValueKind == JsonValueKind.Object && root.TryGetProperty("operations", out var list) && list.ValueKind == JsonValueKind.Array ? list
                : throw CosmosError.BadRequest("A patch must be an object with an array 'operations'.");
            if (operations.GetArrayLength() is 0 or > MaxOperations)
            {
                throw CosmosError.BadRequest($"A patch has 1 to {MaxOperations} operations; this one has {operations.GetArrayLength()}.");
            }

            var patch = new PatchRequest
            {
                Condition = root.ValueKind == JsonValueKind.Object && root.TryGetProperty("condition", out var condition) ? condition.GetString() : null,
            };
            foreach (var operation in operations.EnumerateArray())
            {
                var value = operation.TryGetProperty("value", out var element) ? element.Clone() : (JsonElement?)null;
                var from = operation.TryGetProperty("from", out var source) ? Segments(source.GetString()) : null;
                patch._steps.Add(new Step(operation.GetProperty("op").GetString() ?? "", Segments(operation.GetProperty("path").GetString()), from, value));
            }

            return patch;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw CosmosError.BadRequest($"The patch is not understood: {e.Message}");
        }
    }

    /// <summary>The item after the patch.</summary>
    /// <exception cref="CosmosError">400 when an operation's path or value does not fit the item.</exception>
    public byte[] Apply(ReadOnlySpan<byte> item)
    {
        var root = JsonNode.Parse(item, NodeOptions)!;
        foreach (var step in _steps)
        {
            step.Apply(root);
        }

        return JsonSerializer.SerializeToUtf8Bytes(root, Relaxed);
    }

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 128 };

    private static string[] Segments(string? path) =>
        path is { Length: > 1 } && path[0] == '/'
            ? [.. path[1..].Split('/').Select(part => part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))]
            : throw CosmosError.BadRequest($"The patch path '{path}' must start with '/'.");

    private sealed record Step(string Op, string[] Path, string[]? From, JsonElement? Value)
    {
        private string Shown => "/" + string.Join('/', Path);

        public void Apply(JsonNode root)
        {
            if (Path.Length == 1 && (Path[0] == "id" || Path[0] is "_rid" or "_etag" or "_ts" or "_self"))
            {
                throw CosmosError.BadRequest($"Patch cannot change '{Shown}'.");
            }

            switch (Op)
            {
                case "add":
                    Put(root, Path, Required(), insert: true, mustExist: false);
                    break;
                case "set":
                    Put(root, Path, Required(), insert: false, mustExist: false);
                    break;
                case "replace":
                    Put(root, Path, Required(), insert: false, mustExist: true);
                    break;
                case "remove":
                    Remove(root, Path);
                    break;
                case "incr":
                    Increment(root);
                    break;
                case "move":
                    var from = From ?? throw CosmosError.BadRequest($"Patch 'move' to '{Shown}' needs 'from'.");
                    Put(root, Path, Remove(root, from), insert: true, mustExist: false);
                    break;
                default:
                    throw CosmosError.BadRequest($"The patch operation '{Op}' is not known; use add, set, replace, remove, incr or move.");
            }
        }

        private JsonNode? Required() =>
            Value is { } value ? JsonSerializer.SerializeToNode(value) : throw CosmosError.BadRequest($"Patch '{Op}' of '{Shown}' needs a value.");

        private void Increment(JsonNode root)
        {
            if (Value is not { ValueKind: JsonValueKind.Number } by)
            {
                throw CosmosError.BadRequest($"Patch 'incr' of '{Shown}' needs a number.");
            }

            var current = Find(root, Path);
            if (current is not null && current.GetValueKind() != JsonValueKind.Number)
            {
                throw CosmosError.BadRequest($"Patch 'incr': '{Shown}' is not a number.");
            }

            var sum = (current is null ? 0 : double.Parse(current.ToJsonString(), System.Globalization.CultureInfo.InvariantCulture)) + by.GetDouble();
            Span<byte> text = stackalloc byte[32];
            var length = ItemReader.Canonical(sum, text);
            Put(root, Path, JsonNode.Parse(text[..length]), insert: false, mustExist: false);
        }

        private static JsonNode? Find(JsonNode root, string[] path)
        {
            var node = (JsonNode?)root;
            foreach (var part in path)
            {
                node = node switch
                {
                    JsonObject inner => inner[part],
                    JsonArray list when Index(part, list.Count) is >= 0 and var i && i < list.Count => list[i],
                    _ => null,
                };
            }

            return node;
        }

        private JsonNode Parent(JsonNode root, string[] path) =>
            (path.Length == 1 ? root : Find(root, path[..^1]))
                ?? throw CosmosError.BadRequest($"Patch '{Op}': nothing at '/{string.Join('/', path[..^1])}'.");

        private void Put(JsonNode root, string[] path, JsonNode? value, bool insert, bool mustExist)
        {
            switch (Parent(root, path))
            {
                case JsonObject parent:
                    if (mustExist && !parent.ContainsKey(path[^1]))
                    {
                        throw CosmosError.BadRequest($"Patch 'replace': nothing at '{Shown}'.");
                    }

                    parent[path[^1]] = value;
                    break;
                case JsonArray list:
                    var index = Index(path[^1], list.Count);
                    if (index < 0 || index > list.Count || (index == list.Count && !insert))
                    {
                        throw CosmosError.BadRequest($"Patch '{Op}': '{path[^1]}' is not an index of the array at '/{string.Join('/', path[..^1])}'.");
                    }

                    if (insert)
                    {
                        list.Insert(index, value);
                    }
                    else
                    {
                        list[index] = value;
                    }

                    break;
                default:
                    throw CosmosError.BadRequest($"Patch '{Op}': '/{string.Join('/', path[..^1])}' is neither object nor array.");
            }
        }

        private JsonNode? Remove(JsonNode root, string[] path)
        {
            switch (Parent(root, path))
            {
                case JsonObject parent when parent.TryGetPropertyValue(path[^1], out var value):
                    parent.Remove(path[^1]);
                    return value;
                case JsonArray list when Index(path[^1], list.Count) is >= 0 and var index && index < list.Count:
                    var item = list[index];
                    list.RemoveAt(index);
                    return item;
                default:
                    throw CosmosError.BadRequest($"Patch '{Op}': nothing at '/{string.Join('/', path)}'.");
            }
        }

        private static int Index(string part, int count) =>
            part == "-" ? count
            : int.TryParse(part, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var index) ? index : -1;
    }
}
