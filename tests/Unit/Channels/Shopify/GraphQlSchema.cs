using System.IO.Compression;
using System.Text.Json;

namespace Selvedge.Tests.Unit.Channels.Shopify;

/// <summary>
/// A schema as introspection tells it (GraphQL spec, section 4), and what of a document it does not allow (section 5): fields, arguments, required arguments, input objects, enum
/// values, types of variables, selections of objects, directives. What is deprecated is named too.
/// </summary>
internal sealed class GraphQlSchema
{
    sealed record Input(TypeRef Type, bool HasDefault, bool Deprecated);
    sealed record Member(TypeRef Type, Dictionary<string, Input> Arguments, bool Deprecated);
    sealed record Kind(string Name, Dictionary<string, Member> Fields, Dictionary<string, Input> Inputs, HashSet<string> Values, HashSet<string> Possible);

    readonly Dictionary<string, Kind> types = [];
    readonly Dictionary<string, Dictionary<string, Input>> directives = [];
    readonly Dictionary<string, string> roots = [];

    public static GraphQlSchema Load(string path)
    {
        using var file = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        using var json = JsonDocument.Parse(file, new() { MaxDepth = 128 });
        var root = json.RootElement.TryGetProperty("data", out var data) ? data : json.RootElement;
        return new(root.GetProperty("__schema"));
    }

    public GraphQlSchema(JsonElement schema)
    {
        foreach (var type in schema.GetProperty("types").EnumerateArray())
            types[Name(type)] = new(type.GetProperty("kind").GetString()!, List(type, "fields").ToDictionary(Name, field => new Member(TypeOf(field.GetProperty("type")), Inputs(field, "args"), IsDeprecated(field))),
                Inputs(type, "inputFields"), [.. List(type, "enumValues").Select(Name)], [.. List(type, "possibleTypes").Select(Name)]);
        foreach (var directive in schema.GetProperty("directives").EnumerateArray()) directives[Name(directive)] = Inputs(directive, "args");
        roots["query"] = Name(schema.GetProperty("queryType"));
        if (schema.TryGetProperty("mutationType", out var mutation) && mutation.ValueKind is JsonValueKind.Object) roots["mutation"] = Name(mutation);
    }

    public List<string> Faults(Operation operation)
    {
        var faults = new List<string>();
        var variables = operation.Variables.ToDictionary(variable => variable.Name);
        var used = new HashSet<string>();
        foreach (var variable in operation.Variables)
            if (!types.TryGetValue(variable.Type.Leaf, out var kind) || kind.Name is not ("SCALAR" or "ENUM" or "INPUT_OBJECT")) faults.Add($"${variable.Name}: {variable.Type} is no input type");
        if (roots.TryGetValue(operation.Kind, out var root)) Select(root, operation.Selections, operation.Name);
        else faults.Add($"there is no {operation.Kind}");
        faults.AddRange(operation.Variables.Where(variable => !used.Contains(variable.Name)).Select(variable => $"${variable.Name} is not used"));
        return faults;

        void Select(string type, List<Selection> selections, string path)
        {
            foreach (var selection in selections)
            {
                if (selection.Name is not { } name)
                {
                    if (!types.TryGetValue(selection.On!, out _)) faults.Add($"{path}: there is no type {selection.On}");
                    else if (selection.On != type && !types[type].Possible.Contains(selection.On!)) faults.Add($"{path}: a {type} is never a {selection.On}");
                    else Select(selection.On!, selection.Selections, path);
                    continue;
                }
                var here = $"{path}.{name}";
                foreach (var directive in selection.Directives)
                    if (directives.TryGetValue(directive.Name, out var takes)) Check(takes, directive.Arguments, $"{here}@{directive.Name}");
                    else faults.Add($"{here}: there is no directive @{directive.Name}");
                if (name == "__typename") continue;
                if (!types[type].Fields.TryGetValue(name, out var field)) { faults.Add($"{here}: {type} has no such field"); continue; }
                if (field.Deprecated) faults.Add($"{here} is deprecated");
                Check(field.Arguments, selection.Arguments, here);
                var composite = types[field.Type.Leaf].Name is "OBJECT" or "INTERFACE" or "UNION";
                if (composite != selection.Selections.Count > 0) faults.Add($"{here}: a {field.Type} {(composite ? "needs" : "has no")} selections");
                else if (composite) Select(field.Type.Leaf, selection.Selections, here);
            }
        }

        void Check(Dictionary<string, Input> takes, Dictionary<string, object?> given, string path)
        {
            foreach (var (name, value) in given)
                if (!takes.TryGetValue(name, out var input)) faults.Add($"{path}: there is no argument {name}");
                else
                {
                    if (input.Deprecated) faults.Add($"{path}: {name} is deprecated");
                    Fits(input.Type, input.HasDefault, value, $"{path}({name})");
                }
            foreach (var (name, input) in takes)
                if (input is { Type.Required: true, HasDefault: false } && !given.ContainsKey(name)) faults.Add($"{path}: {name} is missing");
        }

        void Fits(TypeRef type, bool hasDefault, object? value, string path)
        {
            if (value is VariableUse use)
            {
                used.Add(use.Name);
                if (!variables.TryGetValue(use.Name, out var variable)) faults.Add($"{path}: ${use.Name} is not declared");
                else if (!Goes(variable.Type with { Required = variable.Type.Required || variable.HasDefault || (hasDefault && type.Required) }, type)) faults.Add($"{path}: ${use.Name} is a {variable.Type}, not a {type}");
            }
            else if (value is null) { if (type.Required) faults.Add($"{path}: null is no {type}"); }
            else if (type.Of is { } of) foreach (var one in value as List<object?> ?? [value]) Fits(of, false, one, path);
            else if (types[type.Leaf] is { Name: "INPUT_OBJECT" } kind)
            {
                if (value is Dictionary<string, object?> members) Check(kind.Inputs, members, path);
                else faults.Add($"{path}: {value} is no {type}");
            }
            else if (types[type.Leaf] is { Name: "ENUM" } words ? value is not EnumUse word || !words.Values.Contains(word.Name) : !IsScalar(type.Leaf, value)) faults.Add($"{path}: {value} is no {type}");
        }
    }

