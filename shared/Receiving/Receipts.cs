using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Catalogue;
using Selvedge.Exceptions;
using Selvedge.Ledger;
using Selvedge.Ledger.Rules;
using Selvedge.Platform;

namespace Selvedge.Receiving;

/// <summary>Goods that come in, and what it cost to bring them. A receipt is a document with all its postings first; each posting has a key made of the receipt's
/// id, and whoever finds one that is not posted goes on with it.</summary>
public sealed class Receipts(Store store, Purchasing purchasing, InventoryLedger ledger, LedgerReads reads, ProductCatalogue catalogue, ExceptionCases exceptions, TimeProvider time)
{
    public const int MostLines = 500;
    const int MostCosts = 50;
    readonly WorkOf<Receipt> receipts = new(store, time, Receipt.KindName);

    public Task<Receipt?> FindAsync(string id) => receipts.FindAsync(id);

    public Task<Page<Receipt>> ListAsync(string? order, string? asn, IReadOnlyList<string>? locations, int limit, string? continuation) =>
        receipts.ListAsync([("purchaseOrder", "=", order), ("asn", "=", asn)], locations, limit, continuation);

    /// <summary>Takes in what came. The same id again is answered as it stands.</summary>
    /// <param name="id">The receipt's id.</param>
    /// <param name="location">Where it came to, which need not be where it was expected.</param>
    /// <param name="order">The purchase order it is of; null: none, or the ASN's.</param>
    /// <param name="asn">The ASN it is of.</param>
    /// <param name="lines">What was counted in, by SKU.</param>
    /// <param name="reason">Why, in words.</param>
    /// <param name="actor">Who.</param>
    /// <exception cref="ProblemException">422: the id was used for another content, or there is no such ASN or purchase order.</exception>
    public async Task<(Receipt Receipt, bool Repeat)> ReceiveAsync(string id, string location, string? order, string? asn, IReadOnlyList<ReceivedLine> lines, string? reason, string actor)
    {
        var content = Content(location, order, asn, lines);
        if (await receipts.FindAsync(id) is { } before) return (await RunAsync(Same(before)), true);
        var (open, rate, against) = await OpenAsync(order, asn);
        var now = receipts.Now;
        var receipt = new Receipt
        {
            Id = id, At = location, PurchaseOrder = against, Asn = asn, Postings = await ValuedAsync(ReceivingRules.Plan(lines, open, rate)), Reason = reason, Content = content, Actor = actor,
            CreatedAt = now, UpdatedAt = now, Attention = receipts.Later,
        };
        var (there, created) = await receipts.CreateAsync(receipt);
        return (await RunAsync(created ? there : Same(there)), !created);

        Receipt Same(Receipt other) => other.Content == content ? other : throw ProblemException.Reused(id);
    }

    /// <summary>Spreads what it cost to bring a receipt in over its SKUs. The same id again is answered as it stands.</summary>
    /// <param name="id">The receipt.</param>
    /// <param name="cost">The cost's own id.</param>
    /// <param name="amount">In ten-thousandths of <paramref name="currency"/>.</param>
    /// <param name="currency">ISO 4217.</param>
    /// <param name="rate">Base currency for one unit of it, as decimal text.</param>
    /// <param name="basis">What it is spread by.</param>
    /// <param name="actor">Who.</param>
    /// <exception cref="ProblemException">404; 409: not posted yet, or a weight is not known; 422: the id was used for another cost.</exception>
    public async Task<(Receipt Receipt, bool Repeat)> SpreadAsync(string id, string cost, long amount, string currency, string rate, LandedBasis basis, string actor)
    {
        var content = Canonical.Start().Add(amount).Add(currency).Add(rate).Add((int)basis).ShortHash();
        var receipt = await RunAsync(await receipts.FindAsync(id) ?? throw Unknown(id));
        LandedCost? planned = null;
        if (Known(receipt) is null) planned = new(cost, ReceivingRules.Convert(amount, decimal.Parse(rate, CultureInfo.InvariantCulture)), currency, rate, basis, [], actor, receipts.Now, content);
        if (planned is not null) planned = planned with { Shares = await PlanAsync(receipt, planned.Amount, basis) };
        var (noted, changed) = await receipts.ChangeAsync(id, found => Known(found) is not null ? null
            : found.LandedCosts.Count >= MostCosts ? throw ProblemException.Conflict("too-many-costs", "The receipt has too many costs", $"Receipt '{id}' has {MostCosts} landed costs.")
            : found with { LandedCosts = [.. found.LandedCosts, planned!], Attention = receipts.Later, UpdatedAt = receipts.Now }, Unknown);
        return (await RunAsync(noted), !changed);

        LandedCost? Known(Receipt found) => found.LandedCosts.FirstOrDefault(known => known.Id == cost) is not { } known ? null : known.Content == content ? known : throw ProblemException.Reused(cost);
    }

    /// <summary>Goes on with what a crash left unposted.</summary>
    public Task<int> SweepAsync(CancellationToken cancel) => receipts.DueAsync(RunAsync, cancel);

