using System.Globalization;
using Selvedge.Approvals;
using Selvedge.Counts;
using Selvedge.Exceptions;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Transfers;

/// <summary>The other end of transfers: what is counted in, and what never came. Receipts are facts; writing off what is still in transit may take a second person.</summary>
public sealed class TransferArrivals(Store store, InventoryLedger ledger, LedgerReads reads, ApprovalDesk approvals, ExceptionCases exceptions, TimeProvider time)
{
    const int MostReceipts = 200;
    readonly WorkOf<Transfer> transfers = new(store, time, Transfer.KindName);

    /// <summary>Counts in what arrived: what was on its way leaves transit, what is more was found. Answers the document with the receipt on it, not posted yet.</summary>
    /// <exception cref="ProblemException">404; 409: nothing has left; 422: the receipt's id was used for something else.</exception>
    internal async Task<(Transfer Transfer, bool Repeat)> NoteAsync(string id, string receipt, IReadOnlyList<(string Sku, long Units, long Damaged, string Bin)> came, string actor)
    {
        var content = Canonical.Start();
        foreach (var line in came) content.Add(line.Sku).Add(line.Units).Add(line.Damaged).Add(line.Bin);
        var hash = content.ShortHash();
        var (noted, changed) = await transfers.ChangeAsync(id, found =>
        {
            if (found.Receipts.FirstOrDefault(known => known.Id == receipt) is { } known) return known.Content == hash ? null : throw ProblemException.Reused(receipt);
            if (found.DispatchedAt is null) throw ProblemException.Conflict("not-dispatched", "It has not left yet", $"Transfer '{id}' is {System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(found.Status.ToString())}: nothing of it has left {found.At}.");
            if (found.Receipts.Count >= MostReceipts) throw ProblemException.Conflict("too-many-facts", "The transfer has too many receipts", $"Transfer '{id}' has {MostReceipts} receipts.");
            return found with { Receipts = [.. found.Receipts, new(receipt, transfers.Now, actor, Plan(found, came), hash)], Attention = transfers.Later, UpdatedAt = transfers.Now };
        }, TransferDesk.Unknown);
        return (noted, !changed);
    }

    /// <summary>Gives up on what is still in transit. Answers the document with that on it, not posted yet.</summary>
    /// <exception cref="ProblemException">404; 409: nothing has left.</exception>
    internal async Task<Transfer> GiveUpAsync(string id, Counter by, string? reason) => (await transfers.ChangeAsync(id, found => found.Status switch
    {
        TransferStatus.Received or TransferStatus.Closed or TransferStatus.Closing => null,
        TransferStatus.InTransit => found with
        {
            Status = TransferStatus.Closing, Closer = by, Closings = found.Closings + 1, Refusal = null, Approval = null, Reason = reason ?? found.Reason, Attention = transfers.Later, UpdatedAt = transfers.Now,
            Lines = [.. found.Lines.Select(line => line with { Losing = Math.Max(0, found.InTransit(line)) })],
        },
        _ => throw ProblemException.Conflict("not-dispatched", "It has not left yet", $"Transfer '{id}' has not left {found.At}. Cancel it instead."),
    }, TransferDesk.Unknown)).Document;

    /// <summary>What of what came was on its way, and what is more: pure.</summary>
    public static IReadOnlyList<Arrival> Plan(Transfer transfer, IReadOnlyList<(string Sku, long Units, long Damaged, string Bin)> came)
    {
        var left = transfer.Lines.ToDictionary(line => line.Sku, transfer.InTransit, StringComparer.Ordinal);
        var arrivals = new List<Arrival>();
        foreach (var (sku, units, damaged, bin) in came)
            foreach (var (part, broken) in new[] { (units - damaged, false), (damaged, true) })
            {
                var due = Math.Clamp(left.GetValueOrDefault(sku), 0, part);
                if (due > 0) arrivals.Add(new(sku, due, broken ? "" : bin, broken, Over: false));
                if (part > due) arrivals.Add(new(sku, part - due, bin, broken, Over: true));
                if (due > 0) left[sku] -= due;
            }
        return arrivals;
    }

    /// <summary>Tells the ledger what is noted and not posted; answers the document as it is to be written, the same instance where nothing changed.</summary>
    internal async Task<Transfer> PostAsync(Transfer transfer)
    {
        foreach (var receipt in transfer.Receipts.Where(receipt => !receipt.Posted).ToList())
        {
            var arrived = new List<Arrival>();
            foreach (var (arrival, i) in receipt.Lines.Select((arrival, i) => (arrival, i))) arrived.AddRange(await PostAsync(transfer, receipt, arrival, i));
            transfer = transfer with { Receipts = [.. transfer.Receipts.Select(each => each.Id == receipt.Id ? receipt with { Posted = true, Lines = arrived } : each)] };
        }
        if (transfer.Status == TransferStatus.Closing) return await WriteOffAsync(transfer);
        transfer = transfer with { Attention = null };
        return transfer.Status == TransferStatus.InTransit && transfer.Lines.All(line => transfer.InTransit(line) <= 0) ? transfer with { Status = TransferStatus.Received } : transfer;
    }

