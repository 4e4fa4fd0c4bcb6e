using Selvedge.Channels;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>
/// What happens to a listing: pure functions from document to document. Each ends by saying what is to be done next (<see cref="Listing.Due"/>), so nothing that is
/// owed can be forgotten by whoever writes it. The same document back: nothing changed.
/// </summary>
public static class ListingTurns
{
    /// <summary>After so long a call that was about to be made has been, or never will be.</summary>
    public static readonly TimeSpan CallPatience = TimeSpan.FromSeconds(30);

    /// <summary>Sales that are heard of late are heard of by then.</summary>
    public static readonly TimeSpan Hearing = TimeSpan.FromSeconds(10);
    const int MostSales = 200;

    /// <summary>What is to be shown was computed anew. A listing that is guarded is resumed by its guard only.</summary>
    public static Listing Decide(Listing listing, Available number, DateTimeOffset now, DateTimeOffset? committedAt, DateTimeOffset? eventAt, bool byGuard = false)
    {
        if (listing.Guard is not null && number is { Paused: false } && !byGuard) number = number with { Paused = true, Reason = number.Reason + "; about to be resumed" };
        var before = listing.Desired;
        var next = listing;
        if (before is null || before.Units != number.Units || before.Paused != number.Paused)
        {
            // What was not sent yet began with the oldest difference.
            var open = before is not null && !IsSettled(listing);
            next = next with
            {
                Desired = new((before?.Version ?? 0) + 1, number.Units, number.Paused, number.Ats, now, open ? before!.Since : now, open ? before!.CommittedAt : committedAt, open ? before!.EventAt : eventAt, number.Reason),
            };
        }
        if (number.Paused && next.Guard is null) next = next with { Guard = new(next.GuardRuns + 1, now), GuardRuns = next.GuardRuns + 1 };
        if (!number.Paused && byGuard) next = next with { Guard = null };
        return ReferenceEquals(next, listing) ? listing : Due(next);
    }

    /// <summary>Before a call: what it asks for.</summary>
    public static Listing Ask(Listing listing, long units, string run, DateTimeOffset now) => Due(listing with
    {
        VerifyAt = null, Asked = new(listing.Desired!, units, now, Ids.Join([listing.Channel, listing.Id, $"v{listing.Desired!.Version}", $"{units}", $"{now.ToUnixTimeMilliseconds()}"], 120), run),
    });

    /// <summary>The call was not made after all: nothing was done.</summary>
    public static Listing NotAsked(Listing listing, Asked asked) => listing.Asked?.Key != asked.Key ? listing : Due(listing with { Asked = null });

    /// <summary>The call ended without an answer: it is read back what became of it, once that can be seen.</summary>
    public static Listing Unanswered(Listing listing, Asked asked, string message, ChannelTraits traits, DateTimeOffset now) =>
        listing.Asked?.Key != asked.Key ? listing : Due(Failed(listing, message, now, TimeSpan.Zero) with { VerifyAt = now + traits.VisibleAfter });

    /// <summary>How a call ended for this listing. Null where it is not the one that was asked.</summary>
    public static Listing? Answered(Listing listing, Asked asked, Pushed answer, PushAnswer call, ChannelTraits traits, DateTimeOffset now)
    {
        if (listing.Asked is not { } mine || mine.Key != asked.Key) return null;
        switch (answer.Result)
        {
            case PushResult.Applied:
                // A channel whose numbers cannot be read is taken at its word.
                if (!traits.ReadsBack) return Due(Verified(Took(listing, asked, asked.At, now), asked.At, now));
                return Due(Took(listing, asked, asked.At, now) with { VerifyAt = asked.Of.Paused && listing.Guard is { VerifiedAt: null } ? now + traits.VisibleAfter : null });
            case PushResult.Queued when call.Submission is { } submission:
                return Due(listing with { Asked = asked with { Submission = submission }, VerifyAt = now + (call.LookAfter ?? traits.VisibleAfter) });
            case PushResult.Queued:
                return Due(Took(listing, asked, asked.At, null) with { VerifyAt = !traits.ReadsBack ? null : now + (call.LookAfter ?? traits.VisibleAfter) });
            case PushResult.Stale:
                var stale = Failed(listing, answer.Error ?? "The channel's number was another than believed.", now, TimeSpan.Zero) with { Asked = null, StaleAt = now };
                return Due(answer.Actual is { } actual ? Meet(stale, actual, now, traits.Decrements) : stale with { Known = null });
            case PushResult.Unanswered:
                return Unanswered(listing, asked, answer.Error ?? "The channel did not answer.", traits, now);
            case PushResult.Refused:
                return Due(Failed(listing, answer.Error ?? "The channel will not take it.", now, traits.RefreshEvery) with { Asked = null, Refused = asked.Of.Version });
            default:
                return Due(Failed(listing, answer.Error ?? "The channel did not take it.", now, Backoff(listing.LastError?.Times ?? 0)) with { Asked = null });
        }
    }

