using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Picking;

/// <summary>
/// The pick tickets of deliveries and transfers: made to follow the ledger's claims, called off, read, summed up (design, section 4). All of it may be repeated, by several
/// instances at once: a ticket's id says what it is for, and it is changed by its ETag.
/// </summary>
public sealed class PickTickets(WorkDocuments documents, PutBacks putBacks, LedgerReads ledger, TimeProvider time)
{
    /// <summary>How long a closed ticket is kept: 90 days.</summary>
    static readonly TimeSpan Kept = TimeSpan.FromDays(90);

    /// <summary>After this, a fact the order has not seen is told again.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>After this, what was put on hold is looked at though nobody was told.</summary>
    static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);
    const int Width = 8;

    /// <summary>
    /// Makes the tickets of a delivery say what its claims say now: makes those that are missing, raises, lowers and adds lines of those under way, calls off those
    /// for which nothing is claimed any more, and states what is to be put back. What is on its way out is left alone: its location is looked at again once it has left.
    /// </summary>
    /// <param name="demand">What the claims have, read after the order's last change of them was done.</param>
    /// <returns>All tickets there are of the delivery, as they are now, in the order of their ids: to be kept as <see cref="TicketDemand.Known"/>.</returns>
    public async Task<IReadOnlyList<PickTicket>> AlignAsync(TicketDemand demand)
    {
        var known = demand.Known.Count == 0 ? [] : await ReadAsync(demand.Known);
        var all = new SortedDictionary<string, PickTicket>(StringComparer.Ordinal);
        foreach (var ticket in known) all[ticket.Id] = ticket;
        var lines = demand.Lines.ToLookup(line => line.Location, StringComparer.Ordinal);
        foreach (var location in lines.Select(here => here.Key).Union(known.Where(ticket => !ticket.IsOver).Select(ticket => ticket.Location)).ToList())
            await AlignAtAsync(location, [.. lines[location]], demand, all);
        return [.. all.Values];
    }

    /// <summary>The ticket; null where there is none.</summary>
    public async Task<PickTicket?> ReadAsync(string id) => WorkIds.NumberOf(id) > 0 ? await documents.ReadAsync(id, PickingJson.Default.PickTicket) : null;

    /// <summary>The tickets there are of these ids.</summary>
    public async Task<IReadOnlyList<PickTicket>> ReadAsync(IReadOnlyList<string> ids)
    {
        if (ids.Count == 1) return await ReadAsync(ids[0]) is { } only ? [only] : [];
        var found = new PickTicket?[ids.Count];
        await Parallel.ForAsync(0, ids.Count, new ParallelOptions { MaxDegreeOfParallelism = Width }, async (at, _) => found[at] = await ReadAsync(ids[at]));
        return [.. found.OfType<PickTicket>()];
    }

    /// <summary>Calls the ticket off, unless it is on its way out; the ticket as it is then, which says which it was. Null where there is none.</summary>
    public async Task<PickTicket?> CancelAsync(string id) =>
        await ChangeAsync(id, ticket => ticket.HasLeft || ticket.IsOver ? ticket : ticket with { Status = TicketStatus.Cancelled, Wave = null, Slot = null });

    /// <summary>Calls the ticket off if nobody has begun it; one that somebody has begun waits as it is, and does not leave.</summary>
    /// <param name="id">The ticket.</param>
    /// <param name="why">What it waits for, in words for who has it.</param>
    /// <param name="staged">The ledger has units staged for it, whatever it says.</param>
    public async Task<PickTicket?> StopAsync(string id, string why, bool staged) => await ChangeAsync(id, ticket => ticket.IsOver || ticket.HasLeft ? ticket
        : ticket.IsUntouched && !staged ? ticket with { Status = TicketStatus.Cancelled, Wave = null, Slot = null } : ticket.OnHold is null ? ticket with { OnHold = why } : ticket);

    /// <summary>Keeps tickets that have not left from being picked further and from leaving, at once, until their order has looked at what changed.</summary>
    public async Task HoldBackAsync(IReadOnlyList<string> ids, string why) =>
        await Parallel.ForEachAsync(ids, new ParallelOptions { MaxDegreeOfParallelism = Width }, async (id, _) => await ChangeAsync(id, ticket => ticket.IsOver || ticket.HasLeft || ticket.OnHold is not null ? ticket : ticket with { OnHold = why, Attention = Now + Soon }));

    /// <summary>The order has seen the ticket as it is here: what was to be told is told. When something happened since, that is still to be seen and nothing changes.</summary>
    public async Task SeenAsync(PickTicket ticket)
    {
        if (ticket.Attention is not null) await ReplaceAsync(ticket with { Attention = null });
    }

    /// <summary>The ticket is over and summed up on the order: it is kept for 90 days. One that is not over is left alone.</summary>
    /// <returns>The ticket as it is now; null when it is gone.</returns>
    public async Task<PickTicket?> CloseAsync(PickTicket ticket) => await ChangeAsync(ticket.Id, found => found.IsOver && found is not { Attention: null, Ttl: not null }
        ? found with { Attention = null, Ttl = (int)Kept.TotalSeconds } : found, ticket);

    /// <summary>States which staged units of a delivery nobody wants any more, at one location: a task to put them back is opened, raised or lowered.</summary>
    /// <inheritdoc cref="PutBacks.StateAsync"/>
    public Task<PutBack?> OpenPutBackAsync(string location, string order, int delivery, Func<Task<IReadOnlyList<PutBackDemand>>> facts) => putBacks.StateAsync(location, order, delivery, facts);

    /// <summary>Tickets with something that their order has not seen although its time has passed, the longest unseen first; transfers' ones apart.</summary>
    public Task<List<PickTicket>> UnseenAsync(DateTimeOffset now, int most, bool transfers = false) => documents.FirstAsync(
        new QueryDefinition($"SELECT * FROM c WHERE c.attention < @now AND c.kind = @kind AND {(transfers ? "" : "NOT ")}IS_DEFINED(c.transfer) ORDER BY c.attention")
            .WithParameter("@now", InstantConverter.Text(now)).WithParameter("@kind", PickTicket.KindName), most, PickingJson.Default.PickTicket);

    /// <summary>Writes the ticket if nobody changed it since it was read; null when someone did.</summary>
    internal async Task<PickTicket?> ReplaceAsync(PickTicket ticket)
    {
        var next = ticket with { UpdatedAt = Now };
        return await documents.ReplaceAsync(ticket.Id, ticket.ETag, next with { ETag = null }, PickingJson.Default.PickTicket) is { } etag ? next with { ETag = etag } : null;
    }

    /// <summary>Changes the ticket until it took; <paramref name="change"/> gives the same instance back where there is nothing to write, and is asked again when others
    /// wrote meanwhile, or its own answer was lost.</summary>
    internal async Task<PickTicket?> ChangeAsync(string id, Func<PickTicket, PickTicket> change, PickTicket? read = null)
    {
        for (var ticket = read ?? await ReadAsync(id); ticket is not null; ticket = await ReadAsync(id))
        {
            var next = change(ticket);
            if (ReferenceEquals(next, ticket)) return ticket;
            if (await ReplaceAsync(next) is { } written) return written;
        }
        return null;
    }

    /// <summary>What the ledger holds and has staged for the ticket's lines now; of the staged ones those that are to be put back are named. With <paramref name="scanned"/> they
    /// are looked up only where more is staged than the ticket has scans of.</summary>
    internal async Task<IReadOnlyList<TicketDemandLine>> ClaimedAsync(PickTicket ticket, bool scanned = false) =>
        await ClaimedAsync(ticket.Location, ticket.Order, ticket.Delivery, ticket.Lines.Select(line => (line.Line, line.Sku, scanned ? line.Picked : 0)));

    /// <summary>The ticket with what the ledger has staged for it now.</summary>
    internal async Task<PickTicket?> ReconcileAsync(PickTicket read, Func<PickTicket, PickTicket>? also = null)
    {
        for (var ticket = (PickTicket?)read; ticket is not null; ticket = await ReadAsync(read.Id))
        {
            var staged = (await ClaimedAsync(ticket, scanned: true)).ToDictionary(line => line.Line, line => line.Staged - line.Surplus, StringComparer.Ordinal);
            var next = TicketRules.Reconcile(ticket, staged);
            next = also?.Invoke(next) ?? next;
            if (ReferenceEquals(next, ticket)) return ticket;
            if (await ReplaceAsync(next) is { } written) return written;
        }
        return null;
    }

    async Task<IReadOnlyList<TicketDemandLine>> ClaimedAsync(string location, string order, int delivery, IEnumerable<(string Line, string Sku, long Known)> lines)
    {
        var asked = lines.ToList();
        var claims = await ledger.ClaimsAsync(asked.Select(line => (Ids.Claim(order, line.Line, location), line.Sku)));
        var back = asked.Any(line => claims.GetValueOrDefault(Ids.Claim(order, line.Line, location))?.Staged > line.Known) ? await putBacks.OpenOfAsync(location, order, delivery) : null;
        return [.. asked.Select(line => claims.GetValueOrDefault(Ids.Claim(order, line.Line, location)) is { } claim
            ? new TicketDemandLine(line.Line, line.Sku, location, claim.Held, claim.Staged) { Surplus = Math.Min(claim.Staged, back?.Open(line.Line) ?? 0) }
            : new(line.Line, line.Sku, location, 0, 0))];
    }

    async Task AlignAtAsync(string location, IReadOnlyList<TicketDemandLine> here, TicketDemand demand, SortedDictionary<string, PickTicket> all)
    {
        var number = demand.Known.Where(id => WorkIds.LocationOf(id) == location).Select(WorkIds.NumberOf).DefaultIfEmpty(0).Max();
        var current = number == 0 ? null : all.GetValueOrDefault(WorkIds.Ticket(location, demand.Order, demand.Delivery, number));
        while (true)
        {
            if (current is { Status: TicketStatus.Shipping }) return;
            if (current is { IsOver: false })
            {
                var wanted = TicketRules.Align(current, demand, here, Now);
                if ((ReferenceEquals(wanted, current) ? current : await ReplaceAsync(wanted)) is not { } aligned)
                {
                    current = await ReadAsync(current.Id);
                    continue;
                }
                all[aligned.Id] = aligned;
                if (here.Any(line => line.Staged > 0)) await StateAsync(here);
                // Units that were to go back and are wanted again are picked as they are.
                if (here.Any(line => line.Staged - line.Surplus > (aligned.Lines.FirstOrDefault(one => one.Line == line.Line)?.Picked ?? 0)) && await ReconcileAsync(aligned) is { } right) all[right.Id] = right;
                return;
            }
            // What the one before took along may not be in claims that were read before it left.
            if (number > 0) here = Refresh(here, await ClaimedAsync(location, demand.Order, demand.Delivery, here.Select(line => (line.Line, line.Sku, 0L))));
            if (here.All(line => line.Wanted == 0))
            {
                if (here.Any(line => line.Surplus > 0)) await StateAsync(here);
                return;
            }
            var made = TicketRules.Make(demand, location, ++number, here, Now);
            if (await documents.CreateAsync(made.Id, made, PickingJson.Default.PickTicket) is { } etag) current = made with { ETag = etag };
            else current = await ReadAsync(made.Id);
            if (current is not null) all[current.Id] = current;
            // Staged units that are wanted again need not go back.
            if (current is { IsOver: false } && here.Any(line => line.Staged > 0)) await StateAsync(here);
        }

        // Read after the claims were lowered: nothing is picked for them any more.
        Task StateAsync(IReadOnlyList<TicketDemandLine> lines) => putBacks.StateAsync(location, demand.Order, demand.Delivery, () =>
            Task.FromResult<IReadOnlyList<PutBackDemand>>([.. lines.Select(line => new PutBackDemand(line.Line, line.Sku, Math.Min(line.Surplus, line.Staged)))]));
    }

    // What nobody wants is the order's to say; what is there, the ledger's.
    static List<TicketDemandLine> Refresh(IReadOnlyList<TicketDemandLine> stated, IReadOnlyList<TicketDemandLine> found) =>
        [.. stated.Select(line => found.First(other => other.Line == line.Line) is var now ? now with { Surplus = Math.Min(now.Staged, line.Surplus) } : line)];

    internal DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());
}

public static class PickingServices
{
    /// <summary>Pick tickets, scans, waves, cartons, shipping, put-backs. Needs the store, the ledger, the catalogue and the counts.</summary>
    public static IServiceCollection AddPicking(this IServiceCollection services) => services
        .AddSingleton<WorkDocuments>()
        .AddSingleton<PutBacks>()
        .AddSingleton<PickTickets>()
        .AddSingleton<PickQueue>()
        .AddSingleton<Scanning>()
        .AddSingleton<ShortPicks>()
        .AddSingleton<SsccSerials>()
        .AddSingleton<Packing>()
        .AddSingleton<Shipping>()
        .AddSingleton<PuttingBack>()
        .AddSingleton<Waves>();
}
