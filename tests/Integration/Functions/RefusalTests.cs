using Microsoft.AspNetCore.Http;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Functions;

/// <summary>What Azure refuses, or takes and gets wrong, is refused at start in one line that names the function.</summary>
public class RefusalTests
{
    public class SameName
    {
        [Function("Get")] public void A([HttpTrigger(AuthorizationLevel.Anonymous, Route = "a")] HttpRequest req) { }
        [Function("GET")] public void B([HttpTrigger(AuthorizationLevel.Anonymous, Route = "b")] HttpRequest req) { }
    }

    public class NeedsKey
    {
        [Function("F")] public void A([HttpTrigger(AuthorizationLevel.Function)] HttpRequest req) { }
    }

    public class NeedsKeyByDefault
    {
        [Function("F")] public void A([HttpTrigger("get")] HttpRequest req) { }
    }

    public class UnboundParameter
    {
        [Function("F")] public void A([HttpTrigger(AuthorizationLevel.Anonymous, Route = "a/{id}")] HttpRequest req, string other) { }
    }

    public class UnreadableParameter
    {
        [Function("F")] public void A([HttpTrigger(AuthorizationLevel.Anonymous, Route = "a/{id}")] HttpRequest req, Uri id) { }
    }

    public class LostResult
    {
        [Function("F")] public Task<string> A([HttpTrigger(AuthorizationLevel.Anonymous)] HttpRequest req) => Task.FromResult("x");
    }

    public class NoTrigger
    {
        [Function("F")] public void A(HttpRequest req) { }
    }

    public class TwoTriggers
    {
        [Function("F")] public void A([HttpTrigger(AuthorizationLevel.Anonymous)] HttpRequest req, [TimerTrigger("0 * * * * *")] TimerInfo info) { }
    }

    public class BadName
    {
        [Function("1 F")] public void A([HttpTrigger(AuthorizationLevel.Anonymous)] HttpRequest req) { }
    }

    public class BadRoute
    {
        [Function("F")] public void A([HttpTrigger(AuthorizationLevel.Anonymous, Route = "a/{id")] HttpRequest req) { }
    }

    public class RootedRoute
    {
        [Function("F")] public void A([HttpTrigger(AuthorizationLevel.Anonymous, Route = "/a")] HttpRequest req) { }
    }

    public class EmptyRoute
    {
        [Function("F")] public void A([HttpTrigger(AuthorizationLevel.Anonymous, Route = "")] HttpRequest req) { }
    }

    public class NotRequest
    {
        [Function("F")] public void A([HttpTrigger(AuthorizationLevel.Anonymous)] string body) { }
    }

    public class RetriedHttp
    {
        [Function("F"), FixedDelayRetry(3, "00:00:01")] public void A([HttpTrigger(AuthorizationLevel.Anonymous)] HttpRequest req) { }
    }

    public class BadSchedule
    {
        [Function("F")] public void A([TimerTrigger("every day")] TimerInfo info) { }
    }

    public class MissingSetting
    {
        [Function("F")] public void A([TimerTrigger("%Nightly%")] TimerInfo info) { }
    }

    public class BadRetry
    {
        [Function("F"), FixedDelayRetry(3, "soon")] public void A([TimerTrigger("0 * * * * *")] TimerInfo info) { }
    }

    public class TimerResult
    {
        [Function("F")] public int A([TimerTrigger("0 * * * * *")] TimerInfo info) => 1;
    }

    internal sealed class Hidden
    {
        [Function("F")] public void A([HttpTrigger(AuthorizationLevel.Anonymous)] HttpRequest req) { }
    }

    public class HiddenMethod
    {
        [Function("F")] internal void A([HttpTrigger(AuthorizationLevel.Anonymous)] HttpRequest req) { }
    }

    public abstract class AbstractClass
    {
        [Function("F")] public void A([HttpTrigger(AuthorizationLevel.Anonymous)] HttpRequest req) { }
    }

    [Theory]
    [InlineData(typeof(SameName), "used twice")]
    [InlineData(typeof(NeedsKey), "AuthorizationLevel.Function needs function keys")]
    [InlineData(typeof(NeedsKeyByDefault), "AuthorizationLevel.Function needs function keys")]
    [InlineData(typeof(UnboundParameter), "nothing binds its parameter 'other'")]
    [InlineData(typeof(UnreadableParameter), "cannot be read from a route")]
    [InlineData(typeof(LostResult), "it returns String")]
    [InlineData(typeof(NoTrigger), "0 trigger parameters")]
    [InlineData(typeof(TwoTriggers), "2 trigger parameters")]
    [InlineData(typeof(BadName), "must begin with a letter")]
    [InlineData(typeof(BadRoute), "Route 'a/{id' is malformed")]
    [InlineData(typeof(RootedRoute), "begins with '/'")]
    [InlineData(typeof(EmptyRoute), "Route is empty")]
    [InlineData(typeof(NotRequest), "must be HttpRequest")]
    [InlineData(typeof(RetriedHttp), "do not apply to HTTP")]
    [InlineData(typeof(BadSchedule), "'every day' is not an NCRONTAB schedule")]
    [InlineData(typeof(MissingSetting), "%Nightly% names a setting that is not set")]
    [InlineData(typeof(BadRetry), "'soon' is not a time")]
    [InlineData(typeof(TimerResult), "goes nowhere")]
    [InlineData(typeof(Hidden), "must be public")]
    [InlineData(typeof(HiddenMethod), "must be public")]
    [InlineData(typeof(AbstractClass), "cannot be called")]
    public void The_host_refuses_to_start(Type functions, string why)
    {
        var refusal = RunningHost.Refusal(functions);
        Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
        Assert.StartsWith("Function ", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Fact]
    public void Http_functions_need_ConfigureFunctionsWebApplication()
    {
        using var folder = new TempFolder();
        var builder = FunctionsApplication.CreateBuilder([], [folder.Path]);
        builder.UseFunctions(typeof(RoutingTests.Prefixed));
        Assert.Contains("ConfigureFunctionsWebApplication", Assert.Throws<LocalHostException>(() => { using var host = builder.Build(); }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_function_switched_off_by_a_setting_is_not_hosted()
    {
        using var folder = new TempFolder();
        folder.Write("local.settings.json", """{ "Values": { "AzureWebJobs.F.Disabled": "true" } }""");
        using var host = RunningHost.Build(folder, [typeof(NeedsKey)], _ => { });
        Assert.NotNull(host);
    }
}
