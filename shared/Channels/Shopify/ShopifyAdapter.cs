using System.Runtime.CompilerServices;
using System.Text.Json;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Channels.Shopify;

/// <summary>
/// A shop on Shopify (GraphQL Admin API 2026-04 and later). A listing's place is a location's gid, its item an inventory item's. Numbers go by <c>inventorySetQuantities</c>, compared
/// and set at once (<see cref="ShopifyStock"/>); orders are listed by when they changed and read one by one where they are not known in that state; what left is a fulfilment
/// (<see cref="ShopifyFulfilment"/>); products go by <c>productSet</c> (<see cref="ShopifyProducts"/>). Orders are never accepted: the shop sold them. It cancels whole orders only.
/// Settings, all optional: <c>stockReason</c> (<c>correction</c>), <c>notifyCustomer</c> (<c>false</c>), <c>cancelRefund</c> (<c>false</c>: a person pays back), <c>productStatus</c> of new
/// products (<c>DRAFT</c>), <c>limit.graphql</c>. Unconfirmed: rows of one call (250 assumed), the status of throttled answers, and whether one wrong row keeps the others out.
/// </summary>
public sealed class ShopifyAdapter(ShopifyCalls calls, OrderStore? known = null) : ChannelAdapter
{
    public override string System => "shopify";
    public override ChannelTraits Traits { get; } = new()
    {
        MostAtOnce = 250, Decrements = true, ComparesAndSets = true, PlacesHoldStock = true, PollEvery = TimeSpan.FromMinutes(1), RefreshEvery = TimeSpan.FromMinutes(30), VisibleAfter = TimeSpan.FromSeconds(2),
        Cancels = true, Ships = true, Publishes = true,
    };

    public override async Task<PushAnswer> PushAsync(ChannelAccount account, IReadOnlyList<Push> pushes, CancellationToken cancel)
    {
        if (string.CompareOrdinal(account.Channel.Api?.Version, ShopifyStock.Since) < 0)
            throw new ChannelCallException(CallFailure.Refused, $"Channel '{account.Channel.Id}' has API version '{account.Channel.Api?.Version}'. Numbers are set in the form of {ShopifyStock.Since} and later: change its 'version'.");
        var answers = pushes.Where(push => ShopifyStock.Fault(push.Listing) is not null).Select(push => new Pushed(push.Listing.Id, PushResult.Refused, ShopifyStock.Fault(push.Listing))).ToList();
        var rows = pushes.Where(push => ShopifyStock.Fault(push.Listing) is null).ToList();
        if (rows.Count == 0) return new(answers);
        var data = await calls.AskAsync(account, "SetQuantities", ShopifyStock.SetQuantities, ShopifyStock.Variables(rows, account.OptionalSetting("stockReason") ?? "correction"), cancel);
        var (results, unstocked) = ShopifyStock.Read(data.GetProperty("inventorySetQuantities"), rows, account.Channel.Id);
        // Stocked from now on, with nothing; its number goes the next time.
        foreach (var push in unstocked.Take(ShopifyStock.MostActivated))
            if (await ActivateAsync(account, push, cancel) is { } refused) results[results.FindIndex(result => result.Listing == push.Listing.Id)] = new(push.Listing.Id, PushResult.Refused, refused);
        return new([.. answers, .. results]);
    }

    async Task<string?> ActivateAsync(ChannelAccount account, Push push, CancellationToken cancel)
    {
        try
        {
            var data = await calls.AskAsync(account, "Activate", ShopifyStock.Activate, new { item = push.Listing.Item, place = push.Listing.Place, key = ShopifyStock.Key("activate " + push.Key) }, cancel);
            return ShopifyJson.FirstError(data.GetProperty("inventoryActivate"));
        }
        catch (ChannelCallException)
        {
            // What the call before answered is not lost for this; the next one begins anew.
            return null;
        }
    }

    public override async IAsyncEnumerable<Shown> ReadAsync(ChannelAccount account, IReadOnlyList<ListingKey>? which, [EnumeratorCancellation] CancellationToken cancel)
    {
        if (which is null)
        {
            foreach (var place in await PlacesAsync(account, cancel))
                await foreach (var shown in AllAsync(account, place, cancel)) yield return shown;
            yield break;
        }
        foreach (var place in which.Where(listing => ShopifyStock.Fault(listing) is null).GroupBy(listing => listing.Place, StringComparer.Ordinal))
            foreach (var some in place.Select(listing => listing.Item).Distinct(StringComparer.Ordinal).Chunk(ShopifyStock.Page))
            {
                var data = await calls.AskAsync(account, "Levels", ShopifyStock.Levels, new { ids = some, place = place.Key }, cancel);
                foreach (var node in data.GetProperty("nodes").EnumerateArray())
                    if (node.ValueKind is JsonValueKind.Object && node.TryGetProperty("id", out var id)) yield return new(place.Key, id.GetString()!, ShopifyStock.Available(node.GetProperty("inventoryLevel")));
            }
    }

