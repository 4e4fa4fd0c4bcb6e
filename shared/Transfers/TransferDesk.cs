using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Selvedge.Counts;
using Selvedge.Ledger;
using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Transfers;

/// <summary>
/// Transfers from being asked for to having left. Every step is decided on the document first, by ETag, and done then by keys and revisions that follow from it: revision
/// 1 claims, revision 2 is the last word (given back, or what has left).
/// </summary>
public sealed partial class TransferDesk(Store store, InventoryLedger ledger, LedgerReads reads, PickTickets tickets, TransferArrivals arrivals, TimeProvider time, ILogger<TransferDesk> log)
{
    public const int MostLines = 200;
    const int Most = 200;

    /// <summary>How often one that waits for its pickers is looked at: what they do is told by their tickets, so this finds only what stock lost or got back.</summary>
    static readonly TimeSpan Glance = TimeSpan.FromHours(1);
    readonly WorkOf<Transfer> transfers = new(store, time, Transfer.KindName);

    public Task<Transfer?> FindAsync(string id) => transfers.FindAsync(id);

    /// <param name="status">How far they are.</param>
    /// <param name="before">Only those that left at this instant or earlier.</param>
    /// <param name="locations">Only those that begin or end there.</param>
    /// <param name="limit">Most items.</param>
    /// <param name="continuation">What the page before gave.</param>
    public Task<Page<Transfer>> ListAsync(string? status, DateTimeOffset? before, IReadOnlyList<string>? locations, int limit, string? continuation) =>
        transfers.ListAsync([("status", "=", status), ("dispatchedAt", "<=", before is { } at ? InstantConverter.Text(at) : null)], locations, limit, continuation, or: "to");

    /// <summary>Asks for units: claims them and puts a ticket into the pick queue. The same id again is answered as it stands.</summary>
    /// <exception cref="ProblemException">422: the id was used for another.</exception>
    public async Task<(Transfer Transfer, bool Repeat)> AskAsync(Transfer wanted)
    {
        var now = transfers.Now;
        var (there, created) = await transfers.CreateAsync(wanted with { CreatedAt = now, UpdatedAt = now, Attention = transfers.Later });
        if (there.Content != wanted.Content) throw ProblemException.Reused(wanted.Id);
        return (await RunAsync(there), !created);
    }

    /// <summary>Calls a transfer off that has not left. What was staged is put back by a task.</summary>
    /// <exception cref="ProblemException">404; 409: it has left.</exception>
    public async Task<Transfer> CancelAsync(string id)
    {
        // What is still being claimed is claimed first: then there is one thing to give back.
        var found = await RunAsync(await transfers.FindAsync(id) ?? throw Unknown(id));
        (found, _) = await transfers.ChangeAsync(id, now => now.Status switch
        {
            TransferStatus.Cancelled or TransferStatus.Cancelling or TransferStatus.Refused or TransferStatus.Refusing => null,
            TransferStatus.Picking => now with { Status = TransferStatus.Cancelling, Attention = transfers.Later, UpdatedAt = transfers.Now },
            _ => throw Left(now),
        }, Unknown);
        found = await RunAsync(found);
        return found.Status is TransferStatus.Cancelled or TransferStatus.Refused ? found : throw Left(found);
    }

    /// <summary>Counts in what arrived. The same receipt again is answered as things stand.</summary>
    /// <exception cref="ProblemException">404; 409: nothing has left; 422: the receipt's id was used for something else.</exception>
    public async Task<(Transfer Transfer, bool Repeat)> ReceiveAsync(string id, string receipt, IReadOnlyList<(string Sku, long Units, long Damaged, string Bin)> came, string actor)
    {
        await LookAsync(id);
        var (noted, repeat) = await arrivals.NoteAsync(id, receipt, came, actor);
        return (await RunAsync(noted), repeat);
    }

    /// <summary>Gives up on what never arrived: it is written off, by a second person where it is much.</summary>
    /// <exception cref="ProblemException">404; 409: nothing has left.</exception>
    public async Task<Transfer> CloseAsync(string id, Counter by, string? reason)
    {
        await LookAsync(id);
        return await RunAsync(await arrivals.GiveUpAsync(id, by, reason));
    }

    /// <summary>The transfer after a look at its tickets; null: there is none. What has left may not be noted yet.</summary>
    public async Task<Transfer?> LookAsync(string id) => await transfers.FindAsync(id) is { } found ? found.Status == TransferStatus.Picking ? await RunAsync(found) : found : null;

    /// <summary>As <see cref="LookAsync"/>, told by a ticket's change, or as it stands where that cannot be done now: its sweeper does it later.</summary>
    public async Task<Transfer?> TryLookAsync(string id)
    {
        try { return await LookAsync(id); }
        catch (Exception later)
        {
            LogUnlooked(later, id);
            return await transfers.FindAsync(id);
        }
    }