    async Task<(IReadOnlyList<OpenLine> Lines, decimal Rate, string? Order)> OpenAsync(string? order, string? asn)
    {
        if (asn is not null)
        {
            var shipped = await purchasing.FindAsnAsync(asn) ?? throw ProblemException.UnknownReference("asn", $"There is no ASN '{asn}'.");
            if (order is not null && order != shipped.PurchaseOrder) throw ProblemException.UnknownReference("purchaseOrder", $"ASN '{asn}' is against {shipped.PurchaseOrder ?? "no purchase order"}.");
            return ([.. shipped.Lines.Select(line => new OpenLine(line.Line, line.Sku, shipped.Open(line), Asn.Supply(asn, line.Line), line.UnitCost))], Rate(shipped.Rate), shipped.PurchaseOrder);
        }
        if (order is null) return ([], 1, null);
        var ordered = await purchasing.FindOrderAsync(order) ?? throw ProblemException.UnknownReference("purchaseOrder", $"There is no purchase order '{order}'.");
        return ([.. ordered.Lines.Select(line => new OpenLine(line.Line, line.Sku, ordered.Open(line), PurchaseOrder.Supply(order, line.Line), line.UnitCost))], Rate(ordered.Rate), order);

        static decimal Rate(string text) => decimal.Parse(text, CultureInfo.InvariantCulture);
    }

    // What nobody stated a cost for comes in at the average, or the last cost; where the ledger knows neither, at the product master's cost.
    async Task<IReadOnlyList<ReceiptPosting>> ValuedAsync(IReadOnlyList<ReceiptPosting> postings)
    {
        var unstated = postings.Where(posting => posting.Value is null).Select(posting => posting.Sku).Distinct(StringComparer.Ordinal).ToList();
        if (unstated.Count == 0) return postings;
        var balances = await reads.BalancesAsync(unstated);
        var unknown = unstated.Where(sku => balances.GetValueOrDefault(sku) is null or { Value: 0, LastCost: 0 }).ToList();
        if (unknown.Count == 0) return postings;
        var products = await catalogue.FindProductsAsync(unknown);
        return [.. postings.Select(posting => posting.Value is null && unknown.Contains(posting.Sku) && products.GetValueOrDefault(posting.Sku)?.Cost is { } cost
            ? posting with { Value = ReceivingRules.Convert(cost * (decimal)posting.Units, 1) } : posting)];
    }

    async Task<Receipt> RunAsync(Receipt receipt)
    {
        while (receipt.Attention is not null)
        {
            var next = receipt.Status == "posted" ? receipt : await PostAsync(receipt);
            foreach (var cost in next.LandedCosts) if (!cost.Posted) await RevalueAsync(next, cost);
            next = next with { LandedCosts = [.. next.LandedCosts.Select(cost => cost with { Posted = true })], Attention = null, UpdatedAt = receipts.Now };
            receipt = await receipts.ReplaceAsync(next) ?? await receipts.FindAsync(receipt.Id) ?? throw Unknown(receipt.Id);
        }
        return receipt;
    }

    async Task<Receipt> PostAsync(Receipt receipt)
    {
        // One SKU's in their order, since the good units serve who waits before the damaged ones use the supply up.
        var outcomes = new Outcome[receipt.Postings.Count];
        await Task.WhenAll(receipt.Postings.Select((posting, i) => (posting, i)).GroupBy(each => each.posting.Sku, StringComparer.Ordinal).Select(async group =>
        {
            foreach (var (posting, i) in group) outcomes[i] = await ledger.ExecuteAsync(Command(receipt, posting, i));
        }));
        var beyond = await purchasing.ReceivedAsync(receipt);
        foreach (var (posting, i) in receipt.Postings.Select((posting, i) => (posting, i)))
            if (posting.Over && (receipt.Asn ?? receipt.PurchaseOrder) is { } against)
                await OpenAsync(receipt, posting, posting.Units, Ids.Join(["over", receipt.Id, i.ToString(CultureInfo.InvariantCulture)]),
                    posting.Line is null ? $"{posting.Units} {posting.Sku} came on {against}, which is not for that SKU." : $"{posting.Units} {posting.Sku} more than were open on {against} line {posting.Line} came.");

        // Another receipt of the same units was faster: the ledger told of what it saw no more of (and opened the exception), the document of the rest.
        var over = receipt.Postings.Select((posting, i) => posting.Over ? posting.Units : Told(outcomes[i])).ToArray();
        foreach (var (line, units) in beyond)
        {
            var last = receipt.Postings.Select((posting, i) => (posting, i)).Last(each => each.posting.Line == line).i;
            var untold = units - receipt.Postings.Select((posting, i) => posting.Line == line ? over[i] : 0).Sum();
            if (untold <= 0 || (receipt.Asn ?? receipt.PurchaseOrder) is not { } against) continue;
            over[last] = Math.Min(receipt.Postings[last].Units, over[last] + untold);
            await OpenAsync(receipt, receipt.Postings[last], untold, Ids.Join(["over", receipt.Id, "line", line]), $"{untold} {receipt.Postings[last].Sku} more than {against} line {line} was for came, by receipts that were posted at once.");
        }
        return receipt with { Status = "posted", Postings = [.. receipt.Postings.SelectMany((posting, i) => Parted(posting with { Worth = outcomes[i].Value }, over[i]))] };
    }

