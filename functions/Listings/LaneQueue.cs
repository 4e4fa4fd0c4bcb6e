using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selvedge.Listings;
using Selvedge.Platform;

namespace Selvedge.Functions.Listings;

/// <summary>
/// Sends wake-ups to queue <c>lanes</c>, SessionId = channel, off the way of who found something to do: what is called while a message is being sent is one message more, however
/// often. What is lost here costs the time until the sweep. The same way starts guards and tells them to look.
/// </summary>
public sealed partial class LaneQueue(LaneCalls calls, ServiceBusClient client, ILogger<LaneQueue> log) : BackgroundService
{
    public const string Name = "lanes";

    /// <summary>What the sessions of guards begin with: they do not wait behind their account's calls. No channel's id has a '|'.</summary>
    public const string Guards = "guards|";
    const int MostAtOnce = 200;
    readonly ConcurrentDictionary<string, bool> called = new(StringComparer.Ordinal);
    readonly ConcurrentDictionary<GuardRun, bool> guarded = new();
    readonly SemaphoreSlim any = new(0);
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
            var messages = called.Keys.Where(channel => called.TryRemove(channel, out _)).Select(Message).ToList();
            messages.AddRange(guarded.Keys.Where(run => guarded.TryRemove(run, out _)).Select(Message));
            foreach (var some in messages.Chunk(MostAtOnce))
                try
                {
                    await Sender.SendMessagesAsync(some, stoppingToken);
                }
                catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
                {
                    LogLost(failure, some.Length);
                }
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

    [LoggerMessage(EventId = 5041, Level = LogLevel.Warning, Message = "{Messages} wake-ups of lanes were lost: the sweep finds what is due")]
    partial void LogLost(Exception? failure, int messages);
}
