using CsCheck;
using Selvedge.Picking;

namespace Selvedge.Tests.Unit.Picking;

/// <summary>Planning waves and following their tickets.</summary>
public sealed class WaveRulesTests
{
    static readonly DateTimeOffset At = new(2026, 11, 24, 9, 0, 0, TimeSpan.Zero);

    static PickTicket Ticket(int number, params (string Sku, long Units)[] lines) => new()
    {
        Id = $"WH1.T.1.{number}", Location = "WH1", Status = TicketStatus.Open, Order = $"shop:{number}", Delivery = 1, Run = 1, CreatedAt = At,
        Lines = [.. lines.Select((line, i) => new TicketLine { Line = $"{i}", Sku = line.Sku, Quantity = line.Units })],
    };

    static Dictionary<string, Dictionary<string, long>> Free(params (string Sku, string Bin, long Units)[] bins) =>
        bins.GroupBy(bin => bin.Sku).ToDictionary(sku => sku.Key, sku => sku.ToDictionary(bin => bin.Bin, bin => bin.Units));

    static WaveRequest Request(int tickets = 100, int lines = 1000, long units = 1000, string? zone = null) => new(WaveKind.Batch, tickets, lines, units, zone, null, null);

    static Wave Open(WavePlan plan) => new()
    {
        Id = "WH1.X.0.W", Location = "WH1", Is = WaveKind.Batch, Status = WaveStatus.Open, CreatedAt = At, Actor = "p",
        Tickets = [.. plan.Tickets.Select(one => new WaveTicket(one.Slot, one.Ticket.Id, one.Ticket.Order))], Stops = plan.Stops,
    };

    [Fact]
    public void Lines_of_one_SKU_are_one_stop_with_a_part_for_each_slot_and_a_bin_that_is_visited_anyway_is_preferred()
    {
        var plan = WaveRules.Plan([Ticket(1, ("S", 2)), Ticket(2, ("S", 1), ("T", 1))], Free(("S", "A-02", 5), ("S", "A-01", 1), ("T", "B-01", 1)), Request());
        Assert.Equal([("A-02", "S"), ("B-01", "T")], plan.Stops.Select(stop => (stop.Bin, stop.Sku)));
        Assert.Equal([(1, 2L), (2, 1L)], plan.Stops[0].Parts.Select(part => (part.Slot, part.Quantity)));
    }

    [Fact]
    public void Of_several_bins_the_one_with_the_fewest_but_enough_is_taken() =>
        Assert.Equal("A-03", WaveRules.Plan([Ticket(1, ("S", 2))], Free(("S", "A-01", 1), ("S", "A-02", 9), ("S", "A-03", 2)), Request()).Stops.Single().Bin);

    [Fact]
    public void A_ticket_whose_units_are_elsewhere_is_passed_over_and_one_that_does_not_fit_leaves_room_for_later_ones()
    {
        var plan = WaveRules.Plan([Ticket(1, ("S", 9)), Ticket(2, ("S", 1)), Ticket(3, ("T", 1)), Ticket(4, ("S", 2))], Free(("S", "A-01", 20), ("T", "B-01", 1)), Request(units: 4, zone: "a-"));
        Assert.Equal(["shop:2", "shop:4"], plan.Tickets.Select(one => one.Ticket.Order));
        Assert.Equal(["shop:3"], plan.PassedOver.Select(ticket => ticket.Order));
    }

    static readonly Gen<(string Sku, string Bin, long Units)[]> Bins = Gen.Select(Gen.Int[0, 2].Select(i => "STU"[i..(i + 1)]), Gen.Int[0, 3].Select(i => new[] { "A-01", "A-02", "B-01", "" }[i]), Gen.Long[1, 6])
        .Array[0, 10].Select(bins => bins.DistinctBy(bin => (bin.Item1, bin.Item2)).ToArray());
    static readonly Gen<PickTicket[]> Tickets = Gen.Select(Gen.Int[0, 2].Select(i => "STU"[i..(i + 1)]), Gen.Long[1, 4]).Array[1, 3].Array[1, 8].Select(all => all.Select((lines, i) => Ticket(i + 1, lines)).ToArray());

