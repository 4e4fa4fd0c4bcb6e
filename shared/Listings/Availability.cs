using System.Globalization;
using System.Text;
using Selvedge.Ledger;

namespace Selvedge.Listings;

/// <summary>What bounds a listing's number; every member in units. As the listing, its style, its channel or everybody says, the nearest first.</summary>
/// <param name="Buffer">Units left to others.</param>
/// <param name="Allocation">The most it may show; null: no limit.</param>
/// <param name="Threshold">Below it the listing is paused; 0: never.</param>
/// <param name="Hysteresis">It is resumed at the threshold and so many more.</param>
/// <param name="Why">Words for a threshold that was worked out (<see cref="Adaptive"/>).</param>
/// <param name="IsAdaptive">The threshold follows how the SKU sells.</param>
public sealed record ListingBounds(long Buffer = 0, long? Allocation = null, long Threshold = 0, long Hysteresis = 0, string? Why = null, bool IsAdaptive = false);

/// <summary>A person's word on a listing.</summary>
[System.Text.Json.Serialization.JsonConverter(typeof(Platform.CamelCaseEnum<ManualState>))]
public enum ManualState
{
    /// <summary>It sells nothing, whatever there is.</summary>
    Pause,
    /// <summary>It sells whatever there is, below the threshold too.</summary>
    Live,
}

/// <summary>What a channel is to show for one item at one of its places.</summary>
/// <param name="Units">The number after the cap, ≥ 0, whether paused or not.</param>
/// <param name="Paused">It is to sell nothing.</param>
/// <param name="Ats">The number before the cap: what the threshold is compared with.</param>
/// <param name="Reason">How it came about, for a person.</param>
public sealed record Available(long Units, bool Paused, long Ats, string Reason)
{
    /// <summary>What is sent.</summary>
    public long Sent => Paused ? 0 : Units;
}

/// <summary>
/// The numbers that channels show (design, section 5): pure functions of balances.
/// <c>ats(c,s) = max(0, Σ over c's locations of max(0, available − floor) − short − ring-fenced for others − buffer)</c>, then at most the allocation.
/// </summary>
public static class Availability
{
    /// <summary>The number of a listing.</summary>
    /// <param name="channel">Its channel: its own ring-fence is no one else's.</param>
    /// <param name="locations">The channel's locations that we fill from, in order; those of kind <c>marketplace</c> left out.</param>
    /// <param name="place">The one location the listing is for; null: all of them.</param>
    /// <param name="parts">The SKU's balance; or of a bundle each part's, with the units that one takes. A null balance is one of zero.</param>
    /// <param name="bounds">What bounds it.</param>
    /// <param name="wasPaused">It is paused now: it is resumed only above the threshold and its hysteresis.</param>
    /// <param name="manual">A person's word, which wins.</param>
    public static Available Of(string channel, IReadOnlyList<string> locations, string? place, IReadOnlyList<(Balance? Balance, long Each)> parts, ListingBounds bounds, bool wasPaused, ManualState? manual)
    {
        var (ats, at, which) = (long.MaxValue, long.MaxValue, 0);
        // Buffer and cap of a bundle count bundles.
        var bundle = parts is not [{ Each: 1 }];
        for (var i = 0; i < parts.Count; i++)
        {
            var (all, here) = Units(channel, locations, place, parts[i].Balance, bundle ? 0 : bounds.Buffer, bundle ? null : bounds.Allocation);
            if (all / parts[i].Each < ats) (ats, which) = (all / parts[i].Each, i);
            at = Math.Min(at, here / parts[i].Each);
        }
        if (bundle) (ats, at) = (Math.Max(0, ats - bounds.Buffer), Math.Min(Math.Max(0, at - bounds.Buffer), bounds.Allocation ?? long.MaxValue));
        var units = Math.Min(at, bounds.Allocation ?? long.MaxValue);
        var resumesAt = bounds.Threshold + bounds.Hysteresis;
        var thin = bounds.Threshold > 0 && (ats < bounds.Threshold || (wasPaused && ats < resumesAt));
        var paused = manual is ManualState.Pause || (thin && manual is not ManualState.Live);

        var reason = new StringBuilder();
        if (bundle) reason.Append(CultureInfo.InvariantCulture, $"bundle with {parts[which].Each} of {parts[which].Balance?.Sku ?? "a part without stock"}: ");
        Explain(reason, channel, locations, parts[which].Balance, bounds.Buffer, ats);
        if (place is not null && at < Math.Min(ats, bounds.Allocation ?? long.MaxValue)) reason.Append(CultureInfo.InvariantCulture, $"; {at} of them at {place}");
        if (units < at || (bounds.Allocation is { } cap && cap < ats)) reason.Append(CultureInfo.InvariantCulture, $"; capped at {bounds.Allocation}");
        if (manual is ManualState.Pause) reason.Append("; paused by a person");
        else if (paused) reason.Append(ats < bounds.Threshold ? string.Create(CultureInfo.InvariantCulture, $"; paused: below {bounds.Threshold}") : string.Create(CultureInfo.InvariantCulture, $"; still paused: resumes at {resumesAt}"));
        else if (thin) reason.Append(CultureInfo.InvariantCulture, $"; below {bounds.Threshold}, kept live by a person");
        if (bounds.Why is { } why && thin) reason.Append(CultureInfo.InvariantCulture, $" ({why})");
        return new(units, paused, ats, reason.ToString());
    }

