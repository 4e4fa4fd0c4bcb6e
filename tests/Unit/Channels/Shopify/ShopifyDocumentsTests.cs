using System.Reflection;
using System.Text.Json;
using Selvedge.Channels;
using Selvedge.Channels.Shopify;

namespace Selvedge.Tests.Unit.Channels.Shopify;

/// <summary>
/// Every GraphQL document that the app sends, held against the schemas that Shopify publishes (npm package <c>@shopify/dev-mcp</c>, fetched by <c>.ci/run</c>; SHOPIFY_SCHEMA names the
/// folder). Where they are not there the tests are skipped, and say so.
/// </summary>
public sealed class ShopifyDocumentsTests
{
    public static TheoryData<string> Versions => ["2026-04", "2026-07", "2026-10"];

    static Dictionary<string, string> Documents { get; } = typeof(ShopifyReads).Assembly.GetTypes().Where(type => type.Namespace == typeof(ShopifyReads).Namespace)
        .SelectMany(type => type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic).Where(field => field.IsLiteral && field.FieldType == typeof(string)))
        .Select(field => (field.Name, Text: (string)field.GetRawConstantValue()!)).Where(document => document.Text.StartsWith("query ", StringComparison.Ordinal) || document.Text.StartsWith("mutation ", StringComparison.Ordinal))
        .ToDictionary(document => GraphQl.Parse(document.Text).Name, document => document.Text);

    static readonly Dictionary<string, GraphQlSchema> Loaded = [];

    static GraphQlSchema Schema(string version)
    {
        var path = Path.Combine(Environment.GetEnvironmentVariable("SHOPIFY_SCHEMA") ?? "", $"admin_{version}.json.gz");
        Assert.SkipUnless(File.Exists(path), $"Shopify's published schema {version} is not here: SHOPIFY_SCHEMA names no folder with admin_{version}.json.gz. .ci/run fetches it where there is npm.");
        lock (Loaded) return Loaded.TryGetValue(version, out var known) ? known : Loaded[version] = GraphQlSchema.Load(path);
    }

    [Theory, MemberData(nameof(Versions))]
    public void Every_document_is_as_the_published_schema_has_it(string version)
    {
        var schema = Schema(version);
        Assert.True(Documents.Count >= 17, $"{Documents.Count} documents");
        Assert.Empty(Documents.SelectMany(document => schema.Faults(GraphQl.Parse(document.Value)).Select(fault => $"{document.Key}: {fault}")));
    }

    [Theory, MemberData(nameof(Versions))]
    public void What_is_sent_in_variables_is_as_the_published_schema_has_it(string version)
    {
        var schema = Schema(version);
        var listing = new ListingKey("l", "gid://shopify/Location/1", "gid://shopify/InventoryItem/2", "A");
        Check("SetQuantities", ShopifyStock.Variables([new(listing, 3, 5, false, "k"), new(listing, 3, null, true, "k2")], "correction"));
        var account = new ChannelAccount(new Channel { Id = "shop", Is = "shopify", Name = "shop" }, new HttpClient(), TimeProvider.System, _ => null);
        var before = new ShopifyProducts.Product("gid://shopify/Product/1", false, [new("gid://shopify/ProductVariant/9", "X", [("Colour", "Red"), ("Size", "XL")], "gid://shopify/InventoryItem/9")]);
        foreach (var known in new[] { null, before })
            Check("SetProduct", new { identifier = new { id = "gid://shopify/Product/1" }, input = ShopifyProducts.Input(account, ShopifyProductsTests.Shirt, known) });

        void Check(string operation, object variables)
        {
            var sent = JsonSerializer.SerializeToElement(variables);
            foreach (var variable in GraphQl.Parse(Documents[operation]).Variables)
                Assert.Empty(schema.Faults(variable.Type, sent.GetProperty(variable.Name), "$" + variable.Name));
        }
    }

    /// <summary>That faults would be found.</summary>
    [Theory]
    [InlineData("query Q { shop }", "Q.shop: a Shop! needs selections")]
    [InlineData("query Q { shop { nam } }", "Q.shop.nam: Shop has no such field")]
    [InlineData("query Q { node(id: 5, x: 1) { id } }", "Q.node: there is no argument x")]
    [InlineData("query Q { node { id } }", "Q.node: id is missing")]
    [InlineData("query Q($id: String) { node(id: $id) { id } }", "Q.node(id): $id is a String, not a ID!")]
    [InlineData("query Q($id: ID) { node(id: $id) { id } }", "Q.node(id): $id is a ID, not a ID!")]
    [InlineData("query Q($id: ID!) { shop { name } }", "$id is not used")]
    [InlineData("query Q { shop { name @idem(key: 1) } }", "Q.shop.name: there is no directive @idem")]
    [InlineData("query Q { node(id: \"5\") { ... on Plate { name } } }", "Q.node: there is no type Plate")]
    [InlineData("query Q { shop { list(of: { kind: SALT, deep: [1] }) } }", "Q.shop.list(of)(kind): EnumUse { Name = SALT } is no Kind!")]
    [InlineData("query Q { shop { list(of: { kind: SUGAR }) } }", null)]
    [InlineData("query Q($id: ID!) { node(id: $id) { id ... on Shop { name } } }", null)]
    [InlineData("query Q { shop { old } }", "Q.shop.old is deprecated")]
    public void A_wrong_document_is_found_out(string document, string? fault)
    {
        using var small = JsonDocument.Parse(Small);
        Assert.Equal(fault is null ? [] : [fault], new GraphQlSchema(small.RootElement).Faults(GraphQl.Parse(document)));
    }

    const string Small = """
        { "queryType": { "name": "Root" }, "directives": [], "types": [
          { "kind": "SCALAR", "name": "ID" }, { "kind": "SCALAR", "name": "String" }, { "kind": "SCALAR", "name": "Int" }, { "kind": "ENUM", "name": "Kind", "enumValues": [ { "name": "SUGAR" } ] },
          { "kind": "INPUT_OBJECT", "name": "Wish", "inputFields": [ { "name": "kind", "type": { "kind": "NON_NULL", "ofType": { "kind": "ENUM", "name": "Kind" } } }, { "name": "deep", "type": { "kind": "LIST", "ofType": { "kind": "SCALAR", "name": "Int" } } } ] },
          { "kind": "OBJECT", "name": "Root", "fields": [ { "name": "shop", "args": [], "type": { "kind": "NON_NULL", "ofType": { "kind": "OBJECT", "name": "Shop" } } },
            { "name": "node", "args": [ { "name": "id", "type": { "kind": "NON_NULL", "ofType": { "kind": "SCALAR", "name": "ID" } } } ], "type": { "kind": "INTERFACE", "name": "Node" } } ] },
          { "kind": "INTERFACE", "name": "Node", "possibleTypes": [ { "name": "Shop" } ], "fields": [ { "name": "id", "args": [], "type": { "kind": "SCALAR", "name": "ID" } } ] },
          { "kind": "OBJECT", "name": "Shop", "fields": [ { "name": "name", "args": [], "type": { "kind": "SCALAR", "name": "String" } }, { "name": "old", "args": [], "isDeprecated": true, "type": { "kind": "SCALAR", "name": "String" } },
            { "name": "list", "args": [ { "name": "of", "type": { "kind": "INPUT_OBJECT", "name": "Wish" } } ], "type": { "kind": "SCALAR", "name": "String" } } ] } ] }
        """;
}