    /// <summary>What the channel shows was read.</summary>
    /// <param name="listing">The listing.</param>
    /// <param name="units">Its number.</param>
    /// <param name="at">As of when.</param>
    /// <param name="traits">What the system is like.</param>
    /// <param name="decrements">The channel takes units off its own number when it sells.</param>
    /// <param name="now">The time.</param>
    public static Listing Shown(Listing listing, long units, DateTimeOffset at, ChannelTraits traits, bool decrements, DateTimeOffset now)
    {
        // Older than what is known, or perhaps from before the last call: it says nothing.
        if (at <= listing.Known?.At && listing.Asked is null && listing.VerifyAt is null) return listing;
        var last = listing.Asked is { Submission: null } open ? open.At : listing.Published?.At;
        if (last + traits.VisibleAfter > at && listing.Known is not null)
            return units == listing.Believed && listing.Asked is null ? Due(Verified(listing, at, now)) : Due(listing with { VerifyAt = last + traits.VisibleAfter });
        if (listing.Asked is { Submission: null } asked)
            // The call whose answer was lost: whether it was done is seen by its number.
            return Due(units == asked.Units ? Verified(Took(listing, asked, at, now), at, now) : Meet(listing with { Asked = null, VerifyAt = null }, units, at, decrements) with { Suspect = listing.Suspect });
        // What was submitted and is not decided yet shows already: our own doing.
        if (listing.Asked is { Submission: not null } submitted && units == submitted.Units) return Due(Meet(listing with { VerifyAt = null }, units, at, decrements) with { Suspect = listing.Suspect, VerifyAt = listing.VerifyAt });
        // Taken, never confirmed, and not so: it was not done. That is nobody's edit.
        if (listing.Published is { ConfirmedAt: null } && units != listing.Believed) return Due(Meet(listing with { VerifyAt = null }, units, at, decrements) with { Suspect = listing.Suspect });
        var expected = listing.Known is { } known ? known.Units - Sold(listing, known.At, at) : (long?)null;
        if (units == expected) return Due(Verified(listing with { Known = new(units, at), Sales = After(listing.Sales, at) }, at, now));
        return Due(Meet(listing with { VerifyAt = null }, units, at, decrements));
    }

    /// <summary>An order of this channel asks for so many units of its SKU, of those that its own number was taken down by.</summary>
    public static Listing Sold(Listing listing, Sale sale)
    {
        var next = listing;
        if (next.Suspect is { } suspect && sale.PlacedAt > suspect.From && sale.PlacedAt <= suspect.At && With(suspect.Sales, sale) is { } explained) next = next with { Suspect = suspect with { Sales = explained } };
        // Sold while a number of ours was on its way: whether it came before or after is seen by reading.
        if (next.Published is { ConfirmedAt: { } confirmed } sent && sale.PlacedAt > sent.At && sale.PlacedAt <= confirmed && next.Known?.At == sent.At) next = next with { Known = null, Sales = null };
        if (next.Known is { } known && sale.PlacedAt > known.At && With(next.Sales, sale) is { } sales)
        {
            // Very many since the last call: the oldest become part of what is known.
            var (folded, rest) = sales.Count > MostSales ? (sales.Take(MostSales / 2).Sum(old => old.Units), sales.Skip(MostSales / 2).ToList()) : (0, sales);
            next = next with { Sales = rest, Known = known with { Units = known.Units - folded } };
        }
        return ReferenceEquals(next, listing) ? listing : Due(next);
    }

