using System.CommandLine;

namespace Selvedge.Tools.Cli;

/// <summary><c>selvedge audit [--full]</c>: the proof that the journal explains every balance.</summary>
internal static class Audits
{
    public static Command Command()
    {
        var full = new Option<bool>("--full") { Description = "Do not build on what earlier audits proved" };
        var command = new Command("audit", "Prove that the journal explains every balance; exit code 4 when it does not") { full };
        command.Does(async (session, parsed, cancel) =>
        {
            var audit = await Watch.ProgressAsync(session, "Auditing", async bar =>
            {
                var started = await session.Api.PostAsync(parsed.GetValue(full) ? "api/audits?full=true" : "api/audits", null, cancel);
                while (true)
                {
                    var now = await session.Api.GetAsync((string)started["status"]!, cancel);
                    if ((string?)now["state"] != "running") return now;
                    await Task.Delay(250, cancel);
                }
            });
            var differences = audit["differences"]!.AsArray();
            session.Show(audit, screen =>
            {
                screen.WriteLine((bool?)audit["clean"] is true ? $"Clean: {audit["entries"]} entries of {audit["skus"]} SKUs explain every balance."
                    : (string?)audit["state"] == "done" ? $"{differences.Count} differences in {audit["skus"]} SKUs:" : $"The audit is {audit["state"]}: start it again.");
                foreach (var difference in differences) screen.WriteLine("  " + Session.Plain((string)difference!));
            });
            return (bool?)audit["clean"] is true ? Exit.Ok : Exit.Found;
        });
        return command;
    }
}
