using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Selvedge.Tools.Cli;

/// <summary><c>selvedge doctor</c>: looks at an installation from outside, and says what to do about what it finds.</summary>
internal static class Doctor
{
    enum State { Ok, Warning, Fault }

    /// <param name="Check">What was looked at.</param>
    /// <param name="State">A fault is something that does not work; a warning something that may not tomorrow.</param>
    /// <param name="Found">What was found.</param>
    /// <param name="Todo">What to do.</param>
    sealed record Finding(string Check, State State, string Found, string? Todo = null);

    static readonly TimeSpan MostSkew = TimeSpan.FromSeconds(5), OldAudit = TimeSpan.FromDays(7);
    const long Gigabyte = 1L << 30;

    public static Command Command()
    {
        var command = new Command("doctor", "Check the installation, and say what to do; exit code 4 when something does not work");
        command.Does(async (session, parsed, cancel) =>
        {
            var findings = new List<Finding>();
            await foreach (var finding in LookAsync(session, cancel)) findings.Add(finding);
            var answer = new JsonObject
            {
                ["url"] = session.Api.Address.ToString(), ["healthy"] = findings.All(finding => finding.State != State.Fault),
                ["findings"] = new JsonArray([.. findings.Select(finding => new JsonObject { ["check"] = finding.Check, ["state"] = finding.State.ToString().ToLowerInvariant(), ["found"] = finding.Found, ["todo"] = finding.Todo })]),
            };
            session.Show(answer, screen => Print(screen, findings));
            return findings.Any(finding => finding.Check == "reachable" && finding.State == State.Fault) ? Exit.Unreachable : findings.Any(finding => finding.State == State.Fault) ? Exit.Found : Exit.Ok;
        });
        return command;
    }

    static async IAsyncEnumerable<Finding> LookAsync(Session session, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        foreach (var finding in Machine(session)) yield return finding;
        var (live, unreachable) = await TryAsync(() => session.Api.AskAsync(HttpMethod.Get, "api/health/live", null, cancel));
        if (live is not { Status: 200 })
        {
            yield return new("reachable", State.Fault, unreachable ?? $"{session.Api.Address} answers {live?.Status} to api/health/live.", "Start the app: dotnet run --project functions -c Release. Or name its address with --url.");
            yield break;
        }
        yield return new("reachable", State.Ok, $"{session.Api.Address} answers.");
        if (live.Date is { } theirs && (theirs - DateTimeOffset.UtcNow).Duration() is var skew)
            yield return skew <= MostSkew ? new("clock", State.Ok, "The app's clock and this machine's agree.")
                : new("clock", State.Warning, string.Create(CultureInfo.InvariantCulture, $"The app's clock and this machine's differ by {skew.TotalSeconds:0} s."), "Let both machines take their time from the network (timedatectl set-ntp true).");
        var ready = await session.Api.AskAsync(HttpMethod.Get, "api/health/ready", null, cancel);
        foreach (var (name, check) in ready.Body?["checks"] as JsonObject ?? [])
            yield return (string?)check?["status"] == "ready" ? new($"ready: {name}", State.Ok, $"Answers in {check["milliseconds"]} ms.") : new($"ready: {name}", State.Fault, (string?)check?["reason"] ?? "It is not ready.", "See the app's log.");
        if (session.KeyText is null) yield break;

        var keys = await session.Api.AskAsync(HttpMethod.Get, "api/keys", null, cancel);
        if (keys.Status == 401)
        {
            yield return new("key accepted", State.Fault, $"The app does not know the key from {session.KeySource}.", "Use the key of this installation's data folder (admin.key), or make one: POST api/keys.");
            yield break;
        }
        yield return keys.Status == 200 ? new("key accepted", State.Ok, "It is an administrator's.") : new("key accepted", State.Warning, "It is no administrator's key: some checks are left out.", "Run this with the administrator's key.");
        await foreach (var finding in ConfiguredAsync(session, cancel)) yield return finding;
        await foreach (var finding in RecordAsync(session, cancel)) yield return finding;
    }

    // What can be seen without the app: the key, and the data folder of an app on this machine.
    static IEnumerable<Finding> Machine(Session session)
    {
        if (session.KeyText is null) yield return new("key", State.Fault, $"There is no key: {session.KeySource}: {session.KeyFault}.", "Give one with --key or SELVEDGE_KEY, or run this in the folder the app was started in.");
        else if (!session.KeyText.StartsWith("slv_", StringComparison.Ordinal) && session.KeyText.Count(c => c == '.') != 2) yield return new("key", State.Fault, $"What {session.KeySource} holds is neither a key of this app (slv_…) nor a token of Entra ID.", "Give the whole key.");
        else if (!OperatingSystem.IsWindows() && File.Exists(session.KeySource) && (File.GetUnixFileMode(session.KeySource) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)) != 0)
            yield return new("key", State.Fault, $"Others can read {session.KeySource} (mode {Convert.ToString((int)File.GetUnixFileMode(session.KeySource), 8)}).", $"chmod 600 '{session.KeySource}'; if others use this machine, make a new key and delete this one.");
        else yield return new("key", State.Ok, $"Found: {session.KeySource}.");

