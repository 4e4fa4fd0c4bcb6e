using CsCheck;
using Selvedge.Catalogue;

namespace Selvedge.Tests.Unit.Catalogue;

public class AttributeDefinitionTests
{
    static AttributeDefinition Of(AttributeType type) => new("x", type) { Unit = type == AttributeType.Number ? "oz" : null, Allowed = type is AttributeType.Choice or AttributeType.List ? ["women", "men"] : [] };

    [Theory]
    [InlineData(AttributeType.Composition, "98% cotton 2% elastane", "98% cotton, 2% elastane")]
    [InlineData(AttributeType.Composition, "60 % Organic  cotton; 40% linen", "60% Organic cotton, 40% linen")]
    [InlineData(AttributeType.Composition, "33,3% wool/66.7% silk", "33.3% wool, 66.7% silk")]
    [InlineData(AttributeType.Composition, "Shell: 100% nylon; Lining: 80% polyester, 20% cotton", "Shell: 100% nylon; Lining: 80% polyester, 20% cotton")]
    [InlineData(AttributeType.Country, "pt", "PT")]
    [InlineData(AttributeType.HsCode, "6109.10.0010", "6109100010")]
    [InlineData(AttributeType.Number, "13.50 oz", "13.5")]
    [InlineData(AttributeType.Flag, "True", "yes")]
    [InlineData(AttributeType.Choice, "Women", "women")]
    [InlineData(AttributeType.List, "men; women;men", "men, women")]
    public void A_value_is_kept_in_one_spelling_that_reads_as_itself(AttributeType type, string text, string kept)
    {
        Assert.True(Of(type).TryRead(text, out var canonical, out var problem), problem);
        Assert.Equal(kept, canonical);
        Assert.True(Of(type).TryRead(kept, out var again, out _));
        Assert.Equal(kept, again);
    }

    [Theory]
    [InlineData(AttributeType.Composition, "60% cotton, 30% linen", "adds up to 90 %")]
    [InlineData(AttributeType.Composition, "Shell: 100% nylon; Lining: 90% silk", "90 % in 'Lining'")]
    [InlineData(AttributeType.Composition, "cotton", "materials in per cent")]
    [InlineData(AttributeType.Composition, "100% cotton and some", null)]
    [InlineData(AttributeType.Country, "Portugal", "ISO 3166")]
    [InlineData(AttributeType.Country, "XX", "ISO 3166")]
    [InlineData(AttributeType.HsCode, "61091", "6 to 10 digits")]
    [InlineData(AttributeType.HsCode, "61091000101", "6 to 10 digits")]
    [InlineData(AttributeType.Number, "heavy", "in oz")]
    [InlineData(AttributeType.Choice, "ladies", "women, men")]
    [InlineData(AttributeType.List, "men, ladies", "women, men")]
    public void A_wrong_value_is_told_with_what_would_be_right(AttributeType type, string text, string? said)
    {
        var right = Of(type).TryRead(text, out _, out var problem);
        Assert.Equal(said is null, right);
        if (said is not null) Assert.Contains(said, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void No_text_makes_reading_throw_and_what_is_kept_reads_as_itself() =>
        Gen.Select(Gen.Enum<AttributeType>(), Gen.OneOf(Gen.String, Gen.OneOf(Gen.Const("1% a"), Gen.Const("100% é; b"), Gen.Const("a:100% c"), Gen.Const(";;"), Gen.Const("50% a 50% b"), Gen.Const("1.50 oz"), Gen.Const("6109.10")))).Sample((type, text) =>
        {
            if (!Of(type).TryRead(text, out var kept, out _)) return;
            Assert.True(Of(type).TryRead(kept, out var again, out _));
            Assert.Equal(kept, again);
        }, iter: 3000);

    [Fact]
    public void A_fault_names_the_attribute_and_its_category()
    {
        var plan = StylePlan.Make(new("S", "Shirt", Stated.Whole, [new("A", "Navy", "M", "/A") { Attributes = new Dictionary<string, string?> { ["origin"] = "Portugal", ["fabric"] = "anything" } }]) { Category = "Shirts" },
            null, new Dictionary<string, Product>(), CategoryRules.Shipped, DateTimeOffset.UnixEpoch, "ana");
        var objection = Assert.Single(plan.Objections);
        Assert.Equal(("attribute:origin", true), (objection.Column, objection.IsInvalid));
        Assert.Contains("'origin' of category 'Shirts'", objection.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_kept_before_the_category_changed_does_not_stand_against_another_change()
    {
        var draft = new StyleDraft("S", "Shirt", Stated.Whole, [new("A", "Navy", "M", "/A") { Attributes = new Dictionary<string, string?> { ["fit"] = "boxy" } }]);
        var before = StylePlan.Make(draft, null, new Dictionary<string, Product>(), CategoryRules.Shipped, DateTimeOffset.UnixEpoch, "ana");
        var stricter = new CategoryRules(new Dictionary<string, Category> { ["*"] = new() { Id = "*", Attributes = [new("fit", AttributeType.Choice) { Allowed = ["slim"] }] } });
        var products = before.Changed.ToDictionary(product => product.Sku);
        Assert.Empty(StylePlan.Make(draft with { Name = "New" }, before.Style, products, stricter, DateTimeOffset.UnixEpoch, "ana").Objections);
        Assert.NotEmpty(StylePlan.Make(draft, null, new Dictionary<string, Product>(), stricter, DateTimeOffset.UnixEpoch, "ana").Objections);
    }
}
