namespace Selvedge.Orders;

/// <summary>
/// Which deliveries an order has, and when somebody is to look at it (<see cref="Order.FulfilDue"/>): a pure function that is applied to whatever was
/// decided of the order, so that it is written with the outcome. A message on queue <c>orders</c> only hurries what that date would find.
/// </summary>
public static class Deliveries
{
    /// <summary>After this a change that the orchestration has not seen is told to it again.</summary>
    public static readonly TimeSpan Unseen = TimeSpan.FromSeconds(30);

    /// <summary>After this an orchestration that has not said that it began is started again, under the same id.</summary>
    public static readonly TimeSpan Unconfirmed = TimeSpan.FromMinutes(1);

    /// <summary>How often somebody looks whether the orchestration of a delivery is still there.</summary>
    public static readonly TimeSpan Watch = TimeSpan.FromHours(2);

    /// <summary>The decided order with the delivery that what it holds, and what it waits for, is sent by.</summary>
    public static Order Schedule(Order order, DateTimeOffset now)
    {
        if (order.Intake is not null) return order;
        if (order.UnderWay is not null) return order with { FulfilDue = now + Unseen };
        var open = order.Deliveries?.LastOrDefault(delivery => delivery.Status is DeliveryStatus.Waiting);
        var (held, waits) = (0L, 0L);
        if (IsToBeSent(order))
            foreach (var line in order.Lines)
                if (line.TakesStock) (held, waits) = (held + line.Committed, waits + line.Backordered + line.Oversold);
        if (held + waits == 0)
            return open is null ? order.FulfilDue is null ? order : order with { FulfilDue = null }
                : With(order, open with { Status = open.Shipments is null ? DeliveryStatus.Cancelled : DeliveryStatus.Closed, ClosedAt = now, DueAt = null }) with { FulfilDue = null };
        var from = order.ShipWindow?.From;
        var next = open ?? new() { Id = (order.Deliveries?.Count ?? 0) + 1, Status = DeliveryStatus.Waiting, ShipBy = order.RequiredBy ?? order.ShipWindow?.CancelAfter };
        next = next with { DueAt = held == 0 || (order.ShipComplete && waits > 0) ? null : open?.DueAt ?? (from > now ? from : now) };
        return With(order, next) with { FulfilDue = DueOf(order, next) };
    }

    /// <summary>When a waiting delivery is to be looked at: when it may begin, or is too late.</summary>
    public static DateTimeOffset? DueOf(Order order, Delivery waiting)
    {
        var begins = order.IsBlocked ? null : waiting.DueAt;
        return order.ShipWindow?.CancelAfter is { } late && !(begins < late) ? late : begins;
    }

    /// <summary>The order with <paramref name="delivery"/> instead of the one of that number, or as its last one.</summary>
    public static Order With(Order order, Delivery delivery) => order with
    {
        Deliveries = order.Deliveries is not { } all ? [delivery]
            : all.Count >= delivery.Id ? [.. all.Select(other => other.Id == delivery.Id ? delivery : other)] : [.. all, delivery],
    };

    /// <summary>Tells messages of one order apart: the moment it was written at, in milliseconds.</summary>
    public static long Attempt(Order order) => order.UpdatedAt.ToUnixTimeMilliseconds();

    /// <summary>The order with its delivery under way not parked any more: a cancel is a person's word on what stood still. It is parked again if it fails again.</summary>
    public static Order Resumed(Order order) => order.UnderWay is { Parked: not null } mine ? With(order, mine with { Parked = null }) : order;

    // Held for its owner, a trial, refused: nothing is sent. What a till or a marketplace sends is not on these lines.
    static bool IsToBeSent(Order order) => !order.Test && order.Hold is not { Ended: null } && order.Status is not (OrderStatus.Refused or OrderStatus.Expired or OrderStatus.Cancelled or OrderStatus.Announced);
}

/// <summary>Says within the process that an order is due, or under way and changed, so that it need not wait for its date to be found. Whoever listens must not wait.</summary>
public sealed class DueOrders
{
    /// <summary>Raised after the order was written.</summary>
    public event Action<Order>? Noted;

    /// <summary>Says it where there is something to look at by <paramref name="now"/>.</summary>
    public void Note(Order order, DateTimeOffset now)
    {
        if (order.FulfilDue is { } due && (due <= now || order.UnderWay is not null)) Noted?.Invoke(order);
    }
}