    // All of the channel's locations are one number; where the channel shows each place for itself, they share it, the first ones first: together they never show more.
    static (long All, long Here) Units(string channel, IReadOnlyList<string> locations, string? place, Balance? balance, long buffer, long? allocation)
    {
        if (balance is null) return (0, 0);
        var all = Math.Max(0, Free(locations, balance) - balance.Short - Fenced(channel, balance) - buffer);
        if (place is null) return (all, all);
        var left = Math.Min(all, allocation ?? long.MaxValue);
        foreach (var location in locations)
        {
            var here = Math.Min(left, Free(location, balance));
            if (location == place) return (all, here);
            left -= here;
        }
        return (all, 0);
    }

    static long Free(string location, Balance balance) => balance.Locations.TryGetValue(location, out var stock) ? Math.Max(0, stock.Available - stock.Floor) : 0;

    static long Free(IReadOnlyList<string> locations, Balance balance)
    {
        long free = 0;
        foreach (var location in locations) free += Free(location, balance);
        return free;
    }

    static long Fenced(string channel, Balance balance)
    {
        long open = 0;
        foreach (var (buyer, fence) in balance.Fences)
            if (buyer != RingFence.Channel(channel)) open += fence.Open;
        return open;
    }

    static void Explain(StringBuilder reason, string channel, IReadOnlyList<string> locations, Balance? balance, long buffer, long ats)
    {
        var (sellable, held, floor, lost) = (0L, 0L, 0L, 0L);
        foreach (var location in locations)
            if (balance?.Locations.TryGetValue(location, out var stock) == true)
            {
                (sellable, held) = (sellable + stock.Sellable, held + stock.Held);
                // A place that cannot give its floor gives nothing, not less.
                floor += Math.Min(stock.Floor, Math.Max(0, stock.Available));
                lost += Math.Min(0, stock.Available);
            }
        reason.Append(CultureInfo.InvariantCulture, $"{sellable} on hand");
        Less("committed", held);
        Less("floor", floor);
        if (lost < 0) reason.Append(CultureInfo.InvariantCulture, $" + {-lost} missing where more is committed than there is");
        Less("waiting for stock", balance?.Short ?? 0);
        Less("ring-fenced for others", balance is null ? 0 : Fenced(channel, balance));
        Less("buffer", buffer);
        reason.Append(CultureInfo.InvariantCulture, $" = {ats}");

        void Less(string what, long units)
        {
            if (units != 0) reason.Append(CultureInfo.InvariantCulture, $" − {units} {what}");
        }
    }
}
