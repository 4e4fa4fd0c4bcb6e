namespace Selvedge.Local.Durable;

/// <summary>Says whether a failed task is tried again; runs in the orchestrator, so it obeys the orchestrator's rules.</summary>
public delegate bool RetryHandler(RetryContext retryContext);

/// <summary>As <see cref="RetryHandler"/>, awaiting durable tasks only.</summary>
public delegate Task<bool> AsyncRetryHandler(RetryContext retryContext);

/// <summary>What a retry handler is told.</summary>
/// <param name="OrchestrationContext">The orchestrator's context.</param>
/// <param name="LastAttemptNumber">Attempts made, from 1.</param>
/// <param name="LastFailure">Why the last one failed.</param>
/// <param name="TotalRetryTime">Time since the first attempt was scheduled.</param>
/// <param name="CancellationToken">Never cancelled.</param>
public record RetryContext(TaskOrchestrationContext OrchestrationContext, int LastAttemptNumber, TaskFailureDetails LastFailure, TimeSpan TotalRetryTime, CancellationToken CancellationToken);

/// <summary>A policy or a handler.</summary>
public sealed class TaskRetryOptions
{
    /// <summary>Tries again by <paramref name="policy"/>.</summary>
    public TaskRetryOptions(RetryPolicy policy) => Policy = policy ?? throw new ArgumentNullException(nameof(policy));

    /// <summary>Tries again as long as <paramref name="handler"/> says so.</summary>
    public TaskRetryOptions(AsyncRetryHandler handler) => Handler = handler ?? throw new ArgumentNullException(nameof(handler));

    /// <summary>The policy, where there is one.</summary>
    public RetryPolicy? Policy { get; }

    /// <summary>The handler, where there is one.</summary>
    public AsyncRetryHandler? Handler { get; }

    /// <summary>Options of a policy.</summary>
    public static implicit operator TaskRetryOptions(RetryPolicy policy) => FromRetryPolicy(policy);

    /// <summary>Options of a handler.</summary>
    public static implicit operator TaskRetryOptions(AsyncRetryHandler handler) => FromRetryHandler(handler);

    /// <summary>Options of a handler.</summary>
    public static implicit operator TaskRetryOptions(RetryHandler handler) => FromRetryHandler(handler);

    /// <summary>Options of a policy.</summary>
    public static TaskRetryOptions FromRetryPolicy(RetryPolicy policy) => new(policy);

    /// <summary>Options of a handler.</summary>
    public static TaskRetryOptions FromRetryHandler(AsyncRetryHandler handler) => new(handler);

    /// <summary>Options of a handler.</summary>
    public static TaskRetryOptions FromRetryHandler(RetryHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return new(context => Task.FromResult(handler(context)));
    }
}

/// <summary>How often, and after which times, a failed task is tried again.</summary>
public class RetryPolicy
{
    private readonly Func<TaskFailureDetails, bool>? handleFailure;

    /// <param name="maxNumberOfAttempts">Attempts in all, 1 at least.</param>
    /// <param name="firstRetryInterval">Time before the second attempt, more than none.</param>
    /// <param name="backoffCoefficient">By how much the time grows, 1 at least.</param>
    /// <param name="maxRetryInterval">The longest time between attempts; an hour by default.</param>
    /// <param name="retryTimeout">No attempt begins later than this after the first; without end by default.</param>
    public RetryPolicy(int maxNumberOfAttempts, TimeSpan firstRetryInterval, double backoffCoefficient = 1.0, TimeSpan? maxRetryInterval = null, TimeSpan? retryTimeout = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxNumberOfAttempts, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(firstRetryInterval, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(backoffCoefficient, 1.0);
        if (maxRetryInterval < firstRetryInterval) { throw new ArgumentOutOfRangeException(nameof(maxRetryInterval), maxRetryInterval, "It must not be shorter than firstRetryInterval."); }
        if (retryTimeout < firstRetryInterval && retryTimeout != Timeout.InfiniteTimeSpan) { throw new ArgumentOutOfRangeException(nameof(retryTimeout), retryTimeout, "It must not be shorter than firstRetryInterval."); }
        (MaxNumberOfAttempts, FirstRetryInterval, BackoffCoefficient) = (maxNumberOfAttempts, firstRetryInterval, backoffCoefficient);
        MaxRetryInterval = maxRetryInterval ?? TimeSpan.FromHours(1);
        RetryTimeout = retryTimeout ?? Timeout.InfiniteTimeSpan;
    }

    /// <summary>Attempts in all.</summary>
    public int MaxNumberOfAttempts { get; }

    /// <summary>Time before the second attempt.</summary>
    public TimeSpan FirstRetryInterval { get; }

    /// <summary>By how much the time grows from attempt to attempt.</summary>
    public double BackoffCoefficient { get; }

    /// <summary>The longest time between attempts.</summary>
    public TimeSpan MaxRetryInterval { get; }

    /// <summary>How long after the first attempt others may begin; <see cref="Timeout.InfiniteTimeSpan"/>: without end.</summary>
    public TimeSpan RetryTimeout { get; }

    /// <summary>Whether a failure is one to try again after.</summary>
    public Func<Exception, bool> Handle => failure => handleFailure is null || handleFailure(failure is TaskFailedException task ? task.FailureDetails : TaskFailureDetails.FromException(failure));

    /// <summary>Sets <see cref="Handle"/> by what is known of the failure.</summary>
    public Func<TaskFailureDetails, bool> HandleFailure
    {
        init => handleFailure = value;
    }

    /// <summary>The time before the attempt after number <paramref name="attempt"/>; null: none is made.</summary>
    internal TimeSpan? DelayAfter(int attempt, TimeSpan sinceFirst, Exception failure)
    {
        if (attempt >= MaxNumberOfAttempts || !Handle(failure)) { return null; }
        if (RetryTimeout != Timeout.InfiniteTimeSpan && sinceFirst >= RetryTimeout) { return null; }
        var next = FirstRetryInterval.TotalMilliseconds * Math.Pow(BackoffCoefficient, attempt - 1);
        return next < MaxRetryInterval.TotalMilliseconds ? TimeSpan.FromMilliseconds(next) : MaxRetryInterval;
    }
}
