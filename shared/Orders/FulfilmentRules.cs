using System.Text.Json;
using System.Text.Json.Serialization;
using Selvedge.Ledger;
using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>What the fulfilment of a delivery does next.</summary>
[JsonConverter(typeof(CamelCaseEnum<FulfilmentDo>))]
public enum FulfilmentDo
{
    /// <summary>Read what is there and decide.</summary>
    Look,
    /// <summary>Make the pick tickets say what the claims say.</summary>
    Align,
    /// <summary>Write on the order what left; where nothing is left to do, close the delivery.</summary>
    Settle,
    /// <summary>Look elsewhere first for what a picker did not find.</summary>
    Reroute,
    /// <summary>Call off whatever has not left.</summary>
    Cancel,
    /// <summary>Call off the tickets that nobody has begun, and hold back the others: nothing of the order may leave at the moment.</summary>
    CallOff,
    /// <summary>Wait for a change.</summary>
    Wait,
    /// <summary>The delivery is over, or another run's.</summary>
    End,
}

/// <summary>What comes next, and how long to wait at most for a change.</summary>
public sealed record FulfilmentStep(FulfilmentDo Do, DateTimeOffset? Until = null);

/// <summary>The facts about a delivery at one moment.</summary>
/// <param name="Order">The order's document.</param>
/// <param name="Delivery">The delivery's number, and the run that asks.</param>
/// <param name="Run"><inheritdoc cref="FulfilmentState" path="/param[@name='Delivery']"/></param>
/// <param name="Claims">The order's claims, read before the tickets: what a ticket says to have left since may still be in them, never the reverse.</param>
/// <param name="Tickets">The delivery's tickets that are still there.</param>
/// <param name="Now">The time.</param>
public sealed record FulfilmentState(Order Order, int Delivery, int Run, IReadOnlyList<Claim> Claims, IReadOnlyList<PickTicket> Tickets, DateTimeOffset Now)
{
    /// <summary>The delivery; null where it is over or another run has it.</summary>
    public Delivery? Mine => Order.UnderWay is { } delivery && delivery.Id == Delivery && delivery.Run == Run ? delivery : null;
}

/// <summary>
/// Decides what happens to a delivery next from nothing but the facts on documents and in the ledger (design, section 4): pure, so that it does not matter
/// what was said in which order, or how often. Claims are the truth and tickets follow them; what has left is read from the tickets.
/// </summary>
public static class FulfilmentRules
{
    static readonly TimeSpan Longest = TimeSpan.FromHours(1), Deciding = TimeSpan.FromMinutes(1), ForStock = TimeSpan.FromMinutes(5);

    /// <summary>The next step.</summary>
    public static FulfilmentStep Decide(FulfilmentState state)
    {
        var (order, now) = (state.Order, state.Now);
        if (state.Mine is not { } mine) return new(FulfilmentDo.End);
        if (mine.Parked is not null) return new(FulfilmentDo.Wait, now + Longest);
        if (order.Intake is not null) return new(FulfilmentDo.Wait, now + Deciding);
        if (state.Tickets.Any(ticket => ticket.Status is TicketStatus.Shipped && !IsSettled(mine, ticket))) return new(FulfilmentDo.Settle);
        if (IsToBeCancelled(state)) return new(FulfilmentDo.Cancel);
        var demand = Demand(state);
        var live = state.Tickets.Any(ticket => IsLive(ticket) || ticket.Status is TicketStatus.Shipping);
        if (!order.IsBlocked && (Unfound(state).Any() || order.Lines.Any(line => IsBroken(state, line)))) return new(FulfilmentDo.Reroute);
        if (Stopped(state, demand) is not null)
        {
            if (state.Tickets.Any(ticket => IsLive(ticket) && (ticket.OnHold is null || (ticket.IsUntouched && !IsStaged(demand, ticket))))) return new(FulfilmentDo.CallOff);
            // What is staged stays in the delivery's hands: it goes on from there, or is put back.
            if (!live && demand.All(line => line.Staged == 0)) return new(FulfilmentDo.Settle);
        }
        else
        {
            if (Differs(state, mine, demand)) return new(FulfilmentDo.Align);
            if (!live && demand.All(line => line.Wanted == 0)) return new(FulfilmentDo.Settle);
        }
        // A scan says nothing to anybody: a line that is short and not done is looked at again soon.
        var until = now + (state.Tickets.Any(ticket => IsLive(ticket) && ticket.Lines.Any(line => line.Short > line.Settled)) ? Deciding : state.Claims.Any(claim => claim.Place == Accounts.Short) ? ForStock : Longest);
        return new(FulfilmentDo.Wait, order.ShipWindow?.CancelAfter is { } late && late > now && late < until ? late : until);
    }

