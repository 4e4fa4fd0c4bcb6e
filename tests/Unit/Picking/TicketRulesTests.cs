using CsCheck;
using Selvedge.Picking;

namespace Selvedge.Tests.Unit.Picking;

/// <summary>Tickets follow claims.</summary>
public sealed class TicketRulesTests
{
    static readonly DateTimeOffset At = new(2026, 11, 24, 9, 0, 0, TimeSpan.Zero);
    static readonly TicketDemand Demand = new("shop:1001", 1, 1, [], []) { Channel = "shop", Priority = 5 };

    static PickTicket Ticket(params TicketDemandLine[] claims) => TicketRules.Make(Demand, "WH1", 1, claims, At);
    static TicketDemandLine Claim(string line, long held, long staged = 0, long surplus = 0) => new(line, "SKU-" + line, "WH1", held, staged) { Surplus = surplus };
    static TicketScan Scan(string id, string line, long units, ScanKind kind = ScanKind.Pick) => new(id, kind, "SKU-" + line, units, [new(line, units)]);
    static ShortPick Short(string id, string line, long units) => new(id, line, "SKU-" + line, units, ShortReason.NotFound, null, At, "p");

    [Fact]
    public void An_edit_raises_and_lowers_lines_and_the_same_claims_again_change_nothing()
    {
        var ticket = TicketRules.Align(Ticket(Claim("1", 2), Claim("2", 1)), Demand, [Claim("1", 5), Claim("3", 1)], At);
        Assert.Equal([("1", 5L), ("3", 1L)], ticket.Lines.Select(line => (line.Line, line.Quantity)));
        Assert.Same(ticket, TicketRules.Align(ticket, Demand, [Claim("1", 5), Claim("3", 1)], At.AddMinutes(1)));
    }

    [Fact]
    public void A_ticket_for_which_nothing_is_claimed_is_called_off_and_leaves_the_queue()
    {
        var ticket = Ticket(Claim("1", 2));
        Assert.StartsWith("WH1|4|9|2026-11-24", ticket.Queue!, StringComparison.Ordinal);
        var gone = TicketRules.Align(ticket, Demand, [], At);
        Assert.Equal((TicketStatus.Cancelled, null), (gone.Status, gone.Queue));
    }

    [Fact]
    public void Staged_units_that_nobody_wants_are_not_the_tickets_any_more()
    {
        var picked = TicketRules.Apply(Ticket(Claim("1", 3)), Scan("s", "1", 3));
        var cut = TicketRules.Align(picked, Demand, [Claim("1", 0, staged: 3, surplus: 2)], At);
        Assert.Equal((1L, 1L, TicketStatus.Picked), (cut.Lines[0].Quantity, cut.Lines[0].Picked, cut.Status));
        Assert.Equal(TicketStatus.Cancelled, TicketRules.Align(picked, Demand, [Claim("1", 0, staged: 3, surplus: 3)], At).Status);
    }

    [Fact]
    public void Units_that_come_back_after_a_short_pick_was_settled_are_picked_again()
    {
        var ticket = TicketRules.Apply(TicketRules.Apply(Ticket(Claim("1", 3)), Scan("a", "1", 2)), Short("b", "1", 1));
        Assert.Equal(TicketStatus.Picked, ticket.Status);
        // Seen before the order was told: nothing changes.
        Assert.Same(ticket, TicketRules.Align(ticket, Demand, [Claim("1", 1, staged: 2)], At));
        var settled = TicketRules.Align(ticket, Demand, [Claim("1", 0, staged: 2)], At);
        Assert.Equal((1L, 0L, TicketStatus.Picked), (settled.Lines[0].Settled, settled.Left, settled.Status));
        var again = TicketRules.Align(settled, Demand, [Claim("1", 1, staged: 2)], At);
        Assert.Equal((1L, TicketStatus.Open), (again.Left, again.Status));
    }

    [Fact]
    public void Cartons_are_opened_again_when_what_was_picked_changes()
    {
        var packed = TicketRules.Apply(Ticket(Claim("1", 1)), Scan("a", "1", 1)) with { Status = TicketStatus.Packed, Cartons = [new(1, "c", false, [new("1", "SKU-1", 1)])] };
        var raised = TicketRules.Align(packed, Demand, [Claim("1", 1, staged: 1)], At);
        // In nobody's hands: the queue has it again.
        Assert.Equal((TicketStatus.Open, 1L), (raised.Status, raised.Left));
        Assert.NotNull(raised.Queue);
        var back = TicketRules.Apply(packed, Scan("b", "1", 1, ScanKind.Unpick));
        Assert.Equal((TicketStatus.Picking, null), (back.Status, back.Cartons));
    }

