using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>
/// Every call to one account (design, section 5), by one at a time: pauses, drops, what orders owe their channel, raises, order polls, product data, refreshes. Its work is on documents, so what
/// it is woken by says nothing; after each call it looks again for what is most urgent. A minute's work at most; it has itself woken again.
/// </summary>
public sealed partial class Lane(
    ListingStore listings, LanePush push, LanePoll poll, LaneProducts products, Telling telling, DesiredNumbers desired, ListingDesk desk, ListingRules rules, LaneHealth health, Watermarks watermarks, SalesChannels channels, ChannelAdapters adapters,
    ExceptionCases exceptions, [FromKeyedServices("channels")] HttpClient http, TimeProvider time, ILogger<Lane> log)
{
    static readonly TimeSpan Longest = TimeSpan.FromSeconds(60), Shortest = TimeSpan.FromSeconds(1);

    /// <summary>Listings of one step of a refresh.</summary>
    const int RefreshPage = 500;

    /// <summary>One run.</summary>
    /// <param name="id">The channel.</param>
    /// <param name="wake">Schedules the next run; done before it is noted that it was, so that no kill leaves a lane asleep.</param>
    /// <param name="cancel">Ends it after the call under way.</param>
    public async Task RunAsync(string id, Func<DateTimeOffset, Task> wake, CancellationToken cancel)
    {
        if (await channels.FindAsync(id, cancel) is not { } channel || adapters.Find(channel) is not { } adapter) return;
        var now = Now;
        var turn = new LaneTurn(channel, adapter, channels.AccountOf(channel, http), Guid.NewGuid().ToString("N"), time)
        {
            State = await listings.ReadAsync<LaneState>(id, LaneState.DocumentId, cancel) ?? new() { Channel = id },
            Done = new() { Id = LaneHour.IdOf("h", now), Channel = id },
        };
        var (watermark, _) = await watermarks.ReadAsync(id);
        turn.ReadAt = watermark.ReadAt;
        turn.PolledAt = watermark.PolledAt;
        var ask = await listings.ReadAsync<LaneAsk>(id, LaneAsk.DocumentId, cancel);
        var ends = now + Longest;
        try
        {
            while (Now < ends && !cancel.IsCancellationRequested)
            {
                if (await PushAsync(turn, Urgency.Pause, cancel) || await PushAsync(turn, Urgency.Drop, cancel)) continue;
                if (turn.ReadAt is not null && await PushAsync(turn, Urgency.Stale, cancel)) continue;
                if (!turn.IsBlocked(LaneCall.Tell) && await TellAsync(turn, cancel)) continue;
                if (turn.MayPoll && await PollAsync(turn, cancel)) continue;
                if (turn.ReadAt is not null && await PushAsync(turn, Urgency.Raise, cancel)) continue;
                if (await VerifyAsync(turn, cancel)) continue;
                if (await CallAsync(turn, LaneCall.Products, () => products.RunAsync(turn, cancel))) continue;
                if (await RefreshAsync(turn, ask, cancel)) continue;
                break;
            }
        }
        finally
        {
            turn.State = turn.State with { RanAt = Now };
            await health.AddAsync(turn.Done, CancellationToken.None);
            await listings.UpsertAsync(id, turn.State, CancellationToken.None);
        }
        var next = await NextAsync(turn, cancel);
        if (next < Now + Shortest) next = Now + Shortest;
        // One wake-up at a time: an earlier one that is still to come does as well.
        if (turn.State.WakeAt > Now && turn.State.WakeAt <= next + Shortest) return;
        await wake(next);
        await listings.UpsertAsync(id, turn.State with { WakeAt = next }, CancellationToken.None);
    }

    /// <summary>What all listings of a channel were computed by; where it changed, they are computed anew.</summary>
    public async Task AlignAsync(Channel channel, CancellationToken cancel)
    {
        var stamp = $"{channel.Version}|{await rules.StampAsync(cancel)}";
        var known = await listings.ReadAsync<LaneStamp>(channel.Id, LaneStamp.DocumentId, cancel);
        if (known?.Stamp == stamp) return;
        await desired.RecomputeAllAsync(channel.Id, cancel);
        await listings.UpsertAsync(channel.Id, new LaneStamp(channel.Id, stamp), cancel);
    }

    sealed record LaneStamp(string Channel, string Stamp)
    {
        public const string DocumentId = "~stamp";
        public string Id { get; init; } = DocumentId;
    }

    // Where its number cannot be read, nothing is set before orders were read once.
    Task<bool> PushAsync(LaneTurn turn, Urgency urgency, CancellationToken cancel) =>
        turn.IsBlocked(LaneCall.Stock) || (!turn.Adapter.Traits.ReadsBack && turn.ReadAt is null) ? Task.FromResult(false) : CallAsync(turn, LaneCall.Stock, () => push.RunAsync(turn, urgency, cancel));

    Task<bool> TellAsync(LaneTurn turn, CancellationToken cancel) => CallAsync(turn, LaneCall.Tell, async () =>
    {
        var (did, calls) = await telling.RunAsync(turn.Channel, turn.Adapter, turn.Account, cancel);
        turn.Calls += calls;
        return did;
    });

    async Task<bool> PollAsync(LaneTurn turn, CancellationToken cancel)
    {
        turn.TriedPoll = true;
        return await CallAsync(turn, LaneCall.Orders, async () =>
        {
            turn.Calls++;
            turn.ReadAt = await poll.RunAsync(turn, cancel);
            turn.PolledAt = Now;
            turn.TriedPoll = turn.ReadAt is null;
            return true;
        });
    }

    Task<bool> VerifyAsync(LaneTurn turn, CancellationToken cancel) => turn.IsBlocked(LaneCall.Read) ? Task.FromResult(false) : CallAsync(turn, LaneCall.Read, () => push.VerifyAsync(turn, cancel));

    // Page by page, in the order of ids: what is urgent comes in between, and a limit costs no page twice.
    async Task<bool> RefreshAsync(LaneTurn turn, LaneAsk? ask, CancellationToken cancel)
    {
        if (turn.IsBlocked(LaneCall.Read)) return false;
        if (turn.State.RefreshingSince is null)
        {
            if (turn.State.RefreshedAt is { } last && last + turn.Adapter.Traits.RefreshEvery > Now && !(ask?.RefreshAt > last)) return false;
            turn.State = turn.State with { RefreshingSince = Now, RefreshFrom = null };
        }
        if (turn.Adapter.Traits.ReadsAll) return await CallAsync(turn, LaneCall.Read, () => RefreshAllAsync(turn, cancel));
        return await CallAsync(turn, LaneCall.Read, async () =>
        {
            var page = await listings.ListAsync(turn.Channel.Id, null, null, null, Math.Min(RefreshPage, turn.Adapter.Traits.ReadsAtOnce), turn.State.RefreshFrom);
            var sent = page.Items.Where(listing => listing is { IsSent: true, Desired: not null }).ToList();
            if (sent.Count > 0) await push.ReadBackAsync(turn, sent, cancel);
            await AnewAsync(sent, cancel);
            turn.Done.Count("refreshed", sent.Count);
            turn.State = page.Continuation is { } more ? turn.State with { RefreshFrom = more } : turn.State with { RefreshFrom = null, RefreshedAt = turn.State.RefreshingSince, RefreshingSince = null };
            return true;
        });
    }

    // In one go, kept a page at a time, and of the rest the ids: whatever is urgent comes in between.
    async Task<bool> RefreshAllAsync(LaneTurn turn, CancellationToken cancel)
    {
        var (since, page, seen) = (Now, new List<Shown>(RefreshPage), new HashSet<string>(StringComparer.Ordinal));
        turn.Calls++;
        await foreach (var shown in turn.Adapter.ReadAsync(turn.Account, null, cancel))
        {
            page.Add(shown);
            if (page.Count == RefreshPage) await MeetAsync();
        }
        await MeetAsync();
        string? from = null;
        do
        {
            var ours = await listings.ListAsync(turn.Channel.Id, null, null, null, RefreshPage, from);
            var sent = ours.Items.Where(listing => listing is { IsSent: true, Desired: not null }).ToList();
            await push.MissingAsync(turn, sent.Where(listing => listing.CreatedAt < since && !seen.Contains(listing.Id)));
            await AnewAsync(sent, cancel);
            turn.Done.Count("refreshed", sent.Count);
            from = ours.Continuation;
        }
        while (from is not null);
        turn.State = turn.State with { RefreshFrom = null, RefreshedAt = turn.State.RefreshingSince, RefreshingSince = null };
        return true;

        async Task MeetAsync()
        {
            // As of the beginning: what was set or sold since is not judged by it.
            seen.UnionWith(await push.MeetAsync(turn, page, since, cancel));
            page.Clear();
            while (await PushAsync(turn, Urgency.Pause, cancel) || await PushAsync(turn, Urgency.Drop, cancel)) cancel.ThrowIfCancellationRequested();
        }
    }

    // What a change feed lost for good, if it ever did, is found here at the latest; and what bundles consist of now.
    Task AnewAsync(IReadOnlyList<Listing> sent, CancellationToken cancel) =>
        Parallel.ForEachAsync(sent, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancel }, async (listing, token) => await desired.RecomputeAsync(listing.Parts is null ? listing : await desk.FollowAsync(listing, token), token));

    // One kind of call that fails is put off; the others go on.
    async Task<bool> CallAsync(LaneTurn turn, string kind, Func<Task<bool>> call)
    {
        var calls = turn.Calls;
        try
        {
            var did = await call();
            if (turn.Calls > calls && turn.State.Blocked.Remove(kind)) await exceptions.ResolveIfOpenAsync(RefusedId(turn, kind), "A later call was taken.", "system:lane");
            return did;
        }
        catch (Exception any) when (any is ChannelCallException || !DesiredNumbers.IsPassing(any))
        {
            // What an adapter does not understand is its account's trouble, not the lane's: its other calls go on.
            var failed = any as ChannelCallException ?? new ChannelCallException(CallFailure.Unanswered, $"{turn.Channel.Is}: {any.GetType().Name}: {any.Message}", null, any);
            if (any is not ChannelCallException) LogNotUnderstood(any, turn.Channel.Id, kind);
            var now = Now;
            var failures = failed.Failure is CallFailure.Limited ? 0 : (turn.State.Blocked.GetValueOrDefault(kind)?.Failures ?? 0) + 1;
            var until = failed.Until > now ? failed.Until.Value : now + (failed.Failure switch
            {
                CallFailure.Limited => TimeSpan.FromSeconds(2), CallFailure.Refused => TimeSpan.FromMinutes(5), _ => ListingTurns.Backoff(failures - 1) * (0.8 + 0.4 * Random.Shared.NextDouble()),
            });
            turn.State.Blocked[kind] = new(until, failures, failed.Message);
            turn.Done.Count(failed.Failure switch { CallFailure.Limited => "limited", CallFailure.Refused => "refused", _ => "unanswered" });
            if (failed.Failure is not CallFailure.Limited) turn.State = turn.State.With(new(failed.Message, now, failures));
            // Its own limits are a channel's ordinary life.
            if (failed.Failure is CallFailure.Limited) LogLimited(turn.Channel.Id, kind, until, failed.Message);
            else LogHeldBack(turn.Channel.Id, kind, until, failed.Message);
            if (failed.Failure is CallFailure.Refused)
                await exceptions.OpenAsync(new ExceptionCase
                {
                    Id = RefusedId(turn, kind), Kind = "channelRefused", Channel = turn.Channel.Id, Occurrence = InstantConverter.Text(now)[..13],
                    Expected = new($"channel {turn.Channel.Id}", $"calls of kind '{kind}' are taken"), Found = new(turn.Channel.Is, failed.Message.Length > 300 ? failed.Message[..300] : failed.Message),
                    Detail = $"{turn.Channel.Id} refuses our calls ({kind}): {failed.Message} Put its settings or its secret right; it is tried again every five minutes.",
                });
            return false;
        }
    }

    static string RefusedId(LaneTurn turn, string kind) => Ids.Join(["channel", "refused", turn.Channel.Id, kind]);

    async Task<DateTimeOffset> NextAsync(LaneTurn turn, CancellationToken cancel)
    {
        DateTimeOffset Later(DateTimeOffset at, string kind) => turn.State.Blocked.GetValueOrDefault(kind)?.Until is { } until && until > at ? until : at;
        var nextPoll = Later((turn.PolledAt ?? Now) + turn.Adapter.Traits.PollEvery, LaneCall.Orders);
        var next = new List<DateTimeOffset> { nextPoll, Later(turn.State.RefreshingSince is null ? (turn.State.RefreshedAt ?? Now) + turn.Adapter.Traits.RefreshEvery : Now, LaneCall.Read) };
        foreach (var (what, at) in await listings.NextAsync(turn.Channel.Id, cancel))
            next.Add(what switch
            {
                Urgency.Verify => at > Now ? Later(at, LaneCall.Read) : nextPoll < Later(Now, LaneCall.Read) + Shortest ? Later(Now, LaneCall.Read) : nextPoll,
                Urgency.Raise or Urgency.Stale => at < turn.ReadAt ? Later(at, LaneCall.Stock) : nextPoll > at ? nextPoll : at,
                _ => !turn.Adapter.Traits.ReadsBack && turn.ReadAt is null ? nextPoll : Later(at, LaneCall.Stock),
            });
        if (turn.NextProduct is { } product) next.Add(Later(product, LaneCall.Products));
        if (await telling.NextAsync(turn.Channel.Id, cancel) is { } told) next.Add(Later(told, LaneCall.Tell));
        return next.Min();
    }

    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    [LoggerMessage(EventId = 5011, Level = LogLevel.Warning, Message = "Channel {Channel}: calls of kind {Kind} are held back until {Until}: {Why}")]
    partial void LogHeldBack(string channel, string kind, DateTimeOffset until, string why);

    [LoggerMessage(EventId = 5013, Level = LogLevel.Debug, Message = "Channel {Channel}: calls of kind {Kind} wait for its limit until {Until}: {Why}")]
    partial void LogLimited(string channel, string kind, DateTimeOffset until, string why);

    [LoggerMessage(EventId = 5012, Level = LogLevel.Error, Message = "Channel {Channel}: a call of kind {Kind} ended in a fault of ours")]
    partial void LogNotUnderstood(Exception failure, string channel, string kind);
}

