using Microsoft.Extensions.DependencyInjection;
using Selvedge.Local.Durable;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Durable;

public class ActivityTests
{
    public sealed record Order(string Id, int Units);

    public class Shop(Journal journal)
    {
        [Function("Greet")]
        public async Task<string> Greet([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            var name = context.GetInput<string>();
            var first = await context.CallActivityAsync<string>("Hello", name);
            return first + await context.CallActivityAsync<string>("Hello", "you");
        }

        [Function("Hello")]
        public string Hello([ActivityTrigger] string name, string instanceId, FunctionContext context)
        {
            journal.Add($"{name}@{instanceId}/{context.BindingContext.BindingData["instanceId"]}");
            return $"Hello {name}! ";
        }

        [Function("Spread")]
        public async Task<int> Spread([OrchestrationTrigger] TaskOrchestrationContext context, int width)
        {
            var all = Enumerable.Range(1, width).Select(i => context.CallActivityAsync<int>("Square", i));
            return (await Task.WhenAll(all)).Sum();
        }

        [Function("Square")]
        public static int Square([ActivityTrigger] int number) => number * number;

        [Function("Records")]
        public Task<Order> Records([OrchestrationTrigger] TaskOrchestrationContext context) =>
            context.CallActivityAsync<Order>("Double", context.GetInput<Order>());

        [Function("Double")]
        public static Order Double([ActivityTrigger] Order order) => order with { Units = order.Units * 2 };

        [Function("Careful")]
        public async Task<string> Careful([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            try
            {
                await context.CallActivityAsync("Break", "glass");
                return "whole";
            }
            catch (TaskFailedException failure)
            {
                return $"{failure.TaskName}|{failure.FailureDetails.ErrorType}|{failure.FailureDetails.ErrorMessage}|{failure.FailureDetails.IsCausedBy<InvalidOperationException>()}|{failure.FailureDetails.IsCausedBy<ArgumentException>()}|{failure.FailureDetails.InnerFailure?.ErrorMessage}";
            }
        }

        [Function("Careless")]
        public Task Careless([OrchestrationTrigger] TaskOrchestrationContext context) => context.CallActivityAsync("Break", "glass");

        [Function("Break")]
        public void Break([ActivityTrigger] string what) => throw new InvalidOperationException($"{what} broke", new IOException("the floor"));

        [Function("Missing")]
        public Task Missing([OrchestrationTrigger] TaskOrchestrationContext context) => context.CallActivityAsync("NoSuch", options: TaskOptions.FromRetryPolicy(new RetryPolicy(5, TimeSpan.FromHours(1))));

        [Function("Forgetful")]
        public async Task<string> Forgetful([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            _ = context.CallActivityAsync("Hello", "unheard");
            await context.CallActivityAsync<string>("Hello", "heard");
            return "done";
        }
    }

    [Fact]
    public async Task Activities_run_one_after_another_with_input_result_and_the_instances_id()
    {
        await using var host = await DurableHost.StartAsync([typeof(Shop)]);
        var end = await host.RunAsync("Greet", "me", "g1");
        Assert.Equal(OrchestrationRuntimeStatus.Completed, end.RuntimeStatus);
        Assert.Equal("Hello me! Hello you! ", end.ReadOutputAs<string>());
        Assert.Equal("me", end.ReadInputAs<string>());
        Assert.Equal(["me@g1/g1", "you@g1/g1"], host.Journal.Order);
    }

    [Fact]
    public async Task Activities_run_side_by_side_and_the_orchestrators_input_can_be_a_parameter()
    {
        await using var host = await DurableHost.StartAsync([typeof(Shop)]);
        Assert.Equal(Enumerable.Range(1, 60).Sum(i => i * i), (await host.RunAsync("Spread", 60)).ReadOutputAs<int>());
    }

    [Fact]
    public async Task Values_are_written_and_read_as_the_worker_does()
    {
        await using var host = await DurableHost.StartAsync([typeof(Shop)]);
        var end = await host.RunAsync("Records", new { id = "A", units = 4 });
        Assert.Equal("""{"Id":"A","Units":8}""", end.SerializedOutput);
    }

    [Fact]
    public async Task A_failed_activity_is_an_exception_that_says_what_failed()
    {
        await using var host = await DurableHost.StartAsync([typeof(Shop)]);
        var end = await host.RunAsync("Careful");
        Assert.Equal("Break|System.InvalidOperationException|glass broke|True|False|the floor", end.ReadOutputAs<string>());
    }

    [Fact]
    public async Task A_failure_nobody_catches_fails_the_orchestration()
    {
        await using var host = await DurableHost.StartAsync([typeof(Shop)]);
        var end = await host.RunAsync("Careless");
        Assert.Equal(OrchestrationRuntimeStatus.Failed, end.RuntimeStatus);
        Assert.EndsWith("TaskFailedException", end.FailureDetails!.ErrorType, StringComparison.Ordinal);
        Assert.Equal("Task 'Break' (#0) failed with an unhandled exception: glass broke", end.FailureDetails.ErrorMessage);
        Assert.True(end.FailureDetails.InnerFailure!.IsCausedBy<InvalidOperationException>());
        Assert.Null(end.SerializedOutput);
    }

    [Fact]
    public async Task An_activity_that_is_not_there_fails_at_once_without_a_retry()
    {
        await using var host = await DurableHost.StartAsync([typeof(Shop)]);
        var end = await host.RunAsync("Missing");
        Assert.Equal(OrchestrationRuntimeStatus.Failed, end.RuntimeStatus);
        Assert.Contains("The function 'NoSuch' doesn't exist", end.FailureDetails!.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_orchestration_that_is_not_there_fails()
    {
        await using var host = await DurableHost.StartAsync([typeof(Shop)]);
        Assert.Contains("'Nowhere' doesn't exist", (await host.RunAsync("Nowhere")).FailureDetails!.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_activity_nobody_awaits_is_run_all_the_same()
    {
        await using var host = await DurableHost.StartAsync([typeof(Shop)]);
        Assert.Equal("done", (await host.RunAsync("Forgetful", id: "f")).ReadOutputAs<string>());
        while (!host.Journal.Done.ContainsKey("unheard@f/f")) { await Task.Delay(2, TestContext.Current.CancellationToken); }
    }

    public sealed class Scoped : IDisposable
    {
        private static int open;

        public Scoped() => Interlocked.Increment(ref open);

        public static int Open => open;

        public void Dispose() => Interlocked.Decrement(ref open);
    }

    public class WithServices(Scoped scoped)
    {
        [Function("Plain")]
        public async Task<string> Plain([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            await context.CallActivityAsync("Act", "x");
            return scoped is null ? "none" : "services";
        }

        [Function("Act")]
        public Task Act([ActivityTrigger] string input) => Task.CompletedTask;
    }

    [Fact]
    public async Task Middleware_and_services_are_there_as_for_other_functions()
    {
        var seen = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await using (var host = await DurableHost.StartAsync([typeof(WithServices)], configure: builder =>
        {
            builder.Services.AddScoped<Scoped>();
            builder.UseMiddleware(async (context, next) =>
            {
                seen.Enqueue(context.FunctionDefinition.Name);
                await next();
            });
        }))
        {
            Assert.Equal("services", (await host.RunAsync("Plain")).ReadOutputAs<string>());
        }
        Assert.Equal(["Plain", "Act", "Plain"], seen);
        Assert.Equal(0, Scoped.Open);
    }
}
