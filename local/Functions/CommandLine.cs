using System.Reflection;

namespace Selvedge.Local.Functions;

/// <summary>
/// The command line: <c>--name value</c>, <c>--name=value</c>, <c>--flag</c> (read as <c>true</c>), <c>--help</c>. An app says which options it reads
/// itself by <c>AssemblyMetadata</c> of its entry assembly (<c>Option:name</c> or <c>Option:name VALUE</c>, and what it does); from then on a
/// misspelt option is refused instead of starting the app on the default port and data. Any setting can be given too, by a name that has a
/// colon or begins with a capital letter (<c>--Secrets:shop value</c>).
/// </summary>
internal sealed class CommandLine
{
    private const string Declared = "Option:";

    private static readonly (string Name, string Value, string Does, string Example)[] Own =
    [
        ("port", "PORT", "Listen on this port (7071); 0 for any free one. Also SELVEDGE_PORT.", "7072"),
        ("host", "ADDRESS", "Listen on this address: localhost, * or an IP address (localhost). Also SELVEDGE_HOST.", "0.0.0.0"),
        ("data", "FOLDER", "Keep the data in this folder (./.data). Also SELVEDGE_DATA.", "./.data"),
        ("cosmos-port", "PORT", "Answer the Cosmos DB protocol on this port too, for other tools. Also SELVEDGE_COSMOS_PORT.", "7072"),
    ];

    private readonly (string Name, string Value, string Does)[] declared;

    /// <param name="app">The assembly whose metadata declares the app's options; null: it declares none.</param>
    public CommandLine(Assembly? app) => declared =
    [
        .. (app?.GetCustomAttributes<AssemblyMetadataAttribute>() ?? [])
            .Where(metadata => metadata.Key.StartsWith(Declared, StringComparison.Ordinal))
            .Select(metadata => (metadata.Key[Declared.Length..].Split(' ')[0], metadata.Key.Contains(' ', StringComparison.Ordinal) ? metadata.Key.Split(' ')[1] : "", metadata.Value ?? "")),
    ];

    /// <summary>The options by name.</summary>
    /// <exception cref="LocalHostException">An argument is malformed or unknown, or help was asked for.</exception>
    public Dictionary<string, string?> Parse(string[] args)
    {
        if (args.Any(arg => arg is "--help" or "-h" or "-?")) { throw new LocalHostException(ExitCode.Told, Help()); }
        var options = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < args.Length; i++)
        {
            if (!args[i].StartsWith("--", StringComparison.Ordinal) || args[i].Length == 2)
            {
                throw Wrong($"Unexpected argument '{args[i]}'. Options are written --name value, as in --port 7072 or --data ./.data.");
            }
            var option = args[i][2..];
            var equals = option.IndexOf('=', StringComparison.Ordinal);
            var name = equals > 0 ? option[..equals] : option;
            if (!IsKnown(name)) { throw Wrong($"There is no option --{name}{Closest(name)} --help lists them."); }
            if (equals > 0) { options[name] = option[(equals + 1)..]; }
            else if (i + 1 < args.Length && !args[i + 1].StartsWith("--", StringComparison.Ordinal)) { options[name] = args[++i]; }
            else if (Own.FirstOrDefault(own => own.Name == name) is { Example: { } example }) { throw Wrong($"--{name} needs a value, as in --{name} {example}."); }
            else { options[name] = "true"; }
        }
        return options;
    }

    private bool IsKnown(string name) => declared.Length == 0 || name.Contains(':', StringComparison.Ordinal) || char.IsAsciiLetterUpper(name[0]) || Names.Contains(name, StringComparer.Ordinal);

    private IEnumerable<string> Names => Own.Select(own => own.Name).Concat(declared.Select(option => option.Name));

    // The option that begins most alike, or has the same letters in another order.
    private string Closest(string name)
    {
        int Alike(string known) => known.Zip(name).TakeWhile(pair => pair.First == pair.Second).Count();
        var closest = Names.Append("help").OrderByDescending(known => known.Order().SequenceEqual(name.Order())).ThenByDescending(Alike).ThenBy(known => known.Length).First();
        return Alike(closest) >= 2 || closest.Length == name.Length && closest.Order().SequenceEqual(name.Order()) ? $"; --{closest} was meant?" : ".";
    }

    private string Help()
    {
        var lines = Own.Select(own => ($"--{own.Name} {own.Value}", own.Does)).Concat(declared.Select(option => ($"--{option.Name} {option.Value}".TrimEnd(), option.Does)))
            .Append(("--help", "Show this.")).ToList();
        var width = lines.Max(line => line.Item1.Length) + 2;
        return "Options:\n" + string.Join('\n', lines.Select(line => "  " + line.Item1.PadRight(width) + line.Item2))
            + "\n\nAny setting can be given as --Section:Name VALUE, as an environment variable Section__Name, or in local.settings.json.";
    }

    private static LocalHostException Wrong(string message) => new(ExitCode.Settings, message);
}
