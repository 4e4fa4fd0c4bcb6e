using System.Globalization;
using Selvedge.Catalogue;
using Selvedge.Platform;

namespace Selvedge.Imports;

/// <summary>
/// The columns of a file by what they mean, and the reading of their fields. Headings match without regard to case, blanks, <c>_</c> and <c>-</c>.
/// One that is not known is an error and not silently an attribute: a misspelt <c>barcod</c> would otherwise lose every barcode.
/// </summary>
public sealed class Columns
{
    readonly Dictionary<string, int> places = new(StringComparer.Ordinal);
    readonly CsvFile file;
    readonly ImportErrors errors;

    /// <param name="file">The file; its heading is judged here.</param>
    /// <param name="known">Each column with its other spellings, e.g. <c>colour|color</c>; a <c>*</c> in front: must be there.</param>
    /// <param name="attributes">Whether <c>attribute:&lt;name&gt;</c>, <c>price:&lt;currency&gt;</c> and <c>compareAt:&lt;currency&gt;</c> columns are taken.</param>
    /// <param name="errors">Where faults go.</param>
    public Columns(CsvFile file, string[] known, bool attributes, ImportErrors errors)
    {
        (this.file, this.errors) = (file, errors);
        var spellings = known.SelectMany(column => column.TrimStart('*').Split('|').Select(spelling => (spelling, Name: column.TrimStart('*').Split('|')[0])))
            .ToDictionary(pair => Plain(pair.spelling), pair => pair.Name, StringComparer.Ordinal);
        for (var i = 0; i < file.Header.Length; i++)
        {
            var heading = file.Header[i];
            var name = heading;
            if (heading.Length == 0) { Fault(i, "The column has no heading. Name it or remove it."); continue; }
            if (attributes && heading.StartsWith("attribute:", StringComparison.OrdinalIgnoreCase))
            {
                name = heading[10..].Trim();
                if (name.Length is 0 or > 60 || name.Any(char.IsControl)) { Fault(i, "An attribute's name has 1 to 60 characters, e.g. attribute:fabric."); continue; }
                if (Attributes.Any(attribute => attribute.Name == name)) { Fault(i, $"The attribute '{name}' is there twice."); continue; }
                Attributes.Add((name, i));
            }
            else if (attributes && heading.IndexOf(':') is > 0 and var colon && Plain(heading[..colon]) is "price" or "compareat")
            {
                name = heading[(heading.IndexOf(':') + 1)..].Trim();
                if (!StyleRequest.IsCurrency(name)) Fault(i, "A currency has three capital letters (ISO 4217), e.g. price:USD.");
                else if (!places.TryAdd($"{Plain(heading[..heading.IndexOf(':')])}:{name}", i)) Fault(i, $"The column '{heading}' is there twice.");
                else if (!Currencies.Contains(name)) Currencies.Add(name);
            }
            else if (!spellings.TryGetValue(Plain(heading), out name!))
            {
                var near = spellings.Keys.FirstOrDefault(spelling => IsNear(spelling, Plain(heading)));
                Fault(i, $"The column '{Short(heading)}' is not known.{(near is null ? "" : $" Did you mean '{spellings[near]}'?")}{(attributes ? $" To keep it as an attribute, name it 'attribute:{Short(heading)}'." : "")} Known are: {string.Join(", ", spellings.Values.Distinct())}.");
            }
            else if (!places.TryAdd(name, i)) Fault(i, $"The column '{name}' is there twice.");
        }
        foreach (var name in known.Where(column => column[0] == '*').Select(column => column[1..].Split('|')[0]))
            if (!places.ContainsKey(name)) errors.Add(file.HeaderLine, 0, name, null, $"The column '{name}' is missing.");
    }

    /// <summary>Attribute columns with their places, from 0.</summary>
    public List<(string Name, int Place)> Attributes { get; } = [];

    /// <summary>Currencies that have a price or compareAt column of their own: columns <c>price:&lt;currency&gt;</c> and <c>compareat:&lt;currency&gt;</c>.</summary>
    public List<string> Currencies { get; } = [];

    public bool Has(string name) => places.ContainsKey(name);

    /// <summary>The field's text, "" where there is no such column.</summary>
    public string this[CsvRow row, string name] => places.TryGetValue(name, out var place) ? row.Fields[place] : "";

    /// <summary>Notes an error of a field.</summary>
    public void Fault(CsvRow row, string name, string message) => Fault(row.Line, name, this[row, name], message);

    public void Fault(int line, string name, string? value, string message)
    {
        var (column, heading) = places.TryGetValue(name, out var place) ? (place + 1, file.Header[place]) : (0, name);
        errors.Add(line, column, heading, value is { Length: > 0 } ? value : null, message);
    }

