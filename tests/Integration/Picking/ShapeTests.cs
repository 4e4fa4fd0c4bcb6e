using System.Text.Json;
using System.Text.Json.Nodes;
using Selvedge.Functions.Api;
using Selvedge.Picking;
using Selvedge.Tests.Integration.Api;

namespace Selvedge.Tests.Integration.Picking;

/// <summary>What the floor's routes answer is what their description says: status, and every member of the body.</summary>
public sealed class ShapeTests(AppFixture app) : IClassFixture<AppFixture>
{
    static readonly JsonObject Document = OpenApi.Document();
    static readonly SchemaCheck Schema = new(Document);
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Answers_have_the_described_status_and_shape()
    {
        var floor = await Floor.OpenAsync(app);
        var sku = await floor.StockAsync("S", ("A-01", 20));
        var one = await floor.OrderAsync("1", 3, new(2026, 11, 25, 12, 0, 0, TimeSpan.Zero), (sku, 3));
        var (two, three) = (await floor.OrderAsync("2", (sku, 1)), await floor.OrderAsync("3", (sku, 1)));
        var pick = "/api/picks/" + one.Id;
        await CheckAsync("/api/picks", "/api/picks?location=" + floor.Location, 200);
        await CheckAsync("/api/picks", "/api/picks?status=nothing", 400);
        await CheckAsync("/api/picks/next", "/api/picks/next", 200, new { location = floor.Location });
        await CheckAsync("/api/picks/next", "/api/picks/next", 404, new { location = "none" });
        await CheckAsync("/api/picks/{id}", pick, 200);
        await CheckAsync("/api/picks/{id}", "/api/picks/none", 404);
        await CheckAsync("/api/picks/{id}/release", pick + "/release", 200, new { });
        await CheckAsync("/api/picks/{id}/scan", pick + "/scan", 200, new { scanId = "a", sku, quantity = 2, bin = "A-01" });
        await CheckAsync("/api/picks/{id}/scan", pick + "/scan", 422, new { scanId = "a", sku, quantity = 1 });
        await CheckAsync("/api/picks/{id}/scan", pick + "/scan", 409, new { scanId = "b", barcode = "none" });
        await CheckAsync("/api/picks/{id}/scan", pick + "/scan", 400, new { scanId = "b/c", sku, barcode = sku, quantity = 0 });
        await CheckAsync("/api/picks/{id}/unpick", pick + "/unpick", 200, new { scanId = "c", sku });
        await CheckAsync("/api/picks/{id}/short", pick + "/short", 200, new { scanId = "d", sku, quantity = 2, reason = "damaged", bin = "A-01" });
        await CheckAsync("/api/picks/{id}/short", pick + "/short", 400, new { scanId = "e", reason = "tired" });
        await CheckAsync("/api/picks/{id}/pack", pick + "/pack", 400, new { cartons = Array.Empty<object>() });
        await CheckAsync("/api/picks/{id}/pack", pick + "/pack", 200, new { cartons = (object[])[new { lines = (object[])[new { line = "1", quantity = 1 }], weightGrams = 200 }] });
        await CheckAsync("/api/picks/{id}/ship", pick + "/ship", 200, new { carrier = "auspost", tracking = "1", service = "express" });
        await CheckAsync("/api/picks/{id}/ship", pick + "/ship", 409, new { carrier = "auspost", tracking = "2" });
        await CheckAsync("/api/picks/{id}", pick, 200);
        await CheckAsync("/api/picks/{id}/release", pick + "/release", 409, new { });

        var wave = (await CheckAsync("/api/waves", "/api/waves", 201, new { location = floor.Location, kind = "wave", maxTickets = 1 })).GetProperty("id").GetString();
        await CheckAsync("/api/waves", "/api/waves", 404, new { location = floor.Location, zone = "Z" });
        await CheckAsync("/api/waves", "/api/waves?location=" + floor.Location, 200);
        await CheckAsync("/api/waves/{id}", "/api/waves/" + wave, 200);
        await CheckAsync("/api/waves/{id}", "/api/waves/" + two.Id, 404);
        await CheckAsync("/api/picks/{id}", "/api/picks/" + wave, 404);
        await CheckAsync("/api/waves/{id}/scan", $"/api/waves/{wave}/scan", 409, new { scanId = "w", sku, quantity = 5 });
        await CheckAsync("/api/waves/{id}/scan", $"/api/waves/{wave}/scan", 200, new { scanId = "w", sku, slot = 1 });
        await CheckAsync("/api/waves/{id}/release", $"/api/waves/{wave}/release", 200, new { });

        await floor.ScanAsync(three.Id, sku).OkAsync();
        await floor.AlignAsync(three.Order, [three.Id], [(sku, 1)], unwanted: "1");
        await CheckAsync("/api/putbacks", "/api/putbacks?location=" + floor.Location, 200);
        var task = WorkIds.PutBack(floor.Location, three.Order, 1);
        await CheckAsync("/api/putbacks/{id}/scan", $"/api/putbacks/{task}/scan", 200, new { scanId = "p", sku });
        await CheckAsync("/api/putbacks/{id}/scan", $"/api/putbacks/{task}/scan", 409, new { scanId = "q", sku });
        await CheckAsync("/api/putbacks/{id}/scan", $"/api/putbacks/{wave}/scan", 404, new { scanId = "q", sku });
    }

    async Task<JsonElement> CheckAsync(string described, string path, int status, object? body = null)
    {
        using var answer = body is null ? await app.Client.GetAsync(path, Cancel) : await app.Client.PostAsync(path, body.AsJson(), Cancel);
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.True((int)answer.StatusCode == status, $"{path}: {(int)answer.StatusCode} {text}");
        var operation = Document["paths"]![described]![body is null ? "get" : "post"]!;
        var response = operation["responses"]![$"{status}"];
        Assert.True(response is not null, $"{path}: {status} is not described");
        var schema = Schema.Resolve(response)["content"]![answer.Content.Headers.ContentType!.MediaType!]!["schema"]!;
        var value = JsonDocument.Parse(text).RootElement;
        Assert.Empty(Schema.Faults(value, schema).Select(fault => $"{path}: {fault}"));
        return value;
    }
}
