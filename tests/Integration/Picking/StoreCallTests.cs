namespace Selvedge.Tests.Integration.Picking;

/// <summary>What the floor costs in calls to the store: it is walked for every unit that is sold.</summary>
public sealed class StoreCallTests
{
    sealed class Counted(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        int reads, writes, ledger;

        public (int Reads, int Writes, int Ledger) Take() => (Interlocked.Exchange(ref reads, 0), Interlocked.Exchange(ref writes, 0), Interlocked.Exchange(ref ledger, 0));

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var (path, query) = (request.RequestUri!.AbsolutePath, request.Headers.Contains("x-ms-documentdb-isquery"));
            if (path.Contains("/work/docs", StringComparison.Ordinal) && !query) Interlocked.Increment(ref request.Method == HttpMethod.Get ? ref reads : ref writes);
            if (path.Contains("/skus/docs", StringComparison.Ordinal) && !query) Interlocked.Increment(ref ledger);
            return base.SendAsync(request, cancellationToken);
        }
    }

    [Fact]
    public async Task A_scan_reads_and_writes_the_ticket_once_and_shipping_writes_it_twice()
    {
        Counted? store = null;
        await using var app = await AppFixture.StartAsync(cosmos: inner => store = new Counted(inner));
        var floor = await Floor.OpenAsync(app);
        var (s, t) = (await floor.StockAsync("S", ("", 9)), await floor.StockAsync("T", ("", 9)));
        var pick = await floor.OrderAsync("o", (s, 2), (t, 1));
        await floor.ScanAsync(pick.Id, s).OkAsync();
        store!.Take();
        await floor.ScanAsync(pick.Id, s).OkAsync();
        Assert.InRange(store.Take(), (1, 1, 1), (1, 1, 2));
        await floor.ScanAsync(pick.Id, t).OkAsync();
        store.Take();
        await floor.SendAsync($"picks/{pick.Id}/ship", new { carrier = "x" }).OkAsync();
        // Two claims looked at, two lines told.
        Assert.InRange(store.Take(), (1, 2, 4), (1, 2, 6));
    }
}
