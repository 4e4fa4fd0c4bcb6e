using System.Text.Json.Serialization;
using Selvedge.Channels;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>Why units are held without being sold.</summary>
[JsonConverter(typeof(CamelCaseEnum<HoldKind>))]
public enum HoldKind
{
    /// <summary>A rep's offer to a customer.</summary>
    Quote,
    /// <summary>A basket on its way through a checkout.</summary>
    Cart,
    /// <summary>A marketplace's order that is not paid yet (Amazon's Pending, Mirakl's WAITING_DEBIT).</summary>
    Payment,
    /// <summary>Stock that a person will allot by hand.</summary>
    Allocation,
}

/// <summary>How a hold ended.</summary>
[JsonConverter(typeof(CamelCaseEnum<HoldEnd>))]
public enum HoldEnd { Confirmed, Released, Expired }

/// <summary>That an order is held and not sold: its claims are holds until someone confirms it, lets it go or its time is up.</summary>
/// <param name="Kind">Why.</param>
/// <param name="Owner">Whose it is: a person or a named system.</param>
/// <param name="ExpiresAt">When it lapses.</param>
/// <param name="Limit">Most units of one SKU that the owner may hold in all, as the channel said when the order came; null: no limit.</param>
/// <param name="Ended">How it ended; null while it holds.</param>
/// <param name="EndedAt">When.</param>
/// <param name="EndedBy">Who ended it.</param>
public sealed record Hold(HoldKind Kind, string Owner, DateTimeOffset ExpiresAt, long? Limit = null, HoldEnd? Ended = null, DateTimeOffset? EndedAt = null, string? EndedBy = null);

/// <summary>
/// What becomes of an order that is held (design, section 3: "a quote held until Friday" is a claim like any other): pure functions from document to document.
/// The ledger lets a hold lapse by itself; the order follows.
/// </summary>
public static class Holds
{
    /// <summary>Who lets go of what nobody confirmed.</summary>
    public const string Clock = "system:hold-expiry";

    /// <summary>The order sold: its holds are to become commitments. The same order when it is confirmed already.</summary>
    /// <exception cref="ProblemException">409 it was never held, or holds nothing any more.</exception>
    public static Order Confirmed(Order order, string actor, string owner, DateTimeOffset now)
    {
        if (order.Hold is not { } hold) throw ProblemException.Conflict("not-held", "The order is not on hold", $"Order '{order.Id}' is {Word(order.Status)} and was never on hold.");
        if (hold.Ended is HoldEnd.Confirmed) return order;
        if (order.Status is OrderStatus.Cancelled or OrderStatus.Refused) throw ProblemException.Conflict("not-held", "The order is not on hold", $"Order '{order.Id}' is {Word(order.Status)}.");
        if (AsksFirst(order) && (hold.Ended is not null || hold.ExpiresAt <= now)) throw Lapsed(order);
        var confirmed = order with { Hold = hold with { Ended = HoldEnd.Confirmed, EndedAt = now, EndedBy = actor }, UpdatedAt = now };
        // What is not decided yet was asked for as a hold: it is asked for anew, as a sale.
        return hold.Ended is HoldEnd.Expired || order.Intake is not null ? Again(confirmed, owner, now)
            : confirmed with { Intake = new(IntakeStep.Confirm, 1, owner), IntakeDue = now + Intake.Lease };
    }

    /// <summary>The order held until another day.</summary>
    /// <exception cref="ProblemException">409 it is not on hold (any more).</exception>
    public static Order Extended(Order order, DateTimeOffset until, string owner, DateTimeOffset now)
    {
        if (order.Hold is not { Ended: null } hold || order.Status is OrderStatus.Cancelled or OrderStatus.Refused)
            throw ProblemException.Conflict("not-held", "The order is not on hold", $"Order '{order.Id}' is {Word(order.Status)}: there is nothing to extend.");
        if (hold.ExpiresAt == until) return order;
        if (hold.ExpiresAt <= now) throw Lapsed(order);
        return Again(order with { Hold = hold with { ExpiresAt = until } }, owner, now);
    }

    /// <summary>The order whose time is up: nothing is held from its next revision on. The same order when its time is not up, or it is not held.</summary>
    public static Order Expired(Order order, string owner, DateTimeOffset now) => order.Hold is { Ended: null } hold && hold.ExpiresAt <= now ? Over(order, owner, now) : order;

    /// <summary>The order with nothing held, because what it held is gone.</summary>
    public static Order Over(Order order, string owner, DateTimeOffset now) => order with
    {
        Status = OrderStatus.Expired, Hold = order.Hold! with { Ended = HoldEnd.Expired, EndedAt = now, EndedBy = Clock }, Revision = order.Revision + 1, UpdatedAt = now,
        Lines = [.. order.Lines.Select(line => line with { Committed = 0, Backordered = 0, Oversold = 0, Cancelled = line.Quantity })],
        Intake = new(IntakeStep.Release, 1, owner), IntakeDue = now + Intake.Lease,
    };

    /// <summary>Every line claimed anew at the next revision: with what it holds, or where that lapsed with what there is.</summary>
    public static Order Again(Order order, string owner, DateTimeOffset now) => order with
    {
        Revision = order.Revision + 1, UpdatedAt = now,
        Lines = [.. order.Lines.Select(line => line.Claims ? line with { Revision = order.Revision + 1, Was = line.Quantity, Cancelled = Math.Max(0, (line.Ordered ?? 0) - line.Quantity) } : line)],
        // What was still to be claimed or let go of stays to be done.
        Intake = new(IntakeStep.Claim, 1, owner, order.Intake is { Step: IntakeStep.Claim } pending ? pending.Since : order.Revision + 1), IntakeDue = now + Intake.Lease,
    };

    /// <summary>The 409 of a hold that is over.</summary>
    public static ProblemException Lapsed(Order order) => ProblemException.Conflict("hold-expired", "The hold is over",
        $"Order '{order.Id}' was held until {InstantConverter.Text(order.Hold!.ExpiresAt)} and holds nothing any more. Hand it in again under a new externalId.");

    static bool AsksFirst(Order order) => order.Shortage is ShortagePolicy.Refuse or ShortagePolicy.Partial;

    static string Word(OrderStatus status) => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(status.ToString());
}
