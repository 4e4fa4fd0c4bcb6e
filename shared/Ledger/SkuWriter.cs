using System.Net;
using Microsoft.Azure.Cosmos;
using Selvedge.Ledger.Rules;
using Selvedge.Platform;

namespace Selvedge.Ledger;

/// <summary>
/// The one writer of a SKU in this instance (design, section 3). Commands queue up; one batch is in flight; all that wait are decided together
/// and written as one batch. Other instances may write the same SKU: the balance's ETag decides, the loser decides again.
/// </summary>
internal sealed class SkuWriter(SkuPartition partition, TimeProvider time, Action<Entry> posted)
{
    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10), LeastCall = TimeSpan.FromSeconds(1), TentativeWait = TimeSpan.FromSeconds(2), Poll = TimeSpan.FromMilliseconds(25), LongestTurn = TimeSpan.FromMilliseconds(250);

    readonly Lock gate = new();
    readonly List<Pending> queue = [];
    readonly List<Pending> parked = [];
    long unparked;
    int polls;
    TaskCompletionSource? idle;
    Balance? cached;
    bool running;
    bool retired;

    sealed class Pending(Command command, long submitted)
    {
        public readonly Command Command = command;
        public readonly long Submitted = submitted;
        public readonly TaskCompletionSource<Outcome> Done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public long? WaitsSince;
        /// <summary>It was in a batch that the store would not take: it goes alone.</summary>
        public bool Alone;
    }

    /// <summary>Queues a command; null when this writer was retired and another one has to be asked for.</summary>
    public Task<Outcome>? Submit(Command command)
    {
        var pending = new Pending(command, time.GetTimestamp());
        lock (gate)
        {
            if (retired) return null;
            queue.Add(pending);
            if (!running)
            {
                running = true;
                _ = Task.Run(RunAsync);
            }
            else idle?.TrySetResult();
        }
        return pending.Done.Task;
    }

    /// <summary>Retires the writer if nothing is queued or in flight.</summary>
    public bool TryRetire()
    {
        lock (gate) return retired = !running && queue.Count == 0;
    }

    async Task RunAsync()
    {
        while (true)
        {
            List<Pending> batch;
            var pause = TimeSpan.Zero;
            lock (gate)
            {
                if (queue.Count == 0 && parked.Count == 0)
                {
                    running = false;
                    return;
                }
                if (parked.Count > 0 && (pause = UntilLooked()) <= TimeSpan.Zero)
                {
                    // What waits for tentative claims is looked at again: their outcome may come from another instance.
                    cached = null;
                    polls++;
                    Unpark();
                }
                batch = Take();
                idle = batch.Count == 0 ? new(TaskCreationOptions.RunContinuationsAsynchronously) : null;
            }
            if (batch.Count == 0)
            {
                await SleepAsync(pause);
                continue;
            }
            try
            {
                await ProcessAsync(batch);
            }
            catch (Exception e)
            {
                cached = null;
                foreach (var pending in batch) pending.Done.TrySetException(e);
            }
        }
    }

    List<Pending> Take()
    {
        var alone = queue.FindIndex(p => p.Alone);
        var count = alone == 0 ? 1 : alone > 0 ? alone : Math.Min(queue.Count, Session.BatchLimit);
        var batch = queue.GetRange(0, count);
        queue.RemoveRange(0, count);
        return batch;
    }

    /// <summary>How long until what is parked is looked at again though nothing was written here: ever later, but not after the first of them gives up.</summary>
    TimeSpan UntilLooked()
    {
        var pause = Poll * (1 << Math.Min(polls, 4)) - time.GetElapsedTime(unparked);
        var first = long.MaxValue;
        foreach (var pending in parked) first = Math.Min(first, pending.WaitsSince!.Value);
        var left = TentativeWait - time.GetElapsedTime(first);
        return left < pause ? left : pause;
    }

    /// <summary>Sleeps until the next command, or for <paramref name="pause"/>.</summary>
    async Task SleepAsync(TimeSpan pause)
    {
        using var awake = new CancellationTokenSource();
        await Task.WhenAny(idle!.Task, Task.Delay(pause, time, awake.Token));
        await awake.CancelAsync();
    }

    void Unpark()
    {
        queue.AddRange(parked);
        parked.Clear();
        unparked = time.GetTimestamp();
    }

    void Requeue(List<Pending> rest)
    {
        if (rest.Count == 0) return;
        lock (gate) queue.InsertRange(0, rest);
    }

    /// <summary>Bounds the calls of one attempt by what is left to the command that has waited longest, so that a call that hangs, or that the SDK repeats by
    /// itself, does not hold the SKU up. Never so short that a store which is merely slow gets nothing done.</summary>
    CancellationTokenSource Bound(List<Pending> open)
    {
        var oldest = long.MaxValue;
        foreach (var pending in open) oldest = Math.Min(oldest, pending.Submitted);
        var left = Deadline - time.GetElapsedTime(oldest);
        return new(left > LeastCall ? left : LeastCall, time);
    }

    /// <summary>Decides and writes until every command of <paramref name="batch"/> is answered, parked or queued again.</summary>
    async Task ProcessAsync(List<Pending> batch)
    {
        var open = batch;
        var remembered = false;
        var began = 0L;
        var knowledge = default(Knowledge);
        for (var attempt = 0; open.Count > 0; attempt++)
        {
            Expire(open);
            if (open.Count == 0) return;
            try
            {
                using var bound = Bound(open);
                var cancel = bound.Token;
                if (knowledge is null)
                {
                    began = time.GetTimestamp();
                    remembered = cached is not null;
                    knowledge = new(cached ??= await partition.BalanceAsync(cancel));
                    var needs = open.Select(p => Deciding.Needs(p.Command)).OfType<Need>().ToList();
                    if (needs.Count > 0) await partition.LearnAsync(knowledge, needs, cancel);
                }
                var round = Decide(knowledge, open);
                if (round.Missing.Count > 0 && round.Spoilt is null)
                {
                    await partition.LearnAsync(knowledge, round.Missing, cancel);
                    continue;
                }
                if (round.Spoilt is not null && remembered)
                {
                    (cached, knowledge) = (null, null);
                    continue;
                }
                if (round.Spoilt is { } spoilt)
                {
                    if (open.Count == 1) { open[0].Done.TrySetException(spoilt); return; }
                    open.ForEach(p => p.Alone = true);
                    Requeue(open);
                    return;
                }
                if (round.Refused.Count > 0)
                {
                    // No refusal is answered from memory. The balance is read again: when it is still the one that was decided on, everything
                    // learnt since belongs to it, and an entry that is not there now was not in it either.
                    cached = await partition.BalanceAsync(cancel);
                    var current = cached.ETag == knowledge.Balance.ETag;
                    if (!current || await AnswerFromStoreAsync(open, [.. round.Refused.Select(r => r.Pending)], cancel))
                    {
                        if (!current) knowledge = null;
                        continue;
                    }
                }
                if (round.Session.Entries.Count > 0)
                {
                    var committed = await partition.CommitAsync(round.Session, knowledge.Balance.ETag, cancel);
                    if (committed.FailedAt >= 0 || committed.ETag is null)
                    {
                        if (await RefusedByStoreAsync(open, round, committed, attempt, time.GetElapsedTime(began), cancel)) return;
                        (cached, knowledge) = (null, null);
                        continue;
                    }
                    cached = round.Session.Balance;
                    cached.ETag = committed.ETag;
                }
                Answer(round);
                open = round.Left;
                Requeue(open);
                return;
            }
            catch (Exception e) when (IsPassing(e))
            {
                // The answer was lost; the batch may be committed. Entries that exist are the outcomes.
                (cached, knowledge) = (null, null);
                await Task.Delay(Jitter(attempt), time);
                try
                {
                    using var bound = Bound(open);
                    await AnswerFromStoreAsync(open, [.. open], bound.Token);
                }
                catch (Exception again) when (IsPassing(again)) { }
            }
        }
    }

    sealed class Round(Session session)
    {
        public readonly Session Session = session;
        public readonly List<(Pending Pending, Entry Entry)> Sealed = [];
        public readonly List<(Pending Pending, Entry Entry)> Twins = [];
        public readonly List<(Pending Pending, Outcome Outcome)> Refused = [];
        public readonly List<Pending> Waiting = [];
        public readonly List<Pending> Left = [];
        public readonly List<Need> Missing = [];
        public Exception? Spoilt;
    }

    Round Decide(Knowledge knowledge, List<Pending> open)
    {
        var round = new Round(new Session(knowledge));
        var session = round.Session;
        var keys = new Dictionary<string, Entry>();
        var now = time.GetUtcNow();
        foreach (var pending in open)
        {
            var command = pending.Command;
            if (keys.TryGetValue(command.Key, out var twin)) { round.Twins.Add((pending, twin)); continue; }
            if (session.Entries.Count > 0 && session.Operations + Deciding.Cost(command) > Session.BatchLimit - 2) { round.Left.Add(pending); continue; }
            Decision decision;
            var sealedBefore = session.Entries.Count;
            session.MayWait = MayWait(pending);
            try { decision = Deciding.Decide(session, command, now); }
            catch (Exception e) when (e is not OutOfMemoryException) { round.Spoilt = e; return round; }
            if (decision.IsUnknown)
            {
                if (session.Missing.Count == 0) round.Spoilt = new InvalidOperationException($"The rule of {command.GetType().Name} neither decided nor asked.");
                round.Missing.AddRange(session.Missing);
                return round;
            }
            if (decision.Entry is { } entry)
            {
                // With its own, a later revision also seals the entry of a first one that has not come; that one is then answered by it.
                for (var i = sealedBefore; i < session.Entries.Count; i++) keys[session.Entries[i].Key] = session.Entries[i];
                round.Sealed.Add((pending, entry));
            }
            else if (decision.Waits)
            {
                pending.WaitsSince ??= time.GetTimestamp();
                round.Waiting.Add(pending);
            }
            else round.Refused.Add((pending, decision.Refusal!));
        }
        return round;
    }

    bool MayWait(Pending pending) => pending.WaitsSince is not { } since || time.GetElapsedTime(since) < TentativeWait;

    void Answer(Round round)
    {
        foreach (var (pending, entry) in round.Sealed) pending.Done.TrySetResult(entry.Outcome with { Sequence = entry.Sequence });
        foreach (var (pending, entry) in round.Twins) AnswerRepeat(pending, entry);
        foreach (var (pending, outcome) in round.Refused) pending.Done.TrySetResult(outcome);
        foreach (var entry in round.Session.Entries) if (entry.Outcome.Exceptions is not null) posted(entry);
        lock (gate)
        {
            // Whatever was written may be what the parked ones wait for.
            if (round.Session.Entries.Count > 0)
            {
                polls = 0;
                Unpark();
            }
            parked.AddRange(round.Waiting);
            if (round.Session.Balance is { Rebalancing: true } balance) queue.Insert(0, Follow(balance.Sku, balance.Sequence));
        }
    }

    static void AnswerRepeat(Pending pending, Entry entry)
    {
        var content = Canonical.Start().Add(pending.Command.Sku);
        pending.Command.Describe(content);
        if (entry.Content is { } stored && stored != content.Add(pending.Command.EffectiveAt).ShortHash()) pending.Done.TrySetException(ProblemException.Reused(pending.Command.Key));
        else pending.Done.TrySetResult(entry.Outcome with { Sequence = entry.Sequence, Repeated = true });
    }

    /// <summary>Reads the entries of <paramref name="some"/> at once; those that exist are answered and leave <paramref name="open"/>. True when one did.</summary>
    async Task<bool> AnswerFromStoreAsync(List<Pending> open, List<Pending> some, CancellationToken cancel)
    {
        var entries = await Task.WhenAll(some.Select(p => partition.EntryAsync(Ids.Entry(p.Command.Key), cancel)));
        for (var i = 0; i < entries.Length; i++)
        {
            if (entries[i] is not { } entry) continue;
            AnswerRepeat(some[i], entry);
            // Whoever wrote it may not have come to what follows from it.
            if (entry.Outcome.Exceptions is not null) posted(entry);
            if (entry.Rebalancing) lock (gate) queue.Add(Follow(entry.Sku, entry.Sequence));
        }
        return open.RemoveAll(p => p.Done.Task.IsCompleted) > 0;
    }

    Pending Follow(string sku, long sequence) => new(new Rebalance { Sku = sku, Actor = "ledger", After = sequence }, time.GetTimestamp());

    /// <summary>The store refused the batch. True when its commands were queued again, one by one.</summary>
    async Task<bool> RefusedByStoreAsync(List<Pending> open, Round round, Committed committed, int attempt, TimeSpan took, CancellationToken cancel)
    {
        switch (committed.Status)
        {
            case HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed when committed.FailedAt == 0:
                // Another instance wrote the balance. Nothing else is to be found out: what it did for these commands comes up when they are decided again.
                await Task.Delay(Turn(attempt, took), time, cancel);
                return false;
            case HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed or HttpStatusCode.NotFound:
                if (await AnswerFromStoreAsync(open, [.. open], cancel)) return false;
                await Task.Delay(Jitter(attempt), time, cancel);
                if (open.Count == 1) return false;
                // None of them is there: something in this batch does not go together.
                open.ForEach(p => p.Alone = true);
                Requeue(open);
                return true;
            case var status when status.IsPassing():
                await Task.Delay(Jitter(attempt), time, cancel);
                await AnswerFromStoreAsync(open, [.. open], cancel);
                return false;
            case HttpStatusCode.RequestEntityTooLarge when open.Count > 1:
                // Too many bytes for one batch: half of the commands now, the others next.
                Requeue(open[(open.Count / 2)..]);
                open.RemoveRange(open.Count / 2, open.Count - open.Count / 2);
                return false;
            default:
                if (open.Count > 1)
                {
                    open.ForEach(p => p.Alone = true);
                    Requeue(open);
                    return true;
                }
                open[0].Done.TrySetException(new InvalidOperationException(
                    $"The store refused command {round.Sealed[0].Entry.Key} of {round.Sealed[0].Entry.Sku} with {(int)committed.Status}."));
                return true;
        }
    }

    void Expire(List<Pending> open) => open.RemoveAll(p =>
        time.GetElapsedTime(p.Submitted) > Deadline
        && p.Done.TrySetException(ProblemException.Busy($"The store did not take command {p.Command.Key} within {Deadline.TotalSeconds:0} s. Send it again with the same key.")));

    // As long as an attempt takes here and now, some times over: the instance that wrote last needs no read before it writes again, so who lost
    // comes back soon, or never gets its turn; but not all at once.
    static TimeSpan Turn(int attempt, TimeSpan took) => Random.Shared.NextDouble() * (1 << Math.Min(attempt, 2)) * (took < LongestTurn ? took : LongestTurn);

    static TimeSpan Jitter(int attempt) => TimeSpan.FromMilliseconds(Random.Shared.NextDouble() * Math.Min(500, 4 << Math.Min(attempt, 8)));

    static bool IsPassing(Exception e) => e switch
    {
        CosmosException cosmos => cosmos.StatusCode.IsPassing(),
        HttpRequestException or OperationCanceledException or TimeoutException or IOException => true,
        _ => false,
    };
}
