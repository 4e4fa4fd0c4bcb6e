using Selvedge.Local.Durable;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Durable;

public class RetryTests
{
    public class Flaky(Journal journal, TimeProvider time)
    {
        [Function("ByPolicy")]
        public Task<string> ByPolicy([OrchestrationTrigger] TaskOrchestrationContext context) => context.CallActivityAsync<string>(
            "Try", context.GetInput<int>(), TaskOptions.FromRetryPolicy(new RetryPolicy(4, TimeSpan.FromSeconds(10), 3, TimeSpan.FromSeconds(50))));

        [Function("ByTimeout")]
        public Task<string> ByTimeout([OrchestrationTrigger] TaskOrchestrationContext context) => context.CallActivityAsync<string>(
            "Try", 100, new TaskOptions(new RetryPolicy(100, TimeSpan.FromSeconds(10), retryTimeout: TimeSpan.FromSeconds(25))));

        [Function("ByHandler")]
        public Task<string> ByHandler([OrchestrationTrigger] TaskOrchestrationContext context) => context.CallActivityAsync<string>(
            "Try", 2, TaskOptions.FromRetryHandler(async retry =>
            {
                await retry.OrchestrationContext.CreateTimer(TimeSpan.FromMinutes(retry.LastAttemptNumber), CancellationToken.None);
                return retry.LastFailure.IsCausedBy<TimeoutException>() && retry.LastAttemptNumber < 5;
            }));

        [Function("ByKind")]
        public Task<string> ByKind([OrchestrationTrigger] TaskOrchestrationContext context) => context.CallActivityAsync<string>(
            "Try", 2, TaskOptions.FromRetryPolicy(new RetryPolicy(5, TimeSpan.FromSeconds(1)) { HandleFailure = failure => failure.IsCausedBy<IOException>() }));

        [Function("Try")]
        public string Try([ActivityTrigger] int failures)
        {
            journal.Add($"{time.GetUtcNow():HH:mm:ss}");
            return journal.Order.Count > failures ? "at last" : throw new TimeoutException("too slow");
        }
    }

    private static async Task<(OrchestrationMetadata End, string[] Times)> RunAsync(string name, object? input = null)
    {
        await using var host = await DurableHost.StartAsync([typeof(Flaky)]);
        var instance = await host.Client.ScheduleNewOrchestrationInstanceAsync(name, input);
        return (await host.EndOverTimeAsync(instance, TimeSpan.FromSeconds(1)), [.. host.Journal.Order]);
    }

    private static double[] Gaps(string[] times) => [.. times.Zip(times.Skip(1), (a, b) => (TimeSpan.Parse(b, null) - TimeSpan.Parse(a, null)).TotalSeconds)];

    [Fact]
    public async Task A_policy_waits_longer_each_time_up_to_its_longest()
    {
        var (end, times) = await RunAsync("ByPolicy", 3);
        Assert.Equal("at last", end.ReadOutputAs<string>());
        Assert.Collection(Gaps(times), gap => Assert.True(gap >= 10), gap => Assert.True(gap >= 30), gap => Assert.True(gap >= 50));
    }

    [Fact]
    public async Task A_policy_gives_up_after_its_last_attempt()
    {
        var (end, times) = await RunAsync("ByPolicy", 10);
        Assert.Equal(OrchestrationRuntimeStatus.Failed, end.RuntimeStatus);
        Assert.Contains("too slow", end.FailureDetails!.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal(4, times.Length);
    }

    [Fact]
    public async Task A_policy_gives_up_when_its_time_is_over()
    {
        var (end, times) = await RunAsync("ByTimeout");
        Assert.Equal(OrchestrationRuntimeStatus.Failed, end.RuntimeStatus);
        Assert.InRange(times.Length, 2, 4);
    }

    [Fact]
    public async Task A_handler_decides_with_durable_waits_of_its_own()
    {
        var (end, times) = await RunAsync("ByHandler");
        Assert.Equal("at last", end.ReadOutputAs<string>());
        Assert.Collection(Gaps(times), gap => Assert.True(gap >= 60), gap => Assert.True(gap >= 120));
    }

    [Fact]
    public async Task A_failure_the_policy_does_not_handle_is_not_tried_again()
    {
        var (end, times) = await RunAsync("ByKind");
        Assert.Equal(OrchestrationRuntimeStatus.Failed, end.RuntimeStatus);
        Assert.Single(times);
    }
}
