using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Selvedge.Tests.Benchmarks;

/// <summary>Orders from the shop's webhook to the carrier, with pickers that need no time; many that wait; a wave out of very many.</summary>
internal static class Fulfilment
{
    const int Shoppers = 16, Pickers = 48;
    static long number = 7_000_000_000_000;

    /// <summary>Orders come while pickers take ticket after ticket, scan every unit and ship; at most <paramref name="open"/> orders are on their way at a time.</summary>
    public static async Task RunAsync(int seconds, int open)
    {
        Console.WriteLine(RunningApp.Machine);
        var folder = Directory.CreateTempSubdirectory("selvedge-fulfil-").FullName;
        try
        {
            using var app = await RunningApp.StartAsync(folder);
            await Orders.SetUpAsync(app);
            await FlowAsync(app, 20, open);
            var (cpu, driver, clock) = (app.Cpu, Process.GetCurrentProcess().TotalProcessorTime, Stopwatch.StartNew());
            var done = await FlowAsync(app, seconds, open);
            var took = clock.Elapsed.TotalSeconds;
            Console.WriteLine($"order to ship: {done / took,6:n0} orders/s sustained over {took:n1} s: {done:n0} two-line orders sent, picked by scan, shipped and closed");
            Console.WriteLine($"               CPU per order: app {(app.Cpu - cpu).TotalMicroseconds / done:n0} µs, driver {(Process.GetCurrentProcess().TotalProcessorTime - driver).TotalMicroseconds / done:n0} µs");
            await AuditAsync(app);
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    /// <summary>What <paramref name="orders"/> orders cost that wait for pickers, and how soon they go on after a restart.</summary>
    public static async Task WaitingAsync(int orders)
    {
        Console.WriteLine(RunningApp.Machine);
        var folder = Directory.CreateTempSubdirectory("selvedge-waiting-").FullName;
        try
        {
            double before, idle;
            using (var app = await RunningApp.StartAsync(folder))
            {
                await Orders.SetUpAsync(app);
                await FlowAsync(app, 10, 200);
            }
            using (var app = await RunningApp.StartAsync(folder))
            {
                // As much work as the one that is compared with it does.
                await SendAsync(app, 20);
                await PickSomeAsync(app, 20);
                (before, idle) = await IdleAsync(app);
                var clock = Stopwatch.StartNew();
                await SendAsync(app, orders);
                var sent = clock.Elapsed;
                await QuietAsync(app);
                Console.WriteLine($"{orders:n0} orders taken in over {sent.TotalSeconds:n1} s, {await WaitingAsync(app):n0} pick tickets wait after {clock.Elapsed.TotalSeconds:n1} s; the app that did it has {app.Memory.Now:n0} MB");
            }
            using (var app = await RunningApp.StartAsync(folder))
            {
                var clock = Stopwatch.StartNew();
                var shipped = await PickSomeAsync(app, 20);
                Console.WriteLine($"restart: ready after {app.StartUp.TotalSeconds:n2} s; {shipped} of them picked, shipped and closed {clock.Elapsed.TotalSeconds:n2} s later");
                var (after, busy) = await IdleAsync(app);
                Console.WriteLine($"waiting: {after:n0} MB and {busy:p1} of one core; the same app without them {before:n0} MB and {idle:p1}");
                await AuditAsync(app);
            }
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    /// <summary>The next wave out of <paramref name="lines"/> open pick lines at one location.</summary>
    public static async Task WavesAsync(int lines)
    {
        Console.WriteLine(RunningApp.Machine);
        var folder = Directory.CreateTempSubdirectory("selvedge-waves-").FullName;
        try
        {
            using var app = await RunningApp.StartAsync(folder);
            await Orders.SetUpAsync(app);
            await app.PutAsync("api/channels/bench", new { kind = "shopify", locations = new[] { "WH1" }, shortage = "oversold", secret = "bench" });
            await SendAsync(app, lines / 2);
            await QuietAsync(app);
            Console.WriteLine($"{2 * await WaitingAsync(app):n0} pick lines open");
            for (var wave = 1; wave <= 3; wave++)
            {
                var clock = Stopwatch.StartNew();
                var planned = await app.PostAsync("api/waves", new { location = "WH1", kind = "wave", maxTickets = 500 });
                Console.WriteLine($"wave {wave} planned in {clock.ElapsedMilliseconds:n0} ms: {planned["picks"]!.AsArray().Count:n0} tickets, {planned["stops"]!.AsArray().Count:n0} stops");
            }
            Console.WriteLine($"memory {app.Memory.Now:n0} MB, at most {app.Memory.Peak:n0} MB");
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    // Answers how many orders went the whole way. Ends when all that were sent are closed.
    static async Task<int> FlowAsync(RunningApp app, double seconds, int open)
    {
        var (clock, sent, shipped, sending) = (Stopwatch.StartNew(), 0, 0, true);
        var shoppers = Enumerable.Range(0, Shoppers).Select(_ => Task.Run(async () =>
        {
            using var wire = await Wire.OpenAsync(app.EndPoint);
            while (clock.Elapsed.TotalSeconds < seconds)
            {
                if (Volatile.Read(ref sent) - Volatile.Read(ref shipped) >= open) { await Task.Delay(2); continue; }
                Interlocked.Increment(ref sent);
                await Orders.SendAsync(wire, "bench", Interlocked.Increment(ref number));
            }
        })).ToList();
        var pickers = Enumerable.Range(0, Pickers).Select(at => Task.Run(async () =>
        {
            using var wire = await Wire.OpenAsync(app.EndPoint);
            while (Volatile.Read(ref sending) || Volatile.Read(ref shipped) < Volatile.Read(ref sent))
            {
                if (await PickAsync(app, wire, "WH1") is null) { await Task.Delay(2); continue; }
                Interlocked.Increment(ref shipped);
            }
        })).ToList();
        await Task.WhenAll(shoppers);
        Volatile.Write(ref sending, false);
        await Task.WhenAll(pickers);
        while ((await app.GetAsync("api/orders?status=fulfilling&limit=1"))["items"]!.AsArray().Count + (await app.GetAsync("api/orders?status=committed&limit=1"))["items"]!.AsArray().Count > 0) await Task.Delay(10);
        return sent;
    }

    // One ticket from the queue to the carrier. Null: none waits.
    static async Task<string?> PickAsync(RunningApp app, Wire wire, string location)
    {
        if (await CallAsync(app, wire, "/api/picks/next", new JsonObject { ["location"] = location }) is not { } ticket) return null;
        var id = (string)ticket["id"]!;
        var scan = 0;
        foreach (var line in ticket["lines"]!.AsArray())
            await CallAsync(app, wire, $"/api/picks/{id}/scan", new JsonObject { ["scanId"] = $"s{++scan}", ["sku"] = (string)line!["sku"]!, ["quantity"] = (long)line["quantity"]! });
        await CallAsync(app, wire, $"/api/picks/{id}/ship", new JsonObject { ["carrier"] = "AusPost", ["tracking"] = $"T{id}" });
        return (string)ticket["order"]!;
    }

    static async Task<JsonNode?> CallAsync(RunningApp app, Wire wire, string path, JsonObject body)
    {
        var (status, text) = await wire.SendAsync("POST", path, Encoding.UTF8.GetBytes(body.ToJsonString()), $"Authorization: Bearer {app.Key}\r\n");
        return status is 204 or 404 ? null : status is >= 200 and < 300 ? JsonNode.Parse(text) : throw new InvalidOperationException($"{path}: {status} {text}");
    }

    static Task SendAsync(RunningApp app, int orders)
    {
        var left = orders;
        return Task.WhenAll(Enumerable.Range(0, 32).Select(_ => Task.Run(async () =>
        {
            using var wire = await Wire.OpenAsync(app.EndPoint);
            while (Interlocked.Decrement(ref left) >= 0) await Orders.SendAsync(wire, "bench", Interlocked.Increment(ref number));
        })));
    }

    static async Task<int> PickSomeAsync(RunningApp app, int some)
    {
        var orders = new List<string>();
        using var wire = await Wire.OpenAsync(app.EndPoint);
        while (orders.Count < some && await PickAsync(app, wire, "WH1") is { } order) orders.Add(order);
        foreach (var order in orders)
            while ((string)(await app.GetAsync("api/orders/" + Uri.EscapeDataString(order)))["status"]! != "shipped") await Task.Delay(5);
        return orders.Count;
    }

    // Until it does nothing any more: less than a tenth of a core over two seconds.
    static async Task QuietAsync(RunningApp app)
    {
        while (true)
        {
            var (cpu, clock) = (app.Cpu, Stopwatch.StartNew());
            await Task.Delay(2_000);
            if ((app.Cpu - cpu) / clock.Elapsed < 0.1) return;
        }
    }

    // Resident memory, and the part of a core it takes over 30 s.
    static async Task<(double Memory, double Cpu)> IdleAsync(RunningApp app)
    {
        await QuietAsync(app);
        var (cpu, clock) = (app.Cpu, Stopwatch.StartNew());
        await Task.Delay(TimeSpan.FromSeconds(30));
        return (app.Memory.Now, (app.Cpu - cpu) / clock.Elapsed);
    }

    static async Task<int> WaitingAsync(RunningApp app)
    {
        var (count, continuation) = (0, (string?)null);
        do
        {
            var page = await app.GetAsync($"api/picks?location=WH1&status=open&limit=1000{(continuation is null ? "" : "&continuation=" + Uri.EscapeDataString(continuation))}");
            count += page["items"]!.AsArray().Count;
            continuation = (string?)page["continuation"];
        }
        while (continuation is not null);
        return count;
    }

    static async Task AuditAsync(RunningApp app)
    {
        var (entries, took) = await app.AuditAsync(full: true);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"audit: clean, {entries:n0} entries replayed in {took.TotalSeconds:n1} s; app's memory {app.Memory.Now:n0} MB, at most {app.Memory.Peak:n0} MB"));
    }
}
