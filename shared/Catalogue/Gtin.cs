using System.Buffers;

namespace Selvedge.Catalogue;

/// <summary>
/// A GS1 trade item number, kept as 14 digits, right-aligned and padded with zeros, so that UPC-A <c>012345678905</c> and EAN-13
/// <c>0012345678905</c> are the same item. Digits are text: leading zeros are data. Source: GS1 General Specifications, check digit
/// (weights 3, 1, 3, … from the digit left of the check digit; the check digit fills up to a multiple of ten).
/// </summary>
public readonly record struct Gtin
{
    static readonly SearchValues<char> NumberText = SearchValues.Create("0123456789.,");

    Gtin(string digits) => Digits = digits;

    /// <summary>The 14 digits.</summary>
    public string Digits { get; }

    public override string ToString() => Digits ?? "";

    /// <summary>Reads a GTIN-8, -12, -13 or -14; blanks around it are ignored. <paramref name="problem"/> says what is wrong and what to do.</summary>
    public static bool TryParse(string? text, out Gtin gtin, out string? problem)
    {
        gtin = default;
        text = text?.Trim() ?? "";
        problem = text switch
        {
            _ when LooksLikeExcel(text) => $"'{text}' was rounded by a spreadsheet. Format the column as text and export again.",
            _ when !IsDigits(text) => "A GTIN has digits only.",
            { Length: not (8 or 12 or 13 or 14) } => $"A GTIN has 8, 12, 13 or 14 digits; this has {text.Length}." + (text.Length is 11 or 7 or 10 ? " A spreadsheet may have dropped leading zeros." : ""),
            _ when text.Trim('0').Length == 0 => "A GTIN is not all zeros.",
            _ when CheckDigit(text.AsSpan(0, text.Length - 1)) is var right && right != text[^1] => $"The check digit of {text} should be {right}.",
            _ => WrongPrefix(text.PadLeft(14, '0')),
        };
        if (problem is not null) return false;
        gtin = new Gtin(text.PadLeft(14, '0'));
        return true;
    }

    /// <summary>True for numbers that mean something only within one company or country (GS1 prefixes 020–029, 040–049, 200–299 and GTIN-8 beginning
    /// with 0 or 2): they scan at our own tills, and no marketplace takes them.</summary>
    public bool IsRestricted => Digits.StartsWith("000000", StringComparison.Ordinal) ? Digits[6] is '0' or '2' : Digits[1] == '2' || (Digits[1] == '0' && Digits[2] is '2' or '4');

    // GS1 prefixes that are no trade items; the indicator digit 9 is for variable measure (GS1 General Specifications, 1.4 and 2.1).
    static string? WrongPrefix(string digits) => digits switch
    {
        ['9', ..] => "Its indicator digit 9 is for goods of variable measure; an item or case has 0 to 8.",
        _ when digits.StartsWith("000000", StringComparison.Ordinal) => null,
        [_, '9', '8', '0', ..] => "Its prefix 980 is for refund receipts, not for items.",
        [_, '0', '5', ..] or [_, '9', '8', '1' or '2' or '3' or '4', ..] or [_, '9', '9', ..] => $"Its prefix {digits[1..4]} is for coupons, not for items.",
        _ => null,
    };

    /// <inheritdoc cref="TryParse(string?, out Gtin, out string?)"/>
    public static bool TryParse(string? text, out Gtin gtin) => TryParse(text, out gtin, out _);

    /// <summary>The check digit for the digits before it, of whatever length (GTIN, GLN, SSCC).</summary>
    public static char CheckDigit(ReadOnlySpan<char> digits)
    {
        var sum = 0;
        for (int i = digits.Length - 1, weight = 3; i >= 0; i--, weight = 4 - weight) sum += (digits[i] - '0') * weight;
        return (char)('0' + (10 - sum % 10) % 10);
    }

    /// <summary>True for what a spreadsheet makes of long numbers, e.g. <c>8.90E+12</c> or <c>8,90E+12</c>.</summary>
    public static bool LooksLikeExcel(string text)
    {
        var e = text.IndexOfAny(['E', 'e']);
        return e > 0 && e + 2 < text.Length && text[e + 1] is '+' or '-' && IsDigits(text.AsSpan(e + 2)) && char.IsAsciiDigit(text[0])
            && text.AsSpan(0, e).IndexOfAnyExcept(NumberText) < 0 && text.AsSpan(0, e).IndexOfAny('.', ',') > 0;
    }

    static bool IsDigits(ReadOnlySpan<char> text) => text.Length > 0 && text.IndexOfAnyExceptInRange('0', '9') < 0;
}
