using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Functions;

public class FailureTests
{
    public sealed class Signals
    {
        public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public TaskCompletionSource Go { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    public class Api(IServiceProvider services)
    {
        [Function("Throws")]
        public Task Throws([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "throws")] HttpRequest req)
        {
            req.HttpContext.Response.Headers["x-half-done"] = "1";
            throw new InvalidOperationException("password=hunter2");
        }

        [Function("ThrowsLate")]
        public async Task ThrowsLate([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "late")] HttpRequest req)
        {
            await req.HttpContext.Response.WriteAsync("half");
            await req.HttpContext.Response.Body.FlushAsync();
            throw new InvalidOperationException("late");
        }

        [Function("Waits")]
        public async Task<IResult> Waits([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "waits")] HttpRequest req, CancellationToken cancel)
        {
            var signals = services.GetRequiredService<Signals>();
            signals.Entered.SetResult();
            try
            {
                await signals.Go.Task.WaitAsync(cancel);
            }
            catch (OperationCanceledException)
            {
                signals.Cancelled.SetResult();
                throw;
            }
            return Results.Text("done");
        }
    }

    private static async Task<(RunningHost Host, LogLines Log, Signals Signals)> StartAsync()
    {
        var (log, signals) = (new LogLines(), new Signals());
        var host = await RunningHost.StartAsync([typeof(Api)], builder =>
        {
            builder.Logging.AddProvider(log);
            builder.Services.AddSingleton(signals);
        });
        return (host, log, signals);
    }

    [Fact]
    public async Task An_exception_is_a_500_without_internals_and_is_logged_with_the_invocation_id()
    {
        var (host, log, _) = await StartAsync();
        await using var running = host;
        using var response = await host.Client.GetAsync(new Uri("/throws", UriKind.Relative), TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.False(response.Headers.Contains("x-half-done"));
        Assert.DoesNotContain("hunter2", body, StringComparison.Ordinal);
        var id = JsonDocument.Parse(body).RootElement.GetProperty("invocationId").GetString();
        Assert.Contains(log.All, line => line == $"Error Function Throws failed, invocation {id} password=hunter2");
    }

    [Fact]
    public async Task A_failure_after_the_response_began_cuts_the_connection()
    {
        var (host, _, _) = await StartAsync();
        await using var running = host;
        await Assert.ThrowsAsync<HttpRequestException>(() => host.Client.GetStringAsync(new Uri("/late", UriKind.Relative), TestContext.Current.CancellationToken));
        Assert.Equal(HttpStatusCode.InternalServerError, (await host.GetAsync("/throws")).Status);
    }

    [Fact]
    public async Task A_caller_who_leaves_cancels_the_invocation_and_nothing_is_logged_as_failed()
    {
        var (host, log, signals) = await StartAsync();
        await using var running = host;
        using var leave = new CancellationTokenSource();
        var call = host.Client.GetAsync(new Uri("/waits", UriKind.Relative), leave.Token);
        await signals.Entered.Task.WaitAsync(TestContext.Current.CancellationToken);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await signals.Cancelled.Task.WaitAsync(TestContext.Current.CancellationToken);
        await host.StopAsync();
        Assert.DoesNotContain(log.All, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Stopping_waits_for_the_requests_in_progress()
    {
        var (host, _, signals) = await StartAsync();
        await using var running = host;
        var call = host.GetAsync("/waits");
        await signals.Entered.Task.WaitAsync(TestContext.Current.CancellationToken);
        var stopped = host.StopAsync();
        await host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.WhenCancelled();
        Assert.False(stopped.IsCompleted);
        signals.Go.SetResult();
        Assert.Equal((HttpStatusCode.OK, "done"), await call);
        await stopped;
        await Assert.ThrowsAsync<HttpRequestException>(() => host.GetAsync("/throws"));
    }
}

internal static class Cancellation
{
    public static Task WhenCancelled(this CancellationToken token)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        token.Register(cancelled.SetResult);
        return cancelled.Task;
    }
}
