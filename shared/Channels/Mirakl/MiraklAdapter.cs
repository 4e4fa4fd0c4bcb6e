using System.Globalization;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Selvedge.Orders;

namespace Selvedge.Channels.Mirakl;

/// <summary>
/// A shop on one operator's Mirakl (Marketplace Platform, seller API). Numbers go by STO01, a file that Mirakl works off later, and are looked up by STO02 and STO03;
/// they are read back by OF21. Orders come by OR11 (no push to sellers), are accepted by OR21, cancelled by OR29 or OR30, sent by OR23 and OR24, or by ST01 where only a part leaves.
/// Of product data the offers that are missing are made by OF24, on products that the operator has (by our GTIN, or by the channel's code of the SKU as the operator's product SKU), new, at our price and with nothing to sell; OF02 and OF03 say what
/// came of it. OF24 empties what is left out of it, so an offer that is there is mapped and never sent again, its price neither. Products themselves (P41) have each operator's own attributes and are not sent: list them there.
/// <c>api.token</c> names the shop's API key. Settings, all optional: <c>shopId</c> for a user of several shops; <c>ownCenter</c>, <c>acceptHours</c>, <c>quantity</c>
/// (<see cref="MiraklWords"/>); <c>cancelReason</c>, the operator's code for cancelled lines (needed for OR30); <c>carrier.&lt;name&gt;</c>, the operator's code of a carrier of ours;
/// <c>offerState</c>, the operator's code of new goods (<c>11</c>), <c>productIdType</c> (<c>EAN</c>); <c>limit.&lt;operation&gt;</c>. Unconfirmed: whether the operator takes sold units off (assumed), the words of the error report, the rates of OF21 and ST01, and that
/// further pages of OR11 are not calls of their own. OF21 knows no warehouses: numbers set by warehouse are read back as their sum.
/// </summary>
public sealed class MiraklAdapter(ChannelCalls calls) : ChannelAdapter
{
    const int Page = 100;
    static readonly CallRate EachMinute = CallRate.Of(1, TimeSpan.FromMinutes(1)), Each15Seconds = CallRate.Of(1, TimeSpan.FromSeconds(15)), PerEvent = new(10, 20), Pages = new(10, 5_000);

    public override string System => "mirakl";
    public override ChannelTraits Traits { get; } = new()
    {
        MostAtOnce = 10_000, ReadsAtOnce = 10_000, ReadsAll = true, Decrements = true, PollEvery = TimeSpan.FromMinutes(1), RefreshEvery = TimeSpan.FromMinutes(30), VisibleAfter = TimeSpan.FromMinutes(1), Accepts = true, Cancels = true, Ships = true, Publishes = true,
    };

    public override async Task<PushAnswer> PushAsync(ChannelAccount account, IReadOnlyList<Push> pushes, CancellationToken cancel)
    {
        using var file = new ByteArrayContent(MiraklStock.File(pushes)) { Headers = { ContentType = new("text/csv") } };
        using var form = new MultipartFormDataContent { { file, "file", "stock.csv" } };
        var reply = (await SendAsync(account, "STO01", HttpMethod.Post, "/api/offers/stock/imports", EachMinute, form, cancel)).Ok();
        using var body = reply.Json();
        var import = Text(body.RootElement, "import_id") ?? throw new ChannelCallException(CallFailure.Unanswered, $"mirakl answered STO01 of channel '{account.Channel.Id}' without an import_id.");
        return new([.. pushes.Select(push => new Pushed(push.Listing.Id, PushResult.Queued))], import, TimeSpan.FromSeconds(15));
    }

