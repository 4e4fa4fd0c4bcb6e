using System.Security.Cryptography;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Selvedge.Functions.Demo;

/// <summary>
/// What <c>--demo</c> does: loads a sample range, sends the app signed webhooks over HTTP, has simulated pickers send what was ordered, shows what comes of it all and has
/// the ledger audited all the while.
/// It goes on until Ctrl+C, or for <c>--demo-seconds N</c>, at <c>--demo-rate N</c> orders a second (100). The process's exit code is 0 when the last audit
/// was clean and the ledger holds at least what was ordered and not cancelled.
/// </summary>
internal sealed partial class Demo(DemoTally tally, IConfiguration configuration, IServiceProvider services, IHostApplicationLifetime lifetime, TimeProvider time) : BackgroundService
{
    static readonly TimeSpan ReadEvery = TimeSpan.FromSeconds(1), AuditEvery = TimeSpan.FromSeconds(10), DeliverEvery = TimeSpan.FromSeconds(15), EndWithin = TimeSpan.FromSeconds(20);
    readonly CancellationTokenSource ending = new(), cut = new();
    IAsyncDisposable? open;
    Stock stock = new([]);
    AuditSeen? audit;
    bool auditing;
    long before;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var up = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stoppingToken);

        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        // Ctrl+C holds the host back until the last orders are answered and the last audit is done.
        using var stop = lifetime.ApplicationStopping.Register(() =>
        {
            ending.Cancel();
            cut.CancelAfter(EndWithin - TimeSpan.FromSeconds(2));
            ended.Task.Wait(EndWithin);
        });
        Environment.ExitCode = 1;
        try
        {
            if (await RunAsync()) Environment.ExitCode = 0;
        }
        catch (DemoException refused)
        {
            Console.Error.WriteLine(refused.Message);
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // Ctrl+C before there was anything to show.
            Environment.ExitCode = 0;
        }
        finally
        {
            ended.SetResult();
            lifetime.StopApplication();
        }
    }

    async Task<bool> RunAsync()
    {
        var (rate, seconds) = (Number("demo-rate", 100, 10_000), configuration["demo-seconds"] is null ? (int?)null : Number("demo-seconds", 0, 1_000_000));
        using var api = new DemoApi(Address(), await AdminKeyAsync(ending.Token));
        // The secret is this start's own: a channel names it, and the value never leaves the process.
        var secret = RandomNumberGenerator.GetHexString(64, lowercase: true);
        configuration["Secrets:" + DemoBrand.Channel] = secret;
        await new DemoBrand(api).LoadAsync(step => Console.WriteLine("  " + step), ending.Token);

        var ledger = new DemoLedger(api, tally);
        stock = await ledger.ReadAsync(ending.Token);
        before = stock.Claimed + stock.Staged + stock.Short;
        Console.WriteLine($"  {rate:n0} orders a second to {api.Address}api/webhooks/{DemoBrand.Channel}, {(seconds is null ? "until Ctrl+C" : $"for {seconds} s")}\n");
        if (seconds is { } length) ending.CancelAfter(TimeSpan.FromSeconds(length));
        return await SellAsync(api, ledger, secret, rate);
    }

    async Task<bool> SellAsync(DemoApi api, DemoLedger ledger, string secret, int rate)
    {
        tally.Start();
        var pace = new DemoPace(tally);
        using var traffic = new DemoTraffic(api.Address, secret, rate, tally, time);
        var screen = DemoScreen.RunAsync(() => State(pace.Rate), ending.Token);
        var markets = Task.CompletedTask;
        StartMarkets(api, ref markets, ref open);
        await Task.WhenAll(
            markets,
            traffic.RunAsync(ending.Token, cut.Token),
            new DemoWarehouse(api, tally).RunAsync(ending.Token, cut.Token),
            EveryAsync(ReadEvery, async () => stock = await ledger.ReadAsync(cut.Token)),
            EveryAsync(AuditEvery, () => AuditAsync(ledger)),
            EveryAsync(DeliverEvery, () => ledger.DeliverAsync(stock, Math.Max(12, rate / 8), cut.Token)));
        await screen;
        tally.Stop();

        // All is answered: what the ledger holds now is what there is to hold.
        var told = await TryAsync(async () =>
        {
            await ledger.SettleAsync(cut.Token);
            stock = await ledger.ReadAsync(cut.Token);
            await AuditAsync(ledger);
        });
        var end = State(pace.Rate);
        DemoScreen.Sum(end);
        return told && end is { Audit.Clean: true, Tally.Lost: 0 } && end.Held >= end.Expected;
    }

    // Simulated marketplaces are part of local hosting; elsewhere there are none.
    partial void StartMarkets(DemoApi api, ref Task running, ref IAsyncDisposable? open);

    async Task AuditAsync(DemoLedger ledger)
    {
        auditing = true;
        try { audit = await ledger.AuditAsync(cut.Token); }
        finally { auditing = false; }
    }

    async Task EveryAsync(TimeSpan period, Func<Task> act)
    {
        using var timer = new PeriodicTimer(period, time);
        try
        {
            while (await timer.WaitForNextTickAsync(ending.Token)) await TryAsync(act);
        }
        catch (OperationCanceledException) { }
    }

    // What fails is shown, and tried again the next time.
    async Task<bool> TryAsync(Func<Task> act)
    {
        try
        {
            await act();
            return true;
        }
        catch (Exception failure) when (failure is DemoException or HttpRequestException or OperationCanceledException)
        {
            tally.Fault(failure.Message);
            return false;
        }
    }

    DemoState State(double rate) => new(tally, rate, stock, before, audit, auditing);

    int Number(string name, int otherwise, int most) => configuration[name] is not { } text ? otherwise
        : int.TryParse(text, out var number) && number >= 1 && number <= most ? number
        : throw new DemoException($"--{name} '{text}' is not a whole number from 1 to {most:n0}.");

    async Task<string> AdminKeyAsync(CancellationToken cancel) => configuration["SELVEDGE_DATA"] is { Length: > 0 } folder
        ? (await File.ReadAllTextAsync(Path.Combine(folder, "admin.key"), cancel)).Trim()
        : throw new DemoException("The demo needs a data folder of its own (SELVEDGE_DATA): it is for one machine, not for a deployed app.");

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        // After all that calls them.
        open?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        ending.Dispose();
        cut.Dispose();
    }

    Uri Address() => services.GetService<IServer>()?.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault() is { } address
        ? new Uri(address.Replace("[::]", "localhost", StringComparison.Ordinal).Replace("0.0.0.0", "localhost", StringComparison.Ordinal).TrimEnd('/') + "/")
        : throw new DemoException("The demo does not find the address that the app listens on.");
}

