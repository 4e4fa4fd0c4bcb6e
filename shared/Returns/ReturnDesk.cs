using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Approvals;
using Selvedge.Exceptions;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Returns;

/// <summary>
/// Returns from the moment they are expected to the last grading. Each fact is written on the document under its own id first; the ledger is told by keys made of
/// it, by whoever finds it untold. So receipt, grading and refund come in any order, and each counts once.
/// </summary>
public sealed class ReturnDesk(Store store, InventoryLedger ledger, LedgerReads reads, ApprovalDesk approvals, ExceptionCases exceptions, TimeProvider time)
{
    public const int MostLines = 200;
    const int MostFacts = 200;
    readonly WorkOf<ReturnCase> returns = new(store, time, ReturnCase.KindName);

    public Task<ReturnCase?> FindAsync(string id) => returns.FindAsync(id);

    public Task<Page<ReturnCase>> ListAsync(string? status, string? order, int limit, string? continuation) =>
        returns.ListAsync([("status", "=", status), ("order", "=", order)], null, limit, continuation);

    /// <summary>Opens a return that a person has agreed to. The same id again is answered as it stands.</summary>
    /// <param name="wanted">The return.</param>
    /// <param name="handed">Units handed over of a line that the ledger ships nothing for (sold at a till, held by a marketplace); null: the ledger says what was sent.</param>
    /// <exception cref="ProblemException">409: more than was sent and is not expected back already; 422: the id was used for another.</exception>
    public async Task<(ReturnCase Case, bool Repeat)> OpenAsync(ReturnCase wanted, Func<ExpectedLine, long?> handed)
    {
        var content = Canonical.Start().Add(wanted.Order).Add(wanted.At).Add(wanted.Replacement);
        foreach (var line in wanted.Lines) content.Name("line").Add(line.Line).Add(line.Sku).Add(line.Units);
        if (wanted.Order is not null && await returns.FindAsync(wanted.Id) is null) await RequireSentAsync(wanted, handed);
        wanted = wanted with { Content = content.ShortHash(), CreatedAt = returns.Now, UpdatedAt = returns.Now };
        var (there, created) = await returns.CreateAsync(wanted);
        return created || there.Content == wanted.Content ? (there, !created) : throw ProblemException.Reused(wanted.Id);
    }

    async Task RequireSentAsync(ReturnCase wanted, Func<ExpectedLine, long?> handed)
    {
        var others = new List<ReturnCase>();
        string? continuation = null;
        do
        {
            var page = await ListAsync(null, wanted.Order, 100, continuation);
            others.AddRange(page.Items);
            continuation = page.Continuation;
        }
        while (continuation is not null);
        foreach (var (line, i) in wanted.Lines.Select((line, i) => (line, i)))
        {
            var sent = handed(line) ?? (await reads.ShippedAsync(line.Sku, wanted.Order!, line.Line)).Units;
            var back = others.Sum(other => other.Lines.Where(each => each.Line == line.Line && each.Sku == line.Sku).Sum(each => ReturnRules.Came(other, each) + ReturnRules.Open(other, each)));
            if (sent - back is var most && most < line.Units)
                throw ProblemException.Conflict("not-sent", "So many were not sent", $"lines/{i}: {line.Units} {line.Sku} of line '{line.Line}' of order '{wanted.Order}' cannot come back: {sent} were sent, {back} came back or are expected already, so {Math.Max(0, most)} may. See GET api/returns?order={wanted.Order}; goods that came all the same are taken in on a return without an order.");
        }
    }