    /// <summary>Whether somebody changed the number at the channel: orders are read past the moment, what they sold is heard of, and it does not account for the difference.</summary>
    /// <param name="listing">The listing.</param>
    /// <param name="readAt">What the channel had sold by then is taken in.</param>
    /// <param name="now">The time.</param>
    /// <param name="decrements">The channel takes units off its own number; where it does not, there is nothing to wait for.</param>
    public static (Listing Listing, Suspect? Drift) Judge(Listing listing, DateTimeOffset? readAt, DateTimeOffset now, bool decrements)
    {
        if (listing.Suspect is not { } suspect) return (listing, null);
        if (decrements && suspect.ReadAt is null) return (readAt > suspect.At ? Due(listing with { Suspect = suspect with { ReadAt = now } }) : listing, null);
        if (decrements && now < suspect.ReadAt + Hearing) return (listing, null);
        return suspect.IsExplained ? (Due(listing with { Suspect = null }), null) : (Due(listing with { Suspect = null, Drifts = listing.Drifts + 1, DriftedAt = suspect.At }), suspect);
    }

    /// <summary>Nothing was sent: when it is tried again.</summary>
    public static Listing PutOff(Listing listing, string message, DateTimeOffset now, TimeSpan by) => Due(Failed(listing, message, now, by) with { VerifyAt = null });

    /// <summary>Units sold, counted for the pace.</summary>
    public static Listing Paced(Listing listing, long sequence, long units, DateTimeOffset at)
    {
        if (listing.Pace is { } known && sequence <= known.Sequence) return listing;
        var pace = listing.Pace ?? new(0, 0, 0, at);
        var kept = Math.Exp(-Math.Max(0, (at - pace.At).TotalHours) / 24);
        return listing with { Pace = new(sequence, pace.PerHour * kept + units / 24.0, pace.Squares * kept + units * (double)units / 24.0, at > pace.At ? at : pace.At) };
    }

    /// <summary>How it sells as of <paramref name="now"/>; null: nothing was heard yet.</summary>
    public static Demand? DemandOf(Listing listing, TimeSpan latency, DateTimeOffset now) => listing.Pace is not { PerHour: > 0 } pace ? null
        // Orders come by chance and take some units each (compound Poisson): variance over mean is the mean of the squares over the mean.
        : new(pace.PerHour * Math.Exp(-Math.Max(0, (now - pace.At).TotalHours) / 24), latency, Math.Max(1, pace.Squares / pace.PerHour));

    /// <summary>The listing with its status, the number it may be raised to, and what is to be done next.</summary>
    public static Listing Due(Listing listing)
    {
        if (!listing.IsSent || listing.Theirs is not null || listing.Desired is not { } desired) return listing with { Due = null, Raise = null };
        var status = desired.Paused ? ListingStatus.Paused : ListingStatus.Live;
        var believed = listing.Believed;
        var raise = desired.Paused || believed is not { } shown || desired.Sent <= shown ? null
            : listing.Raise is { } candidate && Math.Min(candidate.Units, desired.Sent) is var most && most > shown ? candidate with { Units = most } : new Raise(desired.Sent, desired.At);
        var (urgency, at) = listing.Asked is { Submission: null } asked ? (desired.Paused ? Urgency.Pause : Urgency.Drop, listing.VerifyAt ?? asked.At + CallPatience)
            : listing.Asked is { Submission: not null } && !(desired.Version != listing.Asked.Of.Version && desired.Sent < Math.Max(listing.Asked.Units, believed ?? 0)) ? (Urgency.Verify, listing.VerifyAt ?? desired.At)
            : desired.Paused && listing.Published is not { Paused: true } ? (Urgency.Pause, desired.Since)
            : believed is not { } b || desired.Sent < b ? (Urgency.Drop, desired.Since)
            : raise is not null ? (Urgency.Raise, raise.At)
            : listing.Published is { Paused: true } && !desired.Paused ? (Urgency.Raise, desired.At)
            : listing.VerifyAt is { } verify ? (Urgency.Verify, verify)
            : listing.Suspect is { } suspect ? (Urgency.Verify, suspect.ReadAt + Hearing ?? suspect.At)
            : ((Urgency?)null, default(DateTimeOffset));
        if (listing is { StaleAt: { } stale, Asked: null } && urgency is Urgency.Pause or Urgency.Drop or Urgency.Raise) (urgency, at) = (Urgency.Stale, stale);
        // What the channel would not take holds back nothing else.
        if (listing.NotBefore > at && (listing.Refused is not { } refused || refused == desired.Version)) at = listing.NotBefore.Value;
        var due = urgency is { } what ? DueOf(listing.Channel, what, at) : null;
        return listing with { Status = status, Raise = raise, Due = due };
    }

