using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Selvedge.Tools.Cli;

/// <summary><c>selvedge stock SKU…</c> and <c>selvedge why CHANNEL SKU</c>.</summary>
internal static class Stock
{
    public static Command Command()
    {
        var skus = new Argument<string[]>("sku") { Description = "SKUs, barcodes or other codes", Arity = ArgumentArity.OneOrMore };
        var command = new Command("stock", "What there is of a SKU, where, and who holds it") { skus };
        command.Does(async (session, parsed, cancel) =>
        {
            var answer = await session.Api.PostAsync("api/inventory/query", new { skus = parsed.GetRequiredValue(skus).Distinct() }, cancel);
            var unknown = answer["unknown"]!.AsArray();
            session.Show(answer, screen =>
            {
                var table = Session.Table("SKU", "Location", "On hand#", "Committed#", "Available#", "Staged#", "Quarantine#", "Short#", "Incoming#");
                foreach (var item in answer["items"]!.AsArray())
                {
                    Row(table, item!["sku"], null, item);
                    foreach (var (location, stock) in item["locations"]!.AsObject()) Row(table, null, location, stock!);
                }
                if (table.Rows.Count > 0) screen.Write(table);
                foreach (var code in unknown) screen.WriteLine(Session.Plain($"There is no SKU '{code}'."));
            });
            return unknown.Count == 0 ? Exit.Ok : Exit.Found;
        });
        return command;
    }

    public static Command WhyCommand()
    {
        var channel = new Argument<string>("channel");
        var sku = new Argument<string>("sku");
        var at = new Option<string?>("--at") { Description = "The instant it is asked of, e.g. 2026-11-23T14:03:00Z; now when left out", HelpName = "instant" };
        var command = new Command("why", "Why a channel shows the number it shows") { channel, sku, at };
        command.Does((session, parsed, cancel) => WhyAsync(session, parsed.GetRequiredValue(channel), parsed.GetRequiredValue(sku), parsed.GetValue(at), cancel));
        return command;
    }

    static async Task<int> WhyAsync(Session session, string channel, string sku, string? at, CancellationToken cancel)
    {
        try
        {
            var why = await session.Api.GetAsync($"api/why/{Uri.EscapeDataString(channel)}/{Uri.EscapeDataString(sku)}{(at is null ? "" : "?at=" + Uri.EscapeDataString(at))}", cancel);
            session.Show(why, screen =>
            {
                foreach (var (name, value) in why.AsObject()) screen.WriteLine(Session.Plain($"{name}: {value?.ToJsonString()}"));
            });
            return Exit.Ok;
        }
        // It lists none of it: what it could be offered is answered instead, or that channel or SKU are not there.
        catch (RefusedException none) when (none.Status == 404 && at is null) { }
        var seller = await session.Api.GetAsync($"api/channels/{Uri.EscapeDataString(channel)}", cancel);
        var stock = await session.Api.GetAsync($"api/inventory/{Uri.EscapeDataString(sku)}", cancel);
        var answer = Explain(seller, stock);
        session.Show(answer, screen =>
        {
            screen.WriteLine($"{Session.Plain(channel)} has no listing of it. What the ledger could offer it of {Session.Plain((string)stock["sku"]!)} now:");
            var table = Session.Table("", "Units#", "");
            foreach (var term in answer["terms"]!.AsArray()) table.AddRow(Session.Cell(term!["what"]), Session.Cell(term["units"]), Session.Cell(term["note"]));
            screen.Write(table);
        });
        return Exit.Ok;
    }

    // Design, section 5: Σ max(0, available − floor) over the channel's locations − short − what is ring-fenced for others − buffer, at least 0.
    static JsonObject Explain(JsonNode channel, JsonNode stock)
    {
        var (terms, sum) = (new JsonArray(), 0L);
        foreach (var id in channel["locations"]!.AsArray().Select(node => (string)node!))
        {
            var place = stock["locations"]![id];
            var (available, floor) = ((long?)place?["available"] ?? 0, (long?)place?["floor"] ?? 0);
            Add($"at {id}", Math.Max(0, available - floor), place is null ? "nothing there"
                : string.Create(CultureInfo.InvariantCulture, $"{place["onHand"]} on hand − {place["committed"]} committed = {available} available{(floor > 0 ? $", {floor} to be left there" : "")}"));
        }
        Add("short", -((long?)stock["short"] ?? 0), "sold, and nowhere yet");
        var mine = "channel:" + (string)channel["id"]!;
        foreach (var (buyer, fence) in stock["fences"] as JsonObject ?? [])
            if (buyer != mine) Add($"set apart for {buyer}", -((long?)fence!["open"] ?? 0), "not held by them yet");
        Add("buffer", -((long?)channel["buffer"] ?? 0), "left to the other channels");
        var offered = Math.Max(0, sum);
        terms.Add(new JsonObject { ["what"] = "could be offered", ["units"] = offered, ["note"] = sum < 0 ? "never below 0" : "" });
        return new() { ["channel"] = channel["id"]!.DeepClone(), ["sku"] = stock["sku"]!.DeepClone(), ["source"] = "inventory", ["listings"] = false, ["offered"] = offered, ["terms"] = terms };

        void Add(string what, long units, string note)
        {
            if (units == 0 && !what.StartsWith("at ", StringComparison.Ordinal)) return;
            sum += units;
            terms.Add(new JsonObject { ["what"] = what, ["units"] = units, ["note"] = note });
        }
    }

    static void Row(Table table, JsonNode? sku, string? location, JsonNode stock) => table.AddRow(Session.Cell(sku), new Text(Session.Plain(location ?? "")), Session.Cell(stock["onHand"]), Session.Cell(stock["committed"]),
        Session.Cell(stock["available"]), Session.Cell(stock["staged"]), Session.Cell(stock["quarantine"]), Session.Cell(stock["short"]), Session.Cell(stock["incoming"]));
}
