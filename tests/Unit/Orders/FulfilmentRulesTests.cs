using CsCheck;
using Selvedge.Channels;
using Selvedge.Ledger;
using Selvedge.Orders;
using Selvedge.Picking;

namespace Selvedge.Tests.Unit.Orders;

/// <summary>What the fulfilment of a delivery does next, by nothing but the facts.</summary>
public class FulfilmentRulesTests
{
    static readonly DateTimeOffset Now = new(2026, 11, 24, 9, 0, 0, TimeSpan.Zero);

    static Order Order(params long[] units) => new()
    {
        Id = "shop:1", Channel = "shop", ChannelKind = Surface.Dtc, ExternalId = "1", Status = OrderStatus.Fulfilling, CreatedAt = Now, Currency = "AUD", Revision = 1, Shortage = ShortagePolicy.Backorder,
        Lines = [.. units.Select((quantity, i) => new OrderLine { Id = $"{i + 1}", Sku = $"S{i + 1}", Quantity = quantity, Committed = quantity, Places = ["WH1", "WH2"] })],
        Deliveries = [new() { Id = 1, Status = DeliveryStatus.Fulfilling, Run = 1, Begun = true }],
    };

    static Claim Claim(string line, string place, long held, long staged = 0) => new() { Id = $"c:{line}:{place}", Sku = "S" + line, Order = "shop:1", Line = line, Place = place, Held = held, Staged = staged };

    static PickTicket Ticket(string place, TicketStatus status, int number, params TicketLine[] lines) => new()
    {
        Id = WorkIds.Ticket(place, "shop:1", 1, number), Location = place, Status = status, Order = "shop:1", Delivery = 1, Run = 1, CreatedAt = Now, Lines = lines,
    };

    static TicketLine Line(string line, long quantity, long picked = 0, long missing = 0, long settled = 0, long shipped = 0) =>
        new() { Line = line, Sku = "S" + line, Quantity = quantity, Picked = picked, Short = missing, Settled = settled, Shipped = shipped };

    static FulfilmentState State(Order order, IReadOnlyList<Claim> claims, params PickTicket[] tickets) => new(order, 1, 1, claims, tickets, Now);

    static FulfilmentDo Next(FulfilmentState state) => FulfilmentRules.Decide(state).Do;

    [Fact]
    public void What_is_claimed_and_on_no_ticket_is_put_on_one_and_then_waited_for()
    {
        Assert.Equal(FulfilmentDo.Align, Next(State(Order(2), [Claim("1", "WH1", 2)])));
        Assert.Equal(FulfilmentDo.Wait, Next(State(Order(2), [Claim("1", "WH1", 2)], Ticket("WH1", TicketStatus.Open, 1, Line("1", 2)))));
        Assert.Equal(FulfilmentDo.Wait, Next(State(Order(2), [Claim("1", "WH1", 1, 1)], Ticket("WH1", TicketStatus.Picking, 1, Line("1", 2, 1)))));
        Assert.Equal(FulfilmentDo.Align, Next(State(Order(3), [Claim("1", "WH1", 2, 1)], Ticket("WH1", TicketStatus.Picking, 1, Line("1", 2, 1)))));
        Assert.Equal(FulfilmentDo.Align, Next(State(Order(2), [Claim("1", "WH2", 2)], Ticket("WH1", TicketStatus.Open, 1, Line("1", 2)))));
    }

    [Fact]
    public void A_ticket_of_a_run_that_was_lost_is_taken_over()
    {
        var old = Ticket("WH1", TicketStatus.Open, 1, Line("1", 2)) with { Run = 0 };
        Assert.Equal(FulfilmentDo.Align, Next(State(Order(2), [Claim("1", "WH1", 2)], old)));
    }

    [Fact]
    public void Another_runs_and_a_closed_delivery_are_left_alone()
    {
        var order = Order(2);
        Assert.Equal(FulfilmentDo.End, FulfilmentRules.Decide(State(order, []) with { Run = 2 }).Do);
        Assert.Equal(FulfilmentDo.End, FulfilmentRules.Decide(State(order, []) with { Delivery = 2 }).Do);
        Assert.Equal(FulfilmentDo.End, Next(State(Deliveries.With(order, order.Deliveries![0] with { Status = DeliveryStatus.Closed }), [Claim("1", "WH1", 2)])));
    }

