using System.Globalization;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Selvedge.Orders;
using Fields = Selvedge.Channels.Shopify.ShopifyFields;

namespace Selvedge.Channels.Iconic;

/// <summary>
/// A seller of THE ICONIC by its API v2 (SellerCenter). Numbers are set at once, at most 100 in a call, by the platform's own product id, which is a listing's item; the answer lists what was
/// <b>not</b> taken. A pause is the number 0. Orders are read by their items: which changed, then the orders of these as a whole. Cancels and shipments are said of items, all of one order.
/// <c>api.shop</c> is the host, without <c>/v2</c>. Settings: <c>clientId</c>, <c>clientSecret</c> (a secret's name); optional <c>cancelReason</c> (a name of <c>/v2/orders-failure-reasons</c>; needed to cancel),
/// <c>deliveryType</c> (<c>dropship</c>), <c>provider.&lt;carrier&gt;</c> (the platform's name of a carrier of ours), <c>limit.&lt;operation&gt;</c>. The client must belong to a user of this shop alone: calls act on the shop that the
/// user has selected. Unconfirmed: that sold units are taken off there (assumed), the names of the filters of orders and items, the members of a stock answer beside <c>quantity</c>, the form of the token's request, the
/// limits (25 a second is what a client keeps). Prices are never written: what is left out of that call is wiped.
/// Product data is not sent: v2 takes products as product sets by POST, whose members, categories and attributes are the platform's own and were not to be had from a source to build on, and each new one goes through its quality control. Products are
/// listed in its Seller Center, and their ids mapped.
/// </summary>
public sealed class IconicAdapter(ChannelCalls calls, AccessTokens tokens) : ChannelAdapter
{
    const int Page = 100, OrdersAtOnce = 50;
    static readonly CallRate Usual = new(25, 25), Reads = new(25, 2_000);
    static readonly string[] Left = ["shipped", "delivered", "failed", "returned", "return_shipped_by_customer", "return_waiting_for_approval", "return_rejected", "return_delivered"];

    public override string System => "iconic";
    public override ChannelTraits Traits { get; } = new()
    {
        MostAtOnce = 100, ReadsAtOnce = 25, Decrements = true, PollEvery = TimeSpan.FromMinutes(1), Cancels = true, Ships = true, Needs = ["clientId", "clientSecret"], Secrets = ["clientSecret"],
    };

    public override async Task<PushAnswer> PushAsync(ChannelAccount account, IReadOnlyList<Push> pushes, CancellationToken cancel)
    {
        var wrong = pushes.Where(push => Product(push.Listing.Item) is null).Select(push => new Pushed(push.Listing.Id, PushResult.Refused, $"'{push.Listing.Item}' is no product id of THE ICONIC (a whole number).")).ToList();
        var sent = pushes.Where(push => Product(push.Listing.Item) is not null).ToList();
        if (sent.Count == 0) return new(wrong);
        var reply = (await SendAsync(account, "stock", HttpMethod.Put, "stock/product", Json(StockBody(sent)), Usual, cancel)).Ok();
        var refused = new HashSet<long>();
        if (reply.Body.Length > 0)
        {
            using var body = reply.Json();
            foreach (var item in List(body.RootElement)) refused.Add(item.TryGetProperty("productId", out var id) && id.TryGetInt64(out var product) ? product : 0);
        }
        return new([.. sent.Select(push => refused.Contains(Product(push.Listing.Item)!.Value) ? new Pushed(push.Listing.Id, PushResult.Refused, "THE ICONIC ignored it: the product is unknown, or its stock is not the seller's.") : new Pushed(push.Listing.Id, PushResult.Applied)), .. wrong]);
    }

    /// <summary>The body of the stock call: a bare list.</summary>
    public static object StockBody(IEnumerable<Push> pushes) => pushes.Select(push => new { productId = Product(push.Listing.Item), quantity = push.Paused ? 0 : push.Units });

    public override async IAsyncEnumerable<Shown> ReadAsync(ChannelAccount account, IReadOnlyList<ListingKey>? which, [EnumeratorCancellation] CancellationToken cancel)
    {
        var products = which?.Select(listing => listing.Item).Where(item => Product(item) is not null).Distinct().ToAsyncEnumerable() ?? ProductsAsync(account, cancel);
        await foreach (var product in products)
        {
            var reply = await SendAsync(account, "stock.read", HttpMethod.Get, $"stock/product/{product}", null, Reads, cancel);
            if (reply.Status == 404) continue;
            using var body = reply.Ok().Json();
            if (new Fields(body.RootElement, "", []).Whole("quantity", 0, long.MaxValue) is { } units)
                yield return IconicOrder.IsWarehouse(new(body.RootElement, "", [])) ? new("", product, 0, Marketplace: units) : new("", product, units);
        }
    }

