using System.Text.Json;
using Microsoft.Extensions.Logging;
using Selvedge.Channels;
using Selvedge.Listings;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Functions.Listings;

/// <summary>What runs lanes: the queue's sessions, one for each account, and the sweeps that find what no message told.</summary>
public sealed partial class LaneFunctions(Lane lane, Telling telling, LaneQueue queue, LaneCalls calls, LaneHealth health, ListingStore listings, DesiredNumbers desired, ListedStyles styles, SalesChannels channels, ChannelAdapters adapters, TimeProvider time, ILogger<LaneFunctions> log)
{
    /// <summary>What is due for so long and was not done is called again.</summary>
    static readonly TimeSpan Late = TimeSpan.FromMinutes(1);

    /// <summary>Runs the lane of the session's account, or starts and tells a guard. Messages are wake-ups: the message is completed whatever the channel said, and another is scheduled where work remains.</summary>
    [Function("Lane")]
    public async Task Run([ServiceBusTrigger(LaneQueue.Name, Connection = "ServiceBus", IsSessionsEnabled = true, AutoCompleteMessages = false)] ServiceBusReceivedMessage message, ServiceBusMessageActions actions, FunctionContext context, [DurableClient] DurableTaskClient client)
    {
        if (message.SessionId.StartsWith(LaneQueue.Guards, StringComparison.Ordinal))
        {
            await ListingGuardFunctions.BeginAsync(client, JsonSerializer.Deserialize<GuardRun>(message.Body.ToMemory().Span, Json.Options)!);
            await actions.CompleteMessageAsync(message);
            return;
        }
        await lane.RunAsync(message.SessionId, at => queue.ScheduleAsync(message.SessionId, at, CancellationToken.None), context.CancellationToken);
        await actions.CompleteMessageAsync(message);
    }

    /// <summary>Calls lanes with something due for a minute, or that were never run or not woken; computes anew what a change of settings touches; tries again what was set aside.</summary>
    [Function("LaneSweep")]
    public async Task Sweep([TimerTrigger("25 * * * * *")] TimerInfo timer, FunctionContext context)
    {
        await desired.AgainAsync(context.CancellationToken);
        await EachAsync(context, async (channel, cancel) =>
        {
            await telling.AlarmsAsync(channel.Id, cancel);
            await lane.AlignAsync(channel, cancel);
            await styles.AlignAsync(channel, cancel);
            var (now, state) = (time.GetUtcNow(), await listings.ReadAsync<LaneState>(channel.Id, LaneState.DocumentId, cancel));
            if (state?.WakeAt is not { } wake || wake < now - Late || await listings.IsLateAsync(channel.Id, now - Late, cancel)) calls.Call(channel.Id);
        });
    }

    /// <summary>Calls lanes whose numbers are to be read back: the lane reads, repairs and counts what drifted, between what is more urgent.</summary>
    [Function("MarketplaceRefresh")]
    public Task Refresh([TimerTrigger("10 * * * * *")] TimerInfo timer, FunctionContext context) => EachAsync(context, async (channel, cancel) =>
    {
        var state = await listings.ReadAsync<LaneState>(channel.Id, LaneState.DocumentId, cancel);
        if (state?.RefreshingSince is not null || !(state?.RefreshedAt + adapters.Find(channel)!.Traits.RefreshEvery > time.GetUtcNow())) calls.Call(channel.Id);
    });

    /// <summary>Notes how far each channel's numbers are from what they are to be.</summary>
    [Function("LaneStaleness")]
    public Task Sample([TimerTrigger("0 * * * * *")] TimerInfo timer, FunctionContext context) => EachAsync(context, async (channel, cancel) =>
    {
        var now = InstantConverter.Cut(time.GetUtcNow());
        var (all, differing, oldest) = await health.CountAsync(channel.Id, cancel);
        var hour = new LaneHour { Id = LaneHour.IdOf("s", now), Channel = channel.Id };
        hour.Samples.Add(new(now, oldest is { } since && since < now ? Math.Round((now - since).TotalSeconds, 1) : 0, differing, all));
        await health.AddAsync(hour, cancel);
    });

    // One channel's failure is not another's.
    async Task EachAsync(FunctionContext context, Func<Channel, CancellationToken, Task> work)
    {
        var all = (await channels.ListAsync(context.CancellationToken)).Where(channel => adapters.Find(channel) is not null);
        await Parallel.ForEachAsync(all, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = context.CancellationToken }, async (channel, cancel) =>
        {
            try
            {
                await work(channel, cancel);
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                LogFailed(failure, channel.Id);
            }
        });
    }

    [LoggerMessage(EventId = 5051, Level = LogLevel.Error, Message = "Channel {Channel}: its lane was not looked after; the next sweep tries again")]
    partial void LogFailed(Exception failure, string channel);
}
