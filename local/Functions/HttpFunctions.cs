using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Abstractions;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Selvedge.Local.Functions;

/// <summary>From a request to the function whose route it matches, and from its result or failure to the response.</summary>
internal sealed partial class HttpFunctions(FunctionExecutionDelegate pipeline, ILogger<HttpFunctions> logger)
{
    /// <summary>The stage <c>ConfigureFunctionsWebApplication</c> adds: the stages after it see the HttpContext, and what the
    /// function returned is sent when they have ended.</summary>
    public static FunctionExecutionDelegate AttachHttp(FunctionExecutionDelegate next) => async context =>
    {
        var invocation = (Invocation)context;
        if (invocation.Http is not { } http)
        {
            await next(context);
            return;
        }
        context.Items[FunctionContextExtensions.HttpContextKey] = http;
        await next(context);
        switch (invocation.Result)
        {
            case IResult result: await result.ExecuteAsync(http); break;
            case IActionResult result: await result.ExecuteResultAsync(new ActionContext(http, http.GetRouteData(), new ActionDescriptor())); break;
        }
    };

    /// <summary>The inline constraints of ASP.NET Core, as both hosts know them.</summary>
    public static ParameterPolicyFactory ParameterPolicies()
    {
        using var services = new ServiceCollection().AddLogging().AddRouting().BuildServiceProvider();
        return services.GetRequiredService<ParameterPolicyFactory>();
    }

    /// <summary>Adds routing and an endpoint per function to <paramref name="app"/>.</summary>
    public void Map(WebApplication app, IEnumerable<HostedFunction> functions)
    {
        var endpoints = functions.Where(function => function.Http is not null).Select(Endpoint).ToList();
        ((IEndpointRouteBuilder)app).DataSources.Add(new DefaultEndpointDataSource(endpoints));
        app.UseRouting();
        app.Run(http => http.GetEndpoint()?.Metadata.GetMetadata<HostedFunction>() is { } function ? RunAsync(http, function) : NotFoundAsync(http));
    }

    private static Endpoint Endpoint(HostedFunction function)
    {
        var metadata = new List<object> { function };
        if (function.Http!.Methods.Count > 0) { metadata.Add(new HttpMethodMetadata(function.Http.Methods)); }
        return new RouteEndpoint(static _ => Task.CompletedTask, function.Http.Pattern, order: 0, new(metadata), function.Name);
    }

    private async Task RunAsync(HttpContext http, HostedFunction function)
    {
        var invocation = new Invocation(function) { Http = http };
        try
        {
            await pipeline(invocation);
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            // The caller is gone: there is no one to answer, and what the function threw follows from that.
            LogAborted(function.Name, invocation.InvocationId);
        }
        catch (BadHttpRequestException bad)
        {
            await ProblemAsync(http, bad.StatusCode, bad.Message, invocation.InvocationId);
        }
        catch (Exception failure)
        {
            LogFailed(failure, function.Name, invocation.InvocationId);
            await ProblemAsync(http, StatusCodes.Status500InternalServerError, "The function failed. The log has the details under this invocation id.", invocation.InvocationId);
        }
    }

    /// <summary>Azure's host answers 404, not 405, where a path exists for other methods only.</summary>
    private static async Task NotFoundAsync(HttpContext http)
    {
        var detail = "No function has this path.";
        if (http.GetEndpoint()?.RequestDelegate is { } wrongMethod)
        {
            await wrongMethod(http);
            detail = $"No function answers {http.Request.Method} on this path, only {http.Response.Headers.Allow}.";
        }
        await ProblemAsync(http, StatusCodes.Status404NotFound, detail, invocationId: null);
    }

    /// <summary>Answers application/problem+json (RFC 9457); where the response has begun, cuts the connection instead, so that
    /// the caller does not take a half answer for a whole one.</summary>
    private static async Task ProblemAsync(HttpContext http, int status, string detail, string? invocationId)
    {
        if (http.Response.HasStarted)
        {
            http.Abort();
            return;
        }
        var allow = http.Response.Headers.Allow;
        http.Response.Clear();
        http.Response.Headers.Allow = allow;
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/problem+json";
        using (var json = new Utf8JsonWriter(http.Response.BodyWriter))
        {
            json.WriteStartObject();
            json.WriteString("type", "about:blank");
            json.WriteString("title", Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status));
            json.WriteNumber("status", status);
            json.WriteString("detail", detail);
            if (invocationId is not null) { json.WriteString("invocationId", invocationId); }
            json.WriteEndObject();
        }
        await http.Response.BodyWriter.FlushAsync();
    }

    [LoggerMessage(EventId = 100, Level = LogLevel.Error, Message = "Function {Function} failed, invocation {InvocationId}")]
    private partial void LogFailed(Exception failure, string function, string invocationId);

    [LoggerMessage(EventId = 101, Level = LogLevel.Debug, Message = "Function {Function}: the caller went away, invocation {InvocationId}")]
    private partial void LogAborted(string function, string invocationId);
}
