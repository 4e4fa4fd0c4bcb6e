using Microsoft.Extensions.Logging;
using Selvedge.Channels;
using Selvedge.Picking;
using Selvedge.Platform;
using Selvedge.Returns;

namespace Selvedge.Orders;

/// <summary>An order after it was handed in.</summary>
/// <param name="Order">As it stands; still <see cref="OrderStatus.Received"/> when it could not be decided in the time there was.</param>
/// <param name="Repeat">It had been handed in before.</param>
/// <param name="Heard">What the payload was to the document.</param>
public sealed record Taken(Order Order, bool Repeat, Heard Heard = Heard.New);

/// <summary>
/// Takes orders in (design, section 4, "Intake"). The order document is the one place where it is decided what an order is: it is created
/// with its plan, its claims follow from it, and every step is written by ETag. Whoever finds a plan executes it; an all-or-nothing plan, whose
/// outcome depends on the moment, is executed only by its owner, until its time is up and someone takes it over.
/// </summary>
public sealed partial class Intake(
    OrderStore orders, Claiming claiming, TillPoster tills, Planning planning, StockView stock, OrderExceptions exceptions, ExpectedReturns returns, PickTickets tickets, DueOrders due, Precedence precedence, TimeProvider time, ILogger<Intake> log)
{
    /// <summary>Longer than any request takes: after it the sweeper may take an order over.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    /// <summary>Why the tickets of a cancelled order do not leave, until it is settled which of them go back.</summary>
    const string Cancelled = "its order was cancelled.";

    /// <summary>Most times an order changes hands in one run.</summary>
    const int Rounds = 20;

    /// <summary>Takes an order in. Once it is durable the answer takes <paramref name="patience"/> at most; what is left goes on by itself.</summary>
    /// <exception cref="ProblemException">413 too large; 422 the id was used for another order; 503 it is not known to be durable: send it again.</exception>
    public async Task<Taken> TakeAsync(Channel channel, Draft draft, TimeSpan patience, string? content = null)
    {
        using var hand = precedence.Take();
        var started = time.GetTimestamp();
        var owner = Guid.NewGuid().ToString("N");
        var planned = (await planning.PlanAsync(channel, draft, owner)) with { Content = content };
        var person = PersonOf(draft, planned);
        // Side by side, and both before any answer: after a crash in between the sender tries again, and whoever repeats this writes what is missing.
        // Where another content is refused, nothing of it is kept.
        var writing = person is not null && content is null ? orders.CreatePersonAsync(person) : Task.CompletedTask;
        var creation = orders.CreateAsync(planned);
        await Task.WhenAll(writing, creation);
        var (order, created) = creation.Result;
        if (!created && content is not null && order.Content != content) throw ProblemException.Reused(order.Id);
        if (person is not null && content is not null) await orders.CreatePersonAsync(person);
        if (created) OrderMetrics.Received(order);
        var heard = created ? Heard.New : Heard.Repeat;
        if (!created && draft.Version is not null) (order, heard) = await FollowAsync(channel, order, draft, owner);
        else if (!created && draft.Cancel is { } cancel) order = await MarkAsync(order, cancel, owner);
        return new(await WithinAsync(order, RunAsync(order, owner), Left(patience, started)), heard is Heard.Repeat or Heard.Older, heard);
    }

    /// <summary>Takes in a later state of an order that is probably known; one that is not is taken in as it is.</summary>
    /// <exception cref="ProblemException">As <see cref="TakeAsync"/>.</exception>
    public async Task<Taken> UpdateAsync(Channel channel, Draft draft, TimeSpan patience)
    {
        var started = time.GetTimestamp();
        if (await orders.ReadAsync(Ids.Order(channel.Id, draft.ExternalId)) is not { } known) return await TakeAsync(channel, draft, patience);
        var owner = Guid.NewGuid().ToString("N");
        var (order, heard) = await FollowAsync(channel, known, draft, owner);
        return new(await WithinAsync(order, RunAsync(order, owner), Left(patience, started)), heard is Heard.Repeat or Heard.Older, heard);
    }

    /// <summary>Takes in a refund. One that comes before its order is kept and counts when the order comes.</summary>
    /// <exception cref="ProblemException">As <see cref="TakeAsync"/>.</exception>
    public async Task<Taken> RefundAsync(Channel channel, string externalId, Refund refund, TimeSpan patience)
    {
        var (started, owner, id) = (time.GetTimestamp(), Guid.NewGuid().ToString("N"), Ids.Order(channel.Id, externalId));
        if (await orders.ReadAsync(id) is not { } order)
        {
            (order, var created) = await orders.CreateAsync(new()
            {
                Id = id, Channel = channel.Id, ChannelKind = Surfaces.Of(channel.Is), ExternalId = externalId, Status = OrderStatus.Announced, CreatedAt = Now, UpdatedAt = Now,
                Currency = "", Revision = 0, Shortage = channel.Shortage, Lines = [], Refunds = [refund],
            });
            if (created || order.Status is OrderStatus.Announced && order.Refunds?.Any(known => known.Id == refund.Id) == true) return new(order, !created, Heard.Kept);
        }
        (order, var changed) = await ChangeAsync(order, owner, current => Task.FromResult(OrderChanges.Refunded(current, refund, owner, Now, channel.PlaceOf)));
        await RefundedAsync(order, refund);
        return new(await WithinAsync(order, RunAsync(order, owner), Left(patience, started)), !changed, changed ? Heard.Changed : Heard.Repeat);
    }

    /// <summary>Notes that the channel changed the order at <paramref name="at"/> without saying to what. Null when the order is not known.</summary>
    public async Task<Taken?> NoteEditAsync(Channel channel, string externalId, DateTimeOffset at)
    {
        if (await orders.ReadAsync(Ids.Order(channel.Id, externalId)) is not { } order) return null;
        (order, var changed) = await ChangeAsync(order, "", current => Task.FromResult(current.Source?.Covers(at) == true || current.Reread >= at ? current : current with { Reread = at, UpdatedAt = Now }));
        return new(order, !changed, changed ? Heard.Kept : Heard.Repeat);
    }

    /// <summary>Moves lines to another place because a person at the channel did. Null when the order is not known.</summary>
    public async Task<Taken?> MoveAsync(string id, IReadOnlyCollection<string> lines, Move move, TimeSpan patience)
    {
        if (await orders.ReadAsync(id) is not { } order) return null;
        var (started, owner) = (time.GetTimestamp(), Guid.NewGuid().ToString("N"));
        (order, var changed) = await ChangeAsync(order, owner, current => Task.FromResult(OrderChanges.Moved(current, lines, move, owner, Now)));
        return new(await WithinAsync(order, RunAsync(order, owner), Left(patience, started)), !changed, changed ? Heard.Changed : Heard.Repeat);
    }

    /// <summary>Claims, or posts, what the catalogue or the channel's list of places did not know when the order came. Null when there is no such order.</summary>
    public async Task<Taken?> ResolveAsync(Channel channel, string id, TimeSpan patience)
    {
        if (await orders.ReadAsync(id) is not { } order) return null;
        var (started, owner) = (time.GetTimestamp(), Guid.NewGuid().ToString("N"));
        (order, var changed) = await ChangeAsync(order, owner, async current =>
        {
            if (await planning.ResolveAsync(current) is null && !TillFacts.IsLost(current)) return current;
            var next = OrderChanges.Resolved(current, await planning.ResolveAsync(current) ?? current.Lines, owner, Now, channel.PlaceOf);
            return ReferenceEquals(next.Lines, current.Lines) && next.Postings == current.Postings ? current : await planning.CompleteAsync(next, channel);
        });
        return new(await WithinAsync(order, RunAsync(order, owner), Left(patience, started)), !changed, changed ? Heard.Changed : Heard.Repeat);
    }

    /// <summary>Cancels an order by its id. Null when there is none.</summary>
    /// <exception cref="ProblemException">409 it was sent already.</exception>
    public async Task<Taken?> CancelAsync(string id, Cancel cancel, TimeSpan patience)
    {
        if (await orders.ReadAsync(id) is not { } order) return null;
        var (repeat, owner) = (order.Status is OrderStatus.Cancelled || (order.UnderWay is not null && order.Cancel is { State: not CancelState.Refused }), Guid.NewGuid().ToString("N"));
        order = await MarkAsync(order, cancel, owner);
        return new(await WithinAsync(order, RunAsync(order, owner), patience), repeat);
    }

    /// <summary>Changes how many units lines of an order of ours want; the same again changes nothing. Null when there is no such order.</summary>
    /// <exception cref="ProblemException">400 no such line; 409 the channel says what it wants, or so many have left.</exception>
    public async Task<Taken?> EditAsync(string id, IReadOnlyDictionary<string, long> wanted, TimeSpan patience) =>
        await ChangedAsync(id, (order, owner) => OrderChanges.Edited(order, wanted, owner, Now), patience);

    /// <summary>Sells what an order holds. Null when there is none.</summary>
    /// <exception cref="ProblemException">409 it is not on hold, or holds nothing any more.</exception>
    public async Task<Taken?> ConfirmAsync(string id, string actor, TimeSpan patience)
    {
        if (await ChangedAsync(id, (order, owner) => Holds.Confirmed(order, actor, owner, Now), patience) is not { } taken) return null;
        return taken.Order.Status is OrderStatus.Expired ? throw Holds.Lapsed(taken.Order) : taken;
    }

    /// <summary>Holds what an order holds until another day. Null when there is none.</summary>
    /// <exception cref="ProblemException">409 it is not on hold, or holds nothing any more.</exception>
    public Task<Taken?> ExtendAsync(string id, DateTimeOffset until, TimeSpan patience) => ChangedAsync(id, (order, owner) => Holds.Extended(order, until, owner, Now), patience);

    async Task<Taken?> ChangedAsync(string id, Func<Order, string, Order> change, TimeSpan patience)
    {
        if (await orders.ReadAsync(id) is not { } order) return null;
        var (started, owner) = (time.GetTimestamp(), Guid.NewGuid().ToString("N"));
        (order, var changed) = await ChangeAsync(order, owner, current => Task.FromResult(change(current, owner)));
        return new(await WithinAsync(order, RunAsync(order, owner), Left(patience, started)), !changed, changed ? Heard.Changed : Heard.Repeat);
    }

    /// <summary>Does what the document, as its fulfilment wrote it, says is next. Never fails: what does stays for the sweeper.</summary>
    public Task<Order> GoOnAsync(Order order) => order.Intake is { } intake ? RunAsync(order, intake.Owner) : Task.FromResult(order);

    /// <summary>Takes over an order whose time is up and finishes it, or ends its hold; does nothing when there is nothing to do.</summary>
    public async Task FinishAsync(string id)
    {
        if (await orders.ReadAsync(id) is not { IntakeDue: { } due } order || due > time.GetUtcNow()) return;
        var owner = Guid.NewGuid().ToString("N");
        if (order.Intake is null)
        {
            var over = Holds.Expired(order, owner, Now);
            if (!ReferenceEquals(over, order) && await orders.ReplaceAsync(over) is { } expired) await RunAsync(expired, owner);
            return;
        }
        if (await orders.ReplaceAsync(Deciding.TakenOver(order, owner, Now)) is not { } taken) return;
        LogTakenOver(id, taken.Intake!.Step, taken.Intake.Attempts);
        if (taken.Intake.Attempts == 8) await exceptions.StuckAsync(taken);
        await RunAsync(taken, owner);
    }

    async Task<(Order Order, Heard Heard)> FollowAsync(Channel channel, Order order, Draft draft, string owner)
    {
        var said = await planning.ReadAsync(channel, draft);
        var heard = OrderChanges.Judge(order, said);
        // Before the order: when this fails, the sender tries again and the order is not yet what it says.
        if (heard is Heard.Changed && order.Source is not null && PersonOf(draft, said) is { } person) await orders.RenewPersonAsync(person);
        else if (order.Status is OrderStatus.Announced && PersonOf(draft, said) is { } first) await orders.CreatePersonAsync(first);
        (order, var changed) = await ChangeAsync(order, owner, async current =>
        {
            heard = OrderChanges.Judge(current, said);
            var next = OrderChanges.Follow(current, said, owner, Now, channel.PlaceOf);
            return ReferenceEquals(next, current) ? current : await planning.CompleteAsync(next, channel);
        });
        // Told again when the message comes again: whoever heard it first may have died once it was durable. Ids follow from what it is about.
        if (draft.Cancel is not null && order.Cancel is { State: CancelState.Done } && order.Status is OrderStatus.Fulfilling or OrderStatus.Shipped && order.UnderWay is null && order.Till is null) await exceptions.CancelledUnderWayAsync(order);
        // Where nothing is to be claimed anew its fulfilment is told at once; otherwise when that is decided.
        if (changed && order.Intake is null) due.Note(order, Now);
        foreach (var refund in changed || heard is not Heard.Older ? draft.Refunds ?? [] : []) await RefundedAsync(order, refund);
        if (heard is Heard.Older) LogOlder(order.Id);
        return (order, changed && heard is not Heard.Changed ? Heard.Changed : heard);
    }

    // Money only; what is to come back is expected, and what does come is said by who receives it.
    async Task RefundedAsync(Order order, Refund refund)
    {
        await exceptions.RefundedAsync(order, refund);
        await returns.ExpectBackAsync(order, refund);
    }

    // What is decided by the document is decided again when someone else wrote it meanwhile. The same document back: nothing to write.
    async Task<(Order Order, bool Changed)> ChangeAsync(Order order, string owner, Func<Order, Task<Order>> change)
    {
        for (var round = 0; round < Rounds; round++)
        {
            // An all-or-nothing order is decided before it changes: its answer depends on the moment and is its owner's. So is what is being confirmed.
            if (IsBound(order)) order = await RunAsync(order, owner);
            if (IsBound(order)) break;
            var next = await change(order);
            if (ReferenceEquals(next, order)) return (order, false);
            if (await orders.ReplaceAsync(next) is { } written)
            {
                // Before it is answered: nothing leaves by what was wanted before.
                if (written.UnderWay?.Tickets is { Count: > 0 } begun && (written.Revision != order.Revision || written.Cancel != order.Cancel || written.IsBlocked != order.IsBlocked))
                    await tickets.HoldBackAsync(begun, written.Cancel != order.Cancel ? Cancelled : written.IsBlocked ? FulfilmentRules.Blocked(written) : "its order is being changed.");
                return (written, true);
            }
            order = await orders.ReadAsync(order.Id) ?? throw ProblemException.NotFound($"Order '{order.Id}' is gone.");
        }
        throw ProblemException.Busy($"Order '{order.Id}' is being changed by others. Send it again.");
    }

    static bool IsBound(Order order) => order is { Shortage: ShortagePolicy.Refuse, Intake: not null } or { Intake.Step: IntakeStep.Confirm };

    static Person? PersonOf(Draft draft, Order order) => draft.Person is { IsNobody: false } somebody
        ? somebody with { Id = order.Id, Source = draft.Version, Ttl = (int)Surfaces.PeopleKept(order.ChannelKind).TotalSeconds } : null;

    TimeSpan Left(TimeSpan patience, long started) => TimeSpan.FromTicks(Math.Max(0, (patience - time.GetElapsedTime(started)).Ticks));

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
            // Under way, what has not left yet is called off by who has it: the fact is written, and looked at next.
            if (order.UnderWay is not null)
            {
                if (order.Cancel is { State: not CancelState.Refused }) return order;
                if (await orders.ReplaceAsync(Deliveries.Resumed(order) with { Cancel = cancel, FulfilDue = Now + Deliveries.Unseen, UpdatedAt = Now }) is { } told)
                {
                    if (told.UnderWay?.Tickets is { Count: > 0 } begun) await tickets.HoldBackAsync(begun, Cancelled);
                    due.Note(told, Now);
                    return told;
                }
                order = await orders.ReadAsync(order.Id) ?? throw ProblemException.NotFound($"Order '{order.Id}' is gone.");
                continue;
            }
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
                    IntakeStep.Settle or IntakeStep.Confirm => await KeepAsync(order, owner),
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
        if (order.Shortage == ShortagePolicy.Refuse && order.Intake!.Attempts > 1 && !Claiming.IsEdit(order)) await claiming.ReleaseAsync(order, order.Revision - 1);
        var held = order;
        var claimed = await claiming.ClaimAsync(order, async () =>
        {
            // Thousands of lines one after another take longer than a lease.
            if (held.IntakeDue - Now > Lease * 2 / 3) return true;
            if (await orders.ReplaceAsync(held with { IntakeDue = Now + Lease }) is not { } renewed) return false;
            held = renewed;
            return true;
        });
        if (claimed.Overtaken) return null;
        if (claimed.Refused && Claiming.IsEdit(order) && order.Hold is { Ended: null }) return await orders.ReplaceAsync(Holds.Over(held, held.Intake!.Owner, Now));
        if (claimed.Refused && Claiming.IsEdit(order))
        {
            await exceptions.EditRefusedAsync(held);
            return await orders.ReplaceAsync(Deciding.EditRefused(held, Now));
        }
        if (claimed.Refused) claimed = await stock.NameShortAsync(order, claimed);
        await tills.PostAsync(order);
        var decided = Deciding.Decide(held, claimed, Now);
        // Before the document says that it is done: whoever repeats this opens the same exceptions. What is found untrue by then is closed by OrderProgress.
        if (decided.Status is not (OrderStatus.Committed or OrderStatus.Refused or OrderStatus.Shipped)) await exceptions.OpenAsync(decided);
        var written = await orders.ReplaceAsync(decided);
        if (claimed.Refused && Claiming.IsTentative(order)) await claiming.LetGoAsync(order, claimed);
        if (written is null) return null;
        OrderMetrics.Decided(written);
        return Noted(written);
    }

    // Of a hold that lapsed while it was confirmed nothing is left to sell, unless the channel has sold it already.
    async Task<Order?> KeepAsync(Order order, string owner) => Noted(await orders.ReplaceAsync(
        await claiming.KeepAsync(order) ? Deciding.Kept(order, Now)
        : order.Intake!.Step is IntakeStep.Settle ? Deciding.TakenOver(order, owner, Now, again: true)
        : order.Shortage is ShortagePolicy.Refuse or ShortagePolicy.Partial ? Holds.Over(order, owner, Now)
        : Holds.Again(order, owner, Now)));

    Order? Noted(Order? written)
    {
        if (written is not null) due.Note(written, Now);
        return written;
    }

    async Task<Order?> ReleaseAsync(Order order)
    {
        await claiming.ReleaseAsync(order, order.Revision);
        await tills.PostAsync(order);
        return await orders.ReplaceAsync(Deliveries.Schedule((order.Postings is null ? order : Deciding.Told(order)) with { Intake = null, IntakeDue = null, UpdatedAt = Now }, Now));
    }

    [LoggerMessage(EventId = 3003, Level = LogLevel.Debug, Message = "Order {Order}: an earlier state than the one applied came and changes nothing")]
    partial void LogOlder(string order);

    [LoggerMessage(EventId = 3001, Level = LogLevel.Warning, Message = "Order {Order} is left at step {Step} for the sweeper")]
    partial void LogLeft(Exception failure, string order, IntakeStep? step);

    [LoggerMessage(EventId = 3002, Level = LogLevel.Information, Message = "Order {Order} was taken over at step {Step}, attempt {Attempt}")]
    partial void LogTakenOver(string order, IntakeStep step, int attempt);
}
