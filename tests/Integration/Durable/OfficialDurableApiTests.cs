using System.Reflection;
using System.Text.RegularExpressions;
using Selvedge.Local.Durable;

namespace Selvedge.Tests.Integration.Durable;

/// <summary>Orchestrations compiled against local/Durable must compile against Microsoft's packages: every public member there exists officially
/// with the same name, parameters and result (official-api.md). Nullability and defaults are left to the compiler.</summary>
public partial class OfficialDurableApiTests
{
    // The first is ours alone; the page has no listing of the other two, which are Microsoft.DurableTask.DataConverter and
    // DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException.
    private static readonly HashSet<Type> NotListed = [typeof(RecordedHistory), typeof(DataConverter), typeof(OrchestrationAlreadyExistsException)];

    private static readonly Dictionary<string, HashSet<string>> Official = Read();

    public static TheoryData<string> Types() => new(typeof(DurableTaskClient).Assembly.GetExportedTypes()
        .Where(type => type.Namespace == typeof(DurableTaskClient).Namespace && !type.IsNested && !NotListed.Contains(type)).Select(type => type.Name));

    [Theory]
    [MemberData(nameof(Types))]
    public void A_mirrored_type_has_official_members_only(string name)
    {
        var type = typeof(DurableTaskClient).Assembly.GetType($"{typeof(DurableTaskClient).Namespace}.{name}", throwOnError: true)!;
        Assert.True(Official.TryGetValue(Bare(name), out var members), $"{name} is not an official type");
        Assert.Equal([], Members(type).Except(members));
    }

    [Fact]
    public void What_orchestrators_and_clients_use_is_all_there()
    {
        Assert.Equal(["Entities:TaskOrchestrationEntityFeature"], Official["TaskOrchestrationContext"].Except(Members(typeof(TaskOrchestrationContext))));
        Assert.Equal([], Official["TaskOptions"].Except(Members(typeof(TaskOptions))));
        Assert.Equal([], Official["StartOrchestrationOptions"].Except(Members(typeof(StartOrchestrationOptions))));
        Assert.Equal(
            ["Entities:DurableEntityClient", "GetOrchestrationHistoryAsync(string instanceId, CancellationToken cancellation):Task<IList<HistoryEvent>>",
             "ListInstanceIdsAsync(IEnumerable<OrchestrationRuntimeStatus> runtimeStatus, DateTimeOffset completedTimeFrom, DateTimeOffset completedTimeTo, int pageSize, string lastInstanceKey, CancellationToken cancellation):Task<Page<string>>",
             "RestartAsync(string instanceId, bool restartWithNewInstanceId, CancellationToken cancellation):Task<string>",
             "RewindInstanceAsync(string instanceId, string reason, CancellationToken cancellation):Task"],
            Official["DurableTaskClient"].Except(Members(typeof(DurableTaskClient))).Order());
    }

