using Microsoft.Extensions.Logging;
using Selvedge.Orders;

namespace Selvedge.Functions.Orders;

/// <summary>What finishes orders that a crash, a slow store or a lost answer left behind, and lets go of holds whose time is up.</summary>
public sealed partial class OrderTimers(Intake intake, OrderStore orders, HoldExpiry holds, OrderProgress progress, TimeProvider time, ILogger<OrderTimers> log)
{
    const int Most = 2_000, Width = 8;

    /// <summary>Takes over every order whose intake is due, each by its ETag, so that several instances may run this.</summary>
    [Function("IntakeSweeper")]
    public async Task SweepIntake([TimerTrigger("*/10 * * * * *")] TimerInfo timer, FunctionContext context)
    {
        var due = await orders.DueAsync(time.GetUtcNow(), Most);
        await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = context.CancellationToken }, async (id, _) =>
        {
            try
            {
                await intake.FinishAsync(id);
            }
            catch (Exception failure)
            {
                LogLeft(failure, id);
            }
        });
    }

    /// <summary>Releases holds and tentative claims that have lapsed.</summary>
    [Function("HoldExpiry")]
    public async Task ExpireHolds([TimerTrigger("*/5 * * * * *")] TimerInfo timer, FunctionContext context)
    {
        var released = await holds.RunAsync(context.CancellationToken);
        if (released > 0) LogReleased(released);
    }

    /// <summary>Brings orders up to what the ledger served since they were decided.</summary>
    [Function("OrderProgress")]
    public async Task FollowLedger([TimerTrigger("*/15 * * * * *")] TimerInfo timer, FunctionContext context)
    {
        var changed = await progress.RunAsync(context.CancellationToken);
        if (changed > 0) LogProgressed(changed);
    }

    /// <summary>Claims what the catalogue has learnt since, and closes exceptions that are no longer true.</summary>
    [Function("OrderReview")]
    public async Task ReviewExceptions([TimerTrigger("30 * * * * *")] TimerInfo timer, FunctionContext context)
    {
        var resolved = await progress.ReviewAsync(context.CancellationToken);
        if (resolved > 0) LogReviewed(resolved);
    }

    [LoggerMessage(EventId = 3023, Level = LogLevel.Information, Message = "{Orders} orders were brought up to the ledger")]
    partial void LogProgressed(int orders);

    [LoggerMessage(EventId = 3024, Level = LogLevel.Information, Message = "{Cases} exceptions are no longer true and were resolved")]
    partial void LogReviewed(int cases);

    [LoggerMessage(EventId = 3021, Level = LogLevel.Warning, Message = "Order {Order} is left for the next sweep")]
    partial void LogLeft(Exception failure, string order);

    [LoggerMessage(EventId = 3022, Level = LogLevel.Information, Message = "{Claims} claims lapsed and were released")]
    partial void LogReleased(int claims);
}
