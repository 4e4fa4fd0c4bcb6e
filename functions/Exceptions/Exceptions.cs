using Microsoft.AspNetCore.Http;
using Selvedge.Exceptions;
using Selvedge.Functions.Api;
using Selvedge.Platform;

namespace Selvedge.Functions.Exceptions;

/// <summary>What people have to look at: a worklist. Keys with bounds see what is known to lie within them.</summary>
public sealed class ExceptionFunctions(ExceptionCases exceptions, ExceptionReview review, Idempotency idempotency, TimeProvider time)
{
    const Bounds Reach = Bounds.Location | Bounds.Channel | Bounds.Customer;

    /// <summary>Most exceptions resolved by one request.</summary>
    const int MostAtOnce = 500;

    /// <summary>The exceptions, the newest first; by id, status, kind, owner, sku, channel and order where asked.</summary>
    [Function("ListExceptions"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Reach)]
    public async Task<IResult> ListAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/exceptions")] HttpRequest request, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        var page = await exceptions.ListAsync(FilterOf(request, context), limit, continuation);
        return Request.Answer(page.As(found => ExceptionView.Of(found, time.GetUtcNow())));
    }

    /// <summary>How many are open and resolved, by kind, with the same filters.</summary>
    [Function("SummariseExceptions"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer, By = Reach)]
    public async Task<IResult> SummaryAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/exceptions/summary")] HttpRequest request, FunctionContext context)
    {
        var counts = await exceptions.CountAsync(FilterOf(request, context));
        var items = counts.Select(count => new { count.Kind, ExceptionKinds.Of(count.Kind).Severity, ExceptionKinds.Of(count.Kind).Title, count.Open, count.Resolved });
        return Request.Answer(new { open = counts.Sum(count => count.Open), resolved = counts.Sum(count => count.Resolved), items });
    }

    /// <summary>What kinds there are, what contradicts what, and what resolves each.</summary>
    [Function("ListExceptionKinds"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer)]
    public static IResult Kinds([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/exceptions/kinds")] HttpRequest request) =>
        Request.Answer(new Page<ExceptionKind>(ExceptionKinds.All, null));

    /// <summary>Resolves one with a person's words.</summary>
    [Function("ResolveException"), Access(Role.Warehouse, Role.Sales, Role.Finance, By = Reach)]
    public async Task<IResult> ResolveAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/exceptions/{id}/resolve")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var (resolution, owner) = (body.Text("resolution", 1000), body.OptionalText("owner", 100));
        body.ThrowIfFaulty();
        var (resolved, repeated) = await exceptions.ResolveAsync(id, resolution, owner, context.Caller().Actor, context.Caller());
        if (repeated) request.MarkReplayed();
        return Answer(resolved);
    }

    /// <summary>Gives one to <c>owner</c>; to nobody when that is left out.</summary>
    [Function("AssignException"), Access(Role.Warehouse, Role.Sales, Role.Finance, By = Reach)]
    public async Task<IResult> AssignAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/exceptions/{id}/assign")] HttpRequest request, string id, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var owner = body.OptionalText("owner", 100);
        body.ThrowIfFaulty();
        return Answer(await exceptions.AssignAsync(id, owner, context.Caller()));
    }

    /// <summary>Adds a person's words.</summary>
    [Function("CommentException"), Access(Role.Warehouse, Role.Sales, Role.Finance, By = Reach)]
    public async Task<IResult> CommentAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/exceptions/{id}/comments")] HttpRequest request, string id, FunctionContext context)
    {
        var bytes = await request.BytesAsync();
        var body = RequestFields.Parse(bytes);
        var text = body.Text("text", 2000);
        body.ThrowIfFaulty();
        return await idempotency.OnceAsync(request, context.Caller(), bytes, async () =>
            new Answered(StatusCodes.Status200OK, ExceptionView.Of(await exceptions.CommentAsync(id, text, context.Caller()), time.GetUtcNow())));
    }

    /// <summary>Resolves many: those named, or the open ones of a kind that a filter leaves. Each has its own result; the same again changes nothing.</summary>
    [Function("ResolveExceptions"), Access(Role.Warehouse, Role.Sales, Role.Finance, By = Reach)]
    public async Task<IResult> ResolveManyAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/exceptions/resolve")] HttpRequest request, FunctionContext context)
    {
        var body = await request.FieldsAsync();
        var (ids, kind, resolution, caller) = (body.Texts("ids", MostAtOnce, 255), body.OptionalText("kind", 60), body.Text("resolution", 1000), context.Caller());
        var filter = new ExceptionFilter(ExceptionStatus.Open, kind, body.OptionalText("owner", 100), body.OptionalText("sku", 200), body.OptionalText("channel", 60), body.OptionalText("order", 255)) { Caller = caller };
        if (kind is not null && !ExceptionKinds.All.Any(known => known.Kind == kind)) body.Add("kind", $"Expected one of {string.Join(", ", ExceptionKinds.All.Select(known => known.Kind))}, got '{kind}'.");
        if (ids.Count > 0 == kind is not null) body.Add("ids", "Expected either ids, or a kind (with sku, channel, order or owner to narrow it).");
        body.ThrowIfFaulty();
        var page = kind is null ? null : await exceptions.ListAsync(filter, MostAtOnce, null);
        var results = new List<ResolvedItem>();
        foreach (var id in page?.Items.Select(found => found.Id) ?? ids) results.Add(await TryResolveAsync(id, resolution, caller));
        return Request.Answer(new { items = results, resolved = results.Count(item => item.Result is "resolved"), failed = results.Count(item => item.Result is "failed"), more = page?.Continuation is not null });
    }

    /// <summary>Resolves what is certainly over.</summary>
    [Function("ExceptionReview")]
    public Task ReviewAsync([TimerTrigger("40 * * * * *")] TimerInfo timer, FunctionContext context) => review.RunAsync(context.CancellationToken);

    async Task<ResolvedItem> TryResolveAsync(string id, string resolution, Caller caller)
    {
        try
        {
            var (_, repeated) = await exceptions.ResolveAsync(id, resolution, null, caller.Actor, caller);
            return new(id, repeated ? "repeated" : "resolved", null);
        }
        catch (ProblemException refused) when (refused.Status is 404 or 409)
        {
            return new(id, "failed", refused.Message);
        }
    }

    IResult Answer(ExceptionCase found) => Request.Answer(ExceptionView.Of(found, time.GetUtcNow()));

    static ExceptionFilter FilterOf(HttpRequest request, FunctionContext context)
    {
        ExceptionStatus? status = request.Choice("status", "open", "resolved") switch { "open" => ExceptionStatus.Open, "resolved" => ExceptionStatus.Resolved, _ => null };
        var kind = request.Choice("kind", [.. ExceptionKinds.All.Select(known => known.Kind)]);
        return new(status, kind, request.Parameter("owner"), request.Parameter("sku"), request.Parameter("channel"), request.Parameter("order"), request.Parameter("id")) { Caller = context.Caller() };
    }
}

