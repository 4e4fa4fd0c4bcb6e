using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Catalogue;

public sealed class CatalogueApiTests(AppFixture app) : IClassFixture<AppFixture>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;
    static StringContent Csv(string text) => new(text, Encoding.UTF8, "text/csv");
    static object Style(string sku, string price = "129.00", string? barcode = null) => new { name = "Harbour Linen Shirt", season = "AW26", matrix = new Dictionary<string, object> { ["Navy"] = new Dictionary<string, object> { ["M"] = new { sku, price, cost = "38.40", barcode } } } };

    Task<HttpResponseMessage> Put(string path, object body) => app.Client.PutAsync(path, body.AsJson(), Cancel);
    Task<HttpResponseMessage> Get(string path) => app.Client.GetAsync(path, Cancel);

    [Fact]
    public async Task A_style_goes_in_and_out_as_a_matrix_with_decimal_prices()
    {
        using (var created = await Put("/api/styles/API1", Style("API1-M", barcode: "6291041500213"))) Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        using var first = await Get("/api/styles/API1");
        var etag = first.Headers.ETag!;
        var style = JsonSerializer.Deserialize<JsonElement>(await first.Content.ReadAsStringAsync(Cancel));
        var cell = style.GetProperty("matrix").GetProperty("Navy").GetProperty("M");
        Assert.Equal(("129.00", "38.40", "06291041500213"), (cell.GetProperty("price").GetString(), cell.GetProperty("cost").GetString(), cell.GetProperty("barcode").GetString()));

        using var known = new HttpRequestMessage(HttpMethod.Get, "/api/styles/API1") { Headers = { IfNoneMatch = { etag } } };
        using (var same = await app.Client.SendAsync(known, Cancel)) Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
        var again = await app.Client.PutAsync("/api/styles/API1", new StringContent(style.GetRawText(), Encoding.UTF8, "application/json"), Cancel).OkAsync();
        Assert.Equal(1, again.GetProperty("version").GetInt32());
        using (var repeated = await app.Client.SendAsync(new(HttpMethod.Get, "/api/styles/API1") { Headers = { IfNoneMatch = { etag } } }, Cancel)) Assert.Equal(HttpStatusCode.NotModified, repeated.StatusCode);

        Assert.Equal("API1-M", (await Get("/api/skus/6291041500213").OkAsync()).GetProperty("sku").GetString());
        Assert.Equal("API1-M", (await Get("/api/skus/api1-m").OkAsync()).GetProperty("sku").GetString());
        using var stale = new HttpRequestMessage(HttpMethod.Put, "/api/styles/API1") { Content = Style("API1-M", "1.00").AsJson(), Headers = { IfMatch = { new EntityTagHeaderValue("\"old\"") } } };
        await app.Client.SendAsync(stale, Cancel).ProblemAsync(HttpStatusCode.PreconditionFailed, "changed-meanwhile");
        Assert.Contains((await Get("/api/styles?season=AW26&limit=1000").OkAsync()).GetProperty("items").EnumerateArray(), item => item.GetProperty("id").GetString() == "API1");
    }

    [Fact]
    public async Task Faults_of_a_body_come_with_pointers()
    {
        var problem = await Put("/api/styles/API2", new { name = 5, matrix = new { navy = new { m = new { sku = "A/B", price = "x" } } } }).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        Assert.Equal(["/name", "/matrix/navy/m/sku", "/matrix/navy/m/price"], problem.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("pointer").GetString()));
        await Get("/api/styles/API2").ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await Get("/api/skus/NOPE").ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await Put("/api/styles/API%3A2", Style("A")).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
    }

    [Fact]
    public async Task Locations_and_channels_are_configured_and_secrets_never_shown()
    {
        await Put("/api/locations/WHA", new { kind = "warehouse", name = "A", priority = 1, address = new { country = "AU" } }).OkAsync();
        await Put("/api/locations/WHB", new { kind = "depot" }).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        await Put("/api/channels/shop", new { kind = "shopify", locations = new[] { "WHA", "WHX" }, secret = "shop" }).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        var channel = await Put("/api/channels/shop", new { kind = "shopify", locations = new[] { "WHA" }, secret = "shop", buffer = 2 }).OkAsync();
        Assert.Equal(("oversold", "shop", false, 2), (channel.GetProperty("shortage").GetString(), channel.GetProperty("secret").GetString(), channel.GetProperty("secretPresent").GetBoolean(), channel.GetProperty("buffer").GetInt32()));
        Assert.Equal(1, (await Put("/api/channels/shop", new { kind = "shopify", locations = new[] { "WHA" }, secret = "shop", buffer = 2 }).OkAsync()).GetProperty("version").GetInt32());
        var refused = await Put("/api/channels/shop2", new { kind = "shopify", locations = new[] { "WHA" }, secret = "shpss_s3cr3t value!" }).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        Assert.DoesNotContain("s3cr3t", refused.GetRawText(), StringComparison.Ordinal);
        Assert.Contains((await Get("/api/channels").OkAsync()).GetProperty("items").EnumerateArray(), item => item.GetProperty("id").GetString() == "shop");
        Assert.Contains((await Get("/api/locations").OkAsync()).GetProperty("items").EnumerateArray(), item => item.GetProperty("id").GetString() == "WHA");
    }

    [Fact]
    public async Task Files_are_imported_and_a_key_is_for_one_file()
    {
        await Put("/api/locations/WHI", new { kind = "warehouse" }).OkAsync();
        const string products = "style,name,colour,size,sku,price,cost\nIMP,Tee,Black,M,IMP-M,59.00,13.85\n";
        var dry = await app.Client.PostAsync("/api/imports/products?dryRun=true", Csv(products), Cancel).OkAsync();
        Assert.Equal(1, dry.GetProperty("skus").GetProperty("created").GetInt32());
        await Get("/api/skus/IMP-M").ProblemAsync(HttpStatusCode.NotFound, "not-found");
        await app.Client.PostAsync("/api/imports/products", Csv(products), Cancel).OkAsync();

        var first = await Keyed("sku,location,quantity\nIMP-M,WHI,10\n").OkAsync();
        using var second = await Keyed("sku,location,quantity\nIMP-M,WHI,10\n");
        Assert.Equal("true", second.Headers.GetValues("Idempotent-Replayed").Single());
        Assert.Equal(first.GetRawText(), JsonSerializer.Deserialize<JsonElement>(await second.Content.ReadAsStringAsync(Cancel)).GetRawText());
        await Keyed("sku,location,quantity\nIMP-M,WHI,11\n").ProblemAsync(HttpStatusCode.UnprocessableEntity, "idempotency-key-reused");
        var inventory = await Get("/api/styles/IMP/inventory").OkAsync();
        Assert.Equal(10, inventory.GetProperty("matrix").GetProperty("Black").GetProperty("M").GetProperty("locations").GetProperty("WHI").GetProperty("available").GetInt32());

        Task<HttpResponseMessage> Keyed(string csv) => app.Client.SendAsync(new(HttpMethod.Post, "/api/imports/stock") { Content = Csv(csv), Headers = { { "Idempotency-Key", "opening" } } }, Cancel);
    }

    [Fact]
    public async Task A_bad_file_is_refused_with_every_error_and_frees_its_key()
    {
        var problem = await Keyed("style,name,colour,size,sku\nBAD,Tee,Black,M,A/B\nBAD,Tee,Black\n").ProblemAsync(HttpStatusCode.BadRequest, "import-invalid");
        Assert.Equal([(2, 5), (3, 3)], problem.GetProperty("errors").EnumerateArray().Select(error => (error.GetProperty("line").GetInt32(), error.GetProperty("column").GetInt32())));
        Assert.Equal(2, problem.GetProperty("errorCount").GetInt32());
        await Keyed("style,name,colour,size,sku\nBAD,Tee,Black,M,BAD-M\n").OkAsync();
        await app.Client.PostAsync("/api/imports/products", new StringContent("{}", Encoding.UTF8, "application/xml"), Cancel).ProblemAsync(HttpStatusCode.UnsupportedMediaType, "not-csv");
        await app.Client.PostAsync("/api/imports/products?dryRun=yes", Csv("a"), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        await app.Client.PostAsync("/api/imports/products", Csv(new string('x', 64_000_001)), Cancel).ProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too-large");

        Task<HttpResponseMessage> Keyed(string csv) => app.Client.SendAsync(new(HttpMethod.Post, "/api/imports/products") { Content = Csv(csv), Headers = { { "Idempotency-Key", "bad" } } }, Cancel);
    }

    [Fact]
    public async Task Only_those_who_may_write_the_master_and_see_only_what_they_reach()
    {
        await Put("/api/locations/WHR", new { kind = "warehouse" }).OkAsync();
        await Put("/api/styles/ROLE", Style("ROLE-M")).OkAsync();
        using var sales = await app.ClientAsAsync(Role.Sales);
        await sales.PutAsync("/api/styles/ROLE", Style("ROLE-M").AsJson(), Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
        Assert.False((await sales.GetAsync("/api/skus/ROLE-M", Cancel).OkAsync()).TryGetProperty("cost", out _));
        using var store = await app.ClientAsAsync(Role.Warehouse, new Scope(Locations: ["ELSEWHERE"]));
        var refused = await store.PostAsync("/api/imports/stock", Csv("sku,location,quantity\nROLE-M,WHR,1\n"), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "import-invalid");
        Assert.Contains("You do not reach the location 'WHR'", refused.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain((await store.GetAsync("/api/locations", Cancel).OkAsync()).GetProperty("items").EnumerateArray(), item => item.GetProperty("id").GetString() == "WHR");
    }
}
