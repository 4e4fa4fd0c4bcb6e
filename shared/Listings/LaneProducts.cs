using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>
/// Product data out, by an account's lane: one style at a time, after everything that concerns numbers and orders. What a call asks for is safe to ask again, so nothing is written before it: where its answer is
/// lost, the style is still due. What the channel answers becomes listings by itself, so that stock follows. Nothing is ever deleted there: the listings of SKUs that are archived, and of styles that are stopped, are
/// paused (<see cref="Actor"/>), and resumed when they are wanted again; what a person said of a listing stands.
/// </summary>
public sealed class LaneProducts(ListedStyles styles, ListingStore listings, ListingDesk desk, ProductCatalogue catalogue, Categories categories, ExceptionCases exceptions, TimeProvider time)
{
    /// <summary>Who pauses listings of what is archived or stopped.</summary>
    public const string Actor = "system:products";

    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    /// <summary>One style's worth of what is due. False: there was nothing.</summary>
    public async Task<bool> RunAsync(LaneTurn turn, CancellationToken cancel)
    {
        if (!turn.Adapter.Traits.Publishes) return false;
        var next = await styles.NextAsync(turn.Channel.Id, cancel);
        turn.NextProduct = next?.DueAt;
        if (next is null || turn.NextProduct > Now) return false;
        if (next.Ended) await StopAsync(turn.Channel, next, cancel);
        else if (turn.IsBlocked(LaneCall.Products)) return false;
        else await PublishAsync(turn, next, cancel);
        return true;
    }

    /// <summary>Pauses what is listed of a style that is not to be listed any more; done before is as good.</summary>
    public async Task<ListedStyle?> StopAsync(Channel channel, ListedStyle known, CancellationToken cancel)
    {
        var style = await catalogue.GetStyleOnlyAsync(known.Style, cancel);
        await PauseAsync(channel, style.Cells.Select(cell => cell.Sku).Concat(known.Items.Select(item => item.Sku)), cancel);
        return await styles.ChangeAsync(known.Channel, known.Style, now => ListedStyle.Paused(now, Now), cancel: cancel);
    }

    async Task PublishAsync(LaneTurn turn, ListedStyle known, CancellationToken cancel)
    {
        var (style, products) = await catalogue.GetStyleAsync(known.Style, cancel);
        var (stamp, product) = (ListedStyle.StampOf(style.Version, style.Writing, turn.Channel), StyleProduct.Of(style, products, turn.Channel, await categories.RulesAsync(cancel)));
        await PauseAsync(turn.Channel, product.Product.Former, cancel);
        if (product.Product.Items.Count == 0)
        {
            await RefusedAsync(known, product, $"None of its {product.Held.Count} SKUs can be listed.");
            return;
        }
        PublishAnswer? answer;
        try
        {
            answer = await AskAsync(turn, known, product);
        }
        catch (ChannelCallException refused) when (refused.IsOfProduct)
        {
            turn.Calls++;
            turn.Done.Count("productsRefused");
            await RefusedAsync(known, product, refused.Message);
            return;
        }
        catch (Exception failed) when (failed is not ChannelCallException { Failure: CallFailure.Limited })
        {
            // Another style is tried first the next time.
            await styles.ChangeAsync(known.Channel, known.Style, now => ListedStyle.Failed(now, failed.Message, Now), cancel: CancellationToken.None);
            throw failed as ChannelCallException ?? new ChannelCallException(CallFailure.Unanswered, $"{turn.Channel.Is}: {failed.GetType().Name}: {failed.Message}", null, failed);
        }
        if (answer is null)
        {
            if (await styles.ChangeAsync(known.Channel, known.Style, now => ListedStyle.Undecided(now, Now), cancel: cancel) is { Refused: true } late) await ExceptAsync(late, product);
            return;
        }
        answer = answer with { Items = await MapAsync(turn.Channel, style, answer.Items, cancel) };
        var written = await styles.ChangeAsync(known.Channel, known.Style, now => ListedStyle.Answered(now with { Wanted = now.Wanted == known.Wanted ? stamp : now.Wanted }, product, stamp, answer, Now), cancel: cancel);
        turn.Done.Count("products");
        if (written is { Refused: true } or { Held.Count: > 0 }) await ExceptAsync(written, product);
        else if (written?.State is ListedState.Listed) await exceptions.ResolveIfOpenAsync(CaseOf(written), "The channel took it.", Actor);
    }