    private static Dictionary<string, HashSet<string>> Read()
    {
        var types = new Dictionary<string, HashSet<string>>();
        foreach (Match block in Block().Matches(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Durable", "official-api.md"))))
        {
            var lines = block.Groups[1].Value.Split('\n').Select(line => line.Trim()).ToList();
            var name = TypeName().Match(lines.First(line => line.StartsWith("public ", StringComparison.Ordinal))).Groups[1].Value;
            types[name] = [.. lines.SkipWhile(line => line != "{").Skip(1).TakeWhile(line => line != "}").SelectMany(line => Parse(name, line))];
        }
        return types;
    }

    private static string[] Parse(string type, string line)
    {
        if (!line.StartsWith("public ", StringComparison.Ordinal) && !line.StartsWith("protected ", StringComparison.Ordinal) && !line.StartsWith('['))
        {
            return line.Split(',', StringSplitOptions.TrimEntries);
        }
        line = Noise().Replace(line.TrimEnd(';'), "").Replace("?", "", StringComparison.Ordinal).Trim();
        line = Default().Replace(line, "");
        if (line.Contains(" operator ", StringComparison.Ordinal)) { return [line.Replace("operator ", "", StringComparison.Ordinal)]; }
        if (Call().Match(line) is { Success: true } call)
        {
            var name = call.Groups[2].Value;
            return [name == type ? $"new({call.Groups[3].Value})" : $"{name}({call.Groups[3].Value}):{call.Groups[1].Value.Trim()}"];
        }
        var parts = line.Split(" { ")[0].Split(' ');
        return [$"{parts[^1]}:{string.Join(' ', parts[..^1])}"];
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum) { return Enum.GetNames(type).Select(name => $"{name} = {(int)Enum.Parse(type, name)}"); }
        if (typeof(Delegate).IsAssignableFrom(type)) { return [Text(type.GetMethod("Invoke")!)]; }
        const BindingFlags own = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        var constructors = type.IsAbstract && type.IsSealed ? [] : type.GetConstructors(own).Where(Visible).Where(constructor => !type.IsValueType || constructor.GetParameters().Length > 0).Where(constructor => !IsMade(constructor)).Select(constructor => $"new({Parameters(constructor)})");
        var properties = type.GetProperties(own).Where(property => Visible((property.GetMethod ?? property.SetMethod)!) && property.Name != "EqualityContract").Select(property => $"{property.Name}:{Text(property.PropertyType)}");
        var fields = type.GetFields(own).Where(field => field.IsPublic).Select(field => $"{field.Name}:{Text(field.FieldType)}");
        var methods = type.GetMethods(own).Where(method => Visible(method) && !IsMade(method) && (!method.IsSpecialName || method.Name == "op_Implicit") && !IsOfObject(method)).Select(Text);
        return [.. constructors, .. properties, .. fields, .. methods];
    }

    // What the compiler adds to a record; the page leaves it out.
    private static bool IsMade(MethodBase member) =>
        member.IsDefined(typeof(System.Runtime.CompilerServices.CompilerGeneratedAttribute)) || member.Name.Contains('<', StringComparison.Ordinal);

    private static bool IsOfObject(MethodInfo method) => method.Name is "Equals" or "GetHashCode" or "ToString" or "PrintMembers";

    private static bool Visible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static string Text(MethodInfo method) => method.Name == "op_Implicit" ? $"implicit {Text(method.ReturnType)}({Parameters(method)})"
        : $"{method.Name}{(method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(argument => argument.Name))}>" : "")}({Parameters(method)}):{Text(method.ReturnType)}";

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(parameter => $"{Text(parameter.ParameterType.IsByRef ? parameter.ParameterType.GetElementType()! : parameter.ParameterType)} {parameter.Name}"));

    private static string Text(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } value) { return Text(value); }
        if (type.IsArray) { return Text(type.GetElementType()!) + "[]"; }
        if (type.IsGenericType) { return $"{Bare(type.Name)}<{string.Join(", ", type.GetGenericArguments().Select(Text))}>"; }
        return type == typeof(string) ? "string" : type == typeof(bool) ? "bool" : type == typeof(int) ? "int" : type == typeof(double) ? "double" : type == typeof(object) ? "object" : type == typeof(void) ? "void" : type.Name;
    }

    private static string Bare(string name) => name.Split('`')[0];

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex("(?:class|interface|enum|record|struct) (\\w+)")]
    private static partial Regex TypeName();

    [GeneratedRegex("\\[Obsolete\\]|\\b(public|protected|static|abstract|virtual|readonly|const|this|params|out) |\\bwhere .*$")]
    private static partial Regex Noise();

    [GeneratedRegex(" = (?:[\\w.]+|\"[^\"]*\")")]
    private static partial Regex Default();

    [GeneratedRegex("^(.*?)(\\w+(?:<\\w+>)?)\\((.*)\\)$")]
    private static partial Regex Call();
}
