using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Selvedge.Exceptions;
using Selvedge.Orders;
using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Functions.Orders;

/// <summary>What a message on queue <c>orders</c> says: look at this order. <see cref="Changed"/>: its claims changed although its document did not.</summary>
public sealed record OrderMessage(string OrderId, bool Changed = false);

/// <summary>
/// Starts and watches the orchestrations of deliveries: what the queue says, what is due by date, what was not seen, what was lost. Messages are wake-ups and
/// never facts: one that comes twice, late or not at all changes nothing but the time it takes.
/// </summary>
public sealed partial class FulfilmentStarter(FulfilmentStart start, Fulfilment fulfilment, Precedence precedence, OrderStore orders, PickTickets tickets, IConfiguration configuration, TimeProvider time, ILogger<FulfilmentStarter> log)
{
    const int Most = 2_000, Width = 8;

    /// <summary>How long the queue has before an order is begun by its date.</summary>
    static readonly TimeSpan Grace = TimeSpan.FromSeconds(20);

    /// <summary>Looks at the order of a message. One that names none is dead-lettered at once; one that fails comes again, and is dead-lettered after ten times.</summary>
    [Function("StartFulfilment")]
    public async Task Start([ServiceBusTrigger(OrderQueue.Name, Connection = "ServiceBus", AutoCompleteMessages = false)] ServiceBusReceivedMessage message, ServiceBusMessageActions actions, [DurableClient] DurableTaskClient client)
    {
        if (Read(message) is not { } asked) await actions.DeadLetterMessageAsync(message, deadLetterReason: "unreadable", deadLetterErrorDescription: "Expected {\"orderId\":\"…\"}.");
        else if (await LookAsync(client, asked.OrderId, hurried: true, asked.Changed)) await actions.CompleteMessageAsync(message);
        else await actions.DeadLetterMessageAsync(message, deadLetterReason: "unknown-order", deadLetterErrorDescription: $"There is no order '{asked.OrderId}'.");
    }

    /// <summary>Looks at the orders whose date has passed: what the queue lost, deliveries that are due today, changes and starts that nobody confirmed.</summary>
    [Function("FulfilmentDue")]
    public Task SweepDue([TimerTrigger("*/10 * * * * *")] TimerInfo timer, FunctionContext context, [DurableClient] DurableTaskClient client) => SweepDueAsync(client, context.CancellationToken);

    internal async Task SweepDueAsync(DurableTaskClient client, CancellationToken cancel) =>
        await EachAsync(await orders.FulfilDueAsync(time.GetUtcNow() - Grace, Most), id => id, id => LookAsync(client, id, hurried: false), cancel);

    /// <summary>Tells again what happened to a pick ticket and was not seen; an orchestration that is gone is begun again.</summary>
    [Function("FulfilmentUnseen")]
    public Task SweepUnseen([TimerTrigger("5,20,35,50 * * * * *")] TimerInfo timer, FunctionContext context, [DurableClient] DurableTaskClient client) => SweepUnseenAsync(client, context.CancellationToken);

    internal async Task SweepUnseenAsync(DurableTaskClient client, CancellationToken cancel) =>
        await EachAsync(await tickets.UnseenAsync(time.GetUtcNow(), Most), ticket => ticket.Order, async ticket =>
        {
            if (await fulfilment.WaitsForAsync(ticket) is { } run) await CheckAsync(client, run);
        }, cancel);

    /// <summary>Forgets orchestrations that ended: those that began more than <c>Fulfilment:KeptHours</c> (24) ago.</summary>
    [Function("FulfilmentPurge")]
    public async Task Purge([TimerTrigger("0 20 * * * *")] TimerInfo timer, [DurableClient] DurableTaskClient client)
    {
        var before = time.GetUtcNow() - TimeSpan.FromHours(configuration.GetValue("Fulfilment:KeptHours", 24.0));
        var purged = await client.PurgeAllInstancesAsync(new PurgeInstancesFilter(null, before, [OrchestrationRuntimeStatus.Completed, OrchestrationRuntimeStatus.Failed, OrchestrationRuntimeStatus.Terminated]));
        if (purged.PurgedInstanceCount > 0) LogPurged(purged.PurgedInstanceCount);
    }

