using System.Collections.Concurrent;
using Microsoft.Azure.Cosmos;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>Turns a draft into an order document with its plan: codes become SKUs, every SKU gets the places it may come from.</summary>
public sealed class Planning(ProductCatalogue catalogue, Locations locations, StockView stock, TimeProvider time)
{
    /// <param name="channel">The channel it came by.</param>
    /// <param name="draft">The order as handed in.</param>
    /// <param name="owner">Who takes it in.</param>
    public async Task<Order> PlanAsync(Channel channel, Draft draft, string owner)
    {
        var now = InstantConverter.Cut(time.GetUtcNow());
        var lines = new OrderLine[draft.Lines.Count];
        for (var i = 0; i < lines.Length; i++) lines[i] = await LineAsync(draft.Lines[i]);
        var order = new Order
        {
            Id = Ids.Order(channel.Id, draft.ExternalId), Channel = channel.Id, ChannelKind = Surfaces.Of(channel.Is), ExternalId = draft.ExternalId,
            Customer = draft.Customer, Name = draft.Name, Status = OrderStatus.Received, CreatedAt = now, UpdatedAt = now, PlacedAt = draft.PlacedAt,
            RequiredBy = draft.RequiredBy is { } by ? InstantConverter.Cut(by) : null, Priority = draft.Priority ?? channel.Priority, Currency = draft.Currency,
            Revision = 1, Shortage = channel.Shortage, Lines = lines, Test = draft.Test, References = draft.References, Cancel = draft.Cancel,
        };
        if (draft.Cancel is not null)
            return order with { Status = OrderStatus.Cancelled, Lines = [.. lines.Select(line => line with { Cancelled = line.Quantity })] };
        // A trial, or nothing that needs stock: the document says so, with the exceptions its unknown lines deserve.
        if (draft.Test) return order with { Status = OrderStatus.Committed };
        return (await RouteAsync(order, channel, now)) with { Intake = new(IntakeStep.Claim, 1, owner), IntakeDue = now + Intake.Lease };
    }

    async ValueTask<OrderLine> LineAsync(DraftLine line)
    {
        var sku = line.NeedsStock ? await catalogue.ResolveAsync(line.Code) : null;
        return new()
        {
            Id = line.Id, Sku = sku ?? line.Code ?? "", ExternalSku = sku is not null && sku != line.Code ? line.Code : null,
            Kind = !line.NeedsStock ? LineKind.Service : sku is null ? LineKind.Unknown : LineKind.Stock,
            Quantity = line.Quantity, UnitPrice = line.UnitPrice, Discount = line.Discount, Tax = line.Tax, TaxIncluded = line.TaxIncluded, ShippingShare = line.ShippingShare,
        };
    }

    async Task<Order> RouteAsync(Order order, Channel channel, DateTimeOffset now)
    {
        var allowed = new List<Location>(channel.Locations.Count);
        foreach (var id in channel.Locations)
            if (await locations.FindAsync(id) is { Is: not LocationKind.Marketplace } location) allowed.Add(location);
        var places = allowed.OrderBy(location => location.Priority).Select(location => location.Id).ToArray();
        var partners = allowed.Where(location => location.Is == LocationKind.Partner).Select(location => location.Id).ToHashSet(StringComparer.Ordinal);

        var demands = order.Lines.Where(line => line.Claims).GroupBy(line => line.Sku, StringComparer.Ordinal).Select(group => new Demand(group.Key, group.Sum(line => line.Quantity))).ToList();
        var known = places.Length > 1 ? await stock.ReadAsync(demands.Select(demand => demand.Sku)) : null;
        var route = Routing.Choose(demands, places, (sku, place) => known?.GetValueOrDefault(sku)?.Locations.GetValueOrDefault(place)?.Available ?? 0);
        return order with
        {
            Plan = new(now, order.Revision, route.Shipments, channel.AsksFirst ? channel.Buffer : 0),
            Lines = [.. order.Lines.Select(line => line.Claims
                ? line with { Places = route.Places[line.Sku], FulfilledBy = route.Places[line.Sku] is [var first, ..] && partners.Contains(first) ? FulfilledBy.Partner : FulfilledBy.Own }
                : line)],
        };
    }
}

/// <summary>What stock looks like, for routing and for telling people: read from the store, at most a second old. It settles nothing.</summary>
public sealed class StockView(LedgerReads ledger, TimeProvider time)
{
    static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);
    const int MostKnown = 50_000, Width = 32;
    readonly ConcurrentDictionary<string, (Balance? Balance, long At)> known = new(StringComparer.Ordinal);

    /// <summary>The balances of these SKUs; one without stock is left out.</summary>
    public async Task<IReadOnlyDictionary<string, Balance>> ReadAsync(IEnumerable<string> skus)
    {
        var found = new Dictionary<string, Balance>(StringComparer.Ordinal);
        foreach (var chunk in skus.Chunk(Width))
        {
            var balances = await Task.WhenAll(chunk.Select(sku => FindAsync(sku).AsTask()));
            for (var i = 0; i < chunk.Length; i++)
                if (balances[i] is { } balance) found[chunk[i]] = balance;
        }
        return found;
    }

    /// <summary>Names, of an order that was refused at its first short line, the others that look short too.</summary>
    public async Task<Claimed> NameShortAsync(Order order, Claimed refused)
    {
        var unasked = Enumerable.Range(0, order.Lines.Count).Where(i => order.Lines[i].Claims && refused.Outcomes[i] is null).ToList();
        var balances = await ReadAsync(unasked.Select(i => order.Lines[i].Sku).Distinct(StringComparer.Ordinal));
        var outcomes = refused.Outcomes.ToArray();
        foreach (var i in unasked)
        {
            var line = order.Lines[i];
            var free = balances.GetValueOrDefault(line.Sku) is { } balance
                ? (line.Places ?? []).Sum(place => Math.Max(0, balance.Locations.GetValueOrDefault(place)?.Available ?? 0)) : 0;
            if (free < line.Quantity) outcomes[i] = new(Verdict.Refused, Available: free);
        }
        return refused with { Outcomes = outcomes };
    }

    async ValueTask<Balance?> FindAsync(string sku)
    {
        if (known.TryGetValue(sku, out var hit) && time.GetElapsedTime(hit.At) < Fresh) return hit.Balance;
        var at = time.GetTimestamp();
        Balance? balance = null;
        try
        {
            balance = await ledger.BalanceAsync(sku);
        }
        catch (CosmosException)
        {
            // Not knowing only costs a better route.
        }
        if (known.Count >= MostKnown) known.Clear();
        known[sku] = (balance, at);
        return balance;
    }
}
