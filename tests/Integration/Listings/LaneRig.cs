using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Counts;
using Selvedge.Exceptions;
using Selvedge.Inbound;
using Selvedge.Ledger;
using Selvedge.Listings;
using Selvedge.Local.Cosmos;
using Selvedge.Orders;
using Selvedge.Picking;
using Selvedge.Platform;
using Selvedge.Returns;
using Selvedge.Tests.Integration.Cosmos;

namespace Selvedge.Tests.Integration.Listings;

/// <summary>Listings and a lane on a store, with time that passes when it is told to and a change feed that is read when it is told to. A crash is an instance that is thrown away.</summary>
public sealed class LaneRig : IAsyncDisposable
{
    readonly string folder = CosmosFixture.NewFolder();
    readonly CosmosStore store;
    readonly List<ServiceProvider> instances = [];
    string? feed;

    LaneRig(ChannelTraits traits)
    {
        store = CosmosStore.Open(folder);
        Fake = new(traits, Time);
    }

    public SteppedTime Time { get; } = new();
    public FakeChannel Fake { get; }
    public ServiceProvider Services => instances[^1];

    /// <summary>What happens to the n-th write to container <c>listings</c>, from 0; true: the process dies there.</summary>
    public Func<int, bool> Dies { get; set; } = _ => false;

    public static ChannelTraits Traits(bool decrements = true, bool comparesAndSets = false) => new()
    {
        MostAtOnce = 50, Decrements = decrements, ComparesAndSets = comparesAndSets, PollEvery = TimeSpan.FromSeconds(30), RefreshEvery = TimeSpan.FromMinutes(4), VisibleAfter = TimeSpan.FromSeconds(1),
        Accepts = true, Cancels = true, Ships = true,
    };

    /// <summary>A store with location WH1, channel <c>fake</c> and <paramref name="items"/> of its items, each of a SKU of the same name with 100 units; the channel shows none.</summary>
    public static async Task<LaneRig> StartAsync(ChannelTraits? traits = null, params string[] items)
    {
        CosmosEnvironment.Apply();
        var rig = new LaneRig(traits ?? Traits());
        rig.Boot();
        await rig.Get<Store>().CreateMissingAsync();
        await rig.Get<Locations>().PutAsync(new Location { Id = "WH1", Is = LocationKind.Warehouse, Name = "WH1" }, null, "test");
        await rig.PutChannelAsync();
        if (items.Length > 0) rig.Items = items;
        foreach (var item in rig.Items)
        {
            await rig.Get<ProductCatalogue>().PutStyleAsync(StyleRequest.Parse("style-" + item, RequestFields.Parse(JsonSerializer.SerializeToUtf8Bytes(new { name = item, matrix = new Dictionary<string, object> { ["Navy"] = new Dictionary<string, object> { ["M"] = new { sku = item } } } }))), default, "test");
            await rig.MoveAsync(item, 100);
            rig.Fake[item] = 0;
            await rig.Get<ListingDesk>().PutAsync(await rig.ChannelAsync(), new("", item, item, null, null, null, null, false), "test", default, default);
        }
        return rig;
    }

