using Microsoft.Extensions.Logging;
using Selvedge.Ledger;
using Selvedge.Picking;
using Selvedge.Platform;
using Selvedge.Returns;

namespace Selvedge.Orders;

/// <summary>Which delivery an orchestration has, and in which run: all that its activities are told.</summary>
public sealed record FulfilmentRun(string Order, int Delivery, int Run)
{
    /// <summary>The instance's id.</summary>
    public string Instance() => Orders.Delivery.Instance(Order, Delivery, Run);
}

/// <summary>
/// The activities of the orchestration <c>Fulfilment</c>. Each reads the facts, decides, and acts only where that is what it is for and its run still has the
/// delivery: so they may run any number of times, in any order, by several at once. Documents are written by ETag; who was overtaken reads and decides again.
/// </summary>
public sealed partial class Fulfilment(
    OrderStore orders, LedgerReads ledger, PickTickets tickets, Intake intake, ExpectedReturns returns, OrderExceptions exceptions, DueOrders due, TimeProvider time, ILogger<Fulfilment> log)
{
    const int Rounds = 20;

    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    /// <summary>Does <paramref name="what"/> where that is next, and answers what comes after it; otherwise what is next instead.</summary>
    /// <exception cref="ProblemException">503 the store does not answer, or others keep changing the order.</exception>
    public async Task<FulfilmentStep> DoAsync(FulfilmentRun run, FulfilmentDo what)
    {
        for (var round = 0; round < Rounds; round++)
        {
            if (await ReadAsync(run) is not { } state) return new(FulfilmentDo.End);
            var step = FulfilmentRules.Decide(state);
            if (IsParting(state, step) && await WithUnlistedAsync(state) is { } whole) step = FulfilmentRules.Decide(state = whole);
            if (step.Do is FulfilmentDo.Wait && !await SeenAsync(state)) continue;
            if (what is FulfilmentDo.Look || step.Do != what || step.Do is FulfilmentDo.Wait or FulfilmentDo.End) return step;
            var next = what switch
            {
                FulfilmentDo.Align => await AlignAsync(state),
                FulfilmentDo.Settle => await SettleAsync(state),
                FulfilmentDo.Reroute => await RerouteAsync(state),
                FulfilmentDo.Cancel => await CancelAsync(state),
                _ => await CallOffAsync(state),
            };
            if (next is not null) return next;
        }
        throw ProblemException.Busy($"Order '{run.Order}' is being changed by others.");
    }

    /// <summary>Notes that a step failed for good: a person looks at it and lets the delivery go on.</summary>
    public async Task ParkAsync(FulfilmentRun run, FulfilmentDo step, string error)
    {
        for (var round = 0; round < Rounds; round++)
        {
            if (await orders.ReadAsync(run.Order) is not { } order || order.UnderWay is not { } mine || mine.Id != run.Delivery || mine.Run != run.Run) return;
            var parked = mine.Parked ?? new(Word(step), error, Now);
            await exceptions.ParkedAsync(order, run.Delivery, parked);
            if (mine.Parked is not null) return;
            LogParked(run.Order, run.Delivery, step, error);
            if (await orders.ReplaceAsync(Deliveries.With(order, mine with { Begun = true, Parked = parked }) with { FulfilDue = Now + Deliveries.Watch, UpdatedAt = Now }) is not null) return;
        }
        throw ProblemException.Busy($"Order '{run.Order}' is being changed by others.");
    }

    /// <summary>The tickets of an order's deliveries that are still there.</summary>
    public async Task<IReadOnlyList<PickTicket>> TicketsAsync(Order order) =>
        order.Deliveries?.SelectMany(delivery => delivery.Tickets ?? []).ToList() is { Count: > 0 } ids ? await tickets.ReadAsync(ids) : [];

    /// <summary>The orchestration that waits for what happened to a ticket; null where nobody does any more: then what left is written on the order here, and it is seen.</summary>
    /// <exception cref="ProblemException">503 others keep changing the order.</exception>
    public async Task<FulfilmentRun?> WaitsForAsync(PickTicket ticket)
    {
        for (var round = 0; round < Rounds; round++)
        {
            if (await orders.ReadAsync(ticket.Order) is not { Deliveries: not null } order)
            {
                await tickets.SeenAsync(ticket);
                return null;
            }
            if (order.UnderWay is { } mine && mine.Id == ticket.Delivery) return new(ticket.Order, mine.Id, mine.Run);
            var claims = ticket.Status is TicketStatus.Shipped && order.Intake is null ? await ledger.ClaimsAsync(ClaimIds(order)) : null;
            var told = claims is null ? order : Shipments.Late(order, ticket, [.. claims.Values], Now);
            if (!ReferenceEquals(told, order))
            {
                // It was called off, and a partner had sent it.
                if (order.Cancel is { State: not CancelState.Refused })
                {
                    await exceptions.CancelledUnderWayAsync(order);
                    foreach (var line in ticket.Lines.Where(line => line.Shipped > 0))
                        await returns.ExpectAsync(order.Id, line.Line, line.Sku, line.Shipped, "late:" + ticket.Id, reason: "It was sent when it had been called off.");
                }
                if (await orders.ReplaceAsync(told) is not { } written) continue;
                due.Note(written, Now);
            }
            if (order.Intake is null) await (ticket.IsOver ? tickets.CloseAsync(ticket) : tickets.SeenAsync(ticket));
            return null;
        }
        throw ProblemException.Busy($"Order '{ticket.Order}' is being changed by others.");
    }

    /// <summary>True when nothing of an order under way can be called off any more: all of it has left, or is being handed over.</summary>
    public async Task<bool> IsTooLateAsync(Order order) => order.UnderWay is { Begun: true } mine && await ReadAsync(new(order.Id, mine.Id, mine.Run)) is { } state
        && state.Order.Lines.Any(line => line.TakesStock) && state.Order.Lines.All(line => !line.TakesStock || line.Quantity <= FulfilmentRules.Gone(state, line));

    // Claims before tickets: what a ticket says to have left may still be in them, never the reverse.
    async Task<FulfilmentState?> ReadAsync(FulfilmentRun run)
    {
        if (await orders.ReadAsync(run.Order) is not { } order) return null;
        var now = Now;
        if (new FulfilmentState(order, run.Delivery, run.Run, [], [], now) is var bare && bare.Mine is not { } mine) return bare;
        var claims = await ledger.ClaimsAsync(ClaimIds(order));
        return bare with { Claims = [.. claims.Values], Tickets = mine.Tickets is { Count: > 0 } ids ? await tickets.ReadAsync(ids) : [] };
    }

    // Before tickets are called off, or the delivery is let go of.
    static bool IsParting(FulfilmentState state, FulfilmentStep step) =>
        step.Do is FulfilmentDo.Cancel or FulfilmentDo.CallOff || (step.Do is FulfilmentDo.Settle && (state.Order.IsBlocked || state.Order.ShipComplete || state.Tickets.Count == 0));

    // A ticket is made before the order names it: one whose making was cut off, or that the order changed under, is found by its id. Null: there is none.
    async Task<FulfilmentState?> WithUnlistedAsync(FulfilmentState state)
    {
        var known = state.Mine!.Tickets ?? [];
        var unlisted = new List<PickTicket>();
        foreach (var place in state.Order.Lines.Where(line => line.TakesStock).SelectMany(line => (line.Places ?? []).Concat(line.Bundle?.Parts.SelectMany(part => part.Places ?? []) ?? []))
            .Concat(state.Claims.Select(claim => claim.Place).Where(Accounts.IsLocation)).Distinct(StringComparer.Ordinal))
        {
            var number = known.Where(id => WorkIds.LocationOf(id) == place).Select(WorkIds.NumberOf).DefaultIfEmpty(0).Max();
            if (await tickets.ReadAsync(WorkIds.Ticket(place, state.Order.Id, state.Delivery, number + 1)) is { } found) unlisted.Add(found);
        }
        return unlisted.Count == 0 ? null : state with { Tickets = [.. state.Tickets, .. unlisted] };
    }

    // Where the order may hold units: the places it was planned from, and those it has tickets at.
    static IEnumerable<(string Id, string Sku)> ClaimIds(Order order)
    {
        var ticketed = order.Deliveries!.SelectMany(delivery => delivery.Tickets ?? []).Select(WorkIds.LocationOf).OfType<string>().Distinct(StringComparer.Ordinal).ToList();
        foreach (var line in order.Lines)
        {
            if (!line.TakesStock) continue;
            foreach (var (at, part, sku) in Bundles.Units(line))
            {
                var id = part < 0 ? at.Id : Bundles.PartId(at.Id, part);
                IEnumerable<string> places = (part < 0 ? null : at.Bundle!.Parts[part].Places) ?? at.Places ?? [];
                if (at.Moved is { } moved) places = places.Append(moved.Place);
                foreach (var place in places.Concat(ticketed).Append(Accounts.Short).Distinct(StringComparer.Ordinal)) yield return (Ids.Claim(order.Id, id, place), sku);
                if (part >= 0) yield return (Ids.Claim(order.Id, Bundles.WaitId(at.Id, part), Accounts.Short), sku);
            }
        }
    }

    static TicketDemand DemandOf(FulfilmentState state, IReadOnlyList<TicketDemandLine> lines)
    {
        var (order, mine) = (state.Order, state.Mine!);
        return new(order.Id, mine.Id, mine.Run, mine.Tickets ?? [], lines) { Channel = order.Channel, Priority = order.Priority, ShipBy = mine.ShipBy };
    }

    async Task<FulfilmentStep?> AlignAsync(FulfilmentState state, IReadOnlyList<TicketDemandLine>? stated = null)
    {
        var demand = stated ?? FulfilmentRules.Demand(state);
        var aligned = await tickets.AlignAsync(DemandOf(state, demand));
        var (order, mine) = (state.Order, state.Mine!);
        var known = (mine.Tickets ?? []).Concat(aligned.Select(ticket => ticket.Id)).Distinct(StringComparer.Ordinal).ToList();
        if (await orders.ReplaceAsync(Deliveries.With(order, mine with { Begun = true, Tickets = known, Surplus = demand.Sum(line => line.Surplus) }) with { FulfilDue = state.Now + Deliveries.Watch }) is not { } written) return null;
        var step = FulfilmentRules.Decide(state with { Order = written, Tickets = aligned });
        // A ticket that somebody scans at this moment is looked at when they are done, and not again and again.
        return step.Do is FulfilmentDo.Align && stated is null ? new(FulfilmentDo.Wait, state.Now + Deliveries.Unconfirmed) : step;
    }

    async Task<FulfilmentStep?> SettleAsync(FulfilmentState state)
    {
        var settled = Shipments.Settle(state);
        if (settled.UnderWay is null) await returns.ExpectBackAsync(settled);
        if (await orders.ReplaceAsync(settled) is not { } written) return null;
        var over = state.Tickets.Where(ticket => !FulfilmentRules.IsLive(ticket) && ticket.Status is not TicketStatus.Shipping).ToList();
        foreach (var ticket in over) await tickets.CloseAsync(ticket);
        due.Note(written, Now);
        return written.UnderWay is null ? new(FulfilmentDo.End) : new(FulfilmentDo.Look);
    }

    // The place where it was not found comes last: the ledger holds the units elsewhere where there are some, else there, else they wait. Then the ticket is told that
    // what was not found is settled; what the ledger shows there beyond that is looked for anew.
    async Task<FulfilmentStep?> RerouteAsync(FulfilmentState state)
    {
        var unfound = FulfilmentRules.Unfound(state).ToList();
        var elsewhere = unfound.Where(one => FulfilmentRules.IsElsewhere(state.Order, one.Line, one.Place)).ToList();
        var broken = state.Order.Lines.Where(line => FulfilmentRules.IsBroken(state, line)).Select(line => line.Id).ToHashSet(StringComparer.Ordinal);
        if (elsewhere.Count + broken.Count == 0) return await AlignAsync(state, FulfilmentRules.DemandFound(state));
        var (order, revision) = (state.Order, state.Order.Revision + 1);
        var mine = state.Mine! with { Rerouted = [.. (state.Mine!.Rerouted ?? []).Union(elsewhere.Select(one => one.Ticket), StringComparer.Ordinal)] };
        var lines = order.Lines.Select(line => broken.Contains(line.Id) || FulfilmentRules.Units(line).Any(unit => elsewhere.Any(one => one.Line == unit.Line))
            ? line with { Places = Last(line.Id, line.Places), Bundle = Parts(line), Revision = revision, Was = line.Quantity } : line).ToList();
        return await GoOnAsync(Deliveries.With(order, mine) with { Lines = lines }, revision);

        LineBundle? Parts(OrderLine line) => line.Bundle is not { } bundle ? null
            : bundle with { Parts = [.. bundle.Parts.Select((part, i) => part with { Places = Last(Bundles.PartId(line.Id, i), part.Places ?? line.Places) })] };
        IReadOnlyList<string>? Last(string id, IReadOnlyList<string>? places) => elsewhere.Where(one => one.Line == id).Select(one => one.Place).ToList() is { Count: > 0 } last && places is not null
            ? [.. places.Except(last, StringComparer.Ordinal), .. last] : places;
    }

    async Task<FulfilmentStep?> CancelAsync(FulfilmentState state)
    {
        // Before the order and the ledger: from then on nothing more of it is handed to a carrier, and what is stays what it is.
        foreach (var ticket in state.Tickets.Where(FulfilmentRules.IsLive)) await tickets.CancelAsync(ticket.Id);
        if (await ReadAsync(new(state.Order.Id, state.Delivery, state.Run)) is not { } now || now.Mine is null) return new(FulfilmentDo.Look);
        if (now.Order.ETag != state.Order.ETag || now.Tickets.Any(ticket => FulfilmentRules.IsLive(ticket) || (ticket.Status is TicketStatus.Shipped && !FulfilmentRules.IsSettled(now.Mine, ticket)))) return new(FulfilmentDo.Look);
        var (order, revision) = (now.Order, now.Order.Revision + 1);
        var late = order.Cancel is null or { State: CancelState.Refused } or { Settled: true };
        var cancel = late ? new Cancel(CancelState.Done, now.Now, $"Not sent by {InstantConverter.Text(order.ShipWindow!.CancelAfter!.Value)}.", ShipWindow.Clock) : order.Cancel!;
        var lines = order.Lines.Select(line => line.TakesStock ? Deciding.CutTo(line, FulfilmentRules.Gone(now, line), revision) : line).ToList();
        var left = order.Lines.Any(line => line.TakesStock && FulfilmentRules.Gone(now, line) > 0);
        if (late) await exceptions.ShipWindowAsync(order);
        else if (left) await exceptions.CancelledUnderWayAsync(order);
        if (lines.SequenceEqual(order.Lines, ReferenceEqualityComparer.Instance))
            return await orders.ReplaceAsync(order with { Cancel = cancel.State is CancelState.Asked && left ? cancel with { State = CancelState.Refused } : cancel with { Settled = true }, UpdatedAt = now.Now, FulfilDue = now.Now + Deliveries.Watch }) is null
                ? null : new(FulfilmentDo.Look);
        return await GoOnAsync(order with { Cancel = cancel with { Settled = true }, Lines = lines }, revision);
    }

    async Task<FulfilmentStep?> CallOffAsync(FulfilmentState state)
    {
        var demand = FulfilmentRules.Demand(state);
        if (FulfilmentRules.Stopped(state, demand) is not { } why) return null;
        foreach (var ticket in state.Tickets.Where(FulfilmentRules.IsLive)) await tickets.StopAsync(ticket.Id, why, FulfilmentRules.IsStaged(demand, ticket));
        return new(FulfilmentDo.Look);
    }

    // What the lines are to hold now is written first, and then the ledger is told, as with every edit.
    async Task<FulfilmentStep?> GoOnAsync(Order changed, long revision)
    {
        var next = changed with
        {
            Revision = revision, UpdatedAt = Now, Intake = new(IntakeStep.Claim, 1, Guid.NewGuid().ToString("N"), revision), IntakeDue = Now + Intake.Lease, FulfilDue = Now + Deliveries.Unconfirmed,
        };
        if (await orders.ReplaceAsync(next) is not { } written) return null;
        await intake.GoOnAsync(written);
        return new(FulfilmentDo.Look);
    }

    // What is seen need not be told again. False: somebody wrote the order meanwhile.
    async Task<bool> SeenAsync(FulfilmentState state)
    {
        foreach (var ticket in state.Tickets.Where(ticket => ticket.Attention is not null)) await tickets.SeenAsync(ticket);
        if (state.Order.Intake is not null || state.Order.FulfilDue > state.Now + Deliveries.Unconfirmed) return true;
        return await orders.ReplaceAsync(Deliveries.With(state.Order, state.Mine! with { Begun = true }) with { FulfilDue = state.Now + Deliveries.Watch }) is not null;
    }

    static string Word(FulfilmentDo step) => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(step.ToString());

    [LoggerMessage(EventId = 3031, Level = LogLevel.Error, Message = "Order {Order}, delivery {Delivery} is parked at step {Step}: {Error}")]
    partial void LogParked(string order, int delivery, FulfilmentDo step, string error);
}
