using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Selvedge.Channels;
using Selvedge.Channels.Shopify;

namespace Selvedge.Tests.Unit.Channels;

public class ShopifySignatureTests
{
    static readonly Channel Channel = new() { Id = "shopify-au", Is = "shopify", Name = "Shopify AU" };

    static Webhook Signed(string body, string? signature, string header = "X-Shopify-Hmac-SHA256") =>
        new(Channel, "orders/create", name => name.Equals(header, StringComparison.OrdinalIgnoreCase) ? signature : null, Encoding.UTF8.GetBytes(body));

    // Made with: printf '…' | openssl dgst -sha256 -hmac <secret> -binary | base64
    [Theory]
    [InlineData("hush", "{\"id\":1}", "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY=")]
    [InlineData("shpss_0123456789abcdef", "{\"name\":\"Zoë ☂\"}", "rlH9iZT+QYR9SSPN7qW/Iq7je8DwYmMDwfI52O3zqkU=")]
    [InlineData("hush", "", "Knm8rWjeSXNIt2H0AOMT7DQ8/YSy8sQi/pEjbuUmGMs=")]
    public void Signatures_made_elsewhere_are_right(string secret, string body, string signature)
    {
        Assert.True(ShopifyWebhooks.IsSigned(Signed(body, signature), [secret]));
        Assert.True(ShopifyWebhooks.IsSigned(Signed(body, signature, "shopify-hmac-sha256"), [secret]));
        Assert.False(ShopifyWebhooks.IsSigned(Signed(body + " ", signature), [secret]));
        Assert.False(ShopifyWebhooks.IsSigned(Signed(body, signature), [secret + "x"]));
    }

    [Fact]
    public void During_a_rotation_the_old_secret_is_right_too()
    {
        var webhook = Signed("{\"id\":1}", "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY=");
        Assert.True(ShopifyWebhooks.IsSigned(webhook, ["new", "hush"]));
        Assert.True(ShopifyWebhooks.IsSigned(webhook, ["hush", "old"]));
        Assert.False(ShopifyWebhooks.IsSigned(webhook, ["new"]));
        Assert.False(ShopifyWebhooks.IsSigned(webhook, []));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY")]
    [InlineData(" VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY=")]
    [InlineData("VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY= ")]
    [InlineData("VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSe==")]
    [InlineData("vnkuJZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY=")]
    [InlineData("5672948d9b0bb8de626568e7e449ed70154217d90c378dcb825cc2135fc649e6")]
    [InlineData("********************************************")]
    public void Missing_and_malformed_signatures_are_wrong(string? signature) =>
        Assert.False(ShopifyWebhooks.IsSigned(Signed("{\"id\":1}", signature), ["hush"]));

    [Fact]
    public void No_changed_byte_of_body_or_signature_goes_unnoticed() =>
        Gen.Select(Gen.Byte.Array[1, 200], Gen.Int[0, 10_000], Gen.Int[1, 255]).Sample((body, at, change) =>
        {
            var signature = HMACSHA256.HashData("hush"u8, body);
            bool Accepts(byte[] bytes, byte[] mac) => ShopifyWebhooks.IsSigned(
                new(Channel, "orders/create", name => name == "X-Shopify-Hmac-SHA256" ? Convert.ToBase64String(mac) : null, bytes), ["hush"]);
            Assert.True(Accepts(body, signature));
            var (other, forged) = (body.ToArray(), signature.ToArray());
            other[at % body.Length] ^= (byte)change;
            forged[at % 32] ^= (byte)change;
            Assert.False(Accepts(other, signature));
            Assert.False(Accepts(body, forged));
            Assert.False(Accepts(body[..^1], signature));
        }, iter: 300);
}
