using Microsoft.AspNetCore.Http;
using Selvedge.Platform;

namespace Selvedge.Functions.Api;

/// <summary>Conditional writes (RFC 9110, section 13.1).</summary>
public static class Conditions
{
    /// <summary>If-Match with one ETag or <c>*</c> (what is no single strong ETag matches nothing), and If-None-Match with <c>*</c>: only what is not there yet.</summary>
    /// <exception cref="ProblemException">400: If-None-Match names an ETag, which says nothing about a write here.</exception>
    public static Precondition Condition(this HttpRequest request)
    {
        var none = request.Headers.IfNoneMatch;
        if (none.Count > 0 && none.ToString().Trim() != "*") throw ProblemException.Invalid("A write takes 'If-None-Match: *' (only what is not there yet) or 'If-Match' with the ETag that was read.");
        return new(request.Headers.IfMatch is { Count: > 0 } values ? values.ToString().Trim() : null, none.Count > 0);
    }

    /// <summary>Says which version the answer shows.</summary>
    public static void SetETag(this HttpRequest request, string? etag) => request.HttpContext.Response.Headers.ETag = etag is null ? default : $"\"{etag.Trim('"')}\"";
}
