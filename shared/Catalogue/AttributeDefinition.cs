using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Selvedge.Catalogue;

/// <summary>What an attribute's text has to be.</summary>
public enum AttributeType
{
    Text,
    /// <summary>A decimal number, without its unit or with it: <c>13.5</c>, <c>13.5 oz</c>.</summary>
    Number,
    /// <summary><c>yes</c> or <c>no</c>.</summary>
    Flag,
    /// <summary>One of the allowed values.</summary>
    Choice,
    /// <summary>Several of the allowed values (any, where none are named), separated by commas or semicolons.</summary>
    List,
    /// <summary>ISO 3166-1 alpha-2, e.g. <c>PT</c>.</summary>
    Country,
    /// <summary>Harmonized System code: 6 to 10 digits; points and blanks between them are left out.</summary>
    HsCode,
    /// <summary>Materials in per cent that add up to 100, by part where there are several: <c>98% cotton, 2% elastane</c>, <c>Shell: 100% nylon; Lining: 100% polyester</c>.</summary>
    Composition,
}

/// <summary>An attribute that the SKUs of a category have.</summary>
/// <param name="Name">Its name, as in a file's column <c>attribute:&lt;name&gt;</c>.</param>
/// <param name="Type">What its text has to be.</param>
public sealed partial record AttributeDefinition(string Name, AttributeType Type)
{
    public string? Unit { get; init; }
    public IReadOnlyList<string> Allowed { get; init; } = [];

    /// <summary>Channels (ids, or their systems such as <c>zalando</c>; <c>*</c> for all) on which a SKU without it is not listable.</summary>
    public IReadOnlyList<string> RequiredBy { get; init; } = [];

    /// <summary>Reads a value: <paramref name="canonical"/> is the one spelling that is kept (reading that gives itself); otherwise
    /// <paramref name="problem"/> says what is wrong with it and what would be right.</summary>
    public bool TryRead(string text, out string canonical, out string? problem)
    {
        (canonical, problem) = (text.Trim(), null);
        switch (Type)
        {
            case AttributeType.Number:
                var number = Unit is { Length: > 0 } unit && canonical.EndsWith(unit, StringComparison.OrdinalIgnoreCase) ? canonical[..^unit.Length].TrimEnd() : canonical;
                if (decimal.TryParse(number, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)) canonical = value.ToString("0.############", CultureInfo.InvariantCulture);
                else problem = $"is no number: '{text}'. Write it with a decimal point{(Unit is null ? "" : $", in {Unit}")}";
                break;
            case AttributeType.Flag:
                canonical = canonical.ToLowerInvariant() switch { "yes" or "true" or "1" => "yes", "no" or "false" or "0" => "no", _ => "" };
                if (canonical.Length == 0) problem = $"is neither yes nor no: '{text}'";
                break;
            case AttributeType.Choice:
                canonical = Choose(canonical, ref problem);
                break;
            case AttributeType.List:
                var parts = canonical.Split([',', ';'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
                for (var i = 0; i < parts.Length; i++) parts[i] = Allowed.Count == 0 ? parts[i] : Choose(parts[i], ref problem);
                canonical = string.Join(", ", parts.Distinct(StringComparer.Ordinal));
                break;
            case AttributeType.Country:
                canonical = canonical.ToUpperInvariant();
                if (!Countries.Contains(canonical)) problem = $"is no country code of ISO 3166-1: '{text}'. Write two letters, e.g. PT";
                break;
            case AttributeType.HsCode:
                canonical = string.Concat(canonical.Where(c => c is not ('.' or ' ')));
                if (canonical.Length is < 6 or > 10 || !canonical.All(char.IsAsciiDigit)) problem = $"is no HS code: '{text}'. Write 6 to 10 digits, e.g. 610910";
                break;
            case AttributeType.Composition:
                canonical = Compose(canonical, out problem);
                break;
        }
        return problem is null;
    }

    string Choose(string text, ref string? problem)
    {
        if (Allowed.FirstOrDefault(allowed => string.Equals(allowed, text, StringComparison.OrdinalIgnoreCase)) is { } chosen) return chosen;
        problem ??= $"is none of {string.Join(", ", Allowed)}: '{text}'";
        return text;
    }

    [GeneratedRegex(@"\G[\s,;+/]*(?<share>\d{1,3}(?:[.,]\d{1,2})?)\s*%\s*(?<material>\p{L}[^%\d,;+/:\r\n]*)", RegexOptions.CultureInvariant)]
    private static partial Regex Part();

    [GeneratedRegex(@"^(?<label>[^%:;]{1,60}):(?<parts>.*)$", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex Section();

    static string Compose(string text, out string? problem)
    {
        problem = null;
        var sections = new List<(string Label, StringBuilder Parts)>();
        foreach (var piece in text.Split([';', '\n'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var labelled = Section().Match(piece);
            if (labelled.Success || sections.Count == 0) sections.Add((labelled.Success ? labelled.Groups["label"].Value.Trim() : "", new(labelled.Success ? labelled.Groups["parts"].Value : piece)));
            else sections[^1].Parts.Append(", ").Append(piece);
        }
        var said = new List<string>();
        foreach (var (label, parts) in sections)
        {
            var (at, sum, materials, body) = (0, 0m, new List<string>(), parts.ToString());
            for (var match = Part().Match(body); match.Success; match = match.NextMatch())
            {
                var share = decimal.Parse(match.Groups["share"].ValueSpan.ToString().Replace(',', '.'), CultureInfo.InvariantCulture);
                (at, sum) = (match.Index + match.Length, sum + share);
                materials.Add(string.Create(CultureInfo.InvariantCulture, $"{share:0.##}% {string.Join(' ', match.Groups["material"].Value.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))}"));
            }
            if (materials.Count == 0 || body.AsSpan(at).TrimEnd(" ,;+/\t").Length > 0)
                problem ??= $"is not materials in per cent: '{text}'. Write e.g. 98% cotton, 2% elastane";
            else if (sum != 100) problem ??= string.Create(CultureInfo.InvariantCulture, $"adds up to {sum:0.##} %{(label.Length > 0 ? $" in '{label}'" : "")}, not to 100 %: '{text}'");
            said.Add((label.Length > 0 ? label + ": " : "") + string.Join(", ", materials));
        }
        if (said.Count == 0) problem = "is empty";
        return string.Join("; ", said);
    }

    public bool SaysTheSameAs(AttributeDefinition other) =>
        (Name, Type, Unit) == (other.Name, other.Type, other.Unit) && Allowed.SequenceEqual(other.Allowed) && RequiredBy.SequenceEqual(other.RequiredBy);

    // Officially assigned codes of ISO 3166-1 alpha-2.
    static readonly HashSet<string> Countries = [.. """
        AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV
        CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM
        IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW
        MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS
        ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
        """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)];
}
