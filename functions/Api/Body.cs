using System.Text.Json;
using System.Text.RegularExpressions;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Selvedge.Platform;

namespace Selvedge.Functions.Api;

/// <summary>Reads a request's body as JSON, and says of a bad one what is wrong and where (RFC 6901 pointers).</summary>
public static partial class Body
{
    /// <summary>Largest JSON body, in bytes, where an endpoint does not say otherwise.</summary>
    public const int Limit = 1024 * 1024;

    /// <summary>The whole body.</summary>
    /// <exception cref="ProblemException">413: it is longer than <paramref name="limit"/> bytes.</exception>
    public static async Task<ReadOnlyMemory<byte>> BytesAsync(this HttpRequest request, int limit = Limit)
    {
        if (request.ContentLength > limit) throw TooLarge(limit);
        // One byte more than a stated length, so that the end is seen without growing.
        var bytes = new byte[request.ContentLength + 1 ?? Math.Min(4096, limit + 1)];
        var length = 0;
        while (await request.Body.ReadAsync(bytes.AsMemory(length), request.HttpContext.RequestAborted) is > 0 and var read)
        {
            length += read;
            if (length > limit) throw TooLarge(limit);
            if (length == bytes.Length) Array.Resize(ref bytes, Math.Min(2 * length, limit + 1));
        }
        return bytes.AsMemory(0, length);
    }

    /// <summary>The body as <typeparamref name="T"/>.</summary>
    /// <exception cref="ProblemException">400 not JSON of that shape, with pointers; 413 too long.</exception>
    public static async Task<T> ReadAsync<T>(this HttpRequest request, int limit = Limit) => Parse<T>((await request.BytesAsync(limit)).Span);

    /// <summary>JSON text as <typeparamref name="T"/>.</summary>
    /// <exception cref="ProblemException">400, with pointers.</exception>
    public static T Parse<T>(ReadOnlySpan<byte> utf8)
    {
        if (utf8.IsEmpty) throw ProblemException.Invalid("The request has no body; it takes a JSON object.");
        if (!Utf8.IsValid(utf8)) throw ProblemException.Invalid($"The body is not valid UTF-8 (at byte {FirstInvalid(utf8)}).");
        try
        {
            return JsonSerializer.Deserialize<T>(utf8, Json.Options) ?? throw ProblemException.Invalid("The body is null; it takes a JSON object.");
        }
        catch (JsonException malformed)
        {
            throw Problem(malformed);
        }
    }

    /// <summary>What is wrong with the JSON and where, without our type names.</summary>
    public static ProblemException Problem(JsonException malformed)
    {
        var pointer = Pointer(malformed.Path);
        var reason = malformed.Message.Split(" Path: ", 2)[0].Split(" LineNumber: ", 2)[0];
        if (Missing().Match(reason) is { Success: true } missing) reason = $"Required and missing: {missing.Groups[1].Value.TrimEnd('.')}.";
        else if (reason.Contains("doesn't allow", StringComparison.Ordinal)) reason = "Must not be null.";
        else if (Unexpected().Match(reason) is { Success: true } type) reason = $"Must be {Expected(type.Groups[1].Value)}.";
        var place = malformed.LineNumber is { } line ? $" (line {line + 1}, byte {malformed.BytePositionInLine + 1})" : "";
        return ProblemException.Invalid(pointer.Length > 0 ? $"{pointer}: {reason}{place}" : reason + place, [new { pointer, detail = reason }]);
    }

    /// <summary>413.</summary>
    public static ProblemException TooLarge(int? limit = null) => new(413, "too-large", "The body is too large",
        limit is null ? "The body is larger than this takes. Send it in parts." : $"The body is larger than {limit} bytes. Send it in parts.");

    static string Expected(string type) => type switch
    {
        _ when type.Contains("Int64", StringComparison.Ordinal) || type.Contains("Int32", StringComparison.Ordinal) => "a whole number, without quotes, fraction or exponent",
        _ when type.Contains("List", StringComparison.Ordinal) || type.Contains("[]", StringComparison.Ordinal) => "a list",
        _ when type.Contains("Boolean", StringComparison.Ordinal) => "true or false",
        _ when type.Contains("String", StringComparison.Ordinal) => "text",
        _ when type.Contains("DateTimeOffset", StringComparison.Ordinal) => "an instant as RFC 3339 text",
        _ when Type.GetType(type) is null && EnumNames(type) is { } names => $"one of: {names}",
        _ => "an object",
    };

    static string? EnumNames(string type)
    {
        var name = type.Split('[', 2)[^1].TrimEnd(']').Split(',')[0];
        var found = typeof(Body).Assembly.GetType(name) ?? typeof(Json).Assembly.GetType(name);
        return found is { IsEnum: true } ? string.Join(", ", Enum.GetNames(found).Select(JsonNamingPolicy.CamelCase.ConvertName)) : null;
    }

    // "$.lines[0].sku" and "$['odd name']" as a JSON pointer.
    static string Pointer(string? path)
    {
        if (path is null) return "";
        return string.Concat(Steps().Matches(path).Select(step => "/" + (step.Groups[1].Success ? step.Groups[1] : step.Groups[2].Success ? step.Groups[2] : step.Groups[3])
            .Value.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)));
    }

    static int FirstInvalid(ReadOnlySpan<byte> utf8)
    {
        var at = 0;
        while (System.Text.Rune.DecodeFromUtf8(utf8[at..], out _, out var consumed) == System.Buffers.OperationStatus.Done) at += consumed;
        return at;
    }

    [GeneratedRegex(@"\.([^.\[\]]+)|\[(\d+)\]|\['(.+?)'\]")]
    private static partial Regex Steps();

    [GeneratedRegex("missing required properties including: (.+)$")]
    private static partial Regex Missing();

    [GeneratedRegex("could not be converted to ([^ ]+)")]
    private static partial Regex Unexpected();
}
