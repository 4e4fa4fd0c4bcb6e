using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Selvedge.Local.Cosmos.Sql;

/// <summary>
/// Reads JSON strings. Half of a surrogate pair, written as an escape, is valid JSON but no text: it is read as U+FFFD, so that one
/// such item does not fail every query that meets it.
/// </summary>
internal static class SqlText
{
    public static string Read(JsonElement json)
    {
        try
        {
            return json.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return Repaired(json.GetRawText());
        }
    }

    public static string Read(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return Repaired($"\"{Encoding.UTF8.GetString(reader.ValueSpan)}\"");
        }
    }

    private static string Repaired(string raw)
    {
        var text = new StringBuilder(raw.Length);
        for (var at = 0; at < raw.Length; at++)
        {
            if (raw[at] != '\\')
            {
                text.Append(raw[at]);
            }
            else if (raw[at + 1] != 'u')
            {
                text.Append(raw, at++, 2);
            }
            else if (char.IsHighSurrogate(Unit(raw, at)) && char.IsLowSurrogate(Unit(raw, at + 6)))
            {
                text.Append(raw, at, 12);
                at += 11;
            }
            else
            {
                text.Append(char.IsSurrogate(Unit(raw, at)) ? "\\uFFFD" : raw.AsSpan(at, 6));
                at += 5;
            }
        }

        using var repaired = JsonDocument.Parse(text.ToString());
        return repaired.RootElement.GetString()!;
    }

    /// <summary>The UTF-16 unit of an escape at that place; NUL when there is none.</summary>
    private static char Unit(string raw, int at) =>
        at + 6 <= raw.Length && raw[at] == '\\' && raw[at + 1] == 'u' ? (char)ushort.Parse(raw.AsSpan(at + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) : '\0';
}
