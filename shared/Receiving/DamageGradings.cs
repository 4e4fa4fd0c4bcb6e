using Selvedge.Approvals;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Receiving;

/// <summary>
/// Says what damaged units turned out to be. A grading is a document first; the ledger is told by its key, by whoever finds it untold. It is a request: units that the ledger
/// does not show there cannot be graded. Units that leave the books (written off, sent back) beyond what one person may, wait for a second one.
/// </summary>
public sealed class DamageGradings(Store store, InventoryLedger ledger, LedgerReads reads, ApprovalDesk approvals, TimeProvider time)
{
    readonly WorkOf<DamageGrading> gradings = new(store, time, DamageGrading.KindName);

    public Task<DamageGrading?> FindAsync(string id) => gradings.FindAsync(id);

    public Task<Page<DamageGrading>> ListAsync(string? status, string? sku, IReadOnlyList<string>? locations, int limit, string? continuation) =>
        gradings.ListAsync([("status", "=", status), ("sku", "=", sku)], locations, limit, continuation);

    /// <summary>Grades units. The same id again is answered as it stands.</summary>
    /// <exception cref="ProblemException">422: the id was used for another.</exception>
    public async Task<(DamageGrading Grading, bool Repeat)> GradeAsync(DamageGrading wanted)
    {
        var (there, created) = await gradings.CreateAsync(wanted with { CreatedAt = gradings.Now, UpdatedAt = gradings.Now, Attention = gradings.Later });
        return there.Content == wanted.Content ? (await RunAsync(there), !created) : throw ProblemException.Reused(wanted.Id);
    }

    /// <summary>Tells the ledger what a crash left untold, and looks at what a second person has decided.</summary>
    public Task<int> SweepAsync(CancellationToken cancel) => gradings.DueAsync(RunAsync, cancel);

    async Task<DamageGrading> RunAsync(DamageGrading found)
    {
        while (found.Attention is not null)
        {
            var next = await PostAsync(found);
            if (next == found) return found;
            if (await gradings.ReplaceAsync(next with { Attention = next.Status == GradingStatus.Pending ? gradings.Later : null, UpdatedAt = gradings.Now }) is { } written) return written;
            found = await gradings.FindAsync(found.Id) ?? throw Unknown(found.Id);
        }
        return found;
    }

    async Task<DamageGrading> PostAsync(DamageGrading grading)
    {
        var command = grading.Command();
        if (await reads.EntryAsync(grading.Sku, command.Key) is { } entry) return Done(entry.Moves?.Where(move => move.From == command.From && move.To == command.To).Sum(move => move.Units) ?? 0) with { Approval = entry.Approval };
        if (await approvals.FindAsync(grading.Sku, command.Key) is { } asked) return Waiting(asked);
        var by = new Caller(grading.By.KeyId, grading.By.Actor, grading.By.Role, Scope.Everything);
        var outcome = await ledger.ExecuteAsync(command with { IfShown = true, Leeway = grading.Grade is DamageGrade.WriteOff or DamageGrade.Supplier ? await approvals.LeewayAsync(by, ApprovalKind.WriteOff) : null });
        // When it is approved, what was sold or graded since is not written off again.
        if (outcome.NeedsApproval)
            return Waiting(await approvals.AskAsync(approvals.Draft(by, ApprovalKind.WriteOff, $"Grading {grading.Id}: {outcome.Refusal}", Asked.Of(command with { UpTo = true }), command.Key, grading.Sku) with { Location = grading.At }));
        return outcome.Verdict == Verdict.Refused ? grading with { Status = GradingStatus.Refused, Refusal = outcome.Refusal } : Done(grading.Units);

        DamageGrading Done(long moved) => moved == 0 ? grading with { Status = GradingStatus.Refused, Refusal = "None of them was there any more when it was approved." } : grading with { Status = GradingStatus.Done, Moved = moved };

        DamageGrading Waiting(Approval approval) => approval.State is ApprovalState.Refused or ApprovalState.Expired
            ? grading with { Status = GradingStatus.Refused, Approval = approval.Id, Refusal = approval.Refusal ?? approval.Reason ?? "Nobody decided in time." }
            : grading with { Status = GradingStatus.Pending, Approval = approval.Id };
    }

    public static ProblemException Unknown(string id) => ProblemException.NotFound($"There is no grading '{id}'. POST api/gradings makes one.");
}
