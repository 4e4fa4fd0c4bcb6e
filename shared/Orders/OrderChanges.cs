using Selvedge.Channels;
using Selvedge.Platform;

namespace Selvedge.Orders;

/// <summary>What a payload is to the document it meets.</summary>
public enum Heard
{
    /// <summary>The first of its order.</summary>
    New,
    /// <summary>A later state: the order changes to it.</summary>
    Changed,
    /// <summary>The state the document shows, or a refund it knows.</summary>
    Repeat,
    /// <summary>An earlier state than the one applied: nothing changes.</summary>
    Older,
    /// <summary>Kept for when the order comes, or is read again.</summary>
    Kept,
}

/// <summary>
/// How an order follows what its channel says, in whatever order and however often that arrives: pure functions from document to document. What an
/// order is follows from the latest state told and the set of refunds known, never from which came first: the latest state wins by the channel's own
/// clock, a refund that this state does not count yet is taken off, a cancel is for good. Every change of what a line is to hold is a new revision,
/// planned on the document before the ledger hears of it.
/// </summary>
public static class OrderChanges
{
    /// <summary>The document of an order that was never heard of, from what was handed in.</summary>
    /// <param name="said">What was handed in, its codes resolved; not routed.</param>
    /// <param name="owner">Who takes it in.</param>
    /// <param name="now">The time.</param>
    /// <param name="place">Our location by the channel's id of a place.</param>
    public static Order Begin(Order said, string owner, DateTimeOffset now, Func<string, string?> place)
    {
        if (said.Cancel is not null) said = said with { Status = OrderStatus.Cancelled, Lines = [.. said.Lines.Select(line => line with { Cancelled = line.Quantity })] };
        else if (said.Test) said = said with { Status = OrderStatus.Committed };
        else said = said with { Intake = new(IntakeStep.Claim, 1, owner), IntakeDue = now + Intake.Lease };
        return said.Till is null && said.Refunds is null ? said : TillFacts.Plan(said, owner, now, place);
    }

    /// <summary>What a state of the channel's order is to the document.</summary>
    public static Heard Judge(Order order, Order said) => order.Source is not { } known || said.Source is not { } told ? order.Source is null && said.Source is not null ? Heard.Changed : Heard.Repeat
        : Compare(told, known) switch { > 0 => Heard.Changed, < 0 => Heard.Older, _ => SaysTheSame(order, said) ? Heard.Repeat : string.CompareOrdinal(Content(said), Content(order)) > 0 ? Heard.Changed : Heard.Older };

    /// <summary>The document after a state of the channel's order was told; the same document when it is no later one and cancels nothing.</summary>
    public static Order Follow(Order order, Order said, string owner, DateTimeOffset now, Func<string, string?> place)
    {
        var heard = Judge(order, said);
        // What we were asked to cancel is done once the channel says so.
        var cancel = order.Cancel is { State: CancelState.Done } ? order.Cancel : said.Cancel ?? order.Cancel;
        if (heard is not Heard.Changed && cancel == order.Cancel) return order;
        var next = order with { Cancel = cancel };
        if (heard is Heard.Changed)
            next = next with
            {
                Name = said.Name ?? order.Name, PlacedAt = said.PlacedAt ?? order.PlacedAt, Currency = said.Currency, Presentment = said.Presentment, Source = said.Source,
                Test = said.Test, Till = order.Till ?? said.Till, References = said.References, Lines = Merge(order.Lines, said.Lines),
                Refunds = Union(order.Refunds, said.Refunds, said.Source!), Reread = order.Reread is { } at && !said.Source!.Covers(at) ? at : null,
                Blocks = Paid(order, said, now),
                Status = order.Status is not OrderStatus.Announced ? order.Status : said.Test ? OrderStatus.Committed : OrderStatus.Received,
            };
        return Settle(order, Counted(next), owner, now, place);
    }

