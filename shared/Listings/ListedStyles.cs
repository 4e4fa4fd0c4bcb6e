using System.Net;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.Logging;
using Selvedge.Catalogue;
using Selvedge.Channels;
using Selvedge.Platform;

namespace Selvedge.Listings;

/// <summary>
/// Which styles a channel is to list: what people say of them, and how a change in the product master becomes work for the channel's lane (<see cref="LaneProducts"/>). Every change is written by ETag. What the
/// change feed of container <c>styles</c> should lose is found by the sweep, which compares some hundred of a channel's styles each minute, and all of them when the channel's settings changed.
/// </summary>
public sealed partial class ListedStyles(Store store, ListingStore listings, ProductCatalogue catalogue, SalesChannels channels, ChannelAdapters adapters, LaneCalls calls, TimeProvider time, ILogger<ListedStyles> log)
{
    const int Tries = 20, Width = 8, Swept = 200;

    DateTimeOffset Now => InstantConverter.Cut(time.GetUtcNow());

    /// <summary>How far the sweep of a channel is.</summary>
    sealed record Sweep(string Channel, string? From, string? Settings)
    {
        public const string DocumentId = "~products";
        public string Id { get; init; } = DocumentId;
        public string Type { get; init; } = "sweep";
    }

    /// <summary>Wants a style listed; the same again changes nothing, unless it was refused or stopped: then it is sent anew.</summary>
    /// <param name="channel">Where.</param>
    /// <param name="style">Its id.</param>
    /// <param name="externalId">The channel's id of a product that is there already and is to become this; null: it is found or made.</param>
    /// <param name="actor">Who.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <exception cref="ProblemException">404 no such style; 409 <c>no-products</c>: the channel's system takes no product data from us.</exception>
    public async Task<(ListedStyle Listed, bool Created, bool Changed)> PutAsync(Channel channel, string style, string? externalId, string actor, CancellationToken cancel)
    {
        Require(channel);
        var now = await catalogue.GetStyleOnlyAsync(style, cancel);
        var stamp = ListedStyle.StampOf(now.Version, now.Writing, channel);
        for (var tries = 0; tries < Tries; tries++)
        {
            var before = await FindAsync(channel.Id, style, cancel);
            var next = ListedStyle.Asked(before, channel.Id, style, stamp, externalId, actor, Now);
            if (before is not null && next == before) return (before, false, false);
            if (await WriteAsync(next, cancel) is not { } written) continue;
            calls.Call(channel.Id);
            return (written, before is null, true);
        }
        throw Busy(channel.Id, style);
    }

    /// <exception cref="ProblemException">409 <c>no-products</c>: the channel's system takes no product data from us.</exception>
    public void Require(Channel channel)
    {
        if (adapters.Find(channel) is not { Traits.Publishes: true })
            throw ProblemException.Conflict("no-products", "The channel takes no product data", $"Channel '{channel.Id}' has no 'api', or product data is not sent to '{channel.Is}'. List the style there, and map its items (POST api/listings/{channel.Id}/import).");
    }

    /// <summary>Wants a style listed no longer: nothing of it is deleted there, its listings are paused by the channel's lane. Null: it was never listed.</summary>
    public async Task<(ListedStyle Listed, bool Changed)?> StopAsync(Channel channel, string style, string actor, CancellationToken cancel)
    {
        var changed = false;
        var written = await ChangeAsync(channel.Id, style, known =>
        {
            changed = !known.Ended;
            return ListedStyle.Stopped(known, actor, Now);
        }, cancel: cancel);
        return written is null ? null : (written, changed);
    }

    public async Task<bool> IsStyleAsync(string id, CancellationToken cancel)
    {
        try
        {
            await catalogue.GetStyleOnlyAsync(id, cancel);
            return true;
        }
        catch (ProblemException unknown) when (unknown.Status == 404) { return false; }
    }

    /// <summary>The document as it is after <paramref name="change"/>, which answers the same where nothing is to be changed. Null: there is none.</summary>
    public async Task<ListedStyle?> ChangeAsync(string channel, string style, Func<ListedStyle, ListedStyle> change, ListedStyle? known = null, CancellationToken cancel = default)
    {
        for (var tries = 0; tries < Tries; tries++)
        {
            if ((known ?? await FindAsync(channel, style, cancel)) is not { } found) return null;
            known = null;
            var next = change(found);
            if (ReferenceEquals(next, found) || next == found) return found;
            if (await WriteAsync(next, cancel) is not { } written) continue;
            if (written.Due is not null && written.Due != found.Due) calls.Call(channel);
            return written;
        }
        throw Busy(channel, style);
    }

    public Task<ListedStyle?> FindAsync(string channel, string style, CancellationToken cancel = default) => listings.ReadAsync<ListedStyle>(channel, ListedStyle.IdOf(style), cancel);

    /// <summary>A page of a channel's styles.</summary>
    public Task<Page<ListedStyle>> ListAsync(string channel, int limit, string? continuation) => store.Listings.PageAsync(
        new QueryDefinition("SELECT * FROM c WHERE c.id >= @from AND c.id < @to").WithParameter("@from", ListedStyle.Prefix).WithParameter("@to", "~p;"), limit, continuation, new PartitionKey(channel), item => item.Deserialize<ListedStyle>(Json.Options)!);

