using Spectre.Console;
using Spectre.Console.Rendering;

namespace Selvedge.Functions.Demo;

/// <summary>What is known at one moment.</summary>
/// <param name="Rate">Orders a second, lately.</param>
/// <param name="Before">Units that orders of earlier starts hold.</param>
internal sealed record DemoState(DemoTally Tally, double Rate, Stock Stock, long Before, AuditSeen? Audit, bool Auditing)
{
    /// <summary>Units that the orders of this start shall hold or have been sent, and those they do hold, somewhere or waiting, or were sent.</summary>
    public long Expected => Tally.Ordered - Tally.Released;
    public long Held => Stock.Claimed + Stock.Staged + Stock.Short - Before + Tally.Shipped;
}

/// <summary>Shows the demo: a live table where a person looks, a line every 2 s where the output goes to a file or another program.</summary>
internal static class DemoScreen
{
    const int Width = 78, Hottest = 5;

    /// <summary>Whether this terminal can redraw.</summary>
    public static bool IsLive { get; } = !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities is { Ansi: true, Interactive: true };

    public static async Task RunAsync(Func<DemoState> state, CancellationToken ending)
    {
        if (IsLive)
        {
            await AnsiConsole.Live(Draw(state())).Overflow(VerticalOverflow.Crop).StartAsync(async live =>
            {
                while (!ending.IsCancellationRequested)
                {
                    live.UpdateTarget(Draw(state()));
                    await Wait(TimeSpan.FromMilliseconds(400), ending);
                }
                live.UpdateTarget(Draw(state()));
            });
            return;
        }
        var told = 0L;
        while (!ending.IsCancellationRequested)
        {
            await Wait(TimeSpan.FromSeconds(2), ending);
            var now = state();
            Console.WriteLine(Line(now));
            if (now.Tally.LastFault is { } fault && now.Tally.Faults > told) Console.WriteLine($"  {now.Tally.Faults - told} failed, the last: {fault}");
            told = now.Tally.Faults;
        }
    }