    [Fact]
    public void The_same_scan_counts_once_and_what_has_left_is_left_alone()
    {
        var ticket = TicketRules.Apply(Ticket(Claim("1", 3)), Scan("a", "1", 1));
        Assert.Same(ticket, TicketRules.Apply(ticket, Scan("a", "1", 1)));
        var left = ticket with { Status = TicketStatus.Shipping };
        Assert.Same(left, TicketRules.Align(left, Demand, [], At));
        Assert.Same(left, TicketRules.Apply(left, Scan("b", "1", 1)));
        Assert.Same(left, TicketRules.Apply(left, Short("b", "1", 1)));
    }

    enum Act { Pick, Unpick, Short, Reroute, Raise, Cut }

    // A claim of each of two lines and the ticket that follows it, through everything that may happen to both.
    [Fact]
    public void Whatever_happens_a_ticket_asks_for_what_is_held_and_not_known_to_be_missing() => Gen.Select(Gen.Enum<Act>(), Gen.Int[0, 1], Gen.Int[1, 3]).Array[1, 25].Sample(acts =>
    {
        long[] held = [2, 2], staged = [0, 0];
        var ticket = TicketRules.Make(Demand, "WH1", 1, Claims(), At);
        var number = 0;
        foreach (var (act, line, units) in acts)
        {
            var name = line.ToString(System.Globalization.CultureInfo.InvariantCulture);
            var now = ticket.Lines.FirstOrDefault(one => one.Line == name);
            switch (act)
            {
                case Act.Pick when Math.Min(units, Math.Min(now?.Left ?? 0, held[line])) is > 0 and var picked:
                    (held[line], staged[line]) = (held[line] - picked, staged[line] + picked);
                    ticket = TicketRules.Apply(ticket, Scan($"s{number++}", name, picked));
                    break;
                case Act.Unpick when Math.Min(units, now?.Picked ?? 0) is > 0 and var back:
                    (held[line], staged[line]) = (held[line] + back, staged[line] - back);
                    ticket = TicketRules.Apply(ticket, Scan($"s{number++}", name, back, ScanKind.Unpick));
                    break;
                case Act.Short when Math.Min(units, now?.Left ?? 0) is > 0 and var missing:
                    ticket = TicketRules.Apply(ticket, Short($"s{number++}", name, missing));
                    break;
                case Act.Reroute:
                    held[line] -= Math.Min(held[line], (now?.Short ?? 0) - (now?.Settled ?? 0));
                    break;
                case Act.Raise:
                    held[line] += units;
                    break;
                case Act.Cut:
                    held[line] -= Math.Min(held[line], units);
                    break;
            }
            ticket = TicketRules.Align(ticket, Demand, Claims(), At);
            Assert.Same(ticket, TicketRules.Align(ticket, Demand, Claims(), At));
            if (held.Sum() + staged.Sum() == 0)
            {
                Assert.Equal(TicketStatus.Cancelled, ticket.Status);
                return;
            }
            foreach (var i in (int[])[0, 1])
            {
                var one = ticket.Lines.FirstOrDefault(other => other.Line == (i == 0 ? "0" : "1")) ?? new() { Line = "", Sku = "", Quantity = 0 };
                Assert.Equal(staged[i], one.Picked);
                Assert.InRange(one.Settled, 0, one.Short);
                Assert.Equal(held[i], one.Left + one.Short - one.Settled);
            }
            Assert.Equal(ticket.Left == 0, ticket.Status == TicketStatus.Picked);
        }

        TicketDemandLine[] Claims() => [Claim("0", held[0], staged[0]), Claim("1", held[1], staged[1])];
    });

    [Fact]
    public void Units_of_a_scan_go_to_the_lines_in_order_and_never_beyond_what_they_lack() => Gen.Select(Gen.Long[0, 4].Array[1, 5], Gen.Long[1, 12]).Sample((lacking, units) =>
    {
        var lines = lacking.Select((left, i) => new TicketLine { Line = $"{i}", Sku = "S", Quantity = left }).Append(new() { Line = "other", Sku = "T", Quantity = 9 }).ToList();
        var parts = TicketRules.Spread(lines, "S", units, line => line.Left);
        Assert.Equal(Math.Min(units, lacking.Sum()), parts.Sum(part => part.Quantity));
        Assert.All(parts, part => Assert.InRange(part.Quantity, 1, lines.Single(line => line.Line == part.Line && line.Sku == "S").Left));
    });

    [Theory]
    [InlineData("WH1.0123456789AB.2.3", "WH1", 3)]
    [InlineData("WH.1.0123456789AB.2.3", "WH.1", 3)]
    [InlineData("WH1.0123456789AB.1.B", "WH1", 0)]
    [InlineData("WH1", null, 0)]
    [InlineData(".a.b.c", null, 0)]
    public void An_id_says_where_it_is(string id, string? location, int number)
    {
        Assert.Equal(location, WorkIds.LocationOf(id));
        Assert.Equal(number, WorkIds.NumberOf(id));
    }
}
