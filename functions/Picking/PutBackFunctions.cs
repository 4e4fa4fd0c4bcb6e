using Microsoft.AspNetCore.Http;
using Selvedge.Functions.Api;
using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Functions.Picking;

/// <summary>Staged units that nobody wants any more, back to the shelf.</summary>
public sealed class PutBackFunctions(PuttingBack puttingBack, PutBacks tasks)
{
    /// <summary>Open put-back tasks.</summary>
    [Function("ListPutBacks"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> ListPutBacks([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/putbacks")] HttpRequest request, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        return Request.Answer((await puttingBack.ListAsync(request.Reached(context.Caller()), limit, continuation)).As(PickView.Of));
    }

    /// <summary>A unit is on the shelf again: anybody may have it.</summary>
    [Function("ScanPutBack"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> ScanPutBack([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/putbacks/{id}/scan")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var input = body.Scan();
        body.ThrowIfFaulty();
        var caller = context.Caller();
        var found = WorkIds.LocationOf(id) is { } location && caller.ReachesLocation(location) && await tasks.ReadAsync(id) is { } there ? there : throw PuttingBack.Unknown(id);
        var (task, scan, repeat) = await puttingBack.ScanAsync(found, input, caller.Actor);
        if (repeat) request.MarkReplayed();
        return Request.Answer(new { ScanId = scan.Id, scan.Sku, scan.Quantity, Lines = scan.Parts, PutBack = PickView.Of(task) });
    }
}
