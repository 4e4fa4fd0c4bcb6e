using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Functions;

public class MiddlewareTests
{
    public sealed class Trail : ConcurrentQueue<string>;

    public sealed class Scoped(Trail trail) : IDisposable
    {
        public Guid Id { get; } = Guid.NewGuid();
        public void Dispose() => trail.Enqueue("scope disposed");
    }

    public sealed class Outer(Trail trail) : IFunctionsWorkerMiddleware
    {
        public async Task Invoke(FunctionContext context, FunctionExecutionDelegate next)
        {
            trail.Enqueue($"outer before {context.FunctionDefinition.Name}");
            context.Items["from outer"] = context.InstanceServices.GetRequiredService<Scoped>().Id;
            await next(context);
            trail.Enqueue("outer after");
        }
    }

    public sealed class Guard(Trail trail) : IFunctionsWorkerMiddleware
    {
        public async Task Invoke(FunctionContext context, FunctionExecutionDelegate next)
        {
            if (context.GetHttpContext() is { } http && http.Request.Headers.Authorization.Count == 0)
            {
                trail.Enqueue("guard refused");
                await Results.StatusCode(401).ExecuteAsync(http);
                return;
            }
            await next(context);
        }
    }

    public sealed class Api(Trail trail, Scoped scoped) : IDisposable
    {
        [Function("Hello")]
        public IResult Hello([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "hello")] HttpRequest req, FunctionContext context)
        {
            trail.Enqueue($"function, same scope {Equals(context.Items["from outer"], scoped.Id)}");
            return new Late(trail);
        }

        public void Dispose() => trail.Enqueue("function disposed");

        private sealed class Late(Trail trail) : IResult
        {
            public Task ExecuteAsync(HttpContext httpContext)
            {
                trail.Enqueue("result sent");
                return httpContext.Response.WriteAsync("hello");
            }
        }
    }

    private static Task<RunningHost> StartAsync(Trail trail) => RunningHost.StartAsync([typeof(Api)], builder =>
    {
        builder.Services.AddSingleton(trail).AddScoped<Scoped>();
        builder.UseMiddleware<Outer>();
        builder.UseMiddleware<Guard>();
        builder.UseWhen<Never>(_ => false);
    });

    public sealed class Never : IFunctionsWorkerMiddleware
    {
        public Task Invoke(FunctionContext context, FunctionExecutionDelegate next) => throw new InvalidOperationException("not for this function");
    }

    [Fact]
    public async Task Middleware_wraps_the_function_in_the_order_of_registration_within_one_scope()
    {
        var trail = new Trail();
        await using (var host = await StartAsync(trail))
        {
            host.Client.DefaultRequestHeaders.Add("Authorization", "Bearer x");
            Assert.Equal((HttpStatusCode.OK, "hello"), await host.GetAsync("/hello"));
        }
        Assert.Equal(["outer before Hello", "function, same scope True", "function disposed", "outer after", "result sent", "scope disposed"], trail);
    }

    [Fact]
    public async Task Middleware_that_does_not_go_on_keeps_the_function_from_running()
    {
        var trail = new Trail();
        await using (var host = await StartAsync(trail)) { Assert.Equal((HttpStatusCode.Unauthorized, ""), await host.GetAsync("/hello")); }
        Assert.Equal(["outer before Hello", "guard refused", "outer after", "scope disposed"], trail);
    }

    [Fact]
    public async Task Each_invocation_has_its_own_scope_and_singletons_are_shared()
    {
        var trail = new Trail();
        await using (var host = await StartAsync(trail))
        {
            await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => host.GetAsync("/hello")));
        }
        Assert.Equal(20, trail.Count(step => step == "scope disposed"));
    }

    [Fact]
    public async Task A_delegate_is_middleware_too_and_may_handle_what_the_function_throws()
    {
        await using var host = await RunningHost.StartAsync([typeof(Throwing)], builder => builder.UseMiddleware(async (context, next) =>
        {
            try { await next(); }
            catch (TimeoutException) { context.GetHttpContext()!.Response.StatusCode = 503; }
        }));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, ""), await host.GetAsync("/slow"));
    }

    public class Throwing
    {
        [Function("Slow")]
        public IResult Slow([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "slow")] HttpRequest req) => throw new TimeoutException();
    }
}
