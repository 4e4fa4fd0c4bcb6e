using System.Net;
using System.Text.Json;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Api;

/// <summary>Accounts of Entra ID: what they are bound to, and under which name they act.</summary>
public sealed class AccountTests(EntraFixture entra) : IClassFixture<EntraFixture>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;
    AppFixture App => entra.App;

    static string NewOid() => Guid.NewGuid().ToString();

    Task<HttpResponseMessage> PostAsync(string oid, string role, string? person = null, object? scope = null) =>
        App.Client.PostAsync("/api/keys", new { principal = oid, name = "account " + oid[..4], person, role, scope }.AsJson(), Cancel);

    async Task<string?> LastActorAsync(string sku) => (await App.Client.GetAsync($"/api/inventory/{sku}/entries?limit=1", Cancel).OkAsync()).GetProperty("items")[0].GetProperty("actor").GetString();

    static object Receipt(string id, string sku, string location = "WH1") => new { id, kind = "receive", sku, location, quantity = 1 };

    [Fact]
    public async Task A_binding_gives_role_and_scope_whatever_app_roles_the_token_names()
    {
        var oid = NewOid();
        await App.SeedAsync("BOUND-1", 5, "WH1");
        await App.SeedAsync("BOUND-1", 3, "ST1");
        var made = await PostAsync(oid.ToUpperInvariant(), "warehouse", scope: new { locations = (string[])["ST1"] }).OkAsync();
        Assert.Equal(("entra-" + oid, oid, false), (made.GetProperty("id").GetString(), made.GetProperty("principal").GetString(), made.TryGetProperty("token", out _)));
        foreach (var roles in (string[][])[["admin"], [], ["viewer", "sales"]])
        {
            using var client = entra.Account(oid, new { roles });
            Assert.Equal(3, (await client.GetAsync("/api/inventory/BOUND-1", Cancel).OkAsync()).GetProperty("onHand").GetInt64());
            await client.GetAsync("/api/keys", Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
            await client.PostAsync("/api/movements", Receipt("b-no", "BOUND-1").AsJson(), Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
            await client.PostAsync("/api/movements", Receipt("b-yes", "BOUND-1", "ST1").AsJson(), Cancel).OkAsync();
            await App.Client.PostAsync("/api/movements", new { id = "b-back" + roles.Length, kind = "count", sku = "BOUND-1", location = "ST1", quantity = 3 }.AsJson(), Cancel).OkAsync();
        }
    }

    [Fact]
    public async Task Deleting_a_binding_let_an_app_role_in_without_bounds()
    {
        var oid = NewOid();
        using var client = entra.Account(oid, new { roles = (string[])["admin"] });
        await client.GetAsync("/api/keys", Cancel).OkAsync();
        await PostAsync(oid, "viewer", scope: new { channels = (string[])["c1"] }).OkAsync();
        await client.GetAsync("/api/keys", Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        for (var times = 0; times < 2; times++) Assert.Equal(HttpStatusCode.NoContent, (await App.Client.DeleteAsync("/api/keys/entra-" + oid, Cancel)).StatusCode);
        foreach (var path in (string[])["/api/keys", "/api/locations"])
        {
            var problem = await client.GetAsync(path, Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
            Assert.Contains("has ended", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }
        var shown = (await App.Client.GetAsync("/api/keys", Cancel).OkAsync()).GetProperty("items").EnumerateArray().Single(key => key.GetProperty("id").GetString() == "entra-" + oid);
        Assert.True(shown.TryGetProperty("revokedAt", out _));
        Assert.False((await PostAsync(oid, "viewer").OkAsync()).TryGetProperty("revokedAt", out _));
        await client.GetAsync("/api/locations", Cancel).OkAsync();
    }

    [Fact]
    public async Task Binding_again_is_a_repeat_and_binding_otherwise_a_conflict()
    {
        var oid = NewOid();
        var scope = new { locations = (string[])["WH1"], channels = (string[])["a", "b"] };
        await PostAsync(oid, "sales", "Ana", scope).OkAsync();
        using var again = await PostAsync(oid, "sales", "Ana", scope);
        Assert.Equal((HttpStatusCode.Created, "true"), (again.StatusCode, again.Headers.GetValues("Idempotent-Replayed").Single()));
        await PostAsync(oid, "admin").ProblemAsync(HttpStatusCode.Conflict, "principal-bound");
        await PostAsync(oid, "sales", "Ana", new { locations = (string[])["WH1"] }).ProblemAsync(HttpStatusCode.Conflict, "principal-bound");
        await App.Client.PostAsync($"/api/keys/entra-{oid}/rotate", null, Cancel).ProblemAsync(HttpStatusCode.Conflict, "no-token");
        await PostAsync("ana@example.com", "sales").ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        await PostAsync(NewOid(), "portal").ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        await App.Client.DeleteAsync("/api/keys/entra-" + NewOid(), Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await App.Client.DeleteAsync("/api/keys/entra-%23%3F", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
    }

    [Fact]
    public async Task An_account_bound_until_a_date_is_not_let_in_after_it()
    {
        var oid = NewOid();
        var bindings = (Bindings)App.Services.GetService(typeof(Bindings))!;
        await bindings.BindAsync(new() { Id = "", Principal = oid, Name = "guest", Role = Role.Viewer, ExpiresAt = DateTimeOffset.UtcNow.AddSeconds(-1), CreatedAt = default, CreatedBy = "test" });
        using var client = entra.Account(oid, new { roles = (string[])["viewer"] });
        await client.GetAsync("/api/locations", Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
    }

    [Fact]
    public async Task The_actor_is_the_person_bound_else_the_account_and_never_a_name_from_the_token()
    {
        await App.SeedAsync("ACT-1", 0);
        var (bound, unbound, system, app) = (NewOid(), NewOid(), NewOid(), NewOid());
        await PostAsync(bound, "warehouse", "Ana").OkAsync();
        await PostAsync(system, "warehouse", "Ana").OkAsync();
        var number = 0;
        async Task<string?> ActorAsync(Dictionary<string, object> claims)
        {
            using var client = App.ClientWith(entra.Issuer.Sign(claims));
            await client.PostAsync("/api/movements", Receipt($"act-{++number}", "ACT-1").AsJson(), Cancel).OkAsync();
            return await LastActorAsync("ACT-1");
        }

        Assert.Equal("Ana", await ActorAsync(entra.Issuer.User(bound)));
        Assert.Equal(unbound, await ActorAsync(entra.Issuer.User(unbound, new { roles = (string[])["warehouse"] })));
        // An application is nobody's hands.
        Assert.Equal("account " + system[..4], await ActorAsync(entra.Issuer.App(system, TokenIssuer.Client)));
        Assert.Equal(TokenIssuer.Client, await ActorAsync(entra.Issuer.App(app, TokenIssuer.Client, new { idtyp = "app", roles = (string[])["warehouse"] })));
        Assert.DoesNotContain("Lovelace", (await App.Client.GetAsync("/api/inventory/ACT-1/entries", Cancel).OkAsync()).GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_read_a_persons_data_with_a_token_is_in_the_access_log()
    {
        await App.SeedAsync("LOG-1", 3);
        await App.Client.PutAsync("/api/channels/log", new { kind = "b2b", locations = (string[])["WH1"], shortage = "refuse" }.AsJson(), Cancel).OkAsync();
        await App.Client.PostAsync("/api/orders", new { channel = "log", externalId = "1", email = "kim@example.com", lines = (object[])[new { sku = "LOG-1", quantity = 1 }], shipTo = new { name = "Kim" } }.AsJson(), Cancel).OkAsync();
        var oid = NewOid();
        await PostAsync(oid, "sales", "Ana").OkAsync();
        using var client = entra.Account(oid);
        Assert.Contains("Kim", (await client.GetAsync("/api/orders/log:1", Cancel).OkAsync()).GetRawText(), StringComparison.Ordinal);
        var note = (await App.Client.GetAsync("/api/people/access?order=log:1&actor=Ana", Cancel).OkAsync()).GetProperty("items").EnumerateArray().First();
        Assert.Equal("entra-" + oid, note.GetProperty("key").GetString());
    }

    [Fact]
    public async Task A_person_with_a_key_and_an_account_is_not_two_people()
    {
        await App.SeedAsync("TWO-1", 100);
        var (ana, ben, none) = (NewOid(), NewOid(), NewOid());
        await PostAsync(ana, "finance", "Ana").OkAsync();
        await PostAsync(ben, "finance", "Ben").OkAsync();
        async Task<HttpClient> KeyAsync(string person) =>
            App.ClientWith((await App.Client.PostAsync("/api/keys", new { name = $"{person}'s key", person, role = "finance" }.AsJson(), Cancel).OkAsync()).GetProperty("token").GetString());
        async Task<string> AskAsync(HttpClient client, string id)
        {
            var asked = await client.PutAsync("/api/skus/TWO-1/cost", new { cost = "7.5" + id }.AsJson(), Cancel).OkAsync();
            return asked.GetProperty("id").GetString()!;
        }

        Task<HttpResponseMessage> DecideAsync(HttpClient client, string id) => client.PostAsync($"/api/approvals/{id}/approve", new { }.AsJson(), Cancel);
        await App.Client.PutAsync("/api/approval-limits", new { alone = new { cost = Array.Empty<string>() } }.AsJson(), Cancel).OkAsync();
        using var anasKey = await KeyAsync("Ana");
        using var cidsKey = await KeyAsync("Cid");
        using var anasAccount = entra.Account(ana);
        using var bensAccount = entra.Account(ben);
        using var nobodys = entra.Account(none, new { roles = (string[])["finance"] });

        var first = await AskAsync(anasKey, "1");
        foreach (var client in (HttpClient[])[anasKey, anasAccount, nobodys]) await DecideAsync(client, first).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        Assert.Equal("done", (await DecideAsync(bensAccount, first).OkAsync()).GetProperty("state").GetString());

        var second = await AskAsync(anasAccount, "2");
        await DecideAsync(anasKey, second).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        Assert.Equal("done", (await DecideAsync(cidsKey, second).OkAsync()).GetProperty("state").GetString());

        // The account may be Cid's own: only another account is surely another's.
        var third = await AskAsync(nobodys, "3");
        foreach (var client in (HttpClient[])[cidsKey, nobodys]) await DecideAsync(client, third).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        Assert.Equal("done", (await DecideAsync(bensAccount, third).OkAsync()).GetProperty("state").GetString());
    }
}
