using System.Globalization;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Selvedge.Orders;
using static Selvedge.Channels.Zalando.ZalandoJson;

namespace Selvedge.Channels.Zalando;

/// <summary>
/// A merchant on Zalando's zDirect (partner fulfilment). Levels go by the stock call at once, at most 1000 in a call, 60 calls and 2000 levels a minute; a listing's place is the sales channel's id,
/// its item the EAN. A pause is the level 0. <b>Levels cannot be read back</b>: there is only a call that sets them. Orders are pulled, claimed by "exporting" them (our id of the order
/// within 3 hours), cancelled line by line, and sent as shipments, of which an order may have several and each has our id.
/// <c>api.token</c> names nothing here; settings: <c>merchantId</c>, <c>clientId</c>, <c>clientSecret</c> (a secret's name); optional <c>parcelGrams</c>, the weight told of a parcel (required by the API;
/// unconfirmed default 1000), <c>zfs</c> = <c>true</c> to read what lies in Zalando's warehouses (the answer's members are unconfirmed), <c>limit.&lt;operation&gt;</c>. Unconfirmed: whether
/// Zalando takes sold units off (assumed not: the partner owns the level), the limits of the orders API. Not told: return tracking numbers, which no shipment here has.
/// Product data is not sent: articles are onboarded by attributes whose schema is not public; what is onboarded there is mapped by its EAN.
/// </summary>
public sealed class ZalandoAdapter(ChannelCalls calls, AccessTokens tokens) : ChannelAdapter
{
    const int PageSize = 1000;
    const string JsonApi = "application/vnd.api+json";
    static readonly CallRate Requests = CallRate.Of(60, TimeSpan.FromMinutes(1)), Updates = CallRate.Of(2000, TimeSpan.FromMinutes(1)), OrderCalls = CallRate.Of(300, TimeSpan.FromMinutes(1));

    public override string System => "zalando";
    public override ChannelTraits Traits { get; } = new()
    {
        MostAtOnce = 1000, Decrements = false, ReadsBack = false, PollEvery = TimeSpan.FromMinutes(1), Accepts = true, Cancels = true, Ships = true, Needs = ["merchantId", "clientId", "clientSecret"], Secrets = ["clientSecret"],
    };

    public override async Task<PushAnswer> PushAsync(ChannelAccount account, IReadOnlyList<Push> pushes, CancellationToken cancel)
    {
        var (sent, wrong) = (pushes.Where(push => ZalandoStock.Ean(push.Listing.Item) is not null).ToList(), pushes.Where(push => ZalandoStock.Ean(push.Listing.Item) is null)
            .Select(push => new Pushed(push.Listing.Id, PushResult.Refused, $"'{push.Listing.Item}' is no EAN: Zalando knows an article by its 13 digits.")).ToList());
        if (sent.Count == 0) return new(wrong);
        var content = new ByteArrayContent(ZalandoStock.Body(sent)) { Headers = { ContentType = new("application/json") } };
        var reply = (await SendAsync(account, "stocks", HttpMethod.Post, "stocks", content, [new("stocks", Requests.For(account, "stocks")), new("stocks.levels", Updates.For(account, "stocks.levels"), sent.Count)], cancel)).Ok();
        using var body = reply.Json();
        return new([.. ZalandoStock.Results(body.RootElement, sent), .. wrong]);
    }