    public override async Task<IReadOnlyList<Pushed>?> CheckAsync(ChannelAccount account, string submission, IReadOnlyList<Push> pushes, CancellationToken cancel)
    {
        var import = "/api/offers/stock/imports/" + Uri.EscapeDataString(submission);
        var reply = await SendAsync(account, "STO02", HttpMethod.Get, import + "/status", Each15Seconds, null, cancel);
        if (reply.Status == 404) return All(pushes, PushResult.Failed, $"Mirakl does not know the import {submission} (any more).");
        using var status = reply.Ok().Json();
        var state = Text(status.RootElement, "status");
        if (state == "FAILED") return All(pushes, PushResult.Failed, $"Import {submission} failed as a whole.");
        if (state != "COMPLETE") return null;
        var wrong = status.RootElement.TryGetProperty("lines_in_error", out var count) && count.TryGetInt64(out var lines) ? lines : 0;
        if (wrong == 0) return All(pushes, PushResult.Applied, null);
        var report = (await SendAsync(account, "STO03", HttpMethod.Get, import + "/error_report", Each15Seconds, null, cancel)).Ok();
        if (MiraklStock.Errors(report.Body) is not { } errors) return All(pushes, PushResult.Failed, $"{wrong} lines of import {submission} have errors, and its report cannot be read.");
        return [.. pushes.Select(push => errors.TryGetValue((push.Listing.Item, push.Listing.Place), out var error) || errors.TryGetValue((push.Listing.Item, ""), out error)
            ? new Pushed(push.Listing.Id, PushResult.Refused, error) : new Pushed(push.Listing.Id, PushResult.Applied))];
    }

    public override async Task<PublishAnswer> PublishAsync(ChannelAccount account, ChannelProduct product, CancellationToken cancel)
    {
        var there = await ThereAsync(account, product, cancel);
        var answered = product.Items.Where(item => item.ExternalId is not null || there.Contains(item.Sku)).Select(Listed).ToList();
        answered.AddRange(product.Items.Where(item => item.ExternalId is null && !there.Contains(item.Sku) && MiraklOffers.Fault(item) is not null).Select(item => new PublishedItem(item.Sku, [], MiraklOffers.Fault(item))));
        var missing = product.Items.Where(item => !answered.Exists(one => one.Sku == item.Sku)).ToList();
        if (missing.Count == 0) return new(answered);
        using var body = (await SendAsync(account, "OF24", HttpMethod.Post, "/api/offers", EachMinute, Json(MiraklOffers.Body(account, missing)), cancel)).Ok().Json();
        var import = Text(body.RootElement, "import_id") ?? throw new ChannelCallException(CallFailure.Unanswered, $"mirakl answered OF24 of channel '{account.Channel.Id}' without an import_id.");
        return new(answered) { Submission = import, LookAfter = TimeSpan.FromMinutes(1) };
    }

    public override async Task<PublishAnswer?> PublishedAsync(ChannelAccount account, ChannelProduct product, string submission, CancellationToken cancel)
    {
        var import = "/api/offers/imports/" + Uri.EscapeDataString(submission);
        var reply = await SendAsync(account, "OF02", HttpMethod.Get, import, EachMinute, null, cancel);
        if (reply.Status == 404) return new([]) { Until = account.Time.GetUtcNow() + TimeSpan.FromMinutes(1) };
        using var status = reply.Ok().Json();
        var state = Text(status.RootElement, "status");
        if (state is not ("COMPLETE" or "FAILED")) return null;
        var errors = new Dictionary<(string Item, string Place), string>() as IReadOnlyDictionary<(string Item, string Place), string>;
        var wrong = status.RootElement.TryGetProperty("lines_in_error", out var count) && count.TryGetInt64(out var lines) ? lines : 0;
        if (wrong > 0) errors = MiraklStock.Errors((await SendAsync(account, "OF03", HttpMethod.Get, import + "/error_report", EachMinute, null, cancel)).Ok().Body) ?? errors;
        var there = await ThereAsync(account, product, cancel);
        var answered = product.Items.Where(item => there.Contains(item.Sku)).Select(Listed).ToList();
        foreach (var item in product.Items.Where(item => !there.Contains(item.Sku)))
            if (errors.TryGetValue((item.Sku, ""), out var error)) answered.Add(new(item.Sku, [], error));
            else if (state == "FAILED" || wrong > 0) answered.Add(new(item.Sku, [], $"Import {submission} did not make an offer of it{(wrong > 0 ? $", and {wrong} of its lines have errors" : "")}."));
        // Made, and not shown yet.
        return answered.Count == 0 ? null : answered.Count == product.Items.Count ? new(answered) : new(answered) { Submission = submission, LookAfter = TimeSpan.FromMinutes(1) };
    }

