using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Logging;
using Selvedge.Platform;

namespace Selvedge.Functions.Api;

/// <summary>Around every HTTP function: lets callers in by key or token and role, and answers what is thrown as <c>application/problem+json</c> (RFC 9457).
/// Other triggers pass through. Logs name functions, statuses and key ids, never bodies, paths, tokens or people.</summary>
public sealed partial class ApiMiddleware(ApiKeys keys, EntraTokens tokens, AccessRules rules, ILogger<ApiMiddleware> logger) : IFunctionsWorkerMiddleware
{
    /// <summary>The header that ties an answer to the log.</summary>
    public const string RequestId = "X-Request-Id";
    const string Challenge = "Bearer realm=\"selvedge\"", InvalidToken = ", error=\"invalid_token\"", InsufficientScope = ", error=\"insufficient_scope\"";

    /// <inheritdoc/>
    public async Task Invoke(FunctionContext context, FunctionExecutionDelegate next)
    {
        if (context.GetHttpContext() is not { } http)
        {
            await next(context);
            return;
        }
        http.Response.Headers[RequestId] = context.InvocationId;
        http.Response.Headers.CacheControl = "private, no-cache";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        try
        {
            await LetInAsync(context, http);
            await next(context);
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            // The caller is gone: there is no one to answer, and what was thrown follows from that.
            http.Abort();
        }
        catch (Exception failure) when (!http.Response.HasStarted)
        {
            var problem = ProblemOf(failure);
            if (problem.Status == StatusCodes.Status503ServiceUnavailable) LogBusy(context.FunctionDefinition.Name, failure.GetType().Name, (failure as CosmosException)?.StatusCode, context.InvocationId);
            else if (problem.Status >= 500) LogFailed(failure, context.FunctionDefinition.Name, problem.Status, context.InvocationId);
            await AnswerAsync(http, problem, context.InvocationId);
        }
    }

    // RFC 6750: a request without a token gets a bare challenge; one with a bad token is told so.
    async Task LetInAsync(FunctionContext context, HttpContext http)
    {
        if (rules.IsAnonymous(context.FunctionDefinition.Name, out var access)) return;
        var header = http.Request.Headers.Authorization;
        if (header.Count == 0) throw Unauthorized(http, "", "This needs an API key or an Entra ID token: send the header 'Authorization: Bearer slv_…'.");
        var text = header.ToString();
        var bearer = header.Count == 1 && text.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? text[7..].Trim() : "";
        var caller = EntraTokens.IsToken(bearer) ? await SignedInAsync(http, bearer) : await keys.FindAsync(bearer);
        if (caller is null) throw Unauthorized(http, InvalidToken, "The API key is malformed, unknown, expired or was deleted.");
        if (access?.Roles.Contains(caller.Role) != true)
        {
            http.Response.Headers.WWWAuthenticate = Challenge + InsufficientScope;
            throw ProblemException.Forbidden($"The role {Name(caller.Role)} may not do this; it takes one of: {string.Join(", ", (access?.Roles ?? []).Select(Name))}.");
        }
        caller.RequireWithin(access.By);
        context.SetCaller(caller);
    }

    async Task<Caller> SignedInAsync(HttpContext http, string token)
    {
        try
        {
            return await tokens.FindAsync(token);
        }
        catch (ProblemException refused) when (refused.Status is 401 or 403)
        {
            http.Response.Headers.WWWAuthenticate = Challenge + (refused.Status == 401 ? InvalidToken : InsufficientScope);
            throw;
        }
    }

    static ProblemException Unauthorized(HttpContext http, string error, string detail)
    {
        http.Response.Headers.WWWAuthenticate = Challenge + error;
        return ProblemException.Unauthorized(detail);
    }

    static ProblemException ProblemOf(Exception failure) => failure switch
    {
        ProblemException problem => problem,
        BadHttpRequestException { StatusCode: 413 } => new(413, "too-large", "The body is too large", "The body is larger than this takes. Send it in parts."),
        BadHttpRequestException bad => new(bad.StatusCode, "invalid-request", "The request is not valid", bad.Message),
        CosmosException { StatusCode: var status } when status.IsPassing() => ProblemException.Busy("The store did not answer in time. Send the request again; commands with the same id or key are executed once."),
        HttpRequestException or TimeoutException or OperationCanceledException => ProblemException.Busy("The store could not be reached. Send the request again; commands with the same id or key are executed once."),
        _ => new(500, "internal", "Something went wrong here", $"The request failed for a reason that is not yours. The log has it under the id in the header {RequestId}."),
    };

    static async Task AnswerAsync(HttpContext http, ProblemException problem, string requestId)
    {
        var response = http.Response;
        response.StatusCode = problem.Status;
        response.ContentType = "application/problem+json";
        response.Headers.CacheControl = "no-store";
        response.Headers.ETag = default;
        if (problem.RetryAfter is { } seconds) response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var members = new Dictionary<string, object?>
        {
            ["type"] = "/problems/" + problem.Type,
            ["title"] = problem.Title,
            ["status"] = problem.Status,
            ["detail"] = problem.Message,
            ["requestId"] = requestId,
        };
        foreach (var (name, value) in problem.Members) members.TryAdd(name, value);
        await response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(members, Json.Options));
    }

    static string Name(Role role) => JsonNamingPolicy.CamelCase.ConvertName(role.ToString());

    [LoggerMessage(EventId = 1001, Level = LogLevel.Error, Message = "{Function} answered {Status}, request {RequestId}")]
    partial void LogFailed(Exception failure, string function, int status, string requestId);

    [LoggerMessage(EventId = 1002, Level = LogLevel.Warning, Message = "{Function} answered 503 because of {Failure} (store status {StoreStatus}), request {RequestId}")]
    partial void LogBusy(string function, string failure, System.Net.HttpStatusCode? storeStatus, string requestId);
}
