using Microsoft.AspNetCore.Http;
using Selvedge.Catalogue;
using Selvedge.Counts;
using Selvedge.Functions.Api;
using Selvedge.Ledger;
using Selvedge.Platform;
using Selvedge.Transfers;

namespace Selvedge.Functions.Transfers;

/// <summary>Stock that goes from one location to another.</summary>
public sealed class TransferFunctions(TransferDesk desk, ProductCatalogue catalogue, Locations locations, TimeProvider time)
{
    /// <summary>Claims units at one location for another and puts a ticket into its pick queue. The same id again is answered as it stands.</summary>
    [Function("PostTransfer"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> Post([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/transfers")] HttpRequest request, FunctionContext context)
    {
        var (caller, body) = (context.Caller(), await request.FieldsAsync());
        var (id, from, to, partial, priority, shipBy, reason) = (body.Text("id", 80), body.Text("from", 40), body.Text("to", 40), body.Flag("partial", false), (int)body.Whole("priority", 0, 9, 0), body.Instant("shipBy"), body.OptionalText("reason", 500));
        if (id.Length > 0 && !Ids.IsPlain(id, 80)) body.Add("id", @"It may not have / \ ? # : % or blanks at its ends.");
        if (from.Length > 0 && from == to) body.Add("to", "Expected another location than 'from'.");
        if (!body.Has("lines")) body.Add("lines", $"Expected 1 to {TransferDesk.MostLines} lines {{sku, quantity}}.");
        var asked = body.Objects("lines", TransferDesk.MostLines).Select(line =>
        {
            if (!line.Has("quantity")) line.Add("quantity", "Expected a whole number of units; it is missing.");
            return (Sku: line.Text("sku", 200), Units: line.Whole("quantity", 1, 1_000_000, 1));
        }).ToList();
        if (body.Has("lines") && asked.Count == 0) body.Add("lines", "Expected at least one line.");
        body.ThrowIfFaulty();
        caller.RequireLocation(from);
        await RequireAsync(from, "from");
        await RequireAsync(to, "to");
        var lines = new List<TransferLine>();
        foreach (var (line, i) in asked.Select((line, i) => (line, i)))
        {
            var sku = await catalogue.StockedAsync(line.Sku, $"lines/{i}/sku");
            if (lines.Exists(other => other.Sku == sku)) throw ProblemException.UnknownReference($"lines/{i}/sku", $"SKU '{sku}' is on another line already. Give it one line.");
            lines.Add(new($"{i + 1}", sku, line.Units));
        }
        var content = Canonical.Start().Add(from).Add(to).Add(partial).Add(priority).Add(shipBy);
        foreach (var line in lines) content.Add(line.Sku).Add(line.Quantity);
        var (transfer, repeat) = await desk.AskAsync(new() { Id = id, At = from, To = to, Partial = partial, Priority = priority, ShipBy = shipBy, Lines = lines, Reason = reason, Content = content.ShortHash(), Actor = caller.Actor });
        if (repeat) request.MarkReplayed();
        if (transfer.Status is TransferStatus.Refused or TransferStatus.Refusing) throw ProblemException.Conflict("insufficient-stock", "Not enough stock", $"Transfer '{id}' was refused and holds nothing. {transfer.Refusal} Ask again under a new id, or for part of it (\"partial\": true).");
        return Request.Answer(transfer.View(), repeat ? StatusCodes.Status200OK : StatusCodes.Status201Created);
    }

    [Function("GetTransfer"), Access(Role.Warehouse, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/transfers/{id}")] HttpRequest request, string id, FunctionContext context) =>
        Request.Answer((await ReachedAsync(context.Caller(), id) is { Status: TransferStatus.Picking } ? (await desk.TryLookAsync(id))! : await ReachedAsync(context.Caller(), id)).View());

    /// <summary>Transfers; with <c>olderThanDays</c> those that left so long ago.</summary>
    [Function("ListTransfers"), Access(Role.Warehouse, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/transfers")] HttpRequest request, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        DateTimeOffset? before = null;
        if (request.Parameter("olderThanDays") is { } text)
            before = int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var days) && days <= 3650 ? time.GetUtcNow().AddDays(-days) : throw Request.BadParameter("olderThanDays", "must be a whole number of days from 0 to 3650");
        var status = request.Choice("status", [.. Enum.GetNames<TransferStatus>().Select(System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName)]);
        var page = await desk.ListAsync(status, before, context.Caller().Within(request.Parameter("location")), limit, continuation);
        return Request.Answer(page.As(transfer => transfer.View()));
    }

    /// <summary>Counts in what arrived: a fact, part by part. What is more than left is taken in and is an exception.</summary>
    [Function("ReceiveTransfer"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> Receive([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/transfers/{id}/receive")] HttpRequest request, string id, FunctionContext context)
    {
        var (caller, body) = (context.Caller(), await request.FieldsAsync());
        var receipt = body.Text("receiptId", 80);
        if (!body.Has("lines")) body.Add("lines", $"Expected 1 to {TransferDesk.MostLines} lines {{sku | barcode, quantity, damaged?, bin?}}.");
        var lines = body.Objects("lines", TransferDesk.MostLines).Select(line =>
        {
            if (line.Has("sku") == line.Has("barcode")) line.Add("sku", "Expected either sku or barcode.");
            if (!line.Has("quantity")) line.Add("quantity", "Expected a whole number of units, damaged ones included; it is missing.");
            var (code, units, bin) = (line.OptionalText("sku", 200) ?? line.OptionalText("barcode", 200) ?? "", line.Whole("quantity", 1, 1_000_000, 1), line.OptionalText("bin", 40) ?? "");
            if (bin.Length > 0 && !Ids.IsPlain(bin, 40)) line.Add("bin", $"'{bin}' may not have / \\ ? # : % or blanks at its ends.");
            return (Code: code, Units: units, Damaged: line.Whole("damaged", 0, units, 0), Bin: bin);
        }).ToList();
        if (body.Has("lines") && lines.Count == 0) body.Add("lines", "Expected at least one line.");
        body.ThrowIfFaulty();
        caller.RequireLocation((await ReachedAsync(caller, id)).To);
        var came = new List<(string Sku, long Units, long Damaged, string Bin)>();
        foreach (var (line, i) in lines.Select((line, i) => (line, i))) came.Add((await catalogue.StockedAsync(line.Code, $"lines/{i}/sku"), line.Units, line.Damaged, line.Bin));
        var (transfer, repeat) = await desk.ReceiveAsync(id, receipt, came, caller.Actor);
        if (repeat) request.MarkReplayed();
        return Request.Answer(transfer.View());
    }

    /// <summary>Writes off what left and never arrived; much of it takes a second person.</summary>
    [Function("CloseTransfer"), Access(Role.Warehouse, Role.Finance, By = Bounds.Location)]
    public async Task<IResult> Close([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/transfers/{id}/close")] HttpRequest request, string id, FunctionContext context)
    {
        var (caller, body) = (context.Caller(), await request.FieldsAsync());
        var reason = body.Text("reason", 500);
        body.ThrowIfFaulty();
        caller.RequireLocation((await ReachedAsync(caller, id)).To);
        var transfer = await desk.CloseAsync(id, new(caller.Actor, caller.KeyId, caller.Role), reason);
        if (transfer.Status != TransferStatus.Closing) return Request.Answer(transfer.View());
        request.HttpContext.Response.Headers.Location = "/api/approvals/" + transfer.Approval;
        return Request.Answer(transfer.View(), StatusCodes.Status202Accepted);
    }

    /// <summary>Calls off what has not left.</summary>
    [Function("CancelTransfer"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> Cancel([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/transfers/{id}/cancel")] HttpRequest request, string id, FunctionContext context)
    {
        (await request.FieldsAsync(optional: true)).ThrowIfFaulty();
        context.Caller().RequireLocation((await ReachedAsync(context.Caller(), id)).At);
        return Request.Answer((await desk.CancelAsync(id)).View());
    }

    /// <summary>Notes what has left, and goes on with what a crash or a second person left.</summary>
    [Function("TransferSweeper")]
    public Task Sweep([TimerTrigger("15/30 * * * * *")] TimerInfo timer, FunctionContext context) => desk.SweepAsync(context.CancellationToken);

    async Task RequireAsync(string location, string member)
    {
        if (await locations.FindAsync(location) is null) throw ProblemException.UnknownReference(member, $"There is no location '{location}'. PUT api/locations/{{id}} makes it.");
    }

    async Task<Transfer> ReachedAsync(Caller caller, string id) =>
        await desk.FindAsync(id) is { } found && (caller.ReachesLocation(found.At) || caller.ReachesLocation(found.To)) ? found : throw TransferDesk.Unknown(id);
}