    /// <summary>What of a variable's value, as the project sends it, its type does not allow.</summary>
    public List<string> Faults(TypeRef type, JsonElement value, string path)
    {
        if (value.ValueKind is JsonValueKind.Null) return type.Required ? [$"{path}: null is no {type}"] : [];
        if (type.Of is { } of) return value.ValueKind is JsonValueKind.Array ? [.. value.EnumerateArray().SelectMany((one, i) => Faults(of, one, $"{path}[{i}]"))] : [$"{path}: no list"];
        var kind = types[type.Leaf];
        if (kind.Name == "ENUM") return value.ValueKind is JsonValueKind.String && kind.Values.Contains(value.GetString()!) ? [] : [$"{path}: {value} is no {type}"];
        if (kind.Name != "INPUT_OBJECT")
            return (type.Leaf switch { "Int" => value.TryGetInt32(out _), "Boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False, _ => value.ValueKind is JsonValueKind.String }) ? [] : [$"{path}: {value} is no {type}"];
        if (value.ValueKind is not JsonValueKind.Object) return [$"{path}: no object"];
        var faults = kind.Inputs.Where(input => input.Value is { Type.Required: true, HasDefault: false } && !value.TryGetProperty(input.Key, out _)).Select(input => $"{path}.{input.Key} is missing").ToList();
        foreach (var member in value.EnumerateObject())
            if (!kind.Inputs.TryGetValue(member.Name, out var input)) faults.Add($"{path}.{member.Name}: there is no such input");
            else
            {
                if (input.Deprecated) faults.Add($"{path}.{member.Name} is deprecated");
                faults.AddRange(Faults(input.Type, member.Value, $"{path}.{member.Name}"));
            }
        return faults;
    }

    // A variable that may not be null goes where null is allowed, never the other way.
    static bool Goes(TypeRef from, TypeRef to) => (from.Required || !to.Required) && (from.Name is { } name ? name == to.Name : to.Of is { } of && Goes(from.Of!, of));

    static bool IsScalar(string name, object value) => name switch { "Int" => value is long, "Float" => value is long or double, "Boolean" => value is bool, "ID" => value is string or long, _ => value is string };
    static string Name(JsonElement of) => of.GetProperty("name").GetString()!;
    static bool IsDeprecated(JsonElement of) => of.TryGetProperty("isDeprecated", out var old) && old.ValueKind is JsonValueKind.True;
    static List<JsonElement> List(JsonElement of, string name) => of.TryGetProperty(name, out var list) && list.ValueKind is JsonValueKind.Array ? [.. list.EnumerateArray()] : [];
    static Dictionary<string, Input> Inputs(JsonElement of, string name) => List(of, name).ToDictionary(Name, input => new Input(TypeOf(input.GetProperty("type")), input.TryGetProperty("defaultValue", out var value) && value.ValueKind is JsonValueKind.String, IsDeprecated(input)));

    static TypeRef TypeOf(JsonElement type) => type.GetProperty("kind").GetString() switch
    {
        "NON_NULL" => TypeOf(type.GetProperty("ofType")) with { Required = true },
        "LIST" => new(null, TypeOf(type.GetProperty("ofType")), false),
        _ => new(Name(type), null, false),
    };
}
