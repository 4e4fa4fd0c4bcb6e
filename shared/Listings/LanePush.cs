using System.Globalization;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Exceptions;
using Selvedge.Ledger;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>
/// How numbers reach a channel. What is about to be asked is written first, what came of it after; whoever finds a question without an answer reads back before deciding
/// anything. Where the channel compares before it sets, it is told what is believed; where it takes units off itself and does not compare, a drop is never above what it shows.
/// </summary>
public sealed class LanePush(ListingStore listings, DesiredNumbers desired, Locations locations, LedgerReads reads, InventoryLedger ledger, ExceptionCases exceptions, TimeProvider time)
{
    const int Width = 16, LeastVerified = 200;

    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    /// <summary>One call's worth of what is due of an urgency. False: there was nothing.</summary>
    public async Task<bool> RunAsync(LaneTurn turn, Urgency urgency, CancellationToken cancel)
    {
        var traits = turn.Adapter.Traits;
        var afterOrders = urgency is Urgency.Raise or Urgency.Stale;
        var until = afterOrders && turn.ReadAt < Now ? turn.ReadAt.Value - TimeSpan.FromMilliseconds(1) : Now;
        var readsFirst = urgency is Urgency.Drop && turn.Decrements && !traits.ComparesAndSets;
        var due = await listings.DueAsync(turn.Channel.Id, urgency, until, readsFirst ? Math.Min(traits.MostAtOnce, traits.ReadsAtOnce) : traits.MostAtOnce, cancel);
        if (due.Count == 0) return false;

        // First what the channel shows: where a question has no answer, nothing is known, or it may have sold what we have not heard of.
        var unsure = due.Where(listing => traits.ReadsBack && (readsFirst || listing.Known is null || listing.Asked is { Submission: null })).ToList();
        List<Listing> ready = [.. due.Except(unsure)];
        if (unsure.Count > 0)
            try
            {
                ready.AddRange(await ReadBackAsync(turn, unsure, cancel));
            }
            catch (ChannelCallException limited) when (limited.Failure is CallFailure.Limited && readsFirst)
            {
                // A drop is not kept waiting for a limit on reading: what was sold unheard since the last word is less than what the old number would sell.
                ready.AddRange(unsure.Where(listing => listing is { Known: not null, Asked: not { Submission: null } }));
                if (ready.Count == 0) throw;
            }
        if (afterOrders) ready = await AnewAsync(ready, cancel);
        ready = ready.FindAll(listing => listing is { IsSent: true, Desired: not null } && (!traits.ReadsBack || (listing.Known is not null && listing.Asked is not { Submission: null })) && IsStill(listing, urgency, turn));
        if (ready.Count == 0) return true;

        // Changed meanwhile: it is found again, as it is then.
        var asked = await listings.WriteAllAsync(ready.Select(listing => (ListingTurns.Ask(listing, listing.Desired!.Paused ? 0 : Math.Min(listing.Desired.Units, listing.Raise?.Units ?? long.MaxValue), turn.Run, Now), (IReadOnlyList<Why>)[])), cancel);
        if (asked.Count == 0) return true;
        await SendAsync(turn, urgency, asked);
        return true;
    }

    /// <summary>What was taken and is decided later, what is to be read back, and suspicions that orders may have explained.</summary>
    public async Task<bool> VerifyAsync(LaneTurn turn, CancellationToken cancel)
    {
        var due = await listings.DueAsync(turn.Channel.Id, Urgency.Verify, Now, Math.Max(LeastVerified, turn.Adapter.Traits.ReadsAtOnce), cancel);
        var did = false;
        foreach (var submission in due.Where(listing => listing.Asked?.Submission is not null).GroupBy(listing => listing.Asked!.Submission!, StringComparer.Ordinal).ToList())
        {
            did = true;
            var mine = submission.ToList();
            turn.Calls++;
            var answers = await turn.Adapter.CheckAsync(turn.Account, submission.Key, [.. mine.Select(PushOf)], cancel);
            if (answers is null) await EachAsync(mine, listing => Change(listing, now => now.Asked?.Submission == submission.Key ? ListingTurns.Due(now with { VerifyAt = Now + turn.Adapter.Traits.VisibleAfter }) : now));
            else await RecordAsync(turn, mine, new(answers), null);
        }
        foreach (var listing in due.Where(listing => listing is { Asked: null, VerifyAt: null, Suspect: not null }))
            did |= await JudgeAsync(turn, listing, cancel);
        var read = due.Where(listing => listing is { Asked: null, VerifyAt: not null }).ToList();
        if (read.Count > 0 && turn.Adapter.Traits.ReadsBack) await ReadBackAsync(turn, read, cancel);
        else await EachAsync(read, listing => Change(listing, now => ListingTurns.Due(now with { VerifyAt = null })));
        return did || read.Count > 0;
    }

