using System.Globalization;
using System.Linq.Expressions;
using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Local.Durable;

namespace Selvedge.Local.Functions;

/// <summary>Compiles a function's method into one delegate at start, so that a request costs no reflection.</summary>
internal static class FunctionInvoker
{
    /// <summary>What the method yields once awaited; <c>void</c> for Task and ValueTask.</summary>
    public static Type ResultOf(MethodInfo method)
    {
        var type = method.ReturnType;
        if (type == typeof(Task) || type == typeof(ValueTask)) { return typeof(void); }
        return type.IsGenericType && (type.GetGenericTypeDefinition() == typeof(Task<>) || type.GetGenericTypeDefinition() == typeof(ValueTask<>))
            ? type.GetGenericArguments()[0]
            : type;
    }

    /// <summary>Binds the parameters: the trigger, <see cref="FunctionContext"/>, <see cref="CancellationToken"/>, and route
    /// values by name, as text or parsed.</summary>
    /// <exception cref="LocalHostException">A parameter has nothing to be bound to.</exception>
    public static Func<Invocation, ValueTask<object?>> Compile(string name, MethodInfo method, ParameterInfo trigger, RoutePattern? route)
    {
        var invocation = Expression.Parameter(typeof(Invocation));
        var arguments = method.GetParameters().Select(parameter => Bind(name, parameter, trigger, route, invocation));
        var instance = method.IsStatic ? null : Construct(method.DeclaringType!, invocation);
        var call = Expression.Call(instance, method, arguments);
        return Expression.Lambda<Func<Invocation, ValueTask<object?>>>(Await(call), invocation).Compile();
    }

    private static UnaryExpression Construct(Type type, ParameterExpression invocation)
    {
        var factory = ActivatorUtilities.CreateFactory(type, Type.EmptyTypes);
        var create = Expression.Invoke(Expression.Constant(factory), Expression.Property(invocation, nameof(Invocation.InstanceServices)), Expression.Constant(null, typeof(object[])));
        return Expression.Convert(typeof(IDisposable).IsAssignableFrom(type) || typeof(IAsyncDisposable).IsAssignableFrom(type)
            ? Expression.Call(invocation, nameof(Invocation.DisposeAfterwards), null, create)
            : create, type);
    }

