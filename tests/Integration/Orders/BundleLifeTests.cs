using System.Text.Json;
using CsCheck;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Ledger;
using Selvedge.Local.Channels.Shopify;
using Selvedge.Orders;
using Selvedge.Platform;
using static Selvedge.Tests.Integration.Orders.HistoryTests;
using static Selvedge.Tests.Integration.Orders.OrderRig;

namespace Selvedge.Tests.Integration.Orders;

/// <summary>What becomes of a bundle after it was sold: at tills, in edits and refunds, on hold, and when an instance dies in between.</summary>
public class BundleLifeTests
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    static readonly DateTimeOffset Monday = new(2026, 11, 23, 9, 0, 0, TimeSpan.Zero);

    /// <summary>A bundle of one A and two B (their names with <paramref name="n"/>), with so many of each at WH1.</summary>
    internal static async Task<OrderRig> StartAsync(long a, long b, string n = "")
    {
        var rig = await OrderRig.StartAsync(2);
        await AddAsync(rig, n, a, b);
        return rig;
    }

    static async Task AddAsync(OrderRig rig, string n, long a, long b)
    {
        var catalogue = rig[0].Get<ProductCatalogue>();
        await catalogue.PutStyleAsync(new("PART" + n, "Part", Stated.Whole, [new("A" + n, "Navy", "M", "/a"), new("B" + n, "Navy", "L", "/b")]), null, "test");
        await catalogue.PutStyleAsync(new("SET" + n, "Set", Stated.Whole, [new("SET" + n, "Navy", "M", "/s") { Kind = ProductKind.Virtual, Components = [new("B" + n, 2), new("A" + n, 1)] }]), null, "test");
        foreach (var (sku, units) in new[] { ("A" + n, a), ("B" + n, b) })
            if (units > 0) await PostAsync(rig, sku, PostKind.Receive, Accounts.Supplier, Accounts.OnHand("WH1"), units, "open");
    }

    static Task<Outcome> PostAsync(OrderRig rig, string sku, PostKind kind, string from, string to, long units, string id) =>
        rig[0].Get<InventoryLedger>().ExecuteAsync(new Post { Sku = sku, Actor = "test", Kind = kind, From = from, To = to, Quantity = units, Id = $"{id}-{sku}" });

    static Draft State(string id, int second, params (string Line, string Sku, long Quantity)[] lines) => Draft(id) with
    {
        Version = new(Monday.AddSeconds(second)), Lines = [.. lines.Select(line => new DraftLine { Id = line.Line, Code = line.Sku, Quantity = line.Quantity, UnitPrice = 499_000 })],
    };

    static async Task<Order> ChangeAsync(OrderRig rig, Channel channel, Draft draft) => (await rig[0].Get<Intake>().UpdateAsync(channel, draft, Patience)).Order;

    static async Task<(long A, long B)> HeldAsync(OrderRig rig, string n = "") => (await rig.HeldAsync("A" + n), await rig.HeldAsync("B" + n));

    static async Task<(long A, long B)> ShortAsync(OrderRig rig, string n = "") => ((await rig[0].Get<LedgerReads>().BalanceAsync("A" + n))?.Short ?? 0, (await rig[0].Get<LedgerReads>().BalanceAsync("B" + n))?.Short ?? 0);

    static async Task CleanAsync(OrderRig rig, string n = "") => Assert.Empty((await rig.AuditAsync("A" + n)).Concat(await rig.AuditAsync("B" + n)));

    static Draft Quote(OrderRig rig, string id, params (string Sku, long Quantity)[] lines) => Draft(id, lines) with { Hold = new(HoldKind.Quote, "rep:anna", InstantConverter.Cut(rig.Now.AddHours(1))) };

    [Theory]
    [InlineData(ShortagePolicy.Oversold)]
    [InlineData(ShortagePolicy.Partial)]
    [InlineData(ShortagePolicy.Refuse)]
    public async Task An_edit_up_down_and_away_holds_the_parts_of_whole_bundles(ShortagePolicy policy)
    {
        await using var rig = await StartAsync(a: 3, b: 9);
        var channel = Channel(policy, "shop");
        await ChangeAsync(rig, channel, State("1", 0, ("1", "SET", 2), ("2", "B", 1)));
        Assert.Equal((2, 5), await HeldAsync(rig));
        var more = await ChangeAsync(rig, channel, State("1", 1, ("1", "SET", 4), ("2", "B", 1)));
        Assert.Equal(policy is ShortagePolicy.Refuse ? (2, 5) : (3, 7), await HeldAsync(rig));
        Assert.Equal(policy is ShortagePolicy.Refuse ? 2 : 3, more.Lines[0].Committed);
        Assert.Equal(policy is ShortagePolicy.Oversold ? (1, 2) : (0, 0), await ShortAsync(rig));
        await ChangeAsync(rig, channel, State("1", 2, ("1", "SET", 1), ("2", "B", 1)));
        Assert.Equal((1, 3), await HeldAsync(rig));
        await ChangeAsync(rig, channel, State("1", 3, ("2", "B", 1)));
        Assert.Equal((0, 1), await HeldAsync(rig));
        Assert.Equal((0, 0), await ShortAsync(rig));
        await CleanAsync(rig);
    }

    [Theory]
    [InlineData(ShortagePolicy.Oversold)]
    [InlineData(ShortagePolicy.Partial)]
    public async Task Two_lines_of_one_bundle_share_its_parts_and_the_first_is_served_first(ShortagePolicy policy)
    {
        await using var rig = await StartAsync(a: 3, b: 9);
        var channel = Channel(policy, "shop");
        var order = await ChangeAsync(rig, channel, State("1", 0, ("1", "SET", 2), ("2", "SET", 2)));
        Assert.Equal([2, 1], order.Lines.Select(line => line.Committed));
        Assert.Equal((3, 6), await HeldAsync(rig));
        order = await ChangeAsync(rig, channel, State("1", 1, ("1", "SET", 1), ("2", "SET", 2)));
        await rig[0].Get<OrderProgress>().RunAsync(CancellationToken.None);
        await rig.RecoverAsync();
        order = (await rig[0].ReadAsync("shop:1"))!;
        Assert.Equal(policy is ShortagePolicy.Oversold ? [1, 2] : [1, 1], order.Lines.Select(line => line.Committed));
        await ChangeAsync(rig, channel, State("1", 2, ("1", "SET", 1), ("2", "SET", 2)) with { Cancel = Cancelled });
        Assert.Equal((0, 0), await HeldAsync(rig));
        Assert.Equal((0, 0), await ShortAsync(rig));
        await CleanAsync(rig);
    }

    [Fact]
    public async Task A_partial_refund_of_a_bundle_line_lets_go_of_the_parts_of_what_was_cancelled()
    {
        await using var rig = await StartAsync(a: 5, b: 10);
        var intake = rig[0].Get<Intake>();
        await ChangeAsync(rig, Shop, State("1", 0, ("1", "SET", 3)));
        await intake.RefundAsync(Shop, "1", new("9", Monday.AddSeconds(1), [new("1", Restock.Cancel, 1)]), Patience);
        Assert.Equal((2, 4), await HeldAsync(rig));
        await intake.RefundAsync(Shop, "1", new("10", Monday.AddSeconds(2), [new("1", Restock.Return, 1)]), Patience);
        Assert.Equal((2, 4), await HeldAsync(rig));
        await CleanAsync(rig);
    }

    [Theory]
    [InlineData(ShortagePolicy.Refuse)]
    [InlineData(ShortagePolicy.Partial)]
    [InlineData(ShortagePolicy.Backorder)]
    public async Task A_bundle_on_hold_is_kept_extended_sold_and_lets_go_of_every_part(ShortagePolicy policy)
    {
        await using var rig = await StartAsync(a: 3, b: 6);
        var (intake, channel) = (rig[0].Get<Intake>(), Channel(policy));
        var quote = (await rig[0].TakeAsync(channel, Quote(rig, "1", ("SET", 2), ("B", 1)))).Order;
        Assert.Equal((OrderStatus.Held, (2, 5)), (quote.Status, await HeldAsync(rig)));
        foreach (var sku in new[] { "A", "B" })
            Assert.All((await rig[0].Get<LedgerReads>().ClaimsAsync(sku, 10, null)).Items, claim => Assert.Equal((ClaimKind.Hold, "rep:anna", quote.Hold!.ExpiresAt, false), (claim.Kind, claim.Owner, claim.ExpiresAt, claim.Tentative)));
        var until = quote.Hold!.ExpiresAt.AddHours(2);
        Assert.Equal(OrderStatus.Held, (await intake.ExtendAsync(quote.Id, until, Patience))!.Order.Status);
        rig.Pass(TimeSpan.FromMinutes(90));
        Assert.Equal(0, await rig[1].Get<HoldExpiry>().RunAsync(CancellationToken.None));
        Assert.Equal((2, 5), await HeldAsync(rig));
        Assert.Equal(OrderStatus.Committed, (await intake.ConfirmAsync(quote.Id, "rep", Patience))!.Order.Status);
        await rig.RecoverAsync();
        Assert.Equal((2, 5), await HeldAsync(rig));

        var lapses = (await rig[0].TakeAsync(channel, Quote(rig, "2", ("SET", 1)))).Order;
        await rig.RecoverAsync();
        Assert.Equal((2, 5), await HeldAsync(rig));
        Assert.Equal((0, 0), await ShortAsync(rig));
        Assert.Equal(policy is ShortagePolicy.Refuse ? OrderStatus.Refused : OrderStatus.Expired, (await rig[0].ReadAsync(lapses.Id))!.Status);
        await CleanAsync(rig);
    }

    [Fact]
    public async Task A_bundle_sold_and_taken_back_at_a_till_moves_its_parts()
    {
        await using var rig = await StartAsync(a: 3, b: 6);
        await rig[0].Get<Locations>().PutAsync(new Location { Id = "STORE", Is = LocationKind.Store, Name = "Store" }, null, "test");
        var history = new SimulatedOrder(1, till: true);
        history.Create(("SET", 2), ("B", 1));
        history.Refund(0, 1, "return");
        foreach (var delivery in history.Sent.Concat(history.Sent)) await DeliverAsync(rig[0], delivery);
        var order = (await rig[0].ReadAsync("shop:1"))!;
        Assert.Equal((OrderStatus.Shipped, 1, 1), (order.Status, order.Lines[0].Shipped, order.Lines[1].Shipped));
        var (a, b) = ((await rig[0].Get<LedgerReads>().BalanceAsync("A"))!, (await rig[0].Get<LedgerReads>().BalanceAsync("B"))!);
        Assert.Equal((-1, -3), (a.Locations["STORE"].OnHand, b.Locations["STORE"].OnHand));
        Assert.Equal((0, 0), await HeldAsync(rig));
        Assert.Null(await rig[0].Get<LedgerReads>().BalanceAsync("SET"));
        await CleanAsync(rig);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Any_arrival_of_any_history_of_bundles_and_parts_ends_as_the_true_one(bool till)
    {
        await using var rig = await OrderRig.StartAsync(2);
        await rig[0].Get<Locations>().PutAsync(new Location { Id = "STORE", Is = LocationKind.Store, Name = "Store" }, null, "test");
        var number = 0;
        await Gen.Select(Events, Gen.Int).SampleAsync(async (events, seed) =>
        {
            var n = Interlocked.Increment(ref number);
            await AddAsync(rig, $"{n}", till ? 0 : 100, till ? 0 : 100);
            var (history, die) = (Play(n, till, [$"SET{n}", $"A{n}", $"B{n}"], events), new Random(seed));
            var arrivals = history.Sent.Concat(history.Sent.Where(_ => die.Next(3) == 0)).ToArray();
            die.Shuffle(arrivals);
            foreach (var delivery in arrivals) await DeliverAsync(rig[die.Next(2)], delivery);
            var sold = till ? history.Gone : history.Wanted;
            var (set, a, b) = (sold.GetValueOrDefault($"SET{n}"), sold.GetValueOrDefault($"A{n}"), sold.GetValueOrDefault($"B{n}"));
            if (till) Assert.Equal((-set - a, -2 * set - b), (await OnHandAsync($"A{n}"), await OnHandAsync($"B{n}")));
            else Assert.Equal((set + a, 2 * set + b), await HeldAsync(rig, $"{n}"));
            Assert.Equal((0, 0), await ShortAsync(rig, $"{n}"));
            Assert.Null((await rig[0].ReadAsync($"shop:{n}"))!.Intake);
            await CleanAsync(rig, $"{n}");
        }, iter: 15, threads: 1);

        async Task<long> OnHandAsync(string sku) => (await rig[0].Get<LedgerReads>().BalanceAsync(sku))?.Locations.GetValueOrDefault("STORE")?.OnHand ?? 0;
    }

    [Theory]
    [InlineData(ShortagePolicy.Oversold)]
    [InlineData(ShortagePolicy.Backorder)]
    [InlineData(ShortagePolicy.Partial)]
    [InlineData(ShortagePolicy.Refuse)]
    public async Task Any_edits_of_two_orders_for_the_last_bundles_and_parts_end_with_orders_and_ledger_saying_the_same(ShortagePolicy policy)
    {
        await using var rig = await OrderRig.StartAsync(2);
        var (number, channel) = (0, Channel(policy, "shop"));
        var edits = Gen.Select(Gen.Int[0, 1], Gen.Int[0, 4], Gen.Int[0, 2]).Array[1, 8];
        await edits.SampleAsync(async states =>
        {
            var n = Interlocked.Increment(ref number);
            await AddAsync(rig, $"{n}", 3, 5);
            string[] skus = [$"SET{n}", $"A{n}", $"B{n}", $"SET{n}", $"A{n}"];
            var orders = new[] { new long[5], new long[5] };
            for (var i = 0; i < states.Length; i++)
            {
                var (which, line, units) = states[i];
                orders[which][line] = units;
                await rig[i % 2].Get<Intake>().UpdateAsync(channel, State($"{n}-{which}", i, [.. skus.Select((sku, at) => ($"{at + 1}", sku, orders[which][at]))]), Patience);
            }
            await rig.RecoverAsync();
            for (var pass = 0; pass < 3; pass++)
            {
                await rig.Add().Get<OrderProgress>().RunAsync(CancellationToken.None);
                await rig.RecoverAsync();
            }
            var (a, b) = (0L, 0L);
            foreach (var which in states.Select(state => state.Item1).Distinct())
            {
                var order = (await rig[0].ReadAsync($"shop:{n}-{which}"))!;
                Assert.Null(order.Intake);
                foreach (var line in order.Lines)
                {
                    if (order.Status is not OrderStatus.Refused) Assert.Equal(line.Quantity, line.Committed + line.Backordered + line.Oversold + line.Missing);
                    (a, b) = line.Sku[0] switch { 'S' => (a + line.Committed, b + 2 * line.Committed), 'A' => (a + line.Committed, b), _ => (a, b + line.Committed) };
                }
            }
            Assert.Equal((a, b), await HeldAsync(rig, $"{n}"));
            await CleanAsync(rig, $"{n}");
        }, iter: 8, threads: 1);
    }

    [Theory]
    [InlineData(ShortagePolicy.Oversold, false)]
    [InlineData(ShortagePolicy.Oversold, true)]
    [InlineData(ShortagePolicy.Partial, false)]
    [InlineData(ShortagePolicy.Partial, true)]
    [InlineData(ShortagePolicy.Refuse, true)]
    public async Task Whatever_call_is_the_last_one_and_whatever_is_sold_meanwhile_the_order_says_what_its_bundles_hold(ShortagePolicy policy, bool done)
    {
        await using var rig = await OrderRig.StartAsync();
        var channel = Channel(policy);
        for (var last = 0; last < 40; last++)
        {
            await AddAsync(rig, $"{last}", 2, 4);
            var draft = Draft($"{last}", ($"SET{last}", 2));
            var doomed = rig.Add(hurried: true);
            var at = last;
            doomed.Mishaps = call => call < at ? null : call == at && done ? Mishap.AnswerLost : Mishap.Throttled;
            var ran = false;
            try
            {
                ran = (await doomed.TakeAsync(channel, draft)).Order.Intake is null;
            }
            catch (Exception died) when (died is ProblemException { Status: 503 } or HttpRequestException or InvalidOperationException or Microsoft.Azure.Cosmos.CosmosException) { }
            // The app is down for a while; what was tentative lapses first, and someone else buys one A.
            rig.Pass(TimeSpan.FromMinutes(80));
            await rig[0].Get<HoldExpiry>().RunAsync(CancellationToken.None);
            await rig[0].TakeAsync(Channel(ShortagePolicy.Refuse, "others"), Draft($"{last}", ($"A{last}", 1)));
            await rig.RecoverAsync();
            var order = await rig[0].ReadAsync($"test:{last}") ?? (await rig[0].TakeAsync(channel, draft)).Order;
            Assert.Null(order.Intake);
            var others = (await rig[0].ReadAsync($"others:{last}"))!.Status is OrderStatus.Committed ? 1 : 0;
            var line = order.Lines[0];
            Assert.Equal((line.Committed + others, 2 * line.Committed), await HeldAsync(rig, $"{last}"));
            Assert.Equal(policy is ShortagePolicy.Refuse && others == 1 ? 0 : 2 - others, line.Committed);
            if (policy is ShortagePolicy.Oversold && line.Oversold > 0)
                Assert.Single((await rig[0].Get<ExceptionCases>().ListAsync(ExceptionStatus.Open, "oversell", 500, null)).Items, open => open.Order == order.Id);
            await CleanAsync(rig, $"{last}");
            if (ran) return;
        }
        Assert.Fail("The intake makes more store calls than were tried.");
    }
}
