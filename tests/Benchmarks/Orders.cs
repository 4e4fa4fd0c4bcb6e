using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Selvedge.Tests.Benchmarks;

/// <summary>Signed two-line Shopify orders over HTTP to the app in a process of its own, every one durable and claimed before it is answered: at most over 64
/// connections, then at half of that on a fixed schedule, where each answer's time counts from the moment the order was due.</summary>
internal static class Orders
{
    const int Connections = 64, Skus = 500, WarmUp = 20;

    public static async Task RunAsync(int seconds)
    {
        Console.WriteLine(RunningApp.Machine);
        var folder = Directory.CreateTempSubdirectory("selvedge-orders-").FullName;
        try
        {
            using var app = await RunningApp.StartAsync(folder);
            await SetUpAsync(app);
            var load = new Load(app.EndPoint);
            // Until the runtime has compiled what is hot a second time: before that an order costs several times as much.
            await load.RunAsync(WarmUp, rate: null);
            var most = await MeasureAsync(app, load, seconds, rate: null, "as fast as 64 connections get");
            await MeasureAsync(app, load, seconds, most / 2, "half of that, on schedule");
            var (entries, took) = await app.AuditAsync(full: true);
            Console.WriteLine($"audit: clean, {entries:n0} entries of {Skus} SKUs replayed in {took.TotalSeconds:n1} s; app's memory {app.Memory.Now:n0} MB, at most {app.Memory.Peak:n0} MB");
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    static async Task<double> MeasureAsync(RunningApp app, Load load, int seconds, double? rate, string what)
    {
        var (appCpu, driverCpu) = (app.Cpu, Process.GetCurrentProcess().TotalProcessorTime);
        var (perSecond, times) = await load.RunAsync(seconds, rate);
        var (appMicros, driverMicros) = ((app.Cpu - appCpu).TotalMicroseconds / times.Length, (Process.GetCurrentProcess().TotalProcessorTime - driverCpu).TotalMicroseconds / times.Length);
        Array.Sort(times);
        Console.WriteLine($"{what,-29} {perSecond,6:n0} orders/s  p50 {At(0.5):n1} ms  p95 {At(0.95):n1} ms  p99 {At(0.99):n1} ms  most {times[^1]:n1} ms");
        Console.WriteLine($"{"",-29} CPU per order: app {appMicros:n0} µs, driver {driverMicros:n0} µs; all {times.Length:n0} answered 200");
        return perSecond;

        double At(double part) => times[(int)(times.Length * part)];
    }

    /// <summary>Two warehouses, a channel and 500 SKUs with plenty of each.</summary>
    public static async Task SetUpAsync(RunningApp app)
    {
        foreach (var (id, priority) in ((string, int)[])[("WH1", 1), ("WH2", 2)]) await app.PutAsync($"api/locations/{id}", new { kind = "warehouse", name = id, priority });
        await app.PutAsync("api/channels/bench", new { kind = "shopify", locations = new[] { "WH1", "WH2" }, shortage = "oversold", secret = "bench" });
        var (products, stock) = (new StringBuilder("style,name,colour,size,sku,price,cost\n"), new StringBuilder("sku,location,quantity\n"));
        for (var i = 0; i < Skus; i++)
        {
            products.Append(CultureInfo.InvariantCulture, $"ST{i / 25:000},Style {i / 25},Colour {i / 5 % 5},Size {i % 5},{Sku(i)},59.00,14.00\n");
            stock.Append(CultureInfo.InvariantCulture, $"{Sku(i)},WH1,5000000\n{Sku(i)},WH2,5000000\n");
        }
        await app.PostCsvAsync("api/imports/products", products.ToString());
        await app.PostCsvAsync("api/imports/stock", stock.ToString());
    }

    public static string Sku(int i) => $"ST{i / 25:000}-{i / 5 % 5}-{i % 5}";

    /// <summary>Connections that send orders with ids of their own. Plain sockets, so that the driver takes little of the machine that it shares with the app.</summary>
    internal sealed class Load(IPEndPoint address, long first = 5_000_000_000_000)
    {
        long order = first;

        /// <summary>Sends for <paramref name="seconds"/>; answers orders a second and how many milliseconds each took. With <paramref name="rate"/>
        /// the orders are due on a schedule, whether earlier ones were answered or not.</summary>
        public async Task<(double PerSecond, double[] Times)> RunAsync(double seconds, double? rate)
        {
            var (clock, tickets) = (Stopwatch.StartNew(), 0L);
            var all = await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => Task.Run(async () =>
            {
                var times = new List<double>(16_384);
                using var connection = await Wire.OpenAsync(address);
                while (true)
                {
                    var due = rate is { } perSecond ? Interlocked.Increment(ref tickets) / perSecond : clock.Elapsed.TotalSeconds;
                    if (due >= seconds) return times;
                    if (due - clock.Elapsed.TotalSeconds is > 0 and var early) await Task.Delay(TimeSpan.FromSeconds(early));
                    await SendAsync(connection, "bench", Interlocked.Increment(ref order));
                    times.Add((clock.Elapsed.TotalSeconds - due) * 1000);
                }
            })));
            var elapsed = clock.Elapsed.TotalSeconds;
            return (all.Sum(times => times.Count) / elapsed, [.. all.SelectMany(times => times)]);
        }
    }

    /// <summary>Sends the order, signed. Fails where it is not answered 200.</summary>
    public static async Task SendAsync(Wire connection, string channel, long order)
    {
        var first = (int)(order * 7919 % Skus);
        var body = Encoding.UTF8.GetBytes(Body(order, Sku(first), Sku((first + 211) % Skus)));
        var (status, text) = await connection.SendAsync("POST", $"/api/webhooks/{channel}/orders/create", body, $"X-Shopify-Topic: orders/create\r\nX-Shopify-Webhook-Id: {order}\r\nX-Shopify-Hmac-SHA256: {Convert.ToBase64String(HMACSHA256.HashData(Key, body))}\r\n");
        if (status != 200) throw new InvalidOperationException($"Order {order}: {status} {text}");
    }

    static readonly byte[] Key = Encoding.UTF8.GetBytes(RunningApp.Secret);

    static string Body(long order, string first, string second) => string.Create(CultureInfo.InvariantCulture, $$"""
        {"id":{{order}},"admin_graphql_api_id":"gid://shopify/Order/{{order}}","name":"#{{order % 1_000_000}}","created_at":"2026-11-23T09:15:00+11:00","processed_at":"2026-11-23T09:15:00+11:00","updated_at":"2026-11-23T09:15:01+11:00","cancelled_at":null,"currency":"AUD","source_name":"web","financial_status":"paid","taxes_included":true,"test":false,"total_price":"118.00","email":"buyer@customers.example","shipping_address":{"first_name":"Mia","last_name":"Nguyen","address1":"14 Smith Street","city":"Fitzroy","province_code":"VIC","zip":"3065","country_code":"AU"},"line_items":[{"id":{{order * 10 + 1}},"sku":"{{first}}","name":"Style","quantity":1,"current_quantity":1,"price":"59.00","requires_shipping":true,"gift_card":false},{"id":{{order * 10 + 2}},"sku":"{{second}}","name":"Style","quantity":1,"current_quantity":1,"price":"59.00","requires_shipping":true,"gift_card":false}]}
        """);
}
