using Selvedge.Channels;
using Selvedge.Ledger;

namespace Selvedge.Orders;

/// <summary>What an order becomes by what the ledger said: pure functions from document to document.</summary>
public static class Deciding
{
    /// <summary>The order with its outcome, its till's facts told. An all-or-nothing order over several lines still has to be settled.</summary>
    public static Order Decide(Order order, Claimed claimed, DateTimeOffset now)
    {
        order = order.Postings is null ? order : Told(order);
        var lines = new OrderLine[order.Lines.Count];
        for (var i = 0; i < lines.Length; i++) lines[i] = Line(order.Lines[i], claimed.Outcomes[i], order.Shortage, claimed.Refused);
        var settles = !claimed.Refused && Claiming.IsTentative(order);
        return Deliveries.Schedule(order with
        {
            Lines = lines,
            Status = order.Status is OrderStatus.Cancelled ? OrderStatus.Cancelled : claimed.Refused ? OrderStatus.Refused : StatusOf(order, lines),
            UpdatedAt = now,
            Intake = settles ? order.Intake! with { Step = IntakeStep.Settle } : null,
            IntakeDue = settles ? order.IntakeDue : claimed.Refused ? null : HeldUntil(order),
        }, now);
    }

    /// <summary>When the sweeper is to look at a decided order again: when its hold ends.</summary>
    public static DateTimeOffset? HeldUntil(Order order) => order.Hold is { Ended: null } hold ? hold.ExpiresAt : null;

    /// <summary>The order whose claims were kept: tentative ones are firm, holds commitments.</summary>
    public static Order Kept(Order order, DateTimeOffset now) => Deliveries.Schedule(order with { Status = StatusOf(order, order.Lines), Intake = null, IntakeDue = HeldUntil(order), UpdatedAt = now }, now);

    /// <summary>The order after an edit that asks first was refused: every line holds again what it held before. What the channel asks for stays stated.</summary>
    public static Order EditRefused(Order order, DateTimeOffset now) => order with
    {
        Revision = order.Revision + 1,
        Lines = [.. order.Lines.Select(line => line.Was is not { } was || was == line.Quantity ? line
            : line with { Quantity = was, Was = line.Quantity, Stated = line.Stated ?? line.Quantity, Revision = order.Revision + 1 })],
        Intake = order.Intake! with { Since = order.Revision + 1 },
        UpdatedAt = now,
    };

    /// <summary>The order whose facts of a till the ledger has.</summary>
    public static Order Told(Order order)
    {
        var told = order with { Postings = order.Postings?.Select(posting => posting.Done ? posting : posting with { Done = true }).ToList() };
        return told with { Lines = [.. told.Lines.Select(line => line.FulfilledBy is FulfilledBy.Till ? line with { Shipped = TillFacts.Shipped(told, line) } : line)] };
    }

    /// <summary>The order by what the ledger holds short for its lines now, in units by line: what waited may have been served, what was held taken away.
    /// The same order when nothing is different.</summary>
    public static Order Progressed(Order order, IReadOnlyDictionary<string, long> waiting, DateTimeOffset now)
    {
        var lines = order.Lines.Select(line => line.Claims && Waits(line) != waiting.GetValueOrDefault(line.Id) ? Waiting(line, order.Shortage, waiting.GetValueOrDefault(line.Id)) : line).ToArray();
        return lines.SequenceEqual(order.Lines, ReferenceEqualityComparer.Instance) ? order : Deliveries.Schedule(order with { Lines = lines, Status = StatusOf(order, lines), UpdatedAt = now }, now);
    }

    static long Waits(OrderLine line) => line.Backordered + line.Oversold;

    /// <summary>The line with so many units that wait.</summary>
    internal static OrderLine Waiting(OrderLine line, ShortagePolicy policy, long units) => line with
    {
        Committed = Math.Max(0, line.Quantity - line.Shipped - line.Missing - units), Oversold = policy is ShortagePolicy.Backorder ? 0 : units, Backordered = policy is ShortagePolicy.Backorder ? units : 0,
    };

    /// <summary>The order cancelled: nothing is to be held from its next revision on.</summary>
    public static Order Cancelled(Order order, Cancel cancel, string owner, DateTimeOffset now) => order with
    {
        Status = order.Lines.Any(IsSent) ? OrderStatus.Shipped : OrderStatus.Cancelled,
        Cancel = order.Lines.Any(IsSent) ? cancel with { Settled = true } : cancel,
        Hold = order.Hold is { Ended: null } hold ? hold with { Ended = HoldEnd.Released, EndedAt = now, EndedBy = cancel.Actor } : order.Hold,
        Revision = order.Revision + 1,
        Lines = [.. order.Lines.Select(line => (order.Lines.Any(IsSent) ? CutTo(line, line.Shipped, order.Revision + 1) with { Was = null } : line with { Cancelled = line.Quantity }) with { Committed = 0, Backordered = 0, Oversold = 0 })],
        UpdatedAt = now,
        Intake = HasToRelease(order) ? new(IntakeStep.Release, 1, owner) : null,
        IntakeDue = HasToRelease(order) ? now + Intake.Lease : null,
    };