    // Not ended by the host's stop: an answer that is on its way is worth more than its time.
    static async Task<PublishAnswer?> AskAsync(LaneTurn turn, ListedStyle known, StyleProduct product)
    {
        var open = product.Open(known);
        // All of it is there as it is to be: the style changed in what the channel does not show.
        if (open.Count == 0) return new([]);
        var asked = product.Product with { Items = open, ExternalId = known.ExternalId };
        var answer = known.Submission is { } submission && submission.Content == product.Content ? await turn.Adapter.PublishedAsync(turn.Account, asked, submission.Id, CancellationToken.None)
            : await turn.Adapter.PublishAsync(turn.Account, asked, CancellationToken.None);
        turn.Calls++;
        return answer;
    }

    // What the channel calls our SKUs becomes listings. An item that somebody gave to a SKU of another style stays with that.
    async Task<IReadOnlyList<PublishedItem>> MapAsync(Channel channel, Style style, IReadOnlyList<PublishedItem> items, CancellationToken cancel)
    {
        var mapped = new List<PublishedItem>(items.Count);
        foreach (var item in items)
        {
            var error = item.Error;
            foreach (var key in item.Listings)
            {
                var there = await listings.FindAsync(channel.Id, Listing.IdOf(key.Place, key.Item), cancel);
                if (there is { Sku.Length: > 0 } && there.Sku != key.Sku && !style.Cells.Any(cell => cell.Sku == there.Sku)) error ??= $"Its item {key.Item} there is mapped to SKU {there.Sku}. Correct the mapping.";
                else await desk.PutAsync(channel, new(key.Place, key.Item, key.Sku, key.Extra, null, null, null, there is { Manual: ManualState.Pause, ManualBy: Actor }), Actor, default, cancel);
            }
            mapped.Add(item with { Error = error });
        }
        return mapped;
    }

    async Task PauseAsync(Channel channel, IEnumerable<string> skus, CancellationToken cancel)
    {
        var which = skus.ToHashSet(StringComparer.Ordinal);
        if (which.Count == 0) return;
        foreach (var listing in await listings.OfSkusAsync(which, cancel))
            if (listing.Channel == channel.Id && which.Contains(listing.Sku) && listing is { Manual: null, IsSent: true })
                await desk.PutAsync(channel, new(listing.Place, listing.Item, null, null, null, null, ManualState.Pause, false), Actor, default, cancel);
    }

    async Task RefusedAsync(ListedStyle known, StyleProduct product, string why)
    {
        if (await styles.ChangeAsync(known.Channel, known.Style, now => ListedStyle.Refuse(now with { Held = product.Held }, why, Now)) is { } written) await ExceptAsync(written, product);
    }

    Task ExceptAsync(ListedStyle listed, StyleProduct product)
    {
        var held = product.Held.Count == 0 ? "" : $" {product.Held.Count} SKUs are held back: {string.Join(" ", product.Held.SelectMany(sku => sku.Why).Select(gap => gap.Detail).Distinct().Take(10))}";
        return exceptions.OpenAsync(new ExceptionCase
        {
            Id = CaseOf(listed), Kind = "productRefused", Channel = listed.Channel, Occurrence = product.Content, Expected = new($"style {listed.Style}", $"{product.Product.Items.Count + product.Held.Count} SKUs listed"),
            Found = new(listed.Channel, listed.Refused ? listed.LastError?.Message ?? "refused" : $"{product.Held.Count} SKUs held back"),
            Detail = $"Style {listed.Style} is not listed on {listed.Channel} as it should be.{(listed.Refused ? " " + listed.LastError?.Message : "")}{held} Put it right in the product master or there, then ask for it again (PUT api/listings/{listed.Channel}/styles/{listed.Style}).",
        });
    }

    static string CaseOf(ListedStyle listed) => Ids.Join(["product", "refused", listed.Channel, listed.Style]);
}