    /// <summary>Text order within a channel is the order in which things are done.</summary>
    public static string DueOf(string channel, Urgency urgency, DateTimeOffset at) => string.Create(null, $"{channel}|{(int)urgency}|{InstantConverter.Text(at)}");

    /// <summary>The channel shows what it is to show, as far as is known.</summary>
    public static bool IsSettled(Listing listing) => listing.Desired is { } desired && listing.Asked is null && listing.Believed == desired.Sent && (listing.Published?.Paused ?? false) == desired.Paused;

    /// <summary>How long to wait after so many failures: 2 s, doubled each time, five minutes at most.</summary>
    public static TimeSpan Backoff(int times) => TimeSpan.FromSeconds(Math.Min(300, 2 * Math.Pow(2, Math.Min(times, 10))));

    static Listing Took(Listing listing, Asked asked, DateTimeOffset at, DateTimeOffset? confirmedAt) => listing with
    {
        Asked = null, Known = new(asked.Units, at), Sales = After(listing.Sales, at), Published = new(asked.Of.Version, asked.Units, asked.Of.Paused, asked.At, confirmedAt),
        StaleAt = null, NotBefore = null, LastError = null, Refused = null, VerifyAt = null,
    };

    static Listing Verified(Listing listing, DateTimeOffset at, DateTimeOffset now) => listing with
    {
        VerifyAt = null, Published = listing.Published is { ConfirmedAt: null } sent ? sent with { ConfirmedAt = now } : listing.Published,
        Guard = listing.Guard is { VerifiedAt: null } guard && listing is { Known.Units: 0, Desired.Paused: true, Published.Paused: true } ? guard with { VerifiedAt = at } : listing.Guard,
    };

    // The channel's word is true. Whether the difference is somebody's edit is another question, which its orders answer.
    static Listing Meet(Listing listing, long units, DateTimeOffset at, bool decrements)
    {
        var suspect = listing.Suspect ?? (listing.Known is { } known && listing.Believed != units ? new Suspect(known.Units - Sold(listing, known.At, at), units, at, decrements ? known.At : at) : null);
        return listing with { Known = new(units, at), Sales = After(listing.Sales, at), Suspect = suspect };
    }

    static Listing Failed(Listing listing, string message, DateTimeOffset now, TimeSpan wait) => listing with
    {
        LastError = new(message.Length > 300 ? message[..300] : message, now, (listing.LastError?.Times ?? 0) + 1), NotBefore = wait > TimeSpan.Zero ? now + wait : null,
    };

    static long Sold(Listing listing, DateTimeOffset after, DateTimeOffset until) => listing.Sales?.Where(sale => sale.PlacedAt > after && sale.PlacedAt <= until).Sum(sale => sale.Units) ?? 0;

    static List<Sale>? After(IReadOnlyList<Sale>? sales, DateTimeOffset at) => sales?.Where(sale => sale.PlacedAt > at).ToList() is { Count: > 0 } left ? left : null;

    // Null: it is there already.
    static List<Sale>? With(IReadOnlyList<Sale>? sales, Sale sale)
    {
        var known = sales?.FirstOrDefault(other => other.Order == sale.Order);
        return (known?.Units ?? 0) == sale.Units ? null : [.. (sales ?? []).Where(other => other.Order != sale.Order), sale];
    }
}
