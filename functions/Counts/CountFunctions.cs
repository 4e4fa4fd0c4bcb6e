using Microsoft.AspNetCore.Http;
using Selvedge.Catalogue;
using Selvedge.Counts;
using Selvedge.Functions.Api;
using Selvedge.Platform;

namespace Selvedge.Functions.Counts;

/// <summary>Cycle counts: what is seen, while everything goes on.</summary>
public sealed class CountFunctions(Counting counting, CountVariances variances, CountPosting posting, ProductCatalogue catalogue, Locations locations)
{
    /// <summary>Makes a count sheet of what the ledger shows of some SKUs, bins or a zone, or of lines as named. The same id again is answered as it stands.</summary>
    [Function("PostCount"), Access(Role.Warehouse, Role.Finance, By = Bounds.Location)]
    public async Task<IResult> Post([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/counts")] HttpRequest request, FunctionContext context)
    {
        var (caller, body) = (context.Caller(), await request.FieldsAsync());
        var (id, location, zone, reason) = (body.Text("id", 80), body.Text("location", 40), body.OptionalText("zone", 40), body.OptionalText("reason", 500));
        if (id.Length > 0 && !Ids.IsPlain(id, 80)) body.Add("id", @"It may not have / \ ? # : % or blanks at its ends.");
        var (skus, bins) = (body.Texts("skus", Counting.MostLines, 200), body.Texts("bins", Counting.MostLines, 40));
        var lines = body.Objects("lines", Counting.MostLines).Select(Place).ToList();
        var (blind, tolerance) = (body.Flag("blind", true), body.Whole("tolerance", 0, 1_000_000, 0));
        if (new[] { zone is not null, skus.Count > 0, bins.Count > 0, lines.Count > 0 }.Count(given => given) != 1) body.Add("lines", "Expected exactly one of lines, skus, bins and zone, and something in it.");
        body.ThrowIfFaulty();
        caller.RequireLocation(location);
        if (await locations.FindAsync(location) is null) throw ProblemException.UnknownReference("location", $"There is no location '{location}'. PUT api/locations/{{id}} makes it.");
        var known = new List<string>();
        foreach (var (sku, i) in skus.Select((sku, i) => (sku, i))) known.Add(await catalogue.StockedAsync(sku, $"skus/{i}"));
        var named = new List<(string Sku, string Bin, string Condition)>();
        foreach (var (line, i) in lines.Select((line, i) => (line, i))) named.Add(line with { Sku = await catalogue.StockedAsync(line.Sku, $"lines/{i}/sku") });
        var (count, repeat) = await counting.OpenAsync(id, location, new(named, [.. known.Distinct()], bins, zone), blind, tolerance, reason, caller.Actor);
        if (repeat) request.MarkReplayed();
        return Request.Answer(CountView.Of(count, caller), repeat ? StatusCodes.Status200OK : StatusCodes.Status201Created);
    }

    [Function("GetCount"), Access(Role.Warehouse, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/counts/{id}")] HttpRequest request, string id, FunctionContext context) =>
        Request.Answer(CountView.Of(await ReachedAsync(context.Caller(), id), context.Caller()));

    /// <summary>Count sheets and count tasks.</summary>
    [Function("ListCounts"), Access(Role.Warehouse, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/counts")] HttpRequest request, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        var page = await counting.ListAsync(request.Choice("status", "open", "closed", "cancelled"), context.Caller().Within(request.Parameter("location")), limit, continuation);
        return Request.Answer(page.As(count => CountView.Of(count, context.Caller())));
    }

    /// <summary>Adds something that was found in a bin and is on no line; there already, nothing changes.</summary>
    [Function("PostCountLine"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> AddLine([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/counts/{id}/lines")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var (code, bin, condition) = Place(body);
        body.ThrowIfFaulty();
        await ReachedAsync(context.Caller(), id);
        var (count, added) = await counting.AddAsync(id, await catalogue.StockedAsync(code, "sku"), bin, condition);
        if (!added) request.MarkReplayed();
        return Request.Answer(CountView.Of(count, context.Caller()));
    }

    /// <summary>Somebody looks at the shelf from now on.</summary>
    [Function("BeginCount"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> Begin([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/counts/{id}/lines/{line}/begin")] HttpRequest request, string id, string line, FunctionContext context)
    {
        var body = await request.FieldsAsync(optional: true);
        var alone = body.Flag("alone", false);
        body.ThrowIfFaulty();
        await ReachedAsync(context.Caller(), id);
        return Request.Answer(CountView.Of(await counting.BeginAsync(id, line, By(context.Caller()), alone), context.Caller()));
    }

    /// <summary>What was seen, until now: compared with the ledger as of then, posted, or to be counted again.</summary>
    [Function("ReportCount"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> Report([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/counts/{id}/lines/{line}/report")] HttpRequest request, string id, string line, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        if (!body.Has("counted")) body.Add("counted", "Expected a whole number of units, 0 or more; it is missing.");
        var counted = body.Whole("counted", 0, 10_000_000, 0);
        body.ThrowIfFaulty();
        await ReachedAsync(context.Caller(), id);
        var (count, repeat) = await counting.ReportAsync(id, line, counted, By(context.Caller()));
        if (repeat) request.MarkReplayed();
        return Request.Answer(CountView.Of(count, context.Caller()));
    }

    /// <summary>Calls off what is not counted yet.</summary>
    [Function("CancelCount"), Access(Role.Warehouse, Role.Finance, By = Bounds.Location)]
    public async Task<IResult> Cancel([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/counts/{id}/cancel")] HttpRequest request, string id, FunctionContext context)
    {
        (await request.FieldsAsync(optional: true)).ThrowIfFaulty();
        await ReachedAsync(context.Caller(), id);
        return Request.Answer(CountView.Of(await counting.CancelAsync(id), context.Caller()));
    }

    /// <summary>By how much counts differed from the record, per location.</summary>
    [Function("GetCountVariance"), Access(Role.Warehouse, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> GetVariance([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/countvariance")] HttpRequest request, FunctionContext context)
    {
        var caller = context.Caller();
        var sums = await variances.ByLocationAsync(request.Instant("from"), caller.Within(request.Parameter("location")), context.CancellationToken);
        return Request.Answer(new { total = sums.Values.Aggregate(Variance.None, (a, b) => a + b).View(caller), locations = sums.ToDictionary(of => of.Key, of => of.Value.View(caller)) });
    }

    /// <summary>Posts what a crash left, and what a second person has decided on.</summary>
    [Function("CountSweeper")]
    public Task Sweep([TimerTrigger("20/30 * * * * *")] TimerInfo timer, FunctionContext context) => posting.SweepAsync(context.CancellationToken);

    static Counter By(Caller caller) => new(caller.Actor, caller.KeyId, caller.Role);

    static (string Sku, string Bin, string Condition) Place(RequestFields body)
    {
        var (sku, bin, condition) = (body.Text("sku", 200), body.OptionalText("bin", 40) ?? "", body.OptionalText("condition", 20) ?? "");
        if (bin.Length > 0 && !Ids.IsPlain(bin, 40)) body.Add("bin", $"'{bin}' may not have / \\ ? # : % or blanks at its ends.");
        if (condition.Length > 0 && !Ids.IsPlain(condition, 20)) body.Add("condition", $"'{condition}' may not have / \\ ? # : % or blanks at its ends.");
        if (condition == CountRules.Missing) body.Add("condition", "What a picker did not find is settled with the bin's own line: leave the condition out.");
        return (sku, bin, condition);
    }

    async Task<StockCount> ReachedAsync(Caller caller, string id) =>
        await counting.FindAsync(id) is { } count && caller.ReachesLocation(count.At) ? count : throw Counting.Unknown(id);
}

/// <summary>A count as the API shows it.</summary>
static class CountView
{
    /// <summary>To who counts, a blind count does not say what the ledger shows, or what another has seen, before the line is posted.</summary>
    public static object Of(StockCount count, Caller caller)
    {
        var blind = count.Blind && caller.Role == Role.Warehouse;
        return new
        {
            count.Id, Location = count.At, count.Status, count.Blind, count.Tolerance, count.Source, count.Reason, count.Actor, count.CreatedAt, count.UpdatedAt,
            Lines = count.Lines.Select(line =>
            {
                var hidden = blind && line.State != CountState.Posted;
                return new
                {
                    line.Id, line.Sku, Bin = Some(line.Bin), Condition = Some(line.Condition), line.State, line.Recount, line.Approval,
                    Looks = line.Looks.Where(look => !hidden || look.By.Actor == caller.Actor).Select(look => new
                    {
                        By = look.By.Actor, look.From, look.To, look.Counted, look.Moved,
                        Expected = hidden || look.To is null ? (long?)null : look.Expected, Missing = hidden || look.Missing == 0 ? (long?)null : look.Missing,
                    }),
                    Result = hidden || line.Result is not { } result ? null : new
                    {
                        result.Counted, Expected = result.Counted - result.Units, Variance = result.Units, result.Found, result.Lost, Value = caller.SeesValue && result.Value is { } value ? Money.Text(value) : null, result.EffectiveAt, result.Sequence,
                    },
                };
            }),
            Variance = Variance.Of(count).View(caller),
        };
    }

    static string? Some(string text) => text.Length > 0 ? text : null;
}
