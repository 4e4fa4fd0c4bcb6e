using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Selvedge.Channels;
using Selvedge.Functions.Api;
using Selvedge.Functions.Inbound;
using Selvedge.Inbound;
using Selvedge.Platform;

namespace Selvedge.Functions.Channels;

/// <summary>Where other systems send their webhooks. Signed by the sender: nothing of the body is looked at, and nothing written, before the
/// signature over its raw bytes was found right.</summary>
public sealed class WebhookFunctions(SalesChannels channels, IEnumerable<WebhookSystem> systems, InboundRecording inbound)
{
    /// <summary>Largest webhook, in bytes. Shopify's orders have some 1.5 kB a line and at most 500 lines.</summary>
    public const int Limit = 2 * 1024 * 1024;

    // Stands in where there is no secret, so that an unknown channel costs the same time and gives the same answer.
    static readonly string[] Nobody = [RandomNumberGenerator.GetHexString(64)];
    readonly Dictionary<string, WebhookSystem> systems = systems.ToDictionary(system => system.Kind, StringComparer.Ordinal);

    /// <summary>200 once what it says is durable, whatever step it has reached; 401 wrong, missing or malformed signature or unknown channel; 400 what cannot
    /// be read; 413 too large; 503 try again.</summary>
    [Function("PostWebhook"), Anonymous]
    public async Task<IResult> PostWebhook([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/webhooks/{channel}/{*topic}")] HttpRequest request, string channel, string? topic, FunctionContext context)
    {
        var body = await request.BytesAsync(Limit);
        var known = await channels.FindAsync(channel, context.CancellationToken);
        var system = known is not null && systems.TryGetValue(known.Is, out var registered) ? registered : null;
        var secrets = system is null ? Nobody : channels.SecretsOf(known!) is { Count: > 0 } configured ? configured : Nobody;
        var webhook = new Webhook(known ?? Unknown, topic ?? "", name => request.Headers.TryGetValue(name, out var values) && values.Count == 1 ? values[0] : null, body);
        if (!(system ?? systems.Values.First()).IsSigned(webhook, secrets) || system is null)
        {
            InboundArchive.CountRejected(known?.Id);
            throw new ProblemException(401, "bad-signature", "The signature is missing or wrong", "The signature was not made over these bytes with a secret of this channel. Check the address, and the value behind the channel's 'secret'.");
        }
        var answer = await inbound.HandleAsync(request, webhook, system);
        return Results.Json(answer, WebhookJson.Default.WebhookAnswer);
    }

    static readonly Channel Unknown = new() { Id = "-", Is = "-", Name = "-" };
}