    [Fact]
    public void While_it_is_parked_or_being_decided_nothing_is_done()
    {
        var order = Order(2);
        Assert.Equal(FulfilmentDo.Wait, Next(State(Deliveries.With(order, order.Deliveries![0] with { Parked = new("align", "no", Now) }), [Claim("1", "WH1", 2)])));
        Assert.Equal(FulfilmentDo.Wait, Next(State(order with { Intake = new(IntakeStep.Claim, 1, "x", 2) }, [Claim("1", "WH1", 2)])));
    }

    [Fact]
    public void What_left_is_settled_before_anything_else_even_while_it_still_looks_claimed()
    {
        var left = Ticket("WH1", TicketStatus.Shipped, 1, Line("1", 2, 2, shipped: 2));
        var state = State(Order(2) with { Cancel = new(CancelState.Done, Now, null, "x") }, [Claim("1", "WH1", 0, 2)], left);
        Assert.Equal(FulfilmentDo.Settle, Next(state));
        Assert.Equal(0, FulfilmentRules.Demand(state).Sum(line => line.Wanted));
        var settled = Shipments.Settle(State(Order(2), [], left));
        Assert.Equal((OrderStatus.Shipped, 2, 0, DeliveryStatus.Closed, null), (settled.Status, settled.Lines[0].Shipped, settled.Lines[0].Committed, settled.Deliveries![0].Status, settled.FulfilDue));
    }

    [Fact]
    public void A_ticket_in_a_carriers_hands_is_waited_for_whatever_its_claim_says()
    {
        var leaving = Ticket("WH1", TicketStatus.Shipping, 1, Line("1", 2, 2, shipped: 2));
        Assert.Equal(FulfilmentDo.Wait, Next(State(Order(2), [Claim("1", "WH1", 0, 2)], leaving)));
        Assert.Equal(FulfilmentDo.Wait, Next(State(Order(2), [], leaving)));
    }

    [Fact]
    public void A_cancel_is_done_once_and_cuts_no_line_below_what_has_left()
    {
        var order = Order(2, 3) with { Cancel = new(CancelState.Asked, Now, null, "Ana") };
        var state = State(order, [Claim("2", "WH2", 3)], Ticket("WH1", TicketStatus.Shipping, 1, Line("1", 2, 2, shipped: 2)), Ticket("WH2", TicketStatus.Open, 1, Line("2", 3)));
        Assert.Equal(FulfilmentDo.Cancel, Next(state));
        Assert.Equal([2, 0], order.Lines.Select(line => Deciding.CutTo(line, FulfilmentRules.Gone(state, line), 2).Quantity));
        Assert.NotEqual(FulfilmentDo.Cancel, Next(state with { Order = order with { Cancel = order.Cancel with { Settled = true } } }));
        Assert.NotEqual(FulfilmentDo.Cancel, Next(state with { Order = order with { Cancel = order.Cancel with { State = CancelState.Refused } } }));
    }

    [Fact]
    public void When_the_ship_window_is_over_what_has_not_left_is_called_off_and_until_then_it_is_not_slept_over()
    {
        var order = Order(2) with { ShipWindow = new(null, Now.AddMinutes(10)) };
        var ticket = Ticket("WH1", TicketStatus.Open, 1, Line("1", 2));
        Assert.Equal(new FulfilmentStep(FulfilmentDo.Wait, Now.AddMinutes(10)), FulfilmentRules.Decide(State(order, [Claim("1", "WH1", 2)], ticket)));
        Assert.Equal(FulfilmentDo.Cancel, Next(State(order, [Claim("1", "WH1", 2)], ticket) with { Now = Now.AddMinutes(10) }));
        Assert.NotEqual(FulfilmentDo.Cancel, Next(State(order, [], ticket with { Status = TicketStatus.Shipping, Lines = [Line("1", 2, 2, shipped: 2)] }) with { Now = Now.AddMinutes(10) }));
    }

