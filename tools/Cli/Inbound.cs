using System.CommandLine;
using System.Text.Json.Nodes;

namespace Selvedge.Tools.Cli;

/// <summary><c>selvedge inbound list|show|replay</c>: what arrived from outside, as it was received.</summary>
internal static class Inbound
{
    public static Command Command() => new("inbound", "What arrived from outside, as it was received") { ListCommand(), ShowCommand(), ReplayCommand() };

    static Option<string?> Text(string name, string description, string help) => new(name) { Description = description, HelpName = help };

    static Command ListCommand()
    {
        var (channel, topic, order) = (Text("--channel", "Of this channel", "id"), Text("--topic", "e.g. orders/create", "topic"), Text("--order", "About this order", "id"));
        var (from, to, verdict) = (Text("--from", "Arrived then or later", "instant"), Text("--to", "Arrived before", "instant"), Text("--verdict", "What was made of it", "verdict"));
        var limit = new Option<int>("--limit") { Description = "At most so many", DefaultValueFactory = _ => 50 };
        verdict.CompletionSources.Add("accepted", "repeated", "ignored", "refused", "failed", "received");
        var list = new Command("list", "Messages, the latest first") { channel, topic, order, from, to, verdict, limit };
        list.Does(async (session, parsed, cancel) =>
        {
            var query = Query.Of(("channel", parsed.GetValue(channel)), ("topic", parsed.GetValue(topic)), ("order", parsed.GetValue(order)), ("from", parsed.GetValue(from)), ("to", parsed.GetValue(to)), ("verdict", parsed.GetValue(verdict)));
            var (messages, more) = await session.Api.ListAsync("api/inbound" + query, parsed.GetValue(limit), cancel);
            session.Show(messages, screen =>
            {
                var table = Session.Table("Arrived", "Topic", "Verdict", "Order", "Came to", "Bytes#", "Id");
                foreach (var message in messages)
                    table.AddRow(Session.Cell(message!["at"]), Session.Cell(message["topic"]), Session.Cell(message["verdict"]), Session.Cell(message["order"]), Session.Cell(message["outcome"]), Session.Cell(message["size"]), Session.Cell(message["id"]));
                screen.Write(table);
                if (more) screen.WriteLine("There are more; --limit shows them.");
            });
            return Exit.Ok;
        });
        return list;
    }

    static Command ShowCommand()
    {
        var id = new Argument<string>("id");
        var raw = new Option<bool>("--raw") { Description = "The body's bytes and nothing else" };
        var show = new Command("show", "One message, with its headers and its body") { id, raw };
        show.Does(async (session, parsed, cancel) =>
        {
            var message = await session.Api.GetAsync($"api/inbound/{Uri.EscapeDataString(parsed.GetRequiredValue(id))}", cancel);
            if (parsed.GetValue(raw))
            {
                await using var bytes = System.Console.OpenStandardOutput();
                await bytes.WriteAsync((string?)message["base64"] is { } encoded ? Convert.FromBase64String(encoded) : System.Text.Encoding.UTF8.GetBytes((string?)message["body"] ?? ""), cancel);
                return Exit.Ok;
            }
            session.Show(message, screen =>
            {
                foreach (var (name, value) in message.AsObject())
                    if (name is not ("headers" or "body" or "base64")) screen.WriteLine(Session.Plain($"{name,-10} {value}"));
                foreach (var (name, value) in message["headers"] as JsonObject ?? []) screen.WriteLine(Session.Plain($"  {name}: {value}"));
                screen.WriteLine();
                screen.WriteLine(message["erasedAt"] is { } erased ? $"Its body was erased at {erased}." : Session.Plain((string?)message["body"] ?? (string?)message["base64"] ?? ""));
            });
            return Exit.Ok;
        });
        return show;
    }

    static Command ReplayCommand()
    {
        var ids = new Argument<string[]>("id") { Description = "Messages, in the order in which they are taken in", Arity = ArgumentArity.ZeroOrMore };
        var (channel, topic, from, to) = (Text("--channel", "All of this channel, between --from and --to", "id"), Text("--topic", "Of this topic only", "topic"), Text("--from", "Arrived then or later", "instant"), Text("--to", "Arrived before", "instant"));
        var dryRun = new Option<bool>("--dry-run") { Description = "Show what would change; write nothing" };
        var replay = new Command("replay", "Take messages in again; what they say is taken once. Exit code 4 when one failed") { ids, channel, topic, from, to, dryRun };
        replay.Does(async (session, parsed, cancel) =>
        {
            var (named, seller) = (parsed.GetValue(ids) ?? [], parsed.GetValue(channel));
            if (named.Length == 0 == seller is null) throw new UsageException("Name messages, or a range with --channel, --from and --to.");
            var (dry, items) = (parsed.GetValue(dryRun), new JsonArray());
            await Watch.ProgressAsync(session, dry ? "Looking" : "Replaying", async bar =>
            {
                for (string? continuation = null; ;)
                {
                    var body = new JsonObject { ["dryRun"] = dry };
                    if (named.Length > 0) body["ids"] = new JsonArray([.. named.Select(id => JsonValue.Create(id))]);
                    foreach (var (name, value) in new[] { ("channel", seller), ("topic", parsed.GetValue(topic)), ("from", parsed.GetValue(from)), ("to", parsed.GetValue(to)), ("continuation", continuation) })
                        if (value is not null) body[name] = value;
                    var answer = await session.Api.PostAsync("api/inbound/replay", body, cancel);
                    foreach (var item in answer["items"]!.AsArray()) items.Add(item!.DeepClone());
                    continuation = (string?)answer["continuation"];
                    if (continuation is null) return 0;
                }
            });
            session.Show(items, screen => Print(screen, items, dry));
            return items.Any(item => (string?)item!["result"] is "failed" or "refused" or "unusable") ? Exit.Found : Exit.Ok;
        });
        return replay;
    }

    static void Print(IAnsiConsole screen, JsonArray items, bool dry)
    {
        foreach (var item in items)
        {
            screen.WriteLine(Session.Plain($"{item!["at"]} {item["topic"]} {item["order"]}: {(dry ? "would be " : "")}{item["result"]}{(item["status"] is { } status ? $", {status}" : "")}{(item["detail"] is { } detail ? $". {detail}" : "")}"));
            foreach (var change in item["changes"] as JsonArray ?? []) screen.WriteLine(Session.Plain($"    {change!["path"]}: {Short(change["before"])} → {Short(change["after"])}"));
            foreach (var claim in item["claims"] as JsonArray ?? []) screen.WriteLine(Session.Plain($"    {claim!["sku"]} at {claim["place"]}, line {claim["line"]}: {claim["before"]} → {claim["after"]} held"));
        }
        screen.WriteLine($"{items.Count} messages{(items.Count > 0 ? ": " + string.Join(", ", items.GroupBy(item => (string)item!["result"]!).Select(group => $"{group.Count()} {group.Key}")) : "")}. {(dry ? "Nothing was written." : "")}");

        static string Short(JsonNode? value) => value is null ? "(nothing)" : value.ToJsonString() is { Length: <= 80 } text ? text : value.ToJsonString()[..80] + "…";
    }
}
