using Microsoft.AspNetCore.Http;
using Selvedge.Exceptions;
using Selvedge.Functions.Api;
using Selvedge.Platform;

namespace Selvedge.Functions.Exceptions;

/// <summary>What people have to look at.</summary>
public sealed class ExceptionFunctions(ExceptionCases exceptions)
{
    /// <summary>The exceptions, the newest first; by status and kind where asked.</summary>
    [Function("ListExceptions"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer)]
    public async Task<IResult> ListAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/exceptions")] HttpRequest request)
    {
        var (limit, continuation) = request.Page();
        ExceptionStatus? status = request.Choice("status", "open", "resolved") switch { "open" => ExceptionStatus.Open, "resolved" => ExceptionStatus.Resolved, _ => null };
        return Request.Answer(await exceptions.ListAsync(status, request.Parameter("kind"), limit, continuation));
    }

    /// <summary>Resolves one with a person's words.</summary>
    [Function("ResolveException"), Access(Role.Warehouse, Role.Sales, Role.Finance)]
    public async Task<IResult> ResolveAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/exceptions/{id}/resolve")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var (resolution, owner) = (body.Text("resolution", 1000), body.OptionalText("owner", 100));
        body.ThrowIfFaulty();
        var (resolved, repeated) = await exceptions.ResolveAsync(id, resolution, owner, context.Caller().Actor);
        if (repeated) request.MarkReplayed();
        return Request.Answer(resolved);
    }
}
