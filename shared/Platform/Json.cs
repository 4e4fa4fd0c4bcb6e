using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Selvedge.Platform;

/// <summary>How everything is written as JSON, in storage and over HTTP: camelCase, enums as camelCase words, instants as RFC 3339 UTC
/// with milliseconds, nothing written for null. Money over HTTP is a decimal string (<see cref="Money"/>).</summary>
public static class Json
{
    public static JsonSerializerOptions Options { get; } = Create();

    static JsonSerializerOptions Create()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web)
        {
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            NumberHandling = JsonNumberHandling.Strict,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            ReadCommentHandling = JsonCommentHandling.Disallow,
            AllowTrailingCommas = false,
            AllowDuplicateProperties = false,
            RespectNullableAnnotations = true,
        };
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false));
        options.Converters.Add(new InstantConverter());
        return options;
    }
}

/// <summary>An instant as RFC 3339 UTC text with exactly three decimals, so that text order is time order. Reading accepts any offset.</summary>
public sealed class InstantConverter : JsonConverter<DateTimeOffset>
{
    const string Format = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    public static string Text(DateTimeOffset at) => at.UtcDateTime.ToString(Format, CultureInfo.InvariantCulture);

    /// <summary>The instant cut to whole milliseconds, as it will be read back.</summary>
    public static DateTimeOffset Cut(DateTimeOffset at) => new(at.UtcTicks - at.UtcTicks % TimeSpan.TicksPerMillisecond, TimeSpan.Zero);

    /// <summary>Reads an instant with its offset (RFC 3339), or a date: its first instant in UTC.</summary>
    public static bool TryParse(string text, out DateTimeOffset at)
    {
        at = default;
        if (DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day))
        {
            at = new(day.ToDateTime(default), TimeSpan.Zero);
            return true;
        }
        var hasOffset = text.Length >= 20 && text[10] == 'T' && (text[^1] == 'Z' || (text[^6] is '+' or '-' && text[^3] == ':'));
        if (!hasOffset || !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out at)) return false;
        at = Cut(at);
        return true;
    }

    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out var at)
            ? at.ToUniversalTime()
            : throw new JsonException("An instant must be RFC 3339 text, e.g. 2026-11-23T09:15:00Z.");

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options)
    {
        Span<char> text = stackalloc char[24];
        value.UtcDateTime.TryFormat(text, out var length, Format, CultureInfo.InvariantCulture);
        writer.WriteStringValue(text[..length]);
    }
}

/// <summary>Money: in storage a whole number of ten-thousandths of its currency; over HTTP and in files a decimal string.</summary>
public static class Money
{
    public const long Scale = 10_000;
    const decimal Largest = 1_000_000_000m;

    /// <summary>Reads a plain decimal with at most four decimals and at most a thousand million either way, e.g. "49.90"; false otherwise.</summary>
    public static bool TryParse(string? text, out long tenThousandths)
    {
        tenThousandths = 0;
        if (!decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)) return false;
        if (Math.Abs(value) > Largest || value * Scale != decimal.Truncate(value * Scale)) return false;
        tenThousandths = (long)(value * Scale);
        return true;
    }

    /// <summary>The shortest decimal text with at least two decimals: 499000 → "49.90", 12345 → "1.2345".</summary>
    public static string Text(long tenThousandths) => (tenThousandths / (decimal)Scale).ToString("0.00##", CultureInfo.InvariantCulture);
}

/// <summary>Writes a count of ten-thousandths as a decimal string, and reads such a string or a JSON number.</summary>
public sealed class MoneyConverter : JsonConverter<long>
{
    public override long Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var text = reader.TokenType switch
        {
            JsonTokenType.String => reader.GetString(),
            JsonTokenType.Number when reader.TryGetDecimal(out var number) => number.ToString(CultureInfo.InvariantCulture),
            _ => null,
        };
        return Money.TryParse(text, out var value) ? value : throw new JsonException("Money must be a decimal with at most four decimals, e.g. \"49.90\".");
    }

    public override void Write(Utf8JsonWriter writer, long value, JsonSerializerOptions options) => writer.WriteStringValue(Money.Text(value));
}
