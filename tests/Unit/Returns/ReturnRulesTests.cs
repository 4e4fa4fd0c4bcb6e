using CsCheck;
using Selvedge.Platform;
using Selvedge.Returns;

namespace Selvedge.Tests.Unit.Returns;

/// <summary>Receipt, grading and refund come in any order.</summary>
public sealed class ReturnRulesTests
{
    static readonly DateTimeOffset Now = new(2026, 11, 24, 9, 0, 0, TimeSpan.Zero);
    static readonly string[] Skus = ["A", "B"];

    static ReturnCase New(params ExpectedLine[] lines) => new() { Id = "r", Source = "rma", Order = "shop:1", Actor = "t", Lines = lines };

    static ReturnCase Receive(ReturnCase found, string id, string sku, long units) =>
        found with { Receipts = [.. found.Receipts, new(id, "WH1", Now, "t", ReturnRules.Match(found, [(sku, units, null)]))] };

    static ReturnCase Graded(ReturnCase found, string id, string sku, long units) =>
        found with { Gradings = [.. found.Gradings, new(id, "WH1", sku, units, Grade.A, "", "", Now, "t", "k", Role.Warehouse) { Done = true }] };

    static readonly Gen<(int Kind, string Sku, long Units)[]> GenFacts = Gen.Select(Gen.Int[0, 3], Gen.Int[0, 1], Gen.Long[1, 4]).Select((kind, sku, units) => (kind, Skus[sku], units)).Array[0, 8];

    static ReturnCase Apply(ReturnCase found, (int Kind, string Sku, long Units) fact, int at) => fact.Kind switch
    {
        0 => Receive(found, $"r{at}", fact.Sku, fact.Units),
        1 => Graded(found, $"g{at}", fact.Sku, fact.Units),
        2 => found with { Refunds = [.. found.Refunds, new($"f{at}", 1, "AUD", Now, "t")] },
        _ => found with { Ended = found.Ended || fact.Units == 4 },
    };

    [Fact]
    public void As_many_may_be_graded_as_came_or_are_still_to_come_wherever_that_is()
    {
        var found = New(new ExpectedLine("1", "A", 3));
        Assert.Equal((3L, 0L), (ReturnRules.Gradable(found, "WH1", "A"), ReturnRules.Gradable(found, "WH1", "B")));
        found = Graded(Receive(found, "r1", "A", 1), "g1", "A", 2);
        Assert.Equal((1L, 1L), (ReturnRules.Gradable(found, "WH1", "A"), ReturnRules.Gradable(found, "WH2", "A")));
        Assert.Equal(0, ReturnRules.Gradable(found with { Ended = true }, "WH1", "A"));
        found = Receive(found, "r2", "A", 9);
        Assert.Equal((8L, 0L), (ReturnRules.Gradable(found, "WH1", "A"), ReturnRules.Gradable(found, "WH2", "A")));
        Assert.True(ReturnRules.WaitsForReceipt(found, found.Gradings[0] with { Id = "g2", Done = false, Units = 9 }));
    }

    [Fact]
    public void Where_a_return_stands_does_not_depend_on_the_order_of_its_facts() =>
        (from facts in GenFacts from order in Gen.Shuffle(Enumerable.Range(0, facts.Length).ToArray()) select (facts, order)).Sample((facts, order) =>
        {
            var start = New(new("1", "A", 3), new("2", "B", 2), new("3", "A", 1));
            // Who ends a return says what was expected of it; that it comes last is what people do.
            var straight = facts.Select((fact, at) => (fact, at)).OrderBy(each => each.fact.Kind == 3).Aggregate(start, (found, each) => Apply(found, each.fact, each.at));
            var mixed = order.OrderBy(at => facts[at].Kind == 3).Aggregate(start, (found, at) => Apply(found, facts[at], at));
            Assert.Equal((ReturnRules.StatusOf(straight), straight.Refunds.Count), (ReturnRules.StatusOf(mixed), mixed.Refunds.Count));
            foreach (var sku in Skus)
                Assert.Equal(start.Lines.Where(line => line.Sku == sku).Sum(line => ReturnRules.Came(straight, line)), start.Lines.Where(line => line.Sku == sku).Sum(line => ReturnRules.Came(mixed, line)));
        });

    [Fact]
    public void What_came_is_taken_for_what_was_expected_and_no_line_gets_more() => Gen.Select(Gen.Int[0, 1], Gen.Long[1, 6]).Array[1, 6].Sample(came =>
    {
        var found = New(new("1", "A", 3), new("2", "B", 2));
        var matched = ReturnRules.Match(found, [.. came.Select(line => (Skus[line.Item1], line.Item2, (string?)null))]);
        foreach (var (sku, expected) in new[] { ("A", 3L), ("B", 2L) })
        {
            var units = came.Where(line => Skus[line.Item1] == sku).Sum(line => line.Item2);
            Assert.Equal(units, matched.Where(line => line.Sku == sku).Sum(line => line.Units));
            Assert.Equal(Math.Min(units, expected), matched.Where(line => line.Sku == sku && line.Line is not null).Sum(line => line.Units));
        }
    });

    [Fact]
    public void It_is_expected_then_partial_then_received_then_graded()
    {
        var found = New(new ExpectedLine("1", "A", 2));
        Assert.Equal(ReturnStatus.Expected, ReturnRules.StatusOf(Graded(found, "g", "A", 2)));
        Assert.Equal(ReturnStatus.Partial, ReturnRules.StatusOf(found = Receive(found, "r1", "A", 1)));
        Assert.Equal(ReturnStatus.Received, ReturnRules.StatusOf(found with { Ended = true }));
        Assert.Equal(ReturnStatus.Received, ReturnRules.StatusOf(found = Receive(found, "r2", "A", 1)));
        Assert.Equal(ReturnStatus.Graded, ReturnRules.StatusOf(found = Graded(found, "g", "A", 2)));
        Assert.Equal(ReturnStatus.Closed, ReturnRules.StatusOf(found with { Ended = true }));
    }

    [Fact]
    public void Units_re_enter_at_their_share_of_their_own_shipment()
    {
        Assert.Equal(33_333, ReturnRules.Value(1, (3, 100_000)));
        Assert.Equal(100_000, ReturnRules.Value(3, (3, 100_000)));
        Assert.Null(ReturnRules.Value(4, (3, 100_000)));
        Assert.Null(ReturnRules.Value(1, (0, 0)));
    }
}
