using CsCheck;
using Selvedge.Picking;

namespace Selvedge.Tests.Unit.Picking;

/// <summary>The walking order through bins.</summary>
public sealed class WalkTests
{
    [Theory]
    [InlineData("A-01-1 A-02-1 A-10-1 B-10-1 B-02-1 B-01-1 C-01-1 C-02-1", "up one aisle, down the next")]
    [InlineData("2-01 2-02 10-02 10-01", "aisles count as numbers, and the second visited is walked down")]
    [InlineData("A-9-1 A-10-1 A-10-2 A-10-10", "bays and levels count as numbers; levels always from below")]
    [InlineData("A01 A02 B02 B01", "without separators letters and digits alternate")]
    [InlineData("A-03-1 C-07-1 C-02-2 D-01-1", "an aisle that is not visited does not turn the walk")]
    public void Bins_are_walked_in_a_serpentine(string expected, string why)
    {
        var bins = expected.Split(' ');
        Assert.True(bins.SequenceEqual(Walk.Order(bins.Order(StringComparer.Ordinal))), why + ": " + string.Join(' ', Walk.Order(bins)));
    }

    [Fact]
    public void What_has_no_bin_comes_last() => Assert.Equal(["A-01", "Z-99", ""], Walk.Order(["", "Z-99", "A-01"]));

    [Fact]
    public void Every_bin_is_walked_once_whatever_order_it_was_asked_in() => Gen.Char["AB01-. "].Array[0, 6].Select(chars => new string(chars)).Array[0, 30].Sample(bins =>
    {
        var order = Walk.Order(bins);
        Assert.Equal(bins.Distinct().Order(StringComparer.Ordinal), order.Order(StringComparer.Ordinal));
        Assert.Equal(order, Walk.Order(bins.Reverse()));
    });
}
