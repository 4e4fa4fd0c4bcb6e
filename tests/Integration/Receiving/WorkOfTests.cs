using System.Text.Json.Serialization;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Platform;

namespace Selvedge.Tests.Integration.Receiving;

/// <summary>Whoever goes on with what was begun and left gets to all of it.</summary>
public sealed class WorkOfTests(AppFixture app) : IClassFixture<AppFixture>
{
    sealed record Thing(string Id, DateTimeOffset Attention, [property: JsonPropertyName("location")] string Kind = "thing", [property: JsonPropertyName("_etag")] string? ETag = null) : IWork;

    [Fact]
    public async Task What_waits_longest_comes_first_and_many_that_go_on_waiting_or_failing_starve_nobody()
    {
        var cancel = TestContext.Current.CancellationToken;
        var (store, now) = (app.Services.GetRequiredService<Store>(), InstantConverter.Cut(DateTimeOffset.UtcNow));
        const int count = 260;
        // The newest first, so that the order they were written in is not the order they are due in.
        for (var n = count; n-- > 0;)
            await store.Work.CreateItemAsync(new Thing($"t{n:000}", now.AddMinutes(n - count - 1)), new PartitionKeyBuilder().Add("thing").Add($"t{n:000}").Build(), cancellationToken: cancel);
        await store.Work.CreateItemAsync(new Thing("later", now.AddHours(1)), new PartitionKeyBuilder().Add("thing").Add("later").Build(), cancellationToken: cancel);

        var seen = new List<string>();
        var failed = await Assert.ThrowsAsync<AggregateException>(() => new WorkOf<Thing>(store, TimeProvider.System, "thing").DueAsync(thing =>
        {
            seen.Add(thing.Id);
            return thing.Id == "t003" ? throw new InvalidOperationException("it cannot be done") : Task.CompletedTask;
        }, cancel));
        Assert.Equal(Enumerable.Range(0, count).Select(n => $"t{n:000}"), seen);
        Assert.Contains("'t003'", Assert.Single(failed.InnerExceptions).Message, StringComparison.Ordinal);
    }
}