    Task OpenAsync(Receipt receipt, ReceiptPosting posting, long units, string id, string detail) => exceptions.OpenAsync(new ExceptionCase
    {
        Id = id, Kind = "overReceipt", Sku = posting.Sku, Location = receipt.At, Quantity = units, Detail = detail,
        Expected = new($"{receipt.Asn ?? receipt.PurchaseOrder}: open units", $"{units} fewer"), Found = new($"receipt {receipt.Id} by {receipt.Actor}", $"{units} too many arrived"),
    });

    // What the ledger saw arrive on a supply that had no more of it open.
    static long Told(Outcome outcome) => outcome.Exceptions?.Where(told => told.Kind is "overReceipt" or "unknownSupply").Sum(told => told.Quantity) ?? 0;

    // A posting of which some units were more than was open, as two lines. Its key is used up by then.
    static IEnumerable<ReceiptPosting> Parted(ReceiptPosting posting, long over)
    {
        if (posting.Over || over == 0) return [posting];
        if (over >= posting.Units) return [posting with { Over = true }];
        var worth = Costing.Share(posting.Worth ?? 0, over, posting.Units);
        return [posting with { Units = posting.Units - over, Worth = posting.Worth - worth }, posting with { Units = over, Worth = worth, Over = true }];
    }

    static Post Command(Receipt receipt, ReceiptPosting posting, int i) => new()
    {
        Sku = posting.Sku, Actor = receipt.Actor, Reason = receipt.Reason, Kind = PostKind.Receive, From = Accounts.Supplier,
        To = posting.Damaged ? Accounts.Quarantine(receipt.At) : Accounts.OnHand(receipt.At, posting.Bin), Quantity = posting.Units, Value = posting.Value, Supply = posting.Supply, Id = receipt.Key(i),
    };

    Task<Outcome[]> RevalueAsync(Receipt receipt, LandedCost cost) => Task.WhenAll(cost.Shares.Where(share => (share.Capitalized, share.Expensed) != (0, 0)).Select(share => ledger.ExecuteAsync(new Revalue
    {
        Sku = share.Sku, Actor = cost.Actor, Reason = $"Landed cost {cost.Id} of receipt {receipt.Id}", Value = share.Capitalized, Expensed = share.Expensed,
        Id = Ids.Join(["landed", receipt.Id, cost.Id], Ids.CosmosLimit - 2),
    })));

    async Task<IReadOnlyList<LandedShare>> PlanAsync(Receipt receipt, long amount, LandedBasis basis)
    {
        var groups = receipt.Postings.GroupBy(posting => posting.Sku, StringComparer.Ordinal).OrderBy(group => group.Key, StringComparer.Ordinal).ToList();
        var balances = await reads.BalancesAsync(groups.Select(group => group.Key));
        var products = basis == LandedBasis.Weight ? await catalogue.FindProductsAsync(groups.Select(group => group.Key)) : null;
        var weightless = groups.Where(group => products is not null && products.GetValueOrDefault(group.Key)?.Weight is null or 0 && basis == LandedBasis.Weight).Select(group => group.Key).ToList();
        if (weightless.Count > 0) throw ProblemException.Conflict("weight-unknown", "A weight is not known", $"The product master has no weight for {string.Join(", ", weightless.Take(10))}. Add it (PUT api/styles), or spread by value or quantity.");
        return ReceivingRules.Spread(amount, [.. groups.Select(group =>
        {
            var units = group.Sum(posting => posting.Units);
            var weight = basis switch { LandedBasis.Value => group.Sum(posting => posting.Worth ?? 0), LandedBasis.Quantity => units, _ => units * products![group.Key].Weight!.Value };
            return (group.Key, weight, units, balances.TryGetValue(group.Key, out var balance) ? Journal.Owned(balance) : 0);
        })]);
    }

    static string Content(string location, string? order, string? asn, IReadOnlyList<ReceivedLine> lines)
    {
        var content = Canonical.Start().Add(location).Add(order).Add(asn);
        foreach (var line in lines) content.Name("line").Add(line.Sku).Add(line.Units).Add(line.Damaged).Add(line.Bin).Add(line.Line);
        return content.ShortHash();
    }

    public static ProblemException Unknown(string id) => ProblemException.NotFound($"There is no receipt '{id}'. POST api/receipts makes one.");
}

public static class ReceivingServices
{
    public static IServiceCollection AddReceiving(this IServiceCollection services) => services.AddSingleton<Purchasing>().AddSingleton<Receipts>().AddSingleton<DamageGradings>();
}
