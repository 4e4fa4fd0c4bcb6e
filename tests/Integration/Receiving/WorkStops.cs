using Microsoft.Extensions.DependencyInjection;

namespace Selvedge.Tests.Integration.Receiving;

/// <summary>Between an instance and its store: from a chosen write of container <c>work</c> on, none is done until it is mended, as if the instance had died there;
/// the first of them may be done all the same, and only its answer be lost.</summary>
internal sealed class WorkStops(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    int left = int.MaxValue;
    bool commits;

    public int Writes { get; private set; }

    public void After(int writes, bool committed) => (left, commits) = (writes, committed);
    public void Mend() => left = int.MaxValue;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var write = request.RequestUri!.AbsolutePath.Contains("/colls/work/docs", StringComparison.Ordinal) && request.Method != HttpMethod.Get && !request.Headers.Contains("x-ms-documentdb-isquery") && !request.Headers.Contains("x-ms-cosmos-is-query-plan-request");
        if (!write) return await base.SendAsync(request, cancellationToken);
        Writes++;
        if (left == int.MaxValue || left-- > 0) return await base.SendAsync(request, cancellationToken);
        if (commits)
        {
            commits = false;
            (await base.SendAsync(request, cancellationToken)).Dispose();
        }
        throw new HttpRequestException(HttpRequestError.ConnectionError, "injected: the instance is gone");
    }
}

/// <summary>Between an instance and its store: something else is done, once, before a write of container <c>work</c> whose body has a given text.</summary>
internal sealed class WorkMeets(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    string text = "";
    Func<Task>? first;

    public void Before(string write, Func<Task> then) => (text, first) = (write, then);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (first is not null && request is { Content: { } content, RequestUri.AbsolutePath: { } path } && path.Contains("/colls/work/docs", StringComparison.Ordinal))
        {
            await content.LoadIntoBufferAsync(cancellationToken);
            if ((await content.ReadAsStringAsync(cancellationToken)).Contains(text, StringComparison.Ordinal) && Interlocked.Exchange(ref first, null) is { } then) await then();
        }
        return await base.SendAsync(request, cancellationToken);
    }
}

/// <summary>A clock that is ahead: what waits for somebody to go on is due.</summary>
internal sealed class Ahead(TimeSpan by) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + by;

    /// <summary>A service of the app's that reads this clock.</summary>
    public T Make<T>(IServiceProvider services) where T : class => ActivatorUtilities.CreateInstance<T>(services, [this]);
}
