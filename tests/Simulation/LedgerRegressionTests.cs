using System.Net;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Logging.Abstractions;
using Selvedge.Exceptions;
using Selvedge.Ledger;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Tests.Simulation;

/// <summary>What broke once, each named after it.</summary>
public sealed class LedgerRegressionTests
{
    sealed class Before(HttpMessageHandler inner, Func<HttpRequestMessage, string, Task<HttpStatusCode?>> act) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var body = request.Content is { } content ? await content.ReadAsStringAsync(cancellationToken) : "";
            return await act(request, body) is { } status
                ? new(status) { RequestMessage = request, Content = new StringContent("{}"), ReasonPhrase = "Injected" }
                : await base.SendAsync(request, cancellationToken);
        }
    }

    static bool IsBalanceRead(HttpRequestMessage request) => request.Method == HttpMethod.Get && request.RequestUri!.AbsolutePath.EndsWith("/docs/balance", StringComparison.Ordinal);

    static bool IsBatch(HttpRequestMessage request) => request.Headers.Contains("x-ms-cosmos-is-batch-request");

    static SetClaim Claim(string order, long quantity, long revision) => new()
    {
        Sku = "R", Actor = "test", Order = order, Line = "1", Quantity = quantity, Revision = revision, Places = ["WH1"], Shortage = Shortage.Refuse,
    };

    [Fact]
    public async Task Bug_AFailedReadOfALinesClaims_FailedTheCommandInsteadOfBeingTriedAgain()
    {
        var failed = 0;
        await using var instances = await Instances.StartAsync(1);
        await instances.ReceiveAsync("R", 5);
        // The query for the claims fails, the one for the entries beside it does not. The SDK tries a query again by itself: twice more is enough.
        var ledger = new InventoryLedger(instances.Open(inner => new Before(inner, (request, body) =>
            Task.FromResult<HttpStatusCode?>(body.Contains("\"c:o:1:\"", StringComparison.Ordinal) && Interlocked.Increment(ref failed) <= 3 ? HttpStatusCode.ServiceUnavailable : null))), TimeProvider.System);

        var outcome = await ledger.ExecuteAsync(Claim("o", 2, revision: 2));

        Assert.True(failed > 1);
        Assert.Equal((Verdict.Applied, 2), (outcome.Verdict, outcome.Held!["WH1"]));
    }

    [Fact]
    public async Task Bug_ACommandThatAnotherInstanceExecutedMeanwhile_WasRefused()
    {
        var (batches, reads) = (0, 0);
        await using var instances = await Instances.StartAsync(1);
        var other = instances.Ledgers[0];
        await instances.ReceiveAsync("R", 1);
        // The same command at two instances. This one loses the race for the balance to something else, and before it has read
        // the balance again the other one has executed the command: the last unit is gone, to the very order that asks for it.
        var ledger = new InventoryLedger(instances.Open(inner => new Before(inner, async (request, _) =>
        {
            if (IsBatch(request) && ++batches == 1) await other.ExecuteAsync(new Revalue { Sku = "R", Actor = "test", Value = 1, Id = "meanwhile" });
            if (IsBalanceRead(request) && ++reads == 2) await other.ExecuteAsync(Claim("o", 1, revision: 1));
            return null;
        })), TimeProvider.System);

        var outcome = await ledger.ExecuteAsync(Claim("o", 1, revision: 1));

        Assert.Equal((Verdict.Applied, true), (outcome.Verdict, outcome.Repeated));
        Assert.Equal(1, (await instances.BalanceAsync("R")).Locations["WH1"].Held);
    }

    [Fact]
    public async Task Bug_AnInstanceThatLostTheBalance_ReadEveryEntryOfItsBatchBeforeItCameBack()
    {
        var (batches, entryReads) = (0, 0);
        await using var instances = await Instances.StartAsync(1);
        var other = instances.Ledgers[0];
        await instances.ReceiveAsync("R", 100);
        var ledger = new InventoryLedger(instances.Open(inner => new Before(inner, async (request, _) =>
        {
            if (IsBatch(request) && ++batches <= 5) await other.ExecuteAsync(new Revalue { Sku = "R", Actor = "test", Value = 1, Id = $"race-{batches}" });
            if (request.Method == HttpMethod.Get && request.RequestUri!.AbsolutePath.Contains("/docs/e:", StringComparison.Ordinal)) entryReads++;
            return null;
        })), TimeProvider.System);

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => ledger.ExecuteAsync(Claim($"o{i}", 1, revision: 1))));

        Assert.All(outcomes, outcome => Assert.Equal((Verdict.Applied, false), (outcome.Verdict, outcome.Repeated)));
        Assert.True(batches > 5);
        Assert.Equal(0, entryReads);
    }

    [Fact]
    public async Task Bug_AFirstRevisionBehindALaterOneInTheSameBatch_WasNeverTaken()
    {
        var batches = 0;
        await using var instances = await Instances.StartAsync(1);
        await instances.ReceiveAsync("R", 5);
        var gate = new TaskCompletionSource();
        var ledger = new InventoryLedger(instances.Open(inner => new Before(inner, async (request, _) =>
        {
            if (IsBatch(request) && ++batches == 1) await gate.Task;
            return null;
        })), TimeProvider.System);
        // The first holds the writer up, so that the cancel and the claim it overtook wait together.
        var first = ledger.ExecuteAsync(Claim("other", 1, revision: 1));
        while (batches == 0) await Task.Delay(1);
        var (cancel, late) = (ledger.ExecuteAsync(Claim("o", 0, revision: 2)), ledger.ExecuteAsync(Claim("o", 3, revision: 1)));
        gate.SetResult();

        Assert.Equal(Verdict.Applied, (await first).Verdict);
        Assert.Equal(Verdict.Applied, (await cancel).Verdict);
        Assert.Equal(Verdict.Superseded, (await late).Verdict);
        Assert.Equal(2, batches);
        Assert.Equal(1, (await instances.BalanceAsync("R")).Locations["WH1"].Held);
        await instances.AssertAuditIsCleanAsync(skus: 1);
    }

    [Fact]
    public async Task Bug_AHoldThatWasPutBackAfterItLapsed_WasHeldForEver()
    {
        await using var instances = await Instances.StartAsync(1);
        var ledger = instances.Ledgers[0];
        await instances.ReceiveAsync("R", 5);
        await ledger.ExecuteAsync(Claim("q", 3, revision: 1) with { Kind = ClaimKind.Hold, Owner = "rep:ann", ExpiresAt = DateTimeOffset.UnixEpoch });
        await ledger.ExecuteAsync(new Pick { Sku = "R", Actor = "test", Order = "q", Line = "1", Location = "WH1", Quantity = 1, Ticket = "p", Scan = "1" });
        var expiry = new HoldExpiry(instances.Store, ledger, TimeProvider.System, NullLogger<HoldExpiry>.Instance);

        Assert.Equal(1, await expiry.RunAsync(CancellationToken.None));
        Assert.Equal(0, await expiry.RunAsync(CancellationToken.None));
        await ledger.ExecuteAsync(new Unpick { Sku = "R", Actor = "test", Order = "q", Line = "1", Location = "WH1", Quantity = 1, Keep = true, Task = "u", Scan = "1" });
        Assert.Equal(1, (await instances.BalanceAsync("R")).Locations["WH1"].Held);
        Assert.Equal(1, await expiry.RunAsync(CancellationToken.None));
        Assert.Equal(0, await expiry.RunAsync(CancellationToken.None));

        Assert.Empty(await instances.ClaimsAsync("R"));
        Assert.Equal(5, (await instances.BalanceAsync("R")).Locations["WH1"].Available);
        await instances.AssertAuditIsCleanAsync(skus: 1);
    }

    [Fact]
    public async Task Bug_ALateRevisionOfASupplyThatWasClosed_OpenedItAgain()
    {
        await using var instances = await Instances.StartAsync(2);
        SetSupply State(long quantity, long revision) => new() { Sku = "R", Actor = "test", Supply = "PO 7/1", Location = "WH1", Quantity = quantity, Revision = revision };
        await instances.Ledgers[0].ExecuteAsync(State(5, 2));
        await instances.Ledgers[0].ExecuteAsync(State(0, 11));

        Assert.Equal(Verdict.Superseded, (await instances.Ledgers[1].ExecuteAsync(State(9, 10))).Verdict);
        Assert.Equal(Verdict.Superseded, (await instances.Ledgers[1].ExecuteAsync(State(9, 1))).Verdict);
        Assert.Empty((await instances.BalanceAsync("R")).Supply);
        Assert.Equal(Verdict.Applied, (await instances.Ledgers[1].ExecuteAsync(State(4, 12))).Verdict);
        await instances.AssertAuditIsCleanAsync(skus: 1);
    }

    [Fact]
    public async Task Bug_ABatchOfLongReasons_WasLargerThanCosmosTakes()
    {
        var (batches, largest) = (0, 0);
        await using var instances = await Instances.StartAsync(1);
        await instances.ReceiveAsync("R", 100);
        var gate = new TaskCompletionSource();
        var ledger = new InventoryLedger(instances.Open(inner => new Before(inner, async (request, body) =>
        {
            if (!IsBatch(request)) return null;
            largest = Math.Max(largest, body.Length);
            if (++batches == 1) await gate.Task;
            return null;
        })), TimeProvider.System);
        var first = ledger.ExecuteAsync(Claim("first", 1, revision: 1));
        while (batches == 0) await Task.Delay(1);
        var long1 = new string('r', 100_000);
        var others = Enumerable.Range(0, 40).Select(i => ledger.ExecuteAsync(Claim($"o{i}", 1, revision: 1) with { Reason = long1 })).ToList();
        gate.SetResult();

        Assert.All(await Task.WhenAll(others), outcome => Assert.Equal((Verdict.Applied, false), (outcome.Verdict, outcome.Repeated)));
        Assert.Equal(Verdict.Applied, (await first).Verdict);
        Assert.InRange(largest, 100_000, 1_600_000);
        Assert.Equal(41, (await instances.BalanceAsync("R")).Locations["WH1"].Held);
        await instances.AssertAuditIsCleanAsync(skus: 1);
    }

    [Fact]
    public async Task AFactThatUncoversHundreds_TurnsTheLeastUrgentShort_ThoughOnlySomeOfThemAreKept()
    {
        await using var instances = await Instances.StartAsync(2);
        await instances.ReceiveAsync("R", 250);
        await Task.WhenAll(Enumerable.Range(0, 250).Select(i => instances.Ledgers[0].ExecuteAsync(Claim($"o{i}", 1, revision: 1) with { Priority = i % 5 })));

        await instances.Ledgers[1].ExecuteAsync(new Count { Sku = "R", Actor = "test", Location = "WH1", Counted = 100, Id = "count" });
        // What follows is the ledger's own: the next command comes after it.
        while ((await instances.BalanceAsync("R")).Rebalancing) await Task.Delay(5);

        var claims = await instances.ClaimsAsync("R");
        var (kept, waiting) = (claims.Where(c => c.Place == "WH1").ToList(), claims.Where(c => c.Place == Accounts.Short).ToList());
        Assert.Equal((100, 150), (kept.Count, waiting.Count));
        Assert.True(string.CompareOrdinal(kept.Max(c => c.Urgency), waiting.Min(c => c.Urgency)) < 0, "a less urgent claim was kept");
        await instances.AssertAuditIsCleanAsync(skus: 1);
    }

    /// <summary>A clock that runs fifty times as fast: ten seconds of patience are a fifth of one.</summary>
    sealed class FastTime : TimeProvider
    {
        const int Times = 50;
        public override long GetTimestamp() => base.GetTimestamp() * Times;
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? dueTime / Times : dueTime, period > TimeSpan.Zero ? period / Times : period);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Bug_ACallThatNeverCameBack_HeldTheSkuUpForEver(bool committed)
    {
        var hanging = true;
        await using var instances = await Instances.StartAsync(1);
        await instances.ReceiveAsync("R", 5);
        HttpMessageHandler? direct = null;
        var ledger = new InventoryLedger(instances.Open(inner => new Before(direct = inner, async (request, _) =>
        {
            if (!hanging || !IsBatch(request)) return null;
            if (committed) (await new HttpMessageInvoker(direct!, disposeHandler: false).SendAsync(request, CancellationToken.None)).Dispose();
            await new TaskCompletionSource().Task;
            return null;
        })), new FastTime());

        var outcome = Claim("o", 2, revision: 1);
        if (committed)
        {
            // It is there, and only the answer never came: what is read afterwards says so.
            Assert.Equal((Verdict.Applied, true), (await ledger.ExecuteAsync(outcome)) is var read ? (read.Verdict, read.Repeated) : default);
        }
        else
        {
            Assert.Equal(503, (await Assert.ThrowsAsync<ProblemException>(() => ledger.ExecuteAsync(outcome))).Status);
            hanging = false;
            Assert.Equal(Verdict.Applied, (await ledger.ExecuteAsync(outcome)).Verdict);
        }
        Assert.Equal(2, (await instances.BalanceAsync("R")).Locations["WH1"].Held);
        await instances.AssertAuditIsCleanAsync(skus: 1);
    }

    [Fact]
    public async Task Bug_AStoreThatSaidTryAgainForLong_WasTriedForAMinuteByTheSdk()
    {
        var busy = true;
        await using var instances = await Instances.StartAsync(1);
        await instances.ReceiveAsync("R", 5);
        var ledger = new InventoryLedger(instances.Open(inner => new Before(inner, (request, _) =>
            Task.FromResult<HttpStatusCode?>(busy && IsBatch(request) ? (HttpStatusCode)449 : null))), new FastTime());

        var asked = ledger.ExecuteAsync(Claim("o", 2, revision: 1));
        var problem = await Assert.ThrowsAsync<ProblemException>(() => asked.WaitAsync(TimeSpan.FromSeconds(30)));

        Assert.Equal(503, problem.Status);
        busy = false;
        Assert.Equal(Verdict.Applied, (await ledger.ExecuteAsync(Claim("o", 2, revision: 1))).Verdict);
    }

    [Fact]
    public async Task Bug_WhoWaitedForATentativeClaim_AskedTheStoreFortyTimesASecond()
    {
        var reads = 0;
        await using var instances = await Instances.StartAsync(1);
        await instances.ReceiveAsync("R", 1);
        var ledger = new InventoryLedger(instances.Open(inner => new Before(inner, (request, _) =>
        {
            if (IsBalanceRead(request)) Interlocked.Increment(ref reads);
            return Task.FromResult<HttpStatusCode?>(null);
        })), TimeProvider.System);
        await ledger.ExecuteAsync(Claim("basket", 1, revision: 1) with { Tentative = true });
        reads = 0;

        var given = await ledger.ExecuteAsync(Claim("other", 1, revision: 1));

        Assert.Equal(Verdict.Refused, given.Verdict);
        Assert.InRange(reads, 2, 20);
        // Woken by what is written here, and by what another instance wrote.
        await GivenUpAsync("basket", by: ledger, to: "here");
        await GivenUpAsync("here", by: instances.Ledgers[0], to: "elsewhere");

        async Task GivenUpAsync(string order, InventoryLedger by, string to)
        {
            var from = Volatile.Read(ref reads);
            var waiting = ledger.ExecuteAsync(Claim(to, 1, revision: 1) with { Tentative = true });
            while (Volatile.Read(ref reads) == from) await Task.Delay(1);
            await by.ExecuteAsync(new Settle { Sku = "R", Actor = "test", Order = order, Line = "1", Revision = 1, Keep = false });
            Assert.Equal(Verdict.Applied, (await waiting).Verdict);
        }
    }

    [Fact]
    public async Task Bug_AnAuditWasDone_BeforeTheExceptionsItFoundWereDurable()
    {
        await using var instances = await Instances.StartAsync(1);
        await instances.ReceiveAsync("R", 1);
        // Nobody listens, as in an instance that dies before it has opened them.
        await instances.Ledgers[0].ExecuteAsync(new Post { Sku = "R", Actor = "test", Kind = PostKind.PosSale, From = Accounts.OnHand("WH1"), To = Accounts.Customer, Quantity = 2, Id = "till" });
        await instances.AssertAuditIsCleanAsync(skus: 1);

        var open = await new ExceptionCases(instances.Store, TimeProvider.System).ListAsync(ExceptionStatus.Open, "belowZero", 10, null);
        Assert.Equal("R", Assert.Single(open.Items).Sku);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Bug_ASkuWhoseBalanceVanished_WasNotAudited(bool writtenAgain)
    {
        await using var instances = await Instances.StartAsync(1);
        await instances.ReceiveAsync("OK", 1);
        await instances.ReceiveAsync("R", 5);
        await instances.Ledgers[0].ExecuteAsync(Claim("o", 2, revision: 1));
        await instances.Store.Skus.DeleteItemAsync<Balance>(Balance.DocumentId, new PartitionKey("R"));
        // Another instance, which remembers nothing, goes on from an empty balance.
        if (writtenAgain) await new InventoryLedger(instances.Open(), TimeProvider.System).ExecuteAsync(new Revalue { Sku = "R", Actor = "test", Value = 1, Id = "again" });

        foreach (var full in new[] { false, true })
        {
            var report = await new Audits(instances.Store, instances.Ledgers[0], new(instances.Store, TimeProvider.System), TimeProvider.System, NullLogger<Audits>.Instance).RunAsync("test", full);
            Assert.Equal(("done", false, 2L), (report.State, report.Clean, report.Skus));
            Assert.Contains(report.Differences, d => d.StartsWith("R: ", StringComparison.Ordinal) && d.Contains(writtenAgain ? "second entry" : "no balance", StringComparison.Ordinal));
            Assert.DoesNotContain(report.Differences, d => d.StartsWith("OK", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Bug_AnAuditOfOneSkuWithVeryManyEntries_WasSilentUntilItsEnd()
    {
        await using var instances = await Instances.StartAsync(1);
        await Task.WhenAll(Enumerable.Range(0, 2_100).Select(i => instances.Ledgers[0].ExecuteAsync(new Revalue { Sku = "R", Actor = "test", Value = 1, Id = $"v{i}" })));
        var audits = new Audits(instances.Store, instances.Ledgers[0], new(instances.Store, TimeProvider.System), TimeProvider.System, NullLogger<Audits>.Instance);
        var told = new List<long>();

        var (entries, differences) = await audits.AuditAsync("R", fromScratch: true, so =>
        {
            told.Add(so);
            return Task.CompletedTask;
        });

        Assert.Equal((2_100L, 0), (entries, differences.Count));
        Assert.True(told.Count > 1 && told[0] < entries && told[^1] == entries, string.Join(", ", told));
    }
}
