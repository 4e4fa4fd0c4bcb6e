using CsCheck;
using Selvedge.Imports;

namespace Selvedge.Tests.Unit.Imports;

public class CellListTests
{
    static readonly Gen<string> Part = Gen.String[Gen.OneOf(Gen.Char['a', 'c'], Gen.OneOf(Gen.Const('|'), Gen.Const('\\'), Gen.Const('n'), Gen.Const('\n'))), 0, 6].Select(text => text.Trim());

    [Fact]
    public void What_is_joined_is_split_into_the_same() =>
        Part.Where(text => text.Length > 0).SelectMany(first => Part.Array[0, 3].Select(rest => rest.Prepend(first).ToArray())).Array[0, 5].Sample(items =>
        {
            var split = CellList.Split(CellList.Join(items));
            Assert.Equal(items.Select(Bare), split.Select(Bare));
        }, iter: 3000);

    // Line breaks at an item's ends count as blanks do.
    static string Bare(string[] parts) => string.Join('\u0001', parts.Select(part => part.Trim())).TrimEnd('\u0001');

    [Theory]
    [InlineData("=1+1")]
    [InlineData("+61 3")]
    [InlineData("-5")]
    [InlineData("@name")]
    [InlineData("'=quoted")]
    [InlineData("''-x")]
    [InlineData("'tis")]
    [InlineData("plain")]
    public void A_formula_is_made_safe_and_comes_back(string text)
    {
        var safe = CsvFile.Safe(text);
        Assert.DoesNotContain(safe[0], "=+-@");
        var file = CsvFile.Open(System.Text.Encoding.UTF8.GetBytes($"a\n{safe}\n"), new())!;
        Assert.True(file.Next(out var row));
        Assert.Equal(text, row.Fields[0]);
    }
}