    /// <summary>What lies in Zalando's own warehouses, where the account says that it uses them; the levels that it was told cannot be read.</summary>
    public override async IAsyncEnumerable<Shown> ReadAsync(ChannelAccount account, IReadOnlyList<ListingKey>? which, [EnumeratorCancellation] CancellationToken cancel)
    {
        if (account.OptionalSetting("zfs") != "true" || which is null) yield break;
        foreach (var eans in which.Select(listing => ZalandoStock.Ean(listing.Item)).OfType<string>().Distinct().Chunk(50))
        {
            var reply = (await SendAsync(account, "item-quantities", HttpMethod.Get, $"/zfs/item-quantities/{Merchant(account)}?eans={string.Join(',', eans)}", null, [Spent(account, "item-quantities", CallRate.Of(200, TimeSpan.FromMinutes(1)))], cancel)).Ok();
            using var body = reply.Json();
            foreach (var ean in List(body.RootElement, "items").Concat(List(body.RootElement, "item_quantities")).GroupBy(item => Text(item, "ean")))
                if (ean.Key is { } known) yield return new("zfs", known, 0, Marketplace: ean.Sum(item => long.TryParse(Text(item, "offerable_quantity") ?? Text(item, "quantity"), CultureInfo.InvariantCulture, out var units) ? units : 0));
        }
    }

    /// <summary><inheritdoc/> Each page begins where the last one ended by the orders' own times, for an order that changes meanwhile would move the pages of a list.</summary>
    public override async IAsyncEnumerable<ChannelOrder> OrdersAsync(ChannelAccount account, DateTimeOffset from, [EnumeratorCancellation] CancellationToken cancel)
    {
        var (told, number, largest) = (new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal), 0, 0);
        while (true)
        {
            var seenAt = account.Time.GetUtcNow();
            // The bound itself is left out there.
            var after = Uri.EscapeDataString(from.AddMilliseconds(-1).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            var path = string.Create(CultureInfo.InvariantCulture, $"orders?last_updated_after={after}&sort=modified_at&include=order_items,order_lines&page[number]={number}&page[size]={PageSize}");
            using var body = (await SendAsync(account, "orders", HttpMethod.Get, path, null, [Spent(account, "orders", OrderCalls)], cancel)).Ok().Json();
            var page = ZalandoOrder.Page(body.RootElement, account.Channel.Id, seenAt);
            var fresh = page.Where(order => !told.TryGetValue(order.Draft.ExternalId, out var at) || order.ChangedAt > at).ToList();
            foreach (var order in fresh)
            {
                told[order.Draft.ExternalId] = order.ChangedAt;
                yield return order;
            }
            // How many they put on a page at the most is theirs to say: it ends where nothing new comes on a page that is not full.
            largest = Math.Max(largest, page.Count);
            if (page.Count == 0 || (fresh.Count == 0 && page.Count < largest)) yield break;
            var last = List(body.RootElement, "data").Select(Modified).Max();
            // As many of one moment as a page holds: only then are pages counted.
            (from, number) = last > from ? (last, 0) : (from, number + 1);
        }
    }

    public override async Task AcceptAsync(ChannelAccount account, Order order, IReadOnlyList<LineAnswer> lines, CancellationToken cancel)
    {
        // Said again it changes nothing.
        var name = string.Concat(order.Id.Where(char.IsAsciiLetterOrDigit));
        (await PatchAsync(account, $"orders/{Id(order)}", new { data = new { type = "Order", id = order.ExternalId, attributes = new { merchant_order_id = name } } }, cancel)).Ok();
        if (lines.Where(line => !line.Accepted).Select(line => new LineUnits(line.Line, 1)).ToList() is { Count: > 0 } refused) await CancelAsync(account, order, refused, "out of stock", cancel);
    }

    public override async Task CancelAsync(ChannelAccount account, Order order, IReadOnlyList<LineUnits> lines, string reason, CancellationToken cancel)
    {
        using var now = await OneAsync(account, order, cancel);
        foreach (var (line, item, status) in LinesOf(now.RootElement).Where(line => lines.Any(asked => asked.Line == line.Line && asked.Units > 0)))
            if (status != "canceled") (await PatchAsync(account, $"orders/{Id(order)}/items/{item}/lines/{line}", new { data = new { id = line, type = "OrderLine", attributes = new { status = "canceled" } } }, cancel)).Ok();
    }

