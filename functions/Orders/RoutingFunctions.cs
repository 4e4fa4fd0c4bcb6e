using Microsoft.AspNetCore.Http;
using Selvedge.Functions.Api;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Functions.Orders;

/// <summary>Why an order is sent from where it is.</summary>
public sealed class RoutingFunctions(OrderStore orders)
{
    /// <summary>The locations as they were judged when the order was routed, and where its lines may come from now.</summary>
    [Function("GetOrderRouting"), Access(Role.Sales, Role.Warehouse, Role.Finance, Role.Viewer, By = Bounds.Location | Bounds.Channel | Bounds.Customer)]
    public async Task<IResult> GetOrderRouting([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/orders/{id}/routing")] HttpRequest request, string id, FunctionContext context) =>
        id.Length <= Ids.CosmosLimit && await orders.ReadAsync(id) is { } order && context.Caller().Reaches(order)
            ? Request.Answer(RoutingView.Of(order)) : throw ProblemException.NotFound($"There is no order '{id}'. An order's id is <channel>:<external id>.");
}
