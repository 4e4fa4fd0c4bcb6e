using System.Globalization;
using Selvedge.Platform;

namespace Selvedge.Catalogue;

/// <summary>What a SKU, and any other code of ours, may look like. A SKU never changes: it is the partition of everything about it.</summary>
public static class Sku
{
    public const int Longest = 64;

    /// <summary>True for 1 to 64 visible characters without <c>/ \ ? # : %</c> and without blanks at the ends (they stand in ids and
    /// partition keys as they are). <paramref name="problem"/> says what is wrong.</summary>
    public static bool TryParse(string? text, out string? problem)
    {
        problem = Problem(text, Longest);
        if (problem is null && Gtin.LooksLikeExcel(text!)) problem = $"'{text}' was rounded by a spreadsheet. Format the column as text and export again.";
        return problem is null;
    }

    /// <summary>Ids that people choose for styles, locations and channels: the same rules, at most <paramref name="longest"/> characters.</summary>
    public static string? Problem(string? text, int longest)
    {
        if (string.IsNullOrEmpty(text)) return "It is empty.";
        if (text.Length > longest) return $"It has {text.Length} characters; at most {longest} are allowed.";
        foreach (var c in text)
            if (char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
                return $"It has the invisible character U+{(int)c:X4}.";
        return Ids.IsPlain(text, longest) ? null : @"It may not have / \ ? # : % or blanks at its ends.";
    }

    /// <summary>Checks an id from a route or body.</summary>
    /// <exception cref="ProblemException">400 when it is not legal.</exception>
    public static string Require(string what, string? text, int longest = Longest) =>
        Problem(text, longest) is { } problem ? throw ProblemException.Invalid($"The {what} is not valid. {problem}") : text!;
}
