using System.CommandLine;
using System.Text.Json.Nodes;

namespace Selvedge.Tools.Cli;

/// <summary><c>selvedge order ID</c> and <c>selvedge order list</c>.</summary>
internal static class Orders
{
    public static Command Command()
    {
        var id = new Argument<string?>("id") { Description = "<channel>:<external id>", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("order", "One order, or a list of them") { id, ListCommand() };
        command.Does(async (session, parsed, cancel) =>
        {
            if (parsed.GetValue(id) is not { } wanted) throw new UsageException("Name an order (selvedge order shopify-au:5123456789012), or list them: selvedge order list.");
            var order = await session.Api.GetAsync($"api/orders/{Uri.EscapeDataString(wanted)}", cancel);
            session.Show(order, screen =>
            {
                screen.WriteLine(Session.Plain($"{order["id"]}  {order["status"]}{((bool?)order["deciding"] == true ? " (being decided)" : "")}  {order["name"]}  placed {order["placedAt"] ?? order["createdAt"]}  {order["currency"]}"));
                var table = Session.Table("Line", "SKU", "Wanted#", "Committed#", "Waiting#", "Oversold#", "Cancelled#", "Price#", "From");
                foreach (var line in order["lines"]!.AsArray())
                    table.AddRow(Session.Cell(line!["id"]), Session.Cell(line["sku"]), Session.Cell(line["quantity"]), Session.Cell(line["committed"]), Session.Cell(line["backordered"]), Session.Cell(line["oversold"]),
                        Session.Cell(line["cancelled"]), Session.Cell(line["price"]), Session.Cell(string.Join(", ", line["places"]!.AsArray().Select(place => (string?)place))));
                screen.Write(table);
            });
            return Exit.Ok;
        });
        return command;
    }

    static Command ListCommand()
    {
        var status = new Option<string?>("--status") { HelpName = "status" };
        var channel = new Option<string?>("--channel") { HelpName = "id" };
        var limit = new Option<int>("--limit") { Description = "At most so many", DefaultValueFactory = _ => 50 };
        status.CompletionSources.Add("received", "committed", "backordered", "oversold", "partial", "refused", "cancelled", "fulfilling", "shipped");
        var list = new Command("list", "Orders, the latest first") { status, channel, limit };
        list.Does(async (session, parsed, cancel) =>
        {
            var query = Query.Of(("status", parsed.GetValue(status)), ("channel", parsed.GetValue(channel)));
            var (orders, more) = await session.Api.ListAsync("api/orders" + query, parsed.GetValue(limit), cancel);
            session.Show(orders, screen =>
            {
                var table = Session.Table("Order", "Status", "Name", "Created", "Lines#", "Units#");
                foreach (var order in orders)
                    table.AddRow(Session.Cell(order!["id"]), Session.Cell(order["status"]), Session.Cell(order["name"]), Session.Cell(order["createdAt"]), Session.Cell(order["lines"]!.AsArray().Count),
                        Session.Cell(order["lines"]!.AsArray().Sum(line => (long)line!["quantity"]!)));
                screen.Write(table);
                if (more) screen.WriteLine($"There are more; --limit shows them.");
            });
            return Exit.Ok;
        });
        return list;
    }
}

/// <summary>Query strings.</summary>
internal static class Query
{
    public static string Of(params (string Name, string? Value)[] parameters)
    {
        var given = parameters.Where(parameter => parameter.Value is not null).Select(parameter => $"{parameter.Name}={Uri.EscapeDataString(parameter.Value!)}").ToList();
        return given.Count == 0 ? "" : "?" + string.Join('&', given);
    }
}
