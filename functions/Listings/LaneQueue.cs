using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selvedge.Listings;
using Selvedge.Platform;

namespace Selvedge.Functions.Listings;

/// <summary>
/// Sends wake-ups to queue <c>lanes</c>, SessionId = channel, off the way of who found something to do: what is called while a message is being sent is one message more, however
/// often. The same way starts guards and tells them to look. What is lost with the process costs the time until the sweep, unless its finder waits until it is sent, as the change feed does.
/// </summary>
public sealed partial class LaneQueue(LaneCalls calls, ServiceBusClient client, TimeProvider time, ILogger<LaneQueue> log) : BackgroundService
{
    public const string Name = "lanes";

    /// <summary>What the sessions of guards begin with: they do not wait behind their account's calls. No channel's id has a '|'.</summary>
    public const string Guards = "guards|";
    const int MostAtOnce = 200;
    static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    readonly ConcurrentDictionary<string, bool> called = new(StringComparer.Ordinal);
    readonly ConcurrentDictionary<GuardRun, bool> guarded = new();
    readonly SemaphoreSlim any = new(0), sending = new(1);
    ServiceBusSender? sender;

    /// <summary>Schedules a lane's next wake-up.</summary>
    public Task ScheduleAsync(string channel, DateTimeOffset at, CancellationToken cancel) => Sender.ScheduleMessageAsync(Message(channel), at, cancel);

    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        calls.Called += Note;
        calls.Guarded += Note;
        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override Task StopAsync(CancellationToken cancellationToken)
    {
        calls.Called -= Note;
        calls.Guarded -= Note;
        return base.StopAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await any.WaitAsync(stoppingToken);
            while (await any.WaitAsync(0, stoppingToken)) { }
            try
            {
                await SendAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                LogUnsent(failure, called.Count + guarded.Count);
                await Task.Delay(Pause, time, stoppingToken);
                any.Release();
            }
        }
    }

    /// <summary>Sends what was called until now. What cannot be sent stays to be sent.</summary>
    public async Task SendAsync(CancellationToken cancel)
    {
        // Whoever sends already may have taken what is ours.
        await sending.WaitAsync(cancel);
        try
        {
            var lanes = called.Keys.Where(channel => called.TryRemove(channel, out _)).ToList();
            var guards = guarded.Keys.Where(run => guarded.TryRemove(run, out _)).ToList();
            try
            {
                foreach (var some in lanes.Select(Message).Concat(guards.Select(Message)).Chunk(MostAtOnce)) await Sender.SendMessagesAsync(some, cancel);
            }
            catch
            {
                foreach (var channel in lanes) called.TryAdd(channel, true);
                foreach (var run in guards) guarded.TryAdd(run, true);
                throw;
            }
        }
        finally
        {
            sending.Release();
        }
    }

    ServiceBusSender Sender => sender ??= client.CreateSender(Name);

    static ServiceBusMessage Message(string channel) => new("{}") { SessionId = channel, ContentType = "application/json" };

    static ServiceBusMessage Message(GuardRun run) => new(JsonSerializer.SerializeToUtf8Bytes(run, Json.Options)) { SessionId = Guards + run.Channel, ContentType = "application/json" };

    void Note(string channel)
    {
        if (called.TryAdd(channel, true)) any.Release();
    }

    // Bounded by the listings there are.
    void Note(GuardRun run)
    {
        if (guarded.TryAdd(run, true)) any.Release();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        any.Dispose();
        sending.Dispose();
    }

    [LoggerMessage(EventId = 5041, Level = LogLevel.Warning, Message = "{Messages} wake-ups of lanes could not be sent; they are tried again")]
    partial void LogUnsent(Exception? failure, int messages);
}
