using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Receiving;

/// <summary>
/// Purchase orders and ASNs, and the open supply they state. The ledger is told of each version of a document under that version as the revision, so what was
/// stated late is out of date there; whoever finds a version that was not stated does it.
/// </summary>
public sealed class Purchasing(Store store, InventoryLedger ledger, TimeProvider time)
{
    public const int MostLines = 1_000;
    static readonly IReadOnlyDictionary<string, IReadOnlyDictionary<string, long>> None = new Dictionary<string, IReadOnlyDictionary<string, long>>();
    readonly WorkOf<PurchaseOrder> orders = new(store, time, PurchaseOrder.KindName);
    readonly WorkOf<Asn> asns = new(store, time, Asn.KindName);

    public Task<PurchaseOrder?> FindOrderAsync(string id) => orders.FindAsync(id);
    public Task<Asn?> FindAsnAsync(string id) => asns.FindAsync(id);

    public Task<Page<PurchaseOrder>> ListOrdersAsync(string? status, string? supplier, IReadOnlyList<string>? locations, int limit, string? continuation) =>
        orders.ListAsync([("status", "=", status), ("supplier", "=", supplier)], locations, limit, continuation);

    public Task<Page<Asn>> ListAsnsAsync(string? status, string? order, IReadOnlyList<string>? locations, int limit, string? continuation) =>
        asns.ListAsync([("status", "=", status), ("purchaseOrder", "=", order)], locations, limit, continuation);

    /// <summary>Makes a purchase order what <paramref name="wanted"/> says and states what is open of it. A line that is left out is for nothing any more; the same again changes nothing.</summary>
    /// <exception cref="ProblemException">409: a line is of another SKU than before; 412: <paramref name="when"/> does not hold.</exception>
    public async Task<(PurchaseOrder Order, bool Created)> PutAsync(PurchaseOrder wanted, Precondition when)
    {
        var now = orders.Now;
        if (await orders.FindAsync(wanted.Id) is null)
        {
            if (!when.Holds(null)) throw Changed(wanted.Id);
            var (there, created) = await orders.CreateAsync((wanted with { Version = 1, Stated = 0, CreatedAt = now, UpdatedAt = now, Attention = orders.Later, ETag = null }).Judged());
            if (created) return (await StateAsync(there), true);
        }
        var (next, _) = await orders.ChangeAsync(wanted.Id, found =>
        {
            if (!when.Holds(found.ETag)) throw Changed(found.Id);
            var lines = Merged(found.Id, found.Lines, wanted.Lines);
            if ((found.At, found.Supplier, found.Currency, found.Rate, found.Due) == (wanted.At, wanted.Supplier, wanted.Currency, wanted.Rate, wanted.Due) && lines.SequenceEqual(found.Lines)) return null;
            return Next(found with { At = wanted.At, Supplier = wanted.Supplier, Currency = wanted.Currency, Rate = wanted.Rate, Due = wanted.Due, Lines = lines, Actor = wanted.Actor });
        }, UnknownOrder);
        return (await StateAsync(next), false);
    }

    /// <summary>Expects no more of a purchase order, nor of its ASNs: what is pegged to them waits for other stock.</summary>
    public async Task<PurchaseOrder> CloseOrderAsync(string id, string actor)
    {
        var (closed, _) = await orders.ChangeAsync(id, found => found.Ended ? null : Next(found with { Ended = true, Actor = actor }), UnknownOrder);
        closed = await StateAsync(closed);
        foreach (var asn in closed.OnTheWay()) await CloseAsnAsync(asn, actor);
        return await orders.FindAsync(id) ?? throw UnknownOrder(id);
    }

