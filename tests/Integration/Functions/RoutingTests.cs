using System.Net;
using System.Text.Json;
using CsCheck;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.AspNetCore.Routing.Template;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Functions;

public class RoutingTests
{
    public class Api
    {
        [Function("Root")]
        public IResult Root([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "{ignored:maxlength(0)?}")] HttpRequest req) => Results.Text("root");

        [Function("GetSku")]
        public IResult GetSku([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/skus/{sku}")] HttpRequest req, string sku) => Results.Text("get " + sku);

        [Function("PutSku")]
        public IResult PutSku([HttpTrigger(AuthorizationLevel.Anonymous, "PUT", "delete", Route = "api/skus/{sku}")] HttpRequest req, string sku) => Results.Text("put " + sku);

        [Function("Webhook")]
        public IResult Webhook([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/webhooks/{channel}/{*topic}")] HttpRequest req, string channel, string? topic) =>
            Results.Text($"{channel}|{topic}");

        [Function("Portal")]
        public IResult Portal([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "portal/{*path}")] HttpRequest req, string? path) => Results.Text("portal " + path);

        [Function("Audit")]
        public IResult Audit([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/audits/{id:guid}")] HttpRequest req, Guid id) => Results.Text("audit " + id);

        [Function("LatestAudit")]
        public IResult LatestAudit([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/audits/latest")] HttpRequest req) => Results.Text("latest");

        [Function("Any-Method_1")]
        public IResult AnyMethod([HttpTrigger(AuthorizationLevel.Anonymous)] HttpRequest req) => Results.Text("any " + req.Method);
    }

    [Theory]
    [InlineData("/", "root")]
    [InlineData("/api/skus/ABC-1", "get ABC-1")]
    [InlineData("/API/SKUS/abc", "get abc")]
    [InlineData("/api/skus/a%20b%C3%A9", "get a bé")]
    [InlineData("/portal", "portal ")]
    [InlineData("/portal/css/site.css", "portal css/site.css")]
    [InlineData("/api/audits/latest", "latest")]
    [InlineData("/api/audits/0f8fad5b-d9cb-469f-a165-70867728950e", "audit 0f8fad5b-d9cb-469f-a165-70867728950e")]
    [InlineData("/Any-Method_1", "any GET")]
    public async Task A_path_reaches_its_function(string path, string expected)
    {
        await using var host = await RunningHost.StartAsync(typeof(Api));
        Assert.Equal((HttpStatusCode.OK, expected), await host.GetAsync(path));
    }

    [Theory]
    [InlineData("PUT", "/api/skus/1", 200)]
    [InlineData("DELETE", "/api/skus/1", 200)]
    [InlineData("POST", "/api/webhooks/shopify/orders/create", 200)]
    [InlineData("PATCH", "/Any-Method_1", 200)]
    [InlineData("PATCH", "/api/skus/1", 404)]
    [InlineData("HEAD", "/api/skus/1", 404)]
    [InlineData("OPTIONS", "/api/skus/1", 404)]
    [InlineData("GET", "/api/skus", 404)]
    [InlineData("GET", "/api/skus/1/2", 404)]
    [InlineData("GET", "/api/audits/yesterday", 404)]
    [InlineData("GET", "/x", 404)]
    public async Task A_method_or_path_of_no_function_is_404_as_in_Azure(string method, string path, int expected)
    {
        await using var host = await RunningHost.StartAsync(typeof(Api));
        using var response = await host.Client.SendAsync(new HttpRequestMessage(new HttpMethod(method), path), TestContext.Current.CancellationToken);
        Assert.Equal(expected, (int)response.StatusCode);
    }

    [Fact]
    public async Task A_wrong_method_is_told_which_ones_there_are()
    {
        await using var host = await RunningHost.StartAsync(typeof(Api));
        using var response = await host.Client.PostAsync(new Uri("/api/skus/1", UriKind.Relative), null, TestContext.Current.CancellationToken);
        using var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.ToString());
        Assert.Equal("No function answers POST on this path, only DELETE, GET, PUT.", problem.RootElement.GetProperty("detail").GetString());
    }

    [Theory]
    [InlineData("shopify/orders/create", "shopify|orders/create")]
    [InlineData("shopify", "shopify|")]
    [InlineData("shopify/a%2Fb/c", "shopify|a%2Fb/c")]
    public async Task A_catch_all_takes_the_rest_of_the_path(string path, string expected)
    {
        await using var host = await RunningHost.StartAsync(typeof(Api));
        using var response = await host.Client.PostAsync(new Uri("/api/webhooks/" + path, UriKind.Relative), null, TestContext.Current.CancellationToken);
        Assert.Equal(expected, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task The_prefix_of_host_json_stands_before_every_route_and_is_api_by_default()
    {
        using var folder = new TempFolder();
        folder.Write("host.json", """{ "version": "2.0" }""");
        await using var host = await RunningHost.StartAsync([typeof(Prefixed)], _ => { }, folder);
        Assert.Equal((HttpStatusCode.OK, "pong"), await host.GetAsync("/api/ping"));
        Assert.Equal(HttpStatusCode.NotFound, (await host.GetAsync("/ping")).Status);
    }

    public class Prefixed
    {
        [Function("Ping")]
        public IResult Ping([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "ping")] HttpRequest req) => Results.Text("pong");
    }

    [Theory]
    [InlineData("api/audits/{id}", "api/audits/latest", true)]
    [InlineData("api/audits/{id:guid}", "api/audits/latest", false)]
    [InlineData("api/audits/{id:int}", "api/audits/12", true)]
    [InlineData("api/audits/{id:int}", "api/audits/{name}", true)]
    [InlineData("api/audits/{id:regex(^[a-z]+$)}", "api/audits/latest", true)]
    [InlineData("api/audits/{id:regex(^[0-9]+$)}", "api/audits/latest", false)]
    [InlineData("api/audits/{id:range(1,9)}", "api/audits/10", false)]
    [InlineData("api/{a}/b", "api/c/{d}", true)]
    [InlineData("api/{a}/b", "api/c/d", false)]
    [InlineData("api/a", "API/A", true)]
    [InlineData("api/a", "api/a/b", false)]
    [InlineData("portal/{*path}", "portal", true)]
    [InlineData("portal/{*path}", "portal/a/b/c", true)]
    [InlineData("portal/{*path}", "ops/{*path}", false)]
    [InlineData("{*path}", "api/a", true)]
    [InlineData("{ignored:maxlength(0)?}", "api", false)]
    [InlineData("{ignored:maxlength(0)?}", "portal/{*path}", false)]
    [InlineData("{ignored:maxlength(0)?}", "{*path}", true)]
    [InlineData("{a?}", "b", true)]
    [InlineData("a/{b?}", "a", true)]
    [InlineData("a/{b?}", "a/{c?}", true)]
    [InlineData("a/{b:int?}", "a/x/{c?}", false)]
    [InlineData("a/v{b}", "a/v1", true)]
    [InlineData("a/v{b}", "a/w1", false)]
    [InlineData("a/{b=1}", "a", true)]
    public void Two_routes_overlap_when_one_path_matches_both(string one, string other, bool expected)
    {
        Assert.Equal(expected, RouteConflicts.Overlap(RoutePatternFactory.Parse(one), RoutePatternFactory.Parse(other)));
        Assert.Equal(expected, RouteConflicts.Overlap(RoutePatternFactory.Parse(other), RoutePatternFactory.Parse(one)));
    }

    [Fact]
    public void Routes_said_not_to_overlap_share_no_path()
    {
        var segment = OneOf("a", "b", "{x}", "{x:int}", "a{x}");
        var tail = OneOf("", "/{y?}", "/{*y}", "/{y:maxlength(0)?}");
        var route = Gen.Select(segment.Array[1, 3], tail, (segments, end) =>
            string.Join('/', segments.Select((text, i) => text.Replace("x", "x" + i, StringComparison.Ordinal))) + end);
        var path = OneOf("a", "b", "7", "ab", "z").Array[1, 5].Select(texts => "/" + string.Join('/', texts));
        Gen.Select(route, route, path).Sample((one, other, text) =>
            !(Matches(one, text) && Matches(other, text)) || RouteConflicts.Overlap(RoutePatternFactory.Parse(one), RoutePatternFactory.Parse(other)), iter: 20_000);
    }

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static bool Matches(string route, string path)
    {
        var values = new RouteValueDictionary();
        if (!new TemplateMatcher(TemplateParser.Parse(route), []).TryMatch(path, values)) { return false; }
        return RoutePatternFactory.Parse(route).ParameterPolicies.All(policy => values[policy.Key] is not string text
            || (policy.Value[0].Content == "int" ? int.TryParse(text, out _) : text.Length == 0));
    }

    public class Clash
    {
        [Function("ReadAudit")]
        public void One([HttpTrigger(AuthorizationLevel.Anonymous, "get", "post", Route = "api/audits/{id}")] HttpRequest req, string id) { }

        [Function("Latest")]
        public void Two([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/audits/latest")] HttpRequest req) { }
    }

    public class NoClash
    {
        [Function("ReadAudit")]
        public void One([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/audits/{id}")] HttpRequest req, string id) { }

        [Function("Latest")]
        public void Two([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/audits/latest")] HttpRequest req) { }
    }

    [Fact]
    public void The_host_refuses_two_functions_for_one_request_and_names_both()
    {
        var refusal = RunningHost.Refusal(typeof(Clash));
        Assert.Equal(ExitCode.Functions, refusal.Code);
        Assert.Contains("ReadAudit (/api/audits/{id}) and Latest (/api/audits/latest) can both match one GET request", refusal.Message, StringComparison.Ordinal);
        using var folder = new TempFolder();
        using var host = RunningHost.Build(folder, [typeof(NoClash)], _ => { });
        Assert.NotNull(host);
    }
}
