using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Ledger;
using Selvedge.Platform;
using Selvedge.Tests.Integration.Receiving;
using Selvedge.Transfers;

namespace Selvedge.Tests.Integration.Transfers;

/// <summary>Transfers over HTTP: claimed and picked at one location, counted in at another.</summary>
public sealed class TransferTests(AppFixture app) : IClassFixture<AppFixture>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    Task<JsonElement> PostAsync(string path, object body) => app.Client.PostAsync(path, body.AsJson(), Cancel).OkAsync();
    Task<JsonElement> GetAsync(string path) => app.Client.GetAsync(path, Cancel).OkAsync();
    async Task<Balance> BalanceAsync(string sku) => (await app.Services.GetRequiredService<LedgerReads>().BalanceAsync(sku, Cancel))!;
    Task<int> SweepAsync() => new Ahead(TimeSpan.FromMinutes(2)).Make<TransferDesk>(app.Services).SweepAsync(Cancel);
    static string Status(JsonElement transfer) => transfer.GetProperty("status").GetString()!;
    static long Of(JsonElement transfer, string member, int line = 0) => transfer.GetProperty("lines")[line].GetProperty(member).GetInt64();

    async Task SeedAsync(string sku, long units)
    {
        await app.SeedAsync(sku, units);
        await app.SeedAsync(sku, 0, "WH2");
    }

    static object Ask(string id, bool partial, params (string Sku, long Units)[] lines) => new { id, from = "WH1", to = "WH2", partial, lines = lines.Select(line => new { sku = line.Sku, quantity = line.Units }) };

    async Task PickAsync(JsonElement transfer, params (string Sku, long Units)[] units)
    {
        var ticket = transfer.GetProperty("tickets").EnumerateArray().Last().GetString()!;
        foreach (var (sku, quantity) in units) await PostAsync($"/api/picks/{ticket}/scan", new { scanId = "s" + sku, sku, quantity });
    }

    async Task ShipAsync(JsonElement transfer) => await PostAsync($"/api/picks/{transfer.GetProperty("tickets").EnumerateArray().Last().GetString()}/ship", new { carrier = "own van" });

    async Task AssertCleanAsync()
    {
        var audit = (await PostAsync("/api/audits", new { })).GetProperty("id").GetString();
        JsonElement found;
        for (var tries = 0; !(found = await GetAsync("/api/audits/" + audit)).TryGetProperty("clean", out _) && tries < 200; tries++) await Task.Delay(25, Cancel);
        Assert.True(found.GetProperty("clean").GetBoolean(), found.GetRawText());
    }

    [Fact]
    public async Task What_is_claimed_is_picked_is_under_way_and_arrives_in_parts()
    {
        await SeedAsync("TR-1", 10);
        await SeedAsync("TR-2", 10);
        var ask = Ask("t1", false, ("TR-2", 6), ("TR-1", 4));
        var made = await PostAsync("/api/transfers", ask);
        Assert.Equal(("picking", 6L, 4L), (Status(made), Of(made, "held"), Of(made, "held", 1)));
        Assert.Equal(6, (await BalanceAsync("TR-1")).Locations["WH1"].Available);
        using (var again = await app.Client.PostAsync("/api/transfers", ask.AsJson(), Cancel)) Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        await app.Client.PostAsync("/api/transfers/t1/receive", new { receiptId = "early", lines = (object[])[new { sku = "TR-1", quantity = 1 }] }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "not-dispatched");

        await PickAsync(made, ("TR-2", 6), ("TR-1", 4));
        await ShipAsync(made);
        await SweepAsync();
        var sent = await GetAsync("/api/transfers/t1");
        Assert.Equal(("inTransit", 6L, 6L), (Status(sent), Of(sent, "dispatched"), Of(sent, "inTransit")));
        Assert.Equal(6, (await BalanceAsync("TR-2")).Away["transit/t1"]);
        Assert.Contains((await GetAsync("/api/transfers?status=inTransit&olderThanDays=0&location=WH2")).GetProperty("items").EnumerateArray(), item => item.GetProperty("id").GetString() == "t1");
        Assert.Empty((await GetAsync("/api/transfers?status=inTransit&olderThanDays=1")).GetProperty("items").EnumerateArray());

        var first = new { receiptId = "a", lines = (object[])[new { sku = "TR-2", quantity = 5, damaged = 1, bin = "S-01" }, new { sku = "TR-1", quantity = 4 }] };
        var part = await PostAsync("/api/transfers/t1/receive", first);
        await PostAsync("/api/transfers/t1/receive", first);
        Assert.Equal(("inTransit", 5L, 1L, 0L), (Status(part), Of(part, "received"), Of(part, "inTransit"), Of(part, "inTransit", 1)));
        var there = (await BalanceAsync("TR-2")).Locations["WH2"];
        Assert.Equal((4L, 1L), (there.Bins["S-01"], there.Quarantine));
        // One was under way; the other was never scanned where it left.
        var all = await PostAsync("/api/transfers/t1/receive", new { receiptId = "b", lines = (object[])[new { sku = "TR-2", quantity = 2 }] });
        Assert.Equal(("received", 6L), (Status(all), Of(all, "received")));
        Assert.Equal(2, (await BalanceAsync("TR-2")).Locations["WH2"].Bins[""]);
        Assert.Equal(1, Assert.Single((await GetAsync("/api/exceptions?kind=transferOver&sku=TR-2")).GetProperty("items").EnumerateArray()).GetProperty("quantity").GetInt64());
        await AssertCleanAsync();
    }

    [Fact]
    public async Task All_or_nothing_holds_nothing_when_it_is_refused_and_partial_takes_what_is_there()
    {
        await SeedAsync("TR-3", 5);
        await SeedAsync("TR-4", 1);
        await app.Client.PostAsync("/api/transfers", Ask("t3", false, ("TR-3", 5), ("TR-4", 2)).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "insufficient-stock");
        Assert.Equal("refused", Status(await GetAsync("/api/transfers/t3")));
        Assert.Equal(5, (await BalanceAsync("TR-3")).Locations["WH1"].Available);
        var part = await PostAsync("/api/transfers", Ask("t4", true, ("TR-3", 5), ("TR-4", 2)));
        Assert.Equal(("picking", 5L, 1L), (Status(part), Of(part, "held"), Of(part, "held", 1)));
        await AssertCleanAsync();
    }

    [Fact]
    public async Task Before_it_has_left_it_can_be_called_off_and_what_is_staged_is_put_back()
    {
        await SeedAsync("TR-5", 8);
        var made = await PostAsync("/api/transfers", Ask("t5", false, ("TR-5", 6)));
        await PickAsync(made, ("TR-5", 2));
        Assert.Equal("cancelled", Status(await PostAsync("/api/transfers/t5/cancel", new { })));
        Assert.Equal("cancelled", Status(await PostAsync("/api/transfers/t5/cancel", new { })));
        var here = (await BalanceAsync("TR-5")).Locations["WH1"];
        Assert.Equal((6L, 2L, 0L), (here.Available, here.Staged, here.Held));
        var back = Assert.Single((await GetAsync("/api/putbacks?location=WH1")).GetProperty("items").EnumerateArray(), item => item.GetProperty("order").GetString() == "transfer:t5");
        Assert.Equal(2, back.GetProperty("lines")[0].GetProperty("quantity").GetInt64());

        var other = await PostAsync("/api/transfers", Ask("t6", false, ("TR-5", 3)));
        await PickAsync(other, ("TR-5", 3));
        await ShipAsync(other);
        await app.Client.PostAsync("/api/transfers/t6/cancel", new { }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "has-left");
        Assert.Equal(3, Of(await GetAsync("/api/transfers/t6"), "inTransit"));
    }

    [Fact]
    public async Task What_never_arrives_is_written_off_by_two_people_and_what_turns_up_then_is_found()
    {
        async Task<HttpClient> PersonAsync(string person, string role) => app.ClientWith((await PostAsync("/api/keys", new { name = $"{person}'s", person, role })).GetProperty("token").GetString());
        using var ana = await PersonAsync("Ana", "warehouse");
        using var fay = await PersonAsync("Fay", "finance");
        await SeedAsync("TR-7", 60);
        var made = await PostAsync("/api/transfers", Ask("t7", false, ("TR-7", 50)));
        await PickAsync(made, ("TR-7", 50));
        await ShipAsync(made);
        await PostAsync("/api/transfers/t7/receive", new { receiptId = "a", lines = (object[])[new { sku = "TR-7", quantity = 20 }] });
        using var first = await ana.PostAsync("/api/transfers/t7/close", new { reason = "lost" }.AsJson(), Cancel);
        Assert.Equal(HttpStatusCode.Accepted, first.StatusCode);
        await fay.PostAsync(first.Headers.Location + "/refuse", new { reason = "ask the carrier" }.AsJson(), Cancel).OkAsync();
        await SweepAsync();
        Assert.Equal(("inTransit", 30L), (Status(await GetAsync("/api/transfers/t7")), Of(await GetAsync("/api/transfers/t7"), "inTransit")));

        using var second = await ana.PostAsync("/api/transfers/t7/close", new { reason = "lost for good" }.AsJson(), Cancel);
        await fay.PostAsync(second.Headers.Location + "/approve", new { }.AsJson(), Cancel).OkAsync();
        await SweepAsync();
        var closed = await GetAsync("/api/transfers/t7");
        Assert.Equal(("closed", 30L, 0L), (Status(closed), Of(closed, "lost"), Of(closed, "inTransit")));
        Assert.False((await BalanceAsync("TR-7")).Away.ContainsKey("transit/t7"));
        await PostAsync("/api/transfers/t7/receive", new { receiptId = "found", lines = (object[])[new { sku = "TR-7", quantity = 4 }] });
        Assert.Equal((24L, 26L), ((await BalanceAsync("TR-7")).Locations["WH2"].OnHand, (await BalanceAsync("TR-7")).Outside[Accounts.Shrink].Units));
        Assert.Empty((await GetAsync("/api/exceptions?kind=transferOver&sku=TR-7")).GetProperty("items").EnumerateArray());
        await AssertCleanAsync();
    }

    [Fact]
    public async Task A_short_pick_lets_go_what_was_not_found_and_each_end_is_its_own_locations()
    {
        await SeedAsync("TR-8", 5);
        var made = await PostAsync("/api/transfers", Ask("t8", false, ("TR-8", 5)));
        await PickAsync(made, ("TR-8", 3));
        var ticket = made.GetProperty("tickets")[0].GetString();
        await PostAsync($"/api/picks/{ticket}/short", new { scanId = "x", sku = "TR-8", quantity = 2, reason = "notFound" });
        await ShipAsync(made);
        await SweepAsync();
        var sent = await GetAsync("/api/transfers/t8");
        Assert.Equal(("inTransit", 3L), (Status(sent), Of(sent, "dispatched")));
        var balance = await BalanceAsync("TR-8");
        Assert.Equal((0L, 0L), (balance.Short, balance.Locations["WH1"].Held));

        using var here = await app.ClientAsAsync(Role.Warehouse, new(Locations: ["WH1"]));
        using var there = await app.ClientAsAsync(Role.Warehouse, new(Locations: ["WH2"]));
        using var other = await app.ClientAsAsync(Role.Warehouse, new(Locations: ["WH9"]));
        var receive = new { receiptId = "a", lines = (object[])[new { sku = "TR-8", quantity = 3 }] };
        await other.GetAsync("/api/transfers/t8", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await here.PostAsync("/api/transfers/t8/receive", receive.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        await there.PostAsync("/api/transfers", Ask("t9", false, ("TR-8", 1)).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        Assert.Equal("received", Status(await there.PostAsync("/api/transfers/t8/receive", receive.AsJson(), Cancel).OkAsync()));
        Assert.Single((await there.GetAsync("/api/transfers?status=received", Cancel).OkAsync()).GetProperty("items").EnumerateArray(), item => item.GetProperty("id").GetString() == "t8");
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Wherever_it_stops_between_two_writes_the_same_again_or_the_sweeper_ends_it_right(bool committed)
    {
        WorkStops? work = null;
        await using var one = await AppFixture.StartAsync(cosmos: inner => work = new WorkStops(inner));
        await one.SeedAsync("TS-1", 200);
        await one.SeedAsync("TS-2", 200);
        await one.SeedAsync("TS-1", 0, "WH2");
        for (var n = 0; ; n++)
        {
            Assert.True(n < 40, "it never ends");
            var before = work!.Writes;
            work.After(n, committed);
            foreach (var repeat in (bool[])[false, true])
            {
                using var asked = await one.Client.PostAsync("/api/transfers", Ask($"k{n}", false, ("TS-1", 2), ("TS-2", 1)).AsJson(), Cancel);
                if (asked.IsSuccessStatusCode)
                {
                    var ticket = JsonSerializer.Deserialize<JsonElement>(await asked.Content.ReadAsStringAsync(Cancel)).GetProperty("tickets")[0].GetString();
                    foreach (var (sku, quantity) in new[] { ("TS-1", 2), ("TS-2", 1) })
                        using (await one.Client.PostAsync($"/api/picks/{ticket}/scan", new { scanId = "s" + sku, sku, quantity }.AsJson(), Cancel)) { }
                    using (await one.Client.PostAsync($"/api/picks/{ticket}/ship", new { carrier = "own van" }.AsJson(), Cancel)) { }
                }
                using var received = await one.Client.PostAsync($"/api/transfers/k{n}/receive", new { receiptId = "r", lines = (object[])[new { sku = "TS-1", quantity = 2 }, new { sku = "TS-2", quantity = 1 }] }.AsJson(), Cancel);
                if (repeat) Assert.True(asked.IsSuccessStatusCode && received.IsSuccessStatusCode, $"{n}: {asked.StatusCode} {received.StatusCode}");
                work.Mend();
                if (!repeat && n % 2 == 0) await new Ahead(TimeSpan.FromMinutes(1)).Make<TransferDesk>(one.Services).SweepAsync(Cancel);
            }
            Assert.Equal("received", Status(await one.Client.GetAsync($"/api/transfers/k{n}", Cancel).OkAsync()));
            var stock = (await one.Client.GetAsync("/api/inventory/TS-1", Cancel).OkAsync()).GetProperty("locations");
            Assert.Equal((200L - 2 * (n + 1), 2L * (n + 1), 0L), (stock.GetProperty("WH1").GetProperty("available").GetInt64(), stock.GetProperty("WH2").GetProperty("onHand").GetInt64(), stock.GetProperty("WH1").GetProperty("staged").GetInt64()));
            if (work.Writes - before <= n) break;
        }
    }
}
