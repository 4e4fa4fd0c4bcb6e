namespace Selvedge.Catalogue;

/// <summary>
/// The attributes an apparel brand starts with. What law and marketplaces ask of textiles: fibre composition (EU 1007/2011; Australia's care
/// labelling standard), care, country of origin and HS code (customs), gender and age group (Zalando, Amazon, Google). A brand replaces them by
/// <c>PUT api/categories/{id}</c>.
/// </summary>
public static class ApparelCategories
{
    static readonly string[] Marketplaces = ["amazon", "zalando", "mirakl", "iconic", "sellercenter", "marketplace"];

    static readonly AttributeDefinition Composition = new("composition", AttributeType.Composition) { RequiredBy = Marketplaces };

    static readonly AttributeDefinition[] Every =
    [
        new("care", AttributeType.Text),
        new("origin", AttributeType.Country) { RequiredBy = Marketplaces },
        new("hsCode", AttributeType.HsCode),
        new("gender", AttributeType.Choice) { Allowed = ["women", "men", "unisex", "girls", "boys"], RequiredBy = Marketplaces },
        new("ageGroup", AttributeType.Choice) { Allowed = ["adult", "kids", "toddler", "infant", "newborn"] },
    ];

    /// <summary>For every category without definitions of its own.</summary>
    public static Category General { get; } = new() { Id = Category.General, Attributes = [Composition, .. Every, new("fit", AttributeType.Text), new("fabricWeight", AttributeType.Number) { Unit = "g/m²" }] };

    /// <summary>Shoes have parts and not one fabric.</summary>
    static readonly Category Shoes = new()
    {
        Id = "Shoes",
        Attributes = [.. new[] { "upperMaterial", "liningMaterial", "soleMaterial" }.Select(part => new AttributeDefinition(part, AttributeType.Text) { RequiredBy = Marketplaces }), .. Every, new("heelHeight", AttributeType.Number) { Unit = "cm" }],
    };

    static readonly Category Accessories = new() { Id = "Accessories", Attributes = [Composition with { RequiredBy = [] }, .. Every] };

    public static IReadOnlyList<Category> All { get; } = [General, Accessories, Shoes];
}
