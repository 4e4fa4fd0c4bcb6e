using Microsoft.AspNetCore.Http;
using Selvedge.Catalogue;
using Selvedge.Counts;
using Selvedge.Functions.Api;
using Selvedge.Platform;
using Selvedge.Receiving;

namespace Selvedge.Functions.Receiving;

/// <summary>What damaged units turned out to be: received damaged, arrived damaged, or set aside by a picker.</summary>
public sealed class GradingFunctions(DamageGradings gradings, ProductCatalogue catalogue, Locations locations)
{
    /// <summary>Grades units in quarantine, or damaged ones on a shelf. The same id again is answered as it stands.</summary>
    [Function("PostGrading"), Access(Role.Warehouse, By = Bounds.Location)]
    public async Task<IResult> Post([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/gradings")] HttpRequest request, FunctionContext context)
    {
        var (caller, body) = (context.Caller(), await request.FieldsAsync());
        var (id, location, code, grade, reason) = (body.Text("id", 80), body.Text("location", 40), body.Text("sku", 200), body.Word<DamageGrade>("grade"), body.OptionalText("reason", 500));
        var (from, fromBin, bin, condition) = (body.OptionalText("from", 20) ?? "quarantine", Plain("fromBin", 40), Plain("bin", 40), Plain("condition", 20));
        if (id.Length > 0 && !Ids.IsPlain(id, 80)) body.Add("id", @"It may not have / \ ? # : % or blanks at its ends.");
        if (!body.Has("quantity")) body.Add("quantity", "Expected a whole number of units; it is missing.");
        if (from is not ("quarantine" or "shelf")) body.Add("from", $"Expected quarantine or shelf, got '{from}'.");
        if (fromBin is not null && from != "shelf") body.Add("fromBin", "Units in quarantine have no bin: say from \"shelf\".");
        if (bin is not null && grade is not (DamageGrade.A or DamageGrade.B)) body.Add("bin", "Only units that stay (a, b) are put somewhere.");
        if (condition is not null && grade != DamageGrade.B) body.Add("condition", "Only grade b has a condition.");
        if (condition == DamageGrading.Damaged && from == "shelf") body.Add("condition", "That is what they are now. Name another.");
        var units = body.Whole("quantity", 1, 1_000_000, 1);
        body.ThrowIfFaulty();
        caller.RequireLocation(location);
        if (await locations.FindAsync(location) is null) throw ProblemException.UnknownReference("location", $"There is no location '{location}'. PUT api/locations/{{id}} makes it.");
        var (grading, repeat) = await gradings.GradeAsync(new()
        {
            Id = id, At = location, Sku = await catalogue.StockedAsync(code, "sku"), Units = units, FromBin = from == "shelf" ? fromBin ?? "" : null, Grade = grade, Bin = bin ?? "",
            Condition = grade == DamageGrade.B ? condition ?? "B" : "", Reason = reason, By = new Counter(caller.Actor, caller.KeyId, caller.Role),
        });
        if (repeat) request.MarkReplayed();
        if (grading.Status == GradingStatus.Refused) throw ProblemException.Conflict(grading.Approval is null ? "insufficient-stock" : "approval-refused", "It was not graded", $"Grading '{id}' moved nothing: {grading.Refusal} Grade what is there under a new id.");
        if (grading.Status != GradingStatus.Pending) return Request.Answer(grading.View(), repeat ? StatusCodes.Status200OK : StatusCodes.Status201Created);
        request.HttpContext.Response.Headers.Location = "/api/approvals/" + grading.Approval;
        return Request.Answer(grading.View(), StatusCodes.Status202Accepted);

        string? Plain(string name, int longest)
        {
            var text = body.OptionalText(name, longest);
            if (text is not null && !Ids.IsPlain(text, longest)) body.Add(name, $"'{text}' may not have / \\ ? # : % or blanks at its ends.");
            return text;
        }
    }

    [Function("GetGrading"), Access(Role.Warehouse, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/gradings/{id}")] HttpRequest request, string id, FunctionContext context) =>
        await gradings.FindAsync(id) is { } found && context.Caller().ReachesLocation(found.At) ? Request.Answer(found.View()) : throw DamageGradings.Unknown(id);

    [Function("ListGradings"), Access(Role.Warehouse, Role.Finance, Role.Viewer, By = Bounds.Location)]
    public async Task<IResult> List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/gradings")] HttpRequest request, FunctionContext context)
    {
        var (limit, continuation) = request.Page();
        var page = await gradings.ListAsync(request.Choice("status", "posting", "pending", "done", "refused"), request.Parameter("sku"), context.Caller().Within(request.Parameter("location")), limit, continuation);
        return Request.Answer(page.As(grading => grading.View()));
    }

    /// <summary>Tells the ledger what a crash left untold, and looks at what a second person has decided.</summary>
    [Function("GradingSweeper")]
    public Task Sweep([TimerTrigger("20/30 * * * * *")] TimerInfo timer, FunctionContext context) => gradings.SweepAsync(context.CancellationToken);
}
