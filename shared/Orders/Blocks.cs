using System.Text.Json;
using System.Text.Json.Serialization;
using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>Why an order is not begun although its units are held.</summary>
[JsonConverter(typeof(CamelCaseEnum<BlockKind>))]
public enum BlockKind
{
    Payment, Fraud, Credit, Address, Manual,
    /// <summary>The channel does not want it sent yet: it is not accepted there, or not paid.</summary>
    Channel,
}

/// <summary>Something that keeps an order from being begun, until it is lifted.</summary>
/// <param name="Kind">Which; an order is blocked once by each kind.</param>
/// <param name="Reason">Why, in the words of who did it.</param>
/// <param name="By">Who: a person or a named system.</param>
/// <param name="At">When.</param>
/// <param name="LiftedBy">Who lifted it; null while it stands.</param>
/// <param name="LiftedAt">When.</param>
public sealed record Block(BlockKind Kind, string? Reason, string By, DateTimeOffset At, string? LiftedBy = null, DateTimeOffset? LiftedAt = null);

/// <summary>Blocks orders and lets parked deliveries go on: facts on the order document, which its fulfilment looks at.</summary>
public sealed class Blocks(OrderStore orders, PickTickets tickets, DueOrders due, TimeProvider time)
{
    const int Tries = 20, Most = 100;

    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    /// <summary>Blocks an order; one that is blocked so already is answered as it is. Null: there is no such order.</summary>
    /// <exception cref="ProblemException">409 nothing of it is to be sent any more, or it was blocked too often.</exception>
    public Task<(Order Order, bool Changed)?> BlockAsync(string id, BlockKind kind, string? reason, string actor) => ChangeAsync(id, (order, now) =>
        order.Blocks?.Any(block => block.Kind == kind && block.LiftedAt is null) == true ? order
        : order.Status is OrderStatus.Cancelled or OrderStatus.Refused or OrderStatus.Expired or OrderStatus.Shipped ? throw ProblemException.Conflict("not-blockable", "Nothing is to be sent", $"Order '{id}' is {Word(order.Status)}: there is nothing to block.")
        : order.Blocks?.Count >= Most ? throw ProblemException.Conflict("too-many-blocks", "It was blocked too often", $"Order '{id}' was blocked {Most} times. Decide, and cancel it or send it.")
        : Due(order with { Blocks = [.. order.Blocks ?? [], new(kind, reason, actor, now)] }, now));

    /// <summary>Lifts a block; one that is lifted is answered as it is. Null: there is no such order.</summary>
    /// <exception cref="ProblemException">404 it was never blocked so.</exception>
    public Task<(Order Order, bool Changed)?> LiftAsync(string id, BlockKind kind, string actor) => ChangeAsync(id, (order, now) =>
        order.Blocks?.Any(block => block.Kind == kind) != true ? throw ProblemException.NotFound($"Order '{id}' was never blocked for {Word(kind)}.")
        : order.Blocks.All(block => block.Kind != kind || block.LiftedAt is not null) ? order
        : Due(order with { Blocks = [.. order.Blocks.Select(block => block.Kind == kind && block.LiftedAt is null ? block with { LiftedBy = actor, LiftedAt = now } : block)] }, now));

    /// <summary>Lets a parked delivery go on. Null: there is no such order.</summary>
    /// <exception cref="ProblemException">404 it has no such delivery; 409 it is over.</exception>
    public Task<(Order Order, bool Changed)?> ResumeAsync(string id, int delivery) => ChangeAsync(id, (order, now) =>
        order.Deliveries?.FirstOrDefault(found => found.Id == delivery) is not { } found ? throw ProblemException.NotFound($"Order '{id}' has no delivery {delivery}.")
        : found.Status is DeliveryStatus.Closed or DeliveryStatus.Cancelled ? throw ProblemException.Conflict("delivery-over", "The delivery is over", $"Delivery {delivery} of order '{id}' is {Word(found.Status)}.")
        : found.Parked is null ? order
        : Due(Deliveries.With(order, found with { Parked = null }), now));

    // Under way, the orchestration is to see it; waiting, it may be due now, or not any more.
    static Order Due(Order order, DateTimeOffset now) => Deliveries.Schedule(order with { UpdatedAt = now }, now);

    async Task<(Order Order, bool Changed)?> ChangeAsync(string id, Func<Order, DateTimeOffset, Order> change)
    {
        for (var tries = 0; tries < Tries; tries++)
        {
            if (await orders.ReadAsync(id) is not { } order) return null;
            var now = Now;
            var next = change(order, now);
            if (ReferenceEquals(next, order)) return (order, false);
            if (await orders.ReplaceAsync(next) is not { } written) continue;
            // Before it is answered: nothing that somebody has begun leaves from now on.
            if (written.IsBlocked && written.UnderWay?.Tickets is { Count: > 0 } begun) await tickets.HoldBackAsync(begun, FulfilmentRules.Blocked(written));
            due.Note(written, now);
            return (written, true);
        }
        throw ProblemException.Busy($"Order '{id}' is being changed by others. Send it again.");
    }

    static string Word<T>(T value) where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());
}
