using Microsoft.AspNetCore.Http;

namespace Selvedge.Functions.Api;

/// <summary>Conditional writes (RFC 9110, section 13.1.1).</summary>
public static class Conditions
{
    /// <summary>The one ETag, or <c>*</c>, of If-Match; null without it. What is no single strong ETag matches nothing.</summary>
    public static string? Condition(this HttpRequest request) => request.Headers.IfMatch is { Count: > 0 } values ? values.ToString().Trim() : null;

    /// <summary>Says which version the answer shows.</summary>
    public static void SetETag(this HttpRequest request, string? etag) => request.HttpContext.Response.Headers.ETag = etag is null ? default : $"\"{etag.Trim('"')}\"";
}
