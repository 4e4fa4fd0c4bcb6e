using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Selvedge.Tests.Integration.Survival;

/// <summary>Sends webhooks as Shopify does: base64(HMAC-SHA256(raw body, secret)) in a header.</summary>
internal static class ShopifySender
{
    public const string Secret = "a shop's signing secret";

    public static byte[] Order(long id, params (string Sku, long Quantity)[] lines) => JsonSerializer.SerializeToUtf8Bytes(new
    {
        id, name = $"#{id}", currency = "AUD", created_at = "2026-11-23T09:15:00+11:00",
        line_items = lines.Select((line, i) => new { id = id * 100 + i, sku = line.Sku, quantity = line.Quantity, price = "49.90" }),
    });

    public static string Sign(ReadOnlySpan<byte> body, string secret = Secret) => Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body));

    /// <param name="client">Whose base address is the app's.</param>
    /// <param name="body">The raw bytes.</param>
    /// <param name="signature">Null: the right one; empty: none.</param>
    /// <param name="channel">The channel's id.</param>
    /// <param name="topic">The topic in the address.</param>
    public static async Task<HttpResponseMessage> SendAsync(HttpClient client, byte[] body, string? signature = null, string channel = "shop", string topic = "orders/create")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/webhooks/{channel}/{topic}") { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (signature != "") request.Headers.TryAddWithoutValidation("X-Shopify-Hmac-SHA256", signature ?? Sign(body));
        return await client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
