using System.Globalization;
using System.Text.Json.Nodes;

namespace Selvedge.Local.Channels.Shopify;

/// <summary>
/// Inventory of the simulated shop (API 2026-04 and later): levels that are compared and set, keys that are known again with their error codes, items that are not stocked at a
/// place until they are activated. It sells from what it shows and takes that off itself.
/// </summary>
public sealed class SimulatedInventory(TimeProvider time)
{
    readonly Dictionary<string, (string Said, JsonObject Answer, bool Failed)> keys = new(StringComparer.Ordinal);
    readonly Dictionary<string, string> items = new(StringComparer.Ordinal);
    readonly HashSet<string> places = new(StringComparer.Ordinal);
    int made;

    public SimulatedStock Stock { get; } = new(time);

    /// <summary>One wrong row keeps the others out.</summary>
    public bool AllOrNothing { get; set; } = true;

    /// <summary>Rows that Shopify refuses, by item: an error code.</summary>
    public Dictionary<string, string> Refuses { get; } = new(StringComparer.Ordinal);

    public static string ItemGid(long id) => $"gid://shopify/InventoryItem/{id}";
    public static string PlaceGid(long id) => $"gid://shopify/Location/{id}";

    /// <summary>An item; stocked at a place when <paramref name="units"/> are given.</summary>
    public string Add(string sku, long item, long place, long? units)
    {
        (items[sku], _) = (ItemGid(item), places.Add(PlaceGid(place)));
        if (units is { } some) Stock.Add(ItemGid(item), PlaceGid(place), some);
        return ItemGid(item);
    }

    internal string Make(string sku) => items.TryGetValue(sku, out var known) ? known : items[sku] = ItemGid(900_000 + ++made);

    internal bool Sell((string Sku, int Units)[] lines)
    {
        var from = lines.Select(line => (line.Units, Key: Stock.Keys.FirstOrDefault(key => key.Item == items.GetValueOrDefault(line.Sku) && Stock.Units(key.Item, key.Place) >= line.Units))).ToList();
        if (from.Exists(line => line.Key.Item is null)) return false;
        return from.TrueForAll(line => Stock.Sell(line.Key.Item, line.Units, line.Key.Place));
    }

    internal JsonObject? Answer(string operation, JsonObject variables, string query) => operation switch
    {
        "SetQuantities" or "Activate" when !query.Contains("@idempotent(key: $key)", StringComparison.Ordinal) => null,
        "SetQuantities" => variables["input"]!["quantities"]!.AsArray().All(row => row!.AsObject().ContainsKey("changeFromQuantity")) ? Keyed(variables, "inventorySetQuantities", Set) : null,
        "Activate" => Keyed(variables, "inventoryActivate", Activate),
        "Levels" => new() { ["nodes"] = new JsonArray([.. variables["ids"]!.AsArray().Select(id => Item($"{id}", $"{variables["place"]}"))]) },
        "LevelsAt" => new() { ["location"] = places.Contains($"{variables["place"]}") ? new JsonObject { ["inventoryLevels"] = Levels($"{variables["place"]}", $"{variables["after"]}") } : null },
        "Places" => new() { ["locations"] = Connection(places.Order().Select(place => new JsonObject { ["id"] = place }), 0, 50) },
        _ => null,
    };

    JsonObject Keyed(JsonObject variables, string field, Func<JsonObject, JsonObject> act)
    {
        var (key, said) = ($"{variables["key"]}", variables.ToJsonString());
        if (keys.TryGetValue(key, out var known))
        {
            var code = known.Said != said ? "IDEMPOTENCY_KEY_PARAMETER_MISMATCH" : known.Failed ? "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED" : null;
            return code is null ? known.Answer.DeepClone().AsObject() : new() { [field] = new JsonObject { ["userErrors"] = new JsonArray(Error(null, code)) } };
        }
        var answer = new JsonObject { [field] = act(variables) };
        keys[key] = (said, answer.DeepClone().AsObject(), answer[field]!["userErrors"]!.AsArray().Count > 0);
        return answer;
    }

