using System.Text.Json.Serialization;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>Where a delivery stands.</summary>
[JsonConverter(typeof(CamelCaseEnum<DeliveryStatus>))]
public enum DeliveryStatus
{
    /// <summary>Not begun: its day has not come, something blocks the order, or it waits for stock.</summary>
    Waiting,
    /// <summary>An orchestration has it: tickets are picked, packed, shipped.</summary>
    Fulfilling,
    /// <summary>Nothing is left to do.</summary>
    Closed,
    /// <summary>Called off before anything was sent.</summary>
    Cancelled,
}

/// <summary>What is sent of an order at one time (design, section 4): waiting is a date in a query, not an orchestration.</summary>
public sealed record Delivery
{
    /// <summary>From 1.</summary>
    public required int Id { get; init; }
    public required DeliveryStatus Status { get; init; }

    /// <summary>When it may begin: the start of its ship window, or at once. Null while it waits for stock.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>By when it is to leave.</summary>
    public DateTimeOffset? ShipBy { get; init; }

    /// <summary>How often it was begun; the orchestration's instance carries it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public int Run { get; init; }

    /// <summary>The orchestration of this run was at work: where it is gone now, it was lost.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Begun { get; init; }

    /// <summary>Ids of its pick tickets (<see cref="Picking.WorkIds"/>).</summary>
    public IReadOnlyList<string>? Tickets { get; init; }

    /// <summary>What left, one for each ticket: the ticket itself is gone after a while.</summary>
    public IReadOnlyList<Shipment>? Shipments { get; init; }

    /// <summary>Tickets of which a short pick was answered by looking for the units elsewhere.</summary>
    public IReadOnlyList<string>? Rerouted { get; init; }

    /// <summary>Staged units that nobody wants any more, as the tickets were last told: they are put back.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Surplus { get; init; }
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? ClosedAt { get; init; }

    /// <summary>A step that failed for good: a person looks at it and lets it go on.</summary>
    public Parked? Parked { get; init; }

    /// <summary>The orchestration's instance: at most 100 characters.</summary>
    public static string Instance(string order, int delivery, int run) => "f:" + Ids.Join([order], 80) + string.Create(null, $".{delivery}.{run}");
}

/// <summary>Why a delivery stands still.</summary>
public sealed record Parked(string Step, string Error, DateTimeOffset At);

/// <summary>A pick ticket that left.</summary>
/// <param name="Ticket">The ticket's id.</param>
/// <param name="Location">Where from.</param>
/// <param name="At">When it was shipped.</param>
/// <param name="Carrier">Who carries it, and the number it is followed by.</param>
/// <param name="Tracking"><inheritdoc cref="Shipment" path="/param[@name='Carrier']"/></param>
/// <param name="Lines">Units that left.</param>
public sealed record Shipment(string Ticket, string Location, DateTimeOffset At, string? Carrier, string? Tracking, IReadOnlyList<ShippedLine> Lines);

/// <summary>Units of one line as the ledger names it: an order line, or a bundle's part (<see cref="Bundles.PartId"/>).</summary>
public sealed record ShippedLine(string Line, string Sku, long Units);

/// <summary>Within what time an order is to leave.</summary>
/// <param name="From">Not before; null: at once.</param>
/// <param name="CancelAfter">What has not left by then is cancelled; null: never.</param>
public sealed record ShipWindow(DateTimeOffset? From, DateTimeOffset? CancelAfter)
{
    /// <summary>Who cancels what was not sent in time.</summary>
    public const string Clock = "system:ship-window";
}
