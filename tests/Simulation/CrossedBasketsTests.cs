using Selvedge.Channels;
using Selvedge.Orders;

namespace Selvedge.Tests.Simulation;

/// <summary>All-or-nothing baskets that want the last of each other's SKUs at the same moment: exactly one of them is filled, every time.</summary>
public sealed class CrossedBasketsTests
{
    const int Lanes = 16;
    static readonly Channel Portal = Shop.Channel("portal", ShortagePolicy.Refuse);

    [Theory, InlineData(1, 125), InlineData(3, 60)]
    public Task TwoBaskets_ThatCross_OneIsFilled(int instances, int rounds) => RaceAsync(instances, rounds, ["A", "B"], [["A", "B"], ["B", "A"]]);

    [Theory, InlineData(1, 40), InlineData(3, 25)]
    public Task ThreeBaskets_InARing_OneIsFilled(int instances, int rounds) => RaceAsync(instances, rounds, ["A", "B", "C"], [["A", "B"], ["B", "C"], ["C", "A"]]);

    /// <summary>16 lanes side by side, each with its own SKUs; after each round the one that was filled is cancelled, which puts its units back for the next.</summary>
    static async Task RaceAsync(int count, int rounds, string[] skus, string[][] baskets)
    {
        await using var instances = await Instances.StartAsync(count);
        var shops = Enumerable.Range(0, count).Select(i => new Shop(i == 0 ? instances.Store : instances.Open())).ToArray();
        try
        {
            var all = Enumerable.Range(0, Lanes).SelectMany(lane => skus.Select(sku => $"{sku}-{lane}")).ToArray();
            await shops[0].StockAsync(all);
            await Task.WhenAll(all.Select(sku => instances.ReceiveAsync(sku, 1)));
            var filled = await Task.WhenAll(Enumerable.Range(0, Lanes).Select(lane => Task.Run(() => LaneAsync(lane))));
            Assert.Equal(Lanes * rounds, filled.Sum());
            await instances.AssertAuditIsCleanAsync(skus: all.Length);
        }
        finally
        {
            foreach (var shop in shops) shop.Dispose();
        }

        async Task<int> LaneAsync(int lane)
        {
            var filled = 0;
            for (var round = 0; round < rounds; round++)
            {
                var answers = await Task.WhenAll(baskets.Select((basket, i) => Task.Run(() => shops[(lane + round + i) % count].Intake.TakeAsync(
                    Portal, Shop.Order($"{lane}-{round}-{i}", [.. basket.Select(sku => ($"{sku}-{lane}", 1L))]), Shop.Patience))));
                Assert.All(answers, answer => Assert.Null(answer.Order.Intake));
                var winner = Assert.Single(answers, answer => answer.Order.Status == OrderStatus.Committed).Order;
                Assert.All(answers.Where(answer => answer.Order.Id != winner.Id), answer => Assert.Equal(OrderStatus.Refused, answer.Order.Status));
                foreach (var sku in skus) await AssertHeldByAsync($"{sku}-{lane}", winner);
                filled++;
                var cancel = new Cancel(CancelState.Asked, DateTimeOffset.UtcNow, null, "test");
                Assert.Equal(OrderStatus.Cancelled, (await shops[round % count].Intake.CancelAsync(winner.Id, cancel, Shop.Patience))!.Order.Status);
            }
            return filled;
        }

        async Task AssertHeldByAsync(string sku, Order winner)
        {
            var wants = winner.Lines.Count(line => line.Sku == sku);
            var claims = (await instances.ClaimsAsync(sku)).Where(claim => claim.Held > 0).ToList();
            Assert.Equal(wants, claims.Sum(claim => claim.Held));
            Assert.All(claims, claim => Assert.Equal((winner.Id, false), (claim.Order, claim.Tentative)));
        }
    }
}
