using System.IO.Compression;
using System.Text.Json;
using Fields = Selvedge.Channels.Shopify.ShopifyFields;

namespace Selvedge.Channels.Amazon;

/// <summary>
/// Quantities as Amazon's Listings Items API (2021-08-01) and its JSON_LISTINGS_FEED (version 2.0) take them. The quantity alone is merged into the merchant's own availability (<c>DEFAULT</c>): to replace
/// it would wipe what stands beside it, and what Amazon holds itself (other codes) is Amazon's number.
/// </summary>
public static class AmazonFeed
{
    /// <summary>Most messages of one feed.</summary>
    public const int Most = 25_000;

    /// <summary>The body of a patch.</summary>
    public static object Patch(Push push) => new { productType = push.Listing.Extra ?? "PRODUCT", patches = Patches(push) };

    /// <summary>A feed for one marketplace.</summary>
    public static byte[] Body(string seller, IReadOnlyList<Push> pushes) => JsonSerializer.SerializeToUtf8Bytes(new
    {
        header = new { sellerId = seller, version = "2.0", issueLocale = "en_US" },
        messages = pushes.Select((push, at) => new { messageId = at + 1, sku = push.Listing.Item, operationType = "PATCH", productType = push.Listing.Extra ?? "PRODUCT", patches = Patches(push) }),
    });

    static object[] Patches(Push push) => [new { op = "merge", path = "/attributes/fulfillment_availability", value = new[] { new { fulfillment_channel_code = "DEFAULT", quantity = push.Paused ? 0 : push.Units } } }];

    /// <summary>What the answer to a patch says.</summary>
    public static Pushed Result(JsonElement answer, Push push)
    {
        var status = new Fields(answer, "", []).Text("status", 40);
        // Accepted is queued: it is live once it is read back.
        return status == "ACCEPTED" ? new(push.Listing.Id, PushResult.Queued) : status == "VALID" ? new(push.Listing.Id, PushResult.Failed, "It was only looked at.")
            : new(push.Listing.Id, PushResult.Refused, Errors(answer) ?? $"Amazon answered {status}.");
    }

    /// <summary>The errors among an answer's issues; null: there are none.</summary>
    public static string? Errors(JsonElement answer) => Errors(new Fields(answer, "", []));

    internal static string? Errors(Fields answer) => string.Join(" ", Issues(answer).Where(issue => issue.IsError).Select(issue => $"{issue.Code}: {issue.Message}").Take(5)) is { Length: > 0 } said ? said : null;

    /// <summary>What a processing report says of each of <paramref name="pushes"/>: an error of its SKU, or that it was taken. An error of no SKU is one of all.</summary>
    public static IReadOnlyList<Pushed> Report(JsonElement report, IReadOnlyList<Push> pushes)
    {
        var errors = Issues(report).Where(issue => issue.IsError).GroupBy(issue => issue.Sku ?? "", StringComparer.Ordinal).ToDictionary(group => group.Key, group => string.Join(" ", group.Select(issue => $"{issue.Code}: {issue.Message}").Take(5)), StringComparer.Ordinal);
        return [.. pushes.Select(push => errors.TryGetValue(push.Listing.Item, out var error) ? new Pushed(push.Listing.Id, PushResult.Refused, error)
            : errors.TryGetValue("", out var whole) ? new Pushed(push.Listing.Id, PushResult.Failed, whole) : new Pushed(push.Listing.Id, PushResult.Applied))];
    }

    /// <summary>A document's bytes, unpacked where it says that they are packed.</summary>
    public static byte[] Unpacked(byte[] bytes, string? compression)
    {
        if (compression != "GZIP") return bytes;
        using var packed = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
        using var plain = new MemoryStream();
        packed.CopyTo(plain);
        return plain.ToArray();
    }

    static IEnumerable<(string? Sku, string? Code, string? Message, bool IsError)> Issues(JsonElement of) => Issues(new Fields(of, "", []));

    static IEnumerable<(string? Sku, string? Code, string? Message, bool IsError)> Issues(Fields of) =>
        of.Objects("issues", 1_000_000).Select(issue => (issue.Text("sku", 200), issue.Text("code", 60), issue.Text("message", 300), issue.Text("severity", 40) == "ERROR"));
}
