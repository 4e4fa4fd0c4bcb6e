using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Cosmos;
using Selvedge.Functions.Api;
using Selvedge.Platform;

namespace Selvedge.Functions.Health;

/// <summary>Whether the process runs, and whether it can do its work.</summary>
public sealed class Health(Store store, TimeProvider time)
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>200 as long as the process answers at all.</summary>
    [Function("HealthLive"), Anonymous]
    public static IResult Live([HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "api/health/live")] HttpRequest request) =>
        Request.Answer(new { status = "live" });

    /// <summary>200 when all checks pass, 503 otherwise; the checks say which.</summary>
    [Function("HealthReady"), Anonymous]
    public async Task<IResult> ReadyAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "api/health/ready")] HttpRequest request)
    {
        var started = time.GetTimestamp();
        var reason = await StoreFaultAsync(request.HttpContext.RequestAborted);
        var ready = reason is null;
        var check = new { status = ready ? "ready" : "failed", milliseconds = (long)time.GetElapsedTime(started).TotalMilliseconds, reason };
        return Request.Answer(new { status = check.status, checks = new { store = check } }, ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }

    // A point read of a document that is not there: that the store says so is the proof.
    async Task<string?> StoreFaultAsync(CancellationToken cancel)
    {
        try
        {
            using var answer = await store.Settings.ReadItemStreamAsync("ready", new PartitionKey("health"), cancellationToken: cancel).WaitAsync(Patience, time, cancel);
            return answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.OK ? null : $"The store answered {(int)answer.StatusCode}.";
        }
        catch (Exception unreachable) when (unreachable is HttpRequestException or TimeoutException or CosmosException)
        {
            return "The store did not answer.";
        }
    }
}
