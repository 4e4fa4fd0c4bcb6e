using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Functions.Api;
using Selvedge.Orders;
using Selvedge.People;
using Selvedge.Platform;

namespace Selvedge.Functions.Orders;

/// <summary>Canonical orders over HTTP.</summary>
public sealed class OrderFunctions(Intake intake, OrderStore orders, SalesChannels channels, ProductCatalogue catalogue, IConfiguration configuration, TimeProvider time, AccessLog access, Idempotency idempotency, Fulfilment fulfilment)
{
    /// <summary>Largest order by API, in bytes.</summary>
    const int Limit = 2 * 1024 * 1024;
    const Bounds Reach = Bounds.Location | Bounds.Channel | Bounds.Customer;
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(12);

    /// <summary>Takes an order in. The same channel and externalId again is the same order: answered with <c>Idempotent-Replayed: true</c>, or 422 when it
    /// says something else; so does the same <c>Idempotency-Key</c>. 201 new, 200 repeated, 202 durable and still being decided, 409 refused (all or nothing).</summary>
    [Function("PostOrder"), Access(Role.Sales, Role.Portal, By = Reach)]
    public async Task<IResult> PostOrder([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/orders")] HttpRequest request, FunctionContext context)
    {
        var (caller, bytes) = (context.Caller(), await request.BytesAsync(Limit));
        var asked = OrderRequest.Parse(RequestFields.Parse(bytes), caller.Actor).For(caller);
        return await idempotency.OnceAsync(request, caller, bytes, () => TakeAsync(request, asked, caller, context.CancellationToken), repeatable: true);
    }

    async Task<Answered> TakeAsync(HttpRequest request, OrderRequest asked, Caller caller, CancellationToken cancel)
    {
        var channel = await channels.FindAsync(asked.Channel, cancel)
            ?? throw ProblemException.Invalid($"/channel: There is no channel '{asked.Channel}'. PUT api/channels/{{id}} makes one.", [new Fault("/channel", "There is no such channel.")]);
        OrderRequest.CheckChannel(channel, caller);
        if (!channel.Locations.All(caller.ReachesLocation)) throw ProblemException.Forbidden($"Orders of the channel '{channel.Id}' are filled from locations that your key does not reach. Use a key without a location scope.");
        // An order that is there is answered as it is, whatever has lapsed since.
        if (asked.Draft is { Hold: not null } or { ShipWindow: not null } && await orders.ReadAsync(Ids.Order(channel.Id, asked.Draft.ExternalId)) is null)
        {
            if (asked.Draft.Hold is { } hold) OrderRequest.CheckHold(channel, hold.ExpiresAt, time.GetUtcNow(), "/hold/expiresAt");
            if (asked.Draft.ShipWindow is { } window) OrderRequest.CheckWindow(window, time.GetUtcNow());
        }
        await asked.CheckAsync(code => catalogue.ResolveAsync(code));
        var content = asked.Draft.ContentHash();
        var draft = asked.Draft.Currency.Length > 0 ? asked.Draft : asked.Draft with { Currency = configuration["Currency"] ?? "AUD" };
        var taken = await intake.TakeAsync(channel, draft, Patience, content);
        var order = taken.Order;
        if (!caller.Reaches(order)) throw ProblemException.Reused(asked.Draft.ExternalId);
        if (taken.Repeat) request.MarkReplayed();
        if (order.Status == OrderStatus.Refused) throw OrderView.Refusal(order);
        var status = order.Intake is not null ? StatusCodes.Status202Accepted : taken.Repeat ? StatusCodes.Status200OK : StatusCodes.Status201Created;
        return new(status, OrderView.Of(order), "/api/orders/" + Uri.EscapeDataString(order.Id));
    }

    /// <summary>One order, with how far its deliveries are, and the people it is for where the caller's work needs them.</summary>
    [Function("GetOrder"), Access(Role.Sales, Role.Warehouse, Role.Finance, Role.Viewer, Role.Portal, By = Reach)]
    public async Task<IResult> GetOrder([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/orders/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var order = await FindAsync(id, context.Caller());
        request.SetETag(order.ETag);
        var person = await orders.ReadPersonAsync(order.Id);
        var shown = person is { ErasedAt: null } && context.Caller().Role is (Role.Admin or Role.Sales or Role.Warehouse or Role.Portal) ? person : null;
        if (shown is not null) await access.NoteAsync(order.Id, AccessKind.Read, context.Caller(), context.InvocationId);
        return Request.Answer(OrderView.Of(order, shown, await fulfilment.TicketsAsync(order)) with { Erased = person?.ErasedAt });
    }

    /// <summary>Orders, the latest first.</summary>
    [Function("ListOrders"), Access(Role.Sales, Role.Warehouse, Role.Finance, Role.Viewer, Role.Portal, By = Reach)]
    public async Task<IResult> ListOrders([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/orders")] HttpRequest request, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        var status = request.Choice("status", [.. Enum.GetNames<OrderStatus>().Select(JsonNamingPolicy.CamelCase.ConvertName)]);
        var page = await orders.ListAsync(status is null ? null : Enum.Parse<OrderStatus>(status, ignoreCase: true), request.Parameter("channel"),
            context.Caller(), limit, continuation);
        return Request.Answer(page.As(order => OrderView.Of(order)));
    }

    /// <summary>Cancels an order at any stage: what it holds is available again, what was picked is put back, and 409 where everything has left. Of an order under
    /// way 202: what has not left is called off next. <c>{reason?}</c></summary>
    [Function("CancelOrder"), Access(Role.Sales, Role.Portal, By = Reach)]
    public async Task<IResult> CancelOrder([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/orders/{id}/cancel")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync(optional: true);
        var reason = body.OptionalText("reason", 200);
        body.ThrowIfFaulty();
        var order = await FindAsync(id, context.Caller());
        if (await fulfilment.IsTooLateAsync(order)) throw ProblemException.Conflict("not-cancellable", "The order has left", $"All of order '{order.Id}' has left, or is being handed to the carrier. Expect it back instead (POST api/returns).");
        var cancel = new Cancel(CancelState.Asked, InstantConverter.Cut(time.GetUtcNow()), reason, context.Caller().Actor);
        return Answer(request, await intake.CancelAsync(order.Id, cancel, Patience) ?? throw Unknown(id));
    }

    /// <summary>Changes how many units lines of an order want, 0 and more, before they have left; of a channel's order the channel says that. <c>{lines[{line, quantity}]}</c></summary>
    [Function("EditOrder"), Access(Role.Sales, By = Reach)]
    public async Task<IResult> EditOrder([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/orders/{id}/edit")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var wanted = OrderRequest.ParseEdit(body);
        var order = await FindAsync(id, context.Caller());
        return Answer(request, await intake.EditAsync(order.Id, wanted, Patience) ?? throw Unknown(id));
    }

    /// <summary>Sells what an order on hold holds.</summary>
    [Function("ConfirmOrder"), Access(Role.Sales, By = Reach)]
    public async Task<IResult> ConfirmOrder([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/orders/{id}/confirm")] HttpRequest request, string id, FunctionContext context)
    {
        var order = await FindAsync(id, context.Caller());
        return Answer(request, await intake.ConfirmAsync(order.Id, context.Caller().Actor, Patience) ?? throw Unknown(id));
    }

    /// <summary>Holds what an order holds until another day. <c>{expiresAt}</c></summary>
    [Function("ExtendOrder"), Access(Role.Sales, By = Reach)]
    public async Task<IResult> ExtendOrder([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/orders/{id}/extend")] HttpRequest request, string id, FunctionContext context)
    {
        var until = OrderRequest.ParseExtension(await request.FieldsAsync());
        var order = await FindAsync(id, context.Caller());
        OrderRequest.CheckHold(await channels.GetAsync(order.Channel), until, time.GetUtcNow(), "/expiresAt");
        return Answer(request, await intake.ExtendAsync(order.Id, until, Patience) ?? throw Unknown(id));
    }

    static IResult Answer(HttpRequest request, Taken taken)
    {
        if (taken.Repeat) request.MarkReplayed();
        return Request.Answer(OrderView.Of(taken.Order), taken.Order.Intake is not null || taken.Order is { UnderWay: not null, Cancel.Settled: false } ? StatusCodes.Status202Accepted : StatusCodes.Status200OK);
    }

    // What a key does not reach does not exist for it.
    async Task<Order> FindAsync(string id, Caller caller) =>
        id.Length <= Ids.CosmosLimit && await orders.ReadAsync(id) is { } order && caller.Reaches(order) ? order : throw Unknown(id);

    static ProblemException Unknown(string id) => ProblemException.NotFound($"There is no order '{id}'. An order's id is <channel>:<external id>.");
}
