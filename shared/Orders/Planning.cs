using System.Collections.Concurrent;
using Microsoft.Azure.Cosmos;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>Turns a draft into an order document with its plan: codes become SKUs, every SKU gets the places it may come from.</summary>
public sealed class Planning(ProductCatalogue catalogue, Locations locations, StockView stock, LocationLoad load, TimeProvider time)
{
    /// <summary>The document of an order that is new, with its plan.</summary>
    /// <param name="channel">The channel it came by.</param>
    /// <param name="draft">The order as handed in.</param>
    /// <param name="owner">Who takes it in.</param>
    public async Task<Order> PlanAsync(Channel channel, Draft draft, string owner)
    {
        var order = OrderChanges.Begin(await ReadAsync(channel, draft), owner, Now, channel.PlaceOf);
        if (order.Blocks is { Count: 0 }) order = order with { Blocks = null };
        if (order.Cancel is not null || order.Test) return order;
        if (channel.AsksFirst) order = await WithoutArchivedAsync(order);
        return order.Status is OrderStatus.Refused ? order : await RouteAsync(order, channel, draft.Person?.ShipTo, all: true);
    }

    /// <summary>What was handed in, as a document: its codes resolved, nothing routed or decided.</summary>
    public async Task<Order> ReadAsync(Channel channel, Draft draft)
    {
        var lines = new OrderLine[draft.Lines.Count];
        for (var i = 0; i < lines.Length; i++) lines[i] = await LineAsync(draft.Lines[i], draft.Till is not null ? FulfilledBy.Till : draft.ByMarketplace ? FulfilledBy.Marketplace : FulfilledBy.Own);
        var now = Now;
        return new Order
        {
            Id = Ids.Order(channel.Id, draft.ExternalId), Channel = channel.Id, ChannelKind = draft.Till is not null ? Surface.Pos : Surfaces.Of(channel.Is), ExternalId = draft.ExternalId,
            Customer = draft.Customer, CustomerGroup = draft.CustomerGroup, Hold = draft.Hold is { } hold ? hold with { Limit = channel.HoldLimit } : null, Name = draft.Name, Status = OrderStatus.Received, CreatedAt = now, UpdatedAt = now, PlacedAt = draft.PlacedAt,
            RequiredBy = draft.RequiredBy is { } by ? InstantConverter.Cut(by) : null, ShipWindow = draft.ShipWindow, Priority = draft.Priority ?? channel.Priority, Currency = draft.Currency,
            Revision = 1, Shortage = channel.Shortage, ShipComplete = draft.ShipComplete ?? channel.ShipComplete, Lines = lines, Test = draft.Test, References = draft.References, Cancel = draft.Cancel,
            Blocks = draft.Blocks?.Select(block => block with { At = now }).ToArray() ?? (draft.Unpaid is not { } unpaid || channel.ShipUnpaid ? null : unpaid ? [new(BlockKind.Payment, $"{channel.Name} waits for the money.", "channel:" + channel.Id, now)] : []),
            Source = draft.Version, Refunds = draft.Refunds, Presentment = draft.Presentment, Till = draft.Till,
        };
    }

    /// <summary>The order with places for every line that lacks them: all of a new one; in an edit those that were added, so that the others stay where they are.</summary>
    public Task<Order> CompleteAsync(Order order, Channel channel) =>
        order.Lines.Any(line => line is { Claims: true, Places: null }) ? RouteAsync(order, channel, shipTo: null, all: order.Plan is null) : Task.FromResult(order);