    private static Expression Bind(string name, ParameterInfo parameter, ParameterInfo trigger, RoutePattern? route, ParameterExpression invocation)
    {
        // By position: reflection makes a ParameterInfo anew where two hosts start at the same time.
        if (parameter.Position == trigger.Position)
        {
            return parameter.ParameterType == typeof(HttpRequest)
                ? Expression.Property(invocation, nameof(Invocation.Request))
                : Expression.Convert(Expression.Property(invocation, nameof(Invocation.TriggerInput)), parameter.ParameterType);
        }
        if (parameter.ParameterType == typeof(FunctionContext)) { return invocation; }
        if (parameter.ParameterType == typeof(CancellationToken)) { return Expression.Property(invocation, nameof(Invocation.CancellationToken)); }
        if (parameter.IsDefined(typeof(DurableClientAttribute)) && parameter.ParameterType == typeof(DurableTaskClient))
        {
            return Expression.Call(typeof(ServiceProviderServiceExtensions), nameof(ServiceProviderServiceExtensions.GetRequiredService), [typeof(LocalDurableClient)], Expression.Property(invocation, nameof(Invocation.InstanceServices)));
        }
        if (trigger.ParameterType == typeof(TaskOrchestrationContext))
        {
            return Expression.Call(Expression.Convert(Expression.Property(invocation, nameof(Invocation.TriggerInput)), typeof(TaskOrchestrationContext)), nameof(TaskOrchestrationContext.GetInput), [parameter.ParameterType]);
        }
        if (trigger.IsDefined(typeof(ActivityTriggerAttribute)) && parameter.ParameterType == typeof(string) && string.Equals(parameter.Name, "instanceId", StringComparison.OrdinalIgnoreCase))
        {
            return Expression.Call(typeof(FunctionInvoker), nameof(Bound), null, invocation, Expression.Constant("instanceId"));
        }
        if (parameter.ParameterType == typeof(ServiceBusMessageActions) && trigger.IsDefined(typeof(ServiceBusTriggerAttribute))) { return Expression.Property(invocation, nameof(Invocation.MessageActions)); }
        if (parameter.ParameterType == typeof(ServiceBusSessionMessageActions) && trigger.GetCustomAttribute<ServiceBusTriggerAttribute>()?.IsSessionsEnabled == true)
        {
            return Expression.Property(invocation, nameof(Invocation.SessionActions));
        }
        if (route?.Parameters.FirstOrDefault(part => part.Name.Equals(parameter.Name, StringComparison.OrdinalIgnoreCase)) is not { } value)
        {
            throw FunctionCatalogue.Refuse(name, $"nothing binds its parameter '{parameter.Name}'. Parameters are the trigger, FunctionContext, CancellationToken, and the route's values by name; services belong in the constructor.");
        }
        var type = parameter.ParameterType;
        var key = Expression.Constant(value.Name);
        if (type == typeof(string)) { return Expression.Call(typeof(FunctionInvoker), nameof(Text), null, invocation, key); }
        var parsed = Nullable.GetUnderlyingType(type) ?? type;
        if (!typeof(IParsable<>).MakeGenericTypeOf(parsed)) { throw FunctionCatalogue.Refuse(name, $"its parameter '{parameter.Name}' is {type.Name}, which cannot be read from a route. Use string, a number, bool, Guid or a date."); }
        return Expression.Call(typeof(FunctionInvoker), type == parsed ? nameof(Parsed) : nameof(ParsedOrNull), [parsed], invocation, key);
    }

    private static bool MakeGenericTypeOf(this Type definition, Type type) =>
        type.GetInterfaces().Any(face => face.IsGenericType && face.GetGenericTypeDefinition() == definition && face.GetGenericArguments()[0] == type);

    private static string? Text(Invocation invocation, string key) => invocation.Request.RouteValues[key] as string;

    private static string? Bound(Invocation invocation, string name) => invocation.Data!.GetValueOrDefault(name) as string;

    private static T Parsed<T>(Invocation invocation, string key) where T : IParsable<T> =>
        T.TryParse(Text(invocation, key), CultureInfo.InvariantCulture, out var value) ? value
        : throw new BadHttpRequestException($"'{Text(invocation, key)}' in the path is not a valid {key} ({typeof(T).Name}).", StatusCodes.Status400BadRequest);

    private static T? ParsedOrNull<T>(Invocation invocation, string key) where T : struct, IParsable<T> =>
        Text(invocation, key) is null ? null : Parsed<T>(invocation, key);

    private static Expression Await(MethodCallExpression call)
    {
        var type = call.Type;
        if (type == typeof(void)) { return Expression.Block(call, Expression.Default(typeof(ValueTask<object?>))); }
        if (type == typeof(Task) || type == typeof(ValueTask)) { return Expression.Call(typeof(FunctionInvoker), nameof(Completed), null, call); }
        if (type.IsGenericType && (type.GetGenericTypeDefinition() == typeof(Task<>) || type.GetGenericTypeDefinition() == typeof(ValueTask<>)))
        {
            return Expression.Call(typeof(FunctionInvoker), nameof(Result), type.GetGenericArguments(), call);
        }
        return Expression.New(typeof(ValueTask<object?>).GetConstructor([typeof(object)])!, Expression.Convert(call, typeof(object)));
    }

    private static async ValueTask<object?> Completed(Task task)
    {
        await task;
        return null;
    }

    private static async ValueTask<object?> Completed(ValueTask task)
    {
        await task;
        return null;
    }

    private static async ValueTask<object?> Result<T>(Task<T> task) => await task;

    private static async ValueTask<object?> Result<T>(ValueTask<T> task) => await task;
}
