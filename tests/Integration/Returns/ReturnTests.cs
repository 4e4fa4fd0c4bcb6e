using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Ledger;
using Selvedge.Platform;
using Selvedge.Returns;
using Selvedge.Tests.Integration.Receiving;

namespace Selvedge.Tests.Integration.Returns;

/// <summary>Returns over HTTP: three facts in any order.</summary>
public sealed class ReturnTests(AppFixture app) : IClassFixture<AppFixture>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;
    InventoryLedger Ledger => app.Services.GetRequiredService<InventoryLedger>();

    Task<JsonElement> PostAsync(string path, object body) => app.Client.PostAsync(path, body.AsJson(), Cancel).OkAsync();
    Task<JsonElement> GetAsync(string path) => app.Client.GetAsync(path, Cancel).OkAsync();
    async Task<(long OnHand, long Quarantine, string Value)> StockAsync(string sku)
    {
        var stock = await GetAsync("/api/inventory/" + sku);
        return (stock.GetProperty("onHand").GetInt64(), stock.GetProperty("quarantine").GetInt64(), stock.GetProperty("value").GetString()!);
    }

    static string Status(JsonElement found) => found.GetProperty("status").GetString()!;

    // An order of three, sent at 10.00 each, and since then the rest of the stock has become dearer.
    async Task<string> SentAsync(string sku)
    {
        await app.SeedAsync(sku, 10);
        await app.Client.PutAsync("/api/channels/shop", new { kind = "api", locations = (string[])["WH1"], shortage = "backorder" }.AsJson(), Cancel).OkAsync();
        await PostAsync("/api/orders", new { channel = "shop", externalId = sku, lines = (object[])[new { sku, quantity = 3, price = "20.00" }] });
        var order = await GetAsync($"/api/orders/shop:{sku}");
        var line = order.GetProperty("lines")[0].GetProperty("id").GetString()!;
        await Ledger.ExecuteAsync(new Ship { Sku = sku, Actor = "test", Order = $"shop:{sku}", Line = line, Location = "WH1", Quantity = 3, Shipment = "T1" });
        await Ledger.ExecuteAsync(new Revalue { Sku = sku, Actor = "test", Value = 70_0000, Id = "dearer" });
        return line;
    }

    async Task AssertCleanAsync()
    {
        var audit = (await PostAsync("/api/audits", new { })).GetProperty("id").GetString();
        JsonElement found;
        for (var tries = 0; !(found = await GetAsync("/api/audits/" + audit)).TryGetProperty("clean", out _) && tries < 200; tries++) await Task.Delay(25, Cancel);
        Assert.True(found.GetProperty("clean").GetBoolean(), found.GetRawText());
    }

    [Theory, InlineData("r,g,f"), InlineData("r,f,g"), InlineData("f,r,g"), InlineData("f,g,r"), InlineData("g,r,f"), InlineData("g,f,r")]
    public async Task Receipt_grading_and_refund_come_in_any_order_and_each_counts_once(string order)
    {
        var (sku, id) = ("RT-" + order.Replace(",", "", StringComparison.Ordinal), "rma-" + order.Replace(",", "", StringComparison.Ordinal));
        var line = await SentAsync(sku);
        var made = await PostAsync("/api/returns", new { id, order = $"shop:{sku}", lines = (object[])[new { line, quantity = 2 }] });
        Assert.Equal(("expected", 2L), (Status(made), made.GetProperty("lines")[0].GetProperty("open").GetInt64()));
        foreach (var twice in (bool[])[false, true])
            foreach (var fact in order.Split(','))
                await PostAsync($"/api/returns/{id}/" + fact switch { "r" => "receive", "g" => "grade", _ => "refund" }, fact switch
                {
                    "r" => new { receiptId = "r1", location = "WH1", lines = (object[])[new { sku, quantity = 2 }] },
                    "g" => new { gradingId = "g1", location = "WH1", sku, quantity = 2, grade = "a", bin = "A-01" },
                    _ => new { refundId = "f1", amount = "40.00", currency = "AUD" },
                });
        var found = await GetAsync("/api/returns/" + id);
        Assert.Equal(("graded", true, 0L), (Status(found), found.GetProperty("refunded").GetBoolean(), found.GetProperty("lines")[0].GetProperty("open").GetInt64()));
        // Seven at 20.00, and two that come back at the 10.00 they left at.
        Assert.Equal((9L, 0L, "160.00"), await StockAsync(sku));
        await AssertCleanAsync();
    }

    [Fact]
    public async Task Grading_makes_no_stock_of_what_never_came()
    {
        await app.SeedAsync("RG-1", 0);
        await PostAsync("/api/returns", new { id = "none" });
        object Grade(string id, string sku, long quantity) => new { gradingId = id, location = "WH1", sku, quantity, grade = "a" };
        var refused = await app.Client.PostAsync("/api/returns/none/grade", Grade("g", "RG-1", 5000).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "not-received");
        Assert.Contains("receive", refused.GetProperty("detail").GetString(), StringComparison.Ordinal);
        await PostAsync("/api/returns/none/receive", new { receiptId = "r", location = "WH1", lines = (object[])[new { sku = "RG-1", quantity = 5 }] });
        await app.Client.PostAsync("/api/returns/none/grade", Grade("g9", "RG-1", 9).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "not-received");
        Assert.Equal((0L, 5L), ((await StockAsync("RG-1")).OnHand, (await StockAsync("RG-1")).Quarantine));

        // Graded otherwise, they are not there to be graded again.
        await PostAsync("/api/gradings", new { id = "other", location = "WH1", sku = "RG-1", quantity = 4, grade = "a" });
        foreach (var _ in (bool[])[false, true]) await app.Client.PostAsync("/api/returns/none/grade", Grade("g5", "RG-1", 5).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "insufficient-stock");
        await PostAsync("/api/returns/none/grade", Grade("g1", "RG-1", 1));
        Assert.Equal((5L, 0L), ((await StockAsync("RG-1")).OnHand, (await StockAsync("RG-1")).Quarantine));

        // Ahead of its receipt as many as are expected are noted, and posted once they came; another receipt's units are not touched.
        var line = await SentAsync("RG-2");
        await PostAsync("/api/returns", new { id = "two", order = "shop:RG-2", lines = (object[])[new { line, quantity = 2 }] });
        using (var ahead = await app.Client.PostAsync("/api/returns/two/grade", Grade("a", "RG-2", 2).AsJson(), Cancel))
            Assert.Equal((HttpStatusCode.Accepted, "/api/returns/two"), (ahead.StatusCode, ahead.Headers.Location!.ToString()));
        await app.Client.PostAsync("/api/returns/two/grade", Grade("b", "RG-2", 1).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "not-received");
        Assert.True((await GetAsync("/api/returns/two")).GetProperty("gradings")[0].GetProperty("waitsForReceipt").GetBoolean());
        Assert.Equal((7L, 0L), ((await StockAsync("RG-2")).OnHand, (await StockAsync("RG-2")).Quarantine));
        object Came(string id) => new { receiptId = id, location = "WH1", lines = (object[])[new { sku = "RG-2", quantity = 1 }] };
        await PostAsync("/api/returns/two/receive", Came("r1"));
        Assert.Equal((7L, 1L), ((await StockAsync("RG-2")).OnHand, (await StockAsync("RG-2")).Quarantine));
        Assert.Equal("graded", Status(await PostAsync("/api/returns/two/receive", Came("r2"))));
        Assert.Equal((9L, 0L), ((await StockAsync("RG-2")).OnHand, (await StockAsync("RG-2")).Quarantine));
        Assert.Empty((await GetAsync("/api/exceptions?kind=belowZero&sku=RG-2")).GetProperty("items").EnumerateArray());
        await AssertCleanAsync();
    }

    [Fact]
    public async Task No_more_comes_back_than_was_sent_and_no_more_money_than_it_cost()
    {
        var line = await SentAsync("RQ-1");
        object Wanted(string id, long quantity) => new { id, order = "shop:RQ-1", lines = (object[])[new { line, quantity }] };
        await app.Client.PostAsync("/api/returns", Wanted("q9", 9).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "not-sent");
        await PostAsync("/api/returns", Wanted("q2", 2));
        await PostAsync("/api/returns", Wanted("q2", 2));
        var refused = await app.Client.PostAsync("/api/returns", Wanted("q3", 2).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "not-sent");
        Assert.Contains("so 1 may", refused.GetProperty("detail").GetString(), StringComparison.Ordinal);
        await PostAsync("/api/returns/q2/close", new { });
        await PostAsync("/api/returns", Wanted("q3", 3));

        static object Refund(string id, string amount, bool approved = false, string currency = "AUD") => new { refundId = id, amount, currency, approved };
        await app.Client.PostAsync("/api/returns/q3/refund", Refund("f", "999999.00").AsJson(), Cancel).ProblemAsync(HttpStatusCode.UnprocessableEntity, "refund-too-high");
        await app.Client.PostAsync("/api/returns/q3/refund", Refund("f", "1.00", currency: "USD").AsJson(), Cancel).ProblemAsync(HttpStatusCode.UnprocessableEntity, "wrong-currency");
        await PostAsync("/api/returns/q3/refund", Refund("f1", "50.00"));
        await PostAsync("/api/returns/q3/refund", Refund("f1", "50.00"));
        await app.Client.PostAsync("/api/returns/q3/refund", Refund("f2", "10.01").AsJson(), Cancel).ProblemAsync(HttpStatusCode.UnprocessableEntity, "refund-too-high");
        using var sales = await app.ClientAsAsync(Role.Sales, new(Channels: ["shop"]));
        await sales.PostAsync("/api/returns/q3/refund", Refund("f2", "10.01", true).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        Assert.Equal(2, (await PostAsync("/api/returns/q3/refund", Refund("f2", "10.01", true))).GetProperty("refunds").GetArrayLength());
    }

    [Fact]
    public async Task Another_sku_more_units_and_another_place_are_taken_in_and_excepted()
    {
        var line = await SentAsync("RM-1");
        await app.SeedAsync("RM-2", 1);
        await app.SeedAsync("RM-2", 0, "WH2");
        await PostAsync("/api/returns", new { id = "mix", order = "shop:RM-1", location = "WH1", lines = (object[])[new { line, quantity = 1 }] });
        var came = await PostAsync("/api/returns/mix/receive", new { receiptId = "r1", location = "WH2", lines = (object[])[new { sku = "RM-1", quantity = 2 }, new { sku = "RM-2", quantity = 1 }] });
        Assert.Equal(("received", 3), (Status(came), came.GetProperty("receipts")[0].GetProperty("lines").GetArrayLength()));
        var opened = (await GetAsync("/api/exceptions?kind=returnMismatch")).GetProperty("items").EnumerateArray().Select(item => (item.GetProperty("sku").GetString(), item.GetProperty("quantity").GetInt64())).Order();
        Assert.Equal([("RM-1", 1L), ("RM-2", 1L)], opened);
        Assert.Equal((1L, 1L), ((await StockAsync("RM-2")).OnHand, (await StockAsync("RM-2")).Quarantine));
        await PostAsync("/api/returns/mix/grade", new { gradingId = "b", location = "WH2", sku = "RM-1", quantity = 1, grade = "b" });
        await PostAsync("/api/returns/mix/grade", new { gradingId = "w", location = "WH2", sku = "RM-1", quantity = 1, grade = "writeOff" });
        Assert.Equal("received", Status(await PostAsync("/api/returns/mix/close", new { })));
        Assert.Equal("closed", Status(await PostAsync("/api/returns/mix/grade", new { gradingId = "a", location = "WH2", sku = "RM-2", quantity = 1, grade = "a" })));
        var bins = (await app.Services.GetRequiredService<LedgerReads>().BalanceAsync("RM-1", Cancel))!.Locations["WH2"].Bins;
        Assert.Equal(1, bins["#B"]);
        await AssertCleanAsync();
    }

    [Fact]
    public async Task A_large_write_off_waits_for_a_second_person()
    {
        await app.SeedAsync("RW-1", 0);
        async Task<HttpClient> PersonAsync(string person, string role) => app.ClientWith((await PostAsync("/api/keys", new { name = $"{person}'s", person, role })).GetProperty("token").GetString());
        using var ana = await PersonAsync("Ana", "warehouse");
        using var fay = await PersonAsync("Fay", "finance");
        await PostAsync("/api/returns", new { id = "loose" });
        await ana.PostAsync("/api/returns/loose/receive", new { receiptId = "r", location = "WH1", lines = (object[])[new { sku = "RW-1", quantity = 40 }] }.AsJson(), Cancel).OkAsync();
        var grading = new { gradingId = "g", location = "WH1", sku = "RW-1", quantity = 40, grade = "writeOff", reason = "mould" };
        using var asked = await ana.PostAsync("/api/returns/loose/grade", grading.AsJson(), Cancel);
        Assert.Equal(HttpStatusCode.Accepted, asked.StatusCode);
        Assert.Equal(40, (await StockAsync("RW-1")).Quarantine);
        await fay.PostAsync(asked.Headers.Location + "/approve", new { }.AsJson(), Cancel).OkAsync();
        await new Ahead(TimeSpan.FromMinutes(2)).Make<ReturnDesk>(app.Services).SweepAsync(Cancel);
        Assert.Equal(("graded", 0L), (Status(await GetAsync("/api/returns/loose")), (await StockAsync("RW-1")).Quarantine));
        using var again = await ana.PostAsync("/api/returns/loose/grade", grading.AsJson(), Cancel);
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);

        await ana.PostAsync("/api/returns/loose/receive", new { receiptId = "r2", location = "WH1", lines = (object[])[new { sku = "RW-1", quantity = 30 }] }.AsJson(), Cancel).OkAsync();
        using var other = await ana.PostAsync("/api/returns/loose/grade", new { gradingId = "g2", grading.location, grading.sku, quantity = 30, grading.grade }.AsJson(), Cancel);
        await fay.PostAsync(other.Headers.Location + "/refuse", new { reason = "wash them" }.AsJson(), Cancel).OkAsync();
        await new Ahead(TimeSpan.FromMinutes(2)).Make<ReturnDesk>(app.Services).SweepAsync(Cancel);
        await ana.PostAsync("/api/returns/loose/grade", new { gradingId = "g2", grading.location, grading.sku, quantity = 30, grading.grade }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "approval-refused");
        Assert.Equal(("received", 30L), (Status(await GetAsync("/api/returns/loose")), (await StockAsync("RW-1")).Quarantine));
    }

    [Fact]
    public async Task Other_parts_expect_lines_once_and_sales_open_exchanges_for_their_channel_only()
    {
        var line = await SentAsync("RE-1");
        var expected = app.Services.GetRequiredService<ExpectedReturns>();
        var id = await expected.ExpectAsync("shop:RE-1", line, "RE-1", 1, "refund:77", refunded: true);
        Assert.Equal(id, await expected.ExpectAsync("shop:RE-1", line, "RE-1", 1, "refund:77", refunded: true));
        Assert.NotEqual(id, await expected.ExpectAsync("shop:RE-1", line, "RE-1", 1, "cancel"));
        var found = Assert.Single((await GetAsync("/api/returns?status=expected&order=shop:RE-1")).GetProperty("items").EnumerateArray(), item => item.GetProperty("id").GetString() == id);
        Assert.True(found.GetProperty("refunded").GetBoolean());
        Assert.Equal(1, Assert.Single(found.GetProperty("lines").EnumerateArray()).GetProperty("quantity").GetInt64());

        using var sales = await app.ClientAsAsync(Role.Sales, new(Channels: ["shop"]));
        using var other = await app.ClientAsAsync(Role.Sales, new(Channels: ["elsewhere"]));
        var wanted = new { id = "swap", order = "shop:RE-1", lines = (object[])[new { line, quantity = 1 }] };
        await other.PostAsync("/api/returns", wanted.AsJson(), Cancel).ProblemAsync(HttpStatusCode.UnprocessableEntity, "unknown-reference");
        await sales.PostAsync("/api/returns", wanted.AsJson(), Cancel).OkAsync();
        await other.GetAsync("/api/returns/swap", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        Assert.Empty((await other.GetAsync("/api/returns", Cancel).OkAsync()).GetProperty("items").EnumerateArray());
        await PostAsync("/api/orders", new { channel = "shop", externalId = "new", lines = (object[])[new { sku = "RE-1", quantity = 1 }] });
        Assert.Equal("shop:new", (await sales.PostAsync("/api/returns/swap/exchange", new { order = "shop:new" }.AsJson(), Cancel).OkAsync()).GetProperty("replacement").GetString());
        await sales.PostAsync("/api/returns/swap/exchange", new { order = "shop:RE-1" }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "already-exchanged");
        await sales.PostAsync("/api/returns/swap/receive", new { }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Wherever_it_stops_between_two_writes_the_same_again_or_the_sweeper_ends_it_right(bool committed)
    {
        WorkStops? work = null;
        await using var one = await AppFixture.StartAsync(cosmos: inner => work = new WorkStops(inner));
        await one.SeedAsync("RS-1", 0);
        for (var n = 0; ; n++)
        {
            Assert.True(n < 20, "it never ends");
            var before = work!.Writes;
            work.After(n, committed);
            foreach (var repeat in (bool[])[false, true])
            {
                using var a = await one.Client.PostAsync("/api/returns", new { id = $"k{n}" }.AsJson(), Cancel);
                using var b = await one.Client.PostAsync($"/api/returns/k{n}/receive", new { receiptId = "r", location = "WH1", lines = (object[])[new { sku = "RS-1", quantity = 2 }] }.AsJson(), Cancel);
                using var c = await one.Client.PostAsync($"/api/returns/k{n}/grade", new { gradingId = "g", location = "WH1", sku = "RS-1", quantity = 2, grade = "a" }.AsJson(), Cancel);
                if (repeat) Assert.True(a.IsSuccessStatusCode && b.IsSuccessStatusCode && c.IsSuccessStatusCode, $"{n}: {a.StatusCode} {b.StatusCode} {c.StatusCode}");
                work.Mend();
                if (!repeat && n % 2 == 0) await new Ahead(TimeSpan.FromMinutes(1)).Make<ReturnDesk>(one.Services).SweepAsync(Cancel);
            }
            var stock = await one.Client.GetAsync("/api/inventory/RS-1", Cancel).OkAsync();
            Assert.Equal((2L * (n + 1), 0L), (stock.GetProperty("onHand").GetInt64(), stock.GetProperty("quarantine").GetInt64()));
            Assert.Equal("graded", Status(await one.Client.GetAsync($"/api/returns/k{n}", Cancel).OkAsync()));
            if (work.Writes - before <= n) break;
        }
    }
}
