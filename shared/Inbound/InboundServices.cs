using Azure.Core;
using Azure.Storage.Blobs;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Platform;

namespace Selvedge.Inbound;

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
        .AddSingleton<InboundReplay>()
        .AddSingleton<InboundRetention>()
        .AddSingleton<InboundErasure>()
        .AddSingleton(provider => new People.PersonalStore("inbound", provider.GetRequiredService<InboundErasure>().EraseAsync));

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
