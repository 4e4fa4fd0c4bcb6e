using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Logging;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Ledger;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>Says within the process what lanes and guards may be woken for, so that nothing need wait to be found. Whoever listens must not wait.</summary>
public sealed class LaneCalls
{
    /// <summary>Raised after something of this channel became due.</summary>
    public event Action<string>? Called;

    /// <summary>Raised after a listing was paused, or may be resumed: its guard is to be there, and to look.</summary>
    public event Action<GuardRun>? Guarded;

    public void Call(string channel) => Called?.Invoke(channel);
    public void Guard(GuardRun run) => Guarded?.Invoke(run);
}

/// <summary>A guard of a listing: the input of its orchestration.</summary>
public sealed record GuardRun(string Channel, string Listing, int Run)
{
    /// <summary>The orchestration's instance: at most 100 characters.</summary>
    public string Instance() => "g:" + Ids.Join([Channel, Listing], 80) + string.Create(null, $".{Run}");
}

/// <summary>What could not be worked on: document of container <c>deadletters</c>. It is tried again by the sweep.</summary>
public sealed record DeadChange(string Id, string Sku, string Error, DateTimeOffset At, int Attempts);

/// <summary>
/// From a change of stock to the numbers that channels are to show (design, section 5). Nothing here hangs on the order or the number of times that changes are told: the
/// listing is read first, then the balances, and the listing is written only if nobody wrote it since; so what is written last was computed from what was true last.
/// </summary>
public sealed partial class DesiredNumbers(
    Store store, ListingStore listings, ListingRules rules, SalesChannels channels, Locations locations, LedgerReads ledger, OrderStore orders, ChannelAdapters adapters, LaneHealth health, LaneCalls calls, TimeProvider time, ILogger<DesiredNumbers> log)
{
    const int Width = 8;
    static readonly TimeSpan Untold = TimeSpan.FromSeconds(2);

    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    /// <summary>Works on a batch of the change feed of container <c>skus</c>. What no repetition heals is set aside and the rest goes on; a store that is away fails the batch, which then comes again.</summary>
    public async Task HandleAsync(IReadOnlyList<JsonElement> changes, CancellationToken cancel)
    {
        var heard = new Dictionary<string, Heard>(StringComparer.Ordinal);
        foreach (var change in changes)
        {
            if (!change.TryGetProperty("type", out var type) || !(type.ValueEquals("balance") || type.ValueEquals("entry")) || change.GetProperty("sku").GetString() is not { } sku) continue;
            if (!heard.TryGetValue(sku, out var known)) heard[sku] = known = new();
            if (type.ValueEquals("entry")) known.Told.Add(change);
        }
        var all = await listings.OfSkusAsync(heard.Keys, cancel);
        // After the listings: where one was written since, both are read again.
        var balances = all.Count == 0 ? null : await ledger.BalancesAsync(all.SelectMany(listing => listing.Parts?.Select(part => part.Sku) ?? [listing.Sku]), cancel);
        var decided = new ConcurrentBag<(Listing Before, List<Heard> Heard, Listing Next)>();
        await EachAsync(all, async (listing, token) =>
        {
            // A bundle hears of each of its parts.
            var mine = (listing.Parts?.Select(part => part.Sku) ?? [listing.Sku]).Where(heard.ContainsKey).Select(sku => heard[sku]).ToList();
            if (await SightAsync(listing, mine, token) is { } sight && await NextAsync(sight, listing, balances, false, token) is { } next) decided.Add((listing, mine, next));
        }, listing => listing, cancel);
        // A channel's listings are one partition: many in a batch. What somebody wrote meanwhile is read and decided again, by itself.
        var overtaken = new ConcurrentBag<(Listing Before, List<Heard> Heard, Listing Next)>();
        await Parallel.ForEachAsync(decided.GroupBy(one => one.Before.Channel, StringComparer.Ordinal), cancel, async (channel, token) =>
        {
            var mine = channel.ToDictionary(one => one.Next.Id, StringComparer.Ordinal);
            foreach (var written in await TogetherAsync(mine.Values, token))
                if (mine.Remove(written.Id, out var one)) Tell(one.Before, written);
            foreach (var one in mine.Values) overtaken.Add(one);
        });
        await EachAsync(overtaken, async (one, token) =>
        {
            if (await listings.FindAsync(one.Before.Channel, one.Before.Id, token) is { } now) await UpdateAsync(now, one.Heard, token);
        }, one => one.Before, cancel);
    }

    // None: one of them cannot be written at all, which is found by itself.
    async Task<IReadOnlyList<Listing>> TogetherAsync(IReadOnlyCollection<(Listing Before, List<Heard> Heard, Listing Next)> all, CancellationToken cancel)
    {
        try
        {
            return await listings.WriteAllAsync(all.Select(one => (one.Next, WhyIfNew(one.Before, one.Next))), cancel);
        }
        catch (Exception failure) when (!IsPassing(failure))
        {
            return [];
        }
    }

    async Task EachAsync<T>(IReadOnlyCollection<T> all, Func<T, CancellationToken, Task> act, Func<T, Listing> of, CancellationToken cancel) =>
        await Parallel.ForEachAsync(all, new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = cancel }, async (one, token) =>
        {
            try
            {
                await act(one, token);
            }
            catch (Exception failure) when (!IsPassing(failure))
            {
                LogSetAside(failure, of(one).Sku, of(one).Channel);
                await SetAsideAsync(of(one).Sku, failure, token);
            }
        });

    /// <summary>Computes one listing anew.</summary>
    /// <param name="listing">As last read; where it was changed since, it is read again.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <param name="byGuard">A guard asks: only that resumes what is paused.</param>
    public Task<Listing?> RecomputeAsync(Listing listing, CancellationToken cancel, bool byGuard = false) => UpdateAsync(listing, [], cancel, byGuard);

    /// <summary>Computes all listings of a channel anew: its settings were changed.</summary>
    public async Task RecomputeAllAsync(string channel, CancellationToken cancel)
    {
        var failed = new ConcurrentQueue<Exception>();
        await Parallel.ForEachAsync(listings.AllAsync(channel, cancel), new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = cancel }, async (listing, token) =>
        {
            try { await RecomputeAsync(listing, token); }
            catch (Exception later) when (later is not OperationCanceledException) { failed.Enqueue(later); }
        });
        if (failed.TryPeek(out var first)) throw new InvalidOperationException($"{failed.Count} listings of '{channel}' are left for the next run.", first);
    }

    /// <summary>Tries again what was set aside. Answers how many are done.</summary>
    public async Task<int> AgainAsync(CancellationToken cancel)
    {
        var done = 0;
        using var pages = store.DeadLetters.GetItemQueryIterator<DeadChange>("SELECT TOP 100 * FROM c");
        var dead = new List<DeadChange>();
        while (pages.HasMoreResults) dead.AddRange(await pages.ReadNextAsync(cancel));
        foreach (var change in dead)
            try
            {
                foreach (var listing in await listings.OfSkusAsync([change.Sku], cancel)) await RecomputeAsync(listing, cancel);
                await store.DeadLetters.DeleteItemAsync<DeadChange>(change.Id, new PartitionKey(change.Id), cancellationToken: cancel);
                done++;
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                if (!IsPassing(failure)) await store.DeadLetters.UpsertItemAsync(change with { Attempts = change.Attempts + 1, Error = Short(failure) }, new PartitionKey(change.Id), cancellationToken: cancel);
            }
        return done;
    }

    async Task<Listing?> UpdateAsync(Listing listing, List<Heard> heard, CancellationToken cancel, bool byGuard = false)
    {
        if (await SightAsync(listing, heard, cancel) is not { } sight) return listing;
        for (var known = listing; ;)
        {
            if (!known.IsSent || await NextAsync(sight, known, null, byGuard, cancel) is not { } next) return known;
            if (await listings.WriteAsync(next, WhyIfNew(known, next), cancel) is { } written)
            {
                Tell(known, written);
                return written;
            }
            if (await listings.FindAsync(listing.Channel, listing.Id, cancel) is not { } found) return null;
            known = found;
        }
    }

    /// <summary>What is known beside the listing itself: its channel, what was told, and what the channel sold.</summary>
    sealed record Sight(Channel Channel, ChannelAdapter? Adapter, List<Heard> Heard, IReadOnlyList<Sale> Sales);

    async Task<Sight?> SightAsync(Listing listing, List<Heard> heard, CancellationToken cancel)
    {
        if (await channels.FindAsync(listing.Channel, cancel) is not { } channel || !listing.IsSent) return null;
        var adapter = adapters.Find(channel);
        return new(channel, adapter, heard, adapter is not null && channel.Takes(adapter.Traits) ? await SalesAsync(listing, heard, cancel) : []);
    }

    // Null: it is as it is to be.
    async Task<Listing?> NextAsync(Sight sight, Listing before, IReadOnlyDictionary<string, Balance>? balances, bool byGuard, CancellationToken cancel)
    {
        var (places, place) = await PlacesAsync(sight.Channel, before, cancel);
        var parts = await PartsAsync(before, balances, cancel);
        var (known, entries) = (before, sight.Heard.SelectMany(one => one.Entries).ToList());
        foreach (var sale in sight.Sales) known = ListingTurns.Sold(known, sale);
        foreach (var entry in entries.Where(IsFirst).OrderBy(entry => entry.Sequence))
            known = ListingTurns.Paced(known, entry.Sequence, entry.Claims!.Sum(claim => claim.Held), entry.At);
        var latency = await health.LatencyAsync(sight.Channel.Id, cancel) ?? sight.Adapter?.Traits.PollEvery ?? TimeSpan.FromMinutes(1);
        var bounds = await rules.BoundsAsync(known, sight.Channel.Buffer, ListingTurns.DemandOf(known, latency, Now), cancel);
        var number = Availability.Of(sight.Channel.Id, places, place, parts, bounds, known.Desired?.Paused == true, known.Manual);
        var head = entries.MaxBy(entry => entry.At);
        var next = ListingTurns.Decide(known, number, Now, head?.At, head?.EffectiveAt ?? head?.At, byGuard);
        // A listing that is about to be resumed: its guard is told, nothing is written.
        if (known.Guard is { } guard && !number.Paused && !byGuard) calls.Guard(new(known.Channel, known.Id, guard.Run));
        // How it sells matters where it decides something: it is not written for its own sake.
        if (next != before && (bounds.IsAdaptive || next with { Pace = before.Pace } != before)) return next with { UpdatedAt = Now };
        // Written by a run that died before it told anybody.
        if (before.Next is { What: Urgency.Pause or Urgency.Drop } owed && owed.At < Now - Untold) calls.Call(before.Channel);
        return null;
    }

    void Tell(Listing before, Listing written)
    {
        if (written.Due != before.Due && written.Due is not null) calls.Call(written.Channel);
        if (written.Guard is { } begun && begun.Run != before.Guard?.Run) calls.Guard(new(written.Channel, written.Id, begun.Run));
    }

    static IReadOnlyList<Why> WhyIfNew(Listing before, Listing next) => next.Desired is { } wanted && wanted.Version != before.Desired?.Version ? [WhyOf(next)] : [];

    internal static Why WhyOf(Listing listing) => new()
    {
        Id = Why.IdOf(listing.Id, listing.Desired!.Version), Channel = listing.Channel, Listing = listing.Id, Version = listing.Desired.Version, Units = listing.Desired.Units,
        Paused = listing.Desired.Paused, Reason = listing.Desired.Reason, At = listing.Desired.At, CommittedAt = listing.Desired.CommittedAt, EventAt = listing.Desired.EventAt,
    };

    // What this channel sold of the SKU, as its orders say now: told again, it says the same.
    async Task<IReadOnlyList<Sale>> SalesAsync(Listing listing, List<Heard> heard, CancellationToken cancel)
    {
        var sales = new List<Sale>();
        foreach (var id in heard.SelectMany(one => one.Entries).Where(entry => entry.Order is not null && Ids.ChannelOf(entry.Order) == listing.Channel).Select(entry => entry.Order!).Distinct(StringComparer.Ordinal))
        {
            cancel.ThrowIfCancellationRequested();
            if (await orders.ReadAsync(id) is not { Test: false } order) continue;
            var placed = order.PlacedAt ?? order.CreatedAt;
            var (now, was) = (0L, 0L);
            foreach (var line in order.Lines)
                if (line.Sku == listing.Sku) (now, was) = (now + line.Quantity - (order.Cancel is null ? 0 : line.Quantity), was + (line.Ordered ?? line.Quantity));
            // Placed before the last word of the channel and cancelled after it: what the cancel gave back.
            sales.Add(order.Cancel is { } cancelled && placed <= listing.Known?.At && cancelled.At > listing.Known.At ? new(id + ":cancel", -was, cancelled.At) : new(id, now, placed));
        }
        return sales;
    }

    async Task<(IReadOnlyList<string> Places, string? Place)> PlacesAsync(Channel channel, Listing listing, CancellationToken cancel)
    {
        var ours = new List<string>(channel.Locations.Count);
        foreach (var id in channel.Locations)
            if (await locations.FindAsync(id, cancel) is { Is: not LocationKind.Marketplace }) ours.Add(id);
        var place = listing.Place.Length > 0 && channel.PlaceOf(listing.Place) is { } known && ours.Contains(known) ? known : null;
        // A place with stock of its own that is none of ours has none of ours.
        return (place is null && listing.Place.Length > 0 && adapters.Find(channel)?.Traits.PlacesHoldStock == true ? [] : ours, place);
    }

    async Task<IReadOnlyList<(Balance?, long)>> PartsAsync(Listing listing, IReadOnlyDictionary<string, Balance>? read, CancellationToken cancel)
    {
        if (listing.Parts is not { Count: > 0 } parts) return [(read is null ? await ledger.BalanceAsync(listing.Sku, cancel) : read.GetValueOrDefault(listing.Sku), 1)];
        read ??= await ledger.BalancesAsync(parts.Select(part => part.Sku), cancel);
        return [.. parts.Select(part => (read.GetValueOrDefault(part.Sku), part.Units))];
    }

    async Task SetAsideAsync(string sku, Exception failure, CancellationToken cancel) =>
        await store.DeadLetters.UpsertItemAsync(new DeadChange(Ids.Join(["sku", sku]), sku, Short(failure), Now, 1), new PartitionKey(Ids.Join(["sku", sku])), cancellationToken: cancel);

    static bool IsFirst(Entry entry) => entry is { Kind: "setClaim", Claims.Count: > 0 } && entry.Key.EndsWith(":r1", StringComparison.Ordinal);

    static string Short(Exception failure) => failure.GetType().Name + ": " + (failure.Message.Length > 300 ? failure.Message[..300] : failure.Message);

    /// <summary>True where the store, or the way to it, is away: the same again will do.</summary>
    internal static bool IsPassing(Exception failure) => failure switch
    {
        CosmosException cosmos => cosmos.StatusCode.IsPassing(),
        ProblemException problem => problem.Status == 503,
        HttpRequestException or OperationCanceledException or TimeoutException => true,
        AggregateException many => many.InnerExceptions.Any(IsPassing),
        _ => false,
    };

    sealed class Heard
    {
        List<Entry>? entries;
        public List<JsonElement> Told { get; } = [];

        // Most SKUs of a large catalogue are on few channels: only where one has a listing its entries are read.
        public IReadOnlyList<Entry> Entries
        {
            get { lock (Told) return entries ??= [.. Told.Select(entry => entry.Deserialize(LedgerJson.Default.Entry)!)]; }
        }
    }

    [LoggerMessage(EventId = 5001, Level = LogLevel.Error, Message = "The numbers of {Sku} on {Channel} could not be computed; it is set aside and the rest goes on")]
    partial void LogSetAside(Exception failure, string sku, string channel);
}
