using Microsoft.Extensions.Logging;
using Selvedge.Picking;

namespace Selvedge.Functions.Picking;

/// <summary>What goes on with work that a crash cut off.</summary>
public sealed class PickTimers(Shipping shipping, Waves waves, ILogger<PickTimers> log)
{
    const int Most = 1_000;

    /// <summary>Tells the ledger of tickets that left and were not told of, and lets go of what half-planned waves took.</summary>
    [Function("PickSweeper")]
    public async Task SweepPicks([TimerTrigger("*/20 * * * * *")] TimerInfo timer, [DurableClient] DurableTaskClient client, FunctionContext context)
    {
        foreach (var ticket in await shipping.SweepAsync(Most, context.CancellationToken)) await Changed.RaiseAsync(client, ticket, log);
        await waves.SweepAsync(context.CancellationToken);
    }
}
