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
    public async Task<Order> WhenAsync(string id, Func<Order, bool> wanted)
    {
        var until = TimeProvider.System.GetTimestamp();
        for (var order = await OrderAsync(id); ; order = await OrderAsync(id))
        {
            if (wanted(order)) return order;
            if (TimeProvider.System.GetElapsedTime(until) > Patience) Assert.Fail($"{id} stays {order.Status}: {System.Text.Json.JsonSerializer.Serialize(order, Json.Options)}\n{string.Join('\n', (await TicketsAsync(id)).Select(ticket => $"{ticket.Id} {ticket.Status} run {ticket.Run}: {string.Join(", ", ticket.Lines)}"))}");
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

    /// <summary>Scans all that is left of a ticket.</summary>
    public async Task<PickTicket> PickAsync(PickTicket ticket, long most = long.MaxValue)
    {
        foreach (var line in ticket.Lines.Where(line => line.Left > 0))
            if ((await Get<InventoryLedger>().ExecuteAsync(new Pick { Sku = line.Sku, Order = ticket.Order, Line = line.Line, Location = ticket.Location, Quantity = Math.Min(most, line.Left), Ticket = ticket.Id, Scan = $"{line.Line}-{line.Picked}", Actor = "picker" })).Verdict is Verdict.Refused)
                throw ProblemException.Conflict("not-claimed", "Refused", ticket.Id);
        return (await Get<PickTickets>().ChangeAsync(ticket.Id, now => now with { Status = now.Lines.All(line => line.Left <= most) ? TicketStatus.Picked : TicketStatus.Picking, Lines = [.. now.Lines.Select(line => line with { Picked = line.Picked + Math.Min(most, line.Left) })] }))!;
    }

    /// <summary>Looks at every order and ticket whose date has passed, as the app's timers do.</summary>
    public async Task SweepAsync()
    {
        var starter = ActivatorUtilities.CreateInstance<FulfilmentStarter>(app.Services);
        await starter.SweepDueAsync(Durable, Cancel);
        await starter.SweepUnseenAsync(Durable, Cancel);
    }

    /// <summary>Hands a picked ticket to the carrier.</summary>
    public async Task ShipAsync(PickTicket ticket) => await LeaveAsync(await HandOverAsync(ticket));

    /// <summary>Says with whom a picked ticket leaves: too late to call it off.</summary>
    public async Task<PickTicket> HandOverAsync(PickTicket ticket)
    {
        var tickets = Get<PickTickets>();
        var leaving = (await tickets.ChangeAsync(ticket.Id, now => now.Status is TicketStatus.Picked ? now with { Status = TicketStatus.Shipping, Consignment = new("AusPost", "T-" + now.Id, null, DateTimeOffset.UtcNow, "packer"), Lines = [.. now.Lines.Select(line => line with { Shipped = line.Picked })] } : now))!;
        if (leaving.Status is not TicketStatus.Shipping) throw ProblemException.Conflict("not-packed", "Refused", $"{ticket.Id} is {leaving.Status}");
        return leaving;
    }

    /// <summary>Tells the ledger, the ticket and the order that it left.</summary>
    public async Task LeaveAsync(PickTicket leaving)
    {
        var (tickets, ticket) = (Get<PickTickets>(), leaving);
        foreach (var line in leaving.Lines.Where(line => line.Shipped > 0))
            await Get<InventoryLedger>().ExecuteAsync(new Ship { Sku = line.Sku, Order = ticket.Order, Line = line.Line, Location = ticket.Location, Quantity = line.Shipped, Shipment = ticket.Id, Actor = "packer" });
        var left = (await tickets.ChangeAsync(ticket.Id, now => now with { Status = TicketStatus.Shipped, Attention = DateTimeOffset.UtcNow.AddSeconds(30) }))!;
        await TellAsync(left);
    }

    /// <summary>Does not find what is left of a ticket's first line.</summary>
    public async Task ShortAsync(PickTicket ticket, long units = 1)
    {
        var line = ticket.Lines.First(line => line.Left > 0);
        var left = (await Get<PickTickets>().ChangeAsync(ticket.Id, now => now with
        {
            Status = now.Left == units ? TicketStatus.Picked : TicketStatus.Picking, Attention = DateTimeOffset.UtcNow.AddSeconds(30),
            Lines = [.. now.Lines.Select(one => one.Line == line.Line ? one with { Short = one.Short + units } : one)],
        }))!;
        await Get<InventoryLedger>().ExecuteAsync(new Post { Sku = line.Sku, Kind = PostKind.Relocate, From = Accounts.OnHand(ticket.Location), To = Accounts.OnHand(ticket.Location, "", "missing"), Quantity = units, Id = $"{ticket.Id}:short:{line.Line}:{line.Short}", Actor = "picker" });
        await TellAsync(left);
    }

    /// <summary>Says that something changed.</summary>
    public Task TellAsync(PickTicket ticket) => Durable.RaiseEventAsync(Delivery.Instance(ticket.Order, ticket.Delivery, ticket.Run), FulfilmentOrchestration.Changed, Cancel);

    /// <summary>Picks and ships whatever is to be picked of the order until it is as wanted.</summary>
    public async Task<Order> SendAsync(string id, OrderStatus until = OrderStatus.Shipped)
    {
        await WhenAsync(id, order =>
        {
            foreach (var ticket in TicketsAsync(id).GetAwaiter().GetResult().Where(ticket => ticket.Status is TicketStatus.Shipping)) LeaveAsync(ticket).GetAwaiter().GetResult();
            foreach (var ticket in TicketsAsync(id).GetAwaiter().GetResult().Where(FulfilmentRules.IsLive))
                ShipAsync(PickAsync(ticket).GetAwaiter().GetResult()).GetAwaiter().GetResult();
            return order.Status == until && order.Lines.Any(line => line.Shipped > 0) && order.Intake is null;
        });
        return await OrderAsync(id);
    }

    /// <summary>Units of a SKU held, staged and waiting in the ledger, and differences an audit finds.</summary>
    public async Task<(long Held, long Staged, long Short)> ClaimedAsync(string sku)
    {
        Assert.Empty((await Get<Audits>().AuditAsync(sku, fromScratch: true)).Differences);
        var balance = await Get<LedgerReads>().BalanceAsync(sku, Cancel);
        return (balance!.Locations.Values.Sum(at => at.Held), balance.Locations.Values.Sum(at => at.Staged), balance.Short);
    }
}
