using System.Globalization;
using Microsoft.AspNetCore.Http;
using Selvedge.Platform;

namespace Selvedge.Functions.Api;

/// <summary>Reads a request's query and writes answers the way all endpoints do.</summary>
public static class Request
{
    /// <summary>Most items in one page of a list.</summary>
    public const int LargestPage = 1000;

    /// <summary>Largest JSON body, in bytes, where an endpoint does not say otherwise.</summary>
    public const int BodyLimit = 1024 * 1024;

    /// <summary>The body as a JSON object, to be read member by member; with <paramref name="optional"/>, no body is an object without members.</summary>
    /// <exception cref="ProblemException">400 not UTF-8, not JSON, not an object; 413 too long.</exception>
    public static async Task<RequestFields> FieldsAsync(this HttpRequest request, int limit = BodyLimit, bool optional = false)
    {
        var bytes = await request.BytesAsync(limit);
        return RequestFields.Parse(optional && bytes.IsEmpty ? "{}"u8.ToArray() : bytes);
    }

    /// <summary>The whole body.</summary>
    /// <exception cref="ProblemException">413: it is longer than <paramref name="limit"/> bytes.</exception>
    public static async Task<ReadOnlyMemory<byte>> BytesAsync(this HttpRequest request, int limit = BodyLimit)
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

    /// <summary>The query's <c>limit</c> (1 to 1000, 100 when not given) and <c>continuation</c>.</summary>
    /// <exception cref="ProblemException">400: the limit is no such number, or a parameter is given twice.</exception>
    public static (int Limit, string? Continuation) Page(this HttpRequest request)
    {
        var limit = 100;
        if (request.Parameter("limit") is { } text && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > LargestPage))
        {
            throw BadParameter("limit", $"must be a whole number from 1 to {LargestPage}");
        }
        return (limit, request.Parameter("continuation"));
    }

    /// <summary>A query parameter that may be given once; null when it is missing or empty.</summary>
    public static string? Parameter(this HttpRequest request, string name) => request.Query[name] switch
    {
        { Count: > 1 } => throw BadParameter(name, "is given more than once"),
        var value => string.IsNullOrEmpty(value) ? null : value.ToString(),
    };

    /// <summary>A query parameter that is one of <paramref name="choices"/>; null when it is missing.</summary>
    public static string? Choice(this HttpRequest request, string name, params string[] choices) =>
        request.Parameter(name) is not { } value || choices.Contains(value, StringComparer.Ordinal) ? request.Parameter(name) : throw BadParameter(name, $"must be one of: {string.Join(", ", choices)}");

    /// <summary>A query parameter that is an instant (RFC 3339) or a date; null when it is missing.</summary>
    public static DateTimeOffset? Instant(this HttpRequest request, string name) => request.Parameter(name) is not { } text ? null
        : InstantConverter.TryParse(text, out var at) ? at : throw BadParameter(name, "must be an instant, e.g. 2026-11-23T09:15:00Z, or a date");

    /// <summary>400 for a query parameter.</summary>
    public static ProblemException BadParameter(string name, string detail) => ProblemException.Invalid($"'{name}' {detail}.", [new { parameter = name, detail }]);

    /// <summary>JSON as everything is written (<see cref="Json"/>).</summary>
    public static IResult Answer(object value, int status = StatusCodes.Status200OK) => Results.Json(value, Json.Options, "application/json", status);

    /// <summary>Says in the answer that the command had been executed before.</summary>
    public static void MarkReplayed(this HttpRequest request) => request.HttpContext.Response.Headers["Idempotent-Replayed"] = "true";

    /// <summary>Sets the answer's ETag and tells whether the caller has this version already (If-None-Match): then answer 304.</summary>
    public static bool IsUnchanged(this HttpRequest request, string etag)
    {
        etag = $"\"{etag}\"";
        request.HttpContext.Response.Headers.ETag = etag;
        return request.GetTypedHeaders().IfNoneMatch.Any(known => known.Tag == "*" || known.Tag == etag);
    }

    /// <summary>413.</summary>
    public static ProblemException TooLarge(int limit) => new(413, "too-large", "The body is too large", $"The body may have at most {limit:N0} bytes. Send it in parts.");
}
