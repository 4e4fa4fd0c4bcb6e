using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Logging;
using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>What a channel waits to hear of an order, as its system and the order itself say.</summary>
/// <param name="Since">When the channel told us of it.</param>
/// <param name="AcceptBy">Until when it waits for an acceptance; null: for none.</param>
/// <param name="ShipBy">Until when it is to leave, by the channel's word.</param>
/// <param name="Cancels">It is told what will not come.</param>
/// <param name="Ships">It is told what left.</param>
public sealed record Owes(DateTimeOffset Since, DateTimeOffset? AcceptBy, DateTimeOffset? ShipBy,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Cancels, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Ships);

/// <summary>What the channel was told of an order.</summary>
public sealed record Told
{
    public DateTimeOffset? AcceptedAt { get; init; }

    /// <summary>Lines that were declined, because nobody has their units.</summary>
    public IReadOnlyList<string>? Declined { get; init; }

    /// <summary>Ids of shipments (their tickets).</summary>
    public IReadOnlyList<string>? Shipments { get; init; }

    /// <summary>Units by line that it was told will not come.</summary>
    public IReadOnlyDictionary<string, long>? Cancels { get; init; }

    /// <summary>Deadlines of which a person was told that they will be missed: <c>accept</c>, <c>ship</c>.</summary>
    public IReadOnlyList<string>? Alarms { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public int Failures { get; init; }
    public DateTimeOffset? NotBefore { get; init; }
    public string? Error { get; init; }
}

/// <summary>
/// What orders owe their channel (design, section 5): acceptances once the units are held, cancels, shipments with their tracking; deadlines are dates on the order. What is
/// owed follows from the document alone and is said anew whenever it is written (<see cref="Scheduled"/>), so nothing has to be remembered by whoever changes an order.
/// </summary>
public sealed partial class Telling(Store store, OrderStore orders, Intake intake, DueOrders due, ExceptionCases exceptions, TimeProvider time, ILogger<Telling> log)
{
    const int Together = 20, MostAlarms = 500, Tries = 12;
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10), Refused = TimeSpan.FromMinutes(30);

    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    /// <summary>The order with when its channel is to be told something: <c>&lt;channel&gt;|&lt;instant&gt;</c>; absent while nothing is owed.</summary>
    public static Order Scheduled(Order order)
    {
        var due = DueAt(order) is { } at ? order.Channel + "|" + InstantConverter.Text(at) : null;
        return due == order.TellDue ? order : order with { TellDue = due };
    }

    /// <summary>When something is owed, or a deadline is to be looked at; null: nothing is.</summary>
    public static DateTimeOffset? DueAt(Order order)
    {
        if (order.Owes is not { } owes) return null;
        DateTimeOffset? due = null;
        if (AcceptAt(order) is { } accept) Earlier(accept);
        if (owes.Cancels && order.Cancel is { } cancel && CancelsOf(order).Count > 0) Earlier(cancel.At);
        if (owes.Ships && ShipmentsOf(order).FirstOrDefault() is { } shipment) Earlier(shipment.At);
        if (order.Told?.NotBefore is { } later && later > due) due = later;
        // A person is told in time, whatever becomes of the calls.
        foreach (var (_, at) in AlarmsOf(order)) Earlier(at);
        return due;

        void Earlier(DateTimeOffset at) => due = due < at ? due : at;
    }

    /// <summary>What a person is to be told of an order, and when: deadlines of which four fifths are over, and cancels that the channel's system takes from nobody.</summary>
    static IEnumerable<(string What, DateTimeOffset At)> AlarmsOf(Order order)
    {
        if (order.Owes is not { } owes) yield break;
        if (AcceptAt(order) is not null && !Alarmed(order, "accept")) yield return ("accept", Part(owes.Since, owes.AcceptBy!.Value, 0.8));
        if (owes.ShipBy is { } by && !Alarmed(order, "ship") && IsOpen(order)) yield return ("ship", Part(owes.Since, by, 0.8));
        if (!owes.Cancels && order.Cancel is { } cancel && !Alarmed(order, "cancel") && CancelsOf(order).Count > 0) yield return ("cancel", cancel.At);
    }

    /// <summary>When the order is accepted: as soon as everything is held; what is not held is waited for until half of the time is over. Null: nothing is to be accepted.</summary>
    static DateTimeOffset? AcceptAt(Order order) => order is { Owes: { AcceptBy: { } by, Since: var since }, Told: null or { AcceptedAt: null }, Intake: null, Cancel: null }
        ? order.Lines.All(IsHeld) ? since : Part(since, by, 0.5) : null;

