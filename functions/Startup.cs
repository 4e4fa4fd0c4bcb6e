using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Selvedge.Platform;

namespace Selvedge.Functions;

/// <summary>What must be there before the first request: the containers and an administrator's key. Locally both are made and a person is told
/// what to do next; in Azure, where infrastructure makes the containers, a difference stops the start.</summary>
public sealed class Startup(Store store, ApiKeys keys, IConfiguration configuration, IServiceProvider services, IHostApplicationLifetime lifetime) : IHostedService
{
    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        // Settings that are half there stop the start, not the first person who signs in.
        services.GetRequiredService<EntraTokens>();
        services.GetRequiredService<Selvedge.Picking.Packing>();
        var local = services.GetKeyedService<HttpMessageHandler>("cosmos") is not null;
        if (configuration.GetValue("Cosmos:Create", local)) await store.CreateMissingAsync(cancellationToken);
        else await store.VerifyAsync(cancellationToken);
        if (configuration["SELVEDGE_DATA"] is not { Length: > 0 } folder) return;
        var file = await keys.EnsureAdminAsync(folder);
        if (configuration.GetValue("Banner", true)) lifetime.ApplicationStarted.Register(() => Print(file));
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    void Print(string keyFile)
    {
        var address = services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault() ?? "";
        address = address.Replace("127.0.0.1", "localhost", StringComparison.Ordinal).Replace("[::]", "localhost", StringComparison.Ordinal).Replace("0.0.0.0", "localhost", StringComparison.Ordinal);
        Console.WriteLine($"""

            Selvedge is up.
              API          {address}/api
              Description  {address}/api/openapi.json
              Admin key    {keyFile}

            Try next:
              KEY=$(cat '{keyFile}')
              curl -X PUT {address}/api/locations/WH1 -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d '{"{\"kind\":\"warehouse\",\"name\":\"Main warehouse\",\"priority\":1}"}'
              curl {address}/api/locations -H "Authorization: Bearer $KEY"

            """);
    }
}