    static Task Wait(TimeSpan span, CancellationToken ending) => Task.Delay(span, ending).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);

    /// <summary>One line of at most 80 characters while numbers are of their usual length.</summary>
    public static string Line(DemoState now) =>
        $"{now.Tally.Elapsed:hh\\:mm\\:ss}  {now.Tally.Orders:n0} orders, {now.Rate:n0}/s  sent {now.Tally.Parcels:n0}  claimed {now.Stock.Claimed:n0}  short {now.Stock.Short:n0}{(now.Tally.Answers() is { } a ? $"  p99 {a.NinetyNine:n0} ms" : "")}  {Short(now)}";

    static string Short(DemoState now) => now.Audit is not { } audit ? "no audit yet" : $"audit {audit.Number} {Found(audit)}";

    /// <summary>What it came to, after the last order.</summary>
    public static void Sum(DemoState end)
    {
        var tally = end.Tally;
        Console.WriteLine($"""

            Orders     {tally.Orders:n0} in {tally.Elapsed.TotalSeconds:n0} s; {tally.Repeats:n0} came twice and were taken once
            Cancelled  {tally.Cancelled:n0}, and {tally.CancelledBefore:n0} whose cancel came before the order
            Units      {tally.Ordered:n0} ordered - {tally.Released:n0} cancelled = {end.Expected:n0}; {tally.Shipped:n0} sent, {end.Held - tally.Shipped:n0} held: {Verdict(end)}
            Warehouse  {tally.Parcels:n0} parcels sent, {tally.ShortPicks:n0} short picks, {tally.CalledOff:n0} picks called off in hand, {tally.PutBack:n0} units put back, {tally.Returned:n0} returns
            Stock      {end.Stock.OnHand:n0} on hand, {end.Stock.Claimed:n0} claimed, {end.Stock.Available:n0} available, {end.Stock.Short:n0} short; {tally.Deliveries:n0} deliveries brought {tally.Delivered:n0}
            Channels   {(tally.Markets.Count == 0 ? "none" : string.Join("; ", tally.Markets.Select(market => $"{market.Channel} {market.Sets:n0} numbers sent, {market.Differing:n0} of {market.Listings:n0} on their way")))}; {tally.MarketUnits:n0} units bought there
            Audit      {(end.Audit is { } audit ? $"{Found(audit)}: no. {audit.Number}, {audit.Entries:n0} entries of {audit.Skus:n0} SKUs replayed since the start" : "none was finished")}
            """);
        foreach (var difference in end.Audit?.Differences ?? []) Console.WriteLine("  " + difference);
        if (tally.Faults > 0) Console.WriteLine($"Failed     {tally.Faults:n0} calls, {tally.Lost:n0} webhooks given up; the last: {tally.LastFault}");
        if (tally.Warnings > 0) Console.WriteLine($"Logged     {tally.Warnings:n0} warnings, the last: {tally.LastWarning}");
    }

    static string Verdict(DemoState end) => (end.Held - end.Expected) switch
    {
        0 => "the same",
        > 0 and var bought when bought <= end.Tally.MarketUnits => $"the same, and {bought:n0} of the {end.Tally.MarketUnits:n0} bought at marketplaces",
        > 0 and var more => $"{more:n0} MORE (another client's orders, or a webhook whose answer was lost)",
        var less => $"{-less:n0} MISSING",
    };

    static string Found(AuditSeen audit) => audit.Clean ? "clean" : $"{audit.Differences.Count} DIFFERENCES";

    static Rows Draw(DemoState now)
    {
        var tally = now.Tally;
        var table = new Table { Border = TableBorder.Rounded, Width = Width, ShowHeaders = false, Title = new($"[bold]Selvedge demo[/]  {tally.Elapsed:hh\\:mm\\:ss}  [dim]Ctrl+C ends it[/]") };
        table.AddColumns(new TableColumn("").Width(15), new TableColumn("").Width(10).RightAligned(), new TableColumn(""));
        table.AddRow("Orders in", $"[bold]{tally.Orders:n0}[/]", $"{now.Rate:n0}/s now, {tally.Orders / Math.Max(1, tally.Elapsed.TotalSeconds):n0}/s since the start");
        table.AddRow("  sent twice", $"{tally.Repeats:n0}", "[dim]known again, taken once[/]");
        table.AddRow("  cancelled", $"{tally.Cancelled:n0}", $"[dim]and {tally.CancelledBefore:n0} whose cancel came before the order[/]");
        table.AddRow("  oversold", $"{tally.Oversold:n0}", "[dim]the shop had sold more than there was[/]");
        table.AddRow("Answered in", tally.Answers() is { } a ? $"{a.Half:n1} ms" : "-", tally.Answers() is { } b ? $"half of them; 99 of 100 in {b.NinetyNine:n1} ms" : "");
        table.AddEmptyRow();
        table.AddRow("Units claimed", $"[green]{now.Stock.Claimed:n0}[/]", $"of {now.Stock.OnHand:n0} on hand; {now.Stock.Available:n0} available");
        table.AddRow("Units short", $"[yellow]{now.Stock.Short:n0}[/]", "[dim]sold, not there yet: served first[/]");
        table.AddRow("Parcels sent", $"[green]{tally.Parcels:n0}[/]", $"{tally.Shipped:n0} units; {now.Stock.Staged:n0} picked and not sent");
        table.AddRow("  short picks", $"{tally.ShortPicks:n0}", $"[dim]not found; {tally.CalledOff:n0} called off, {tally.PutBack:n0} units put back[/]");
        table.AddRow("  returns", $"{tally.Returned:n0}", "[dim]received and graded[/]");
        table.AddRow("Deliveries", $"{tally.Deliveries:n0}", $"[dim]with {tally.Delivered:n0} units for what is short[/]");
        if (tally.Markets.Count > 0) table.AddEmptyRow();
        foreach (var market in tally.Markets)
            table.AddRow(market.Channel, $"{market.Sets:n0}", $"[dim]numbers sent; {market.Differing:n0} of {market.Listings:n0} on their way{(market.Drop is { } drop ? $", drops within {drop:n0} ms (half)" : "")}[/]");
        table.AddEmptyRow();
        table.AddRow(new Text("Audit"), AuditMark(now), new Text(AuditTold(now)));
        if (now.Audit is { Clean: false } dirty) table.AddRow(new Text(""), new Text(""), new Text(dirty.Differences.Count > 0 ? dirty.Differences[0] : ""));
        if (tally.Faults > 0) table.AddRow(new Text("Failed"), new Text($"{tally.Faults:n0}", Color.Red), new Text(tally.LastFault ?? ""));
        if (tally.Warnings > 0) table.AddRow(new Text("Logged"), new Text($"{tally.Warnings:n0}", Color.Yellow), new Text(tally.LastWarning ?? ""));
        return new Rows(table, Hot(now));
    }

    static Text AuditMark(DemoState now) => now.Audit switch
    {
        null => new Text(now.Auditing ? "running" : "-"),
        { Clean: true } => new Text("clean", new Style(Color.Green, decoration: Decoration.Bold)),
        { } dirty => new Text($"{dirty.Differences.Count} wrong", new Style(Color.Red, decoration: Decoration.Bold)),
    };

    static string AuditTold(DemoState now) => now.Audit is { } audit
        ? $"no. {audit.Number} in {audit.Seconds:n1} s; {audit.Entries:n0} entries replayed{(now.Auditing ? " ..." : "")}" : "replays every entry, every 10 s";

    static Table Hot(DemoState now)
    {
        var table = new Table { Border = TableBorder.Rounded, Width = Width };
        table.AddColumn("Most wanted");
        foreach (var name in (string[])["on hand", "claimed", "short", "available"]) table.AddColumn(new TableColumn(name).RightAligned());
        foreach (var article in now.Stock.Articles.OrderByDescending(article => article.Claimed + article.Short).ThenBy(article => article.Sku, StringComparer.Ordinal).Take(Hottest))
            table.AddRow(article.Sku, $"{article.OnHand:n0}", $"[green]{article.Claimed:n0}[/]", article.Short > 0 ? $"[yellow]{article.Short:n0}[/]" : "0", $"{article.Available:n0}");
        return table;
    }
}
