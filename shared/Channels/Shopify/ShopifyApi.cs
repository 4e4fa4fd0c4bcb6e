using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Selvedge.Inbound;
using Selvedge.Platform;

namespace Selvedge.Channels.Shopify;

/// <summary>The shop's API did not do what was asked; what was asked may be asked again later.</summary>
/// <param name="message">Which shop, and what it said.</param>
public sealed class ShopifyApiException(string message) : Exception(message);

/// <summary>
/// Shopify's GraphQL Admin API (shopify.dev, "GraphQL Admin API", "Rate limits"): one POST an operation, paid for in points. The answer says how many
/// are left and how fast they come back; the next call waits until there are enough, and a call that was throttled ends the caller's run: the next
/// run goes on. Needs the channel's <c>api</c> and a value for its token.
/// </summary>
public sealed class ShopifyApi(SalesChannels channels, TimeProvider time, InboundArchive? archive = null)
{
    /// <summary>Longest wait for points; when it would take longer, the run ends.</summary>
    static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(20);
    static readonly HttpClient Http = new(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5), ConnectTimeout = TimeSpan.FromSeconds(5) }) { Timeout = TimeSpan.FromSeconds(20) };

    readonly ConcurrentDictionary<string, DateTimeOffset> notBefore = new(StringComparer.Ordinal);

    /// <summary>What an answer about several orders is about.</summary>
    public const string Orders = "";

    /// <summary>True when the channel's API can be asked.</summary>
    public bool Reaches(Channel channel) => channel.Api is not null && channels.TokenOf(channel) is not null;

    /// <summary>Asks one operation and answers its <c>data</c>.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="operation">The operation's name in <paramref name="query"/>.</param>
    /// <param name="query">The document.</param>
    /// <param name="variables">Its variables.</param>
    /// <param name="about">The order the answer is about, or <see cref="Orders"/>: it is archived as received.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="ShopifyApiException">It was throttled, refused or not answered.</exception>
    public async Task<JsonElement> AskAsync(Channel channel, string operation, string query, object variables, string? about, CancellationToken cancel)
    {
        if (channel.Api is not { } api || channels.TokenOf(channel) is not { } token) throw new ShopifyApiException($"Channel '{channel.Id}' has no 'api', or its token has no value.");
        await AffordAsync(channel, cancel);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(api.Address, $"/admin/api/{api.Version}/graphql.json")) { Content = JsonContent.Create(new { query, operationName = operation, variables }) };
        request.Headers.Add("X-Shopify-Access-Token", token);
        JsonElement answer;
        try
        {
            using var response = await Http.SendAsync(request, cancel);
            if (response.StatusCode != HttpStatusCode.OK) throw new ShopifyApiException($"Shopify answered {(int)response.StatusCode} to {operation} of channel '{channel.Id}'.{Hint(response.StatusCode)}");
            var body = await response.Content.ReadAsByteArrayAsync(cancel);
            if (archive is not null && about is not null)
                await archive.KeepAsync(new() { At = InstantConverter.Cut(time.GetUtcNow()), SentAt = response.Headers.Date, Channel = channel.Id, Kind = InboundKind.Poll, Topic = operation, Status = 200, Order = about.Length > 0 ? about : null, Headers = HeadersOf(response) }, body, channel);
            using var document = JsonDocument.Parse(body);
            answer = document.RootElement.Clone();
        }
        catch (Exception failure) when (failure is HttpRequestException or JsonException or IOException || (failure is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            throw new ShopifyApiException($"Shopify did not answer {operation} of channel '{channel.Id}': {failure.Message}");
        }
        if (answer.TryGetProperty("errors", out var errors) || !answer.TryGetProperty("data", out var data))
            throw new ShopifyApiException($"Shopify refused {operation} of channel '{channel.Id}': {(errors.ValueKind is JsonValueKind.Undefined ? "no data" : errors.GetRawText())}");
        Pay(channel, answer);
        return data;
    }

    /// <inheritdoc cref="AskAsync(Channel, string, string, object, string?, CancellationToken)"/>
    public Task<JsonElement> AskAsync(Channel channel, string operation, string query, object variables, CancellationToken cancel = default) => AskAsync(channel, operation, query, variables, null, cancel);

    static Dictionary<string, string> HeadersOf(HttpResponseMessage response) => response.Headers.Concat(response.Content.Headers).Where(header => InboundHeaders.IsKept(header.Key))
        .ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase);

    // The next call like this one can be paid for when its points are back.
    void Pay(Channel channel, JsonElement answer)
    {
        if (!answer.TryGetProperty("extensions", out var extensions) || !extensions.TryGetProperty("cost", out var cost) || !cost.TryGetProperty("throttleStatus", out var status)) return;
        var lacking = cost.GetProperty("requestedQueryCost").GetDouble() - status.GetProperty("currentlyAvailable").GetDouble();
        if (lacking > 0) notBefore[channel.Id] = time.GetUtcNow() + TimeSpan.FromSeconds(Math.Min(3600, lacking / Math.Max(1, status.GetProperty("restoreRate").GetDouble())));
    }

    async Task AffordAsync(Channel channel, CancellationToken cancel)
    {
        if (!notBefore.TryGetValue(channel.Id, out var until) || until - time.GetUtcNow() is not { Ticks: > 0 } wait) return;
        if (wait > LongestWait) throw new ShopifyApiException($"Channel '{channel.Id}' has used up its points; they are back in {wait.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s.");
        await Task.Delay(wait, time, cancel);
    }

    static string Hint(HttpStatusCode status) => status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden ? " Check the value behind its 'token', and the app's scopes."
        : status is HttpStatusCode.NotFound ? " Check its 'shop' and 'version'." : "";
}
