using Microsoft.Extensions.Logging;
using Selvedge.Inbound;

namespace Selvedge.Functions.Inbound;

/// <summary>What keeps the archive within its time.</summary>
public sealed partial class InboundTimers(InboundRetention retention, ILogger<InboundTimers> log)
{
    /// <summary>Deletes messages whose time is up.</summary>
    [Function("InboundRetention")]
    public async Task Retain([TimerTrigger("0 20 * * * *")] TimerInfo timer, FunctionContext context)
    {
        if (await retention.RunAsync(context.CancellationToken) is > 0 and var deleted) LogDeleted(deleted);
    }

    [LoggerMessage(EventId = 4021, Level = LogLevel.Information, Message = "{Objects} objects of the inbound archive were deleted: their time was up")]
    partial void LogDeleted(int objects);
}
