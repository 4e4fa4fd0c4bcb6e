using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Selvedge.Channels;
using Selvedge.Listings;
using Selvedge.Orders;

namespace Selvedge.Tests.Integration.Listings;

/// <summary>What happens to a call.</summary>
public enum CallFault { None, Limited, LostBefore, LostAfter, ItemFails, ItemRefused, Refused }

/// <summary>A channel in memory: shows numbers, sells no more than it shows, keeps orders, loses answers. Not like any real system; those have simulators of their own.</summary>
public sealed class FakeChannel(ChannelTraits traits, TimeProvider time, string system = "fake") : ChannelAdapter
{
    readonly Lock gate = new();
    readonly Dictionary<string, long> shown = new(StringComparer.Ordinal);
    readonly List<ChannelOrder> orders = [];
    int sold;

    public override string System => system;
    public override ChannelTraits Traits => traits;

    /// <summary>Decides what happens to each call: its kind (<c>push</c>, <c>read</c>, <c>orders</c>, <c>accept</c>, <c>ship</c>, <c>cancel</c>, <c>check</c>) and number, from 0.</summary>
    public Func<string, int, CallFault> Faults { get; set; } = (_, _) => CallFault.None;

    /// <summary>Runs before a call reaches the channel, with its kind.</summary>
    public Func<string, Task> Before { get; set; } = _ => Task.CompletedTask;
    public ConcurrentQueue<string> Calls { get; } = [];

    /// <summary>Orders that were placed, and the most units that may be shown now: what is set above it is noted.</summary>
    public int Sold => sold;
    public Dictionary<string, long> Most { get; } = [];
    public ConcurrentQueue<string> Above { get; } = [];

    /// <summary>Every number that was set, in order.</summary>
    public ConcurrentQueue<(string Item, long Units, bool Paused)> Sets { get; } = [];
    public ConcurrentDictionary<string, IReadOnlyList<LineAnswer>> Accepted { get; } = new();
    public ConcurrentDictionary<string, ChannelShipment> Shipped { get; } = new();
    public ConcurrentDictionary<string, IReadOnlyList<LineUnits>> Cancelled { get; } = new();

    /// <summary>Its orders are not to be sent yet; and units that it holds itself, by item.</summary>
    public bool Waits { get; set; }
    public Dictionary<string, long> Holds { get; } = [];

    /// <summary>Orders come twice and in no order.</summary>
    public bool Shuffles { get; set; }

    /// <summary>Numbers wait in here until <see cref="CheckAsync"/>, where the channel decides later.</summary>
    public bool Queues { get; set; }
    readonly Dictionary<string, IReadOnlyList<Push>> submissions = [];
    readonly ConcurrentDictionary<string, int> counts = new();

    public long this[string item]
    {
        get { lock (gate) return shown.GetValueOrDefault(item, -1); }
        set { lock (gate) shown[item] = value; }
    }

    /// <summary>A buyer buys: refused where fewer are shown. Answers the order's id.</summary>
    public string? Sell(string item, long units, string code, DateTimeOffset? acceptBy = null)
    {
        lock (gate)
        {
            if (shown.GetValueOrDefault(item) < units) return null;
            if (traits.Decrements) shown[item] -= units;
            var (id, at) = ($"o{++sold}", time.GetUtcNow());
            orders.Add(new(Draft(id, code, units, at, null), at, "{}"u8.ToArray(), AcceptBy: acceptBy, Waits: Waits));
            return id;
        }
    }

    /// <summary>The channel lets an order be sent.</summary>
    public void Release(string id)
    {
        lock (gate)
        {
            var known = orders.First(order => order.Draft.ExternalId == id);
            orders.Add(known with { ChangedAt = time.GetUtcNow(), Waits = false });
        }
    }

    /// <summary>The buyer cancels.</summary>
    public void Cancel(string id, string item)
    {
        lock (gate)
        {
            var known = orders.First(order => order.Draft.ExternalId == id);
            var line = known.Draft.Lines[0];
            var at = time.GetUtcNow();
            if (traits.Decrements) shown[item] += line.Quantity;
            orders.Add(known with { ChangedAt = at, Draft = Draft(id, line.Code!, line.Quantity, known.Draft.PlacedAt!.Value, new Cancel(CancelState.Done, at, "customer", "fake")) with { Version = new(at) } });
        }
    }

    public override async Task<PushAnswer> PushAsync(ChannelAccount account, IReadOnlyList<Push> pushes, CancellationToken cancel)
    {
        var fault = await BeginAsync("push");
        if (fault is CallFault.LostBefore) throw new ChannelCallException(CallFailure.Unanswered, "hung up before it was done");
        var items = new List<Pushed>();
        lock (gate)
        {
            if (Queues)
            {
                var id = $"s{submissions.Count + 1}";
                submissions[id] = pushes;
                return fault is CallFault.LostAfter ? throw new ChannelCallException(CallFailure.Unanswered, "hung up after it was done") : new([.. pushes.Select(push => new Pushed(push.Listing.Id, PushResult.Queued))], id, TimeSpan.FromSeconds(1));
            }
            for (var i = 0; i < pushes.Count; i++) items.Add(i == 0 && fault is CallFault.ItemFails ? new(pushes[i].Listing.Id, PushResult.Failed, "try again") : i == 0 && fault is CallFault.ItemRefused ? new(pushes[i].Listing.Id, PushResult.Refused, "no such offer") : Set(pushes[i]));
        }
        if (fault is CallFault.LostAfter) throw new ChannelCallException(CallFailure.Unanswered, "hung up after it was done");
        return new(items);
    }

