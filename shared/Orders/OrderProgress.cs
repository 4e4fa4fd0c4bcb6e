using System.Net;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>
/// Brings order documents up to what the ledger did since they were decided: units that waited were served by a receipt or another's cancel, units
/// that were held were taken by a fact. It compares the claims that are short now with the orders that say they wait: the work of a pass is what
/// waits, not what was sold. Then it closes the exceptions that are no longer true. Everything is written by ETag, so several may run.
/// </summary>
public sealed class OrderProgress(Store store, OrderStore orders, DueOrders due, Intake intake, StockView stock, SalesChannels channels, ExceptionCases exceptions, TimeProvider time)
{
    const string Actor = "system:order-progress";

    /// <summary>Most exceptions looked at in one pass, for each kind.</summary>
    const int MostCases = 500;
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>One pass. Answers how many orders changed.</summary>
    public async Task<int> RunAsync(CancellationToken cancel)
    {
        var changed = 0;
        var waiting = await WaitingAsync(cancel);
        await foreach (var order in orders.WaitingAsync())
        {
            waiting.Remove(order.Id, out var lines);
            if (await BringUpAsync(order, lines ?? [])) changed++;
        }
        foreach (var (id, lines) in waiting)
            if (await orders.ReadAsync(id) is { } order && await BringUpAsync(order, lines)) changed++;
        return changed;
    }

    /// <summary>Looks at open exceptions again: claims what the catalogue has learnt since, and resolves those whose cause is gone. Answers how many.</summary>
    public async Task<int> ReviewAsync(CancellationToken cancel)
    {
        var resolved = 0;
        foreach (var kind in new[] { "unknownSku", "unknownPlace", "oversell" })
        {
            string? continuation = null;
            for (var seen = 0; seen < MostCases && !cancel.IsCancellationRequested;)
            {
                var page = await exceptions.ListAsync(ExceptionStatus.Open, kind, 100, continuation);
                foreach (var open in page.Items) if (await ReviewAsync(open)) resolved++;
                seen += 100;
                if ((continuation = page.Continuation) is null) break;
            }
        }
        return resolved;
    }

    // What is decided now will be said by who decides it.
    async Task<bool> BringUpAsync(Order order, Dictionary<string, long> waiting)
    {
        if (order.Intake is not null || order.Status is not (OrderStatus.Committed or OrderStatus.Backordered or OrderStatus.Oversold or OrderStatus.Partial or OrderStatus.Held or OrderStatus.Fulfilling)) return false;
        // What was read of the claims may be from before the order was decided: read again, after the order, what seems different.
        foreach (var line in order.Lines)
        {
            if (!line.Claims) continue;
            if (line.Bundle is { } bundle)
            {
                waiting[line.Id] = Bundles.Waits(line, id => waiting.GetValueOrDefault(id));
                if (line.Backordered + line.Oversold == waiting[line.Id]) continue;
                var units = new Dictionary<string, long>(StringComparer.Ordinal);
                for (var i = 0; i < bundle.Parts.Count; i++)
                    foreach (var id in new[] { Bundles.PartId(line.Id, i), Bundles.WaitId(line.Id, i) }) units[id] = await ShortAsync(order, id, bundle.Parts[i].Sku);
                waiting[line.Id] = Bundles.Waits(line, units.GetValueOrDefault);
            }
            else if (line.Backordered + line.Oversold != waiting.GetValueOrDefault(line.Id)) waiting[line.Id] = await ShortAsync(order, line.Id, line.Sku);
        }
        var next = Deciding.Progressed(order, waiting, InstantConverter.Cut(time.GetUtcNow()));
        // A part that has come may make a bundle whole: it is claimed once more, by the sweeper. An order that asked first waits for nothing but what was taken of it.
        if (order.Shortage is ShortagePolicy.Oversold or ShortagePolicy.Backorder && next.Lines.Any(line => line is { Bundle: not null, Claims: true } && line.Backordered + line.Oversold > 0))
        {
            var balances = await stock.ReadAsync(next.Lines.Where(line => line.Bundle is not null).SelectMany(line => line.Bundle!.Parts).Select(part => part.Sku).Distinct(StringComparer.Ordinal));
            next = Bundles.Again(next, balances, Guid.NewGuid().ToString("N"), InstantConverter.Cut(time.GetUtcNow())) ?? next;
        }
        if (ReferenceEquals(next, order) || await orders.ReplaceAsync(next) is not { } written) return false;
        // Served, or taken away: a delivery that waited is due, one under way has to look again.
        due.Note(written, time.GetUtcNow());
        return true;
    }

    async Task<bool> ReviewAsync(ExceptionCase open)
    {
        if (open.Order is not { } id || await orders.ReadAsync(id) is not { } order) return false;
        if (open.Kind is not "oversell" && await channels.FindAsync(order.Channel) is { } channel && await intake.ResolveAsync(channel, id, Patience) is { } taken) order = taken.Order;
        if (order.Intake is not null) return false;
        var line = order.Lines.FirstOrDefault(line => line.Id == open.Line);
        var why = open.Kind switch
        {
            "oversell" when line is { Oversold: > 0 } => null,
            "oversell" => order.Status is OrderStatus.Cancelled ? "The order was cancelled." : "Every unit the line asks for is held now.",
            "unknownSku" when line is { Kind: LineKind.Unknown } && order.Status is not OrderStatus.Cancelled => null,
            "unknownSku" => line is { Kind: LineKind.Stock } ? $"It is {line.Sku}, and was claimed." : "The line asks for nothing any more.",
            _ => TillFacts.IsLost(order) ? null : "Its place is known, and the sale was posted.",
        };
        if (why is null) return false;
        try
        {
            await exceptions.ResolveAsync(open.Id, why, owner: null, Actor);
        }
        catch (ProblemException otherwise) when (otherwise.Status == 409) { }
        return true;
    }

    async Task<long> ShortAsync(Order order, string line, string sku)
    {
        using var response = await store.Skus.ReadItemStreamAsync(Ids.Claim(order.Id, line, Accounts.Short), new PartitionKey(sku));
        if (response.StatusCode == HttpStatusCode.NotFound) return 0;
        response.EnsureSuccessStatusCode();
        return (await JsonSerializer.DeserializeAsync(response.Content, LedgerJson.Default.Claim))!.Held;
    }

    /// <summary>Units that wait in the ledger, by order and line. Only waiting claims have a rank, so the index finds them.</summary>
    async Task<Dictionary<string, Dictionary<string, long>>> WaitingAsync(CancellationToken cancel)
    {
        var waiting = new Dictionary<string, Dictionary<string, long>>(StringComparer.Ordinal);
        using var pages = store.Skus.GetItemQueryStreamIterator(new QueryDefinition("SELECT * FROM c WHERE c.rank >= '0'"), null, new() { MaxItemCount = 500 });
        while (pages.HasMoreResults)
        {
            using var page = await pages.ReadNextAsync(cancel);
            page.EnsureSuccessStatusCode();
            using var json = await JsonDocument.ParseAsync(page.Content, cancellationToken: cancel);
            foreach (var item in json.RootElement.GetProperty("Documents").EnumerateArray())
            {
                var (order, line) = (item.GetProperty("order").GetString()!, item.GetProperty("line").GetString()!);
                if (!waiting.TryGetValue(order, out var lines)) waiting[order] = lines = new(StringComparer.Ordinal);
                lines[line] = lines.GetValueOrDefault(line) + item.GetProperty("held").GetInt64();
            }
        }
        return waiting;
    }
}