    /// <summary>Reads what the channel shows for these and answers them as they are then.</summary>
    public async Task<List<Listing>> ReadBackAsync(LaneTurn turn, IReadOnlyList<Listing> which, CancellationToken cancel)
    {
        turn.Calls++;
        var (asOf, left, read) = (Now, which.ToDictionary(listing => listing.Id, StringComparer.Ordinal), new List<Listing>());
        await foreach (var shown in turn.Adapter.ReadAsync(turn.Account, [.. which.Select(listing => listing.Key)], cancel))
        {
            if (shown.Marketplace is { } theirs && which.FirstOrDefault(known => known.Item == shown.Item) is { } held) await HeldThereAsync(turn, held, theirs, cancel);
            if (left.Remove(Listing.IdOf(shown.Place, shown.Item), out var listing) && await MeetAsync(turn, listing, shown, asOf, cancel) is { } written) read.Add(written);
        }
        if (turn.Adapter.Traits.ReadsBack) await MissingAsync(turn, left.Values);
        return read;
    }

    /// <summary>Notes a page of what the channel shows, as of a moment, of whatever listings; answers the ids of those that are ours.</summary>
    public async Task<IReadOnlyCollection<string>> MeetAsync(LaneTurn turn, IReadOnlyList<Shown> page, DateTimeOffset asOf, CancellationToken cancel)
    {
        var ours = await listings.FindAsync(turn.Channel.Id, page.Select(shown => Listing.IdOf(shown.Place, shown.Item)), cancel);
        await EachAsync(page.Where(shown => ours.TryGetValue(Listing.IdOf(shown.Place, shown.Item), out var listing) && listing is { IsSent: true, Desired: not null }).DistinctBy(shown => (shown.Place, shown.Item)), async shown =>
        {
            var listing = ours[Listing.IdOf(shown.Place, shown.Item)];
            if (shown.Marketplace is { } theirs) await HeldThereAsync(turn, listing, theirs, cancel);
            await MeetAsync(turn, listing, shown, asOf, cancel);
        });
        return [.. ours.Keys];
    }

    async Task<Listing?> MeetAsync(LaneTurn turn, Listing listing, Shown shown, DateTimeOffset asOf, CancellationToken cancel)
    {
        var written = await Change(listing, now => ListingTurns.Shown(now.Theirs == shown.Marketplace ? now : ListingTurns.Due(now with { Theirs = shown.Marketplace }), shown.Units, shown.At is { } at && at < asOf ? InstantConverter.Cut(at) : asOf, turn.Adapter.Traits, turn.Decrements, Now));
        // Where the channel takes nothing off itself, another number is somebody's doing.
        return written?.Suspect is not null && !turn.Decrements && await JudgeAsync(turn, written, cancel) ? await listings.FindAsync(written.Channel, written.Id, cancel) ?? written : written;
    }

    /// <summary>The channel does not know these.</summary>
    public Task MissingAsync(LaneTurn turn, IEnumerable<Listing> which) => EachAsync(which, async missing =>
        {
            await Change(missing, now => ListingTurns.PutOff(now, "The channel does not show this item.", Now, turn.Adapter.Traits.RefreshEvery));
            await exceptions.OpenAsync(new ExceptionCase
            {
                Id = Ids.Join(["listing", "missing", missing.Channel, missing.Id]), Kind = "listingMissing", Channel = missing.Channel, Sku = missing.Sku,
                Expected = new($"listing {missing.Place} {missing.Item}", "an item there"), Found = new(missing.Channel, "no such item"),
                Detail = $"{missing.Channel} does not know item '{missing.Item}'{(missing.Place.Length > 0 ? $" at '{missing.Place}'" : "")}, which is mapped to {missing.Sku}. Correct the mapping, or list it there.",
            });
        });

    // What lies in the channel's own warehouse is a location of ours of kind marketplace: its number is what the channel says, and the difference an adjustment.
    async Task HeldThereAsync(LaneTurn turn, Listing listing, long units, CancellationToken cancel)
    {
        string? place = null;
        foreach (var id in turn.Channel.Locations)
            if (place is null && await locations.FindAsync(id, cancel) is { Is: LocationKind.Marketplace }) place = id;
        if (place is null || listing.Parts is not null || listing.Sku.Length == 0) return;
        var known = (await reads.BalanceAsync(listing.Sku, cancel))?.Locations.GetValueOrDefault(place)?.OnHand ?? 0;
        if (known == units) return;
        await ledger.ExecuteAsync(new Count { Sku = listing.Sku, Actor = "channel:" + turn.Channel.Id, Location = place, Counted = units, Reason = $"{turn.Channel.Id} holds {units}", Id = Ids.Join(["held", turn.Channel.Id, listing.Id, InstantConverter.Text(Now)], 200) });
        turn.Done.Count("heldThere");
    }

