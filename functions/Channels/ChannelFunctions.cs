using Microsoft.AspNetCore.Http;
using Selvedge.Channels;
using Selvedge.Functions.Api;
using Selvedge.Platform;

namespace Selvedge.Functions.Channels;

/// <summary>The sales channels' configuration. Secrets are named, never shown.</summary>
public sealed class ChannelFunctions(SalesChannels channels)
{
    [Function("PutChannel"), Access]
    public async Task<IResult> PutChannel([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "api/channels/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var (channel, created) = await channels.PutAsync(id, body, request.Condition(), context.Caller().Actor, context.CancellationToken);
        request.SetETag(channel.ETag);
        return Request.Answer(channels.View(channel), created ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    [Function("GetChannel"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location | Bounds.Channel | Bounds.Customer)]
    public async Task<IResult> GetChannel([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/channels/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var channel = await channels.GetAsync(id, context.CancellationToken);
        if (!Reaches(context.Caller(), channel)) throw SalesChannels.Unknown(id);
        // Whether a secret has a value is not part of the document, so a change of it alone would be hidden by a 304.
        request.SetETag(channel.ETag);
        return Request.Answer(channels.View(channel));
    }

    [Function("ListChannels"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Bounds.Location | Bounds.Channel | Bounds.Customer)]
    public async Task<IResult> ListChannels([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/channels")] HttpRequest request, FunctionContext context)
    {
        var all = await channels.ListAsync(context.CancellationToken);
        return Request.Answer(new Page<object>([.. all.Where(channel => Reaches(context.Caller(), channel)).Select(channels.View)], null));
    }

    static bool Reaches(Caller caller, Channel channel) => caller.ReachesChannel(channel.Id) && (caller.Scope.Locations is null || channel.Locations.Any(caller.ReachesLocation));
}
