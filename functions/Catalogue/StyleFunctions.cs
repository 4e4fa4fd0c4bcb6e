using Microsoft.AspNetCore.Http;
using Selvedge.Approvals;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Functions.Api;
using Selvedge.Functions.Approvals;
using Selvedge.Platform;

namespace Selvedge.Functions.Catalogue;

/// <summary>Styles as colour × size matrices, and their SKUs.</summary>
public sealed class StyleFunctions(ProductCatalogue catalogue, StyleInventories inventories, Categories categories, SalesChannels channels, ApprovalDesk approvals)
{
    const int Limit = 4 * 1024 * 1024;

    /// <summary>Makes the style what the body says; SKUs it leaves out are archived.</summary>
    [Function("PutStyle"), Access]
    public async Task<IResult> PutStyle([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "api/styles/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var draft = StyleRequest.Parse(id, await request.FieldsAsync(Limit));
        var alone = await approvals.LeewayAsync(context.Caller(), ApprovalKind.Cost) is null;
        var plan = await catalogue.PutStyleAsync(draft, request.Condition(), context.Caller().Actor, planned => CostChanges.Approve(planned, context.Caller(), alone), context.CancellationToken);
        var found = await catalogue.GetStyleAsync(id, context.CancellationToken);
        request.SetETag(found.Style.ETag);
        return Request.Answer(StyleRequest.View(found, context.Caller()), plan.Before is null ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    [Function("GetStyle"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer)]
    public async Task<IResult> GetStyle([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/styles/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var found = await catalogue.GetStyleAsync(id, context.CancellationToken);
        return request.IsUnchanged(found.Style.ETag!.Trim('"')) ? Results.StatusCode(StatusCodes.Status304NotModified) : Request.Answer(StyleRequest.View(found, context.Caller()));
    }

    [Function("ListStyles"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer)]
    public async Task<IResult> ListStyles([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/styles")] HttpRequest request, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        var (styles, next) = await catalogue.ListStylesAsync(limit, continuation, request.Parameter("season"), context.CancellationToken);
        return Request.Answer(new Page<Style>(styles, next).As(StyleRequest.Summary));
    }

    [Function("GetStyleInventory"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location | Bounds.Channel | Bounds.Customer)]
    public async Task<IResult> GetStyleInventory([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/styles/{id}/inventory")] HttpRequest request, string id, FunctionContext context)
    {
        var style = await catalogue.GetStyleOnlyAsync(id, context.CancellationToken);
        return Request.Answer(await inventories.ReadAsync(style, context.Caller(), context.CancellationToken));
    }

    /// <summary>What every version changed, who and when, the newest first. Costs only to callers who see value.</summary>
    [Function("GetStyleHistory"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer)]
    public async Task<IResult> GetStyleHistory([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/styles/{id}/history")] HttpRequest request, string id, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        var page = await catalogue.HistoryAsync(id, limit, continuation, context.CancellationToken);
        return Request.Answer(page.As(change => change.For(context.Caller())));
    }

    /// <summary>The style's SKUs that cannot be listed on a channel, and why; those that can.</summary>
    [Function("GetStyleListable"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location | Bounds.Channel | Bounds.Customer)]
    public async Task<IResult> GetStyleListable([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/styles/{id}/listable")] HttpRequest request, string id, FunctionContext context)
    {
        var (channel, rules) = await ChannelOfAsync(request, context);
        var (style, products) = await catalogue.GetStyleAsync(id, context.CancellationToken);
        return Request.Answer(new { style.Id, Channel = channel.Id, Skus = style.Cells.Where(cell => products.ContainsKey(cell.Sku)).Select(cell => Listability.Of(products[cell.Sku], style, channel, rules)) });
    }

    [Function("GetSkuListable"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location | Bounds.Channel | Bounds.Customer)]
    public async Task<IResult> GetSkuListable([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/skus/{sku}/listable")] HttpRequest request, string sku, FunctionContext context)
    {
        var (channel, rules) = await ChannelOfAsync(request, context);
        var product = await FindAsync(sku, null, context);
        return Request.Answer(Listability.Of(product, await catalogue.GetStyleOnlyAsync(product.Style, context.CancellationToken), channel, rules));
    }

    /// <summary>Sets what one unit costs, for those who keep the books.</summary>
    [Function("PutSkuCost"), Access(Role.Finance)]
    public async Task<IResult> PutSkuCost([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "api/skus/{sku}/cost")] HttpRequest request, string sku, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        if (!body.Has("cost")) body.Add("cost", "Expected an amount, e.g. \"12.50\"; it is missing.");
        var cost = body.OptionalMoney("cost");
        body.ThrowIfFaulty();
        if (await approvals.LeewayAsync(context.Caller(), ApprovalKind.Cost) is not null)
        {
            var known = await FindAsync(sku, null, context);
            var what = $"Change the cost of {known.Sku} from {Said(known.Cost)} to {Said(cost)}.";
            return await ApprovalFunctions.PendingAsync(request, approvals, approvals.Draft(context.Caller(), ApprovalKind.Cost, what, new() { Cost = new(known.Sku, cost, known.Cost) }, $"cost:{known.ETag}:{cost}", known.Sku));
        }
        var product = await catalogue.SetCostAsync(sku, cost, context.Caller().Actor, planned => CostChanges.Approve(planned, context.Caller()), context.CancellationToken);
        return Request.Answer(StyleRequest.View(product, context.Caller())!);
    }

    /// <summary>The path may name the SKU by its GTIN or another code, as it was meant at <c>?asOf=</c>.</summary>
    [Function("GetSku"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer)]
    public async Task<IResult> GetSku([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/skus/{sku}")] HttpRequest request, string sku, FunctionContext context)
    {
        var product = await FindAsync(sku, request.Instant("asOf"), context);
        return request.IsUnchanged(product.ETag!.Trim('"')) ? Results.StatusCode(StatusCodes.Status304NotModified) : Request.Answer(StyleRequest.View(product, context.Caller())!);
    }

    static string Said(long? cost) => cost is { } amount ? Money.Text(amount) : "none";

    async Task<Product> FindAsync(string code, DateTimeOffset? asOf, FunctionContext context) => await catalogue.FindProductAsync(code, asOf, context.CancellationToken)
        ?? throw ProblemException.NotFound($"No SKU, barcode or other code is '{code}'{(asOf is null ? "" : " at that time")}.");

    async Task<(Channel Channel, CategoryRules Rules)> ChannelOfAsync(HttpRequest request, FunctionContext context)
    {
        var id = request.Parameter("channel") ?? throw Request.BadParameter("channel", "is missing: name a channel");
        context.Caller().RequireChannel(id);
        return (await channels.GetAsync(id, context.CancellationToken), await categories.RulesAsync(context.CancellationToken));
    }
}