    /// <summary>A new process on the same store.</summary>
    public void Boot() => instances.Add(new ServiceCollection()
        .AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection([new("Secrets:t", "t")]).Build())
        .AddSingleton<TimeProvider>(Time).AddSingleton(typeof(ILogger<>), typeof(NullLogger<>))
        .AddKeyedSingleton<HttpMessageHandler>("cosmos", new Way(new CosmosHandler(store), this))
        .AddStore().AddLedger().AddSingleton<LedgerReads>().AddCatalogue().AddChannels().AddSingleton<ExceptionCases>().AddOrders().AddPicking().AddCounts().AddReturns()
        .AddSingleton<ArchiveStore>(_ => new FolderArchive(Path.Combine(folder, "archive"))).AddSingleton<InboundArchive>()
        .AddListings().AddSingleton<ChannelAdapter>(Fake)
        .BuildServiceProvider());

    public T Get<T>() where T : notnull => Services.GetRequiredService<T>();

    public async Task<Channel> ChannelAsync() => (await Get<SalesChannels>().FindAsync("fake"))!;

    public Task PutChannelAsync(object? more = null) => Get<SalesChannels>().PutAsync("fake", RequestFields.Parse(JsonSerializer.SerializeToUtf8Bytes(more ?? new { kind = "fake", locations = new[] { "WH1" }, api = new { shop = "fake.example" } })), default, "test");

    /// <summary>Receives units, or with a minus writes them off.</summary>
    public Task MoveAsync(string sku, long units) => Get<InventoryLedger>().ExecuteAsync(units > 0
        ? new Post { Sku = sku, Actor = "test", Kind = PostKind.Receive, From = Accounts.Supplier, To = Accounts.OnHand("WH1"), Quantity = units, UnitCost = 1, Id = Guid.NewGuid().ToString("N") }
        : new Post { Sku = sku, Actor = "test", Kind = PostKind.Adjust, From = Accounts.OnHand("WH1"), To = Accounts.Shrink, Quantity = -units, Id = Guid.NewGuid().ToString("N") });

    /// <summary>Sells units by another channel.</summary>
    public Task SellElsewhereAsync(string sku, long units) => Get<InventoryLedger>().ExecuteAsync(new SetClaim
    {
        Sku = sku, Actor = "test", Order = "other:" + Guid.NewGuid().ToString("N"), Line = "1", Quantity = units, Places = ["WH1"], Revision = 1, Shortage = Shortage.Short, Kind = ClaimKind.Commit, Channel = "other",
    });

    /// <summary>Reads the change feed to its end.</summary>
    public async Task FeedAsync()
    {
        var iterator = Get<Store>().Skus.GetChangeFeedStreamIterator(feed is null ? ChangeFeedStartFrom.Beginning() : ChangeFeedStartFrom.ContinuationToken(feed), ChangeFeedMode.LatestVersion);
        while (iterator.HasMoreResults)
        {
            using var page = await iterator.ReadNextAsync();
            if (page.StatusCode == System.Net.HttpStatusCode.NotModified) break;
            page.EnsureSuccessStatusCode();
            using var json = await JsonDocument.ParseAsync(page.Content);
            await Get<DesiredNumbers>().HandleAsync([.. json.RootElement.GetProperty("Documents").EnumerateArray().Select(item => item.Clone())], default);
            feed = page.ContinuationToken;
        }
    }

    public async Task RunAsync()
    {
        foreach (var item in Items) Fake.Most[item] = await AtsAsync(item);
        await Get<Lane>().RunAsync("fake", _ => Task.CompletedTask, default);
    }

    public IReadOnlyList<string> Items { get; private set; } = ["A"];

    /// <summary>How often the process died.</summary>
    public int Deaths { get; private set; }

    /// <summary>Runs, and where the process dies, starts another on the same store.</summary>
    public async Task LiveAsync(Func<Task> run)
    {
        try
        {
            await run();
        }
        catch (Exception) when (IsDead)
        {
            (IsDead, Dies) = (false, _ => false);
            Deaths++;
            Boot();
        }
    }

    bool IsDead { get; set; }

    /// <summary>Everything is as it should be once nothing is under way: numbers are ats, every order is there once and holds its units.</summary>
    public async Task<int> CheckAsync()
    {
        var orders = new List<Order>();
        string? continuation = null;
        do
        {
            var page = await Get<OrderStore>().ListAsync(null, "fake", null, 100, continuation);
            orders.AddRange(page.Items);
            continuation = page.Continuation;
        }
        while (continuation is not null);
        Assert.Equal(Fake.Sold, orders.Count);
        foreach (var item in Items)
        {
            var listing = await ListingAsync(item);
            Assert.True(Fake[item] == await AtsAsync(item), $"{item} shows {Fake[item]}, ats {await AtsAsync(item)}; {JsonSerializer.Serialize(listing, Json.Options)}");
            Assert.True(ListingTurns.IsSettled(listing), JsonSerializer.Serialize(listing, Json.Options));
            var audit = await Get<Audits>().AuditAsync(item, fromScratch: true);
            Assert.Empty(audit.Differences);
        }
        return orders.Count;
    }

    /// <summary>Feed and lane, minute by minute, until everything should have settled.</summary>
    public async Task SettleAsync(int minutes = 12)
    {
        for (var minute = 0; minute < minutes; minute++)
        {
            await FeedAsync();
            await RunAsync();
            await FeedAsync();
            Time.Pass(TimeSpan.FromSeconds(60));
        }
        await RunAsync();
    }

    public async Task<Listing> ListingAsync(string item = "A") => (await Get<ListingStore>().FindAsync("fake", Listing.IdOf("", item)))!;

    /// <summary>What the ledger says this channel may sell.</summary>
    public async Task<long> AtsAsync(string sku = "A") => Availability.Of("fake", ["WH1"], null, [(await Get<LedgerReads>().BalanceAsync(sku), 1)], new(), false, null).Units;

    public async ValueTask DisposeAsync()
    {
        foreach (var instance in instances) await instance.DisposeAsync();
        store.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>A wall clock that moves by itself a little and when it is told to.</summary>
    public sealed class SteppedTime : TimeProvider
    {
        TimeSpan shift;
        public void Pass(TimeSpan by) => shift += by;
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + shift;
    }

    sealed class Way(HttpMessageHandler store, LaneRig rig) : DelegatingHandler(store)
    {
        int writes;
        volatile bool dead;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (dead) throw new InvalidOperationException("the process is dead");
            if (request.Method == HttpMethod.Post && request.RequestUri!.AbsolutePath.EndsWith("/colls/listings/docs", StringComparison.Ordinal) && request.Content?.Headers.ContentType?.MediaType != "application/query+json")
            {
                if (rig.Dies(writes++))
                {
                    // Written, and nobody is left to hear of it; every other time not even that.
                    if (writes % 2 == 0) (await base.SendAsync(request, cancellationToken)).Dispose();
                    dead = rig.IsDead = true;
                    throw new InvalidOperationException("the process died");
                }
            }
            return await base.SendAsync(request, cancellationToken);
        }
    }
}