    /// <summary>Makes an ASN what <paramref name="wanted"/> says. Its supply takes the place of that part of its purchase order's.</summary>
    /// <param name="wanted">The whole ASN.</param>
    /// <param name="over">A person says that more comes than is open of the order's lines.</param>
    /// <param name="when">What must hold of the ASN as it is.</param>
    /// <exception cref="ProblemException">409, 412 as for purchase orders; 409 too: more than is open, or the order is closed; 422: there is no such purchase order, or it has no such line.</exception>
    public async Task<(Asn Asn, bool Created)> PutAsync(Asn wanted, bool over, Precondition when)
    {
        var there = await asns.FindAsync(wanted.Id);
        if (wanted.PurchaseOrder is { } against)
        {
            var order = await orders.FindAsync(against) ?? throw ProblemException.UnknownReference("purchaseOrder", $"There is no purchase order '{against}'.");
            RequireOpen(wanted = Against(wanted, order), there, order, over);
        }
        var now = asns.Now;
        if (there is null)
        {
            if (!when.Holds(null)) throw Changed(wanted.Id);
            (there, var created) = await asns.CreateAsync((wanted with { Version = 1, Stated = 0, CreatedAt = now, UpdatedAt = now, Attention = asns.Later, ETag = null }).Judged());
            if (created) return (await StateAsync(there), true);
        }
        var (next, _) = await asns.ChangeAsync(wanted.Id, found =>
        {
            if (!when.Holds(found.ETag)) throw Changed(found.Id);
            if (found.PurchaseOrder != wanted.PurchaseOrder) throw ProblemException.Conflict("cannot-change", "It cannot be changed so", $"ASN '{found.Id}' is against {found.PurchaseOrder ?? "no purchase order"}. Close it and send another.");
            var lines = Merged(found.Id, found.Lines, wanted.Lines);
            if ((found.At, found.Supplier, found.Currency, found.Rate, found.Due) == (wanted.At, wanted.Supplier, wanted.Currency, wanted.Rate, wanted.Due) && lines.SequenceEqual(found.Lines) && Same(found.Cartons, wanted.Cartons)) return null;
            return Next(found with { At = wanted.At, Supplier = wanted.Supplier, Currency = wanted.Currency, Rate = wanted.Rate, Due = wanted.Due, Lines = lines, Cartons = wanted.Cartons, Actor = wanted.Actor });
        }, UnknownAsn);
        return (await StateAsync(next), false);
    }

    /// <summary>Expects no more of an ASN: what did not come on it is the purchase order's again.</summary>
    public async Task<Asn> CloseAsnAsync(string id, string actor)
    {
        var (closed, _) = await asns.ChangeAsync(id, found => found.Ended ? null : Next(found with { Ended = true, Actor = actor }), UnknownAsn);
        return await StateAsync(closed);
    }

    /// <summary>Notes what a receipt brought on the lines of an ASN and of a purchase order, and states what is left. Each may be null; a receipt counts once.</summary>
    /// <returns>By line: units that came beyond what it is for, as far as this receipt may have brought them. Receipts are noted one after another, so of several that
    /// saw the same units open, the last is told.</returns>
    internal async Task<IReadOnlyDictionary<string, long>> ReceivedAsync(Receipt receipt)
    {
        var came = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var posting in receipt.Postings) if (posting.Line is { } line) came[line] = came.GetValueOrDefault(line) + posting.Units;
        if (receipt.Asn is { } asn)
        {
            var (noted, _) = await asns.ChangeAsync(asn, found => found.Receipts?.ContainsKey(receipt.Id) == true ? null : Next(found with { Receipts = With(found.Receipts, receipt.Id, came) }), UnknownAsn);
            await StateAsync(noted);
            return Beyond(noted.Lines, noted.Received);
        }
        if (receipt.PurchaseOrder is { } order)
        {
            var (noted, _) = await orders.ChangeAsync(order, found => found.Receipts?.ContainsKey(receipt.Id) == true ? null : Next(found with { Receipts = With(found.Receipts, receipt.Id, came) }), UnknownOrder);
            await StateAsync(noted);
            return Beyond(noted.Lines, noted.Received);
        }
        return came;