    JsonObject Set(JsonObject variables)
    {
        var rows = variables["input"]!["quantities"]!.AsArray();
        var errors = new List<(int Row, JsonObject Error)>();
        for (var i = 0; i < rows.Count; i++)
        {
            var (item, place, quantity, from) = ($"{rows[i]!["inventoryItemId"]}", $"{rows[i]!["locationId"]}", rows[i]!["quantity"]!.GetValue<long>(), rows[i]!["changeFromQuantity"]?.GetValue<long>());
            var code = Refuses.TryGetValue(item, out var refused) ? refused : !items.ContainsValue(item) ? "INVALID_INVENTORY_ITEM" : !places.Contains(place) ? "INVALID_LOCATION"
                : quantity < 0 ? "INVALID_QUANTITY_NEGATIVE" : !Stock.Has(item, place) ? "ITEM_NOT_STOCKED_AT_LOCATION" : from is { } believed && believed != Stock.Units(item, place) ? "CHANGE_FROM_QUANTITY_STALE" : null;
            if (code is not null) errors.Add((i, Error(i, code)));
        }
        var done = errors.Count == 0 || !AllOrNothing;
        if (done)
            for (var i = 0; i < rows.Count; i++)
                if (!errors.Exists(error => error.Row == i)) Stock.Set($"{rows[i]!["inventoryItemId"]}", rows[i]!["quantity"]!.GetValue<long>(), $"{rows[i]!["locationId"]}");
        return new() { ["inventoryAdjustmentGroup"] = done ? new JsonObject { ["id"] = $"gid://shopify/InventoryAdjustmentGroup/{++made}" } : null, ["userErrors"] = new JsonArray([.. errors.Select(error => error.Error)]) };
    }

    JsonObject Activate(JsonObject variables)
    {
        var (item, place) = ($"{variables["item"]}", $"{variables["place"]}");
        var known = items.ContainsValue(item) && places.Contains(place);
        if (known && !Stock.Has(item, place)) Stock.Add(item, place);
        return new() { ["inventoryLevel"] = known ? new JsonObject { ["id"] = "gid://shopify/InventoryLevel/1" } : null, ["userErrors"] = known ? new JsonArray() : new JsonArray(new JsonObject { ["field"] = null, ["message"] = "The item or the location was not found." }) };
    }

    JsonObject? Item(string item, string place) => !items.ContainsValue(item) ? null
        : new() { ["id"] = item, ["inventoryLevel"] = Stock.Has(item, place) ? new JsonObject { ["quantities"] = Quantity(item, place) } : null };

    JsonObject Levels(string place, string after) => Connection(Stock.Keys.Where(key => key.Place == place).Select(key => new JsonObject { ["item"] = new JsonObject { ["id"] = key.Item }, ["quantities"] = Quantity(key.Item, place) }),
        after.Length == 0 ? 0 : int.Parse(after, CultureInfo.InvariantCulture), 100);

    JsonArray Quantity(string item, string place) => new(new JsonObject { ["quantity"] = Stock.Shown(item, place) });

    internal static JsonObject Connection(IEnumerable<JsonObject> nodes, int from, int first)
    {
        var all = nodes.ToList();
        return new() { ["nodes"] = new JsonArray([.. all.Skip(from).Take(first)]), ["pageInfo"] = new JsonObject { ["hasNextPage"] = all.Count > from + first, ["endCursor"] = (from + first).ToString(CultureInfo.InvariantCulture) } };
    }

    static JsonObject Error(int? row, string code) => new()
    {
        ["field"] = row is { } at ? new JsonArray("input", "quantities", at.ToString(CultureInfo.InvariantCulture)) : null, ["code"] = code, ["message"] = $"Refused for {code}.",
    };
}
