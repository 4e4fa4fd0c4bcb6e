using CsCheck;
using Selvedge.Listings;

namespace Selvedge.Tests.Unit.Listings;

/// <summary>An adaptive threshold is the smallest number that keeps the chance of an oversell under the risk that was set.</summary>
public sealed class AdaptiveTests
{
    [Theory]
    [InlineData(0, 0.01, 0)]
    // One sold an hour, a minute of latency: one minute in sixty sells one. A threshold of one pauses at nothing left.
    [InlineData(1, 0.05, 1)]
    [InlineData(1, 0.01, 2)]
    // Poisson with mean 1: P(D ≥ 4) = 0.0190, P(D ≥ 5) = 0.0037.
    [InlineData(60, 0.02, 4)]
    [InlineData(60, 0.01, 5)]
    public void The_threshold_is_read_from_the_distribution(double perHour, double risk, long threshold) => Assert.Equal(threshold, Adaptive.Threshold(new(perHour, TimeSpan.FromMinutes(1)), risk));

    [Fact]
    public void More_demand_more_latency_less_risk_and_bursts_never_lower_it() =>
        Gen.Select(Gen.Double[0.1, 500], Gen.Double[1, 600], Gen.Double[0.001, 0.2], Gen.Double[1, 6]).Sample((perHour, seconds, risk, dispersion) =>
        {
            var at = Adaptive.Threshold(new(perHour, TimeSpan.FromSeconds(seconds), dispersion), risk);
            Assert.True(Adaptive.Threshold(new(perHour * 1.5, TimeSpan.FromSeconds(seconds), dispersion), risk) >= at);
            Assert.True(Adaptive.Threshold(new(perHour, TimeSpan.FromSeconds(seconds * 1.5), dispersion), risk) >= at);
            Assert.True(Adaptive.Threshold(new(perHour, TimeSpan.FromSeconds(seconds), dispersion), risk / 2) >= at);
        });

    // Units that orders of 1 to 4 units (compound Poisson) take within the latency of a listing that still shows what was left when it stood at its threshold.
    [Theory]
    [InlineData(40, 30, 0.005)]
    [InlineData(200, 20, 0.01)]
    [InlineData(900, 10, 0.01)]
    [InlineData(12, 300, 0.002)]
    public void The_risk_that_was_set_is_kept(double ordersPerHour, double latencySeconds, double risk)
    {
        var random = new Random(20261124);
        var (sizes, trials) = ((double[])[0.6, 0.25, 0.1, 0.05], 200_000);
        var (mean, squares) = (sizes.Select((share, i) => share * (i + 1)).Sum(), sizes.Select((share, i) => share * (i + 1) * (i + 1)).Sum());
        var threshold = Adaptive.Threshold(new(ordersPerHour * mean, TimeSpan.FromSeconds(latencySeconds), squares / mean), risk);
        var (oversold, without) = (0, 0);
        for (var trial = 0; trial < trials; trial++)
        {
            var units = 0L;
            for (var at = Next(); at <= latencySeconds; at += Next()) units += Size();
            if (units > threshold) oversold++;
            if (units > threshold / 2) without++;
        }
        // Counting noise: four standard deviations of a share at the risk itself.
        Assert.True(oversold <= trials * risk + 4 * Math.Sqrt(trials * risk), $"threshold {threshold}: {oversold} of {trials} oversold, risk {risk:P2}");
        Assert.True(without > oversold, "a smaller threshold keeps less");

        double Next() => -Math.Log(1 - random.NextDouble()) * 3600 / ordersPerHour;
        int Size()
        {
            var (die, size) = (random.NextDouble(), 0);
            while (size < sizes.Length - 1 && (die -= sizes[size]) >= 0) size++;
            return size + 1;
        }
    }

    [Fact]
    public void A_listing_that_sells_fast_through_a_slow_channel_is_paused_earlier_and_says_why()
    {
        var levels = new ListingSettings?[] { new() { Threshold = 2, Risk = 0.01 } };
        Assert.Equal((2, null), Of(new(0.5, TimeSpan.FromSeconds(5))));
        var (threshold, why) = Of(new(120, TimeSpan.FromMinutes(2)));
        Assert.True(threshold > 8, $"{threshold}");
        Assert.Contains("120 sold an hour", why, StringComparison.Ordinal);

        (long, string?) Of(Demand demand) => (ListingRules.Bounds(levels, demand).Threshold, ListingRules.Bounds(levels, demand).Why);
    }
}
