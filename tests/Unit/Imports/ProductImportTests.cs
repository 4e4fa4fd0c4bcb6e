using System.Text;
using CsCheck;
using Selvedge.Catalogue;
using Selvedge.Imports;
using Selvedge.Platform;

namespace Selvedge.Tests.Unit.Imports;

public class ProductImportTests
{
    const string Heading = "style,name,colour,size,sku,barcode,price,cost,weight\n";

    static (IReadOnlyList<StyleDraft> Drafts, ImportErrors Errors) Read(string text)
    {
        var errors = new ImportErrors();
        return (Drafts(ProductFile.Open(Encoding.UTF8.GetBytes(text), errors)), errors);
    }

    static IReadOnlyList<StyleDraft> Drafts(ProductSource? file) => file is null ? [] : [.. Enumerable.Range(0, file.Styles).Select(file.Draft)];

    [Theory]
    [InlineData("S,N,Navy,M,A/B,,,,", 5, "sku", "may not have")]
    [InlineData("S,N,Navy,M,1.2E+10,,,,", 5, "sku", "spreadsheet")]
    [InlineData("S,N,Navy,M,A,8.90E+12,,,", 6, "barcode", "spreadsheet")]
    [InlineData("S,N,Navy,M,A,6291041500214,,,", 6, "barcode", "should be 3")]
    [InlineData("S,N,Navy,M,A,,1.23456,,", 7, "price", "more than four decimals")]
    [InlineData("S,N,Navy,M,A,,-1,,", 7, "price", "negative")]
    [InlineData("S,N,Navy,M,A,,$49.90,,", 7, "price", "without a currency")]
    [InlineData("S,N,Navy,M,A,,\"49,90\",,", 7, "price", "49.90")]
    [InlineData("S,N,Navy,M,A,,\"1,249.90\",,", 7, "price", "separators of thousands")]
    [InlineData("S,N,Navy,M,A,,,99999999999,", 8, "cost", "more than a thousand million")]
    [InlineData("S,N,Navy,M,A,,,,1.5", 9, "weight", "fraction")]
    [InlineData("S,N,Navy,M,A,,,,-3", 9, "weight", "negative")]
    [InlineData("S,N,Navy,M,A,,,,abc", 9, "weight", "digits only")]
    [InlineData("S,,Navy,M,A,,,,", 2, "name", "empty")]
    [InlineData("S,N\0,Navy,M,A,,,,", 2, "name", "U+0000")]
    [InlineData("S/1,N,Navy,M,A,,,,", 1, "style", "may not have")]
    public void A_bad_field_is_told_with_line_column_and_name(string line, int column, string name, string message)
    {
        var error = Assert.Single(Read(Heading + "S,N,Navy,L,OK,,,,\n" + line + "\n").Errors.List);
        Assert.Equal((3, column, name), (error.Line, error.Column, error.Name));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Clashes_within_the_file_name_both_lines_or_skus()
    {
        var (_, errors) = Read(Heading + """
            S,N,Navy,M,A,6291041500213,,,
            S,N,Navy,L,a,,,,
            S,N,Navy,S,A,,,,
            S,Other,navy,S,B,06291041500213,,,
            """);
        Assert.Equal(
            [(3, "sku", "'A' on line 2"), (4, "sku", "line 2 already"), (5, "name", "'N' on line 2"), (5, "colour", "'Navy'"), (5, "barcode", "SKU 'A' on line 2")],
            errors.List.OrderBy(error => error.Line).ThenBy(error => error.Column).Select(error => (error.Line, error.Name!,
                new[] { "'A' on line 2", "line 2 already", "'N' on line 2", "'Navy'", "SKU 'A' on line 2" }.First(part => error.Message.Contains(part, StringComparison.Ordinal) && (part != "'A' on line 2" || error.Name == "sku")))));
    }

    [Theory]
    [InlineData("style,name,colour,size\n", "sku", "is missing")]
    [InlineData("style,name,colour,size,sku,barcod\n", "barcod", "Did you mean 'barcode'")]
    [InlineData("style,name,colour,size,sku,fabric\n", "fabric", "attribute:fabric")]
    [InlineData("style,name,color,colour,size,sku\n", "colour", "twice")]
    [InlineData("style,name,colour,size,sku,\n1,2,3,4,5,6", "", "no heading")]
    [InlineData("style,name,colour,size,sku\n", null, "no lines")]
    public void A_bad_heading_is_told(string text, string? name, string message) =>
        Assert.Contains(Read(text).Errors.List, error => error.Line == 1 && error.Name == name && error.Message.Contains(message, StringComparison.Ordinal));

    [Fact]
    public void Headings_match_in_any_case_and_attributes_are_kept()
    {
        var (drafts, errors) = Read("STYLE;Name;Color;Size;SKU;EAN;attribute:Fabric\nS;\"Two\nlines\";Navy;M;A;6291041500213;\"wool\n& silk\"\n");
        Assert.Equal(0, errors.Count);
        var sku = drafts[0].Skus[0];
        Assert.Equal(("Two lines", "06291041500213", "wool\n& silk"), (drafts[0].Name, sku.Barcode, sku.Attributes["Fabric"]));
        Assert.Equal(Stated.Barcode, drafts[0].Stated);
    }

    [Fact]
    public void The_sample_range_is_valid_and_has_some_600_skus_in_40_styles()
    {
        var (drafts, errors) = Read(SampleCatalogue.ProductsCsv());
        Assert.Equal(0, errors.Count);
        Assert.Equal(40, drafts.Count);
        var skus = drafts.Sum(draft => draft.Skus.Count);
        Assert.InRange(skus, 550, 650);
        Assert.All(drafts, draft => Assert.Empty(StylePlan.Make(draft, null, new Dictionary<string, Product>(), CategoryRules.Shipped, DateTimeOffset.UnixEpoch, "x").Objections));
        var stock = new ImportErrors();
        Assert.Equal(3 * skus, StockImport.Read(Encoding.UTF8.GetBytes(SampleCatalogue.StockCsv()), stock).Lines.Count);
        Assert.Equal(0, stock.Count);
    }

    [Theory]
    [InlineData("A,WH1,-1,", "quantity", "negative")]
    [InlineData("A,WH1,1.5,", "quantity", "fraction")]
    [InlineData("A,WH1,,", "quantity", "empty")]
    [InlineData("A,WH1,99999999999,", "quantity", "more than")]
    [InlineData("A,,1,", "location", "empty")]
    [InlineData(",WH1,1,", "sku", "empty")]
    [InlineData("A,WH1,1,1.00001", "unitCost", "four decimals")]
    public void A_bad_stock_line_is_told(string line, string name, string message)
    {
        var errors = new ImportErrors();
        StockImport.Read(Encoding.UTF8.GetBytes("sku,location,quantity,unitCost\n" + line), errors);
        var error = Assert.Single(errors.List);
        Assert.Equal((2, name), (error.Line, error.Name));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    static readonly byte[] Valid = Encoding.UTF8.GetBytes(Heading + "S,\"N, é\",Navy,M,A,6291041500213,49.90,18.5,260\r\nS,\"N, é\",Navy,L,B,,,,\r\nT,\"x\"\"y\ny\",One,One,C,012345678905,1,0,0\n");

    [Fact]
    public void A_damaged_file_is_read_or_refused_but_never_throws() =>
        Gen.Select(Gen.Int[0, 1000], Gen.Byte, Gen.Int[0, 1000], Gen.Int[0, 3]).Sample((at, value, cut, kind) =>
        {
            var bytes = Valid.ToList();
            if (kind is 0 or 2) bytes[at % bytes.Count] = value;
            if (kind is 1 or 2) bytes.RemoveRange(cut % bytes.Count, bytes.Count - cut % bytes.Count);
            if (kind is 3) bytes.Insert(at % bytes.Count, value);
            var errors = new ImportErrors();
            var file = ProductFile.Open(bytes.ToArray(), errors);
            Assert.True(file is not null || errors.Count > 0);
            foreach (var draft in Drafts(file)) StylePlan.Make(draft, null, new Dictionary<string, Product>(), CategoryRules.Shipped, DateTimeOffset.UnixEpoch, "x");
            StockImport.Read(bytes.ToArray(), new ImportErrors());
        }, iter: 3000);

    static readonly Gen<string> Cell = Gen.OneOf(Gen.Const(""), Gen.Const("A"), Gen.Const("-1"), Gen.Const("1e9"), Gen.Const("8.9E+12"), Gen.Const("\"a\nb\""), Gen.Const("6291041500213"), Gen.Const("\"open"), Gen.String[Gen.Char['\0', '\uffff'], 0, 5]);

    [Fact]
    public void Random_tables_are_read_or_refused_but_never_throw() =>
        Cell.Array[7, 10].Array[0, 8].Sample(rows =>
        {
            var errors = new ImportErrors();
            var text = Heading + string.Join('\n', rows.Select(row => string.Join(',', row)));
            var file = ProductFile.Open(Encoding.UTF8.GetBytes(text), errors);
            Assert.All(Drafts(file).SelectMany(draft => draft.Skus), sku => Assert.True(Sku.TryParse(sku.Sku, out _)));
            Assert.All(errors.List, error => Assert.True(error.Line >= 1 && error.Column >= 0 && error.Message.Length > 0));
            Assert.NotNull(file);
        });

    [Fact]
    public void A_valid_file_says_what_was_put_in() =>
        Gen.Select(Gen.Int[1, 40], Gen.Long[0, 10_000_000], Gen.Long[0, 10_000_000], Gen.Int[0, 100_000]).Array[1, 20].Sample(rows =>
        {
            var csv = Heading + string.Concat(rows.Select((row, i) => $"S{row.Item1},Style {row.Item1},Navy,{i},SKU{i},,{Money.Text(row.Item2)},{Money.Text(row.Item3)},{row.Item4}\n"));
            var (drafts, errors) = Read(csv);
            Assert.Equal(0, errors.Count);
            Assert.Equal(
                rows.Select((row, i) => ($"SKU{i}", $"S{row.Item1}", (long?)row.Item2, (long?)row.Item3, (long?)row.Item4)).OrderBy(row => row.Item1, StringComparer.Ordinal),
                drafts.SelectMany(draft => draft.Skus.Select(sku => (sku.Sku, draft.Id, sku.Price, sku.Cost, sku.Weight))).OrderBy(row => row.Sku, StringComparer.Ordinal));
        });
}
