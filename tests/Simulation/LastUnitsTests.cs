using System.Collections.Concurrent;
using Selvedge.Ledger;

namespace Selvedge.Tests.Simulation;

/// <summary>64 callers on four channels buy the last units of one SKU at once: sold = min(demand, stock), exactly (design, introduction).</summary>
public sealed class LastUnitsTests
{
    const string Sku = "LAST";
    const int Stock = 1_000, Asked = 1_500, Callers = 64;

    /// <summary>Two channels ask first and are refused what is not there; two have sold already and what is not there is short.</summary>
    static readonly (string Id, Shortage Shortage)[] Channels =
        [("portal", Shortage.Refuse), ("rep", Shortage.Refuse), ("shopify", Shortage.Short), ("amazon", Shortage.Short)];

    [Theory, InlineData(1), InlineData(3)]
    public async Task LastUnits_AreSoldExactly_WhoeverAsksAndWhereverItIsDecided(int count)
    {
        await using var instances = await Instances.StartAsync(count, time: new UnhurriedTime());
        await instances.ReceiveAsync(Sku, Stock);
        var outcomes = await BuyAsync(instances, Enumerable.Range(0, Asked).Select(n => Buy(n, 1)));

        Assert.Equal(Asked, outcomes.Count);
        Assert.Equal(Stock, outcomes.Sum(o => Held(o.Outcome)));
        Assert.Equal(Asked - Stock, outcomes.Count(o => o.Outcome.Verdict == Verdict.Refused) + outcomes.Sum(o => o.Outcome.Short));
        Assert.All(outcomes.Where(o => o.Command.Shortage == Shortage.Short), o => Assert.Equal(Verdict.Applied, o.Outcome.Verdict));
        Assert.All(outcomes.Where(o => o.Outcome.Verdict == Verdict.Refused), o => Assert.Contains("available", o.Outcome.Refusal, StringComparison.Ordinal));
        await AssertSoldAsync(instances, held: Stock, waiting: outcomes.Sum(o => o.Outcome.Short));
    }

    [Theory, InlineData(1), InlineData(3)]
    public async Task MixedQuantities_LeaveLessThanTheSmallestRefused(int count)
    {
        await using var instances = await Instances.StartAsync(count, time: new UnhurriedTime());
        await instances.ReceiveAsync(Sku, Stock);
        var die = new Random(20_26);
        var outcomes = await BuyAsync(instances, Enumerable.Range(0, 700).Select(n => Buy(n, die.Next(1, 5)) with { Shortage = Shortage.Refuse }));

        var refused = outcomes.Where(o => o.Outcome.Verdict == Verdict.Refused).ToList();
        Assert.NotEmpty(refused);
        var held = outcomes.Sum(o => Held(o.Outcome));
        Assert.All(outcomes.Except(refused), o => Assert.Equal(o.Command.Quantity, Held(o.Outcome)));
        Assert.InRange(Stock - held, 0, refused.Min(o => o.Command.Quantity) - 1);
        await AssertSoldAsync(instances, held, waiting: 0);
    }

    [Theory, InlineData(1), InlineData(3)]
    public async Task UnitsFreedByCancels_GoToThoseWhoWait(int count)
    {
        await using var instances = await Instances.StartAsync(count, time: new UnhurriedTime());
        await instances.ReceiveAsync(Sku, Stock);
        // Everyone has sold already, and every fifth order that was placed is cancelled while the others are still being placed.
        var cancelled = 0L;
        var outcomes = await BuyAsync(instances, Enumerable.Range(0, Asked).Select(n => Buy(n, 1) with { Shortage = Shortage.Short }), async (n, ledger) =>
        {
            if (n % 5 != 0) return;
            var cancel = await ledger.ExecuteAsync(Buy(n, 0) with { Revision = 2, Shortage = Shortage.Short });
            Assert.Equal(Verdict.Applied, cancel.Verdict);
            Interlocked.Increment(ref cancelled);
        });

        Assert.Equal(Asked / 5, cancelled);
        Assert.All(outcomes, o => Assert.Equal(Verdict.Applied, o.Outcome.Verdict));
        await AssertSoldAsync(instances, held: Stock, waiting: Asked - cancelled - Stock);
    }

