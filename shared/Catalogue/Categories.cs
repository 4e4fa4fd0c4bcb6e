using System.Text.Json.Serialization;
using Selvedge.Platform;

namespace Selvedge.Catalogue;

/// <summary>Which attributes the SKUs of a category have: document of container <c>settings</c>, kind <c>category</c>, or one of those shipped.</summary>
public sealed record Category : ISetting
{
    /// <summary>What a category without definitions of its own has.</summary>
    public const string General = "*";

    public required string Id { get; init; }
    public string Kind { get; init; } = "category";
    public IReadOnlyList<AttributeDefinition> Attributes { get; init; } = [];

    /// <summary>0: shipped with the app and not changed.</summary>
    public long Version { get; init; }
    public DateTimeOffset? UpdatedAt { get; init; }
    public string? Actor { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>Reads <c>{attributes: [{name, type, unit?, allowed?[], requiredBy?[]}]}</c>.</summary>
    /// <exception cref="ProblemException">400 with the JSON pointer of every fault.</exception>
    public static Category Parse(string id, RequestFields body)
    {
        if (id != General) Sku.Require("category", id, 60);
        if (!body.Has("attributes")) body.Add("attributes", "Expected a list of attributes; it is missing.");
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var attributes = new List<AttributeDefinition>();
        foreach (var each in body.Objects("attributes", 100))
        {
            var attribute = new AttributeDefinition(each.Text("name", 60), each.Word<AttributeType>("type"))
            { Unit = each.OptionalText("unit", 20), Allowed = each.Texts("allowed", 500, 100), RequiredBy = each.Texts("requiredBy", 100, 40) };
            if (!seen.Add(attribute.Name)) each.Add("name", $"The attribute '{attribute.Name}' is there twice.");
            if (attribute.Name != attribute.Name.Trim()) each.Add("name", "It has blanks at its ends.");
            if (attribute.Type == AttributeType.Choice && attribute.Allowed.Count == 0) each.Add("allowed", "A choice needs its allowed values.");
            if (attribute.Type is not (AttributeType.Choice or AttributeType.List) && attribute.Allowed.Count > 0) each.Add("allowed", "Only a choice or list has allowed values.");
            if (attribute.Allowed.Any(value => value.AsSpan().IndexOfAny(',', ';') >= 0)) each.Add("allowed", "An allowed value has no comma or semicolon: these separate the values of a list.");
            attributes.Add(attribute);
        }
        body.Ignoring("id", "shipped", "version", "updatedAt", "actor").ThrowIfFaulty();
        return new() { Id = id, Attributes = attributes };
    }

    /// <summary>As the API shows it.</summary>
    public object View() => new { Id, Attributes, Shipped = Version == 0, Version, UpdatedAt, Actor };

    internal bool SaysTheSameAs(Category? other) => other is not null && Attributes.Count == other.Attributes.Count && Attributes.Zip(other.Attributes).All(pair => pair.First.SaysTheSameAs(pair.Second));
}

/// <summary>The definitions as they are at one moment.</summary>
public sealed class CategoryRules(IReadOnlyDictionary<string, Category> categories)
{
    /// <summary>Those shipped with the app.</summary>
    public static CategoryRules Shipped { get; } = new(ApparelCategories.All.ToDictionary(category => category.Id, StringComparer.Ordinal));

    /// <summary>The category's own definitions, else the general ones.</summary>
    public Category Of(string? category) => category is not null && categories.TryGetValue(category, out var own) ? own : categories.GetValueOrDefault(Category.General) ?? ApparelCategories.General;

    /// <summary>The values as they are kept, each in its one spelling. <paramref name="fault"/> is called for each that is not right; those that
    /// <paramref name="known"/> holds alike were judged before.</summary>
    public SortedDictionary<string, string> Judge(string? category, SortedDictionary<string, string> attributes, Func<string, string, bool> known, Action<string, string> fault)
    {
        if (attributes.Count == 0) return attributes;
        var kept = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, text) in attributes)
        {
            var definition = Of(category).Attributes.FirstOrDefault(attribute => attribute.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
            if (!kept.TryAdd(definition?.Name ?? name, text)) fault(name, $"The attribute '{definition?.Name ?? name}' is there twice.");
            if (definition is null || known(name, text)) continue;
            if (definition.TryRead(text, out var canonical, out var problem)) kept[definition.Name] = canonical;
            else fault(name, $"The attribute '{name}' of category '{category ?? "(none)"}' {problem}.");
        }
        return kept;
    }

    /// <summary>Required attributes that a SKU lacks on a channel, or has wrong, each with why.</summary>
    public IEnumerable<(string Name, string Why)> Lacking(Product product, string channel, string system)
    {
        foreach (var definition in Of(product.Category).Attributes.Where(attribute => attribute.RequiredBy.Any(by => by == "*" || by == channel || by == system)))
        {
            if (!product.Attributes.TryGetValue(definition.Name, out var text)) yield return (definition.Name, $"The attribute '{definition.Name}' is missing, which category '{product.Category ?? "(none)"}' requires there.");
            else if (!definition.TryRead(text, out _, out var problem)) yield return (definition.Name, $"The attribute '{definition.Name}' {problem}.");
        }
    }
}

/// <summary>The categories there are: the brand's own over those shipped.</summary>
public sealed class Categories(Store store, TimeProvider time)
{
    readonly SettingsOf<Category> settings = new(store, time, "category");

    /// <summary>All of them, by id; at most 30 s old.</summary>
    public async Task<IReadOnlyList<Category>> ListAsync(CancellationToken cancel = default)
    {
        var own = await settings.ListAsync(cancel);
        return [.. own.Concat(ApparelCategories.All.Where(shipped => !own.Any(category => category.Id == shipped.Id))).OrderBy(category => category.Id, StringComparer.Ordinal)];
    }

    public async Task<CategoryRules> RulesAsync(CancellationToken cancel = default) =>
        await settings.ListAsync(cancel) is { Count: > 0 } ? new((await ListAsync(cancel)).ToDictionary(category => category.Id, StringComparer.Ordinal)) : CategoryRules.Shipped;

    /// <exception cref="ProblemException">404.</exception>
    public async Task<Category> GetAsync(string id, CancellationToken cancel = default) =>
        await settings.FindAsync(id, fresh: true, cancel) ?? ApparelCategories.All.FirstOrDefault(category => category.Id == id)
        ?? throw ProblemException.NotFound($"Category '{id}' has no attributes of its own. GET api/categories/* shows those it has, PUT api/categories/{{id}} gives it its own.");

    /// <summary>Creates or changes a category; the same again changes nothing. Says whether it is new.</summary>
    /// <exception cref="ProblemException">412 when <paramref name="when"/> does not hold or was changed meanwhile.</exception>
    public async Task<(Category Category, bool Created)> PutAsync(Category category, Precondition when, string actor, CancellationToken cancel = default)
    {
        var before = await settings.RequireAsync(category.Id, when, cancel);
        if (category.SaysTheSameAs(before)) return (before!, false);
        var next = category with { Version = (before?.Version ?? 0) + 1, UpdatedAt = time.GetUtcNow(), Actor = actor };
        return (await settings.WriteAsync(next, before, cancel), before is null);
    }
}
