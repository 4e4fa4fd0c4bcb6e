using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Selvedge.Local.Functions;

/// <summary>One run of one function (official: Microsoft.Azure.Functions.Worker.FunctionContext).</summary>
public abstract class FunctionContext
{
    /// <summary>Identifies this run, in logs and in the body of a 500.</summary>
    public abstract string InvocationId { get; }

    /// <summary>Identifies the function, the same from start to start.</summary>
    public abstract string FunctionId { get; }

    /// <summary>The distributed trace this run belongs to.</summary>
    public abstract TraceContext TraceContext { get; }

    /// <summary>What the trigger bound: for HTTP the route values.</summary>
    public abstract BindingContext BindingContext { get; }

    /// <summary>Which try this is, where the function has a retry attribute.</summary>
    public abstract RetryContext RetryContext { get; }

    /// <summary>The services of this run's scope, disposed after it.</summary>
    public abstract IServiceProvider InstanceServices { get; set; }

    /// <summary>Which function runs.</summary>
    public abstract FunctionDefinition FunctionDefinition { get; }

    /// <summary>Room for what middleware passes on to later middleware and to the function.</summary>
    public abstract IDictionary<object, object> Items { get; set; }

    /// <summary>Cancelled when the caller goes away (HTTP) or the host stops (timers).</summary>
    public virtual CancellationToken CancellationToken { get; }
}

/// <summary>What the trigger bound to this run.</summary>
public abstract class BindingContext
{
    /// <summary>By name, whatever its case; for HTTP the route values as text.</summary>
    public abstract IReadOnlyDictionary<string, object?> BindingData { get; }
}

/// <summary>Which try this is.</summary>
public abstract class RetryContext
{
    /// <summary>0 on the first try.</summary>
    public abstract int RetryCount { get; }

    /// <summary>Tries after the first one; −1 without limit.</summary>
    public abstract int MaxRetryCount { get; }
}

/// <summary>W3C trace context of this run; empty text where there is none.</summary>
public abstract class TraceContext
{
    /// <summary>The <c>traceparent</c>.</summary>
    public abstract string TraceParent { get; }

    /// <summary>The <c>tracestate</c>.</summary>
    public abstract string TraceState { get; }
}

/// <summary>Which function runs, and where its code is.</summary>
public abstract class FunctionDefinition
{
    /// <summary>Full path of the assembly.</summary>
    public abstract string PathToAssembly { get; }

    /// <summary><c>Namespace.Type.Method</c>.</summary>
    public abstract string EntryPoint { get; }

    /// <summary>As <see cref="FunctionContext.FunctionId"/>.</summary>
    public abstract string Id { get; }

    /// <summary>The name in <see cref="FunctionAttribute"/>.</summary>
    public abstract string Name { get; }
}

/// <summary>Reaches the HTTP request of a run.</summary>
public static class FunctionContextExtensions
{
    internal const string HttpContextKey = "HttpRequestContext";

    /// <summary>The request and response of this run; null when the trigger is not HTTP.</summary>
    public static HttpContext? GetHttpContext(this FunctionContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Items.TryGetValue(HttpContextKey, out var http) ? http as HttpContext : null;
    }
}

/// <summary>Loggers from a run's services.</summary>
public static class FunctionContextLoggerExtensions
{
    /// <summary>A logger named after <typeparamref name="T"/>.</summary>
    public static ILogger<T?> GetLogger<T>(this FunctionContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.InstanceServices.GetRequiredService<ILogger<T?>>();
    }

    /// <summary>A logger named <paramref name="categoryName"/>.</summary>
    public static ILogger GetLogger(this FunctionContext context, string categoryName)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.InstanceServices.GetRequiredService<ILoggerFactory>().CreateLogger(categoryName);
    }
}
