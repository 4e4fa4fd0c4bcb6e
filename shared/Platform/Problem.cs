namespace Selvedge.Platform;

/// <summary>
/// An error the caller can act on, as data: answered as <c>application/problem+json</c> (RFC 9457).
/// <paramref name="type"/> is stable and relative to <c>/problems/</c>; <paramref name="detail"/> names the thing and says what to do.
/// </summary>
public sealed class ProblemException(int status, string type, string title, string detail) : Exception(detail)
{
    /// <summary>HTTP status, 400–599.</summary>
    public int Status { get; } = status;

    /// <summary>The stable kind of problem, e.g. <c>insufficient-stock</c>.</summary>
    public string Type { get; } = type;

    /// <summary>One short line, the same for every occurrence of the type.</summary>
    public string Title { get; } = title;

    /// <summary>Extension members of the answer (RFC 9457, section 3.2), e.g. <c>errors</c> or <c>lines</c>.</summary>
    public Dictionary<string, object?> Members { get; } = [];

    /// <summary>Seconds after which to try again (header Retry-After), where that helps.</summary>
    public int? RetryAfter { get; init; }

    public static ProblemException Invalid(string detail) => new(400, "invalid-request", "The request is not valid", detail);
    public static ProblemException Unauthorized(string detail) => new(401, "unauthorized", "No valid key or token", detail);
    public static ProblemException Forbidden(string detail) => new(403, "forbidden", "Not allowed", detail);
    public static ProblemException NotFound(string what) => new(404, "not-found", "Not found", what);
    public static ProblemException Conflict(string type, string title, string detail) => new(409, type, title, detail);

    /// <summary>The content is well-formed, but names something that is not there.</summary>
    public static ProblemException UnknownReference(string member, string detail) => new(422, "unknown-reference", "It names something unknown", detail)
    {
        Members = { ["errors"] = (object[])[new Fault("/" + member, detail)] },
    };

    public static ProblemException Busy(string detail) => new(503, "busy", "Try again shortly", detail) { RetryAfter = 1 };
    public static ProblemException Reused(string key) =>
        new(422, "idempotency-key-reused", "The key was used for another content", $"Key '{key}' was used before with another content. Use a new key for a new command.");

    /// <summary>Invalid input with one line per error, each saying where and what.</summary>
    public static ProblemException Invalid(string detail, IEnumerable<object> errors) =>
        new(400, "invalid-request", "The request is not valid", detail) { Members = { ["errors"] = errors } };
}
