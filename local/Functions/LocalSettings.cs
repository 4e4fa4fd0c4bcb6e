using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Selvedge.Local.Durable;
using Selvedge.Local.ServiceBus;

namespace Selvedge.Local.Functions;

/// <summary>
/// Where settings come from, the later winning: <c>local.settings.json</c> of the app's folder, that of the current folder,
/// environment variables, the command line. As with Core Tools, <c>Values</c> are flat names; <c>:</c> and <c>__</c> nest.
/// </summary>
internal sealed class LocalSettings
{
    /// <summary>The address's port is chosen by the system.</summary>
    public const int AnyPort = 0;

    private const int DefaultPort = 7071;

    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>Folder of the data (<c>--data</c>, <c>SELVEDGE_DATA</c>), absolute.</summary>
    public required string Data { get; init; }

    /// <summary>Port to listen on (<c>--port</c>, <c>SELVEDGE_PORT</c>, <c>Host.LocalHttpPort</c>).</summary>
    public required int Port { get; init; }

    /// <summary>Address to listen on (<c>--host</c>): <c>localhost</c>, <c>*</c> or an IP address.</summary>
    public required string Host { get; init; }

    /// <summary>Port of the Cosmos gateway for other tools (<c>--cosmos-port</c>); null: none.</summary>
    public required int? CosmosPort { get; init; }

    /// <summary>host.json's <c>extensions.http.routePrefix</c>; <c>api</c> when not set, as in Azure.</summary>
    public required string RoutePrefix { get; init; }

    /// <summary>host.json's <c>extensions.durableTask</c>.</summary>
    public required DurableSettings Durable { get; init; }

    /// <summary>host.json's <c>extensions.serviceBus</c>.</summary>
    public required ServiceBusSettings ServiceBus { get; init; }

    /// <summary>The queues declared in <c>servicebus.json</c> beside host.json.</summary>
    public required IReadOnlyList<QueueDefinition> Queues { get; init; }

    /// <summary>Reads all sources into <paramref name="configuration"/>.</summary>
    /// <param name="configuration">Receives the settings.</param>
    /// <param name="args">The command line (<see cref="CommandLine"/>).</param>
    /// <param name="folders">Where the two files are looked for: the app's folder, then the current one.</param>
    /// <exception cref="LocalHostException">A file or an argument is malformed, or help was asked for.</exception>
    public static LocalSettings Load(IConfigurationBuilder configuration, string[] args, IReadOnlyList<string> folders)
    {
        foreach (var file in Existing(folders, "local.settings.json")) { configuration.AddInMemoryCollection(ReadLocalSettings(file)); }
        configuration.AddEnvironmentVariables();
        var commandLine = new CommandLine(Assembly.GetEntryAssembly()).Parse(args);
        configuration.AddInMemoryCollection(commandLine);

        var settings = configuration.Build();
        string? Setting(string option, string name) => commandLine.GetValueOrDefault(option) is { } given ? given : settings[name];
        var data = Setting("data", "SELVEDGE_DATA") ?? ".data";
        if (data.Trim().Length == 0) { throw Wrong("The data folder is empty. Give one with --data FOLDER or SELVEDGE_DATA."); }
        var loaded = new LocalSettings
        {
            Data = Path.GetFullPath(data),
            Port = ParsePort("--port", Setting("port", "SELVEDGE_PORT") ?? settings["Host:LocalHttpPort"]) ?? DefaultPort,
            Host = Setting("host", "SELVEDGE_HOST") ?? "localhost",
            CosmosPort = ParsePort("--cosmos-port", Setting("cosmos-port", "SELVEDGE_COSMOS_PORT")),
            RoutePrefix = Existing(folders, "host.json").Select(ReadRoutePrefix).FirstOrDefault() ?? "api",
            Durable = Existing(folders, "host.json").Select(ReadDurable).FirstOrDefault() ?? new DurableSettings(),
            ServiceBus = Existing(folders, "host.json").Select(ReadServiceBus).FirstOrDefault() ?? new(),
            Queues = Existing(folders, "servicebus.json").Select(ReadQueues).FirstOrDefault() ?? [],
        };
        configuration.AddInMemoryCollection([new("SELVEDGE_DATA", loaded.Data), new("ServiceBus:fullyQualifiedNamespace", ServiceBusBroker.NameOf(loaded.Data))]);
        return loaded;
    }