    /// <summary>The document after a refund was told; the same document when it was known.</summary>
    public static Order Refunded(Order order, Refund refund, string owner, DateTimeOffset now, Func<string, string?> place)
    {
        var known = order.Refunds?.FirstOrDefault(other => other.Id == refund.Id);
        if (known is not null && (known.Till || !refund.Till)) return order;
        // A state that does not list its refunds counts those made before it.
        var counted = known?.Counted ?? (order.Source is { ListsRefunds: false } source && refund.At <= source.UpdatedAt);
        IEnumerable<Refund> others = order.Refunds?.Where(other => other.Id != refund.Id) ?? [];
        var next = order with { Refunds = [.. others.Append((known ?? refund) with { Till = refund.Till, Counted = counted }).OrderBy(other => other.Id, StringComparer.Ordinal)] };
        return Settle(order, Counted(next), owner, now, place);
    }

    /// <summary>The document after the catalogue, or a channel's list of places, learnt what it did not know when the order came.</summary>
    /// <param name="order">The order.</param>
    /// <param name="resolved">Its lines with their codes resolved again.</param>
    /// <param name="owner">Who does it.</param>
    /// <param name="now">The time.</param>
    /// <param name="place">Our location by the channel's id of a place.</param>
    public static Order Resolved(Order order, IReadOnlyList<OrderLine> resolved, string owner, DateTimeOffset now, Func<string, string?> place) =>
        Settle(order, order with { Lines = resolved }, owner, now, place);

    /// <summary>The document after a person at the channel moved lines to another place; a move before the last one known changes nothing.</summary>
    public static Order Moved(Order order, IReadOnlyCollection<string> lines, Move move, string owner, DateTimeOffset now) => Settle(order, order with
    {
        Lines = [.. order.Lines.Select(line => !lines.Contains(line.Id) || line.Moved?.At >= move.At ? line : line with
        {
            Moved = move, Places = line.Places is { } places ? [move.Place, .. places.Where(other => other != move.Place)] : line.Places,
        })],
    }, owner, now, _ => null);

    /// <summary>The document after a person changed how many units lines of an order of ours want; the same document where it wants so many already.</summary>
    /// <exception cref="ProblemException">400 no such line; 409 the channel says what it wants, nothing is to be sent any more, or so many have left.</exception>
    public static Order Edited(Order order, IReadOnlyDictionary<string, long> wanted, string owner, DateTimeOffset now)
    {
        if (order.Source is not null) throw ProblemException.Conflict("channels-order", "The channel says what it wants", $"Order '{order.Id}' is its channel's: edit it there. Here it can be cancelled or blocked.");
        if (order.Status is OrderStatus.Cancelled or OrderStatus.Refused or OrderStatus.Expired or OrderStatus.Shipped || order.Cancel is { State: not CancelState.Refused })
            throw ProblemException.Conflict("not-editable", "Nothing is to be sent", $"Order '{order.Id}' is over or cancelled. Place a new one.");
        var faults = wanted.Keys.Where(id => order.Lines.All(line => line.Id != id)).Select(id => new Fault("/lines", $"The order has no line '{id}'; it has {string.Join(", ", order.Lines.Take(10).Select(line => line.Id))}.")).ToList();
        if (faults.Count > 0) throw ProblemException.Invalid(faults[0].Detail, faults);
        foreach (var line in order.Lines)
            if (wanted.TryGetValue(line.Id, out var units) && units < line.Shipped) throw ProblemException.Conflict("left-already", "So many have left", $"{line.Shipped} units of line '{line.Id}' have left: it cannot want {units}. Expect them back instead (POST api/returns).");
        if (order.Lines.All(line => !wanted.TryGetValue(line.Id, out var units) || units == line.Quantity)) return order;
        return Settle(order, order with
        {
            Lines = [.. order.Lines.Select(line => !wanted.TryGetValue(line.Id, out var units) || units == line.Quantity ? line
                : Math.Max(line.Ordered ?? line.Quantity, units) is var ordered ? line with { Quantity = units, Ordered = ordered == units ? null : ordered, Cancelled = ordered - units } : line)],
        }, owner, now, _ => null);
    }