    async Task SendAsync(LaneTurn turn, Urgency urgency, IReadOnlyList<Listing> asked)
    {
        PushAnswer answer;
        try
        {
            // Not ended by the host's stop: an answer that is on its way is worth more than its time.
            turn.Calls++;
            answer = await turn.Adapter.PushAsync(turn.Account, [.. asked.Select(PushOf)], CancellationToken.None);
        }
        catch (ChannelCallException nothing) when (nothing.Failure is CallFailure.Limited or CallFailure.Refused)
        {
            await EachAsync(asked, listing => Change(listing, now => ListingTurns.NotAsked(now, listing.Asked!)));
            throw;
        }
        catch (Exception unanswered)
        {
            await EachAsync(asked, listing => Change(listing, now => ListingTurns.Unanswered(now, listing.Asked!, unanswered.Message, turn.Adapter.Traits, Now)));
            throw unanswered as ChannelCallException ?? new ChannelCallException(CallFailure.Unanswered, $"{turn.Channel.Is} did not answer: {unanswered.Message}", null, unanswered);
        }
        await RecordAsync(turn, asked, answer, urgency);
    }

    async Task RecordAsync(LaneTurn turn, IReadOnlyList<Listing> asked, PushAnswer answer, Urgency? urgency)
    {
        var said = answer.Items.GroupBy(item => item.Listing, StringComparer.Ordinal).ToDictionary(items => items.Key, items => items.First(), StringComparer.Ordinal);
        var (traits, now) = (turn.Adapter.Traits, Now);
        Listing? After(Listing current, Asked mine) => said.TryGetValue(current.Id, out var item)
            ? ListingTurns.Answered(current, mine, item, answer, traits, now) : ListingTurns.Unanswered(current, mine, "The channel's answer does not name it.", traits, now);
        var told = asked.Select(listing => (Before: listing, Next: After(listing, listing.Asked!))).ToList();
        var written = (await listings.WriteAllAsync(told.Where(one => one.Next is not null && one.Next != one.Before).Select(one => (one.Next!, SentOf(one.Before, one.Next!, one.Before.Asked!))))).Select(listing => listing.Id).ToHashSet(StringComparer.Ordinal);
        await EachAsync(told.Where(one => one.Next is not null && one.Next != one.Before && !written.Contains(one.Before.Id)), one =>
            listings.ChangeAsync(one.Before.Channel, one.Before.Id, current => After(current, one.Before.Asked!), why: (before, after) => SentOf(before, after, one.Before.Asked!)));
        foreach (var listing in asked)
            if (said.TryGetValue(listing.Id, out var item) && item.Result is PushResult.Refused) await RefusedAsync(listing, item);
        foreach (var listing in asked)
            if (said.TryGetValue(listing.Id, out var item)) Measure(turn, listing, item, urgency, now);
    }

    // True where it was judged, or is to be judged later: something was written.
    async Task<bool> JudgeAsync(LaneTurn turn, Listing listing, CancellationToken cancel)
    {
        Suspect? drift = null;
        var after = await listings.ChangeAsync(listing.Channel, listing.Id, current =>
        {
            (current, drift) = ListingTurns.Judge(current, turn.ReadAt, Now, turn.Decrements);
            return current;
        }, known: listing, cancel: cancel);
        if (drift is null) return after?.Suspect != listing.Suspect;
        turn.Done.Count("drift");
        await listings.UpsertAsync(listing.Channel, DesiredNumbers.WhyOf(listing) with
        {
            Id = Why.IdOf(listing.Id, listing.Desired!.Version) + string.Create(CultureInfo.InvariantCulture, $":d{drift.At.ToUnixTimeMilliseconds()}"), Sent = drift.Units, SentAt = drift.At, Drift = true,
            Reason = $"changed at the channel from {drift.Expected} to {drift.Units}",
        }, cancel);
        await exceptions.OpenAsync(new ExceptionCase
        {
            Id = Ids.Join(["listing", "drift", listing.Channel, listing.Id]), Kind = "listingDrift", Channel = listing.Channel, Sku = listing.Sku, Quantity = drift.Units - drift.Expected, Occurrence = InstantConverter.Text(drift.At),
            Expected = new($"listing {listing.Place} {listing.Item}", $"{drift.Expected - (drift.Sales?.Sum(sale => sale.Units) ?? 0)}"), Found = new(listing.Channel, $"{drift.Units}"),
            Detail = $"Somebody or something changed {listing.Sku} on {listing.Channel} to {drift.Units}. The ledger's number is sent again. Change stock here, not there.",
        });
        return true;
    }

