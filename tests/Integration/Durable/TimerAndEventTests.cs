using Selvedge.Local.Durable;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Durable;

public class TimerAndEventTests
{
    public class Waits(Journal journal)
    {
        [Function("Sleep")]
        public async Task<string> Sleep([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            var from = context.CurrentUtcDateTime;
            context.SetCustomStatus("asleep");
            await context.CreateTimer(TimeSpan.FromDays(10), CancellationToken.None);
            return $"{(context.CurrentUtcDateTime - from).TotalDays:0}";
        }

        [Function("Race")]
        public async Task<string> Race([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            using var cancel = new CancellationTokenSource();
            var late = context.CreateTimer(TimeSpan.FromHours(1), cancel.Token);
            var changed = context.WaitForExternalEvent<int>("Changed");
            context.SetCustomStatus("waiting");
            if (await Task.WhenAny(changed, late) == late) { return "late"; }
            cancel.Cancel();
            return $"changed to {await changed}, timer {late.Status}";
        }

        [Function("InTime")]
        public async Task<string> InTime([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            context.SetCustomStatus("waiting");
            try { return await context.WaitForExternalEvent<string>("Answer", TimeSpan.FromHours(1)) ?? "null"; }
            catch (TaskCanceledException) { return "no answer"; }
        }

        [Function("Early")]
        public async Task<string> Early([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            context.SetCustomStatus("busy");
            await context.CallActivityAsync("Behind", "door");
            var first = await context.WaitForExternalEvent<string>("NAME");
            var second = await context.WaitForExternalEvent<string>("name");
            return $"{first},{second}";
        }

        [Function("Behind")]
        public Task Behind([ActivityTrigger] string door) => journal.DoorAsync(door);

        [Function("LastFirst")]
        public async Task<string> LastFirst([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            var first = context.WaitForExternalEvent<string>("E");
            var second = context.WaitForExternalEvent<string>("E");
            context.SetCustomStatus("waiting");
            var winner = await Task.WhenAny(first, second);
            return winner == second ? $"second got {await second}" : $"first got {await first}";
        }

        [Function("Sender")]
        public Task Sender([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            context.SendEvent(context.GetInput<string>()!, "Answer", "from afar");
            context.SendEvent("nobody", "Answer", "lost");
            return Task.CompletedTask;
        }
    }

    private static Task<DurableHost> StartAsync() => DurableHost.StartAsync([typeof(Waits)]);

    [Fact]
    public async Task A_timer_fires_when_it_is_due_and_not_before()
    {
        await using var host = await StartAsync();
        var instance = await host.Client.ScheduleNewOrchestrationInstanceAsync("Sleep");
        await host.StatusAsync(instance, "asleep");
        host.Time.Advance(TimeSpan.FromDays(9));
        Assert.Equal(OrchestrationRuntimeStatus.Running, (await host.Client.GetInstanceAsync(instance))!.RuntimeStatus);
        host.Time.Advance(TimeSpan.FromDays(1));
        var end = await host.EndOverTimeAsync(instance, TimeSpan.FromMinutes(1));
        Assert.Equal("10", end.ReadOutputAs<string>());
    }

    [Fact]
    public async Task An_event_beats_a_timer_which_is_cancelled_and_does_not_hold_the_instance()
    {
        await using var host = await StartAsync();
        var instance = await host.Client.ScheduleNewOrchestrationInstanceAsync("Race");
        await host.StatusAsync(instance, "waiting");
        await host.Client.RaiseEventAsync(instance, "changed", 5);
        Assert.Equal("changed to 5, timer Canceled", (await host.EndAsync(instance)).ReadOutputAs<string>());
    }

    [Fact]
    public async Task A_timer_beats_an_event_that_does_not_come()
    {
        await using var host = await StartAsync();
        var instance = await host.Client.ScheduleNewOrchestrationInstanceAsync("Race");
        Assert.Equal("late", (await host.EndOverTimeAsync(instance, TimeSpan.FromMinutes(10))).ReadOutputAs<string>());
    }

    [Theory]
    [InlineData(true, "here")]
    [InlineData(false, "no answer")]
    public async Task A_wait_with_a_timeout_ends_either_way(bool answered, string expected)
    {
        await using var host = await StartAsync();
        var instance = await host.Client.ScheduleNewOrchestrationInstanceAsync("InTime");
        await host.StatusAsync(instance, "waiting");
        if (answered) { await host.Client.RaiseEventAsync(instance, "Answer", "here"); }
        var end = answered ? await host.EndAsync(instance) : await host.EndOverTimeAsync(instance, TimeSpan.FromMinutes(10));
        Assert.Equal(expected, end.ReadOutputAs<string>());
    }

    [Fact]
    public async Task Events_that_come_early_are_kept_in_order_whatever_their_case()
    {
        await using var host = await StartAsync();
        var instance = await host.Client.ScheduleNewOrchestrationInstanceAsync("Early");
        await host.Client.RaiseEventAsync(instance, "Name", "a");
        await host.StatusAsync(instance, "busy");
        await host.Client.RaiseEventAsync(instance, "nAME", "b");
        host.Journal.Open("door");
        Assert.Equal("a,b", (await host.EndAsync(instance)).ReadOutputAs<string>());
    }

    [Fact]
    public async Task Of_two_who_wait_for_one_name_the_last_gets_the_event()
    {
        await using var host = await StartAsync();
        var instance = await host.Client.ScheduleNewOrchestrationInstanceAsync("LastFirst");
        await host.StatusAsync(instance, "waiting");
        await host.Client.RaiseEventAsync(instance, "E", "it");
        Assert.Equal("second got it", (await host.EndAsync(instance)).ReadOutputAs<string>());
    }

    [Fact]
    public async Task An_orchestration_sends_events_to_another_and_into_the_void()
    {
        await using var host = await StartAsync();
        var instance = await host.Client.ScheduleNewOrchestrationInstanceAsync("InTime");
        await host.StatusAsync(instance, "waiting");
        Assert.Equal(OrchestrationRuntimeStatus.Completed, (await host.RunAsync("Sender", instance)).RuntimeStatus);
        Assert.Equal("from afar", (await host.EndAsync(instance)).ReadOutputAs<string>());
        await host.Client.RaiseEventAsync(instance, "Answer", "too late");
        await host.Client.RaiseEventAsync("nobody", "Answer");
    }
}
