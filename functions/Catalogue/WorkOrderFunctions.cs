using Microsoft.AspNetCore.Http;
using Selvedge.Catalogue;
using Selvedge.Functions.Api;
using Selvedge.Platform;

namespace Selvedge.Functions.Catalogue;

/// <summary>Packed SKUs are made of their components, and taken apart.</summary>
public sealed class WorkOrderFunctions(WorkOrders orders, Locations locations)
{
    /// <summary>Assembles or breaks. The same id again is answered as it stands; what is short takes nothing.</summary>
    [Function("PostWorkOrder"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> PostWorkOrder([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/workorders")] HttpRequest request, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var (id, kind, sku, location) = (body.Text("id", 100), body.Word<WorkOrderKind>("kind"), body.Text("sku", 200), body.Text("location", 40));
        if (id.Length > 0 && !Ids.IsPlain(id)) body.Add("id", @"It may not have / \ ? # : % or blanks at its ends.");
        if (!body.Has("quantity")) body.Add("quantity", "Expected a whole number of packed units; it is missing.");
        var (quantity, reason) = (body.Whole("quantity", 1, 1_000_000, 1), body.OptionalText("reason", 500));
        body.ThrowIfFaulty();
        context.Caller().RequireLocation(location);
        if (await locations.FindAsync(location, context.CancellationToken) is null) throw ProblemException.NotFound($"There is no location '{location}'. PUT api/locations/{{id}} makes one.");
        var (order, repeat) = await orders.ExecuteAsync(id, kind, sku, location, quantity, reason, context.Caller().Actor);
        if (repeat) request.MarkReplayed();
        if (order.State == WorkOrderState.Refused) throw ProblemException.Conflict("insufficient-stock", "Not enough stock", $"Work order '{id}' was refused and took nothing. {order.Refusal} Ask again under a new id.");
        return Request.Answer(order.View(context.Caller()), repeat ? StatusCodes.Status200OK : StatusCodes.Status201Created);
    }

    [Function("GetWorkOrder"), Access(Role.Warehouse, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> GetWorkOrder([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/workorders/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var order = await orders.GetAsync(id);
        if (!context.Caller().ReachesLocation(order.Location)) throw ProblemException.NotFound($"There is no work order '{id}'.");
        return Request.Answer(order.View(context.Caller()));
    }

    /// <summary>Goes on with what a crash left open.</summary>
    [Function("WorkOrderSweeper")]
    public Task SweepWorkOrders([TimerTrigger("*/30 * * * * *")] TimerInfo timer, FunctionContext context) => orders.SweepAsync(context.CancellationToken);
}
