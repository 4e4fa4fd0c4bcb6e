using System.CommandLine;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace Selvedge.Tools.Cli;

/// <summary><c>selvedge import products|stock FILE [--dry-run]</c>.</summary>
internal static class Imports
{
    public static Command Command() => new("import", "Import a file: products, or opening stock") { Kind("products", "Products from CSV, or styles from JSON"), Kind("stock", "Opening stock from CSV") };

    static Command Kind(string kind, string description)
    {
        var file = new Argument<FileInfo>("file") { Description = "The file" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Check and count; write nothing" };
        var command = new Command(kind, description) { file, dryRun };
        command.Does((session, parsed, cancel) => RunAsync(session, kind, parsed.GetRequiredValue(file), parsed.GetValue(dryRun), cancel));
        return command;
    }

    static async Task<int> RunAsync(Session session, string kind, FileInfo file, bool dryRun, CancellationToken cancel)
    {
        byte[] bytes;
        try { bytes = await File.ReadAllBytesAsync(file.FullName, cancel); }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException) { throw new UsageException($"{file}: {unreadable.Message}"); }
        try
        {
            var result = await Watch.ProgressAsync(session, $"Importing {file.Name}", bar => SendAsync(session, kind, bytes, file.Extension, dryRun, bar, cancel));
            session.Show(result, screen => Print(screen, result, dryRun));
            return Exit.Ok;
        }
        // Faulty rows are what an import is checked for.
        catch (RefusedException faulty) when (faulty.Type == "import-invalid")
        {
            session.Show(faulty.Problem!, screen =>
            {
                screen.WriteLine(Session.Plain(faulty.Message));
                var table = Session.Table("Line#", "Column", "What is wrong");
                foreach (var error in faulty.Problem!["errors"]?.AsArray() ?? []) table.AddRow(Session.Cell(error!["line"]), Session.Cell(error["column"]), Session.Cell(error["message"]));
                screen.Write(table);
            });
            return Exit.Found;
        }
    }

    static async Task<JsonNode> SendAsync(Session session, string kind, byte[] bytes, string extension, bool dryRun, Watch.Bar bar, CancellationToken cancel)
    {
        var content = new ByteArrayContent(bytes);
        content.Headers.ContentType = new MediaTypeHeaderValue(extension.Equals(".json", StringComparison.OrdinalIgnoreCase) ? "application/json" : "text/csv");
        var answer = await session.Api.SendAsync(HttpMethod.Post, $"api/imports/{kind}{(dryRun ? "?dryRun=true" : "")}", content, cancel);
        if (answer.Status != 202) return answer.Body!;
        var address = answer.Location ?? (string)answer.Body!["status"]!;
        while (true)
        {
            var import = answer.Body!;
            if ((double?)import["rows"] is > 0 and var rows) bar(Math.Min(1, ((double)import["read"]! + (double)import["written"]!) / (dryRun ? rows : 2 * rows)));
            switch ((string?)import["state"])
            {
                case "done": return import["result"] ?? import;
                case "failed": throw new RefusedException((int?)import["problem"]?["status"] ?? 500, import["problem"]?.DeepClone() as JsonObject);
                case "interrupted": throw new RefusedException(503, new JsonObject { ["title"] = "The import was interrupted", ["detail"] = "The app that ran it ended. Send the same file again: what is done is not done twice." });
            }
            await Task.Delay(answer.RetryAfter is { } after && after < TimeSpan.FromSeconds(5) ? after / 2 : TimeSpan.FromMilliseconds(500), cancel);
            answer = await session.Api.SendAsync(HttpMethod.Get, address, null, cancel);
        }
    }

    static void Print(IAnsiConsole screen, JsonNode result, bool dryRun)
    {
        var table = Session.Table("", "Created#", "Updated#", "Unchanged#");
        foreach (var (name, tally) in result.AsObject())
            if (tally is JsonObject counts && counts.ContainsKey("created")) table.AddRow(new Text(name), Session.Cell(counts["created"]), Session.Cell(counts["updated"]), Session.Cell(counts["unchanged"]));
        screen.WriteLine($"{(dryRun ? "Nothing was written. It would be" : "Done")}: {result["rows"]} rows" + (result["posted"] is null ? "." : $", {result["posted"]} posted ({result["units"]} units), {result["repeated"]} posted before, {result["empty"]} with quantity 0."));
        if (table.Rows.Count > 0) screen.Write(table);
    }
}

/// <summary>Shows that long work goes on.</summary>
internal static class Watch
{
    /// <summary>Tells how far it is: 0 to 1.</summary>
    public delegate void Bar(double part);

    /// <summary>Runs with a progress bar on stderr, where that is a terminal.</summary>
    public static async Task<T> ProgressAsync<T>(Session session, string what, Func<Bar, Task<T>> work)
    {
        if (!session.ShowsProgress) return await work(_ => { });
        return await session.Progress.Progress().AutoClear(true).StartAsync(async progress =>
        {
            var task = progress.AddTask(Markup.Escape(Session.Plain(what)), maxValue: 1);
            task.IsIndeterminate = true;
            return await work(part => (task.IsIndeterminate, task.Value) = (false, part));
        });
    }
}
