using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Selvedge.Local.Functions;

/// <summary>Runs each timer function on its schedule, one run at a time, as Azure's timer listener does.</summary>
internal sealed partial class TimerRunner(
    IReadOnlyList<HostedFunction> functions, FunctionExecutionDelegate pipeline, IServiceProvider services, LocalData data, TimeProvider time,
    IHostApplicationLifetime lifetime, ILogger<TimerRunner> logger) : IHostedService
{
    // Waits are cut into pieces so that a stepped clock or a machine that slept is noticed.
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private readonly CancellationToken stopping = lifetime.ApplicationStopping;
    private Task running = Task.CompletedTask;

    /// <summary>Starts all schedules; the app's own hosted services have started by then.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        running = Task.WhenAll(functions.Where(function => function.Timer is not null).Select(function => Task.Run(() => KeepAsync(function), CancellationToken.None)));
        return Task.CompletedTask;
    }

    /// <summary>Waits for the runs in progress, which were cancelled as the stop began, until <paramref name="cancellationToken"/>.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await running.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!running.IsCompleted) { LogAbandoned(); }
    }

    private async Task KeepAsync(HostedFunction function)
    {
        try
        {
            using var lease = await data.Timers.LeaseAsync(function.Name, stopping);
            await FollowScheduleAsync(function, function.Timer!);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested) { }
        catch (Exception failure)
        {
            LogStopped(failure, function.Name);
        }
    }

    private async Task FollowScheduleAsync(HostedFunction function, HostedFunction.TimerPlan plan)
    {
        var monitored = plan.Trigger.UseMonitor && !plan.Schedule.IsMoreFrequentThanAMinute(Now);
        var status = monitored ? ResumeStatus(function.Name, plan.Schedule) : new ScheduleStatus { Next = plan.Schedule.After(Now) };
        var isPastDue = monitored && Now > status.Next;
        if (isPastDue || plan.Trigger.RunOnStartup) { status = await RunOnceAsync(function, plan, status, monitored, isPastDue, onSchedule: false); }
        while (true)
        {
            await WaitUntilAsync(status.Next);
            status = await RunOnceAsync(function, plan, status, monitored, isPastDue: false, onSchedule: true);
        }
    }

    private DateTime Now => time.GetUtcNow().UtcDateTime;

    /// <summary>The status kept before, its next run recomputed where the schedule was edited since.</summary>
    private ScheduleStatus ResumeStatus(string function, TimerSchedule schedule)
    {
        var now = Now;
        var kept = data.Timers.Read(function);
        var expected = kept is null ? schedule.After(now) : schedule.After(kept.Last != default ? kept.Last : kept.LastUpdated);
        if (kept is not null && kept.Next == expected) { return kept; }
        if (kept is not null && now > expected) { expected = schedule.After(now); }
        var status = new ScheduleStatus { Next = expected, LastUpdated = now };
        data.Timers.Write(function, status);
        return status;
    }

    private async Task WaitUntilAsync(DateTime due)
    {
        for (var left = due - Now; left > TimeSpan.Zero; left = due - Now)
        {
            await Task.Delay(left < LongestWait ? RoundUp(left) : LongestWait, time, stopping);
        }
        stopping.ThrowIfCancellationRequested();
    }

    // Timers tick in whole milliseconds; rounding down would wake just before the occurrence.
    private static TimeSpan RoundUp(TimeSpan wait) => TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds));

    private async Task<ScheduleStatus> RunOnceAsync(HostedFunction function, HostedFunction.TimerPlan plan, ScheduleStatus before, bool monitored, bool isPastDue, bool onSchedule)
    {
        var started = Now;
        var info = new TimerInfo { IsPastDue = isPastDue, ScheduleStatus = monitored ? before : null };
        await RunWithRetriesAsync(function, plan.Retry, info);
        var last = onSchedule && before.Next > started ? before.Next : started;
        var after = new ScheduleStatus { Last = last, Next = plan.Schedule.After(last), LastUpdated = Now };
        if (monitored) { data.Timers.Write(function.Name, after); }
        return after;
    }

    /// <exception cref="OperationCanceledException">The host stops and the run did not succeed: it is past due at the next start.</exception>
    private async Task RunWithRetriesAsync(HostedFunction function, HostedFunction.RetryPolicy policy, TimerInfo info)
    {
        for (var retry = 0; ; retry++)
        {
            await using var scope = services.CreateAsyncScope();
            var invocation = new Invocation(function)
            {
                TriggerInput = info, Stopping = stopping, InstanceServices = scope.ServiceProvider, Retry = new(retry, policy.MaxRetryCount),
            };
            try
            {
                await pipeline(invocation);
                return;
            }
            catch (Exception failure)
            {
                stopping.ThrowIfCancellationRequested();
                LogFailed(failure, function.Name, invocation.InvocationId, retry + 1);
            }
            if (policy.MaxRetryCount >= 0 && retry >= policy.MaxRetryCount) { return; }
            await Task.Delay(policy.DelayBefore(retry + 1), time, stopping);
        }
    }

    [LoggerMessage(EventId = 110, Level = LogLevel.Error, Message = "Timer {Function} failed, invocation {InvocationId}, try {Try}")]
    private partial void LogFailed(Exception failure, string function, string invocationId, int @try);

    [LoggerMessage(EventId = 112, Level = LogLevel.Warning, Message = "A timer did not end in the time there is for stopping; if its status is kept it runs again at the next start")]
    private partial void LogAbandoned();

    [LoggerMessage(EventId = 111, Level = LogLevel.Critical, Message = "Timer {Function} runs no more until the host is restarted")]
    private partial void LogStopped(Exception failure, string function);
}
