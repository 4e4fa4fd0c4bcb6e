using Selvedge.Catalogue;

namespace Selvedge.Tests.Unit.Catalogue;

public class StylePlanTests
{
    static readonly DateTimeOffset At = new(2026, 11, 23, 9, 0, 0, TimeSpan.Zero);
    static readonly Dictionary<string, Product> None = [];

    static SkuDraft Cell(string sku, string colour = "Navy", string size = "M", long? price = 499_000) => new(sku, colour, size, "/" + sku) { Price = price };
    static StyleDraft Draft(params SkuDraft[] skus) => new("LSH", "Linen shirt", Stated.Whole, skus);

    static (Style Style, Dictionary<string, Product> Products) Written(StyleDraft draft, Style? before = null, Dictionary<string, Product>? products = null)
    {
        var plan = StylePlan.Make(draft, before, products ?? None, CategoryRules.Shipped, At, "ana");
        Assert.Empty(plan.Objections);
        var all = new Dictionary<string, Product>(products ?? []);
        foreach (var product in plan.Changed) all[product.Sku] = product;
        return (plan.Style, all);
    }

    [Fact]
    public void The_same_draft_again_changes_nothing()
    {
        var (style, products) = Written(Draft(Cell("A"), Cell("B", size: "L")));
        Assert.True(StylePlan.Make(Draft(Cell("A"), Cell("B", size: "L")), style, products, CategoryRules.Shipped, At.AddDays(1), "ben").IsUnchanged);
    }

    [Fact]
    public void A_style_whose_writer_died_is_written_again()
    {
        var (style, products) = Written(Draft(Cell("A")));
        Assert.False(StylePlan.Make(Draft(Cell("A")), style with { Writing = true }, products, CategoryRules.Shipped, At, "ana").IsUnchanged);
    }

    [Fact]
    public void Only_what_changed_is_written_with_the_next_version()
    {
        var (style, products) = Written(Draft(Cell("A"), Cell("B", size: "L")));
        var plan = StylePlan.Make(Draft(Cell("A", price: 599_000), Cell("B", size: "L")), style, products, CategoryRules.Shipped, At, "ben");
        var changed = Assert.Single(plan.Changed);
        Assert.Equal(("A", 2L, 599_000L, "ben"), (changed.Sku, changed.Version, changed.Price!.Value, changed.Actor));
        Assert.Equal(2, plan.Style.Version);
    }

    [Fact]
    public void What_the_whole_leaves_out_is_archived_and_its_place_is_free()
    {
        var (style, products) = Written(Draft(Cell("A")));
        var (next, all) = Written(Draft(Cell("A2")), style, products);
        Assert.Equal([new("Navy", "M", "A", true, 2), new("Navy", "M", "A2", false, 1)], next.Cells);
        Assert.False(all["A"].Active);
    }

    [Fact]
    public void What_a_file_leaves_out_stays_as_it_is()
    {
        var (style, products) = Written(Draft(Cell("A"), Cell("B", size: "L")));
        var file = new StyleDraft("LSH", "Linen shirt", Stated.Cost, [Cell("A", price: null) with { Cost = 120_000 }]);
        var plan = StylePlan.Make(file, style, products, CategoryRules.Shipped, At, "ana");
        var changed = Assert.Single(plan.Changed);
        Assert.Equal((499_000L, 120_000L), (changed.Price!.Value, changed.Cost!.Value));
        Assert.Equal(2, plan.Style.Cells.Count(cell => !cell.Archived));
    }

    [Fact]
    public void Two_active_skus_for_one_place_are_refused_naming_both()
    {
        var (style, products) = Written(Draft(Cell("A")));
        var plan = StylePlan.Make(new StyleDraft("LSH", "Linen shirt", Stated.Price, [Cell("B")]), style, products, CategoryRules.Shipped, At, "ana");
        var objection = Assert.Single(plan.Objections);
        Assert.Contains("'A' and 'B'", objection.Detail, StringComparison.Ordinal);
        Assert.Equal("/B", objection.At);
    }

    [Fact]
    public void A_sku_does_not_move_to_another_style()
    {
        var (_, products) = Written(Draft(Cell("A")));
        var plan = StylePlan.Make(new StyleDraft("OTHER", "Other", Stated.Whole, [Cell("A")]), null, products, CategoryRules.Shipped, At, "ana");
        Assert.Contains("belongs to style 'LSH'", Assert.Single(plan.Objections).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_simple_sku_does_not_become_virtual()
    {
        var (style, products) = Written(Draft(Cell("A")));
        var plan = StylePlan.Make(Draft(Cell("A") with { Kind = ProductKind.Virtual, Components = [new("B", 2)] }), style, products, CategoryRules.Shipped, At, "ana");
        Assert.Equal("kind", Assert.Single(plan.Objections).Column);
    }

    [Fact]
    public void A_new_name_reaches_every_sku_of_the_style()
    {
        var (style, products) = Written(Draft(Cell("A"), Cell("B", size: "L")));
        var plan = StylePlan.Make(new StyleDraft("LSH", "Linen overshirt", Stated.None, [Cell("A")]), style, products, CategoryRules.Shipped, At, "ana");
        Assert.Equal(["A", "B"], plan.Changed.Select(product => product.Sku).Order());
        Assert.All(plan.Changed, product => Assert.Equal("Linen overshirt", product.Name));
    }
}
