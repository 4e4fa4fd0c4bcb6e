using Microsoft.Extensions.Logging.Abstractions;
using Selvedge.Ledger;
using Selvedge.Local.Cosmos;
using Selvedge.Platform;

namespace Selvedge.Tests.Simulation;

/// <summary>Several instances of the app on one store: each has its own client, caches and writers, as several processes in Azure would.</summary>
internal sealed class Instances : IAsyncDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("selvedge-instances-").FullName;
    readonly CosmosStore cosmos;
    readonly List<Store> stores = [];

    Instances()
    {
        CosmosEnvironment.Apply();
        cosmos = CosmosStore.Open(folder);
    }

    public InventoryLedger[] Ledgers { get; private set; } = [];
    public Store Store => stores[0];

    /// <param name="count">How many instances.</param>
    /// <param name="between">What stands between each instance's client and the store, if anything.</param>
    /// <param name="time">The instances' clock; the system's by default.</param>
    public static async Task<Instances> StartAsync(int count, Func<HttpMessageHandler, HttpMessageHandler>? between = null, TimeProvider? time = null)
    {
        var instances = new Instances();
        await instances.Open().CreateMissingAsync();
        instances.Ledgers = [.. Enumerable.Range(0, count).Select(_ => new InventoryLedger(instances.Open(between), time ?? TimeProvider.System))];
        return instances;
    }

    /// <summary>One more client of the store.</summary>
    public Store Open(Func<HttpMessageHandler, HttpMessageHandler>? between = null)
    {
        HttpMessageHandler handler = new CosmosHandler(cosmos);
        var store = new Store(StoreSetup.Connect(null, between?.Invoke(handler) ?? handler));
        stores.Add(store);
        return store;
    }

    /// <summary>Receives <paramref name="units"/> of <paramref name="sku"/> at <paramref name="location"/>.</summary>
    public async Task ReceiveAsync(string sku, long units, string location = "WH1", string id = "opening")
    {
        var outcome = await Ledgers[0].ExecuteAsync(new Post
        {
            Sku = sku, Actor = "test", Kind = PostKind.Receive, From = Accounts.Supplier, To = Accounts.OnHand(location), Quantity = units, UnitCost = 100_000, Id = id,
        });
        Assert.Equal(Verdict.Applied, outcome.Verdict);
    }

    public async Task<Balance> BalanceAsync(string sku) => await new LedgerReads(Store).BalanceAsync(sku) ?? new Balance { Sku = sku };

    public async Task<List<Claim>> ClaimsAsync(string sku) => await new SkuPartition(Store.Skus, sku).ClaimsAsync();

    /// <summary>Replays everything from the first entry.</summary>
    public async Task AssertAuditIsCleanAsync(int? skus = null)
    {
        var report = await new Audits(Store, Ledgers[0], new(Store, TimeProvider.System), TimeProvider.System, NullLogger<Audits>.Instance).RunAsync("test", fromScratch: true);
        Assert.True(report.Clean, string.Join("\n", report.Differences));
        if (skus is not null) Assert.Equal(skus.Value, report.Skus);
    }

    public ValueTask DisposeAsync()
    {
        foreach (var store in stores) store.Client.Dispose();
        cosmos.Dispose();
        Directory.Delete(folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}
