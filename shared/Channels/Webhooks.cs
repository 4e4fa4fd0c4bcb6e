namespace Selvedge.Channels;

/// <summary>What a webhook came to. Answered with 200: the sender is done with it.</summary>
/// <param name="Status">The order's status, or <c>ignored</c> for a topic nobody here needs.</param>
/// <param name="Order">The order's id.</param>
/// <param name="Repeat">It was known before, or something later was.</param>
/// <param name="Heard">What it was to the order: <c>new</c>, <c>changed</c>, <c>repeat</c>, <c>older</c> or <c>kept</c>.</param>
public sealed record WebhookAnswer(string Status, string? Order = null, bool Repeat = false, string? Heard = null);

/// <summary>A webhook as it came in.</summary>
/// <param name="Channel">The channel of its route.</param>
/// <param name="Topic">What follows the channel in its route, e.g. <c>orders/create</c>.</param>
/// <param name="Header">Looks a header up by name, in any case; null when it is missing or there several times.</param>
/// <param name="Body">The raw bytes.</param>
public sealed record Webhook(Channel Channel, string Topic, Func<string, string?> Header, ReadOnlyMemory<byte> Body);

/// <summary>What there is to know of a system that sends webhooks: one registration per system.</summary>
/// <param name="Kind">The channel's <c>kind</c>, e.g. <c>shopify</c>.</param>
/// <param name="IsSigned">True when the webhook bears a signature made with one of these secrets.</param>
/// <param name="Handle">Takes in a webhook whose signature was found right.</param>
public sealed record WebhookSystem(string Kind, Func<Webhook, IReadOnlyList<string>, bool> IsSigned, Func<Webhook, Task<WebhookAnswer>> Handle);
