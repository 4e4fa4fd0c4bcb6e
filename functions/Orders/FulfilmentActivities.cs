using Microsoft.Azure.Cosmos;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Functions.Orders;

/// <summary>The activities of <see cref="FulfilmentOrchestration"/>, named by what they do.</summary>
public sealed class FulfilmentActivities(Fulfilment fulfilment, Precedence precedence)
{
    /// <inheritdoc cref="FulfilmentDo.Look"/>
    [Function("FulfilmentLook")]
    public Task<FulfilmentStep> Look([ActivityTrigger] FulfilmentRun run) => DoAsync(run, FulfilmentDo.Look);

    /// <inheritdoc cref="FulfilmentDo.Align"/>
    [Function("FulfilmentAlign")]
    public Task<FulfilmentStep> Align([ActivityTrigger] FulfilmentRun run) => DoAsync(run, FulfilmentDo.Align);

    /// <inheritdoc cref="FulfilmentDo.Settle"/>
    [Function("FulfilmentSettle")]
    public Task<FulfilmentStep> Settle([ActivityTrigger] FulfilmentRun run) => DoAsync(run, FulfilmentDo.Settle);

    /// <inheritdoc cref="FulfilmentDo.Reroute"/>
    [Function("FulfilmentReroute")]
    public Task<FulfilmentStep> Reroute([ActivityTrigger] FulfilmentRun run) => DoAsync(run, FulfilmentDo.Reroute);

    /// <inheritdoc cref="FulfilmentDo.Cancel"/>
    [Function("FulfilmentCancel")]
    public Task<FulfilmentStep> Cancel([ActivityTrigger] FulfilmentRun run) => DoAsync(run, FulfilmentDo.Cancel);

    /// <inheritdoc cref="FulfilmentDo.CallOff"/>
    [Function("FulfilmentCallOff")]
    public Task<FulfilmentStep> CallOff([ActivityTrigger] FulfilmentRun run) => DoAsync(run, FulfilmentDo.CallOff);

    /// <summary>Parks the delivery of a step that failed for good.</summary>
    [Function("FulfilmentPark")]
    public Task Park([ActivityTrigger] FulfilmentFailure failure) => fulfilment.ParkAsync(failure.Run, failure.Step, failure.Error);

    // A store that is away is told apart from what no repetition heals: the orchestrator knows the type of a failure, not its status.
    async Task<FulfilmentStep> DoAsync(FulfilmentRun run, FulfilmentDo what)
    {
        try
        {
            using var turn = await precedence.TurnAsync();
            return await fulfilment.DoAsync(run, what);
        }
        catch (ProblemException busy) when (busy.Status == 503)
        {
            throw new TimeoutException(busy.Message, busy);
        }
        catch (CosmosException passing) when (passing.StatusCode.IsPassing())
        {
            throw new TimeoutException(passing.Message, passing);
        }
        catch (Exception unreached) when (unreached is HttpRequestException or OperationCanceledException)
        {
            throw new TimeoutException(unreached.Message, unreached);
        }
    }
}
