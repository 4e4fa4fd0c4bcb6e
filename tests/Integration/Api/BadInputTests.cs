using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Selvedge.Tests.Integration.Api;

/// <summary>What is wrong is told with what and where, and nothing is written.</summary>
public sealed class BadInputTests(AppFixture app) : IClassFixture<AppFixture>
{
    const string Good = """{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1}""";
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    Task<HttpResponseMessage> PostAsync(string path, byte[] body) =>
        app.Client.PostAsync(path, new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } }, Cancel);

    [Theory]
    [InlineData("", "")]
    [InlineData("null", "")]
    [InlineData("[]", "")]
    [InlineData("\"text\"", "")]
    [InlineData("{", "")]
    [InlineData("{\"id\":\"m1\",}", "")]
    [InlineData("{\"id\":\"m1\",\"id\":\"m2\"}", "")]
    [InlineData("{} {}", "")]
    [InlineData("{}", "/id")]
    [InlineData("""{"id":1,"kind":"receive","sku":"BAD-1","location":"WH1","quantity":1}""", "/id")]
    [InlineData("""{"id":"","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1}""", "/id")]
    [InlineData("""{"id":"a/b","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1}""", "/id")]
    [InlineData("""{"id":"a\\b","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1}""", "/id")]
    [InlineData("""{"id":"a?b","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1}""", "/id")]
    [InlineData("""{"id":"a#b","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1}""", "/id")]
    [InlineData("""{"id":"a:b","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1}""", "/id")]
    [InlineData("""{"id":"a%b","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1}""", "/id")]
    [InlineData("""{"id":"\ud800","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1}""", "/id")]
    [InlineData("""{"id":"m1","kind":"steal","sku":"BAD-1","location":"WH1","quantity":1}""", "/kind")]
    [InlineData("""{"id":"m1","kind":0,"sku":"BAD-1","location":"WH1","quantity":1}""", "/kind")]
    [InlineData("""{"id":"m1","kind":"receive","sku":null,"location":"WH1","quantity":1}""", "/sku")]
    [InlineData("""{"id":"m1","kind":"receive","sku":["BAD-1"],"location":"WH1","quantity":1}""", "/sku")]
    [InlineData("""{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1"}""", "/quantity")]
    [InlineData("""{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1","quantity":0}""", "/quantity")]
    [InlineData("""{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1","quantity":-1}""", "/quantity")]
    [InlineData("""{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1.5}""", "/quantity")]
    [InlineData("""{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1","quantity":"1"}""", "/quantity")]
    [InlineData("""{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1","quantity":10000001}""", "/quantity")]
    [InlineData("""{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1e300}""", "/quantity")]
    [InlineData("""{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1","quantity":9223372036854775808}""", "/quantity")]
    [InlineData("""{"id":"m1","kind":"adjust","sku":"BAD-1","location":"WH1","quantity":0}""", "/quantity")]
    [InlineData("""{"id":"m1","kind":"count","sku":"BAD-1","location":"WH1","quantity":-1}""", "/quantity")]
    [InlineData("""{"id":"m1","kind":"transfer","sku":"BAD-1","location":"WH1","quantity":1}""", "/to")]
    [InlineData("""{"id":"m1","kind":"transfer","sku":"BAD-1","location":"WH1","to":"WH1","quantity":1}""", "/to")]
    [InlineData("""{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1,"to":"customer"}""", "/to")]
    [InlineData("""{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1,"unitCost":"-1"}""", "/unitCost")]
    [InlineData("""{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1,"unitCost":"1.00001"}""", "/unitCost")]
    [InlineData("""{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1,"bin":"A#B"}""", "/bin")]
    [InlineData("""{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1,"effectiveAt":"yesterday"}""", "/effectiveAt")]
    [InlineData("""{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1,"effectiveAt":"2026-11-20T09:15:00"}""", "/effectiveAt")]
    [InlineData("""{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1,"effectiveAt":"2199-01-01T00:00:00Z"}""", "/effectiveAt")]
    [InlineData("""{"id":"m1","kind":"relocate","sku":"BAD-1","location":"WH1","quantity":1,"bin":"A","toBin":"A"}""", "/toBin")]
    [InlineData("""{"id":"m1","kind":"receive","sku":"BAD-1","location":"WH1","quantity":1,"effectivAt":"2026-11-20T09:15:00Z"}""", "/effectivAt")]
    public async Task A_bad_movement_is_400_with_a_pointer_and_nothing_is_posted(string body, string pointer)
    {
        await app.SeedAsync("BAD-1", 0);
        var problem = await PostAsync("/api/movements", Encoding.UTF8.GetBytes(body)).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        if (pointer.Length > 0) Assert.Contains(pointer, problem.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("pointer").GetString()));
        Assert.Equal(0, (await app.Client.GetAsync("/api/inventory/BAD-1", Cancel).OkAsync()).GetProperty("sequence").GetInt64());
    }

    [Fact]
    public async Task Invalid_utf8_is_400()
    {
        var body = Encoding.UTF8.GetBytes(Good);
        body[8] = 0xFF;
        var problem = await PostAsync("/api/movements", body).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        Assert.Contains("UTF-8", problem.GetProperty("detail").GetString()!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_oversized_body_is_413_whether_its_length_is_told_or_not()
    {
        var big = Encoding.UTF8.GetBytes("{\"id\":\"" + new string('x', 2_000_000) + "\"}");
        await PostAsync("/api/movements", big).ProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too-large");
        using var chunked = new HttpRequestMessage(HttpMethod.Post, "/api/movements") { Content = new StreamContent(new MemoryStream(big)) };
        chunked.Headers.TransferEncodingChunked = true;
        await app.Client.SendAsync(chunked, Cancel).ProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too-large");
    }

    [Fact]
    public async Task Deeply_nested_json_is_400() =>
        await PostAsync("/api/movements", Encoding.UTF8.GetBytes(new string('[', 100_000))).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");

    [Fact]
    public async Task Unknown_sku_and_location_are_422_and_named()
    {
        await app.SeedAsync("BAD-1", 0);
        var sku = await PostAsync("/api/movements", Encoding.UTF8.GetBytes(Good.Replace("BAD-1", "no such sku", StringComparison.Ordinal))).ProblemAsync(HttpStatusCode.UnprocessableEntity, "unknown-reference");
        Assert.Equal("/sku", sku.GetProperty("errors")[0].GetProperty("pointer").GetString());
        var location = await PostAsync("/api/movements", Encoding.UTF8.GetBytes(Good.Replace("WH1", "Mars", StringComparison.Ordinal))).ProblemAsync(HttpStatusCode.UnprocessableEntity, "unknown-reference");
        Assert.Contains("Mars", location.GetProperty("detail").GetString()!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/inventory/")]
    [InlineData("/api/skus/")]
    [InlineData("/api/styles/")]
    [InlineData("/api/locations/")]
    [InlineData("/api/audits/")]
    public async Task Odd_ids_in_a_path_are_a_clear_404_or_400(string path)
    {
        foreach (var id in (string[])["a/b", @"a\b", "a?b", "a#b", "a:b", "a%b", "🧵", "'; DROP TABLE items --", "' OR '1'='1", "..", " x ", new string('x', 300), "\u0001", "\uFEFF", "%"])
        {
            using var answer = await app.Client.GetAsync(path + Uri.EscapeDataString(id), Cancel);
            Assert.True(answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.BadRequest, $"{path}{id}: {(int)answer.StatusCode}");
            Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        }
    }

    [Theory]
    [InlineData("/api/exceptions?limit=0", "limit")]
    [InlineData("/api/exceptions?limit=1001", "limit")]
    [InlineData("/api/exceptions?limit=1.5", "limit")]
    [InlineData("/api/exceptions?limit=x", "limit")]
    [InlineData("/api/exceptions?limit=5&limit=6", "limit")]
    [InlineData("/api/exceptions?status=closed", "status")]
    [InlineData("/api/exceptions?kind=oversold", "kind")]
    [InlineData("/api/exceptions?continuation=!!", "continuation")]
    [InlineData("/api/exceptions?continuation=bm90IG91cnM", "continuation")]
    public async Task Bad_query_parameters_are_400_and_named(string path, string parameter)
    {
        var problem = await app.Client.GetAsync(path, Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        Assert.Equal(parameter, problem.GetProperty("errors")[0].GetProperty("parameter").GetString());
    }

    [Fact]
    public async Task Sql_in_a_filter_is_only_text()
    {
        var page = await app.Client.GetAsync("/api/exceptions?sku=" + Uri.EscapeDataString("x' OR '1'='1"), Cancel).OkAsync();
        Assert.Empty(page.GetProperty("items").EnumerateArray());
    }

    [Fact]
    public async Task Emoji_and_quotes_in_an_id_are_kept_as_they_are()
    {
        await app.SeedAsync("EMOJI-1", 0);
        object movement = new { id = "🧵 'first' \"lot\"", kind = "receive", sku = "EMOJI-1", location = "WH1", quantity = 2, reason = "naïve — ünïcode" };
        await app.Client.PostAsync("/api/movements", movement.AsJson(), Cancel).OkAsync();
        using var again = await app.Client.PostAsync("/api/movements", movement.AsJson(), Cancel);
        Assert.Equal("true", again.Headers.GetValues("Idempotent-Replayed").Single());
        Assert.Equal(2, (await app.Client.GetAsync("/api/inventory/EMOJI-1", Cancel).OkAsync()).GetProperty("onHand").GetInt64());
    }

    [Fact]
    public async Task More_than_a_thousand_skus_in_a_query_are_400()
    {
        var problem = await app.Client.PostAsync("/api/inventory/query", new { skus = Enumerable.Range(0, 1001).Select(i => $"S{i}") }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        Assert.Equal("/skus", problem.GetProperty("errors")[0].GetProperty("pointer").GetString());
    }

    [Fact]
    public async Task A_route_that_does_not_exist_is_a_problem_too()
    {
        using var answer = await app.Client.GetAsync("/api/nothing", Cancel);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
    }

    [Theory]
    [InlineData("", "The body is empty. Expected a JSON object.")]
    [InlineData(" \n", "The body is empty. Expected a JSON object.")]
    [InlineData("{\"id\":\"m1\",\"id\":\"m2\"}", "The body is not valid JSON: Duplicate property 'id'")]
    public async Task An_unreadable_body_was_explained_in_the_parsers_words(string body, string why)
    {
        var problem = await PostAsync("/api/movements", Encoding.UTF8.GetBytes(body)).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        Assert.StartsWith(why, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"kind":"shopify","locations":["NOWHERE"]}""", "/locations/0")]
    [InlineData("""{"kind":"shopify","locations":["WH1"],"places":{"a/b":"NOWHERE"}}""", "/places/a~1b")]
    [InlineData("""{"kind":"shopify","locations":["WH1"],"shortages":"refuse"}""", "/shortages")]
    public async Task A_channels_fault_pointed_nowhere_or_was_passed_over(string body, string pointer)
    {
        await app.SeedAsync("BAD-1", 0);
        var problem = await app.Client.PutAsync("/api/channels/badly-put", new StringContent(body, Encoding.UTF8, "application/json"), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        Assert.Equal(pointer, problem.GetProperty("errors").EnumerateArray().Last().GetProperty("pointer").GetString());
        await app.Client.GetAsync("/api/channels/badly-put", Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
    }

    [Theory]
    [InlineData("PUT", "/api/locations/misspelt", """{"kind":"warehouse","prioritty":1}""", "/prioritty")]
    [InlineData("PUT", "/api/locations/misspelt", """{"kind":"warehouse","address":{"street":"1 High St"}}""", "/address/street")]
    [InlineData("PUT", "/api/styles/misspelt", """{"name":"Tee","matrix":{"Navy":{"M":{"sku":"MISS-1","pirce":"1.00"}}}}""", "/matrix/Navy/M/pirce")]
    [InlineData("PUT", "/api/categories/misspelt", """{"attributes":[{"name":"fit","type":"text","require":["shop"]}]}""", "/attributes/0/require")]
    [InlineData("POST", "/api/orders", """{"channel":"any","externalId":"m1","lines":[{"sku":"BAD-1","quantity":1,"pice":"1.00"}]}""", "/lines/0/pice")]
    [InlineData("POST", "/api/orders", """{"channel":"any","externalId":"m1","lines":[{"sku":"BAD-1","quantity":1}],"hold":{"expires":"2030-01-01T00:00:00Z"}}""", "/hold/expires")]
    [InlineData("POST", "/api/limits", """{"id":"m1","sku":"BAD-1","location":"WH1","quantity":1,"chanel":"shop"}""", "/chanel")]
    [InlineData("PUT", "/api/skus/BAD-1/cost", """{"cost":"1.00","currency":"USD"}""", "/currency")]
    [InlineData("PUT", "/api/styles/misspelt", """{"name":"Tee","matrix":{"Navy":{"M":{"sku":"MISS-1","codes":["A",{"code":"B","from":"2026-06-01","to":"2026-01-01"}]}}}}""", "/matrix/Navy/M/codes/1/to")]
    [InlineData("PUT", "/api/categories/misspelt", """{"attributes":[{"name":"collar","type":"text"},{"name":"Collar","type":"text"}]}""", "/attributes/1/name")]
    [InlineData("PUT", "/api/styles/misspelt", """{"name":"Tee","category":"Shirts","matrix":{"Navy":{"M":{"sku":"MISS-1","attributes":{"Composition":"rubbish"}}}}}""", "/matrix/Navy/M/attributes/Composition")]
    [InlineData("POST", "/api/exceptions/resolve", """{"kind":"oversel","resolution":"done"}""", "/kind")]
    [InlineData("POST", "/api/claims/reassign", """{"id":"r1","sku":"BAD-1","quantity":1,"from":{"order":"a:1","line":"1"},"to":{"order":"a:1","line":"1"}}""", "/to")]
    [InlineData("POST", "/api/people/erase", """{"customer":"c1","dryrun":true}""", "/dryrun")]
    public async Task A_misspelt_member_was_left_out_unseen(string method, string path, string body, string pointer)
    {
        await app.SeedAsync("BAD-1", 0);
        var problem = await app.Client.SendAsync(new(new(method), path) { Content = new StringContent(body, Encoding.UTF8, "application/json") }, Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        Assert.Contains(pointer, problem.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("pointer").GetString()));
        if (method == "PUT" && path.EndsWith("misspelt", StringComparison.Ordinal)) await app.Client.GetAsync(path, Cancel).ProblemAsync(HttpStatusCode.NotFound, "not-found");
    }

    [Theory]
    [InlineData("/api/locations/", "WHC", "whc", """{"kind":"warehouse"}""")]
    [InlineData("/api/channels/", "chan-a", "Chan-A", """{"kind":"b2b","locations":["WH1"]}""")]
    public async Task Two_ids_that_differ_in_capitals_only_are_one_mistyped(string path, string id, string mistyped, string body)
    {
        await app.SeedAsync("BAD-1", 0);
        await PutAsync(id).OkAsync();
        var problem = await PutAsync(mistyped).ProblemAsync(HttpStatusCode.Conflict, "id-taken");
        Assert.Contains($"'{id}'", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        await PutAsync(id).OkAsync();
        await PutAsync(id, "*").ProblemAsync(HttpStatusCode.PreconditionFailed, "changed-meanwhile");
        await PutAsync(id + "-new", "*").OkAsync();
        await PutAsync(id, "\"1\"").ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");

        Task<HttpResponseMessage> PutAsync(string which, string? ifNoneMatch = null)
        {
            var request = new HttpRequestMessage(HttpMethod.Put, path + which) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
            if (ifNoneMatch is not null) request.Headers.TryAddWithoutValidation("If-None-Match", ifNoneMatch);
            return app.Client.SendAsync(request, Cancel);
        }
    }

    [Theory]
    [InlineData("/api/health/live")]
    [InlineData("/api/health/ready")]
    public async Task Health_answers_those_who_ask_for_its_head_only(string path)
    {
        using var answer = await app.ClientWith(null).SendAsync(new(HttpMethod.Head, path), Cancel);
        Assert.Equal((HttpStatusCode.OK, 0), (answer.StatusCode, (await answer.Content.ReadAsByteArrayAsync(Cancel)).Length));
    }

    [Fact]
    public async Task A_channel_as_GET_answers_it_can_be_PUT_back()
    {
        await app.SeedAsync("BAD-1", 0);
        await app.Client.PutAsync("/api/channels/put-back", new { kind = "shopify", locations = (string[])["WH1"], secret = "one", secretPrevious = "two", places = new Dictionary<string, string> { ["1"] = "WH1" }, api = new { shop = "brand.myshopify.com", version = "2026-07", token = "t" } }.AsJson(), Cancel).OkAsync();
        var shown = await app.Client.GetAsync("/api/channels/put-back", Cancel).OkAsync();
        var again = await app.Client.PutAsync("/api/channels/put-back", new StringContent(shown.GetRawText(), Encoding.UTF8, "application/json"), Cancel).OkAsync();
        Assert.Equal(shown.GetRawText(), again.GetRawText());
    }

    [Fact]
    public async Task An_orders_country_written_out_was_refused_for_its_length()
    {
        await app.SeedAsync("BAD-1", 0);
        var problem = await app.Client.PostAsync("/api/orders", new { channel = "any", externalId = "c1", lines = new[] { new { sku = "BAD-1", quantity = 1 } }, shipTo = new { country = "Australia" } }.AsJson(), Cancel).ProblemAsync(HttpStatusCode.BadRequest, "invalid-request");
        Assert.Equal("/shipTo/country: Expected two letters (ISO 3166-1), e.g. \"AU\", got 'Australia'.", problem.GetProperty("detail").GetString());
    }
}
