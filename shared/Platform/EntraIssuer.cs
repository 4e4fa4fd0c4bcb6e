using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Selvedge.Platform;

/// <summary>Whose tokens are let in: settings <c>Entra:…</c>.</summary>
/// <param name="TenantId"><c>Entra:TenantId</c>: the directory (tenant) id.</param>
/// <param name="Audiences"><c>Entra:Audience</c>: the client id of this app's registration or its application id URI; of an id both forms, as v2.0 and v1.0 tokens name it.</param>
/// <param name="Authority"><c>Entra:Authority</c>: whose OpenID Connect metadata names the keys; the public cloud's when not set. https, or http on loopback.</param>
/// <param name="Permission"><c>Entra:Permission</c>: the delegated permission (claim <c>scp</c>) by which a client acts for its user; <c>access_as_user</c> when not set.</param>
public sealed record EntraSettings(string TenantId, IReadOnlyList<string> Audiences, Uri Authority, string Permission)
{
    /// <summary>The settings; null when none is set.</summary>
    /// <exception cref="InvalidOperationException">They are incomplete or malformed; the message says which and what to set.</exception>
    public static EntraSettings? Read(IConfiguration configuration)
    {
        var (tenant, audience, authority) = (Value("TenantId"), Value("Audience"), Value("Authority"));
        if (tenant is null && audience is null && authority is null) return null;
        if (!Guid.TryParseExact(tenant, "D", out var id)) throw Wrong("TenantId", tenant, "the tenant's id, a GUID (Entra admin center, Overview)");
        if (audience is null) throw Wrong("Audience", audience, "the client id of this app's registration, or its application id URI (api://…)");
        authority ??= $"https://login.microsoftonline.com/{id:D}/v2.0";
        if (!Uri.TryCreate(authority, UriKind.Absolute, out var address) || !(address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback)))
        {
            throw Wrong("Authority", authority, "an https address, e.g. https://login.microsoftonline.us/<tenant>/v2.0");
        }
        var bare = audience.StartsWith("api://", StringComparison.OrdinalIgnoreCase) ? audience[6..] : audience;
        return new(id.ToString("D"), Guid.TryParseExact(bare, "D", out var client) ? [client.ToString("D"), "api://" + client.ToString("D")] : [audience], address, Value("Permission") ?? "access_as_user");

        string? Value(string name) => configuration["Entra:" + name]?.Trim() is { Length: > 0 } text ? text : null;
        static InvalidOperationException Wrong(string name, string? value, string expected) =>
            new($"The setting Entra:{name} {(value is null ? "is missing" : $"is '{value}'")}; expected {expected}. Without Entra:TenantId, Entra:Audience and Entra:Authority no Entra ID tokens are accepted.");
    }
}

/// <summary>What the issuer says of itself: its name and the keys it signs with.</summary>
public sealed record IssuerKeys(string Issuer, IReadOnlyList<SecurityKey> Keys, DateTimeOffset ReadAt)
{
    public bool Has(string keyId) => Keys.Any(key => key.KeyId == keyId);
}

/// <summary>
/// The issuer's keys, read from its OpenID Connect metadata when the first token comes and kept. Read again after 12 hours, off the way of requests, and when a
/// token names a key that is not known, at most once a minute. While the issuer does not answer the keys known are used, for a day.
/// </summary>
public sealed partial class EntraIssuer(EntraSettings settings, TimeProvider time, ILogger<EntraIssuer> logger)
{
    static readonly TimeSpan Fresh = TimeSpan.FromHours(12), Usable = TimeSpan.FromHours(24), Patience = TimeSpan.FromSeconds(10);
    static readonly TimeSpan Pause = TimeSpan.FromMinutes(1), PauseAfterFailure = TimeSpan.FromSeconds(10);
    static readonly HttpClient Http = new(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5), AllowAutoRedirect = false }) { MaxResponseContentBufferSize = 1024 * 1024 };
    readonly Lock gate = new();
    readonly string address = settings.Authority.ToString().TrimEnd('/') + "/.well-known/openid-configuration";
    volatile IssuerKeys? known;
    Task reading = Task.CompletedTask;
    DateTimeOffset? triedAt;
    bool failed;

    /// <summary>The keys, with that of the id <paramref name="keyId"/> among them; null: the issuer does not sign with it.</summary>
    /// <exception cref="ProblemException">503: the issuer cannot be asked, and what is known of it does not decide.</exception>
    public async ValueTask<IssuerKeys?> FindAsync(string keyId)
    {
        if (Usably(keyId) is { } at && time.GetUtcNow() - at.ReadAt < Fresh) return at;
        var read = ReadOnceAsync();
        if (Usably(keyId) is { } meanwhile) return meanwhile;
        await read;
        if (Usably(keyId) is { } found) return found;
        lock (gate) if (!failed) return null;
        throw new ProblemException(503, "busy", "Try again shortly", "The keys of the tokens' issuer could not be read, so this token can neither be trusted nor refused. Send the request again, or use an API key.") { RetryAfter = (int)PauseAfterFailure.TotalSeconds };
    }

    IssuerKeys? Usably(string keyId) => known is { } keys && keys.Has(keyId) && time.GetUtcNow() - keys.ReadAt < Usable ? keys : null;

    // All who wait share one reading; those who come too early after one get what it brought.
    Task ReadOnceAsync()
    {
        lock (gate)
        {
            var now = time.GetUtcNow();
            if (!reading.IsCompleted || (triedAt is { } tried && (now - tried).Duration() < (failed ? PauseAfterFailure : Pause))) return reading;
            triedAt = now;
            return reading = Task.Run(ReadAsync);
        }
    }

    async Task ReadAsync()
    {
        try
        {
            using var patience = new CancellationTokenSource(Patience);
            var read = await OpenIdConnectConfigurationRetriever.GetAsync(address, new HttpDocumentRetriever(Http) { RequireHttps = settings.Authority.Scheme == Uri.UriSchemeHttps }, patience.Token);
            var keys = read.SigningKeys.Where(key => key is (RsaSecurityKey or X509SecurityKey) && !string.IsNullOrEmpty(key.KeyId)).ToList();
            if (string.IsNullOrEmpty(read.Issuer) || keys.Count == 0) throw new InvalidOperationException("The metadata names no issuer or no RSA key.");
            // Metadata shared by all tenants leaves their place open.
            known = new(read.Issuer.Replace("{tenantid}", settings.TenantId, StringComparison.OrdinalIgnoreCase), keys, time.GetUtcNow());
            lock (gate) failed = false;
        }
        catch (Exception failure)
        {
            // Whatever it is: those who wait find no key and are told so.
            lock (gate) failed = true;
            LogUnread(failure, address);
        }
    }

    [LoggerMessage(EventId = 1011, Level = LogLevel.Warning, Message = "The signing keys could not be read from {Address}; those known are used for a day")]
    partial void LogUnread(Exception failure, string address);
}
