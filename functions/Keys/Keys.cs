using Microsoft.AspNetCore.Http;
using Selvedge.Functions.Api;
using Selvedge.Platform;

namespace Selvedge.Functions.Keys;

/// <summary>API keys: who may call, as what, and how far.</summary>
public sealed class KeyFunctions(ApiKeys keys, Idempotency idempotency)
{
    /// <summary>Makes a key. The answer is the only place its token ever appears: a replay (Idempotency-Key) shows the key without it.</summary>
    [Function("CreateKey"), Access]
    public async Task<IResult> CreateAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/keys")] HttpRequest request, FunctionContext context)
    {
        var caller = context.Caller();
        var bytes = await request.BytesAsync();
        var body = RequestFields.Parse(bytes);
        var (name, role, scope) = (body.Text("name", 100), body.Word<Role>("role"), ScopeOf(body.Object("scope")));
        body.ThrowIfFaulty();
        return await idempotency.OnceAsync(request, caller, bytes, async () =>
        {
            var (token, key) = keys.Make(name, role, scope, caller.Actor);
            await keys.AddAsync(key);
            var view = KeyView.Of(key);
            return new Answered(StatusCodes.Status201Created, view, $"/api/keys/{key.Id}") { Shown = view with { Token = token } };
        });
    }

    /// <summary>All keys, without their tokens.</summary>
    [Function("ListKeys"), Access]
    public async Task<IResult> ListAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/keys")] HttpRequest request) =>
        Request.Answer(new Page<KeyView>([.. (await keys.AllAsync()).Select(KeyView.Of)], null));

    /// <summary>Deletes a key; other instances stop letting it in within 5 s.</summary>
    [Function("DeleteKey"), Access]
    public async Task<IResult> DeleteAsync([HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "api/keys/{id}")] HttpRequest request, string id)
    {
        await keys.RemoveAsync(id);
        return Results.NoContent();
    }

    static Scope ScopeOf(RequestFields? scope)
    {
        if (scope is null) return Scope.Everything;
        return new(ListOf("locations"), ListOf("customers"), ListOf("channels"));
        IReadOnlyList<string>? ListOf(string name) => scope.Has(name) ? scope.Texts(name, 1000, 100) : null;
    }
}

/// <summary>A key as the API shows it.</summary>
public sealed record KeyView(string Id, string Name, Role Role, Scope Scope, DateTimeOffset CreatedAt, string CreatedBy)
{
    /// <summary>Only in the answer that made it.</summary>
    public string? Token { get; init; }

    public static KeyView Of(ApiKey key) => new(key.Id, key.Name, key.Role, key.Scope, key.CreatedAt, key.CreatedBy);
}
