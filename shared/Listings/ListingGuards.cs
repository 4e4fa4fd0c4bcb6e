using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>What a guard does next: ends, or looks again at a time, or when it is told.</summary>
public sealed record GuardStep(bool End, DateTimeOffset? Until = null);

/// <summary>
/// Guards of paused listings (design, section 5). A pause is decided with the number and sent like any other; its guard sees to it that the channel really shows nothing, and is the
/// one who resumes it: above the threshold and its hysteresis, by the ETag of the document that names the guard, or not at all. A person's pause wins over it.
/// </summary>
public sealed class ListingGuards(ListingStore listings, DesiredNumbers desired, LaneCalls calls, TimeProvider time)
{
    /// <summary>How long a pause may be unverified before it is asked for again; and how long nothing need be looked at.</summary>
    static readonly TimeSpan Unverified = TimeSpan.FromMinutes(1), Watch = TimeSpan.FromHours(1);

    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    /// <summary>Looks at a listing for its guard. The same again does the same.</summary>
    public async Task<GuardStep> LookAsync(GuardRun run, CancellationToken cancel = default)
    {
        if (await listings.FindAsync(run.Channel, run.Listing, cancel) is not { } listing || listing.Guard?.Run != run.Run || !listing.IsSent) return new(true);
        listing = await desired.RecomputeAsync(listing, cancel, byGuard: true) ?? listing;
        // Resumed: what was written took the guard off, and only if nobody wrote in between.
        if (listing.Guard?.Run != run.Run) return new(true);
        var now = Now;
        var unverified = listing.Guard.VerifiedAt is null;
        await listings.ChangeAsync(run.Channel, run.Listing, current => current.Guard?.Run != run.Run ? null : ListingTurns.Due(current with
        {
            Guard = current.Guard with { SeenAt = now },
            VerifyAt = current.Guard.VerifiedAt is null && ListingTurns.IsSettled(current) ? current.VerifyAt ?? now : current.VerifyAt,
        }), known: listing, cancel: cancel);
        if (unverified) calls.Call(run.Channel);
        return new(false, now + (unverified ? Unverified : Watch));
    }
}
