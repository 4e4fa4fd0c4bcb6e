using System.Collections.Concurrent;
using Selvedge.Channels;
using Selvedge.Ledger;
using Selvedge.Orders;

namespace Selvedge.Tests.Simulation;

/// <summary>
/// Orders are taken in by instances that meet faults at every store call and then die at one of them, before or after it was done. The sender
/// sends again what was not acknowledged, the sweeper finishes what is durable: in the end every order holds exactly what its document says.
/// </summary>
public sealed class IntakeFaultTests
{
    const int Rounds = 60, OrdersPerRound = 8;
    static readonly string[] Skus = ["A", "B", "C", "D", "E"];
    static readonly Channel[] Channels = [.. Enum.GetValues<ShortagePolicy>().Select(policy => Shop.Channel($"ch-{policy}".ToLowerInvariant(), policy))];

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public async Task EveryDurableOrder_HoldsWhatItSays_WhereverTheInstanceDied(int seed)
    {
        var time = new ShiftedTime();
        await using var instances = await Instances.StartAsync(1, time: time);
        using var survivor = new Shop(instances.Store, time);
        await survivor.StockAsync(Skus);
        foreach (var sku in Skus) await instances.ReceiveAsync(sku, 60);

        var die = new Random(seed);
        var acknowledged = new ConcurrentDictionary<string, OrderStatus>();
        var (deaths, finished) = (0, 0);
        for (var round = 0; round < Rounds; round++)
        {
            FaultyStore? faults = null;
            using var mortal = new Shop(instances.Open(inner => faults = new FaultyStore(inner, die.Next()) { Rate = 0.1 }), time);
            faults!.DieAfter(die.Next(1, 150));
            var orders = Enumerable.Range(0, OrdersPerRound).Select(i => Draw(die, $"{round}-{i}")).ToList();
            var taking = orders.Select(order => Task.Run(() => TakeAsync(mortal, order, acknowledged))).ToList();
            await Task.WhenAny(Task.WhenAll(taking), faults.Died);
            if (faults.Died.IsCompleted) deaths++;
            else await Task.WhenAll(taking);

            // The sender knows of those that were answered; it sends the others again, to an instance that lives.
            var retried = await Task.WhenAll(orders.Where(order => !acknowledged.ContainsKey(Id(order))).Select(order => TakeAsync(survivor, order, acknowledged)));
            finished += retried.Length;
            if (round % 5 == 0 && orders.Count > 0) await survivor.Intake.CancelAsync(Id(orders[die.Next(orders.Count)]), new Cancel(CancelState.Asked, time.GetUtcNow(), null, "test"), TimeSpan.FromSeconds(1));
            if (round % 10 == 9) await SweepAsync(survivor, time);
        }
        for (var sweep = 0; sweep < 5; sweep++) await SweepAsync(survivor, time);

        Assert.True(deaths > Rounds / 4, $"only {deaths} instances died");
        Assert.True(finished > 0);
        await AssertOrdersAndLedgerAgreeAsync(instances, survivor, acknowledged);
    }

    sealed record Asked(Channel Channel, Draft Draft);

    static Asked Draw(Random die, string id)
    {
        var skus = Skus.OrderBy(_ => die.Next()).Take(die.Next(1, 4));
        return new(Channels[die.Next(Channels.Length)], Shop.Order(id, [.. skus.Select(sku => (sku, (long)die.Next(1, 3)))]));
    }

    static string Id(Asked order) => Platform.Ids.Order(order.Channel.Id, order.Draft.ExternalId);

    static async Task<bool> TakeAsync(Shop shop, Asked order, ConcurrentDictionary<string, OrderStatus> acknowledged)
    {
        try
        {
            var taken = await shop.Intake.TakeAsync(order.Channel, order.Draft, TimeSpan.FromSeconds(1));
            acknowledged[Id(order)] = taken.Order.Status;
            return true;
        }
        catch (Exception fault) when (fault is not Xunit.Sdk.XunitException)
        {
            // Answered with an error: the sender sends it again.
            return false;
        }
    }

    /// <summary>What the app's timers do, once the leases of everything that was begun are over.</summary>
    static async Task SweepAsync(Shop shop, ShiftedTime time)
    {
        time.Advance(TimeSpan.FromHours(2));
        foreach (var id in await shop.Orders.DueAsync(time.GetUtcNow(), 10_000)) await shop.Intake.FinishAsync(id);
        await shop.Holds.RunAsync(CancellationToken.None);
    }

    static async Task AssertOrdersAndLedgerAgreeAsync(Instances instances, Shop shop, ConcurrentDictionary<string, OrderStatus> acknowledged)
    {
        var orders = new Dictionary<string, Order>();
        for (string? continuation = null; ;)
        {
            var page = await shop.Orders.ListAsync(null, null, null, 100, continuation);
            foreach (var order in page.Items) orders.Add(order.Id, order);
            if ((continuation = page.Continuation) is null) break;
        }
        Assert.Equal(Rounds * OrdersPerRound, orders.Count);
        foreach (var (id, status) in acknowledged)
        {
            Assert.True(orders.TryGetValue(id, out var order), $"{id} was acknowledged and is lost");
            if (status is not OrderStatus.Received) Assert.True(order.Status == status || order.Status == OrderStatus.Cancelled, $"{id} was answered {status} and is {order.Status}");
        }
        Assert.All(orders.Values, order => Assert.True(order.Intake is null, $"{order.Id} is left at {order.Intake}"));

        var claims = (await Task.WhenAll(Skus.Select(instances.ClaimsAsync))).SelectMany(some => some).ToList();
        Assert.DoesNotContain(claims, claim => claim.Tentative);
        foreach (var order in orders.Values)
            foreach (var line in order.Lines)
            {
                var mine = claims.Where(claim => claim.Order == order.Id && claim.Line == line.Id).ToList();
                var (held, waits) = (mine.Where(claim => claim.Place != Accounts.Short).Sum(claim => claim.Held), mine.Where(claim => claim.Place == Accounts.Short).Sum(claim => claim.Held));
                // Units freed by a cancel go to lines that wait, so a line may hold more than when it was decided, but never more in all.
                var promised = order.Status is OrderStatus.Cancelled or OrderStatus.Refused ? 0 : line.Committed + line.Backordered + line.Oversold;
                Assert.True(held + waits == promised, $"{order.Id} line {line.Id} ({order.Status}) promises {promised}, holds {held} and waits for {waits}");
                Assert.True(held >= (promised == 0 ? 0 : line.Committed), $"{order.Id} line {line.Id} holds {held} of the {line.Committed} it was given");
            }
        Assert.Empty(claims.Select(claim => claim.Order).Except(orders.Keys));
        foreach (var sku in Skus)
        {
            var balance = await instances.BalanceAsync(sku);
            Assert.True(balance.Short == 0 || balance.Locations["WH1"].Available == 0, $"{balance.Short} {sku} are waited for while {balance.Locations["WH1"].Available} lie there");
            Assert.True(balance.Locations["WH1"].Available >= 0);
        }
        await instances.AssertAuditIsCleanAsync(skus: Skus.Length);
    }
}
