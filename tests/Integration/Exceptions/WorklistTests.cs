using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Exceptions;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Exceptions;

/// <summary>Exceptions as a worklist over HTTP.</summary>
public sealed class WorklistTests(AppFixture app) : IClassFixture<AppFixture>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;
    ExceptionCases Cases => app.Services.GetRequiredService<ExceptionCases>();

    static ExceptionCase Case(string id, string kind = "binMismatch", string? occurrence = null) => new()
    {
        Id = id, Kind = kind, Sku = "W-1", Order = "shop:1", Line = "1", Channel = "shop", Customer = "c1", Location = "WH1", Quantity = 2, Detail = "both sides",
        Expected = new("ledger: onHand/WH1", "2"), Found = new("count", "0"), Occurrence = occurrence,
    };

    async Task<JsonElement> FindAsync(string id) => Assert.Single((await app.Client.GetAsync($"/api/exceptions?id={id}", Cancel).OkAsync()).GetProperty("items").EnumerateArray());

    [Fact]
    public async Task An_exception_shows_both_sides_its_age_when_it_is_due_and_what_resolves_it()
    {
        await Cases.OpenAsync(Case("sides"));
        var found = await FindAsync("sides");
        Assert.Equal(("ledger: onHand/WH1", "2"), (found.GetProperty("expected").GetProperty("source").GetString(), found.GetProperty("expected").GetProperty("value").GetString()));
        Assert.Equal("0", found.GetProperty("found").GetProperty("value").GetString());
        Assert.InRange(found.GetProperty("ageSeconds").GetInt64(), 0, 3600);
        Assert.Equal(found.GetProperty("openedAt").GetDateTimeOffset().AddHours(72), found.GetProperty("dueAt").GetDateTimeOffset());
        Assert.Equal("low", found.GetProperty("severity").GetString());
        Assert.Equal(ExceptionKinds.Of("binMismatch").Resolves, found.GetProperty("resolves").GetString());
    }

    [Fact]
    public async Task One_is_given_to_someone_talked_about_and_taken_back()
    {
        await Cases.OpenAsync(Case("talk"));
        await app.Client.PostAsync("/api/exceptions/talk/assign", new { owner = "Ana" }.AsJson(), Cancel).OkAsync();
        await app.Client.PostAsync("/api/exceptions/talk/comments", new { text = "asked the shop" }.AsJson(), Cancel).OkAsync();
        var found = await FindAsync("talk");
        Assert.Equal("Ana", found.GetProperty("owner").GetString());
        Assert.Equal(("admin", "asked the shop"), (found.GetProperty("comments")[0].GetProperty("actor").GetString(), found.GetProperty("comments")[0].GetProperty("text").GetString()));
        Assert.Contains((await app.Client.GetAsync("/api/exceptions?owner=Ana", Cancel).OkAsync()).GetProperty("items").EnumerateArray(), item => item.GetProperty("id").GetString() == "talk");
        var freed = await app.Client.PostAsync("/api/exceptions/talk/assign", new { }.AsJson(), Cancel).OkAsync();
        Assert.False(freed.TryGetProperty("owner", out _));
        await app.Client.PostAsync("/api/exceptions/nothing/assign", new { owner = "Ana" }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
    }

    [Fact]
    public async Task Many_are_resolved_at_once_each_with_its_own_result()
    {
        foreach (var id in (string[])["m1", "m2", "m3"]) await Cases.OpenAsync(Case(id, "overReceipt") with { Order = "shop:many" });
        await app.Client.PostAsync("/api/exceptions/m1/resolve", new { resolution = "otherwise" }.AsJson(), Cancel).OkAsync();
        var answer = await app.Client.PostAsync("/api/exceptions/resolve", new { ids = (string[])["m1", "m2", "none"], resolution = "kept" }.AsJson(), Cancel).OkAsync();
        Assert.Equal(["failed", "resolved", "failed"], answer.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("result").GetString()));
        var rest = await app.Client.PostAsync("/api/exceptions/resolve", new { kind = "overReceipt", order = "shop:many", resolution = "kept" }.AsJson(), Cancel).OkAsync();
        Assert.Equal("m3", Assert.Single(rest.GetProperty("items").EnumerateArray()).GetProperty("id").GetString());
        var again = await app.Client.PostAsync("/api/exceptions/resolve", new { ids = (string[])["m2"], resolution = "kept" }.AsJson(), Cancel).OkAsync();
        Assert.Equal("repeated", again.GetProperty("items")[0].GetProperty("result").GetString());
        await app.Client.PostAsync("/api/exceptions/resolve", new { resolution = "everything" }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
    }

    [Fact]
    public async Task The_summary_counts_by_kind_and_heeds_filters()
    {
        foreach (var id in (string[])["s1", "s2", "s3"]) await Cases.OpenAsync(Case(id, "supplyCut") with { Sku = "SUM-1" });
        await app.Client.PostAsync("/api/exceptions/s1/resolve", new { resolution = "done" }.AsJson(), Cancel).OkAsync();
        var summary = await app.Client.GetAsync("/api/exceptions/summary?sku=SUM-1", Cancel).OkAsync();
        Assert.Equal((2, 1), (summary.GetProperty("open").GetInt32(), summary.GetProperty("resolved").GetInt32()));
        var kind = Assert.Single(summary.GetProperty("items").EnumerateArray());
        Assert.Equal(("supplyCut", 2), (kind.GetProperty("kind").GetString(), kind.GetProperty("open").GetInt32()));
    }

    [Fact]
    public async Task The_same_occurrence_changes_nothing_and_a_new_one_opens_it_again_and_counts_up()
    {
        await Cases.OpenAsync(Case("again", occurrence: "first"));
        await app.Client.PostAsync("/api/exceptions/again/resolve", new { resolution = "done" }.AsJson(), Cancel).OkAsync();
        await Cases.OpenAsync(Case("again", occurrence: "first"));
        Assert.Equal("resolved", (await FindAsync("again")).GetProperty("status").GetString());
        await Cases.OpenAsync(Case("again", occurrence: "second"));
        var reopened = await FindAsync("again");
        Assert.Equal(("open", 2), (reopened.GetProperty("status").GetString(), reopened.GetProperty("occurrences").GetInt32()));
        Assert.False(reopened.TryGetProperty("resolution", out _));
    }

    [Fact]
    public async Task A_key_with_bounds_sees_and_resolves_what_lies_within_them_only()
    {
        await Cases.OpenAsync(Case("within"));
        foreach (var foreign in (Scope[])[new(Channels: ["other"]), new(Customers: ["c2"]), new(Locations: ["ST1"])])
        {
            using var client = await app.ClientAsAsync(Role.Sales, foreign);
            Assert.Empty((await client.GetAsync("/api/exceptions", Cancel).OkAsync()).GetProperty("items").EnumerateArray());
            Assert.Equal(0, (await client.GetAsync("/api/exceptions/summary", Cancel).OkAsync()).GetProperty("open").GetInt32());
            await client.PostAsync("/api/exceptions/within/resolve", new { resolution = "mine" }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
            var bulk = await client.PostAsync("/api/exceptions/resolve", new { ids = (string[])["within"], resolution = "mine" }.AsJson(), Cancel).OkAsync();
            Assert.Equal("failed", bulk.GetProperty("items")[0].GetProperty("result").GetString());
        }
        using var own = await app.ClientAsAsync(Role.Sales, new(["WH1"], ["c1"], ["shop"]));
        await own.PostAsync("/api/exceptions/within/resolve", new { resolution = "seen" }.AsJson(), Cancel).OkAsync();
    }

    [Fact]
    public async Task A_fact_below_zero_says_what_the_account_should_be_and_what_it_is()
    {
        await app.SeedAsync("W-ZERO", 1);
        await app.Client.PostAsync("/api/movements", new { id = "till", kind = "posSale", sku = "W-ZERO", location = "WH1", quantity = 3 }.AsJson(), Cancel).OkAsync();
        JsonElement found = default;
        for (var tries = 0; tries < 100 && found.ValueKind == JsonValueKind.Undefined; tries++)
        {
            found = (await app.Client.GetAsync("/api/exceptions?sku=W-ZERO&kind=belowZero", Cancel).OkAsync()).GetProperty("items").EnumerateArray().FirstOrDefault();
            if (found.ValueKind == JsonValueKind.Undefined) await Task.Delay(50, Cancel);
        }
        Assert.Equal(("ledger: onHand/WH1", "at least 0"), (found.GetProperty("expected").GetProperty("source").GetString(), found.GetProperty("expected").GetProperty("value").GetString()));
        Assert.Equal("-2", found.GetProperty("found").GetProperty("value").GetString());
        Assert.Equal("WH1", found.GetProperty("location").GetString());

        var review = app.Services.GetRequiredService<ExceptionReview>();
        await review.RunAsync(Cancel);
        Assert.Equal("open", (await FindAsync(found.GetProperty("id").GetString()!)).GetProperty("status").GetString());
        await app.Client.PostAsync("/api/movements", new { id = "count", kind = "count", sku = "W-ZERO", location = "WH1", quantity = 1 }.AsJson(), Cancel).OkAsync();
        await review.RunAsync(Cancel);
        var closed = await FindAsync(found.GetProperty("id").GetString()!);
        Assert.Equal(("resolved", "system:exception-review", "The record shows 1 there now."), (closed.GetProperty("status").GetString(), closed.GetProperty("actor").GetString(), closed.GetProperty("resolution").GetString()));
    }
}
