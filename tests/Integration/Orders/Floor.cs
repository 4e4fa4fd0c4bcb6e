using Microsoft.Extensions.DependencyInjection;
using Selvedge.Functions.Orders;
using Selvedge.Ledger;
using Selvedge.Local.Durable;
using Selvedge.Local.ServiceBus;
using Selvedge.Orders;
using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Orders;

/// <summary>People on the floor of a running app, and what of its insides a test looks at.</summary>
public sealed class Floor(AppInstance app)
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public T Get<T>() where T : notnull => app.Services.GetRequiredService<T>();
    internal DurableTaskClient Durable => Get<LocalDurableClient>();
    public ServiceBusClient Bus => Get<ServiceBusClient>();

    public async Task<Order> OrderAsync(string id) => (await Get<OrderStore>().ReadAsync(id))!;

    /// <summary>The tickets of the order that are still there.</summary>
    public async Task<IReadOnlyList<PickTicket>> TicketsAsync(string id) => await Get<Fulfilment>().TicketsAsync(await OrderAsync(id));

    /// <summary>The order once it is as wanted.</summary>
    public async Task<Order> WhenAsync(string id, Func<Order, bool> wanted, ProblemException? last = null)
    {
        var until = TimeProvider.System.GetTimestamp();
        for (var order = await OrderAsync(id); ; order = await OrderAsync(id))
        {
            if (wanted(order)) return order;
            if (TimeProvider.System.GetElapsedTime(until) > Patience) Assert.Fail($"{id} stays {order.Status}: {System.Text.Json.JsonSerializer.Serialize(order, Json.Options)}\n{string.Join('\n', (await TicketsAsync(id)).Select(ticket => $"{ticket.Id} {ticket.Status} run {ticket.Run}{(ticket.OnHold is { } why ? $" on hold ({why})" : "")}{(ticket.Attention is { } at ? $" to be looked at {at:O}" : "")}: {string.Join(", ", ticket.Lines)}"))}\n{last?.Type}: {last?.Message}");
            await Task.Delay(10, Cancel);
        }
    }

    public Task<Order> WhenAsync(string id, OrderStatus status) => WhenAsync(id, order => order.Status == status && order.Intake is null);

    /// <summary>The order's tickets once they are as wanted.</summary>
    public async Task<IReadOnlyList<PickTicket>> WhenTicketsAsync(string id, Func<IReadOnlyList<PickTicket>, bool> wanted)
    {
        IReadOnlyList<PickTicket> tickets = [];
        await WhenAsync(id, _ => wanted(tickets = TicketsAsync(id).GetAwaiter().GetResult()));
        return tickets;
    }

    /// <summary>The order's tickets that somebody has to work on, once there is one.</summary>
    public async Task<IReadOnlyList<PickTicket>> LiveAsync(string id) => [.. (await WhenTicketsAsync(id, all => all.Any(ticket => FulfilmentRules.IsLive(ticket) && ticket.Left > 0))).Where(FulfilmentRules.IsLive)];

    /// <summary>Scans what is left of a ticket, of each line <paramref name="most"/> units.</summary>
    /// <exception cref="ProblemException">409 as at the shelf.</exception>
    public async Task<PickTicket> PickAsync(PickTicket ticket, long most = long.MaxValue)
    {
        foreach (var line in ticket.Lines.Where(line => line.Left > 0))
            ticket = (await Get<Scanning>().PickAsync(ticket, new($"{line.Line}-{line.Picked}-{line.Quantity}", line.Sku, Math.Min(most, line.Left), ""), "picker")).Ticket;
        return ticket;
    }

    /// <summary>Looks at every order and ticket whose date has passed, as the app's timers do.</summary>
    public async Task SweepAsync()
    {
        var starter = ActivatorUtilities.CreateInstance<FulfilmentStarter>(app.Services);
        await starter.SweepDueAsync(Durable, Cancel);
        await starter.SweepUnseenAsync(Durable, Cancel);
    }

    /// <summary>Hands a picked ticket to the carrier.</summary>
    public async Task ShipAsync(PickTicket ticket) => await TellAsync((await Get<Shipping>().ShipAsync(ticket, new("AusPost", "T-" + ticket.Id, null, null), "packer")).Ticket);

    /// <summary>Says with whom a picked ticket leaves, and is cut off: too late to call it off.</summary>
    public async Task<PickTicket> HandOverAsync(PickTicket ticket) => (await Get<PickTickets>().ChangeAsync(ticket.Id, now => now with
    {
        Status = TicketStatus.Shipping, Consignment = new("AusPost", "T-" + now.Id, null, DateTimeOffset.UtcNow, "packer"), Lines = [.. now.Lines.Select(line => line with { Shipped = line.Picked })],
    }))!;

    /// <summary>Tells the ledger, the ticket and the order that it left.</summary>
    public async Task LeaveAsync(PickTicket leaving) => await TellAsync(await Get<Shipping>().FinishAsync(leaving));

    /// <summary>Does not find units of a ticket's first line.</summary>
    public async Task ShortAsync(PickTicket ticket, long units = 1)
    {
        var line = ticket.Lines.First(line => line.Left > 0);
        await TellAsync((await Get<ShortPicks>().TakeAsync(ticket, $"short-{line.Line}-{line.Short}", line.Sku, line.Line, units, ShortReason.NotFound, null, "picker")).Ticket);
    }

    /// <summary>Says that something changed.</summary>
    public Task TellAsync(PickTicket ticket) => Durable.RaiseEventAsync(Delivery.Instance(ticket.Order, ticket.Delivery, ticket.Run), FulfilmentOrchestration.Changed, Cancel);

    /// <summary>Picks and ships whatever is to be picked of the order until some of it left and it is as wanted.</summary>
    public Task<Order> SendAsync(string id, OrderStatus until = OrderStatus.Shipped) => SendAsync(id, order => order.Status == until && order.Lines.Any(line => line.Shipped > 0));

    /// <summary>Picks and ships whatever is to be picked of the order until it is as wanted.</summary>
    public async Task<Order> SendAsync(string id, Func<Order, bool> until)
    {
        var from = TimeProvider.System.GetTimestamp();
        ProblemException? last = null;
        while (true)
        {
            foreach (var ticket in await TicketsAsync(id))
            {
                // What changes in the same moment is seen when it is looked at again.
                try
                {
                    if (ticket.Status is TicketStatus.Shipping) await LeaveAsync(ticket);
                    else if (FulfilmentRules.IsLive(ticket)) await ShipAsync(await PickAsync(ticket));
                }
                catch (ProblemException refused) when (refused.Status == 409) { last = refused; }
            }
            var order = await OrderAsync(id);
            if (order.Intake is null && until(order)) return order;
            if (TimeProvider.System.GetElapsedTime(from) > Patience) return await WhenAsync(id, order => order.Intake is null && until(order), last);
            await Task.Delay(5, Cancel);
        }
    }

    /// <summary>Units of a SKU held, staged and waiting in the ledger, and differences an audit finds.</summary>
    public async Task<(long Held, long Staged, long Short)> ClaimedAsync(string sku)
    {
        Assert.Empty((await Get<Audits>().AuditAsync(sku, fromScratch: true)).Differences);
        var balance = await Get<LedgerReads>().BalanceAsync(sku, Cancel);
        return (balance!.Locations.Values.Sum(at => at.Held), balance.Locations.Values.Sum(at => at.Staged), balance.Short);
    }
}
