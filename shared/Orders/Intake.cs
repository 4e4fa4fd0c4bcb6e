using Microsoft.Extensions.Logging;
using Selvedge.Channels;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>An order after it was handed in.</summary>
/// <param name="Order">As it stands; still <see cref="OrderStatus.Received"/> when it could not be decided in the time there was.</param>
/// <param name="Repeat">It had been handed in before.</param>
public sealed record Taken(Order Order, bool Repeat);

/// <summary>
/// Takes orders in (design, section 4, "Intake"). The order document is the one place where it is decided what an order is: it is created
/// with its plan, its claims follow from it, and every step is written by ETag. Whoever finds a plan executes it; an all-or-nothing plan, whose
/// outcome depends on the moment, is executed only by its owner, until its time is up and someone takes it over.
/// </summary>
public sealed partial class Intake(
    OrderStore orders, Claiming claiming, Planning planning, StockView stock, OrderExceptions exceptions, TimeProvider time, ILogger<Intake> log)
{
    /// <summary>Longer than any request takes: after it the sweeper may take an order over.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    /// <summary>Most times an order changes hands in one run.</summary>
    const int Rounds = 20;

    /// <summary>Takes an order in. Once it is durable the answer takes <paramref name="patience"/> at most; what is left goes on by itself.</summary>
    /// <exception cref="ProblemException">413 too large; 422 the id was used for another order; 503 it is not known to be durable: send it again.</exception>
    public async Task<Taken> TakeAsync(Channel channel, Draft draft, TimeSpan patience, string? content = null)
    {
        var started = time.GetTimestamp();
        var owner = Guid.NewGuid().ToString("N");
        var planned = (await planning.PlanAsync(channel, draft, owner)) with { Content = content };
        // Side by side, and both before any answer: after a crash in between the sender tries again, and whoever repeats this writes what is missing.
        var person = draft.Person is { IsNobody: false } somebody
            ? orders.CreatePersonAsync(somebody with { Id = planned.Id, Ttl = (int)Surfaces.PeopleKept(planned.ChannelKind).TotalSeconds }) : Task.CompletedTask;
        var creation = orders.CreateAsync(planned);
        await Task.WhenAll(person, creation);
        var (order, created) = creation.Result;
        if (!created && content is not null && order.Content is not null && order.Content != content) throw ProblemException.Reused(order.Id);
        if (created) OrderMetrics.Received(order);
        var left = TimeSpan.FromTicks(Math.Max(0, (patience - time.GetElapsedTime(started)).Ticks));
        if (!created && draft.Cancel is { } cancel) order = await MarkAsync(order, cancel, owner);
        return new(await WithinAsync(order, RunAsync(order, owner), left), !created);
    }

    /// <summary>Cancels an order that is known; one that never came is created cancelled, so that it claims nothing when it comes.</summary>
    public Task<Taken> CancelAsync(Channel channel, Draft cancelled, TimeSpan patience) => cancelled.Cancel is null
        ? throw new ArgumentException("The draft does not say that it is cancelled.", nameof(cancelled))
        : TakeAsync(channel, cancelled, patience);

    /// <summary>Cancels an order by its id. Null when there is none.</summary>
    /// <exception cref="ProblemException">409 it is under way already.</exception>
    public async Task<Taken?> CancelAsync(string id, Cancel cancel, TimeSpan patience)
    {
        if (await orders.ReadAsync(id) is not { } order) return null;
        var (repeat, owner) = (order.Status is OrderStatus.Cancelled, Guid.NewGuid().ToString("N"));
        order = await MarkAsync(order, cancel, owner);
        return new(await WithinAsync(order, RunAsync(order, owner), patience), repeat);
    }

    /// <summary>Takes over an order whose time is up and finishes it; does nothing when there is nothing to do.</summary>
    public async Task FinishAsync(string id)
    {
        if (await orders.ReadAsync(id) is not { Intake: not null } order || order.IntakeDue > time.GetUtcNow()) return;
        var owner = Guid.NewGuid().ToString("N");
        if (await orders.ReplaceAsync(Deciding.TakenOver(order, owner, Now)) is not { } taken) return;
        LogTakenOver(id, taken.Intake!.Step, taken.Intake.Attempts);
        if (taken.Intake.Attempts == 8) await exceptions.StuckAsync(taken);
        await RunAsync(taken, owner);
    }

    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    // Waits for the outcome; when that takes too long the work goes on and the order is told as it was. RunAsync never fails.
    async Task<Order> WithinAsync(Order order, Task<Order> run, TimeSpan patience)
    {
        if (run.IsCompletedSuccessfully) return run.Result;
        try
        {
            return await run.WaitAsync(patience, time);
        }
        catch (TimeoutException)
        {
            return order;
        }
    }

    // The cancel is durable when this returns; what is held is let go of next.
    async Task<Order> MarkAsync(Order order, Cancel cancel, string owner)
    {
        for (var round = 0; round < Rounds && order.Status is not (OrderStatus.Cancelled or OrderStatus.Refused); round++)
        {
            if (order.Status is OrderStatus.Fulfilling or OrderStatus.Shipped)
                throw ProblemException.Conflict("not-cancellable", "The order is under way", $"Order '{order.Id}' is {(order.Status == OrderStatus.Shipped ? "shipped" : "being fulfilled")} and can no longer be cancelled here.");
            var next = await orders.ReplaceAsync(Deciding.Cancelled(order, cancel, owner, Now)) ?? await orders.ReadAsync(order.Id);
            order = next ?? throw ProblemException.NotFound($"Order '{order.Id}' is gone.");
        }
        return order;
    }

    // Does what the document says is next until nothing is, whoever else is doing the same. What fails stays for the sweeper.
    async Task<Order> RunAsync(Order order, string owner)
    {
        try
        {
            for (var round = 0; round < Rounds && order.Intake is { } intake; round++)
            {
                if (intake.Step == IntakeStep.Claim && order.Shortage == ShortagePolicy.Refuse && intake.Owner != owner)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(10 << Math.Min(round, 8)), time);
                    order = await orders.ReadAsync(order.Id) ?? order;
                    continue;
                }
                var next = intake.Step switch
                {
                    IntakeStep.Claim => await ClaimAsync(order),
                    IntakeStep.Settle => await SettleAsync(order, owner),
                    _ => await ReleaseAsync(order),
                };
                order = next ?? await orders.ReadAsync(order.Id) ?? order;
            }
        }
        catch (Exception failure)
        {
            LogLeft(failure, order.Id, order.Intake?.Step);
        }
        return order;
    }

    async Task<Order?> ClaimAsync(Order order)
    {
        if (order.Shortage == ShortagePolicy.Refuse && order.Intake!.Attempts > 1) await claiming.ReleaseAsync(order, order.Revision - 1);
        var claimed = await claiming.ClaimAsync(order);
        if (claimed.Overtaken) return null;
        if (claimed.Refused) claimed = await stock.NameShortAsync(order, claimed);
        var decided = Deciding.Decide(order, claimed, Now);
        // Before the document says that it is done: whoever repeats this opens the same exceptions.
        if (decided.Status is not (OrderStatus.Committed or OrderStatus.Refused)) await exceptions.OpenAsync(decided);
        var written = await orders.ReplaceAsync(decided);
        if (claimed.Refused && Claiming.IsTentative(order)) await claiming.LetGoAsync(order, claimed);
        if (written is not null) OrderMetrics.Decided(written);
        return written;
    }

    async Task<Order?> SettleAsync(Order order, string owner) => await claiming.KeepAsync(order)
        ? await orders.ReplaceAsync(order with { Intake = null, IntakeDue = null, UpdatedAt = Now })
        : await orders.ReplaceAsync(Deciding.TakenOver(order, owner, Now, again: true));

    async Task<Order?> ReleaseAsync(Order order)
    {
        await claiming.ReleaseAsync(order, order.Revision);
        return await orders.ReplaceAsync(order with { Intake = null, IntakeDue = null, UpdatedAt = Now });
    }

    [LoggerMessage(EventId = 3001, Level = LogLevel.Warning, Message = "Order {Order} is left at step {Step} for the sweeper")]
    partial void LogLeft(Exception failure, string order, IntakeStep? step);

    [LoggerMessage(EventId = 3002, Level = LogLevel.Information, Message = "Order {Order} was taken over at step {Step}, attempt {Attempt}")]
    partial void LogTakenOver(string order, IntakeStep step, int attempt);
}
