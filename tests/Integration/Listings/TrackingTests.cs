using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Local.Channels.Mirakl;

namespace Selvedge.Tests.Integration.Listings;

/// <summary>An order of a marketplace all the way in the real app, by the real adapter against its simulator: sold there, read, accepted, picked and sent here, and the marketplace has the tracking.</summary>
public sealed class TrackingTests : IAsyncLifetime
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    readonly LaneRig.SteppedTime time = new();
    MiraklSimulator market = null!;
    AppFixture app = null!;
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        market = await MiraklSimulator.StartAsync(time);
        market.Stock.Add("offer-1");
        app = await AppFixture.StartAsync(configure: builder => builder.Services.AddSingleton<TimeProvider>(time), args: ["--Secrets:mirakl", market.Key, "--Fulfilment:Paused", "false"]);
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        await market.DisposeAsync();
    }

    // Mirakl is asked once a minute at the most: time passes.
    async Task UntilAsync(Func<Task<bool>> isSo, Func<string> what)
    {
        var (from, times) = (TimeProvider.System.GetTimestamp(), 0);
        while (!await isSo())
        {
            if (TimeProvider.System.GetElapsedTime(from) > Patience) Assert.Fail(what() + "; done: " + string.Join(' ', market.Done.Select(one => $"{one.Key}={one.Value}")));
            if (++times % 20 == 0)
            {
                time.Pass(TimeSpan.FromSeconds(61));
                await app.Client.PostAsync("/api/channels/mirakl-fr/refresh", null, Cancel).OkAsync();
            }
            await Task.Delay(50, Cancel);
        }
    }

    [Fact]
    public async Task What_a_marketplace_sold_is_accepted_sent_and_told_with_its_tracking()
    {
        await app.SeedAsync("JKT-M", 5);
        await app.Client.PutAsync("/api/channels/mirakl-fr", new { kind = "mirakl", locations = new[] { "WH1" }, api = new { shop = market.Address.ToString(), token = "mirakl", settings = new Dictionary<string, string> { ["carrier.DHL"] = "dhl-fr" } } }.AsJson(), Cancel).OkAsync();
        await app.Client.PutAsync("/api/listings/mirakl-fr/offer-1", new { sku = "JKT-M" }.AsJson(), Cancel).OkAsync();
        await app.Client.PutAsync("/api/styles/style-JKT-M", new { name = "Jacket", matrix = new { Navy = new { M = new { sku = "JKT-M", codes = new[] { "offer-1" } } } } }.AsJson(), Cancel).OkAsync();
        await UntilAsync(() => Task.FromResult(market.Stock.Units("offer-1") == 5), () => $"shows {market.Stock.Units("offer-1")}");

        // Of two answers the first is lost on the way.
        market.Faults.Next(Selvedge.Local.Channels.Fault.HangUpAfter, "OR21");
        market.Faults.Next(Selvedge.Local.Channels.Fault.HangUpAfter, "OR24");
        var order = market.Sell(("offer-1", 2))!;
        await UntilAsync(() => Task.FromResult(order.State == "SHIPPING"), () => $"the order is {order.State}");

        string? pick = null;
        await UntilAsync(async () =>
        {
            using var next = await app.Client.PostAsync("/api/picks/next", new { location = "WH1" }.AsJson(), Cancel);
            if (next.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.Created)) return false;
            pick = JsonDocument.Parse(await next.Content.ReadAsStringAsync(Cancel)).RootElement.GetProperty("id").GetString();
            return true;
        }, () => "no ticket");
        foreach (var scan in (string[])["s-1", "s-2"]) await app.Client.PostAsync($"/api/picks/{pick}/scan", new { scanId = scan, barcode = "JKT-M" }.AsJson(), Cancel).OkAsync();
        await app.Client.PostAsync($"/api/picks/{pick}/pack", null, Cancel).OkAsync();
        await app.Client.PostAsync($"/api/picks/{pick}/ship", new { carrier = "DHL", tracking = "JD0140001" }.AsJson(), Cancel).OkAsync();

        await UntilAsync(() => Task.FromResult(order.State == "SHIPPED"), () => $"the order is {order.State} with tracking '{order.Tracking}'");
        Assert.Equal("JD0140001", order.Tracking);
        Assert.Contains("dhl-fr", market.Bodies["OR23"], StringComparison.Ordinal);
        var ours = await app.Client.GetAsync("/api/orders/mirakl-fr:" + order.Id, Cancel).OkAsync();
        Assert.Equal("shipped", ours.GetProperty("status").GetString());
        Assert.Equal(3, market.Stock.Units("offer-1"));
    }
}