    public override async Task ShipAsync(ChannelAccount account, Order order, ChannelShipment shipment, CancellationToken cancel)
    {
        using var known = (await SendAsync(account, "shipments", HttpMethod.Get, $"orders/{Id(order)}/shipments", null, [Spent(account, "shipments", OrderCalls)], cancel)).Ok().Json();
        var ours = List(known.RootElement, "shipments").Find(one => Text(one, "merchant_specified_shipment_id") == shipment.Id);
        var id = Text(ours, "shipment_id");
        if (Text(ours, "status") == "shipped") return;
        if (id is null)
        {
            var grams = int.TryParse(account.OptionalSetting("parcelGrams"), CultureInfo.InvariantCulture, out var told) && told > 0 ? told : 1000;
            using var made = (await SendAsync(account, "shipments", HttpMethod.Post, $"orders/{Id(order)}/shipments", Content(new
            {
                merchant_specified_shipment_id = shipment.Id, order_lines = shipment.Lines.Select(line => new { order_line_id = line.Line }), weight = new { value = grams, unit = "g" }, tracking_number = shipment.Tracking ?? "",
            }), [Spent(account, "shipments", OrderCalls)], cancel)).Ok().Json();
            id = Text(made.RootElement, "shipment_id");
        }
        (await PatchAsync(account, $"orders/{Id(order)}/shipments/{id}", new { status = "shipped" }, cancel)).Ok();
    }

    static IEnumerable<(string Line, string Item, string? Status)> LinesOf(JsonElement order) => List(order, "included").Where(one => Text(one, "type") == "OrderLine" && one.TryGetProperty("attributes", out _))
        .Select(one => (Text(one, "id") ?? "", Text(one.GetProperty("attributes"), "order_item_id") ?? "", Text(one.GetProperty("attributes"), "status")));

    static DateTimeOffset Modified(JsonElement order) => order.TryGetProperty("attributes", out var attributes) && attributes.TryGetProperty("modified_at", out var at) && at.TryGetDateTimeOffset(out var instant) ? instant : DateTimeOffset.MinValue;

    async Task<JsonDocument> OneAsync(ChannelAccount account, Order order, CancellationToken cancel) =>
        (await SendAsync(account, "order", HttpMethod.Get, $"orders/{Id(order)}?include=order_items,order_lines", null, [Spent(account, "order", OrderCalls)], cancel)).Ok().Json();

    Task<ChannelReply> PatchAsync(ChannelAccount account, string path, object body, CancellationToken cancel) => SendAsync(account, "patch", HttpMethod.Patch, path, Content(body), [Spent(account, "patch", OrderCalls)], cancel);

    Task<ChannelReply> SendAsync(ChannelAccount account, string operation, HttpMethod method, string path, HttpContent? content, Spend[] spends, CancellationToken cancel)
    {
        var request = new HttpRequestMessage(method, new Uri(account.Address, path.StartsWith('/') ? path : $"/merchants/{Merchant(account)}/{path}")) { Content = content };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(operation is "stocks" or "item-quantities" ? "application/json" : JsonApi));
        return tokens.SendAsync(account, operation, request, spends, TokenAsync, static (request, token) => request.Headers.Authorization = new("Bearer", token), null, cancel);
    }

    async Task<(string, TimeSpan)> TokenAsync(ChannelAccount account, CancellationToken cancel)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(account.Address, "/auth/token")) { Content = new FormUrlEncodedContent([new("grant_type", "client_credentials"), new("scope", "access_token_only")]) };
        request.Headers.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{account.Setting("clientId")}:{account.Secret("clientSecret")}")));
        return AccessTokens.Read(account, await calls.SendAsync(account, "token", request, [Spent(account, "token", new(0.2, 10))], cancel), TimeSpan.FromHours(2));
    }

    static Spend Spent(ChannelAccount account, string operation, CallRate rate) => new(operation, rate.For(account, operation));
    static ByteArrayContent Content(object body) => new(JsonSerializer.SerializeToUtf8Bytes(body)) { Headers = { ContentType = new(JsonApi) } };
    static string Merchant(ChannelAccount account) => Uri.EscapeDataString(account.Setting("merchantId"));
    static string Id(Order order) => Uri.EscapeDataString(order.ExternalId);
}
