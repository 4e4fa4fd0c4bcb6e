namespace Selvedge.Catalogue;

/// <summary>Which optional facts a draft states; the others stay as they are.</summary>
[Flags]
public enum Stated
{
    None = 0, Season = 1, Category = 2, Barcode = 4, Price = 8, Cost = 16, Weight = 32, Status = 64, Codes = 128, Composition = 256, Order = 512, CompareAt = 1024, Images = 2048, Materials = 4096,
    /// <summary>Everything, and SKUs that are left out are archived.</summary>
    Whole = 8191,
}

/// <summary>What a request or a file says of a style. <paramref name="Stated"/> tells which of its optional facts it says anything about.</summary>
public sealed record StyleDraft(string Id, string Name, Stated Stated, IReadOnlyList<SkuDraft> Skus)
{
    public string? Season { get; init; }
    public string? Category { get; init; }
    public IReadOnlyList<string> Colours { get; init; } = [];
    public IReadOnlyList<string> Sizes { get; init; } = [];
    public IReadOnlyList<StyleImage> Images { get; init; } = [];
    public IReadOnlyList<Material> Materials { get; init; } = [];
}

/// <summary>What a request or a file says of a SKU; <paramref name="At"/> is where it says so (a JSON pointer, a line).</summary>
public sealed record SkuDraft(string Sku, string Colour, string Size, string At)
{
    public string? Barcode { get; init; }
    public IReadOnlyList<ProductCode> Codes { get; init; } = [];
    public long? Price { get; init; }
    public long? CompareAt { get; init; }

    /// <summary>With <see cref="Stated.Whole"/> all prices in other currencies; otherwise those to set, or with null to remove.</summary>
    public IReadOnlyDictionary<string, PriceTag?> Prices { get; init; } = new Dictionary<string, PriceTag?>();
    public long? Cost { get; init; }
    public long? Weight { get; init; }
    public bool Active { get; init; } = true;
    public ProductKind Kind { get; init; }
    public IReadOnlyList<Component> Components { get; init; } = [];

    /// <summary>With <see cref="Stated.Whole"/> all attributes; otherwise those to set, or with null to remove.</summary>
    public IReadOnlyDictionary<string, string?> Attributes { get; init; } = new Dictionary<string, string?>();
}

/// <summary>A draft cannot become part of the catalogue.</summary>
/// <param name="At">Where the SKU stands.</param>
/// <param name="Column">The fact, e.g. <c>barcode</c>, <c>attribute:origin</c>.</param>
/// <param name="Detail">What is wrong and what to do.</param>
/// <param name="IsInvalid">Wrong by itself, whatever the catalogue holds.</param>
public sealed record Objection(string At, string Column, string Detail, bool IsInvalid = false);

/// <summary>
/// What has to be written so that a style is as a draft says. A pure function of the draft and what is there:
/// <see cref="Make"/> reads no clock and no store.
/// </summary>
public sealed record StylePlan(Style Style, Style? Before, IReadOnlyList<Product> Changed, IReadOnlyDictionary<string, Product> Existing, IReadOnlyList<Objection> Objections)
{
    public bool IsUnchanged => Changed.Count == 0 && Style.SaysTheSameAs(Before);
    public int Created => Changed.Count(product => !Existing.ContainsKey(product.Sku));

