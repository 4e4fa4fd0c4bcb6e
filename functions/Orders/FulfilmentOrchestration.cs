using Selvedge.Orders;

namespace Selvedge.Functions.Orders;

/// <summary>
/// The orchestration of one delivery (design, section 4). It holds no facts: an activity reads what is on documents and in the ledger, decides and acts, and answers
/// what comes next; otherwise it waits to be told that something changed, an hour at most. What it does by version 1 is recorded in tests/Integration/Orders/Histories.
/// </summary>
public static class FulfilmentOrchestration
{
    public const string Name = "Fulfilment";

    /// <summary>The event that says "look again".</summary>
    public const string Changed = "Changed";

    /// <summary>Turns until it begins anew, so that its history stays short.</summary>
    const int Turns = 20;
    static readonly TimeSpan Outage = TimeSpan.FromMinutes(2), Shortest = TimeSpan.FromSeconds(1);
    static readonly TaskOptions Tries = TaskOptions.FromRetryPolicy(new RetryPolicy(5, TimeSpan.FromSeconds(1), 2.0, TimeSpan.FromSeconds(30)));
    static readonly TaskOptions Patiently = TaskOptions.FromRetryPolicy(new RetryPolicy(1_000, TimeSpan.FromSeconds(2), 2.0, TimeSpan.FromMinutes(5)));

    /// <summary>One execution.</summary>
    [Function(Name)]
    public static async Task Run([OrchestrationTrigger] TaskOrchestrationContext context)
    {
        var run = context.GetInput<FulfilmentRun>()!;
        // Nearly always first; where it is not, the activity answers what is.
        var next = FulfilmentDo.Align;
        for (var turn = 0; turn < Turns; turn++)
        {
            FulfilmentStep step;
            try
            {
                step = await context.CallActivityAsync<FulfilmentStep>(Name + next, run, Tries);
            }
            catch (TaskFailedException failed)
            {
                // A store that does not answer comes back by itself; anything else needs a person.
                if (!failed.FailureDetails.IsCausedBy<TimeoutException>()) await context.CallActivityAsync(Name + "Park", new FulfilmentFailure(run, next, failed.FailureDetails.ErrorMessage), Patiently);
                step = new(FulfilmentDo.Wait, new DateTimeOffset(context.CurrentUtcDateTime, TimeSpan.Zero) + Outage);
            }
            if (step.Do is FulfilmentDo.End) return;
            next = step.Do;
            if (next is not FulfilmentDo.Wait) continue;
            await WaitAsync(context, step.Until);
            // What changed is mostly that something left.
            next = FulfilmentDo.Settle;
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

/// <summary>A step that failed for good.</summary>
public sealed record FulfilmentFailure(FulfilmentRun Run, FulfilmentDo Step, string Error);
