using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Picking;

namespace Selvedge.Tests.Integration.Picking;

/// <summary>An instance that dies before or after each of its writes, another one that is asked the same again, and the dead one that comes back to life.</summary>
public sealed class CutOffTests
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Lets so many writes of documents through; the next one is not done, or done and its answer lost, and nothing comes back until it is revived.</summary>
    sealed class Mortal(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        readonly Lock gate = new();
        TaskCompletionSource died = new(), revived = new();
        int left = int.MaxValue;
        bool lost;

        public Task Died => died.Task;
        public bool IsDead => died.Task.IsCompleted;

        public void DieAt(int write, bool afterIt)
        {
            lock (gate) (left, lost, died, revived) = (write, afterIt, new(TaskCreationOptions.RunContinuationsAsynchronously), new(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        public void Revive()
        {
            lock (gate) left = int.MaxValue;
            revived.TrySetResult();
        }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var path = request.RequestUri!.AbsolutePath;
            var write = request.Method != HttpMethod.Get && !request.Headers.Contains("x-ms-documentdb-isquery") && (path.Contains("/work/docs", StringComparison.Ordinal) || path.Contains("/skus/docs", StringComparison.Ordinal));
            bool dies, dead;
            lock (gate)
            {
                dead = left < 0;
                dies = !dead && write && --left < 0;
            }
            if (!dead && !dies) return await base.SendAsync(request, cancellationToken);
            var waiting = revived.Task;
            if (dies && lost) (await base.SendAsync(request, cancellationToken)).Dispose();
            died.TrySetResult();
            await waiting;
            throw new HttpRequestException(HttpRequestError.ConnectionError, "the connection is gone");
        }
    }

    public static TheoryData<string> Works => ["scan", "unpick", "short", "pack", "ship", "wave scan", "put back"];

    [Theory, MemberData(nameof(Works))]
    public async Task Cut_off_at_any_write_and_asked_again_elsewhere_it_is_done_once(string work)
    {
        var ways = new List<Mortal>();
        await using var app = await AppFixture.StartAsync(2, inner => { var way = new Mortal(inner); ways.Add(way); return way; });
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("A-01", 500));
        var (mortal, other, units) = (ways[0], app.Instances[1].Client, 0);
        var deaths = 0;
        foreach (var afterIt in (bool[])[false, true])
            for (var write = 0; ; write++)
            {
                var number = ++units;
                var (path, body, pick) = await PrepareAsync(floor, work, sku, $"{work[..2]}{number}");
                var before = await floor.ShownAsync(sku);
                mortal.DieAt(write, afterIt);
                var first = floor.SendAsync(path, body);
                await Task.WhenAny(first, mortal.Died).WaitAsync(TimeSpan.FromSeconds(30), Cancel);
                var cut = mortal.IsDead;
                if (cut) deaths++;
                using (var repeat = await floor.SendAsync(path, body, other)) Assert.True(repeat.IsSuccessStatusCode, $"{work} cut at write {write}, {(afterIt ? "after" : "before")}: {await repeat.Content.ReadAsStringAsync(Cancel)}");
                mortal.Revive();
                Assert.True((await first).StatusCode is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable or HttpStatusCode.Conflict);
                await CheckAsync(floor, work, sku, pick, before, $"{work} cut at write {write}, {(afterIt ? "after" : "before")}");
                if (!cut) break;
            }
        Assert.True(deaths >= 2, $"{work} was cut off {deaths} times");
        await floor.AuditAsync();
    }

    static async Task<(string Path, object Body, PickTicket Pick)> PrepareAsync(Floor floor, string work, string sku, string order)
    {
        var pick = await floor.OrderAsync(order, (sku, 2));
        if (work is "unpick" or "pack" or "ship" or "put back") await floor.ScanAsync(pick.Id, sku, 2, bin: "A-01").OkAsync();
        switch (work)
        {
            case "scan": return ($"picks/{pick.Id}/scan", new { scanId = "x", sku, quantity = 2, bin = "A-01" }, pick);
            case "unpick": return ($"picks/{pick.Id}/unpick", new { scanId = "x", sku, quantity = 1, bin = "A-01" }, pick);
            case "short": return ($"picks/{pick.Id}/short", new { scanId = "x", sku, quantity = 1, reason = "notFound", bin = "A-01" }, pick);
            case "pack": return ($"picks/{pick.Id}/pack", new { }, pick);
            case "ship": return ($"picks/{pick.Id}/ship", new { carrier = "c", tracking = "t" }, pick);
            case "wave scan":
                var wave = await floor.SendAsync("waves", new { location = floor.Location, maxTickets = 1 }).OkAsync();
                return ($"waves/{wave.GetProperty("id").GetString()}/scan", new { scanId = "x", sku, quantity = 2 }, pick);
            default:
                await floor.ClaimAsync(pick.Order, "1", sku, 0, 2);
                await floor.AlignAsync(pick.Order, [pick.Id], [(sku, 2)], unwanted: "1");
                return ($"putbacks/{WorkIds.PutBack(floor.Location, pick.Order, 1)}/scan", new { scanId = "x", sku, quantity = 2, bin = "A-01" }, pick);
        }
    }

    static async Task CheckAsync(Floor floor, string work, string sku, PickTicket pick, Selvedge.Ledger.Stock before, string when)
    {
        var (now, ticket) = (await floor.ShownAsync(sku), await floor.ReadAsync(pick.Id));
        var line = ticket.Lines.Single();
        var (shelf, staged, missing) = work switch { "scan" or "wave scan" => (-2, 2, 0), "unpick" => (1, -1, 0), "short" => (-1, 0, 1), "ship" => (0, -2, 0), "put back" => (2, -2, 0), _ => (0, 0, 0) };
        Assert.Equal((when, shelf, staged, missing), (when, now.Sellable - before.Sellable, now.Staged - before.Staged, now.Bins.GetValueOrDefault("A-01#missing") - before.Bins.GetValueOrDefault("A-01#missing")));
        var (status, picked) = work switch { "scan" or "wave scan" => (TicketStatus.Picked, 2), "unpick" => (TicketStatus.Picking, 1), "short" => (TicketStatus.Picking, 0), "pack" => (TicketStatus.Packed, 2), "ship" => (TicketStatus.Shipped, 2), _ => (TicketStatus.Cancelled, 2) };
        Assert.Equal((when, status, picked), (when, ticket.Status, line.Picked));
        if (work == "short") Assert.Equal((when, 1, 1), (when, line.Short, ticket.Shorts!.Count));
        if (work == "ship") Assert.Equal((when, 2, 200_000L), (when, line.Shipped, line.Cost));
        if (work == "pack") Assert.Single(ticket.Cartons!);
    }

    [Fact]
    public async Task A_ticket_that_was_left_on_its_way_out_is_finished_by_the_sweeper()
    {
        var ways = new List<Mortal>();
        var time = new Shifted();
        await using var app = await AppFixture.StartAsync(2, inner => { var way = new Mortal(inner); ways.Add(way); return way; }, builder => builder.Services.AddSingleton<TimeProvider>(time));
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("", 5));
        var pick = await floor.OrderAsync("o", (sku, 2));
        await floor.ScanAsync(pick.Id, sku, 2).OkAsync();
        // The intent is written; the ledger is never told.
        ways[0].DieAt(1, afterIt: false);
        var first = floor.SendAsync($"picks/{pick.Id}/ship", new { carrier = "c", tracking = "t" });
        await ways[0].Died.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        var (shipping, tickets) = (app.Instances[1].Services.GetRequiredService<Shipping>(), app.Instances[1].Services.GetRequiredService<PickTickets>());
        Assert.Equal(TicketStatus.Shipping, (await tickets.ReadAsync(pick.Id))!.Status);
        Assert.Empty(await shipping.SweepAsync(10, Cancel));
        time.Shift = TimeSpan.FromMinutes(1);
        await shipping.SweepAsync(10, Cancel);
        var shipped = (await tickets.ReadAsync(pick.Id))!;
        Assert.Equal((TicketStatus.Shipped, 2L, "t"), (shipped.Status, shipped.Lines.Single().Shipped, shipped.Consignment!.Tracking));
        ways[0].Revive();
        (await first).Dispose();
        Assert.Equal((3L, 0L), ((await floor.ShownAsync(sku)).OnHand, (await floor.ShownAsync(sku)).Staged));
    }

    [Fact]
    public async Task Tickets_of_a_wave_whose_planning_was_cut_off_go_back_to_the_queue()
    {
        var ways = new List<Mortal>();
        var time = new Shifted();
        await using var app = await AppFixture.StartAsync(2, inner => { var way = new Mortal(inner); ways.Add(way); return way; }, builder => builder.Services.AddSingleton<TimeProvider>(time));
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("", 5));
        for (var i = 0; i < 3; i++) await floor.OrderAsync($"o{i}", (sku, 1));
        // The wave and two of its tickets are written.
        ways[0].DieAt(3, afterIt: false);
        var first = floor.SendAsync("waves", new { location = floor.Location });
        await ways[0].Died.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        time.Shift = TimeSpan.FromMinutes(2);
        await app.Instances[1].Services.GetRequiredService<Waves>().SweepAsync(Cancel);
        var waiting = await app.Instances[1].Client.GetAsync($"/api/picks?location={floor.Location}", Cancel).OkAsync();
        Assert.Equal(3, waiting.GetProperty("items").GetArrayLength());
        ways[0].Revive();
        (await first).Dispose();
    }

    sealed class Shifted : TimeProvider
    {
        public TimeSpan Shift { get; set; }
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Shift;
    }
}