    /// <summary>What is to be done first, whenever that is; null: nothing is.</summary>
    public async Task<ListedStyle?> NextAsync(string channel, CancellationToken cancel)
    {
        var (from, to) = ListedStyle.DueRange(channel);
        using var pages = store.Listings.GetItemQueryIterator<ListedStyle>(new QueryDefinition("SELECT TOP 1 * FROM c WHERE c.due >= @from AND c.due < @to ORDER BY c.due").WithParameter("@from", from).WithParameter("@to", to));
        while (pages.HasMoreResults)
            foreach (var first in await pages.ReadNextAsync(cancel)) return first;
        return null;
    }

    /// <summary>Works on a batch of the change feed of container <c>styles</c>: what is listed of them becomes due in each channel.</summary>
    public async Task HandleAsync(IReadOnlyList<JsonElement> changes, CancellationToken cancel)
    {
        var publishing = (await channels.ListAsync(cancel)).Where(channel => adapters.Find(channel) is { Traits.Publishes: true }).ToList();
        if (publishing.Count == 0) return;
        // One whose products are still being written is told again when they are.
        var styles = changes.Where(style => !(style.TryGetProperty("writing", out var writing) && writing.ValueKind is JsonValueKind.True))
            .Select(style => (Id: style.GetProperty("id").GetString()!, Version: style.TryGetProperty("version", out var version) ? version.GetInt64() : 0)).ToList();
        await Parallel.ForEachAsync(styles.SelectMany(style => publishing.Select(channel => (style, channel))), new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = cancel }, async (one, token) =>
        {
            try
            {
                await ChangeAsync(one.channel.Id, one.style.Id, known => ListedStyle.Changed(known, ListedStyle.StampOf(one.style.Version, false, one.channel), Now), cancel: token);
            }
            catch (Exception failure) when (!DesiredNumbers.IsPassing(failure))
            {
                LogLeft(failure, one.style.Id, one.channel.Id);
            }
        });
    }

    /// <summary>Compares some of a channel's styles with the product master; all of them where the channel's settings are others than the last time.</summary>
    public async Task AlignAsync(Channel channel, CancellationToken cancel)
    {
        if (adapters.Find(channel) is not { Traits.Publishes: true }) return;
        var known = await listings.ReadAsync<Sweep>(channel.Id, Sweep.DocumentId, cancel) ?? new(channel.Id, null, null);
        var settings = ListedStyle.SettingsOf(channel);
        var (all, from) = (known.Settings != settings, known.Settings == settings ? known.From : null);
        do
        {
            var page = new List<ListedStyle>();
            var query = new QueryDefinition($"SELECT TOP {Swept} * FROM c WHERE c.id > @after AND c.id < @to ORDER BY c.id").WithParameter("@after", from ?? ListedStyle.Prefix).WithParameter("@to", "~p;");
            using (var pages = store.Listings.GetItemQueryIterator<ListedStyle>(query, requestOptions: new() { PartitionKey = new(channel.Id) }))
                while (pages.HasMoreResults) page.AddRange(await pages.ReadNextAsync(cancel));
            await Parallel.ForEachAsync(page.Where(listed => !listed.Ended), new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = cancel }, async (listed, token) =>
            {
                Style style;
                try { style = await catalogue.GetStyleOnlyAsync(listed.Style, token); }
                catch (ProblemException gone) when (gone.Status == 404) { return; }
                if (!style.Writing) await ChangeAsync(channel.Id, listed.Style, now => ListedStyle.Changed(now, ListedStyle.StampOf(style.Version, false, channel), Now), listed, token);
            });
            from = page.Count == Swept ? page[^1].Id : null;
        }
        while (all && from is not null);
        if (known.From != from || all) await listings.UpsertAsync(channel.Id, new Sweep(channel.Id, from, settings), cancel);
    }

    // Null: it was changed meanwhile, or is there already.
    async Task<ListedStyle?> WriteAsync(ListedStyle next, CancellationToken cancel)
    {
        var partition = new PartitionKey(next.Channel);
        using var body = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(next with { ETag = null }, Json.Options));
        using var response = next.ETag is { } etag ? await store.Listings.ReplaceItemStreamAsync(body, next.Id, partition, new() { IfMatchEtag = etag, EnableContentResponseOnWrite = false }, cancel)
            : await store.Listings.CreateItemStreamAsync(body, partition, new() { EnableContentResponseOnWrite = false }, cancel);
        if (response.IsSuccessStatusCode) return next with { ETag = response.Headers.ETag };
        return response.StatusCode is HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict or HttpStatusCode.NotFound ? null
            : throw new CosmosException($"Style '{next.Style}' of '{next.Channel}' was not written: {response.ErrorMessage}", response.StatusCode, 0, response.Headers.ActivityId, response.Headers.RequestCharge);
    }

    static ProblemException Busy(string channel, string style) => ProblemException.Busy($"Style '{style}' of '{channel}' is being changed by others.");

    [LoggerMessage(EventId = 5061, Level = LogLevel.Error, Message = "Style {Style} on {Channel} was not looked at after it changed; the sweep does")]
    partial void LogLeft(Exception failure, string style, string channel);
}
