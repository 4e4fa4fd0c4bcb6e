using Microsoft.Extensions.Logging;
using Selvedge.Channels;
using Selvedge.Channels.Shopify;

namespace Selvedge.Functions.Channels;

/// <summary>What makes good what webhooks leave out. Channels without an API of their own are left alone.</summary>
public sealed partial class ShopifyTimers(SalesChannels channels, ChannelAdapters adapters, ShopifyPoll poll, ShopifySubscriptions subscriptions, ILogger<ShopifyTimers> log)
{
    /// <summary>Reads orders whose webhooks were lost or are late, where no lane does.</summary>
    [Function("ShopifyPoll")]
    public Task Poll([TimerTrigger("20 * * * * *")] TimerInfo timer, FunctionContext context) =>
        EachAsync(context, channel => adapters.Find(channel) is null ? poll.RunAsync(channel, context.CancellationToken) : Task.CompletedTask);

    /// <summary>Sees to it that every webhook is sent here.</summary>
    [Function("ShopifySubscriptions")]
    public Task Subscribe([TimerTrigger("50 */15 * * * *")] TimerInfo timer, FunctionContext context) =>
        EachAsync(context, channel => subscriptions.CheckAsync(channel, context.CancellationToken));

    // One shop's failure is not another's.
    async Task EachAsync(FunctionContext context, Func<Channel, Task> work)
    {
        var shops = (await channels.ListAsync(context.CancellationToken)).Where(channel => channel.Is == "shopify");
        await Parallel.ForEachAsync(shops, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = context.CancellationToken }, async (channel, _) =>
        {
            try
            {
                await work(channel);
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                LogFailed(failure, channel.Id);
            }
        });
    }

    [LoggerMessage(EventId = 3111, Level = LogLevel.Error, Message = "Channel {Channel}: its shop could not be asked; the next run tries again")]
    partial void LogFailed(Exception failure, string channel);
}
