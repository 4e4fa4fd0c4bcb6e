using System.Text.Json.Serialization;
using Selvedge.Counts;
using Selvedge.Platform;

namespace Selvedge.Transfers;

/// <summary>Where a transfer stands.</summary>
[JsonConverter(typeof(CamelCaseEnum<TransferStatus>))]
public enum TransferStatus
{
    /// <summary>Its units are being claimed where they are.</summary>
    Claiming,
    /// <summary>All is claimed; being made firm.</summary>
    Keeping,
    /// <summary>Something was short, and it takes all or nothing: what was claimed is being given back.</summary>
    Refusing,
    Refused,
    /// <summary>Claimed: its ticket is in the pick queue like any order's.</summary>
    Picking,
    /// <summary>Called off before it left, by a person or because nothing of it was found: claims and staged units are being given back.</summary>
    Cancelling,
    Cancelled,
    /// <summary>Left, and not all of it arrived.</summary>
    InTransit,
    /// <summary>All that left arrived.</summary>
    Received,
    /// <summary>What never arrived is being written off, or waits for a second person.</summary>
    Closing,
    Closed,
}

/// <summary>
/// Stock that goes from one location to another: document of container <c>work</c>. It is demand like an order: claimed under <c>transfer:&lt;id&gt;</c>, picked by a
/// ticket, and in <c>transit/&lt;id&gt;</c>, still ours, from the ticket's shipping until it is counted in at the other end.
/// </summary>
public sealed record Transfer : IWork
{
    public const string KindName = "transfer";
    public required string Id { get; init; }

    /// <summary>First part of the partition key, the same for all transfers.</summary>
    [JsonPropertyName("location")] public string Partition { get; init; } = KindName;
    public string Kind { get; init; } = KindName;

    /// <summary>Where it is sent from, and where to.</summary>
    public required string At { get; init; }
    public required string To { get; init; }
    public TransferStatus Status { get; init; }

    /// <summary>What is there is sent, where not all of it is.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Partial { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public int Priority { get; init; }
    public DateTimeOffset? ShipBy { get; init; }
    public required IReadOnlyList<TransferLine> Lines { get; init; }
    public IReadOnlyList<string> Tickets { get; init; } = [];
    public IReadOnlyList<TransferReceipt> Receipts { get; init; } = [];
    public DateTimeOffset? DispatchedAt { get; init; }

    /// <summary>Who writes off what never arrived, and how often that was asked for.</summary>
    public Counter? Closer { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public int Closings { get; init; }
    public string? Approval { get; init; }

    /// <summary>Why it was refused, was called off by itself (nothing of it was found), or was not closed.</summary>
    public string? Refusal { get; init; }
    public string? Reason { get; init; }
    public required string Content { get; init; }
    public required string Actor { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public DateTimeOffset? Attention { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>What its claims are under.</summary>
    [JsonIgnore] public string Order => OrderOf(Id);
    public static string OrderOf(string id) => "transfer:" + id;

    /// <summary>Units of a line that arrived and were on their way.</summary>
    public long Received(TransferLine line) => Receipts.SelectMany(receipt => receipt.Lines).Where(came => came.Sku == line.Sku && !came.Over).Sum(came => came.Units);

    /// <summary>Units of a line that left, and neither arrived nor are written off. What is about to be written off is among them: it may arrive yet.</summary>
    public long InTransit(TransferLine line) => line.Dispatched - Received(line) - line.Lost;

    public object View() => new
    {
        Id, From = At, To, Status, Partial, Priority, ShipBy, Tickets, DispatchedAt, Approval, Refusal, Reason, Actor, CreatedAt, UpdatedAt,
        Lines = Lines.Select(line => new { line.Line, line.Sku, line.Quantity, line.Held, line.Dispatched, Received = Received(line), line.Lost, InTransit = InTransit(line) }),
        Receipts = Receipts.Select(receipt => new { receipt.Id, receipt.At, receipt.Actor, receipt.Posted, Lines = receipt.Lines.Select(came => new { came.Sku, Quantity = came.Units, came.Damaged, came.Over, Bin = came.Bin.Length > 0 ? came.Bin : null }) }),
    };
}

/// <summary>Units of one SKU: asked for, claimed or staged for it now, sent, and written off.</summary>
public sealed record TransferLine(string Line, string Sku, long Quantity)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Held { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Dispatched { get; init; }

    /// <summary>Units that are written off; and those for which it was asked, as many as were in transit then.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Lost { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Losing { get; init; }
}

/// <summary>What was counted in at one time.</summary>
public sealed record TransferReceipt(string Id, DateTimeOffset At, string Actor, IReadOnlyList<Arrival> Lines, string Content)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Posted { get; init; }
}

/// <summary>Units of one SKU that arrived. <paramref name="Over"/>: more than was on its way, or after it was written off.</summary>
public sealed record Arrival(string Sku, long Units, string Bin, bool Damaged, bool Over);
