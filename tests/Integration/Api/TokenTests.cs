using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Api;

/// <summary>Which tokens are taken for what they say.</summary>
public sealed class TokenTests(EntraFixture entra) : IClassFixture<EntraFixture>
{
    const string Oid = "0b7a1d1e-1111-4c5f-8c55-6f1b7f3b0001";
    static CancellationToken Cancel => TestContext.Current.CancellationToken;
    TokenIssuer Issuer => entra.Issuer;

    async Task<HttpResponseMessage> SendAsync(string token, string path = "/api/locations")
    {
        using var client = entra.App.ClientWith(token);
        return await client.GetAsync(path, Cancel);
    }

    Dictionary<string, object> Viewer(object? changes = null)
    {
        var claims = Issuer.User(Oid, changes);
        claims.TryAdd("roles", new[] { "viewer" });
        return claims;
    }

    async Task RefusedAsync(string token, string says)
    {
        using var answer = await SendAsync(token);
        Assert.Contains("invalid_token", answer.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        var problem = await Task.FromResult(answer).ProblemAsync(HttpStatusCode.Unauthorized, "unauthorized");
        Assert.Contains(says, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    async Task ForbiddenAsync(string token, string says)
    {
        using var answer = await SendAsync(token);
        Assert.Contains("insufficient_scope", answer.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        var problem = await Task.FromResult(answer).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        Assert.Contains(says, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_of_the_tenant_for_this_app_lets_in_as_both_versions_write_it()
    {
        await SendAsync(Issuer.Sign(Viewer())).OkAsync();
        await SendAsync(Issuer.Sign(Viewer(new { aud = "api://" + TokenIssuer.Client }))).OkAsync();
        await SendAsync(Issuer.Sign(Viewer(new { ver = "1.0", iss = $"https://sts.windows.net/{TokenIssuer.Tenant}/", azp = (string?)null, appid = "a-client" }))).OkAsync();
        await SendAsync(Issuer.Sign(Viewer(new { exp = Issuer.At(-4), nbf = Issuer.At(-60) }))).OkAsync();
        await SendAsync(Issuer.Sign(Viewer(new { nbf = Issuer.At(4) }))).OkAsync();
    }

    [Fact]
    public async Task A_token_of_another_issuer_tenant_audience_or_time_is_refused()
    {
        await RefusedAsync(Issuer.Sign(Viewer(new { iss = Issuer.Authority.Replace(TokenIssuer.Tenant, TokenIssuer.Client, StringComparison.Ordinal) })), "another issuer");
        await RefusedAsync(Issuer.Sign(Viewer(new { iss = (string?)null })), "another issuer");
        await RefusedAsync(Issuer.Sign(Viewer(new { tid = TokenIssuer.Client })), "another tenant");
        await RefusedAsync(Issuer.Sign(Viewer(new { tid = (string?)null })), "another tenant");
        await RefusedAsync(Issuer.Sign(Viewer(new { aud = "00000003-0000-0000-c000-000000000000" })), "another audience");
        await RefusedAsync(Issuer.Sign(Viewer(new { aud = (string?)null })), "another audience");
        await RefusedAsync(Issuer.Sign(Viewer(new { exp = Issuer.At(-6), nbf = Issuer.At(-60) })), "expired");
        await RefusedAsync(Issuer.Sign(Viewer(new { exp = (object?)null })), "expired");
        await RefusedAsync(Issuer.Sign(Viewer(new { nbf = Issuer.At(6) })), "not valid yet");
    }

    [Fact]
    public async Task A_token_that_the_issuer_did_not_sign_with_RS256_is_refused()
    {
        var (id, key) = Issuer.Signing;
        await RefusedAsync(TokenIssuer.Sign(new { alg = "none", kid = id }, Viewer(), _ => []), "RS256");
        await RefusedAsync(TokenIssuer.Sign(new { alg = "None" }, Viewer(), _ => []), "RS256");
        // The public key, in the forms a careless verifier would take for an HMAC secret.
        foreach (var secret in (byte[][])[key.ExportSubjectPublicKeyInfo(), Encoding.ASCII.GetBytes(key.ExportSubjectPublicKeyInfoPem()), key.ExportRSAPublicKey(), key.ExportParameters(false).Modulus!])
            await RefusedAsync(TokenIssuer.Sign(new { alg = "HS256", kid = id }, Viewer(), data => HMACSHA256.HashData(secret, data)), "RS256");
        await RefusedAsync(TokenIssuer.Sign(new { alg = "PS256", kid = id }, Viewer(), data => key.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pss)), "RS256");
        await RefusedAsync(TokenIssuer.Sign(new { alg = "RS384", kid = id }, Viewer(), data => key.SignData(data, HashAlgorithmName.SHA384, RSASignaturePadding.Pkcs1)), "RS256");

        // Keys of the issuer that are not for this.
        await RefusedAsync(TokenIssuer.Sign(new { alg = "HS256", kid = "secret" }, Viewer(), data => HMACSHA256.HashData("secret"u8, data)), "RS256");
        await RefusedAsync(TokenIssuer.Sign(new { alg = "RS256", kid = "enc" }, Viewer(), data => key.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)), "does not have");

        using var other = RSA.Create(2048);
        byte[] Forge(byte[] data) => other.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        await RefusedAsync(TokenIssuer.Sign(new { alg = "RS256", kid = id }, Viewer(), Forge), "signature");
        var own = other.ExportParameters(false);
        var jwk = new { kty = "RSA", kid = id, n = System.Buffers.Text.Base64Url.EncodeToString(own.Modulus!), e = "AQAB" };
        await RefusedAsync(TokenIssuer.Sign(new { alg = "RS256", kid = id, jwk }, Viewer(), Forge), "signature");
        await RefusedAsync(TokenIssuer.Sign(new { alg = "RS256" }, Viewer(), data => key.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)), "does not have");
        var parts = Issuer.Sign(Viewer()).Split('.');
        var admin = Issuer.Sign(Viewer(new { roles = new[] { "admin" } })).Split('.')[1];
        await RefusedAsync($"{parts[0]}.{admin}.{parts[2]}", "signature");
        await RefusedAsync($"{parts[0]}.{parts[1]}.", "signature");
    }

    [Theory]
    [InlineData("..")]
    [InlineData("a.b.c")]
    [InlineData("e30.e30.e30")]
    [InlineData("bnVsbA.bnVsbA.")]
    [InlineData("eyJhbGciOiJSUzI1NiIsImtpZCI6MX0.e30.AA")]
    public async Task What_only_looks_like_a_token_is_refused(string token)
    {
        using var answer = await SendAsync(token);
        await Task.FromResult(answer).ProblemAsync(HttpStatusCode.Unauthorized, "unauthorized");
    }

    [Fact]
    public async Task A_token_of_an_account_nobody_gave_one_role_is_forbidden_and_says_which_account()
    {
        foreach (var roles in (string[][])[[], ["Viewer"], ["viewers", "Orders.Read.All"]]) await ForbiddenAsync(Issuer.Sign(Viewer(new { roles })), Oid);
        await ForbiddenAsync(Issuer.Sign(Viewer(new { roles = new[] { "viewer", "admin" } })), "one role counts");
        await ForbiddenAsync(Issuer.Sign(Viewer(new { roles = new[] { "portal" } })), "no customers");
        await ForbiddenAsync(Issuer.Sign(Issuer.App(Oid, TokenIssuer.Client)), Oid);
        await ForbiddenAsync(Issuer.Sign(Issuer.App("none", TokenIssuer.Client, new { oid = (string?)null, roles = new[] { "admin" } })), "no account");
        await SendAsync(Issuer.Sign(Viewer(new { roles = new[] { "viewer", "Orders.Read.All" } }))).OkAsync();
        using var answer = await SendAsync(Issuer.Sign(Viewer()), "/api/keys");
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        await SendAsync(Issuer.Sign(Viewer(new { roles = new[] { "admin" } })), "/api/keys").OkAsync();
    }

    [Fact]
    public async Task An_id_token_and_a_client_without_the_permission_do_not_act_for_a_user()
    {
        await ForbiddenAsync(Issuer.Sign(Viewer(new { scp = (string?)null, azp = (string?)null, nonce = "n" })), "access_as_user");
        await ForbiddenAsync(Issuer.Sign(Viewer(new { scp = "User.Read access_as_user_too" })), "access_as_user");
        // Who says to be a user is one, whatever else is missing.
        await ForbiddenAsync(Issuer.Sign(Issuer.App(Oid, TokenIssuer.Client, new { idtyp = "user", roles = new[] { "admin" } })), "access_as_user");
    }

    [Fact]
    public async Task A_key_that_is_not_known_is_looked_for_once_a_minute_and_a_new_one_found()
    {
        var time = new MovableTime();
        await using var issuer = await TokenIssuer.StartAsync(time);
        await using var own = await AppFixture.StartAsync(configure: builder => builder.Services.AddSingleton<TimeProvider>(time), args: issuer.Settings);
        async Task<HttpStatusCode> StatusAsync(string token)
        {
            using var client = own.ClientWith(token);
            using var answer = await client.GetAsync("/api/locations", Cancel);
            return answer.StatusCode;
        }

        string Token() => issuer.Sign(issuer.User(Oid, new { roles = new[] { "viewer" } }));
        var before = Token();
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => StatusAsync(before))), status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Equal(1, issuer.Readings);

        using var last = issuer.Signing.Key;
        issuer.Rotate("k2");
        var after = Token();
        for (var i = 0; i < 5; i++) Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(after));
        Assert.Equal(1, issuer.Readings);
        time.Move(TimeSpan.FromMinutes(1));
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => StatusAsync(after))), status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Equal(2, issuer.Readings);
        // The issuer took the old key back.
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(before));
        Assert.Equal(2, issuer.Readings);
    }

    [Fact]
    public async Task While_the_issuer_is_away_known_keys_serve_for_a_day_and_nothing_is_decided_on_unknown_ones()
    {
        var time = new MovableTime();
        await using var issuer = await TokenIssuer.StartAsync(time);
        await using var own = await AppFixture.StartAsync(configure: builder => builder.Services.AddSingleton<TimeProvider>(time), args: issuer.Settings);
        async Task<(HttpStatusCode Status, TimeSpan? After)> AskAsync(string? keyId = null)
        {
            var claims = issuer.User(Oid, new { roles = new[] { "viewer" } });
            var token = keyId is null ? issuer.Sign(claims) : TokenIssuer.Sign(new { alg = "RS256", kid = keyId }, claims, data => issuer.Signing.Key.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
            using var client = own.ClientWith(token);
            using var answer = await client.GetAsync("/api/locations", Cancel);
            return (answer.StatusCode, answer.Headers.RetryAfter?.Delta);
        }

        issuer.IsDown = true;
        Assert.Equal((HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(10)), await AskAsync());
        await own.Client.GetAsync("/api/locations", Cancel).OkAsync();
        issuer.IsDown = false;
        time.Move(TimeSpan.FromSeconds(10));
        Assert.Equal((HttpStatusCode.OK, null), await AskAsync());
        issuer.IsDown = true;
        time.Move(TimeSpan.FromHours(13));
        Assert.Equal((HttpStatusCode.OK, null), await AskAsync());
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await AskAsync("unknown")).Status);
        time.Move(TimeSpan.FromHours(11));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await AskAsync()).Status);
        issuer.IsDown = false;
        time.Move(TimeSpan.FromSeconds(10));
        Assert.Equal((HttpStatusCode.OK, null), await AskAsync());
        Assert.Equal(HttpStatusCode.Unauthorized, (await AskAsync("unknown")).Status);
    }

    [Fact]
    public async Task Without_settings_a_token_is_refused_and_says_what_to_set()
    {
        await using var own = await AppFixture.StartAsync();
        using var client = own.ClientWith(Issuer.Sign(Viewer()));
        var problem = await client.GetAsync("/api/locations", Cancel).ProblemAsync(HttpStatusCode.Unauthorized, "unauthorized");
        Assert.Contains("Entra:TenantId and Entra:Audience", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Entra:TenantId", "--Entra:Audience", TokenIssuer.Client)]
    [InlineData("Entra:TenantId", "--Entra:TenantId", "contoso.example", "--Entra:Audience", TokenIssuer.Client)]
    [InlineData("Entra:Audience", "--Entra:TenantId", TokenIssuer.Tenant)]
    [InlineData("Entra:Authority", "--Entra:TenantId", TokenIssuer.Tenant, "--Entra:Audience", TokenIssuer.Client, "--Entra:Authority", "http://login.example/v2.0")]
    public async Task Settings_that_are_half_there_stop_the_start(string names, params string[] args)
    {
        var failure = await Assert.ThrowsAsync<LocalHostException>(() => AppFixture.StartAsync(args: args));
        Assert.Contains($"The setting {names} ", failure.Message, StringComparison.Ordinal);
    }

    sealed class MovableTime : TimeProvider
    {
        TimeSpan ahead;
        public void Move(TimeSpan by) => ahead += by;
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + ahead;
    }
}
