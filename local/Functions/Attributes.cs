namespace Selvedge.Local.Functions;

/// <summary>Marks a method as a function (official: Microsoft.Azure.Functions.Worker.FunctionAttribute).</summary>
/// <param name="name">The function's name, unique in the app whatever its case.</param>
[AttributeUsage(AttributeTargets.Method)]
public class FunctionAttribute(string name) : Attribute
{
    /// <summary>The function's name.</summary>
    public string Name { get; } = name;
}

/// <summary>What every binding attribute derives from (official: Worker.Extensions.Abstractions).</summary>
[AttributeUsage(AttributeTargets.Method)]
public abstract class BindingAttribute : Attribute
{
    /// <summary>Called by the attributes derived.</summary>
    public BindingAttribute() { }
}

/// <summary>A parameter whose arrival runs the function; each function has exactly one.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
public abstract class TriggerBindingAttribute : BindingAttribute
{
    /// <summary>Called by the attributes derived.</summary>
    public TriggerBindingAttribute() { }
}

/// <summary>A parameter that is given something besides the trigger.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
public abstract class InputBindingAttribute : BindingAttribute
{
    /// <summary>Called by the attributes derived.</summary>
    public InputBindingAttribute() { }
}

/// <summary>Who may call an HTTP function by key. The local host holds no function keys: it starts only with
/// <see cref="Anonymous"/>, and leaves authorisation to the app's own middleware.</summary>
public enum AuthorizationLevel
{
    /// <summary>No key is asked for.</summary>
    Anonymous = 0,

    /// <summary>A signed-in user; refused here.</summary>
    User = 1,

    /// <summary>A function key; refused here.</summary>
    Function = 2,

    /// <summary>A system key; refused here.</summary>
    System = 3,

    /// <summary>The master key; refused here.</summary>
    Admin = 4,
}

/// <summary>Runs the function for an HTTP request that matches <see cref="Methods"/> and <see cref="Route"/>.</summary>
/// <param name="authLevel">Which key the caller needs.</param>
/// <param name="methods">The methods answered, in any case; none means every method.</param>
public sealed class HttpTriggerAttribute(AuthorizationLevel authLevel, params string[] methods) : TriggerBindingAttribute
{
    /// <summary>Every method, with a function key (the official default).</summary>
    public HttpTriggerAttribute() : this(AuthorizationLevel.Function) { }

    /// <summary>These methods, with a function key (the official default).</summary>
    public HttpTriggerAttribute(params string[] methods) : this(AuthorizationLevel.Function, methods) { }

    /// <summary>Every method.</summary>
    public HttpTriggerAttribute(AuthorizationLevel authLevel) : this(authLevel, []) { }

    /// <summary>The route template below host.json's <c>routePrefix</c>; the function's name when null.</summary>
    public string? Route { get; set; }

    /// <summary>The methods answered; empty means every method.</summary>
    public string[]? Methods { get; } = methods;

    /// <summary>Which key the caller needs.</summary>
    public AuthorizationLevel AuthLevel { get; } = authLevel;
}

/// <summary>Runs the function on a schedule, one run at a time.</summary>
/// <param name="schedule">NCRONTAB with six fields (seconds first, UTC) or five; <c>%Name%</c> reads it from the setting
/// <c>Name</c>.</param>
public sealed class TimerTriggerAttribute(string schedule) : TriggerBindingAttribute
{
    /// <summary>The schedule as written.</summary>
    public string Schedule { get; } = schedule;

    /// <summary>Keep the schedule's status on disk, so that a run missed while the host was down is made up for. Off by
    /// itself, as in Azure, for schedules more frequent than once a minute.</summary>
    public bool UseMonitor { get; set; } = true;

    /// <summary>Run once whenever the host starts.</summary>
    public bool RunOnStartup { get; set; }
}

/// <summary>How often a failed run is tried again. For timers only, as in Azure; on an HTTP function the host refuses to start.</summary>
[AttributeUsage(AttributeTargets.Method)]
public abstract class RetryAttribute : Attribute
{
    /// <summary>Called by the attributes derived.</summary>
    public RetryAttribute() { }

    /// <summary>Tries after the first one; −1 without limit.</summary>
    public int MaxRetryCount { get; set; }
}

/// <summary>Tries again after a fixed time.</summary>
public sealed class FixedDelayRetryAttribute : RetryAttribute
{
    /// <param name="maxRetryCount">Tries after the first one; −1 without limit.</param>
    /// <param name="delayInterval">Time between tries, <c>hh:mm:ss</c>.</param>
    public FixedDelayRetryAttribute(int maxRetryCount, string delayInterval) =>
        (MaxRetryCount, DelayInterval) = (maxRetryCount, delayInterval);

    /// <summary>Time between tries, <c>hh:mm:ss</c>.</summary>
    public string DelayInterval { get; }
}

/// <summary>Tries again after a time that doubles from the minimum up to the maximum.</summary>
public sealed class ExponentialBackoffRetryAttribute : RetryAttribute
{
    /// <param name="maxRetryCount">Tries after the first one; −1 without limit.</param>
    /// <param name="minimumInterval">Time before the first retry, <c>hh:mm:ss</c>.</param>
    /// <param name="maximumInterval">Longest time between tries, <c>hh:mm:ss</c>.</param>
    public ExponentialBackoffRetryAttribute(int maxRetryCount, string minimumInterval, string maximumInterval) =>
        (MaxRetryCount, MinimumInterval, MaximumInterval) = (maxRetryCount, minimumInterval, maximumInterval);

    /// <summary>Time before the first retry, <c>hh:mm:ss</c>.</summary>
    public string MinimumInterval { get; }

    /// <summary>Longest time between tries, <c>hh:mm:ss</c>.</summary>
    public string MaximumInterval { get; }
}
