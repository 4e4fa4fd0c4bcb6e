using Microsoft.AspNetCore.Http;
using Selvedge.Catalogue;
using Selvedge.Functions.Api;
using Selvedge.Platform;

namespace Selvedge.Functions.Catalogue;

/// <summary>Where stock is.</summary>
public sealed class LocationFunctions(Locations locations)
{
    [Function("PutLocation"), Access]
    public async Task<IResult> PutLocation([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "api/locations/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var wanted = Location.Parse(id, await request.FieldsAsync());
        var (location, created) = await locations.PutAsync(wanted, request.Condition(), context.Caller().Actor, context.CancellationToken);
        request.SetETag(location.ETag);
        return Request.Answer(location.View(), created ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    [Function("GetLocation"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location | Bounds.Channel | Bounds.Customer)]
    public async Task<IResult> GetLocation([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/locations/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        if (!context.Caller().ReachesLocation(id)) throw Locations.Unknown(id);
        var location = await locations.GetAsync(id, context.CancellationToken);
        return request.IsUnchanged(location.ETag!.Trim('"')) ? Results.StatusCode(StatusCodes.Status304NotModified) : Request.Answer(location.View());
    }

    /// <summary>All in one page: there are as many as the brand has places.</summary>
    [Function("ListLocations"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location | Bounds.Channel | Bounds.Customer)]
    public async Task<IResult> ListLocations([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/locations")] HttpRequest request, FunctionContext context)
    {
        var all = await locations.ListAsync(context.CancellationToken);
        return Request.Answer(new Page<object>([.. all.Where(location => context.Caller().ReachesLocation(location.Id)).Select(location => location.View())], null));
    }
}
