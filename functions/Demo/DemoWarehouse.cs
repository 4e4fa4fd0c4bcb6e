using System.Collections.Concurrent;
using System.Text.Json;

namespace Selvedge.Functions.Demo;

/// <summary>
/// The floor, through the API alone: pickers who take the next ticket of their location, scan what is on it and hand it to the carrier. Now and then a unit is not
/// found; what was called off is put back; some parcels come back and are graded.
/// </summary>
internal sealed class DemoWarehouse(DemoApi api, DemoTally tally)
{
    const int Pickers = 4, ShortOneIn = 60, ReturnOneIn = 30;
    static readonly string[] Floors = ["WH1", "WH1", "WH1", "WH2"];
    static readonly TimeSpan Idle = TimeSpan.FromMilliseconds(100), Rounds = TimeSpan.FromSeconds(3);
    readonly string run = Guid.NewGuid().ToString("N")[..8];
    readonly ConcurrentQueue<(string Order, string Location, string Line, string Sku)> parcels = new();
    long scans;

    /// <summary>Works until <paramref name="ending"/>; a ticket in hand is brought to its end.</summary>
    public Task RunAsync(CancellationToken ending, CancellationToken cancel) => Task.WhenAll(
        [.. Enumerable.Range(0, Pickers).Select(at => Task.Run(() => LoopAsync(() => PickAsync(Floors[at % Floors.Length], cancel), Idle, ending), CancellationToken.None)),
            .. Floors.Distinct().Select(floor => Task.Run(() => LoopAsync(() => PutBackAsync(floor, cancel), Rounds, ending), CancellationToken.None)),
            Task.Run(() => LoopAsync(() => TakeBackAsync(cancel), Rounds, ending), CancellationToken.None)]);

    // Pauses where there was nothing to do. What fails is shown, and the next thing is done.
    async Task LoopAsync(Func<Task<bool>> work, TimeSpan pause, CancellationToken ending)
    {
        while (!ending.IsCancellationRequested)
        {
            var found = false;
            try
            {
                found = await work();
            }
            catch (DemoException refused) when (refused.Status == 409)
            {
                // Called off, or the unit went to somebody else, between the queue and the shelf.
                Interlocked.Increment(ref tally.CalledOff);
                found = true;
            }
            catch (Exception failure) when (failure is DemoException or HttpRequestException or OperationCanceledException)
            {
                tally.Fault(failure.Message);
            }
            if (!found) await Task.Delay(pause, ending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    async Task<bool> PickAsync(string location, CancellationToken cancel)
    {
        if (await api.TryPostAsync("api/picks/next", new { location }, cancel) is not { } ticket) return false;
        var id = Text(ticket, "id");
        var picked = 0L;
        foreach (var line in ticket.GetProperty("lines").EnumerateArray())
        {
            var (sku, left) = (Text(line, "sku"), line.GetProperty("left").GetInt64());
            if (left == 0) continue;
            if (Random.Shared.Next(ShortOneIn) == 0)
            {
                await api.PostAsync($"api/picks/{id}/short", new { scanId = Scan(), line = Text(line, "line"), quantity = 1, reason = "notFound" }, cancel);
                Interlocked.Increment(ref tally.ShortPicks);
                left--;
            }
            if (left > 0) await api.PostAsync($"api/picks/{id}/scan", new { scanId = Scan(), sku, quantity = left }, cancel);
            picked += left;
        }
        if (picked == 0) return true;
        var shipped = await api.PostAsync($"api/picks/{id}/ship", new { carrier = "Australia Post", tracking = "DEMO" + id }, cancel);
        var lines = shipped.GetProperty("lines").EnumerateArray().ToList();
        Interlocked.Add(ref tally.Shipped, lines.Sum(line => line.GetProperty("shipped").GetInt64()));
        Interlocked.Increment(ref tally.Parcels);
        if (Random.Shared.Next(ReturnOneIn) == 0 && lines.Find(line => line.GetProperty("shipped").GetInt64() > 0) is { ValueKind: JsonValueKind.Object } first)
            parcels.Enqueue((Text(ticket, "order"), location, Text(first, "line"), Text(first, "sku")));
        return true;
    }

    async Task<bool> PutBackAsync(string location, CancellationToken cancel)
    {
        var tasks = (await api.GetAsync($"api/putbacks?location={location}&limit=20", cancel)).GetProperty("items").EnumerateArray().ToList();
        foreach (var task in tasks)
            foreach (var line in task.GetProperty("lines").EnumerateArray())
                if (line.GetProperty("left").GetInt64() is > 0 and var left)
                {
                    await api.PostAsync($"api/putbacks/{Text(task, "id")}/scan", new { scanId = Scan(), sku = Text(line, "sku"), quantity = left }, cancel);
                    Interlocked.Add(ref tally.PutBack, left);
                }
        return tasks.Count > 0;
    }

    // Announced, received and graded: two of three are as new.
    async Task<bool> TakeBackAsync(CancellationToken cancel)
    {
        if (!parcels.TryDequeue(out var parcel)) return false;
        var id = $"demo-{run}-{Interlocked.Increment(ref tally.Returned)}";
        await api.PostAsync("api/returns", new { id, order = parcel.Order, location = parcel.Location, reason = "Does not fit", lines = new[] { new { line = parcel.Line, quantity = 1 } } }, cancel);
        await api.PostAsync($"api/returns/{id}/receive", new { receiptId = "r1", location = parcel.Location, lines = new[] { new { sku = parcel.Sku, quantity = 1 } } }, cancel);
        await api.PostAsync($"api/returns/{id}/grade", new { gradingId = "g1", location = parcel.Location, sku = parcel.Sku, quantity = 1, grade = Random.Shared.Next(3) > 0 ? "a" : "b" }, cancel);
        return true;
    }

    string Scan() => $"{run}-{Interlocked.Increment(ref scans)}";

    static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;
}