    /// <summary>Notes what the catalogue objects to, unless the file's own errors say something of that field already.</summary>
    public void Note(Objection objection)
    {
        var line = objection.At.Length == 0 ? file.HeaderLine : int.Parse(objection.At, CultureInfo.InvariantCulture);
        var column = objection.Column.Split('/')[0];
        var (place, heading) = column.StartsWith("attribute:", StringComparison.Ordinal) && Attributes.Find(attribute => attribute.Name == column[10..]) is { Name: not null } attribute ? (attribute.Place + 1, file.Header[attribute.Place])
            : places.TryGetValue(column, out var known) ? (known + 1, file.Header[known]) : (0, column);
        if (!errors.Has(line, heading)) errors.Add(line, place, heading, null, objection.Detail);
    }

    /// <summary>Words: line breaks and runs of blanks become one blank. Null where empty; <paramref name="required"/>: then an error.</summary>
    public string? Words(CsvRow row, string name, int longest, bool required = false)
    {
        var text = this[row, name];
        if (text.AsSpan().IndexOfAny('\r', '\n', '\t') >= 0) text = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        if (text.Length == 0)
        {
            if (required) Fault(row, name, "It is empty.");
            return null;
        }
        if (text.Length > longest) Fault(row, name, $"It has {text.Length} characters; at most {longest} are allowed.");
        else if (text.FirstOrDefault(char.IsControl) is var bad && text.Any(char.IsControl)) Fault(row, name, $"It has the control character U+{(int)bad:X4}.");
        else return text;
        return required ? "" : null;
    }

    /// <summary>An attribute's text: line breaks are kept.</summary>
    public string? Attribute(CsvRow row, (string Name, int Place) column)
    {
        var text = row.Fields[column.Place];
        var bad = text.FirstOrDefault(c => char.IsControl(c) && c is not ('\r' or '\n' or '\t'));
        if (text.Length > 500 || text.Any(c => char.IsControl(c) && c is not ('\r' or '\n' or '\t')))
            errors.Add(row.Line, column.Place + 1, file.Header[column.Place], text, text.Length > 500 ? $"It has {text.Length} characters; at most 500 are allowed." : $"It has the control character U+{(int)bad:X4}.");
        return text.Length == 0 ? null : text;
    }

    /// <summary>An amount of 0 or more, in ten-thousandths; null where empty.</summary>
    public long? Amount(CsvRow row, string name)
    {
        var text = this[row, name];
        if (text.Length == 0) return null;
        if (Money.TryParse(text, out var amount) && amount >= 0) return amount;
        Fault(row, name, text switch
        {
            _ when Gtin.LooksLikeExcel(text) => "A spreadsheet wrote it as a power of ten. Format the column as a number with two decimals.",
            _ when amount < 0 => "It is negative.",
            _ when Money.TryParse(text.Replace(',', '.'), out _) => $"Write the decimals with a point: {text.Replace(',', '.')}.",
            _ when decimal.TryParse(text, NumberStyles.Number, CultureInfo.InvariantCulture, out var number) =>
                number < 0 ? "It is negative." : Math.Abs(number) > 1_000_000_000m ? "It is more than a thousand million." : text.Contains(',', StringComparison.Ordinal) ? "Write it without separators of thousands, e.g. 1249.90." : "It has more than four decimals.",
            _ => "It is not an amount. Write it as a plain number without a currency, e.g. 49.90.",
        });
        return null;
    }

    /// <summary>A whole number from 0 to <paramref name="most"/>; null where empty.</summary>
    public long? Whole(CsvRow row, string name, long most)
    {
        var text = this[row, name];
        if (text.Length == 0) return null;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= most) return number;
        Fault(row, name, text switch
        {
            _ when Gtin.LooksLikeExcel(text) => "A spreadsheet wrote it as a power of ten. Format the column as a whole number.",
            _ when text[0] == '-' => "It is negative.",
            _ when decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) => value != decimal.Truncate(value) || text.Contains('.', StringComparison.Ordinal) ? "It has a fraction; only whole units count." : $"It is more than {most}.",
            _ when text.All(char.IsAsciiDigit) => $"It is more than {most}.",
            _ => "It is not a whole number. Write digits only.",
        });
        return null;
    }

    void Fault(int place, string message) => errors.Add(file.HeaderLine, place + 1, Short(file.Header[place]), null, message);

    static string Plain(string heading) => string.Concat(heading.Where(c => !char.IsWhiteSpace(c) && c is not ('_' or '-'))).ToLowerInvariant();
    static string Short(string text) => text.Length <= 40 ? text : text[..(char.IsHighSurrogate(text[39]) ? 39 : 40)] + "…";

    // One letter too many, too few or different.
    static bool IsNear(string known, string given)
    {
        if (Math.Abs(known.Length - given.Length) > 1 || known.Length < 3) return false;
        var prefix = known.AsSpan().CommonPrefixLength(given);
        return known.Length == given.Length ? known.AsSpan(prefix + 1).SequenceEqual(given.AsSpan(prefix + 1))
            : known.Length > given.Length ? known.AsSpan(prefix + 1).SequenceEqual(given.AsSpan(prefix)) : known.AsSpan(prefix).SequenceEqual(given.AsSpan(prefix + 1));
    }
}