    Task RefusedAsync(Listing listing, Pushed item) => exceptions.OpenAsync(new ExceptionCase
    {
        Id = Ids.Join(["listing", "refused", listing.Channel, listing.Id]), Kind = "listingRefused", Channel = listing.Channel, Sku = listing.Sku, Quantity = listing.Asked!.Units, Occurrence = $"v{listing.Asked.Of.Version}",
        Expected = new($"listing {listing.Place} {listing.Item}", $"{listing.Asked.Units}"), Found = new(listing.Channel, item.Error ?? "refused"),
        Detail = $"{listing.Channel} will not take the number of {listing.Sku}: {item.Error ?? "it does not say why"}. Look at the listing there; it is tried again with the next refresh.",
    });

    // Orders that were just read may have lowered it: computed anew before more is shown.
    async Task<List<Listing>> AnewAsync(List<Listing> due, CancellationToken cancel)
    {
        var anew = new List<Listing>();
        await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancel }, async (listing, token) =>
        {
            if (await desired.RecomputeAsync(listing, token) is { } now) lock (anew) anew.Add(now);
        });
        return anew;
    }

    // What was read or computed since may have made it something else: that is found by its own turn.
    static bool IsStill(Listing listing, Urgency urgency, LaneTurn turn)
    {
        if (listing.Next is not { What: var mine }) return false;
        return mine == urgency && (urgency is not Urgency.Stale || listing.StaleAt < turn.ReadAt) && (urgency is not Urgency.Raise || listing.Raise is null || listing.Raise.At < turn.ReadAt) || (urgency is Urgency.Drop && mine is Urgency.Pause);
    }

    static Push PushOf(Listing listing) => new(listing.Key, listing.Asked!.Units, listing.Believed, listing.Asked.Of.Paused, listing.Asked.Key);

    static IReadOnlyList<Why> SentOf(Listing before, Listing after, Asked asked)
    {
        if (after.Published is not { } sent || sent == before.Published) return [];
        var id = Why.IdOf(after.Id, asked.Of.Version);
        // Sent before, and again since it was changed there: both moments are kept.
        if (before.Published?.Version == asked.Of.Version) id += string.Create(CultureInfo.InvariantCulture, $":s{asked.At.ToUnixTimeMilliseconds()}");
        return [new()
        {
            Id = id, Channel = after.Channel, Listing = after.Id, Version = asked.Of.Version, Units = asked.Of.Units, Paused = asked.Of.Paused, Reason = asked.Of.Reason, At = asked.Of.At,
            CommittedAt = asked.Of.CommittedAt, EventAt = asked.Of.EventAt, Sent = asked.Units, SentAt = asked.At, ConfirmedAt = sent.ConfirmedAt,
        }];
    }

    static void Measure(LaneTurn turn, Listing listing, Pushed item, Urgency? urgency, DateTimeOffset now)
    {
        turn.Done.Count(item.Result switch { PushResult.Applied => "applied", PushResult.Queued => "queued", PushResult.Stale => "stale", PushResult.Refused => "itemsRefused", _ => "failed" });
        var asked = listing.Asked!;
        var kind = urgency is Urgency.Raise || (urgency is null or Urgency.Stale && asked.Units > (listing.Known?.Units ?? 0)) ? "raise" : "drop";
        if (urgency is not null && asked.Of.EventAt is { } happened && asked.Of.CommittedAt is { } written) turn.Done.Add(kind + ".eventToCommit", written - happened);
        if (urgency is not null) turn.Done.Add(kind + ".commitToCall", asked.At - (asked.Of.CommittedAt ?? asked.Of.Since));
        if (item.Result is PushResult.Applied) turn.Done.Add(kind + ".callToConfirmed", now - asked.At);
    }

    Task<Listing?> Change(Listing listing, Func<Listing, Listing?> change) => listings.ChangeAsync(listing.Channel, listing.Id, change, known: listing);

    static Task EachAsync<T>(IEnumerable<T> all, Func<T, Task> act) => Parallel.ForEachAsync(all, new ParallelOptions { MaxDegreeOfParallelism = Width }, async (one, _) => await act(one));
}
