using System.Text.Json;
using Selvedge.Local.Functions;

namespace Selvedge.Local.Durable;

/// <summary>host.json's <c>extensions.durableTask</c>, as much of it as has a meaning here. What has none is accepted and ignored.</summary>
internal sealed record DurableSettings
{
    /// <summary>The task hub's name.</summary>
    public string HubName { get; init; } = "TestHubName";

    /// <summary>Activities at one time in this host.</summary>
    public int MaxConcurrentActivityFunctions { get; init; } = 10 * Environment.ProcessorCount;

    /// <summary>Orchestrators at one time in this host.</summary>
    public int MaxConcurrentOrchestratorFunctions { get; init; } = 10 * Environment.ProcessorCount;

    /// <summary>The version new instances get, and this host's own.</summary>
    public string DefaultVersion { get; init; } = "";

    /// <summary>Which versions this host runs.</summary>
    public VersionMatch VersionMatchStrategy { get; init; } = VersionMatch.CurrentOrOlder;

    /// <summary>Whether an instance of another version fails; else it is left for a host that runs it.</summary>
    public bool FailsOnVersionMismatch { get; init; }

    /// <summary>Reads the section.</summary>
    /// <param name="file">For messages.</param>
    /// <param name="root">The whole of host.json.</param>
    /// <exception cref="LocalHostException">A value is malformed.</exception>
    public static DurableSettings Read(string file, JsonElement root)
    {
        var settings = new DurableSettings();
        if (!root.TryGetProperty("extensions", out var extensions) || extensions.ValueKind != JsonValueKind.Object
            || !extensions.TryGetProperty("durableTask", out var section) || section.ValueKind != JsonValueKind.Object) { return settings; }
        T Value<T>(string name, T otherwise, Func<JsonElement, T?> read, string wanted) where T : notnull =>
            !section.TryGetProperty(name, out var value) ? otherwise
            : read(value) is { } good ? good
            : throw new LocalHostException(ExitCode.Settings, $"{file}: extensions.durableTask.{name} is {value.GetRawText()}; it must be {wanted}.");
        string? Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        int Count(string name, int otherwise) => Value<object>(name, otherwise, value => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var count) && count > 0 ? count : null, "a number above 0") is int read ? read : otherwise;
        var match = Value("versionMatchStrategy", nameof(VersionMatch.CurrentOrOlder), Text, "a text");
        var failure = Value("versionFailureStrategy", "Reject", Text, "a text");
        return settings with
        {
            HubName = Value("hubName", settings.HubName, Text, "a text"),
            MaxConcurrentActivityFunctions = Count("maxConcurrentActivityFunctions", settings.MaxConcurrentActivityFunctions),
            MaxConcurrentOrchestratorFunctions = Count("maxConcurrentOrchestratorFunctions", settings.MaxConcurrentOrchestratorFunctions),
            DefaultVersion = Value("defaultVersion", "", Text, "a text"),
            VersionMatchStrategy = Enum.TryParse<VersionMatch>(match, ignoreCase: true, out var known) ? known
                : throw new LocalHostException(ExitCode.Settings, $"{file}: extensions.durableTask.versionMatchStrategy is '{match}'; it must be None, Strict or CurrentOrOlder."),
            FailsOnVersionMismatch = failure.ToUpperInvariant() switch
            {
                "FAIL" => true,
                "REJECT" => false,
                _ => throw new LocalHostException(ExitCode.Settings, $"{file}: extensions.durableTask.versionFailureStrategy is '{failure}'; it must be Reject or Fail."),
            },
        };
    }
}
