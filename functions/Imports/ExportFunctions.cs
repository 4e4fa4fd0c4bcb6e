using Microsoft.AspNetCore.Http;
using Selvedge.Functions.Api;
using Selvedge.Imports;
using Selvedge.Platform;

namespace Selvedge.Functions.Imports;

/// <summary>The catalogue as a file.</summary>
public sealed class ExportFunctions(ProductExport export)
{
    /// <summary>Products as CSV or JSON, streamed; imported again it changes nothing. It holds costs, so it is for those who see them.</summary>
    [Function("ExportProducts"), Access(Role.Finance)]
    public IResult ExportProducts([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/exports/products")] HttpRequest request, FunctionContext context)
    {
        var (json, season, caller) = (request.Choice("format", "csv", "json") == "json", request.Parameter("season"), context.Caller());
        return Results.Stream(to => json ? export.WriteJsonAsync(to, season, caller, request.HttpContext.RequestAborted) : export.WriteCsvAsync(to, season, request.HttpContext.RequestAborted),
            json ? "application/json" : "text/csv; charset=utf-8", json ? "products.json" : "products.csv");
    }
}
