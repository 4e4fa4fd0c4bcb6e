using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Selvedge.Imports;

/// <summary>One record: the line it begins on (from 1), its fields, without surrounding blanks, and where it begins (for <see cref="CsvFile.Again"/>).</summary>
public readonly record struct CsvRow(int Line, string[] Fields, int At = 0);

/// <summary>
/// A CSV file as spreadsheets write it (RFC 4180): UTF-8 with or without a byte order mark; <c>,</c> <c>;</c> or tab, found from the heading;
/// any line ending; quoted fields with line breaks. Reads on after an error so that all of them are told. A quote within an unquoted field
/// (<c>28"</c>) is taken as it is; lines without any value are skipped. The apostrophe that <see cref="Safe"/> puts before what a spreadsheet
/// would run as a formula is taken off. Fields are read from the bytes one record at a time: the file is never there a second time as text.
/// </summary>
public sealed class CsvFile
{
    const int MostPooled = 20_000, LongestPooled = 40, LongestShort = 512;
    static readonly SearchValues<byte> LineEnds = SearchValues.Create("\r\n"u8);
    readonly HashSet<string> pool = new(StringComparer.Ordinal);
    readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> pooled;
    readonly List<string> fields = [];
    readonly ArrayBufferWriter<byte> unquoted = new();
    readonly ReadOnlyMemory<byte> bytes;
    readonly byte delimiter;
    readonly ImportErrors errors;
    int at, line = 1;