    async IAsyncEnumerable<string> ProductsAsync(ChannelAccount account, [EnumeratorCancellation] CancellationToken cancel)
    {
        for (var offset = 0; ; offset += Page)
        {
            using var body = (await SendAsync(account, "products", HttpMethod.Get, string.Create(CultureInfo.InvariantCulture, $"products?limit={Page}&offset={offset}"), null, Reads, cancel)).Ok().Json();
            var page = List(body.RootElement);
            foreach (var product in page)
                if (product.TryGetProperty("id", out var id) && id.TryGetInt64(out var number)) yield return number.ToString(CultureInfo.InvariantCulture);
            if (page.Count == 0) yield break;
        }
    }

    public override async IAsyncEnumerable<ChannelOrder> OrdersAsync(ChannelAccount account, DateTimeOffset from, [EnumeratorCancellation] CancellationToken cancel)
    {
        var (changed, since) = (new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal), Uri.EscapeDataString(from.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)));
        // Where an item changes meanwhile, it moves to the list's end and the others one forward: each page begins half a page back. It ends where nothing new comes on a page that is not full.
        var (seen, largest) = (new HashSet<(string?, DateTimeOffset)>(), 0);
        for (var offset = 0; ;)
        {
            using var body = (await SendAsync(account, "order-items", HttpMethod.Get, string.Create(CultureInfo.InvariantCulture, $"order-items?updatedAtStart={since}&sort=updatedAt&sortDir=asc&limit={Page}&offset={offset}"), null, Reads, cancel)).Ok().Json();
            var (page, fresh) = (List(body.RootElement), false);
            foreach (var item in page.Select(item => new Fields(item, "", [])))
            {
                if (item.Tail("orderId") is not { } id || IconicOrder.Instant(item, "updatedAt") is not { } at) continue;
                fresh |= seen.Add((item.Tail("id"), at));
                if (at > changed.GetValueOrDefault(id)) changed[id] = at;
            }
            largest = Math.Max(largest, page.Count);
            if (page.Count == 0 || (!fresh && page.Count < largest)) break;
            offset += Math.Max(1, page.Count / 2);
        }
        foreach (var ids in changed.OrderBy(order => order.Value).Select(order => order.Key).Chunk(OrdersAtOnce))
        {
            var seenAt = account.Time.GetUtcNow();
            var heads = await AllAsync(account, "orders", ids, cancel);
            var items = (await AllAsync(account, "order-items", ids, cancel)).GroupBy(item => new Fields(item, "", []).Tail("orderId") ?? "").ToDictionary(group => group.Key, group => group.DistinctBy(item => new Fields(item, "", []).Tail("id")).ToList());
            var read = heads.DistinctBy(order => new Fields(order, "", []).Tail("id")).Select(order => (Id: new Fields(order, "", []).Tail("id"), Order: order))
                .Select(one => Payload.Read(one.Order, account.Channel.Id, one.Id, seenAt, order => IconicOrder.Parse(order, items.GetValueOrDefault(one.Id ?? "", []), account.Channel.Id, seenAt))).ToDictionary(order => order.Draft.ExternalId);
            // By when its items were seen to change: that is how far the reading has come, whatever changed since.
            foreach (var id in ids)
                if (read.TryGetValue(id, out var order)) yield return order with { ChangedAt = changed[id] };
        }
    }

    public override async Task CancelAsync(ChannelAccount account, Order order, IReadOnlyList<LineUnits> lines, string reason, CancellationToken cancel)
    {
        var open = (await StatusesAsync(account, order, cancel)).Where(item => item.Status is "pending" or "ready_to_ship" or "payment_pending" && lines.Any(line => line.Line == item.Id && line.Units > 0)).Select(item => item.Id).ToList();
        if (open.Count > 0) await SayAsync(account, "set-to-cancelled", new { orderItemIds = open.Select(Number), reason = account.Setting("cancelReason"), reasonDetail = reason }, open, cancel);
    }

    public override async Task ShipAsync(ChannelAccount account, Order order, ChannelShipment shipment, CancellationToken cancel)
    {
        var ours = (await StatusesAsync(account, order, cancel)).Where(item => shipment.Lines.Any(line => line.Line == item.Id && line.Units > 0)).ToList();
        if (ours.Where(item => item.Status == "pending").Select(item => item.Id).ToList() is { Count: > 0 } pending)
        {
            var body = new Dictionary<string, object> { ["orderItems"] = pending.Select(id => new { id = Number(id) }), ["deliveryType"] = account.OptionalSetting("deliveryType") ?? "dropship" };
            if (shipment.Tracking is { Length: > 0 } tracking) body["trackingNumber"] = tracking;
            if (shipment.Carrier is { Length: > 0 } carrier) body["shippingProvider"] = account.OptionalSetting("provider." + carrier) ?? carrier;
            await SayAsync(account, "set-to-ready-to-ship", body, pending, cancel);
        }
        // What goes by their own hub is taken over there: it cannot be said to be shipped.
        if (ours.Where(item => !Left.Contains(item.Status) && item.Status != "canceled" && item.Type != "crossdocking").Select(item => item.Id).ToList() is { Count: > 0 } leaving)
            await SayAsync(account, "set-to-shipped", new { orderItemIds = leaving.Select(Number) }, leaving, cancel);
    }

    // Success names the items that it is of.
    async Task SayAsync(ChannelAccount account, string status, object body, List<string> items, CancellationToken cancel)
    {
        using var said = (await SendAsync(account, status, HttpMethod.Post, "orders/statuses/" + status, Json(body), Usual, cancel)).Ok().Json();
        var done = said.RootElement.ValueKind is JsonValueKind.Object && said.RootElement.TryGetProperty("orderItemIds", out var ids) && ids.ValueKind is JsonValueKind.Array ? ids.EnumerateArray().Select(id => id.ToString()).ToHashSet(StringComparer.Ordinal) : [];
        if (items.Find(item => !done.Contains(item)) is { } missing) throw new ChannelCallException(CallFailure.Refused, $"iconic did not confirm {status} of item {missing} of channel '{account.Channel.Id}'.");
    }

    async Task<List<(string Id, string Status, string? Type)>> StatusesAsync(ChannelAccount account, Order order, CancellationToken cancel) =>
        [.. (await AllAsync(account, "order-items", [order.ExternalId], cancel)).Select(item => new Fields(item, "", [])).Select(item => (item.Tail("id") ?? "", item.Text("status", 60) ?? "", item.Text("shipmentType", 60)?.ToLowerInvariant())).Distinct()];

    // All there is of these orders; each page is asked for until one is empty, for what is a full one is theirs to say.
    async Task<List<JsonElement>> AllAsync(ChannelAccount account, string what, string[] orders, CancellationToken cancel)
    {
        var all = new List<JsonElement>();
        var filter = string.Concat(orders.Select(id => "&orderIds[]=" + Uri.EscapeDataString(id)));
        while (true)
        {
            using var body = (await SendAsync(account, what + ".of", HttpMethod.Get, string.Create(CultureInfo.InvariantCulture, $"{what}?limit={Page}&offset={all.Count}{filter}"), null, Reads, cancel)).Ok().Json();
            var page = List(body.RootElement);
            all.AddRange(page.Select(item => item.Clone()));
            if (page.Count == 0 || (what == "orders" && all.Count >= orders.Length)) return all;
        }
    }

    Task<ChannelReply> SendAsync(ChannelAccount account, string operation, HttpMethod method, string path, HttpContent? content, CallRate rate, CancellationToken cancel)
    {
        var request = new HttpRequestMessage(method, new Uri(account.Address, "/v2/" + path)) { Content = content };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        return tokens.SendAsync(account, operation, request, [new(operation, rate.For(account, operation))], TokenAsync, static (request, token) => request.Headers.Authorization = new("Bearer", token), null, cancel);
    }

    async Task<(string, TimeSpan)> TokenAsync(ChannelAccount account, CancellationToken cancel)
    {
        var form = new FormUrlEncodedContent([new("grant_type", "client_credentials"), new("client_id", account.Setting("clientId")), new("client_secret", account.Secret("clientSecret"))]);
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(account.Address, "/oauth/client-credentials")) { Content = form };
        return AccessTokens.Read(account, await calls.SendAsync(account, "token", request, [new("token", new CallRate(0.2, 10).For(account, "token"))], cancel), TimeSpan.FromHours(1));
    }

    // Lists come bare, or in {items, pagination}.
    static List<JsonElement> List(JsonElement body) => body.ValueKind is JsonValueKind.Array ? [.. body.EnumerateArray()]
        : body.ValueKind is JsonValueKind.Object && body.TryGetProperty("items", out var items) && items.ValueKind is JsonValueKind.Array ? [.. items.EnumerateArray()] : [];

    static long? Product(string item) => long.TryParse(item, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && id > 0 ? id : null;
    static long Number(string id) => long.Parse(id, NumberStyles.None, CultureInfo.InvariantCulture);
    static ByteArrayContent Json(object body) => new(JsonSerializer.SerializeToUtf8Bytes(body)) { Headers = { ContentType = new("application/json") } };
}
