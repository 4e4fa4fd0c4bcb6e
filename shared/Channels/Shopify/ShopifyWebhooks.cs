using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Channels.Shopify;

/// <summary>
/// Shopify's webhooks (shopify.dev, "Verify webhook deliveries", "Ignore duplicate webhooks"). A delivery is known again by its meaning: the state of
/// the order that its signed body tells, or the refund's id (docs/decisions, "The order document decides" and "What an order is does not depend on what
/// came first"). The ids in the headers are not signed and decide nothing.
/// Topics: <c>orders/create</c>, <c>orders/updated</c>, <c>orders/cancelled</c>, <c>orders/edited</c>,
/// <c>refunds/create</c>, <c>fulfillment_orders/moved</c>; others are answered 200 and
/// ignored, because Shopify drops a subscription that keeps failing.
/// </summary>
public static class ShopifyWebhooks
{
    /// <summary>Shopify waits 5 s in all. What is durable is answered within 3 s: the archive may take one of them (<see cref="Inbound.InboundArchive.Patience"/>).</summary>
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(1.9);

    /// <param name="intake">Takes orders in.</param>
    /// <param name="shop">Reads what a webhook does not say.</param>
    public static WebhookSystem System(Intake intake, ShopifyReads shop) => new("shopify", IsSigned, webhook => HandleAsync(intake, shop, webhook));

    /// <summary>base64(HMAC-SHA256(raw body, secret)), compared in constant time against every secret in force. Header names come with or
    /// without <c>X-</c>.</summary>
    public static bool IsSigned(Webhook webhook, IReadOnlyList<string> secrets)
    {
        // 32 bytes are 44 characters of base64; anything else is not a signature.
        if (Header(webhook, "Hmac-SHA256") is not { Length: 44 } text) return false;
        Span<byte> given = stackalloc byte[33], computed = stackalloc byte[32];
        if (!Convert.TryFromBase64String(text, given, out var length) || length != 32) return false;
        var right = false;
        foreach (var secret in secrets)
        {
            HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), webhook.Body.Span, computed);
            right |= CryptographicOperations.FixedTimeEquals(given[..32], computed);
        }
        return right;
    }

    static async Task<WebhookAnswer> HandleAsync(Intake intake, ShopifyReads shop, Webhook webhook)
    {
        // Not covered by the signature, so it decides nothing; a difference shows a subscription with the wrong address.
        if (Header(webhook, "Topic") is { } topic && topic != webhook.Topic)
            throw ProblemException.Invalid($"The webhook is of topic '{topic}' and was sent to the address of '{webhook.Topic}'. Correct the subscription's address.");
        return webhook.Topic switch
        {
            "orders/create" => Answer(await intake.TakeAsync(webhook.Channel, Order(webhook), Patience)),
            "orders/updated" => Answer(await intake.UpdateAsync(webhook.Channel, Order(webhook), Patience)),
            "orders/cancelled" => Answer(await intake.UpdateAsync(webhook.Channel, Cancelled(Order(webhook)), Patience)),
            "refunds/create" when ShopifyRefund.Parse(webhook.Body) is var (order, refund) => Answer(await intake.RefundAsync(webhook.Channel, order, refund, Patience)),
            "orders/edited" => await EditedAsync(intake, webhook),
            "fulfillment_orders/moved" => await MovedAsync(intake, shop, webhook),
            _ => new("ignored"),
        };
    }

    /// <summary>What changed is told by <c>orders/updated</c>, or read: the edit alone names new lines without their goods.</summary>
    static async Task<WebhookAnswer> EditedAsync(Intake intake, Webhook webhook)
    {
        using var document = ShopifyFields.Document(webhook.Body);
        var faults = new List<Fault>();
        var body = new ShopifyFields(document.RootElement, "", faults);
        var edit = body.Object("order_edit") ?? body;
        var (order, at) = (edit.Id("order_id"), edit.Instant("created_at"));
        if (faults.Count > 0) throw ProblemException.Invalid($"{faults[0].Pointer}: {faults[0].Detail}", faults);
        return at is { } when && await intake.NoteEditAsync(webhook.Channel, order, when) is { } taken ? Answer(taken) : new("ignored");
    }

    /// <summary>A person moved lines to another place. The payload names the fulfilment order only: its lines and place are read. While they cannot be, the
    /// webhook is answered 503 and Shopify sends it again.</summary>
    static async Task<WebhookAnswer> MovedAsync(Intake intake, ShopifyReads shop, Webhook webhook)
    {
        if (webhook.Channel.Api is null) return new("ignored");
        using var document = ShopifyFields.Document(webhook.Body);
        var id = new ShopifyFields(document.RootElement, "", []).Object("moved_fulfillment_order")?.Tail("id")
            ?? throw ProblemException.Invalid("/moved_fulfillment_order/id: Expected an id.", [new Fault("/moved_fulfillment_order/id", "Expected an id.")]);
        try
        {
            using var soon = new CancellationTokenSource(Patience / 2);
            if (await shop.MoveAsync(webhook.Channel, id, soon.Token) is not { } moved || webhook.Channel.PlaceOf(moved.Place) is not { } place) return new("ignored");
            return await intake.MoveAsync(Ids.Order(webhook.Channel.Id, moved.Order), [.. moved.Lines], new(place, moved.At), Patience / 2) is { } taken ? Answer(taken) : new("ignored");
        }
        catch (Exception unread) when (unread is ShopifyApiException or OperationCanceledException)
        {
            throw ProblemException.Busy("The shop could not be asked what was moved. Send it again.");
        }
    }

    static Draft Order(Webhook webhook) => ShopifyOrder.Parse(webhook.Body, webhook.Channel.Id, Header(webhook, "Webhook-Id"), TriggeredAt(webhook));

    // Whether an order is cancelled is what its signed body says, never the address alone.
    static Draft Cancelled(Draft draft) => draft.Cancel is not null ? draft
        : throw ProblemException.Invalid("/cancelled_at: An order that was cancelled says when.", [new Fault("/cancelled_at", "An order that was cancelled says when.")]);

    static WebhookAnswer Answer(Taken taken) =>
        new(JsonNamingPolicy.CamelCase.ConvertName(taken.Order.Status.ToString()), taken.Order.Id, taken.Repeat, JsonNamingPolicy.CamelCase.ConvertName(taken.Heard.ToString()));

    // Not signed either: it only tells two states of one second apart.
    static DateTimeOffset? TriggeredAt(Webhook webhook) => Header(webhook, "Triggered-At") is { Length: <= 40 } text
        && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? InstantConverter.Cut(at) : null;

    static string? Header(Webhook webhook, string name) => webhook.Header("X-Shopify-" + name) ?? webhook.Header("Shopify-" + name);
}
