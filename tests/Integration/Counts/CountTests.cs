using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Counts;
using Selvedge.Ledger;
using Selvedge.Platform;
using Selvedge.Tests.Integration.Receiving;

namespace Selvedge.Tests.Integration.Counts;

/// <summary>Cycle counts over HTTP, while stock moves.</summary>
public sealed class CountTests(AppFixture app) : IClassFixture<AppFixture>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;
    InventoryLedger Ledger => app.Services.GetRequiredService<InventoryLedger>();

    async Task<HttpClient> PersonAsync(string person, string role)
    {
        var made = await app.Client.PostAsync("/api/keys", new { name = $"{person}'s key", person, role }.AsJson(), Cancel).OkAsync();
        return app.ClientWith(made.GetProperty("token").GetString());
    }

    static Task<JsonElement> PostAsync(HttpClient client, string path, object? body = null) => client.PostAsync(path, (body ?? new { }).AsJson(), Cancel).OkAsync();
    Task<JsonElement> GetAsync(string path) => app.Client.GetAsync(path, Cancel).OkAsync();
    async Task<long> OnHandAsync(string sku) => (await GetAsync("/api/inventory/" + sku)).GetProperty("onHand").GetInt64();
    static JsonElement Line(JsonElement count, int at = 0) => count.GetProperty("lines")[at];
    static string State(JsonElement count, int at = 0) => Line(count, at).GetProperty("state").GetString()!;
    static string? Recount(JsonElement count, int at = 0) => Line(count, at).TryGetProperty("recount", out var why) ? why.GetString() : null;

    Task<JsonElement> OpenAsync(string id, string sku, object? more = null) => PostAsync(app.Client, "/api/counts", more ?? new { id, location = "WH1", skus = (string[])[sku] });
    static async Task<JsonElement> CountAsync(HttpClient client, string id, long counted, object? begin = null)
    {
        await PostAsync(client, $"/api/counts/{id}/lines/1/begin", begin);
        return await PostAsync(client, $"/api/counts/{id}/lines/1/report", new { counted });
    }

    async Task AssertCleanAsync()
    {
        var audit = (await PostAsync(app.Client, "/api/audits")).GetProperty("id").GetString();
        JsonElement found;
        for (var tries = 0; !(found = await GetAsync("/api/audits/" + audit)).TryGetProperty("clean", out _) && tries < 200; tries++) await Task.Delay(25, Cancel);
        Assert.True(found.GetProperty("clean").GetBoolean(), found.GetRawText());
    }

    [Fact]
    public async Task A_line_that_moved_is_looked_at_again_and_one_that_differs_by_another_person()
    {
        await app.SeedAsync("CO-1", 20);
        using var ana = await PersonAsync("Ana", "warehouse");
        using var ben = await PersonAsync("Ben", "warehouse");
        await OpenAsync("c1", "CO-1");
        await PostAsync(ana, "/api/counts/c1/lines/1/begin");
        await ben.PostAsync("/api/counts/c1/lines/1/begin", new { }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "being-counted");
        await ben.PostAsync("/api/counts/c1/lines/1/report", new { counted = 20 }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "not-counting");
        await PostAsync(app.Client, "/api/movements", new { id = "sale", kind = "posSale", sku = "CO-1", location = "WH1", quantity = 1 });
        var seen = await PostAsync(ana, "/api/counts/c1/lines/1/report", new { counted = 20 });
        Assert.Equal(("open", "moved"), (State(seen), Recount(seen)));

        // 19 should be there; Ana sees 17 and is not believed alone.
        seen = await CountAsync(ana, "c1", 17);
        Assert.Equal(("open", "beyondTolerance"), (State(seen), Recount(seen)));
        Assert.DoesNotContain("expected", seen.GetRawText(), StringComparison.Ordinal);
        await ana.PostAsync("/api/counts/c1/lines/1/begin", new { }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "another-person");
        await PostAsync(app.Client, "/api/movements", new { id = "sale-2", kind = "posSale", sku = "CO-1", location = "WH1", quantity = 4 });
        // An entry of the very millisecond in which a look begins is inside its window.
        await Task.Delay(5, Cancel);
        var done = await CountAsync(ben, "c1", 13);
        Assert.Equal(("posted", "closed", -2L), (State(done), done.GetProperty("status").GetString(), Line(done).GetProperty("result").GetProperty("variance").GetInt64()));
        Assert.Equal(13, await OnHandAsync("CO-1"));
        using (var again = await ben.PostAsync("/api/counts/c1/lines/1/report", new { counted = 13 }.AsJson(), Cancel)) Assert.Equal("true", again.Headers.GetValues("Idempotent-Replayed").Single());
        Assert.Equal(13, await OnHandAsync("CO-1"));

        var variance = (await GetAsync("/api/counts/c1")).GetProperty("variance");
        Assert.Equal((-2L, 2L, "-20.00", "20.00"), (variance.GetProperty("netUnits").GetInt64(), variance.GetProperty("absoluteUnits").GetInt64(), variance.GetProperty("netValue").GetString(), variance.GetProperty("absoluteValue").GetString()));
        Assert.True((await GetAsync("/api/countvariance?location=WH1")).GetProperty("locations").GetProperty("WH1").GetProperty("absoluteUnits").GetInt64() >= 2);
        await AssertCleanAsync();
    }

    [Fact]
    public async Task A_large_variance_waits_for_a_second_person_and_a_late_sale_meanwhile_does_not_count_twice()
    {
        await app.SeedAsync("CO-2", 100);
        using var ana = await PersonAsync("Ana", "warehouse");
        using var fin = await PersonAsync("Fay", "finance");
        var sold = TimeProvider.System.GetUtcNow();
        await OpenAsync("c2", "CO-2", new { id = "c2", location = "WH1", skus = (string[])["CO-2"], tolerance = 50 });
        var asked = await CountAsync(ana, "c2", 70);
        Assert.Equal("pending", State(asked));
        Assert.Equal(100, await OnHandAsync("CO-2"));
        // Five of the thirty were sold before anybody counted; the till tells it now.
        await PostAsync(app.Client, "/api/movements", new { id = "late", kind = "posSale", sku = "CO-2", location = "WH1", quantity = 5, effectiveAt = InstantConverter.Text(sold) });
        Assert.Equal(100, await OnHandAsync("CO-2"));
        var approval = Line(asked).GetProperty("approval").GetString();
        await PostAsync(fin, $"/api/approvals/{approval}/approve");
        Assert.Equal(70, await OnHandAsync("CO-2"));
        await new Ahead(TimeSpan.FromMinutes(2)).Make<CountPosting>(app.Services).SweepAsync(Cancel);
        var done = await GetAsync("/api/counts/c2");
        Assert.Equal(("posted", "closed", -30L), (State(done), done.GetProperty("status").GetString(), Line(done).GetProperty("result").GetProperty("variance").GetInt64()));
        await AssertCleanAsync();
    }

    [Fact]
    public async Task What_a_second_person_refuses_is_counted_again()
    {
        await app.SeedAsync("CO-3", 100);
        using var ana = await PersonAsync("Ana", "warehouse");
        using var fin = await PersonAsync("Fay", "finance");
        await OpenAsync("c3", "CO-3", new { id = "c3", location = "WH1", skus = (string[])["CO-3"], tolerance = 50 });
        var approval = Line(await CountAsync(ana, "c3", 60)).GetProperty("approval").GetString();
        await PostAsync(fin, $"/api/approvals/{approval}/refuse", new { reason = "look again" });
        await new Ahead(TimeSpan.FromMinutes(2)).Make<CountPosting>(app.Services).SweepAsync(Cancel);
        Assert.Equal(("open", "notApproved"), (State(await GetAsync("/api/counts/c3")), Recount(await GetAsync("/api/counts/c3"))));
        Assert.Equal("posted", State(await CountAsync(ana, "c3", 99)));
        Assert.Equal(99, await OnHandAsync("CO-3"));
    }

    [Theory, InlineData(8, 8L, 0L), InlineData(10, 10L, 2L)]
    public async Task A_task_of_a_short_pick_settles_what_was_missed(int counted, long left, long found)
    {
        var sku = $"CO-4-{counted}";
        await app.SeedAsync(sku, 0);
        await PostAsync(app.Client, "/api/movements", new { id = "in", kind = "receive", sku, location = "WH1", bin = "A-01", quantity = 10, unitCost = "3.00" });
        await Ledger.ExecuteAsync(new Post { Sku = sku, Actor = "picker", Kind = PostKind.Relocate, From = Accounts.OnHand("WH1", "A-01"), To = Accounts.OnHand("WH1", "A-01", CountRules.Missing), Quantity = 2, Id = "short" });
        var tasks = app.Services.GetRequiredService<CountTasks>();
        var id = await tasks.OpenAsync("WH1", "A-01", sku, "2 of 5 not found", "WH1.X.1.1:s7");
        Assert.Equal(id, await tasks.OpenAsync("WH1", "A-01", sku, "2 of 5 not found", "WH1.X.1.1:s7"));
        Assert.Contains((await GetAsync("/api/counts?status=open&location=WH1")).GetProperty("items").EnumerateArray(), task => task.GetProperty("id").GetString() == id);
        var done = await CountAsync(app.Client, id, counted);
        Assert.Equal(("posted", found), (State(done), Line(done).GetProperty("result").GetProperty("found").GetInt64()));
        var bins = (await app.Services.GetRequiredService<LedgerReads>().BalanceAsync(sku, Cancel))!.Locations["WH1"].Bins;
        Assert.Equal(left, bins["A-01"]);
        Assert.False(bins.ContainsKey("A-01#missing"));
        await AssertCleanAsync();
    }

    [Fact]
    public async Task A_bin_and_sku_have_one_open_task_whoever_asks_and_another_when_it_is_counted()
    {
        await app.SeedAsync("CO-8", 0);
        await PostAsync(app.Client, "/api/movements", new { id = "in", kind = "receive", sku = "CO-8", location = "WH1", bin = "A-08", quantity = 3 });
        var tasks = app.Services.GetRequiredService<CountTasks>();
        Task<string> AskAsync(string source, string bin = "A-08") => tasks.OpenAsync("WH1", bin, "CO-8", "not found", source);
        var id = Assert.Single((await Task.WhenAll(Enumerable.Range(0, 3).Select(n => AskAsync($"p{n}:s")))).Distinct());
        Assert.NotEqual(id, await AskAsync("p0:s", "A-09"));
        await CountAsync(app.Client, id, 3);
        Assert.Equal("posted", State(await GetAsync("/api/counts/" + id)));
        // Repeats are answered by what they asked for; who asks now did not find what was counted.
        Assert.Equal(id, await AskAsync("p2:s"));
        Assert.NotEqual(id, await AskAsync("p3:s"));
    }

    [Fact]
    public async Task Sheets_are_made_of_bins_zones_and_lines_and_take_what_is_found_beside_them()
    {
        foreach (var (sku, bin) in new[] { ("CO-5", "Z1-01"), ("CO-6", "Z1-02"), ("CO-7", "Z2-01") })
        {
            await app.SeedAsync(sku, 0);
            await PostAsync(app.Client, "/api/movements", new { id = "in", kind = "receive", sku, location = "WH1", bin, quantity = 3 });
        }
        string[] Skus(JsonElement count) => [.. count.GetProperty("lines").EnumerateArray().Select(line => line.GetProperty("sku").GetString()!)];
        Assert.Equal(["CO-5", "CO-6"], Skus(await OpenAsync("z", "", new { id = "z", location = "WH1", zone = "Z1-" })));
        Assert.Equal(["CO-7"], Skus(await OpenAsync("b", "", new { id = "b", location = "WH1", bins = (string[])["Z2-01"] })));
        Assert.Equal(["CO-7", "CO-5"], Skus(await PostAsync(app.Client, "/api/counts/b/lines", new { sku = "CO-5", bin = "Z2-01" })));
        Assert.Equal(2, (await PostAsync(app.Client, "/api/counts/b/lines", new { sku = "CO-5", bin = "Z2-01" })).GetProperty("lines").GetArrayLength());
        await app.Client.PostAsync("/api/counts", new { id = "n", location = "WH1", bins = (string[])["NONE"] }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "nothing-to-count");
        await app.Client.PostAsync("/api/counts", new { id = "b", location = "WH1", bins = (string[])["Z1-01"] }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
        await app.Client.PostAsync("/api/counts", new { id = "q", location = "WH1" }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        using var other = await app.ClientAsAsync(Role.Warehouse, new(Locations: ["WH9"]));
        await other.GetAsync("/api/counts/b", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await other.PostAsync("/api/counts/b/lines/1/begin", new { }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        Assert.Equal("cancelled", (await PostAsync(app.Client, "/api/counts/b/cancel")).GetProperty("status").GetString());
        await app.Client.PostAsync("/api/counts/b/lines/1/begin", new { }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "count-over");
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Wherever_it_stops_between_two_writes_the_same_again_or_the_sweeper_posts_once(bool committed)
    {
        WorkStops? work = null;
        await using var one = await AppFixture.StartAsync(cosmos: inner => work = new WorkStops(inner));
        await one.SeedAsync("CS-1", 100);
        for (var n = 0; ; n++)
        {
            Assert.True(n < 20, "it never ends");
            var before = work!.Writes;
            work.After(n, committed);
            foreach (var repeat in (bool[])[false, true])
            {
                using var a = await one.Client.PostAsync("/api/counts", new { id = $"k{n}", location = "WH1", skus = (string[])["CS-1"], tolerance = 5 }.AsJson(), Cancel);
                using var b = await one.Client.PostAsync($"/api/counts/k{n}/lines/1/begin", new { }.AsJson(), Cancel);
                using var c = await one.Client.PostAsync($"/api/counts/k{n}/lines/1/report", new { counted = 99 - n }.AsJson(), Cancel);
                // Counted before the answer was lost, it cannot be begun again; the report is answered as it stands.
                if (repeat) Assert.True(a.IsSuccessStatusCode && c.IsSuccessStatusCode, $"{n}: {a.StatusCode} {b.StatusCode} {c.StatusCode}");
                work.Mend();
                if (!repeat && n % 2 == 0) await new Ahead(TimeSpan.FromMinutes(1)).Make<CountPosting>(one.Services).SweepAsync(Cancel);
            }
            var count = await one.Client.GetAsync($"/api/counts/k{n}", Cancel).OkAsync();
            Assert.Equal(("closed", -1L), (count.GetProperty("status").GetString(), Line(count).GetProperty("result").GetProperty("variance").GetInt64()));
            Assert.Equal(99 - n, (await one.Client.GetAsync("/api/inventory/CS-1", Cancel).OkAsync()).GetProperty("onHand").GetInt64());
            if (work.Writes - before <= n) break;
        }
    }
}
