using Selvedge.Approvals;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Counts;

/// <summary>
/// Tells the ledger what counts came to, by keys made of the count, the line and the result's number: whoever finds a line that is being posted goes on with it. A
/// variance above what one person may post waits for a second one; meanwhile the bin counts as counted, so that a late fact does not come on top of it.
/// </summary>
public sealed class CountPosting(Store store, InventoryLedger ledger, LedgerReads reads, ApprovalDesk approvals, TimeProvider time)
{
    readonly WorkOf<StockCount> counts = new(store, time, StockCount.KindName);

    /// <summary>Goes on with what a crash left, and with what a second person has decided on.</summary>
    public Task<int> SweepAsync(CancellationToken cancel) => counts.DueAsync(RunAsync, cancel);

    /// <summary>Posts every line that is decided; answers the count as it stands then.</summary>
    internal async Task<StockCount> RunAsync(StockCount count)
    {
        while (true)
        {
            var after = new List<CountLine>();
            foreach (var line in count.Lines) after.Add(line.State is CountState.Posting or CountState.Pending ? await PostAsync(count, line) : line);
            var pending = after.Any(line => line.State is CountState.Pending);
            var over = after.All(line => line.State == CountState.Posted) && count.Status == CountStatus.Open;
            if (!over && after.SequenceEqual(count.Lines) && (count.Attention is null || pending)) return count;
            var next = count with { Lines = after, Status = over ? CountStatus.Closed : count.Status, Attention = pending ? counts.Later : null, UpdatedAt = counts.Now };
            if (await counts.ReplaceAsync(next) is { } written) return written;
            count = await counts.FindAsync(count.Id) ?? throw Counting.Unknown(count.Id);
        }
    }

    async Task<CountLine> PostAsync(StockCount count, CountLine line)
    {
        var (result, look) = (line.Result!, line.Looks[^1]);
        // An entry that was being written while the look was compared may have come into its window.
        if (line.State == CountState.Posting && await reads.EntryAsync(line.Sku, Key("count")) is null && await reads.EntryAsync(line.Sku, Key("found")) is null && await reads.EntryAsync(line.Sku, Key("lost")) is null
            && await Counting.CompareAsync(reads, count.At, line, look) is var now && (now.Moved || (now.Expected, now.Missing) != (look.Expected, look.Missing)))
            return line with { State = CountState.Open, Recount = CountRules.Moved, Looks = [.. line.Looks.Take(line.Looks.Count - 1), look with { Moved = true }] };

        var by = new Caller(look.By.KeyId, look.By.Actor, look.By.Role, Scope.Everything);
        var leeway = await approvals.LeewayAsync(by, ApprovalKind.CountVariance);
        var (here, gone) = (Accounts.OnHand(count.At, line.Bin, line.Condition), Accounts.OnHand(count.At, line.Bin, CountRules.Missing));
        var commands = new List<Command>();
        if (result.Found > 0) commands.Add(new Post { Sku = line.Sku, Actor = by.Actor, Reason = Reason, Kind = PostKind.Relocate, From = gone, To = here, Quantity = result.Found, Id = Key("found") });
        if (result.Lost > 0) commands.Add(new Post { Sku = line.Sku, Actor = by.Actor, Reason = Reason, Kind = PostKind.Adjust, From = gone, To = Accounts.Shrink, Quantity = result.Lost, Id = Key("lost"), Leeway = leeway });
        commands.Add(new Count { Sku = line.Sku, Actor = by.Actor, Reason = Reason, EffectiveAt = result.EffectiveAt, Location = count.At, Bin = line.Bin, Condition = line.Condition, Counted = result.Counted, Expected = result.Expected, Id = Key("count"), Leeway = leeway });

        var (value, sequence) = (0L, 0L);
        string? waits = null;
        foreach (var command in commands)
        {
            var outcome = await TellAsync(command);
            if (outcome is null) return line with { State = CountState.Open, Recount = CountRules.NotApproved, Approval = null, Decided = line.Looks.Count };
            if (outcome.NeedsApproval)
            {
                waits = outcome.Refusal;
                continue;
            }
            sequence = outcome.Sequence;
            if (command is Count) value += Math.Sign(result.Counted - result.Expected) * outcome.Value;
            else if (command is Post { Kind: PostKind.Adjust }) value -= outcome.Value;
        }
        if (waits is null) return line with { State = CountState.Posted, Result = result with { Value = value, Sequence = sequence } };
        await ledger.ExecuteAsync(new Count { Sku = line.Sku, Actor = by.Actor, Reason = Reason, EffectiveAt = result.EffectiveAt, Location = count.At, Bin = line.Bin, Condition = line.Condition, Counted = result.Expected, Expected = result.Expected, Id = Key("seen") });
        return line with { State = CountState.Pending, Approval = waits };

        // The outcome; one that needs approval carries the approval's id as its refusal; null: a second person has refused it.
        async Task<Outcome?> TellAsync(Command command)
        {
            if (await reads.EntryAsync(line.Sku, command.Key) is { } entry) return entry.Outcome with { Sequence = entry.Sequence };
            var asked = await approvals.FindAsync(line.Sku, command.Key);
            if (asked is null)
            {
                var outcome = await ledger.ExecuteAsync(command);
                if (!outcome.NeedsApproval) return outcome;
                asked = await approvals.AskAsync(approvals.Draft(by, ApprovalKind.CountVariance, $"Count {count.Id}: {outcome.Refusal}", Asked.Of(command), command.Key, line.Sku) with { Location = count.At });
            }
            return asked.State is ApprovalState.Refused or ApprovalState.Expired ? null : new Outcome(Verdict.Refused, Refusal: asked.Id) { NeedsApproval = true };
        }

        string Key(string what) => Ids.Join(["count", count.Id, line.Id, string.Create(null, $"{result.Number}"), what], Ids.CosmosLimit - 2);
    }

    const string Reason = "counted";
}