    /// <summary>The lines of an order whose codes the catalogue did not know, resolved again; null when it still knows none of them.</summary>
    public async Task<IReadOnlyList<OrderLine>?> ResolveAsync(Order order)
    {
        OrderLine[]? lines = null;
        for (var i = 0; i < order.Lines.Count; i++)
            if (order.Lines[i] is { Kind: LineKind.Unknown, Sku.Length: > 0 } line && await catalogue.MeaningAsync(line.Sku) is { Sku: var sku } meaning)
                (lines ??= [.. order.Lines])[i] = line with { Kind = LineKind.Stock, Sku = sku, ExternalSku = sku != line.Sku ? line.Sku : null, Bundle = meaning.Virtual ? await ExplodeAsync(sku) : null };
        return lines;
    }

    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    async ValueTask<OrderLine> LineAsync(DraftLine line, FulfilledBy by)
    {
        var meaning = line.NeedsStock ? await catalogue.MeaningAsync(line.Code) : null;
        var sku = meaning?.Sku;
        return new()
        {
            Id = line.Id, Sku = sku ?? line.Code ?? "", ExternalSku = sku is not null && sku != line.Code ? line.Code : null,
            Kind = !line.NeedsStock ? LineKind.Service : sku is null ? LineKind.Unknown : LineKind.Stock,
            Quantity = line.Quantity, UnitPrice = line.UnitPrice, Discount = line.Discount, Tax = line.Tax, TaxIncluded = line.TaxIncluded, ShippingShare = line.ShippingShare,
            ShippingTax = line.ShippingTax, Shown = line.Shown, Ordered = line.Ordered > line.Quantity ? line.Ordered : null, Cancelled = Math.Max(0, (line.Ordered ?? 0) - line.Quantity),
            FulfilledBy = by, Bundle = meaning is { Virtual: true } ? await ExplodeAsync(meaning.Sku) : null,
        };
    }

    // Read fresh: the order keeps the components as they are at this moment.
    async Task<LineBundle?> ExplodeAsync(string sku)
    {
        if (!(await catalogue.FindProductsAsync([sku])).TryGetValue(sku, out var bundle) || bundle.Components.Count == 0) return null;
        return LineBundle.Of(bundle, await catalogue.FindProductsAsync(bundle.Components.Select(part => part.Sku)));
    }

    // Archived SKUs are not sold to those who ask: the whole order is refused, or these lines are dropped.
    async Task<Order> WithoutArchivedAsync(Order order)
    {
        var products = await catalogue.FindProductsAsync(order.Lines.Where(line => line.Claims).Select(line => line.Sku));
        if (products.Values.All(product => product.Active)) return order;
        var lines = order.Lines.Select(line => line.Claims && products.GetValueOrDefault(line.Sku) is { Active: false } ? line with { Archived = true, Missing = line.Quantity } : line).ToList();
        if (order.Shortage != ShortagePolicy.Refuse && lines.Exists(line => line.Claims)) return order with { Lines = lines };
        return order with { Lines = lines, Status = OrderStatus.Refused, Intake = null, IntakeDue = null };
    }

