using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>An order as the API shows it: money as decimal strings in the order's currency, quantities in units.</summary>
public sealed record OrderView(
    string Id, string Channel, Surface ChannelKind, string ExternalId, string? Customer, string? Name, OrderStatus Status, DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt, DateTimeOffset? PlacedAt, DateTimeOffset? RequiredBy, int Priority, string Currency, string? Rate, DateOnly? RateDate,
    long Revision, IReadOnlyList<OrderLineView> Lines, Plan? Plan, bool Deciding, Cancel? Cancel, bool Test, IReadOnlyDictionary<string, string>? References,
    Person? People, DateTimeOffset? ChannelUpdatedAt, PresentmentView? Presentment, IReadOnlyList<RefundView>? Refunds, string? Till, bool? Stale, string? CustomerGroup, Hold? Hold)
{
    /// <summary>When the person it is for was erased.</summary>
    public DateTimeOffset? Erased { get; init; }

    /// <summary>Within what time it is to leave.</summary>
    public ShipWindow? ShipWindow { get; init; }

    /// <summary>What keeps, or kept, it from being begun.</summary>
    public IReadOnlyList<Block>? Blocks { get; init; }

    /// <summary>What is, was or will be sent at one time each.</summary>
    public IReadOnlyList<DeliveryView>? Deliveries { get; init; }

    /// <summary>Nothing leaves before everything is held.</summary>
    public bool ShipComplete { get; init; }

    /// <param name="order">The order.</param>
    /// <param name="people">Who it is for, for callers who may know.</param>
    /// <param name="tickets">Its pick tickets that are still there, where they were read.</param>
    public static OrderView Of(Order order, Person? people = null, IReadOnlyList<PickTicket>? tickets = null) => new(
        order.Id, order.Channel, order.ChannelKind, order.ExternalId, order.Customer, order.Name, order.Status, order.CreatedAt, order.UpdatedAt, order.PlacedAt,
        order.RequiredBy, order.Priority, order.Currency, order.Rate, order.RateDate, order.Revision,
        [.. order.Lines.Select(line => new OrderLineView(line.Id, line.Sku, line.ExternalSku, line.Kind, line.FulfilledBy, line.Quantity, Money.Text(line.UnitPrice),
            Money.Text(line.Discount), Money.Text(line.Tax), line.TaxIncluded, Money.Text(line.ShippingShare), line.Places ?? [], line.Committed, line.Backordered,
            line.Oversold, line.Cancelled, line.Missing, line.Ordered ?? line.Quantity, line.Shipped, Money.Text(line.ShippingTax), Shown(line.Shown), BundleOf(line)))],
        order.Plan is { } plan ? plan with { Candidates = null } : null, order.Intake is not null, CancelOf(order), order.Test, order.References, people is null ? null : people with { Source = null, ETag = null },
        order.Source?.UpdatedAt, order.Presentment is { } seen ? new(seen.Currency, Money.Text(seen.Total), seen.Rate) : null,
        order.Refunds?.Select(refund => new RefundView(refund.Id, refund.At, refund.Till, [.. refund.Lines.Select(line => new RefundLineView(line.Line, line.Restock, line.Units, IsExpected(order, refund, line)))])).ToList(),
        order.Till, order.Reread is null ? null : true, order.CustomerGroup, order.Hold)
    {
        ShipComplete = order.ShipComplete, ShipWindow = order.ShipWindow, Blocks = order.Blocks, Deliveries = order.Deliveries?.Select(delivery => DeliveryView.Of(delivery, tickets)).ToList(),
    };

    // What was asked of us and is settled is done, as what the channel did itself.
    static Cancel? CancelOf(Order order) => order.Cancel is { State: CancelState.Asked } asked && (asked.Settled || order.Status is OrderStatus.Cancelled) ? asked with { State = CancelState.Done, Settled = true } : order.Cancel;

    static BundleView? BundleOf(OrderLine line)
    {
        if (line.Bundle is not { } bundle) return null;
        var shares = bundle.PriceShares(line.UnitPrice);
        return new(bundle.Version, [.. bundle.Parts.Select((part, i) => new BundlePartView(part.Sku, part.Quantity, Money.Text(shares[i]), part.Quantity * line.Committed, part.Places ?? []))]);
    }

    static MoneyView? Shown(LineMoney? money) => money is null ? null
        : new(Money.Text(money.UnitPrice), Money.Text(money.Discount), Money.Text(money.Tax), Money.Text(money.ShippingShare), Money.Text(money.ShippingTax));

    /// <summary>True where a refund says that goods are to come back. What a till took back is there already.</summary>
    public static bool IsExpected(Order order, Refund refund, RefundLine line) =>
        line.Restock is Restock.Return && !refund.Till && order.Lines.FirstOrDefault(other => other.Id == line.Line) is { FulfilledBy: not FulfilledBy.Till, Kind: LineKind.Stock };

    /// <summary>The 409 of an all-or-nothing order that could not be had: names the short lines.</summary>
    public static ProblemException Refusal(Order order)
    {
        var lines = order.Lines.Where(line => line.Missing > 0).ToList();
        var named = string.Join(", ", lines.Take(5).Select(line => $"{line.Quantity} {line.Sku} ({(line.Archived ? "archived" : $"{line.Quantity - line.Missing} available")})"));
        var problem = ProblemException.Conflict("insufficient-stock", "Not enough stock",
            $"Order '{order.Id}' was refused and holds nothing: wanted {named}{(lines.Count > 5 ? $" and {lines.Count - 5} more" : "")}. Ask for less under a new externalId.");
        problem.Members["order"] = order.Id;
        problem.Members["lines"] = lines.Select(line => new { line.Id, line.Sku, line.Quantity, Available = line.Quantity - line.Missing, Short = line.Missing });
        return problem;
    }
}

