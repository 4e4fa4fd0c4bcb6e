using Microsoft.AspNetCore.Http;
using Selvedge.Channels;
using Selvedge.Functions.Api;
using Selvedge.Listings;
using Selvedge.Platform;

namespace Selvedge.Functions.Listings;

/// <summary>Which styles channels are to list, and what came of it.</summary>
public sealed class ListedStyleFunctions(ListedStyles styles, ListedStyleFile file, SalesChannels channels)
{
    const int LargestFile = 16_000_000;

    [Function("ListListedStyles"), Access(Role.Sales, Role.Finance, Role.Viewer, Role.Warehouse, By = Bounds.Channel)]
    public async Task<IResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/channels/{id}/styles")] HttpRequest request, string id, FunctionContext context)
    {
        var found = await ChannelAsync(id, context);
        var (limit, continuation) = request.Page();
        return Request.Answer((await styles.ListAsync(found.Id, limit, continuation)).As(ListedStyleView.Of));
    }

    [Function("GetListedStyle"), Access(Role.Sales, Role.Finance, Role.Viewer, Role.Warehouse, By = Bounds.Channel)]
    public async Task<IResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/listings/{channel}/styles/{style}")] HttpRequest request, string channel, string style, FunctionContext context)
    {
        var found = await ChannelAsync(channel, context);
        var listed = await styles.FindAsync(found.Id, style, context.CancellationToken) ?? throw Unlisted(channel, style);
        request.SetETag(listed.ETag!);
        return Request.Answer(ListedStyleView.Of(listed));
    }

    /// <summary>The channel is to list a style: <c>{externalId?}</c> or no body. What was refused or stopped is sent anew.</summary>
    [Function("PutListedStyle"), Access(Role.Sales, By = Bounds.Channel)]
    public async Task<IResult> Put([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "api/listings/{channel}/styles/{style}")] HttpRequest request, string channel, string style, FunctionContext context)
    {
        var found = await ChannelAsync(channel, context);
        var body = await request.FieldsAsync(optional: true);
        var externalId = body.OptionalText("externalId", 100);
        body.Ignoring([.. ListedStyleView.Shown]).ThrowIfFaulty();
        var (listed, created, changed) = await styles.PutAsync(found, style, externalId, context.Caller().Actor, context.CancellationToken);
        if (!changed) request.MarkReplayed();
        request.SetETag(listed.ETag!);
        return Request.Answer(ListedStyleView.Of(listed), created ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    /// <summary>The channel is to list a style no longer: its listings are paused, nothing there is deleted.</summary>
    [Function("DeleteListedStyle"), Access(Role.Sales, By = Bounds.Channel)]
    public async Task<IResult> Delete([HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "api/listings/{channel}/styles/{style}")] HttpRequest request, string channel, string style, FunctionContext context)
    {
        var found = await ChannelAsync(channel, context);
        var (listed, changed) = await styles.StopAsync(found, style, context.Caller().Actor, context.CancellationToken) ?? throw Unlisted(channel, style);
        if (!changed) request.MarkReplayed();
        request.SetETag(listed.ETag!);
        return Request.Answer(ListedStyleView.Of(listed));
    }

    /// <summary>Many at once, by a CSV file: <c>style,externalId,status</c></summary>
    [Function("ImportListedStyles"), Access(Role.Sales, By = Bounds.Channel)]
    public async Task<IResult> Import([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/listings/{channel}/styles/import")] HttpRequest request, string channel, FunctionContext context)
    {
        var found = await ChannelAsync(channel, context);
        var dryRun = request.Choice("dryRun", "true", "false") == "true";
        return Request.Answer(await file.RunAsync(found, await request.BytesAsync(LargestFile), dryRun, context.Caller().Actor, context.CancellationToken));
    }

    static ProblemException Unlisted(string channel, string style) => ProblemException.NotFound($"Nobody asked channel '{channel}' to list style '{style}'. PUT does.");

    // What a key does not reach does not exist for it.
    async Task<Channel> ChannelAsync(string id, FunctionContext context) =>
        await channels.FindAsync(id, context.CancellationToken) is { } channel && context.Caller().ReachesChannel(id) ? channel : throw SalesChannels.Unknown(id);
}

/// <summary>A listed style as the API shows it.</summary>
public static class ListedStyleView
{
    /// <summary>Members that answers have and requests may repeat.</summary>
    public static IReadOnlyList<string> Shown { get; } = ["channel", "style", "state", "version", "since", "publishedAt", "items", "held", "error", "tryAt", "actor", "createdAt", "updatedAt"];

    public static object Of(ListedStyle listed) => new
    {
        listed.Channel, listed.Style, listed.State, Version = listed.Published is { } stamp && long.TryParse(stamp.Split('|')[0].TrimEnd('w'), out var version) ? version : (long?)null, Since = listed.Due is null ? (DateTimeOffset?)null : listed.WantedAt, listed.PublishedAt,
        listed.ExternalId, Items = listed.Items.Select(item => new { item.Sku, Listings = item.At.Select(at => new { Place = at.Place.Length > 0 ? at.Place : null, at.Item }), item.Error }),
        Held = listed.Held.Select(sku => new { sku.Sku, sku.Why }), Error = listed.LastError?.Message, TryAt = listed.NotBefore, listed.Actor, listed.CreatedAt, listed.UpdatedAt,
    };
}
