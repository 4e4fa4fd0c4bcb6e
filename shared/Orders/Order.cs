using System.Text.Json.Serialization;
using Selvedge.Channels;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>What an order is, whichever channel it came by (design, section 4).</summary>
[JsonConverter(typeof(CamelCaseEnum<OrderStatus>))]
public enum OrderStatus
{
    /// <summary>Durable, its claims not decided yet.</summary>
    Received,
    /// <summary>Every unit is held.</summary>
    Committed,
    /// <summary>Some units wait for the next stock, as the channel promises.</summary>
    Backordered,
    /// <summary>The channel had sold units that nobody has: recorded, counted, an exception.</summary>
    Oversold,
    /// <summary>What was there is held, the rest was dropped, as the channel allows.</summary>
    Partial,
    /// <summary>Short, and the channel takes all or nothing: nothing is held.</summary>
    Refused,
    /// <summary>Held for its owner until a date, not sold.</summary>
    Held,
    /// <summary>Its hold lapsed: nothing is held any more.</summary>
    Expired,
    /// <summary>Nothing is held any more.</summary>
    Cancelled,
    /// <summary>Under way in the warehouse.</summary>
    Fulfilling,
    /// <summary>Everything was sent, or handed over at a till.</summary>
    Shipped,
    /// <summary>Something about it came before the order itself (a refund): kept until it comes.</summary>
    Announced,
}

/// <summary>The surface an order came by.</summary>
[JsonConverter(typeof(CamelCaseEnum<Surface>))]
public enum Surface { Dtc, Marketplace, Wholesale, B2b, Pos }

/// <summary>Who hands a line over to the customer.</summary>
[JsonConverter(typeof(CamelCaseEnum<FulfilledBy>))]
public enum FulfilledBy
{
    Own,
    Partner,
    Marketplace,
    /// <summary>Handed over at a till: a fact, never a claim.</summary>
    Till,
}

/// <summary>Whether a line needs stock.</summary>
[JsonConverter(typeof(CamelCaseEnum<LineKind>))]
public enum LineKind
{
    /// <summary>Goods of ours: claimed.</summary>
    Stock,
    /// <summary>Nothing to ship (a gift card, a service): never claimed.</summary>
    Service,
    /// <summary>The channel names no SKU that we know: never claimed, an exception asks a person.</summary>
    Unknown,
}

/// <summary>What the intake still has to do; nothing when it is done.</summary>
[JsonConverter(typeof(CamelCaseEnum<IntakeStep>))]
public enum IntakeStep
{
    Done,
    /// <summary>Claim the lines by the plan and record the outcome.</summary>
    Claim,
    /// <summary>The order is decided: make its tentative claims firm.</summary>
    Settle,
    /// <summary>Set every line's claim to nothing at the order's revision.</summary>
    Release,
    /// <summary>Make the order's holds commitments.</summary>
    Confirm,
}

/// <summary>One canonical order for every surface: document of container <c>orders</c>, id = <c>&lt;channel&gt;:&lt;external id&gt;</c>. Money is in whole
/// ten-thousandths of <see cref="Currency"/>. Names and addresses are in <see cref="Person"/>, never here.</summary>
public sealed record Order
{
    public required string Id { get; init; }
    public string Type { get; init; } = "order";
    public required string Channel { get; init; }
    public required Surface ChannelKind { get; init; }
    public required string ExternalId { get; init; }

    /// <summary>The customer it is for, where the surface knows customers (wholesale, b2b): an id, never a name.</summary>
    public string? Customer { get; init; }

    /// <summary>The group the customer is in, e.g. <c>vip</c>: it may draw on what is ring-fenced for that.</summary>
    public string? CustomerGroup { get; init; }

    /// <summary>That it is, or was, held and not sold.</summary>
    public Hold? Hold { get; init; }

    /// <summary>What people call it, e.g. <c>#1001</c>.</summary>
    public string? Name { get; init; }
    public required OrderStatus Status { get; init; }