    [Fact]
    public void Blocked_what_nobody_began_is_called_off_what_was_begun_waits_as_it_is_and_lifting_lets_it_go_on()
    {
        var order = Order(2, 1) with { Blocks = [new(BlockKind.Fraud, null, "Ana", Now)] };
        var lifted = order with { Blocks = [order.Blocks![0] with { LiftedAt = Now, LiftedBy = "Ben" }] };
        Claim[] claims = [Claim("1", "WH1", 1, 1), Claim("2", "WH2", 1)];
        var (begun, off) = (Ticket("WH1", TicketStatus.Picking, 1, Line("1", 2, 1)), Ticket("WH2", TicketStatus.Cancelled, 1, Line("2", 1)));
        Assert.Equal(FulfilmentDo.CallOff, Next(State(order, claims, begun, Ticket("WH2", TicketStatus.Open, 1, Line("2", 1)))));
        Assert.Equal(FulfilmentDo.CallOff, Next(State(order, claims, begun, off)));
        var held = begun with { OnHold = "its order is blocked (fraud)." };
        Assert.Equal(held.OnHold, FulfilmentRules.Stopped(State(order, claims), FulfilmentRules.Demand(State(order, claims))));
        Assert.Equal(FulfilmentDo.Wait, Next(State(order, claims, held, off)));
        Assert.Equal(FulfilmentDo.Align, Next(State(lifted, claims, held, off)));
        // Scanned in the moment in which its ticket was called off: the delivery does not let go of it.
        Assert.Equal(FulfilmentDo.Wait, Next(State(order, claims, Ticket("WH1", TicketStatus.Cancelled, 1, Line("1", 2)), off)));
        Assert.Equal(FulfilmentDo.Settle, Next(State(order, [Claim("1", "WH1", 2), Claim("2", "WH2", 1)], Ticket("WH1", TicketStatus.Cancelled, 1, Line("1", 2)), off)));
        // Called off while it is blocked: nothing is to be sent, and what is staged is put back.
        var cancelled = Order(0, 0) with { Blocks = order.Blocks, Cancel = new(CancelState.Done, Now, null, "x", Settled: true) };
        Assert.Equal(FulfilmentDo.Align, Next(State(cancelled, [Claim("1", "WH1", 0, 1)], held with { Status = TicketStatus.Cancelled }, off)));
        var gone = State(order, [Claim("2", "WH2", 1)], Ticket("WH1", TicketStatus.Shipped, 1, Line("1", 2, 2, shipped: 2)), off);
        var settled = Shipments.Settle(gone);
        Assert.Equal((OrderStatus.Committed, DeliveryStatus.Closed, DeliveryStatus.Waiting, null), (settled.Status, settled.Deliveries![0].Status, settled.Deliveries[1].Status, settled.FulfilDue));
        Assert.Equal(Now, Deliveries.Schedule(settled with { Blocks = lifted.Blocks }, Now).FulfilDue);
    }

    [Fact]
    public void What_ships_complete_does_not_leave_while_something_of_it_waits_unless_some_left_already()
    {
        var order = Order(2, 1) with { ShipComplete = true };
        Claim[] claims = [Claim("1", "WH1", 0, 2), Claim("2", Accounts.Short, 1)];
        var packed = Ticket("WH1", TicketStatus.Packed, 1, Line("1", 2, 2));
        Assert.Equal(FulfilmentDo.CallOff, Next(State(order, claims, packed)));
        Assert.Equal(FulfilmentDo.Wait, Next(State(order with { ShipComplete = false }, claims, packed)));
        var held = packed with { OnHold = "waits" };
        Assert.Equal(FulfilmentDo.Wait, Next(State(order, claims, held)));
        Assert.Equal(FulfilmentDo.Align, Next(State(order, [claims[0], Claim("2", "WH2", 1)], held)));
        Assert.Equal(FulfilmentDo.Wait, Next(State(order, claims, packed, Ticket("WH2", TicketStatus.Shipping, 1, Line("2", 1, 1, shipped: 1)))));
    }

    [Fact]
    public void A_ticket_on_hold_is_in_no_queue_and_only_its_order_lets_it_go_on()
    {
        var held = Ticket("WH1", TicketStatus.Open, 1, Line("1", 2, 1)) with { OnHold = "its order is blocked (fraud)." };
        Assert.Null(held.Queue);
        TicketDemandLine[] claimed = [new("1", "S1", "WH1", 1, 1)];
        Assert.Same(held, TicketRules.Follow(held, claimed, Now));
        var on = TicketRules.Align(held, new("shop:1", 1, 1, [held.Id], claimed), claimed, Now);
        Assert.Null(on.OnHold);
        Assert.NotNull(on.Queue);
    }

