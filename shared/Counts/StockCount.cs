using System.Text.Json.Serialization;
using Selvedge.Platform;

namespace Selvedge.Counts;

/// <summary>Where a count line stands.</summary>
[JsonConverter(typeof(CamelCaseEnum<CountState>))]
public enum CountState
{
    /// <summary>To be counted, for the first time or again (<see cref="CountLine.Recount"/> says why).</summary>
    Open,
    /// <summary>Someone is at the shelf: its window is open.</summary>
    Counting,
    /// <summary>Decided; the ledger is being told.</summary>
    Posting,
    /// <summary>It takes a second person (<see cref="CountLine.Approval"/>).</summary>
    Pending,
    /// <summary>In the ledger.</summary>
    Posted,
}

/// <summary>How far a count is.</summary>
[JsonConverter(typeof(CamelCaseEnum<CountStatus>))]
public enum CountStatus
{
    Open,
    /// <summary>Every line is in the ledger.</summary>
    Closed,
    Cancelled,
}

/// <summary>
/// A count sheet, or a count task with one line: document of container <c>work</c>. Nothing is frozen for it: each line has the two instants between which
/// somebody looked, and is compared with the ledger as of then (<see cref="CountWindow"/>).
/// </summary>
public sealed record StockCount : IWork
{
    public const string KindName = "count";
    public required string Id { get; init; }

    /// <summary>First part of the partition key, the same for all counts.</summary>
    [JsonPropertyName("location")] public string Partition { get; init; } = KindName;
    public string Kind { get; init; } = KindName;
    public required string At { get; init; }
    public CountStatus Status { get; init; }

    /// <summary>Who counts is not told what the ledger shows before the line is posted.</summary>
    public bool Blind { get; init; } = true;

    /// <summary>Units by which a line may differ without being counted again.</summary>
    public long Tolerance { get; init; }
    public required IReadOnlyList<CountLine> Lines { get; init; }

    /// <summary>What asked for it, e.g. a pick that found too few: the same asks once.</summary>
    public string? Source { get; init; }

    /// <summary>Who else asked while it was open; and of a task, what of (its location, bin and SKU) and which task about that it is, from 1.</summary>
    public IReadOnlyList<string>? Sources { get; init; }
    public string? About { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public int Turn { get; init; }
    public string? Reason { get; init; }

    /// <summary>What was asked for, to tell a repeat from another content under the same id.</summary>
    public string? Content { get; init; }
    public required string Actor { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>When anybody may go on with a line that is being posted or waits for a second person.</summary>
    public DateTimeOffset? Attention { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }
}

/// <summary>One SKU in one bin and condition.</summary>
public sealed record CountLine
{
    public required string Id { get; init; }
    public required string Sku { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public string Bin { get; init; } = "";
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public string Condition { get; init; } = "";
    public CountState State { get; init; }

    /// <summary>Why it is to be counted again: <c>moved</c> (something moved while it was being counted), <c>beyondTolerance</c>, <c>notApproved</c>.</summary>
    public string? Recount { get; init; }

    /// <summary>Every look at the shelf, in order; the last is open while <see cref="CountState.Counting"/>.</summary>
    public IReadOnlyList<CountLook> Looks { get; init; } = [];

    /// <summary>How many of the looks a second person has refused to take for the truth.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public int Decided { get; init; }
    public CountResult? Result { get; init; }

    /// <summary>The approval that is asked for.</summary>
    public string? Approval { get; init; }
}

/// <summary>One look at a shelf.</summary>
/// <param name="By">Who looked.</param>
/// <param name="From">When the look began, and when what was seen was reported.</param>
/// <param name="Counted">Units seen; null while the window is open.</param>
/// <param name="Expected">Units the ledger shows as of the window.</param>
/// <param name="Missing">Units that a picker had not found there, as of then (<c>#missing</c>): not in <paramref name="Expected"/>.</param>
/// <param name="Moved">Something moved inside the window, so the look says nothing.</param>
public sealed record CountLook(Counter By, DateTimeOffset From, DateTimeOffset? To = null, long? Counted = null, long Expected = 0, long Missing = 0, bool Moved = false)
{
    /// <summary>What was seen, less what should have been: units a picker had missed are expected to be there or gone.</summary>
    [JsonIgnore] public long Difference => (Counted ?? 0) - Expected - Missing;
}

/// <summary>Who counted, so that what follows is done in that name whoever goes on with it.</summary>
public sealed record Counter(string Actor, string KeyId, Role Role);

/// <summary>What a line came to, in units, and in ten-thousandths of the base currency.</summary>
/// <param name="Number">Which result of the line it is, from 1: one that was not approved is followed by another.</param>
/// <param name="Found">Units of <c>#missing</c> that were there after all.</param>
/// <param name="Lost">Units of <c>#missing</c> that were not.</param>
/// <param name="Counted">Units seen.</param>
/// <param name="Expected">What the ledger shows as of the window, with what was found.</param>
/// <param name="EffectiveAt">The end of the window.</param>
/// <param name="Units">The variance: counted less expected and lost; below zero is a loss.</param>
/// <param name="Value">Its value, with the same sign; null until it is posted.</param>
public sealed record CountResult(int Number, long Found, long Lost, long Counted, long Expected, DateTimeOffset EffectiveAt, long Units, long? Value = null, long? Sequence = null);
