using System.Net;
using Microsoft.AspNetCore.Http;
using Selvedge.Functions;
using Selvedge.Functions.Api;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Api;

public sealed class AccessTests
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public void An_http_function_that_does_not_say_who_may_call_it_stops_the_start()
    {
        var refused = Assert.Throws<InvalidOperationException>(() => new AccessRules(typeof(AccessTests).Assembly));
        Assert.Contains("[Access(roles)] or [Anonymous]", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_function_that_is_not_listed_answers_nobody()
    {
        await using var app = await AppFixture.StartAsync(configure: builder => builder.UseFunctions(typeof(Stray)));
        await app.Client.GetAsync("/api/stray", Cancel).ProblemAsync(HttpStatusCode.Forbidden, "forbidden");
    }

    [Fact]
    public async Task Where_the_app_may_not_create_containers_a_missing_one_stops_the_start_and_is_named()
    {
        var refused = await Assert.ThrowsAnyAsync<Exception>(() => AppFixture.StartAsync(args: ["--Cosmos:Create", "false"]));
        Assert.Contains("'skus' is missing", refused.Message, StringComparison.Ordinal);
        Assert.Contains("'exceptions' is missing", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>In another assembly than the app's, so that no rule speaks of it.</summary>
    public sealed class Stray
    {
        [Function("Stray")]
        public static IResult Get([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/stray")] HttpRequest request) => Results.Ok("here");
    }
}