    [Fact]
    public void A_short_pick_is_looked_for_elsewhere_once_the_rest_of_the_line_is_done_and_once_for_each_ticket()
    {
        var order = Order(3);
        var picking = Ticket("WH1", TicketStatus.Picking, 1, Line("1", 3, 1, 1));
        Assert.Equal(FulfilmentDo.Wait, Next(State(order, [Claim("1", "WH1", 2, 1)], picking)));
        var done = Ticket("WH1", TicketStatus.Picked, 1, Line("1", 3, 2, 1));
        Assert.Equal(FulfilmentDo.Reroute, Next(State(order, [Claim("1", "WH1", 1, 2)], done)));
        // The ledger took the claim away by itself: only the ticket is to be told.
        Assert.Equal(FulfilmentDo.Align, Next(State(order, [Claim("1", "WH1", 0, 2), Claim("1", Accounts.Short, 1)], done)));
        var gone = done with { Status = TicketStatus.Shipped, Lines = [Line("1", 3, 2, 1, shipped: 2)] };
        var settled = Deliveries.With(order, order.Deliveries![0] with { Shipments = [new(gone.Id, "WH1", Now, null, null, [new("1", "S1", 2)])] });
        Assert.Equal(FulfilmentDo.Reroute, Next(State(settled, [Claim("1", "WH1", 1)], gone)));
        Assert.Equal(FulfilmentDo.Align, Next(State(Deliveries.With(settled, settled.Deliveries![0] with { Rerouted = [gone.Id] }), [Claim("1", "WH1", 1)], gone)));
    }

    [Fact]
    public void Of_a_line_that_was_cut_after_the_pick_the_rest_is_put_back_and_that_is_said_until_it_was()
    {
        var order = Order(1);
        var state = State(order, [Claim("1", "WH1", 0, 3)], Ticket("WH1", TicketStatus.Picked, 1, Line("1", 3, 3)));
        var demand = Assert.Single(FulfilmentRules.Demand(state));
        Assert.Equal((2, 1), (demand.Surplus, demand.Wanted));
        Assert.Equal(FulfilmentDo.Align, Next(state));
        var told = state with { Tickets = [Ticket("WH1", TicketStatus.Picked, 1, Line("1", 1, 1))] };
        Assert.Equal(FulfilmentDo.Align, Next(told));
        Assert.Equal(FulfilmentDo.Wait, Next(told with { Order = Deliveries.With(order, order.Deliveries![0] with { Surplus = 2 }) }));
    }

    [Fact]
    public void What_is_short_when_all_else_left_waits_in_a_next_delivery_and_where_nothing_left_in_this_one()
    {
        var left = Ticket("WH1", TicketStatus.Shipped, 1, Line("1", 2, 2, shipped: 2));
        var next = Shipments.Settle(State(Order(3), [Claim("1", Accounts.Short, 1)], left));
        Assert.Equal((OrderStatus.Backordered, 2, 1, 2, null), (next.Status, next.Lines[0].Shipped, next.Lines[0].Backordered, next.Deliveries!.Count, next.Deliveries[1].DueAt));
        var none = Shipments.Settle(State(Order(3), [Claim("1", Accounts.Short, 3)], Ticket("WH1", TicketStatus.Cancelled, 1, Line("1", 3))));
        Assert.Equal((OrderStatus.Backordered, 1, DeliveryStatus.Waiting, null), (none.Status, none.Deliveries!.Count, none.Deliveries[0].Status, none.FulfilDue));
        // What the ledger lets wait for nobody does not make a delivery begin again and again.
        var lost = Shipments.Settle(State(Order(3), [], left));
        Assert.Equal((OrderStatus.Shipped, 1, null), (lost.Status, lost.Lines[0].Missing, lost.FulfilDue));
    }

    [Fact]
    public void A_bundle_that_lost_a_part_is_claimed_anew_and_only_whole_ones_are_sent()
    {
        var order = Order(2);
        order = order with { Lines = [order.Lines[0] with { Bundle = new(1, [new("A", 2, 1, ["WH1"]), new("B", 1, 1, ["WH1"])]) }] };
        var (a, b) = (Bundles.PartId("1", 0), Bundles.PartId("1", 1));
        var ticket = Ticket("WH1", TicketStatus.Picked, 1, Line(a, 4, 3, 1, 1), Line(b, 2, 2));
        Assert.Equal(FulfilmentDo.Reroute, Next(State(order, [Claim(a, "WH1", 0, 3), Claim(a, Accounts.Short, 1), Claim(b, "WH1", 0, 2)], ticket)));
        var anew = State(order, [Claim(a, "WH1", 0, 3), Claim(b, "WH1", 0, 2), Claim(Bundles.WaitId("1", 0), Accounts.Short, 2)], ticket);
        Assert.Equal(FulfilmentDo.Align, Next(anew));
        Assert.Equal([(2, 1), (1, 1)], FulfilmentRules.Demand(anew).Select(line => ((int)line.Wanted, (int)line.Surplus)));
    }