    /// <summary>The order that turned out to be a trial: nothing is to be held from its next revision on.</summary>
    public static Order Tried(Order order, string owner, DateTimeOffset now) => order with
    {
        Status = OrderStatus.Committed,
        Revision = order.Revision + 1,
        Lines = [.. order.Lines.Select(line => line with { Committed = 0, Backordered = 0, Oversold = 0 })],
        Intake = order.Lines.Any(line => line.MayHold) ? new(IntakeStep.Release, 1, owner) : null,
        IntakeDue = order.Lines.Any(line => line.MayHold) ? now + Intake.Lease : null,
    };

    /// <summary>The line with no more than <paramref name="units"/> asked for; the rest is cancelled, at the order's <paramref name="revision"/>.</summary>
    public static OrderLine CutTo(OrderLine line, long units, long revision) => line.Quantity <= units || !line.TakesStock ? line : line with
    {
        Quantity = units, Stated = line.Stated ?? line.Quantity, Ordered = line.Ordered ?? line.Quantity, Cancelled = (line.Ordered ?? line.Quantity) - units, Was = line.Was ?? line.Quantity, Revision = revision,
    };

    /// <summary>True for goods of ours of which some were sent.</summary>
    public static bool IsSent(OrderLine line) => line is { TakesStock: true, Shipped: > 0 };

    static bool HasToRelease(Order order) => order.Lines.Any(line => line.MayHold) && (!order.Test || order.Intake is not null);

    /// <summary>The order in the hands of someone new, because its time was up or its tentative claims lapsed. All-or-nothing orders skip a
    /// revision: at that one everything earlier is fenced off before they ask again. Orders with bundles ask at a new one.</summary>
    public static Order TakenOver(Order order, string owner, DateTimeOffset now, bool again = false)
    {
        var attempts = order.Intake!.Attempts + 1;
        var next = order with
        {
            Intake = new(again ? IntakeStep.Claim : order.Intake.Step, attempts, owner, order.Intake.Since),
            IntakeDue = now + TimeSpan.FromSeconds(Math.Min(3600, Intake.Lease.TotalSeconds * Math.Pow(2, Math.Min(attempts - 1, 10)))),
            UpdatedAt = now,
        };
        if (next.Intake.Step != IntakeStep.Claim || Claiming.IsEdit(order)) return next;
        // What was asked tentatively for a bundle may have lapsed, and the ledger's answers to it with that: it is asked anew.
        if (order.Shortage != ShortagePolicy.Refuse)
            return order.Lines.Any(line => line is { Claims: true, Bundle: not null }) ? next with { Revision = order.Revision + 1, Plan = order.Plan! with { RoutedAt = now, Revision = order.Revision + 1 } } : next;
        return next with { Status = OrderStatus.Received, Revision = order.Revision + 2, Plan = order.Plan! with { RoutedAt = now, Revision = order.Revision + 2 } };
    }

    static OrderLine Line(OrderLine line, Outcome? outcome, ShortagePolicy policy, bool refused)
    {
        if (line.Was is not null) line = line with { Was = null };
        if (outcome is null) return line;
        if (refused) return line with { Committed = 0, Missing = outcome.Verdict == Verdict.Refused ? Math.Max(1, line.Quantity - outcome.Available) : 0 };
        // Of an order under way what is short waits, whatever its channel asks for.
        if (policy is ShortagePolicy.Oversold or ShortagePolicy.Backorder || outcome.Short > 0) return Waiting(line with { Missing = 0 }, policy, outcome.Short);
        long held = 0;
        foreach (var (place, units) in outcome.Held ?? new Dictionary<string, long>(0))
            if (place != Accounts.Short) held += units;
        return line with { Committed = held, Missing = Math.Max(0, line.Quantity - line.Shipped - held), Oversold = 0 };
    }

    /// <summary>What the order is by its lines and deliveries.</summary>
    public static OrderStatus StatusOf(Order order, IReadOnlyList<OrderLine> lines) =>
        order.Hold is { Ended: null } ? OrderStatus.Held
        : order.UnderWay is not null ? OrderStatus.Fulfilling
        : lines.Any(line => line.Oversold > 0) ? OrderStatus.Oversold
        : lines.Any(line => line.Backordered > 0) ? OrderStatus.Backordered
        : order.Cancel is { Settled: true } && !lines.Any(IsSent) ? OrderStatus.Cancelled
        : lines.Any(IsSent) && lines.All(line => line.Kind is LineKind.Unknown ? line.Quantity == 0 : !line.TakesStock || line.Shipped + line.Missing >= line.Quantity) ? OrderStatus.Shipped
        : lines.Any(line => line.Missing > 0 || line.Kind == LineKind.Unknown) || TillFacts.IsLost(order) ? OrderStatus.Partial
        : order.Till is not null && lines.Any(line => line is { Kind: LineKind.Stock, FulfilledBy: FulfilledBy.Till }) ? OrderStatus.Shipped
        : OrderStatus.Committed;
}
