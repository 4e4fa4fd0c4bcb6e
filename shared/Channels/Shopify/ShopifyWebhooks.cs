using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Channels.Shopify;

/// <summary>
/// Shopify's webhooks (shopify.dev, "Verify webhook deliveries", "Ignore duplicate webhooks"). A delivery is known again by its meaning, the
/// shop's order id: the order document is created once, and the delivery that created or cancelled it is kept in its references. So a
/// retry after a lost answer finds the plan and completes it, and nothing is marked as done before it is durable.
/// Topics: <c>orders/create</c>, <c>orders/cancelled</c>; others are answered 200 and ignored, because Shopify drops a subscription that keeps failing.
/// </summary>
public static class ShopifyWebhooks
{
    /// <summary>Shopify waits 5 s in all; what is durable is answered well before.</summary>
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(2.5);

    public static WebhookSystem System(Intake intake) => new("shopify", IsSigned, webhook => HandleAsync(intake, webhook));

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

    static async Task<WebhookAnswer> HandleAsync(Intake intake, Webhook webhook)
    {
        // Not covered by the signature, so it decides nothing; a difference shows a subscription with the wrong address.
        if (Header(webhook, "Topic") is { } topic && topic != webhook.Topic)
            throw ProblemException.Invalid($"The webhook is of topic '{topic}' and was sent to the address of '{webhook.Topic}'. Correct the subscription's address.");
        if (webhook.Topic is not ("orders/create" or "orders/cancelled")) return new("ignored");
        var draft = ShopifyOrder.Parse(webhook.Body, webhook.Channel.Id, Header(webhook, "Webhook-Id"));
        // Whether an order is cancelled is what its signed body says, never the address alone.
        if (webhook.Topic == "orders/cancelled" && draft.Cancel is null)
            throw ProblemException.Invalid("/cancelled_at: An order that was cancelled says when.", [new Fault("/cancelled_at", "An order that was cancelled says when.")]);
        var taken = await intake.TakeAsync(webhook.Channel, draft, Patience);
        return new(JsonNamingPolicy.CamelCase.ConvertName(taken.Order.Status.ToString()), taken.Order.Id, taken.Repeat);
    }

    static string? Header(Webhook webhook, string name) => webhook.Header("X-Shopify-" + name) ?? webhook.Header("Shopify-" + name);
}