    /// <summary>Goes on with what was begun and left, and with tickets that have something to tell. One that cannot be done now holds up no other.</summary>
    public async Task<int> SweepAsync(CancellationToken cancel)
    {
        foreach (var ticket in await tickets.UnseenAsync(time.GetUtcNow(), Most, transfers: true))
            try
            {
                if (await transfers.FindAsync(ticket.Transfer!) is { } found) await RunAsync(found);
                else LogUnknown(ticket.Id, ticket.Transfer!);
                await tickets.SeenAsync(ticket);
            }
            catch (Exception later) when (later is not OperationCanceledException || !cancel.IsCancellationRequested) { LogLeft(later, ticket.Transfer!, ticket.Id); }
        return await transfers.DueAsync(RunAsync, cancel);
    }

    internal async Task<Transfer> RunAsync(Transfer transfer)
    {
        for (var steps = 0; steps < 20; steps++)
        {
            var next = transfer.Status switch
            {
                TransferStatus.Claiming => await ClaimAsync(transfer),
                TransferStatus.Keeping => await KeepAsync(transfer),
                TransferStatus.Refusing => await ReleaseAsync(transfer) with { Status = TransferStatus.Refused, Attention = null },
                TransferStatus.Cancelling => await CancelAsync(transfer),
                TransferStatus.Picking => await FollowAsync(transfer),
                _ when transfer.Attention is not null => await arrivals.PostAsync(transfer),
                _ => transfer,
            };
            if (ReferenceEquals(next, transfer)) return transfer;
            var before = transfer.Status;
            transfer = await transfers.ReplaceAsync(next with { UpdatedAt = transfers.Now }) ?? await transfers.FindAsync(transfer.Id) ?? throw Unknown(transfer.Id);
            if (transfer.Status == before && transfer.Status is TransferStatus.Picking or TransferStatus.Closing) return transfer;
        }
        return transfer;
    }

    async Task<Transfer> ClaimAsync(Transfer transfer)
    {
        var held = new Dictionary<string, long>(StringComparer.Ordinal);
        // In ascending SKU order, so that two that want the same SKUs never wait for each other.
        foreach (var line in transfer.Lines.OrderBy(line => line.Sku, StringComparer.Ordinal))
        {
            var outcome = await ledger.ExecuteAsync(Claim(transfer, line, line.Quantity, 1) with { Shortage = transfer.Partial ? Shortage.Partial : Shortage.Refuse, Tentative = IsTentative(transfer) });
            if (outcome.Verdict == Verdict.Refused) return transfer with { Status = TransferStatus.Refusing, Refusal = $"{line.Sku}: {outcome.Refusal ?? $"{outcome.Available} available"}", Attention = transfers.Later };
            held[line.Line] = outcome.Held?.GetValueOrDefault(transfer.At) ?? 0;
        }
        return held.Values.All(units => units == 0) ? transfer with { Status = TransferStatus.Refusing, Refusal = $"Nothing of it is available at {transfer.At}." }
            : transfer with { Status = TransferStatus.Keeping, Lines = [.. transfer.Lines.Select(line => line with { Held = held[line.Line] })] };
    }

    async Task<Transfer> KeepAsync(Transfer transfer)
    {
        if (IsTentative(transfer))
            foreach (var line in transfer.Lines)
                await ledger.ExecuteAsync(new Settle { Sku = line.Sku, Actor = transfer.Actor, Order = transfer.Order, Line = line.Line, Revision = 1, Keep = true });
        return (await AlignAsync(transfer)).Transfer with { Status = TransferStatus.Picking, Attention = transfers.Now + Glance };
    }

    // The ticket says what the claims say, until it has left; then the transfer says what the ticket said.
    async Task<Transfer> FollowAsync(Transfer transfer)
    {
        var known = await tickets.ReadAsync(transfer.Tickets);
        if (known.Any(ticket => ticket.Status == TicketStatus.Shipping)) return transfer;
        var (left, open) = (known.Any(ticket => ticket.Status == TicketStatus.Shipped), known.Where(ticket => !ticket.IsOver).ToList());
        if (open.Count > 0 && open.All(ticket => ticket.Left == 0 && ticket.Lines.All(line => line.Picked == 0)))
        {
            if (!left) return CallOff(transfer, $"Nothing of it was found at {transfer.At} when it was picked.");
            foreach (var ticket in open) await tickets.CancelAsync(ticket.Id);
            known = await tickets.ReadAsync(transfer.Tickets);
        }
        if (left && known.All(ticket => ticket.IsOver)) return await DispatchAsync(transfer, known);
        var (next, all, claimed) = await AlignAsync(transfer);
        if (claimed == 0 && all.All(ticket => ticket.Status == TicketStatus.Cancelled)) return CallOff(transfer, $"Nothing of it is left at {transfer.At}.");
        return transfer.Attention > transfers.Now && next.Tickets.SequenceEqual(transfer.Tickets) && next.Lines.SequenceEqual(transfer.Lines) ? transfer : next with { Attention = transfers.Now + Glance };
    }

    Transfer CallOff(Transfer transfer, string why) => transfer with { Status = TransferStatus.Cancelling, Refusal = why, Attention = transfers.Later };

