using Microsoft.AspNetCore.Http;
using Selvedge.Catalogue;
using Selvedge.Functions.Api;
using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Functions.Picking;

/// <summary>Waves and batches: several tickets in one walk.</summary>
public sealed class WaveFunctions(Waves waves, Locations locations, Idempotency idempotency)
{
    /// <summary>Plans the next wave from the queue and takes its tickets.</summary>
    [Function("PlanWave"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> PlanWave([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/waves")] HttpRequest request, FunctionContext context)
    {
        var bytes = await request.BytesAsync();
        var body = RequestFields.Parse(bytes);
        var location = body.Text("location", 40);
        var kind = body.Word<WaveKind>("kind", WaveKind.Batch);
        var asked = new WaveRequest(kind, (int)body.Whole("maxTickets", 1, 500, kind == WaveKind.Batch ? 12 : 100), (int)body.Whole("maxLines", 1, 5_000, 1_000), body.Whole("maxUnits", 1, 10_000, 1_000),
            body.OptionalText("zone", 40), body.Instant("shipBefore"), body.OptionalText("channel", 60));
        body.ThrowIfFaulty();
        var caller = context.Caller();
        caller.RequireLocation(location);
        if (await locations.FindAsync(location, context.CancellationToken) is null) throw Locations.Unknown(location);
        return await idempotency.OnceAsync(request, caller, bytes, async () =>
        {
            var passedOver = new List<PickTicket>();
            var wave = await waves.PlanAsync(location, asked, caller.Actor, passedOver);
            return new(StatusCodes.Status201Created, PickView.Of(wave, passedOver), "/api/waves/" + Uri.EscapeDataString(wave.Id));
        });
    }

    /// <summary>Open waves.</summary>
    [Function("ListWaves"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> ListWaves([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/waves")] HttpRequest request, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        return Request.Answer((await waves.ListAsync(request.Reached(context.Caller()), limit, continuation)).As(wave => PickView.Of(wave)));
    }

    /// <summary>A wave: where to go next, and what is left.</summary>
    [Function("GetWave"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> GetWave([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/waves/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var wave = await FindAsync(id, context.Caller());
        request.SetETag(wave.ETag);
        return Request.Answer(PickView.Of(wave));
    }

    /// <summary>Units were taken from a bin: says which slots they go to.</summary>
    [Function("ScanWave"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> ScanWave([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/waves/{id}/scan")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var (input, slot) = (body.Scan(), body.OptionalWhole("slot", 1, 500));
        body.ThrowIfFaulty();
        var found = await FindAsync(id, context.Caller());
        var (wave, scan, repeat) = await waves.ScanAsync(found, input, input.Bin.Length > 0 ? input.Bin : null, (int?)slot, context.Caller().Actor);
        if (repeat) request.MarkReplayed();
        return Request.Answer(new
        {
            ScanId = scan.Id, scan.Sku, scan.Quantity,
            Slots = scan.Placed.Where(placing => !placing.Refused).GroupBy(placing => (placing.Slot, placing.Ticket)).Select(one => new { one.Key.Slot, Pick = one.Key.Ticket, Quantity = one.Sum(placing => placing.Quantity) }),
            PutBack = scan.Placed.Where(placing => placing.Refused).Sum(placing => placing.Quantity), wave.Status, wave.Left,
        });
    }

    /// <summary>Gives a wave up: its picks go back to the queue, with what was picked.</summary>
    [Function("ReleaseWave"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> ReleaseWave([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/waves/{id}/release")] HttpRequest request, string id, FunctionContext context)
    {
        var (wave, repeat) = await waves.ReleaseAsync(await FindAsync(id, context.Caller()));
        if (repeat) request.MarkReplayed();
        return Request.Answer(PickView.Of(wave));
    }

    async Task<Wave> FindAsync(string id, Caller caller) => WorkIds.LocationOf(id) is { } location && caller.ReachesLocation(location) && await waves.ReadAsync(id) is { } wave ? wave : throw Waves.Unknown(id);
}