    /// <summary>Takes in what really came, ungraded, into quarantine. The same receipt again is answered as things stand.</summary>
    /// <param name="id">The return.</param>
    /// <param name="receipt">The receipt's own id.</param>
    /// <param name="location">Where it came to, which need not be where it was expected.</param>
    /// <param name="came">Units by SKU, and the expected line where it is known.</param>
    /// <param name="actor">Who.</param>
    /// <exception cref="ProblemException">404; 422: the id was used for something else.</exception>
    public async Task<(ReturnCase Case, bool Repeat)> ReceiveAsync(string id, string receipt, string location, IReadOnlyList<(string Sku, long Units, string? Line)> came, string actor)
    {
        var written = Canonical.Start().Add(location);
        foreach (var (sku, units, line) in came) written.Name("line").Add(sku).Add(units).Add(line);
        var content = written.ShortHash();
        var shipped = await ShippedAsync(await returns.FindAsync(id) ?? throw ReturnProblems.Unknown(id), came.Select(line => line.Sku));
        var (noted, changed) = await returns.ChangeAsync(id, found =>
        {
            if (found.Receipts.FirstOrDefault(known => known.Id == receipt) is { } known) return known.Content == content ? null : throw ProblemException.Reused(receipt);
            RequireRoom(found.Receipts.Count);
            var lines = ReturnRules.Match(found, came).Select(line => line with { Value = line.Line is { } of && shipped.TryGetValue((of, line.Sku), out var left) ? ReturnRules.Value(line.Units, left) : null });
            return Judged(found with { At = found.At ?? location, Receipts = [.. found.Receipts, new(receipt, location, returns.Now, actor, [.. lines]) { Content = content }] });
        }, ReturnProblems.Unknown);
        return (await RunAsync(noted), !changed);
    }

    /// <summary>Says what units turned out to be, which may be ahead of their receipt as far as they are expected: the ledger is told once they are received, so that nothing can
    /// be sold that never came. A large write-off waits for a second person. What others took out of quarantine is not graded again (<see cref="Grading.Refusal"/>).</summary>
    /// <exception cref="ProblemException">404; 409: more than was received or is expected; 422: the id was used for something else.</exception>
    public async Task<(ReturnCase Case, Grading Grading, bool Repeat)> GradeAsync(string id, Grading wanted)
    {
        var (noted, changed) = await returns.ChangeAsync(id, found =>
        {
            if (found.Gradings.FirstOrDefault(known => known.Id == wanted.Id) is { } known)
                return (known.Location, known.Sku, known.Units, known.Grade, known.Bin, known.Condition) == (wanted.Location, wanted.Sku, wanted.Units, wanted.Grade, wanted.Bin, wanted.Condition) ? null : throw ProblemException.Reused(wanted.Id);
            RequireRoom(found.Gradings.Count);
            if (ReturnRules.Gradable(found, wanted.Location, wanted.Sku) is var most && most < wanted.Units)
                throw ProblemException.Conflict("not-received", "So many have not come", $"{wanted.Units} {wanted.Sku} cannot be graded at {wanted.Location} on return '{id}': {(most == 0 ? "none" : $"{most} at most")} of what it received there or expects is ungraded. Record what came first (POST api/returns/{id}/receive), then grade it.");
            return Judged(found with { Gradings = [.. found.Gradings, wanted with { At = returns.Now }] });
        }, ReturnProblems.Unknown);
        var after = await RunAsync(noted);
        return (after, after.Gradings.First(grading => grading.Id == wanted.Id), !changed);
    }

    /// <summary>Notes that money was given back: no stock moves by it.</summary>
    /// <param name="id">The return.</param>
    /// <param name="refund">The refund.</param>
    /// <param name="most">What all refunds of the return may come to, in ten-thousandths of the refund's currency; null: nobody knows, or somebody has approved more.</param>
    /// <exception cref="ProblemException">404; 422: more than the goods cost, or the id was used for another amount.</exception>
    public async Task<(ReturnCase Case, bool Repeat)> RefundAsync(string id, ReturnRefund refund, long? most)
    {
        var (noted, changed) = await returns.ChangeAsync(id, found =>
        {
            if (found.Refunds.FirstOrDefault(known => known.Id == refund.Id) is { } known) return (known.Amount, known.Currency) == (refund.Amount, refund.Currency) ? null : throw ProblemException.Reused(refund.Id);
            RequireRoom(found.Refunds.Count);
            var given = found.Refunds.Where(known => known.Currency == refund.Currency).Sum(known => known.Amount ?? 0);
            if (most is { } all && (Int128)given + (refund.Amount ?? 0) > all)
                throw new ProblemException(422, "refund-too-high", "It is more than the goods cost", $"{Money.Text(refund.Amount ?? 0)} {refund.Currency} is more than the {Money.Text(Math.Max(0, all - given))} that is left of the {Money.Text(all)} the lines of return '{id}' cost. Correct the amount, or have finance send it with \"approved\": true.");
            return found with { Refunds = [.. found.Refunds, refund with { At = returns.Now }], UpdatedAt = returns.Now };
        }, ReturnProblems.Unknown);
        return (noted, !changed);
    }

