using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Selvedge.Channels.Shopify;

/// <summary>
/// Inventory as the GraphQL Admin API 2026-04 and later has it: <c>inventorySetQuantities</c> compares each row with <c>changeFromQuantity</c>, which is always sent (null: do not
/// compare), and asks for a key by <c>@idempotent</c>. Rows are told apart in the errors by their place in the list. Whether one wrong row keeps the others out is not
/// documented: without an adjustment group nothing was changed; with one the other rows are read back.
/// </summary>
internal static class ShopifyStock
{
    /// <summary>The first version with this form.</summary>
    public const string Since = "2026-04";

    /// <summary>Items of one read: each costs some three points, of the thousand that one query may cost.</summary>
    public const int Page = 100;

    /// <summary>Of one call, how many items that are not stocked at a place yet are begun to be.</summary>
    public const int MostActivated = 10;

    public const string SetQuantities = """
        mutation SetQuantities($input: InventorySetQuantitiesInput!, $key: String!) {
          inventorySetQuantities(input: $input) @idempotent(key: $key) { inventoryAdjustmentGroup { id } userErrors { field code message } } }
        """;
    public const string Activate = """
        mutation Activate($item: ID!, $place: ID!, $key: String!) {
          inventoryActivate(inventoryItemId: $item, locationId: $place) @idempotent(key: $key) { inventoryLevel { id } userErrors { field message } } }
        """;
    public const string Levels = """
        query Levels($ids: [ID!]!, $place: ID!) {
          nodes(ids: $ids) { ... on InventoryItem { id inventoryLevel(locationId: $place) { quantities(names: ["available"]) { quantity } } } } }
        """;
    public const string LevelsAt = """
        query LevelsAt($place: ID!, $after: String) {
          location(id: $place) { inventoryLevels(first: 100, after: $after) { nodes { item { id } quantities(names: ["available"]) { quantity } } pageInfo { hasNextPage endCursor } } } }
        """;
    public const string Places = "query Places($after: String) { locations(first: 50, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }";

    public const string ItemKind = "InventoryItem", PlaceKind = "Location";

    /// <summary>Why a listing cannot be sent; null: it can. One wrong id would make Shopify refuse the whole call.</summary>
    public static string? Fault(ListingKey listing) => !IsGid(listing.Place, PlaceKind) ? $"Its place is '{listing.Place}'. Map it to a location's id, gid://shopify/Location/<number>."
        : !IsGid(listing.Item, ItemKind) ? $"Its item is '{listing.Item}'. Map it to an inventory item's id, gid://shopify/InventoryItem/<number>." : null;

    /// <summary>True for <c>gid://shopify/&lt;kind&gt;/&lt;number&gt;</c>.</summary>
    public static bool IsGid(string? id, string kind) => id is { Length: <= 60 } && id.StartsWith("gid://shopify/" + kind + "/", StringComparison.Ordinal)
        && id.AsSpan(15 + kind.Length) is { Length: > 0 } number && number.IndexOfAnyExceptInRange('0', '9') < 0;

    /// <summary>The variables of <see cref="SetQuantities"/>. The key follows from all that is said, so the same said again is the same, and nothing else has it.</summary>
    public static object Variables(IReadOnlyList<Push> rows, string reason)
    {
        var all = new StringBuilder(reason);
        foreach (var row in rows) all.Append(CultureInfo.InvariantCulture, $"\n{row.Listing.Place} {row.Listing.Item} {Units(row)} {row.Believed} {row.Key}");
        return new
        {
            input = new { name = "available", reason, quantities = rows.Select(row => new { inventoryItemId = row.Listing.Item, locationId = row.Listing.Place, quantity = Units(row), changeFromQuantity = row.Believed }) },
            key = Key(all.ToString()),
        };
    }

    /// <summary>A key in the form of a UUID.</summary>
    public static string Key(string of) => new Guid(SHA256.HashData(Encoding.UTF8.GetBytes(of)).AsSpan(0, 16)).ToString();

    static long Units(Push row) => row.Paused ? 0 : row.Units;

