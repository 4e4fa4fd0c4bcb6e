namespace Selvedge.Listings;

/// <summary>How a SKU sells, as measured, and how long a channel's number is old.</summary>
/// <param name="PerHour">Units sold an hour, over all channels.</param>
/// <param name="Latency">From a sale anywhere until this channel's number follows: a high percentile of what was measured.</param>
/// <param name="Dispersion">Variance of sales per interval over their mean; 1: Poisson, above it demand comes in bursts.</param>
public sealed record Demand(double PerHour, TimeSpan Latency, double Dispersion = 1);

/// <summary>
/// Adaptive thresholds (design, section 5). During the refresh latency L a channel goes on selling by an old number. With N units left when it pauses, an oversell happens
/// when the demand in L is more than N; a listing that is paused below T has N ≥ T whenever it is live. So T is the smallest number with P(D ≥ T) ≤ risk, the reorder point
/// of a continuous-review system at cycle service level 1 − risk with a lead time of L (Silver, Pyke, Thomas: Inventory and Production Management in Supply Chains, 4th ed.,
/// sections 6.7 and 6.10). D is Poisson, or, where its variance is above its mean, negative binomial with the same mean and variance.
/// </summary>
public static class Adaptive
{
    /// <summary>No threshold is worked out beyond this.</summary>
    public const long Most = 10_000;

    /// <summary>The smallest T ≥ 0 with P(demand within the latency ≥ T) ≤ <paramref name="risk"/>.</summary>
    /// <param name="demand">As measured.</param>
    /// <param name="risk">Above 0, below 1.</param>
    public static long Threshold(Demand demand, double risk)
    {
        var mean = demand.PerHour * demand.Latency.TotalHours;
        if (!(mean > 0)) return 0;
        var (below, t) = (0.0, 0L);
        // P(D ≥ T) = 1 − Σ_{k<T} p(k), the probabilities by recursion from p(0): exact, without factorials. Where p(0) would vanish, in logarithms.
        var log = demand.Dispersion > 1.0001 ? -mean / (demand.Dispersion - 1) * Math.Log(demand.Dispersion) : -mean;
        while (1 - below > risk && t < Most)
        {
            below += Math.Exp(log);
            t++;
            log += Math.Log(Ratio(t, mean, demand.Dispersion));
        }
        return t;
    }

    // p(k) / p(k − 1). Negative binomial: r = mean / (dispersion − 1) successes, probability 1 / dispersion each.
    static double Ratio(long k, double mean, double dispersion)
    {
        if (dispersion <= 1.0001) return mean / k;
        var r = mean / (dispersion - 1);
        return (k - 1 + r) / k * (1 - 1 / dispersion);
    }
}
