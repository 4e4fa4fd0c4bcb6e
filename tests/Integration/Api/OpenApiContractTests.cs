using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Selvedge.Functions;
using Selvedge.Functions.Api;
using Selvedge.Local.Functions;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Api;

/// <summary>The OpenAPI document and the code say the same, both ways.</summary>
public sealed partial class OpenApiContractTests
{
    static readonly JsonObject Document = OpenApi.Document();

    sealed record Operation(string Method, string Path, MethodInfo Code);

    // Pages and the webhooks' catch-all are described by route too: {*topic} is {topic} in the document.
    static readonly IReadOnlyList<Operation> Code =
    [
        .. from method in typeof(App).Assembly.GetTypes().SelectMany(type => type.GetMethods())
           let trigger = method.GetParameters().Select(parameter => parameter.GetCustomAttribute<HttpTriggerAttribute>()).FirstOrDefault(trigger => trigger is not null)
           where trigger?.Route?.StartsWith("api/", StringComparison.Ordinal) == true
           from verb in trigger.Methods!
           select new Operation(verb.ToLowerInvariant(), "/" + Constraint().Replace(trigger.Route!, "{$1}"), method),
    ];

    [GeneratedRegex(@"\{\*{0,2}(\w+)[^}]*\}")]
    private static partial Regex Constraint();

    static JsonObject Described(Operation operation) => Document["paths"]?[operation.Path]?[operation.Method] as JsonObject
        ?? throw new InvalidOperationException($"No openapi.json describes {operation.Method} {operation.Path}.");

    static JsonNode Resolve(JsonNode node)
    {
        while (node["$ref"]?.GetValue<string>() is { } reference)
            node = reference.TrimStart('#', '/').Split('/').Aggregate((JsonNode)Document, (at, step) => at[step] ?? throw new InvalidOperationException($"{reference} leads nowhere."));
        return node;
    }

    [Fact]
    public void Every_route_is_described_and_every_described_path_exists()
    {
        var described = ((JsonObject)Document["paths"]!).SelectMany(path => ((JsonObject)path.Value!).Select(operation => $"{operation.Key} {path.Key}")).Order();
        Assert.Equal(Code.Select(operation => $"{operation.Method} {operation.Path}").Order(), described);
    }

    [Fact]
    public void Operation_ids_are_the_functions_names()
    {
        foreach (var operation in Code)
            // Ids are unique: a function that also answers HEAD has a second one.
            Assert.Equal(operation.Code.GetCustomAttribute<FunctionAttribute>()!.Name + (operation.Method == "head" ? "Head" : ""), Described(operation)["operationId"]!.GetValue<string>());
    }

    [Fact]
    public void Security_is_what_the_access_attribute_says()
    {
        foreach (var operation in Code)
        {
            var security = Described(operation)["security"]!.AsArray();
            var access = operation.Code.GetCustomAttribute<AccessAttribute>();
            var roles = access?.Roles.Select(role => role.ToString().ToLowerInvariant()) ?? [];
            if (access is null) Assert.Empty(security);
            else Assert.Equal(["key", "entra"], security.Select(way => ((JsonObject)way!).Single().Key));
            foreach (var described in security.Select(way => ((JsonObject)way!).Single().Value!.AsArray().Select(role => role!.GetValue<string>())))
                Assert.Equal((operation.Path, string.Join(' ', roles.Order())), (operation.Path, string.Join(' ', described.Order())));
        }
    }

    [Fact]
    public void The_bounds_that_an_operation_heeds_are_said_and_are_what_the_access_attribute_says()
    {
        foreach (var operation in Code)
        {
            var by = operation.Code.GetCustomAttribute<AccessAttribute>()?.By ?? Bounds.None;
            var words = by == Bounds.None ? "none" : string.Join(' ', Enum.GetValues<Bounds>().Where(bound => bound != Bounds.None && by.HasFlag(bound)).Select(bound => bound.ToString().ToLowerInvariant()));
            Assert.Equal((operation.Path, words), (operation.Path, Described(operation)["x-scope"]?.GetValue<string>() ?? "missing"));
        }
    }

    [Fact]
    public void Path_parameters_are_those_of_the_route_and_required()
    {
        foreach (var operation in Code)
        {
            var parameters = (Described(operation)["parameters"] as JsonArray ?? []).Select(parameter => Resolve(parameter!)).Where(parameter => parameter["in"]!.GetValue<string>() == "path").ToList();
            var route = Constraint().Matches(operation.Path).Select(match => match.Groups[1].Value);
            Assert.Equal((operation.Path, string.Join(' ', route.Order())), (operation.Path, string.Join(' ', parameters.Select(parameter => parameter["name"]!.GetValue<string>()).Order())));
            Assert.All(parameters, parameter => Assert.True(parameter["required"]!.GetValue<bool>(), operation.Path));
        }
    }

    [Fact]
    public void Every_reference_leads_somewhere_and_everything_shared_is_used()
    {
        var references = new HashSet<string>(StringComparer.Ordinal);
        Walk(Document);
        foreach (var reference in references) Assert.NotNull(Resolve(new JsonObject { ["$ref"] = reference }));
        var shared = from kind in (JsonObject)Document["components"]! where kind.Key != "securitySchemes" from member in (JsonObject)kind.Value! select $"#/components/{kind.Key}/{member.Key}";
        Assert.Empty(shared.Except(references));

        void Walk(JsonNode? node)
        {
            if (node is JsonArray array) foreach (var item in array) Walk(item);
            if (node is not JsonObject members) return;
            if (members["$ref"]?.GetValue<string>() is { } reference) references.Add(reference);
            foreach (var member in members) Walk(member.Value);
        }
    }

    [Fact]
    public void Secured_operations_tell_of_401_403_and_503_and_those_with_a_body_of_400_and_413()
    {
        foreach (var operation in Code)
        {
            var answers = ((JsonObject)Described(operation)["responses"]!).Select(answer => answer.Key).ToHashSet();
            if (operation.Code.IsDefined(typeof(AccessAttribute))) Assert.Superset(new HashSet<string> { "401", "403", "503" }, answers);
            if (Described(operation)["requestBody"] is not null) Assert.Superset(new HashSet<string> { "400", "413" }, answers);
            Assert.Contains(answers, status => status[0] is '2');
        }
    }

    [Fact]
    public void Roles_in_the_document_are_the_roles_there_are() =>
        Assert.Equal(Enum.GetNames<Role>().Select(name => name.ToLowerInvariant()), Document["components"]!["schemas"]!["Role"]!["enum"]!.AsArray().Select(role => role!.GetValue<string>()));
}