    /// <summary>When we first wrote it, and when it last changed here.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>When the customer placed it, by the channel's clock.</summary>
    public DateTimeOffset? PlacedAt { get; init; }
    public DateTimeOffset? RequiredBy { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public int Priority { get; init; }

    /// <summary>ISO 4217.</summary>
    public required string Currency { get; init; }

    /// <summary>Base currency for one unit of <see cref="Currency"/>, as decimal text, and the day it is of.</summary>
    public string? Rate { get; init; }
    public DateOnly? RateDate { get; init; }

    /// <summary>Counts what changes claims, from 1; the ledger takes a lower one for out of date.</summary>
    public required long Revision { get; init; }

    /// <summary>The channel's policy when the order came, so that a later edit of the channel does not change what was decided.</summary>
    public ShortagePolicy Shortage { get; init; }
    public required IReadOnlyList<OrderLine> Lines { get; init; }
    public Plan? Plan { get; init; }

    /// <summary>Nothing leaves before everything is held; otherwise what is there goes and the rest follows.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool ShipComplete { get; init; }
    public IntakeState? Intake { get; init; }

    /// <summary>When the sweeper may take the intake over, or is to end a hold; absent when there is nothing to do.</summary>
    public DateTimeOffset? IntakeDue { get; init; }
    public Cancel? Cancel { get; init; }

    /// <summary>Within what time it is to leave (wholesale).</summary>
    public ShipWindow? ShipWindow { get; init; }

    /// <summary>What keeps it from being begun, lifted blocks included.</summary>
    public IReadOnlyList<Block>? Blocks { get; init; }

    /// <summary>What is, was or will be sent at one time each; at most one is under way.</summary>
    public IReadOnlyList<Delivery>? Deliveries { get; init; }

    /// <summary>When somebody is to look at its fulfilment (<see cref="Selvedge.Orders.Deliveries"/>); absent when there is nothing to do.</summary>
    public DateTimeOffset? FulfilDue { get; init; }

    /// <summary>What its channel waits to hear of it, what it was told, and when it is to be told more (<see cref="Telling"/>).</summary>
    public Owes? Owes { get; init; }
    public Told? Told { get; init; }
    public string? TellDue { get; init; }

    /// <summary>A trial of the channel's: recorded, never claimed.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Test { get; init; }

    /// <summary>The state of the channel's order that this document shows; null where the order is not the channel's to change.</summary>
    public ChannelVersion? Source { get; init; }

    /// <summary>Every refund heard of, once.</summary>
    public IReadOnlyList<Refund>? Refunds { get; init; }

    /// <summary>What the buyer paid in, where that is another currency.</summary>
    public Presentment? Presentment { get; init; }

    /// <summary>The channel's id of the place whose till sold it, and what the ledger is to be told of that.</summary>
    public string? Till { get; init; }
    public IReadOnlyList<TillPosting>? Postings { get; init; }

    /// <summary>The channel said that it changed the order then, but not how: its new state is still to be read.</summary>
    public DateTimeOffset? Reread { get; init; }

    /// <summary>What the channel calls it, e.g. <c>id</c>, <c>gid</c>, <c>updatedAt</c>, <c>webhookId</c>.</summary>
    public IReadOnlyDictionary<string, string>? References { get; init; }

    /// <summary>Hash of what was asked: the same id with another content is 422 (orders by API).</summary>
    public string? Content { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>The delivery that an orchestration has; null: none is under way.</summary>
    [JsonIgnore] public Delivery? UnderWay => Deliveries?.LastOrDefault(delivery => delivery.Status is DeliveryStatus.Fulfilling);

    /// <summary>True while something keeps it from being begun.</summary>
    [JsonIgnore] public bool IsBlocked => Blocks?.Any(block => block.LiftedAt is null) == true;
}

/// <summary>A line of an order. Units; money in ten-thousandths of the order's currency.</summary>
public sealed record OrderLine
{
    public required string Id { get; init; }

    /// <summary>Our SKU; for an unknown line what the channel said.</summary>
    public required string Sku { get; init; }

    /// <summary>The channel's own code, where it differs.</summary>
    public string? ExternalSku { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public LineKind Kind { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public FulfilledBy FulfilledBy { get; init; }

    /// <summary>What is asked for now, ≥ 0.</summary>
    public required long Quantity { get; init; }

    /// <summary>What was ordered and the line's money is of, where that is more; and what the channel's applied state asks for, where refunds
    /// that it does not count yet make it less.</summary>
    public long? Ordered { get; init; }
    public long? Stated { get; init; }

    /// <summary>The order's revision that last changed what this line is to hold, when that was after the plan; and, until it is decided, what it was to hold before.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Revision { get; init; }
    public long? Was { get; init; }

    /// <summary>Price of one unit; discount, tax and share of shipping of all units ordered.</summary>
    public long UnitPrice { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Discount { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Tax { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool TaxIncluded { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long ShippingShare { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long ShippingTax { get; init; }

    /// <summary>The same money as the buyer saw it, in the currency of <see cref="Order.Presentment"/>.</summary>
    public LineMoney? Shown { get; init; }

    /// <summary>Where a person at the channel moved it to.</summary>
    public Move? Moved { get; init; }

    /// <summary>Where its units may come from, in order: the plan's part for this line.</summary>
    public IReadOnlyList<string>? Places { get; init; }

    /// <summary>What the SKU, a virtual bundle, consisted of: its parts are claimed, and quantities of the line count bundles.</summary>
    public LineBundle? Bundle { get; init; }

    /// <summary>The SKU was archived when a channel that asks first asked for it: nothing is claimed.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Archived { get; init; }

    /// <summary>The outcome: units held; waiting; sold without stock.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Committed { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Backordered { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Oversold { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Cancelled { get; init; }

    /// <summary>Units the customer has.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Shipped { get; init; }

    /// <summary>Units nobody had when the order was refused or filled in part: dropped.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public long Missing { get; init; }

    /// <summary>True when the ledger holds, or shall hold, units for this line.</summary>
    [JsonIgnore] public bool Claims => TakesStock && Quantity > 0;

    /// <summary>True when the ledger may hold units for this line, asked for or not.</summary>
    [JsonIgnore] public bool MayHold => TakesStock && (Quantity > 0 || Revision > 0);

    /// <summary>True for goods of ours that are sent from a place of ours or a partner's.</summary>
    [JsonIgnore] public bool TakesStock => Kind == LineKind.Stock && !Archived && FulfilledBy is FulfilledBy.Own or FulfilledBy.Partner;
}

/// <summary>How the order was routed; the places are on the lines.</summary>
/// <param name="RoutedAt">When.</param>
/// <param name="Revision">The order's revision it was made for.</param>
/// <param name="Shipments">Locations it expects to ship from.</param>
/// <param name="Buffer">Units of each SKU to leave, as the channel said then: whoever executes the plan sends the same commands.</param>
/// <param name="Candidates">The locations as they were judged, the preferred first; null where there was no choice.</param>
public sealed record Plan(
    DateTimeOffset RoutedAt, long Revision, int Shipments, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] long Buffer = 0, IReadOnlyList<Candidate>? Candidates = null);

/// <summary>Where the intake stands.</summary>
/// <param name="Step">What comes next.</param>
/// <param name="Attempts">How often someone took it on, from 1.</param>
/// <param name="Owner">Who has it in hand, so that one whose answer was lost knows its own write again.</param>
/// <param name="Since">Above 0: an edit. Only lines changed at this revision or a later one are to be claimed.</param>
public sealed record IntakeState(IntakeStep Step, int Attempts, string Owner, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] long Since = 0);

/// <summary>That the order was cancelled.</summary>
/// <param name="State"><c>asked</c>: someone asked us to; <c>done</c>: the channel has done it; <c>refused</c>: it was asked when everything had left.</param>
/// <param name="At">When.</param>
/// <param name="Reason">Why, in the words of who did it.</param>
/// <param name="Actor">Who.</param>
/// <param name="Settled">Of an order under way: what had not left was called off, what had is expected back.</param>
public sealed record Cancel(CancelState State, DateTimeOffset At, string? Reason, string Actor, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Settled = false);

[JsonConverter(typeof(CamelCaseEnum<CancelState>))]
public enum CancelState { Asked, Done, Refused }

/// <summary>Who the order is for: document of container <c>people</c>, id = the order's, gone when its time is up.</summary>
public sealed record Person
{
    public required string Id { get; init; }
    public string? Email { get; init; }
    public string? Phone { get; init; }
    public PostalAddress? ShipTo { get; init; }
    public PostalAddress? BillTo { get; init; }

    /// <summary>When the person was erased: nothing of it is left, and nothing that comes later brings it back.</summary>
    public DateTimeOffset? ErasedAt { get; init; }

    /// <summary>The state of the channel's order it is of: an earlier one does not replace it.</summary>
    public ChannelVersion? Source { get; init; }
    [JsonPropertyName("_etag")] public string? ETag { get; init; }

    /// <summary>Seconds to live.</summary>
    public int? Ttl { get; init; }
    [JsonIgnore] public bool IsNobody => Email is null && Phone is null && ShipTo is null && BillTo is null;
}

/// <summary>Where a person or company is.</summary>
public sealed record PostalAddress
{
    public string? Name { get; init; }
    public string? Company { get; init; }
    public string? Line1 { get; init; }
    public string? Line2 { get; init; }
    public string? City { get; init; }
    public string? Region { get; init; }
    public string? Postcode { get; init; }

    /// <summary>ISO 3166-1 alpha-2.</summary>
    public string? Country { get; init; }
    public string? Phone { get; init; }
}

/// <summary>Source-generated (de)serialization of orders: one pass, no reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(InstantConverter), typeof(CamelCaseEnum<ShortagePolicy>)])]
[JsonSerializable(typeof(Order))]
[JsonSerializable(typeof(Person))]
internal sealed partial class OrdersJson : JsonSerializerContext;