    /// <summary>Units the applied state of the channel's order has, as the channel counts them: less every unit that its refunds name.</summary>
    public static long CurrentUnits(Order order) => order.Lines.Sum(line => line.Stated ?? line.Quantity)
        - (order.Refunds?.Where(refund => refund.Counted).SelectMany(refund => refund.Lines).Where(line => line.Restock is not Restock.Cancel).Sum(line => line.Units) ?? 0);

    /// <summary>Plans what has changed: a revision for the lines that are to hold something else, the facts of a till, or the release of everything.</summary>
    static Order Settle(Order before, Order next, string owner, DateTimeOffset now, Func<string, string?> place)
    {
        var underWay = before.Status is OrderStatus.Fulfilling || (before.Status is OrderStatus.Shipped && next.Till is null);
        // What was called off of an order under way stays so, whatever the channel still asks for; a cancel is looked at by its fulfilment.
        if (underWay && before.Cancel is { Settled: true }) next = next with { Lines = [.. next.Lines.Select(line => StaysCut(line, before.Lines.FirstOrDefault(old => old.Id == line.Id)))] };
        if (underWay && next.Cancel != before.Cancel) next = Deliveries.Resumed(next) with { FulfilDue = next.UnderWay is null ? now : now + Deliveries.Unseen };
        if (next.Cancel is { } cancel && !underWay && before.Status is not (OrderStatus.Cancelled or OrderStatus.Refused or OrderStatus.Expired))
            next = Deciding.Cancelled(next, cancel, owner, now);
        else if (next.Status is OrderStatus.Cancelled) next = next with { Lines = [.. next.Lines.Select(line => line with { Cancelled = line.Quantity })] };
        else if (next.Status is OrderStatus.Refused or OrderStatus.Expired) { }
        else if (!next.Test) next = Revised(before, next, owner, now);
        else if (!before.Test && before.Status is not OrderStatus.Announced) next = Deciding.Tried(next, owner, now);
        if (!ReferenceEquals(next.Blocks, before.Blocks)) next = Deliveries.Schedule(next, now);
        return TillFacts.Plan(next with { UpdatedAt = now }, owner, now, place);
    }

    // Whether it is paid is for the channel to say: it blocks and lifts its own block, and no person's.
    static IReadOnlyList<Block>? Paid(Order order, Order said, DateTimeOffset now)
    {
        if (said.Blocks is not { } told) return order.Blocks;
        bool IsOpen(Block block) => block is { Kind: BlockKind.Payment, LiftedAt: null };
        if (told.FirstOrDefault(IsOpen) is { } unpaid) return order.Blocks?.Any(IsOpen) == true ? order.Blocks : [.. order.Blocks ?? [], unpaid];
        return order.Blocks?.Any(block => IsOpen(block) && block.By == said.Actor()) != true ? order.Blocks : [.. order.Blocks.Select(block => IsOpen(block) && block.By == said.Actor() ? block with { LiftedBy = block.By, LiftedAt = now } : block)];
    }

    static string Actor(this Order order) => "channel:" + order.Channel;

    static OrderLine StaysCut(OrderLine line, OrderLine? before) =>
        line.Quantity <= (before?.Quantity ?? 0) || !line.TakesStock ? line : line with { Quantity = before?.Quantity ?? 0, Ordered = before?.Ordered ?? line.Ordered ?? line.Quantity, Cancelled = before?.Cancelled ?? line.Quantity, Stated = line.Stated ?? line.Quantity };

    static Order Revised(Order before, Order next, string owner, DateTimeOffset now)
    {
        var revision = before.Revision + 1;
        var known = before.Lines.ToDictionary(line => line.Id, StringComparer.Ordinal);
        var (lines, changed) = (next.Lines.ToArray(), false);
        for (var i = 0; i < lines.Length; i++)
        {
            var old = known.GetValueOrDefault(lines[i].Id);
            var (had, has) = (old is { Claims: true } && !before.Test ? old.Quantity : 0, lines[i].Claims ? lines[i].Quantity : 0);
            if (had == has && (has == 0 || ReferenceEquals(old!.Moved, lines[i].Moved))) continue;
            lines[i] = lines[i] with { Revision = revision, Was = old?.Was ?? had };
            changed = true;
        }
        if (!changed) return (before.Status is OrderStatus.Announced && next.Status is not OrderStatus.Announced) || before.Test
            ? next with { Revision = revision, Intake = new(IntakeStep.Claim, 1, owner, revision), IntakeDue = now + Intake.Lease } : next;
        var since = before.Intake is { Step: IntakeStep.Claim } pending ? pending.Since : revision;
        return next with { Revision = revision, Lines = lines, Intake = new(IntakeStep.Claim, 1, owner, since), IntakeDue = now + Intake.Lease };
    }

