using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Selvedge.Picking;
using Selvedge.Transfers;

namespace Selvedge.Functions.Picking;

/// <summary>What goes on with work that a crash cut off.</summary>
public sealed class PickTimers(Shipping shipping, TransferDesk transfers, Waves waves, PickQueue queue, IConfiguration configuration, ILogger<PickTimers> log)
{
    const int Most = 1_000;

    /// <summary>Tells the ledger of tickets that left and were not told of, and lets go of what half-planned waves took.</summary>
    [Function("PickSweeper")]
    public async Task SweepPicks([TimerTrigger("*/20 * * * * *")] TimerInfo timer, [DurableClient] DurableTaskClient client, FunctionContext context)
    {
        foreach (var ticket in await shipping.SweepAsync(Most, context.CancellationToken)) await Changed.RaiseAsync(client, transfers, ticket, log);
        await waves.SweepAsync(context.CancellationToken);
    }

    /// <summary>Puts tickets and waves back into the queue whose picker walked away: nothing was scanned for <c>Picking:IdleMinutes</c> (60).</summary>
    [Function("PickIdle")]
    public async Task ReleaseIdle([TimerTrigger("40 * * * * *")] TimerInfo timer, FunctionContext context)
    {
        var idle = TimeSpan.FromMinutes(configuration.GetValue("Picking:IdleMinutes", 60.0));
        await queue.ReleaseIdleAsync(idle, Most, context.CancellationToken);
        await waves.ReleaseIdleAsync(idle, Most, context.CancellationToken);
    }
}
