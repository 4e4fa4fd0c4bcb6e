using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Ledger;
using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Picking;

/// <summary>Packing, shipping and putting back, over HTTP.</summary>
public sealed class ShipTests(ShipTests.Prefixed fixture) : IClassFixture<ShipTests.Prefixed>
{
    /// <summary>An app whose company has a GS1 prefix.</summary>
    public sealed class Prefixed : IAsyncLifetime
    {
        public AppFixture App { get; private set; } = null!;
        public async ValueTask InitializeAsync() => App = await AppFixture.StartAsync(args: ["--Gs1CompanyPrefix", "931234569"]);
        public ValueTask DisposeAsync() => App.DisposeAsync();
    }

    readonly AppFixture app = fixture.App;
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Cartons_have_different_SSCCs_and_hold_exactly_what_was_picked()
    {
        var floor = await Floor.OpenAsync(app);
        var (s, t) = (await floor.StockAsync("S", ("", 9)), await floor.StockAsync("T", ("", 9)));
        var pick = await floor.OrderAsync("o", (s, 3), (t, 1));
        await floor.ScanAsync(pick.Id, s, 3).OkAsync();
        await floor.SendAsync($"picks/{pick.Id}/pack", new { }).ProblemAsync(HttpStatusCode.Conflict, "still-to-pick");
        await floor.ScanAsync(pick.Id, t, 1).OkAsync();
        object Carton(long weight, params (string Sku, long Units)[] lines) => new { weightGrams = weight, lines = lines.Select(line => new { sku = line.Sku, quantity = line.Units }) };
        await floor.SendAsync($"picks/{pick.Id}/pack", new { cartons = (object[])[Carton(1, (s, 3))] }).ProblemAsync(HttpStatusCode.Conflict, "cartons-differ");
        await floor.SendAsync($"picks/{pick.Id}/pack", new { cartons = (object[])[Carton(1, (s, 4), (t, 1))] }).ProblemAsync(HttpStatusCode.Conflict, "cartons-differ");
        var two = new { cartons = (object[])[Carton(400, (s, 2)), Carton(300, (s, 1), (t, 1))] };
        var packed = await floor.SendAsync($"picks/{pick.Id}/pack", two).OkAsync();
        using var repeat = await floor.SendAsync($"picks/{pick.Id}/pack", two);
        Assert.Equal(packed.GetRawText(), await repeat.Content.ReadAsStringAsync(Cancel));
        Assert.True(repeat.Headers.Contains("Idempotent-Replayed"));
        var codes = packed.GetProperty("cartons").EnumerateArray().Select(carton => carton.GetProperty("code").GetString()!).ToList();
        Assert.All(codes, code => Assert.True(Sscc.IsValid(code) && code[1..10] == "931234569", code));
        Assert.Equal(2, codes.Distinct().Count());
        Assert.Equal("packed", packed.GetProperty("status").GetString());
        var again = (await floor.SendAsync($"picks/{pick.Id}/pack", new { }).OkAsync()).GetProperty("cartons");
        Assert.Equal(1, again.GetArrayLength());
        Assert.DoesNotContain(again[0].GetProperty("code").GetString(), codes);
    }

    [Fact]
    public async Task Serial_numbers_are_never_given_twice_by_several_instances()
    {
        var store = app.Services.GetRequiredService<Store>();
        SsccSerials[] instances = [new(store), new(store), new(store)];
        var given = await Task.WhenAll(Enumerable.Range(0, 90).Select(async i => (First: await instances[i % 3].TakeAsync(1 + i % 7), Count: 1 + i % 7)));
        var all = given.SelectMany(block => Enumerable.Range(0, block.Count).Select(i => block.First + i)).ToList();
        Assert.Equal(all.Count, all.Distinct().Count());
        foreach (var instance in instances) instance.Dispose();
    }

