using CsCheck;
using Selvedge.Channels;

namespace Selvedge.Tests.Unit.Channels;

public class CallBudgetTests
{
    sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now = new(2026, 11, 24, 9, 0, 0, TimeSpan.Zero);
        public override DateTimeOffset GetUtcNow() => Now;
    }

    static ChannelAccount Account(TimeProvider time, string id = "a", Dictionary<string, string>? settings = null) =>
        new(new Channel { Id = id, Is = "test", Name = id, Api = new("http://127.0.0.1", "", "", Settings: settings) }, new HttpClient(), time, _ => null);

    [Fact]
    public void No_stretch_of_time_has_more_calls_than_the_burst_and_what_came_back() =>
        Gen.Select(Gen.Int[1, 20], Gen.Int[1, 50], Gen.Int[0, 400].Array[1, 200]).Sample((burst, perTen, pauses) =>
        {
            var (clock, budget, rate, made) = (new Clock(), new CallBudget(), new CallRate(perTen / 10d, burst), new List<DateTimeOffset>());
            var account = Account(clock);
            foreach (var pause in pauses)
            {
                clock.Now += TimeSpan.FromMilliseconds(pause);
                try
                {
                    budget.Take(account, new Spend("op", rate));
                    made.Add(clock.Now);
                }
                catch (ChannelCallException limited)
                {
                    Assert.Equal(CallFailure.Limited, limited.Failure);
                    Assert.True(limited.Until > clock.Now);
                    // The time told is right: then it is possible.
                    if (pause % 7 == 0)
                    {
                        clock.Now = limited.Until!.Value;
                        budget.Take(account, new Spend("op", rate));
                        made.Add(clock.Now);
                    }
                }
            }
            for (var i = 0; i < made.Count; i++)
                for (var j = i; j < made.Count; j++)
                    Assert.True(j - i + 1 <= burst + (made[j] - made[i]).TotalSeconds * rate.PerSecond + 0.01 * (j - i + 1));
        }, iter: 200);

    [Fact]
    public void Two_limits_are_paid_together_or_not_at_all()
    {
        var (clock, budget) = (new Clock(), new CallBudget());
        var account = Account(clock);
        Spend[] both = [new("requests", new(1, 60)), new("updates", CallRate.Of(2000, TimeSpan.FromMinutes(1)), 1000)];
        budget.Take(account, both);
        budget.Take(account, both);
        Assert.Equal(clock.Now.AddSeconds(30), Assert.Throws<ChannelCallException>(() => budget.Take(account, both)).Until!.Value, TimeSpan.FromMilliseconds(100));
        // The 58 requests left were not touched by the one that failed.
        budget.Take(account, new Spend("requests", new(1, 60), 58));
    }

    [Fact]
    public void What_the_channel_says_holds_and_accounts_do_not_share()
    {
        var (clock, budget) = (new Clock(), new CallBudget());
        var (account, other) = (Account(clock), Account(clock, "b"));
        Spend[] spend = [new("op", new(1, 10))];
        budget.Close(account, spend, clock.Now.AddSeconds(40));
        Assert.Equal(clock.Now.AddSeconds(40), Assert.Throws<ChannelCallException>(() => budget.Take(account, spend)).Until);
        budget.Take(other, spend);
        clock.Now = clock.Now.AddSeconds(40);
        budget.Take(account, spend);
        budget.Learn(account, "op", 0.1);
        budget.Take(account, new Spend("op", new(1, 10), 9));
        Assert.Equal(clock.Now.AddSeconds(10), Assert.Throws<ChannelCallException>(() => budget.Take(account, spend)).Until!.Value, TimeSpan.FromMilliseconds(50));
    }

    [Fact]
    public void An_accounts_own_limit_is_a_setting()
    {
        var account = Account(new Clock(), settings: new() { ["limit.OR11"] = "1/900", ["limit.x"] = "often" });
        Assert.Equal(new CallRate(1 / 900d, 1), new CallRate(1).For(account, "OR11"));
        Assert.Equal(CallFailure.Refused, Assert.Throws<ChannelCallException>(() => new CallRate(1).For(account, "x")).Failure);
    }
}