        var folder = Session.DataFolder;
        if (!Directory.Exists(folder)) yield break;
        var free = new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace;
        var text = string.Create(CultureInfo.InvariantCulture, $"{free / (double)Gigabyte:0.0} GB are free at {folder}.");
        yield return free < Gigabyte / 5 ? new("disk", State.Fault, text, "Make room: the app stops when it cannot write.") : free < 2 * Gigabyte ? new("disk", State.Warning, text, "Make room soon: the app stops when it cannot write.") : new("disk", State.Ok, text);
    }

    static async IAsyncEnumerable<Finding> ConfiguredAsync(Session session, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        var locations = await ItemsAsync(session, "api/locations", cancel);
        if (locations is null) yield break;
        var known = locations.Select(location => (string)location!["id"]!).ToHashSet(StringComparer.Ordinal);
        yield return known.Count > 0 ? new("locations", State.Ok, $"{known.Count}: {string.Join(", ", known.Take(8))}.") : new("locations", State.Warning, "There are none.", "Make one: PUT api/locations/WH1 {\"kind\":\"warehouse\",\"name\":\"Main warehouse\"}.");
        foreach (var channel in await ItemsAsync(session, "api/channels", cancel) ?? [])
        {
            var id = (string)channel!["id"]!;
            var missing = channel["locations"]!.AsArray().Select(place => (string)place!).Where(place => !known.Contains(place)).ToList();
            if (missing.Count > 0) yield return new($"channel {id}", State.Fault, $"It sells from {string.Join(", ", missing)}, which {(missing.Count == 1 ? "is no location" : "are no locations")}.", "PUT the location, or take it out of the channel.");
            else if ((string?)channel["kind"] == "shopify" && channel["secret"] is null) yield return new($"channel {id}", State.Warning, "It names no secret: its webhooks are answered 401.", $"PUT api/channels/{id} with 'secret', the name of a setting Secrets:<name>.");
            else if ((bool?)channel["secretPresent"] == false) yield return new($"channel {id}", State.Fault, $"There is no value under Secrets:{channel["secret"]}: its webhooks are answered 401.", $"Start the app with Secrets__{channel["secret"]}=… (in Azure: Key Vault).");
            else if ((bool?)channel["api"]?["tokenPresent"] == false) yield return new($"channel {id}", State.Fault, $"There is no value under Secrets:{channel["api"]!["token"]}: its shop cannot be read.", $"Start the app with Secrets__{channel["api"]!["token"]}=… (in Azure: Key Vault).");
            else yield return new($"channel {id}", State.Ok, $"{channel["kind"]}, sells from {string.Join(", ", channel["locations"]!.AsArray().Select(place => (string?)place))}.");
        }
    }

    static async IAsyncEnumerable<Finding> RecordAsync(Session session, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        if (await ItemsAsync(session, "api/exceptions?status=open&limit=1000", cancel) is { } open)
            yield return open.Count == 0 ? new("exceptions", State.Ok, "None is open.")
                : new("exceptions", State.Warning, $"{open.Count} are open: {string.Join(", ", open.GroupBy(item => (string)item!["kind"]!).Select(group => $"{group.Count()} {group.Key}"))}.", "selvedge exceptions list");
        var audit = await session.Api.AskAsync(HttpMethod.Get, "api/audits/latest", null, cancel);
        if (audit is { Status: 200, Body: { } latest })
            yield return (string?)latest["state"] == "running" ? new("audit", State.Ok, "One is running.")
                : (string?)latest["state"] != "done" ? new("audit", State.Warning, "The last one was interrupted.", "selvedge audit")
                : !(bool)latest["clean"]! ? new("audit", State.Fault, $"The last one found {latest["differences"]!.AsArray().Count} differences.", "selvedge audit --full lists them; they are a fault of the app's, or someone wrote to its store.")
                : DateTimeOffset.UtcNow - latest["startedAt"]!.GetValue<DateTimeOffset>() > OldAudit ? new("audit", State.Warning, $"The last one was at {latest["startedAt"]}.", "selvedge audit")
                : new("audit", State.Ok, $"Clean at {latest["finishedAt"]}: {latest["skus"]} SKUs.");
        else if (audit.Status == 404) yield return new("audit", State.Warning, "There has been none yet.", "selvedge audit");
        var inbound = await session.Api.AskAsync(HttpMethod.Get, "api/inbound?limit=1", null, cancel);
        if (inbound.Status == 200) yield return new("inbound archive", State.Ok, inbound.Body!["items"]!.AsArray() is [{ } last, ..] ? $"The last message came at {last["at"]} ({last["verdict"]})." : "Nothing has come yet.");
        else if (inbound.Status >= 500) yield return new("inbound archive", State.Fault, (string?)inbound.Body?["detail"] ?? "It cannot be read.", "See the app's log.");
    }

    // Null where the key may not read it.
    static async Task<JsonArray?> ItemsAsync(Session session, string path, CancellationToken cancel) =>
        (await session.Api.AskAsync(HttpMethod.Get, path, null, cancel)) is { Status: 200, Body: { } body } ? body["items"]!.AsArray() : null;

    static async Task<(Answer? Answer, string? Failure)> TryAsync(Func<Task<Answer>> ask)
    {
        try { return (await ask(), null); }
        catch (UnreachableException unreachable) { return (null, unreachable.Message); }
    }

    static void Print(IAnsiConsole screen, List<Finding> findings)
    {
        foreach (var finding in findings)
        {
            var (sign, style) = finding.State switch { State.Ok => ("ok     ", "green"), State.Warning => ("warning", "yellow"), _ => ("FAULT  ", "red") };
            screen.Write(new Text(sign, Style.Parse(style)));
            screen.WriteLine(Session.Plain($"  {finding.Check}: {finding.Found}"));
            if (finding.Todo is not null) screen.WriteLine(Session.Plain($"         → {finding.Todo}"));
        }
        var (faults, warnings) = (findings.Count(finding => finding.State == State.Fault), findings.Count(finding => finding.State == State.Warning));
        screen.WriteLine(faults + warnings == 0 ? "Everything is as it should be." : $"{faults} faults, {warnings} warnings.");
    }
}
