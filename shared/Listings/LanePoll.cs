using Microsoft.Extensions.Logging;
using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Inbound;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>
/// Reads what a channel sold (design, section 5): every change since the watermark, less an overlap for what the channel shows late, the earliest first. An order that is known
/// in this state costs one read. Where the run ends early, the watermark stands at what was done, and the next run goes on. The first begins with its own time.
/// </summary>
public sealed partial class LanePoll(Watermarks watermarks, Intake intake, OrderStore orders, Telling telling, InboundArchive archive, ExceptionCases exceptions, TimeProvider time, ILogger<LanePoll> log)
{
    const int Together = 16;
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    /// <summary>One run. Answers up to when, by our clock, what was sold is taken in; null: nobody knows yet.</summary>
    /// <exception cref="ChannelCallException">It ended early; what was read is kept.</exception>
    public async Task<DateTimeOffset?> RunAsync(LaneTurn turn, CancellationToken cancel)
    {
        var began = Now;
        var (before, etag) = await watermarks.ReadAsync(turn.Channel.Id);
        var (done, read, pending) = (before.Until, 0, 0);
        try
        {
            var some = new List<ChannelOrder>(Together);
            await foreach (var order in turn.Adapter.OrdersAsync(turn.Account, before.Until - turn.Adapter.Traits.Overlap, cancel))
            {
                some.Add(order);
                if (some.Count == Together) await TakeAsync();
            }
            await TakeAsync();
            // An order whose units are not claimed yet may still be sold once more: what is shown is not raised past it.
            var readAt = pending > 0 ? before.ReadAt : began - turn.Adapter.Traits.OrdersVisibleAfter;
            await watermarks.MoveAsync(before with { Until = done, PolledAt = Now, ReadAt = readAt }, etag);
            turn.Done.Count("polls");
            if (read > 0) turn.Done.Count("orders", read);
            return readAt;

            async Task TakeAsync()
            {
                // One order's states one after another, different orders side by side.
                await Task.WhenAll(some.GroupBy(order => order.Draft.ExternalId, StringComparer.Ordinal).Select(async states =>
                {
                    foreach (var state in states)
                    {
                        var (isNew, isPending) = await TakeInAsync(turn, state);
                        if (isNew) Interlocked.Increment(ref read);
                        if (isPending) Interlocked.Increment(ref pending);
                    }
                }));
                foreach (var order in some) if (order.ChangedAt > done) done = InstantConverter.Cut(order.ChangedAt);
                some.Clear();
            }
        }
        catch (Exception early)
        {
            if (done > before.Until || etag is null) await watermarks.MoveAsync(before with { Until = done }, etag);
            LogEndedEarly(turn.Channel.Id, read, early.Message);
            if (early is ChannelCallException || !DesiredNumbers.IsPassing(early)) throw;
            throw new ChannelCallException(CallFailure.Unanswered, $"The orders of '{turn.Channel.Id}' were not taken in: {early.Message}", null, early);
        }
    }

    // Whether it was news, and whether its units are not decided yet.
    async Task<(bool IsNew, bool IsPending)> TakeInAsync(LaneTurn turn, ChannelOrder read)
    {
        if (read.Known) return (false, false);
        var (channel, id) = (turn.Channel, Ids.Order(turn.Channel.Id, read.Draft.ExternalId));
        var record = new InboundRecord { At = Now, SentAt = read.ChangedAt, Channel = channel.Id, Kind = InboundKind.Poll, Topic = "orders", Order = id, Status = 200 };
        try
        {
            if (read.Unreadable is { } why) throw ProblemException.Invalid(why);
            var taken = await intake.UpdateAsync(channel, read.Draft with { ByMarketplace = read.ByMarketplace }, Patience);
            await telling.NoteAsync(channel, turn.Adapter.Traits, taken.Order, read);
            // Read again within the overlap: it is in the archive already.
            var pending = taken.Order.Intake is not null;
            if (taken.Repeat) return (false, pending);
            record = record with { Verdict = InboundVerdict.Accepted, Outcome = System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(taken.Order.Status.ToString()) };
            // Who was erased is not brought back by what the channel tells of the order later.
            if (taken.Heard is not Heard.New && (await orders.ReadPersonAsync(id))?.ErasedAt is not null) await archive.KeepAsync(record.Erased(record.At), default, channel);
            else await archive.KeepAsync(record, read.Raw, channel);
            return (true, pending);
        }
        catch (ProblemException unreadable) when (unreadable.Status is 400 or 413 or 422)
        {
            // One order that nobody can take in does not hold up the others.
            await archive.KeepAsync(record with { Verdict = InboundVerdict.Refused, Status = unreadable.Status, Outcome = unreadable.Type, Detail = unreadable.Message }, read.Raw, channel);
            await exceptions.OpenAsync(new ExceptionCase
            {
                Id = Ids.Join(["order", "unreadable", channel.Id, read.Draft.ExternalId]), Kind = "orderUnreadable", Channel = channel.Id, Order = id,
                Detail = $"Order {read.Draft.ExternalId} of {channel.Id} cannot be taken in: {unreadable.Message}",
            });
            return (false, false);
        }
    }

    [LoggerMessage(EventId = 5021, Level = LogLevel.Warning, Message = "Channel {Channel}: the poll ended early after {Orders} orders, the next one goes on: {Why}")]
    partial void LogEndedEarly(string channel, int orders, string why);
}
