using Azure.Core;
using Azure.Storage.Blobs;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Channels;
using Selvedge.Orders;
using Selvedge.Platform;

namespace Selvedge.Inbound;

/// <summary>How long the messages of a channel are kept.</summary>
public static class InboundRetention
{
    /// <summary>What came as a file, and what names no channel there is.</summary>
    public const int Otherwise = 90;

    /// <summary>Days: what the channel says, else the setting <c>Inbound:Days</c>, else by surface half as long as its people are (<see cref="Surfaces.PeopleKept"/>);
    /// raw messages hold more of them. 0: nothing is kept.</summary>
    public static int DaysOf(Channel? channel, IConfiguration configuration) =>
        channel?.ArchiveDays ?? configuration.GetValue<int?>("Inbound:Days") ?? (channel is null ? Otherwise : (int)(Surfaces.PeopleKept(Surfaces.Of(channel.Is)).TotalDays / 2));
}

public static class InboundServices
{
    const string Container = "inbound";

    /// <summary>The inbound archive: in Azure Storage where <c>Inbound:Storage</c> is a connection string or an account's blob address (then with the app's identity),
    /// otherwise in the data folder. Needs the channels and the orders.</summary>
    public static IServiceCollection AddInbound(this IServiceCollection services) => services
        .AddSingleton(provider => Open(provider.GetRequiredService<IConfiguration>(), provider))
        .AddSingleton<InboundArchive>()
        .AddSingleton<InboundSearch>()
        .AddSingleton<Func<Rehearsal>>(provider => () => new(provider.GetRequiredService<Store>(), provider.GetRequiredService<IConfiguration>(),
            provider.GetKeyedService<HttpMessageHandler>("cosmos"), provider.GetRequiredService<TimeProvider>()))
        .AddSingleton<InboundReplay>();

    static ArchiveStore Open(IConfiguration configuration, IServiceProvider provider)
    {
        var storage = configuration["Inbound:Storage"] ?? configuration["AzureWebJobsStorage:blobServiceUri"] ?? configuration["AzureWebJobsStorage"];
        if (storage is null && configuration["SELVEDGE_DATA"] is { Length: > 0 } data) return new FolderArchive(Path.Combine(data, "inbound"));
        if (string.IsNullOrEmpty(storage)) throw new InvalidOperationException("The inbound archive has no place: set 'Inbound:Storage' to a storage account's connection string or blob address.");
        if (!storage.StartsWith("https://", StringComparison.OrdinalIgnoreCase)) return new BlobArchive(new BlobContainerClient(storage, Container, BlobArchive.Options));
        var identity = provider.GetService<TokenCredential>() ?? throw new InvalidOperationException("'Inbound:Storage' is an address: register the app's TokenCredential, or use a connection string.");
        return new BlobArchive(new BlobContainerClient(new Uri($"{storage.TrimEnd('/')}/{Container}"), identity, BlobArchive.Options));
    }
}
