using System.Net;
using System.Text;
using System.Text.Json;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Catalogue;

/// <summary>The product master over HTTP: attributes, codes with dates, history, listability, work orders, long imports.</summary>
public sealed class MasterApiTests(AppFixture app) : IClassFixture<AppFixture>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    Task<JsonElement> Put(string path, object body) => app.Client.PutAsync(path, body.AsJson(), Cancel).OkAsync();
    Task<JsonElement> Post(string path, object body) => app.Client.PostAsync(path, body.AsJson(), Cancel).OkAsync();
    Task<JsonElement> Get(string path) => app.Client.GetAsync(path, Cancel).OkAsync();
    static object Style(object cell, object? images = null) => new { name = "Shirt", category = "Shirts", images, matrix = new Dictionary<string, object> { ["Navy"] = new Dictionary<string, object> { ["M"] = cell } } };

    [Fact]
    public async Task A_wrong_attribute_is_refused_by_name_and_category_and_a_right_one_is_kept_in_one_spelling()
    {
        var refused = await app.Client.PutAsync("/api/styles/ATT", Style(new { sku = "ATT-M", attributes = new { composition = "60% cotton, 30% linen" } }).AsJson(), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        Assert.Equal("/matrix/Navy/M/attributes/composition", refused.GetProperty("errors")[0].GetProperty("pointer").GetString());
        Assert.Contains("'composition' of category 'Shirts' adds up to 90 %", refused.GetProperty("detail").GetString(), StringComparison.Ordinal);
        await Put("/api/styles/ATT", Style(new { sku = "ATT-M", attributes = new { composition = "60% cotton 40% linen", hsCode = "6205.20" } }));
        Assert.Equal("60% cotton, 40% linen", (await Get("/api/skus/ATT-M")).GetProperty("attributes").GetProperty("composition").GetString());

        await Put("/api/categories/Shirts", new { attributes = new[] { new { name = "collar", type = "choice", allowed = new[] { "button-down" }, requiredBy = new[] { "*" } } } });
        await app.Client.PutAsync("/api/styles/ATT", Style(new { sku = "ATT-M", attributes = new { collar = "none" } }).AsJson(), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        Assert.False((await Get("/api/categories/Shirts")).GetProperty("shipped").GetBoolean());
        Assert.True((await Get("/api/categories/*")).GetProperty("shipped").GetBoolean());
    }

    [Fact]
    public async Task Why_a_sku_is_not_listable_names_everything_at_once()
    {
        await Put("/api/locations/WHL", new { kind = "warehouse" });
        await Put("/api/channels/zal", new { kind = "zalando", locations = new[] { "WHL" }, currency = "EUR" });
        await Put("/api/styles/LIS", new { name = "x", matrix = new Dictionary<string, object> { ["Navy"] = new Dictionary<string, object> { ["M"] = new { sku = "LIS-M", price = "10" } } } });
        var why = await Get("/api/skus/LIS-M/listable?channel=zal");
        Assert.Equal(["attribute:composition", "attribute:gender", "attribute:origin", "no-gtin", "no-image", "no-price", "not-mapped"], why.GetProperty("why").EnumerateArray().Select(one => one.GetProperty("reason").GetString()).Order());
        var cell = new { sku = "LIS-M", barcode = "6291041500213", prices = new Dictionary<string, object> { ["EUR"] = new { price = "9.00" } }, codes = new[] { new { code = "Z1", channel = "zal" } }, attributes = new { composition = "100% wool", gender = "men", origin = "pt" } };
        await Put("/api/styles/LIS", new { name = "x", images = new[] { new { url = "https://x.example/1.jpg" } }, matrix = new Dictionary<string, object> { ["Navy"] = new Dictionary<string, object> { ["M"] = cell } } });
        Assert.True((await Get("/api/skus/LIS-M/listable?channel=zal")).GetProperty("listable").GetBoolean());
        await Put("/api/styles/LIS", new { name = "x", matrix = new { } });
        Assert.Contains((await Get("/api/styles/LIS/listable?channel=zal")).GetProperty("skus")[0].GetProperty("why").EnumerateArray(), one => one.GetProperty("reason").GetString() == "archived");
        Assert.False((await Get("/api/skus/6291041500213")).GetProperty("active").GetBoolean());
    }

    [Fact]
    public async Task A_code_means_what_it_meant_then_and_history_says_who_changed_what()
    {
        await Put("/api/styles/HIS", Style(new { sku = "HIS-M", price = "10", cost = "4", codes = new object[] { new { code = "CAMPAIGN", from = "2026-01-01", to = "2026-07-01" } } }));
        await Put("/api/styles/HIS", Style(new { sku = "HIS-M", price = "12", cost = "5", codes = new object[] { new { code = "CAMPAIGN", from = "2026-01-01", to = "2026-07-01" } } }));
        await Put("/api/styles/HIS2", Style(new { sku = "HIS2-M", codes = new object[] { new { code = "CAMPAIGN", from = "2026-07-01" } } }));
        Assert.Equal("HIS-M", (await Get("/api/skus/CAMPAIGN?asOf=2026-06-30")).GetProperty("sku").GetString());
        Assert.Equal("HIS2-M", (await Get("/api/skus/campaign?asOf=2026-07-01")).GetProperty("sku").GetString());
        await app.Client.GetAsync("/api/skus/CAMPAIGN?asOf=2025-06-30", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await app.Client.PutAsync("/api/styles/HIS3", Style(new { sku = "HIS3-M", codes = new object[] { new { code = "CAMPAIGN", from = "2026-03-01", to = "2026-04-01" } } }).AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "catalogue-conflict");

        var items = (await Get("/api/styles/HIS/history")).GetProperty("items");
        Assert.Equal([2, 1], items.EnumerateArray().Select(item => item.GetProperty("version").GetInt32()));
        var change = items[0].GetProperty("changes").EnumerateArray().Single(one => one.GetProperty("what").GetString() == "HIS-M/price");
        Assert.Equal(("10.00", "12.00", "admin"), (change.GetProperty("from").GetString(), change.GetProperty("to").GetString(), items[0].GetProperty("actor").GetString()));
        using var viewer = await app.ClientAsAsync(Role.Viewer);
        Assert.DoesNotContain("cost", (await viewer.GetAsync("/api/styles/HIS/history", Cancel).OkAsync()).GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cost_is_set_by_finance_and_not_by_others()
    {
        await Put("/api/styles/COST", Style(new { sku = "COST-M", price = "10", cost = "4" }));
        using var finance = await app.ClientAsAsync(Role.Finance);
        var changed = await finance.PutAsync("/api/skus/COST-M/cost", new { cost = "4.5" }.AsJson(), Cancel).OkAsync();
        Assert.Equal(("4.50", "10.00"), (changed.GetProperty("cost").GetString(), changed.GetProperty("price").GetString()));
        using var sales = await app.ClientAsAsync(Role.Sales);
        await sales.PutAsync("/api/skus/COST-M/cost", new { cost = "1" }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
    }

    [Fact]
    public async Task Packed_units_are_made_and_taken_apart_without_losing_value()
    {
        await app.SeedAsync("WO-A", 10, "WHW");
        await app.SeedAsync("WO-B", 7, "WHW");
        object Pack(object part) => new { name = "Pack", matrix = new Dictionary<string, object> { ["One"] = new Dictionary<string, object> { ["6"] = new { sku = "WO-P", kind = "packed", components = new[] { new { sku = "WO-A", quantity = 2 }, part } } } } };
        await Put("/api/styles/WO-PACK", Pack(new { sku = "WO-B", quantity = 1 }));
        var order = new { id = "wo1", kind = "assemble", sku = "WO-P", location = "WHW", quantity = 3 };
        Assert.Equal(("done", "90.00"), Said(await Post("/api/workorders", order)));
        Assert.Equal(("done", "90.00"), Said(await Post("/api/workorders", order)));
        Assert.Equal((4, 4, 3, "90.00"), await StockAsync());
        await app.Client.PostAsync("/api/workorders", new { id = "wo2", kind = "assemble", sku = "WO-P", location = "WHW", quantity = 3 }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.Conflict, "insufficient-stock");
        Assert.Equal((4, 4, 3, "90.00"), await StockAsync());
        await Post("/api/workorders", new { id = "wo3", kind = "break", sku = "WO-P", location = "WHW", quantity = 3 });
        Assert.Equal((10, 7, 0, "0.00"), await StockAsync());
        Assert.Equal("170.00", Money.Text((await ValueAsync("WO-A")) + await ValueAsync("WO-B")));
        await app.Client.PutAsync("/api/styles/WO-PACK", Pack(new { sku = "WO-P", quantity = 1 }).AsJson(), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");

        static (string?, string?) Said(JsonElement answer) => (answer.GetProperty("state").GetString(), answer.GetProperty("value").GetString());
        async Task<long> ValueAsync(string sku) => Money.TryParse((await Get($"/api/inventory/{sku}")).GetProperty("value").GetString(), out var value) ? value : -1;
        async Task<(int, int, int, string)> StockAsync() => ((await Get("/api/inventory/WO-A")).GetProperty("onHand").GetInt32(), (await Get("/api/inventory/WO-B")).GetProperty("onHand").GetInt32(),
            (await Get("/api/inventory/WO-P")).GetProperty("onHand").GetInt32(), Money.Text(await ValueAsync("WO-P")));
    }

    [Fact]
    public async Task A_long_import_is_answered_at_once_and_tells_how_far_it_is()
    {
        var csv = "style,name,colour,size,sku\n" + string.Concat(Enumerable.Range(0, 300).Select(i => $"LNG{i / 10},Long {i / 10},Navy,{i % 10},LNG-{i}\n"));
        var started = await SendAsync(csv, HttpStatusCode.Accepted);
        JsonElement import;
        do import = await Get(started.GetProperty("status").GetString()!); while (import.GetProperty("state").GetString() == "running");
        Assert.Equal(("done", 300, 300, 300), (import.GetProperty("state").GetString(), import.GetProperty("rows").GetInt32(), import.GetProperty("read").GetInt32(), import.GetProperty("written").GetInt32()));
        Assert.Equal(30, import.GetProperty("result").GetProperty("styles").GetProperty("created").GetInt32());

        var failing = await SendAsync(csv + "LNG0,Other,Navy,99,LNG-X\n", HttpStatusCode.Accepted);
        do import = await Get(failing.GetProperty("status").GetString()!); while (import.GetProperty("state").GetString() == "running");
        Assert.Equal(("failed", 302), (import.GetProperty("state").GetString(), import.GetProperty("problem").GetProperty("errors")[0].GetProperty("line").GetInt32()));
        Assert.Equal("json", JsonSerializer.Deserialize<JsonElement>(await app.Client.GetStringAsync("/api/exports/products?format=json", Cancel)).ValueKind == JsonValueKind.Array ? "json" : "");
        Assert.StartsWith("\uFEFFstyle,name,", Encoding.UTF8.GetString(await app.Client.GetByteArrayAsync("/api/exports/products", Cancel)), StringComparison.Ordinal);

        async Task<JsonElement> SendAsync(string text, HttpStatusCode status)
        {
            using var answer = await app.Client.SendAsync(new(HttpMethod.Post, "/api/imports/products") { Content = new StringContent(text, Encoding.UTF8, "text/csv"), Headers = { { "Prefer", "respond-async" } } }, Cancel);
            Assert.Equal(status, answer.StatusCode);
            return JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsStringAsync(Cancel));
        }
    }
}