    /// <param name="draft">What is asked for.</param>
    /// <param name="before">The style as it is, or null.</param>
    /// <param name="existing">The products there are among the draft's SKUs and the style's own.</param>
    /// <param name="rules">The categories' attributes.</param>
    /// <param name="at">When, and <paramref name="actor"/> who.</param>
    public static StylePlan Make(StyleDraft draft, Style? before, IReadOnlyDictionary<string, Product> existing, CategoryRules rules, DateTimeOffset at, string actor)
    {
        var objections = new List<Objection>();
        var whole = draft.Stated == Stated.Whole;
        var season = draft.Stated.HasFlag(Stated.Season) ? draft.Season : before?.Season;
        var category = draft.Stated.HasFlag(Stated.Category) ? draft.Category : before?.Category;
        var drafted = draft.Skus.ToDictionary(sku => sku.Sku, StringComparer.Ordinal);
        var changed = new List<Product>();
        var cells = new List<Cell>();

        foreach (var cell in before?.Cells ?? [])
        {
            if (drafted.ContainsKey(cell.Sku)) continue;
            var kept = cell with { Archived = cell.Archived || whole };
            // The others of the style are written too where its name, category or season changes, or it is left out of the whole.
            var version = existing.TryGetValue(cell.Sku, out var product) ? Change(product with { Name = draft.Name, Category = category, Season = season, Active = !kept.Archived }, product) : cell.Version;
            cells.Add(kept with { Version = version });
        }
        foreach (var sku in draft.Skus)
        {
            existing.TryGetValue(sku.Sku, out var product);
            if (product is not null && product.Style != draft.Id)
            {
                objections.Add(new(sku.At, "sku", $"SKU '{sku.Sku}' belongs to style '{product.Style}' and cannot move to '{draft.Id}'. Use a new SKU."));
                continue;
            }
            var merged = Merge(draft, sku, product, season, category);
            merged = merged with
            {
                Attributes = rules.Judge(category, merged.Attributes, (name, text) => product is not null && product.Category == category && product.Attributes.GetValueOrDefault(name) == text,
                    (name, fault) => objections.Add(new(sku.At, "attribute:" + name, fault, IsInvalid: true))),
            };
            if (product is not null && product.Kind != merged.Kind)
                objections.Add(new(sku.At, "kind", $"SKU '{sku.Sku}' is {Word(product.Kind)} and cannot become {Word(merged.Kind)}: its stock and history would mean something else. Use a new SKU."));
            cells.Add(new(sku.Colour, sku.Size, sku.Sku, !merged.Active, Change(merged, product), merged.Kind == ProductKind.Virtual));
        }

        var taken = new Dictionary<(string, string), string>();
        foreach (var cell in cells.Where(cell => !cell.Archived))
        {
            if (taken.TryAdd((cell.Colour, cell.Size), cell.Sku)) continue;
            var other = taken[(cell.Colour, cell.Size)];
            var place = drafted.GetValueOrDefault(cell.Sku) ?? drafted.GetValueOrDefault(other);
            objections.Add(new(place?.At ?? "", "sku", $"Style '{draft.Id}' in {cell.Colour}, {cell.Size} is both '{other}' and '{cell.Sku}'. Archive one, or correct its colour or size."));
        }

        var style = new Style
        {
            Id = draft.Id, Name = draft.Name, Season = season, Category = category,
            Colours = Axis(draft.Stated.HasFlag(Stated.Order) ? draft.Colours : before?.Colours ?? [], cells.Select(cell => cell.Colour)),
            Sizes = Axis(draft.Stated.HasFlag(Stated.Order) ? draft.Sizes : before?.Sizes ?? [], cells.Select(cell => cell.Size)),
            Images = draft.Stated.HasFlag(Stated.Images) ? draft.Images : before?.Images ?? [], Materials = draft.Stated.HasFlag(Stated.Materials) ? draft.Materials : before?.Materials ?? [],
            Cells = Ordered(cells, before), Version = (before?.Version ?? 0) + 1, UpdatedAt = at, Actor = actor,
        };
        return new(style with { Change = StyleChange.Between(before, style, existing, changed) }, before, changed, existing, objections);

        long Change(Product product, Product? old)
        {
            if (product.SaysTheSameAs(old)) return old!.Version;
            changed.Add(product with { Version = (old?.Version ?? 0) + 1, UpdatedAt = at, Actor = actor, ETag = old?.ETag });
            return changed[^1].Version;
        }
    }

    static Product Merge(StyleDraft draft, SkuDraft sku, Product? old, string? season, string? category)
    {
        var stated = draft.Stated;
        var attributes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (stated != Stated.Whole) foreach (var (name, value) in old?.Attributes ?? []) attributes[name] = value;
        foreach (var (name, value) in sku.Attributes)
        {
            if (value is null) attributes.Remove(name);
            else attributes[name] = value;
        }
        var prices = new SortedDictionary<string, PriceTag>(StringComparer.Ordinal);
        if (stated != Stated.Whole) foreach (var (currency, tag) in old?.Prices ?? []) prices[currency] = tag;
        foreach (var (currency, tag) in sku.Prices)
        {
            if (tag is null) prices.Remove(currency);
            else prices[currency] = tag;
        }
        var components = stated.HasFlag(Stated.Composition) ? sku.Components : old?.Components ?? [];
        return new Product
        {
            Sku = sku.Sku, Style = draft.Id, Name = draft.Name, Category = category, Season = season, Colour = sku.Colour, Size = sku.Size,
            Barcode = stated.HasFlag(Stated.Barcode) ? sku.Barcode : old?.Barcode,
            Price = stated.HasFlag(Stated.Price) ? sku.Price : old?.Price,
            CompareAt = stated.HasFlag(Stated.CompareAt) ? sku.CompareAt : old?.CompareAt, Prices = prices,
            Cost = stated.HasFlag(Stated.Cost) ? sku.Cost : old?.Cost,
            Weight = stated.HasFlag(Stated.Weight) ? sku.Weight : old?.Weight,
            Active = stated.HasFlag(Stated.Status) ? sku.Active : old?.Active ?? true,
            Codes = stated.HasFlag(Stated.Codes) ? sku.Codes : old?.Codes ?? [],
            Kind = stated.HasFlag(Stated.Composition) ? sku.Kind : old?.Kind ?? ProductKind.Simple,
            Components = components, ComponentsVersion = components.Count == 0 ? old?.ComponentsVersion ?? 0 : (old?.ComponentsVersion ?? 0) + (old is not null && components.SequenceEqual(old.Components) ? 0 : 1),
            Attributes = attributes,
        };
    }

    static string Word(ProductKind kind) => kind.ToString().ToLowerInvariant();

    // A style keeps the order of its colours and sizes; what is new goes to the end.
    static List<string> Axis(IReadOnlyList<string> stated, IEnumerable<string> used) =>
        [.. stated.Concat(used).Distinct(StringComparer.Ordinal)];

    static List<Cell> Ordered(List<Cell> cells, Style? before)
    {
        var place = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var cell in before?.Cells ?? []) place.TryAdd(cell.Sku, place.Count);
        return [.. cells.OrderBy(cell => place.GetValueOrDefault(cell.Sku, int.MaxValue))];
    }
}
