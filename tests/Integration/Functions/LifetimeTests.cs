using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Functions;

public class LifetimeTests
{
    public sealed class Order : System.Collections.Concurrent.ConcurrentQueue<string>
    {
        public TaskCompletionSource TimerRan { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    public sealed class AppService(Order order, LocalAddress address) : IHostedService, IDisposable
    {
        public async Task StartAsync(CancellationToken cancellationToken)
        {
            await Task.Yield();
            order.Enqueue($"app started, address known {address.Url.StartsWith("http://localhost:", StringComparison.Ordinal)}");
        }

        public Task StopAsync(CancellationToken cancellationToken)
        {
            order.Enqueue("app stopped");
            return Task.CompletedTask;
        }

        public void Dispose() => order.Enqueue("app disposed");
    }

    public class AtStart(Order order)
    {
        [Function("AtStart")]
        public async Task Go([TimerTrigger("0 0 3 * * *", RunOnStartup = true)] TimerInfo info, CancellationToken stopping)
        {
            order.Enqueue("timer ran");
            order.TimerRan.SetResult();
            await Task.Delay(Timeout.Infinite, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            order.Enqueue("timer stopped");
        }
    }

    [Fact]
    public async Task The_apps_services_start_before_timers_and_stop_after_them()
    {
        var order = new Order();
        await using (var host = await RunningHost.StartAsync([typeof(AtStart)], builder => builder.Services.AddSingleton(order).AddHostedService<AppService>()))
        {
            await order.TimerRan.Task.WaitAsync(TestContext.Current.CancellationToken);
        }
        Assert.Equal(["app started, address known True", "timer ran", "timer stopped", "app stopped", "app disposed"], order);
    }

    public sealed class StopsWhileStarting(IHostApplicationLifetime lifetime) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            lifetime.StopApplication();
            cancellationToken.ThrowIfCancellationRequested();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    [Fact]
    public async Task A_signal_during_the_start_ended_in_a_stack_trace()
    {
        using var folder = new TempFolder();
        var log = new LogLines();
        using var host = RunningHost.Build(folder, [], builder =>
        {
            builder.Services.AddHostedService<StopsWhileStarting>();
            builder.Logging.AddProvider(log);
        });
        await host.RunAsync(TestContext.Current.CancellationToken);
        Assert.Empty(log.All);
    }

    public sealed class Broken : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => throw new InvalidOperationException("The setting 'X' is missing.");

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    [Fact]
    public async Task An_app_that_fails_to_start_gives_its_reason_and_lets_the_data_folder_go()
    {
        using var folder = new TempFolder();
        using (var host = RunningHost.Build(folder, [typeof(RoutingTests.Prefixed)], builder => builder.Services.AddHostedService<Broken>()))
        {
            var failure = await Assert.ThrowsAsync<LocalHostException>(() => host.StartAsync(TestContext.Current.CancellationToken));
            Assert.Equal((ExitCode.App, "The app could not start: The setting 'X' is missing."), (failure.Code, failure.Message));
        }
        using var data = LocalData.Open(folder.File("data"));
        Assert.Equal(folder.File("data"), data.Path);
    }
}
