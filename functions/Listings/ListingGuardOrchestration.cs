using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Logging;
using Selvedge.Listings;
using Selvedge.Platform;

namespace Selvedge.Functions.Listings;

/// <summary>
/// The orchestration of one paused listing (design, section 5): it is there while the listing is paused, and the only one that resumes it. It holds no facts: an activity looks,
/// decides and writes by ETag; in between it waits to be told, an hour at most. What it does by version 1 is recorded in tests/Integration/Listings/Histories.
/// </summary>
public static class ListingGuardOrchestration
{
    public const string Name = "ListingGuard";

    /// <summary>The event that says "look again".</summary>
    public const string Changed = "Changed";

    /// <summary>Turns until it begins anew, so that its history stays short.</summary>
    const int Turns = 20;
    static readonly TimeSpan Outage = TimeSpan.FromMinutes(2), Shortest = TimeSpan.FromSeconds(1);
    static readonly TaskOptions Tries = TaskOptions.FromRetryPolicy(new RetryPolicy(5, TimeSpan.FromSeconds(1), 2.0, TimeSpan.FromSeconds(30)));

    /// <summary>One execution.</summary>
    [Function(Name)]
    public static async Task Run([OrchestrationTrigger] TaskOrchestrationContext context)
    {
        var run = context.GetInput<GuardRun>()!;
        for (var turn = 0; turn < Turns; turn++)
        {
            GuardStep step;
            try
            {
                step = await context.CallActivityAsync<GuardStep>(Name + "Look", run, Tries);
            }
            catch (TaskFailedException)
            {
                // Nothing here needs a person: while it cannot look, the listing stays paused.
                step = new(false, new DateTimeOffset(context.CurrentUtcDateTime, TimeSpan.Zero) + Outage);
            }
            if (step.End) return;
            await WaitAsync(context, step.Until);
        }
        context.ContinueAsNew(run);
    }

    static async Task WaitAsync(TaskOrchestrationContext context, DateTimeOffset? until)
    {
        var wait = until is { } at ? at.UtcDateTime - context.CurrentUtcDateTime : Outage;
        try
        {
            await context.WaitForExternalEvent<object>(Changed, wait > Shortest ? wait : Shortest);
        }
        catch (TaskCanceledException)
        {
            // Nobody said anything: looked at all the same.
        }
    }
}

/// <summary>What guards do, and the sweep that finds those that were lost.</summary>
public sealed partial class ListingGuardFunctions(ListingGuards guards, ListingStore listings, TimeProvider time, ILogger<ListingGuardFunctions> log)
{
    const int Width = 8;

    /// <summary>A guard that has not looked for so long is started again, under the same id.</summary>
    static readonly TimeSpan Unseen = TimeSpan.FromMinutes(70), NotBegun = TimeSpan.FromSeconds(20);

    /// <inheritdoc cref="ListingGuards.LookAsync"/>
    [Function("ListingGuardLook")]
    public async Task<GuardStep> Look([ActivityTrigger] GuardRun run)
    {
        try
        {
            return await guards.LookAsync(run);
        }
        catch (CosmosException passing) when (passing.StatusCode.IsPassing())
        {
            throw new TimeoutException(passing.Message, passing);
        }
    }

    /// <summary>Finds guards that nobody started, or that were lost.</summary>
    [Function("ListingGuardSweep")]
    public async Task Sweep([TimerTrigger("40 * * * * *")] TimerInfo timer, [DurableClient] DurableTaskClient client, FunctionContext context)
    {
        var now = time.GetUtcNow();
        string? continuation = null;
        do
        {
            var page = await listings.ListAsync(null, null, ListingStatus.Paused, null, 500, continuation);
            await EachAsync([.. page.Items.Where(listing => listing.Guard is { } guard && (guard.SeenAt is { } seen ? seen < now - Unseen : guard.At < now - NotBegun)).Select(listing => new GuardRun(listing.Channel, listing.Id, listing.Guard!.Run))],
                run => BeginAsync(client, run), context.CancellationToken);
            continuation = page.Continuation;
        }
        while (continuation is not null);
    }

    /// <summary>Starts a guard, or tells the one that is there to look.</summary>
    public static async Task BeginAsync(DurableTaskClient client, GuardRun run)
    {
        if (await client.GetInstanceAsync(run.Instance()) is { IsCompleted: false })
        {
            try { await client.RaiseEventAsync(run.Instance(), ListingGuardOrchestration.Changed); }
            catch (Exception untold) when (untold is not OutOfMemoryException)
            {
                // It ended in between: there is nothing to tell.
            }
            return;
        }
        // One that ended although the listing still names it was lost: the same id may be begun again, as it holds no facts.
        try { await client.ScheduleNewOrchestrationInstanceAsync(ListingGuardOrchestration.Name, run, new StartOrchestrationOptions(run.Instance())); }
        catch (OrchestrationAlreadyExistsException)
        {
            // Somebody else started it.
        }
    }

    async Task EachAsync(IReadOnlyList<GuardRun> all, Func<GuardRun, Task> act, CancellationToken cancel) =>
        await Parallel.ForEachAsync(all, new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = cancel }, async (run, _) =>
        {
            try
            {
                await act(run);
            }
            catch (Exception failure)
            {
                LogLeft(failure, run.Listing, run.Channel);
            }
        });

    [LoggerMessage(EventId = 5061, Level = LogLevel.Warning, Message = "The guard of {Listing} on {Channel} is left for the next sweep")]
    partial void LogLeft(Exception failure, string listing, string channel);
}
