using System.Net;

namespace Selvedge.Tests.Integration.Api;

/// <summary>What callers see while the store fails: 503 and when to come back, never its insides.</summary>
public sealed class StoreFaultTests
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    sealed class Switch(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        public HttpStatusCode? Fails { get; set; }
        public bool Breaks { get; set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Breaks ? throw new HttpRequestException("the secret endpoint refused")
            : Fails is { } status ? Task.FromResult(new HttpResponseMessage(status) { RequestMessage = request, Content = new StringContent("""{"code":"x","message":"the secret insides"}""") })
            : base.SendAsync(request, cancellationToken);
    }

    [Theory]
    [InlineData(HttpStatusCode.TooManyRequests)]
    [InlineData(HttpStatusCode.ServiceUnavailable)]
    [InlineData(null)]
    public async Task A_store_that_fails_is_503_with_retry_after_and_readiness_says_so(HttpStatusCode? status)
    {
        Switch? store = null;
        await using var app = await AppFixture.StartAsync(cosmos: inner => store = new Switch(inner));
        await app.SeedAsync("FAULT-1", 3);
        (store!.Fails, store.Breaks) = (status, status is null);

        using var answer = await app.Client.GetAsync("/api/inventory/FAULT-1", Cancel);
        Assert.NotNull(answer.Headers.RetryAfter);
        var problem = await Task.FromResult(answer).ProblemAsync(HttpStatusCode.ServiceUnavailable, "busy");
        Assert.DoesNotContain("secret", problem.GetRawText(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await app.Client.GetAsync("/api/health/ready", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await app.Client.GetAsync("/api/health/live", Cancel)).StatusCode);

        (store.Fails, store.Breaks) = (null, false);
        Assert.Equal(3, (await app.Client.GetAsync("/api/inventory/FAULT-1", Cancel).OkAsync()).GetProperty("onHand").GetInt64());
    }
}