    [Fact]
    public void No_unit_is_given_out_twice_every_line_is_placed_once_and_the_limits_hold() => Gen.Select(Tickets, Bins, Gen.Int[1, 5], Gen.Int[1, 8], Gen.Long[1, 15]).Sample((tickets, bins, most, lines, units) =>
    {
        var plan = WaveRules.Plan(tickets, Free(bins), Request(most, lines, units));
        Assert.InRange(plan.Tickets.Count, 0, most);
        Assert.InRange(plan.Tickets.Sum(one => one.Ticket.Lines.Count), 0, lines);
        Assert.InRange(plan.Stops.Sum(stop => stop.Parts.Sum(part => part.Quantity)), 0, units);
        foreach (var stop in plan.Stops) Assert.InRange(stop.Parts.Sum(part => part.Quantity), 1, bins.Single(bin => bin.Sku == stop.Sku && bin.Bin == stop.Bin).Units);
        foreach (var (ticket, slot) in plan.Tickets)
            foreach (var line in ticket.Lines)
                Assert.Equal(line.Quantity, plan.Stops.Where(stop => stop.Sku == line.Sku).SelectMany(stop => stop.Parts).Where(part => part.Slot == slot && part.Ticket == ticket.Id && part.Line == line.Line).Sum(part => part.Quantity));
        Assert.Equal(plan.Stops.Count, plan.Stops.Select(stop => (stop.Bin, stop.Sku)).Distinct().Count());
        Assert.Equal(Walk.Order(plan.Stops.Select(stop => stop.Bin)), plan.Stops.Select(stop => stop.Bin).Distinct());
        Assert.DoesNotContain(plan.PassedOver, ticket => plan.Tickets.Any(one => one.Ticket.Id == ticket.Id));
    });

    [Fact]
    public void Scans_fill_the_slots_in_order_until_nothing_is_left() => Gen.Select(Tickets, Bins, Gen.Long[1, 3].Array[1, 40]).Sample((tickets, bins, scans) =>
    {
        var wave = Open(WaveRules.Plan(tickets, Free(bins), Request()));
        var number = 0;
        foreach (var units in scans)
            foreach (var sku in (string[])["S", "T", "U"])
            {
                var (before, placed) = (wave.Left, WaveRules.Place(wave, sku, units, null, null));
                Assert.Equal(Math.Min(units, wave.Stops.Where(stop => stop.Sku == sku).Sum(stop => stop.Parts.Sum(part => part.Left))), placed.Sum(placing => placing.Quantity));
                if (placed.Count == 0) continue;
                wave = WaveRules.Apply(wave, new($"s{number++}", sku, units, placed));
                Assert.Equal(before - placed.Sum(placing => placing.Quantity), wave.Left);
                Assert.All(wave.Stops.SelectMany(stop => stop.Parts), part => Assert.InRange(part.Left, 0, part.Quantity));
            }
        if (scans.Sum() >= 96) Assert.Equal(0, wave.Left);
    });

    [Fact]
    public void What_a_ticket_no_longer_lacks_is_dropped_and_a_refused_placing_is_no_longer_done()
    {
        var (one, two) = (Ticket(1, ("S", 2)), Ticket(2, ("S", 1)));
        var wave = Open(WaveRules.Plan([one, two], Free(("S", "A-01", 5)), Request()));
        var placed = WaveRules.Place(wave, "S", 1, null, null);
        var scanned = WaveRules.Apply(wave, new("s", "S", 1, placed));
        var refused = WaveRules.Refuse(scanned, "s", placed[0]);
        Assert.Equal((2L, 1L), (refused.Left, refused.Stops[0].Parts[0].Dropped));
        Assert.True(refused.Scans!.Single().Placed.Single().Refused);
        Assert.Same(refused, WaveRules.Refuse(refused, "s", placed[0]));

        var tickets = new[] { one with { Wave = wave.Id, Lines = [one.Lines[0] with { Short = 1 }] }, two }.ToDictionary(ticket => ticket.Id);
        var followed = WaveRules.Follow(wave, tickets);
        Assert.Equal([1L, 0L], followed.Stops[0].Parts.Select(part => part.Left));
        Assert.Same(followed, WaveRules.Follow(followed, tickets));
    }
}
