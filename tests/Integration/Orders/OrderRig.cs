using System.Net;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Counts;
using Selvedge.Ledger;
using Selvedge.Local.Cosmos;
using Selvedge.Orders;
using Selvedge.Picking;
using Selvedge.Platform;
using Selvedge.Returns;
using Selvedge.Tests.Integration.Cosmos;

namespace Selvedge.Tests.Integration.Orders;

/// <summary>Several instances of the order services, each with its own caches and its own way to one store, which may fail.</summary>
public sealed class OrderRig : IAsyncDisposable
{
    readonly string folder = CosmosFixture.NewFolder();
    readonly CosmosStore store;
    readonly List<Instance> instances = [];
    readonly ShiftedTime time = new();

    OrderRig() => store = CosmosStore.Open(folder);

    /// <summary>Opens a store with locations WH1 (first) and WH2.</summary>
    public static async Task<OrderRig> StartAsync(int count = 1)
    {
        CosmosEnvironment.Apply();
        var rig = new OrderRig();
        for (var i = 0; i < count; i++) rig.Add();
        await rig[0].Get<Store>().CreateMissingAsync();
        foreach (var (id, priority) in new[] { ("WH1", 1), ("WH2", 2) })
            await rig[0].Get<Locations>().PutAsync(new Location { Id = id, Is = LocationKind.Warehouse, Name = id, Priority = priority }, null, "test");
        return rig;
    }

    public Instance this[int index] => instances[index];

    /// <summary>One more instance; a hurried one waits a hundredth of the time for a store that does not answer.</summary>
    public Instance Add(bool hurried = false)
    {
        var instance = new Instance(new CosmosHandler(store), hurried ? new HurriedTime(time) : time);
        instances.Add(instance);
        return instance;
    }

    /// <summary>Moves every instance's wall clock forward.</summary>
    public void Pass(TimeSpan by) => time.Shift += by;

    /// <summary>The instances' wall clock.</summary>
    public DateTimeOffset Now => time.GetUtcNow();

    /// <summary>A SKU with units at WH1 and WH2.</summary>
    public async Task<string> StockAsync(string sku, long wh1, long wh2 = 0)
    {
        await this[0].Get<Aliases>().TakeAsync([Alias.First(sku, sku, time.GetUtcNow())], CancellationToken.None);
        foreach (var (place, units) in new[] { ("WH1", wh1), ("WH2", wh2) })
            if (units > 0) await this[0].Get<InventoryLedger>().ExecuteAsync(new Post { Sku = sku, Actor = "test", Kind = PostKind.Receive, From = Accounts.Supplier, To = Accounts.OnHand(place), Quantity = units, UnitCost = 100_000, Id = $"open-{sku}-{place}" });
        return sku;
    }

    public static Channel Channel(ShortagePolicy shortage, string id = "test", params string[] locations) =>
        new() { Id = id, Is = shortage is ShortagePolicy.Oversold ? "shopify" : "b2b", Name = id, Shortage = shortage, Locations = locations.Length > 0 ? locations : ["WH1"] };

    public static Draft Draft(string id, params (string Sku, long Quantity)[] lines) => new()
    {
        ExternalId = id, Currency = "AUD", Actor = "test", Person = new() { Id = "", Email = "a@example.com" },
        Lines = [.. lines.Select((line, i) => new DraftLine { Id = $"{i + 1}", Code = line.Sku, Quantity = line.Quantity, UnitPrice = 499_000 })],
    };

