using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Selvedge.Platform;

/// <summary>One thing that is wrong with a request: where (JSON pointer, RFC 6901) and what was expected.</summary>
public sealed record Fault(string Pointer, string Detail);

/// <summary>
/// A JSON object of a request, read strictly: every wrong type, null, missing, too long or out-of-range member is noted with its JSON
/// pointer, all of them together become one 400 (<see cref="ThrowIfFaulty"/>). So is every member that nobody asked for: a
/// misspelt one is not left out unseen.
/// </summary>
public sealed class RequestFields
{
    const int MostFaults = 100;
    static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 32 };
    readonly JsonElement element;
    readonly string pointer;
    readonly List<Fault> faults;
    readonly Dictionary<string, RequestFields> read;
    readonly HashSet<string> asked;
    string[] shown;

    /// <param name="read">The objects of the request that were read, by pointer; read twice, one is asked for what both are.</param>
    RequestFields(JsonElement element, string pointer, List<Fault> faults, Dictionary<string, RequestFields> read)
    {
        (this.element, this.pointer, this.faults, this.read) = (element, pointer, faults, read);
        (asked, shown) = read.TryGetValue(pointer, out var before) ? (before.asked, before.shown) : (new(StringComparer.Ordinal), []);
        read[pointer] = this;
    }

    /// <summary>Reads a body.</summary>
    /// <param name="json">The body.</param>
    /// <param name="at">The pointer of the body itself, where it is part of something larger.</param>
    /// <exception cref="ProblemException">400 not UTF-8, not JSON, not an object.</exception>
    public static RequestFields Parse(ReadOnlyMemory<byte> json, string at = "")
    {
        if (json.Span.Trim(" \t\r\n"u8).IsEmpty) throw Invalid("", "The body is empty. Expected a JSON object.");
        if (!Utf8.IsValid(json.Span)) throw Invalid("", "The body is not UTF-8.");
        try
        {
            using var document = JsonDocument.Parse(json, Strict);
            var root = document.RootElement.Clone();
            return root.ValueKind == JsonValueKind.Object ? new(root, at, [], []) : throw Invalid(at, $"Expected a JSON object, got {Said(root)}.");
        }
        catch (JsonException error)
        {
            // A member that is there twice is an error without a place.
            throw Invalid("", error is { LineNumber: { } line, BytePositionInLine: { } place }
                ? $"The body is not JSON (line {line + 1}, byte {place + 1}): {error.Message.Split(" LineNumber:")[0]}"
                : $"The body is not valid JSON: {error.Message}");
        }
        catch (InvalidOperationException)
        {
            throw Invalid("", "A member's name is not well-formed text (lone surrogate).");
        }
    }

    /// <summary>Where this object stands in the body.</summary>
    public string Pointer => pointer;

    public bool Has(string name) => Find(name, out _);

    /// <summary>Notes a fault of the member <paramref name="name"/> (or of the object itself when it is empty).</summary>
    public void Add(string name, string detail)
    {
        Note(name.Length == 0 ? pointer : At(name), detail);
    }

    /// <summary>Notes a fault of the member or item <paramref name="child"/> of the member <paramref name="name"/>.</summary>
    public void Add(string name, string child, string detail)
    {
        Note(At(name) + Below(child), detail);
    }

    /// <summary>Members that answers have and requests may repeat, so that what GET answers can be PUT back; they are not read.</summary>
    public RequestFields Ignoring(params string[] shown)
    {
        this.shown = shown;
        return this;
    }

    /// <summary>To be called when all was asked for.</summary>
    /// <exception cref="ProblemException">400 with all faults, where there are any.</exception>
    public void ThrowIfFaulty()
    {
        foreach (var part in read.Values) part.RefuseOthers();
        if (faults.Count == 0) return;
        var first = faults[0];
        throw ProblemException.Invalid((first.Pointer.Length > 0 ? first.Pointer + ": " : "") + first.Detail + (faults.Count > 1 ? $" And {faults.Count - 1} more." : ""), faults);
    }

    /// <summary>Text that must be there: 1 to <paramref name="longest"/> characters, no control characters.</summary>
    public string Text(string name, int longest) => OptionalText(name, longest) ?? Missing(name, $"text of 1 to {longest} characters", "");

    public string? OptionalText(string name, int longest) =>
        Find(name, out var value) ? TextOf(value, At(name), longest) : null;

    /// <summary>A whole number; <paramref name="fallback"/> when the member is left out.</summary>
    public long Whole(string name, long least, long most, long fallback) => OptionalWhole(name, least, most) ?? fallback;

    public long? OptionalWhole(string name, long least, long most)
    {
        if (!Find(name, out var value)) return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) && number >= least && number <= most) return number;
        Add(name, $"Expected a whole number from {least} to {most}, got {Said(value)}.");
        return null;
    }

    /// <summary>Money (≥ 0) as a decimal string or number, in ten-thousandths.</summary>
    public long? OptionalMoney(string name)
    {
        if (!Find(name, out var value)) return null;
        var text = value.ValueKind switch { JsonValueKind.String => TextOf(value, At(name), 30), JsonValueKind.Number => value.GetRawText(), _ => "" };
        if (text is null) return null;
        if (Platform.Money.TryParse(text, out var amount) && amount >= 0) return amount;
        Add(name, $"Expected an amount of 0 or more with at most four decimals, e.g. \"49.90\", got {Said(value)}.");
        return null;
    }

    public bool Flag(string name, bool fallback)
    {
        if (!Find(name, out var value)) return fallback;
        if (value.ValueKind is JsonValueKind.True or JsonValueKind.False) return value.GetBoolean();
        Add(name, $"Expected true or false, got {Said(value)}.");
        return fallback;
    }

    /// <summary>One of the words of <typeparamref name="T"/> in camelCase.</summary>
    public T Word<T>(string name, T? fallback = null) where T : struct, Enum
    {
        var words = Enum.GetNames<T>();
        var expected = $"one of {string.Join(", ", words.Select(JsonNamingPolicy.CamelCase.ConvertName))}";
        if (!Find(name, out var value)) return fallback ?? Missing(name, expected, default(T));
        var text = value.ValueKind == JsonValueKind.String ? TextOf(value, At(name), 60) : "";
        foreach (var word in words)
            if (JsonNamingPolicy.CamelCase.ConvertName(word) == text) return Enum.Parse<T>(word);
        if (text is not null) Add(name, $"Expected {expected}, got {Said(value)}.");
        return fallback ?? default;
    }

    /// <summary>A list of different texts; empty when left out.</summary>
    public IReadOnlyList<string> Texts(string name, int most, int longest)
    {
        var texts = new List<string>();
        var index = 0;
        if (ListOf(name, most) is not { } items) return texts;
        foreach (var item in items.EnumerateArray())
        {
            var at = $"{At(name)}/{index++}";
            if (TextOf(item, at, longest) is not { } text) continue;
            if (texts.Contains(text)) Note(at, $"'{text}' is there twice.");
            texts.Add(text);
        }
        return texts;
    }

    /// <summary>A list whose items are texts or objects, with their places.</summary>
    public IEnumerable<(int Index, string? Text, RequestFields? Members)> TextsOrObjects(string name, int most, int longest)
    {
        if (ListOf(name, most) is not { } items) yield break;
        var index = 0;
        foreach (var item in items.EnumerateArray())
        {
            var at = $"{At(name)}/{index}";
            if (item.ValueKind == JsonValueKind.Object) yield return (index, null, new(item, at, faults, read));
            else if (TextOf(item, at, longest) is { } text) yield return (index, text, null);
            index++;
        }
    }

    /// <summary>An instant with its offset (RFC 3339), cut to milliseconds; a date alone is its first instant in UTC.</summary>
    public DateTimeOffset? Instant(string name)
    {
        if (OptionalText(name, 40) is not { } text) return null;
        if (InstantConverter.TryParse(text, out var at)) return at;
        Add(name, $"Expected an instant (RFC 3339), e.g. \"2026-11-23T09:15:00Z\", or a date, got {Short(text)}.");
        return null;
    }

    /// <summary>What texts there are in the list <paramref name="name"/>, to look them up beforehand; notes no fault.</summary>
    public IEnumerable<string> TextsOf(string name) => new RequestFields(element, pointer, [], []).Texts(name, 1000, 200);

    /// <summary>What texts there are in the object <paramref name="name"/>, to look them up beforehand; notes no fault.</summary>
    public IEnumerable<string> TextsWithin(string name) => new RequestFields(element, pointer, [], []).Object(name)?.TextMembers(200, 200).Select(member => member.Value) ?? [];

    /// <summary>The object <paramref name="name"/>; null when left out.</summary>
    public RequestFields? Object(string name) => Find(name, out var value) ? ObjectOf(value, At(name)) : null;

    /// <summary>The objects of the list <paramref name="name"/>; none when left out.</summary>
    public IEnumerable<RequestFields> Objects(string name, int most) => (ListOf(name, most)?.EnumerateArray() ?? default)
        .Select((item, index) => ObjectOf(item, $"{At(name)}/{index}")).OfType<RequestFields>();

    /// <summary>The members of this object that are objects themselves, by name.</summary>
    public IEnumerable<(string Name, RequestFields Value)> Members(int longestName) => Properties(longestName)
        .Select(member => (member.Name, ObjectOf(member.Value, At(member.Name)))).Where(member => member.Item2 is not null)!;

    /// <summary>The members of this object that are texts, by name; these may have line breaks.</summary>
    public IEnumerable<(string Name, string Value)> TextMembers(int longestName, int longest) => Properties(longestName)
        .Select(member => (member.Name, TextOf(member.Value, At(member.Name), longest, lines: true))).Where(member => member.Item2 is not null)!;

    IEnumerable<JsonProperty> Properties(int longestName)
    {
        foreach (var member in element.EnumerateObject())
        {
            asked.Add(member.Name);
            if (member.Name.Length >= 1 && member.Name.Length <= longestName && !member.Name.Any(char.IsControl)) yield return member;
            else Add("", $"Expected names of 1 to {longestName} characters without control characters, got '{Short(member.Name)}'.");
        }
    }

    JsonElement? ListOf(string name, int most)
    {
        if (!Find(name, out var value)) return null;
        if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() <= most) return value;
        Add(name, $"Expected a list of at most {most}, got {(value.ValueKind == JsonValueKind.Array ? $"one of {value.GetArrayLength()}" : Said(value))}.");
        return null;
    }

    RequestFields? ObjectOf(JsonElement value, string at)
    {
        if (value.ValueKind == JsonValueKind.Object) return new(value, at, faults, read);
        Note(at, $"Expected an object, got {Said(value)}.");
        return null;
    }

    string? TextOf(JsonElement value, string at, int longest, bool lines = false)
    {
        string? problem;
        try
        {
            if (value.ValueKind == JsonValueKind.String && value.GetString() is { } text)
            {
                if (text.Length >= 1 && text.Length <= longest && !text.Any(c => char.IsControl(c) && !(lines && c is '\r' or '\n' or '\t'))) return text;
                problem = text.Length == 0 || text.Length > longest ? $"{text.Length} characters" : "control characters in it";
            }
            else problem = Said(value);
        }
        catch (InvalidOperationException)
        {
            problem = "a lone surrogate in it";
        }
        Note(at, $"Expected text of 1 to {longest} characters, got {problem}.");
        return null;
    }

    T Missing<T>(string name, string expected, T stand)
    {
        // A member that is there but wrong was noted already.
        if (!Find(name, out _)) Add(name, $"Expected {expected}; it is missing.");
        return stand;
    }

    bool Find(string name, out JsonElement value)
    {
        asked.Add(name);
        return element.TryGetProperty(name, out value);
    }

    void RefuseOthers()
    {
        foreach (var member in element.EnumerateObject())
            if (!asked.Contains(member.Name) && !shown.Contains(member.Name)) Add(Short(member.Name), $"There is no such member. There are {string.Join(", ", asked.Order(StringComparer.Ordinal))}.");
    }

    // A member that is looked at twice has its fault once.
    void Note(string at, string detail)
    {
        var fault = new Fault(at, detail);
        if (faults.Count < MostFaults && !faults.Contains(fault)) faults.Add(fault);
    }

    string At(string name) => pointer + Below(name);

    static string Below(string name) => $"/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";

    static string Said(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => "null (leave the member out instead)",
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        _ => Short(value.GetRawText()),
    };

    static string Short(string text) => text.Length <= 40 ? text : text[..40] + "…";

    static ProblemException Invalid(string pointer, string detail) => ProblemException.Invalid(detail, [new Fault(pointer, detail)]);
}
