using Microsoft.AspNetCore.Http;
using Selvedge.Functions.Api;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Functions.Audits;

/// <summary>Proofs that the journal explains every balance.</summary>
public sealed class AuditFunctions(Ledger.Audits audits, Idempotency idempotency)
{
    /// <summary>Starts an audit of all SKUs; 202 with its address. <c>?full=true</c> does not build on what earlier audits proved.</summary>
    [Function("StartAudit"), Access(Role.Finance, Role.Warehouse, By = Bounds.Everything)]
    public async Task<IResult> StartAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/audits")] HttpRequest request, FunctionContext context)
    {
        var caller = context.Caller();
        var full = request.Choice("full", "true", "false");
        return await idempotency.OnceAsync(request, caller, System.Text.Encoding.UTF8.GetBytes(full ?? ""), async () =>
        {
            var id = await audits.StartAsync(caller.Actor, fromScratch: full == "true");
            return new Answered(StatusCodes.Status202Accepted, new { id, status = $"/api/audits/{Uri.EscapeDataString(id)}" }, $"/api/audits/{Uri.EscapeDataString(id)}");
        });
    }

    /// <summary>An audit as it stands; <c>latest</c> is the one that began last.</summary>
    [Function("GetAudit"), Access(Role.Finance, Role.Warehouse, Role.Viewer, By = Bounds.Everything)]
    public async Task<IResult> GetAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/audits/{id}")] HttpRequest request, string id)
    {
        var report = await audits.FindAsync(id) ?? throw ProblemException.NotFound(id == "latest" ? "There has been no audit yet. POST api/audits starts one." : $"There is no audit '{id}'.");
        if (report.State == "running") request.HttpContext.Response.Headers.RetryAfter = "1";
        return Request.Answer(new AuditView(report.Id, report.State, report.State == "done" ? report.Clean : report.Differences.Count > 0 ? false : null, report.Skus, report.Entries, report.Differences, report.StartedAt, report.FinishedAt, report.Actor));
    }
}

/// <summary>An audit. <paramref name="State"/> is <c>running</c>, <c>done</c> or <c>interrupted</c>; <paramref name="Clean"/> is there once it is done, or has found something.</summary>
public sealed record AuditView(string Id, string State, bool? Clean, long Skus, long Entries, IReadOnlyList<string> Differences, DateTimeOffset StartedAt, DateTimeOffset? FinishedAt, string Actor);
