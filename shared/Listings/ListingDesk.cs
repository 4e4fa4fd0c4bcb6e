using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>A listing as somebody states it: which item of the channel shows which SKU, and what bounds it. A null member leaves what there is.</summary>
public sealed record ListingDraft(string Place, string Item, string? Sku, string? Extra, bool? Ended, ListingSettings? Own, ManualState? Manual, bool ClearsManual);

/// <summary>What people say about listings: which there are, what bounds them, that they are paused.</summary>
public sealed class ListingDesk(ListingStore listings, DesiredNumbers desired, ProductCatalogue catalogue, LaneCalls calls, TimeProvider time)
{
    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    /// <summary>Creates or changes a listing; the same again changes nothing. Its number is computed before this returns.</summary>
    /// <exception cref="ProblemException">422 the SKU is not known; 412 as <paramref name="when"/> says.</exception>
    public async Task<(Listing Listing, bool Created, bool Changed)> PutAsync(Channel channel, ListingDraft draft, string actor, Precondition when, CancellationToken cancel)
    {
        var product = draft.Sku is { } code ? await catalogue.FindProductAsync(code, cancel: cancel) ?? throw ProblemException.UnknownReference("sku", $"There is no SKU '{code}'. Import the product first.") : null;
        var id = Listing.IdOf(draft.Place, draft.Item);
        for (var tries = 0; tries < 20; tries++)
        {
            var before = await listings.FindAsync(channel.Id, id, cancel);
            if (!when.Holds(before?.ETag)) throw new ProblemException(412, "changed-meanwhile", "It was changed meanwhile", $"The listing '{id}' does not have this ETag (any more). Read it and try again.");
            var next = Apply(before ?? new Listing { Id = id, Channel = channel.Id, Place = draft.Place, Item = draft.Item, Status = ListingStatus.Unmapped, CreatedAt = Now, UpdatedAt = Now }, draft, product, actor);
            if (before is not null && next == before) return (before, false, false);
            next = ListingTurns.Due(next with { UpdatedAt = Now });
            // Before the listing: parts that wake nobody would leave it as it is.
            if (next.Parts is not null) await listings.DrawAsync(next, cancel);
            if (await listings.WriteAsync(next, [], cancel) is not { } written) continue;
            written = await desired.RecomputeAsync(written, cancel) ?? written;
            if (written.Due is not null) calls.Call(channel.Id);
            return (written, before is null, true);
        }
        throw ProblemException.Busy($"Listing '{id}' of '{channel.Id}' is being changed by others.");
    }

    /// <summary>A bundle's listing with the parts that the catalogue names today.</summary>
    public async Task<Listing> FollowAsync(Listing bundle, CancellationToken cancel)
    {
        if (await catalogue.FindProductAsync(bundle.Sku, cancel: cancel) is not { } product || Apply(bundle, new(bundle.Place, bundle.Item, null, null, null, null, null, false), product, "") is var next && next == bundle) return bundle;
        if (next.Parts is not null) await listings.DrawAsync(next, cancel);
        return await listings.ChangeAsync(bundle.Channel, bundle.Id, now => now with { Parts = next.Parts }, known: bundle, cancel: cancel) ?? bundle;
    }

    /// <summary>A channel's number of a SKU at a moment: what it was, why, and what came of it.</summary>
    public async Task<IReadOnlyList<(Listing Listing, Why? Wanted, Why? Shown)>> WhyAsync(string channel, string sku, DateTimeOffset at, CancellationToken cancel)
    {
        var answers = new List<(Listing, Why?, Why?)>();
        foreach (var listing in (await listings.OfSkusAsync([sku], cancel)).Where(listing => listing.Channel == channel).OrderBy(listing => listing.Id, StringComparer.Ordinal))
        {
            var (wanted, shown) = await listings.WhyAsync(channel, listing.Id, at, cancel);
            answers.Add((listing, wanted, shown));
        }
        return answers;
    }

    static Listing Apply(Listing listing, ListingDraft draft, Product? product, string actor)
    {
        if (product is not null && (product.Sku != listing.Sku || listing.Style != product.Style))
            // Another SKU: what is known of the channel's number stays, what was to be shown is computed anew.
            listing = listing with { Sku = product.Sku, Style = product.Style, Pace = null };
        if (product is { Kind: ProductKind.Virtual } && !(listing.Parts ?? []).SequenceEqual(product.Components.Select(part => new ListingPart(part.Sku, part.Quantity))))
            listing = listing with { Parts = [.. product.Components.Select(part => new ListingPart(part.Sku, part.Quantity))] };
        else if (product is { Kind: not ProductKind.Virtual } && listing.Parts is not null) listing = listing with { Parts = null };
        if (draft.Extra is { } extra) listing = listing with { Extra = extra };
        if (draft.Own is { } own) listing = listing with { Own = own.IsEmpty ? null : own };
        if (draft.ClearsManual) listing = listing with { Manual = null, ManualBy = null };
        else if (draft.Manual is { } manual && manual != listing.Manual) listing = listing with { Manual = manual, ManualBy = actor };
        var status = draft.Ended switch { true => ListingStatus.Ended, _ when listing.Sku.Length == 0 => ListingStatus.Unmapped, false when listing.Status is ListingStatus.Ended => ListingStatus.Live, _ when listing.Status is ListingStatus.Unmapped => ListingStatus.Live, _ => listing.Status };
        return listing with { Status = status };
    }
}
