using System.Text;

namespace Selvedge.Imports;

/// <summary>
/// Several things in one field of a file (codes, components, images, materials): one a line, their parts separated by <c>|</c>; <c>\</c> before a
/// <c>|</c>, another <c>\</c> or an <c>n</c> (a line break) takes it as text. What is joined is split into the same again; empty parts at the end are left out.
/// </summary>
public static class CellList
{
    public static string Join(IEnumerable<string?[]> items)
    {
        var text = new StringBuilder();
        foreach (var item in items)
        {
            if (text.Length > 0) text.Append('\n');
            var parts = item.AsSpan();
            while (parts.Length > 1 && string.IsNullOrEmpty(parts[^1])) parts = parts[..^1];
            for (var i = 0; i < parts.Length; i++)
            {
                if (i > 0) text.Append('|');
                foreach (var c in parts[i] ?? "") _ = c switch { '\\' or '|' => text.Append('\\').Append(c), '\n' => text.Append("\\n"), _ => text.Append(c) };
            }
        }
        return text.ToString();
    }

    public static IReadOnlyList<string[]> Split(string text)
    {
        var (items, parts, part) = (new List<string[]>(), new List<string>(), new StringBuilder());
        for (var i = 0; i <= text.Length; i++)
        {
            var c = i < text.Length ? text[i] : '\n';
            if (c == '\\' && i + 1 < text.Length && text[i + 1] is '\\' or '|' or 'n') part.Append(text[++i] == 'n' ? '\n' : text[i]);
            else if (c is not ('|' or '\n')) part.Append(c);
            else
            {
                parts.Add(part.ToString().Trim());
                part.Clear();
                if (c == '|') continue;
                if (parts.Exists(each => each.Length > 0)) items.Add([.. parts]);
                parts.Clear();
            }
        }
        return items;
    }
}