    /// <summary>Tells an orchestration that something changed; it is there or it is not. The facts are written already and are told again, so what fails here fails nobody.</summary>
    public static async Task TellAsync(DurableTaskClient client, FulfilmentRun run)
    {
        try
        {
            await client.RaiseEventAsync(run.Instance(), FulfilmentOrchestration.Changed);
        }
        catch (Exception untold) when (untold is not OutOfMemoryException)
        {
            // In Azure an instance that is not there, or has ended, makes this fail; a missed wake-up is found by its date.
        }
    }

    // False: there is no such order.
    async Task<bool> LookAsync(DurableTaskClient client, string id, bool hurried, bool changed = false)
    {
        using var turn = await precedence.TurnAsync();
        if (await start.LookAsync(id, hurried) is not { } found) return false;
        switch (found.What)
        {
            case Beginning.Start:
                await StartAsync(client, found.Run!);
                break;
            case Beginning.Tell:
                await TellAsync(client, found.Run!);
                break;
            case Beginning.Check:
                await CheckAsync(client, found.Run!);
                break;
            default:
                if (changed && found.Run is { } underWay) await TellAsync(client, underWay);
                break;
        }
        return true;
    }

    async Task CheckAsync(DurableTaskClient client, FulfilmentRun run)
    {
        var there = await client.GetInstanceAsync(run.Instance());
        var isNew = await start.IsNewAsync(run);
        if (there is { IsCompleted: false })
        {
            // One that has not begun is in a queue, and is told nothing by being told.
            if (!isNew) await TellAsync(client, run);
            await start.PutOffAsync(run);
        }
        // Never begun: the one who moved the order died before this.
        else if (there is null && isNew) await StartAsync(client, run);
        else if (await start.AgainAsync(run) is { } again)
        {
            LogAgain(run.Order, run.Delivery, again.Run);
            await StartAsync(client, again);
        }
    }

    static async Task StartAsync(DurableTaskClient client, FulfilmentRun run)
    {
        try
        {
            await client.ScheduleNewOrchestrationInstanceAsync(FulfilmentOrchestration.Name, run, new StartOrchestrationOptions(run.Instance())
            {
                DedupeStatuses = [.. Enum.GetNames<OrchestrationRuntimeStatus>().Where(status => status is not (nameof(OrchestrationRuntimeStatus.ContinuedAsNew)))],
            });
        }
        catch (OrchestrationAlreadyExistsException)
        {
            // Somebody else started it.
        }
    }

    async Task EachAsync<T>(IReadOnlyList<T> all, Func<T, string> order, Func<T, Task> act, CancellationToken cancel) =>
        await Parallel.ForEachAsync(all, new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = cancel }, async (one, _) =>
        {
            try
            {
                await act(one);
            }
            catch (Exception failure)
            {
                LogLeft(failure, order(one));
            }
        });

    static OrderMessage? Read(ServiceBusReceivedMessage message)
    {
        try
        {
            return JsonSerializer.Deserialize<OrderMessage>(message.Body.ToMemory().Span, Json.Options) is { OrderId: { Length: > 0 and <= Ids.CosmosLimit } } asked ? asked : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    [LoggerMessage(EventId = 3041, Level = LogLevel.Warning, Message = "Order {Order} is left for the next look at its fulfilment")]
    partial void LogLeft(Exception failure, string order);

    [LoggerMessage(EventId = 3042, Level = LogLevel.Warning, Message = "The orchestration of order {Order}, delivery {Delivery} was lost and is begun again as run {Run}")]
    partial void LogAgain(string order, int delivery, int run);

    [LoggerMessage(EventId = 3043, Level = LogLevel.Information, Message = "{Instances} ended orchestrations were purged")]
    partial void LogPurged(int instances);
}
