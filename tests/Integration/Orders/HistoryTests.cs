using System.Globalization;
using System.Text.Json;
using CsCheck;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Channels.Shopify;
using Selvedge.Ledger;
using Selvedge.Local.Channels.Shopify;
using Selvedge.Orders;
using static Selvedge.Tests.Integration.Orders.OrderRig;
using Delivery = Selvedge.Local.Channels.Shopify.Delivery;

namespace Selvedge.Tests.Integration.Orders;

/// <summary>Whatever happens to an order at the shop, and in whatever order, however late and however often we hear of it: the order and the ledger end as if
/// everything had come once and in its true order.</summary>
public class HistoryTests
{
    internal static readonly Channel Shop = Channel(ShortagePolicy.Oversold, "shop") with { Places = new Dictionary<string, string> { ["655441491"] = "STORE" } };

    internal sealed record Event(int Kind, int Line, int Units);

    internal static readonly Gen<Event[]> Events = Gen.Select(Gen.Int[0, 7], Gen.Int[0, 3], Gen.Int[1, 2], (kind, line, units) => new Event(kind, line, units)).Array[1, 6];

    internal static Task<WebhookAnswer> DeliverAsync(Instance at, Delivery delivery) => ShopifyWebhooks.System(at.Get<Intake>(), at.Get<ShopifyReads>()).Handle(new(Shop, delivery.Topic,
        name => name.EndsWith("Triggered-At", StringComparison.Ordinal) ? delivery.TriggeredAt.ToString("O", CultureInfo.InvariantCulture) : null, JsonSerializer.SerializeToUtf8Bytes(delivery.Body)));

    internal static SimulatedOrder Play(long id, bool till, string[] skus, Event[] events)
    {
        var history = new SimulatedOrder(id, till);
        history.Create((skus[0], 2), (skus[1], 1));
        foreach (var (kind, line, units) in events)
            switch (kind)
            {
                case 0 when !history.IsCancelled: history.Add(skus[line % 3], units); break;
                case 1: history.Raise(line, units); break;
                case 2: history.Remove(line, units); break;
                case 3: history.Fulfil(line, units); break;
                case 4: history.Refund(line, units, "cancel"); break;
                case 5: history.Refund(line, units, "return"); break;
                case 6: history.Refund(line, units, "no_restock"); break;
                case 7 when line == 0: history.Cancel(); break;
            }
        return history;
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Any_arrival_of_any_history_ends_as_the_true_one(bool till)
    {
        await using var rig = await StartAsync(2);
        await rig[0].Get<Locations>().PutAsync(new Location { Id = "STORE", Is = LocationKind.Store, Name = "Store" }, null, "test");
        var (number, units) = (0, new[] { 1, 3, 100 });
        await Gen.Select(Events, Gen.Int, Gen.Int[0, 2]).SampleAsync(async (events, seed, stock) =>
        {
            var n = Interlocked.Increment(ref number);
            string[][] skus = [[$"A{n}", $"B{n}", $"C{n}"], [$"X{n}", $"Y{n}", $"Z{n}"]];
            foreach (var sku in skus.SelectMany(some => some)) await rig.StockAsync(sku, till ? 0 : units[stock]);
            var (shuffled, straight) = (Play(2 * n, till, skus[0], events), Play(2 * n + 1, till, skus[1], events));
            var die = new Random(seed);
            var arrivals = shuffled.Sent.Concat(shuffled.Sent.Where(_ => die.Next(3) == 0)).ToArray();
            die.Shuffle(arrivals);
            foreach (var delivery in arrivals) await DeliverAsync(rig[die.Next(2)], delivery);
            foreach (var delivery in straight.Sent) await DeliverAsync(rig[0], delivery);

            // What one line of an order gave up may have served another: the document is told by the timer.
            await rig[0].Get<OrderProgress>().RunAsync(CancellationToken.None);
            var (one, other) = (await rig[0].ReadAsync($"shop:{2 * n}"), await rig[0].ReadAsync($"shop:{2 * n + 1}"));
            Assert.Equal(Shape(other!), Shape(one!));
            for (var i = 0; i < 3; i++)
            {
                var (a, b) = (await rig[0].Get<LedgerReads>().BalanceAsync(skus[0][i]), await rig[0].Get<LedgerReads>().BalanceAsync(skus[1][i]));
                Assert.Equal(Stock(b), Stock(a));
                if (till) Assert.Equal(-shuffled.Gone.GetValueOrDefault(skus[0][i]), a?.Locations.GetValueOrDefault("STORE")?.OnHand ?? 0);
                else Assert.Equal(shuffled.Wanted.GetValueOrDefault(skus[0][i]), (a?.Locations.Values.Sum(at => at.Held) ?? 0) + (a?.Short ?? 0));
                Assert.Empty(await rig.AuditAsync(skus[0][i]));
            }
        }, iter: 25, threads: 1);
    }

    // Lines of one SKU share what there is of it: which of them has it is not told apart.
    static string Shape(Order order) => $"{order.Status} {order.Intake} {order.Source?.UpdatedAt:O} {order.Refunds?.Count} " + string.Join(' ', order.Lines.OrderBy(line => line.Id, StringComparer.Ordinal)
        .Select((line, i) => $"{i}:{line.Quantity}/{line.Ordered}/{line.Stated}/{line.Cancelled}/{line.Shipped}/{line.Was}"))
        + string.Join(' ', order.Lines.GroupBy(line => line.Sku).Select(sku => $"{sku.Sum(line => line.Committed)}+{sku.Sum(line => line.Oversold)}").Order());

    static string Stock(Balance? balance) => $"{balance?.Short ?? 0} " + string.Join(' ', balance?.Locations.Select(at => $"{at.Key}:{at.Value.OnHand}-{at.Value.Held}") ?? []);

    [Fact]
    public async Task Everything_at_once_on_several_instances_ends_as_the_true_one()
    {
        await using var rig = await StartAsync(3);
        for (var n = 1; n <= 12; n++)
        {
            string[] skus = [$"A{n}", $"B{n}", $"C{n}"];
            foreach (var sku in skus) await rig.StockAsync(sku, 100);
            var history = Play(n, till: false, skus, [new(0, 2, 2), new(1, 0, 1), new(4, 0, 1), new(2, 1, 1), new(0, 1, 1), .. n % 3 == 0 ? [new Event(7, 0, 1)] : Array.Empty<Event>()]);
            await Task.WhenAll(history.Sent.Concat(history.Sent).Select((delivery, i) => Task.Run(() => DeliverAsync(rig[i % 3], delivery))));
            await rig.RecoverAsync();
            foreach (var sku in skus)
            {
                Assert.Equal(history.Wanted.GetValueOrDefault(sku), await rig.HeldAsync(sku));
                Assert.Empty(await rig.AuditAsync(sku));
            }
            Assert.Null((await rig[0].ReadAsync($"shop:{n}"))!.Intake);
        }
    }
}