/// <summary>A run of a lane: whose, and what it knows so far.</summary>
public sealed class LaneTurn(Channel channel, ChannelAdapter adapter, ChannelAccount account, string run, TimeProvider time)
{
    public Channel Channel { get; } = channel;
    public ChannelAdapter Adapter { get; } = adapter;
    public ChannelAccount Account { get; } = account;
    public string Run { get; } = run;
    public required LaneState State { get; set; }
    public required LaneHour Done { get; init; }

    /// <summary>What the channel had sold by then, by our clock, is taken in.</summary>
    public DateTimeOffset? ReadAt { get; set; }
    public DateTimeOffset? PolledAt { get; set; }
    public bool TriedPoll { get; set; }

    /// <summary>Calls that were made.</summary>
    public int Calls { get; set; }

    /// <summary>When product data is to be sent next.</summary>
    public DateTimeOffset? NextProduct { get; set; }

    /// <summary>The channel takes units off its own number when it sells.</summary>
    public bool Decrements => Channel.Takes(Adapter.Traits);
    public bool MayPoll => !TriedPoll && !IsBlocked(LaneCall.Orders) && (PolledAt is null || PolledAt + Adapter.Traits.PollEvery <= time.GetUtcNow());
    public bool IsBlocked(string kind) => State.Blocked.GetValueOrDefault(kind)?.Until > time.GetUtcNow();
}