    async Task<HashSet<string>> ThereAsync(ChannelAccount account, ChannelProduct product, CancellationToken cancel)
    {
        var there = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var shown in ReadAsync(account, [.. product.Items.Select(item => new ListingKey("", "", item.Sku, item.Sku))], cancel)) there.Add(shown.Item);
        return there;
    }

    static PublishedItem Listed(ChannelItem item) => new(item.Sku, [new(Platform.Ids.Join(["", item.Sku], 200), "", item.Sku, item.Sku)]);

    public override async IAsyncEnumerable<Shown> ReadAsync(ChannelAccount account, IReadOnlyList<ListingKey>? which, [EnumeratorCancellation] CancellationToken cancel)
    {
        var words = MiraklWords.Of(account);
        // One by one is cheaper than all pages only for a few.
        if (which is { Count: <= 10 })
        {
            foreach (var item in which.Select(listing => listing.Item).Distinct())
            {
                var reply = (await SendAsync(account, "OF21.one", HttpMethod.Get, $"/api/offers?max={Page}&offset=0&sku={Uri.EscapeDataString(item)}", new(1, 10), null, cancel)).Ok();
                using var body = reply.Json();
                foreach (var offer in List(body.RootElement, "offers").Where(offer => Text(offer, "shop_sku") == item)) yield return ShownBy(offer, words);
            }
            yield break;
        }
        var wanted = which?.Select(listing => listing.Item).ToHashSet(StringComparer.Ordinal);
        for (var offset = 0; ; offset += Page)
        {
            var reply = (await SendAsync(account, offset == 0 ? "OF21" : "OF21.page", HttpMethod.Get, string.Create(CultureInfo.InvariantCulture, $"/api/offers?max={Page}&offset={offset}"), offset == 0 ? EachMinute : Pages, null, cancel)).Ok();
            using var body = reply.Json();
            var offers = List(body.RootElement, "offers");
            foreach (var offer in offers)
                if (Text(offer, "shop_sku") is { } item && wanted?.Contains(item) != false) yield return ShownBy(offer, words);
            if (offers.Count == 0 || offset + offers.Count >= Count(body.RootElement)) yield break;
        }
    }

    public override async IAsyncEnumerable<ChannelOrder> OrdersAsync(ChannelAccount account, DateTimeOffset from, [EnumeratorCancellation] CancellationToken cancel)
    {
        var (words, since, found) = (MiraklWords.Of(account), Uri.EscapeDataString(from.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)), new Dictionary<string, ChannelOrder>(StringComparer.Ordinal));
        // Listed by when they were placed: one that changes meanwhile comes again on a later page at the most. They are told by when they changed, so all pages are read first.
        for (var offset = 0; ; offset += Page)
        {
            var seenAt = account.Time.GetUtcNow();
            var path = string.Create(CultureInfo.InvariantCulture, $"/api/orders?start_update_date={since}&sort=dateCreated&order=asc&max={Page}&offset={offset}");
            var reply = (await SendAsync(account, offset == 0 ? "OR11" : "OR11.page", HttpMethod.Get, path, offset == 0 ? EachMinute : Pages, null, cancel)).Ok();
            using var body = reply.Json();
            var orders = List(body.RootElement, "orders");
            foreach (var order in orders)
            {
                var read = Payload.Read(order, account.Channel.Id, Text(order, "order_id"), seenAt, one => MiraklOrder.Parse(one, account.Channel.Id, words, seenAt));
                if (!found.TryGetValue(read.Draft.ExternalId, out var before) || read.ChangedAt >= before.ChangedAt) found[read.Draft.ExternalId] = read;
            }
            if (orders.Count == 0 || offset + orders.Count >= Count(body.RootElement)) break;
        }
        foreach (var order in found.Values.OrderBy(order => order.ChangedAt)) yield return order;
    }

    public override async Task AcceptAsync(ChannelAccount account, Order order, IReadOnlyList<LineAnswer> lines, CancellationToken cancel) =>
        await DoneAsync(account, order, await DecideAsync(account, order, lines, cancel), ["WAITING_ACCEPTANCE", "STAGING"], cancel);

    /// <summary><inheritdoc/> Units are those of the line that will not come in all: what the order already has cancelled of it is not cancelled again.</summary>
    public override async Task CancelAsync(ChannelAccount account, Order order, IReadOnlyList<LineUnits> lines, string reason, CancellationToken cancel)
    {
        using var now = await OneAsync(account, order, cancel);
        var state = Text(now.RootElement, "order_state");
        if (state is "CANCELED" or "REFUSED") return;
        var plan = MiraklCancelation.Plan(now.RootElement, lines, MiraklWords.Of(account));
        if (plan.Count == 0) return;
        var all = plan.TrueForAll(line => line.All) && plan.Count == List(now.RootElement, "order_lines").Count;
        if (state is "WAITING_ACCEPTANCE" or "STAGING")
        {
            // Before it is accepted a line is refused whole or not at all.
            var refused = plan.Where(line => line.All).Select(line => line.Line).ToHashSet(StringComparer.Ordinal);
            if (plan.Exists(line => !line.All)) throw new ChannelCallException(CallFailure.Refused, $"Order {order.ExternalId} of channel '{account.Channel.Id}' is not accepted yet: its lines can be refused only whole. Accept it first.");
            var answers = List(now.RootElement, "order_lines").Select(line => Text(line, "order_line_id")!).Select(line => new LineAnswer(line, !refused.Contains(line))).ToList();
            await DoneAsync(account, order, await DecideAsync(account, order, answers, cancel), ["WAITING_ACCEPTANCE", "STAGING"], cancel);
            return;
        }
        var reply = all
            ? await SendAsync(account, "OR29", HttpMethod.Put, $"/api/orders/{Uri.EscapeDataString(order.ExternalId)}/cancel", PerEvent, null, cancel)
            : await SendAsync(account, "OR30", HttpMethod.Put, "/api/orders/cancel", PerEvent, Json(MiraklCancelation.Body(plan, account.Setting("cancelReason"), order.Currency)), cancel);
        await DoneAsync(account, order, reply, all ? ["WAITING_DEBIT", "WAITING_DEBIT_PAYMENT", "SHIPPING"] : null, cancel);
    }

    public override async Task ShipAsync(ChannelAccount account, Order order, ChannelShipment shipment, CancellationToken cancel)
    {
        var units = shipment.Lines.GroupBy(line => line.Line).ToDictionary(group => group.Key, group => group.Sum(line => line.Units));
        var tracking = Tracking(account, shipment);
        if (order.Lines.Where(line => line.Quantity > 0).All(line => units.GetValueOrDefault(line.Id) >= line.Quantity))
        {
            var path = "/api/orders/" + Uri.EscapeDataString(order.ExternalId);
            if (tracking.Count > 0 && !await DoneAsync(account, order, await SendAsync(account, "OR23", HttpMethod.Put, path + "/tracking", PerEvent, Json(tracking), cancel), Unsent, cancel)) return;
            await DoneAsync(account, order, await SendAsync(account, "OR24", HttpMethod.Put, path + "/ship", PerEvent, null, cancel), Unsent, cancel);
            return;
        }
        // A part: Mirakl makes a shipment each time it is told, so what it has is looked at first. Our id is its package's reference.
        using var told = (await SendAsync(account, "ST11", HttpMethod.Get, $"/api/shipments?limit=100&order_id={Uri.EscapeDataString(order.ExternalId)}", PerEvent, null, cancel)).Ok().Json();
        if (List(told.RootElement, "data").Any(known => List(known, "shipment_lines").Any(line => Text(line, "package_reference") == shipment.Id))) return;
        var lines = shipment.Lines.Select(line => new { order_line_id = line.Line, package_reference = shipment.Id, quantity = line.Units });
        using var made = (await SendAsync(account, "ST01", HttpMethod.Post, "/api/shipments", PerEvent, Json(new { shipments = new[] { new { order_id = order.ExternalId, shipment_lines = lines, shipped = true, tracking } } }), cancel)).Ok().Json();
        // A 201 that lists errors is none.
        if (List(made.RootElement, "shipment_errors") is { Count: > 0 } errors)
            throw new ChannelCallException(CallFailure.Refused, $"mirakl refused shipment {shipment.Id} of order {order.ExternalId}: {Text(errors[0], "message")}");
    }

    static readonly string[] Unsent = ["STAGING", "WAITING_ACCEPTANCE", "WAITING_DEBIT", "WAITING_DEBIT_PAYMENT", "SHIPPING"];

    static Dictionary<string, string> Tracking(ChannelAccount account, ChannelShipment shipment)
    {
        var tracking = new Dictionary<string, string>(StringComparer.Ordinal);
        if (shipment.Carrier is { Length: > 0 } carrier) tracking[account.OptionalSetting("carrier." + carrier) is null ? "carrier_name" : "carrier_code"] = account.OptionalSetting("carrier." + carrier) ?? carrier;
        if (shipment.Tracking is { Length: > 0 } number) tracking["tracking_number"] = number;
        return tracking;
    }

    Task<ChannelReply> DecideAsync(ChannelAccount account, Order order, IReadOnlyList<LineAnswer> lines, CancellationToken cancel) =>
        SendAsync(account, "OR21", HttpMethod.Put, $"/api/orders/{Uri.EscapeDataString(order.ExternalId)}/accept", PerEvent, Json(new { order_lines = lines.Select(line => new { id = line.Line, accepted = line.Accepted }) }), cancel);

    // What was done before is refused for the order's state; the order itself says whether that is so. Where the names of the error's members are unconfirmed, its code is looked for in the text.
    async Task<bool> DoneAsync(ChannelAccount account, Order order, ChannelReply reply, string[]? before, CancellationToken cancel)
    {
        if (reply.IsSuccess) return true;
        if (before is null || !reply.Text.Contains("ORDER_INVALID_STATE", StringComparison.Ordinal)) reply.Ok();
        using var now = await OneAsync(account, order, cancel);
        if (before!.Contains(Text(now.RootElement, "order_state"))) reply.Ok();
        return false;
    }

    async Task<JsonDocument> OneAsync(ChannelAccount account, Order order, CancellationToken cancel)
    {
        using var body = (await SendAsync(account, "OR11.one", HttpMethod.Get, $"/api/orders?order_ids={Uri.EscapeDataString(order.ExternalId)}&max=1&offset=0", PerEvent, null, cancel)).Ok().Json();
        return List(body.RootElement, "orders") is [var one, ..] ? JsonDocument.Parse(one.GetRawText())
            : throw new ChannelCallException(CallFailure.Refused, $"mirakl does not know order {order.ExternalId} of channel '{account.Channel.Id}'.");
    }

    Task<ChannelReply> SendAsync(ChannelAccount account, string operation, HttpMethod method, string path, CallRate rate, HttpContent? content, CancellationToken cancel)
    {
        if (account.OptionalSetting("shopId") is { } shop) path += (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "shop_id=" + Uri.EscapeDataString(shop);
        var request = new HttpRequestMessage(method, new Uri(account.Address, path)) { Content = content };
        request.Headers.TryAddWithoutValidation("Authorization", account.Token());
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("*/*"));
        return calls.SendAsync(account, operation, request, [new(operation, rate.For(account, operation))], cancel);
    }

    static ByteArrayContent Json(object body) => new(JsonSerializer.SerializeToUtf8Bytes(body)) { Headers = { ContentType = new("application/json") } };

    static Shown ShownBy(JsonElement offer, MiraklWords words)
    {
        var units = offer.TryGetProperty("quantity", out var quantity) && quantity.TryGetInt64(out var number) ? number : 0;
        var center = offer.TryGetProperty("fulfillment", out var by) && by.ValueKind is JsonValueKind.Object && by.TryGetProperty("center", out var at) && at.ValueKind is JsonValueKind.Object ? Text(at, "code") : null;
        var theirs = center is not null && center != words.OwnCenter;
        return new("", Text(offer, "shop_sku") ?? "", theirs ? 0 : units, Marketplace: theirs ? units : null);
    }

    static Pushed[] All(IReadOnlyList<Push> pushes, PushResult result, string? error) => [.. pushes.Select(push => new Pushed(push.Listing.Id, result, error))];
    static List<JsonElement> List(JsonElement of, string name) => of.TryGetProperty(name, out var list) && list.ValueKind is JsonValueKind.Array ? [.. list.EnumerateArray()] : [];
    static long Count(JsonElement of) => of.TryGetProperty("total_count", out var total) && total.TryGetInt64(out var count) ? count : 0;
    static string? Text(JsonElement of, string name) => !of.TryGetProperty(name, out var value) ? null : value.ValueKind is JsonValueKind.String ? value.GetString() : value.ValueKind is JsonValueKind.Number ? value.GetRawText() : null;
}
