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

    /// <summary>Ids of its pick tickets (<see cref="Picking.WorkIds"/>).</summary>
    public IReadOnlyList<string>? Tickets { get; init; }
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? ClosedAt { get; init; }

    /// <summary>A step that failed for good: a person looks at it and lets it go on.</summary>
    public Parked? Parked { get; init; }

    /// <summary>The orchestration's instance: at most 100 characters.</summary>
    public static string Instance(string order, int delivery, int run) => "f:" + Ids.Join([order], 80) + string.Create(null, $".{delivery}.{run}");
}

/// <summary>Why a delivery stands still.</summary>
public sealed record Parked(string Step, string Error, DateTimeOffset At);
