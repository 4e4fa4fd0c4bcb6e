using System.Collections.Concurrent;

namespace Selvedge.Channels;

/// <summary>
/// Access tokens of accounts (OAuth 2.0): asked for when there is none or its time is nearly up, kept in memory until then, never logged. A token that had worked and
/// is refused in the middle of a batch is forgotten: nothing was done, and the same call may be made again at once with a new one. One that never worked is
/// a matter of credentials, for a person.
/// </summary>
public sealed class AccessTokens(ChannelCalls calls)
{
    /// <summary>Asks the system for a token, and how long it lives.</summary>
    public delegate Task<(string Token, TimeSpan Life)> Ask(ChannelAccount account, CancellationToken cancel);

    sealed class Known(string value, DateTimeOffset until)
    {
        public string Value => value;
        public DateTimeOffset Until => until;
        public volatile bool Worked;
    }

    /// <summary>So long before its end a token is renewed.</summary>
    static readonly TimeSpan Margin = TimeSpan.FromSeconds(60);
    readonly ConcurrentDictionary<string, Known> tokens = new(StringComparer.Ordinal);

    /// <summary>Makes a call with the account's token.</summary>
    /// <param name="account">The account.</param>
    /// <param name="operation">Its name.</param>
    /// <param name="request">The request.</param>
    /// <param name="spends">What it uses up.</param>
    /// <param name="ask">Where a token comes from.</param>
    /// <param name="present">Puts it on the request.</param>
    /// <param name="isTokens">Says that a refusal is about the token; null: 401 is.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="ChannelCallException">As <see cref="ChannelCalls.SendAsync"/>; <see cref="CallFailure.Limited"/> until now when the token's time was up, <see cref="CallFailure.Refused"/> when it never worked.</exception>
    public async Task<ChannelReply> SendAsync(ChannelAccount account, string operation, HttpRequestMessage request, Spend[] spends, Ask ask, Action<HttpRequestMessage, string> present, Func<ChannelReply, bool>? isTokens, CancellationToken cancel)
    {
        var now = account.Time.GetUtcNow();
        if (!tokens.TryGetValue(account.Channel.Id, out var token) || now + Margin >= token.Until)
        {
            var (value, life) = await ask(account, cancel);
            tokens[account.Channel.Id] = token = new(value, now + life);
        }
        present(request, token.Value);
        var reply = await calls.SendAsync(account, operation, request, spends, cancel);
        if (!(isTokens?.Invoke(reply) ?? reply.Status == 401))
        {
            token.Worked = true;
            return reply;
        }
        tokens.TryRemove(new(account.Channel.Id, token));
        if (!token.Worked) reply.Ok();
        throw new ChannelCallException(CallFailure.Limited, $"{account.Channel.Is} took the token of channel '{account.Channel.Id}' for expired at {operation}; the next call gets a new one.", account.Time.GetUtcNow());
    }

    /// <summary>Reads <c>{access_token, expires_in}</c> (RFC 6749, section 5.1).</summary>
    public static (string Token, TimeSpan Life) Read(ChannelAccount account, ChannelReply reply, TimeSpan usual)
    {
        using var body = reply.Ok().Json();
        var token = body.RootElement.TryGetProperty("access_token", out var text) ? text.GetString() : null;
        var life = body.RootElement.TryGetProperty("expires_in", out var seconds) && seconds.TryGetDouble(out var told) && told > 0 ? TimeSpan.FromSeconds(told) : usual;
        return token is { Length: > 0 } ? (token, life) : throw new ChannelCallException(CallFailure.Unanswered, $"{account.Channel.Is} answered channel '{account.Channel.Id}' with no access_token.");
    }
}
