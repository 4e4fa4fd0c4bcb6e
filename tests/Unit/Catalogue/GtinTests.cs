using CsCheck;
using Selvedge.Catalogue;

namespace Selvedge.Tests.Unit.Catalogue;

public class GtinTests
{
    [Theory]
    [InlineData("629104150021", '3')]
    [InlineData("890400021003", '7')]
    [InlineData("01234567890", '5')]
    [InlineData("9638507", '4')]
    public void Check_digit_is_that_of_the_published_examples(string digits, char check) => Assert.Equal(check, Gtin.CheckDigit(digits));

    [Fact]
    public void A_upc_and_the_ean_with_a_leading_zero_are_one_item()
    {
        Assert.True(Gtin.TryParse("012345678905", out var upc));
        Assert.True(Gtin.TryParse("0012345678905", out var ean));
        Assert.Equal("00012345678905", upc.Digits);
        Assert.Equal(upc, ean);
    }

    [Theory]
    [InlineData("6291041500214", "check digit of 6291041500214 should be 3")]
    [InlineData("8.90E+12", "rounded by a spreadsheet")]
    [InlineData("8,90E+12", "rounded by a spreadsheet")]
    [InlineData("12345678905", "dropped leading zeros")]
    [InlineData("", "digits only")]
    [InlineData(null, "digits only")]
    [InlineData("٦٢٩١٠٤١٥٠٠٢١٣", "digits only")]
    [InlineData("6291041500213 6", "digits only")]
    [InlineData("00000000", "not all zeros")]
    [InlineData("629104150021300", "has 15")]
    public void What_is_no_gtin_is_told_why(string? text, string why)
    {
        Assert.False(Gtin.TryParse(text, out _, out var problem));
        Assert.Contains(why, problem, StringComparison.Ordinal);
    }

    static readonly Gen<string> Digits = Gen.OneOf(Gen.Const(7), Gen.Const(11), Gen.Const(12), Gen.Const(13)).SelectMany(length => Gen.Char['0', '9'].Array[length]).Select(chars => new string(chars)).Where(text => text.Trim('0').Length > 0);

    // Of a kind that is for items: not of variable measure, no coupon, no refund.
    static bool IsItem(string body)
    {
        var digits = (body + '0').PadLeft(14, '0');
        return digits[0] != '9' && (digits.StartsWith("000000", StringComparison.Ordinal) || (digits[1..3] is not ("05" or "99") && digits[1..4] is not ("980" or "981" or "982" or "983" or "984")));
    }

    [Fact]
    public void Its_own_check_digit_is_accepted_and_every_other_refused() => Digits.Where(IsItem).Sample(body =>
    {
        var right = Gtin.CheckDigit(body);
        for (var digit = '0'; digit <= '9'; digit++) Assert.Equal(digit == right, Gtin.TryParse(body + digit, out _));
    });

    [Fact]
    public void Padding_with_zeros_never_changes_the_check_digit() =>
        Digits.Sample(body => Assert.Equal(Gtin.CheckDigit(body), Gtin.CheckDigit(body.PadLeft(17, '0'))));

    [Fact]
    public void One_wrong_digit_is_always_found() => Gen.Select(Digits, Gen.Int[0, 12], Gen.Int[1, 9]).Sample((body, place, by) =>
    {
        var whole = (body + Gtin.CheckDigit(body)).ToCharArray();
        place %= whole.Length;
        whole[place] = (char)('0' + (whole[place] - '0' + by) % 10);
        Assert.False(Gtin.TryParse(new string(whole), out _));
    });

    [Fact]
    public void Any_text_is_either_fourteen_digits_or_a_reason() => Gen.String.Sample(text =>
    {
        if (Gtin.TryParse(text, out var gtin, out var problem)) Assert.Equal(14, gtin.Digits.Length);
        else Assert.False(string.IsNullOrEmpty(problem));
    });

    [Theory]
    [InlineData("980000000000", "refund")]
    [InlineData("981000000000", "coupons")]
    [InlineData("990000000000", "coupons")]
    [InlineData("50000000000", "coupons")]
    [InlineData("9012345678901", "variable measure")]
    public void A_number_that_is_no_items_is_refused_and_says_why(string digits, string why)
    {
        Assert.False(Gtin.TryParse(digits + Gtin.CheckDigit(digits), out _, out var problem));
        Assert.Contains(why, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("200000000000", true)]
    [InlineData("20000000000", true)]
    [InlineData("40000000000", true)]
    [InlineData("0200000", true)]
    [InlineData("931234567890", false)]
    [InlineData("60000000000", false)]
    public void Numbers_of_one_company_only_are_known(string digits, bool restricted)
    {
        Assert.True(Gtin.TryParse(digits + Gtin.CheckDigit(digits), out var gtin));
        Assert.Equal(restricted, gtin.IsRestricted);
    }
}
