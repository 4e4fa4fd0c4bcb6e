using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Functions.Api;
using Selvedge.Ledger;

namespace Selvedge.Tests.Integration.Api;

/// <summary>What the main routes answer is what the document says: status, media type and shape.</summary>
public sealed class ResponseShapeTests(AppFixture app) : IClassFixture<AppFixture>
{
    static readonly JsonObject Document = OpenApi.Document();
    static readonly SchemaCheck Schema = new(Document);
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Answers_have_the_described_status_and_shape()
    {
        await app.SeedAsync("SHAPE-1", 8);
        await app.Services.GetRequiredService<InventoryLedger>().ExecuteAsync(new SetClaim { Sku = "SHAPE-1", Actor = "test", Order = "shop:1", Line = "1", Quantity = 10, Places = ["WH1"], Revision = 1, Shortage = Shortage.Short, Channel = "shop" });
        await CheckAsync("/api/health/live");
        await CheckAsync("/api/health/ready");
        await CheckAsync("/api/openapi.json");
        await CheckAsync("/api/inventory/{sku}", "/api/inventory/SHAPE-1");
        await CheckAsync("/api/inventory/{sku}", "/api/inventory/none");
        await CheckAsync("/api/inventory/{sku}/entries", "/api/inventory/SHAPE-1/entries");
        await CheckAsync("/api/inventory/{sku}/claims", "/api/inventory/SHAPE-1/claims");
        await CheckAsync("/api/inventory/query", body: new { skus = (string[])["SHAPE-1", "none"] });
        var sale = new { id = "sale", kind = "posSale", sku = "SHAPE-1", location = "WH1", quantity = 9 };
        await CheckAsync("/api/movements", body: sale);
        await CheckAsync("/api/movements", body: sale);
        await CheckAsync("/api/movements", body: new { sale.id, kind = "receive", sale.sku, sale.location, sale.quantity });
        await CheckAsync("/api/movements", body: new { id = "t", kind = "transfer", sale.sku, sale.location, to = "WH1", sale.quantity });
        await CheckAsync("/api/limits", body: new { id = "f1", sku = "SHAPE-1", fence = "group:vip", quantity = 2 });
        await CheckAsync("/api/limits", body: new { id = "f2", sku = "SHAPE-1", location = "NONE", quantity = 2 });
        await CheckAsync("/api/exceptions");
        await CheckAsync("/api/exceptions?status=x", "/api/exceptions?status=x");
        await CheckAsync("/api/exceptions/{id}/resolve", "/api/exceptions/none/resolve", new { resolution = "x" });
        await CheckAsync("/api/keys");
        await CheckAsync("/api/keys", body: new { name = "shape", role = "sales", scope = new { channels = (string[])["shop"] } });
        await CheckAsync("/api/keys/{id}", "/api/keys/none", method: HttpMethod.Delete);
        await CheckAsync("/api/audits", method: HttpMethod.Post);
        await CheckAsync("/api/audits/{id}", "/api/audits/latest");
        await CheckAsync("/api/locations");
        await CheckAsync("/api/locations/{id}", "/api/locations/WH1");
        await CheckAsync("/api/locations/{id}", "/api/locations/WH2", new { kind = "store", name = "Shop", priority = 2 }, HttpMethod.Put);
        await CheckAsync("/api/styles");
        await CheckAsync("/api/styles/{id}", "/api/styles/style-SHAPE-1");
        await CheckAsync("/api/styles/{id}/inventory", "/api/styles/style-SHAPE-1/inventory");
        await CheckAsync("/api/skus/{sku}", "/api/skus/SHAPE-1");
        await CheckAsync("/api/channels/{id}", "/api/channels/shop", new { kind = "api", locations = (string[])["WH1"], shortage = "backorder" }, HttpMethod.Put);
        await CheckAsync("/api/channels/{id}", "/api/channels/shop");
        await CheckAsync("/api/channels");
        var order = new { channel = "shop", externalId = "5001", currency = "AUD", lines = (object[])[new { sku = "SHAPE-1", quantity = 2, price = "49.90" }], shipTo = new { name = "Kim", line1 = "1 Test St", city = "Melbourne", postcode = "3000", country = "AU" } };
        await CheckAsync("/api/orders", body: order);
        await CheckAsync("/api/orders", body: order);
        await CheckAsync("/api/orders", body: new { order.channel, order.externalId, order.currency, lines = (object[])[new { sku = "SHAPE-1", quantity = 3 }] });
        await CheckAsync("/api/orders", body: new { channel = "none", externalId = "1", lines = Array.Empty<object>() });
        await CheckAsync("/api/orders");
        await CheckAsync("/api/orders/{id}", "/api/orders/shop:5001");
        await CheckAsync("/api/orders/{id}", "/api/orders/shop:none");
        await CheckAsync("/api/orders/{id}/cancel", "/api/orders/shop:5001/cancel", new { reason = "changed their mind" });
        await CheckAsync("/api/webhooks/{channel}/{topic}", "/api/webhooks/shop/orders/create", new { id = 1 });
    }

