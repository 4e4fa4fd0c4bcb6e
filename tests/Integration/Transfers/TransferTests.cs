using System.Net;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Ledger;
using Selvedge.Picking;
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
        Assert.Equal(6, Of(await GetAsync("/api/transfers/t1"), "held"));
        await ShipAsync(made);
        // At once: no sweeper has run.
        var listed = Assert.Single((await GetAsync("/api/transfers?status=inTransit")).GetProperty("items").EnumerateArray(), item => item.GetProperty("id").GetString() == "t1");
        var sent = await GetAsync("/api/transfers/t1");
        Assert.Equal(("inTransit", 6L, 6L, 0L), (Status(sent), Of(sent, "dispatched"), Of(sent, "inTransit"), Of(sent, "held")));
        Assert.Equal(("inTransit", 6L), (Status(listed), Of(listed, "dispatched")));
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
    public async Task What_is_held_follows_a_short_pick_at_once()
    {
        await SeedAsync("TR-40", 6);
        var made = await PostAsync("/api/transfers", Ask("t40", false, ("TR-40", 6)));
        await PostAsync($"/api/picks/{made.GetProperty("tickets")[0].GetString()}/short", new { scanId = "s", sku = "TR-40", quantity = 2, reason = "notFound" });
        Assert.Equal(4, Of(await GetAsync("/api/transfers/t40"), "held"));
        await PostAsync("/api/transfers/t40/cancel", new { });
        Assert.Equal(0, Of(await GetAsync("/api/transfers/t40"), "held"));
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

    async Task<HttpClient> PersonAsync(string person, string role) => app.ClientWith((await PostAsync("/api/keys", new { name = $"{person}'s", person, role })).GetProperty("token").GetString());
    Task<JsonElement> ReceiveAsync(string id, string receipt, string sku, long units) => PostAsync($"/api/transfers/{id}/receive", new { receiptId = receipt, lines = (object[])[new { sku, quantity = units }] });

    async Task<Transfer> TransferAsync(string id) => (await app.Services.GetRequiredService<TransferDesk>().FindAsync(id))!;

    async Task SendAsync(string id, string sku, long units)
    {
        await SeedAsync(sku, units);
        var made = await PostAsync("/api/transfers", Ask(id, false, (sku, units)));
        await PickAsync(made, (sku, units));
        await ShipAsync(made);
        await SweepAsync();
    }

    [Fact]
    public async Task What_arrives_while_a_write_off_waits_comes_out_of_transit_and_only_the_rest_is_written_off()
    {
        using var ana = await PersonAsync("Ann", "warehouse");
        using var fay = await PersonAsync("Flo", "finance");
        await SendAsync("ta", "TA-1", 50);
        await ReceiveAsync("ta", "a", "TA-1", 20);
        using var first = await ana.PostAsync("/api/transfers/ta/close", new { reason = "lost" }.AsJson(), Cancel);
        Assert.Equal(HttpStatusCode.Accepted, first.StatusCode);
        var arrived = await ReceiveAsync("ta", "b", "TA-1", 4);
        Assert.Equal(("closing", 24L, 26L), (Status(arrived), Of(arrived, "received"), Of(arrived, "inTransit")));
        await fay.PostAsync(first.Headers.Location + "/refuse", new { reason = "ask the carrier" }.AsJson(), Cancel).OkAsync();
        await SweepAsync();
        var balance = await BalanceAsync("TA-1");
        Assert.Equal((24L, 26L), (balance.Locations["WH2"].OnHand, balance.Away["transit/ta"]));
        Assert.Equal("inTransit", Status(await GetAsync("/api/transfers/ta")));

        using var second = await ana.PostAsync("/api/transfers/ta/close", new { reason = "lost for good" }.AsJson(), Cancel);
        await ReceiveAsync("ta", "c", "TA-1", 6);
        await fay.PostAsync(second.Headers.Location + "/approve", new { }.AsJson(), Cancel).OkAsync();
        await SweepAsync();
        var closed = await GetAsync("/api/transfers/ta");
        Assert.Equal(("closed", 30L, 20L, 0L), (Status(closed), Of(closed, "received"), Of(closed, "lost"), Of(closed, "inTransit")));
        balance = await BalanceAsync("TA-1");
        Assert.Equal((30L, 20L, false), (balance.Locations["WH2"].OnHand, balance.Outside[Accounts.Shrink].Units, balance.Away.ContainsKey("transit/ta")));
        Assert.Empty((await GetAsync("/api/exceptions?sku=TA-1")).GetProperty("items").EnumerateArray());
        await AssertCleanAsync();
    }

    [Fact]
    public async Task When_all_of_it_arrives_after_all_the_write_off_moves_nothing_whenever_it_is_approved()
    {
        using var ana = await PersonAsync("Abe", "warehouse");
        using var fay = await PersonAsync("Fox", "finance");
        await SendAsync("tb", "TB-1", 30);
        using var asked = await ana.PostAsync("/api/transfers/tb/close", new { reason = "lost" }.AsJson(), Cancel);
        Assert.Equal("received", Status(await ReceiveAsync("tb", "a", "TB-1", 30)));
        await fay.PostAsync(asked.Headers.Location + "/approve", new { }.AsJson(), Cancel).OkAsync();
        await SweepAsync();
        Assert.Equal("received", Status(await GetAsync("/api/transfers/tb")));
        var balance = await BalanceAsync("TB-1");
        Assert.Equal((30L, false), (balance.Locations["WH2"].OnHand, balance.Outside.ContainsKey(Accounts.Shrink)));

        // Approved between the counting in and its posting: what was written off then is found.
        await SendAsync("tc", "TC-1", 30);
        using var other = await ana.PostAsync("/api/transfers/tc/close", new { reason = "lost" }.AsJson(), Cancel);
        await app.Services.GetRequiredService<TransferArrivals>().NoteAsync("tc", "a", [("TC-1", 12, 0, "")], "Ann");
        await fay.PostAsync(other.Headers.Location + "/approve", new { }.AsJson(), Cancel).OkAsync();
        await SweepAsync();
        var closed = await GetAsync("/api/transfers/tc");
        Assert.Equal(("closed", 0L, 30L, 0L), (Status(closed), Of(closed, "received"), Of(closed, "lost"), Of(closed, "inTransit")));
        balance = await BalanceAsync("TC-1");
        Assert.Equal((12L, 18L, false), (balance.Locations["WH2"].OnHand, balance.Outside[Accounts.Shrink].Units, balance.Away.ContainsKey("transit/tc")));
        await AssertCleanAsync();
    }

    [Theory, InlineData("TD-1", 5), InlineData("TD-2", 12)]
    public async Task Of_what_no_picker_finds_anything_it_is_called_off_with_the_reason_and_holds_nothing(string sku, long there)
    {
        await SeedAsync(sku, there);
        var made = await PostAsync("/api/transfers", Ask("n" + sku, false, (sku, 5)));
        await PostAsync($"/api/picks/{made.GetProperty("tickets")[0].GetString()}/short", new { scanId = "x", sku, quantity = 5, reason = "notFound" });
        await SweepAsync();
        var over = await GetAsync("/api/transfers/n" + sku);
        Assert.Equal("cancelled", Status(over));
        Assert.Contains("WH1", over.GetProperty("refusal").GetString(), StringComparison.Ordinal);
        Assert.Null((await TransferAsync("n" + sku)).Attention);
        var balance = await BalanceAsync(sku);
        Assert.Equal((0L, 0L, there - 5), (balance.Short, balance.Locations["WH1"].Held, balance.Locations["WH1"].Available));
        Assert.DoesNotContain(await app.Services.GetRequiredService<PickTickets>().UnseenAsync(DateTimeOffset.UtcNow.AddDays(1), 1000, transfers: true), ticket => ticket.Transfer == "n" + sku);
        await AssertCleanAsync();
    }

    [Fact]
    public async Task One_that_waits_is_not_written_again_while_nothing_changes()
    {
        using var ana = await PersonAsync("Amy", "warehouse");
        await SeedAsync("TE-1", 9);
        await PostAsync("/api/transfers", Ask("te", false, ("TE-1", 5)));
        await SendAsync("tf", "TF-1", 40);
        using (await ana.PostAsync("/api/transfers/tf/close", new { reason = "lost" }.AsJson(), Cancel)) { }
        await SweepAsync();
        var before = ((await TransferAsync("te")).ETag, (await TransferAsync("tf")).ETag);
        await SweepAsync();
        await new Ahead(TimeSpan.FromMinutes(5)).Make<TransferDesk>(app.Services).SweepAsync(Cancel);
        Assert.Equal(before, ((await TransferAsync("te")).ETag, (await TransferAsync("tf")).ETag));
    }

    [Fact]
    public async Task One_bad_transfer_stops_no_other_and_a_ticket_of_none_is_looked_at_once()
    {
        await using var one = await AppFixture.StartAsync();
        var (tickets, work) = (one.Services.GetRequiredService<PickTickets>(), one.Services.GetRequiredService<Store>().Work);
        // Being closed by nobody: whoever goes on with it fails.
        await work.CreateItemAsync(new Transfer { Id = "bad", At = "WH1", To = "WH2", Status = TransferStatus.Closing, Lines = [new("1", "TG-1", 1)], Content = "x", Actor = "test", Attention = DateTimeOffset.UnixEpoch }, new PartitionKeyBuilder().Add("transfer").Add("bad").Build(), cancellationToken: Cancel);
        foreach (var id in (string[])["bad", "ghost"])
        {
            var made = Assert.Single(await tickets.AlignAsync(new("transfer:" + id, 1, 1, [], [new("1", "TG-1", "WH1", 1, 0)]) { Transfer = id }));
            Assert.NotNull(await tickets.ReplaceAsync(made with { Attention = DateTimeOffset.UnixEpoch }));
        }
        await one.SeedAsync("TG-1", 9);
        await one.SeedAsync("TG-1", 0, "WH2");
        var asked = await one.Client.PostAsync("/api/transfers", Ask("good", false, ("TG-1", 3)).AsJson(), Cancel).OkAsync();
        var ticket = asked.GetProperty("tickets")[0].GetString();
        await one.Client.PostAsync($"/api/picks/{ticket}/scan", new { scanId = "s", sku = "TG-1", quantity = 3 }.AsJson(), Cancel).OkAsync();
        await one.Client.PostAsync($"/api/picks/{ticket}/ship", new { carrier = "own van" }.AsJson(), Cancel).OkAsync();

        var desk = new Ahead(TimeSpan.FromMinutes(2)).Make<TransferDesk>(one.Services);
        var failed = await Assert.ThrowsAsync<AggregateException>(() => desk.SweepAsync(Cancel));
        Assert.Contains("'bad'", Assert.Single(failed.InnerExceptions).Message, StringComparison.Ordinal);
        Assert.Equal("inTransit", Status(await one.Client.GetAsync("/api/transfers/good", Cancel).OkAsync()));
        Assert.Equal("bad", Assert.Single(await tickets.UnseenAsync(DateTimeOffset.UtcNow.AddMinutes(2), 100, transfers: true)).Transfer);
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