    async Task<Transfer> DispatchAsync(Transfer transfer, IReadOnlyList<PickTicket> known)
    {
        var left = known.Where(ticket => ticket.Status == TicketStatus.Shipped).SelectMany(ticket => ticket.Lines).ToLookup(line => line.Line, line => line.Shipped, StringComparer.Ordinal);
        var lines = transfer.Lines.Select(line => line with { Dispatched = left[line.Line].Sum(), Held = 0 }).ToList();
        // What was not found when it was picked is not waited for.
        foreach (var line in lines) await ledger.ExecuteAsync(Claim(transfer, line, line.Dispatched, 2));
        foreach (var ticket in known) await tickets.CloseAsync(ticket);
        return transfer with { Status = TransferStatus.InTransit, Lines = lines, DispatchedAt = known.Where(ticket => ticket.Status == TicketStatus.Shipped).Min(ticket => ticket.Consignment?.At ?? ticket.UpdatedAt), Attention = null };
    }

    async Task<Transfer> CancelAsync(Transfer transfer)
    {
        foreach (var id in transfer.Tickets)
            if (await tickets.CancelAsync(id) is { Status: TicketStatus.Shipping or TicketStatus.Shipped }) return transfer with { Status = TransferStatus.Picking, Refusal = null };
        transfer = await ReleaseAsync(transfer);
        await AlignAsync(transfer, back: true);
        foreach (var ticket in await tickets.ReadAsync(transfer.Tickets)) await tickets.CloseAsync(ticket);
        return transfer with { Status = TransferStatus.Cancelled, Attention = null };
    }

    async Task<Transfer> ReleaseAsync(Transfer transfer)
    {
        foreach (var line in transfer.Lines) await ledger.ExecuteAsync(Claim(transfer, line, 0, 2));
        return transfer with { Lines = [.. transfer.Lines.Select(line => line with { Held = 0 })] };
    }

    async Task<(Transfer Transfer, IReadOnlyList<PickTicket> Tickets, long Claimed)> AlignAsync(Transfer transfer, bool back = false)
    {
        var claims = await reads.ClaimsAsync(transfer.Lines.Select(line => (Ids.Claim(transfer.Order, line.Line, transfer.At), line.Sku)));
        var lines = transfer.Lines.Select(line => claims.GetValueOrDefault(Ids.Claim(transfer.Order, line.Line, transfer.At)) is { } claim
            ? new TicketDemandLine(line.Line, line.Sku, transfer.At, claim.Held, claim.Staged) { Surplus = back ? claim.Staged : 0 } : new(line.Line, line.Sku, transfer.At, 0, 0));
        var all = await tickets.AlignAsync(new(transfer.Order, 1, 1, transfer.Tickets, [.. lines]) { Transfer = transfer.Id, Priority = transfer.Priority, ShipBy = transfer.ShipBy });
        return (transfer with { Tickets = [.. all.Select(ticket => ticket.Id)], Lines = [.. transfer.Lines.Zip(lines, (line, now) => line with { Held = back ? 0 : now.Held + now.Staged })] }, all, claims.Values.Sum(claim => claim.Held + claim.Staged));
    }

    static bool IsTentative(Transfer transfer) => !transfer.Partial && transfer.Lines.Count > 1;

    static SetClaim Claim(Transfer transfer, TransferLine line, long quantity, long revision) => new()
    {
        Sku = line.Sku, Actor = transfer.Actor, Reason = transfer.Reason, Order = transfer.Order, Line = line.Line, Quantity = quantity, Places = [transfer.At], Revision = revision, Priority = transfer.Priority, RequiredBy = transfer.ShipBy,
    };

    static ProblemException Left(Transfer transfer) => ProblemException.Conflict("has-left", "It has left already", $"Transfer '{transfer.Id}' is {System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(transfer.Status.ToString())}. Receive it, and send back what is not wanted.");
    public static ProblemException Unknown(string id) => ProblemException.NotFound($"There is no transfer '{id}'. POST api/transfers asks for one.");

    [LoggerMessage(EventId = 4031, Level = LogLevel.Warning, Message = "Transfer {Transfer} could not be told of pick {Pick}; it is told again in half a minute. If it goes on failing, read both and correct what the error names")]
    partial void LogLeft(Exception failure, string transfer, string pick);

    [LoggerMessage(EventId = 4033, Level = LogLevel.Warning, Message = "Transfer {Transfer} could not be looked at; it is looked at again within half a minute")]
    partial void LogUnlooked(Exception failure, string transfer);

    [LoggerMessage(EventId = 4032, Level = LogLevel.Error, Message = "Pick {Pick} is for transfer {Transfer}, which does not exist; it is not looked at again. Restore the transfer's document, or release the transfer's claims and put back what is staged for them")]
    partial void LogUnknown(string pick, string transfer);
}

public static class TransferServices
{
    public static IServiceCollection AddTransfers(this IServiceCollection services) => services.AddSingleton<TransferArrivals>().AddSingleton<TransferDesk>();
}
