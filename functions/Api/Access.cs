using System.Reflection;
using Selvedge.Platform;

namespace Selvedge.Functions.Api;

/// <summary>The roles that may call an HTTP function. <see cref="Role.Admin"/> always may.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class AccessAttribute(params Role[] roles) : Attribute
{
    /// <summary>The roles, <see cref="Role.Admin"/> included.</summary>
    public IReadOnlyList<Role> Roles { get; } = [.. roles.Prepend(Role.Admin).Distinct()];

    /// <summary>The bounds of a key that the function heeds; the OpenAPI document says the same under <c>x-scope</c>.</summary>
    public Bounds By { get; init; }
}

/// <summary>An HTTP function that answers without a key: health, webhooks (signed by their sender) and static files, nothing else.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class AnonymousAttribute : Attribute;

/// <summary>Who may call which function, read once from the attributes. Closed by default: what is not listed is not answered.</summary>
public sealed class AccessRules
{
    readonly Dictionary<string, AccessAttribute?> rules = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads the HTTP functions of <paramref name="assembly"/>.</summary>
    /// <exception cref="InvalidOperationException">One says neither or both of <see cref="AccessAttribute"/> and <see cref="AnonymousAttribute"/>.</exception>
    public AccessRules(Assembly assembly)
    {
        foreach (var method in assembly.GetTypes().SelectMany(type => type.GetMethods()))
        {
            if (method.GetCustomAttribute<FunctionAttribute>() is not { } function) continue;
            if (!method.GetParameters().Any(parameter => parameter.IsDefined(typeof(HttpTriggerAttribute)))) continue;
            var access = method.GetCustomAttribute<AccessAttribute>();
            if (access is null != method.IsDefined(typeof(AnonymousAttribute)))
            {
                throw new InvalidOperationException(
                    $"Function {function.Name} ({method.DeclaringType!.Name}.{method.Name}) must say who may call it: either [Access(roles)] or [Anonymous].");
            }
            rules.Add(function.Name, access);
        }
    }

    /// <summary>True when the function answers without a key; otherwise <paramref name="access"/> says who may call it, nobody where it is null.</summary>
    public bool IsAnonymous(string function, out AccessAttribute? access) => rules.TryGetValue(function, out access) && access is null;
}

/// <summary>Who calls the function that runs.</summary>
public static class CallerContext
{
    static readonly object Key = new();

    /// <summary>The caller that <see cref="ApiMiddleware"/> let in.</summary>
    /// <exception cref="InvalidOperationException">The function is anonymous.</exception>
    public static Caller Caller(this FunctionContext context) => context.Items.TryGetValue(Key, out var caller)
        ? (Caller)caller
        : throw new InvalidOperationException($"Function {context.FunctionDefinition.Name} is anonymous: it has no caller.");

    internal static void SetCaller(this FunctionContext context, Caller caller) => context.Items[Key] = caller;
}
