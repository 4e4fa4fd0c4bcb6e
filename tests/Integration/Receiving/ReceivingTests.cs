using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Ledger;
using Selvedge.Platform;
using Selvedge.Receiving;

namespace Selvedge.Tests.Integration.Receiving;

/// <summary>Purchase orders, ASNs, receipts and landed cost over HTTP.</summary>
public sealed class ReceivingTests(AppFixture app) : IClassFixture<AppFixture>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;
    InventoryLedger Ledger => app.Services.GetRequiredService<InventoryLedger>();

    static object Order(string sku, long quantity, string cost = "10.00", string rate = "1") =>
        new { supplier = "mill", location = "WH1", currency = "USD", rate, due = "2026-12-01", lines = (object[])[new { line = "1", sku, quantity, unitCost = cost }] };

    Task<JsonElement> PutAsync(string path, object body) => app.Client.PutAsync(path, body.AsJson(), Cancel).OkAsync();
    Task<JsonElement> PostAsync(string path, object body) => app.Client.PostAsync(path, body.AsJson(), Cancel).OkAsync();
    Task<JsonElement> GetAsync(string path) => app.Client.GetAsync(path, Cancel).OkAsync();
    async Task<long> StockAsync(string sku, string member) => (await GetAsync("/api/inventory/" + sku)).GetProperty(member).GetInt64();
    async Task<IReadOnlyDictionary<string, OpenSupply>> SupplyAsync(string sku) => (await app.Services.GetRequiredService<LedgerReads>().BalanceAsync(sku, Cancel))!.Supply;
    async Task<IReadOnlyList<string>> ClaimsAsync(string sku) => [.. (await app.Services.GetRequiredService<LedgerReads>().ClaimsAsync(sku, 100, null)).Items.Select(claim => $"{claim.Order} {claim.Held} {claim.Place}")];
    Task<Outcome> PegAsync(string sku, string order, long units, string supply) => Ledger.ExecuteAsync(new SetClaim { Sku = sku, Actor = "test", Order = order, Line = "1", Quantity = units, Places = [Accounts.Supply(supply)], Revision = 1, Shortage = Shortage.Short });

    async Task AssertCleanAsync()
    {
        var audit = (await PostAsync("/api/audits", new { })).GetProperty("id").GetString();
        JsonElement found;
        for (var tries = 0; (found = await GetAsync("/api/audits/" + audit)).GetProperty("state").GetString() is not "completed" and not "done" && tries < 200; tries++) await Task.Delay(25, Cancel);
        Assert.True(found.GetProperty("clean").GetBoolean(), found.GetRawText());
    }

    [Fact]
    public async Task What_is_ordered_is_to_come_until_it_came_and_more_or_broken_units_are_taken_in_as_they_are()
    {
        await app.SeedAsync("RC-1", 0);
        var made = await PutAsync("/api/purchaseorders/PO-1", Order("RC-1", 10, "8.40", "1.5"));
        Assert.Equal(("open", 10), (made.GetProperty("status").GetString(), made.GetProperty("lines")[0].GetProperty("open").GetInt64()));
        Assert.Equal(10, await StockAsync("RC-1", "incoming"));
        Assert.Equal(1, (await PutAsync("/api/purchaseorders/PO-1", Order("RC-1", 10, "8.40", "1.5"))).GetProperty("version").GetInt64());
        await PegAsync("RC-1", "shop:9", 9, made.GetProperty("lines")[0].GetProperty("supply").GetString()!);

        var receipt = new { id = "GR-1", location = "WH1", purchaseOrder = "PO-1", lines = (object[])[new { sku = "RC-1", quantity = 12, damaged = 3, bin = "A-01" }] };
        var received = await PostAsync("/api/receipts", receipt);
        Assert.Equal("posted", received.GetProperty("status").GetString());
        using (var again = await app.Client.PostAsync("/api/receipts", receipt.AsJson(), Cancel))
            Assert.Equal((HttpStatusCode.OK, "true"), (again.StatusCode, again.Headers.GetValues("Idempotent-Replayed").Single()));
        await app.Client.PostAsync("/api/receipts", new { receipt.id, receipt.location, receipt.purchaseOrder, lines = (object[])[new { sku = "RC-1", quantity = 13 }] }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");

        Assert.Equal((9L, 3L, 0L), (await StockAsync("RC-1", "onHand"), await StockAsync("RC-1", "quarantine"), await StockAsync("RC-1", "incoming")));
        Assert.Equal(["shop:9 9 WH1"], await ClaimsAsync("RC-1"));
        var order = await GetAsync("/api/purchaseorders/PO-1");
        Assert.Equal(("received", 12L, 0L), (order.GetProperty("status").GetString(), order.GetProperty("lines")[0].GetProperty("received").GetInt64(), order.GetProperty("lines")[0].GetProperty("open").GetInt64()));
        Assert.Equal("151.20", (await GetAsync("/api/inventory/RC-1")).GetProperty("value").GetString());
        var over = Assert.Single((await GetAsync("/api/exceptions?kind=overReceipt&sku=RC-1")).GetProperty("items").EnumerateArray());
        Assert.Equal(2, over.GetProperty("quantity").GetInt64());
        await AssertCleanAsync();
    }

    [Fact]
    public async Task An_asn_takes_its_part_of_the_order_and_what_is_pegged_goes_along_and_comes_back_when_it_is_closed()
    {
        await app.SeedAsync("RC-2", 0);
        await PutAsync("/api/purchaseorders/PO-2", Order("RC-2", 100));
        var (ordered, shipped) = (PurchaseOrder.Supply("PO-2", "1"), Asn.Supply("ASN-2", "1"));
        await PegAsync("RC-2", "shop:1", 80, ordered);
        var asn = new { purchaseOrder = "PO-2", location = "WH1", due = "2026-11-28", lines = (object[])[new { line = "1", sku = "RC-2", quantity = 60 }], cartons = (object[])[new { sscc = "093123450000000013", lines = (object[])[new { line = "1", quantity = 60 }] }] };
        var wrong = await app.Client.PutAsync("/api/asns/ASN-2", asn.AsJson(), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        Assert.Contains("2 was expected", wrong.GetProperty("errors")[0].GetProperty("detail").GetString(), StringComparison.Ordinal);
        var good = new { asn.purchaseOrder, asn.location, asn.due, asn.lines };
        await PutAsync("/api/asns/ASN-2", good);
        var supply = await SupplyAsync("RC-2");
        Assert.Equal((40L, 40L, 60L, 40L), (supply[ordered].Quantity, supply[ordered].Claimed, supply[shipped].Quantity, supply[shipped].Claimed));
        Assert.Equal(100, await StockAsync("RC-2", "incoming"));
        Assert.Equal(0, await StockAsync("RC-2", "short"));

        await PostAsync("/api/receipts", new { id = "GR-2", location = "WH1", asn = "ASN-2", lines = (object[])[new { sku = "RC-2", quantity = 30 }] });
        Assert.Equal(70, await StockAsync("RC-2", "incoming"));
        var line = (await GetAsync("/api/purchaseorders/PO-2")).GetProperty("lines")[0];
        Assert.Equal((30L, 30L, 40L), (line.GetProperty("received").GetInt64(), line.GetProperty("onTheWay").GetInt64(), line.GetProperty("open").GetInt64()));

        Assert.Equal("closed", (await PostAsync("/api/asns/ASN-2/close", new { })).GetProperty("status").GetString());
        supply = await SupplyAsync("RC-2");
        Assert.Equal((70L, 50L, false), (supply[ordered].Quantity, supply[ordered].Claimed, supply.ContainsKey(shipped)));
        Assert.Equal((0L, 30L), (await StockAsync("RC-2", "short"), await StockAsync("RC-2", "committed")));

        await PostAsync("/api/purchaseorders/PO-2/close", new { });
        Assert.Equal((0L, 50L), (await StockAsync("RC-2", "incoming"), await StockAsync("RC-2", "short")));
        // A contradiction becomes an exception a moment after the answer.
        var cut = 0L;
        for (var tries = 0; tries < 400 && cut < 50; tries++, await Task.Delay(25, Cancel))
            cut = (await GetAsync("/api/exceptions?kind=supplyCut&sku=RC-2")).GetProperty("items").EnumerateArray().Sum(item => item.GetProperty("quantity").GetInt64());
        Assert.Equal(50, cut);
        await AssertCleanAsync();
    }

    [Fact]
    public async Task Fewer_units_leave_the_rest_to_come_and_an_order_that_is_changed_states_what_is_left()
    {
        await app.SeedAsync("RC-3", 0);
        await PutAsync("/api/purchaseorders/PO-3", Order("RC-3", 10));
        await PostAsync("/api/receipts", new { id = "GR-3", location = "WH1", purchaseOrder = "PO-3", lines = (object[])[new { sku = "RC-3", quantity = 4 }] });
        Assert.Equal((6L, "open"), (await StockAsync("RC-3", "incoming"), (await GetAsync("/api/purchaseorders/PO-3")).GetProperty("status").GetString()));
        await PutAsync("/api/purchaseorders/PO-3", Order("RC-3", 25));
        Assert.Equal(21, await StockAsync("RC-3", "incoming"));
        await PutAsync("/api/purchaseorders/PO-3", Order("RC-3", 3));
        Assert.Equal(0, await StockAsync("RC-3", "incoming"));
        await app.SeedAsync("RC-3B", 0);
        await app.Client.PutAsync("/api/purchaseorders/PO-3", Order("RC-3B", 3).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "cannot-change");
    }

    [Fact]
    public async Task Landed_cost_is_spread_to_the_last_ten_thousandth_and_what_is_sold_already_is_expensed()
    {
        await app.SeedAsync("RC-4", 0);
        await app.SeedAsync("RC-5", 0);
        await PostAsync("/api/receipts", new { id = "GR-4", location = "WH1", lines = (object[])[new { sku = "RC-4", quantity = 2 }, new { sku = "RC-5", quantity = 1 }] });
        await PostAsync("/api/movements", new { id = "sold", kind = "posSale", sku = "RC-4", location = "WH1", quantity = 1 });
        var cost = new { id = "freight", amount = "10.00", currency = "AUD", basis = "quantity" };
        var shares = (await PostAsync("/api/receipts/GR-4/landedcost", cost)).GetProperty("landedCosts")[0].GetProperty("shares").EnumerateArray()
            .Select(share => (share.GetProperty("sku").GetString(), share.GetProperty("capitalized").GetString(), share.GetProperty("expensed").GetString()));
        Assert.Equal([("RC-4", "3.3334", "3.3333"), ("RC-5", "3.3333", "0.00")], shares);
        await PostAsync("/api/receipts/GR-4/landedcost", cost);
        await app.Client.PostAsync("/api/receipts/GR-4/landedcost", new { cost.id, amount = "11.00", cost.currency, cost.basis }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
        await app.Client.PostAsync("/api/receipts/GR-4/landedcost", new { id = "duty", amount = "1.00", currency = "AUD", basis = "weight" }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "weight-unknown");
        Assert.Equal(("3.3334", "3.3333"), ((await GetAsync("/api/inventory/RC-4")).GetProperty("value").GetString(), (await GetAsync("/api/inventory/RC-5")).GetProperty("value").GetString()));
        var balance = (await app.Services.GetRequiredService<LedgerReads>().BalanceAsync("RC-4", Cancel))!;
        Assert.Equal(33333, balance.Outside[Accounts.Variance].Value);
        await AssertCleanAsync();
    }

    [Fact]
    public async Task What_nobody_ordered_comes_in_at_the_last_cost_or_else_at_the_product_masters()
    {
        var matrix = new Dictionary<string, object> { ["Navy"] = new Dictionary<string, object> { ["M"] = new { sku = "RC-7", cost = "12.50" } } };
        await app.SeedAsync("RC-8", 0);
        await PutAsync("/api/styles/style-RC-7", new { name = "Known cost", matrix });
        object Receipt(string id) => new { id, location = "WH1", lines = (object[])[new { sku = "RC-7", quantity = 4 }, new { sku = "RC-8", quantity = 1 }] };
        Assert.Equal(["50.00", "0.00"], (await PostAsync("/api/receipts", Receipt("GR-7"))).GetProperty("lines").EnumerateArray().Select(line => line.GetProperty("value").GetString()));
        await PostAsync("/api/movements", new { id = "dear", kind = "receive", sku = "RC-7", location = "WH1", quantity = 4, unitCost = "20.00" });
        await PostAsync("/api/movements", new { id = "gone", kind = "posSale", sku = "RC-7", location = "WH1", quantity = 8 });
        Assert.Equal("80.00", (await PostAsync("/api/receipts", Receipt("GR-8"))).GetProperty("lines")[0].GetProperty("value").GetString());
        await AssertCleanAsync();
    }

    [Fact]
    public async Task Another_currency_takes_a_rate_and_none_is_the_base_currency()
    {
        await app.SeedAsync("RC-9", 0);
        object Bought(string? currency, string? rate) => new { supplier = "mill", location = "WH1", currency, rate, lines = (object[])[new { line = "1", sku = "RC-9", quantity = 2, unitCost = "10.00" }] };
        await app.Client.PutAsync("/api/purchaseorders/PO-9", Bought("USD", null).AsJson(), Cancel).ProblemAsync(HttpStatusCode.UnprocessableEntity, "rate-missing");
        await app.Client.PutAsync("/api/asns/ASN-9", Bought("USD", null).AsJson(), Cancel).ProblemAsync(HttpStatusCode.UnprocessableEntity, "rate-missing");
        Assert.Equal("AUD", (await PutAsync("/api/purchaseorders/PO-9", Bought(null, null))).GetProperty("currency").GetString());
        await PostAsync("/api/receipts", new { id = "GR-9", location = "WH1", purchaseOrder = "PO-9", lines = (object[])[new { sku = "RC-9", quantity = 2 }] });
        object Cost(string id, string? currency, string? rate) => new { id, amount = "4.00", currency, rate, basis = "quantity" };
        await app.Client.PostAsync("/api/receipts/GR-9/landedcost", Cost("a", "USD", null).AsJson(), Cancel).ProblemAsync(HttpStatusCode.UnprocessableEntity, "rate-missing");
        await PostAsync("/api/receipts/GR-9/landedcost", Cost("a", "USD", "1.5"));
        await PostAsync("/api/receipts/GR-9/landedcost", Cost("b", null, null));
        Assert.Equal("30.00", (await GetAsync("/api/inventory/RC-9")).GetProperty("value").GetString());
    }

    [Fact]
    public async Task An_asn_takes_no_more_than_is_open_unless_it_is_said_and_is_closed_with_its_order()
    {
        await app.SeedAsync("RC-10", 0);
        await PutAsync("/api/purchaseorders/PO-10", Order("RC-10", 50));
        static object Ship(long quantity, bool over = false) => new { purchaseOrder = "PO-10", location = "WH1", over, lines = (object[])[new { line = "1", sku = "RC-10", quantity }] };
        await app.Client.PutAsync("/api/asns/ASN-10", Ship(80).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "beyond-order");
        await PutAsync("/api/asns/ASN-10", Ship(40));
        await PostAsync("/api/receipts", new { id = "GR-10", location = "WH1", asn = "ASN-10", lines = (object[])[new { sku = "RC-10", quantity = 15 }] });
        await app.Client.PutAsync("/api/asns/ASN-11", Ship(11).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "beyond-order");
        await PutAsync("/api/asns/ASN-11", Ship(10));
        await app.Client.PutAsync("/api/asns/ASN-10", Ship(41).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "beyond-order");
        await PutAsync("/api/asns/ASN-10", Ship(41, over: true));
        await PutAsync("/api/asns/ASN-10", Ship(41));
        Assert.Equal(36, await StockAsync("RC-10", "incoming"));
        await PegAsync("RC-10", "shop:10", 20, Asn.Supply("ASN-10", "1"));

        var closed = await PostAsync("/api/purchaseorders/PO-10/close", new { });
        Assert.Equal(("closed", 0L), (closed.GetProperty("status").GetString(), closed.GetProperty("lines")[0].GetProperty("onTheWay").GetInt64()));
        Assert.Equal((0L, 20L), (await StockAsync("RC-10", "incoming"), await StockAsync("RC-10", "short")));
        foreach (var id in (string[])["ASN-10", "ASN-11"]) Assert.Equal("closed", (await GetAsync("/api/asns/" + id)).GetProperty("status").GetString());
        await app.Client.PutAsync("/api/asns/ASN-12", Ship(1, over: true).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "order-closed");
        await AssertCleanAsync();
    }

    [Fact]
    public async Task Other_locations_and_roles_are_refused_and_unknown_codes_named()
    {
        await app.SeedAsync("RC-6", 0);
        await app.SeedAsync("RC-6", 0, "WH2");
        await PutAsync("/api/purchaseorders/PO-6", Order("RC-6", 5));
        using var other = await app.ClientAsAsync(Role.Warehouse, new(Locations: ["WH2"]));
        await other.GetAsync("/api/purchaseorders/PO-6", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        Assert.Empty((await other.GetAsync("/api/purchaseorders", Cancel).OkAsync()).GetProperty("items").EnumerateArray());
        await other.PostAsync("/api/receipts", new { id = "GR-6", location = "WH1", purchaseOrder = "PO-6", lines = (object[])[new { sku = "RC-6", quantity = 1 }] }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        await other.PostAsync("/api/receipts", new { id = "GR-6", location = "WH2", purchaseOrder = "PO-6", lines = (object[])[new { sku = "RC-6", quantity = 1 }] }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.UnprocessableEntity, "unknown-reference");
        var unknown = await app.Client.PostAsync("/api/receipts", new { id = "GR-6", location = "WH1", lines = (object[])[new { sku = "RC-6", quantity = 1 }, new { barcode = "none", quantity = 1 }] }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.UnprocessableEntity, "unknown-reference");
        Assert.Equal("/lines/1/sku", unknown.GetProperty("errors")[0].GetProperty("pointer").GetString());
        using var ware = await app.ClientAsAsync(Role.Warehouse, new(Locations: ["WH1"]));
        Assert.False((await ware.GetAsync("/api/purchaseorders/PO-6", Cancel).OkAsync()).GetProperty("lines")[0].TryGetProperty("unitCost", out _));
        await app.Client.PutAsync("/api/purchaseorders/PO-6", new { supplier = "m", location = "WH1", currency = "aud", rate = "-1", lines = (object[])[new { line = "1", sku = "RC-6", quantity = 1 }, new { line = "1", sku = "RC-6", quantity = 1 }] }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Wherever_it_stops_between_two_writes_the_same_again_or_the_sweeper_ends_it_right(bool committed)
    {
        WorkStops? work = null;
        await using var one = await AppFixture.StartAsync(cosmos: inner => work = new WorkStops(inner));
        await one.SeedAsync("ST-1", 0);
        for (var n = 0; ; n++)
        {
            Assert.True(n < 40, "it never ends");
            var order = new { supplier = "mill", location = "WH1", currency = "AUD", lines = (object[])[new { line = "1", sku = "ST-1", quantity = 10, unitCost = "1.00" }] };
            var asn = new { purchaseOrder = $"P{n}", location = "WH1", lines = (object[])[new { line = "1", sku = "ST-1", quantity = 6 }] };
            var receipt = new { id = $"R{n}", location = "WH1", asn = $"A{n}", lines = (object[])[new { sku = "ST-1", quantity = 5 }] };
            var before = work!.Writes;
            work.After(n, committed);
            foreach (var repeat in (bool[])[false, true])
            {
                using var a = await one.Client.PutAsync($"/api/purchaseorders/P{n}", order.AsJson(), Cancel);
                using var b = await one.Client.PutAsync($"/api/asns/A{n}", asn.AsJson(), Cancel);
                using var c = await one.Client.PostAsync("/api/receipts", receipt.AsJson(), Cancel);
                if (repeat) Assert.True(a.IsSuccessStatusCode && b.IsSuccessStatusCode && c.IsSuccessStatusCode, $"{n}: {a.StatusCode} {b.StatusCode} {c.StatusCode}");
                work.Mend();
                // Of two ways to go on, both are tried.
                if (!repeat && n % 2 == 0)
                {
                    await new Ahead(TimeSpan.FromMinutes(1)).Make<Purchasing>(one.Services).SweepAsync(Cancel);
                    await new Ahead(TimeSpan.FromMinutes(1)).Make<Receipts>(one.Services).SweepAsync(Cancel);
                }
            }
            var stock = await one.Client.GetAsync("/api/inventory/ST-1", Cancel).OkAsync();
            Assert.Equal((5L * (n + 1), 5L * (n + 1)), (stock.GetProperty("onHand").GetInt64(), stock.GetProperty("incoming").GetInt64()));
            if (work.Writes - before <= n) break;
        }
    }
}