    /// <summary>How each row ended, and those whose item is not stocked at their place.</summary>
    /// <exception cref="ChannelCallException">The call as a whole is wrong.</exception>
    public static (List<Pushed> Rows, List<Push> Unstocked) Read(JsonElement payload, IReadOnlyList<Push> rows, string channel)
    {
        if (payload.ValueKind is not JsonValueKind.Object || !payload.TryGetProperty("userErrors", out var errors) || errors.ValueKind is not JsonValueKind.Array)
            throw new ChannelCallException(CallFailure.Unanswered, $"Shopify answered SetQuantities of channel '{channel}' without a result.");
        if (errors.GetArrayLength() == 0) return ([.. rows.Select(row => new Pushed(row.Listing.Id, PushResult.Applied, Actual: Units(row)))], []);
        var changed = payload.TryGetProperty("inventoryAdjustmentGroup", out var group) && group.ValueKind is JsonValueKind.Object;
        var others = changed ? (PushResult.Unanswered, "Other rows of the call were refused; whether this one was taken is read back.") : (PushResult.Failed, "Other rows of the call were refused, and nothing was changed.");
        var (results, unstocked) = (new (PushResult Result, string Text)?[rows.Count], new List<Push>());
        foreach (var error in errors.EnumerateArray())
        {
            var (code, message) = (error.TryGetProperty("code", out var value) ? value.GetString() : null, error.TryGetProperty("message", out var text) ? text.GetString() : null);
            var result = (Meaning(code, channel, message), $"{code}: {message}");
            if (Row(error) is not { } at || at >= rows.Count) others = result;
            else
            {
                // The worst that was said of a row stands.
                if (results[at] is null || result.Item1 is PushResult.Refused) results[at] = result;
                if (code == "ITEM_NOT_STOCKED_AT_LOCATION") unstocked.Add(rows[at]);
            }
        }
        return ([.. rows.Select((row, at) => results[at] is var (result, text) ? new Pushed(row.Listing.Id, result, text) : new Pushed(row.Listing.Id, others.Item1, others.Item2))], unstocked);
    }

    static PushResult Meaning(string? code, string channel, string? message) => code switch
    {
        "CHANGE_FROM_QUANTITY_STALE" or "COMPARE_QUANTITY_STALE" => PushResult.Stale,
        // The same is being done at this moment: what comes of it is not known.
        "IDEMPOTENCY_CONCURRENT_REQUEST" => PushResult.Unanswered,
        "INVALID_INVENTORY_ITEM" or "INVALID_LOCATION" or "NON_MUTABLE_INVENTORY_ITEM" or "INVALID_QUANTITY_NEGATIVE" or "INVALID_QUANTITY_TOO_HIGH" or "INVALID_QUANTITY_TOO_LOW"
            or "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR" => PushResult.Refused,
        "INVALID_NAME" or "INVALID_REASON" or "INVALID_REFERENCE_DOCUMENT" or "COMPARE_QUANTITY_REQUIRED" =>
            throw new ChannelCallException(CallFailure.Refused, $"Shopify refused SetQuantities of channel '{channel}': {code}: {message} Look at its setting stockReason and its api's version."),
        // Keys carry when they were asked, so the next time has another: IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED, IDEMPOTENCY_KEY_PARAMETER_MISMATCH and what is not known.
        _ => PushResult.Failed,
    };

    // ["input", "quantities", "3", "changeFromQuantity"].
    static int? Row(JsonElement error)
    {
        if (!error.TryGetProperty("field", out var path) || path.ValueKind is not JsonValueKind.Array) return null;
        var rows = false;
        foreach (var part in path.EnumerateArray())
        {
            var text = part.ToString();
            if (rows && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var at)) return at;
            rows = text == "quantities";
        }
        return null;
    }

    /// <summary>The <c>available</c> of a level; null: the item is not stocked there, so nothing of it is sold there.</summary>
    public static long Available(JsonElement level)
    {
        if (level.ValueKind is not JsonValueKind.Object) return 0;
        foreach (var quantity in level.GetProperty("quantities").EnumerateArray()) return quantity.GetProperty("quantity").GetInt64();
        return 0;
    }
}
