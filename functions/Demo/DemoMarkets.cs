using System.Globalization;
using Microsoft.Extensions.Configuration;
using Selvedge.Catalogue;
using Selvedge.Local.Channels;
using Selvedge.Local.Channels.Iconic;
using Selvedge.Local.Channels.Mirakl;

namespace Selvedge.Functions.Demo;

/// <summary>Part of local hosting only: two simulated marketplaces on loopback that list some of the range, are bought from, and hold their callers to the limits of the systems they stand in for.</summary>
internal sealed partial class Demo
{
    partial void StartMarkets(DemoApi api, ref Task running, ref IAsyncDisposable? open)
    {
        var markets = new DemoMarkets(api, tally, configuration);
        (running, open) = (markets.RunAsync(ending.Token, cut.Token), markets);
    }
}

/// <summary>A marketplace of each kind: one whose stock call may be made 25 times a second, one that takes a stock file a minute.</summary>
internal sealed class DemoMarkets(DemoApi api, DemoTally tally, IConfiguration configuration) : IAsyncDisposable
{
    readonly List<SimulatedChannel> open = [];
    const int Listed = 120;
    static readonly TimeSpan Between = TimeSpan.FromMilliseconds(400), ReadEvery = TimeSpan.FromSeconds(2);

    /// <summary>Connects both, and buys from them until it is told to end.</summary>
    public async Task RunAsync(CancellationToken ending, CancellationToken cut)
    {
        var (iconic, mirakl) = (await IconicSimulator.StartAsync(), await MiraklSimulator.StartAsync());
        open.AddRange([iconic, mirakl]);
        var articles = DemoBrand.Articles.Where((_, i) => i % Math.Max(1, DemoBrand.Articles.Count / Listed) == 0).Take(Listed).ToList();
        configuration["Secrets:demo-iconic"] = iconic.ClientSecret;
        configuration["Secrets:demo-mirakl"] = mirakl.Key;
        try
        {
            // The seller sets every number at THE ICONIC's: what is bought there is taken off by us, when its orders are read.
            iconic.Stock.Decrements = false;
            await ConnectAsync("demo-iconic", "iconic", iconic, articles.Select((article, i) => (Product(i), article.Sku)), new { shop = iconic.Address.ToString(), settings = new { clientId = iconic.ClientId, clientSecret = "demo-iconic" } }, false, cut);
            await ConnectAsync("demo-mirakl", "mirakl", mirakl, articles.Select(article => (article.Sku, article.Sku)), new { shop = mirakl.Address.ToString(), token = "demo-mirakl" }, true, cut);
            var read = DateTimeOffset.MinValue;
            while (!ending.IsCancellationRequested)
            {
                var at = Random.Shared.Next(articles.Count);
                if (Random.Shared.Next(2) == 0 ? iconic.Sell((10_000 + at, 1)) is not null : mirakl.Sell((articles[at].Sku, 1)) is not null) Interlocked.Increment(ref tally.MarketUnits);
                if (DateTimeOffset.UtcNow - read > ReadEvery)
                {
                    tally.Markets = [await ReadAsync("demo-iconic", iconic, cut), await ReadAsync("demo-mirakl", mirakl, cut)];
                    read = DateTimeOffset.UtcNow;
                }
                await Task.Delay(Between, ending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            tally.Markets = [await ReadAsync("demo-iconic", iconic, cut), await ReadAsync("demo-mirakl", mirakl, cut)];
            // They end with this process: nobody calls them from now on.
            await LeaveAsync("demo-iconic", "iconic", cut);
            await LeaveAsync("demo-mirakl", "mirakl", cut);
        }
        catch (Exception failure) when (failure is DemoException or HttpRequestException or OperationCanceledException)
        {
            if (!ending.IsCancellationRequested) tally.Fault("marketplaces: " + failure.Message);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var market in open) await market.DisposeAsync();
    }

    async Task LeaveAsync(string id, string kind, CancellationToken cancel) => await api.PutAsync($"api/channels/{id}", new { kind, name = id, locations = SampleCatalogue.Locations.Select(location => location.Id), shortage = "oversold" }, cancel);

    static string Product(int i) => (10_000 + i).ToString(CultureInfo.InvariantCulture);

    async Task ConnectAsync(string id, string kind, SimulatedChannel market, IEnumerable<(string Item, string Sku)> listings, object way, bool decrements, CancellationToken cancel)
    {
        var rows = listings.ToList();
        foreach (var (item, _) in rows) market.Stock.Add(item);
        await api.PutAsync($"api/channels/{id}", new { kind, name = id, locations = SampleCatalogue.Locations.Select(location => location.Id), shortage = "oversold", decrements, api = way }, cancel);
        await api.PostCsvAsync($"api/listings/{id}/import", "item,sku,threshold,hysteresis\n" + string.Concat(rows.Select(row => $"{row.Item},{row.Sku},3,2\n")), cancel);
    }

    async Task<DemoMarket> ReadAsync(string id, SimulatedChannel market, CancellationToken cancel)
    {
        var health = await api.GetAsync($"api/channels/{id}/health", cancel);
        var drops = health.GetProperty("latency").TryGetProperty("drop.commitToCall", out var found) ? found.GetProperty("p50").GetDouble() : (double?)null;
        return new(id, health.GetProperty("listings").GetInt64(), health.GetProperty("differing").GetInt64(), market.Stock.Sets, drops);
    }
}
