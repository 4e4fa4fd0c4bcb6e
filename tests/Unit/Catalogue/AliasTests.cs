using CsCheck;
using Selvedge.Catalogue;

namespace Selvedge.Tests.Unit.Catalogue;

public class AliasTests
{
    static readonly DateTimeOffset Day = new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);

    static Alias Take(Alias? before, string sku, int now, DateTimeOffset? from = null, DateTimeOffset? to = null, bool yields = false) =>
        Alias.Wanted(before, new("OLD-1", from, to), sku, false, Day.AddDays(now), _ => yields ? Yield.Ends : Yield.No, out var clash) ?? (clash is null ? before! : throw new InvalidOperationException(clash));

    [Fact]
    public void The_first_sku_of_a_code_has_it_from_the_first_day()
    {
        var alias = Take(null, "A", 5);
        Assert.Equal(("A", "A"), (alias.Holder(Day.AddYears(-9))!.Sku, alias.Holder(Day.AddDays(9))!.Sku));
    }

    [Fact]
    public void A_code_that_ended_means_what_it_meant_and_another_sku_may_have_it()
    {
        var alias = Take(Take(null, "A", 0).Ended("A", Day.AddDays(3)), "B", 6);
        Assert.Equal(["A", null, "B"], new[] { 2, 4, 6 }.Select(day => alias.Holder(Day.AddDays(day))?.Sku));
    }

    [Fact]
    public void A_code_with_dates_leaves_the_time_before_and_after_to_others()
    {
        var alias = Take(null, "A", 0, Day.AddDays(10), Day.AddDays(20));
        alias = Take(alias, "B", 0, null, Day.AddDays(10));
        alias = Take(alias, "C", 0, Day.AddDays(20));
        Assert.Equal(["B", "A", "C"], new[] { 9, 10, 20 }.Select(day => alias.Holder(Day.AddDays(day))!.Sku));
        Assert.Throws<InvalidOperationException>(() => Take(alias, "D", 0, Day.AddDays(15), Day.AddDays(25)));
    }

    [Fact]
    public void A_code_that_another_yields_keeps_what_it_meant_until_then()
    {
        var alias = Take(Take(null, "A", 0), "B", 4, yields: true);
        Assert.Equal(["A", "B"], new[] { 3, 4 }.Select(day => alias.Holder(Day.AddDays(day))!.Sku));
        Assert.Throws<InvalidOperationException>(() => Take(alias, "C", 9));
    }

    [Fact]
    public void Whatever_is_taken_and_given_up_a_code_never_means_two_skus_and_the_past_stays() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 2], Gen.Int[0, 40], Gen.Int[0, 40]).Array[1, 30].Sample(steps =>
        {
            Alias? alias = null;
            for (var now = 0; now < steps.Length; now++)
            {
                var (sku, what, from, to) = steps[now];
                var before = alias;
                if (what == 0) alias = alias?.Ended($"S{sku}", Day.AddDays(now));
                else
                {
                    var (begins, ends) = what == 1 ? (default(DateTimeOffset?), default(DateTimeOffset?)) : (Day.AddDays(Math.Min(from, to)), Day.AddDays(Math.Max(from, to) + 1));
                    alias = Alias.Wanted(alias, new("X", begins, ends), $"S{sku}", false, Day.AddDays(now), _ => Yield.No, out _) ?? alias;
                }
                if (alias is null) continue;
                for (var i = 0; i < alias.Spans.Count; i++)
                    for (var j = 0; j < i; j++) Assert.False(alias.Spans[i].Overlaps(alias.Spans[j]), string.Join(" / ", alias.Spans));
                // A code without dates of its own leaves what others had before it alone.
                if (what < 2 && before?.Holder(Day.AddDays(now - 1)) is { } held && held.Sku != $"S{sku}") Assert.Equal(held.Sku, alias.Holder(Day.AddDays(now - 1))?.Sku);
            }
        });
}