    async Task<Order> RouteAsync(Order order, Channel channel, PostalAddress? shipTo, bool all)
    {
        var allowed = new List<Location>(channel.Locations.Count);
        foreach (var id in channel.Locations)
            if (await locations.FindAsync(id) is { } location) allowed.Add(location);
        // Stock that a marketplace holds is sent by it: nothing of ours is claimed.
        if (allowed.Count > 0 && allowed.TrueForAll(location => location.Is is LocationKind.Marketplace))
            return order with
            {
                Plan = order.Plan ?? new(Now, order.Revision, 1),
                Lines = [.. order.Lines.Select(line => line is { TakesStock: true, Places: null } ? line with { Places = [.. allowed.Select(location => location.Id)], FulfilledBy = FulfilledBy.Marketplace } : line)],
            };
        allowed.RemoveAll(location => location.Is is LocationKind.Marketplace);
        var ranked = await RankAsync(order, allowed, shipTo);
        var partners = allowed.Where(location => location.Is == LocationKind.Partner).Select(location => location.Id).ToHashSet(StringComparer.Ordinal);

        var demands = order.Lines.Where(Lacks).SelectMany(line => line.Bundle is null ? [new Demand(line.Sku, line.Quantity)] : line.Bundle.Parts.Select(part => new Demand(part.Sku, part.Quantity * line.Quantity)))
            .GroupBy(demand => demand.Sku, StringComparer.Ordinal).Select(group => new Demand(group.Key, group.Sum(demand => demand.Units))).ToList();
        var known = ranked.Count > 1 ? await stock.ReadAsync(demands.Select(demand => demand.Sku)) : null;
        var route = Routing.Choose(demands, ranked, (sku, place) => known?.GetValueOrDefault(sku)?.Locations.GetValueOrDefault(place)?.Available ?? 0);
        if (all)
            foreach (var candidate in route.Candidates ?? []) if (candidate.Chosen) load.Add(candidate.Id);
        return order with
        {
            Plan = all ? new(Now, order.Revision, route.Shipments, channel.AsksFirst ? channel.Buffer : 0, route.Candidates) : order.Plan,
            Lines = [.. order.Lines.Select(line => Lacks(line)
                ? Bundled(line, route) with { Places = Places(line, route.Places[First(line)]), FulfilledBy = route.Places[First(line)] is [var first, ..] && partners.Contains(first) ? FulfilledBy.Partner : FulfilledBy.Own }
                : line)],
        };

        bool Lacks(OrderLine line) => line.Claims && (all || line.Places is null);
    }

    // What was judged when the order came is judged so in its edits: who it is for is not on the order.
    async Task<IReadOnlyList<Candidate>> RankAsync(Order order, List<Location> allowed, PostalAddress? shipTo)
    {
        if (allowed.Count == 1) return [new(allowed[0].Id, allowed[0].Priority, null, default)];
        var full = new HashSet<string>(StringComparer.Ordinal);
        foreach (var location in allowed) if (await load.IsFullAsync(location)) full.Add(location.Id);
        var ranked = RouteCandidates.Rank(allowed, shipTo, Now, location => full.Contains(location.Id), load.Zone);
        if (order.Plan?.Candidates is not { } before) return ranked;
        var places = before.Select((candidate, at) => (candidate.Id, At: at)).ToDictionary(place => place.Id, place => place.At, StringComparer.Ordinal);
        return [.. ranked.OrderBy(candidate => candidate.Full).ThenBy(candidate => places.GetValueOrDefault(candidate.Id, int.MaxValue))];
    }

    static string First(OrderLine line) => line.Bundle?.Parts[0].Sku ?? line.Sku;

    static OrderLine Bundled(OrderLine line, Route route) => line.Bundle is not { } bundle ? line
        : line with { Bundle = bundle with { Parts = [.. bundle.Parts.Select(part => part with { Places = route.Places[part.Sku] })] } };

    // A place that a person chose at the channel comes before those we would choose.
    static IReadOnlyList<string> Places(OrderLine line, IReadOnlyList<string> routed) =>
        line.Moved is { } moved ? [moved.Place, .. routed.Where(place => place != moved.Place)] : routed;
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
        var balances = await ReadAsync(unasked.SelectMany(i => Bundles.Units(order.Lines[i])).Select(unit => unit.Sku).Distinct(StringComparer.Ordinal));
        var outcomes = refused.Outcomes.ToArray();
        foreach (var i in unasked)
        {
            var line = order.Lines[i];
            var free = line.Bundle is null ? Free(line.Sku, line.Places) : line.Bundle.Parts.Min(part => Free(part.Sku, part.Places ?? line.Places) / part.Quantity);
            if (free < line.Quantity) outcomes[i] = new(Verdict.Refused, Available: free);
        }
        return refused with { Outcomes = outcomes };

        long Free(string sku, IReadOnlyList<string>? places) => balances.GetValueOrDefault(sku) is { } balance
            ? (places ?? []).Sum(place => Math.Max(0, balance.Locations.GetValueOrDefault(place)?.Available ?? 0)) : 0;
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
