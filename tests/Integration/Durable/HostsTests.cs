using Selvedge.Local.Durable;
using Selvedge.Local.Functions;
using Selvedge.Tests.Integration.Functions;

namespace Selvedge.Tests.Integration.Durable;

/// <summary>Hosts that come and go on one folder.</summary>
public class HostsTests
{
    public class Work(Journal journal)
    {
        [Function("Two")]
        public async Task<string> Two([OrchestrationTrigger] TaskOrchestrationContext context) =>
            await context.CallActivityAsync<string>("Slow", "a") + await context.CallActivityAsync<string>("Slow", "b");

        [Function("Slow")]
        public async Task<string> Slow([ActivityTrigger] string what, CancellationToken stopping)
        {
            journal.Add(what);
            await journal.DoorAsync(what).WaitAsync(stopping);
            return what;
        }

        [Function("Waits")]
        public Task<string?> Waits([OrchestrationTrigger] TaskOrchestrationContext context) => context.WaitForExternalEvent<string>("Go");
    }

    private static async Task UntilAsync(Func<bool> reached)
    {
        while (!reached()) { await Task.Delay(2, TestContext.Current.CancellationToken); }
    }

    [Fact]
    public async Task What_a_host_was_at_when_it_stopped_another_does()
    {
        using var folder = new TempFolder();
        using var data = LocalData.Open(folder.File("data"));
        var journal = new Journal();
        await using var second = await StartOnAsync();
        await using (var first = await StartOnAsync())
        {
            await first.Client.ScheduleNewOrchestrationInstanceAsync("Two", new StartOrchestrationOptions("w"));
            await UntilAsync(() => journal.Done.ContainsKey("a"));
        }
        journal.Open("a");
        journal.Open("b");
        Assert.Equal("ab", (await second.EndAsync("w")).ReadOutputAs<string>());

        Task<DurableHost> StartOnAsync() => DurableHost.StartAsync([typeof(Work)], folder, journal: journal, configure: builder => builder.UseData(data));
    }

    [Fact]
    public async Task A_restart_goes_on_with_everything_that_is_open()
    {
        using var folder = new TempFolder();
        var journal = new Journal();
        await using (var before = await DurableHost.StartAsync([typeof(Work)], folder, journal: journal))
        {
            await before.Client.ScheduleNewOrchestrationInstanceAsync("Two", new StartOrchestrationOptions("w"));
            for (var i = 0; i < 50; i++) { await before.Client.ScheduleNewOrchestrationInstanceAsync("Waits", new StartOrchestrationOptions($"e{i}")); }
            await UntilAsync(() => journal.Done.ContainsKey("a"));
            await before.Client.SuspendInstanceAsync("e0");
        }
        await using var after = await DurableHost.StartAsync([typeof(Work)], folder, journal: journal);
        journal.Open("a");
        journal.Open("b");
        Assert.Equal("ab", (await after.EndAsync("w")).ReadOutputAs<string>());
        for (var i = 0; i < 50; i++) { await after.Client.RaiseEventAsync($"e{i}", "Go", $"{i}"); }
        for (var i = 1; i < 50; i++) { Assert.Equal($"{i}", (await after.EndAsync($"e{i}")).ReadOutputAs<string>()); }
        Assert.Equal(OrchestrationRuntimeStatus.Suspended, (await after.Client.GetInstanceAsync("e0"))!.RuntimeStatus);
        await after.Client.ResumeInstanceAsync("e0");
        Assert.Equal("0", (await after.EndAsync("e0")).ReadOutputAs<string>());
    }

    public class Wrong
    {
        [Function("NotAsync")]
        public static string NotAsync([OrchestrationTrigger] TaskOrchestrationContext context) => context.InstanceId;
    }

    public class WrongTrigger
    {
        [Function("NotContext")]
        public static Task NotContext([OrchestrationTrigger] string context) => Task.FromResult(context);
    }

    public class WrongHub
    {
        [Function("Elsewhere")]
        public static Task Elsewhere([ActivityTrigger] string input, [DurableClient(TaskHub = "Other")] DurableTaskClient client) => Task.FromResult((input, client));
    }

    [Theory]
    [InlineData(typeof(Wrong), "an orchestrator returns Task")]
    [InlineData(typeof(WrongTrigger), "it must be TaskOrchestrationContext")]
    [InlineData(typeof(WrongHub), "task hub 'Other'")]
    public void A_function_that_cannot_be_hosted_is_refused(Type function, string why) =>
        Assert.Contains(why, RunningHost.Refusal(function).Message, StringComparison.Ordinal);
}
