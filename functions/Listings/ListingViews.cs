using Selvedge.Listings;

namespace Selvedge.Functions.Listings;

/// <summary>A listing as the API shows it. Numbers are units.</summary>
public static class ListingView
{
    /// <summary>Members that answers have and requests may repeat.</summary>
    public static IReadOnlyList<string> Shown { get; } = ["channel", "item", "style", "parts", "manualBy", "units", "paused", "reason", "version", "believed", "sentUnits", "sentAt", "confirmedAt", "guarded", "verifiedAt", "waiting", "since", "drifts", "driftedAt", "error", "createdAt", "updatedAt"];

    public static object Of(Listing listing) => new
    {
        listing.Channel, listing.Item, Place = listing.Place.Length > 0 ? listing.Place : null, Sku = listing.Sku.Length > 0 ? listing.Sku : null, listing.Style, listing.Extra, listing.Parts, listing.Status,
        listing.Own?.Buffer, listing.Own?.Allocation, listing.Own?.Threshold, listing.Own?.Hysteresis, Risk = listing.Own?.Risk?.ToString("0.######", System.Globalization.CultureInfo.InvariantCulture), listing.Manual, listing.ManualBy,
        Units = listing.Desired?.Sent, Paused = listing.Desired?.Paused ?? false, listing.Desired?.Reason, listing.Desired?.Version, listing.Believed, SentUnits = listing.Published?.Units, SentAt = listing.Published?.At, listing.Published?.ConfirmedAt,
        Guarded = listing.Guard is not null, listing.Guard?.VerifiedAt, Waiting = WaitingOf(listing), Since = listing.Due is null || ListingTurns.IsSettled(listing) ? null : listing.Desired?.Since,
        Drifts = listing.Drifts > 0 ? listing.Drifts : (int?)null, listing.DriftedAt, Error = listing.LastError?.Message, listing.CreatedAt, listing.UpdatedAt,
    };

    static string? WaitingOf(Listing listing) => listing.Due?.Split('|') is not [_, var urgency, _] ? null : (Urgency)(urgency[0] - '0') switch
    {
        Urgency.Pause => "pause", Urgency.Drop => "drop", Urgency.Stale => "stale", Urgency.Raise => "raise", _ => "verify",
    };
}

/// <summary>A number's history as the API shows it.</summary>
public static class WhyView
{
    public static object Of(Listing listing, Why? wanted, Why? shown) => new
    {
        listing.Item, Place = listing.Place.Length > 0 ? listing.Place : null,
        Wanted = wanted is null ? null : new { wanted.Units, wanted.Paused, wanted.Reason, wanted.Version, wanted.At, wanted.CommittedAt, wanted.EventAt },
        Shown = shown is null ? null : new { Units = shown.Sent, shown.Paused, shown.Reason, shown.Version, shown.SentAt, shown.ConfirmedAt, shown.Drift },
    };
}
