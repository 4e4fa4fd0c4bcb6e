using System.Collections.Concurrent;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Tests.Simulation;

/// <summary>Every store call may fail, or succeed and lose its answer; three instances write the same SKUs. 10,000 seeded histories; the environment
/// variable <c>SELVEDGE_SEEDS</c> asks for another number.</summary>
public sealed class LedgerFaultTests
{
    const int AtOnce = 64;
    static readonly int Seeds = int.TryParse(Environment.GetEnvironmentVariable("SELVEDGE_SEEDS"), out var seeds) ? seeds : 10_000;

    [Fact]
    public async Task EveryCommand_HasOneOutcome_AndTheAuditIsClean_WhateverTheStoreDoes()
    {
        var handlers = new List<FaultyStore>();
        await using var instances = await Instances.StartAsync(3, inner =>
        {
            handlers.Add(new FaultyStore(inner, handlers.Count));
            return handlers[^1];
        });
        var problems = new ConcurrentBag<string>();
        handlers.ForEach(handler => handler.Rate = 0.08);
        await Parallel.ForEachAsync(Enumerable.Range(0, Seeds), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (seed, _) =>
        {
            try { foreach (var problem in await HistoryAsync(seed, instances)) problems.Add($"seed {seed}: {problem}"); }
            catch (Exception e) { problems.Add($"seed {seed}: {e}"); }
        });
        handlers.ForEach(handler => handler.Rate = 0);
        Assert.True(problems.IsEmpty, string.Join("\n", problems.Take(20)));
        foreach (var fault in Enum.GetValues<Fault>()) Assert.True(handlers.Sum(h => h.Met[fault]) > Seeds / 20, $"{fault} was met only {handlers.Sum(h => h.Met[fault])} times");
        await instances.AssertAuditIsCleanAsync();
    }

    /// <summary>Some stock, orders with their revisions, cancels, tentative claims and more stock, in any order, a quarter of it sent twice, each at any instance.</summary>
    static async Task<IReadOnlyList<string>> HistoryAsync(int seed, Instances instances)
    {
        var die = new Random(seed);
        var sku = $"F{seed}";
        long stock = die.Next(0, 6), late = die.Next(0, 3);
        var commands = new List<Command>();
        if (stock > 0) commands.Add(Receive(sku, stock, "open"));
        if (late > 0) commands.Add(Receive(sku, late, "late"));
        for (int order = 0, orders = die.Next(1, 4); order < orders; order++)
        {
            var shortage = (Shortage)die.Next(3);
            var tentative = die.Next(5) == 0;
            for (int revision = 1, revisions = Math.Max(1, die.Next(-2, 4)); revision <= revisions; revision++)
            {
                var claim = new SetClaim
                {
                    Sku = sku, Actor = "t", Order = $"o{order}", Line = "1", Quantity = die.Next(0, 4), Revision = revision, Places = ["WH1"], Shortage = shortage,
                    Tentative = tentative && revision == 1, ExpiresAt = tentative && revision == 1 ? DateTimeOffset.UnixEpoch : null,
                };
                commands.Add(claim);
            }
        }
        var sent = commands.Concat(commands.Where(_ => die.Next(4) == 0)).OrderBy(_ => die.Next()).ToArray();
        var answers = await Task.WhenAll(sent.Select((command, i) => AnswersAsync(instances, seed + i, command)));

        var problems = new List<string>();
        foreach (var group in answers.SelectMany(some => some).GroupBy(x => x.command.Key))
        {
            var done = group.Where(x => x.outcome.Verdict != Verdict.Refused).Select(x => x.outcome).ToList();
            if (done.Select(o => o.Sequence).Distinct().Count() > 1) problems.Add($"{group.Key} was executed twice");
            if (done.Select(o => (o.Verdict, o.Short, Held: string.Join(",", o.Held ?? new Dictionary<string, long>()))).Distinct().Count() > 1) problems.Add($"{group.Key} was answered in two ways");
            if (group.First().command is Post && done.Count != group.Count()) problems.Add($"fact {group.Key} was refused");
        }
        // The audit compares claims and balances of all; what they should be in the first place is looked at in some.
        if (seed % 8 == 0) problems.AddRange(await WhatStandsAsync(sku, instances, stock + late, [.. sent.OfType<SetClaim>().DistinctBy(c => c.Key)]));
        return problems;
    }

    /// <summary>No unit is oversold, none lies there while someone waits, and nobody holds more than the last revision asked for.</summary>
    static async Task<IEnumerable<string>> WhatStandsAsync(string sku, Instances instances, long stock, SetClaim[] asked)
    {
        var problems = new List<string>();
        Balance? balance = null;
        List<Claim>? claims = null;
        while (balance is null || claims is null)
            try { (balance, claims) = (await instances.BalanceAsync(sku), await instances.ClaimsAsync(sku)); }
            catch (Exception fault) when (fault is not Xunit.Sdk.XunitException) { }
        var held = balance.Locations.GetValueOrDefault("WH1")?.Held ?? 0;
        if (held > stock) problems.Add($"{held} of {stock} units are held");
        if (balance.Short > 0 && held < stock) problems.Add($"{balance.Short} units are waited for while {stock - held} lie there");
        if (claims.Sum(c => c.Held) != held + balance.Short) problems.Add("claims and balance differ");
        foreach (var line in claims.GroupBy(c => c.Order))
        {
            var last = asked.Where(c => c.Order == line.Key).Max(c => c.Revision);
            var most = asked.Where(c => c.Order == line.Key && c.Revision >= line.Max(l => l.Revision)).Max(c => c.Quantity);
            if (line.Sum(l => l.Held) > most) problems.Add($"{line.Key} holds {line.Sum(l => l.Held)}, asked for {most} at most (revision {line.Max(l => l.Revision)} of {last})");
        }
        return problems;
    }

    static Post Receive(string sku, long units, string id) => new()
    {
        Sku = sku, Actor = "t", Kind = PostKind.Receive, From = Accounts.Supplier, To = Accounts.OnHand("WH1"), Quantity = units, UnitCost = 10_000, Id = id,
    };

    /// <summary>A tentative claim is settled by whoever took it, and by someone else too.</summary>
    static async Task<List<(Command command, Outcome outcome)>> AnswersAsync(Instances instances, int at, Command command)
    {
        var ledgers = instances.Ledgers;
        List<(Command, Outcome)> answers = [(command, await UntilAnsweredAsync(ledgers[at % ledgers.Length], command))];
        if (command is not SetClaim { Tentative: true } claim) return answers;
        var settle = new Settle { Sku = claim.Sku, Actor = "t", Order = claim.Order, Line = claim.Line, Revision = claim.Revision, Keep = claim.Quantity != 1 };
        var settled = await Task.WhenAll(ledgers.Take(2).Select(ledger => UntilAnsweredAsync(ledger, settle)));
        answers.AddRange(settled.Select(outcome => ((Command)settle, outcome)));
        return answers;
    }

    static async Task<Outcome> UntilAnsweredAsync(InventoryLedger ledger, Command command)
    {
        while (true)
            try { return await ledger.ExecuteAsync(command); }
            catch (ProblemException e) when (e.Status == 503) { await Task.Delay(5); }
    }
}
