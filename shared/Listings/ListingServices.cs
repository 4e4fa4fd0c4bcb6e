using Microsoft.Extensions.DependencyInjection;

namespace Selvedge.Listings;

public static class ListingServices
{
    /// <summary>Listings and the lanes that speak to channels. Needs the orders, the catalogue, the channels, the archive and the exceptions; each adapter is a registration of its own.</summary>
    public static IServiceCollection AddListings(this IServiceCollection services) => services
        .AddSingleton<ListingStore>()
        .AddSingleton<ListingRules>()
        .AddSingleton<ListingDesk>()
        .AddSingleton<ListingFile>()
        .AddSingleton<DesiredNumbers>()
        .AddSingleton<ListingGuards>()
        .AddSingleton<LaneCalls>()
        .AddSingleton<LaneHealth>()
        .AddSingleton<ListingHealth>()
        .AddSingleton<LanePush>()
        .AddSingleton<LanePoll>()
        .AddSingleton<LaneProducts>()
        .AddSingleton<ListedStyles>()
        .AddSingleton<ListedStyleFile>()
        .AddSingleton<Lane>()
        // Redirects are not followed: a token goes to the address that was configured.
        .AddKeyedSingleton("channels", (_, _) => new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) }) { Timeout = TimeSpan.FromSeconds(20) });
}
