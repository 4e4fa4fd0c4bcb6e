using System.Diagnostics;

namespace Selvedge.Tests.Benchmarks;

/// <summary>A store with a million claim entries over 500 SKUs: claim speed at its end beside that at its beginning, memory, and how fast the app starts on it.</summary>
internal static class Million
{
    const int Callers = 64, WarmUp = 12, Measure = 8;

    public static async Task RunAsync(int entries)
    {
        Console.WriteLine(RunningApp.Machine);
        var folder = Directory.CreateTempSubdirectory("selvedge-million-").FullName;
        try
        {
            await FillAsync(folder, entries);
            await StartAsync(folder);
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    static async Task FillAsync(string folder, int entries)
    {
        var skus = Enumerable.Range(0, 500).Select(i => $"TEE-{i:000}-M").ToArray();
        // On another store, so that the empty one is measured with compiled code and is still empty.
        using (var warm = new Bench())
        {
            foreach (var sku in skus) await warm.ReceiveAsync(sku, 10_000_000);
            await warm.DriveAsync(skus, Callers, WarmUp, first: 0);
        }
        using var bench = new Bench(folder);
        foreach (var sku in skus) await bench.ReceiveAsync(sku, 10_000_000);
        var written = (long)skus.Length;
        var beginning = await bench.DriveAsync(skus, Callers, Measure, first: 100_000_000);
        written += beginning.Done;
        Console.WriteLine($"claims on the empty store      {beginning.PerSecond,7:n0}/s  {beginning.Cpu,4:n0} µs CPU each; memory {Mine()}");
        var clock = Stopwatch.StartNew();
        if (entries > written) written += (await bench.DriveAsync(skus, Callers, double.MaxValue, first: 200_000_000, most: entries - written)).Done;
        Console.WriteLine($"filled to {written:n0} entries in {clock.Elapsed.TotalSeconds:n0} s; memory {Mine()}");
        var end = await bench.DriveAsync(skus, Callers, Measure, first: 10_000_000_000);
        Console.WriteLine($"claims at {written + end.Done,11:n0} entries  {end.PerSecond,7:n0}/s  {end.Cpu,4:n0} µs CPU each; {end.PerSecond / beginning.PerSecond:p0} of the empty store's; memory {Mine()}");
    }

    static string Mine()
    {
        var (now, peak) = RunningApp.MemoryOf(Environment.ProcessId);
        return $"{now:n0} MB, at most {peak:n0} MB";
    }

    static async Task StartAsync(string folder)
    {
        Console.WriteLine($"data folder: {new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length) / 1024.0 / 1024:n0} MB");
        using var app = await RunningApp.StartAsync(folder);
        Console.WriteLine($"app: ready {app.StartUp.TotalSeconds:n2} s after its process started; memory {app.Memory.Now:n0} MB");
        for (var i = 0; i < 500; i++)
        {
            await app.GetAsync($"api/inventory/TEE-{i:000}-M");
            await app.GetAsync($"api/inventory/TEE-{i:000}-M/entries?limit=100");
        }
        Console.WriteLine($"app: after reading every SKU and its last 100 entries: memory {app.Memory.Now:n0} MB, at most {app.Memory.Peak:n0} MB");
        var (replayed, took) = await app.AuditAsync(full: true);
        Console.WriteLine($"app: audit of {replayed:n0} entries clean in {took.TotalSeconds:n0} s; memory {app.Memory.Now:n0} MB, at most {app.Memory.Peak:n0} MB");
    }
}
