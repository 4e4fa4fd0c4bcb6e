using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using Selvedge.Local.ServiceBus;

namespace Selvedge.Local.Functions;

/// <summary>host.json's <c>extensions.serviceBus</c>, with the real host's defaults.</summary>
internal sealed record ServiceBusSettings
{
    /// <summary>Messages of one function at work in one instance.</summary>
    public int MaxConcurrentCalls { get; init; } = 16;

    /// <summary>Sessions of one function held by one instance.</summary>
    public int MaxConcurrentSessions { get; init; } = 8;

    /// <summary>How long a session without a message is kept.</summary>
    public TimeSpan SessionIdleTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a run's locks are kept for it.</summary>
    public TimeSpan MaxAutoLockRenewalDuration { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Reads the section; what concerns only the real connection is passed over.</summary>
    public static ServiceBusSettings Parse(JsonElement section, Func<string, Exception> wrong)
    {
        int Count(string name, int otherwise) => !section.TryGetProperty(name, out var value) ? otherwise
            : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var count) && count > 0 ? count : throw wrong($"{name} must be a whole number from 1.");
        TimeSpan Time(string name, TimeSpan otherwise) => !section.TryGetProperty(name, out var value) ? otherwise
            : value.ValueKind == JsonValueKind.String && TimeSpan.TryParse(value.GetString(), CultureInfo.InvariantCulture, out var time) && time >= TimeSpan.Zero ? time : throw wrong($"{name} must be a time, written hh:mm:ss.");
        if (section.ValueKind != JsonValueKind.Object) { throw wrong("must be an object."); }
        var settings = new ServiceBusSettings();
        return new()
        {
            MaxConcurrentCalls = Count("maxConcurrentCalls", settings.MaxConcurrentCalls),
            MaxConcurrentSessions = Count("maxConcurrentSessions", settings.MaxConcurrentSessions),
            SessionIdleTimeout = Time("sessionIdleTimeout", settings.SessionIdleTimeout),
            MaxAutoLockRenewalDuration = Time("maxAutoLockRenewalDuration", settings.MaxAutoLockRenewalDuration),
        };
    }
}

/// <summary>Checks a function with a queue trigger, and binds its message as the worker does.</summary>
internal static partial class ServiceBusFunctions
{
    // The worker's serializer: web names, whatever case the message has.
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web);

    /// <exception cref="LocalHostException">The function cannot be hosted.</exception>
    public static HostedFunction Host(HostedFunction.Identity identity, MethodInfo method, ParameterInfo trigger, ServiceBusTriggerAttribute queue, IConfiguration configuration)
    {
        if (queue.IsBatched) { throw FunctionCatalogue.Refuse(identity.Name, "IsBatched is not hosted here. Take one message at a time; maxConcurrentCalls in host.json says how many at once."); }
        if (method.IsDefined(typeof(RetryAttribute))) { throw FunctionCatalogue.Refuse(identity.Name, "retry attributes do not apply to queue triggers: a message is delivered again, up to its queue's maxDeliveryCount."); }
        if (FunctionInvoker.ResultOf(method) != typeof(void)) { throw FunctionCatalogue.Refuse(identity.Name, "a queue function's result goes nowhere. Return Task or void, and send with ServiceBusSender."); }
        var name = SettingName().Replace(queue.QueueName ?? "", match => configuration[match.Groups[1].Value] is { Length: > 0 } value
            ? value
            : throw new LocalHostException(ExitCode.Settings, $"Function {identity.Name}: its queue %{match.Groups[1].Value}% names a setting that is not set. Add it to local.settings.json's Values or the environment."));
        return new HostedFunction(identity, FunctionInvoker.Compile(identity.Name, method, trigger, route: null)) { Queue = new(queue, name, Binding(trigger.ParameterType)) };
    }

    private static Func<ServiceBusReceivedMessage, object?> Binding(Type type) =>
        type == typeof(ServiceBusReceivedMessage) ? static message => message
        : type == typeof(string) ? static message => Encoding.UTF8.GetString(message.Body.ToMemory().Span)
        : type == typeof(byte[]) ? static message => message.Body.ToArray()
        : type == typeof(BinaryData) ? static message => message.Body
        : message => JsonSerializer.Deserialize(message.Body.ToMemory().Span, type, Format);

    [GeneratedRegex("%([^%]+)%")]
    private static partial Regex SettingName();
}
