using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Selvedge.Catalogue;
using Selvedge.Functions;
using Selvedge.Functions.Demo;
using Selvedge.Ledger;
using Selvedge.Local.Functions;
using Selvedge.Orders;

namespace Selvedge.Tests.Integration.Demo;

/// <summary><c>--demo</c> as a person starts it, in a process of its own; what it left behind is then read by another.</summary>
public sealed class DemoTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("selvedge-demo-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Two_starts_on_one_folder_hold_what_was_ordered_and_not_cancelled_and_load_the_stock_once()
    {
        var first = await RunAsync("--demo-seconds", "2", "--demo-rate", "40");
        Assert.True(first.Code == 0, first.Output);
        Assert.Contains("Audit      clean", first.Output, StringComparison.Ordinal);

        var second = await RunAsync("--demo-seconds", "2", "--demo-rate", "40");
        Assert.True(second.Code == 0, second.Output);
        Assert.Contains("0 units posted", second.Output, StringComparison.Ordinal);
        var end = await ReadAsync(Look);
        Assert.True(Orders(first.Output) > 0 && Orders(second.Output) > 0, "A start took no orders.");
        Assert.InRange(end.Orders, Orders(first.Output) + Orders(second.Output), int.MaxValue);
        Assert.Equal(end.Wanted, end.Held + end.Sent + Returns(first.Output) + Returns(second.Output));
        Assert.True(end.Sent > 0, "Nothing was sent.");
        Assert.Equal(end.Opening, end.Ours + end.Sent);
        Assert.True(end.Audit.Clean, string.Join('\n', end.Audit.Differences));
    }

    [Fact]
    public async Task A_folder_with_data_of_its_own_is_refused_and_left_alone()
    {
        await ReadAsync(app => app.GetRequiredService<Locations>().PutAsync(new() { Id = "SHOP", Is = LocationKind.Store, Name = "Our shop" }, null, "test"));

        var (code, output) = await RunAsync("--demo-seconds", "2");

        Assert.Equal(1, code);
        Assert.Contains("not the demo's (location 'SHOP')", output, StringComparison.Ordinal);
        Assert.Equal(["SHOP"], (await ReadAsync(app => app.GetRequiredService<Locations>().ListAsync())).Select(location => location.Id));
    }

    [Fact]
    public async Task A_number_that_is_none_is_named()
    {
        var (code, output) = await RunAsync("--demo-rate", "fast");

        Assert.Equal(1, code);
        Assert.Contains("--demo-rate 'fast' is not a whole number", output, StringComparison.Ordinal);
    }

    async Task<(int Code, string Output)> RunAsync(params string[] args)
    {
        var start = new ProcessStartInfo("dotnet") { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])[typeof(App).Assembly.Location, "--demo", "--port", "0", "--data", folder, .. args]) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return (process.ExitCode, await output + await errors);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    // Units that came back: one of each parcel.
    static int Returns(string output) => int.Parse(Regex.Match(output, @"([\d,]+) returns").Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);

    // What the summary counts: orders that came cancelled are documents too, and not among them.
    static int Orders(string output) => int.Parse(Regex.Match(output, @"^Orders +([\d,]+) in ", RegexOptions.Multiline).Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);

    // The app on the folder the demo left, without the demo.
    async Task<T> ReadAsync<T>(Func<IServiceProvider, Task<T>> read)
    {
        using var host = App.Build(["--port", "0", "--data", folder, "--Banner", "false"], builder => builder.UseFunctions(typeof(App).Assembly));
        await host.StartAsync(TestContext.Current.CancellationToken);
        try
        {
            return await read(host.Services);
        }
        finally
        {
            await host.StopAsync(CancellationToken.None);
        }
    }

    static async Task<(int Orders, long Wanted, long Held, long Sent, long Opening, long Ours, AuditReport Audit)> Look(IServiceProvider app)
    {
        var orders = new List<Order>();
        string? continuation = null;
        do
        {
            var page = await app.GetRequiredService<OrderStore>().ListAsync(null, DemoBrand.Channel, null, 500, continuation);
            orders.AddRange(page.Items);
            continuation = page.Continuation;
        }
        while (continuation is not null);
        var balances = (await app.GetRequiredService<LedgerReads>().BalancesAsync(DemoBrand.Articles.Select(article => article.Sku))).Values.ToList();
        var wanted = orders.Where(order => order.Status != OrderStatus.Cancelled).Sum(order => order.Lines.Sum(line => line.Quantity));
        var held = balances.Sum(balance => balance.Short + balance.Locations.Values.Sum(place => place.Held + place.Staged));
        // With customers now, less what came back.
        var sent = balances.Sum(balance => balance.Outside.GetValueOrDefault(Accounts.Customer)?.Units ?? 0);
        var opening = SampleCatalogue.StockCsv().Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Sum(line => long.Parse(line.Split(',')[2], CultureInfo.InvariantCulture));
        var audit = await app.GetRequiredService<Audits>().RunAsync("test", fromScratch: true);
        return (orders.Count, wanted, held, sent, opening, balances.Sum(balance => balance.Locations.Values.Sum(place => place.OnHand + place.Staged + place.Quarantine)), audit);
    }
}
