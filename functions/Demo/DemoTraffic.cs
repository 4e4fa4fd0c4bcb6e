using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;

namespace Selvedge.Functions.Demo;

/// <summary>
/// The shop's webhooks, signed and sent as Shopify does, at a steady rate over several connections: <c>orders/create</c>, some of them twice, some
/// cancelled later, some cancelled by a webhook that comes first. A delivery that fails is sent again, as Shopify does.
/// </summary>
internal sealed class DemoTraffic : IDisposable
{
    /// <summary>Keeps the ids of one start below those of the next, up to 10,000 orders a second.</summary>
    const int IdsPerMillisecond = 10;
    const int Tries = 6, Twice = 3, CancelledLater = 4, CancelledFirst = 1, Regretting = 8;
    static readonly DateTimeOffset Epoch = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

    readonly HttpClient http;
    readonly byte[] secret;
    readonly DemoTally tally;
    readonly TimeProvider time;
    readonly double rate;
    readonly long firstId;
    readonly ConcurrentQueue<DemoOrder> toCancel = new();
    long number;

    /// <param name="address">Where the app is.</param>
    /// <param name="secret">The channel's secret.</param>
    /// <param name="rate">Orders a second.</param>
    /// <param name="tally">Counts.</param>
    /// <param name="time">Makes the orders' ids: those of a later start are higher.</param>
    public DemoTraffic(Uri address, string secret, double rate, DemoTally tally, TimeProvider time)
    {
        http = new(new SocketsHttpHandler { MaxConnectionsPerServer = Senders(rate) }) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(10) };
        (this.secret, this.tally, this.time, this.rate) = (Encoding.UTF8.GetBytes(secret), tally, time, rate);
        firstId = (long)(time.GetUtcNow() - Epoch).TotalMilliseconds * IdsPerMillisecond;
    }

    static int Senders(double rate) => Math.Clamp((int)(rate / 10), 8, 64);

    /// <summary>Sends until <paramref name="ending"/>; what is on its way then is brought to its end unless <paramref name="cancel"/> cuts it.</summary>
    public Task RunAsync(CancellationToken ending, CancellationToken cancel) =>
        Task.WhenAll(Enumerable.Range(0, Senders(rate)).Select(_ => Task.Run(() => SendAsync(ending, cancel), CancellationToken.None)));

    async Task SendAsync(CancellationToken ending, CancellationToken cancel)
    {
        while (true)
        {
            var next = Interlocked.Increment(ref number);
            var wait = TimeSpan.FromSeconds(next / rate) - tally.Elapsed;
            if (wait > TimeSpan.Zero) await Task.Delay(wait, ending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (ending.IsCancellationRequested) return;
            await OrderAsync(DemoOrder.Make(firstId + next, 1000 + next, time.GetUtcNow(), Random.Shared), cancel);
            // Some wait until others were sold, so that what they give back is sold again.
            if (toCancel.Count > Regretting && toCancel.TryDequeue(out var order)) await CancelAsync(order, before: false, cancel);
        }
    }

    async Task OrderAsync(DemoOrder order, CancellationToken cancel)
    {
        var fate = Random.Shared.Next(100);
        var first = fate < CancelledFirst && await CancelAsync(order, before: true, cancel);
        var body = order.Body();
        if (await DeliverAsync("orders/create", body, order.Id, cancel) is not { } answer) return;
        if (!first)
        {
            Interlocked.Increment(ref tally.Orders);
            Interlocked.Add(ref tally.Ordered, order.Units);
            if (order.Lines.Count > 1) Interlocked.Increment(ref tally.TwoLines);
            if (answer.Status == "oversold") Interlocked.Increment(ref tally.Oversold);
        }
        if (fate is >= CancelledFirst and < CancelledFirst + Twice && await DeliverAsync("orders/create", body, order.Id, cancel) is { Repeat: true })
            Interlocked.Increment(ref tally.Repeats);
        if (fate >= 100 - CancelledLater) toCancel.Enqueue(order);
    }

    async Task<bool> CancelAsync(DemoOrder order, bool before, CancellationToken cancel)
    {
        if (await DeliverAsync("orders/cancelled", order.Body(time.GetUtcNow()), order.Id, cancel) is not { } answer) return false;
        Interlocked.Increment(ref before ? ref tally.CancelledBefore : ref tally.Cancelled);
        if (before) return true;
        if (answer is { Status: "cancelled" } or { Order: null }) Interlocked.Add(ref tally.Released, order.Units);
        else tally.Late.Enqueue((answer.Order, order.Units));
        return true;
    }

    /// <summary>The app's answer, or null when it was given up.</summary>
    async Task<Answer?> DeliverAsync(string topic, byte[] body, long order, CancellationToken cancel)
    {
        for (var attempt = 1; attempt <= Tries && !cancel.IsCancellationRequested; attempt++)
        {
            try
            {
                var started = Stopwatch.GetTimestamp();
                using var request = Sign(topic, body, order);
                using var answer = await http.SendAsync(request, cancel);
                if (answer.IsSuccessStatusCode)
                {
                    var said = await answer.Content.ReadFromJsonAsync<Answer>(cancel);
                    tally.Answered(Stopwatch.GetElapsedTime(started));
                    return said;
                }
                tally.Fault($"{topic} {order} was answered {(int)answer.StatusCode}: {await DemoApi.DetailAsync(answer, cancel)}");
            }
            catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException or IOException or System.Text.Json.JsonException)
            {
                tally.Fault($"{topic} {order} was not answered: {failure.Message}");
            }
            await Task.Delay(TimeSpan.FromMilliseconds(50 << attempt), cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        Interlocked.Increment(ref tally.Lost);
        return null;
    }

    HttpRequestMessage Sign(string topic, byte[] body, long order)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"api/webhooks/{DemoBrand.Channel}/{topic}") { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("X-Shopify-Topic", topic);
        request.Headers.Add("X-Shopify-Shop-Domain", "selvedge-demo.myshopify.example");
        request.Headers.Add("X-Shopify-Webhook-Id", $"{topic.Replace('/', '-')}-{order.ToString(CultureInfo.InvariantCulture)}");
        request.Headers.Add("X-Shopify-Hmac-SHA256", Convert.ToBase64String(HMACSHA256.HashData(secret, body)));
        return request;
    }

    public void Dispose() => http.Dispose();

    sealed record Answer(string Status, string? Order, bool Repeat);
}