    static readonly Gen<string> Place = Gen.Int[1, 2].Select(n => $"WH{n}");

    static readonly Gen<FulfilmentState> AnyState =
        from lines in Gen.Select(Gen.Long[0, 4], Gen.Long[0, 3], Gen.Long[0, 3], Gen.Long[0, 2], (wanted, held, staged, waits) => (wanted, held, staged, waits)).List[1, 3]
        from places in Place.List[lines.Count, lines.Count]
        from tickets in Gen.Select(Gen.Enum<TicketStatus>(), Place, Gen.Long[0, 3].List[lines.Count, lines.Count], Gen.Int[0, 2], (status, place, units, kind) => (status, place, units, kind)).List[0, 3]
        from blocked in Gen.Bool
        from cancel in Gen.Int[0, 4]
        select State(
            Order([.. lines.Select(line => line.wanted)]) with { Blocks = blocked ? [new(BlockKind.Manual, null, "x", Now)] : null, Cancel = cancel switch { 0 => new(CancelState.Asked, Now, null, "x"), 1 => new(CancelState.Done, Now, null, "x", Settled: true), _ => null } },
            [.. lines.SelectMany((line, i) => new[] { Claim($"{i + 1}", places[i], line.held, line.staged), Claim($"{i + 1}", Accounts.Short, line.waits) }).Where(claim => !claim.IsGone)],
            [.. tickets.Select((ticket, n) => Ticket(ticket.place, ticket.status, n + 1, [.. ticket.units.Select((units, i) => ticket.kind switch
            {
                0 => Line($"{i + 1}", units),
                1 => Line($"{i + 1}", units, units, shipped: ticket.status is TicketStatus.Shipped or TicketStatus.Shipping ? units : 0),
                _ => Line($"{i + 1}", units, 0, units),
            })]))]);

    [Fact]
    public void Whatever_the_facts_the_order_in_which_they_are_listed_decides_nothing() => AnyState.Sample(state =>
        FulfilmentRules.Decide(state) == FulfilmentRules.Decide(state with { Claims = [.. state.Claims.Reverse()], Tickets = [.. state.Tickets.Reverse()] }));

    [Fact]
    public void Whatever_the_facts_settling_counts_every_ticket_once_and_never_less_than_what_left() => AnyState.Sample(state =>
    {
        var once = Shipments.Settle(state);
        var units = state.Tickets.Where(ticket => ticket.Status is TicketStatus.Shipped).SelectMany(ticket => ticket.Lines).Sum(line => line.Shipped);
        var again = once.UnderWay is null ? once : Shipments.Settle(state with { Order = once });
        return once.Lines.Sum(line => line.Shipped) == units && again.Lines.Sum(line => line.Shipped) == units && once.Lines.All(line => line.Committed >= 0 && line.Missing >= 0)
            && (once.UnderWay is not null || once.Status is not OrderStatus.Fulfilling);
    });

    [Fact]
    public void Whatever_the_facts_tickets_that_follow_the_demand_are_not_asked_to_follow_it_again() => AnyState.Sample(state =>
    {
        if (FulfilmentRules.Decide(state).Do is not FulfilmentDo.Align) return;
        var demand = FulfilmentRules.Demand(state);
        var order = new TicketDemand("shop:1", 1, 1, [], demand);
        // As the warehouse does it: the live ticket of a location follows, others of it are left over from the generator and dropped.
        var tickets = state.Tickets.Where(ticket => !FulfilmentRules.IsLive(ticket)).ToList();
        foreach (var place in demand.Select(line => line.Location).Concat(state.Tickets.Select(ticket => ticket.Location)).Distinct())
        {
            var here = demand.Where(line => line.Location == place).ToList();
            if (state.Tickets.Any(ticket => ticket.Location == place && ticket.Status is TicketStatus.Shipping)) continue;
            if (state.Tickets.LastOrDefault(ticket => ticket.Location == place && FulfilmentRules.IsLive(ticket)) is { } live) tickets.Add(TicketRules.Align(live, order, here, Now));
            else if (here.Any(line => line.Wanted > 0)) tickets.Add(TicketRules.Make(order, place, 9, here, Now));
        }
        var after = state with { Order = Deliveries.With(state.Order, state.Mine! with { Surplus = demand.Sum(line => line.Surplus) }), Tickets = tickets };
        Assert.NotEqual(FulfilmentDo.Align, FulfilmentRules.Decide(after).Do);
    });
}
