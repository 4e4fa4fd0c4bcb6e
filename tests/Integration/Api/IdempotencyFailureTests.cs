using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Functions.Api;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Api;

public sealed class IdempotencyFailureTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task Work_that_failed_may_be_asked_for_again_at_once_with_the_same_key()
    {
        var once = app.Services.GetRequiredService<Idempotency>();
        var caller = new Caller("test", "test", Role.Admin, Scope.Everything);
        Task<IResult> AskAsync(Func<Task<Answered>> work)
        {
            var request = new DefaultHttpContext().Request;
            (request.Path, request.Headers["Idempotency-Key"]) = ("/api/things", "key-1");
            return once.OnceAsync(request, caller, "{}"u8.ToArray(), work);
        }
        await Assert.ThrowsAsync<InvalidOperationException>(() => AskAsync(() => throw new InvalidOperationException("the store is on fire")));
        await Assert.ThrowsAsync<ProblemException>(() => AskAsync(() => throw ProblemException.Invalid("no")));
        var done = 0;
        for (var times = 0; times < 2; times++) await AskAsync(() => Task.FromResult(new Answered(201, new { number = ++done })));
        Assert.Equal(1, done);
    }
}
