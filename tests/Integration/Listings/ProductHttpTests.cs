using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Local.Channels.Shopify;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Listings;

/// <summary>The whole way of a product in the real app: asked for by HTTP, made in the shop by the lane, its items mapped, their stock shown; changed in the product master and so in the shop, also across a restart.</summary>
public sealed class ProductHttpTests : IAsyncLifetime
{
    readonly LaneRig.SteppedTime time = new();
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    ShopifySimulator shop = null!;
    AppFixture app = null!;
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        shop = await ShopifySimulator.StartAsync(seed: 3);
        shop.Inventory.Add("OTHER", 1, 7, 0);
        app = await AppFixture.StartAsync(configure: builder => builder.Services.AddSingleton<TimeProvider>(time), args: ["--Secrets:shop-token", shop.Token, "--AzureWebJobs.ShopifyPoll.Disabled", "true", "--AzureWebJobs.ShopifySubscriptions.Disabled", "true"]);
        await app.Client.PutAsync("/api/locations/WH1", new { kind = "warehouse", name = "WH1" }.AsJson(), Cancel).OkAsync();
        await app.Client.PutAsync("/api/channels/shop", new { kind = "shopify", locations = new[] { "WH1" }, places = new Dictionary<string, string> { ["7"] = "WH1" }, api = new { shop = shop.Address.ToString(), version = "2026-07", token = "shop-token" } }.AsJson(), Cancel).OkAsync();
        await PutAsync("Tee", "S", "M");
        foreach (var size in (string[])["S", "M"])
            await app.Client.PostAsync("/api/movements", new { id = "open", kind = "receive", sku = "TEE-" + size, location = "WH1", quantity = 12, unitCost = "9.00" }.AsJson(), Cancel).OkAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        await shop.DisposeAsync();
    }

    Task<JsonElement> PutAsync(string name, params string[] sizes) => app.Client.PutAsync("/api/styles/TEE", new
    {
        name, images = new[] { new { url = "https://images.example/tee.jpg" } },
        matrix = new Dictionary<string, object> { ["White"] = sizes.ToDictionary(size => size, size => (object)new { sku = "TEE-" + size, barcode = ProductTests.Gtin13("TEE-" + size), price = "29.90" }) },
    }.AsJson(), Cancel).OkAsync();

    async Task<JsonElement> UntilAsync(string state, Func<bool> andSo)
    {
        JsonElement tee = default;
        var times = 0;
        for (var from = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(from) < Patience; await Task.Delay(50, Cancel))
        {
            // The shop's orders are read once a minute, and more is shown only after that.
            if (++times % 20 == 0)
            {
                time.Pass(TimeSpan.FromSeconds(61));
                await app.Client.PostAsync("/api/channels/shop/refresh", null, Cancel).OkAsync();
            }
            tee = await app.Client.GetAsync("/api/listings/shop/styles/TEE", Cancel).OkAsync();
            if (tee.GetProperty("state").GetString() == state && andSo()) return tee;
        }
        Assert.Fail($"never {state}: {tee}; the shop answered {string.Join(' ', shop.Answered.Select(one => $"{one.Key}={one.Value}"))}, stock {string.Join(' ', shop.Inventory.Stock.Keys.Select(key => $"{key.Item}={shop.Inventory.Stock.Units(key.Item, key.Place)}"))}; {await app.Client.GetStringAsync("/api/listings?channel=shop", Cancel)}");
        return tee;
    }

    long Units(string sku) => shop.Products.All.SelectMany(product => product.Variants).FirstOrDefault(variant => variant.Sku == sku) is { } variant ? shop.Inventory.Stock.Units(variant.Item, SimulatedInventory.PlaceGid(7)) : -1;

    [Fact]
    public async Task A_style_that_is_asked_for_is_made_in_the_shop_with_its_stock_and_follows_its_changes()
    {
        // Its first answer is lost.
        shop.Faults.Next(Selvedge.Local.Channels.Fault.HangUpAfter, "SetProduct");
        var asked = await app.Client.PutAsync("/api/listings/shop/styles/TEE", null, Cancel);
        Assert.Equal(HttpStatusCode.Created, asked.StatusCode);
        var tee = await UntilAsync("listed", () => (Units("TEE-S"), Units("TEE-M")) == (12, 12));
        var product = Assert.Single(shop.Products.All);
        Assert.Equal(("Tee", "tee", product.Id, 2), (product.Title, product.Handle, tee.GetProperty("externalId").GetString(), tee.GetProperty("items").GetArrayLength()));
        Assert.Equal(SimulatedInventory.PlaceGid(7), tee.GetProperty("items")[0].GetProperty("listings")[0].GetProperty("place").GetString());
        Assert.Equal(2, (await app.Client.GetAsync("/api/listings?channel=shop", Cancel).OkAsync()).GetProperty("items").GetArrayLength());
        Assert.Equal("TEE", (await app.Client.GetAsync("/api/channels/shop/styles", Cancel).OkAsync()).GetProperty("items")[0].GetProperty("style").GetString());

        // The change feed hears of another name and of a SKU that is archived: it stays in the shop and sells nothing.
        await PutAsync("Tee, white", "M");
        await UntilAsync("listed", () => (product.Title, Units("TEE-S"), Units("TEE-M")) == ("Tee, white", 0, 12));
        Assert.Equal((2, 0), (product.Variants.Count, shop.Products.Deleted.Count));

        await app.RestartAsync();
        await PutAsync("Tee, new", "M", "L");
        await UntilAsync("listed", () => product.Title == "Tee, new" && product.Variants.Exists(variant => variant.Sku == "TEE-L"));
        Assert.Empty(shop.Products.Deleted);

        await app.Client.DeleteAsync("/api/listings/shop/styles/TEE", Cancel).OkAsync();
        await UntilAsync("stopped", () => Units("TEE-M") == 0);
        Assert.Equal(3, product.Variants.Count);
    }

    [Fact]
    public async Task What_cannot_be_is_said_and_files_do_many_at_once()
    {
        await app.Client.PutAsync("/api/listings/shop/styles/NOPE", null, Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await app.Client.GetAsync("/api/listings/shop/styles/TEE", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await app.Client.DeleteAsync("/api/listings/shop/styles/TEE", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await app.Client.PutAsync("/api/channels/zal", new { kind = "zalando", locations = new[] { "WH1" }, api = new { shop = "zal.example" } }.AsJson(), Cancel).OkAsync();
        await app.Client.PutAsync("/api/listings/zal/styles/TEE", null, Cancel).ProblemAsync(HttpStatusCode.Conflict, "no-products");
        await app.Client.PutAsync("/api/listings/shop/styles/TEE", new { externalid = "x" }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");

        Task<HttpResponseMessage> SendAsync(string file, string query = "") => app.Client.PostAsync("/api/listings/shop/styles/import" + query, new StringContent(file, Encoding.UTF8, "text/csv"), Cancel);
        Assert.Equal(2, (await SendAsync("style,status\nNOPE,\nTEE,gone\n").ProblemAsync(HttpStatusCode.BadRequest, "import-invalid")).GetProperty("errors").GetArrayLength());
        Assert.Equal(1, (await SendAsync("style\nTEE\n", "?dryRun=true").OkAsync()).GetProperty("rows").GetInt32());
        Assert.Equal(1, (await SendAsync("style\nTEE\n").OkAsync()).GetProperty("created").GetInt32());
        await UntilAsync("listed", () => true);
        Assert.Equal(1, (await SendAsync("style\nTEE\n").OkAsync()).GetProperty("unchanged").GetInt32());
        Assert.Equal(1, (await SendAsync("style,status\nTEE,stopped\n").OkAsync()).GetProperty("changed").GetInt32());
        using var bounded = await app.ClientAsAsync(Role.Sales, new Scope(Channels: ["elsewhere"]));
        await bounded.GetAsync("/api/listings/shop/styles/TEE", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await bounded.PutAsync("/api/listings/shop/styles/TEE", null, Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
    }
}
