using System.Text.Json.Serialization;
using Selvedge.Platform;

namespace Selvedge.Returns;

/// <summary>Where the goods of a return stand; whether it was refunded is another matter (<see cref="ReturnCase.Refunds"/>).</summary>
[JsonConverter(typeof(CamelCaseEnum<ReturnStatus>))]
public enum ReturnStatus
{
    /// <summary>Nothing has come.</summary>
    Expected,
    /// <summary>Something came, and more is expected.</summary>
    Partial,
    /// <summary>All that was expected came; some of it is still to be graded.</summary>
    Received,
    /// <summary>All that came is graded and nothing is expected.</summary>
    Graded,
    /// <summary>A person expects no more of it, and what came is graded.</summary>
    Closed,
}

/// <summary>
/// Goods expected back, and what became of them: document of container <c>work</c>. Receipt, grading and refund are three facts that come in any order, each
/// with an id of its own; stock moves by the first two, whatever the third said (design, section 4).
/// </summary>
public sealed record ReturnCase : IWork
{
    public const string KindName = "return";
    public required string Id { get; init; }

    /// <summary>First part of the partition key, the same for all returns.</summary>
    [JsonPropertyName("location")] public string Partition { get; init; } = KindName;
    public string Kind { get; init; } = KindName;

    /// <summary>Where it is expected, or first came to; null: nobody knows yet.</summary>
    public string? At { get; init; }
    public ReturnStatus Status { get; init; }

    /// <summary>The order that is returned; null: goods came that nobody can name an order for.</summary>
    public string? Order { get; init; }
    public string? Channel { get; init; }

    /// <summary>What made it be expected, e.g. <c>refund:&lt;id&gt;</c>, <c>cancel</c>, <c>rma</c>.</summary>
    public required string Source { get; init; }
    public string? Reason { get; init; }
    public IReadOnlyList<ExpectedLine> Lines { get; init; } = [];
    public IReadOnlyList<ReturnReceipt> Receipts { get; init; } = [];
    public IReadOnlyList<Grading> Gradings { get; init; } = [];
    public IReadOnlyList<ReturnRefund> Refunds { get; init; } = [];

    /// <summary>The order that is sent instead.</summary>
    public string? Replacement { get; init; }

    /// <summary>A person expects no more of it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Ended { get; init; }
    public string? Content { get; init; }
    public required string Actor { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public DateTimeOffset? Attention { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }
}

/// <summary>Units of one order line that should come back.</summary>
/// <param name="Line">The ledger's line: an order line's id, or of a bundle one part's.</param>
public sealed record ExpectedLine(string Line, string Sku, long Units, string? Reason = null);

/// <summary>What came, at one place at one time.</summary>
public sealed record ReturnReceipt(string Id, string Location, DateTimeOffset At, string Actor, IReadOnlyList<CameBack> Lines)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Posted { get; init; }

    /// <summary>Hash of what was told.</summary>
    public string? Content { get; init; }
}

/// <summary>Units of one SKU that came, and what they re-enter at, in ten-thousandths of the base currency; null: the average.</summary>
/// <param name="Line">The expected line it is taken for; null: none.</param>
public sealed record CameBack(string Sku, long Units, string? Line, long? Value = null);

/// <summary>What units in quarantine turned out to be.</summary>
[JsonConverter(typeof(CamelCaseEnum<Grade>))]
public enum Grade
{
    /// <summary>As new: sellable.</summary>
    A,
    /// <summary>On hand under a condition of its own.</summary>
    B,
    /// <summary>Gone: <c>loss/damage</c>.</summary>
    WriteOff,
}

/// <summary>A grading. Done once the ledger has it: not before its units are received, and a large write-off waits for a second person.</summary>
public sealed record Grading(string Id, string Location, string Sku, long Units, Grade Grade, string Bin, string Condition, DateTimeOffset At, string Actor, string KeyId, Role Role)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Done { get; init; }

    /// <summary>Units that were moved where that is fewer: others took the rest out of quarantine before a second person approved.</summary>
    public long? Moved { get; init; }

    /// <summary>The approval it waits for, or was done by; and why it was not given.</summary>
    public string? Approval { get; init; }
    public string? Refusal { get; init; }
    public string? Reason { get; init; }
}

/// <summary>A refund that was heard of: money only, in ten-thousandths of <paramref name="Currency"/>.</summary>
public sealed record ReturnRefund(string Id, long? Amount, string? Currency, DateTimeOffset At, string Actor);
