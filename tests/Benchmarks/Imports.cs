using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Selvedge.Tests.Benchmarks;

/// <summary>Product imports into the app in a process of its own, with the most memory that process took (VmHWM: all that was resident, code and page cache of
/// SQLite included): many rows, the same file again; then, in another process, one file of 50 MB. And a style of 12 colours and 10 sizes and its stock, read one
/// after another beside a floor: an answer that reads nothing, over the same connection.</summary>
internal static class Imports
{
    const int Sizes = 5, Colours = 4, Warm = 1_000, Reads = 500;

    public static async Task RunAsync(int rows)
    {
        Console.WriteLine(RunningApp.Machine);
        var folder = Directory.CreateTempSubdirectory("selvedge-import-").FullName;
        try
        {
            using (var app = await RunningApp.StartAsync(folder))
            {
                var csv = Products(rows);
                Console.WriteLine($"{rows:n0} rows, {Encoding.UTF8.GetByteCount(csv) / 1e6:n1} MB; memory before {app.Memory.Now:n0} MB");
                await ImportAsync(app, csv, "into an empty catalogue");
                await ImportAsync(app, csv, "the same file again");
                await MatrixAsync(app);
            }
            using (var app = await RunningApp.StartAsync(folder)) await ImportAsync(app, Wide(megabytes: 50), "another, of 50 MB");
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    /// <summary>The matrix alone.</summary>
    public static async Task MatrixAsync()
    {
        Console.WriteLine(RunningApp.Machine);
        var folder = Directory.CreateTempSubdirectory("selvedge-matrix-").FullName;
        try
        {
            using var app = await RunningApp.StartAsync(folder);
            await MatrixAsync(app);
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    static async Task ImportAsync(RunningApp app, string csv, string what)
    {
        var (clock, cpu, seen) = (Stopwatch.StartNew(), app.Cpu, 0);
        var import = await app.PostCsvAsync("api/imports/products", csv);
        while ((string?)import["state"] == "running")
        {
            await Task.Delay(200);
            import = await app.GetAsync(((string)import["status"]!).TrimStart('/'));
            if ((int)import["written"]! > seen) seen = (int)import["written"]!;
        }
        // A small file is answered at once with its result.
        var result = import["state"] is null ? import : import["result"];
        if (result is null) throw new InvalidOperationException(import.ToJsonString());
        Console.WriteLine($"{what,-24} {clock.Elapsed.TotalSeconds,6:n1} s, CPU {(app.Cpu - cpu).TotalSeconds:n1} s, memory {app.Memory.Now:n0} MB, at most {app.Memory.Peak:n0} MB; {result["skus"]!.ToJsonString()}");
    }

    static async Task MatrixAsync(RunningApp app)
    {
        await app.PutAsync("api/locations/WH1", new { kind = "warehouse", name = "WH1" });
        await app.PutAsync("api/locations/WH2", new { kind = "warehouse", name = "WH2" });
        var (products, stock) = (new StringBuilder("style,name,colour,size,sku,price,cost,attribute:composition\n"), new StringBuilder("sku,location,quantity\n"));
        for (var i = 0; i < 120; i++)
        {
            products.Append(CultureInfo.InvariantCulture, $"MATRIX,Matrix,Colour {i / 10},Size {i % 10},MX-{i},59.00,14.00,\"98% cotton, 2% elastane\"\n");
            stock.Append(CultureInfo.InvariantCulture, $"MX-{i},WH1,50\nMX-{i},WH2,20\n");
        }
        await app.PostCsvAsync("api/imports/products", products.ToString());
        await app.PostCsvAsync("api/imports/stock", stock.ToString());
        var floor = 0.0;
        foreach (var path in new[] { "api/health/live", "api/styles/MATRIX", "api/styles/MATRIX/inventory" })
        {
            for (var i = 0; i < Warm; i++) await app.TimeAsync(path);
            var (times, cpu) = (new double[Reads], app.Cpu);
            for (var i = 0; i < Reads; i++) times[i] = await app.TimeAsync(path);
            cpu = app.Cpu - cpu;
            Array.Sort(times);
            if (floor == 0) floor = times[Reads / 2];
            Console.WriteLine($"GET {path,-28} p50 {times[Reads / 2]:n2} ms (beyond the floor {times[Reads / 2] - floor:n2}), p95 {times[Reads * 95 / 100]:n2} ms, p99 {times[Reads * 99 / 100]:n2} ms over loopback; CPU {cpu.TotalMilliseconds / Reads:n2} ms");
        }
    }

    // A SKU a line, with a hundred attributes of some 480 characters.
    static string Wide(int megabytes)
    {
        var csv = new StringBuilder("style,name,colour,size,sku," + string.Join(',', Enumerable.Range(0, 100).Select(i => $"attribute:a{i}")) + "\n");
        for (var row = 0; csv.Length < megabytes * 1_000_000; row++)
        {
            csv.Append(CultureInfo.InvariantCulture, $"W{row / 50},Wide,Colour {row % 50 / 10},{row % 10},WIDE-{row}");
            for (var i = 0; i < 100; i++) csv.Append(CultureInfo.InvariantCulture, $",Text {row} {i} ").Append((char)('a' + (row + i) % 26), 470);
            csv.Append('\n');
        }
        return csv.ToString();
    }

    static string Products(int rows)
    {
        var csv = new StringBuilder("style,name,colour,size,sku,barcode,price,cost,weight,season,category,attribute:composition,attribute:origin\n");
        for (var i = 0; i < rows; i++)
        {
            var style = i / (Sizes * Colours);
            var digits = (930_000_000_000 + i).ToString(CultureInfo.InvariantCulture);
            csv.Append(CultureInfo.InvariantCulture, $"S{style:00000},Everyday style {style},Colour {i / Sizes % Colours},Size {i % Sizes},S{style:00000}-{i % (Sizes * Colours):00},{digits}{Selvedge.Catalogue.Gtin.CheckDigit(digits)},59.00,14.25,230,AW26,Shirts,\"98% cotton, 2% elastane\",PT\n");
        }
        return csv.ToString();
    }
}
