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

    static readonly Channel Store = Shop.Channel("store", ShortagePolicy.Oversold) with { Places = new Dictionary<string, string> { ["7"] = "WH1" } };

    /// <summary>An order that its channel changes: its true states one after another, and its refunds.</summary>
    sealed class Changing(string id, bool till)
    {
        readonly List<(string Line, string Sku, long Quantity, long Gone)> lines = [];
        readonly List<Refund> refunds = [];
        int second;

        public string Id { get; } = id;
        public string OrderId => "store:" + Id;
        public IReadOnlyDictionary<string, long> Wanted => lines.GroupBy(line => line.Sku).ToDictionary(group => group.Key, group => group.Sum(line => line.Quantity - line.Gone));

        public Draft State() => new()
        {
            ExternalId = Id, Currency = "AUD", Actor = "test", Till = till ? "7" : null, Version = new(Start.AddSeconds(second), null, ListsRefunds: true), Refunds = refunds.Count > 0 ? [.. refunds.Select(refund => refund with { Counted = true })] : null,
            Lines = [.. lines.Select(line => new DraftLine { Id = line.Line, Code = line.Sku, Quantity = line.Quantity - line.Gone, Ordered = line.Quantity })],
        };

        public Draft Add(string sku, long quantity)
        {
            second++;
            lines.Add(($"{lines.Count + 1}", sku, quantity, 0));
            return State();
        }

        public Refund? Refund(Random die)
        {
            var at = die.Next(lines.Count);
            if (lines[at].Quantity == lines[at].Gone) return null;
            second++;
            lines[at] = lines[at] with { Gone = lines[at].Gone + 1 };
            var refund = new Refund($"{Id}-{refunds.Count}", Start.AddSeconds(second), [new(lines[at].Line, Restock.Cancel, 1, till ? "7" : null)], Till: till);
            refunds.Add(refund);
            return refund;
        }
    }

    static readonly DateTimeOffset Start = new(2026, 11, 23, 9, 0, 0, TimeSpan.Zero);

    /// <summary>Edits, refunds and till sales are cut at every store call too: in the end each order, and the ledger with it, is what its channel said last, however
    /// often and in whatever order it was said.</summary>
    [Theory, InlineData(1), InlineData(2)]
    public async Task EveryChangedOrder_IsWhatItsChannelSaidLast_WhereverTheInstanceDied(int seed)
    {
        var time = new ShiftedTime();
        await using var instances = await Instances.StartAsync(1, time: time);
        using var survivor = new Shop(instances.Store, time);
        await survivor.StockAsync(Skus);
        foreach (var sku in Skus) await instances.ReceiveAsync(sku, 1_000);

        var die = new Random(seed);
        var (deaths, all) = (0, new List<Changing>());
        for (var round = 0; round < 25; round++)
        {
            var orders = Enumerable.Range(0, 4).Select(i => new Changing($"{round}-{i}", till: i == 3)).ToList();
            all.AddRange(orders);
            var said = new List<Func<Shop, Task>>();
            foreach (var order in orders)
            {
                Say(order.Add(Skus[die.Next(5)], die.Next(1, 4)));
                for (var change = die.Next(1, 5); change > 0; change--)
                    if (die.Next(2) == 0) Say(order.Add(Skus[die.Next(5)], die.Next(1, 3)));
                    else if (order.Refund(die) is { } refund)
                    {
                        said.Add(shop => shop.Intake.RefundAsync(Store, order.Id, refund, TimeSpan.FromSeconds(1)));
                        Say(order.State());
                    }
            }
            void Say(Draft state) => said.Add(shop => shop.Intake.UpdateAsync(Store, state, TimeSpan.FromSeconds(1)));

            var arrivals = said.Concat(said.Where(_ => die.Next(4) == 0)).ToArray();
            die.Shuffle(arrivals);
            FaultyStore? faults = null;
            using var mortal = new Shop(instances.Open(inner => faults = new FaultyStore(inner, die.Next()) { Rate = 0.1 }), time);
            faults!.DieAfter(die.Next(1, 120));
            var acknowledged = new ConcurrentDictionary<int, bool>();
            var telling = arrivals.Select((tell, i) => Task.Run(async () =>
            {
                try
                {
                    await tell(mortal);
                    acknowledged[i] = true;
                }
                catch (Exception fault) when (fault is not Xunit.Sdk.XunitException) { }
            })).ToList();
            await Task.WhenAny(Task.WhenAll(telling), faults.Died);
            if (faults.Died.IsCompleted) deaths++;
            else await Task.WhenAll(telling);
            // The channel sends again what was not answered.
            for (var i = 0; i < arrivals.Length; i++)
                if (!acknowledged.ContainsKey(i)) await arrivals[i](survivor);
        }
        for (var sweep = 0; sweep < 5; sweep++) await SweepAsync(survivor, time);

        Assert.True(deaths > 5, $"only {deaths} instances died");
        var claims = (await Task.WhenAll(Skus.Select(instances.ClaimsAsync))).SelectMany(some => some).ToList();
        foreach (var changing in all)
        {
            var order = await survivor.Orders.ReadAsync(changing.OrderId);
            Assert.True(order is { Intake: null }, $"{changing.OrderId} is left at {order?.Intake}");
            foreach (var (sku, units) in changing.Wanted)
            {
                Assert.Equal(units, order!.Lines.Where(line => line.Sku == sku).Sum(line => line.Quantity));
                Assert.Equal(order.Till is null ? units : 0, claims.Where(claim => claim.Order == order.Id && claim.Sku == sku).Sum(claim => claim.Held));
            }
        }
        foreach (var sku in Skus)
            Assert.Equal(1_000 - all.Where((_, i) => i % 4 == 3).Sum(till => till.Wanted.GetValueOrDefault(sku)), (await instances.BalanceAsync(sku)).Locations["WH1"].OnHand);
        await instances.AssertAuditIsCleanAsync();
    }

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
