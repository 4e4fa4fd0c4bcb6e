using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Selvedge.Channels;
using Selvedge.Imports;
using Selvedge.Inbound;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Functions.Inbound;

/// <summary>Between a message's arrival and its handling: whatever comes of a signed webhook or a file, it is in the archive before the sender is answered.</summary>
public sealed class InboundRecording(InboundArchive archive, OrderStore orders, TimeProvider time)
{
    static readonly string[] Sent = ["X-Shopify-Triggered-At", "Shopify-Triggered-At", "Date"];

    /// <summary>Handles a webhook whose signature was found right.</summary>
    public async Task<WebhookAnswer> HandleAsync(HttpRequest request, Webhook webhook, WebhookSystem system)
    {
        var record = new InboundRecord { At = InstantConverter.Cut(time.GetUtcNow()), SentAt = SentAt(webhook), Channel = webhook.Channel.Id, Topic = webhook.Topic, Headers = Headers(request) };
        WebhookAnswer answer;
        try
        {
            answer = await system.Handle(webhook);
        }
        catch (ProblemException refused)
        {
            await KeepAsync(webhook, record with { Verdict = refused.Status < 500 ? InboundVerdict.Refused : InboundVerdict.Failed, Status = refused.Status, Outcome = refused.Type, Detail = refused.Message });
            throw;
        }
        catch (Exception failed)
        {
            await KeepAsync(webhook, record with { Verdict = InboundVerdict.Failed, Status = 500, Outcome = "internal", Detail = failed.GetType().Name });
            throw;
        }
        var verdict = answer.Order is null ? InboundVerdict.Ignored : answer.Repeat ? InboundVerdict.Repeated : InboundVerdict.Accepted;
        record = record with { Verdict = verdict, Status = 200, Order = answer.Order, Outcome = answer.Status };
        // Who was erased is not brought back by what the channel tells of the order later. An order that is new has nobody erased.
        if (answer.Order is { } order && (answer.Repeat || webhook.Topic != "orders/create") && (await orders.ReadPersonAsync(order))?.ErasedAt is not null)
            await archive.KeepAsync(record.Erased(record.At), default, webhook.Channel);
        else await KeepAsync(webhook, record);
        return answer;
    }

    /// <summary>Keeps a file that somebody handed in, before anything is made of it, and answers the import that also tells what came of it.</summary>
    public async Task<ImportWork> KeepFileAsync(HttpRequest request, string topic, ReadOnlyMemory<byte> file, ImportWork work)
    {
        var kept = await archive.KeepAsync(File(topic) with { Verdict = InboundVerdict.Received, Headers = Headers(request) }, file, null);
        return async (import, progress) =>
        {
            try
            {
                var result = await work(import, progress);
                await TellAsync(InboundVerdict.Accepted, 200, "imported", JsonSerializer.Serialize(result, Json.Options));
                return result;
            }
            catch (ProblemException refused)
            {
                await TellAsync(refused.Status < 500 ? InboundVerdict.Refused : InboundVerdict.Failed, refused.Status, refused.Type, refused.Message);
                throw;
            }
            catch (Exception failed)
            {
                await TellAsync(InboundVerdict.Failed, 500, "internal", failed.GetType().Name);
                throw;
            }
        };

        Task TellAsync(InboundVerdict verdict, int status, string outcome, string detail) =>
            kept is null ? Task.CompletedTask : archive.KeepAsync(File(topic) with { Verdict = verdict, Status = status, Outcome = outcome, Detail = detail, Of = kept }, default, null);
    }

    InboundRecord File(string topic) => new() { At = InstantConverter.Cut(time.GetUtcNow()), Channel = "imports", Kind = InboundKind.File, Topic = topic };

    Task<string?> KeepAsync(Webhook webhook, InboundRecord record) => archive.KeepAsync(record, webhook.Body, webhook.Channel);

    static DateTimeOffset? SentAt(Webhook webhook)
    {
        foreach (var name in Sent)
            if (webhook.Header(name) is { } text && DateTimeOffset.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.AssumeUniversal, out var at)) return at.ToUniversalTime();
        return null;
    }

    static Dictionary<string, string> Headers(HttpRequest request)
    {
        var kept = new Dictionary<string, string>(request.Headers.Count, StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in request.Headers)
            if (InboundHeaders.IsKept(name)) kept[name] = value.ToString();
        return kept;
    }
}
