using Selvedge.Ledger.Rules;
using Selvedge.Platform;

namespace Selvedge.Ledger;

/// <summary>Units of a line's claim at a place, before and after.</summary>
public sealed record ClaimChange(string Sku, string Order, string Line, string Place, long Before, long After);

/// <summary>
/// Decides as the ledger would, by the same rules on what the store holds, and writes nothing. What one command would change is known to the next.
/// One command at a time; what other instances write meanwhile is not seen.
/// </summary>
public sealed class RehearsedLedger(Store store, TimeProvider time) : InventoryLedger(store, time), IDisposable
{
    readonly Store store = store;
    readonly TimeProvider time = time;
    readonly SemaphoreSlim turn = new(1);
    readonly Dictionary<string, Known> skus = new(StringComparer.Ordinal);
    readonly List<ClaimChange> changes = [];

    sealed class Known(SkuPartition partition, Balance balance)
    {
        public readonly SkuPartition Partition = partition;
        public Knowledge Knowledge = new(balance);
        public readonly Dictionary<string, Entry> Entries = new(StringComparer.Ordinal);
        public readonly Dictionary<string, Claim?> Changed = new(StringComparer.Ordinal);
    }

    /// <summary>The claims that would change, since this was asked last.</summary>
    public IReadOnlyList<ClaimChange> TakeChanges()
    {
        lock (changes)
        {
            var taken = changes.ToArray();
            changes.Clear();
            return taken;
        }
    }

    /// <inheritdoc/>
    public override async Task<Outcome> ExecuteAsync(Command command)
    {
        await turn.WaitAsync();
        try
        {
            if (!skus.TryGetValue(command.Sku, out var known))
            {
                var partition = new SkuPartition(store.Skus, command.Sku);
                skus[command.Sku] = known = new(partition, await partition.BalanceAsync());
            }
            var id = Ids.Entry(command.Key);
            if ((known.Entries.GetValueOrDefault(id) ?? await known.Partition.EntryAsync(id)) is { } before) return Repeat(command, before);
            if (Deciding.Needs(command) is { } need && !(need.Kind == NeedKind.Line && known.Knowledge.Lines.ContainsKey((need.A, need.B)))) await LearnAsync(known, [need]);
            while (true)
            {
                var session = new Session(known.Knowledge);
                var decision = Deciding.Decide(session, command, time.GetUtcNow());
                if (decision.Entry is { } entry)
                {
                    Remember(known, session, command);
                    return entry.Outcome with { Sequence = entry.Sequence };
                }
                if (!decision.IsUnknown) return decision.Refusal!;
                if (session.Missing.Count == 0) throw new InvalidOperationException($"The rule of {command.GetType().Name} neither decided nor asked.");
                await LearnAsync(known, session.Missing);
            }
        }
        finally
        {
            turn.Release();
        }
    }

    public void Dispose() => turn.Dispose();

    static Outcome Repeat(Command command, Entry entry)
    {
        var content = Canonical.Start().Add(command.Sku);
        command.Describe(content);
        if (entry.Content is { } stored && stored != content.Add(command.EffectiveAt).ShortHash()) throw ProblemException.Reused(command.Key);
        return entry.Outcome with { Sequence = entry.Sequence, Repeated = true };
    }

    // The store knows nothing of what was rehearsed: that is put back over what it says.
    static async Task LearnAsync(Known known, IReadOnlyCollection<Need> needs)
    {
        await known.Partition.LearnAsync(known.Knowledge, needs, CancellationToken.None);
        foreach (var (id, claim) in known.Changed)
        {
            if (claim is null) known.Knowledge.Claims.Remove(id);
            else known.Knowledge.Claims[id] = claim;
        }
    }

    void Remember(Known known, Session session, Command command)
    {
        var next = new Knowledge(session.Balance);
        foreach (var (id, claim) in session.Claims) next.Claims[id] = claim;
        next.KnownClaims.UnionWith(known.Knowledge.KnownClaims);
        next.KnownClaims.UnionWith(session.Claims.Keys);
        next.Loaded.UnionWith(known.Knowledge.Loaded);
        var lines = known.Knowledge.Lines.Keys.Concat(session.Entries.Where(entry => entry is { Order: not null, Line: not null }).Select(entry => (entry.Order!, entry.Line!))).Distinct();
        foreach (var line in lines)
            if (session.Seen(line.Item1, line.Item2) is { } history) next.Lines[line] = history;
        foreach (var entry in session.Entries) known.Entries[entry.Id] = entry;
        foreach (var (id, before, after) in session.ChangedClaims())
        {
            known.Changed[id] = after;
            var claim = (after ?? before)!;
            lock (changes) changes.Add(new(command.Sku, claim.Order, claim.Line, claim.Place, before?.Held ?? 0, after?.Held ?? 0));
        }
        known.Knowledge = next;
    }
}
