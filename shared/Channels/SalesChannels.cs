using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Catalogue;
using Selvedge.Platform;

namespace Selvedge.Channels;

/// <summary>The sales channels there are, and their secrets, which are read from configuration each time and never kept, shown or logged.</summary>
public sealed class SalesChannels(Store store, Locations locations, IConfiguration configuration, TimeProvider time)
{
    readonly SettingsOf<Channel> settings = new(store, time, "channel");

    public Task<Channel?> FindAsync(string id, CancellationToken cancel = default) => settings.FindAsync(id, cancel: cancel);
    public Task<IReadOnlyList<Channel>> ListAsync(CancellationToken cancel = default) => settings.ListAsync(cancel);

    /// <exception cref="ProblemException">404.</exception>
    public async Task<Channel> GetAsync(string id, CancellationToken cancel = default) =>
        await settings.FindAsync(id, fresh: true, cancel) ?? throw Unknown(id);

    /// <summary>404.</summary>
    public static ProblemException Unknown(string id) => ProblemException.NotFound($"There is no channel '{id}'. PUT api/channels/{{id}} makes one.");

    /// <summary>Creates or changes a channel from a request's body; the same again changes nothing. Says whether it is new.</summary>
    /// <exception cref="ProblemException">400 with JSON pointers; 412 when <paramref name="when"/> does not hold or was changed meanwhile.</exception>
    public async Task<(Channel Channel, bool Created)> PutAsync(string id, RequestFields body, Precondition when, string actor, CancellationToken cancel = default)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (var location in body.TextsOf("locations").Concat(body.TextsWithin("places")))
            if (await locations.FindAsync(location, cancel) is not null) known.Add(location);
        var channel = Channel.Parse(id, body, known.Contains);
        var before = await settings.RequireAsync(id, when, cancel);
        if (channel.SaysTheSameAs(before)) return (before!, false);
        var next = channel with { Version = (before?.Version ?? 0) + 1, UpdatedAt = time.GetUtcNow(), Actor = actor };
        return (await settings.WriteAsync(next, before, cancel), before is null);
    }

    /// <summary>The secrets in force: the new one first, then, during a rotation, the one before. Empty when none is configured.</summary>
    public IReadOnlyList<string> SecretsOf(Channel channel)
    {
        var secrets = new List<string>(2);
        if (Value(channel.Secret) is { } current) secrets.Add(current);
        if (Value(channel.SecretPrevious) is { } previous) secrets.Add(previous);
        return secrets;
    }

    /// <summary>The access token of the channel's API; null when it has none configured.</summary>
    public string? TokenOf(Channel channel) => Value(channel.Api?.Token);

    /// <summary>As the API shows it: names of secrets, and whether there is a value under them.</summary>
    public object View(Channel channel) => new
    {
        channel.Id, Kind = channel.Is, channel.Name, channel.Locations, channel.Shortage,
        channel.Secret, SecretPresent = channel.Secret is null ? (bool?)null : Value(channel.Secret) is not null,
        channel.SecretPrevious, SecretPreviousPresent = channel.SecretPrevious is null ? (bool?)null : Value(channel.SecretPrevious) is not null,
        channel.Places, Api = channel.Api is { } api ? new { api.Shop, api.Version, api.Token, TokenPresent = TokenOf(channel) is not null, api.Callback, api.Settings } : null,
        channel.Currency, channel.Buffer, channel.HoldLimit, channel.HoldDays, channel.Priority, channel.ShipComplete, channel.Decrements, channel.ArchiveDays, channel.Version, channel.UpdatedAt, channel.Actor,
    };

    /// <summary>The account that an adapter speaks to.</summary>
    public ChannelAccount AccountOf(Channel channel, HttpClient http) => new(channel, http, time, Value);

    string? Value(string? name) => name is null || configuration["Secrets:" + name] is not { Length: > 0 } value ? null : value;
}

public static class ChannelServices
{
    /// <summary>The sales channels' configuration, and an adapter for each system. Needs <see cref="CatalogueServices.AddCatalogue"/>.</summary>
    public static IServiceCollection AddChannels(this IServiceCollection services) => services.AddSingleton<SalesChannels>().AddSingleton<Watermarks>().AddSingleton<ChannelAdapters>()
        .AddSingleton<CallBudget>().AddSingleton<ChannelCalls>().AddSingleton<AccessTokens>()
        .AddSingleton<ChannelAdapter, Mirakl.MiraklAdapter>()
        .AddSingleton<Shopify.ShopifyCalls>().AddSingleton<ChannelAdapter, Shopify.ShopifyAdapter>()
        .AddSingleton<ChannelAdapter, Zalando.ZalandoAdapter>()
        .AddSingleton<ChannelAdapter, Iconic.IconicAdapter>()
        .AddSingleton<ChannelAdapter, Amazon.AmazonAdapter>();
}

/// <summary>The adapters there are, by system.</summary>
public sealed class ChannelAdapters(IEnumerable<ChannelAdapter> all)
{
    readonly Dictionary<string, ChannelAdapter> bySystem = all.ToDictionary(adapter => adapter.System, StringComparer.Ordinal);

    /// <summary>The adapter of a channel's system; null: none, or the channel has no API of its own.</summary>
    public ChannelAdapter? Find(Channel channel) => channel.Api is null ? null : bySystem.GetValueOrDefault(channel.Is);
}