    // What was ours once stays the SKU it was; the channel's words and money are the channel's.
    static List<OrderLine> Merge(IReadOnlyList<OrderLine> lines, IReadOnlyList<OrderLine> said)
    {
        var told = said.ToDictionary(line => line.Id, StringComparer.Ordinal);
        var merged = new List<OrderLine>(said.Count);
        foreach (var line in lines)
        {
            if (!told.Remove(line.Id, out var now)) merged.Add(line with { Ordered = line.Ordered ?? line.Quantity, Stated = 0 });
            else if (line.Kind is not LineKind.Stock) merged.Add(now with { Revision = line.Revision, Was = line.Was, Stated = now.Quantity, Moved = line.Moved });
            else merged.Add(line with
            {
                Stated = now.Quantity, Ordered = now.Ordered ?? now.Quantity, UnitPrice = now.UnitPrice, Discount = now.Discount, Tax = now.Tax, TaxIncluded = now.TaxIncluded,
                ShippingShare = now.ShippingShare, ShippingTax = now.ShippingTax, Shown = now.Shown,
            });
        }
        foreach (var line in said)
            if (told.ContainsKey(line.Id)) merged.Add(line);
        return merged;
    }

    static IReadOnlyList<Refund>? Union(IReadOnlyList<Refund>? known, IReadOnlyList<Refund>? said, ChannelVersion version)
    {
        if (known is null && said is null) return null;
        var all = new SortedDictionary<string, Refund>(StringComparer.Ordinal);
        foreach (var refund in known ?? []) all[refund.Id] = refund with { Counted = !version.ListsRefunds && refund.At <= version.UpdatedAt };
        foreach (var refund in said ?? []) all[refund.Id] = (all.GetValueOrDefault(refund.Id) ?? refund) with { Counted = true, Till = refund.Till || all.GetValueOrDefault(refund.Id)?.Till == true };
        return [.. all.Values];
    }

    /// <summary>The order with every line's quantity as it follows from what is stated and the refunds that this does not count.</summary>
    static Order Counted(Order order)
    {
        var open = order.Refunds?.Where(refund => !refund.Counted).SelectMany(refund => refund.Lines).Where(line => line.Restock is Restock.Cancel).ToLookup(line => line.Line, line => line.Units);
        return order with { Lines = [.. order.Lines.Select(Count)] };

        OrderLine Count(OrderLine line)
        {
            var stated = line.Stated ?? line.Quantity;
            var quantity = Math.Max(0, stated - (open?[line.Id].Sum() ?? 0));
            var ordered = Math.Max(line.Ordered ?? stated, stated);
            return line with { Quantity = quantity, Stated = stated == quantity ? null : stated, Ordered = ordered == quantity ? null : ordered, Cancelled = ordered - quantity };
        }
    }

    static int Compare(ChannelVersion a, ChannelVersion b) => a.UpdatedAt != b.UpdatedAt ? a.UpdatedAt.CompareTo(b.UpdatedAt) : Nullable.Compare(a.SeenAt, b.SeenAt);

    static bool SaysTheSame(Order order, Order said) => Content(order) == Content(said);

    // Two states of one second that nothing else tells apart: everyone must choose the same one.
    static string Content(Order order) => $"{order.Refunds?.Count(refund => refund.Counted) ?? 0:D4}|" + string.Join('|', order.Lines
        .Where(line => (line.Ordered ?? line.Stated ?? line.Quantity) > 0).OrderBy(line => line.Id, StringComparer.Ordinal)
        .Select(line => $"{line.Id}:{line.Stated ?? line.Quantity}:{line.UnitPrice}:{line.Discount}"));
}
