using System.Net;
using Selvedge.Ledger;

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
}
