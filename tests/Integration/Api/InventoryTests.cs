using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Api;

public sealed class InventoryTests(AppFixture app) : IClassFixture<AppFixture>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    Task<HttpResponseMessage> MoveAsync(object movement) => app.Client.PostAsync("/api/movements", movement.AsJson(), Cancel);

    async Task<JsonElement> StockAsync(string sku) => await app.Client.GetAsync("/api/inventory/" + Uri.EscapeDataString(sku), Cancel).OkAsync();

    static long Units(JsonElement stock, params string[] path) => path.Aggregate(stock, (at, step) => at.GetProperty(step)).GetInt64();

    Task<Outcome> ClaimAsync(string sku, string order, long quantity, Shortage shortage = Shortage.Short) =>
        app.Services.GetRequiredService<InventoryLedger>().ExecuteAsync(new SetClaim { Sku = sku, Actor = "test", Order = order, Line = "1", Quantity = quantity, Places = ["WH1"], Revision = 1, Shortage = shortage });

    [Fact]
    public async Task A_sku_that_never_moved_is_all_zero_and_an_unknown_one_is_404()
    {
        await app.SeedAsync("NEW-1", 0);
        var stock = await StockAsync("NEW-1");
        Assert.Equal((0, 0, 0), (Units(stock, "onHand"), Units(stock, "available"), Units(stock, "sequence")));
        Assert.Empty(stock.GetProperty("locations").EnumerateObject());
        await app.Client.GetAsync("/api/inventory/NEVER-MADE", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await app.Client.GetAsync("/api/inventory/NEVER-MADE/entries", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await app.Client.GetAsync("/api/inventory/NEVER-MADE/claims", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
    }

    [Fact]
    public async Task Claims_lower_what_is_available_and_what_nobody_can_cover_is_short()
    {
        await app.SeedAsync("CLAIM-1", 10);
        await ClaimAsync("CLAIM-1", "shop:1001", 4);
        await ClaimAsync("CLAIM-1", "shop:1002", 9);
        var stock = await StockAsync("CLAIM-1");
        Assert.Equal((10, 10, 0, 3), (Units(stock, "onHand"), Units(stock, "committed"), Units(stock, "available"), Units(stock, "short")));
        Assert.Equal(10, Units(stock, "locations", "WH1", "committed"));

        var claims = (await app.Client.GetAsync("/api/inventory/CLAIM-1/claims", Cancel).OkAsync()).GetProperty("items").EnumerateArray()
            .Select(claim => (claim.GetProperty("order").GetString(), claim.GetProperty("place").GetString(), claim.GetProperty("held").GetInt64())).ToList();
        Assert.Equal([("shop:1001", "WH1", 4), ("shop:1002", "WH1", 6), ("shop:1002", "short", 3)], claims.OrderBy(claim => claim.Item1).ThenBy(claim => claim.Item2 == "short"));

        await MoveAsync(new { id = "more", kind = "receive", sku = "CLAIM-1", location = "WH1", quantity = 5 }).OkAsync();
        var after = await StockAsync("CLAIM-1");
        Assert.Equal((13, 2, 0), (Units(after, "committed"), Units(after, "available"), Units(after, "short")));
    }

    [Fact]
    public async Task The_etag_changes_with_the_stock_and_only_then()
    {
        await app.SeedAsync("ETAG-1", 3);
        using var first = await app.Client.GetAsync("/api/inventory/ETAG-1", Cancel);
        async Task<HttpStatusCode> Again()
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/inventory/ETAG-1");
            request.Headers.IfNoneMatch.Add(first.Headers.ETag!);
            using var answer = await app.Client.SendAsync(request, Cancel);
            return answer.StatusCode;
        }
        Assert.Equal(HttpStatusCode.NotModified, await Again());
        await MoveAsync(new { id = "one", kind = "adjust", sku = "ETAG-1", location = "WH1", quantity = -1 }).OkAsync();
        Assert.Equal(HttpStatusCode.OK, await Again());
    }

    [Fact]
    public async Task A_query_answers_in_the_order_asked_by_any_code_and_names_the_unknown()
    {
        await app.SeedAsync("Q-1", 1);
        await app.SeedAsync("Q-2", 2);
        var matrix = new Dictionary<string, object> { ["Red"] = new Dictionary<string, object> { ["S"] = new { sku = "Q-3", barcode = "4006381333931" } } };
        await app.Client.PutAsync("/api/styles/style-Q-3", new { name = "With barcode", matrix }.AsJson(), Cancel).OkAsync();
        var answer = await app.Client.PostAsync("/api/inventory/query", new { skus = (string[])["Q-2", "4006381333931", "no such", "Q-1", "a/b"] }.AsJson(), Cancel).OkAsync();
        Assert.Equal(["Q-2", "Q-3", "Q-1"], answer.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("sku").GetString()));
        Assert.Equal([2, 0, 1], answer.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("onHand").GetInt64()));
        Assert.Equal(["no such", "a/b"], answer.GetProperty("unknown").EnumerateArray().Select(code => code.GetString()));
    }

    [Theory]
    [InlineData("newest")]
    [InlineData("oldest")]
    public async Task The_journal_pages_through_every_entry_once_in_order(string order)
    {
        var sku = "PAGE-" + order;
        await app.SeedAsync(sku, 0);
        for (var i = 1; i <= 23; i++) await MoveAsync(new { id = $"m{i}", kind = "receive", sku, location = "WH1", quantity = i }).OkAsync();
        var seen = new List<long>();
        string? continuation = null;
        do
        {
            var page = await app.Client.GetAsync($"/api/inventory/{sku}/entries?order={order}&limit=5{(continuation is null ? "" : "&continuation=" + Uri.EscapeDataString(continuation))}", Cancel).OkAsync();
            seen.AddRange(page.GetProperty("items").EnumerateArray().Select(entry => entry.GetProperty("sequence").GetInt64()));
            continuation = page.TryGetProperty("continuation", out var next) ? next.GetString() : null;
        }
        while (continuation is not null && seen.Count <= 30);
        var all = Enumerable.Range(1, 23).Select(i => (long)i);
        Assert.Equal(order == "newest" ? all.Reverse() : all, seen);
    }

    [Fact]
    public async Task A_movement_sent_twice_is_posted_once_and_with_other_content_is_422()
    {
        await app.SeedAsync("TWICE-1", 0);
        var movement = new { id = "m/1".Replace("/", "-", StringComparison.Ordinal), kind = "receive", sku = "TWICE-1", location = "WH1", quantity = 5, reason = "first delivery" };
        var first = await MoveAsync(movement).OkAsync();
        using var again = await MoveAsync(movement);
        Assert.Equal("true", again.Headers.GetValues("Idempotent-Replayed").Single());
        Assert.Equal(first.GetRawText(), (await Task.FromResult(again).OkAsync()).GetRawText());
        await MoveAsync(new { movement.id, movement.kind, movement.sku, movement.location, quantity = 6 }).ProblemAsync(HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
        Assert.Equal(5, Units(await StockAsync("TWICE-1"), "onHand"));
    }

    [Fact]
    public async Task The_same_movement_from_many_at_once_is_posted_once()
    {
        await app.SeedAsync("ONCE-1", 0);
        var movement = new { id = "burst", kind = "receive", sku = "ONCE-1", location = "WH1", quantity = 5 };
        var answers = await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => MoveAsync(movement)));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        Assert.Single(answers, answer => !answer.Headers.Contains("Idempotent-Replayed"));
        Assert.Equal(5, Units(await StockAsync("ONCE-1"), "onHand"));
    }

    [Fact]
    public async Task Every_kind_of_movement_moves_what_it_says()
    {
        await app.SeedAsync("KIND-1", 0);
        await app.SeedAsync("KIND-1", 0, "ST1");
        async Task Move(string id, string kind, long quantity, object more)
        {
            var members = JsonSerializer.SerializeToNode(more, Json.Options)!.AsObject();
            (members["id"], members["kind"], members["sku"], members["quantity"]) = (id, kind, "KIND-1", quantity);
            members.TryAdd("location", "WH1");
            await MoveAsync(members).OkAsync();
        }
        await Move("1", "receive", 100, new { bin = "A-01", unitCost = "12.50" });
        await Move("2", "receive", 10, new { to = "quarantine" });
        await Move("3", "adjust", -3, new { bin = "A-01", to = "damage", reason = "torn" });
        await Move("4", "adjust", 2, new { bin = "A-01" });
        await Move("5", "transfer", 20, new { bin = "A-01", to = "ST1" });
        await Move("6", "return", 4, new { to = "quarantine", order = "shop:1", line = "1" });
        await Move("7", "grade", 6, new { condition = "B" });
        await Move("8", "grade", 5, new { to = "damage" });
        await Move("9", "relocate", 30, new { bin = "A-01", toBin = "B-02" });
        await Move("10", "posSale", 2, new { location = "ST1" });
        await Move("11", "count", 45, new { bin = "A-01" });
        var stock = await StockAsync("KIND-1");
        var (warehouse, store) = (stock.GetProperty("locations").GetProperty("WH1"), stock.GetProperty("locations").GetProperty("ST1"));
        Assert.Equal((45, 30, 6, 3), (Units(warehouse, "bins", "A-01"), Units(warehouse, "bins", "B-02"), Units(warehouse, "bins", "#B"), Units(warehouse, "quarantine")));
        Assert.Equal((81, 75, 18), (Units(warehouse, "onHand"), Units(warehouse, "available"), Units(store, "onHand")));
        Assert.Equal((99, 93, 11), (Units(stock, "onHand"), Units(stock, "available"), Units(stock, "sequence")));
    }

    [Fact]
    public async Task A_transfer_of_more_than_is_available_is_409_with_what_is()
    {
        await app.SeedAsync("TRANS-1", 5);
        await app.SeedAsync("TRANS-1", 0, "ST1");
        await ClaimAsync("TRANS-1", "shop:2001", 3);
        var problem = await MoveAsync(new { id = "t", kind = "transfer", sku = "TRANS-1", location = "WH1", to = "ST1", quantity = 3 }).ProblemAsync(HttpStatusCode.Conflict, "insufficient-stock");
        Assert.Equal(2, problem.GetProperty("available").GetInt64());
        Assert.Equal(5, Units(await StockAsync("TRANS-1"), "locations", "WH1", "onHand"));
    }

    [Fact]
    public async Task A_person_who_moves_or_writes_off_more_than_is_shown_is_asked_to_look_again()
    {
        await app.SeedAsync("MORE-1", 0);
        await MoveAsync(new { id = "in", kind = "receive", sku = "MORE-1", location = "WH1", quantity = 5, bin = "A-01" }).OkAsync();
        await MoveAsync(new { id = "back", kind = "return", sku = "MORE-1", location = "WH1", quantity = 2, to = "quarantine" }).OkAsync();
        await Refused("a", "relocate", 6, 5, new { bin = "A-01", toBin = "B-02" });
        await Refused("b", "relocate", 1, 0, new { toBin = "B-02" });
        await Refused("c", "grade", 3, 2, new { });
        await Refused("d", "adjust", -6, 5, new { });
        await Refused("e", "adjust", -1, 0, new { bin = "B-02" });
        var stock = await StockAsync("MORE-1");
        Assert.Equal((5, 5, 2), (Units(stock, "onHand"), Units(stock, "locations", "WH1", "bins", "A-01"), Units(stock, "sequence")));
        // What is shown goes, wherever it lies; and it is answered the same when it is there no more.
        foreach (var times in Enumerable.Range(0, 2)) await MoveAsync(new { id = "gone", kind = "adjust", sku = "MORE-1", location = "WH1", quantity = -5 }).OkAsync();
        Assert.Equal((0, 3), (Units(await StockAsync("MORE-1"), "onHand"), Units(await StockAsync("MORE-1"), "sequence")));

        async Task Refused(string id, string kind, long quantity, long shown, object more)
        {
            var members = JsonSerializer.SerializeToNode(more, Json.Options)!.AsObject();
            (members["id"], members["kind"], members["sku"], members["location"], members["quantity"]) = (id, kind, "MORE-1", "WH1", quantity);
            var problem = await MoveAsync(members).ProblemAsync(HttpStatusCode.Conflict, "insufficient-stock");
            Assert.Equal(shown, problem.GetProperty("available").GetInt64());
            Assert.Contains("count", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_fact_that_contradicts_the_record_is_posted_and_opens_an_exception_that_a_person_resolves()
    {
        await app.SeedAsync("FACT-1", 2);
        var posted = await MoveAsync(new { id = "till", kind = "posSale", sku = "FACT-1", location = "WH1", quantity = 3 }).OkAsync();
        Assert.NotEmpty(posted.GetProperty("outcome").GetProperty("exceptions").EnumerateArray());
        Assert.Equal(-1, Units(await StockAsync("FACT-1"), "onHand"));

        var opened = await OpenedAsync("FACT-1");
        Assert.Equal("open", opened.GetProperty("status").GetString());
        var path = $"/api/exceptions/{Uri.EscapeDataString(opened.GetProperty("id").GetString()!)}/resolve";
        var resolved = await app.Client.PostAsync(path, new { resolution = "recounted" }.AsJson(), Cancel).OkAsync();
        Assert.Equal(("resolved", "admin"), (resolved.GetProperty("status").GetString(), resolved.GetProperty("actor").GetString()));
        using var again = await app.Client.PostAsync(path, new { resolution = "recounted" }.AsJson(), Cancel);
        Assert.Equal("true", again.Headers.GetValues("Idempotent-Replayed").Single());
        await app.Client.PostAsync(path, new { resolution = "no idea" }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "already-resolved");
        await app.Client.PostAsync("/api/exceptions/nothing/resolve", new { resolution = "x" }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
    }

    [Fact]
    public async Task An_audit_proves_the_ledger_and_says_so()
    {
        await app.SeedAsync("AUDIT-1", 9);
        using var started = await app.Client.PostAsync("/api/audits", null, Cancel);
        Assert.Equal(HttpStatusCode.Accepted, started.StatusCode);
        JsonElement audit;
        do
        {
            audit = await app.Client.GetAsync(started.Headers.Location, Cancel).OkAsync();
            await Task.Delay(20, Cancel);
        }
        while (audit.GetProperty("state").GetString() == "running");
        Assert.True(audit.GetProperty("clean").GetBoolean(), audit.GetRawText());
        Assert.True(audit.GetProperty("skus").GetInt64() >= 1);
        var latest = await app.Client.GetAsync("/api/audits/latest", Cancel).OkAsync();
        Assert.Equal("done", latest.GetProperty("state").GetString());
        await app.Client.GetAsync("/api/audits/none", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
    }

    // The watch opens exceptions just after the answer.
    async Task<JsonElement> OpenedAsync(string sku)
    {
        while (true)
        {
            var page = await app.Client.GetAsync("/api/exceptions?status=open&limit=1000", Cancel).OkAsync();
            if (page.GetProperty("items").EnumerateArray().FirstOrDefault(item => item.TryGetProperty("sku", out var its) && its.GetString() == sku) is { ValueKind: JsonValueKind.Object } found) return found;
            await Task.Delay(10, Cancel);
        }
    }
}
