using System.Collections.Concurrent;
using System.Text.Json;

namespace Selvedge.Channels.Shopify;

/// <summary>Asks one operation of a shop and answers its <c>data</c>.</summary>
/// <param name="operation">The operation's name in <paramref name="query"/>.</param>
/// <param name="query">The document.</param>
/// <param name="variables">Its variables.</param>
/// <param name="about">The order the answer is about, or <see cref="ShopifyApi.Orders"/>; null: none.</param>
/// <param name="cancel">Ends it.</param>
public delegate Task<JsonElement> ShopifyAsk(string operation, string query, object variables, string? about, CancellationToken cancel);

/// <summary>
/// The calls of a shop's lane (GraphQL Admin API, "Rate limits"): never waited for or repeated. An operation is paid for in points, of which the answer says how many are left
/// and how fast they come back; one whose points are not there is not asked, and who asked is told when they are. What is throttled is answered 429, or 200 with an error
/// (which of them is unconfirmed): both are <see cref="CallFailure.Limited"/>, for nothing was done. What points there are is only a guess here, and the shop's word is believed.
/// </summary>
public sealed class ShopifyCalls(ChannelCalls calls)
{
    sealed class Points
    {
        public double Left = double.MaxValue, Most = double.MaxValue, PerSecond = 50;
        public DateTimeOffset At;
        public readonly Dictionary<string, double> Costs = new(StringComparer.Ordinal);
    }

    const string Posts = "graphql";

    /// <summary>Part of all points that is left to numbers while orders and everything are read.</summary>
    const double Kept = 0.25;
    static readonly CallRate Rate = new(50, 100);
    static readonly TimeSpan Unsaid = TimeSpan.FromSeconds(2);
    readonly ConcurrentDictionary<string, Points> points = new(StringComparer.Ordinal);

    /// <summary>Asks one operation and answers its <c>data</c>.</summary>
    /// <param name="account">The shop.</param>
    /// <param name="operation">The operation's name in <paramref name="query"/>.</param>
    /// <param name="query">The document.</param>
    /// <param name="variables">Its variables; a null in them is sent.</param>
    /// <param name="cancel">Ends it.</param>
    /// <param name="spare">It can wait: a quarter of the points is left for what cannot.</param>
    /// <exception cref="ChannelCallException">It was not done, or it is not known whether it was.</exception>
    public async Task<JsonElement> AskAsync(ChannelAccount account, string operation, string query, object variables, CancellationToken cancel, bool spare = false)
    {
        var mine = points.GetOrAdd(account.Channel.Id, _ => new());
        Afford(account, mine, operation, spare);
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(account.Address, $"/admin/api/{account.Channel.Api!.Version}/graphql.json"))
        {
            Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(new { query, operationName = operation, variables })) { Headers = { ContentType = new("application/json") } },
        };
        request.Headers.TryAddWithoutValidation("X-Shopify-Access-Token", account.Token());
        var reply = (await calls.SendAsync(account, operation, request, [new(Posts, Rate.For(account, Posts))], cancel)).Ok();
        using var body = reply.Json();
        var answer = body.RootElement;
        if (answer.ValueKind is not JsonValueKind.Object) throw new ChannelCallException(CallFailure.Unanswered, $"Shopify answered {operation} of channel '{account.Channel.Id}' with what is no object.");
        var until = Learn(account, mine, operation, answer);
        var done = answer.TryGetProperty("data", out var data) && data.ValueKind is JsonValueKind.Object;
        if (answer.TryGetProperty("errors", out var errors)) throw Failure(account, operation, errors, until, done && data.EnumerateObject().Any(field => field.Value.ValueKind is not JsonValueKind.Null));
        return done ? data.Clone() : throw new ChannelCallException(CallFailure.Unanswered, $"Shopify answered {operation} of channel '{account.Channel.Id}' without data.");
    }

    /// <summary>This shop, for what reads it.</summary>
    public ShopifyAsk Of(ChannelAccount account, bool spare = false) => (operation, query, variables, _, cancel) => AskAsync(account, operation, query, variables, cancel, spare);

    static void Afford(ChannelAccount account, Points mine, string operation, bool spare)
    {
        var now = account.Time.GetUtcNow();
        lock (mine)
        {
            if (!mine.Costs.TryGetValue(operation, out var cost)) return;
            var needed = Math.Min(mine.Most, cost + (spare ? mine.Most * Kept : 0));
            var lacking = needed - Math.Min(mine.Most, mine.Left + Math.Max(0, (now - mine.At).TotalSeconds) * mine.PerSecond);
            if (lacking > 0.001) throw Limited(account, operation, now + TimeSpan.FromSeconds(Math.Min(3600, lacking / mine.PerSecond)));
        }
    }

    // What the answer says of points. Answers when there are enough for the same again.
    static DateTimeOffset Learn(ChannelAccount account, Points mine, string operation, JsonElement answer)
    {
        var now = account.Time.GetUtcNow();
        if (!answer.TryGetProperty("extensions", out var extensions) || extensions.ValueKind is not JsonValueKind.Object || !extensions.TryGetProperty("cost", out var cost) || Number(cost, "requestedQueryCost") is not { } requested
            || !cost.TryGetProperty("throttleStatus", out var status) || Number(status, "currentlyAvailable") is not { } left) return now + Unsaid;
        lock (mine)
        {
            (mine.Left, mine.At, mine.Costs[operation]) = (left, now, requested);
            mine.Most = Number(status, "maximumAvailable") is > 0 and var most ? most : double.MaxValue;
            mine.PerSecond = Number(status, "restoreRate") is > 0 and var rate ? rate : 50;
            return now + TimeSpan.FromSeconds(Math.Clamp((requested - left) / mine.PerSecond, 1, 3600));
        }
    }

    static ChannelCallException Failure(ChannelAccount account, string operation, JsonElement errors, DateTimeOffset until, bool somethingDone)
    {
        var said = errors.ValueKind is JsonValueKind.Array ? [.. errors.EnumerateArray()] : Array.Empty<JsonElement>();
        bool Is(params string[] codes) => Array.Exists(said, error => error.ValueKind is JsonValueKind.Object && error.TryGetProperty("extensions", out var more) && more.ValueKind is JsonValueKind.Object && codes.Contains(Text(more, "code")));
        if (Is("THROTTLED") || Array.Exists(said, error => Text(error, "message") == "Throttled")) return Limited(account, operation, until);
        var text = errors.GetRawText();
        var failure = somethingDone || Is("INTERNAL_SERVER_ERROR", "TIMEOUT", "SERVICE_UNAVAILABLE") ? CallFailure.Unanswered : CallFailure.Refused;
        return new(failure, $"Shopify refused {operation} of channel '{account.Channel.Id}': {text[..Math.Min(300, text.Length)]}");
    }

    static ChannelCallException Limited(ChannelAccount account, string operation, DateTimeOffset until) =>
        new(CallFailure.Limited, $"Channel '{account.Channel.Id}' has used up its points; {operation} is not asked again before {until:O}.", until);

    static double? Number(JsonElement of, string name) => of.ValueKind is JsonValueKind.Object && of.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.Number ? value.GetDouble() : null;
    static string? Text(JsonElement of, string name) => of.ValueKind is JsonValueKind.Object && of.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String ? value.GetString() : null;
}
