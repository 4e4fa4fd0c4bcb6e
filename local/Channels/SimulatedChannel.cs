using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Selvedge.Local.Channels;

/// <summary>A call as it came in.</summary>
public sealed record Call(HttpContext Context, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);
    public JsonNode? Json => JsonNode.Parse(Body);

    /// <summary>A part of the path. A slash within one stays escaped in routing, and only that.</summary>
    public string Route(string name) => $"{Context.Request.RouteValues[name]}".Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
    public string? Query(string name) => Context.Request.Query.TryGetValue(name, out var values) ? values.ToString() : null;
    public int Whole(string name, int fallback) => Query(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : fallback;
    public string? Header(string name) => Context.Request.Headers.TryGetValue(name, out var values) ? values.ToString() : null;
}

/// <summary>What it is answered.</summary>
public sealed record Reply(int Status, byte[]? Body = null, string Type = "application/json")
{
    public List<(string Name, string Value)> Headers { get; } = [];
    public static Reply Json(JsonNode body, int status = 200) => new(status, Encoding.UTF8.GetBytes(body.ToJsonString()));
    public Reply With(string header, string value)
    {
        Headers.Add((header, value));
        return this;
    }
}

/// <summary>So many calls of an operation come back in a second, so many may go at once.</summary>
public sealed record Limit(double PerSecond, double Burst = 1);

/// <summary>
/// A channel on loopback, for tests and demonstrations: listens on a free port, asks for its credentials, holds its callers to the limits of each operation
/// (429 with <c>Retry-After</c>), and lets the <see cref="Faults"/> happen. What it shows and sells is its <see cref="Stock"/>. Each system below this is written
/// from published documentation; none is the real system.
/// </summary>
public abstract class SimulatedChannel : IAsyncDisposable
{
    readonly WebApplication app;
    readonly Dictionary<string, (double Left, DateTimeOffset At)> buckets = [];

    protected SimulatedChannel(TimeProvider time, int seed)
    {
        (Time, Faults, Stock) = (time, new(seed), new(time));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        app = builder.Build();
    }

    public TimeProvider Time { get; }
    public Faults Faults { get; }
    public SimulatedStock Stock { get; }

    /// <summary>Where it is, e.g. <c>http://127.0.0.1:41234</c>.</summary>
    public Uri Address => new(app.Urls.First());

    /// <summary>Operations carried out, by name; and bodies of the last one of each.</summary>
    public ConcurrentDictionary<string, int> Done { get; } = new();
    public ConcurrentDictionary<string, string> Bodies { get; } = new();

    /// <summary>False: nobody is held to limits.</summary>
    public bool HoldsToLimits { get; set; } = true;

    /// <summary>Held while a call is carried out.</summary>
    protected Lock Gate { get; } = new();

    protected abstract bool IsAuthorized(HttpRequest request);

    /// <summary>Every token given out is out of date.</summary>
    protected virtual void ExpireTokens() { }

    /// <summary>What a refusal looks like here.</summary>
    protected virtual Reply Refusal(int status, string code, string message) => Reply.Json(new JsonObject { ["status"] = status, ["code"] = code, ["message"] = message }, status);

    protected Task ListenAsync() => app.StartAsync();

    /// <summary>An operation.</summary>
    /// <param name="method">GET, POST, …</param>
    /// <param name="pattern">Its path.</param>
    /// <param name="operation">Its name.</param>
    /// <param name="answer">What it does, one at a time.</param>
    /// <param name="limit">How often; null: as often as anybody likes.</param>
    /// <param name="open">No credentials are asked for (a token's own address).</param>
    /// <param name="counts">Which of its calls count against the limit; null: each.</param>
    protected void Map(string method, string pattern, string operation, Func<Call, Reply> answer, Limit? limit = null, bool open = false, Func<HttpRequest, bool>? counts = null) =>
        app.MapMethods(pattern, [method], context => AnswerAsync(context, operation, answer, counts?.Invoke(context.Request) == false ? null : limit, open));

    async Task AnswerAsync(HttpContext context, string operation, Func<Call, Reply> answer, Limit? limit, bool open)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        var fault = Faults.Draw(operation);
        if (fault is Fault.HangUpBefore)
        {
            context.Abort();
            return;
        }
        Reply reply;
        lock (Gate)
        {
            if (fault is Fault.TokenExpired) ExpireTokens();
            if (fault is Fault.Limited) reply = TooOften(Faults.RetryAfter);
            else if (fault is Fault.ServerError) reply = Refusal(500, "INTERNAL", "Something went wrong.");
            else if (!open && !IsAuthorized(context.Request)) reply = Refusal(401, "UNAUTHORIZED", "These credentials are not valid.");
            else if (limit is not null && Wait(operation, limit) is { } wait) reply = TooOften(wait);
            else
            {
                var call = new Call(context, body.ToArray());
                reply = answer(call);
                Done.AddOrUpdate(operation, 1, (_, times) => times + 1);
                Bodies[operation] = call.Text;
            }
        }
        if (fault is Fault.HangUpAfter)
        {
            context.Abort();
            return;
        }
        context.Response.StatusCode = reply.Status;
        foreach (var (name, value) in reply.Headers) context.Response.Headers.Append(name, value);
        if (reply.Body is null) return;
        context.Response.ContentType = reply.Type;
        await context.Response.Body.WriteAsync(reply.Body, context.RequestAborted);
    }

    Reply TooOften(TimeSpan wait) => Refusal(429, "TOO_MANY_REQUESTS", "Too many requests.").With("Retry-After", Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture));

    TimeSpan? Wait(string operation, Limit limit)
    {
        if (!HoldsToLimits) return null;
        var now = Time.GetUtcNow();
        var left = buckets.TryGetValue(operation, out var bucket) ? Math.Min(limit.Burst, bucket.Left + (now - bucket.At).TotalSeconds * limit.PerSecond) : limit.Burst;
        var wait = left < 0.999 ? TimeSpan.FromSeconds((1 - left) / limit.PerSecond) : (TimeSpan?)null;
        buckets[operation] = (wait is null ? left - 1 : left, now);
        return wait;
    }

    /// <summary>An instant as most of them write it.</summary>
    protected static string Text(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
