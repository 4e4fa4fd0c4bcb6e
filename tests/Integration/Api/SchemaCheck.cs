using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Selvedge.Tests.Integration.Api;

/// <summary>As much of JSON Schema 2020-12 as the OpenAPI document uses. Members that are not described are faults too: what is answered is documented.</summary>
public sealed class SchemaCheck(JsonObject document)
{
    /// <summary>What of <paramref name="value"/> is not as <paramref name="schema"/> says, each with its place.</summary>
    public IEnumerable<string> Faults(JsonElement value, JsonNode schema, string at = "")
    {
        var its = Resolve(schema);
        if (its["const"] is { } constant && value.ToString() != constant.ToString()) yield return $"{at} is {value}, not {constant}";
        if (its["enum"] is JsonArray words && !words.Any(word => word!.ToString() == value.ToString())) yield return $"{at} is {value}, not one of {words.ToJsonString()}";
        if (its["type"] is { } type && !Types(type).Any(name => IsOf(value, name))) yield return $"{at} is {value.ValueKind}, not {type.ToJsonString()}";
        if (its["pattern"] is { } pattern && value.ValueKind == JsonValueKind.String && !Regex.IsMatch(value.GetString()!, pattern.GetValue<string>())) yield return $"{at} is {value}, which does not match {pattern}";
        if (its["minimum"] is { } least && value.ValueKind == JsonValueKind.Number && value.GetDecimal() < least.GetValue<decimal>()) yield return $"{at} is {value}, below {least}";
        foreach (var fault in value.ValueKind switch { JsonValueKind.Array => Items(value, its, at), JsonValueKind.Object => Members(value, its, at), _ => [] }) yield return fault;
    }

    public JsonNode Resolve(JsonNode node)
    {
        while (node["$ref"]?.GetValue<string>() is { } reference) node = reference.TrimStart('#', '/').Split('/').Aggregate((JsonNode)document, (at, step) => at[step]!);
        return node;
    }

    IEnumerable<string> Items(JsonElement value, JsonNode schema, string at) =>
        schema["items"] is { } items ? value.EnumerateArray().SelectMany((item, index) => Faults(item, items, $"{at}/{index}")) : [];

    IEnumerable<string> Members(JsonElement value, JsonNode schema, string at)
    {
        var parts = Parts(schema).ToList();
        foreach (var name in parts.SelectMany(part => part["required"] as JsonArray ?? []))
            if (!value.TryGetProperty(name!.GetValue<string>(), out _)) yield return $"{at}/{name} is missing";
        if (parts.TrueForAll(part => part["properties"] is null && part["additionalProperties"] is null)) yield break;
        foreach (var member in value.EnumerateObject())
        {
            var described = parts.Select(part => part["properties"]?[member.Name] ?? part["additionalProperties"] as JsonObject).FirstOrDefault(found => found is not null);
            if (described is null && !parts.Exists(part => part["additionalProperties"] is JsonValue)) yield return $"{at}/{member.Name} is not described";
            if (described is not null)
                foreach (var fault in Faults(member.Value, described, $"{at}/{member.Name}")) yield return fault;
        }
    }

    // A schema and all it is made of.
    IEnumerable<JsonNode> Parts(JsonNode schema) => (schema["allOf"] as JsonArray ?? []).SelectMany(part => Parts(Resolve(part!))).Prepend(schema);

    static IEnumerable<string> Types(JsonNode type) => type is JsonArray several ? several.Select(one => one!.GetValue<string>()) : [type.GetValue<string>()];

    static bool IsOf(JsonElement value, string type) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
        "number" => value.ValueKind == JsonValueKind.Number,
        "null" => value.ValueKind == JsonValueKind.Null,
        _ => throw new ArgumentException($"The schema type {type} is not checked.", nameof(type)),
    };
}
