using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Functions;

/// <summary>Function code compiled against local/Functions must compile against Microsoft's packages: what is public there and
/// not said to be local-only has to exist officially, written the same (official-api.md).</summary>
public partial class OfficialApiTests
{
    private static readonly HashSet<Type> LocalOnly =
    [
        typeof(LocalData), typeof(LocalAddress), typeof(LocalHostException), typeof(ExitCode), typeof(LocalFunctionsApplicationBuilderExtensions),
        typeof(ServiceBusBroker), typeof(QueueDefinition),
    ];

    private static readonly string?[] Mirrored = [typeof(FunctionAttribute).Namespace, typeof(ServiceBusClient).Namespace];

    private static readonly Dictionary<string, OfficialType> Official = ReadOfficial();

    private sealed record OfficialType(string Header, string? Usage, HashSet<string> Members);

    public static TheoryData<string> MirroredTypes() => new(typeof(FunctionAttribute).Assembly.GetExportedTypes()
        .Where(type => Mirrored.Contains(type.Namespace) && !type.IsNested && !LocalOnly.Contains(type))
        .Select(type => type.FullName!));

    [Theory]
    [MemberData(nameof(MirroredTypes))]
    public void A_mirrored_type_is_the_official_one_or_a_part_of_it(string name)
    {
        var type = typeof(FunctionAttribute).Assembly.GetType(name, throwOnError: true)!;
        Assert.True(Official.TryGetValue(type.Name, out var official), $"{name} is not an official type");
        Assert.Equal(official.Header, Header(type));
        Assert.Equal(official.Usage, Usage(type));
        Assert.Equal([], Members(type).Except(official.Members));
    }

    [Fact]
    public void A_member_that_differs_is_noticed()
    {
        Assert.Contains("public string Name { get; }", Members(typeof(FunctionAttribute)));
        Assert.Equal(["protected Differs(string name)", "public string? Name { get; }"], Members(typeof(Differs)).Except(Official["FunctionAttribute"].Members));
    }

    private abstract class Differs
    {
        protected Differs(string name) => Name = name;
        public string? Name { get; }
    }

