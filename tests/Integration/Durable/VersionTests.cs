using Selvedge.Local.Durable;
using Selvedge.Local.Functions;
using Selvedge.Tests.Integration.Functions;

namespace Selvedge.Tests.Integration.Durable;

public class VersionTests
{
    public class Versioned
    {
        [Function("Which")]
        public async Task<string> Which([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            await context.WaitForExternalEvent<string>("Go");
            return $"{context.Version}{(context.CompareVersionTo("1.10") < 0 ? " old" : " new")}";
        }

        [Function("Calls")]
        public Task<string> Calls([OrchestrationTrigger] TaskOrchestrationContext context) => context.CallSubOrchestratorAsync<string>("Tells");

        [Function("Tells")]
        public Task<string> Tells([OrchestrationTrigger] TaskOrchestrationContext context) => Task.FromResult(context.Version);
    }

    private static async Task<string?> GoAsync(DurableHost host, string id)
    {
        await host.Client.RaiseEventAsync(id, "Go");
        return (await host.EndAsync(id)).ReadOutputAs<string>();
    }

    [Fact]
    public async Task An_instance_keeps_the_version_it_was_started_with()
    {
        using var folder = new TempFolder();
        await using (var old = await DurableHost.StartAsync([typeof(Versioned)], folder, durableTask: """{ "defaultVersion": "1.9" }"""))
        {
            await old.Client.ScheduleNewOrchestrationInstanceAsync("Which", new StartOrchestrationOptions("a"));
            await old.Client.WaitForInstanceStartAsync("a", TestContext.Current.CancellationToken);
            Assert.Equal("1.9", (await old.RunAsync("Calls")).ReadOutputAs<string>());
        }
        await using var current = await DurableHost.StartAsync([typeof(Versioned)], folder, durableTask: """{ "defaultVersion": "1.10" }""");
        await current.Client.ScheduleNewOrchestrationInstanceAsync("Which", new StartOrchestrationOptions("b"));
        await current.Client.ScheduleNewOrchestrationInstanceAsync("Which", new StartOrchestrationOptions("c") { Version = "1.2" });
        Assert.Equal("1.9 old", await GoAsync(current, "a"));
        Assert.Equal("1.10 new", await GoAsync(current, "b"));
        Assert.Equal("1.2 old", await GoAsync(current, "c"));
    }

    [Fact]
    public async Task A_newer_instance_waits_for_a_host_that_runs_it()
    {
        using var folder = new TempFolder();
        await using var old = await DurableHost.StartAsync([typeof(Versioned)], folder, durableTask: """{ "defaultVersion": "1.0" }""");
        await old.Client.ScheduleNewOrchestrationInstanceAsync("Which", new StartOrchestrationOptions("new") { Version = "2.0" });
        await old.Client.RaiseEventAsync("new", "Go");
        await old.RunAsync("Tells");
        Assert.Equal(OrchestrationRuntimeStatus.Pending, (await old.Client.GetInstanceAsync("new"))!.RuntimeStatus);
        await using var current = await DurableHost.StartAsync([typeof(Versioned)], folder, old.Time, old.Journal, builder => builder.UseData(old.Data), """{ "defaultVersion": "2.0" }""");
        Assert.Equal("2.0 new", (await old.EndAsync("new")).ReadOutputAs<string>());
    }

    [Theory]
    [InlineData("""{ "defaultVersion": "1.0", "versionFailureStrategy": "Fail" }""", "2.0")]
    [InlineData("""{ "defaultVersion": "2.0", "versionMatchStrategy": "Strict", "versionFailureStrategy": "Fail" }""", "1.0")]
    public async Task A_host_can_fail_what_it_does_not_run(string settings, string version)
    {
        await using var host = await DurableHost.StartAsync([typeof(Versioned)], durableTask: settings);
        await host.Client.ScheduleNewOrchestrationInstanceAsync("Which", new StartOrchestrationOptions("v") { Version = version });
        Assert.Equal("VersionMismatch", (await host.EndAsync("v")).FailureDetails!.ErrorType);
    }

    [Theory]
    [InlineData("""{ "versionMatchStrategy": "Newest" }""", "versionMatchStrategy")]
    [InlineData("""{ "maxConcurrentActivityFunctions": 0 }""", "maxConcurrentActivityFunctions")]
    public async Task A_malformed_setting_is_refused(string settings, string named)
    {
        var refused = await Assert.ThrowsAsync<LocalHostException>(() => DurableHost.StartAsync([typeof(Versioned)], durableTask: settings));
        Assert.Contains(named, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_recorded_history_replays_against_the_code_that_made_it_and_not_against_other_code()
    {
        await using var host = await DurableHost.StartAsync([typeof(Versioned)], durableTask: """{ "defaultVersion": "1.9" }""");
        await host.Client.ScheduleNewOrchestrationInstanceAsync("Which", new StartOrchestrationOptions("a"));
        Assert.Equal("1.9 old", await GoAsync(host, "a"));
        await host.RunAsync("Calls", id: "b");

        var recorded = RecordedHistory.Parse((await RecordedHistory.ReadAsync(host.Data, "a")).ToJson());
        Assert.Equal(("Which", "1.9"), (recorded.Name, recorded.Version));
        Assert.Null(recorded.Replay(async context => await new Versioned().Which(context)));
        Assert.Contains("the code now ends with \"other\"", recorded.Replay(async context => { await context.WaitForExternalEvent<string>("Go"); return "other"; }), StringComparison.Ordinal);
        Assert.Contains("the code now goes on", recorded.Replay(async context => await context.WaitForExternalEvent<string>("Later")), StringComparison.Ordinal);

        var calls = await RecordedHistory.ReadAsync(host.Data, "b");
        Assert.Null(calls.Replay(async context => await new Versioned().Calls(context)));
        Assert.Contains("is not deterministic", calls.Replay(async context => await context.CallActivityAsync<string>("Tells")), StringComparison.Ordinal);
    }
}
