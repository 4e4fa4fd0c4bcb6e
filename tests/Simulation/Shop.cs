using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Counts;
using Selvedge.Ledger;
using Selvedge.Orders;
using Selvedge.Picking;
using Selvedge.Platform;
using Selvedge.Returns;

namespace Selvedge.Tests.Simulation;

/// <summary>One instance's services for taking orders, as the app registers them, without HTTP.</summary>
internal sealed class Shop : IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    readonly ServiceProvider services;

    public Shop(Store store, TimeProvider? time = null) => services = new ServiceCollection()
        .AddLogging().AddSingleton<IConfiguration>(new ConfigurationBuilder().Build()).AddSingleton(time ?? TimeProvider.System).AddSingleton(store)
        .AddLedger().AddSingleton<LedgerReads>().AddCatalogue().AddChannels().AddSingleton<ExceptionCases>().AddOrders().AddPicking().AddCounts().AddReturns().BuildServiceProvider();

    public Intake Intake => services.GetRequiredService<Intake>();
    public OrderStore Orders => services.GetRequiredService<OrderStore>();
    public OrderProgress Progress => services.GetRequiredService<OrderProgress>();
    public HoldExpiry Holds => services.GetRequiredService<HoldExpiry>();

    public static Channel Channel(string id, ShortagePolicy shortage) => new() { Id = id, Is = "api", Name = id, Locations = ["WH1"], Shortage = shortage };

    public static Draft Order(string externalId, params (string Sku, long Quantity)[] lines) => new()
    {
        ExternalId = externalId, Currency = "AUD", Actor = "test", Lines = [.. lines.Select((line, i) => new DraftLine { Id = $"{i + 1}", Code = line.Sku, Quantity = line.Quantity })],
    };

    /// <summary>A location <c>WH1</c> and a style with these SKUs.</summary>
    public async Task StockAsync(params string[] skus)
    {
        await services.GetRequiredService<Locations>().PutAsync(new Location { Id = "WH1", Is = LocationKind.Warehouse, Name = "WH1" }, null, "test");
        await services.GetRequiredService<ProductCatalogue>().PutStyleAsync(new StyleDraft("STYLE", "Style", Stated.Whole, [.. skus.Select((sku, i) => new SkuDraft(sku, "Navy", $"{i}", $"/{i}"))])
        {
            Colours = ["Navy"], Sizes = [.. skus.Select((_, i) => $"{i}")],
        }, null, "test");
    }

    public void Dispose() => services.Dispose();
}
