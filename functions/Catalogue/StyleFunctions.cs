using Microsoft.AspNetCore.Http;
using Selvedge.Catalogue;
using Selvedge.Functions.Api;
using Selvedge.Platform;

namespace Selvedge.Functions.Catalogue;

/// <summary>Styles as colour × size matrices, and their SKUs.</summary>
public sealed class StyleFunctions(ProductCatalogue catalogue, Store store)
{
    const int Limit = 4 * 1024 * 1024;

    /// <summary>Makes the style what the body says; SKUs it leaves out are archived.</summary>
    [Function("PutStyle"), Access]
    public async Task<IResult> PutStyle([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "api/styles/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var draft = StyleRequest.Parse(id, await request.FieldsAsync(Limit));
        var plan = await catalogue.PutStyleAsync(draft, request.Condition(), context.Caller().Actor, context.CancellationToken);
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

    [Function("GetStyleInventory"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer)]
    public async Task<IResult> GetStyleInventory([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/styles/{id}/inventory")] HttpRequest request, string id, FunctionContext context)
    {
        var found = await catalogue.GetStyleAsync(id, context.CancellationToken);
        return Request.Answer(await StyleInventory.ReadAsync(store, found.Style, context.Caller().ReachesLocation, context.CancellationToken));
    }

    /// <summary>The path may name the SKU by its GTIN or another code.</summary>
    [Function("GetSku"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer)]
    public async Task<IResult> GetSku([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/skus/{sku}")] HttpRequest request, string sku, FunctionContext context)
    {
        var product = await catalogue.FindProductAsync(sku, context.CancellationToken) ?? throw ProblemException.NotFound($"No SKU, barcode or other code is '{sku}'.");
        return request.IsUnchanged(product.ETag!.Trim('"')) ? Results.StatusCode(StatusCodes.Status304NotModified) : Request.Answer(StyleRequest.View(product, context.Caller())!);
    }
}