    /// <summary>What the delivery's tickets are to say: units claimed at locations, and of the staged ones those beyond what the order still wants.</summary>
    public static IReadOnlyList<TicketDemandLine> Demand(FulfilmentState state)
    {
        var demand = new List<TicketDemandLine>();
        foreach (var line in state.Order.Lines)
        {
            if (!line.TakesStock) continue;
            var whole = Whole(state, line);
            foreach (var (id, sku, each) in Units(line))
            {
                var mine = state.Claims.Where(claim => claim.Line == id && Accounts.IsLocation(claim.Place)).OrderBy(claim => claim.Place, StringComparer.Ordinal).ToList();
                var beyond = Math.Max(0, mine.Sum(claim => claim.Staged) - Math.Max(0, whole * each - Shipments.UnitsOf(state.Order, id) - Unsettled(state, id)));
                foreach (var claim in mine)
                {
                    var less = Math.Min(beyond, claim.Staged);
                    beyond -= less;
                    if (claim.Held + claim.Staged > 0) demand.Add(new(id, sku, claim.Place, claim.Held, claim.Staged) { Surplus = less });
                }
            }
        }
        return demand;
    }

    /// <summary>Why nothing of the order may leave at the moment, in words for who has its tickets; null: it may. It is blocked; or it ships complete and something of it
    /// waits for stock. Where nothing is to be sent any more there is nothing to stop.</summary>
    public static string? Stopped(FulfilmentState state, IReadOnlyList<TicketDemandLine> demand)
    {
        var order = state.Order;
        if (demand.All(line => line.Wanted == 0)) return null;
        if (order.IsBlocked) return Blocked(order);
        return order.ShipComplete && order.Lines.All(line => Gone(state, line) == 0) && state.Claims.Any(claim => claim is { Place: Accounts.Short, Held: > 0 })
            ? "its order ships complete, and something of it waits for stock." : null;
    }

    /// <summary>That the order is blocked, and by what.</summary>
    public static string Blocked(Order order) =>
        $"its order is blocked ({string.Join(", ", order.Blocks!.Where(block => block.LiftedAt is null).Select(block => JsonNamingPolicy.CamelCase.ConvertName(block.Kind.ToString())).Distinct())}).";

    /// <summary>Lines and places where a picker did not find what the ledger still holds there for the order, and that nobody was told to look for again.</summary>
    public static IEnumerable<(string Line, string Place, string Ticket)> Unfound(FulfilmentState state)
    {
        if (state.Mine is not { } mine) yield break;
        foreach (var ticket in state.Tickets)
            foreach (var line in ticket.Lines)
            {
                // While the rest of the line is still being picked there, the claim stays where it is.
                if (line.Short <= line.Settled || line.Left > 0 || ticket.Status is TicketStatus.Shipping) continue;
                var open = IsLive(ticket) || (IsElsewhere(state.Order, line.Line, ticket.Location) && mine.Rerouted?.Contains(ticket.Id) != true);
                if (open && HeldAt(state, line.Line, ticket.Location) > Told(state, line.Line, ticket.Location)) yield return (line.Line, ticket.Location, ticket.Id);
            }
    }

    /// <summary>True for a bundle of which a fact took units of a part: it is claimed anew, so that what one part lacks is held of no other.</summary>
    public static bool IsBroken(FulfilmentState state, OrderLine line) => line.Bundle is { } bundle && Enumerable.Range(0, bundle.Parts.Count).Select(part => Bundles.PartId(line.Id, part))
        .Any(id => state.Claims.Any(claim => claim.Line == id && claim is { Place: Accounts.Short, Held: > 0 }));

    /// <summary>Units of an order line that can be sent: of a bundle those that are whole.</summary>
    static long Whole(FulfilmentState state, OrderLine line) => line.Bundle is null ? line.Quantity : Math.Min(line.Quantity, Units(line).Min(unit =>
        (state.Claims.Where(claim => claim.Line == unit.Line && Accounts.IsLocation(claim.Place)).Sum(claim => claim.Held + claim.Staged) + Shipments.UnitsOf(state.Order, unit.Line) + Unsettled(state, unit.Line)) / unit.Each));

    /// <summary>True where the units of a line, as the ledger names it, may be looked for at another place before this one.</summary>
    public static bool IsElsewhere(Order order, string line, string place) => PlacesOf(order, line) is { Count: > 1 } places && places[^1] != place;

    /// <summary><see cref="Demand"/> without the units that a picker did not find: what is left of a ticket says that they are settled.</summary>
    public static IReadOnlyList<TicketDemandLine> DemandFound(FulfilmentState state)
    {
        var unfound = Unfound(state).Select(one => (one.Line, one.Place)).ToHashSet();
        return [.. Demand(state).Select(line => unfound.Contains((line.Line, line.Location)) ? line with { Held = Math.Min(line.Held, Told(state, line.Line, line.Location)) } : line)];
    }

