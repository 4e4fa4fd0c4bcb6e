using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Approvals;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Approvals;

/// <summary>What takes a second person, over HTTP.</summary>
public sealed class ApprovalTests(AppFixture app) : IClassFixture<AppFixture>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    async Task<HttpClient> PersonAsync(string person, string role)
    {
        var made = await app.Client.PostAsync("/api/keys", new { name = $"{person}'s key", person, role }.AsJson(), Cancel).OkAsync();
        return app.ClientWith(made.GetProperty("token").GetString());
    }

    static async Task<JsonElement> AcceptedAsync(Task<HttpResponseMessage> sending)
    {
        using var answer = await sending;
        Assert.Equal((HttpStatusCode.Accepted, true), (answer.StatusCode, answer.Headers.Location?.ToString().StartsWith("/api/approvals/", StringComparison.Ordinal)));
        return JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsStringAsync(Cancel));
    }

    static string Id(JsonElement approval) => approval.GetProperty("id").GetString()!;
    static string State(JsonElement approval) => approval.GetProperty("state").GetString()!;
    async Task<long> OnHandAsync(string sku) => (await app.Client.GetAsync("/api/inventory/" + sku, Cancel).OkAsync()).GetProperty("onHand").GetInt64();

    [Fact]
    public async Task A_large_write_off_waits_for_a_second_person_and_is_posted_once_with_the_approval_in_its_entry()
    {
        await app.SeedAsync("AP-1", 100);
        using var ana = await PersonAsync("Ana", "warehouse");
        using var ben = await PersonAsync("Ben", "finance");
        var small = new { id = "small", kind = "adjust", sku = "AP-1", location = "WH1", quantity = -10, to = "damage" };
        await ana.PostAsync("/api/movements", small.AsJson(), Cancel).OkAsync();
        Assert.Equal(90, await OnHandAsync("AP-1"));

        var large = new { id = "large", kind = "adjust", sku = "AP-1", location = "WH1", quantity = -40, to = "damage", reason = "water" };
        var asked = await AcceptedAsync(ana.PostAsync("/api/movements", large.AsJson(), Cancel));
        Assert.Equal(("open", "writeOff", "Ana"), (State(asked), asked.GetProperty("kind").GetString(), asked.GetProperty("askedBy").GetString()));
        Assert.Equal(Id(asked), Id(await AcceptedAsync(ana.PostAsync("/api/movements", large.AsJson(), Cancel))));
        Assert.Equal(90, await OnHandAsync("AP-1"));
        Assert.Contains((await ben.GetAsync("/api/approvals?state=open", Cancel).OkAsync()).GetProperty("items").EnumerateArray(), item => Id(item) == Id(asked));

        var both = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => ben.PostAsync($"/api/approvals/{Id(asked)}/approve", new { reason = "seen it" }.AsJson(), Cancel).OkAsync()));
        Assert.All(both, done => Assert.Equal("done", State(done)));
        Assert.Equal(50, await OnHandAsync("AP-1"));
        var entry = (await app.Client.GetAsync("/api/inventory/AP-1/entries?limit=1", Cancel).OkAsync()).GetProperty("items")[0];
        Assert.Equal((Id(asked), "Ana", "water"), (entry.GetProperty("approval").GetString(), entry.GetProperty("actor").GetString(), entry.GetProperty("reason").GetString()));
        using var again = await ana.PostAsync("/api/movements", large.AsJson(), Cancel);
        Assert.Equal((HttpStatusCode.OK, "true"), (again.StatusCode, again.Headers.GetValues("Idempotent-Replayed").Single()));
        Assert.Equal(50, await OnHandAsync("AP-1"));
        await ana.PostAsync("/api/movements", new { large.id, large.kind, large.sku, large.location, quantity = -41, large.to }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
        Assert.True(await CleanAsync());
    }

    [Fact]
    public async Task Nobody_decides_alone()
    {
        await app.SeedAsync("AP-2", 100);
        using var cid = await PersonAsync("Cid", "finance");
        using var other = await PersonAsync("Cid", "finance");
        using var system = await app.ClientAsAsync(Role.Finance);
        using var sales = await PersonAsync("Eve", "sales");
        using var ware = await PersonAsync("Dan", "warehouse");
        using var asked = await app.Client.PutAsync("/api/approval-limits", new { alone = new { writeOff = Array.Empty<string>() } }.AsJson(), Cancel);
        var made = await app.Client.PostAsync("/api/keys", new { name = "Cid's warehouse key", person = "Cid", role = "warehouse" }.AsJson(), Cancel).OkAsync();
        using var asks = app.ClientWith(made.GetProperty("token").GetString());
        var approval = await AcceptedAsync(asks.PostAsync("/api/movements", new { id = "alone", kind = "adjust", sku = "AP-2", location = "WH1", quantity = -90 }.AsJson(), Cancel));
        foreach (var client in (HttpClient[])[cid, other, system, sales, ware])
            await client.PostAsync($"/api/approvals/{Id(approval)}/approve", new { }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        Assert.Equal(100, await OnHandAsync("AP-2"));
        using var fay = await PersonAsync("Fay", "finance");
        Assert.Equal("refused", State(await fay.PostAsync($"/api/approvals/{Id(approval)}/refuse", new { reason = "count again" }.AsJson(), Cancel).OkAsync()));
        await fay.PostAsync($"/api/approvals/{Id(approval)}/approve", new { }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "already-decided");
        await asks.PostAsync("/api/movements", new { id = "alone", kind = "adjust", sku = "AP-2", location = "WH1", quantity = -90 }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "approval-refused");
        await app.Client.PutAsync("/api/approval-limits", new { }.AsJson(), Cancel).OkAsync();
    }

    [Fact]
    public async Task A_count_is_settled_against_what_the_record_showed_when_it_was_counted()
    {
        await app.SeedAsync("AP-3", 60);
        using var ana = await PersonAsync("Ana", "warehouse");
        using var ben = await PersonAsync("Ben", "finance");
        var count = new { id = "c", kind = "count", sku = "AP-3", location = "WH1", quantity = 20 };
        var asked = await AcceptedAsync(ana.PostAsync("/api/movements", count.AsJson(), Cancel));
        Assert.Equal("countVariance", asked.GetProperty("kind").GetString());
        await app.Client.PostAsync("/api/movements", new { id = "till", kind = "posSale", sku = "AP-3", location = "WH1", quantity = 5 }.AsJson(), Cancel).OkAsync();
        Assert.Equal("done", State(await ben.PostAsync($"/api/approvals/{Id(asked)}/approve", null, Cancel).OkAsync()));
        Assert.Equal(15, await OnHandAsync("AP-3"));
        Assert.Equal("done", State(await ana.PostAsync("/api/movements", count.AsJson(), Cancel).OkAsync()));
        Assert.Equal(15, await OnHandAsync("AP-3"));
    }

    [Fact]
    public async Task A_ring_fence_is_raised_alone_and_lowered_by_two()
    {
        await app.SeedAsync("AP-4", 10);
        using var sal = await PersonAsync("Sal", "sales");
        using var sam = await PersonAsync("Sam", "sales");
        await sal.PostAsync("/api/limits", new { id = "up", sku = "AP-4", fence = "group:vip", quantity = 6 }.AsJson(), Cancel).OkAsync();
        var asked = await AcceptedAsync(sal.PostAsync("/api/limits", new { id = "down", sku = "AP-4", fence = "group:vip", quantity = 0 }.AsJson(), Cancel));
        Assert.Equal("ringFence", asked.GetProperty("kind").GetString());
        Assert.Equal("done", State(await sam.PostAsync($"/api/approvals/{Id(asked)}/approve", new { }.AsJson(), Cancel).OkAsync()));
        Assert.Empty((await app.Client.GetAsync("/api/inventory/AP-4", Cancel).OkAsync()).GetProperty("fences").EnumerateObject());
    }

    [Fact]
    public async Task A_customers_units_go_to_another_order_by_two_and_what_changed_meanwhile_refuses_it()
    {
        await app.SeedAsync("AP-5", 3);
        await app.Client.PutAsync("/api/channels/ap-b2b", new { kind = "b2b", locations = (string[])["WH1"], shortage = "backorder" }.AsJson(), Cancel).OkAsync();
        object Body(string id, string? customer, long quantity) => new { channel = "ap-b2b", externalId = id, customer, lines = (object[])[new { sku = "AP-5", quantity }] };
        await app.Client.PostAsync("/api/orders", Body("rich", "boutique", 3).AsJson(), Cancel).OkAsync();
        await app.Client.PostAsync("/api/orders", Body("poor", null, 2).AsJson(), Cancel).OkAsync();
        using var sal = await PersonAsync("Sal", "sales");
        using var sam = await PersonAsync("Sam", "sales");
        object Swap(string id, long quantity) => new { id, sku = "AP-5", from = new { order = "ap-b2b:rich", line = "1" }, to = new { order = "ap-b2b:poor", line = "1" }, quantity };
        var first = await AcceptedAsync(sal.PostAsync("/api/claims/reassign", Swap("s1", 2).AsJson(), Cancel));
        var second = await AcceptedAsync(sal.PostAsync("/api/claims/reassign", Swap("s2", 1).AsJson(), Cancel));
        Assert.Equal("done", State(await sam.PostAsync($"/api/approvals/{Id(first)}/approve", new { }.AsJson(), Cancel).OkAsync()));
        var claims = (await app.Client.GetAsync("/api/inventory/AP-5/claims", Cancel).OkAsync()).GetProperty("items").EnumerateArray()
            .ToDictionary(claim => $"{claim.GetProperty("order").GetString()} {claim.GetProperty("place").GetString()}", claim => claim.GetProperty("held").GetInt64());
        Assert.Equal([("ap-b2b:poor WH1", 2), ("ap-b2b:rich WH1", 1), ("ap-b2b:rich short", 2)], claims.OrderBy(claim => claim.Key, StringComparer.Ordinal).Select(claim => (claim.Key, claim.Value)));
        var refused = await sam.PostAsync($"/api/approvals/{Id(second)}/approve", new { }.AsJson(), Cancel).OkAsync();
        Assert.Equal("refused", State(refused));
        Assert.Contains("waits for 0", refused.GetProperty("refusal").GetString(), StringComparison.Ordinal);
        // Who bought in the shop is a customer too, though without a name.
        await app.Client.PutAsync("/api/channels/ap-shop", new { kind = "shopify", locations = (string[])["WH1"], shortage = "backorder" }.AsJson(), Cancel).OkAsync();
        await app.SeedAsync("AP-5S", 1);
        foreach (var id in (string[])["had", "waits"])
            await app.Client.PostAsync("/api/orders", new { channel = "ap-shop", externalId = id, lines = (object[])[new { sku = "AP-5S", quantity = 1 }] }.AsJson(), Cancel).OkAsync();
        await AcceptedAsync(sal.PostAsync("/api/claims/reassign", new { id = "s4", sku = "AP-5S", from = new { order = "ap-shop:had", line = "1" }, to = new { order = "ap-shop:waits", line = "1" }, quantity = 1 }.AsJson(), Cancel));
        // Nobody's units are anybody's to give.
        await sal.PostAsync("/api/claims/reassign", new { id = "s3", sku = "AP-5", from = new { order = "ap-b2b:poor", line = "1" }, to = new { order = "ap-b2b:rich", line = "1" }, quantity = 1 }.AsJson(), Cancel).OkAsync();
        Assert.True(await CleanAsync());
    }

    [Fact]
    public async Task An_approval_survives_a_restart_is_finished_when_its_executor_died_and_expires_after_a_week()
    {
        var time = new MovableTime();
        await using var own = await AppFixture.StartAsync(configure: builder => builder.Services.AddSingleton<TimeProvider>(time));
        await own.SeedAsync("AP-6", 100);
        var token = (await own.Client.PostAsync("/api/keys", new { name = "Ana", person = "Ana", role = "warehouse" }.AsJson(), Cancel).OkAsync()).GetProperty("token").GetString();
        using (var ana = own.ClientWith(token))
            foreach (var id in (string[])["late", "dead"]) await AcceptedAsync(ana.PostAsync("/api/movements", new { id, kind = "adjust", sku = "AP-6", location = "WH1", quantity = -30 }.AsJson(), Cancel));
        await own.RestartAsync();
        var desk = own.Services.GetRequiredService<ApprovalDesk>();
        var open = (await desk.ListAsync(ApprovalState.Open, 10, null)).Items;
        var dead = open.Single(found => found.Asked.Post!.Id == "mv:dead");
        // Its decision was written, and its process ended before it was executed.
        await own.Services.GetRequiredService<Store>().Approvals.ReplaceItemAsync(dead with { State = ApprovalState.Approved, DecidedBy = "Ben" }, dead.Id, new Microsoft.Azure.Cosmos.PartitionKey(dead.Id), cancellationToken: Cancel);
        await Task.WhenAll(desk.SweepAsync(Cancel), desk.SweepAsync(Cancel));
        Assert.Equal(ApprovalState.Done, (await desk.FindAsync(dead.Id))!.State);
        Assert.Equal(70, (await own.Client.GetAsync("/api/inventory/AP-6", Cancel).OkAsync()).GetProperty("onHand").GetInt64());
        time.Move(TimeSpan.FromDays(7));
        await desk.SweepAsync(Cancel);
        Assert.Equal(ApprovalState.Expired, (await desk.FindAsync(open.Single(found => found.Id != dead.Id).Id))!.State);
    }

    [Fact]
    public async Task Units_that_are_found_take_a_second_person_as_those_that_are_counted_do()
    {
        await app.SeedAsync("AP-9", 5);
        using var ana = await PersonAsync("Ana", "warehouse");
        await ana.PostAsync("/api/movements", new { id = "few", kind = "adjust", sku = "AP-9", location = "WH1", quantity = 2 }.AsJson(), Cancel).OkAsync();
        var approval = await AcceptedAsync(ana.PostAsync("/api/movements", new { id = "many", kind = "adjust", sku = "AP-9", location = "WH1", quantity = 5_000 }.AsJson(), Cancel));
        Assert.Equal("countVariance", approval.GetProperty("kind").GetString());
        Assert.Equal(7, (await ana.GetAsync("/api/inventory/AP-9", Cancel).OkAsync()).GetProperty("onHand").GetInt64());
        using var ben = await PersonAsync("Ben", "finance");
        Assert.Equal("done", State(await ben.PostAsync($"/api/approvals/{Id(approval)}/approve", null, Cancel).OkAsync()));
        Assert.Equal(5_007, (await ana.GetAsync("/api/inventory/AP-9", Cancel).OkAsync()).GetProperty("onHand").GetInt64());
    }

    [Fact]
    public async Task A_cost_takes_a_second_person_where_the_limits_say_so()
    {
        await app.SeedAsync("AP-7", 0);
        await app.Client.PutAsync("/api/approval-limits", new { alone = new { cost = Array.Empty<string>() } }.AsJson(), Cancel).OkAsync();
        using var ben = await PersonAsync("Ben", "finance");
        using var fay = await PersonAsync("Fay", "finance");
        var approval = await AcceptedAsync(ben.PutAsync("/api/skus/AP-7/cost", new { cost = "7.50" }.AsJson(), Cancel));
        Assert.Equal("cost", approval.GetProperty("kind").GetString());
        foreach (var role in (string[])["warehouse", "sales"])
        {
            using var other = await PersonAsync("Cy " + role, role);
            Assert.DoesNotContain("7.50", (await other.GetAsync("/api/approvals", Cancel).OkAsync()).GetRawText(), StringComparison.Ordinal);
            await other.GetAsync("/api/approvals/" + Id(approval), Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        }
        Assert.Equal("done", State(await fay.PostAsync($"/api/approvals/{Id(approval)}/approve", new { }.AsJson(), Cancel).OkAsync()));
        Assert.Equal("7.50", (await fay.GetAsync("/api/skus/AP-7", Cancel).OkAsync()).GetProperty("cost").GetString());

        // Nor is it changed with the whole style; and what was approved for another cost than there is by then changes nothing.
        object Style(string cost) => new { name = "Style of AP-7", matrix = new { Navy = new { M = new { sku = "AP-7", cost } } } };
        await app.Client.PutAsync("/api/styles/style-AP-7", Style("9.00").AsJson(), Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        var file = new StringContent("style,name,colour,size,sku,cost\nstyle-AP-7,Style of AP-7,Navy,M,AP-7,9.00\n", System.Text.Encoding.UTF8, "text/csv");
        await app.Client.PostAsync("/api/imports/products", file, Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        await app.Client.PutAsync("/api/styles/style-AP-7", Style("7.50").AsJson(), Cancel).OkAsync();
        var (stale, first) = (await AcceptedAsync(ben.PutAsync("/api/skus/AP-7/cost", new { cost = "8.00" }.AsJson(), Cancel)), await AcceptedAsync(ben.PutAsync("/api/skus/AP-7/cost", new { cost = "8.50" }.AsJson(), Cancel)));
        Assert.Equal("done", State(await fay.PostAsync($"/api/approvals/{Id(first)}/approve", new { }.AsJson(), Cancel).OkAsync()));
        Assert.Equal("refused", State(await fay.PostAsync($"/api/approvals/{Id(stale)}/approve", new { }.AsJson(), Cancel).OkAsync()));
        Assert.Equal("8.50", (await fay.GetAsync("/api/skus/AP-7", Cancel).OkAsync()).GetProperty("cost").GetString());
        await app.Client.PutAsync("/api/approval-limits", new { }.AsJson(), Cancel).OkAsync();
    }

    async Task<bool> CleanAsync() => (await app.Services.GetRequiredService<Ledger.Audits>().RunAsync("test", fromScratch: true)).Clean;

    sealed class MovableTime : TimeProvider
    {
        TimeSpan ahead;
        public void Move(TimeSpan by) => ahead += by;
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + ahead;
    }
}