/// <summary>A line as the API shows it.</summary>
public sealed record OrderLineView(
    string Id, string Sku, string? ExternalSku, LineKind Kind, FulfilledBy FulfilledBy, long Quantity, string Price, string Discount, string Tax, bool TaxIncluded,
    string Shipping, IReadOnlyList<string> Places, long Committed, long Backordered, long Oversold, long Cancelled, long Missing, long Ordered, long Shipped, string ShippingTax,
    MoneyView? Presentment, BundleView? Bundle);

/// <summary>What a bundle consisted of when it was ordered.</summary>
public sealed record BundleView(long Version, IReadOnlyList<BundlePartView> Parts);

/// <summary>A part of a bundle: units in one bundle, its share of one bundle's price, and units held for the line.</summary>
public sealed record BundlePartView(string Sku, long Quantity, string PriceShare, long Committed, IReadOnlyList<string> Places);

/// <summary>A line's money as the buyer saw it.</summary>
public sealed record MoneyView(string Price, string Discount, string Tax, string Shipping, string ShippingTax);

/// <summary>What the buyer paid in: the order's currency for one unit of it is <see cref="Rate"/>.</summary>
public sealed record PresentmentView(string Currency, string Total, string? Rate);

/// <summary>A refund as the API shows it.</summary>
public sealed record RefundView(string Id, DateTimeOffset? At, bool Till, IReadOnlyList<RefundLineView> Lines);

/// <summary>A refund's units of one line; <see cref="Expected"/>: they are to come back.</summary>
public sealed record RefundLineView(string Line, Restock Restock, long Units, bool Expected);

/// <summary>A delivery as the API shows it.</summary>
public sealed record DeliveryView(int Id, DeliveryStatus Status, DateTimeOffset? DueAt, DateTimeOffset? ShipBy, DateTimeOffset? StartedAt, DateTimeOffset? ClosedAt, Parked? Parked, IReadOnlyList<DeliveryTicketView> Tickets)
{
    /// <param name="delivery">The delivery.</param>
    /// <param name="tickets">Tickets that are still there; of those that are not, only what left is known.</param>
    public static DeliveryView Of(Delivery delivery, IReadOnlyList<PickTicket>? tickets) => new(delivery.Id, delivery.Status, delivery.DueAt, delivery.ShipBy, delivery.StartedAt, delivery.ClosedAt, delivery.Parked,
        [.. (delivery.Tickets ?? []).Select(id => DeliveryTicketView.Of(id, tickets?.FirstOrDefault(ticket => ticket.Id == id), delivery.Shipments?.FirstOrDefault(shipment => shipment.Ticket == id)))]);
}

/// <summary>A pick ticket of a delivery: where it is picked, how far that is, and by what it is followed.</summary>
/// <param name="Status">Absent where only the order was read.</param>
public sealed record DeliveryTicketView(string Id, string Location, TicketStatus? Status, string? Carrier, string? Tracking, DateTimeOffset? ShippedAt, IReadOnlyList<ShippedLine>? Shipped)
{
    internal static DeliveryTicketView Of(string id, PickTicket? ticket, Shipment? shipment) => new(id, ticket?.Location ?? shipment?.Location ?? WorkIds.LocationOf(id) ?? "",
        ticket?.Status ?? (shipment is null ? null : TicketStatus.Shipped), ticket?.Consignment?.Carrier ?? shipment?.Carrier, ticket?.Consignment?.Tracking ?? shipment?.Tracking, shipment?.At, shipment?.Lines);
}
