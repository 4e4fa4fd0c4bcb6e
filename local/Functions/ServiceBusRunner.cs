using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selvedge.Local.ServiceBus;

namespace Selvedge.Local.Functions;

/// <summary>Runs the queue functions, as Azure's Service Bus listener does: so many at once, locks renewed while they run, completed when they succeed, given back
/// when they throw. Instances compete for messages and sessions; stopping, no more is taken and what runs is waited for.</summary>
internal sealed partial class ServiceBusRunner(
    IReadOnlyList<HostedFunction> functions, FunctionExecutionDelegate pipeline, ServiceBusSettings settings, IServiceProvider services, LocalData data, TimeProvider time,
    IHostApplicationLifetime lifetime, ILogger<ServiceBusRunner> logger) : IHostedService
{
    /// <summary>After a failure that is not a function's.</summary>
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(5);

    private readonly CancellationToken stopping = lifetime.ApplicationStopping;
    private ServiceBusClient? client;
    private Task running = Task.CompletedTask;

    /// <summary>Starts to receive; the app's own hosted services have started by then.</summary>
    /// <exception cref="LocalHostException">A queue is not declared, or has sessions where its function says it has not.</exception>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        var hosted = functions.Where(function => function.Queue is not null).ToList();
        if (hosted.Count == 0) { return Task.CompletedTask; }
        foreach (var function in hosted) { Check(function, function.Queue!); }
        client = data.ServiceBus.Connect();
        running = Task.WhenAll(hosted.SelectMany(function => function.Queue!.Trigger.IsSessionsEnabled
            ? Enumerable.Range(0, settings.MaxConcurrentSessions).Select(_ => Task.Run(() => KeepAsync(function, HoldSessionAsync), CancellationToken.None))
            : [Task.Run(() => KeepAsync(function, PumpAsync), CancellationToken.None)]));
        return Task.CompletedTask;
    }

    /// <summary>Waits for the runs in progress, which were told as the stop began, until <paramref name="cancellationToken"/>.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await running.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!running.IsCompleted) { LogAbandoned(); }
    }

    private void Check(HostedFunction function, HostedFunction.QueuePlan plan)
    {
        try
        {
            var queue = data.ServiceBus.Queue(plan.Queue);
            if (queue.HasSessions != plan.Trigger.IsSessionsEnabled)
            {
                throw FunctionCatalogue.Refuse(function.Name, $"queue {plan.Queue} {(queue.HasSessions ? "requires" : "has no")} sessions, and its trigger says IsSessionsEnabled = {(plan.Trigger.IsSessionsEnabled ? "true" : "false")}.");
            }
        }
        catch (ServiceBusException missing) when (missing.Reason == ServiceBusFailureReason.MessagingEntityNotFound)
        {
            throw new LocalHostException(ExitCode.Functions, $"Function {function.Name}: there is no queue {plan.Queue}. Declare it in servicebus.json beside host.json.", missing);
        }
    }

    private async Task KeepAsync(HostedFunction function, Func<HostedFunction, Task> receive)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await receive(function);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested) { }
            catch (Exception failure)
            {
                LogReceiving(failure, function.Name);
                await Task.Delay(PauseAfterFailure, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task PumpAsync(HostedFunction function)
    {
        await using var receiver = client!.CreateReceiver(function.Queue!.Queue);
        using var free = new SemaphoreSlim(settings.MaxConcurrentCalls);
        try
        {
            while (true)
            {
                await free.WaitAsync(stopping);
                var slots = 1;
                while (free.Wait(0, CancellationToken.None)) { slots++; }
                var received = 0;
                try
                {
                    var messages = await receiver.ReceiveMessagesAsync(slots, null, stopping);
                    received = messages.Count;
                    foreach (var message in messages) { _ = Task.Run(() => RunOneAsync(message), CancellationToken.None); }
                }
                finally
                {
                    if (slots > received) { free.Release(slots - received); }
                }
            }
        }
        finally
        {
            for (var i = 0; i < settings.MaxConcurrentCalls; i++) { await free.WaitAsync(CancellationToken.None); }
        }

        async Task RunOneAsync(ServiceBusReceivedMessage message)
        {
            try
            {
                await RunAsync(function, message, receiver, null, () => receiver.RenewMessageLockAsync(message, CancellationToken.None), () => message.LockedUntil);
            }
            finally
            {
                free.Release();
            }
        }
    }

    private async Task HoldSessionAsync(HostedFunction function)
    {
        if (await ServiceBusSessionReceiver.AcceptAsync(client!, function.Queue!.Queue, null, null, ServiceBusClient.TryTimeout, stopping) is not { } session) { return; }
        await using (session)
        {
            try
            {
                while (!stopping.IsCancellationRequested && await session.ReceiveMessageAsync(settings.SessionIdleTimeout, stopping) is { } message)
                {
                    var actions = new ServiceBusSessionMessageActions(session);
                    await RunAsync(function, message, session, actions, () => session.RenewSessionLockAsync(CancellationToken.None), () => session.SessionLockedUntil);
                    if (actions.IsReleaseAsked) { return; }
                }
            }
            catch (ServiceBusException lost) when (lost.Reason == ServiceBusFailureReason.SessionLockLost)
            {
                // Idle for longer than the lock, which is renewed only while a function runs: whoever is next goes on.
            }
        }
    }

    private async Task RunAsync(HostedFunction function, ServiceBusReceivedMessage message, ServiceBusReceiver receiver, ServiceBusSessionMessageActions? session, Func<Task> renew, Func<DateTimeOffset> lockedUntil)
    {
        using var ended = new CancellationTokenSource();
        var renewing = KeepLockAsync(function, renew, lockedUntil, ended.Token);
        try
        {
            await using var scope = services.CreateAsyncScope();
            var plan = function.Queue!;
            await pipeline(new Invocation(function)
            {
                TriggerInput = plan.Bind(message), Stopping = stopping, InstanceServices = scope.ServiceProvider,
                MessageActions = new ServiceBusMessageActions(receiver), SessionActions = session,
            });
            if (plan.Trigger.AutoCompleteMessages && !message.IsSettled) { await receiver.CompleteMessageAsync(message, CancellationToken.None); }
        }
        catch (ServiceBusException lost) when (lost.Reason is ServiceBusFailureReason.MessageLockLost or ServiceBusFailureReason.SessionLockLost)
        {
            LogLockLost(function.Name, message.MessageId, message.DeliveryCount);
        }
        catch (Exception failure)
        {
            // One that was told to stop, and did, has not failed.
            if (failure is not OperationCanceledException || !stopping.IsCancellationRequested) { LogFailed(failure, function.Name, message.MessageId, message.DeliveryCount); }
            if (!message.IsSettled) { await AbandonAsync(receiver, message); }
        }
        finally
        {
            await ended.CancelAsync();
            await renewing;
        }
    }

    private async Task AbandonAsync(ServiceBusReceiver receiver, ServiceBusReceivedMessage message)
    {
        try
        {
            await receiver.AbandonMessageAsync(message, null, CancellationToken.None);
        }
        catch (ServiceBusException failure)
        {
            // Its lock ends by itself.
            LogReceiving(failure, receiver.EntityPath);
        }
    }

    // Renewed when half of what is left is over, until maxAutoLockRenewalDuration after the start of the run.
    private async Task KeepLockAsync(HostedFunction function, Func<Task> renew, Func<DateTimeOffset> lockedUntil, CancellationToken ended)
    {
        var last = time.GetUtcNow() + settings.MaxAutoLockRenewalDuration;
        try
        {
            while (true)
            {
                var now = time.GetUtcNow();
                var wait = (lockedUntil() - now) / 2;
                if (wait <= TimeSpan.Zero || now + wait > last) { return; }
                // Nearly every run ends before: what ends with it is no exception.
                await Task.Delay(wait, time, ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (ended.IsCancellationRequested) { return; }
                await renew();
            }
        }
        catch (ServiceBusException failure)
        {
            if (!ended.IsCancellationRequested) { LogNotRenewed(failure, function.Name); }
        }
    }

    [LoggerMessage(EventId = 120, Level = LogLevel.Error, Message = "Queue function {Function} failed on message {MessageId}, delivery {Delivery}; the message is given back")]
    private partial void LogFailed(Exception failure, string function, string messageId, int delivery);

    [LoggerMessage(EventId = 121, Level = LogLevel.Warning, Message = "Queue function {Function} ran for longer than the lock of message {MessageId}, delivery {Delivery}: it is delivered again")]
    private partial void LogLockLost(string function, string messageId, int delivery);

    [LoggerMessage(EventId = 122, Level = LogLevel.Error, Message = "{Function} cannot receive or settle; it tries again")]
    private partial void LogReceiving(Exception failure, string function);

    [LoggerMessage(EventId = 123, Level = LogLevel.Warning, Message = "A lock of queue function {Function} could not be renewed")]
    private partial void LogNotRenewed(Exception failure, string function);

    [LoggerMessage(EventId = 124, Level = LogLevel.Warning, Message = "A queue function did not end in the time there is for stopping; its message is delivered again")]
    private partial void LogAbandoned();
}