    static bool IsHeld(OrderLine line) => line.FulfilledBy is FulfilledBy.Marketplace || line.Kind is LineKind.Service || (line.Kind is LineKind.Stock && line.Backordered + line.Oversold + line.Missing == 0);

    static bool IsOpen(Order order) => order.Cancel is null && order.Lines.Any(line => line.TakesStock && line.Quantity > line.Shipped);

    static bool Alarmed(Order order, string what) => order.Told?.Alarms?.Contains(what) == true;

    static DateTimeOffset Part(DateTimeOffset from, DateTimeOffset to, double share) => InstantConverter.Cut(to > from ? from + (to - from) * share : to);

    /// <summary>Units by line that were called off by us and the channel does not know of.</summary>
    static List<LineUnits> CancelsOf(Order order)
    {
        var ours = order.Cancel is { State: CancelState.Asked } or { Actor: ShipWindow.Clock };
        if (!ours || (order.Status is not OrderStatus.Cancelled && order.Cancel is not { Settled: true })) return [];
        return [.. order.Lines.Select(line => new LineUnits(line.Id, (order.Status is OrderStatus.Cancelled ? line.Quantity : line.Cancelled) - (order.Told?.Cancels?.GetValueOrDefault(line.Id) ?? 0))).Where(line => line.Units > 0)];
    }

    static IEnumerable<Shipment> ShipmentsOf(Order order) => (order.Deliveries ?? []).SelectMany(delivery => delivery.Shipments ?? []).Where(shipment => order.Told?.Shipments?.Contains(shipment.Ticket) != true);

    /// <summary>Notes what a channel said of an order beside its lines: deadlines, and that its buyer wants it cancelled.</summary>
    public async Task NoteAsync(Channel channel, ChannelTraits traits, Order order, ChannelOrder read)
    {
        var said = new Owes(order.Owes?.Since ?? Now, traits.Accepts ? read.AcceptBy ?? order.Owes?.AcceptBy : null, read.ShipBy ?? order.Owes?.ShipBy, traits.Cancels, traits.Ships);
        // A channel that waits for no acceptance any more has it.
        if (traits.Accepts && read.AcceptBy is null && order.Owes is { AcceptBy: not null } && order.Told?.AcceptedAt is null)
            await ChangeAsync(order.Id, current => current with { Told = (current.Told ?? new()) with { AcceptedAt = Now } });
        if ((said.AcceptBy, said.ShipBy, said.Cancels, said.Ships) != (order.Owes?.AcceptBy, order.Owes?.ShipBy, order.Owes?.Cancels ?? false, order.Owes?.Ships ?? false))
            await ChangeAsync(order.Id, current => current with { Owes = said with { Since = current.Owes?.Since ?? said.Since } });
        // Held, and not to be begun before the channel says so: it lifts what it set.
        var waits = order.Blocks?.Any(block => block is { Kind: BlockKind.Channel, LiftedAt: null }) == true;
        if (read.Waits != waits && (waits || order.Status is not (OrderStatus.Cancelled or OrderStatus.Refused or OrderStatus.Expired or OrderStatus.Shipped)))
            due.Note(await ChangeAsync(order.Id, current => Deliveries.Schedule(current with
            {
                Blocks = read.Waits ? [.. current.Blocks ?? [], new(BlockKind.Channel, "The channel does not want it sent yet.", "channel:" + channel.Id, Now)]
                    : [.. (current.Blocks ?? []).Select(block => block is { Kind: BlockKind.Channel, LiftedAt: null } ? block with { LiftedBy = "channel:" + channel.Id, LiftedAt = Now } : block)],
            }, Now)), Now);
        if (!read.CancelAsked || order.Cancel is not null || order.Status is OrderStatus.Shipped) return;
        try
        {
            await intake.CancelAsync(order.Id, new(CancelState.Asked, Now, "The buyer asked for it.", "channel:" + channel.Id), Patience);
        }
        catch (ProblemException late) when (late.Status == 409)
        {
            // It has left: what comes back is a return.
        }
    }

    /// <summary>Tells people what is late or cannot be said by us, of whatever orders of a channel, whether its calls are taken or not.</summary>
    public async Task AlarmsAsync(string channel, CancellationToken cancel)
    {
        foreach (var order in await DueAsync(channel, Now, MostAlarms, cancel)) await AlarmAsync(order);
    }

