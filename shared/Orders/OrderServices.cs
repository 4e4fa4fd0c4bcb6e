using Microsoft.Extensions.DependencyInjection;
using Selvedge.Channels.Shopify;
using Selvedge.Channels;
using Selvedge.Ledger;

namespace Selvedge.Orders;

public static class OrderServices
{
    /// <summary>Orders, their intake and the webhooks that feed it. Needs the store, the ledger, the catalogue, the channels and the exceptions.</summary>
    public static IServiceCollection AddOrders(this IServiceCollection services) => services
        .AddSingleton<OrderStore>()
        .AddSingleton<DueOrders>()
        .AddSingleton<Blocks>()
        .AddSingleton<Fulfilment>()
        .AddSingleton<Telling>()
        .AddSingleton<FulfilmentStart>()
        .AddSingleton<StockView>()
        .AddSingleton<LocationLoad>()
        .AddSingleton<Planning>()
        .AddSingleton<OrderExceptions>()
        .AddSingleton(provider => new Claiming(provider.GetRequiredService<InventoryLedger>().ExecuteAsync))
        .AddSingleton(provider => new TillPoster(provider.GetRequiredService<InventoryLedger>().ExecuteAsync))
        .AddSingleton<Precedence>()
        .AddSingleton<Intake>()
        .AddSingleton<HoldExpiry>()
        .AddSingleton<OrderProgress>()
        .AddSingleton(provider => ShopifyWebhooks.System(provider.GetRequiredService<Intake>(), provider.GetRequiredService<ShopifyReads>()))
        .AddSingleton<ShopifyApi>()
        .AddSingleton<ShopifyReads>()
        .AddSingleton<ShopifyPoll>()
        .AddSingleton<ShopifySubscriptions>();
}
