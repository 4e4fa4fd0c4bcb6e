using Microsoft.Extensions.Logging;
using Selvedge.Exceptions;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Channels.Shopify;

/// <summary>
/// Reads orders whose webhooks were lost or are late: every change since the watermark, less an overlap for what the shop shows late, the earliest first. An
/// order that is known in this state already costs one read here and none there. Where the run ends early (points used up, no answer), the watermark
/// stands at what was done, and the next run goes on. The first run begins with its own time: what was sold before is for an import.
/// </summary>
public sealed partial class ShopifyPoll(Watermarks watermarks, ShopifyApi api, ShopifyReads shop, Intake intake, OrderStore orders, ExceptionCases exceptions, TimeProvider time, ILogger<ShopifyPoll> log)
{
    /// <summary>How far back each run looks again.</summary>
    public static readonly TimeSpan Overlap = TimeSpan.FromMinutes(5);
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>One run for one channel; does nothing without its API. Answers how many orders were read.</summary>
    public async Task<int> RunAsync(Channel channel, CancellationToken cancel)
    {
        if (!api.Reaches(channel)) return 0;
        var (before, etag) = await watermarks.ReadAsync(channel.Id);
        var (done, read) = (before.Until, 0);
        try
        {
            await foreach (var glance in shop.ChangedAsync(channel, before.Until - Overlap, cancel))
            {
                if (await CatchUpAsync(channel, glance, cancel)) read++;
                if (glance.UpdatedAt > done) done = glance.UpdatedAt;
            }
            await watermarks.MoveAsync(before with { Until = done, PolledAt = InstantConverter.Cut(time.GetUtcNow()) }, etag);
        }
        catch (Exception early) when (early is ShopifyApiException or ProblemException { Status: 503 })
        {
            // The second that the run ended in may have more. The first run's time stands though it read nothing: what is sold from then on is not an import's.
            if (done > before.Until || etag is null) await watermarks.MoveAsync(before with { Until = done }, etag);
            LogEndedEarly(channel.Id, read, early.Message);
        }
        if (read > 0) LogRead(channel.Id, read);
        return read;
    }

    async Task<bool> CatchUpAsync(Channel channel, ShopifyGlance glance, CancellationToken cancel)
    {
        if (await orders.ReadAsync(Ids.Order(channel.Id, glance.Id)) is { } order && Knows(order, glance)) return false;
        try
        {
            if (await shop.OrderAsync(channel, glance.Id, cancel) is not { } draft) return false;
            await intake.UpdateAsync(channel, draft, Patience);
            return true;
        }
        catch (ProblemException unreadable) when (unreadable.Status is 400 or 413)
        {
            // One order that nobody can take in does not hold up the others.
            await exceptions.OpenAsync(new ExceptionCase
            {
                Id = Ids.Join(["order", "unreadable", channel.Id, glance.Id]), Kind = "orderUnreadable", Channel = channel.Id, Order = Ids.Order(channel.Id, glance.Id),
                Detail = $"Order {glance.Id} of {channel.Id} cannot be taken in: {unreadable.Message}",
            });
            return false;
        }
    }

    // The shop's clock shows seconds: a state of the same second may be an earlier one. As no units come back to an order but by an edit, one that was never
    // edited and has as many units as then is the same; so few orders are read again.
    internal static bool Knows(Order order, ShopifyGlance glance) => order is { Reread: null, Source: { } known } && (known.Covers(glance.UpdatedAt)
        || (known.UpdatedAt == glance.UpdatedAt && (order.Cancel is not null || (!glance.Edited && !glance.Cancelled && OrderChanges.CurrentUnits(order) == glance.Units))));

    [LoggerMessage(EventId = 3101, Level = LogLevel.Information, Message = "Channel {Channel}: {Orders} orders were read that webhooks had not told")]
    partial void LogRead(string channel, int orders);

    [LoggerMessage(EventId = 3102, Level = LogLevel.Warning, Message = "Channel {Channel}: the poll ended early after {Orders} orders, the next one goes on: {Why}")]
    partial void LogEndedEarly(string channel, int orders, string why);
}
