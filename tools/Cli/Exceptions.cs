using System.CommandLine;

namespace Selvedge.Tools.Cli;

/// <summary><c>selvedge exceptions [list|resolve]</c>: what people have to look at.</summary>
internal static class Exceptions
{
    public static Command Command()
    {
        var command = new Command("exceptions", "What people have to look at") { ListCommand("list", "Open exceptions, the newest first"), ResolveCommand() };
        var list = ListCommand("exceptions", "");
        foreach (var option in list.Options) command.Options.Add(option);
        command.Action = list.Action;
        return command;
    }

    static Command ListCommand(string name, string description)
    {
        var kind = new Option<string?>("--kind") { Description = "e.g. oversell, unknownSku, belowZero", HelpName = "kind" };
        var all = new Option<bool>("--all") { Description = "Resolved ones too" };
        var limit = new Option<int>("--limit") { Description = "At most so many", DefaultValueFactory = _ => 100 };
        var list = new Command(name, description) { kind, all, limit };
        list.Does(async (session, parsed, cancel) =>
        {
            var (cases, more) = await session.Api.ListAsync("api/exceptions" + Query.Of(("status", parsed.GetValue(all) ? null : "open"), ("kind", parsed.GetValue(kind))), parsed.GetValue(limit), cancel);
            session.Show(cases, screen =>
            {
                if (cases.Count == 0) screen.WriteLine("Nothing is open.");
                var table = Session.Table("Id", "Kind", "Opened", "What");
                foreach (var item in cases) table.AddRow(Session.Cell(item!["id"]), Session.Cell(item["kind"]), Session.Cell(item["openedAt"]), Session.Cell(item["detail"]));
                if (cases.Count > 0) screen.Write(table);
                if (more) screen.WriteLine("There are more; --limit shows them.");
            });
            return Exit.Ok;
        });
        return list;
    }

    static Command ResolveCommand()
    {
        var id = new Argument<string>("id");
        var words = new Argument<string>("resolution") { Description = "What was found and done" };
        var resolve = new Command("resolve", "Resolve one, with a person's words") { id, words };
        resolve.Does(async (session, parsed, cancel) =>
        {
            var resolved = await session.Api.PostAsync($"api/exceptions/{Uri.EscapeDataString(parsed.GetRequiredValue(id))}/resolve", new { resolution = parsed.GetRequiredValue(words) }, cancel);
            session.Show(resolved, screen => screen.WriteLine(Session.Plain($"{resolved["id"]} is resolved.")));
            return Exit.Ok;
        });
        return resolve;
    }
}