    CsvFile(ReadOnlyMemory<byte> bytes, byte delimiter, ImportErrors errors)
    {
        (this.bytes, this.delimiter, this.errors) = (bytes, delimiter, errors);
        pooled = pool.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>The headings as they stand in the file.</summary>
    public string[] Header { get; private set; } = [];
    public int HeaderLine { get; private set; } = 1;

    /// <summary>Opens a file; null when it cannot be read as text at all (<paramref name="errors"/> then says why and where).</summary>
    public static CsvFile? Open(ReadOnlyMemory<byte> bytes, ImportErrors errors)
    {
        var heading = bytes.Span;
        if (heading.StartsWith<byte>([0xFF, 0xFE]) || heading.StartsWith<byte>([0xFE, 0xFF])) return Unreadable(errors, "The file is UTF-16. Save it as 'CSV UTF-8'.");
        if (heading.StartsWith("PK"u8)) return Unreadable(errors, "The file is an Excel workbook or a ZIP archive. Save the sheet as 'CSV UTF-8'.");
        if (heading.StartsWith<byte>([0xEF, 0xBB, 0xBF])) heading = (bytes = bytes[3..]).Span;
        if (!Utf8.IsValid(heading))
        {
            NoteInvalid(heading, errors);
            return null;
        }
        if (heading.IndexOfAny(LineEnds) is >= 0 and var end) heading = heading[..end];
        var file = new CsvFile(bytes, Delimiter(heading), errors);
        // Excel's own hint, "sep=;", is a line before the heading.
        if (heading.Length == 5 && Ascii.EqualsIgnoreCase(heading[..4], "sep="u8) && heading[4] is (byte)',' or (byte)';' or (byte)'\t')
        {
            file = new CsvFile(bytes, heading[4], errors);
            file.NextRecord(out _);
        }
        if (!file.NextRecord(out var header)) return Unreadable(errors, "The file is empty. Its first line must name the columns.");
        (file.Header, file.HeaderLine) = (header.Fields, header.Line);
        return file;
    }

    /// <summary>The next record with as many fields as the heading; false at the end. One with fewer or more is an error and passed over.</summary>
    public bool Next(out CsvRow row)
    {
        while (NextRecord(out row))
        {
            var surplus = row.Fields.Length - Header.Length;
            // A spreadsheet ends lines with empty fields where another line was longer.
            if (surplus > 0 && row.Fields.AsSpan(Header.Length).IndexOfAnyExcept("") < 0) (row, surplus) = (row with { Fields = row.Fields[..Header.Length] }, 0);
            if (surplus == 0) return true;
            errors.Add(row.Line, Math.Min(row.Fields.Length, Header.Length) + (surplus > 0 ? 1 : 0), null, null,
                $"The line has {row.Fields.Length} field{(row.Fields.Length == 1 ? "" : "s")}, the heading {Header.Length}. Quote fields that contain '{(delimiter == '\t' ? "tab" : (char)delimiter)}' or line breaks.");
        }
        return false;
    }

    /// <summary>Reads a record that was read before once more.</summary>
    public CsvRow Again(int at, int line)
    {
        (this.at, this.line) = (at, line);
        NextRecord(out var row);
        return row.Fields.Length > Header.Length ? row with { Fields = row.Fields[..Header.Length] } : row;
    }

    /// <summary>Text that a spreadsheet would run as a formula (it begins with <c>= + - @</c> or a tab or carriage return, after any apostrophes), with an apostrophe
    /// before it; other text as it is. Source: OWASP, "CSV Injection".</summary>
    public static string Safe(string text) => IsFormula(text) ? "'" + text : text;

    static bool IsFormula(ReadOnlySpan<char> text) => text.TrimStart('\'') is ['=' or '+' or '-' or '@' or '\t' or '\r', ..];

    bool NextRecord(out CsvRow row)
    {
        while (at < bytes.Length)
        {
            var (begins, offset) = (line, at);
            fields.Clear();
            do fields.Add(Field()); while (Skip(delimiter));
            EndLine();
            if (fields.TrueForAll(field => field.Length == 0)) continue;
            row = new(begins, [.. fields], offset);
            return true;
        }
        row = default;
        return false;
    }

    string Field()
    {
        var rest = bytes.Span[at..];
        if (rest.Length > 0 && rest[0] == '"') return Quoted();
        var end = rest.IndexOfAny(delimiter, (byte)'\r', (byte)'\n');
        if (end < 0) end = rest.Length;
        at += end;
        return Text(rest[..end]);
    }

    string Quoted()
    {
        var (opened, column) = (line, fields.Count + 1);
        unquoted.ResetWrittenCount();
        at++;
        while (true)
        {
            var rest = bytes.Span[at..];
            var end = rest.IndexOf((byte)'"');
            if (end < 0)
            {
                errors.Add(opened, column, Header.ElementAtOrDefault(column - 1), null, "The quote that opens here is never closed.");
                at = bytes.Length;
                return Text(rest[..Math.Min(rest.Length, LongestShort)]);
            }
            line += LineBreaks(rest[..end]);
            unquoted.Write(rest[..end]);
            at += end + 1;
            if (!Skip((byte)'"')) break;
            unquoted.Write("\""u8);
        }
        if (at < bytes.Length && bytes.Span[at] is var next && next != delimiter && next is not ((byte)'\r' or (byte)'\n'))
        {
            errors.Add(line, column, Header.ElementAtOrDefault(column - 1), null, "There is text after the closing quote. Double the quotes that belong to the text.");
            var rest = bytes.Span[at..].IndexOfAny(delimiter, (byte)'\r', (byte)'\n');
            at = rest < 0 ? bytes.Length : at + rest;
        }
        return Text(unquoted.WrittenSpan);
    }

    string Text(ReadOnlySpan<byte> field)
    {
        if (field.Length > LongestShort) return Bare(Encoding.UTF8.GetString(field)).ToString();
        Span<char> characters = stackalloc char[LongestShort];
        return Pooled(Bare(characters[..Encoding.UTF8.GetChars(field, characters)]));
    }

    static ReadOnlySpan<char> Bare(ReadOnlySpan<char> field)
    {
        field = field.Trim();
        return field is ['\'', ..] && IsFormula(field) ? field[1..] : field;
    }

    // Styles, colours and sizes come again and again: one string for each.
    string Pooled(ReadOnlySpan<char> field)
    {
        if (field.Length == 0) return "";
        if (field.Length > LongestPooled) return field.ToString();
        if (pooled.TryGetValue(field, out var known)) return known;
        var made = field.ToString();
        if (pool.Count < MostPooled) pool.Add(made);
        return made;
    }

    bool Skip(byte c)
    {
        if (at >= bytes.Length || bytes.Span[at] != c) return false;
        at++;
        return true;
    }

    void EndLine()
    {
        if (at >= bytes.Length) return;
        if (!Skip((byte)'\r')) Skip((byte)'\n');
        else Skip((byte)'\n');
        line++;
    }

    // The line ending that is two characters counts once.
    static int LineBreaks(ReadOnlySpan<byte> text) => text.Count((byte)'\n') + text.Count((byte)'\r') - text.Count("\r\n"u8);

    static byte Delimiter(ReadOnlySpan<byte> heading)
    {
        var (comma, semicolon, tab) = (heading.Count((byte)','), heading.Count((byte)';'), heading.Count((byte)'\t'));
        return (byte)(tab > comma && tab >= semicolon ? '\t' : semicolon > comma ? ';' : ',');
    }

    static void NoteInvalid(ReadOnlySpan<byte> bytes, ImportErrors errors)
    {
        int at = 0, line = 1, lineStart = 0, noted = 0;
        while (at < bytes.Length)
        {
            var status = Rune.DecodeFromUtf8(bytes[at..], out _, out var length);
            if (status != OperationStatus.Done && noted != line)
            {
                noted = line;
                errors.Add(line, 0, null, null, $"Byte {at - lineStart + 1} of the line (0x{bytes[at]:X2}, byte {at + 1:N0} of the file) is not UTF-8. Save the file as 'CSV UTF-8'; it may be Windows-1252.");
            }
            if (bytes[at] == '\n') (line, lineStart) = (line + 1, at + 1);
            at += length;
        }
    }

    static CsvFile? Unreadable(ImportErrors errors, string message)
    {
        errors.Add(1, 0, null, null, message);
        return null;
    }
}