    /// <summary>Links the order that is sent instead: an exchange.</summary>
    /// <exception cref="ProblemException">404; 409: another is sent instead already.</exception>
    public async Task<ReturnCase> ExchangeAsync(string id, string replacement) => (await returns.ChangeAsync(id, found => found.Replacement == replacement ? null
        : found.Replacement is { } other ? throw ProblemException.Conflict("already-exchanged", "Another order is sent instead", $"Return '{id}' is exchanged for order '{other}'.")
        : found with { Replacement = replacement, UpdatedAt = returns.Now }, ReturnProblems.Unknown)).Document;

    /// <summary>Expects no more of it. What comes all the same is taken in.</summary>
    public async Task<ReturnCase> CloseAsync(string id) => (await returns.ChangeAsync(id, found => found.Ended ? null : ReturnRules.StatusOf(found with { Ended = true }) is var status
        ? found with { Ended = true, Status = status, UpdatedAt = returns.Now } : null, ReturnProblems.Unknown)).Document;

    /// <summary>Tells the ledger what a crash left untold, and looks at what a second person has decided.</summary>
    public Task<int> SweepAsync(CancellationToken cancel) => returns.DueAsync(RunAsync, cancel);

    async Task<ReturnCase> RunAsync(ReturnCase found)
    {
        while (found.Attention is not null)
        {
            var told = found;
            foreach (var receipt in told.Receipts.Where(receipt => !receipt.Posted).ToList())
            {
                await PostAsync(told, receipt);
                told = told with { Receipts = [.. told.Receipts.Select(each => each.Id == receipt.Id ? each with { Posted = true } : each)] };
            }
            foreach (var grading in told.Gradings.Where(grading => grading is { Done: false, Refusal: null }).ToList())
            {
                // Its receipt makes somebody look again.
                if (ReturnRules.WaitsForReceipt(told, grading)) continue;
                var after = await PostAsync(told, grading);
                if (after != grading) told = told with { Gradings = [.. told.Gradings.Select(each => each.Id == grading.Id ? after : each)] };
            }
            var waits = told.Gradings.Any(grading => grading is { Done: false, Refusal: null, Approval: not null });
            // It goes on waiting for a second person.
            if (waits && ReferenceEquals(told, found)) return found;
            var next = told with { Status = ReturnRules.StatusOf(told), Attention = waits ? returns.Later : null, UpdatedAt = returns.Now };
            if (await returns.ReplaceAsync(next) is { } written) return written;
            found = await returns.FindAsync(found.Id) ?? throw ReturnProblems.Unknown(found.Id);
        }
        return found;
    }

    async Task PostAsync(ReturnCase found, ReturnReceipt receipt)
    {
        foreach (var (came, i) in receipt.Lines.Select((came, i) => (came, i)))
        {
            await ledger.ExecuteAsync(new Post
            {
                Sku = came.Sku, Actor = receipt.Actor, Reason = found.Reason, Kind = PostKind.Return, From = Accounts.Customer, To = Accounts.Quarantine(receipt.Location), Quantity = came.Units, Value = came.Value,
                Order = found.Order, Line = found.Order is null ? null : came.Line, Channel = found.Channel, Id = Ids.Join(["return", found.Id, receipt.Id, i.ToString(CultureInfo.InvariantCulture)], Ids.CosmosLimit - 2),
            });
            if (came.Line is null && found.Lines.Count > 0)
                await exceptions.OpenAsync(new ExceptionCase
                {
                    Id = Ids.Join(["unexpected", found.Id, receipt.Id, i.ToString(CultureInfo.InvariantCulture)]), Kind = "returnMismatch", Sku = came.Sku, Order = found.Order, Channel = found.Channel, Location = receipt.Location, Quantity = came.Units,
                    Detail = $"{came.Units} {came.Sku} came back on return {found.Id}, which does not expect them{(found.Lines.Any(line => line.Sku == came.Sku) ? " any more" : "")}.",
                    Expected = new($"return {found.Id}", string.Join(", ", found.Lines.Take(10).Select(line => $"{line.Units} {line.Sku}"))), Found = new($"receipt {receipt.Id} by {receipt.Actor}", $"{came.Units} {came.Sku}"),
                });
        }
    }