    public override async Task<IReadOnlyList<Pushed>?> CheckAsync(ChannelAccount account, string submission, IReadOnlyList<Push> pushes, CancellationToken cancel)
    {
        await BeginAsync("check");
        lock (gate) return [.. submissions[submission].Select(Set)];
    }

    public override async IAsyncEnumerable<Shown> ReadAsync(ChannelAccount account, IReadOnlyList<ListingKey>? which, [EnumeratorCancellation] CancellationToken cancel)
    {
        if (await BeginAsync("read") is CallFault.LostBefore or CallFault.LostAfter) throw new ChannelCallException(CallFailure.Unanswered, "no answer");
        if (!traits.ReadsBack) yield break;
        List<Shown> all;
        lock (gate) all = [.. shown.Where(item => which is null || which.Any(key => key.Item == item.Key)).Select(item => new Shown("", item.Key, item.Value, Marketplace: Holds.TryGetValue(item.Key, out var held) ? held : null))];
        foreach (var one in all) yield return one;
    }

    public override async IAsyncEnumerable<ChannelOrder> OrdersAsync(ChannelAccount account, DateTimeOffset from, [EnumeratorCancellation] CancellationToken cancel)
    {
        if (await BeginAsync("orders") is CallFault.LostBefore or CallFault.LostAfter) throw new ChannelCallException(CallFailure.Unanswered, "no answer");
        List<ChannelOrder> all;
        lock (gate) all = [.. orders.Where(order => order.ChangedAt >= from).OrderBy(order => order.ChangedAt)];
        if (Shuffles) all = [.. all.Concat(all).OrderBy(order => order.Draft.ExternalId.GetHashCode(StringComparison.Ordinal) ^ order.ChangedAt.Ticks)];
        foreach (var one in all) yield return one;
    }

    public override async Task AcceptAsync(ChannelAccount account, Order order, IReadOnlyList<LineAnswer> lines, CancellationToken cancel)
    {
        var fault = await BeginAsync("accept");
        if (fault is not CallFault.LostBefore) Accepted[order.ExternalId] = lines;
        Lost(fault);
    }

    public override async Task CancelAsync(ChannelAccount account, Order order, IReadOnlyList<LineUnits> lines, string reason, CancellationToken cancel)
    {
        var fault = await BeginAsync("cancel");
        if (fault is not CallFault.LostBefore) Cancelled[order.ExternalId] = lines;
        Lost(fault);
    }

    public override async Task ShipAsync(ChannelAccount account, Order order, ChannelShipment shipment, CancellationToken cancel)
    {
        var fault = await BeginAsync("ship");
        if (fault is not CallFault.LostBefore) Shipped[order.ExternalId] = shipment;
        Lost(fault);
    }

    /// <summary>Products as they came, and what it has against items.</summary>
    public ConcurrentQueue<ChannelProduct> Products { get; } = [];
    public Func<ChannelItem, string?> Objects { get; set; } = _ => null;

    public override async Task<PublishAnswer> PublishAsync(ChannelAccount account, ChannelProduct product, CancellationToken cancel)
    {
        var fault = await BeginAsync("publish");
        if (fault is CallFault.ItemRefused) throw new ChannelCallException(CallFailure.Refused, "not a product of ours") { IsOfProduct = true };
        if (fault is not CallFault.LostBefore)
        {
            Products.Enqueue(product);
            lock (gate)
                foreach (var item in product.Items)
                    if (Objects(item) is null) shown.TryAdd("i-" + item.Sku, 0);
        }
        Lost(fault);
        return new([.. product.Items.Select(item => Objects(item) is { } why ? new PublishedItem(item.Sku, [], why) : new PublishedItem(item.Sku, [new(Listing.IdOf("", "i-" + item.Sku), "", "i-" + item.Sku, item.Sku)]))]) { ExternalId = "p-" + product.Style };
    }

    Pushed Set(Push push)
    {
        if (!shown.TryGetValue(push.Listing.Item, out var now)) return new(push.Listing.Id, PushResult.Refused, "no such offer");
        if (traits.ComparesAndSets && push.Believed is { } believed && believed != now) return new(push.Listing.Id, PushResult.Stale, "compare failed", now);
        shown[push.Listing.Item] = push.Paused ? 0 : push.Units;
        if (Most.TryGetValue(push.Listing.Item, out var most) && push.Units > most) Above.Enqueue($"{push.Listing.Item}: {push.Units} of {most}");
        Sets.Enqueue((push.Listing.Item, push.Units, push.Paused));
        return new(push.Listing.Id, PushResult.Applied);
    }

    async Task<CallFault> BeginAsync(string kind)
    {
        Calls.Enqueue(kind);
        await Before(kind);
        var fault = Faults(kind, counts.AddOrUpdate(kind, 0, (_, n) => n + 1));
        return fault switch
        {
            CallFault.Limited => throw new ChannelCallException(CallFailure.Limited, "429", time.GetUtcNow() + TimeSpan.FromSeconds(1)),
            CallFault.Refused => throw new ChannelCallException(CallFailure.Refused, "401"),
            _ => fault,
        };
    }

    static void Lost(CallFault fault)
    {
        if (fault is CallFault.LostBefore or CallFault.LostAfter) throw new ChannelCallException(CallFailure.Unanswered, "hung up");
    }

    static Draft Draft(string id, string code, long units, DateTimeOffset placedAt, Cancel? cancel) => new()
    {
        ExternalId = id, Currency = "AUD", Actor = "channel:fake", PlacedAt = placedAt, Version = new(placedAt), Cancel = cancel, Lines = [new() { Id = "1", Code = code, Quantity = units, UnitPrice = 100_000 }],
    };
}
