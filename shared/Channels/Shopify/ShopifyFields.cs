using System.Text.Json;
using Selvedge.Platform;

namespace Selvedge.Channels.Shopify;

/// <summary>
/// An object of a Shopify payload. Null and a missing member are the same there; ids are 64-bit numbers; money is decimal text, here and there
/// a number. What we need and cannot read is a fault with its JSON pointer; people's texts are cut, never refused.
/// </summary>
internal readonly struct ShopifyFields(JsonElement element, string pointer, List<Fault> faults)
{
    const int MostFaults = 20;

    /// <summary>Reads a payload: valid UTF-8, one JSON object.</summary>
    /// <exception cref="ProblemException">400 naming line and byte.</exception>
    public static JsonDocument Document(ReadOnlyMemory<byte> body)
    {
        if (!System.Text.Unicode.Utf8.IsValid(body.Span)) throw Malformed("The body is not UTF-8.");
        try
        {
            var document = JsonDocument.Parse(body, new() { AllowDuplicateProperties = false, MaxDepth = 32 });
            if (document.RootElement.ValueKind == JsonValueKind.Object) return document;
            document.Dispose();
        }
        catch (JsonException error)
        {
            // A member that is there twice is an error without a place.
            throw Malformed(error is { LineNumber: { } line, BytePositionInLine: { } place } ? $"The body is not JSON (line {line + 1}, byte {place + 1})." : "The body is not valid JSON: a member is there twice.");
        }
        catch (InvalidOperationException)
        {
            throw Malformed("A member's name has a lone surrogate.");
        }
        throw Malformed("Expected a JSON object.");
    }

    static ProblemException Malformed(string detail) => ProblemException.Invalid(detail, [new Fault("", detail)]);

    /// <summary>A 64-bit id as text.</summary>
    public string Id(string name)
    {
        if (Find(name) is { } value)
        {
            if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var id) && id > 0) return id.ToString(System.Globalization.CultureInfo.InvariantCulture);
            if (value.ValueKind == JsonValueKind.String && Text(value) is { Length: > 0 and <= 19 } text && text[0] != '0' && text.All(char.IsAsciiDigit)) return text;
        }
        return Fault(name, "Expected a positive 64-bit id.", "");
    }

    /// <summary>The last part of an id as GraphQL writes it (<c>gid://shopify/Order/12</c>), or of one that is a number; null when it is neither.</summary>
    public string? Tail(string name) => Find(name) switch
    {
        { ValueKind: JsonValueKind.Number } number => number.GetRawText(),
        { ValueKind: JsonValueKind.String } value when Text(value)?.Split('/')[^1] is { Length: > 0 and <= 19 } tail && tail.All(char.IsAsciiDigit) => tail,
        _ => null,
    };

    public string? Text(string name, int longest)
    {
        if (Find(name) is not { ValueKind: JsonValueKind.String } value || Text(value) is not { } text) return null;
        text = text.Trim();
        if (text.Length <= longest) return text.Length == 0 ? null : text;
        return text[..(char.IsHighSurrogate(text[longest - 1]) ? longest - 1 : longest)];
    }

    public long? Whole(string name, long least, long most)
    {
        if (Find(name) is not { } value) return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) && number >= least && number <= most
            ? number : Fault<long?>(name, $"Expected a whole number from {least} to {most}.", null);
    }

    /// <summary>Money ≥ 0 in ten-thousandths; null when it is not there.</summary>
    public long? Money(string name)
    {
        if (Find(name) is not { } value) return null;
        var text = value.ValueKind switch { JsonValueKind.String => Text(value), JsonValueKind.Number => value.GetRawText(), _ => null };
        return Platform.Money.TryParse(text, out var amount) && amount >= 0 ? amount : Fault<long?>(name, "Expected an amount of 0 or more with at most four decimals.", null);
    }

    public DateTimeOffset? Instant(string name)
    {
        if (Find(name) is not { } value) return null;
        return value.ValueKind == JsonValueKind.String && value.TryGetDateTimeOffset(out var at) && at.Year is >= 1990 and < 9999
            ? InstantConverter.Cut(at) : Fault<DateTimeOffset?>(name, "Expected an instant, e.g. 2026-11-23T09:15:00-05:00.", null);
    }

    public bool? Flag(string name) => Find(name)?.ValueKind switch { JsonValueKind.True => true, JsonValueKind.False => false, _ => null };

    public ShopifyFields? Object(string name) => Find(name) is { ValueKind: JsonValueKind.Object } value ? new(value, $"{pointer}/{name}", faults) : null;

    /// <summary>The objects of a list; none when it is not there.</summary>
    public List<ShopifyFields> Objects(string name, int most)
    {
        if (Find(name) is not { } value) return [];
        if (value.ValueKind != JsonValueKind.Array) return Fault<List<ShopifyFields>>(name, "Expected a list.", []);
        if (value.GetArrayLength() > most) return Fault<List<ShopifyFields>>(name, $"Expected at most {most}, got {value.GetArrayLength()}.", []);
        var objects = new List<ShopifyFields>(value.GetArrayLength());
        foreach (var item in value.EnumerateArray())
        {
            if (item.ValueKind == JsonValueKind.Object) objects.Add(new(item, $"{pointer}/{name}/{objects.Count}", faults));
            else return Fault<List<ShopifyFields>>($"{name}/{objects.Count}", "Expected an object.", []);
        }
        return objects;
    }

    public bool Has(string name) => Find(name) is not null;

    public T Fault<T>(string name, string detail, T stand)
    {
        if (faults.Count < MostFaults) faults.Add(new($"{pointer}/{name}", detail));
        return stand;
    }

    // An escape such as \ud800 alone is JSON, and no text: looking at a name or a value that has one throws.
    JsonElement? Find(string name)
    {
        try
        {
            return element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
        }
        catch (InvalidOperationException)
        {
            return Fault<JsonElement?>("", "A member's name has a lone surrogate.", null);
        }
    }

    string? Text(JsonElement value)
    {
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            return Fault<string?>("", "Has a lone surrogate.", null);
        }
    }
}
