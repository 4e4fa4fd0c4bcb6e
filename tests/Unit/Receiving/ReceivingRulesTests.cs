using CsCheck;
using Selvedge.Receiving;

namespace Selvedge.Tests.Unit.Receiving;

public sealed class ReceivingRulesTests
{
    static readonly string[] Skus = ["A", "B", "C"];

    static readonly Gen<ReceivedLine> GenLine = Gen.Select(Gen.Int[0, 2], Gen.Long[1, 30], Gen.Long[0, 30]).Select((sku, units, damaged) => new ReceivedLine(Skus[sku], units, Math.Min(units, damaged), "", null));
    static readonly Gen<List<OpenLine>> GenOpen = Gen.Select(Gen.Int[0, 1], Gen.Long[0, 30]).List[0, 6].Select(lines => lines.Select((line, i) => new OpenLine($"{i}", Skus[line.Item1], line.Item2, $"po:1:{i}", 12_345)).ToList());

    [Fact]
    public void Every_unit_that_came_is_posted_once_and_no_line_gets_more_than_was_open() => Gen.Select(GenLine.List[1, 8], GenOpen).Sample((lines, open) =>
    {
        var postings = ReceivingRules.Plan(lines, open, 1.25m);
        foreach (var sku in Skus)
        {
            Assert.Equal(lines.Where(line => line.Sku == sku).Sum(line => line.Units), postings.Where(posting => posting.Sku == sku).Sum(posting => posting.Units));
            Assert.Equal(lines.Where(line => line.Sku == sku).Sum(line => line.Damaged), postings.Where(posting => posting.Sku == sku && posting.Damaged).Sum(posting => posting.Units));
            var (came, room) = (lines.Where(line => line.Sku == sku).Sum(line => line.Units), open.Where(line => line.Sku == sku).Sum(line => line.Open));
            Assert.Equal(Math.Max(0, came - room), postings.Where(posting => posting.Sku == sku && posting.Over).Sum(posting => posting.Units));
        }
        foreach (var line in open) Assert.True(postings.Where(posting => posting.Supply == line.Supply).Sum(posting => posting.Units) <= line.Open);
        Assert.All(postings, posting => Assert.True(posting.Units > 0 && posting.Over == (posting.Supply is null)));
        // Good units first: nobody who waits loses the supply to a broken one.
        foreach (var sku in Skus) Assert.DoesNotContain(postings.Where(posting => posting.Sku == sku).SkipWhile(posting => !posting.Damaged), posting => !posting.Damaged);
    });

    [Fact]
    public void A_cost_is_converted_once_for_all_units_and_rounded_half_away_from_zero()
    {
        var posting = Assert.Single(ReceivingRules.Plan([new("A", 3, 0, "", null)], [new("1", "A", 10, "po:1:1", 10_001)], 1.5m));
        Assert.Equal(45_005, posting.Value);
        Assert.Equal(-2, ReceivingRules.Convert(-1, 1.5m));
    }

    [Theory, InlineData("1.5320", true), InlineData("0", false), InlineData("-1", false), InlineData("1,5", false), InlineData("1e3", false), InlineData("0.00000000001", false)]
    public void A_rate_is_plain_decimal_text_above_zero(string text, bool good) => Assert.Equal(good, ReceivingRules.TryRate(text, out _));

    [Fact]
    public void Landed_cost_adds_up_exactly_and_only_what_is_still_owned_is_worth_more() =>
        Gen.Select(Gen.Long[-1_000_000, 100_000_000], Gen.Select(Gen.Long[0, 1_000], Gen.Long[1, 500], Gen.Long[-5, 800]).List[1, 20]).Sample((amount, parts) =>
        {
            var shares = ReceivingRules.Spread(amount, [.. parts.Select((part, i) => ($"S{i:00}", part.Item1, part.Item2, part.Item3))]);
            Assert.Equal(amount, shares.Sum(share => share.Capitalized + share.Expensed));
            foreach (var (share, part) in shares.Zip(parts))
            {
                if (part.Item3 >= part.Item2) Assert.Equal(0, share.Expensed);
                if (part.Item3 <= 0) Assert.Equal(0, share.Capitalized);
                Assert.True(share.Capitalized == 0 || Math.Sign(share.Capitalized) == Math.Sign(amount));
            }
        });
}
