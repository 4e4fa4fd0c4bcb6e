using Microsoft.Extensions.DependencyInjection;
using System.Net;
using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Picking;

/// <summary>The queue and scans at the shelf, over HTTP.</summary>
public sealed class ScanTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task What_was_to_go_back_and_is_wanted_again_is_picked_as_it_is()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("A-01", 9));
        var ticket = await floor.OrderAsync("1", (sku, 1));
        await floor.ScanAsync(ticket.Id, sku).OkAsync();
        await floor.AlignAsync(ticket.Order, [ticket.Id], [(sku, 1)], unwanted: "1");
        Assert.Equal(TicketStatus.Cancelled, (await floor.ReadAsync(ticket.Id)).Status);
        var putBacks = (await floor.GetAsync($"putbacks?location={floor.Location}")).GetProperty("items");
        Assert.Equal(1, putBacks.GetArrayLength());

        var again = (await floor.AlignAsync(ticket.Order, [ticket.Id], [(sku, 1)]))[^1];
        Assert.Equal((TicketStatus.Picked, 1L), (again.Status, again.Lines[0].Picked));
        Assert.Equal(0, (await floor.GetAsync($"putbacks?location={floor.Location}")).GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task A_pick_that_somebody_took_and_left_is_in_the_queue_again()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("A-01", 9));
        var ticket = await floor.OrderAsync("1", (sku, 1));
        await floor.SendAsync("picks/next", new { location = floor.Location }).OkAsync();
        var queue = app.Services.GetRequiredService<PickQueue>();
        await queue.ReleaseIdleAsync(TimeSpan.FromHours(1), 1_000, TestContext.Current.CancellationToken);
        Assert.Equal(TicketStatus.Picking, (await floor.ReadAsync(ticket.Id)).Status);
        await queue.ReleaseIdleAsync(TimeSpan.FromHours(-1), 1_000, TestContext.Current.CancellationToken);
        Assert.Equal((TicketStatus.Open, null), ((await floor.ReadAsync(ticket.Id)).Status, (await floor.ReadAsync(ticket.Id)).Picker));
    }

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_queue_is_by_priority_then_the_day_to_ship_by_then_age_and_is_paged()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("Q", ("", 20));
        var today = new DateTimeOffset(2026, 11, 24, 17, 0, 0, TimeSpan.Zero);
        var late = await floor.OrderAsync("late", 0, null, (sku, 1));
        var soon = await floor.OrderAsync("soon", 0, today, (sku, 1));
        var sooner = await floor.OrderAsync("sooner", 0, today.AddHours(-3), (sku, 1));
        var vip = await floor.OrderAsync("vip", 9, null, (sku, 1));
        var ids = new List<string?>();
        for (string? continuation = null; ;)
        {
            var page = await floor.GetAsync($"picks?location={floor.Location}&limit=2" + (continuation is null ? "" : "&continuation=" + continuation));
            ids.AddRange(page.GetProperty("items").EnumerateArray().Select(pick => pick.GetProperty("id").GetString()));
            if (!page.TryGetProperty("continuation", out var next)) break;
            continuation = next.GetString();
        }
        Assert.Equal([vip.Id, sooner.Id, soon.Id, late.Id], ids);

        await floor.ScanAsync(vip.Id, sku).OkAsync();
        Assert.Equal(3, (await floor.GetAsync($"picks?location={floor.Location}&status=open")).GetProperty("items").GetArrayLength());
        Assert.Equal(vip.Id, (await floor.GetAsync($"picks?location={floor.Location}&status=picked")).GetProperty("items")[0].GetProperty("id").GetString());
    }

    [Fact]
    public async Task A_pick_shows_names_and_bins_in_walking_order()
    {
        var floor = await Floor.OpenAsync(app);
        var (far, near) = (await floor.StockAsync("FAR", ("B-01", 1), ("B-09", 4)), await floor.StockAsync("NEAR", ("A-02", 3)));
        var pick = await floor.OrderAsync("o", (far, 2), (near, 1));
        var lines = (await floor.GetAsync("picks/" + pick.Id)).GetProperty("lines").EnumerateArray().ToList();
        Assert.Equal([near, far], lines.Select(line => line.GetProperty("sku").GetString()));
        Assert.Equal("Style of " + near, lines[0].GetProperty("name").GetString());
        // The second aisle is walked down.
        Assert.Equal(["B-09", "B-01"], lines[1].GetProperty("bins").EnumerateArray().Select(bin => bin.GetProperty("bin").GetString()));
    }

    [Fact]
    public async Task A_scan_takes_the_unit_from_its_bin_at_once_and_again_it_is_answered_the_same()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("A-01", 5));
        var pick = await floor.OrderAsync("o", (sku, 2));
        var first = await floor.ScanAsync(pick.Id, $"code-{sku}", 1, "one", "A-01").OkAsync();
        using var repeat = await floor.SendAsync($"picks/{pick.Id}/scan", new { scanId = "one", barcode = sku, quantity = 1, bin = "A-01" });
        Assert.Equal("true", repeat.Headers.GetValues("Idempotent-Replayed").Single());
        Assert.Equal(first.GetRawText(), await repeat.Content.ReadAsStringAsync(Cancel));
        Assert.Equal((4L, 1L), (await floor.ShownAsync(sku) is var stock ? stock.OnHand : 0, stock.Staged));
        Assert.Equal("picking", first.GetProperty("pick").GetProperty("status").GetString());
        Assert.Equal("picked", (await floor.ScanAsync(pick.Id, sku, 1, "two", "A-01").OkAsync()).GetProperty("pick").GetProperty("status").GetString());
        await floor.ScanAsync(pick.Id, sku, 2, "one").ProblemAsync(HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
        Assert.Equal(3, (await floor.ShownAsync(sku)).OnHand);
    }

    [Fact]
    public async Task Wrong_items_and_too_many_are_refused_and_move_nothing()
    {
        var floor = await Floor.OpenAsync(app);
        var (sku, other) = (await floor.StockAsync("S", ("", 9)), await floor.StockAsync("O", ("", 9)));
        var pick = await floor.OrderAsync("o", (sku, 2));
        var wrong = await floor.ScanAsync(pick.Id, other).ProblemAsync(HttpStatusCode.Conflict, "wrong-item");
        Assert.Contains($"2 × {sku}", wrong.GetProperty("detail").GetString(), StringComparison.Ordinal);
        await floor.ScanAsync(pick.Id, "no-such-code").ProblemAsync(HttpStatusCode.Conflict, "wrong-item");
        await floor.ScanAsync(pick.Id, sku, 3).ProblemAsync(HttpStatusCode.Conflict, "over-pick");
        await floor.ScanAsync(pick.Id, sku, 2).OkAsync();
        await floor.ScanAsync(pick.Id, sku, 1).ProblemAsync(HttpStatusCode.Conflict, "over-pick");
        Assert.Equal((7L, 9L), ((await floor.ShownAsync(sku)).OnHand, (await floor.ShownAsync(other)).OnHand));
    }

    [Fact]
    public async Task Another_orders_unit_cannot_be_picked()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("", 2));
        var (mine, theirs) = (await floor.OrderAsync("mine", (sku, 1)), await floor.OrderAsync("theirs", (sku, 1)));
        // Mine was let go; nobody has aligned the ticket yet.
        await floor.ClaimAsync(mine.Order, "1", sku, 0, 2);
        await floor.ScanAsync(mine.Id, sku).ProblemAsync(HttpStatusCode.Conflict, "pick-cancelled");
        Assert.Equal(TicketStatus.Cancelled, (await floor.ReadAsync(mine.Id)).Status);

        var two = await floor.OrderAsync("two", (sku, 1));
        await floor.ClaimAsync(two.Order, "1", sku, 0, 2);
        await floor.ClaimAsync("shop:late", "1", sku, 1, 1);
        var both = await floor.AlignAsync(two.Order, [two.Id], [(sku, 1)]);
        Assert.Equal(TicketStatus.Cancelled, both.Single().Status);
        await floor.ScanAsync(theirs.Id, sku).OkAsync();
        Assert.Equal(1, (await floor.ShownAsync(sku)).Held);
        await floor.AuditAsync();
    }

    [Fact]
    public async Task A_line_that_was_cut_behind_the_tickets_back_refuses_the_unit_and_follows()
    {
        var floor = await Floor.OpenAsync(app);
        var (sku, other) = (await floor.StockAsync("S", ("", 5)), await floor.StockAsync("T", ("", 5)));
        var pick = await floor.OrderAsync("o", (sku, 2), (other, 1));
        await floor.ClaimAsync(pick.Order, "1", sku, 0, 2);
        await floor.ScanAsync(pick.Id, sku).ProblemAsync(HttpStatusCode.Conflict, "held-by-others");
        var after = await floor.ReadAsync(pick.Id);
        Assert.Equal([("2", 1L)], after.Lines.Select(line => (line.Line, line.Quantity)));
        Assert.NotNull(after.Attention);
        Assert.Equal("picked", (await floor.ScanAsync(pick.Id, other).OkAsync()).GetProperty("pick").GetProperty("status").GetString());
    }

    [Fact]
    public async Task One_scan_may_fill_two_lines_of_a_SKU_and_is_found_again_when_the_ticket_forgot_it()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("", 9));
        var pick = await floor.OrderAsync("o", (sku, 1), (sku, 2));
        var scan = await floor.ScanAsync(pick.Id, sku, 2, "both").OkAsync();
        Assert.Equal(["1", "2"], scan.GetProperty("lines").EnumerateArray().Select(part => part.GetProperty("line").GetString()));
        for (var i = 0; i < PickTicket.MostScans; i++)
        {
            await floor.ScanAsync(pick.Id, sku, 1, $"u{i}").OkAsync();
            await floor.SendAsync($"picks/{pick.Id}/unpick", new { scanId = $"b{i}", sku, quantity = 1 }).OkAsync();
        }
        Assert.DoesNotContain((await floor.ReadAsync(pick.Id)).Scans!, known => known.Id == "both");
        using var repeat = await floor.ScanAsync(pick.Id, sku, 2, "both");
        Assert.True(repeat.IsSuccessStatusCode, await repeat.Content.ReadAsStringAsync(Cancel));
        Assert.True(repeat.Headers.Contains("Idempotent-Replayed"));
        Assert.Equal((2L, 7L), ((await floor.ShownAsync(sku)).Staged, (await floor.ShownAsync(sku)).OnHand));
        Assert.Equal(1, (await floor.ReadAsync(pick.Id)).Left);
        await floor.AuditAsync();
    }

    [Fact]
    public async Task Pickers_who_race_on_one_ticket_stage_each_unit_once()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("", 50));
        var pick = await floor.OrderAsync("o", (sku, 10));
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => floor.ScanAsync(pick.Id, sku, 1, $"r{i}")));
        Assert.Equal((10, 10), (answers.Count(answer => answer.IsSuccessStatusCode), answers.Count(answer => answer.StatusCode == HttpStatusCode.Conflict)));
        var ticket = await floor.ReadAsync(pick.Id);
        Assert.Equal((TicketStatus.Picked, 10L), (ticket.Status, ticket.Lines.Single().Picked));
        Assert.Equal((40L, 10L), ((await floor.ShownAsync(sku)).OnHand, (await floor.ShownAsync(sku)).Staged));
    }

    [Fact]
    public async Task The_next_ones_go_to_different_pickers_and_a_released_one_comes_again()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("", 50));
        for (var i = 0; i < 6; i++) await floor.OrderAsync($"o{i}", (sku, 1));
        var taken = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => floor.SendAsync("picks/next", new { location = floor.Location }).OkAsync()));
        Assert.Equal(6, taken.Select(pick => pick.GetProperty("id").GetString()).Distinct().Count());
        await floor.SendAsync("picks/next", new { location = floor.Location }).ProblemAsync(HttpStatusCode.NotFound, "nothing-to-pick");
        var id = taken[0].GetProperty("id").GetString();
        Assert.Equal("open", (await floor.SendAsync($"picks/{id}/release", new { }).OkAsync()).GetProperty("status").GetString());
        using var repeat = await floor.SendAsync($"picks/{id}/release", new { });
        Assert.True(repeat.Headers.Contains("Idempotent-Replayed"));
        Assert.Equal(id, (await floor.SendAsync("picks/next", new { location = floor.Location }).OkAsync()).GetProperty("id").GetString());
    }

    [Fact]
    public async Task Unpicked_units_are_on_the_shelf_and_still_the_orders()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("A-01", 5));
        var pick = await floor.OrderAsync("o", (sku, 2));
        await floor.ScanAsync(pick.Id, sku, 2, bin: "A-01").OkAsync();
        await floor.SendAsync($"picks/{pick.Id}/pack", new { }).OkAsync();
        await floor.SendAsync($"picks/{pick.Id}/unpick", new { scanId = "b", sku, quantity = 3 }).ProblemAsync(HttpStatusCode.Conflict, "not-picked");
        var back = await floor.SendAsync($"picks/{pick.Id}/unpick", new { scanId = "b", sku, quantity = 1, bin = "A-02" }).OkAsync();
        using var repeat = await floor.SendAsync($"picks/{pick.Id}/unpick", new { scanId = "b", sku, quantity = 1, bin = "A-02" });
        Assert.True(repeat.Headers.Contains("Idempotent-Replayed"));
        Assert.Equal(("picking", false), (back.GetProperty("pick").GetProperty("status").GetString(), back.GetProperty("pick").TryGetProperty("cartons", out _)));
        var stock = await floor.ShownAsync(sku);
        Assert.Equal((1L, 1L, 1L), (stock.Bins["A-02"], stock.Staged, stock.Held));
        await floor.ScanAsync(pick.Id, sku, 1, bin: "A-02").OkAsync();
        await floor.AuditAsync();
    }

    [Fact]
    public async Task A_short_pick_sets_the_units_aside_opens_a_count_and_leaves_the_rest_to_be_packed()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("A-01", 2), ("A-02", 5));
        var pick = await floor.OrderAsync("o", (sku, 3));
        await floor.ScanAsync(pick.Id, sku, 1, bin: "A-01").OkAsync();
        var body = new { scanId = "x", sku, quantity = 2, reason = "notFound", bin = "A-01" };
        var shorted = await floor.SendAsync($"picks/{pick.Id}/short", body).OkAsync();
        using var repeat = await floor.SendAsync($"picks/{pick.Id}/short", body);
        Assert.True(repeat.Headers.Contains("Idempotent-Replayed"));
        await floor.SendAsync($"picks/{pick.Id}/short", body with { quantity = 1 }).ProblemAsync(HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
        Assert.Equal("picked", shorted.GetProperty("pick").GetProperty("status").GetString());
        // The bin had one more on record: that one is missing. What is in other bins nobody has looked for.
        var stock = await floor.ShownAsync(sku);
        Assert.Equal((1L, 5L, 1L), (stock.Bins["A-01#missing"], stock.Bins["A-02"], stock.Staged));
        var ticket = await floor.ReadAsync(pick.Id);
        Assert.Equal((2L, 0L), (ticket.Lines.Single().Short, ticket.Lines.Single().Settled));
        Assert.NotNull(ticket.Attention);

        // The order takes what is short from elsewhere: the ticket is told, and nothing more is to pick.
        await floor.ClaimAsync(pick.Order, "1", sku, 1, 2);
        var after = (await floor.AlignAsync(pick.Order, [pick.Id], [(sku, 3)])).Single();
        Assert.Equal((2L, 0L, TicketStatus.Picked), (after.Lines.Single().Settled, after.Left, after.Status));
        await floor.AuditAsync();
    }

    [Fact]
    public async Task A_damaged_unit_is_set_aside_as_damaged_and_more_than_the_pick_lacks_cannot_be_short()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("A-01", 2));
        var pick = await floor.OrderAsync("o", (sku, 1));
        await floor.SendAsync($"picks/{pick.Id}/short", new { scanId = "x", line = "1", quantity = 2, reason = "damaged" }).ProblemAsync(HttpStatusCode.Conflict, "over-pick");
        await floor.SendAsync($"picks/{pick.Id}/short", new { scanId = "x", line = "1", quantity = 1, reason = "damaged" }).OkAsync();
        Assert.Equal(1, (await floor.ShownAsync(sku)).Bins["A-01#damaged"]);
        await floor.SendAsync($"picks/{pick.Id}/pack", new { }).ProblemAsync(HttpStatusCode.Conflict, "nothing-picked");
    }

    [Fact]
    public async Task A_key_of_another_location_does_not_see_the_pick()
    {
        var (floor, other) = (await Floor.OpenAsync(app), await Floor.OpenAsync(app));
        var sku = await floor.StockAsync("S", ("", 2));
        var pick = await floor.OrderAsync("o", (sku, 1));
        using var client = await app.ClientAsAsync(Role.Warehouse, new(Locations: [other.Location]));
        await floor.ScanAsync(pick.Id, sku, client: client).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await client.GetAsync("/api/picks/" + pick.Id, Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await client.GetAsync("/api/picks?location=" + floor.Location, Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        Assert.DoesNotContain(pick.Id, (await client.GetAsync("/api/picks", Cancel).OkAsync()).GetRawText(), StringComparison.Ordinal);
        await floor.SendAsync("picks/next", new { location = floor.Location }, client).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        await floor.SendAsync("waves", new { location = floor.Location }, client).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        using var own = await app.ClientAsAsync(Role.Warehouse, new(Locations: [floor.Location]));
        await floor.ScanAsync(pick.Id, sku, client: own).OkAsync();
    }
}