    async Task<IReadOnlyList<Arrival>> PostAsync(Transfer transfer, TransferReceipt receipt, Arrival arrival, int i)
    {
        string[] key = ["transfer", transfer.Id, receipt.Id, i.ToString(CultureInfo.InvariantCulture)];
        if (arrival.Over)
        {
            await FindAsync(transfer, receipt, arrival, Ids.Join(key, Ids.CosmosLimit - 2));
            if (!transfer.Lines.Any(line => line.Sku == arrival.Sku && line.Lost + line.Losing > 0)) await OpenAsync(transfer, receipt, arrival, Ids.Join(key, Ids.CosmosLimit - 2));
            return [arrival];
        }
        var command = new Post
        {
            Sku = arrival.Sku, Actor = receipt.Actor, Reason = transfer.Reason, Kind = PostKind.Arrive, From = Accounts.Transit(transfer.Id), To = arrival.Damaged ? Accounts.Quarantine(transfer.To) : Accounts.OnHand(transfer.To, arrival.Bin),
            Quantity = arrival.Units, Id = Ids.Join(key, Ids.CosmosLimit - 2), UpTo = true,
        };
        await ledger.ExecuteAsync(command);
        var came = await MovedAsync(command);
        if (came == arrival.Units) return [arrival];
        // A second person let them be written off after this was noted: these are found.
        var found = arrival with { Units = arrival.Units - came, Over = true };
        await FindAsync(transfer, receipt, found, Ids.Join([.. key, "found"], Ids.CosmosLimit - 2));
        return came > 0 ? [arrival with { Units = came }, found] : [found];
    }

    Task<Outcome> FindAsync(Transfer transfer, TransferReceipt receipt, Arrival arrival, string id) => ledger.ExecuteAsync(new Post
    {
        Sku = arrival.Sku, Actor = receipt.Actor, Reason = $"More than left on transfer {transfer.Id}", Kind = PostKind.Adjust, From = Accounts.Shrink, To = Accounts.OnHand(transfer.To, arrival.Bin, arrival.Damaged ? "damaged" : ""), Quantity = arrival.Units, Id = id,
    });

    Task OpenAsync(Transfer transfer, TransferReceipt receipt, Arrival arrival, string id) => exceptions.OpenAsync(new ExceptionCase
    {
        Id = id, Kind = "transferOver", Sku = arrival.Sku, Location = transfer.To, Quantity = arrival.Units, Detail = $"{arrival.Units} {arrival.Sku} more arrived at {transfer.To} on transfer {transfer.Id} than left {transfer.At}.",
        Expected = new($"ledger: {Accounts.Transit(transfer.Id)}", $"{arrival.Units} fewer"), Found = new($"receipt {receipt.Id} by {receipt.Actor}", $"{arrival.Units} too many arrived"),
    });

    // What its entry says: fewer than it was for where the account showed fewer. Without an entry, none.
    async Task<long> MovedAsync(Post command) => (await reads.EntryAsync(command.Sku, command.Key))?.Moves?.Where(move => move.From == command.From && move.To == command.To).Sum(move => move.Units) ?? 0;

    async Task<Transfer> WriteOffAsync(Transfer transfer)
    {
        var by = new Caller(transfer.Closer!.KeyId, transfer.Closer.Actor, transfer.Closer.Role, Scope.Everything);
        var (lines, waits, refusal) = (new List<TransferLine>(), (string?)null, transfer.Refusal);
        foreach (var line in transfer.Lines)
        {
            // What arrived since it was asked for is not written off; the approval, if there is one, finds nothing to move.
            lines.Add(line with { Losing = 0 });
            if (line.Losing == 0 || transfer.InTransit(line) <= 0) continue;
            var command = new Post
            {
                Sku = line.Sku, Actor = by.Actor, Reason = transfer.Reason, Kind = PostKind.Arrive, From = Accounts.Transit(transfer.Id), To = Accounts.Shrink, Quantity = line.Losing,
                Id = Ids.Join(["transfer", transfer.Id, "lost", line.Line, transfer.Closings.ToString(CultureInfo.InvariantCulture)], Ids.CosmosLimit - 2), UpTo = true,
            };
            if (await reads.EntryAsync(line.Sku, command.Key) is null)
            {
                var asked = await approvals.FindAsync(line.Sku, command.Key);
                if (asked is null && await ledger.ExecuteAsync(command with { Leeway = await approvals.LeewayAsync(by, ApprovalKind.WriteOff) }) is { NeedsApproval: true } outcome)
                    asked = await approvals.AskAsync(approvals.Draft(by, ApprovalKind.WriteOff, $"Transfer {transfer.Id}: {outcome.Refusal}", Asked.Of(command), command.Key, line.Sku) with { Location = transfer.To });
                if (asked?.State is ApprovalState.Refused or ApprovalState.Expired)
                {
                    // These units go on being on their way.
                    refusal = asked.Refusal ?? asked.Reason ?? "Nobody decided in time.";
                    continue;
                }
                if (asked is not null && asked.State != ApprovalState.Done)
                {
                    (waits, lines[^1]) = (asked.Id, line);
                    continue;
                }
            }
            lines[^1] = lines[^1] with { Lost = line.Lost + await MovedAsync(command) };
        }
        if (waits is not null)
            return (waits, refusal) == (transfer.Approval, transfer.Refusal) && transfer.Attention is not null && lines.SequenceEqual(transfer.Lines) ? transfer
                : transfer with { Lines = lines, Approval = waits, Refusal = refusal, Attention = transfers.Later };
        transfer = transfer with { Lines = lines, Refusal = refusal, Approval = null, Attention = null };
        return transfer with { Status = lines.Any(line => transfer.InTransit(line) > 0) ? TransferStatus.InTransit : lines.Any(line => line.Lost > 0) ? TransferStatus.Closed : TransferStatus.Received };
    }
}
