using System.Text;
using CsCheck;
using Selvedge.Imports;

namespace Selvedge.Tests.Unit.Imports;

public class CsvFileTests
{
    static (List<CsvRow> Rows, ImportErrors Errors, CsvFile? File) Read(byte[] bytes)
    {
        var errors = new ImportErrors();
        var rows = new List<CsvRow>();
        var file = CsvFile.Open(bytes, errors);
        while (file?.Next(out var row) == true) rows.Add(row);
        return (rows, errors, file);
    }

    static (List<CsvRow> Rows, ImportErrors Errors, CsvFile? File) Read(string text) => Read(Encoding.UTF8.GetBytes(text));

    [Theory]
    [InlineData("a,b\n1,2\n")]
    [InlineData("\ufeffa,b\r\n1,2")]
    [InlineData("a;b\r1;2\r")]
    [InlineData("a\tb\n\n\n1\t2\n\n")]
    [InlineData("sep=;\na;b\n1;2\n")]
    [InlineData("a,b\n 1 ,2,,\n,\n")]
    [InlineData("\"a\",\"b\"\n\"1\",\"2\"\n")]
    public void Files_as_spreadsheets_write_them_are_read(string text)
    {
        var (rows, errors, file) = Read(text);
        Assert.Equal(0, errors.Count);
        Assert.Equal(["a", "b"], file!.Header);
        Assert.Equal(["1", "2"], Assert.Single(rows).Fields);
    }

    [Fact]
    public void Lines_are_counted_through_quoted_line_breaks()
    {
        var (rows, errors, _) = Read("a,b\n\"x\r\ny \"\"z\"\"\",2\r\n\n3,28\"\n");
        Assert.Equal(0, errors.Count);
        Assert.Equal([(2, "x\r\ny \"z\""), (5, "3")], rows.Select(row => (row.Line, row.Fields[0])));
        Assert.Equal("28\"", rows[1].Fields[1]);
    }

    [Theory]
    [InlineData("a,b\n1\n", 2, 1, "has 1 field,")]
    [InlineData("a,b\n1,2,3\n", 2, 3, "has 3 fields")]
    [InlineData("a,b\n1,\"x\n", 2, 2, "never closed")]
    [InlineData("a,b\n1,\"x\"y\n", 2, 2, "after the closing quote")]
    [InlineData("", 1, 0, "empty")]
    [InlineData("PK\u0003\u0004", 1, 0, "Excel workbook")]
    public void What_is_wrong_is_told_with_line_and_column(string text, int line, int column, string message)
    {
        var error = Read(text).Errors.List[0];
        Assert.Equal((line, column), (error.Line, error.Column));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reading_goes_on_after_an_error()
    {
        var (rows, errors, _) = Read("a,b\n1\n1,\"x\"y\n3,4\n5,6,7\n");
        Assert.Equal([2, 3, 5], errors.List.Select(error => error.Line));
        Assert.Equal([3, 4], rows.Select(row => row.Line));
    }

    [Fact]
    public void Bytes_that_are_not_utf8_are_told_per_line()
    {
        var error = Assert.Single(Read([.. "a,b\n1,caf"u8, 0xE9, .. "\n"u8]).Errors.List);
        Assert.Equal(2, error.Line);
        Assert.Contains("Byte 6 of the line (0xE9, byte 10 of the file)", error.Message, StringComparison.Ordinal);
        Assert.Contains("UTF-16", Read([0xFF, 0xFE, 0x61, 0x00]).Errors.List[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_thousand_errors_are_listed_and_all_are_counted()
    {
        var errors = Read("a,b\n" + string.Concat(Enumerable.Repeat("1\n", 1500))).Errors;
        Assert.Equal((1500, 1000), (errors.Count, errors.List.Count));
    }

    static readonly Gen<string> Field = Gen.OneOf(Gen.Char["abc ,;\t\"\r\n0é"], Gen.Char['\u0020', '\u007e']).Array[0, 8].Select(chars => new string(chars));

    [Fact]
    public void Whatever_is_written_by_the_rules_reads_back() =>
        Gen.Select(Gen.OneOf(Gen.Const(','), Gen.Const(';'), Gen.Const('\t')), Gen.OneOf(Gen.Const("\n"), Gen.Const("\r\n"), Gen.Const("\r")), Field.Array[3].Array[1, 12]).Sample((delimiter, end, records) =>
        {
            var heading = string.Join(delimiter, "h1", "h2", "h3");
            var text = heading + end + string.Concat(records.Select(record => string.Join(delimiter, record.Select(field => '"' + CsvFile.Safe(field.Trim()).Replace("\"", "\"\"", StringComparison.Ordinal) + '"')) + end));
            var (rows, errors, _) = Read(text);
            Assert.Equal(0, errors.Count);
            Assert.Equal(records.Where(record => record.Any(field => field.Trim().Length > 0)).Select(record => string.Join('|', record.Select(field => field.Trim()))), rows.Select(row => string.Join('|', row.Fields)));
        });

    [Fact]
    public void Any_bytes_are_rows_or_errors() => Gen.Byte.Array[0, 80].Sample(bytes => _ = Read(bytes));
}