/// <summary>Orders a second over the last seconds.</summary>
internal sealed class DemoPace(DemoTally tally)
{
    readonly Queue<(TimeSpan At, long Orders)> seen = new([(tally.Elapsed, tally.Orders)]);
    static readonly TimeSpan Window = TimeSpan.FromSeconds(3);

    /// <summary>Each reading moves the window on. For one reader.</summary>
    public double Rate
    {
        get
        {
            var now = (tally.Elapsed, tally.Orders);
            seen.Enqueue(now);
            while (seen.Count > 2 && now.Elapsed - seen.Peek().At > Window) seen.Dequeue();
            var span = (now.Elapsed - seen.Peek().At).TotalSeconds;
            return span > 0 ? (now.Orders - seen.Peek().Orders) / span : 0;
        }
    }
}

/// <summary>Adds the demo where it is asked for.</summary>
public static class DemoServices
{
    /// <summary>Starts <see cref="Demo"/> with the app when the setting <c>demo</c> (<c>--demo</c>) is there. Where it redraws the terminal, log lines would tear
    /// the picture: they are counted in it instead.</summary>
    public static FunctionsApplicationBuilder AddDemo(this FunctionsApplicationBuilder builder)
    {
        if (builder.Configuration["demo"] is not { } asked || asked.Equals("false", StringComparison.OrdinalIgnoreCase)) return builder;
        var tally = new DemoTally();
        builder.Services.AddSingleton(tally).AddHostedService<Demo>();
        if (DemoScreen.IsLive) builder.Logging.ClearProviders().AddProvider(new DemoLog(tally));
        return builder;
    }
}
