using System.Text.Json.Serialization;
using Selvedge.Platform;

namespace Selvedge.Picking;

/// <summary>How several tickets are picked in one walk.</summary>
[JsonConverter(typeof(CamelCaseEnum<WaveKind>))]
public enum WaveKind
{
    /// <summary>A cart with a tote for each ticket: sorted while walking.</summary>
    Batch,
    /// <summary>Many tickets for a zone or a carrier's departure: sorted into slots at a wall.</summary>
    Wave,
}

/// <summary>Where a wave stands.</summary>
[JsonConverter(typeof(CamelCaseEnum<WaveStatus>))]
public enum WaveStatus
{
    /// <summary>Taking its tickets. One that stays so was cut off: its tickets go back to the queue.</summary>
    Planning,
    Open,
    /// <summary>Every unit was placed, or is not for it any more.</summary>
    Closed,
    /// <summary>Given up: what was not picked went back to the queue.</summary>
    Released,
}

/// <summary>Tickets that are picked in one walk: document of container <c>work</c>. The tickets say what is left to pick; the wave says in which order, and which slot gets a unit.</summary>
public sealed record Wave
{
    public const string KindName = "wave";
    public required string Id { get; init; }
    public required string Location { get; init; }
    public string Kind { get; init; } = KindName;

    /// <summary>What it is; <c>kind</c> tells the documents of the container apart.</summary>
    [JsonPropertyName("is")] public required WaveKind Is { get; init; }
    public required WaveStatus Status { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public required string Actor { get; init; }
    public required IReadOnlyList<WaveTicket> Tickets { get; init; }

    /// <summary>In walking order (<see cref="Walk"/>).</summary>
    public required IReadOnlyList<WaveStop> Stops { get; init; }

    /// <summary>Every scan and where its units went, written before the ledger is told: a repeat goes on with the same.</summary>
    public IReadOnlyList<WaveScan>? Scans { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }
    public int? Ttl { get; init; }

    [JsonIgnore] public long Left => Stops.Sum(stop => stop.Parts.Sum(part => part.Left));
}

/// <summary>A ticket of a wave and its slot or tote, from 1.</summary>
public sealed record WaveTicket(int Slot, string Ticket, string Order);

/// <summary>A bin to stop at for one SKU, and which slots its units go to.</summary>
public sealed record WaveStop(string Bin, string Sku, IReadOnlyList<WavePart> Parts);

/// <summary>Units of one ticket line from one bin.</summary>
/// <param name="Slot">Where they go.</param>
/// <param name="Ticket">Whose they are.</param>
/// <param name="Line">The ticket's line.</param>
/// <param name="Quantity">Units.</param>
/// <param name="Done">Units that were placed.</param>
/// <param name="Dropped">Units that are not for it any more: short, called off, released.</param>
public sealed record WavePart(int Slot, string Ticket, string Line, long Quantity,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] long Done = 0,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] long Dropped = 0)
{
    [JsonIgnore] public long Left => Quantity - Done - Dropped;
}

/// <summary>A scan in a wave and where its units go.</summary>
public sealed record WaveScan(string Id, string Sku, long Quantity, IReadOnlyList<WavePlacing> Placed);

/// <summary>Units of a scan for one slot.</summary>
/// <param name="Stop">The stop they are of, from 0.</param>
/// <param name="Slot">Where they go.</param>
/// <param name="Ticket">Whose they are.</param>
/// <param name="Line">The ticket's line.</param>
/// <param name="Bin">Where they were.</param>
/// <param name="Quantity">Units.</param>
/// <param name="Refused">The ledger had them for somebody else: they stay on the shelf.</param>
public sealed record WavePlacing(int Stop, int Slot, string Ticket, string Line, string Bin, long Quantity,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Refused = false);

/// <summary>What a wave takes from the queue.</summary>
/// <param name="Kind">Batch or wave.</param>
/// <param name="MaxTickets">Most tickets, ≥ 1: slots of the cart or wall.</param>
/// <param name="MaxLines">Most ticket lines.</param>
/// <param name="MaxUnits">Most units.</param>
/// <param name="Zone">Only tickets whose units are all in bins that begin so.</param>
/// <param name="ShipBefore">Only tickets to be shipped before then.</param>
/// <param name="Channel">Only tickets of this channel.</param>
public sealed record WaveRequest(WaveKind Kind, int MaxTickets, int MaxLines, long MaxUnits, string? Zone, DateTimeOffset? ShipBefore, string? Channel);