    async IAsyncEnumerable<Shown> AllAsync(ChannelAccount account, string place, [EnumeratorCancellation] CancellationToken cancel)
    {
        for (string? after = null; ;)
        {
            var data = await calls.AskAsync(account, "LevelsAt", ShopifyStock.LevelsAt, new { place, after }, cancel, spare: true);
            if (data.GetProperty("location") is not { ValueKind: JsonValueKind.Object } location) yield break;
            var levels = location.GetProperty("inventoryLevels");
            foreach (var level in levels.GetProperty("nodes").EnumerateArray()) yield return new(place, level.GetProperty("item").GetProperty("id").GetString()!, ShopifyStock.Available(level));
            if ((after = ShopifyJson.Next(levels)) is null) yield break;
        }
    }

    // Those that are mapped; where none is, all there are.
    async Task<List<string>> PlacesAsync(ChannelAccount account, CancellationToken cancel)
    {
        if (account.Channel.Places is { Count: > 0 } mapped) return [.. mapped.Keys.Select(ShopifyJson.Place).OfType<string>().Distinct(StringComparer.Ordinal)];
        var places = new List<string>();
        for (string? after = null; ;)
        {
            var locations = (await calls.AskAsync(account, "Places", ShopifyStock.Places, new { after }, cancel, spare: true)).GetProperty("locations");
            places.AddRange(locations.GetProperty("nodes").EnumerateArray().Select(node => node.GetProperty("id").GetString()!));
            if ((after = ShopifyJson.Next(locations)) is null) return places;
        }
    }

    /// <summary><inheritdoc/> What our own order says of its state decides only whether it is read once more: known already, it is answered as that (<see cref="ChannelOrder.Known"/>).</summary>
    public override async IAsyncEnumerable<ChannelOrder> OrdersAsync(ChannelAccount account, DateTimeOffset from, [EnumeratorCancellation] CancellationToken cancel)
    {
        var ask = calls.Of(account, spare: true);
        await foreach (var glance in ShopifyReads.ChangedAsync(ask, from, cancel))
        {
            var order = known is null ? null : await known.ReadAsync(Ids.Order(account.Channel.Id, glance.Id));
            if (order is not null && ShopifyPoll.Knows(order, glance)) yield return Bare(account, glance) with { Known = true };
            else yield return await OneAsync(account, ask, glance, cancel);
        }
    }

    static async Task<ChannelOrder> OneAsync(ChannelAccount account, ShopifyAsk ask, ShopifyGlance glance, CancellationToken cancel)
    {
        var seenAt = InstantConverter.Cut(account.Time.GetUtcNow());
        var raw = new List<string>();
        try
        {
            return await ShopifyReads.OrderAsync(ask, account.Channel.Id, glance.Id, seenAt, raw, cancel) is { } draft ? new(draft, glance.UpdatedAt, ShopifyJson.Bytes(raw)) : Bare(account, glance) with { Known = true };
        }
        catch (ProblemException unreadable) when (unreadable.Status is 400 or 413)
        {
            return Bare(account, glance) with { Raw = ShopifyJson.Bytes(raw), Unreadable = unreadable.Message };
        }
        catch (ShopifyApiException changed)
        {
            throw new ChannelCallException(CallFailure.Unanswered, changed.Message, inner: changed);
        }
    }

    static ChannelOrder Bare(ChannelAccount account, ShopifyGlance glance) =>
        new(new() { ExternalId = glance.Id, Currency = "", Lines = [], Actor = "channel:" + account.Channel.Id }, glance.UpdatedAt, default);

    public override Task ShipAsync(ChannelAccount account, Order order, ChannelShipment shipment, CancellationToken cancel) => ShopifyFulfilment.ShipAsync(calls, account, order, shipment, cancel);

    /// <summary><inheritdoc/> Shopify's <c>orderCancel</c> is for whole orders: a part is taken out there by a person (edit or refund), and comes back to us as such.</summary>
    public override Task CancelAsync(ChannelAccount account, Order order, IReadOnlyList<LineUnits> lines, string reason, CancellationToken cancel) => ShopifyFulfilment.CancelAsync(calls, account, order, lines, reason, cancel);

    public override Task<PublishAnswer> PublishAsync(ChannelAccount account, ChannelProduct product, CancellationToken cancel) => ShopifyProducts.PublishAsync(calls, account, product, cancel);
}