    private static IEnumerable<string> Existing(IEnumerable<string> folders, string name) =>
        folders.Select(folder => Path.Combine(Path.GetFullPath(folder), name)).Distinct().Where(File.Exists);

    private static int? ParsePort(string option, string? text) => text is null ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= 65535 ? port
        : throw Wrong($"'{text}' is not a port. Give {option} a number from 0 to 65535 (0: any free port).");

    private static Dictionary<string, string?> ReadLocalSettings(string file)
    {
        using var document = ParseFile(file);
        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var section in document.RootElement.EnumerateObject())
        {
            if (section.NameEquals("IsEncrypted") && section.Value.ValueKind == JsonValueKind.True)
            {
                throw Wrong($"{file}: IsEncrypted is true. Encrypted settings cannot be read here; write them in clear and set it to false.");
            }
            var prefix = section.Name switch { "Values" => "", "Host" => "Host:", "ConnectionStrings" => "ConnectionStrings:", _ => null };
            if (prefix is null) { continue; }
            if (section.Value.ValueKind != JsonValueKind.Object) { throw Wrong($"{file}: {section.Name} must be an object of names and texts."); }
            foreach (var value in section.Value.EnumerateObject())
            {
                if (value.Value.ValueKind is JsonValueKind.Object or JsonValueKind.Array)
                {
                    throw Wrong($"{file}: {section.Name}.{value.Name} must be a single value. Write nested settings as \"{value.Name}:Child\" or \"{value.Name}__Child\".");
                }
                var key = prefix + value.Name.Replace("__", ":", StringComparison.Ordinal);
                settings[key] = value.Value.ValueKind == JsonValueKind.Null ? null : value.Value.ToString();
            }
        }
        return settings;
    }

    private static string ReadRoutePrefix(string file)
    {
        using var document = ParseFile(file);
        if (!document.RootElement.TryGetProperty("version", out var version) || version.ValueKind != JsonValueKind.String || version.GetString() != "2.0")
        {
            throw Wrong($"{file}: \"version\" must be \"2.0\".");
        }
        var element = document.RootElement;
        foreach (var name in (string[])["extensions", "http", "routePrefix"])
        {
            if (element.ValueKind != JsonValueKind.Object) { throw Wrong($"{file}: \"{name}\" is expected inside an object."); }
            if (!element.TryGetProperty(name, out element)) { return "api"; }
        }
        return element.ValueKind == JsonValueKind.String ? element.GetString()!.Trim('/') : throw Wrong($"{file}: extensions.http.routePrefix must be a text.");
    }

    private static DurableSettings ReadDurable(string file)
    {
        using var document = ParseFile(file);
        return DurableSettings.Read(file, document.RootElement);
    }

    private static ServiceBusSettings ReadServiceBus(string file)
    {
        using var document = ParseFile(file);
        return document.RootElement.TryGetProperty("extensions", out var extensions) && extensions.TryGetProperty("serviceBus", out var section)
            ? ServiceBusSettings.Parse(section, why => Wrong($"{file}: extensions.serviceBus.{why}"))
            : new();
    }

    private static IReadOnlyList<QueueDefinition> ReadQueues(string file)
    {
        using var document = ParseFile(file);
        try
        {
            return QueueDefinition.Parse(document.RootElement);
        }
        catch (FormatException malformed)
        {
            throw Wrong($"{file}: {malformed.Message}", malformed);
        }
    }

    private static JsonDocument ParseFile(string file)
    {
        try
        {
            var document = JsonDocument.Parse(File.ReadAllBytes(file).AsMemory(), Lenient);
            return document.RootElement.ValueKind == JsonValueKind.Object ? document : throw Wrong($"{file}: must be one JSON object.");
        }
        catch (JsonException malformed)
        {
            var reason = malformed.Message.Split(" LineNumber:", 2)[0];
            throw Wrong($"{file}, line {malformed.LineNumber + 1}, column {malformed.BytePositionInLine + 1}: {reason}", malformed);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw Wrong($"{file} cannot be read: {unreadable.Message}", unreadable);
        }
    }

    private static LocalHostException Wrong(string message, Exception? inner = null) => new(ExitCode.Settings, message, inner);
}
