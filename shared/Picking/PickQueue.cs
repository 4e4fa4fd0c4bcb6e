using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Selvedge.Platform;

namespace Selvedge.Picking;

/// <summary>The one pick queue over all channels: by priority, the day to ship by, then age.</summary>
public sealed class PickQueue(WorkDocuments documents, PickTickets tickets, TimeProvider time)
{
    /// <summary>How many tickets are read for pickers who ask at about the same time, so that they neither read the same ones nor fight for the first.</summary>
    const int Head = 20;
    static readonly TimeSpan Together = TimeSpan.FromMilliseconds(200);
    readonly Dictionary<string, (Queue<PickTicket> Tickets, long At)> heads = new(StringComparer.Ordinal);

    /// <summary>A page of tickets: those that wait, in their order, or those of another status.</summary>
    /// <param name="locations">Where; null: everywhere.</param>
    public Task<Page<PickTicket>> ListAsync(IReadOnlyList<string>? locations, TicketStatus status, int limit, string? continuation)
    {
        var where = locations switch { null => "", [_] when status == TicketStatus.Open => " AND STARTSWITH(c.queue, @queue)", _ => " AND ARRAY_CONTAINS(@locations, c.location)" };
        var query = new QueryDefinition(status == TicketStatus.Open ? $"SELECT * FROM c WHERE c.queue > ''{where} ORDER BY c.queue" : $"SELECT * FROM c WHERE c.status = @status AND c.kind = @kind{where}")
            .WithParameter("@status", JsonNamingPolicy.CamelCase.ConvertName(status.ToString())).WithParameter("@kind", PickTicket.KindName);
        if (locations is [var only]) query = query.WithParameter("@queue", PickTicket.QueueOf(only));
        if (locations is not null) query = query.WithParameter("@locations", locations);
        return documents.PageAsync(query, limit, continuation, PickingJson.Default.PickTicket, locations is [var one] ? one : null);
    }

    /// <summary>The first tickets that wait at a location.</summary>
    public Task<List<PickTicket>> HeadAsync(string location, int most, string? channel = null, DateTimeOffset? shipBefore = null)
    {
        var query = new QueryDefinition($"SELECT * FROM c WHERE STARTSWITH(c.queue, @queue){(channel is null ? "" : " AND c.channel = @channel")}{(shipBefore is null ? "" : " AND c.shipBy < @before")} ORDER BY c.queue")
            .WithParameter("@queue", PickTicket.QueueOf(location));
        if (channel is not null) query = query.WithParameter("@channel", channel);
        if (shipBefore is { } before) query = query.WithParameter("@before", InstantConverter.Text(before));
        return documents.FirstAsync(query, most, PickingJson.Default.PickTicket, location);
    }

    /// <summary>Gives the next ticket of a location to a picker; several may ask at once, each gets another one. Null where nothing waits.</summary>
    public async Task<PickTicket?> TakeNextAsync(string location, string picker)
    {
        var taking = Guid.NewGuid().ToString("N")[..12];
        while (await CandidateAsync(location) is { } ticket)
        {
            if (await tickets.ReplaceAsync(ticket with { Status = TicketStatus.Picking, Picker = picker, Taking = taking }) is { } taken) return taken;
            if (await tickets.ReadAsync(ticket.Id) is { } there && there.Taking == taking) return there;
        }
        return null;
    }

    // One that was read a moment ago and offered to nobody; its ETag decides whether it still waits.
    async Task<PickTicket?> CandidateAsync(string location)
    {
        if (Offered(location) is { } offered) return offered;
        var read = await HeadAsync(location, Head);
        lock (heads)
        {
            if (Offered(location) is { } other) return other;
            heads[location] = (new(read.Skip(1)), time.GetTimestamp());
        }
        return read.FirstOrDefault();
    }

    PickTicket? Offered(string location)
    {
        lock (heads) return heads.TryGetValue(location, out var head) && time.GetElapsedTime(head.At) < Together && head.Tickets.TryDequeue(out var ticket) ? ticket : null;
    }

    /// <summary>Puts tickets back into the queue that somebody took and then did nothing about for <paramref name="idle"/>; those in waves are the wave's. Answers how many.</summary>
    public async Task<int> ReleaseIdleAsync(TimeSpan idle, int most, CancellationToken cancel)
    {
        var query = new QueryDefinition("SELECT * FROM c WHERE c.status = 'picking' AND c.kind = @kind AND c.updatedAt < @before AND NOT IS_DEFINED(c.wave)")
            .WithParameter("@kind", PickTicket.KindName).WithParameter("@before", InstantConverter.Text(tickets.Now - idle));
        var released = 0;
        foreach (var left in await documents.FirstAsync(query, most, PickingJson.Default.PickTicket, cancel: cancel))
            if (await tickets.ReplaceAsync(left with { Status = TicketStatus.Open, Picker = null }) is not null) released++;
        return released;
    }

    /// <summary>Puts a ticket that someone has back into the queue, out of its wave too; what was picked stays picked.</summary>
    /// <exception cref="ProblemException">404; 409 it is done or called off.</exception>
    public async Task<(PickTicket Ticket, bool Repeat)> ReleaseAsync(string id)
    {
        var repeat = false;
        var ticket = await tickets.ChangeAsync(id, ticket =>
        {
            if (ticket.Status is TicketStatus.Picked) throw PickProblems.Closed(ticket);
            if (PickProblems.Shut(ticket with { OnHold = null }) is { } shut) throw shut;
            repeat = ticket.Status == TicketStatus.Open;
            return repeat ? ticket : ticket with { Status = TicketStatus.Open, Picker = null, Wave = null, Slot = null };
        });
        return (ticket ?? throw PickProblems.Unknown(id), repeat);
    }
}
