using System.Text.Json;
using Selvedge.Exceptions;
using Selvedge.Platform;

namespace Selvedge.Channels.Shopify;

/// <summary>
/// Sees to it that the shop sends its webhooks here: Shopify drops a subscription that keeps failing, and people move addresses. Every topic that is missing is
/// subscribed, every one that goes elsewhere is led here; what the shop refuses becomes an exception, which is closed when it is right again.
/// Only for channels whose <c>api</c> names a <c>callback</c>.
/// </summary>
public sealed class ShopifySubscriptions(ShopifyApi api, ExceptionCases exceptions, TimeProvider time)
{
    const string List = "query Subscriptions { webhookSubscriptions(first: 100) { nodes { id topic uri } } }";
    const string Make = """
        mutation Subscribe($topic: WebhookSubscriptionTopic!, $uri: String!) {
          webhookSubscriptionCreate(topic: $topic, webhookSubscription: { uri: $uri, format: JSON }) { webhookSubscription { id } userErrors { message } } }
        """;
    const string Repair = """
        mutation Resubscribe($id: ID!, $uri: String!) {
          webhookSubscriptionUpdate(id: $id, webhookSubscription: { uri: $uri }) { webhookSubscription { id } userErrors { message } } }
        """;

    /// <summary>The topics the app takes in.</summary>
    public static IReadOnlyList<string> Topics { get; } = ["orders/create", "orders/updated", "orders/cancelled", "orders/edited", "refunds/create", "fulfillment_orders/moved"];

    /// <summary>Checks and repairs one channel. Answers how many subscriptions were made or led here.</summary>
    public async Task<int> CheckAsync(Channel channel, CancellationToken cancel)
    {
        if (channel.Api?.Callback is not { } callback || !api.Reaches(channel)) return 0;
        var repaired = 0;
        var wrong = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            var known = (await api.AskAsync(channel, "Subscriptions", List, new { }, cancel)).GetProperty("webhookSubscriptions").GetProperty("nodes").EnumerateArray()
                .Select(node => (Id: node.GetProperty("id").GetString()!, Topic: node.GetProperty("topic").GetString(), Uri: node.GetProperty("uri").GetString())).ToList();
            foreach (var topic in Topics)
            {
                var (name, uri) = (topic.Replace('/', '_').ToUpperInvariant(), $"{callback.TrimEnd('/')}/api/webhooks/{Uri.EscapeDataString(channel.Id)}/{topic}");
                if (known.Exists(subscription => subscription.Topic == name && subscription.Uri == uri)) continue;
                var elsewhere = known.Find(subscription => subscription.Topic == name).Id;
                var answer = elsewhere is null
                    ? (await api.AskAsync(channel, "Subscribe", Make, new { topic = name, uri }, cancel)).GetProperty("webhookSubscriptionCreate")
                    : (await api.AskAsync(channel, "Resubscribe", Repair, new { id = elsewhere, uri }, cancel)).GetProperty("webhookSubscriptionUpdate");
                var errors = answer.GetProperty("userErrors");
                if (errors.GetArrayLength() == 0) repaired++;
                else if (wrong.Add(topic))
                    await OpenAsync(channel, topic, $"{channel.Id} does not send {topic} to {uri}: {errors[0].GetProperty("message").GetString()}. Correct the channel's 'callback', or subscribe in the shop.");
            }
        }
        catch (ShopifyApiException failure)
        {
            wrong.UnionWith(["all", .. Topics]);
            await OpenAsync(channel, "all", $"Whether {channel.Id} sends its webhooks here cannot be checked: {failure.Message}");
        }
        await CloseAsync(channel, wrong);
        return repaired;
    }

    // What goes wrong again another day is another exception.
    Task OpenAsync(Channel channel, string topic, string detail) => exceptions.OpenAsync(new ExceptionCase
    {
        Id = Ids.Join(["channel", "webhookSubscription", channel.Id, topic, time.GetUtcNow().UtcDateTime.ToString("yyyyMMdd", System.Globalization.CultureInfo.InvariantCulture)]),
        Kind = "webhookSubscription", Channel = channel.Id, Detail = detail, Line = topic,
    });

    async Task CloseAsync(Channel channel, HashSet<string> wrong)
    {
        foreach (var open in (await exceptions.ListAsync(ExceptionStatus.Open, "webhookSubscription", 500, null)).Items)
            if (open.Channel == channel.Id && !wrong.Contains(open.Line ?? ""))
                try { await exceptions.ResolveAsync(open.Id, "It is right again.", owner: null, "system:shopify-subscriptions"); }
                catch (ProblemException otherwise) when (otherwise.Status == 409) { }
    }
}