    async Task<Grading> PostAsync(ReturnCase found, Grading grading)
    {
        var command = new Post
        {
            Sku = grading.Sku, Actor = grading.Actor, Reason = grading.Reason ?? found.Reason, Kind = PostKind.Grade, From = Accounts.Quarantine(grading.Location), Quantity = grading.Units,
            To = grading.Grade switch { Grade.A => Accounts.OnHand(grading.Location, grading.Bin), Grade.B => Accounts.OnHand(grading.Location, grading.Bin, grading.Condition), _ => Accounts.Damage },
            Order = found.Order, Channel = found.Channel, Id = Ids.Join(["grade", found.Id, grading.Id], Ids.CosmosLimit - 2),
        };
        if (await reads.EntryAsync(grading.Sku, command.Key) is { } entry)
        {
            var moved = entry.Moves?.Where(move => move.From == command.From && move.To == command.To).Sum(move => move.Units) ?? 0;
            return moved == 0 ? grading with { Approval = entry.Approval, Refusal = "None of them was in quarantine any more when it was approved." }
                : grading with { Done = true, Approval = entry.Approval, Moved = moved < grading.Units ? moved : null };
        }
        if (grading.Grade == Grade.WriteOff)
        {
            var by = new Caller(grading.KeyId, grading.Actor, grading.Role, Scope.Everything);
            if (await approvals.FindAsync(grading.Sku, command.Key) is { } asked) return Waiting(asked);
            var outcome = await ledger.ExecuteAsync(command with { IfShown = true, Leeway = await approvals.LeewayAsync(by, ApprovalKind.WriteOff) });
            // When it is approved, what was graded otherwise since is not written off again.
            return !outcome.NeedsApproval ? Told(outcome)
                : Waiting(await approvals.AskAsync(approvals.Draft(by, ApprovalKind.WriteOff, $"Return {found.Id}: {outcome.Refusal}", Asked.Of(command with { UpTo = true }), command.Key, grading.Sku) with { Location = grading.Location, Channel = found.Channel }));
        }
        return Told(await ledger.ExecuteAsync(command with { IfShown = true }));

        Grading Told(Outcome outcome) => outcome.Verdict == Verdict.Refused ? grading with { Refusal = outcome.Refusal } : grading with { Done = true };

        Grading Waiting(Approval asked) => grading with
        {
            Approval = asked.Id, Refusal = asked.State is ApprovalState.Refused or ApprovalState.Expired ? asked.Refusal ?? asked.Reason ?? "Nobody decided in time." : null,
        };
    }

    async Task<Dictionary<(string Line, string Sku), (long Units, long Value)>> ShippedAsync(ReturnCase found, IEnumerable<string> skus)
    {
        var shipped = new Dictionary<(string Line, string Sku), (long Units, long Value)>();
        if (found.Order is not { } order) return shipped;
        var came = skus.ToHashSet(StringComparer.Ordinal);
        foreach (var line in found.Lines.Where(line => came.Contains(line.Sku))) shipped[(line.Line, line.Sku)] = await reads.ShippedAsync(line.Sku, order, line.Line);
        return shipped;
    }

    ReturnCase Judged(ReturnCase found) => found with { Status = ReturnRules.StatusOf(found), UpdatedAt = returns.Now, Attention = returns.Later };

    static void RequireRoom(int facts)
    {
        if (facts >= MostFacts) throw ProblemException.Conflict("too-many-facts", "The return has too many facts", $"A return has at most {MostFacts} of a kind. Open another.");
    }
}

public static class ReturnServices
{
    public static IServiceCollection AddReturns(this IServiceCollection services) => services.AddSingleton<ExpectedReturns>().AddSingleton<ReturnDesk>();
}
