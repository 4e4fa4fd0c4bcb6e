using Selvedge.Platform;

namespace Selvedge.Counts;

/// <summary>Differences between counts and the record, in units and in ten-thousandths of the base currency: net, where losses and finds cancel out, and absolute,
/// where they do not.</summary>
public sealed record Variance(long Lines, long Counted, long NetUnits, long AbsoluteUnits, long NetValue, long AbsoluteValue)
{
    public static readonly Variance None = new(0, 0, 0, 0, 0, 0);

    /// <summary>Of the posted lines of a count.</summary>
    public static Variance Of(StockCount count) => count.Lines.Where(line => line.State == CountState.Posted).Select(line => line.Result!).Aggregate(None, (sum, result) => sum + new Variance(
        1, result.Counted, result.Units, Math.Abs(result.Units), result.Value ?? 0, Math.Abs(result.Value ?? 0)));

    public static Variance operator +(Variance a, Variance b) => new(a.Lines + b.Lines, a.Counted + b.Counted, a.NetUnits + b.NetUnits, a.AbsoluteUnits + b.AbsoluteUnits, a.NetValue + b.NetValue, a.AbsoluteValue + b.AbsoluteValue);

    /// <summary>As the API shows it; value only to those who see it.</summary>
    public object View(Caller caller) => new
    {
        Lines, Counted, NetUnits, AbsoluteUnits, NetValue = caller.SeesValue ? Money.Text(NetValue) : null, AbsoluteValue = caller.SeesValue ? Money.Text(AbsoluteValue) : null,
    };
}

/// <summary>Variance per location, from the counts themselves.</summary>
public sealed class CountVariances(Store store, TimeProvider time)
{
    const int Together = 500;
    readonly WorkOf<StockCount> counts = new(store, time, StockCount.KindName);

    /// <summary>By location: the variance of the counts made since <paramref name="from"/>.</summary>
    public async Task<SortedDictionary<string, Variance>> ByLocationAsync(DateTimeOffset? from, IReadOnlyList<string>? locations, CancellationToken cancel)
    {
        var sums = new SortedDictionary<string, Variance>(StringComparer.Ordinal);
        string? continuation = null;
        do
        {
            cancel.ThrowIfCancellationRequested();
            var page = await counts.ListAsync([("createdAt", ">=", from is { } since ? InstantConverter.Text(since) : null)], locations, Together, continuation);
            foreach (var count in page.Items)
                if (Variance.Of(count) is { Lines: > 0 } of) sums[count.At] = sums.GetValueOrDefault(count.At, Variance.None) + of;
            continuation = page.Continuation;
        }
        while (continuation is not null);
        return sums;
    }
}
