using System.Text.Json;

namespace Selvedge.Channels.Zalando;

/// <summary>
/// The stock call (<c>POST /merchants/{id}/stocks</c>): levels by sales channel and EAN, answered one by one with 207. The answer's list is <c>results</c> in the specification and <c>items</c> on the
/// vendor's page, a code a number here and a text there: both are read. Codes: 0 taken, 101 not valid, 102 failed there, 104 waits until the article is onboarded.
/// </summary>
public static class ZalandoStock
{
    /// <summary>The EAN of a listing in 13 digits; null when it is none.</summary>
    public static string? Ean(string item) => item.Length is 12 or 13 && item.All(char.IsAsciiDigit) ? item.PadLeft(13, '0') : null;

    /// <summary>The body for these, all of which have an EAN.</summary>
    public static byte[] Body(IEnumerable<Push> pushes) => JsonSerializer.SerializeToUtf8Bytes(new
    {
        items = pushes.Select(push => new { sales_channel_id = push.Listing.Place, ean = Ean(push.Listing.Item), quantity = Quantity(push) }),
    });

    /// <summary>What the answer says of each.</summary>
    public static IEnumerable<Pushed> Results(JsonElement answer, IEnumerable<Push> pushes)
    {
        var results = new Dictionary<(string?, string?), JsonElement>();
        foreach (var one in ZalandoJson.List(answer, "results").Concat(ZalandoJson.List(answer, "items")))
            if (one.TryGetProperty("item", out var item) && one.TryGetProperty("result", out var result)) results[(ZalandoJson.Text(item, "sales_channel_id"), ZalandoJson.Text(item, "ean"))] = result;
        foreach (var push in pushes)
        {
            if (!results.TryGetValue((push.Listing.Place, Ean(push.Listing.Item)), out var result)) yield return new(push.Listing.Id, PushResult.Failed, "The answer does not name it.");
            else yield return One(push, ZalandoJson.Text(result, "status"), ZalandoJson.Text(result, "code"), ZalandoJson.Text(result, "description"));
        }
    }

    static Pushed One(Push push, string? status, string? code, string? said) => status switch
    {
        "ACCEPTED" => new(push.Listing.Id, PushResult.Applied, code == "104" ? "Waits until the article is onboarded." : null),
        "REJECTED" => new(push.Listing.Id, PushResult.Refused, $"{code}: {said}"),
        _ => new(push.Listing.Id, PushResult.Failed, $"{status} {code}: {said}"),
    };

    static int Quantity(Push push) => push.Paused ? 0 : (int)Math.Min(push.Units, int.MaxValue);
}