    private static Dictionary<string, OfficialType> ReadOfficial()
    {
        var types = new Dictionary<string, OfficialType>();
        var page = string.Concat(((string[])["Functions", "ServiceBus"]).Select(folder => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, folder, "official-api.md"))));
        foreach (var block in CodeBlock().Matches(page).Select(match => match.Groups[1].Value))
        {
            var lines = block.Split('\n').Select(line => line.Trim()).ToList();
            var header = lines.First(line => line.StartsWith("public ", StringComparison.Ordinal));
            var usage = lines.FirstOrDefault(line => line.StartsWith("[AttributeUsage(", StringComparison.Ordinal))?["[AttributeUsage(".Length..^2];
            var members = lines.SkipWhile(line => line != "{").Skip(1).TakeWhile(line => line != "}");
            if (header.Contains(" enum ", StringComparison.Ordinal)) { members = members.SelectMany(line => line.Split(',', StringSplitOptions.TrimEntries)); }
            types[TypeName().Match(header).Groups[1].Value] = new OfficialType(header, usage, [.. members.Select(Normalised)]);
        }
        return types;
    }

    // The page writes the receiver of FunctionExecutionDelegate's Invoke as the metadata has it.
    private static string Normalised(string line) => line.TrimEnd(';').Replace("public virtual Task Invoke(", "public Task Invoke(", StringComparison.Ordinal);

    private static string Header(Type type)
    {
        if (type.IsEnum) { return $"public enum {type.Name}"; }
        var kind = type.IsInterface ? "interface" : type.IsAbstract && type.IsSealed ? "static class" : type.IsSealed ? "sealed class" : type.IsAbstract ? "abstract class" : "class";
        var bases = new List<Type>();
        if (type.BaseType is { } parent && parent != typeof(object)) { bases.Add(parent); }
        if (!typeof(Delegate).IsAssignableFrom(type)) { bases.AddRange(type.GetInterfaces().Except(type.BaseType?.GetInterfaces() ?? [])); }
        return $"public {kind} {type.Name}{(bases.Count > 0 ? " : " + string.Join(", ", bases.Select(b => b.Name)) : "")}";
    }

    private static string? Usage(Type type) => type.GetCustomAttribute<AttributeUsageAttribute>(inherit: false)?.ValidOn.ToString();

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum) { return Enum.GetNames(type).Select(name => $"{name} = {(int)Enum.Parse(type, name)}"); }
        if (typeof(Delegate).IsAssignableFrom(type)) { return [Method(type.GetMethod("Invoke")!)]; }
        const BindingFlags own = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        var constructors = type.GetConstructors(own).Where(Visible).Select(constructor => $"{Access(constructor)} {type.Name}({Parameters(constructor)})");
        var properties = type.GetProperties(own).Where(property => Visible(property.GetMethod!)).Select(Property);
        var methods = type.GetMethods(own).Where(method => Visible(method) && !method.IsSpecialName).Select(Method);
        return [.. type.IsAbstract && type.IsSealed ? [] : constructors, .. properties, .. methods];
    }

    private static bool Visible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static string Access(MethodBase method) => method.IsPublic ? "public" : "protected";

    private static string Modifiers(MethodInfo method) => Access(method)
        + (method.IsStatic ? " static" : "")
        + (method.DeclaringType!.IsInterface || !method.IsVirtual || method.IsFinal ? "" : method.IsAbstract ? " abstract" : method.GetBaseDefinition() != method ? " override" : " virtual");

    private static string Property(PropertyInfo property)
    {
        var accessors = "get;" + (property.SetMethod is { } setter && Visible(setter) ? setter.IsFamily && property.GetMethod!.IsPublic ? " protected set;" : " set;" : "");
        return $"{Modifiers(property.GetMethod!)} {TypeText(new NullabilityInfoContext().Create(property))} {property.Name} {{ {accessors} }}";
    }

    private static string Method(MethodInfo method)
    {
        var modifiers = typeof(Delegate).IsAssignableFrom(method.DeclaringType) ? "public" : Modifiers(method);
        var arguments = method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(argument => argument.Name))}>" : "";
        return $"{modifiers} {TypeText(new NullabilityInfoContext().Create(method.ReturnParameter))} {method.Name}{arguments}({Parameters(method)}){Constraints(method)}";
    }

    private static string Constraints(MethodInfo method) => string.Concat((method.IsGenericMethod ? method.GetGenericArguments() : [])
        .Where(argument => argument.GenericParameterAttributes.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint))
        .Select(argument => $" where {argument.Name} : {string.Join(", ", argument.GetGenericParameterConstraints().Select(constraint => constraint.Name).Prepend("class"))}"));

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select((parameter, i) =>
        (i == 0 && method.IsDefined(typeof(ExtensionAttribute), inherit: false) ? "this " : "")
        + (parameter.IsDefined(typeof(ParamArrayAttribute)) ? "params " : "")
        + $"{TypeText(new NullabilityInfoContext().Create(parameter))} {parameter.Name}"
        + (parameter.HasDefaultValue ? $" = {Default(parameter)}" : "")));

    private static string Default(ParameterInfo parameter) => parameter.DefaultValue is { } value
        ? parameter.ParameterType.IsEnum ? $"{parameter.ParameterType.Name}.{Enum.ToObject(parameter.ParameterType, value)}" : $"{value}"
        : parameter.ParameterType.IsValueType ? "default" : "null";

    private static string TypeText(NullabilityInfo info)
    {
        var type = info.Type;
        var nullable = info.ReadState == NullabilityState.Nullable && !type.IsValueType ? "?" : "";
        if (type.IsArray) { return $"{TypeText(info.ElementType!)}[]{nullable}"; }
        if (Nullable.GetUnderlyingType(type) is { } underlying) { return $"{Keyword(underlying)}?"; }
        if (type.IsGenericType) { return $"{type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)]}<{string.Join(", ", info.GenericTypeArguments.Select(TypeText))}>{nullable}"; }
        return Keyword(type) + nullable;
    }

    private static string Keyword(Type type) => type == typeof(string) ? "string" : type == typeof(bool) ? "bool" : type == typeof(int) ? "int" : type == typeof(long) ? "long"
        : type == typeof(byte) ? "byte" : type == typeof(object) ? "object" : type == typeof(void) ? "void" : type.Name;

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex("(?:class|interface|enum) (\\w+)")]
    private static partial Regex TypeName();
}