    [Fact]
    public async Task Shipping_tells_the_ledger_once_keeps_the_cost_and_asks_the_order_to_look()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("", 9));
        var pick = await floor.OrderAsync("o", (sku, 2));
        var body = new { carrier = "auspost", tracking = "33ABC" };
        await floor.SendAsync($"picks/{pick.Id}/ship", body).ProblemAsync(HttpStatusCode.Conflict, "still-to-pick");
        await floor.ScanAsync(pick.Id, sku, 2).OkAsync();
        var shipped = await floor.SendAsync($"picks/{pick.Id}/ship", body).OkAsync();
        Assert.Equal(("shipped", "33ABC"), (shipped.GetProperty("status").GetString(), shipped.GetProperty("shipment").GetProperty("tracking").GetString()));
        Assert.Equal("20.00", shipped.GetProperty("lines")[0].GetProperty("cost").GetString());
        using var repeat = await floor.SendAsync($"picks/{pick.Id}/ship", body);
        Assert.True(repeat.Headers.Contains("Idempotent-Replayed"));
        Assert.Equal(shipped.GetRawText(), await repeat.Content.ReadAsStringAsync(Cancel));
        await floor.SendAsync($"picks/{pick.Id}/ship", body with { tracking = "other" }).ProblemAsync(HttpStatusCode.Conflict, "already-shipped");
        await floor.ScanAsync(pick.Id, sku).ProblemAsync(HttpStatusCode.Conflict, "pick-closed");
        Assert.Null(await floor.ClaimOfAsync(pick.Order, "1", sku));
        Assert.Equal((7L, 0L), ((await floor.ShownAsync(sku)).OnHand, (await floor.ShownAsync(sku)).Staged));

        var tickets = app.Services.GetRequiredService<PickTickets>();
        var ticket = await floor.ReadAsync(pick.Id);
        Assert.Contains(await tickets.UnseenAsync(ticket.Attention!.Value.AddSeconds(1), 100), one => one.Id == pick.Id);
        Assert.DoesNotContain(await tickets.UnseenAsync(ticket.Attention!.Value.AddSeconds(-1), 100), one => one.Id == pick.Id);
        var closed = await tickets.CloseAsync(ticket);
        Assert.Equal((null, 90 * 24 * 3600), (closed!.Attention, closed.Ttl));
        Assert.Equal(closed.ETag, (await tickets.CloseAsync(ticket))!.ETag);
        using var viewer = await app.ClientAsAsync(Role.Viewer);
        Assert.False((await viewer.GetAsync("/api/picks/" + pick.Id, Cancel).OkAsync()).GetProperty("lines")[0].TryGetProperty("cost", out _));
        await floor.AuditAsync();
    }

    [Fact]
    public async Task A_transfers_units_go_to_transit_and_stay_ours()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("", 9));
        var transfer = "T-" + floor.Location;
        await floor.ClaimAsync("transfer:" + transfer, "1", sku, 4, 1);
        var tickets = app.Services.GetRequiredService<PickTickets>();
        var pick = (await tickets.AlignAsync(new("transfer:" + transfer, 1, 1, [], [new("1", sku, floor.Location, 4, 0)]) { Transfer = transfer })).Single();
        await floor.ScanAsync(pick.Id, sku, 4).OkAsync();
        var shipped = await floor.SendAsync($"picks/{pick.Id}/ship", new { carrier = "own van" }).OkAsync();
        Assert.Equal("0.00", shipped.GetProperty("lines")[0].GetProperty("cost").GetString());
        Assert.Equal(4, (await app.Services.GetRequiredService<LedgerReads>().BalanceAsync(sku, Cancel))!.Away["transit/" + transfer]);
        Assert.Contains(await tickets.UnseenAsync(DateTimeOffset.MaxValue, 100, transfers: true), one => one.Id == pick.Id);
        Assert.DoesNotContain(await tickets.UnseenAsync(DateTimeOffset.MaxValue, 100), one => one.Id == pick.Id);
    }

    [Fact]
    public async Task A_partner_ships_without_scans_what_it_says_and_nobody_else_states_quantities()
    {
        var floor = await Floor.OpenAsync(app, "partner");
        var (s, t) = (await floor.StockAsync("S", ("", 9)), await floor.StockAsync("T", ("", 9)));
        var pick = await floor.OrderAsync("o", (s, 2), (t, 3));
        var shipped = await floor.SendAsync($"picks/{pick.Id}/ship", new { carrier = "dhl", tracking = "1", lines = (object[])[new { sku = s, quantity = 2 }, new { sku = t, quantity = 1 }] }).OkAsync();
        Assert.Equal([2L, 1L], shipped.GetProperty("lines").EnumerateArray().Select(line => line.GetProperty("shipped").GetInt64()));
        Assert.Equal((7L, 8L), ((await floor.ShownAsync(s)).OnHand, (await floor.ShownAsync(t)).OnHand));
        // What it did not send is asked for again, under a new number.
        var next = (await floor.AlignAsync(pick.Order, [pick.Id], [(s, 2), (t, 3)])).Single(ticket => !ticket.IsOver);
        Assert.Equal((WorkIds.Ticket(floor.Location, pick.Order, 1, 2), "2", 2L), (next.Id, next.Lines.Single().Line, next.Left));

        var own = await Floor.OpenAsync(app);
        var sku = await own.StockAsync("S", ("", 2));
        var mine = await own.OrderAsync("o", (sku, 1));
        await own.SendAsync($"picks/{mine.Id}/ship", new { carrier = "x", lines = (object[])[new { sku, quantity = 1 }] }).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        await floor.AuditAsync();
    }

    [Fact]
    public async Task Units_staged_for_a_cancelled_order_are_put_back_by_scan_and_only_then_anybodys()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("A-01", 5));
        var pick = await floor.OrderAsync("o", (sku, 2));
        await floor.ScanAsync(pick.Id, sku, 2, bin: "A-01").OkAsync();
        var tickets = app.Services.GetRequiredService<PickTickets>();
        Assert.Equal(TicketStatus.Cancelled, (await tickets.CancelAsync(pick.Id))!.Status);
        Assert.Equal(TicketStatus.Cancelled, (await tickets.CancelAsync(pick.Id))!.Status);
        await floor.ClaimAsync(pick.Order, "1", sku, 0, 2);
        for (var i = 0; i < 2; i++) await floor.AlignAsync(pick.Order, [pick.Id], [(sku, 2)], unwanted: "1");
        var task = (await floor.GetAsync($"putbacks?location={floor.Location}")).GetProperty("items").EnumerateArray().Single();
        Assert.Equal(2, task.GetProperty("lines")[0].GetProperty("left").GetInt64());
        var id = task.GetProperty("id").GetString();
        Assert.Equal(3, (await floor.ShownAsync(sku)).Available);
        await floor.ScanAsync(pick.Id, sku).ProblemAsync(HttpStatusCode.Conflict, "pick-cancelled");

        await floor.SendAsync($"putbacks/{id}/scan", new { scanId = "a", sku, quantity = 3 }).ProblemAsync(HttpStatusCode.Conflict, "over-pick");
        await floor.SendAsync($"putbacks/{id}/scan", new { scanId = "a", sku = "nothing", quantity = 1 }).ProblemAsync(HttpStatusCode.Conflict, "wrong-item");
        await floor.SendAsync($"putbacks/{id}/scan", new { scanId = "a", barcode = "code-" + sku, quantity = 1, bin = "A-02" }).OkAsync();
        using var repeat = await floor.SendAsync($"putbacks/{id}/scan", new { scanId = "a", sku, quantity = 1, bin = "A-02" });
        Assert.True(repeat.Headers.Contains("Idempotent-Replayed"));
        // Stated again, by an order that looks again: what was put back stays so.
        await floor.AlignAsync(pick.Order, [pick.Id], [(sku, 2)], unwanted: "1");
        var done = await floor.SendAsync($"putbacks/{id}/scan", new { scanId = "b", sku, quantity = 1, bin = "A-01" }).OkAsync();
        Assert.Equal("closed", done.GetProperty("putBack").GetProperty("status").GetString());
        Assert.Empty((await floor.GetAsync($"putbacks?location={floor.Location}")).GetProperty("items").EnumerateArray());
        Assert.Equal((5L, 0L, 1L), ((await floor.ShownAsync(sku)).Available, (await floor.ShownAsync(sku)).Staged, (await floor.ShownAsync(sku)).Bins["A-02"]));
        await floor.AuditAsync();
    }

    [Fact]
    public async Task Staged_units_that_are_wanted_again_before_they_were_put_back_need_not_be()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("", 5));
        var pick = await floor.OrderAsync("o", (sku, 2));
        await floor.ScanAsync(pick.Id, sku, 2).OkAsync();
        await floor.AlignAsync(pick.Order, [pick.Id], [(sku, 2)], unwanted: "1");
        Assert.Equal(TicketStatus.Cancelled, (await floor.ReadAsync(pick.Id)).Status);
        var again = (await floor.AlignAsync(pick.Order, [pick.Id], [(sku, 2)])).Single(ticket => !ticket.IsOver);
        Assert.Equal((2L, TicketStatus.Picked), (again.Lines.Single().Picked, again.Status));
        Assert.Empty((await floor.GetAsync($"putbacks?location={floor.Location}")).GetProperty("items").EnumerateArray());
        Assert.Equal("shipped", (await floor.SendAsync($"picks/{again.Id}/ship", new { carrier = "x" }).OkAsync()).GetProperty("status").GetString());
    }

    [Fact]
    public async Task Of_a_cancel_and_scans_at_once_every_staged_unit_ends_on_a_put_back()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("", 60));
        for (var round = 0; round < 6; round++)
        {
            var pick = await floor.OrderAsync($"o{round}", (sku, 8));
            var tickets = app.Services.GetRequiredService<PickTickets>();
            var scans = Enumerable.Range(0, 8).Select(i => floor.ScanAsync(pick.Id, sku, 1, $"s{i}")).ToList();
            // As the order's orchestration does it: the ticket, then the claims, then what is staged.
            await tickets.CancelAsync(pick.Id);
            await floor.ClaimAsync(pick.Order, "1", sku, 0, 2);
            await floor.AlignAsync(pick.Order, [pick.Id], [(sku, 8)], unwanted: "1");
            foreach (var scan in scans) Assert.True((await scan).StatusCode is HttpStatusCode.OK or HttpStatusCode.Conflict);
            var staged = (await floor.ClaimOfAsync(pick.Order, "1", sku))?.Staged ?? 0;
            var task = await app.Services.GetRequiredService<PutBacks>().ReadAsync(WorkIds.PutBack(floor.Location, pick.Order, 1));
            Assert.Equal(staged, task?.Open("1") ?? 0);
            if (staged > 0) await floor.SendAsync($"putbacks/{task!.Id}/scan", new { scanId = "all", sku, quantity = staged }).OkAsync();
        }
        Assert.Equal((60L, 0L), ((await floor.ShownAsync(sku)).Available, (await floor.ShownAsync(sku)).Staged));
        await floor.AuditAsync();
    }

    [Fact]
    public async Task Without_a_company_prefix_cartons_have_internal_numbers()
    {
        await using var plain = await AppFixture.StartAsync();
        var floor = await Floor.OpenAsync(plain);
        var sku = await floor.StockAsync("S", ("", 2));
        var pick = await floor.OrderAsync("o", (sku, 1));
        await floor.ScanAsync(pick.Id, sku).OkAsync();
        var carton = (await floor.SendAsync($"picks/{pick.Id}/pack", new { }).OkAsync()).GetProperty("cartons")[0];
        Assert.Equal(("internal", pick.Id + "-1"), (carton.GetProperty("numbering").GetString(), carton.GetProperty("code").GetString()));
    }
}
