using Selvedge.Channels;
using Selvedge.Ledger;

namespace Selvedge.Orders;

/// <summary>What an order becomes by what the ledger said: pure functions from document to document.</summary>
public static class Deciding
{
    /// <summary>The order with its outcome. An all-or-nothing order over several lines still has to be settled.</summary>
    public static Order Decide(Order order, Claimed claimed, DateTimeOffset now)
    {
        var lines = new OrderLine[order.Lines.Count];
        for (var i = 0; i < lines.Length; i++) lines[i] = Line(order.Lines[i], claimed.Outcomes[i], order.Shortage, claimed.Refused);
        var settles = !claimed.Refused && Claiming.IsTentative(order);
        return order with
        {
            Lines = lines,
            Status = claimed.Refused ? OrderStatus.Refused : StatusOf(lines),
            UpdatedAt = now,
            Intake = settles ? order.Intake! with { Step = IntakeStep.Settle } : null,
            IntakeDue = settles ? order.IntakeDue : null,
        };
    }

    /// <summary>The order cancelled: nothing is to be held from its next revision on.</summary>
    public static Order Cancelled(Order order, Cancel cancel, string owner, DateTimeOffset now) => order with
    {
        Status = OrderStatus.Cancelled,
        Cancel = cancel,
        Revision = order.Revision + 1,
        Lines = [.. order.Lines.Select(line => line with { Committed = 0, Backordered = 0, Oversold = 0, Cancelled = line.Quantity })],
        UpdatedAt = now,
        Intake = order.Lines.Any(line => line.Claims) && !order.Test ? new(IntakeStep.Release, 1, owner) : null,
        IntakeDue = order.Lines.Any(line => line.Claims) && !order.Test ? now + Intake.Lease : null,
    };

    /// <summary>The order in the hands of someone new, because its time was up or its tentative claims lapsed. All-or-nothing orders skip a
    /// revision: at that one everything earlier is fenced off before they ask again.</summary>
    public static Order TakenOver(Order order, string owner, DateTimeOffset now, bool again = false)
    {
        var attempts = order.Intake!.Attempts + 1;
        var next = order with
        {
            Intake = new(again ? IntakeStep.Claim : order.Intake.Step, attempts, owner),
            IntakeDue = now + TimeSpan.FromSeconds(Math.Min(3600, Intake.Lease.TotalSeconds * Math.Pow(2, Math.Min(attempts - 1, 10)))),
            UpdatedAt = now,
        };
        if (next.Intake.Step != IntakeStep.Claim || order.Shortage != ShortagePolicy.Refuse) return next;
        return next with { Status = OrderStatus.Received, Revision = order.Revision + 2, Plan = order.Plan! with { RoutedAt = now, Revision = order.Revision + 2 } };
    }

    static OrderLine Line(OrderLine line, Outcome? outcome, ShortagePolicy policy, bool refused)
    {
        if (outcome is null) return line;
        if (refused) return line with { Committed = 0, Missing = outcome.Verdict == Verdict.Refused ? Math.Max(1, line.Quantity - outcome.Available) : 0 };
        long held = 0;
        foreach (var (place, units) in outcome.Held ?? new Dictionary<string, long>(0))
            if (place != Accounts.Short) held += units;
        return policy switch
        {
            ShortagePolicy.Oversold => line with { Committed = held, Oversold = line.Quantity - held },
            ShortagePolicy.Backorder => line with { Committed = held, Backordered = line.Quantity - held },
            _ => line with { Committed = held, Missing = line.Quantity - held },
        };
    }

    static OrderStatus StatusOf(OrderLine[] lines) =>
        lines.Any(line => line.Oversold > 0) ? OrderStatus.Oversold
        : lines.Any(line => line.Backordered > 0) ? OrderStatus.Backordered
        : lines.Any(line => line.Missing > 0 || line.Kind == LineKind.Unknown) ? OrderStatus.Partial
        : OrderStatus.Committed;
}
