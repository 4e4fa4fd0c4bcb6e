using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.Configuration;
using Selvedge.Local.Durable;

namespace Selvedge.Local.Functions;

/// <summary>Finds the functions of an assembly and checks what Azure would refuse, or would accept and get wrong.</summary>
internal static class FunctionCatalogue
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    /// <summary>The types of <paramref name="assembly"/> that may hold functions.</summary>
    public static IEnumerable<Type> TypesOf(Assembly? assembly) =>
        assembly?.GetTypes() ?? throw new InvalidOperationException("The process has no entry assembly. Name the functions' assembly with builder.UseFunctions.");

    /// <summary>All functions of <paramref name="types"/> that are not switched off by <c>AzureWebJobs.NAME.Disabled</c>.</summary>
    /// <exception cref="LocalHostException">One cannot be hosted; the message names it.</exception>
    public static IReadOnlyList<HostedFunction> Find(IEnumerable<Type> types, LocalSettings settings, IConfiguration configuration)
    {
        var functions = new List<HostedFunction>();
        foreach (var method in types.SelectMany(type => type.GetMethods(Declared)))
        {
            if (method.GetCustomAttribute<FunctionAttribute>() is not { } attribute) { continue; }
            if (configuration.GetValue<bool>($"AzureWebJobs.{attribute.Name}.Disabled")) { continue; }
            functions.Add(Check(attribute.Name, method, settings, configuration));
        }
        foreach (var same in functions.GroupBy(function => function.Name, StringComparer.OrdinalIgnoreCase).Where(group => group.Count() > 1))
        {
            throw Refuse(same.Key, $"the name is used twice, by {string.Join(" and ", same.Select(function => function.Definition.EntryPoint))}. Names are unique whatever their case.");
        }
        RouteConflicts.Refuse(functions);
        return functions;
    }

    private static HostedFunction Check(string name, MethodInfo method, LocalSettings settings, IConfiguration configuration)
    {
        if (string.IsNullOrEmpty(name) || !char.IsAsciiLetter(name[0]) || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') || name.Length > 127)
        {
            throw Refuse(name, $"the name of {method.DeclaringType}.{method.Name} must begin with a letter, and hold letters, digits, - and _ only, 127 at most.");
        }
        if (!method.IsPublic || !method.DeclaringType!.IsVisible) { throw Refuse(name, $"{method.DeclaringType}.{method.Name} and its class must be public."); }
        if (method.IsGenericMethodDefinition || method.DeclaringType.ContainsGenericParameters || (!method.IsStatic && method.DeclaringType.IsAbstract))
        {
            throw Refuse(name, $"{method.DeclaringType}.{method.Name} cannot be called: its class is abstract or something is generic.");
        }
        var triggers = method.GetParameters().Where(parameter => parameter.IsDefined(typeof(TriggerBindingAttribute), inherit: true)).ToList();
        if (triggers.Count != 1) { throw Refuse(name, $"it has {triggers.Count} trigger parameters; exactly one is needed, such as [HttpTrigger] HttpRequest or [TimerTrigger] TimerInfo."); }

        var identity = new HostedFunction.Identity(name, method);
        RefuseOtherHubs(name, method, settings);
        return triggers[0].GetCustomAttribute<TriggerBindingAttribute>(inherit: true) switch
        {
            HttpTriggerAttribute http => Http(identity, method, triggers[0], http, settings),
            TimerTriggerAttribute timer => Timer(identity, method, triggers[0], timer, configuration),
            OrchestrationTriggerAttribute orchestration => Orchestrator(identity, method, triggers[0], orchestration),
            ActivityTriggerAttribute activity => Activity(identity, method, triggers[0], activity),
            ServiceBusTriggerAttribute queue => ServiceBusFunctions.Host(identity, method, triggers[0], queue, configuration),
            CosmosDBTriggerAttribute feed => CosmosFeedRunner.Host(identity, method, triggers[0], feed),
            var other => throw Refuse(name, $"the trigger {other!.GetType().Name} is not hosted here."),
        };
    }

    private static HostedFunction Http(HostedFunction.Identity identity, MethodInfo method, ParameterInfo trigger, HttpTriggerAttribute http, LocalSettings settings)
    {
        if (http.AuthLevel != AuthorizationLevel.Anonymous)
        {
            throw Refuse(identity.Name, $"AuthorizationLevel.{http.AuthLevel} needs function keys, which exist only in Azure. Use Anonymous and authorise in middleware.");
        }
        if (trigger.ParameterType != typeof(HttpRequest)) { throw Refuse(identity.Name, $"its [HttpTrigger] parameter is {trigger.ParameterType.Name}; it must be HttpRequest."); }
        if (method.IsDefined(typeof(RetryAttribute))) { throw Refuse(identity.Name, "retry attributes do not apply to HTTP triggers; the caller decides whether to try again."); }
        var result = FunctionInvoker.ResultOf(method);
        if (result != typeof(void) && !typeof(IResult).IsAssignableFrom(result) && !typeof(IActionResult).IsAssignableFrom(result))
        {
            throw Refuse(identity.Name, $"it returns {result.Name}, which the ASP.NET Core integration does not send. Return IResult (Results.Ok(…)), or write to HttpRequest.HttpContext.Response.");
        }
        var pattern = Pattern(identity.Name, http.Route, settings.RoutePrefix);
        var methods = (http.Methods ?? []).Select(name => name.ToUpperInvariant()).Distinct().ToList();
        return new HostedFunction(identity, FunctionInvoker.Compile(identity.Name, method, trigger, pattern))
        {
            Http = new(pattern, methods, result),
        };
    }

    private static RoutePattern Pattern(string name, string? route, string prefix)
    {
        // The host and the worker each join prefix and route, and disagree on these two: the request would never arrive.
        if (route is "") { throw Refuse(name, "Route is empty, which Azure takes for the function's name. For the root write Route = \"{ignored:maxlength(0)?}\" and an empty routePrefix."); }
        if (route is ['/' or '~', ..]) { throw Refuse(name, $"Route '{route}' begins with '{route[0]}'. Write it without; for the root write \"{{ignored:maxlength(0)?}}\"."); }
        try
        {
            return RoutePatternFactory.Parse($"{prefix}/{route ?? name}");
        }
        catch (RoutePatternException malformed)
        {
            throw Refuse(name, $"Route '{route}' is malformed: {malformed.Message}");
        }
    }

    private static HostedFunction Timer(HostedFunction.Identity identity, MethodInfo method, ParameterInfo trigger, TimerTriggerAttribute timer, IConfiguration configuration)
    {
        if (trigger.ParameterType != typeof(TimerInfo)) { throw Refuse(identity.Name, $"its [TimerTrigger] parameter is {trigger.ParameterType.Name}; it must be TimerInfo."); }
        if (FunctionInvoker.ResultOf(method) != typeof(void)) { throw Refuse(identity.Name, "a timer function's result goes nowhere. Return Task or void."); }
        var plan = new HostedFunction.TimerPlan(timer, TimerSchedule.Parse(identity.Name, timer, configuration), HostedFunction.RetryPolicy.Of(identity.Name, method));
        return new HostedFunction(identity, FunctionInvoker.Compile(identity.Name, method, trigger, route: null)) { Timer = plan };
    }

    private static HostedFunction Orchestrator(HostedFunction.Identity identity, MethodInfo method, ParameterInfo trigger, OrchestrationTriggerAttribute orchestration)
    {
        if (trigger.ParameterType != typeof(TaskOrchestrationContext)) { throw Refuse(identity.Name, $"its [OrchestrationTrigger] parameter is {trigger.ParameterType.Name}; it must be TaskOrchestrationContext."); }
        if (!typeof(Task).IsAssignableFrom(method.ReturnType)) { throw Refuse(identity.Name, $"it returns {method.ReturnType.Name}; an orchestrator returns Task or Task<T>."); }
        if (method.IsDefined(typeof(RetryAttribute))) { throw Refuse(identity.Name, "retry attributes do not apply to orchestrators; use TaskOptions on what they call."); }
        return new HostedFunction(identity, FunctionInvoker.Compile(identity.Name, method, trigger, route: null)) { Orchestration = orchestration.Orchestration ?? identity.Name };
    }

    private static HostedFunction Activity(HostedFunction.Identity identity, MethodInfo method, ParameterInfo trigger, ActivityTriggerAttribute activity)
    {
        if (method.IsDefined(typeof(RetryAttribute))) { throw Refuse(identity.Name, "retry attributes do not apply to activities; use TaskOptions where they are called."); }
        return new HostedFunction(identity, FunctionInvoker.Compile(identity.Name, method, trigger, route: null)) { Activity = new(activity.Activity ?? identity.Name, trigger.ParameterType) };
    }

    private static void RefuseOtherHubs(string name, MethodInfo method, LocalSettings settings)
    {
        foreach (var client in method.GetParameters().Select(parameter => parameter.GetCustomAttribute<DurableClientAttribute>()))
        {
            if (client?.TaskHub is { } hub && !hub.Equals(settings.Durable.HubName, StringComparison.OrdinalIgnoreCase)) { throw Refuse(name, $"its [DurableClient] asks for the task hub '{hub}'; there is only '{settings.Durable.HubName}' (host.json: extensions.durableTask.hubName)."); }
        }
    }

    /// <summary>A function that cannot be hosted.</summary>
    public static LocalHostException Refuse(string name, string why) => new(ExitCode.Functions, $"Function {name}: {why}");
}
