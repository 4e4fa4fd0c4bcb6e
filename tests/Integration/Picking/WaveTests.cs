using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Picking;

namespace Selvedge.Tests.Integration.Picking;

/// <summary>Batches and waves, over HTTP.</summary>
public sealed class WaveTests(AppFixture app) : IClassFixture<AppFixture>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_batch_is_walked_bin_by_bin_each_scan_says_its_slots_and_it_closes_by_itself()
    {
        var floor = await Floor.OpenAsync(app);
        var (s, t) = (await floor.StockAsync("S", ("B-02", 10)), await floor.StockAsync("T", ("A-05", 10)));
        var one = await floor.OrderAsync("1", (s, 2), (t, 1));
        var two = await floor.OrderAsync("2", (s, 1));
        var wave = (await floor.SendAsync("waves", new { location = floor.Location, kind = "batch", maxTickets = 5 }).OkAsync());
        var id = wave.GetProperty("id").GetString();
        Assert.Equal(["A-05", "B-02"], wave.GetProperty("stops").EnumerateArray().Select(stop => stop.GetProperty("bin").GetString()));
        Assert.Equal((3L, 4L), (wave.GetProperty("stops")[1].GetProperty("quantity").GetInt64(), wave.GetProperty("left").GetInt64()));
        Assert.Empty((await floor.GetAsync($"picks?location={floor.Location}")).GetProperty("items").EnumerateArray());
        await floor.ScanAsync(one.Id, s).ProblemAsync(HttpStatusCode.Conflict, "in-wave");

        await floor.SendAsync($"waves/{id}/scan", new { scanId = "a", sku = t, quantity = 1, bin = "A-05" }).OkAsync();
        var scan = await floor.SendAsync($"waves/{id}/scan", new { scanId = "b", sku = s, quantity = 3, bin = "B-02" }).OkAsync();
        Assert.Equal([(1, one.Id, 2L), (2, two.Id, 1L)], scan.GetProperty("slots").EnumerateArray().Select(slot => (slot.GetProperty("slot").GetInt32(), slot.GetProperty("pick").GetString()!, slot.GetProperty("quantity").GetInt64())));
        using var repeat = await floor.SendAsync($"waves/{id}/scan", new { scanId = "b", sku = s, quantity = 3, bin = "B-02" });
        Assert.True(repeat.Headers.Contains("Idempotent-Replayed"));
        Assert.Equal(scan.GetRawText(), await repeat.Content.ReadAsStringAsync(Cancel));
        Assert.Equal("closed", (await floor.GetAsync("waves/" + id)).GetProperty("status").GetString());
        await floor.SendAsync($"waves/{id}/scan", new { scanId = "c", sku = s }).ProblemAsync(HttpStatusCode.Conflict, "wave-closed");
        Assert.Equal((TicketStatus.Picked, TicketStatus.Picked), ((await floor.ReadAsync(one.Id)).Status, (await floor.ReadAsync(two.Id)).Status));
        Assert.Equal((7L, 3L), ((await floor.ShownAsync(s)).OnHand, (await floor.ShownAsync(s)).Staged));
        await floor.AuditAsync();
    }

    [Fact]
    public async Task Two_planners_at_once_never_take_the_same_ticket_nor_send_two_people_for_one_unit()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("A-01", 8), ("A-02", 8));
        for (var i = 0; i < 16; i++) await floor.OrderAsync($"o{i}", (sku, 1));
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => floor.SendAsync("waves", new { location = floor.Location, maxTickets = 4 })));
        var waves = new List<System.Text.Json.JsonElement>();
        foreach (var answer in answers)
            if (answer.StatusCode == HttpStatusCode.Created) waves.Add(System.Text.Json.JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancel)).RootElement);
            else await Task.FromResult(answer).ProblemAsync(HttpStatusCode.NotFound, "nothing-to-pick");
        var picks = waves.SelectMany(wave => wave.GetProperty("picks").EnumerateArray().Select(pick => pick.GetProperty("pick").GetString())).ToList();
        Assert.Equal(picks.Count, picks.Distinct().Count());
        Assert.NotEmpty(picks);
        foreach (var wave in waves)
            foreach (var pick in wave.GetProperty("picks").EnumerateArray())
                Assert.Equal(wave.GetProperty("id").GetString(), (await floor.ReadAsync(pick.GetProperty("pick").GetString()!)).Wave);
        var open = (await floor.GetAsync($"picks?location={floor.Location}")).GetProperty("items").GetArrayLength();
        Assert.Equal(16, picks.Count + open);
        Assert.Equal(waves.Count, (await floor.GetAsync($"waves?location={floor.Location}")).GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task Units_that_one_wave_is_on_its_way_to_are_not_given_to_another()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("A-01", 2), ("B-01", 1));
        for (var i = 0; i < 3; i++) await floor.OrderAsync($"o{i}", (sku, 1));
        await floor.SendAsync("waves", new { location = floor.Location, maxTickets = 2, zone = "A" }).OkAsync();
        await floor.SendAsync("waves", new { location = floor.Location, maxTickets = 2, zone = "A" }).ProblemAsync(HttpStatusCode.NotFound, "nothing-to-pick");
        var second = (await floor.SendAsync("waves", new { location = floor.Location }).OkAsync());
        Assert.Equal("B-01", second.GetProperty("stops")[0].GetProperty("bin").GetString());
    }

    [Fact]
    public async Task The_same_key_plans_one_wave_and_a_released_one_gives_its_picks_back()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("A-01", 9));
        var one = await floor.OrderAsync("1", (sku, 2));
        await floor.OrderAsync("2", (sku, 1));
        async Task<System.Text.Json.JsonElement> PlanAsync()
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/waves") { Content = new { location = floor.Location, maxTickets = 1 }.AsJson(), Headers = { { "Idempotency-Key", "cart-" + floor.Location } } };
            return (await floor.Client.SendAsync(request, Cancel).OkAsync());
        }
        var id = (await PlanAsync()).GetProperty("id").GetString();
        Assert.Equal(id, (await PlanAsync()).GetProperty("id").GetString());
        await floor.SendAsync($"waves/{id}/scan", new { scanId = "a", sku, quantity = 1 }).OkAsync();
        Assert.Equal("released", (await floor.SendAsync($"waves/{id}/release", new { }).OkAsync()).GetProperty("status").GetString());
        var ticket = await floor.ReadAsync(one.Id);
        Assert.Equal((TicketStatus.Open, 1L, null), (ticket.Status, ticket.Left, ticket.Wave));
        await floor.ScanAsync(one.Id, sku).OkAsync();
    }

    [Fact]
    public async Task A_wave_whose_picker_walked_away_gives_its_picks_back()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("A-01", 5));
        var pick = await floor.OrderAsync("o", (sku, 2));
        var wave = await floor.SendAsync("waves", new { location = floor.Location, kind = "batch" }).OkAsync();
        var waves = app.Services.GetRequiredService<Waves>();
        await waves.ReleaseIdleAsync(TimeSpan.FromHours(1), 1_000, Cancel);
        Assert.Equal(TicketStatus.Picking, (await floor.ReadAsync(pick.Id)).Status);
        await waves.ReleaseIdleAsync(TimeSpan.FromHours(-1), 1_000, Cancel);
        Assert.Equal((TicketStatus.Open, WaveStatus.Released), ((await floor.ReadAsync(pick.Id)).Status, (await waves.ReadAsync(wave.GetProperty("id").GetString()!))!.Status));
    }

    [Fact]
    public async Task What_was_called_off_or_short_in_the_meantime_is_not_for_the_wave_any_more()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("A-01", 9));
        var (one, two, three) = (await floor.OrderAsync("1", 3, null, (sku, 1)), await floor.OrderAsync("2", 2, null, (sku, 1)), await floor.OrderAsync("3", 1, null, (sku, 1)));
        var id = (await floor.SendAsync("waves", new { location = floor.Location }).OkAsync()).GetProperty("id").GetString();
        await floor.ClaimAsync(one.Order, "1", sku, 0, 2);
        // The wave has not heard of it: the ledger refuses that one, the others are placed.
        var scan = await floor.SendAsync($"waves/{id}/scan", new { scanId = "a", sku, quantity = 2 }).OkAsync();
        Assert.Equal((1L, two.Id), (scan.GetProperty("putBack").GetInt64(), scan.GetProperty("slots")[0].GetProperty("pick").GetString()));
        await floor.SendAsync($"picks/{three.Id}/short", new { scanId = "x", sku, quantity = 1, reason = "notFound" }).OkAsync();
        Assert.Equal("closed", (await floor.GetAsync("waves/" + id)).GetProperty("status").GetString());
        Assert.Equal(1, (await floor.ShownAsync(sku)).Staged);
        await floor.AuditAsync();
    }
}
