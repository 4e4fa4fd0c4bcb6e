using Microsoft.AspNetCore.Http;
using Selvedge.Channels;
using Selvedge.Functions.Api;
using Selvedge.Listings;
using Selvedge.Platform;

namespace Selvedge.Functions.Listings;

/// <summary>What channels show: which listings there are, what bounds them, why they show what they show, and how the channels do.</summary>
public sealed class ListingFunctions(ListingStore listings, ListingDesk desk, ListingFile file, ListingRules rules, ListingHealth health, SalesChannels channels, ChannelAdapters adapters, LaneCalls calls, TimeProvider time)
{
    const int LargestFile = 16_000_000;

    [Function("ListListings"), Access(Role.Sales, Role.Finance, Role.Viewer, Role.Warehouse, By = Bounds.Channel)]
    public async Task<IResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/listings")] HttpRequest request, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        var status = request.Choice("status", "live", "paused", "unmapped", "ended") is { } word ? Enum.Parse<ListingStatus>(word, ignoreCase: true) : (ListingStatus?)null;
        var page = await listings.ListAsync(request.Parameter("channel"), request.Parameter("sku"), status, context.Caller(), limit, continuation);
        return Request.Answer(page.As(ListingView.Of));
    }

    [Function("GetListing"), Access(Role.Sales, Role.Finance, Role.Viewer, Role.Warehouse, By = Bounds.Channel)]
    public async Task<IResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/listings/{channel}/{item}")] HttpRequest request, string channel, string item, FunctionContext context)
    {
        await ChannelAsync(channel, context);
        item = Plain(item);
        var listing = await listings.FindAsync(channel, Listing.IdOf(request.Parameter("place") ?? "", item), context.CancellationToken) ?? throw ProblemException.NotFound($"Channel '{channel}' has no listing of item '{item}'. PUT makes one.");
        request.SetETag(listing.ETag!);
        return Request.Answer(ListingView.Of(listing));
    }

    /// <summary>Maps an item, bounds it, pauses or resumes it. <c>{sku?, place?, extra?, status?, buffer?, allocation?, threshold?, hysteresis?, risk?, manual?}</c></summary>
    [Function("PutListing"), Access(Role.Sales, By = Bounds.Channel)]
    public async Task<IResult> Put([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "api/listings/{channel}/{item}")] HttpRequest request, string channel, string item, FunctionContext context)
    {
        var found = await ChannelAsync(channel, context);
        item = Plain(item);
        var body = await request.FieldsAsync();
        var own = ListingSettings.Parse(body);
        var manual = body.OptionalText("manual", 10);
        if (manual is not (null or "pause" or "live" or "none")) body.Add("manual", "Expected pause, live or none.");
        var status = body.OptionalText("status", 10);
        if (status is not (null or "live" or "ended" or "paused")) body.Add("status", "Expected live or ended; manual says whether it is paused.");
        var draft = new ListingDraft(body.OptionalText("place", 80) ?? request.Parameter("place") ?? "", item, body.OptionalText("sku", 200), body.OptionalText("extra", 200), status is null or "paused" ? null : status == "ended",
            own.IsEmpty && !new[] { "buffer", "allocation", "threshold", "hysteresis", "risk" }.Any(body.Has) ? null : own, manual switch { "pause" => ManualState.Pause, "live" => ManualState.Live, _ => null }, manual is "none");
        body.Ignoring([.. ListingView.Shown]).ThrowIfFaulty();
        if (item.Length is 0 or > 100 || item.Any(char.IsControl)) throw ProblemException.Invalid("An item's id has 1 to 100 characters without control characters.");
        var (listing, created, changed) = await desk.PutAsync(found, draft, context.Caller().Actor, request.Condition(), context.CancellationToken);
        if (!changed) request.MarkReplayed();
        request.SetETag(listing.ETag!);
        return Request.Answer(ListingView.Of(listing), created ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    /// <summary>Maps a channel's items to SKUs by a CSV file: <c>item,sku,place,extra,threshold,…</c></summary>
    [Function("ImportListings"), Access(Role.Sales, By = Bounds.Channel)]
    public async Task<IResult> Import([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/listings/{channel}/import")] HttpRequest request, string channel, FunctionContext context)
    {
        var found = await ChannelAsync(channel, context);
        var dryRun = request.Choice("dryRun", "true", "false") == "true";
        return Request.Answer(await file.RunAsync(found, await request.BytesAsync(LargestFile), dryRun, context.Caller().Actor, context.CancellationToken));
    }

    /// <summary>Why a channel shows, or showed, what it shows of a SKU.</summary>
    [Function("GetWhy"), Access(Role.Sales, Role.Finance, Role.Viewer, Role.Warehouse, By = Bounds.Channel)]
    public async Task<IResult> Why([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/why/{channel}/{sku}")] HttpRequest request, string channel, string sku, FunctionContext context)
    {
        await ChannelAsync(channel, context);
        var at = request.Instant("at") ?? time.GetUtcNow();
        var answers = await desk.WhyAsync(channel, sku, at, context.CancellationToken);
        if (answers.Count == 0) throw ProblemException.NotFound($"Channel '{channel}' has no listing of SKU '{sku}'.");
        return Request.Answer(new { channel, sku, at, listings = answers.Select(answer => WhyView.Of(answer.Listing, answer.Wanted, answer.Shown)) });
    }

    [Function("ListListingRules"), Access(Role.Sales, Role.Viewer, By = Bounds.Everything)]
    public async Task<IResult> ListRules([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/listing-rules")] HttpRequest request, FunctionContext context) =>
        Request.Answer(new Page<object>([.. (await rules.ListAsync(context.CancellationToken)).Select(rule => rule.View())], null));

    /// <summary>Bounds for everybody (<c>all</c>), a channel (<c>channel.&lt;id&gt;</c>) or a style (<c>style.&lt;id&gt;</c>).</summary>
    [Function("PutListingRule"), Access(Role.Sales, By = Bounds.Everything)]
    public async Task<IResult> PutRule([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "api/listing-rules/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        if (!Ids.IsPlain(id) || (id != ListingRule.All && !id.StartsWith("style.", StringComparison.Ordinal) && !id.StartsWith("channel.", StringComparison.Ordinal)))
            throw ProblemException.Invalid($"'{id}' is none of all, channel.<id>, style.<id>.");
        var body = await request.FieldsAsync();
        var said = ListingSettings.Parse(body);
        body.Ignoring("id", "version", "updatedAt", "actor").ThrowIfFaulty();
        var rule = await rules.PutAsync(id, said, request.Condition(), context.Caller().Actor, context.CancellationToken);
        request.SetETag(rule.ETag!);
        return Request.Answer(rule.View());
    }

    /// <summary>How a channel does: backlog, latencies, staleness, drift, last errors, and how it judges us as a seller.</summary>
    [Function("GetChannelHealth"), Access(Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Channel)]
    public async Task<IResult> Health([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/channels/{id}/health")] HttpRequest request, string id, FunctionContext context) =>
        Request.Answer(await health.OfAsync(await ChannelAsync(id, context), context.CancellationToken));

    /// <summary>Reads all of a channel's numbers back and repairs them, as soon as its lane can.</summary>
    [Function("RefreshChannel"), Access(Role.Sales, By = Bounds.Channel)]
    public async Task<IResult> Refresh([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/channels/{id}/refresh")] HttpRequest request, string id, FunctionContext context)
    {
        var channel = await ChannelAsync(id, context);
        if (adapters.Find(channel) is null) throw ProblemException.Conflict("no-api", "The channel is not asked anything", $"Channel '{id}' has no 'api', or nobody speaks to '{channel.Is}': there is nothing to read back.");
        await listings.UpsertAsync(id, new LaneAsk(id, InstantConverter.Cut(time.GetUtcNow())), context.CancellationToken);
        calls.Call(id);
        request.HttpContext.Response.Headers.Location = $"/api/channels/{id}/health";
        return Request.Answer(new { status = $"/api/channels/{id}/health" }, StatusCodes.Status202Accepted);
    }

    // A slash within an id (gid://shopify/InventoryItem/1) comes as %2F, which routing leaves as it is.
    static string Plain(string item) => item.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    // What a key does not reach does not exist for it.
    async Task<Channel> ChannelAsync(string id, FunctionContext context) =>
        await channels.FindAsync(id, context.CancellationToken) is { } channel && context.Caller().ReachesChannel(id) ? channel : throw SalesChannels.Unknown(id);
}
