using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Ledger;
using Selvedge.Platform;
using Selvedge.Receiving;

namespace Selvedge.Tests.Integration.Receiving;

/// <summary>What damaged units turned out to be, over HTTP.</summary>
public sealed class GradingTests(AppFixture app) : IClassFixture<AppFixture>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    Task<JsonElement> PostAsync(string path, object body) => app.Client.PostAsync(path, body.AsJson(), Cancel).OkAsync();
    Task<JsonElement> GetAsync(string path) => app.Client.GetAsync(path, Cancel).OkAsync();
    async Task<Stock> StockAsync(string sku) => (await app.Services.GetRequiredService<LedgerReads>().BalanceAsync(sku, Cancel))!.Locations["WH1"];
    static object Grading(string id, string sku, long quantity, string grade, string? from = null, string? bin = null) => new { id, location = "WH1", sku, quantity, grade, from, bin };

    async Task ReceiveDamagedAsync(string sku, long units)
    {
        await app.SeedAsync(sku, 0);
        await app.Client.PutAsync("/api/purchaseorders/PO-" + sku, new { supplier = "mill", location = "WH1", currency = "AUD", lines = (object[])[new { line = "1", sku, quantity = units, unitCost = "2.00" }] }.AsJson(), Cancel).OkAsync();
        await PostAsync("/api/receipts", new { id = "GR-" + sku, location = "WH1", purchaseOrder = "PO-" + sku, lines = (object[])[new { sku, quantity = units, damaged = units }] });
    }

    async Task AssertCleanAsync()
    {
        var audit = (await PostAsync("/api/audits", new { })).GetProperty("id").GetString();
        JsonElement found;
        for (var tries = 0; !(found = await GetAsync("/api/audits/" + audit)).TryGetProperty("clean", out _) && tries < 200; tries++) await Task.Delay(25, Cancel);
        Assert.True(found.GetProperty("clean").GetBoolean(), found.GetRawText());
    }

    [Fact]
    public async Task What_was_received_damaged_is_sold_kept_written_off_or_sent_back()
    {
        await ReceiveDamagedAsync("GD-1", 5);
        Assert.Equal((0L, 5L), ((await StockAsync("GD-1")).OnHand, (await StockAsync("GD-1")).Quarantine));
        Assert.Equal("done", (await PostAsync("/api/gradings", Grading("g1", "GD-1", 1, "a", bin: "A-01"))).GetProperty("status").GetString());
        using (var again = await app.Client.PostAsync("/api/gradings", Grading("g1", "GD-1", 1, "a", bin: "A-01").AsJson(), Cancel))
            Assert.Equal((HttpStatusCode.OK, "true"), (again.StatusCode, again.Headers.GetValues("Idempotent-Replayed").Single()));
        await app.Client.PostAsync("/api/gradings", Grading("g1", "GD-1", 2, "a", bin: "A-01").AsJson(), Cancel).ProblemAsync(HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
        await PostAsync("/api/gradings", Grading("g2", "GD-1", 1, "b", bin: "S-01"));
        await PostAsync("/api/gradings", Grading("g3", "GD-1", 1, "writeOff"));
        await PostAsync("/api/gradings", Grading("g4", "GD-1", 1, "supplier"));
        await app.Client.PostAsync("/api/gradings", Grading("g5", "GD-1", 2, "a").AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "insufficient-stock");

        var balance = (await app.Services.GetRequiredService<LedgerReads>().BalanceAsync("GD-1", Cancel))!;
        var here = balance.Locations["WH1"];
        Assert.Equal((1L, 1L, 1L, 1L), (here.Available, here.Bins["A-01"], here.Bins["S-01#B"], here.Quarantine));
        Assert.Equal((1L, -4L, 6_0000L), (balance.Outside[Accounts.Damage].Units, balance.Outside[Accounts.Supplier].Units, balance.Value));
        Assert.Equal(["g1", "g2", "g3", "g4"], (await GetAsync("/api/gradings?status=done&sku=GD-1")).GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetString()).Order());
        Assert.Equal("refused", (await GetAsync("/api/gradings/g5")).GetProperty("status").GetString());
        await AssertCleanAsync();
    }

    [Fact]
    public async Task What_a_picker_set_aside_as_damaged_is_graded_from_its_shelf()
    {
        await app.SeedAsync("GD-2", 6);
        await app.SeedAsync("GD-2", 0, "WH2");
        var made = await PostAsync("/api/transfers", new { id = "gd2", from = "WH1", to = "WH2", lines = (object[])[new { sku = "GD-2", quantity = 3 }] });
        await PostAsync($"/api/picks/{made.GetProperty("tickets")[0].GetString()}/short", new { scanId = "x", sku = "GD-2", quantity = 3, reason = "damaged" });
        Assert.Equal(3, (await StockAsync("GD-2")).Bins["#damaged"]);
        await app.Client.PostAsync("/api/gradings", Grading("h0", "GD-2", 1, "a").AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "insufficient-stock");
        await PostAsync("/api/gradings", Grading("h1", "GD-2", 1, "a", "shelf"));
        await PostAsync("/api/gradings", Grading("h2", "GD-2", 1, "b", "shelf", "S-02"));
        await PostAsync("/api/gradings", Grading("h3", "GD-2", 1, "supplier", "shelf"));
        var here = await StockAsync("GD-2");
        Assert.Equal((4L, 1L, false), (here.Sellable, here.Bins["S-02#B"], here.Bins.ContainsKey("#damaged")));
        await AssertCleanAsync();
    }

    [Fact]
    public async Task Many_written_off_take_a_second_person_and_what_was_sold_meanwhile_is_not_written_off()
    {
        async Task<HttpClient> PersonAsync(string person, string role) => app.ClientWith((await PostAsync("/api/keys", new { name = $"{person}'s", person, role })).GetProperty("token").GetString());
        using var ana = await PersonAsync("Ana", "warehouse");
        using var fay = await PersonAsync("Fay", "finance");
        await ReceiveDamagedAsync("GD-3", 30);
        using var asked = await ana.PostAsync("/api/gradings", Grading("i1", "GD-3", 30, "writeOff").AsJson(), Cancel);
        Assert.Equal(HttpStatusCode.Accepted, asked.StatusCode);
        Assert.Equal(30, (await StockAsync("GD-3")).Quarantine);
        await PostAsync("/api/gradings", Grading("i2", "GD-3", 5, "a"));
        await fay.PostAsync(asked.Headers.Location + "/approve", new { }.AsJson(), Cancel).OkAsync();
        await new Ahead(TimeSpan.FromMinutes(2)).Make<DamageGradings>(app.Services).SweepAsync(Cancel);
        var done = await GetAsync("/api/gradings/i1");
        Assert.Equal(("done", 25L), (done.GetProperty("status").GetString(), done.GetProperty("moved").GetInt64()));
        Assert.Equal((5L, 0L), ((await StockAsync("GD-3")).Sellable, (await StockAsync("GD-3")).Quarantine));

        using var other = await ana.PostAsync("/api/gradings", Grading("i3", "GD-3", 1, "a").AsJson(), Cancel);
        Assert.Equal(HttpStatusCode.Conflict, other.StatusCode);
        using var elsewhere = await app.ClientAsAsync(Role.Warehouse, new(Locations: ["WH2"]));
        await elsewhere.GetAsync("/api/gradings/i1", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await elsewhere.PostAsync("/api/gradings", Grading("i4", "GD-3", 1, "a").AsJson(), Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        await AssertCleanAsync();
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Wherever_it_stops_between_two_writes_the_same_again_ends_it_right(bool committed)
    {
        WorkStops? work = null;
        await using var one = await AppFixture.StartAsync(cosmos: inner => work = new WorkStops(inner));
        await one.SeedAsync("GD-4", 0);
        await one.Client.PostAsync("/api/receipts", new { id = "r", location = "WH1", lines = (object[])[new { sku = "GD-4", quantity = 40, damaged = 40 }] }.AsJson(), Cancel).OkAsync();
        for (var n = 0; ; n++)
        {
            Assert.True(n < 10, "it never ends");
            var before = work!.Writes;
            work.After(n, committed);
            using (await one.Client.PostAsync("/api/gradings", Grading($"k{n}", "GD-4", 1, "a").AsJson(), Cancel)) { }
            work.Mend();
            if (n % 2 == 0) await new Ahead(TimeSpan.FromMinutes(2)).Make<DamageGradings>(one.Services).SweepAsync(Cancel);
            Assert.Equal("done", (await one.Client.PostAsync("/api/gradings", Grading($"k{n}", "GD-4", 1, "a").AsJson(), Cancel).OkAsync()).GetProperty("status").GetString());
            var stock = await one.Client.GetAsync("/api/inventory/GD-4", Cancel).OkAsync();
            Assert.Equal((n + 1L, 39L - n), (stock.GetProperty("onHand").GetInt64(), stock.GetProperty("quarantine").GetInt64()));
            if (work.Writes - before <= n) break;
        }
    }
}
