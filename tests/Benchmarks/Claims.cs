using System.Diagnostics;
using Selvedge.Ledger;
using Selvedge.Local.Cosmos;
using Selvedge.Platform;

namespace Selvedge.Tests.Benchmarks;

/// <summary>A ledger on a fresh store in a temporary folder.</summary>
internal sealed class Bench : IDisposable
{
    readonly string folder;
    readonly bool ours;
    public CosmosStore Cosmos { get; }
    public Store Store { get; }
    public InventoryLedger Ledger { get; }

    public Bench(string? folder = null)
    {
        ours = folder is null;
        this.folder = folder ?? Directory.CreateTempSubdirectory("selvedge-bench-").FullName;
        CosmosEnvironment.Apply();
        Cosmos = CosmosStore.Open(this.folder);
        Store = new(StoreSetup.Connect(null, new CosmosHandler(Cosmos)));
        Store.CreateMissingAsync().GetAwaiter().GetResult();
        Ledger = new(Store, TimeProvider.System);
    }

    public Task ReceiveAsync(string sku, long quantity) => Ledger.ExecuteAsync(new Post
    {
        Sku = sku, Actor = "bench", Kind = PostKind.Receive, From = Accounts.Supplier, To = Accounts.OnHand("WH1"), Quantity = quantity, UnitCost = 120_000, Id = "opening:" + sku,
    });

    public Task<Outcome> ClaimAsync(string sku, long order) => Ledger.ExecuteAsync(new SetClaim
    {
        Sku = sku, Actor = "shopify-au", Order = Ids.Order("shopify-au", (5_000_000_000_000 + order).ToString(null, null)), Line = "1", Quantity = 1, Revision = 1,
        Places = ["WH1"], Shortage = Shortage.Short, Channel = "shopify-au", Priority = 5,
    });

    /// <summary>Claims from <paramref name="callers"/> callers for a while; answers claims per second and CPU microseconds per claim.</summary>
    public async Task<(double PerSecond, double Cpu, long Done)> DriveAsync(string[] skus, int callers, double seconds, long first, long most = long.MaxValue)
    {
        var process = Process.GetCurrentProcess();
        var (clock, cpu, next, done) = (Stopwatch.StartNew(), process.TotalProcessorTime, first, 0L);
        await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            while (clock.Elapsed.TotalSeconds < seconds)
            {
                var order = Interlocked.Increment(ref next);
                if (order - first > most) return;
                var outcome = await ClaimAsync(skus[order % skus.Length], order);
                if (outcome.Verdict != Verdict.Applied || outcome.Short > 0) throw new InvalidOperationException($"order {order}: {outcome}");
                Interlocked.Increment(ref done);
            }
        })));
        var elapsed = clock.Elapsed.TotalSeconds;
        process.Refresh();
        return (done / elapsed, (process.TotalProcessorTime - cpu).TotalMicroseconds / done, done);
    }

    public void Dispose()
    {
        Store.Client.Dispose();
        Cosmos.Dispose();
        if (ours) Directory.Delete(folder, recursive: true);
    }
}

/// <summary>Durable claims through the ledger, beside the floor.</summary>
internal static class Claims
{
    const int Callers = 64;

    // Seconds until the runtime has compiled the hot code for good.
    const int WarmUp = 12;

    public static async Task RunAsync(int seconds)
    {
        var many = Enumerable.Range(0, 500).Select(i => $"TEE-{i:000}-M").ToArray();
        var before = Floor.Run(seconds / 2.0, group: Callers);
        Print("floor: plain SQLite, same 3 rows, group commit of 64", before, null, null);
        double spread, hot;
        using (var bench = new Bench())
        {
            foreach (var sku in many) await bench.ReceiveAsync(sku, 10_000_000);
            await bench.DriveAsync(many, Callers, WarmUp, 0);
            (spread, var cpu, _) = await bench.DriveAsync(many, Callers, seconds, 100_000_000);
            Print("ledger, 500 SKUs", spread, cpu, before);
        }
        using (var bench = new Bench())
        {
            await bench.ReceiveAsync("HOT", 1_000_000_000);
            await bench.DriveAsync(["HOT"], Callers, WarmUp / 2, 0);
            (hot, var cpu, _) = await bench.DriveAsync(["HOT"], Callers, seconds, 100_000_000);
            Print("ledger, one hot SKU", hot, cpu, before);
        }
        var after = Floor.Run(seconds / 2.0, group: Callers);
        Print("floor again", after, null, null);
    }

    static void Print(string what, double perSecond, double? cpu, double? floor) =>
        Console.WriteLine($"{what,-54} {perSecond,9:n0}/s{(cpu is { } c ? $"  {c,6:n0} µs CPU each" : "")}{(floor is { } f ? $"  {perSecond / f,6:p0} of the floor" : "")}");
}
