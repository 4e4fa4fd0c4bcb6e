using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Selvedge.Functions.Demo;

/// <summary>One article's units as the ledger has them.</summary>
internal sealed record Units(string Sku, long OnHand, long Claimed, long Available, long Staged, long Short);

/// <summary>The whole range as the ledger has it. <see cref="Claimed"/>, <see cref="Staged"/> and <see cref="Short"/> together are what orders hold.</summary>
internal sealed record Stock(IReadOnlyList<Units> Articles)
{
    public long OnHand { get; } = Articles.Sum(article => article.OnHand);
    public long Claimed { get; } = Articles.Sum(article => article.Claimed);
    public long Available { get; } = Articles.Sum(article => article.Available);
    public long Staged { get; } = Articles.Sum(article => article.Staged);
    public long Short { get; } = Articles.Sum(article => article.Short);
}

/// <summary>An audit that came to its end.</summary>
/// <param name="Number">Counted from this start on.</param>
/// <param name="Entries">Replayed by all audits of this start; each goes on from what the one before proved.</param>
/// <param name="Seconds">How long it took.</param>
internal sealed record AuditSeen(int Number, bool Clean, long Skus, long Entries, IReadOnlyList<string> Differences, double Seconds);

/// <summary>Reads the ledger, has it audited, and brings stock, all through the API.</summary>
internal sealed class DemoLedger(DemoApi api, DemoTally tally)
{
    readonly string run = Guid.NewGuid().ToString("N")[..8];
    int audits;
    long replayed;

    public async Task<Stock> ReadAsync(CancellationToken cancel)
    {
        var answer = await api.PostAsync("api/inventory/query", new { skus = DemoBrand.Articles.Select(article => article.Sku) }, cancel);
        return new([.. answer.GetProperty("items").EnumerateArray().Select(item => new Units(item.GetProperty("sku").GetString()!, Number(item, "onHand"), Number(item, "committed"), Number(item, "available"), Number(item, "staged"), Number(item, "short")))]);
    }

    /// <summary>Starts an audit and waits for what it finds.</summary>
    public async Task<AuditSeen> AuditAsync(CancellationToken cancel)
    {
        var started = Stopwatch.GetTimestamp();
        var address = (await api.PostAsync("api/audits", new { }, cancel)).GetProperty("status").GetString()!.TrimStart('/');
        while (true)
        {
            var audit = await api.GetAsync(address, cancel);
            if (audit.GetProperty("state").GetString() == "running")
            {
                await Task.Delay(100, cancel);
                continue;
            }
            return new(++audits, audit.TryGetProperty("clean", out var clean) && clean.GetBoolean(), Number(audit, "skus"), replayed += Number(audit, "entries"),
                [.. audit.GetProperty("differences").EnumerateArray().Select(difference => difference.GetString()!)], Stopwatch.GetElapsedTime(started).TotalSeconds);
        }
    }

    /// <summary>A truck for the articles that most units wait for: what is short of each, and some more.</summary>
    public async Task DeliverAsync(Stock stock, int articles, CancellationToken cancel)
    {
        var load = stock.Articles.Where(article => article.Short > 0).OrderByDescending(article => article.Short).Take(articles).ToList();
        if (load.Count == 0) return;
        var number = Interlocked.Increment(ref tally.Deliveries);
        var costs = DemoBrand.Articles.ToDictionary(article => article.Sku, article => article.Cost);
        foreach (var article in load)
        {
            var quantity = article.Short + 60;
            await api.PostAsync("api/movements", new
            {
                id = string.Create(CultureInfo.InvariantCulture, $"demo-{run}-{number}"), kind = "receive", sku = article.Sku, location = "WH1", quantity, unitCost = costs[article.Sku], reason = "Delivery",
            }, cancel);
            Interlocked.Add(ref tally.Delivered, quantity);
        }
    }

    /// <summary>Sees what became of the orders whose cancel came late: what had not left is released.</summary>
    public async Task SettleAsync(CancellationToken cancel)
    {
        while (tally.Late.TryDequeue(out var late))
        {
            var order = await api.GetAsync("api/orders/" + Uri.EscapeDataString(late.Order), cancel);
            while (order.GetProperty("status").GetString() == "fulfilling")
            {
                await Task.Delay(100, cancel);
                order = await api.GetAsync("api/orders/" + Uri.EscapeDataString(late.Order), cancel);
            }
            Interlocked.Add(ref tally.Released, late.Units - order.GetProperty("lines").EnumerateArray().Sum(line => Number(line, "shipped")));
        }
    }

    static long Number(JsonElement element, string name) => element.GetProperty(name).GetInt64();
}
