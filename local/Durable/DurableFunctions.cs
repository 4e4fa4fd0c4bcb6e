using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Selvedge.Local.Functions;

namespace Selvedge.Local.Durable;

/// <summary>A host's orchestrators and activities by name, run through its middleware with services of their own.</summary>
internal sealed class DurableFunctions(IReadOnlyList<HostedFunction> functions, FunctionExecutionDelegate pipeline, IServiceProvider services, ILoggerFactory loggers)
{
    private readonly Dictionary<string, HostedFunction> orchestrators = ByName(functions, function => function.Orchestration);
    private readonly Dictionary<string, HostedFunction> activities = ByName(functions, function => function.Activity?.Name);

    /// <summary>Whether there are any.</summary>
    public bool Any => orchestrators.Count + activities.Count > 0;

    /// <summary>Whether this orchestration is here.</summary>
    public bool Has(string orchestration) => orchestrators.ContainsKey(orchestration);

    /// <summary>Whether this activity is here.</summary>
    public bool HasActivity(string name) => activities.ContainsKey(name);

    /// <summary>One turn of an orchestrator, on this thread.</summary>
    public TurnResult? RunTurn(Instance instance, IReadOnlyList<HistoryEvent> history, IReadOnlyList<Message> messages, DurableSettings settings, DateTime now)
    {
        using var log = loggers.CreateLogger<DurableFunctions>().BeginScope(Scope(instance.Started.Id, instance.Started.Name));
        using var scope = services.CreateScope();
        var code = new Orchestrator(async context =>
        {
            var invocation = new Invocation(orchestrators[instance.Started.Name]) { TriggerInput = context, InstanceServices = scope.ServiceProvider, Data = Data(instance.Started.Id) };
            await pipeline(invocation);
            return invocation.Result;
        }, JsonText.Converter, loggers, settings.DefaultVersion);
        return Turn.Run(instance, history, messages, code, now);
    }

    /// <summary>Runs an activity; its result as JSON text.</summary>
    public async Task<string?> RunActivityAsync(string name, string instanceId, string? input, CancellationToken stopping)
    {
        var function = activities[name];
        using var log = loggers.CreateLogger<DurableFunctions>().BeginScope(Scope(instanceId, name));
        await using var scope = services.CreateAsyncScope();
        var type = function.Activity!.Input;
        var invocation = new Invocation(function)
        {
            TriggerInput = JsonText.Converter.Deserialize(input, type) ?? (type.IsValueType ? Activator.CreateInstance(type) : null),
            Stopping = stopping, InstanceServices = scope.ServiceProvider, Data = Data(instanceId),
        };
        await pipeline(invocation);
        return JsonText.Converter.Serialize(invocation.Result);
    }

    private static Dictionary<string, object?> Data(string instanceId) => new(StringComparer.OrdinalIgnoreCase) { ["instanceId"] = instanceId };

    private static KeyValuePair<string, object>[] Scope(string instanceId, string name) => [new("InstanceId", instanceId), new("Function", name)];

    private static Dictionary<string, HostedFunction> ByName(IReadOnlyList<HostedFunction> functions, Func<HostedFunction, string?> name) =>
        functions.Where(function => name(function) is not null).ToDictionary(function => name(function)!, StringComparer.OrdinalIgnoreCase);
}
