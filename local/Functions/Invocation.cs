using System.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace Selvedge.Local.Functions;

/// <summary>One run. Whatever a run may not need is made when asked for.</summary>
internal sealed class Invocation(HostedFunction function) : FunctionContext
{
    private string? invocationId;
    private IServiceProvider? services;
    private IDictionary<object, object>? items;
    private BindingContext? binding;
    private TraceContext? trace;
    private List<object>? disposables;

    /// <summary>The function.</summary>
    public HostedFunction Function => function;

    /// <summary>The request and response, for an HTTP trigger.</summary>
    public HttpContext? Http { get; init; }

    /// <summary>The value of the trigger's parameter, for the others.</summary>
    public object? TriggerInput { get; init; }

    /// <summary>What the trigger bound by name, for the others.</summary>
    public IReadOnlyDictionary<string, object?>? Data { get; init; }

    /// <summary>Settles the message of a queue trigger.</summary>
    public ServiceBusMessageActions? MessageActions { get; init; }

    /// <summary>Steers the session of a queue trigger with sessions.</summary>
    public ServiceBusSessionMessageActions? SessionActions { get; init; }

    /// <summary>Cancelled when the host stops, for the others.</summary>
    public CancellationToken Stopping { get; init; }

    /// <summary>Which try this is.</summary>
    public Retries Retry { get; init; } = Retries.None;

    /// <summary>What the function returned.</summary>
    public object? Result { get; private set; }

    /// <summary>The request of an HTTP trigger.</summary>
    public HttpRequest Request => Http!.Request;

    public override string InvocationId => invocationId ??= Guid.NewGuid().ToString();

    public override string FunctionId => function.Definition.Id;

    public override FunctionDefinition FunctionDefinition => function.Definition;

    // HttpContext.RequestServices makes its scope on first use and disposes it after the response.
    public override IServiceProvider InstanceServices
    {
        get => services ?? Http!.RequestServices;
        set => services = value;
    }

    public override IDictionary<object, object> Items
    {
        get => items ??= new Dictionary<object, object>();
        set => items = value;
    }

    public override BindingContext BindingContext => binding ??= new Bound(Http, Data);

    public override RetryContext RetryContext => Retry;

    public override TraceContext TraceContext => trace ??= new Trace(Activity.Current, Http);

    // Kestrel makes its token when asked: only functions that take one pay for it.
    public override CancellationToken CancellationToken => Http?.RequestAborted ?? Stopping;

    /// <summary>Runs the function, the end of the pipeline.</summary>
    public async Task ExecuteAsync()
    {
        try
        {
            Result = await function.Run(this);
        }
        finally
        {
            foreach (var made in disposables ?? [])
            {
                if (made is IAsyncDisposable asynchronous) { await asynchronous.DisposeAsync(); }
                else { ((IDisposable)made).Dispose(); }
            }
        }
    }

    /// <summary>Notes an instance of the function's class, to be disposed when the function has run.</summary>
    public object DisposeAfterwards(object made)
    {
        (disposables ??= []).Add(made);
        return made;
    }

    /// <summary>Which try of a timer's run this is.</summary>
    internal sealed class Retries(int count, int max) : RetryContext
    {
        /// <summary>The first and only one.</summary>
        public static readonly Retries None = new(0, 0);

        public override int RetryCount => count;

        public override int MaxRetryCount => max;
    }

    private sealed class Bound(HttpContext? http, IReadOnlyDictionary<string, object?>? data) : BindingContext
    {
        public override IReadOnlyDictionary<string, object?> BindingData { get; } = http is null
            ? data ?? new Dictionary<string, object?>()
            : new Dictionary<string, object?>(http.Request.RouteValues, StringComparer.OrdinalIgnoreCase);
    }

    private sealed class Trace(Activity? activity, HttpContext? http) : TraceContext
    {
        public override string TraceParent { get; } = activity?.Id ?? http?.Request.Headers.TraceParent.ToString() ?? "";

        public override string TraceState { get; } = (activity is null ? http?.Request.Headers.TraceState.ToString() : activity.TraceStateString) ?? "";
    }
}