        Dictionary<string, long> Beyond(IReadOnlyList<SupplyLine> lines, Func<string, long> received) =>
            lines.Where(line => came.ContainsKey(line.Line)).ToDictionary(line => line.Line, line => Math.Clamp(received(line.Line) - line.Quantity, 0, came[line.Line]), StringComparer.Ordinal);
    }

    /// <summary>States what a crash left unstated.</summary>
    public async Task<int> SweepAsync(CancellationToken cancel) => await asns.DueAsync(StateAsync, cancel) + await orders.DueAsync(StateAsync, cancel);

    async Task<PurchaseOrder> StateAsync(PurchaseOrder order)
    {
        while (order.Stated < order.Version || order.Attention is not null)
        {
            // From this write on the ASNs' own attention sees to it that their supply is withdrawn.
            if (order.Ended)
                foreach (var asn in order.OnTheWay()) await asns.ChangeAsync(asn, found => found.Ended ? null : Next(found with { Ended = true, Actor = order.Actor }), UnknownAsn);
            await Task.WhenAll(order.Lines.Select(line => ledger.ExecuteAsync(new SetSupply
            {
                Sku = line.Sku, Actor = order.Actor, Supply = PurchaseOrder.Supply(order.Id, line.Line), Location = order.At, Quantity = order.Open(line), Due = order.Due, Status = "ordered",
                Revision = order.Version, Onto = order.Onto?.GetValueOrDefault(line.Line),
            })));
            order = await orders.ReplaceAsync(order with { Stated = order.Version, Attention = null }) ?? await orders.FindAsync(order.Id) ?? throw UnknownOrder(order.Id);
        }
        return order;
    }

    async Task<Asn> StateAsync(Asn asn)
    {
        while (asn.Stated < asn.Version || asn.Attention is not null)
        {
            if (asn.PurchaseOrder is null) await TellAsync(asn);
            else
            {
                // Units leave the one supply after they are on the other, so that what is pegged to them always has somewhere to go.
                var before = (await orders.FindAsync(asn.PurchaseOrder))?.Shipped?.GetValueOrDefault(asn.Id);
                var grown = asn.OfOrder().All(part => part.Value >= (before?.GetValueOrDefault(part.Key) ?? 0));
                if (grown) await TellAsync(asn);
                await NoteAsync(asn);
                if (!grown) await TellAsync(asn);
            }
            asn = await asns.ReplaceAsync(asn with { Stated = asn.Version, Attention = null }) ?? await asns.FindAsync(asn.Id) ?? throw UnknownAsn(asn.Id);
        }
        return asn;
    }

    Task<Outcome[]> TellAsync(Asn asn) => Task.WhenAll(asn.Lines.Select(line => ledger.ExecuteAsync(new SetSupply
    {
        Sku = line.Sku, Actor = asn.Actor, Supply = Asn.Supply(asn.Id, line.Line), Location = asn.At, Quantity = asn.Open(line), Due = asn.Due, Status = "shipped", Revision = asn.Version,
        Onto = line.Ordered is { } ordered ? PurchaseOrder.Supply(asn.PurchaseOrder!, ordered) : null,
    })));

    // The order says which of its units are on the ASN, and which came by it, in one version: no unit is to come twice. From then on it says too which supply they go over to.
    async Task NoteAsync(Asn asn)
    {
        var parts = asn.OfOrder();
        var (order, _) = await orders.ChangeAsync(asn.PurchaseOrder!, found =>
        {
            var known = found.Shipped?.GetValueOrDefault(asn.Id);
            if (known is not null && known.OrderBy(part => part.Key, StringComparer.Ordinal).SequenceEqual(parts) && (asn.Receipts ?? None).Keys.All(receipt => found.Receipts?.ContainsKey(receipt) == true)) return null;
            var onto = new SortedDictionary<string, string>((found.Onto ?? new Dictionary<string, string>()).ToDictionary(), StringComparer.Ordinal);
            foreach (var line in asn.Lines) if (line.Ordered is { } ordered) onto[ordered] = Asn.Supply(asn.Id, line.Line);
            var receipts = found.Receipts;
            foreach (var (receipt, units) in asn.Receipts ?? None)
            {
                var ordered = new SortedDictionary<string, long>(StringComparer.Ordinal);
                foreach (var line in asn.Lines) if (line.Ordered is { } of && units.TryGetValue(line.Line, out var came)) ordered[of] = ordered.GetValueOrDefault(of) + came;
                receipts = With(receipts, receipt, ordered);
            }
            return Next(found with { Shipped = With(found.Shipped, asn.Id, parts), Receipts = receipts, Onto = onto });
        }, UnknownOrder);
        await StateAsync(order);
    }

    PurchaseOrder Next(PurchaseOrder order) => (order with { Version = order.Version + 1, UpdatedAt = orders.Now, Attention = orders.Later }).Judged();
    Asn Next(Asn asn) => (asn with { Version = asn.Version + 1, UpdatedAt = asns.Now, Attention = asns.Later }).Judged();

    // What is left out stays, for nothing: its supply is stated to be none.
    static List<SupplyLine> Merged(string id, IReadOnlyList<SupplyLine> before, IReadOnlyList<SupplyLine> wanted)
    {
        foreach (var line in wanted)
            if (before.FirstOrDefault(known => known.Line == line.Line) is { } known && known.Sku != line.Sku)
                throw ProblemException.Conflict("cannot-change", "It cannot be changed so", $"Line '{line.Line}' of '{id}' is for SKU '{known.Sku}'. Give '{line.Sku}' a line of its own.");
        return [.. wanted, .. before.Where(known => !wanted.Any(line => line.Line == known.Line)).Select(known => known with { Quantity = 0 })];
    }

    // What an ASN says already, it may go on saying: the order may have been made smaller since.
    static void RequireOpen(Asn wanted, Asn? before, PurchaseOrder order, bool over)
    {
        foreach (var (line, i) in wanted.Lines.Select((line, i) => (line, i)))
        {
            if (line.Ordered is not { } ordered) continue;
            var (units, said) = (Sum(wanted), before?.PurchaseOrder == order.Id ? Sum(before) : 0);
            if (units <= said) continue;
            if (order.Ended) throw ProblemException.Conflict("order-closed", "The purchase order is closed", $"No more of purchase order '{order.Id}' is expected. Put the ASN against another one, or against none.");
            var own = (before?.Receipts ?? None).Keys.Sum(receipt => order.Receipts?.GetValueOrDefault(receipt)?.GetValueOrDefault(ordered) ?? 0) + (order.Shipped?.GetValueOrDefault(wanted.Id)?.GetValueOrDefault(ordered) ?? 0);
            var open = Math.Max(0, order.Lines.First(known => known.Line == ordered).Quantity - order.Received(ordered) - order.OnTheWay(ordered) + own);
            if (units > open && !over)
                throw new ProblemException(409, "beyond-order", "It is more than is open", $"lines/{i}: {units} of line '{ordered}' of purchase order '{order.Id}' are more than the {open} that neither came nor are on another ASN. Correct the ASN or the order; where the supplier does send more, say \"over\": true.");

            long Sum(Asn asn) => asn.Lines.Where(each => each.Ordered == ordered).Sum(each => each.Quantity);
        }
    }

    static Asn Against(Asn asn, PurchaseOrder order) => asn with
    {
        Supplier = asn.Supplier ?? order.Supplier, Currency = order.Currency, Rate = order.Rate,
        Lines = [.. asn.Lines.Select((line, i) =>
        {
            var of = order.Lines.FirstOrDefault(known => line.Ordered is null ? known.Sku == line.Sku : known.Line == line.Ordered && known.Sku == line.Sku);
            return of is null && line.Ordered is not null
                ? throw ProblemException.UnknownReference($"lines/{i}/orderLine", $"Purchase order '{order.Id}' has no line '{line.Ordered}' for SKU '{line.Sku}'.")
                : line with { Ordered = of?.Line, UnitCost = line.UnitCost ?? of?.UnitCost };
        })],
    };

    static bool Same(IReadOnlyList<AsnCarton>? one, IReadOnlyList<AsnCarton>? other) => (one?.Count ?? 0) == (other?.Count ?? 0)
        && (one ?? []).Zip(other ?? []).All(pair => pair.First.Sscc == pair.Second.Sscc && pair.First.Lines.OrderBy(line => line.Key, StringComparer.Ordinal).SequenceEqual(pair.Second.Lines.OrderBy(line => line.Key, StringComparer.Ordinal)));

    static SortedDictionary<string, IReadOnlyDictionary<string, long>> With(IReadOnlyDictionary<string, IReadOnlyDictionary<string, long>>? before, string id, IReadOnlyDictionary<string, long> units)
    {
        var after = new SortedDictionary<string, IReadOnlyDictionary<string, long>>(StringComparer.Ordinal);
        foreach (var (known, part) in before ?? None) after[known] = part;
        after[id] = units;
        return after;
    }

    static ProblemException Changed(string id) => new(412, "changed-meanwhile", "It is not as it was", $"'{id}' does not have the ETag you named. Read it again.");
    public static ProblemException UnknownOrder(string id) => ProblemException.NotFound($"There is no purchase order '{id}'. PUT api/purchaseorders/{{id}} makes one.");
    public static ProblemException UnknownAsn(string id) => ProblemException.NotFound($"There is no ASN '{id}'. PUT api/asns/{{id}} makes one.");
}