    [Fact]
    public async Task What_comes_in_and_moves_is_answered_as_described()
    {
        await app.SeedAsync("SHAPE-2", 30);
        await app.SeedAsync("SHAPE-2", 0, "WH3");
        object[] Lines(long quantity) => [new { line = "1", sku = "SHAPE-2", quantity, unitCost = "2.00" }];
        await CheckAsync("/api/purchaseorders/{id}", "/api/purchaseorders/P1", new { supplier = "m", location = "WH1", currency = "AUD", due = "2026-12-01", lines = Lines(9) }, HttpMethod.Put);
        await CheckAsync("/api/asns/{id}", "/api/asns/A1", new { purchaseOrder = "P1", location = "WH1", lines = (object[])[new { line = "1", sku = "SHAPE-2", quantity = 6 }], cartons = (object[])[new { sscc = "093123450000000012", lines = (object[])[new { line = "1", quantity = 6 }] }] }, HttpMethod.Put);
        await CheckAsync("/api/receipts", body: new { id = "R1", location = "WH1", asn = "A1", lines = (object[])[new { sku = "SHAPE-2", quantity = 7, damaged = 1, bin = "A-01" }] });
        await CheckAsync("/api/receipts/{id}/landedcost", "/api/receipts/R1/landedcost", new { id = "l1", amount = "5.00", currency = "AUD", basis = "value" });
        await CheckAsync("/api/receipts/{id}/landedcost", "/api/receipts/R1/landedcost", new { id = "l2", amount = "5.00", currency = "AUD", basis = "weight" });
        foreach (var path in (string[])["/api/purchaseorders", "/api/asns", "/api/receipts"]) await CheckAsync(path);
        await CheckAsync("/api/purchaseorders/{id}", "/api/purchaseorders/P1");
        await CheckAsync("/api/asns/{id}", "/api/asns/A1");
        await CheckAsync("/api/receipts/{id}", "/api/receipts/R1");
        await CheckAsync("/api/asns/{id}/close", "/api/asns/A1/close", new { });
        await CheckAsync("/api/purchaseorders/{id}/close", "/api/purchaseorders/P1/close", new { });
        await CheckAsync("/api/counts", body: new { id = "c1", location = "WH1", skus = (string[])["SHAPE-2"], tolerance = 1 });
        await CheckAsync("/api/counts/{id}/lines/{line}/begin", "/api/counts/c1/lines/1/begin", new { });
        await CheckAsync("/api/counts/{id}/lines/{line}/report", "/api/counts/c1/lines/1/report", new { counted = 29 });
        await CheckAsync("/api/counts/{id}/lines", "/api/counts/c1/lines", new { sku = "SHAPE-2", bin = "B-01" });
        await CheckAsync("/api/counts/{id}/lines/{line}/begin", "/api/counts/c1/lines/1/begin", new { });
        await CheckAsync("/api/counts");
        await CheckAsync("/api/countvariance");
        await CheckAsync("/api/counts/{id}/cancel", "/api/counts/c1/cancel", new { });
        await CheckAsync("/api/returns", body: new { id = "r1", reason = "found at the door" });
        await CheckAsync("/api/returns/{id}/receive", "/api/returns/r1/receive", new { receiptId = "1", location = "WH1", lines = (object[])[new { sku = "SHAPE-2", quantity = 2 }] });
        await CheckAsync("/api/returns/{id}/grade", "/api/returns/r1/grade", new { gradingId = "1", location = "WH1", sku = "SHAPE-2", quantity = 1, grade = "b" });
        await CheckAsync("/api/returns/{id}/refund", "/api/returns/r1/refund", new { refundId = "1", amount = "1.00", currency = "AUD" });
        await CheckAsync("/api/returns");
        await CheckAsync("/api/returns/{id}/close", "/api/returns/r1/close", new { });
        await CheckAsync("/api/transfers", body: new { id = "t1", from = "WH1", to = "WH3", lines = (object[])[new { sku = "SHAPE-2", quantity = 2 }] });
        await CheckAsync("/api/transfers", body: new { id = "t2", from = "WH1", to = "WH3", lines = (object[])[new { sku = "SHAPE-2", quantity = 2000 }] });
        await CheckAsync("/api/transfers");
        await CheckAsync("/api/transfers/{id}/receive", "/api/transfers/t1/receive", new { receiptId = "1", lines = (object[])[new { sku = "SHAPE-2", quantity = 2 }] });
        await CheckAsync("/api/transfers/{id}/cancel", "/api/transfers/t1/cancel", new { });
        await CheckAsync("/api/transfers/{id}", "/api/transfers/t1");
    }

    async Task CheckAsync(string template, string? path = null, object? body = null, HttpMethod? method = null)
    {
        template = template.Split('?')[0];
        method ??= body is null ? HttpMethod.Get : HttpMethod.Post;
        using var request = new HttpRequestMessage(method, path ?? template) { Content = body?.AsJson() };
        using var answer = await app.Client.SendAsync(request, Cancel);
        var (what, status) = ($"{method} {path ?? template}", (int)answer.StatusCode);
        var operation = Document["paths"]![template]![method.Method.ToLowerInvariant()]!;
        var described = operation["responses"]![status.ToString(CultureInfo.InvariantCulture)];
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.True(described is not null, $"{what} answered {status}, which is not described: {text}");
        if (Schema.Resolve(described)["content"] is not JsonObject content)
        {
            Assert.Empty(text);
            return;
        }
        var schema = content[answer.Content.Headers.ContentType!.MediaType!]?["schema"];
        Assert.True(schema is not null, $"{what} answered {status} as {answer.Content.Headers.ContentType}, which is not described");
        Assert.NotEmpty(answer.Headers.GetValues(ApiMiddleware.RequestId));
        var faults = Schema.Faults(JsonSerializer.Deserialize<JsonElement>(text), schema).ToList();
        // A problem's kind may add members of its own (RFC 9457, section 3.2).
        if (status >= (int)HttpStatusCode.BadRequest) faults.RemoveAll(fault => fault.EndsWith("is not described", StringComparison.Ordinal));
        Assert.True(faults.Count == 0, $"{what} answered {status}: {string.Join("; ", faults)}\n{text}");
    }
}
