using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Selvedge.Platform;

/// <summary>
/// Lets in who comes with an access token of Microsoft Entra ID (v2.0, or v1.0 of the same tenant). Checked as Microsoft's "Access tokens in the Microsoft identity
/// platform" and RFC 8725 say: RS256 by a key of the issuer, issuer, tenant, audience, life. What the account may do is its binding's, else its app role's.
/// </summary>
public sealed class EntraTokens(EntraSettings? settings, EntraIssuer? issuer, Bindings bindings, TimeProvider time)
{
    /// <summary>How far the issuer's clock may be off.</summary>
    static readonly TimeSpan Skew = TimeSpan.FromMinutes(5);
    static readonly Dictionary<string, Role> AppRoles = Enum.GetValues<Role>().ToDictionary(role => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(role.ToString()), StringComparer.Ordinal);
    readonly JsonWebTokenHandler handler = new();

    /// <summary>True when the text has the form of a signed token: three parts. API keys have one.</summary>
    public static bool IsToken(string text) => text.AsSpan().Count('.') == 2;

    /// <summary>Who signed in.</summary>
    /// <exception cref="ProblemException">401: the token is not one for this app; 403: it is, and nobody gave its account a role; 503: the issuer's keys cannot be read.</exception>
    public async Task<Caller> FindAsync(string token)
    {
        if (settings is null || issuer is null) throw ProblemException.Unauthorized("Entra ID tokens are not accepted here. Set Entra:TenantId and Entra:Audience, or send an API key (slv_…).");
        return await CallerAsync(await ValidateAsync(token, settings, issuer), settings);
    }

    async Task<JsonWebToken> ValidateAsync(string token, EntraSettings settings, EntraIssuer issuer)
    {
        JsonWebToken parsed;
        try { parsed = handler.ReadJsonWebToken(token); }
        catch (Exception malformed) when (malformed is ArgumentException or SecurityTokenException) { throw ProblemException.Unauthorized("The token is not a JSON Web Token."); }
        // Looked at first so that nothing else decides how a signature is checked: none, or HS256 with the public key for a secret.
        if (parsed.Alg != SecurityAlgorithms.RsaSha256) throw ProblemException.Unauthorized("The token must be signed with RS256.");
        if (string.IsNullOrEmpty(parsed.Kid) || await issuer.FindAsync(parsed.Kid) is not { } keys) throw ProblemException.Unauthorized("The token is signed with a key that its issuer does not have.");
        var result = await handler.ValidateTokenAsync(parsed, new TokenValidationParameters
        {
            ValidAlgorithms = [SecurityAlgorithms.RsaSha256],
            IssuerSigningKeys = keys.Keys,
            TryAllIssuerSigningKeys = false,
            ValidIssuers = [keys.Issuer, $"https://sts.windows.net/{settings.TenantId}/"],
            ValidAudiences = settings.Audiences,
            LifetimeValidator = IsAlive,
        });
        if (!result.IsValid)
        {
            throw ProblemException.Unauthorized(result.Exception switch
            {
                SecurityTokenExpiredException => "The token has expired.",
                SecurityTokenNotYetValidException => "The token is not valid yet.",
                SecurityTokenInvalidAudienceException => $"The token is for another audience than {string.Join(" or ", settings.Audiences)}.",
                SecurityTokenInvalidIssuerException => $"The token is of another issuer than {keys.Issuer}.",
                _ => "The token's signature or form is not valid.",
            });
        }
        if (!string.Equals(Text(parsed, "tid"), settings.TenantId, StringComparison.OrdinalIgnoreCase)) throw ProblemException.Unauthorized("The token is of another tenant (tid).");
        return parsed;
    }

    bool IsAlive(DateTime? notBefore, DateTime? expires, SecurityToken token, TokenValidationParameters parameters)
    {
        var now = time.GetUtcNow().UtcDateTime;
        if (expires is null || expires.Value + Skew <= now) throw new SecurityTokenExpiredException();
        if (notBefore - Skew > now) throw new SecurityTokenNotYetValidException();
        return true;
    }

    async Task<Caller> CallerAsync(JsonWebToken token, EntraSettings settings)
    {
        // An application without a service principal in the tenant has no object id: nobody there allowed it anything.
        if (!Guid.TryParse(Text(token, "oid"), out var oid)) throw ProblemException.Forbidden("The token names no account (oid). Make a service principal for the application in the tenant.");
        var principal = oid.ToString("D");
        var permissions = Text(token, "scp")?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        // Only an application's subject is its object id; a user's is another for every application it signs in to.
        var isApp = Text(token, "idtyp") is { } kind ? kind == "app" : permissions.Length == 0 && Text(token, "sub") == Text(token, "oid");
        // What is signed for a user and carries no permission is an ID token: the proof that somebody signed in somewhere, not that a client may act.
        if (!isApp && !permissions.Contains(settings.Permission, StringComparer.Ordinal)) throw ProblemException.Forbidden($"The token does not let its client act for you: it lacks the permission '{settings.Permission}' (scp). Ask for it when signing in.");

        if (await bindings.FindAsync(principal) is { } bound)
        {
            if (bound.RevokedAt is not null || bound.ExpiresAt <= time.GetUtcNow()) throw ProblemException.Forbidden($"The account '{principal}' is not let in any more: its binding has ended. An administrator binds it again with POST api/keys.");
            return new(bound.Id, isApp ? bound.Name : bound.Person ?? principal, bound.Role, bound.Scope, !isApp && bound.Person is not null);
        }
        var roles = token.Claims.Where(claim => claim.Type == "roles").Select(claim => claim.Value).Distinct().Where(AppRoles.ContainsKey).ToList();
        var help = $"An administrator binds it with POST api/keys and \"principal\": \"{principal}\"";
        return roles switch
        {
            [] => throw ProblemException.Forbidden($"Nobody gave the account '{principal}' a role. {help}, or assigns one of the app roles {string.Join(", ", AppRoles.Keys)} in Entra ID."),
            ["portal"] => throw ProblemException.Forbidden($"The account '{principal}' has the app role portal and no customers. {help} and the customers it is for."),
            [var role] => new(Bindings.IdOf(principal), isApp ? Text(token, "azp") ?? Text(token, "appid") ?? principal : principal, AppRoles[role], Scope.Everything),
            _ => throw ProblemException.Forbidden($"The account '{principal}' has the app roles {string.Join(", ", roles)}, and one role counts. {help}, or takes away all but one."),
        };
    }

    static string? Text(JsonWebToken token, string claim) => token.TryGetPayloadValue<string>(claim, out var text) && text.Length > 0 ? text : null;
}

public static class EntraServices
{
    /// <summary>Tokens of Entra ID. The settings are read, and refused where they are wrong, when the app starts.</summary>
    public static IServiceCollection AddEntra(this IServiceCollection services) => services.AddSingleton<Bindings>().AddSingleton(provider =>
    {
        var time = provider.GetRequiredService<TimeProvider>();
        var settings = EntraSettings.Read(provider.GetRequiredService<IConfiguration>());
        var issuer = settings is null ? null : new EntraIssuer(settings, time, provider.GetRequiredService<ILogger<EntraIssuer>>());
        return new EntraTokens(settings, issuer, provider.GetRequiredService<Bindings>(), time);
    });
}