    [Theory, InlineData(1), InlineData(3)]
    public async Task UnitsFreedByCancels_AreSoldAgainToThoseWhoAskAgain(int count)
    {
        await using var instances = await Instances.StartAsync(count, time: new UnhurriedTime());
        await instances.ReceiveAsync(Sku, Stock);
        var first = await BuyAsync(instances, Enumerable.Range(0, Asked).Select(n => Buy(n, 1) with { Shortage = Shortage.Refuse }));
        var placed = first.Where(o => o.Outcome.Verdict == Verdict.Applied).Select(o => o.Command).ToList();
        var refused = first.Where(o => o.Outcome.Verdict == Verdict.Refused).Select(o => o.Command).ToList();
        Assert.Equal(Stock, placed.Count);

        // 300 cancels while the 500 who were refused ask again, with the same key: a refusal is not recorded, so it is decided anew.
        var release = placed.Take(300).Select(c => c with { Quantity = 0, Revision = 2 });
        await BuyAsync(instances, refused.Concat(release).OrderBy(c => Ids(c)));
        var last = await BuyAsync(instances, refused);

        Assert.Equal(300, last.Count(o => o.Outcome.Verdict == Verdict.Applied));
        await AssertSoldAsync(instances, held: Stock, waiting: 0);

        static int Ids(SetClaim command) => int.Parse(command.Order.AsSpan(command.Order.IndexOf(':', StringComparison.Ordinal) + 1), null) * 7919 % Asked;
    }

    static SetClaim Buy(int n, long quantity)
    {
        var (channel, shortage) = Channels[n % Channels.Length];
        return new()
        {
            Sku = Sku, Actor = channel, Channel = channel, Order = $"{channel}:{n}", Line = "1", Quantity = quantity, Places = ["WH1"], Revision = 1,
            Shortage = shortage, AsksFirst = shortage == Shortage.Refuse,
        };
    }

    /// <summary>64 callers take the commands one after another; each caller is at one instance. A failure fails the test.</summary>
    static async Task<List<(SetClaim Command, Outcome Outcome)>> BuyAsync(Instances instances, IEnumerable<SetClaim> commands, Func<int, InventoryLedger, Task>? after = null)
    {
        var waiting = new ConcurrentQueue<(int N, SetClaim Command)>(commands.Select((command, n) => (n, command)));
        var answered = new ConcurrentBag<(SetClaim, Outcome)>();
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var ledger = instances.Ledgers[caller % instances.Ledgers.Length];
            while (waiting.TryDequeue(out var next))
            {
                answered.Add((next.Command, await ledger.ExecuteAsync(next.Command)));
                if (after is not null) await after(next.N, ledger);
            }
        })));
        return [.. answered];
    }

    static async Task AssertSoldAsync(Instances instances, long held, long waiting)
    {
        var (balance, claims) = (await instances.BalanceAsync(Sku), await instances.ClaimsAsync(Sku));
        Assert.Equal(held, balance.Locations["WH1"].Held);
        Assert.Equal(Stock - held, balance.Locations["WH1"].Available);
        Assert.Equal(held, claims.Where(c => c.Place == "WH1").Sum(c => c.Held));
        Assert.Equal(waiting, balance.Short);
        Assert.Equal(waiting, claims.Where(c => c.Place == Accounts.Short).Sum(c => c.Held));
        await instances.AssertAuditIsCleanAsync(skus: 1);
    }

    static long Held(Outcome outcome) => outcome.Held?.Where(h => h.Key != Accounts.Short).Sum(h => h.Value) ?? 0;
}
