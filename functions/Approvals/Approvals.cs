using Microsoft.AspNetCore.Http;
using Selvedge.Approvals;
using Selvedge.Catalogue;
using Selvedge.Functions.Api;
using Selvedge.Ledger;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Functions.Approvals;

/// <summary>What takes a second person: asked by one, decided by another, executed as it was asked.</summary>
public sealed class ApprovalFunctions(ApprovalDesk approvals, InventoryLedger ledger, OrderStore orders, ProductCatalogue catalogue)
{
    const Bounds Reach = Bounds.Location | Bounds.Channel | Bounds.Customer;

    /// <summary>Approvals, the newest first; by state where asked.</summary>
    [Function("ListApprovals"), Access(Role.Warehouse, Role.Sales, Role.Finance, By = Reach)]
    public async Task<IResult> ListAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/approvals")] HttpRequest request, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        ApprovalState? state = request.Choice("state", "open", "approved", "refused", "expired", "done") is { } word ? Enum.Parse<ApprovalState>(word, ignoreCase: true) : null;
        var page = await approvals.ListAsync(state, limit, continuation);
        return Request.Answer(new Page<ApprovalView>([.. page.Items.Where(found => found.IsWithin(context.Caller())).Select(ApprovalView.Of)], page.Continuation));
    }

    [Function("GetApproval"), Access(Role.Warehouse, Role.Sales, Role.Finance, By = Reach)]
    public async Task<IResult> GetAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/approvals/{id}")] HttpRequest request, string id, FunctionContext context) =>
        Request.Answer(ApprovalView.Of(await approvals.FindAsync(id) is { } found && found.IsWithin(context.Caller()) ? found : throw ApprovalDesk.Unknown(id)));

    /// <summary>A second person agrees, and what was asked is executed. <c>{reason?}</c></summary>
    [Function("Approve"), Access(Role.Sales, Role.Finance, By = Reach)]
    public Task<IResult> ApproveAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/approvals/{id}/approve")] HttpRequest request, string id, FunctionContext context) => DecideAsync(request, id, true, context);

    /// <summary>A second person does not agree. <c>{reason}</c></summary>
    [Function("Refuse"), Access(Role.Sales, Role.Finance, By = Reach)]
    public Task<IResult> RefuseAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/approvals/{id}/refuse")] HttpRequest request, string id, FunctionContext context) => DecideAsync(request, id, false, context);

    async Task<IResult> DecideAsync(HttpRequest request, string id, bool approve, FunctionContext context)
    {
        var body = await request.FieldsAsync(optional: true);
        var reason = approve ? body.OptionalText("reason", 500) : body.Text("reason", 500);
        body.ThrowIfFaulty();
        var (decided, repeated) = await approvals.DecideAsync(id, approve, reason, context.Caller());
        if (repeated) request.MarkReplayed();
        return Request.Answer(ApprovalView.Of(decided));
    }

    /// <summary>What one person may do alone.</summary>
    [Function("GetApprovalLimits"), Access(Role.Warehouse, Role.Sales, Role.Finance)]
    public async Task<IResult> GetLimitsAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/approval-limits")] HttpRequest request)
    {
        var limits = await approvals.LimitsAsync(fresh: true);
        request.SetETag(limits.ETag);
        return Request.Answer(LimitsView.Of(limits));
    }

    [Function("PutApprovalLimits"), Access(By = Bounds.Everything)]
    public async Task<IResult> PutLimitsAsync([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "api/approval-limits")] HttpRequest request, FunctionContext context)
    {
        var limits = await approvals.SetLimitsAsync(ApprovalLimits.Parse(await request.FieldsAsync()), request.Condition(), context.Caller().Actor);
        request.SetETag(limits.ETag);
        return Request.Answer(LimitsView.Of(limits));
    }

    /// <summary>Gives units that one order line holds to another that waits; a customer's take a second person.</summary>
    [Function("ReassignClaim"), Access(Role.Sales, By = Bounds.Channel | Bounds.Customer)]
    public async Task<IResult> ReassignAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/claims/reassign")] HttpRequest request, FunctionContext context)
    {
        var caller = context.Caller();
        var body = await request.FieldsAsync();
        var (id, code, from, to, reason) = (body.Text("id", 100), body.Text("sku", 200), body.Object("from"), body.Object("to"), body.OptionalText("reason", 500));
        if (from is null) body.Add("from", "Expected {order, line}.");
        if (to is null) body.Add("to", "Expected {order, line}.");
        if (!body.Has("quantity")) body.Add("quantity", "Expected a whole number of units; it is missing.");
        var (fromOrder, fromLine, toOrder, toLine) = (from?.Text("order", 255) ?? "", from?.Text("line", 120) ?? "", to?.Text("order", 255) ?? "", to?.Text("line", 120) ?? "");
        var quantity = body.Whole("quantity", 1, 1_000_000, 1);
        if ((fromOrder, fromLine) == (toOrder, toLine)) body.Add("to", "Expected another order line than 'from'.");
        body.ThrowIfFaulty();
        var giving = await OrderAsync(fromOrder, "from/order", caller);
        var taking = await OrderAsync(toOrder, "to/order", caller);
        // Nobody is asked to agree to what cannot be.
        foreach (var (order, line) in new[] { (giving, fromLine), (taking, toLine) })
            if (order.Lines.FirstOrDefault(each => each.Id == line) is { Bundle: null } known && known.Quantity < quantity)
                throw ProblemException.Conflict("cannot-reassign", "The units cannot be given", $"Order {order.Id} line {line} is for {known.Quantity} {known.Sku}, not {quantity}.");
        var sku = await catalogue.ResolveAsync(code) ?? throw ProblemException.UnknownReference("sku", $"There is no SKU '{code}'.");
        var command = new Reassign { Sku = sku, FromOrder = fromOrder, FromLine = fromLine, Order = toOrder, Line = toLine, Quantity = quantity, Actor = caller.Actor, Reason = reason, Id = Ids.Join(["reassign", id], Ids.CosmosLimit - 2) };
        // Whoever bought in a shop or at a marketplace is a customer, though we know no name for them.
        if ((giving.Customer is not null || giving.ChannelKind is not (Surface.Wholesale or Surface.B2b)) && await approvals.LeewayAsync(caller, ApprovalKind.Reassign) is not null)
        {
            var what = $"Give {quantity} {sku} of order {fromOrder} line {fromLine} to order {toOrder} line {toLine}.";
            return await PendingAsync(request, approvals, approvals.Draft(caller, ApprovalKind.Reassign, what, Asked.Of(command), command.Key, sku) with { Channel = giving.Channel, Customer = giving.Customer });
        }
        var outcome = await ledger.ExecuteAsync(command);
        if (outcome.Repeated) request.MarkReplayed();
        return outcome.Verdict == Verdict.Refused
            ? throw ProblemException.Conflict("cannot-reassign", "The units cannot be given", outcome.Refusal ?? "The ledger refused it.")
            : Request.Answer(new { id, sku, quantity, outcome.Sequence });
    }

    async Task<Order> OrderAsync(string id, string member, Caller caller) => id.Length <= Ids.CosmosLimit && await orders.ReadAsync(id) is { } order && caller.Reaches(order)
        ? order : throw ProblemException.UnknownReference(member, $"There is no order '{id}'.");

    /// <summary>202 with the approval that is asked for; what was asked before is answered as it stands.</summary>
    internal static async Task<IResult> PendingAsync(HttpRequest request, ApprovalDesk approvals, Approval draft)
    {
        var asked = await approvals.AskAsync(draft);
        if (asked.State is ApprovalState.Refused or ApprovalState.Expired)
            throw ProblemException.Conflict("approval-refused", "It was not approved", $"Approval '{asked.Id}' is {(asked.State is ApprovalState.Expired ? "expired" : "refused")}{(asked.Refusal ?? asked.Reason) switch { { } why => ": " + why, _ => "." }} Ask again under a new id.");
        request.HttpContext.Response.Headers.Location = "/api/approvals/" + asked.Id;
        return Request.Answer(ApprovalView.Of(asked), asked.State is ApprovalState.Done ? StatusCodes.Status200OK : StatusCodes.Status202Accepted);
    }

    /// <summary>Executes what a crash left approved; ends what nobody decided on in a week.</summary>
    [Function("ApprovalSweeper")]
    public Task SweepAsync([TimerTrigger("15 * * * * *")] TimerInfo timer, FunctionContext context) => approvals.SweepAsync(context.CancellationToken);
}

/// <summary>An approval as the API shows it.</summary>
public sealed record ApprovalView(string Id, ApprovalKind Kind, string What, string? Sku, string? Location, string AskedBy, DateTimeOffset AskedAt, DateTimeOffset ExpiresAt, ApprovalState State,
    string? DecidedBy, DateTimeOffset? DecidedAt, string? Reason, long? Sequence, string? Refusal)
{
    public static ApprovalView Of(Approval a) => new(a.Id, a.Kind, a.What, a.Sku, a.Location, a.AskedBy, a.AskedAt, a.ExpiresAt, a.State, a.DecidedBy, a.DecidedAt, a.Reason, a.Sequence, a.Refusal);
}

/// <summary>What one person may do alone, as the API shows it.</summary>
public sealed record LimitsView(long Units, string Value, IReadOnlyDictionary<string, IReadOnlyList<Role>> Alone, DateTimeOffset? UpdatedAt, string? Actor)
{
    public static LimitsView Of(ApprovalLimits limits) => new(limits.Units, Money.Text(limits.Value),
        limits.Alone.ToDictionary(of => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(of.Key.ToString()), of => of.Value), limits.UpdatedAt, limits.Actor);
}
