using Microsoft.AspNetCore.Http;
using Selvedge.Functions.Api;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Functions.Orders;

/// <summary>What a person says about an order on its way to the customer: do not send it yet; send it; go on.</summary>
public sealed class BlockFunctions(Blocks blocks, OrderStore orders)
{
    const Bounds Reach = Bounds.Location | Bounds.Channel | Bounds.Customer;

    /// <summary>Keeps an order from being begun until the block is lifted; of one under way what nobody has begun to pick is called off. <c>{kind, reason?}</c></summary>
    [Function("BlockOrder"), Access(Role.Sales, Role.Finance, By = Reach)]
    public async Task<IResult> Block([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/orders/{id}/blocks")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var (kind, reason) = (body.Word<BlockKind>("kind"), body.OptionalText("reason", 200));
        body.ThrowIfFaulty();
        var order = await FindAsync(id, context.Caller());
        return Answer(request, id, await blocks.BlockAsync(order.Id, kind, reason, context.Caller().Actor));
    }

    /// <summary>Lifts a block.</summary>
    [Function("LiftBlock"), Access(Role.Sales, Role.Finance, By = Reach)]
    public async Task<IResult> Lift([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/orders/{id}/blocks/{kind}/lift")] HttpRequest request, string id, string kind, FunctionContext context)
    {
        var order = await FindAsync(id, context.Caller());
        if (!Enum.TryParse<BlockKind>(kind, ignoreCase: true, out var known) || char.IsDigit(kind[0])) throw ProblemException.NotFound($"Order '{id}' was never blocked for '{kind}'.");
        return Answer(request, id, await blocks.LiftAsync(order.Id, known, context.Caller().Actor));
    }

    /// <summary>Lets a parked delivery go on.</summary>
    [Function("ResumeDelivery"), Access(Role.Sales, Role.Warehouse, By = Reach)]
    public async Task<IResult> Resume([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/orders/{id}/deliveries/{delivery}/resume")] HttpRequest request, string id, string delivery, FunctionContext context, [DurableClient] DurableTaskClient client)
    {
        var order = await FindAsync(id, context.Caller());
        if (!int.TryParse(delivery, System.Globalization.NumberStyles.None, null, out var number)) throw ProblemException.NotFound($"Order '{id}' has no delivery '{delivery}'.");
        var resumed = await blocks.ResumeAsync(order.Id, number);
        if (resumed is { Changed: true, Order.UnderWay: { } mine }) await FulfilmentStarter.TellAsync(client, new(order.Id, mine.Id, mine.Run));
        return Answer(request, id, resumed);
    }

    static IResult Answer(HttpRequest request, string id, (Order Order, bool Changed)? done)
    {
        if (done is not { } found) throw Unknown(id);
        if (!found.Changed) request.MarkReplayed();
        return Request.Answer(OrderView.Of(found.Order));
    }

    // What a key does not reach does not exist for it.
    async Task<Order> FindAsync(string id, Caller caller) =>
        id.Length <= Ids.CosmosLimit && await orders.ReadAsync(id) is { } order && caller.Reaches(order) ? order : throw Unknown(id);

    static ProblemException Unknown(string id) => ProblemException.NotFound($"There is no order '{id}'. An order's id is <channel>:<external id>.");
}
