using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Selvedge.Local.Durable;
using Selvedge.Local.Functions;
using Selvedge.Tests.Integration.Functions;

namespace Selvedge.Tests.Integration.Durable;

public partial class DeterminismTests
{
    /// <summary>What the code below does differently from run to run, as no orchestrator may.</summary>
    public sealed class Mood
    {
        public int Turns { get; set; }

        public string Kind { get; init; } = "";
    }

    public class Fickle(Journal journal, Mood mood)
    {
        [Function("Changes")]
        public async Task Changes([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            var changed = mood.Turns++ > 0;
            if (changed && mood.Kind == "other name") { await context.CallActivityAsync("Two", "x"); }
            else if (changed && mood.Kind == "other kind") { await context.CreateTimer(TimeSpan.FromHours(1), CancellationToken.None); }
            else if (changed && mood.Kind == "nothing") { await context.WaitForExternalEvent<string>("Never"); }
            else if (changed && mood.Kind == "ends") { return; }
            else { await context.CallActivityAsync("One", "x"); }
            context.SetCustomStatus("after one");
            if (mood.Turns > 2 && mood.Kind == "more") { _ = context.CallActivityAsync("Two", "x"); }
            await context.WaitForExternalEvent<string>("Go");
        }

        [Function("One")]
        public void One([ActivityTrigger] string input) => journal.Add("one");

        [Function("Two")]
        public void Two([ActivityTrigger] string input) => journal.Add("two");

        [Function("Delays")]
        public async Task Delays([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            await Task.Delay(TimeSpan.FromDays(1));
            await context.CallActivityAsync("One", "x");
        }

        [Function("DelaysWithTimer")]
        public async Task DelaysWithTimer([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            var timer = context.CreateTimer(TimeSpan.FromHours(1), CancellationToken.None);
            await journal.DoorAsync("foreign");
            await timer;
        }

        [Function("OffThread")]
        public async Task OffThread([OrchestrationTrigger] TaskOrchestrationContext context) =>
            await Task.Run(() => context.CallActivityAsync("One", "x"));

        [Function("Steady")]
        public async Task<string> Steady([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            var log = context.CreateReplaySafeLogger("Steady");
            var from = context.CurrentUtcDateTime;
            var ids = new List<Guid> { context.NewGuid(), context.NewGuid() };
            log.LogInformation("begun");
            journal.Add($"{(context.IsReplaying ? "again" : "first")} {ids[0]}");
            await context.CallActivityAsync("One", "x");
            ids.Add(context.NewGuid());
            log.LogInformation("went on");
            await Task.Yield();
            await context.CallActivityAsync("One", "y");
            return $"{ids.Distinct().Count()} {from:O}";
        }
    }

    private static Task<DurableHost> StartAsync(string kind = "", LogLines? lines = null) => DurableHost.StartAsync([typeof(Fickle)], configure: builder =>
    {
        Microsoft.Extensions.DependencyInjection.ServiceCollectionServiceExtensions.AddSingleton(builder.Services, new Mood { Kind = kind });
        if (lines is not null) { builder.Logging.AddProvider(lines); }
    });

    [Theory]
    [InlineData("other name", "activity 'One' (#0), but the code now does activity 'Two' (#0)")]
    [InlineData("other kind", "activity 'One' (#0), but the code now does a timer (#0)")]
    [InlineData("nothing", "activity 'One' (#0), but the code now does nothing there")]
    [InlineData("ends", "activity 'One' (#0), but the code now has ended before it")]
    public async Task Code_that_does_something_else_on_replay_fails_and_says_where(string kind, string expected)
    {
        await using var host = await StartAsync(kind);
        var end = await host.RunAsync("Changes", id: "d");
        Assert.Equal(OrchestrationRuntimeStatus.Failed, end.RuntimeStatus);
        Assert.Contains("NonDeterministicOrchestration", end.FailureDetails!.ErrorType, StringComparison.Ordinal);
        Assert.StartsWith("Orchestration d (Changes) is not deterministic: event 2 of its history is " + expected, end.FailureDetails.ErrorMessage, StringComparison.Ordinal);
        Assert.False(host.Journal.Done.ContainsKey("two"));
    }

    [Fact]
    public async Task Code_that_does_more_on_replay_fails_and_does_none_of_it()
    {
        await using var host = await StartAsync("more");
        await host.Client.ScheduleNewOrchestrationInstanceAsync("Changes", new StartOrchestrationOptions("d"));
        await host.StatusAsync("d", "after one");
        await host.Client.RaiseEventAsync("d", "Go");
        var end = await host.EndAsync("d");
        Assert.Equal(OrchestrationRuntimeStatus.Failed, end.RuntimeStatus);
        Assert.Contains("the code now does activity 'Two' (#1), which was not done then", end.FailureDetails!.ErrorMessage, StringComparison.Ordinal);
        Assert.False(host.Journal.Done.ContainsKey("two"));
    }

    [Theory]
    [InlineData("Delays")]
    [InlineData("OffThread")]
    public async Task Awaiting_what_is_not_the_contexts_fails_at_once(string name)
    {
        await using var host = await StartAsync();
        var end = await host.RunAsync(name, id: "f");
        Assert.Equal(OrchestrationRuntimeStatus.Failed, end.RuntimeStatus);
        Assert.StartsWith("Orchestration f ", end.FailureDetails!.ErrorMessage, StringComparison.Ordinal);
        Assert.Empty(host.Journal.Done);
    }

    [Fact]
    public async Task A_foreign_task_that_comes_back_after_its_turn_fails_the_instance()
    {
        await using var host = await StartAsync();
        await host.Client.ScheduleNewOrchestrationInstanceAsync("DelaysWithTimer", new StartOrchestrationOptions("f"));
        await host.Client.WaitForInstanceStartAsync("f", TestContext.Current.CancellationToken);
        host.Journal.Open("foreign");
        Assert.Contains("awaits a task that is not its context's", (await host.EndAsync("f")).FailureDetails!.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Time_and_guids_are_the_same_on_every_replay_and_logs_are_written_once()
    {
        var lines = new LogLines();
        await using var host = await StartAsync(lines: lines);
        var end = await host.RunAsync("Steady", id: "s");
        Assert.Equal($"3 {host.Time.GetUtcNow().UtcDateTime:O}", end.ReadOutputAs<string>());
        var runs = host.Journal.Order.Where(what => what.StartsWith("first", StringComparison.Ordinal) || what.StartsWith("again", StringComparison.Ordinal)).ToArray();
        Assert.Equal(3, runs.Length);
        Assert.StartsWith("first", runs[0], StringComparison.Ordinal);
        Assert.All(runs[1..], run => Assert.StartsWith("again", run, StringComparison.Ordinal));
        Assert.Single(runs.Select(run => GuidText().Match(run).Value).Distinct());
        Assert.Single(lines.All, line => line.Contains("begun", StringComparison.Ordinal));
        Assert.Single(lines.All, line => line.Contains("went on", StringComparison.Ordinal));
    }

    [GeneratedRegex("[0-9a-f-]{36}")]
    private static partial Regex GuidText();
}
