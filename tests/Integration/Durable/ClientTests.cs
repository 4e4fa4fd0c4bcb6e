using Microsoft.AspNetCore.Http;
using Selvedge.Local.Durable;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Durable;

public class ClientTests
{
    public class Plain(Journal journal)
    {
        [Function("Echo")]
        public Task<string> Echo([OrchestrationTrigger] TaskOrchestrationContext context) => Task.FromResult(context.GetInput<string>() ?? "nothing");

        [Function("Wait")]
        public Task<string?> Wait([OrchestrationTrigger] TaskOrchestrationContext context) => context.WaitForExternalEvent<string>("Go");

        [Function("Parent")]
        public Task Parent([OrchestrationTrigger] TaskOrchestrationContext context) => context.CallSubOrchestratorAsync("Echo", "x", new SubOrchestrationOptions(instanceId: "child"));

        [Function("Start")]
        public async Task<IResult> Start([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "start/{id}")] HttpRequest request, string id, [DurableClient] DurableTaskClient client, CancellationToken cancellation)
        {
            journal.Add(request.Path);
            return Results.Text(await client.ScheduleNewOrchestrationInstanceAsync("Echo", "by http", new StartOrchestrationOptions(id), cancellation));
        }
    }

    private static Task<DurableHost> StartAsync() => DurableHost.StartAsync([typeof(Plain)]);

    [Fact]
    public async Task A_function_is_given_the_client()
    {
        await using var host = await StartAsync();
        using var answer = await host.Http.PostAsync(new Uri("start/h1", UriKind.Relative), null);
        Assert.Equal("h1", await answer.Content.ReadAsStringAsync());
        Assert.Equal("by http", (await host.EndAsync("h1")).ReadOutputAs<string>());
    }

    [Fact]
    public async Task A_live_instance_is_not_started_twice_an_ended_one_is_replaced()
    {
        await using var host = await StartAsync();
        var options = new StartOrchestrationOptions("one");
        await host.Client.ScheduleNewOrchestrationInstanceAsync("Wait", options);
        await Assert.ThrowsAsync<OrchestrationAlreadyExistsException>(() => host.Client.ScheduleNewOrchestrationInstanceAsync("Wait", options));
        await host.Client.RaiseEventAsync("one", "Go", "first");
        Assert.Equal("first", (await host.EndAsync("one")).ReadOutputAs<string>());
        await host.Client.ScheduleNewOrchestrationInstanceAsync("Echo", "second", options);
        Assert.Equal("second", (await host.EndAsync("one")).ReadOutputAs<string>());
    }

    [Fact]
    public async Task Which_statuses_are_not_replaced_can_be_said()
    {
        await using var host = await StartAsync();
        await host.RunAsync("Echo", "a", "done");
        var keep = new StartOrchestrationOptions("done").WithDedupeStatuses(OrchestrationRuntimeStatus.Completed, OrchestrationRuntimeStatus.Running);
        var refused = await Assert.ThrowsAsync<OrchestrationAlreadyExistsException>(() => host.Client.ScheduleNewOrchestrationInstanceAsync("Echo", "b", keep));
        Assert.Contains("done", refused.Message, StringComparison.Ordinal);
        await host.Client.ScheduleNewOrchestrationInstanceAsync("Wait", new StartOrchestrationOptions("live"));
        await host.Client.WaitForInstanceStartAsync("live", TestContext.Current.CancellationToken);
        await host.Client.ScheduleNewOrchestrationInstanceAsync("Echo", "replaced", new StartOrchestrationOptions("live").WithDedupeStatuses(OrchestrationRuntimeStatus.Completed));
        Assert.Equal("replaced", (await host.EndAsync("live")).ReadOutputAs<string>());
    }

    [Fact]
    public async Task An_instance_can_start_later()
    {
        await using var host = await StartAsync();
        await host.Client.ScheduleNewOrchestrationInstanceAsync("Echo", "later", new StartOrchestrationOptions("l", host.Time.GetUtcNow().AddHours(2)));
        host.Time.Advance(TimeSpan.FromHours(1));
        await host.RunAsync("Echo", "now");
        Assert.Equal(OrchestrationRuntimeStatus.Pending, (await host.Client.GetInstanceAsync("l"))!.RuntimeStatus);
        Assert.Equal("later", (await host.EndOverTimeAsync("l", TimeSpan.FromMinutes(10))).ReadOutputAs<string>());
    }

    [Fact]
    public async Task What_is_known_of_an_instance_comes_with_or_without_its_values()
    {
        await using var host = await StartAsync();
        var tags = new StartOrchestrationOptions("i") { Tags = new Dictionary<string, string> { ["who"] = "me" } };
        await host.Client.ScheduleNewOrchestrationInstanceAsync("Echo", "v", tags);
        await host.EndAsync("i");
        var plain = (await host.Client.GetInstanceAsync("i"))!;
        Assert.Equal(("Echo", "i", true, false, "me"), (plain.Name, plain.InstanceId, plain.IsCompleted, plain.IsRunning, plain.Tags["who"]));
        Assert.Equal(host.Time.GetUtcNow(), plain.CreatedAt);
        Assert.Null(plain.SerializedInput);
        Assert.Throws<InvalidOperationException>(() => plain.ReadInputAs<string>());
        Assert.Equal("\"v\"", (await host.Client.GetInstancesAsync("i", true))!.SerializedOutput);
        Assert.Null(await host.Client.GetInstanceAsync("other"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => host.EndAsync("other"));
    }

    [Fact]
    public async Task Instances_are_listed_page_by_page_as_asked()
    {
        await using var host = await StartAsync();
        for (var i = 0; i < 7; i++) { await host.RunAsync("Echo", $"{i}", $"a{i}"); }
        host.Time.Advance(TimeSpan.FromHours(1));
        await host.Client.ScheduleNewOrchestrationInstanceAsync("Wait", new StartOrchestrationOptions("b0"));
        await host.Client.WaitForInstanceStartAsync("b0", TestContext.Current.CancellationToken);

        var pages = new List<int>();
        await foreach (var page in host.Client.GetAllInstancesAsync(new OrchestrationQuery(InstanceIdPrefix: "a", PageSize: 3)).AsPages()) { pages.Add(page.Values.Count); }
        Assert.Equal([3, 3, 1], pages);
        async Task<string[]> ListAsync(OrchestrationQuery query)
        {
            var ids = new List<string>();
            await foreach (var found in host.Client.GetAllInstancesAsync(query)) { ids.Add(found.InstanceId); }
            return [.. ids];
        }
        Assert.Equal(["b0"], await ListAsync(new(Statuses: [OrchestrationRuntimeStatus.Running])));
        Assert.Equal(["b0"], await ListAsync(new(CreatedFrom: host.Time.GetUtcNow())));
        Assert.Equal(7, (await ListAsync(new(Statuses: [OrchestrationRuntimeStatus.Completed], PageSize: 2))).Length);
    }

    [Fact]
    public async Task Ended_instances_are_purged_one_by_one_or_by_filter_and_others_are_not()
    {
        await using var host = await StartAsync();
        await host.RunAsync("Parent", id: "p");
        await host.Client.ScheduleNewOrchestrationInstanceAsync("Wait", new StartOrchestrationOptions("w"));
        Assert.Equal(0, (await host.Client.PurgeInstanceAsync("w")).PurgedInstanceCount);
        Assert.Equal(0, (await host.Client.PurgeInstanceAsync("none")).PurgedInstanceCount);
        Assert.Equal(2, (await host.Client.PurgeInstanceAsync("p", new PurgeInstanceOptions(Recursive: true))).PurgedInstanceCount);
        Assert.Null(await host.Client.GetInstanceAsync("child"));

        for (var i = 0; i < 5; i++) { await host.RunAsync("Echo", $"{i}"); }
        Assert.Equal(0, (await host.Client.PurgeAllInstancesAsync(new PurgeInstancesFilter(Statuses: [OrchestrationRuntimeStatus.Failed]))).PurgedInstanceCount);
        Assert.Equal(5, (await host.Client.PurgeAllInstancesAsync(new PurgeInstancesFilter(CreatedTo: host.Time.GetUtcNow()))).PurgedInstanceCount);
        await host.Client.RaiseEventAsync("w", "Go", "still here");
        Assert.Equal("still here", (await host.EndAsync("w")).ReadOutputAs<string>());
    }
}
