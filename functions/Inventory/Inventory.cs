using System.Net;
using Microsoft.AspNetCore.Http;
using Selvedge.Catalogue;
using Selvedge.Functions.Api;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Functions.Inventory;

/// <summary>What there is, who holds it, and how it came about.</summary>
public sealed class InventoryFunctions(LedgerReads ledger, Aliases aliases, ProductCatalogue catalogue, StyleInventories bundles)
{
    const int MostSkus = 1000;

    /// <summary>One SKU's stock. Any code of the SKU will do. 304 when it has not changed.</summary>
    [Function("GetInventory"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location | Bounds.Channel | Bounds.Customer)]
    public async Task<IResult> GetAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/inventory/{sku}")] HttpRequest request, string sku, FunctionContext context)
    {
        var known = await FindAsync(sku, request.HttpContext.RequestAborted);
        if (known.Virtual && await catalogue.FindProductAsync(known.Sku, null, request.HttpContext.RequestAborted) is { } bundle)
            return Request.Answer(await bundles.OfBundleAsync(bundle, context.Caller(), request.HttpContext.RequestAborted));
        return request.IsUnchanged(known.Balance is { } balance ? $"{balance.Sequence}" : "0")
            ? Results.StatusCode(StatusCodes.Status304NotModified)
            : Request.Answer(SkuInventory.Of(known.Sku, known.Balance, context.Caller()));
    }

    /// <summary>Up to 1000 SKUs at once, in the order asked; codes that no SKU has are listed as unknown.</summary>
    [Function("QueryInventory"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location | Bounds.Channel | Bounds.Customer)]
    public async Task<IResult> QueryAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/inventory/query")] HttpRequest request, FunctionContext context)
    {
        var cancel = request.HttpContext.RequestAborted;
        var body = await request.FieldsAsync();
        if (!body.Has("skus")) body.Add("skus", $"Expected a list of 1 to {MostSkus} SKUs; it is missing.");
        var codes = body.Texts("skus", MostSkus, 200);
        body.ThrowIfFaulty();
        var caller = context.Caller();
        var balances = await ledger.BalancesAsync(codes.Where(code => Ids.IsPlain(code)), cancel);
        var others = await aliases.ResolveAsync([.. codes.Where(code => !balances.ContainsKey(code))], cancel);
        var aliased = await ledger.BalancesAsync(others.Values, cancel);
        var virtuals = new Dictionary<string, SkuInventory>(StringComparer.Ordinal);
        foreach (var product in (await catalogue.FindProductsAsync(others.Values.Where(sku => !aliased.ContainsKey(sku)), cancel)).Values.Where(product => product.Kind == ProductKind.Virtual))
            virtuals[product.Sku] = await bundles.OfBundleAsync(product, caller, cancel);
        var items = codes.Where(code => balances.ContainsKey(code) || others.ContainsKey(code)).Select(code =>
        {
            var sku = others.GetValueOrDefault(code, code);
            return virtuals.GetValueOrDefault(sku) ?? SkuInventory.Of(sku, balances.GetValueOrDefault(code) ?? aliased.GetValueOrDefault(sku), caller);
        });
        return Request.Answer(new { items, unknown = codes.Where(code => !balances.ContainsKey(code) && !others.ContainsKey(code)) });
    }

    /// <summary>The journal, the newest entry first unless <c>order=oldest</c>.</summary>
    [Function("GetEntries"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Channel)]
    public async Task<IResult> EntriesAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/inventory/{sku}/entries")] HttpRequest request, string sku, FunctionContext context)
    {
        var caller = context.Caller();
        var (limit, continuation) = request.Page();
        var newestFirst = request.Choice("order", "newest", "oldest") != "oldest";
        var known = await FindAsync(sku, request.HttpContext.RequestAborted);
        var page = await ledger.EntriesAsync(known.Sku, newestFirst, limit, continuation);
        return Request.Answer(new Page<EntryView>([.. page.Items.Where(entry => EntryView.Reaches(caller, entry)).Select(entry => EntryView.Of(entry, caller))], page.Continuation));
    }

    /// <summary>Who holds units now; a key with a location scope sees the claims at its locations.</summary>
    [Function("GetClaims"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location | Bounds.Channel)]
    public async Task<IResult> ClaimsAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/inventory/{sku}/claims")] HttpRequest request, string sku, FunctionContext context)
    {
        var caller = context.Caller();
        var (limit, continuation) = request.Page();
        var known = await FindAsync(sku, request.HttpContext.RequestAborted);
        var page = await ledger.ClaimsAsync(known.Sku, limit, continuation);
        return Request.Answer(new Page<ClaimView>([.. page.Items.Where(claim => caller.ReachesLocation(claim.Place) && caller.ReachesChannel(claim.Channel)).Select(ClaimView.Of)], page.Continuation));
    }

    // One point read where the SKU has moved; the aliases are asked only where it has not, or where the code is not the SKU itself.
    async Task<(string Sku, Balance? Balance, bool Virtual)> FindAsync(string code, CancellationToken cancel)
    {
        if (Ids.IsPlain(code) && await ledger.BalanceAsync(code, cancel) is { } balance) return (code, balance, false);
        var meaning = await aliases.MeaningAsync(code, null, cancel) ?? throw ProblemException.NotFound($"There is no SKU '{code}'. PUT api/styles/{{id}} or POST api/imports/products makes it.");
        return (meaning.Sku, meaning.Virtual ? null : await ledger.BalanceAsync(meaning.Sku, cancel), meaning.Virtual);
    }
}
