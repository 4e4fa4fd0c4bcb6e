using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Selvedge.Tests.Simulation;

/// <summary>What can happen to a call to the store. From <see cref="LostUnavailable"/> on the store has done it and the answer is lost.</summary>
internal enum Fault { Throttled, TryAgain, Unavailable, TimedOut, NoConnection, Abandoned, LostUnavailable, LostTimedOut, LostConnection, LostAbandoned }

/// <summary>
/// Stands between the Cosmos SDK and the store and does what networks and services do, by a seeded die per partition: throttles (429), asks to try
/// again (449), is unavailable (503), times out (408 and the client's own), breaks connections, and, the fault that matters most, commits and loses the answer.
/// Only calls on documents meet faults.
/// </summary>
internal sealed class FaultyStore(HttpMessageHandler inner, int seed = 0) : DelegatingHandler(inner)
{
    readonly ConcurrentDictionary<string, Random> dice = new(StringComparer.Ordinal);
    readonly long[] faults = new long[Enum.GetValues<Fault>().Length];
    readonly TaskCompletionSource died = new(TaskCreationOptions.RunContinuationsAsynchronously);
    long callsToLive = long.MaxValue;

    /// <summary>Share of calls that meet a fault, 0 to 1.</summary>
    public double Rate { get; set; }

    /// <summary>How often each fault was met.</summary>
    public IReadOnlyDictionary<Fault, long> Met => Enum.GetValues<Fault>().ToDictionary(fault => fault, fault => Interlocked.Read(ref faults[(int)fault]));

    /// <summary>The instance behind this handler dies at its <paramref name="calls"/>th call from now, before or after the store has done it: neither that
    /// call nor a later one ever comes back.</summary>
    public void DieAfter(int calls) => Interlocked.Exchange(ref callsToLive, calls);

    /// <summary>Completes when the instance died.</summary>
    public Task Died => died.Task;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (!request.RequestUri!.AbsolutePath.Contains("/docs", StringComparison.Ordinal)) return await base.SendAsync(request, cancellationToken);
        var (roll, fault) = Roll(request);
        if (Interlocked.Decrement(ref callsToLive) is < 0 and var beyond)
        {
            if (beyond == -1 && fault >= Fault.LostUnavailable) (await base.SendAsync(request, cancellationToken)).Dispose();
            died.TrySetResult();
            return await new TaskCompletionSource<HttpResponseMessage>().Task;
        }
        if (roll >= Rate) return await base.SendAsync(request, cancellationToken);
        Interlocked.Increment(ref faults[(int)fault]);
        if (fault >= Fault.LostUnavailable) (await base.SendAsync(request, cancellationToken)).Dispose();
        return fault switch
        {
            Fault.Throttled => Answer(request, HttpStatusCode.TooManyRequests),
            Fault.TryAgain => Answer(request, (HttpStatusCode)449),
            Fault.Unavailable or Fault.LostUnavailable => Answer(request, HttpStatusCode.ServiceUnavailable),
            Fault.TimedOut or Fault.LostTimedOut => Answer(request, HttpStatusCode.RequestTimeout),
            Fault.NoConnection or Fault.LostConnection => throw new HttpRequestException(HttpRequestError.ConnectionError, "injected: the connection broke"),
            _ => throw new TaskCanceledException("injected: the client's time was up"),
        };
    }

    (double Roll, Fault Fault) Roll(HttpRequestMessage request)
    {
        var key = request.Headers.TryGetValues("x-ms-documentdb-partitionkey", out var values) ? values.First() : "";
        var die = dice.GetOrAdd(key, static (key, seed) => new Random(StableHash(key, seed)), seed);
        lock (die) return (die.NextDouble(), (Fault)die.Next(10));
    }

    // FNV-1a: string.GetHashCode differs from process to process.
    static int StableHash(string text, int seed)
    {
        var hash = 2166136261u ^ (uint)seed;
        foreach (var b in Encoding.UTF8.GetBytes(text)) hash = (hash ^ b) * 16777619u;
        return (int)hash;
    }

    static HttpResponseMessage Answer(HttpRequestMessage request, HttpStatusCode status)
    {
        var body = new ByteArrayContent("""{"code":"Fault","message":"injected"}"""u8.ToArray());
        body.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        var answer = new HttpResponseMessage(status) { RequestMessage = request, Content = body, ReasonPhrase = "Injected" };
        answer.Headers.Add("x-ms-retry-after-ms", "1");
        answer.Headers.Add("x-ms-activity-id", Guid.NewGuid().ToString());
        return answer;
    }
}
