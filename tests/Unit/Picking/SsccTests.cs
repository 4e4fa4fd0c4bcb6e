using Selvedge.Picking;

namespace Selvedge.Tests.Unit.Picking;

/// <summary>Serial Shipping Container Codes, against codes that GS1 publishes as examples.</summary>
public sealed class SsccTests
{
    [Theory]
    [InlineData("0614141", 1_123_456_789, "106141411234567897")]
    [InlineData("0614141", 1_234_567_890, "106141412345678908")]
    [InlineData("7610425", 3_002_123_456, "376104250021234569")]
    public void A_prefix_and_a_number_make_the_published_code(string prefix, long number, string code)
    {
        Assert.Equal(code, Sscc.Make(prefix, number));
        Assert.True(Sscc.IsValid(code));
        Assert.True(Sscc.IsValid("00" + code));
    }

    [Fact]
    public void Any_digit_that_is_wrong_is_found()
    {
        const string code = "376104250021234569";
        for (var at = 0; at < code.Length; at++)
            Assert.False(Sscc.IsValid(code[..at] + (char)('0' + (code[at] - '0' + 1) % 10) + code[(at + 1)..]));
        Assert.False(Sscc.IsValid("37610425002123456"));
        Assert.False(Sscc.IsValid("37610425002123456X"));
    }

    [Fact]
    public void Numbers_use_up_the_serials_of_one_extension_digit_before_the_next()
    {
        Assert.StartsWith("0" + "931234569" + "9999999", Sscc.Make("931234569", 9_999_999), StringComparison.Ordinal);
        Assert.StartsWith("1" + "931234569" + "0000000", Sscc.Make("931234569", 10_000_000), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("123456")]
    [InlineData("12345678901")]
    [InlineData("12345A7")]
    public void What_is_no_prefix_is_refused(string prefix)
    {
        Assert.False(Sscc.IsPrefix(prefix));
        Assert.Throws<ArgumentException>(() => Sscc.Make(prefix, 1));
    }
}
