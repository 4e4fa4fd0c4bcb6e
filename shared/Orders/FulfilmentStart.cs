using Microsoft.Extensions.Configuration;
using Selvedge.Platform;
using Selvedge.Returns;

namespace Selvedge.Orders;

/// <summary>What is to be done about the orchestration of a delivery.</summary>
public enum Beginning
{
    /// <summary>Nothing.</summary>
    Nothing,
    /// <summary>Start it; one that exists is as good.</summary>
    Start,
    /// <summary>Tell it that something changed.</summary>
    Tell,
    /// <summary>See whether it is still there: tell it, else begin again (<see cref="FulfilmentStart.AgainAsync"/>).</summary>
    Check,
}

/// <summary>
/// Begins what is due (design, section 4): the delivery is moved to <c>fulfilling</c> by ETag with the next run's number, then its orchestration is started. Whoever
/// dies in between is found by the order's date. A message that comes again, or too late, finds nothing to begin.
/// </summary>
public sealed class FulfilmentStart(OrderStore orders, Intake intake, ExpectedReturns returns, OrderExceptions exceptions, IConfiguration configuration, TimeProvider time)
{
    const int Tries = 20;
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    /// <summary>Looks at an order that may be due.</summary>
    /// <param name="id">The order's id.</param>
    /// <param name="hurried">Somebody said that it changed: what is under way is told at once, not when its date has passed.</param>
    /// <returns>What is to be done about which orchestration; null: there is no such order.</returns>
    public async Task<(Beginning What, FulfilmentRun? Run)?> LookAsync(string id, bool hurried)
    {
        for (var tries = 0; tries < Tries; tries++)
        {
            if (await orders.ReadAsync(id) is not { } order) return null;
            var now = Now;
            if (order.FulfilDue is not { } looked) return (Beginning.Nothing, null);
            if (order.UnderWay is { } mine)
                // Told although it has not begun, as far as anybody said: it may have met a change under way, and wait.
                return (looked <= now ? Beginning.Check : hurried && looked <= now + Deliveries.Unconfirmed ? Beginning.Tell : Beginning.Nothing, new(id, mine.Id, mine.Run));
            if (looked > now || order.Intake is not null) return (Beginning.Nothing, null);
            if (order.Cancel is { Settled: false } && order.Status is OrderStatus.Shipped)
            {
                await exceptions.CancelledUnderWayAsync(order);
                await returns.ExpectBackAsync(order);
                if (await orders.ReplaceAsync(order with { Cancel = order.Cancel with { Settled = true }, FulfilDue = null }) is not null) return (Beginning.Nothing, null);
            }
            else if (order.ShipWindow?.CancelAfter is { } late && late <= now)
            {
                await exceptions.ShipWindowAsync(order);
                await intake.CancelAsync(id, new(CancelState.Done, now, $"Not sent by {InstantConverter.Text(late)}.", ShipWindow.Clock), Patience);
                return (Beginning.Nothing, null);
            }
            else if (order.Deliveries is not [.., { Status: DeliveryStatus.Waiting } next] || order.IsBlocked || !(next.DueAt <= now))
            {
                if (await orders.ReplaceAsync(Deliveries.Schedule(order, now)) is not null) return (Beginning.Nothing, null);
            }
            else if (configuration.GetValue("Fulfilment:Paused", false)) return (Beginning.Nothing, null);
            else
            {
                var begun = next with { Status = DeliveryStatus.Fulfilling, Run = next.Run + 1, StartedAt = now, Begun = false };
                if (await orders.ReplaceAsync(Deliveries.With(order, begun) with { Status = OrderStatus.Fulfilling, FulfilDue = now + Deliveries.Unconfirmed, UpdatedAt = now }) is not null)
                    return (Beginning.Start, new(id, begun.Id, begun.Run));
            }
        }
        throw ProblemException.Busy($"Order '{id}' is being changed by others.");
    }

    /// <summary>True when the run was given to nobody yet, as far as anybody said.</summary>
    public async Task<bool> IsNewAsync(FulfilmentRun run) =>
        await orders.ReadAsync(run.Order) is { UnderWay: { Begun: false } mine } && mine.Id == run.Delivery && mine.Run == run.Run;

    /// <summary>Begins a delivery again whose orchestration is gone: under the next run's number, so that the one before, should it turn up, does nothing. Null: it
    /// was not lost after all.</summary>
    public async Task<FulfilmentRun?> AgainAsync(FulfilmentRun lost)
    {
        if (await orders.ReadAsync(lost.Order) is not { } order || order.UnderWay is not { } mine || mine.Id != lost.Delivery || mine.Run != lost.Run) return null;
        var again = mine with { Run = mine.Run + 1, Begun = false };
        return await orders.ReplaceAsync(Deliveries.With(order, again) with { FulfilDue = Now + Deliveries.Unconfirmed, UpdatedAt = Now }) is null ? null : new(lost.Order, again.Id, again.Run);
    }

    /// <summary>Puts off the next look at a delivery whose orchestration is there and was told.</summary>
    public async Task PutOffAsync(FulfilmentRun there)
    {
        if (await orders.ReadAsync(there.Order) is { } order && order.UnderWay is { } mine && mine.Id == there.Delivery && mine.Run == there.Run && order.FulfilDue <= Now)
            await orders.ReplaceAsync(order with { FulfilDue = Now + (mine.Begun ? Deliveries.Unconfirmed : 5 * Deliveries.Unconfirmed) });
    }
}
