using System.Globalization;
using Microsoft.AspNetCore.Http;
using Selvedge.Functions.Api;
using Selvedge.Platform;

namespace Selvedge.Functions.Keys;

/// <summary>API keys, and accounts of Entra ID that are bound: who may call, as what, and how far.</summary>
public sealed class KeyFunctions(ApiKeys keys, Bindings bindings, Idempotency idempotency, TimeProvider time)
{
    /// <summary>Makes a key. The answer is the only place its token ever appears: a replay (Idempotency-Key) shows the key without it. With
    /// <c>principal</c> it is an account that is bound: it has no token of ours, and binding it to the same again is a repeat.</summary>
    [Function("CreateKey"), Access(By = Bounds.Everything)]
    public async Task<IResult> CreateAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/keys")] HttpRequest request, FunctionContext context)
    {
        var caller = context.Caller();
        var bytes = await request.BytesAsync();
        var body = RequestFields.Parse(bytes);
        var (name, person, role, scope) = (body.Text("name", 100), body.OptionalText("person", 100), body.Word<Role>("role"), ScopeOf(body.Object("scope")));
        var principal = PrincipalOf(body);
        var expiresAt = body.Has("expiresAt") ? InstantOf(body, "expiresAt") : null;
        if (role == Role.Admin && scope != Scope.Everything) body.Add("scope", "An administrator has no bounds: leave the scope out, or choose another role.");
        if (role == Role.Portal && scope.Customers is not { Count: > 0 }) body.Add("scope", "A portal key needs the customers it is for: \"scope\": {\"customers\": [\"…\"]}.");
        body.ThrowIfFaulty();
        return await idempotency.OnceAsync(request, caller, bytes, async () =>
        {
            if (principal is not null)
            {
                var wanted = new Binding { Id = "", Principal = principal, Name = name, Person = person, Role = role, Scope = scope, ExpiresAt = expiresAt, CreatedAt = default, CreatedBy = caller.Actor };
                var (bound, repeated) = await bindings.BindAsync(wanted);
                if (repeated) request.MarkReplayed();
                return new Answered(StatusCodes.Status201Created, KeyView.Of(bound), $"/api/keys/{bound.Id}");
            }
            var (token, key) = keys.Make(name, role, scope, caller.Actor, person, expiresAt);
            await keys.AddAsync(key);
            var view = KeyView.Of(key);
            return new Answered(StatusCodes.Status201Created, view, $"/api/keys/{key.Id}") { Shown = view with { Token = token } };
        });
    }

    /// <summary>Gives a key another token; the one before is good for <c>graceHours</c> more (24 when left out, 0: not at all).</summary>
    [Function("RotateKey"), Access(By = Bounds.Everything)]
    public async Task<IResult> RotateAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/keys/{id}/rotate")] HttpRequest request, string id, FunctionContext context)
    {
        var bytes = await request.BytesAsync();
        var body = bytes.IsEmpty ? null : RequestFields.Parse(bytes);
        var hours = body?.Whole("graceHours", 0, 720, 24) ?? 24;
        body?.ThrowIfFaulty();
        if (Bindings.IsId(id)) throw ProblemException.Conflict("no-token", "It has no token of ours", $"'{id}' is an account of Entra ID: its tokens come from there.");
        return await idempotency.OnceAsync(request, context.Caller(), bytes, async () =>
        {
            var (token, key) = await keys.RotateAsync(id, TimeSpan.FromHours(hours));
            var view = KeyView.Of(key);
            return new Answered(StatusCodes.Status200OK, view) { Shown = view with { Token = token } };
        });
    }

    /// <summary>All keys, without their tokens, and the accounts that are or were bound.</summary>
    [Function("ListKeys"), Access(By = Bounds.Everything)]
    public async Task<IResult> ListAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/keys")] HttpRequest request) =>
        Request.Answer(new Page<KeyView>([.. (await keys.AllAsync()).Select(KeyView.Of), .. (await bindings.AllAsync()).Select(KeyView.Of)], null));

    /// <summary>Deletes a key, or ends a binding; other instances stop letting it in within 5 s.</summary>
    [Function("DeleteKey"), Access(By = Bounds.Everything)]
    public async Task<IResult> DeleteAsync([HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "api/keys/{id}")] HttpRequest request, string id)
    {
        await (Bindings.IsId(id) ? bindings.RevokeAsync(id) : keys.RemoveAsync(id));
        return Results.NoContent();
    }

    DateTimeOffset? InstantOf(RequestFields body, string name)
    {
        if (body.OptionalText(name, 40) is not { } text) return null;
        if (text.Length >= 20 && text[10] == 'T' && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) && at > time.GetUtcNow()) return InstantConverter.Cut(at);
        body.Add(name, $"Expected an instant to come as RFC 3339, e.g. \"2030-01-31T00:00:00Z\", got '{text}'.");
        return null;
    }

    static string? PrincipalOf(RequestFields body)
    {
        if (body.OptionalText("principal", 100) is not { } text) return null;
        if (Guid.TryParseExact(text, "D", out var principal)) return principal.ToString("D");
        body.Add("principal", $"Expected the object id of a user or a service principal (a GUID), got '{text}'.");
        return null;
    }

    static Scope ScopeOf(RequestFields? scope)
    {
        return scope is null ? Scope.Everything : new(ListOf("locations"), ListOf("customers"), ListOf("channels"));
        IReadOnlyList<string>? ListOf(string name) => scope.Has(name) ? scope.Texts(name, 1000, 100) : null;
    }
}

/// <summary>A key as the API shows it.</summary>
public sealed record KeyView(string Id, string Name, string? Person, Role Role, Scope Scope, DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset? ExpiresAt, DateTimeOffset? RotatedAt)
{
    /// <summary>Only in the answer that made it.</summary>
    public string? Token { get; init; }

    /// <summary>The account's object id; null: it is a key.</summary>
    public string? Principal { get; init; }

    /// <summary>Since when the account is not let in.</summary>
    public DateTimeOffset? RevokedAt { get; init; }

    public static KeyView Of(ApiKey key) => new(key.Id, key.Name, key.Person, key.Role, key.Scope, key.CreatedAt, key.CreatedBy, key.ExpiresAt, key.RotatedAt);

    public static KeyView Of(Binding bound) => new(bound.Id, bound.Name, bound.Person, bound.Role, bound.Scope, bound.CreatedAt, bound.CreatedBy, bound.ExpiresAt, null) { Principal = bound.Principal, RevokedAt = bound.RevokedAt };
}
