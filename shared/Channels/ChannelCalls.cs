using System.Net;
using System.Text;
using System.Text.Json;

namespace Selvedge.Channels;

/// <summary>What a channel answered: success, or a refusal that its adapter may understand.</summary>
public sealed class ChannelReply(ChannelAccount account, string operation, HttpResponseMessage response, byte[] body)
{
    public int Status => (int)response.StatusCode;
    public byte[] Body => body;
    public bool IsSuccess => response.IsSuccessStatusCode;

    /// <summary>The first value of a header; null when it is not there.</summary>
    public string? Header(string name) => response.Headers.TryGetValues(name, out var values) || response.Content.Headers.TryGetValues(name, out values) ? values.First() : null;

    /// <summary>This, when it is a success.</summary>
    /// <exception cref="ChannelCallException">It is none.</exception>
    public ChannelReply Ok() => IsSuccess ? this : throw ChannelCallException.Of(account, operation, response, Text);

    /// <summary>The body as JSON; the caller disposes of it.</summary>
    /// <exception cref="ChannelCallException">It is none: who answered was not the channel, so what became of the call is not known.</exception>
    public JsonDocument Json()
    {
        try
        {
            return JsonDocument.Parse(body, new() { MaxDepth = 64 });
        }
        catch (JsonException unreadable)
        {
            throw new ChannelCallException(CallFailure.Unanswered, $"{account.Channel.Is} answered {operation} of channel '{account.Channel.Id}' with what is no JSON.", inner: unreadable);
        }
    }

    /// <summary>The body as text, for messages and codes within it.</summary>
    public string Text => Encoding.UTF8.GetString(body);
}

/// <summary>One HTTP call of an adapter: paid for from the account's budget, made once, never waited for or repeated.</summary>
public sealed class ChannelCalls(CallBudget budget)
{
    /// <summary>What a 429 without <c>Retry-After</c> closes an operation for at least.</summary>
    static readonly TimeSpan Unsaid = TimeSpan.FromSeconds(5);

    public CallBudget Budget => budget;

    /// <summary>Makes the call. Refusals (4xx) are answered, for adapters know some that are none; what was not answered, was too often or failed there is thrown.</summary>
    /// <param name="account">The account.</param>
    /// <param name="operation">Its name in the channel's documentation.</param>
    /// <param name="request">The request; disposed of here.</param>
    /// <param name="spends">What it uses up.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="ChannelCallException"><see cref="CallFailure.Limited"/> or <see cref="CallFailure.Unanswered"/>.</exception>
    public async Task<ChannelReply> SendAsync(ChannelAccount account, string operation, HttpRequestMessage request, Spend[] spends, CancellationToken cancel)
    {
        using (request)
        {
            budget.Take(account, spends);
            HttpResponseMessage response;
            byte[] body;
            try
            {
                response = await account.Http.SendAsync(request, HttpCompletionOption.ResponseContentRead, cancel);
                body = await response.Content.ReadAsByteArrayAsync(cancel);
            }
            catch (Exception unanswered) when (unanswered is HttpRequestException or IOException || (unanswered is OperationCanceledException && !cancel.IsCancellationRequested))
            {
                throw new ChannelCallException(CallFailure.Unanswered, $"{account.Channel.Is} did not answer {operation} of channel '{account.Channel.Id}': {unanswered.Message}", inner: unanswered);
            }
            var reply = new ChannelReply(account, operation, response, body);
            if (response.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError)) return reply;
            var failure = ChannelCallException.Of(account, operation, response, reply.Text);
            if (failure.Failure is not CallFailure.Limited) throw failure;
            var until = failure.Until ?? account.Time.GetUtcNow() + Unsaid;
            budget.Close(account, spends, until);
            throw new ChannelCallException(CallFailure.Limited, failure.Message, until);
        }
    }
}
