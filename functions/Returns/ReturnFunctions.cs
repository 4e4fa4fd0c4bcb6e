using Microsoft.AspNetCore.Http;
using Selvedge.Catalogue;
using Selvedge.Functions.Api;
using Selvedge.Functions.Receiving;
using Selvedge.Orders;
using Selvedge.Platform;
using Selvedge.Returns;

namespace Selvedge.Functions.Returns;

/// <summary>What customers send back.</summary>
public sealed class ReturnFunctions(ReturnDesk desk, OrderStore orders, ProductCatalogue catalogue, Locations locations)
{
    /// <summary>Opens a return (RMA). The same id again is answered as it stands.</summary>
    [Function("PostReturn"), Access(Role.Warehouse, Role.Sales, By = Bounds.Location | Bounds.Channel)]
    public async Task<IResult> Post([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/returns")] HttpRequest request, FunctionContext context)
    {
        var (caller, body) = (context.Caller(), await request.FieldsAsync());
        var (id, order, location, reason, replacement) = (body.Text("id", 80), body.OptionalText("order", 255), body.OptionalText("location", 40), body.OptionalText("reason", 500), body.OptionalText("replacement", 255));
        if (id.Length > 0 && !Ids.IsPlain(id, 80)) body.Add("id", @"It may not have / \ ? # : % or blanks at its ends.");
        var lines = new List<ExpectedLine>();
        foreach (var line in body.Objects("lines", ReturnDesk.MostLines))
        {
            if (!line.Has("quantity")) line.Add("quantity", "Expected a whole number of units; it is missing.");
            lines.Add(new(line.Text("line", 120), line.OptionalText("sku", 200) ?? "", line.Whole("quantity", 1, 1_000_000, 1), line.OptionalText("reason", 500)));
            if (lines.Take(lines.Count - 1).Any(other => other.Line == lines[^1].Line && other.Sku == lines[^1].Sku)) line.Add("line", $"Line '{lines[^1].Line}' is there twice.");
        }
        if (order is not null && lines.Count == 0) body.Add("lines", "Expected the order's lines that come back: {line, quantity}.");
        body.ThrowIfFaulty();
        if (location is not null) await RequireAsync(caller, location);
        if (order is null && (lines.Count > 0 || caller.Scope.Channels is not null)) throw ProblemException.UnknownReference("order", "Name the order whose lines come back. Without one, leave 'lines' out and take in what comes.");
        var known = order is null ? null : await OrderAsync(caller, order, "order");
        if (replacement is not null) await OrderAsync(caller, replacement, "replacement");
        var resolved = new List<ExpectedLine>();
        foreach (var (line, i) in lines.Select((line, i) => (line, i)))
        {
            var of = known!.Lines.FirstOrDefault(each => each.Id == line.Line);
            if (of is null && line.Sku.Length == 0) throw ProblemException.UnknownReference($"lines/{i}/line", $"Order '{order}' has no line '{line.Line}'. Of a bundle, name the part's line and its SKU.");
            resolved.Add(line with { Sku = await catalogue.StockedAsync(line.Sku.Length > 0 ? line.Sku : of!.Sku, $"lines/{i}/sku") });
        }
        var (made, repeat) = await desk.OpenAsync(new() { Id = id, At = location, Order = order, Channel = Ids.ChannelOf(order), Source = "rma", Reason = reason, Replacement = replacement, Lines = resolved, Actor = caller.Actor }, Handed);
        if (repeat) request.MarkReplayed();
        return Request.Answer(View(made), repeat ? StatusCodes.Status200OK : StatusCodes.Status201Created);

        long? Handed(ExpectedLine line) => known!.Lines.FirstOrDefault(each => each.Id == line.Line) is { TakesStock: false } of ? Math.Max(of.Ordered ?? of.Quantity, TillFacts.Shipped(known, of)) : null;
    }

    [Function("GetReturn"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location | Bounds.Channel)]
    public async Task<IResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/returns/{id}")] HttpRequest request, string id, FunctionContext context) =>
        Request.Answer(View(await ReachedAsync(context.Caller(), id)));

    [Function("ListReturns"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location | Bounds.Channel)]
    public async Task<IResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/returns")] HttpRequest request, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        var page = await desk.ListAsync(request.Choice("status", "expected", "partial", "received", "graded", "closed"), request.Parameter("order"), limit, continuation);
        return Request.Answer(new Page<object>([.. page.Items.Where(found => Reaches(context.Caller(), found)).Select(View)], page.Continuation));
    }

    /// <summary>Takes in what really came: another SKU, another place, more or fewer. A fact; ungraded, in quarantine.</summary>
    [Function("ReceiveReturn"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> Receive([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/returns/{id}/receive")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var (receipt, location) = (body.Text("receiptId", 80), body.Text("location", 40));
        if (!body.Has("lines")) body.Add("lines", "Expected what came: {sku | barcode, quantity, line?}.");
        var lines = body.Objects("lines", ReturnDesk.MostLines).Select(line =>
        {
            if (line.Has("sku") == line.Has("barcode")) line.Add("sku", "Expected either sku or barcode.");
            if (!line.Has("quantity")) line.Add("quantity", "Expected a whole number of units; it is missing.");
            return (Code: line.OptionalText("sku", 200) ?? line.OptionalText("barcode", 200) ?? "", Units: line.Whole("quantity", 1, 1_000_000, 1), Line: line.OptionalText("line", 120));
        }).ToList();
        if (body.Has("lines") && lines.Count == 0) body.Add("lines", "Expected at least one line.");
        body.ThrowIfFaulty();
        await RequireAsync(context.Caller(), location);
        var came = new List<(string Sku, long Units, string? Line)>();
        foreach (var (line, i) in lines.Select((line, i) => (line, i))) came.Add((await catalogue.StockedAsync(line.Code, $"lines/{i}/sku"), line.Units, line.Line));
        var (found, repeat) = await desk.ReceiveAsync(id, receipt, location, came, context.Caller().Actor);
        if (repeat) request.MarkReplayed();
        return Request.Answer(View(found));
    }

    /// <summary>Says what units turned out to be: as new, second choice, or gone. Ahead of its receipt it is noted, and posted with it.</summary>
    [Function("GradeReturn"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> Grade([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/returns/{id}/grade")] HttpRequest request, string id, FunctionContext context)
    {
        var (caller, body) = (context.Caller(), await request.FieldsAsync());
        var (grading, location, code, grade, bin, condition) = (body.Text("gradingId", 80), body.Text("location", 40), body.Text("sku", 200), body.Word<Grade>("grade"), body.OptionalText("bin", 40) ?? "", body.OptionalText("condition", 20));
        if (!body.Has("quantity")) body.Add("quantity", "Expected a whole number of units; it is missing.");
        var (units, reason) = (body.Whole("quantity", 1, 1_000_000, 1), body.OptionalText("reason", 500));
        if (bin.Length > 0 && !Ids.IsPlain(bin, 40)) body.Add("bin", $"'{bin}' may not have / \\ ? # : % or blanks at its ends.");
        if (condition is not null && (grade != Selvedge.Returns.Grade.B || !Ids.IsPlain(condition, 20))) body.Add("condition", "Only grade b has a condition: a short word without / \\ ? # : %.");
        body.ThrowIfFaulty();
        await RequireAsync(caller, location);
        var wanted = new Grading(grading, location, await catalogue.StockedAsync(code, "sku"), units, grade, bin, grade == Selvedge.Returns.Grade.B ? condition ?? "B" : "", default, caller.Actor, caller.KeyId, caller.Role) { Reason = reason };
        var (found, after, repeat) = await desk.GradeAsync(id, wanted);
        if (after is { Refusal: { } refusal, Approval: null }) throw ProblemException.Conflict("insufficient-stock", "They are not in quarantine", $"Grading '{grading}' moved nothing: {refusal} Units of this return may have been graded with POST api/gradings. Grade what is there under a new id.");
        if (after.Refusal is { } no) throw ProblemException.Conflict("approval-refused", "It was not approved", $"Grading '{grading}' was refused: {no} Grade the units again under a new id.");
        if (repeat) request.MarkReplayed();
        if (after.Done) return Request.Answer(View(found));
        request.HttpContext.Response.Headers.Location = after.Approval is { } approval ? "/api/approvals/" + approval : "/api/returns/" + id;
        return Request.Answer(View(found), StatusCodes.Status202Accepted);
    }

    /// <summary>Notes a refund: money only, no stock moves by it.</summary>
    [Function("RefundReturn"), Access(Role.Sales, Role.Finance, By = Bounds.Location | Bounds.Channel)]
    public async Task<IResult> Refund([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/returns/{id}/refund")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var (refund, amount, currency) = (body.Text("refundId", 80), body.OptionalMoney("amount"), PurchasingFunctions.Currency(body, "currency"));
        if (!body.Has("amount")) body.Add("amount", "Expected an amount, e.g. \"49.90\"; it is missing.");
        var approved = body.Flag("approved", false);
        body.ThrowIfFaulty();
        if (approved && context.Caller().Role is not (Role.Finance or Role.Admin)) throw ProblemException.Forbidden("A refund beyond what the goods cost takes the role finance. Leave 'approved' out, or have finance send it.");
        var of = await ReachedAsync(context.Caller(), id);
        // Without an order, or in a currency it was not sold in, nobody knows what the goods cost.
        var order = of.Order is null || approved ? null : await orders.ReadAsync(of.Order);
        if (order is not null && order.Currency != currency && of.Refunds.All(known => known.Id != refund))
            throw new ProblemException(422, "wrong-currency", "It was sold in another currency", $"Order '{order.Id}' is in {order.Currency}, the refund in {currency}. Give back what was paid, or have finance send it with \"approved\": true.");
        var (found, repeat) = await desk.RefundAsync(id, new(refund, amount, currency, default, context.Caller().Actor), order is null ? null : ReturnRules.Cost(of, order));
        if (repeat) request.MarkReplayed();
        return Request.Answer(View(found));
    }

    /// <summary>Links the order that is sent instead.</summary>
    [Function("ExchangeReturn"), Access(Role.Sales, By = Bounds.Location | Bounds.Channel)]
    public async Task<IResult> Exchange([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/returns/{id}/exchange")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var replacement = body.Text("order", 255);
        body.ThrowIfFaulty();
        await ReachedAsync(context.Caller(), id);
        await OrderAsync(context.Caller(), replacement, "order");
        return Request.Answer(View(await desk.ExchangeAsync(id, replacement)));
    }

    /// <summary>Expects no more of it; what comes all the same is taken in.</summary>
    [Function("CloseReturn"), Access(Role.Warehouse, Role.Sales, By = Bounds.Location | Bounds.Channel)]
    public async Task<IResult> Close([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/returns/{id}/close")] HttpRequest request, string id, FunctionContext context)
    {
        (await request.FieldsAsync(optional: true)).ThrowIfFaulty();
        await ReachedAsync(context.Caller(), id);
        return Request.Answer(View(await desk.CloseAsync(id)));
    }

    /// <summary>Tells the ledger what a crash left untold, and looks at what a second person has decided.</summary>
    [Function("ReturnSweeper")]
    public Task Sweep([TimerTrigger("25/30 * * * * *")] TimerInfo timer, FunctionContext context) => desk.SweepAsync(context.CancellationToken);

    async Task RequireAsync(Caller caller, string location)
    {
        caller.RequireLocation(location);
        if (await locations.FindAsync(location) is null) throw ProblemException.UnknownReference("location", $"There is no location '{location}'. PUT api/locations/{{id}} makes it.");
    }

    async Task<Order> OrderAsync(Caller caller, string id, string member) => await orders.ReadAsync(id) is { } order && caller.Reaches(order)
        ? order : throw ProblemException.UnknownReference(member, $"There is no order '{id}'.");

    async Task<ReturnCase> ReachedAsync(Caller caller, string id) => await desk.FindAsync(id) is { } found && Reaches(caller, found) ? found : throw ReturnProblems.Unknown(id);

    // What is expected nowhere in particular may come to any place.
    static bool Reaches(Caller caller, ReturnCase found) => (caller.Scope.Channels is null || caller.ReachesChannel(found.Channel))
        && (found.At is null || caller.ReachesLocation(found.At) || found.Receipts.Any(receipt => caller.ReachesLocation(receipt.Location)));

    static object View(ReturnCase found) => new
    {
        found.Id, Location = found.At, found.Status, found.Order, found.Channel, found.Source, found.Reason, found.Replacement, Refunded = found.Refunds.Count > 0, found.Actor, found.CreatedAt, found.UpdatedAt,
        Lines = found.Lines.Select(line => new { line.Line, line.Sku, Quantity = line.Units, Received = ReturnRules.Came(found, line), Open = ReturnRules.Open(found, line), line.Reason }),
        Receipts = found.Receipts.Select(receipt => new { receipt.Id, receipt.Location, receipt.At, receipt.Actor, receipt.Posted, Lines = receipt.Lines.Select(came => new { came.Sku, Quantity = came.Units, came.Line }) }),
        Gradings = found.Gradings.Select(grading => new { grading.Id, grading.Location, grading.Sku, Quantity = grading.Units, grading.Grade, Bin = grading.Bin.Length > 0 ? grading.Bin : null, Condition = grading.Condition.Length > 0 ? grading.Condition : null, grading.At, grading.Actor, grading.Done, grading.Moved, WaitsForReceipt = ReturnRules.WaitsForReceipt(found, grading), grading.Approval, grading.Refusal }),
        Refunds = found.Refunds.Select(refund => new { refund.Id, Amount = refund.Amount is { } amount ? Money.Text(amount) : null, refund.Currency, refund.At, refund.Actor }),
    };
}
