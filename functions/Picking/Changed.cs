using Microsoft.Extensions.Logging;
using Selvedge.Orders;
using Selvedge.Picking;
using Selvedge.Transfers;

namespace Selvedge.Functions.Picking;

/// <summary>Tells an order's orchestration to look again. The facts are on the ticket already, and a sweeper tells again what was not seen: so a failure is logged and nothing else.</summary>
static partial class Changed
{
    /// <summary>The event's name; it has no content.</summary>
    public const string Event = "Changed";

    /// <summary>Raises the event for the ticket's delivery; a transfer has no orchestration, it looks at once.</summary>
    public static async Task RaiseAsync(DurableTaskClient client, TransferDesk transfers, PickTicket ticket, ILogger log)
    {
        if (ticket.Transfer is { } transfer)
        {
            await transfers.TryLookAsync(transfer);
            return;
        }
        try
        {
            await client.RaiseEventAsync(Delivery.Instance(ticket.Order, ticket.Delivery, ticket.Run), Event);
        }
        catch (Exception failure)
        {
            LogUntold(log, failure, ticket.Id);
        }
    }

    [LoggerMessage(EventId = 4001, Level = LogLevel.Warning, Message = "The order of pick {Pick} was not told of a change; it is told again later")]
    static partial void LogUntold(ILogger log, Exception failure, string pick);
}
