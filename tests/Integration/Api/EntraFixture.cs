using Microsoft.Extensions.DependencyInjection;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Api;

/// <summary>How a caller comes in.</summary>
public enum Entry { Key, Account }

/// <summary>The app, and an issuer whose tokens it takes.</summary>
public sealed class EntraFixture : IAsyncLifetime
{
    public AppFixture App { get; private set; } = null!;
    public TokenIssuer Issuer { get; private set; } = null!;

    /// <summary>A client that comes in with a new key, or with the token of a new account that is bound.</summary>
    public async Task<HttpClient> ClientAsAsync(Entry entry, Role role, Scope? scope = null)
    {
        if (entry == Entry.Key) return await App.ClientAsAsync(role, scope);
        var oid = Guid.NewGuid().ToString();
        await App.Services.GetRequiredService<Bindings>().BindAsync(new Binding { Id = "", Principal = oid, Name = $"test {role}", Role = role, Scope = scope ?? Scope.Everything, CreatedAt = default, CreatedBy = "test" });
        return Account(oid);
    }

    /// <summary>A client that comes in with a user's token.</summary>
    public HttpClient Account(string oid, object? changes = null) => App.ClientWith(Issuer.Sign(Issuer.User(oid, changes)));

    public async ValueTask InitializeAsync()
    {
        Issuer = await TokenIssuer.StartAsync();
        // Tests open exceptions that the orders know nothing of: the review, where half a minute turns, would resolve them.
        App = await AppFixture.StartAsync(args: [.. Issuer.Settings, "--AzureWebJobs.OrderReview.Disabled", "true"]);
    }

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        await Issuer.DisposeAsync();
    }
}