    static long HeldAt(FulfilmentState state, string line, string place) => state.Claims.Where(claim => claim.Line == line && claim.Place == place).Sum(claim => claim.Held);

    static long Told(FulfilmentState state, string line, string place) =>
        state.Tickets.Where(other => IsLive(other) && other.Location == place).SelectMany(other => other.Lines).Where(other => other.Line == line).Sum(other => other.Left);

    /// <summary>Whole units of an order line that have left or are in a carrier's hands: of a bundle as many as have begun to leave.</summary>
    public static long Gone(FulfilmentState state, OrderLine line) => Units(line).Max(unit =>
        (Shipments.UnitsOf(state.Order, unit.Line) + Unsettled(state, unit.Line) + Leaving(state, unit.Line) + unit.Each - 1) / unit.Each);

    /// <summary>Units as the ledger names and counts them: an order line, or each part of a bundle.</summary>
    public static IEnumerable<(string Line, string Sku, long Each)> Units(OrderLine line) =>
        Bundles.Units(line).Select(unit => unit.Part < 0 ? (line.Id, line.Sku, 1L) : (Bundles.PartId(line.Id, unit.Part), unit.Sku, line.Bundle!.Parts[unit.Part].Quantity));

    /// <summary>True while somebody has to pick or pack it.</summary>
    public static bool IsLive(PickTicket ticket) => ticket.Status is TicketStatus.Open or TicketStatus.Picking or TicketStatus.Picked or TicketStatus.Packed;

    public static bool IsSettled(Delivery delivery, PickTicket ticket) => delivery.Shipments?.Any(shipment => shipment.Ticket == ticket.Id) == true;

    /// <summary>True when its ship window is over and something has not left.</summary>
    public static bool IsTooLate(FulfilmentState state) => state.Order.ShipWindow?.CancelAfter <= state.Now && state.Order.Lines.Any(line => line.TakesStock && line.Quantity > Gone(state, line));

    /// <summary>True where the ledger has units staged that may be on this ticket, whatever it says.</summary>
    public static bool IsStaged(IReadOnlyList<TicketDemandLine> demand, PickTicket ticket) => demand.Any(line => line.Location == ticket.Location && line.Staged > 0);

    /// <summary>True while somebody's word that it is not to be sent, or its date, has not been followed.</summary>
    public static bool IsToBeCancelled(FulfilmentState state) => state.Order.Cancel is { Settled: false, State: not CancelState.Refused } || IsTooLate(state);

    // A ticket in a carrier's hands, and its claim, change in two steps: that place is looked at when both are done.
    static bool Differs(FulfilmentState state, Delivery mine, IReadOnlyList<TicketDemandLine> demand)
    {
        var says = new Dictionary<(string, string), long>();
        if (demand.Sum(line => line.Surplus) != mine.Surplus) return true;
        foreach (var line in demand) says[(line.Line, line.Location)] = line.Wanted;
        foreach (var ticket in state.Tickets)
        {
            if (IsLive(ticket) && (ticket.Run != mine.Run || ticket.OnHold is not null)) return true;
            if (!IsLive(ticket)) continue;
            foreach (var line in ticket.Lines) says[(line.Line, ticket.Location)] = says.GetValueOrDefault((line.Line, ticket.Location)) - line.Quantity + line.Settled;
        }
        foreach (var ticket in state.Tickets.Where(ticket => ticket.Status is TicketStatus.Shipping))
            foreach (var line in ticket.Lines) says.Remove((line.Line, ticket.Location));
        return says.Values.Any(units => units != 0);
    }

    static long Unsettled(FulfilmentState state, string line) => state.Tickets.Where(ticket => ticket.Status is TicketStatus.Shipped && state.Mine is { } mine && !IsSettled(mine, ticket))
        .SelectMany(ticket => ticket.Lines).Where(other => other.Line == line).Sum(other => other.Shipped);

    static long Leaving(FulfilmentState state, string line) =>
        state.Tickets.Where(ticket => ticket.Status is TicketStatus.Shipping).SelectMany(ticket => ticket.Lines).Where(other => other.Line == line).Sum(other => other.Shipped);

    static IReadOnlyList<string>? PlacesOf(Order order, string ledgerLine)
    {
        foreach (var line in order.Lines)
        {
            if (line.Id == ledgerLine) return line.Places;
            for (var part = 0; part < line.Bundle?.Parts.Count; part++)
                if (Bundles.PartId(line.Id, part) == ledgerLine) return line.Bundle.Parts[part].Places ?? line.Places;
        }
        return null;
    }
}
