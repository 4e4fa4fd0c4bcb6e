using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Selvedge.Local.Channels.Iconic;
using Selvedge.Local.Channels.Mirakl;

namespace Selvedge.Tests.Benchmarks;

/// <summary>From an order's commit to the calls of four channel accounts, simulated sellers on loopback in this process whose limits are not reached; and a season's delivery:
/// listings that change at once and drain at the channel's own limit. Afterwards every channel shows what can be sold, or this throws.</summary>
internal static class Listings
{
    const int Accounts = 4, Skus = 500;

    public static async Task RunAsync(int seconds, int changes)
    {
        Console.WriteLine(RunningApp.Machine);
        var folder = Directory.CreateTempSubdirectory("selvedge-listings-").FullName;
        var shops = new List<IconicSimulator>();
        try
        {
            using var app = await RunningApp.StartAsync(folder);
            await Orders.SetUpAsync(app);
            for (var i = 0; i < Accounts; i++)
            {
                var shop = await IconicSimulator.StartAsync();
                shop.ClientSecret = RunningApp.Secret;
                shops.Add(shop);
                for (var sku = 0; sku < Skus; sku++) shop.Stock.Add(Item(sku));
                await ConnectAsync(app, Id(i), shop, Enumerable.Range(0, Skus).Select(sku => (Item(sku), Orders.Sku(sku))));
            }
            await SettledAsync(app, shops);
            Console.WriteLine($"{Accounts} accounts × {Skus} listings show what can be sold");
            // Until the runtime has compiled what is hot a second time.
            await new Orders.Load(app.EndPoint, 4_000_000_000_000).RunAsync(15, changes / 2.0);
            await SettledAsync(app, shops);
            var before = await Task.WhenAll(Enumerable.Range(0, Accounts).Select(i => app.GetAsync($"api/channels/{Id(i)}/health")));
            var (load, sets, cpu) = (new Orders.Load(app.EndPoint), shops.Sum(shop => shop.Stock.Sets), app.Cpu);
            var (rate, times) = await load.RunAsync(seconds, changes / 2.0);
            var clock = Stopwatch.StartNew();
            await SettledAsync(app, shops);
            Console.WriteLine($"{2 * rate:n0} changes/s for {seconds} s ({times.Length:n0} orders of two lines): {shops.Sum(shop => shop.Stock.Sets) - sets:n0} numbers set, the last {clock.Elapsed.TotalSeconds:n1} s after the last order; app {(app.Cpu - cpu).TotalSeconds / seconds:p0} of one core");
            for (var i = 0; i < Accounts; i++) Console.WriteLine($"{Id(i)}: {Text(before[i], await app.GetAsync($"api/channels/{Id(i)}/health"))}");
            await app.AuditAsync(full: true);
        }
        finally
        {
            foreach (var shop in shops) await shop.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>So many listings of one account on a simulated Mirakl operator, whose limits are reached: one file of numbers a minute, and one reading of all offers. A season's delivery
    /// is posted at once; then all numbers are read back.</summary>
    public static async Task SeasonAsync(int skus)
    {
        Console.WriteLine(RunningApp.Machine);
        var folder = Directory.CreateTempSubdirectory("selvedge-season-").FullName;
        await using var shop = await MiraklSimulator.StartAsync();
        shop.Key = RunningApp.Secret;
        try
        {
            using var app = await RunningApp.StartAsync(folder);
            await app.PutAsync("api/locations/WH1", new { kind = "warehouse", name = "WH1", priority = 1 });
            var (products, listings, stock) = (new StringBuilder("style,name,colour,size,sku,price,cost\n"), new StringBuilder("item,sku\n"), new StringBuilder("sku,location,quantity\n"));
            for (var i = 0; i < skus; i++)
            {
                products.Append(CultureInfo.InvariantCulture, $"SE{i / 25:0000},Style {i / 25},Colour {i / 5 % 5},Size {i % 5},SE{i:00000},59.00,14.00\n");
                listings.Append(CultureInfo.InvariantCulture, $"{Item(i)},SE{i:00000}\n");
                stock.Append(CultureInfo.InvariantCulture, $"SE{i:00000},WH1,100\n");
                shop.Stock.Add(Item(i));
            }
            await app.PostCsvAsync("api/imports/products", products.ToString());
            await app.PutAsync("api/channels/season", new { kind = "mirakl", locations = new[] { "WH1" }, shortage = "oversold", api = new { shop = shop.Address.ToString(), token = "bench" } });
            var clock = Stopwatch.StartNew();
            await app.PostCsvAsync("api/listings/season/import", listings.ToString());
            await UntilAsync(async () => (long)(await app.GetAsync("api/channels/season/health"))["differing"]! == 0 && shop.Done.GetValueOrDefault("OF21") > 0);
            Console.WriteLine($"{skus:n0} listings mapped, read back and settled after {clock.Elapsed.TotalSeconds:n0} s");

            var (files, cpu) = (shop.Done.GetValueOrDefault("STO01"), app.Cpu);
            clock.Restart();
            await app.PostCsvAsync("api/imports/stock", stock.ToString());
            var posted = clock.Elapsed;
            await UntilAsync(() => Task.FromResult(Enumerable.Range(0, skus).All(i => shop.Stock.Units(Item(i)) == 100)));
            Console.WriteLine($"a season's delivery: {skus:n0} SKUs posted in {posted.TotalSeconds:n1} s, all shown {clock.Elapsed.TotalSeconds:n0} s after it began, in {shop.Done.GetValueOrDefault("STO01") - files} files (one a minute); {(app.Cpu - cpu).TotalSeconds:n0} s of CPU");

            await UntilAsync(async () => (long)(await app.GetAsync("api/channels/season/health"))["differing"]! == 0);
            var asked = DateTimeOffset.UtcNow;
            var pages = shop.Done.GetValueOrDefault("OF21");
            (cpu, var before) = (app.Cpu, app.Memory.Now);
            clock.Restart();
            await app.PostAsync("api/channels/season/refresh", new { });
            await UntilAsync(async () => (await app.GetAsync("api/channels/season/health"))["refreshedAt"] is { } at && at.GetValue<DateTimeOffset>() > asked);
            Console.WriteLine($"refresh: {skus:n0} numbers read back and compared in {clock.Elapsed.TotalSeconds:n0} s, {shop.Done.GetValueOrDefault("OF21") - pages:n0} pages, {(app.Cpu - cpu).TotalSeconds:n0} s of CPU; memory {before:n0} MB before, {app.Memory.Now:n0} MB after, at most {app.Memory.Peak:n0} MB since the start");
        }
        finally { Directory.Delete(folder, recursive: true); }

        static async Task UntilAsync(Func<Task<bool>> isSo)
        {
            for (var clock = Stopwatch.StartNew(); !await isSo(); await Task.Delay(250))
                if (clock.Elapsed > TimeSpan.FromMinutes(30)) throw new InvalidOperationException("It does not come to an end.");
        }
    }

    static string Id(int account) => $"iconic-{account}";
    static string Item(int sku) => (10_000 + sku).ToString(CultureInfo.InvariantCulture);

    static async Task ConnectAsync(RunningApp app, string id, IconicSimulator shop, IEnumerable<(string Item, string Sku)> listings)
    {
        await app.PutAsync($"api/channels/{id}", new
        {
            // Where the seller sets every number itself: otherwise a drop reads back first, one product a call, and that limit is the measure.
            kind = "iconic", locations = new[] { "WH1" }, shortage = "oversold", decrements = false, api = new { shop = shop.Address.ToString(), settings = new { clientId = "client", clientSecret = "bench" } },
        });
        await app.PostCsvAsync($"api/listings/{id}/import", "item,sku\n" + string.Concat(listings.Select(listing => $"{listing.Item},{listing.Sku}\n")));
    }

    // Every account shows of every SKU what the ledger has to sell.
    static async Task SettledAsync(RunningApp app, List<IconicSimulator> shops)
    {
        var (clock, available) = (Stopwatch.StartNew(), new Dictionary<int, long>());
        for (var sku = 0; sku < Skus; sku++)
            available[sku] = (await app.GetAsync($"api/inventory/{Orders.Sku(sku)}"))["locations"]!["WH1"] is { } here ? Math.Max(0, (long)here["available"]!) : 0;
        while (shops.Any(shop => available.Any(one => shop.Stock.Units(Item(one.Key)) != one.Value)))
        {
            if (clock.Elapsed > TimeSpan.FromMinutes(2))
            {
                var (shop, sku) = shops.SelectMany(shop => available.Keys.Select(sku => (shop, sku))).First(one => one.shop.Stock.Units(Item(one.sku)) != available[one.sku]);
                throw new InvalidOperationException($"{Id(shops.IndexOf(shop))} shows {shop.Stock.Units(Item(sku))} of {Orders.Sku(sku)}, available are {available[sku]}: {await app.GetAsync($"api/channels/{Id(shops.IndexOf(shop))}/health")}");
            }
            await Task.Delay(50);
        }
    }

    // What was measured between two readings of a channel's health, the warm-up left out: percentiles in milliseconds, each the upper end of a bucket that is 19 % wide.
    static string Text(JsonNode before, JsonNode after) => string.Join("; ", after["latency"]!.AsObject().Select(kind =>
    {
        var buckets = kind.Value!["buckets"]!.AsObject().Select(bucket => (Upper: double.Parse(bucket.Key, CultureInfo.InvariantCulture), Times: (long)bucket.Value! - ((long?)before["latency"]![kind.Key]?["buckets"]?[bucket.Key] ?? 0))).Where(bucket => bucket.Times > 0).OrderBy(bucket => bucket.Upper).ToList();
        var all = buckets.Sum(bucket => bucket.Times);
        double At(double share) => buckets.FirstOrDefault(bucket => buckets.Where(other => other.Upper <= bucket.Upper).Sum(other => other.Times) >= share * all).Upper;
        return string.Create(CultureInfo.InvariantCulture, $"{kind.Key} {all:n0} times p50 {At(0.5):n0} p95 {At(0.95):n0} p99 {At(0.99):n0} ms");
    }));
}