    /// <summary>Tells a channel what some of its orders owe. One order that the channel refuses, or of which we know not what to say, holds up no other.</summary>
    /// <returns>Whether anything was due, and how many calls were made.</returns>
    public async Task<(bool Did, int Calls)> RunAsync(Channel channel, ChannelAdapter adapter, ChannelAccount account, CancellationToken cancel)
    {
        var owed = await DueAsync(channel.Id, Now, Together, cancel);
        var calls = 0;
        foreach (var due in owed)
        {
            var order = await AlarmAsync(due);
            try
            {
                if (order.Told?.NotBefore is null || order.Told.NotBefore <= Now) calls += await TellAsync(channel, adapter, account, order, cancel);
            }
            catch (Exception any) when (any is ChannelCallException { Failure: not CallFailure.Limited } or FormatException or KeyNotFoundException or InvalidOperationException or ArgumentException or JsonException)
            {
                var failed = any as ChannelCallException ?? new ChannelCallException(CallFailure.Refused, $"What is to be said cannot be worked out ({any.GetType().Name}: {any.Message})", null, any);
                var wait = failed.Failure is CallFailure.Refused ? Refused : TimeSpan.FromSeconds(Math.Min(300, 4 << Math.Min(order.Told?.Failures ?? 0, 7)));
                await ChangeAsync(order.Id, current => current with { Told = (current.Told ?? new()) with { Failures = (current.Told?.Failures ?? 0) + 1, NotBefore = Now + wait, Error = failed.Message.Length > 300 ? failed.Message[..300] : failed.Message } });
                LogUntold(channel.Id, order.Id, failed.Message);
                if (failed.Failure is CallFailure.Unanswered) throw;
                await exceptions.OpenAsync(new ExceptionCase
                {
                    Id = Ids.Join(["order", "untold", order.Id]), Kind = "channelUntold", Order = order.Id, Channel = channel.Id, Expected = new($"order {order.Id}", "the channel knows what became of it"),
                    Found = new(channel.Is, failed.Message.Length > 300 ? failed.Message[..300] : failed.Message), Detail = $"{channel.Id} will not take what we say of this order: {failed.Message} Say it there by hand, or put right what it says.",
                });
            }
        }
        return (owed.Count > 0, calls);
    }

    /// <summary>When this channel is next to be told something.</summary>
    public async Task<DateTimeOffset?> NextAsync(string channel, CancellationToken cancel) =>
        (await DueAsync(channel, DateTimeOffset.MaxValue, 1, cancel)) is [{ TellDue: { } due }] && InstantConverter.TryParse(due.Split('|')[1], out var at) ? at : null;

    async Task<int> TellAsync(Channel channel, ChannelAdapter adapter, ChannelAccount account, Order order, CancellationToken cancel)
    {
        var (now, calls) = (Now, 0);
        if (order.Owes is not { } owes) return 0;
        if (AcceptAt(order) is { } accept && accept <= now && adapter.Traits.Accepts)
        {
            var answers = order.Lines.Select(line => new LineAnswer(line.Id, IsHeld(line))).ToList();
            await adapter.AcceptAsync(account, order, answers, cancel);
            calls++;
            order = await ChangeAsync(order.Id, current => current with { Told = Succeeded(current) with { AcceptedAt = now, Declined = answers.Where(answer => !answer.Accepted).Select(answer => answer.Line).ToList() is { Count: > 0 } declined ? declined : null } });
        }
        if (owes.Cancels && adapter.Traits.Cancels && CancelsOf(order) is { Count: > 0 } cancels)
        {
            await adapter.CancelAsync(account, order, cancels, order.Cancel!.Reason ?? "cancelled", cancel);
            calls++;
            order = await ChangeAsync(order.Id, current => current with { Told = Succeeded(current) with { Cancels = order.Lines.Select(line => line.Id).ToDictionary(line => line, line => (current.Told?.Cancels?.GetValueOrDefault(line) ?? 0) + (cancels.Find(units => units.Line == line)?.Units ?? 0), StringComparer.Ordinal) } });
        }
        if (owes.Ships && adapter.Traits.Ships)
            foreach (var shipment in ShipmentsOf(order).ToList())
            {
                await adapter.ShipAsync(account, order, Of(channel, order, shipment), cancel);
                calls++;
                order = await ChangeAsync(order.Id, current => current with { Told = Succeeded(current) with { Shipments = [.. (current.Told?.Shipments ?? []).Where(known => known != shipment.Ticket), shipment.Ticket] } });
            }
        return calls;
    }

