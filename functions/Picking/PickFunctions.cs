using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Selvedge.Catalogue;
using Selvedge.Functions.Api;
using Selvedge.Ledger;
using Selvedge.Picking;
using Selvedge.Platform;
using Selvedge.Transfers;

namespace Selvedge.Functions.Picking;

/// <summary>The pick queue and what is done to a ticket at the shelf and the packing table.</summary>
public sealed class PickFunctions(PickQueue queue, PickTickets tickets, Scanning scanning, ShortPicks shorts, Packing packing, Shipping shipping,
    TransferDesk transfers, ProductCatalogue catalogue, LedgerReads ledger, Locations locations, Idempotency idempotency, ILogger<PickFunctions> log)
{
    /// <summary>Tickets that wait, in the order in which they are to be picked; or those of another status.</summary>
    [Function("ListPicks"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> ListPicks([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/picks")] HttpRequest request, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        var status = request.Choice("status", [.. Enum.GetNames<TicketStatus>().Select(JsonNamingPolicy.CamelCase.ConvertName)]);
        var page = await queue.ListAsync(request.Reached(context.Caller()), status is null ? TicketStatus.Open : Enum.Parse<TicketStatus>(status, ignoreCase: true), limit, continuation);
        return Request.Answer(page.As(ticket => PickView.Of(ticket, context.Caller())));
    }

    /// <summary>A ticket with names, GTINs and where its units are, in walking order.</summary>
    [Function("GetPick"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> GetPick([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/picks/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var ticket = await FindAsync(id, context.Caller());
        request.SetETag(ticket.ETag);
        var skus = ticket.Lines.Select(line => line.Sku).ToList();
        var (products, balances) = (catalogue.FindProductsAsync(skus, context.CancellationToken), ledger.BalancesAsync(skus, context.CancellationToken));
        return Request.Answer(PickView.Of(ticket, context.Caller(), await products, await balances));
    }

    /// <summary>Gives the caller the next ticket of a location.</summary>
    [Function("NextPick"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> NextPick([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/picks/next")] HttpRequest request, FunctionContext context)
    {
        var bytes = await request.BytesAsync();
        var body = RequestFields.Parse(bytes);
        var location = body.Text("location", 40);
        body.ThrowIfFaulty();
        var caller = context.Caller();
        caller.RequireLocation(location);
        if (await locations.FindAsync(location, context.CancellationToken) is null) throw Locations.Unknown(location);
        return await idempotency.OnceAsync(request, caller, bytes, async () =>
        {
            var ticket = await queue.TakeNextAsync(location, caller.Actor) ?? throw ProblemOfNone(location);
            return new(StatusCodes.Status200OK, PickView.Of(ticket, caller));
        });
    }

    /// <summary>Puts a ticket back into the queue.</summary>
    [Function("ReleasePick"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> ReleasePick([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/picks/{id}/release")] HttpRequest request, string id, FunctionContext context)
    {
        await FindAsync(id, context.Caller());
        var (ticket, repeat) = await queue.ReleaseAsync(id);
        return Answer(request, repeat, PickView.Of(ticket, context.Caller()));
    }

    /// <summary>A unit was taken from the shelf: stock falls now.</summary>
    [Function("ScanPick"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> ScanPick([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/picks/{id}/scan")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var input = body.Scan();
        body.ThrowIfFaulty();
        return Answer(request, await scanning.PickAsync(await FindAsync(id, context.Caller()), input, context.Caller().Actor), context.Caller());
    }

    /// <summary>A picked unit goes back to the shelf; its order still holds it.</summary>
    [Function("UnpickPick"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> UnpickPick([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/picks/{id}/unpick")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var input = body.Scan();
        body.ThrowIfFaulty();
        return Answer(request, await scanning.UnpickAsync(await FindAsync(id, context.Caller()), input, context.Caller().Actor), context.Caller());
    }

    /// <summary>Units were not found, or were damaged. <c>{scanId, sku or line, quantity, reason, bin?}</c></summary>
    [Function("ShortPick"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> ShortPick([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/picks/{id}/short")] HttpRequest request, string id, [DurableClient] DurableTaskClient client, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var (scan, sku, line, quantity) = (body.ScanId(), body.OptionalText("sku", 200), body.OptionalText("line", 200), body.Units());
        var (reason, bin) = (body.Word<ShortReason>("reason"), body.Bin());
        if (sku is null && line is null) body.Add("sku", "Expected the sku, or the line of the pick.");
        body.ThrowIfFaulty();
        var caller = context.Caller();
        var found = await FindAsync(id, caller);
        var resolved = sku is null ? null : await catalogue.ResolveAsync(sku, context.CancellationToken) ?? sku;
        var (ticket, shorted, repeat) = await shorts.TakeAsync(found, scan, resolved, line, quantity, reason, bin, caller.Actor);
        await Changed.RaiseAsync(client, transfers, ticket, log);
        return Answer(request, repeat, new { shorted.Line, shorted.Sku, shorted.Quantity, shorted.Reason, shorted.Bin, Pick = PickView.Of(ticket, caller) });
    }

    /// <summary>Closes what was picked into cartons. <c>{cartons?: [{lines: [{line or sku, quantity}], weightGrams?}]}</c></summary>
    [Function("PackPick"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> PackPick([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/picks/{id}/pack")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync(optional: true);
        var cartons = body.Objects("cartons", 500).Select(carton => new CartonInput(Lines(carton), carton.OptionalWhole("weightGrams", 1, 100_000_000))).ToList();
        var given = body.Has("cartons");
        if (given && cartons.Count == 0) body.Add("cartons", "Expected at least one carton; leave it out for one with everything.");
        body.ThrowIfFaulty();
        var (ticket, repeat) = await packing.PackAsync(await FindAsync(id, context.Caller()), given ? cartons : null);
        return Answer(request, repeat, PickView.Of(ticket, context.Caller()));
    }

    /// <summary>The carrier has it. <c>{carrier, tracking?, service?, lines?}</c>; lines of a partner's confirmation only.</summary>
    [Function("ShipPick"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> ShipPick([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/picks/{id}/ship")] HttpRequest request, string id, [DurableClient] DurableTaskClient client, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var input = new ShipInput(body.Text("carrier", 60), body.OptionalText("tracking", 100), body.OptionalText("service", 60), body.Has("lines") ? Lines(body) : null);
        body.ThrowIfFaulty();
        var caller = context.Caller();
        var (ticket, repeat) = await shipping.ShipAsync(await FindAsync(id, caller), input, caller.Actor);
        if (ticket.Attention is not null) await Changed.RaiseAsync(client, transfers, ticket, log);
        return Answer(request, repeat, PickView.Of(ticket, caller));
    }

    static List<CartonInputLine> Lines(RequestFields body)
    {
        var lines = body.Objects("lines", 1000).Select(line =>
        {
            var read = new CartonInputLine(line.OptionalText("line", 200), line.OptionalText("sku", 200), line.Units());
            if (read.Line is null && read.Sku is null) line.Add("sku", "Expected the sku, or the line of the pick.");
            return read;
        }).ToList();
        if (lines.Count == 0) body.Add("lines", "Expected at least one line.");
        return lines;
    }

    static IResult Answer(HttpRequest request, Scanned scanned, Caller caller) => Answer(request, scanned.Repeat, new
    {
        ScanId = scanned.Scan.Id, scanned.Scan.Sku, scanned.Scan.Quantity, Lines = scanned.Scan.Parts, Pick = PickView.Of(scanned.Ticket, caller),
    });

    static IResult Answer(HttpRequest request, bool repeat, object value)
    {
        if (repeat) request.MarkReplayed();
        return Request.Answer(value);
    }

    static ProblemException ProblemOfNone(string location) => new(404, "nothing-to-pick", "Nothing waits to be picked", $"No pick waits at {location}.");

    // What a key does not reach does not exist for it.
    async Task<PickTicket> FindAsync(string id, Caller caller) => WorkIds.LocationOf(id) is { } location && caller.ReachesLocation(location) && await tickets.ReadAsync(id) is { } ticket
        ? ticket : throw ProblemException.NotFound($"There is no pick '{id}'. GET api/picks?location= lists those that wait.");
}
