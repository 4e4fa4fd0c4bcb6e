using Selvedge.Catalogue;

namespace Selvedge.Tests.Unit.Catalogue;

public class SkuTests
{
    [Theory]
    [InlineData("LS-NVY-S")]
    [InlineData("00123")]
    [InlineData("robe d'été 38")]
    [InlineData("👕-M")]
    [InlineData("'; DROP TABLE skus; --")]
    public void Plain_text_is_a_sku(string text) => Assert.True(Sku.TryParse(text, out _));

    [Theory]
    [InlineData(null, "empty")]
    [InlineData("", "empty")]
    [InlineData(" A", "blanks")]
    [InlineData("A\u00a0", "blanks")]
    [InlineData("A/B", "may not have")]
    [InlineData("A:B", "may not have")]
    [InlineData("A%20", "may not have")]
    [InlineData("A\tB", "U+0009")]
    [InlineData("A\u200bB", "U+200B")]
    [InlineData("A\0", "U+0000")]
    [InlineData("1.23E+11", "spreadsheet")]
    public void What_cannot_be_an_id_is_no_sku(string? text, string why)
    {
        Assert.False(Sku.TryParse(text, out var problem));
        Assert.Contains(why, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_lone_surrogate_is_no_sku() => Assert.False(Sku.TryParse("A\ud83d", out _));

    [Fact]
    public void A_sku_has_at_most_64_characters()
    {
        Assert.True(Sku.TryParse(new('A', 64), out _));
        Assert.False(Sku.TryParse(new('A', 65), out _));
    }

    [Theory]
    [InlineData("ls-nvy-s", "code:LS-NVY-S")]
    [InlineData(" LS-NVY-S ", "code:LS-NVY-S")]
    [InlineData("012345678905", "gtin:00012345678905")]
    [InlineData("0012345678905", "gtin:00012345678905")]
    [InlineData("012345678906", "code:012345678906")]
    [InlineData("A/B", "code:A~2FB")]
    public void A_code_has_one_spelling(string code, string id) => Assert.Equal(id, Alias.IdOf(code));
}