/// <summary>What became of one exception of many: <c>resolved</c>, <c>repeated</c> or <c>failed</c> with why.</summary>
public sealed record ResolvedItem(string Id, string Result, string? Problem);

/// <summary>An exception as the API shows it.</summary>
/// <param name="AgeSeconds">Since it was opened, until it was resolved.</param>
/// <param name="DueAt">When someone should have looked at it.</param>
/// <param name="Resolves">What a person does about it.</param>
public sealed record ExceptionView(string Id, string Kind, string Title, Severity Severity, string? Sku, string? Order, string? Line, string? Channel, string? Customer, string? Location, long Quantity,
    string Detail, Side? Expected, Side? Found, int Occurrences, ExceptionStatus Status, string? Owner, DateTimeOffset OpenedAt, DateTimeOffset? ReopenedAt, long AgeSeconds, DateTimeOffset DueAt,
    string Resolves, IReadOnlyList<Comment> Comments, DateTimeOffset? ResolvedAt, string? Resolution, string? Actor)
{
    public static ExceptionView Of(ExceptionCase found, DateTimeOffset now)
    {
        var kind = ExceptionKinds.Of(found.Kind);
        var since = found.ReopenedAt ?? found.OpenedAt;
        return new(found.Id, found.Kind, kind.Title, kind.Severity, found.Sku, found.Order, found.Line, found.Channel, found.Customer, found.Location, found.Quantity, found.Detail, found.Expected, found.Found,
            found.Occurrences, found.Status, found.Owner, found.OpenedAt, found.ReopenedAt, Math.Max(0, (long)((found.ResolvedAt ?? now) - found.OpenedAt).TotalSeconds), since.AddHours(kind.DueHours),
            kind.Resolves, found.Comments ?? [], found.ResolvedAt, found.Resolution, found.Actor);
    }
}
