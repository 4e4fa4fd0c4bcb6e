using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Functions;

public class BindingTests
{
    public class Api
    {
        [Function("Typed")]
        public IResult Typed([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "typed/{number}/{flag}/{id}")] HttpRequest req, Guid id, bool flag, long number) =>
            Results.Text($"{number} {flag} {id}");

        [Function("Optional")]
        public IResult Optional([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "optional/{page?}")] HttpRequest req, int? page) => Results.Text($"page {page}");

        [Function("Context")]
        public static IResult Context([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "context/{Sku}")] HttpRequest req, FunctionContext context) => Results.Text(string.Join('|',
            context.FunctionDefinition.Name, context.FunctionDefinition.EntryPoint, Guid.TryParse(context.InvocationId, out _), context.BindingContext.BindingData["sku"],
            context.RetryContext.RetryCount, ReferenceEquals(context.GetHttpContext(), req.HttpContext), context.TraceContext.TraceParent));

        [Function("Echo")]
        public static async Task Echo([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "echo")] HttpRequest req, CancellationToken cancel)
        {
            req.HttpContext.Response.ContentType = "application/octet-stream";
            await req.Body.CopyToAsync(req.HttpContext.Response.Body, cancel);
        }

        [Function("Typed-Results")]
        public static async Task<Results<Ok<int>, NotFound>> TypedResults([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "results/{n}")] HttpRequest req, int n)
        {
            await Task.Yield();
            return n > 0 ? Microsoft.AspNetCore.Http.TypedResults.Ok(n) : Microsoft.AspNetCore.Http.TypedResults.NotFound();
        }

        [Function("ActionResult")]
        public static ValueTask<IActionResult> Action([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "action")] HttpRequest req) =>
            ValueTask.FromResult<IActionResult>(new ObjectResult(new { Answer = 42 }) { StatusCode = 202 });

        [Function("Nothing")]
        public static ValueTask Nothing([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "nothing")] HttpRequest req) => ValueTask.CompletedTask;

        [Function("Small")]
        public static async Task<IResult> Small([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "small")] HttpRequest req)
        {
            req.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = 10;
            using var reader = new StreamReader(req.Body);
            return Results.Text(await reader.ReadToEndAsync());
        }
    }

    [Theory]
    [InlineData("/typed/-7/true/0f8fad5b-d9cb-469f-a165-70867728950e", 200, "-7 True 0f8fad5b-d9cb-469f-a165-70867728950e")]
    [InlineData("/optional/3", 200, "page 3")]
    [InlineData("/optional", 200, "page ")]
    [InlineData("/results/5", 200, "5")]
    [InlineData("/results/0", 404, "")]
    [InlineData("/action", 202, """{"answer":42}""")]
    [InlineData("/nothing", 200, "")]
    public async Task Parameters_are_bound_and_results_sent(string path, int status, string body)
    {
        await using var host = await RunningHost.StartAsync(typeof(Api));
        Assert.Equal(((HttpStatusCode)status, body), await host.GetAsync(path));
    }

    [Fact]
    public async Task A_route_value_that_cannot_be_read_is_400_and_says_which()
    {
        await using var host = await RunningHost.StartAsync(typeof(Api));
        var (status, body) = await host.GetAsync("/results/many");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Equal("'many' in the path is not a valid n (Int32).", JsonDocument.Parse(body).RootElement.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task The_context_describes_the_invocation()
    {
        await using var host = await RunningHost.StartAsync(typeof(Api));
        host.Client.DefaultRequestHeaders.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
        var parts = (await host.GetAsync("/context/A-1")).Body.Split('|');
        Assert.Equal(["Context", "Selvedge.Tests.Integration.Functions.BindingTests+Api.Context", "True", "A-1", "0", "True"], parts[..^1]);
        Assert.StartsWith("00-0af7651916cd43dd8448eb211c80319c-", parts[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3_000_000)]
    public async Task A_body_arrives_whole(int length)
    {
        await using var host = await RunningHost.StartAsync(typeof(Api));
        var sent = new byte[length];
        new Random(length).NextBytes(sent);
        using var response = await host.Client.PostAsync(new Uri("/echo", UriKind.Relative), new ByteArrayContent(sent), TestContext.Current.CancellationToken);
        Assert.Equal(sent, await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("0123456789", 200)]
    [InlineData("0123456789A", 413)]
    public async Task A_function_may_lower_the_body_limit(string body, int expected)
    {
        await using var host = await RunningHost.StartAsync(typeof(Api));
        using var response = await host.Client.PostAsync(new Uri("/small", UriKind.Relative), new StringContent(body, Encoding.UTF8), TestContext.Current.CancellationToken);
        Assert.Equal(expected, (int)response.StatusCode);
    }

    [Fact]
    public async Task More_than_100_MB_is_413_before_it_is_sent()
    {
        await using var host = await RunningHost.StartAsync(typeof(Api));
        var lines = await Wire.SendAsync(host.Url, $"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {(100L * 1024 * 1024) + 1}\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 413", lines, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_malformed_request_line_is_400()
    {
        await using var host = await RunningHost.StartAsync(typeof(Api));
        Assert.StartsWith("HTTP/1.1 400", await Wire.SendAsync(host.Url, "GARBAGE\r\n\r\n"), StringComparison.Ordinal);
    }
}
