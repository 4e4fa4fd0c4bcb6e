using System.Text.Json.Serialization;
using Selvedge.Platform;

namespace Selvedge.Exceptions;

/// <summary>Whether a person still has to look at it.</summary>
[JsonConverter(typeof(CamelCaseEnum<ExceptionStatus>))]
public enum ExceptionStatus
{
    Open,
    Resolved,
}

/// <summary>One side of a contradiction.</summary>
/// <param name="Source">Where it comes from, e.g. <c>ledger: onHand/WH1</c>, <c>shopify-au: order line 2</c>.</param>
/// <param name="Value">What it says there, e.g. <c>at least 0</c>.</param>
public sealed record Side(string Source, string Value);

/// <summary>What a person said about it.</summary>
public sealed record Comment(DateTimeOffset At, string Actor, string Text);

/// <summary>Something a person must look at: a fact that contradicts the record, an oversell, drift (design, section 3, "Requests and facts").
/// Document of container <c>exceptions</c>. Quantities are units. No personal data.</summary>
public sealed record ExceptionCase
{
    /// <summary>What it is about; the same thing found twice is one exception.</summary>
    public required string Id { get; init; }

    /// <summary>A row of <see cref="ExceptionKinds"/>.</summary>
    public required string Kind { get; init; }
    public string? Sku { get; init; }
    public string? Order { get; init; }
    public string? Line { get; init; }
    public string? Channel { get; init; }
    public string? Customer { get; init; }
    public string? Location { get; init; }
    public long Quantity { get; init; }

    /// <summary>Both sides, for a person.</summary>
    public required string Detail { get; init; }

    /// <summary>Both sides, as data: what should be, and what was found.</summary>
    public Side? Expected { get; init; }
    public Side? Found { get; init; }

    /// <summary>Names the event that brought it up, where the same contradiction can come up again under the same id: a new one counts up and opens it again.</summary>
    public string? Occurrence { get; init; }

    /// <summary>How often it came up.</summary>
    public int Occurrences { get; init; } = 1;
    public ExceptionStatus Status { get; init; }

    /// <summary>Who looks after it.</summary>
    public string? Owner { get; init; }
    public DateTimeOffset OpenedAt { get; init; }
    public DateTimeOffset? ReopenedAt { get; init; }
    public IReadOnlyList<Comment>? Comments { get; init; }
    public DateTimeOffset? ResolvedAt { get; init; }
    public string? Resolution { get; init; }

    /// <summary>Who resolved it: a person, or <c>system:…</c> where its cause was gone.</summary>
    public string? Actor { get; init; }
}

/// <summary>Which exceptions: every member that is given narrows.</summary>
public sealed record ExceptionFilter(
    ExceptionStatus? Status = null, string? Kind = null, string? Owner = null, string? Sku = null, string? Channel = null, string? Order = null, string? Id = null)
{
    /// <summary>Who asks, and so which it reaches; null: the app itself.</summary>
    public Caller? Caller { get; init; }
}

/// <summary>Which exceptions a caller reaches: a key with bounds sees what is known to lie within them.</summary>
public static class ExceptionReach
{
    public static bool Reaches(this Caller caller, ExceptionCase found) => caller.ReachesChannel(found.Channel) && caller.ReachesCustomer(found.Customer)
        && (caller.Scope.Locations is null || (found.Location is { } location && caller.ReachesLocation(location)));
}
