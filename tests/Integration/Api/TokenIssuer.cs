using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Selvedge.Tests.Integration.Api;

/// <summary>Stands for Entra ID: OpenID Connect metadata and keys on loopback, and tokens as it signs them. Made by hand here, so that a wrong one can be made too.</summary>
public sealed class TokenIssuer(TimeProvider time) : IAsyncDisposable
{
    public const string Tenant = "5b6f3a0e-7a53-4f0e-9d1c-0a6d5f1f2b3c", Client = "9f1d7c52-0c3e-4a8b-8f60-3f5b2f6d7e11";
    readonly WebApplication web = Web();
    int readings;

    /// <summary>Its signing key and the key's id.</summary>
    public (string Id, RSA Key) Signing { get; private set; } = ("k1", RSA.Create(2048));

    /// <summary>Answers 500 instead of its metadata.</summary>
    public bool IsDown { get; set; }

    /// <summary>How often its keys were read.</summary>
    public int Readings => Volatile.Read(ref readings);
    public string Authority => $"{web.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()}/{Tenant}/v2.0";

    /// <summary>What the app is started with to trust it.</summary>
    public string[] Settings => ["--Entra:TenantId", Tenant, "--Entra:Audience", Client, "--Entra:Authority", Authority];

    public static async Task<TokenIssuer> StartAsync(TimeProvider? time = null)
    {
        var issuer = new TokenIssuer(time ?? TimeProvider.System);
        issuer.web.MapGet($"/{Tenant}/v2.0/.well-known/openid-configuration", () => issuer.IsDown ? Results.StatusCode(500) : Results.Json(new { issuer = issuer.Authority, jwks_uri = issuer.Authority + "/keys" }));
        issuer.web.MapGet($"/{Tenant}/v2.0/keys", () =>
        {
            Interlocked.Increment(ref issuer.readings);
            var key = issuer.Signing.Key.ExportParameters(false);
            // As Entra ID names them: the key both bare and in a certificate, and others of other kinds beside it.
            using var certificate = new CertificateRequest("CN=accounts", issuer.Signing.Key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
            var x5c = (string[])[Convert.ToBase64String(certificate.RawData)];
            return Results.Json(new { keys = (object[])[
                new { kty = "RSA", use = "sig", kid = issuer.Signing.Id, x5t = issuer.Signing.Id, n = Encoded(key.Modulus!), e = Encoded(key.Exponent!), x5c, issuer = issuer.Authority },
                new { kty = "oct", use = "sig", kid = "secret", k = "c2VjcmV0" }, new { kty = "RSA", use = "enc", kid = "enc", n = Encoded(key.Modulus!), e = Encoded(key.Exponent!) }] });
        });
        await issuer.web.StartAsync();
        return issuer;
    }

    static WebApplication Web()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        return builder.Build();
    }

    /// <summary>Signs with another key from now on, and no longer names the one before.</summary>
    public void Rotate(string id) => Signing = (id, RSA.Create(2048));

    /// <summary>A user's claims as v2.0 has them; a null in <paramref name="changes"/> takes one away.</summary>
    public Dictionary<string, object> User(string oid, object? changes = null) => With(new()
    {
        ["ver"] = "2.0", ["iss"] = Authority, ["aud"] = Client, ["tid"] = Tenant, ["oid"] = oid, ["sub"] = "pairwise-" + oid, ["azp"] = "a-client", ["scp"] = "openid access_as_user",
        ["name"] = "Ada Lovelace", ["preferred_username"] = "ada@example.com", ["iat"] = At(0), ["nbf"] = At(0), ["exp"] = At(60),
    }, changes);

    /// <summary>An application's claims.</summary>
    public Dictionary<string, object> App(string oid, string client, object? changes = null) => With(User(oid, new { scp = (string?)null, name = (string?)null, preferred_username = (string?)null, sub = oid, azp = client }), changes);

    /// <summary>The instant so many minutes from now.</summary>
    public long At(int minutes) => time.GetUtcNow().AddMinutes(minutes).ToUnixTimeSeconds();

    /// <summary>A token with these claims, signed as it should be.</summary>
    public string Sign(Dictionary<string, object> claims) => Sign(new { typ = "JWT", alg = "RS256", kid = Signing.Id }, claims, data => Signing.Key.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));

    /// <summary>A token with any header and any signature.</summary>
    public static string Sign(object header, Dictionary<string, object> claims, Func<byte[], byte[]> sign)
    {
        var signed = Encoded(JsonSerializer.SerializeToUtf8Bytes(header)) + "." + Encoded(JsonSerializer.SerializeToUtf8Bytes(claims));
        return signed + "." + Encoded(sign(Encoding.ASCII.GetBytes(signed)));
    }

    static Dictionary<string, object> With(Dictionary<string, object> claims, object? changes)
    {
        foreach (var property in changes?.GetType().GetProperties() ?? [])
            if (property.GetValue(changes) is { } value) claims[property.Name] = value;
            else claims.Remove(property.Name);
        return claims;
    }

    static string Encoded(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);

    public async ValueTask DisposeAsync()
    {
        await web.DisposeAsync();
        Signing.Key.Dispose();
    }
}