    // The order as it is once people know.
    async Task<Order> AlarmAsync(Order order)
    {
        var due = AlarmsOf(order).Where(alarm => alarm.At <= Now).Select(alarm => alarm.What).ToList();
        if (due.Count == 0) return order;
        foreach (var what in due) await exceptions.OpenAsync(CaseOf(order, what));
        return await ChangeAsync(order.Id, current => current with { Told = (current.Told ?? new()) with { Alarms = [.. (current.Told?.Alarms ?? []).Except(due), .. due] } });
    }

    static ExceptionCase CaseOf(Order order, string what) => what switch
    {
        "accept" => new ExceptionCase
        {
            Id = Ids.Join(["order", "acceptOverdue", order.Id]), Kind = "acceptOverdue", Order = order.Id, Channel = order.Channel, Expected = new($"{order.Channel}: {order.ExternalId}", $"accepted by {InstantConverter.Text(order.Owes!.AcceptBy!.Value)}"),
            Found = new($"order {order.Id}", "not accepted"), Detail = $"Four fifths of the time that {order.Channel} gives are over and order {order.Id} is not accepted{(order.Told?.Error is { } error ? ": " + error : ".")}",
        },
        "ship" => new ExceptionCase
        {
            Id = Ids.Join(["order", "shipOverdue", order.Id]), Kind = "shipOverdue", Order = order.Id, Channel = order.Channel, Expected = new($"{order.Channel}: {order.ExternalId}", $"sent by {InstantConverter.Text(order.Owes!.ShipBy!.Value)}"),
            Found = new($"order {order.Id}", "not all has left"), Detail = $"Four fifths of the time that {order.Channel} gives are over and not all of order {order.Id} has left.",
        },
        _ => new ExceptionCase
        {
            Id = Ids.Join(["order", "untold", order.Id]), Kind = "channelUntold", Order = order.Id, Channel = order.Channel, Expected = new($"order {order.Id}", "the channel knows what became of it"),
            Found = new(order.Channel, "its interface takes no cancels"), Detail = $"Order {order.Id} was called off and {order.Channel} takes no cancels from us. Cancel {order.ExternalId} there by hand.",
        },
    };

    static Told Succeeded(Order order) => (order.Told ?? new()) with { Failures = 0, NotBefore = null, Error = null };

    // The channel knows its own lines: of a bundle, as many as its first part says.
    static ChannelShipment Of(Channel channel, Order order, Shipment shipment) => new(shipment.Ticket, shipment.Location, channel.Places?.FirstOrDefault(place => place.Value == shipment.Location).Key, shipment.At, shipment.Carrier, shipment.Tracking,
        [.. order.Lines.Select(line => (line.Id, First: FulfilmentRules.Units(line).FirstOrDefault())).Select(line => new LineUnits(line.Id, line.First.Each == 0 ? 0 : shipment.Lines.Where(left => left.Line == line.First.Line).Sum(left => left.Units) / line.First.Each)).Where(line => line.Units > 0)]);

    async Task<Order> ChangeAsync(string id, Func<Order, Order> change)
    {
        for (var tries = 0; tries < Tries; tries++)
        {
            var order = await orders.ReadAsync(id) ?? throw ProblemException.NotFound($"Order '{id}' is gone.");
            if (await orders.ReplaceAsync(change(order) with { UpdatedAt = Now }) is { } written) return written;
        }
        throw ProblemException.Busy($"Order '{id}' is being changed by others.");
    }

    async Task<IReadOnlyList<Order>> DueAsync(string channel, DateTimeOffset until, int most, CancellationToken cancel)
    {
        var due = new List<Order>();
        using var pages = store.Orders.GetItemQueryStreamIterator(new QueryDefinition(string.Create(CultureInfo.InvariantCulture, $"SELECT TOP {most} * FROM c WHERE c.tellDue >= @from AND c.tellDue <= @until ORDER BY c.tellDue"))
            .WithParameter("@from", channel + "|").WithParameter("@until", channel + "|" + InstantConverter.Text(until)));
        while (pages.HasMoreResults)
        {
            using var page = await pages.ReadNextAsync(cancel);
            page.EnsureSuccessStatusCode();
            using var json = await JsonDocument.ParseAsync(page.Content, cancellationToken: cancel);
            foreach (var item in json.RootElement.GetProperty("Documents").EnumerateArray()) due.Add(item.Deserialize(OrdersJson.Default.Order)!);
        }
        return due;
    }

    [LoggerMessage(EventId = 5031, Level = LogLevel.Warning, Message = "Channel {Channel} was not told of order {Order}; it is tried again: {Why}")]
    partial void LogUntold(string channel, string order, string why);
}
