using System.Collections.Concurrent;
using System.Globalization;

namespace Selvedge.Channels;

/// <summary>How often an operation may be called: so many come back in a second, and so many may go at once.</summary>
/// <param name="PerSecond">Calls (or units of what is limited) that come back in a second; above 0.</param>
/// <param name="Burst">Most that may go at once, ≥ 1.</param>
public readonly record struct CallRate(double PerSecond, double Burst = 1)
{
    /// <summary><paramref name="calls"/> in <paramref name="time"/>, all of them at once if they must.</summary>
    public static CallRate Of(double calls, TimeSpan time) => new(calls / time.TotalSeconds, Math.Max(1, calls));

    /// <summary>The rate that the account's setting <c>limit.&lt;operation&gt;</c> gives as <c>&lt;calls&gt;/&lt;seconds&gt;</c> (operators and vendors change theirs), or this one.</summary>
    /// <exception cref="ChannelCallException">The setting cannot be read.</exception>
    public CallRate For(ChannelAccount account, string operation)
    {
        if (account.OptionalSetting("limit." + operation) is not { } text) return this;
        var parts = text.Split('/');
        return parts.Length == 2 && Above0(parts[0], out var calls) && Above0(parts[1], out var seconds) ? Of(calls, TimeSpan.FromSeconds(seconds))
            : throw new ChannelCallException(CallFailure.Refused, $"Channel '{account.Channel.Id}': its setting limit.{operation} is '{text}'. Write <calls>/<seconds>, e.g. 1/60.");
    }

    static bool Above0(string text, out double value) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value) && value is > 0 and < 1e7;
}

/// <summary>What a call uses up.</summary>
/// <param name="Operation">The name of what is limited: an operation, or what several share.</param>
/// <param name="Rate">Its documented rate.</param>
/// <param name="Calls">How much of it, at most <see cref="CallRate.Burst"/>.</param>
public readonly record struct Spend(string Operation, CallRate Rate, double Calls = 1);

/// <summary>
/// One token bucket for each operation and account: a call that would be too often is not made, and nobody waits here; the caller is told when. As every call to
/// an account is made in its one lane, the buckets can be in memory: after the lane moved to another instance the first calls may be refused by the channel,
/// which says so, and is believed.
/// </summary>
public sealed class CallBudget
{
    sealed class Bucket
    {
        public double? Left, Learned;
        public DateTimeOffset At, Closed;
    }

    readonly ConcurrentDictionary<(string Channel, string Operation), Bucket> buckets = new();
    readonly Lock gate = new();

    /// <summary>Pays for one call: all of <paramref name="spends"/>, or none.</summary>
    /// <exception cref="ChannelCallException"><see cref="CallFailure.Limited"/> with the time when all of it is there.</exception>
    public void Take(ChannelAccount account, params ReadOnlySpan<Spend> spends)
    {
        var now = account.Time.GetUtcNow();
        lock (gate)
        {
            var (until, what) = (now, "");
            foreach (var spend in spends)
            {
                var bucket = Filled(account, spend, now);
                var ready = bucket.Closed;
                // A thousandth of a call is the doubles' own dust, not a call too many.
                if (spend.Calls - bucket.Left!.Value is > 0.001 and var lacking) ready = Later(ready, now + TimeSpan.FromSeconds(Math.Min(86_400, lacking / (bucket.Learned ?? spend.Rate.PerSecond))));
                if (ready > until) (until, what) = (ready, spend.Operation);
            }
            if (until > now) throw new ChannelCallException(CallFailure.Limited, $"Channel '{account.Channel.Id}': {what} is not called again before {until:O}.", until);
            foreach (var spend in spends) buckets[(account.Channel.Id, spend.Operation)].Left -= spend.Calls;
        }
    }

    /// <summary>The channel told the rate that holds for this account (Amazon: <c>x-amzn-RateLimit-Limit</c>).</summary>
    public void Learn(ChannelAccount account, string operation, double perSecond)
    {
        if (perSecond is not (> 0 and < 1e6)) return;
        lock (gate) buckets.GetOrAdd((account.Channel.Id, operation), _ => new()).Learned = perSecond;
    }

    /// <summary>The channel refused a call as too often: what it was paid with is closed until then.</summary>
    public void Close(ChannelAccount account, ReadOnlySpan<Spend> spends, DateTimeOffset until)
    {
        lock (gate)
        {
            foreach (var spend in spends)
            {
                var bucket = buckets.GetOrAdd((account.Channel.Id, spend.Operation), _ => new());
                bucket.Closed = Later(bucket.Closed, until);
            }
        }
    }

    Bucket Filled(ChannelAccount account, Spend spend, DateTimeOffset now)
    {
        if (spend.Calls > spend.Rate.Burst) throw new ArgumentException($"{spend.Operation}: {spend.Calls} at once is more than there ever are ({spend.Rate.Burst}).");
        var bucket = buckets.GetOrAdd((account.Channel.Id, spend.Operation), _ => new());
        // A clock that went back fills nothing.
        bucket.Left = bucket.Left is not { } left ? spend.Rate.Burst : Math.Min(spend.Rate.Burst, left + Math.Max(0, (now - bucket.At).TotalSeconds) * (bucket.Learned ?? spend.Rate.PerSecond));
        bucket.At = now;
        return bucket;
    }

    static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;
}
