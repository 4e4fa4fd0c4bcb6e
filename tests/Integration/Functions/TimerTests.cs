using System.Threading.Channels;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Functions;

public class TimerTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public sealed record Run(DateTimeOffset At, bool PastDue, DateTime? Last, DateTime? Next, int Retry);

    /// <summary>What the timer functions below share with a test.</summary>
    public sealed class Runs(TimeProvider time)
    {
        private readonly Channel<Run> runs = Channel.CreateUnbounded<Run>();
        private int inProgress;

        public Func<int, Task> Body { get; set; } = _ => Task.CompletedTask;

        public int Waiting => runs.Reader.Count;

        public bool Overlapped { get; private set; }

        public async Task AddAsync(TimerInfo info, FunctionContext context)
        {
            if (Interlocked.Increment(ref inProgress) > 1) { Overlapped = true; }
            runs.Writer.TryWrite(new Run(time.GetUtcNow(), info.IsPastDue, info.ScheduleStatus?.Last, info.ScheduleStatus?.Next, context.RetryContext.RetryCount));
            try { await Body(context.RetryContext.RetryCount); }
            finally { Interlocked.Decrement(ref inProgress); }
        }

        public ValueTask<Run> NextAsync() => runs.Reader.ReadAsync(TestContext.Current.CancellationToken);
    }

    public class EveryFiveMinutes(Runs runs)
    {
        [Function("Sweep")]
        public Task Sweep([TimerTrigger("0 */5 * * * *")] TimerInfo info, FunctionContext context) => runs.AddAsync(info, context);
    }

    public class EveryTenSeconds(Runs runs)
    {
        [Function("Tick")]
        public Task Tick([TimerTrigger("*/10 * * * * *")] TimerInfo info, FunctionContext context) => runs.AddAsync(info, context);
    }

    public class AtStart(Runs runs)
    {
        [Function("AtStart")]
        public Task Go([TimerTrigger("0 0 3 * * *", RunOnStartup = true)] TimerInfo info, FunctionContext context) => runs.AddAsync(info, context);
    }

    public class FromSetting(Runs runs)
    {
        [Function("Nightly")]
        public Task Go([TimerTrigger("%Schedules:Nightly%", UseMonitor = false)] TimerInfo info, FunctionContext context) => runs.AddAsync(info, context);
    }

    public class Retried(Runs runs)
    {
        [Function("Retried"), ExponentialBackoffRetry(3, "00:00:10", "00:00:25")]
        public Task Go([TimerTrigger("0 0 * * * *")] TimerInfo info, FunctionContext context) => runs.AddAsync(info, context);
    }

    private static Task<RunningHost> StartAsync(Type function, ManualTime time, Runs runs, TempFolder folder, Action<FunctionsApplicationBuilder>? configure = null) =>
        RunningHost.StartAsync([function], builder =>
        {
            builder.Services.AddSingleton<TimeProvider>(time).AddSingleton(runs);
            builder.Configuration.AddInMemoryCollection([new("Schedules:Nightly", "30 15 2 * * *")]);
            configure?.Invoke(builder);
        }, folder);

    [Fact]
    public async Task A_timer_runs_at_each_occurrence_and_is_told_its_status()
    {
        using var folder = new TempFolder();
        var time = new ManualTime(Noon.AddSeconds(1));
        var runs = new Runs(time);
        await using var host = await StartAsync(typeof(EveryFiveMinutes), time, runs, folder);
        for (var i = 1; i <= 3; i++)
        {
            await time.RestAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, runs.Waiting);
            time.Advance(Noon.AddMinutes(5 * i) - time.GetUtcNow());
            var run = await runs.NextAsync();
            Assert.Equal(new Run(Noon.AddMinutes(5 * i), false, i == 1 ? default(DateTime) : Noon.AddMinutes(5 * (i - 1)).UtcDateTime, Noon.AddMinutes(5 * i).UtcDateTime, 0), run);
        }
    }

    [Fact]
    public async Task A_run_missed_while_the_host_was_down_is_made_up_for_once()
    {
        using var folder = new TempFolder();
        var time = new ManualTime(Noon);
        var runs = new Runs(time);
        await using (var host = await StartAsync(typeof(EveryFiveMinutes), time, runs, folder))
        {
            await time.RestAsync(TestContext.Current.CancellationToken);
            time.Advance(TimeSpan.FromMinutes(5));
            await runs.NextAsync();
            await time.RestAsync(TestContext.Current.CancellationToken);
        }
        time.Advance(TimeSpan.FromMinutes(33));
        await using (var host = await StartAsync(typeof(EveryFiveMinutes), time, runs, folder))
        {
            Assert.Equal(new Run(Noon.AddMinutes(38), true, Noon.AddMinutes(5).UtcDateTime, Noon.AddMinutes(10).UtcDateTime, 0), await runs.NextAsync());
            await time.RestAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, runs.Waiting);
            time.Advance(TimeSpan.FromMinutes(2));
            Assert.Equal(new Run(Noon.AddMinutes(40), false, Noon.AddMinutes(38).UtcDateTime, Noon.AddMinutes(40).UtcDateTime, 0), await runs.NextAsync());
        }
    }

    [Fact]
    public async Task A_restart_before_the_next_occurrence_runs_nothing()
    {
        using var folder = new TempFolder();
        var time = new ManualTime(Noon.AddSeconds(1));
        var runs = new Runs(time);
        for (var i = 0; i < 3; i++)
        {
            await using var host = await StartAsync(typeof(EveryFiveMinutes), time, runs, folder);
            await time.RestAsync(TestContext.Current.CancellationToken);
            time.Advance(TimeSpan.FromMinutes(1));
            await time.RestAsync(TestContext.Current.CancellationToken);
        }
        Assert.Equal(0, runs.Waiting);
    }

    [Fact]
    public async Task A_run_longer_than_its_interval_never_overlaps_and_is_followed_by_one_catch_up()
    {
        using var folder = new TempFolder();
        var time = new ManualTime(Noon);
        var runs = new Runs(time);
        var longRun = new TaskCompletionSource();
        runs.Body = _ => longRun.Task;
        await using var host = await StartAsync(typeof(EveryTenSeconds), time, runs, folder);
        await time.RestAsync(TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(Noon.AddSeconds(10), (await runs.NextAsync()).At);
        time.Advance(TimeSpan.FromSeconds(35));
        longRun.SetResult();
        Assert.Equal(Noon.AddSeconds(45), (await runs.NextAsync()).At);
        await time.RestAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, runs.Waiting);
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(Noon.AddSeconds(50), (await runs.NextAsync()).At);
        Assert.False(runs.Overlapped);
    }

    [Fact]
    public async Task A_schedule_more_frequent_than_a_minute_keeps_no_status()
    {
        using var folder = new TempFolder();
        var time = new ManualTime(Noon);
        var runs = new Runs(time);
        await using (var host = await StartAsync(typeof(EveryTenSeconds), time, runs, folder))
        {
            await time.RestAsync(TestContext.Current.CancellationToken);
            time.Advance(TimeSpan.FromSeconds(10));
            Assert.Null((await runs.NextAsync()).Next);
            await time.RestAsync(TestContext.Current.CancellationToken);
        }
        Assert.False(File.Exists(folder.File(Path.Combine("data", "timers.json"))));
    }

    [Fact]
    public async Task RunOnStartup_runs_at_every_start()
    {
        using var folder = new TempFolder();
        var time = new ManualTime(Noon);
        var runs = new Runs(time);
        for (var i = 0; i < 2; i++)
        {
            await using var host = await StartAsync(typeof(AtStart), time, runs, folder);
            Assert.False((await runs.NextAsync()).PastDue);
            await time.RestAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task A_schedule_may_be_a_setting()
    {
        using var folder = new TempFolder();
        var time = new ManualTime(Noon);
        var runs = new Runs(time);
        await using var host = await StartAsync(typeof(FromSetting), time, runs, folder);
        await time.RestAsync(TestContext.Current.CancellationToken);
        time.Advance(new DateTimeOffset(2026, 3, 2, 2, 15, 30, TimeSpan.Zero) - Noon);
        Assert.Equal(new DateTimeOffset(2026, 3, 2, 2, 15, 30, TimeSpan.Zero), (await runs.NextAsync()).At);
    }

    [Fact]
    public async Task A_failed_run_is_tried_again_after_growing_delays_until_it_succeeds()
    {
        using var folder = new TempFolder();
        var time = new ManualTime(Noon);
        var runs = new Runs(time) { Body = retry => retry < 3 ? throw new InvalidOperationException("not yet") : Task.CompletedTask };
        await using var host = await StartAsync(typeof(Retried), time, runs, folder);
        await time.RestAsync(TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromHours(1));
        var at = Noon.AddHours(1);
        foreach (var (retry, delay) in new[] { (0, 0), (1, 10), (2, 20), (3, 25) })
        {
            if (retry > 0)
            {
                await time.RestAsync(TestContext.Current.CancellationToken);
                time.Advance(TimeSpan.FromSeconds(delay));
            }
            at = at.AddSeconds(delay);
            var run = await runs.NextAsync();
            Assert.Equal((at, retry), (run.At, run.Retry));
        }
        await time.RestAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, runs.Waiting);
    }

    [Fact]
    public async Task A_run_that_keeps_failing_is_given_up_after_its_tries_and_the_schedule_goes_on()
    {
        using var folder = new TempFolder();
        var time = new ManualTime(Noon);
        var runs = new Runs(time) { Body = _ => throw new InvalidOperationException("never") };
        await using var host = await StartAsync(typeof(EveryFiveMinutes), time, runs, folder);
        for (var i = 1; i <= 2; i++)
        {
            await time.RestAsync(TestContext.Current.CancellationToken);
            time.Advance(TimeSpan.FromMinutes(5));
            Assert.Equal(Noon.AddMinutes(5 * i), (await runs.NextAsync()).At);
        }
    }

    [Fact]
    public async Task A_run_cut_short_by_the_stop_is_past_due_at_the_next_start()
    {
        using var folder = new TempFolder();
        var time = new ManualTime(Noon);
        var runs = new Runs(time) { Body = _ => Task.FromCanceled(new CancellationToken(true)) };
        await using (var host = await StartAsync(typeof(CutShort), time, runs, folder))
        {
            await time.RestAsync(TestContext.Current.CancellationToken);
            time.Advance(TimeSpan.FromMinutes(5));
            await runs.NextAsync();
        }
        time.Advance(TimeSpan.FromSeconds(10));
        await using (var host = await StartAsync(typeof(CutShort), time, runs, folder)) { Assert.True((await runs.NextAsync()).PastDue); }
    }

    public class CutShort(Runs runs)
    {
        [Function("CutShort")]
        public async Task Go([TimerTrigger("0 */5 * * * *")] TimerInfo info, FunctionContext context, CancellationToken stopping)
        {
            await runs.AddAsync(info, context).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Task.Delay(Timeout.Infinite, stopping);
        }
    }

    [Fact]
    public async Task Of_several_hosts_on_one_data_folder_one_runs_the_timer_and_another_takes_over()
    {
        using var folder = new TempFolder();
        using var data = LocalData.Open(folder.File("data"));
        var time = new ManualTime(Noon);
        var runs = new Runs(time);
        var one = await StartAsync(typeof(EveryFiveMinutes), time, runs, folder, builder => builder.UseData(data));
        await time.RestAsync(TestContext.Current.CancellationToken);
        await using var two = await StartAsync(typeof(EveryFiveMinutes), time, runs, folder, builder => builder.UseData(data));
        time.Advance(TimeSpan.FromMinutes(5));
        await runs.NextAsync();
        await time.RestAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, runs.Waiting);
        await one.DisposeAsync();
        await time.RestAsync(TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(Noon.AddMinutes(10), (await runs.NextAsync()).At);
    }

    [Fact]
    public async Task An_unreadable_status_file_is_refused_and_says_what_to_do()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("data"));
        folder.Write(Path.Combine("data", "timers.json"), "{ half");
        var time = new ManualTime(Noon);
        var refusal = await Assert.ThrowsAsync<LocalHostException>(() => StartAsync(typeof(EveryFiveMinutes), time, new Runs(time), folder));
        Assert.Equal(ExitCode.Store, refusal.Code);
        Assert.Contains("Delete the file to start the schedules afresh", refusal.Message, StringComparison.Ordinal);
    }
}
