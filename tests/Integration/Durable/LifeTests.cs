using Selvedge.Local.Durable;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Durable;

/// <summary>Sub-orchestrations, beginning anew, terminating, suspending.</summary>
public class LifeTests
{
    public sealed record Lap(int Number, string Seen);

    public class Lives(Journal journal)
    {
        [Function("Parent")]
        public async Task<string> Parent([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            var named = context.CallSubOrchestratorAsync<string>("Child", "a", new SubOrchestrationOptions(instanceId: $"{context.InstanceId}.a"));
            var unnamed = context.CallSubOrchestratorAsync<string>("Child", "b");
            return string.Join(' ', await Task.WhenAll(named, unnamed));
        }

        [Function("Child")]
        public async Task<string> Child([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            await context.CallActivityAsync("Note", context.GetInput<string>());
            return $"{context.GetInput<string>()} of {context.Parent!.Name} {context.Parent.InstanceId}";
        }

        [Function("Note")]
        public void Note([ActivityTrigger] string what) => journal.Add(what);

        [Function("Guardian")]
        public async Task<string> Guardian([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            try
            {
                return await context.CallSubOrchestratorAsync<string>("Sulk", null, new SubOrchestrationOptions(new RetryPolicy(3, TimeSpan.FromSeconds(1)), "sulk"));
            }
            catch (TaskFailedException failed) { return $"{failed.TaskName}: {failed.FailureDetails.ErrorMessage}"; }
        }

        [Function("Sulk")]
        public async Task Sulk([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            await context.CallActivityAsync("Note", "sulk");
            throw new NotSupportedException("I will not");
        }

        [Function("Laps")]
        public async Task<string> Laps([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            var lap = context.GetInput<Lap>()!;
            context.SetCustomStatus($"lap {lap.Number}");
            var seen = await context.WaitForExternalEvent<string>("Go");
            await context.CallActivityAsync("Behind", $"lap {lap.Number}");
            if (lap.Number == 3) { return lap.Seen + seen; }
            context.ContinueAsNew(new Lap(lap.Number + 1, lap.Seen + seen));
            return "not shown";
        }

        [Function("Behind")]
        public Task Behind([ActivityTrigger] string door) => journal.DoorAsync(door);

        [Function("Fresh")]
        public async Task<string> Fresh([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            if (context.GetInput<bool>())
            {
                context.SetCustomStatus("anew");
                return await context.WaitForExternalEvent<string>("Go") ?? "";
            }
            context.SetCustomStatus("first");
            await context.WaitForExternalEvent<string>("Start");
            context.ContinueAsNew(true, preserveUnprocessedEvents: false);
            return "";
        }

        [Function("Forever")]
        public async Task Forever([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            context.SetCustomStatus("waiting");
            if (context.GetInput<string>() is { } child) { await context.CallSubOrchestratorAsync("Forever", null, new SubOrchestrationOptions(instanceId: child)); }
            await context.WaitForExternalEvent<string>("Never");
        }

        [Function("Counts")]
        public async Task<int> Counts([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            var sum = 0;
            for (var i = 0; i < 3; i++)
            {
                sum += await context.WaitForExternalEvent<int>("Add");
                context.SetCustomStatus($"{sum}");
            }
            return sum;
        }
    }

    private static Task<DurableHost> StartAsync() => DurableHost.StartAsync([typeof(Lives)]);

    [Fact]
    public async Task Sub_orchestrations_run_side_by_side_and_know_their_parent()
    {
        await using var host = await StartAsync();
        Assert.Equal("a of Parent p b of Parent p", (await host.RunAsync("Parent", id: "p")).ReadOutputAs<string>());
        Assert.Equal(OrchestrationRuntimeStatus.Completed, (await host.Client.GetInstanceAsync("p.a"))!.RuntimeStatus);
    }

    [Fact]
    public async Task A_failed_sub_orchestration_is_tried_again_and_its_failure_told()
    {
        await using var host = await StartAsync();
        var instance = await host.Client.ScheduleNewOrchestrationInstanceAsync("Guardian");
        Assert.Equal("Sulk: I will not", (await host.EndOverTimeAsync(instance, TimeSpan.FromSeconds(1))).ReadOutputAs<string>());
        Assert.Equal(3, host.Journal.Done["sulk"]);
    }

    [Fact]
    public async Task Beginning_anew_keeps_the_id_takes_the_new_input_and_keeps_events_not_taken()
    {
        await using var host = await StartAsync();
        var instance = await host.Client.ScheduleNewOrchestrationInstanceAsync("Laps", new Lap(1, ""));
        foreach (var letter in (string[])["x", "y", "z"]) { await host.Client.RaiseEventAsync(instance, "Go", letter); }
        for (var lap = 1; lap <= 3; lap++)
        {
            await host.StatusAsync(instance, $"lap {lap}");
            host.Journal.Open($"lap {lap}");
        }
        var end = await host.EndAsync(instance);
        Assert.Equal("xyz", end.ReadOutputAs<string>());
        Assert.Equal(3, end.ReadInputAs<Lap>()!.Number);
    }

    [Fact]
    public async Task Beginning_anew_can_drop_events_not_taken()
    {
        await using var host = await StartAsync();
        var instance = await host.Client.ScheduleNewOrchestrationInstanceAsync("Fresh", false);
        await host.StatusAsync(instance, "first");
        await host.Client.RaiseEventAsync(instance, "Go", "dropped");
        await host.Client.RaiseEventAsync(instance, "Start", "");
        await host.StatusAsync(instance, "anew");
        await host.Client.RaiseEventAsync(instance, "Go", "kept");
        Assert.Equal("kept", (await host.EndAsync(instance)).ReadOutputAs<string>());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Terminating_ends_an_instance_with_its_output_and_only_if_asked_what_it_called(bool recursive)
    {
        await using var host = await StartAsync();
        await host.Client.ScheduleNewOrchestrationInstanceAsync("Forever", "child", new StartOrchestrationOptions("parent"));
        while (await host.Client.GetInstanceAsync("child") is not { RuntimeStatus: OrchestrationRuntimeStatus.Running }) { await Task.Delay(2, TestContext.Current.CancellationToken); }
        await host.Client.TerminateInstanceAsync("parent", new TerminateInstanceOptions("enough", recursive));
        var end = await host.EndAsync("parent");
        Assert.Equal((OrchestrationRuntimeStatus.Terminated, "enough"), (end.RuntimeStatus, end.ReadOutputAs<string>()));
        if (recursive) { Assert.Equal(OrchestrationRuntimeStatus.Terminated, (await host.EndAsync("child")).RuntimeStatus); }
        else { Assert.Equal(OrchestrationRuntimeStatus.Running, (await host.Client.GetInstanceAsync("child"))!.RuntimeStatus); }
        await host.Client.TerminateInstanceAsync("parent", "again");
        Assert.Equal("enough", (await host.Client.GetInstanceAsync("parent", true))!.ReadOutputAs<string>());
    }

    [Fact]
    public async Task A_terminated_sub_orchestration_fails_its_parent()
    {
        await using var host = await StartAsync();
        await host.Client.ScheduleNewOrchestrationInstanceAsync("Forever", "child", new StartOrchestrationOptions("parent"));
        while (await host.Client.GetInstanceAsync("child") is not { RuntimeStatus: OrchestrationRuntimeStatus.Running }) { await Task.Delay(2, TestContext.Current.CancellationToken); }
        await host.Client.TerminateInstanceAsync("child");
        Assert.Contains("terminated", (await host.EndAsync("parent")).FailureDetails!.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_suspended_instance_keeps_what_comes_until_it_is_resumed()
    {
        await using var host = await StartAsync();
        var instance = await host.Client.ScheduleNewOrchestrationInstanceAsync("Counts");
        await host.Client.RaiseEventAsync(instance, "Add", 1);
        await host.StatusAsync(instance, "1");
        await host.Client.SuspendInstanceAsync(instance, "wait");
        while ((await host.Client.GetInstanceAsync(instance))!.RuntimeStatus != OrchestrationRuntimeStatus.Suspended) { await Task.Delay(2, TestContext.Current.CancellationToken); }
        await host.Client.RaiseEventAsync(instance, "Add", 2);
        await host.Client.RaiseEventAsync(instance, "Add", 3);
        // Another instance passes through the same host: what was to happen to the suspended one has had its chance.
        await host.RunAsync("Parent");
        Assert.Equal("1", (await host.Client.GetInstanceAsync(instance, true))!.ReadCustomStatusAs<string>());
        await host.Client.ResumeInstanceAsync(instance);
        Assert.Equal(6, (await host.EndAsync(instance)).ReadOutputAs<int>());
    }

    [Fact]
    public async Task A_suspended_instance_can_be_terminated()
    {
        await using var host = await StartAsync();
        var instance = await host.Client.ScheduleNewOrchestrationInstanceAsync("Counts");
        await host.Client.SuspendInstanceAsync(instance);
        await host.Client.TerminateInstanceAsync(instance);
        Assert.Equal(OrchestrationRuntimeStatus.Terminated, (await host.EndAsync(instance)).RuntimeStatus);
    }
}
