using System.Text.Json.Nodes;

namespace Selvedge.Local.Channels.Shopify;

/// <summary>Products of the simulated shop, with what makes <c>productSet</c> dangerous: a list that is sent is all there is afterwards, and what is not in it is deleted; a list that is not sent stays.</summary>
public sealed class SimulatedProducts(SimulatedInventory inventory)
{
    /// <summary>One variant.</summary>
    public sealed record Variant(string Id, string? Sku, string? Barcode, string? Price, IReadOnlyList<(string Name, string Value)> Options, string Item);

    /// <summary>One product.</summary>
    public sealed class Product(string id, string handle)
    {
        public string Id => id;
        public string Handle => handle;
        public string Title { get; set; } = "";
        public string Status { get; set; } = "ACTIVE";
        public List<string> Options { get; set; } = [];
        public List<Variant> Variants { get; set; } = [];
        public List<string> Files { get; set; } = [];
    }

    int made;

    public List<Product> All { get; } = [];

    /// <summary>Variants and files that were deleted because they were not sent.</summary>
    public List<string> Deleted { get; } = [];

    internal JsonObject? Answer(string operation, JsonObject variables) => operation switch
    {
        "ReadProduct" => new() { ["productByIdentifier"] = Find(variables["identifier"]) is { } product ? Node(product) : null },
        "SetProduct" => new() { ["productSet"] = Set(variables["identifier"], variables["input"]!.AsObject()) },
        _ => null,
    };

    Product? Find(JsonNode? identifier) => identifier is null ? null : All.Find(product => product.Id == (string?)identifier["id"] || product.Handle == (string?)identifier["handle"]);

    static JsonObject Node(Product product) => new()
    {
        ["id"] = product.Id, ["mediaCount"] = new JsonObject { ["count"] = product.Files.Count },
        ["variants"] = SimulatedInventory.Connection(product.Variants.Select(variant => new JsonObject
        {
            ["id"] = variant.Id, ["sku"] = variant.Sku, ["inventoryItem"] = new JsonObject { ["id"] = variant.Item },
            ["selectedOptions"] = new JsonArray([.. variant.Options.Select(option => new JsonObject { ["name"] = option.Name, ["value"] = option.Value })]),
        }), 0, 100),
    };

    JsonObject Set(JsonNode? identifier, JsonObject input)
    {
        var product = Find(identifier);
        if (identifier is not null && product is null) return Refused("PRODUCT_DOES_NOT_EXIST");
        if (product is null && All.Exists(known => known.Handle == (string?)input["handle"])) return Refused("HANDLE_NOT_UNIQUE");
        var before = product?.Variants ?? [];
        List<Variant>? after = null;
        if (input["variants"] is JsonArray variants)
        {
            if (input["productOptions"] is null) return Refused("PRODUCT_OPTIONS_INPUT_MISSING");
            after = [];
            foreach (var sent in variants.Select(variant => variant!.AsObject()))
            {
                var options = sent["optionValues"]!.AsArray().Select(value => ($"{value!["optionName"]}", $"{value["name"]}")).ToList();
                var old = before.Find(variant => variant.Id == (string?)sent["id"]) ?? (sent.ContainsKey("id") ? null : before.Find(variant => variant.Options.SequenceEqual(options)));
                if (sent.ContainsKey("id") && old is null) return Refused("PRODUCT_VARIANT_DOES_NOT_EXIST");
                if (after.Exists(variant => variant.Options.SequenceEqual(options))) return Refused("DUPLICATED_VALUE");
                var sku = sent.ContainsKey("sku") ? (string?)sent["sku"] : old?.Sku;
                after.Add(new(old?.Id ?? $"gid://shopify/ProductVariant/{++made}", sku, (string?)sent["barcode"] ?? old?.Barcode, (string?)sent["price"] ?? old?.Price, options, old?.Item ?? inventory.Make(sku ?? $"{made}")));
            }
            Deleted.AddRange(before.Where(variant => !after.Exists(kept => kept.Id == variant.Id)).Select(variant => variant.Id));
        }
        if (product is null) All.Add(product = new($"gid://shopify/Product/{++made}", $"{input["handle"]}"));
        if (after is not null) product.Variants = after;
        if (input["productOptions"] is JsonArray named) product.Options = [.. named.Select(option => $"{option!["name"]}")];
        if (input["title"] is { } title) product.Title = $"{title}";
        if (input["status"] is { } status) product.Status = $"{status}";
        if (input["files"] is JsonArray files)
        {
            Deleted.AddRange(product.Files);
            product.Files = [.. files.Select(file => $"{file!["originalSource"] ?? file["id"]}")];
        }
        return new() { ["product"] = new JsonObject { ["id"] = product.Id }, ["userErrors"] = new JsonArray() };
    }

    static JsonObject Refused(string code) => new() { ["product"] = null, ["userErrors"] = new JsonArray(new JsonObject { ["field"] = null, ["code"] = code, ["message"] = "Refused." }) };
}