    public static Cancel Cancelled => new(CancelState.Done, new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero), "customer", "test");

    /// <summary>Lets time pass and sweeps with the first instance until nothing is left to do.</summary>
    public async Task RecoverAsync()
    {
        var (orders, intake) = (this[0].Get<OrderStore>(), this[0].Get<Intake>());
        for (var round = 0; round < 20 && (round == 0 || (await orders.DueAsync(DateTimeOffset.MaxValue, 1)).Count > 0); round++)
        {
            Pass(TimeSpan.FromMinutes(80));
            foreach (var id in await orders.DueAsync(time.GetUtcNow(), 1000)) await intake.FinishAsync(id);
        }
        Pass(TimeSpan.FromMinutes(10));
        await this[0].Get<HoldExpiry>().RunAsync(CancellationToken.None);
    }

    /// <summary>Units of <paramref name="sku"/> that are held for orders, <c>short</c> ones left out.</summary>
    public async Task<long> HeldAsync(string sku) => (await this[0].Get<LedgerReads>().BalanceAsync(sku))?.Locations.Values.Sum(at => at.Held) ?? 0;

    public async Task<IReadOnlyList<string>> AuditAsync(string sku) => (await this[0].Get<Audits>().AuditAsync(sku, fromScratch: true)).Differences;

    public async ValueTask DisposeAsync()
    {
        foreach (var instance in instances) await instance.DisposeAsync();
        store.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    sealed class ShiftedTime : TimeProvider
    {
        public TimeSpan Shift { get; set; }
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Shift;
    }

    sealed class HurriedTime(TimeProvider time) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => time.GetUtcNow();
        public override long GetTimestamp() => System.GetTimestamp() * 100;
        public override long TimestampFrequency => System.TimestampFrequency;
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            System.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? dueTime / 100 : dueTime, period);
    }
}

/// <summary>One instance.</summary>
public sealed class Instance : IAsyncDisposable
{
    readonly ServiceProvider services;
    readonly Way way;

    internal Instance(HttpMessageHandler store, TimeProvider time)
    {
        way = new Way(store);
        services = new ServiceCollection()
            .AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection([new("Secrets:shop-token", "token")]).Build())
            .AddSingleton(time)
            .AddSingleton(typeof(ILogger<>), typeof(NullLogger<>))
            .AddKeyedSingleton<HttpMessageHandler>("cosmos", way)
            .AddStore().AddLedger().AddSingleton<LedgerReads>().AddCatalogue().AddChannels().AddSingleton<ExceptionCases>().AddOrders().AddPicking().AddCounts().AddReturns()
            .BuildServiceProvider();
    }

    /// <summary>What happens to the n-th call that reaches documents, from 0; null: it passes.</summary>
    public Func<int, Mishap?> Mishaps { get => way.Mishaps; set => (way.Mishaps, way.Calls) = (value, 0); }

    /// <summary>Calls that reached documents since <see cref="Mishaps"/> was set.</summary>
    public int Calls => way.Calls;

    public IServiceProvider Services => services;

    public T Get<T>() where T : notnull => services.GetRequiredService<T>();

    public Task<Taken> TakeAsync(Channel channel, Draft draft) => Get<Intake>().TakeAsync(channel, draft, TimeSpan.FromSeconds(20));

    public Task<Order?> ReadAsync(string id) => Get<OrderStore>().ReadAsync(id);

    public ValueTask DisposeAsync() => services.DisposeAsync();

    sealed class Way(HttpMessageHandler store) : DelegatingHandler(store)
    {
        int calls;
        public Func<int, Mishap?> Mishaps { get; set; } = _ => null;
        public int Calls { get => calls; set => calls = value; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (!request.RequestUri!.AbsolutePath.Contains("/docs", StringComparison.Ordinal)) return await base.SendAsync(request, cancellationToken);
            switch (Mishaps(Interlocked.Increment(ref calls) - 1))
            {
                case Mishap.Lost: throw new HttpRequestException("lost before it reached the store");
                case Mishap.AnswerLost:
                    (await base.SendAsync(request, CancellationToken.None)).Dispose();
                    throw new HttpRequestException("the answer was lost");
                case Mishap.Throttled: return Answer(request, 429);
                case Mishap.TryAgain: return Answer(request, 449);
                case Mishap.Unavailable: return Answer(request, 503);
                case Mishap.AnswerTimedOut:
                    (await base.SendAsync(request, CancellationToken.None)).Dispose();
                    return Answer(request, 408);
                default: return await base.SendAsync(request, cancellationToken);
            }
        }

        static HttpResponseMessage Answer(HttpRequestMessage request, int status)
        {
            var response = new HttpResponseMessage((HttpStatusCode)status) { RequestMessage = request, Content = new StringContent("{\"message\":\"injected\"}") };
            response.Headers.Add("x-ms-retry-after-ms", "1");
            return response;
        }
    }
}

/// <summary>What may happen to a call.</summary>
public enum Mishap { Lost, AnswerLost, Throttled, TryAgain, Unavailable, AnswerTimedOut }
