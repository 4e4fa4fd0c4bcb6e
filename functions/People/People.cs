using Microsoft.AspNetCore.Http;
using Selvedge.Functions.Api;
using Selvedge.People;
using Selvedge.Platform;

namespace Selvedge.Functions.People;

/// <summary>Personal data: forgotten where asked, and who looked at it.</summary>
public sealed class PeopleFunctions(Erasure erasure, AccessLog log)
{
    /// <summary>Erases the person behind an order, an e-mail address or a customer's orders; ledger and orders stay whole. The same again finds nobody.</summary>
    [Function("ErasePeople"), Access(By = Bounds.Everything)]
    public async Task<IResult> EraseAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/people/erase")] HttpRequest request, FunctionContext context) =>
        Request.Answer(await erasure.RunAsync(Whom.Parse(await request.FieldsAsync()), context.Caller(), context.InvocationId, context.CancellationToken));

    /// <summary>Who read or erased whom, the newest first; of one order, or by one actor.</summary>
    [Function("ListAccess"), Access(By = Bounds.Everything)]
    public async Task<IResult> ListAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/people/access")] HttpRequest request)
    {
        var (limit, continuation) = request.Page();
        var page = await log.ListAsync(request.Parameter("order"), request.Parameter("actor"), limit, continuation);
        return Request.Answer(page.As(note => new { note.Order, note.Kind, note.Actor, note.Key, note.At }));
    }
}
